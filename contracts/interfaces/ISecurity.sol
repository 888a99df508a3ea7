// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Blackout, Lot, Pledge, Policy} from "../token/SecurityBase.sol";
import {IERC1404} from "./IERC1404.sol";
import {IERC1643} from "./IERC1643.sol";
import {IERC3643} from "./IERC3643.sol";
import {IERC7943Fungible} from "./IERC7943.sol";
import {ISecurityLineage} from "./ISecurityLineage.sol";
import {ISecurityToken} from "./ISecurityToken.sol";

/// @title Reading a security's rules, balances and identity
interface ISecurityViews {
    /// @notice Verdict on a movement of a kind: 0, or the lowest code of the rules that refuse it.
    function restrictionOf(uint8 kind, address from, address to, uint256 amount) external view returns (uint8 code);

    /// @notice How much may move now: the largest amount that a transfer may have, and the code that
    /// the next larger one would get.
    function allowedAmount(address from, address to) external view returns (uint256 amount, uint8 code);

    /// @notice Units of an account that may move, lock-ups that are over included.
    function availableBalanceOf(address account) external view returns (uint256);

    /// @notice Units of an account by ISO 20022 balance type: AWAS, BLOK, BLCA, PLED, RSTR.
    function balanceOfType(address account, bytes4 balanceType) external view returns (uint256);

    /// @notice Lock-ups of an account.
    function lotsOf(address account) external view returns (Lot[] memory);

    /// @notice A pledge; zeros when there is none.
    function pledgeOf(bytes32 id) external view returns (Pledge memory);

    /// @notice Rules that are numbers, and the number of holders.
    function policy() external view returns (Policy memory);

    /// @notice Changes of the rules and of the code so far.
    function policyCounter() external view returns (uint256);

    /// @notice Whether holders of a country (ISO 3166-1 numeric) may receive.
    function isCountryAllowed(uint16 country) external view returns (bool);

    /// @notice Whether holders of an investor class may receive.
    function isClassAllowed(uint8 class) external view returns (bool);

    /// @notice Most units that an account may hold on this ledger.
    function quotaOf(address account) external view returns (uint256);

    /// @notice Time spans without trade.
    function blackouts() external view returns (Blackout[] memory);

    /// @notice Rule contracts that are plugged in.
    function modules() external view returns (address[] memory);

    /// @notice Last second of the emergency stop; in the past when there is none.
    function stoppedUntil() external view returns (uint64);

    /// @notice ISO 6166, ASCII.
    function isin() external view returns (bytes12);

    /// @notice ISO 17442 of the issuer, ASCII.
    function lei() external view returns (bytes20);

    /// @notice keccak256 of the canonical terms in force.
    function termsHash() external view returns (bytes32);

    /// @notice Whether this ledger is the security's home.
    function isHome() external view returns (bool);

    /// @notice The contract that arms record times.
    function corporateActions() external view returns (address);

    /// @notice Units issued and not redeemed, wherever they are; zero on ledgers other than home.
    function issuedTotal() external view returns (uint256);

    /// @notice Most units that may be issued.
    function issueLimit() external view returns (uint256);

    /// @notice Whether units were issued or redeemed under a reference.
    function isReferenceUsed(bytes32 ref) external view returns (bool);

    /// @notice When something was last executed here that no rollback could undo.
    function irreversibleAt() external view returns (uint64);

    /// @notice Whether balances at `time` can be asked for, now or once it has passed.
    function isArmed(uint64 time) external view returns (bool);

    /// @notice All armed record times, ascending.
    function recordTimes() external view returns (uint64[] memory);

    /// @notice Balance after the last block with timestamp <= `time`, an armed record time.
    function balanceOfAt(address account, uint64 time) external view returns (uint256);

    /// @notice Supply after the last block with timestamp <= `time`, an armed record time.
    function totalSupplyAt(uint64 time) external view returns (uint256);

    /// @notice Units that were in transit to an account at an armed record time and have arrived.
    function inTransitOfAt(address account, uint64 time) external view returns (uint256);
}

/// @title Acts on a security beyond the standards' own
interface ISecurityActs {
    function open(address[] calldata accounts) external;
    function issue(address to, uint256 amount, bytes32 ref) external;
    function redeem(address from, uint256 amount, bytes32 ref) external;
    function cancel(address from, uint256 amount, bytes32 issueRef) external;
    function freeze(address account, bool frozen, bytes32 reason) external;
    function freezeUnits(address account, uint256 amount, bytes32 reason) external;
    function pause(bytes32 reason) external;
    function unpause(bytes32 reason) external;
    function emergencyStop(uint64 until, bytes32 reason) external;
    function pauseClasses(uint32 classes, bytes32 reason) external;
    function unpauseClasses(uint32 classes, bytes32 reason) external;
    function lock(address account, uint64 amount, uint64 until, bytes32 reason) external;
    function pledge(address pledgee, uint256 amount) external returns (bytes32 id);
    function releasePledge(bytes32 id) external;
    function enforcePledge(bytes32 id) external;
    function blockForCorporateAction(address account, uint256 amount) external;
    function setCountries(uint16[] calldata countries, bool denyList, bytes32 reason) external;
    function setClasses(uint32 classes, bytes32 reason) external;
    function setHoldingCap(uint64 share) external;
    function setHolderLimit(uint32 share) external;
    function releaseQuota(address account, uint64 amount) external returns (uint192 holder);
    function grantQuota(address account, uint192 holder, uint64 amount) external;
    function releasePlaces(uint32 places) external;
    function grantPlaces(uint32 places) external;
    function setMinimumLot(uint64 lot, bytes32 reason) external;
    function setBlackouts(Blackout[] calldata windows, bytes32 reason) external;
    function setModules(address[] calldata modules, bytes32 reason) external;
    function setIssueLimit(uint64 limit) external;
    function amendTerms(bytes32 hash) external;
}

/// @title Everything that one instance of a security answers
/// @notice The two halves of the code seen as one contract: what callers, tests and consoles use.
interface ISecurity is
    IERC20,
    IERC1404,
    IERC1643,
    IERC3643,
    IERC7943Fungible,
    ISecurityLineage,
    ISecurityToken,
    ISecurityViews,
    ISecurityActs
{
    function forcedTransfer(
        address from,
        address to,
        uint256 amount
    ) external override(IERC3643, IERC7943Fungible) returns (bool);
    function getFrozenTokens(
        address account
    ) external view override(IERC3643, IERC7943Fungible) returns (uint256);
    function isFrozen(address account) external view override(IERC3643, ISecurityToken) returns (bool);
    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    function decimals() external view returns (uint8);
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    function nonces(address owner) external view returns (uint256);
    // solhint-disable-next-line func-name-mixedcase
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    function crosschainMint(address to, uint256 amount) external;
    function bridge() external view returns (address);
    function extension() external view returns (address);
    function authority() external view returns (address);
    function approvals() external view returns (address);
    function policyEpoch() external view returns (uint256);
    function versionTag() external view returns (uint32);
    function contractName() external view returns (string memory);
    function mainInterface() external view returns (bytes4);
    function codeHash() external view returns (bytes32);
    function termsVersion() external view returns (uint32);
    function supportsInterface(bytes4 id) external view returns (bool);
    function upgradeToAndCall(address implementation, bytes calldata data) external;
}
