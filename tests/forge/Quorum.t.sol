// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Approvals} from "../../contracts/access/Approvals.sol";
import {Authorised} from "../../contracts/access/Authorised.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {PariContract} from "../../contracts/access/PariContract.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {Quorum} from "../../contracts/bridge/Quorum.sol";
import {Signed, World} from "./World.sol";

/// The quorum with its check laid open.
contract OpenQuorum is Quorum {
    constructor(address m, address a, address k) PariContract(m, a, k) {}

    function verify(bytes32 digest, uint32 version, Signed calldata signed) external view {
        _verify(digest, version, signed.signers, signed.signatures);
    }

    function versionTag() public pure override returns (uint32) {
        return 1;
    }

    function contractName() public pure override returns (string memory) {
        return "Quorum";
    }

    function _domainName() internal pure override returns (string memory) {
        return "Quorum";
    }
}

/// k of n by distinct legal entities (attacks A1, A2, A3, A4, A14, A21).
contract QuorumTest is World {
    bytes32 private constant DIGEST = keccak256("digest");
    OpenQuorum private set;

    function setUp() public {
        _setUpWorld();
        set = _open();
        vm.prank(operator);
        set.appoint(_members(), 2);
    }

    function test_everyPairOfDistinctEntitiesSuffices() public view {
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = i + 1; j < 4; ++j) {
                if (entities[i] != entities[j]) set.verify(DIGEST, 1, _quorum(DIGEST, i, j));
            }
        }
    }

    function test_twoKeysOfOneEntityAreOneVote() public {
        Signed memory signatures = _quorum(DIGEST, 2, 3);
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumMissing.selector, 2, 1));
        set.verify(DIGEST, 1, signatures);
    }

    function test_threeKeysOfTwoEntitiesAreTwoVotes() public view {
        bytes memory signatures;
        for (uint256 i = 1; i < 4; ++i) signatures = bytes.concat(signatures, _signature(keys[i], DIGEST));
        set.verify(DIGEST, 1, Signed(14, signatures));
    }

    function test_aQuorumLessOneIsNone() public {
        Signed memory one = Signed(1, _signature(keys[0], DIGEST));
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumMissing.selector, 2, 1));
        set.verify(DIGEST, 1, one);
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumMissing.selector, 2, 0));
        set.verify(DIGEST, 1, Signed(0, ""));
    }

    function test_a14_theSameSignatureTwiceAndUnsortedSignersAreRefused() public {
        bytes memory first = _signature(keys[0], DIGEST);
        bytes memory second = _signature(keys[1], DIGEST);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[1])));
        set.verify(DIGEST, 1, Signed(3, bytes.concat(first, first)));
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
        set.verify(DIGEST, 1, Signed(3, bytes.concat(second, first)));
    }

    function test_a14_thereIsOneSignatureForEachSignerThatIsNamed() public {
        bytes memory two = _quorum(DIGEST, 0, 1).signatures;
        uint256[5] memory wrong = [uint256(1), 7, 0, 3 | 1 << 4, 3 | 1 << 31];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Quorum.SignaturesMismatch.selector, wrong[i], 130));
            set.verify(DIGEST, 1, Signed(wrong[i], two));
        }
        set.verify(DIGEST, 1, Signed(3, two));
    }

    function test_a14_aSignatureWithHighSIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[0], DIGEST);
        bytes32 high = bytes32(0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 - uint256(s));
        bytes memory other = abi.encodePacked(r, high, uint8(v == 27 ? 28 : 27));
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
        set.verify(DIGEST, 1, Signed(3, bytes.concat(other, _signature(keys[1], DIGEST))));
        other = abi.encodePacked(r, s, uint8(v - 27));
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
        set.verify(DIGEST, 1, Signed(3, bytes.concat(other, _signature(keys[1], DIGEST))));
    }

    function test_a14_shortLongAndNullSignaturesAreRefused() public {
        bytes memory good = _signature(keys[0], DIGEST);
        bytes memory second = _signature(keys[1], DIGEST);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
        set.verify(DIGEST, 1, Signed(3, bytes.concat(new bytes(65), second)));
        vm.expectRevert(abi.encodeWithSelector(Quorum.SignaturesMismatch.selector, 3, 131));
        set.verify(DIGEST, 1, Signed(3, bytes.concat(good, second, hex"00")));
        vm.expectRevert(abi.encodeWithSelector(Quorum.SignaturesMismatch.selector, 3, 65));
        set.verify(DIGEST, 1, Signed(3, good));
        vm.expectRevert(abi.encodeWithSelector(Quorum.SignaturesMismatch.selector, 3, 0));
        set.verify(DIGEST, 1, Signed(3, ""));
    }

    function test_aStrangersSignatureSpoilsTheQuorum() public {
        bytes memory strange = _signature(0xBEEF, DIGEST);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[1])));
        set.verify(DIGEST, 1, Signed(3, bytes.concat(_signature(keys[0], DIGEST), strange)));
    }

    function test_anyFlippedBitOfTheDigestIsRefused() public {
        Signed memory signatures = _quorum(DIGEST, 0, 1);
        for (uint256 bit = 0; bit < 256; bit += 17) {
            vm.expectRevert();
            set.verify(DIGEST ^ bytes32(1 << bit), 1, signatures);
        }
    }

    function test_a21_afterARotationOldSetsAndRemovedSignersCountNoMore() public {
        Signed memory signatures = _quorum(DIGEST, 0, 1);
        Quorum.Attestor[] memory members = new Quorum.Attestor[](2);
        members[0] = Quorum.Attestor(vm.addr(keys[1]), entities[1]);
        members[1] = Quorum.Attestor(vm.addr(keys[2]), entities[2]);
        _act(home, address(set), abi.encodeCall(Quorum.rotate, (members, 2)));
        vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 2, 1));
        set.verify(DIGEST, 1, signatures);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[1])));
        set.verify(DIGEST, 2, signatures);
        bytes memory now2 = bytes.concat(_signature(keys[1], DIGEST), _signature(keys[2], DIGEST));
        set.verify(DIGEST, 2, Signed(3, now2));
        (uint32 version, uint8 threshold, Quorum.Attestor[] memory now_) = set.attestors();
        vm.assertEq(now_[1].signer, vm.addr(keys[2]), "signer");
        vm.assertEq(now_[1].entity, entities[2], "entity");
        vm.assertEq(version, 2, "version");
        vm.assertEq(threshold, 2, "threshold");
        vm.assertEq(now_.length, 2, "members");
    }

    function test_a2_aThresholdBelowTwoOrAboveTheEntitiesIsRefused() public {
        Quorum.Attestor[] memory members = _members(); // four keys, three entities
        vm.startPrank(address(home.approvals));
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadThreshold.selector, 0, 3));
        set.rotate(members, 0);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadThreshold.selector, 1, 3));
        set.rotate(members, 1);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadThreshold.selector, 4, 3));
        set.rotate(members, 4);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadThreshold.selector, 2, 0));
        set.rotate(new Quorum.Attestor[](0), 2);
        set.rotate(members, 3);
        vm.stopPrank();
    }

    function test_membersNeedASignerAndAnEntityAndAscend() public {
        Quorum.Attestor[] memory members = _members();
        vm.startPrank(address(home.approvals));
        members[3].signer = members[0].signer;
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadMember.selector, members[0].signer, entities[3]));
        set.rotate(members, 2);
        members[3].signer = members[2].signer;
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadMember.selector, members[2].signer, entities[3]));
        set.rotate(members, 2);
        members = _members();
        members[0].signer = address(0);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadMember.selector, address(0), entities[0]));
        set.rotate(members, 2);
        members = _members();
        members[1].entity = 0;
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadMember.selector, members[1].signer, bytes32(0)));
        set.rotate(members, 2);
    }

    function test_aSetHasAtMostThirtyTwoMembers() public {
        Quorum.Attestor[] memory members = new Quorum.Attestor[](33);
        for (uint256 i = 0; i < 33; ++i) members[i] = Quorum.Attestor(address(uint160(i + 1)), bytes32(i + 1));
        vm.startPrank(address(home.approvals));
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadMember.selector, address(33), bytes32(uint256(33))));
        set.rotate(members, 2);
        assembly {
            mstore(members, 32)
        }
        set.rotate(members, 32);
        (, , Quorum.Attestor[] memory now_) = set.attestors();
        vm.assertEq(now_.length, 32, "members");
    }

    function test_acc_3_oneRoleAloneRotatesNothing() public {
        Quorum.Attestor[] memory members = _members();
        bytes memory data = abi.encodeCall(Quorum.rotate, (members, 3));
        address[4] memory alone = [operator, admin, attestor, stranger];
        for (uint256 i = 0; i < alone.length; ++i) {
            vm.prank(alone[i]);
            vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, alone[i]));
            set.rotate(members, 3);
        }
        bytes32 id = _propose(home, Roles.REGISTRAR, address(set), data, 0);
        vm.prank(registrar);
        vm.expectRevert(abi.encodeWithSelector(Approvals.QuorumMissing.selector, id, 1, 2));
        home.approvals.execute(id, address(set), data);
        _approve(home, Roles.CSD, id);
        home.approvals.execute(id, address(set), data);
        (uint32 version, uint8 threshold, ) = set.attestors();
        vm.assertEq(version, 2, "versioned");
        vm.assertEq(threshold, 3, "agreed");
    }

    function test_acc_3_onlyTheFirstSetIsAppointed() public {
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Quorum.AlreadyAppointed.selector, 1));
        set.appoint(_members(), 3);
        OpenQuorum fresh = _open();
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadThreshold.selector, 1, 3));
        fresh.appoint(_members(), 1);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(Authorised.Unauthorised.selector, stranger, Roles.BRIDGE_OPERATOR)
        );
        fresh.appoint(_members(), 2);
        vm.prank(operator);
        fresh.appoint(_members(), 2);
        (uint32 version, , ) = fresh.attestors();
        vm.assertEq(version, 1, "the first");
    }

    function test_a4_aSetThatWasNeverNamedVerifiesNothing() public {
        OpenQuorum fresh = _open();
        vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 0, 0));
        fresh.verify(DIGEST, 0, Signed(0, ""));
        (uint32 version, , Quorum.Attestor[] memory members) = fresh.attestors();
        vm.assertEq(version + members.length, 0, "nobody");
    }

    function test_a3_whatACallerSaysOfItsSignaturesCountsForNothing() public {
        bytes memory first = _signature(keys[0], DIGEST);
        bytes memory two = _quorum(DIGEST, 0, 1).signatures;
        // one signature, said to be more
        uint256[3] memory said = [uint256(3), 15, type(uint32).max];
        for (uint256 i = 0; i < said.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Quorum.SignaturesMismatch.selector, said[i], 65));
            set.verify(DIGEST, 1, Signed(said[i], first));
        }
        // two signatures, said to be those of others
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[2])));
        set.verify(DIGEST, 1, Signed(12, two));
        // and of a set that the caller would like to be the current one
        for (uint32 version = 0; version < 4; ++version) {
            if (version == 1) continue;
            vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 1, version));
            set.verify(DIGEST, version, Signed(3, two));
        }
        set.verify(DIGEST, 1, Signed(3, two));
    }

    function test_a3_anotherContractsQuorumIsNobodyHere() public {
        OpenQuorum forged = _open(address(this));
        Quorum.Attestor[] memory own = new Quorum.Attestor[](2);
        (uint256 a, uint256 b) = (uint256(keccak256("forger")), uint256(keccak256("forger's other key")));
        if (vm.addr(b) < vm.addr(a)) (a, b) = (b, a);
        (own[0], own[1]) = (Quorum.Attestor(vm.addr(a), entities[0]), Quorum.Attestor(vm.addr(b), entities[1]));
        forged.rotate(own, 2);
        Signed memory signed = Signed(3, bytes.concat(_signature(a, DIGEST), _signature(b, DIGEST)));
        forged.verify(DIGEST, 1, signed);
        vm.expectRevert(abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
        set.verify(DIGEST, 1, signed);
        // who governs that contract governs this one as little
        vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, address(this)));
        set.rotate(own, 2);
    }

    function test_a3_theMembersAreDataThatNobodyRunsOrChanges() public {
        bytes32 slot = keccak256(abi.encode(uint256(keccak256("paripassu.storage.Quorum")) - 1)) & ~bytes32(uint256(0xff));
        address members = address(uint160(uint256(vm.load(address(set), slot))));
        vm.assertEq(uint256(uint8(members.code[0])), 0, "STOP");
        vm.assertEq(members.code.length, 1 + 4 * 53, "four members and nothing else");
        (bool success, bytes memory answer) = members.call(abi.encodeCall(set.rotate, (_members(), 2)));
        vm.assertTrue(success && answer.length == 0, "does nothing");
        (, , Quorum.Attestor[] memory told) = set.attestors();
        for (uint256 i = 0; i < 4; ++i) vm.assertEq(told[i].signer, vm.addr(keys[i]), "the members appointed");
    }

    function _open() private returns (OpenQuorum) {
        return _open(address(home.approvals));
    }

    function _open(address approvals) private returns (OpenQuorum) {
        return OpenQuorum(
            payable(
                _proxy(
                    address(new OpenQuorum(address(home.manager), approvals, address(home.kernel))),
                    abi.encodeCall(Kernel.initialize, ())
                )
            )
        );
    }
}
