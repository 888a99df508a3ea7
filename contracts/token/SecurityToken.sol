// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Authorised} from "../access/Authorised.sol";
import {Kernel} from "../access/Kernel.sol";
import {Roles} from "../access/Roles.sol";
import {Typed} from "../access/Typed.sol";
import {Versioned} from "../access/Versioned.sol";
import {IERC1404} from "../interfaces/IERC1404.sol";
import {IERC1643} from "../interfaces/IERC1643.sol";
import {IERC3643} from "../interfaces/IERC3643.sol";
import {IERC7943Fungible} from "../interfaces/IERC7943.sol";
import {IHolderRegistry} from "../interfaces/IHolderRegistry.sol";
import {IPolicyEpoch} from "../interfaces/IPolicyEpoch.sol";
import {ISecurityViews} from "../interfaces/ISecurity.sol";
import {ISecurityHalf} from "../interfaces/ISecurityHalf.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {Account, AccountLib} from "./Account.sol";
import {Hot, HotLib} from "./Hot.sol";
import {Restrictions} from "./Restrictions.sol";
import {Position, SecurityBase, TokenInit} from "./SecurityBase.sol";

/// @title One instance of a security: what every movement runs
/// @notice ERC-20 with permit, whole units (decimals 0). Every movement, by whatever function,
/// passes `_update`, where the rules of the security are (CTL-1): the same movement gets the same
/// code through every entry point. What is not needed to move units is in `SecurityTokenExtension`,
/// reached through the fallback.
/// @dev An account's slot caches that it may deliver and receive, with the policy epoch at which that
/// was so. The epoch is kept by this implementation, once for all tokens that run it, and is pushed
/// here by the HolderRegistry in the call that suspends, sanctions or changes a holder; it costs a
/// movement one read and no call to a cold account. The token's own policy counter is added to it.
/// Both only grow, so their sum is equal only while both are.
/// @custom:extension SecurityTokenExtension
// the kernel sets up nothing but a proxy that is being created, and so never the code itself
// slither-disable-next-line unprotected-upgrade
contract SecurityToken is SecurityBase, Versioned, Typed, IERC20Errors {
    /// @notice ERC-20.
    event Approval(address indexed owner, address indexed spender, uint256 value);

    /// @notice Units were issued on the home ledger.
    event UnitsIssued(address indexed to, uint256 amount, bytes32 indexed ref);

    /// @notice Units were redeemed on the home ledger.
    event UnitsRedeemed(address indexed from, uint256 amount, bytes32 indexed ref);

    /// @notice Units were cancelled by an approved act: by law, or because they were issued in error.
    event UnitsCancelled(address indexed from, uint256 amount, bytes32 indexed issueRef, bytes32 indexed actId);

    /// @notice ERC-7943: units were moved by an approved act.
    event ForcedTransfer(address indexed from, address indexed to, uint256 amount);

    /// @notice Lineage of a correction: the approved act, and the balances before it (CTL-7).
    event Corrected(bytes32 indexed actId, address indexed from, address indexed to, uint256 fromBefore, uint256 toBefore);

    /// @notice Units arrived that were in transit at this record time.
    event InTransitCredited(uint64 indexed time, address indexed account, uint256 amount);

    /// @notice ERC-7802.
    event CrosschainMint(address indexed to, uint256 amount, address indexed sender);

    /// @notice ERC-7802.
    event CrosschainBurn(address indexed from, uint256 amount, address indexed sender);

    /// @notice Only the home ledger issues and redeems.
    error NotHome();

    /// @notice Issued or redeemed under this reference before.
    error ReferenceUsed(bytes32 ref);

    /// @notice Nothing was issued under this reference.
    error ReferenceUnknown(bytes32 ref);

    /// @notice More would be issued than the limit allows.
    error AboveIssueLimit(uint256 wanted, uint256 limit);

    /// @notice Nothing to issue or to redeem.
    error ZeroAmount();

    /// @notice The caller is not the bridge.
    error NotBridge(address caller);

    /// @notice Units cannot have left later than they arrive.
    error FromTheFuture(uint64 dispatchedAt);

    /// @notice ERC-2612: the permit's deadline has passed.
    error ERC2612ExpiredSignature(uint256 deadline);

    /// @notice ERC-2612: the permit is not by the owner.
    error ERC2612InvalidSigner(address signer, address owner);

    /// @notice The lists of a batch differ in length.
    error LengthMismatch(uint256 accounts, uint256 amounts);

    /// @notice The function belongs to the token's own halves.
    error Internal(bytes4 selector);

    /// @notice The caller may not push a policy epoch.
    error NotHolderRegistry(address caller);

    /// @notice An investor class above 31, or a country that cannot be, in the rules.
    error InvalidRule();

    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.PolicyEpoch")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant EPOCH = 0xcf06a2323291e0a3de8862dedc8d97ac498b953d159f87a05eabcacade25fc00;

    /// @dev Flag of an epoch at which orders stand; epochs themselves are below it.
    uint256 private constant ORDERED = 0x800000;

    address private immutable SELF = address(this);
    address private immutable BRIDGE;
    address private immutable EXTENSION;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param holderRegistry_ register of the chain's accounts
    /// @param bridge_ may burn and create units that move between ledgers
    /// @param extension_ the other half of the code
    constructor(
        address authority_,
        address approvals_,
        address holderRegistry_,
        address bridge_,
        address extension_
    ) SecurityBase(holderRegistry_) Authorised(authority_, approvals_) {
        if (bridge_ == address(0) || extension_ == address(0)) revert ZeroAddress();
        BRIDGE = bridge_;
        EXTENSION = extension_;
    }

    /// @notice Set up the proxy.
    function initialize(TokenInit calldata init) external {
        // the last part of the code has the kernel
        _run(EXTENSION, abi.encodeCall(Kernel.initialize, ()));
        SecurityStorage storage $ = _s();
        Hot hot = $.hot;
        hot = hot.withFlag(HotLib.HOME, init.home);
        hot = hot.withFlag(HotLib.DENY_LIST, init.denyList);
        hot = hot.withFlag(HotLib.CAPPED, init.capped);
        hot = hot.withFlag(HotLib.LIMITED, init.limited);
        $.hot = hot.withFlag(HotLib.COMPLEX, init.minimumLot > 1 || init.limited);
        $.issueLimit = init.issueLimit;
        ($.isin, $.lei, $.termsHash) = (init.isin, init.lei, init.termsHash);
        ($.name, $.symbol) = (init.name, init.symbol);
        $.policy.holdingCap = init.holdingCap;
        $.policy.minimumLot = init.minimumLot;
        $.policy.classes = init.classes;
        $.policy.holderLimit = init.holderLimit;
        for (uint256 i = 0; i < init.countries.length; ++i) {
            uint256 country = init.countries[i];
            if (country == 0 || country > 999) revert InvalidRule();
            $.countries[country >> 8] |= 1 << (country & 0xff);
        }
    }

    // ------------------------------------------------------------------ ERC-20

    /// @notice ERC-20.
    function transfer(address to, uint256 amount) external returns (bool) {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _update(Restrictions.TRANSFER, msg.sender, to, amount);
        return true;
    }

    /// @notice ERC-20.
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        if (from == address(0)) revert ERC20InvalidSender(from);
        _spendAllowance(from, msg.sender, amount);
        _update(Restrictions.TRANSFER, from, to, amount);
        return true;
    }

    /// @notice Transfer to many: all or none. Each passes every rule, as a transfer of its own does.
    function batchTransfer(address[] calldata to, uint256[] calldata amounts) external {
        _sameLength(to.length, amounts.length);
        SecurityStorage storage $ = _s();
        Hot hot = _advance($);
        uint256 epoch = _epoch(hot);
        Account source = $.accounts[msg.sender].word;
        if (hot.has(HotLib.LOOK_CLOSER) || !source.isFresh(epoch)) {
            for (uint256 i = 0; i < to.length; ++i) {
                if (to[i] == address(0)) revert ERC20InvalidReceiver(to[i]);
                _update(Restrictions.TRANSFER, msg.sender, to[i], amounts[i]);
            }
            return;
        }
        uint256 passed = hot.passed();
        source = _noted($, msg.sender, source, passed);
        uint256 available = source.available();
        for (uint256 i = 0; i < to.length; ++i) {
            address recipient = to[i];
            uint256 amount = amounts[i];
            if (recipient == address(0)) revert ERC20InvalidReceiver(recipient);
            Position storage target = $.accounts[recipient];
            (Account b, bool allowed) = _recipient($, recipient, target.word, amount, hot, epoch);
            if (!allowed || recipient == msg.sender || amount > available) {
                // rare: the account's slot must be up to date for the plain way, which also refuses
                $.accounts[msg.sender].word = source;
                _update(Restrictions.TRANSFER, msg.sender, recipient, amount);
                source = $.accounts[msg.sender].word;
                available = source.available();
            } else {
                source = source.minus(amount);
                unchecked {
                    available -= amount;
                }
                target.word = (b.recordIndex() == passed ? b : _noted($, recipient, b, passed)).plus(amount);
                _emitTransfer(msg.sender, recipient, amount);
            }
        }
        $.accounts[msg.sender].word = source;
    }

    /// @notice ERC-20.
    function approve(address spender, uint256 amount) external returns (bool) {
        _approve(msg.sender, spender, amount);
        return true;
    }

    /// @notice ERC-2612.
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (block.timestamp > deadline) revert ERC2612ExpiredSignature(deadline);
        bytes32 hash = _digestOf(
            keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, _useNonce(owner), deadline))
        );
        // any error leaves the signer zero
        // slither-disable-next-line unused-return
        (address signer, , ) = ECDSA.tryRecover(hash, v, r, s);
        if (signer != owner || signer == address(0)) revert ERC2612InvalidSigner(signer, owner);
        _approve(owner, spender, value);
    }

    /// @notice ERC-20.
    function balanceOf(address account) external view returns (uint256) {
        // the supply is kept as the zero address's account, which holds nothing
        return account == address(0) ? 0 : _s().accounts[account].word.balance();
    }

    /// @notice ERC-20.
    function totalSupply() external view returns (uint256) {
        return _s().accounts[address(0)].word.balance();
    }

    /// @notice ERC-20.
    function allowance(address owner, address spender) external view returns (uint256) {
        return _s().allowances[owner][spender];
    }

    /// @notice ERC-20.
    function name() external view returns (string memory) {
        return _s().name;
    }

    /// @notice ERC-20.
    function symbol() external view returns (string memory) {
        return _s().symbol;
    }

    /// @notice Units are whole.
    function decimals() external pure returns (uint8) {
        return 0;
    }

    /// @notice ERC-2612.
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparator();
    }

    /// @notice Give accounts their slot before their first receipt, which then costs no more than any
    /// other. Anybody may, for accounts that may receive.
    function open(address[] calldata accounts) external {
        SecurityStorage storage $ = _s();
        Hot hot = _advance($);
        uint256 epoch = _epoch(hot);
        for (uint256 i = 0; i < accounts.length; ++i) {
            Position storage position = $.accounts[accounts[i]];
            (Account a, bool allowed) = _recipient($, accounts[i], position.word, 0, hot, epoch);
            if (!allowed || accounts[i] == address(0)) _reject(Restrictions.ISSUE, address(0), accounts[i], 0);
            position.word = _noted($, accounts[i], a, hot.passed());
        }
    }

    // ------------------------------------------------------------------ issue and redeem

    /// @notice Mark up: create units on the home ledger (ISS-1).
    /// @param to who gets them
    /// @param amount units
    /// @param ref the agent's reference; each is good once
    /// @custom:access-control TRANSFER_AGENT
    function issue(address to, uint256 amount, bytes32 ref) external onlyRole(Roles.TRANSFER_AGENT) {
        _issue(to, amount, ref);
    }

    /// @notice ERC-3643: create units on the home ledger, under a reference of the token's own.
    /// @custom:access-control TRANSFER_AGENT
    function mint(address to, uint256 amount) external onlyRole(Roles.TRANSFER_AGENT) {
        _issue(to, amount, _ownReference());
    }

    /// @notice ERC-3643: create units for many.
    /// @custom:access-control TRANSFER_AGENT
    function batchMint(address[] calldata to, uint256[] calldata amounts) external onlyRole(Roles.TRANSFER_AGENT) {
        _sameLength(to.length, amounts.length);
        for (uint256 i = 0; i < to.length; ++i) _issue(to[i], amounts[i], _ownReference());
    }

    /// @notice Mark down: destroy units on the home ledger, with the allowance of their owner. A pause
    /// does not stop it (CTL-6).
    /// @custom:access-control TRANSFER_AGENT
    function redeem(address from, uint256 amount, bytes32 ref) external onlyRole(Roles.TRANSFER_AGENT) {
        SecurityStorage storage $ = _s();
        _useReference($, amount, ref);
        if (from == address(0)) revert ERC20InvalidSender(from);
        if (from != msg.sender) _spendAllowance(from, msg.sender, amount);
        _update(Restrictions.REDEEM, from, address(0), amount);
        // units may come home that were issued here: their number never exceeds what was issued
        $.issued -= uint64(amount);
        $.irreversibleAt = uint64(block.timestamp);
        emit UnitsRedeemed(from, amount, ref);
    }

    // ------------------------------------------------------------------ corrections

    /// @notice Move units because the law orders it. No lock-up, block, pause or cap stands against
    /// it; the recipient must be one who may hold the security (CTL-7).
    /// @custom:access-control approved act
    function forcedTransfer(address from, address to, uint256 amount) external onlyApproved returns (bool) {
        _force(from, to, amount);
        return true;
    }

    /// @notice ERC-3643: forced transfers, all or none.
    /// @custom:access-control approved act
    function batchForcedTransfer(
        address[] calldata from,
        address[] calldata to,
        uint256[] calldata amounts
    ) external onlyApproved {
        _sameLength(from.length, to.length);
        _sameLength(to.length, amounts.length);
        for (uint256 i = 0; i < to.length; ++i) _force(from[i], to[i], amounts[i]);
    }

    /// @notice ERC-3643: destroy units by law, on the home ledger, so that they are no longer issued.
    /// @custom:access-control approved act
    function burn(address from, uint256 amount) external onlyApproved {
        _cancel(from, amount, 0);
    }

    /// @notice ERC-3643: destroy units by law, all or none.
    /// @custom:access-control approved act
    function batchBurn(address[] calldata from, uint256[] calldata amounts) external onlyApproved {
        _sameLength(from.length, amounts.length);
        for (uint256 i = 0; i < from.length; ++i) _cancel(from[i], amounts[i], 0);
    }

    /// @notice Cancel units that were issued in error.
    /// @param issueRef the reference under which they were issued
    /// @custom:access-control approved act
    function cancel(address from, uint256 amount, bytes32 issueRef) external onlyApproved {
        if (!_s().used[issueRef]) revert ReferenceUnknown(issueRef);
        _cancel(from, amount, issueRef);
    }

    // ------------------------------------------------------------------ between ledgers

    /// @notice ERC-7802.
    /// @custom:access-control the bridge
    function crosschainMint(address to, uint256 amount) external {
        crosschainMintAt(to, amount, uint64(block.timestamp));
    }

    /// @notice Credit units that left their source ledger at `dispatchedAt`.
    /// @dev Units that left at or before an armed record time and arrive after it were in transit
    /// at it: they are noted there for the account that they arrive at.
    /// @custom:access-control the bridge
    function crosschainMintAt(address to, uint256 amount, uint64 dispatchedAt) public {
        _arrive(to, to, amount, dispatchedAt);
    }

    /// @notice Credit units to an account in the place of the one that is named, whose they are at the record
    /// times that they were in transit at.
    /// @custom:access-control the bridge
    function crosschainMintTo(
        address to,
        address named,
        uint256 amount,
        uint64 dispatchedAt
    ) external {
        _arrive(to, named, amount, dispatchedAt);
    }

    /// @notice ERC-7802.
    /// @custom:access-control the bridge
    function crosschainBurn(address from, uint256 amount) external {
        if (msg.sender != BRIDGE) revert NotBridge(msg.sender);
        if (from == address(0)) revert ERC20InvalidSender(from);
        _update(Restrictions.BRIDGE_OUT, from, address(0), amount);
        emit CrosschainBurn(from, amount, msg.sender);
    }

    // ------------------------------------------------------------------ versions and identity

    /// @notice Run other code, and call it in the same transaction.
    /// @dev The proxy reads the implementation from the hot slot: it changes with the ERC-1967 slot, which
    /// the kernel writes once it has checked the new code. What other code found of an account, by its own
    /// rules and epoch, does not count any more.
    /// @custom:access-control approved act
    function upgradeToAndCall(address newImplementation, bytes calldata) external onlyApproved {
        SecurityStorage storage $ = _s();
        $.hot = $.hot.withImplementation(newImplementation).withNextPolicy();
        _delegate(EXTENSION);
    }

    /// @notice Take over the policy epoch of the HolderRegistry, for all tokens that run this code.
    /// @dev Called on the implementation itself, whose storage the tokens read.
    /// @custom:access-control the HolderRegistry
    function syncPolicyEpoch(uint32 epoch) external {
        if (msg.sender != address(HOLDER_REGISTRY) || address(this) != SELF) revert NotHolderRegistry(msg.sender);
        assembly {
            sstore(EPOCH, epoch)
        }
    }

    /// @notice Policy epoch of the registry as this code knows it, bit 31 set where orders stand; 0 when
    /// nothing cached counts.
    function policyEpoch() external view returns (uint256 epoch) {
        if (address(this) != SELF) return SecurityToken(payable(SELF)).policyEpoch();
        assembly {
            epoch := sload(EPOCH)
        }
    }

    /// @notice The contract that moves units between ledgers.
    function bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice The other half of the code.
    function extension() external view returns (address) {
        return EXTENSION;
    }

    /// @notice Version of the security's terms that the rules here follow.
    function termsVersion() external view returns (uint32) {
        return _s().termsVersion + 1;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice Last time that units were redeemed or taken, or a record time armed (VER-8).
    function irreversibleAt() external view returns (uint64) {
        return _s().irreversibleAt;
    }

    /// @notice SecurityToken
    function contractName() public pure override returns (string memory) {
        return "SecurityToken";
    }

    /// @notice ERC-20.
    function mainInterface() external pure returns (bytes4) {
        return type(IERC20).interfaceId;
    }

    /// @notice ERC-2612: number of permits that an owner gave.
    function nonces(address owner) external view returns (uint256) {
        return _s().nonces[owner];
    }

    /// @notice ERC-165. Identifiers of interfaces that inherit leave out what they inherit.
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC20).interfaceId || id == type(IERC20Metadata).interfaceId
            || id == type(IERC20Permit).interfaceId || id == type(IERC5267).interfaceId
            || id == type(IERC1404).interfaceId || id == type(IERC1643).interfaceId
            || id == type(IERC3643).interfaceId || id == type(IERC7943Fungible).interfaceId
            || id == type(IERC7802).interfaceId || id == type(ISecurityToken).interfaceId
            || id == type(IPolicyEpoch).interfaceId || id == type(IERC165).interfaceId;
    }

    /// @dev Everything else is in the extension, which runs in the same storage.
    fallback() external {
        if (
            msg.sig == ISecurityHalf.beforeMovement.selector || msg.sig == ISecurityHalf.countHolders.selector
                || msg.sig == ISecurityHalf.releaseLapsed.selector || msg.sig == ISecurityHalf.seize.selector
        ) revert Internal(msg.sig);
        _delegate(EXTENSION);
    }

    // ------------------------------------------------------------------ parts

    /// @dev The one way in which balances change, but for corrections. Zero `from` creates, zero `to`
    /// destroys. Both sides are checked before either is written.
    function _update(uint8 kind, address from, address to, uint256 amount) private {
        SecurityStorage storage $ = _s();
        Hot hot = _advance($);
        if (hot.has(HotLib.LOOK_CLOSER)) {
            _run(EXTENSION, abi.encodeCall(ISecurityHalf.beforeMovement, (kind, from, to, amount)));
        }
        uint256 epoch = _epoch(hot);
        Position storage source = $.accounts[from];
        Account a = source.word;
        if (from == address(0)) {
            _requireRoom(a, amount);
        } else {
            bool allowed = a.isFresh(epoch);
            if (!allowed) (a, allowed) = _sender($, from, a, hot, epoch);
            if (!allowed) _reject(kind, from, to, amount);
            if (amount > a.available()) a = _released($, kind, from, to, amount, a);
        }
        Position storage target = $.accounts[to];
        Account b = target.word;
        if (to != address(0)) {
            bool allowed;
            // a movement to the same account adds nothing to it
            (b, allowed) = _recipient($, to, b, from == to ? 0 : amount, hot, epoch);
            if (!allowed) _reject(kind, from, to, amount);
        }
        if (from == to) {
            source.word = _noted($, from, a, hot.passed());
        } else {
            a = _noted($, from, a, hot.passed());
            source.word = from == address(0) ? a.plus(amount) : a.minus(amount);
            b = _noted($, to, b, hot.passed());
            target.word = to == address(0) ? b.minus(amount) : b.plus(amount);
        }
        _emitTransfer(from, to, amount);
    }

    /// @dev Credit units that arrive; at the record times that they were in transit at they are `named`'s.
    function _arrive(address to, address named, uint256 amount, uint64 dispatchedAt) private {
        if (msg.sender != BRIDGE) revert NotBridge(msg.sender);
        if (dispatchedAt > block.timestamp) revert FromTheFuture(dispatchedAt);
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        SecurityStorage storage $ = _s();
        _update(Restrictions.BRIDGE_IN, address(0), to, amount);
        for (uint256 i = $.hot.passed(); i > 0; --i) {
            uint64 time = $.recordTimes[i - 1];
            if (time < dispatchedAt) break;
            $.inTransit[time][named] += amount;
            emit InTransitCredited(time, named, amount);
        }
        emit CrosschainMint(to, amount, msg.sender);
    }

    /// @dev A recipient's account with a verdict that counts, and whether it may receive the units.
    function _recipient(
        SecurityStorage storage $,
        address account,
        Account a,
        uint256 amount,
        Hot hot,
        uint256 epoch
    ) private view returns (Account, bool allowed) {
        if (!a.isFresh(epoch)) {
            if (a.has(AccountLib.FROZEN)) return (a, false);
            (a, allowed) = _withVerdict($, account, a, _wordAt(account, epoch), hot, epoch);
            if (!allowed) return (a, false);
        }
        unchecked {
            // both are below 2^65: `amount` was checked against a balance or the supply
            return (a, amount == 0 || a.balance() + amount <= a.quota());
        }
    }

    /// @dev A sender's account, with a verdict where it may receive too, and whether it may deliver.
    function _sender(
        SecurityStorage storage $,
        address account,
        Account a,
        Hot hot,
        uint256 epoch
    ) private view returns (Account, bool allowed) {
        if (a.has(AccountLib.FROZEN)) return (a, false);
        uint256 word = _wordAt(account, epoch);
        (a, allowed) = _withVerdict($, account, a, word, hot, epoch);
        return (a, allowed || (_mayDeliver(word) && !_inClasses($.policy.pausedClasses, uint8(word >> 16))));
    }

    /// @dev The supply, which is kept as the zero address's account, must stay below 2^64.
    function _requireRoom(Account supply, uint256 amount) private pure {
        if (amount > type(uint64).max - supply.balance()) revert AboveIssueLimit(amount, type(uint64).max);
    }

    /// @dev Enough units once lapsed lock-ups are released; reverts where there are not.
    function _released(
        SecurityStorage storage $,
        uint8 kind,
        address from,
        address to,
        uint256 amount,
        Account source
    ) private returns (Account) {
        if (source.has(AccountLib.LOTS)) {
            $.accounts[from].word = source;
            _run(EXTENSION, abi.encodeCall(ISecurityHalf.releaseLapsed, (from)));
            source = $.accounts[from].word;
        }
        if (amount > source.available()) _reject(kind, from, to, amount);
        return source;
    }

    /// @dev Policy epoch of the verdicts that count now, with its flag where orders stand; 0 when none
    /// counts: the code was told of no epoch, or there were more changes than there is room for.
    function _epoch(Hot hot) private view returns (uint256 epoch) {
        address self = SELF;
        uint256 selector = uint32(this.policyEpoch.selector);
        uint256 policy = hot.policy();
        assembly ("memory-safe") {
            mstore(0, selector)
            if iszero(staticcall(gas(), self, 28, 4, 0, 32)) { revert(0, 0) }
            let told := mload(0)
            let sum := add(and(told, 0x7fffffff), policy)
            if and(gt(told, 0), lt(sum, ORDERED)) { epoch := or(sum, and(shr(8, told), ORDERED)) }
        }
    }

    /// @dev As `_wordOf`, without a look for what is ordered against the holder where none stands.
    function _wordAt(address account, uint256 epoch) private view returns (uint256 word) {
        address registry = address(HOLDER_REGISTRY);
        uint256 selector = uint32(IHolderRegistry.wordAsRecorded.selector);
        uint256 ordered = uint32(IHolderRegistry.wordOf.selector);
        assembly ("memory-safe") {
            // an order stands, or nothing is known: 0 less one is the largest number
            if gt(sub(epoch, 1), sub(ORDERED, 2)) { selector := ordered }
            mstore(0, selector)
            mstore(32, account)
            let success := staticcall(gas(), registry, 28, 36, 0, 32)
            if iszero(and(success, eq(returndatasize(), 32))) { revert(0, 0) }
            word := mload(0)
        }
    }

    /// @dev Revert with the code of the rule that refuses. What the law orders, and units that arrive, may
    /// pass where other movements may not: then no rule refuses, and this returns.
    function _reject(uint8 kind, address from, address to, uint256 amount) private {
        bytes memory answer = _run(EXTENSION, abi.encodeCall(ISecurityViews.restrictionOf, (kind, from, to, amount)));
        uint8 code = abi.decode(answer, (uint8));
        if (code != Restrictions.NONE || (kind != Restrictions.FORCED && kind != Restrictions.BRIDGE_IN)) {
            revert TransferRestricted(code, from, to, amount);
        }
    }

    function _force(address from, address to, uint256 amount) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        SecurityStorage storage $ = _s();
        Hot hot = _advance($);
        Account target = $.accounts[to].word;
        if (!target.isFresh(_epoch(hot)) || amount > $.accounts[from].word.balance() || from == address(0)) {
            _reject(Restrictions.FORCED, from, to, amount);
        }
        Account source = _taken($, hot, from, to, amount);
        (uint256 before, uint256 toBefore) = (source.balance(), target.balance());
        $.accounts[from].word = source.minus(amount);
        if (from == to) {
            $.accounts[to].word = source;
        } else {
            $.accounts[to].word = _noted($, to, target, hot.passed()).plus(amount);
        }
        _emitTransfer(from, to, amount);
        emit ForcedTransfer(from, to, amount);
        emit Corrected(_actId(), from, to, before, toBefore);
    }

    function _cancel(address from, uint256 amount, bytes32 issueRef) private {
        SecurityStorage storage $ = _s();
        if (!$.hot.has(HotLib.HOME)) revert NotHome();
        if (amount == 0) revert ZeroAmount();
        Hot hot = _advance($);
        if (amount > $.accounts[from].word.balance() || from == address(0)) {
            // nobody receives, so that there is nothing else to ask
            revert TransferRestricted(Restrictions.INSUFFICIENT_BALANCE, from, address(0), amount);
        }
        Account source = _taken($, hot, from, address(0), amount);
        $.accounts[from].word = source.minus(amount);
        $.accounts[address(0)].word = _noted($, address(0), $.accounts[address(0)].word, hot.passed()).minus(amount);
        $.issued -= uint64(amount);
        _emitTransfer(from, address(0), amount);
        emit UnitsCancelled(from, amount, issueRef, _actId());
    }

    /// @dev Units ready to be taken by law: nothing that encumbers them stands against it.
    function _taken(
        SecurityStorage storage $,
        Hot hot,
        address from,
        address to,
        uint256 amount
    ) private returns (Account source) {
        if (hot.has(HotLib.COMPLEX)) _run(EXTENSION, abi.encodeCall(ISecurityHalf.countHolders, (from, to, amount)));
        if (amount > $.accounts[from].word.available()) _run(EXTENSION, abi.encodeCall(ISecurityHalf.seize, (from, amount)));
        return _noted($, from, $.accounts[from].word, hot.passed());
    }

    function _issue(address to, uint256 amount, bytes32 ref) private {
        SecurityStorage storage $ = _s();
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _useReference($, amount, ref);
        uint256 wanted = $.issued + amount;
        if (wanted > $.issueLimit) revert AboveIssueLimit(wanted, $.issueLimit);
        $.issued = uint64(wanted);
        _update(Restrictions.ISSUE, address(0), to, amount);
        emit UnitsIssued(to, amount, ref);
    }

    function _useReference(SecurityStorage storage $, uint256 amount, bytes32 ref) private {
        if (!$.hot.has(HotLib.HOME)) revert NotHome();
        if (amount == 0) revert ZeroAmount();
        if ($.used[ref]) revert ReferenceUsed(ref);
        $.used[ref] = true;
    }

    function _useNonce(address owner) private returns (uint256) {
        return _s().nonces[owner]++;
    }

    function _ownReference() private returns (bytes32) {
        return keccak256(abi.encode(address(this), _useNonce(address(this))));
    }

    function _approve(address owner, address spender, uint256 amount) private {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        _s().allowances[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    function _spendAllowance(address owner, address spender, uint256 amount) private {
        uint256 allowed = _s().allowances[owner][spender];
        if (allowed == type(uint256).max) return;
        if (allowed < amount) revert ERC20InsufficientAllowance(spender, allowed, amount);
        _s().allowances[owner][spender] = allowed - amount;
    }

    function _sameLength(uint256 accounts, uint256 amounts) private pure {
        if (accounts != amounts) revert LengthMismatch(accounts, amounts);
    }

    /// @dev The domain follows the token's name.
    function _domainName() internal view override returns (string memory) {
        return _s().name;
    }
}
