// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice What a chain knows of an account.
/// @param holder commitment to the holder's identity, equal on every ledger; its last 8 bytes are zero
/// @param country ISO 3166-1 numeric code of the holder's country
/// @param investorClass class of investor, 0 to 255, as the terms number them
/// @param active false while suspended
/// @param expiry last second at which the onboarding is valid; 0 for never
/// @param servicer account servicer; zero where the holder serves itself
/// @param sanctioned true while the regulator's sanction stands
/// @param additional true where the holder has another account, whose holding cap this one shares
/// @param superseded true once another account took this one's place
struct HolderRecord {
    bytes32 holder;
    uint16 country;
    uint8 investorClass;
    bool active;
    uint32 expiry;
    address servicer;
    bool sanctioned;
    bool additional;
    bool superseded;
}

/// @title Register of onboarded accounts, shared by all securities of a chain
interface IHolderRegistry {
    /// @notice Full record of an account, of a superseded one too; all zero when it is unknown.
    function recordOf(address account) external view returns (HolderRecord memory);

    /// @notice Everything that transfer rules need of an account; 0 when it is unknown.
    /// @return word bits 0-15 country, 16-23 class, 24 known, 25 active, 26 sanctioned, 27 additional,
    /// 28 serviced, 29 superseded, 30 frozen by an order in the security that asks, 31 zero, 32-63 expiry,
    /// 64-255 first 24 bytes of the holder commitment
    function wordOf(address account) external view returns (uint256 word);

    /// @notice The same from one storage slot, without what is ordered against the holder on all ledgers:
    /// for who was told that no order stands.
    function wordAsRecorded(address account) external view returns (uint256 word);

    /// @notice Who services an account; zero where the holder serves itself.
    function servicerOf(address account) external view returns (address);

    /// @notice The account that took this one's place.
    /// @return successor zero where none did
    /// @return at when, seconds
    function successorOf(address account) external view returns (address successor, uint40 at);

    /// @notice The account that stands for this one now: itself where none took its place. Follows
    /// 32 successors; where there are more, ask again with the answer.
    function currentOf(address account) external view returns (address);

    /// @notice Raised by whatever can make a verdict worse; from 1.
    function epoch() external view returns (uint32);
}
