"""Upgrades while business goes on: of one chain in the life of an event, and of gateways that do not
understand each other yet. Anvil, Ganache and a book; approved acts, real code of version 2.0.0."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import solcx

from paripassu import artefacts, deploy
from paripassu.artefacts import Artefact
from paripassu.bridge.queries import list_messages
from paripassu.bridge.states import MessageState
from paripassu.config import Compatibility
from paripassu.deploy.chain import Chain
from paripassu.deploy.desired import EvmDesired
from paripassu.deploy.spec import desired_state
from paripassu.errors import ContractRefused
from paripassu.identifiers import keccak256, version_text
from paripassu.jobs import paying
from paripassu.ledgers.book import gateway as book_gateway
from paripassu.ledgers.port import DeliveryStatus
from paripassu.messages import Lane, Purpose
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

ROOT = Path(__file__).resolve().parents[2]
LEDGERS = ("alpha", "bravo", "register")
HOLDERS = ("holder_fr", "holder_de", "holder_lu")
UPGRADED = ("SecurityToken", "CorporateActions", "TokenBridge")
NEW_CODE = (*UPGRADED, "Gateway")
POINTS = (
    "before the announcement",
    "after the announcement",
    "after record time",
    "after the entitlements",
    "between payments",
)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """An Anvil chain, a Ganache chain and a book, deployed; holders with uneven positions on each."""
    folder = tmp_path_factory.mktemp("versions")
    judged = '[[compatibility]]\nversions = ["1.0.0", "2.0.0"]\nlevel = "exchange"\n'
    path = two_chains(folder, clients={"bravo": "ganache"}, more=judged)
    for network in started(path, folder / "ws"):
        for number, holder in enumerate(HOLDERS):
            network.onboard(holder)
            network.issue(holder, 1_001 + 97 * number)
            network.move(holder, "alpha", holder, "bravo", 301 + 13 * number)
            network.move(holder, "alpha", holder, "register", 207 + 11 * number)
        network.deliver()
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """All is undone after the test."""
    with network.undone():
        yield network


# ------------------------------------------------------------ implementations of another version


PROTOCOL = "contracts/bridge/Lanebook.sol"
OURS, NEWER = "return 1 << 16;", "return 2 << 16;"


@cache
def _builder() -> ModuleType:
    """`tools/build_artefacts.py`, which compiles what ships."""
    sys.path.insert(0, str(ROOT / "tools"))  # as for the script, which imports its neighbour
    spec = importlib.util.spec_from_file_location("build_artefacts", ROOT / "tools" / "build_artefacts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@cache
def second_versions() -> dict[str, Artefact]:
    """Contracts of version 2.0.0: what their sources say of their version, and of the protocol's, is 2."""
    tool, shipped = _builder(), {name: artefacts.load(name) for name in NEW_CODE}
    texts = dict(tool.sources())
    for one in shipped.values():
        assert OURS in texts[one.source_name]
        texts[one.source_name] = texts[one.source_name].replace(OURS, NEWER)
    assert OURS in texts[PROTOCOL]
    texts[PROTOCOL] = texts[PROTOCOL].replace(OURS, NEWER)
    return _compiled(tool, texts, shipped)


def _compiled(tool: ModuleType, texts: dict[str, str], shipped: dict[str, Artefact]) -> dict[str, Artefact]:
    wanted = [f"evm.{part}.object" for part in ("bytecode", "deployedBytecode")]
    wanted.append("evm.deployedBytecode.immutableReferences")
    selection: dict[str, Any] = {unit: {"": ["ast"]} for unit in texts}
    for name, one in shipped.items():
        selection[one.source_name][name] = wanted
    request = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in texts.items()},
        "settings": {**tool.settings(tool.SMALL), "outputSelection": selection},
    }
    output: dict[str, Any] = solcx.compile_standard(request, solc_version=tool.SOLC_VERSION)
    trees, found = tool.Trees(output["sources"]), {}
    for name, one in shipped.items():
        evm = output["contracts"][one.source_name][name]["evm"]
        code = bytes.fromhex(evm["deployedBytecode"]["object"])
        assert code != one.code
        places = trees.immutables(evm["deployedBytecode"]["immutableReferences"])
        found[name] = replace(
            one,
            bytecode=bytes.fromhex(evm["bytecode"]["object"]),
            code=code,
            code_hash=keccak256(code),
            immutables={
                variable: tuple((start, length) for start, length in at) for variable, at in places.items()
            },
            version=2 << 16,
        )
    return found


