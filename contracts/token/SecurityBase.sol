// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../access/Authorised.sol";
import {Delegating} from "../access/Delegating.sol";
import {IHolderRegistry} from "../interfaces/IHolderRegistry.sol";
import {Account, AccountLib} from "./Account.sol";
import {Hot, HotLib} from "./Hot.sol";
import {Restrictions} from "./Restrictions.sol";

/// @notice What a token is set up with.
/// @param name name, also of the EIP-712 domain; at most 31 bytes cost least
/// @param symbol symbol
/// @param isin ISO 6166, ASCII
/// @param lei ISO 17442 of the issuer, ASCII
/// @param termsHash keccak256 of the canonical terms
/// @param issueLimit most units that may ever be issued, over all ledgers
/// @param home true on the one ledger that issues
/// @param denyList true where `countries` are those whose holders may not receive
/// @param countries ISO 3166-1 numeric codes whose holders alone may receive, or may not
/// @param classes investor classes that may receive, bit by bit; classes above 31 never may
/// @param capped whether there is a most that one holder may hold, over all ledgers
/// @param limited whether there is a most of holders, over all ledgers
/// @param holdingCap this ledger's share of the cap of each holder
/// @param minimumLot least number of units of a transfer; 0 or 1 for any
/// @param holderLimit this ledger's share of the limit of holders
struct TokenInit {
    string name;
    string symbol;
    bytes12 isin;
    bytes20 lei;
    bytes32 termsHash;
    uint64 issueLimit;
    bool home;
    bool denyList;
    uint16[] countries;
    uint32 classes;
    bool capped;
    bool limited;
    uint64 holdingCap;
    uint64 minimumLot;
    uint32 holderLimit;
}

/// @notice Units of an account that cannot be delivered before a time, and what they keep from ledger to
/// ledger (MOV-8).
/// @param amount units
/// @param until first second at which they can be delivered
/// @param since when they were locked up, on whichever ledger that was: from then on they were held
/// @param path the ledgers that they passed: zero, or keccak256(path before, identifier of the movement)
struct Lot {
    uint64 amount;
    uint64 until;
    uint64 since;
    bytes32 path;
}

/// @notice Locked-up units that are to leave with a movement.
/// @param amount units
/// @param until end of their lock-up
struct LockUp {
    uint64 amount;
    uint64 until;
}

/// @notice An account's word, as a place in storage.
struct Position {
    Account word;
}

/// @notice Rules of a token that a first receipt reads, in one slot.
/// @param holdingCap this ledger's share of the holding cap, where there is one
/// @param minimumLot least number of units of a transfer
/// @param classes investor classes that may receive, bit by bit
/// @param pausedClasses investor classes whose holders' units do not move, bit by bit
/// @param holderLimit this ledger's share of the most holders, where there is a limit
/// @param holderCount holders with units here; counted where there is a limit
struct Policy {
    uint64 holdingCap;
    uint64 minimumLot;
    uint32 classes;
    uint32 pausedClasses;
    uint32 holderLimit;
    uint32 holderCount;
}

/// @notice A time span in which holders do not trade, such as around a corporate action.
/// @param from first second
/// @param until first second after it
struct Blackout {
    uint64 from;
    uint64 until;
}

/// @notice Units blocked in favour of another account.
struct Pledge {
    address pledgor;
    uint64 amount;
    address pledgee;
}

/// @notice A document of the security (ERC-1643).
struct Document {
    string uri;
    bytes32 hash;
    uint64 changedAt;
}

