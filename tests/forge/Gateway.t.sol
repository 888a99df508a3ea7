// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Interop} from "../../contracts/access/Interop.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {Application} from "../../contracts/bridge/Application.sol";
import {Gateway} from "../../contracts/bridge/Gateway.sol";
import {Outbox} from "../../contracts/bridge/Outbox.sol";
import {Lanebook} from "../../contracts/bridge/Lanebook.sol";
import {Inbox} from "../../contracts/bridge/Inbox.sol";
import {Deliveries} from "../../contracts/bridge/Deliveries.sol";
import {Quorum} from "../../contracts/bridge/Quorum.sol";
import {TokenBridge} from "../../contracts/bridge/TokenBridge.sol";
import {IERC7786GatewaySource, IERC7786Recipient} from "../../contracts/interfaces/IERC7786.sol";
import {Message, Standing} from "../../contracts/interfaces/IGateway.sol";
import {Batch, Chain, Signed, World} from "./World.sol";
import {Vm} from "./Vm.sol";

/// An application that behaves as it is told.
contract Probe is IERC7786Recipient {
    enum Mood {
        TAKE,
        REFUSE,
        BOMB,
        BURN_GAS,
        WRONG_ANSWER,
        REENTER,
        MEASURE
    }

    error NotToday(uint256 reason);

    Gateway private immutable gateway;
    Mood public mood;
    bytes public again;
    bytes[] public taken;
    uint256 public lastSource;
    uint64 public lastTimestamp;
    uint256 public gasGiven;

    constructor(Gateway gateway_) {
        gateway = gateway_;
    }

    function set(Mood mood_) external {
        mood = mood_;
    }

    function setAgain(bytes calldata again_) external {
        again = again_;
    }

    function count() external view returns (uint256) {
        return taken.length;
    }

    function receiveMessage(bytes32, bytes calldata, bytes calldata payload) external payable returns (bytes4) {
        if (mood == Mood.MEASURE) {
            gasGiven = gasleft();
            return IERC7786Recipient.receiveMessage.selector;
        }
        if (mood == Mood.REFUSE) revert NotToday(7);
        if (mood == Mood.BOMB) {
            assembly {
                revert(0, 400000)
            }
        }
        if (mood == Mood.BURN_GAS) {
            while (true) {}
        }
        if (mood == Mood.REENTER) {
            (bool success, bytes memory reason) = address(gateway).call(again);
            if (!success) {
                assembly {
                    revert(add(reason, 32), mload(reason))
                }
            }
        }
        taken.push(payload);
        uint256 source;
        uint256 time;
        assembly {
            source := calldataload(sub(calldatasize(), 64))
            time := calldataload(sub(calldatasize(), 32))
        }
        (lastSource, lastTimestamp) = (source, uint64(time));
        return mood == Mood.WRONG_ANSWER ? bytes4(0) : IERC7786Recipient.receiveMessage.selector;
    }

    function send(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32)
    {
        return gateway.sendMessage{value: msg.value}(recipient, payload, attributes);
    }
}

/// The gateway's next version, which changes nothing but its number.
contract GatewayV2 is Gateway {
    constructor(address m, address a, address k) Gateway(m, a, k) {}

    function versionTag() public pure override returns (uint32) {
        return (1 << 16) + 1;
    }
}

