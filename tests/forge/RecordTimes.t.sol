// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {RecordTimes} from "../../contracts/token/RecordTimes.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityTokenReadings} from "../../contracts/token/SecurityTokenReadings.sol";
import {World} from "./World.sol";

/// CA-5: balances at a record time are those after the last block with timestamp <= T, whatever
/// happens later, and units in transit at T count once, where they arrive.
contract RecordTimesTest is World {
    uint256 private constant SPAN = 400;
    uint256 private constant ACTORS = 3;
    // of `SecurityBase`
    bytes32 private constant STORAGE = 0xbb5027e853d560a5008b26752b30b61d29efdaefeb5e595bc7678dbe6b371500;

    address[3] private actors;
    // the reference: what each actor (and, last, the supply) had at each second since START
    uint256[4][SPAN] private reference_;
    uint256[3][SPAN] private transit;
    uint256 private clock;

    function setUp() public {
        _setUpWorld();
        _on(home);
        actors = [holderDe, holderFr, omnibus];
        for (uint256 i = 0; i < ACTORS; ++i) _issue(actors[i], 1000);
    }

    function testFuzz_ca_5_balancesAtRecordTimesAgreeWithAReference(uint256 seed, uint8 length) public {
        _record();
        for (uint256 step = 0; step < uint256(length) % 96 + 8; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            _sleep((seed >> 8) % 4);
            _act(seed >> 16);
            _record();
            if (step % 16 == 0) _compare();
        }
        _sleep(9);
        _compare();
    }

    function test_aMovementAtTheRecordTimeCountsAndOneSecondLaterDoesNot() public {
        uint64 t = START + 100;
        _arm(t);
        vm.warp(t);
        _transfer(holderDe, holderFr, 1);
        _transfer(holderDe, holderFr, 2); // the same second, twice
        vm.warp(t + 1);
        _transfer(holderDe, holderFr, 4);
        _transfer(holderDe, holderFr, 8);
        vm.assertEq(home.token.balanceOfAt(holderDe, t), 997, "sender at T");
        vm.assertEq(home.token.balanceOfAt(holderFr, t), 1003, "recipient at T");
        vm.assertEq(home.token.balanceOfAt(omnibus, t), 1000, "at rest");
        vm.assertEq(home.token.totalSupplyAt(t), 3000, "supply at T");
    }

    function test_aRecordTimeThatHasNotPassedIsNotAnswered() public {
        uint64 t = START + 100;
        _arm(t);
        vm.warp(t);
        vm.expectRevert(abi.encodeWithSelector(RecordTimes.RecordTimeNotPassed.selector, t, t));
        home.token.balanceOfAt(holderDe, t);
        vm.expectRevert(abi.encodeWithSelector(RecordTimes.RecordTimeNotArmed.selector, t + 1));
        home.token.balanceOfAt(holderDe, t + 1);
        vm.warp(t + 1);
        vm.assertEq(home.token.balanceOfAt(holderDe, t), 1000, "a second later");
    }

    function test_recordTimesAreArmedInAnyOrderOnceAndNeverInThePast() public {
        _arm(START + 300);
        _arm(START + 100);
        _arm(START + 200);
        vm.assertTrue(_arm(START + 200), "again");
        vm.assertFalse(_arm(START), "now");
        vm.assertFalse(_arm(START - 1), "before");
        uint64[] memory times = home.token.recordTimes();
        vm.assertEq(times.length, 3, "three");
        for (uint64 i = 0; i < 3; ++i) vm.assertEq(times[i], START + 100 * (i + 1), "ascending");

        vm.warp(START + 150);
        _transfer(holderDe, holderFr, 10); // first is past, two are ahead
        _arm(START + 160); // between passed and armed ones
        vm.warp(START + 170);
        _transfer(holderDe, holderFr, 20);
        vm.warp(START + 400);
        _transfer(holderDe, holderFr, 40);
        vm.assertEq(home.token.balanceOfAt(holderDe, START + 100), 1000, "first");
        vm.assertEq(home.token.balanceOfAt(holderDe, START + 160), 990, "armed last");
        vm.assertEq(home.token.balanceOfAt(holderDe, START + 200), 970, "second");
        vm.assertEq(home.token.balanceOfAt(holderDe, START + 300), 970, "third");
        vm.assertTrue(_arm(START + 100), "a passed one is still armed");
    }

    function test_anAccountThatCameLaterHadNothing() public {
        _arm(START + 10);
        _arm(START + 20);
        address late = _address("late");
        _onboard(home, late, "late", GERMANY, RETAIL, address(0));
        vm.warp(START + 15);
        _transfer(holderDe, late, 7);
        vm.warp(START + 25);
        _transfer(late, holderDe, 5);
        vm.assertEq(home.token.balanceOfAt(late, START + 10), 0, "before");
        vm.assertEq(home.token.balanceOfAt(late, START + 20), 7, "between");
    }

    function test_ca_5_whoHadNothingAtALaterRecordTimeStillHadItsUnitsAtTheFirst() public {
        _arm(START + 10);
        _arm(START + 20);
        vm.warp(START + 15);
        _transfer(holderDe, holderFr, 1000);
        vm.warp(START + 25);
        _transfer(holderFr, holderDe, 5);
        vm.assertEq(home.token.balanceOfAt(holderDe, START + 10), 1000, "first");
        vm.assertEq(home.token.balanceOfAt(holderDe, START + 20), 0, "second");
    }

    function test_ca_5_aSingleUnitIsRememberedToo() public {
        _transfer(holderDe, holderFr, 999);
        _arm(START + 10);
        vm.warp(START + 11);
        _transfer(holderDe, holderFr, 1);
        vm.assertEq(home.token.balanceOfAt(holderDe, START + 10), 1, "one");
    }

    function test_ca_5_onlyTheFirstMovementAfterARecordTimeCountsIt() public {
        _arm(START + 10);
        vm.warp(START + 10);
        vm.record();
        _transfer(holderDe, holderFr, 1);
        (, bytes32[] memory writes) = vm.accesses(address(home.token));
        vm.assertEq(writes.length, 2, "at it: the two accounts and nothing else");
        vm.warp(START + 11);
        _transfer(holderDe, holderFr, 1);
        vm.record();
        _transfer(holderDe, holderFr, 1);
        (, writes) = vm.accesses(address(home.token));
        vm.assertEq(writes.length, 2, "the second after it");
    }

    function test_ca_5_moreRecordTimesThanAnAccountCanCountAreNotArmed() public {
        // the length of the token's list, as if so many had been armed
        bytes32 length = bytes32(uint256(STORAGE) + 9);
        vm.assertEq(vm.load(address(home.token), length), 0, "none yet");
        vm.store(address(home.token), length, bytes32(uint256(type(uint16).max)));
        vm.prank(address(home.actions));
        vm.expectRevert(RecordTimes.TooManyRecordTimes.selector);
        home.token.armRecordTime(START + 10);
    }

    function test_ver_8_anArmedRecordTimeIsNotUndone() public {
        vm.warp(START + 5);
        vm.expectEmit(address(home.token));
        emit SecurityTokenReadings.RecordTimeArmed(START + 10);
        _arm(START + 10);
        vm.assertEq(home.token.irreversibleAt(), START + 5, "no way back behind it");
    }

    function test_unitsInTransitCountAtEachRecordTimeBetweenDispatchAndArrival() public {
        _arm(START + 10);
        _arm(START + 20);
        _arm(START + 30);
        vm.warp(START + 25);
        vm.startPrank(address(home.bridge));
        home.token.crosschainMintAt(holderFr, 50, START + 10); // left at the first, to the second
        vm.expectEmit(address(home.token));
        emit SecurityToken.InTransitCredited(START + 20, holderFr, 3);
        home.token.crosschainMintAt(holderFr, 3, START + 11); // left after the first
        home.token.crosschainMintAt(holderFr, 7, START + 21); // left and arrived between two
        vm.stopPrank();
        vm.warp(START + 31);
        vm.assertEq(home.token.eligibleBalanceOfAt(holderFr, START + 10), 1050, "dispatched at T");
        vm.assertEq(home.token.eligibleBalanceOfAt(holderFr, START + 20), 1053, "both on their way");
        vm.assertEq(home.token.eligibleBalanceOfAt(holderFr, START + 30), 1060, "all arrived");
        vm.assertEq(home.token.balanceOfAt(holderFr, START + 20), 1000, "not in the balance");
        vm.assertEq(home.token.inTransitOfAt(holderFr, START + 30), 0, "nothing in transit");
    }

    function test_unitsThatArriveAtTheRecordTimeAreNoLongerInTransit() public {
        _arm(START + 10);
        vm.warp(START + 10);
        vm.prank(address(home.bridge));
        home.token.crosschainMintAt(holderFr, 50, START + 9);
        vm.warp(START + 11);
        vm.assertEq(home.token.balanceOfAt(holderFr, START + 10), 1050, "in the balance");
        vm.assertEq(home.token.eligibleBalanceOfAt(holderFr, START + 10), 1050, "once");
    }

    function test_unitsCannotLeaveLaterThanTheyArrive() public {
        vm.prank(address(home.bridge));
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.FromTheFuture.selector, START + 1));
        home.token.crosschainMintAt(holderFr, 1, START + 1);
    }

    function test_onlyCorporateActionsArmRecordTimes() public {
        vm.prank(issuerAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenReadings.NotCorporateActions.selector, issuerAgent));
        home.token.armRecordTime(START + 1);
    }

    // ---------------------------------------------------------------- parts

    function _arm(uint64 time) private returns (bool) {
        vm.prank(address(home.actions));
        return home.token.armRecordTime(time);
    }

    function _transfer(address from, address to, uint256 amount) private {
        vm.prank(from);
        home.token.transfer(to, amount);
    }

    /// Let time pass; every second in between has what the last one had.
    function _sleep(uint256 seconds_) private {
        for (uint256 i = 0; i < seconds_; ++i) {
            reference_[clock + 1] = reference_[clock];
            ++clock;
        }
        vm.warp(START + clock);
    }

    function _record() private {
        for (uint256 i = 0; i < ACTORS; ++i) reference_[clock][i] = home.token.balanceOf(actors[i]);
        reference_[clock][ACTORS] = home.token.totalSupply();
    }

    function _act(uint256 dice) private {
        address from = actors[(dice >> 8) % ACTORS];
        uint256 to = (dice >> 16) % ACTORS;
        uint256 amount = (dice >> 24) % 50;
        uint256 what = dice % 8;
        if (home.token.balanceOf(from) < amount) amount = home.token.balanceOf(from);
        if (what < 3) {
            _transfer(from, actors[to], amount);
        } else if (what < 5) {
            _arm(uint64(START + clock + 1 + (dice >> 32) % 8));
        } else if (what == 5) {
            vm.prank(address(home.bridge));
            home.token.crosschainBurn(from, amount);
        } else {
            uint256 age = (dice >> 40) % 10;
            uint256 left = age > clock ? 0 : clock - age;
            vm.prank(address(home.bridge));
            home.token.crosschainMintAt(actors[to], amount, uint64(START + left));
            for (uint256 t = left; t < clock; ++t) transit[t][to] += amount;
        }
    }

    function _compare() private view {
        uint64[] memory times = home.token.recordTimes();
        for (uint256 k = 0; k < times.length; ++k) {
            if (times[k] >= START + clock) continue;
            uint256 at = times[k] - START;
            for (uint256 i = 0; i < ACTORS; ++i) {
                vm.assertEq(home.token.balanceOfAt(actors[i], times[k]), reference_[at][i], "balance at T");
                vm.assertEq(
                    home.token.eligibleBalanceOfAt(actors[i], times[k]),
                    reference_[at][i] + transit[at][i],
                    "eligible at T"
                );
            }
            vm.assertEq(home.token.totalSupplyAt(times[k]), reference_[at][ACTORS], "supply at T");
        }
    }
}
