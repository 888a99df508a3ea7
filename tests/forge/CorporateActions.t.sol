// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {CorporateActions, EventRecord, PaymentLine} from "../../contracts/actions/CorporateActions.sol";
import {Dates} from "../../contracts/actions/Dates.sol";
import {Message} from "../../contracts/interfaces/IGateway.sol";
import {World} from "./World.sol";
import {Vm} from "./Vm.sol";

contract CorporateActionsTest is World {
    bytes32 private constant KEY = bytes32(bytes16("EVT2027000000001"));
    uint64 private constant RECORD_TIME = 1_804_266_000;
    uint256 private constant PAYMENT_DAY = 1_804_464_000; // 2027-03-08 00:00 UTC

    function setUp() public {
        _setUpWorld();
        _issue(holderDe, 101); // 45.45 EUR
        _issue(holderFr, 200); // 90.00 EUR
        _issue(omnibus, 10); // 4.50 EUR
    }

    // ---------------------------------------------------------------- announce

    function test_ca_1_theRecordHasOneHashOnEveryLedger() public {
        Message memory message = _announce(_event())[0];
        _deliver(peer, _only(message));
        _on(home);
        (, bytes32 atHome, , , bool armed) = home.actions.eventOf(KEY);
        (EventRecord memory record, bytes32 atPeer, , , bool armedThere) = peer.actions.eventOf(KEY);
        vm.assertEq(atPeer, atHome, "one hash");
        vm.assertEq(abi.encode(record), abi.encode(_event()), "one record");
        vm.assertTrue(armed && armedThere, "armed on both");
        vm.assertTrue(peer.token.isArmed(RECORD_TIME), "the token there knows T");
        vm.assertEq(message.payload, abi.encode(uint8(1), _event()), "payload");
    }

    function test_ca_2_announcingAgainChangesNothingAndSendsNothing() public {
        Message[] memory first = _announce(_event());
        vm.assertEq(first.length, 1, "one peer, one message");
        vm.recordLogs();
        vm.prank(issuerAgent);
        home.actions.announce(_event());
        vm.assertEq(vm.getRecordedLogs().length, 0, "nothing");
    }

    function test_ca_2_anotherRecordUnderTheSameIdIsAConflict() public {
        Message memory message = _announce(_event())[0];
        EventRecord memory other = _event();
        other.rateNumerator = 10;
        bytes memory reason = abi.encodeWithSelector(
            CorporateActions.EventConflict.selector,
            KEY,
            home.actions.recordHashOf(_event()),
            home.actions.recordHashOf(other)
        );
        vm.prank(issuerAgent);
        vm.expectRevert(reason);
        home.actions.announce(other);

        _deliver(peer, _only(message));
        message.nonce = 2;
        message.payload = abi.encode(uint8(1), other);
        _deliver(peer, _only(message));
        vm.expectRevert(reason);
        peer.gateway.retry(message);
    }

    function test_ca_6_aLedgerThatLearnsLateKnowsTheEventWithoutBalances() public {
        Message memory message = _announce(_event())[0];
        vm.warp(RECORD_TIME);
        _deliver(peer, _only(message));
        (, , , , bool armed) = peer.actions.eventOf(KEY);
        vm.assertFalse(armed, "T has come");
    }

    function test_onlyTheHomeLedgerAnnouncesAndItTakesNoAnnouncements() public {
        Message memory message = _announce(_event())[0];
        _on(peer);
        vm.prank(issuerAgent);
        vm.expectRevert(CorporateActions.NotHome.selector);
        peer.actions.announce(_event());
        message.source = peer.id;
        message.destination = home.id;
        message.sender = _interop(peer, address(peer.actions));
        message.recipient = _interop(home, address(home.actions));
        _deliver(home, _only(message));
        vm.expectRevert(CorporateActions.IsHome.selector);
        home.gateway.retry(message);
    }

    function test_ca_4_datesOutOfOrderOrOffTheCalendarAreRefused() public {
        EventRecord memory r = _event();
        r.exDate = 20270306;
        _refused(r, _order(r));
        r.exDate = r.announcementDate;
        _refused(r, _order(r));
        r = _event();
        r.paymentDate = 20270304;
        _refused(r, _order(r));
        r = _event();
        r.exDate = 0; // none for securities in nominal
        r.announcementDate = r.recordDate;
        _refused(r, _order(r));
        r = _event();
        r.recordDate = 20270229;
        _refused(r, abi.encodeWithSelector(CorporateActions.InvalidDate.selector, bytes32("recordDate"), 20270229));
        r = _event();
        r.paymentDate = 20271301;
        _refused(r, abi.encodeWithSelector(CorporateActions.InvalidDate.selector, bytes32("paymentDate"), 20271301));
        r = _event();
        r.recordTime += 2 days;
        _refused(
            r, abi.encodeWithSelector(CorporateActions.RecordTimeOffDate.selector, r.recordTime, r.recordDate)
        );
        r.recordTime -= 4 days;
        _refused(
            r, abi.encodeWithSelector(CorporateActions.RecordTimeOffDate.selector, r.recordTime, r.recordDate)
        );
        r = _event();
        r.rateDenominator = 0;
        _refused(r, abi.encodeWithSelector(CorporateActions.IncompleteRecord.selector, r.officialEventId));
        r = _event();
        r.exDate = 0;
        _announce(r);
    }

    function test_datesAreThoseOfTheCalendar() public pure {
        vm.assertEq(Dates.midnight(19700101), 0, "epoch");
        vm.assertEq(Dates.midnight(20000229), 951_782_400, "leap day of a century");
        vm.assertEq(Dates.midnight(20270301), 1_803_859_200, "2027-03-01");
        vm.assertEq(Dates.midnight(20270308), PAYMENT_DAY, "2027-03-08");
        vm.assertEq(Dates.midnight(20991231), 4_102_358_400, "2099-12-31");
        vm.assertTrue(Dates.isDate(20240229) && Dates.isDate(20000229), "leap days");
        vm.assertFalse(Dates.isDate(20230229) || Dates.isDate(21000229), "no leap days");
        vm.assertFalse(Dates.isDate(20230431) || Dates.isDate(20230100) || Dates.isDate(0), "no days");
    }

    // ---------------------------------------------------------------- entitlements

    function test_entitlementsArePublishedOnceAndKnownEverywhere() public {
        _announce(_event());
        _on(home);
        vm.recordLogs();
        vm.startPrank(payingAgent);
        home.actions.publishEntitlements(KEY, "root", 1395, 3);
        Message[] memory messages = _sent(home);
        vm.assertEq(messages.length, 1, "one peer, one message");
        vm.assertEq(
            messages[0].payload, abi.encode(uint8(2), KEY, bytes32("root"), uint256(1395), uint32(3)), "payload"
        );
        vm.recordLogs();
        home.actions.publishEntitlements(KEY, "root", 1395, 3);
        vm.assertEq(vm.getRecordedLogs().length, 0, "again: nothing");
        vm.expectRevert(
            abi.encodeWithSelector(CorporateActions.EventConflict.selector, KEY, bytes32("root"), bytes32("other"))
        );
        home.actions.publishEntitlements(KEY, "other", 1395, 3);
        vm.expectRevert();
        home.actions.publishEntitlements(KEY, "root", 1396, 3);
        vm.expectRevert(abi.encodeWithSelector(CorporateActions.EventUnknown.selector, bytes32("x")));
        home.actions.publishEntitlements("x", "root", 1, 1);
        vm.stopPrank();
    }

    function test_entitlementsThatArriveBeforeTheirEventWait() public {
        Message memory first = _announce(_event())[0];
        vm.recordLogs();
        vm.prank(payingAgent);
        home.actions.publishEntitlements(KEY, "root", 1, 1);
        Message memory second = _sent(home)[0];
        (first.payload, second.payload) = (second.payload, first.payload);
        _deliver(peer, _only(first));
        vm.expectRevert(abi.encodeWithSelector(CorporateActions.EventUnknown.selector, KEY));
        peer.gateway.retry(first);
        _deliver(peer, _only(second));
        peer.gateway.retry(first);
        (, , bytes32 root, , ) = peer.actions.eventOf(KEY);
        vm.assertEq(root, "root", "known");
    }

    // ---------------------------------------------------------------- pay

    function test_ca_11_everyAccountIsPaidOnce() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        _pay(lines);
        _pay(lines);
        PaymentLine[] memory twice = new PaymentLine[](2);
        (twice[0], twice[1]) = (lines[0], lines[0]);
        _pay(twice);
        vm.assertEq(home.cash.balanceOf(holderDe), 4545, "holder de");
        vm.assertEq(home.cash.balanceOf(holderFr), 9000, "holder fr");
        vm.assertEq(home.cash.balanceOf(omnibus), 450, "omnibus");
        vm.assertEq(home.cash.balanceOf(payingAgent), 20_000 - 13_995, "payer");
        vm.assertTrue(home.actions.paid(KEY, holderDe), "paid");
    }

    function test_ca_11_theSameLineTwiceInOneCallIsPaidOnce() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        PaymentLine[] memory twice = new PaymentLine[](2);
        (twice[0], twice[1]) = (lines[0], lines[0]);
        _pay(twice);
        vm.assertEq(home.cash.balanceOf(holderDe), 4545, "once");
    }

    function test_ca_6_sharesThatMoveAfterTChangeNothing() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        vm.prank(holderDe);
        home.token.transfer(holderFr, 101);
        vm.prank(registrar);
        home.holders.setStatus(holderFr, false, "reason");
        _pay(lines);
        vm.assertEq(home.cash.balanceOf(holderDe), 4545, "the holder at T");
        vm.assertEq(home.cash.balanceOf(omnibus), 450, "nobody waits for another");
    }

    function test_ca_10_anUnfundedPayerPaysNobody() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(13_994, type(uint256).max);
        _payRefused(lines, abi.encodeWithSelector(CorporateActions.Unfunded.selector, 13_994, 13_995));
        _fund(1, 100);
        _payRefused(lines, abi.encodeWithSelector(CorporateActions.Unfunded.selector, 100, 13_995));
        vm.assertFalse(home.actions.paid(KEY, holderDe), "nobody is marked");
        vm.prank(payingAgent);
        home.cash.approve(address(home.actions), 13_995);
        _pay(lines);
    }

    function test_aLineThatIsNotInTheTableIsRefused() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        lines[1].amount = 8999;
        _payRefused(
            lines, abi.encodeWithSelector(CorporateActions.InvalidProof.selector, KEY, holderFr, 8999)
        );
        lines[1].amount = 9000;
        lines[1].proof[0] ^= bytes32(uint256(1));
        _payRefused(
            lines, abi.encodeWithSelector(CorporateActions.InvalidProof.selector, KEY, holderFr, 9000)
        );
        lines[1].proof = new bytes32[](0);
        _payRefused(
            lines, abi.encodeWithSelector(CorporateActions.InvalidProof.selector, KEY, holderFr, 9000)
        );
    }

    function test_i8_aTableAboveTheBalancesAtRecordTimeIsNotPaid() public {
        PaymentLine[] memory lines = _publish([uint256(4546), 9000, 450]);
        _fund(20_000, type(uint256).max);
        _payRefused(
            lines, abi.encodeWithSelector(CorporateActions.AboveEligible.selector, holderDe, 4546, 4545)
        );
    }

    function test_ca_7_anOmnibusAccountMayBeRoundedUpOncePerClientUnit() public {
        // 10 units may be 10 clients, each rounded up because of what they hold elsewhere
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 459]);
        vm.assertEq(home.actions.limitOf(KEY, omnibus), 459, "one minor unit for each client but one");
        vm.assertEq(home.actions.limitOf(KEY, holderFr), 9000, "none for a holder who serves itself");
        _fund(20_000, type(uint256).max);
        _pay(lines);
    }

    function test_aFractionOfAMinorUnitIsRoundedUpInTheLimit() public {
        EventRecord memory r = _event();
        (r.rateNumerator, r.rateDenominator) = (1, 3); // 101 / 3 EUR = 3366.67 cents
        _announce(r);
        vm.warp(PAYMENT_DAY);
        vm.assertEq(home.actions.limitOf(KEY, holderDe), 3367, "rounded up");
    }

    function test_nothingIsPaidBeforeThePaymentDate() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        vm.warp(PAYMENT_DAY - 1);
        _payRefused(
            lines,
            abi.encodeWithSelector(
                CorporateActions.PaymentDateNotReached.selector, 20270308, PAYMENT_DAY - 1
            )
        );
        vm.warp(PAYMENT_DAY);
        _pay(lines);
    }

    function test_nothingIsPaidWithoutAnEventOrItsTable() public {
        PaymentLine[] memory lines = new PaymentLine[](1);
        vm.warp(PAYMENT_DAY);
        _on(home);
        _payRefused(lines, abi.encodeWithSelector(CorporateActions.EventUnknown.selector, KEY));
        _announce(_event());
        _payRefused(lines, abi.encodeWithSelector(CorporateActions.NotPublished.selector, KEY));
    }

    // ---------------------------------------------------------------- held and succeeded

    function test_ctl_1_whoMayNotBePaidIsPassedOverAndKeepsNobodyWaiting() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(4545 + 450, type(uint256).max); // none is needed for who is not paid
        for (uint256 i = 0; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            uint8 code = _bar(holderFr, i);
            vm.assertEq(home.token.payoutRestriction(holderFr), code, "asked");
            vm.expectEmit(address(home.actions));
            emit CorporateActions.EntitlementHeld(KEY, holderFr, 9000, code);
            _pay(lines);
            vm.assertEq(home.cash.balanceOf(holderFr), 0, "held");
            vm.assertFalse(home.actions.paid(KEY, holderFr), "not lost");
            vm.assertTrue(home.actions.paid(KEY, holderDe) && home.actions.paid(KEY, omnibus), "the others are paid");
            vm.assertEq(home.cash.balanceOf(holderDe), 4545, "holder de");
            vm.revertToState(snapshot);
        }
    }

    function test_ca_23_whatWasHeldIsPaidOnceOnRelease() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        _bar(holderFr, 3);
        _pay(lines);
        _pay(lines); // not yet
        vm.assertEq(home.cash.balanceOf(holderFr), 0, "held");
        vm.prank(regulator);
        home.holders.setSanctioned(holderFr, false, "lifted");
        _pay(lines);
        _pay(lines);
        vm.assertEq(home.cash.balanceOf(holderFr), 9000, "once");
        vm.assertEq(home.cash.balanceOf(payingAgent), 20_000 - 13_995, "and nobody twice");
    }

    function test_ca_23_aHeldLineMustBeInTheTableToo() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        _bar(holderFr, 3);
        lines[1].amount = 9001;
        _payRefused(lines, abi.encodeWithSelector(CorporateActions.InvalidProof.selector, KEY, holderFr, 9001));
    }

    function test_ubo_10_aRotationMidEventKeepsTheEntitlementWithTheEntity() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        address next = _address("next key of fr");
        address last = _address("last key of fr");
        _rotate(home, holderFr, next);
        vm.prank(transferAgent);
        home.token.recoveryAddress(holderFr, next, address(0)); // the units follow, the record time is past
        _rotate(home, next, last);
        vm.assertEq(home.actions.limitOf(KEY, holderFr), 9000, "the table's account is that of the record time");
        vm.expectEmit(address(home.actions));
        emit CorporateActions.EntitlementPaid(KEY, holderFr, 9000);
        vm.prank(payingAgent);
        home.actions.pay(KEY, _one(lines[1]));
        vm.assertEq(home.cash.balanceOf(last), 9000, "cash for who stands for the entity now");
        vm.assertEq(home.cash.balanceOf(holderFr) + home.cash.balanceOf(next), 0, "none for past keys");
        vm.assertTrue(home.actions.paid(KEY, holderFr), "the mark is on the table's account");
        vm.assertFalse(home.actions.paid(KEY, last), "not on another");
        _pay(lines);
        vm.assertEq(home.cash.balanceOf(last), 9000, "once");
        vm.assertEq(home.cash.balanceOf(holderDe), 4545, "as ever");
    }

    function test_ubo_10_aRecoveredAccountIsPaidAtItsNewKey() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        address next = _address("next key of de");
        bytes memory proof = _keyControl(home, next, _commitment("de"));
        _act(home, address(home.holders), abi.encodeCall(home.holders.recover, (holderDe, next, "lost", proof)));
        _pay(lines);
        vm.assertEq(home.cash.balanceOf(next), 4545, "paid");
        vm.assertEq(home.cash.balanceOf(holderDe), 0, "the lost key gets nothing");
    }

    function test_ubo_10_anOmnibusAccountsRoundingsOutliveItsKey() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 459]);
        _fund(20_000, type(uint256).max);
        address next = _address("next key of omnibus");
        _rotate(home, omnibus, next);
        _pay(lines);
        vm.assertEq(home.cash.balanceOf(next), 459, "with a minor unit for each client but one");
    }

    function test_ubo_10_aRotationEscapesNeitherSanctionNorFreeze() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        _fund(20_000, type(uint256).max);
        address next = _address("next key of fr");
        for (uint256 i = 0; i < 4; ++i) {
            uint256 snapshot = vm.snapshotState();
            uint8 code = _bar(holderFr, i);
            _rotate(home, holderFr, next);
            _heldThenOthersPaid(lines, code);
            vm.revertToState(snapshot);
            // nor does it where the bar comes after the rotation
            _rotate(home, holderFr, next);
            code = _bar(next, i);
            _heldThenOthersPaid(lines, code);
            vm.revertToState(snapshot);
        }
    }

    function test_nobodyButThePayingAgentPays() public {
        PaymentLine[] memory lines = _publish([uint256(4545), 9000, 450]);
        vm.prank(issuerAgent);
        vm.expectRevert(abi.encodeWithSelector(Authorised.Unauthorised.selector, issuerAgent, Roles.PAYING_AGENT));
        home.actions.pay(KEY, lines);
    }

    function test_aLedgerPaysItsOwnAccountsOnly() public {
        // one table for both ledgers; a leaf of one is none of the other's
        _on(home);
        bytes32 atHome = home.actions.leafOf(KEY, holderDe, 5);
        _on(peer);
        vm.assertTrue(peer.actions.leafOf(KEY, holderDe, 5) != atHome, "the ledger is in the leaf");
    }

    function test_ca_5_unitsInTransitAtTArePaidWhereTheyArrive() public {
        Message memory announced = _announce(_event())[0];
        _deliver(peer, _only(announced));
        vm.warp(RECORD_TIME - 1);
        Message memory moving = _move(holderDe, holderFr, 100);
        vm.warp(RECORD_TIME + 60);
        _deliver(peer, _only(moving));
        _on(home);
        vm.assertEq(home.actions.limitOf(KEY, holderDe), 45, "what stayed");
        vm.assertEq(peer.actions.limitOf(KEY, holderFr), 4500, "what was on its way");
    }

    // ---------------------------------------------------------------- parts

    function _announce(EventRecord memory record) private returns (Message[] memory) {
        _on(home);
        vm.recordLogs();
        vm.prank(issuerAgent);
        home.actions.announce(record);
        return _sent(home);
    }

    function _refused(EventRecord memory record, bytes memory reason) private {
        _on(home);
        vm.prank(issuerAgent);
        vm.expectRevert(reason);
        home.actions.announce(record);
    }

    function _order(EventRecord memory r) private pure returns (bytes memory) {
        return abi.encodeWithSelector(
            CorporateActions.DateOrder.selector, r.announcementDate, r.exDate, r.recordDate, r.paymentDate
        );
    }

    /// Announce, let T pass, publish a table of three lines, and go to the payment date.
    function _publish(uint256[3] memory amounts) private returns (PaymentLine[] memory lines) {
        _announce(_event());
        vm.warp(PAYMENT_DAY);
        address[3] memory accounts = [holderDe, holderFr, omnibus];
        bytes32[3] memory leaves;
        uint256 total = 0;
        for (uint256 i = 0; i < 3; ++i) {
            leaves[i] = home.actions.leafOf(KEY, accounts[i], amounts[i]);
            total += amounts[i];
        }
        bytes32 pair = _node(leaves[0], leaves[1]);
        lines = new PaymentLine[](3);
        for (uint256 i = 0; i < 3; ++i) {
            bytes32[] memory proof = new bytes32[](i < 2 ? 2 : 1);
            if (i < 2) (proof[0], proof[1]) = (leaves[1 - i], leaves[2]);
            else proof[0] = pair;
            lines[i] = PaymentLine(accounts[i], amounts[i], proof);
        }
        vm.prank(payingAgent);
        home.actions.publishEntitlements(KEY, _node(pair, leaves[2]), total, 3);
    }

    /// Bar an account from being paid, in one of four ways; returns the code.
    function _bar(address account, uint256 way) private returns (uint8 code) {
        if (way == 0) {
            vm.prank(registrar);
            home.holders.setStatus(account, false, "suspended");
            return 6;
        }
        if (way == 1) {
            vm.prank(registrar);
            home.holders.onboard(
                account, _commitment("fr"), FRANCE, PROFESSIONAL, uint32(PAYMENT_DAY - 1), address(0), false, ""
            );
            return 6;
        }
        if (way == 2) {
            vm.prank(freezer);
            home.token.freeze(account, true, "frozen");
            return 7;
        }
        vm.prank(regulator);
        home.holders.setSanctioned(account, true, "sanctioned");
        return 14;
    }

    function _heldThenOthersPaid(PaymentLine[] memory lines, uint8 code) private {
        vm.expectEmit(address(home.actions));
        emit CorporateActions.EntitlementHeld(KEY, holderFr, 9000, code);
        _pay(lines);
        vm.assertFalse(home.actions.paid(KEY, holderFr), "held");
        vm.assertTrue(home.actions.paid(KEY, holderDe) && home.actions.paid(KEY, omnibus), "the others are paid");
        vm.assertEq(home.cash.balanceOf(payingAgent), 20_000 - 4995, "nothing went elsewhere");
    }

    function _one(PaymentLine memory line) private pure returns (PaymentLine[] memory lines) {
        lines = new PaymentLine[](1);
        lines[0] = line;
    }

    function _node(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function _fund(uint256 amount, uint256 allowance) private {
        bytes32 ref = bytes32(home.cash.totalSupply() + 1);
        vm.prank(cashIssuer);
        home.cash.mint(payingAgent, amount, ref);
        vm.prank(payingAgent);
        home.cash.approve(address(home.actions), allowance);
    }

    function _pay(PaymentLine[] memory lines) private {
        vm.prank(payingAgent);
        home.actions.pay(KEY, lines);
    }

    function _payRefused(PaymentLine[] memory lines, bytes memory reason) private {
        vm.prank(payingAgent);
        vm.expectRevert(reason);
        home.actions.pay(KEY, lines);
    }
}
