// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Roles} from "../access/Roles.sol";
import {ISecurityLineage} from "../interfaces/ISecurityLineage.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {LockUp} from "../token/SecurityBase.sol";
import {Application} from "./Application.sol";

/// @title Movements of securities between ledgers
/// @notice The application of purpose 1. Units are burnt here and created there, each message
/// carrying them exactly once (MOV-1, MOV-2). Those that are refused for good there come back to
/// the account that they left (MOV-6). What arrives is capped where the terms of the lane say so (MOV-13).
contract TokenBridge is Application {
    /// @notice Units left for another ledger.
    event UnitsDispatched(
        bytes32 indexed messageId,
        bytes32 indexed securityId,
        address indexed from,
        uint256 destination,
        bytes to,
        uint256 amount
    );

    /// @notice Units arrived from another ledger.
    event UnitsReceived(
        bytes32 indexed messageId,
        bytes32 indexed securityId,
        address indexed to,
        uint256 source,
        uint256 amount
    );

    /// @notice Units came back that the other ledger will never take.
    event UnitsReturned(bytes32 indexed messageId, bytes32 indexed securityId, address indexed to, uint256 amount);

    /// @notice Units left for another ledger and took lock-ups with them: abi.encode(bytes24 holder, Lot[] lots).
    event LotsDispatched(bytes32 indexed messageId, bytes lineage);

    /// @notice At most so many units of a security may arrive from a ledger in a window; 0 seconds for no cap.
    event ArrivalCapSet(bytes32 indexed securityId, uint256 indexed source, uint64 amount, uint32 window);

    /// @notice A movement may arrive although it exceeds the cap.
    event ArrivalApproved(bytes32 indexed messageId, bytes32 indexed actId);

    /// @notice More would arrive in this window than the cap allows; the movement waits for an approval.
    error ArrivalCapExceeded(uint64 cap, uint64 arrived, uint256 amount);

    /// @notice The token is not the one that carries its security here.
    error TokenUnknown(bytes32 securityId, address token);

    /// @notice The account cannot be one of that ledger.
    error BadAccount(bytes account);

    /// @notice A movement moves at least one unit.
    error NothingToMove();

    /// @notice What may arrive of a security from a ledger, in one slot.
    /// @param amount units in a window
    /// @param window seconds; 0 for no cap
    /// @param arrived units so far in the window that began last
    /// @param since when that was
    struct ArrivalCap {
        uint64 amount;
        uint32 window;
        uint64 arrived;
        uint64 since;
    }

    /// @custom:storage-location erc7201:paripassu.storage.TokenBridge
    struct TokenBridgeStorage {
        mapping(bytes32 securityId => mapping(uint256 source => ArrivalCap)) caps;
        mapping(bytes32 messageId => bool) approved;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.TokenBridge")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x6a2c3cec9ed2627c3aa58c6c52b1733e4573a877c70c9e2caecd46875ede7000;

    function _s() private pure returns (TokenBridgeStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    uint8 private constant MOVEMENT = 1;

    /// @dev Where the first account of a movement without lock-ups stands: behind four words.
    uint256 private constant PLAIN = 128;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param gateway_ carries the messages
    /// @param instanceRegistry_ says which instances are trusted, and which exchange units
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address gateway_,
        address instanceRegistry_
    ) Application(authority_, approvals_, kernel_, gateway_, instanceRegistry_) {}

    /// @notice Move units of the caller to an account on another ledger. Refused before anything is
    /// burnt where the versions of the two instances may not exchange units (VER-4).
    /// @param token the security
    /// @param destination number of the ledger
    /// @param toAccount raw account there: 20 bytes on EVM chains, UTF-8 in book entry
    /// @param amount units
    /// @param expiry last second at which they may arrive there; 0 for no end. What has not arrived by then comes back
    /// @return messageId identifies the movement on both ledgers
    function move(
        address token,
        uint256 destination,
        bytes calldata toAccount,
        uint256 amount,
        uint64 expiry
    ) external returns (bytes32 messageId) {
        bytes32 securityId = _leaving(token, destination, toAccount, amount);
        ISecurityToken(token).crosschainBurn(msg.sender, amount);
        messageId = GATEWAY.dispatch(
            destination, MOVEMENT, expiry, abi.encode(securityId, abi.encodePacked(msg.sender), toAccount, amount)
        );
        emit UnitsDispatched(messageId, securityId, msg.sender, destination, toAccount, amount);
    }

    /// @notice Move units of the caller that are locked up, with their lock-ups, to an account of the same
    /// holder on another ledger: they end when they would have ended here (MOV-8). Another's account is
    /// refused where it arrives.
    /// @param token the security
    /// @param destination number of the ledger
    /// @param toAccount raw account there
    /// @param amount units, those that are locked up included
    /// @param lockUps which lock-ups, by their end; they may be parts of eight lots
    /// @param expiry last second at which they may arrive there; 0 for no end
    /// @return messageId identifies the movement on both ledgers
    function moveLocked(
        address token,
        uint256 destination,
        bytes calldata toAccount,
        uint256 amount,
        LockUp[] calldata lockUps,
        uint64 expiry
    ) external returns (bytes32 messageId) {
        bytes32 securityId = _leaving(token, destination, toAccount, amount);
        if (lockUps.length == 0) revert NothingToMove();
        bytes memory lineage = ISecurityLineage(token).crosschainBurnLocked(msg.sender, amount, lockUps);
        bytes memory payload = abi.encode(securityId, abi.encodePacked(msg.sender), toAccount, amount, lineage);
        messageId = GATEWAY.dispatch(destination, MOVEMENT, expiry, payload);
        emit UnitsDispatched(messageId, securityId, msg.sender, destination, toAccount, amount);
        emit LotsDispatched(messageId, lineage);
    }

    /// @notice Bound what arrives of a security from a ledger. What is above it is parked, for k of n to approve.
    /// @param securityId the security
    /// @param source number of the ledger
    /// @param amount units that may arrive in a window
    /// @param window seconds; 0 for no cap
    /// @custom:access-control BRIDGE_OPERATOR
    function setArrivalCap(
        bytes32 securityId,
        uint256 source,
        uint64 amount,
        uint32 window
    ) external onlyRole(Roles.BRIDGE_OPERATOR) {
        ArrivalCap storage cap = _s().caps[securityId][source];
        (cap.amount, cap.window) = (amount, window);
        emit ArrivalCapSet(securityId, source, amount, window);
    }

    /// @notice Let a parked movement arrive although it exceeds the cap; `retry` of the gateway carries it out.
    /// @custom:access-control approved act
    function approveArrival(bytes32 messageId) external onlyApproved {
        _s().approved[messageId] = true;
        emit ArrivalApproved(messageId, bytes32(msg.data[msg.data.length - 32:]));
    }

    /// @notice The cap on what arrives of a security from a ledger, and what has arrived in its window so far.
    function arrivalCapOf(bytes32 securityId, uint256 source) external view returns (ArrivalCap memory) {
        return _s().caps[securityId][source];
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice TokenBridge
    function contractName() public pure override returns (string memory) {
        return "TokenBridge";
    }

    /// @inheritdoc Application
    function _receive(
        bytes32 receiveId,
        uint256 source,
        uint64 dispatchedAt,
        bytes calldata payload
    ) internal override {
        (bytes32 securityId, , bytes memory toAccount, uint256 amount) =
            abi.decode(payload, (bytes32, bytes, bytes, uint256));
        if (toAccount.length != 20) revert BadAccount(toAccount);
        _countArrival(receiveId, securityId, source, amount);
        address token = INSTANCE_REGISTRY.requireExchange(securityId, source);
        address named = address(bytes20(toAccount));
        address to = _land(token, named, amount, dispatchedAt, receiveId, _lineageOf(payload));
        emit UnitsReceived(receiveId, securityId, to, source, amount);
    }

    /// @inheritdoc Application
    /// @dev To the account that they left, or to the one that took its place, whatever became of the
    /// versions meanwhile: the units are ours.
    function _takeBack(bytes32 receiveId, uint64 dispatchedAt, bytes calldata payload) internal override {
        (bytes32 securityId, bytes memory fromAccount, , uint256 amount) =
            abi.decode(payload, (bytes32, bytes, bytes, uint256));
        address token = INSTANCE_REGISTRY.localToken(securityId);
        if (token == address(0)) revert TokenUnknown(securityId, token);
        address from = address(bytes20(fromAccount));
        address to = _land(token, from, amount, dispatchedAt, 0, _lineageOf(payload));
        emit UnitsReturned(receiveId, securityId, to, amount);
    }

    /// @dev Refuse what could not be taken in there: no units, an account that cannot be, another token than
    /// the security's, an instance that is not trusted, a version that may not exchange with this one.
    function _leaving(
        address token,
        uint256 destination,
        bytes calldata toAccount,
        uint256 amount
    ) private view returns (bytes32 securityId) {
        if (amount == 0) revert NothingToMove();
        bool evm = destination >> 255 == 0;
        if (toAccount.length == 0 || (evm && toAccount.length != 20)) revert BadAccount(toAccount);
        securityId = ISecurityToken(token).securityId();
        if (INSTANCE_REGISTRY.requireExchange(securityId, destination) != token) {
            revert TokenUnknown(securityId, token);
        }
    }

    /// @dev Credit units to an account, or to the one that took its place while they were on their way; it is
    /// looked for only where the account itself cannot have them.
    function _land(
        address token,
        address named,
        uint256 amount,
        uint64 dispatchedAt,
        bytes32 arrival,
        bytes memory lineage
    ) private returns (address) {
        if (lineage.length == 0) {
            try ISecurityToken(token).crosschainMintAt(named, amount, dispatchedAt) {
                return named;
            } catch {} // the other way says why, where it fails too
        }
        return ISecurityLineage(token).crosschainMintFor(named, amount, dispatchedAt, arrival, lineage);
    }

    /// @dev What travels with the units of a movement; empty for most.
    function _lineageOf(bytes calldata payload) private pure returns (bytes memory lineage) {
        if (uint256(bytes32(payload[32:64])) != PLAIN) {
            (, , , , lineage) = abi.decode(payload, (bytes32, bytes, bytes, uint256, bytes));
        }
    }

    /// @dev Count what arrives against the cap, if there is one; what k of n approved passes beside it.
    function _countArrival(bytes32 messageId, bytes32 securityId, uint256 source, uint256 amount) private {
        TokenBridgeStorage storage $ = _s();
        ArrivalCap memory cap = $.caps[securityId][source];
        if (cap.window == 0) return;
        if ($.approved[messageId]) {
            delete $.approved[messageId];
            return;
        }
        if (block.timestamp - cap.since >= cap.window) (cap.arrived, cap.since) = (0, uint64(block.timestamp));
        if (amount > cap.amount || cap.arrived > cap.amount - amount) {
            revert ArrivalCapExceeded(cap.amount, cap.arrived, amount);
        }
        cap.arrived += uint64(amount);
        $.caps[securityId][source] = cap;
    }
}
