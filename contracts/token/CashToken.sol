// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/ERC20Upgradeable.sol";
import {ERC20PermitUpgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC20/extensions/ERC20PermitUpgradeable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Roles} from "../access/Roles.sol";
import {PariUpgradeable} from "../access/Versioned.sol";

/// @title Cash token of one currency
/// @notice What entitlements are paid in. Amounts are minor units: decimals are the currency's
/// exponent of ISO 4217.
contract CashToken is PariUpgradeable, ERC20PermitUpgradeable {
    /// @notice Cash was created under a reference.
    event CashIssued(address indexed to, uint256 amount, bytes32 indexed ref);

    /// @notice Cash was created under this reference before.
    error ReferenceUsed(bytes32 ref);

    /// @custom:storage-location erc7201:paripassu.storage.CashToken
    struct CashTokenStorage {
        bytes3 currency;
        uint8 decimals;
        mapping(bytes32 ref => bool) used;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.CashToken")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0xec1e042e5996504301918e4f567d9a1803b03c53d1ef2233f29f52dbdf3eec00;

    function _s() private pure returns (CashTokenStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    constructor(address authority_, address approvals_) PariUpgradeable(authority_, approvals_) {}

    /// @notice Set up the proxy.
    /// @param name_ name of the token, also of its EIP-712 domain
    /// @param symbol_ symbol of the token
    /// @param currency_ ISO 4217 code, ASCII
    /// @param decimals_ exponent of the currency
    function initialize(
        string calldata name_,
        string calldata symbol_,
        bytes3 currency_,
        uint8 decimals_
    ) external initializer {
        __Pari_init();
        __ERC20_init(name_, symbol_);
        __ERC20Permit_init(name_);
        _s().currency = currency_;
        _s().decimals = decimals_;
    }

    /// @notice Create cash.
    /// @param to who gets it
    /// @param amount minor units
    /// @param ref the issuer's reference; each is good once
    /// @custom:access-control CASH_ISSUER
    function mint(address to, uint256 amount, bytes32 ref) external onlyRole(Roles.CASH_ISSUER) {
        CashTokenStorage storage $ = _s();
        if ($.used[ref]) revert ReferenceUsed(ref);
        $.used[ref] = true;
        _mint(to, amount);
        emit CashIssued(to, amount, ref);
    }

    /// @notice Give up cash of one's own.
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    /// @notice Whether cash was created under a reference.
    function isReferenceUsed(bytes32 ref) external view returns (bool) {
        return _s().used[ref];
    }

    /// @notice ISO 4217 code, ASCII.
    function currency() external view returns (bytes3) {
        return _s().currency;
    }

    /// @notice Exponent of the currency.
    function decimals() public view override returns (uint8) {
        return _s().decimals;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IERC20).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice CashToken
    function contractName() public pure override returns (string memory) {
        return "CashToken";
    }
}
