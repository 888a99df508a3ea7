// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Account} from "../../contracts/token/Account.sol";
import {HotLib} from "../../contracts/token/Hot.sol";
import {Ledger} from "./Ledger.sol";

/// @title Supply: what a movement adds to one side it takes from the other
/// @notice The inductive step of "the balances add up to the supply" (I1): whatever the state, a
/// movement that passes changes supply and balances by the same, and touches no third account.
contract SupplyChecks is Ledger {
    function _assumeState() private view {
        _assumeReachable();
        _assumeNoted();
        _assumePlain();
    }

    /// Zero when supply, balances and a third account are now what they should be.
    function _wrong(uint256 supply, uint256 from, uint256 to) private view returns (uint256) {
        return (token.totalSupply() ^ supply) | (token.balanceOf(FROM) ^ from) | (token.balanceOf(TO) ^ to);
    }

    function check_transferKeepsTheSupply(uint256 amount) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        vm.prank(FROM);
        token.transfer(TO, amount);
        assert(_wrong(supply, from - amount, to + amount) == 0);
    }

    function check_transferToOneselfChangesNothing(uint256 amount) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        vm.prank(FROM);
        token.transfer(FROM, amount);
        assert(_wrong(supply, from, to) == 0);
    }

    function check_arrivalAddsToTheSupply(uint256 amount) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        vm.prank(BRIDGE);
        token.crosschainMint(TO, amount);
        assert(_wrong(supply + amount, from, to + amount) == 0);
    }

    function check_departureTakesFromTheSupply(uint256 amount) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        vm.prank(BRIDGE);
        token.crosschainBurn(FROM, amount);
        assert(_wrong(supply - amount, from - amount, to) == 0);
    }

    function check_issueAddsToTheSupply(uint256 amount, bytes32 ref) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        token.issue(TO, amount, ref);
        assert(_wrong(supply + amount, from, to + amount) == 0);
    }

    function check_redemptionTakesFromTheSupply(address caller, uint256 amount, bytes32 ref) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        vm.prank(caller);
        token.redeem(FROM, amount, ref);
        assert(_wrong(supply - amount, from - amount, to) == 0);
    }

    function check_forcedTransferKeepsTheSupply(uint256 amount) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        vm.prank(APPROVALS);
        token.forcedTransfer(FROM, TO, amount);
        assert(_wrong(supply, from - amount, to + amount) == 0);
    }

    function check_cancellationTakesFromTheSupply(uint256 amount) external {
        _assumeState();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        vm.prank(APPROVALS);
        token.burn(FROM, amount);
        assert(_wrong(supply - amount, from - amount, to) == 0);
    }

    /// A batch with a sender whose verdict counts and no pause has a way of its own; any other is as
    /// many transfers.
    function check_batchOfTwoKeepsTheSupply(uint256 first, uint256 second) external {
        _assumeState();
        _assumeFresh(FROM);
        _assumeFresh(TO);
        _assumeSimple();
        (uint256 supply, uint256 from, uint256 to) = (token.totalSupply(), token.balanceOf(FROM), token.balanceOf(TO));
        address[] memory accounts = new address[](2);
        (accounts[0], accounts[1]) = (TO, TO);
        uint256[] memory amounts = new uint256[](2);
        (amounts[0], amounts[1]) = (first, second);
        vm.prank(FROM);
        token.batchTransfer(accounts, amounts);
        assert(_wrong(supply, from - first - second, to + first + second) == 0);
    }
}
