// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Roles} from "../access/Roles.sol";
import {Typed} from "../access/Typed.sol";
import {PariContract} from "../access/PariContract.sol";

/// @title Cash token of one currency
/// @notice What entitlements are paid in. Amounts are minor units: decimals are the currency's
/// exponent of ISO 4217.
contract CashToken is PariContract, Typed, IERC20Metadata, IERC20Permit, IERC20Errors {
    /// @notice Cash was created under a reference.
    event CashIssued(address indexed to, uint256 amount, bytes32 indexed ref);

    /// @notice Cash was created under this reference before.
    error ReferenceUsed(bytes32 ref);

    /// @notice ERC-2612: the permit is not valid any more.
    error ERC2612ExpiredSignature(uint256 deadline);

    /// @notice ERC-2612: the permit is not signed by the owner.
    error ERC2612InvalidSigner(address signer, address owner);

    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    /// @custom:storage-location erc7201:paripassu.storage.CashToken
    struct CashTokenStorage {
        bytes3 currency;
        uint8 decimals;
        mapping(bytes32 ref => bool) used;
        uint256 totalSupply;
        mapping(address account => uint256) balances;
        mapping(address owner => mapping(address spender => uint256)) allowances;
        mapping(address owner => uint256) nonces;
        string name;
        string symbol;
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
    /// @param kernel_ what all contracts have in common
    constructor(
        address authority_,
        address approvals_,
        address kernel_
    ) PariContract(authority_, approvals_, kernel_) {}

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
        CashTokenStorage storage $ = _s();
        ($.name, $.symbol) = (name_, symbol_);
        ($.currency, $.decimals) = (currency_, decimals_);
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
        $.totalSupply += amount;
        _credit(address(0), to, amount);
        emit CashIssued(to, amount, ref);
    }

    /// @notice Give up cash of one's own.
    function burn(uint256 amount) external {
        _debit(msg.sender, amount);
        unchecked {
            // no balance is above the supply
            _s().totalSupply -= amount;
        }
        emit Transfer(msg.sender, address(0), amount);
    }

    /// @inheritdoc IERC20
    function transfer(address to, uint256 amount) external returns (bool) {
        _debit(msg.sender, amount);
        _credit(msg.sender, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    /// @dev An allowance of the maximum is without limit.
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance(from, msg.sender);
        if (allowed != type(uint256).max) {
            if (allowed < amount) revert ERC20InsufficientAllowance(msg.sender, allowed, amount);
            unchecked {
                _s().allowances[from][msg.sender] = allowed - amount;
            }
        }
        _debit(from, amount);
        _credit(from, to, amount);
        return true;
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 amount) external returns (bool) {
        _approve(msg.sender, spender, amount);
        return true;
    }

    /// @inheritdoc IERC20Permit
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (block.timestamp > deadline) revert ERC2612ExpiredSignature(deadline);
        uint256 nonce = _s().nonces[owner]++;
        bytes32 digest = _digestOf(keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonce, deadline)));
        // any error leaves the signer zero
        // slither-disable-next-line unused-return
        (address signer, , ) = ECDSA.tryRecover(digest, v, r, s);
        if (signer != owner || signer == address(0)) revert ERC2612InvalidSigner(signer, owner);
        _approve(owner, spender, value);
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256) {
        return _s().totalSupply;
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        return _s().balances[account];
    }

    /// @inheritdoc IERC20
    function allowance(address owner, address spender) public view returns (uint256) {
        return _s().allowances[owner][spender];
    }

    /// @inheritdoc IERC20Metadata
    function name() external view returns (string memory) {
        return _s().name;
    }

    /// @inheritdoc IERC20Metadata
    function symbol() external view returns (string memory) {
        return _s().symbol;
    }

    /// @notice Exponent of the currency.
    function decimals() external view returns (uint8) {
        return _s().decimals;
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) external view returns (uint256) {
        return _s().nonces[owner];
    }

    /// @inheritdoc IERC20Permit
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32) {
        return _domainSeparator();
    }

    /// @notice Whether cash was created under a reference.
    function isReferenceUsed(bytes32 ref) external view returns (bool) {
        return _s().used[ref];
    }

    /// @notice ISO 4217 code, ASCII.
    function currency() external view returns (bytes3) {
        return _s().currency;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC20).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice CashToken
    function contractName() public pure override returns (string memory) {
        return "CashToken";
    }

    // ------------------------------------------------------------------ parts

    function _debit(address from, uint256 amount) private {
        uint256 balance = _s().balances[from];
        if (balance < amount) revert ERC20InsufficientBalance(from, balance, amount);
        unchecked {
            _s().balances[from] = balance - amount;
        }
    }

    function _credit(address from, address to, uint256 amount) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        unchecked {
            // the supply, which is checked, is the sum of the balances
            _s().balances[to] += amount;
        }
        emit Transfer(from, to, amount);
    }

    function _approve(address owner, address spender, uint256 amount) private {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        _s().allowances[owner][spender] = amount;
        emit Approval(owner, spender, amount);
    }

    /// @dev The domain has the token's name.
    function _domainName() internal view override returns (string memory) {
        return _s().name;
    }
}
