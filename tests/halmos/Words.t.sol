// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Account} from "../../contracts/token/Account.sol";
import {Hot} from "../../contracts/token/Hot.sol";
import {Cached} from "./Ledger.sol";

/// @title The words that movements change keep what they do not mean to change
/// @notice Proved for every word there is. Arguments are bounded by the widths of their fields, which
/// is what the callers see to.
contract WordChecks {
    using Cached for Account;

    uint256 private constant MASK64 = type(uint64).max;

    /// Bits of the account's word outside a field of `width` bits at `at`.
    function _rest(uint256 word, uint256 at, uint256 width) private pure returns (uint256) {
        return word & ~(((1 << width) - 1) << at);
    }

    function check_plusChangesTheBalanceAlone(uint256 word, uint64 units) external pure {
        Account a = Account.wrap(word);
        if (a.balance() + units > MASK64) return;
        Account b = a.plus(units);
        assert(b.balance() == a.balance() + units);
        assert(_rest(Account.unwrap(b), 0, 64) == _rest(word, 0, 64));
    }

    function check_minusChangesTheBalanceAlone(uint256 word, uint64 units) external pure {
        Account a = Account.wrap(word);
        if (a.balance() < units) return;
        Account b = a.minus(units);
        assert(b.balance() == a.balance() - units);
        assert(_rest(Account.unwrap(b), 0, 64) == _rest(word, 0, 64));
    }

    function check_withUnavailableChangesItAlone(uint256 word, uint64 units) external pure {
        Account b = Account.wrap(word).withUnavailable(units);
        assert(b.unavailable() == units);
        assert(_rest(Account.unwrap(b), 64, 64) == _rest(word, 64, 64));
    }

    function check_withVerdictChangesItAlone(uint256 word, uint64 quota, uint24 epoch, uint16 day) external pure {
        Account b = Account.wrap(word).withVerdict(quota, epoch, day);
        assert(b.quota() == quota && b.epoch() == epoch && b.lapseDay() == day);
        assert(_rest(Account.unwrap(b), 128, 104) == _rest(word, 128, 104));
    }

    function check_withRecordIndexChangesItAlone(uint256 word, uint16 index) external pure {
        Account b = Account.wrap(word).withRecordIndex(index);
        assert(b.recordIndex() == index);
        assert(_rest(Account.unwrap(b), 232, 16) == _rest(word, 232, 16));
    }

    function check_withFlagChangesItAlone(uint256 word, uint8 flag, bool on) external pure {
        Account b = Account.wrap(word).withFlag(flag, on);
        assert(Account.unwrap(b) & ~(uint256(flag) << 248) == word & ~(uint256(flag) << 248));
        assert((Account.unwrap(b) >> 248) & flag == (on ? flag : 0));
    }

    function check_fieldsOfAnAccountDoNotOverlap(uint256 word) external pure {
        Account a = Account.wrap(word);
        uint256 put = a.balance() | a.unavailable() << 64 | a.quota() << 128 | a.epoch() << 192;
        put |= a.lapseDay() << 216 | a.recordIndex() << 232;
        assert(put == word & type(uint248).max);
    }

    function check_withImplementationChangesItAlone(uint256 word, address code) external pure {
        Hot h = Hot.wrap(word).withImplementation(code);
        assert(h.implementation() == code);
        assert(_rest(Hot.unwrap(h), 0, 160) == _rest(word, 0, 160));
    }

    function check_withRecordTimesChangesThemAlone(uint256 word, uint40 next, uint16 passed) external pure {
        Hot h = Hot.wrap(word).withRecordTimes(next, passed);
        assert(h.nextRecordTime() == next && h.passed() == passed);
        assert(_rest(Hot.unwrap(h), 160, 56) == _rest(word, 160, 56));
    }

    function check_withNextPolicyOnlyGrows(uint256 word) external pure {
        uint256 before = Hot.wrap(word).policy();
        Hot h = Hot.wrap(word).withNextPolicy();
        assert(h.policy() == before + 1 || (before == 0xffffff && h.policy() == before));
        assert(_rest(Hot.unwrap(h), 216, 24) == _rest(word, 216, 24));
    }

    function check_hotWithFlagChangesItAlone(uint256 word, uint16 flags, bool on) external pure {
        Hot h = Hot.wrap(word).withFlag(flags, on);
        assert(Hot.unwrap(h) & ~(uint256(flags) << 240) == word & ~(uint256(flags) << 240));
        assert((Hot.unwrap(h) >> 240) & flags == (on ? flags : 0));
    }
}
