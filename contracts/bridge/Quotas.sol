// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Roles} from "../access/Roles.sol";
import {IHolderRegistry} from "../interfaces/IHolderRegistry.sol";
import {ISecurityActs} from "../interfaces/ISecurity.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {Application} from "./Application.sol";

/// @title Quotas of the limits that count over all ledgers (CTL-4)
/// @notice The application of purpose 4. Each ledger applies its share of a security's holding cap and
/// of its limit of holders by itself, so no transfer waits for a message. What a ledger does not use it
/// may give up here for another to have: it is taken from the one before the other is told, so the
/// shares and what is on its way never add up to more than the terms allow.
/// @dev Has no state, and no events: the token tells of every change of a quota, the gateway of every
/// message, in the same transaction.
contract Quotas is Application {
    /// @notice The token is not the one that carries its security here.
    error TokenUnknown(bytes32 securityId, address token);

    /// @notice The account cannot be one of that ledger.
    error BadAccount(bytes account);

    /// @notice At least one unit or place moves.
    error NothingToMove();

    /// @notice The message is neither about a quota nor about places.
    error KindUnknown(uint8 kind);

    uint8 private constant PURPOSE = 4;
    uint8 private constant QUOTA = 1;
    uint8 private constant PLACES = 2;

    IHolderRegistry private immutable HOLDER_REGISTRY;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param gateway_ carries the messages
    /// @param instanceRegistry_ says which instances are trusted, and which exchange quotas
    /// @param holderRegistry_ says which account stands for one whose key was changed
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address gateway_,
        address instanceRegistry_,
        address holderRegistry_
    ) Application(authority_, approvals_, kernel_, gateway_, instanceRegistry_) {
        if (holderRegistry_ == address(0)) revert ZeroAddress();
        HOLDER_REGISTRY = IHolderRegistry(holderRegistry_);
    }

    /// @notice Let holding cap of an account that it does not use count for another account of the same
    /// holder, on another ledger or on this one. Another's account is refused where it arrives.
    /// @param token the security
    /// @param account whose quota
    /// @param destination number of the ledger; this one's own between two accounts here
    /// @param toAccount raw account there: 20 bytes on EVM chains, UTF-8 in book entry
    /// @param amount units, at least 1
    /// @return messageId identifies the movement on both ledgers; zero on this one
    /// @custom:access-control the account, or TRANSFER_AGENT
    function moveQuota(
        address token,
        address account,
        uint256 destination,
        bytes calldata toAccount,
        uint64 amount
    ) external returns (bytes32 messageId) {
        if (msg.sender != account) _checkRole(Roles.TRANSFER_AGENT);
        bool evm = destination >> 255 == 0;
        if (toAccount.length == 0 || (evm && toAccount.length != 20)) revert BadAccount(toAccount);
        bytes32 securityId = _leaving(token, destination, amount);
        bytes24 holder = bytes24(ISecurityActs(token).releaseQuota(account, amount));
        if (destination == block.chainid) _grant(token, holder, toAccount, amount);
        else messageId = _send(destination, securityId, QUOTA, holder, toAccount, amount);
    }

    /// @notice Let free places of the limit of holders count on another ledger.
    /// @param token the security
    /// @param destination number of the ledger
    /// @param places at least 1
    /// @return messageId identifies the movement on both ledgers
    /// @custom:access-control TRANSFER_AGENT
    function movePlaces(
        address token,
        uint256 destination,
        uint32 places
    ) external onlyRole(Roles.TRANSFER_AGENT) returns (bytes32 messageId) {
        bytes32 securityId = _leaving(token, destination, places);
        ISecurityActs(token).releasePlaces(places);
        return _send(destination, securityId, PLACES, 0, "", places);
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice Quotas
    function contractName() public pure override returns (string memory) {
        return "Quotas";
    }

    /// @inheritdoc Application
    function _receive(bytes32, uint256 source, uint64, bytes calldata payload) internal override {
        (bytes32 securityId, uint8 kind, bytes24 holder, bytes memory toAccount, uint64 amount) =
            abi.decode(payload, (bytes32, uint8, bytes24, bytes, uint64));
        address token = _tokenOf(securityId, source);
        if (kind == QUOTA) {
            _grant(token, holder, toAccount, amount);
        } else if (kind == PLACES && amount <= type(uint32).max) {
            ISecurityActs(token).grantPlaces(uint32(amount));
        } else {
            revert KindUnknown(kind);
        }
    }

    /// @dev Refuse what could not be taken in there: another token than the security's, an instance that
    /// is not trusted, a version that may not exchange with this one (VER-4).
    function _leaving(
        address token,
        uint256 destination,
        uint256 amount
    ) private view returns (bytes32 securityId) {
        if (amount == 0) revert NothingToMove();
        securityId = ISecurityToken(token).securityId();
        if (_tokenOf(securityId, destination) != token) {
            revert TokenUnknown(securityId, token);
        }
    }

    /// @dev The security's token here, if it may exchange with the one there.
    function _tokenOf(bytes32 securityId, uint256 ledger) private view returns (address) {
        return INSTANCE_REGISTRY.requireExchange(securityId, ledger);
    }

    function _send(
        uint256 destination,
        bytes32 securityId,
        uint8 kind,
        bytes24 holder,
        bytes memory toAccount,
        uint64 amount
    ) private returns (bytes32) {
        return GATEWAY.dispatch(destination, PURPOSE, 0, abi.encode(securityId, kind, holder, toAccount, amount));
    }

    /// @dev To the account that stands for the one that was named: its key may have been changed while
    /// the quota was on its way. The token refuses another holder's.
    function _grant(
        address token,
        bytes24 holder,
        bytes memory toAccount,
        uint64 amount
    ) private {
        if (toAccount.length != 20) revert BadAccount(toAccount);
        address account = HOLDER_REGISTRY.currentOf(address(bytes20(toAccount)));
        ISecurityActs(token).grantQuota(account, uint192(holder), amount);
    }
}
