// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyGuardUpgradeable} from "@openzeppelin/contracts-upgradeable/utils/ReentrancyGuardUpgradeable.sol";
import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {Interop} from "../access/Interop.sol";
import {Roles} from "../access/Roles.sol";
import {PariUpgradeable} from "../access/Versioned.sol";
import {IAttestorSet} from "../interfaces/IAttestorSet.sol";
import {IERC7786GatewaySource, IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {Batch, IGateway, Message} from "../interfaces/IGateway.sol";

/// @title Gateway between ledgers
/// @notice Outbox and inbox of a chain. Messages travel in lanes (source, destination, purpose),
/// each numbered from 1 without gaps; attestors sign batches of one lane; whoever likes delivers
/// them. A message takes effect once, in lane order, or is parked with the reason (MOV-3).
/// @dev The gateway calls one function only, `receiveMessage`, of the applications registered here.
contract Gateway is PariUpgradeable, EIP712Upgradeable, ReentrancyGuardUpgradeable, IGateway {
    /// @notice A message took effect.
    event MessageExecuted(
        bytes32 indexed messageId,
        uint256 indexed source,
        uint8 indexed purpose,
        uint64 nonce
    );

    /// @notice A message arrived but could not take effect; `retry` may carry it out later.
    /// @param reason the error that stopped it, ABI encoded, at most 256 bytes
    event MessageParked(
        bytes32 indexed messageId,
        uint256 indexed source,
        uint8 indexed purpose,
        uint64 nonce,
        bytes reason
    );

    /// @notice An application took over a purpose.
    event AppSet(uint8 indexed purpose, address app);

    /// @notice A ledger was opened, closed or given another gateway.
    event PeerSet(uint256 indexed ledger, bytes gateway, bool open);

    /// @notice The caller is not the application of this purpose.
    error NotApp(uint8 purpose, address caller);

    /// @notice The lane attribute is missing, repeated or malformed.
    error LaneMissing();

    /// @notice Messages carry no native value.
    error ValueNotSupported();

    /// @notice There is no open lane with this ledger.
    error PeerClosed(uint256 ledger);

    /// @notice The peer's address is on another ledger, or on this one.
    error PeerMismatch(uint256 ledger);

    /// @notice This contract can be no application.
    error BadApp(uint8 purpose, address app);

    /// @notice The batch has no messages.
    error EmptyBatch();

    /// @notice The messages are not all of one lane.
    error MixedLanes(uint256 index);

    /// @notice The nonces in the batch do not follow each other.
    error NotContiguous(uint64 expected, uint64 given);

    /// @notice Earlier messages of the lane must be executed first.
    error NonceGap(uint64 expected, uint64 given);

    /// @notice The batch is for another ledger.
    error WrongDestination(uint256 destination);

    /// @notice The message's source time is later than this block's.
    error FromTheFuture(uint64 timestamp, uint256 blockTimestamp);

    /// @notice The message expired, or would at once.
    error Expired(uint64 expiry);

    /// @notice The sender speaks another major version of the protocol.
    error UnsupportedVersion(uint32 version);

    /// @notice The recipient is not the application of the message's purpose here.
    error ReceiverMissing(bytes recipient);

    /// @notice The application did not answer as ERC-7786 demands.
    error BadReceiver(address receiver);

    /// @notice Too little gas to give the application its allowance; nothing was consumed.
    error InsufficientGas(uint256 available, uint256 needed);

    /// @notice The message is not parked.
    error NotParked(bytes32 messageId);

    /// @notice Only the gateway itself.
    error OnlySelf();

    /// @notice What an application may spend on one message, no more and no less.
    uint256 public constant RECEIVER_GAS = 1_000_000;

    /// @dev Kept back to park a message and to finish the batch.
    uint256 private constant RESERVED_GAS = 100_000;

    /// @dev Longest reason that is kept of a failure, bytes.
    uint256 private constant REASON_LENGTH = 256;

    bytes4 private constant LANE = bytes4(keccak256("lane(uint8,uint64)"));
    bytes4 private constant ENVELOPE = bytes4(keccak256("envelope(uint8,uint64,uint64,uint64,uint32)"));

    bytes32 private constant MESSAGE_TYPEHASH = keccak256(
        "Message(uint256 source,uint256 destination,uint8 purpose,uint64 nonce,uint64 timestamp,uint64 expiry,uint32 version,bytes sender,bytes recipient,bytes payload)"
    );
    bytes32 private constant BATCH_TYPEHASH = keccak256(
        "Batch(uint32 attestorSetVersion,Message[] messages)Message(uint256 source,uint256 destination,uint8 purpose,uint64 nonce,uint64 timestamp,uint64 expiry,uint32 version,bytes sender,bytes recipient,bytes payload)"
    );

    struct Peer {
        bool open;
        bytes gateway;
    }

    /// @custom:storage-location erc7201:paripassu.storage.Gateway
    struct GatewayStorage {
        IAttestorSet attestorSet;
        uint64 currentTimestamp;
        uint256 currentSource;
        mapping(uint8 purpose => address) apps;
        mapping(uint256 ledger => Peer) peers;
        mapping(uint256 destination => mapping(uint8 purpose => uint64)) outbound;
        mapping(uint256 source => mapping(uint8 purpose => uint64)) inbound;
        mapping(bytes32 messageId => bool) parked;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Gateway")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x1a064f5dbd030395eec3740df11b4704942ad50a8fb59d217e23039afe52fc00;

    function _s() private pure returns (GatewayStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) PariUpgradeable(authority_, approvals_) {}

    /// @notice Set up the proxy.
    /// @param attestors the AttestorSet whose signatures count
    function initialize(address attestors) external initializer {
        __Pari_init();
        __EIP712_init("Pari Passu Gateway", "1");
        __ReentrancyGuard_init();
        if (attestors == address(0)) revert ZeroAddress();
        _s().attestorSet = IAttestorSet(attestors);
    }

    // ------------------------------------------------------------------ set-up

    /// @notice Make a contract the one application of a purpose; zero removes it.
    /// @custom:access-control BRIDGE_OPERATOR
    function setApp(uint8 purpose, address app) external onlyRole(Roles.BRIDGE_OPERATOR) {
        GatewayStorage storage $ = _s();
        if (app == address(this) || app == address(AUTHORITY) || app == APPROVALS || app == address($.attestorSet)) revert BadApp(purpose, app);
        $.apps[purpose] = app;
        emit AppSet(purpose, app);
    }

    /// @notice Open or close the lanes with a ledger, in both directions.
    /// @param ledger number of the ledger
    /// @param gateway ERC-7930 address of its gateway
    /// @param open false stops all lanes with it
    /// @custom:access-control BRIDGE_OPERATOR
    function setPeer(uint256 ledger, bytes calldata gateway, bool open) external onlyRole(Roles.BRIDGE_OPERATOR) {
        // the address of a peer is compared as bytes
        // slither-disable-next-line unused-return
        (uint256 on, ) = Interop.parse(gateway);
        if (on != ledger || ledger == block.chainid) revert PeerMismatch(ledger);
        _s().peers[ledger] = Peer(open, gateway);
        emit PeerSet(ledger, gateway, open);
    }

    // ------------------------------------------------------------------ outbox

    /// @inheritdoc IERC7786GatewaySource
    /// @dev `attributes` is the one attribute lane(uint8 purpose, uint64 expiry). In the event it
    /// is replaced by envelope(uint8 purpose, uint64 nonce, uint64 timestamp, uint64 expiry,
    /// uint32 version), so that the log alone gives the whole message.
    /// @custom:access-control the application of the purpose
    function sendMessage(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) external payable returns (bytes32 sendId) {
        if (msg.value != 0) revert ValueNotSupported();
        (uint8 purpose, uint64 expiry) = _lane(attributes);
        GatewayStorage storage $ = _s();
        if (msg.sender != $.apps[purpose]) revert NotApp(purpose, msg.sender);
        // the recipient travels as it was given
        // slither-disable-next-line unused-return
        (uint256 destination, ) = Interop.parse(recipient);
        if (!$.peers[destination].open) revert PeerClosed(destination);
        if (expiry != 0 && expiry < block.timestamp) revert Expired(expiry);

        Message memory message = Message({
            source: block.chainid,
            destination: destination,
            purpose: purpose,
            nonce: ++$.outbound[destination][purpose],
            timestamp: uint64(block.timestamp),
            expiry: expiry,
            version: protocolVersion(),
            sender: Interop.local(msg.sender),
            recipient: recipient,
            payload: payload
        });
        sendId = messageId(message);
        bytes[] memory envelope = new bytes[](1);
        envelope[0] = abi.encodeWithSelector(
            ENVELOPE, purpose, message.nonce, message.timestamp, expiry, message.version
        );
        emit MessageSent(sendId, message.sender, recipient, payload, 0, envelope);
    }

    // ------------------------------------------------------------------ inbox

    /// @notice Execute an attested batch. Messages executed before are passed over, so a batch may
    /// be delivered by several relayers at once.
    /// @param batch consecutive messages of one lane
    /// @param signatures of distinct entities over `digest(batch)`, ascending by signer
    function execute(Batch calldata batch, bytes[] calldata signatures) external nonReentrant {
        uint256 count = batch.messages.length;
        if (count == 0) revert EmptyBatch();
        GatewayStorage storage $ = _s();
        $.attestorSet.verify(digest(batch), batch.attestorSetVersion, signatures);

        Message calldata first = batch.messages[0];
        if (first.destination != block.chainid) revert WrongDestination(first.destination);
        if (!$.peers[first.source].open) revert PeerClosed(first.source);
        _checkLane(batch.messages);

        uint64 expected = $.inbound[first.source][first.purpose] + 1;
        if (first.nonce > expected) revert NonceGap(expected, first.nonce);
        bool any = false;
        $.currentSource = first.source;
        for (uint256 i = expected - first.nonce; i < count; ++i) {
            Message calldata message = batch.messages[i];
            if (message.timestamp > block.timestamp) {
                if (any) break;
                revert FromTheFuture(message.timestamp, block.timestamp);
            }
            any = true;
            $.inbound[message.source][message.purpose] = message.nonce;
            _execute(message);
        }
        $.currentSource = 0;
        $.currentTimestamp = 0;
    }

    /// @notice Carry out a parked message. Reverts with the application's own reason.
    function retry(Message calldata message) external nonReentrant {
        GatewayStorage storage $ = _s();
        bytes32 id = messageId(message);
        if (!$.parked[id]) revert NotParked(id);
        if (!$.peers[message.source].open) revert PeerClosed(message.source);
        (address receiver, bytes memory reason) = _receiver(message);
        if (reason.length != 0) _revertWith(reason);

        delete $.parked[id];
        $.currentSource = message.source;
        $.currentTimestamp = message.timestamp;
        (bool success, bytes memory data) = address(this).call(
            abi.encodeCall(this.deliver, (receiver, id, message.sender, message.payload))
        );
        if (!success) _revertWith(data);
        $.currentSource = 0;
        $.currentTimestamp = 0;
        emit MessageExecuted(id, message.source, message.purpose, message.nonce);
    }

    /// @notice Call the application and insist on its answer, all or nothing.
    /// @dev An external function so that a delivery with a wrong answer leaves no trace. At most
    /// `REASON_LENGTH` bytes of what the application returns are ever copied.
    /// @custom:access-control the gateway itself
    function deliver(address receiver, bytes32 id, bytes calldata sender, bytes calldata payload) external {
        if (msg.sender != address(this)) revert OnlySelf();
        bytes memory call_ = abi.encodeCall(IERC7786Recipient.receiveMessage, (id, sender, payload));
        bool success;
        bool answered;
        bytes4 answer = IERC7786Recipient.receiveMessage.selector;
        uint256 limit = REASON_LENGTH;
        assembly ("memory-safe") {
            success := call(gas(), receiver, 0, add(call_, 32), mload(call_), 0, 32)
            if iszero(success) {
                let size := returndatasize()
                if gt(size, limit) { size := limit }
                let free := mload(0x40)
                returndatacopy(free, 0, size)
                revert(free, size)
            }
            answered := and(gt(returndatasize(), 31), eq(mload(0), answer))
        }
        if (!answered) revert BadReceiver(receiver);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IGateway
    function currentMessage() external view returns (uint256 source, uint64 timestamp) {
        GatewayStorage storage $ = _s();
        return ($.currentSource, $.currentTimestamp);
    }

    /// @notice Whether a message arrived and waits for `retry`.
    function isParked(bytes32 id) external view returns (bool) {
        return _s().parked[id];
    }

    /// @notice Number of the last message sent in a lane; 0 before the first.
    function outboundNonce(uint256 destination, uint8 purpose) external view returns (uint64) {
        return _s().outbound[destination][purpose];
    }

    /// @notice Number of the last message executed or parked in a lane; 0 before the first.
    function inboundNonce(uint256 source, uint8 purpose) external view returns (uint64) {
        return _s().inbound[source][purpose];
    }

    /// @notice The application of a purpose.
    function appOf(uint8 purpose) external view returns (address) {
        return _s().apps[purpose];
    }

    /// @notice The gateway of a ledger, and whether lanes with it are open.
    function peerOf(uint256 ledger) external view returns (bytes memory gateway, bool open) {
        Peer storage peer = _s().peers[ledger];
        return (peer.gateway, peer.open);
    }

    /// @notice The AttestorSet whose signatures count.
    function attestorSet() external view returns (address) {
        return address(_s().attestorSet);
    }

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) external pure returns (bool) {
        return selector == LANE;
    }

    /// @notice Identifier of a message: its EIP-712 struct hash.
    function messageId(Message memory message) public pure returns (bytes32) {
        return keccak256(
            abi.encode(
                MESSAGE_TYPEHASH,
                message.source,
                message.destination,
                message.purpose,
                message.nonce,
                message.timestamp,
                message.expiry,
                message.version,
                keccak256(message.sender),
                keccak256(message.recipient),
                keccak256(message.payload)
            )
        );
    }

    /// @notice What attestors sign: the EIP-712 digest of a batch, for this gateway on this chain.
    function digest(Batch calldata batch) public view returns (bytes32) {
        bytes32[] memory ids = new bytes32[](batch.messages.length);
        for (uint256 i = 0; i < ids.length; ++i) ids[i] = messageId(batch.messages[i]);
        return _hashTypedDataV4(
            keccak256(abi.encode(BATCH_TYPEHASH, batch.attestorSetVersion, keccak256(abi.encodePacked(ids))))
        );
    }

    /// @notice Version of the message protocol, major << 16 | minor << 8 | patch. Ledgers of one
    /// major version understand each other.
    function protocolVersion() public pure returns (uint32) {
        return 1 << 16;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC7786GatewaySource).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice Gateway
    function contractName() public pure override returns (string memory) {
        return "Gateway";
    }

    // ------------------------------------------------------------------ parts

    /// @dev Deliver one message, or park it with the reason. The lane has advanced already.
    function _execute(Message calldata message) private {
        GatewayStorage storage $ = _s();
        bytes32 id = messageId(message);
        (address receiver, bytes memory reason) = _receiver(message);
        if (reason.length == 0) {
            $.currentTimestamp = message.timestamp;
            bytes memory call_ = abi.encodeCall(this.deliver, (receiver, id, message.sender, message.payload));
            // last before the call: nothing in between may cost the application its allowance
            uint256 needed = (RECEIVER_GAS * 64) / 63 + RESERVED_GAS;
            if (gasleft() < needed) revert InsufficientGas(gasleft(), needed);
            bool success;
            (success, reason) = address(this).call{gas: RECEIVER_GAS}(call_);
            if (success) {
                emit MessageExecuted(id, message.source, message.purpose, message.nonce);
                return;
            }
        }
        $.parked[id] = true;
        emit MessageParked(id, message.source, message.purpose, message.nonce, reason);
    }

    /// @dev The application that a message may be given to, or the reason why there is none.
    function _receiver(Message calldata message) private view returns (address receiver, bytes memory reason) {
        if (message.expiry != 0 && block.timestamp > message.expiry) {
            return (address(0), abi.encodeWithSelector(Expired.selector, message.expiry));
        }
        if (message.version >> 16 != protocolVersion() >> 16) {
            return (address(0), abi.encodeWithSelector(UnsupportedVersion.selector, message.version));
        }
        receiver = _s().apps[message.purpose];
        if (receiver.code.length == 0 || keccak256(message.recipient) != keccak256(Interop.local(receiver))) {
            return (address(0), abi.encodeWithSelector(ReceiverMissing.selector, _shorten(message.recipient)));
        }
    }

    function _checkLane(Message[] calldata messages) private pure {
        Message calldata first = messages[0];
        if (first.nonce == 0) revert NotContiguous(1, 0);
        for (uint256 i = 1; i < messages.length; ++i) {
            Message calldata message = messages[i];
            if (
                message.source != first.source || message.destination != first.destination
                    || message.purpose != first.purpose
            ) revert MixedLanes(i);
            if (message.nonce != first.nonce + i) revert NotContiguous(uint64(first.nonce + i), message.nonce);
        }
    }

    function _lane(bytes[] calldata attributes) private pure returns (uint8 purpose, uint64 expiry) {
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes4 selector = bytes4(attributes[i]);
            if (selector != LANE) revert UnsupportedAttribute(selector);
        }
        if (attributes.length != 1 || attributes[0].length != 68) revert LaneMissing();
        return abi.decode(attributes[0][4:], (uint8, uint64));
    }

    /// @dev An address is at most 518 bytes; a reason shall not be longer than any other.
    function _shorten(bytes calldata data) private pure returns (bytes calldata) {
        return data.length > 128 ? data[:128] : data;
    }

    function _revertWith(bytes memory data) private pure {
        assembly ("memory-safe") {
            revert(add(data, 32), mload(data))
        }
    }
}
