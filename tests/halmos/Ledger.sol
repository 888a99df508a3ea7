// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {ISecurityHalf} from "../../contracts/interfaces/ISecurityHalf.sol";
import {Account, AccountLib} from "../../contracts/token/Account.sol";
import {Hot, HotLib} from "../../contracts/token/Hot.sol";
import {SecurityBase} from "../../contracts/token/SecurityBase.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityTokenExtension} from "../../contracts/token/SecurityTokenExtension.sol";
import {SecurityTokenReadings} from "../../contracts/token/SecurityTokenReadings.sol";

/// The cheat codes of halmos that the checks use: its own, and those that it shares with forge.
interface Svm {
    function enableSymbolicStorage(address account) external;
    function createUint256(string calldata name) external view returns (uint256);
    function assume(bool condition) external pure;
    function warp(uint256 time) external;
    function prank(address caller) external;
    function startPrank(address caller) external;
    function stopPrank() external;
}

/// The parts of an account's word that the token only ever compares as one.
library Cached {
    function epoch(Account a) internal pure returns (uint256) {
        return (Account.unwrap(a) >> 192) & 0xffffff;
    }

    function lapseDay(Account a) internal pure returns (uint256) {
        return (Account.unwrap(a) >> 216) & 0xffff;
    }
}

/// A register of which nothing is known: its storage is symbolic. Orders add sanction and freeze to what
/// is recorded of an account, where any stands.
contract AnyRegister {
    uint256 private constant ORDERS = 1 << 26 | 1 << 30;

    uint256 private _standing;
    mapping(address account => uint256) public wordAsRecorded;
    mapping(address account => uint256) private _orders;
    mapping(address account => address) public currentOf;
    mapping(address account => address) private _successors;
    mapping(address account => uint64) private _since;

    function wordOf(address account) external view returns (uint256) {
        // no branch: each would double the paths
        return wordAsRecorded[account] | (_orders[account] & ORDERS & _standing);
    }

    function ordersStand() external view returns (bool) {
        return _standing != 0;
    }

    function successorOf(address account) external view returns (address, uint64) {
        return (_successors[account], _since[account]);
    }
}

/// Everybody holds every role: what holds then, holds whoever has which.
contract AnyRoles {
    function hasRole(uint64, address) external pure returns (bool, uint32) {
        return (true, 0);
    }
}

/// In place of the other half of the code: any verdict, and any encumbrance that fits the balance. What
/// is proved with it holds whatever the rules say and the lists of lots and blocks hold.
contract AnyHalf is SecurityBase, ISecurityHalf {
    Svm private constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

    constructor(address authority_, address approvals_, address register_)
        SecurityBase(register_)
        Authorised(authority_, approvals_)
    {}

    function restrictionOf(uint8, address, address, uint256) external view returns (uint8) {
        return uint8(svm.createUint256("verdict"));
    }

    function beforeMovement(uint8, address, address, uint256) external view {
        require(svm.createUint256("allowed") != 0);
    }

    function countHolders(address, address, uint256) external {}

    function releaseLapsed(address account) external {
        _encumber(account);
    }

    function seize(address account, uint256) external {
        _encumber(account);
    }

    function _encumber(address account) private {
        Account a = _s().accounts[account].word;
        uint256 units = svm.createUint256("unavailable");
        require(units <= a.balance());
        _s().accounts[account].word = a.withUnavailable(units);
    }
}

/// The token's code without its proxy, and a look into its storage.
contract TokenUnderCheck is SecurityToken {
    using Cached for Account;

    constructor(
        address authority_,
        address approvals_,
        address holderRegistry_,
        address bridge_,
        address extension_
    ) SecurityToken(authority_, approvals_, holderRegistry_, bridge_, extension_) {}

    function wordAt(address account) external view returns (Account) {
        return _s().accounts[account].word;
    }

    function hot() external view returns (Hot) {
        return _s().hot;
    }

    function minimumLot() external view returns (uint256) {
        return _s().policy.minimumLot;
    }

    /// Zero when the token's lists are empty.
    function entries(address a, address b) external view returns (uint256) {
        SecurityStorage storage $ = _s();
        return $.recordTimes.length | $.blackouts.length | $.modules.length | $.lots[a].length | $.lots[b].length;
    }

    /// Epoch of the verdicts that count: the register's and the token's changes together, 23 bits, and
    /// above them whether orders stand. Zero where none counts. Written apart from the code under check.
    function epochNow() external view returns (uint256) {
        uint256 told = this.policyEpoch();
        uint256 changes = (told & 0x7fffffff) + _s().hot.policy();
        if (told == 0 || changes > 0x7fffff) return 0;
        return changes | ((told >> 31) << 23);
    }

    /// Whether a verdict that counts for an account is the one that the register and the rules give.
    function isCoherent(address account) external view returns (bool) {
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        Hot hot_ = $.hot;
        uint256 epoch = this.epochNow();
        if (a.epoch() != epoch || epoch == 0) return true;
        uint256 word = _wordOf(account);
        uint256 day = uint32(word >> 32) == 0 ? type(uint16).max : uint32(word >> 32) / 1 days;
        uint256 standing = KNOWN | ACTIVE | SANCTIONED | SUPERSEDED | FROZEN_BY_ORDER;
        return word & standing == (KNOWN | ACTIVE) && a.lapseDay() == day
            && _inClasses($.policy.classes, uint8(word >> 16)) && !_inClasses($.policy.pausedClasses, uint8(word >> 16))
            && _isCountryAllowed($, uint16(word), hot_.has(HotLib.DENY_LIST))
            && a.quota() == _quotaOf($, account, a, word, hot_, $.policy.holdingCap);
    }
}

