// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title CREATE3 factory
/// @notice Deploys at addresses that depend on the deployer and its salt alone: neither on the
/// code, nor on constructor arguments, nor on the chain. Lives itself at one address everywhere.
/// @dev CREATE2 of a constant launcher, which CREATEs whatever it is called with. The launcher's
/// address depends on the salt alone and its first nonce is 1, which fixes the child's address.
contract Create3Factory {
    /// @notice A contract was deployed.
    event Deployed(address indexed deployer, bytes32 indexed salt, address indexed deployed);

    /// @notice The deployer has used this salt.
    error Occupied(address deployed);

    /// @notice The constructor reverted without a reason, or left no code.
    error DeploymentFailed();

    /// @dev Initialisation code of the launcher. Its 31 bytes of runtime code:
    ///   calldatacopy(0, 0, calldatasize); a := create(callvalue, 0, calldatasize)
    ///   if a: return a as one word; else: revert with the constructor's own data
    bytes private constant LAUNCHER =
        hex"7e363d3d37363d34f0806016573d600060003e3d6000fd5b60005260206000f3"
        hex"600052601f6001f3";

    /// @notice Deploy `initCode` at `addressOf(msg.sender, salt)`.
    /// @param salt chosen by the deployer; guarded, so that nobody else can take its address
    /// @param initCode creation code with its constructor arguments
    /// @return deployed the address
    function deploy(bytes32 salt, bytes calldata initCode) external payable returns (address deployed) {
        deployed = addressOf(msg.sender, salt);
        bytes32 guarded = _guard(msg.sender, salt);
        bytes memory creation = LAUNCHER;
        address launcher;
        assembly ("memory-safe") {
            launcher := create2(0, add(creation, 32), mload(creation), guarded)
        }
        if (launcher == address(0)) revert Occupied(deployed);

        (bool success, bytes memory data) = launcher.call{value: msg.value}(initCode);
        if (!success) {
            if (data.length == 0) revert DeploymentFailed();
            assembly ("memory-safe") {
                revert(add(data, 32), mload(data))
            }
        }
        if (deployed.code.length == 0) revert DeploymentFailed();
        emit Deployed(msg.sender, salt, deployed);
    }

    /// @notice Where `deployer` deploys with `salt`, on this and every other chain.
    function addressOf(address deployer, bytes32 salt) public view returns (address) {
        bytes32 launcher = keccak256(
            abi.encodePacked(bytes1(0xff), address(this), _guard(deployer, salt), keccak256(LAUNCHER))
        );
        // RLP of [launcher, 1]
        return address(uint160(uint256(keccak256(
            abi.encodePacked(bytes2(0xd694), address(uint160(uint256(launcher))), bytes1(0x01))
        ))));
    }

    function _guard(address deployer, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(deployer, salt));
    }
}
