// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
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

    /// @notice Semantic version of the code, as text: what `versionTag` says in numbers.
    /// @dev A literal is a tenth of the code that would write it from the tag; a test compares them.
    function version() public pure virtual returns (string memory) {
        return "1.0.0";
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
/// @notice UUPS proxy (ERC-1822, ERC-1967), roles from one AccessManager, version tag, ERC-165. Upgrades
/// are approved acts: k of n agreed to them, after the notice of their class (VER-6).
/// @dev Leaner than the library's UUPS and initialiser contracts, by 2.5 kB in each of the contracts
/// that are built on it, and as safe:
/// - The code stands behind a proxy exactly where the ERC-1967 slot is set: proxies set it before
///   they call anything, and nothing writes it on the code's own address, as `upgradeToAndCall`
///   refuses to run there. So the code itself can neither be set up nor upgraded, nor made to
///   delegate anywhere; and no contract behind a proxy passes for code, as `proxiableUUID` refuses.
/// - A proxy is set up once: the flag is the library's, at its place, and has no other writer.
/// - Only the approvals contract upgrades, and only to code of the same name and another version
///   which answers `proxiableUUID`, and so can be upgraded in turn.
abstract contract PariUpgradeable is Versioned, Authorised, ERC165, IIrreversible {
    /// @notice ERC-1967: the proxy runs other code.
    event Upgraded(address indexed implementation);

    /// @notice The proxy was set up.
    event Initialized(uint64 version);

    /// @notice The proxy was set up before, or this is no proxy.
    error InvalidInitialization();

    /// @notice Code is upgraded through its proxy, and asked for its kind beside it.
    error UUPSUnauthorizedCallContext();

    /// @notice An upgrade must change the version.
    error VersionNotChanged(uint32 version);

    /// @notice An upgrade must keep the contract what it is, and upgradeable.
    error AnotherContract(address implementation);

    // keccak256("eip1967.proxy.implementation") - 1
    bytes32 private constant IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    // openzeppelin.storage.Initializable, by ERC-7201
    bytes32 private constant INITIALIZED = 0xf0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c199c6a00;

    /// @custom:oz-upgrades-unsafe-allow constructor
    constructor(address authority_, address approvals_) Authorised(authority_, approvals_) {}

    /// @dev Once, through a proxy; announces the first version.
    modifier initializer() {
        _initialize();
        _;
    }

    function _initialize() private {
        uint256 done;
        assembly ("memory-safe") {
            done := sload(INITIALIZED)
            sstore(INITIALIZED, 1)
        }
        if (done != 0 || implementation() == address(0)) revert InvalidInitialization();
        emit Initialized(1);
        emit VersionChanged(0, versionTag(), codeHash(), 0, 0);
    }

    /// @inheritdoc Versioned
    function codeHash() public view override returns (bytes32) {
        return implementation().codehash;
    }

    /// @notice Where the code is that runs here.
    function implementation() public view returns (address code) {
        assembly ("memory-safe") {
            code := sload(IMPLEMENTATION)
        }
    }

    /// @inheritdoc IIrreversible
    /// @dev A contract that does what cannot be undone says here when it last did.
    function irreversibleAt() public view virtual returns (uint64) {
        return 0;
    }

    /// @notice ERC-1822: what is upgraded to this code keeps its address in the ERC-1967 slot.
    function proxiableUUID() external view returns (bytes32) {
        if (implementation() != address(0)) revert UUPSUnauthorizedCallContext();
        return IMPLEMENTATION;
    }

    /// @notice Run other code, and call it in the same transaction.
    /// @param newImplementation the code
    /// @param data the call; empty for none
    /// @custom:access-control approved act
    function upgradeToAndCall(address newImplementation, bytes calldata data) external payable onlyApproved {
        if (implementation() == address(0)) revert UUPSUnauthorizedCallContext();
        _authorizeUpgrade(newImplementation);
        assembly ("memory-safe") {
            sstore(IMPLEMENTATION, newImplementation)
        }
        emit Upgraded(newImplementation);
        if (data.length == 0) return;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, data.offset, data.length)
            if iszero(delegatecall(gas(), newImplementation, free, data.length, 0, 0)) {
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    /// @dev Whether a version may go back to an earlier one is for the approvals to say: they know
    /// what was executed since (VER-8).
    function _authorizeUpgrade(address newImplementation) internal virtual {
        if (
            _answer(newImplementation, this.contractName.selector) != _answer(address(this), this.contractName.selector)
                || _answer(newImplementation, this.proxiableUUID.selector) != keccak256(abi.encode(IMPLEMENTATION))
        ) revert AnotherContract(newImplementation);
        uint32 to = Versioned(newImplementation).versionTag();
        if (to == versionTag()) revert VersionNotChanged(to);
        (bytes32 actId, uint8 changeClass) = IApprovals(msg.sender).current();
        emit VersionChanged(versionTag(), to, newImplementation.codehash, changeClass, actId);
    }

    /// @dev Hash of what a contract answers; of nothing where it fails.
    function _answer(address target, bytes4 selector) private view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            let success := staticcall(gas(), target, free, 4, 0, 0)
            let size := mul(success, returndatasize())
            returndatacopy(free, 0, size)
            hash := keccak256(free, size)
        }
    }
}
