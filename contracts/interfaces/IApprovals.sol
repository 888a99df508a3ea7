// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Approvals as the contracts that carry out approved acts see them
interface IApprovals {
    /// @notice The act in execution; zeros outside of one.
    /// @return id identifier of the act, which its events on both contracts carry
    /// @return changeClass 1 regulatory, 2 corporate structure, 3 economic terms, 4 technical; 0 for
    /// acts that change no version
    function current() external view returns (bytes32 id, uint8 changeClass);
}
