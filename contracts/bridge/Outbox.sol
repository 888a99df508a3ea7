// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../access/Interop.sol";
import {IERC7786GatewaySource} from "../interfaces/IERC7786.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {Carried} from "./Carried.sol";
import {Lane, LaneState, LaneStateLib} from "./Lanes.sol";

/// @title Outbox of a gateway
/// @notice An application sends in the lanes of its purpose alone; the log gives the whole message.
abstract contract Outbox is Carried, IGateway {
    /// @notice The caller is not the application of this purpose.
    error NotApp(uint8 purpose, address caller);

    /// @notice The lane attribute is missing, repeated or malformed.
    error LaneMissing();

    /// @notice Messages carry no native value.
    error ValueNotSupported();

    /// @notice The recipient is not the application of its purpose on that ledger.
    error NotRecipient(bytes recipient);

    bytes4 private constant LANE = bytes4(keccak256("lane(uint8,uint64)"));

    // three that are needed in assembly, where they have to be literal: bytes4(keccak256("envelope(uint256)")),
    // IERC7786GatewaySource.MessageSent.selector, the type hash of Message
    bytes32 private constant ENVELOPE = 0x36b8f40500000000000000000000000000000000000000000000000000000000;

    bytes32 private constant SENT = 0x7446eaa0a0dda80670b3bfe972bfbefab659bcfb67abad4e0b64dc4630a70481;

    bytes32 private constant MESSAGE_TYPEHASH = 0x4a61ace81b4a4745c5538408b276bcdb9d7441d6d188563132b7bef2a1d8c424;

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
        // the transport that may be told of it is one of ours; nothing is written after it
        // slither-disable-next-line reentrancy-no-eth
        id = _dispatch(destination, purpose, expiry, payload);
        Lane storage lane = _s().lanes[destination][purpose];
        if (keccak256(recipient) != keccak256(_peer(lane, lane.state, destination))) revert NotRecipient(recipient);
    }

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) external pure returns (bool) {
        return selector == LANE;
    }

    /// @dev Send the next message of a lane. An application may answer while a message is in execution.
    function _dispatch(
        uint256 destination,
        uint8 purpose,
        uint64 expiry,
        bytes calldata payload
    ) private returns (bytes32 id) {
        (LaneState state, bytes memory recipient) = _count(destination, purpose);
        if (expiry != 0 && expiry < block.timestamp) revert MessageExpired(expiry);
        uint256 envelope = purpose | (state.outbound() << 8) | (block.timestamp << 72) | (uint256(expiry) << 136);
        envelope |= uint256(protocolVersion()) << 200;
        id = _emitSent(destination, Interop.local(msg.sender), recipient, payload, envelope);
        // one look for all that is not usual; what is sent in a stopped lane is undone
        if (state.has(LaneStateLib.STOPPED | LaneStateLib.CARRIED)) _unusual(state, destination, purpose, id);
    }

    /// @dev The state of a lane with its next message, which its application alone sends, and to whom that goes.
    function _count(uint256 destination, uint8 purpose) private returns (LaneState, bytes memory) {
        Lane storage lane = _s().lanes[destination][purpose];
        LaneState state = lane.state;
        if (msg.sender != state.app()) {
            if (state.app() == address(0)) revert LaneClosed(destination, purpose);
            revert NotApp(purpose, msg.sender);
        }
        state = state.withNextOutbound();
        lane.state = state;
        return (state, _peer(lane, state, destination));
    }

    /// @dev Refuse a message of a stopped lane; hand one of a carried lane to its transport.
    function _unusual(
        LaneState state,
        uint256 destination,
        uint8 purpose,
        bytes32 id
    ) private {
        if (state.has(LaneStateLib.STOPPED)) revert LaneHalted(destination, purpose);
        _hand(destination, purpose, id);
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

    function _lane(bytes[] calldata attributes) private pure returns (uint8 purpose, uint64 expiry) {
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes4 selector = bytes4(attributes[i]);
            if (selector != LANE) revert UnsupportedAttribute(selector);
        }
        if (attributes.length != 1 || attributes[0].length != 68) revert LaneMissing();
        return abi.decode(attributes[0][4:], (uint8, uint64));
    }
}
