// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Code that runs other code in its own storage
/// @dev Only addresses that are immutable in the code are run in this way.
abstract contract Delegating {
    /// @dev Give this very call to other code, and answer as it does.
    function _delegate(address code) internal {
        assembly {
            calldatacopy(0, 0, calldatasize())
            let success := delegatecall(gas(), code, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if success { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    /// @dev Make a call by other code; its failure is this one's.
    function _run(address code, bytes memory data) internal returns (bytes memory answer) {
        bool success;
        // the code is fixed at deployment; callers in this contract choose the function
        // slither-disable-next-line controlled-delegatecall
        (success, answer) = code.delegatecall(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}
