// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Interop} from "../access/Interop.sol";
import {Roles} from "../access/Roles.sol";
import {Typed} from "../access/Typed.sol";
import {PariContract} from "../access/PariContract.sol";
import {IAttestorSet} from "../interfaces/IAttestorSet.sol";
import {IERC7786GatewaySource, IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {Batch, IGateway, Message} from "../interfaces/IGateway.sol";

/// @title Gateway between ledgers
/// @notice Outbox and inbox of a chain. Messages travel in lanes (source, destination, purpose),
/// each numbered from 1 without gaps; attestors sign batches of one lane; whoever likes delivers
/// them. A message takes effect once, in lane order, or is parked with the reason (MOV-3).
/// @dev The gateway calls one function only, `receiveMessage`, of the applications registered here,
/// and only with what their counterparts on the other ledgers sent: applications need not know
/// of these. The ledger of the message in execution is the guard against re-entry.
contract Gateway is PariContract, Typed, IGateway {
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

    /// @notice The application of a purpose on another ledger is another one from now on.
    event PeerAppSet(uint256 indexed ledger, uint8 indexed purpose, bytes app);

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

    /// @notice No application of this purpose is known on that ledger.
    error PeerUnknown(uint256 ledger);

    /// @notice The message is not from the application of its purpose on its ledger.
    error NotPeer(uint256 source, bytes sender);

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

    /// @notice A message is in execution.
    error ReentrancyGuardReentrantCall();

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

    /// @dev Key of the gateway among a ledger's applications: no purpose has this number.
    uint256 private constant GATEWAY = 256;

    /// @dev What the identifier of a message is the hash of; the seven after the type as in `Message`.
    struct Header {
        bytes32 typehash;
        uint256 source;
        uint256 destination;
        uint256 purpose;
        uint256 nonce;
        uint256 timestamp;
        uint256 expiry;
        uint256 version;
        bytes32 sender;
        bytes32 recipient;
        bytes32 payload;
    }

    /// @custom:storage-location erc7201:paripassu.storage.Gateway
    struct GatewayStorage {
        uint256 currentSource;
        uint256 currentTimestamp;
        mapping(uint8 purpose => address) apps;
        mapping(uint256 ledger => bool) open;
        /// ERC-7930 addresses: by purpose that of the application, by GATEWAY that of the gateway
        mapping(uint256 ledger => mapping(uint256 purpose => bytes)) peers;
        mapping(uint256 destination => mapping(uint256 purpose => uint256)) outbound;
        mapping(uint256 source => mapping(uint256 purpose => uint256)) inbound;
        mapping(bytes32 messageId => bool) parked;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Gateway")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x1a064f5dbd030395eec3740df11b4704942ad50a8fb59d217e23039afe52fc00;

    function _s() private pure returns (GatewayStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    IAttestorSet internal immutable ATTESTOR_SET;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param attestorSet_ the AttestorSet whose signatures count
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address attestorSet_
    ) PariContract(authority_, approvals_, kernel_) {
        if (attestorSet_ == address(0)) revert ZeroAddress();
        ATTESTOR_SET = IAttestorSet(attestorSet_);
    }

    // ------------------------------------------------------------------ set-up

    /// @notice Make a contract the one application of a purpose; zero removes it.
    /// @custom:access-control BRIDGE_OPERATOR
    function setApp(uint8 purpose, address app) external onlyRole(Roles.BRIDGE_OPERATOR) {
        if (
            app == address(this) || app == address(AUTHORITY) || app == APPROVALS || app == address(ATTESTOR_SET)
        ) revert BadApp(purpose, app);
        _s().apps[purpose] = app;
        emit AppSet(purpose, app);
    }

    /// @notice Open or close the lanes with a ledger, in both directions.
    /// @param ledger number of the ledger
    /// @param gateway ERC-7930 address of its gateway
    /// @param open false stops all lanes with it
    /// @custom:access-control BRIDGE_OPERATOR
    function setPeer(uint256 ledger, bytes calldata gateway, bool open) external onlyRole(Roles.BRIDGE_OPERATOR) {
        _setPeer(ledger, GATEWAY, gateway);
        _s().open[ledger] = open;
        emit PeerSet(ledger, gateway, open);
    }

    /// @notice Name the application of a purpose on another ledger.
    /// @param ledger number of the ledger
    /// @param purpose its purpose
    /// @param app ERC-7930 address of the application there
    /// @custom:access-control BRIDGE_OPERATOR
    function setPeerApp(
        uint256 ledger,
        uint8 purpose,
        bytes calldata app
    ) external onlyRole(Roles.BRIDGE_OPERATOR) {
        _setPeer(ledger, purpose, app);
        emit PeerAppSet(ledger, purpose, app);
    }

    // ------------------------------------------------------------------ outbox

    /// @inheritdoc IGateway
    /// @custom:access-control the application of the purpose
    function send(uint256 destination, uint8 purpose, bytes calldata payload) external returns (bytes32) {
        _onlyApp(purpose);
        bytes memory recipient = _peer(destination, purpose);
        if (recipient.length == 0) revert PeerUnknown(destination);
        return _send(destination, purpose, 0, recipient, payload);
    }

    /// @inheritdoc IERC7786GatewaySource
    /// @dev `attributes` is the one attribute lane(uint8 purpose, uint64 expiry). In the event it
    /// is replaced by envelope(uint8 purpose, uint64 nonce, uint64 timestamp, uint64 expiry,
    /// uint32 version), so that the log alone gives the whole message.
    /// @custom:access-control the application of the purpose
    function sendMessage(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) external payable returns (bytes32) {
        if (msg.value != 0) revert ValueNotSupported();
        (uint8 purpose, uint64 expiry) = _lane(attributes);
        _onlyApp(purpose);
        return _send(Interop.ledgerOf(recipient), purpose, expiry, recipient, payload);
    }

    // ------------------------------------------------------------------ inbox

    /// @notice Execute an attested batch. Messages executed before are passed over, so a batch may
    /// be delivered by several relayers at once.
    /// @param batch consecutive messages of one lane
    /// @param signatures of distinct entities over `digest(batch)`, ascending by signer
    function execute(Batch calldata batch, bytes[] calldata signatures) external {
        Message[] calldata messages = batch.messages;
        if (messages.length == 0) revert EmptyBatch();
        GatewayStorage storage $ = _idle();
        (bytes32 signed, Header[] memory headers) = _read(batch);
        ATTESTOR_SET.verify(signed, batch.attestorSetVersion, signatures);

        Header memory first = headers[0];
        if (first.destination != block.chainid) revert WrongDestination(first.destination);
        if (!$.open[first.source]) revert PeerClosed(first.source);
        _checkLane(headers);

        uint256 expected = $.inbound[first.source][first.purpose] + 1;
        if (first.nonce > expected) revert NonceGap(uint64(expected), uint64(first.nonce));
        bool any = false;
        $.currentSource = first.source;
        for (uint256 i = expected - first.nonce; i < headers.length; ++i) {
            Header memory header = headers[i];
            if (header.timestamp > block.timestamp) {
                if (any) break;
                revert FromTheFuture(uint64(header.timestamp), block.timestamp);
            }
            any = true;
            $.inbound[header.source][header.purpose] = header.nonce;
            _execute(messages[i], header);
        }
        $.currentSource = 0;
        $.currentTimestamp = 0;
    }

    /// @notice Carry out a parked message. Reverts with the application's own reason.
    function retry(Message calldata message) external {
        GatewayStorage storage $ = _idle();
        Header memory header = _header(message);
        bytes32 id = _idOf(header);
        if (!$.parked[id]) revert NotParked(id);
        if (!$.open[header.source]) revert PeerClosed(header.source);
        (address receiver, bytes memory reason) = _receiver(message, header);
        bool success = false;
        if (reason.length == 0) {
            delete $.parked[id];
            $.currentSource = header.source;
            (success, reason) = _deliver(receiver, id, message, header, false);
        }
        if (!success) {
            assembly ("memory-safe") {
                revert(add(reason, 32), mload(reason))
            }
        }
        $.currentSource = 0;
        $.currentTimestamp = 0;
    }

    /// @notice Call the application and insist on its answer, all or nothing.
    /// @dev An external function so that a delivery with a wrong answer leaves no trace. At most
    /// `REASON_LENGTH` bytes of what the application returns are ever copied.
    /// @param receiver the application
    /// @param message the call
    /// @custom:access-control the gateway itself
    function deliver(address receiver, bytes calldata message) external {
        if (msg.sender != address(this)) revert OnlySelf();
        bool answered;
        bytes4 answer = IERC7786Recipient.receiveMessage.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, message.offset, message.length)
            let success := call(gas(), receiver, 0, free, message.length, 0, 32)
            answered := and(gt(returndatasize(), 31), eq(mload(0), answer))
            if iszero(success) {
                let size := returndatasize()
                if gt(size, REASON_LENGTH) { size := REASON_LENGTH }
                returndatacopy(free, 0, size)
                revert(free, size)
            }
        }
        if (!answered) revert BadReceiver(receiver);
    }

    // ------------------------------------------------------------------ reading

    /// @inheritdoc IGateway
    function currentMessage() external view returns (uint256 source, uint64 timestamp) {
        GatewayStorage storage $ = _s();
        return ($.currentSource, uint64($.currentTimestamp));
    }

    /// @notice Whether a message arrived and waits for `retry`.
    function isParked(bytes32 id) external view returns (bool) {
        return _s().parked[id];
    }

    /// @notice Number of the last message sent in a lane; 0 before the first.
    function outboundNonce(uint256 destination, uint8 purpose) external view returns (uint64) {
        return uint64(_s().outbound[destination][purpose]);
    }

    /// @notice Number of the last message executed or parked in a lane; 0 before the first.
    function inboundNonce(uint256 source, uint8 purpose) external view returns (uint64) {
        return uint64(_s().inbound[source][purpose]);
    }

    /// @notice The application of a purpose.
    function appOf(uint8 purpose) external view returns (address) {
        return _s().apps[purpose];
    }

    /// @notice The gateway of a ledger, and whether lanes with it are open.
    function peerOf(uint256 ledger) external view returns (bytes memory gateway, bool open) {
        return (_peer(ledger, GATEWAY), _s().open[ledger]);
    }

    /// @notice ERC-7930 address of the application of a purpose on a ledger; empty when there is none.
    function peerAppOf(uint256 ledger, uint8 purpose) external view returns (bytes memory) {
        return _peer(ledger, purpose);
    }

    /// @notice The AttestorSet whose signatures count.
    function attestorSet() external view returns (address) {
        return address(ATTESTOR_SET);
    }

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) external pure returns (bool) {
        return selector == LANE;
    }

    /// @notice Identifier of a message: its EIP-712 struct hash.
    function messageId(Message calldata message) external pure returns (bytes32) {
        return _idOf(_header(message));
    }

    /// @notice What attestors sign: the EIP-712 digest of a batch, for this gateway on this chain.
    function digest(Batch calldata batch) external view returns (bytes32 signed) {
        (signed, ) = _read(batch);
    }

    /// @notice Version of the message protocol, major << 16 | minor << 8 | patch. Ledgers of one
    /// major version understand each other.
    function protocolVersion() public pure returns (uint32) {
        return 1 << 16;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC7786GatewaySource).interfaceId || interfaceId == type(IERC165).interfaceId;
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

    /// @dev No message is in execution.
    function _idle() private view returns (GatewayStorage storage $) {
        $ = _s();
        if ($.currentSource != 0) revert ReentrancyGuardReentrantCall();
    }

    function _onlyApp(uint8 purpose) private view {
        if (msg.sender != _s().apps[purpose]) revert NotApp(purpose, msg.sender);
    }

    function _peer(uint256 ledger, uint256 purpose) private view returns (bytes memory) {
        return _s().peers[ledger][purpose];
    }

    function _setPeer(uint256 ledger, uint256 purpose, bytes calldata peer) private {
        if (Interop.ledgerOf(peer) != ledger || ledger == block.chainid) revert PeerMismatch(ledger);
        _s().peers[ledger][purpose] = peer;
    }

    function _send(
        uint256 destination,
        uint8 purpose,
        uint64 expiry,
        bytes memory recipient,
        bytes calldata payload
    ) private returns (bytes32 id) {
        GatewayStorage storage $ = _s();
        if (!$.open[destination]) revert PeerClosed(destination);
        if (expiry != 0 && expiry < block.timestamp) revert Expired(expiry);
        bytes memory sender = Interop.local(msg.sender);
        // all its members are set but the type hash, which `_idOf` sets
        // slither-disable-next-line uninitialized-local
        Header memory header;
        header.source = block.chainid;
        header.destination = destination;
        header.purpose = purpose;
        header.nonce = ++$.outbound[destination][purpose];
        header.timestamp = block.timestamp;
        header.expiry = expiry;
        header.version = protocolVersion();
        header.sender = keccak256(sender);
        header.recipient = keccak256(recipient);
        header.payload = keccak256(payload);
        id = _idOf(header);
        bytes[] memory envelope = new bytes[](1);
        envelope[0] = abi.encodeWithSelector(
            ENVELOPE, purpose, header.nonce, header.timestamp, expiry, header.version
        );
        emit MessageSent(id, sender, recipient, payload, 0, envelope);
    }

    /// @dev What a message's identifier is the hash of.
    function _header(Message calldata message) private pure returns (Header memory header) {
        assembly ("memory-safe") {
            // source, destination, purpose, nonce, timestamp, expiry, version
            calldatacopy(add(header, 32), message, 224)
        }
        if (
            header.purpose >> 8 != 0 || (header.nonce | header.timestamp | header.expiry) >> 64 != 0
                || header.version >> 32 != 0
        ) revert();
        header.sender = keccak256(message.sender);
        header.recipient = keccak256(message.recipient);
        header.payload = keccak256(message.payload);
    }

    function _idOf(Header memory header) private pure returns (bytes32 id) {
        header.typehash = MESSAGE_TYPEHASH;
        assembly ("memory-safe") {
            id := keccak256(header, 352)
        }
    }

    /// @dev The headers of a batch's messages, and what is signed for all of them.
    function _read(Batch calldata batch) private view returns (bytes32 signed, Header[] memory headers) {
        Message[] calldata messages = batch.messages;
        headers = new Header[](messages.length);
        bytes32[] memory ids = new bytes32[](messages.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            headers[i] = _header(messages[i]);
            ids[i] = _idOf(headers[i]);
        }
        signed = _digestOf(
            keccak256(abi.encode(BATCH_TYPEHASH, batch.attestorSetVersion, keccak256(abi.encodePacked(ids))))
        );
    }

    /// @dev Deliver one message, or park it with the reason. The lane has advanced already.
    function _execute(Message calldata message, Header memory header) private {
        bytes32 id = _idOf(header);
        (address receiver, bytes memory reason) = _receiver(message, header);
        if (reason.length == 0) {
            bool success;
            // the lane has passed this message: no call from within finds it waiting or parked
            // slither-disable-next-line reentrancy-no-eth
            (success, reason) = _deliver(receiver, id, message, header, true);
            if (success) return;
        }
        _s().parked[id] = true;
        emit MessageParked(id, header.source, uint8(header.purpose), uint64(header.nonce), reason);
    }

    /// @dev Give a message to its application.
    /// @param bounded with its allowance of gas, no more and no less; otherwise with all that is left
    function _deliver(
        address receiver,
        bytes32 id,
        Message calldata message,
        Header memory header,
        bool bounded
    ) private returns (bool success, bytes memory reason) {
        _s().currentTimestamp = header.timestamp;
        bytes memory call_ = abi.encodeCall(
            this.deliver,
            (receiver, abi.encodeCall(IERC7786Recipient.receiveMessage, (id, message.sender, message.payload)))
        );
        // last before the call: nothing in between may cost the application its allowance
        uint256 needed = (RECEIVER_GAS * 64) / 63 + RESERVED_GAS;
        if (bounded && gasleft() < needed) revert InsufficientGas(gasleft(), needed);
        (success, reason) = address(this).call{gas: bounded ? RECEIVER_GAS : gasleft()}(call_);
        if (success) emit MessageExecuted(id, header.source, uint8(header.purpose), uint64(header.nonce));
    }

    /// @dev The application that a message may be given to, or the reason why there is none.
    function _receiver(
        Message calldata message,
        Header memory header
    ) private view returns (address receiver, bytes memory reason) {
        if (header.expiry != 0 && block.timestamp > header.expiry) {
            reason = abi.encodeWithSelector(Expired.selector, header.expiry);
        } else if (header.version >> 16 != protocolVersion() >> 16) {
            reason = abi.encodeWithSelector(UnsupportedVersion.selector, header.version);
        } else {
            uint8 purpose = uint8(header.purpose);
            receiver = _s().apps[purpose];
            if (receiver.code.length == 0 || header.recipient != keccak256(Interop.local(receiver))) {
                reason = abi.encodeWithSelector(ReceiverMissing.selector, _shorten(message.recipient));
            } else if (header.sender != keccak256(_peer(header.source, purpose))) {
                reason = abi.encodeWithSelector(NotPeer.selector, header.source, _shorten(message.sender));
            }
        }
    }

    function _checkLane(Header[] memory headers) private pure {
        Header memory first = headers[0];
        if (first.nonce == 0) revert NotContiguous(1, 0);
        for (uint256 i = 1; i < headers.length; ++i) {
            Header memory header = headers[i];
            if (
                header.source != first.source || header.destination != first.destination
                    || header.purpose != first.purpose
            ) revert MixedLanes(i);
            uint256 nonce = headers[i - 1].nonce + 1;
            if (header.nonce != nonce) revert NotContiguous(uint64(nonce), uint64(header.nonce));
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

    /// @inheritdoc Typed
    function _domainName() internal pure override returns (string memory) {
        return "Pari Passu Gateway";
    }
}
