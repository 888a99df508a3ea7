// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What one half of a security token asks of the other
/// @notice Called by delegatecall from `SecurityToken` alone: its fallback lets nobody else through.
interface ISecurityHalf {
    /// @notice Refuse what the rules refuse, and count holders where their number is limited.
    function beforeMovement(uint8 kind, address from, address to, uint256 amount) external;

    /// @notice Count holders for a movement that the law orders.
    function countHolders(address from, address to, uint256 amount) external;

    /// @notice Make units deliverable whose lock-up is over.
    function releaseLapsed(address account) external;

    /// @notice Lift lock-ups, blocks and pledges from units that the law takes.
    function seize(address account, uint256 amount) external;
}
