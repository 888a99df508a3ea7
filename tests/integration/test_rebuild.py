"""The bridge's store is lost and made anew from ledgers and audit log: the same facts, or a clear refusal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from paripassu.bridge.durable import digest, read_facts
from paripassu.bridge.queries import list_messages, message_history
from paripassu.bridge.states import MessageState
from paripassu.commands import Command, Move, Refuse, StopLane
from paripassu.controls import Reason, SetStatus
from paripassu.errors import (
    AuditLogUnreadable,
    LaneHalted,
    RebuildContradicted,
    RebuildDiffers,
    StoreInUse,
    StoreTampered,
    StoreUnusable,
)
from paripassu.identifiers import Bytes32
from paripassu.jobs import controlling
from paripassu.jobs.rebuilding import Report, Wanted, rebuild
from paripassu.ledgers.port import Outcome
from paripassu.messages import Message, Purpose
from paripassu.quantities import Units
from paripassu.store import Store, audit
from paripassu.store.audit_file import to_lines
from paripassu.store.claims import Claims
from paripassu.store.schema import audit as audit_table
from paripassu.testing.bridge_process import run_network_bridge
from paripassu.testing.faults import run_until_crash
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

WHY = Reason("never onboarded")
HOLDER = "holder_fr"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two chains and a book over which units and a dividend went, and over which some did not arrive."""
    folder = tmp_path_factory.mktemp("rebuild")
    for network in started(two_chains(folder), folder / "ws"):
        network.endow((HOLDER, "holder_de"), 300)
        pay_dividend(network)
        leave_everything_that_can_be_left(network)
        yield network


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """All is undone after the test."""
    with network.undone():
        yield network


def pay_dividend(pari: LocalNetwork) -> None:
    event = pari.dividend("1.25")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    pari.pass_payment_date(event)
    pari.fund(struck)
    assert len(pari.pay(struck)) == 6


def leave_everything_that_can_be_left(pari: LocalNetwork) -> None:
    """A message in every state in which messages may stay."""
    refused = send(pari, "alpha", "register", 10, to="nobody")
    send(pari, "register", "bravo", 11, to="somebody")
    expired = send(pari, "bravo", "alpha", 12, expiry=now(pari) + 60)
    pari.travel_to(now(pari) + 120)
    pari.deliver()
    do(pari, "register", Refuse(refused, WHY), "bridge_operator")
    pari.deliver()
    assert state(pari, refused) is state(pari, expired) is MessageState.REFUNDED
    frozen = send(pari, "alpha", "bravo", 13, expiry=now(pari) + 60)
    do(pari, "alpha", SetStatus(pari.account(HOLDER, "alpha").account, False, WHY), "registrar")
    pari.travel_to(now(pari) + 120)
    pari.deliver()
    assert message_history(pari.session.store, frozen.id.text).view.reason.startswith("REFUND_WAITS")
    do(pari, "register", StopLane(pari.ledger("bravo").id, Purpose.MOVEMENT, WHY), "pauser")
    stopped = send(pari, "bravo", "register", 14)
    with pytest.raises(LaneHalted):
        pari.deliver()
    assert message_history(pari.session.store, stopped.id.text).view.reason == "LANE_STOPPED"
    kept = Counter(view.state for view in list_messages(pari.session.store))
    assert {"FINALISED", "ACKED", "PARKED", "EXPIRED", "REFUNDED", "FINAL"} <= {one.value for one in kept}


def do(pari: LocalNetwork, on: str, command: Command, signer: str = "relayer") -> Outcome:
    return pari.run(controlling.carry_out(pari.ledger(on), command, pari.signer(signer))).outcome


def send(
    pari: LocalNetwork,
    source: str,
    target: str,
    units: int,
    to: str = HOLDER,
    expiry: int = 0,
    by: str = HOLDER,
) -> Message:
    """Send units, without asking on the other ledger first."""
    ledger, account = pari.ledger(source), pari.account(to, target)
    command = Move(pari.account(by, source).account, account.ledger, account.account, Units(units), expiry)
    outcome = do(pari, source, command, by)
    assert outcome.block is not None
    sent = pari.run(ledger.sent_messages(outcome.block.height, outcome.block.height))
    return next(one.message for one in sent if one.message.lane.destination == account.ledger)


def now(pari: LocalNetwork) -> int:
    return max(pari.run(ledger.head()).time for ledger in pari.session.ledgers.values())


def state(pari: LocalNetwork, message: Message) -> MessageState:
    return message_history(pari.session.store, message.id.text).view.state


