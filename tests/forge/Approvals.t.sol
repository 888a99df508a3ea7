// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Approvals} from "../../contracts/access/Approvals.sol";
import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {CorporateActions, PaymentLine} from "../../contracts/actions/CorporateActions.sol";
import {IApprovals} from "../../contracts/interfaces/IApprovals.sol";
import {CustodyRegistry} from "../../contracts/registry/CustodyRegistry.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {Vm} from "./Vm.sol";
import {World} from "./World.sol";

/// A version of the CustodyRegistry, by its tag.
contract CustodyVersion is CustodyRegistry {
    uint32 private immutable TAG;

    constructor(address m, address a, address k, uint32 tag) CustodyRegistry(m, a, k, address(1)) {
        TAG = tag;
    }

    function versionTag() public pure override returns (uint32) {
        return _pure(_tag)();
    }

    function _tag() private view returns (uint32) {
        return TAG;
    }

    /// `versionTag` is pure in the base; an immutable is code, but the compiler calls it state
    function _pure(function() internal view returns (uint32) f)
        private
        pure
        returns (function() internal pure returns (uint32) g)
    {
        assembly {
            g := f
        }
    }
}

contract CorporateActionsV2 is CorporateActions {
    constructor(
        address m,
        address a,
        address k,
        address g,
        address i,
        address h
    ) CorporateActions(m, a, k, g, i, h) {}

    function versionTag() public pure override returns (uint32) {
        return 2 << 16;
    }
}

contract SecurityTokenV2 is SecurityToken {
    constructor(address m, address a, address h, address b, address e) SecurityToken(m, a, h, b, e) {}

    function versionTag() public pure override returns (uint32) {
        return 2 << 16;
    }
}

/// Carries out an act and shows what it sees of it.
contract Target {
    event Done(uint256 value, bytes32 actId, bytes32 current, uint8 changeClass);

    error No(uint256 value);

    IApprovals private immutable APPROVALS;
    bool public stubborn;

    constructor(address approvals) {
        APPROVALS = IApprovals(approvals);
    }

    function setStubborn(bool value) external {
        stubborn = value;
    }

    function burn(address, uint256 value) external {
        if (stubborn) {
            if (value == 0) revert();
            revert No(value);
        }
        (bytes32 id, uint8 changeClass) = APPROVALS.current();
        emit Done(value, bytes32(msg.data[msg.data.length - 32:]), id, changeClass);
    }
}

/// Tries to have its own act carried out twice.
contract Reentrant {
    Approvals private immutable APPROVALS;
    bytes32 private id;
    uint256 public calls;
    bytes public refusal;

    constructor(Approvals approvals) {
        APPROVALS = approvals;
    }

    function prepare(bytes32 id_) external {
        id = id_;
    }

    function burn(address, uint256) external {
        ++calls;
        try APPROVALS.execute(id, address(this), msg.data[:msg.data.length - 32]) {}
        catch (bytes memory reason) {
            refusal = reason;
        }
    }
}

