// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../../contracts/access/Interop.sol";
import {Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {CustodyRegistry} from "../../contracts/registry/CustodyRegistry.sol";
import {InstanceRegistry} from "../../contracts/registry/InstanceRegistry.sol";
import {World} from "./World.sol";

contract Harness {
    function parse(bytes calldata interop) external pure returns (uint256, bytes memory) {
        return Interop.parse(interop);
    }
}

contract RegistriesTest is World {
    Harness private harness = new Harness();

    function setUp() public {
        _setUpWorld();
        _on(home);
    }

    // ---------------------------------------------------------------- instances

    function test_id_1_anIsinHasItsCheckDigit() public view {
        bytes12[6] memory good =
            [bytes12("US0378331005"), "DE000PARI000", "GB0002634946", "AU0000XVGZA3", "FR0014ZZPPS9", "XS2021448886"];
        for (uint256 i = 0; i < good.length; ++i) {
            vm.assertTrue(home.instances.isValidIsin(good[i]), "valid");
            for (bytes1 digit = "0"; digit <= "9"; digit = bytes1(uint8(digit) + 1)) {
                bytes12 changed = bytes12((good[i] & ~bytes12(uint96(0xff))) | bytes12(uint96(uint8(digit))));
                if (changed != good[i]) vm.assertFalse(home.instances.isValidIsin(changed), "check digit");
            }
        }
        bytes12[7] memory bad =
            [bytes12(0), "us0378331005", "0S0378331005", "US037833100A", "US03783310 5", "US037833005", "U10378331005"];
        for (uint256 i = 0; i < bad.length; ++i) vm.assertFalse(home.instances.isValidIsin(bad[i]), "shape");
    }

    function test_id_1_aWrongIsinIsNotRegistered() public {
        vm.prank(tokenizer);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.InvalidIsin.selector, bytes12("US0378331006")));
        home.instances.registerSecurity("US0378331006", LEI, TERMS);
    }

    function test_oneIsinHasOneIssuerAndOneSetOfTerms() public {
        vm.startPrank(tokenizer);
        vm.assertEq(home.instances.registerSecurity(ISIN, LEI, TERMS), SECURITY, "again");
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.SecurityConflict.selector, ISIN, SECURITY));
        home.instances.registerSecurity(ISIN, LEI, keccak256("other terms"));
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.SecurityConflict.selector, ISIN, SECURITY));
        home.instances.registerSecurity(ISIN, "OTHER", TERMS);
        vm.stopPrank();
        (bytes12 isin, bytes20 lei, bytes32 terms) = home.instances.securityOf(SECURITY);
        vm.assertTrue(isin == ISIN && lei == LEI && terms == TERMS, "registered");
        vm.assertEq(home.instances.securityIdOf(ISIN), SECURITY, "by ISIN");
    }

    function test_oneInstanceALedgerIsTrusted() public {
        bytes memory token = _interop(peer, address(peer.token));
        vm.assertTrue(home.instances.isTrusted(SECURITY, peer.id, token), "trusted");
        vm.assertFalse(home.instances.isTrusted(SECURITY, home.id, token), "elsewhere");
        vm.assertFalse(home.instances.isTrusted(SECURITY, 5, ""), "none is not trusted");
        Instance memory next = _instance(peer);
        next.token = Interop.format(peer.id, stranger);
        vm.startPrank(tokenizer);
        home.instances.registerInstance(SECURITY, next);
        vm.assertFalse(home.instances.isTrusted(SECURITY, peer.id, token), "replaced");
        vm.assertEq(home.instances.ledgersOf(SECURITY).length, 2, "one a ledger");
        home.instances.revokeInstance(SECURITY, home.id);
        vm.assertEq(home.instances.ledgersOf(SECURITY)[0], peer.id, "the other stays");
        vm.assertEq(home.instances.instances(SECURITY)[0].token, next.token, "whole");
        home.instances.revokeInstance(SECURITY, peer.id);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.InstanceUnknown.selector, SECURITY, peer.id));
        home.instances.revokeInstance(SECURITY, peer.id);
        next.ledger = 5;
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.LedgerMismatch.selector, 5, peer.id));
        home.instances.registerInstance(SECURITY, next);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.SecurityUnknown.selector, bytes32("x")));
        home.instances.registerInstance("x", next);
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- ERC-7930

    function testFuzz_interoperableAddressesRoundTrip(uint256 chainId, address account) public view {
        vm.assume(chainId != 0);
        (uint256 ledger, bytes memory parsed) = harness.parse(Interop.format(chainId, account));
        vm.assertEq(ledger, chainId, "chain");
        vm.assertEq(parsed, abi.encodePacked(account), "account");
    }

    function test_interoperableAddressesOfTheStandardAreUnderstood() public view {
        // the standard's own example: Ethereum mainnet
        bytes memory mainnet = hex"00010000010114d8da6bf26964af9d7eed9e03e53415d37aa96045";
        vm.assertEq(Interop.format(1, 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045), mainnet, "mainnet");
        (uint256 ledger, bytes memory account) =
            harness.parse(abi.encodePacked(hex"0001b00c08", "register", uint8(4), "ABCD"));
        vm.assertEq(ledger, uint256(keccak256("book:register")) | (1 << 255), "book entry");
        vm.assertEq(account, "ABCD", "account");
    }

    function test_a16_malformedInteroperableAddressesAreRefused() public {
        bytes[8] memory bad = [
            bytes(""),
            hex"000200000101146b175474e89094c44da98b954eedeac495271d0f", // version
            hex"000100020101146b175474e89094c44da98b954eedeac495271d0f", // chain type
            hex"00010000020001146b175474e89094c44da98b954eedeac495271d0f", // leading zero: another writing of 1
            hex"000100000101136b175474e89094c44da98b954eedeac495271d", // 19 bytes
            hex"000100000101146b175474e89094c44da98b954eedeac495271d0f00", // trailing byte
            hex"000100000101146b175474e89094c44da98b954eedeac495271d", // cut
            hex"0001000000146b175474e89094c44da98b954eedeac495271d0f" // no chain
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Interop.MalformedAddress.selector, bad[i]));
            harness.parse(bad[i]);
        }
    }

    // ---------------------------------------------------------------- custody

    function test_ubo_3_onlyTheServicerOfAnAccountAttestsItsBreakdown() public {
        _issue(omnibus, 100);
        _issue(holderDe, 100);
        address[3] memory others = [omnibus, registrar, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            _attestRefused(others[i], omnibus, 10, abi.encodeWithSelector(
                CustodyRegistry.NotServicer.selector, omnibus, others[i]
            ));
        }
        _attestRefused(holderDe, holderDe, 10, abi.encodeWithSelector(
            CustodyRegistry.NotServicer.selector, holderDe, holderDe
        ));
        _attestRefused(custodian, holderDe, 10, abi.encodeWithSelector(
            CustodyRegistry.NotServicer.selector, holderDe, custodian
        ));
        _attest(10, START);
    }

    function test_ubo_4_noBreakdownIsAboveTheBalance() public {
        _issue(omnibus, 100);
        _attestRefused(custodian, omnibus, 101, abi.encodeWithSelector(
            CustodyRegistry.AboveBalance.selector, 101, 100
        ));
        _attest(100, START);
    }

    function test_aBreakdownIsStaleOnceUnitsLeave() public {
        _issue(omnibus, 100);
        _attest(90, START);
        vm.prank(omnibus);
        home.token.transfer(holderDe, 10);
        (uint64 asOf, bytes32 root, uint256 total, uint64 sequence, bool stale) =
            home.custody.breakdownOf(address(home.token), omnibus);
        vm.assertFalse(stale, "enough is left");
        vm.prank(omnibus);
        home.token.transfer(holderDe, 1);
        (asOf, root, total, sequence, stale) = home.custody.breakdownOf(address(home.token), omnibus);
        vm.assertTrue(stale, "stale");
        vm.assertTrue(asOf == START && root == "root" && total == 90 && sequence == 1, "as attested");
        vm.warp(START + 5);
        _attest(89, START + 4);
        (, , , sequence, stale) = home.custody.breakdownOf(address(home.token), omnibus);
        vm.assertEq(sequence, 2, "second");
        vm.assertFalse(stale, "fresh");
    }

    function test_statementsGoForwardInTimeButNotIntoTheFuture() public {
        _issue(omnibus, 100);
        vm.warp(START + 10);
        _attest(10, START + 10);
        vm.startPrank(custodian);
        vm.expectRevert(
            abi.encodeWithSelector(CustodyRegistry.BadAsOf.selector, START + 9, START + 10, START + 10)
        );
        home.custody.attestBreakdown(address(home.token), omnibus, START + 9, "root", 10);
        vm.expectRevert(
            abi.encodeWithSelector(CustodyRegistry.BadAsOf.selector, START + 11, START + 10, START + 10)
        );
        home.custody.attestBreakdown(address(home.token), omnibus, START + 11, "root", 10);
        vm.stopPrank();
    }

    function _attest(uint256 total, uint64 asOf) private {
        vm.prank(custodian);
        home.custody.attestBreakdown(address(home.token), omnibus, asOf, "root", total);
    }

    function _attestRefused(address caller, address account, uint256 total, bytes memory reason) private {
        vm.prank(caller);
        vm.expectRevert(reason);
        home.custody.attestBreakdown(address(home.token), account, START, "root", total);
    }
}
