// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {PariContract} from "../access/PariContract.sol";
import {Roles} from "../access/Roles.sol";
import {Typed} from "../access/Typed.sol";

/// @title Quorum of attestors, k of n by distinct legal entities (ACC-3)
/// @notice Before the first set is appointed nothing verifies. Whoever sets the gateway up appoints it, once;
/// every later set is agreed to by k of n roles. Signatures count for the current set alone, from the very
/// transaction that rotates.
/// @dev The members are the code of a contract that is never called: one cold account in place of a
/// cold slot for each signer.
abstract contract Quorum is PariContract, Typed {
    /// @notice One attestor.
    /// @param signer address of its signing key
    /// @param entity legal entity behind it: keccak256 of its LEI, or the LEI itself, left-aligned
    struct Attestor {
        address signer;
        bytes32 entity;
    }

    /// @notice A new set took over; signatures for older ones verify no more.
    event AttestorsRotated(uint32 indexed version, uint8 threshold, Attestor[] members);

    /// @notice The threshold must be at least two and at most the number of distinct entities.
    error BadThreshold(uint8 threshold, uint256 entities);

    /// @notice A member has no signer or no entity, or does not follow the one before it by signer; or there
    /// are more than 32.
    error BadMember(address signer, bytes32 entity);

    /// @notice There is a set: the next one takes over by an approved act.
    error AlreadyAppointed(uint32 current);

    /// @notice The signatures are for another set than the current one.
    error WrongSetVersion(uint32 current, uint32 given);

    /// @notice There is not one signature of 65 bytes for each signer that is named.
    error SignaturesMismatch(uint256 signers, uint256 length);

    /// @notice The signature is not that of the member that is named.
    error BadSignature(address member);

    /// @notice Too few distinct legal entities signed.
    error QuorumMissing(uint8 threshold, uint256 entities);

    /// @custom:storage-location erc7201:paripassu.storage.Quorum
    struct QuorumStorage {
        address members;
        uint32 version;
        uint8 threshold;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Quorum")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant QUORUM = 0x7a11c6613bd79696fe3bbb099e434b3635ee2da961cd84f729ae070283300e00;

    /// @dev Bytes of a member in the members' code: signer, entity, number of the entity among those of the set.
    uint256 private constant MEMBER = 53;

    uint256 private constant MOST_MEMBERS = 32;

    function _q() private pure returns (QuorumStorage storage $) {
        assembly {
            $.slot := QUORUM
        }
    }

    /// @notice Appoint the first set.
    /// @param members its members, ascending by signer; several may belong to one entity, which counts once
    /// @param threshold distinct entities that must sign
    /// @custom:access-control BRIDGE_OPERATOR
    function appoint(Attestor[] calldata members, uint8 threshold) external onlyRole(Roles.BRIDGE_OPERATOR) {
        uint32 current = _q().version;
        if (current != 0) revert AlreadyAppointed(current);
        _take(members, threshold);
    }

    /// @notice Replace the set. The version that follows the current one is the new set's.
    /// @param members the new members, ascending by signer; several may belong to one entity, which counts once
    /// @param threshold distinct entities that must sign
    /// @custom:access-control approved act
    function rotate(Attestor[] calldata members, uint8 threshold) external onlyApproved {
        _take(members, threshold);
    }

    /// @notice The set that verifies now.
    function attestors()
        external
        view
        returns (uint32 setVersion, uint8 threshold, Attestor[] memory members)
    {
        QuorumStorage storage $ = _q();
        (setVersion, threshold) = ($.version, $.threshold);
        (uint256 at, uint256 count) = _members($.members);
        members = new Attestor[](count);
        for (uint256 i = 0; i < count; ++i) (members[i].signer, members[i].entity, ) = _member(at, i);
    }

    /// @dev Revert unless enough distinct entities of the current set signed.
    /// @param digest what is signed
    /// @param setVersion version of the set that the signatures are for
    /// @param signers which members signed, bit by bit in the set's order
    /// @param signatures theirs in that order, 65 bytes each: r, s, v
    function _verify(bytes32 digest, uint32 setVersion, uint256 signers, bytes calldata signatures) internal view {
        QuorumStorage storage $ = _q();
        (address code, uint32 current, uint8 threshold) = ($.members, $.version, $.threshold);
        if (setVersion != current || current == 0) revert WrongSetVersion(current, setVersion);
        uint256 entities = _entitiesAmong(code, digest, signers, signatures);
        if (entities < threshold) revert QuorumMissing(threshold, entities);
    }

    /// @dev Put a set in the place of the current one, once it is sound.
    function _take(Attestor[] calldata members, uint8 threshold) private {
        bytes memory packed = hex"00";
        bytes32[] memory seen = new bytes32[](members.length);
        uint256 entities = 0;
        address previous = address(0);
        for (uint256 i = 0; i < members.length; ++i) {
            (address signer, bytes32 entity) = (members[i].signer, members[i].entity);
            if (signer <= previous || entity == 0 || i == MOST_MEMBERS) revert BadMember(signer, entity);
            uint256 number = _note(seen, entities, entity);
            packed = abi.encodePacked(packed, signer, entity, uint8(number));
            if (number == entities) ++entities;
            previous = signer;
        }
        if (threshold < 2 || threshold > entities) revert BadThreshold(threshold, entities);
        QuorumStorage storage $ = _q();
        uint32 next = $.version + 1;
        ($.members, $.version, $.threshold) = (_asCode(packed), next, threshold);
        emit AttestorsRotated(next, threshold, members);
    }

    /// @dev How many distinct entities signed; every signature must be that of the member that is named.
    function _entitiesAmong(
        address code,
        bytes32 digest,
        uint256 signers,
        bytes calldata signatures
    ) private view returns (uint256 entities) {
        (uint256 at, uint256 count) = _members(code);
        uint256 seen = 0;
        uint256 used = 0;
        for (uint256 i = 0; i < count; ++i) {
            if ((signers >> i) & 1 == 0) continue;
            unchecked {
                used += 65;
            }
            if (used > signatures.length) revert SignaturesMismatch(signers, signatures.length);
            (address signer, , uint256 number) = _member(at, i);
            if (_signerOf(digest, signatures, used) != signer) revert BadSignature(signer);
            seen |= 1 << number;
        }
        if (used != signatures.length || signers >> count != 0) {
            revert SignaturesMismatch(signers, signatures.length);
        }
        for (; seen != 0; seen &= seen - 1) ++entities;
    }

    /// @dev Who signed; zero where the signature is none, or has another form than the one that counts.
    /// @param end where the signature ends among `signatures`
    function _signerOf(
        bytes32 digest,
        bytes calldata signatures,
        uint256 end
    ) private pure returns (address signer) {
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            let at := add(signatures.offset, sub(end, 65))
            r := calldataload(at)
            s := calldataload(add(at, 32))
            v := byte(0, calldataload(add(at, 64)))
        }
        // a failed recovery answers zero, which no member is
        // slither-disable-next-line unused-return
        (signer, , ) = ECDSA.tryRecover(digest, v, r, s);
    }

    /// @dev The place of `entity` among the `count` seen ones, where it is put if it is not there.
    function _note(bytes32[] memory seen, uint256 count, bytes32 entity) private pure returns (uint256) {
        for (uint256 i = 0; i < count; ++i) {
            if (seen[i] == entity) return i;
        }
        seen[count] = entity;
        return count;
    }

    /// @dev A contract whose code is the data. It begins with STOP, so that a call does nothing.
    function _asCode(bytes memory data) private returns (address code) {
        bytes memory creation = abi.encodePacked(hex"61", uint16(data.length), hex"80600a3d393df3", data);
        assembly ("memory-safe") {
            code := create(0, add(creation, 32), mload(creation))
            if iszero(code) { revert(0, 0) }
        }
    }

    /// @dev Copy the members into memory; where, and how many there are.
    function _members(address code) private view returns (uint256 at, uint256 count) {
        uint256 size = code.code.length;
        if (size == 0) return (0, 0);
        bytes memory packed = new bytes(size - 1);
        count = packed.length / MEMBER;
        assembly ("memory-safe") {
            at := add(packed, 32)
            extcodecopy(code, at, 1, sub(size, 1))
        }
    }

    function _member(
        uint256 at,
        uint256 index
    ) private pure returns (address signer, bytes32 entity, uint256 place) {
        assembly ("memory-safe") {
            let member := add(at, mul(index, MEMBER))
            signer := shr(96, mload(member))
            entity := mload(add(member, 20))
            place := byte(0, mload(add(member, 52)))
        }
    }
}
