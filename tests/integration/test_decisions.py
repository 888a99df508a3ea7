"""Decisions of the rules on nodes of two clients and in a book: kept, rebuilt from blocks, made again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paripassu import acts, controls
from paripassu.commands import Transfer
from paripassu.controls import Reason
from paripassu.deploy.opening import open_ledgers
from paripassu.errors import RuleError
from paripassu.identifiers import Country
from paripassu.jobs import approving, deciding
from paripassu.ledgers.evm.adapter import EvmLedger
from paripassu.ledgers.intents import MemoryIntentLog
from paripassu.quantities import Units
from paripassu.rules import Restriction
from paripassu.store import cursors
from paripassu.store.decisions import KeptDecision, kept
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

WHY = Reason("court order 7")
CHAINS = ("alpha", "bravo")
LEDGERS = (*CHAINS, "register")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """An Anvil chain, a Ganache chain and a book; two holders with 300 units each on every ledger."""
    folder = tmp_path_factory.mktemp("decisions")
    for network in started(two_chains(folder, clients={"bravo": "ganache"}), folder / "ws"):
        network.endow(("holder_fr", "holder_de"), 300)
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """All is undone after the test."""
    with network.undone():
        yield network


def at(pari: LocalNetwork, holder: str, on: str) -> str:
    return pari.account(holder, on).account


def log_of(pari: LocalNetwork, on: str) -> list[KeptDecision]:
    """The decisions of one ledger, after the log was brought up to date."""
    pari.run(deciding.bring_up_to_date(pari.session))
    with pari.session.store.read() as connection:
        return [one for one in kept(connection) if one.record.ledger == pari.ledger(on).id]


def told(log: list[KeptDecision]) -> list[tuple[str, int, str]]:
    return [
        (one.record.movement.kind.name, int(one.record.movement.units), one.record.verdict.name)
        for one in log
    ]


def made_again(pari: LocalNetwork, log: list[KeptDecision]) -> int:
    """Replays all, asks the chains too; returns how many of the chains' own answers there were."""
    replays = [pari.run(deciding.replay(pari.session, one, ask=True)) for one in log]
    assert [one.kept.seq for one in replays if not one.same] == []
    return sum(one.there is not None for one in replays)


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_11_each_instruction_is_kept_and_made_again_on_every_ledger(pari: LocalNetwork, on: str) -> None:
    fr, de = at(pari, "holder_fr", on), at(pari, "holder_de", on)
    before = len(log_of(pari, on))
    pari.move("holder_fr", on, "holder_de", on, 10)
    steps: list[tuple[controls.Control, str]] = [
        (controls.FreezeUnits(fr, Units(200), WHY), "freezer"),
        (controls.Freeze(de, True, WHY), "freezer"),
        (controls.Freeze(de, False, WHY), "freezer"),
        (controls.Sanction(de, True, WHY), "regulator"),
        (controls.Sanction(de, False, WHY), "regulator"),
        (controls.SetCountries(frozenset({Country("LU")}), False, WHY), "rule_manager"),
        (controls.SetCountries(frozenset({Country("LU")}), True, WHY), "rule_manager"),
        (controls.Pause(True, WHY), "pauser"),
        (controls.Pause(False, WHY), "unpauser"),
    ]
    expected = ["NONE"]
    for command, role in steps:
        pari.control(on, command, role)
        code = pari.run(pari.ledger(on).verdict(fr, de, Units(100)))
        expected.append(code.name)
        if code is Restriction.NONE:
            pari.move("holder_fr", on, "holder_de", on, 100)
        else:
            with pytest.raises(RuleError):
                pari.move("holder_fr", on, "holder_de", on, 100)
    pari.control(on, controls.FreezeUnits(fr, Units(0), WHY), "freezer")
    pari.control(on, controls.Pledge(fr, de, Units(60)), "holder_fr")
    (pledge,) = pari.run(pari.ledger(on).controls.pledges(de))
    pari.control(on, controls.EndPledge(pledge.id, True), "holder_de")
    many = tuple((de, Units(number)) for number in (1, 2, 3))
    pari.control(on, controls.BatchTransfer(fr, many), "holder_fr")
    log = log_of(pari, on)[before:]
    assert [verdict for _, _, verdict in told(log)][: len(expected)] == expected
    assert set(expected) >= {"NONE", "UNITS_BLOCKED", "RECIPIENT_FROZEN", "RECIPIENT_COUNTRY", "TOKEN_PAUSED"}
    assert told(log)[len(expected) :] == [
        ("PLEDGE", 60, "NONE"),
        ("TRANSFER", 60, "NONE"),
        ("TRANSFER", 1, "NONE"),
        ("TRANSFER", 2, "NONE"),
        ("TRANSFER", 3, "NONE"),
    ]
    changes = [one.record.rules.changes for one in log]
    assert changes == sorted(changes)
    assert changes[-1] > changes[0]
    asked = made_again(pari, log)
    exact = [one.record.exact for one in log]
    assert asked == (0 if on == "register" else sum(exact))
    # units of an enforced pledge, and of a batch after its first item, are not as the block left them
    assert exact.count(False) == (0 if on == "register" else 3)


