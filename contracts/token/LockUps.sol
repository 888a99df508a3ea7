// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Account, AccountLib} from "./Account.sol";
import {Lot, SecurityBase} from "./SecurityBase.sol";

/// @title Lock-ups of units, lot by lot
/// @notice Lock-ups end by themselves; a lot that has ended is forgotten when its account is next written.
abstract contract LockUps is SecurityBase {
    /// @notice Units of an account changed their ISO 20022 balance type.
    /// @param total units of the type afterwards
    event SubBalanceChanged(address indexed account, bytes4 indexed balanceType, uint256 total);

    /// @notice Units of an account were locked up, here or before they arrived here (MOV-8).
    event LockedUp(address indexed account, uint64 amount, uint64 until, uint64 since, bytes32 path);

    /// @notice Fewer units are available than an act needs.
    error UnitsUnavailable(address account, uint256 amount, uint256 available);

    /// @notice No more lock-ups fit an account, or a movement.
    error TooManyLots(address account);

    uint256 internal constant MOST_LOTS = 16;

    /// @dev Units in an account's lots, and those of them whose lock-up is over.
    function _lotsOf(
        SecurityStorage storage $,
        address account,
        Account a
    ) internal view returns (uint256 inLots, uint256 lapsed) {
        if (!a.has(AccountLib.LOTS)) return (0, 0);
        Lot[] storage lots = $.lots[account];
        for (uint256 i = 0; i < lots.length; ++i) {
            inLots += lots[i].amount;
            if (block.timestamp >= lots[i].until) lapsed += lots[i].amount;
        }
    }

    /// @dev Holder commitment of a registry word.
    function _holderOf(uint256 word) internal pure returns (uint192) {
        return uint192(word >> 64);
    }

    /// @param joins whether it becomes part of a lot that is like it in everything, and takes no room of its own
    function _addLot(address account, Lot memory lot, bool joins) internal {
        SecurityStorage storage $ = _s();
        _releaseLapsed(account);
        Account a = $.accounts[account].word;
        uint64 amount = lot.amount;
        if (account == address(0)) revert UnitsUnavailable(account, amount, 0);
        if (amount > a.available()) revert UnitsUnavailable(account, amount, a.available());
        if (!joins || !_join($.lots[account], lot)) _pushLot($.lots[account], account, lot);
        $.accounts[account].word = a.withUnavailable(a.unavailable() + amount).withFlag(AccountLib.LOTS, true);
        (uint256 inLots, ) = _lotsOf($, account, $.accounts[account].word);
        emit SubBalanceChanged(account, RSTR, inLots);
        emit LockedUp(account, amount, lot.until, lot.since, lot.path);
    }

    function _pushLot(Lot[] storage lots, address account, Lot memory lot) private {
        if (lots.length == MOST_LOTS) revert TooManyLots(account);
        lots.push(lot);
    }

    function _join(Lot[] storage lots, Lot memory lot) private returns (bool) {
        uint256 count = lots.length;
        for (uint256 i = 0; i < count; ++i) {
            Lot storage other = lots[i];
            if (other.until == lot.until && other.since == lot.since && other.path == lot.path) {
                other.amount += lot.amount;
                return true;
            }
        }
        return false;
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

    /// @dev Keep in an account's slot that units of it are in no lot any more.
    function _unlock(address account, uint256 freed) internal {
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        a = a.withUnavailable(a.unavailable() - freed).withFlag(AccountLib.LOTS, $.lots[account].length != 0);
        $.accounts[account].word = a;
        (uint256 inLots, ) = _lotsOf($, account, a);
        emit SubBalanceChanged(account, RSTR, inLots);
    }

    /// @dev Forget a lot; the order of lots means nothing.
    function _dropLot(Lot[] storage lots, uint256 index) internal {
        lots[index] = lots[lots.length - 1];
        lots.pop();
    }
}
