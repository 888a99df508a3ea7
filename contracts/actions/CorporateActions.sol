// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Roles} from "../access/Roles.sol";
import {Application} from "../bridge/Application.sol";
import {IHolderRegistry} from "../interfaces/IHolderRegistry.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {Dates} from "./Dates.sol";

/// @notice The official record of a cash distribution; one on every ledger.
/// @param officialEventId official corporate action event id (COAF), ASCII
/// @param securityId the security
/// @param eventType ISO 20022 event type, ASCII, such as DVCA
/// @param participation ISO 20022 participation, ASCII, such as MAND
/// @param announcementDate yyyymmdd
/// @param exDate yyyymmdd; 0 for securities in nominal, which have none
/// @param recordDate yyyymmdd
/// @param paymentDate yyyymmdd
/// @param recordTime record time T: balances count after the last block with timestamp <= T
/// @param rateNumerator rate, in major units of the currency per unit of the security
/// @param rateDenominator rate, as an exact fraction
/// @param currency ISO 4217 code, ASCII
/// @param currencyExponent minor units of the currency are 10^-exponent major ones
/// @param documentHash hash of the announcement document
struct EventRecord {
    bytes16 officialEventId;
    bytes32 securityId;
    bytes4 eventType;
    bytes4 participation;
    uint32 announcementDate;
    uint32 exDate;
    uint32 recordDate;
    uint32 paymentDate;
    uint64 recordTime;
    uint128 rateNumerator;
    uint128 rateDenominator;
    bytes3 currency;
    uint8 currencyExponent;
    bytes32 documentHash;
}

/// @notice One payment of an entitlement table.
/// @param account account on this ledger
/// @param amount minor units
/// @param proof siblings from the leaf to the root, pairs sorted
struct PaymentLine {
    address account;
    uint256 amount;
    bytes32[] proof;
}

