// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ITransport} from "../interfaces/ITransport.sol";
import {Lane} from "./Lanes.sol";
import {Lanebook} from "./Lanebook.sol";

/// @title Lanes whose messages a transport vouches for, in place of the attestors (MOV-11)
/// @notice A lane has one or the other, never both: what attestors sign counts for nothing in a carried lane.
abstract contract Carried is Lanebook {
    /// @notice A transport vouches for the messages of this lane; a batch comes without attestors.
    error NotAttested(uint256 source, uint8 purpose);

    /// @dev Tell the lane's transport of a message that was just sent.
    function _hand(uint256 destination, uint8 purpose, bytes32 id) internal {
        ITransport(_s().lanes[destination][purpose].transport).send(destination, id);
    }

    /// @dev Revert unless the lane's transport vouches for all messages of a batch, which names no attestors.
    /// @param head as of `execute`
    function _requireCarried(
        Lane storage lane,
        uint256 source,
        uint256 head,
        bytes32[] memory ids,
        bytes calldata signatures
    ) internal view {
        if (head >> 104 != 0 || signatures.length != 0) revert NotAttested(source, uint8(head));
        ITransport(lane.transport).requireAuthentic(source, ids);
    }
}
