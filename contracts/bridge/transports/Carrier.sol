// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {PariContract} from "../../access/PariContract.sol";
import {ITransport} from "../../interfaces/ITransport.sol";

/// @title What transports have in common, whichever network they use
/// @notice Identifiers wait in a queue for each ledger until somebody sends them on together, since a network's own
/// message costs more than ours; on the other side each is noted by itself, so that batches may be of any size.
/// @dev Not behind a proxy: another version is another transport, which an approved act gives to a lane. That keeps
/// two cold accounts and a slot off every message.
abstract contract Carrier is PariContract, ITransport {
    /// @notice The other ledger's transport, and so its gateway, says that it sent these.
    event MessagesVouched(uint256 indexed source, bytes32[] messageIds);

    /// @notice Identifiers went on to the other ledger.
    /// @param carrierId the network's own identifier of what carries them
    /// @param count how many they are
    event MessagesFlushed(uint256 indexed destination, bytes32 indexed carrierId, uint256 count);

    /// @notice The caller is not the gateway.
    error NotGateway(address caller);

    /// @notice No identifier waits for that ledger.
    error NothingQueued(uint256 destination);

    /// @notice This is no list of identifiers.
    error MalformedList(uint256 length);

    /// @notice The network's message costs so much, no more and no less.
    error FeeMismatch(uint256 fee, uint256 given);

    /// @dev Identifiers for one ledger: those from `first` to before `next` wait. Both begin at 1 again once none
    /// does, so that slots are written anew instead of used up.
    struct Queue {
        uint128 first;
        uint128 next;
        mapping(uint256 position => bytes32) ids;
    }

    /// @custom:storage-location erc7201:paripassu.storage.Carrier
    struct CarrierStorage {
        mapping(uint256 destination => Queue) queues;
        mapping(uint256 source => mapping(bytes32 messageId => bool)) vouched;
    }

    /// @notice Identifiers that one message of the network carries at most.
    uint256 public constant MOST_AT_ONCE = 100;

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Carrier")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant CARRIER = 0x502c10e2914f42cedba82569eb51f0942479f5ce5a8fee8ba55b46ea4114bb00;

    address internal immutable GATEWAY;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param gateway_ whose messages it carries
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address gateway_
    ) PariContract(authority_, approvals_, kernel_) {
        if (gateway_ == address(0)) revert ZeroAddress();
        GATEWAY = gateway_;
    }

    function _c() private pure returns (CarrierStorage storage $) {
        assembly {
            $.slot := CARRIER
        }
    }

    /// @inheritdoc ITransport
    /// @dev No event: the gateway tells of the message in the same transaction.
    /// @custom:access-control the gateway
    function send(uint256 destination, bytes32 messageId) external {
        if (msg.sender != GATEWAY) revert NotGateway(msg.sender);
        Queue storage queue = _c().queues[destination];
        (uint128 first, uint128 next) = (queue.first, queue.next);
        if (next == 0) (first, next) = (1, 1);
        queue.ids[next] = messageId;
        (queue.first, queue.next) = (first, next + 1);
    }

    /// @notice Send on what waits for a ledger, the oldest first, at most `MOST_AT_ONCE`. Whoever calls pays the
    /// network's fee, exactly.
    /// @param destination number of the ledger
    /// @return carrierId the network's identifier of what carries them
    function flush(uint256 destination) external payable returns (bytes32 carrierId) {
        (bytes memory list, uint256 count) = _waiting(destination);
        if (count == 0) revert NothingQueued(destination);
        Queue storage queue = _c().queues[destination];
        (uint128 first, uint128 next) = (queue.first + uint128(count), queue.next);
        (queue.first, queue.next) = first == next ? (1, 1) : (first, next);
        uint256 fee = _fee(destination, list);
        if (msg.value != fee) revert FeeMismatch(fee, msg.value);
        carrierId = _carry(destination, list, fee);
        emit MessagesFlushed(destination, carrierId, count);
    }

    /// @notice What `flush` would cost now, wei.
    function feeOf(uint256 destination) external view returns (uint256) {
        (bytes memory list, ) = _waiting(destination);
        return _fee(destination, list);
    }

    /// @notice How many identifiers wait for a ledger.
    function queued(uint256 destination) external view returns (uint256) {
        Queue storage queue = _c().queues[destination];
        return queue.next - queue.first;
    }

    /// @notice Whether the gateway of a ledger is known to have sent a message.
    function isAuthentic(uint256 source, bytes32 messageId) external view returns (bool) {
        return _c().vouched[source][messageId];
    }

    /// @inheritdoc ITransport
    function requireAuthentic(uint256 source, bytes32[] calldata messageIds) external view {
        mapping(bytes32 => bool) storage vouched = _c().vouched[source];
        for (uint256 i = 0; i < messageIds.length; ++i) {
            if (!vouched[messageIds[i]]) revert NotAuthentic(source, messageIds[i]);
        }
    }

    /// @notice The gateway whose messages it carries.
    function gateway() external view returns (address) {
        return GATEWAY;
    }

    /// @notice ERC-165 identifier of what this contract offers to other contracts.
    function mainInterface() external pure returns (bytes4) {
        return type(ITransport).interfaceId;
    }

    /// @dev Note what the transport on another ledger says; the network has shown that it is that one's.
    /// @param list identifiers, one after the other
    function _vouch(uint256 source, bytes calldata list) internal {
        if (list.length == 0 || list.length % 32 != 0) revert MalformedList(list.length);
        bytes32[] memory ids = new bytes32[](list.length / 32);
        mapping(bytes32 => bool) storage vouched = _c().vouched[source];
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = bytes32(list[i * 32:i * 32 + 32]);
            vouched[ids[i]] = true;
        }
        emit MessagesVouched(source, ids);
    }

    /// @dev What the next `flush` sends: identifiers one after the other, and how many.
    function _waiting(uint256 destination) private view returns (bytes memory list, uint256 count) {
        Queue storage queue = _c().queues[destination];
        uint256 first = queue.first;
        count = queue.next - first;
        if (count > MOST_AT_ONCE) count = MOST_AT_ONCE;
        list = new bytes(count * 32);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 id = queue.ids[first + i];
            assembly ("memory-safe") {
                mstore(add(add(list, 32), mul(i, 32)), id)
            }
        }
    }

    /// @dev What the network asks to carry a list to a ledger, wei.
    function _fee(uint256 destination, bytes memory list) internal view virtual returns (uint256);

    /// @dev Give a list to the network, with its fee.
    function _carry(uint256 destination, bytes memory list, uint256 fee) internal virtual returns (bytes32 carrierId);
}
