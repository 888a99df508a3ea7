// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {HolderRegistry} from "../../contracts/registry/HolderRegistry.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Blackout, TokenInit} from "../../contracts/token/SecurityBase.sol";
import {TokenWorld} from "./TokenWorld.sol";
import {Vm} from "./Vm.sol";

/// All acts on one security, by few actors, so that self transfers, emptied accounts, the zero address
/// and successors of successors are common. It keeps a book of its own, by the plainest means: what
/// every account held after each call, and what the rules say of each movement.
contract TokenHandler is TokenWorld {
    /// Who there is: five holders' accounts, one of which is another account of the first's holder, one
    /// that comes by rotation, one that was never onboarded, and nobody.
    uint256 private constant ACTORS = 9;
    uint256 private constant SPARES = 6;


    ISecurity public token;
    address[] public actors;
    address[] private everyone;

    // the shadow: balances now, and at record times that have passed
    mapping(address account => uint256) public held;
    mapping(uint64 time => mapping(address account => uint256)) public heldAt;
    uint64[] public armed;
    uint256 public noted;
    uint256 public arrived;
    uint256 public departed;
    bytes32[] private pledges;
    uint256 private references;
    uint256 private spares;

    // what went wrong, to be asked by the invariants
    string public fault;
    uint256 public calls;
    uint256 public moved;

    constructor() {
        _setUpTokens();
        TokenInit memory init = _terms("DE000PARI018", true, true);
        (init.holdingCap, init.holderLimit, init.issueLimit) = (300, 5, 2000);
        token = _token(home, init);
        bytes32 holder = _commitment("source");
        bytes memory proof = _keyControl(home, successor, holder);
        vm.prank(registrar);
        home.holders.onboard(successor, holder, GERMANY, PROFESSIONAL, 0, address(0), true, proof);
        actors = [source, target, other, holderDe, holderFr, successor, heir, stranger, address(0)];
        for (uint256 i = 0; i < actors.length - 1; ++i) {
            vm.prank(actors[i]);
            token.approve(transferAgent, type(uint256).max);
            everyone.push(actors[i]);
        }
        for (uint256 i = 1; i <= SPARES; ++i) everyone.push(_address(string.concat("spare ", vm.toString(i))));
        everyone.push(omnibus);
        _endow(source, 150);
        _endow(target, 100);
        _endow(other, 50);
        _endow(holderDe, 10);
        everyone.push(address(token));
    }

    function _endow(address account, uint256 units) private {
        _issueOn(token, account, units);
        held[account] = units;
    }

    // ---------------------------------------------------------------- movements

    function transfer(uint8 from, uint8 to, uint16 amount) external {
        (address a, address b) = (_who(from), _who(to));
        if (a == address(0)) return; // nobody sends no transaction
        uint256 units = _some(a, amount);
        uint8 asked = token.restrictionOf(0, a, b, units);
        bool done = _try(a, abi.encodeCall(token.transfer, (b, units)));
        _settle(0, a, b, units, asked, done, b != address(0));
    }

    function transferFrom(uint8 from, uint8 to, uint16 amount, uint8 by) external {
        (address a, address b, address c) = (_who(from), _who(to), _who(by));
        if (c == address(0)) return;
        uint256 units = _some(a, amount);
        if (a != address(0)) _must(a, abi.encodeCall(token.approve, (c, units)));
        uint8 asked = token.restrictionOf(0, a, b, units);
        bool done = _try(c, abi.encodeCall(token.transferFrom, (a, b, units)));
        _settle(0, a, b, units, asked, done, a != address(0) && b != address(0));
    }

    function batchTransfer(uint8 from, uint8 one, uint8 two, uint16 first, uint16 second) external {
        (address a, address b, address c) = (_who(from), _who(one), _who(two));
        if (a == address(0)) return;
        uint256[] memory units = _two(_some(a, first), _some(a, second));
        uint256 snapshot = vm.snapshotState();
        // what the same transfers do one by one
        bool alone = _try(a, abi.encodeCall(token.transfer, (b, units[0])))
            && _try(a, abi.encodeCall(token.transfer, (c, units[1])));
        vm.revertToState(snapshot);
        bool done = _try(a, abi.encodeCall(token.batchTransfer, (_two(b, c), units)));
        if (done != alone) fault = "a batch is not its transfers";
        if (done) {
            _move(0, a, b, units[0]);
            _move(0, a, c, units[1]);
        }
        _after(false);
    }

    function issue(uint8 to, uint16 amount, bool plain) external {
        address b = _who(to);
        uint256 units = amount % 300 + 1;
        uint8 asked = token.restrictionOf(1, address(0), b, units);
        bool room = token.issuedTotal() + units <= token.issueLimit();
        bool done = _try(
            transferAgent,
            plain
                ? abi.encodeCall(token.mint, (b, units))
                : abi.encodeCall(token.issue, (b, units, bytes32(++references)))
        );
        _settle(1, address(0), b, units, asked, done, b != address(0) && room);
    }

    function redeem(uint8 from, uint16 amount) external {
        address a = _who(from);
        uint256 units = _some(a, amount);
        uint8 asked = token.restrictionOf(2, a, address(0), units);
        // in this world units arrive that were never issued: those cannot be redeemed
        uint256 issued = token.issuedTotal();
        bool done = _try(transferAgent, abi.encodeCall(token.redeem, (a, units, bytes32(++references))));
        _settle(2, a, address(0), units, asked, done, a != address(0) && units != 0 && units <= issued);
    }

    function arrive(uint8 to, uint16 amount, uint8 age) external {
        address b = _who(to);
        uint256 units = amount % 200;
        uint8 asked = token.restrictionOf(4, address(0), b, units);
        bool done = _try(
            address(home.bridge),
            abi.encodeCall(token.crosschainMintAt, (b, units, uint64(block.timestamp - age)))
        );
        if (done) arrived += units;
        _settle(4, address(0), b, units, asked, done, b != address(0));
    }

    function depart(uint8 from, uint16 amount) external {
        address a = _who(from);
        uint256 units = _some(a, amount);
        uint8 asked = token.restrictionOf(3, a, address(0), units);
        bool done = _try(address(home.bridge), abi.encodeCall(token.crosschainBurn, (a, units)));
        if (done) departed += units;
        _settle(3, a, address(0), units, asked, done, a != address(0));
    }

    // ---------------------------------------------------------------- law

    function force(uint8 from, uint8 to, uint16 amount) external {
        (address a, address b) = (_who(from), _who(to));
        uint256 units = _some(a, amount);
        uint8 asked = token.restrictionOf(5, a, b, units);
        bool done = _law(abi.encodeCall(token.forcedTransfer, (a, b, units)));
        _settle(5, a, b, units, asked, done, a != address(0) && b != address(0));
    }

    function burn(uint8 from, uint16 amount) external {
        address a = _who(from);
        uint256 units = _some(a, amount);
        bool there = a != address(0) && units <= held[a] && units != 0 && units <= token.issuedTotal();
        bool done = _law(abi.encodeCall(token.burn, (a, units)));
        if (done != there) fault = "burnt by law where the units are there, and else not";
        if (done) _move(5, a, address(0), units);
        _after(true);
    }

    function rotate(uint8 from) external {
        address a = _who(from);
        uint256 word = home.holders.wordOf(a);
        if (word == 0 || home.holders.currentOf(a) != a || spares == SPARES) return;
        address to = _address(string.concat("spare ", vm.toString(++spares)));
        _rotate(home, a, to);
        // it takes the place of the last of the former ones
        actors[6] = to;
        vm.prank(to);
        token.approve(transferAgent, type(uint256).max);
        _after(false);
    }

    function recover(uint8 from, bool byAgent) external {
        address a = _who(from);
        address to = home.holders.currentOf(a);
        uint256 units = held[a];
        bool done = _try(byAgent ? transferAgent : to, abi.encodeCall(token.recoveryAddress, (a, to, address(0))));
        if (done != (a != to)) fault = "recovered where the register names a successor, and else not";
        if (done) {
            held[a] -= units;
            held[to] += units;
        }
        _after(true);
    }

    // ---------------------------------------------------------------- encumbrances

    function freeze(uint8 who, uint8 dice) external {
        _try(freezer, abi.encodeCall(token.freeze, (_who(who), _rarely(dice), "x")));
        _after(false);
    }

    function freezeUnits(uint8 who, uint16 amount) external {
        address a = _who(who);
        _try(freezer, abi.encodeCall(token.freezeUnits, (a, _some(a, amount), "x")));
        _after(true);
    }

    function block_(uint8 who, uint16 amount) external {
        address a = _who(who);
        _try(address(home.actions), abi.encodeCall(token.blockForCorporateAction, (a, _some(a, amount))));
        _after(true);
    }

    function lock(uint8 who, uint16 amount, uint8 ahead) external {
        address a = _who(who);
        uint64 until = uint64(block.timestamp) + uint64(ahead) * 1 hours;
        _try(transferAgent, abi.encodeCall(token.lock, (a, uint64(_some(a, amount)), until, "x")));
        _after(false);
    }

    function pledge(uint8 who, uint8 to, uint16 amount) external {
        (address a, address b) = (_who(who), _who(to));
        if (a == address(0)) return;
        uint256 units = _some(a, amount);
        uint8 asked = token.restrictionOf(6, a, b, units);
        vm.prank(a);
        (bool done, bytes memory answer) = address(token).call(abi.encodeCall(token.pledge, (b, units)));
        if (done != (asked == 0 && units != 0)) fault = "pledged as asked";
        if (done) pledges.push(abi.decode(answer, (bytes32)));
        _after(false);
    }

    function endPledge(uint8 which, bool enforced) external {
        if (pledges.length == 0) return;
        bytes32 id = pledges[which % pledges.length];
        address pledgee = home.holders.currentOf(token.pledgeOf(id).pledgee);
        if (pledgee == address(0)) return;
        uint256[] memory before = _balances();
        bool done = _try(
            pledgee, enforced ? abi.encodeCall(token.enforcePledge, (id)) : abi.encodeCall(token.releasePledge, (id))
        );
        if (!enforced && !done) fault = "a pledgee can release";
        if (done && enforced) _moveWhatMoved(before, pledgee);
        _after(true);
    }

    // ---------------------------------------------------------------- rules and the register

    function suspend(uint8 who, uint8 dice) external {
        bool active = !_rarely(dice);
        _try(registrar, address(home.holders), abi.encodeCall(HolderRegistry.setStatus, (_who(who), active, "x")));
        _after(false);
    }

    function sanction(uint8 who, uint8 dice) external {
        bool on = _rarely(dice);
        _try(regulator, address(home.holders), abi.encodeCall(HolderRegistry.setSanctioned, (_who(who), on, "x")));
        _after(false);
    }

    function rules(uint8 which, uint8 value) external {
        which = which % 6;
        bool strict = _rarely(value);
        if (which == 0) {
            _try(ruleManager, abi.encodeCall(token.setClasses, (strict ? 6 : 14, "x")));
        } else if (which == 1) {
            _try(ruleManager, abi.encodeCall(token.setCountries, (_countries(strict ? FRANCE : 840), !strict, "x")));
        } else if (which == 2) {
            _try(ruleManager, abi.encodeCall(token.setMinimumLot, (strict ? value : value % 4, "x")));
        } else if (which == 3) {
            Blackout[] memory windows = new Blackout[](strict ? 1 : 0);
            if (strict) windows[0] = Blackout(uint64(block.timestamp), uint64(block.timestamp) + value + 1);
            _try(ruleManager, abi.encodeCall(token.setBlackouts, (windows, "x")));
        } else if (which == 4) {
            _law(abi.encodeCall(token.setHoldingCap, (strict ? value : uint64(value) + 200)));
        } else {
            _law(abi.encodeCall(token.setHolderLimit, (strict ? value % 5 : value % 5 + 5)));
        }
        _after(false);
    }

    function stop(uint8 which, uint8 value) external {
        if (!_rarely(value)) {
            _try(unpauser, abi.encodeCall(token.unpauseClasses, (15, "x")));
            _try(unpauser, abi.encodeWithSignature("unpause(bytes32)", bytes32("x")));
        } else if (which % 3 == 0) {
            _try(pauser, abi.encodeWithSignature("pause(bytes32)", bytes32("x")));
        } else if (which % 3 == 1) {
            _try(pauser, abi.encodeCall(token.emergencyStop, (uint64(block.timestamp) + value, "x")));
        } else {
            _try(pauser, abi.encodeCall(token.pauseClasses, (uint32(1 << (value % 4)), "x")));
        }
        _after(false);
    }

    function share(uint8 who, uint16 amount, bool granted) external {
        address a = _who(who);
        uint192 holder = uint192(uint256(home.holders.recordOf(a).holder) >> 64);
        uint64 units = amount % 100;
        if (granted) _try(quotas, abi.encodeCall(token.grantQuota, (a, holder, units)));
        else _try(quotas, abi.encodeCall(token.releaseQuota, (a, units)));
        _after(false);
    }

    function subscribe(bool on) external {
        bytes memory data = on
            ? abi.encodeCall(HolderRegistry.addSubscriber, (address(home.code)))
            : abi.encodeCall(HolderRegistry.removeSubscriber, (address(home.code)));
        _try(tokenizer, address(home.holders), data);
        _after(false);
    }

    function open(uint8 who) external {
        _try(stranger, abi.encodeCall(token.open, (_one(_who(who)))));
        _after(false);
    }

    // ---------------------------------------------------------------- time

    function arm(uint8 ahead) external {
        uint64 time = uint64(block.timestamp) + uint64(ahead) + 1;
        if (token.isArmed(time)) return;
        _must(address(home.actions), abi.encodeCall(token.armRecordTime, (time)));
        armed.push(time);
        for (uint256 i = armed.length - 1; i > 0 && armed[i - 1] > time; --i) {
            (armed[i], armed[i - 1]) = (armed[i - 1], time);
        }
        _after(false);
    }

    function sleep(uint16 time) external {
        uint256 later = block.timestamp + time;
        // balances at the times that pass now are those of now
        while (noted < armed.length && armed[noted] < later) {
            for (uint256 i = 0; i < everyone.length; ++i) heldAt[armed[noted]][everyone[i]] = held[everyone[i]];
            ++noted;
        }
        vm.warp(later);
        _after(false);
    }

    // ---------------------------------------------------------------- for the invariants

    /// All accounts that may ever have held anything.
    function accounts() external view returns (address[] memory) {
        return everyone;
    }

    function registry() external view returns (HolderRegistry) {
        return home.holders;
    }

    function armedTimes() external view returns (uint64[] memory) {
        return armed;
    }

    // ---------------------------------------------------------------- parts

    /// Three of them, who hold most, come more often.
    function _who(uint8 seed) private view returns (address) {
        uint256 index = seed % (ACTORS + 6);
        return actors[index < ACTORS ? index : index % 3];
    }

    /// Mostly what may move, sometimes up to one more than is there.
    function _some(address account, uint16 amount) private view returns (uint256) {
        if (amount % 4 != 0) return amount / 4 % (token.availableBalanceOf(account) + 1);
        return amount / 4 % (held[account] + 2);
    }

    /// What stops everything must not happen too often, or nothing happens at all.
    function _rarely(uint8 dice) private pure returns (bool) {
        return dice % 5 == 1;
    }

    function _try(address caller, bytes memory data) private returns (bool success) {
        return _try(caller, address(token), data);
    }

    function _try(address caller, address callee, bytes memory data) private returns (bool success) {
        ++calls;
        vm.prank(caller);
        (success, ) = callee.call(data);
    }

    function _must(address caller, bytes memory data) private {
        if (!_try(caller, data)) fault = "set-up";
    }

    function _law(bytes memory data) private returns (bool success) {
        ++calls;
        (success, ) = _approved(address(token), data);
    }

    /// A movement of a kind was asked about and tried: both must say the same, where nothing else stands
    /// against it than the rules.
    function _settle(
        uint8 kind,
        address from,
        address to,
        uint256 units,
        uint8 asked,
        bool done,
        bool formed
    ) private {
        if (done != (asked == 0 && formed)) fault = string.concat("asked and done, kind ", vm.toString(kind));
        if (done) _move(kind, from, to, units);
        _after(kind == 5 ? true : false);
    }

    /// The book of what everybody holds; nobody ineligible ever received.
    function _move(uint8 kind, address from, address to, uint256 units) private {
        ++moved;
        if (from != address(0)) held[from] -= units;
        if (kind != 5 && token.isFrozen(from)) fault = "the frozen delivered";
        if (to == address(0)) return;
        held[to] += units;
        // what arrives lands, and does not move on, where the holder is frozen or sanctioned (CTL-8)
        if (kind == 4 ? !_knownAndActive(to) : !home.holders.isVerified(to)) fault = "the ineligible received";
        if (kind != 5) {
            if (kind != 4 && token.isFrozen(to)) fault = "the frozen received";
            if (units != 0 && from != to && held[to] > token.quotaOf(to)) fault = "above the quota";
        }
        if (!token.isClassAllowed(uint8(home.holders.wordOf(to) >> 16))) fault = "class";
        if (!token.isCountryAllowed(uint16(home.holders.wordOf(to)))) fault = "country";
    }

    /// Registered, not suspended, expired or superseded; sanctioned or not.
    function _knownAndActive(address account) private view returns (bool) {
        uint256 word = home.holders.wordOf(account);
        uint256 expiry = uint32(word >> 32);
        return word & (1 << 24 | 1 << 25 | 1 << 29) == (1 << 24 | 1 << 25) && (expiry == 0 || block.timestamp <= expiry);
    }

    function _balances() private view returns (uint256[] memory list) {
        list = new uint256[](everyone.length);
        for (uint256 i = 0; i < everyone.length; ++i) list[i] = token.balanceOf(everyone[i]);
    }

    /// An enforced pledge: the units of one account went to the pledgee.
    function _moveWhatMoved(uint256[] memory before, address pledgee) private {
        for (uint256 i = 0; i < everyone.length; ++i) {
            uint256 units = token.balanceOf(everyone[i]);
            if (units < before[i]) _move(0, everyone[i], pledgee, before[i] - units);
        }
    }

    mapping(address account => uint256) private frozenUnits;
    mapping(address account => uint256) private blockedUnits;
    mapping(address account => uint256) private pledgedUnits;

    /// Frozen, blocked and pledged units are never less than before, but by law or by who set them.
    function _after(bool lawful) private {
        for (uint256 i = 0; i < actors.length; ++i) {
            address a = actors[i];
            (uint256 f, uint256 b) = (token.balanceOfType(a, BLOK), token.balanceOfType(a, BLCA));
            uint256 p = token.balanceOfType(a, PLED);
            if (!lawful && (f < frozenUnits[a] || b < blockedUnits[a] || p < pledgedUnits[a])) {
                fault = "encumbered units moved";
            }
            (frozenUnits[a], blockedUnits[a], pledgedUnits[a]) = (f, b, p);
        }
    }
}

