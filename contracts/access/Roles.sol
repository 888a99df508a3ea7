// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Closed list of roles
/// @notice Role identifiers for the AccessManager, equal on every chain. Each restricted function
/// is bound to its role in its code and names it in its access-control tag; nothing else is ever
/// granted. Only ever append.
library Roles {
    uint64 internal constant ISSUER = 1;
    uint64 internal constant ISSUER_AGENT = 2;
    uint64 internal constant PAYING_AGENT = 3;
    uint64 internal constant REGISTRAR = 4;
    uint64 internal constant TRANSFER_AGENT = 5;
    uint64 internal constant CSD = 6;
    uint64 internal constant CUSTODIAN = 7;
    uint64 internal constant REGULATOR = 8;
    uint64 internal constant TOKENIZER = 9;
    uint64 internal constant BRIDGE_OPERATOR = 10;
    uint64 internal constant ATTESTOR = 11;
    uint64 internal constant FREEZER = 12;
    uint64 internal constant PAUSER = 13;
    uint64 internal constant UNPAUSER = 14;
    uint64 internal constant UPGRADER = 15;
    uint64 internal constant CASH_ISSUER = 16;
    uint64 internal constant GUARANTOR = 17;
    uint64 internal constant RULE_MANAGER = 18;
}
