// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Rule contract that can be plugged into a security
/// @notice Asked by a static call with 100,000 gas, so it can change nothing. Whatever else than a clear
/// answer it gives, the movement is refused (CTL-9).
interface IRuleModule {
    /// @notice Whether a movement may take place.
    /// @param kind 0 transfer, 1 issue, 2 redemption, 3 departure, 4 arrival, 6 pledge
    /// @return answer 1 for yes, 0 for no
    function isAllowed(uint8 kind, address from, address to, uint256 amount) external view returns (uint256 answer);
}
