// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What a gateway keeps of the two lanes of one purpose with one ledger, in one storage slot
/// @notice Sending reads and writes this slot alone, executing a batch too.
/// @dev Bits, from the lowest:
///   0-159   application of the purpose here; 0 where the lanes are closed
///   160-203 number of the last message sent
///   204-247 number of the last message executed, parked or refused
///   248-255 flags
type LaneState is uint256;

using LaneStateLib for LaneState global;

/// @notice The lanes of one purpose with one ledger, out and in.
/// @param state application, counters, flags
/// @param peer ERC-7930 address of the application there; empty where it has the same address
/// @param acknowledged number up to which the other ledger's arrivals are attested here
/// @param transport vouches for what the other ledger sends, and takes what is sent there; zero where attestors do
struct Lane {
    LaneState state;
    bytes peer;
    uint64 acknowledged;
    address transport;
}

/// @title Reading and changing a `LaneState`
library LaneStateLib {
    /// @notice A message of the lane is in execution.
    uint256 internal constant BUSY = 1;

    /// @notice Nothing is sent or executed (MOV-9).
    uint256 internal constant STOPPED = 2;

    /// @notice The application there has the address of that here, as `pari deploy` has it on chains: nothing to read.
    uint256 internal constant SAME_ADDRESS = 4;

    /// @notice A transport vouches for the messages, in place of the attestors (MOV-11).
    uint256 internal constant CARRIED = 8;

    uint256 private constant COUNTER = (1 << 44) - 1;

    /// @notice Application of the purpose here.
    function app(LaneState s) internal pure returns (address) {
        return address(uint160(LaneState.unwrap(s)));
    }

    /// @notice Number of the last message sent.
    function outbound(LaneState s) internal pure returns (uint256) {
        return (LaneState.unwrap(s) >> 160) & COUNTER;
    }

    /// @notice Number of the last message executed, parked or refused.
    function inbound(LaneState s) internal pure returns (uint256) {
        return (LaneState.unwrap(s) >> 204) & COUNTER;
    }

    /// @notice Whether any of the flags is set.
    function has(LaneState s, uint256 flags) internal pure returns (bool) {
        return LaneState.unwrap(s) & (flags << 248) != 0;
    }

    /// @notice With another application.
    function withApp(LaneState s, address app_) internal pure returns (LaneState) {
        return LaneState.wrap((LaneState.unwrap(s) & ~uint256(type(uint160).max)) | uint160(app_));
    }

    /// @notice With one more message sent. 2^44 of them are out of reach.
    function withNextOutbound(LaneState s) internal pure returns (LaneState) {
        unchecked {
            return LaneState.wrap(LaneState.unwrap(s) + (1 << 160));
        }
    }

    /// @notice With another number of the last message executed; the caller has checked that it fits.
    function withInbound(LaneState s, uint256 nonce) internal pure returns (LaneState) {
        return LaneState.wrap((LaneState.unwrap(s) & ~(COUNTER << 204)) | (nonce << 204));
    }

    /// @notice With a flag set or cleared.
    function withFlag(LaneState s, uint256 flag, bool on) internal pure returns (LaneState) {
        uint256 cleared = LaneState.unwrap(s) & ~(flag << 248);
        return LaneState.wrap(on ? cleared | (flag << 248) : cleared);
    }
}