/// A token in any state, between any two accounts in any state.
abstract contract Ledger {
    using Cached for Account;

    Svm internal constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);
    Svm internal constant vm = Svm(address(uint160(uint256(keccak256("hevm cheat code")))));

    address internal constant FROM = address(0xA11CE);
    address internal constant TO = address(0xB0B);
    address internal constant BRIDGE = address(0xB41D6E);
    address internal constant APPROVALS = address(0xACC);
    address internal constant ACTIONS = address(0xAC7);
    address internal constant QUOTAS = address(0x90A);
    address internal constant KERNEL = address(0x4E1);

    TokenUnderCheck internal token;
    AnyRegister internal register;
    SecurityTokenExtension internal views;

    /// Whether the real rules run, or `AnyHalf` in their place.
    function _withRules() internal pure virtual returns (bool) {
        return false;
    }

    function setUp() public {
        vm.warp(1_803_888_000);
        register = new AnyRegister();
        address roles = address(new AnyRoles());
        token = new TokenUnderCheck(roles, APPROVALS, address(register), BRIDGE, _half(roles));
        views = SecurityTokenExtension(payable(address(token)));
        svm.enableSymbolicStorage(address(token));
        svm.enableSymbolicStorage(address(register));
    }

    function _half(address roles) private returns (address) {
        if (!_withRules()) return address(new AnyHalf(roles, APPROVALS, address(register)));
        address readings = address(new SecurityTokenReadings(roles, APPROVALS, KERNEL, address(register), ACTIONS));
        return address(new SecurityTokenExtension(roles, APPROVALS, address(register), ACTIONS, QUOTAS, readings));
    }

    /// What is so in every state that the contracts reach, as far as one movement needs it. The token's
    /// lists are empty: halmos unrolls them, and each entry doubles the paths.
    function _assumeReachable() internal view {
        vm.assume(token.entries(FROM, TO) == 0);
        Account supply = token.wordAt(address(0));
        (Account a, Account b) = (token.wordAt(FROM), token.wordAt(TO));
        vm.assume(Account.unwrap(supply) >> 64 == 0);
        vm.assume(supply.balance() >= a.balance() + b.balance());
        vm.assume(a.unavailable() <= a.balance());
        vm.assume(b.unavailable() <= b.balance());
        vm.assume(Account.unwrap(a) >> 250 & 1 == 0);
        vm.assume(Account.unwrap(b) >> 250 & 1 == 0);
        uint256 told = token.policyEpoch();
        vm.assume(told <= type(uint32).max);
        // the register tells of the first order in the call that gives it
        vm.assume(!register.ordersStand() || told == 0 || told >= 2 ** 31);
    }

    /// Both accounts have moved since the last record time, and none has passed since: what a first
    /// movement after one notes is proved apart. The list is empty, so that none has ever passed.
    function _assumeNoted() internal view {
        Hot hot = token.hot();
        vm.assume(hot.nextRecordTime() == 0);
        vm.assume(hot.passed() == 0);
        vm.assume(token.wordAt(FROM).recordIndex() == 0);
        vm.assume(token.wordAt(TO).recordIndex() == 0);
    }

    /// Registrations without expiry, an allow list, no cap: they decide whether a movement passes, not
    /// what it moves. Everything else about accounts, register and rules is open.
    function _assumePlain() internal view {
        vm.assume(Hot.unwrap(token.hot()) >> 240 & (HotLib.CAPPED | HotLib.DENY_LIST) == 0);
        vm.assume(register.wordOf(FROM) >> 32 & type(uint32).max == 0);
        vm.assume(register.wordOf(TO) >> 32 & type(uint32).max == 0);
    }

    /// The account has a verdict that counts, so that the register is not asked.
    function _assumeFresh(address account) internal view {
        uint256 epoch = token.epochNow();
        vm.assume(epoch != 0);
        Account a = token.wordAt(account);
        vm.assume(a.epoch() == epoch);
        vm.assume(a.lapseDay() > block.timestamp / 1 days);
        vm.assume(Account.unwrap(a) >> 248 & AccountLib.FROZEN == 0);
    }

    /// No pause, no stop, none of the rules that are looked up before each movement.
    function _assumeSimple() internal view {
        vm.assume(Hot.unwrap(token.hot()) >> 240 & HotLib.LOOK_CLOSER == 0);
    }

    function _one(address account) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }

    function _one(uint256 amount) internal pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = amount;
    }
}
