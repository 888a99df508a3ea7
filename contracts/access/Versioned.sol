// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManagedUpgradeable} from "@openzeppelin/contracts-upgradeable/access/manager/AccessManagedUpgradeable.sol";
import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {ERC165Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/introspection/ERC165Upgradeable.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";

/// @title Version tag, readable on-chain
/// @notice A contract that says what code it runs, and announces every change of it itself.
abstract contract Versioned {
    /// @notice The code of this very contract changed.
    /// @param from version before, 0 at first
    /// @param to version after
    /// @param codeHash hash of the implementation's code
    /// @param changeClass 0 first, 1 patch, 2 minor, 3 major
    event VersionChanged(uint32 from, uint32 to, bytes32 codeHash, uint8 changeClass);

    /// @notice Semantic version of the code, major << 16 | minor << 8 | patch.
    function version() public pure virtual returns (uint32);

    /// @notice Name of the contract, equal on every chain.
    function contractName() public pure virtual returns (string memory);

    /// @notice Version of the security's terms that this contract applies; 0 where it applies none.
    function termsVersion() public view virtual returns (uint32) {
        return 0;
    }
}

/// @title Base of every contract of Pari Passu that lives behind a proxy
/// @notice UUPS proxy, roles from one AccessManager, version tag, ERC-165. No constructor
/// arguments and no immutables of our own, so that the code hash is one on every chain.
abstract contract PariUpgradeable is
    Initializable,
    AccessManagedUpgradeable,
    UUPSUpgradeable,
    ERC165Upgradeable,
    Versioned
{
    /// @notice An upgrade must raise the version.
    error VersionNotRaised(uint32 from, uint32 to);

    /// @notice An upgrade must keep the contract what it is.
    error AnotherContract(string expected, string given);

    /// @notice An address that must be set is zero.
    error ZeroAddress();

    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor() {
        _disableInitializers();
    }

    /// @dev Connect to the AccessManager and announce the first version.
    function __Pari_init(address manager) internal onlyInitializing {
        if (manager == address(0)) revert ZeroAddress();
        __AccessManaged_init(manager);
        emit VersionChanged(0, version(), ERC1967Utils.getImplementation().codehash, 0);
    }

    /// @notice Restrict upgrades, and announce each on this contract.
    /// @custom:access-control UPGRADER, through upgradeToAndCall
    function _authorizeUpgrade(address newImplementation) internal override restricted {
        Versioned next = Versioned(newImplementation);
        (uint32 from, uint32 to) = (version(), next.version());
        if (to <= from) revert VersionNotRaised(from, to);
        if (keccak256(bytes(next.contractName())) != keccak256(bytes(contractName()))) {
            revert AnotherContract(contractName(), next.contractName());
        }
        emit VersionChanged(from, to, newImplementation.codehash, _changeClass(from, to));
    }

    function _changeClass(uint32 from, uint32 to) private pure returns (uint8) {
        if (from >> 16 != to >> 16) return 3;
        return from >> 8 != to >> 8 ? 2 : 1;
    }
}
