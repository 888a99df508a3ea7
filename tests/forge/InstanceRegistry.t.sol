// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../../contracts/access/Interop.sol";
import {Authorised} from "../../contracts/access/Authorised.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {IInstanceRegistry, Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {CheckDigits} from "../../contracts/registry/CheckDigits.sol";
import {InstanceRegistry} from "../../contracts/registry/InstanceRegistry.sol";
import {World} from "./World.sol";

contract CheckDigitsHarness {
    function isIsin(bytes12 text) external pure returns (bool) {
        return CheckDigits.isIsin(text);
    }

    function isLei(bytes20 text) external pure returns (bool) {
        return CheckDigits.isLei(text);
    }

    function isDti(bytes9 text) external pure returns (bool) {
        return CheckDigits.isDti(text);
    }
}

/// A token that answers what it is told to.
contract Answering {
    bytes32 public securityId;
    bytes12 public isin;
    bytes32 public codeHash;
    uint32 public versionTag;

    function answer(bytes32 securityId_, bytes12 isin_, bytes32 codeHash_, uint32 versionTag_) external {
        (securityId, isin, codeHash, versionTag) = (securityId_, isin_, codeHash_, versionTag_);
    }
}

/// ID-1, ID-2, ID-3, VER-4, VER-5: what a security is, and which tokens carry it.
contract InstanceRegistryTest is World {
    bytes12 private constant OTHER_ISIN = "US0378331005";
    bytes32 private constant OTHER = keccak256(abi.encode(OTHER_ISIN, TERMS));
    bytes32 private constant CODE = keccak256("code");
    uint32 private constant V1 = 1 << 16;
    uint32 private constant V2 = 2 << 16;
    uint256 private constant REGISTER = uint256(keccak256("book:register")) | (1 << 255);
    bytes private constant DTI_LETTERS = "0123456789BCDFGHJKLMNPQRSTVWXZ";

    CheckDigitsHarness private digits = new CheckDigitsHarness();

    function setUp() public {
        _setUpWorld();
        _on(home);
    }

    // ---------------------------------------------------------------- check digits

    function test_id_2_anIsinHasItsCheckDigit() public view {
        bytes12[6] memory good =
            [bytes12("US0378331005"), "DE000PARI000", "GB0002634946", "AU0000XVGZA3", "FR0014ZZPPS9", "XS2021448886"];
        for (uint256 i = 0; i < good.length; ++i) {
            vm.assertTrue(home.instances.isValidIsin(good[i]), "valid");
            for (bytes1 digit = "0"; digit <= "9"; digit = bytes1(uint8(digit) + 1)) {
                bytes12 changed = bytes12(_with(good[i], 11, digit));
                if (changed != good[i]) vm.assertFalse(digits.isIsin(changed), "check digit");
            }
        }
        bytes12[8] memory bad = [
            bytes12(0), "us0378331005", "0S0378331005", "U00378331005", "US037833100A", "US03783310 5",
            "US037833005", "U10378331005"
        ];
        for (uint256 i = 0; i < bad.length; ++i) vm.assertFalse(digits.isIsin(bad[i]), "shape");
    }

    function test_id_2_anLeiHasItsCheckDigits() public view {
        bytes20[5] memory good = [
            bytes20("529900T8BM49AURSDO55"), "5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394", "7LTWFZYICNSX8D621064",
            "00000000000000000098"
        ];
        for (uint256 i = 0; i < good.length; ++i) {
            vm.assertTrue(digits.isLei(good[i]), "valid");
            for (uint8 tens = 0x30; tens < 0x3a; ++tens) {
                for (uint8 ones = 0x30; ones < 0x3a; ++ones) {
                    bytes20 changed = bytes20(_with(_with(good[i], 18, bytes1(tens)), 19, bytes1(ones)));
                    // 01 leaves the same remainder as 98, but is no check digit
                    if (changed != good[i]) vm.assertFalse(digits.isLei(changed), "check digits");
                }
            }
        }
        bytes20[5] memory bad = [
            bytes20(0), "529900t8BM49AURSDO55", "529900T8BM49AURSDO5", "529900T8BM49AURSD 55", "529900T8BM49AURSDO5A"
        ];
        for (uint256 i = 0; i < bad.length; ++i) vm.assertFalse(digits.isLei(bad[i]), "shape");
    }

    function test_id_2_aDtiHasItsCheckCharacter() public view {
        // the first two are registered identifiers of digital tokens
        bytes9[6] memory good =
            [bytes9("X9J9K872S"), "4H95J0R2T", "12345678K", "BCDFGHJKP", "ZZZZZZZZQ", "10000000R"];
        for (uint256 i = 0; i < good.length; ++i) {
            vm.assertTrue(digits.isDti(good[i]), "valid");
            for (uint256 j = 0; j < DTI_LETTERS.length; ++j) {
                bytes9 changed = bytes9(_with(good[i], 8, DTI_LETTERS[j]));
                if (changed != good[i]) vm.assertFalse(digits.isDti(changed), "check character");
            }
        }
        bytes9[5] memory bad = [bytes9(0), "x9J9K872S", "A9J9K872S", "X9J9K872", "X9J9K87 S"];
        for (uint256 i = 0; i < bad.length; ++i) vm.assertFalse(digits.isDti(bad[i]), "shape");
        // no first character but 0 would make its own check character right
        for (uint256 j = 0; j < DTI_LETTERS.length; ++j) {
            vm.assertFalse(digits.isDti(bytes9(_with("00000000", 8, DTI_LETTERS[j]))), "starts with 0");
        }
    }

    function testFuzz_id_2_anIsinWithAWrongDigitIsNotRegistered(uint256 position, uint256 by) public {
        position = 2 + position % 10; // the digits
        bytes12 wrong = bytes12(_shifted(OTHER_ISIN, position, by));
        vm.prank(tokenizer);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.InvalidIsin.selector, wrong));
        home.instances.registerSecurity(wrong, LEI, TERMS);
    }

    function testFuzz_id_2_anLeiWithAWrongCharacterIsNotRegistered(uint256 position, uint256 by) public {
        bytes20 wrong = bytes20(_shifted(LEI, position % 20, by));
        vm.prank(tokenizer);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.InvalidLei.selector, wrong));
        home.instances.registerSecurity(OTHER_ISIN, wrong, TERMS);
    }

    function testFuzz_id_2_aDtiWithAWrongCharacterIsNotRegistered(uint256 position, uint256 letter) public {
        bytes9 right = "X9J9K872S";
        bytes9 wrong = bytes9(_with(right, position % 9, DTI_LETTERS[letter % 30]));
        vm.assume(wrong != right);
        Instance memory instance = _instance(peer);
        instance.dti = wrong;
        vm.startPrank(tokenizer);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.InvalidDti.selector, wrong));
        home.instances.registerInstances(SECURITY, _list(instance));
        instance.dti = right;
        home.instances.registerInstances(SECURITY, _list(instance));
        vm.stopPrank();
        vm.assertTrue(home.instances.instances(SECURITY)[1].dti == right, "kept");
    }

    function testFuzz_id_2_noOtherCharacterStandsInAnIdentifier(uint256 position, bytes1 character) public view {
        bool digit = character >= "0" && character <= "9";
        vm.assume(!digit && !(character >= "A" && character <= "Z"));
        vm.assertFalse(digits.isIsin(bytes12(_with(OTHER_ISIN, position % 12, character))), "ISIN");
        vm.assertFalse(digits.isLei(bytes20(_with(LEI, position % 20, character))), "LEI");
        vm.assertFalse(digits.isDti(bytes9(_with("X9J9K872S", position % 9, character))), "DTI");
    }

    // ---------------------------------------------------------------- securities

    function test_id_1_oneIsinHasOneIssuerAndOneSetOfTerms() public {
        vm.startPrank(tokenizer);
        vm.assertEq(home.instances.registerSecurity(ISIN, LEI, TERMS), SECURITY, "again");
        bytes memory conflict = abi.encodeWithSelector(InstanceRegistry.SecurityConflict.selector, ISIN, SECURITY);
        vm.expectRevert(conflict);
        home.instances.registerSecurity(ISIN, LEI, keccak256("other terms"));
        vm.expectRevert(conflict);
        home.instances.registerSecurity(ISIN, "529900T8BM49AURSDO55", TERMS);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.TermsMissing.selector, OTHER_ISIN));
        home.instances.registerSecurity(OTHER_ISIN, LEI, 0);
        vm.stopPrank();
        (bytes12 isin, bytes20 lei, bytes32 terms) = home.instances.securityOf(SECURITY);
        vm.assertTrue(isin == ISIN && lei == LEI && terms == TERMS, "registered");
        vm.assertEq(home.instances.securityIdOf(ISIN), SECURITY, "by ISIN");
        vm.assertEq(home.instances.securityIdOf(OTHER_ISIN), 0, "none");
        (isin, lei, terms) = home.instances.securityOf(OTHER);
        vm.assertTrue(isin == 0 && lei == 0 && terms == 0, "unknown");
    }

    function test_id_1_aSecurityIsOneThingOnEveryLedger() public {
        vm.assertEq(home.token.securityId(), SECURITY, "home");
        vm.assertEq(peer.token.securityId(), SECURITY, "peer");
        Instance[] memory here = home.instances.instances(SECURITY);
        _on(peer);
        Instance[] memory there = peer.instances.instances(SECURITY);
        vm.assertEq(here.length, 2, "all instances");
        for (uint256 i = 0; i < 2; ++i) {
            uint256 j = here[i].ledger == there[i].ledger ? i : 1 - i;
            vm.assertEq(keccak256(abi.encode(here[i])), keccak256(abi.encode(there[j])), "the same from everywhere");
            vm.assertTrue(here[i].native == (here[i].ledger == home.id), "native or twin");
        }
        vm.assertEq(peer.instances.localToken(SECURITY), address(peer.token), "here");
        _on(home);
        vm.assertEq(home.instances.localToken(SECURITY), address(home.token), "there");
    }

    function test_id_1_instancesHaveTheirCaip19Identifier() public {
        bytes32 id = _other();
        address token = 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045;
        vm.startPrank(tokenizer);
        home.instances.registerInstances(id, _list(_remote(1, token), _book(OTHER_ISIN)));
        vm.stopPrank();
        vm.assertEq(
            home.instances.caip19(id, 1), "eip155:1/erc20:0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045", "ERC-55"
        );
        vm.assertEq(home.instances.caip19(id, REGISTER), "book:register/isin:US0378331005", "book entry");
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, id, home.id));
        home.instances.caip19(id, home.id);
    }

    function testFuzz_id_1_instancesAreReadAsTheyWereRegistered(
        uint64 ledger,
        address token,
        bytes32 codeHash,
        uint32 version,
        bool native,
        bool dti
    ) public {
        vm.assume(ledger != 0 && ledger != home.id && token != address(0) && codeHash != 0);
        bytes32 id = _other();
        Instance memory instance =
            Instance(ledger, Interop.format(ledger, token), codeHash, version, native, dti ? bytes9("4H95J0R2T") : bytes9(0));
        vm.prank(tokenizer);
        home.instances.registerInstances(id, _list(instance, _book(OTHER_ISIN)));
        Instance[] memory found = home.instances.instances(id);
        vm.assertEq(found.length, 2, "both");
        uint256 book = found[0].ledger == REGISTER ? 0 : 1;
        vm.assertEq(keccak256(abi.encode(found[1 - book])), keccak256(abi.encode(instance)), "chain");
        vm.assertEq(keccak256(abi.encode(found[book])), keccak256(abi.encode(_book(OTHER_ISIN))), "book entry");
    }

    // ---------------------------------------------------------------- look-alikes

    function test_id_3_aTokenThatAnswersOtherwiseIsNoInstance() public {
        bytes32 id = _other();
        Answering token = new Answering();
        token.answer(id, OTHER_ISIN, CODE, V1);
        Instance memory instance = _remote(home.id, address(token));
        vm.startPrank(tokenizer);
        home.instances.registerInstances(id, _list(instance));
        vm.assertEq(home.instances.localToken(id), address(token), "as it answers");

        token.answer(SECURITY, OTHER_ISIN, CODE, V1);
        _refused(id, instance);
        token.answer(id, ISIN, CODE, V1);
        _refused(id, instance);
        token.answer(id, OTHER_ISIN, keccak256("other code"), V1);
        _refused(id, instance);
        token.answer(id, OTHER_ISIN, CODE, V2);
        _refused(id, instance);
        instance.token = Interop.format(home.id, stranger); // no code
        _refused(id, instance);
        instance.token = Interop.format(home.id, address(home.manager)); // answers nothing
        _refused(id, instance);
        vm.stopPrank();
    }

    function test_id_3_theTokenOfOneSecurityIsNoInstanceOfAnother() public {
        bytes32 id = _other();
        vm.startPrank(tokenizer);
        _refused(id, _instance(home));
        _refused(id, _instance(peer));
        // free again once it carries the first no more
        home.instances.revokeInstance(SECURITY, peer.id);
        home.instances.registerInstances(id, _list(_instance(peer)));
        _refused(SECURITY, _instance(peer));
        vm.stopPrank();
    }

    function test_id_3_aReplacedTokenMayCarryAnotherSecurity() public {
        bytes32 id = _other();
        vm.startPrank(tokenizer);
        home.instances.registerInstances(SECURITY, _list(_remote(peer.id, stranger)));
        home.instances.registerInstances(id, _list(_instance(peer)));
        _refused(id, _remote(peer.id, stranger));
        vm.stopPrank();
    }

    function test_id_3_anInstanceHasOneWritingOfItsAddress() public {
        bytes32 id = _other();
        Instance memory good = _remote(1, stranger);
        vm.startPrank(tokenizer);
        Instance memory instance = _remote(1, stranger);
        instance.ledger = 2;
        _refused(id, instance);
        bytes[6] memory bad = [
            bytes(""),
            abi.encodePacked(hex"0002000001", uint8(1), uint8(20), stranger),
            abi.encodePacked(hex"0001000002", uint16(1), uint8(20), stranger),
            abi.encodePacked(good.token, uint8(0)),
            abi.encodePacked(hex"0001b00c08", "register", uint8(12), OTHER_ISIN),
            Interop.format(1, address(0))
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            instance = _remote(1, stranger);
            instance.token = bad[i];
            _refused(id, instance);
        }
        instance = _remote(1, stranger);
        instance.codeHash = 0;
        _refused(id, instance);
        instance = _remote(0, stranger);
        _refused(id, instance);
        home.instances.registerInstances(id, _list(good));
        vm.stopPrank();
    }

    function test_id_3_inBookEntryASecurityIsKnownByItsIsin() public {
        bytes32 id = _other();
        vm.startPrank(tokenizer);
        _refused(id, _book(ISIN));
        Instance memory instance = _book(OTHER_ISIN);
        instance.codeHash = CODE;
        _refused(id, instance);
        instance = _book(OTHER_ISIN);
        instance.token = abi.encodePacked(hex"0001b00c08", "registry", uint8(12), OTHER_ISIN);
        _refused(id, instance);
        instance.token = abi.encodePacked(hex"0001b00c21", "register-of-thirty-three-bytes-xxx", uint8(12), OTHER_ISIN);
        _refused(id, instance);
        home.instances.registerInstances(id, _list(_book(OTHER_ISIN)));
        // the ledger is known now; another writing of it is still none
        instance.token = abi.encodePacked(hex"0001b00c08", "registry", uint8(12), OTHER_ISIN);
        _refused(id, instance);
        vm.stopPrank();
        string memory long = "register-of-thirty-two-bytes-xxx";
        instance.ledger = uint256(keccak256(abi.encodePacked("book:", long))) | (1 << 255);
        instance.token = abi.encodePacked(hex"0001b00c20", long, uint8(12), OTHER_ISIN);
        vm.prank(tokenizer);
        home.instances.registerInstances(id, _list(instance));
        vm.assertEq(home.instances.instances(id)[1].token, instance.token, "longest reference");
    }

    function test_id_3_onlyTheTokenizerNamesInstances() public {
        bytes memory refusal =
            abi.encodeWithSelector(Authorised.Unauthorised.selector, stranger, Roles.TOKENIZER);
        Instance memory instance = _instance(peer);
        vm.startPrank(stranger);
        vm.expectRevert(refusal);
        home.instances.registerSecurity(OTHER_ISIN, LEI, TERMS);
        vm.expectRevert(refusal);
        home.instances.registerInstances(SECURITY, _list(instance));
        vm.expectRevert(refusal);
        home.instances.revokeInstance(SECURITY, peer.id);
        vm.expectRevert(refusal);
        home.instances.setCompatibility(V1, V2, 2);
        vm.stopPrank();
    }

    function test_id_3_unknownSecuritiesHaveNoInstances() public {
        Instance memory instance = _instance(peer);
        vm.startPrank(tokenizer);
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.SecurityUnknown.selector, OTHER));
        home.instances.registerInstances(OTHER, _list(instance));
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, SECURITY, 5));
        home.instances.revokeInstance(SECURITY, 5);
        home.instances.revokeInstance(SECURITY, home.id);
        vm.assertEq(home.instances.ledgersOf(SECURITY).length, 1, "the other stays");
        vm.assertEq(home.instances.ledgersOf(SECURITY)[0], peer.id, "peer");
        vm.assertEq(home.instances.localToken(SECURITY), address(0), "none here");
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- versions

    function testFuzz_ver_4_theMatrixIsSymmetricAndEqualVersionsExchange(uint32 a, uint32 b, uint8 level) public {
        vm.assertEq(home.instances.compatibility(a, a), 2, "equal");
        vm.startPrank(tokenizer);
        if (a == b || level > 2) {
            vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.InvalidCompatibility.selector, a, b, level));
            home.instances.setCompatibility(a, b, level);
            level %= 3;
            if (a == b) return;
        }
        vm.assertEq(home.instances.compatibility(a, b), 1, "nobody judged: read");
        home.instances.setCompatibility(a, b, level);
        vm.stopPrank();
        vm.assertEq(home.instances.compatibility(a, b), level, "as set");
        vm.assertEq(home.instances.compatibility(b, a), level, "in either direction");
    }

    function test_ver_4_theTokenTellsItsVersionItself() public {
        bytes32 id = _other();
        Answering token = new Answering();
        token.answer(id, OTHER_ISIN, CODE, V1);
        vm.startPrank(tokenizer);
        home.instances.registerInstances(id, _list(_remote(home.id, address(token)), _remote(9, stranger)));
        vm.assertEq(home.instances.requireExchange(id, 9), address(token), "the token here");
        // upgraded, and nobody told the register
        token.answer(id, OTHER_ISIN, CODE, V2);
        bytes memory reason = abi.encodeWithSelector(IInstanceRegistry.VersionsIncompatible.selector, V2, V1);
        vm.expectRevert(reason);
        home.instances.requireExchange(id, 9);
        vm.assertEq(home.instances.requireRead(id, 9), address(token), "events go on");
        home.instances.setCompatibility(V1, V2, 0);
        vm.expectRevert(reason);
        home.instances.requireRead(id, 9);
        home.instances.setCompatibility(V1, V2, 2);
        vm.assertEq(home.instances.requireExchange(id, 9), address(token), "judged");
        vm.expectRevert(abi.encodeWithSelector(IInstanceRegistry.InstanceNotTrusted.selector, id, 10));
        home.instances.requireExchange(id, 10);
        vm.stopPrank();
    }

    function testFuzz_ver_5_theRegisterTellsWhatWasTrustedAtATime(uint64 at) public {
        at = START - 10 + at % 120;
        bytes32 id = _other();
        vm.startPrank(tokenizer);
        for (uint256 i = 0; i < 8; ++i) {
            vm.warp(START + 10 * i);
            if (i == 3 || i == 6) {
                home.instances.revokeInstance(id, 9);
            } else {
                home.instances.registerInstances(id, _list(_numbered(i)));
            }
        }
        vm.stopPrank();
        Instance memory found = home.instances.instanceAt(id, 9, at);
        uint256 step = at < START ? 8 : (at - START) / 10;
        if (step > 7 && at >= START) step = 7;
        Instance memory none;
        Instance memory expected = step == 8 || step == 3 || step == 6 ? none : _numbered(step);
        vm.assertEq(keccak256(abi.encode(found)), keccak256(abi.encode(expected)), "as of then");
    }

    function test_ver_5_theFirstRegistrationIsFoundFromItsVerySecond() public view {
        vm.assertEq(home.instances.instanceAt(SECURITY, peer.id, START - 1).token.length, 0, "before");
        vm.assertEq(home.instances.instanceAt(SECURITY, peer.id, START).token, _instance(peer).token, "at");
        vm.assertEq(home.instances.instanceAt(SECURITY, 5, START).token.length, 0, "never");
    }

    // ---------------------------------------------------------------- cost

    function test_oneMoreSecurityTakesTwoSlotsAndOneForItsInstanceHere() public {
        Answering token = new Answering();
        token.answer(OTHER, OTHER_ISIN, CODE, V1);
        Instance[] memory list = _list(_remote(home.id, address(token)));
        // the code is known already from another security
        Instance memory known = _remote(peer.id, _address("another"));
        vm.startPrank(tokenizer);
        home.instances.registerSecurity("GB0002634946", LEI, TERMS);
        home.instances.registerInstances(keccak256(abi.encode(bytes12("GB0002634946"), TERMS)), _list(known));
        uint256 before = gasleft();
        home.instances.registerSecurity(OTHER_ISIN, LEI, TERMS);
        uint256 security = before - gasleft();
        before = gasleft();
        home.instances.registerInstances(OTHER, list);
        uint256 instance = before - gasleft();
        vm.stopPrank();
        vm.assertTrue(security < 70_000, string.concat("security ", vm.toString(security)));
        vm.assertTrue(instance < 50_000, string.concat("instance ", vm.toString(instance)));
    }

    // ---------------------------------------------------------------- parts

    function _other() private returns (bytes32) {
        vm.prank(tokenizer);
        return home.instances.registerSecurity(OTHER_ISIN, LEI, TERMS);
    }

    function _refused(bytes32 id, Instance memory instance) private {
        vm.expectRevert(abi.encodeWithSelector(InstanceRegistry.NotAnInstance.selector, id, instance.ledger));
        home.instances.registerInstances(id, _list(instance));
    }

    function _remote(uint256 ledger, address token) private pure returns (Instance memory) {
        return Instance(ledger, Interop.format(ledger, token), CODE, V1, false, 0);
    }

    function _book(bytes12 isin) private pure returns (Instance memory) {
        return Instance(REGISTER, abi.encodePacked(hex"0001b00c08", "register", uint8(12), isin), 0, V1, false, 0);
    }

    /// The instance of a step of the history: each differs from the others in all that can change.
    function _numbered(uint256 i) private pure returns (Instance memory) {
        bytes9[3] memory dtis = [bytes9(0), "X9J9K872S", "4H95J0R2T"];
        return Instance(
            9,
            Interop.format(9, address(uint160(100 + i / 2))),
            keccak256(abi.encode(i)),
            uint32(i),
            i % 2 == 0,
            dtis[i % 3]
        );
    }

    function _with(bytes32 text, uint256 position, bytes1 character) private pure returns (bytes32) {
        uint256 shift = 248 - 8 * position;
        return (text & ~bytes32(0xff << shift)) | bytes32(uint256(uint8(character)) << shift);
    }

    /// Another character of the same kind in place of one.
    function _shifted(bytes32 text, uint256 position, uint256 by) private pure returns (bytes32) {
        uint8 character = uint8(text[position]);
        (uint8 first, uint256 size) = character < 0x3a ? (0x30, 10) : (0x41, 26);
        uint256 next = (character - first + 1 + by % (size - 1)) % size;
        return _with(text, position, bytes1(uint8(first + next)));
    }
}
