// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC3643} from "../interfaces/IERC3643.sol";
import {ISecurityHalf} from "../interfaces/ISecurityHalf.sol";
import {Account, AccountLib} from "./Account.sol";
import {Hot, HotLib} from "./Hot.sol";
import {Lot, Policy} from "./SecurityBase.sol";
import {Verdicts} from "./Verdicts.sol";

/// @title What encumbers units, and who holds any
/// @notice The sub-balances of an account by ISO 20022 type add up to its balance after any operation
/// (CTL-10): available (AWAS) is the balance less what is blocked (BLOK), blocked for a corporate
/// action (BLCA), pledged (PLED) and locked up (RSTR).
abstract contract Holdings is Verdicts, ISecurityHalf {
    /// @notice A quota changed: an account's, or the places of holders for the zero address.
    event QuotaChanged(address indexed account, uint256 quota);

    // ------------------------------------------------------------------ for the other half

    /// @inheritdoc ISecurityHalf
    function beforeMovement(uint8 kind, address from, address to, uint256 amount) external {
        uint8 code = _restriction(kind, from, to, amount);
        if (code != 0) revert TransferRestricted(code, from, to, amount);
        _count(from, to, amount);
    }

    /// @inheritdoc ISecurityHalf
    function countHolders(address from, address to, uint256 amount) external {
        _count(from, to, amount);
    }

    /// @inheritdoc ISecurityHalf
    function releaseLapsed(address account) external {
        _releaseLapsed(account);
    }

    /// @inheritdoc ISecurityHalf
    /// @dev Takes what is available first, then locked-up, blocked, blocked for a corporate action and
    /// pledged units, in this order.
    function seize(address account, uint256 amount) external {
        SecurityStorage storage $ = _s();
        _releaseLapsed(account);
        Account a = $.accounts[account].word;
        uint256 missing = amount > a.available() ? amount - a.available() : 0;
        missing -= _shrinkLots($, account, missing);
        bytes4[3] memory types = [BLOK, BLCA, PLED];
        for (uint256 i = 0; i < 3 && missing != 0; ++i) {
            uint64 held = $.subBalances[account][types[i]];
            uint64 taken = missing < held ? uint64(missing) : held;
            if (taken == 0) continue;
            _setSubBalance($, account, types[i], held - taken);
            missing -= taken;
        }
    }

    // ------------------------------------------------------------------ parts

    /// @dev Count holders by commitment, where their number is limited.
    function _count(address from, address to, uint256 amount) internal {
        SecurityStorage storage $ = _s();
        if (!$.hot.has(HotLib.LIMITED) || amount == 0 || from == to) return;
        if (from != address(0) && $.accounts[from].word.balance() == amount) {
            uint192 holder = _holderOf(_wordOf(from));
            if (--$.accountsOf[holder] == 0) --$.policy.holderCount;
        }
        if (to != address(0) && $.accounts[to].word.balance() == 0) {
            uint192 holder = _holderOf(_wordOf(to));
            if ($.accountsOf[holder]++ == 0) ++$.policy.holderCount;
        }
    }

    /// @dev Give an account's slot the sum of what encumbers its units, once one part has changed.
    function _setSubBalance(SecurityStorage storage $, address account, bytes4 balanceType, uint256 units) internal {
        // the supply is kept as the zero address's account: nobody's, and nothing encumbers it
        if (account == address(0)) revert UnitsUnavailable(account, units, 0);
        Account a = $.accounts[account].word;
        uint256 before = $.subBalances[account][balanceType];
        uint256 others = a.unavailable() - before;
        if (units > a.balance() - others) revert UnitsUnavailable(account, units, a.balance() - others);
        $.subBalances[account][balanceType] = uint64(units);
        $.accounts[account].word = a.withUnavailable(others + units);
        emit SubBalanceChanged(account, balanceType, units);
    }

    /// @dev Free up to `amount` units from lots, those that unlock last first.
    function _shrinkLots(SecurityStorage storage $, address account, uint256 amount) private returns (uint256 freed) {
        Lot[] storage lots = $.lots[account];
        while (freed < amount && lots.length != 0) {
            uint256 last = 0;
            for (uint256 i = 1; i < lots.length; ++i) {
                if (lots[i].until > lots[last].until) last = i;
            }
            uint64 held = lots[last].amount;
            uint64 taken = amount - freed < held ? uint64(amount - freed) : held;
            freed += taken;
            if (taken == held) _dropLot(lots, last);
            else lots[last].amount = held - taken;
        }
        if (freed != 0) _unlock(account, freed);
    }

    /// @dev Everything that an account holds and that encumbers it goes to its successor.
    function _succeed(address lost, address to, Hot hot) internal returns (uint256 units) {
        SecurityStorage storage $ = _s();
        // lock-ups that are over take no room
        _releaseLapsed(lost);
        _releaseLapsed(to);
        Account a = $.accounts[lost].word;
        Account b = $.accounts[to].word;
        units = a.balance();
        if (hot.has(HotLib.LIMITED) && units != 0 && b.balance() != 0) --$.accountsOf[_holderOf(_wordOf(to))];
        a = _noted($, lost, a, hot.passed());
        b = _noted($, to, b, hot.passed());
        b = b.plus(units).withUnavailable(a.unavailable() + b.unavailable());
        bytes4[3] memory types = [BLOK, BLCA, PLED];
        for (uint256 i = 0; i < 3; ++i) {
            uint64 held = $.subBalances[lost][types[i]];
            if (held == 0) continue;
            delete $.subBalances[lost][types[i]];
            $.subBalances[to][types[i]] += held;
            emit SubBalanceChanged(lost, types[i], 0);
            emit SubBalanceChanged(to, types[i], $.subBalances[to][types[i]]);
        }
        b = _succeedLots($, lost, to, b);
        if (a.has(AccountLib.FROZEN)) {
            // it goes over, so that a second call cannot lay it on the successor again
            a = a.withFlag(AccountLib.FROZEN, false);
            b = b.withFlag(AccountLib.FROZEN, true);
            emit IERC3643.AddressFrozen(lost, false, msg.sender);
            emit IERC3643.AddressFrozen(to, true, msg.sender);
        }
        if (a.has(AccountLib.OWN_QUOTA)) {
            uint256 quota = _mergedQuota($, lost, to, b);
            (a, b) = (a.withFlag(AccountLib.OWN_QUOTA, false), b.withFlag(AccountLib.OWN_QUOTA, true));
            $.quotas[lost] = 0;
            $.quotas[to] = uint64(quota);
            emit QuotaChanged(to, quota);
        }
        // the verdict that was cached is the former record's
        $.accounts[lost].word = a.minus(units).withUnavailable(0).withFlag(AccountLib.LOTS, false).withVerdict(0, 0, 0);
        $.accounts[to].word = b.withVerdict(0, 0, 0);
    }

    /// @dev The quota of a former account and its successor's, which began with the ledger's share too:
    /// together they have it once.
    function _mergedQuota(
        SecurityStorage storage $,
        address lost,
        address to,
        Account b
    ) private view returns (uint256 quota) {
        quota = $.quotas[lost];
        if (!b.has(AccountLib.OWN_QUOTA)) return quota;
        quota += $.quotas[to];
        uint256 twice = _wordOf(to) & ADDITIONAL == 0 ? $.policy.holdingCap : 0;
        quota = quota > twice ? quota - twice : 0;
        if (quota > type(uint64).max) quota = type(uint64).max;
    }

    function _succeedLots(SecurityStorage storage $, address lost, address to, Account b) private returns (Account) {
        Lot[] storage lots = $.lots[lost];
        uint256 count = lots.length;
        if (count == 0) return b;
        if (count + $.lots[to].length > MOST_LOTS) revert TooManyLots(to);
        for (uint256 i = 0; i < count; ++i) $.lots[to].push(lots[i]);
        delete $.lots[lost];
        b = b.withFlag(AccountLib.LOTS, true);
        (uint256 inLots, ) = _lotsOf($, to, b);
        emit SubBalanceChanged(lost, RSTR, 0);
        emit SubBalanceChanged(to, RSTR, inLots);
        return b;
    }
}
