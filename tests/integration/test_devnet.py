"""Local nodes as their owners meet them: real Anvil and Ganache processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paripassu.devnet import (
    GENESIS_TIME,
    NodeSpec,
    RunningNode,
    annotate,
    call,
    down,
    head_number,
    head_time,
    mine,
    nodes,
    read,
    reorganise,
    revert,
    running_nodes,
    set_balance,
    set_mining,
    snapshot,
    travel_to,
    up,
)
from paripassu.devnet.processes import ProcessIdentity
from paripassu.errors import (
    DevnetBusy,
    DevnetDown,
    DevnetRecordUnreadable,
    NodeCallFailed,
    NodeCannot,
    NodeMissing,
    NodeStartFailed,
)

DAY = 86_400
HOLDER_FR = "0x" + "fa" * 20

SPECS = (
    NodeSpec("alpha", "anvil", 31001, block_time=1),
    NodeSpec("bravo", "anvil", 31002),
    NodeSpec("charlie", "ganache", 31003, block_time=1),
    NodeSpec("delta", "ganache", 31004),
)


@pytest.fixture(scope="module")
def devnet() -> Iterator[dict[str, RunningNode]]:
    with running_nodes(SPECS) as running:
        yield running


@pytest.fixture(params=[spec.name for spec in SPECS])
def node(request: pytest.FixtureRequest, devnet: dict[str, RunningNode]) -> RunningNode:
    return devnet[request.param]


def test_every_node_starts_at_the_fixed_genesis_time_under_its_own_chain_id(node: RunningNode) -> None:
    genesis = call(node.url, "eth_getBlockByNumber", "0x0", False)
    assert int(genesis["timestamp"], 16) == GENESIS_TIME
    assert int(call(node.url, "eth_chainId"), 16) == node.chain_id


def test_time_travel_brings_all_clients_to_one_time_and_their_clocks_go_on_from_there(
    devnet: dict[str, RunningNode],
) -> None:
    urls = [node.url for node in devnet.values()]
    target = max(map(head_time, urls)) + 30 * DAY
    reached = travel_to(urls, target)
    assert all(target <= time_ <= target + 5 for time_ in reached.values()), reached
    time.sleep(2.2)
    for url in urls:
        mine(url)
    later = {url: head_time(url) for url in urls}
    assert all(target + 1 <= time_ <= target + 10 for time_ in later.values()), later


def test_time_never_travels_back(node: RunningNode) -> None:
    before = head_time(node.url)
    assert travel_to([node.url], before - DAY)[node.url] >= before


def test_a_snapshot_brings_back_balances_and_height(node: RunningNode) -> None:
    set_mining(node.url, False, block_time=node.block_time)
    try:
        height, remembered = head_number(node.url), snapshot(node.url)
        mine(node.url, 3)
        assert head_number(node.url) == height + 3
        set_balance(node.url, HOLDER_FR, 7)
        assert int(call(node.url, "eth_getBalance", HOLDER_FR, "latest"), 16) == 7
        revert(node.url, remembered)
        assert head_number(node.url) == height
        assert int(call(node.url, "eth_getBalance", HOLDER_FR, "latest"), 16) == 0
        with pytest.raises(NodeCallFailed, match="snapshot"):
            revert(node.url, remembered)
    finally:
        set_mining(node.url, True, block_time=node.block_time)


def test_interval_mining_stops_and_goes_on(devnet: dict[str, RunningNode]) -> None:
    for name in ("alpha", "charlie"):
        node = devnet[name]
        set_mining(node.url, False, block_time=node.block_time)
        time.sleep(0.3)
        stopped_at = head_number(node.url)
        time.sleep(2.1)
        assert head_number(node.url) == stopped_at
        set_mining(node.url, True, block_time=node.block_time)
        time.sleep(2.6)
        assert head_number(node.url) > stopped_at


def test_a_reorganisation_replaces_blocks_on_anvil_and_is_refused_elsewhere(
    devnet: dict[str, RunningNode],
) -> None:
    url = devnet["bravo"].url
    mine(url, 4)
    height = call(url, "eth_blockNumber")
    before = call(url, "eth_getBlockByNumber", height, False)["hash"]
    reorganise(url, 2)
    assert call(url, "eth_getBlockByNumber", height, False)["hash"] != before
    with pytest.raises(NodeCannot, match="Only Anvil"):
        reorganise(devnet["delta"].url, 2)


def test_finality_on_anvil_lags_two_epochs(devnet: dict[str, RunningNode]) -> None:
    url = devnet["bravo"].url
    mine(url, 5)
    finalized = call(url, "eth_getBlockByNumber", "finalized", False)
    assert int(finalized["number"], 16) == head_number(url) - 2


def test_nodes_find_other_ports_when_theirs_are_taken_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        genuine = nodes.reserve_port
        offered = iter([int(occupied.getsockname()[1])] * 2)
        monkeypatch.setattr(nodes, "reserve_port", lambda: next(offered, None) or genuine())
        with running_nodes([SPECS[1], SPECS[3]]) as running:
            for node in running.values():
                assert head_number(node.url) == 0
                assert node.url != f"http://127.0.0.1:{occupied.getsockname()[1]}"


def test_a_node_that_never_starts_is_reported_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\necho 'no such hardfork' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PARI_ANVIL", str(broken))
    with pytest.raises(NodeStartFailed, match="no such hardfork"), running_nodes([SPECS[1]]):
        pass


@pytest.mark.parametrize(("spec", "variable"), [(SPECS[0], "PARI_ANVIL"), (SPECS[2], "PARI_NODE_MODULES")])
def test_a_missing_program_names_the_command_that_installs_it(
    spec: NodeSpec, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    monkeypatch.setattr("paripassu.devnet.programs.node_modules", lambda: iter([tmp_path / "nothing"]))
    with pytest.raises(NodeMissing) as refusal:
        spec.command(8545)
    assert refusal.value.next_command == "make setup"


def test_no_node_outlives_its_block_even_when_the_block_fails() -> None:
    processes: list[ProcessIdentity] = []

    def block_that_fails() -> None:
        with running_nodes([SPECS[1], SPECS[3]]) as running:
            processes.extend(node.process for node in running.values())
            assert all(process.alive for process in processes)
            raise RuntimeError("the block fails")

    with pytest.raises(RuntimeError, match="the block fails"):
        block_that_fails()
    assert not any(process.alive for process in processes)


OWNER = textwrap.dedent(
    """
    import json, time
    from paripassu.devnet import NodeSpec, running_nodes
    with running_nodes([NodeSpec("bravo", "anvil", 31002), NodeSpec("delta", "ganache", 31004)]) as nodes:
        print(json.dumps([[n.process.pid, n.process.started] for n in nodes.values()]), flush=True)
        time.sleep(60)
    """
)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_node_outlives_an_owner_that_is_killed(number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert owner.stdout is not None
    processes = [ProcessIdentity(pid, started) for pid, started in json.loads(owner.stdout.readline())]
    assert all(process.alive for process in processes)
    owner.send_signal(number)
    owner.wait(timeout=20)
    owner.stdout.close()
    deadline = time.monotonic() + 10
    while any(process.alive for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(process.alive for process in processes)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "workspace"
    yield folder
    (folder / "devnet.json").exists() and down(folder)


UP = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from paripassu.devnet import NodeSpec, up
    up([NodeSpec("bravo", "anvil", 31002), NodeSpec("delta", "ganache", 31004)], Path(sys.argv[1]))
    """
)


