// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {Application} from "./Application.sol";

/// @title Movements of securities between ledgers
/// @notice The application of purpose 1. Units are burnt here and created there, each message
/// carrying them exactly once (MOV-1, MOV-2). Movements never expire: they can always arrive.
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

    /// @notice The token is not the one that carries its security here.
    error TokenUnknown(bytes32 securityId, address token);

    /// @notice The account cannot be one of that ledger.
    error BadAccount(bytes account);

    /// @notice A movement moves at least one unit.
    error NothingToMove();

    uint8 private constant MOVEMENT = 1;

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
    /// @return messageId identifies the movement on both ledgers
    function move(
        address token,
        uint256 destination,
        bytes calldata toAccount,
        uint256 amount
    ) external returns (bytes32 messageId) {
        if (amount == 0) revert NothingToMove();
        bool evm = destination >> 255 == 0;
        if (toAccount.length == 0 || (evm && toAccount.length != 20)) revert BadAccount(toAccount);
        bytes32 securityId = ISecurityToken(token).securityId();
        if (INSTANCE_REGISTRY.requireExchange(securityId, destination) != token) {
            revert TokenUnknown(securityId, token);
        }
        ISecurityToken(token).crosschainBurn(msg.sender, amount);
        messageId = GATEWAY.send(
            destination, MOVEMENT, abi.encode(securityId, abi.encodePacked(msg.sender), toAccount, amount)
        );
        emit UnitsDispatched(messageId, securityId, msg.sender, destination, toAccount, amount);
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
        address to = address(bytes20(toAccount));
        ISecurityToken token = ISecurityToken(INSTANCE_REGISTRY.requireExchange(securityId, source));
        token.crosschainMintAt(to, amount, dispatchedAt);
        emit UnitsReceived(receiveId, securityId, to, source, amount);
    }
}
