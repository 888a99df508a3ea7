// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What caches verdicts of the HolderRegistry
/// @notice The registry pushes its epoch to its subscribers in the very call that can make a verdict
/// worse, so that nothing cached before counts in the next transaction.
interface IPolicyEpoch {
    /// @notice Take over the registry's epoch; 0 means that nothing cached counts. Bit 31 says that orders
    /// against holders stand.
    function syncPolicyEpoch(uint32 epoch) external;
}
