// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {Approvals} from "../../contracts/access/Approvals.sol";
import {Interop} from "../../contracts/access/Interop.sol";
import {Kernel} from "../../contracts/access/Kernel.sol";
import {Roles} from "../../contracts/access/Roles.sol";
import {CorporateActions, EventRecord} from "../../contracts/actions/CorporateActions.sol";
import {Gateway} from "../../contracts/bridge/Gateway.sol";
import {Inbox} from "../../contracts/bridge/Inbox.sol";
import {Quorum} from "../../contracts/bridge/Quorum.sol";
import {Quotas} from "../../contracts/bridge/Quotas.sol";
import {TokenBridge} from "../../contracts/bridge/TokenBridge.sol";
import {HyperlaneTransport} from "../../contracts/bridge/transports/HyperlaneTransport.sol";
import {Message, Standing} from "../../contracts/interfaces/IGateway.sol";
import {Instance} from "../../contracts/interfaces/IInstanceRegistry.sol";
import {ISecurity} from "../../contracts/interfaces/ISecurity.sol";
import {CustodyRegistry} from "../../contracts/registry/CustodyRegistry.sol";
import {HolderRegistry} from "../../contracts/registry/HolderRegistry.sol";
import {InstanceRegistry} from "../../contracts/registry/InstanceRegistry.sol";
import {CashToken} from "../../contracts/token/CashToken.sol";
import {TokenInit} from "../../contracts/token/SecurityBase.sol";
import {SecurityProxy} from "../../contracts/token/SecurityProxy.sol";
import {SecurityToken} from "../../contracts/token/SecurityToken.sol";
import {SecurityTokenExtension} from "../../contracts/token/SecurityTokenExtension.sol";
import {SecurityTokenReadings} from "../../contracts/token/SecurityTokenReadings.sol";
import {Vm} from "./Vm.sol";

/// Consecutive messages of one lane, and the version of the attestor set that signs them.
struct Batch {
    uint32 attestorSetVersion;
    Message[] messages;
}

/// Which members of the attestor set signed, bit by bit, and their signatures in its order.
struct Signed {
    uint256 signers;
    bytes signatures;
}

/// All contracts of one chain.
struct Chain {
    uint256 id;
    AccessManager manager;
    Approvals approvals;
    Kernel kernel;
    HolderRegistry holders;
    InstanceRegistry instances;
    CustodyRegistry custody;
    Gateway gateway;
    TokenBridge bridge;
    Quotas quotas;
    CorporateActions actions;
    ISecurity token;
    CashToken cash;
    SecurityToken code;
}