@contextmanager
def _shipping(*names: str) -> Iterator[None]:
    """As if the package shipped version 2.0.0 of these contracts."""
    newer = {name: second_versions()[name] for name in names}
    load = artefacts.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artefacts, "load", lambda name: newer.get(name) or load(name))
        yield


def apply_to(pari: LocalNetwork, *ledgers: str) -> deploy.AppliedDeployment:
    """Deploy to some of the ledgers, as where the notice of the others is not over."""
    applying = importlib.import_module("paripassu.deploy.apply")
    wanted = applying.desired_state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(applying, "desired_state", lambda *given: {on: wanted(*given)[on] for on in ledgers})
        return pari.run(deploy.apply(pari.network, pari.workspace))


def upgrade(pari: LocalNetwork, on: str, *names: str) -> None:
    """Put version 2.0.0 of contracts in place on one chain: proposed, approved and executed acts."""
    with _shipping(*names):
        applied = apply_to(pari, on)
    assert applied.ledgers[on].steps >= 4 * len(names)
    assert not applied.ledgers[on].waiting
    running = {one.contract: one.version for one in pari.run(pari.ledger(on).controls.running())}
    assert {running[name] for name in names} == {"2.0.0"}


# ------------------------------------------------------------ the life of an event


@dataclass(frozen=True, slots=True)
class Life:
    """What an event brought: its record's hash on each ledger, the table, and what was paid."""

    hashes: frozenset[str]
    root: str
    lines: tuple[tuple[str, int, int], ...]
    payments: tuple[tuple[str, str, int], ...]
    cash: tuple[tuple[str, str, int], ...]


def kept_on(pari: LocalNetwork, on: str) -> list[object]:
    """What a chain keeps of holders, units, events, payments and messages, as it answers."""
    ledger = pari.ledger(on)
    accounts = [pari.account(holder, on).account for holder in HOLDERS]
    found: list[object] = [pari.run(ledger.supply()), pari.run(ledger.events()), pari.run(ledger.holders())]
    found += [pari.run(ledger.controls.holding(account)) for account in accounts]
    found += [pari.run(ledger.cash(account)) for account in accounts]
    found += [pari.run(ledger.payments(one.record.official_event_id)) for one in pari.run(ledger.events())]
    height = pari.run(ledger.final()).height
    for other in (one for one in LEDGERS if one != on):
        for purpose in Purpose:
            there, here = pari.ledger(other).id, ledger.id
            found.append(pari.run(ledger.sent_counts([Lane(here, there, purpose)], height)))
            found.append(pari.run(ledger.inbound_nonce(Lane(there, here, purpose))))
    return found


def life(pari: LocalNetwork, upgraded_at: str) -> Life:
    """A dividend from announcement to the last payment, units in transit at record time among it; the
    Ganache chain moves to version 2.0.0 at one point."""

    def pass_(point: str) -> None:
        if point == upgraded_at:
            before = kept_on(pari, "bravo")
            upgrade(pari, "bravo", *UPGRADED)
            assert kept_on(pari, "bravo") == before  # VER-7

    event = pari.dividend(rate="0.3725")
    pass_("before the announcement")
    pari.announce(event)
    pass_("after the announcement")
    pari.travel_to(event.record_time - 600)
    pari.move("holder_fr", "alpha", "holder_de", "bravo", 77)
    pari.pass_record_time(event)
    pari.deliver()
    pass_("after record time")
    struck = pari.entitle(event)
    pass_("after the entitlements")
    pari.fund(struck)
    pari.pass_payment_date(event)
    alpha = {pari.ledger("alpha").id: pari.ledger("alpha")}
    pari.run(paying.pay(alpha, struck.event, struck.table, pari.session.role("paying_agent")))
    pass_("between payments")
    pari.pay(struck)
    pari.pay(struck)  # again: nobody is paid twice
    assert pari.reconcile(struck).ok
    known = [pari.run(pari.ledger(on).event(event.official_event_id)) for on in LEDGERS]
    paid = [
        (on, one.account, int(one.amount))
        for on in LEDGERS
        for one in pari.run(pari.ledger(on).payments(event.official_event_id))
    ]
    return Life(
        frozenset(one.record_hash.text for one in known if one is not None),
        struck.root.text,
        tuple((str(line.account), int(line.units), int(line.amount)) for line in struck.table.lines),
        tuple(sorted(paid)),
        tuple((on, holder, int(pari.cash(holder, on))) for on in LEDGERS for holder in HOLDERS),
    )


