// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Approvals as the contracts that carry out approved acts see them
/// @notice An approved act arrives as a call whose last 32 bytes, after the ABI encoded arguments,
/// are the act's id: most acts need no more than that.
interface IApprovals {
    /// @notice The change of version in execution; zeros outside of one.
    /// @return id identifier of the act, which its events on both contracts carry
    /// @return changeClass 1 regulatory, 2 corporate structure, 3 economic terms, 4 technical
    function current() external view returns (bytes32 id, uint8 changeClass);

    /// @notice What code a contract ran at a time (VER-5).
    /// @param target the contract, behind its proxy
    /// @param time seconds; not in the future. Changes of that very second have happened
    /// @return tag version tag, major << 16 | minor << 8 | patch
    /// @return codeHash hash of the implementation's code
    /// @return implementation where that code is
    function versionAt(
        address target,
        uint64 time
    ) external view returns (uint32 tag, bytes32 codeHash, address implementation);
}