/// MOV-3: each message once, in lane order, or parked with its reason.
contract GatewayTest is World {
    uint8 private constant PURPOSE = 3;

    Probe private sender;
    Probe private receiver;
    Gateway private gateway;

    function setUp() public {
        _setUpWorld();
        gateway = peer.gateway;
        sender = new Probe(home.gateway);
        receiver = new Probe(peer.gateway);
        vm.startPrank(operator);
        _on(home);
        home.gateway.setLane(peer.id, PURPOSE, address(sender), _interop(peer, address(receiver)));
        _on(peer);
        gateway.setLane(home.id, PURPOSE, address(receiver), _interop(home, address(sender)));
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- outbox

    function test_theLogAloneGivesTheMessage() public {
        Message[] memory messages = _send(2, 0);
        _on(home);
        for (uint64 i = 0; i < 2; ++i) {
            vm.assertEq(messages[i].nonce, i + 1, "numbered from 1");
            vm.assertEq(messages[i].timestamp, START, "source time");
            vm.assertEq(messages[i].sender, _interop(home, address(sender)), "sender");
            vm.assertEq(messages[i].version, home.gateway.protocolVersion(), "protocol version");
        }
        vm.assertEq(home.gateway.outboundNonce(peer.id, PURPOSE), 2, "counted");
        vm.assertEq(home.gateway.outboundNonce(peer.id, 1), 0, "lanes are apart");
    }

    function test_onlyTheApplicationOfThePurposeSends() public {
        _on(home);
        bytes memory recipient = _interop(peer, address(receiver));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Outbox.NotApp.selector, PURPOSE, stranger));
        home.gateway.sendMessage(recipient, "", _lane(PURPOSE, 0));
        vm.expectRevert(abi.encodeWithSelector(Outbox.NotApp.selector, 1, address(sender)));
        sender.send(recipient, "", _lane(1, 0));
    }

    function test_attributesMustBeTheOneLane() public {
        _on(home);
        bytes memory recipient = _interop(peer, address(receiver));
        vm.expectRevert(Outbox.LaneMissing.selector);
        sender.send(recipient, "", new bytes[](0));
        bytes[] memory two = new bytes[](2);
        (two[0], two[1]) = (_lane(PURPOSE, 0)[0], _lane(PURPOSE, 0)[0]);
        vm.expectRevert(Outbox.LaneMissing.selector);
        sender.send(recipient, "", two);
        bytes[] memory other = new bytes[](1);
        other[0] = hex"12345678";
        vm.expectRevert(abi.encodeWithSelector(IERC7786GatewaySource.UnsupportedAttribute.selector, bytes4(0x12345678)));
        sender.send(recipient, "", other);
        vm.assertTrue(home.gateway.supportsAttribute(bytes4(keccak256("lane(uint8,uint64)"))), "lane");
        vm.assertFalse(home.gateway.supportsAttribute(0x12345678), "no other");
    }

    function test_closedLanesNeitherSendNorDeliver() public {
        Message[] memory messages = _send(1, 0);
        _on(home);
        bytes memory recipient = Interop.format(999, address(1));
        vm.expectRevert(abi.encodeWithSelector(Lanebook.LaneClosed.selector, 999, PURPOSE));
        sender.send(recipient, "", _lane(PURPOSE, 0));
        _on(peer);
        bytes memory there = _interop(home, address(sender));
        vm.prank(operator);
        gateway.setLane(home.id, PURPOSE, address(0), there);
        _expect(_batch(messages), abi.encodeWithSelector(Lanebook.LaneClosed.selector, home.id, PURPOSE));
        vm.prank(operator);
        gateway.setLane(home.id, PURPOSE, address(receiver), there);
        _deliver(peer, _batch(messages));
        vm.assertEq(receiver.count(), 1, "open again");
    }

    function test_mov_9_oneStoppedLaneNeitherSendsNorDeliversAndTheOthersGoOn() public {
        Message[] memory messages = _send(2, 0);
        receiver.set(Probe.Mood.REFUSE);
        _deliver(peer, _only(messages[0]));
        receiver.set(Probe.Mood.TAKE);
        _on(peer);
        vm.expectEmit(address(gateway));
        emit Gateway.LaneStopped(home.id, PURPOSE, "drift of 5");
        vm.prank(pauser);
        gateway.stopLane(home.id, PURPOSE, "drift of 5");
        (, , bool stopped) = gateway.laneOf(home.id, PURPOSE);
        vm.assertTrue(stopped, "told");
        bytes memory halted = abi.encodeWithSelector(Lanebook.LaneHalted.selector, home.id, PURPOSE);
        _expect(_only(messages[1]), halted);
        vm.expectRevert(halted);
        gateway.retry(messages[0]);
        vm.prank(operator);
        vm.expectRevert(halted);
        gateway.refuse(messages[0], "no");
        vm.prank(address(receiver));
        vm.expectRevert(halted);
        gateway.dispatch(home.id, PURPOSE, 0, "");
        _issue(holderDe, 1);
        Message memory other = _move(holderDe, holderFr, 1);
        _deliver(peer, _only(other));
        vm.assertEq(peer.token.balanceOf(holderFr), 1, "another lane goes on");
        vm.prank(unpauser);
        gateway.resumeLane(home.id, PURPOSE, "no drift");
        _deliver(peer, _only(messages[1]));
        gateway.retry(messages[0]);
        vm.assertEq(receiver.count(), 2, "nothing was lost");
    }

    function test_mov_9_stoppingAndResumingAreTwoRolesAndStateAReason() public {
        _on(peer);
        vm.startPrank(unpauser);
        vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, unpauser, Roles.PAUSER));
        gateway.stopLane(home.id, PURPOSE, "why");
        vm.stopPrank();
        vm.startPrank(pauser);
        vm.expectRevert(Lanebook.ReasonMissing.selector);
        gateway.stopLane(home.id, PURPOSE, "");
        vm.expectRevert(abi.encodeWithSelector(Lanebook.LaneClosed.selector, 999, PURPOSE));
        gateway.stopLane(999, PURPOSE, "why");
        vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, pauser, Roles.UNPAUSER));
        gateway.resumeLane(home.id, PURPOSE, "why");
        vm.stopPrank();
    }

    function test_aMessageGoesToTheApplicationOfItsPurposeAlone() public {
        _on(home);
        bytes memory other = _interop(peer, address(peer.bridge));
        vm.expectRevert(abi.encodeWithSelector(Outbox.NotRecipient.selector, other));
        sender.send(other, "", _lane(PURPOSE, 0));
    }

    function test_messagesCarryNoValue() public {
        _on(home);
        bytes memory recipient = _interop(peer, address(receiver));
        vm.expectRevert(Outbox.ValueNotSupported.selector);
        sender.send{value: 1}(recipient, "", _lane(PURPOSE, 0));
    }

    function test_aPeerIsOnItsOwnLedgerAndNotHere() public {
        _on(home);
        vm.startPrank(operator);
        bytes memory elsewhere = Interop.format(7, address(1));
        vm.expectRevert(abi.encodeWithSelector(Gateway.PeerMismatch.selector, 8));
        home.gateway.setLane(8, PURPOSE, address(sender), elsewhere);
        bytes memory here = Interop.format(home.id, address(1));
        vm.expectRevert(abi.encodeWithSelector(Gateway.PeerMismatch.selector, home.id));
        home.gateway.setLane(home.id, PURPOSE, address(sender), here);
    }

    function test_a6_gatewayManagerAndApprovalsCanBeNoApplication() public {
        _on(peer);
        address[3] memory forbidden = [address(gateway), address(peer.manager), address(peer.approvals)];
        bytes memory there = _interop(home, address(sender));
        vm.startPrank(operator);
        for (uint256 i = 0; i < forbidden.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Gateway.BadApp.selector, PURPOSE, forbidden[i]));
            gateway.setLane(home.id, PURPOSE, forbidden[i], there);
        }
    }

    // ---------------------------------------------------------------- once and in order

    function test_mov_3_aBatchDeliveredTwiceHasOneEffect() public {
        Message[] memory messages = _send(3, 0);
        _deliver(peer, _batch(messages));
        _deliver(peer, _batch(messages));
        vm.assertEq(receiver.count(), 3, "once each");
        vm.assertEq(gateway.inboundNonce(home.id, PURPOSE), 3, "lane");
        for (uint64 i = 0; i < 3; ++i) vm.assertEq(receiver.taken(i), abi.encode(i), "in order");
    }

    function test_a19_aBatchOfWhichOneIsExecutedStillDeliversTheRest() public {
        Message[] memory messages = _send(3, 0);
        _deliver(peer, _only(messages[0]));
        _deliver(peer, _batch(messages));
        vm.assertEq(receiver.count(), 3, "all");
        vm.assertEq(receiver.taken(1), abi.encode(uint64(1)), "in order");
    }

    function test_mov_3_aGapIsRefused() public {
        Message[] memory messages = _send(3, 0);
        _expect(_only(messages[1]), abi.encodeWithSelector(Inbox.NonceGap.selector, 1, 2));
        _deliver(peer, _only(messages[0]));
        _expect(_only(messages[2]), abi.encodeWithSelector(Inbox.NonceGap.selector, 2, 3));
    }

    function test_aBatchOfMessagesThatDoNotFollowEachOtherIsAnother() public {
        Message[] memory messages = _send(3, 0);
        Message[] memory holed = new Message[](2);
        (holed[0], holed[1]) = (messages[0], messages[2]);
        // the second counts as number 2 wherever it is delivered, so that what was signed is something else
        _expect(_batch(holed), abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
        (holed[0], holed[1]) = (messages[0], messages[0]);
        _expect(_batch(holed), abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
        messages[0].nonce = 0;
        _expect(_only(messages[0]), abi.encodeWithSelector(Inbox.NonceGap.selector, 1, 0));
    }

    function test_aBatchEndsWhereItsLastMessageDoes() public {
        Message[] memory messages = _send(1, 0);
        _on(peer);
        Signed memory signed = _signed(peer, _batch(messages));
        bytes memory packed = abi.encodePacked(
            uint40(messages[0].timestamp), uint40(0), uint24(messages[0].payload.length), messages[0].payload
        );
        uint256 head = PURPOSE | 1 << 8 | uint256(1 << 16) << 72 | 1 << 104 | signed.signers << 136;
        for (uint256 length = 1; length < packed.length; ++length) {
            bytes memory part = new bytes(length);
            for (uint256 i = 0; i < length; ++i) part[i] = packed[i];
            vm.expectRevert(Inbox.MalformedBatch.selector);
            gateway.execute(home.id, head, "", part, signed.signatures);
        }
        vm.expectRevert(Inbox.MalformedBatch.selector);
        gateway.execute(home.id, head, "", bytes.concat(packed, hex"00"), signed.signatures);
        vm.expectRevert(Inbox.EmptyBatch.selector);
        gateway.execute(home.id, head, "", "", signed.signatures);
        // sender and recipient may be left out where they are those that the lane knows
        gateway.execute(home.id, head, "", packed, signed.signatures);
        vm.assertEq(receiver.count(), 1, "executed");
    }

    function test_aMessageForAnotherLedgerIsRefused() public {
        Message[] memory messages = _send(1, 0);
        messages[0].destination = 777;
        _expect(_only(messages[0]), abi.encodeWithSelector(Quorum.BadSignature.selector, vm.addr(keys[0])));
    }

    function test_a15_signaturesForAnotherChainOrGatewayAreWorthless() public {
        Message[] memory messages = _send(1, 0);
        Batch memory batch = _batch(messages);
        _on(home); // the domain of another gateway and chain
        Signed memory signatures = _signed(home, batch);
        _on(peer);
        vm.expectRevert();
        _execute(peer, batch, signatures);
        vm.chainId(4242); // a fork of the peer, with the same gateway
        bytes32 forked = _digest(peer, batch);
        _on(peer);
        vm.assertTrue(forked != _digest(peer, batch), "the chain id is in the digest");
        signatures = _quorum(forked, 0, 1);
        vm.expectRevert();
        _execute(peer, batch, signatures);
        vm.assertEq(receiver.count(), 0, "nothing");
    }

    function test_a7_anyChangedFieldIsRefused() public {
        Message[] memory messages = _send(1, 0);
        _on(peer);
        Signed memory signatures = _signed(peer, _batch(messages));
        // the destination is no part of the call: it is the chain's own
        for (uint256 field = 0; field < 10; ++field) {
            if (field == 1) continue;
            Message memory m = abi.decode(abi.encode(messages[0]), (Message));
            if (field == 0) m.source += 1;
            if (field == 2) m.purpose += 1;
            if (field == 3) m.nonce += 1;
            if (field == 4) m.timestamp -= 1;
            if (field == 5) m.expiry += 1;
            if (field == 6) m.version += 1;
            if (field == 7) m.sender[20] ^= 0x01;
            if (field == 8) m.recipient[20] ^= 0x01;
            if (field == 9) m.payload[31] ^= 0x01;
            vm.expectRevert();
            _execute(peer, _only(m), signatures);
        }
        _execute(peer, _batch(messages), signatures);
    }

    function test_a21_signaturesOfAnOldSetAreWorthless() public {
        Message[] memory messages = _send(1, 0);
        Batch memory batch = _batch(messages);
        _on(peer);
        Signed memory signatures = _signed(peer, batch);
        _act(peer, address(gateway), abi.encodeCall(Quorum.rotate, (_members(), 2)));
        vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 2, 1));
        _execute(peer, batch, signatures);
        batch.attestorSetVersion = 2;
        vm.expectRevert(); // signed for the old version: another digest
        _execute(peer, batch, signatures);
        signatures = _signed(peer, batch);
        _execute(peer, batch, signatures);
        vm.assertEq(receiver.count(), 1, "signed anew");
    }

    // ---------------------------------------------------------------- time

    function test_aMessageFromTheFutureWaits() public {
        vm.warp(START + 10);
        Message[] memory messages = _send(1, 0);
        vm.warp(START + 9);
        _expect(_batch(messages), abi.encodeWithSelector(Inbox.FromTheFuture.selector, START + 10, START + 9));
        vm.warp(START + 10);
        _deliver(peer, _batch(messages));
        vm.assertEq(receiver.count(), 1, "in its own second");
        vm.assertEq(receiver.lastTimestamp(), START + 10, "the application is told the source time");
        vm.assertEq(receiver.lastSource(), home.id, "and the source");
    }

    function test_aBatchStopsAtTheFirstMessageFromTheFuture() public {
        Message[] memory early = _send(1, 0);
        vm.warp(START + 10);
        Message[] memory late = _send(1, 0);
        Message[] memory both = new Message[](2);
        (both[0], both[1]) = (early[0], late[0]);
        vm.warp(START + 5);
        _deliver(peer, _batch(both));
        vm.assertEq(gateway.inboundNonce(home.id, PURPOSE), 1, "the first only");
        _expect(_batch(both), abi.encodeWithSelector(Inbox.FromTheFuture.selector, START + 10, START + 5));
        vm.warp(START + 10);
        _deliver(peer, _batch(both));
        vm.assertEq(receiver.count(), 2, "the second in its time");
    }

    function test_a23_anExpiredMessageIsRefusedForGoodAndItsNeighboursLand() public {
        Message[] memory messages = _send(1, 0);
        Message[] memory late = _send(1, START + 10);
        Message[] memory three = new Message[](3);
        (three[0], three[1], three[2]) = (messages[0], late[0], _send(1, 0)[0]);
        vm.warp(START + 11);
        _on(peer);
        Signed memory signed = _signed(peer, _batch(three));
        bytes32 id = gateway.messageId(late[0]);
        bytes memory reason = abi.encodeWithSelector(Lanebook.MessageExpired.selector, START + 10);
        vm.expectEmit(address(gateway));
        emit Inbox.MessageRefused(id, home.id, PURPOSE, 2, reason);
        _execute(peer, _batch(three), signed);
        vm.assertEq(receiver.count(), 2, "its neighbours");
        vm.assertEq(gateway.inboundNonce(home.id, PURPOSE), 3, "the lane goes on");
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotParked.selector, id));
        gateway.retry(late[0]);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotParked.selector, id));
        gateway.refuse(late[0], "again");
    }

    function test_mov_6_aParkedMessageThatExpiredIsRefusedByAnybody() public {
        receiver.set(Probe.Mood.REFUSE);
        Message[] memory messages = _send(1, START + 10);
        _deliverParked(messages[0], abi.encodeWithSelector(Probe.NotToday.selector, 7));
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, stranger, Roles.BRIDGE_OPERATOR));
        gateway.refuse(messages[0], "too early");
        receiver.set(Probe.Mood.TAKE);
        vm.warp(START + 11);
        bytes memory expired = abi.encodeWithSelector(Lanebook.MessageExpired.selector, START + 10);
        vm.expectRevert(expired);
        gateway.retry(messages[0]);
        vm.expectEmit(address(gateway));
        emit Inbox.MessageRefused(gateway.messageId(messages[0]), home.id, PURPOSE, 1, expired);
        vm.prank(stranger);
        gateway.refuse(messages[0], "");
        vm.assertEq(receiver.count(), 0, "no effect");
    }

    function test_mov_6_theOperatorRefusesAParkedMessageWithAReason() public {
        receiver.set(Probe.Mood.REFUSE);
        Message[] memory messages = _send(2, 0);
        _deliverParked(messages[0], abi.encodeWithSelector(Probe.NotToday.selector, 7));
        vm.startPrank(operator);
        vm.expectRevert(Lanebook.ReasonMissing.selector);
        gateway.refuse(messages[0], "");
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotParked.selector, gateway.messageId(messages[1])));
        gateway.refuse(messages[1], "never arrived");
        vm.expectEmit(address(gateway));
        bytes memory why = abi.encodeWithSelector(Inbox.RefusedByOperator.selector, bytes32("holder left"));
        emit Inbox.MessageRefused(gateway.messageId(messages[0]), home.id, PURPOSE, 1, why);
        gateway.refuse(messages[0], "holder left");
        vm.stopPrank();
        receiver.set(Probe.Mood.TAKE);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotParked.selector, gateway.messageId(messages[0])));
        gateway.retry(messages[0]);
    }

    function test_aMessageIsGoodInItsLastSecond() public {
        Message[] memory messages = _send(1, START + 10);
        vm.warp(START + 10);
        _deliver(peer, _batch(messages));
        vm.assertEq(receiver.count(), 1, "executed");
    }

    // ---------------------------------------------------------------- parking

    function test_a18_aRefusedMessageIsParkedAndTheLaneGoesOn() public {
        Message[] memory messages = _send(3, 0);
        _deliver(peer, _only(messages[0]));
        receiver.set(Probe.Mood.REFUSE);
        bytes memory reason = abi.encodeWithSelector(Probe.NotToday.selector, 7);
        _deliverParked(messages[1], reason);
        vm.expectRevert(reason);
        gateway.retry(messages[1]);
        vm.assertTrue(_isParked(peer, gateway.messageId(messages[1])), "still parked");
        receiver.set(Probe.Mood.TAKE);
        _deliver(peer, _only(messages[2]));
        gateway.retry(messages[1]);
        vm.assertEq(receiver.count(), 3, "all have taken effect");
        vm.assertEq(receiver.lastTimestamp(), START, "retry tells the source time, too");
        bytes32 id = gateway.messageId(messages[1]);
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotParked.selector, id));
        gateway.retry(messages[1]);
        _deliver(peer, _batch(messages));
        vm.assertEq(receiver.count(), 3, "once each");
    }

    function test_i9_anUnknownMajorVersionIsParkedUntilItIsKnown() public {
        Message[] memory messages = _send(1, 0);
        messages[0].version = 2 << 16;
        _deliverParked(messages[0], abi.encodeWithSelector(Inbox.UnsupportedVersion.selector, 2 << 16));
        Message[] memory minor = _send(1, 0);
        minor[0].version = (1 << 16) + (5 << 8);
        _deliver(peer, _only(minor[0]));
        vm.assertEq(receiver.count(), 1, "another minor version is understood");
    }

    function test_a6_onlyTheApplicationOfThePurposeIsCalled() public {
        address[4] memory targets =
            [address(peer.token), address(peer.gateway), address(peer.bridge), address(peer.manager)];
        Message[] memory messages = _send(4, 0);
        for (uint256 i = 0; i < 4; ++i) {
            messages[i].recipient = _interop(peer, targets[i]);
            _deliverParked(
                messages[i], abi.encodeWithSelector(Lanebook.ReceiverMissing.selector, messages[i].recipient)
            );
        }
        vm.assertEq(receiver.count(), 0, "nobody was called");
    }

    function test_aMissingReceiverParksAndItsArrivalReleases() public {
        Message[] memory messages = _send(1, 0);
        _on(peer);
        bytes memory there = _interop(home, address(sender));
        vm.prank(operator);
        gateway.setLane(home.id, PURPOSE, stranger, there);
        _deliverParked(
            messages[0], abi.encodeWithSelector(Lanebook.ReceiverMissing.selector, messages[0].recipient)
        );
        vm.prank(operator);
        gateway.setLane(home.id, PURPOSE, address(receiver), there);
        gateway.retry(messages[0]);
        vm.assertEq(receiver.count(), 1, "executed");
    }

    // ---------------------------------------------------------------- hostile receivers and relayers

    function test_a17_aReturnBombIsCutShort() public {
        receiver.set(Probe.Mood.BOMB);
        Message[] memory messages = _send(2, 0);
        vm.recordLogs();
        _deliver(peer, _batch(messages));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 3, "both parked, in one batch");
        (, bytes memory reason) = abi.decode(logs[0].data, (uint64, bytes));
        vm.assertEq(reason.length, 256, "the reason is cut");
    }

    function test_a17_aReceiverThatBurnsAllItsGasCostsItsAllowanceOnly() public {
        Message[] memory messages = _send(2, 0);
        receiver.set(Probe.Mood.BURN_GAS);
        uint256 before = gasleft();
        _deliver(peer, _batch(messages));
        vm.assertTrue(before - gasleft() < 2 * gateway.RECEIVER_GAS() + 500_000, "bounded");
        vm.assertTrue(_isParked(peer, gateway.messageId(messages[1])), "parked");
    }

    function test_a17_tooLittleGasConsumesNothing() public {
        Message[] memory messages = _send(3, 0);
        Batch memory batch = _batch(messages);
        _on(peer);
        Signed memory signatures = _signed(peer, batch);
        bytes memory call_ = _delivery(batch, signatures);
        uint256 refused = 0;
        for (uint256 gas_ = 100_000; gas_ < 1_800_000; gas_ += 50_000) {
            uint256 snapshot = vm.snapshotState();
            (bool success, ) = address(gateway).call{gas: gas_}(call_);
            if (success) {
                vm.assertEq(receiver.count(), 3, "all or nothing");
            } else {
                ++refused;
                vm.assertEq(gateway.inboundNonce(home.id, PURPOSE), 0, "nothing consumed");
            }
            vm.assertFalse(_isParked(peer, gateway.messageId(messages[2])), "never parked for want of gas");
            vm.revertToState(snapshot);
        }
        vm.assertTrue(refused > 10, "some tries had too little");
        vm.assertTrue(refused < 34, "some had enough");
    }

    function test_a17_theApplicationHasTheSameGasWhateverTheRelayerGives() public {
        receiver.set(Probe.Mood.MEASURE);
        _on(home);
        vm.recordLogs();
        sender.send(_interop(peer, address(receiver)), new bytes(20_000), _lane(PURPOSE, 0));
        Batch memory batch = _batch(_sent(home));
        _on(peer);
        Signed memory signatures = _signed(peer, batch);
        bytes memory call_ = _delivery(batch, signatures);
        uint256 given = 0;
        for (uint256 gas_ = 1_200_000; gas_ < 5_000_000; gas_ += 100_000) {
            uint256 snapshot = vm.snapshotState();
            (bool success, ) = address(gateway).call{gas: gas_}(call_);
            uint256 measured = receiver.gasGiven();
            vm.assertFalse(_isParked(peer, gateway.messageId(batch.messages[0])), "not parked");
            vm.revertToState(snapshot);
            if (!success) continue;
            if (given == 0) given = measured;
            vm.assertEq(measured, given, "the same");
        }
        vm.assertTrue(given > gateway.RECEIVER_GAS() * 9 / 10, "all of its allowance but what the call costs");
    }

    function test_a9_reEntryThroughAReceiverParksTheMessage() public {
        Message[] memory messages = _send(2, 0);
        _on(peer);
        Batch memory second = _only(messages[1]);
        receiver.setAgain(
            _delivery(second, _signed(peer, second))
        );
        receiver.set(Probe.Mood.REENTER);
        bytes memory busy = abi.encodeWithSelector(Lanebook.LaneBusy.selector, home.id, PURPOSE);
        _deliverParked(messages[0], busy);
        vm.assertEq(gateway.inboundNonce(home.id, PURPOSE), 1, "the second was not executed inside the first");
        receiver.setAgain(abi.encodeCall(gateway.retry, (messages[0])));
        // no longer parked while it is in execution
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotParked.selector, gateway.messageId(messages[0])));
        gateway.retry(messages[0]);
    }

    function test_aWrongAnswerLeavesNoTrace() public {
        receiver.set(Probe.Mood.WRONG_ANSWER);
        Message[] memory messages = _send(1, 0);
        _expect(_batch(messages), abi.encodeWithSelector(Deliveries.BadReceiver.selector, address(receiver)));
        vm.assertEq(receiver.count(), 0, "what the receiver did is undone");
        vm.assertEq(gateway.inboundNonce(home.id, PURPOSE), 0, "and nothing consumed");
        receiver.set(Probe.Mood.TAKE);
        _deliver(peer, _batch(messages));
        vm.assertEq(receiver.count(), 1, "once it answers");
    }

    function test_a8_nobodyButTheGatewayDelivers() public {
        bytes memory sender_ = _interop(home, address(home.bridge));
        vm.expectRevert(abi.encodeWithSelector(Application.NotGateway.selector, address(this)));
        peer.bridge.receiveMessage(0, sender_, "");
        vm.expectRevert(abi.encodeWithSelector(Application.NotGateway.selector, address(this)));
        peer.actions.receiveMessage(0, sender_, "");
    }

    function testFuzz_a16_differentMessagesHaveDifferentIds(Message memory a, Message memory b) public view {
        bool same = keccak256(abi.encode(a)) == keccak256(abi.encode(b));
        vm.assertTrue(same == (gateway.messageId(a) == gateway.messageId(b)), "injective");
    }

    function test_theDigestIsEip712() public {
        Message[] memory messages = _send(2, 0);
        _on(peer);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Pari Passu Gateway"),
                keccak256("1"),
                peer.id,
                address(gateway)
            )
        );
        bytes32 batch = keccak256(
            abi.encode(
                keccak256(
                    "Batch(uint32 attestorSetVersion,Message[] messages)Message(uint256 source,uint256 destination,uint8 purpose,uint64 nonce,uint64 timestamp,uint64 expiry,uint32 version,bytes sender,bytes recipient,bytes payload)"
                ),
                1,
                keccak256(abi.encodePacked(gateway.messageId(messages[0]), gateway.messageId(messages[1])))
            )
        );
        vm.assertEq(
            _digest(peer, _batch(messages)), keccak256(abi.encodePacked(hex"1901", domain, batch)), "EIP-712"
        );
    }

    // ---------------------------------------------------------------- upgrades

    function test_a5_anUpgradeAndItsRollbackKeepQuorumLanesAndCounters() public {
        Message[] memory messages = _send(3, 0);
        _deliver(peer, _only(messages[0]));
        receiver.set(Probe.Mood.REFUSE);
        _deliver(peer, _only(messages[1]));
        receiver.set(Probe.Mood.TAKE);
        bytes32 parked = gateway.messageId(messages[1]);
        bytes32 before = _standing(parked);
        _upgrade(peer, address(gateway), _next(), 4);
        vm.assertEq(Kernel(address(gateway)).version(), "1.0.1", "upgraded");
        vm.assertEq(_standing(parked), before, "kept");
        _requireSoundQuorum();
        _verifiesOnlyAQuorum(messages[2]);
        vm.assertEq(receiver.count(), 2, "and goes on where it was");
        gateway.retry(messages[1]);
        vm.assertEq(receiver.count(), 3, "with what had been parked");
        before = _standing(parked);
        _rollBack(peer, address(gateway), 4);
        vm.assertEq(Kernel(address(gateway)).version(), "1.0.0", "back");
        vm.assertEq(_standing(parked), before, "kept on the way back");
        _requireSoundQuorum();
    }

    function test_a5_noCallOfAnUpgradeLowersTheQuorumOrStartsOver() public {
        address next = _next();
        Kernel proxy = Kernel(address(gateway));
        address was = proxy.implementation();
        _on(peer);
        bytes[5] memory calls = [
            abi.encodeCall(Kernel.initialize, ()),
            abi.encodeCall(Quorum.appoint, (_members(), 2)),
            abi.encodeCall(Quorum.rotate, (_members(), 0)),
            abi.encodeCall(Quorum.rotate, (_members(), 1)),
            abi.encodeCall(Quorum.rotate, (_members(), 4))
        ];
        bytes[5] memory refusals = [
            abi.encodeWithSelector(Kernel.InvalidInitialization.selector),
            abi.encodeWithSelector(
                Authorised.Unauthorised.selector, address(peer.approvals), Roles.BRIDGE_OPERATOR
            ),
            abi.encodeWithSelector(Quorum.BadThreshold.selector, 0, 3),
            abi.encodeWithSelector(Quorum.BadThreshold.selector, 1, 3),
            abi.encodeWithSelector(Quorum.BadThreshold.selector, 4, 3)
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.expectRevert(refusals[i]);
            vm.prank(address(peer.approvals));
            proxy.upgradeToAndCall(next, calls[i]);
            vm.assertEq(proxy.implementation(), was, "undone");
            _requireSoundQuorum();
        }
        vm.prank(address(peer.approvals));
        proxy.upgradeToAndCall(next, abi.encodeCall(Quorum.rotate, (_members(), 3)));
        (uint32 setVersion, uint8 threshold, ) = gateway.attestors();
        vm.assertEq(setVersion, 2, "the set that follows");
        vm.assertEq(threshold, 3, "with a threshold that it can reach");
    }

    function test_a5_codeBesideAProxyAndAProxyWithoutASetVerifyNothingAndCannotBeTakenOver() public {
        Message[] memory messages = _send(1, 0);
        _on(peer);
        Gateway code = Gateway(Kernel(address(gateway)).implementation());
        Gateway bare = Gateway(_proxy(address(code), abi.encodeCall(Kernel.initialize, ())));
        address[3] memory takers = [stranger, relayer, attestor];
        Gateway[2] memory both = [code, bare];
        for (uint256 i = 0; i < both.length; ++i) {
            Gateway one = both[i];
            vm.expectRevert(Kernel.InvalidInitialization.selector);
            Kernel(address(one)).initialize();
            for (uint256 j = 0; j < takers.length; ++j) {
                vm.startPrank(takers[j]);
                bytes memory needed =
                    abi.encodeWithSelector(Authorised.Unauthorised.selector, takers[j], Roles.BRIDGE_OPERATOR);
                vm.expectRevert(needed);
                one.appoint(_members(), 2);
                vm.expectRevert(needed);
                one.setLane(home.id, PURPOSE, takers[j], _interop(home, takers[j]));
                needed = abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, takers[j]);
                vm.expectRevert(needed);
                one.rotate(_members(), 2);
                vm.expectRevert(needed);
                Kernel(address(one)).upgradeToAndCall(address(code), "");
                vm.stopPrank();
            }
            // neither for nobody's word nor for that of another gateway's attestors
            bytes32[] memory refused = new bytes32[](1);
            vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 0, 0));
            one.acknowledge(home.id, PURPOSE, refused, "");
            (uint256 head, bytes memory signatures) = _acknowledgement(0, refused);
            vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 0, 1));
            one.acknowledge(home.id, head, refused, signatures);
            vm.expectRevert(abi.encodeWithSelector(Lanebook.LaneClosed.selector, home.id, PURPOSE));
            one.execute(home.id, PURPOSE | 1 << 8, "", new bytes(13), "");
        }
        // with a lane and still no set, a batch that asks for no signatures finds none either
        vm.prank(operator);
        bare.setLane(home.id, PURPOSE, address(receiver), _interop(home, address(sender)));
        vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 0, 0));
        bare.execute(home.id, PURPOSE | 1 << 8, "", new bytes(13), "");
        Signed memory signed = _signed(peer, _batch(messages));
        uint256 named = PURPOSE | 1 << 8 | 1 << 104 | signed.signers << 136;
        vm.expectRevert(abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 0, 1));
        bare.execute(home.id, named, "", new bytes(13), signed.signatures);
        vm.assertEq(receiver.count(), 0, "nothing");
    }

    // ---------------------------------------------------------------- parts

    function _next() private returns (address) {
        return address(new GatewayV2(address(peer.manager), address(peer.approvals), address(peer.kernel)));
    }

    /// All that the gateway of the peer verifies and counts by.
    function _standing(bytes32 parked) private view returns (bytes32) {
        (uint32 setVersion, uint8 threshold, Quorum.Attestor[] memory members) = gateway.attestors();
        uint8[] memory purposes = new uint8[](2);
        (purposes[0], purposes[1]) = (PURPOSE, 1);
        bytes memory lanes;
        for (uint256 i = 0; i < purposes.length; ++i) {
            (address app, bytes memory there, bool stopped) = gateway.laneOf(home.id, purposes[i]);
            uint64[3] memory counts = [
                gateway.outboundNonce(home.id, purposes[i]),
                gateway.inboundNonce(home.id, purposes[i]),
                gateway.acknowledgedNonce(home.id, purposes[i])
            ];
            lanes = abi.encode(lanes, app, there, stopped, counts);
        }
        return keccak256(
            abi.encode(
                setVersion, threshold, members, lanes, gateway.transportsOf(home.id, purposes), gateway.standingOf(parked)
            )
        );
    }

    function _requireSoundQuorum() private view {
        (uint32 setVersion, uint8 threshold, Quorum.Attestor[] memory members) = gateway.attestors();
        vm.assertEq(setVersion, 1, "its version");
        vm.assertTrue(threshold >= 2 && threshold <= 3, "as many entities as there are");
        vm.assertEq(members.length, 4, "its members");
    }

    function _verifiesOnlyAQuorum(Message memory message) private {
        _on(peer);
        Batch memory batch = _only(message);
        Signed memory signed = _signed(peer, batch);
        bytes memory one = _signature(keys[0], _digest(peer, batch));
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumMissing.selector, 2, 0));
        _execute(peer, batch, Signed(0, ""));
        vm.expectRevert(abi.encodeWithSelector(Quorum.QuorumMissing.selector, 2, 1));
        _execute(peer, batch, Signed(1, one));
        _execute(peer, batch, signed);
    }

    function _lane(uint8 purpose, uint64 expiry) private pure returns (bytes[] memory attributes) {
        attributes = new bytes[](1);
        attributes[0] = abi.encodeWithSignature("lane(uint8,uint64)", purpose, expiry);
    }

    function _send(uint64 count, uint64 expiry) private returns (Message[] memory) {
        _on(home);
        vm.recordLogs();
        bytes memory recipient = _interop(peer, address(receiver));
        for (uint64 i = 0; i < count; ++i) sender.send(recipient, abi.encode(i), _lane(PURPOSE, expiry));
        return _sent(home);
    }

    function _deliverParked(Message memory message, bytes memory reason) private {
        Batch memory batch = _only(message);
        _on(peer);
        Signed memory signatures = _signed(peer, batch);
        bytes32 id = gateway.messageId(message);
        vm.expectEmit(address(gateway));
        emit Inbox.MessageParked(id, message.source, message.purpose, message.nonce, reason);
        _execute(peer, batch, signatures);
        vm.assertTrue(_isParked(peer, id), "parked");
    }

    function _expect(Batch memory batch, bytes memory reason) private {
        _on(peer);
        Signed memory signatures = _signed(peer, batch);
        vm.expectRevert(reason);
        _execute(peer, batch, signatures);
    }
}
