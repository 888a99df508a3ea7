// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Check digits of the identifiers of securities (ID-2)
/// @notice The same rules as off chain: an identifier with one wrong digit is none.
library CheckDigits {
    // value of B, C, D … Z in a DTI; vowels and Y have none
    bytes26 private constant DTI_VALUES = hex"ff0a0b0cff0d0e0fff1011121314ff1516171819ff1a1b1cff1d";
    uint256 private constant DTI_SIZE = 30;

    /// @notice ISO 6166: two letters, nine letters or digits, and a check digit. A counts as 10 …
    /// Z as 35; from the right, every second digit counts double.
    function isIsin(bytes12 text) internal pure returns (bool) {
        uint256 number = _number(text, 12, 2, 1);
        uint256 sum = 0;
        unchecked {
            for (uint256 rest = number; rest != 0; rest /= 100) {
                uint256 double = 2 * ((rest / 10) % 10);
                sum += (rest % 10) + (double % 10) + (double / 10);
            }
        }
        return number != 0 && sum % 10 == 0;
    }

    /// @notice ISO 17442: eighteen letters or digits and two check digits of ISO 7064, MOD 97-10,
    /// which are 02 to 98: 00, 01 and 99 would leave the same remainder.
    function isLei(bytes20 text) internal pure returns (bool) {
        uint256 number = _number(text, 20, 0, 2);
        return number % 97 == 1 && number % 100 > 1 && number % 100 < 99;
    }

    /// @notice ISO 24165: nine digits or consonants without Y, not starting with 0, the last the check
    /// character of ISO 7064, hybrid MOD 31,30.
    function isDti(bytes9 text) internal pure returns (bool) {
        uint256 product = DTI_SIZE;
        unchecked {
            for (uint256 i = 0; i < 9; ++i) {
                uint256 value = uint256(uint8(text[i])) - 0x30;
                if (value > 9) {
                    value -= 0x11;
                    if (value > 25) return false;
                    value = uint8(DTI_VALUES[value]);
                    if (value > DTI_SIZE) return false;
                }
                product += value;
                // nothing but a check character is added last
                if (i == 8) break;
                if (product == DTI_SIZE && i == 0) return false;
                product %= DTI_SIZE;
                product = (product == 0 ? DTI_SIZE : product) * 2 % (DTI_SIZE + 1);
            }
        }
        return product % DTI_SIZE == 1;
    }

    /// @dev The decimal number that a text of digits and capital letters stands for, each letter as
    /// two digits; 0 when it has another shape. Twenty characters make at most forty digits.
    /// @param letters how many characters at the start must be letters
    /// @param digits how many characters at the end must be digits
    function _number(
        bytes32 text,
        uint256 size,
        uint256 letters,
        uint256 digits
    ) private pure returns (uint256 number) {
        unchecked {
            for (uint256 i = 0; i < size; ++i) {
                uint256 value = uint256(uint8(text[i])) - 0x30;
                if (value < 10) {
                    if (i < letters) return 0;
                    number = number * 10 + value;
                } else {
                    value -= 0x11;
                    if (value > 25 || i + digits >= size) return 0;
                    number = number * 100 + value + 10;
                }
            }
        }
    }
}
