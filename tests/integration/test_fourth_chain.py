"""A fourth ledger joins a running network by configuration alone (OPS-5): a table in the network file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from paripassu import deploy
from paripassu.config import NetworkConfig, load_network
from paripassu.deploy.steps import Plan
from paripassu.devnet import running_nodes
from paripassu.jobs import local
from paripassu.messages import Purpose
from paripassu.quantities import Units
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork
from paripassu.workspace import Workspace

TABLE = """
[ledgers.charlie]
caip2 = "eip155:31003"
protocol = "evm"
displayName = "Charlie"
chainId = 31003
blocks = { confirmations = 1, reorgPeriod = 1, estimateBlockTime = 1 }
devnet = { client = "anvil" }
"""


@dataclass
class Joined:
    """The network before and after, the plan between, and the network as it is used from then on."""

    before: NetworkConfig
    after: NetworkConfig
    plan: Plan
    pari: LocalNetwork


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    """Three ledgers with a holder on each, months into their life; then the table is added and applied."""
    folder = tmp_path_factory.mktemp("fourth")
    path = two_chains(folder)
    before = load_network(path)
    path.write_text(path.read_text("utf-8").replace("[ledgers.register]", f"{TABLE}\n[ledgers.register]"))
    after = load_network(path)
    workspace = Workspace(folder / "ws").ensure()
    specs = local.node_specs(after, automine=True)
    with running_nodes(specs[:2]) as old:
        urls = {name: node.url for name, node in old.items()}
        before = before.with_rpc_urls(urls)
        local.prepare(before, workspace, urls)
        first = LocalNetwork(before, workspace)
        first.open()
        first.endow(("holder_fr",), 300)
        first.travel_to(first.run(first.session.home.head()).time + 90 * 86_400)
        with running_nodes(specs[2:]) as new:
            urls |= {name: node.url for name, node in new.items()}
            after = after.with_rpc_urls(urls)
            local.prepare(after, workspace, urls)
            plan = first.run(deploy.plan(after, workspace))
            first.close()
            pari = LocalNetwork(after, workspace)
            pari.open()
            try:
                yield Joined(before, after, plan, pari)
            finally:
                pari.close()


def test_ops_5_the_plan_of_a_fourth_chain_leaves_the_others_but_for_what_names_it(joined: Joined) -> None:
    for name, ledger in joined.plan.ledgers.items():
        for step in ledger.steps:
            assert name == "charlie" or "31003" in str(step) or "charlie" in str(step), (name, step)
    assert all(ledger.steps for ledger in joined.plan.ledgers.values()), "it is registered, and lanes open"


def test_ops_5_units_move_to_and_from_the_fourth_chain(joined: Joined) -> None:
    pari = joined.pari
    pari.onboard("holder_fr", "charlie")
    for source in ("alpha", "bravo", "register"):
        pari.move("holder_fr", source, "holder_fr", "charlie", 50)
    pari.deliver()
    assert pari.position("holder_fr", "charlie") == Units(150)
    pari.move("holder_fr", "charlie", "holder_fr", "register", 20)
    pari.deliver()
    assert pari.position("holder_fr", "charlie") == Units(130)
    assert pari.position("holder_fr", "register") == Units(270)
    assert not pari.run(pari.ledger("charlie").lane_stopped(pari.ledger("alpha").id, Purpose.MOVEMENT))
    assert pari.reconcile().ok


def test_ops_5_a_dividend_is_paid_on_the_fourth_chain_too(joined: Joined) -> None:
    pari = joined.pari
    held = pari.position("holder_fr", "charlie")
    assert held, "units have moved there before"
    event = pari.dividend("2")
    pari.announce(event)
    assert pari.run(pari.ledger("charlie").event(event.official_event_id)) is not None
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.pass_payment_date(event)
    pari.fund(struck)
    assert len(pari.pay(struck)) == 4
    assert pari.cash("holder_fr", "charlie") == 2 * 100 * held
    result = pari.reconcile(struck)
    assert result.ok, [one for one in result.results if not one.ok]


def test_ops_5_nothing_is_left_to_do_afterwards(joined: Joined) -> None:
    plan = joined.pari.run(deploy.plan(joined.after, joined.pari.workspace))
    assert {name: ledger.steps for name, ledger in plan.ledgers.items() if ledger.steps} == {}
    report = joined.pari.run(deploy.check(joined.after, joined.pari.workspace))
    assert report.findings == ()
