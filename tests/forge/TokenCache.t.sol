// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPolicyEpoch} from "../../contracts/interfaces/IPolicyEpoch.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {TokenWorld} from "./TokenWorld.sol";

/// Cached verdicts (CTL-1): two securities that run one implementation, with a verdict in the slot of
/// every account. Whatever makes a verdict worse bites in the very next call, on both.
contract TokenCacheTest is TokenWorld {
    // of `SecurityBase`
    bytes32 private constant STORAGE = 0xbb5027e853d560a5008b26752b30b61d29efdaefeb5e595bc7678dbe6b371500;
    uint256 private constant HELD = 100;

    ISecurity[2] private both;

    function setUp() public {
        _setUpTokens();
        both = [_security("DE000PARI018", true, false), _security("DE000PARI026", false, false)];
        for (uint256 i = 0; i < 2; ++i) {
            _issueOn(both[i], source, HELD);
            _issueOn(both[i], other, HELD);
            both[i].open(_two(target, other));
        }
        _areWarm();
    }

    // ---------------------------------------------------------------- the registry

    function test_ctl_1_aSuspensionBitesInTheNextCallOnEverySecurity() public {
        vm.prank(registrar);
        home.holders.setStatus(target, false, "x");
        _all(source, target, 6);
        _reinstated(target);
        vm.prank(registrar);
        home.holders.setStatus(source, false, "x");
        _all(source, target, 3);
        _all(other, target, 0);
    }

    function test_ctl_1_aSanctionBitesInTheNextCallOnEverySecurity() public {
        vm.prank(regulator);
        home.holders.setSanctioned(target, true, "x");
        _all(source, target, 14);
        vm.prank(regulator);
        home.holders.setSanctioned(source, true, "x");
        _all(source, other, 13);
        vm.prank(regulator);
        home.holders.setSanctioned(source, false, "x");
        _all(source, other, 0);
    }

    function test_ctl_1_aRotationBitesInTheNextCallOnEverySecurity() public {
        _rotate(home, target, successor);
        _all(source, target, 5);
        _all(source, successor, 0);
        _rotate(home, source, heir);
        _all(source, other, 2);
    }

    function test_ctl_1_anApprovedRecoveryBitesInTheNextCallOnEverySecurity() public {
        bytes memory proof = _keyControl(home, successor, home.holders.recordOf(source).holder);
        _act(home, address(home.holders), abi.encodeCall(home.holders.recover, (source, successor, "lost", proof)));
        _all(source, target, 2);
        _all(other, successor, 0);
    }

    function test_ctl_1_anUpdateOfTheRecordBitesInTheNextCallOnEverySecurity() public {
        _onboard(home, target, "target", UNITED_STATES, RETAIL, address(0));
        _all(source, target, 8);
        _onboard(home, target, "target", FRANCE, EXCLUDED_CLASS, address(0));
        _all(source, target, 9);
        _onboard(home, target, "target", FRANCE, RETAIL, address(0));
        _all(source, target, 0);
        vm.prank(registrar);
        home.holders.onboard(target, _commitment("target"), FRANCE, RETAIL, 0, address(0), true, "");
        vm.assertEq(_transfer(both[0], source, target, 1), 15, "an additional account, where there is a cap");
        vm.assertEq(_transfer(both[1], source, target, 1), 0, "and where there is none");
        vm.prank(registrar);
        home.holders.onboard(target, _commitment("target"), FRANCE, RETAIL, uint32(START - 1), address(0), false, "");
        _all(source, target, 6);
    }

    function test_ctl_1_anExpiryBitesWhenItPassesThoughNobodyCalls() public {
        uint32 expiry = uint32(START + 5 days + 3 hours);
        vm.prank(registrar);
        home.holders.onboard(target, _commitment("target"), FRANCE, RETAIL, expiry, address(0), false, "");
        for (uint256 i = 0; i < 2; ++i) both[i].open(_one(target));
        vm.assertTrue(_isWarm(both[0], target), "cached");
        uint256[5] memory times = [uint256(START + 4 days), START + 5 days - 8 hours, START + 5 days, expiry, expiry + 1];
        for (uint256 i = 0; i < times.length; ++i) {
            vm.warp(times[i]);
            _all(source, target, times[i] > expiry ? 6 : 0);
        }
        vm.assertEq(_transfer(both[0], target, source, 1), 3, "nor delivers");
    }

    function test_ctl_1_whatTheLawForcesIsJudgedAnewToo() public {
        vm.prank(registrar);
        home.holders.setStatus(target, false, "x");
        for (uint256 i = 0; i < 2; ++i) {
            (bool success, bytes memory answer) =
                _approved(address(both[i]), abi.encodeCall(both[i].forcedTransfer, (source, target, 1)));
            vm.assertEq(_codeOf(success, answer, "forced"), 6, "suspended");
        }
    }

    // ---------------------------------------------------------------- the token's own rules

    function test_ctl_1_aChangeOfRulesBitesInTheNextCallOnItsOwnSecurityAlone() public {
        vm.prank(ruleManager);
        both[0].setCountries(_countries(GERMANY), false, "x");
        _each(source, target, 8, 0);
        vm.assertTrue(_isWarm(both[1], target), "the other one's verdicts still count");
        vm.prank(ruleManager);
        both[1].setClasses(uint32(1 << PROFESSIONAL), "x");
        _each(source, target, 8, 9);
        vm.prank(ruleManager);
        both[0].setCountries(_countries(FRANCE), false, "x");
        _each(source, target, 0, 9);
    }

    function test_ctl_1_aPauseOfAClassBitesInTheNextCallAndEndsInTheNext() public {
        vm.prank(pauser);
        both[0].pauseClasses(uint32(1 << RETAIL), "x");
        _each(source, target, 19, 0);
        vm.prank(pauser);
        both[1].pauseClasses(uint32(1 << PROFESSIONAL), "x");
        _each(source, target, 19, 19);
        vm.prank(source);
        both[1].approve(transferAgent, 1);
        vm.prank(transferAgent);
        (bool success, bytes memory answer) =
            address(both[1]).call(abi.encodeCall(both[1].redeem, (source, 1, "r")));
        vm.assertEq(_codeOf(success, answer, "redeem"), 19, "the inventory stands still");
        vm.startPrank(unpauser);
        both[0].unpauseClasses(type(uint32).max, "x");
        both[1].unpauseClasses(type(uint32).max, "x");
        vm.stopPrank();
        _each(source, target, 0, 0);
    }

    function test_ctl_1_aFreezeOrPauseBitesInTheNextCall() public {
        vm.prank(freezer);
        both[0].freeze(target, true, "x");
        _each(source, target, 7, 0);
        _each(target, source, 4, 0);
        vm.prank(pauser);
        both[1].pause("x");
        _each(source, other, 0, 1);
    }

    function test_ctl_1_aLowerCapOrQuotaBitesInTheNextCall() public {
        _all(source, target, 0);
        _mustApproved(both[0], abi.encodeCall(both[0].setHoldingCap, (1)));
        _each(source, target, 15, 0);
        _mustApproved(both[0], abi.encodeCall(both[0].setHoldingCap, (50)));
        both[0].open(_one(target));
        vm.prank(quotas);
        both[0].releaseQuota(target, 49);
        _each(source, target, 15, 0);
    }

    // ---------------------------------------------------------------- epochs

    function test_ctl_1_codeThatTheRegistryNoLongerTellsAsksItEachTime() public {
        vm.prank(tokenizer);
        home.holders.removeSubscriber(address(home.code));
        vm.assertEq(both[0].policyEpoch(), 0, "nothing cached counts");
        _all(source, target, 0);
        vm.assertFalse(_isWarm(both[0], target), "and nothing is cached");
        vm.prank(registrar);
        home.holders.setStatus(target, false, "x");
        _all(source, target, 6);
        vm.prank(registrar);
        home.holders.setStatus(target, true, "x");
        _all(source, target, 0);
        vm.prank(tokenizer);
        home.holders.addSubscriber(address(home.code));
        vm.assertFalse(_isWarm(both[0], target), "what was found meanwhile does not count");
        _all(source, target, 0);
        vm.assertTrue(_isWarm(both[0], target), "from now on it does");
    }

    function test_ctl_1_verdictsFromBeforeARemovalDoNotComeBackToLife() public {
        vm.startPrank(tokenizer);
        home.holders.removeSubscriber(address(home.code));
        vm.stopPrank();
        vm.prank(registrar);
        home.holders.setStatus(target, false, "x");
        vm.prank(tokenizer);
        home.holders.addSubscriber(address(home.code));
        _all(source, target, 6);
    }

    function test_ctl_1_epochZeroNeverCountsThoughSlotsSayZero() public {
        _chill();
        // a fresh slot says epoch 0 of day 0; one written now says epoch 0 of a later day
        for (uint256 i = 0; i < 2; ++i) both[i].open(_one(target));
        vm.prank(registrar);
        home.holders.setStatus(target, false, "x");
        _chill();
        _all(source, target, 6);
        _all(source, stranger, 5);
    }

    function test_ctl_1_cachingStopsWhereItsCountersEnd() public {
        // the policy counter at its end: no sum counts any more
        uint256 hot = uint256(vm.load(address(both[0]), STORAGE));
        vm.store(address(both[0]), STORAGE, bytes32(hot | (uint256(0xffffff) << 216)));
        vm.assertEq(_transfer(both[0], source, target, 1), 0, "asks");
        vm.prank(ruleManager);
        both[0].setClasses(uint32(1 << PROFESSIONAL), "x");
        vm.assertEq(both[0].policyCounter(), 0xffffff, "it does not start over");
        vm.assertEq(_transfer(both[0], source, target, 1), 9, "bites");
        vm.prank(registrar);
        home.holders.setStatus(source, false, "x");
        vm.assertEq(_transfer(both[0], source, other, 1), 3, "bites");
        // the registry's epoch beyond what a slot holds
        vm.prank(address(home.holders));
        home.code.syncPolicyEpoch(0x1000001);
        vm.assertEq(_transfer(both[1], source, target, 1), 3, "asks");
        vm.assertEq(_transfer(both[1], other, target, 1), 0, "asks");
        vm.prank(address(home.holders));
        home.code.syncPolicyEpoch(type(uint32).max);
        vm.assertEq(_transfer(both[1], other, target, 1), 0, "asks");
    }

    function test_ctl_1_onlyTheRegistryTellsOfEpochs() public {
        address[3] memory callers = [stranger, admin, address(both[0])];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(SecurityToken.NotHolderRegistry.selector, callers[i]));
            home.code.syncPolicyEpoch(7);
        }
        vm.prank(address(home.holders));
        vm.expectRevert(
            abi.encodeWithSelector(SecurityToken.NotHolderRegistry.selector, address(home.holders))
        );
        IPolicyEpoch(address(both[0])).syncPolicyEpoch(7);
    }

    function test_ctl_1_anAccountIsOpenedOnlyWhereItMayReceive() public {
        address[] memory three = new address[](3);
        (three[0], three[1], three[2]) = (target, other, stranger);
        (bool success, bytes memory answer) = address(both[0]).call(abi.encodeCall(both[0].open, (three)));
        vm.assertEq(_codeOf(success, answer, "open"), 5, "all or none");
        (success, answer) = address(both[0]).call(abi.encodeCall(both[0].open, (_one(address(0)))));
        vm.assertEq(_codeOf(success, answer, "open"), 5, "nobody");
        vm.assertEq(both[0].balanceOf(target), 0, "an opened account holds nothing");
        // an opened account stays one that rules bind
        vm.prank(freezer);
        both[0].freeze(target, true, "x");
        (success, answer) = address(both[0]).call(abi.encodeCall(both[0].open, (_one(target))));
        vm.assertEq(_codeOf(success, answer, "open"), 7, "frozen");
    }

    function test_ctl_1_aVerdictFoundWhereALockUpIsReleasedIsKept() public {
        vm.prank(transferAgent);
        both[1].lock(source, 60, START + 10, "vesting");
        vm.warp(START + 10);
        vm.prank(registrar);
        home.holders.setStatus(other, false, "x");
        vm.assertEq(_transfer(both[1], source, target, 50), 0, "some of what was locked up");
        vm.assertTrue(_isWarm(both[1], source), "cached");
    }

    function test_ctl_1_betweenAccountsWithVerdictsThatCountNothingIsAsked() public {
        uint32 expiry = uint32(START + 5 days);
        vm.prank(registrar);
        home.holders.onboard(target, _commitment("target"), FRANCE, RETAIL, expiry, address(0), false, "");
        // a movement to oneself finds a verdict as well as any other
        vm.prank(registrar);
        home.holders.setStatus(other, false, "x");
        vm.assertEq(_transfer(both[1], source, source, 1), 0, "to itself");
        vm.assertTrue(_isWarm(both[1], source), "cached");
        both[1].open(_one(target));
        vm.record();
        vm.assertEq(_transfer(both[1], source, target, 1), 0, "transfer");
        vm.prank(source);
        both[1].batchTransfer(_two(target, target), _two(1, 2));
        _mustApproved(both[1], abi.encodeCall(both[1].forcedTransfer, (source, target, 1)));
        (bytes32[] memory reads, ) = vm.accesses(address(home.holders));
        vm.assertEq(reads.length, 0, "no look into the register");
    }

    /// Random acts, each followed by a comparison of asked and done on both securities.
    function testFuzz_ctl_3_cachedOrNotTheAnswerIsTheSame(uint256 seed) public {
        address[4] memory all = [source, target, other, stranger];
        for (uint256 i = 0; i < 12; ++i) {
            _random(seed >> (i * 20), all);
            address from = all[(seed >> (i * 20 + 12)) % 4];
            address to = all[(seed >> (i * 20 + 14)) % 4];
            for (uint256 k = 0; k < 2; ++k) {
                uint8 asked = both[k].restrictionOf(0, from, to, 1);
                vm.assertEq(_transfer(both[k], from, to, 1), asked, "asked and done");
            }
        }
    }

    // ---------------------------------------------------------------- parts

    function _random(uint256 r, address[4] memory all) private {
        address who = all[(r >> 8) % 3];
        uint256 act = r % 10;
        bool on = (r >> 4) & 1 != 0;
        if (act == 0) {
            vm.prank(registrar);
            home.holders.setStatus(who, on, "x");
        } else if (act == 1) {
            vm.prank(regulator);
            home.holders.setSanctioned(who, on, "x");
        } else if (act == 2) {
            vm.prank(freezer);
            both[r >> 5 & 1].freeze(who, on, "x");
        } else if (act == 3) {
            vm.prank(ruleManager);
            both[r >> 5 & 1].setClasses(on ? uint32(0xf) : uint32(1 << (r >> 6) % 4), "x");
        } else if (act == 4) {
            vm.prank(ruleManager);
            both[r >> 5 & 1].setCountries(_countries(on ? GERMANY : FRANCE), (r >> 6) & 1 != 0, "x");
        } else if (act == 5) {
            vm.warp(block.timestamp + (r >> 5) % 3 days);
        } else if (act == 6) {
            vm.startPrank(registrar);
            uint32 expiry = on ? 0 : uint32(block.timestamp + (r >> 5) % 2 days);
            home.holders.onboard(target, _commitment("target"), FRANCE, RETAIL, expiry, address(0), false, "");
            vm.stopPrank();
        } else if (act == 7) {
            vm.prank(on ? pauser : unpauser);
            if (on) both[r >> 5 & 1].pauseClasses(uint32(1 << (r >> 6) % 4), "x");
            else both[r >> 5 & 1].unpauseClasses(type(uint32).max, "x");
        } else if (act == 8) {
            vm.startPrank(tokenizer);
            if (both[0].policyEpoch() != 0) home.holders.removeSubscriber(address(home.code));
            else home.holders.addSubscriber(address(home.code));
            vm.stopPrank();
        } else if (on) {
            uint256 units = both[r >> 5 & 1].balanceOf(who);
            vm.prank(freezer);
            both[r >> 5 & 1].setFrozenTokens(who, units);
        }
    }

    function _all(address from, address to, uint8 code) private {
        _each(from, to, code, code);
    }

    /// What is asked and what is done, on both securities.
    function _each(address from, address to, uint8 first, uint8 second) private {
        for (uint256 i = 0; i < 2; ++i) {
            uint8 code = i == 0 ? first : second;
            vm.assertEq(both[i].detectTransferRestriction(from, to, 1), code, "asked");
            vm.assertEq(_transfer(both[i], from, to, 1), code, "done");
        }
    }

    function _reinstated(address account) private {
        vm.prank(registrar);
        home.holders.setStatus(account, true, "x");
        _all(source, account, 0);
        _areWarm();
    }

    function _areWarm() private view {
        for (uint256 i = 0; i < 2; ++i) {
            vm.assertTrue(_isWarm(both[i], source) && _isWarm(both[i], target), "cached");
        }
    }

    /// Whether an account's slot has a verdict that counts now.
    function _isWarm(ISecurity token, address account) private view returns (bool) {
        bytes32 slot = keccak256(abi.encode(account, uint256(STORAGE) + 1));
        uint256 word = uint256(vm.load(address(token), slot));
        uint256 epoch = token.policyEpoch();
        return epoch != 0 && (word >> 192) & 0xffffff == epoch + token.policyCounter();
    }
}
