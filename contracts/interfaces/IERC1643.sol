// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title ERC-1643: documents of a security
interface IERC1643 {
    /// @notice A document was added or replaced.
    event DocumentUpdated(bytes32 indexed name, string uri, bytes32 documentHash);

    /// @notice A document was removed.
    event DocumentRemoved(bytes32 indexed name, string uri, bytes32 documentHash);

    /// @notice Where a document is, its hash, and when it was last changed.
    function getDocument(bytes32 name) external view returns (string memory uri, bytes32 documentHash, uint256 changedAt);

    /// @notice Add or replace a document.
    function setDocument(bytes32 name, string calldata uri, bytes32 documentHash) external;

    /// @notice Remove a document.
    function removeDocument(bytes32 name) external;

    /// @notice Names of all documents.
    function getAllDocuments() external view returns (bytes32[] memory names);
}
