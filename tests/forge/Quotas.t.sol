// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {Application} from "../../contracts/bridge/Application.sol";
import {Lanebook} from "../../contracts/bridge/Lanebook.sol";
import {Inbox} from "../../contracts/bridge/Inbox.sol";
import {Quotas} from "../../contracts/bridge/Quotas.sol";
import {Message} from "../../contracts/interfaces/IGateway.sol";
import {IInstanceRegistry, Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {IERC7786Recipient} from "../../contracts/interfaces/IERC7786.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Holdings} from "../../contracts/token/Holdings.sol";
import {SecurityBase} from "../../contracts/token/SecurityBase.sol";
import {SecurityTokenExtension} from "../../contracts/token/SecurityTokenExtension.sol";
import {Chain} from "./World.sol";
import {QuotaWorld} from "./QuotaWorld.sol";

/// CTL-4: limits that count over all chains hold over all chains, and no transfer waits for a message.
contract QuotasTest is QuotaWorld {
    uint32 private constant V1 = 1 << 16;
    uint32 private constant V2 = 2 << 16;

    function setUp() public {
        _setUpQuotas();
    }

    // ---------------------------------------------------------------- quotas

    function test_ctl_4_capsOverAllChains_quotaLeavesAtOnceAndCountsOnceOnTheOtherLedger() public {
        Message memory message = _moveQuota(home, peer, holderDe, holderDe, 30);
        vm.assertEq(homeToken.quotaOf(holderDe), 21, "left");
        vm.assertEq(peerToken.quotaOf(holderDe), 50, "on its way");
        bytes memory payload =
            abi.encode(LIMITED, uint8(1), bytes24(_commitment("de")), _raw(holderDe), uint64(30));
        vm.assertEq(message.payload, payload, "payload");
        vm.assertEq(message.purpose, 4, "purpose");
        vm.assertEq(message.expiry, 0, "always arrives");
        _deliver(peer, _only(message));
        _deliver(peer, _only(message));
        vm.assertEq(peerToken.quotaOf(holderDe), 80, "arrived once");
        vm.assertEq(homeToken.quotaOf(holderFr), 51, "nobody else's here");
        vm.assertEq(peerToken.quotaOf(holderFr), 50, "nor there");
    }

    function test_ctl_4_capsOverAllChains_eachStepIsOneEvent() public {
        vm.expectEmit(address(homeToken));
        emit Holdings.QuotaChanged(holderDe, 50);
        Message memory quota = _moveQuota(home, peer, holderDe, holderDe, 1);
        vm.expectEmit(address(homeToken));
        emit Holdings.QuotaChanged(address(0), 2);
        Message memory places = _movePlaces(home, peer, 1);
        vm.expectEmit(address(peerToken));
        emit Holdings.QuotaChanged(holderDe, 51);
        _deliver(peer, _only(quota));
        vm.expectEmit(address(peerToken));
        emit Holdings.QuotaChanged(address(0), 3);
        _deliver(peer, _only(places));
    }

    function test_ctl_4_capsOverAllChains_onlyWhatIsNotUsedLeaves() public {
        _endow(holderDe, 40);
        _expectQuota(holderDe, 12, abi.encodeWithSelector(SecurityTokenExtension.QuotaInUse.selector, holderDe, 12, 11));
        _moveQuota(home, peer, holderDe, holderDe, 11);
        // not a unit above what is left, in the very next call
        vm.prank(transferAgent);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 15, address(0), holderDe, 1)
        );
        homeToken.issue(holderDe, 1, "one more");
    }

    function test_ctl_4_capsOverAllChains_theQuotaFollowsUnitsThatFoundNoRoom() public {
        _endow(holderDe, 51);
        _deliver(peer, _only(_moveUnits(home, peer, holderDe, holderDe, 50)));
        _endow(holderDe, 50);
        Message memory units = _moveUnits(home, peer, holderDe, holderDe, 20);
        _deliver(peer, _only(units));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(units)), "no room");
        _deliver(peer, _only(_moveQuota(home, peer, holderDe, holderDe, 20)));
        peer.gateway.retry(units);
        vm.assertEq(peerToken.balanceOf(holderDe), 70, "room was made");
        vm.assertEq(homeToken.balanceOf(holderDe), 31, "here");
        vm.assertEq(homeToken.quotaOf(holderDe) + peerToken.quotaOf(holderDe), CAP, "the terms' cap");
    }

    function test_ctl_4_capsOverAllChains_anAdditionalAccountGetsFromTheFirstAlone() public {
        _on(home);
        vm.assertEq(homeToken.quotaOf(secondDe), 0, "shares");
        vm.prank(holderDe);
        bytes32 id = home.quotas.moveQuota(address(homeToken), holderDe, home.id, _raw(secondDe), 20);
        vm.assertEq(id, 0, "no message");
        vm.assertEq(homeToken.quotaOf(secondDe), 20, "here");
        _deliver(peer, _only(_moveQuota(home, peer, secondDe, secondDe, 15)));
        vm.assertEq(homeToken.quotaOf(holderDe), 31, "first, here");
        vm.assertEq(homeToken.quotaOf(secondDe), 5, "second, here");
        vm.assertEq(peerToken.quotaOf(holderDe), 50, "first, there");
        vm.assertEq(peerToken.quotaOf(secondDe), 15, "second, there");
    }

    function test_ctl_4_capsOverAllChains_noQuotaGoesToAnotherHolder() public {
        Message memory message = _moveQuota(home, peer, holderDe, holderFr, 10);
        _deliver(peer, _only(message));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(message)), "parked");
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.AnotherHolder.selector, holderFr));
        peer.gateway.retry(message);
        vm.assertEq(peerToken.quotaOf(holderFr), 50, "not more");
        _on(home);
        vm.prank(holderDe);
        vm.expectRevert(abi.encodeWithSelector(SecurityTokenExtension.AnotherHolder.selector, holderFr));
        home.quotas.moveQuota(address(homeToken), holderDe, home.id, _raw(holderFr), 10);
    }

    function test_ctl_4_capsOverAllChains_quotaForAnAccountThatIsNotOnboardedWaits() public {
        address late = _address("late account");
        Message memory message = _moveQuota(home, peer, holderDe, late, 10);
        _deliver(peer, _only(message));
        bytes memory proof = _keyControl(peer, late, _commitment("de"));
        vm.prank(registrar);
        peer.holders.onboard(late, _commitment("de"), GERMANY, RETAIL, 0, address(0), true, proof);
        peer.gateway.retry(message);
        vm.assertEq(peerToken.quotaOf(late), 10, "arrived");
    }

    function test_ubo_10_quotaOnItsWayReachesTheAccountThatTookTheNamedOnesPlace() public {
        Message memory message = _moveQuota(home, peer, holderDe, secondDe, 10);
        address successor = _address("successor");
        _on(peer);
        _rotate(peer, secondDe, successor);
        _deliver(peer, _only(message));
        vm.assertEq(peerToken.quotaOf(successor), 10, "the same holder's");
    }

    function test_ctl_12_quotaIsMovedByItsAccountOrTheTransferAgentAlone() public {
        _on(home);
        vm.prank(stranger);
        vm.expectRevert(
            abi.encodeWithSelector(Authorised.Unauthorised.selector, stranger, Roles.TRANSFER_AGENT)
        );
        home.quotas.moveQuota(address(homeToken), holderDe, peer.id, _raw(holderDe), 1);
        vm.prank(transferAgent);
        home.quotas.moveQuota(address(homeToken), holderDe, peer.id, _raw(holderDe), 1);
        vm.assertEq(homeToken.quotaOf(holderDe), 50, "left");
        // the account itself has no say in places
        vm.prank(holderDe);
        vm.expectRevert(
            abi.encodeWithSelector(Authorised.Unauthorised.selector, holderDe, Roles.TRANSFER_AGENT)
        );
        home.quotas.movePlaces(address(homeToken), peer.id, 1);
    }

    // ---------------------------------------------------------------- places

    function test_ctl_4_capsOverAllChains_placesOfHoldersMoveBetweenLedgers() public {
        _endow(holderDe, 1);
        vm.prank(transferAgent);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityTokenExtension.QuotaInUse.selector, address(0), uint256(3), uint256(2))
        );
        home.quotas.movePlaces(address(homeToken), peer.id, 3);
        Message memory message = _movePlaces(home, peer, 2);
        vm.assertEq(message.payload, abi.encode(LIMITED, uint8(2), bytes24(0), "", uint64(2)), "payload");
        vm.assertEq(homeToken.policy().holderLimit, 1, "left");
        vm.prank(transferAgent);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 16, address(0), holderFr, 1)
        );
        homeToken.issue(holderFr, 1, "a second holder");
        vm.assertEq(peerToken.policy().holderLimit, 2, "on their way");
        _deliver(peer, _only(message));
        _deliver(peer, _only(message));
        vm.assertEq(peerToken.policy().holderLimit, 4, "arrived once");
    }

    // ---------------------------------------------------------------- no waiting

    function test_ctl_4_capsOverAllChains_noTransferWaitsForAMessage() public {
        _endow(holderDe, 20);
        _endow(holderFr, 20);
        _deliver(peer, _only(_moveUnits(home, peer, holderFr, holderFr, 10)));
        // from now on nothing is delivered, and quota and places are on their way in both directions
        _moveQuota(home, peer, holderDe, holderDe, 10);
        _moveQuota(peer, home, holderDe, holderDe, 10);
        _movePlaces(home, peer, 1);
        uint64 sent = home.gateway.outboundNonce(peer.id, 1);
        _on(home);
        vm.prank(holderFr);
        homeToken.transfer(holderDe, 10);
        vm.assertEq(homeToken.balanceOf(holderDe), 30, "at once, here");
        _on(peer);
        vm.prank(holderFr);
        peerToken.transfer(holderDe, 10);
        vm.assertEq(peerToken.balanceOf(holderDe), 10, "and there");
        vm.assertEq(home.gateway.outboundNonce(peer.id, 1), sent, "no message");
        vm.assertEq(peer.gateway.outboundNonce(home.id, 1), 0, "from neither");
    }

    // ---------------------------------------------------------------- who takes part

    function test_id_3_onlyTrustedInstancesExchangeQuotas() public {
        _on(home);
        ISecurity fake = _token(home, _tokenInit(home, true));
        vm.prank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(Quotas.TokenUnknown.selector, SECURITY, address(fake)));
        home.quotas.moveQuota(address(fake), holderDe, peer.id, _raw(holderDe), 1);
        vm.prank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(Quotas.TokenUnknown.selector, SECURITY, address(fake)));
        home.quotas.movePlaces(address(fake), peer.id, 1);
        Message memory message = _moveQuota(home, peer, holderDe, holderDe, 1);
        _on(home);
        vm.prank(tokenizer);
        home.instances.revokeInstance(LIMITED, peer.id);
        _expectQuota(
            holderDe, 1, abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, LIMITED, peer.id)
        );
        _on(peer);
        vm.prank(tokenizer);
        peer.instances.revokeInstance(LIMITED, home.id);
        _deliver(peer, _only(message));
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, LIMITED, home.id));
        peer.gateway.retry(message);
        vm.assertEq(peerToken.quotaOf(holderDe), 50, "not granted");
    }

    function test_ver_4_quotaStaysWhereTheVersionThereMayNotReceiveIt() public {
        _on(home);
        Instance memory instance = _limitedInstance(peer);
        instance.version = V2;
        vm.prank(tokenizer);
        home.instances.registerInstances(LIMITED, _list(instance));
        _expectQuota(
            holderDe, 1, abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V1, V2)
        );
        vm.prank(transferAgent);
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V1, V2));
        home.quotas.movePlaces(address(homeToken), peer.id, 1);
        vm.assertEq(homeToken.quotaOf(holderDe), 51, "not released");
        vm.prank(tokenizer);
        home.instances.setCompatibility(V2, V1, 2);
        _deliver(peer, _only(_moveQuota(home, peer, holderDe, holderDe, 1)));
        vm.assertEq(peerToken.quotaOf(holderDe), 51, "arrived");
    }

    function test_ver_4_quotaFromAnIncompatibleVersionWaits() public {
        Message memory message = _moveQuota(home, peer, holderDe, holderDe, 1);
        _on(peer);
        Instance memory instance = _limitedInstance(home);
        instance.version = V2;
        vm.prank(tokenizer);
        peer.instances.registerInstances(LIMITED, _list(instance));
        _deliver(peer, _only(message));
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V1, V2));
        peer.gateway.retry(message);
        vm.prank(tokenizer);
        peer.instances.setCompatibility(V1, V2, 2);
        peer.gateway.retry(message);
        vm.assertEq(peerToken.quotaOf(holderDe), 51, "arrived");
    }

    function test_aMessageFromAnotherSenderThanTheCounterpartIsParked() public {
        Message memory message = _moveQuota(home, peer, holderDe, holderDe, 1);
        message.sender = _interop(home, stranger);
        _deliver(peer, _only(message));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(message)), "parked");
        vm.expectRevert(abi.encodeWithSelector(Inbox.NotPeer.selector, home.id, message.sender));
        peer.gateway.retry(message);
        vm.assertEq(peerToken.quotaOf(holderDe), 50, "not granted");
    }

    function test_quotaComesByTheGatewayAlone() public {
        bytes memory sender = _interop(home, address(home.quotas));
        bytes memory payload = abi.encode(LIMITED, uint8(1), bytes24(_commitment("de")), _raw(holderDe), uint64(1));
        vm.expectRevert(abi.encodeWithSelector(Application.NotGateway.selector, address(this)));
        IERC7786Recipient(address(peer.quotas)).receiveMessage(0, sender, payload);
    }

    function test_whatCannotBeAPartOfAQuotaIsParked() public {
        // as a faulty book could send it: no such kind, more places than there can be, no account of a chain
        _expectParked(abi.encode(LIMITED, uint8(3), bytes24(0), "", uint64(1)));
        _expectParked(abi.encode(LIMITED, uint8(2), bytes24(0), "", uint64(1) << 32));
        _expectParked(abi.encode(LIMITED, uint8(1), bytes24(_commitment("de")), "SAFE-0001", uint64(1)));
        _expectParked(abi.encode(LIMITED, uint8(1)));
        vm.assertEq(peerToken.policy().holderLimit, 2, "places");
    }

    function test_nothingIsNoMovement() public {
        _on(home);
        _expectQuota(holderDe, 0, abi.encodeWithSelector(Quotas.NothingToMove.selector));
        vm.startPrank(transferAgent);
        vm.expectRevert(Quotas.NothingToMove.selector);
        home.quotas.movePlaces(address(homeToken), peer.id, 0);
        vm.expectRevert(abi.encodeWithSelector(Quotas.BadAccount.selector, bytes("SAFE-0001")));
        home.quotas.moveQuota(address(homeToken), holderDe, peer.id, "SAFE-0001", 1);
        vm.expectRevert(abi.encodeWithSelector(Quotas.BadAccount.selector, bytes("")));
        home.quotas.moveQuota(address(homeToken), holderDe, peer.id, "", 1);
        // places are the ledger's already
        vm.expectRevert(abi.encodeWithSelector(Lanebook.LaneClosed.selector, home.id, 4));
        home.quotas.movePlaces(address(homeToken), home.id, 1);
        vm.stopPrank();
    }

    function test_mov_10_quotaMovesToABookEntryLedger() public {
        _on(home);
        bytes memory book = abi.encodePacked(hex"0001b00c08", "register", uint8(6), "quotas");
        uint256 ledger = uint256(keccak256("book:register")) | (1 << 255);
        vm.startPrank(operator);
        home.gateway.setLane(ledger, 4, address(home.quotas), book);
        vm.stopPrank();
        Instance memory instance;
        instance.ledger = ledger;
        instance.token = abi.encodePacked(hex"0001b00c08", "register", uint8(12), LIMITED_ISIN);
        instance.version = 1 << 16;
        vm.prank(tokenizer);
        home.instances.registerInstances(LIMITED, _list(instance));
        vm.recordLogs();
        vm.prank(holderDe);
        home.quotas.moveQuota(address(homeToken), holderDe, ledger, "SAFE-0001", 25);
        Message memory message = _sent(home)[0];
        vm.assertEq(message.recipient, book, "recipient");
        vm.assertEq(homeToken.quotaOf(holderDe), 26, "left");
    }

    // ---------------------------------------------------------------- parts

    uint64 private forged;

    /// Deliver a payload as the counterpart would have sent it, and see it parked.
    function _expectParked(bytes memory payload) private {
        Message memory message = Message({
            source: home.id,
            destination: peer.id,
            purpose: 4,
            nonce: ++forged,
            timestamp: uint64(block.timestamp),
            expiry: 0,
            version: 1 << 16,
            sender: _interop(home, address(home.quotas)),
            recipient: _interop(peer, address(peer.quotas)),
            payload: payload
        });
        _deliver(peer, _only(message));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(message)), "parked");
    }

    function _expectQuota(address account, uint64 amount, bytes memory reason) private {
        _on(home);
        vm.prank(account);
        vm.expectRevert(reason);
        home.quotas.moveQuota(address(homeToken), account, peer.id, _raw(account), amount);
    }
}
