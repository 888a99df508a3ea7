// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {HolderRecord, IHolderRegistry} from "../../contracts/interfaces/IHolderRegistry.sol";
import {IPolicyEpoch} from "../../contracts/interfaces/IPolicyEpoch.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {HolderRegistry, Onboarding} from "../../contracts/registry/HolderRegistry.sol";
import {SecurityBase, TokenInit} from "../../contracts/token/SecurityBase.sol";
import {World} from "./World.sol";
import {Vm} from "./Vm.sol";

/// Caches nothing, but remembers what it was told.
contract Subscriber is IPolicyEpoch {
    uint32 public epoch = 77;
    uint256 public calls;
    bool public broken;

    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function syncPolicyEpoch(uint32 epoch_) external {
        require(!broken, "broken");
        epoch = epoch_;
        ++calls;
    }
}

/// An account that is a contract: good is what it was told to take for good.
contract Wallet {
    bytes32 private good;
    bytes private answer;

    function take(bytes32 digest, bytes calldata proof, bytes calldata answer_) external {
        (good, answer) = (keccak256(abi.encode(digest, proof)), answer_);
    }

    function isValidSignature(bytes32 digest, bytes calldata proof) external view returns (bytes4) {
        bytes memory word = keccak256(abi.encode(digest, proof)) == good ? answer : abi.encode(bytes4(0xffffffff));
        assembly {
            return(add(word, 32), mload(word))
        }
    }
}

