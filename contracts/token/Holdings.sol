// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC3643} from "../interfaces/IERC3643.sol";
import {ISecurityHalf} from "../interfaces/ISecurityHalf.sol";
import {Account, AccountLib} from "./Account.sol";
import {Hot, HotLib} from "./Hot.sol";
import {LockUp, Lot, Policy} from "./SecurityBase.sol";
import {Verdicts} from "./Verdicts.sol";

/// @title What encumbers units, and who holds any
/// @notice The sub-balances of an account by ISO 20022 type add up to its balance after any operation
/// (CTL-10): available (AWAS) is the balance less what is blocked (BLOK), blocked for a corporate
/// action (BLCA), pledged (PLED) and locked up (RSTR).
abstract contract Holdings is Verdicts, ISecurityHalf {
    /// @notice Units of an account changed their ISO 20022 balance type.
    /// @param total units of the type afterwards
    event SubBalanceChanged(address indexed account, bytes4 indexed balanceType, uint256 total);

    /// @notice Units of an account were locked up, here or before they arrived here (MOV-8).
    event LockedUp(address indexed account, uint64 amount, uint64 until, uint64 since, bytes32 path);

    /// @notice A quota changed: an account's, or the places of holders for the zero address.
    event QuotaChanged(address indexed account, uint256 quota);

    /// @notice Fewer units are available than an act needs.
    error UnitsUnavailable(address account, uint256 amount, uint256 available);

    /// @notice No more lock-ups fit an account, or a movement.
    error TooManyLots(address account);

    /// @notice So many units more of the account would have to be locked up until then.
    error LockUpUnknown(address account, uint64 until, uint256 missing);

    /// @notice Units that are locked up stay with their holder; the account is another's.
    error LockedForAnother(address account);

    uint256 private constant MOST_LOTS = 16;

    /// @dev So many land within the gas that the gateway gives a message.
    uint256 private constant MOST_TRAVELLING = 8;

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

    /// @inheritdoc ISecurityHalf
    function takeLots(
        address account,
        uint256 amount,
        LockUp[] calldata wanted
    ) external returns (uint192 holder, Lot[] memory taken) {
        _releaseLapsed(account);
        taken = new Lot[](MOST_TRAVELLING);
        uint256 count = 0;
        uint256 freed = 0;
        for (uint256 i = 0; i < wanted.length; ++i) {
            freed += wanted[i].amount;
            count = _takeFrom(account, wanted[i], taken, count);
        }
        assembly ("memory-safe") {
            mstore(taken, count)
        }
        if (freed > amount) revert UnitsUnavailable(account, freed, amount);
        _unlock(account, freed);
        return (_holderOf(_wordOf(account)), taken);
    }

    /// @inheritdoc ISecurityHalf
    /// @dev A lock-up that ended on the way is over.
    function land(
        address named,
        address account,
        uint256 amount,
        uint192 holder,
        Lot[] calldata lots
    ) external {
        _followFreeze(named, account);
        // a lock-up does not let units go to somebody else by way of another ledger
        if (lots.length != 0 && _holderOf(_wordOf(account)) != holder) revert LockedForAnother(account);
        for (uint256 i = 0; i < lots.length; ++i) {
            if (lots[i].amount > amount) revert UnitsUnavailable(account, lots[i].amount, amount);
            amount -= lots[i].amount;
            if (lots[i].until > block.timestamp) _addLot(account, lots[i]);
        }
    }

    // ------------------------------------------------------------------ parts

    /// @dev Take units out of lots with one end, the oldest first.
    function _takeFrom(
        address account,
        LockUp calldata wanted,
        Lot[] memory taken,
        uint256 count
    ) private returns (uint256) {
        Lot[] storage lots = _s().lots[account];
        uint64 missing = wanted.amount;
        if (missing == 0) revert LockUpUnknown(account, wanted.until, 0);
        while (missing != 0) {
            uint256 at = _oldest(lots, wanted.until);
            if (at == lots.length) revert LockUpUnknown(account, wanted.until, missing);
            if (count == taken.length) revert TooManyLots(account);
            Lot memory lot = lots[at];
            uint64 left = lot.amount > missing ? lot.amount - missing : 0;
            lot.amount -= left;
            missing -= lot.amount;
            taken[count++] = lot;
            if (left == 0) _dropLot(lots, at);
            else lots[at].amount = left;
        }
        return count;
    }

    /// @dev Where the oldest lot with an end stands, of equally old ones that with the lowest path; behind
    /// the last where there is none.
    function _oldest(Lot[] storage lots, uint64 until) private view returns (uint256 found) {
        found = lots.length;
        Lot memory oldest;
        for (uint256 i = lots.length; i > 0; --i) {
            Lot memory lot = lots[i - 1];
            if (lot.until != until) continue;
            bool older = lot.since < oldest.since || (lot.since == oldest.since && lot.path < oldest.path);
            if (older || oldest.amount == 0) (found, oldest) = (i - 1, lot);
        }
    }

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

    function _addLot(address account, Lot memory lot) internal {
        SecurityStorage storage $ = _s();
        _releaseLapsed(account);
        Account a = $.accounts[account].word;
        uint64 amount = lot.amount;
        if (account == address(0)) revert UnitsUnavailable(account, amount, 0);
        if (amount > a.available()) revert UnitsUnavailable(account, amount, a.available());
        _pushLot($.lots[account], account, lot);
        $.accounts[account].word = a.withUnavailable(a.unavailable() + amount).withFlag(AccountLib.LOTS, true);
        (uint256 inLots, ) = _lotsOf($, account, $.accounts[account].word);
        emit SubBalanceChanged(account, RSTR, inLots);
        emit LockedUp(account, amount, lot.until, lot.since, lot.path);
    }

    /// @dev What is alike in everything is one lot: a part that comes back takes no room of its own.
    function _pushLot(Lot[] storage lots, address account, Lot memory lot) private {
        uint256 count = lots.length;
        for (uint256 i = 0; i < count; ++i) {
            Lot storage other = lots[i];
            if (other.until == lot.until && other.since == lot.since && other.path == lot.path) {
                other.amount += lot.amount;
                return;
            }
        }
        if (count == MOST_LOTS) revert TooManyLots(account);
        lots.push(lot);
    }

    function _releaseLapsed(address account) internal {
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        (uint256 inLots, uint256 lapsed) = _lotsOf($, account, a);
        if (lapsed == 0) return;
        Lot[] storage lots = $.lots[account];
        for (uint256 i = lots.length; i > 0; --i) {
            if (block.timestamp >= lots[i - 1].until) _dropLot(lots, i - 1);
        }
        $.accounts[account].word =
            a.withUnavailable(a.unavailable() - lapsed).withFlag(AccountLib.LOTS, lots.length != 0);
        emit SubBalanceChanged(account, RSTR, inLots - lapsed);
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

    /// @dev Keep in an account's slot that units of it are in no lot any more.
    function _unlock(address account, uint256 freed) private {
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        a = a.withUnavailable(a.unavailable() - freed).withFlag(AccountLib.LOTS, $.lots[account].length != 0);
        $.accounts[account].word = a;
        (uint256 inLots, ) = _lotsOf($, account, a);
        emit SubBalanceChanged(account, RSTR, inLots);
    }

    function _dropLot(Lot[] storage lots, uint256 index) private {
        lots[index] = lots[lots.length - 1];
        lots.pop();
    }

    /// @dev A freeze that was laid on an account goes to the one that took its place, with the first units that
    /// do: they land frozen (CTL-8).
    function _followFreeze(address lost, address to) private {
        SecurityStorage storage $ = _s();
        while (lost != to) {
            Account a = $.accounts[lost].word;
            if (a.has(AccountLib.FROZEN)) {
                $.accounts[lost].word = a.withFlag(AccountLib.FROZEN, false);
                $.accounts[to].word = $.accounts[to].word.withFlag(AccountLib.FROZEN, true);
                emit IERC3643.AddressFrozen(lost, false, msg.sender);
                emit IERC3643.AddressFrozen(to, true, msg.sender);
            }
            // when it succeeded does not matter here
            // slither-disable-next-line unused-return
            (lost, ) = HOLDER_REGISTRY.successorOf(lost);
        }
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
