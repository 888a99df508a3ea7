// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Typed data that is signed for this very contract (EIP-712)
/// @notice The domain has a name, version "1", the chain and the contract.
/// @dev Nothing of the domain is kept: its separator is made anew for each signature. It costs a
/// few hundred gas, needs no storage, and the code is the same on every chain.
abstract contract Typed {
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @notice Name of the domain; the kernel makes ERC-5267's `eip712Domain` of it.
    function domainName() external view returns (string memory) {
        return _domainName();
    }

    /// @dev Name of the domain.
    function _domainName() internal view virtual returns (string memory);

    /// @dev Its hash; to be a constant where every bit of gas counts.
    function _domainNameHash() internal view virtual returns (bytes32) {
        return keccak256(bytes(_domainName()));
    }

    function _domainSeparator() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN_TYPEHASH, _domainNameHash(), VERSION_HASH, block.chainid, address(this)
            )
        );
    }

    /// @dev What is signed for a struct.
    function _digestOf(bytes32 structHash) internal view returns (bytes32 digest) {
        bytes32 separator = _domainSeparator();
        assembly ("memory-safe") {
            mstore(0, hex"1901")
            mstore(2, separator)
            mstore(34, structHash)
            digest := keccak256(0, 66)
            // the top of the free memory pointer, which is zero
            mstore(34, 0)
        }
    }
}
