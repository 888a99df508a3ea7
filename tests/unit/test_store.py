"""The store: migrations, transactions, intents, cursors and the audit chain."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text, update

from paripassu.bridge import attestations, records
from paripassu.database import engine
from paripassu.errors import (
    ContradictoryMessage,
    FinalityViolated,
    StoreTampered,
    StoreTooNew,
    StoreUnavailable,
    StoreUnusable,
)
from paripassu.identifiers import LedgerId, keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.intents import Intent, Settled
from paripassu.ledgers.port import SentMessage
from paripassu.messages import Lane, Message, Purpose
from paripassu.store import Store, audit, cursors
from paripassu.store.schema import STORE_SCHEMA, metadata
from paripassu.store.schema import audit as audit_table
from paripassu.testing.databases import database_at
from paripassu.testing.postgres import PostgresServer

ALPHA = LedgerId("eip155:31001")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a store may be: a file, or a database of a real PostgreSQL server."""
    if request.param == "sqlite":
        return tmp_path / "bridge.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    with Store.open(place) as opened:
        yield opened


def test_migrations_build_exactly_the_tables_that_the_code_uses(store: Store) -> None:
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_store_of_the_first_form_keeps_its_audit_log_and_finds_subjects_in_it_by_an_index(
    tmp_path: Path,
) -> None:
    place = tmp_path / "bridge.db"
    with contextlib.closing(database_at(place, STORE_SCHEMA, "store_0001", tmp_path / "versions")) as old:
        with old.write() as connection:
            for number in range(3):
                audit.append(connection, 1.0, "message.final", f"lane {number}")
        with old.read() as connection:
            assert inspect(connection).get_indexes("audit") == []
    with Store.open(place) as store, store.read() as connection:
        assert audit.verify(connection) == 3
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        asked = "EXPLAIN QUERY PLAN SELECT seq FROM audit WHERE kind = 'decision' AND subject IN ('a', 'b')"
        (plan,) = connection.execute(text(asked))
        assert "audit_subject" in plan.detail


def test_a_store_keeps_what_was_committed_and_nothing_of_a_failed_transaction(place: Path | str) -> None:
    block = BlockRef(7, keccak256(b"7"), 700)
    with Store.open(place) as store:
        with store.write() as connection:
            cursors.move(connection, "relayer", ALPHA, block)

        def fail_before_the_commit() -> None:
            with store.write() as connection:
                cursors.move(connection, "relayer", ALPHA, BlockRef(8, keccak256(b"8"), 800))
                raise RuntimeError("killed before the commit")

        with pytest.raises(RuntimeError):
            fail_before_the_commit()
    with Store.open(place) as store, store.read() as connection:
        assert cursors.get(connection, "relayer", ALPHA) == block
        assert cursors.get(connection, "attestor_csd", ALPHA) is None


def test_a_store_of_a_later_version_is_refused_with_its_own_code(place: Path | str) -> None:
    with Store.open(place) as store, store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num='store_9999'"))
    with pytest.raises(StoreTooNew, match="store_9999") as refused:
        Store.open(place)
    assert refused.value.code == "PP-STO-001"


def test_a_file_that_is_no_store_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    path.write_bytes(b"this is not a database, and long enough to be read as one" * 40)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable):
        Store.open(path)
    assert path.read_bytes() == before


def intent(reference: str, nonce: int, transaction: str) -> Intent:
    return Intent(reference, ALPHA, "0xRelayer", nonce, transaction, b"\x02" + transaction.encode())


def test_intents_are_kept_with_their_bytes_and_listed_by_nonce_until_they_end(store: Store) -> None:
    second, first = intent("deliver:b", 8, "0xb"), intent("deliver:a", 7, "0xa")
    store.intents.record(second)
    store.intents.record(first)
    store.intents.record(first)
    assert store.intents.outstanding(ALPHA, "0xRelayer") == (first, second)
    assert store.intents.find("deliver:a") == (first,)
    assert store.intents.settled("deliver:a") is None
    store.intents.settle(Settled("deliver:a", "0xa", "FINAL", 12, gas_used=65_000))
    assert store.intents.settled("deliver:a") == Settled("deliver:a", "0xa", "FINAL", 12, "", 65_000)
    assert store.intents.outstanding(ALPHA, "0xRelayer") == (second,)


