// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Account, AccountLib} from "../../contracts/token/Account.sol";
import {Ledger} from "./Ledger.sol";

/// @title Freeze: what is frozen does not leave, but by law
/// @notice For any state, any verdict of the rules and any caller but the approvals contract (CTL-5):
/// no entry point of `SecurityToken` lowers the balance of a frozen account, or takes units that are
/// blocked, pledged or locked up. Bounds: lists are empty (no lot, so that no lock-up lapses), a batch has one entry, and
/// where blocked units are concerned both accounts have a verdict that counts.
contract FreezeChecks is Ledger {
    function _assumeFrozen() private view {
        _assumeReachable();
        vm.assume(Account.unwrap(token.wordAt(FROM)) >> 248 & AccountLib.FROZEN != 0);
        vm.assume(token.balanceOf(FROM) != 0);
    }

    function check_frozenAccountSendsNothing(address to, uint256 amount) external {
        _assumeFrozen();
        vm.prank(FROM);
        (bool success, ) = address(token).call(abi.encodeCall(token.transfer, (to, amount)));
        assert(!success);
    }

    function check_nobodySendsForAFrozenAccount(address caller, address to, uint256 amount) external {
        _assumeFrozen();
        vm.prank(caller);
        (bool success, ) = address(token).call(abi.encodeCall(token.transferFrom, (FROM, to, amount)));
        assert(!success);
    }

    function check_frozenAccountSendsNoBatch(uint256 amount) external {
        _assumeFrozen();
        vm.prank(FROM);
        (bool success, ) = address(token).call(abi.encodeCall(token.batchTransfer, (_one(TO), _one(amount))));
        assert(!success);
    }

    function check_frozenUnitsAreNotRedeemed(address caller, uint256 amount, bytes32 ref) external {
        _assumeFrozen();
        vm.prank(caller);
        (bool success, ) = address(token).call(abi.encodeCall(token.redeem, (FROM, amount, ref)));
        assert(!success);
    }

    function check_frozenAccountLeavesNoLedger(address caller, uint256 amount) external {
        _assumeFrozen();
        vm.prank(caller);
        (bool success, ) = address(token).call(abi.encodeCall(token.crosschainBurn, (FROM, amount)));
        assert(!success);
    }

    /// The law's own functions are open to the approvals contract alone.
    function check_nobodyElseActsByLaw(address caller, uint256 amount, bytes32 ref) external {
        _assumeReachable();
        vm.assume(caller != APPROVALS);
        vm.startPrank(caller);
        (bool a, ) = address(token).call(abi.encodeCall(token.forcedTransfer, (FROM, TO, amount)));
        (bool b, ) = address(token).call(abi.encodeCall(token.burn, (FROM, amount)));
        (bool c, ) = address(token).call(abi.encodeCall(token.cancel, (FROM, amount, ref)));
        (bool d, ) = address(token).call(abi.encodeCall(token.batchBurn, (_one(FROM), _one(amount))));
        assert(!a);
        assert(!b);
        assert(!c);
        assert(!d);
    }

    function _assumeBlocked() private view returns (uint256 blocked) {
        _assumeReachable();
        _assumeNoted();
        _assumeFresh(FROM);
        _assumeFresh(TO);
        blocked = token.wordAt(FROM).unavailable();
    }

    function check_blockedUnitsAreNotSent(uint256 amount) external {
        uint256 blocked = _assumeBlocked();
        vm.prank(FROM);
        token.transfer(TO, amount);
        assert(token.balanceOf(FROM) >= blocked);
    }

    function check_blockedUnitsAreNotSentInABatch(uint256 amount) external {
        uint256 blocked = _assumeBlocked();
        vm.prank(FROM);
        token.batchTransfer(_one(TO), _one(amount));
        assert(token.balanceOf(FROM) >= blocked);
    }

    function check_blockedUnitsAreNotRedeemed(uint256 amount, bytes32 ref) external {
        uint256 blocked = _assumeBlocked();
        vm.prank(FROM);
        token.redeem(FROM, amount, ref);
        assert(token.balanceOf(FROM) >= blocked);
    }

    function check_blockedUnitsLeaveNoLedger(uint256 amount) external {
        uint256 blocked = _assumeBlocked();
        vm.prank(BRIDGE);
        token.crosschainBurn(FROM, amount);
        assert(token.balanceOf(FROM) >= blocked);
    }
}
