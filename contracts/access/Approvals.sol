// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IApprovals} from "../interfaces/IApprovals.sol";
import {IIrreversible} from "../interfaces/IIrreversible.sol";
import {Authorised} from "./Authorised.sol";
import {PariUpgradeable, Versioned} from "./Versioned.sol";

/// @title Acts of consequence: k of n roles agree, after notice, and for a stated reason
/// @notice Upgrades, rollbacks, corrections of holdings and changes of these policies are carried
/// out by this contract alone (VER-6, VER-8, CTL-7). Which acts there are is a closed list of
/// function selectors. An approval is given for a role: each role counts once, and so does each caller.
/// @dev Not behind a proxy: nobody can change what an approval is. The id of an act commits to
/// everything that is carried out, so that execution reads one slot. That slot is given back on
/// execution; the reason and the approvals stay readable.
contract Approvals is Authorised, Versioned, ERC165, IApprovals {
    /// @notice Who decides on an act, and how long before it takes effect. One slot.
    /// @param threshold distinct roles that must approve, at least 2
    /// @param proposers bit r is set when role r may propose; bit 0, the administrator, never is
    /// @param approvers bit r is set when role r may approve; bit 0 never is
    /// @param notice seconds from proposal to execution, of acts that change no version
    /// @param regulatory the same for a version of class 1
    /// @param corporate the same for a version of class 2, corporate structure
    /// @param economic the same for a version of class 3, economic terms
    /// @param technical the same for a version of class 4
    struct Policy {
        uint8 threshold;
        uint32 proposers;
        uint32 approvers;
        uint32 notice;
        uint32 regulatory;
        uint32 corporate;
        uint32 economic;
        uint32 technical;
    }

    /// @notice An act of the closed list and its policy.
    struct Rule {
        bytes4 selector;
        Policy policy;
    }

    /// @notice A proposed act. One slot; empty again once it was executed.
    /// @param target contract that carries it out
    /// @param selector its function there
    /// @param readyAt first second at which it may be executed
    /// @param role role for which it was proposed
    /// @param changeClass 1 to 4 for a change of version, otherwise 0
    /// @param state 1 open, 2 ready (no notice and all approvals), 3 withdrawn; `actOf` also gives 4 executed
    struct Act {
        address target;
        bytes4 selector;
        uint40 readyAt;
        uint8 role;
        uint8 changeClass;
        uint8 state;
    }

    /// @notice An approval.
    /// @param by who gave it
    /// @param role role for which it was given
    /// @param at when
    struct Approval {
        address by;
        uint32 role;
        uint64 at;
    }

    /// @notice A change of version, with what ran before it. One slot.
    /// @param implementation the code before
    /// @param tag version before
    /// @param at when it changed
    /// @param changeClass class of the change
    /// @param rollback whether it went back to an earlier version
    struct Change {
        address implementation;
        uint32 tag;
        uint40 at;
        uint8 changeClass;
        bool rollback;
    }

    /// @notice An act was proposed: from now on its notice runs.
    /// @param id identifier of the act
    /// @param target contract that would carry it out
    /// @param selector its function there
    /// @param role role for which it is proposed
    /// @param by who proposes it
    /// @param changeClass 1 to 4 for a change of version, otherwise 0
    /// @param reason hash or short text of the legal or technical reason
    /// @param data the call, selector included
    /// @param readyAt first second at which it may be executed
    event ActProposed(
        bytes32 indexed id,
        address indexed target,
        bytes4 indexed selector,
        uint64 role,
        address by,
        uint8 changeClass,
        bytes32 reason,
        bytes data,
        uint64 readyAt
    );

    /// @notice A role approved an act; its proposal is the approval of a role that may approve.
    event ActApproved(bytes32 indexed id, uint64 indexed role, address by);

    /// @notice A role took its approval back.
    event ApprovalWithdrawn(bytes32 indexed id, uint64 indexed role, address by);

    /// @notice The role that proposed the act took it back, for good.
    event ActWithdrawn(bytes32 indexed id, uint64 indexed role, address by);

    /// @notice An act was carried out.
    event ActExecuted(bytes32 indexed id, address indexed target, address by);

    /// @notice An act is decided in this way from now on.
    event PolicyChanged(bytes4 indexed selector, Policy policy);

    /// @notice The function is not on the list of acts.
    error NotAnAct(bytes4 selector);

    /// @notice Each act has a reason.
    error ReasonMissing();

    /// @notice A change of version has a class from 1 to 4; any other act has class 0.
    error BadChangeClass(bytes4 selector, uint8 changeClass);

    /// @notice The role may not propose, or not approve, this act.
    error RoleHasNoSay(uint64 role, bytes4 selector);

    /// @notice The same act was proposed for the same role in this very second.
    error AlreadyProposed(bytes32 id);

    /// @notice The role, or its holder for another role, has approved.
    error AlreadyApproved(bytes32 id, uint64 role, address by);

    /// @notice The act is unknown (0), withdrawn (3) or executed (4).
    error NotOpen(bytes32 id, uint8 state);

    /// @notice The call is not the one that was approved.
    error NotThisAct(bytes32 id);

    /// @notice The notice is not over.
    error NoticeRuns(bytes32 id, uint64 readyAt);

    /// @notice The act was not executed in its time; its approvals are stale.
    error Expired(bytes32 id, uint64 lastSecond);

    /// @notice Too few roles have approved, by callers who still hold them.
    error QuorumMissing(bytes32 id, uint256 given, uint256 threshold);

    /// @notice The caller neither approved the act nor holds the role that proposed it.
    error NotParty(bytes32 id, address caller);

    /// @notice There is no contract at the target.
    error NoCode(address target);

    /// @notice The call failed without a reason.
    error CallFailed(bytes32 id);

    /// @notice A change of version is in execution.
    error Executing(bytes32 id);

    /// @notice A policy needs two approvals or more, as many approving roles, and a proposing role.
    error BadPolicy(bytes4 selector);

    /// @notice The contract's last change is no upgrade that could be rolled back.
    error NothingToRollBack(address target);

    /// @notice Something that cannot be undone happened under the version that would be rolled back.
    error PointOfNoReturn(address target, uint64 irreversibleAt, uint64 upgradedAt);

    /// @notice Which version applies at that time is not known yet.
    error InTheFuture(uint64 time);

    /// @notice Seconds after its notice within which an act is executed, or never.
    uint64 public constant LIFETIME = 30 days;

    uint8 private constant OPEN = 1;
    uint8 private constant READY = 2;
    uint8 private constant WITHDRAWN = 3;
    uint8 private constant EXECUTED = 4;

    mapping(bytes4 selector => Policy) private _policies;
    mapping(bytes32 id => Act) private _acts;
    mapping(bytes32 id => bytes32) private _reasons;
    mapping(bytes32 id => Approval[]) private _approvals;
    mapping(address target => Change[]) private _changes;
    bytes32 private _current;
    uint8 private _currentClass;

    /// @param authority_ the AccessManager that knows who holds which role
    /// @param rules the acts and their policies; `setPolicy` among them, or policies never change
    constructor(address authority_, Rule[] memory rules) Authorised(authority_, address(this)) {
        for (uint256 i = 0; i < rules.length; ++i) _setPolicy(rules[i].selector, rules[i].policy);
    }

    // ------------------------------------------------------------------ decide

    /// @notice Propose an act; its notice runs from now on. Where the role may also approve, this is its approval.
    /// @param role role of the caller
    /// @param target contract that is to carry it out
    /// @param data the call, selector included
    /// @param changeClass 1 to 4 for an upgrade or rollback, otherwise 0
    /// @param reason hash or short text of the reason; not zero
    /// @return id identifier of the act
    /// @custom:access-control a proposing role of the act's policy
    function propose(
        uint64 role,
        address target,
        bytes calldata data,
        uint8 changeClass,
        bytes32 reason
    ) external returns (bytes32 id) {
        _checkRole(role);
        bytes4 selector = data.length < 4 ? bytes4(0) : bytes4(data);
        Policy memory policy = _policies[selector];
        if (policy.threshold == 0) revert NotAnAct(selector);
        if (!_isIn(policy.proposers, role)) revert RoleHasNoSay(role, selector);
        if (reason == 0) revert ReasonMissing();
        Act memory act = Act(
            target, selector, _readyAt(selector, policy, changeClass), uint8(role), changeClass, OPEN
        );
        id = _idOf(act, data);
        if (_reasons[id] != 0) revert AlreadyProposed(id);
        _acts[id] = act;
        _reasons[id] = reason;
        emit ActProposed(id, act.target, selector, act.role, msg.sender, act.changeClass, reason, data, act.readyAt);
        if (_isIn(policy.approvers, role)) _addApproval(id, role);
    }

    /// @notice Approve an act.
    /// @param role role of the caller
    /// @custom:access-control an approving role of the act's policy
    function approve(uint64 role, bytes32 id) external {
        _checkRole(role);
        Act storage act = _open(id);
        bytes4 selector = act.selector;
        Policy storage policy = _policies[selector];
        if (!_isIn(policy.approvers, role)) revert RoleHasNoSay(role, selector);
        Approval[] storage given = _approvals[id];
        for (uint256 i = 0; i < given.length; ++i) {
            (address by, uint64 of_) = (given[i].by, given[i].role);
            if (of_ == role || by == msg.sender) revert AlreadyApproved(id, of_, by);
        }
        _addApproval(id, role);
        // approvals of an act without notice need no second look when it is executed
        if (policy.notice == 0 && act.changeClass == 0 && given.length >= policy.threshold) act.state = READY;
    }

    /// @notice Take back what one's role gave: the act, where the role proposed it, or its approval.
    /// @param role role of the caller
    /// @custom:access-control the role that proposed the act, or one that approved it
    function withdraw(uint64 role, bytes32 id) external {
        _checkRole(role);
        Act storage act = _open(id);
        if (act.role == role) {
            act.state = WITHDRAWN;
            emit ActWithdrawn(id, role, msg.sender);
            return;
        }
        Approval[] storage given = _approvals[id];
        uint256 last = given.length;
        for (uint256 i = 0; i < last; ++i) {
            if (given[i].role != role) continue;
            given[i] = given[last - 1];
            given.pop();
            act.state = OPEN;
            emit ApprovalWithdrawn(id, role, msg.sender);
            return;
        }
        revert NotParty(id, msg.sender);
    }

    // ------------------------------------------------------------------ carry out

    /// @notice Carry out an act that has its approvals, once its notice is over. An act with notice is
    /// executed by one of its parties, who so choose the moment, and its approvals count only while who
    /// gave them holds the role. One without notice was decided by its last approval: anybody may send it.
    /// @dev A failed call fails the execution, with its own reason; the act stays as it was.
    /// @param id identifier of the act
    /// @param target contract that carries it out, as proposed
    /// @param data the call, as proposed
    function execute(bytes32 id, address target, bytes calldata data) external {
        Act memory act = _acts[id];
        if (act.state != OPEN && act.state != READY) revert NotOpen(id, _stateOf(id, act));
        address proposed = act.target;
        act.target = target;
        if (_idOf(act, data) != id || proposed != target) revert NotThisAct(id);
        if (block.timestamp < act.readyAt) revert NoticeRuns(id, act.readyAt);
        if (block.timestamp > act.readyAt + LIFETIME) revert Expired(id, act.readyAt + LIFETIME);
        if (act.state == OPEN) _recount(id, act);
        if (target.code.length == 0) revert NoCode(target);

        delete _acts[id];
        emit ActExecuted(id, target, msg.sender);
        if (act.changeClass == 0) {
            _call(id, target, data);
            return;
        }
        if (_current != 0) revert Executing(_current);
        _current = id;
        _currentClass = act.changeClass;
        if (act.selector == UUPSUpgradeable.upgradeToAndCall.selector) _note(target, false);
        _call(id, target, data);
        delete _current;
        delete _currentClass;
    }

    /// @notice Return a contract to the version before its last upgrade (VER-8).
    /// @dev The contract says itself when it last did what cannot be undone; one that does not say cannot go back.
    /// @custom:access-control approved act
    function rollback(address target) external onlyApproved {
        Change[] storage changes = _changes[target];
        uint256 count = changes.length;
        if (count == 0 || changes[count - 1].rollback) revert NothingToRollBack(target);
        Change memory last = changes[count - 1];
        uint64 irreversibleAt = IIrreversible(target).irreversibleAt();
        if (irreversibleAt >= last.at) revert PointOfNoReturn(target, irreversibleAt, last.at);
        _note(target, true);
        UUPSUpgradeable(target).upgradeToAndCall(last.implementation, "");
    }

    /// @notice Change who decides on an act, or put an act on the list.
    /// @custom:access-control approved act
    function setPolicy(bytes4 selector, Policy calldata policy) external onlyApproved {
        _setPolicy(selector, policy);
    }

    // ------------------------------------------------------------------ read

    /// @inheritdoc IApprovals
    function current() external view returns (bytes32 id, uint8 changeClass) {
        return (_current, _currentClass);
    }

    /// @notice Who decides on an act, and how; a threshold of 0 when the function is no act.
    function policyOf(bytes4 selector) external view returns (Policy memory) {
        return _policies[selector];
    }

    /// @notice An act, its reason and its approvals. Of an executed one the state, reason and approvals remain.
    function actOf(bytes32 id) external view returns (Act memory act, bytes32 reason, Approval[] memory given) {
        act = _acts[id];
        act.state = _stateOf(id, act);
        return (act, _reasons[id], _approvals[id]);
    }

    /// @notice Changes of a contract's version, each with what ran before it, in order.
    function changesOf(address target) external view returns (Change[] memory) {
        return _changes[target];
    }

    /// @inheritdoc IApprovals
    /// @dev Before the first change, and so before the contract was there, it answers the first version.
    function versionAt(
        address target,
        uint64 time
    ) external view returns (uint32 tag, bytes32 codeHash_, address implementation) {
        if (time > block.timestamp) revert InTheFuture(time);
        Change[] storage changes = _changes[target];
        (uint256 low, uint256 high) = (0, changes.length);
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (changes[middle].at > time) high = middle;
            else low = middle + 1;
        }
        if (low == changes.length) {
            (tag, implementation) = (Versioned(target).versionTag(), PariUpgradeable(target).implementation());
        } else {
            (tag, implementation) = (changes[low].tag, changes[low].implementation);
        }
        codeHash_ = implementation.codehash;
    }

    /// @inheritdoc Versioned
    function codeHash() public view override returns (bytes32) {
        return address(this).codehash;
    }

    /// @notice 1.0.0
    function versionTag() public pure override returns (uint32) {
        return 1 << 16;
    }

    /// @notice Approvals
    function contractName() public pure override returns (string memory) {
        return "Approvals";
    }

    /// @inheritdoc Versioned
    function mainInterface() public pure override returns (bytes4) {
        return type(IApprovals).interfaceId;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IApprovals).interfaceId || super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------ parts

    /// @dev What an act is: where, what, for which role, in which class and from when. Its data contain the selector.
    function _idOf(Act memory act, bytes calldata data) private view returns (bytes32) {
        return keccak256(
            abi.encode(block.chainid, address(this), act.target, keccak256(data), act.role, act.changeClass, act.readyAt)
        );
    }

    function _open(bytes32 id) private view returns (Act storage act) {
        act = _acts[id];
        if (act.state != OPEN && act.state != READY) revert NotOpen(id, _stateOf(id, act));
    }

    /// @dev The slot of an executed act is empty, its reason is not.
    function _stateOf(bytes32 id, Act memory act) private view returns (uint8) {
        return act.state == 0 && _reasons[id] != 0 ? EXECUTED : act.state;
    }

    function _addApproval(bytes32 id, uint64 role) private {
        _approvals[id].push(Approval(msg.sender, uint32(role), uint64(block.timestamp)));
        emit ActApproved(id, role, msg.sender);
    }

    /// @dev By the policy of now, approvals of those who hold their role now; the caller is one of them,
    /// or of the role that proposed the act.
    function _recount(bytes32 id, Act memory act) private view {
        Policy memory policy = _policies[act.selector];
        Approval[] storage given = _approvals[id];
        uint256 count = 0;
        bool party = _holds(act.role, msg.sender);
        for (uint256 i = 0; i < given.length; ++i) {
            (address by, uint64 role) = (given[i].by, given[i].role);
            if (!_isIn(policy.approvers, role) || !_holds(role, by)) continue;
            ++count;
            if (by == msg.sender) party = true;
        }
        if (count < policy.threshold) revert QuorumMissing(id, count, policy.threshold);
        if (!party) revert NotParty(id, msg.sender);
    }

    function _holds(uint64 role, address account) private view returns (bool) {
        (bool member, uint32 delay) = AUTHORITY.hasRole(role, account);
        return member && delay == 0;
    }

    /// @dev The act's id follows the arguments: the target reads it there without a call back.
    function _call(bytes32 id, address target, bytes calldata data) private {
        (bool success, bytes memory answer) = target.call(bytes.concat(data, id));
        if (success) return;
        if (answer.length == 0) revert CallFailed(id);
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    function _note(address target, bool back) private {
        _changes[target].push(
            Change(
                PariUpgradeable(target).implementation(),
                Versioned(target).versionTag(),
                uint40(block.timestamp),
                _currentClass,
                back
            )
        );
    }

    function _setPolicy(bytes4 selector, Policy memory policy) private {
        uint256 count = 0;
        for (uint256 bits = policy.approvers; bits != 0; bits &= bits - 1) ++count;
        if (
            policy.threshold < 2 || policy.threshold > count || policy.proposers == 0
                || (policy.proposers | policy.approvers) & 1 != 0
        ) revert BadPolicy(selector);
        _policies[selector] = policy;
        emit PolicyChanged(selector, policy);
    }

    function _isIn(uint32 roles, uint64 role) private pure returns (bool) {
        return uint256(roles) & (1 << role) != 0;
    }

    /// @dev First second at which an act proposed now may be executed.
    function _readyAt(bytes4 selector, Policy memory policy, uint8 changeClass) private view returns (uint40) {
        bool versions = selector == UUPSUpgradeable.upgradeToAndCall.selector || selector == this.rollback.selector;
        uint256 notice = policy.notice;
        if (versions) {
            if (changeClass == 1) notice = policy.regulatory;
            else if (changeClass == 2) notice = policy.corporate;
            else if (changeClass == 3) notice = policy.economic;
            else if (changeClass == 4) notice = policy.technical;
            else revert BadChangeClass(selector, changeClass);
        } else if (changeClass != 0) {
            revert BadChangeClass(selector, changeClass);
        }
        return uint40(block.timestamp + notice);
    }
}
