// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../../contracts/access/Interop.sol";
import {CustodyRegistry} from "../../contracts/registry/CustodyRegistry.sol";
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
