// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../access/Interop.sol";
import {Roles} from "../access/Roles.sol";
import {Kernel} from "../access/Kernel.sol";
import {PariContract} from "../access/PariContract.sol";
import {Versioned} from "../access/Versioned.sol";
import {IInstanceRegistry, Instance} from "../interfaces/IInstanceRegistry.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {CheckDigits} from "./CheckDigits.sol";

/// @title Register of securities and of their trusted instances
/// @notice ISIN and terms give the `securityId` that is one on every ledger (ID-1, ID-3); the
/// instances are the tokens, one a ledger, that carry it. Which versions of them may exchange
/// units, and which may only follow each other's events, is told here too (VER-4).
/// @dev A security takes two slots: its terms, by ISIN, and ISIN and LEI in one, by identifier. An
/// instance takes one, and on another chain a second, by which no other security can claim its
/// token. What many of them share (the ledger's reference, the hash of the code) is kept once.
contract InstanceRegistry is PariContract, IInstanceRegistry {
    /// @notice A security was registered.
    event SecurityRegistered(bytes32 indexed securityId, bytes12 indexed isin, bytes20 lei, bytes32 termsHash);

    /// @notice An instance is trusted from now on.
    event InstanceRegistered(
        bytes32 indexed securityId,
        uint256 indexed ledger,
        bytes token,
        bytes32 codeHash,
        uint32 version,
        bool native
    );

    /// @notice An instance is trusted no more.
    event InstanceRevoked(bytes32 indexed securityId, uint256 indexed ledger);

    /// @notice What two versions may do with each other changed.
    event CompatibilitySet(uint32 indexed a, uint32 indexed b, uint8 level);

    /// @notice Not an ISIN: two letters, nine letters or digits, and the check digit of ISO 6166.
    error InvalidIsin(bytes12 isin);

    /// @notice Not an LEI: eighteen letters or digits, and the check digits of ISO 17442.
    error InvalidLei(bytes20 lei);

    /// @notice Not a DTI: eight digits or consonants, and the check character of ISO 24165.
    error InvalidDti(bytes9 dti);

    /// @notice A security without terms.
    error TermsMissing(bytes12 isin);

    /// @notice The ISIN is registered with other terms or another issuer.
    error SecurityConflict(bytes12 isin, bytes32 known);

    /// @notice No such security here.
    error SecurityUnknown(bytes32 securityId);

    /// @notice The token is none of the security's (ID-3). Its address is not the ERC-7930 one of its
    /// ledger; or, on this chain, it does not answer as stated; on another, its code is not stated
    /// or it carries another security; in book entry, its account is not the ISIN.
    error NotAnInstance(bytes32 securityId, uint256 ledger);

    /// @notice There is no such level, or equal versions were given: they always exchange.
    error InvalidCompatibility(uint32 a, uint32 b, uint8 level);

    // The versions have nothing to do with each other: events wait too.
    uint8 private constant NONE = 0;

    // Events are delivered, units do not move. The level of versions that nobody judged.
    uint8 private constant READ = 1;

    // Units move and events are delivered. The level of equal versions.
    uint8 private constant EXCHANGE = 2;

    bytes4 private constant ISIN_GETTER = bytes4(keccak256("isin()"));

    // An instance is one word: bits 0-159 token (1 in book entry, 0 from its revocation on),
    // 160-191 version, 192-213 number of its code hash (to make four million of them would cost 180
    // billion gas), 214-253 time of its registration, 254 native, 255 has a DTI
    uint256 private constant VERSION_AT = 160;
    uint256 private constant CODE_AT = 192;
    uint256 private constant SINCE_AT = 214;
    uint256 private constant NATIVE = 1 << 254;
    uint256 private constant HAS_DTI = 1 << 255;

    bytes32 private constant MET = bytes32(uint256(1));

    struct Entry {
        /// the instance that is trusted, one word as above
        uint256 word;
        /// those before it, oldest first
        uint256[] earlier;
        mapping(uint256 word => bytes9) dtis;
    }

    /// @custom:storage-location erc7201:paripassu.storage.InstanceRegistry
    struct InstanceRegistryStorage {
        /// ISIN in the first 12 bytes, LEI in the last 20
        mapping(bytes32 securityId => bytes32) securities;
        mapping(bytes12 isin => bytes32) termsOf;
        mapping(bytes32 securityId => mapping(uint256 ledger => Entry)) instances;
        /// security of a token of another chain; here the token tells itself
        mapping(uint256 ledger => mapping(address token => bytes32)) carries;
        /// in the order in which they were met
        uint256[] ledgers;
        /// book entry: its reference, ASCII, at most 32 characters; EVM: MET
        mapping(uint256 ledger => bytes32) references;
        /// number of a code hash, from 1
        bytes32[] codes;
        mapping(bytes32 codeHash => uint256) codeIndex;
        /// level and one; zero where nobody judged
        mapping(uint256 pair => uint256) levels;
    }

    // keccak256(abi.encode(uint256(keccak256("paripassu.storage.InstanceRegistry")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant STORAGE = 0xae68346e1b1f1500bc77f6ab32433c676d6d157a018e8a920b26952f176e4400;

    function _s() private pure returns (InstanceRegistryStorage storage $) {
        assembly {
            $.slot := STORAGE
        }
    }

    /// @param authority_ the AccessManager
    /// @param approvals_ the contract in which k of n agree to an act
    /// @param kernel_ what all contracts have in common
    constructor(
        address authority_,
        address approvals_,
        address kernel_
    ) PariContract(authority_, approvals_, kernel_) {}

    // ------------------------------------------------------------------ securities

    /// @notice Register a security; again with the same terms changes nothing.
    /// @param isin ISO 6166, ASCII
    /// @param lei ISO 17442 of the issuer, ASCII
    /// @param termsHash keccak256 of the canonical terms
    /// @return securityId keccak256(abi.encode(isin, termsHash))
    /// @custom:access-control TOKENIZER
    function registerSecurity(
        bytes12 isin,
        bytes20 lei,
        bytes32 termsHash
    ) external onlyRole(Roles.TOKENIZER) returns (bytes32 securityId) {
        if (!CheckDigits.isIsin(isin)) revert InvalidIsin(isin);
        if (!CheckDigits.isLei(lei)) revert InvalidLei(lei);
        if (termsHash == 0) revert TermsMissing(isin);
        securityId = _idOf(isin, termsHash);
        bytes32 names = bytes32(isin) | (bytes32(lei) >> 96);
        InstanceRegistryStorage storage $ = _s();
        bytes32 known = securityIdOf(isin);
        if (known == 0) {
            $.termsOf[isin] = termsHash;
            $.securities[securityId] = names;
            emit SecurityRegistered(securityId, isin, lei, termsHash);
        } else if (known != securityId || $.securities[securityId] != names) {
            revert SecurityConflict(isin, known);
        }
    }

    /// @notice ISIN, issuer and terms of a security; zeros when it is unknown.
    function securityOf(bytes32 securityId) external view returns (bytes12 isin, bytes20 lei, bytes32 termsHash) {
        bytes32 names = _s().securities[securityId];
        isin = bytes12(names);
        return (isin, bytes20(names << 96), _s().termsOf[isin]);
    }

    /// @notice Identifier of the security with this ISIN; zero when there is none.
    function securityIdOf(bytes12 isin) public view returns (bytes32) {
        bytes32 termsHash = _s().termsOf[isin];
        return termsHash == 0 ? termsHash : _idOf(isin, termsHash);
    }

    // ------------------------------------------------------------------ instances

    /// @notice Trust instances; a ledger's second one replaces its first.
    /// @custom:access-control TOKENIZER
    function registerInstances(
        bytes32 securityId,
        Instance[] calldata list
    ) external onlyRole(Roles.TOKENIZER) {
        for (uint256 i = 0; i < list.length; ++i) {
            Instance calldata one = list[i];
            uint256 word = _check(securityId, one);
            word |= (uint256(one.version) << VERSION_AT) | (_codeIndex(one.codeHash) << CODE_AT)
                | (block.timestamp << SINCE_AT);
            if (one.native) word |= NATIVE;
            if (one.dti != 0) {
                if (!CheckDigits.isDti(one.dti)) revert InvalidDti(one.dti);
                word |= HAS_DTI;
                _at(securityId, one.ledger).dtis[word] = one.dti;
            }
            _replace(securityId, one.ledger, word);
            emit InstanceRegistered(securityId, one.ledger, one.token, one.codeHash, one.version, one.native);
        }
    }

    /// @notice Trust an instance no more.
    /// @custom:access-control TOKENIZER
    function revokeInstance(bytes32 securityId, uint256 ledger) external onlyRole(Roles.TOKENIZER) {
        _trusted(securityId, ledger);
        _replace(securityId, ledger, block.timestamp << SINCE_AT);
        emit InstanceRevoked(securityId, ledger);
    }

    /// @inheritdoc IInstanceRegistry
    function localToken(bytes32 securityId) public view returns (address) {
        return _tokenOf(_at(securityId, block.chainid).word);
    }

    /// @inheritdoc IInstanceRegistry
    function ledgersOf(bytes32 securityId) public view returns (uint256[] memory ledgers) {
        ledgers = _s().ledgers;
        uint256 count = 0;
        for (uint256 i = 0; i < ledgers.length; ++i) {
            bool carries = securityId == 0 || _tokenOf(_at(securityId, ledgers[i]).word) != address(0);
            if (carries) ledgers[count++] = ledgers[i];
        }
        assembly ("memory-safe") {
            mstore(ledgers, count)
        }
    }

    /// @notice The trusted instances of a security.
    function instances(bytes32 securityId) external view returns (Instance[] memory list) {
        uint256[] memory ledgers = ledgersOf(securityId);
        list = new Instance[](ledgers.length);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = instanceAt(securityId, ledgers[i], type(uint64).max);
        }
    }

    /// @notice The instance that was trusted on a ledger at a time (VER-5).
    /// @param time Unix seconds
    /// @return instance with an empty token when there was none
    function instanceAt(
        bytes32 securityId,
        uint256 ledger,
        uint64 time
    ) public view returns (Instance memory instance) {
        Entry storage entry = _at(securityId, ledger);
        uint256 word = entry.word;
        for (uint256 i = entry.earlier.length; uint40(word >> SINCE_AT) > time; --i) {
            if (i == 0) return instance;
            word = entry.earlier[i - 1];
        }
        if (_tokenOf(word) == address(0)) return instance;
        uint256 code = (word >> CODE_AT) & 0x3fffff;
        instance.ledger = ledger;
        instance.token = _interop(securityId, ledger, word);
        if (code != 0) instance.codeHash = _s().codes[code - 1];
        instance.version = uint32(word >> VERSION_AT);
        instance.native = word & NATIVE != 0;
        if (word & HAS_DTI != 0) instance.dti = entry.dtis[word];
    }

    /// @notice CAIP-19 identifier of an instance (ID-1): `eip155:…/erc20:0x…`, `book:…/isin:…`.
    function caip19(bytes32 securityId, uint256 ledger) external view returns (string memory) {
        address token = _tokenOf(_trusted(securityId, ledger));
        return string(
            _isEvm(ledger)
                ? abi.encodePacked("eip155:", _decimal(ledger), "/erc20:0x", _checksummed(token))
                : abi.encodePacked("book:", _reference(ledger), "/isin:", _isinOf(securityId))
        );
    }

    // ------------------------------------------------------------------ versions

    /// @notice Say what two versions may do with each other, in either direction.
    /// @param a version, major << 16 | minor << 8 | patch
    /// @param b another version
    /// @param level 0 nothing, 1 read (events are delivered), 2 exchange (units move too)
    /// @custom:access-control TOKENIZER
    function setCompatibility(uint32 a, uint32 b, uint8 level) external onlyRole(Roles.TOKENIZER) {
        if (a == b || level > EXCHANGE) revert InvalidCompatibility(a, b, level);
        _s().levels[_pair(a, b)] = uint256(level) + 1;
        emit CompatibilitySet(a, b, level);
    }

    /// @notice What two versions may do with each other: 0 nothing, 1 read, 2 exchange. Equal versions
    /// exchange; others that nobody judged read.
    function compatibility(uint32 a, uint32 b) public view returns (uint8) {
        // version tags
        // slither-disable-next-line incorrect-equality
        if (a == b) return EXCHANGE;
        uint256 level = _s().levels[_pair(a, b)];
        return level == 0 ? READ : uint8(level - 1);
    }

    /// @inheritdoc IInstanceRegistry
    function requireExchange(bytes32 securityId, uint256 ledger) external view returns (address) {
        return _require(securityId, ledger, EXCHANGE);
    }

    /// @inheritdoc IInstanceRegistry
    function requireRead(bytes32 securityId, uint256 ledger) external view returns (address) {
        return _require(securityId, ledger, READ);
    }

    // ------------------------------------------------------------------ reading

    /// @notice Whether a text is an ISIN with its check digit (ISO 6166).
    function isValidIsin(bytes12 isin) external pure returns (bool) {
        return CheckDigits.isIsin(isin);
    }

    /// @notice ERC-165 identifier of what this contract offers to other contracts.
    function mainInterface() external pure returns (bytes4) {
        return type(IInstanceRegistry).interfaceId;
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice InstanceRegistry
    function contractName() public pure override returns (string memory) {
        return "InstanceRegistry";
    }

    // ------------------------------------------------------------------ parts

    /// @dev Refuse what cannot be an instance of the security; meet its ledger.
    /// @return word the instance's token
    function _check(bytes32 securityId, Instance calldata one) private returns (uint256 word) {
        InstanceRegistryStorage storage $ = _s();
        if (_isinOf(securityId) == 0) revert SecurityUnknown(securityId);
        (uint256 ledger, bytes calldata token) = (one.ledger, one.token);
        // a book-entry address has 18 bytes besides its reference, an EVM address more
        bool its = token.length > 18;
        if (its) {
            if (_isEvm(ledger)) {
                address there = address(bytes20(token[token.length - 20:]));
                word = uint160(there);
                _meet(ledger, MET);
                its = word != 0 && ledger != 0 && one.codeHash != 0;
                if (ledger == block.chainid) {
                    its = its && _answers(there, ISecurityToken.securityId.selector, securityId)
                        && _answers(there, ISIN_GETTER, _isinOf(securityId))
                        && _answers(there, Kernel.codeHash.selector, one.codeHash)
                        && _answers(there, Versioned.versionTag.selector, bytes32(uint256(one.version)));
                } else {
                    bytes32 carried = $.carries[ledger][there];
                    if (carried == 0) $.carries[ledger][there] = securityId;
                    else its = its && carried == securityId;
                }
            } else {
                word = 1;
                _meet(ledger, bytes32(token[5:token.length - 13]));
                bytes32 number = keccak256(abi.encodePacked("book:", _reference(ledger)));
                its = one.codeHash == 0 && ledger == uint256(number) | (1 << 255);
            }
        }
        if (!its || keccak256(_interop(securityId, ledger, word)) != keccak256(token)) {
            revert NotAnInstance(securityId, ledger);
        }
    }

    /// @dev Keep what all instances on a ledger share, once.
    function _meet(uint256 ledger, bytes32 reference_) private {
        InstanceRegistryStorage storage $ = _s();
        if ($.references[ledger] != 0) return;
        $.references[ledger] = reference_;
        $.ledgers.push(ledger);
    }

    /// @dev Write an instance; the one before stays readable, and its token is free again.
    function _replace(bytes32 securityId, uint256 ledger, uint256 word) private {
        Entry storage entry = _at(securityId, ledger);
        uint256 before = entry.word;
        if (before != 0) {
            entry.earlier.push(before);
            if (_tokenOf(before) != _tokenOf(word)) delete _s().carries[ledger][_tokenOf(before)];
        }
        entry.word = word;
    }

    function _codeIndex(bytes32 codeHash_) private returns (uint256 index) {
        InstanceRegistryStorage storage $ = _s();
        index = $.codeIndex[codeHash_];
        if (codeHash_ == 0 || index != 0) return index;
        $.codes.push(codeHash_);
        index = $.codes.length;
        $.codeIndex[codeHash_] = index;
    }

    /// @dev The version here is the one that the token itself tells: it is right at once after an
    /// upgrade, where the register only follows.
    function _require(bytes32 securityId, uint256 ledger, uint8 level) private view returns (address token) {
        token = _tokenOf(_trusted(securityId, block.chainid));
        uint32 remote = uint32(_trusted(securityId, ledger) >> VERSION_AT);
        uint32 local = Versioned(token).versionTag();
        if (compatibility(local, remote) < level) revert VersionsIncompatible(local, remote);
    }

    function _trusted(bytes32 securityId, uint256 ledger) private view returns (uint256 word) {
        word = _at(securityId, ledger).word;
        if (_tokenOf(word) == address(0)) revert InstanceNotTrusted(securityId, ledger);
    }

    /// @dev Whether a contract answers a getter with `expected`. No code, no answer.
    function _answers(address token, bytes4 getter, bytes32 expected) private view returns (bool its) {
        assembly ("memory-safe") {
            mstore(0, getter)
            its := staticcall(gas(), token, 0, 4, 0, 32)
            its := and(its, and(eq(returndatasize(), 32), eq(mload(0), expected)))
        }
    }

    /// @dev ERC-7930 address of an instance; no other writing of it is taken.
    function _interop(bytes32 securityId, uint256 ledger, uint256 word) private view returns (bytes memory) {
        if (_isEvm(ledger)) return Interop.format(ledger, _tokenOf(word));
        bytes memory reference_ = _reference(ledger);
        return abi.encodePacked(
            Interop.BOOK_HEAD, uint8(reference_.length), reference_, uint8(12), _isinOf(securityId)
        );
    }

    /// @dev The forty digits of an address in mixed case (ERC-55).
    function _checksummed(address account) private pure returns (bytes memory text) {
        text = new bytes(40);
        assembly ("memory-safe") {
            for { let i := add(text, 71) } gt(i, add(text, 31)) { i := sub(i, 1) } {
                mstore8(i, byte(and(account, 15), "0123456789abcdef"))
                account := shr(4, account)
            }
            let hash := keccak256(add(text, 32), 40)
            for { let i := add(text, 32) } lt(i, add(text, 72)) { i := add(i, 1) } {
                let digit := byte(0, mload(i))
                // a letter is above "9"; its capital is 32 lower
                mstore8(i, sub(digit, and(shr(250, hash), mul(32, gt(digit, 57)))))
                hash := shl(4, hash)
            }
        }
    }

    /// @dev A number in decimal digits.
    function _decimal(uint256 value) private pure returns (bytes memory digits) {
        assembly ("memory-safe") {
            // 77 digits at most, written from the end
            let end := add(mload(0x40), 128)
            mstore(0x40, end)
            let at := end
            for {} 1 {} {
                at := sub(at, 1)
                mstore8(at, add(48, mod(value, 10)))
                value := div(value, 10)
                if iszero(value) { break }
            }
            digits := sub(at, 32)
            mstore(digits, sub(end, at))
        }
    }

    /// @dev CAIP-2 reference of a book-entry ledger.
    function _reference(uint256 ledger) private view returns (bytes memory) {
        bytes32 text = _s().references[ledger];
        uint256 length = 0;
        while (length < 32 && text[length] != 0) ++length;
        bytes memory reference_ = abi.encodePacked(text);
        assembly ("memory-safe") {
            mstore(reference_, length)
        }
        return reference_;
    }

    function _tokenOf(uint256 word) private pure returns (address) {
        return address(uint160(word));
    }

    function _isEvm(uint256 ledger) private pure returns (bool) {
        return ledger >> 255 == 0;
    }

    function _idOf(bytes12 isin, bytes32 termsHash) private pure returns (bytes32) {
        return keccak256(abi.encode(isin, termsHash));
    }

    function _isinOf(bytes32 securityId) private view returns (bytes12) {
        return bytes12(_s().securities[securityId]);
    }

    function _at(bytes32 securityId, uint256 ledger) private view returns (Entry storage) {
        return _s().instances[securityId][ledger];
    }

    function _pair(uint32 a, uint32 b) private pure returns (uint256) {
        return a < b ? (uint256(a) << 32) | b : (uint256(b) << 32) | a;
    }
}
