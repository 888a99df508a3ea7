// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What a chain knows of an account.
/// @param holder commitment to the holder's identity, equal on every ledger
/// @param country ISO 3166-1 numeric code of the holder's country
/// @param investorClass class of investor, 0 to 255, as the terms number them
/// @param active false while suspended
/// @param expiry last second at which the onboarding is valid; 0 for never
/// @param servicer account servicer; zero where the holder serves itself
struct HolderRecord {
    bytes32 holder;
    uint16 country;
    uint8 investorClass;
    bool active;
    uint40 expiry;
    address servicer;
}

/// @title Register of onboarded accounts, shared by all securities of a chain
interface IHolderRegistry {
    /// @notice Full record of an account; all zero when it is unknown.
    function recordOf(address account) external view returns (HolderRecord memory);

    /// @notice Everything that transfer rules need, from one storage slot.
    /// @return flags bits 0-15 country, 16-23 class, 24 known, 25 active, 32-71 expiry
    function flagsOf(address account) external view returns (uint256 flags);

    /// @notice word
    function wordOf(address account) external view returns (uint256 word);

    /// @notice current
    function currentOf(address account) external view returns (address);
}
