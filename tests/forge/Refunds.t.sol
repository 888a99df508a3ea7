// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {Gateway} from "../../contracts/bridge/Gateway.sol";
import {Lanebook} from "../../contracts/bridge/Lanebook.sol";
import {Inbox} from "../../contracts/bridge/Inbox.sol";
import {Application} from "../../contracts/bridge/Application.sol";
import {Quorum} from "../../contracts/bridge/Quorum.sol";
import {TokenBridge} from "../../contracts/bridge/TokenBridge.sol";
import {Message, Standing} from "../../contracts/interfaces/IGateway.sol";
import {Chain, World} from "./World.sol";

/// What is refused on one ledger comes back on the other, once (MOV-6); what is above a cap waits (MOV-13).
contract RefundsTest is World {
    uint8 private constant MOVEMENT = 1;

    address private unknown = _address("newcomer");

    function setUp() public {
        _setUpWorld();
        _issue(holderDe, 1_000);
    }

    // ---------------------------------------------------------------- acknowledgement

    function test_mov_3_arrivalsAreAcknowledgedToTheSource() public {
        _deliver(peer, _only(_move(holderDe, holderFr, 10)));
        _move(holderDe, holderFr, 10);
        _on(home);
        vm.assertEq(home.gateway.acknowledgedNonce(peer.id, MOVEMENT), 0, "nothing yet");
        vm.expectEmit(address(home.gateway));
        emit Gateway.LaneAcknowledged(peer.id, MOVEMENT, 1);
        _acknowledge(1, new bytes32[](0));
        vm.assertEq(home.gateway.acknowledgedNonce(peer.id, MOVEMENT), 1, "the first");
        _acknowledge(1, new bytes32[](0));
        _acknowledge(0, new bytes32[](0));
        vm.assertEq(home.gateway.acknowledgedNonce(peer.id, MOVEMENT), 1, "an earlier one takes nothing back");
    }

    function test_a1_moreArrivalsThanMessagesAreRefused() public {
        _move(holderDe, holderFr, 10);
        (uint256 head, bytes memory signatures) = _acknowledgement(2, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(Gateway.NeverSent.selector, 1, 2));
        home.gateway.acknowledge(peer.id, head, new bytes32[](0), signatures);
    }

    function test_a7_anAcknowledgementIsSignedAsItIs() public {
        Message memory message = _refusedOnPeer();
        bytes32[] memory refused = _one(home.gateway.messageId(message));
        (uint256 head, bytes memory signatures) = _acknowledgement(1, new bytes32[](0));
        bytes memory wrong = abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0]));
        vm.expectRevert(wrong);
        home.gateway.acknowledge(peer.id, head, refused, signatures);
        vm.expectRevert(wrong);
        home.gateway.acknowledge(peer.id + 1, head, new bytes32[](0), signatures);
        vm.expectRevert(wrong);
        home.gateway.acknowledge(peer.id, head + 1, new bytes32[](0), signatures);
        vm.expectRevert(wrong);
        home.gateway.acknowledge(peer.id, head - (1 << 8), new bytes32[](0), signatures);
        _on(peer);
        vm.expectRevert(wrong);
        peer.gateway.acknowledge(peer.id, head, new bytes32[](0), signatures);
        _on(home);
        home.gateway.acknowledge(peer.id, head, new bytes32[](0), signatures);
    }

    // ---------------------------------------------------------------- refund

    function test_mov_6_unitsThatWereRefusedComeBackOnce() public {
        Message memory message = _refusedOnPeer();
        bytes32 id = home.gateway.messageId(message);
        vm.assertEq(home.token.totalSupply(), 900, "in transit");
        vm.expectRevert(abi.encodeWithSelector(Gateway.NotReturned.selector, id));
        home.gateway.refund(message);
        vm.expectEmit(address(home.gateway));
        emit Gateway.MessageReturned(id, peer.id, MOVEMENT);
        _acknowledge(1, _one(id));
        vm.assertTrue(home.gateway.standingOf(id) == Standing.RETURNED, "returned");
        vm.expectEmit(address(home.bridge));
        emit TokenBridge.UnitsReturned(id, SECURITY, holderDe, 100);
        home.gateway.refund(message);
        vm.assertEq(home.token.balanceOf(holderDe), 1_000, "back");
        vm.assertTrue(home.gateway.standingOf(id) == Standing.REFUNDED, "refunded");
        vm.expectRevert(abi.encodeWithSelector(Gateway.NotReturned.selector, id));
        home.gateway.refund(message);
        _acknowledge(1, _one(id));
        vm.expectRevert(abi.encodeWithSelector(Gateway.NotReturned.selector, id));
        home.gateway.refund(message);
        vm.assertEq(home.token.totalSupply(), 1_000, "once");
    }

    function test_mov_6_aLateMintAfterTheRefundIsRefused() public {
        Message memory message = _refusedOnPeer();
        bytes32 id = home.gateway.messageId(message);
        _acknowledge(1, _one(id));
        home.gateway.refund(message);
        _onboard(peer, unknown, "late", GERMANY, RETAIL, address(0));
        _deliver(peer, _only(message));
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotParked.selector, id));
        peer.gateway.retry(message);
        vm.assertEq(peer.token.totalSupply(), 0, "nothing there");
        vm.assertEq(home.token.totalSupply(), 1_000, "all here");
    }

    function test_mov_6_whatExpiredOnItsWayComesBack() public {
        _on(home);
        vm.recordLogs();
        vm.prank(holderDe);
        home.bridge.move(address(home.token), peer.id, abi.encodePacked(holderFr), 100, START + 60);
        Message memory message = _sent(home)[0];
        vm.warp(START + 61);
        _deliver(peer, _only(message));
        vm.assertEq(peer.token.totalSupply(), 0, "too late");
        _on(home);
        _acknowledge(1, _one(home.gateway.messageId(message)));
        home.gateway.refund(message);
        vm.assertEq(home.token.balanceOf(holderDe), 1_000, "back");
    }

    function test_mov_6_aRefundThatTheRulesRefuseWaits() public {
        Message memory message = _refusedOnPeer();
        bytes32 id = home.gateway.messageId(message);
        _acknowledge(1, _one(id));
        vm.prank(registrar);
        home.holders.setStatus(holderDe, false, "suspended");
        vm.expectRevert();
        home.gateway.refund(message);
        vm.assertTrue(home.gateway.standingOf(id) == Standing.RETURNED, "waits");
        vm.prank(registrar);
        home.holders.setStatus(holderDe, true, "again");
        home.gateway.refund(message);
        vm.assertEq(home.token.balanceOf(holderDe), 1_000, "back");
    }

    function test_mov_6_nothingIsRefundedInAStoppedLane() public {
        Message memory message = _refusedOnPeer();
        _acknowledge(1, _one(home.gateway.messageId(message)));
        vm.prank(pauser);
        home.gateway.stopLane(peer.id, MOVEMENT, "drift");
        vm.expectRevert(abi.encodeWithSelector(Lanebook.LaneHalted.selector, peer.id, MOVEMENT));
        home.gateway.refund(message);
    }

    function test_mov_6_aMessageOfAnotherLedgerIsNoneToTakeBack() public {
        Message memory message = _refusedOnPeer();
        bytes32 id = home.gateway.messageId(message);
        _on(peer);
        vm.expectRevert(abi.encodeWithSelector(Gateway.NotReturned.selector, id));
        peer.gateway.refund(message);
    }

    function test_mov_6_anApplicationThatTookNothingHasNothingToTakeBack() public {
        _on(home);
        vm.prank(address(home.gateway));
        vm.expectRevert(Application.NothingToTakeBack.selector);
        (bool success, ) = address(home.actions).call(
            abi.encodePacked(
                abi.encodeCall(home.actions.receiveMessage, (bytes32(0), "", "")), home.id, uint256(START)
            )
        );
        success;
    }

    function test_ca_5_unitsThatCameBackCountForTheirOwnerThroughout() public {
        uint64 recordTime = START + 100;
        _on(home);
        vm.prank(address(home.actions));
        home.token.armRecordTime(recordTime);
        Message memory message = _refusedOnPeer();
        vm.warp(recordTime + 10);
        _acknowledge(1, _one(home.gateway.messageId(message)));
        home.gateway.refund(message);
        vm.assertEq(home.token.eligibleBalanceOfAt(holderDe, recordTime), 1_000, "what was in transit counts once");
    }

    // ---------------------------------------------------------------- caps

    function test_mov_13_oneUnitAboveTheCapWaitsForAnApproval() public {
        _cap(100, 1 hours);
        _deliver(peer, _only(_move(holderDe, holderFr, 60)));
        Message memory exact = _move(holderDe, holderFr, 40);
        Message memory above = _move(holderDe, holderFr, 1);
        _deliver(peer, _only(exact));
        vm.assertEq(peer.token.balanceOf(holderFr), 100, "the cap itself");
        _deliver(peer, _only(above));
        bytes32 id = peer.gateway.messageId(above);
        vm.assertTrue(_isParked(peer, id), "one above");
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.ArrivalCapExceeded.selector, 100, 100, 1));
        peer.gateway.retry(above);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, stranger));
        peer.bridge.approveArrival(id);
        _act(peer, address(peer.bridge), abi.encodeCall(TokenBridge.approveArrival, (id)));
        peer.gateway.retry(above);
        vm.assertEq(peer.token.balanceOf(holderFr), 101, "approved");
        vm.assertEq(peer.bridge.arrivalCapOf(SECURITY, home.id).arrived, 100, "beside the cap");
    }

    function test_mov_13_theNextWindowHasRoomAgain() public {
        _cap(100, 1 hours);
        _deliver(peer, _only(_move(holderDe, holderFr, 100)));
        Message memory next = _move(holderDe, holderFr, 100);
        vm.warp(START + 1 hours - 1);
        _deliver(peer, _only(next));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(next)), "too early");
        vm.warp(START + 1 hours);
        peer.gateway.retry(next);
        vm.assertEq(peer.token.balanceOf(holderFr), 200, "in the next window");
        Message memory huge = _move(holderDe, holderFr, 101);
        vm.warp(START + 5 hours);
        _deliver(peer, _only(huge));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(huge)), "above any window");
    }

    function test_mov_13_aCapIsOfOneLedgerAndOneSecurityAndCanBeLifted() public {
        _cap(1, 1 hours);
        Message memory message = _move(holderDe, holderFr, 5);
        _deliver(peer, _only(message));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(message)), "capped");
        _cap(1, 0);
        peer.gateway.retry(message);
        vm.assertEq(peer.token.balanceOf(holderFr), 5, "no cap");
        vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, address(this), Roles.BRIDGE_OPERATOR));
        peer.bridge.setArrivalCap(SECURITY, home.id, 1, 1);
    }

    // ---------------------------------------------------------------- parts

    /// A movement of 100 units to somebody whom the peer does not know, which its operator refused.
    function _refusedOnPeer() private returns (Message memory message) {
        message = _move(holderDe, unknown, 100);
        _deliver(peer, _only(message));
        vm.prank(operator);
        peer.gateway.refuse(message, "never onboarded");
        _on(home);
    }

    function _cap(uint64 amount, uint32 window) private {
        _on(peer);
        vm.prank(operator);
        peer.bridge.setArrivalCap(SECURITY, home.id, amount, window);
    }

    function _one(bytes32 id) private pure returns (bytes32[] memory list) {
        list = new bytes32[](1);
        list[0] = id;
    }

    function _acknowledge(uint64 nonce, bytes32[] memory refused) private {
        _on(home);
        (uint256 head, bytes memory signatures) = _acknowledgement(nonce, refused);
        home.gateway.acknowledge(peer.id, head, refused, signatures);
    }
}
