// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Carried} from "../../contracts/bridge/Carried.sol";
import {Gateway} from "../../contracts/bridge/Gateway.sol";
import {Lanebook} from "../../contracts/bridge/Lanebook.sol";
import {Quorum} from "../../contracts/bridge/Quorum.sol";
import {Carrier} from "../../contracts/bridge/transports/Carrier.sol";
import {HyperlaneTransport} from "../../contracts/bridge/transports/HyperlaneTransport.sol";
import {ITransport} from "../../contracts/interfaces/ITransport.sol";
import {Message, Standing} from "../../contracts/interfaces/IGateway.sol";
import {Batch, Chain, Signed, World} from "./World.sol";

/// Stands for Hyperlane's mailbox: keeps what is dispatched, and delivers what it is told to.
contract StubMailbox {
    uint256 public fee;
    uint32 public domain;
    bytes32 public recipient;
    bytes public body;
    uint256 public paid;
    uint256 public count;

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    function quoteDispatch(uint32, bytes32, bytes calldata) external view returns (uint256) {
        return fee;
    }

    function dispatch(uint32 domain_, bytes32 recipient_, bytes calldata body_) external payable returns (bytes32) {
        (domain, recipient, body, paid) = (domain_, recipient_, body_, msg.value);
        return bytes32(++count);
    }

    function deliver(HyperlaneTransport to, uint32 origin, bytes32 sender, bytes calldata body_) external {
        to.handle(origin, sender, body_);
    }
}

/// Stands for a transport of an attacker's own: to it everything is authentic.
contract ForgedTransport is ITransport {
    function send(uint256, bytes32) external {}

    function requireAuthentic(uint256, bytes32[] calldata) external view {}

    function connects(uint256) external pure returns (bool) {
        return true;
    }

    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }

    /// Call the gateway from here, as who vouches.
    function forward(address gateway, bytes calldata data) external {
        (bool success, bytes memory reason) = gateway.call(data);
        if (!success) {
            assembly {
                revert(add(reason, 32), mload(reason))
            }
        }
    }
}