contract HolderRegistryTest is World {
    HolderRegistry private registry;
    Subscriber private subscriber = new Subscriber();
    address private anna = _address("anna");
    address private annaNext = _address("anna's next key");
    address private bert = _address("bert");
    bytes32 private constant REASON = "reason";
    bytes32 private holder = _commitment("anna");

    function setUp() public {
        _setUpWorld();
        _on(home);
        registry = home.holders;
        vm.prank(tokenizer);
        registry.addSubscriber(address(subscriber));
    }

    // ---------------------------------------------------------------- proof of key control

    function test_ubo_10_anAccountIsBoundToItsHolderByProofOfItsKey() public {
        bytes memory proof = _keyControl(home, anna, holder);
        vm.expectEmit(address(registry));
        emit HolderRegistry.HolderOnboarded(
            anna, holder, uint256(holder) | (99 << 32) | (0x13 << 24) | (uint256(RETAIL) << 16) | GERMANY, custodian
        );
        vm.prank(registrar);
        registry.onboard(anna, holder, GERMANY, RETAIL, 99, custodian, false, proof);
        HolderRecord memory record = registry.recordOf(anna);
        vm.assertEq(record.holder, holder, "holder");
        vm.assertTrue(record.country == GERMANY && record.investorClass == RETAIL && record.expiry == 99, "record");
        vm.assertTrue(record.active && !record.sanctioned && !record.additional && !record.superseded, "status");
        vm.assertEq(record.servicer, custodian, "servicer");
        vm.assertEq(registry.servicerOf(anna), custodian, "servicer alone");
    }

    function test_ubo_10_aProofIsGoodForItsAccountHolderRegistryAndChainAlone() public {
        bytes memory proof = _keyControl(home, anna, holder);
        bytes memory ofBert = _keyControl(home, bert, holder);
        _onboardRefused(registry, bert, holder, proof, bert); // another account
        _onboardRefused(registry, anna, _commitment("other"), proof, anna); // another holder
        _onboardRefused(registry, anna, holder, ofBert, anna); // another key
        _onboardRefused(registry, anna, holder, _keyControl(peer, anna, holder), anna); // another registry
        _onboardRefused(registry, anna, holder, _keyRotation(home, anna, bert), anna); // another purpose
        _onboardRefused(registry, anna, holder, "", anna);
        _onboardRefused(registry, anna, holder, bytes.concat(proof, hex"00"), anna); // more than a signature
        proof[64] = bytes1(uint8(proof[64]) ^ 1);
        _onboardRefused(registry, anna, holder, proof, anna);
        proof[64] = bytes1(uint8(proof[64]) ^ 1);
        vm.chainId(31009);
        _onboardRefused(registry, anna, holder, proof, anna); // another chain
        _on(home);
        _onboardWith(anna, holder, proof);
    }

    function testFuzz_ubo_10_noOtherKeyProves(uint256 key, bytes32 digest) public {
        key = key % 1e70 + 1;
        vm.assume(vm.addr(key) != anna);
        _onboardRefused(registry, anna, holder, _signature(key, registry.keyControlDigest(anna, holder)), anna);
        vm.assume(digest != registry.keyControlDigest(anna, holder));
        _onboardRefused(registry, anna, holder, _signature(keyOf[anna], digest), anna);
    }

    function test_ubo_10_aContractProvesByItsOwnWord() public {
        Wallet wallet = new Wallet();
        bytes32 digest = registry.keyControlDigest(address(wallet), holder);
        _onboardRefused(registry, address(wallet), holder, "word", address(wallet));
        bytes4 yes = Wallet.isValidSignature.selector;
        bytes[3] memory wrong = [abi.encodePacked(yes), abi.encode(uint256(1)), abi.encodePacked(yes, uint224(1))];
        for (uint256 i = 0; i < 3; ++i) {
            wallet.take(digest, "word", wrong[i]);
            _onboardRefused(registry, address(wallet), holder, "word", address(wallet));
        }
        wallet.take(digest, "word", abi.encode(yes));
        _onboardRefused(registry, address(wallet), holder, "other word", address(wallet));
        _onboardWith(address(wallet), holder, "word");
        vm.assertTrue(registry.isVerified(address(wallet)), "onboarded");
    }

    function test_ubo_10_theCallersOwnAccountNeedsNoProof() public {
        _onboardWith(registrar, holder, "");
        vm.assertTrue(registry.isVerified(registrar), "its call is its proof");
        uint256 word = uint256(holder) | (0x3 << 24) | (uint256(RETAIL) << 16) | GERMANY;
        vm.assertEq(registry.wordOf(registrar), word, "known and active, without a servicer");
    }

    function test_ubo_10_anAccountNeverChangesItsHolder() public {
        bytes32 other = _commitment("other");
        bytes memory proof = _keyControl(home, holderDe, other);
        vm.prank(registrar);
        vm.expectRevert(
            abi.encodeWithSelector(HolderRegistry.HolderConflict.selector, holderDe, _commitment("de"), other)
        );
        registry.onboard(holderDe, other, GERMANY, RETAIL, 0, address(0), false, proof);
    }

    // ---------------------------------------------------------------- rotation, revocation, recovery

    function test_ubo_10_aRotationMovesTheRecordAndKeepsThePastBindingReadable() public {
        bytes memory proof = _keyControl(home, anna, holder);
        vm.prank(registrar);
        registry.onboard(anna, holder, FRANCE, PROFESSIONAL, type(uint32).max, custodian, true, proof);
        uint256 word = registry.wordOf(anna);
        vm.warp(START + 5);
        bytes memory proofFrom = _keyRotation(home, anna, annaNext);
        bytes memory proofTo = _keyControl(home, annaNext, holder);
        vm.expectEmit(address(registry));
        emit HolderRegistry.HolderSuperseded(anna, annaNext, holder, REASON, 0);
        vm.prank(registrar);
        registry.rotate(anna, annaNext, REASON, proofFrom, proofTo);

        vm.assertEq(registry.wordOf(annaNext), word, "the record as it stood");
        vm.assertEq(registry.servicerOf(annaNext), custodian, "its servicer");
        vm.assertEq(registry.wordOf(anna), word | (1 << 29), "the past binding");
        HolderRecord memory past = registry.recordOf(anna);
        vm.assertTrue(past.superseded && past.holder == holder && past.servicer == custodian, "readable");
        (address successor, uint40 at) = registry.successorOf(anna);
        vm.assertEq(successor, annaNext, "successor");
        vm.assertEq(at, START + 5, "since");
        vm.assertEq(registry.currentOf(anna), annaNext, "current");
        vm.assertEq(registry.currentOf(annaNext), annaNext, "itself");
        vm.assertFalse(registry.isVerified(anna) || registry.contains(anna), "good for nothing any more");
        vm.assertTrue(registry.isVerified(annaNext) && registry.contains(annaNext), "good");
    }

    function test_ubo_10_aRotationNeedsTheWordOfBothKeys() public {
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        bytes memory proofFrom = _keyRotation(home, anna, annaNext);
        bytes memory proofTo = _keyControl(home, annaNext, holder);
        bytes memory notFrom = abi.encodeWithSelector(HolderRegistry.KeyNotProven.selector, anna);
        bytes memory notTo = abi.encodeWithSelector(HolderRegistry.KeyNotProven.selector, annaNext);
        _rotateRefused(anna, annaNext, "", proofTo, notFrom);
        _rotateRefused(anna, annaNext, _keyControl(home, anna, holder), proofTo, notFrom); // that of its onboarding
        _rotateRefused(anna, annaNext, _keyRotation(home, anna, bert), proofTo, notFrom); // for another key
        _rotateRefused(anna, annaNext, _keyRotation(peer, anna, annaNext), proofTo, notFrom); // elsewhere
        _rotateRefused(anna, annaNext, proofFrom, "", notTo);
        _rotateRefused(anna, annaNext, proofFrom, _keyControl(home, annaNext, _commitment("x")), notTo);
        vm.prank(registrar);
        registry.rotate(anna, annaNext, REASON, proofFrom, proofTo);
    }

    function test_ubo_10_onlyAnAccountThatWasNeverOnboardedTakesAnothersPlace() public {
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        _onboard(home, bert, "anna", GERMANY, RETAIL, address(0));
        bytes memory taken = abi.encodeWithSelector(HolderRegistry.AccountTaken.selector, bert);
        _rotateRefused(anna, bert, _keyRotation(home, anna, bert), _keyControl(home, bert, holder), taken);
        taken = abi.encodeWithSelector(HolderRegistry.AccountTaken.selector, anna);
        _rotateRefused(anna, anna, _keyRotation(home, anna, anna), _keyControl(home, anna, holder), taken);
        _rotateRefused(
            anna, address(0), _keyRotation(home, anna, address(0)), "",
            abi.encodeWithSelector(Authorised.ZeroAddress.selector)
        );
        _rotateRefused(
            annaNext, stranger, _keyRotation(home, annaNext, stranger), "",
            abi.encodeWithSelector(HolderRegistry.HolderUnknown.selector, annaNext)
        );
    }

    function test_ubo_10_aSupersededAccountIsGoodForNothingAnyMore() public {
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        _rotate(home, anna, annaNext);
        bytes memory refusal = abi.encodeWithSelector(HolderRegistry.Superseded.selector, anna, annaNext);
        _rotateRefused(anna, bert, _keyRotation(home, anna, bert), _keyControl(home, bert, holder), refusal);
        vm.startPrank(registrar);
        vm.expectRevert(refusal);
        registry.onboard(anna, holder, GERMANY, RETAIL, 0, address(0), false, "");
        vm.expectRevert(refusal);
        registry.setStatus(anna, false, REASON);
        vm.stopPrank();
        vm.prank(regulator);
        vm.expectRevert(refusal);
        registry.setSanctioned(anna, true, REASON);
        // nor does the binding come back
        bytes memory taken = abi.encodeWithSelector(HolderRegistry.AccountTaken.selector, anna);
        _rotateRefused(annaNext, anna, _keyRotation(home, annaNext, anna), _keyControl(home, anna, holder), taken);
    }

    function test_ubo_10_aRotationLaundersNeitherSuspensionNorSanction() public {
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        vm.prank(registrar);
        registry.setStatus(anna, false, REASON);
        vm.prank(regulator);
        registry.setSanctioned(anna, true, REASON);
        _rotate(home, anna, annaNext);
        HolderRecord memory record = registry.recordOf(annaNext);
        vm.assertTrue(record.sanctioned && !record.active, "as it stood");
    }

    function test_ubo_10_successionsAreFollowedOverMany() public {
        address[] memory accounts = new address[](35);
        for (uint256 i = 0; i < 35; ++i) accounts[i] = _address(string.concat("key ", vm.toString(i)));
        _onboard(home, accounts[0], "anna", GERMANY, RETAIL, address(0));
        for (uint256 i = 1; i < 35; ++i) {
            _rotate(home, accounts[i - 1], accounts[i]);
            vm.assertEq(registry.currentOf(accounts[i > 32 ? i - 32 : 0]), accounts[i], "current");
        }
        vm.assertEq(registry.currentOf(accounts[0]), accounts[32], "32 steps");
        vm.assertEq(registry.currentOf(registry.currentOf(accounts[0])), accounts[34], "asked again");
    }

    function test_ubo_10_aLostKeyIsReplacedByAnApprovedActAlone() public {
        _onboard(home, anna, "anna", GERMANY, RETAIL, custodian);
        bytes memory proof = _keyControl(home, annaNext, holder);
        bytes memory notTo = _keyControl(home, bert, holder);
        address[4] memory others = [registrar, admin, anna, regulator];
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, others[i]));
            registry.recover(anna, annaNext, REASON, proof);
        }
        address approved = Kernel(address(registry)).approvals();
        vm.prank(approved);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.KeyNotProven.selector, annaNext));
        registry.recover(anna, annaNext, REASON, notTo);
        vm.prank(approved);
        vm.expectRevert(HolderRegistry.ReasonMissing.selector);
        registry.recover(anna, annaNext, 0, proof);

        vm.recordLogs();
        bytes32 actId = _act(home, address(registry), abi.encodeCall(registry.recover, (anna, annaNext, REASON, proof)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bool found = false;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != HolderRegistry.HolderSuperseded.selector) continue;
            vm.assertEq(logs[i].data, abi.encode(REASON, actId), "the reason, and the act that k of n agreed to");
            found = true;
        }
        vm.assertTrue(found, "recovered");
        vm.assertEq(registry.currentOf(anna), annaNext, "current");
        vm.assertEq(registry.servicerOf(annaNext), custodian, "servicer");
    }

    function test_ubo_10_aBindingIsRevokedWithAReasonAndStaysReadable() public {
        vm.startPrank(registrar);
        vm.expectRevert(HolderRegistry.ReasonMissing.selector);
        registry.setStatus(holderDe, false, 0);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.HolderUnknown.selector, stranger));
        registry.setStatus(stranger, false, REASON);
        vm.expectEmit(address(registry));
        emit HolderRegistry.HolderStatusChanged(holderDe, false, REASON);
        registry.setStatus(holderDe, false, REASON);
        vm.assertFalse(registry.isVerified(holderDe), "revoked");
        vm.assertTrue(registry.contains(holderDe), "but known");
        vm.assertEq(registry.recordOf(holderDe).holder, _commitment("de"), "readable");
        registry.onboard(holderDe, _commitment("de"), FRANCE, PROFESSIONAL, 77, custodian, false, "");
        vm.assertFalse(registry.recordOf(holderDe).active, "no update lifts it");
        registry.setStatus(holderDe, true, REASON);
        vm.stopPrank();
        vm.assertTrue(registry.recordOf(holderDe).active, "reinstated");
    }

    // ---------------------------------------------------------------- eligibility and sanctions

    function test_ctl_4_oneOnboardingServesAllSecuritiesAndOneRevocationStopsAll() public {
        ISecurity[3] memory tokens = _threeSecurities();
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        for (uint256 i = 0; i < 3; ++i) _transfers(tokens[i], holderDe, anna, 0);
        // by now every token has cached that both may
        vm.prank(regulator);
        registry.setSanctioned(anna, true, REASON);
        for (uint256 i = 0; i < 3; ++i) {
            _transfers(tokens[i], holderDe, anna, 14);
            _transfers(tokens[i], anna, holderDe, 13);
        }
        vm.prank(regulator);
        registry.setSanctioned(anna, false, REASON);
        for (uint256 i = 0; i < 3; ++i) _transfers(tokens[i], holderDe, anna, 0);
        vm.prank(registrar);
        registry.setStatus(anna, false, REASON);
        for (uint256 i = 0; i < 3; ++i) _transfers(tokens[i], anna, holderDe, 3);
        vm.prank(registrar);
        registry.setStatus(anna, true, REASON);
        for (uint256 i = 0; i < 3; ++i) _transfers(tokens[i], anna, holderDe, 0);
        _onboard(home, anna, "anna", UNITED_STATES, RETAIL, address(0));
        for (uint256 i = 0; i < 3; ++i) _transfers(tokens[i], holderDe, anna, 8);
        _onboard(home, anna, "anna", GERMANY, EXCLUDED_CLASS, address(0));
        for (uint256 i = 0; i < 3; ++i) _transfers(tokens[i], holderDe, anna, 9);
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        for (uint256 i = 0; i < 3; ++i) _transfers(tokens[i], holderDe, anna, 0);
        _rotate(home, anna, annaNext);
        for (uint256 i = 0; i < 3; ++i) {
            _transfers(tokens[i], holderDe, anna, 5);
            _transfers(tokens[i], anna, holderDe, 2);
            _transfers(tokens[i], holderDe, annaNext, 0);
        }
    }

    function test_ctl_4_eligibilityEndsAfterItsLastSecond() public {
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        _issue(holderDe, 10);
        _transfers(home.token, holderDe, anna, 0);
        vm.prank(registrar);
        registry.onboard(anna, holder, GERMANY, RETAIL, uint32(START + 10), address(0), false, "");
        vm.warp(START + 10);
        _transfers(home.token, holderDe, anna, 0);
        vm.assertTrue(registry.isVerified(anna), "last second");
        vm.warp(START + 11);
        _transfers(home.token, holderDe, anna, 6);
        vm.assertFalse(registry.isVerified(anna), "a second later");
    }

    function test_ctl_4_onlyTheRegulatorSanctionsAndNoUpdateLiftsIt() public {
        vm.prank(regulator);
        vm.expectRevert(HolderRegistry.ReasonMissing.selector);
        registry.setSanctioned(holderDe, true, 0);
        vm.expectEmit(address(registry));
        emit HolderRegistry.HolderSanctioned(holderDe, true, REASON);
        vm.prank(regulator);
        registry.setSanctioned(holderDe, true, REASON);
        vm.assertFalse(registry.isVerified(holderDe), "sanctioned");
        _onboard(home, holderDe, "de", FRANCE, PROFESSIONAL, address(0));
        vm.assertTrue(registry.recordOf(holderDe).sanctioned, "still");
        vm.prank(regulator);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.HolderUnknown.selector, stranger));
        registry.setSanctioned(stranger, true, REASON);
    }

    // ---------------------------------------------------------------- nothing personal

    function testFuzz_ubo_5_theChainHoldsACommitmentAndNothingThatItWouldNotFit(
        uint192 commitment,
        uint16 country,
        uint8 class,
        uint32 expiry,
        address servicer,
        bool additional
    ) public {
        bytes32 given = bytes32(uint256(commitment) << 64);
        vm.assume(given != 0 && country != 0);
        bytes memory proof = _keyControl(home, anna, given);
        vm.recordLogs();
        vm.prank(registrar);
        registry.onboard(anna, given, country, class, expiry, servicer, additional, proof);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, "one event");
        vm.assertEq(logs[0].topics[2], given, "with the commitment");

        uint256 expected = uint256(given) | country | (uint256(class) << 16) | (3 << 24) | (uint256(expiry) << 32);
        if (additional) expected |= 1 << 27;
        if (servicer != address(0)) expected |= 1 << 28;
        vm.assertEq(logs[0].data, abi.encode(expected, servicer), "and codes");
        vm.assertEq(registry.wordOf(anna), expected, "every bit has its meaning");
        HolderRecord memory record = registry.recordOf(anna);
        vm.assertEq(
            abi.encode(record),
            abi.encode(HolderRecord(given, country, class, true, expiry, servicer, false, additional, false)),
            "the record is what was given"
        );
        vm.assertEq(registry.servicerOf(anna), servicer, "servicer");
    }

    function testFuzz_ubo_5_aCommitmentHasTwentyFourBytes(bytes32 given) public {
        vm.assume(uint64(uint256(given)) != 0);
        bytes memory proof = _keyControl(home, anna, given);
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.CommitmentTooLong.selector, given));
        registry.onboard(anna, given, GERMANY, RETAIL, 0, address(0), false, proof);
    }

    function test_emptyRecordsAreRefused() public {
        vm.startPrank(registrar);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.IncompleteRecord.selector, anna));
        registry.onboard(anna, 0, GERMANY, RETAIL, 0, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.IncompleteRecord.selector, anna));
        registry.onboard(anna, holder, 0, RETAIL, 0, address(0), false, "");
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.IncompleteRecord.selector, address(0)));
        registry.onboard(address(0), holder, GERMANY, RETAIL, 0, address(0), false, "");
    }

    function test_anUnknownAccountHasNoRecord() public view {
        vm.assertEq(registry.wordOf(stranger), 0, "word");
        HolderRecord memory none;
        vm.assertEq(abi.encode(registry.recordOf(stranger)), abi.encode(none), "record");
        vm.assertEq(registry.currentOf(stranger), stranger, "itself");
        vm.assertFalse(registry.contains(stranger) || registry.isVerified(stranger), "not registered");
    }

    // ---------------------------------------------------------------- policy epoch

    function test_ctl_1_onboardingAndLeniencyRaiseNoEpoch() public {
        uint32 before = registry.epoch();
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        vm.prank(registrar);
        registry.onboard(anna, holder, GERMANY, RETAIL, 0, custodian, false, ""); // another servicer
        vm.recordLogs();
        vm.prank(registrar);
        registry.onboard(anna, holder, GERMANY, RETAIL, 0, custodian, false, ""); // the same again
        vm.assertEq(vm.getRecordedLogs().length, 0, "changes nothing");
        vm.prank(regulator);
        registry.setSanctioned(anna, false, REASON);
        vm.prank(registrar);
        registry.setStatus(anna, true, REASON);
        vm.assertEq(vm.getRecordedLogs().length, 0, "changes nothing");
        vm.assertEq(registry.epoch(), before, "epoch");
        vm.assertEq(subscriber.calls(), 1, "told when it subscribed alone");
    }

    function test_ctl_1_whateverWorsensAVerdictTellsEverySubscriberInTheSameCall() public {
        vm.prank(registrar);
        registry.onboard(registrar, holder, GERMANY, RETAIL, 1000, address(0), false, "");
        vm.startPrank(registrar);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, RETAIL, 1000, address(0), false, "")), 1);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 1000, address(0), false, "")), 1);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 1000, address(0), true, "")), 1);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 1000, address(0), false, "")), 1);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 999, address(0), false, "")), 1);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 1001, address(0), false, "")), 0);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 0, address(0), false, "")), 0);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 1001, address(0), false, "")), 1);
        _raises(abi.encodeCall(registry.onboard, (registrar, holder, FRANCE, 2, 1001, custodian, false, "")), 0);
        _raises(abi.encodeCall(registry.setStatus, (registrar, false, REASON)), 1);
        _raises(abi.encodeCall(registry.setStatus, (registrar, true, REASON)), 0);
        vm.stopPrank();
        vm.startPrank(regulator);
        _raises(abi.encodeCall(registry.setSanctioned, (registrar, true, REASON)), 1);
        _raises(abi.encodeCall(registry.setSanctioned, (registrar, false, REASON)), 0);
        vm.stopPrank();
        bytes memory proof = _keyControl(home, anna, holder);
        vm.startPrank(registrar);
        _raises(abi.encodeCall(registry.rotate, (registrar, anna, REASON, "", proof)), 1);
        vm.stopPrank();
        proof = _keyControl(home, annaNext, holder);
        vm.startPrank(Kernel(address(registry)).approvals());
        _raises(abi.encodeCall(registry.recover, (anna, annaNext, REASON, proof)), 1);
        vm.stopPrank();
    }

    /// Whatever is done, a verdict that was good and no longer is has raised the epoch; it never falls.
    function testFuzz_ctl_1_noGoodVerdictOutlivesItsEpoch(uint256 seed) public {
        _onboard(home, anna, "anna", GERMANY, RETAIL, address(0));
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            (uint256 word, uint32 epoch) = (registry.wordOf(anna), registry.epoch());
            _actAtRandom(seed >> 16);
            uint256 changed = registry.wordOf(anna);
            vm.assertTrue(registry.epoch() >= epoch && registry.epoch() <= epoch + 1, "never falls");
            vm.assertEq(subscriber.epoch(), registry.epoch(), "told");
            vm.assertEq(home.code.policyEpoch(), registry.epoch(), "the tokens' code too");
            for (uint256 time = 0; time < 8; ++time) {
                for (uint256 rules = 0; rules < 8; ++rules) {
                    if (!_verdict(word, time, rules) || _verdict(changed, time, rules)) continue;
                    vm.assertTrue(registry.epoch() == epoch + 1, "raised");
                }
            }
        }
    }

    function test_ctl_1_aSubscriberThatDoesNotAnswerStopsNoSuspensionForLong() public {
        subscriber.setBroken(true);
        vm.prank(registrar);
        vm.expectRevert("broken");
        registry.setStatus(holderDe, false, REASON);
        vm.assertTrue(registry.recordOf(holderDe).active, "nothing by halves");
        vm.startPrank(tokenizer);
        vm.expectRevert(HolderRegistry.TooLittleGas.selector);
        registry.removeSubscriber{gas: 190_000}(address(subscriber));
        vm.expectEmit(address(registry));
        emit HolderRegistry.SubscriberRemoved(address(subscriber), false);
        registry.removeSubscriber(address(subscriber));
        vm.stopPrank();
        vm.prank(registrar);
        registry.setStatus(holderDe, false, REASON);
        vm.assertFalse(registry.recordOf(holderDe).active, "suspended");
    }

    function test_ctl_1_subscribersAreFewAndToldWhenTheyComeAndGo() public {
        vm.assertEq(subscriber.epoch(), registry.epoch(), "when it comes");
        vm.startPrank(tokenizer);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.AlreadySubscribed.selector, address(subscriber)));
        registry.addSubscriber(address(subscriber));
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.AlreadySubscribed.selector, address(home.code)));
        registry.addSubscriber(address(home.code)); // the first of them
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.NoContract.selector, stranger));
        registry.addSubscriber(stranger);
        while (registry.subscribers().length < 8) registry.addSubscriber(address(new Subscriber()));
        address ninth = address(new Subscriber());
        vm.expectRevert(HolderRegistry.TooManySubscribers.selector);
        registry.addSubscriber(ninth);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.NotSubscribed.selector, ninth));
        registry.removeSubscriber(ninth);
        vm.expectEmit(address(registry));
        emit HolderRegistry.SubscriberRemoved(address(subscriber), true);
        registry.removeSubscriber(address(subscriber));
        vm.assertEq(subscriber.epoch(), 0, "when it goes: nothing cached counts");
        vm.expectEmit(address(registry));
        emit HolderRegistry.SubscriberAdded(ninth);
        registry.addSubscriber(ninth);
        vm.assertEq(registry.subscribers().length, 8, "room again");
        vm.stopPrank();
        uint32 next = registry.epoch() + 1;
        vm.expectEmit(address(registry));
        emit HolderRegistry.PolicyEpochChanged(next);
        vm.prank(registrar);
        registry.setStatus(holderDe, false, REASON);
        vm.assertEq(subscriber.epoch(), 0, "gone");
        address[] memory all = registry.subscribers();
        for (uint256 i = 0; i < 8; ++i) {
            vm.assertEq(home.code.policyEpoch(), registry.epoch(), "the tokens' code");
            if (all[i] != address(home.code)) vm.assertEq(Subscriber(all[i]).epoch(), registry.epoch(), "told");
        }
    }

    // ---------------------------------------------------------------- batches

    function test_manyAccountsAreOnboardedAllOrNone() public {
        Onboarding[] memory batch = new Onboarding[](3);
        batch[0] = Onboarding(anna, holder, GERMANY, RETAIL, 0, address(0), false, _keyControl(home, anna, holder));
        batch[1] = Onboarding(bert, holder, FRANCE, RETAIL, 0, custodian, true, _keyControl(home, bert, holder));
        batch[2] = Onboarding(stranger, holder, FRANCE, RETAIL, 0, address(0), true, "");
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.KeyNotProven.selector, stranger));
        registry.onboardBatch(batch);
        vm.assertFalse(registry.contains(anna), "none");

        uint32 epoch = registry.epoch();
        batch[2].proof = _keyControl(home, stranger, holder);
        vm.prank(registrar);
        registry.onboardBatch(batch);
        vm.assertTrue(registry.isVerified(anna) && registry.isVerified(bert) && registry.isVerified(stranger), "all");
        vm.assertEq(registry.servicerOf(bert), custodian, "servicer");
        vm.assertTrue(registry.recordOf(bert).additional, "additional");
        vm.assertEq(registry.epoch(), epoch, "new accounts worsen nothing");
        for (uint256 i = 0; i < 3; ++i) batch[i].country = UNITED_STATES;
        vm.prank(registrar);
        registry.onboardBatch(batch);
        vm.assertEq(registry.epoch(), epoch + 1, "once for all");
        vm.assertEq(registry.investorCountry(bert), UNITED_STATES, "updated");
    }

    // ---------------------------------------------------------------- roles and standards

    function test_id_7_eachActBelongsToOneRole() public {
        address[6] memory callers = [registrar, regulator, tokenizer, issuerAgent, transferAgent, admin];
        Onboarding[] memory none = new Onboarding[](0);
        for (uint256 i = 0; i < callers.length; ++i) {
            _needs(callers[i], registrar, Roles.REGISTRAR, abi.encodeCall(registry.onboardBatch, (none)));
            _needs(callers[i], registrar, Roles.REGISTRAR, abi.encodeCall(
                registry.onboard, (holderDe, _commitment("de"), GERMANY, RETAIL, 0, address(0), false, "")
            ));
            _needs(callers[i], registrar, Roles.REGISTRAR, abi.encodeCall(registry.setStatus, (holderDe, true, REASON)));
            _needs(callers[i], registrar, Roles.REGISTRAR, abi.encodeCall(registry.rotate, (
                holderDe, anna, REASON, _keyRotation(home, holderDe, anna), _keyControl(home, anna, _commitment("de"))
            )));
            _needs(
                callers[i], regulator, Roles.REGULATOR, abi.encodeCall(registry.setSanctioned, (holderDe, false, REASON))
            );
            _needs(callers[i], tokenizer, Roles.TOKENIZER, abi.encodeCall(
                registry.addSubscriber, (address(new Subscriber()))
            ));
            _needs(callers[i], tokenizer, Roles.TOKENIZER, abi.encodeCall(
                registry.removeSubscriber, (address(subscriber))
            ));
        }
    }

    function test_ver_1_itSaysWhatItIs() public view {
        vm.assertEq(registry.contractName(), "HolderRegistry", "name");
        vm.assertEq(Kernel(address(registry)).version(), "1.0.0", "version");
        vm.assertEq(Kernel(address(registry)).codeHash(), address(registry).codehash, "its own code");
        vm.assertTrue(registry.mainInterface() == type(IHolderRegistry).interfaceId, "main interface");
        vm.assertTrue(registry.supportsInterface(type(IHolderRegistry).interfaceId), "IHolderRegistry");
        vm.assertTrue(registry.supportsInterface(type(IERC5267).interfaceId), "ERC-5267");
        vm.assertTrue(registry.supportsInterface(type(IERC165).interfaceId), "ERC-165");
        vm.assertFalse(registry.supportsInterface(0xffffffff), "nothing");
        vm.assertEq(registry.identity(holderDe), address(0), "no identity contract");
        vm.assertEq(registry.investorCountry(holderDe), GERMANY, "country");
    }

    function test_proofsAreThoseOfThePublishedDomain() public view {
        (bytes1 fields, string memory name, string memory version, uint256 chain, address at, , ) =
            Kernel(address(registry)).eip712Domain();
        vm.assertTrue(fields == 0x0f, "fields");
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chain,
                at
            )
        );
        bytes32 control = keccak256(abi.encode(keccak256("KeyControl(address account,bytes32 holder)"), anna, holder));
        bytes32 rotation = keccak256(abi.encode(keccak256("KeyRotation(address from,address to)"), anna, bert));
        vm.assertEq(
            registry.keyControlDigest(anna, holder), keccak256(abi.encodePacked(hex"1901", domain, control)), "control"
        );
        vm.assertEq(
            registry.keyRotationDigest(anna, bert), keccak256(abi.encodePacked(hex"1901", domain, rotation)), "rotation"
        );
        vm.assertEq(name, "Pari Passu HolderRegistry", "name");
        vm.assertTrue(chain == home.id && at == address(registry), "here");
    }

    /// As a transaction of the registrar's costs: what is first touched here is cold, as there.
    function test_aFirstOnboardingWithProofCostsLittle() public {
        bytes memory proof = _keyControl(home, anna, holder);
        bytes memory data = abi.encodeCall(registry.onboard, (anna, holder, 276, 1, 1_900_000_000, address(0), false, proof));
        uint256 intrinsic = 21_000;
        for (uint256 i = 0; i < data.length; ++i) intrinsic += data[i] == 0 ? 4 : 16;
        vm.prank(registrar);
        (bool success, ) = address(registry).call(data);
        uint256 used = intrinsic + vm.lastCallGas().gasTotalUsed;
        vm.assertTrue(success, "onboarded");
        vm.assertTrue(used < 62_000, string.concat("gas ", vm.toString(used)));
    }

    // ---------------------------------------------------------------- parts

    function _onboardWith(address account, bytes32 holder_, bytes memory proof) private {
        vm.prank(registrar);
        registry.onboard(account, holder_, GERMANY, RETAIL, 0, address(0), false, proof);
    }

    function _onboardRefused(HolderRegistry at, address account, bytes32 holder_, bytes memory proof, address who)
        private
    {
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.KeyNotProven.selector, who));
        at.onboard(account, holder_, GERMANY, RETAIL, 0, address(0), false, proof);
    }

    function _rotateRefused(address from, address to, bytes memory proofFrom, bytes memory proofTo, bytes memory why)
        private
    {
        vm.prank(registrar);
        vm.expectRevert(why);
        registry.rotate(from, to, REASON, proofFrom, proofTo);
    }

    /// Do it; the epoch rises by so much, and every subscriber knows at once.
    function _raises(bytes memory data, uint32 by) private {
        uint32 before = registry.epoch();
        uint256 calls = subscriber.calls();
        (bool success, ) = address(registry).call(data);
        vm.assertTrue(success, "done");
        vm.assertEq(registry.epoch(), before + by, "epoch");
        vm.assertEq(subscriber.epoch(), before + by, "told");
        vm.assertEq(subscriber.calls(), calls + by, "once");
        vm.assertEq(home.code.policyEpoch(), before + by, "the tokens' code too");
    }

    /// One act on anna's account, whatever the seed says. Refusals change nothing.
    function _actAtRandom(uint256 seed) private {
        uint256 kind = seed % 5;
        bool flag = (seed >> 8) & 1 == 1;
        if (kind == 0) {
            vm.prank(registrar);
            registry.setStatus(anna, flag, REASON);
        } else if (kind == 1) {
            vm.prank(regulator);
            registry.setSanctioned(anna, flag, REASON);
        } else {
            vm.prank(registrar);
            registry.onboard(
                anna,
                holder,
                uint16((seed >> 16) % 2 + 1),
                uint8((seed >> 24) % 2),
                uint32((seed >> 32) % 8),
                (seed >> 40) % 2 == 0 ? address(0) : custodian,
                (seed >> 48) % 2 == 0,
                ""
            );
        }
    }

    /// Whether an account may receive at a time under some rules: one country, one class, a cap or none.
    function _verdict(uint256 word, uint256 time, uint256 rules) private pure returns (bool) {
        uint256 expiry = uint32(word >> 32);
        return (word >> 24) & 7 == 3 && (word >> 29) & 1 == 0 && (expiry == 0 || time <= expiry)
            && uint16(word) == rules % 2 + 1 && uint8(word >> 16) == (rules >> 1) % 2
            && (rules >> 2 == 0 || (word >> 27) & 1 == 0);
    }

    function _threeSecurities() private returns (ISecurity[3] memory tokens) {
        tokens[0] = home.token;
        for (uint256 i = 1; i < 3; ++i) tokens[i] = _token(home, _tokenInit(home, true));
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(transferAgent);
            tokens[i].issue(holderDe, 100, bytes32(i + 1));
        }
    }

    /// Move a unit; the verdict is a code, 0 for success.
    function _transfers(ISecurity token, address from, address to, uint8 code) private {
        vm.assertEq(token.detectTransferRestriction(from, to, 1), code, "asked");
        vm.prank(from);
        if (code != 0) {
            vm.expectRevert(abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, code, from, to, 1));
        }
        token.transfer(to, 1);
    }

    /// Whoever has the role may, nobody else.
    function _needs(address caller, address entitled, uint64 role, bytes memory data) private {
        uint256 snapshot = vm.snapshotState();
        vm.prank(caller);
        (bool success, bytes memory reason) = address(registry).call(data);
        vm.assertTrue(success == (caller == entitled), "by its role alone");
        if (!success) {
            vm.assertEq(reason, abi.encodeWithSelector(Authorised.Unauthorised.selector, caller, role), "why");
        }
        vm.revertToState(snapshot);
    }
}
