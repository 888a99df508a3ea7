// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRuleModule} from "../interfaces/IRuleModule.sol";
import {Account, AccountLib} from "./Account.sol";
import {Hot, HotLib} from "./Hot.sol";
import {LockUps} from "./LockUps.sol";
import {Restrictions} from "./Restrictions.sol";
import {Blackout, Policy} from "./SecurityBase.sol";

/// @title The verdict of a security's rules, in full
/// @notice The same function as `paripassu.rules.verdict`, rule by rule in the order of their codes, so
/// that the first that refuses gives the lowest code (CTL-2, CTL-3).
abstract contract Verdicts is LockUps {
    uint256 private constant MODULE_GAS = 100_000;

    /// @dev One movement, with what its rules need to know.
    struct Movement {
        uint8 kind;
        address from;
        address to;
        uint256 amount;
        bool delivers;
        bool receives;
        Account source;
        Account target;
        uint256 sourceWord;
        uint256 targetWord;
        Hot hot;
        Policy policy;
    }

    function _restriction(uint8 kind, address from, address to, uint256 amount) internal view returns (uint8 code) {
        SecurityStorage storage $ = _s();
        // memory is zero
        // slither-disable-next-line uninitialized-local
        Movement memory m;
        (m.kind, m.from, m.to, m.amount) = (kind, from, to, amount);
        m.delivers = _isOneOf(kind, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6);
        m.receives = kind != Restrictions.REDEEM && kind != Restrictions.BRIDGE_OUT;
        m.hot = $.hot;
        m.policy = $.policy;
        if (m.delivers || kind == Restrictions.FORCED) m.source = $.accounts[from].word;
        if (m.delivers) m.sourceWord = _wordOf(from);
        if (m.receives) {
            m.target = $.accounts[to].word;
            m.targetWord = _wordOf(to);
        }
        code = _ofToken($, m);
        if (code == 0 && m.delivers) code = _ofStanding(m.sourceWord, m.source, Restrictions.SENDER_UNKNOWN, true);
        if (code == 0 && m.receives) code = _ofRecipient($, m);
        if (code == 0 && kind == Restrictions.FORCED && (from == address(0) || amount > m.source.balance())) {
            code = Restrictions.INSUFFICIENT_BALANCE;
        }
        if (code == 0 && m.delivers) code = _ofUnits($, m);
        if (code == 0 && m.delivers && m.sourceWord & SANCTIONED != 0) code = Restrictions.SENDER_SANCTIONED;
        // units that arrive from another ledger land, and are blocked where they are
        if (code == 0 && m.receives && kind != Restrictions.BRIDGE_IN && m.targetWord & SANCTIONED != 0) {
            code = Restrictions.RECIPIENT_SANCTIONED;
        }
        if (code == 0) code = _ofLimits($, m);
    }

    /// @dev Codes 1: pauses and the emergency stop.
    function _ofToken(SecurityStorage storage $, Movement memory m) private view returns (uint8) {
        if (!m.hot.has(HotLib.PAUSED | HotLib.STOPPED)) return 0;
        bool stopped = m.hot.has(HotLib.STOPPED) && block.timestamp <= $.stoppedUntil;
        bool halted = m.kind == Restrictions.REDEEM
            ? stopped
            : (stopped || m.hot.has(HotLib.PAUSED)) && _isOneOf(m.kind, 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6);
        return halted ? Restrictions.TOKEN_PAUSED : 0;
    }

    /// @dev Codes 2 to 4, or 5 to 7: unknown, inactive, frozen.
    function _ofStanding(uint256 word, Account a, uint8 first, bool frozenCounts) private view returns (uint8) {
        if (word & (KNOWN | SUPERSEDED) != KNOWN) return first;
        if (word & ACTIVE == 0 || _hasExpired(word)) return first + 1;
        return frozenCounts && (a.has(AccountLib.FROZEN) || word & FROZEN_BY_ORDER != 0) ? first + 2 : 0;
    }

    /// @dev Codes 5 to 9.
    function _ofRecipient(SecurityStorage storage $, Movement memory m) private view returns (uint8 code) {
        code = _ofStanding(
            m.targetWord, m.target, Restrictions.RECIPIENT_UNKNOWN, !_isOneOf(m.kind, 1 << 4 | 1 << 5)
        );
        if (code != 0 || m.kind == Restrictions.PAYOUT) return code;
        if (!_isCountryAllowed($, uint16(m.targetWord), m.hot.has(HotLib.DENY_LIST))) {
            return Restrictions.RECIPIENT_COUNTRY;
        }
        if (!_inClasses(m.policy.classes, uint8(m.targetWord >> 16))) return Restrictions.RECIPIENT_CLASS;
    }

    /// @dev Codes 10 to 12: are the units there, and may they move?
    function _ofUnits(SecurityStorage storage $, Movement memory m) private view returns (uint8) {
        uint256 balance = m.source.balance();
        if (m.amount > balance) return Restrictions.INSUFFICIENT_BALANCE;
        if (m.amount <= m.source.available()) return 0;
        (uint256 inLots, uint256 lapsed) = _lotsOf($, m.from, m.source);
        uint256 blocked = m.source.unavailable() - inLots;
        if (m.amount > balance - blocked) return Restrictions.UNITS_BLOCKED;
        return m.amount > balance - blocked - (inLots - lapsed) ? Restrictions.UNITS_LOCKED : 0;
    }

    /// @dev Codes 15 to 21.
    function _ofLimits(SecurityStorage storage $, Movement memory m) private view returns (uint8) {
        if (_isOneOf(m.kind, 1 << 0 | 1 << 1 | 1 << 4)) {
            if (m.from != m.to && m.amount != 0) {
                uint256 quota = _quotaOf($, m.to, m.target, m.targetWord, m.hot, m.policy.holdingCap);
                if (m.amount > quota || m.target.balance() > quota - m.amount) return Restrictions.HOLDING_CAP;
            }
            if (m.hot.has(HotLib.LIMITED) && _wouldBeTooMany($, m)) return Restrictions.HOLDER_COUNT;
        }
        if (
            (m.kind == Restrictions.TRANSFER || m.kind == Restrictions.BRIDGE_OUT) && m.amount != 0
                && m.amount < m.policy.minimumLot && m.amount != m.source.balance()
        ) return Restrictions.MINIMUM_LOT;
        if (!m.hot.has(HotLib.COMPLEX) && m.policy.pausedClasses == 0) return 0;
        if (_isOneOf(m.kind, 1 << 0 | 1 << 3 | 1 << 6) && _inBlackout($)) return Restrictions.BLACKOUT;
        if (!_isOneOf(m.kind, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6)) return 0;
        uint256 paused = m.policy.pausedClasses;
        if (
            (m.delivers && _inClasses(paused, uint8(m.sourceWord >> 16)))
                || (m.receives && _inClasses(paused, uint8(m.targetWord >> 16)))
        ) return Restrictions.INVENTORY_PAUSED;
        return _ofModules($, m);
    }

    function _inBlackout(SecurityStorage storage $) private view returns (bool) {
        for (uint256 i = 0; i < $.blackouts.length; ++i) {
            Blackout memory window = $.blackouts[i];
            if (window.from <= block.timestamp && block.timestamp < window.until) return true;
        }
        return false;
    }

    /// @dev Codes 20 and 21. Anything but a clear answer refuses (CTL-9).
    function _ofModules(SecurityStorage storage $, Movement memory m) private view returns (uint8 code) {
        bytes memory question = abi.encodeCall(IRuleModule.isAllowed, (m.kind, m.from, m.to, m.amount));
        for (uint256 i = 0; i < $.modules.length; ++i) {
            address module = $.modules[i];
            uint256 answer = 2;
            assembly ("memory-safe") {
                // only one word is copied back, so a long answer costs nothing
                let success := staticcall(MODULE_GAS, module, add(question, 32), mload(question), 0, 32)
                if and(success, eq(returndatasize(), 32)) { answer := mload(0) }
            }
            if (answer > 1) code = Restrictions.MODULE_UNAVAILABLE;
            else if (answer == 0) return Restrictions.MODULE_REFUSED;
        }
    }

    /// @dev Whether the movement would make more holders than there may be.
    function _wouldBeTooMany(SecurityStorage storage $, Movement memory m) private view returns (bool) {
        if (m.amount == 0 || m.from == m.to || $.accountsOf[_holderOf(m.targetWord)] != 0) return false;
        uint256 holders = m.policy.holderCount;
        if (m.delivers && _leaves($, m.sourceWord, m.source, m.amount)) --holders;
        return holders >= m.policy.holderLimit;
    }

    /// @dev Whether the holder has no units left here once these are gone.
    function _leaves(
        SecurityStorage storage $,
        uint256 word,
        Account source,
        uint256 amount
    ) internal view returns (bool) {
        return amount == source.balance() && $.accountsOf[_holderOf(word)] == 1;
    }

    /// @dev Whether a kind is in a set, bit by bit.
    function _isOneOf(uint8 kind, uint256 kinds) internal pure returns (bool) {
        return (kinds >> kind) & 1 != 0;
    }
}
