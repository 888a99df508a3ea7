// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC1643} from "../../contracts/interfaces/IERC1643.sol";
import {IERC3643} from "../../contracts/interfaces/IERC3643.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Holdings} from "../../contracts/token/Holdings.sol";
import {LockUps} from "../../contracts/token/LockUps.sol";
import {Blackout, SecurityBase, TokenInit} from "../../contracts/token/SecurityBase.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityTokenExtension} from "../../contracts/token/SecurityTokenExtension.sol";
import {SecurityTokenReadings} from "../../contracts/token/SecurityTokenReadings.sol";
import {TokenWorld} from "./TokenWorld.sol";
import {Vm} from "./Vm.sol";

/// What each act of the token announces: these events, in this order, and no other.
contract TokenEventsTest is TokenWorld {
    uint256 private constant HELD = 100;
    bytes32 private constant WHY = "why";
    bytes32 private constant BY_STANDARD = "ERC-3643";

    ISecurity private token;
    bytes32[] private wanted;
    uint256 private acts;

    function setUp() public {
        _setUpTokens();
        token = _security("DE000PARI018", true, true);
        _issueOn(token, source, HELD);
    }

    // ---------------------------------------------------------------- what is announced

    /// One more event that must come; indexed parts as `abi.encode` puts them.
    function _want(bytes memory topics, bytes memory data) private {
        wanted.push(keccak256(abi.encode(topics, data)));
    }

    /// The call passes and announces what was wanted.
    function _does(address caller, bytes memory data, string memory what) private {
        vm.recordLogs();
        vm.prank(caller);
        (bool success, ) = address(token).call(data);
        vm.assertTrue(success, string.concat("passes: ", what));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(token)) continue;
            vm.assertTrue(count < wanted.length, string.concat("no other event: ", what));
            bytes32 found = keccak256(abi.encode(abi.encodePacked(logs[i].topics), logs[i].data));
            vm.assertEq(found, wanted[count], string.concat("event ", vm.toString(count), ": ", what));
            ++count;
        }
        vm.assertEq(count, wanted.length, string.concat("events: ", what));
        delete wanted;
    }

    function _because(address caller, bytes memory call_, bytes32 reason) private {
        _want(abi.encode(SecurityTokenExtension.Reasoned.selector, caller, bytes4(call_), reason), "");
    }

    function _wantFrozen(address account, bool frozen, address by) private {
        _want(abi.encode(IERC3643.AddressFrozen.selector, account, frozen, by), "");
    }

    function _wantLock(uint64 amount, uint64 until) private {
        _want(abi.encode(LockUps.LockedUp.selector, source), abi.encode(amount, until, START, bytes32(0)));
    }

    function _wantSub(address account, bytes4 balanceType, uint256 total) private {
        _want(abi.encode(LockUps.SubBalanceChanged.selector, account, balanceType), abi.encode(total));
    }

    function _wantRule(bytes memory call_, bytes32 reason) private {
        _want(
            abi.encode(SecurityTokenExtension.RuleChanged.selector, token.policyCounter() + 1, reason),
            abi.encode(call_)
        );
    }

    /// An approved act: the call, with the act's id behind it.
    function _act(bytes memory call_) private returns (bytes memory data, bytes32 id) {
        id = keccak256(abi.encode("announced", ++acts));
        data = bytes.concat(call_, id);
    }

    // ---------------------------------------------------------------- freezes and pauses

    function test_ctl_5_freezesAreAnnouncedWithTheirReason() public {
        bytes memory data = abi.encodeCall(token.freeze, (source, true, WHY));
        _because(freezer, data, WHY);
        _wantFrozen(source, true, freezer);
        _does(freezer, data, "freeze");
        _because(freezer, data, WHY);
        _does(freezer, data, "a second time");

        data = abi.encodeCall(IERC3643.setAddressFrozen, (source, false));
        _because(freezer, data, BY_STANDARD);
        _wantFrozen(source, false, freezer);
        _does(freezer, data, "setAddressFrozen");

        bool[] memory both = new bool[](2);
        both[0] = true;
        data = abi.encodeCall(IERC3643.batchSetAddressFrozen, (_two(source, target), both));
        _because(freezer, data, BY_STANDARD);
        _wantFrozen(source, true, freezer);
        _does(freezer, data, "batchSetAddressFrozen");
    }

    function test_ctl_5_freezesOfUnitsAreAnnouncedWithTheirReason() public {
        bytes memory data = abi.encodeCall(token.freezeUnits, (source, 10, WHY));
        _because(freezer, data, WHY);
        _wantSub(source, BLOK, 10);
        _want(abi.encode(SecurityTokenExtension.Frozen.selector, source), abi.encode(10));
        _does(freezer, data, "freezeUnits");

        data = abi.encodeWithSignature("setFrozenTokens(address,uint256)", source, 11);
        _because(freezer, data, "ERC-7943");
        _wantSub(source, BLOK, 11);
        _want(abi.encode(SecurityTokenExtension.Frozen.selector, source), abi.encode(11));
        _does(freezer, data, "setFrozenTokens");

        data = abi.encodeCall(IERC3643.freezePartialTokens, (source, 9));
        _because(freezer, data, BY_STANDARD);
        _wantSub(source, BLOK, 20);
        _want(abi.encode(IERC3643.TokensFrozen.selector, source), abi.encode(9));
        _does(freezer, data, "freezePartialTokens");

        data = abi.encodeCall(IERC3643.unfreezePartialTokens, (source, 5));
        _because(freezer, data, BY_STANDARD);
        _wantSub(source, BLOK, 15);
        _want(abi.encode(IERC3643.TokensUnfrozen.selector, source), abi.encode(5));
        _does(freezer, data, "unfreezePartialTokens");

        data = abi.encodeCall(IERC3643.batchFreezePartialTokens, (_one(source), _one(uint256(1))));
        _because(freezer, data, BY_STANDARD);
        _wantSub(source, BLOK, 16);
        _want(abi.encode(IERC3643.TokensFrozen.selector, source), abi.encode(1));
        _does(freezer, data, "batchFreezePartialTokens");

        data = abi.encodeCall(IERC3643.batchUnfreezePartialTokens, (_one(source), _one(uint256(16))));
        _because(freezer, data, BY_STANDARD);
        _wantSub(source, BLOK, 0);
        _want(abi.encode(IERC3643.TokensUnfrozen.selector, source), abi.encode(16));
        _does(freezer, data, "batchUnfreezePartialTokens");
    }

    function test_ctl_5_pausesAndStopsAreAnnouncedWithTheirReason() public {
        bytes memory data = abi.encodeWithSignature("pause(bytes32)", WHY);
        _because(pauser, data, WHY);
        _want(abi.encode(IERC3643.Paused.selector), abi.encode(pauser));
        _does(pauser, data, "pause with a reason");
        data = abi.encodeWithSignature("pause()");
        _because(pauser, data, BY_STANDARD);
        _does(pauser, data, "a second time");
        data = abi.encodeWithSignature("unpause(bytes32)", WHY);
        _because(unpauser, data, WHY);
        _want(abi.encode(IERC3643.Unpaused.selector), abi.encode(unpauser));
        _does(unpauser, data, "unpause with a reason");
        data = abi.encodeWithSignature("unpause()");
        _because(unpauser, data, BY_STANDARD);
        _does(unpauser, data, "a second time");

        data = abi.encodeCall(token.emergencyStop, (START + 1 days, WHY));
        _because(pauser, data, WHY);
        _want(
            abi.encode(SecurityTokenExtension.EmergencyStopped.selector), abi.encode(uint64(START + 1 days), pauser)
        );
        _does(pauser, data, "emergencyStop");

        data = abi.encodeCall(token.pauseClasses, (uint32(1 << RETAIL), WHY));
        _wantRule(data, WHY);
        _want(abi.encode(SecurityTokenExtension.ClassesPaused.selector), abi.encode(uint32(1 << RETAIL), true));
        _does(pauser, data, "pauseClasses");
        data = abi.encodeCall(token.unpauseClasses, (uint32(1 << RETAIL), WHY));
        _wantRule(data, WHY);
        _want(abi.encode(SecurityTokenExtension.ClassesPaused.selector), abi.encode(uint32(1 << RETAIL), false));
        _does(unpauser, data, "unpauseClasses");
    }

    // ---------------------------------------------------------------- rules and quotas

    function test_ver_5_changesOfRulesAreAnnouncedAsTheyWereCalled() public {
        bytes memory data = abi.encodeCall(token.setCountries, (_countries(FRANCE), true, WHY));
        _wantRule(data, WHY);
        _does(ruleManager, data, "setCountries");
        data = abi.encodeCall(token.setClasses, (7, WHY));
        _wantRule(data, WHY);
        _does(ruleManager, data, "setClasses");
        data = abi.encodeCall(token.setMinimumLot, (5, WHY));
        _wantRule(data, WHY);
        _does(ruleManager, data, "setMinimumLot");
        Blackout[] memory windows = new Blackout[](1);
        windows[0] = Blackout(START, START + 1);
        data = abi.encodeCall(token.setBlackouts, (windows, WHY));
        _wantRule(data, WHY);
        _does(ruleManager, data, "setBlackouts");
        data = abi.encodeCall(token.setModules, (_one(address(this)), WHY));
        _wantRule(data, WHY);
        _does(ruleManager, data, "setModules");
        bytes32 id;
        (data, id) = _act(abi.encodeCall(token.setHoldingCap, (77)));
        _wantRule(data, id);
        _does(address(home.approvals), data, "setHoldingCap");
        (data, id) = _act(abi.encodeCall(token.setHolderLimit, (9)));
        _wantRule(data, id);
        _does(address(home.approvals), data, "setHolderLimit");
    }

    function test_ctl_4_quotasAreAnnouncedAsTheyStandAfterwards() public {
        _want(abi.encode(Holdings.QuotaChanged.selector, source), abi.encode(1_000_000 - 7));
        _does(quotas, abi.encodeCall(token.releaseQuota, (source, 7)), "releaseQuota");
        _want(abi.encode(Holdings.QuotaChanged.selector, source), abi.encode(1_000_000 - 4));
        uint192 holder = uint192(uint256(_commitment("source")) >> 64);
        _does(quotas, abi.encodeCall(token.grantQuota, (source, holder, 3)), "grantQuota");
        _want(abi.encode(Holdings.QuotaChanged.selector, address(0)), abi.encode(8));
        _does(quotas, abi.encodeCall(token.releasePlaces, (2)), "releasePlaces");
        _want(abi.encode(Holdings.QuotaChanged.selector, address(0)), abi.encode(9));
        _does(quotas, abi.encodeCall(token.grantPlaces, (1)), "grantPlaces");
    }

    // ---------------------------------------------------------------- encumbrances and what ends them

    function test_ctl_10_lockUpsPledgesAndBlocksAreAnnounced() public {
        bytes memory data = abi.encodeCall(token.lock, (source, 10, START + 10, WHY));
        _because(transferAgent, data, WHY);
        _wantSub(source, RSTR, 10);
        _wantLock(10, START + 10);
        _does(transferAgent, data, "lock");
        data = abi.encodeCall(token.lock, (source, 20, START + 20, WHY));
        _because(transferAgent, data, WHY);
        _wantSub(source, RSTR, 30);
        _wantLock(20, START + 20);
        _does(transferAgent, data, "lock more");

        bytes32 id = keccak256(abi.encode(address(token), block.chainid, 1));
        _wantSub(source, PLED, 8);
        _want(abi.encode(SecurityTokenExtension.Pledged.selector, id, source, target), abi.encode(8));
        _does(source, abi.encodeCall(token.pledge, (target, 8)), "pledge");
        _wantSub(source, PLED, 0);
        _want(abi.encode(SecurityTokenExtension.PledgeEnded.selector, id), abi.encode(false));
        _does(target, abi.encodeCall(token.releasePledge, (id)), "releasePledge");

        vm.prank(source);
        id = token.pledge(target, 8);
        _wantSub(source, PLED, 0);
        _want(abi.encode(SecurityTokenExtension.PledgeEnded.selector, id), abi.encode(true));
        _want(abi.encode(SecurityBase.Transfer.selector, source, target), abi.encode(8));
        _does(target, abi.encodeCall(token.enforcePledge, (id)), "enforcePledge");

        _wantSub(source, BLCA, 4);
        _does(address(home.actions), abi.encodeCall(token.blockForCorporateAction, (source, 4)), "block");
        // the first lot is over: it is released where the second is in the way of a transfer
        vm.warp(START + 10);
        _wantSub(source, RSTR, 20);
        _want(abi.encode(SecurityBase.Transfer.selector, source, target), abi.encode(HELD - 8 - 4 - 20));
        _does(source, abi.encodeCall(token.transfer, (target, HELD - 8 - 4 - 20)), "transfer of what is free");
    }

    function test_ctl_7_theLawTakesTheLastLockUpFirstAndLeavesTheOthers() public {
        vm.startPrank(transferAgent);
        token.lock(source, 10, START + 10, WHY);
        token.lock(source, 30, START + 30, WHY);
        token.lock(source, 20, START + 20, WHY);
        vm.stopPrank();
        vm.prank(freezer);
        token.freezeUnits(source, 5, WHY);

        // 35 are free: nothing that encumbers the rest is touched
        (bytes memory data, bytes32 id) = _act(abi.encodeCall(IERC3643.forcedTransfer, (source, target, 35)));
        _wantForced(id, 35, HELD, 0);
        _does(address(home.approvals), data, "what is free");
        // all of the lot that ends last, and 3 of the one before it
        (data, id) = _act(abi.encodeCall(IERC3643.forcedTransfer, (source, target, 33)));
        _wantSub(source, RSTR, 27);
        _wantForced(id, 33, 65, 35);
        _does(address(home.approvals), data, "of lock-ups");
        vm.assertEq(token.lotsOf(source).length, 2, "two are left");
        vm.warp(START + 10);
        vm.assertEq(token.balanceOfType(source, RSTR), 17, "the first was left whole");
        // where nothing is taken not even what has lapsed is touched
        (data, id) = _act(abi.encodeCall(IERC3643.forcedTransfer, (source, target, 0)));
        _wantForced(id, 0, 32, 68);
        _does(address(home.approvals), data, "of nothing");
        // lapsed ones are free; 17 locked up, then 5 blocked
        (data, id) = _act(abi.encodeCall(IERC3643.forcedTransfer, (source, target, 30)));
        _wantSub(source, RSTR, 17);
        _wantSub(source, RSTR, 0);
        _wantSub(source, BLOK, 2);
        _wantForced(id, 30, 32, 68);
        _does(address(home.approvals), data, "of everything");
        vm.assertTrue(_addsUp(token, source), "what is left adds up");
    }

    function test_ctl_7_whatHasNothingOfAKindIsNotTouched() public {
        vm.prank(source);
        token.pledge(target, 90);
        (bytes memory data, bytes32 id) = _act(abi.encodeCall(IERC3643.forcedTransfer, (source, target, 40)));
        _wantSub(source, PLED, 60);
        _wantForced(id, 40, HELD, 0);
        _does(address(home.approvals), data, "of pledged units");
    }

    function test_ctl_10_aLockUpThatIsOverIsReleasedOnceItsUnitsAreNeeded() public {
        vm.prank(transferAgent);
        token.lock(source, 60, START + 10, WHY);
        vm.warp(START + 10);
        _want(abi.encode(SecurityBase.Transfer.selector, source, target), abi.encode(40));
        _does(source, abi.encodeCall(token.transfer, (target, 40)), "what was free before");
        _wantSub(source, RSTR, 0);
        _want(abi.encode(SecurityBase.Transfer.selector, source, target), abi.encode(1));
        _does(source, abi.encodeCall(token.transfer, (target, 1)), "one of those that were locked up");
    }

    function test_ctl_7_unitsDestroyedByLawAreAnnounced() public {
        (bytes memory data, bytes32 id) = _act(abi.encodeCall(IERC3643.burn, (source, 7)));
        _want(abi.encode(SecurityBase.Transfer.selector, source, address(0)), abi.encode(7));
        _want(abi.encode(SecurityToken.UnitsCancelled.selector, source, bytes32(0), id), abi.encode(7));
        _does(address(home.approvals), data, "burn");
    }

    function _wantForced(bytes32 id, uint256 units, uint256 fromBefore, uint256 toBefore) private {
        _want(abi.encode(SecurityBase.Transfer.selector, source, target), abi.encode(units));
        _want(abi.encode(SecurityToken.ForcedTransfer.selector, source, target), abi.encode(units));
        _want(abi.encode(SecurityToken.Corrected.selector, id, source, target), abi.encode(fromBefore, toBefore));
    }

    function test_ctl_7_aSuccessorsGoodsAreAnnouncedOnceEach() public {
        vm.prank(transferAgent);
        token.lock(source, 10, START + 10, WHY);
        vm.startPrank(freezer);
        token.freezeUnits(source, 5, WHY);
        token.freeze(source, true, WHY);
        vm.stopPrank();
        vm.prank(quotas);
        token.releaseQuota(source, 1);
        _rotate(home, source, successor);
        _wantSub(source, BLOK, 0);
        _wantSub(successor, BLOK, 5);
        _wantSub(source, RSTR, 0);
        _wantSub(successor, RSTR, 10);
        _wantFrozen(source, false, successor);
        _wantFrozen(successor, true, successor);
        _want(abi.encode(Holdings.QuotaChanged.selector, successor), abi.encode(999_999));
        _want(abi.encode(SecurityBase.Transfer.selector, source, successor), abi.encode(HELD));
        _want(abi.encode(IERC3643.RecoverySuccess.selector, source, successor, other), "");
        _does(successor, abi.encodeCall(IERC3643.recoveryAddress, (source, successor, other)), "recoveryAddress");
        _want(abi.encode(SecurityBase.Transfer.selector, source, successor), abi.encode(0));
        _want(abi.encode(IERC3643.RecoverySuccess.selector, source, successor, other), "");
        _does(successor, abi.encodeCall(IERC3643.recoveryAddress, (source, successor, other)), "a second time");
    }

    // ---------------------------------------------------------------- what lists and amounts must be

    function test_listsOfABatchAreOfOneLength() public {
        bytes[8] memory calls = [
            abi.encodeCall(IERC3643.batchFreezePartialTokens, (_two(source, target), _one(uint256(1)))),
            abi.encodeCall(IERC3643.batchUnfreezePartialTokens, (_one(source), _two(1, 1))),
            abi.encodeCall(IERC3643.batchSetAddressFrozen, (_two(source, target), new bool[](1))),
            abi.encodeCall(IERC3643.batchTransfer, (_one(target), _two(1, 1))),
            abi.encodeCall(IERC3643.batchMint, (_one(target), _two(1, 1))),
            abi.encodeCall(IERC3643.batchBurn, (_one(source), _two(1, 1))),
            abi.encodeCall(IERC3643.batchForcedTransfer, (_two(source, source), _one(target), _one(uint256(1)))),
            abi.encodeCall(IERC3643.batchForcedTransfer, (_one(source), _one(target), _two(1, 1)))
        ];
        address law = address(home.approvals);
        address[8] memory callers = [freezer, freezer, freezer, source, transferAgent, law, law, law];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(callers[i]);
            (bool success, bytes memory answer) = address(token).call(calls[i]);
            vm.assertFalse(success, "refused");
            vm.assertEq(bytes32(bytes4(answer)), bytes32(SecurityToken.LengthMismatch.selector), vm.toString(i));
        }
    }

    function test_ctl_5_moreThanThereCanBeIsNotFrozen() public {
        vm.startPrank(freezer);
        token.freezeUnits(source, 1, WHY);
        vm.expectRevert(
            abi.encodeWithSelector(LockUps.UnitsUnavailable.selector, source, type(uint256).max, HELD - 1)
        );
        token.freezePartialTokens(source, type(uint256).max);
        vm.stopPrank();
    }

    function test_ctl_5_asManyAsThereCanBeAreFrozen() public {
        TokenInit memory init = _terms("DE000PARI026", false, false);
        init.issueLimit = type(uint64).max;
        ISecurity most = _token(home, init);
        _issueOn(most, source, type(uint64).max);
        vm.prank(freezer);
        most.freezePartialTokens(source, type(uint64).max);
        vm.assertEq(most.getFrozenTokens(source), type(uint64).max, "all of them");
    }

    function test_iss_1_changesOfNameLimitAndDocumentsAreAnnounced() public {
        (bytes memory data, bytes32 id) = _act(abi.encodeCall(IERC3643.setName, ("New name")));
        _want(abi.encode(SecurityTokenReadings.NameChanged.selector, id), abi.encode("New name", "EXEQ"));
        _does(address(home.approvals), data, "setName");
        (data, id) = _act(abi.encodeCall(IERC3643.setSymbol, ("NEW")));
        _want(abi.encode(SecurityTokenReadings.NameChanged.selector, id), abi.encode("New name", "NEW"));
        _does(address(home.approvals), data, "setSymbol");
        (data, id) = _act(abi.encodeCall(token.setIssueLimit, (500)));
        _want(abi.encode(SecurityTokenReadings.IssueLimitChanged.selector, id), abi.encode(500));
        _does(address(home.approvals), data, "setIssueLimit");
        (data, id) = _act(abi.encodeCall(token.amendTerms, (WHY)));
        _want(abi.encode(SecurityTokenReadings.TermsAmended.selector, id), abi.encode(WHY, 2));
        _does(address(home.approvals), data, "amendTerms");
        data = abi.encodeCall(IERC1643.setDocument, ("terms", "https://example.org/terms", WHY));
        _want(
            abi.encode(IERC1643.DocumentUpdated.selector, bytes32("terms")),
            abi.encode("https://example.org/terms", WHY)
        );
        _does(issuerAgent, data, "setDocument");
        _want(
            abi.encode(IERC1643.DocumentRemoved.selector, bytes32("terms")),
            abi.encode("https://example.org/terms", WHY)
        );
        _does(issuerAgent, abi.encodeCall(IERC1643.removeDocument, ("terms")), "removeDocument");
    }

    function test_iss_1_unitsThatComeAndGoAreAnnounced() public {
        _want(abi.encode(SecurityBase.Transfer.selector, address(0), target), abi.encode(7));
        _want(abi.encode(SecurityToken.UnitsIssued.selector, target, bytes32("ref")), abi.encode(7));
        _does(transferAgent, abi.encodeCall(token.issue, (target, 7, "ref")), "issue");
        _want(abi.encode(SecurityToken.Approval.selector, target, transferAgent), abi.encode(2));
        _does(target, abi.encodeWithSignature("approve(address,uint256)", transferAgent, 2), "approve");
        _want(abi.encode(SecurityBase.Transfer.selector, target, address(0)), abi.encode(2));
        _want(abi.encode(SecurityToken.UnitsRedeemed.selector, target, bytes32("back")), abi.encode(2));
        _does(transferAgent, abi.encodeCall(token.redeem, (target, 2, "back")), "redeem");
        address bridge = address(home.bridge);
        _want(abi.encode(SecurityBase.Transfer.selector, target, address(0)), abi.encode(5));
        _want(abi.encode(SecurityToken.CrosschainBurn.selector, target, bridge), abi.encode(5));
        _does(bridge, abi.encodeWithSignature("crosschainBurn(address,uint256)", target, 5), "crosschainBurn");
        _want(abi.encode(SecurityBase.Transfer.selector, address(0), target), abi.encode(4));
        _want(abi.encode(SecurityToken.CrosschainMint.selector, target, bridge), abi.encode(4));
        _does(bridge, abi.encodeWithSignature("crosschainMint(address,uint256)", target, 4), "crosschainMint");
    }

    function test_ctl_4_rulesThatTheTermsHaveNotAreNotSet() public {
        ISecurity plain = _security("DE000PARI026", false, false);
        bytes[2] memory calls =
            [abi.encodeCall(token.setHolderLimit, (9)), abi.encodeCall(token.setHoldingCap, (9))];
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, bytes memory answer) = _approved(address(plain), calls[i]);
            vm.assertFalse(success, "refused");
            vm.assertEq(bytes32(bytes4(answer)), bytes32(SecurityTokenExtension.NoSuchRule.selector), "no such rule");
        }
        TokenInit memory init = _terms("DE000PARI034", false, false);
        uint16[2] memory countries = [0, uint16(1000)];
        for (uint256 i = 0; i < countries.length; ++i) {
            init.countries = _countries(countries[i]);
            vm.expectRevert(SecurityToken.InvalidRule.selector);
            this.create(init);
        }
    }

    function create(TokenInit calldata init) external {
        _token(home, init);
    }
}
