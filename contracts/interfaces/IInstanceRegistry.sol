// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice One instance of a security on one ledger.
/// @param ledger number of the ledger
/// @param token ERC-7930 address of the token there; in book entry the account is the ISIN
/// @param codeHash hash of the token's code there (of the implementation behind a proxy); zero in
/// book entry
/// @param version semver of that code, major << 16 | minor << 8 | patch
/// @param native true for the instance on the home ledger, false for its twins
/// @param dti ISO 24165 identifier of the token, ASCII; zero when it has none
struct Instance {
    uint256 ledger;
    bytes token;
    bytes32 codeHash;
    uint32 version;
    bool native;
    bytes9 dti;
}

/// @title Register of the trusted instances of each security, as the applications see it
interface IInstanceRegistry {
    /// @notice The security has no trusted instance on that ledger.
    error InstanceNotTrusted(bytes32 securityId, uint256 ledger);

    /// @notice The versions of the two instances may not do this with each other.
    error VersionsIncompatible(uint32 local, uint32 remote);

    /// @notice The token that carries a security on this chain; zero when there is none.
    function localToken(bytes32 securityId) external view returns (address);

    /// @notice Ledgers that have a trusted instance, in the order in which this register met them; for 0
    /// every ledger that ever had one of any security.
    function ledgersOf(bytes32 securityId) external view returns (uint256[] memory);

    /// @notice Revert unless units may go between the instances here and on `ledger` (VER-4).
    /// @return token the instance here
    function requireExchange(bytes32 securityId, uint256 ledger) external view returns (address token);

    /// @notice Revert unless the instance here may follow the events of the one on `ledger` (VER-4).
    /// @return token the instance here
    function requireRead(bytes32 securityId, uint256 ledger) external view returns (address token);
}
