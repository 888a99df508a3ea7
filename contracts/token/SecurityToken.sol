// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {NoncesUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/NoncesUpgradeable.sol";
import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Roles} from "../access/Roles.sol";
import {PariUpgradeable} from "../access/Versioned.sol";
import {IERC1404} from "../interfaces/IERC1404.sol";
import {IHolderRegistry} from "../interfaces/IHolderRegistry.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {RecordTimes} from "./RecordTimes.sol";

/// @title One instance of a security
/// @notice ERC-20 with permit, ERC-1404 codes and ERC-7802 cross-chain movements, whole units
/// (decimals 0). Every movement, by whatever function, passes `_update`, where the rules of the
/// security are (CTL-1): the same movement gets the same code through every entry point.
contract SecurityToken is
    PariUpgradeable,
    EIP712Upgradeable,
    NoncesUpgradeable,
    IERC20Metadata,
    IERC20Permit,
    IERC20Errors,
    IERC1404,
    IERC7802,
    ISecurityToken
{
    using Checkpoints for Checkpoints.Trace224;
    using RecordTimes for uint64[];
    using RecordTimes for Checkpoints.Trace224;

    /// @notice What a token is set up with.
    /// @param name name, also of the EIP-712 domain
    /// @param symbol symbol
    /// @param isin ISO 6166, ASCII
    /// @param lei ISO 17442 of the issuer, ASCII
    /// @param termsHash keccak256 of the canonical terms
    /// @param holderRegistry register of the chain's accounts
    /// @param bridge may burn and create units that move between ledgers
    /// @param corporateActions may arm record times
    /// @param issueLimit most units that may ever be issued
    /// @param home true on the one ledger that issues
    /// @param countries ISO 3166-1 numeric codes whose holders may receive; nobody else's may
    /// @param classes investor classes that may receive; no other may
    struct TokenInit {
        string name;
        string symbol;
        bytes12 isin;
        bytes20 lei;
        bytes32 termsHash;
        address holderRegistry;
        address bridge;
        address corporateActions;
        uint256 issueLimit;
        bool home;
        uint16[] countries;
        uint8[] classes;
    }

    /// @notice Units were issued on the home ledger.
    event UnitsIssued(address indexed to, uint256 amount, bytes32 indexed ref);

    /// @notice Units were redeemed on the home ledger.
    event UnitsRedeemed(address indexed from, uint256 amount, bytes32 indexed ref);

    /// @notice An account was frozen or released.
    event AccountFrozen(address indexed account, bool frozen);

    /// @notice All movements stopped.
    event Paused(address account);

    /// @notice Movements go on.
    event Unpaused(address account);

    /// @notice Balances at this time can be asked for once it has passed.
    event RecordTimeArmed(uint64 indexed time);

    /// @notice Units arrived that were in transit at this record time.
    event InTransitCredited(uint64 indexed time, address indexed account, uint256 amount);

    /// @notice The rules refuse the movement. `code` is that of `detectTransferRestriction`.
    error TransferRestricted(uint8 code, address from, address to, uint256 amount);

    /// @notice Only the home ledger issues and redeems.
    error NotHome();

    /// @notice Issued or redeemed under this reference before.
    error ReferenceUsed(bytes32 ref);

    /// @notice More would be issued than the limit allows.
    error AboveIssueLimit(uint256 wanted, uint256 limit);

    /// @notice Nothing to issue or to redeem.
    error ZeroAmount();

    /// @notice The caller is not the bridge.
    error NotBridge(address caller);

    /// @notice The caller is not the corporate actions contract.
    error NotCorporateActions(address caller);

    /// @notice Units cannot have left later than they arrive.
    error FromTheFuture(uint64 dispatchedAt);

    /// @notice ERC-2612: the permit's deadline has passed.
    error ERC2612ExpiredSignature(uint256 deadline);

    /// @notice ERC-2612: the permit is not by the owner.
    error ERC2612InvalidSigner(address signer, address owner);

    // Restriction codes; of several that apply the lowest is given.
    uint8 private constant NONE = 0;
    uint8 private constant TOKEN_PAUSED = 1;
    uint8 private constant SENDER_UNKNOWN = 2;
    uint8 private constant SENDER_INACTIVE = 3;
    uint8 private constant SENDER_FROZEN = 4;
    uint8 private constant RECIPIENT_UNKNOWN = 5;
    uint8 private constant RECIPIENT_INACTIVE = 6;
    uint8 private constant RECIPIENT_FROZEN = 7;
    uint8 private constant RECIPIENT_COUNTRY = 8;
    uint8 private constant RECIPIENT_CLASS = 9;
    uint8 private constant INSUFFICIENT_BALANCE = 10;
    uint8 private constant SENDER_SANCTIONED = 13;
    uint8 private constant RECIPIENT_SANCTIONED = 14;

    uint16 private constant FLAG_FROZEN = 1;

    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    /// @dev One slot: what a movement must read and write of an account.
    /// `encumbered` units belong to the account but cannot move; `recordIndex` record times have
    /// passed up to its last movement.
    struct Account {
        uint128 balance;
        uint96 encumbered;
        uint16 flags;
        uint16 recordIndex;
    }

    /// @dev One slot: what every movement must read of the token.
    struct Config {
        IHolderRegistry holderRegistry;
        uint64 nextRecordTime;
        uint16 passed;
        bool paused;
        bool home;
    }

    /// @custom:storage-location erc7201:paripassu.storage.SecurityToken
    struct SecurityTokenStorage {
        Config config;
        Account supply;
        uint128 issued;
        uint128 issueLimit;
        mapping(address account => Account) accounts;
        mapping(uint256 word => uint256) countries;
        uint256 classes;
        mapping(address owner => mapping(address spender => uint256)) allowances;
        mapping(bytes32 ref => bool) used;
        address bridge;
        address corporateActions;
        bytes32 securityId;
        bytes32 termsHash;
        bytes12 isin;
        bytes20 lei;
        uint32 termsVersion;
        uint64[] recordTimes;
        Checkpoints.Trace224 supplyHistory;
        mapping(address account => Checkpoints.Trace224) histories;
        mapping(uint64 time => mapping(address account => uint256)) inTransit;
        string name;
        string symbol;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.SecurityToken")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x3fdf94bcbd20a0d62dafdcb22faa654e95989a581858737df8848de28522ff00;

    function _s() private pure returns (SecurityTokenStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) PariUpgradeable(authority_, approvals_) {}

    /// @notice Set up the proxy.
    function initialize(TokenInit calldata init) external initializer {
        __Pari_init();
        __EIP712_init(init.name, "1");
        __Nonces_init();
        if (
            init.holderRegistry == address(0) || init.bridge == address(0) || init.corporateActions == address(0)
        ) revert ZeroAddress();
        if (init.issueLimit > type(uint128).max) revert AboveIssueLimit(init.issueLimit, type(uint128).max);
        SecurityTokenStorage storage $ = _s();
        $.config.holderRegistry = IHolderRegistry(init.holderRegistry);
        $.config.home = init.home;
        $.issueLimit = uint128(init.issueLimit);
        $.bridge = init.bridge;
        $.corporateActions = init.corporateActions;
        $.securityId = keccak256(abi.encode(init.isin, init.termsHash));
        $.termsHash = init.termsHash;
        $.isin = init.isin;
        $.lei = init.lei;
        $.termsVersion = 1;
        $.name = init.name;
        $.symbol = init.symbol;
        for (uint256 i = 0; i < init.countries.length; ++i) {
            $.countries[init.countries[i] >> 8] |= 1 << (init.countries[i] & 0xff);
        }
        for (uint256 i = 0; i < init.classes.length; ++i) $.classes |= 1 << init.classes[i];
    }

    // ------------------------------------------------------------------ ERC-20

    /// @inheritdoc IERC20
    function transfer(address to, uint256 amount) external returns (bool) {
        _transfer(msg.sender, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _spendAllowance(from, msg.sender, amount);
        _transfer(from, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 amount) external returns (bool) {
        _approve(msg.sender, spender, amount);
        return true;
    }

    /// @inheritdoc IERC20Permit
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
        bytes32 hash = _hashTypedDataV4(
            keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, _useNonce(owner), deadline))
        );
        address signer = ECDSA.recover(hash, v, r, s);
        if (signer != owner) revert ERC2612InvalidSigner(signer, owner);
        _approve(owner, spender, value);
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        return _s().accounts[account].balance;
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256) {
        return _s().supply.balance;
    }

    /// @inheritdoc IERC20
    function allowance(address owner, address spender) external view returns (uint256) {
        return _s().allowances[owner][spender];
    }

    /// @inheritdoc IERC20Metadata
    function name() external view returns (string memory) {
        return _s().name;
    }

    /// @inheritdoc IERC20Metadata
    function symbol() external view returns (string memory) {
        return _s().symbol;
    }

    /// @notice Units are whole.
    function decimals() external pure returns (uint8) {
        return 0;
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(IERC20Permit, NoncesUpgradeable) returns (uint256) {
        return super.nonces(owner);
    }

    /// @inheritdoc IERC20Permit
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    // ------------------------------------------------------------------ rules

    /// @inheritdoc IERC1404
    /// @dev The zero address as `from` asks about an issue or arrival, as `to` about a redemption
    /// or departure; that side's checks do not apply then.
    function detectTransferRestriction(address from, address to, uint256 amount) public view returns (uint8) {
        SecurityTokenStorage storage $ = _s();
        if ($.config.paused) return TOKEN_PAUSED;
        IHolderRegistry registry = $.config.holderRegistry;
        Account storage source = $.accounts[from];
        if (from != address(0)) {
            uint256 flags = registry.wordOf(from);
            if (!_isKnown(flags)) return SENDER_UNKNOWN;
            if (!_isActive(flags)) return SENDER_INACTIVE;
            if (source.flags & FLAG_FROZEN != 0) return SENDER_FROZEN;
        }
        if (to != address(0)) {
            uint256 flags = registry.wordOf(to);
            if (!_isKnown(flags)) return RECIPIENT_UNKNOWN;
            if (!_isActive(flags)) return RECIPIENT_INACTIVE;
            if ($.accounts[to].flags & FLAG_FROZEN != 0) return RECIPIENT_FROZEN;
            if (!isCountryAllowed(uint16(flags))) return RECIPIENT_COUNTRY;
            if (!isClassAllowed(uint8(flags >> 16))) return RECIPIENT_CLASS;
        }
        if (from != address(0) && amount > source.balance - source.encumbered) return INSUFFICIENT_BALANCE;
        if (from != address(0) && _isSanctioned(registry.wordOf(from))) return SENDER_SANCTIONED;
        if (to != address(0) && _isSanctioned(registry.wordOf(to))) return RECIPIENT_SANCTIONED;
        return NONE;
    }

    /// @inheritdoc ISecurityToken
    function payoutRestriction(address account) external view returns (uint8) {
        SecurityTokenStorage storage $ = _s();
        uint256 word = $.config.holderRegistry.wordOf(account);
        if (!_isKnown(word)) return RECIPIENT_UNKNOWN;
        if (!_isActive(word)) return RECIPIENT_INACTIVE;
        if ($.accounts[account].flags & FLAG_FROZEN != 0) return RECIPIENT_FROZEN;
        return _isSanctioned(word) ? RECIPIENT_SANCTIONED : NONE;
    }

    /// @inheritdoc IERC1404
    function messageForTransferRestriction(uint8 code) external pure returns (string memory) {
        if (code == NONE) return "The movement is allowed.";
        if (code == TOKEN_PAUSED) return "The security is paused.";
        if (code == SENDER_UNKNOWN) return "The delivering account is not registered.";
        if (code == SENDER_INACTIVE) return "The delivering account is suspended or its registration has expired.";
        if (code == SENDER_FROZEN) return "The delivering account is frozen.";
        if (code == RECIPIENT_UNKNOWN) return "The receiving account is not registered.";
        if (code == RECIPIENT_INACTIVE) return "The receiving account is suspended or its registration has expired.";
        if (code == RECIPIENT_FROZEN) return "The receiving account is frozen.";
        if (code == RECIPIENT_COUNTRY) return "The receiving account's country is not allowed for this security.";
        if (code == RECIPIENT_CLASS) return "The receiving account's investor class is not allowed for this security.";
        if (code == INSUFFICIENT_BALANCE) return "The delivering account has too few available units.";
        if (code == SENDER_SANCTIONED) return "The delivering account is sanctioned.";
        if (code == RECIPIENT_SANCTIONED) return "The receiving account is sanctioned.";
        return "No such code.";
    }

    /// @notice Whether holders of a country (ISO 3166-1 numeric) may receive.
    function isCountryAllowed(uint16 country) public view returns (bool) {
        return _s().countries[country >> 8] & (1 << (country & 0xff)) != 0;
    }

    /// @notice Whether holders of an investor class may receive.
    function isClassAllowed(uint8 class) public view returns (bool) {
        return _s().classes & (1 << class) != 0;
    }

    /// @inheritdoc ISecurityToken
    function isFrozen(address account) external view returns (bool) {
        return _s().accounts[account].flags & FLAG_FROZEN != 0;
    }

    /// @notice Units of an account that may move.
    function availableBalanceOf(address account) external view returns (uint256) {
        Account storage a = _s().accounts[account];
        return a.balance - a.encumbered;
    }

    /// @notice Whether all movements are stopped.
    function paused() external view returns (bool) {
        return _s().config.paused;
    }

    /// @notice Freeze or release an account. Saying the same twice changes nothing.
    /// @custom:access-control FREEZER
    function freeze(address account, bool frozen) external onlyRole(Roles.FREEZER) {
        Account storage a = _s().accounts[account];
        if ((a.flags & FLAG_FROZEN != 0) == frozen) return;
        a.flags ^= FLAG_FROZEN;
        emit AccountFrozen(account, frozen);
    }

    /// @notice Stop all movements.
    /// @custom:access-control PAUSER
    function pause() external onlyRole(Roles.PAUSER) {
        if (_s().config.paused) return;
        _s().config.paused = true;
        emit Paused(msg.sender);
    }

    /// @notice Let movements go on.
    /// @custom:access-control UNPAUSER
    function unpause() external onlyRole(Roles.UNPAUSER) {
        if (!_s().config.paused) return;
        _s().config.paused = false;
        emit Unpaused(msg.sender);
    }

    // ------------------------------------------------------------------ issue and redeem

    /// @notice Mark up: create units on the home ledger (ISS-1).
    /// @param to who gets them
    /// @param amount units
    /// @param ref the agent's reference; each is good once
    /// @custom:access-control TRANSFER_AGENT
    function issue(address to, uint256 amount, bytes32 ref) external onlyRole(Roles.TRANSFER_AGENT) {
        SecurityTokenStorage storage $ = _s();
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _useReference($, amount, ref);
        uint256 wanted = $.issued + amount;
        if (wanted > $.issueLimit) revert AboveIssueLimit(wanted, $.issueLimit);
        $.issued = uint128(wanted);
        _update(address(0), to, amount);
        emit UnitsIssued(to, amount, ref);
    }

    /// @notice Mark down: destroy units on the home ledger, with the allowance of their owner.
    /// @custom:access-control TRANSFER_AGENT
    function redeem(address from, uint256 amount, bytes32 ref) external onlyRole(Roles.TRANSFER_AGENT) {
        SecurityTokenStorage storage $ = _s();
        _useReference($, amount, ref);
        if (from != msg.sender) _spendAllowance(from, msg.sender, amount);
        // units may come home that were issued here: their number never exceeds what was issued
        $.issued -= uint128(amount);
        _update(from, address(0), amount);
        emit UnitsRedeemed(from, amount, ref);
    }

    /// @notice Units issued and not redeemed, wherever they are; zero on ledgers other than home.
    function issuedTotal() external view returns (uint256) {
        return _s().issued;
    }

    /// @notice Most units that may be issued.
    function issueLimit() external view returns (uint256) {
        return _s().issueLimit;
    }

    /// @notice Whether units were issued or redeemed under a reference.
    function isReferenceUsed(bytes32 ref) external view returns (bool) {
        return _s().used[ref];
    }

    // ------------------------------------------------------------------ between ledgers

    /// @inheritdoc IERC7802
    /// @custom:access-control the bridge
    function crosschainMint(address to, uint256 amount) external {
        crosschainMintAt(to, amount, uint64(block.timestamp));
    }

    /// @inheritdoc ISecurityToken
    /// @dev Units that left at or before an armed record time and arrive after it were in transit
    /// at it: they are noted there for the account that they arrive at.
    /// @custom:access-control the bridge
    function crosschainMintAt(address to, uint256 amount, uint64 dispatchedAt) public {
        SecurityTokenStorage storage $ = _s();
        if (msg.sender != $.bridge) revert NotBridge(msg.sender);
        if (dispatchedAt > block.timestamp) revert FromTheFuture(dispatchedAt);
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        _update(address(0), to, amount);
        for (uint256 i = $.config.passed; i > 0; --i) {
            uint64 time = $.recordTimes[i - 1];
            if (time < dispatchedAt) break;
            $.inTransit[time][to] += amount;
            emit InTransitCredited(time, to, amount);
        }
        emit CrosschainMint(to, amount, msg.sender);
    }

    /// @inheritdoc IERC7802
    /// @custom:access-control the bridge
    function crosschainBurn(address from, uint256 amount) external override(IERC7802, ISecurityToken) {
        if (msg.sender != _s().bridge) revert NotBridge(msg.sender);
        if (from == address(0)) revert ERC20InvalidSender(from);
        _update(from, address(0), amount);
        emit CrosschainBurn(from, amount, msg.sender);
    }

    // ------------------------------------------------------------------ record times

    /// @inheritdoc ISecurityToken
    /// @dev Arming twice changes nothing. Times may be armed in any order.
    /// @custom:access-control the corporate actions contract
    function armRecordTime(uint64 time) external returns (bool) {
        SecurityTokenStorage storage $ = _s();
        if (msg.sender != $.corporateActions) revert NotCorporateActions(msg.sender);
        if ($.recordTimes.contains(time)) return true;
        if (time <= block.timestamp) return false;
        _advance($);
        $.recordTimes.insert(time);
        $.config.nextRecordTime = $.recordTimes[$.config.passed];
        emit RecordTimeArmed(time);
        return true;
    }

    /// @notice Whether balances at `time` can be asked for, now or once it has passed.
    function isArmed(uint64 time) external view returns (bool) {
        return _s().recordTimes.contains(time);
    }

    /// @notice All armed record times, ascending.
    function recordTimes() external view returns (uint64[] memory) {
        return _s().recordTimes;
    }

    /// @notice Balance after the last block with timestamp <= `time`, an armed record time.
    function balanceOfAt(address account, uint64 time) public view returns (uint256) {
        SecurityTokenStorage storage $ = _s();
        Account storage a = $.accounts[account];
        return $.histories[account].amountAt($.recordTimes.passedPosition(time), a.recordIndex, a.balance);
    }

    /// @notice Supply after the last block with timestamp <= `time`, an armed record time.
    function totalSupplyAt(uint64 time) external view returns (uint256) {
        SecurityTokenStorage storage $ = _s();
        return $.supplyHistory.amountAt(
            $.recordTimes.passedPosition(time), $.supply.recordIndex, $.supply.balance
        );
    }

    /// @notice Units that were in transit to an account at an armed record time and have arrived.
    function inTransitOfAt(address account, uint64 time) external view returns (uint256) {
        return _s().inTransit[time][account];
    }

    /// @inheritdoc ISecurityToken
    function eligibleBalanceOfAt(address account, uint64 time) external view returns (uint256) {
        return balanceOfAt(account, time) + _s().inTransit[time][account];
    }

    // ------------------------------------------------------------------ identity

    /// @inheritdoc ISecurityToken
    function securityId() external view returns (bytes32) {
        return _s().securityId;
    }

    /// @notice ISO 6166, ASCII.
    function isin() external view returns (bytes12) {
        return _s().isin;
    }

    /// @notice ISO 17442 of the issuer, ASCII.
    function lei() external view returns (bytes20) {
        return _s().lei;
    }

    /// @notice keccak256 of the canonical terms.
    function termsHash() external view returns (bytes32) {
        return _s().termsHash;
    }

    /// @notice Whether this ledger is the security's home.
    function isHome() external view returns (bool) {
        return _s().config.home;
    }

    /// @inheritdoc ISecurityToken
    function holderRegistry() external view returns (address) {
        return address(_s().config.holderRegistry);
    }

    /// @notice The contract that moves units between ledgers.
    function bridge() external view returns (address) {
        return _s().bridge;
    }

    /// @notice The contract that arms record times.
    function corporateActions() external view returns (address) {
        return _s().corporateActions;
    }

    /// @notice Version of the security's terms that the rules here follow.
    function termsVersion() public view override returns (uint32) {
        return _s().termsVersion;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice SecurityToken
    function contractName() public pure override returns (string memory) {
        return "SecurityToken";
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override(ERC165, IERC165) returns (bool) {
        return interfaceId == type(IERC20).interfaceId || interfaceId == type(IERC20Metadata).interfaceId
            || interfaceId == type(IERC20Permit).interfaceId || interfaceId == type(IERC5267).interfaceId
            || interfaceId == type(IERC1404).interfaceId
            // IERC7802's own functions; its identifier leaves out what it inherits
            || interfaceId == type(IERC7802).interfaceId || super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------ parts

    /// @dev The one way in which balances change. Zero `from` creates, zero `to` destroys.
    function _update(address from, address to, uint256 amount) internal {
        uint8 code = detectTransferRestriction(from, to, amount);
        if (code != NONE) revert TransferRestricted(code, from, to, amount);
        SecurityTokenStorage storage $ = _s();
        uint16 passed = _advance($);
        if (from == address(0)) {
            _note($.supply, $.supplyHistory, passed);
            // more than 2^128 - 1 units exist nowhere: the addition is checked, the cast follows it
            uint256 supply = uint256($.supply.balance) + amount;
            if (amount > type(uint128).max || supply > type(uint128).max) {
                revert AboveIssueLimit(supply, type(uint128).max);
            }
            $.supply.balance = uint128(supply);
        } else {
            Account storage source = $.accounts[from];
            _note(source, $.histories[from], passed);
            source.balance -= uint128(amount);
        }
        if (to == address(0)) {
            _note($.supply, $.supplyHistory, passed);
            $.supply.balance -= uint128(amount);
        } else {
            Account storage target = $.accounts[to];
            _note(target, $.histories[to], passed);
            target.balance += uint128(amount);
        }
        emit Transfer(from, to, amount);
    }

    /// @dev Count the record times that have passed; most blocks pass none and read one slot.
    function _advance(SecurityTokenStorage storage $) private returns (uint16 passed) {
        passed = $.config.passed;
        uint64 next = $.config.nextRecordTime;
        if (next == 0 || next >= block.timestamp) return passed;
        uint256 count = $.recordTimes.length;
        while (passed < count && $.recordTimes[passed] < block.timestamp) ++passed;
        $.config.passed = passed;
        $.config.nextRecordTime = passed < count ? $.recordTimes[passed] : 0;
    }

    /// @dev Remember what an account held at the record times since its last movement.
    function _note(Account storage account, Checkpoints.Trace224 storage history, uint16 passed) private {
        uint16 written = account.recordIndex;
        if (written == passed) return;
        history.note(written, account.balance);
        account.recordIndex = passed;
    }

    function _transfer(address from, address to, uint256 amount) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        if (from == address(0)) revert ERC20InvalidSender(from);
        _update(from, to, amount);
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

    function _useReference(SecurityTokenStorage storage $, uint256 amount, bytes32 ref) private {
        if (!$.config.home) revert NotHome();
        if (amount == 0) revert ZeroAmount();
        if ($.used[ref]) revert ReferenceUsed(ref);
        $.used[ref] = true;
    }

    function _isKnown(uint256 flags) private pure returns (bool) {
        // a superseded account has no record any more
        return flags & ((1 << 24) | (1 << 29)) == 1 << 24;
    }

    function _isSanctioned(uint256 flags) private pure returns (bool) {
        return flags & (1 << 26) != 0;
    }

    function _isActive(uint256 flags) private view returns (bool) {
        uint32 expiry = uint32(flags >> 32);
        return flags & (1 << 25) != 0 && (expiry == 0 || block.timestamp <= expiry);
    }
}