@pytest.fixture(scope="module")
def undisturbed(network: LocalNetwork) -> Life:
    """The same event where nobody upgraded."""
    with network.undone():
        return life(network, "")


@pytest.mark.parametrize("point", POINTS)
def test_ver_3_ver_7_an_upgrade_at_any_point_of_an_events_life_changes_nobodys_outcome(
    undisturbed: Life, pari: LocalNetwork, point: str
) -> None:
    assert len(undisturbed.hashes) == 1
    assert len(undisturbed.payments) == len(LEDGERS) * len(HOLDERS)
    assert sum(amount for *_, amount in undisturbed.cash) == sum(amount for *_, amount in undisturbed.lines)
    assert life(pari, point) == undisturbed


# ------------------------------------------------------------ messages between versions


def states(pari: LocalNetwork, source: str, destination: str) -> list[tuple[MessageState, str]]:
    found = list_messages(pari.session.store, ledger=pari.ledger(source).id)
    return [
        (one.state, one.reason)
        for one in found
        if one.lane.destination == pari.ledger(destination).id and one.lane.source == pari.ledger(source).id
    ]


def in_step(pari: LocalNetwork) -> LocalNetwork:
    """All clocks at the latest one: Ganache goes back to a state, and not to its time."""
    pari.travel_to(1 + max(pari.run(pari.ledger(on).head()).time for on in LEDGERS))
    return pari


def test_ver_2_a_message_of_an_unsupported_version_is_parked_and_applied_once_after_the_upgrade(
    pari: LocalNetwork,
) -> None:
    in_step(pari)
    upgrade(pari, "bravo", "Gateway")  # its messages are of version 2 from here on
    before = {on: pari.position("holder_de", on) for on in LEDGERS}
    pari.move("holder_fr", "bravo", "holder_de", "alpha", 40)
    sent = pari.run(pari.ledger("bravo").sent_messages(0, pari.run(pari.ledger("bravo").final()).height))
    assert sent[-1].message.version == 2 << 16
    pari.deliver()
    state, reason = states(pari, "bravo", "alpha")[-1]
    assert state is MessageState.PARKED
    assert "UnsupportedVersion" in reason
    assert str(2 << 16) in reason
    assert pari.position("holder_de", "alpha") == before["alpha"]
    pari.deliver()  # as long as nothing changes nothing happens
    assert states(pari, "bravo", "alpha")[-1][0] is MessageState.PARKED
    upgrade(pari, "alpha", "Gateway")
    pari.deliver()  # nobody asks for the retry
    assert states(pari, "bravo", "alpha")[-1] == (MessageState.FINALISED, "")
    assert pari.position("holder_de", "alpha") == int(before["alpha"]) + 40
    pari.deliver()
    assert pari.position("holder_de", "alpha") == int(before["alpha"]) + 40
    fates = [
        one.status
        for one in pari.run(pari.ledger("alpha").deliveries(0, pari.run(pari.ledger("alpha").final()).height))
        if one.message_id == sent[-1].message.id
    ]
    assert fates == [DeliveryStatus.PARKED, DeliveryStatus.EXECUTED]
    assert pari.reconcile().ok


