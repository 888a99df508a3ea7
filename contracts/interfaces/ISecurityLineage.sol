// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LockUp, Lot} from "../token/SecurityBase.sol";

/// @title What travels with units of a security, as the bridge sees it (MOV-8)
interface ISecurityLineage {
    /// @notice Remove units that leave for another ledger, some of them locked up.
    function crosschainBurnLocked(
        address from,
        uint256 amount,
        LockUp[] calldata lockUps
    ) external returns (uint192 holder, Lot[] memory lots);

    /// @notice Credit units for an account to the one that stands for it now, with their lock-ups.
    /// @return to the account that has them
    function crosschainMintFor(
        address named,
        uint256 amount,
        uint64 dispatchedAt,
        uint192 holder,
        Lot[] calldata lots
    ) external returns (address to);
}
