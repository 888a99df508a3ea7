// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {TokenBridge} from "../../contracts/bridge/TokenBridge.sol";
import {Message, Standing} from "../../contracts/interfaces/IGateway.sol";
import {Holdings} from "../../contracts/token/Holdings.sol";
import {LockUps} from "../../contracts/token/LockUps.sol";
import {TravellingLots} from "../../contracts/token/TravellingLots.sol";
import {LockUp, Lot, SecurityBase} from "../../contracts/token/SecurityBase.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {Chain, World} from "./World.sol";

/// What travels with units (MOV-8), and where they land when their account's key was changed meanwhile.
contract LineageTest is World {
    uint8 private constant MOVEMENT = 1;
    uint64 private constant UNTIL = START + 400 days;
    bytes4 private constant RSTR = "RSTR";

    Chain private third;
    address private heir = _address("heir");

    function setUp() public {
        _setUpWorld();
        third = _deploy(31003, false);
        _link(home);
        _link(peer);
        _connect(third, home);
        _link(third);
        _lane(third, peer);
        _lane(home, third);
        _lane(peer, third);
        _issue(holderDe, 1_000);
        _lock(home, holderDe, 300, UNTIL);
    }

    // ---------------------------------------------------------------- lock-ups

    function test_mov_8_lockUpAndHoldingPeriodSurviveAToBToCToA() public {
        uint64 since = uint64(block.timestamp);
        vm.warp(START + 10 days);
        Message memory one = _moveLocked(home, peer, holderDe, holderDe, 350, 200, UNTIL);
        vm.warp(START + 20 days);
        _deliver(peer, _only(one));
        _holds(peer, 350, 200);
        Message memory two = _moveLocked(peer, third, holderDe, holderDe, 350, 200, UNTIL);
        vm.warp(START + 30 days);
        _deliver(third, _only(two));
        _holds(third, 350, 200);
        Message memory three = _moveLocked(third, home, holderDe, holderDe, 350, 200, UNTIL);
        vm.warp(START + 40 days);
        _deliver(home, _only(three));
        _holds(home, 1_000, 300);

        bytes32 path = keccak256(abi.encode(bytes32(0), home.gateway.messageId(one)));
        path = keccak256(abi.encode(path, peer.gateway.messageId(two)));
        path = keccak256(abi.encode(path, third.gateway.messageId(three)));
        Lot[] memory lots = home.token.lotsOf(holderDe);
        vm.assertEq(lots.length, 2, "what stayed, and what was away");
        _is(lots[0], Lot(100, UNTIL, since, 0));
        _is(lots[1], Lot(200, UNTIL, since, path));
        _refused(home, 701, 12);
        vm.warp(UNTIL - 1);
        _refused(home, 701, 12);
        vm.warp(UNTIL);
        vm.prank(holderDe);
        home.token.transfer(holderFr, 1_000);
    }

    function test_mov_8_lockedUnitsLeaveWithTheirLockUpAlone() public {
        _on(home);
        vm.prank(holderDe);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 12, holderDe, address(0), 701)
        );
        home.bridge.move(address(home.token), peer.id, abi.encodePacked(holderDe), 701, 0);
    }

    function test_mov_8_aLockUpDoesNotLetUnitsGoToAnotherHolder() public {
        Message memory message = _moveLocked(home, peer, holderDe, holderFr, 200, 200, UNTIL);
        _deliver(peer, _only(message));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(message)), "parked");
        vm.expectRevert(abi.encodeWithSelector(TravellingLots.LockedForAnother.selector, holderFr));
        peer.gateway.retry(message);
        _refuse(message);
        _giveBack(message);
        _holds(home, 1_000, 300);
        vm.assertEq(home.token.lotsOf(holderDe).length, 1, "one lot as before");
        _is(home.token.lotsOf(holderDe)[0], Lot(300, UNTIL, START, 0));
    }

    function test_mov_8_aLockUpThatEndsOnTheWayIsOver() public {
        Message memory message = _moveLocked(home, peer, holderDe, holderDe, 300, 300, UNTIL);
        vm.warp(UNTIL);
        _deliver(peer, _only(message));
        _holds(peer, 300, 0);
        vm.assertEq(peer.token.lotsOf(holderDe).length, 0, "none");
    }

    function test_mov_8_onlyLockUpsThatStandCanLeave() public {
        _expectRefusal(300, 1, UNTIL + 1, abi.encodeWithSelector(TravellingLots.LockUpUnknown.selector, holderDe, UNTIL + 1, 1));
        _expectRefusal(
            400, 301, UNTIL, abi.encodeWithSelector(TravellingLots.LockUpUnknown.selector, holderDe, UNTIL, 1)
        );
        _expectRefusal(300, 0, UNTIL, abi.encodeWithSelector(TravellingLots.LockUpUnknown.selector, holderDe, UNTIL, 0));
        _expectRefusal(
            99, 100, UNTIL, abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, holderDe, 100, 99)
        );
        vm.prank(holderDe);
        vm.expectRevert(TokenBridge.NothingToMove.selector);
        home.bridge.moveLocked(address(home.token), peer.id, abi.encodePacked(holderDe), 5, new LockUp[](0), 0);
        vm.warp(UNTIL);
        _expectRefusal(300, 1, UNTIL, abi.encodeWithSelector(TravellingLots.LockUpUnknown.selector, holderDe, UNTIL, 1));
    }

    function test_mov_8_theOldestOfLotsWithOneEndLeavesFirst() public {
        vm.warp(START + 5);
        _lock(home, holderDe, 100, UNTIL);
        Message memory message = _moveLocked(home, peer, holderDe, holderDe, 350, 350, UNTIL);
        _deliver(peer, _only(message));
        Lot[] memory lots = peer.token.lotsOf(holderDe);
        vm.assertEq(lots.length, 2, "two lots");
        vm.assertEq(lots[0].amount, 300, "the older one whole");
        vm.assertEq(lots[0].since, START, "since");
        vm.assertEq(lots[1].amount, 50, "part of the other");
        vm.assertEq(lots[1].since, START + 5, "since");
        _holds(home, 650, 50);
    }

    function test_mov_8_asManyLotsTravelAsLandWithinTheGasOfAMessage() public {
        LockUp[] memory all = new LockUp[](8);
        for (uint64 i = 0; i < 9; ++i) {
            if (i < 8) all[i] = LockUp(10, UNTIL + 1 + i);
            _lock(home, holderDe, 20, UNTIL + 1 + i);
        }
        Message memory message = _moveLots(home, peer, holderDe, holderDe, 80, all);
        uint256 before = gasleft();
        _deliver(peer, _only(message));
        vm.assertTrue(before - gasleft() < 900_000, "gas");
        _holds(peer, 80, 80);
        LockUp[] memory tooMany = new LockUp[](9);
        for (uint64 i = 0; i < 9; ++i) tooMany[i] = LockUp(10, UNTIL + 1 + i);
        _on(home);
        vm.prank(holderDe);
        vm.expectRevert(abi.encodeWithSelector(LockUps.TooManyLots.selector, holderDe));
        home.bridge.moveLocked(address(home.token), peer.id, abi.encodePacked(holderDe), 90, tooMany, 0);
    }

    function test_mov_8_theBridgeAloneLetsLotsLeaveAndLand() public {
        bytes memory refused = abi.encodeWithSelector(SecurityToken.NotBridge.selector, address(this));
        vm.expectRevert(refused);
        home.token.crosschainBurnLocked(holderDe, 1, new LockUp[](0));
        vm.expectRevert(refused);
        home.token.crosschainMintFor(holderDe, 1, START, 0, "");
        vm.expectRevert(refused);
        home.token.crosschainMintTo(holderDe, holderDe, 1, START);
    }

    function test_mov_8_lotsOfMoreThanArrivesAreRefused() public {
        Lot[] memory lots = new Lot[](2);
        (lots[0], lots[1]) = (Lot(6, UNTIL, START, 0), Lot(5, UNTIL, START, 0));
        _on(peer);
        vm.prank(address(peer.bridge));
        vm.expectRevert(abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, holderDe, 5, 4));
        peer.token.crosschainMintFor(holderDe, 10, START, 0, abi.encode(bytes24(_commitment("de")), lots));
    }

    function test_ctl_8_lockedUnitsLandFrozenToo() public {
        Message memory message = _moveLocked(home, peer, holderDe, holderDe, 200, 150, UNTIL);
        _on(peer);
        vm.prank(freezer);
        peer.token.freeze(holderDe, true, "order");
        _deliver(peer, _only(message));
        _holds(peer, 200, 150);
        _refused(peer, 1, 4);
    }

    // ---------------------------------------------------------------- changed keys

    function test_ubo_10_unitsArriveAtTheAccountThatTookThePlaceOfTheOneNamed() public {
        Message memory plain = _move(holderDe, holderDe, 10);
        Message memory locked = _moveLocked(home, peer, holderDe, holderDe, 20, 20, UNTIL);
        _on(peer);
        _rotate(peer, holderDe, heir);
        _deliver(peer, _only(plain));
        _deliver(peer, _only(locked));
        vm.assertEq(peer.token.balanceOf(heir), 30, "the successor has them");
        vm.assertEq(peer.token.balanceOf(holderDe), 0, "the former account nothing");
        vm.assertEq(peer.token.balanceOfType(heir, RSTR), 20, "locked up");
    }

    function test_ubo_10_unitsComeBackToTheAccountThatTookThePlaceOfTheirSender() public {
        Message memory message = _move(holderDe, stranger, 10);
        _deliver(peer, _only(message));
        _refuse(message);
        _on(home);
        _rotate(home, holderDe, heir);
        _giveBack(message);
        vm.assertEq(home.token.balanceOf(heir), 10, "back");
        vm.assertTrue(home.gateway.standingOf(home.gateway.messageId(message)) == Standing.REFUNDED, "once");
    }

    function test_ca_5_whatWasInTransitCountsForTheAccountThatItsMessageNames() public {
        uint64 t = START + 100;
        _on(peer);
        vm.prank(address(peer.actions));
        peer.token.armRecordTime(t);
        Message memory message = _move(holderDe, holderDe, 10);
        _on(peer);
        _rotate(peer, holderDe, heir);
        vm.warp(t + 5);
        _deliver(peer, _only(message));
        vm.assertEq(peer.token.eligibleBalanceOfAt(holderDe, t), 10, "as entitlements have it");
        vm.assertEq(peer.token.eligibleBalanceOfAt(heir, t), 0, "and once");
    }

    function test_ctl_8_aFreezeOfTheFormerAccountBindsWhatLandsAtItsSuccessor() public {
        Message memory message = _move(holderDe, holderDe, 10);
        _on(peer);
        vm.prank(freezer);
        peer.token.freeze(holderDe, true, "order");
        _rotate(peer, holderDe, heir);
        _deliver(peer, _only(message));
        vm.assertEq(peer.token.balanceOf(heir), 10, "landed");
        vm.assertTrue(peer.token.isFrozen(heir), "frozen");
        vm.prank(freezer);
        peer.token.freeze(heir, false, "lifted");
        message = _move(holderDe, holderDe, 5);
        _deliver(peer, _only(message));
        vm.assertFalse(peer.token.isFrozen(heir), "lifted for good");
    }

    // ---------------------------------------------------------------- parts

    function _link(Chain memory c) private {
        vm.chainId(c.id);
        vm.startPrank(tokenizer);
        c.instances.registerInstances(SECURITY, _list(_instance(third), _instance(peer)));
        vm.stopPrank();
    }

    function _lane(Chain memory here, Chain memory there) private {
        vm.chainId(here.id);
        vm.prank(operator);
        here.gateway.setLane(there.id, 1, address(here.bridge), _interop(there, address(there.bridge)));
    }

    function _lock(Chain memory c, address account, uint64 amount, uint64 until) private {
        _on(c);
        vm.prank(transferAgent);
        c.token.lock(account, amount, until, "vesting");
    }

    function _moveLocked(
        Chain memory here,
        Chain memory there,
        address from,
        address to,
        uint256 amount,
        uint64 locked,
        uint64 until
    ) private returns (Message memory) {
        LockUp[] memory lockUps = new LockUp[](1);
        lockUps[0] = LockUp(locked, until);
        return _moveLots(here, there, from, to, amount, lockUps);
    }

    function _moveLots(
        Chain memory here,
        Chain memory there,
        address from,
        address to,
        uint256 amount,
        LockUp[] memory lockUps
    ) private returns (Message memory) {
        _on(here);
        vm.recordLogs();
        vm.prank(from);
        here.bridge.moveLocked(address(here.token), there.id, abi.encodePacked(to), amount, lockUps, 0);
        return _sent(here)[0];
    }

    function _expectRefusal(uint256 amount, uint64 locked, uint64 until, bytes memory reason) private {
        LockUp[] memory lockUps = new LockUp[](1);
        lockUps[0] = LockUp(locked, until);
        _on(home);
        vm.prank(holderDe);
        vm.expectRevert(reason);
        home.bridge.moveLocked(address(home.token), peer.id, abi.encodePacked(holderDe), amount, lockUps, 0);
    }

    /// Refuse on the peer, for good.
    function _refuse(Message memory message) private {
        _on(peer);
        vm.prank(operator);
        peer.gateway.refuse(message, "not his");
    }

    /// Attest at home that the first message never takes effect, and take back what it carried.
    function _giveBack(Message memory message) private {
        _on(home);
        bytes32[] memory refused = new bytes32[](1);
        refused[0] = home.gateway.messageId(message);
        (uint256 head, bytes memory signatures) = _acknowledgement(message.nonce, refused);
        home.gateway.acknowledge(peer.id, head, refused, signatures);
        home.gateway.refund(message);
    }

    function _holds(Chain memory c, uint256 balance, uint256 locked) private view {
        vm.assertEq(c.token.balanceOf(holderDe), balance, "balance");
        vm.assertEq(c.token.balanceOfType(holderDe, RSTR), locked, "locked up");
        vm.assertEq(c.token.availableBalanceOf(holderDe), balance - locked, "available");
    }

    function _refused(Chain memory c, uint256 amount, uint8 code) private {
        _on(c);
        vm.prank(holderDe);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, code, holderDe, holderFr, amount)
        );
        c.token.transfer(holderFr, amount);
    }

    function _is(Lot memory found, Lot memory wanted) private pure {
        vm.assertEq(keccak256(abi.encode(found)), keccak256(abi.encode(wanted)), "lot");
    }
}
