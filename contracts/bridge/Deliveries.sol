// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {Message} from "../interfaces/IGateway.sol";
import {Lane, LaneStateLib} from "./Lanes.sol";
import {Lanebook} from "./Lanebook.sol";

/// @title How a gateway calls an application
/// @notice One function only, `receiveMessage`, with source and source time behind the call's data; with an allowance of
/// gas that no relayer can cut; and with a reason that no application can make long.
abstract contract Deliveries is Lanebook {
    /// @notice The application did not answer as ERC-7786 demands; nothing is taken from it or given to it.
    error BadReceiver(address receiver);

    /// @notice Too little gas to give the application its allowance; nothing was consumed.
    error InsufficientGas(uint256 available, uint256 needed);

    /// @notice What an application may spend on one message, no more and no less.
    uint256 public constant RECEIVER_GAS = 1_000_000;

    /// @dev Kept back to park a message and to finish the batch.
    uint256 private constant RESERVED_GAS = 100_000;

    /// @dev Longest reason that is kept of a failure, bytes.
    uint256 private constant REASON_LENGTH = 256;

    /// @dev Give a single message to its application with all gas that is left, or revert with its reason.
    function _carry(Lane storage lane, address app, bytes32 id, Message calldata message) internal {
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
    ) internal returns (bool success, bytes memory reason) {
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
}
