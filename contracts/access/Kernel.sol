// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IApprovals} from "../interfaces/IApprovals.sol";
import {IIrreversible} from "../interfaces/IIrreversible.sol";
import {Authorised} from "./Authorised.sol";
import {Typed} from "./Typed.sol";
import {Versioned} from "./Versioned.sol";

/// @title What the contracts of Pari Passu have in common, once a chain
/// @notice UUPS upgrades (ERC-1822, ERC-1967), version, ERC-165 and the like. Contracts run it in their own
/// storage: what they have no function for themselves, their fallback gives to it. Upgrades are
/// approved acts: k of n agreed to them, after the notice of their class (VER-6).
/// @dev It keeps nothing and is never upgraded itself; its address is immutable in the contracts' code, and
/// so part of their code hash. What differs between contracts it asks of them.
/// - The code stands behind a proxy exactly where the ERC-1967 slot is set: proxies set it before
///   they call anything, and nothing writes it on the code's own address, as `upgradeToAndCall`
///   refuses to run there. So the code itself can never be upgraded, nor made to delegate anywhere; and
///   no contract behind a proxy passes for code, as `proxiableUUID` refuses.
/// - A proxy is set up while it is created, when it has no code yet, or never: nobody else can set one up, and
///   no flag is needed for that.
/// - Only the approvals contract upgrades, and only to code of the same name and another version
///   which answers `proxiableUUID`, and so can be upgraded in turn.
contract Kernel is Authorised, IERC165, IERC5267, IIrreversible {
    /// @notice The code of this very contract changed.
    /// @param from version tag before, 0 at first
    /// @param to version tag after
    /// @param codeHash hash of the implementation's code
    /// @param changeClass 0 first, 1 regulatory, 2 corporate structure, 3 economic terms, 4 technical
    /// @param actId the approved act that changed it; 0 at first
    event VersionChanged(uint32 from, uint32 to, bytes32 codeHash, uint8 changeClass, bytes32 indexed actId);

    /// @notice ERC-1967: the proxy runs other code.
    event Upgraded(address indexed implementation);

    /// @notice The proxy was set up.
    event Initialized(uint64 version);

    /// @notice The proxy exists already, or this is no proxy.
    error InvalidInitialization();

    /// @notice Code is upgraded through its proxy, and asked for its kind beside it.
    error UUPSUnauthorizedCallContext();

    /// @notice An upgrade must change the version.
    error VersionNotChanged(uint32 version);

    /// @notice An upgrade must keep the contract what it is, and upgradeable.
    error AnotherContract(address implementation);

    /// @notice The contract has no such function.
    error FunctionUnknown(bytes4 selector);

    // keccak256("eip1967.proxy.implementation") - 1
    bytes32 private constant IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    /// @param authority_ the AccessManager that knows who holds which role
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) Authorised(authority_, approvals_) {}

    fallback() external {
        revert FunctionUnknown(msg.sig);
    }

    // ------------------------------------------------------------------ set-up and upgrade

    /// @notice Announce the first version; by a proxy, while it is created.
    function initialize() external {
        address code = implementation();
        if (address(this).code.length != 0 || code == address(0)) revert InvalidInitialization();
        emit Initialized(1);
        emit VersionChanged(0, Versioned(code).versionTag(), code.codehash, 0, 0);
    }

    /// @notice Run other code, and call it in the same transaction.
    /// @param newImplementation the code
    /// @param data the call; empty for none
    /// @custom:access-control approved act
    function upgradeToAndCall(address newImplementation, bytes calldata data) external onlyApproved {
        address code = implementation();
        if (code == address(0)) revert UUPSUnauthorizedCallContext();
        if (
            _answer(newImplementation, Versioned.contractName.selector) != _answer(code, Versioned.contractName.selector)
                || _answer(newImplementation, this.proxiableUUID.selector) != keccak256(abi.encode(IMPLEMENTATION))
        ) revert AnotherContract(newImplementation);
        // the code before is asked itself: a proxy may run the new one already
        uint32 from = Versioned(code).versionTag();
        uint32 to = Versioned(newImplementation).versionTag();
        if (to == from) revert VersionNotChanged(to);
        assembly ("memory-safe") {
            sstore(IMPLEMENTATION, newImplementation)
        }
        // whether a version may go back to an earlier one is for the approvals to say: they know what was
        // executed since (VER-8)
        (bytes32 actId, uint8 changeClass) = IApprovals(msg.sender).current();
        emit VersionChanged(from, to, newImplementation.codehash, changeClass, actId);
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

    // ------------------------------------------------------------------ reading

    /// @notice ERC-1822: what is upgraded to this code keeps its address in the ERC-1967 slot.
    function proxiableUUID() external view returns (bytes32) {
        if (implementation() != address(0)) revert UUPSUnauthorizedCallContext();
        return IMPLEMENTATION;
    }

    /// @notice Where the code is that runs here; zero where it is the contract's own.
    function implementation() public view returns (address code) {
        assembly ("memory-safe") {
            code := sload(IMPLEMENTATION)
        }
    }

    /// @notice Hash of the code that runs here: of the implementation behind a proxy.
    function codeHash() external view returns (bytes32) {
        address code = implementation();
        return code == address(0) ? address(this).codehash : code.codehash;
    }

    /// @notice Semantic version of the code, as text: what `versionTag` says in numbers.
    function version() external view returns (string memory text) {
        uint256 tag = Versioned(address(this)).versionTag();
        assembly ("memory-safe") {
            // "255.255.255" is the longest; written from the end
            text := mload(0x40)
            mstore(0x40, add(text, 64))
            let end := add(text, 64)
            let at := end
            for { let part := 0 } lt(part, 3) { part := add(part, 1) } {
                if part {
                    at := sub(at, 1)
                    mstore8(at, 0x2e)
                }
                let digits := and(tag, 0xff)
                for {} 1 {} {
                    at := sub(at, 1)
                    mstore8(at, add(48, mod(digits, 10)))
                    digits := div(digits, 10)
                    if iszero(digits) { break }
                }
                tag := shr(8, tag)
            }
            text := sub(at, 32)
            mstore(text, sub(end, at))
        }
    }

    /// @inheritdoc IERC5267
    /// @dev Of the contracts for which something is signed; the others have no domain.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory domainVersion,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (0x0f, Typed(address(this)).domainName(), "1", block.chainid, address(this), salt, extensions);
    }

    /// @notice ERC-165 identifier of what a contract offers to other contracts.
    function mainInterface() external pure returns (bytes4) {
        return type(IERC165).interfaceId;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external view returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == Kernel(address(this)).mainInterface();
    }

    /// @notice Version of the security's terms that this contract applies; 0 where it applies none.
    function termsVersion() external pure returns (uint32) {
        return 0;
    }

    /// @inheritdoc IIrreversible
    /// @dev A contract that does what cannot be undone says itself when it last did.
    function irreversibleAt() external pure returns (uint64) {
        return 0;
    }

    /// @notice The AccessManager.
    function authority() external view returns (address) {
        return address(AUTHORITY);
    }

    /// @notice The contract in which k of n agree to an act.
    function approvals() external view returns (address) {
        return APPROVALS;
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
