// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LockUp, Lot} from "../token/SecurityBase.sol";

/// @title What a security token asks of its last part when locked-up units leave or arrive
/// @notice Called by delegatecall from `SecurityToken` alone: its fallback lets nobody else through.
interface ITravellingLots {
    /// @notice Lift the lock-ups that leave the ledger with their units.
    /// @return holder commitment to the account's holder, whose they must stay
    /// @return taken what was lifted, lot by lot
    function takeLots(
        address account,
        uint256 amount,
        LockUp[] calldata wanted
    ) external returns (uint192 holder, Lot[] memory taken);

    /// @notice What came with units, once the account that stands for the one named has them: the lock-ups,
    /// on an account of the same holder, and a freeze of the account named.
    function land(
        address named,
        address account,
        uint256 amount,
        uint192 holder,
        Lot[] calldata lots
    ) external;
}
