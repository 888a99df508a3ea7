// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC1404} from "../../contracts/interfaces/IERC1404.sol";
import {IERC1643} from "../../contracts/interfaces/IERC1643.sol";
import {IERC3643} from "../../contracts/interfaces/IERC3643.sol";
import {IERC7943Fungible} from "../../contracts/interfaces/IERC7943.sol";
import {IPolicyEpoch} from "../../contracts/interfaces/IPolicyEpoch.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {ISecurityHalf} from "../../contracts/interfaces/ISecurityHalf.sol";
import {ISecurityToken} from "../../contracts/interfaces/ISecurityToken.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityTokenReadings} from "../../contracts/token/SecurityTokenReadings.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {TokenWorld} from "./TokenWorld.sol";
import {Vm} from "./Vm.sol";

/// What integrators expect of ERC-20, ERC-2612, ERC-165 and ERC-1643, whatever the rules of the security.
contract TokenStandardsTest is TokenWorld {
    ISecurity private token;
    uint256 private constant HELD = 100;
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    function setUp() public {
        _setUpTokens();
        token = home.token;
        _onboard(home, source, "source", GERMANY, PROFESSIONAL, address(0));
        _issue(source, HELD);
    }

    // ---------------------------------------------------------------- ERC-20

    function test_erc_20_startsWithItsNameAndWholeUnits() public view {
        vm.assertEq(token.name(), "Example Equity", "name");
        vm.assertEq(token.symbol(), "EXEQ", "symbol");
        vm.assertEq(token.decimals(), 0, "whole units");
        vm.assertEq(token.totalSupply(), HELD, "supply");
        vm.assertEq(token.balanceOf(source), HELD, "all of it");
        vm.assertEq(token.balanceOf(address(0)), 0, "the supply is nobody's");
    }

    function test_erc_20_aTransferMovesAndSaysSo() public {
        vm.recordLogs();
        vm.prank(source);
        vm.assertTrue(token.transfer(target, 40), "true");
        _onlyTransfer(source, target, 40);
        vm.assertEq(token.balanceOf(source), 60, "from");
        vm.assertEq(token.balanceOf(target), 40, "to");
        vm.assertEq(token.totalSupply(), HELD, "supply");
    }

    function test_erc_20_nothingAndEverythingCanBeTransferred() public {
        vm.recordLogs();
        vm.startPrank(source);
        token.transfer(target, 0);
        _onlyTransfer(source, target, 0);
        token.transfer(target, HELD);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(source), 0, "empty");
        // an account that holds nothing can transfer nothing, and that
        vm.prank(source);
        token.transfer(target, 0);
        vm.assertEq(_transfer(token, source, target, 1), 10, "no more");
    }

    function test_erc_20_aTransferToOneselfChangesNothing() public {
        vm.recordLogs();
        vm.prank(source);
        token.transfer(source, HELD);
        _onlyTransfer(source, source, HELD);
        vm.assertEq(token.balanceOf(source), HELD, "as before");
        vm.assertEq(token.totalSupply(), HELD, "supply");
        vm.assertEq(_transfer(token, source, source, HELD + 1), 10, "not more than is there");
        vm.prank(source);
        token.approve(source, 5);
        vm.prank(source);
        token.transferFrom(source, source, 5);
        vm.assertEq(token.allowance(source, source), 0, "an allowance to oneself is spent too");
        vm.assertEq(token.balanceOf(source), HELD, "as before");
    }

    function test_erc_20_nobodyIsNoRecipientAndNoSender() public {
        bytes memory receiver = abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0));
        vm.startPrank(source);
        token.approve(source, type(uint256).max);
        vm.expectRevert(receiver);
        token.transfer(address(0), 1);
        vm.expectRevert(receiver);
        token.transfer(address(0), 0);
        vm.expectRevert(receiver);
        token.transferFrom(source, address(0), 1);
        vm.expectRevert(receiver);
        token.batchTransfer(_one(address(0)), _one(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSender.selector, address(0)));
        token.transferFrom(address(0), source, 0);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSpender.selector, address(0)));
        token.approve(address(0), 1);
        vm.stopPrank();
        vm.startPrank(transferAgent);
        vm.expectRevert(receiver);
        token.mint(address(0), 1);
        vm.expectRevert(receiver);
        token.issue(address(0), 1, "x");
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSender.selector, address(0)));
        token.redeem(address(0), 1, "x");
        vm.stopPrank();
        vm.prank(address(home.bridge));
        vm.expectRevert(receiver);
        token.crosschainMint(address(0), 1);
        vm.prank(address(home.bridge));
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSender.selector, address(0)));
        token.crosschainBurn(address(0), 1);
        (, bytes memory answer) =
            _approved(address(token), abi.encodeCall(token.forcedTransfer, (source, address(0), 1)));
        vm.assertEq(answer, receiver, "nor by law");
        // nor by the way that a batch takes where no cached verdict counts
        _chill();
        vm.prank(source);
        vm.expectRevert(receiver);
        token.batchTransfer(_one(address(0)), _one(uint256(1)));
        vm.assertEq(token.totalSupply(), HELD, "supply");
    }

    function test_erc_20_approvalsAreSetNotAdded() public {
        vm.recordLogs();
        vm.startPrank(source);
        vm.assertTrue(token.approve(stranger, 7), "true");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, "one event");
        vm.assertEq(logs[0].topics[0], keccak256("Approval(address,address,uint256)"), "Approval");
        vm.assertEq(abi.decode(logs[0].data, (uint256)), 7, "value");
        token.approve(stranger, 3);
        vm.assertEq(token.allowance(source, stranger), 3, "set");
        token.approve(stranger, 0);
        vm.assertEq(token.allowance(source, stranger), 0, "taken back");
        vm.stopPrank();
        vm.assertEq(token.allowance(stranger, source), 0, "one way");
    }

    function test_erc_20_anAllowanceIsSpentAndAnInfiniteOneIsNot() public {
        vm.prank(source);
        token.approve(stranger, 10);
        vm.recordLogs();
        vm.prank(stranger);
        vm.assertTrue(token.transferFrom(source, target, 4), "true");
        _onlyTransfer(source, target, 4);
        vm.assertEq(token.allowance(source, stranger), 6, "spent");
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, stranger, 6, 7));
        token.transferFrom(source, target, 7);
        // what the rules refuse spends no allowance
        vm.prank(freezer);
        token.freeze(target, true, "x");
        vm.prank(stranger);
        vm.expectRevert();
        token.transferFrom(source, target, 1);
        vm.assertEq(token.allowance(source, stranger), 6, "unspent");
        vm.prank(freezer);
        token.freeze(target, false, "x");
        vm.prank(source);
        token.approve(stranger, type(uint256).max);
        vm.prank(stranger);
        token.transferFrom(source, target, 50);
        vm.assertEq(token.allowance(source, stranger), type(uint256).max, "infinite");
        // one's own units need an allowance too where they are moved by transferFrom
        vm.prank(target);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, target, 0, 1));
        token.transferFrom(target, source, 1);
    }

    function test_erc_20_hugeAmountsAreRefusedAndOverflowNothing() public {
        uint256[4] memory amounts =
            [uint256(type(uint64).max), uint256(type(uint64).max) + 1, type(uint128).max, type(uint256).max];
        for (uint256 i = 0; i < amounts.length; ++i) {
            vm.assertEq(_transfer(token, source, target, amounts[i]), 10, "more than there can be");
            vm.prank(address(home.bridge));
            (bool arrived, ) = address(token).call(abi.encodeCall(token.crosschainMint, (target, amounts[i])));
            vm.assertFalse(arrived, "the supply has an end");
            vm.prank(transferAgent);
            (bool issued, ) = address(token).call(abi.encodeCall(token.mint, (target, amounts[i])));
            vm.assertFalse(issued, "the limit has one before");
        }
        vm.prank(address(home.bridge));
        token.crosschainMint(target, type(uint64).max - HELD);
        vm.assertEq(token.totalSupply(), type(uint64).max, "as much as there can be");
        vm.assertEq(_transfer(token, target, source, type(uint64).max - HELD), 0, "all of it moves");
        vm.assertEq(token.balanceOf(source), type(uint64).max, "held by one");
    }

    function test_erc_20_aBatchIsAsManyTransfersOrNone() public {
        address[] memory to = new address[](4);
        (to[0], to[1], to[2], to[3]) = (target, source, holderDe, target);
        uint256[] memory amounts = new uint256[](4);
        (amounts[0], amounts[1], amounts[2], amounts[3]) = (10, 90, 0, 20);
        vm.recordLogs();
        vm.prank(source);
        token.batchTransfer(to, amounts);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 4, "one event each");
        for (uint256 i = 0; i < 4; ++i) _isTransfer(logs[i], source, to[i], amounts[i]);
        vm.assertEq(token.balanceOf(source), 70, "from");
        vm.assertEq(token.balanceOf(target), 30, "twice");
        amounts[3] = 71;
        vm.prank(source);
        vm.expectRevert();
        token.batchTransfer(to, amounts);
        vm.assertEq(token.balanceOf(target), 30, "none");
        vm.prank(source);
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.LengthMismatch.selector, 4, 1));
        token.batchTransfer(to, _one(uint256(1)));
        vm.prank(stranger);
        token.batchTransfer(new address[](0), new uint256[](0));
    }

    function testFuzz_erc_20_aBatchDoesWhatItsTransfersDo(uint8[6] calldata whom, uint8[6] calldata much) public {
        address[4] memory all = [source, target, holderDe, holderFr];
        address[] memory to = new address[](6);
        uint256[] memory amounts = new uint256[](6);
        for (uint256 i = 0; i < 6; ++i) (to[i], amounts[i]) = (all[whom[i] % 4], much[i] % 30);
        uint256 snapshot = vm.snapshotState();
        bool everyOne = true;
        for (uint256 i = 0; i < 6 && everyOne; ++i) everyOne = _transfer(token, source, to[i], amounts[i]) == 0;
        uint256[4] memory after_;
        for (uint256 i = 0; i < 4; ++i) after_[i] = token.balanceOf(all[i]);
        vm.revertToState(snapshot);
        vm.prank(source);
        (bool success, ) = address(token).call(abi.encodeCall(token.batchTransfer, (to, amounts)));
        vm.assertTrue(success == everyOne, "passes where they all do");
        if (!success) return;
        for (uint256 i = 0; i < 4; ++i) vm.assertEq(token.balanceOf(all[i]), after_[i], "the same balances");
    }

    function test_erc_20_issueAndRedemptionAreTransfersFromAndToNobody() public {
        vm.recordLogs();
        vm.prank(transferAgent);
        token.mint(target, 5);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _isTransfer(logs[0], address(0), target, 5);
        vm.prank(target);
        token.approve(transferAgent, 5);
        vm.prank(transferAgent);
        token.redeem(target, 5, "r");
        logs = vm.getRecordedLogs();
        _isTransfer(logs[1], target, address(0), 5);
        vm.assertEq(token.allowance(target, transferAgent), 0, "the allowance is spent");
    }

    // ---------------------------------------------------------------- ERC-2612

    function test_erc_2612_aPermitApprovesOnce() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(source, stranger, 5, 0, START);
        vm.recordLogs();
        token.permit(source, stranger, 5, START, v, r, s);
        vm.assertEq(vm.getRecordedLogs()[0].topics[0], keccak256("Approval(address,address,uint256)"), "Approval");
        vm.assertEq(token.allowance(source, stranger), 5, "allowance");
        vm.assertEq(token.nonces(source), 1, "nonce");
        vm.prank(stranger);
        token.transferFrom(source, target, 5);
        _permitFails(source, stranger, 5, START, v, r, s);
        vm.assertEq(token.allowance(source, stranger), 0, "no replay");
    }

    function test_erc_2612_aPermitEndsAfterItsLastSecond() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(source, stranger, 5, 0, START);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ERC2612ExpiredSignature.selector, START));
        token.permit(source, stranger, 5, START, v, r, s);
        vm.warp(START);
        token.permit(source, stranger, 5, START, v, r, s);
    }

    function test_erc_2612_onlyTheOwnersSignatureOfTheseVeryTermsCounts() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(source, stranger, 5, 0, START);
        _permitFails(source, stranger, 6, START, v, r, s);
        _permitFails(source, target, 5, START, v, r, s);
        _permitFails(target, stranger, 5, START, v, r, s);
        _permitFails(source, stranger, 5, START + 1, v, r, s);
        (uint8 v2, bytes32 r2, bytes32 s2) = vm.sign(keyOf[target], _permitDigest(token, source, stranger, 5, 0, START));
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ERC2612InvalidSigner.selector, target, source));
        token.permit(source, stranger, 5, START, v2, r2, s2);
        // a later nonce is not the turn of this one
        (v2, r2, s2) = _sign(source, stranger, 5, 1, START);
        _permitFails(source, stranger, 5, START, v2, r2, s2);
        // neither a malleable signature nor one of nobody
        bytes32 high = bytes32(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - uint256(s));
        vm.assertTrue(uint256(high) > HALF_ORDER, "the other root");
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ERC2612InvalidSigner.selector, address(0), source));
        token.permit(source, stranger, 5, START, v ^ 7, r, high);
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.ERC2612InvalidSigner.selector, address(0), address(0)));
        token.permit(address(0), stranger, 5, START, 0, r, s);
        vm.assertEq(token.nonces(source), 0, "nothing used up");
        token.permit(source, stranger, 5, START, v, r, s);
    }

    function test_erc_2612_aPermitIsForOneTokenOnOneChain() public {
        ISecurity twin = _security("DE000PARI018", false, false);
        (uint8 v, bytes32 r, bytes32 s) = _sign(source, stranger, 5, 0, START);
        vm.expectRevert();
        twin.permit(source, stranger, 5, START, v, r, s);
        vm.chainId(31009);
        _permitFails(source, stranger, 5, START, v, r, s);
        vm.chainId(home.id);
        token.permit(source, stranger, 5, START, v, r, s);
    }

    function test_erc_2612_erc_5267_theDomainFollowsTheName() public {
        (uint8 v, bytes32 r, bytes32 s) = _sign(source, stranger, 5, 0, START);
        bytes32 before = token.DOMAIN_SEPARATOR();
        vm.assertEq(before, _domain("Example Equity"), "by EIP-712");
        _mustApproved(token, abi.encodeCall(token.setName, ("Example Equity SE, of a name longer than one word holds")));
        _mustApproved(token, abi.encodeCall(token.setSymbol, ("EXSE")));
        vm.assertEq(token.symbol(), "EXSE", "symbol");
        (bytes1 fields, string memory name, string memory version, uint256 chain, address where, , ) =
            IERC5267(address(token)).eip712Domain();
        vm.assertEq(name, "Example Equity SE, of a name longer than one word holds", "name");
        vm.assertEq(bytes32(fields), bytes32(bytes1(0x0f)), "fields");
        vm.assertEq(version, "1", "version");
        vm.assertEq(chain, home.id, "chain");
        vm.assertEq(where, address(token), "contract");
        vm.assertEq(token.DOMAIN_SEPARATOR(), _domain(name), "follows");
        _permitFails(source, stranger, 5, START, v, r, s);
        (v, r, s) = _sign(source, stranger, 5, 0, START);
        token.permit(source, stranger, 5, START, v, r, s);
    }

    // ---------------------------------------------------------------- ERC-165

    function test_erc_165_theInterfacesAreThoseOfTheStandards() public view {
        _supports(type(IERC20).interfaceId, 0x36372b07, "ERC-20");
        _supports(type(IERC165).interfaceId, 0x01ffc9a7, "ERC-165");
        _supports(type(IERC20Permit).interfaceId, 0x9d8ff7da, "ERC-2612");
        _supports(type(IERC5267).interfaceId, 0x84b0196e, "ERC-5267");
        _supports(type(IERC1404).interfaceId, 0xab84a5c8, "ERC-1404");
        _supports(type(IERC1643).interfaceId, 0xecfecec8, "ERC-1643");
        _supports(type(IERC7802).interfaceId, 0x33331994, "ERC-7802");
        _supports(type(IERC7943Fungible).interfaceId, 0x3edbb4c4, "ERC-7943");
        _supports(type(IERC3643).interfaceId, 0xb97d944c, "ERC-3643");
        _supports(type(ISecurityToken).interfaceId, 0x4b306ad9, "ISecurityToken");
        _supports(type(IPolicyEpoch).interfaceId, 0x27901ab0, "IPolicyEpoch");
        vm.assertFalse(token.supportsInterface(0xffffffff), "none");
        vm.assertFalse(token.supportsInterface(type(ISecurityHalf).interfaceId), "its own parts are nobody's");
        vm.assertEq(bytes32(token.mainInterface()), bytes32(bytes4(0x36372b07)), "main");
    }

    // ---------------------------------------------------------------- ERC-1643

    function test_erc_1643_documentsAreKeptReplacedAndRemoved() public {
        vm.startPrank(issuerAgent);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenReadings.IncompleteDocument.selector, bytes32("a")));
        token.setDocument("a", "uri", 0);
        token.setDocument("a", "uri a", "hash a");
        token.setDocument("b", "uri b", "hash b");
        vm.warp(START + 5);
        token.setDocument("a", "uri a2", "hash a2");
        vm.assertEq(token.getAllDocuments().length, 2, "replaced, not added");
        (string memory uri, bytes32 hash, uint256 at) = token.getDocument("a");
        vm.assertEq(uri, "uri a2", "uri");
        vm.assertEq(hash, "hash a2", "hash");
        vm.assertEq(at, START + 5, "when");
        token.removeDocument("a");
        vm.assertEq(token.getAllDocuments().length, 1, "one left");
        vm.assertEq(token.getAllDocuments()[0], "b", "the other");
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenReadings.DocumentUnknown.selector, bytes32("a")));
        token.removeDocument("a");
        token.setDocument("c", "uri c", "hash c");
        token.removeDocument("c");
        vm.assertEq(token.getAllDocuments()[0], "b", "not the first of the list");
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- ERC-3643, ERC-1404, ERC-7943

    function test_erc_3643_whatIsFixedForLifeCannotBeSet() public {
        vm.assertEq(token.identityRegistry(), address(home.holders), "the register");
        vm.assertEq(token.compliance(), address(token), "its own rules");
        vm.assertEq(token.onchainID(), address(0), "no identity contract");
        vm.assertEq(token.version(), "1.0.0", "version");
        vm.startPrank(address(home.approvals));
        vm.expectRevert(SecurityTokenReadings.FixedForLife.selector);
        token.setIdentityRegistry(stranger);
        vm.expectRevert(SecurityTokenReadings.FixedForLife.selector);
        token.setCompliance(stranger);
        vm.expectRevert(SecurityTokenReadings.FixedForLife.selector);
        token.setOnchainID(stranger);
        vm.stopPrank();
    }

    function test_erc_1404_everyCodeHasATextOfItsOwn() public view {
        bytes32[23] memory seen;
        for (uint8 code = 0; code <= 22; ++code) {
            seen[code] = keccak256(bytes(token.messageForTransferRestriction(code)));
            for (uint8 i = 0; i < code; ++i) vm.assertFalse(seen[i] == seen[code], "distinct");
        }
        vm.assertEq(token.messageForTransferRestriction(22), "No such code.", "beyond the last");
        vm.assertEq(token.messageForTransferRestriction(255), "No such code.", "far beyond");
    }

    function testFuzz_ctl_3_erc_7943_canTransferAllowedAmountAndTheOutcomeAgree(uint8 seed, uint8 room, uint8 lot) public {
        ISecurity t = _security("DE000PARI018", true, false);
        _issueOn(t, source, 60);
        vm.startPrank(freezer);
        if (seed & 1 != 0) t.freezeUnits(source, seed % 50, "x");
        if (seed & 16 != 0) t.freeze(target, true, "x");
        vm.stopPrank();
        vm.startPrank(transferAgent);
        if (seed & 2 != 0) t.lock(source, 5, uint64(block.timestamp + 9), "x");
        vm.stopPrank();
        if (seed & 4 != 0) _mustApproved(t, abi.encodeCall(t.setHoldingCap, (uint64(room) % 80 + 1)));
        vm.startPrank(ruleManager);
        if (seed & 8 != 0) t.setMinimumLot(lot % 70, "x");
        vm.stopPrank();
        (uint256 most, uint8 next) = t.allowedAmount(source, target);
        if (most != 0) vm.assertTrue(t.canTransfer(source, target, most), "it may move");
        vm.assertEq(t.detectTransferRestriction(source, target, most + 1), next, "the code of the next larger one");
        vm.assertTrue(next != 0, "there is an end to it");
        for (uint256 units = most + 1; units < 64; ++units) {
            vm.assertFalse(t.canTransfer(source, target, units), "no more may");
        }
        uint256 tried = uint256(seed) * 7 % 64;
        uint8 code = t.detectTransferRestriction(source, target, tried);
        vm.assertEq(_transfer(t, source, target, tried), code, "the outcome is the prediction");
    }

    function test_ctl_3_howMuchMayArriveIsNotBoundedByWhatIsHereAlready() public {
        ISecurity t = _security("DE000PARI018", true, false);
        (uint256 most, uint8 next) = t.allowedAmount(address(0), target);
        vm.assertEq(most, 1_000_000, "the cap");
        vm.assertEq(next, 15, "and no more");
        vm.prank(address(home.bridge));
        t.crosschainMint(target, most);
        (most, next) = t.allowedAmount(address(0), target);
        vm.assertEq(most, 0, "nothing more");
        vm.assertEq(next, 15, "for the cap");
        (most, next) = t.allowedAmount(target, address(0));
        vm.assertEq(most, 1_000_000, "all may leave");
        vm.assertEq(next, 10, "and no more");
    }

    function test_ctl_3_howMuchMayMoveBetweenTheMinimumLotAndTheCap() public {
        ISecurity t = _security("DE000PARI018", true, false);
        _issueOn(t, source, 60);
        vm.prank(ruleManager);
        t.setMinimumLot(100, "x");
        (uint256 most, uint8 next) = t.allowedAmount(source, target);
        vm.assertEq(most, 60, "the whole balance, though it is less than a lot");
        vm.assertEq(next, 10, "and no more");
        _mustApproved(t, abi.encodeCall(t.setHoldingCap, (5)));
        vm.prank(ruleManager);
        t.setMinimumLot(2, "x");
        (most, next) = t.allowedAmount(source, target);
        vm.assertEq(most, 5, "from two to five");
        vm.assertEq(next, 15, "for the cap");
        vm.prank(ruleManager);
        t.setMinimumLot(6, "x");
        (most, next) = t.allowedAmount(source, target);
        vm.assertEq(most, 0, "no room for a lot");
        (most, next) = t.allowedAmount(address(0), target);
        vm.assertEq(most, 5, "what arrives knows no lot");
        vm.assertEq(next, 15, "for the cap");
        // the code is that of a single unit where no more is there
        _issueOn(t, other, 1);
        _issueOn(t, target, 5);
        (most, next) = t.allowedAmount(other, target);
        vm.assertEq(most, 0, "full");
        vm.assertEq(next, 15, "for the cap");
    }

    function test_erc_7943_canSendAndCanReceiveAskOneSide() public {
        vm.assertTrue(token.canSend(source) && token.canReceive(target), "may");
        vm.assertFalse(token.canSend(address(0)) || token.canReceive(address(0)), "nobody");
        vm.assertFalse(token.canTransfer(address(0), target, 0) || token.canTransfer(source, address(0), 0), "nobody");
        vm.assertFalse(token.canSend(stranger) || token.canReceive(stranger), "unknown");
        vm.prank(freezer);
        token.setFrozenTokens(source, HELD);
        vm.assertTrue(token.canSend(source), "its units are frozen, it is not");
        vm.assertEq(token.getFrozenTokens(source), HELD, "frozen");
    }

    // ---------------------------------------------------------------- what has no entry

    function test_ctl_1_thePartsOfMovementsAndUnknownFunctionsAreNoEntries() public {
        _refused(abi.encodeCall(ISecurityHalf.beforeMovement, (0, source, target, 1)), SecurityToken.Internal.selector);
        _refused(abi.encodeCall(ISecurityHalf.countHolders, (source, target, 1)), SecurityToken.Internal.selector);
        _refused(abi.encodeCall(ISecurityHalf.releaseLapsed, (source)), SecurityToken.Internal.selector);
        _refused(abi.encodeCall(ISecurityHalf.seize, (source, 1)), SecurityToken.Internal.selector);
        _refused(hex"12345678", Kernel.FunctionUnknown.selector);
        _refused("", Kernel.FunctionUnknown.selector);
        (bool success, ) = address(token).call{value: 1}("");
        vm.assertFalse(success, "no native value");
        _refused(abi.encodeCall(IPolicyEpoch.syncPolicyEpoch, (9)), SecurityToken.NotHolderRegistry.selector);
        // the registry tells the code, not the tokens
        vm.prank(address(home.holders));
        vm.expectRevert(abi.encodeWithSelector(SecurityToken.NotHolderRegistry.selector, address(home.holders)));
        IPolicyEpoch(address(token)).syncPolicyEpoch(9);
    }

    // ---------------------------------------------------------------- parts

    function _refused(bytes memory data, bytes4 selector) private {
        (bool success, bytes memory answer) = address(token).call(data);
        vm.assertFalse(success, "refused");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(selector), "why");
    }

    function _supports(bytes4 computed, bytes4 pinned, string memory what) private view {
        vm.assertEq(bytes32(computed), bytes32(pinned), what);
        vm.assertTrue(token.supportsInterface(pinned), what);
    }

    function _domain(string memory name) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                home.id,
                address(token)
            )
        );
    }

    function _sign(
        address owner,
        address spender,
        uint256 value,
        uint256 nonce,
        uint256 deadline
    ) private view returns (uint8 v, bytes32 r, bytes32 s) {
        return vm.sign(keyOf[owner], _permitDigest(token, owner, spender, value, nonce, deadline));
    }

    function _permitFails(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) private {
        (bool success, bytes memory answer) =
            address(token).call(abi.encodeCall(token.permit, (owner, spender, value, deadline, v, r, s)));
        vm.assertFalse(success, "no permit");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(SecurityToken.ERC2612InvalidSigner.selector), "not by the owner");
    }

    function _onlyTransfer(address from, address to, uint256 amount) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, "one event");
        _isTransfer(logs[0], from, to, amount);
    }

    function _isTransfer(Vm.Log memory log, address from, address to, uint256 amount) private pure {
        vm.assertEq(log.topics[0], keccak256("Transfer(address,address,uint256)"), "Transfer");
        vm.assertEq(log.topics[1], bytes32(uint256(uint160(from))), "from");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(to))), "to");
        vm.assertEq(abi.decode(log.data, (uint256)), amount, "value");
    }
}
