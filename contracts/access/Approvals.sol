// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {IApprovals} from "../interfaces/IApprovals.sol";
import {IIrreversible} from "../interfaces/IIrreversible.sol";
import {Authorised} from "./Authorised.sol";
import {Kernel} from "./Kernel.sol";
import {Versioned} from "./Versioned.sol";

/// @title Acts of consequence: k of n roles agree, after notice, and for a stated reason
/// @notice Upgrades, rollbacks, corrections of holdings and changes of these policies are carried
/// out by this contract alone (VER-6, VER-8, CTL-7). Which acts there are is a closed list of
/// function selectors. An approval is given for a role: each role counts once, and so does each caller.
/// @dev Not behind a proxy: nobody can change what an approval is. The id of an act commits to
/// everything that is carried out, so that execution reads one slot. That slot is given back on
/// execution; the reason and the approvals stay readable. Structs are packed by hand, which
/// halves the code.
contract Approvals is Authorised, Versioned, IApprovals {
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
    error BadChangeClass(uint8 changeClass);

    /// @notice The role may not propose, or not approve, this act.
    error RoleHasNoSay(uint64 role, bytes4 selector);

    /// @notice The same act was proposed for the same role in this very second.
    error AlreadyProposed(bytes32 id);

    /// @notice The role has approved, or the caller has for another one.
    error AlreadyApproved(bytes32 id);

    /// @notice The act is unknown, withdrawn or executed; `actOf` says which.
    error NotOpen(bytes32 id);

    /// @notice The call is not the one that was approved.
    error NotThisAct(bytes32 id);

    /// @notice The notice is not over.
    error NoticeRuns(bytes32 id, uint256 readyAt);

    /// @notice The act was not executed in its time; its approvals are stale.
    error Expired(bytes32 id, uint256 lastSecond);

    /// @notice Too few roles have approved, by callers who still hold them.
    error QuorumMissing(bytes32 id, uint256 given, uint256 threshold);

    /// @notice The caller neither approved the act nor holds the role that proposed it.
    error NotParty(bytes32 id);

    /// @notice There is no contract at the target.
    error NoCode(address target);

    /// @notice The call failed without a reason.
    error CallFailed(bytes32 id);

    /// @notice The target does not say its version, its code, or what it did that cannot be undone.
    error NotVersioned(address target);

    /// @notice A policy needs two approvals or more, as many approving roles, and a proposing role.
    error BadPolicy(bytes4 selector);

    /// @notice The contract's last change is no upgrade that could be rolled back.
    error NothingToRollBack(address target);

    /// @notice Something that cannot be undone happened under the version that would be rolled back.
    error PointOfNoReturn(uint256 irreversibleAt, uint256 upgradedAt);

    /// @notice Which version applies at that time is not known yet.
    error InTheFuture(uint256 time);

    /// @notice Seconds after its notice within which an act is executed, or never.
    uint256 public constant LIFETIME = 30 days;

    uint256 private constant OPEN = 1;
    uint256 private constant READY = 2;
    uint256 private constant WITHDRAWN = 3;
    uint256 private constant EXECUTED = 4;

    // an act: target in bits 0-159, selector 160-191, readyAt 192-231, role 232-239, class 240-247, state 248-255
    uint256 private constant STATE = 0xff << 248;

    /// policies: eight fields of 32 bits, in the order of the struct
    mapping(bytes4 selector => uint256) private _policies;
    mapping(bytes32 id => uint256) private _acts;
    mapping(bytes32 id => bytes32) private _reasons;
    /// caller in bits 0-159, time 160-223
    mapping(bytes32 id => mapping(uint256 role => uint256)) private _approvals;
    /// implementation in bits 0-159, tag 160-191, time 192-231, class 232-239, rollback 240
    mapping(address target => uint256[]) private _changes;
    bytes32 private _current;

    /// @param authority_ the AccessManager that knows who holds which role
    /// @param policies the acts and their policies; `setPolicy` among them, or policies never change
    constructor(address authority_, Rule[] memory policies) Authorised(authority_, address(this)) {
        for (uint256 i = 0; i < policies.length; ++i) _setPolicy(policies[i].selector, _pack(policies[i].policy));
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
        _requireRole(role);
        bytes4 selector = data.length < 4 ? bytes4(0) : bytes4(data);
        uint256 policy = _policies[selector];
        if (policy == 0) revert NotAnAct(selector);
        if (!_isIn(_proposers(policy), role)) revert RoleHasNoSay(role, selector);
        if (reason == 0) revert ReasonMissing();
        uint256 act = uint256(uint160(target)) | uint256(uint32(selector)) << 160
            | _readyAtOf(selector, policy, changeClass) << 192 | uint256(role) << 232 | uint256(changeClass) << 240;
        id = _idOf(act, data);
        if (_reasons[id] != 0) revert AlreadyProposed(id);
        _setState(id, act, OPEN);
        _reasons[id] = reason;
        emit ActProposed(id, target, selector, role, msg.sender, _class(act), reason, data, uint64(_time(act)));
        if (_isIn(_approvers(policy), role)) _addApproval(id, role);
    }

    /// @notice Approve an act.
    /// @param role role of the caller
    /// @custom:access-control an approving role of the act's policy
    function approve(uint64 role, bytes32 id) external {
        uint256 act = _open(role, id);
        bytes4 selector = _selector(act);
        uint256 policy = _policies[selector];
        if (!_isIn(_approvers(policy), role)) revert RoleHasNoSay(role, selector);
        (uint256 count, bool known) = _approvalsBy(id, policy, false);
        if (known || _approvals[id][role] != 0) revert AlreadyApproved(id);
        _addApproval(id, role);
        // approvals of an act without notice need no second look when it is executed
        // a class, and a notice that is zero or not: no moment is compared
        // slither-disable-next-line incorrect-equality
        if (_class(act) == 0 && _notice(policy, 0) == 0 && count + 1 >= uint32(policy)) _setState(id, act, READY);
    }

    /// @notice Take back what one's role gave: the act, where the role proposed it, or its approval.
    /// @param role role of the caller
    /// @custom:access-control the role that proposed the act, or one that approved it
    function withdraw(uint64 role, bytes32 id) external {
        uint256 act = _open(role, id);
        // a number of a role
        // slither-disable-next-line incorrect-equality
        if (_role(act) == role) {
            _setState(id, act, WITHDRAWN);
            emit ActWithdrawn(id, role, msg.sender);
        } else {
            if (_approvals[id][role] == 0) revert NotParty(id);
            delete _approvals[id][role];
            _setState(id, act, OPEN);
            emit ApprovalWithdrawn(id, role, msg.sender);
        }
    }

    // ------------------------------------------------------------------ carry out

    /// @notice Carry out an act that has its approvals, once its notice is over. An act with notice is
    /// executed by one of its parties, who so choose the moment, and its approvals count only while who
    /// gave them holds the role. One without notice was decided by its last approval: anybody may send it.
    /// @dev A failed call fails the execution, with its own reason; the act stays as it was.
    /// @param id identifier of the act
    /// @param target contract that carries it out, as proposed
    /// @param data the call, as proposed
    /// @custom:access-control whoever proposed or approved it; anybody where the act has no notice
    function execute(bytes32 id, address target, bytes calldata data) external {
        uint256 act = _acts[id];
        uint256 state = _requireOpen(id, act);
        if (address(uint160(act)) != target || _idOf(act & ~STATE, data) != id) revert NotThisAct(id);
        uint256 time = _time(act);
        if (block.timestamp < time) revert NoticeRuns(id, time);
        unchecked {
            time += LIFETIME;
        }
        if (block.timestamp > time) revert Expired(id, time);
        // one of four states
        // slither-disable-next-line incorrect-equality
        if (state == OPEN) _recount(id, act);

        delete _acts[id];
        emit ActExecuted(id, target, msg.sender);
        bool versions = _class(act) != 0;
        if (versions) {
            _current = id;
            // a selector
            // slither-disable-next-line incorrect-equality
            if (_selector(act) == UUPSUpgradeable.upgradeToAndCall.selector) _note(target, 0);
        }
        // the act is deleted before the call; `_current` tells the target of the act and ends with it
        // slither-disable-next-line reentrancy-no-eth
        _call(id, target, bytes.concat(data, id));
        if (versions) delete _current;
    }

    /// @notice Return a contract to the version before its last upgrade (VER-8).
    /// @dev The contract says itself when it last did what cannot be undone.
    /// @custom:access-control approved act
    function rollback(address target) external onlyApproved {
        uint256[] storage changes = _changes[target];
        uint256 count = changes.length;
        uint256 last = count == 0 ? 1 << 240 : changes[count - 1];
        if (last >> 240 != 0) revert NothingToRollBack(target);
        uint256 irreversibleAt = _ask(target, IIrreversible.irreversibleAt.selector);
        if (irreversibleAt >= _time(last)) revert PointOfNoReturn(irreversibleAt, _time(last));
        _note(target, 1 << 240);
        _call(_current, target, abi.encodeCall(UUPSUpgradeable.upgradeToAndCall, (address(uint160(last)), "")));
    }

    /// @notice Change who decides on an act, or put an act on the list.
    /// @custom:access-control approved act
    function setPolicy(bytes4 selector, Policy calldata policy) external onlyApproved {
        uint256 word;
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 256) { i := add(i, 32) } {
                let field := calldataload(add(policy, i))
                if shr(32, field) { revert(0, 0) }
                word := or(word, shl(i, field))
            }
        }
        _setPolicy(selector, word);
    }

    // ------------------------------------------------------------------ read

    /// @inheritdoc IApprovals
    function current() external view returns (bytes32 id, uint8 changeClass) {
        return (_current, uint8(uint256(_current)));
    }

    /// @notice Who decides on an act, and how; a threshold of 0 when the function is no act.
    function policyOf(bytes4 selector) external view returns (Policy memory) {
        return _unpack(_policies[selector]);
    }

    /// @notice An act and its reason. Of an executed one only the state and the reason remain.
    /// @return target contract that is to carry it out
    /// @return selector its function there
    /// @return readyAt first second at which it may be executed
    /// @return role role for which it was proposed
    /// @return changeClass 1 to 4 for a change of version, otherwise 0
    /// @return state 0 unknown, 1 open, 2 ready: all approvals are there, and it has no notice, 3 withdrawn,
    /// 4 executed
    /// @return reason as proposed
    function actOf(bytes32 id)
        external
        view
        returns (
            address target,
            bytes4 selector,
            uint64 readyAt,
            uint64 role,
            uint8 changeClass,
            uint8 state,
            bytes32 reason
        )
    {
        uint256 act = _acts[id];
        reason = _reasons[id];
        // the slot of an executed act is empty, its reason is not
        // a word that is empty or not
        // slither-disable-next-line incorrect-equality
        state = uint8(act == 0 && reason != 0 ? EXECUTED : act >> 248);
        (target, selector, role, changeClass) = (address(uint160(act)), _selector(act), _role(act), _class(act));
        readyAt = uint64(_time(act));
    }

    /// @notice Who approved an act for a role, and when; zeros when nobody did.
    function approvalOf(bytes32 id, uint64 role) external view returns (address by, uint64 at) {
        uint256 word = _approvals[id][role];
        return (address(uint160(word)), uint64(word >> 160));
    }

    /// @notice A change of a contract's version, with what ran before it; `index` counts from 0.
    /// @return implementation before in bits 0-159, version tag before 160-191, time 192-231, class of the
    /// change 232-239, and 240 when it was a rollback
    function changeOf(address target, uint256 index) external view returns (uint256) {
        return _changes[target][index];
    }

    /// @inheritdoc IApprovals
    /// @dev Before the first change, and so before the contract was there, it answers the first version.
    function versionAt(
        address target,
        uint64 time
    ) external view returns (uint32 tag, bytes32 codeHash_, address implementation) {
        if (time > block.timestamp) revert InTheFuture(time);
        uint256[] storage changes = _changes[target];
        uint256 word = _running(target);
        for (uint256 i = changes.length; i > 0 && _time(changes[i - 1]) > time; --i) word = changes[i - 1];
        (tag, implementation) = (uint32(word >> 160), address(uint160(word)));
        codeHash_ = implementation.codehash;
    }

    /// @notice The AccessManager.
    function authority() external view returns (address) {
        return address(AUTHORITY);
    }

    /// @notice This very contract.
    function approvals() external view returns (address) {
        return APPROVALS;
    }

    /// @notice Hash of the code that runs here.
    function codeHash() external view returns (bytes32) {
        return address(this).codehash;
    }

    /// @notice Semantic version of the code, as text.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @notice It applies no terms.
    function termsVersion() external pure returns (uint32) {
        return 0;
    }

    /// @notice 1.0.0
    function versionTag() public pure override returns (uint32) {
        return 1 << 16;
    }

    /// @notice Approvals
    function contractName() public pure override returns (string memory) {
        return "Approvals";
    }

    /// @notice ERC-165 identifier of what this contract offers to other contracts.
    function mainInterface() external pure returns (bytes4) {
        return type(IApprovals).interfaceId;
    }

    // ------------------------------------------------------------------ parts

    /// @dev Hash of what an act is: what, where, for which role, in which class and from when, but not its
    /// state. The class is its last byte, so that `current` needs no slot of its own.
    function _idOf(uint256 act, bytes calldata data) private view returns (bytes32) {
        bytes32 hash = keccak256(abi.encode(block.chainid, address(this), act, keccak256(data)));
        return hash >> 8 << 8 | bytes32(uint256(_class(act)));
    }

    /// @dev First second at which an act proposed now may be executed.
    function _readyAtOf(bytes4 selector, uint256 policy, uint8 changeClass) private view returns (uint256) {
        bool versions = selector == UUPSUpgradeable.upgradeToAndCall.selector || selector == this.rollback.selector;
        if (versions ? changeClass == 0 || changeClass > 4 : changeClass != 0) {
            revert BadChangeClass(changeClass);
        }
        return block.timestamp + _notice(policy, changeClass);
    }

    /// @dev An open act, of which the caller has something to say for a role.
    function _open(uint64 role, bytes32 id) private view returns (uint256 act) {
        _requireRole(role);
        act = _acts[id];
        _requireOpen(id, act);
    }

    function _requireRole(uint64 role) private view {
        if (!_holds(role, msg.sender)) revert Unauthorised(msg.sender, role);
    }

    function _setState(bytes32 id, uint256 act, uint256 state) private {
        _acts[id] = act & ~STATE | state << 248;
    }

    function _requireOpen(bytes32 id, uint256 act) private pure returns (uint256 state) {
        state = act >> 248;
        if (state != OPEN && state != READY) revert NotOpen(id);
    }

    function _addApproval(bytes32 id, uint64 role) private {
        _approvals[id][role] = uint256(uint160(msg.sender)) | block.timestamp << 160;
        emit ActApproved(id, role, msg.sender);
    }

    /// @dev By the policy of now, approvals of those who hold their role now; the caller is one of them,
    /// or of the role that proposed the act.
    function _recount(bytes32 id, uint256 act) private view {
        uint256 policy = _policies[_selector(act)];
        (uint256 count, bool party) = _approvalsBy(id, policy, true);
        if (count < uint32(policy)) revert QuorumMissing(id, count, uint32(policy));
        if (!party && !_holds(_role(act), msg.sender)) revert NotParty(id);
    }

    /// @dev Number of roles that approved, and whether the caller did for one of them. `held`: only
    /// those count whose role is still theirs.
    function _approvalsBy(bytes32 id, uint256 policy, bool held) private view returns (uint256 count, bool caller) {
        uint256 roles = _approvers(policy);
        for (uint256 role = 1; role < 32; ++role) {
            if (!_isIn(roles, role)) continue;
            address by = address(uint160(_approvals[id][role]));
            if (by == address(0) || (held && !_holds(role, by))) continue;
            ++count;
            if (by == msg.sender) caller = true;
        }
    }

    function _holds(uint256 role, address account) private view returns (bool) {
        (bool member, uint32 delay) = AUTHORITY.hasRole(uint64(role), account);
        // a delay is a number of seconds that the manager states, nobody drifts past it
        // slither-disable-next-line incorrect-equality
        return member && delay == 0;
    }

    /// @dev The act's id follows the arguments in `data`: the target reads it there without a call back.
    function _call(bytes32 id, address target, bytes memory data) private {
        if (target.code.length == 0) revert NoCode(target);
        (bool success, bytes memory answer) = target.call(data);
        if (success) return;
        if (answer.length == 0) revert CallFailed(id);
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }

    /// @dev The one word that a contract of Pari Passu answers.
    function _ask(address target, bytes4 selector) private view returns (uint256 answer) {
        bool success;
        assembly ("memory-safe") {
            mstore(0, selector)
            success := and(gt(returndatasize(), 31), staticcall(gas(), target, 0, 4, 0, 32))
            answer := mload(0)
        }
        if (!success) revert NotVersioned(target);
    }

    /// @dev What a contract runs now.
    function _running(address target) private view returns (uint256) {
        return _ask(target, Kernel.implementation.selector)
            | _ask(target, this.versionTag.selector) << 160;
    }

    function _note(address target, uint256 flag) private {
        uint256 changeClass = uint8(uint256(_current));
        _changes[target].push(_running(target) | block.timestamp << 192 | changeClass << 232 | flag);
    }

    function _setPolicy(bytes4 selector, uint256 policy) private {
        (uint256 proposers, uint256 approvers, uint256 count) = (_proposers(policy), _approvers(policy), 0);
        for (uint256 bits = approvers; bits != 0; bits &= bits - 1) ++count;
        if (uint32(policy) < 2 || uint32(policy) > count || proposers == 0 || (proposers | approvers) & 1 != 0) {
            revert BadPolicy(selector);
        }
        _policies[selector] = policy;
        emit PolicyChanged(selector, _unpack(policy));
    }

    function _pack(Policy memory policy) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 256) { i := add(i, 32) } { word := or(word, shl(i, mload(add(policy, i)))) }
        }
    }

    function _unpack(uint256 word) private pure returns (Policy memory policy) {
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 256) { i := add(i, 32) } {
                mstore(add(policy, i), and(shr(i, word), 0xffffffff))
            }
        }
    }

    function _proposers(uint256 policy) private pure returns (uint256) {
        return uint32(policy >> 32);
    }

    function _approvers(uint256 policy) private pure returns (uint256) {
        return uint32(policy >> 64);
    }

    function _notice(uint256 policy, uint8 changeClass) private pure returns (uint256) {
        return uint32(policy >> (96 + 32 * uint256(changeClass)));
    }

    function _isIn(uint256 roles, uint256 role) private pure returns (bool) {
        return roles >> role & 1 != 0;
    }

    function _selector(uint256 act) private pure returns (bytes4) {
        return bytes4(uint32(act >> 160));
    }

    /// @dev Of an act the first second of execution, of a change its time.
    function _time(uint256 word) private pure returns (uint256) {
        return uint40(word >> 192);
    }

    function _role(uint256 act) private pure returns (uint64) {
        return uint8(act >> 232);
    }

    function _class(uint256 act) private pure returns (uint8) {
        return uint8(act >> 240);
    }
}
