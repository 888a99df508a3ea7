// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Contract that knows when it last did what cannot be taken back
/// @notice A version can be rolled back only while nothing of the kind happened under it (VER-8).
interface IIrreversible {
    /// @notice Time of the last act or event that cannot be undone, such as a payment of cash.
    /// @return seconds; 0 when there was none, or when the contract does nothing of the kind
    function irreversibleAt() external view returns (uint64);
}
