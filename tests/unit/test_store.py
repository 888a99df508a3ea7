"""The store: migrations, transactions, leases, intents, cursors and the audit chain."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text, update

from paripassu.errors import FinalityViolated, LeaseHeld, LeaseLost, StoreTampered, StoreTooNew, StoreUnusable
from paripassu.identifiers import LedgerId, keccak256
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.intents import Intent, Settled
from paripassu.store import Store, audit, cursors, leases
from paripassu.store.schema import STORE_SCHEMA, metadata
from paripassu.store.schema import audit as audit_table
from paripassu.testing.databases import database_at

ALPHA = LedgerId("eip155:31001")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "bridge.db") as opened:
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


def test_a_store_keeps_what_was_committed_and_nothing_of_a_failed_transaction(tmp_path: Path) -> None:
    block = BlockRef(7, keccak256(b"7"), 700)
    with Store.open(tmp_path / "bridge.db") as store:
        with store.write() as connection:
            cursors.move(connection, "relayer", ALPHA, block)

        def fail_before_the_commit() -> None:
            with store.write() as connection:
                cursors.move(connection, "relayer", ALPHA, BlockRef(8, keccak256(b"8"), 800))
                raise RuntimeError("killed before the commit")

        with pytest.raises(RuntimeError):
            fail_before_the_commit()
    with Store.open(tmp_path / "bridge.db") as store, store.read() as connection:
        assert cursors.get(connection, "relayer", ALPHA) == block
        assert cursors.get(connection, "attestor_csd", ALPHA) is None


def test_a_store_of_a_later_version_is_refused_with_its_own_code(tmp_path: Path) -> None:
    with Store.open(tmp_path / "bridge.db") as store, store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num='store_9999'"))
    with pytest.raises(StoreTooNew, match="store_9999") as refused:
        Store.open(tmp_path / "bridge.db")
    assert refused.value.code == "PP-STO-001"


def test_a_file_that_is_no_store_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    path.write_bytes(b"this is not a database, and long enough to be read as one" * 40)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_second_live_relayer_on_the_same_store_is_refused_naming_process_and_host(store: Store) -> None:
    with store.write() as connection:
        leases.acquire(connection, store.clock(), "relayer", "first")
    naming = rf"'first', process {os.getpid()} on "
    with pytest.raises(LeaseHeld, match=naming) as refused, store.write() as connection:
        leases.acquire(connection, store.clock(), "relayer", "second")
    assert refused.value.code == "PP-STO-002"
    assert refused.value.next_command


def test_the_lease_of_a_killed_process_is_taken_over_at_once(tmp_path: Path) -> None:
    holder = (
        "import sys, time; from paripassu.store import Store, leases\n"
        "store = Store.open(sys.argv[1])\n"
        "with store.write() as c: leases.acquire(c, store.clock(), 'relayer', 'doomed')\n"
        "print('held', flush=True); time.sleep(60)"
    )
    path = str(tmp_path / "bridge.db")
    child = subprocess.Popen([sys.executable, "-c", holder, path], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"held\n"
        with Store.open(path) as store:
            with pytest.raises(LeaseHeld), store.write() as connection:
                leases.acquire(connection, store.clock(), "relayer", "successor")
            child.send_signal(signal.SIGKILL)
            while leases._started(child.pid) is not None:  # a zombie counts as dead: it is not waited for
                time.sleep(0.01)
            with store.write() as connection:
                leases.acquire(connection, store.clock(), "relayer", "successor")
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_an_expired_lease_is_lost_to_the_next_and_cannot_be_renewed(store: Store) -> None:
    elsewhere = leases.Process(pid=1, started="", host="vault-2", realm="vault-2|other boot")
    with store.write() as connection:
        old = leases.acquire(connection, 1000.0, "relayer", "old", elsewhere)
    with pytest.raises(LeaseHeld, match="vault-2"), store.write() as connection:
        leases.acquire(connection, 1001.0, "relayer", "new")
    with store.write() as connection:
        leases.acquire(connection, 1001.0 + leases.LEASE_SECONDS, "relayer", "new")
    for act in (leases.renew, lambda c, _, o: leases.check(c, o)):
        with pytest.raises(LeaseLost), store.write() as connection:
            act(connection, 1002.0, old)
    with store.write() as connection:
        leases.release(connection, old)  # must not free what is another's
    with pytest.raises(LeaseHeld), store.write() as connection:
        leases.acquire(connection, 1002.0 + leases.LEASE_SECONDS / 2, "relayer", "third")


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


def test_a_halt_outlives_a_restart_and_only_an_operator_clears_it(tmp_path: Path) -> None:
    with Store.open(tmp_path / "bridge.db") as store, store.write() as connection:
        cursors.halt_ledger(connection, 1.0, ALPHA, FinalityViolated("Block 7 changed."))
        cursors.halt_ledger(connection, 2.0, ALPHA, FinalityViolated("Block 9 changed."))
    with Store.open(tmp_path / "bridge.db") as store:
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
