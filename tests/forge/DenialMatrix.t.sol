// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CorporateActions, EventRecord, PaymentLine} from "../../contracts/actions/CorporateActions.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Blackout, LockUp} from "../../contracts/token/SecurityBase.sol";
import {Module, TokenWorld} from "./TokenWorld.sol";
import {Vm} from "./Vm.sol";

/// CTL-1, CTL-3: every rule through every entry point, by the table `tests/vectors/denial-matrix.json`,
/// which docs/denial-matrix.md shows too. Each cell breaks exactly one rule, asks `restrictionOf`, then
/// does it: the table's code is given, or the movement passes; a refusal leaves everything as it was.
contract DenialMatrixTest is TokenWorld {
    string private constant TABLE = "tests/vectors/denial-matrix.json";
    bytes12 private constant OTHER_ISIN = "DE000PARI018";
    bytes12 private constant THIRD_ISIN = "DE000PARI026";

    uint256 private constant HELD = 100;
    uint256 private constant UNITS = 10;
    uint8 private constant NO_KIND = 255;
    uint32 private constant SHORT = 5;

    struct Condition {
        string name;
        uint8 code;
    }

    struct Entry {
        string name;
        uint8 kind;
        uint256 codes;
        bytes32[] spared;
        bytes32[] unasked;
        bytes32[] never;
    }

    /// How the cells of a run start.
    struct Setting {
        ISecurity token;
        bool warm;
        bool limited;
    }

    Condition[] private conditions;
    Entry[] private entries;

    /// lean: no rule that makes movements look closer; full: a limit of holders does
    ISecurity private lean;
    ISecurity private full;

    // what a cell works with
    ISecurity private token;
    uint256 private amount;
    bytes32 private pledgeId;
    bytes32 private eventKey;
    address private spender = _address("spender");

    function setUp() public {
        _setUpTokens();
        _read();
        lean = _prepared(OTHER_ISIN, false, "EVT2027000000002");
        full = _prepared(THIRD_ISIN, true, "EVT2027000000003");
    }

    function test_ctl_1_ctl_3_everyRuleThroughEveryEntryPoint() public {
        _all(Setting(lean, false, false), "asked anew");
    }

    function test_ctl_1_ctl_3_everyRuleThroughEveryEntryPointWithCachedVerdicts() public {
        _all(Setting(lean, true, false), "cached");
    }

    function test_ctl_1_ctl_3_everyRuleThroughEveryEntryPointWithALimitOfHolders() public {
        _all(Setting(full, true, true), "limited");
    }

    function test_ctl_3_ofSeveralReasonsTheLowestCodeIsGiven() public {
        // more than half, so that a lock-up and a freeze that are each enough fit beside each other
        (token, amount) = (full, 60);
        eventKey = "EVT2027000000003";
        // conditions that can stand together, from the highest code to the lowest
        string[18] memory names = [
            "module reverts",
            "sender's class paused",
            "in a blackout window",
            "below the minimum lot",
            "one holder too many",
            "above the ledger's share of the cap",
            "recipient sanctioned",
            "sender sanctioned",
            "units locked up (RSTR)",
            "units frozen (BLOK)",
            "more than the balance",
            "class not allowed",
            "country not on the allow list",
            "recipient frozen",
            "recipient suspended",
            "sender frozen",
            "sender suspended",
            "paused"
        ];
        uint8 last = 22;
        for (uint256 i = 0; i < names.length; ++i) {
            Condition memory condition = _condition(names[i]);
            vm.assertTrue(condition.code < last, "descending");
            last = condition.code;
            if (condition.code == 11) {
                vm.prank(freezer);
                token.freezeUnits(source, HELD + 1 - amount, "x");
            } else {
                _break(condition.name);
            }
            uint8 expected = condition.code;
            vm.assertEq(token.restrictionOf(0, source, target, amount), expected, string.concat("asked: ", names[i]));
            vm.assertEq(_transfer(token, source, target, amount), expected, string.concat("done: ", names[i]));
        }
    }

    // ---------------------------------------------------------------- the walk

    function _all(Setting memory setting, string memory how) private {
        for (uint256 e = 0; e < entries.length; ++e) {
            uint256 before = vm.snapshotState();
            // without a broken rule everything passes
            this.cell(e, type(uint256).max, setting, how);
            vm.revertToState(before);
            for (uint256 c = 0; c < conditions.length; ++c) {
                if (conditions[c].code == 16 && !setting.limited) continue;
                if (_names(entries[e].never, conditions[c].name)) continue;
                before = vm.snapshotState();
                this.cell(e, c, setting, how);
                vm.revertToState(before);
            }
        }
    }

    /// One cell; external, so that its memory is given back.
    function cell(uint256 e, uint256 c, Setting calldata setting, string calldata how) external {
        Entry memory entry = entries[e];
        (token, amount) = (setting.token, UNITS);
        eventKey = setting.limited ? bytes32("EVT2027000000003") : bytes32("EVT2027000000002");
        uint8 expected = 0;
        bool asked = entry.kind != NO_KIND;
        string memory what = string.concat(entry.name, ", ", how);
        if (_same(entry.name, "enforcePledge")) {
            vm.prank(source);
            pledgeId = token.pledge(target, UNITS);
        }
        if (setting.warm) token.open(_two(source, target));
        if (c != type(uint256).max) {
            Condition memory condition = conditions[c];
            what = string.concat(what, ", ", condition.name);
            _break(condition.name);
            if (entry.codes & (1 << condition.code) != 0 && !_names(entry.spared, condition.name)) {
                expected = condition.code;
            }
            if (_names(entry.unasked, condition.name)) asked = false;
        }
        if (!setting.warm) _chill();
        if (_same(entry.name, "permit, then transferFrom")) _permit();
        if (_same(entry.name, "recoveryAddress") && home.holders.currentOf(source) == source) {
            _rotate(home, source, successor);
        }
        if (asked) {
            uint8 answer = token.restrictionOf(
                entry.kind,
                _delivers(entry.kind) ? source : address(0),
                _receives(entry.kind) ? target : address(0),
                _same(entry.name, "open") ? 0 : amount
            );
            vm.assertEq(answer, expected, string.concat("asked: ", what));
        }
        bytes32 state = _digest();
        vm.assertEq(_do(entry.name, what), expected, string.concat("done: ", what));
        if (expected != 0) vm.assertEq(_digest(), state, string.concat("nothing changed: ", what));
        else if (!_same(entry.name, "open")) {
            vm.assertFalse(_digest() == state, string.concat("something changed: ", what));
        }
        vm.assertTrue(_addsUp(token, source) && _addsUp(token, target), string.concat("sub-balances: ", what));
    }

    // ---------------------------------------------------------------- entry points

    /// Do it; returns the code of the refusal, 0 for success. Any other failure fails the test.
    function _do(string memory entry, string memory what) private returns (uint8) {
        if (_same(entry, "payout (CorporateActions.pay)")) return _pay();
        (address caller, bytes memory data) = _call(entry);
        if (caller == address(home.approvals)) {
            (bool done, bytes memory result) = _approved(address(token), data);
            return _codeOf(done, result, what);
        }
        vm.prank(caller);
        (bool success, bytes memory answer) = address(token).call(data);
        return _codeOf(success, answer, what);
    }

    function _call(string memory entry) private view returns (address caller, bytes memory data) {
        if (_same(entry, "transfer")) return (source, abi.encodeCall(token.transfer, (target, amount)));
        if (_same(entry, "transferFrom")) {
            return (stranger, abi.encodeCall(token.transferFrom, (source, target, amount)));
        }
        if (_same(entry, "permit, then transferFrom")) {
            return (spender, abi.encodeCall(token.transferFrom, (source, target, amount)));
        }
        if (_same(entry, "batchTransfer, first item")) {
            return (source, abi.encodeCall(token.batchTransfer, (_two(target, other), _two(amount, 1))));
        }
        if (_same(entry, "batchTransfer, later item")) {
            return (source, abi.encodeCall(token.batchTransfer, (_two(other, target), _two(1, amount))));
        }
        if (_same(entry, "enforcePledge")) {
            return (home.holders.currentOf(target), abi.encodeCall(token.enforcePledge, (pledgeId)));
        }
        if (_same(entry, "pledge")) return (source, abi.encodeCall(token.pledge, (target, amount)));
        if (_same(entry, "open")) return (stranger, abi.encodeCall(token.open, (_two(other, target))));
        if (_same(entry, "recoveryAddress")) {
            address to = home.holders.currentOf(source);
            return (transferAgent, abi.encodeCall(token.recoveryAddress, (source, to, address(0))));
        }
        if (_same(entry, "redeem")) return (transferAgent, abi.encodeCall(token.redeem, (source, amount, "r")));
        return _callThatCreatesOrForces(entry);
    }

    function _callThatCreatesOrForces(string memory entry) private view returns (address caller, bytes memory data) {
        caller = transferAgent;
        if (_same(entry, "issue")) return (caller, abi.encodeCall(token.issue, (target, amount, "i")));
        if (_same(entry, "mint")) return (caller, abi.encodeCall(token.mint, (target, amount)));
        if (_same(entry, "batchMint, first item")) {
            return (caller, abi.encodeCall(token.batchMint, (_two(target, other), _two(amount, 1))));
        }
        if (_same(entry, "batchMint, later item")) {
            return (caller, abi.encodeCall(token.batchMint, (_two(other, target), _two(1, amount))));
        }
        caller = address(home.bridge);
        if (_same(entry, "crosschainBurn")) return (caller, abi.encodeCall(token.crosschainBurn, (source, amount)));
        if (_same(entry, "crosschainMint")) return (caller, abi.encodeCall(token.crosschainMint, (target, amount)));
        if (_same(entry, "crosschainMintAt")) {
            return (caller, abi.encodeCall(token.crosschainMintAt, (target, amount, START - 1)));
        }
        if (_same(entry, "crosschainBurnLocked")) {
            return (caller, abi.encodeCall(token.crosschainBurnLocked, (source, amount, new LockUp[](0))));
        }
        if (_same(entry, "crosschainMintFor")) {
            return (caller, abi.encodeCall(token.crosschainMintFor, (target, amount, START - 1, 0, "")));
        }
        if (_same(entry, "crosschainMintTo")) {
            return (caller, abi.encodeCall(token.crosschainMintTo, (target, other, amount, START - 1)));
        }
        caller = address(home.approvals);
        if (_same(entry, "forcedTransfer")) {
            return (caller, abi.encodeCall(token.forcedTransfer, (source, target, amount)));
        }
        if (_same(entry, "batchForcedTransfer, first item")) {
            return (
                caller,
                abi.encodeCall(token.batchForcedTransfer, (_two(source, source), _two(target, other), _two(amount, 1)))
            );
        }
        if (_same(entry, "batchForcedTransfer, later item")) {
            return (
                caller,
                abi.encodeCall(token.batchForcedTransfer, (_two(source, source), _two(other, target), _two(1, amount)))
            );
        }
        if (_same(entry, "burn")) return (caller, abi.encodeCall(token.burn, (source, amount)));
        if (_same(entry, "batchBurn, first item")) {
            return (caller, abi.encodeCall(token.batchBurn, (_two(source, other), _two(amount, 1))));
        }
        if (_same(entry, "batchBurn, later item")) {
            return (caller, abi.encodeCall(token.batchBurn, (_two(other, source), _two(1, amount))));
        }
        if (_same(entry, "cancel")) return (caller, abi.encodeCall(token.cancel, (source, amount, "first")));
        revert(string.concat("the table has a row that nothing here does: ", entry));
    }

    function _permit() private {
        uint256 nonce = token.nonces(source);
        bytes32 digest = _permitDigest(token, source, spender, 1000, nonce, block.timestamp);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[source], digest);
        token.permit(source, spender, 1000, block.timestamp, v, r, s);
    }

    /// Pay the one line of the event's table; the code with which it was held, 0 when it was paid.
    function _pay() private returns (uint8) {
        PaymentLine[] memory lines = new PaymentLine[](1);
        lines[0] = PaymentLine(target, 450, new bytes32[](0));
        vm.recordLogs();
        vm.prank(payingAgent);
        home.actions.pay(eventKey, lines);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (logs[0].topics[0] == CorporateActions.EntitlementHeld.selector) {
            vm.assertFalse(home.actions.paid(eventKey, target), "held, not paid");
            (, uint8 code) = abi.decode(logs[0].data, (uint256, uint8));
            return code;
        }
        address payee = home.holders.currentOf(target);
        vm.assertEq(home.cash.balanceOf(payee), 450, "the cash is there");
        return 0;
    }

    // ---------------------------------------------------------------- broken rules

    /// Make one rule refuse a movement of `amount` from `source` to `target`.
    function _break(string memory name) private {
        if (_same(name, "paused")) {
            vm.prank(pauser);
            token.pause("x");
        } else if (_same(name, "emergency stop")) {
            vm.prank(pauser);
            token.emergencyStop(uint64(block.timestamp + 1 hours), "x");
        } else if (_same(name, "sender never onboarded")) {
            _forget(source);
        } else if (_same(name, "sender superseded")) {
            _rotate(home, source, successor);
        } else if (_same(name, "sender suspended")) {
            vm.prank(registrar);
            home.holders.setStatus(source, false, "x");
        } else if (_same(name, "sender expired")) {
            _expire(source, "source", GERMANY, PROFESSIONAL);
        } else if (_same(name, "sender frozen")) {
            vm.prank(freezer);
            token.freeze(source, true, "x");
        } else if (_same(name, "sender sanctioned")) {
            vm.prank(regulator);
            home.holders.setSanctioned(source, true, "x");
        } else if (_same(name, "sender suspended by an order")) {
            _order(registrar, "source", bytes32(uint256(1)));
        } else if (_same(name, "sender frozen by an order")) {
            _order(freezer, "source", token.securityId());
        } else if (_same(name, "sender sanctioned by an order")) {
            _order(regulator, "source", 0);
        } else if (_same(name, "more than the balance")) {
            amount = token.balanceOf(source) + 1;
        } else {
            _breakForRecipient(name);
        }
    }

    function _breakForRecipient(string memory name) private {
        if (_same(name, "recipient never onboarded")) {
            _forget(target);
        } else if (_same(name, "recipient superseded")) {
            _rotate(home, target, heir);
        } else if (_same(name, "recipient suspended")) {
            vm.prank(registrar);
            home.holders.setStatus(target, false, "x");
        } else if (_same(name, "recipient expired")) {
            _expire(target, "target", FRANCE, RETAIL);
        } else if (_same(name, "recipient frozen")) {
            vm.prank(freezer);
            token.setAddressFrozen(target, true);
        } else if (_same(name, "recipient sanctioned")) {
            vm.prank(regulator);
            home.holders.setSanctioned(target, true, "x");
        } else if (_same(name, "recipient suspended by an order")) {
            _order(registrar, "target", bytes32(uint256(1)));
        } else if (_same(name, "recipient frozen by an order")) {
            _order(freezer, "target", token.securityId());
        } else if (_same(name, "recipient sanctioned by an order")) {
            _order(regulator, "target", 0);
        } else if (_same(name, "country not on the allow list")) {
            vm.prank(ruleManager);
            token.setCountries(_countries(GERMANY), false, "x");
        } else if (_same(name, "country on the deny list")) {
            vm.prank(ruleManager);
            token.setCountries(_countries(FRANCE), true, "x");
        } else if (_same(name, "class not allowed")) {
            vm.prank(ruleManager);
            token.setClasses(uint32(1 << PROFESSIONAL | 1 << SPECIAL), "x");
        } else if (_same(name, "class above 31")) {
            _onboard(home, target, "target", FRANCE, 40, address(0));
        } else {
            _breakForUnits(name);
        }
    }

    function _breakForUnits(string memory name) private {
        // so many that one unit less than the amount is left
        uint256 units = token.availableBalanceOf(source) + 1 - amount;
        if (_same(name, "units frozen (BLOK)")) {
            vm.prank(freezer);
            token.setFrozenTokens(source, units);
        } else if (_same(name, "units blocked for a corporate action (BLCA)")) {
            vm.prank(address(home.actions));
            token.blockForCorporateAction(source, units);
        } else if (_same(name, "units pledged (PLED)")) {
            vm.prank(source);
            token.pledge(other, units);
        } else if (_same(name, "units locked up (RSTR)")) {
            vm.prank(transferAgent);
            token.lock(source, uint64(units), uint64(block.timestamp + 1), "x");
        } else if (_same(name, "above the ledger's share of the cap")) {
            _mustApproved(token, abi.encodeCall(token.setHoldingCap, (SHORT)));
        } else if (_same(name, "above the account's own quota")) {
            uint256 quota = token.quotaOf(target);
            vm.prank(quotas);
            token.releaseQuota(target, uint64(quota - SHORT));
        } else if (_same(name, "additional account without quota")) {
            vm.prank(registrar);
            home.holders.onboard(target, _commitment("target"), FRANCE, RETAIL, 0, address(0), true, "");
        } else if (_same(name, "one holder too many")) {
            _mustApproved(token, abi.encodeCall(token.setHolderLimit, (token.policy().holderCount)));
        } else {
            _breakForToken(name);
        }
    }

    function _breakForToken(string memory name) private {
        if (_same(name, "below the minimum lot")) {
            vm.prank(ruleManager);
            token.setMinimumLot(uint64(amount + 1), "x");
        } else if (_same(name, "in a blackout window")) {
            Blackout[] memory windows = new Blackout[](1);
            windows[0] = Blackout(uint64(block.timestamp), uint64(block.timestamp + 1));
            vm.prank(ruleManager);
            token.setBlackouts(windows, "x");
        } else if (_same(name, "sender's class paused")) {
            vm.prank(pauser);
            token.pauseClasses(uint32(1 << PROFESSIONAL), "x");
        } else if (_same(name, "recipient's class paused")) {
            vm.prank(pauser);
            token.pauseClasses(uint32(1 << RETAIL), "x");
        } else if (_same(name, "module says no")) {
            _modules(token, address(new Module(Module.Mood.NO)));
        } else if (_same(name, "module reverts")) {
            _modules(token, address(new Module(Module.Mood.REVERTS)));
        } else if (_same(name, "module has no code")) {
            _modules(token, address(0xdead));
        } else if (_same(name, "module runs out of gas")) {
            _modules(token, address(new Module(Module.Mood.BURNS_GAS)));
        } else if (_same(name, "module answers 2")) {
            _modules(token, address(new Module(Module.Mood.TWO)));
        } else if (_same(name, "module answers too much")) {
            _modules(token, address(new Module(Module.Mood.TOO_MUCH)));
        } else if (_same(name, "module answers too little")) {
            _modules(token, address(new Module(Module.Mood.TOO_LITTLE)));
        } else {
            revert(string.concat("the table has a rule that nothing here breaks: ", name));
        }
    }

    function _order(address by, string memory holder, bytes32 scope) private {
        vm.prank(by);
        home.holders.order(_commitment(holder), scope, true, "x");
    }

    function _expire(address account, string memory holder, uint16 country, uint8 class) private {
        vm.prank(registrar);
        home.holders.onboard(
            account, _commitment(holder), country, class, uint32(block.timestamp + 10), address(0), false, ""
        );
        vm.warp(block.timestamp + 11);
    }

    // ---------------------------------------------------------------- preparation

    function _prepared(bytes12 isin_, bool limited, bytes16 eventId) private returns (ISecurity prepared) {
        prepared = _security(isin_, true, limited);
        vm.prank(transferAgent);
        prepared.issue(source, HELD, "first");
        _issueOn(prepared, other, 1);
        vm.startPrank(source);
        prepared.approve(stranger, type(uint256).max);
        prepared.approve(transferAgent, type(uint256).max);
        vm.stopPrank();
        _event(prepared, isin_, eventId);
    }

    /// An event whose table has one line, of `target`; its payment date has come.
    function _event(ISecurity prepared, bytes12 isin_, bytes16 eventId) private {
        vm.startPrank(tokenizer);
        home.instances.registerSecurity(isin_, LEI, TERMS);
        home.token = prepared;
        home.instances.registerInstances(prepared.securityId(), _list(_instance(home)));
        vm.stopPrank();
        EventRecord memory r = _event();
        r.officialEventId = eventId;
        r.securityId = prepared.securityId();
        (r.announcementDate, r.exDate, r.recordDate, r.paymentDate) = (20270201, 20270203, 20270204, 20270205);
        r.recordTime = START - 25 days + 9 hours; // 2027-02-04 17:00 UTC
        vm.prank(issuerAgent);
        home.actions.announce(r);
        bytes32 root = home.actions.leafOf(bytes32(eventId), target, 450);
        vm.startPrank(payingAgent);
        home.actions.publishEntitlements(bytes32(eventId), root, 450, 1);
        home.cash.approve(address(home.actions), type(uint256).max);
        vm.stopPrank();
        vm.prank(cashIssuer);
        home.cash.mint(payingAgent, 450, keccak256(abi.encode(eventId)));
    }

    function _read() private {
        string memory json = vm.readFile(TABLE);
        for (uint256 i = 0; vm.keyExistsJson(json, _at("conditions", i, "name")); ++i) {
            string memory name = vm.parseJsonString(json, _at("conditions", i, "name"));
            conditions.push(Condition(name, uint8(vm.parseJsonUint(json, _at("conditions", i, "code")))));
        }
        for (uint256 i = 0; vm.keyExistsJson(json, _at("entries", i, "name")); ++i) {
            Entry storage entry = entries.push();
            entry.name = vm.parseJsonString(json, _at("entries", i, "name"));
            entry.kind = uint8(vm.parseJsonUint(json, _at("entries", i, "kind")));
            uint256[] memory codes = vm.parseJsonUintArray(json, _at("entries", i, "codes"));
            for (uint256 k = 0; k < codes.length; ++k) entry.codes |= 1 << codes[k];
            entry.spared = _hashes(vm.parseJsonStringArray(json, _at("entries", i, "spared")));
            entry.unasked = _hashes(vm.parseJsonStringArray(json, _at("entries", i, "unasked")));
            entry.never = _hashes(vm.parseJsonStringArray(json, _at("entries", i, "never")));
        }
        vm.assertTrue(conditions.length > 21 && entries.length > 20, "the table was read");
    }

    function _at(string memory list, uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(i), "].", field);
    }

    function _hashes(string[] memory names) private view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](names.length);
        for (uint256 i = 0; i < names.length; ++i) {
            _condition(names[i]);
            hashes[i] = keccak256(bytes(names[i]));
        }
    }

    function _condition(string memory name) private view returns (Condition memory) {
        for (uint256 i = 0; i < conditions.length; ++i) {
            if (_same(conditions[i].name, name)) return conditions[i];
        }
        revert(string.concat("no such condition: ", name));
    }

    // ---------------------------------------------------------------- parts

    /// Everything that a movement could change.
    function _digest() private view returns (bytes32 digest) {
        address[5] memory accounts = [source, target, other, successor, heir];
        for (uint256 i = 0; i < accounts.length; ++i) {
            address a = accounts[i];
            digest = keccak256(abi.encode(digest, token.balanceOf(a), token.isFrozen(a), home.cash.balanceOf(a)));
            digest = keccak256(abi.encode(digest, token.balanceOfType(a, BLOK), token.balanceOfType(a, BLCA)));
            digest = keccak256(abi.encode(digest, token.balanceOfType(a, PLED), token.lotsOf(a)));
            digest = keccak256(abi.encode(digest, token.allowance(a, stranger), token.allowance(a, spender)));
            digest = keccak256(abi.encode(digest, token.allowance(a, transferAgent), token.nonces(a)));
        }
        digest = keccak256(abi.encode(digest, token.totalSupply(), token.issuedTotal(), token.policy()));
        digest = keccak256(abi.encode(digest, token.isReferenceUsed("i"), token.isReferenceUsed("r")));
    }

    function _delivers(uint8 kind) private pure returns (bool) {
        return kind == 0 || kind == 2 || kind == 3 || kind == 5 || kind == 6;
    }

    function _receives(uint8 kind) private pure returns (bool) {
        return kind != 2 && kind != 3;
    }

    function _same(string memory a, string memory b) private pure returns (bool) {
        return keccak256(bytes(a)) == keccak256(bytes(b));
    }

    function _names(bytes32[] memory list, string memory name) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] == keccak256(bytes(name))) return true;
        }
        return false;
    }
}
