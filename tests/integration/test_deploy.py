"""Plan, apply and check on two Anvil chains, a Ganache chain and a book-entry ledger."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from paripassu import artefacts, deploy
from paripassu.config import NetworkConfig, load_network, load_securities
from paripassu.deploy import records
from paripassu.deploy.chain import Chain
from paripassu.deploy.create3 import address_of, factory_address
from paripassu.deploy.desired import EvmDesired
from paripassu.deploy.journal import Journal
from paripassu.deploy.observe import observe
from paripassu.deploy.spec import deployer_of, desired_state
from paripassu.devnet import controls
from paripassu.devnet.nodes import NodeSpec, running_nodes
from paripassu.devnet.rpc import call
from paripassu.errors import (
    ApplyRunning,
    CodeDrift,
    DeploymentDrift,
    NotAuthorised,
    NotDeployed,
    RecordTampered,
    WrongChain,
)
from paripassu.identifiers import keccak256, role_id
from paripassu.jobs.local import give_coin, role_addresses
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.evm.preparation import Call, Patience
from paripassu.ledgers.evm.transactions import TransactionSender
from paripassu.ledgers.intents import MemoryIntentLog
from paripassu.ledgers.signers import signer_from_spec
from paripassu.testing.heartbeat import Heartbeat
from paripassu.workspace import Workspace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CHAINS = ("alpha", "bravo", "charlie")
STEPS = 24
"""Transactions on an empty chain: one for each contract, one for set-up and roles."""


@dataclass
class Deployed:
    network: NetworkConfig
    workspace: Workspace
    urls: dict[str, str]
    applied: deploy.AppliedDeployment

    def desired(self, name: str) -> EvmDesired:
        found = desired_state(self.network, list(load_securities(self.network).values()))[name]
        assert isinstance(found, EvmDesired)
        return found

    def record(self, name: str) -> Path:
        return records.path_of(self.network, self.workspace, self.network.ledgers[name])

    def nonce(self, name: str) -> int:
        address = deployer_of(self.network).address
        return int(call(self.urls[name], "eth_getTransactionCount", address, "latest"), 16)

    async def by_hand(self, name: str, signer: str, contract: str, function: str, *args: Any) -> None:
        """Send a transaction behind the deployment's back and wait until it is final."""
        desired = self.desired(name)
        async with Chain(self.network.ledgers[name], desired) as chain:
            sender = TransactionSender(
                ledger=desired.ledger,
                name=name,
                chain_id=desired.ledger.chain_id,
                rpc=chain.rpc,
                blocks=chain.blocks,
                log=MemoryIntentLog(),
                refusal=chain.contracts.reverts.error,
                patience=Patience(0.05, 20),
            )
            data = codec(contract).encode(function, *args)
            key = signer_from_spec(signer, "local")
            await sender.execute(Call(desired.addresses[contract], data), key, "by hand")


def local_network(urls: dict[str, str]) -> NetworkConfig:
    """The example network on the given nodes, with a shallow finality and fast polling."""
    network = load_network(EXAMPLES / "local.toml").with_rpc_urls(urls)
    quick = {
        name: replace(one, blocks=replace(one.blocks, estimate_block_time=1, reorg_period=2))
        for name, one in network.ledgers.items()
    }
    return replace(network, ledgers=quick)


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    specs = [
        NodeSpec("alpha", "anvil", 31001),
        NodeSpec("bravo", "anvil", 31002),
        NodeSpec("charlie", "ganache", 31003),
    ]
    with running_nodes(specs) as nodes:
        found = {name: node.url for name, node in nodes.items()}
        heartbeat = Heartbeat(list(found.values()))
        heartbeat.start()
        yield found
        heartbeat.stop()


