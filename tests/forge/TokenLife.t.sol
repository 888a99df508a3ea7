// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Holdings} from "../../contracts/token/Holdings.sol";
import {LockUps} from "../../contracts/token/LockUps.sol";
import {Blackout} from "../../contracts/token/SecurityBase.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityTokenExtension} from "../../contracts/token/SecurityTokenExtension.sol";
import {Module, TokenWorld} from "./TokenWorld.sol";

/// A later version of a token's code, which does nothing else.
contract SecurityTokenV2 is SecurityToken {
    constructor(
        address authority_,
        address approvals_,
        address holderRegistry_,
        address bridge_,
        address extension_
    ) SecurityToken(authority_, approvals_, holderRegistry_, bridge_, extension_) {}

    function versionTag() public pure override returns (uint32) {
        return 2 << 16;
    }
}

/// What outlives a key and what outlives a version of the code (UBO-10, VER-7).
contract TokenLifeTest is TokenWorld {
    bytes32 private constant HOT = 0xbb5027e853d560a5008b26752b30b61d29efdaefeb5e595bc7678dbe6b371500;
    bytes32 private constant ERC1967 = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    uint64 private constant RECORD = START + 1 days;

    ISecurity private token;
    bytes32 private pledgeId;
    bytes32 private otherPledgeId;

    function setUp() public {
        _setUpTokens();
        token = _security("DE000PARI018", true, true);
        _issueOn(token, source, 100);
        vm.prank(address(home.actions));
        token.armRecordTime(RECORD);
        vm.warp(RECORD + 1);
        vm.prank(source);
        token.transfer(other, 10);
        vm.startPrank(transferAgent);
        token.lock(source, 10, RECORD + 100 days, "vesting");
        token.lock(source, 5, RECORD + 200 days, "vesting");
        vm.stopPrank();
        vm.prank(freezer);
        token.freezeUnits(source, 11, "order");
        vm.prank(address(home.actions));
        token.blockForCorporateAction(source, 12);
        vm.startPrank(source);
        pledgeId = token.pledge(target, 13);
        otherPledgeId = token.pledge(target, 7);
        token.approve(stranger, 9);
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- UBO-10

    function test_ubo_10_everythingGoesToTheSuccessorAndThePastStays() public {
        vm.prank(quotas);
        token.releaseQuota(source, 500);
        _rotate(home, source, successor);
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertEq(token.balanceOf(source), 0, "nothing left");
        vm.assertEq(token.balanceOf(successor), 90, "balance");
        vm.assertEq(token.balanceOfType(successor, RSTR), 15, "locked up");
        vm.assertEq(token.lotsOf(successor).length, 2, "lots");
        vm.assertEq(token.lotsOf(source).length, 0, "no lots left");
        vm.assertEq(token.balanceOfType(successor, BLOK), 11, "frozen");
        vm.assertEq(token.balanceOfType(successor, BLCA), 12, "blocked");
        vm.assertEq(token.balanceOfType(successor, PLED), 20, "pledged");
        vm.assertEq(token.quotaOf(successor), 1_000_000 - 500, "quota");
        vm.assertEq(token.policy().holderCount, 2, "the same holder");
        vm.assertEq(token.totalSupply(), 100, "supply");
        vm.assertTrue(_addsUp(token, source) && _addsUp(token, successor), "adds up");
        // who held at the record time is as it was then
        vm.assertEq(token.balanceOfAt(source, RECORD), 100, "history");
        vm.assertEq(token.balanceOfAt(successor, RECORD), 0, "no history");
        vm.assertEq(_transfer(token, successor, target, 32), 0, "what is free");
        vm.assertEq(_transfer(token, successor, target, 1), 12, "not what is not");
        vm.assertEq(_transfer(token, source, target, 0), 2, "the former account is good for nothing");
        vm.warp(RECORD + 100 days);
        vm.assertEq(_transfer(token, successor, target, 10), 0, "lots unlock as they would have");
    }

    function test_ubo_10_aLostKeyIsReplacedByTwoRolesAndTheSuccessorTakesItsUnits() public {
        bytes memory proof = _keyControl(home, successor, home.holders.recordOf(source).holder);
        vm.prank(transferAgent);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityTokenExtension.NotSuccessor.selector, source, successor)
        );
        token.recoveryAddress(source, successor, address(0));
        _act(home, address(home.holders), abi.encodeCall(home.holders.recover, (source, successor, "lost", proof)));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, stranger, 5));
        token.recoveryAddress(source, successor, address(0));
        vm.prank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.NotSuccessor.selector, source, target));
        token.recoveryAddress(source, target, address(0));
        vm.prank(successor);
        vm.assertTrue(token.recoveryAddress(source, successor, address(0)), "ERC-3643: true");
        vm.assertEq(token.balanceOf(successor), 90, "balance");
        vm.prank(successor);
        token.recoveryAddress(source, successor, address(0));
        vm.assertEq(token.balanceOf(successor), 90, "a second call moves nothing");
        vm.prank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.NotSuccessor.selector, other, other));
        token.recoveryAddress(other, other, address(0));
    }

    function test_ubo_10_aFreezeGoesOverOnce() public {
        vm.prank(freezer);
        token.freeze(source, true, "x");
        _rotate(home, source, successor);
        vm.startPrank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertTrue(token.isFrozen(successor), "frozen as its predecessor was");
        vm.stopPrank();
        vm.prank(freezer);
        token.freeze(successor, false, "released");
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertFalse(token.isFrozen(successor), "a transfer agent freezes nobody");
    }

    function test_ubo_10_quotasOfBothAccountsMakeOne() public {
        uint192 holder = uint192(uint256(_commitment("source")) >> 64);
        vm.prank(quotas);
        token.releaseQuota(source, 400_000);
        _rotate(home, source, successor);
        vm.prank(quotas);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.AnotherHolder.selector, source));
        token.releaseQuota(source, 1);
        vm.prank(quotas);
        token.releaseQuota(successor, 100_000);
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertEq(token.quotaOf(successor), 500_000, "less by what both gave away");
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertEq(token.quotaOf(successor), 500_000, "once");
        vm.prank(quotas);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.AnotherHolder.selector, source));
        token.releaseQuota(source, 1);
        vm.prank(quotas);
        token.grantQuota(successor, holder, 500_000);
        vm.assertEq(token.quotaOf(successor), 1_000_000, "all of it again");
    }

    function test_ubo_10_quotasOfAnAdditionalAccountAddUp() public {
        bytes32 holder = _commitment("source");
        bytes memory proof = _keyControl(home, heir, holder);
        vm.prank(registrar);
        home.holders.onboard(heir, holder, GERMANY, PROFESSIONAL, 0, address(0), true, proof);
        vm.prank(quotas);
        token.grantQuota(heir, uint192(uint256(holder) >> 64), 30);
        _rotate(home, heir, successor);
        vm.prank(quotas);
        token.grantQuota(successor, uint192(uint256(holder) >> 64), 20);
        vm.prank(transferAgent);
        token.recoveryAddress(heir, successor, address(0));
        vm.assertEq(token.quotaOf(successor), 50, "neither began with the ledger's share");
    }

    function test_ubo_10_quotasThatWentElsewhereLeaveNoneToTheSuccessor() public {
        vm.prank(quotas);
        token.releaseQuota(source, 900_000);
        _rotate(home, source, successor);
        vm.prank(quotas);
        token.releaseQuota(successor, 950_000);
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertEq(token.quotaOf(successor), 0, "more went than there was");
    }

    function test_ubo_10_quotasOfBothAccountsStayWithinTheirSlot() public {
        uint192 holder = uint192(uint256(_commitment("source")) >> 64);
        vm.prank(quotas);
        token.grantQuota(source, holder, type(uint64).max);
        _rotate(home, source, successor);
        vm.prank(quotas);
        token.grantQuota(successor, holder, type(uint64).max);
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertEq(token.quotaOf(successor), type(uint64).max, "the most there is");
    }

    function test_ubo_10_aPledgeIsReleasableBeforeAndAfterARecovery() public {
        _rotate(home, source, successor);
        vm.prank(target);
        token.releasePledge(otherPledgeId);
        vm.assertEq(token.balanceOfType(source, PLED), 13, "before");
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.prank(target);
        token.enforcePledge(pledgeId);
        vm.assertEq(token.balanceOfType(successor, PLED), 0, "after");
        vm.assertEq(token.balanceOf(target), 13, "enforced");
        vm.assertTrue(_addsUp(token, successor), "adds up");
    }

    function test_ubo_10_aPledgeFollowsOverSeveralSuccessors() public {
        _rotate(home, source, successor);
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        _rotate(home, successor, heir);
        // the units are with the one in the middle, which is not the newest
        vm.prank(target);
        token.releasePledge(otherPledgeId);
        vm.assertEq(token.balanceOfType(successor, PLED), 13, "in the middle");
        vm.prank(transferAgent);
        token.recoveryAddress(successor, heir, address(0));
        vm.prank(target);
        token.enforcePledge(pledgeId);
        vm.assertEq(token.balanceOfType(heir, PLED), 0, "at the end");
        vm.assertEq(token.balanceOf(target), 13, "enforced");
        vm.assertTrue(_addsUp(token, successor) && _addsUp(token, heir), "adds up");
    }

    function test_ubo_10_aPledgeOfTheSuccessorIsNoPartOfItsPredecessors() public {
        vm.prank(target);
        token.releasePledge(otherPledgeId);
        _rotate(home, source, successor);
        _issueOn(token, successor, 30);
        vm.prank(successor);
        token.pledge(other, 20);
        vm.prank(target);
        token.releasePledge(pledgeId);
        vm.assertEq(token.balanceOfType(source, PLED), 0, "released");
        vm.assertEq(token.balanceOfType(successor, PLED), 20, "another's");
    }

    function test_ubo_10_whatTheLawLeftOfAPledgeIsReleasedBeforeARecovery() public {
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (source, other, 75)));
        _rotate(home, source, successor);
        _issueOn(token, successor, 30);
        vm.prank(successor);
        token.pledge(other, 8);
        vm.startPrank(target);
        token.releasePledge(otherPledgeId);
        vm.assertEq(token.balanceOfType(source, PLED), 8, "of thirteen");
        token.releasePledge(pledgeId);
        vm.stopPrank();
        vm.assertEq(token.balanceOfType(source, PLED), 0, "nothing stays blocked");
        vm.assertEq(token.balanceOfType(successor, PLED), 8, "another's");
    }

    function test_ubo_10_aPledgeesSuccessorEndsIt() public {
        _rotate(home, target, heir);
        vm.prank(target);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.PledgeUnknown.selector, pledgeId, target));
        token.enforcePledge(pledgeId);
        vm.prank(heir);
        token.enforcePledge(pledgeId);
        vm.assertEq(token.balanceOf(heir), 13, "the successor has them");
    }

    function test_ubo_10_whatTheLawTookOfAPledgeIsNotThereToEnforce() public {
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (source, other, 75)));
        vm.assertEq(token.balanceOfType(source, PLED), 15, "the law took five");
        vm.startPrank(target);
        token.enforcePledge(pledgeId);
        vm.assertEq(token.balanceOf(target), 13, "whole");
        token.enforcePledge(otherPledgeId);
        vm.assertEq(token.balanceOf(target), 15, "what was left");
        vm.stopPrank();
        vm.assertEq(token.balanceOf(source), 0, "nothing");
        vm.assertTrue(_addsUp(token, source), "adds up");
    }

    function test_ubo_10_aSuccessorThatHoldsUnitsAlreadyHasBoth() public {
        _rotate(home, source, successor);
        vm.prank(other);
        token.transfer(successor, 4);
        vm.prank(transferAgent);
        token.lock(successor, 2, RECORD + 9 days, "x");
        vm.assertEq(token.policy().holderCount, 2, "one holder with two accounts");
        vm.prank(transferAgent);
        token.recoveryAddress(source, successor, address(0));
        vm.assertEq(token.balanceOf(successor), 94, "both");
        vm.assertEq(token.lotsOf(successor).length, 3, "all lots");
        vm.assertEq(token.balanceOfType(successor, RSTR), 17, "all locked up");
        vm.assertEq(token.policy().holderCount, 2, "one holder");
        vm.assertTrue(_addsUp(token, successor), "adds up");
        _mustApproved(token, abi.encodeCall(token.forcedTransfer, (successor, other, 94)));
        vm.assertEq(token.policy().holderCount, 1, "who left is counted out");
    }

    function test_ubo_10_moreLotsThanFitAreNotMixed() public {
        _rotate(home, source, successor);
        vm.prank(other);
        token.transfer(successor, 10);
        vm.startPrank(transferAgent);
        for (uint64 i = 0; i < 10; ++i) token.lock(successor, 1, RECORD + 9 days, "x");
        for (uint64 i = 0; i < 5; ++i) token.lock(source, 1, RECORD + 10 days, "x");
        vm.expectRevert(abi.encodeWithSelector(LockUps.TooManyLots.selector, successor));
        token.recoveryAddress(source, successor, address(0));
        // once some are over there is room
        vm.warp(RECORD + 9 days);
        token.recoveryAddress(source, successor, address(0));
        vm.stopPrank();
        vm.assertEq(token.lotsOf(successor).length, 7, "all fit");
        vm.assertTrue(_addsUp(token, successor), "adds up");
    }

    function test_ubo_10_lockUpsThatAreOverTakeNoRoomAtTheSuccessor() public {
        _rotate(home, source, successor);
        _issueOn(token, successor, 15);
        vm.startPrank(transferAgent);
        for (uint64 i = 0; i < 15; ++i) token.lock(successor, 1, RECORD + 300 days, "x");
        // of two lots one is over
        vm.warp(RECORD + 100 days);
        token.recoveryAddress(source, successor, address(0));
        vm.stopPrank();
        vm.assertEq(token.lotsOf(successor).length, 16, "as many as may be");
        vm.assertTrue(_addsUp(token, successor), "adds up");
    }

    function test_ubo_10_aSingleUnitOnEachAccountIsOneHolder() public {
        ISecurity t = _security("DE000PARI026", false, true);
        _issueOn(t, source, 1);
        _rotate(home, source, successor);
        _issueOn(t, successor, 1);
        vm.prank(transferAgent);
        t.recoveryAddress(source, successor, address(0));
        vm.prank(successor);
        t.recoveryAddress(source, successor, address(0));
        vm.assertEq(t.policy().holderCount, 1, "one holder");
        _mustApproved(t, abi.encodeCall(t.forcedTransfer, (successor, other, 2)));
        vm.assertEq(t.policy().holderCount, 1, "who left is counted out");
    }

    function test_ubo_10_whereHoldersAreNotCountedBothAccountsMakeOneToo() public {
        ISecurity t = _security("DE000PARI026", false, false);
        _issueOn(t, source, 1);
        _rotate(home, source, successor);
        _issueOn(t, successor, 1);
        vm.prank(successor);
        t.recoveryAddress(source, successor, address(0));
        vm.assertEq(t.balanceOf(successor), 2, "both");
    }

    // ---------------------------------------------------------------- VER-7

    function test_ver_7_anUpgradeTouchesNothingThatTheTokenKeeps() public {
        _fill();
        bytes32 before = _digest();
        bytes memory data = abi.encodeWithSelector(UPGRADE, address(_code2()), "");
        bytes32 id = _agreed(home, address(token), data, 4);
        vm.assertEq(_digest(), before, "time alone changed nothing");
        vm.record();
        vm.prank(upgrader);
        home.approvals.execute(id, address(token), data);
        (, bytes32[] memory writes) = vm.accesses(address(token));
        for (uint256 i = 0; i < writes.length; ++i) {
            vm.assertTrue(writes[i] == HOT || writes[i] == ERC1967, "no other slot is written");
        }
        vm.assertEq(token.versionTag(), 2 << 16, "the new code runs");
        vm.assertEq(_digest(), before, "everything is as it was");
        _agrees();
        _goesOn();
    }

    function test_ver_7_ver_8_aRollbackTouchesNothingEither() public {
        _fill();
        _upgrade(home, address(token), address(_code2()), 4);
        bytes32 before = _digest();
        _rollBack(home, address(token), 4);
        vm.assertEq(token.versionTag(), 1 << 16, "the former code runs");
        vm.assertEq(_digest(), before, "everything is as it was");
        _agrees();
        _goesOn();
    }

    function test_ver_7_verdictsOfTheFormerCodeDoNotCountAfterAnUpgrade() public {
        SecurityToken next = _code2();
        vm.prank(tokenizer);
        home.holders.addSubscriber(address(next));
        token.open(_two(target, other));
        _upgrade(home, address(token), address(next), 4);
        uint256 word = uint256(vm.load(address(token), keccak256(abi.encode(target, uint256(HOT) + 1))));
        vm.assertTrue((word >> 192) & 0xffffff != token.policyEpoch() + token.policyCounter(), "asked anew");
        vm.prank(registrar);
        home.holders.setStatus(target, false, "x");
        vm.assertEq(_transfer(token, other, target, 1), 6, "told by the registry");
    }

    function test_ver_6_onlyAnApprovedActUpgradesAndOnlyToAnotherVersionOfAToken() public {
        address next = address(_code2());
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, upgrader));
        token.upgradeToAndCall(next, "");
        bytes memory same = abi.encodeWithSelector(UPGRADE, address(home.code), "");
        bytes32 id = _agreed(home, address(token), same, 4);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Kernel.VersionNotChanged.selector, 1 << 16));
        home.approvals.execute(id, address(token), same);
        _agrees();
    }

    // ---------------------------------------------------------------- parts

    function _code2() private returns (SecurityToken) {
        return new SecurityTokenV2(
            address(home.manager),
            address(home.approvals),
            address(home.holders),
            address(home.bridge),
            home.code.extension()
        );
    }

    /// Something in every part of the storage.
    function _fill() private {
        vm.startPrank(freezer);
        token.freeze(other, true, "x");
        vm.stopPrank();
        vm.startPrank(issuerAgent);
        token.setDocument("prospectus", "https://example.org/p", "hash");
        vm.stopPrank();
        Blackout[] memory windows = new Blackout[](1);
        windows[0] = Blackout(RECORD + 900 days, RECORD + 901 days);
        vm.startPrank(ruleManager);
        token.setBlackouts(windows, "x");
        token.setModules(_one(address(new Module(Module.Mood.YES))), "x");
        token.setMinimumLot(2, "x");
        vm.stopPrank();
        vm.prank(pauser);
        token.pauseClasses(1 << 7, "x");
        vm.prank(quotas);
        token.releaseQuota(source, 500);
        vm.prank(address(home.bridge));
        token.crosschainMintAt(target, 3, RECORD);
        vm.prank(address(home.actions));
        token.armRecordTime(RECORD + 300 days);
        _mustApproved(token, abi.encodeCall(token.amendTerms, (keccak256("amended"))));
        bytes32 digest = _permitDigest(token, source, heir, 6, 0, type(uint256).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[source], digest);
        token.permit(source, heir, 6, type(uint256).max, v, r, s);
    }

    /// Everything that the token keeps, by what it answers.
    function _digest() private view returns (bytes32 d) {
        address[6] memory accounts = [address(0), source, target, other, successor, heir];
        bytes4[5] memory types = [AWAS, BLOK, BLCA, PLED, RSTR];
        for (uint256 i = 0; i < accounts.length; ++i) {
            address a = accounts[i];
            d = keccak256(abi.encode(d, token.balanceOf(a), token.lotsOf(a), token.isFrozen(a), token.quotaOf(a)));
            d = keccak256(abi.encode(d, token.nonces(a), token.allowance(a, stranger), token.allowance(a, heir)));
            d = keccak256(abi.encode(d, token.balanceOfAt(a, RECORD), token.inTransitOfAt(a, RECORD)));
            for (uint256 k = 0; k < 5; ++k) d = keccak256(abi.encode(d, token.balanceOfType(a, types[k])));
        }
        d = keccak256(abi.encode(d, token.totalSupply(), token.totalSupplyAt(RECORD), token.issuedTotal()));
        d = keccak256(abi.encode(d, token.issueLimit(), token.policy(), token.blackouts(), token.modules()));
        d = keccak256(abi.encode(d, token.pledgeOf(pledgeId), token.pledgeOf(otherPledgeId), token.recordTimes()));
        d = keccak256(abi.encode(d, token.isCountryAllowed(GERMANY), token.isCountryAllowed(UNITED_STATES)));
        d = keccak256(abi.encode(d, token.isin(), token.lei(), token.termsHash(), token.termsVersion()));
        d = keccak256(abi.encode(d, token.name(), token.symbol(), token.DOMAIN_SEPARATOR(), token.securityId()));
        d = keccak256(abi.encode(d, token.getAllDocuments(), token.stoppedUntil(), token.irreversibleAt()));
        (string memory uri, bytes32 hash, uint256 at) = token.getDocument("prospectus");
        d = keccak256(abi.encode(d, uri, hash, at, token.isHome(), token.paused(), token.isReferenceUsed("x")));
    }

    /// The slot that the proxy runs by and the one that tools read say the same.
    function _agrees() private view {
        address hot = address(uint160(uint256(vm.load(address(token), HOT))));
        address erc1967 = address(uint160(uint256(vm.load(address(token), ERC1967))));
        vm.assertEq(hot, erc1967, "one implementation");
        vm.assertEq(Kernel(address(token)).implementation(), hot, "as it says");
        vm.assertEq(token.codeHash(), hot.codehash, "by its hash");
        vm.assertEq(token.versionTag(), SecurityToken(payable(hot)).versionTag(), "by its version");
    }

    /// What was begun before goes on.
    function _goesOn() private {
        vm.startPrank(target);
        token.releasePledge(otherPledgeId);
        token.enforcePledge(pledgeId);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(target), 16, "pledged units and those that arrived");
        vm.prank(heir);
        token.transferFrom(source, target, 6);
        vm.assertEq(_transfer(token, other, target, 2), 4, "still frozen");
        bytes32 digest = _permitDigest(token, source, heir, 4, 1, type(uint256).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[source], digest);
        token.permit(source, heir, 4, type(uint256).max, v, r, s);
        vm.assertEq(token.allowance(source, heir), 4, "the next nonce");
        vm.assertTrue(_addsUp(token, source) && _addsUp(token, target), "adds up");
        vm.assertEq(token.balanceOfAt(source, RECORD), 100, "history");
    }
}
