// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Roles} from "../access/Roles.sol";
import {PariUpgradeable} from "../access/Versioned.sol";
import {HolderRecord, IHolderRegistry} from "../interfaces/IHolderRegistry.sol";

/// @title Register of onboarded accounts
/// @notice One per chain, shared by all securities of the chain (UBO-10, CTL-4). It holds a
/// commitment to the holder's identity, never the identity.
contract HolderRegistry is PariUpgradeable, IHolderRegistry {
    /// @notice An account was onboarded, or its record changed.
    event HolderOnboarded(
        address indexed account,
        bytes32 indexed holder,
        uint16 country,
        uint8 investorClass,
        uint40 expiry,
        address servicer
    );

    /// @notice An account was suspended or reinstated.
    event HolderStatusChanged(address indexed account, bool active);

    /// @notice The account belongs to another holder; a change of owner is no re-onboarding.
    error HolderConflict(address account, bytes32 known, bytes32 given);

    /// @notice The account was never onboarded.
    error HolderUnknown(address account);

    /// @notice Holder commitment, account or country is missing.
    error IncompleteRecord(address account);

    uint8 private constant KNOWN = 1;
    uint8 private constant ACTIVE = 2;

    /// @dev Everything but `holder` shares one slot, in the order of `flagsOf`.
    struct Entry {
        uint16 country;
        uint8 investorClass;
        uint8 status;
        uint40 expiry;
        address servicer;
        bytes32 holder;
    }

    /// @custom:storage-location erc7201:paripassu.storage.HolderRegistry
    struct HolderRegistryStorage {
        mapping(address account => Entry) entries;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.HolderRegistry")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0xbd7e9c8b40fd79f10a6666f85e290680bc153f39c5e96f7305477a85b5c69900;

    function _s() private pure returns (HolderRegistryStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) PariUpgradeable(authority_, approvals_) {}

    /// @notice Set up the proxy.
    function initialize() external initializer {
        __Pari_init();
    }

    /// @notice Register an account, or update its record. A suspension stays until it is lifted.
    /// @param account the account
    /// @param holder commitment to the holder; the account's holder can never be another one
    /// @param country ISO 3166-1 numeric
    /// @param investorClass class of investor
    /// @param expiry last second of validity; 0 for never
    /// @param servicer account servicer; zero where the holder serves itself
    /// @custom:access-control REGISTRAR
    function onboard(
        address account,
        bytes32 holder,
        uint16 country,
        uint8 investorClass,
        uint40 expiry,
        address servicer
    ) external onlyRole(Roles.REGISTRAR) {
        if (account == address(0) || holder == 0 || country == 0) revert IncompleteRecord(account);
        Entry storage entry = _s().entries[account];
        if (entry.holder != 0 && entry.holder != holder) revert HolderConflict(account, entry.holder, holder);
        uint8 status = entry.holder == 0 ? KNOWN | ACTIVE : entry.status;
        _s().entries[account] = Entry(country, investorClass, status, expiry, servicer, holder);
        emit HolderOnboarded(account, holder, country, investorClass, expiry, servicer);
    }

    /// @notice Suspend or reinstate an account.
    /// @custom:access-control REGISTRAR
    function setStatus(address account, bool active) external onlyRole(Roles.REGISTRAR) {
        Entry storage entry = _s().entries[account];
        if (entry.holder == 0) revert HolderUnknown(account);
        entry.status = active ? KNOWN | ACTIVE : KNOWN;
        emit HolderStatusChanged(account, active);
    }

    /// @inheritdoc IHolderRegistry
    function recordOf(address account) external view returns (HolderRecord memory) {
        Entry storage entry = _s().entries[account];
        return HolderRecord({
            holder: entry.holder,
            country: entry.country,
            investorClass: entry.investorClass,
            active: entry.status & ACTIVE != 0,
            expiry: entry.expiry,
            servicer: entry.servicer
        });
    }

    /// @inheritdoc IHolderRegistry
    function flagsOf(address account) external view returns (uint256 flags) {
        Entry storage entry = _s().entries[account];
        flags = uint256(entry.country) | (uint256(entry.investorClass) << 16) | (uint256(entry.status) << 24)
            | (uint256(entry.expiry) << 32);
    }

    function wordOf(address account) external view returns (uint256 word) {
        Entry storage entry = _s().entries[account];
        word = uint256(entry.country) | (uint256(entry.investorClass) << 16) | (uint256(entry.status) << 24)
            | (uint256(entry.expiry) << 32) | (uint256(entry.holder) >> 64 << 64);
    }

    function currentOf(address account) external view returns (address) {
        return account;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IHolderRegistry).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice HolderRegistry
    function contractName() public pure override returns (string memory) {
        return "HolderRegistry";
    }
}
