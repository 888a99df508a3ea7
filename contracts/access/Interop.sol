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

    /// @notice Address of a contract on this chain.
    function local(address account) internal view returns (bytes memory) {
        return format(block.chainid, account);
    }

    /// @notice Address of a contract on an EVM chain.
    function format(uint256 chainId, address account) internal pure returns (bytes memory) {
        uint8 size = 1;
        while (size < 32 && chainId >> (8 * uint256(size)) != 0) ++size;
        bytes memory reference_ = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            reference_[i] = bytes1(uint8(chainId >> (8 * (size - 1 - i))));
        }
        return abi.encodePacked(VERSION, TYPE_EVM, size, reference_, uint8(20), account);
    }

    /// @notice Split an address into the ledger's number and the account there.
    /// @return ledger EVM: chain id. Book entry: keccak256("book:" ‖ reference) with the top bit set
    /// @return account raw bytes of the account; 20 bytes on EVM chains
    function parse(bytes memory interop) internal pure returns (uint256 ledger, bytes memory account) {
        if (interop.length < 7) revert MalformedAddress(interop);
        if (bytes2(bytes.concat(interop[0], interop[1])) != VERSION) revert MalformedAddress(interop);
        bytes2 chainType = bytes2(bytes.concat(interop[2], interop[3]));
        uint256 referenceLength = uint8(interop[4]);
        if (referenceLength == 0 || interop.length < 6 + referenceLength) revert MalformedAddress(interop);
        uint256 accountLength = uint8(interop[5 + referenceLength]);
        if (interop.length != 6 + referenceLength + accountLength) revert MalformedAddress(interop);

        bytes memory chain = _slice(interop, 5, referenceLength);
        account = _slice(interop, 6 + referenceLength, accountLength);
        if (chainType == TYPE_EVM) {
            if (referenceLength > 32 || chain[0] == 0 || accountLength != 20) revert MalformedAddress(interop);
            for (uint256 i = 0; i < referenceLength; ++i) ledger = (ledger << 8) | uint8(chain[i]);
        } else if (chainType == TYPE_BOOK) {
            ledger = uint256(keccak256(bytes.concat("book:", chain))) | (1 << 255);
        } else {
            revert MalformedAddress(interop);
        }
    }

    function _slice(bytes memory data, uint256 start, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) part[i] = data[start + i];
    }
}
