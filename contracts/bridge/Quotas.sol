// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../access/Interop.sol";
import {Roles} from "../access/Roles.sol";
import {PariUpgradeable, Versioned} from "../access/Versioned.sol";
import {IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {IHolderRegistry} from "../interfaces/IHolderRegistry.sol";
import {IInstanceRegistry} from "../interfaces/IInstanceRegistry.sol";
import {ISecurityActs} from "../interfaces/ISecurity.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";

/// @title Quotas of the limits that count over all ledgers (CTL-4)
/// @notice The application of purpose 4. Each ledger applies its share of a security's holding cap and
/// of its limit of holders by itself, so no transfer waits for a message. What a ledger does not use it
/// may give up here for another to have: it is taken from the one before the other is told, so the
/// shares and what is on its way never add up to more than the terms allow.
contract Quotas is PariUpgradeable, IERC7786Recipient {
    /// @notice Quota left for another ledger, or for another account of the holder here.
    /// @param messageId zero where it stays on this ledger
    /// @param account whose quota; zero for places of holders
    /// @param toAccount raw account there; empty for places
    /// @param amount units, or places
    event QuotaDispatched(
        bytes32 indexed messageId,
        bytes32 indexed securityId,
        address indexed account,
        uint256 destination,
        bytes toAccount,
        uint64 amount
    );

    /// @notice Quota arrived.
    /// @param messageId zero where it was on this ledger
    /// @param account whose quota it is now; zero for places of holders
    /// @param amount units, or places
    event QuotaReceived(
        bytes32 indexed messageId,
        bytes32 indexed securityId,
        address indexed account,
        uint256 source,
        uint64 amount
    );

    /// @notice The contract of this purpose on a ledger is another one from now on.
    event PeerAppSet(uint256 indexed ledger, bytes app);

    /// @notice The token is not the one that carries its security here.
    error TokenUnknown(bytes32 securityId, address token);

    /// @notice No contract of this purpose is known on that ledger.
    error PeerUnknown(uint256 ledger);

    /// @notice The address is on another ledger.
    error PeerMismatch(uint256 ledger);

    /// @notice The account cannot be one of that ledger.
    error BadAccount(bytes account);

    /// @notice At least one unit or place moves.
    error NothingToMove();

    /// @notice The message is neither about a quota nor about places.
    error KindUnknown(uint8 kind);

    /// @notice The caller is not the gateway.
    error NotGateway(address caller);

    /// @notice The message is not from this contract's counterpart on its ledger.
    error NotPeer(uint256 source, bytes sender);

    uint8 private constant PURPOSE = 4;
    uint64 private constant NEVER = 0;

    uint8 private constant QUOTA = 1;
    uint8 private constant PLACES = 2;

    /// @custom:storage-location erc7201:paripassu.storage.Quotas
    struct QuotasStorage {
        IGateway gateway;
        IInstanceRegistry instanceRegistry;
        mapping(uint256 ledger => bytes) peerApps;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Quotas")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x85010ad008ef48df1c85b7d47a693fb9a03e84a01bee78341ce1e4b861921a00;

    function _s() private pure returns (QuotasStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) PariUpgradeable(authority_, approvals_) {}

    /// @notice Set up the proxy.
    /// @param gateway_ carries the messages
    /// @param instanceRegistry_ says which instances are trusted, and which may exchange
    function initialize(address gateway_, address instanceRegistry_) external initializer {
        __Pari_init();
        if (gateway_ == address(0) || instanceRegistry_ == address(0)) revert ZeroAddress();
        _s().gateway = IGateway(gateway_);
        _s().instanceRegistry = IInstanceRegistry(instanceRegistry_);
    }

    /// @notice Name this contract's counterpart on another ledger.
    /// @param ledger number of the ledger
    /// @param app its ERC-7930 address
    /// @custom:access-control BRIDGE_OPERATOR
    function setPeerApp(uint256 ledger, bytes calldata app) external onlyRole(Roles.BRIDGE_OPERATOR) {
        (uint256 on, ) = Interop.parse(app);
        if (on != ledger) revert PeerMismatch(ledger);
        _s().peerApps[ledger] = app;
        emit PeerAppSet(ledger, app);
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
        if (destination != block.chainid) {
            messageId = _send(destination, abi.encode(securityId, QUOTA, holder, toAccount, amount));
        }
        emit QuotaDispatched(messageId, securityId, account, destination, toAccount, amount);
        if (destination == block.chainid) _grant(0, securityId, destination, token, holder, toAccount, amount);
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
        messageId = _send(destination, abi.encode(securityId, PLACES, bytes24(0), "", uint64(places)));
        emit QuotaDispatched(messageId, securityId, address(0), destination, "", places);
    }

    /// @inheritdoc IERC7786Recipient
    /// @custom:access-control the gateway
    function receiveMessage(
        bytes32 receiveId,
        bytes calldata sender,
        bytes calldata payload
    ) external payable returns (bytes4) {
        QuotasStorage storage $ = _s();
        if (msg.sender != address($.gateway)) revert NotGateway(msg.sender);
        (uint256 source, ) = $.gateway.currentMessage();
        if (sender.length == 0 || keccak256(sender) != keccak256($.peerApps[source])) revert NotPeer(source, sender);

        (bytes32 securityId, uint8 kind, bytes24 holder, bytes memory toAccount, uint64 amount) =
            abi.decode(payload, (bytes32, uint8, bytes24, bytes, uint64));
        address token = $.instanceRegistry.requireExchange(securityId, source);
        if (kind == QUOTA) {
            _grant(receiveId, securityId, source, token, holder, toAccount, amount);
        } else if (kind == PLACES && amount <= type(uint32).max) {
            ISecurityActs(token).grantPlaces(uint32(amount));
            emit QuotaReceived(receiveId, securityId, address(0), source, amount);
        } else {
            revert KindUnknown(kind);
        }
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @notice ERC-7930 address of this contract's counterpart on a ledger; empty when there is none.
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

    /// @notice Quotas
    function contractName() public pure override returns (string memory) {
        return "Quotas";
    }

    // ------------------------------------------------------------------ parts

    /// @dev Refuse what could not be taken in there: another token than the security's, an instance that
    /// is not trusted, a version that may not exchange with this one (VER-4).
    function _leaving(
        address token,
        uint256 destination,
        uint256 amount
    ) private view returns (bytes32 securityId) {
        if (amount == 0) revert NothingToMove();
        securityId = ISecurityToken(token).securityId();
        if (_s().instanceRegistry.requireExchange(securityId, destination) != token) {
            revert TokenUnknown(securityId, token);
        }
    }

    function _send(uint256 destination, bytes memory payload) private returns (bytes32) {
        bytes memory app = _s().peerApps[destination];
        if (app.length == 0) revert PeerUnknown(destination);
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = abi.encodeWithSignature("lane(uint8,uint64)", PURPOSE, NEVER);
        return _s().gateway.sendMessage(app, payload, attributes);
    }

    /// @dev To the account that stands for the one that was named: its key may have been changed while
    /// the quota was on its way. The token refuses another holder's.
    function _grant(
        bytes32 messageId,
        bytes32 securityId,
        uint256 source,
        address token,
        bytes24 holder,
        bytes memory toAccount,
        uint64 amount
    ) private {
        if (toAccount.length != 20) revert BadAccount(toAccount);
        address account = IHolderRegistry(ISecurityToken(token).holderRegistry()).currentOf(address(bytes20(toAccount)));
        ISecurityActs(token).grantQuota(account, uint192(holder), amount);
        emit QuotaReceived(messageId, securityId, account, source, amount);
    }
}
