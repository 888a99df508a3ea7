// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {AttestorSet} from "../../contracts/bridge/AttestorSet.sol";
import {World} from "./World.sol";

/// k of n by distinct legal entities (attacks A1, A2, A4, A14, A21).
contract AttestorSetTest is World {
    bytes32 private constant DIGEST = keccak256("digest");
    AttestorSet private set;

    function setUp() public {
        _setUpWorld();
        set = home.attestors;
    }

    function test_everyPairOfDistinctEntitiesSuffices() public view {
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = i + 1; j < 4; ++j) {
                if (entities[i] != entities[j]) set.verify(DIGEST, 1, _quorum(DIGEST, i, j));
            }
        }
    }

    function test_twoKeysOfOneEntityAreOneVote() public {
        bytes[] memory signatures = _quorum(DIGEST, 2, 3);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.QuorumMissing.selector, 2, 1));
        set.verify(DIGEST, 1, signatures);
    }

    function test_threeKeysOfTwoEntitiesAreTwoVotes() public view {
        bytes[] memory signatures = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) signatures[i] = _signature(keys[i + 1], DIGEST);
        set.verify(DIGEST, 1, signatures);
    }

    function test_aQuorumLessOneIsNone() public {
        bytes[] memory one = new bytes[](1);
        one[0] = _signature(keys[0], DIGEST);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.QuorumMissing.selector, 2, 1));
        set.verify(DIGEST, 1, one);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.QuorumMissing.selector, 2, 0));
        set.verify(DIGEST, 1, new bytes[](0));
    }

    function test_theSameSignatureTwiceAndUnsortedSignersAreRefused() public {
        bytes[] memory twice = _quorum(DIGEST, 0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(AttestorSet.SignersNotAscending.selector, vm.addr(keys[0]), vm.addr(keys[0]))
        );
        set.verify(DIGEST, 1, twice);
        bytes[] memory unsorted = _quorum(DIGEST, 1, 0);
        vm.expectRevert(
            abi.encodeWithSelector(AttestorSet.SignersNotAscending.selector, vm.addr(keys[1]), vm.addr(keys[0]))
        );
        set.verify(DIGEST, 1, unsorted);
    }

    function test_aSignatureWithHighSIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], DIGEST);
        bytes32 high = bytes32(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - uint256(s));
        bytes[] memory signatures = _quorum(DIGEST, 0, 1);
        signatures[0] = abi.encodePacked(r, high, uint8(v == 27 ? 28 : 27));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, high));
        set.verify(DIGEST, 1, signatures);
    }

    function test_shortLongAndNullSignaturesAreRefused() public {
        bytes[] memory signatures = _quorum(DIGEST, 0, 1);
        bytes memory good = signatures[0];
        signatures[0] = new bytes(65);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        set.verify(DIGEST, 1, signatures);
        signatures[0] = bytes.concat(good, hex"00");
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 66));
        set.verify(DIGEST, 1, signatures);
        signatures[0] = new bytes(0);
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 0));
        set.verify(DIGEST, 1, signatures);
    }

    function test_aStrangersSignatureSpoilsTheQuorum() public {
        uint256 key = 0xBEEF;
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = _signature(key, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.UnknownSigner.selector, vm.addr(key)));
        set.verify(DIGEST, 1, signatures);
    }

    function test_anyFlippedBitOfTheDigestIsRefused() public {
        bytes[] memory signatures = _quorum(DIGEST, 0, 1);
        for (uint256 bit = 0; bit < 256; bit += 17) {
            vm.expectRevert();
            set.verify(DIGEST ^ bytes32(1 << bit), 1, signatures);
        }
    }

    function test_a21_afterARotationOldSetsAndRemovedSignersCountNoMore() public {
        bytes[] memory signatures = _quorum(DIGEST, 0, 1);
        AttestorSet.Attestor[] memory members = new AttestorSet.Attestor[](2);
        members[0] = AttestorSet.Attestor(vm.addr(keys[1]), entities[1]);
        members[1] = AttestorSet.Attestor(vm.addr(keys[2]), entities[2]);
        vm.prank(operator);
        set.rotate(members, 2);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.WrongSetVersion.selector, 2, 1));
        set.verify(DIGEST, 1, signatures);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.UnknownSigner.selector, vm.addr(keys[0])));
        set.verify(DIGEST, 2, signatures);
        set.verify(DIGEST, 2, _quorum(DIGEST, 1, 2));
        (uint32 version, uint8 threshold, AttestorSet.Attestor[] memory now_) = set.current();
        vm.assertEq(version, 2, "version");
        vm.assertEq(threshold, 2, "threshold");
        vm.assertEq(now_.length, 2, "members");
    }

    function test_a2_aThresholdBelowTwoOrAboveTheEntitiesIsRefused() public {
        AttestorSet.Attestor[] memory members = _members(); // four keys, three entities
        vm.startPrank(operator);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.BadThreshold.selector, 0, 3));
        set.rotate(members, 0);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.BadThreshold.selector, 1, 3));
        set.rotate(members, 1);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.BadThreshold.selector, 4, 3));
        set.rotate(members, 4);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.BadThreshold.selector, 2, 0));
        set.rotate(new AttestorSet.Attestor[](0), 2);
        set.rotate(members, 3);
        vm.stopPrank();
    }

    function test_membersNeedASignerAndAnEntityAndComeOnce() public {
        AttestorSet.Attestor[] memory members = _members();
        vm.startPrank(operator);
        members[3].signer = members[0].signer;
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.BadMember.selector, members[0].signer, entities[3]));
        set.rotate(members, 2);
        members[3].signer = address(0);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.BadMember.selector, address(0), entities[3]));
        set.rotate(members, 2);
        members[3] = AttestorSet.Attestor(stranger, 0);
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.BadMember.selector, stranger, bytes32(0)));
        set.rotate(members, 2);
    }

    function test_a4_aSetThatWasNeverNamedVerifiesNothing() public {
        AttestorSet fresh = AttestorSet(
            _proxy(address(new AttestorSet(address(home.manager), address(home.approvals), address(home.kernel))), abi.encodeCall(Kernel.initialize, ()))
        );
        vm.expectRevert(abi.encodeWithSelector(AttestorSet.WrongSetVersion.selector, 0, 0));
        fresh.verify(DIGEST, 0, new bytes[](0));
    }
}
