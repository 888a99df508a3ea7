// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC1404} from "../interfaces/IERC1404.sol";
import {IERC1643} from "../interfaces/IERC1643.sol";
import {IERC3643} from "../interfaces/IERC3643.sol";
import {ISecurityActs, ISecurityViews} from "../interfaces/ISecurity.sol";
import {Roles} from "../access/Roles.sol";
import {Authorised} from "../access/Authorised.sol";
import {Account, AccountLib} from "./Account.sol";
import {Holdings} from "./Holdings.sol";
import {Hot, HotLib} from "./Hot.sol";
import {Restrictions} from "./Restrictions.sol";
import {Blackout, Document, Lot, Pledge, SecurityBase} from "./SecurityBase.sol";

/// @title One instance of a security: what is not needed to move units
/// @notice Rules and their changes, freezes, pauses, lock-ups, pledges, recovery, documents, and the
/// surfaces of ERC-3643, ERC-7943, ERC-1404 and ERC-1643. Runs in the storage of the token's proxy.
/// @dev Every privileged act states a reason; where a standard's function has no room for one, the
/// reason is the name of the standard.
contract SecurityTokenExtension is Holdings {
    /// @notice A privileged act, by whom and why.
    event Reasoned(address indexed caller, bytes4 indexed selector, bytes32 indexed reason);

    /// @notice The rules changed. `call` is the change itself, so that the rules of any time can be
    /// rebuilt from these events (VER-5).
    event RuleChanged(uint256 indexed counter, bytes32 indexed reason, bytes call);

    /// @notice ERC-7943: the frozen units of an account changed.
    event Frozen(address indexed account, uint256 amount);

    /// @notice All movements but payouts and acts of law are stopped until a time.
    event EmergencyStopped(uint64 until, address account);

    /// @notice Units of investor classes are paused or go on.
    event ClassesPaused(uint32 classes, bool paused);

    /// @notice Units were pledged.
    event Pledged(bytes32 indexed id, address indexed pledgor, address indexed pledgee, uint256 amount);

    /// @notice A pledge ended, released or enforced.
    event PledgeEnded(bytes32 indexed id, bool enforced);

    /// @notice Corporate actions alone do this.
    error NotCorporateActions(address caller);

    /// @notice An emergency stop is bounded: at most seven days (CTL-6).
    error StopTooLong(uint64 until, uint256 latest);

    /// @notice The value cannot be a rule.
    error InvalidRule();

    /// @notice The terms of the security have no such rule.
    error NoSuchRule();

    /// @notice More of a quota would leave than is not used. The zero address stands for places of holders.
    error QuotaInUse(address account, uint256 amount, uint256 unused);

    /// @notice The quota is for another holder than the account's.
    error AnotherHolder(address account);

    /// @notice Quotas alone do this.
    error NotQuotas(address caller);

    /// @notice The account is not the successor of the other.
    error NotSuccessor(address lost, address to);

    /// @notice No such pledge, or it is another's.
    error PledgeUnknown(bytes32 id, address caller);

    /// @notice The lists of a batch differ in length.
    error LengthMismatch(uint256 accounts, uint256 amounts);

    bytes32 private constant BY_STANDARD = "ERC-3643";
    uint256 private constant LONGEST_STOP = 7 days;

    address private immutable CORPORATE_ACTIONS;
    address private immutable QUOTAS;
    address private immutable READINGS;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param holderRegistry_ register of the chain's accounts
    /// @param corporateActions_ may block units for a corporate action
    /// @param quotas_ may move quotas between ledgers
    /// @param readings_ the last part of the code
    constructor(
        address authority_,
        address approvals_,
        address holderRegistry_,
        address corporateActions_,
        address quotas_,
        address readings_
    ) SecurityBase(holderRegistry_) Authorised(authority_, approvals_) {
        if (corporateActions_ == address(0) || quotas_ == address(0) || readings_ == address(0)) revert ZeroAddress();
        CORPORATE_ACTIONS = corporateActions_;
        QUOTAS = quotas_;
        READINGS = readings_;
    }

    /// @dev What is not here is in the last part of the code.
    fallback() external {
        _delegate(READINGS);
    }

    // ------------------------------------------------------------------ verdicts

    /// @notice See `ISecurityViews`.
    function restrictionOf(uint8 kind, address from, address to, uint256 amount) public view returns (uint8) {
        return _restriction(kind, from, to, amount);
    }

    /// @notice ERC-1404: verdict on a transfer. The zero address as `from` asks whether units should come
    /// from the issuer or another ledger, as `to` about a departure to another ledger.
    /// @dev Units that are on their way already arrive at frozen accounts too: ask `restrictionOf`.
    function detectTransferRestriction(address from, address to, uint256 amount) public view returns (uint8) {
        if (from == address(0)) return _restriction(Restrictions.ISSUE, from, to, amount);
        return _restriction(to == address(0) ? Restrictions.BRIDGE_OUT : Restrictions.TRANSFER, from, to, amount);
    }

    /// @notice See `ISecurityViews`.
    function allowedAmount(address from, address to) external view returns (uint256 amount, uint8 code) {
        SecurityStorage storage $ = _s();
        // the whole balance is tried first; it is also what the minimum lot makes an exception for
        uint256 high = from == address(0) ? type(uint64).max : $.accounts[from].word.balance();
        code = detectTransferRestriction(from, to, high);
        if (code == 0) return (high, detectTransferRestriction(from, to, high + 1));
        // below the whole balance, what is allowed is allowed from the minimum lot on, up to a bound
        uint256 lot = from != address(0) && $.policy.minimumLot > 1 ? $.policy.minimumLot : 1;
        if (lot >= high || detectTransferRestriction(from, to, lot) != 0) {
            return (0, detectTransferRestriction(from, to, 1));
        }
        uint256 low = lot;
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (detectTransferRestriction(from, to, middle) == 0) low = middle;
            else high = middle;
        }
        return (low, detectTransferRestriction(from, to, low + 1));
    }

    /// @notice ERC-7943: whether a transfer would pass the rules now.
    function canTransfer(address from, address to, uint256 amount) external view returns (bool) {
        return from != address(0) && to != address(0) && detectTransferRestriction(from, to, amount) == 0;
    }

    /// @notice ERC-7943: whether an account may deliver.
    function canSend(address account) external view returns (bool) {
        return account != address(0) && _restriction(Restrictions.BRIDGE_OUT, account, address(0), 0) == 0;
    }

    /// @notice ERC-7943: whether an account may receive.
    function canReceive(address account) external view returns (bool) {
        return account != address(0) && _restriction(Restrictions.ISSUE, address(0), account, 0) == 0;
    }

    /// @notice Verdict on a payment to an account.
    function payoutRestriction(address account) external view returns (uint8) {
        return _restriction(Restrictions.PAYOUT, address(0), account, 0);
    }

    /// @notice See `ISecurityViews`.
    function availableBalanceOf(address account) public view returns (uint256) {
        if (account == address(0)) return 0;
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        (, uint256 lapsed) = _lotsOf($, account, a);
        return a.available() + lapsed;
    }

    /// @notice See `ISecurityViews`.
    function balanceOfType(address account, bytes4 balanceType) external view returns (uint256) {
        if (balanceType == "AWAS") return availableBalanceOf(account);
        SecurityStorage storage $ = _s();
        if (balanceType != RSTR) return $.subBalances[account][balanceType];
        (uint256 inLots, uint256 lapsed) = _lotsOf($, account, $.accounts[account].word);
        return inLots - lapsed;
    }

    /// @notice See `ISecurityViews`.
    function quotaOf(address account) external view returns (uint256) {
        SecurityStorage storage $ = _s();
        return
            _quotaOf($, account, $.accounts[account].word, _wordOf(account), $.hot, $.policy.holdingCap);
    }

    // ------------------------------------------------------------------ freeze

    /// @notice Freeze or release an account.
    /// @custom:access-control FREEZER
    function freeze(address account, bool frozen, bytes32 reason) external onlyRole(Roles.FREEZER) {
        _because(reason);
        _freeze(account, frozen);
    }

    /// @notice ERC-3643: freeze or release an account.
    /// @custom:access-control FREEZER
    function setAddressFrozen(address account, bool frozen) external onlyRole(Roles.FREEZER) {
        _because(BY_STANDARD);
        _freeze(account, frozen);
    }

    /// @notice ERC-3643: freeze or release accounts.
    /// @custom:access-control FREEZER
    function batchSetAddressFrozen(
        address[] calldata accounts,
        bool[] calldata frozen
    ) external onlyRole(Roles.FREEZER) {
        _because(BY_STANDARD);
        _sameLength(accounts.length, frozen.length);
        for (uint256 i = 0; i < accounts.length; ++i) _freeze(accounts[i], frozen[i]);
    }

    /// @notice Set how many units of an account are frozen (ISO balance type BLOK).
    /// @custom:access-control FREEZER
    function freezeUnits(address account, uint256 amount, bytes32 reason) external onlyRole(Roles.FREEZER) {
        _because(reason);
        _freezeUnits(account, amount);
    }

    /// @notice ERC-7943: set how many units of an account are frozen.
    /// @custom:access-control FREEZER
    function setFrozenTokens(address account, uint256 amount) external onlyRole(Roles.FREEZER) returns (bool) {
        _because("ERC-7943");
        _freezeUnits(account, amount);
        return true;
    }

    /// @notice ERC-3643: freeze more units.
    /// @custom:access-control FREEZER
    function freezePartialTokens(address account, uint256 amount) external onlyRole(Roles.FREEZER) {
        _because(BY_STANDARD);
        _freezeMore(account, amount);
    }

    /// @notice ERC-3643: release frozen units.
    /// @custom:access-control FREEZER
    function unfreezePartialTokens(address account, uint256 amount) external onlyRole(Roles.FREEZER) {
        _because(BY_STANDARD);
        _unfreeze(account, amount);
    }

    /// @notice ERC-3643: freeze more units, for many.
    /// @custom:access-control FREEZER
    function batchFreezePartialTokens(
        address[] calldata accounts,
        uint256[] calldata amounts
    ) external onlyRole(Roles.FREEZER) {
        _forEach(accounts, amounts, _freezeMore);
    }

    /// @notice ERC-3643: release frozen units, for many.
    /// @custom:access-control FREEZER
    function batchUnfreezePartialTokens(
        address[] calldata accounts,
        uint256[] calldata amounts
    ) external onlyRole(Roles.FREEZER) {
        _forEach(accounts, amounts, _unfreeze);
    }

    // ------------------------------------------------------------------ pause

    /// @notice Stop movements. Redemptions, payouts and acts of law go on (CTL-6).
    /// @custom:access-control PAUSER
    function pause(bytes32 reason) external onlyRole(Roles.PAUSER) {
        _because(reason);
        _pause();
    }

    /// @notice ERC-3643: stop movements.
    /// @custom:access-control PAUSER
    function pause() external onlyRole(Roles.PAUSER) {
        _because(BY_STANDARD);
        _pause();
    }

    /// @notice Let movements go on, after a pause or an emergency stop.
    /// @custom:access-control UNPAUSER
    function unpause(bytes32 reason) external onlyRole(Roles.UNPAUSER) {
        _because(reason);
        _unpause();
    }

    /// @notice ERC-3643: let movements go on.
    /// @custom:access-control UNPAUSER
    function unpause() external onlyRole(Roles.UNPAUSER) {
        _because(BY_STANDARD);
        _unpause();
    }

    /// @notice Stop everything but payouts and acts of law, for seven days at most. Who stops cannot go
    /// on and on: for another stop an UNPAUSER must have ended this one, in force or over.
    /// @param until last second of the stop; a stop in force can be made shorter
    /// @custom:access-control PAUSER
    function emergencyStop(uint64 until, bytes32 reason) external onlyRole(Roles.PAUSER) {
        _because(reason);
        SecurityStorage storage $ = _s();
        uint256 latest = $.hot.has(HotLib.STOPPED) ? $.stoppedUntil : block.timestamp + LONGEST_STOP;
        if (until > latest || until < block.timestamp) revert StopTooLong(until, latest);
        $.stoppedUntil = until;
        $.hot = $.hot.withFlag(HotLib.STOPPED, true);
        emit EmergencyStopped(until, msg.sender);
    }

    /// @notice Pause the inventory that holders of some investor classes have.
    /// @param classes bit by bit; added to those that are paused
    /// @custom:access-control PAUSER
    function pauseClasses(uint32 classes, bytes32 reason) external onlyRole(Roles.PAUSER) {
        _s().policy.pausedClasses |= classes;
        _rulesChanged(reason);
        emit ClassesPaused(classes, true);
    }

    /// @notice Let the inventory of investor classes move again.
    /// @custom:access-control UNPAUSER
    function unpauseClasses(uint32 classes, bytes32 reason) external onlyRole(Roles.UNPAUSER) {
        _s().policy.pausedClasses &= ~classes;
        _rulesChanged(reason);
        emit ClassesPaused(classes, false);
    }

    // ------------------------------------------------------------------ lock-ups, pledges, blocks

    /// @notice Lock units of an account up until a time; several lots make a vesting plan.
    /// @param until first second at which they can be delivered
    /// @custom:access-control TRANSFER_AGENT
    function lock(
        address account,
        uint64 amount,
        uint64 until,
        bytes32 reason
    ) external onlyRole(Roles.TRANSFER_AGENT) {
        _because(reason);
        if (amount == 0 || until <= block.timestamp) revert InvalidRule();
        _addLot(account, Lot(amount, until, uint64(block.timestamp), 0), false);
    }

    /// @notice Pledge units of the caller to another account. They stay the caller's, with their
    /// entitlements, and do not move until the pledgee releases or enforces the pledge (ID-6).
    /// @return id names the pledge
    function pledge(address pledgee, uint256 amount) external returns (bytes32 id) {
        uint8 code = _restriction(Restrictions.PLEDGE, msg.sender, pledgee, amount);
        if (code != 0) revert TransferRestricted(code, msg.sender, pledgee, amount);
        if (amount == 0) revert InvalidRule();
        SecurityStorage storage $ = _s();
        _releaseLapsed(msg.sender);
        id = keccak256(abi.encode(address(this), block.chainid, ++$.pledgeCount));
        $.pledges[id] = Pledge(msg.sender, uint64(amount), pledgee);
        _setSubBalance($, msg.sender, PLED, $.subBalances[msg.sender][PLED] + amount);
        emit Pledged(id, msg.sender, pledgee, amount);
    }

    /// @notice Release a pledge.
    /// @custom:access-control the pledgee
    function releasePledge(bytes32 id) external {
        _endPledge(id);
        emit PledgeEnded(id, false);
    }

    /// @notice Take pledged units; the movement passes every rule of a transfer.
    /// @custom:access-control the pledgee
    function enforcePledge(bytes32 id) external {
        (address pledgor, uint256 amount) = _endPledge(id);
        emit PledgeEnded(id, true);
        SecurityStorage storage $ = _s();
        uint256 allowed = $.allowances[pledgor][msg.sender];
        $.allowances[pledgor][msg.sender] = amount;
        _run($.hot.implementation(), abi.encodeCall(IERC20.transferFrom, (pledgor, msg.sender, amount)));
        $.allowances[pledgor][msg.sender] = allowed;
    }

    /// @notice Set how many units of an account are blocked for a corporate action (BLCA).
    /// @custom:access-control the corporate actions contract
    function blockForCorporateAction(address account, uint256 amount) external {
        _onlyCorporateActions();
        _releaseLapsed(account);
        _setSubBalance(_s(), account, BLCA, amount);
    }

    // ------------------------------------------------------------------ recovery

    /// @notice Move everything that a superseded account has to its successor. Who succeeds whom is the
    /// HolderRegistry's to say, after proof of both keys or an approved recovery (UBO-10, CTL-7).
    /// @param onchainId of ERC-3643; not used here
    /// @custom:access-control TRANSFER_AGENT, or the successor
    function recoveryAddress(address lost, address to, address onchainId) external returns (bool) {
        if (msg.sender != to) _checkRole(Roles.TRANSFER_AGENT);
        if (lost == to || HOLDER_REGISTRY.currentOf(lost) != to) revert NotSuccessor(lost, to);
        uint256 units = _succeed(lost, to, _advance(_s()));
        _emitTransfer(lost, to, units);
        emit IERC3643.RecoverySuccess(lost, to, onchainId);
        return true;
    }

    // ------------------------------------------------------------------ rules

    /// @notice Set the countries whose holders alone may receive, or may not.
    /// @param countries ISO 3166-1 numeric
    /// @param denyList true where the countries are those that may not
    /// @custom:access-control RULE_MANAGER
    function setCountries(
        uint16[] calldata countries,
        bool denyList,
        bytes32 reason
    ) external onlyRole(Roles.RULE_MANAGER) {
        SecurityStorage storage $ = _s();
        // memory is zero
        // slither-disable-next-line uninitialized-local
        uint256[4] memory words;
        for (uint256 i = 0; i < countries.length; ++i) {
            if (countries[i] == 0 || countries[i] > 999) revert InvalidRule();
            words[countries[i] >> 8] |= 1 << (countries[i] & 0xff);
        }
        for (uint256 i = 0; i < 4; ++i) $.countries[i] = words[i];
        $.hot = $.hot.withFlag(HotLib.DENY_LIST, denyList);
        _rulesChanged(reason);
    }

    /// @notice Set the investor classes that may receive, bit by bit.
    /// @custom:access-control RULE_MANAGER
    function setClasses(uint32 classes, bytes32 reason) external onlyRole(Roles.RULE_MANAGER) {
        _s().policy.classes = classes;
        _rulesChanged(reason);
    }

    /// @notice Set this ledger's share of the holding cap. The shares of all ledgers make up the cap of
    /// the terms: what changes them otherwise are the quotas that ledgers move between each other.
    /// @custom:access-control approved act
    function setHoldingCap(uint64 share) external onlyApproved {
        if (!_s().hot.has(HotLib.CAPPED)) revert NoSuchRule();
        _s().policy.holdingCap = share;
        _rulesChanged(_actId());
    }

    /// @notice Set this ledger's share of the limit of holders.
    /// @custom:access-control approved act
    function setHolderLimit(uint32 share) external onlyApproved {
        if (!_s().hot.has(HotLib.LIMITED)) revert NoSuchRule();
        _s().policy.holderLimit = share;
        _rulesChanged(_actId());
    }

    // ------------------------------------------------------------------ quotas

    /// @notice Take part of an account's holding cap away from this ledger, for it to count on another.
    /// Never more than what the account does not use.
    /// @return holder commitment to the account's holder, for whom it must count there
    /// @custom:access-control the quotas contract
    function releaseQuota(address account, uint64 amount) external returns (uint192 holder) {
        _onlyQuotas();
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        if (!$.hot.has(HotLib.CAPPED)) revert NoSuchRule();
        uint256 word = _wordOf(account);
        // a superseded account's cap is its successor's: it does not count a second time elsewhere
        if (word & (KNOWN | SUPERSEDED) != KNOWN) revert AnotherHolder(account);
        uint256 quota = _quotaOf($, account, a, word, $.hot, $.policy.holdingCap);
        uint256 unused = quota > a.balance() ? quota - a.balance() : 0;
        if (amount > unused) revert QuotaInUse(account, amount, unused);
        _setQuota($, account, a, quota - amount);
        return _holderOf(word);
    }

    /// @notice Add to an account's holding cap what another ledger gave up for the same holder.
    /// @custom:access-control the quotas contract
    function grantQuota(address account, uint192 holder, uint64 amount) external {
        _onlyQuotas();
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        if (!$.hot.has(HotLib.CAPPED)) revert NoSuchRule();
        uint256 word = _wordOf(account);
        if (word & (KNOWN | SUPERSEDED) != KNOWN || _holderOf(word) != holder) revert AnotherHolder(account);
        _setQuota($, account, a, _quotaOf($, account, a, word, $.hot, $.policy.holdingCap) + amount);
    }

    /// @notice Take places of the limit of holders away from this ledger. Never more than are free.
    /// @custom:access-control the quotas contract
    function releasePlaces(uint32 places) external {
        _onlyQuotas();
        SecurityStorage storage $ = _s();
        if (!$.hot.has(HotLib.LIMITED)) revert NoSuchRule();
        (uint32 limit, uint32 count) = ($.policy.holderLimit, $.policy.holderCount);
        uint256 unused = limit > count ? limit - count : 0;
        if (places > unused) revert QuotaInUse(address(0), places, unused);
        _setPlaces($, limit - places);
    }

    /// @notice Add places that another ledger gave up.
    /// @custom:access-control the quotas contract
    function grantPlaces(uint32 places) external {
        _onlyQuotas();
        SecurityStorage storage $ = _s();
        if (!$.hot.has(HotLib.LIMITED)) revert NoSuchRule();
        _setPlaces($, $.policy.holderLimit + places);
    }

    // ------------------------------------------------------------------ more rules

    /// @notice Set the least number of units of a transfer.
    /// @custom:access-control RULE_MANAGER
    function setMinimumLot(uint64 lot, bytes32 reason) external onlyRole(Roles.RULE_MANAGER) {
        _s().policy.minimumLot = lot;
        _rulesChanged(reason);
    }

    /// @notice Set the time spans without trade.
    /// @custom:access-control RULE_MANAGER
    function setBlackouts(Blackout[] calldata windows, bytes32 reason) external onlyRole(Roles.RULE_MANAGER) {
        SecurityStorage storage $ = _s();
        if (windows.length > 8) revert InvalidRule();
        delete $.blackouts;
        for (uint256 i = 0; i < windows.length; ++i) {
            if (windows[i].until <= windows[i].from) revert InvalidRule();
            $.blackouts.push(windows[i]);
        }
        _rulesChanged(reason);
    }

    /// @notice Plug rule contracts in, in place of those that were.
    /// @custom:access-control RULE_MANAGER
    function setModules(address[] calldata modules_, bytes32 reason) external onlyRole(Roles.RULE_MANAGER) {
        if (modules_.length > 8) revert InvalidRule();
        _s().modules = modules_;
        _rulesChanged(reason);
    }

    // ------------------------------------------------------------------ parts

    function _because(bytes32 reason) private {
        if (reason == 0) revert ReasonMissing();
        emit Reasoned(msg.sender, msg.sig, reason);
    }

    /// @dev Nothing cached counts any more; whether movements need a closer look is settled anew.
    function _rulesChanged(bytes32 reason) private {
        if (reason == 0) revert ReasonMissing();
        SecurityStorage storage $ = _s();
        bool complex = $.policy.minimumLot > 1 || $.hot.has(HotLib.LIMITED) || $.blackouts.length != 0
            || $.modules.length != 0;
        Hot hot = $.hot.withFlag(HotLib.COMPLEX, complex).withNextPolicy();
        $.hot = hot;
        emit RuleChanged(hot.policy(), reason, msg.data);
    }

    function _freeze(address account, bool frozen) private {
        SecurityStorage storage $ = _s();
        Account a = $.accounts[account].word;
        if (account == address(0) || a.has(AccountLib.FROZEN) == frozen) return;
        $.accounts[account].word = a.withFlag(AccountLib.FROZEN, frozen);
        emit IERC3643.AddressFrozen(account, frozen, msg.sender);
    }

    function _freezeUnits(address account, uint256 amount) private {
        _releaseLapsed(account);
        _setSubBalance(_s(), account, BLOK, amount);
        emit Frozen(account, amount);
    }

    function _freezeMore(address account, uint256 amount) private {
        _releaseLapsed(account);
        uint256 before = _s().subBalances[account][BLOK];
        if (amount > type(uint64).max) revert UnitsUnavailable(account, amount, _s().accounts[account].word.available());
        _setSubBalance(_s(), account, BLOK, before + amount);
        emit IERC3643.TokensFrozen(account, amount);
    }

    function _unfreeze(address account, uint256 amount) private {
        uint256 before = _s().subBalances[account][BLOK];
        if (amount > before) revert UnitsUnavailable(account, amount, before);
        _setSubBalance(_s(), account, BLOK, before - amount);
        emit IERC3643.TokensUnfrozen(account, amount);
    }

    function _forEach(
        address[] calldata accounts,
        uint256[] calldata amounts,
        function(address, uint256) internal act
    ) private {
        _because(BY_STANDARD);
        _sameLength(accounts.length, amounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) act(accounts[i], amounts[i]);
    }

    function _pause() private {
        SecurityStorage storage $ = _s();
        if ($.hot.has(HotLib.PAUSED)) return;
        $.hot = $.hot.withFlag(HotLib.PAUSED, true);
        emit IERC3643.Paused(msg.sender);
    }

    function _unpause() private {
        SecurityStorage storage $ = _s();
        if (!$.hot.has(HotLib.PAUSED | HotLib.STOPPED)) return;
        $.stoppedUntil = 0;
        $.hot = $.hot.withFlag(HotLib.PAUSED, false).withFlag(HotLib.STOPPED, false);
        emit IERC3643.Unpaused(msg.sender);
    }

    function _endPledge(bytes32 id) private returns (address pledgor, uint256 amount) {
        SecurityStorage storage $ = _s();
        Pledge memory pledge_ = $.pledges[id];
        if (pledge_.pledgee == address(0) || HOLDER_REGISTRY.currentOf(pledge_.pledgee) != msg.sender) {
            revert PledgeUnknown(id, msg.sender);
        }
        delete $.pledges[id];
        (pledgor, amount) = (pledge_.pledgor, pledge_.amount);
        uint64 held = $.subBalances[pledgor][PLED];
        address next = pledgor;
        while (held < amount) {
            // they may have gone to a successor, and not yet from that one to its own
            // when it succeeded does not matter here
            // slither-disable-next-line unused-return
            (next, ) = HOLDER_REGISTRY.successorOf(next);
            if (next == address(0)) break;
            uint64 there = $.subBalances[next][PLED];
            if (there > held) (pledgor, held) = (next, there);
        }
        // the law may have taken pledged units
        if (amount > held) amount = held;
        _setSubBalance($, pledgor, PLED, held - amount);
    }

    function _setQuota(SecurityStorage storage $, address account, Account a, uint256 quota) private {
        if (quota > type(uint64).max) quota = type(uint64).max;
        $.quotas[account] = uint64(quota);
        // the verdict is cached with the quota
        $.accounts[account].word = a.withFlag(AccountLib.OWN_QUOTA, true).withVerdict(0, 0, 0);
        emit QuotaChanged(account, quota);
    }

    function _setPlaces(SecurityStorage storage $, uint32 places) private {
        $.policy.holderLimit = places;
        emit QuotaChanged(address(0), places);
    }

    function _onlyQuotas() private view {
        if (msg.sender != QUOTAS) revert NotQuotas(msg.sender);
    }

    function _onlyCorporateActions() private view {
        if (msg.sender != CORPORATE_ACTIONS) revert NotCorporateActions(msg.sender);
    }

    function _sameLength(uint256 accounts, uint256 amounts) private pure {
        if (accounts != amounts) revert LengthMismatch(accounts, amounts);
    }
}
