// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Roles} from "../access/Roles.sol";
import {PariContract} from "../access/PariContract.sol";
import {IAttestorSet} from "../interfaces/IAttestorSet.sol";

/// @title Quorum of attestors, k of n by distinct legal entities
/// @notice Before the first rotation there is no set, and nothing verifies.
contract AttestorSet is PariContract, IAttestorSet {
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

    /// @notice A member has no signer or no entity, or its signer is there twice.
    error BadMember(address signer, bytes32 entity);

    /// @notice The signatures are for another set than the current one.
    error WrongSetVersion(uint32 current, uint32 given);

    /// @notice The signature is not by a member of the set.
    error UnknownSigner(address signer);

    /// @notice Signatures must be ordered by signer, strictly ascending.
    error SignersNotAscending(address previous, address signer);

    /// @notice Too few distinct legal entities signed.
    error QuorumMissing(uint8 threshold, uint256 entities);

    /// @custom:storage-location erc7201:paripassu.storage.AttestorSet
    struct AttestorSetStorage {
        uint32 version;
        uint8 threshold;
        mapping(uint32 version => Attestor[]) members;
        mapping(uint32 version => mapping(address signer => bytes32)) entityOf;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.AttestorSet")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x5a1d3176fca0ee80e44974718038c6175affd63d13f818378a9ddf3bfa47db00;

    function _s() private pure returns (AttestorSetStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    constructor(
        address authority_,
        address approvals_,
        address kernel_
    ) PariContract(authority_, approvals_, kernel_) {}

    /// @notice Replace the set.
    /// @param members the new members; several may belong to one entity, which counts once
    /// @param threshold distinct entities that must sign
    /// @custom:access-control BRIDGE_OPERATOR
    function rotate(Attestor[] calldata members, uint8 threshold) external onlyRole(Roles.BRIDGE_OPERATOR) {
        AttestorSetStorage storage $ = _s();
        uint32 next = $.version + 1;
        ($.version, $.threshold) = (next, threshold);
        Attestor[] storage list = $.members[next];
        mapping(address => bytes32) storage entityOf = $.entityOf[next];
        bytes32[] memory seen = new bytes32[](members.length);
        uint256 entities = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            (address signer, bytes32 entity) = (members[i].signer, members[i].entity);
            if (signer == address(0) || entity == 0 || entityOf[signer] != 0) revert BadMember(signer, entity);
            entityOf[signer] = entity;
            Attestor storage member = list.push();
            (member.signer, member.entity) = (signer, entity);
            entities = _note(seen, entities, entity);
        }
        if (threshold < 2 || threshold > entities) revert BadThreshold(threshold, entities);
        emit AttestorsRotated(next, threshold, members);
    }

    /// @notice The set that verifies now.
    function current()
        external
        view
        returns (uint32 setVersion, uint8 threshold, Attestor[] memory members)
    {
        AttestorSetStorage storage $ = _s();
        return ($.version, $.threshold, $.members[$.version]);
    }

    /// @inheritdoc IAttestorSet
    function verify(bytes32 digest, uint32 setVersion, bytes[] calldata signatures) external view {
        AttestorSetStorage storage $ = _s();
        (uint32 now_, uint8 threshold) = ($.version, $.threshold);
        if (setVersion != now_ || now_ == 0) revert WrongSetVersion(now_, setVersion);
        bytes32[] memory seen = new bytes32[](signatures.length);
        uint256 entities = 0;
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recover(digest, signatures[i]);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            bytes32 entity = $.entityOf[now_][signer];
            if (entity == 0) revert UnknownSigner(signer);
            entities = _note(seen, entities, entity);
            previous = signer;
        }
        if (entities < threshold) revert QuorumMissing(threshold, entities);
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice AttestorSet
    function contractName() public pure override returns (string memory) {
        return "AttestorSet";
    }

    /// @dev Put `entity` among the `count` seen ones, once; returns the new count.
    function _note(bytes32[] memory seen, uint256 count, bytes32 entity) private pure returns (uint256) {
        for (uint256 i = 0; i < count; ++i) {
            if (seen[i] == entity) return count;
        }
        seen[count] = entity;
        return count + 1;
    }
}
