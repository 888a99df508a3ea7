// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Calendar dates as yyyymmdd
library Dates {
    /// @notice Whether yyyymmdd is a day of the Gregorian calendar from 1970 to 9999.
    function isDate(uint32 date) internal pure returns (bool) {
        (uint256 year, uint256 month, uint256 day) = _split(date);
        if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
        return day <= _daysIn(year, month);
    }

    /// @notice Seconds since the epoch at which a day starts in UTC; what is no day has no meaning.
    function midnight(uint32 date) internal pure returns (uint256) {
        (uint256 year, uint256 month, uint256 day) = _split(date);
        unchecked {
            // years that start in March put the leap day last
            (uint256 y, uint256 m) = month > 2 ? (year, month - 3) : (year - 1, month + 9);
            uint256 dayOfYear = (153 * m + 2) / 5 + day - 1;
            uint256 sinceYearZero = y * 365 + y / 4 - y / 100 + y / 400 + dayOfYear;
            return (sinceYearZero - 719_468) * 1 days;
        }
    }

    function _split(uint32 date) private pure returns (uint256 year, uint256 month, uint256 day) {
        return (date / 10_000, (date / 100) % 100, date % 100);
    }

    function _daysIn(uint256 year, uint256 month) private pure returns (uint256) {
        if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
        // 31 and 30 alternate, with July and August on end
        return 30 + (month + month / 8) % 2;
    }
}