@pytest.mark.parametrize("on", CHAINS)
def test_ctl_11_what_others_sent_is_rebuilt_from_the_chain(pari: LocalNetwork, on: str) -> None:
    before = len(log_of(pari, on))

    async def elsewhere() -> None:
        """As a holder whose transactions do not go through here: another program, no log of ours."""
        ledgers = await open_ledgers(pari.network, pari.workspace, MemoryIntentLog())
        try:
            ledger = ledgers[pari.ledger(on).id]
            transfer = Transfer(at(pari, "holder_fr", on), at(pari, "holder_de", on), Units(25))
            await ledger.execute(transfer, pari.signer("holder_fr"), "elsewhere")
        finally:
            for one in ledgers.values():
                await one.close()

    pari.run(elsewhere())
    with pari.session.store.read() as connection:
        known = [one for one in kept(connection) if one.record.ledger == pari.ledger(on).id]
    assert len(known) == before
    log = log_of(pari, on)[before:]
    assert told(log) == [("TRANSFER", 25, "NONE")]
    assert log[0].record.reference == ""
    assert made_again(pari, log) == 1
    assert len(log_of(pari, on)) == before + 1  # what was read is not read again


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_11_issues_movements_between_ledgers_and_corrections_are_kept(
    pari: LocalNetwork, on: str
) -> None:
    """What the fixture did (issues, departures, arrivals), and a forced transfer."""
    ledger = pari.ledger(on)
    act = acts.ForcedTransfer(at(pari, "holder_fr", on), at(pari, "holder_de", on), Units(7))

    async def forced() -> None:
        _, made = await approving.propose(ledger, act, "registrar", WHY, pari.session.role("registrar"))
        await approving.approve(ledger, made, "regulator", pari.session.role("regulator"))
        found = await approving.find(pari.session.ledgers, made.id.text)
        assert await approving.execute(*found, pari.session.role("registrar"))

    pari.run(forced())
    log = log_of(pari, on)
    kinds = {kind for kind, _, verdict in told(log) if verdict == "NONE"}
    assert kinds >= ({"ISSUE", "BRIDGE_OUT", "FORCED"} if on == "alpha" else {"BRIDGE_IN", "FORCED"})
    assert ("FORCED", 7, "NONE") in told(log)
    made_again(pari, log)


@pytest.mark.parametrize("on", LEDGERS)
def test_ctl_11_refused_enforcements_and_acts_of_law_are_kept(pari: LocalNetwork, on: str) -> None:
    ledger, fr, de = pari.ledger(on), at(pari, "holder_fr", on), at(pari, "holder_de", on)
    pari.control(on, controls.Pledge(fr, de, Units(60)), "holder_fr")
    (pledge,) = pari.run(ledger.controls.pledges(de))
    pari.control(on, controls.FreezeUnits(fr, Units(200), WHY), "freezer")
    pari.control(on, controls.SetMinimumLot(Units(100), WHY), "rule_manager")
    before = len(log_of(pari, on))
    with pytest.raises(RuleError):
        pari.control(on, controls.EndPledge(pledge.id, True), "holder_de")
    act = acts.ForcedTransfer(fr, at(pari, "stranger", on), Units(7))

    async def forced() -> None:
        _, made = await approving.propose(ledger, act, "registrar", WHY, pari.session.role("registrar"))
        await approving.approve(ledger, made, "regulator", pari.session.role("regulator"))
        found = await approving.find(pari.session.ledgers, made.id.text)
        await approving.execute(*found, pari.session.role("registrar"))

    with pytest.raises(RuleError):
        pari.run(forced())
    log = log_of(pari, on)[before:]
    assert told(log) == [("TRANSFER", 60, "MINIMUM_LOT"), ("FORCED", 7, "RECIPIENT_UNKNOWN")]
    # the chain would answer for the first as if the units were still pledged: it is not asked
    assert made_again(pari, log) == (0 if on == "register" else 1)


