// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";

/// @title Proxy of a security token
/// @notice As OpenZeppelin's ERC1967Proxy, but the implementation is read from the slot that the
/// token's movements read anyway (see `Hot`): 2,000 gas less for each of them. The ERC-1967 slot
/// has the same address, for tools.
contract SecurityProxy {
    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Security")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant HOT = 0xbb5027e853d560a5008b26752b30b61d29efdaefeb5e595bc7678dbe6b371500;

    /// @param implementation code to run
    /// @param init call that sets the token up
    constructor(address implementation, bytes memory init) payable {
        assembly {
            sstore(HOT, implementation)
        }
        ERC1967Utils.upgradeToAndCall(implementation, init);
    }

    /// @dev Runs the implementation in this contract's storage, and answers as it does.
    fallback() external payable {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let success := delegatecall(
                gas(), and(sload(HOT), 0xffffffffffffffffffffffffffffffffffffffff), 0, calldatasize(), 0, 0
            )
            returndatacopy(0, 0, returndatasize())
            if success { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }
}
