// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../access/Interop.sol";
import {Roles} from "../access/Roles.sol";
import {PariUpgradeable} from "../access/Versioned.sol";
import {IInstanceRegistry, Instance} from "../interfaces/IInstanceRegistry.sol";

/// @title Register of securities and of their trusted instances
/// @notice ISIN and terms give the `securityId` that is one on every ledger (ID-1, ID-3); the
/// instances are the tokens, one a ledger, that carry it.
contract InstanceRegistry is PariUpgradeable, IInstanceRegistry {
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

    /// @notice Not an ISIN: two letters, nine letters or digits, and the check digit of ISO 6166.
    error InvalidIsin(bytes12 isin);

    /// @notice The ISIN is registered with other terms or another issuer.
    error SecurityConflict(bytes12 isin, bytes32 known);

    /// @notice No such security here.
    error SecurityUnknown(bytes32 securityId);

    /// @notice The instance's ledger is not the one in its token's address.
    error LedgerMismatch(uint256 ledger, uint256 inToken);

    /// @notice No such instance here.
    error InstanceUnknown(bytes32 securityId, uint256 ledger);

    struct Security {
        bytes12 isin;
        bytes20 lei;
        bytes32 termsHash;
        Instance[] instances;
        /// position in `instances`, from 1
        mapping(uint256 ledger => uint256) indexOf;
    }

    /// @custom:storage-location erc7201:paripassu.storage.InstanceRegistry
    struct InstanceRegistryStorage {
        mapping(bytes32 securityId => Security) securities;
        mapping(bytes12 isin => bytes32) idOf;
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
    constructor(address authority_, address approvals_) PariUpgradeable(authority_, approvals_) {}

    /// @notice Set up the proxy.
    function initialize() external initializer {
        __Pari_init();
    }

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
        if (!isValidIsin(isin)) revert InvalidIsin(isin);
        securityId = keccak256(abi.encode(isin, termsHash));
        InstanceRegistryStorage storage $ = _s();
        bytes32 known = $.idOf[isin];
        Security storage security = $.securities[securityId];
        if (known == securityId && security.lei == lei) return securityId;
        if (known != 0) revert SecurityConflict(isin, known);
        $.idOf[isin] = securityId;
        security.isin = isin;
        security.lei = lei;
        security.termsHash = termsHash;
        emit SecurityRegistered(securityId, isin, lei, termsHash);
    }

    /// @notice Trust an instance; a ledger's second one replaces its first.
    /// @custom:access-control TOKENIZER
    function registerInstance(bytes32 securityId, Instance calldata instance) external onlyRole(Roles.TOKENIZER) {
        Security storage security = _known(securityId);
        (uint256 ledger, ) = Interop.parse(instance.token);
        if (ledger != instance.ledger) revert LedgerMismatch(instance.ledger, ledger);
        uint256 index = security.indexOf[ledger];
        if (index == 0) {
            security.instances.push(instance);
            security.indexOf[ledger] = security.instances.length;
        } else {
            security.instances[index - 1] = instance;
        }
        emit InstanceRegistered(
            securityId, ledger, instance.token, instance.codeHash, instance.version, instance.native
        );
    }

    /// @notice Trust an instance no more. The order of the others may change.
    /// @custom:access-control TOKENIZER
    function revokeInstance(bytes32 securityId, uint256 ledger) external onlyRole(Roles.TOKENIZER) {
        Security storage security = _known(securityId);
        uint256 index = security.indexOf[ledger];
        if (index == 0) revert InstanceUnknown(securityId, ledger);
        uint256 last = security.instances.length;
        if (index != last) {
            Instance storage moved = security.instances[last - 1];
            security.indexOf[moved.ledger] = index;
            security.instances[index - 1] = moved;
        }
        security.instances.pop();
        delete security.indexOf[ledger];
        emit InstanceRevoked(securityId, ledger);
    }

    /// @notice ISIN, issuer and terms of a security; zeros when it is unknown.
    function securityOf(bytes32 securityId) external view returns (bytes12 isin, bytes20 lei, bytes32 termsHash) {
        Security storage security = _s().securities[securityId];
        return (security.isin, security.lei, security.termsHash);
    }

    /// @notice Identifier of the security with this ISIN; zero when there is none.
    function securityIdOf(bytes12 isin) external view returns (bytes32) {
        return _s().idOf[isin];
    }

    /// @notice The trusted instances of a security.
    function instances(bytes32 securityId) external view returns (Instance[] memory) {
        return _s().securities[securityId].instances;
    }

    /// @inheritdoc IInstanceRegistry
    function ledgersOf(bytes32 securityId) external view returns (uint256[] memory ledgers) {
        Instance[] storage all = _s().securities[securityId].instances;
        ledgers = new uint256[](all.length);
        for (uint256 i = 0; i < ledgers.length; ++i) ledgers[i] = all[i].ledger;
    }

    /// @inheritdoc IInstanceRegistry
    function tokenOn(bytes32 securityId, uint256 ledger) public view returns (bytes memory) {
        Security storage security = _s().securities[securityId];
        uint256 index = security.indexOf[ledger];
        return index == 0 ? bytes("") : security.instances[index - 1].token;
    }

    /// @inheritdoc IInstanceRegistry
    function isTrusted(bytes32 securityId, uint256 ledger, bytes calldata token) external view returns (bool) {
        return token.length != 0 && keccak256(tokenOn(securityId, ledger)) == keccak256(token);
    }

    /// @notice ISO 6166 check: letters count as two digits (A = 10), every second digit from the
    /// right counts double, the digits of all sum to a multiple of ten.
    function isValidIsin(bytes12 isin) public pure returns (bool) {
        uint256 sum = 0;
        bool double = false;
        for (uint256 i = 12; i > 0; --i) {
            uint8 c = uint8(isin[i - 1]);
            bool digit = c >= 0x30 && c <= 0x39;
            bool letter = c >= 0x41 && c <= 0x5A;
            if (i == 12 ? !digit : (i < 3 ? !letter : !(digit || letter))) return false;
            uint256 value = digit ? c - 0x30 : c - 0x41 + 10;
            do {
                uint256 d = value % 10;
                if (double) d = d < 5 ? 2 * d : 2 * d - 9;
                sum += d;
                double = !double;
                value /= 10;
            } while (value != 0);
        }
        return sum % 10 == 0;
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IInstanceRegistry).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @notice 1.0.0
    function versionTag() public pure virtual override returns (uint32) {
        return 1 << 16;
    }

    /// @notice InstanceRegistry
    function contractName() public pure override returns (string memory) {
        return "InstanceRegistry";
    }

    function _known(bytes32 securityId) private view returns (Security storage security) {
        security = _s().securities[securityId];
        if (security.isin == 0) revert SecurityUnknown(securityId);
    }
}
