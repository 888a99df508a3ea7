// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title ERC-7930 interoperable addresses
/// @notice version (2) | chain type (2) | reference length (1) | reference | address length (1) | address
/// @dev Chain type 0x0000 is EVM, its reference the chain id without leading zeros. 0xB00C is
/// assigned by Pari Passu to book-entry ledgers, its reference the ASCII of the CAIP-2 reference.
library Interop {
    /// @notice Not an ERC-7930 version 1 address of a chain type known here.
    error MalformedAddress(bytes given);

    bytes2 internal constant VERSION = 0x0001;
    bytes2 internal constant TYPE_EVM = 0x0000;
    bytes2 internal constant TYPE_BOOK = 0xB00C;
    bytes4 internal constant EVM_HEAD = 0x00010000;
    bytes4 internal constant BOOK_HEAD = 0x0001B00C;

    /// @notice Address of a contract on this chain.
    function local(address account) internal view returns (bytes memory) {
        return format(block.chainid, account);
    }

    /// @notice Address of a contract on an EVM chain.
    function format(uint256 chainId, address account) internal pure returns (bytes memory interop) {
        // at most 58 bytes; the last word that is written may reach 12 bytes further
        assembly ("memory-safe") {
            let size := 1
            for {} shr(shl(3, size), chainId) { size := add(size, 1) } {}
            interop := mload(0x40)
            mstore(0x40, add(interop, 128))
            mstore(interop, add(26, size))
            mstore(add(interop, 32), or(shl(240, 1), shl(216, size))) // version 1, chain type 0
            mstore(add(interop, 37), shl(sub(256, shl(3, size)), chainId))
            mstore8(add(add(interop, 37), size), 20)
            mstore(add(add(interop, 38), size), shl(96, account))
        }
    }

    /// @notice Number of the ledger that an address is on.
    /// @return ledger EVM: chain id. Book entry: keccak256("book:" ‖ reference) with the top bit set
    function ledgerOf(bytes memory interop) internal pure returns (uint256 ledger) {
        (ledger, ) = _head(interop);
    }

    /// @notice Split an address into the ledger's number and the account there.
    /// @return ledger as `ledgerOf` numbers it
    /// @return account raw bytes of the account; 20 bytes on EVM chains
    function parse(bytes memory interop) internal pure returns (uint256 ledger, bytes memory account) {
        uint256 size;
        (ledger, size) = _head(interop);
        account = _slice(interop, 6 + size, interop.length - 6 - size);
    }

    /// @dev The ledger's number, and how long its reference is.
    function _head(bytes memory interop) private pure returns (uint256 ledger, uint256 size) {
        bytes32 head;
        uint256 accountSize;
        uint256 first;
        assembly ("memory-safe") {
            head := mload(add(interop, 32))
            size := byte(4, head)
            first := byte(5, head)
            accountSize := byte(31, mload(add(interop, add(size, 6))))
        }
        bool good;
        unchecked {
            good = size != 0 && interop.length > 6 && interop.length == 6 + size + accountSize;
        }
        if (bytes4(head) == EVM_HEAD) {
            good = good && accountSize == 20 && size <= 32 && first != 0;
            assembly ("memory-safe") {
                ledger := shr(sub(256, shl(3, size)), mload(add(interop, 37)))
            }
        } else if (bytes4(head) == BOOK_HEAD) {
            assembly ("memory-safe") {
                // "book:" takes the place of the head, for the hash alone
                let at := add(interop, 32)
                mstore(at, or(and(head, shr(40, not(0))), shl(216, 0x626f6f6b3a)))
                ledger := or(keccak256(at, add(size, 5)), shl(255, 1))
                mstore(at, head)
            }
        } else {
            good = false;
        }
        if (!good) revert MalformedAddress(interop);
    }

    /// @dev Copies whole words; what is written after the end is zeroed.
    function _slice(bytes memory data, uint256 start, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        assembly ("memory-safe") {
            let from := add(add(data, 32), start)
            let to := add(part, 32)
            for { let i := 0 } lt(i, length) { i := add(i, 32) } { mstore(add(to, i), mload(add(from, i))) }
            // the padding is in the array's own last word
            let rest := and(length, 31)
            if rest {
                let last := add(to, sub(length, rest))
                mstore(last, and(mload(last), not(shr(shl(3, rest), not(0)))))
            }
        }
    }
}
