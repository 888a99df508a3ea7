// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityBase} from "../../contracts/token/SecurityBase.sol";
import {World} from "./World.sol";

/// I3: one code per reason, through every entry point, lowest code first.
contract TokenRulesTest is World {
    address internal source = _address("source");
    address internal target = _address("target");
    uint256 internal constant HELD = 100;
    uint8 internal constant SUCCESS = 0;

    enum Entry {
        TRANSFER,
        TRANSFER_FROM,
        ISSUE,
        CROSSCHAIN_MINT,
        MOVE,
        REDEEM
    }

    function setUp() public {
        _setUpWorld();
        _on(home);
        _onboard(home, source, "source", GERMANY, RETAIL, address(0));
        _onboard(home, target, "target", FRANCE, RETAIL, address(0));
        _issue(source, HELD);
        vm.prank(source);
        home.token.approve(stranger, type(uint256).max);
        vm.prank(source);
        home.token.approve(transferAgent, type(uint256).max);
    }

    function test_everyCodeThroughEveryEntryPoint() public {
        for (uint8 code = 0; code <= 10; ++code) {
            for (uint8 e = 0; e <= uint8(Entry.REDEEM); ++e) {
                uint256 snapshot = vm.snapshotState();
                uint256 amount = _arrange(code);
                bool[2] memory sides = _sides(Entry(e));
                // holders may redeem while a security is paused
                bool spared = code == 1 && Entry(e) == Entry.REDEEM;
                uint8 expected = _applies(code, sides) && !spared ? code : SUCCESS;
                string memory what = string.concat("code ", vm.toString(code), " entry ", vm.toString(e));
                uint8 asked = home.token.restrictionOf(
                    [0, 0, 1, 4, 3, 2][e], sides[0] ? source : address(0), sides[1] ? target : address(0), amount
                );
                vm.assertEq(asked, expected, string.concat("asked: ", what));
                vm.assertEq(_try(Entry(e), amount), expected, string.concat("done: ", what));
                vm.revertToState(snapshot);
            }
        }
    }

    function testFuzz_ofSeveralReasonsTheLowestCodeIsGiven(uint16 reasons) public {
        uint256 amount = 1;
        uint8 lowest = 0;
        for (uint8 code = 10; code > 0; --code) {
            if (reasons & (1 << code) == 0) continue;
            // unknown accounts have no status, country or class of their own
            if ((code == 2 || code == 5) && reasons & 0x0348 != 0) continue;
            uint256 given = _arrange(code);
            if (given > amount) amount = given;
            lowest = code;
        }
        vm.assertEq(home.token.detectTransferRestriction(source, target, amount), lowest, "asked");
        vm.assertEq(_try(Entry.TRANSFER, amount), lowest, "transfer");
        vm.assertEq(_try(Entry.TRANSFER_FROM, amount), lowest, "transferFrom");
    }

    function test_aRegistrationHoldsUpToItsLastSecond() public {
        vm.prank(registrar);
        home.holders.onboard(
            target, _commitment("target"), FRANCE, RETAIL, uint32(START + 10), address(0), false, ""
        );
        vm.warp(START + 10);
        vm.assertEq(home.token.detectTransferRestriction(source, target, 1), 0, "last second");
        vm.warp(START + 11);
        vm.assertEq(home.token.detectTransferRestriction(source, target, 1), 6, "a second later");
    }

    function test_countriesAboveAWordOfTheBitmapAreTheirOwn() public view {
        // 20, 276 and 532 are the same bit of different words
        vm.assertTrue(home.token.isCountryAllowed(276), "276");
        vm.assertFalse(home.token.isCountryAllowed(20), "20");
        vm.assertFalse(home.token.isCountryAllowed(532), "532");
        vm.assertFalse(home.token.isClassAllowed(0), "class 0");
        vm.assertFalse(home.token.isClassAllowed(255), "class 255");
    }

    function test_permitApprovesOnceAndOnlyBySignatureOfTheOwner() public {
        uint256 key = 0xA11CE;
        address owner = vm.addr(key);
        bytes32 typehash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 hash = keccak256(abi.encode(typehash, owner, stranger, 5, 0, START));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", home.token.DOMAIN_SEPARATOR(), hash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        home.token.permit(owner, stranger, 5, START, v, r, s);
        vm.assertEq(home.token.allowance(owner, stranger), 5, "allowance");
        vm.expectRevert();
        home.token.permit(owner, stranger, 5, START, v, r, s);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ERC2612ExpiredSignature.selector, START));
        home.token.permit(owner, stranger, 5, START, v, r, s);
    }

    function test_iss_1_issuesWithinTheLimitOncePerReferenceAtHomeOnly() public {
        vm.startPrank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.AboveIssueLimit.selector, 1_000_001, 1_000_000));
        home.token.issue(source, 1_000_001 - HELD, "a");
        home.token.issue(source, 1_000_000 - HELD, "a");
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ReferenceUsed.selector, bytes32("a")));
        home.token.issue(source, 1, "a");
        home.token.redeem(source, 10, "b");
        vm.assertEq(home.token.issuedTotal(), 999_990, "redeemed units may be issued again");
        vm.stopPrank();
        _on(peer);
        vm.prank(transferAgent);
        vm.expectRevert(SecurityToken.NotHome.selector);
        peer.token.issue(holderDe, 1, "a");
    }

    function test_i8_nobodyRedeemsWithoutTheOwnersAllowance() public {
        vm.prank(source);
        home.token.approve(transferAgent, 3);
        vm.prank(transferAgent);
        vm.expectRevert();
        home.token.redeem(source, 4, "x");
    }

    function test_transfersToNobodyAreNoRedemptions() public {
        vm.prank(source);
        vm.expectRevert();
        home.token.transfer(address(0), 1);
        vm.assertEq(home.token.totalSupply(), HELD, "supply");
    }

    function test_onlyTheBridgeMintsAndBurnsAcrossLedgers() public {
        vm.startPrank(transferAgent);
        bytes memory refusal = abi.encodeWithSelector(SecurityToken.NotBridge.selector, transferAgent);
        vm.expectRevert(refusal);
        home.token.crosschainMint(source, 1);
        vm.expectRevert(refusal);
        home.token.crosschainMintAt(source, 1, START);
        vm.expectRevert(refusal);
        home.token.crosschainBurn(source, 1);
    }

    // ---------------------------------------------------------------- parts

    /// Make `code` apply to a movement from `source` to `target`; returns its amount.
    function _arrange(uint8 code) private returns (uint256 amount) {
        amount = 1;
        if (code == 1) {
            vm.prank(pauser);
            home.token.pause("x");
        } else if (code == 2) {
            _forget(source);
        } else if (code == 3) {
            vm.prank(registrar);
            home.holders.setStatus(source, false, "x");
        } else if (code == 4) {
            vm.prank(freezer);
            home.token.freeze(source, true, "x");
        } else if (code == 5) {
            _forget(target);
        } else if (code == 6) {
            vm.prank(registrar);
            home.holders.setStatus(target, false, "x");
        } else if (code == 7) {
            vm.prank(freezer);
            home.token.freeze(target, true, "x");
        } else if (code == 8) {
            _country(UNITED_STATES);
        } else if (code == 9) {
            _class(EXCLUDED_CLASS);
        } else if (code == 10) {
            amount = HELD + 1;
        }
    }

    function _country(uint16 country) private {
        uint8 class = home.holders.recordOf(target).investorClass;
        _onboard(home, target, "target", country, class, address(0));
    }

    function _class(uint8 class) private {
        uint16 country = home.holders.recordOf(target).country;
        _onboard(home, target, "target", country, class, address(0));
    }

    /// Wipe an account's record, as if it had never been onboarded.
    function _forget(address account) private {
        bytes32 slot = keccak256(abi.encode(account, _holderStorage()));
        vm.store(address(home.holders), slot, 0);
        // the registry itself forgets nobody; where it worsens a verdict, it tells those who cache it
        vm.prank(address(home.holders));
        home.code.syncPolicyEpoch(0);
    }

    function _holderStorage() private pure returns (bytes32) {
        return keccak256(abi.encode(uint256(keccak256("paripassu.storage.HolderRegistry")) - 1))
            & ~bytes32(uint256(0xff));
    }

    function _sides(Entry entry) private pure returns (bool[2] memory) {
        bool mints = entry == Entry.ISSUE || entry == Entry.CROSSCHAIN_MINT;
        bool burns = entry == Entry.MOVE || entry == Entry.REDEEM;
        return [!mints, !burns];
    }

    function _applies(uint8 code, bool[2] memory sides) private pure returns (bool) {
        if (code == 1) return true;
        return code <= 4 || code == 10 ? sides[0] : sides[1];
    }

    /// Do it; returns the code of the refusal, 0 for success. Any other failure fails the test.
    function _try(Entry entry, uint256 amount) private returns (uint8) {
        address caller = source;
        address callee = address(home.token);
        bytes memory data;
        if (entry == Entry.TRANSFER) {
            data = abi.encodeCall(home.token.transfer, (target, amount));
        } else if (entry == Entry.TRANSFER_FROM) {
            caller = stranger;
            data = abi.encodeCall(home.token.transferFrom, (source, target, amount));
        } else if (entry == Entry.ISSUE) {
            caller = transferAgent;
            data = abi.encodeCall(home.token.issue, (target, amount, "ref"));
        } else if (entry == Entry.CROSSCHAIN_MINT) {
            caller = address(home.bridge);
            data = abi.encodeCall(home.token.crosschainMintAt, (target, amount, START));
        } else if (entry == Entry.MOVE) {
            callee = address(home.bridge);
            data = abi.encodeCall(
                home.bridge.move, (address(home.token), peer.id, abi.encodePacked(target), amount)
            );
        } else {
            caller = transferAgent;
            if (amount > HELD) {
                // more than was ever issued cannot be redeemed at all; let other units exist
                vm.prank(registrar);
                home.holders.setStatus(holderDe, true, "x");
                vm.prank(transferAgent);
                home.token.issue(holderDe, HELD, "other");
            }
            data = abi.encodeCall(home.token.redeem, (source, amount, "ref"));
        }
        vm.prank(caller);
        (bool success, bytes memory result) = callee.call(data);
        if (success) return SUCCESS;
        vm.assertEq(
            bytes32(bytes4(result)), bytes32(SecurityBase.TransferRestricted.selector), "refused by the rules alone"
        );
        uint256 code;
        assembly {
            code := mload(add(result, 36))
        }
        return uint8(code);
    }
}
