// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC7786GatewaySource} from "./IERC7786.sol";

/// @notice One message between two ledgers. Its EIP-712 struct hash is its identifier everywhere.
/// @param source number of the ledger it comes from
/// @param destination number of the ledger it goes to
/// @param purpose 1 movement, 2 corporate action, 3 receipt, 4 quota, 5 order; with source and destination it names
/// the lane
/// @param nonce position in the lane, from 1, without gaps
/// @param timestamp block time at the source, seconds
/// @param expiry last second at which it may be executed; 0 for never
/// @param version protocol version of the sender, major << 16 | minor << 8 | patch
/// @param sender ERC-7930 address of the application that sent it
/// @param recipient ERC-7930 address of the application that receives it
/// @param payload application data
struct Message {
    uint256 source;
    uint256 destination;
    uint8 purpose;
    uint64 nonce;
    uint64 timestamp;
    uint64 expiry;
    uint32 version;
    bytes sender;
    bytes recipient;
    bytes payload;
}

/// @notice What is known of a message that did not simply take effect.
/// NONE: nothing. PARKED: it arrived here and waits for `retry` or `refuse`. RETURNED: it left here and is attested
/// never to take effect; it waits for `refund`. REFUNDED: its sender here took it back.
enum Standing {
    NONE,
    PARKED,
    RETURNED,
    REFUNDED
}

/// @title Gateway as its applications see it
/// @notice An application takes what the gateway delivers by `receiveMessage` (ERC-7786); behind the call's data
/// stand two words more: the number of the ledger that the message is from, and its source time. A message that
/// comes back to its sender is delivered the same way, and from this very ledger.
interface IGateway is IERC7786GatewaySource {
    /// @notice Put a message for the application of the same purpose on another ledger into the outbox.
    /// @param destination number of the ledger
    /// @param purpose purpose of the lane, and of the two applications
    /// @param expiry last second at which it may be executed there; 0 for never
    /// @param payload application data
    /// @return sendId the message's identifier
    function dispatch(
        uint256 destination,
        uint8 purpose,
        uint64 expiry,
        bytes calldata payload
    ) external returns (bytes32 sendId);
}
