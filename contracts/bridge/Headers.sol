// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Message} from "../interfaces/IGateway.sol";

/// @title Headers of messages
/// @notice A message's identifier is the EIP-712 struct hash of `Message`, on every ledger: the hash of its header.
library Headers {
    /// @dev What the identifier is the hash of; the seven after the type as in `Message`.
    struct Header {
        bytes32 typehash;
        uint256 source;
        uint256 destination;
        uint256 purpose;
        uint256 nonce;
        uint256 timestamp;
        uint256 expiry;
        uint256 version;
        bytes32 sender;
        bytes32 recipient;
        bytes32 payload;
    }

    bytes32 private constant MESSAGE_TYPEHASH = keccak256(
        "Message(uint256 source,uint256 destination,uint8 purpose,uint64 nonce,uint64 timestamp,uint64 expiry,uint32 version,bytes sender,bytes recipient,bytes payload)"
    );

    /// @dev Fill in what the messages of a batch have in common, and the number of the first.
    /// @param head from the lowest bit on: purpose 8 bits, nonce 64, version 32
    function begin(
        Header memory header,
        uint256 source,
        uint256 destination,
        uint256 head,
        bytes32 sender,
        bytes32 recipient
    ) internal pure {
        header.typehash = MESSAGE_TYPEHASH;
        (header.source, header.destination) = (source, destination);
        (header.purpose, header.nonce, header.version) = (uint8(head), uint64(head >> 8), uint32(head >> 72));
        (header.sender, header.recipient) = (sender, recipient);
    }

    /// @dev Header of a message.
    function headerOf(Message calldata message) internal pure returns (Header memory header) {
        assembly ("memory-safe") {
            // source, destination, purpose, nonce, timestamp, expiry, version
            calldatacopy(add(header, 32), message, 224)
        }
        if (
            header.purpose >> 8 != 0 || (header.nonce | header.timestamp | header.expiry) >> 64 != 0
                || header.version >> 32 != 0
        ) revert();
        header.typehash = MESSAGE_TYPEHASH;
        header.sender = keccak256(message.sender);
        header.recipient = keccak256(message.recipient);
        header.payload = keccak256(message.payload);
    }

    function idOf(Header memory header) internal pure returns (bytes32 id) {
        assembly ("memory-safe") {
            id := keccak256(header, 352)
        }
    }
}
