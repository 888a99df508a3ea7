// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Create3Factory} from "../../contracts/access/Create3Factory.sol";
import {PariUpgradeable, Versioned} from "../../contracts/access/Versioned.sol";
import {EventRecord, PaymentLine} from "../../contracts/actions/CorporateActions.sol";
import {AttestorSet} from "../../contracts/bridge/AttestorSet.sol";
import {Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {HolderRegistry} from "../../contracts/registry/HolderRegistry.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
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

contract HolderRegistryV2 is HolderRegistry {
    constructor(address m, address a) HolderRegistry(m, a) {}

    function versionTag() public pure override returns (uint32) {
        return (1 << 16) + (1 << 8);
    }
}

contract HolderRegistryV3 is HolderRegistry {
    constructor(address m, address a) HolderRegistry(m, a) {}

    function versionTag() public pure override returns (uint32) {
        return 2 << 16;
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
        vm.assertEq(factory.deploy(salt, type(SecurityToken).creationCode), expected, "other code, other chain");
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
        HolderRegistry implementation = new HolderRegistry();
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        implementation.initialize(address(this));
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        home.holders.initialize(address(this));
        vm.expectRevert(abi.encodeWithSignature("InvalidInitialization()"));
        home.token.initialize(_tokenInit(home, true));
    }

    function test_anUpgradeIsAnnouncedOnTheVeryContract() public {
        _allowUpgrade();
        address next = address(new HolderRegistryV2());
        uint32 minor = (1 << 16) + (1 << 8);
        vm.expectEmit(address(home.holders));
        emit Versioned.VersionChanged(1 << 16, minor, next.codehash, 2);
        vm.prank(upgrader);
        home.holders.upgradeToAndCall(next, "");
        vm.assertEq(home.holders.version(), minor, "version");
        vm.assertEq(home.holders.recordOf(holderDe).country, GERMANY, "state stays");
        address major = address(new HolderRegistryV3());
        vm.expectEmit(address(home.holders));
        emit Versioned.VersionChanged(minor, 2 << 16, major.codehash, 3);
        vm.prank(upgrader);
        home.holders.upgradeToAndCall(major, "");
    }

    function test_anUpgradeRaisesTheVersionAndKeepsTheContract() public {
        _allowUpgrade();
        address same = address(new HolderRegistry());
        vm.startPrank(upgrader);
        vm.expectRevert(abi.encodeWithSelector(PariUpgradeable.VersionNotRaised.selector, 1 << 16, 1 << 16));
        home.holders.upgradeToAndCall(same, "");
        vm.stopPrank();
        address other = address(new HolderRegistryV2());
        vm.prank(upgrader);
        vm.expectRevert(
            abi.encodeWithSelector(PariUpgradeable.AnotherContract.selector, "SecurityToken", "HolderRegistry")
        );
        home.token.upgradeToAndCall(other, "");
    }

    function test_everyContractSaysWhatItIs() public view {
        address[9] memory all = _all();
        string[9] memory names = [
            "HolderRegistry",
            "InstanceRegistry",
            "CustodyRegistry",
            "AttestorSet",
            "Gateway",
            "TokenBridge",
            "CorporateActions",
            "SecurityToken",
            "CashToken"
        ];
        for (uint256 i = 0; i < all.length; ++i) {
            vm.assertEq(Versioned(all[i]).contractName(), names[i], "name");
            vm.assertEq(Versioned(all[i]).version(), 1 << 16, "version");
            vm.assertTrue(PariUpgradeable(all[i]).supportsInterface(0x01ffc9a7), "ERC-165");
            vm.assertFalse(PariUpgradeable(all[i]).supportsInterface(0xffffffff), "ERC-165");
            address implementation = address(uint160(uint256(vm.load(all[i], _IMPLEMENTATION))));
            vm.assertTrue(implementation.code.length < 24_576, "EIP-170");
        }
        vm.assertTrue(home.token.supportsInterface(0x33331994), "ERC-7802");
        vm.assertTrue(home.token.supportsInterface(0x36372b07), "ERC-20");
        vm.assertTrue(home.token.supportsInterface(0xab84a5c8), "ERC-1404");
    }

    bytes32 private constant _IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    // ---------------------------------------------------------------- ERC-7201

    function test_storageIsInTheNamespacesThatTheContractsName() public {
        _issue(holderDe, 5);
        vm.assertEq(
            _load(address(home.holders), keccak256(abi.encode(holderDe, _namespace("HolderRegistry")))) & 0xffff,
            GERMANY,
            "HolderRegistry"
        );
        vm.assertEq(
            _load(address(home.instances), keccak256(abi.encode(ISIN, _at("InstanceRegistry", 1)))),
            uint256(SECURITY),
            "InstanceRegistry"
        );
        _assertAddress(address(home.custody), "CustodyRegistry", address(home.holders));
        vm.assertEq(_load(address(home.attestors), _namespace("AttestorSet")), 1 | (2 << 32), "AttestorSet");
        _assertAddress(address(home.gateway), "Gateway", address(home.attestors));
        _assertAddress(address(home.bridge), "TokenBridge", address(home.gateway));
        _assertAddress(address(home.actions), "CorporateActions", address(home.gateway));
        _assertAddress(address(home.token), "SecurityToken", address(home.holders));
        vm.assertEq(
            _load(address(home.cash), _namespace("CashToken")), uint256(uint24(bytes3("EUR"))) | (2 << 24), "CashToken"
        );
        address[9] memory all = _all();
        for (uint256 i = 0; i < all.length; ++i) {
            for (uint256 slot = 0; slot < 64; ++slot) {
                vm.assertEq(vm.load(all[i], bytes32(slot)), 0, "nothing outside of the namespaces");
            }
        }
    }

    // ---------------------------------------------------------------- roles

    function test_i8_everyRestrictedFunctionRefusesStrangers() public {
        EventRecord memory record = _event();
        _refuses(address(home.holders), abi.encodeCall(home.holders.onboard, (stranger, "x", 1, 1, 0, stranger)));
        _refuses(address(home.holders), abi.encodeCall(home.holders.setStatus, (holderDe, false)));
        _refuses(address(home.instances), abi.encodeCall(home.instances.registerSecurity, (ISIN, LEI, TERMS)));
        _refuses(
            address(home.instances),
            abi.encodeCall(home.instances.registerInstance, (SECURITY, Instance(1, "", 0, 1, true)))
        );
        _refuses(address(home.instances), abi.encodeCall(home.instances.revokeInstance, (SECURITY, peer.id)));
        _refuses(
            address(home.attestors), abi.encodeCall(home.attestors.rotate, (new AttestorSet.Attestor[](0), 2))
        );
        _refuses(address(home.gateway), abi.encodeCall(home.gateway.setApp, (1, stranger)));
        _refuses(address(home.gateway), abi.encodeCall(home.gateway.setPeer, (peer.id, "", true)));
        _refuses(address(home.bridge), abi.encodeCall(home.bridge.setToken, (SECURITY, stranger)));
        _refuses(address(home.bridge), abi.encodeCall(home.bridge.setPeerApp, (peer.id, "")));
        _refuses(address(home.actions), abi.encodeCall(home.actions.setToken, (SECURITY, stranger)));
        _refuses(address(home.actions), abi.encodeCall(home.actions.setCash, ("EUR", stranger)));
        _refuses(address(home.actions), abi.encodeCall(home.actions.setPeerApp, (peer.id, "")));
        _refuses(address(home.actions), abi.encodeCall(home.actions.announce, (record)));
        _refuses(address(home.actions), abi.encodeCall(home.actions.publishEntitlements, ("x", "y", 1, 1)));
        _refuses(address(home.actions), abi.encodeCall(home.actions.pay, ("x", new PaymentLine[](0))));
        _refuses(address(home.token), abi.encodeCall(home.token.issue, (stranger, 1, "x")));
        _refuses(address(home.token), abi.encodeCall(home.token.redeem, (holderDe, 1, "x")));
        _refuses(address(home.token), abi.encodeCall(home.token.freeze, (holderDe, true)));
        _refuses(address(home.token), abi.encodeCall(home.token.pause, ()));
        _refuses(address(home.token), abi.encodeCall(home.token.unpause, ()));
        _refuses(address(home.cash), abi.encodeCall(home.cash.mint, (stranger, 1, "x")));
        address[9] memory all = _all();
        for (uint256 i = 0; i < all.length; ++i) {
            _refuses(all[i], abi.encodeCall(home.token.upgradeToAndCall, (stranger, "")));
        }
    }

    function test_i8_theAdministratorMovesNothing() public {
        vm.startPrank(admin);
        bytes memory refusal = abi.encodeWithSignature("AccessManagedUnauthorized(address)", admin);
        vm.expectRevert(refusal);
        home.token.issue(admin, 1, "x");
        vm.expectRevert(refusal);
        home.cash.mint(admin, 1, "x");
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- parts

    function _small(uint256 value) private pure returns (bytes memory) {
        return abi.encodePacked(type(Small).creationCode, abi.encode(value));
    }

    function _allowUpgrade() private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = home.holders.upgradeToAndCall.selector;
        vm.prank(admin);
        home.manager.setTargetFunctionRole(address(home.holders), selectors, 15);
    }

    function _all() private view returns (address[9] memory) {
        return [
            address(home.holders),
            address(home.instances),
            address(home.custody),
            address(home.attestors),
            address(home.gateway),
            address(home.bridge),
            address(home.actions),
            address(home.token),
            address(home.cash)
        ];
    }

    function _refuses(address target, bytes memory call_) private {
        vm.prank(stranger);
        (bool success, bytes memory reason) = target.call(call_);
        vm.assertFalse(success, "refused");
        vm.assertEq(reason, abi.encodeWithSignature("AccessManagedUnauthorized(address)", stranger), "by its role");
    }

    /// ERC-7201: keccak256(abi.encode(uint256(keccak256(id)) - 1)) & ~0xff
    function _namespace(string memory name) private pure returns (bytes32) {
        bytes32 id = keccak256(bytes(string.concat("paripassu.storage.", name)));
        return keccak256(abi.encode(uint256(id) - 1)) & ~bytes32(uint256(0xff));
    }

    function _at(string memory name, uint256 offset) private pure returns (bytes32) {
        return bytes32(uint256(_namespace(name)) + offset);
    }

    function _load(address target, bytes32 slot) private view returns (uint256) {
        return uint256(vm.load(target, slot));
    }

    function _assertAddress(address target, string memory name, address expected) private view {
        vm.assertEq(address(uint160(_load(target, _namespace(name)))), expected, name);
    }
}
