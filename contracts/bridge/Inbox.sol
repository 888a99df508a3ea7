// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../access/Interop.sol";
import {Roles} from "../access/Roles.sol";
import {Message, Standing} from "../interfaces/IGateway.sol";
import {Carried} from "./Carried.sol";
import {Deliveries} from "./Deliveries.sol";
import {Headers} from "./Headers.sol";
import {Lane, LaneState, LaneStateLib} from "./Lanes.sol";
import {Quorum} from "./Quorum.sol";

/// @title Inbox of a gateway
/// @notice Batches that a quorum signed, or a transport vouches for, executed in lane order, each message once; or parked
/// with the reason, or refused for good.
abstract contract Inbox is Quorum, Deliveries, Carried {
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

    /// @notice The message is not from the application of its purpose on its ledger.
    error NotPeer(uint256 source, bytes sender);

    /// @notice The batch has no messages.
    error EmptyBatch();

    /// @notice The messages of a batch do not end where the batch does.
    error MalformedBatch();

    /// @notice Earlier messages of the lane must be executed first.
    error NonceGap(uint64 expected, uint64 given);

    /// @notice The message's source time is later than this block's.
    error FromTheFuture(uint64 timestamp, uint256 blockTimestamp);

    /// @notice The sender speaks another major version of the protocol.
    error UnsupportedVersion(uint32 version);

    /// @notice The message is not parked.
    error NotParked(bytes32 messageId);

    /// @notice The operator refused a parked message.
    error RefusedByOperator(bytes32 reason);

    /// @dev Bytes before the payload of a message in a batch: source time, expiry, length.
    uint256 private constant PREFIX = 13;

    bytes32 private constant BATCH_TYPEHASH = keccak256(
        "Batch(uint32 attestorSetVersion,Message[] messages)Message(uint256 source,uint256 destination,uint8 purpose,uint64 nonce,uint64 timestamp,uint64 expiry,uint32 version,bytes sender,bytes recipient,bytes payload)"
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

    /// @notice Execute an authentic batch: consecutive messages of one lane, from one sender to one recipient. Messages
    /// executed before are passed over, so a batch may be delivered by several relayers at once.
    /// @param source number of the ledger that the messages are from
    /// @param head from the lowest bit on: purpose 8 bits, number of the first message 64, protocol version 32,
    /// version of the attestor set 32, which of its members signed 32; the last two are 0 in a carried lane
    /// @param parties ABI encoding of the ERC-7930 addresses of the messages' sender and recipient; empty where these
    /// are the applications that the lane knows
    /// @param messages one after the other: source time and expiry in seconds, 5 bytes each, length of the payload,
    /// 3 bytes, payload
    /// @param signatures of the members named, in the set's order, 65 bytes each, over `digest` of the batch; none in
    /// a carried lane, where its transport must vouch for each message
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
        if (route.state.has(LaneStateLib.CARRIED)) _requireCarried(lane, source, head, ids, signatures);
        else _verifyBatch(head, ids, signatures);
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

    /// @notice What attestors sign: the EIP-712 digest of a batch, for this gateway on this chain.
    /// @param setVersion version of the attestor set
    /// @param ids identifiers of its messages, in lane order
    function digest(uint32 setVersion, bytes32[] calldata ids) external view returns (bytes32) {
        return _digest(setVersion, ids);
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

    function _verifyBatch(uint256 head, bytes32[] memory ids, bytes calldata signatures) private view {
        uint32 setVersion = uint32(head >> 104);
        _verify(_digest(setVersion, ids), setVersion, head >> 136, signatures);
    }

    function _digest(uint32 setVersion, bytes32[] memory ids) private view returns (bytes32) {
        bytes32 list;
        assembly ("memory-safe") {
            list := keccak256(add(ids, 32), mul(mload(ids), 32))
        }
        return _digestOf(keccak256(abi.encode(BATCH_TYPEHASH, setVersion, list)));
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

    /// @dev An address is at most 518 bytes; a reason shall not be longer than any other.
    function _shorten(bytes memory data) private pure returns (bytes memory) {
        if (data.length > 128) {
            assembly ("memory-safe") {
                mstore(data, 128)
            }
        }
        return data;
    }
}
