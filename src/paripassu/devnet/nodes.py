"""Start local nodes on free ports and stop them again.

    with running_nodes([NodeSpec("alpha", "anvil", 31001, block_time=1)]) as nodes:
        nodes["alpha"].url

Nodes of a `running_nodes` block end with the block, and also with this process when it is
interrupted or killed. `paripassu.devnet.network` starts nodes that outlive the process.
"""

from __future__ import annotations

import contextlib
import datetime
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from paripassu.devnet.ports import release_port, reserve_port
from paripassu.devnet.processes import ProcessIdentity, Watchdog
from paripassu.devnet.programs import anvil_command, ganache_command
from paripassu.devnet.rpc import call
from paripassu.errors import NodeCallFailed, NodeStartFailed

Client = Literal["anvil", "ganache"]

GENESIS_TIME = 1803888000
"""2027-03-01T08:00:00Z, where the simulated business calendar of local networks begins."""

MNEMONIC = "test test test test test test test test test test test junk"
"""The development mnemonic that the whole field knows; its accounts hold coin for fees."""

START_SECONDS = 40.0
_PORT_ATTEMPTS = 6
_GAS_LIMIT = 30_000_000


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What to start.

    Args:
        block_time: seconds between blocks; None = a block for each transaction.
        slots_in_an_epoch: Anvil's finality lag: safe = latest - n, finalized = latest - 2n.
        genesis_time: Unix seconds of block 0; the node's clock runs on from there.
        hardfork: None = the client's newest for Anvil, shanghai (its last) for Ganache.
    """

    name: str
    client: Client
    chain_id: int
    block_time: int | None = None
    slots_in_an_epoch: int = 1
    genesis_time: int = GENESIS_TIME
    hardfork: str | None = None

    def command(self, port: int) -> list[str]:
        """The command line that starts this node on `port` of the loopback interface.

        Raises:
            NodeMissing: the client is not installed.
        """
        return self._anvil(port) if self.client == "anvil" else self._ganache(port)

    def _anvil(self, port: int) -> list[str]:
        command = [*anvil_command(), "--quiet", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--chain-id", str(self.chain_id), "--timestamp", str(self.genesis_time)]
        command += ["--mnemonic", MNEMONIC, "--gas-limit", str(_GAS_LIMIT)]
        command += ["--slots-in-an-epoch", str(self.slots_in_an_epoch)]
        if self.block_time is not None:
            command += ["--block-time", str(self.block_time)]
        if self.hardfork is not None:
            command += ["--hardfork", self.hardfork]
        return command

    def _ganache(self, port: int) -> list[str]:
        start = datetime.datetime.fromtimestamp(self.genesis_time, datetime.UTC)
        command = [*ganache_command(), "--logging.quiet"]
        command += ["--server.host", "127.0.0.1", "--server.port", str(port)]
        command += ["--chain.chainId", str(self.chain_id), "--chain.networkId", str(self.chain_id)]
        command += ["--chain.time", start.isoformat(), "--chain.hardfork", self.hardfork or "shanghai"]
        command += ["--wallet.mnemonic", MNEMONIC, "--wallet.defaultBalance", "10000"]
        command += ["--miner.blockGasLimit", hex(_GAS_LIMIT), "--miner.blockTime", str(self.block_time or 0)]
        return command


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node that answers, at `url`."""

    name: str
    url: str
    chain_id: int
    client: Client
    block_time: int | None
    process: ProcessIdentity

    @property
    def pid(self) -> int:
        return self.process.pid


@contextlib.contextmanager
def running_nodes(specs: Sequence[NodeSpec]) -> Iterator[dict[str, RunningNode]]:
    """Nodes by name, for the length of the block.

    Raises:
        NodeMissing: a client is not installed.
        NodeStartFailed: a node ended or kept silent for `START_SECONDS`.
    """
    launch = Launch()
    try:
        yield {node.name: node for node in launch.start(specs)}
    finally:
        launch.stop()


class Launch:
    """Nodes started together, guarded by a watchdog until they are stopped or released."""

    def __init__(self, log_folder: Path | None = None) -> None:
        self._log_folder = log_folder
        self._watchdog = Watchdog()
        self._attempts: list[_Attempt] = []

    def start(self, specs: Sequence[NodeSpec]) -> list[RunningNode]:
        """Start all side by side and wait until every one answers."""
        attempts = [self._begin(spec) for spec in specs]
        return [self._finish(attempt) for attempt in attempts]

    def stop(self) -> None:
        for attempt in self._attempts:
            attempt.process.kill()
        for attempt in self._attempts:
            attempt.close()
        self._watchdog.release()

    def release(self) -> None:
        """Leave the nodes running on their own."""
        self._watchdog.release()
        for attempt in self._attempts:
            attempt.log.close()

    def _begin(self, spec: NodeSpec) -> _Attempt:
        port = reserve_port()
        try:
            command = spec.command(port)
            log = self._open_log(spec.name)
            # an interrupt from the terminal reaches us alone; we stop the nodes in our own order
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        except BaseException:
            release_port(port)
            raise
        attempt = _Attempt(spec, port, process, log)
        self._attempts.append(attempt)
        self._watchdog.guard(process.pid)
        return attempt

    def _finish(self, attempt: _Attempt) -> RunningNode:
        for _ in range(_PORT_ATTEMPTS):
            if attempt.answers(time.monotonic() + START_SECONDS):
                return attempt.running()
            # it ended: most likely another program took the port after we found it free
            failed = attempt
            attempt = self._begin(failed.spec)
        raise NodeStartFailed(
            f"{failed.spec.client} for {failed.spec.name} ended {_PORT_ATTEMPTS} times "
            f"while starting: {failed.said()}."
        )

    def _open_log(self, name: str) -> IO[bytes]:
        if self._log_folder is None:
            return tempfile.TemporaryFile()
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return (self._log_folder / f"{name}.log").open("w+b")


@dataclass(frozen=True, slots=True)
class _Attempt:
    spec: NodeSpec
    port: int
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self, deadline: float) -> bool:
        """Wait for the node; False when it ended.

        Raises:
            NodeStartFailed: it runs, but is silent until the deadline.
        """
        try:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    return False
                with contextlib.suppress(NodeCallFailed):
                    if int(call(self.url, "eth_chainId", timeout=2.0), 16) == self.spec.chain_id:
                        return self.process.poll() is None
                time.sleep(0.03)
        finally:
            release_port(self.port)
        raise NodeStartFailed(
            f"{self.spec.client} for {self.spec.name} did not answer at {self.url} "
            f"within {START_SECONDS:.0f} s."
        )

    def running(self) -> RunningNode:
        spec, identity = self.spec, ProcessIdentity.of(self.process.pid)
        return RunningNode(spec.name, self.url, spec.chain_id, spec.client, spec.block_time, identity)

    def said(self) -> str:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rstrip(".") if lines else f"exit status {self.process.returncode}"

    def close(self) -> None:
        self.process.wait()
        release_port(self.port)
        self.log.close()
