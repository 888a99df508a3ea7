// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Mailbox of Hyperlane, as far as a transport needs it
/// @notice The functions of its public interface by their signatures; written for this project.
interface IHyperlaneMailbox {
    /// @notice Send a message.
    /// @param destinationDomain Hyperlane's number of the chain that it goes to
    /// @param recipientAddress contract there, left-padded with zeros
    /// @param messageBody what it says
    /// @return messageId Hyperlane's identifier of it
    function dispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external payable returns (bytes32 messageId);

    /// @notice What `dispatch` of the same costs now, wei.
    function quoteDispatch(
        uint32 destinationDomain,
        bytes32 recipientAddress,
        bytes calldata messageBody
    ) external view returns (uint256 fee);
}

/// @title Recipient of Hyperlane's messages
/// @notice Takes no coin: a mailbox that would send some is refused.
interface IHyperlaneRecipient {
    /// @notice Take a message that the recipient's security module has verified.
    /// @param origin Hyperlane's number of the chain that it is from
    /// @param sender contract there, left-padded with zeros
    /// @param body what it says
    /// @custom:access-control the mailbox
    function handle(uint32 origin, bytes32 sender, bytes calldata body) external;

    /// @notice The module that verifies this recipient's messages; zero for the mailbox's own choice.
    function interchainSecurityModule() external view returns (address);
}
