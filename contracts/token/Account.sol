// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What a token keeps of one account, in one storage slot
/// @notice A movement between two known holders reads and writes one such word for each of them.
/// @dev Bits, from the lowest:
///   0-63    balance, units
///   64-127  units of it that cannot move: blocked, pledged, locked up; detailed in other slots
///   128-191 most units that the account may hold here, as of the cached verdict
///   192-215 policy epoch of the cached verdict that the account may receive; 0 when there is none
///   216-231 first day (since 1970) on which that verdict has lapsed
///   232-247 number of record times that had passed at the last movement
///   248-255 flags
type Account is uint256;

using AccountLib for Account global;

/// @title Reading and changing an `Account`
library AccountLib {
    uint256 internal constant FROZEN = 1;
    uint256 internal constant OWN_QUOTA = 2;
    uint256 internal constant LOTS = 4;

    uint256 private constant MASK64 = type(uint64).max;

    /// @notice Units held.
    function balance(Account a) internal pure returns (uint256) {
        return Account.unwrap(a) & MASK64;
    }

    /// @notice Units held that cannot move.
    function unavailable(Account a) internal pure returns (uint256) {
        return (Account.unwrap(a) >> 64) & MASK64;
    }

    /// @notice Units that can move.
    function available(Account a) internal pure returns (uint256) {
        unchecked {
            // never above the balance: every function that changes one of them keeps that
            return balance(a) - unavailable(a);
        }
    }

    /// @notice Most units that the account may hold, as of its cached verdict.
    function quota(Account a) internal pure returns (uint256) {
        return (Account.unwrap(a) >> 128) & MASK64;
    }

    /// @notice Record times that had passed at the last movement.
    function recordIndex(Account a) internal pure returns (uint256) {
        return (Account.unwrap(a) >> 232) & 0xffff;
    }

    /// @notice Whether a flag is set.
    function has(Account a, uint256 flag) internal pure returns (bool) {
        return (Account.unwrap(a) >> 248) & flag != 0;
    }

    /// @notice Whether the account may deliver and receive without a look into the registry.
    /// @param epoch_ current policy epoch; 0 when no cached verdict counts
    function isFresh(Account a, uint256 epoch_) internal view returns (bool) {
        // epoch and flag in one look: the flag stands 56 bits above the epoch
        uint256 verdict = Account.unwrap(a) >> 192;
        return verdict & (0xffffff | (FROZEN << 56)) == epoch_ && epoch_ != 0
            && (verdict >> 24) & 0xffff > block.timestamp / 1 days;
    }

    /// @notice With `units` more; the caller has checked that they fit.
    function plus(Account a, uint256 units) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(a) + units);
        }
    }

    /// @notice With `units` less; the caller has checked that they are there.
    function minus(Account a, uint256 units) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(a) - units);
        }
    }

    /// @notice With another number of units that cannot move.
    function withUnavailable(Account a, uint256 units) internal pure returns (Account) {
        return Account.wrap((Account.unwrap(a) & ~(MASK64 << 64)) | (units << 64));
    }

    /// @notice With a cached verdict.
    function withVerdict(Account a, uint256 quota_, uint256 epoch_, uint256 day) internal pure returns (Account) {
        uint256 cleared = Account.unwrap(a) & ~(uint256(type(uint104).max) << 128);
        return Account.wrap(cleared | (quota_ << 128) | (epoch_ << 192) | (day << 216));
    }

    /// @notice With the number of record times that have passed.
    function withRecordIndex(Account a, uint256 index) internal pure returns (Account) {
        return Account.wrap((Account.unwrap(a) & ~(uint256(0xffff) << 232)) | (index << 232));
    }

    /// @notice With a flag set or cleared.
    function withFlag(Account a, uint256 flag, bool on) internal pure returns (Account) {
        uint256 cleared = Account.unwrap(a) & ~(flag << 248);
        return Account.wrap(on ? cleared | (flag << 248) : cleared);
    }
}
