"""Claims: how relayers share the work of one store, and how what follows from a claim is fenced."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from paripassu.errors import ClaimHeld, ClaimLost
from paripassu.ledgers.intents import Intent, Settled
from paripassu.store import Store, audit, processes
from paripassu.store.claims import CLAIM_SECONDS, Claims
from paripassu.store.schema import claim as claim_table
from paripassu.store.schema import relayer as relayer_table
from paripassu.store.sharing import (
    ACKNOWLEDGE,
    DELIVER,
    NONCES,
    ORPHANED_SECONDS,
    READ,
    Decision,
    Place,
    Unit,
    decide,
    nonces_of,
    share,
)
from paripassu.testing.postgres import PostgresServer

ELSEWHERE = processes.Process(pid=1, started="", host="vault-2", realm="vault-2|other boot")
LEDGERS = ("eip155:31001", "eip155:31002", "book:register")


def units(key: str) -> Iterator[Unit]:
    for ledger in LEDGERS:
        yield Unit(NONCES, nonces_of(ledger, key))
        yield Unit(READ, ledger)
        for source in LEDGERS:
            if source != ledger:
                yield Unit(DELIVER, f"{source}>{ledger}", ledger)
                yield Unit(ACKNOWLEDGE, f"{source}>{ledger}", source)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return tmp_path / "bridge.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def store(place: Path | str) -> Iterator[Store]:
    with Store.open(place) as opened:
        yield opened


def relayer(store: Store, key: str = "0xKey", process: processes.Process = ELSEWHERE) -> Claims:
    claims = Claims(store.database, store.clock, "relayer", key, units(key), process)
    claims.join()
    return claims


def run_out(store: Store, *holders: Claims) -> None:
    """Let so much time pass, for what some relayers hold, that it was not renewed in time."""
    ids = [one.id for one in holders]
    with store.write() as connection:
        for table, column in ((claim_table, claim_table.c.holder), (relayer_table, relayer_table.c.id)):
            late = table.c.expires - CLAIM_SECONDS - 1
            connection.execute(update(table).where(column.in_(ids)).values(expires=late))


def settle(*relayers: Claims) -> None:
    """Let relayers look so often that nothing changes any more."""
    for _ in range(8):
        moved = [one.tick() for one in relayers]
        if not any(moved):
            return
    raise AssertionError("claims went to and fro")


def held(claims: Claims, kind: str) -> set[str]:
    return set(claims.tenure(kind).tokens)


# the decision


def test_a_share_leaves_nothing_over() -> None:
    assert [share(7, number) for number in (0, 1, 2, 3, 7, 9)] == [7, 7, 4, 3, 1, 1]


def test_one_takes_its_share_of_what_is_free_asks_for_more_and_gives_up_what_is_too_much() -> None:
    places = [Place("read", name) for name in "abcd"]
    assert decide("me", places, 2).take == (("read", "a"), ("read", "b"))
    rich = [Place("read", name, "other") for name in "abcd"]
    assert decide("me", rich, 2) == Decision(want=(("read", "a"), ("read", "b")))
    asked = [Place("read", name, "other", "me" if name in "ab" else "") for name in "abcd"]
    assert decide("me", asked, 2) == Decision()
    assert decide("other", asked, 2).give == (("read", "a"), ("read", "b"))
    fair = [Place("read", name, "other", "me") for name in "ab"] + [Place("read", "c", "me")]
    assert decide("other", fair, 2) == Decision()  # two of three are its fair share


def test_what_nobody_takes_for_long_goes_to_one_that_has_its_share() -> None:
    places = [Place("read", "a", "me"), Place("read", "b", idle=ORPHANED_SECONDS)]
    assert decide("me", places, 2).take == (("read", "b"),)
    assert decide("me", [places[0], Place("read", "b", idle=0.1)], 2) == Decision()


# sharing


def test_one_relayer_alone_has_everything_at_once(store: Store) -> None:
    alone = relayer(store)
    assert {kind: len(held(alone, kind)) for kind in (NONCES, READ, DELIVER, ACKNOWLEDGE)} == {
        NONCES: 3,
        READ: 3,
        DELIVER: 6,
        ACKNOWLEDGE: 6,
    }
    with store.read() as connection:
        assert [entry.kind for entry in audit.entries(connection)] == ["claims.taken"] * 2
        audit.verify(connection)


def test_relayers_of_one_key_share_its_ledgers_and_lanes_go_with_the_nonces(store: Store) -> None:
    first = relayer(store)
    second = relayer(store)
    settle(first, second)
    assert sorted((len(held(first, NONCES)), len(held(second, NONCES)))) == [1, 2]
    for one, other in ((first, second), (second, first)):
        mine = {name.rpartition("/")[0] for name in held(one, NONCES)}
        assert {name.rpartition(">")[2] for name in held(one, DELIVER)} == mine
        assert {name.rpartition(">")[0] for name in held(one, ACKNOWLEDGE)} == mine
        for kind in (NONCES, READ, DELIVER, ACKNOWLEDGE):
            assert not held(one, kind) & held(other, kind)


def test_relayers_of_different_keys_each_own_their_nonces_and_share_the_lanes(store: Store) -> None:
    first, second = relayer(store, "0xOne"), relayer(store, "0xTwo")
    settle(first, second)
    assert (len(held(first, NONCES)), len(held(second, NONCES))) == (3, 3)
    assert (len(held(first, DELIVER)), len(held(second, DELIVER))) == (3, 3)
    assert not held(first, DELIVER) & held(second, DELIVER)


def test_a_third_relayer_gets_its_share_and_a_fourth_of_the_key_stands_by(store: Store) -> None:
    crew = [relayer(store) for _ in range(3)]
    settle(*crew)
    assert Counter(len(held(one, NONCES)) for one in crew) == {1: 3}
    reserve = relayer(store)
    settle(*crew, reserve)
    assert held(reserve, NONCES) | held(reserve, DELIVER) == set()
    crew[0].leave()
    settle(*crew[1:], reserve)
    assert len(held(reserve, NONCES)) == 1


def test_what_was_given_back_is_free_at_once(store: Store) -> None:
    first = relayer(store)
    first.leave()
    assert len(held(relayer(store), DELIVER)) == 6


@pytest.mark.parametrize("number", [1, 4])
def test_relayers_that_come_at_the_same_time_never_have_the_same(place: Path | str, number: int) -> None:
    def come(_: int) -> set[tuple[str, str]]:
        with Store.open(place) as store:
            claims = relayer(store)
            return {(kind, name) for kind in (NONCES, READ, DELIVER) for name in held(claims, kind)}

    Store.open(place).close()
    with ThreadPoolExecutor(number) as pool:
        found = [unit for units in pool.map(come, range(number)) for unit in units]
    assert len(found) == len(set(found))


# the end of a claim


def test_fault_a_killed_relayers_claims_are_free_at_once_on_the_same_machine(
    place: Path | str, store: Store
) -> None:
    doomed = (
        "import sys, time; from paripassu.store import Store; from paripassu.store.claims import Claims\n"
        "from paripassu.store.sharing import Unit\n"
        "store = Store.open(sys.argv[1])\n"
        "Claims(store.database, store.clock, 'doomed', '0xKey', [Unit('read', 'eip155:31001')]).join()\n"
        "print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", doomed, str(place)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == b"held\n"
        successor = relayer(store)
        settle(successor)
        assert "eip155:31001" not in held(successor, READ)
        child.send_signal(signal.SIGKILL)
        child.wait()
        successor.tick()
        assert "eip155:31001" in held(successor, READ)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_fault_a_holder_on_a_lost_machine_is_followed_once_its_claims_ran_out(store: Store) -> None:
    lost = relayer(store)
    successor = relayer(store)
    assert held(successor, NONCES) == set()
    run_out(store, lost)
    successor.tick()
    assert len(held(successor, NONCES)) == 3


def test_fault_a_holder_that_slept_past_its_time_does_nothing_with_what_it_held(store: Store) -> None:
    sleeper = relayer(store)
    tenure, (name, *_) = sleeper.tenure(DELIVER), sorted(held(sleeper, DELIVER))
    with store.write() as connection:
        tenure.check(connection, name)
    run_out(store, sleeper)
    with pytest.raises(ClaimLost), store.write() as connection:  # nobody took it, yet its time is over
        tenure.check(connection, name)
    successor = relayer(store)
    with pytest.raises(ClaimLost), store.write() as connection:
        tenure.check(connection, name)
    assert sleeper.tick()
    assert held(sleeper, DELIVER) == set()
    successor.leave()
    settle(sleeper)
    assert name in held(sleeper, DELIVER)
    with pytest.raises(ClaimLost), store.write() as connection:  # held again, but not in the tenure of then
        tenure.check(connection, name)


def test_what_is_renewed_in_time_stays(store: Store) -> None:
    first = relayer(store)
    with store.write() as connection:
        connection.execute(update(claim_table).values(expires=claim_table.c.expires - CLAIM_SECONDS / 2))
    assert not first.tick()
    with store.read() as connection:
        soonest = min(connection.execute(select(claim_table.c.expires)).scalars())
    assert soonest > store.clock() + CLAIM_SECONDS * 0.9 - 5


def test_fault_a_claim_is_not_taken_from_under_a_transaction_that_it_fences(
    place: Path | str, store: Store
) -> None:
    """The row is locked: whoever wants it passes over it, and does not wait."""
    if store.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    first = relayer(store)
    (name, *_) = sorted(held(first, DELIVER))
    with store.database.aside() as connection:
        first.tenure(DELIVER).check(connection, name)
        with Store.open(place) as other:
            run_out_others = text("UPDATE claim SET expires = 0 WHERE name <> :name")
            with other.write() as writing:
                writing.execute(run_out_others, {"name": name})
            second = relayer(other)
            assert held(second, READ) == set(LEDGERS)
            assert name not in held(second, DELIVER)


# nonces


def intent(key: str, number: int) -> Intent:
    return Intent(f"deliver:{key}:{number}", LEDGERS[0], key, number, f"0x{key}{number}", b"\x02")


def test_only_the_owner_of_a_keys_nonces_stores_what_it_is_about_to_send(
    place: Path | str, store: Store
) -> None:
    claims = relayer(store)
    store.claims.append(claims)
    assert store.intents.tenure(LEDGERS[0], "0xKey")
    store.intents.record(intent("0xKey", 1))
    store.intents.record(intent("0xOfficer", 1))  # whose nonces nobody claimed
    with Store.open(place) as other:
        with pytest.raises(ClaimHeld, match="process 1 on vault-2"):
            other.intents.record(intent("0xKey", 2))
        rival = relayer(other)
        other.claims.append(rival)
        with pytest.raises(ClaimLost):
            other.intents.tenure(LEDGERS[0], "0xKey")
        run_out(other, claims)
        rival.tick()
        assert other.intents.tenure(LEDGERS[0], "0xKey")
        other.intents.record(intent("0xKey", 2))
        with pytest.raises(ClaimLost):
            store.intents.record(intent("0xKey", 3))
    assert [one.nonce for one in store.intents.outstanding(LEDGERS[0], "0xKey")] == [1, 2]


def test_fault_two_processes_with_one_reference_store_one_transaction(
    place: Path | str, store: Store
) -> None:
    """Both found that nothing had been sent under it; only one of them sends, whatever its key."""
    with Store.open(place) as other:
        store.intents.record(Intent("deliver:1", LEDGERS[0], "0xOne", 7, "0xa", b"\x02"))
        with pytest.raises(ClaimLost, match="deliver:1"):
            other.intents.record(Intent("deliver:1", LEDGERS[0], "0xTwo", 3, "0xb", b"\x02"))
        store.intents.record(Intent("deliver:1", LEDGERS[0], "0xOne", 7, "0xa2", b"\x02"))  # a higher price
        for dead in ("0xa", "0xa2"):
            store.intents.settle(Settled("deliver:1", dead, "DEAD", 9))
        other.intents.record(Intent("deliver:1", LEDGERS[0], "0xTwo", 3, "0xb", b"\x02"))
    assert [one.transaction for one in store.intents.find("deliver:1")] == ["0xa", "0xa2", "0xb"]