/// Two chains, `home` and `peer`, in one EVM: `_on` says which one the next calls are made on.
abstract contract World {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint64 internal constant START = 1_803_888_000; // 2027-03-01 08:00 UTC
    bytes12 internal constant ISIN = "DE000PARI000";
    bytes20 internal constant LEI = "9845001EXAMPLE00PP11";
    bytes32 internal constant TERMS = keccak256("terms");
    bytes32 internal constant SECURITY = keccak256(abi.encode(ISIN, TERMS));

    uint16 internal constant GERMANY = 276;
    uint16 internal constant FRANCE = 250;
    uint16 internal constant UNITED_STATES = 840;
    uint8 internal constant RETAIL = 1;
    uint8 internal constant PROFESSIONAL = 2;
    uint8 internal constant EXCLUDED_CLASS = 9;

    // keys of the actors, by address
    mapping(address account => uint256) internal keyOf;

    address internal admin = _address("admin");
    address internal issuer = _address("issuer");
    address internal issuerAgent = _address("issuer agent");
    address internal payingAgent = _address("paying agent");
    address internal registrar = _address("registrar");
    address internal transferAgent = _address("transfer agent");
    address internal tokenizer = _address("tokenizer");
    address internal operator = _address("bridge operator");
    address internal freezer = _address("freezer");
    address internal pauser = _address("pauser");
    address internal unpauser = _address("unpauser");
    address internal upgrader = _address("upgrader");
    address internal regulator = _address("regulator");
    address internal cashIssuer = _address("cash issuer");
    address internal csd = _address("csd");
    address internal guarantor = _address("guarantor");
    address internal ruleManager = _address("rule manager");
    address internal custodian = _address("custodian");
    address internal attestor = _address("attestor");
    address internal relayer = _address("relayer");
    address internal stranger = _address("stranger");

    address internal holderDe = _address("holder de");
    address internal holderFr = _address("holder fr");
    address internal omnibus = _address("omnibus account");

    // attestor keys, ascending by address; the entities of the first three are distinct
    uint256[] internal keys;
    bytes32[] internal entities;

    // who holds each role, on every chain
    mapping(uint64 role => address) internal holderOf;

    Chain internal home;
    Chain internal peer;

    // the quotas contract of the home ledger
    address internal quotas;

    /// An actor, with a key of its own.
    function _address(string memory name) internal returns (address account) {
        uint256 key = uint256(keccak256(bytes(name)));
        account = vm.addr(key);
        keyOf[account] = key;
    }

    /// Commitment to a holder, as the registry takes it.
    function _commitment(string memory holder) internal pure returns (bytes32) {
        return bytes32(uint256(keccak256(bytes(holder))) & ~uint256(type(uint64).max));
    }

    function _setUpWorld() internal {
        vm.warp(START);
        _cast();
        _makeAttestors();
        home = _deploy(31001, true);
        quotas = address(home.quotas);
        peer = _deploy(31002, false);
        _connect(home, peer);
        _connect(peer, home);
    }

    function _on(Chain memory chain) internal {
        vm.chainId(chain.id);
    }

    // -------------------------------------------------------------- deployment

    function _proxy(address implementation, bytes memory init) internal returns (address) {
        return address(new ERC1967Proxy(implementation, init));
    }

    function _deploy(uint256 id, bool isHome) internal returns (Chain memory c) {
        vm.chainId(id);
        c.id = id;
        c.manager = new AccessManager(admin);
        address m = address(c.manager);
        c.approvals = new Approvals(m, _policies());
        address a = address(c.approvals);
        c.kernel = new Kernel(m, a);
        address k = address(c.kernel);
        c.instances =
            InstanceRegistry(_proxy(address(new InstanceRegistry(m, a, k)), abi.encodeCall(Kernel.initialize, ())));
        c.gateway = Gateway(_proxy(address(new Gateway(m, a, k)), abi.encodeCall(Kernel.initialize, ())));
        c.holders = new HolderRegistry(m, a, k, address(c.gateway), address(c.instances));
        c.custody = CustodyRegistry(
            _proxy(
                address(new CustodyRegistry(m, a, k, address(c.holders))), abi.encodeCall(Kernel.initialize, ())
            )
        );
        c.bridge = TokenBridge(
            _proxy(
                address(new TokenBridge(m, a, k, address(c.gateway), address(c.instances))),
                abi.encodeCall(Kernel.initialize, ())
            )
        );
        c.quotas = Quotas(
            _proxy(
                address(new Quotas(m, a, k, address(c.gateway), address(c.instances), address(c.holders))),
                abi.encodeCall(Kernel.initialize, ())
            )
        );
        c.actions = CorporateActions(
            _proxy(
                address(new CorporateActions(m, a, k, address(c.gateway), address(c.instances), address(c.holders))),
                abi.encodeCall(CorporateActions.initialize, (isHome))
            )
        );
        c.code = _tokenCode(c);
        c.token = _token(c, _tokenInit(c, isHome));
        c.cash = CashToken(
            _proxy(
                address(new CashToken(m, a, k)), abi.encodeCall(CashToken.initialize, ("Cash token EUR", "EURC1", "EUR", 2))
            )
        );
        _grantAll(c);
        _configure(c);
    }

    /// The code of all securities of a chain, in its three parts.
    function _tokenCode(Chain memory c) internal returns (SecurityToken) {
        (address m, address a) = (address(c.manager), address(c.approvals));
        (address holders, address actions) = (address(c.holders), address(c.actions));
        address readings = address(new SecurityTokenReadings(m, a, address(c.kernel), holders, actions));
        address extension = address(new SecurityTokenExtension(m, a, holders, actions, address(c.quotas), readings));
        return new SecurityToken(m, a, holders, address(c.bridge), extension);
    }

    /// One more security that runs the chain's code.
    function _token(Chain memory c, TokenInit memory init) internal returns (ISecurity) {
        return ISecurity(address(new SecurityProxy(address(c.code), abi.encodeCall(SecurityToken.initialize, (init)))));
    }

    function _tokenInit(Chain memory, bool isHome) internal pure returns (TokenInit memory init) {
        uint16[] memory countries = new uint16[](2);
        (countries[0], countries[1]) = (GERMANY, FRANCE);
        init = TokenInit({
            name: "Example Equity",
            symbol: "EXEQ",
            isin: ISIN,
            lei: LEI,
            termsHash: TERMS,
            issueLimit: 1_000_000,
            home: isHome,
            denyList: false,
            countries: countries,
            classes: uint32(1 << RETAIL | 1 << PROFESSIONAL),
            capped: false,
            limited: false,
            holdingCap: 0,
            minimumLot: 0,
            holderLimit: 0
        });
    }

    /// One actor for each role.
    function _cast() private {
        holderOf[Roles.ISSUER] = issuer;
        holderOf[Roles.ISSUER_AGENT] = issuerAgent;
        holderOf[Roles.PAYING_AGENT] = payingAgent;
        holderOf[Roles.REGISTRAR] = registrar;
        holderOf[Roles.TRANSFER_AGENT] = transferAgent;
        holderOf[Roles.CSD] = csd;
        holderOf[Roles.CUSTODIAN] = custodian;
        holderOf[Roles.REGULATOR] = regulator;
        holderOf[Roles.TOKENIZER] = tokenizer;
        holderOf[Roles.BRIDGE_OPERATOR] = operator;
        holderOf[Roles.ATTESTOR] = attestor;
        holderOf[Roles.FREEZER] = freezer;
        holderOf[Roles.PAUSER] = pauser;
        holderOf[Roles.UNPAUSER] = unpauser;
        holderOf[Roles.UPGRADER] = upgrader;
        holderOf[Roles.CASH_ISSUER] = cashIssuer;
        holderOf[Roles.GUARANTOR] = guarantor;
        holderOf[Roles.RULE_MANAGER] = ruleManager;
    }

    function _grantAll(Chain memory c) internal {
        vm.startPrank(admin);
        for (uint64 role = Roles.ISSUER; role <= Roles.RULE_MANAGER; ++role) {
            c.manager.grantRole(role, holderOf[role], 0);
        }
        vm.stopPrank();
    }

    // -------------------------------------------------------------- approved acts

    bytes4 internal constant UPGRADE = UUPSUpgradeable.upgradeToAndCall.selector;

    function _bits(uint64 a, uint64 b, uint64 c, uint64 d, uint64 e) private pure returns (uint32) {
        return uint32(1 << a | 1 << b | 1 << c | 1 << d | 1 << e);
    }

    /// Every act and who decides on it: upgrades after days, corrections at once.
    function _policies() internal pure returns (Approvals.Rule[] memory rules) {
        uint32 law = _bits(Roles.REGISTRAR, Roles.TRANSFER_AGENT, Roles.CSD, Roles.REGULATOR, Roles.ISSUER_AGENT);
        uint32 code = _bits(Roles.ISSUER, Roles.CSD, Roles.REGISTRAR, Roles.REGULATOR, Roles.BRIDGE_OPERATOR);
        uint32 upgraders = uint32(1 << Roles.UPGRADER);
        bytes4[] memory corrections = _corrections();
        rules = new Approvals.Rule[](corrections.length + 3);
        for (uint256 i = 0; i < corrections.length; ++i) {
            rules[i] = Approvals.Rule(corrections[i], Approvals.Policy(2, law, law, 0, 0, 0, 0, 0));
        }
        rules[corrections.length] =
            Approvals.Rule(UPGRADE, Approvals.Policy(2, upgraders, code, 0, 10 days, 20 days, 30 days, 5 days));
        rules[corrections.length + 1] = Approvals.Rule(
            Approvals.rollback.selector, Approvals.Policy(2, upgraders, code, 0, 1 hours, 2 hours, 3 hours, 0)
        );
        rules[corrections.length + 2] =
            Approvals.Rule(Approvals.setPolicy.selector, Approvals.Policy(3, upgraders, code, 30 days, 0, 0, 0, 0));
    }

    /// The acts without notice.
    function _corrections() internal pure returns (bytes4[] memory list) {
        list = new bytes4[](17);
        list[0] = SecurityToken.forcedTransfer.selector;
        list[1] = SecurityToken.batchForcedTransfer.selector;
        list[2] = SecurityToken.burn.selector;
        list[3] = SecurityToken.batchBurn.selector;
        list[4] = SecurityToken.cancel.selector;
        list[5] = SecurityTokenReadings.setName.selector;
        list[6] = SecurityTokenReadings.setSymbol.selector;
        list[7] = SecurityTokenReadings.setIssueLimit.selector;
        list[8] = SecurityTokenReadings.amendTerms.selector;
        list[9] = SecurityTokenExtension.setHoldingCap.selector;
        list[10] = SecurityTokenExtension.setHolderLimit.selector;
        list[11] = HolderRegistry.recover.selector;
        list[12] = TokenBridge.approveArrival.selector;
        list[13] = Quorum.rotate.selector;
        list[14] = Gateway.setTransport.selector;
        list[15] = HyperlaneTransport.setMailbox.selector;
        list[16] = HyperlaneTransport.setPeer.selector;
    }

    /// Propose an act for a role, by who holds it.
    function _propose(
        Chain memory c,
        uint64 role,
        address target,
        bytes memory data,
        uint8 changeClass
    ) internal returns (bytes32) {
        vm.prank(holderOf[role]);
        return c.approvals.propose(role, target, data, changeClass, "reason");
    }

    /// Approve an act for a role, by who holds it.
    function _approve(Chain memory c, uint64 role, bytes32 id) internal {
        vm.prank(holderOf[role]);
        c.approvals.approve(role, id);
    }

    /// An act that two roles agreed to, and whose notice is over: `c.approvals.execute` carries it out.
    /// An act of law where `changeClass` is 0, a change of version otherwise.
    function _agreed(
        Chain memory c,
        address target,
        bytes memory data,
        uint8 changeClass
    ) internal returns (bytes32 id) {
        id = _propose(c, changeClass == 0 ? Roles.REGISTRAR : Roles.UPGRADER, target, data, changeClass);
        if (changeClass != 0) _approve(c, Roles.ISSUER, id);
        _approve(c, Roles.CSD, id);
        (, , uint64 readyAt, , , , ) = c.approvals.actOf(id);
        if (block.timestamp < readyAt) vm.warp(readyAt);
    }

    /// Carry out an act of law: all that it takes.
    function _act(Chain memory c, address target, bytes memory data) internal returns (bytes32 id) {
        id = _agreed(c, target, data, 0);
        c.approvals.execute(id, target, data);
    }

    /// Change the code of a contract: all that it takes, notice included.
    function _upgrade(
        Chain memory c,
        address target,
        address implementation,
        uint8 changeClass
    ) internal returns (bytes32 id) {
        bytes memory data = abi.encodeWithSelector(UPGRADE, implementation, "");
        id = _agreed(c, target, data, changeClass);
        vm.prank(upgrader);
        c.approvals.execute(id, target, data);
    }

    /// Return a contract to the version before its last upgrade: all that it takes.
    function _rollBack(Chain memory c, address target, uint8 changeClass) internal returns (bytes32 id) {
        bytes memory data = abi.encodeCall(Approvals.rollback, (target));
        id = _agreed(c, address(c.approvals), data, changeClass);
        vm.prank(upgrader);
        c.approvals.execute(id, address(c.approvals), data);
    }

    function _configure(Chain memory c) private {
        vm.startPrank(operator);
        c.gateway.appoint(_members(), 2);
        vm.stopPrank();
        vm.startPrank(issuerAgent);
        c.actions.setCash("EUR", address(c.cash));
        vm.stopPrank();
        vm.prank(tokenizer);
        c.holders.addSubscriber(address(c.code));
        _onboard(c, holderDe, "de", GERMANY, RETAIL, address(0));
        _onboard(c, holderFr, "fr", FRANCE, PROFESSIONAL, address(0));
        _onboard(c, omnibus, "custodian", GERMANY, PROFESSIONAL, custodian);
    }

    function _connect(Chain memory here, Chain memory there) internal {
        vm.chainId(here.id);
        vm.startPrank(tokenizer);
        here.instances.registerSecurity(ISIN, LEI, TERMS);
        // on both in the same order: a ledger's own is not always the first of its list
        Instance[] memory both = _list(_instance(home), _instance(peer));
        here.instances.registerInstances(SECURITY, both);
        vm.stopPrank();
        vm.startPrank(operator);
        here.gateway.setLane(there.id, 1, address(here.bridge), _interop(there, address(there.bridge)));
        here.gateway.setLane(there.id, 2, address(here.actions), _interop(there, address(there.actions)));
        here.gateway.setLane(there.id, 4, address(here.quotas), _interop(there, address(there.quotas)));
        here.gateway.setLane(there.id, 5, address(here.holders), _interop(there, address(there.holders)));
        vm.stopPrank();
    }

    function _list(Instance memory one) internal pure returns (Instance[] memory list) {
        list = new Instance[](1);
        list[0] = one;
    }

    function _list(Instance memory one, Instance memory other) internal pure returns (Instance[] memory list) {
        list = new Instance[](2);
        (list[0], list[1]) = (one, other);
    }

    function _instance(Chain memory c) internal view returns (Instance memory) {
        return Instance({
            ledger: c.id,
            token: _interop(c, address(c.token)),
            codeHash: c.token.codeHash(),
            version: c.token.versionTag(),
            native: c.id == 31001,
            dti: 0
        });
    }

    function _interop(Chain memory c, address account) internal pure returns (bytes memory) {
        return Interop.format(c.id, account);
    }

    /// Onboard an actor with proof of its key, or update its record.
    function _onboard(
        Chain memory c,
        address account,
        string memory holder,
        uint16 country,
        uint8 class,
        address servicer
    ) internal {
        bytes memory proof = _keyControl(c, account, _commitment(holder));
        vm.prank(registrar);
        c.holders.onboard(account, _commitment(holder), country, class, 0, servicer, false, proof);
    }

    /// An actor's proof that it is the holder's.
    function _keyControl(Chain memory c, address account, bytes32 holder) internal view returns (bytes memory) {
        return _signature(keyOf[account], c.holders.keyControlDigest(account, holder));
    }

    /// An actor's word that another account takes its place.
    function _keyRotation(Chain memory c, address from, address to) internal view returns (bytes memory) {
        return _signature(keyOf[from], c.holders.keyRotationDigest(from, to));
    }

    /// Put another actor in the place of one.
    function _rotate(Chain memory c, address from, address to) internal {
        bytes memory proofTo = _keyControl(c, to, c.holders.recordOf(from).holder);
        bytes memory proofFrom = _keyRotation(c, from, to);
        vm.prank(registrar);
        c.holders.rotate(from, to, "rotation", proofFrom, proofTo);
    }

    function _issue(address to, uint256 amount) internal {
        _on(home);
        bytes32 ref = keccak256(abi.encode(to, amount, home.token.issuedTotal()));
        vm.prank(transferAgent);
        home.token.issue(to, amount, ref);
    }

    // -------------------------------------------------------------- attestors

    function _makeAttestors() private {
        uint256[] memory k = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) k[i] = uint256(keccak256(abi.encode("attestor", i)));
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = i + 1; j < 4; ++j) {
                if (vm.addr(k[j]) < vm.addr(k[i])) (k[i], k[j]) = (k[j], k[i]);
            }
        }
        keys = k;
        // the last two keys belong to one legal entity
        entities = [bytes32("ENTITY-ONE"), bytes32("ENTITY-TWO"), bytes32("ENTITY-THREE"), bytes32("ENTITY-THREE")];
    }

    function _members() internal view returns (Quorum.Attestor[] memory members) {
        members = new Quorum.Attestor[](4);
        for (uint256 i = 0; i < 4; ++i) members[i] = Quorum.Attestor(vm.addr(keys[i]), entities[i]);
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// Signatures of the attestors at two positions, the lower one first.
    function _quorum(bytes32 digest, uint256 a, uint256 b) internal view returns (Signed memory) {
        return Signed(1 << a | 1 << b, bytes.concat(_signature(keys[a], digest), _signature(keys[b], digest)));
    }

    /// What attestors sign for a batch.
    function _digest(Chain memory c, Batch memory batch) internal view returns (bytes32) {
        bytes32[] memory ids = new bytes32[](batch.messages.length);
        for (uint256 i = 0; i < ids.length; ++i) ids[i] = c.gateway.messageId(batch.messages[i]);
        return c.gateway.digest(batch.attestorSetVersion, ids);
    }

    function _signed(Chain memory c, Batch memory batch) internal view returns (Signed memory) {
        return _quorum(_digest(c, batch), 0, 1);
    }

    /// A batch with a quorum's signatures, as the call that delivers it. No other call is made.
    function _delivery(Batch memory batch, Signed memory signed) internal pure returns (bytes memory) {
        Message memory first = batch.messages[0];
        bytes memory packed;
        for (uint256 i = 0; i < batch.messages.length; ++i) {
            Message memory m = batch.messages[i];
            packed = bytes.concat(packed, abi.encodePacked(uint40(m.timestamp), uint40(m.expiry)));
            packed = bytes.concat(packed, abi.encodePacked(uint24(m.payload.length), m.payload));
        }
        uint256 head = first.purpose | uint256(first.nonce) << 8 | uint256(first.version) << 72;
        head |= uint256(batch.attestorSetVersion) << 104 | signed.signers << 136;
        return abi.encodeCall(
            Inbox.execute, (first.source, head, abi.encode(first.sender, first.recipient), packed, signed.signatures)
        );
    }

    /// Deliver, and revert as the gateway does.
    function _execute(Chain memory c, Batch memory batch, Signed memory signed) internal {
        (bool success, bytes memory reason) = address(c.gateway).call(_delivery(batch, signed));
        if (!success) {
            assembly {
                revert(add(reason, 32), mload(reason))
            }
        }
    }

    function _deliver(Chain memory c, Batch memory batch) internal {
        _on(c);
        Signed memory signed = _signed(c, batch);
        vm.prank(relayer);
        _execute(c, batch, signed);
    }

    function _isParked(Chain memory c, bytes32 id) internal view returns (bool) {
        return c.gateway.standingOf(id) == Standing.PARKED;
    }

    /// What attestors say at home of its movements to the peer.
    function _acknowledgement(
        uint64 nonce,
        bytes32[] memory refused
    ) internal view returns (uint256 head, bytes memory signatures) {
        bytes32 hash = keccak256(
            abi.encode(
                keccak256(
                    "Acknowledgement(uint32 attestorSetVersion,uint256 source,uint256 destination,uint8 purpose,uint64 nonce,bytes32[] refused)"
                ),
                1,
                home.id,
                peer.id,
                uint8(1),
                nonce,
                keccak256(abi.encodePacked(refused))
            )
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Pari Passu Gateway"),
                keccak256("1"),
                home.id,
                address(home.gateway)
            )
        );
        Signed memory signed = _quorum(keccak256(abi.encodePacked(hex"1901", domain, hash)), 0, 1);
        return (uint8(1) | uint256(nonce) << 8 | 1 << 104 | signed.signers << 136, signed.signatures);
    }

    // -------------------------------------------------------------- messages

    /// The messages in the recorded logs, rebuilt from the logs alone.
    function _sent(Chain memory source) internal returns (Message[] memory messages) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 count = 0;
        Message[] memory found = new Message[](logs.length);
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != keccak256("MessageSent(bytes32,bytes,bytes,bytes,uint256,bytes[])")) continue;
            found[count++] = _rebuild(source, logs[i]);
        }
        messages = new Message[](count);
        for (uint256 i = 0; i < count; ++i) messages[i] = found[i];
    }

    function _rebuild(Chain memory source, Vm.Log memory log) private pure returns (Message memory m) {
        bytes[] memory attributes;
        uint256 value;
        (m.sender, m.recipient, m.payload, value, attributes) =
            abi.decode(log.data, (bytes, bytes, bytes, uint256, bytes[]));
        bytes memory envelope = attributes[0];
        bytes memory body = new bytes(envelope.length - 4);
        for (uint256 i = 0; i < body.length; ++i) body[i] = envelope[i + 4];
        uint256 word = abi.decode(body, (uint256));
        (m.purpose, m.nonce, m.timestamp) = (uint8(word), uint64(word >> 8), uint64(word >> 72));
        (m.expiry, m.version) = (uint64(word >> 136), uint32(word >> 200));
        m.source = source.id;
        (m.destination, ) = Interop.parse(m.recipient);
        vm.assertEq(source.gateway.messageId(m), log.topics[1], "the log alone gives the message");
    }

    function _batch(Message[] memory messages) internal pure returns (Batch memory) {
        return Batch(1, messages);
    }

    function _only(Message memory message) internal pure returns (Batch memory) {
        Message[] memory messages = new Message[](1);
        messages[0] = message;
        return Batch(1, messages);
    }

    function _move(address from, address to, uint256 amount) internal returns (Message memory) {
        _on(home);
        vm.recordLogs();
        vm.prank(from);
        home.bridge.move(address(home.token), peer.id, abi.encodePacked(to), amount, 0);
        return _sent(home)[0];
    }

    // -------------------------------------------------------------- events

    function _event() internal pure returns (EventRecord memory) {
        return EventRecord({
            officialEventId: "EVT2027000000001",
            securityId: SECURITY,
            eventType: "DVCA",
            participation: "MAND",
            announcementDate: 20270301,
            exDate: 20270304,
            recordDate: 20270305,
            paymentDate: 20270308,
            recordTime: 1_804_266_000, // 2027-03-05 17:00 UTC
            rateNumerator: 9,
            rateDenominator: 20,
            currency: "EUR",
            currencyExponent: 2,
            documentHash: keccak256("document")
        });
    }
}
