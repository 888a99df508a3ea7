// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Approvals} from "../../contracts/access/Approvals.sol";
import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Holdings} from "../../contracts/token/Holdings.sol";
import {LockUps} from "../../contracts/token/LockUps.sol";
import {Blackout, Lot, SecurityBase, TokenInit} from "../../contracts/token/SecurityBase.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityTokenExtension} from "../../contracts/token/SecurityTokenExtension.sol";
import {SecurityTokenReadings} from "../../contracts/token/SecurityTokenReadings.sol";
import {Module, TokenWorld} from "./TokenWorld.sol";
import {Vm} from "./Vm.sol";

/// Each control of the token at its bounds: rules, roles, stops, corrections, rule contracts.
contract TokenControlsTest is TokenWorld {
    uint256 private constant HELD = 100;
    ISecurity private token;

    function setUp() public {
        _setUpTokens();
        token = _security("DE000PARI018", true, false);
        vm.prank(transferAgent);
        token.issue(source, HELD, "first");
    }

    // ---------------------------------------------------------------- CTL-4: rules at their bounds

    function test_ctl_4_eligibilityHoldsUpToItsLastSecond() public {
        vm.prank(registrar);
        home.holders.onboard(target, _commitment("target"), FRANCE, RETAIL, uint32(START + 3 days), address(0), false, "");
        token.open(_one(target));
        vm.warp(START + 3 days);
        vm.assertEq(_transfer(token, source, target, 1), 0, "last second");
        vm.warp(START + 3 days + 1);
        vm.assertEq(_transfer(token, source, target, 1), 6, "a second later");
        vm.assertEq(_transfer(token, target, source, 1), 3, "nor delivers");
    }

    function test_ctl_4_jurisdictionAllowsOrDenies() public {
        vm.startPrank(ruleManager);
        token.setCountries(_countries(FRANCE), false, "allow");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 0, "on the list");
        vm.assertEq(token.detectTransferRestriction(source, other, 1), 8, "not on it");
        token.setCountries(_countries(FRANCE), true, "deny");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 8, "on the list");
        vm.assertEq(token.detectTransferRestriction(source, other, 1), 0, "not on it");
        token.setCountries(new uint16[](0), true, "deny none");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 0, "nobody denied");
        token.setCountries(new uint16[](0), false, "allow none");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 8, "nobody allowed");
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.setCountries(_countries(0), false, "x");
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.setCountries(_countries(1000), false, "x");
        token.setCountries(_countries(999), false, "the highest there is");
        vm.assertTrue(token.isCountryAllowed(999), "999");
        vm.stopPrank();
        // 20, 276 and 532 are the same bit of different words
        vm.prank(ruleManager);
        token.setCountries(_countries(GERMANY), false, "allow");
        vm.assertTrue(token.isCountryAllowed(276), "276");
        vm.assertFalse(token.isCountryAllowed(20) || token.isCountryAllowed(532), "20 or 532");
    }

    function test_ctl_4_investorClassesAreThoseBelow32() public {
        for (uint8 class = 0; class < 40; ++class) {
            _onboard(home, target, "target", FRANCE, class, address(0));
            vm.prank(ruleManager);
            token.setClasses(type(uint32).max, "all");
            vm.assertEq(_transfer(token, source, target, 1), class < 32 ? 0 : 9, "all that may be");
            if (class > 31) continue;
            vm.prank(ruleManager);
            token.setClasses(type(uint32).max & ~uint32(1 << class), "all but one");
            vm.assertEq(_transfer(token, source, target, 1), 9, "all but this");
        }
    }

    function test_ctl_4_thePauseOfTheLowestClassAloneCounts() public {
        _onboard(home, target, "target", FRANCE, 0, address(0));
        vm.prank(ruleManager);
        token.setClasses(type(uint32).max, "all");
        vm.prank(pauser);
        token.pauseClasses(1, "class 0");
        vm.assertEq(_transfer(token, source, target, 1), 19, "its inventory stands still");
        vm.assertEq(_transfer(token, source, other, 1), 0, "no other does");
    }

    function test_iss_1_theRulesOfTheTermsHoldFromTheStart() public {
        TokenInit memory init = _terms("DE000PARI026", false, false);
        (init.countries, init.denyList, init.minimumLot) = (_countries(FRANCE), true, 2);
        ISecurity t = _token(home, init);
        _issueOn(t, source, 10);
        vm.assertEq(t.policy().minimumLot, 2, "minimum lot");
        vm.assertEq(_transfer(t, source, other, 1), 17, "below the lot");
        vm.assertEq(_transfer(t, source, other, 2), 0, "the lot");
        vm.assertEq(_transfer(t, source, target, 2), 8, "a country that may not");
        init.countries = _countries(999);
        init.denyList = false;
        vm.assertTrue(_token(home, init).isCountryAllowed(999), "the highest number of a country");
    }

    function test_ctl_4_theSanctionedNeitherReceiveNorDeliver() public {
        vm.prank(source);
        token.transfer(target, 5);
        vm.startPrank(regulator);
        home.holders.setSanctioned(target, true, "list");
        vm.stopPrank();
        vm.assertEq(_transfer(token, source, target, 1), 14, "receives");
        vm.assertEq(_transfer(token, target, source, 1), 13, "delivers");
        vm.prank(regulator);
        home.holders.setSanctioned(target, false, "off the list");
        vm.assertEq(_transfer(token, source, target, 1), 0, "receives again");
    }

    function test_ctl_4_theHoldingCapIsExact() public {
        _mustApproved(token, abi.encodeCall(token.setHoldingCap, (30)));
        vm.assertEq(_transfer(token, source, target, 31), 15, "one too many");
        vm.assertEq(_transfer(token, source, target, 30), 0, "all of it");
        vm.assertEq(_transfer(token, source, target, 1), 15, "no more");
        vm.assertEq(_transfer(token, source, target, 0), 0, "nothing is never too much");
        // who is above a cap that was lowered keeps what it has, and may move it about
        token.open(_one(source));
        vm.assertEq(_transfer(token, source, source, 70), 0, "to itself");
        vm.assertEq(_transfer(token, source, other, 20), 0, "away");
        vm.assertEq(_transfer(token, target, source, 1), 15, "not to one above it");
        // an additional account of a holder shares the cap of the first
        vm.prank(registrar);
        home.holders.onboard(other, _commitment("other"), GERMANY, SPECIAL, 0, address(0), true, "");
        vm.assertEq(token.quotaOf(other), 0, "shares");
        vm.assertEq(_transfer(token, source, other, 1), 15, "nothing of its own");
        vm.prank(quotas);
        token.grantQuota(other, uint192(uint256(_commitment("other")) >> 64), 21);
        vm.assertEq(_transfer(token, source, other, 1), 0, "what it was given");
        vm.assertEq(_transfer(token, source, other, 1), 15, "no more");
    }

    function test_ctl_4_quotasMoveWithoutEverAddingUpToMore() public {
        _mustApproved(token, abi.encodeCall(token.setHoldingCap, (30)));
        vm.prank(source);
        token.transfer(target, 10);
        vm.startPrank(quotas);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.QuotaInUse.selector, target, 21, 20));
        token.releaseQuota(target, 21);
        uint192 holder = token.releaseQuota(target, 20);
        vm.assertEq(holder, uint256(_commitment("target")) >> 64, "for this holder");
        vm.assertEq(token.quotaOf(target), 10, "left");
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.QuotaInUse.selector, source, 1, 0));
        token.releaseQuota(source, 1); // who is above a lower cap has nothing to give
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.AnotherHolder.selector, target));
        token.grantQuota(target, holder + 1, 1);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.AnotherHolder.selector, stranger));
        token.releaseQuota(stranger, 1);
        vm.stopPrank();
        vm.assertEq(_transfer(token, source, target, 1), 15, "at the next call");
        vm.prank(quotas);
        token.grantQuota(target, holder, 5);
        vm.assertEq(_transfer(token, source, target, 5), 0, "what came back");
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.NotQuotas.selector, stranger));
        token.grantQuota(target, holder, 5);
        // a security without a cap has no quotas
        vm.prank(quotas);
        vm.expectRevert(SecurityTokenExtension.NoSuchRule.selector);
        home.token.releaseQuota(target, 1);
        vm.prank(quotas);
        vm.expectRevert(SecurityTokenExtension.NoSuchRule.selector);
        home.token.grantQuota(target, holder, 1);
        // nor one without a limit of holders places
        vm.prank(quotas);
        vm.expectRevert(SecurityTokenExtension.NoSuchRule.selector);
        token.releasePlaces(1);
        vm.prank(quotas);
        vm.expectRevert(SecurityTokenExtension.NoSuchRule.selector);
        token.grantPlaces(1);
    }

    function test_ctl_4_lotsUnlockAtTheirTime() public {
        vm.startPrank(transferAgent);
        token.lock(source, 40, START + 10, "vesting");
        token.lock(source, 40, START + 20, "vesting");
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.lock(source, 1, START, "x");
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.lock(source, 0, START + 10, "x");
        vm.expectRevert(abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, source, 21, 20));
        token.lock(source, 21, START + 10, "x");
        vm.stopPrank();
        vm.assertEq(_transfer(token, source, target, 21), 12, "locked up");
        vm.warp(START + 9);
        vm.assertEq(_transfer(token, source, target, 21), 12, "a second before");
        vm.warp(START + 10);
        vm.assertEq(token.availableBalanceOf(source), 60, "one lot is over");
        vm.assertEq(token.balanceOfType(source, RSTR), 40, "one is not");
        vm.assertTrue(_addsUp(token, source), "before the release is written");
        vm.assertEq(_transfer(token, source, target, 61), 12, "the other is not");
        vm.assertEq(_transfer(token, source, target, 60), 0, "the first");
        vm.assertEq(token.lotsOf(source).length, 1, "forgotten");
        vm.warp(START + 20);
        vm.assertEq(_transfer(token, source, target, 40), 0, "the second");
        vm.assertEq(token.lotsOf(source).length, 0, "none");
    }

    function test_ctl_4_blockedUnitsAreNamedBeforeLockedUpOnes() public {
        vm.prank(transferAgent);
        token.lock(source, 20, START + 10, "vesting");
        vm.prank(freezer);
        token.freezeUnits(source, 20, "order");
        vm.assertEq(_transfer(token, source, target, 81), 11, "more than is not blocked");
        vm.assertEq(_transfer(token, source, target, 80), 12, "all that is not");
        vm.assertEq(_transfer(token, source, target, 61), 12, "one of those that are locked up");
        vm.warp(START + 10);
        vm.assertEq(_transfer(token, source, target, 81), 11, "more than is not blocked");
        vm.assertEq(_transfer(token, source, target, 80), 0, "nothing is locked up");
    }

    function test_ctl_4_lotsAreBoundedInNumber() public {
        vm.startPrank(transferAgent);
        for (uint64 i = 0; i < 16; ++i) token.lock(source, 1, START + 10 + i, "vesting");
        vm.expectRevert(abi.encodeWithSelector(LockUps.TooManyLots.selector, source));
        token.lock(source, 1, START + 99, "vesting");
        vm.warp(START + 10);
        // one is over, and makes room
        token.lock(source, 1, START + 99, "vesting");
        vm.stopPrank();
        vm.assertEq(token.lotsOf(source).length, 16, "as many as may be");
        vm.assertTrue(_addsUp(token, source), "adds up");
    }

    function test_ctl_4_holdersAreCountedAndBounded() public {
        ISecurity t = _security("DE000PARI026", false, true);
        _issueOn(t, source, HELD);
        _mustApproved(t, abi.encodeCall(t.setHolderLimit, (2)));
        vm.assertEq(t.policy().holderCount, 1, "one");
        vm.assertEq(_transfer(t, source, target, 10), 0, "the second");
        vm.assertEq(_transfer(t, source, other, 10), 16, "a third");
        vm.assertEq(_transfer(t, source, other, 0), 0, "with nothing one is no holder");
        vm.assertEq(_transfer(t, source, target, 10), 0, "one who is a holder");
        // another account of the same holder is no other holder
        _onboard(home, successor, "target", FRANCE, RETAIL, address(0));
        vm.assertEq(_transfer(t, source, successor, 10), 0, "same holder");
        vm.assertEq(t.policy().holderCount, 2, "two");
        vm.assertEq(_transfer(t, successor, other, 10), 16, "its holder stays");
        vm.assertEq(_transfer(t, target, successor, 20), 0, "to its own other account");
        vm.assertEq(_transfer(t, successor, other, 29), 16, "it does not leave");
        vm.assertEq(_transfer(t, successor, other, 30), 0, "who leaves makes a place");
        vm.assertEq(t.policy().holderCount, 2, "two");
        _mustApproved(t, abi.encodeCall(t.setHolderLimit, (1)));
        vm.prank(quotas);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.QuotaInUse.selector, address(0), 1, 0));
        t.releasePlaces(1);
        _mustApproved(t, abi.encodeCall(t.setHolderLimit, (2)));
        vm.prank(quotas);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.QuotaInUse.selector, address(0), 1, 0));
        t.releasePlaces(1);
        vm.prank(quotas);
        t.grantPlaces(1);
        vm.assertEq(_transfer(t, source, target, 1), 0, "a place more");
        // law and redemption count too
        _mustApproved(t, abi.encodeCall(t.forcedTransfer, (target, source, 1)));
        vm.assertEq(t.policy().holderCount, 2, "left by law");
        _mustApproved(t, abi.encodeCall(t.burn, (other, 30)));
        vm.assertEq(t.policy().holderCount, 1, "left by cancellation");
        vm.prank(source);
        t.approve(transferAgent, HELD);
        uint256 all = t.balanceOf(source);
        vm.prank(transferAgent);
        t.redeem(source, all, "r");
        vm.assertEq(t.policy().holderCount, 0, "nobody");
    }

    function test_ctl_4_theMinimumLotSparesTheWholeBalance() public {
        vm.prank(ruleManager);
        token.setMinimumLot(30, "terms");
        vm.assertEq(_transfer(token, source, target, 29), 17, "too few");
        vm.assertEq(_transfer(token, source, target, 30), 0, "enough");
        vm.assertEq(_transfer(token, source, target, 50), 0, "enough");
        vm.assertEq(_transfer(token, source, target, 19), 17, "not all");
        vm.assertEq(_transfer(token, source, target, 20), 0, "all that is left");
        vm.prank(ruleManager);
        token.setMinimumLot(2, "terms");
        vm.assertEq(_transfer(token, target, source, 1), 17, "the least lot there is");
        vm.prank(ruleManager);
        token.setMinimumLot(0, "terms");
        vm.assertEq(_transfer(token, target, source, 1), 0, "no lot");
    }

    function test_ctl_4_aBlackoutWindowIsHalfOpen() public {
        Blackout[] memory windows = new Blackout[](2);
        windows[0] = Blackout(START + 10, START + 20);
        windows[1] = Blackout(START + 30, START + 31);
        vm.prank(ruleManager);
        token.setBlackouts(windows, "around the event");
        uint64[6] memory times = [START + 9, START + 10, START + 19, START + 20, START + 30, START + 31];
        for (uint256 i = 0; i < 6; ++i) {
            vm.warp(times[i]);
            bool inside = i == 1 || i == 2 || i == 4;
            vm.assertEq(_transfer(token, source, target, 1), inside ? 18 : 0, vm.toString(i));
        }
        windows[1] = Blackout(START, START);
        vm.startPrank(ruleManager);
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.setBlackouts(windows, "x");
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.setBlackouts(new Blackout[](9), "x");
        windows = new Blackout[](9);
        for (uint64 i = 0; i < 9; ++i) windows[i] = Blackout(START + 10, START + 20);
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.setBlackouts(windows, "more than eight");
        windows = new Blackout[](8);
        for (uint64 i = 0; i < 8; ++i) windows[i] = Blackout(START + 10, START + 20);
        token.setBlackouts(windows, "eight");
        token.setBlackouts(new Blackout[](0), "none in place of eight");
        vm.stopPrank();
        vm.warp(START + 15);
        vm.assertEq(_transfer(token, source, target, 1), 0, "over");
    }

    // ---------------------------------------------------------------- CTL-5: who stops what

    function test_ctl_5_wholeTokenInventoryAccountAndAmountAreStoppedByRolesOfTheirOwn() public {
        address[5] memory callers = [pauser, unpauser, freezer, ruleManager, transferAgent];
        bytes[7] memory acts = [
            abi.encodeWithSignature("pause(bytes32)", bytes32("x")),
            abi.encodeCall(token.emergencyStop, (START + 1, "x")),
            abi.encodeCall(token.pauseClasses, (1 << 5, "x")),
            abi.encodeWithSignature("unpause(bytes32)", bytes32("x")),
            abi.encodeCall(token.unpauseClasses, (1 << 5, "x")),
            abi.encodeCall(token.freeze, (target, true, "x")),
            abi.encodeCall(token.freezeUnits, (source, 1, "x"))
        ];
        uint8[7] memory mayBy = [0, 0, 0, 1, 1, 2, 2];
        uint64[3] memory roles = [Roles.PAUSER, Roles.UNPAUSER, Roles.FREEZER];
        for (uint256 i = 0; i < acts.length; ++i) {
            for (uint256 k = 0; k < callers.length; ++k) {
                vm.prank(callers[k]);
                (bool success, bytes memory answer) = address(token).call(acts[i]);
                vm.assertTrue(success == (k == mayBy[i]), "exactly its act");
                if (success) continue;
                bytes memory why = abi.encodeWithSelector(Authorised.Unauthorised.selector, callers[k], roles[mayBy[i]]);
                vm.assertEq(answer, why, "why");
            }
        }
    }

    function test_ctl_5_theFormsOfTheStandardsDoTheSameAsThoseWithAReason() public {
        vm.startPrank(freezer);
        token.freezePartialTokens(source, 30);
        token.freezePartialTokens(source, 10);
        vm.assertEq(token.getFrozenTokens(source), 40, "added");
        token.unfreezePartialTokens(source, 15);
        vm.assertEq(token.balanceOfType(source, BLOK), 25, "taken off");
        vm.expectRevert(abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, source, 26, 25));
        token.unfreezePartialTokens(source, 26);
        vm.expectRevert(abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, source, HELD + 1, HELD));
        token.freezePartialTokens(source, HELD - 24);
        vm.expectRevert();
        token.freezePartialTokens(source, type(uint256).max);
        token.batchFreezePartialTokens(_one(source), _one(uint256(5)));
        token.batchUnfreezePartialTokens(_one(source), _one(uint256(30)));
        vm.assertEq(token.getFrozenTokens(source), 0, "none");
        vm.assertTrue(token.setFrozenTokens(source, 7), "ERC-7943");
        bool[] memory yes = new bool[](1);
        yes[0] = true;
        token.batchSetAddressFrozen(_one(target), yes);
        vm.assertTrue(token.isFrozen(target), "frozen");
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.LengthMismatch.selector, 2, 1));
        token.batchSetAddressFrozen(_two(source, target), yes);
        vm.stopPrank();
        vm.prank(pauser);
        token.pause();
        vm.assertTrue(token.paused(), "paused");
        vm.prank(unpauser);
        token.unpause();
        vm.assertFalse(token.paused(), "goes on");
    }

    function test_ctl_5_unitsOfALockUpThatIsOverAreBlockedAsOthersAre() public {
        vm.prank(transferAgent);
        token.lock(source, 95, START + 5, "vesting");
        vm.warp(START + 5);
        vm.startPrank(freezer);
        token.freezeUnits(source, 10, "order");
        token.freezeUnits(source, 0, "lifted");
        vm.stopPrank();
        vm.prank(transferAgent);
        token.lock(source, 95, START + 8, "vesting");
        vm.warp(START + 8);
        vm.startPrank(address(home.actions));
        token.blockForCorporateAction(source, 10);
        token.blockForCorporateAction(source, 0);
        vm.stopPrank();
        vm.prank(transferAgent);
        token.lock(source, 95, START + 10, "vesting");
        vm.warp(START + 10);
        vm.prank(freezer);
        token.freezePartialTokens(source, 50);
        vm.assertEq(token.availableBalanceOf(source), 50, "the rest is free");
        vm.prank(transferAgent);
        token.lock(source, 45, START + 20, "vesting");
        vm.warp(START + 20);
        vm.prank(source);
        token.pledge(target, 50);
        vm.assertEq(token.availableBalanceOf(source), 0, "or pledged");
    }

    function test_ctl_5_privilegedActsStateAReason() public {
        vm.startPrank(pauser);
        vm.expectRevert(SecurityBase.ReasonMissing.selector);
        token.pause(0);
        vm.expectRevert(SecurityBase.ReasonMissing.selector);
        token.emergencyStop(START, 0);
        vm.expectRevert(SecurityBase.ReasonMissing.selector);
        token.pauseClasses(1, 0);
        vm.stopPrank();
        vm.startPrank(freezer);
        vm.expectRevert(SecurityBase.ReasonMissing.selector);
        token.freeze(source, true, 0);
        vm.expectRevert(SecurityBase.ReasonMissing.selector);
        token.freezeUnits(source, 1, 0);
        vm.recordLogs();
        token.freeze(source, true, "order 7");
        vm.stopPrank();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs[0].topics[0], SecurityTokenExtension.Reasoned.selector, "Reasoned");
        vm.assertEq(logs[0].topics[3], "order 7", "why");
        vm.prank(ruleManager);
        vm.expectRevert(SecurityBase.ReasonMissing.selector);
        token.setMinimumLot(1, 0);
        vm.prank(transferAgent);
        vm.expectRevert(SecurityBase.ReasonMissing.selector);
        token.lock(source, 1, START + 1, 0);
    }

    // ---------------------------------------------------------------- CTL-6: stops are bounded

    function test_ctl_6_aPauseLeavesTheWayOut() public {
        vm.prank(source);
        token.approve(transferAgent, HELD);
        vm.prank(pauser);
        token.pause("x");
        vm.assertEq(_transfer(token, source, target, 1), 1, "paused");
        vm.prank(transferAgent);
        token.redeem(source, 10, "out");
        vm.assertEq(token.payoutRestriction(source), 0, "paid");
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (source, target, 1)));
    }

    function test_ctl_6_anEmergencyStopEndsByItself() public {
        vm.prank(source);
        token.approve(transferAgent, HELD);
        vm.prank(pauser);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityTokenExtension.StopTooLong.selector, START + 7 days + 1, START + 7 days)
        );
        token.emergencyStop(START + 7 days + 1, "x");
        vm.prank(pauser);
        token.emergencyStop(START + 7 days, "x");
        vm.warp(START + 7 days);
        vm.assertTrue(token.paused(), "last second");
        vm.assertEq(_transfer(token, source, target, 1), 1, "stopped");
        vm.prank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 1, source, address(0), 1));
        token.redeem(source, 1, "out");
        vm.assertEq(token.payoutRestriction(source), 0, "what was earned is paid all the same");
        vm.warp(START + 7 days + 1);
        vm.assertFalse(token.paused(), "over");
        vm.assertEq(_transfer(token, source, target, 1), 0, "nobody had to do anything");
        vm.prank(transferAgent);
        token.redeem(source, 1, "out");
    }

    function test_ctl_6_whoStopsCannotGoOnAndOn() public {
        vm.startPrank(pauser);
        token.emergencyStop(START + 100, "x");
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.StopTooLong.selector, START + 101, START + 100));
        token.emergencyStop(START + 101, "longer");
        token.emergencyStop(START + 50, "shorter");
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.StopTooLong.selector, START - 1, START + 50));
        token.emergencyStop(START - 1, "in the past");
        vm.warp(START + 51);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.StopTooLong.selector, START + 60, START + 50));
        token.emergencyStop(START + 60, "the next");
        vm.stopPrank();
        vm.prank(unpauser);
        token.unpause("reviewed");
        vm.prank(pauser);
        token.emergencyStop(START + 60, "another");
        vm.prank(pauser);
        token.emergencyStop(START + 51, "this second alone");
        vm.assertEq(_transfer(token, source, target, 1), 1, "stopped");
        vm.prank(unpauser);
        token.unpause("x");
        vm.assertEq(token.stoppedUntil(), 0, "lifted");
        vm.assertEq(_transfer(token, source, target, 1), 0, "goes on");
    }

    // ---------------------------------------------------------------- CTL-7: corrections

    function test_ctl_7_aForcedTransferNeedsTwoRolesAndLeavesItsLineage() public {
        _encumber();
        bytes memory data = abi.encodeCall(token.forcedTransfer, (source, target, 15));
        vm.prank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, transferAgent));
        token.forcedTransfer(source, target, 15);
        bytes32 id = _propose(home, Roles.TRANSFER_AGENT, address(token), data, 0);
        vm.expectRevert();
        home.approvals.execute(id, address(token), data);
        vm.assertEq(token.balanceOf(target), 0, "one role is not enough");
        _approve(home, Roles.REGULATOR, id);
        vm.recordLogs();
        home.approvals.execute(id, address(token), data);
        bool found = false;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != SecurityToken.Corrected.selector) continue;
            (uint256 fromBefore, uint256 toBefore) = abi.decode(logs[i].data, (uint256, uint256));
            vm.assertEq(logs[i].topics[1], id, "the act");
            vm.assertEq(fromBefore, HELD, "before");
            vm.assertEq(toBefore, 0, "before");
            found = true;
        }
        vm.assertTrue(found, "lineage");
        vm.expectRevert();
        home.approvals.execute(id, address(token), data);
        vm.assertEq(token.balanceOf(target), 15, "once");
    }

    function test_ctl_7_theLawTakesWhatIsFreeFirstThenInTheStatedOrder() public {
        _encumber();
        // of 100: 20 each of RSTR, BLOK, BLCA, PLED, and 20 free
        _takes(15, [uint256(5), 20, 20, 20, 20]);
        _takes(10, [uint256(0), 15, 20, 20, 20]);
        _takes(25, [uint256(0), 0, 10, 20, 20]);
        _takes(25, [uint256(0), 0, 0, 5, 20]);
        _takes(15, [uint256(0), 0, 0, 0, 10]);
        _takes(10, [uint256(0), 0, 0, 0, 0]);
        vm.assertEq(token.balanceOf(target), HELD, "all");
        (bool success, ) = _approved(address(token), abi.encodeCall(token.forcedTransfer, (source, target, 1)));
        vm.assertFalse(success, "no more");
    }

    function test_ctl_7_lockUpsThatAreOverAreFreeForTheLawToo() public {
        vm.prank(transferAgent);
        token.lock(source, 95, START + 10, "vesting");
        vm.prank(freezer);
        token.freezeUnits(source, 3, "order");
        vm.warp(START + 10);
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (source, target, 50)));
        vm.assertEq(token.balanceOfType(source, BLOK), 3, "not needed");
        vm.assertEq(token.balanceOfType(source, AWAS), 47, "free");
    }

    function test_ctl_7_ofLotsThoseThatUnlockLastAreTakenFirst() public {
        vm.startPrank(transferAgent);
        token.lock(source, 30, START + 30, "x");
        token.lock(source, 30, START + 10, "x");
        token.lock(source, 30, START + 20, "x");
        vm.stopPrank();
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (source, target, 50)));
        Lot[] memory lots = token.lotsOf(source);
        vm.assertEq(lots.length, 2, "the last one is gone");
        uint256 late = lots[0].until == START + 20 ? 0 : 1;
        vm.assertEq(lots[late].amount, 20, "the next in part");
        vm.assertEq(lots[1 - late].amount, 30, "the first whole");
        vm.assertTrue(_addsUp(token, source), "adds up");
        vm.warp(START + 10);
        vm.assertEq(token.availableBalanceOf(source), 30, "unlocks as planned");
    }

    function test_ctl_7_ofLotsThatUnlockTogetherTheFirstIsTakenFirst() public {
        vm.startPrank(transferAgent);
        token.lock(source, 40, START + 10, "x");
        token.lock(source, 60, START + 10, "x");
        vm.stopPrank();
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (source, target, 5)));
        vm.assertEq(token.lotsOf(source)[0].amount, 35, "the first");
        vm.assertEq(token.lotsOf(source)[1].amount, 60, "not the second");
    }

    function test_ctl_7_theLawTakesFromAnybodyAndGivesToTheEligibleAlone() public {
        vm.prank(registrar);
        home.holders.setStatus(source, false, "x");
        vm.prank(freezer);
        token.freeze(source, true, "x");
        vm.prank(pauser);
        token.pause("x");
        bytes memory toStranger = abi.encodeCall(token.forcedTransfer, (source, stranger, 1));
        (bool success, bytes memory answer) = _approved(address(token), toStranger);
        vm.assertEq(_codeOf(success, answer, "stranger"), 5, "unknown");
        (success, answer) = _approved(address(token), abi.encodeCall(token.forcedTransfer, (source, target, 10)));
        vm.assertTrue(success && abi.decode(answer, (bool)), "ERC-3643: true");
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (target, target, 10)));
        vm.assertEq(token.balanceOf(target), 10, "to itself changes nothing");
        (success, ) = _approved(address(token), abi.encodeCall(token.forcedTransfer, (source, address(0), 1)));
        vm.assertFalse(success, "nobody is no recipient");
        (success, ) = _approved(address(token), abi.encodeCall(token.forcedTransfer, (address(0), target, 1)));
        vm.assertFalse(success, "the supply is nobody's to move");
        (success, ) = _approved(address(token), abi.encodeCall(token.burn, (address(0), 1)));
        vm.assertFalse(success, "nor to burn");
    }

    function test_ctl_7_cancellationNamesTheIssueAndUndoesItsCount() public {
        _encumber();
        bytes memory data = abi.encodeCall(token.cancel, (source, 90, "first"));
        vm.recordLogs();
        bytes32 id = _act(home, address(token), data);
        bool found = false;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != SecurityToken.UnitsCancelled.selector) continue;
            vm.assertEq(logs[i].topics[2], "first", "issue");
            vm.assertEq(logs[i].topics[3], id, "act");
            found = true;
        }
        vm.assertTrue(found, "lineage");
        vm.assertEq(token.issuedTotal(), 10, "no longer issued");
        vm.assertEq(token.totalSupply(), 10, "supply");
        vm.assertTrue(_addsUp(token, source), "adds up");
        (bool success, bytes memory answer) =
            _approved(address(token), abi.encodeCall(token.cancel, (source, 1, "never issued")));
        vm.assertFalse(success, "unknown issue");
        vm.assertEq(answer, abi.encodeWithSelector(SecurityToken.ReferenceUnknown.selector, bytes32("never issued")), "why");
        (success, ) = _approved(address(token), abi.encodeCall(token.burn, (source, 0)));
        vm.assertFalse(success, "nothing");
        _on(peer);
        vm.prank(address(peer.approvals));
        vm.expectRevert(SecurityToken.NotHome.selector);
        peer.token.burn(holderDe, 1);
    }

    // ---------------------------------------------------------------- CTL-9: rule contracts fail closed

    function test_ctl_9_aRuleContractThatIsGoneOrWrongRefuses() public {
        Module module = new Module(Module.Mood.YES);
        _modules(token, address(module));
        vm.assertEq(_transfer(token, source, target, 1), 0, "yes");
        for (uint8 m = 1; m <= uint8(Module.Mood.DIRTY); ++m) {
            module.set(Module.Mood(m));
            vm.assertEq(_transfer(token, source, target, 1), m == 1 ? 20 : 21, vm.toString(m));
        }
        module.set(Module.Mood.YES);
        bytes memory code = address(module).code;
        vm.etch(address(module), "");
        vm.assertEq(_transfer(token, source, target, 1), 21, "its code is gone");
        vm.etch(address(module), code);
        vm.assertEq(_transfer(token, source, target, 1), 0, "it is back");
        // one who sends too little gas for an answer gets no other answer
        for (uint256 sent = 30_000; sent < 300_000; sent += 9_000) {
            module.set(Module.Mood.NO);
            vm.prank(source);
            (bool success, ) = address(token).call{gas: sent}(abi.encodeCall(token.transfer, (target, 1)));
            vm.assertFalse(success, "refused");
        }
    }

    function test_ctl_9_ofSeveralRuleContractsEachMustSayYes() public {
        address yes = address(new Module(Module.Mood.YES));
        address no = address(new Module(Module.Mood.NO));
        address broken = address(new Module(Module.Mood.REVERTS));
        vm.startPrank(ruleManager);
        token.setModules(_two(yes, yes), "x");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 0, "yes, yes");
        token.setModules(_two(yes, no), "x");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 20, "yes, no");
        token.setModules(_two(broken, yes), "x");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 21, "broken, yes");
        token.setModules(_two(broken, no), "x");
        vm.assertEq(token.detectTransferRestriction(source, target, 1), 20, "broken, no: the lower code");
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.setModules(new address[](9), "x");
        token.setModules(new address[](8), "as many as may be");
        token.setModules(new address[](0), "x");
        vm.stopPrank();
        vm.assertEq(_transfer(token, source, target, 1), 0, "none");
    }

    // ---------------------------------------------------------------- CTL-10: sub-balances

    function test_ctl_10_nothingIsEncumberedTwiceAndNothingOfNobody() public {
        _encumber();
        vm.assertEq(token.balanceOfType(source, AWAS), 20, "free");
        vm.prank(freezer);
        vm.expectRevert(abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, source, 41, 40));
        token.freezeUnits(source, 41, "x");
        vm.prank(address(home.actions));
        vm.expectRevert(abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, source, 41, 40));
        token.blockForCorporateAction(source, 41);
        vm.assertEq(token.balanceOfType(source, "XXXX"), 0, "no such type");
        bytes memory nobody = abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, address(0), 1, 0);
        vm.prank(freezer);
        vm.expectRevert(nobody);
        token.freezeUnits(address(0), 1, "x");
        vm.prank(transferAgent);
        vm.expectRevert(nobody);
        token.lock(address(0), 1, START + 1, "x");
        vm.assertTrue(_addsUp(token, address(0)), "nobody has nothing");
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.NotCorporateActions.selector, stranger));
        token.blockForCorporateAction(source, 1);
    }

    function test_ctl_10_aPledgeEndsByItsPledgeeAlone() public {
        vm.startPrank(source);
        vm.expectRevert(SecurityTokenExtension.InvalidRule.selector);
        token.pledge(target, 0);
        bytes32 one = token.pledge(target, 60);
        bytes32 two = token.pledge(target, 40);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.PledgeUnknown.selector, one, source));
        token.releasePledge(one);
        vm.stopPrank();
        vm.assertEq(_transfer(token, source, other, 1), 11, "pledged");
        vm.assertEq(token.pledgeOf(one).pledgee, target, "pledgee");
        vm.startPrank(target);
        token.releasePledge(one);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.PledgeUnknown.selector, one, target));
        token.enforcePledge(one);
        token.enforcePledge(two);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(target), 40, "taken");
        vm.assertEq(token.allowance(source, target), 0, "no allowance is left behind");
        vm.assertEq(token.balanceOfType(source, PLED), 0, "none");
    }

    function test_ctl_10_anInfiniteAllowanceOutlivesAnEnforcement() public {
        vm.startPrank(source);
        token.approve(target, type(uint256).max);
        bytes32 id = token.pledge(target, 10);
        vm.stopPrank();
        vm.prank(target);
        token.enforcePledge(id);
        vm.assertEq(token.allowance(source, target), type(uint256).max, "as before");
    }

    // ---------------------------------------------------------------- ISS-1, ID-1, I8

    function test_iss_1_issuesWithinTheLimitOncePerReferenceAtHomeOnly() public {
        vm.startPrank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.AboveIssueLimit.selector, 1_000_001, 1_000_000));
        token.issue(source, 1_000_001 - HELD, "a");
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.AboveIssueLimit.selector, 1_000_001, 1_000_000));
        token.batchMint(_two(source, source), _two(1_000_000 - HELD, 1));
        vm.expectRevert(SecurityToken.ZeroAmount.selector);
        token.issue(source, 0, "a");
        token.issue(other, 1_000_000 - HELD, "a");
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ReferenceUsed.selector, bytes32("a")));
        token.issue(source, 1, "a");
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.AboveIssueLimit.selector, 1_000_001, 1_000_000));
        token.mint(source, 1);
        vm.stopPrank();
        vm.prank(other);
        token.approve(transferAgent, 10);
        vm.startPrank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ReferenceUsed.selector, bytes32("a")));
        token.redeem(other, 10, "a");
        token.redeem(other, 10, "b");
        vm.assertEq(token.issuedTotal(), 999_990, "redeemed units may be issued again");
        token.mint(other, 10);
        vm.stopPrank();
        vm.assertEq(token.irreversibleAt(), START, "a redemption is not undone");
        (bool success, bytes memory answer) = _approved(address(token), abi.encodeCall(token.setIssueLimit, (999_999)));
        vm.assertFalse(success, "below what is issued");
        vm.assertEq(
            answer, abi.encodeWithSelector(SecurityTokenReadings.BelowIssued.selector, 999_999, 1_000_000), "why"
        );
        _mustApproved(token, abi.encodeCall(token.setIssueLimit, (1_000_000)));
        _act(home, address(token), abi.encodeCall(token.setIssueLimit, (1_000_001)));
        vm.prank(transferAgent);
        token.mint(other, 1);
        _on(peer);
        vm.prank(transferAgent);
        vm.expectRevert(SecurityToken.NotHome.selector);
        peer.token.issue(holderDe, 1, "a");
        vm.prank(transferAgent);
        vm.expectRevert(SecurityToken.NotHome.selector);
        peer.token.redeem(holderDe, 1, "a");
    }

    function test_i8_nobodyRedeemsWithoutTheOwnersAllowance() public {
        vm.prank(source);
        token.approve(transferAgent, 3);
        vm.prank(transferAgent);
        vm.expectRevert();
        token.redeem(source, 4, "x");
        vm.assertFalse(token.isReferenceUsed("x"), "the reference is still good");
    }

    function test_i8_theAgentNeedsNoAllowanceForUnitsOfItsOwn() public {
        _onboard(home, transferAgent, "agent", GERMANY, PROFESSIONAL, address(0));
        vm.startPrank(transferAgent);
        token.issue(transferAgent, 5, "own");
        token.redeem(transferAgent, 5, "back");
        vm.stopPrank();
        vm.assertEq(token.issuedTotal(), HELD, "as before");
    }

    function test_id_1_aSecurityIsTheSameOnEveryLedgerAndOverItsTerms() public {
        vm.assertEq(home.token.securityId(), peer.token.securityId(), "one security");
        vm.assertEq(home.token.securityId(), SECURITY, "of ISIN and terms");
        vm.assertFalse(token.securityId() == SECURITY, "another ISIN is another security");
        vm.assertTrue(home.token.isHome() && !peer.token.isHome(), "one home");
        vm.assertEq(bytes32(home.token.isin()), bytes32(ISIN), "ISIN");
        vm.assertEq(bytes32(home.token.lei()), bytes32(LEI), "LEI");
        vm.assertEq(home.token.termsHash(), TERMS, "first terms");
        _act(home, address(home.token), abi.encodeCall(home.token.amendTerms, (keccak256("amended"))));
        vm.assertEq(home.token.securityId(), SECURITY, "amended, and the same");
        vm.assertEq(home.token.termsHash(), keccak256("amended"), "terms in force");
        vm.assertEq(home.token.termsVersion(), 2, "second version");
    }

    function test_mov_1_onlyTheBridgeMintsAndBurnsAcrossLedgers() public {
        vm.startPrank(transferAgent);
        bytes memory refusal = abi.encodeWithSelector(SecurityToken.NotBridge.selector, transferAgent);
        vm.expectRevert(refusal);
        token.crosschainMint(source, 1);
        vm.expectRevert(refusal);
        token.crosschainMintAt(source, 1, START);
        vm.expectRevert(refusal);
        token.crosschainBurn(source, 1);
        vm.stopPrank();
        vm.prank(address(home.bridge));
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.FromTheFuture.selector, START + 1));
        token.crosschainMintAt(source, 1, START + 1);
    }

    // ---------------------------------------------------------------- CTL-12

    function test_ctl_12_operatorsChangeNoRulesAndTheAdministratorMovesNothing() public {
        address[4] memory operators = [admin, transferAgent, freezer, pauser];
        for (uint256 i = 0; i < operators.length; ++i) {
            vm.startPrank(operators[i]);
            _fails(abi.encodeCall(token.setClasses, (1, "x")));
            _fails(abi.encodeCall(token.setModules, (new address[](0), "x")));
            _fails(abi.encodeCall(token.setHoldingCap, (1)));
            _fails(abi.encodeCall(token.forcedTransfer, (source, target, 1)));
            vm.stopPrank();
        }
        vm.startPrank(admin);
        _fails(abi.encodeCall(token.mint, (target, 1)));
        _fails(abi.encodeCall(token.recoveryAddress, (source, target, address(0))));
        _fails(abi.encodeWithSignature("setTargetFunctionRole(address,bytes4[],uint64)", address(token), 0, 0));
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- parts

    function _fails(bytes memory data) private {
        (bool success, ) = address(token).call(data);
        vm.assertFalse(success, "not its to do");
    }

    /// 20 units each locked up, frozen, blocked for a corporate action and pledged; 20 stay free.
    function _encumber() private {
        vm.prank(transferAgent);
        token.lock(source, 20, START + 1 days, "vesting");
        vm.prank(freezer);
        token.freezeUnits(source, 20, "order");
        vm.prank(address(home.actions));
        token.blockForCorporateAction(source, 20);
        vm.prank(source);
        token.pledge(target, 20);
    }

    function _takes(uint256 amount, uint256[5] memory left) private {
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (source, target, amount)));
        bytes4[5] memory types = [AWAS, RSTR, BLOK, BLCA, PLED];
        for (uint256 i = 0; i < 5; ++i) {
            vm.assertEq(token.balanceOfType(source, types[i]), left[i], string.concat("left of ", vm.toString(i)));
        }
        vm.assertTrue(_addsUp(token, source), "adds up");
    }
}