def rebuilt(pari: LocalNetwork, **wanted: object) -> Report:
    """Rebuild while nobody has the store open, as an operator would."""
    pari.run(pari._stack.aclose())
    try:
        return pari.run(rebuild(pari.network, pari.workspace, Wanted(**wanted)))  # type: ignore[arg-type]
    finally:
        pari.run(pari._connect())


def store_digest(place: Path) -> Bytes32:
    with Store.open(place) as store, store.read() as connection:
        audit.verify(connection)
        return digest(read_facts(connection))


def exported(pari: LocalNetwork, to: Path) -> Path:
    with pari.session.store.read() as connection:
        to.write_text("".join(f"{line}\n" for line in to_lines(audit.entries(connection))), "utf-8")
    return to


def states(pari: LocalNetwork) -> dict[str, tuple[str, int, bool]]:
    views = list_messages(pari.session.store)
    return {view.id.text: (view.state.value, view.source_height, view.returned) for view in views}


def test_rec_2_the_store_is_rebuilt_from_ledgers_and_its_audit_log_with_the_same_digest(
    pari: LocalNetwork,
) -> None:
    before = store_digest(pari.workspace.bridge_database)
    report = rebuilt(pari)
    assert report.digest == report.live_digest == before
    assert report.kept is not None
    assert store_digest(report.kept) == before
    assert report.made.beyond_log == 0
    assert report.made.not_understood == ()
    with pari.session.store.read() as connection:
        (entry,) = audit.entries(connection, "store.rebuilt")
    assert json.loads(entry.detail)["digest"] == before.text


def test_rec_2_a_lost_store_is_rebuilt_from_an_exported_log(pari: LocalNetwork, tmp_path: Path) -> None:
    log = exported(pari, tmp_path / "log")
    before, place = states(pari), pari.workspace.bridge_database
    steps = [message_history(pari.session.store, text).steps for text in before]
    pari.run(pari._stack.aclose())
    place.unlink()
    with pytest.raises(StoreUnusable, match="audit log is lost with it"):
        pari.run(rebuild(pari.network, pari.workspace, Wanted()))
    report = pari.run(rebuild(pari.network, pari.workspace, Wanted(log=log)))
    pari.run(pari._connect())
    assert (report.live_digest, report.kept, report.made.beyond_log) == (None, None, 0)
    assert states(pari) == before
    assert [message_history(pari.session.store, text).steps for text in before] == steps


def test_rec_2_without_the_log_the_ledgers_alone_give_messages_arrivals_and_states(
    pari: LocalNetwork,
) -> None:
    before = states(pari)
    with pari.session.store.read() as connection:
        facts = read_facts(connection)
    report = rebuilt(pari, without_log=True)
    assert states(pari) == before
    with pari.session.store.read() as connection:
        assert read_facts(connection).parts["deliveries"] == facts.parts["deliveries"]
    assert "which attestors signed which batch, and what each has bound itself to" in report.not_known
    assert report.digest != report.live_digest


@pytest.mark.parametrize("wanted", [{}, {"without_log": True}], ids=["with the log", "without it"])
def test_rec_2_the_bridge_goes_on_where_it_was_after_a_rebuild(
    pari: LocalNetwork, wanted: dict[str, bool]
) -> None:
    held = pari.position("holder_de", "bravo")
    pari.move("holder_de", "alpha", "holder_de", "bravo", 20)
    rebuilt(pari, **wanted)
    with pytest.raises(LaneHalted):  # what was stopped waits, all else arrives
        pari.deliver()
    assert pari.position("holder_de", "bravo") == held + 20
    assert Counter(state for state, _, _ in states(pari).values())["PARKED"] == 1
    assert_reconciled(pari)


def test_rec_2_an_older_log_is_completed_from_the_ledgers(pari: LocalNetwork, tmp_path: Path) -> None:
    log = exported(pari, tmp_path / "log")
    pari.move("holder_de", "alpha", "holder_de", "bravo", 20)
    with pytest.raises(LaneHalted):
        pari.deliver()
    before = states(pari)
    with pytest.raises(RebuildDiffers, match="rows of the live store are missing"):
        rebuilt(pari, log=log)
    assert states(pari) == before, "the live store stays"
    report = rebuilt(pari, log=log, accept=True)
    assert report.made.beyond_log == 1
    assert states(pari) == before


