// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;


/// @title Armed record times of a token
/// @notice A sorted list of times, each of which balances can be asked for once it has passed.
/// @dev A record time T *has passed* in the first block later than T. Only the first movement of
/// an account after one or several of them writes history: one checkpoint for all of them, at the
/// position of the first. Times are armed for the future only, so positions of passed ones stay.
library RecordTimes {
    /// @notice The time is not armed.
    error RecordTimeNotArmed(uint64 time);

    /// @notice The time has not passed: balances at it may still change.
    error RecordTimeNotPassed(uint64 time, uint256 blockTimestamp);

    /// @notice No more record times fit.
    error TooManyRecordTimes();

    /// @notice Position of the first time in `times` that is not before `time`.
    function position(uint64[] storage times, uint64 time) internal view returns (uint256 low) {
        uint256 high = times.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (times[middle] < time) low = middle + 1;
            else high = middle;
        }
    }

    /// @notice Whether `time` is in the list.
    function contains(uint64[] storage times, uint64 time) internal view returns (bool) {
        uint256 at = position(times, time);
        return at < times.length && times[at] == time;
    }

    /// @notice Put a new time in its place.
    function insert(uint64[] storage times, uint64 time) internal {
        if (times.length == type(uint16).max) revert TooManyRecordTimes();
        times.push(time);
        for (uint256 i = times.length - 1; i > 0 && times[i - 1] > time; --i) {
            times[i] = times[i - 1];
            times[i - 1] = time;
        }
    }

    /// @notice Position of an armed time that has passed; reverts for any other.
    function passedPosition(uint64[] storage times, uint64 time) internal view returns (uint256 at) {
        at = position(times, time);
        if (at == times.length || times[at] != time) revert RecordTimeNotArmed(time);
        if (time >= block.timestamp) revert RecordTimeNotPassed(time, block.timestamp);
    }
}
