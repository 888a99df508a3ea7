// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Inbox} from "../../contracts/bridge/Inbox.sol";
import {TokenBridge} from "../../contracts/bridge/TokenBridge.sol";
import {Message} from "../../contracts/interfaces/IGateway.sol";
import {IInstanceRegistry, Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {SecurityBase} from "../../contracts/token/SecurityBase.sol";
import {Chain, World} from "./World.sol";

/// MOV-1: units are on one ledger or on their way, and arrive once.
contract TokenBridgeTest is World {
    uint32 private constant V1 = 1 << 16;
    uint32 private constant V2 = 2 << 16;

    function setUp() public {
        _setUpWorld();
        _issue(holderDe, 1000);
    }

    function test_mov_1_unitsLeaveAtOnceAndArriveOnce() public {
        Message memory message = _move(holderDe, holderFr, 400);
        vm.assertEq(home.token.totalSupply(), 600, "left");
        vm.assertEq(peer.token.totalSupply(), 0, "on their way");
        vm.assertEq(
            message.payload,
            abi.encode(SECURITY, abi.encodePacked(holderDe), abi.encodePacked(holderFr), uint256(400)),
            "payload"
        );
        _deliver(peer, _only(message));
        _deliver(peer, _only(message));
        vm.assertEq(peer.token.balanceOf(holderFr), 400, "arrived once");
        vm.assertEq(home.token.issuedTotal(), 1000, "issued stays");
    }

    function test_unitsComeBackByTheSameWay() public {
        _deliver(peer, _only(_move(holderDe, holderDe, 400)));
        vm.recordLogs();
        vm.prank(holderDe);
        peer.bridge.move(address(peer.token), home.id, abi.encodePacked(holderFr), 150, 0);
        Message memory back = _sent(peer)[0];
        _deliver(home, _only(back));
        vm.assertEq(home.token.balanceOf(holderFr), 150, "home again");
        vm.assertEq(home.token.totalSupply() + peer.token.totalSupply(), 1000, "sum");
    }

    function test_mov_2_unitsForAnIneligibleHolderAreParkedAndArriveOnceEligible() public {
        address american = _address("holder us");
        Message memory message = _move(holderDe, american, 5);
        _deliver(peer, _only(message));
        bytes32 id = peer.gateway.messageId(message);
        vm.assertTrue(_isParked(peer, id), "parked");
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 5, address(0), american, 5)
        );
        peer.gateway.retry(message);
        _onboard(peer, american, "us", GERMANY, RETAIL, address(0));
        peer.gateway.retry(message);
        vm.assertEq(peer.token.balanceOf(american), 5, "arrived");
    }

    function test_ca_5_unitsInTransitOverARecordTimeCountWhereTheyArrive() public {
        uint64 t = START + 100;
        _on(peer);
        vm.prank(address(peer.actions));
        peer.token.armRecordTime(t);
        vm.warp(t);
        Message memory before = _move(holderDe, holderFr, 40);
        vm.warp(t + 1);
        Message memory later = _move(holderDe, holderFr, 7);
        vm.warp(t + 500);
        Message[] memory both = new Message[](2);
        (both[0], both[1]) = (before, later);
        _deliver(peer, _batch(both));
        vm.assertEq(peer.token.balanceOfAt(holderFr, t), 0, "not there yet");
        vm.assertEq(peer.token.eligibleBalanceOfAt(holderFr, t), 40, "but eligible, the first alone");
    }

    function test_ca_5_aParkedMovementStillCountsAtItsRecordTime() public {
        uint64 t = START + 100;
        _on(peer);
        vm.prank(address(peer.actions));
        peer.token.armRecordTime(t);
        address late = _address("late");
        Message memory message = _move(holderDe, late, 9);
        vm.warp(t + 50);
        _deliver(peer, _only(message));
        vm.warp(t + 5000);
        _onboard(peer, late, "late", GERMANY, RETAIL, address(0));
        peer.gateway.retry(message);
        vm.assertEq(peer.token.eligibleBalanceOfAt(late, t), 9, "eligible");
    }

    function test_a10_nothingLeavesWithoutADebit() public {
        _on(home);
        vm.startPrank(holderFr); // holds nothing
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 10, holderFr, address(0), 1)
        );
        home.bridge.move(address(home.token), peer.id, abi.encodePacked(holderFr), 1, 0);
        vm.expectRevert(TokenBridge.NothingToMove.selector);
        home.bridge.move(address(home.token), peer.id, abi.encodePacked(holderFr), 0, 0);
        vm.stopPrank();
    }

    function test_id_3_onlyTrustedInstancesTakePart() public {
        _on(home);
        vm.prank(tokenizer);
        home.instances.revokeInstance(SECURITY, peer.id);
        _expectMove(abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, SECURITY, peer.id));
        vm.startPrank(tokenizer);
        home.instances.registerInstances(SECURITY, _list(_instance(peer)));
        home.instances.revokeInstance(SECURITY, home.id);
        vm.stopPrank();
        _expectMove(abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, SECURITY, home.id));
    }

    function test_id_3_unitsFromALedgerWithoutATrustedInstanceWait() public {
        Message memory message = _move(holderDe, holderFr, 5);
        _on(peer);
        vm.prank(tokenizer);
        peer.instances.revokeInstance(SECURITY, home.id);
        _deliver(peer, _only(message));
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, SECURITY, home.id));
        peer.gateway.retry(message);
        Instance[] memory list = _list(_instance(home));
        vm.prank(tokenizer);
        peer.instances.registerInstances(SECURITY, list);
        peer.gateway.retry(message);
        vm.assertEq(peer.token.balanceOf(holderFr), 5, "arrived");
    }

    function test_aMessageFromAnotherSenderThanTheBridgeIsParked() public {
        Message memory message = _move(holderDe, holderFr, 5);
        message.sender = _interop(home, stranger);
        _deliver(peer, _only(message));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(message)), "parked");
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotPeer.selector, home.id, message.sender));
        peer.gateway.retry(message);
    }

    function test_id_3_anotherTokenCannotPoseAsTheSecurity() public {
        _on(home);
        ISecurity fake = _token(home, _tokenInit(home, true));
        vm.prank(holderDe);
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.TokenUnknown.selector, SECURITY, address(fake)));
        home.bridge.move(address(fake), peer.id, abi.encodePacked(holderFr), 1, 0);
    }

    // ---------------------------------------------------------------- versions

    function test_ver_4_unitsStayWhereTheVersionThereMayNotReceiveThem() public {
        _on(home);
        _versionOf(home, peer, V2);
        bytes memory reason = abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V1, V2);
        _expectMove(reason);
        vm.assertEq(home.token.totalSupply(), 1000, "nothing was burnt");
        vm.assertEq(home.token.balanceOf(holderDe), 1000, "nor debited");
        vm.assertEq(home.gateway.outboundNonce(peer.id, 1), 0, "nor sent");

        vm.prank(tokenizer);
        home.instances.setCompatibility(V2, V1, 0);
        _expectMove(reason);
        vm.prank(tokenizer);
        home.instances.setCompatibility(V2, V1, 2);
        _deliver(peer, _only(_move(holderDe, holderFr, 1)));
        vm.assertEq(peer.token.balanceOf(holderFr), 1, "arrived");
    }

    function test_ver_4_unitsFromAnIncompatibleVersionWaitAndArriveOnce() public {
        Message memory message = _move(holderDe, holderFr, 5);
        _on(peer);
        _versionOf(peer, home, V2);
        _deliver(peer, _only(message));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(message)), "parked");
        vm.assertEq(peer.token.totalSupply(), 0, "not applied");
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V1, V2));
        peer.gateway.retry(message);
        vm.prank(tokenizer);
        peer.instances.setCompatibility(V1, V2, 2);
        peer.gateway.retry(message);
        vm.assertEq(peer.token.balanceOf(holderFr), 5, "arrived");
    }

    function test_ver_4_eventsReachAVersionThatUnitsDoNot() public {
        _on(home);
        _versionOf(home, peer, V2);
        _on(peer);
        _versionOf(peer, home, V2);
        _on(home);
        _expectMove(abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V1, V2));
        _deliver(peer, _only(_announced()));
        _assertAnnounced(true);
    }

    function test_ver_4_eventsOfAVersionThatMayNotBeReadWait() public {
        _on(peer);
        _versionOf(peer, home, V2);
        vm.prank(tokenizer);
        peer.instances.setCompatibility(V1, V2, 0);
        _on(home);
        Message memory message = _announced();
        _deliver(peer, _only(message));
        _assertAnnounced(false);
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V1, V2));
        peer.gateway.retry(message);
        vm.prank(tokenizer);
        peer.instances.setCompatibility(V1, V2, 1);
        peer.gateway.retry(message);
        _assertAnnounced(true);
    }

    function _versionOf(Chain memory here, Chain memory there, uint32 version) private {
        Instance memory instance = _instance(there);
        instance.version = version;
        vm.prank(tokenizer);
        here.instances.registerInstances(SECURITY, _list(instance));
    }

    function _announced() private returns (Message memory) {
        vm.recordLogs();
        vm.prank(issuerAgent);
        home.actions.announce(_event());
        return _sent(home)[0];
    }

    function _assertAnnounced(bool known) private view {
        (, bytes32 recordHash, , , ) = peer.actions.eventOf(bytes32(_event().officialEventId));
        vm.assertTrue((recordHash != 0) == known, "announced");
    }

    function test_accountsOfChainsHaveTwentyBytes() public {
        _on(home);
        vm.startPrank(holderDe);
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.BadAccount.selector, bytes("SAFE-0001")));
        home.bridge.move(address(home.token), peer.id, "SAFE-0001", 1, 0);
        vm.expectRevert(abi.encodeWithSelector(TokenBridge.BadAccount.selector, bytes("")));
        home.bridge.move(address(home.token), peer.id, "", 1, 0);
        vm.stopPrank();
    }

    function test_mov_10_unitsMoveToABookEntryLedger() public {
        _on(home);
        bytes memory book = abi.encodePacked(hex"0001b00c08", "register", uint8(6), "bridge");
        uint256 ledger = uint256(keccak256("book:register")) | (1 << 255);
        vm.startPrank(operator);
        home.gateway.setLane(ledger, 1, address(home.bridge), book);
        vm.stopPrank();
        _expectMoveTo(ledger, abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, SECURITY, ledger));
        vm.prank(tokenizer);
        home.instances.registerInstances(SECURITY, _list(_bookInstance(ledger)));
        vm.recordLogs();
        vm.prank(holderDe);
        home.bridge.move(address(home.token), ledger, "SAFE-0001", 25, 0);
        Message memory message = _sent(home)[0];
        vm.assertEq(message.destination, ledger, "destination");
        vm.assertEq(message.recipient, book, "recipient");
        vm.assertEq(home.token.totalSupply(), 975, "left");
    }

    function _bookInstance(uint256 ledger) private pure returns (Instance memory instance) {
        instance.ledger = ledger;
        instance.token = abi.encodePacked(hex"0001b00c08", "register", uint8(12), ISIN);
        instance.version = 1 << 16;
    }

    function _expectMove(bytes memory reason) private {
        _expectMoveTo(peer.id, reason);
    }

    function _expectMoveTo(uint256 ledger, bytes memory reason) private {
        vm.prank(holderDe);
        vm.expectRevert(reason);
        home.bridge.move(address(home.token), ledger, abi.encodePacked(holderFr), 1, 0);
    }
}
