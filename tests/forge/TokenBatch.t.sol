// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {SecurityBase} from "../../contracts/token/SecurityBase.sol";
import {TokenWorld} from "./TokenWorld.sol";

/// A batch's own way, which a sender with a verdict that counts takes, after a record time.
contract TokenBatchTest is TokenWorld {
    function test_ca_5_aBatchNotesItsSenderAndItsRecipientsAtTheRecordTime() public {
        _setUpTokens();
        ISecurity token = _security("DE000PARI018", true, false);
        _issueOn(token, source, 100);
        _issueOn(token, target, 10);
        token.open(_two(source, target));
        vm.prank(address(home.actions));
        (bool armed, ) = address(token).call(abi.encodeWithSignature("armRecordTime(uint64)", START + 10));
        vm.assertTrue(armed, "armed");
        vm.warp(START + 11);
        vm.prank(source);
        token.batchTransfer(_two(target, other), _two(3, 4));
        vm.assertEq(token.balanceOfAt(source, START + 10), 100, "sender");
        vm.assertEq(token.balanceOfAt(target, START + 10), 10, "recipient");
        vm.assertEq(token.balanceOfAt(other, START + 10), 0, "new recipient");
        vm.assertEq(token.totalSupplyAt(START + 10), 110, "supply");
        vm.assertEq(token.balanceOfAt(address(0), START + 10), 0, "nobody");
        vm.assertEq(token.balanceOf(source), 93, "now");
    }

    function test_ctl_4_whatALockUpThatIsOverGaveToOneOfABatchIsNotThereForTheNext() public {
        _setUpTokens();
        ISecurity token = _security("DE000PARI018", true, false);
        _issueOn(token, source, 100);
        vm.prank(transferAgent);
        token.lock(source, 60, START + 10, "vesting");
        vm.warp(START + 10);
        vm.prank(source);
        vm.expectRevert(abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 10, source, other, 20));
        token.batchTransfer(_two(target, other), _two(95, 20));
        vm.prank(source);
        token.batchTransfer(_two(target, other), _two(95, 5));
        vm.assertEq(token.balanceOf(source), 0, "all of it");
    }

    function test_aBatchWritesItsSendersAccountOnce() public {
        _setUpTokens();
        ISecurity token = _security("DE000PARI018", true, false);
        _issueOn(token, source, 100);
        token.open(_two(target, other));
        vm.record();
        vm.prank(source);
        token.batchTransfer(_two(target, other), _two(3, 4));
        (, bytes32[] memory writes) = vm.accesses(address(token));
        vm.assertEq(writes.length, 3, "sender and two recipients");
    }
}