/// MOV-11: a transport says whether a message is authentic, and nothing else.
contract TransportTest is World {
    uint8 private constant MOVEMENT = 1;
    uint32 private constant HOME_DOMAIN = 7001;
    uint32 private constant PEER_DOMAIN = 7002;

    StubMailbox private mailbox;
    HyperlaneTransport private atHome;
    HyperlaneTransport private atPeer;

    function setUp() public {
        _setUpWorld();
        mailbox = new StubMailbox();
        atHome = _transport(home);
        atPeer = _transport(peer);
        _name(home, atHome, peer.id, PEER_DOMAIN, address(atPeer));
        _name(peer, atPeer, home.id, HOME_DOMAIN, address(atHome));
        _carry(home, peer.id, address(atHome));
        _carry(peer, home.id, address(atPeer));
        _issue(holderDe, 1000);
    }

    // ---------------------------------------------------------------- what it does

    function test_mov_11_aCarriedMessageTakesEffectOnceTheTransportVouchesForIt() public {
        Message memory message = _move(holderDe, holderFr, 40);
        bytes32 id = _idOf(message);
        vm.assertEq(atHome.queued(peer.id), 1, "it waits");
        _refused(message, abi.encodeWithSelector(ITransport.NotAuthentic.selector, home.id, id));
        _flush(1);
        vm.assertEq(atHome.queued(peer.id), 0, "nothing waits");
        _refused(message, abi.encodeWithSelector(ITransport.NotAuthentic.selector, home.id, id));
        _arrive();
        vm.assertTrue(atPeer.isAuthentic(home.id, id), "vouched for");
        _execute(peer, _unsigned(message), Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 40, "arrived");
        _execute(peer, _unsigned(message), Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 40, "once");
    }

    function test_mov_11_manyIdentifiersTravelInOneMessageAndBatchesAreFree() public {
        Message[] memory messages = new Message[](3);
        for (uint256 i = 0; i < 3; ++i) messages[i] = _move(holderDe, holderFr, i + 1);
        _flush(3);
        vm.assertEq(mailbox.count(), 1, "one message of the network");
        vm.assertEq(uint256(mailbox.domain()), PEER_DOMAIN, "to that chain");
        vm.assertEq(mailbox.recipient(), _padded(address(atPeer)), "to the counterpart");
        _arrive();
        _on(peer);
        _execute(peer, _unsigned(messages[0]), Signed(0, ""));
        Batch memory batch = Batch(0, messages);
        _execute(peer, batch, Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 6, "in a batch of another size");
    }

    function test_aBatchWithOneMessageThatNobodyVouchesForDoesNothing() public {
        Message[] memory messages = new Message[](2);
        messages[0] = _move(holderDe, holderFr, 1);
        _flush(1);
        _arrive();
        messages[1] = _move(holderDe, holderFr, 1);
        _on(peer);
        vm.expectRevert(abi.encodeWithSelector(ITransport.NotAuthentic.selector, home.id, _idOf(messages[1])));
        this.execute(Batch(0, messages), Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 0, "not even the first");
    }

    function test_theOldestHundredGoFirstAndTheRestWaits() public {
        Message memory first = _move(holderDe, holderFr, 1);
        for (uint256 i = 0; i < 100; ++i) _move(holderDe, holderFr, 1);
        _flush(100);
        vm.assertEq(mailbox.body().length, 3200, "a hundred");
        _arrive();
        vm.assertTrue(atPeer.isAuthentic(home.id, _idOf(first)), "the oldest among them");
        vm.assertEq(atHome.queued(peer.id), 1, "the rest waits");
        Message memory last = _move(holderDe, holderFr, 1);
        _flush(2);
        _arrive();
        vm.assertTrue(atPeer.isAuthentic(home.id, _idOf(last)), "and comes next");
        _on(home);
        vm.expectRevert(abi.encodeWithSelector(Carrier.NothingQueued.selector, peer.id));
        atHome.flush(peer.id);
    }

    function test_theFeeIsPaidExactlyByWhoFlushes() public {
        _move(holderDe, holderFr, 1);
        mailbox.setFee(5);
        vm.assertEq(atHome.feeOf(peer.id), 5, "told");
        vm.expectRevert(abi.encodeWithSelector(Carrier.FeeMismatch.selector, 5, 0));
        atHome.flush(peer.id);
        vm.expectRevert(abi.encodeWithSelector(Carrier.FeeMismatch.selector, 5, 6));
        atHome.flush{value: 6}(peer.id);
        vm.assertEq(atHome.queued(peer.id), 1, "it still waits");
        atHome.flush{value: 5}(peer.id);
        vm.assertEq(mailbox.paid(), 5, "handed on");
        vm.assertEq(address(atHome).balance, 0, "nothing is kept");
    }

    // ---------------------------------------------------------------- attacks

    function test_a_batchOfACarriedLaneComesWithoutAttestors() public {
        Message memory message = _move(holderDe, holderFr, 40);
        _on(peer);
        bytes memory refusal = abi.encodeWithSelector(Carried.NotAttested.selector, home.id, MOVEMENT);
        Batch memory batch = _only(message);
        Signed memory signed = _signed(peer, batch);
        vm.expectRevert(refusal);
        this.execute(batch, signed);
        batch.attestorSetVersion = 0;
        vm.expectRevert(refusal);
        this.execute(batch, Signed(0, signed.signatures));
        vm.expectRevert(refusal);
        this.execute(batch, Signed(3, ""));
        // not even where the transport vouches for it
        _flush(1);
        _arrive();
        _on(peer);
        vm.expectRevert(refusal);
        this.execute(_only(message), signed);
    }

    function test_a3_aForgedTransportVouchesForNothingUnlessAnApprovedActNamesIt() public {
        ForgedTransport forged = new ForgedTransport();
        uint8[] memory purposes = new uint8[](1);
        purposes[0] = MOVEMENT;
        _on(peer);
        address[6] memory callers = [address(forged), admin, operator, attestor, relayer, upgrader];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.prank(callers[i]);
            vm.expectRevert(abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, callers[i]));
            peer.gateway.setTransport(home.id, purposes, address(forged));
        }
        vm.assertEq(peer.gateway.transportsOf(home.id, purposes)[0], address(atPeer), "the governed one");
        // the message is true; yet that it is, the lane's own transport alone can say
        Message memory message = _move(holderDe, holderFr, 40);
        bytes memory refusal = abi.encodeWithSelector(ITransport.NotAuthentic.selector, home.id, _idOf(message));
        _refused(message, refusal);
        bytes memory delivery = _delivery(_unsigned(message), Signed(0, ""));
        vm.expectRevert(refusal);
        forged.forward(address(peer.gateway), delivery);
        // nor does a sender's address in the call make it the lane's
        Message memory posing = abi.decode(abi.encode(message), (Message));
        posing.sender = _interop(home, address(forged));
        _refused(posing, abi.encodeWithSelector(ITransport.NotAuthentic.selector, home.id, _idOf(posing)));
        vm.assertEq(peer.token.balanceOf(holderFr), 0, "nothing");
        // whereas two roles that agreed on it would have given everything away: so much depends on the act
        _carry(peer, home.id, address(forged), false);
        _execute(peer, _unsigned(message), Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 40, "by the act");
    }

    function test_aTransportCountsForNothingInALaneOfAttestors() public {
        _carry(home, peer.id, address(0), false);
        _carry(peer, home.id, address(0), false);
        Message memory message = _move(holderDe, holderFr, 40);
        vm.assertEq(atHome.queued(peer.id), 0, "nor is it told of the message");
        mailbox.deliver(atPeer, HOME_DOMAIN, _padded(address(atHome)), abi.encode(_idOf(message)));
        _refused(message, abi.encodeWithSelector(Quorum.WrongSetVersion.selector, 1, 0));
        _deliver(peer, _only(message));
        vm.assertEq(peer.token.balanceOf(holderFr), 40, "by attestors");
    }

    function test_nobodyButTheMailboxHandlesAndOnlyForTheCounterpart() public {
        bytes memory list = abi.encode(bytes32("id"));
        bytes32 sender = _padded(address(atHome));
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotMailbox.selector, address(this)));
        atPeer.handle(HOME_DOMAIN, sender, list);
        StubMailbox forged = new StubMailbox();
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotMailbox.selector, address(forged)));
        forged.deliver(atPeer, HOME_DOMAIN, sender, list);
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotPeer.selector, PEER_DOMAIN, sender));
        mailbox.deliver(atPeer, PEER_DOMAIN, sender, list);
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotPeer.selector, uint32(0), bytes32(0)));
        mailbox.deliver(atPeer, 0, 0, list);
        bytes32 another = _padded(stranger);
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotPeer.selector, HOME_DOMAIN, another));
        mailbox.deliver(atPeer, HOME_DOMAIN, another, list);
        // an address with something in front of it is not the address
        bytes32 dirty = sender | bytes32(uint256(1) << 255);
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotPeer.selector, HOME_DOMAIN, dirty));
        mailbox.deliver(atPeer, HOME_DOMAIN, dirty, list);
        mailbox.deliver(atPeer, HOME_DOMAIN, sender, list);
        vm.assertTrue(atPeer.isAuthentic(home.id, "id"), "the counterpart's word counts");
        vm.assertFalse(atPeer.isAuthentic(9, "id"), "for its own ledger alone");
    }

    function test_anotherLedgersTransportCannotVouchForThisOnes() public {
        Message memory message = _move(holderDe, holderFr, 40);
        _on(peer);
        _name(peer, atPeer, 31003, 7003, stranger);
        mailbox.deliver(atPeer, 7003, _padded(stranger), abi.encode(_idOf(message)));
        _refused(message, abi.encodeWithSelector(ITransport.NotAuthentic.selector, home.id, _idOf(message)));
    }

    function test_onlyListsOfIdentifiersAreTaken() public {
        bytes32 sender = _padded(address(atHome));
        vm.expectRevert(abi.encodeWithSelector(Carrier.MalformedList.selector, 0));
        mailbox.deliver(atPeer, HOME_DOMAIN, sender, "");
        vm.expectRevert(abi.encodeWithSelector(Carrier.MalformedList.selector, 33));
        mailbox.deliver(atPeer, HOME_DOMAIN, sender, new bytes(33));
    }

    function test_aListThatComesTwiceChangesNothing() public {
        Message memory message = _move(holderDe, holderFr, 40);
        _flush(1);
        _arrive();
        _execute(peer, _unsigned(message), Signed(0, ""));
        _arrive();
        _execute(peer, _unsigned(message), Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 40, "once");
    }

    function test_nobodyButTheGatewayHandsOver() public {
        vm.expectRevert(abi.encodeWithSelector(Carrier.NotGateway.selector, address(this)));
        atHome.send(peer.id, "id");
    }

    // ---------------------------------------------------------------- set-up

    function test_whatDecidesWhoMintsIsAnApprovedAct() public {
        uint8[] memory purposes = new uint8[](1);
        vm.startPrank(operator);
        bytes memory needed = abi.encodeWithSelector(Authorised.ApprovalNeeded.selector, operator);
        vm.expectRevert(needed);
        home.gateway.setTransport(peer.id, purposes, address(0));
        vm.expectRevert(needed);
        atHome.setMailbox(address(mailbox), address(0));
        vm.expectRevert(needed);
        atHome.setPeer(HyperlaneTransport.Peer(peer.id, PEER_DOMAIN, stranger));
    }

    function test_aTransportIsOneAndConnectsTheTwoLedgers() public {
        address[3] memory others = [stranger, address(home.gateway), address(atHome)];
        uint8[] memory purposes = new uint8[](1);
        vm.startPrank(address(home.approvals));
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Gateway.BadTransport.selector, 999, others[i]));
            home.gateway.setTransport(999, purposes, others[i]);
        }
        vm.expectEmit(address(home.gateway));
        emit Gateway.TransportSet(peer.id, 0, address(atHome));
        home.gateway.setTransport(peer.id, purposes, address(atHome));
        vm.assertEq(home.gateway.transportsOf(peer.id, purposes)[0], address(atHome), "told");
    }

    function test_lanesThatCarriedMessagesAreStoppedBeforeTheirTransportChanges() public {
        Message memory message = _move(holderDe, holderFr, 40);
        bytes memory refusal = abi.encodeWithSelector(Gateway.LaneNotStopped.selector, peer.id, MOVEMENT);
        uint8[] memory purposes = new uint8[](1);
        purposes[0] = MOVEMENT;
        vm.prank(address(home.approvals));
        vm.expectRevert(refusal);
        home.gateway.setTransport(peer.id, purposes, address(0));
        _on(home);
        vm.prank(pauser);
        home.gateway.stopLane(peer.id, MOVEMENT, "change of transport");
        _carry(home, peer.id, address(0));
        vm.prank(unpauser);
        home.gateway.resumeLane(peer.id, MOVEMENT, "changed");
        vm.assertEq(home.gateway.transportsOf(peer.id, purposes)[0], address(0), "changed");
        // the message under way needs the proof that it left with
        _flush(1);
        _arrive();
        _execute(peer, _unsigned(message), Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 40, "nothing was lost");
    }

    function test_aChangedLaneKeepsItsTransport() public {
        _on(peer);
        vm.prank(operator);
        peer.gateway.setLane(home.id, MOVEMENT, address(peer.bridge), _interop(home, address(home.bridge)));
        Message memory message = _move(holderDe, holderFr, 40);
        _refused(message, abi.encodeWithSelector(ITransport.NotAuthentic.selector, home.id, _idOf(message)));
    }

    function test_counterpartsAreOnOtherChainsOfTheirOwnDomain() public {
        _on(home);
        _badPeer(home.id, 1);
        _badPeer(0, 1);
        _badPeer(1 << 255 | 5, 1);
        _badPeer(31003, 0);
        _badPeer(31003, PEER_DOMAIN);
        _name(home, atHome, peer.id, 7009, stranger);
        (uint32 domain, address there) = atHome.peerOf(peer.id);
        vm.assertEq(uint256(domain), 7009, "another domain");
        vm.assertEq(there, stranger, "another contract");
        vm.expectRevert(
            abi.encodeWithSelector(HyperlaneTransport.NotPeer.selector, PEER_DOMAIN, _padded(address(atPeer)))
        );
        mailbox.deliver(atHome, PEER_DOMAIN, _padded(address(atPeer)), abi.encode(1));
        _name(home, atHome, peer.id, 0, address(0));
        vm.assertFalse(atHome.connects(peer.id), "nobody there");
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotPeer.selector, uint32(7009), _padded(stranger)));
        mailbox.deliver(atHome, 7009, _padded(stranger), abi.encode(1));
    }

    function test_nothingGoesToALedgerWithoutCounterpart() public {
        _move(holderDe, holderFr, 1);
        _name(home, atHome, peer.id, 0, address(0));
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.PeerUnknown.selector, peer.id));
        atHome.flush(peer.id);
        vm.assertEq(atHome.queued(peer.id), 1, "it still waits");
    }

    function test_mailboxAndModuleAreContracts() public {
        vm.startPrank(address(home.approvals));
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NoCode.selector, stranger));
        atHome.setMailbox(stranger, address(0));
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NoCode.selector, stranger));
        atHome.setMailbox(address(mailbox), stranger);
        StubMailbox other = new StubMailbox();
        vm.expectEmit(address(atHome));
        emit HyperlaneTransport.MailboxSet(address(other), address(mailbox));
        atHome.setMailbox(address(other), address(mailbox));
        vm.stopPrank();
        (address set, address module) = atHome.mailbox();
        vm.assertEq(set, address(other), "mailbox");
        vm.assertEq(module, address(mailbox), "module");
        vm.assertEq(atHome.interchainSecurityModule(), address(mailbox), "module");
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.NotMailbox.selector, address(mailbox)));
        mailbox.deliver(atHome, PEER_DOMAIN, _padded(address(atPeer)), abi.encode(1));
    }

    // ---------------------------------------------------------------- the rest is the gateway's

    function test_mov_11_whatATransportVouchesForExpiresAllTheSame() public {
        _on(home);
        vm.recordLogs();
        vm.prank(holderDe);
        home.bridge.move(address(home.token), peer.id, abi.encodePacked(holderFr), 40, uint64(block.timestamp + 60));
        Message memory message = _sent(home)[0];
        _flush(1);
        _arrive();
        vm.warp(block.timestamp + 61);
        _execute(peer, _unsigned(message), Signed(0, ""));
        vm.assertEq(peer.token.balanceOf(holderFr), 0, "too late");
        vm.assertEq(peer.gateway.inboundNonce(home.id, MOVEMENT), 1, "and never");
    }

    // ---------------------------------------------------------------- parts

    function execute(Batch memory batch, Signed memory signed) external {
        _execute(peer, batch, signed);
    }

    function _transport(Chain memory c) private returns (HyperlaneTransport) {
        _on(c);
        return new HyperlaneTransport(
            address(c.manager),
            address(c.approvals),
            address(c.kernel),
            address(c.gateway),
            address(mailbox),
            address(0),
            new HyperlaneTransport.Peer[](0)
        );
    }

    function _name(Chain memory c, HyperlaneTransport transport, uint256 ledger, uint32 domain, address there) private {
        _on(c);
        _act(c, address(transport), abi.encodeCall(transport.setPeer, (HyperlaneTransport.Peer(ledger, domain, there))));
    }

    function _badPeer(uint256 ledger, uint32 domain) private {
        vm.prank(address(home.approvals));
        vm.expectRevert(abi.encodeWithSelector(HyperlaneTransport.BadPeer.selector, ledger, domain));
        atHome.setPeer(HyperlaneTransport.Peer(ledger, domain, stranger));
    }

    function _carry(Chain memory c, uint256 ledger, address transport) private {
        _carry(c, ledger, transport, true);
    }

    function _carry(Chain memory c, uint256 ledger, address transport, bool withAnother) private {
        _on(c);
        uint8[] memory purposes = new uint8[](withAnother ? 2 : 1);
        purposes[0] = MOVEMENT;
        if (withAnother) purposes[1] = 2;
        _act(c, address(c.gateway), abi.encodeCall(c.gateway.setTransport, (ledger, purposes, transport)));
    }

    function _flush(uint256 count) private {
        _on(home);
        vm.expectEmit(address(atHome));
        emit Carrier.MessagesFlushed(peer.id, bytes32(mailbox.count() + 1), count);
        atHome.flush(peer.id);
    }

    function _arrive() private {
        _on(peer);
        mailbox.deliver(atPeer, HOME_DOMAIN, _padded(address(atHome)), mailbox.body());
    }

    function _refused(Message memory message, bytes memory reason) private {
        _on(peer);
        vm.expectRevert(reason);
        this.execute(_unsigned(message), Signed(0, ""));
    }

    function _unsigned(Message memory message) private pure returns (Batch memory batch) {
        batch = _only(message);
        batch.attestorSetVersion = 0;
    }

    function _idOf(Message memory message) private view returns (bytes32) {
        return home.gateway.messageId(message);
    }

    function _padded(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
