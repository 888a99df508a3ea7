// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Quorum of attestors
interface IAttestorSet {
    /// @notice Reverts unless enough distinct legal entities of the current set signed `digest`.
    function verify(bytes32 digest, uint32 setVersion, bytes[] calldata signatures) external view;
}
