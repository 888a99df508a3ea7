// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {Message} from "../../contracts/interfaces/IGateway.sol";
import {Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {HolderRegistry} from "../../contracts/registry/HolderRegistry.sol";
import {SecurityBase, TokenInit} from "../../contracts/token/SecurityBase.sol";
import {Vm} from "./Vm.sol";
import {Chain, World} from "./World.sol";

/// CTL-8: what is ordered against a holder on one chain is in force on all, and for units on their way.
contract OrdersTest is World {
    bytes32 private constant SANCTION = 0;
    bytes32 private constant SUSPENSION = bytes32(uint256(1));
    bytes32 private constant WHY = "court order 7";
    bytes32 private constant TOO_LONG = bytes32(type(uint256).max);

    address private another = _address("another account of fr");

    function setUp() public {
        _setUpWorld();
        _issue(holderDe, 1000);
        _deliver(peer, _only(_move(holderDe, holderFr, 100)));
        // every cache is warm
        _on(peer);
        vm.prank(holderFr);
        peer.token.transfer(holderDe, 10);
    }

    // ---------------------------------------------------------------- reach

    function test_ctl_8_anOrderIsInForceHereAtOnceAndThereWithOneMessage() public {
        bytes32[3] memory scopes = [SANCTION, SUSPENSION, SECURITY];
        uint8[3] memory sends = [13, 3, 4];
        uint8[3] memory receives = [14, 6, 7];
        for (uint256 i = 0; i < 3; ++i) {
            Message memory message = _order(home, "fr", scopes[i], true);
            vm.assertEq(message.payload, abi.encode(_commitment("fr"), scopes[i], uint256(1), WHY), "payload");
            _verdicts(home, sends[i], receives[i]);
            _verdicts(peer, 0, 0);
            vm.expectEmit(address(peer.holders));
            emit HolderRegistry.HolderOrdered(_commitment("fr"), scopes[i], home.id, 1, WHY);
            _deliver(peer, _only(message));
            _verdicts(peer, sends[i], receives[i]);
            _refused(peer, holderFr, holderDe, sends[i]);
            _refused(peer, holderDe, holderFr, receives[i]);
            message = _order(home, "fr", scopes[i], false);
            _verdicts(home, 0, 0);
            _verdicts(peer, sends[i], receives[i]);
            _deliver(peer, _only(message));
            _verdicts(peer, 0, 0);
            _on(peer);
            vm.prank(holderFr);
            peer.token.transfer(holderDe, 1);
        }
    }

    function test_ctl_8_theRegisterShowsWhatIsOrdered() public {
        _order(home, "fr", SANCTION, true);
        vm.assertTrue(home.holders.recordOf(holderFr).sanctioned, "sanctioned");
        vm.assertFalse(home.holders.isVerified(holderFr), "not verified");
        _order(home, "fr", SANCTION, false);
        _order(home, "fr", SUSPENSION, true);
        vm.assertFalse(home.holders.recordOf(holderFr).active, "suspended");
        _order(home, "fr", SECURITY, true);
        vm.assertTrue(home.token.isFrozen(holderFr), "frozen");
        vm.assertFalse(home.token.isFrozen(holderDe), "nobody else");
        vm.assertEq(home.holders.orderCount(_commitment("fr"), SANCTION, home.id), 2, "ordered and lifted");
        vm.assertEq(home.holders.orderCount(_commitment("fr"), SECURITY, home.id), 1, "stands");
        vm.assertFalse(home.holders.recordOf(stranger).sanctioned, "no record");
    }

    function test_ctl_8_anAccountThatComesLaterComesUpUnderTheOrder() public {
        _deliver(peer, _only(_order(home, "fr", SANCTION, true)));
        _on(peer);
        _onboard(peer, another, "fr", FRANCE, PROFESSIONAL, address(0));
        vm.assertEq(peer.token.detectTransferRestriction(holderDe, another, 1), 14, "onboarded later");
        address next = _address("next key of fr");
        _rotate(peer, holderFr, next);
        vm.assertEq(peer.token.detectTransferRestriction(holderDe, next, 1), 14, "rotated");
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        vm.assertTrue(peer.token.isFrozen(another) && peer.token.isFrozen(next), "every account");
    }

    function test_ctl_8_aFreezeIsForOneSecurityASanctionForAll() public {
        _on(home);
        TokenInit memory init = _tokenInit(home, true);
        init.isin = "FR0000PARI03";
        ISecurity second = _token(home, init);
        vm.prank(transferAgent);
        second.issue(holderFr, 10, "first");
        vm.prank(holderFr);
        second.transfer(holderDe, 1);
        _order(home, "fr", SECURITY, true);
        vm.prank(holderFr);
        second.transfer(holderDe, 1);
        vm.assertFalse(second.isFrozen(holderFr), "not in this one");
        _order(home, "fr", SANCTION, true);
        vm.prank(holderFr);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 13, holderFr, holderDe, 1)
        );
        second.transfer(holderDe, 1);
    }

    // ---------------------------------------------------------------- several origins, repetitions

    function test_ctl_8_aReleaseLiftsOnlyWhatItsOwnLedgerOrdered() public {
        _deliver(peer, _only(_order(home, "fr", SANCTION, true)));
        _deliver(home, _only(_order(peer, "fr", SANCTION, true)));
        _deliver(peer, _only(_order(home, "fr", SANCTION, false)));
        _verdicts(home, 13, 14);
        _verdicts(peer, 13, 14);
        _deliver(home, _only(_order(peer, "fr", SANCTION, false)));
        _verdicts(home, 0, 0);
        _verdicts(peer, 0, 0);
    }

    function test_ctl_8_anOrderOfAnotherLedgerIsNotLiftedHere() public {
        _deliver(peer, _only(_order(home, "fr", SANCTION, true)));
        _on(peer);
        vm.prank(regulator);
        vm.expectRevert(
            abi.encodeWithSelector(HolderRegistry.NothingOrdered.selector, _commitment("fr"), SANCTION)
        );
        peer.holders.order(_commitment("fr"), SANCTION, false, WHY);
        _verdicts(peer, 13, 14);
    }

    function test_ctl_8_sayingTheSameAgainChangesNothingAndSendsItAgain() public {
        Message memory first = _order(home, "fr", SANCTION, true);
        uint32 epoch = home.holders.epoch();
        Message memory second = _order(home, "fr", SANCTION, true);
        vm.assertEq(home.holders.epoch(), epoch, "nothing new");
        vm.assertEq(second.payload, first.payload, "the same");
        _deliver(peer, _only(first));
        epoch = peer.holders.epoch();
        vm.recordLogs();
        _deliver(peer, _only(second));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            vm.assertFalse(logs[i].emitter == address(peer.holders), "nothing to announce");
        }
        vm.assertEq(peer.holders.epoch(), epoch, "once");
        _deliver(peer, _only(_order(home, "fr", SANCTION, false)));
        _verdicts(peer, 0, 0);
    }

    function test_ctl_8_anOrderThatWasParkedDoesNotUndoTheReleaseAfterIt() public {
        Message memory ordered = _order(home, "fr", SECURITY, true);
        Message memory lifted = _order(home, "fr", SECURITY, false);
        _on(peer);
        Instance[] memory list = _list(_instance(peer));
        vm.prank(tokenizer);
        peer.instances.revokeInstance(SECURITY, peer.id);
        _deliver(peer, _only(ordered));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(ordered)), "no such security here");
        vm.prank(tokenizer);
        peer.instances.registerInstances(SECURITY, list);
        _deliver(peer, _only(lifted));
        peer.gateway.retry(ordered);
        _verdicts(peer, 0, 0);
        // and the next order counts
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        _verdicts(peer, 4, 7);
    }

    function test_ctl_8_anOrderThatComesBeforeAParkedReleaseIsLiftedByOneRelease() public {
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        Message memory lifted = _order(home, "fr", SECURITY, false);
        _on(peer);
        Instance[] memory list = _list(_instance(peer));
        vm.prank(tokenizer);
        peer.instances.revokeInstance(SECURITY, peer.id);
        _deliver(peer, _only(lifted));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(lifted)), "no such security here");
        vm.prank(tokenizer);
        peer.instances.registerInstances(SECURITY, list);
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        _verdicts(peer, 4, 7);
        peer.gateway.retry(lifted);
        _verdicts(peer, 4, 7);
        _deliver(peer, _only(_order(home, "fr", SECURITY, false)));
        _verdicts(peer, 0, 0);
    }

    function test_ctl_8_underAnOrderVerdictsAreCachedWithItsFlag() public {
        _order(home, "fr", SANCTION, true);
        vm.assertEq(home.code.policyEpoch(), uint256(1 << 31) | home.holders.epoch(), "an order stands");
        _order(home, "fr", SUSPENSION, true);
        _order(home, "fr", SANCTION, false);
        vm.assertEq(home.code.policyEpoch(), uint256(1 << 31) | home.holders.epoch(), "another does");
        _order(home, "fr", SUSPENSION, false);
        vm.prank(registrar);
        home.holders.setStatus(omnibus, false, "x");
        vm.assertEq(home.code.policyEpoch(), home.holders.epoch(), "none");
    }

    function test_ctl_8_aReleaseLeavesCachedVerdictsAsTheyAre() public {
        bytes32[3] memory scopes = [SANCTION, SUSPENSION, SECURITY];
        for (uint256 i = 0; i < 3; ++i) {
            _order(home, "fr", scopes[i], true);
            uint32 epoch = home.holders.epoch();
            _order(home, "fr", scopes[i], false);
            vm.assertEq(home.holders.epoch(), epoch, "nobody's verdict is worse");
        }
    }

    function test_ctl_8_aFreezeGoesToLedgersThatCarryTheSecurityAndASanctionToAll() public {
        _on(home);
        vm.prank(tokenizer);
        home.instances.revokeInstance(SECURITY, peer.id);
        vm.recordLogs();
        vm.prank(freezer);
        home.holders.order(_commitment("fr"), SECURITY, true, WHY);
        vm.assertEq(_sent(home).length, 0, "nowhere else");
        _order(home, "fr", SUSPENSION, true);
        _order(home, "fr", SANCTION, true);
        // and none is announced as not sent: a ledger sends nothing to itself
        vm.recordLogs();
        vm.prank(regulator);
        home.holders.order(_commitment("fr"), SANCTION, false, WHY);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            vm.assertFalse(logs[i].topics[0] == HolderRegistry.OrderNotSent.selector, "sent to all others");
        }
    }

    function test_ctl_8_aFreezeStaysWithTheSecurityWhenAnotherTokenCarriesIt() public {
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        _deliver(peer, _only(_order(home, "fr", SANCTION, true)));
        _on(peer);
        ISecurity next = _token(peer, _tokenInit(peer, false));
        Chain memory renewed = peer;
        renewed.token = next;
        Instance[] memory list = _list(_instance(renewed));
        vm.prank(tokenizer);
        peer.instances.registerInstances(SECURITY, list);
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        vm.assertTrue(next.isFrozen(holderFr), "said again, it is there too");
        _deliver(peer, _only(_order(home, "fr", SECURITY, false)));
        vm.assertFalse(next.isFrozen(holderFr), "lifted");
        vm.assertTrue(peer.holders.recordOf(holderFr).sanctioned, "the other order stands");
    }

    function test_ctl_8_aClosedLaneKeepsNoOrderFromTakingEffect() public {
        _on(home);
        vm.prank(operator);
        home.gateway.setLane(peer.id, 5, address(0), _interop(peer, address(peer.holders)));
        vm.expectEmit(address(home.holders));
        emit HolderRegistry.OrderNotSent(_commitment("fr"), SANCTION, peer.id);
        vm.prank(regulator);
        home.holders.order(_commitment("fr"), SANCTION, true, WHY);
        _verdicts(home, 13, 14);
        vm.prank(operator);
        home.gateway.setLane(peer.id, 5, address(home.holders), _interop(peer, address(peer.holders)));
        _deliver(peer, _only(_order(home, "fr", SANCTION, true)));
        _verdicts(peer, 13, 14);
    }

    // ---------------------------------------------------------------- who may

    function test_ctl_8_eachOrderHasItsRole() public {
        _may(SANCTION, regulator, Roles.REGULATOR);
        _may(SUSPENSION, registrar, Roles.REGISTRAR);
        _may(SECURITY, freezer, Roles.FREEZER);
        vm.startPrank(regulator);
        vm.expectRevert(HolderRegistry.ReasonMissing.selector);
        home.holders.order(_commitment("fr"), SANCTION, true, 0);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.CommitmentTooLong.selector, bytes32(0)));
        home.holders.order(0, SANCTION, true, WHY);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.CommitmentTooLong.selector, TOO_LONG));
        home.holders.order(TOO_LONG, SANCTION, true, WHY);
        vm.stopPrank();
        vm.prank(freezer);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.SecurityUnknown.selector, bytes32("no security")));
        home.holders.order(_commitment("fr"), "no security", true, WHY);
    }

    function test_ctl_8_messagesComeFromTheGatewayAlone() public {
        _on(peer);
        vm.expectRevert(abi.encodeWithSelector(HolderRegistry.NotGateway.selector, address(this)));
        peer.holders.receiveMessage(0, "", abi.encode(_commitment("fr"), SANCTION, uint256(1), WHY));
        Message memory message = _order(home, "fr", SANCTION, true);
        message.sender = _interop(home, stranger);
        _deliver(peer, _only(message));
        _verdicts(peer, 0, 0);
    }

    // ---------------------------------------------------------------- in transit

    function test_ctl_8_unitsInTransitLandFrozenAndDoNotMove() public {
        Message memory movement = _move(holderDe, holderFr, 40);
        _lands(_order(home, "fr", SECURITY, true), movement, 4);
    }

    function test_ctl_8_unitsInTransitLandWithASanctionedHolderAndDoNotMove() public {
        Message memory movement = _move(holderDe, holderFr, 40);
        _lands(_order(home, "fr", SANCTION, true), movement, 13);
    }

    function test_ctl_8_unitsThatLandFirstAreFrozenByTheOrder() public {
        Message memory movement = _move(holderDe, holderFr, 40);
        Message memory ordered = _order(home, "fr", SECURITY, true);
        _deliver(peer, _only(movement));
        _deliver(peer, _only(ordered));
        vm.assertEq(peer.token.balanceOf(holderFr), 130, "landed");
        _refused(peer, holderFr, holderDe, 4);
    }

    function test_ctl_8_unitsLandOnAnAccountThatIsItselfFrozen() public {
        Message memory movement = _move(holderDe, holderFr, 40);
        _on(peer);
        vm.prank(freezer);
        peer.token.freeze(holderFr, true, WHY);
        _deliver(peer, _only(movement));
        vm.assertEq(peer.token.balanceOf(holderFr), 130, "landed");
        _refused(peer, holderFr, holderDe, 4);
        vm.assertFalse(peer.token.canReceive(holderFr), "nothing else should come");
        vm.assertEq(peer.token.detectTransferRestriction(address(0), holderFr, 1), 7, "nor be sent there");
    }

    function test_ctl_8_otherRulesStillParkWhatArrives() public {
        Message memory movement = _move(holderDe, holderFr, 40);
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        _deliver(peer, _only(_order(home, "fr", SUSPENSION, true)));
        _deliver(peer, _only(movement));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(movement)), "suspended: parked");
        _deliver(peer, _only(_order(home, "fr", SUSPENSION, false)));
        peer.gateway.retry(movement);
        vm.assertEq(peer.token.balanceOf(holderFr), 130, "landed");
        movement = _move(holderDe, stranger, 1);
        _deliver(peer, _only(movement));
        vm.assertTrue(_isParked(peer, peer.gateway.messageId(movement)), "unknown: parked");
    }

    function test_ctl_8_whatLandsFrozenCountsAtTheRecordTime() public {
        uint64 t = START + 100;
        _on(peer);
        vm.prank(address(peer.actions));
        peer.token.armRecordTime(t);
        vm.warp(t);
        Message memory movement = _move(holderDe, holderFr, 40);
        vm.warp(t + 50);
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        _deliver(peer, _only(movement));
        vm.assertEq(peer.token.eligibleBalanceOfAt(holderFr, t), 130, "eligible");
    }

    function test_ctl_8_frozenUnitsDoNotLeave() public {
        _deliver(peer, _only(_order(home, "fr", SECURITY, true)));
        _on(peer);
        vm.prank(holderFr);
        vm.expectRevert(
            abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, 4, holderFr, address(0), 1)
        );
        peer.bridge.move(address(peer.token), home.id, abi.encodePacked(holderFr), 1, 0);
    }

    /// Movements, orders and releases by both ledgers, delivered in any order: units are on a ledger or on
    /// their way, what stands is what the origins say, and who is frozen delivers nothing (I1).
    function testFuzz_ctl_8_nothingIsLostOrSpentWhateverTheOrder(uint256 seed) public {
        Message[] memory waiting = new Message[](24);
        uint256 count;
        uint256 transit;
        for (uint256 step = 0; step < 24; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 kind = seed % 6;
            if (kind < 2) {
                uint256 units = 1 + (seed >> 8) % 20;
                waiting[count++] = _move(holderDe, holderFr, units);
                transit += units;
            } else if (kind == 2) {
                (bool done, Message memory message) = _tried((seed >> 8) & 1 == 0, (seed >> 16) & 1 == 0);
                if (done) waiting[count++] = message;
            } else {
                for (uint256 i = 0; i < count; ++i) {
                    // the lane's next, whichever lane comes first
                    uint256 from = (i + (seed >> 8)) % count;
                    if (!_arrives(waiting[from])) continue;
                    transit = _landed(waiting[from], transit);
                    waiting[from] = waiting[--count];
                    break;
                }
            }
            uint256 supply = home.token.totalSupply() + peer.token.totalSupply();
            vm.assertEq(supply + transit, home.token.issuedTotal(), "conserved");
        }
        for (uint256 round = 0; round < 24 && count > 0; ++round) {
            for (uint256 i = count; i > 0; --i) {
                if (!_arrives(waiting[i - 1])) continue;
                transit = _landed(waiting[i - 1], transit);
                waiting[i - 1] = waiting[--count];
            }
        }
        vm.assertEq(count, 0, "all arrived");
        vm.assertEq(transit, 0, "nothing parked");
        vm.assertTrue(home.token.isFrozen(holderFr) == peer.token.isFrozen(holderFr), "the same everywhere");
        bool stands = home.holders.orderCount(_commitment("fr"), SECURITY, home.id) & 1 != 0
            || peer.holders.orderCount(_commitment("fr"), SECURITY, peer.id) & 1 != 0;
        vm.assertTrue(peer.token.isFrozen(holderFr) == stands, "what the origins say");
        if (stands) _refused(peer, holderFr, holderDe, 4);
    }

    // ---------------------------------------------------------------- parts

    function _order(
        Chain memory chain,
        string memory holder,
        bytes32 scope,
        bool on
    ) private returns (Message memory) {
        _on(chain);
        vm.recordLogs();
        vm.prank(scope == SANCTION ? regulator : scope == SUSPENSION ? registrar : freezer);
        chain.holders.order(_commitment(holder), scope, on, WHY);
        Message[] memory sent = _sent(chain);
        vm.assertEq(sent.length, 1, "to every other ledger");
        vm.assertEq(sent[0].purpose, 5, "in a lane of its own");
        return sent[0];
    }

    /// A freeze or release by one of the ledgers; not done where it would lift what was never ordered.
    function _tried(bool atHome, bool on) private returns (bool, Message memory none) {
        Chain memory chain = atHome ? home : peer;
        if (!on && chain.holders.orderCount(_commitment("fr"), SECURITY, chain.id) == 0) return (false, none);
        return (true, _order(chain, "fr", SECURITY, on));
    }

    /// Deliver a message where it is its lane's next.
    function _arrives(Message memory message) private returns (bool) {
        Chain memory to = message.destination == home.id ? home : peer;
        if (to.gateway.inboundNonce(message.source, message.purpose) + 1 != message.nonce) return false;
        _deliver(to, _only(message));
        vm.assertFalse(_isParked(to, to.gateway.messageId(message)), "took effect");
        return true;
    }

    function _landed(Message memory message, uint256 transit) private pure returns (uint256) {
        if (message.purpose != 1) return transit;
        (, , , uint256 amount) = abi.decode(message.payload, (bytes32, bytes, bytes, uint256));
        return transit - amount;
    }

    /// The order is there before the units: they land, count, and move nowhere until it is lifted.
    function _lands(Message memory ordered, Message memory movement, uint8 code) private {
        _deliver(peer, _only(ordered));
        _deliver(peer, _only(movement));
        vm.assertFalse(_isParked(peer, peer.gateway.messageId(movement)), "landed");
        vm.assertEq(peer.token.balanceOf(holderFr), 130, "counted");
        vm.assertEq(home.token.totalSupply() + peer.token.totalSupply(), 1000, "conserved");
        _refused(peer, holderFr, holderDe, code);
        _deliver(peer, _only(_order(home, "fr", code == 4 ? SECURITY : SANCTION, false)));
        _on(peer);
        vm.prank(holderFr);
        peer.token.transfer(holderDe, 130);
    }

    function _may(bytes32 scope, address who, uint64 role) private {
        _on(home);
        address[4] memory others = [regulator, registrar, freezer, admin];
        for (uint256 i = 0; i < 4; ++i) {
            if (others[i] == who) continue;
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, others[i], role));
            home.holders.order(_commitment("fr"), scope, true, WHY);
        }
        _order(home, "fr", scope, true);
        _order(home, "fr", scope, false);
    }

    /// Codes of transfers by and to the holder, as the token predicts them.
    function _verdicts(Chain memory chain, uint8 sends, uint8 receives) private {
        _on(chain);
        uint256 units = chain.token.balanceOf(holderFr) == 0 ? 0 : 1;
        vm.assertEq(chain.token.detectTransferRestriction(holderFr, holderDe, units), sends, "sends");
        vm.assertEq(chain.token.detectTransferRestriction(holderDe, holderFr, 1), receives, "receives");
    }

    function _refused(Chain memory chain, address from, address to, uint8 code) private {
        _on(chain);
        vm.prank(from);
        vm.expectRevert(abi.encodeWithSelector(SecurityBase.TransferRestricted.selector, code, from, to, 1));
        chain.token.transfer(to, 1);
    }
}
