// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Authorised} from "../../contracts/access/Authorised.sol";
import {Create3Factory} from "../../contracts/access/Create3Factory.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {Versioned} from "../../contracts/access/Versioned.sol";
import {CorporateActions} from "../../contracts/actions/CorporateActions.sol";
import {Gateway} from "../../contracts/bridge/Gateway.sol";
import {TokenBridge} from "../../contracts/bridge/TokenBridge.sol";
import {CustodyRegistry} from "../../contracts/registry/CustodyRegistry.sol";
import {InstanceRegistry} from "../../contracts/registry/InstanceRegistry.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {Vm} from "./Vm.sol";
import {World} from "./World.sol";

contract Small {
    uint256 public immutable value;

    error Odd(uint256 value);

    constructor(uint256 value_) payable {
        if (value_ % 2 == 1) revert Odd(value_);
        value = value_;
    }
}

contract Empty {
    constructor() {
        assembly {
            return(0, 0)
        }
    }
}

contract CustodyRegistryV2 is CustodyRegistry {
    constructor(address m, address a, address k, address h) CustodyRegistry(m, a, k, h) {}

    function versionTag() public pure override returns (uint32) {
        return (1 << 16) + (1 << 8) + 7;
    }
}

contract DeploymentTest is World {
    Create3Factory private factory = new Create3Factory();

    function setUp() public {
        _setUpWorld();
        _on(home);
    }

    // ---------------------------------------------------------------- CREATE3

    function testFuzz_theAddressDependsOnDeployerAndSaltAlone(bytes32 salt, uint128 value, uint32 chain) public {
        address expected = factory.addressOf(address(this), salt);
        uint256 snapshot = vm.snapshotState();
        vm.assertEq(factory.deploy(salt, _small(uint256(value) * 2)), expected, "this code");
        vm.assertEq(Small(expected).value(), uint256(value) * 2, "its argument");
        vm.revertToState(snapshot);
        vm.chainId(uint256(chain) + 1);
        vm.assertEq(factory.deploy(salt, type(Create3Factory).creationCode), expected, "other code, other chain");
    }

    function test_nobodyTakesAnothersAddress() public {
        address ours = factory.addressOf(address(this), "salt");
        vm.prank(stranger);
        address theirs = factory.deploy("salt", _small(2));
        vm.assertTrue(theirs != ours, "guarded by the deployer");
        vm.assertEq(factory.deploy("salt", _small(2)), ours, "still free");
        vm.expectRevert(abi.encodeWithSelector(Create3Factory.Occupied.selector, ours));
        factory.deploy("salt", _small(4));
    }

    function test_aFailedConstructorSaysWhyAndLeavesTheAddressFree() public {
        vm.expectRevert(abi.encodeWithSelector(Small.Odd.selector, 3));
        factory.deploy("salt", _small(3));
        vm.expectRevert(Create3Factory.DeploymentFailed.selector);
        factory.deploy("salt", type(Empty).creationCode);
        vm.expectRevert(Create3Factory.DeploymentFailed.selector);
        factory.deploy("salt", hex"fe");
        vm.assertEq(factory.deploy("salt", _small(2)), factory.addressOf(address(this), "salt"), "free");
    }

    // ---------------------------------------------------------------- proxies and versions

    function test_implementationsAndProxiesCannotBeInitialisedAgain() public {
        InstanceRegistry implementation = new InstanceRegistry(address(home.manager), address(home.approvals), address(home.kernel));
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        Kernel(address(implementation)).initialize();
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        Kernel(address(home.instances)).initialize();
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        home.code.initialize(_tokenInit(home, true));
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        Kernel(address(home.token)).initialize();
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        Kernel(address(home.actions)).initialize();
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        home.kernel.initialize();
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        SecurityToken(payable(address(home.token))).initialize(_tokenInit(home, true));
    }

    function test_theRegistersOfWhoMayAreNeverZero() public {
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new CustodyRegistry(address(0), address(home.approvals), address(home.kernel), address(home.holders));
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new CustodyRegistry(address(home.manager), address(0), address(home.kernel), address(home.holders));
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new CustodyRegistry(address(home.manager), address(home.approvals), address(home.kernel), address(0));
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new CustodyRegistry(address(home.manager), address(home.approvals), address(0), address(home.holders));
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new Gateway(address(home.manager), address(home.approvals), address(0));
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new TokenBridge(address(home.manager), address(home.approvals), address(home.kernel), address(0), address(home.instances));
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new TokenBridge(address(home.manager), address(home.approvals), address(home.kernel), address(home.gateway), address(0));
    }

    function test_ca_1_theCorporateActionsKnowTheirRegisters() public {
        (address m, address a, address g, address i) =
            (address(home.manager), address(home.approvals), address(home.gateway), address(home.instances));
        vm.expectRevert(Authorised.ZeroAddress.selector);
        new CorporateActions(m, a, address(home.kernel), g, i, address(0));
        vm.assertEq(home.actions.gateway(), g, "gateway");
        vm.assertEq(home.actions.instanceRegistry(), i, "instances");
    }

    function test_ver_1_everyContractSaysWhatItIs() public view {
        address[9] memory all = _all();
        string[9] memory names = [
            "Approvals",
            "HolderRegistry",
            "InstanceRegistry",
            "CustodyRegistry",
            "Gateway",
            "TokenBridge",
            "CorporateActions",
            "SecurityToken",
            "CashToken"
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            Kernel one = Kernel(all[i]);
            vm.assertEq(Versioned(all[i]).contractName(), names[i], "name");
            vm.assertEq(one.version(), "1.0.0", "version");
            vm.assertEq(Versioned(all[i]).versionTag(), 1 << 16, "tag");
            vm.assertEq(one.termsVersion(), i == 7 ? 1 : 0, "terms");
            vm.assertTrue(one.mainInterface() != 0, "interface");
            address code = i < 2 ? all[i] : address(uint160(uint256(vm.load(all[i], _IMPLEMENTATION))));
            vm.assertEq(one.codeHash(), code.codehash, "code");
            vm.assertTrue(code.code.length < 24_576, "EIP-170");
            vm.assertEq(Kernel(all[i]).authority(), address(home.manager), "authority");
            vm.assertEq(Kernel(all[i]).approvals(), address(home.approvals), "approvals");
            if (i < 2) continue;
            vm.assertEq(Kernel(all[i]).implementation(), code, "implementation");
            vm.assertTrue(Kernel(all[i]).supportsInterface(0x01ffc9a7), "ERC-165");
            vm.assertFalse(Kernel(all[i]).supportsInterface(0xffffffff), "ERC-165");
        }
        vm.assertTrue(home.token.supportsInterface(0x33331994), "ERC-7802");
        vm.assertTrue(home.token.supportsInterface(0x36372b07), "ERC-20");
        vm.assertTrue(home.token.supportsInterface(0xab84a5c8), "ERC-1404");
    }

    function test_ver_1_theTextOfAVersionIsItsTag() public {
        address[9] memory all = _all();
        for (uint256 i = 0; i < all.length; ++i) _assertText(Versioned(all[i]));
        _assertText(
            new CustodyRegistryV2(address(home.manager), address(home.approvals), address(home.kernel), address(home.holders))
        );
    }

    function _assertText(Versioned one) private view {
        uint32 tag = one.versionTag();
        string memory text = string.concat(
            vm.toString(uint256(tag >> 16)), ".", vm.toString(uint256(uint8(tag >> 8))), ".", vm.toString(uint256(uint8(tag)))
        );
        vm.assertEq(Kernel(address(one)).version(), text, one.contractName());
    }

    function test_ver_6_codeIsNeitherUpgradedNorSetUpBesideAProxy() public {
        Kernel code = Kernel(
            address(
                new CustodyRegistry(
                    address(home.manager), address(home.approvals), address(home.kernel), address(home.holders)
                )
            )
        );
        vm.assertEq(code.implementation(), address(0), "no proxy");
        vm.assertEq(uint256(code.proxiableUUID()), uint256(_IMPLEMENTATION), "ERC-1822");
        vm.expectRevert(Kernel.UUPSUnauthorizedCallContext.selector);
        vm.prank(address(home.approvals));
        code.upgradeToAndCall(address(code), "");
        vm.expectRevert(Kernel.InvalidInitialization.selector);
        code.initialize();
        vm.expectRevert(Kernel.UUPSUnauthorizedCallContext.selector);
        Kernel(address(home.custody)).proxiableUUID();
    }

    function test_ver_6_theKernelItselfIsNeitherUpgradedNorSetUpAndKnowsNoOtherFunction() public {
        vm.startPrank(address(home.approvals));
        vm.expectRevert(Kernel.UUPSUnauthorizedCallContext.selector);
        home.kernel.upgradeToAndCall(address(home.kernel), "");
        vm.expectRevert(Kernel.UUPSUnauthorizedCallContext.selector);
        Kernel(address(home.holders)).upgradeToAndCall(address(home.kernel), "");
        vm.stopPrank();
        address[3] memory all = [address(home.kernel), address(home.custody), address(home.token)];
        for (uint256 i = 0; i < all.length; ++i) {
            (bool success, bytes memory answer) = all[i].call(hex"12345678");
            vm.assertFalse(success, "unknown");
            vm.assertEq(answer, abi.encodeWithSelector(Kernel.FunctionUnknown.selector, bytes4(0x12345678)), "says so");
        }
    }

    function test_ver_6_aProxyIsNotUpgradedToAProxyNorToWhatIsNoContractOfOurs() public {
        address[3] memory bad = [address(home.custody), stranger, address(factory)];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Kernel.AnotherContract.selector, bad[i]));
            vm.prank(address(home.approvals));
            Kernel(address(home.custody)).upgradeToAndCall(bad[i], "");
        }
    }

    function test_ver_6_theCallOfAnUpgradeRunsOnTheNewCodeAndItsFailureUndoesIt() public {
        address next = address(
            new CustodyRegistryV2(address(home.manager), address(home.approvals), address(home.kernel), address(home.holders))
        );
        address before = Kernel(address(home.custody)).implementation();
        vm.expectRevert(Kernel.InvalidInitialization.selector);
        vm.prank(address(home.approvals));
        Kernel(address(home.custody)).upgradeToAndCall(next, abi.encodeCall(Kernel.initialize, ()));
        vm.assertEq(Kernel(address(home.custody)).implementation(), before, "undone");
        vm.prank(address(home.approvals));
        Kernel(address(home.custody)).upgradeToAndCall(next, abi.encodeCall(Versioned.versionTag, ()));
        vm.assertEq(Kernel(address(home.custody)).version(), "1.1.7", "upgraded");
    }

    function test_ver_1_onlyWhatIsSignedForHasADomain() public {
        (, string memory name, , , address at, , ) = Kernel(address(home.gateway)).eip712Domain();
        vm.assertEq(name, "Pari Passu Gateway", "name");
        vm.assertEq(at, address(home.gateway), "contract");
        vm.expectRevert(abi.encodeWithSelector(Kernel.FunctionUnknown.selector, bytes4(keccak256("domainName()"))));
        Kernel(address(home.custody)).eip712Domain();
    }

    function test_ver_1_theFirstVersionIsAnnounced() public {
        address implementation = address(new CustodyRegistry(address(home.manager), address(home.approvals), address(home.kernel), address(home.holders)));
        vm.recordLogs();
        address proxy =
            _proxy(implementation, abi.encodeCall(Kernel.initialize, ()));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != Kernel.VersionChanged.selector) continue;
            vm.assertEq(logs[i].emitter, proxy, "on the contract itself");
            vm.assertEq(logs[i].data, abi.encode(0, 1 << 16, implementation.codehash, 0), "first");
            vm.assertEq(logs[i].topics[1], 0, "no act");
            return;
        }
        vm.assertTrue(false, "announced");
    }

    bytes32 private constant _IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    // ---------------------------------------------------------------- ERC-7201

    function test_ver_7_storageIsInTheNamespacesThatTheContractsName() public {
        _issue(holderDe, 5);
        vm.assertEq(
            _load(address(home.holders), keccak256(abi.encode(holderDe, _namespace("HolderRegistry")))),
            home.holders.wordOf(holderDe),
            "HolderRegistry"
        );
        vm.assertEq(
            _load(address(home.instances), keccak256(abi.encode(SECURITY, _namespace("InstanceRegistry")))),
            uint256(bytes32(abi.encodePacked(ISIN, LEI))),
            "InstanceRegistry"
        );
        vm.assertEq(_load(address(home.gateway), _namespace("Quorum")) >> 160, 1 | (2 << 32), "Quorum");
        bytes32 lanes = keccak256(abi.encode(peer.id, _namespace("Gateway")));
        vm.assertEq(
            _load(address(home.gateway), keccak256(abi.encode(1, lanes))),
            uint256(uint160(address(home.bridge))),
            "Gateway"
        );
        vm.assertEq(_load(address(home.actions), _namespace("CorporateActions")), 1, "CorporateActions");
        _assertAddress(address(home.token), "Security", address(home.code));
        vm.assertEq(
            _load(address(home.cash), _namespace("CashToken")), uint256(uint24(bytes3("EUR"))) | (2 << 24), "CashToken"
        );
        address[9] memory all = _all();
        // the approvals are no proxy: nothing can displace what it stores
        for (uint256 i = 1; i < all.length; ++i) {
            for (uint256 slot = 0; slot < 64; ++slot) {
                vm.assertEq(vm.load(all[i], bytes32(slot)), 0, "nothing outside of the namespaces");
            }
        }
    }

    // ---------------------------------------------------------------- parts

    function _small(uint256 value) private pure returns (bytes memory) {
        return abi.encodePacked(type(Small).creationCode, abi.encode(value));
    }

    function _all() private view returns (address[9] memory) {
        return [
            address(home.approvals),
            address(home.holders),
            address(home.instances),
            address(home.custody),
            address(home.gateway),
            address(home.bridge),
            address(home.actions),
            address(home.token),
            address(home.cash)
        ];
    }

    /// ERC-7201: keccak256(abi.encode(uint256(keccak256(id)) - 1)) & ~0xff
    function _namespace(string memory name) private pure returns (bytes32) {
        bytes32 id = keccak256(bytes(string.concat("paripassu.storage.", name)));
        return keccak256(abi.encode(uint256(id) - 1)) & ~bytes32(uint256(0xff));
    }

    function _load(address target, bytes32 slot) private view returns (uint256) {
        return uint256(vm.load(target, slot));
    }

    function _assertAddress(address target, string memory name, address expected) private view {
        vm.assertEq(address(uint160(_load(target, _namespace(name)))), expected, name);
    }
}
