"""Two Anvils with the deployed platform, and the bridge as the processes that an operator starts."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from paripassu import deploy
from paripassu.commands import Onboard
from paripassu.config import NetworkConfig, load_network
from paripassu.devnet import running_nodes
from paripassu.devnet.nodes import NodeSpec
from paripassu.identifiers import commitment
from paripassu.jobs import local, movements
from paripassu.jobs.session import session_of
from paripassu.quantities import Units
from paripassu.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
SECURITY = ROOT / "examples/securities/example-equity.toml"
HOLDER = "holder_fr"
STOCK = 1_000_000
"""Units that the holder has on the first chain before anything is measured: the whole issue."""

RUNNING = ("attestor_csd", "attestor_custodian", "attestor_auditor")
"""The whole set: each of the three must sign."""

_ENTITIES = (
    ("attestor_csd", "529900CSDATTEST00066"),
    ("attestor_custodian", "529900CUSTODIANATT47"),
    ("attestor_auditor", "549300AUDITORATTES67"),
)
_LEDGER = """
[ledgers.{name}]
caip2 = "eip155:{chain}"
protocol = "evm"
chainId = {chain}
rpcUrls = ["{url}"]
blocks = {{ confirmations = 1, reorgPeriod = 0, estimateBlockTime = 1 }}
"""


@dataclass
class Party:
    """A process of the bridge."""

    name: str
    process: subprocess.Popen[bytes]

    @property
    def resident_mb(self) -> float:
        """Memory that it holds, in MB of 10^6 bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024 / 1e6


@dataclass
class World:
    """The deployed network; `holder` has `STOCK` units on the first chain."""

    network: NetworkConfig
    file: Path
    workspace: Workspace
    urls: dict[str, str]
    holder: str
    contracts: dict[str, dict[str, str]]
    parties: list[Party] = field(default_factory=list)

    @contextmanager
    def bridge(self) -> Iterator[list[Party]]:
        """A relayer and three attestors, each a process of its own, until the block ends."""
        self.parties = [self._start("relayer", "relay")]
        self.parties += [self._start(name, "attest", "--as", name) for name in RUNNING]
        try:
            yield self.parties
        finally:
            for party in self.parties:
                party.process.send_signal(signal.SIGTERM)
            for party in self.parties:
                party.process.wait(30)

    def _start(self, name: str, *words: str) -> Party:
        command = [str(Path(sys.executable).with_name("pari")), *words]
        command += ["--network", str(self.file), "--workspace", str(self.workspace.root)]
        log = (self.workspace.root / f"{name}.log").open("wb")
        return Party(name, subprocess.Popen(command, stdout=log, stderr=log))


@contextmanager
def world(block_time: int | None = None) -> Iterator[World]:
    """Start, deploy, give the holder its units. `block_time` in seconds; None for a block at once, which
    is final at once, as under a consensus that does not fork."""
    specs = [
        NodeSpec(name, "anvil", chain, block_time=block_time, slots_in_an_epoch=0)
        for name, chain in (("alpha", 31001), ("bravo", 31002))
    ]
    with tempfile.TemporaryDirectory() as folder, running_nodes(specs) as nodes:
        urls = {name: node.url for name, node in nodes.items()}
        path = Path(folder) / "network.toml"
        path.write_text(_network_text(specs, urls), "utf-8")
        network, workspace = load_network(path), Workspace(Path(folder) / "pari").ensure()
        local.prepare(network, workspace, urls)
        yield asyncio.run(_deploy(network, path, workspace, urls))


async def _deploy(network: NetworkConfig, path: Path, workspace: Workspace, urls: dict[str, str]) -> World:
    await deploy.apply(network, workspace)
    async with session_of(network, workspace) as session:
        owner = session.signer(f"dev:{HOLDER}")
        local.give_coin(urls.values(), [owner.address])
        for name in urls:
            command = Onboard(owner.address, commitment(b"holder"), "FR", 1, 0)
            ready = await movements.proven(session.ledger(name), command, owner)
            await movements.onboard(session.ledger(name), [ready], session.role("registrar"))
        agent = session.role("transfer_agent")
        await movements.issue(session.home, owner.address, Units(STOCK), agent, "stock")
    contracts = local.describe(network, workspace, urls)["ledgers"]
    addresses = {name: contracts[name]["contracts"] for name in urls}
    return World(network, path, workspace, urls, owner.address, addresses)


def _network_text(specs: Sequence[NodeSpec], urls: dict[str, str]) -> str:
    text = (ROOT / "examples/two-chains.toml").read_text("utf-8")
    head = f'schema = "paripassu.network/1"\nenvironment = "local"\nhome = "alpha"\nsecurity = "{SECURITY}"\n'
    ledgers = "".join(
        _LEDGER.format(name=spec.name, chain=spec.chain_id, url=urls[spec.name]) for spec in specs
    )
    return head + ledgers + _attestors() + text[text.index("[roles]") :]


def _attestors() -> str:
    text = "\n[attestors]\nthreshold = 3\n"
    for name, entity in _ENTITIES:
        text += f'[[attestors.members]]\nname = "{name}"\nentity = "{entity}"\nsigner = "dev:{name}"\n'
    return text


def wait_until(done: Callable[[], bool], seconds: float, every: float = 0.02) -> None:
    """Wait for `done()`; TimeoutError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done within {seconds:g} s")
        time.sleep(every)