/// The security's invariants after any sequence of acts: I1, CTL-1, CTL-3, CTL-4, CTL-10, CA-5.
contract TokenInvariantsTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    TokenHandler private handler;
    ISecurity private token;
    address[] private accounts;

    function setUp() public {
        handler = new TokenHandler();
        token = handler.token();
        accounts = handler.accounts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// One invariant, so that each sequence is walked once. The handler refuses nothing: a revert in it is a fault.
    /// forge-config: default.invariant.fail-on-revert = true
    function invariant_i1_ctl_1_ctl_3_ctl_4_ctl_10_ca_5_theTokenIsAsItsPlainBookSays() public view {
        _whatIsAskedIsDoneAndNobodyIneligibleReceives();
        _balancesSumToTheSupply();
        _subBalancesSumToTheBalance();
        _holdersAreCountedExactly();
        _balancesAtEveryRecordTimeAreThoseOfTheBook();
    }

    function _whatIsAskedIsDoneAndNobodyIneligibleReceives() private view {
        vm.assertEq(handler.fault(), "", "fault");
    }

    function _balancesSumToTheSupply() private view {
        uint256 sum = 0;
        for (uint256 i = 0; i < accounts.length; ++i) {
            uint256 units = token.balanceOf(accounts[i]);
            vm.assertEq(units, handler.held(accounts[i]), "as the book has it");
            sum += units;
        }
        vm.assertEq(sum, token.totalSupply(), "sum of balances");
        vm.assertEq(
            token.issuedTotal() + handler.arrived(), token.totalSupply() + handler.departed(), "issued"
        );
    }

    function _subBalancesSumToTheBalance() private view {
        bytes4[5] memory types = [bytes4("AWAS"), "BLOK", "BLCA", "PLED", "RSTR"];
        for (uint256 i = 0; i < accounts.length; ++i) {
            uint256 sum = 0;
            for (uint256 k = 0; k < 5; ++k) sum += token.balanceOfType(accounts[i], types[k]);
            vm.assertEq(sum, token.balanceOf(accounts[i]), "sum of sub-balances");
        }
    }

    function _holdersAreCountedExactly() private view {
        bytes32[] memory holders = new bytes32[](accounts.length);
        uint256 count = 0;
        for (uint256 i = 0; i < accounts.length; ++i) {
            if (token.balanceOf(accounts[i]) == 0) continue;
            bytes32 holder = handler.registry().recordOf(accounts[i]).holder;
            bool known = false;
            for (uint256 k = 0; k < count; ++k) known = known || holders[k] == holder;
            if (!known) holders[count++] = holder;
        }
        vm.assertEq(uint256(token.policy().holderCount), count, "counted anew");
    }

    function _balancesAtEveryRecordTimeAreThoseOfTheBook() private view {
        uint64[] memory times = handler.armedTimes();
        vm.assertEq(abi.encode(times), abi.encode(token.recordTimes()), "times");
        for (uint256 k = 0; k < times.length; ++k) {
            if (times[k] >= block.timestamp) break;
            uint256 sum = 0;
            for (uint256 i = 0; i < accounts.length; ++i) {
                uint256 units = token.balanceOfAt(accounts[i], times[k]);
                vm.assertEq(units, handler.heldAt(times[k], accounts[i]), "as it was");
                sum += units;
            }
            vm.assertEq(sum, token.totalSupplyAt(times[k]), "sum of balances then");
        }
    }
}
