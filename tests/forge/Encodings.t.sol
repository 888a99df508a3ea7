// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Interop} from "../../contracts/access/Interop.sol";
import {EventRecord} from "../../contracts/actions/CorporateActions.sol";
import {Message} from "../../contracts/interfaces/IGateway.sol";
import {Gateway} from "../../contracts/bridge/Gateway.sol";
import {LockUp, Lot} from "../../contracts/token/SecurityBase.sol";
import {Batch, World} from "./World.sol";

/// Hashes as the contracts compute them, for the Python core to be tested against:
/// tests/vectors/encodings.json. With PARI_WRITE_VECTORS=true the file is written anew.
contract EncodingsTest is World {
    string private constant FILE = "tests/vectors/encodings.json";
    address private constant GATEWAY = address(0xcafebabe);
    address private constant ALICE = 0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045;

    function setUp() public {
        _setUpWorld();
    }

    function test_theVectorsAreWhatTheContractsCompute() public {
        string memory json = string.concat(
            '{\n  "schema": "paripassu.vectors/1",\n',
            _security(),
            _interops(),
            _records(),
            _messages(),
            _lockedMovement(),
            _leaves(),
            _tree(),
            "}\n"
        );
        if (vm.envOr("PARI_WRITE_VECTORS", false)) vm.writeFile(FILE, json);
        vm.assertEq(vm.readFile(FILE), json, "tests/vectors/encodings.json");
    }

    // ---------------------------------------------------------------- sections

    /// A movement with a lock-up as the bridge sends it, and the path that it has where it lands.
    function _lockedMovement() private returns (string memory) {
        _issue(holderDe, 1_000);
        vm.prank(transferAgent);
        home.token.lock(holderDe, 300, START + 400 days, "vesting");
        LockUp[] memory lockUps = new LockUp[](1);
        lockUps[0] = LockUp(200, START + 400 days);
        vm.recordLogs();
        vm.prank(holderDe);
        home.bridge.moveLocked(address(home.token), peer.id, abi.encodePacked(holderDe), 350, lockUps, 0);
        Message memory message = _sent(home)[0];
        _deliver(peer, _only(message));
        Lot memory landed = peer.token.lotsOf(holderDe)[0];
        return string.concat(
            '  "lockedMovement": {"payload": "', vm.toString(message.payload),
            '", "messageId": "', vm.toString(peer.gateway.messageId(message)),
            '", "path": "', vm.toString(landed.path),
            '", "since": "', vm.toString(uint256(landed.since)), '"},\n'
        );
    }

    function _security() private view returns (string memory) {
        return string.concat(
            '  "security": {"isin": "', string(abi.encodePacked(ISIN)),
            '", "termsHash": "', vm.toString(TERMS),
            '", "securityId": "', vm.toString(home.token.securityId()), '"},\n'
        );
    }

    function _interops() private pure returns (string memory) {
        uint256[4] memory chains = [uint256(1), 31001, 11155111, 1 << 64];
        string memory list = "";
        for (uint256 i = 0; i < chains.length; ++i) {
            bytes memory encoded = Interop.format(chains[i], ALICE);
            list = string.concat(
                list,
                '    {"caip2": "eip155:', vm.toString(chains[i]),
                '", "ledger": "', vm.toString(chains[i]),
                '", "account": "', vm.toString(abi.encodePacked(ALICE)),
                '", "encoded": "', vm.toString(encoded), '"},\n'
            );
        }
        bytes memory book = abi.encodePacked(hex"0001b00c08", "register", uint8(9), "SAFE-0001");
        (uint256 ledger, bytes memory account) = Interop.parse(book);
        list = string.concat(
            list,
            '    {"caip2": "book:register", "ledger": "', vm.toString(ledger),
            '", "account": "', vm.toString(account),
            '", "encoded": "', vm.toString(book), '"}\n'
        );
        return string.concat('  "interopAddresses": [\n', list, "  ],\n");
    }

    function _records() private view returns (string memory) {
        EventRecord memory bond = EventRecord({
            officialEventId: "X",
            securityId: bytes32(type(uint256).max),
            eventType: "INTR",
            participation: "MAND",
            announcementDate: 20280228,
            exDate: 0,
            recordDate: 20280229,
            paymentDate: 20280301,
            recordTime: type(uint64).max,
            rateNumerator: type(uint128).max,
            rateDenominator: 7,
            currency: "JPY",
            currencyExponent: 0,
            documentHash: 0
        });
        return string.concat(
            '  "eventRecords": [\n', _record(_event()), ",\n", _record(bond), "\n  ],\n"
        );
    }

    function _record(EventRecord memory r) private view returns (string memory) {
        string memory first = string.concat(
            '    {"officialEventId": "', vm.toString(abi.encodePacked(r.officialEventId)),
            '", "securityId": "', vm.toString(r.securityId),
            '", "eventType": "', _ascii(abi.encodePacked(r.eventType)),
            '", "participation": "', _ascii(abi.encodePacked(r.participation)),
            '", "announcementDate": ', vm.toString(r.announcementDate),
            ', "exDate": ', vm.toString(r.exDate)
        );
        string memory second = string.concat(
            ', "recordDate": ', vm.toString(r.recordDate),
            ', "paymentDate": ', vm.toString(r.paymentDate),
            ', "recordTime": "', vm.toString(r.recordTime),
            '", "rateNumerator": "', vm.toString(r.rateNumerator),
            '", "rateDenominator": "', vm.toString(r.rateDenominator),
            '", "currency": "', _ascii(abi.encodePacked(r.currency))
        );
        return string.concat(
            first,
            second,
            '", "currencyExponent": ', vm.toString(r.currencyExponent),
            ', "documentHash": "', vm.toString(r.documentHash),
            '", "eventKey": "', vm.toString(bytes32(r.officialEventId)),
            '", "recordHash": "', vm.toString(home.actions.recordHashOf(r)),
            '", "payload": "', vm.toString(abi.encode(uint8(1), r)), '"}'
        );
    }

    /// Messages of every kind but events; the first two are a batch, for the gateways of two chains.
    function _messages() private returns (string memory) {
        Message[] memory messages = new Message[](5);
        messages[0] = Message({
            source: 31001,
            destination: 31002,
            purpose: 1,
            nonce: 1,
            timestamp: START,
            expiry: 0,
            version: 1 << 16,
            sender: Interop.format(31001, GATEWAY),
            recipient: Interop.format(31002, GATEWAY),
            payload: abi.encode(SECURITY, abi.encodePacked(ALICE), bytes("SAFE-0001"), uint256(12_345))
        });
        messages[1] = abi.decode(abi.encode(messages[0]), (Message));
        messages[1].nonce = 2;
        messages[1].timestamp = START + 7;
        messages[1].payload = abi.encode(SECURITY, bytes("SAFE-0002"), abi.encodePacked(ALICE), uint256(1));
        messages[2] = Message({
            source: uint256(keccak256("book:register")) | (1 << 255),
            destination: 31002,
            purpose: 2,
            nonce: type(uint64).max,
            timestamp: type(uint64).max - 1,
            expiry: type(uint64).max,
            version: type(uint32).max,
            sender: abi.encodePacked(hex"0001b00c08", "register", uint8(6), "bridge"),
            recipient: Interop.format(31002, ALICE),
            payload: abi.encode(uint8(2), bytes32("EVT2027000000001"), bytes32("root"), uint256(1395), uint32(3))
        });
        messages[3] = abi.decode(abi.encode(messages[0]), (Message));
        messages[3].purpose = 4;
        messages[3].payload =
            abi.encode(SECURITY, uint8(1), bytes24(_commitment("de")), bytes("SAFE-0001"), type(uint64).max);
        messages[4] = abi.decode(abi.encode(messages[3]), (Message));
        messages[4].nonce = 2;
        messages[4].payload = abi.encode(SECURITY, uint8(2), bytes24(0), "", uint64(type(uint32).max));
        string memory list = _message(messages[0]);
        for (uint256 i = 1; i < messages.length; ++i) list = string.concat(list, ",\n", _message(messages[i]));
        list = string.concat(list, "\n");
        Message[] memory two = new Message[](2);
        (two[0], two[1]) = (messages[0], messages[1]);
        Batch memory batch = Batch(7, two);
        string memory digests = string.concat(_digest(batch, 31002), ",\n", _digest(batch, 1), "\n");
        return string.concat(
            '  "messages": [\n', list, '  ],\n  "batches": [\n', digests, "  ],\n"
        );
    }

    function _message(Message memory m) private view returns (string memory) {
        string memory first = string.concat(
            '    {"source": "', vm.toString(m.source),
            '", "destination": "', vm.toString(m.destination),
            '", "purpose": ', vm.toString(m.purpose),
            ', "nonce": "', vm.toString(m.nonce),
            '", "timestamp": "', vm.toString(m.timestamp)
        );
        return string.concat(
            first,
            '", "expiry": "', vm.toString(m.expiry),
            '", "version": ', vm.toString(m.version),
            ', "sender": "', vm.toString(m.sender),
            '", "recipient": "', vm.toString(m.recipient),
            '", "payload": "', vm.toString(m.payload),
            '", "id": "', vm.toString(home.gateway.messageId(m)), '"}'
        );
    }

    /// The digest that a gateway at a fixed address computes on a chain; messages are those above.
    function _digest(Batch memory batch, uint256 chainId) private returns (string memory) {
        vm.etch(GATEWAY, address(home.gateway).code);
        bytes32 implementation = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
        vm.store(GATEWAY, implementation, vm.load(address(home.gateway), implementation));
        _nameDomain();
        vm.chainId(chainId);
        return string.concat(
            '    {"attestorSetVersion": ', vm.toString(batch.attestorSetVersion),
            ', "chainId": "', vm.toString(chainId),
            '", "gateway": "', vm.toString(abi.encodePacked(GATEWAY)),
            '", "digest": "', vm.toString(Gateway(GATEWAY).digest(batch.attestorSetVersion, _ids(batch))), '"}'
        );
    }

    function _ids(Batch memory batch) private view returns (bytes32[] memory ids) {
        ids = new bytes32[](batch.messages.length);
        for (uint256 i = 0; i < ids.length; ++i) ids[i] = home.gateway.messageId(batch.messages[i]);
    }

    /// Copy the EIP-712 name and version, two short strings, to the gateway at the fixed address.
    function _nameDomain() private {
        bytes32 base = keccak256(abi.encode(uint256(keccak256("openzeppelin.storage.EIP712")) - 1))
            & ~bytes32(uint256(0xff));
        for (uint256 i = 0; i < 4; ++i) {
            bytes32 slot = bytes32(uint256(base) + i);
            vm.store(GATEWAY, slot, vm.load(address(home.gateway), slot));
        }
    }

    function _leaves() private returns (string memory) {
        bytes32 key = "EVT2027000000001";
        string memory list = "";
        for (uint256 i = 0; i < 3; ++i) {
            uint256 chainId = 31001 + i;
            uint256 amount = i == 0 ? 0 : 12_345 ** i;
            vm.chainId(chainId);
            list = string.concat(
                list,
                i == 0 ? "" : ",\n",
                '    {"eventKey": "', vm.toString(key),
                '", "ledger": "', vm.toString(chainId),
                '", "account": "', vm.toString(abi.encodePacked(ALICE)),
                '", "amount": "', vm.toString(amount),
                '", "leaf": "', vm.toString(home.actions.leafOf(key, ALICE, amount)), '"}'
            );
        }
        return string.concat('  "leaves": [\n', list, "\n  ],\n");
    }

    /// A node of the tree, as `MerkleProof` hashes a pair, whichever comes first.
    function _tree() private pure returns (string memory) {
        bytes32 a = keccak256("a");
        bytes32 b = keccak256("b");
        bytes32 node = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
        return string.concat(
            '  "nodes": [\n    {"left": "', vm.toString(a),
            '", "right": "', vm.toString(b),
            '", "node": "', vm.toString(node), '"}\n  ]\n'
        );
    }

    function _ascii(bytes memory text) private pure returns (string memory) {
        return string(text);
    }
}
