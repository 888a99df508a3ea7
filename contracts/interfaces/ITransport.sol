// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What says that a message is authentic, in place of the attestors
/// @notice A transport carries identifiers of messages from a gateway to another one by a network of its own, and no
/// content. It decides whether a message was sent, and nothing else: order, expiry, parking, refusal and versions are
/// the gateway's, so that messages come to the same end whatever carried them (MOV-11).
interface ITransport {
    /// @notice Nothing says that this message was sent on that ledger.
    error NotAuthentic(uint256 source, bytes32 messageId);

    /// @notice Take the identifier of a message that this gateway has just sent.
    /// @param destination number of the ledger that it goes to
    /// @param messageId its identifier
    /// @custom:access-control the gateway
    function send(uint256 destination, bytes32 messageId) external;

    /// @notice Revert with `NotAuthentic` unless the gateway of a ledger sent all of these.
    /// @param source number of that ledger
    /// @param messageIds identifiers of messages
    function requireAuthentic(uint256 source, bytes32[] calldata messageIds) external view;

    /// @notice Whether it carries from and to a ledger.
    function connects(uint256 ledger) external view returns (bool);
}