def test_a_mined_replacement_leaves_the_other_transactions_of_its_nonce_dead(store: Store) -> None:
    for reference, transaction in (("deliver:a", "0xa1"), ("deliver:a", "0xa2"), ("deliver:z", "0xz")):
        store.intents.record(intent(reference, 7, transaction))
    store.intents.settle(Settled("deliver:a", "0xa2", "FINAL", 12))
    settled = store.intents.settled("deliver:a")
    assert settled is not None
    assert (settled.transaction, settled.status) == ("0xa2", "FINAL")
    other = store.intents.settled("deliver:z")
    assert other is not None
    assert other.status == "DEAD"
    assert store.intents.outstanding(ALPHA, "0xRelayer") == ()


def test_a_halt_outlives_a_restart_and_only_an_operator_clears_it(place: Path | str) -> None:
    with Store.open(place) as store, store.write() as connection:
        cursors.halt_ledger(connection, 1.0, ALPHA, FinalityViolated("Block 7 changed."))
        cursors.halt_ledger(connection, 2.0, ALPHA, FinalityViolated("Block 9 changed."))
    with Store.open(place) as store:
        with store.read() as connection:
            assert cursors.halted(connection) == {ALPHA: "PP-BRG-010: Block 7 changed."}
        with store.write() as connection:
            cursors.clear_halt(connection, 3.0, ALPHA, "operator_1", "the node lied")
        with store.read() as connection:
            assert cursors.halted(connection) == {}
            halted, cleared = audit.entries(connection)
        assert (halted.kind, cleared.kind) == ("ledger.halted", "ledger.cleared")
        assert json.loads(cleared.detail) == {"operator": "operator_1", "reason": "the node lied"}


@pytest.mark.parametrize("change", [{"detail": "{}"}, {"subject": "other"}, {"at": 9.0}, {"seq": 7}])
def test_acc_5_tampering_with_one_line_of_the_audit_log_is_detected(
    store: Store, change: dict[str, object]
) -> None:
    with store.write() as connection:
        for number in (1, 2, 3):
            audit.append(connection, float(number), "message.sent", f"m{number}", {"nonce": number})
    with store.read() as connection:
        assert audit.verify(connection) == 3
    with store.write() as connection:
        connection.execute(update(audit_table).where(audit_table.c.seq == 2).values(**change))
    with store.read() as connection, pytest.raises(StoreTampered):
        audit.verify(connection)


# PostgreSQL and SQLite alike


def test_fault_words_of_a_contract_that_a_database_cannot_hold_stop_nobody(store: Store) -> None:
    """A receiver may park a message with any bytes for a reason; PostgreSQL has no NUL in a text."""
    with store.write() as connection:
        cursors.halt_ledger(connection, 1.0, ALPHA, FinalityViolated("bad\0 word \ud800."))
    with store.read() as connection:
        assert cursors.halted(connection)[ALPHA].startswith("PP-BRG-010: bad\ufffd word ")


def test_a_subject_that_is_too_long_for_its_column_is_cut_before_it_is_hashed(store: Store) -> None:
    with store.write() as connection:
        audit.append(connection, 1.0, "intent.recorded", "x" * 400)
    with store.read() as connection:
        assert audit.verify(connection) == 1


def test_acc_5_writers_that_append_at_the_same_time_make_one_chain(place: Path | str) -> None:
    Store.open(place).close()

    def write(number: int) -> None:
        with Store.open(place) as store:
            for _ in range(15):
                with store.write() as connection:
                    audit.append(connection, 1.0, "message.final", f"writer {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with Store.open(place) as store, store.read() as connection:
        assert audit.verify(connection) == 60


def test_fault_an_attestor_in_two_processes_never_keeps_two_messages_for_one_place(
    place: Path | str,
) -> None:
    """Each process of one attestor reads another message; one is kept, the other is a contradiction."""
    Store.open(place).close()
    lane = Lane(ALPHA, LedgerId("eip155:31002"), Purpose.MOVEMENT)
    start = Barrier(2)

    def observe(payload: bytes) -> str:
        message = Message(lane, 1, 5, 0, 1, b"\1", b"\2", payload)
        sent = SentMessage(message, BlockRef(7, keccak256(b"7"), 700), "0xa")
        with Store.open(place) as store:
            start.wait()
            try:
                with store.write() as connection:
                    attestations.record_observed(connection, "attestor_csd", lane, [sent])
            except ContradictoryMessage:
                return ""
            return message.id.text

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(observe, (b"one", b"two")))
    assert found[0] == ""
    with Store.open(place) as store, store.read() as connection:
        (kept,) = attestations.observed(connection, "attestor_csd", lane, 1, 1) or ()
    assert kept.id.text == found[1]


