// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Message} from "../../contracts/interfaces/IGateway.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {Chain} from "./World.sol";
import {QuotaWorld} from "./QuotaWorld.sol";

/// Few actors on two ledgers who move units, quotas and places, each lane delivered when it likes.
contract QuotaHandler is QuotaWorld {
    address[] public actors;

    // sent and not executed: on their way, or parked
    Message[] private open;
    // executed, the last of each lane: they may come once more
    mapping(bytes32 lane => Message) private last;

    /// Times that something happened, by what it was: an invariant that holds because nothing moves
    /// would show nothing.
    mapping(bytes32 what => uint256) public times;
    string public fault;

    constructor() {
        _setUpQuotas();
        // known on one ledger alone, until it is onboarded on the other
        _onboard(peer, _address("late"), "late", GERMANY, RETAIL, address(0));
        actors = [holderDe, secondDe, holderFr, omnibus, _address("late"), stranger];
        for (uint256 i = 0; i < 4; ++i) _issueTo(actors[i], 20);
    }

    // ---------------------------------------------------------------- units

    /// The verdict is what this ledger's own state says, whatever is under way elsewhere.
    function transfer(bool away, uint8 from, uint8 to, uint8 amount) external {
        Chain memory c = _chain(away);
        ISecurity token = _tokenOn(c);
        (address a, address b) = (_who(from), _who(to));
        uint256 units = uint256(amount) % (token.balanceOf(a) + 2);
        bool expected = _mayTransfer(c, a, b, units);
        uint256 sent = _sentOf(c);
        bool done = _try(c, a, address(token), abi.encodeCall(token.transfer, (b, units)));
        if (done != expected) fault = "a transfer depends on more than its own ledger";
        if (_sentOf(c) != sent) fault = "a transfer sent a message";
        if (done && units != 0) ++times["transfer"];
        if (!done && units <= token.balanceOf(a)) ++times["transfer refused"];
    }

    function issue(uint8 to, uint8 amount) external {
        _issueTo(_who(to), amount % 40 + 1);
    }

    function move(bool away, uint8 from, uint8 to, uint8 amount) external {
        Chain memory c = _chain(away);
        ISecurity token = _tokenOn(c);
        address a = _who(from);
        uint256 units = uint256(amount) % (token.balanceOf(a) + 1) + 1;
        bytes memory call = abi.encodeCall(
            c.bridge.move, (address(token), _chain(!away).id, _raw(_who(to)), units, 0)
        );
        if (_dispatch(c, a, address(c.bridge), call)) ++times["move"];
    }

    // ---------------------------------------------------------------- limits

    function moveQuota(bool away, uint8 from, uint8 to, uint8 amount, bool stays) external {
        Chain memory c = _chain(away);
        address a = _who(from);
        uint64 units = amount % (stays ? CAP / 4 : CAP + 3);
        // mostly to the same holder: on the same ledger to the other account of the first one
        address b = stays ? _who((from % uint8(actors.length)) ^ 1) : to % 4 == 0 ? _who(to >> 2) : a;
        bytes memory call = abi.encodeCall(
            c.quotas.moveQuota, (address(_tokenOn(c)), a, _chain(stays ? away : !away).id, _raw(b), units)
        );
        if (!_dispatch(c, amount % 2 == 0 ? a : transferAgent, address(c.quotas), call)) return;
        ++times[stays ? bytes32("quota stays") : bytes32("quota")];
    }

    function movePlaces(bool away, uint8 places) external {
        Chain memory c = _chain(away);
        bytes memory call = abi.encodeCall(
            c.quotas.movePlaces, (address(_tokenOn(c)), _chain(!away).id, places % (LIMIT + 2))
        );
        if (_dispatch(c, transferAgent, address(c.quotas), call)) ++times["places"];
    }

    // ---------------------------------------------------------------- messages

    /// The next message of one lane, or its last one once more.
    function deliver(bool away, bool quotaLane, bool again) external {
        Chain memory c = _chain(away);
        uint8 purpose = quotaLane ? 4 : 1;
        Message memory once = last[_lane(c, purpose)];
        if (again && once.nonce != 0) {
            _deliver(c, _only(once));
            ++times["delivered again"];
        }
        if (again) return;
        uint64 next = c.gateway.inboundNonce(_chain(!away).id, purpose) + 1;
        for (uint256 i = 0; i < open.length; ++i) {
            Message memory message = open[i];
            if (message.destination != c.id || message.purpose != purpose || message.nonce != next) continue;
            if (_isOvertaking(message, i)) ++times["overtaken"];
            _deliver(c, _only(message));
            ++times["delivered"];
            if (!_close(i)) ++times[quotaLane ? bytes32("quota parked") : bytes32("units parked")];
            return;
        }
    }

    /// Some parked message that can be carried out by now, if there is one among a few.
    function retry(uint8 which) external {
        uint256 tries = open.length < 8 ? open.length : 8;
        for (uint256 i = 0; i < tries; ++i) {
            uint256 place = (uint256(which) + i) % open.length;
            Message memory message = open[place];
            Chain memory c = _chain(message.destination == peer.id);
            bytes memory call = abi.encodeCall(c.gateway.retry, (message));
            if (!_try(c, relayer, address(c.gateway), call)) continue;
            ++times[message.purpose == 4 ? bytes32("quota retried") : bytes32("units retried")];
            if (!_close(place)) fault = "carried out, and parked still";
            return;
        }
    }

    function onboardLate(uint8 when) external {
        address late = actors[4];
        if (when % 32 != 0 || home.holders.contains(late)) return;
        _on(home);
        _onboard(home, late, "late", GERMANY, RETAIL, address(0));
        ++times["onboarded"];
    }

    // ---------------------------------------------------------------- what is asked

    function countOfActors() external view returns (uint256) {
        return actors.length;
    }

    /// The limits of all ledgers and what is under way between them, for one holder or for places.
    /// @param holder commitment; zero for places
    function quotaOverAll(bytes32 holder) external view returns (uint256 sum) {
        for (uint256 i = 0; i < open.length; ++i) {
            if (open[i].purpose != 4) continue;
            (, , bytes24 of_, , uint64 amount) =
                abi.decode(open[i].payload, (bytes32, uint8, bytes24, bytes, uint64));
            if (of_ == bytes24(holder)) sum += amount;
        }
        if (holder == 0) return sum + homeToken.policy().holderLimit + peerToken.policy().holderLimit;
        for (uint256 i = 0; i < actors.length; ++i) {
            if (holderOfActor(i) == holder) sum += homeToken.quotaOf(actors[i]) + peerToken.quotaOf(actors[i]);
        }
    }

    function holdingsOf(bytes32 holder) public view returns (uint256 here, uint256 there) {
        for (uint256 i = 0; i < actors.length; ++i) {
            if (holderOfActor(i) != holder) continue;
            here += homeToken.balanceOf(actors[i]);
            there += peerToken.balanceOf(actors[i]);
        }
    }

    function holderOfActor(uint256 i) public view returns (bytes32) {
        return peer.holders.recordOf(actors[i]).holder;
    }

    /// Holders with units: here, there, and anywhere.
    function holdersCounted() external view returns (uint256 here, uint256 there, uint256 anywhere) {
        for (uint256 i = 0; i < actors.length; ++i) {
            if (i == 1) continue; // the first one's
            (uint256 a, uint256 b) = holdingsOf(holderOfActor(i));
            if (a != 0) ++here;
            if (b != 0) ++there;
            if (a + b != 0) ++anywhere;
        }
    }

    function tokens() external view returns (ISecurity, ISecurity) {
        return (homeToken, peerToken);
    }

    // ---------------------------------------------------------------- parts

    function _mayTransfer(Chain memory c, address a, address b, uint256 units) private view returns (bool) {
        ISecurity token = _tokenOn(c);
        if (!c.holders.contains(a) || !c.holders.contains(b) || units > token.balanceOf(a)) return false;
        if (a == b || units == 0) return true;
        if (token.balanceOf(b) + units > token.quotaOf(b)) return false;
        (bytes32 from, bytes32 to) = (c.holders.recordOf(a).holder, c.holders.recordOf(b).holder);
        if (from == to || _holds(c, to) != 0) return true;
        uint256 leaves = _holds(c, from) == units ? 1 : 0;
        return token.policy().holderCount - leaves < token.policy().holderLimit;
    }

    function _holds(Chain memory c, bytes32 holder) private view returns (uint256) {
        (uint256 here, uint256 there) = holdingsOf(holder);
        return c.id == home.id ? here : there;
    }

    function _issueTo(address account, uint256 units) private {
        bytes memory call = abi.encodeCall(homeToken.mint, (account, units));
        _try(home, transferAgent, address(homeToken), call);
    }

    /// Take a message off the list if the gateway says that it was executed.
    function _close(uint256 place) private returns (bool executed) {
        Message memory message = open[place];
        Chain memory c = _chain(message.destination == peer.id);
        executed = message.nonce <= c.gateway.inboundNonce(message.source, message.purpose)
            && !_isParked(c, c.gateway.messageId(message));
        if (!executed) return false;
        last[_lane(c, message.purpose)] = message;
        // in the order in which they were sent
        for (uint256 i = place; i + 1 < open.length; ++i) open[i] = open[i + 1];
        open.pop();
    }

    function _lane(Chain memory c, uint8 purpose) private pure returns (bytes32) {
        return keccak256(abi.encode(c.id, purpose));
    }

    /// Whether a message of the other lane that left earlier is still on its way.
    function _isOvertaking(Message memory message, uint256 before) private view returns (bool) {
        for (uint256 i = 0; i < before; ++i) {
            if (open[i].destination == message.destination && open[i].purpose != message.purpose) return true;
        }
        return false;
    }

    function _sentOf(Chain memory c) private view returns (uint256) {
        uint256 other = _chain(c.id == home.id).id;
        return uint256(c.gateway.outboundNonce(other, 1)) + c.gateway.outboundNonce(other, 4);
    }

    /// A call that may send a message: it is kept until it is delivered.
    function _dispatch(Chain memory c, address by, address target, bytes memory call) private returns (bool done) {
        vm.recordLogs();
        done = _try(c, by, target, call);
        Message[] memory sent = _sent(c);
        for (uint256 i = 0; i < sent.length; ++i) open.push(sent[i]);
    }

    function _try(Chain memory c, address by, address target, bytes memory call) private returns (bool done) {
        _on(c);
        vm.prank(by);
        (done, ) = target.call(call);
    }

    function _chain(bool away) private view returns (Chain memory) {
        return away ? peer : home;
    }

    function _who(uint8 number) private view returns (address) {
        return actors[number % actors.length];
    }
}

