// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../access/Authorised.sol";
import {Roles} from "../access/Roles.sol";
import {IERC1643} from "../interfaces/IERC1643.sol";
import {Account, AccountLib} from "./Account.sol";
import {Hot, HotLib} from "./Hot.sol";
import {RecordTimes} from "./RecordTimes.sol";
import {Restrictions} from "./Restrictions.sol";
import {Blackout, Document, Lot, Pledge, Policy, SecurityBase} from "./SecurityBase.sol";
import {TravellingLots} from "./TravellingLots.sol";

/// @title One instance of a security: identity, record times, documents, and what can only be read
/// @notice The last part of the token's own code, reached where the others have no such function; what it has not
/// either is in the `Kernel`. Runs in the storage of the token's proxy.
contract SecurityTokenReadings is TravellingLots {
    using RecordTimes for uint64[];

    /// @notice Balances at this time can be asked for once it has passed.
    event RecordTimeArmed(uint64 indexed time);

    /// @notice The security's name or symbol changed.
    event NameChanged(string name, string symbol, bytes32 indexed actId);

    /// @notice The most units that may be issued changed.
    event IssueLimitChanged(uint64 limit, bytes32 indexed actId);

    /// @notice The terms were amended.
    event TermsAmended(bytes32 termsHash, uint32 termsVersion, bytes32 indexed actId);

    /// @notice Corporate actions alone do this.
    error NotCorporateActions(address caller);

    /// @notice A document needs a name and a hash.
    error IncompleteDocument(bytes32 name);

    /// @notice Less than what stands already.
    error BelowIssued(uint256 limit, uint256 issued);

    /// @notice Fixed for the life of the security.
    error FixedForLife();

    /// @notice No such document.
    error DocumentUnknown(bytes32 name);

    address private immutable CORPORATE_ACTIONS;
    address private immutable KERNEL;

    /// @dev A sentence for each restriction code from 0 on, the last one for all codes that there are not.
    string private constant SENTENCES =
        "The movement is allowed."
        "The security is paused."
        "The delivering account is not registered."
        "The delivering account is suspended or its registration has expired."
        "The delivering account is frozen."
        "The receiving account is not registered."
        "The receiving account is suspended or its registration has expired."
        "The receiving account is frozen."
        "The receiving account's country is not allowed for this security."
        "The receiving account's investor class is not allowed for this security."
        "The delivering account has too few available units."
        "The units are blocked or pledged."
        "The units are locked up."
        "The delivering account's holder is sanctioned."
        "The receiving account's holder is sanctioned."
        "The receiving account would hold more than its cap."
        "The security would have more holders than it may have."
        "The movement is below the minimum lot."
        "The security is in a blackout window."
        "The inventory of this investor class is paused."
        "A rule contract refuses the movement."
        "A rule contract gives no answer."
        "No such code.";
    uint256 private constant LAST_SENTENCE = 22;

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    /// @param holderRegistry_ register of the chain's accounts
    /// @param corporateActions_ may arm record times
    constructor(
        address authority_,
        address approvals_,
        address kernel_,
        address holderRegistry_,
        address corporateActions_
    ) SecurityBase(holderRegistry_) Authorised(authority_, approvals_) {
        if (corporateActions_ == address(0) || kernel_ == address(0)) revert ZeroAddress();
        CORPORATE_ACTIONS = corporateActions_;
        KERNEL = kernel_;
    }

    /// @dev What is not here is in the kernel, which runs in the same storage.
    fallback() external {
        _delegate(KERNEL);
    }

    // ------------------------------------------------------------------ names and terms

    /// @notice ERC-3643: change the security's name.
    /// @custom:access-control approved act
    function setName(string calldata name) external onlyApproved {
        _s().name = name;
        emit NameChanged(name, _s().symbol, _actId());
    }

    /// @notice ERC-3643: change the security's symbol.
    /// @custom:access-control approved act
    function setSymbol(string calldata symbol) external onlyApproved {
        _s().symbol = symbol;
        emit NameChanged(_s().name, symbol, _actId());
    }

    /// @notice Change the most units that may be issued.
    /// @custom:access-control approved act
    function setIssueLimit(uint64 limit) external onlyApproved {
        if (limit < _s().issued) revert BelowIssued(limit, _s().issued);
        _s().issueLimit = limit;
        emit IssueLimitChanged(limit, _actId());
    }

    /// @notice Amend the terms. The security stays the same: its identifier is of its first terms.
    /// @custom:access-control approved act
    function amendTerms(bytes32 hash) external onlyApproved {
        SecurityStorage storage $ = _s();
        $.amendedTermsHash = hash;
        emit TermsAmended(hash, ++$.termsVersion + 1, _actId());
    }

    /// @notice ERC-3643: the on-chain identity of the token is fixed.
    function setOnchainID(address) external pure {
        revert FixedForLife();
    }

    /// @notice ERC-3643: a security that circulates does not change its register.
    function setIdentityRegistry(address) external pure {
        revert FixedForLife();
    }

    /// @notice ERC-3643: the rules are the token's own.
    function setCompliance(address) external pure {
        revert FixedForLife();
    }

    // ------------------------------------------------------------------ texts

    /// @notice ERC-1404: text of a restriction code.
    function messageForTransferRestriction(uint8 code) external pure returns (string memory text) {
        text = SENTENCES;
        assembly ("memory-safe") {
            if gt(code, LAST_SENTENCE) { code := LAST_SENTENCE }
            let at := add(text, 32)
            let from := at
            for { let left := add(code, 1) } left { at := add(at, 1) } {
                if eq(byte(0, mload(at)), 0x2e) {
                    left := sub(left, 1)
                    if left { from := add(at, 1) }
                }
            }
            // what stood in the place of the length was read, or is of no more use
            text := sub(from, 32)
            mstore(text, sub(at, from))
        }
    }

    // ------------------------------------------------------------------ balances

    /// @notice See `ISecurityViews`.
    function lotsOf(address account) external view returns (Lot[] memory) {
        return _s().lots[account];
    }

    /// @notice A pledge; zeros when there is none.
    function pledgeOf(bytes32 id) external view returns (Pledge memory) {
        return _s().pledges[id];
    }

    /// @notice Whether an account is frozen, itself or by an order against its holder.
    function isFrozen(address account) external view returns (bool) {
        return _s().accounts[account].word.has(AccountLib.FROZEN) || _wordOf(account) & FROZEN_BY_ORDER != 0;
    }

    /// @notice ERC-3643, ERC-7943: units of an account that are frozen.
    function getFrozenTokens(address account) external view returns (uint256) {
        return _s().subBalances[account][BLOK];
    }

    // ------------------------------------------------------------------ rules

    /// @notice See `ISecurityViews`.
    function policy() external view returns (Policy memory) {
        return _s().policy;
    }

    /// @notice See `ISecurityViews`.
    function limits() external view returns (bool capped, bool limited) {
        Hot hot = _s().hot;
        return (hot.has(HotLib.CAPPED), hot.has(HotLib.LIMITED));
    }

    /// @notice See `ISecurityViews`.
    function policyCounter() external view returns (uint256) {
        return _s().hot.policy();
    }

    /// @notice See `ISecurityViews`.
    function isCountryAllowed(uint16 country) external view returns (bool) {
        return _isCountryAllowed(_s(), country, _s().hot.has(HotLib.DENY_LIST));
    }

    /// @notice See `ISecurityViews`.
    function isClassAllowed(uint8 class) external view returns (bool) {
        return _inClasses(_s().policy.classes, class);
    }

    /// @notice See `ISecurityViews`.
    function blackouts() external view returns (Blackout[] memory) {
        return _s().blackouts;
    }

    /// @notice See `ISecurityViews`.
    function modules() external view returns (address[] memory) {
        return _s().modules;
    }

    /// @notice Whether movements are stopped.
    function paused() external view returns (bool) {
        Hot hot = _s().hot;
        return hot.has(HotLib.PAUSED) || (hot.has(HotLib.STOPPED) && block.timestamp <= _s().stoppedUntil);
    }

    /// @notice See `ISecurityViews`.
    function stoppedUntil() external view returns (uint64) {
        return _s().stoppedUntil;
    }

    // ------------------------------------------------------------------ identity

    /// @notice Identifier of the security, equal on every ledger: of its ISIN and its first terms.
    function securityId() external view returns (bytes32) {
        return keccak256(abi.encode(_s().isin, _s().termsHash));
    }

    /// @notice See `ISecurityViews`.
    function isin() external view returns (bytes12) {
        return _s().isin;
    }

    /// @notice See `ISecurityViews`.
    function lei() external view returns (bytes20) {
        return _s().lei;
    }

    /// @notice See `ISecurityViews`.
    function termsHash() external view returns (bytes32) {
        return _s().termsVersion == 0 ? _s().termsHash : _s().amendedTermsHash;
    }

    /// @notice See `ISecurityViews`.
    function isHome() external view returns (bool) {
        return _s().hot.has(HotLib.HOME);
    }

    /// @notice Register of holders that the rules read.
    function holderRegistry() external view returns (address) {
        return address(HOLDER_REGISTRY);
    }

    /// @notice ERC-3643: the same register.
    function identityRegistry() external view returns (address) {
        return address(HOLDER_REGISTRY);
    }

    /// @notice ERC-3643: the rules are the token's own; it answers `canTransfer`.
    function compliance() external view returns (address) {
        return address(this);
    }

    /// @notice ERC-3643: no identity contract stands behind the token; ISIN and LEI identify it.
    function onchainID() external pure returns (address) {
        return address(0);
    }

    /// @notice See `ISecurityViews`.
    function corporateActions() external view returns (address) {
        return CORPORATE_ACTIONS;
    }

    /// @notice See `ISecurityViews`.
    function issuedTotal() external view returns (uint256) {
        return _s().issued;
    }

    /// @notice See `ISecurityViews`.
    function issueLimit() external view returns (uint256) {
        return _s().issueLimit;
    }

    /// @notice See `ISecurityViews`.
    function isReferenceUsed(bytes32 ref) external view returns (bool) {
        return _s().used[ref];
    }

    // ------------------------------------------------------------------ documents

    /// @notice ERC-1643: add or replace a document.
    /// @custom:access-control ISSUER_AGENT
    function setDocument(
        bytes32 name,
        string calldata uri,
        bytes32 documentHash
    ) external onlyRole(Roles.ISSUER_AGENT) {
        if (name == 0 || documentHash == 0) revert IncompleteDocument(name);
        SecurityStorage storage $ = _s();
        if ($.documents[name].hash == 0) $.documentNames.push(name);
        $.documents[name] = Document(uri, documentHash, uint64(block.timestamp));
        emit IERC1643.DocumentUpdated(name, uri, documentHash);
    }

    /// @notice ERC-1643: remove a document.
    /// @custom:access-control ISSUER_AGENT
    function removeDocument(bytes32 name) external onlyRole(Roles.ISSUER_AGENT) {
        SecurityStorage storage $ = _s();
        Document memory document = $.documents[name];
        if (document.hash == 0) revert DocumentUnknown(name);
        bytes32[] storage names = $.documentNames;
        for (uint256 i = 0; i < names.length; ++i) {
            if (names[i] != name) continue;
            names[i] = names[names.length - 1];
            names.pop();
            break;
        }
        delete $.documents[name];
        emit IERC1643.DocumentRemoved(name, document.uri, document.hash);
    }

    /// @notice ERC-1643: where a document is, its hash, and when it was last changed.
    function getDocument(bytes32 name) external view returns (string memory, bytes32, uint256) {
        Document storage document = _s().documents[name];
        return (document.uri, document.hash, document.changedAt);
    }

    /// @notice ERC-1643: names of all documents.
    function getAllDocuments() external view returns (bytes32[] memory) {
        return _s().documentNames;
    }

    // ------------------------------------------------------------------ record times

    /// @notice Arm a record time: balances at it can be asked for once it has passed. False when it has.
    /// @dev Arming twice changes nothing. Times may be armed in any order.
    /// @custom:access-control the corporate actions contract
    function armRecordTime(uint64 time) external returns (bool) {
        if (msg.sender != CORPORATE_ACTIONS) revert NotCorporateActions(msg.sender);
        SecurityStorage storage $ = _s();
        if ($.recordTimes.contains(time)) return true;
        if (time <= block.timestamp) return false;
        Hot hot = _advance($);
        $.recordTimes.insert(time);
        $.hot = hot.withRecordTimes($.recordTimes[hot.passed()], hot.passed());
        $.irreversibleAt = uint64(block.timestamp);
        emit RecordTimeArmed(time);
        return true;
    }

    /// @notice See `ISecurityViews`.
    function isArmed(uint64 time) external view returns (bool) {
        return _s().recordTimes.contains(time);
    }

    /// @notice See `ISecurityViews`.
    function recordTimes() external view returns (uint64[] memory) {
        return _s().recordTimes;
    }

    /// @notice See `ISecurityViews`.
    function balanceOfAt(address account, uint64 time) public view returns (uint256) {
        return account == address(0) ? 0 : _unitsAt(account, time);
    }

    /// @notice See `ISecurityViews`.
    function totalSupplyAt(uint64 time) external view returns (uint256) {
        return _unitsAt(address(0), time);
    }

    /// @notice See `ISecurityViews`.
    function inTransitOfAt(address account, uint64 time) external view returns (uint256) {
        return _s().inTransit[time][account];
    }

    /// @notice Units that count for an account at an armed record time, units in transit included.
    function eligibleBalanceOfAt(address account, uint64 time) external view returns (uint256) {
        return balanceOfAt(account, time) + _s().inTransit[time][account];
    }

    /// @dev Each slot of an account's history says what was held at the record times from its second
    /// number up to its own key; the newest one's key is in the account's slot.
    function _unitsAt(address account, uint64 time) private view returns (uint256) {
        SecurityStorage storage $ = _s();
        uint256 at = $.recordTimes.passedPosition(time);
        Account a = $.accounts[account].word;
        uint256 key = a.recordIndex();
        if (at >= key) return a.balance();
        while (true) {
            uint256 entry = $.history[account][key];
            key = entry >> 64;
            if (at >= key) return uint64(entry);
        }
        return 0;
    }
}
