// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What every bridge under measurement delivers to
/// @notice One warm slot that changes from one number to another, one event with the payload's hash.
abstract contract Receiver {
    event Received(bytes32 indexed payload, uint256 count);

    uint256 public count = 1;

    function _take(bytes calldata payload) internal {
        emit Received(keccak256(payload), ++count);
    }
}

/// @title The receiver as an ERC-7786 gateway calls it
contract Erc7786Receiver is Receiver {
    function receiveMessage(bytes32, bytes calldata, bytes calldata payload) external payable returns (bytes4) {
        _take(payload);
        return this.receiveMessage.selector;
    }
}

/// @title Sends any number of messages in one transaction, as an application that serves many holders does
contract Erc7786Sender {
    /// @notice Send the payload so many times over a lane of the gateway.
    function send(address gateway, uint256 destination, uint8 purpose, bytes calldata payload, uint256 times) external {
        bytes memory call = abi.encodeWithSignature(
            "dispatch(uint256,uint8,uint64,bytes)", destination, purpose, uint64(0), payload
        );
        for (uint256 i = 0; i < times; ++i) {
            (bool success, ) = gateway.call(call);
            require(success);
        }
    }
}

/// @title The receiver as Hyperlane's mailbox calls it, with the module that the mailbox has for all
contract HyperlaneReceiver is Receiver {
    address private immutable MAILBOX;

    constructor(address mailbox) {
        MAILBOX = mailbox;
    }

    function handle(uint32, bytes32, bytes calldata payload) external payable {
        require(msg.sender == MAILBOX);
        _take(payload);
    }
}

/// @title The receiver as Sygma's handler for calls has it
contract SygmaReceiver is Receiver {
    address private immutable HANDLER;

    constructor(address handler) {
        HANDLER = handler;
    }

    function receiveFrom(address, bytes calldata payload) external {
        require(msg.sender == HANDLER);
        _take(payload);
    }
}

/// @title The receiver as the router of CCIP calls it
contract CcipReceiver is Receiver {
    struct TokenAmount {
        address token;
        uint256 amount;
    }

    struct Any2EvmMessage {
        bytes32 messageId;
        uint64 sourceChainSelector;
        bytes sender;
        bytes data;
        TokenAmount[] destTokenAmounts;
    }

    address private immutable ROUTER;

    constructor(address router) {
        ROUTER = router;
    }

    function ccipReceive(Any2EvmMessage calldata message) external {
        require(msg.sender == ROUTER);
        _take(message.data);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == this.ccipReceive.selector || id == this.supportsInterface.selector;
    }
}

/// @title The receiver as the endpoint of LayerZero calls it
contract LayerZeroReceiver is Receiver {
    struct Origin {
        uint32 srcEid;
        bytes32 sender;
        uint64 nonce;
    }

    address private immutable ENDPOINT;

    constructor(address endpoint) {
        ENDPOINT = endpoint;
    }

    function allowInitializePath(Origin calldata) external pure returns (bool) {
        return true;
    }

    function lzReceive(Origin calldata, bytes32, bytes calldata message, address, bytes calldata) external payable {
        require(msg.sender == ENDPOINT);
        _take(message);
    }
}

/// @title Stands for the access control of Sygma's administration, which no message passes
contract SygmaAccess {
    function hasAccess(bytes4, address) external pure returns (bool) {
        return true;
    }
}

/// @title Makes many calls in one transaction, none of which stops another
contract Calls {
    struct Call {
        address to;
        bytes data;
    }

    function run(Call[] calldata calls) external {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool success, ) = calls[i].to.call(calls[i].data);
            success;
        }
    }
}
