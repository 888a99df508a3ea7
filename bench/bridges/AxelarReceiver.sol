// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AxelarExecutable} from "@axelar-network/axelar-gmp-sdk-solidity/contracts/executable/AxelarExecutable.sol";
import {Receiver} from "./Receivers.sol";

/// @title The receiver as an application of Axelar's has it
contract AxelarReceiver is AxelarExecutable, Receiver {
    constructor(address gateway) AxelarExecutable(gateway) {}

    function _execute(bytes32, string calldata, string calldata, bytes calldata payload) internal override {
        _take(payload);
    }
}
