// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Restriction codes and kinds of movement
/// @notice The codes of ERC-1404 as this toolkit numbers them, equal on every ledger and in the
/// Python core. Of several that apply the lowest is given.
library Restrictions {
    uint8 internal constant NONE = 0;
    uint8 internal constant TOKEN_PAUSED = 1;
    uint8 internal constant SENDER_UNKNOWN = 2;
    uint8 internal constant SENDER_INACTIVE = 3;
    uint8 internal constant SENDER_FROZEN = 4;
    uint8 internal constant RECIPIENT_UNKNOWN = 5;
    uint8 internal constant RECIPIENT_INACTIVE = 6;
    uint8 internal constant RECIPIENT_FROZEN = 7;
    uint8 internal constant RECIPIENT_COUNTRY = 8;
    uint8 internal constant RECIPIENT_CLASS = 9;
    uint8 internal constant INSUFFICIENT_BALANCE = 10;
    uint8 internal constant UNITS_BLOCKED = 11;
    uint8 internal constant UNITS_LOCKED = 12;
    uint8 internal constant SENDER_SANCTIONED = 13;
    uint8 internal constant RECIPIENT_SANCTIONED = 14;
    uint8 internal constant HOLDING_CAP = 15;
    uint8 internal constant HOLDER_COUNT = 16;
    uint8 internal constant MINIMUM_LOT = 17;
    uint8 internal constant BLACKOUT = 18;
    uint8 internal constant INVENTORY_PAUSED = 19;
    uint8 internal constant MODULE_REFUSED = 20;
    uint8 internal constant MODULE_UNAVAILABLE = 21;

    // Kinds of movement. Which rules apply to which stands in the denial matrix of the documentation.
    uint8 internal constant TRANSFER = 0;
    uint8 internal constant ISSUE = 1;
    uint8 internal constant REDEEM = 2;
    uint8 internal constant BRIDGE_OUT = 3;
    uint8 internal constant BRIDGE_IN = 4;
    uint8 internal constant FORCED = 5;
    uint8 internal constant PLEDGE = 6;
    uint8 internal constant PAYOUT = 7;
}
