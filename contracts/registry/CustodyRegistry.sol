// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {PariContract} from "../access/PariContract.sol";
import {IHolderRegistry} from "../interfaces/IHolderRegistry.sol";

/// @title Attested breakdowns of omnibus accounts
/// @notice The servicer of an account states what its clients hold in it, as the root of a
/// Merkle-sum tree. Nobody else can (UBO-3), and never above the on-chain balance (UBO-4).
contract CustodyRegistry is PariContract {
    /// @notice A servicer stated the client positions in an account.
    event BreakdownAttested(
        address indexed token,
        address indexed account,
        address indexed servicer,
        uint64 asOf,
        bytes32 root,
        uint256 total,
        uint64 sequence
    );

    /// @notice The caller does not service this account.
    error NotServicer(address account, address caller);

    /// @notice The clients' total is above the account's balance.
    error AboveBalance(uint256 total, uint256 balance);

    /// @notice The statement is for the future, or for a time before the last statement's.
    error BadAsOf(uint64 asOf, uint64 earliest, uint64 latest);

    struct Breakdown {
        uint64 asOf;
        uint64 sequence;
        bytes32 root;
        uint256 total;
    }

    /// @custom:storage-location erc7201:paripassu.storage.CustodyRegistry
    struct CustodyRegistryStorage {
        mapping(address token => mapping(address account => Breakdown)) breakdowns;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.CustodyRegistry")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0x9cdb002cda048ba285d10a9e3567f090d3bb281b804cb37044f678c33e1eb000;

    function _s() private pure returns (CustodyRegistryStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    IHolderRegistry internal immutable HOLDER_REGISTRY;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param holderRegistry_ says who services which account
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address holderRegistry_
    ) PariContract(authority_, approvals_, kernel_) {
        if (holderRegistry_ == address(0)) revert ZeroAddress();
        HOLDER_REGISTRY = IHolderRegistry(holderRegistry_);
    }

    /// @notice State the client positions in an account.
    /// @param token the security
    /// @param account the omnibus account
    /// @param asOf time that the statement is for, seconds
    /// @param root root of the Merkle-sum tree over the client positions
    /// @param total sum of the client positions
    /// @custom:access-control the account's servicer in the HolderRegistry
    function attestBreakdown(address token, address account, uint64 asOf, bytes32 root, uint256 total) external {
        address servicer = HOLDER_REGISTRY.servicerOf(account);
        if (servicer == address(0) || servicer != msg.sender) revert NotServicer(account, msg.sender);
        uint256 balance = IERC20(token).balanceOf(account);
        if (total > balance) revert AboveBalance(total, balance);
        Breakdown storage breakdown = _s().breakdowns[token][account];
        if (asOf > block.timestamp || asOf < breakdown.asOf) {
            revert BadAsOf(asOf, breakdown.asOf, uint64(block.timestamp));
        }
        breakdown.asOf = asOf;
        breakdown.root = root;
        breakdown.total = total;
        emit BreakdownAttested(token, account, servicer, asOf, root, total, ++breakdown.sequence);
    }

    /// @notice Last statement for an account; all zero when there is none.
    /// @return asOf time that the statement is for
    /// @return root root of the Merkle-sum tree
    /// @return total sum of the client positions
    /// @return sequence number of the statement, from 1
    /// @return stale true once the account holds less than its clients were stated to hold
    function breakdownOf(
        address token,
        address account
    ) external view returns (uint64 asOf, bytes32 root, uint256 total, uint64 sequence, bool stale) {
        Breakdown storage b = _s().breakdowns[token][account];
        (asOf, root, total, sequence) = (b.asOf, b.root, b.total, b.sequence);
        stale = total != 0 && IERC20(token).balanceOf(account) < total;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice CustodyRegistry
    function contractName() public pure override returns (string memory) {
        return "CustodyRegistry";
    }
}