@pytest.fixture(scope="module")
def deployed(urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    network = local_network(urls)
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    give_coin(urls.values(), role_addresses(network).values())
    before = asyncio.run(deploy.plan(network, workspace))
    assert {name: len(one.steps) for name, one in before.ledgers.items()} == {
        "alpha": STEPS,
        "bravo": STEPS,
        "charlie": STEPS + 1,
        "register": 1,
    }
    return Deployed(network, workspace, urls, asyncio.run(deploy.apply(network, workspace)))


def test_contracts_have_one_address_and_one_code_hash_on_every_chain(deployed: Deployed) -> None:
    codes: dict[str, set[tuple[str, str]]] = {}
    for name in CHAINS:
        for contract, entry in records.read(deployed.record(name))["contracts"].items():
            code = call(deployed.urls[name], "eth_getCode", entry["address"], "latest")
            found = keccak256(bytes.fromhex(code[2:])).text
            assert found == entry["codeHash"]
            codes.setdefault(contract, set()).add((entry["address"], found))
    assert len(codes) == STEPS - 1
    assert all(len(places) == 1 for places in codes.values())


async def test_addresses_computed_here_are_those_of_the_factory(deployed: Deployed) -> None:
    deployer, salt = deployer_of(deployed.network).address, bytes(keccak256(b"any salt"))
    async with Chain(deployed.network.ledgers["charlie"], deployed.desired("charlie")) as chain:
        found = await chain.contracts.view("Create3Factory", "addressOf", deployer, salt)
    assert found == address_of(deployer, salt)
    assert chain.contracts.address("Create3Factory") == factory_address()


async def test_plan_is_empty_and_check_finds_nothing_after_apply(deployed: Deployed) -> None:
    plan = await deploy.plan(deployed.network, deployed.workspace)
    report = await deploy.check(deployed.network, deployed.workspace)
    assert plan.is_empty
    assert report.ok, report.findings
    assert json.loads(json.dumps(plan.as_json()))["empty"] is True
    assert json.loads(json.dumps(report.as_json()))["ok"] is True


async def test_second_apply_sends_nothing(deployed: Deployed) -> None:
    journal = records.folder_of(deployed.network, deployed.workspace) / "journal.jsonl"
    before = journal.read_bytes(), [deployed.nonce(name) for name in CHAINS]
    applied = await deploy.apply(deployed.network, deployed.workspace)
    assert {one.steps for one in applied.ledgers.values()} == {0}
    assert before == (journal.read_bytes(), [deployed.nonce(name) for name in CHAINS])


def test_records_hold_no_rpc_address_and_brownie_map_lists_every_contract(deployed: Deployed) -> None:
    for name in CHAINS:
        assert "127.0.0.1" not in deployed.record(name).read_text()
    written = json.loads((deployed.record("alpha").parent / "map.json").read_text())
    token = deployed.desired("alpha").addresses["SecurityToken"]
    assert all("/" not in contract for contracts in written.values() for contract in contracts)
    assert {chain: contracts["SecurityToken"] for chain, contracts in written.items()} == {
        "31001": [token],
        "31002": [token],
        "31003": [token],
    }


async def test_ctl_12_neither_deployer_nor_manager_keeps_a_role(deployed: Deployed) -> None:
    desired = deployed.desired("alpha")
    async with Chain(deployed.network.ledgers["alpha"], desired) as chain:
        observed = await observe(chain)
    for account, roles in ((desired.deployer, [0]), (desired.addresses["AccessManager"], [])):
        assert [role for role, members in observed.members.items() if account in members] == roles


async def test_ctl_12_administrator_can_open_no_function(deployed: Deployed) -> None:
    token, abi = deployed.desired("alpha").addresses["SecurityToken"], codec("SecurityToken")
    pause = abi.selector("pause()")
    arguments = (token, [pause], role_id("issuer"))
    await deployed.by_hand("alpha", "dev:deployer", "AccessManager", "setTargetFunctionRole", *arguments)
    with pytest.raises(NotAuthorised, match="does not hold the role pauser"):
        await deployed.by_hand("alpha", "dev:issuer", "AccessManager", "execute", token, pause)
    with pytest.raises(NotAuthorised, match="does not hold the role pauser"):
        await deployed.by_hand("alpha", "dev:issuer", "SecurityToken", "pause()")
    assert (await deploy.check(deployed.network, deployed.workspace)).ok


async def test_role_granted_by_hand_is_found_and_taken_back(deployed: Deployed) -> None:
    relayer = signer_from_spec("dev:relayer", "local").address
    await deployed.by_hand("bravo", "dev:deployer", "AccessManager", "grantRole", 5, relayer, 0)
    report = await deploy.check(deployed.network, deployed.workspace)
    (finding,) = report.findings
    assert (finding.ledger, finding.kind) == ("bravo", "role")
    assert relayer in finding.found
    with pytest.raises(DeploymentDrift, match="transfer_agent"):
        report.raise_for_drift()
    plan = await deploy.plan(deployed.network, deployed.workspace)
    assert plan.ledgers["bravo"].steps[0].parts == (f"no transfer_agent for {relayer}",)
    await deploy.apply(deployed.network, deployed.workspace)
    assert (await deploy.check(deployed.network, deployed.workspace)).ok


async def test_lane_closed_by_hand_is_found_and_opened_by_the_role_that_may(deployed: Deployed) -> None:
    settings = deployed.desired("charlie").settings
    title = "TokenBridge: its lanes with book:register"
    lanes = next(one for one in settings if one.title == title)
    number, purpose, _, peer = codec("Gateway").decode_call(lanes.calls(None, {})[0][1])[1]
    closed = (number, purpose, "0x" + "0" * 40, peer)
    await deployed.by_hand("charlie", "dev:bridge_operator", "Gateway", "setLane", *closed)
    report = await deploy.check(deployed.network, deployed.workspace)
    assert [(one.ledger, one.kind) for one in report.findings] == [("charlie", "set-up")]
    (step,) = (await deploy.plan(deployed.network, deployed.workspace)).ledgers["charlie"].steps
    assert (step.signer, step.title) == ("bridge_operator", title)
    await deploy.apply(deployed.network, deployed.workspace)
    assert (await deploy.check(deployed.network, deployed.workspace)).ok


async def test_other_code_at_our_address_is_found_and_never_deployed_over(deployed: Deployed) -> None:
    address = deployed.desired("alpha").addresses["CustodyRegistry"]
    ours = call(deployed.urls["alpha"], "eth_getCode", address, "latest")
    call(deployed.urls["alpha"], "anvil_setCode", address, "0x60006000fd")
    controls.mine(deployed.urls["alpha"], 4)
    try:
        with pytest.raises(CodeDrift, match="CustodyRegistry"):
            await deploy.plan(deployed.network, deployed.workspace)
        with pytest.raises(CodeDrift, match="CustodyRegistry"):
            await deploy.apply(deployed.network, deployed.workspace)
    finally:
        call(deployed.urls["alpha"], "anvil_setCode", address, ours)
        controls.mine(deployed.urls["alpha"], 4)
    assert (await deploy.check(deployed.network, deployed.workspace)).ok


async def test_tampered_record_is_refused_and_written_anew_by_apply(deployed: Deployed) -> None:
    path = deployed.record("bravo")
    whole = path.read_text()
    token = deployed.desired("bravo").addresses["SecurityToken"]
    path.write_text(whole.replace(token, "0x" + "11" * 20))
    with pytest.raises(RecordTampered, match="changed by hand") as refused:
        await deploy.check(deployed.network, deployed.workspace)
    assert (refused.value.code, refused.value.next_command) == ("PP-DEP-002", "pari deploy apply")
    await deploy.apply(deployed.network, deployed.workspace)
    assert json.loads(path.read_text())["contracts"] == json.loads(whole)["contracts"]


async def test_resealed_record_of_another_address_is_still_found(deployed: Deployed) -> None:
    path = deployed.record("bravo")
    whole = records.read(path)
    forged = json.loads(json.dumps(whole))
    forged["contracts"]["Gateway"]["address"] = "0x" + "22" * 20
    records.write(path, forged)
    report = await deploy.check(deployed.network, deployed.workspace)
    records.write(path, whole)
    assert [(one.kind, one.title) for one in report.findings] == [("record", "the address of Gateway")]


async def test_missing_record_says_not_deployed(deployed: Deployed, tmp_path: Path) -> None:
    with pytest.raises(NotDeployed):
        await deploy.check(deployed.network, Workspace(tmp_path))


async def test_node_of_another_chain_is_refused_before_anything_is_sent(
    deployed: Deployed, tmp_path: Path
) -> None:
    before = deployed.nonce("bravo")
    swapped = deployed.network.with_rpc_urls({"alpha": deployed.urls["bravo"]})
    with pytest.raises(WrongChain, match=r"31002.*31001"):
        await deploy.apply(swapped, Workspace(tmp_path))
    assert deployed.nonce("bravo") == before


async def test_second_apply_beside_a_running_one_is_refused(deployed: Deployed) -> None:
    path = records.folder_of(deployed.network, deployed.workspace) / "journal.jsonl"
    with Journal(path).opened(), pytest.raises(ApplyRunning) as refused:
        await deploy.apply(deployed.network, deployed.workspace)
    assert refused.value.code == "PP-DEP-004"


async def test_acc_3_another_attestor_set_is_pointed_out_and_never_put_in_place_by_a_deployment(
    deployed: Deployed,
) -> None:
    members = deployed.network.attestors.members
    fewer = replace(deployed.network, attestors=replace(deployed.network.attestors, members=members[:2]))
    plan = await deploy.plan(fewer, deployed.workspace)
    assert {name: [step.waits for step in one.steps] for name, one in plan.ledgers.items()} == {
        name: [f"pari act propose attestors --ledger {name}"]
        for name in ("alpha", "bravo", "charlie", "register")
    }
    before = {name: deployed.nonce(name) for name in CHAINS}
    applied = await deploy.apply(fewer, deployed.workspace)
    assert {name: deployed.nonce(name) for name in CHAINS} == before
    assert [len(one.waiting) for one in applied.ledgers.values()] == [1, 1, 1, 1]
    report = await deploy.check(fewer, deployed.workspace)
    assert sorted(one.ledger for one in report.findings) == ["alpha", "bravo", "charlie", "register"]
    assert (await deploy.check(deployed.network, deployed.workspace)).ok


# -- upgrades and further securities ---------------------------------------------------


@pytest.fixture
def untouched(deployed: Deployed) -> Iterator[None]:
    """What a test does to chains and records is undone after it."""
    states = {name: controls.snapshot(url) for name, url in deployed.urls.items()}
    kept = {name: deployed.record(name).read_text() for name in CHAINS}
    yield
    for name, url in deployed.urls.items():
        controls.revert(url, states[name])
        controls.mine(url, 4)
        deployed.record(name).write_text(kept[name])


def ship_newer_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package ship a gateway of version 1.0.1."""
    shipped, load = artefacts.load("Gateway"), artefacts.load
    old, new = bytes.fromhex("62010000"), bytes.fromhex("62010001")  # PUSH3 of the version tag
    newer = replace(
        shipped,
        bytecode=shipped.bytecode.replace(old, new),
        code=shipped.code.replace(old, new),
        version=(1 << 16) + 1,
    )
    assert newer.code != shipped.code
    monkeypatch.setattr(artefacts, "load", lambda name: newer if name == "Gateway" else load(name))


@pytest.mark.usefixtures("untouched")
async def test_ver_6_newer_code_is_proposed_approved_and_put_in_place(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship_newer_gateway(monkeypatch)
    plan = await deploy.plan(deployed.network, deployed.workspace)
    steps = plan.ledgers["alpha"].steps
    assert [step.signer for step in steps] == ["deployer", "upgrader", "issuer", "csd", "upgrader"]
    before = await deploy.check(deployed.network, deployed.workspace)
    assert {one.kind for one in before.findings} == {"code", "record", "version"}
    applied = await deploy.apply(deployed.network, deployed.workspace)
    assert {applied.ledgers[name].steps for name in CHAINS} == {5}
    assert (await deploy.check(deployed.network, deployed.workspace)).ok
    desired = deployed.desired("alpha")
    async with Chain(deployed.network.ledgers["alpha"], desired) as chain:
        gateway, head = desired.addresses["Gateway"], (await chain.blocks.head()).time
        versions = [
            (await chain.contracts.view("Approvals", "versionAt", gateway, time))[0] for time in (1, head)
        ]
    assert versions == [1 << 16, (1 << 16) + 1]


@pytest.mark.usefixtures("untouched")
async def test_ver_6_upgrade_waits_for_its_notice_and_is_carried_out_by_a_later_apply(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = {**deployed.network.approvals.notice, "technical": 86_400}
    network = replace(deployed.network, approvals=replace(deployed.network.approvals, notice=notice))
    await deploy.apply(network, deployed.workspace)  # policies are changed by acts too, so far without notice
    assert (await deploy.check(network, deployed.workspace)).ok
    ship_newer_gateway(monkeypatch)
    for sent in (4, 0):
        applied = await deploy.apply(network, deployed.workspace)
        assert applied.ledgers["alpha"].steps == sent
        (step,) = applied.ledgers["alpha"].waiting
        assert step.waits.startswith("the end of its notice, ")
    assert json.loads(json.dumps(applied.as_json()))["ledgers"]["alpha"]["waiting"]
    controls.advance(deployed.urls.values(), 86_460)
    for url in deployed.urls.values():
        controls.mine(url, 4)
    assert (await deploy.apply(network, deployed.workspace)).ledgers["alpha"].steps == 1
    assert (await deploy.check(network, deployed.workspace)).ok


@pytest.mark.usefixtures("untouched")
async def test_one_more_security_takes_three_transactions_on_each_chain(
    deployed: Deployed, tmp_path: Path
) -> None:
    first = deployed.network.security_path
    second = tmp_path / "second.toml"
    second.write_text(first.read_text().replace("FR0014ZZPPS9", "FR0014ZZPPT7"))
    network = replace(deployed.network, security_paths=(first, second))
    plan = await deploy.plan(network, deployed.workspace)
    signers = [step.signer for step in plan.ledgers["bravo"].steps]
    assert signers == ["deployer", "tokenizer", "tokenizer"]
    (step,) = plan.ledgers["register"].steps
    assert "securities FR0014ZZPPS9, FR0014ZZPPT7" in step.parts
    applied = await deploy.apply(network, deployed.workspace)
    assert applied.ledgers["bravo"].gas_used < 900_000
    assert (await deploy.check(network, deployed.workspace)).ok
    record = records.read(deployed.record("bravo"))
    tokens = [records.addresses_in(record, isin)["SecurityToken"] for isin in record["securities"]]
    assert len(set(tokens)) == 2
    assert records.addresses_in(record)["SecurityToken"] == tokens[0]
    with pytest.raises(NotDeployed, match="no security US0378331005"):
        records.addresses_in(record, "US0378331005")


@pytest.mark.usefixtures("untouched")
async def test_other_immutable_in_our_code_is_named(deployed: Deployed) -> None:
    desired, url = deployed.desired("alpha"), deployed.urls["alpha"]
    creation = next(one for one in desired.creations if one.name == "HolderRegistry")
    code = artefacts.load("HolderRegistry").code_with({**creation.immutables, "AUTHORITY": b"\x11" * 20})
    call(url, "anvil_setCode", creation.address, "0x" + code.hex())
    controls.mine(url, 4)
    report = await deploy.check(deployed.network, deployed.workspace)
    assert [(one.kind, one.title, one.found) for one in report.findings if one.kind == "code"] == [
        ("code", f"AUTHORITY in the code of HolderRegistry at {creation.address}", "0x" + "11" * 20)
    ]


# -- killed anywhere -------------------------------------------------------------------

APPLY = """
import asyncio, sys
from pathlib import Path
from paripassu import artefacts, deploy
from paripassu.config import load_network
from paripassu.workspace import Workspace
network = load_network(Path(sys.argv[1])).with_rpc_urls({"alpha": sys.argv[2]})
asyncio.run(deploy.apply(network, Workspace(Path(sys.argv[3]))))
"""
SEAMS = 4 * STEPS + 2
"""Before and after each line of the journal (intent, settled), before and after the record."""


@pytest.fixture(scope="module")
def lone_node() -> Iterator[str]:
    with running_nodes([NodeSpec("alpha", "anvil", 31001)]) as nodes:
        yield nodes["alpha"].url


@pytest.fixture(scope="module")
def lone_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example network with one chain and the book."""
    text = (EXAMPLES / "local.toml").read_text()
    for name in ("bravo", "charlie"):
        start = text.index(f"[ledgers.{name}]")
        text = text[:start] + text[text.index("[ledgers.", text.index("devnet]", start)) :]
    text = text.replace('"securities/', f'"{EXAMPLES}/securities/')
    path = tmp_path_factory.mktemp("lone") / "network.toml"
    path.write_text(text)
    return path


def run_apply(file: Path, url: str, folder: Path, crash_at: int | None = None) -> int:
    environment = {**os.environ, "PARI_CRASH_AT": str(crash_at or "")}
    command = [sys.executable, "-c", APPLY, str(file), url, str(folder)]
    return subprocess.run(command, env=environment, timeout=120).returncode


@pytest.mark.parametrize("seam", [1, 2, 3, 20, 45, 46, 47, 48, 61, SEAMS - 3, SEAMS - 1, SEAMS])
def test_killed_anywhere_apply_resumes_without_losing_or_repeating_a_step(
    seam: int, lone_node: str, lone_file: Path, tmp_path: Path
) -> None:
    network = load_network(lone_file).with_rpc_urls({"alpha": lone_node})
    start = controls.snapshot(lone_node)
    give_coin([lone_node], role_addresses(network).values())
    heartbeat = Heartbeat([lone_node])
    heartbeat.start()
    try:
        assert run_apply(lone_file, lone_node, tmp_path, crash_at=seam) == -9
        assert run_apply(lone_file, lone_node, tmp_path) == 0
        workspace = Workspace(tmp_path)
        assert asyncio.run(deploy.plan(network, workspace)).is_empty
        assert asyncio.run(deploy.check(network, workspace)).ok
        deployer = deployer_of(network).address
        assert int(call(lone_node, "eth_getTransactionCount", deployer, "latest"), 16) == STEPS
        journal = (records.folder_of(network, workspace) / "journal.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in journal]
        for kind in ("intent", "settled"):
            found = [entry["reference"] for entry in entries if entry["kind"] == kind]
            assert len(found) == len(set(found)) == STEPS
    finally:
        heartbeat.stop()
        controls.revert(lone_node, start)


def test_killed_apply_starts_over_on_a_chain_that_was_started_anew(
    lone_node: str, lone_file: Path, tmp_path: Path
) -> None:
    network = load_network(lone_file).with_rpc_urls({"alpha": lone_node})
    heartbeat = Heartbeat([lone_node])
    for crash_at, expected in ((60, -9), (None, 0)):
        start = controls.snapshot(lone_node)
        give_coin([lone_node], role_addresses(network).values())
        heartbeat.start()
        try:
            assert run_apply(lone_file, lone_node, tmp_path, crash_at) == expected
            if crash_at is None:
                assert asyncio.run(deploy.check(network, Workspace(tmp_path))).ok
        finally:
            heartbeat.stop()
            controls.revert(lone_node, start)


def test_whole_enumeration_covers_every_seam(lone_node: str, lone_file: Path, tmp_path: Path) -> None:
    network = load_network(lone_file).with_rpc_urls({"alpha": lone_node})
    start = controls.snapshot(lone_node)
    give_coin([lone_node], role_addresses(network).values())
    heartbeat = Heartbeat([lone_node])
    heartbeat.start()
    try:
        assert run_apply(lone_file, lone_node, tmp_path, crash_at=SEAMS + 1) == 0
    finally:
        heartbeat.stop()
        controls.revert(lone_node, start)