def test_up_outlives_its_command_and_down_ends_exactly_its_nodes_twice_in_a_row(workspace: Path) -> None:
    with running_nodes([NodeSpec("bystander", "anvil", 31002)]) as others:
        for _ in range(2):
            subprocess.run([sys.executable, "-c", UP, str(workspace)], check=True, timeout=60)
            record = read(workspace)
            assert list(record.ledgers) == ["bravo", "delta"]
            assert all(head_number(url) == 0 for url in record.rpc_urls.values())
            assert down(workspace) == ["bravo", "delta"]
            assert not any(node.process.alive for node in record.ledgers.values())
            assert down(workspace) == []
        assert others["bystander"].process.alive


def test_up_again_keeps_what_runs_and_refuses_another_network(workspace: Path) -> None:
    first = up([SPECS[1]], workspace)
    annotate(workspace, accounts={"issuer": HOLDER_FR})
    again = up([SPECS[1]], workspace)
    assert again.ledgers == first.ledgers
    assert again.accounts == {"issuer": HOLDER_FR}
    with pytest.raises(DevnetBusy, match="bravo"):
        up([NodeSpec("bravo", "anvil", 99)], workspace)
    raw = json.loads((workspace / "devnet.json").read_text())
    assert raw["schema"] == "paripassu.devnet/1"
    assert raw["ledgers"]["bravo"]["caip2"] == "eip155:31002"


def test_ops_5_up_starts_what_is_asked_for_beside_what_runs(workspace: Path) -> None:
    more = NodeSpec("echo", "anvil", 31005)
    first = up([SPECS[1]], workspace)
    annotate(workspace, accounts={"issuer": HOLDER_FR})
    second = up([SPECS[1], more], workspace)
    assert second.ledgers["bravo"] == first.ledgers["bravo"]
    assert second.accounts == {"issuer": HOLDER_FR}
    assert list(read(workspace).ledgers) == ["bravo", "echo"]
    assert head_number(second.rpc_urls["echo"]) == 0
    with pytest.raises(DevnetBusy, match="bravo"):
        up([NodeSpec("bravo", "anvil", 99), more, NodeSpec("foxtrot", "anvil", 31006)], workspace)
    assert list(read(workspace).ledgers) == ["bravo", "echo"]


def test_up_replaces_a_network_of_which_a_node_has_died(workspace: Path) -> None:
    specs = [SPECS[1], NodeSpec("echo", "anvil", 31005)]
    first = up(specs, workspace)
    first.ledgers["echo"].process.stop()
    with pytest.raises(DevnetDown, match="echo"):
        read(workspace)
    second = up(specs, workspace)
    assert not first.ledgers["bravo"].process.alive
    assert all(node.process.alive for node in second.ledgers.values())


def test_down_spares_a_process_that_got_the_recorded_id_later(workspace: Path) -> None:
    up([SPECS[1]], workspace)
    file = workspace / "devnet.json"
    raw = json.loads(file.read_text())
    genuine = ProcessIdentity(raw["ledgers"]["bravo"]["pid"], raw["ledgers"]["bravo"]["started"])
    raw["ledgers"]["bravo"]["pid"] = os.getpid()
    file.write_text(json.dumps(raw))
    assert down(workspace) == []
    assert genuine.stop()


@pytest.mark.parametrize(
    "damaged", ["{", '{"schema": "paripassu.devnet/9"}', '{"schema": "paripassu.devnet/1"}']
)
def test_a_damaged_record_is_refused_by_name(workspace: Path, damaged: str) -> None:
    workspace.mkdir()
    (workspace / "devnet.json").write_text(damaged)
    with pytest.raises(DevnetRecordUnreadable, match=r"devnet\.json"):
        read(workspace)
    (workspace / "devnet.json").unlink()


def test_nothing_runs_in_a_fresh_workspace(workspace: Path) -> None:
    with pytest.raises(DevnetDown, match="No local network"):
        read(workspace)
