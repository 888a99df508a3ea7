// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../access/Interop.sol";
import {Roles} from "../access/Roles.sol";
import {PariUpgradeable, Versioned} from "../access/Versioned.sol";
import {IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {IInstanceRegistry} from "../interfaces/IInstanceRegistry.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";

/// @title Movements of securities between ledgers
/// @notice The application of purpose 1. Units are burnt here and created there, each message
/// carrying them exactly once (MOV-1, MOV-2). Movements never expire: they can always arrive.
contract TokenBridge is PariUpgradeable, IERC7786Recipient {
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

    /// @notice The bridge on a ledger is another one from now on.
    event PeerAppSet(uint256 indexed ledger, bytes app);

    /// @notice The token is not the one that carries its security here.
    error TokenUnknown(bytes32 securityId, address token);

    /// @notice No bridge is known on that ledger.
    error PeerUnknown(uint256 ledger);

    /// @notice The address is on another ledger.
    error PeerMismatch(uint256 ledger);

    /// @notice The account cannot be one of that ledger.
    error BadAccount(bytes account);

    /// @notice A movement moves at least one unit.
    error NothingToMove();

    /// @notice The caller is not the gateway.
    error NotGateway(address caller);

    /// @notice The message is not from the bridge of its ledger.
    error NotPeer(uint256 source, bytes sender);

    uint8 private constant MOVEMENT = 1;
    uint64 private constant NEVER = 0;

    /// @custom:storage-location erc7201:paripassu.storage.TokenBridge
    struct TokenBridgeStorage {
        IGateway gateway;
        IInstanceRegistry instanceRegistry;
        mapping(uint256 ledger => bytes) peerApps;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.TokenBridge")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x6a2c3cec9ed2627c3aa58c6c52b1733e4573a877c70c9e2caecd46875ede7000;

    function _s() private pure returns (TokenBridgeStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) PariUpgradeable(authority_, approvals_) {}

    /// @notice Set up the proxy.
    /// @param gateway_ carries the messages
    /// @param instanceRegistry_ says which instances are trusted, and which exchange units
    function initialize(address gateway_, address instanceRegistry_) external initializer {
        __Pari_init();
        if (gateway_ == address(0) || instanceRegistry_ == address(0)) revert ZeroAddress();
        _s().gateway = IGateway(gateway_);
        _s().instanceRegistry = IInstanceRegistry(instanceRegistry_);
    }

    /// @notice Name the bridge on another ledger.
    /// @param ledger number of the ledger
    /// @param app ERC-7930 address of the bridge there
    /// @custom:access-control BRIDGE_OPERATOR
    function setPeerApp(uint256 ledger, bytes calldata app) external onlyRole(Roles.BRIDGE_OPERATOR) {
        // the address of a peer is compared as bytes
        // slither-disable-next-line unused-return
        (uint256 on, ) = Interop.parse(app);
        if (on != ledger) revert PeerMismatch(ledger);
        _s().peerApps[ledger] = app;
        emit PeerAppSet(ledger, app);
    }

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
        TokenBridgeStorage storage $ = _s();
        bytes32 securityId = ISecurityToken(token).securityId();
        if ($.instanceRegistry.requireExchange(securityId, destination) != token) {
            revert TokenUnknown(securityId, token);
        }
        bytes memory app = $.peerApps[destination];
        if (app.length == 0) revert PeerUnknown(destination);

        ISecurityToken(token).crosschainBurn(msg.sender, amount);
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = abi.encodeWithSignature("lane(uint8,uint64)", MOVEMENT, NEVER);
        messageId = $.gateway.sendMessage(
            app, abi.encode(securityId, abi.encodePacked(msg.sender), toAccount, amount), attributes
        );
        emit UnitsDispatched(messageId, securityId, msg.sender, destination, toAccount, amount);
    }

    /// @inheritdoc IERC7786Recipient
    /// @custom:access-control the gateway
    function receiveMessage(
        bytes32 receiveId,
        bytes calldata sender,
        bytes calldata payload
    ) external payable returns (bytes4) {
        TokenBridgeStorage storage $ = _s();
        if (msg.sender != address($.gateway)) revert NotGateway(msg.sender);
        (uint256 source, uint64 dispatchedAt) = $.gateway.currentMessage();
        if (sender.length == 0 || keccak256(sender) != keccak256($.peerApps[source])) revert NotPeer(source, sender);

        (bytes32 securityId, , bytes memory toAccount, uint256 amount) =
            abi.decode(payload, (bytes32, bytes, bytes, uint256));
        if (toAccount.length != 20) revert BadAccount(toAccount);
        address to = address(bytes20(toAccount));
        address token = $.instanceRegistry.requireExchange(securityId, source);

        ISecurityToken(token).crosschainMintAt(to, amount, dispatchedAt);
        emit UnitsReceived(receiveId, securityId, to, source, amount);
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @notice ERC-7930 address of the bridge on a ledger; empty when there is none.
    function peerAppOf(uint256 ledger) external view returns (bytes memory) {
        return _s().peerApps[ledger];
    }

    /// @notice The gateway that carries the messages.
    function gateway() external view returns (address) {
        return address(_s().gateway);
    }

    /// @notice The registry of trusted instances.
    function instanceRegistry() external view returns (address) {
        return address(_s().instanceRegistry);
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == mainInterface() || super.supportsInterface(interfaceId);
    }

    /// @inheritdoc Versioned
    function mainInterface() public pure override returns (bytes4) {
        return type(IERC7786Recipient).interfaceId;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice TokenBridge
    function contractName() public pure override returns (string memory) {
        return "TokenBridge";
    }
}
