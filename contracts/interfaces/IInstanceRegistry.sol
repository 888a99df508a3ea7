// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice One instance of a security on one ledger.
/// @param ledger number of the ledger
/// @param token ERC-7930 address of the token there
/// @param codeHash hash of the token's code there (of the implementation behind a proxy)
/// @param version semver of that code, major << 16 | minor << 8 | patch
/// @param native true for the instance on the home ledger, false for its twins
struct Instance {
    uint256 ledger;
    bytes token;
    bytes32 codeHash;
    uint32 version;
    bool native;
}

/// @title Register of the trusted instances of each security
interface IInstanceRegistry {
    /// @notice Ledgers that have a trusted instance, in order of registration.
    function ledgersOf(bytes32 securityId) external view returns (uint256[] memory);

    /// @notice ERC-7930 address of the trusted instance on a ledger; empty when there is none.
    function tokenOn(bytes32 securityId, uint256 ledger) external view returns (bytes memory);

    /// @notice Whether `token` is the trusted instance of the security on `ledger`.
    function isTrusted(bytes32 securityId, uint256 ledger, bytes calldata token) external view returns (bool);
}
