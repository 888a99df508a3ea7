// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Account} from "../../contracts/token/Account.sol";
import {Hot, HotLib} from "../../contracts/token/Hot.sol";
import {SecurityBase} from "../../contracts/token/SecurityBase.sol";
import {Ledger} from "./Ledger.sol";

/// @title Verdict: what the view predicts is what happens
/// @notice `restrictionOf` answers zero exactly where the movement passes, and else the code that the
/// movement is refused with (I3, CTL-3); and a verdict that an account caches stays the one that
/// register and rules give (CTL-1). The inductive step: cached verdicts that are right before are right
/// after. Bounds: lists are empty (no lots, blackouts, modules), no limit of holders, no minimum lot, no
/// pause (where there is one of these, the movement begins by asking the very function that the view
/// asks), no record time has passed unnoted, nobody has a quota of his own, registrations do not
/// expire, and countries are an allow list.
contract VerdictChecks is Ledger {
    function _withRules() internal pure override returns (bool) {
        return true;
    }

    function _assumeState(address account) private view {
        _assumeReachable();
        _assumeNoted();
        _assumeSimple();
        vm.assume(Hot.unwrap(token.hot()) >> 240 & (HotLib.LIMITED | HotLib.DENY_LIST) == 0);
        vm.assume(token.minimumLot() <= 1);
        vm.assume(register.wordOf(account) >> 32 & type(uint32).max == 0);
        vm.assume(Account.unwrap(token.wordAt(account)) >> 249 & 1 == 0);
        vm.assume(token.isCoherent(account));
    }

    /// The movement passes or is refused as was predicted, and leaves a cached verdict that is right.
    function _judge(uint8 predicted, bool success, bytes memory answer, address account) private view {
        if (success) {
            assert(predicted == 0);
            assert(token.isCoherent(account));
        } else {
            assert(predicted != 0);
            assert(bytes4(answer) == SecurityBase.TransferRestricted.selector);
            uint256 code;
            assembly {
                code := mload(add(answer, 36))
            }
            assert(code == predicted);
        }
    }

    function check_arrivalIsJudgedAsPredicted(uint64 amount) external {
        _assumeState(TO);
        vm.assume(token.totalSupply() + amount <= type(uint64).max);
        uint8 predicted = views.restrictionOf(4, address(0), TO, amount);
        vm.prank(BRIDGE);
        (bool success, bytes memory answer) = address(token).call(abi.encodeCall(token.crosschainMint, (TO, amount)));
        _judge(predicted, success, answer, TO);
    }

    function check_departureIsJudgedAsPredicted(uint256 amount) external {
        _assumeState(FROM);
        uint8 predicted = views.restrictionOf(3, FROM, address(0), amount);
        vm.prank(BRIDGE);
        (bool success, bytes memory answer) = address(token).call(abi.encodeCall(token.crosschainBurn, (FROM, amount)));
        _judge(predicted, success, answer, FROM);
    }
}
