// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Interop} from "../access/Interop.sol";
import {PariContract} from "../access/PariContract.sol";
import {Roles} from "../access/Roles.sol";
import {Typed} from "../access/Typed.sol";
import {IERC7786GatewaySource} from "../interfaces/IERC7786.sol";
import {Message, Standing} from "../interfaces/IGateway.sol";
import {ITransport} from "../interfaces/ITransport.sol";
import {Headers} from "./Headers.sol";
import {Inbox} from "./Inbox.sol";
import {Lane, LaneState, LaneStateLib} from "./Lanes.sol";
import {Outbox} from "./Outbox.sol";

/// @title Gateway between ledgers
/// @notice Outbox and inbox of a chain. Messages travel in lanes (source, destination, purpose), each numbered from 1
/// without gaps; attestors sign batches of one lane, or a transport vouches for its messages; whoever likes delivers
/// them. A message takes effect once, in
/// lane order, or is parked with the reason, or is refused for good (MOV-3). What was refused is attested at its
/// source, where its sender takes it back (MOV-6).
/// @dev The gateway calls one function only, `receiveMessage`, of the applications registered here, and only with
/// what their counterparts on the other ledgers sent: applications need not know of these. Nobody gets into a lane
/// while a message of it is in execution.
contract Gateway is Outbox, Inbox {
    /// @notice All messages of a lane up to a number have arrived on the other ledger: executed, parked or refused.
    event LaneAcknowledged(uint256 indexed destination, uint8 indexed purpose, uint64 nonce);

    /// @notice It is attested that a message never takes effect on the other ledger; `refund` gives it back.
    event MessageReturned(bytes32 indexed messageId, uint256 indexed destination, uint8 indexed purpose);

    /// @notice The sender of a message took it back.
    event MessageRefunded(bytes32 indexed messageId, uint256 indexed destination, uint8 indexed purpose);

    /// @notice The two lanes of a purpose with a ledger were opened, changed, or closed where there is no application.
    event LaneSet(uint256 indexed ledger, uint8 indexed purpose, address app, bytes peer);

    /// @notice Nothing is sent or executed in these lanes until they are resumed (MOV-9).
    event LaneStopped(uint256 indexed ledger, uint8 indexed purpose, bytes32 reason);

    /// @notice The lanes go on.
    event LaneResumed(uint256 indexed ledger, uint8 indexed purpose, bytes32 reason);

    /// @notice From now on this transport vouches for the messages in the lanes of a purpose with a ledger; attestors do
    /// where it is zero.
    event TransportSet(uint256 indexed ledger, uint8 indexed purpose, address transport);

    /// @notice The peer's address is on another ledger, or on this one.
    error PeerMismatch(uint256 ledger);

    /// @notice This contract can be no application.
    error BadApp(uint8 purpose, address app);

    /// @notice It is not attested that the message never takes effect, or its sender took it back already.
    error NotReturned(bytes32 messageId);

    /// @notice More arrivals are attested than messages were sent.
    error NeverSent(uint64 sent, uint64 attested);

    /// @notice This contract is no transport, or carries nothing from and to that ledger.
    error BadTransport(uint256 ledger, address transport);

    /// @notice Lanes that have carried messages are stopped before who vouches for them changes: what is under way must
    /// not change its proof unnoticed.
    error LaneNotStopped(uint256 ledger, uint8 purpose);

    bytes32 private constant ACKNOWLEDGEMENT_TYPEHASH = keccak256(
        "Acknowledgement(uint32 attestorSetVersion,uint256 source,uint256 destination,uint8 purpose,uint64 nonce,bytes32[] refused)"
    );

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    constructor(
        address authority_,
        address approvals_,
        address kernel_
    ) PariContract(authority_, approvals_, kernel_) {}

    // ------------------------------------------------------------------ set-up

    /// @notice Open the two lanes of a purpose with a ledger, or change who speaks in them. Numbers go on.
    /// @param ledger number of the ledger
    /// @param purpose its purpose
    /// @param app the application here; zero closes the lanes
    /// @param peer ERC-7930 address of the application there
    /// @custom:access-control BRIDGE_OPERATOR
    function setLane(
        uint256 ledger,
        uint8 purpose,
        address app,
        bytes calldata peer
    ) external onlyRole(Roles.BRIDGE_OPERATOR) {
        if (app == address(this) || app == address(AUTHORITY) || app == APPROVALS) revert BadApp(purpose, app);
        if (Interop.ledgerOf(peer) != ledger || ledger == block.chainid) revert PeerMismatch(ledger);
        Lane storage lane = _s().lanes[ledger][purpose];
        bool same = keccak256(peer) == keccak256(Interop.format(ledger, app));
        lane.state = lane.state.withApp(app).withFlag(LaneStateLib.SAME_ADDRESS, same);
        if (same) delete lane.peer;
        else lane.peer = peer;
        emit LaneSet(ledger, purpose, app, peer);
    }

    /// @notice Have a transport vouch for the messages of lanes with a ledger, in place of the attestors; or the attestors
    /// again. It decides what takes effect here, and so who can mint.
    /// @dev Refusals and arrivals are told to a source by attestors in either case. What was sent before the change can be
    /// delivered again once it is undone.
    /// @param ledger number of the ledger
    /// @param purposes purposes of the lanes
    /// @param transport the transport here; zero for the attestors
    /// @custom:access-control approved act
    function setTransport(uint256 ledger, uint8[] calldata purposes, address transport) external onlyApproved {
        bool carried = transport != address(0);
        if (carried && !_carries(transport, ledger)) revert BadTransport(ledger, transport);
        for (uint256 i = 0; i < purposes.length; ++i) {
            Lane storage lane = _s().lanes[ledger][purposes[i]];
            LaneState state = lane.state;
            bool used = state.outbound() != 0 || state.inbound() != 0;
            if (used && !state.has(LaneStateLib.STOPPED)) revert LaneNotStopped(ledger, purposes[i]);
            lane.state = state.withFlag(LaneStateLib.CARRIED, carried);
            lane.transport = transport;
            emit TransportSet(ledger, purposes[i], transport);
        }
    }

    /// @notice Stop the two lanes of a purpose with a ledger: nothing is sent, executed or refunded in them.
    /// @custom:access-control PAUSER
    function stopLane(uint256 ledger, uint8 purpose, bytes32 reason) external onlyRole(Roles.PAUSER) {
        _setStopped(ledger, purpose, reason, true);
        emit LaneStopped(ledger, purpose, reason);
    }

    /// @notice Let stopped lanes go on.
    /// @custom:access-control UNPAUSER
    function resumeLane(uint256 ledger, uint8 purpose, bytes32 reason) external onlyRole(Roles.UNPAUSER) {
        _setStopped(ledger, purpose, reason, false);
        emit LaneResumed(ledger, purpose, reason);
    }

    // ------------------------------------------------------------------ acknowledgement

    /// @notice Take in what attestors say of this chain's messages on another ledger, from its final blocks.
    /// @param destination number of that ledger
    /// @param head as of `execute`; the number is that up to which all messages have arrived, executed, parked or
    /// refused
    /// @param refused messages that will never take effect
    /// @param signatures of the members named, in the set's order, 65 bytes each, over the EIP-712 digest of
    /// Acknowledgement
    function acknowledge(
        uint256 destination,
        uint256 head,
        bytes32[] calldata refused,
        bytes calldata signatures
    ) external {
        _verifyAcknowledgement(destination, head, refused, signatures);
        GatewayStorage storage $ = _s();
        (uint8 purpose, uint64 nonce) = (uint8(head), uint64(head >> 8));
        Lane storage lane = $.lanes[destination][purpose];
        uint256 sent = lane.state.outbound();
        if (nonce > sent) revert NeverSent(uint64(sent), nonce);
        if (nonce > lane.acknowledged) {
            lane.acknowledged = nonce;
            emit LaneAcknowledged(destination, purpose, nonce);
        }
        for (uint256 i = 0; i < refused.length; ++i) {
            if ($.standing[refused[i]] != Standing.NONE) continue;
            $.standing[refused[i]] = Standing.RETURNED;
            emit MessageReturned(refused[i], destination, purpose);
        }
    }

    /// @notice Give a message back to the application that sent it, once it is attested that it will never take
    /// effect. Reverts with the application's own reason.
    function refund(Message calldata message) external {
        Headers.Header memory header = Headers.headerOf(message);
        bytes32 id = Headers.idOf(header);
        GatewayStorage storage $ = _s();
        if ($.standing[id] != Standing.RETURNED || message.source != block.chainid) revert NotReturned(id);
        Lane storage lane = $.lanes[message.destination][message.purpose];
        address app = _free(lane, message.destination, message.purpose).app();
        if (header.sender != keccak256(Interop.local(app))) revert ReceiverMissing(message.sender);
        $.standing[id] = Standing.REFUNDED;
        _carry(lane, app, id, message);
        emit MessageRefunded(id, message.destination, message.purpose);
    }

    // ------------------------------------------------------------------ reading

    /// @notice What is known of a message that did not simply take effect.
    function standingOf(bytes32 id) external view returns (Standing) {
        return _s().standing[id];
    }

    /// @notice Number of the last message sent in a lane; 0 before the first.
    function outboundNonce(uint256 destination, uint8 purpose) external view returns (uint64) {
        return uint64(_s().lanes[destination][purpose].state.outbound());
    }

    /// @notice Number of the last message executed, parked or refused in a lane; 0 before the first.
    function inboundNonce(uint256 source, uint8 purpose) external view returns (uint64) {
        return uint64(_s().lanes[source][purpose].state.inbound());
    }

    /// @notice Number up to which the messages of a lane are attested to have arrived; 0 before the first.
    function acknowledgedNonce(uint256 destination, uint8 purpose) external view returns (uint64) {
        return _s().lanes[destination][purpose].acknowledged;
    }

    /// @notice The application of a purpose here, zero where the lanes with the ledger are closed; the ERC-7930 address
    /// of the one there; and whether the lanes are stopped.
    function laneOf(
        uint256 ledger,
        uint8 purpose
    ) external view returns (address app, bytes memory peer, bool stopped) {
        Lane storage lane = _s().lanes[ledger][purpose];
        LaneState state = lane.state;
        return (state.app(), _peer(lane, state, ledger), state.has(LaneStateLib.STOPPED));
    }

    /// @notice The transport that vouches for the messages of lanes with a ledger, for each purpose; zero where attestors
    /// do.
    function transportsOf(uint256 ledger, uint8[] calldata purposes) external view returns (address[] memory found) {
        found = new address[](purposes.length);
        for (uint256 i = 0; i < purposes.length; ++i) found[i] = _s().lanes[ledger][purposes[i]].transport;
    }

    /// @notice Identifier of a message: its EIP-712 struct hash.
    function messageId(Message calldata message) external pure returns (bytes32) {
        return Headers.idOf(Headers.headerOf(message));
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

    function _verifyAcknowledgement(
        uint256 destination,
        uint256 head,
        bytes32[] calldata refused,
        bytes calldata signatures
    ) private view {
        uint32 setVersion = uint32(head >> 104);
        bytes32 list = keccak256(abi.encodePacked(refused));
        bytes32 hash = keccak256(
            abi.encode(
                ACKNOWLEDGEMENT_TYPEHASH, setVersion, block.chainid, destination, uint8(head), uint64(head >> 8), list
            )
        );
        _verify(_digestOf(hash), setVersion, head >> 136, signatures);
    }

    function _carries(address transport, uint256 ledger) private view returns (bool) {
        return transport.code.length != 0 && IERC165(transport).supportsInterface(type(ITransport).interfaceId)
            && ITransport(transport).connects(ledger);
    }

    function _setStopped(uint256 ledger, uint8 purpose, bytes32 reason, bool stopped) private {
        if (reason == 0) revert ReasonMissing();
        Lane storage lane = _s().lanes[ledger][purpose];
        LaneState state = lane.state;
        if (state.app() == address(0)) revert LaneClosed(ledger, purpose);
        lane.state = state.withFlag(LaneStateLib.STOPPED, stopped);
    }

    function _domainName() internal pure override returns (string memory) {
        return "Pari Passu Gateway";
    }

    /// @inheritdoc Typed
    function _domainNameHash() internal pure override returns (bytes32) {
        return keccak256("Pari Passu Gateway");
    }
}
