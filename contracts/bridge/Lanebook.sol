// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../access/Interop.sol";
import {Standing} from "../interfaces/IGateway.sol";
import {Lane, LaneState, LaneStateLib} from "./Lanes.sol";

/// @title What outbox and inbox have in common: the lanes, and what is known of single messages
abstract contract Lanebook {
    /// @notice There is no lane of this purpose with this ledger.
    error LaneClosed(uint256 ledger, uint8 purpose);

    /// @notice The lanes of this purpose with this ledger are stopped.
    error LaneHalted(uint256 ledger, uint8 purpose);

    /// @notice A message of the lane is in execution.
    error LaneBusy(uint256 ledger, uint8 purpose);

    /// @notice The message expired, or would at once.
    error MessageExpired(uint64 expiry);

    /// @notice The recipient is not the application of the message's purpose here.
    error ReceiverMissing(bytes recipient);

    /// @notice A privileged act states its reason.
    error ReasonMissing();

    /// @custom:storage-location erc7201:paripassu.storage.Gateway
    struct GatewayStorage {
        mapping(uint256 ledger => mapping(uint256 purpose => Lane)) lanes;
        mapping(bytes32 messageId => Standing) standing;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Gateway")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant STORAGE = 0x1a064f5dbd030395eec3740df11b4704942ad50a8fb59d217e23039afe52fc00;

    function _s() internal pure returns (GatewayStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @notice Version of the message protocol, major << 16 | minor << 8 | patch. Ledgers of one
    /// major version understand each other.
    function protocolVersion() public pure returns (uint32) {
        return 1 << 16;
    }

    /// @dev The state of lanes that are open and not stopped, with no message in execution.
    function _free(Lane storage lane, uint256 ledger, uint8 purpose) internal view returns (LaneState state) {
        state = lane.state;
        if (state.app() == address(0)) revert LaneClosed(ledger, purpose);
        if (state.has(LaneStateLib.STOPPED)) revert LaneHalted(ledger, purpose);
        if (state.has(LaneStateLib.BUSY)) revert LaneBusy(ledger, purpose);
    }

    /// @dev ERC-7930 address of the application on the other side of a lane.
    function _peer(Lane storage lane, LaneState state, uint256 ledger) internal view returns (bytes memory) {
        return state.has(LaneStateLib.SAME_ADDRESS) ? Interop.format(ledger, state.app()) : lane.peer;
    }

    function _isExpired(uint256 expiry) internal view returns (bool) {
        return expiry != 0 && block.timestamp > expiry;
    }

    function _revert(bytes memory reason) internal pure {
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}
