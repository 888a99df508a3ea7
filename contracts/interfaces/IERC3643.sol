// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title ERC-3643: regulated token, as its clients call it
/// @notice Without the functions of ERC-20, whose identifier is its own.
interface IERC3643 {
    /// @notice An account was frozen or released.
    event AddressFrozen(address indexed userAddress, bool indexed isFrozen, address indexed owner);

    /// @notice Units of an account were frozen.
    event TokensFrozen(address indexed userAddress, uint256 amount);

    /// @notice Units of an account were released.
    event TokensUnfrozen(address indexed userAddress, uint256 amount);

    /// @notice Movements stopped.
    event Paused(address userAddress);

    /// @notice Movements go on.
    event Unpaused(address userAddress);

    /// @notice The units of a lost account are in its successor's.
    event RecoverySuccess(address indexed lostWallet, address indexed newWallet, address indexed investorOnchainID);

    function onchainID() external view returns (address);
    function version() external view returns (string memory);
    function identityRegistry() external view returns (address);
    function compliance() external view returns (address);
    function paused() external view returns (bool);
    function isFrozen(address account) external view returns (bool);
    function getFrozenTokens(address account) external view returns (uint256);
    function setName(string calldata name) external;
    function setSymbol(string calldata symbol) external;
    function setOnchainID(address onchainId) external;
    function pause() external;
    function unpause() external;
    function setAddressFrozen(address account, bool frozen) external;
    function freezePartialTokens(address account, uint256 amount) external;
    function unfreezePartialTokens(address account, uint256 amount) external;
    function setIdentityRegistry(address registry) external;
    function setCompliance(address compliance) external;
    function forcedTransfer(address from, address to, uint256 amount) external returns (bool);
    function mint(address to, uint256 amount) external;
    function burn(address account, uint256 amount) external;
    function recoveryAddress(address lost, address to, address onchainId) external returns (bool);
    function batchTransfer(address[] calldata to, uint256[] calldata amounts) external;
    function batchForcedTransfer(address[] calldata from, address[] calldata to, uint256[] calldata amounts) external;
    function batchMint(address[] calldata to, uint256[] calldata amounts) external;
    function batchBurn(address[] calldata accounts, uint256[] calldata amounts) external;
    function batchSetAddressFrozen(address[] calldata accounts, bool[] calldata frozen) external;
    function batchFreezePartialTokens(address[] calldata accounts, uint256[] calldata amounts) external;
    function batchUnfreezePartialTokens(address[] calldata accounts, uint256[] calldata amounts) external;
}