def test_acc_5_a_log_in_which_one_line_was_changed_is_refused(pari: LocalNetwork, tmp_path: Path) -> None:
    log = exported(pari, tmp_path / "log")
    text = log.read_text("utf-8")
    for name, changed in (
        ("changed", text.replace('"message.final"', '"message.noted"', 1)),
        ("cut out", "".join(text.splitlines(keepends=True)[:5] + text.splitlines(keepends=True)[6:])),
    ):
        (tmp_path / name).write_text(changed, "utf-8")
        with pytest.raises(StoreTampered, match=r"Row \d+ of the audit log does not match its hash or place"):
            rebuilt(pari, log=tmp_path / name)
    for name, other in (("other", "{}\n"), ("empty", ""), ("broken", text.splitlines()[0] + "\n[1]\n")):
        (tmp_path / name).write_text(other, "utf-8")
        with pytest.raises(AuditLogUnreadable):
            rebuilt(pari, log=tmp_path / name)
    with pytest.raises(AuditLogUnreadable, match="cannot be read"):
        rebuilt(pari, log=tmp_path / "nowhere")
    with pari.session.store.write() as connection:
        connection.execute(audit_table.update().where(audit_table.c.seq == 7).values(detail="{}"))
    with pytest.raises(StoreTampered, match="Row 7 of the audit log"):
        rebuilt(pari)


def test_rec_2_a_log_of_messages_that_no_ledger_shows_is_refused(pari: LocalNetwork, tmp_path: Path) -> None:
    with pari.session.store.write() as connection:
        audit.append(connection, 1.0, "message.final", "lane", {"ids": ["0x" + "ab" * 32]})
    with pytest.raises(RebuildContradicted, match="no ledger shows it"):
        rebuilt(pari)


def test_rec_2_a_signature_over_other_messages_than_the_ledgers_is_refused(pari: LocalNetwork) -> None:
    with pari.session.store.write() as connection:
        proposed = audit.entries(connection, "batch.proposed")[0]
        attested = audit.entries(connection, "batch.attested")[0]
        other = "0x" + "cd" * 32
        audit.append(connection, 1.0, "batch.proposed", other, json.loads(proposed.detail))
        audit.append(connection, 1.0, "batch.attested", other, json.loads(attested.detail))
    with pytest.raises(RebuildContradicted, match="shows other messages there"):
        rebuilt(pari)


def test_rec_2_nothing_is_rebuilt_under_a_live_relayer_or_an_open_store(pari: LocalNetwork) -> None:
    store, wanted = pari.session.store, Wanted()
    claims = Claims(store.database, store.clock, "relayer", "0x00", [])
    claims.join()
    with pytest.raises(StoreInUse, match="The relayer 'relayer', process"):
        pari.run(rebuild(pari.network, pari.workspace, wanted))
    claims.leave()
    before = states(pari)
    with store.read(), pytest.raises(StoreInUse, match=r"has .* open"):
        pari.run(rebuild(pari.network, pari.workspace, wanted))
    assert states(pari) == before
    assert rebuilt(pari).kept is not None, "the lease was given back"


@pytest.mark.parametrize(
    "seam", ["relayer.submit.before", "relayer.submit.after", "relayer.ack_submit.after"]
)
def test_rec_2_a_store_lost_with_a_delivery_under_way_is_rebuilt_and_it_arrives_once(
    pari: LocalNetwork, seam: str
) -> None:
    held = pari.position("holder_de", "bravo")
    pari.move("holder_de", "alpha", "holder_de", "bravo", 20)
    send(pari, "alpha", "bravo", 5, to="holder_de", expiry=now(pari) + 60, by="holder_de")
    pari.travel_to(now(pari) + 120)  # the second is refused there, so that the source is told at once
    pari.run(pari._stack.aclose())
    urls = {ledger.name: ledger.rpc_urls[0] for ledger in pari.network.ledgers.values() if ledger.id.is_evm}
    plan = (pari.network.path, urls, pari.workspace.root)
    assert run_until_crash(run_network_bridge, plan, seam)
    report = pari.run(rebuild(pari.network, pari.workspace, Wanted()))
    pari.run(pari._connect())
    assert report.digest == report.live_digest
    with pytest.raises(LaneHalted):
        pari.deliver()
    assert pari.position("holder_de", "bravo") == held + 20
    assert_reconciled(pari)


def assert_reconciled(pari: LocalNetwork) -> None:
    """By units: an account is suspended on one ledger alone, so that verdicts differ."""
    ids = ("I1", "I2", "I6")
    results = {one.id: one.ok for one in pari.reconcile().results if one.id in ids}
    assert results == dict.fromkeys(ids, True)
