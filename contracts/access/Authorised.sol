// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";

/// @title Rights bound to the closed list of roles
/// @notice Who holds a role is kept in one OpenZeppelin AccessManager; which role a function needs
/// stands in its code. So no administrator can open a function to another role (CTL-12), and the
/// rights are the same on every chain. Acts of consequence need more than a role: they come from
/// the `Approvals` contract, where k of n agreed to them.
/// @dev Both addresses are immutable: they cost no storage read, and are equal on every chain of a
/// network, so that the code hash is too.
abstract contract Authorised {
    /// @notice The caller does not hold the role that this function needs.
    error Unauthorised(address caller, uint64 role);

    /// @notice The function is called by the approvals contract alone, for an act that k of n agreed to.
    error ApprovalNeeded(address caller);

    /// @notice An address that must be set is zero.
    error ZeroAddress();

    IAccessManager internal immutable AUTHORITY;
    address internal immutable APPROVALS;

    /// @param authority_ the AccessManager that knows who holds which role
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) {
        if (authority_ == address(0) || approvals_ == address(0)) revert ZeroAddress();
        AUTHORITY = IAccessManager(authority_);
        APPROVALS = approvals_;
    }

    /// @dev The caller must hold `role`, without an execution delay.
    modifier onlyRole(uint64 role) {
        _checkRole(role);
        _;
    }

    /// @dev The call must be the execution of an approved act.
    modifier onlyApproved() {
        _checkApproved();
        _;
    }

    function _checkRole(uint64 role) internal view {
        (bool member, uint32 delay) = AUTHORITY.hasRole(role, msg.sender);
        if (!member || delay != 0) revert Unauthorised(msg.sender, role);
    }

    function _checkApproved() internal view {
        if (msg.sender != APPROVALS) revert ApprovalNeeded(msg.sender);
    }
}
