// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title ERC-7943: real-world asset, fungible
interface IERC7943Fungible {
    /// @notice Move units because the law orders it.
    function forcedTransfer(address from, address to, uint256 amount) external returns (bool);

    /// @notice Set how many units of an account are frozen.
    function setFrozenTokens(address account, uint256 amount) external returns (bool);

    /// @notice Whether an account may deliver.
    function canSend(address account) external view returns (bool);

    /// @notice Whether an account may receive.
    function canReceive(address account) external view returns (bool);

    /// @notice Units of an account that are frozen.
    function getFrozenTokens(address account) external view returns (uint256);

    /// @notice Whether a transfer would pass the rules now.
    function canTransfer(address from, address to, uint256 amount) external view returns (bool);
}