def test_ctl_11_an_arrival_that_a_chain_parked_is_rebuilt_as_its_refusal(pari: LocalNetwork) -> None:
    before = len(log_of(pari, "bravo"))
    pari.move("holder_fr", "alpha", "holder_de", "bravo", 11)
    pari.control("bravo", controls.SetStatus(at(pari, "holder_de", "bravo"), False, WHY), "registrar")
    pari.deliver()
    log = log_of(pari, "bravo")[before:]
    assert told(log) == [("BRIDGE_IN", 11, "RECIPIENT_INACTIVE")]
    assert made_again(pari, log) == 1


def test_ctl_11_movements_of_one_block_are_judged_one_after_the_other(pari: LocalNetwork) -> None:
    fr, de = at(pari, "holder_fr", "alpha"), at(pari, "holder_de", "alpha")
    before = len(log_of(pari, "alpha"))
    ledger = pari.ledger("alpha")
    assert isinstance(ledger, EvmLedger)

    there, back = Transfer(fr, de, Units(300)), Transfer(de, fr, Units(5))

    async def in_one_block() -> None:
        await ledger.rpc.call("evm_setAutomine", False)
        await ledger.submit(there, pari.signer("holder_fr"), "all of it")
        await ledger.submit(back, pari.signer("holder_de"), "some back")
        await ledger.rpc.call("evm_mine")
        await ledger.rpc.call("evm_setAutomine", True)

    async def heights_of_both() -> list[int]:
        both = [
            await ledger.execute(there, pari.signer("holder_fr"), "all of it"),
            await ledger.execute(back, pari.signer("holder_de"), "some back"),
        ]
        return [one.block.height for one in both if one.block is not None]

    pari._heartbeat.stop()  # it mines blocks of its own
    try:
        pari.run(in_one_block())
    finally:
        pari._heartbeat.start()
    heights = pari.run(heights_of_both())
    assert len(set(heights)) == 1
    log = log_of(pari, "alpha")[before:]
    assert {one.record.height for one in log} == {heights[0] - 1}
    givers = {one.record.movement.source: one.record.inputs["from"]["balance"] for one in log}  # type: ignore[index,call-overload]
    first = log[0].record.movement.source
    expected = {fr: "300", de: "600"} if first == fr else {de: "300", fr: "305"}
    assert givers == expected
    assert [one.record.reference for one in log].count("") == 0
    assert all(one.record.replayed() is Restriction.NONE for one in log)


def test_ctl_11_payments_paid_and_held_are_kept_with_what_the_rules_said(pari: LocalNetwork) -> None:
    event = pari.dividend(rate="0.10")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.fund(struck)
    pari.pass_payment_date(event)
    for on in LEDGERS:
        pari.control(on, controls.Freeze(at(pari, "holder_de", on), True, WHY), "freezer")
    pari.pay(struck)
    for on in LEDGERS:
        log = [one for one in log_of(pari, on) if one.record.movement.kind.name == "PAYOUT"]
        said = {one.record.movement.target: one.record.verdict for one in log}
        assert said == {
            at(pari, "holder_fr", on): Restriction.NONE,
            at(pari, "holder_de", on): Restriction.RECIPIENT_FROZEN,
        }
        made_again(pari, log)


def test_ctl_11_the_log_is_read_up_to_the_final_block_of_each_ledger(pari: LocalNetwork) -> None:
    log_of(pari, "alpha")
    with pari.session.store.read() as connection:
        for ledger in pari.session.ledgers.values():
            cursor = cursors.get(connection, deciding.OBSERVER, ledger.id)
            assert cursor is not None
            assert cursor == pari.run(ledger.block_at(cursor.height))