contract ApprovalsTest is World {
    Approvals private a;
    Target private target;

    function setUp() public {
        _setUpWorld();
        _on(home);
        a = home.approvals;
        target = new Target(address(a));
    }

    function _burn(uint256 value) private view returns (bytes memory) {
        return abi.encodeCall(target.burn, (holderDe, value));
    }

    function _state(bytes32 id) private view returns (uint8 state) {
        (, , , , , state, ) = a.actOf(id);
    }

    function _code(uint32 tag) private returns (address) {
        return address(new CustodyVersion(address(home.manager), address(a), address(home.kernel), tag));
    }

    function _upgradeData(address implementation) private pure returns (bytes memory) {
        return abi.encodeCall(Kernel(implementation).upgradeToAndCall, (implementation, ""));
    }

    // ---------------------------------------------------------------- k of n

    function test_ctl_7_twoRolesAgreeAndTheActIsCarriedOutWithItsId() public {
        bytes memory data = _burn(5);
        vm.expectEmit(address(a));
        bytes32 id = _expectedId(address(target), data, Roles.REGISTRAR, 0, uint40(block.timestamp));
        emit Approvals.ActProposed(
            id,
            address(target),
            Target.burn.selector,
            Roles.REGISTRAR,
            registrar,
            0,
            "reason",
            data,
            uint64(block.timestamp)
        );
        vm.expectEmit(address(a));
        emit Approvals.ActApproved(id, Roles.REGISTRAR, registrar);
        vm.assertEq(_propose(home, Roles.REGISTRAR, address(target), data, 0), id, "id");
        vm.assertEq(_state(id), 1, "open");

        vm.warp(block.timestamp + 60);
        vm.expectEmit(address(a));
        emit Approvals.ActApproved(id, Roles.CSD, csd);
        _approve(home, Roles.CSD, id);
        vm.assertEq(_state(id), 2, "ready");
        (address by, uint64 at) = a.approvalOf(id, Roles.CSD);
        vm.assertTrue(by == csd && at == block.timestamp, "approved by, at");
        (by, at) = a.approvalOf(id, Roles.REGULATOR);
        vm.assertTrue(by == address(0) && at == 0, "not by the regulator");

        vm.expectEmit(address(a));
        emit Approvals.ActExecuted(id, address(target), relayer);
        vm.expectEmit(address(target));
        emit Target.Done(5, id, 0, 0);
        vm.prank(relayer);
        a.execute(id, address(target), data);

        (address to, bytes4 selector, uint64 readyAt, uint64 role, uint8 class, uint8 state, bytes32 reason) =
            a.actOf(id);
        vm.assertTrue(to == address(0) && selector == 0 && readyAt == 0 && role == 0 && class == 0, "slot given back");
        vm.assertTrue(state == 4 && reason == "reason", "executed, for its reason");
        (by, ) = a.approvalOf(id, Roles.REGISTRAR);
        vm.assertEq(by, registrar, "approvals remain");
    }

    function test_ctl_7_anOpenActIsReadWhole() public {
        bytes32 id = _propose(home, Roles.CSD, address(target), _burn(5), 0);
        (address to, bytes4 selector, uint64 readyAt, uint64 role, uint8 class, uint8 state, bytes32 reason) =
            a.actOf(id);
        vm.assertEq(to, address(target), "target");
        vm.assertTrue(selector == Target.burn.selector && readyAt == block.timestamp, "selector, time");
        vm.assertTrue(role == Roles.CSD && class == 0 && state == 1 && reason == "reason", "role, class, state, reason");
        (, , , , , state, reason) = a.actOf("unknown");
        vm.assertTrue(state == 0 && reason == 0, "unknown");
    }

    function _expectedId(
        address to,
        bytes memory data,
        uint64 role,
        uint8 class,
        uint40 readyAt
    ) private view returns (bytes32) {
        bytes32 word = bytes32(
            abi.encodePacked(uint8(0), class, uint8(role), readyAt, bytes4(data), to)
        );
        bytes32 hash = keccak256(abi.encode(block.chainid, address(a), word, keccak256(data)));
        return bytes32(uint256(hash) >> 8 << 8 | class);
    }

    function test_ctl_7_oneApprovalIsNotEnough() public {
        bytes memory data = _burn(5);
        bytes32 id = _propose(home, Roles.REGISTRAR, address(target), data, 0);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(target), data);
        // a proposing role that does not approve gives none
        data = _upgradeData(_code(2 << 16));
        id = _propose(home, Roles.UPGRADER, address(home.custody), data, 4);
        _approve(home, Roles.ISSUER, id);
        vm.warp(block.timestamp + 5 days);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(home.custody), data);
    }

    /// Whatever roles approve, an act of threshold k is carried out from the k-th on and not before.
    function testFuzz_ctl_7_kOfNForEveryThresholdAndOrder(uint8 threshold, uint256 seed, uint8 notice) public {
        threshold = uint8(2 + threshold % 4);
        uint64[5] memory roles =
            [Roles.REGISTRAR, Roles.TRANSFER_AGENT, Roles.CSD, Roles.REGULATOR, Roles.ISSUER_AGENT];
        for (uint256 i = 4; i > 0; --i) {
            uint256 j = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            (roles[i], roles[j]) = (roles[j], roles[i]);
        }
        Approvals.Policy memory policy = a.policyOf(Target.burn.selector);
        (policy.threshold, policy.notice) = (threshold, notice);
        _setPolicy(Target.burn.selector, policy);

        bytes memory data = _burn(seed);
        bytes32 id = _propose(home, roles[0], address(target), data, 0);
        for (uint256 k = 1; k < threshold; ++k) {
            uint256 snapshot = vm.snapshotState();
            vm.warp(block.timestamp + notice);
            vm.prank(holderOf[roles[0]]);
            vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, k, threshold));
            a.execute(id, address(target), data);
            vm.revertToState(snapshot);
            _approve(home, roles[k], id);
        }
        vm.assertEq(_state(id), notice == 0 ? 2 : 1, "ready where there is no notice");
        vm.warp(block.timestamp + notice);
        vm.prank(holderOf[roles[0]]);
        a.execute(id, address(target), data);
        vm.assertEq(_state(id), 4, "executed");
    }

    function test_ctl_7_aRoleApprovesOnce() public {
        bytes32 id = _propose(home, Roles.REGISTRAR, address(target), _burn(5), 0);
        vm.prank(admin);
        home.manager.grantRole(Roles.REGISTRAR, stranger, 0);
        vm.expectRevert(abi.encodeWithSelector(Approvals.AlreadyApproved.selector, id));
        vm.prank(stranger);
        a.approve(Roles.REGISTRAR, id);
        vm.expectRevert(abi.encodeWithSelector(Approvals.AlreadyApproved.selector, id));
        vm.prank(registrar);
        a.approve(Roles.REGISTRAR, id);
    }

    function test_ctl_7_aCallerApprovesOnceWhateverRolesItHas() public {
        vm.prank(admin);
        home.manager.grantRole(Roles.CSD, registrar, 0);
        bytes32 id = _propose(home, Roles.REGISTRAR, address(target), _burn(5), 0);
        vm.expectRevert(abi.encodeWithSelector(Approvals.AlreadyApproved.selector, id));
        vm.prank(registrar);
        a.approve(Roles.CSD, id);
        _approve(home, Roles.CSD, id);
        a.execute(id, address(target), _burn(5));
    }

    function test_ctl_7_whoHasNoRoleOrNoSayNeitherProposesNorApproves() public {
        bytes memory data = _burn(5);
        bytes32 id = _propose(home, Roles.REGISTRAR, address(target), data, 0);
        address[3] memory none = [stranger, admin, freezer];
        for (uint256 i = 0; i < 3; ++i) {
            vm.startPrank(none[i]);
            vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, none[i], Roles.CSD));
            a.approve(Roles.CSD, id);
            vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, none[i], Roles.CSD));
            a.propose(Roles.CSD, address(target), data, 0, "reason");
            vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, none[i], Roles.CSD));
            a.withdraw(Roles.CSD, id);
            vm.stopPrank();
        }
        for (uint64 role = 0; role < 300; ++role) {
            if (role == Roles.REGISTRAR || role == Roles.TRANSFER_AGENT || role == Roles.CSD) continue;
            if (role == Roles.REGULATOR || role == Roles.ISSUER_AGENT) continue;
            vm.prank(admin);
            home.manager.grantRole(role, stranger, 0);
            vm.startPrank(stranger);
            vm.expectRevert(abi.encodeWithSelector(Approvals.RoleHasNoSay.selector, role, Target.burn.selector));
            a.approve(role, id);
            vm.expectRevert(abi.encodeWithSelector(Approvals.RoleHasNoSay.selector, role, Target.burn.selector));
            a.propose(role, address(target), data, 0, "reason");
            vm.stopPrank();
        }
        // everybody has the public role, and it has no say either
        vm.startPrank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(Approvals.RoleHasNoSay.selector, type(uint64).max, Target.burn.selector)
        );
        a.approve(type(uint64).max, id);
        vm.stopPrank();
    }

    function test_ctl_7_upgradersProposeCodeAndDoNotApproveIt() public {
        bytes memory data = _upgradeData(_code(2 << 16));
        bytes32 id = _propose(home, Roles.UPGRADER, address(home.custody), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.RoleHasNoSay.selector, Roles.UPGRADER, UPGRADE));
        a.approve(Roles.UPGRADER, id);
        vm.prank(issuer);
        vm.expectRevert(abi.encodeWithSelector(Approvals.RoleHasNoSay.selector, Roles.ISSUER, UPGRADE));
        a.propose(Roles.ISSUER, address(home.custody), data, 4, "reason");
    }

    function test_ctl_7_onlyActsOfTheListAreProposed() public {
        bytes4[4] memory selectors = [
            bytes4(keccak256("transfer(address,uint256)")),
            SecurityToken.issue.selector,
            Approvals.execute.selector,
            bytes4(0)
        ];
        for (uint256 i = 0; i < selectors.length; ++i) {
            vm.prank(registrar);
            vm.expectRevert(abi.encodeWithSelector(Approvals.NotAnAct.selector, selectors[i]));
            a.propose(Roles.REGISTRAR, address(home.token), abi.encodePacked(selectors[i], uint256(1)), 0, "reason");
        }
        bytes memory short = hex"9dc29f"; // burn's selector without its end
        vm.startPrank(registrar);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotAnAct.selector, bytes4(0)));
        a.propose(Roles.REGISTRAR, address(target), short, 0, "reason");
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotAnAct.selector, bytes4(0)));
        a.propose(Roles.REGISTRAR, address(target), "", 0, "reason");
        vm.stopPrank();
    }

    function test_ctl_7_anActStatesItsReason() public {
        vm.prank(registrar);
        vm.expectRevert(Approvals.ReasonMissing.selector);
        a.propose(Roles.REGISTRAR, address(target), _burn(5), 0, 0);
    }

    function test_ctl_7_theSameActIsProposedOnceASecond() public {
        bytes32 id = _agreed(home, address(target), _burn(5), 0);
        a.execute(id, address(target), _burn(5));
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(Approvals.AlreadyProposed.selector, id));
        a.propose(Roles.REGISTRAR, address(target), _burn(5), 0, "again");
        vm.warp(block.timestamp + 1);
        bytes32 next = _propose(home, Roles.REGISTRAR, address(target), _burn(5), 0);
        vm.assertTrue(next != id, "another act");
        bytes32 other = _propose(home, Roles.CSD, address(target), _burn(5), 0);
        vm.assertTrue(other != next, "of another role");
    }

    function test_ctl_7_anActIsOfOneChainAndOneContract() public {
        bytes32 id = _propose(home, Roles.REGISTRAR, address(target), _burn(5), 0);
        uint256 snapshot = vm.snapshotState();
        vm.chainId(peer.id);
        _approve(home, Roles.CSD, id);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotThisAct.selector, id));
        a.execute(id, address(target), _burn(5));
        vm.revertToState(snapshot);
        vm.prank(csd);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotOpen.selector, id));
        peer.approvals.approve(Roles.CSD, id);
    }

    // ---------------------------------------------------------------- execution

    function test_ctl_7_anActIsCarriedOutOnce() public {
        bytes32 id = _act(home, address(target), _burn(5));
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotOpen.selector, id));
        a.execute(id, address(target), _burn(5));
        vm.prank(regulator);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotOpen.selector, id));
        a.approve(Roles.REGULATOR, id);
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotOpen.selector, id));
        a.withdraw(Roles.REGISTRAR, id);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotOpen.selector, bytes32("unknown")));
        a.execute("unknown", address(target), _burn(5));
    }

    function test_ctl_7_anActCannotCarryItselfOutAgain() public {
        Reentrant reentrant = new Reentrant(a);
        bytes32 id = _agreed(home, address(reentrant), _burn(5), 0);
        reentrant.prepare(id);
        a.execute(id, address(reentrant), _burn(5));
        vm.assertEq(reentrant.calls(), 1, "once");
        vm.assertEq(reentrant.refusal(), abi.encodeWithSelector(Approvals.NotOpen.selector, id), "not again");
    }

    function test_ctl_7_nothingButTheApprovedCallIsCarriedOut() public {
        bytes32 id = _agreed(home, address(target), _burn(5), 0);
        bytes memory refusal = abi.encodeWithSelector(Approvals.NotThisAct.selector, id);
        vm.expectRevert(refusal);
        a.execute(id, address(target), _burn(6));
        vm.expectRevert(refusal);
        a.execute(id, address(target), abi.encodePacked(_burn(5), uint8(0)));
        vm.expectRevert(refusal);
        a.execute(id, address(target), "");
        vm.expectRevert(refusal);
        a.execute(id, address(home.token), _burn(5));
        vm.expectRevert(refusal);
        a.execute(id, address(uint160(address(target)) ^ 1), _burn(5));
        bytes32 other = _agreed(home, address(target), _burn(6), 0);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotThisAct.selector, other));
        a.execute(other, address(target), _burn(5));
        a.execute(id, address(target), _burn(5));
    }

    function test_ctl_7_aFailedCallLeavesTheActAndSaysWhy() public {
        bytes32 id = _agreed(home, address(target), _burn(5), 0);
        bytes32 silent = _agreed(home, address(target), _burn(0), 0);
        target.setStubborn(true);
        vm.expectRevert(abi.encodeWithSelector(Target.No.selector, 5));
        a.execute(id, address(target), _burn(5));
        vm.assertEq(_state(id), 2, "still ready");
        vm.expectRevert(abi.encodeWithSelector(Approvals.CallFailed.selector, silent));
        a.execute(silent, address(target), _burn(0));
        target.setStubborn(false);
        a.execute(id, address(target), _burn(5));
        vm.assertEq(_state(id), 4, "executed");
    }

    function test_ctl_7_anActNeedsAContractToCarryItOut() public {
        bytes32 id = _agreed(home, stranger, _burn(5), 0);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NoCode.selector, stranger));
        a.execute(id, stranger, _burn(5));
    }

    function test_ctl_7_anActIsCarriedOutInItsTimeOrNever() public {
        bytes32 id = _agreed(home, address(target), _burn(5), 0);
        uint256 last = block.timestamp + a.LIFETIME();
        vm.warp(last + 1);
        vm.expectRevert(abi.encodeWithSelector(Approvals.Expired.selector, id, last));
        a.execute(id, address(target), _burn(5));
        vm.warp(last);
        a.execute(id, address(target), _burn(5));
    }

    function test_ctl_7_theProposingRoleTakesTheActBack() public {
        bytes32 id = _agreed(home, address(target), _burn(5), 0);
        vm.expectEmit(address(a));
        emit Approvals.ActWithdrawn(id, Roles.REGISTRAR, registrar);
        vm.prank(registrar);
        a.withdraw(Roles.REGISTRAR, id);
        vm.assertEq(_state(id), 3, "withdrawn");
        bytes memory refusal = abi.encodeWithSelector(Approvals.NotOpen.selector, id);
        vm.expectRevert(refusal);
        a.execute(id, address(target), _burn(5));
        vm.prank(regulator);
        vm.expectRevert(refusal);
        a.approve(Roles.REGULATOR, id);
        vm.prank(registrar);
        vm.expectRevert(refusal);
        a.withdraw(Roles.REGISTRAR, id);
    }

    function test_ctl_7_anApprovingRoleTakesItsApprovalBack() public {
        bytes32 id = _agreed(home, address(target), _burn(5), 0);
        vm.prank(regulator);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotParty.selector, id));
        a.withdraw(Roles.REGULATOR, id);
        vm.expectEmit(address(a));
        emit Approvals.ApprovalWithdrawn(id, Roles.CSD, csd);
        vm.prank(csd);
        a.withdraw(Roles.CSD, id);
        vm.assertEq(_state(id), 1, "open again");
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(target), _burn(5));
        vm.prank(csd);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotParty.selector, id));
        a.withdraw(Roles.CSD, id);
        _approve(home, Roles.REGULATOR, id);
        a.execute(id, address(target), _burn(5));
    }

    // ---------------------------------------------------------------- corrections

    function test_ctl_7_aForcedTransferNeedsTwoAndLeavesItsLineage() public {
        _issue(holderDe, 10);
        bytes memory data = abi.encodeCall(SecurityToken.forcedTransfer, (holderDe, holderFr, 4));
        bytes32 id = _propose(home, Roles.REGISTRAR, address(home.token), data, 0);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(home.token), data);
        _approve(home, Roles.REGULATOR, id);
        vm.expectEmit(address(home.token));
        emit SecurityToken.Corrected(id, holderDe, holderFr, 10, 0);
        a.execute(id, address(home.token), data);
        vm.assertEq(home.token.balanceOf(holderFr), 4, "moved");
        vm.assertEq(home.token.balanceOf(holderDe), 6, "left");
    }

    function test_ctl_7_lostKeysAreRecoveredByTwo() public {
        address found = _address("found");
        bytes memory proof = _keyControl(home, found, home.holders.recordOf(holderDe).holder);
        _act(home, address(home.holders), abi.encodeCall(home.holders.recover, (holderDe, found, "lost", proof)));
        vm.assertEq(home.holders.currentOf(holderDe), found, "recovered");
    }

    // ---------------------------------------------------------------- upgrades

    function test_ver_6_anUpgradeIsAnnouncedOnTheVeryContractWithClassAndAct() public {
        for (uint8 class = 1; class <= 4; ++class) {
            uint32 tag = home.custody.versionTag();
            address next = _code(tag + 1);
            bytes memory data = _upgradeData(next);
            bytes32 id = _agreed(home, address(home.custody), data, class);
            vm.expectEmit(address(home.custody));
            emit Kernel.VersionChanged(tag, tag + 1, next.codehash, class, id);
            vm.prank(upgrader);
            a.execute(id, address(home.custody), data);
            vm.assertEq(home.custody.versionTag(), tag + 1, "version");
            vm.assertEq(Kernel(address(home.custody)).codeHash(), next.codehash, "code");
            (bytes32 current, uint8 now_) = a.current();
            vm.assertTrue(current == 0 && now_ == 0, "over");
        }
    }

    function test_ver_6_noUpgradeBeforeItsNoticeIsOver() public {
        uint256[5] memory notice = [uint256(0), 10 days, 20 days, 30 days, 5 days];
        for (uint8 class = 1; class <= 4; ++class) {
            bytes memory data = _upgradeData(_code(uint32(2 << 16) + class));
            bytes32 id = _propose(home, Roles.UPGRADER, address(home.custody), data, class);
            _approve(home, Roles.ISSUER, id);
            _approve(home, Roles.REGULATOR, id);
            uint256 readyAt = block.timestamp + notice[class];
            vm.startPrank(upgrader);
            vm.expectRevert(abi.encodeWithSelector(Approvals.NoticeRuns.selector, id, readyAt));
            a.execute(id, address(home.custody), data);
            vm.warp(readyAt - 1);
            vm.expectRevert(abi.encodeWithSelector(Approvals.NoticeRuns.selector, id, readyAt));
            a.execute(id, address(home.custody), data);
            vm.warp(readyAt);
            a.execute(id, address(home.custody), data);
            vm.stopPrank();
        }
    }

    function test_ver_6_anUpgradeHasAClassAndOtherActsHaveNone() public {
        bytes memory data = _upgradeData(_code(2 << 16));
        bytes memory back = abi.encodeCall(a.rollback, (address(home.custody)));
        uint8[3] memory bad = [0, 5, 255];
        vm.startPrank(upgrader);
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Approvals.BadChangeClass.selector, bad[i]));
            a.propose(Roles.UPGRADER, address(home.custody), data, bad[i], "reason");
            vm.expectRevert(abi.encodeWithSelector(Approvals.BadChangeClass.selector, bad[i]));
            a.propose(Roles.UPGRADER, address(a), back, bad[i], "reason");
        }
        vm.stopPrank();
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(Approvals.BadChangeClass.selector, 1));
        a.propose(Roles.REGISTRAR, address(target), _burn(5), 1, "reason");
    }

    function test_ver_6_nobodyUpgradesWithoutTheApprovals() public {
        address next = _code(2 << 16);
        address[4] memory callers = [upgrader, admin, issuer, stranger];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, callers[i]));
            Kernel(address(home.custody)).upgradeToAndCall(next, "");
        }
        // nor do the approvals of another chain
        bytes memory data = _upgradeData(next);
        bytes32 id = _agreed(peer, address(home.custody), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, address(peer.approvals)));
        peer.approvals.execute(id, address(home.custody), data);
    }

    function test_ver_6_anActWithNoticeIsCarriedOutByItsParties() public {
        bytes memory data = _upgradeData(_code(2 << 16));
        bytes32 id = _agreed(home, address(home.custody), data, 4);
        address[4] memory others = [stranger, admin, regulator, relayer];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(Approvals.NotParty.selector, id));
            a.execute(id, address(home.custody), data);
        }
        uint256 snapshot = vm.snapshotState();
        address[3] memory parties = [upgrader, issuer, csd];
        for (uint256 i = 0; i < parties.length; ++i) {
            vm.prank(parties[i]);
            a.execute(id, address(home.custody), data);
            vm.assertEq(home.custody.versionTag(), 2 << 16, "carried out");
            vm.revertToState(snapshot);
            snapshot = vm.snapshotState();
        }
    }

    function test_ver_6_anApprovalCountsWhileItsGiverHoldsTheRole() public {
        bytes memory data = _upgradeData(_code(2 << 16));
        bytes32 id = _agreed(home, address(home.custody), data, 4);
        vm.prank(admin);
        home.manager.revokeRole(Roles.CSD, csd);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(home.custody), data);
        // who gave it is no party any more
        vm.prank(csd);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(home.custody), data);
        // who holds the role now takes the approval back and gives its own
        vm.prank(admin);
        home.manager.grantRole(Roles.CSD, stranger, 0);
        vm.startPrank(stranger);
        a.withdraw(Roles.CSD, id);
        a.approve(Roles.CSD, id);
        a.execute(id, address(home.custody), data);
        vm.stopPrank();
        vm.assertEq(home.custody.versionTag(), 2 << 16, "carried out");
    }

    function test_ver_1_anUpgradeChangesTheVersionAndKeepsTheContract() public {
        address same = _code(1 << 16);
        bytes memory data = _upgradeData(same);
        bytes32 id = _agreed(home, address(home.custody), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Kernel.VersionNotChanged.selector, 1 << 16));
        a.execute(id, address(home.custody), data);

        address other = _code(2 << 16);
        data = _upgradeData(other);
        id = _agreed(home, address(home.gateway), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(
            abi.encodeWithSelector(Kernel.AnotherContract.selector, other)
        );
        a.execute(id, address(home.gateway), data);
    }

    function test_ver_6_whatSaysNoVersionIsNotUpgraded() public {
        bytes memory data = _upgradeData(_code(2 << 16));
        bytes32 id = _agreed(home, address(target), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotVersioned.selector, address(target)));
        a.execute(id, address(target), data);
        id = _agreed(home, stranger, data, 4);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotVersioned.selector, stranger));
        a.execute(id, stranger, data);
    }

    function test_ver_7_anUpgradeKeepsWhatTheTokenHolds() public {
        _issue(holderDe, 10);
        vm.prank(freezer);
        home.token.freezeUnits(holderDe, 3, "order");
        address next = address(
            new SecurityTokenV2(
                address(home.manager),
                address(a),
                address(home.holders),
                address(home.bridge),
                home.token.extension()
            )
        );
        vm.prank(tokenizer);
        home.holders.addSubscriber(next);
        _upgrade(home, address(home.token), next, 4);
        vm.assertEq(home.token.versionTag(), 2 << 16, "version");
        vm.assertEq(home.token.codeHash(), next.codehash, "code");
        vm.assertEq(home.token.balanceOf(holderDe), 10, "balance");
        vm.assertEq(home.token.availableBalanceOf(holderDe), 7, "block");
        vm.prank(holderDe);
        home.token.transfer(holderFr, 7);
        vm.assertEq(home.token.balanceOf(holderFr), 7, "moves on");
        _rollBack(home, address(home.token), 4);
        vm.assertEq(home.token.versionTag(), 1 << 16, "rolled back");
        vm.assertEq(home.token.balanceOf(holderFr), 7, "balance stays");
        vm.prank(holderFr);
        home.token.transfer(holderDe, 7);
    }

    // ---------------------------------------------------------------- rollback

    function _actionsV2() private returns (address) {
        return address(
            new CorporateActionsV2(
                address(home.manager),
                address(a),
                address(home.kernel),
                address(home.gateway),
                address(home.instances),
                address(home.holders)
            )
        );
    }

    function test_ver_8_aVersionIsRolledBackAndAnnounced() public {
        (address old, bytes32 oldHash) = (Kernel(address(home.actions)).implementation(), Kernel(address(home.actions)).codeHash());
        _upgrade(home, address(home.actions), _actionsV2(), 3);
        bytes memory data = abi.encodeCall(a.rollback, (address(home.actions)));
        bytes32 id = _agreed(home, address(a), data, 3);
        vm.expectEmit(address(home.actions));
        emit Kernel.VersionChanged(2 << 16, 1 << 16, oldHash, 3, id);
        vm.prank(upgrader);
        a.execute(id, address(a), data);
        vm.assertEq(Kernel(address(home.actions)).implementation(), old, "code");
        vm.assertEq(home.actions.versionTag(), 1 << 16, "version");
        (bytes32 current, ) = a.current();
        vm.assertEq(current, 0, "over");
    }

    function test_ver_8_noRollbackPastThePointOfNoReturn() public {
        address next = _actionsV2();
        bytes32 eventKey = _published();
        _upgrade(home, address(home.actions), next, 1);
        uint256 upgradedAt = block.timestamp;
        vm.warp(upgradedAt + 1 hours);
        vm.assertEq(home.actions.irreversibleAt(), 0, "nothing yet");
        uint256 snapshot = vm.snapshotState();
        _rollBack(home, address(home.actions), 4);
        vm.assertEq(home.actions.versionTag(), 1 << 16, "possible until then");
        vm.revertToState(snapshot);

        _pay(eventKey);
        vm.assertEq(home.actions.irreversibleAt(), block.timestamp, "paid");
        bytes memory data = abi.encodeCall(a.rollback, (address(home.actions)));
        bytes32 id = _agreed(home, address(a), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(
            abi.encodeWithSelector(Approvals.PointOfNoReturn.selector, upgradedAt + 1 hours, upgradedAt)
        );
        a.execute(id, address(a), data);
    }

    function test_ver_8_whatHappenedUnderTheVersionBeforeIsNoHindrance() public {
        bytes32 eventKey = _published();
        vm.warp(START + 10 days);
        _pay(eventKey);
        vm.assertEq(home.actions.irreversibleAt(), block.timestamp, "paid before");
        _upgrade(home, address(home.actions), _actionsV2(), 4);
        _rollBack(home, address(home.actions), 4);
        vm.assertEq(home.actions.versionTag(), 1 << 16, "rolled back");
    }

    function test_ver_8_aPaymentInTheSecondOfTheUpgradeCounts() public {
        bytes32 eventKey = _published();
        _upgrade(home, address(home.actions), _actionsV2(), 3);
        _pay(eventKey);
        bytes memory data = abi.encodeCall(a.rollback, (address(home.actions)));
        bytes32 id = _agreed(home, address(a), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(
            abi.encodeWithSelector(Approvals.PointOfNoReturn.selector, START + 30 days, START + 30 days)
        );
        a.execute(id, address(a), data);
    }

    function test_ver_8_onlyTheLastUpgradeIsRolledBackAndOnlyOnce() public {
        bytes memory data = abi.encodeCall(a.rollback, (address(home.custody)));
        bytes memory refusal = abi.encodeWithSelector(Approvals.NothingToRollBack.selector, address(home.custody));
        bytes32 id = _agreed(home, address(a), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(refusal);
        a.execute(id, address(a), data);

        _upgrade(home, address(home.custody), _code(2 << 16), 4);
        _upgrade(home, address(home.custody), _code(3 << 16), 4);
        _rollBack(home, address(home.custody), 4);
        vm.assertEq(home.custody.versionTag(), 2 << 16, "the one before");
        vm.warp(block.timestamp + 1);
        id = _agreed(home, address(a), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(refusal);
        a.execute(id, address(a), data);
        _upgrade(home, address(home.custody), _code(4 << 16), 4);
        _rollBack(home, address(home.custody), 4);
        vm.assertEq(home.custody.versionTag(), 2 << 16, "after another upgrade");
    }

    function test_ver_8_whatDoesNotSayWhatItDidCannotGoBack() public {
        _upgrade(home, address(home.custody), _code(2 << 16), 4);
        // a version that does not answer
        vm.etch(Kernel(address(home.custody)).implementation(), hex"60006000fd");
        bytes memory data = abi.encodeCall(a.rollback, (address(home.custody)));
        bytes32 id = _agreed(home, address(a), data, 4);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotVersioned.selector, address(home.custody)));
        a.execute(id, address(a), data);
    }

    // ---------------------------------------------------------------- history

    /// `versionAt` against the log: random upgrades and rollbacks at random times, asked at random times.
    function testFuzz_ver_5_versionAtMatchesTheLog(uint256 seed) public {
        bytes32 first = Kernel(address(home.custody)).codeHash();
        _withoutNotice(UPGRADE);
        vm.recordLogs();
        uint256 steps = 1 + seed % 6;
        uint64[] memory times = new uint64[](steps);
        bool canGoBack = false;
        for (uint256 i = 0; i < steps; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            canGoBack = canGoBack && word >> 8 & 1 == 0;
            // sometimes in the very second of the one before; no two rollbacks are of one second
            vm.warp(block.timestamp + word % 3 * 1 days + (canGoBack ? 1 : 0));
            if (canGoBack) {
                _instantly(abi.encodeCall(a.rollback, (address(home.custody))), address(a));
            } else {
                _instantly(_upgradeData(_code(uint32(2 << 16) + uint32(i))), address(home.custody));
            }
            canGoBack = !canGoBack;
            times[i] = uint64(block.timestamp);
        }
        vm.warp(block.timestamp + 1 days);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 k = 0; k < 24; ++k) {
            uint256 asked = uint256(keccak256(abi.encode(seed, "time", k)));
            uint64 time = k < steps ? times[k] : uint64(START + asked % (block.timestamp - START + 1));
            if (k >= steps && k < 2 * steps) time = times[k - steps] - 1;
            _compare(logs, times, time, first);
        }
    }

    function _compare(Vm.Log[] memory logs, uint64[] memory times, uint64 time, bytes32 first) private view {
        (uint32 tag, bytes32 hash, address code) = a.versionAt(address(home.custody), time);
        (uint32 logged, bytes32 loggedHash) = _logged(logs, times, time, first);
        vm.assertEq(tag, logged, "tag");
        vm.assertEq(hash, loggedHash, "code");
        vm.assertEq(code.codehash, hash, "implementation");
    }

    /// What the log says: the last change of at most `time`, or the first version.
    function _logged(
        Vm.Log[] memory logs,
        uint64[] memory times,
        uint64 time,
        bytes32 first
    ) private view returns (uint32 tag, bytes32 hash) {
        (tag, hash) = (1 << 16, first);
        uint256 change = 0;
        uint32 before = tag;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != Kernel.VersionChanged.selector) continue;
            vm.assertEq(logs[i].emitter, address(home.custody), "on the very contract");
            (uint32 from, uint32 to, bytes32 code, ) = abi.decode(logs[i].data, (uint32, uint32, bytes32, uint8));
            vm.assertEq(from, before, "the log has no gap");
            before = to;
            if (times[change++] <= time) (tag, hash) = (to, code);
        }
        vm.assertEq(change, times.length, "each change is in the log");
    }

    /// Technical changes take effect in the second in which they are proposed, as if the network was set up so.
    function _withoutNotice(bytes4 selector) private {
        bytes32 slot = keccak256(abi.encode(selector, uint256(0)));
        vm.store(address(a), slot, bytes32(uint256(vm.load(address(a), slot)) & (type(uint256).max >> 32)));
        vm.assertEq(a.policyOf(selector).technical, 0, "no notice");
        vm.assertEq(a.policyOf(selector).economic, 30 days, "but for others");
    }

    function _instantly(bytes memory data, address to) private {
        bytes32 id = _agreed(home, to, data, 4);
        vm.prank(upgrader);
        a.execute(id, to, data);
    }

    function test_ver_5_theHistoryIsReadChangeByChange() public {
        address first = Kernel(address(home.custody)).implementation();
        address second = _code(2 << 16);
        _upgrade(home, address(home.custody), second, 1);
        uint64 upgradedAt = uint64(block.timestamp);
        _rollBack(home, address(home.custody), 2);
        uint256 change = a.changeOf(address(home.custody), 0);
        vm.assertEq(change, _change(first, 1 << 16, upgradedAt, 1, 0), "upgrade");
        change = a.changeOf(address(home.custody), 1);
        vm.assertEq(change, _change(second, 2 << 16, upgradedAt + 2 hours, 2, 1), "rollback");
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x32));
        a.changeOf(address(home.custody), 2);
        // the very second of a change has the version after it
        (uint32 tag, , ) = a.versionAt(address(home.custody), upgradedAt);
        vm.assertEq(tag, 2 << 16, "at the change");
        (tag, , ) = a.versionAt(address(home.custody), upgradedAt - 1);
        vm.assertEq(tag, 1 << 16, "before it");
        (tag, , ) = a.versionAt(address(home.gateway), upgradedAt);
        vm.assertEq(tag, 1 << 16, "a contract that never changed");
    }

    function _change(address code, uint32 tag, uint64 at, uint8 class, uint8 back) private pure returns (uint256) {
        return uint160(code) | uint256(tag) << 160 | uint256(at) << 192 | uint256(class) << 232 | uint256(back) << 240;
    }

    function test_ver_5_theFutureIsNotAnswered() public {
        uint64 next = uint64(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(Approvals.InTheFuture.selector, next));
        a.versionAt(address(home.custody), next);
        vm.warp(next);
        a.versionAt(address(home.custody), next);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NotVersioned.selector, stranger));
        a.versionAt(stranger, next);
    }

    // ---------------------------------------------------------------- policies

    function test_ctl_7_aPolicyIsReadAsItWasSet() public view {
        Approvals.Rule[] memory rules = _policies();
        for (uint256 i = 0; i < rules.length; ++i) {
            vm.assertEq(
                abi.encode(a.policyOf(rules[i].selector)), abi.encode(rules[i].policy), vm.toString(uint256(i))
            );
        }
        vm.assertEq(a.policyOf(0x12345678).threshold, 0, "no act");
    }

    function testFuzz_ctl_7_everyFieldOfAPolicyIsKept(Approvals.Policy memory policy, bytes4 selector) public {
        vm.assume(selector != Approvals.setPolicy.selector);
        policy.threshold = uint8(2 + policy.threshold % 3);
        policy.approvers |= 0x1e;
        policy.approvers &= ~uint32(1);
        policy.proposers |= 2;
        policy.proposers &= ~uint32(1);
        _setPolicy(selector, policy);
        vm.assertEq(abi.encode(a.policyOf(selector)), abi.encode(policy), "kept");
    }

    function test_ctl_7_aPolicyChangeIsAnActItself() public {
        Approvals.Policy memory policy = a.policyOf(Target.burn.selector);
        policy.threshold = 3;
        bytes memory data = abi.encodeCall(a.setPolicy, (Target.burn.selector, policy));
        address[3] memory callers = [admin, upgrader, stranger];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, callers[i]));
            a.setPolicy(Target.burn.selector, policy);
        }
        bytes32 id = _propose(home, Roles.UPGRADER, address(a), data, 0);
        _approve(home, Roles.ISSUER, id);
        _approve(home, Roles.CSD, id);
        uint256 readyAt = block.timestamp + 30 days;
        vm.expectRevert(abi.encodeWithSelector(Approvals.NoticeRuns.selector, id, readyAt));
        a.execute(id, address(a), data);
        vm.warp(readyAt);
        vm.startPrank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 2, 3));
        a.execute(id, address(a), data);
        vm.stopPrank();
        _approve(home, Roles.REGULATOR, id);
        vm.expectEmit(address(a));
        emit Approvals.PolicyChanged(Target.burn.selector, policy);
        vm.prank(upgrader);
        a.execute(id, address(a), data);
        vm.assertEq(a.policyOf(Target.burn.selector).threshold, 3, "changed");
    }

    function test_ctl_7_aStricterPolicyHoldsForActsThatWait() public {
        bytes memory data = _upgradeData(_code(2 << 16));
        Approvals.Policy memory policy = a.policyOf(UPGRADE);
        policy.threshold = 3;
        _setPolicy(UPGRADE, policy);
        policy.approvers ^= uint32(1 << Roles.CSD); // the CSD has a say no more
        bytes32 id = _propose(home, Roles.UPGRADER, address(home.custody), data, 3);
        _approve(home, Roles.ISSUER, id);
        _approve(home, Roles.CSD, id);
        _approve(home, Roles.REGULATOR, id);
        _setPolicy(UPGRADE, policy);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 2, 3));
        a.execute(id, address(home.custody), data);
        _approve(home, Roles.REGISTRAR, id);
        vm.prank(upgrader);
        a.execute(id, address(home.custody), data);
    }

    function test_ctl_12_noPolicyLetsOneDecideOrTheAdministratorTakePart() public {
        Approvals.Policy memory good = a.policyOf(Target.burn.selector);
        for (uint256 i = 0; i < 6; ++i) {
            Approvals.Policy memory bad = abi.decode(abi.encode(good), (Approvals.Policy));
            if (i == 0) bad.threshold = 0;
            if (i == 1) bad.threshold = 1;
            if (i == 2) bad.threshold = 6;
            if (i == 3) bad.proposers = 0;
            if (i == 4) bad.proposers |= 1;
            if (i == 5) bad.approvers |= 1;
            vm.prank(address(a));
            vm.expectRevert(abi.encodeWithSelector(Approvals.BadPolicy.selector, Target.burn.selector));
            a.setPolicy(Target.burn.selector, bad);
            Approvals.Rule[] memory rules = new Approvals.Rule[](1);
            rules[0] = Approvals.Rule(Target.burn.selector, bad);
            vm.expectRevert(abi.encodeWithSelector(Approvals.BadPolicy.selector, Target.burn.selector));
            new Approvals(address(home.manager), rules);
        }
        good.threshold = 5;
        vm.prank(address(a));
        a.setPolicy(Target.burn.selector, good);
    }

    function test_ctl_7_aPolicyWithFieldsThatDoNotFitIsRefused() public {
        for (uint256 field = 0; field < 8; ++field) {
            bytes memory data =
                abi.encodeCall(a.setPolicy, (Target.burn.selector, a.policyOf(Target.burn.selector)));
            // one bit above the field's 32
            data[4 + 32 + 32 * field + 27] = 0x01;
            vm.prank(address(a));
            (bool success, ) = address(a).call(data);
            vm.assertFalse(success, "too large");
        }
    }

    function _setPolicy(bytes4 selector, Approvals.Policy memory policy) private {
        bytes memory data = abi.encodeCall(a.setPolicy, (selector, policy));
        bytes32 id = _propose(home, Roles.UPGRADER, address(a), data, 0);
        _approve(home, Roles.ISSUER, id);
        _approve(home, Roles.CSD, id);
        _approve(home, Roles.REGULATOR, id);
        vm.warp(block.timestamp + 30 days);
        vm.prank(upgrader);
        a.execute(id, address(a), data);
    }

    // ---------------------------------------------------------------- a payment

    /// An event of one payee, published; ready to be paid after its payment date.
    function _published() private returns (bytes32 eventKey) {
        _issue(holderDe, 10);
        vm.prank(issuerAgent);
        home.actions.announce(_event());
        eventKey = bytes32(_event().officialEventId);
    }

    function _pay(bytes32 eventKey) private {
        PaymentLine[] memory lines = new PaymentLine[](1);
        lines[0] = PaymentLine(holderDe, 450, new bytes32[](0));
        bytes32 leaf = home.actions.leafOf(eventKey, holderDe, 450);
        vm.prank(payingAgent);
        home.actions.publishEntitlements(eventKey, leaf, 450, 1);
        vm.prank(cashIssuer);
        home.cash.mint(payingAgent, 450, "cash");
        vm.startPrank(payingAgent);
        home.cash.approve(address(home.actions), 450);
        home.actions.pay(eventKey, lines);
        vm.stopPrank();
    }
}
