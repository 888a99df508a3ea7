// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Version tag, readable on-chain (VER-1)
/// @notice A contract that says what code it runs.
abstract contract Versioned {
    /// @notice Semantic version of the code, major << 16 | minor << 8 | patch.
    function versionTag() public pure virtual returns (uint32);

    /// @notice Name of the contract, equal on every chain.
    function contractName() public pure virtual returns (string memory);
}