def test_fault_a_restart_of_postgresql_is_unavailable_meanwhile_and_nothing_more(
    postgres: PostgresServer,
) -> None:
    block = BlockRef(7, keccak256(b"7"), 700)
    with Store.open(postgres.database()) as store:
        with store.write() as connection:
            cursors.move(connection, "relayer", ALPHA, block)
        postgres.crash()
        try:
            for act in (store.read, store.write, store.read):
                with pytest.raises(StoreUnavailable) as refused, act() as connection:
                    cursors.get(connection, "relayer", ALPHA)
                assert refused.value.code == "PP-STO-007"
        finally:
            postgres.start()
        with store.read() as connection:
            assert cursors.get(connection, "relayer", ALPHA) == block


def test_fault_a_connection_lost_in_the_middle_of_a_transaction_leaves_nothing_of_it(
    postgres: PostgresServer,
) -> None:
    with Store.open(postgres.database()) as store:

        def write_and_lose() -> None:
            with store.write() as connection:
                cursors.move(connection, "relayer", ALPHA, BlockRef(8, keccak256(b"8"), 800))
                with store.read() as other:  # by another connection
                    own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                    other.execute(text("SELECT pg_terminate_backend(:one)"), {"one": own})
                cursors.move(connection, "relayer", ALPHA, BlockRef(9, keccak256(b"9"), 900))

        with pytest.raises(StoreUnavailable):
            write_and_lose()
        with store.read() as connection:
            assert cursors.get(connection, "relayer", ALPHA) is None


def test_fault_a_writer_that_fell_asleep_holds_up_nobody_for_long(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session is ended by the server; what it had not committed is gone, and it is told so."""
    monkeypatch.setattr(engine, "IDLE_SECONDS", 1)
    url = postgres.database()

    def sleep_while_writing() -> None:
        with Store.open(url) as sleeper, sleeper.write() as connection:
            cursors.move(connection, "sleeper", ALPHA, BlockRef(8, keccak256(b"8"), 800))
            with Store.open(url) as store, store.write() as other:  # waits for the sleeper, who never ends
                cursors.move(other, "relayer", ALPHA, BlockRef(7, keccak256(b"7"), 700))
            cursors.move(connection, "sleeper", ALPHA, BlockRef(9, keccak256(b"9"), 900))

    with pytest.raises(StoreUnavailable):
        sleep_while_writing()
    with Store.open(url) as store, store.read() as connection:
        assert set(cursors.all_of(connection, ALPHA)) == {"relayer"}


def test_a_file_that_another_process_writes_to_for_long_is_unavailable_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0)
    with Store.open(tmp_path / "bridge.db") as one, Store.open(tmp_path / "bridge.db") as two:

        def write_at_once() -> None:
            with one.write(), two.write():
                pass

        with pytest.raises(StoreUnavailable):
            write_at_once()
        with two.write() as connection:
            cursors.move(connection, "relayer", ALPHA, BlockRef(7, keccak256(b"7"), 700))


def test_a_database_of_something_else_is_refused_without_its_password(postgres: PostgresServer) -> None:
    url = make_url(postgres.database())
    foreign = create_engine(url)
    with foreign.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id int)"))
    foreign.dispose()
    with pytest.raises(StoreUnusable, match="orders"):
        Store.open(url.render_as_string(hide_password=False))
    with pytest.raises(StoreUnusable, match="not by 'mysql'") as refused:
        Store.open("mysql://pari:s3cret@host/store")
    assert "s3cret" not in str(refused.value)


def test_fault_a_message_that_expires_at_the_end_of_time_is_kept_as_it_is(store: Store) -> None:
    """A sender may choose any expiry of 64 bits; databases hold 63 and a sign."""
    lane, last = Lane(ALPHA, LedgerId("eip155:31002"), Purpose.MOVEMENT), (1 << 64) - 1
    message = Message(lane, 1, 5, last, (1 << 32) - 1, b"\1", b"\2", b"")
    sent = SentMessage(message, BlockRef(7, keccak256(b"7"), 700), "0xa")
    with store.write() as connection:
        records.record_sent(connection, 1.0, lane, [sent])
    with store.read() as connection:
        assert records.messages(connection, lane, 1, 1) == (message,)
