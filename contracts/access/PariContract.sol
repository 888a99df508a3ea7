// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "./Authorised.sol";
import {Delegating} from "./Delegating.sol";
import {Kernel} from "./Kernel.sol";
import {Versioned} from "./Versioned.sol";

/// @title Base of the contracts of Pari Passu
/// @notice Roles from one AccessManager, name and version; all else that they have in common is in the chain's
/// `Kernel`.
/// @custom:extension Kernel
abstract contract PariContract is Versioned, Authorised, Delegating {
    address private immutable KERNEL;

    /// @param authority_ the AccessManager that knows who holds which role
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    constructor(address authority_, address approvals_, address kernel_) Authorised(authority_, approvals_) {
        if (kernel_ == address(0)) revert ZeroAddress();
        KERNEL = kernel_;
    }

    /// @dev By a proxy, while it is created; announces the first version.
    modifier initializer() {
        _run(KERNEL, abi.encodeCall(Kernel.initialize, ()));
        _;
    }

    /// @dev What is not here is in the kernel, which runs in the same storage.
    fallback() external {
        _delegate(KERNEL);
    }
}
