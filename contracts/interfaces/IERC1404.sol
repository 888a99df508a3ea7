// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title ERC-1404: simple restricted token
/// @notice Asks a token, before a transfer, whether and why it would refuse it.
interface IERC1404 {
    /// @notice Verdict of the token's rules on a transfer.
    /// @return code 0 when the transfer is allowed, otherwise the reason
    function detectTransferRestriction(address from, address to, uint256 value) external view returns (uint8 code);

    /// @notice Text of a restriction code.
    function messageForTransferRestriction(uint8 code) external view returns (string memory text);
}
