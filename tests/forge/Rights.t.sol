// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Approvals} from "../../contracts/access/Approvals.sol";
import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {HyperlaneTransport} from "../../contracts/bridge/transports/HyperlaneTransport.sol";
import {World} from "./World.sol";

/// Which role may call what: the whole table, tried with every role on every function (CTL-5, CTL-12).
/// `tests/unit/test_rights_table.py` compares the rows with the contracts: none is missing.
contract RightsTest is World {
    struct Row {
        address target;
        string signature;
        uint64 role;
    }

    uint64 private constant APPROVED = 0;

    Row[] private rows;

    function setUp() public {
        _setUpWorld();
        _on(home);
        _rows();
    }

    // ---------------------------------------------------------------- the table

    function _row(address target, string memory signature, uint64 role) private {
        rows.push(Row(target, signature, role));
    }

    function _rows() private {
        address a = address(home.holders);
        _row(a, "onboard(address,bytes32,uint16,uint8,uint32,address,bool,bytes)", Roles.REGISTRAR);
        _row(
            a, "onboardBatch((address,bytes32,uint16,uint8,uint32,address,bool,bytes)[])", Roles.REGISTRAR
        );
        _row(a, "setStatus(address,bool,bytes32)", Roles.REGISTRAR);
        _row(a, "setSanctioned(address,bool,bytes32)", Roles.REGULATOR);
        _row(a, "rotate(address,address,bytes32,bytes,bytes)", Roles.REGISTRAR);
        _row(a, "recover(address,address,bytes32,bytes)", APPROVED);
        _row(a, "addSubscriber(address)", Roles.TOKENIZER);
        _row(a, "removeSubscriber(address)", Roles.TOKENIZER);

        a = address(home.instances);
        _row(a, "registerSecurity(bytes12,bytes20,bytes32)", Roles.TOKENIZER);
        _row(a, "registerInstances(bytes32,(uint256,bytes,bytes32,uint32,bool,bytes9)[])", Roles.TOKENIZER);
        _row(a, "revokeInstance(bytes32,uint256)", Roles.TOKENIZER);
        _row(a, "setCompatibility(uint32,uint32,uint8)", Roles.TOKENIZER);

        _row(address(home.gateway), "appoint((address,bytes32)[],uint8)", Roles.BRIDGE_OPERATOR);
        _row(address(home.gateway), "rotate((address,bytes32)[],uint8)", APPROVED);
        _row(address(home.gateway), "setLane(uint256,uint8,address,bytes)", Roles.BRIDGE_OPERATOR);
        _row(address(home.gateway), "setTransport(uint256,uint8[],address)", APPROVED);
        _row(address(home.gateway), "stopLane(uint256,uint8,bytes32)", Roles.PAUSER);
        _row(address(home.gateway), "resumeLane(uint256,uint8,bytes32)", Roles.UNPAUSER);
        _row(address(home.bridge), "setArrivalCap(bytes32,uint256,uint64,uint32)", Roles.BRIDGE_OPERATOR);
        _row(address(home.bridge), "approveArrival(bytes32)", APPROVED);

        a = _transport();
        _row(a, "setMailbox(address,address)", APPROVED);
        _row(a, "setPeer((uint256,uint32,address))", APPROVED);

        _row(address(home.quotas), "movePlaces(address,uint256,uint32)", Roles.TRANSFER_AGENT);

        a = address(home.actions);
        _row(a, "setCash(bytes3,address)", Roles.ISSUER_AGENT);
        _row(
            a,
            "announce((bytes16,bytes32,bytes4,bytes4,uint32,uint32,uint32,uint32,uint64,uint128,uint128,bytes3,uint8,bytes32))",
            Roles.ISSUER_AGENT
        );
        _row(a, "publishEntitlements(bytes32,bytes32,uint256,uint32)", Roles.PAYING_AGENT);
        _row(a, "pay(bytes32,(address,uint256,bytes32[])[])", Roles.PAYING_AGENT);

        _row(address(home.cash), "mint(address,uint256,bytes32)", Roles.CASH_ISSUER);

        a = address(home.token);
        _row(a, "issue(address,uint256,bytes32)", Roles.TRANSFER_AGENT);
        _row(a, "mint(address,uint256)", Roles.TRANSFER_AGENT);
        _row(a, "batchMint(address[],uint256[])", Roles.TRANSFER_AGENT);
        _row(a, "redeem(address,uint256,bytes32)", Roles.TRANSFER_AGENT);
        _row(a, "lock(address,uint64,uint64,bytes32)", Roles.TRANSFER_AGENT);
        _row(a, "forcedTransfer(address,address,uint256)", APPROVED);
        _row(a, "batchForcedTransfer(address[],address[],uint256[])", APPROVED);
        _row(a, "burn(address,uint256)", APPROVED);
        _row(a, "batchBurn(address[],uint256[])", APPROVED);
        _row(a, "cancel(address,uint256,bytes32)", APPROVED);
        _row(a, "freeze(address,bool,bytes32)", Roles.FREEZER);
        _row(a, "setAddressFrozen(address,bool)", Roles.FREEZER);
        _row(a, "batchSetAddressFrozen(address[],bool[])", Roles.FREEZER);
        _row(a, "freezeUnits(address,uint256,bytes32)", Roles.FREEZER);
        _row(a, "setFrozenTokens(address,uint256)", Roles.FREEZER);
        _row(a, "freezePartialTokens(address,uint256)", Roles.FREEZER);
        _row(a, "unfreezePartialTokens(address,uint256)", Roles.FREEZER);
        _row(a, "batchFreezePartialTokens(address[],uint256[])", Roles.FREEZER);
        _row(a, "batchUnfreezePartialTokens(address[],uint256[])", Roles.FREEZER);
        _row(a, "pause()", Roles.PAUSER);
        _row(a, "pause(bytes32)", Roles.PAUSER);
        _row(a, "emergencyStop(uint64,bytes32)", Roles.PAUSER);
        _row(a, "pauseClasses(uint32,bytes32)", Roles.PAUSER);
        _row(a, "unpause()", Roles.UNPAUSER);
        _row(a, "unpause(bytes32)", Roles.UNPAUSER);
        _row(a, "unpauseClasses(uint32,bytes32)", Roles.UNPAUSER);
        _row(a, "setCountries(uint16[],bool,bytes32)", Roles.RULE_MANAGER);
        _row(a, "setClasses(uint32,bytes32)", Roles.RULE_MANAGER);
        _row(a, "setMinimumLot(uint64,bytes32)", Roles.RULE_MANAGER);
        _row(a, "setBlackouts((uint64,uint64)[],bytes32)", Roles.RULE_MANAGER);
        _row(a, "setModules(address[],bytes32)", Roles.RULE_MANAGER);
        _row(a, "setHoldingCap(uint64)", APPROVED);
        _row(a, "setHolderLimit(uint32)", APPROVED);
        _row(a, "setName(string)", APPROVED);
        _row(a, "setSymbol(string)", APPROVED);
        _row(a, "setIssueLimit(uint64)", APPROVED);
        _row(a, "amendTerms(bytes32)", APPROVED);
        _row(a, "setDocument(bytes32,string,bytes32)", Roles.ISSUER_AGENT);
        _row(a, "removeDocument(bytes32)", Roles.ISSUER_AGENT);

        _row(address(home.approvals), "rollback(address)", APPROVED);
        _row(
            address(home.approvals),
            "setPolicy(bytes4,(uint8,uint32,uint32,uint32,uint32,uint32,uint32,uint32))",
            APPROVED
        );
        address[7] memory proxies = [
            address(home.instances),
            address(home.custody),
            address(home.gateway),
            address(home.bridge),
            address(home.quotas),
            address(home.actions),
            address(home.cash)
        ];
        for (uint256 i = 0; i < proxies.length; ++i) _row(proxies[i], "upgradeToAndCall(address,bytes)", APPROVED);
        // the token's own, which keeps the implementation in its hot slot as well
        _row(address(home.token), "upgradeToAndCall(address,bytes)", APPROVED);
    }

    function _transport() private returns (address) {
        return address(
            new HyperlaneTransport(
                address(home.manager),
                address(home.approvals),
                address(home.kernel),
                address(home.gateway),
                address(home.gateway),
                address(0),
                new HyperlaneTransport.Peer[](0)
            )
        );
    }

    // ---------------------------------------------------------------- who may

    function test_ctl_12_eachRoleCanDoExactlyItsFunctions() public {
        for (uint256 i = 0; i < rows.length; ++i) {
            Row memory row = rows[i];
            for (uint64 role = Roles.ISSUER; role <= Roles.RULE_MANAGER; ++role) {
                if (role == row.role) _admits(row, holderOf[role]);
                else _refuses(row, holderOf[role]);
            }
        }
    }

    function test_ctl_12_theAdministratorAndStrangersCanDoNothing() public {
        for (uint256 i = 0; i < rows.length; ++i) {
            _refuses(rows[i], admin);
            _refuses(rows[i], stranger);
            _refuses(rows[i], address(home.manager));
            if (rows[i].role == APPROVED) _admits(rows[i], address(home.approvals));
            else _refuses(rows[i], address(home.approvals));
        }
    }

    function test_ctl_12_theAdministratorOpensNoFunctionToAnotherRole() public {
        bytes4[] memory selectors = new bytes4[](1);
        for (uint256 i = 0; i < rows.length; ++i) {
            selectors[0] = bytes4(keccak256(bytes(rows[i].signature)));
            vm.startPrank(admin);
            home.manager.setTargetFunctionRole(rows[i].target, selectors, Roles.GUARANTOR);
            home.manager.setTargetFunctionRole(rows[i].target, selectors, type(uint64).max);
            // nor does the manager act for its administrator
            (bool success, bytes memory answer) = address(home.manager).call(
                abi.encodeCall(home.manager.execute, (rows[i].target, _call(rows[i])))
            );
            vm.stopPrank();
            vm.assertFalse(success, rows[i].signature);
            vm.assertEq(answer, _refusal(rows[i], address(home.manager)), rows[i].signature);
            _refuses(rows[i], guarantor);
            _refuses(rows[i], stranger);
        }
    }

    function test_ctl_12_aRoleWithDelayOrNotYetGrantedCanDoNothing() public {
        vm.startPrank(admin);
        home.manager.grantRole(Roles.TRANSFER_AGENT, stranger, 1);
        home.manager.setGrantDelay(Roles.FREEZER, 1 hours);
        vm.warp(block.timestamp + 10 days);
        home.manager.grantRole(Roles.FREEZER, stranger, 0);
        vm.stopPrank();
        for (uint256 i = 0; i < rows.length; ++i) _refuses(rows[i], stranger);
        vm.warp(block.timestamp + 1 hours);
        for (uint256 i = 0; i < rows.length; ++i) {
            if (rows[i].role == Roles.FREEZER) _admits(rows[i], stranger);
            else _refuses(rows[i], stranger);
        }
    }

    function test_ctl_12_aRevokedRoleCanDoNothing() public {
        vm.startPrank(admin);
        for (uint64 role = Roles.ISSUER; role <= Roles.RULE_MANAGER; ++role) {
            home.manager.revokeRole(role, holderOf[role]);
        }
        vm.stopPrank();
        for (uint256 i = 0; i < rows.length; ++i) {
            if (rows[i].role != APPROVED) _refuses(rows[i], holderOf[rows[i].role]);
        }
    }

    function test_ctl_7_everyApprovedFunctionIsAnActAndNoOtherIs() public view {
        for (uint256 i = 0; i < rows.length; ++i) {
            Approvals.Policy memory policy = home.approvals.policyOf(bytes4(keccak256(bytes(rows[i].signature))));
            vm.assertTrue((policy.threshold >= 2) == (rows[i].role == APPROVED), rows[i].signature);
        }
    }

    // ---------------------------------------------------------------- between contracts

    function test_ctl_12_whatContractsAskOfEachOtherNoRoleCanAsk() public {
        string[14] memory calls = [
            "crosschainMint(address,uint256)",
            "crosschainMintAt(address,uint256,uint64)",
            "crosschainBurn(address,uint256)",
            "armRecordTime(uint64)",
            "blockForCorporateAction(address,uint256)",
            "releaseQuota(address,uint64)",
            "grantQuota(address,uint192,uint64)",
            "releasePlaces(uint32)",
            "grantPlaces(uint32)",
            "syncPolicyEpoch(uint32)",
            "receiveMessage(bytes32,bytes,bytes)",
            "receiveMessage(bytes32,bytes,bytes)",
            "receiveMessage(bytes32,bytes,bytes)",
            "receiveMessage(bytes32,bytes,bytes)"
        ];
        string[14] memory refusals = [
            "NotBridge(address)",
            "NotBridge(address)",
            "NotBridge(address)",
            "NotCorporateActions(address)",
            "NotCorporateActions(address)",
            "NotQuotas(address)",
            "NotQuotas(address)",
            "NotQuotas(address)",
            "NotQuotas(address)",
            "NotHolderRegistry(address)",
            "NotGateway(address)",
            "NotGateway(address)",
            "NotGateway(address)",
            "NotGateway(address)"
        ];
        address[4] memory applications =
            [address(home.bridge), address(home.actions), address(home.holders), address(home.quotas)];
        for (uint256 i = 0; i < calls.length; ++i) {
            Row memory row = Row(i < 10 ? address(home.token) : applications[i - 10], calls[i], APPROVED);
            for (uint64 role = 0; role <= Roles.RULE_MANAGER; ++role) {
                address caller = role == 0 ? admin : holderOf[role];
                bytes memory refusal = abi.encodeWithSignature(refusals[i], caller);
                (bool success, bytes memory answer) = _try(row, caller);
                vm.assertFalse(success, calls[i]);
                vm.assertEq(answer, refusal, calls[i]);
            }
        }
    }

    // ---------------------------------------------------------------- parts

    /// Arguments of zeros: lists and texts of them are empty.
    function _call(Row memory row) private pure returns (bytes memory) {
        return abi.encodePacked(bytes4(keccak256(bytes(row.signature))), new bytes(1024));
    }

    function _refusal(Row memory row, address caller) private pure returns (bytes memory) {
        return row.role == APPROVED
            ? abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, caller)
            : abi.encodeWithSelector(Authorised.Unauthorised.selector, caller, row.role);
    }

    /// Call without a trace.
    function _try(Row memory row, address caller) private returns (bool success, bytes memory answer) {
        uint256 snapshot = vm.snapshotState();
        vm.prank(caller);
        (success, answer) = row.target.call(_call(row));
        vm.revertToState(snapshot);
    }

    function _refuses(Row memory row, address caller) private {
        (bool success, bytes memory answer) = _try(row, caller);
        vm.assertFalse(success, row.signature);
        vm.assertEq(answer, _refusal(row, caller), row.signature);
    }

    /// Whatever happens to arguments of zeros, it is not for the caller's lack of a right.
    function _admits(Row memory row, address caller) private {
        (bool success, bytes memory answer) = _try(row, caller);
        if (success) return;
        // that the function is there, and takes such arguments, is shown by those it refuses
        bytes4 reason = bytes4(answer);
        vm.assertTrue(
            reason != Authorised.Unauthorised.selector && reason != Authorised.ApprovalNeeded.selector, row.signature
        );
    }
}
