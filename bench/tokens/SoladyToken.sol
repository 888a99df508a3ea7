// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "solady/src/tokens/ERC20.sol";

/// @notice Solady's plain ERC-20, and units to start with. No rules at all: the lower bound.
contract SoladyToken is ERC20 {
    constructor() {
        _mint(msg.sender, type(uint128).max);
    }

    function name() public pure override returns (string memory) {
        return "Plain";
    }

    function symbol() public pure override returns (string memory) {
        return "PLAIN";
    }
}