def test_ver_2_book_entry_parks_what_it_does_not_support_and_applies_it_once_it_does(
    pari: LocalNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_step(pari)
    upgrade(pari, "bravo", "Gateway")
    before = pari.position("holder_de", "register")
    pari.move("holder_fr", "bravo", "holder_de", "register", 15)
    pari.deliver()
    assert states(pari, "bravo", "register")[-1] == (MessageState.PARKED, "VERSION_UNSUPPORTED")
    assert pari.position("holder_de", "register") == before
    monkeypatch.setattr(book_gateway, "PROTOCOL_VERSION", 2 << 16)  # a later release of this program
    pari.deliver()
    assert states(pari, "bravo", "register")[-1] == (MessageState.FINALISED, "")
    assert pari.position("holder_de", "register") == int(before) + 15
    assert pari.reconcile().ok


def test_ver_2_a_message_that_waits_holds_up_nobody_behind_it(pari: LocalNetwork) -> None:
    in_step(pari)
    upgrade(pari, "bravo", "Gateway")
    before = pari.position("holder_lu", "register")
    pari.move("holder_fr", "bravo", "holder_de", "alpha", 40)
    pari.move("holder_fr", "alpha", "holder_lu", "register", 9)
    pari.deliver()
    assert pari.position("holder_lu", "register") == int(before) + 9


# ------------------------------------------------------------ a rollout, chain by chain


def trusted(pari: LocalNetwork, on: str) -> dict[str, str]:
    """The version of each ledger's instance, as the registry of one chain tells it."""
    desired = desired_state(pari.network, [pari.session.security])[on]
    assert isinstance(desired, EvmDesired)
    names = {one.id.numeric: name for name, one in pari.network.ledgers.items()}

    async def read() -> list[tuple[Any, ...]]:
        async with Chain(pari.network.ledgers[on], desired) as chain:
            key = bytes(pari.session.security.security_id)
            return list(await chain.contracts.view("InstanceRegistry", "instances", key))

    return {names[one[0]]: version_text(one[3]) for one in pari.run(read())}


def test_ver_4_during_a_rollout_each_chain_knows_what_the_others_run(
    pari: LocalNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_step(pari)
    unjudged = replace(pari.network, compatibility=(Compatibility((1 << 16, 2 << 16), 1),))
    monkeypatch.setattr(pari, "network", unjudged)
    apply_to(pari, "alpha", "bravo")
    upgrade(pari, "bravo", "SecurityToken")
    assert trusted(pari, "bravo") == {"alpha": "1.0.0", "bravo": "2.0.0", "register": "2.0.0"}
    assert apply_to(pari, "alpha").ledgers["alpha"].steps == 1, "alpha is told, and waits with its own"
    assert trusted(pari, "alpha") == {"alpha": "1.0.0", "bravo": "2.0.0", "register": "1.0.0"}

    before = {on: int(pari.position("holder_fr", on)) for on in LEDGERS}
    with pytest.raises(ContractRefused, match="VersionsIncompatible"):
        pari.move("holder_fr", "alpha", "holder_de", "bravo", 40)
    assert {on: int(pari.position("holder_fr", on)) for on in LEDGERS} == before, "refused before the burn"
    event = pari.dividend(rate="0.3725")
    pari.announce(event)
    known = {pari.run(pari.ledger(on).event(event.official_event_id)) is not None for on in LEDGERS}
    assert known == {True}, "events are delivered all the same"

    with _shipping("SecurityToken"):
        apply_to(pari, *LEDGERS)
        assert pari.run(deploy.plan(pari.network, pari.workspace)).is_empty
    everywhere = dict.fromkeys(LEDGERS, "2.0.0")
    assert trusted(pari, "alpha") == trusted(pari, "bravo") == everywhere, "bravo was told of alpha's too"
    received = int(pari.position("holder_de", "bravo"))
    pari.move("holder_fr", "alpha", "holder_de", "bravo", 40)
    pari.deliver()
    assert int(pari.position("holder_de", "bravo")) == received + 40
    assert pari.reconcile().ok
