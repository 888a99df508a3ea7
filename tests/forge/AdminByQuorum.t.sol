// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Approvals} from "../../contracts/access/Approvals.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {World} from "./World.sol";

/// Who holds a role is said by k of n roles where `Approvals` is the administrator of the AccessManager, as
/// a deployment outside of local networks sets it up (CTL-12).
contract AdminByQuorumTest is World {
    uint64 private constant ADMIN = 0;
    uint32 private constant NOTICE = 2 days;

    Approvals private a;
    AccessManager private manager;
    bytes private grant;
    bytes private revoke;

    function setUp() public {
        _setUpWorld();
        _on(home);
        (a, manager) = (home.approvals, home.manager);
        grant = abi.encodeCall(AccessManager.grantRole, (Roles.FREEZER, stranger, 0));
        revoke = abi.encodeCall(AccessManager.revokeRole, (Roles.FREEZER, freezer));
        uint32 proposers = uint32(1 << Roles.UPGRADER);
        uint32 approvers = uint32(1 << Roles.ISSUER | 1 << Roles.CSD | 1 << Roles.REGULATOR);
        _list(AccessManager.grantRole.selector, Approvals.Policy(2, proposers, approvers, NOTICE, 0, 0, 0, 0));
        _list(AccessManager.revokeRole.selector, Approvals.Policy(2, proposers, approvers, 0, 0, 0, 0, 0));
        vm.startPrank(admin);
        manager.grantRole(ADMIN, address(a), 0);
        manager.revokeRole(ADMIN, admin);
        vm.stopPrank();
    }

    function _list(bytes4 selector, Approvals.Policy memory policy) private {
        bytes memory data = abi.encodeCall(a.setPolicy, (selector, policy));
        bytes32 id = _propose(home, Roles.UPGRADER, address(a), data, 0);
        _approve(home, Roles.ISSUER, id);
        _approve(home, Roles.CSD, id);
        _approve(home, Roles.REGULATOR, id);
        vm.warp(block.timestamp + 30 days);
        vm.prank(upgrader);
        a.execute(id, address(a), data);
    }

    function _holds(uint64 role, address account) private view returns (bool member) {
        (member, ) = manager.hasRole(role, account);
    }

    function _noAdmin(address account) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessManager.AccessManagerUnauthorizedAccount.selector, account, ADMIN)
        );
    }

    function test_ctl_12_nobodyAloneSaysWhoHoldsARole() public {
        address[3] memory alone = [admin, upgrader, issuer];
        for (uint256 i = 0; i < 3; ++i) {
            _noAdmin(alone[i]);
            vm.prank(alone[i]);
            manager.grantRole(Roles.CSD, alone[i], 0);
            _noAdmin(alone[i]);
            vm.prank(alone[i]);
            manager.revokeRole(Roles.CSD, csd);
        }
    }

    function test_ctl_12_twoRolesGrantARoleAfterNotice() public {
        bytes32 id = _propose(home, Roles.UPGRADER, address(manager), grant, 0);
        _approve(home, Roles.ISSUER, id);
        vm.warp(block.timestamp + NOTICE);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(manager), grant);

        id = _propose(home, Roles.UPGRADER, address(manager), grant, 0);
        _approve(home, Roles.ISSUER, id);
        _approve(home, Roles.REGULATOR, id);
        vm.warp(block.timestamp + NOTICE - 1);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.NoticeRuns.selector, id, block.timestamp + 1));
        a.execute(id, address(manager), grant);
        vm.assertFalse(_holds(Roles.FREEZER, stranger), "not yet");
        vm.warp(block.timestamp + 1);
        vm.prank(upgrader);
        a.execute(id, address(manager), grant);
        vm.assertTrue(_holds(Roles.FREEZER, stranger), "granted");
    }

    function test_ctl_12_aRoleIsTakenFromAStolenKeyAtOnce() public {
        bytes32 id = _propose(home, Roles.UPGRADER, address(manager), revoke, 0);
        _approve(home, Roles.CSD, id);
        vm.prank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        a.execute(id, address(manager), revoke);
        _approve(home, Roles.ISSUER, id);
        vm.prank(relayer);
        a.execute(id, address(manager), revoke);
        vm.assertFalse(_holds(Roles.FREEZER, freezer), "revoked");
        vm.prank(freezer);
        vm.expectRevert();
        home.token.freeze(holderDe, true, "reason");
    }

    /// The list stays closed: what else an administrator may do, such as moving the admin of a role or
    /// closing the manager, the quorum cannot do before it has put that on the list.
    function test_ctl_12_otherPowersOfTheAdministratorAreNoActs() public {
        bytes[3] memory calls = [
            abi.encodeCall(AccessManager.setRoleAdmin, (Roles.CSD, Roles.UPGRADER)),
            abi.encodeCall(AccessManager.setTargetClosed, (address(manager), true)),
            abi.encodeCall(AccessManager.updateAuthority, (address(home.token), stranger))
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(upgrader);
            vm.expectRevert(abi.encodeWithSelector(Approvals.NotAnAct.selector, bytes4(calls[i])));
            a.propose(Roles.UPGRADER, address(manager), calls[i], 0, "reason");
        }
    }

    /// Where the deployer stayed the administrator, an act on roles fails as it is carried out.
    function test_ctl_12_anActOnRolesFailsWhereTheQuorumIsNotTheAdministrator() public {
        vm.prank(address(a));
        manager.renounceRole(ADMIN, address(a));
        bytes32 id = _propose(home, Roles.UPGRADER, address(manager), revoke, 0);
        _approve(home, Roles.CSD, id);
        _approve(home, Roles.ISSUER, id);
        _noAdmin(address(a));
        a.execute(id, address(manager), revoke);
        vm.assertTrue(_holds(Roles.FREEZER, freezer), "still held");
    }
}