/// CTL-4, caps over all chains: what the shares of the two ledgers and what is on its way add up to.
contract QuotaInvariantsTest is QuotaWorld {
    QuotaHandler private handler;

    function setUp() public {
        handler = new QuotaHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_ctl_4_capsOverAllChains_quotasHoldingsAndHoldersStayWithinTheTerms() public view {
        _quotasAddUpToTheCapOfTheTerms();
        _nobodyHoldsMoreThanTheCap();
        _thereAreNoMoreHoldersThanTheLimit();
        // no transfer asked for more than its own ledger knows, or sent a message
        vm.assertEq(handler.fault(), "", "fault");
    }

    /// One long walk, in which everything that the invariant speaks of did happen.
    function test_ctl_4_capsOverAllChains_aLongWalkMeetsEveryCase() public {
        for (uint256 i = 0; i < 1500; ++i) {
            _step(uint256(keccak256(abi.encode("walk", i))));
            if (i == 900) handler.onboardLate(0);
            if (i % 50 == 0) invariant_ctl_4_capsOverAllChains_quotasHoldingsAndHoldersStayWithinTheTerms();
        }
        bytes32[14] memory all = [
            bytes32("transfer"), "transfer refused", "move", "quota", "quota stays", "places", "delivered",
            "delivered again", "overtaken", "units parked", "quota parked", "units retried", "quota retried",
            "onboarded"
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            vm.assertTrue(handler.times(all[i]) != 0, string(abi.encodePacked(all[i])));
        }
    }

    function _quotasAddUpToTheCapOfTheTerms() private view {
        for (uint256 i = 0; i < handler.countOfActors() - 1; ++i) {
            vm.assertEq(handler.quotaOverAll(handler.holderOfActor(i)), CAP, "quotas and those on their way");
        }
    }

    function _nobodyHoldsMoreThanTheCap() private view {
        (ISecurity here, ISecurity there) = handler.tokens();
        for (uint256 i = 0; i < handler.countOfActors() - 1; ++i) {
            address account = handler.actors(i);
            vm.assertTrue(here.balanceOf(account) <= here.quotaOf(account), "here");
            vm.assertTrue(there.balanceOf(account) <= there.quotaOf(account), "there");
            (uint256 a, uint256 b) = handler.holdingsOf(handler.holderOfActor(i));
            vm.assertTrue(a + b <= CAP, "over all ledgers");
        }
    }

    function _thereAreNoMoreHoldersThanTheLimit() private view {
        vm.assertEq(handler.quotaOverAll(0), LIMIT, "places and those on their way");
        (ISecurity here, ISecurity there) = handler.tokens();
        (uint256 a, uint256 b, uint256 anywhere) = handler.holdersCounted();
        vm.assertEq(here.policy().holderCount, a, "counted here");
        vm.assertEq(there.policy().holderCount, b, "counted there");
        vm.assertTrue(a <= here.policy().holderLimit, "here");
        vm.assertTrue(b <= there.policy().holderLimit, "there");
        vm.assertTrue(anywhere <= a + b && a + b <= LIMIT, "over all ledgers");
    }

    function _step(uint256 r) private {
        (bool a, bool b, bool c) = (r & 1 != 0, r & 2 != 0, r & 4 != 0);
        (uint8 x, uint8 y, uint8 z) = (uint8(r >> 8), uint8(r >> 16), uint8(r >> 24));
        uint256 what = (r >> 32) % 16;
        if (what < 3) handler.transfer(a, x, y, z);
        else if (what < 4) handler.issue(x, y);
        else if (what < 6) handler.move(a, x, y, z);
        else if (what < 8) handler.moveQuota(a, x, y, z, b && c);
        else if (what < 9) handler.movePlaces(a, x);
        else if (what < 13) handler.deliver(a, b, c && x % 4 == 0);
        else if (what < 15) handler.retry(x);
        // to the ledger that does not know the holder before the 900th step
        else handler.moveQuota(true, 4, 1, z, false);
    }
}
