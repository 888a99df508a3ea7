// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IApprovals} from "../interfaces/IApprovals.sol";
import {IIrreversible} from "../interfaces/IIrreversible.sol";
import {Authorised} from "./Authorised.sol";

/// @title Version tag, readable on-chain (VER-1)
/// @notice A contract that says what code it runs, and announces every change of it itself.
abstract contract Versioned {
    /// @notice The code of this very contract changed.
    /// @param from version tag before, 0 at first
    /// @param to version tag after
    /// @param codeHash hash of the implementation's code
    /// @param changeClass 0 first, 1 regulatory, 2 corporate structure, 3 economic terms, 4 technical
    /// @param actId the approved act that changed it; 0 at first
    event VersionChanged(uint32 from, uint32 to, bytes32 codeHash, uint8 changeClass, bytes32 indexed actId);

    /// @notice Semantic version of the code, as text.
    function version() public pure virtual returns (string memory) {
        uint32 tag = versionTag();
        return string.concat(
            Strings.toString(tag >> 16), ".", Strings.toString((tag >> 8) & 0xff), ".", Strings.toString(tag & 0xff)
        );
    }

    /// @notice Semantic version of the code, major << 16 | minor << 8 | patch.
    function versionTag() public pure virtual returns (uint32);

    /// @notice Name of the contract, equal on every chain.
    function contractName() public pure virtual returns (string memory);

    /// @notice ERC-165 identifier of what this contract offers to other contracts.
    function mainInterface() public pure virtual returns (bytes4) {
        return 0x01ffc9a7;
    }

    /// @notice Version of the security's terms that this contract applies; 0 where it applies none.
    function termsVersion() public view virtual returns (uint32) {
        return 0;
    }

    /// @notice Hash of the code that runs here: of the implementation behind a proxy.
    function codeHash() public view virtual returns (bytes32);
}

/// @title Base of every contract of Pari Passu that lives behind a proxy
/// @notice UUPS proxy, roles from one AccessManager, version tag, ERC-165. Upgrades are approved acts:
/// k of n agreed to them, after the notice of their class (VER-6).
abstract contract PariUpgradeable is
    Initializable,
    UUPSUpgradeable,
    ERC165,
    Versioned,
    Authorised,
    IIrreversible
{
    /// @notice An upgrade must change the version.
    error VersionNotChanged(uint32 version);

    /// @notice An upgrade must keep the contract what it is.
    error AnotherContract(string expected, string given);

    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor(address authority_, address approvals_) Authorised(authority_, approvals_) {
        _disableInitializers();
    }

    /// @dev Announce the first version.
    function __Pari_init() internal onlyInitializing {
        emit VersionChanged(0, versionTag(), codeHash(), 0, 0);
    }

    /// @inheritdoc Versioned
    function codeHash() public view override returns (bytes32) {
        return ERC1967Utils.getImplementation().codehash;
    }

    /// @notice Where the code is that runs here.
    function implementation() public view returns (address) {
        return ERC1967Utils.getImplementation();
    }

    /// @inheritdoc IIrreversible
    /// @dev A contract that does what cannot be undone says here when it last did.
    function irreversibleAt() public view virtual returns (uint64) {
        return 0;
    }

    /// @dev Only approved acts change the code. Whether a version may go back to an earlier one is
    /// for the approvals to say: they know what was executed since (VER-8).
    /// @custom:access-control approved act, through upgradeToAndCall
    function _authorizeUpgrade(address newImplementation) internal virtual override onlyApproved {
        Versioned next = Versioned(newImplementation);
        (uint32 from, uint32 to) = (versionTag(), next.versionTag());
        if (to == from) revert VersionNotChanged(from);
        if (keccak256(bytes(next.contractName())) != keccak256(bytes(contractName()))) {
            revert AnotherContract(contractName(), next.contractName());
        }
        (bytes32 actId, uint8 changeClass) = IApprovals(msg.sender).current();
        emit VersionChanged(from, to, newImplementation.codehash, changeClass, actId);
    }
}
