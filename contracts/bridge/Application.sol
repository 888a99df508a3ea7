// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PariContract} from "../access/PariContract.sol";
import {IERC7786Recipient} from "../interfaces/IERC7786.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {IInstanceRegistry} from "../interfaces/IInstanceRegistry.sol";

/// @title Application of the gateway
/// @notice Takes the messages of one purpose. The gateway knows its counterparts on the other ledgers,
/// and gives it nothing that one of these did not send.
abstract contract Application is PariContract, IERC7786Recipient {
    /// @notice The caller is not the gateway.
    error NotGateway(address caller);

    /// @notice The message took nothing here that could be given back.
    error NothingToTakeBack();

    IGateway internal immutable GATEWAY;
    IInstanceRegistry internal immutable INSTANCE_REGISTRY;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param gateway_ carries the messages
    /// @param instanceRegistry_ says which instances are trusted, and what they may do with each other
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address gateway_,
        address instanceRegistry_
    ) PariContract(authority_, approvals_, kernel_) {
        if (gateway_ == address(0) || instanceRegistry_ == address(0)) revert ZeroAddress();
        GATEWAY = IGateway(gateway_);
        INSTANCE_REGISTRY = IInstanceRegistry(instanceRegistry_);
    }

    /// @inheritdoc IERC7786Recipient
    /// @custom:access-control the gateway
    function receiveMessage(
        bytes32 receiveId,
        bytes calldata,
        bytes calldata payload
    ) external payable returns (bytes4) {
        if (msg.sender != address(GATEWAY)) revert NotGateway(msg.sender);
        uint256 source;
        uint256 dispatchedAt;
        assembly {
            // the gateway's own, behind the call's data
            source := calldataload(sub(calldatasize(), 64))
            dispatchedAt := calldataload(sub(calldatasize(), 32))
        }
        if (source == block.chainid) _takeBack(receiveId, uint64(dispatchedAt), payload);
        else _receive(receiveId, source, uint64(dispatchedAt), payload);
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @notice The gateway that carries the messages.
    function gateway() external view returns (address) {
        return address(GATEWAY);
    }

    /// @notice The registry of trusted instances.
    function instanceRegistry() external view returns (address) {
        return address(INSTANCE_REGISTRY);
    }

    /// @notice ERC-165 identifier of what this contract offers to other contracts.
    function mainInterface() external pure returns (bytes4) {
        return type(IERC7786Recipient).interfaceId;
    }

    /// @dev Carry out a message of the counterpart on `source`; revert where that is not possible yet.
    /// @param receiveId identifier of the message
    /// @param source number of the ledger that it is from
    /// @param dispatchedAt when it left, seconds
    /// @param payload what it says
    function _receive(bytes32 receiveId, uint256 source, uint64 dispatchedAt, bytes calldata payload) internal virtual;

    /// @dev Take back what a message of ours carried that will never take effect where it was sent.
    /// @param receiveId identifier of the message
    /// @param dispatchedAt when it left, seconds
    /// @param payload what it says
    function _takeBack(bytes32 receiveId, uint64 dispatchedAt, bytes calldata payload) internal virtual {
        (receiveId, dispatchedAt, payload);
        revert NothingToTakeBack();
    }
}
