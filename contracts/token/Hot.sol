// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What every movement must know of a token, in one storage slot
/// @notice The proxy reads the implementation from it, the implementation the rest: one cold read
/// in place of two. Lives in slot 0 of the namespace `paripassu.storage.Security`.
/// @dev Bits, from the lowest:
///   0-159   implementation, equal to that in the ERC-1967 slot, which is kept for tools
///   160-199 next armed record time, seconds; 0 when there is none
///   200-215 number of record times that have passed
///   216-239 policy counter: raised by every change of the token's rules, and of its code
///   240-255 flags
type Hot is uint256;

using HotLib for Hot global;

/// @title Reading and changing a `Hot`
library HotLib {
    uint256 internal constant PAUSED = 1;
    uint256 internal constant HOME = 2;
    uint256 internal constant COMPLEX = 4;
    uint256 internal constant DENY_LIST = 8;
    uint256 internal constant STOPPED = 16;
    uint256 internal constant CAPPED = 32;
    uint256 internal constant LIMITED = 64;

    /// @dev Flags under which a movement needs more than the two accounts.
    uint256 internal constant LOOK_CLOSER = PAUSED | COMPLEX | STOPPED;

    /// @notice Code that the proxy runs.
    function implementation(Hot h) internal pure returns (address) {
        return address(uint160(Hot.unwrap(h)));
    }

    /// @notice Next armed record time; 0 when there is none.
    function nextRecordTime(Hot h) internal pure returns (uint256) {
        return (Hot.unwrap(h) >> 160) & 0xffffffffff;
    }

    /// @notice Record times that have passed, as far as movements have noticed.
    function passed(Hot h) internal pure returns (uint256) {
        return (Hot.unwrap(h) >> 200) & 0xffff;
    }

    /// @notice Changes of the token's rules and code so far.
    function policy(Hot h) internal pure returns (uint256) {
        return (Hot.unwrap(h) >> 216) & 0xffffff;
    }

    /// @notice Whether any of the flags is set.
    function has(Hot h, uint256 flags) internal pure returns (bool) {
        return (Hot.unwrap(h) >> 240) & flags != 0;
    }

    /// @notice With another implementation.
    function withImplementation(Hot h, address code) internal pure returns (Hot) {
        return Hot.wrap((Hot.unwrap(h) & ~uint256(type(uint160).max)) | uint160(code));
    }

    /// @notice With other record times.
    function withRecordTimes(Hot h, uint256 next, uint256 passed_) internal pure returns (Hot) {
        uint256 cleared = Hot.unwrap(h) & ~(uint256(type(uint56).max) << 160);
        return Hot.wrap(cleared | (next << 160) | (passed_ << 200));
    }

    /// @notice With the policy counter raised by one. It stops at its end, where caching does too.
    function withNextPolicy(Hot h) internal pure returns (Hot) {
        uint256 next = policy(h) == 0xffffff ? 0xffffff : policy(h) + 1;
        return Hot.wrap((Hot.unwrap(h) & ~(uint256(0xffffff) << 216)) | (next << 216));
    }

    /// @notice With a flag set or cleared.
    function withFlag(Hot h, uint256 flag, bool on) internal pure returns (Hot) {
        uint256 cleared = Hot.unwrap(h) & ~(flag << 240);
        return Hot.wrap(on ? cleared | (flag << 240) : cleared);
    }
}
