// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Interop} from "../access/Interop.sol";
import {PariContract} from "../access/PariContract.sol";
import {Roles} from "../access/Roles.sol";
import {Typed} from "../access/Typed.sol";
import {IERC7786GatewaySource, IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {IGateway, Message, Standing} from "../interfaces/IGateway.sol";
import {Lane, LaneState, LaneStateLib} from "./Lanes.sol";
import {Headers} from "./Headers.sol";
import {Quorum} from "./Quorum.sol";

/// @title Gateway between ledgers
/// @notice Outbox and inbox of a chain. Messages travel in lanes (source, destination, purpose), each numbered from 1
/// without gaps; attestors sign batches of one lane; whoever likes delivers them. A message takes effect once, in
/// lane order, or is parked with the reason, or is refused for good (MOV-3). What was refused is attested at its
/// source, where its sender takes it back (MOV-6).
/// @dev The gateway calls one function only, `receiveMessage`, of the applications registered here, and only with
/// what their counterparts on the other ledgers sent: applications need not know of these. Nobody gets into a lane
/// while a message of it is in execution.
contract Gateway is Quorum, IGateway {
    /// @notice Messages of a lane took effect, numbered from `first` on, but those of which the transaction says before
    /// that they were parked or refused. One event a batch: one for each message would cost more than its effect.
    event BatchExecuted(uint256 indexed source, uint8 indexed purpose, uint64 first, bytes32[] messageIds);

    /// @notice A message that was parked took effect.
    event MessageExecuted(bytes32 indexed messageId, uint256 indexed source, uint8 indexed purpose, uint64 nonce);

    /// @notice A message arrived but could not take effect; `retry` may carry it out later.
    /// @param reason the error that stopped it, ABI encoded, at most 256 bytes
    event MessageParked(
        bytes32 indexed messageId,
        uint256 indexed source,
        uint8 indexed purpose,
        uint64 nonce,
        bytes reason
    );

    /// @notice A message will never take effect here.
    /// @param reason the error `MessageExpired`, or what the operator stated
    event MessageRefused(
        bytes32 indexed messageId,
        uint256 indexed source,
        uint8 indexed purpose,
        uint64 nonce,
        bytes reason
    );

    /// @notice All messages of a lane up to a number have arrived on the other ledger: executed, parked or refused.
    event LaneAcknowledged(uint256 indexed destination, uint8 indexed purpose, uint64 nonce);

    /// @notice It is attested that a message never takes effect on the other ledger; `refund` gives it back.
    event MessageReturned(bytes32 indexed messageId, uint256 indexed destination, uint8 indexed purpose);

    /// @notice The sender of a message took it back.
    event MessageRefunded(bytes32 indexed messageId, uint256 indexed destination, uint8 indexed purpose);

    /// @notice The two lanes of a purpose with a ledger were opened, changed, or closed where there is no application.
    event LaneSet(uint256 indexed ledger, uint8 indexed purpose, address app, bytes peer);

    /// @notice Nothing is sent or executed in these lanes until they are resumed (MOV-9).
    event LaneStopped(uint256 indexed ledger, uint8 indexed purpose, bytes32 reason);

    /// @notice The lanes go on.
    event LaneResumed(uint256 indexed ledger, uint8 indexed purpose, bytes32 reason);

    /// @notice The caller is not the application of this purpose.
    error NotApp(uint8 purpose, address caller);

    /// @notice The lane attribute is missing, repeated or malformed.
    error LaneMissing();

    /// @notice Messages carry no native value.
    error ValueNotSupported();

    /// @notice There is no lane of this purpose with this ledger.
    error LaneClosed(uint256 ledger, uint8 purpose);

    /// @notice The lanes of this purpose with this ledger are stopped.
    error LaneHalted(uint256 ledger, uint8 purpose);

    /// @notice A message of the lane is in execution.
    error LaneBusy(uint256 ledger, uint8 purpose);

    /// @notice The peer's address is on another ledger, or on this one.
    error PeerMismatch(uint256 ledger);

    /// @notice The recipient is not the application of its purpose on that ledger.
    error NotRecipient(bytes recipient);

    /// @notice The message is not from the application of its purpose on its ledger.
    error NotPeer(uint256 source, bytes sender);

    /// @notice This contract can be no application.
    error BadApp(uint8 purpose, address app);

    /// @notice The batch has no messages.
    error EmptyBatch();

    /// @notice The messages of a batch do not end where the batch does.
    error MalformedBatch();

    /// @notice Earlier messages of the lane must be executed first.
    error NonceGap(uint64 expected, uint64 given);

    /// @notice The message's source time is later than this block's.
    error FromTheFuture(uint64 timestamp, uint256 blockTimestamp);

    /// @notice The message expired, or would at once.
    error MessageExpired(uint64 expiry);

    /// @notice The sender speaks another major version of the protocol.
    error UnsupportedVersion(uint32 version);

    /// @notice The recipient is not the application of the message's purpose here.
    error ReceiverMissing(bytes recipient);

    /// @notice The application did not answer as ERC-7786 demands; nothing is taken from it or given to it.
    error BadReceiver(address receiver);

    /// @notice Too little gas to give the application its allowance; nothing was consumed.
    error InsufficientGas(uint256 available, uint256 needed);

    /// @notice The message is not parked.
    error NotParked(bytes32 messageId);

    /// @notice It is not attested that the message never takes effect, or its sender took it back already.
    error NotReturned(bytes32 messageId);

    /// @notice The operator refused a parked message.
    error RefusedByOperator(bytes32 reason);

    /// @notice A privileged act states its reason.
    error ReasonMissing();

    /// @notice More arrivals are attested than messages were sent.
    error NeverSent(uint64 sent, uint64 attested);

    /// @notice What an application may spend on one message, no more and no less.
    uint256 public constant RECEIVER_GAS = 1_000_000;

    /// @dev Kept back to park a message and to finish the batch.
    uint256 private constant RESERVED_GAS = 100_000;

    /// @dev Longest reason that is kept of a failure, bytes.
    uint256 private constant REASON_LENGTH = 256;

    /// @dev Bytes before the payload of a message in a batch: source time, expiry, length.
    uint256 private constant PREFIX = 13;

    bytes4 private constant LANE = bytes4(keccak256("lane(uint8,uint64)"));

    // three that are needed in assembly, where they have to be literal: bytes4(keccak256("envelope(uint256)")),
    // IERC7786GatewaySource.MessageSent.selector, the type hash of Message
    bytes32 private constant ENVELOPE = 0x36b8f40500000000000000000000000000000000000000000000000000000000;
    bytes32 private constant SENT = 0x7446eaa0a0dda80670b3bfe972bfbefab659bcfb67abad4e0b64dc4630a70481;
    bytes32 private constant MESSAGE_TYPEHASH = 0x4a61ace81b4a4745c5538408b276bcdb9d7441d6d188563132b7bef2a1d8c424;

    bytes32 private constant BATCH_TYPEHASH = keccak256(
        "Batch(uint32 attestorSetVersion,Message[] messages)Message(uint256 source,uint256 destination,uint8 purpose,uint64 nonce,uint64 timestamp,uint64 expiry,uint32 version,bytes sender,bytes recipient,bytes payload)"
    );
    bytes32 private constant ACKNOWLEDGEMENT_TYPEHASH = keccak256(
        "Acknowledgement(uint32 attestorSetVersion,uint256 source,uint256 destination,uint8 purpose,uint64 nonce,bytes32[] refused)"
    );

    /// @dev Between whom the messages of a batch go.
    /// @param state of the lane, with the application here
    /// @param sender ERC-7930 address of that there
    /// @param obstacle why none of them can take effect; empty where they can
    struct Route {
        LaneState state;
        bytes sender;
        bytes obstacle;
    }

    /// @dev Hashes of the ERC-7930 addresses of the applications that a lane knows, there and here.
    struct Parties {
        bytes32 sender;
        bytes32 recipient;
    }

    /// @custom:storage-location erc7201:paripassu.storage.Gateway
    struct GatewayStorage {
        mapping(uint256 ledger => mapping(uint256 purpose => Lane)) lanes;
        mapping(bytes32 messageId => Standing) standing;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Gateway")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x1a064f5dbd030395eec3740df11b4704942ad50a8fb59d217e23039afe52fc00;

    function _s() private pure returns (GatewayStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    constructor(
        address authority_,
        address approvals_,
        address kernel_
    ) PariContract(authority_, approvals_, kernel_) {}

    // ------------------------------------------------------------------ set-up

    /// @notice Open the two lanes of a purpose with a ledger, or change who speaks in them. Numbers go on.
    /// @param ledger number of the ledger
    /// @param purpose its purpose
    /// @param app the application here; zero closes the lanes
    /// @param peer ERC-7930 address of the application there
    /// @custom:access-control BRIDGE_OPERATOR
    function setLane(
        uint256 ledger,
        uint8 purpose,
        address app,
        bytes calldata peer
    ) external onlyRole(Roles.BRIDGE_OPERATOR) {
        if (app == address(this) || app == address(AUTHORITY) || app == APPROVALS) revert BadApp(purpose, app);
        if (Interop.ledgerOf(peer) != ledger || ledger == block.chainid) revert PeerMismatch(ledger);
        Lane storage lane = _s().lanes[ledger][purpose];
        bool same = keccak256(peer) == keccak256(Interop.format(ledger, app));
        lane.state = lane.state.withApp(app).withFlag(LaneStateLib.SAME_ADDRESS, same);
        if (same) delete lane.peer;
        else lane.peer = peer;
        emit LaneSet(ledger, purpose, app, peer);
    }

    /// @notice Stop the two lanes of a purpose with a ledger: nothing is sent, executed or refunded in them.
    /// @custom:access-control PAUSER
    function stopLane(uint256 ledger, uint8 purpose, bytes32 reason) external onlyRole(Roles.PAUSER) {
        _setStopped(ledger, purpose, reason, true);
        emit LaneStopped(ledger, purpose, reason);
    }

    /// @notice Let stopped lanes go on.
    /// @custom:access-control UNPAUSER
    function resumeLane(uint256 ledger, uint8 purpose, bytes32 reason) external onlyRole(Roles.UNPAUSER) {
        _setStopped(ledger, purpose, reason, false);
        emit LaneResumed(ledger, purpose, reason);
    }

    // ------------------------------------------------------------------ outbox

    /// @inheritdoc IGateway
    /// @custom:access-control the application of the purpose
    function dispatch(
        uint256 destination,
        uint8 purpose,
        uint64 expiry,
        bytes calldata payload
    ) external returns (bytes32) {
        return _dispatch(destination, purpose, expiry, payload);
    }

    /// @inheritdoc IERC7786GatewaySource
    /// @dev `attributes` is the one attribute lane(uint8 purpose, uint64 expiry). In the event it is replaced by
    /// envelope(uint256), so that the log alone gives the whole message: purpose, nonce, source time, expiry and
    /// version from the lowest bit on, 8, 64, 64, 64 and 32 of them.
    /// @custom:access-control the application of the purpose
    function sendMessage(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) external payable returns (bytes32 id) {
        if (msg.value != 0) revert ValueNotSupported();
        (uint8 purpose, uint64 expiry) = _lane(attributes);
        uint256 destination = Interop.ledgerOf(recipient);
        id = _dispatch(destination, purpose, expiry, payload);
        Lane storage lane = _s().lanes[destination][purpose];
        if (keccak256(recipient) != keccak256(_peer(lane, lane.state, destination))) revert NotRecipient(recipient);
    }

    // ------------------------------------------------------------------ inbox

    /// @notice Execute an attested batch: consecutive messages of one lane, from one sender to one recipient. Messages
    /// executed before are passed over, so a batch may be delivered by several relayers at once.
    /// @param source number of the ledger that the messages are from
    /// @param head from the lowest bit on: purpose 8 bits, number of the first message 64, protocol version 32,
    /// version of the attestor set 32, which of its members signed 32
    /// @param parties ABI encoding of the ERC-7930 addresses of the messages' sender and recipient; empty where these
    /// are the applications that the lane knows
    /// @param messages one after the other: source time and expiry in seconds, 5 bytes each, length of the payload,
    /// 3 bytes, payload
    /// @param signatures of the members named, in the set's order, 65 bytes each, over `digest` of the batch
    function execute(
        uint256 source,
        uint256 head,
        bytes calldata parties,
        bytes calldata messages,
        bytes calldata signatures
    ) external {
        Lane storage lane = _s().lanes[source][uint8(head)];
        (Headers.Header memory header, Route memory route) = _route(lane, source, head, parties);
        bytes32[] memory ids = _identify(header, messages);
        _verifyBatch(head, ids, signatures);
        _executeAll(lane, header, route, ids, messages);
    }

    /// @notice Carry out a parked message. Reverts with the application's own reason.
    function retry(Message calldata message) external {
        (Lane storage lane, Headers.Header memory header, bytes32 id) = _parked(message);
        address app = lane.state.app();
        bytes32 peer = keccak256(_peer(lane, lane.state, message.source));
        Parties memory known = Parties(peer, keccak256(Interop.local(app)));
        bytes memory reason = _obstacle(app, header, known, message.sender, message.recipient);
        if (reason.length == 0 && _isExpired(message.expiry)) {
            reason = abi.encodeWithSelector(MessageExpired.selector, message.expiry);
        }
        if (reason.length != 0) _revert(reason);
        delete _s().standing[id];
        _carry(lane, app, id, message);
        emit MessageExecuted(id, message.source, message.purpose, message.nonce);
    }

    /// @notice Refuse a parked message for good, so that its sender gets it back: once it has expired, by anybody.
    /// @param message the message
    /// @param reason why; not needed where it has expired
    /// @custom:access-control BRIDGE_OPERATOR; anybody once it has expired
    function refuse(Message calldata message, bytes32 reason) external {
        (, , bytes32 id) = _parked(message);
        bytes memory why;
        if (_isExpired(message.expiry)) {
            why = abi.encodeWithSelector(MessageExpired.selector, message.expiry);
        } else {
            _checkRole(Roles.BRIDGE_OPERATOR);
            if (reason == 0) revert ReasonMissing();
            why = abi.encodeWithSelector(RefusedByOperator.selector, reason);
        }
        delete _s().standing[id];
        emit MessageRefused(id, message.source, message.purpose, message.nonce, why);
    }

    // ------------------------------------------------------------------ acknowledgement

    /// @notice Take in what attestors say of this chain's messages on another ledger, from its final blocks.
    /// @param destination number of that ledger
    /// @param head as of `execute`; the number is that up to which all messages have arrived, executed, parked or
    /// refused
    /// @param refused messages that will never take effect
    /// @param signatures of the members named, in the set's order, 65 bytes each, over the EIP-712 digest of
    /// Acknowledgement
    function acknowledge(
        uint256 destination,
        uint256 head,
        bytes32[] calldata refused,
        bytes calldata signatures
    ) external {
        _verifyAcknowledgement(destination, head, refused, signatures);
        GatewayStorage storage $ = _s();
        (uint8 purpose, uint64 nonce) = (uint8(head), uint64(head >> 8));
        Lane storage lane = $.lanes[destination][purpose];
        uint256 sent = lane.state.outbound();
        if (nonce > sent) revert NeverSent(uint64(sent), nonce);
        if (nonce > lane.acknowledged) {
            lane.acknowledged = nonce;
            emit LaneAcknowledged(destination, purpose, nonce);
        }
        for (uint256 i = 0; i < refused.length; ++i) {
            if ($.standing[refused[i]] != Standing.NONE) continue;
            $.standing[refused[i]] = Standing.RETURNED;
            emit MessageReturned(refused[i], destination, purpose);
        }
    }

    /// @notice Give a message back to the application that sent it, once it is attested that it will never take
    /// effect. Reverts with the application's own reason.
    function refund(Message calldata message) external {
        Headers.Header memory header = Headers.headerOf(message);
        bytes32 id = Headers.idOf(header);
        GatewayStorage storage $ = _s();
        if ($.standing[id] != Standing.RETURNED || message.source != block.chainid) revert NotReturned(id);
        Lane storage lane = $.lanes[message.destination][message.purpose];
        address app = _free(lane, message.destination, message.purpose).app();
        if (header.sender != keccak256(Interop.local(app))) revert ReceiverMissing(message.sender);
        $.standing[id] = Standing.REFUNDED;
        _carry(lane, app, id, message);
        emit MessageRefunded(id, message.destination, message.purpose);
    }

    // ------------------------------------------------------------------ reading

    /// @notice What is known of a message that did not simply take effect.
    function standingOf(bytes32 id) external view returns (Standing) {
        return _s().standing[id];
    }

    /// @notice Number of the last message sent in a lane; 0 before the first.
    function outboundNonce(uint256 destination, uint8 purpose) external view returns (uint64) {
        return uint64(_s().lanes[destination][purpose].state.outbound());
    }

    /// @notice Number of the last message executed, parked or refused in a lane; 0 before the first.
    function inboundNonce(uint256 source, uint8 purpose) external view returns (uint64) {
        return uint64(_s().lanes[source][purpose].state.inbound());
    }

    /// @notice Number up to which the messages of a lane are attested to have arrived; 0 before the first.
    function acknowledgedNonce(uint256 destination, uint8 purpose) external view returns (uint64) {
        return _s().lanes[destination][purpose].acknowledged;
    }

    /// @notice The application of a purpose here, zero where the lanes with the ledger are closed; the ERC-7930 address
    /// of the one there; and whether the lanes are stopped.
    function laneOf(
        uint256 ledger,
        uint8 purpose
    ) external view returns (address app, bytes memory peer, bool stopped) {
        Lane storage lane = _s().lanes[ledger][purpose];
        LaneState state = lane.state;
        return (state.app(), _peer(lane, state, ledger), state.has(LaneStateLib.STOPPED));
    }

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) external pure returns (bool) {
        return selector == LANE;
    }

    /// @notice Identifier of a message: its EIP-712 struct hash.
    function messageId(Message calldata message) external pure returns (bytes32) {
        return Headers.idOf(Headers.headerOf(message));
    }

    /// @notice What attestors sign: the EIP-712 digest of a batch, for this gateway on this chain.
    /// @param setVersion version of the attestor set
    /// @param ids identifiers of its messages, in lane order
    function digest(uint32 setVersion, bytes32[] calldata ids) external view returns (bytes32) {
        return _digest(setVersion, ids);
    }

    /// @notice Version of the message protocol, major << 16 | minor << 8 | patch. Ledgers of one
    /// major version understand each other.
    function protocolVersion() public pure returns (uint32) {
        return 1 << 16;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC7786GatewaySource).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice Gateway
    function contractName() public pure override returns (string memory) {
        return "Gateway";
    }

    // ------------------------------------------------------------------ parts

    /// @dev The state of lanes that are open and not stopped, with no message in execution.
    function _free(Lane storage lane, uint256 ledger, uint8 purpose) private view returns (LaneState state) {
        state = lane.state;
        if (state.app() == address(0)) revert LaneClosed(ledger, purpose);
        if (state.has(LaneStateLib.STOPPED)) revert LaneHalted(ledger, purpose);
        if (state.has(LaneStateLib.BUSY)) revert LaneBusy(ledger, purpose);
    }

    /// @dev What the messages of a batch have in common. The lane must be open, and not stopped or busy.
    function _route(
        Lane storage lane,
        uint256 source,
        uint256 head,
        bytes calldata parties
    ) private view returns (Headers.Header memory header, Route memory route) {
        route.state = _free(lane, source, uint8(head));
        bytes memory sender = _peer(lane, route.state, source);
        bytes memory recipient = Interop.local(route.state.app());
        Parties memory known = Parties(keccak256(sender), keccak256(recipient));
        if (parties.length != 0) (sender, recipient) = abi.decode(parties, (bytes, bytes));
        Headers.begin(header, source, block.chainid, head, keccak256(sender), keccak256(recipient));
        route.sender = sender;
        route.obstacle = _obstacle(route.state.app(), header, known, sender, recipient);
    }

    /// @dev ERC-7930 address of the application on the other side of a lane.
    function _peer(Lane storage lane, LaneState state, uint256 ledger) private view returns (bytes memory) {
        return state.has(LaneStateLib.SAME_ADDRESS) ? Interop.format(ledger, state.app()) : lane.peer;
    }

    /// @dev Send the next message of a lane. An application may answer while a message is in execution.
    function _dispatch(
        uint256 destination,
        uint8 purpose,
        uint64 expiry,
        bytes calldata payload
    ) private returns (bytes32 id) {
        (uint256 nonce, bytes memory recipient) = _count(destination, purpose);
        if (expiry != 0 && expiry < block.timestamp) revert MessageExpired(expiry);
        uint256 envelope = purpose | (nonce << 8) | (block.timestamp << 72) | (uint256(expiry) << 136);
        envelope |= uint256(protocolVersion()) << 200;
        return _emitSent(destination, Interop.local(msg.sender), recipient, payload, envelope);
    }

    /// @dev Number of the next message of a lane, which its application alone sends, and to whom it goes.
    function _count(uint256 destination, uint8 purpose) private returns (uint256, bytes memory) {
        Lane storage lane = _s().lanes[destination][purpose];
        LaneState state = lane.state;
        if (msg.sender != state.app()) {
            if (state.app() == address(0)) revert LaneClosed(destination, purpose);
            revert NotApp(purpose, msg.sender);
        }
        if (state.has(LaneStateLib.STOPPED)) revert LaneHalted(destination, purpose);
        state = state.withNextOutbound();
        lane.state = state;
        return (state.outbound(), _peer(lane, state, destination));
    }

    /// @dev Compute the message's identifier and emit `MessageSent` with the one attribute `envelope(uint256)`. By hand,
    /// in memory that nobody keeps: it takes half of the gas that the event's own bytes leave.
    function _emitSent(
        uint256 destination,
        bytes memory sender,
        bytes memory recipient,
        bytes calldata payload,
        uint256 envelope
    ) private returns (bytes32 id) {
        (uint256 header, uint256 at) = _layOut(sender, recipient, payload);
        assembly ("memory-safe") {
            mstore(header, MESSAGE_TYPEHASH)
            mstore(add(header, 32), chainid())
            mstore(add(header, 64), destination)
            mstore(add(header, 96), and(envelope, 0xff))
            mstore(add(header, 128), and(shr(8, envelope), 0xffffffffffffffff))
            mstore(add(header, 160), and(shr(72, envelope), 0xffffffffffffffff))
            mstore(add(header, 192), and(shr(136, envelope), 0xffffffffffffffff))
            mstore(add(header, 224), shr(200, envelope))
            mstore(add(header, 256), keccak256(add(sender, 32), mload(sender)))
            mstore(add(header, 288), keccak256(add(recipient, 32), mload(recipient)))
            id := keccak256(header, 352)
            // one attribute of 36 bytes: selector and word
            mstore(at, 1)
            mstore(add(at, 32), 32)
            mstore(add(at, 64), 36)
            mstore(add(at, 128), 0)
            mstore(add(at, 96), ENVELOPE)
            mstore(add(at, 100), envelope)
            let data := add(header, 352)
            log2(data, sub(add(at, 160), data), SENT, id)
        }
    }

    /// @dev Room for a message's header in free memory, with the payload's hash, and behind it the data of `MessageSent`
    /// up to the attributes; where the header is, and where these begin.
    function _layOut(
        bytes memory sender,
        bytes memory recipient,
        bytes calldata payload
    ) private pure returns (uint256 header, uint256 at) {
        assembly ("memory-safe") {
            // length and whole words; behind the end they are zero
            function put(to, from) -> next {
                next := add(add(to, 32), and(add(mload(from), 31), not(31)))
                for {} lt(to, next) { to := add(to, 32) } {
                    mstore(to, mload(from))
                    from := add(from, 32)
                }
            }
            header := mload(0x40)
            let data := add(header, 352)
            mstore(data, 160)
            at := put(add(data, 160), sender)
            mstore(add(data, 32), sub(at, data))
            at := put(at, recipient)
            mstore(add(data, 64), sub(at, data))
            mstore(add(data, 96), 0)
            let next := add(add(at, 32), and(add(payload.length, 31), not(31)))
            mstore(sub(next, 32), 0)
            mstore(at, payload.length)
            calldatacopy(add(at, 32), payload.offset, payload.length)
            mstore(add(header, 320), keccak256(add(at, 32), payload.length))
            at := next
            mstore(add(data, 128), sub(at, data))
        }
    }

    function _verifyBatch(uint256 head, bytes32[] memory ids, bytes calldata signatures) private view {
        uint32 setVersion = uint32(head >> 104);
        _verify(_digest(setVersion, ids), setVersion, head >> 136, signatures);
    }

    function _verifyAcknowledgement(
        uint256 destination,
        uint256 head,
        bytes32[] calldata refused,
        bytes calldata signatures
    ) private view {
        uint32 setVersion = uint32(head >> 104);
        bytes32 list = keccak256(abi.encodePacked(refused));
        bytes32 hash = keccak256(
            abi.encode(
                ACKNOWLEDGEMENT_TYPEHASH, setVersion, block.chainid, destination, uint8(head), uint64(head >> 8), list
            )
        );
        _verify(_digestOf(hash), setVersion, head >> 136, signatures);
    }

    function _digest(uint32 setVersion, bytes32[] memory ids) private view returns (bytes32) {
        bytes32 list;
        assembly ("memory-safe") {
            list := keccak256(add(ids, 32), mul(mload(ids), 32))
        }
        return _digestOf(keccak256(abi.encode(BATCH_TYPEHASH, setVersion, list)));
    }

    function _setStopped(uint256 ledger, uint8 purpose, bytes32 reason, bool stopped) private {
        if (reason == 0) revert ReasonMissing();
        Lane storage lane = _s().lanes[ledger][purpose];
        LaneState state = lane.state;
        if (state.app() == address(0)) revert LaneClosed(ledger, purpose);
        lane.state = state.withFlag(LaneStateLib.STOPPED, stopped);
    }

    /// @dev Identifiers of the messages of a batch. `header` has what they have in common, and the first one's number,
    /// which it has again in the end.
    function _identify(
        Headers.Header memory header,
        bytes calldata messages
    ) private pure returns (bytes32[] memory ids) {
        uint256 count = 0;
        uint256 at = 0;
        assembly ("memory-safe") {
            for {} iszero(gt(add(at, PREFIX), messages.length)) { count := add(count, 1) } {
                at := add(at, add(PREFIX, and(shr(152, calldataload(add(messages.offset, at))), 0xffffff)))
            }
        }
        if (at != messages.length) revert MalformedBatch();
        if (count == 0) revert EmptyBatch();
        ids = new bytes32[](count);
        uint256 first = header.nonce;
        at = 0;
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata payload = _next(header, messages, at);
            assembly ("memory-safe") {
                // in free memory that nobody keeps
                let free := mload(0x40)
                calldatacopy(free, payload.offset, payload.length)
                mstore(add(header, 320), keccak256(free, payload.length))
                mstore(add(add(ids, 32), mul(i, 32)), keccak256(header, 352))
                at := add(at, add(PREFIX, payload.length))
                mstore(add(header, 128), add(mload(add(header, 128)), 1))
            }
        }
        header.nonce = first;
    }

    /// @dev Time and expiry of the message at `at`, into `header`, and its payload. Where it is has been checked.
    function _next(
        Headers.Header memory header,
        bytes calldata messages,
        uint256 at
    ) private pure returns (bytes calldata payload) {
        assembly ("memory-safe") {
            let start := add(messages.offset, at)
            let prefix := calldataload(start)
            mstore(add(header, 160), shr(216, prefix))
            mstore(add(header, 192), and(shr(176, prefix), 0xffffffffff))
            // two halves of one value
            // slither-disable-next-line write-after-write
            payload.offset := add(start, PREFIX)
            payload.length := and(shr(152, prefix), 0xffffff)
        }
    }

    /// @dev Execute the messages of a batch that were not executed before, up to the first one from the future. What
    /// cannot take effect is parked with its reason; what has expired never will.
    function _executeAll(
        Lane storage lane,
        Headers.Header memory header,
        Route memory route,
        bytes32[] memory ids,
        bytes calldata messages
    ) private {
        LaneState state = route.state;
        uint256 expected = state.inbound() + 1;
        uint256 nonce = header.nonce;
        if (nonce > expected || nonce == 0) revert NonceGap(uint64(expected), uint64(nonce));
        uint256 end = nonce + ids.length;
        if (end <= expected) return;
        lane.state = state.withFlag(LaneStateLib.BUSY, true);
        uint256 at = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes calldata payload = _next(header, messages, at);
            unchecked {
                at += PREFIX + payload.length;
            }
            if (nonce >= expected) {
                if (header.timestamp > block.timestamp) {
                    if (nonce != expected) break;
                    revert FromTheFuture(uint64(header.timestamp), block.timestamp);
                }
                header.nonce = nonce;
                _executeOne(header, route, ids[i], payload);
            }
            unchecked {
                ++nonce;
            }
        }
        // what messages did meanwhile to this lane, such as answering in it, stays
        lane.state = lane.state.withInbound(nonce - 1).withFlag(LaneStateLib.BUSY, false);
        assembly ("memory-safe") {
            // without those that were executed before: the length moves up to the first of the others
            ids := add(ids, mul(32, sub(mload(ids), sub(end, expected))))
            mstore(ids, sub(nonce, expected))
        }
        emit BatchExecuted(header.source, uint8(header.purpose), uint64(expected), ids);
    }

    function _executeOne(
        Headers.Header memory header,
        Route memory route,
        bytes32 id,
        bytes calldata payload
    ) private {
        bytes memory reason = route.obstacle;
        if (_isExpired(header.expiry)) {
            reason = abi.encodeWithSelector(MessageExpired.selector, header.expiry);
            emit MessageRefused(id, header.source, uint8(header.purpose), uint64(header.nonce), reason);
            return;
        }
        if (reason.length == 0) {
            bool success;
            (success, reason) =
                _deliver(route.state.app(), id, route.sender, payload, header.source, header.timestamp, RECEIVER_GAS);
            if (success) return;
        }
        _s().standing[id] = Standing.PARKED;
        emit MessageParked(id, header.source, uint8(header.purpose), uint64(header.nonce), reason);
    }

    /// @dev Give a single message to its application with all gas that is left, or revert with its reason.
    function _carry(Lane storage lane, address app, bytes32 id, Message calldata message) private {
        lane.state = lane.state.withFlag(LaneStateLib.BUSY, true);
        (bool success, bytes memory reason) =
            _deliver(app, id, message.sender, message.payload, message.source, message.timestamp, 0);
        if (!success) _revert(reason);
        lane.state = lane.state.withFlag(LaneStateLib.BUSY, false);
    }

    /// @dev Call the application, with at most `REASON_LENGTH` bytes of the reason where it refuses. One that answers
    /// wrongly is none, and what it did is undone with all else.
    /// @param allowance gas for the application, no more and no less; 0 for all that is left
    function _deliver(
        address app,
        bytes32 id,
        bytes memory sender,
        bytes calldata payload,
        uint256 source,
        uint256 dispatchedAt,
        uint256 allowance
    ) private returns (bool success, bytes memory reason) {
        uint256 start = _begin(id, source);
        uint256 size = _complete(start, sender, payload, dispatchedAt);
        // last before the call: nothing in between may cost the application its allowance
        uint256 needed = (RECEIVER_GAS * 64) / 63 + RESERVED_GAS;
        if (allowance != 0 && gasleft() < needed) revert InsufficientGas(gasleft(), needed);
        return _call(app, start, size, allowance);
    }

    function _call(
        address app,
        uint256 start,
        uint256 size,
        uint256 allowance
    ) private returns (bool success, bytes memory reason) {
        bool answered;
        bytes4 answer = IERC7786Recipient.receiveMessage.selector;
        assembly ("memory-safe") {
            if iszero(allowance) { allowance := gas() }
            success := call(allowance, app, 0, start, size, 0, 32)
            answered := and(gt(returndatasize(), 31), eq(mload(0), answer))
            if iszero(success) {
                reason := mload(0x40)
                let length := returndatasize()
                if gt(length, REASON_LENGTH) { length := REASON_LENGTH }
                mstore(reason, length)
                returndatacopy(add(reason, 32), 0, length)
                mstore(0x40, add(add(reason, 32), and(add(length, 31), not(31))))
            }
        }
        if (success && !answered) revert BadReceiver(app);
    }

    /// @dev The beginning of `receiveMessage(id, sender, payload) ‖ source ‖ dispatchedAt` in free memory. It is not
    /// allocated: a batch takes no more memory than a message. The source waits where the sender begins.
    function _begin(bytes32 id, uint256 source) private pure returns (uint256 start) {
        bytes4 receiving = IERC7786Recipient.receiveMessage.selector;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(start, receiving)
            mstore(add(start, 4), id)
            mstore(add(start, 36), 96)
            mstore(add(start, 132), source)
        }
    }

    /// @dev The rest of the call; its size.
    function _complete(
        uint256 start,
        bytes memory sender,
        bytes calldata payload,
        uint256 dispatchedAt
    ) private pure returns (uint256 size) {
        assembly ("memory-safe") {
            let source := mload(add(start, 132))
            // sender: its length and whole words; what stands behind it in the last one is zero
            let words := and(add(mload(sender), 31), not(31))
            mstore(add(start, 68), add(128, words))
            mstore(add(start, 100), mload(sender))
            let at := add(start, 132)
            for { let i := 0 } lt(i, words) { i := add(i, 32) } {
                mstore(add(at, i), mload(add(add(sender, 32), i)))
            }
            at := add(at, words)
            // payload: its last word is cleared before it is written
            words := and(add(payload.length, 31), not(31))
            mstore(add(at, words), 0)
            mstore(at, payload.length)
            calldatacopy(add(at, 32), payload.offset, payload.length)
            at := add(add(at, 32), words)
            mstore(at, source)
            mstore(add(at, 32), dispatchedAt)
            size := sub(add(at, 64), start)
        }
    }

    /// @dev Why no message from this sender to this recipient can take effect now; empty where it can.
    function _obstacle(
        address app,
        Headers.Header memory header,
        Parties memory known,
        bytes memory sender,
        bytes memory recipient
    ) private view returns (bytes memory) {
        if (header.version >> 16 != protocolVersion() >> 16) {
            return abi.encodeWithSelector(UnsupportedVersion.selector, header.version);
        }
        if (app.code.length == 0 || header.recipient != known.recipient) {
            return abi.encodeWithSelector(ReceiverMissing.selector, _shorten(recipient));
        }
        if (header.sender != known.sender) {
            return abi.encodeWithSelector(NotPeer.selector, header.source, _shorten(sender));
        }
        return "";
    }

    /// @dev A parked message of a lane that is open; its header and identifier.
    function _parked(
        Message calldata message
    ) private view returns (Lane storage lane, Headers.Header memory header, bytes32 id) {
        header = Headers.headerOf(message);
        id = Headers.idOf(header);
        if (_s().standing[id] != Standing.PARKED) revert NotParked(id);
        lane = _s().lanes[message.source][message.purpose];
        _free(lane, message.source, message.purpose);
    }

    function _isExpired(uint256 expiry) private view returns (bool) {
        return expiry != 0 && block.timestamp > expiry;
    }

    function _revert(bytes memory reason) private pure {
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _lane(bytes[] calldata attributes) private pure returns (uint8 purpose, uint64 expiry) {
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes4 selector = bytes4(attributes[i]);
            if (selector != LANE) revert UnsupportedAttribute(selector);
        }
        if (attributes.length != 1 || attributes[0].length != 68) revert LaneMissing();
        return abi.decode(attributes[0][4:], (uint8, uint64));
    }

    /// @dev An address is at most 518 bytes; a reason shall not be longer than any other.
    function _shorten(bytes memory data) private pure returns (bytes memory) {
        if (data.length > 128) {
            assembly ("memory-safe") {
                mstore(data, 128)
            }
        }
        return data;
    }

    function _domainName() internal pure override returns (string memory) {
        return "Pari Passu Gateway";
    }

    /// @inheritdoc Typed
    function _domainNameHash() internal pure override returns (bytes32) {
        return keccak256("Pari Passu Gateway");
    }
}
