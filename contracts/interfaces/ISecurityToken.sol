// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Security token as the bridge and the corporate actions see it
interface ISecurityToken {
    /// @notice Identifier of the security, equal on every ledger.
    function securityId() external view returns (bytes32);

    /// @notice Register of holders that the token's rules read.
    function holderRegistry() external view returns (address);

    /// @notice ERC-7802: remove units that leave for another ledger.
    function crosschainBurn(address from, uint256 amount) external;

    /// @notice Credit units that left their source ledger at `dispatchedAt`.
    function crosschainMintAt(address to, uint256 amount, uint64 dispatchedAt) external;

    /// @notice Arm a record time. False when it has passed.
    function armRecordTime(uint64 time) external returns (bool armed);

    /// @notice Units that count for an account at an armed record time, units in transit included.
    function eligibleBalanceOfAt(address account, uint64 time) external view returns (uint256);

    /// @notice Verdict on a payment to an account: 0, or the lowest code of the rules that refuse it.
    function payoutRestriction(address account) external view returns (uint8 code);

    /// @notice Whether an account is frozen.
    function isFrozen(address account) external view returns (bool);
}
