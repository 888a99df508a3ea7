// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC3643} from "../interfaces/IERC3643.sol";
import {ITravellingLots} from "../interfaces/ITravellingLots.sol";
import {Account, AccountLib} from "./Account.sol";
import {LockUps} from "./LockUps.sol";
import {LockUp, Lot} from "./SecurityBase.sol";

/// @title Lock-ups that go with their units to another ledger, and come with them from there (MOV-8)
abstract contract TravellingLots is LockUps, ITravellingLots {
    /// @notice So many units more of the account would have to be locked up until then.
    error LockUpUnknown(address account, uint64 until, uint256 missing);

    /// @notice Units that are locked up stay with their holder; the account is another's.
    error LockedForAnother(address account);

    /// @dev So many land within the gas that the gateway gives a message.
    uint256 private constant MOST_TRAVELLING = 8;

    /// @inheritdoc ITravellingLots
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

    /// @inheritdoc ITravellingLots
    /// @dev A lock-up that ended on the way is over. A part that comes back joins what stayed.
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
            if (lots[i].until > block.timestamp) _addLot(account, lots[i], true);
        }
    }

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
}
