// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {LockUp} from "../token/SecurityBase.sol";

/// @title What travels with units of a security, as the bridge sees it (MOV-8)
interface ISecurityLineage {
    /// @notice Remove units that leave for another ledger together with lock-ups. For every rule but the
    /// lock-ups that go with them they are units like others.
    /// @param lockUps which of the account's; together no more than the amount
    /// @return lineage what goes with them: abi.encode(bytes24 holder, Lot[] lots)
    function crosschainBurnLocked(
        address from,
        uint256 amount,
        LockUp[] calldata lockUps
    ) external returns (bytes memory lineage);

    /// @notice Credit units to the account that stands now for the one that is named, with what came with
    /// them. At the record times that they were in transit at they count for the one named.
    /// @param arrival identifier of the movement that brought them; zero for units that come back
    /// @param lineage as of `crosschainBurnLocked`; empty for units without lock-ups
    /// @return to the account that has the units
    function crosschainMintFor(
        address named,
        uint256 amount,
        uint64 dispatchedAt,
        bytes32 arrival,
        bytes calldata lineage
    ) external returns (address to);

    /// @notice Credit units to an account in the place of the one that is named.
    function crosschainMintTo(
        address to,
        address named,
        uint256 amount,
        uint64 dispatchedAt
    ) external;
}
