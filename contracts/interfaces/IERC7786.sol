// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title ERC-7786: source of cross-chain messages
/// @notice Senders and recipients are ERC-7930 interoperable addresses.
interface IERC7786GatewaySource {
    /// @notice A message was put into the outbox.
    /// @param sendId identifier chosen by the gateway
    /// @param sender ERC-7930 address of the contract that sent it
    /// @param recipient ERC-7930 address of the contract that it is for
    /// @param payload application data
    /// @param value native value that goes with it
    /// @param attributes selector-prefixed, ABI encoded attributes
    event MessageSent(
        bytes32 indexed sendId,
        bytes sender,
        bytes recipient,
        bytes payload,
        uint256 value,
        bytes[] attributes
    );

    /// @notice The gateway does not know this attribute.
    error UnsupportedAttribute(bytes4 selector);

    /// @notice Whether an attribute may be given to `sendMessage`.
    function supportsAttribute(bytes4 selector) external view returns (bool);

    /// @notice Put a message into the outbox.
    /// @return sendId the message's identifier
    function sendMessage(
        bytes calldata recipient,
        bytes calldata payload,
        bytes[] calldata attributes
    ) external payable returns (bytes32 sendId);
}

/// @title ERC-7786: recipient of cross-chain messages
interface IERC7786Recipient {
    /// @notice Take a message from a gateway.
    /// @param receiveId identifier of the message at the destination
    /// @param sender ERC-7930 address of the contract that sent it
    /// @param payload application data
    /// @return the selector of this function, or the gateway treats the delivery as failed
    function receiveMessage(
        bytes32 receiveId,
        bytes calldata sender,
        bytes calldata payload
    ) external payable returns (bytes4);
}
