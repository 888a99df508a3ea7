// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {IERC3643} from "../interfaces/IERC3643.sol";
import {ISecurityLineage} from "../interfaces/ISecurityLineage.sol";
import {Account, AccountLib} from "./Account.sol";
import {LockUps} from "./LockUps.sol";
import {LockUp, Lot} from "./SecurityBase.sol";

/// @title Lock-ups that go with their units to another ledger, and come with them from there (MOV-8)
abstract contract TravellingLots is LockUps {
    /// @notice So many units more of the account would have to be locked up until then.
    error LockUpUnknown(address account, uint64 until, uint256 missing);

    /// @notice Units that are locked up stay with their holder; the account is another's.
    error LockedForAnother(address account);

    /// @dev So many land within the gas that the gateway gives a message.
    uint256 private constant MOST_TRAVELLING = 8;

    /// @notice See `ISecurityLineage`. The token's first part asks who calls.
    /// @custom:access-control the bridge
    function crosschainBurnLocked(
        address from,
        uint256 amount,
        LockUp[] calldata lockUps
    ) external returns (bytes memory lineage) {
        lineage = abi.encode(bytes24(_holderOf(_wordOf(from))), _takeLots(from, amount, lockUps));
        // what it returns is nothing
        // slither-disable-next-line unused-return
        _run(_s().hot.implementation(), abi.encodeCall(IERC7802.crosschainBurn, (from, amount)));
    }

    /// @notice See `ISecurityLineage`. The token's first part asks who calls.
    /// @custom:access-control the bridge
    function crosschainMintFor(
        address named,
        uint256 amount,
        uint64 dispatchedAt,
        bytes32 arrival,
        bytes calldata lineage
    ) external returns (address to) {
        to = HOLDER_REGISTRY.currentOf(named);
        bytes memory credit = abi.encodeCall(ISecurityLineage.crosschainMintTo, (to, named, amount, dispatchedAt));
        // what it returns is nothing
        // slither-disable-next-line unused-return
        _run(_s().hot.implementation(), credit);
        _followFreeze(named, to);
        if (lineage.length != 0) _layLots(to, amount, arrival, lineage);
    }

    /// @dev Lift the lock-ups that leave with their units.
    function _takeLots(
        address account,
        uint256 amount,
        LockUp[] calldata wanted
    ) private returns (Lot[] memory taken) {
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
    }

    /// @dev Lay lock-ups that came with units on the account that has these. One that ended on the way is
    /// over; a part that comes back joins what stayed.
    function _layLots(address account, uint256 amount, bytes32 arrival, bytes calldata lineage) private {
        (bytes24 holder, Lot[] memory lots) = abi.decode(lineage, (bytes24, Lot[]));
        // a lock-up does not let units go to somebody else by way of another ledger
        if (_holderOf(_wordOf(account)) != uint192(holder)) revert LockedForAnother(account);
        for (uint256 i = 0; i < lots.length; ++i) {
            Lot memory lot = lots[i];
            if (lot.amount > amount) revert UnitsUnavailable(account, lot.amount, amount);
            amount -= lot.amount;
            if (arrival != 0) lot.path = keccak256(abi.encode(lot.path, arrival));
            if (lot.until > block.timestamp) _addLot(account, lot, true);
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