/// @title Common ground of the two halves of a security token
/// @notice `SecurityToken` has what every movement runs, `SecurityTokenExtension` the rest; both
/// run in the storage of the proxy, and both build on what is here.
abstract contract SecurityBase is Authorised, Delegating {
    /// @notice ERC-20.
    event Transfer(address indexed from, address indexed to, uint256 value);

    /// @notice The rules refuse the movement. `code` is that of `restrictionOf`.
    error TransferRestricted(uint8 code, address from, address to, uint256 amount);

    /// @notice A privileged act states its reason.
    error ReasonMissing();

    /// @custom:storage-location erc7201:paripassu.storage.Security
    struct SecurityStorage {
        Hot hot;
        mapping(address account => Position) accounts;
        Policy policy;
        mapping(uint256 word => uint256) countries;
        uint64 issued;
        uint64 issueLimit;
        uint64 stoppedUntil;
        uint64 irreversibleAt;
        bytes12 isin;
        bytes20 lei;
        bytes32 termsHash;
        string name;
        string symbol;
        uint64[] recordTimes;
        mapping(address account => mapping(uint256 index => uint256)) history;
        mapping(uint64 time => mapping(address account => uint256)) inTransit;
        mapping(address owner => mapping(address spender => uint256)) allowances;
        mapping(bytes32 ref => bool) used;
        mapping(address account => mapping(bytes4 balanceType => uint64)) subBalances;
        mapping(address account => Lot[]) lots;
        mapping(address account => uint64) quotas;
        mapping(uint192 holder => uint256) accountsOf;
        Blackout[] blackouts;
        address[] modules;
        mapping(bytes32 id => Pledge) pledges;
        uint256 pledgeCount;
        bytes32[] documentNames;
        mapping(bytes32 name => Document) documents;
        uint32 termsVersion;
        bytes32 amendedTermsHash;
        mapping(address owner => uint256) nonces;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.Security")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 internal constant STORAGE = 0xbb5027e853d560a5008b26752b30b61d29efdaefeb5e595bc7678dbe6b371500;

    bytes4 internal constant BLOK = "BLOK";
    bytes4 internal constant BLCA = "BLCA";
    bytes4 internal constant PLED = "PLED";
    bytes4 internal constant RSTR = "RSTR";

    // what a word of the HolderRegistry says of an account
    uint256 internal constant KNOWN = 1 << 24;
    uint256 internal constant ACTIVE = 1 << 25;
    uint256 internal constant SANCTIONED = 1 << 26;
    uint256 internal constant ADDITIONAL = 1 << 27;
    uint256 internal constant SUPERSEDED = 1 << 29;
    uint256 internal constant FROZEN_BY_ORDER = 1 << 30;

    IHolderRegistry internal immutable HOLDER_REGISTRY;

    constructor(address holderRegistry_) {
        if (holderRegistry_ == address(0)) revert ZeroAddress();
        HOLDER_REGISTRY = IHolderRegistry(holderRegistry_);
    }

    function _s() internal pure returns (SecurityStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @dev Emit `Transfer`; by hand it takes a fifth of the gas and of the code.
    function _emitTransfer(address from, address to, uint256 amount) internal {
        bytes32 topic = Transfer.selector;
        assembly ("memory-safe") {
            mstore(0, amount)
            log3(0, 32, topic, from, to)
        }
    }

    // ------------------------------------------------------------------ record times

    /// @dev Count the record times that have passed; most blocks pass none and write nothing.
    function _advance(SecurityStorage storage $) internal returns (Hot hot) {
        hot = $.hot;
        uint256 next = hot.nextRecordTime();
        if (next == 0 || next >= block.timestamp) return hot;
        uint256 passed = hot.passed();
        uint256 count = $.recordTimes.length;
        next = 0;
        while (passed < count) {
            next = $.recordTimes[passed];
            if (next >= block.timestamp) break;
            ++passed;
            next = 0;
        }
        hot = hot.withRecordTimes(next, passed);
        $.hot = hot;
    }

    /// @dev Remember what an account held at the record times since its last movement: one slot, which
    /// holds the balance and the number of record times that an earlier one covers. An account that
    /// never held anything needs none.
    function _noted(
        SecurityStorage storage $,
        address account,
        Account a,
        uint256 passed
    ) internal returns (Account) {
        uint256 written = a.recordIndex();
        // both count record times, one by one
        // slither-disable-next-line incorrect-equality
        if (written == passed) return a;
        uint256 units = a.balance();
        if (written != 0 || units != 0) $.history[account][passed] = units | (written << 64);
        return a.withRecordIndex(passed);
    }

    // ------------------------------------------------------------------ eligibility

    /// @dev Whether an account may deliver, as far as the registry knows.
    function _mayDeliver(uint256 word) internal view returns (bool) {
        return word & (KNOWN | ACTIVE | SANCTIONED | SUPERSEDED | FROZEN_BY_ORDER) == (KNOWN | ACTIVE)
            && !_hasExpired(word);
    }

    /// @dev What the registry says of an account, without the checks of a typed call: the registry is
    /// our own, and an answer that is not one word counts as no answer.
    function _wordOf(address account) internal view returns (uint256 word) {
        address registry = address(HOLDER_REGISTRY);
        uint256 selector = uint32(IHolderRegistry.wordOf.selector);
        assembly ("memory-safe") {
            mstore(0, selector)
            mstore(32, account)
            let success := staticcall(gas(), registry, 28, 36, 0, 32)
            if iszero(and(success, eq(returndatasize(), 32))) { revert(0, 0) }
            word := mload(0)
        }
    }

    /// @dev The policy's slot as it is: its fields are taken from it where they are needed.
    function _policyWord(SecurityStorage storage $) internal view returns (uint256 word) {
        Policy storage policy = $.policy;
        assembly {
            word := sload(policy.slot)
        }
    }

    function _isCountryAllowed(
        SecurityStorage storage $,
        uint256 country,
        bool denyList
    ) internal view returns (bool) {
        return ($.countries[country >> 8] & (1 << (country & 0xff)) != 0) != denyList;
    }

    function _inClasses(uint256 classes, uint256 class) internal pure returns (bool) {
        return class < 32 && (classes >> class) & 1 != 0;
    }

    function _hasExpired(uint256 word) internal view returns (bool) {
        uint256 expiry = uint32(word >> 32);
        return expiry != 0 && block.timestamp > expiry;
    }

    /// @dev Most units that an account may hold on this ledger.
    function _quotaOf(
        SecurityStorage storage $,
        address account,
        Account a,
        uint256 word,
        Hot hot,
        uint256 cap
    ) internal view returns (uint256) {
        if (!hot.has(HotLib.CAPPED)) return type(uint64).max;
        if (a.has(AccountLib.OWN_QUOTA)) return $.quotas[account];
        return word & ADDITIONAL == 0 ? cap : 0;
    }

    /// @dev An account with a verdict for the current policy, if it may receive and deliver as far as
    /// registry, countries and classes go; as it is where it may not.
    function _withVerdict(
        SecurityStorage storage $,
        address account,
        Account a,
        uint256 word,
        Hot hot,
        uint256 epoch
    ) internal view returns (Account, bool) {
        unchecked {
            if (!_mayDeliver(word)) return (a, false);
            uint256 policy = _policyWord($);
            // classes that may receive, bits 128-159, and are not paused, bits 160-191; above 31 none is
            uint256 classes = (policy >> 128) & ~(policy >> 160) & 0xffffffff;
            if (classes & (1 << uint8(word >> 16)) == 0) return (a, false);
            if (!_isCountryAllowed($, uint16(word), hot.has(HotLib.DENY_LIST))) return (a, false);
            uint256 day = uint32(word >> 32);
            day = day == 0 ? type(uint16).max : day / 1 days;
            return (a.withVerdict(_quotaOf($, account, a, word, hot, uint64(policy)), epoch, day), true);
        }
    }

    /// @dev The approved act in execution: the approvals contract puts it behind the call's data.
    function _actId() internal pure returns (bytes32 id) {
        assembly {
            id := calldataload(sub(calldatasize(), 32))
        }
    }
}