/// @title Corporate actions of a chain
/// @notice The application of purpose 2. On the home ledger the issuer's agent announces events
/// and the paying agent publishes entitlements; both go to every ledger of the security (CA-1).
/// Each ledger pays its own accounts, each account of an event once (CA-11).
/// @dev A record is the code of a contract of its own, as the ABI encodes it: no version can change
/// it, it costs less than its slots would, and it is read as a whole. In memory it stands in the
/// message that announces it, right behind the kind; with the type hash in the place of the kind
/// it hashes to `recordHashOf`.
contract CorporateActions is Application {
    using SafeERC20 for IERC20;

    /// @notice This ledger learnt of an event.
    /// @param armed true when the token here keeps balances at the record time
    event EventAnnounced(
        bytes32 indexed eventKey,
        bytes32 indexed securityId,
        bytes32 recordHash,
        uint64 recordTime,
        bool armed
    );

    /// @notice This ledger learnt of an event's entitlements.
    event EntitlementsPublished(bytes32 indexed eventKey, bytes32 root, uint256 total, uint32 lines);

    /// @notice An account was paid; the cash is with the account that stands for it now (UBO-10).
    event EntitlementPaid(bytes32 indexed eventKey, address indexed account, uint256 amount);

    /// @notice An account may not be paid now. It keeps its entitlement, and is paid by a later call
    /// once it may be (CA-23).
    /// @param code why, as the token's transfer rules number it
    event EntitlementHeld(bytes32 indexed eventKey, address indexed account, uint256 amount, uint8 code);

    /// @notice A currency is paid in another token from now on.
    event CashSet(bytes3 indexed currency, address cashToken);

    /// @notice Only the home ledger announces and publishes.
    error NotHome();

    /// @notice The home ledger takes no announcement from elsewhere.
    error IsHome();

    /// @notice A field of the record is not a date.
    error InvalidDate(bytes32 field, uint32 date);

    /// @notice Dates are not in the order announcement < ex <= record <= payment.
    error DateOrder(uint32 announcementDate, uint32 exDate, uint32 recordDate, uint32 paymentDate);

    /// @notice The record time is not on the record date, in any time zone.
    error RecordTimeOffDate(uint64 recordTime, uint32 recordDate);

    /// @notice Event id, event type or currency is missing, or the rate is not a positive fraction.
    error IncompleteRecord(bytes16 officialEventId);

    /// @notice No token carries this security here.
    error SecurityUnknown(bytes32 securityId);

    /// @notice Another record is known under this event id, or other entitlements.
    error EventConflict(bytes32 eventKey, bytes32 known, bytes32 given);

    /// @notice The event is not known here.
    error EventUnknown(bytes32 eventKey);

    /// @notice The event's entitlements are not known here.
    error NotPublished(bytes32 eventKey);

    /// @notice An entitlement table has a root, a total and lines.
    error EmptyEntitlements(bytes32 eventKey);

    /// @notice The payment date has not come.
    error PaymentDateNotReached(uint32 paymentDate, uint256 blockTimestamp);

    /// @notice No cash token of this currency here.
    error CurrencyUnknown(bytes3 currency);

    /// @notice The line is not in the published table.
    error InvalidProof(bytes32 eventKey, address account, uint256 amount);

    /// @notice The amount is above what the account's units at record time can give.
    error AboveEligible(address account, uint256 amount, uint256 limit);

    /// @notice The payer's cash, or the allowance given for it, is short.
    error Unfunded(uint256 available, uint256 needed);

    /// @notice The message is of no kind known here.
    error UnknownKind(uint8 kind);

    bytes32 private constant EVENT_TYPEHASH = keccak256(
        "EventRecord(bytes16 officialEventId,bytes32 securityId,bytes4 eventType,bytes4 participation,uint32 announcementDate,uint32 exDate,uint32 recordDate,uint32 paymentDate,uint64 recordTime,uint128 rateNumerator,uint128 rateDenominator,bytes3 currency,uint8 currencyExponent,bytes32 documentHash)"
    );
    uint8 private constant CORPORATE_ACTION = 2;
    uint8 private constant RECIPIENT_UNKNOWN = 5;
    uint8 private constant RECIPIENT_FROZEN = 7;
    uint256 private constant MAX_STEPS = 32;
    uint8 private constant KIND_ANNOUNCEMENT = 1;
    uint8 private constant KIND_ENTITLEMENTS = 2;

    // Bytes of an encoded record, and of each of its fields; with 128 added for numbers, which are
    // right-aligned.
    uint256 private constant RECORD_LENGTH = 448;
    bytes32 private constant FIELD_SIZES = hex"1020040484848484889090038120";

    struct EventState {
        /// the contract whose code is STOP and the record
        address record;
        bool armed;
        uint32 lines;
        /// carried the security when the event was learnt: it keeps the balances
        address token;
        bytes32 recordHash;
        bytes32 root;
        uint256 total;
        mapping(address account => bool) paid;
    }

    /// @custom:storage-location erc7201:paripassu.storage.CorporateActions
    struct CorporateActionsStorage {
        bool home;
        /// last time that cash was paid; payments are not undone by a change of version
        uint64 paidAt;
        mapping(bytes3 currency => address) cash;
        mapping(bytes32 eventKey => EventState) events;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.CorporateActions")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x0d0aca339734c7fb450d73816313004a85a0eae701009cc099aeed8435309000;

    function _s() private pure returns (CorporateActionsStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    IHolderRegistry internal immutable HOLDER_REGISTRY;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param gateway_ carries the messages
    /// @param instanceRegistry_ says on which ledgers a security is
    /// @param holderRegistry_ says who services an account, and which took another's place
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address gateway_,
        address instanceRegistry_,
        address holderRegistry_
    ) Application(authority_, approvals_, kernel_, gateway_, instanceRegistry_) {
        if (holderRegistry_ == address(0)) revert ZeroAddress();
        HOLDER_REGISTRY = IHolderRegistry(holderRegistry_);
    }

    /// @notice Set up the proxy.
    /// @param home true on the ledger that announces
    function initialize(bool home) external initializer {
        _s().home = home;
    }

    // ------------------------------------------------------------------ set-up

    /// @notice Name the token that a currency is paid in here; zero takes it away.
    /// @custom:access-control ISSUER_AGENT
    function setCash(bytes3 currency, address cashToken) external onlyRole(Roles.ISSUER_AGENT) {
        _s().cash[currency] = cashToken;
        emit CashSet(currency, cashToken);
    }

    // ------------------------------------------------------------------ announce and publish

    /// @notice Announce an event here and to every other ledger of the security. Announcing the
    /// same record again changes nothing and sends nothing.
    /// @custom:access-control ISSUER_AGENT
    function announce(EventRecord calldata record) external onlyRole(Roles.ISSUER_AGENT) {
        if (!_s().home) revert NotHome();
        (bytes memory message, EventRecord memory r) = _message(record);
        _validate(r);
        // the token and the gateway are our own contracts, and what is written afterwards is theirs
        // slither-disable-next-line reentrancy-no-eth
        if (_learn(message, r, block.chainid)) _broadcast(r.securityId, message);
    }

    /// @notice Publish an event's entitlement table here and to every other ledger of the
    /// security. Publishing the same again changes nothing and sends nothing.
    /// @param eventKey the event
    /// @param root root of the Merkle tree over all lines of all ledgers
    /// @param total sum of all lines, minor units
    /// @param lines number of lines
    /// @custom:access-control PAYING_AGENT
    function publishEntitlements(
        bytes32 eventKey,
        bytes32 root,
        uint256 total,
        uint32 lines
    ) external onlyRole(Roles.PAYING_AGENT) {
        if (!_s().home) revert NotHome();
        if (_learnEntitlements(eventKey, root, total, lines)) {
            _broadcast(
                _recordOf(_s().events[eventKey]).securityId,
                abi.encode(KIND_ENTITLEMENTS, eventKey, root, total, lines)
            );
        }
    }

    // ------------------------------------------------------------------ pay

    /// @notice Pay accounts of this ledger from the caller's cash. Accounts paid before are passed
    /// over, and those that may not be paid now, without a mark (CTL-1); any other fault of a line
    /// stops all of them. The cash of a superseded account goes to the one that stands for it now.
    /// @dev Where the token keeps balances at the record time, no line is above what these allow.
    /// @param eventKey the event
    /// @param lines lines of the published table
    /// @custom:access-control PAYING_AGENT
    function pay(bytes32 eventKey, PaymentLine[] calldata lines) external onlyRole(Roles.PAYING_AGENT) {
        EventState storage state = _known(eventKey);
        if (state.root == 0) revert NotPublished(eventKey);
        EventRecord memory record = _recordOf(state);
        if (block.timestamp < Dates.midnight(record.paymentDate) || block.timestamp <= record.recordTime) {
            revert PaymentDateNotReached(record.paymentDate, block.timestamp);
        }
        IERC20 cash = IERC20(_s().cash[record.currency]);
        if (address(cash) == address(0)) revert CurrencyUnknown(record.currency);

        address[] memory payees = new address[](lines.length);
        uint256 needed = 0;
        for (uint256 i = 0; i < lines.length; ++i) {
            PaymentLine calldata line = lines[i];
            if (state.paid[line.account]) continue;
            address payee = _payeeOf(state, record, eventKey, line);
            if (payee == address(0)) continue;
            state.paid[line.account] = true;
            payees[i] = payee;
            needed += line.amount;
        }
        uint256 available = cash.balanceOf(msg.sender);
        uint256 allowed = cash.allowance(msg.sender, address(this));
        if (allowed < available) available = allowed;
        if (available < needed) revert Unfunded(available, needed);
        if (needed != 0) _s().paidAt = uint64(block.timestamp);
        for (uint256 i = 0; i < lines.length; ++i) {
            if (payees[i] == address(0)) continue;
            PaymentLine calldata line = lines[i];
            emit EntitlementPaid(eventKey, line.account, line.amount);
            if (line.amount != 0) cash.safeTransferFrom(msg.sender, payees[i], line.amount);
        }
    }

    /// @notice See `IIrreversible`.
    /// @dev The last payment: who was paid under a version is paid, whatever version follows.
    function irreversibleAt() external view returns (uint64) {
        return _s().paidAt;
    }

    /// @notice Whether an account has been paid for an event.
    function paid(bytes32 eventKey, address account) external view returns (bool) {
        return _s().events[eventKey].paid[account];
    }

    /// @notice Most that an account can be due: its units at record time times the rate, rounded
    /// up. An account with a servicer may hold for many clients, each of whom may be rounded up
    /// because of what else they hold: one minor unit for each but one of its units comes on top.
    /// @return limit minor units; the maximum where balances at the record time are not kept here
    function limitOf(bytes32 eventKey, address account) external view returns (uint256 limit) {
        EventState storage state = _s().events[eventKey];
        return _limitOf(state, _recordOf(state), account);
    }

    // ------------------------------------------------------------------ reading

    /// @notice An event as this ledger knows it; all zero when it does not.
    /// @return record the official record
    /// @return recordHash its hash, equal on every ledger
    /// @return root root of the entitlement table; zero before it is published
    /// @return total sum of the table's lines over all ledgers, minor units
    /// @return armed whether the token here keeps balances at the record time
    function eventOf(bytes32 eventKey)
        external
        view
        returns (EventRecord memory record, bytes32 recordHash, bytes32 root, uint256 total, bool armed)
    {
        EventState storage state = _s().events[eventKey];
        return (_recordOf(state), state.recordHash, state.root, state.total, state.armed);
    }

    /// @notice Number of lines in an event's entitlement table, over all ledgers.
    function linesOf(bytes32 eventKey) external view returns (uint32) {
        return _s().events[eventKey].lines;
    }

    /// @notice keccak256(abi.encode(type hash, fields in order)), as EIP-712 hashes a struct.
    function recordHashOf(EventRecord calldata record) external pure returns (bytes32) {
        (bytes memory message, ) = _message(record);
        return _hash(message);
    }

    /// @notice Leaf of an entitlement table for an account of this ledger.
    function leafOf(bytes32 eventKey, address account, uint256 amount) public view returns (bytes32) {
        return keccak256(
            bytes.concat(
                keccak256(abi.encode(eventKey, block.chainid, keccak256(abi.encodePacked(account)), amount))
            )
        );
    }

    /// @notice The token that a currency is paid in here; zero when there is none.
    function cashOf(bytes3 currency) external view returns (address) {
        return _s().cash[currency];
    }

    /// @notice Whether this ledger announces.
    function isHome() external view returns (bool) {
        return _s().home;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice CorporateActions
    function contractName() public pure override returns (string memory) {
        return "CorporateActions";
    }

    // ------------------------------------------------------------------ parts

    /// @inheritdoc Application
    function _receive(bytes32, uint256 source, uint64, bytes calldata payload) internal override {
        if (_s().home) revert IsHome();
        uint8 kind = abi.decode(payload, (uint8));
        if (kind == KIND_ANNOUNCEMENT) {
            EventRecord calldata given;
            if (payload.length < 32 + RECORD_LENGTH) revert UnknownKind(kind);
            assembly ("memory-safe") {
                given := add(payload.offset, 32)
            }
            (bytes memory message, EventRecord memory record) = _message(given);
            _learn(message, record, source);
        } else if (kind == KIND_ENTITLEMENTS) {
            (, bytes32 eventKey, bytes32 root, uint256 total, uint32 lines) =
                abi.decode(payload, (uint8, bytes32, bytes32, uint256, uint32));
            _learnEntitlements(eventKey, root, total, lines);
        } else {
            revert UnknownKind(kind);
        }
    }

    /// @dev The message that announces a record, and the record in it. A field that is wider than its
    /// type is refused, as the ABI decoder would.
    function _message(
        EventRecord calldata given
    ) private pure returns (bytes memory message, EventRecord memory record) {
        message = new bytes(32 + RECORD_LENGTH);
        uint256 excess;
        assembly ("memory-safe") {
            mstore(add(message, 32), KIND_ANNOUNCEMENT)
            record := add(message, 64)
            calldatacopy(record, given, RECORD_LENGTH)
            for { let i := 0 } lt(i, 14) { i := add(i, 1) } {
                let size := byte(i, FIELD_SIZES)
                let field := mload(add(record, shl(5, i)))
                switch gt(size, 128)
                case 0 { excess := or(excess, shl(shl(3, size), field)) }
                default { excess := or(excess, shr(shl(3, sub(size, 128)), field)) }
            }
        }
        if (excess != 0) revert();
    }

    /// @dev keccak256(abi.encode(type hash, fields in order)) of the record that a message announces.
    function _hash(bytes memory message) private pure returns (bytes32 hash) {
        bytes32 typehash = EVENT_TYPEHASH;
        assembly ("memory-safe") {
            let at := add(message, 32)
            mstore(at, typehash)
            hash := keccak256(at, mload(message))
            mstore(at, KIND_ANNOUNCEMENT)
        }
    }

    /// @dev The record of an event; all zero where it is not known.
    function _recordOf(EventState storage state) private view returns (EventRecord memory record) {
        address code = state.record;
        assembly ("memory-safe") {
            // past the end of the code there are zeros
            extcodecopy(code, record, 1, RECORD_LENGTH)
        }
    }

    function _known(bytes32 eventKey) private view returns (EventState storage state) {
        state = _s().events[eventKey];
        if (state.recordHash == 0) revert EventUnknown(eventKey);
    }

    /// @dev Store a record and arm its record time. False when it was known already. From a ledger
    /// whose version may not even be read it waits, parked (VER-4).
    function _learn(bytes memory message, EventRecord memory record, uint256 source) private returns (bool) {
        bytes32 eventKey = bytes32(record.officialEventId);
        bytes32 recordHash = _hash(message);
        EventState storage state = _s().events[eventKey];
        bytes32 known = state.recordHash;
        if (known == recordHash) return false;
        if (known != 0) revert EventConflict(eventKey, known, recordHash);
        bytes32 securityId = record.securityId;
        address token = source == block.chainid
            ? INSTANCE_REGISTRY.localToken(securityId)
            : INSTANCE_REGISTRY.requireRead(securityId, source);
        if (token == address(0)) revert SecurityUnknown(securityId);
        address code;
        assembly ("memory-safe") {
            // PUSH2 449, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN; STOP and the record
            let kind := mload(sub(record, 32))
            mstore(sub(record, 32), 0x6101c180600a3d393df300)
            code := create(0, sub(record, 11), add(RECORD_LENGTH, 11))
            mstore(sub(record, 32), kind)
            if iszero(code) { revert(0, 0) }
        }
        (state.record, state.recordHash, state.token) = (code, recordHash, token);
        bool armed = ISecurityToken(token).armRecordTime(record.recordTime);
        state.armed = armed;
        emit EventAnnounced(eventKey, securityId, recordHash, record.recordTime, armed);
        return true;
    }

    /// @dev Store an entitlement table. False when it was known already.
    function _learnEntitlements(bytes32 eventKey, bytes32 root, uint256 total, uint32 lines) private returns (bool) {
        EventState storage state = _known(eventKey);
        if (root == 0 || lines == 0) revert EmptyEntitlements(eventKey);
        bytes32 known = state.root;
        if (known == root && state.total == total && state.lines == lines) return false;
        if (known != 0) revert EventConflict(eventKey, known, root);
        (state.root, state.total, state.lines) = (root, total, lines);
        emit EntitlementsPublished(eventKey, root, total, lines);
        return true;
    }

    /// @dev Send a payload to every other ledger that has a trusted instance of the security.
    function _broadcast(bytes32 securityId, bytes memory payload) private {
        uint256[] memory ledgers = INSTANCE_REGISTRY.ledgersOf(securityId);
        for (uint256 i = 0; i < ledgers.length; ++i) {
            // the gateway's own event states the identifier
            // slither-disable-next-line unused-return
            if (ledgers[i] != block.chainid) GATEWAY.dispatch(ledgers[i], CORPORATE_ACTION, 0, payload);
        }
    }

    function _limitOf(
        EventState storage state,
        EventRecord memory record,
        address account
    ) private view returns (uint256 limit) {
        if (!state.armed) return type(uint256).max;
        ISecurityToken token = ISecurityToken(state.token);
        uint256 eligible = token.eligibleBalanceOfAt(account, record.recordTime);
        if (eligible == 0) return 0;
        // units take 64 bits, the numerator 128, and 10^18 takes 60: nothing can overflow
        uint256 minor;
        unchecked {
            minor = 10 ** record.currencyExponent;
        }
        limit = eligible * record.rateNumerator * minor;
        limit = (limit - 1) / record.rateDenominator + 1;
        if (HOLDER_REGISTRY.servicerOf(account) != address(0)) limit += eligible - 1;
    }

    /// @dev Who gets the cash of a line, which must be of the published table and no more than the
    /// units allow; zero where nobody may now.
    function _payeeOf(
        EventState storage state,
        EventRecord memory record,
        bytes32 eventKey,
        PaymentLine calldata line
    ) private returns (address payee) {
        (address account, uint256 amount) = (line.account, line.amount);
        if (!MerkleProof.verifyCalldata(line.proof, state.root, leafOf(eventKey, account, amount))) {
            revert InvalidProof(eventKey, account, amount);
        }
        uint256 limit = _limitOf(state, record, account);
        if (amount > limit) revert AboveEligible(account, amount, limit);
        uint8 code;
        (payee, code) = _successorOf(ISecurityToken(state.token), account);
        if (code == 0) return payee;
        emit EntitlementHeld(eventKey, account, amount, code);
        return address(0);
    }

    /// @dev Who gets an account's cash, and why not now. A freeze binds an entity's cash also where it
    /// was laid on an account that another one has succeeded.
    function _successorOf(ISecurityToken token, address account) private view returns (address payee, uint8 code) {
        payee = account;
        code = token.payoutRestriction(account);
        // superseded accounts have no record as far as the rules go
        if (code != RECIPIENT_UNKNOWN) return (payee, code);
        for (uint256 i = 0; i < MAX_STEPS; ++i) {
            // when it succeeded does not matter here
            // slither-disable-next-line unused-return
            (address next, ) = HOLDER_REGISTRY.successorOf(payee);
            if (next == address(0)) break;
            if (token.isFrozen(payee)) return (payee, RECIPIENT_FROZEN);
            payee = next;
        }
        if (payee != account) code = token.payoutRestriction(payee);
    }

    /// @dev What can be told without a business calendar; that is checked before it is sent (CA-4).
    function _validate(EventRecord memory r) private pure {
        if (
            r.officialEventId == 0 || r.eventType == 0 || r.currency == 0 || r.rateNumerator == 0
                || r.rateDenominator == 0 || r.currencyExponent > 18
        ) revert IncompleteRecord(r.officialEventId);
        _checkDate("announcementDate", r.announcementDate);
        if (r.exDate != 0) _checkDate("exDate", r.exDate);
        _checkDate("recordDate", r.recordDate);
        _checkDate("paymentDate", r.paymentDate);
        bool exInOrder = r.exDate == 0 || (r.announcementDate < r.exDate && r.exDate <= r.recordDate);
        if (!exInOrder || r.announcementDate >= r.recordDate || r.recordDate > r.paymentDate) {
            revert DateOrder(r.announcementDate, r.exDate, r.recordDate, r.paymentDate);
        }
        // a day starts 14 hours before UTC's in the east, and ends 12 hours after it in the west
        uint256 start = Dates.midnight(r.recordDate);
        if (r.recordTime + 14 hours < start || r.recordTime > start + 36 hours) {
            revert RecordTimeOffDate(r.recordTime, r.recordDate);
        }
    }

    function _checkDate(bytes32 field, uint32 date) private pure {
        if (!Dates.isDate(date)) revert InvalidDate(field, date);
    }
}
