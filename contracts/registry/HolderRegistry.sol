// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {PariContract} from "../access/PariContract.sol";
import {Roles} from "../access/Roles.sol";
import {Typed} from "../access/Typed.sol";
import {IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {HolderRecord, IHolderRegistry} from "../interfaces/IHolderRegistry.sol";
import {IInstanceRegistry} from "../interfaces/IInstanceRegistry.sol";
import {IPolicyEpoch} from "../interfaces/IPolicyEpoch.sol";

/// @notice One account to register.
/// @param account the account
/// @param holder commitment to the holder, with its last 8 bytes zero
/// @param country ISO 3166-1 numeric
/// @param investorClass class of investor
/// @param expiry last second of validity; 0 for never
/// @param servicer account servicer; zero where the holder serves itself
/// @param additional whether the holder has another account, whose holding cap this one shares
/// @param proof signature of `keyControlDigest(account, holder)` by the account
struct Onboarding {
    address account;
    bytes32 holder;
    uint16 country;
    uint8 investorClass;
    uint32 expiry;
    address servicer;
    bool additional;
    bytes proof;
}

/// @title Register of onboarded accounts
/// @notice One per chain: an account is onboarded once for all securities (CTL-4). An account is
/// bound to a holder by proof that the holder has its key; the binding can be moved to another key
/// and revoked, and every past one stays readable (UBO-10). The holder is a commitment: nothing
/// personal is here (UBO-5).
/// @dev Not behind a proxy: each first receipt of a security reads it, and a proxy costs 4,900 gas
/// more. Contracts that cache verdicts subscribe: whatever can make a verdict worse raises the epoch
/// and tells them in the same call, so that it counts on every security from the next transaction
/// on, at a cost that does not grow with their number.
///
/// What is ordered against a holder, and not against one account, hangs on the commitment: it holds
/// for every account of the holder, onboarded before or after, and goes to all other ledgers (CTL-8).
/// The registry is its own application of the gateway, of purpose 5: what an order comes to is the
/// registry's to say, so that there is nothing between the two that could be changed.
contract HolderRegistry is PariContract, Typed, IHolderRegistry, IERC7786Recipient {
    /// @notice An account was onboarded, or its record changed.
    /// @param word the record as `wordOf` gives it
    event HolderOnboarded(address indexed account, bytes32 indexed holder, uint256 word, address servicer);

    /// @notice An account was suspended or reinstated.
    event HolderStatusChanged(address indexed account, bool active, bytes32 reason);

    /// @notice An account was sanctioned, or its sanction was lifted.
    event HolderSanctioned(address indexed account, bool sanctioned, bytes32 reason);

    /// @notice `to` took the place of `from`, with its record as it stood.
    /// @param actId approved act of a recovery; 0 for a rotation that both keys agreed to
    event HolderSuperseded(
        address indexed from,
        address indexed to,
        bytes32 indexed holder,
        bytes32 reason,
        bytes32 actId
    );

    /// @notice Something was ordered against a holder, or lifted, here or on another ledger.
    /// @param scope 0 a sanction, 1 a suspension, otherwise the security in which the holder is frozen
    /// @param origin number of the ledger that ordered it
    /// @param count orders and releases of this by `origin` so far: it stands where the number is odd
    event HolderOrdered(
        bytes32 indexed holder,
        bytes32 indexed scope,
        uint256 indexed origin,
        uint64 count,
        bytes32 reason
    );

    /// @notice The lane to a ledger is closed: the order must be said again once it is open.
    event OrderNotSent(bytes32 indexed holder, bytes32 indexed scope, uint256 ledger);

    /// @notice No verdict given before counts any more.
    event PolicyEpochChanged(uint32 epoch);

    /// @notice A contract that caches verdicts is told of the epoch from now on.
    event SubscriberAdded(address indexed subscriber);

    /// @notice A contract is told of the epoch no more.
    /// @param answered false where it did not take over that nothing cached counts
    event SubscriberRemoved(address indexed subscriber, bool answered);

    /// @notice The account belongs to another holder; a change of owner is no re-onboarding.
    error HolderConflict(address account, bytes32 known, bytes32 given);

    /// @notice The account was never onboarded.
    error HolderUnknown(address account);

    /// @notice Another account took this one's place.
    error Superseded(address account, address successor);

    /// @notice The account is taken: only one that was never onboarded can take another's place.
    error AccountTaken(address account);

    /// @notice Holder commitment, account or country is missing.
    error IncompleteRecord(address account);

    /// @notice The last 8 bytes of a holder commitment are zero.
    error CommitmentTooLong(bytes32 holder);

    /// @notice The account's key did not sign what it has to.
    error KeyNotProven(address account);

    /// @notice A privileged act states its reason.
    error ReasonMissing();

    /// @notice There are 8 subscribers.
    error TooManySubscribers();

    /// @notice The contract is a subscriber already.
    error AlreadySubscribed(address subscriber);

    /// @notice There is no contract at the address.
    error NoContract(address subscriber);

    /// @notice The contract is no subscriber.
    error NotSubscribed(address subscriber);

    /// @notice Too little gas is left to hear whether a subscriber answers.
    error TooLittleGas();

    /// @notice No such thing was ever ordered against the holder on this ledger; another one's order
    /// is lifted there.
    error NothingOrdered(bytes32 holder, bytes32 scope);

    /// @notice No token of this security is trusted here.
    error SecurityUnknown(bytes32 securityId);

    /// @notice The caller is not the gateway.
    error NotGateway(address caller);

    uint256 private constant KNOWN = 1 << 24;
    uint256 private constant ACTIVE = 1 << 25;
    uint256 private constant SANCTIONED = 1 << 26;
    uint256 private constant ADDITIONAL = 1 << 27;
    uint256 private constant SERVICED = 1 << 28;
    uint256 private constant SUPERSEDED = 1 << 29;
    uint256 private constant FROZEN = 1 << 30;

    /// @dev What verdicts hang on beside the status: country, class, additional.
    uint256 private constant RULED = 0xffffff | ADDITIONAL;

    uint256 private constant MAX_SUBSCRIBERS = 8;
    uint256 private constant MAX_STEPS = 32;
    uint256 private constant SYNC_GAS = 100_000;

    uint8 private constant ORDER = 5;
    bytes32 private constant SANCTION = 0;
    bytes32 private constant SUSPENSION = bytes32(uint256(1));

    /// @dev Tells subscribers, beside the epoch, that orders stand.
    uint32 private constant ORDERED = 1 << 31;

    bytes32 private constant KEY_CONTROL_TYPEHASH = keccak256("KeyControl(address account,bytes32 holder)");
    bytes32 private constant KEY_ROTATION_TYPEHASH = keccak256("KeyRotation(address from,address to)");

    /// @dev `word` is what the rules read; most accounts need no more.
    struct Entry {
        uint256 word;
        address servicer;
        address successor;
        uint40 supersededAt;
    }

    /// @dev What is ordered against a holder. `inForce` counts, in 64 bits each from the lowest, the
    /// ledgers whose sanction, suspension and freezes stand.
    struct Orders {
        uint256 inForce;
        mapping(bytes32 securityId => uint256) freezes;
        mapping(bytes32 scope => mapping(uint256 origin => uint256)) counts;
    }

    /// @custom:storage-location erc7201:paripassu.storage.HolderRegistry
    struct HolderRegistryStorage {
        mapping(address account => Entry) entries;
        uint32 epoch;
        uint64 ordersInForce;
        address[] subscribers;
        mapping(bytes32 holder => Orders) orders;
        mapping(address token => bytes32) securityOf;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.HolderRegistry")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0xbd7e9c8b40fd79f10a6666f85e290680bc153f39c5e96f7305477a85b5c69900;

    function _s() private pure returns (HolderRegistryStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    IGateway private immutable GATEWAY;
    IInstanceRegistry private immutable INSTANCE_REGISTRY;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param gateway_ carries orders between ledgers
    /// @param instanceRegistry_ says which ledgers there are, and where a security is
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address gateway_,
        address instanceRegistry_
    ) PariContract(authority_, approvals_, kernel_) {
        if (gateway_ == address(0) || instanceRegistry_ == address(0)) revert ZeroAddress();
        GATEWAY = IGateway(gateway_);
        INSTANCE_REGISTRY = IInstanceRegistry(instanceRegistry_);
        _s().epoch = 1;
    }

    // ------------------------------------------------------------------ onboarding

    /// @notice Register an account, or update its record. Neither suspension nor sanction is lifted
    /// by an update. The same again changes nothing.
    /// @param account the account
    /// @param holder commitment to the holder, with its last 8 bytes zero; never another one's
    /// @param country ISO 3166-1 numeric
    /// @param investorClass class of investor
    /// @param expiry last second of validity; 0 for never
    /// @param servicer account servicer; zero where the holder serves itself
    /// @param additional whether the holder has another account, whose holding cap this one shares
    /// @param proof signature of `keyControlDigest(account, holder)` by the account's key, or what its
    /// contract takes for one (ERC-1271); empty for an update, or where the account is the caller
    /// @custom:access-control REGISTRAR
    function onboard(
        address account,
        bytes32 holder,
        uint16 country,
        uint8 investorClass,
        uint32 expiry,
        address servicer,
        bool additional,
        bytes calldata proof
    ) external onlyRole(Roles.REGISTRAR) {
        uint256 word = _pack(country, investorClass, expiry, servicer, additional);
        if (_onboard(account, holder, word, servicer, proof)) _raiseEpoch();
    }

    /// @notice Register accounts, or update their records, all or none.
    /// @custom:access-control REGISTRAR
    function onboardBatch(Onboarding[] calldata onboardings) external onlyRole(Roles.REGISTRAR) {
        bool worse = false;
        for (uint256 i = 0; i < onboardings.length; ++i) {
            Onboarding calldata o = onboardings[i];
            uint256 word = _pack(o.country, o.investorClass, o.expiry, o.servicer, o.additional);
            if (_onboard(o.account, o.holder, word, o.servicer, o.proof)) worse = true;
        }
        if (worse) _raiseEpoch();
    }

    // ------------------------------------------------------------------ status

    /// @notice Suspend or reinstate an account: a binding is revoked by its suspension. Saying the
    /// same twice changes nothing.
    /// @param account the account
    /// @param active false to suspend
    /// @param reason why, as the registrar's files know it; not zero
    /// @custom:access-control REGISTRAR
    function setStatus(address account, bool active, bytes32 reason) external onlyRole(Roles.REGISTRAR) {
        if (!_setFlag(account, ACTIVE, active, reason)) return;
        emit HolderStatusChanged(account, active, reason);
        if (!active) _raiseEpoch();
    }

    /// @notice Sanction an account, or lift its sanction. Saying the same twice changes nothing.
    /// @param account the account
    /// @param sanctioned true to sanction
    /// @param reason why, as the regulator's files know it; not zero
    /// @custom:access-control REGULATOR
    function setSanctioned(address account, bool sanctioned, bytes32 reason) external onlyRole(Roles.REGULATOR) {
        if (!_setFlag(account, SANCTIONED, sanctioned, reason)) return;
        emit HolderSanctioned(account, sanctioned, reason);
        if (sanctioned) _raiseEpoch();
    }

    // ------------------------------------------------------------------ orders on all ledgers

    /// @notice Order something against a holder on all ledgers, here at once, or lift what was ordered
    /// here. Saying the same again sends it again, for ledgers that joined or whose lane was closed: that
    /// of one shall not keep an order from the others.
    /// @param holder commitment to the holder
    /// @param scope 0 a sanction, 1 a suspension, otherwise the security in which the holder is frozen
    /// @param on false to lift it
    /// @param reason why; not zero
    /// @custom:access-control REGULATOR for a sanction, REGISTRAR for a suspension, FREEZER for a freeze
    function order(bytes32 holder, bytes32 scope, bool on, bytes32 reason) external {
        _checkRole(scope == SANCTION ? Roles.REGULATOR : scope == SUSPENSION ? Roles.REGISTRAR : Roles.FREEZER);
        if (reason == 0) revert ReasonMissing();
        if (holder == 0 || uint64(uint256(holder)) != 0) revert CommitmentTooLong(holder);
        uint256 count = orderCount(holder, scope, block.chainid);
        unchecked {
            if ((count & 1 != 0) != on) ++count;
        }
        if (count == 0) revert NothingOrdered(holder, scope);
        _take(holder, scope, block.chainid, count, reason);
        uint256[] memory ledgers = INSTANCE_REGISTRY.ledgersOf(scope == SUSPENSION ? bytes32(0) : scope);
        bytes memory payload = abi.encode(holder, scope, count, reason);
        for (uint256 i = 0; i < ledgers.length; ++i) {
            if (ledgers[i] == block.chainid) continue;
            // the message's identifier is in the gateway's event
            // slither-disable-next-line unused-return
            try GATEWAY.dispatch(ledgers[i], ORDER, 0, payload) {} catch {
                emit OrderNotSent(holder, scope, ledgers[i]);
            }
        }
    }

    /// @inheritdoc IERC7786Recipient
    /// @dev Lanes are ordered, but a message may have been parked: the count tells which is the later.
    /// @custom:access-control the gateway
    function receiveMessage(bytes32, bytes calldata, bytes calldata payload) external payable returns (bytes4) {
        if (msg.sender != address(GATEWAY)) revert NotGateway(msg.sender);
        // as `order` of the counterpart wrote it, four words; behind the call's data the gateway's source and time
        uint256 from;
        bytes32 holder;
        bytes32 scope;
        uint256 count;
        bytes32 reason;
        assembly {
            holder := calldataload(payload.offset)
            scope := calldataload(add(payload.offset, 32))
            count := calldataload(add(payload.offset, 64))
            reason := calldataload(add(payload.offset, 96))
            from := calldataload(sub(calldatasize(), 64))
        }
        _take(holder, scope, from, count, reason);
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @notice Orders and releases by a ledger so far: its order stands where the number is odd.
    /// @param holder commitment to the holder
    /// @param scope 0 a sanction, 1 a suspension, otherwise the security
    /// @param origin number of the ledger
    function orderCount(bytes32 holder, bytes32 scope, uint256 origin) public view returns (uint256) {
        return _s().orders[holder].counts[scope][origin];
    }

    // ------------------------------------------------------------------ keys

    /// @notice Move a holder's record to another key, by agreement of both keys (UBO-10). Suspension
    /// and sanction move with it. `from` stays readable, and is good for nothing any more.
    /// @param from the account
    /// @param to the account that takes its place; never onboarded before
    /// @param reason why, as the registrar's files know it; not zero
    /// @param proofFrom signature of `keyRotationDigest(from, to)` by the key of `from`
    /// @param proofTo signature of `keyControlDigest(to, holder)` by the key of `to`
    /// @custom:access-control REGISTRAR
    function rotate(
        address from,
        address to,
        bytes32 reason,
        bytes calldata proofFrom,
        bytes calldata proofTo
    ) external onlyRole(Roles.REGISTRAR) {
        _checkProof(from, keyRotationDigest(from, to), proofFrom);
        _supersede(from, to, reason, proofTo, 0);
    }

    /// @notice Move a holder's record to another key where its key is lost or stolen. Otherwise as
    /// `rotate`.
    /// @param lost the account
    /// @param to the account that takes its place; never onboarded before
    /// @param reason why; not zero
    /// @param proofTo signature of `keyControlDigest(to, holder)` by the key of `to`
    /// @custom:access-control approved act
    function recover(address lost, address to, bytes32 reason, bytes calldata proofTo) external onlyApproved {
        // the act's id follows what the ABI knows of
        _supersede(lost, to, reason, proofTo, bytes32(msg.data[msg.data.length - 32:]));
    }

    /// @notice What an account's key signs to show that it is the holder's (EIP-712).
    function keyControlDigest(address account, bytes32 holder) public view returns (bytes32) {
        return _digestOf(keccak256(abi.encode(KEY_CONTROL_TYPEHASH, account, holder)));
    }

    /// @notice What an account's key signs to let another one take its place (EIP-712).
    function keyRotationDigest(address from, address to) public view returns (bytes32) {
        return _digestOf(keccak256(abi.encode(KEY_ROTATION_TYPEHASH, from, to)));
    }

    // ------------------------------------------------------------------ subscribers

    /// @notice Tell a contract that caches verdicts of the epoch, now and whenever it changes.
    /// @param subscriber code of security tokens, one for all that run it; 8 at most
    /// @custom:access-control TOKENIZER
    function addSubscriber(address subscriber) external onlyRole(Roles.TOKENIZER) {
        if (subscriber.code.length == 0) revert NoContract(subscriber);
        HolderRegistryStorage storage $ = _s();
        uint256 count = $.subscribers.length;
        if (count == MAX_SUBSCRIBERS) revert TooManySubscribers();
        for (uint256 i = 0; i < count; ++i) {
            if ($.subscribers[i] == subscriber) revert AlreadySubscribed(subscriber);
        }
        $.subscribers.push(subscriber);
        emit SubscriberAdded(subscriber);
        IPolicyEpoch(subscriber).syncPolicyEpoch(_told($));
    }

    /// @notice Tell a contract that nothing cached counts, and nothing more after that.
    /// @dev One that does not answer is removed all the same: it would stop every suspension. It is
    /// given gas enough, so that the caller cannot make it seem so.
    /// @custom:access-control TOKENIZER
    function removeSubscriber(address subscriber) external onlyRole(Roles.TOKENIZER) {
        address[] storage subscribers_ = _s().subscribers;
        uint256 count = subscribers_.length;
        uint256 at = 0;
        while (at < count && subscribers_[at] != subscriber) ++at;
        if (at == count) revert NotSubscribed(subscriber);
        subscribers_[at] = subscribers_[count - 1];
        subscribers_.pop();
        if (gasleft() < 2 * SYNC_GAS) revert TooLittleGas();
        bool answered = false;
        try IPolicyEpoch(subscriber).syncPolicyEpoch{gas: SYNC_GAS}(0) {
            answered = true;
        } catch {}
        emit SubscriberRemoved(subscriber, answered);
    }

    /// @notice Contracts that are told of the epoch.
    function subscribers() external view returns (address[] memory) {
        return _s().subscribers;
    }

    /// @inheritdoc IHolderRegistry
    function epoch() external view returns (uint32) {
        return _s().epoch;
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IHolderRegistry
    /// @dev `_s().entries[account].word`, for each first receipt: `entries` begins the storage.
    function wordAsRecorded(address account) external view returns (uint256) {
        assembly ("memory-safe") {
            mstore(0, account)
            mstore(32, STORAGE)
            mstore(0, sload(keccak256(0, 64)))
            return(0, 32)
        }
    }

    /// @inheritdoc IHolderRegistry
    function wordOf(address account) public view returns (uint256 word) {
        HolderRegistryStorage storage $ = _s();
        word = $.entries[account].word;
        Orders storage orders = $.orders[_holder(word)];
        uint256 inForce = orders.inForce;
        if (inForce == 0) return word;
        if (uint64(inForce) != 0) word |= SANCTIONED;
        if (uint64(inForce >> 64) != 0) word &= ~ACTIVE;
        if (orders.freezes[$.securityOf[msg.sender]] != 0) word |= FROZEN;
    }

    /// @inheritdoc IHolderRegistry
    function recordOf(address account) external view returns (HolderRecord memory) {
        uint256 word = wordOf(account);
        return HolderRecord({
            holder: _holder(word),
            country: uint16(word),
            investorClass: uint8(word >> 16),
            active: word & ACTIVE != 0,
            expiry: uint32(word >> 32),
            servicer: _s().entries[account].servicer,
            sanctioned: word & SANCTIONED != 0,
            additional: word & ADDITIONAL != 0,
            superseded: word & SUPERSEDED != 0
        });
    }

    /// @inheritdoc IHolderRegistry
    /// @dev A superseded account keeps its servicer: entitlements of earlier record times are its.
    function servicerOf(address account) external view returns (address) {
        return _s().entries[account].servicer;
    }

    /// @inheritdoc IHolderRegistry
    function successorOf(address account) external view returns (address successor, uint40 at) {
        Entry storage entry = _s().entries[account];
        return (entry.successor, entry.supersededAt);
    }

    /// @inheritdoc IHolderRegistry
    function currentOf(address account) external view returns (address) {
        for (uint256 i = 0; i < MAX_STEPS; ++i) {
            address next = _s().entries[account].successor;
            if (next == address(0)) break;
            account = next;
        }
        return account;
    }

    /// @notice ERC-3643: whether the account is registered; not, once another took its place.
    function contains(address account) external view returns (bool) {
        return _s().entries[account].word & (KNOWN | SUPERSEDED) == KNOWN;
    }

    /// @notice ERC-3643: whether the account is registered, not suspended, expired or sanctioned.
    function isVerified(address account) external view returns (bool) {
        uint256 word = wordOf(account);
        uint256 expiry = uint32(word >> 32);
        return word & (KNOWN | ACTIVE | SANCTIONED | SUPERSEDED) == KNOWN | ACTIVE
            && (expiry == 0 || block.timestamp <= expiry);
    }

    /// @notice ERC-3643: ISO 3166-1 numeric code of the holder's country.
    function investorCountry(address account) external view returns (uint16) {
        return uint16(_s().entries[account].word);
    }

    /// @notice ERC-3643: no contract stands for the holder's identity here, only a commitment.
    function identity(address) external pure returns (address) {
        return address(0);
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IHolderRegistry).interfaceId || interfaceId == type(IERC5267).interfaceId
            || interfaceId == type(IERC7786Recipient).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    /// @notice ERC-165 identifier of what this contract offers to other contracts.
    function mainInterface() external pure returns (bytes4) {
        return type(IHolderRegistry).interfaceId;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice HolderRegistry
    function contractName() public pure override returns (string memory) {
        return "HolderRegistry";
    }

    // ------------------------------------------------------------------ parts

    /// @dev A record without holder and status.
    function _pack(
        uint16 country,
        uint8 investorClass,
        uint32 expiry,
        address servicer,
        bool additional
    ) private pure returns (uint256 word) {
        word = uint256(country) | (uint256(investorClass) << 16) | (uint256(expiry) << 32) | KNOWN;
        if (servicer != address(0)) word |= SERVICED;
        if (additional) word |= ADDITIONAL;
    }

    /// @dev Write a record. True when the verdict on the account may be worse than before.
    function _onboard(
        address account,
        bytes32 holder,
        uint256 word,
        address servicer,
        bytes calldata proof
    ) private returns (bool worse) {
        if (account == address(0) || holder == 0 || uint16(word) == 0) revert IncompleteRecord(account);
        if (uint64(uint256(holder)) != 0) revert CommitmentTooLong(holder);
        Entry storage entry = _s().entries[account];
        uint256 known = entry.word;
        word |= uint256(holder);
        if (known == 0) {
            _checkProof(account, keyControlDigest(account, holder), proof);
            word |= ACTIVE;
            if (servicer != address(0)) entry.servicer = servicer;
        } else {
            _checkCurrent(account, known);
            if (_holder(known) != holder) revert HolderConflict(account, _holder(known), holder);
            word |= known & (ACTIVE | SANCTIONED);
            if (word == known && entry.servicer == servicer) return false;
            entry.servicer = servicer;
            worse = (word ^ known) & RULED != 0 || _expiresEarlier(word, known);
        }
        entry.word = word;
        emit HolderOnboarded(account, holder, word, servicer);
    }

    /// @dev Set or clear a flag of a known account. False when it stood so already.
    function _setFlag(address account, uint256 flag, bool on, bytes32 reason) private returns (bool) {
        if (reason == 0) revert ReasonMissing();
        Entry storage entry = _s().entries[account];
        uint256 known = entry.word;
        _checkCurrent(account, known);
        if ((known & flag != 0) == on) return false;
        entry.word = known ^ flag;
        return true;
    }

    /// @dev Let `to` take the place of `from`.
    function _supersede(
        address from,
        address to,
        bytes32 reason,
        bytes calldata proofTo,
        bytes32 actId
    ) private {
        if (reason == 0) revert ReasonMissing();
        Entry storage past = _s().entries[from];
        Entry storage next = _s().entries[to];
        uint256 word = past.word;
        _checkCurrent(from, word);
        if (to == address(0)) revert ZeroAddress();
        // no circle can arise: what takes a place was never onboarded
        if (next.word != 0) revert AccountTaken(to);
        bytes32 holder = _holder(word);
        _checkProof(to, keyControlDigest(to, holder), proofTo);
        next.word = word;
        if (word & SERVICED != 0) next.servicer = past.servicer;
        past.word = word | SUPERSEDED;
        (past.successor, past.supersededAt) = (to, uint40(block.timestamp));
        emit HolderSuperseded(from, to, holder, reason, actId);
        _raiseEpoch();
    }

    /// @dev Put a ledger's order or release in force here, unless a later one is.
    function _take(bytes32 holder, bytes32 scope, uint256 origin, uint256 count, bytes32 reason) private {
        HolderRegistryStorage storage $ = _s();
        Orders storage orders = $.orders[holder];
        uint256 known = orders.counts[scope][origin];
        if (uint256(scope) > uint256(SUSPENSION)) {
            // another token may carry the security by now
            address token = INSTANCE_REGISTRY.localToken(scope);
            if (token == address(0)) revert SecurityUnknown(scope);
            $.securityOf[token] = scope;
        }
        if (count <= known) return;
        orders.counts[scope][origin] = count;
        emit HolderOrdered(holder, scope, origin, uint64(count), reason);
        if ((count ^ known) & 1 == 0) return;
        // up or down by one, in the numbers that wrap
        uint256 change = count & 1 != 0 ? 1 : type(uint256).max;
        unchecked {
            if (scope == SANCTION) {
                orders.inForce += change;
            } else if (scope == SUSPENSION) {
                orders.inForce += change << 64;
            } else {
                orders.inForce += change << 128;
                orders.freezes[scope] += change;
            }
            $.ordersInForce += uint64(change);
        }
        if (change == 1) _raiseEpoch();
    }

    /// @dev What subscribers are told: the epoch, and whether any order stands.
    function _told(HolderRegistryStorage storage $) private view returns (uint32) {
        return $.ordersInForce == 0 ? $.epoch : $.epoch | ORDERED;
    }

    /// @dev Let nothing count that was cached before. A subscriber that does not answer stops the
    /// act: it would go on by old verdicts.
    function _raiseEpoch() private {
        HolderRegistryStorage storage $ = _s();
        uint32 next = $.epoch + 1;
        $.epoch = next;
        emit PolicyEpochChanged(next);
        uint32 told = _told($);
        uint256 count = $.subscribers.length;
        for (uint256 i = 0; i < count; ++i) IPolicyEpoch($.subscribers[i]).syncPolicyEpoch(told);
    }

    function _checkCurrent(address account, uint256 word) private view {
        if (word == 0) revert HolderUnknown(account);
        if (word & SUPERSEDED != 0) revert Superseded(account, _s().entries[account].successor);
    }

    /// @dev By the account's key, or by what its contract says (ERC-1271). The key comes first: an
    /// account without code then costs no look for it.
    function _checkProof(address account, bytes32 digest, bytes calldata proof) private view {
        if (msg.sender == account) return;
        if (proof.length == 65) {
            uint8 v;
            bytes32 r;
            bytes32 s;
            assembly ("memory-safe") {
                r := calldataload(proof.offset)
                s := calldataload(add(proof.offset, 32))
                v := byte(0, calldataload(add(proof.offset, 64)))
            }
            // any error leaves the signer zero
            // slither-disable-next-line unused-return
            (address signer, , ) = ECDSA.tryRecover(digest, v, r, s);
            // a faulty signature has the signer zero
            if (signer == account && signer != address(0)) return;
        }
        (bool success, bytes memory answer) =
            account.staticcall(abi.encodeCall(IERC1271.isValidSignature, (digest, proof)));
        if (!success || answer.length < 32 || bytes32(answer) != bytes32(IERC1271.isValidSignature.selector)) {
            revert KeyNotProven(account);
        }
    }

    /// @inheritdoc Typed
    function _domainName() internal pure override returns (string memory) {
        return "Pari Passu HolderRegistry";
    }

    function _holder(uint256 word) private pure returns (bytes32) {
        return bytes32(word & ~uint256(type(uint64).max));
    }

    function _expiresEarlier(uint256 word, uint256 known) private pure returns (bool) {
        uint256 expiry = uint32(word >> 32);
        uint256 before = uint32(known >> 32);
        return expiry != 0 && (before == 0 || expiry < before);
    }
}
