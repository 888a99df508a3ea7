"""Settlement proofs of movements between books, and what becomes of a proof that is changed (MOV-7)."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paripassu.bridge.node import Seat, drain
from paripassu.bridge.settings import BridgeSettings
from paripassu.canonical import document_hash
from paripassu.commands import Move, Refuse
from paripassu.controls import Reason
from paripassu.errors import PariError, ProofRefused
from paripassu.jobs.proving import prove, verify
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.port import Ledger
from paripassu.messages import Message
from paripassu.quantities import Units
from paripassu.settlement import LegKind, check, from_json, to_json
from paripassu.store import Store
from paripassu.testing.books import ATTESTOR_NAMES, Desk, SettableClock, book_network, issue, onboard

START = 1_800_000_000
FAST = BridgeSettings(poll=0.01, idle_poll=0.03, ack_quiet=0.05)
DESK = Desk()


@dataclass(slots=True)
class World:
    """Two books with their bridge; holder_de has 1,000 units on the first."""

    home: BookLedger
    south: BookLedger
    clock: SettableClock
    store: Store
    number: int = 0

    @property
    def ledgers(self) -> dict[Any, Ledger]:
        return {book.id: book for book in (self.home, self.south)}

    async def send(self, units: int, to: str = "holder_fr") -> Message:
        self.number += 1
        command = Move("holder_de", self.south.id, to, Units(units))
        await self.home.execute(command, DESK["holder_de"], f"move:{self.number}")
        head = await self.home.head()
        (sent,) = await self.home.sent_messages(head.height, head.height)
        self.clock.advance(7)
        return sent.message

    async def drain(self) -> None:
        seats = [Seat(name, DESK[name], self.ledgers) for name in ("relayer", *ATTESTOR_NAMES)]
        await drain(self.store, relayer=seats[0], attestors=seats[1:], patience=20, settings=FAST)

    async def proof_of(self, message: Message) -> dict[str, Any]:
        return to_json(await prove(self.store, self.ledgers, message.id.text[:20]))

    async def holds(self, document: dict[str, Any]) -> None:
        await verify(from_json(document), self.ledgers)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SettableClock(START)
    home, south = await book_network(tmp_path, ("home", "south"), clock)
    for ledger in (home, south):
        for account in ("holder_de", "holder_fr"):
            await onboard(ledger, account)
    await issue(home, "holder_de", 1_000)
    with Store.open(tmp_path / "bridge.db") as store:
        yield World(home, south, clock, store)
    for ledger in (home, south):
        await ledger.close()


def kinds(document: dict[str, Any]) -> list[str]:
    return [leg["kind"] for leg in document["legs"]]


async def test_mov_7_each_leg_leaves_a_proof_that_holds_against_the_ledgers(world: World) -> None:
    messages = [await world.send(units) for units in (5, 6, 7)]
    await world.drain()
    for message in messages:
        document = await world.proof_of(message)
        assert kinds(document)[:2] == ["SENT", "EXECUTED"]
        assert [leg["final"]["rule"] for leg in document["legs"]] == ["entry"] * len(document["legs"])
        entities = {one["entity"] for one in document["batch"]["signatures"]}
        assert len(entities) >= document["batch"]["attestorSet"]["threshold"] == 2
        await world.holds(document)


async def test_mov_7_a_refund_is_proved_with_what_the_attestors_say_of_the_refusal(world: World) -> None:
    message = await world.send(100, to="stranger")
    await world.drain()
    parked = await world.proof_of(message)
    assert kinds(parked)[:2] == ["SENT", "PARKED"]
    await world.holds(parked)
    refuse = Refuse(message, Reason("never onboarded"))
    await world.south.execute(refuse, DESK["bridge_operator"], "refuse")
    await world.drain()
    document = await world.proof_of(message)
    assert kinds(document) == ["SENT", "REFUSED", "ACKNOWLEDGED", "REFUNDED"]
    assert document["acknowledgement"]["refused"] == [message.id.text]
    await world.holds(document)
    # what was true once is history: the ledger still shows that it was parked
    await world.holds(parked)


async def test_mov_7_a_message_that_nobody_attested_has_no_proof(world: World) -> None:
    await world.send(5)
    await world.drain()
    late = await world.send(6)
    seats = [Seat("relayer", DESK["relayer"], world.ledgers)]
    with pytest.raises(PariError):
        await drain(world.store, relayer=seats[0], attestors=[], patience=0.5, settings=FAST)
    with pytest.raises(ProofRefused):
        await world.proof_of(late)


# ---------------------------------------------------------------- tampering


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to all that is no map and no list."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from leaves(part, (*path, at))
    else:
        yield path


def changed(value: Any, how: int) -> Any:
    """Another value of the same kind; of text one digit, which keeps hashes and addresses well formed."""
    if isinstance(value, int):
        return value + 1 + how % 1_000
    if value is None:
        return {}
    digits = [at for at, sign in enumerate(value) if sign in "0123456789abcdef" and at > 1]
    if not digits:
        return value + "x"
    at = digits[how % len(digits)]
    other = "0123456789abcdef"[("0123456789abcdef".index(value[at]) + 1 + how % 15) % 16]
    return value[:at] + other + value[at + 1 :]


def with_change(document: dict[str, Any], path: tuple[Any, ...], how: int) -> dict[str, Any]:
    copied = copy.deepcopy(document)
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = changed(place[path[-1]], how)
    return copied


async def refuses(world: World, document: dict[str, Any], *, against_ledgers: bool) -> str:
    try:
        proof = from_json(document)
        check(proof)
        if against_ledgers:
            await verify(proof, world.ledgers)
    except ProofRefused as error:
        return error.sentence
    return ""


async def test_mov_7_any_changed_field_is_refused(world: World) -> None:
    message = await world.send(100, to="stranger")
    await world.drain()
    await world.south.execute(Refuse(message, Reason("no")), DESK["bridge_operator"], "refuse")
    await world.drain()
    document = await world.proof_of(message)
    assert len(document["legs"]) == 4
    paths = list(leaves(document))
    assert len(paths) > 60
    for path in paths:
        for how in (0, 7, 31):
            wrong = with_change(document, path, how)
            assert await refuses(world, wrong, against_ledgers=False), path
            if path == ("hash",):
                continue
            # whoever changes a field can also write the hash anew: then ids, signatures or the ledgers tell
            rest = {name: part for name, part in wrong.items() if name != "hash"}
            wrong["hash"] = document_hash(rest).text
            assert await refuses(world, wrong, against_ledgers=True), path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mov_7_a_field_too_many_or_too_few_is_refused(proved: dict[str, Any], data: st.DataObject) -> None:
    document = copy.deepcopy(proved)
    places: list[dict[str, Any]] = []

    def gather(value: Any) -> None:
        if isinstance(value, dict):
            places.append(value)
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            gather(part)

    gather(document)
    place = data.draw(st.sampled_from(places))
    if data.draw(st.booleans()):
        del place[data.draw(st.sampled_from(sorted(place)))]
    else:
        place[data.draw(st.text(max_size=5).filter(lambda name: name not in place))] = data.draw(
            st.integers()
        )
    document["hash"] = document_hash({name: part for name, part in document.items() if name != "hash"}).text
    with pytest.raises(ProofRefused):
        check(from_json(document))


@pytest.fixture
async def proved(world: World) -> dict[str, Any]:
    message = await world.send(5)
    await world.drain()
    return await world.proof_of(message)


async def test_mov_7_fewer_entities_than_the_threshold_are_refused(world: World) -> None:
    message = await world.send(5)
    await world.drain()
    document = await world.proof_of(message)
    for wrong in (
        document["batch"]["signatures"][:1],
        document["batch"]["signatures"][:1] * 2,
        document["batch"]["signatures"][::-1],
        [],
    ):
        changed_one = copy.deepcopy(document)
        changed_one["batch"]["signatures"] = wrong
        rest = {name: part for name, part in changed_one.items() if name != "hash"}
        changed_one["hash"] = document_hash(rest).text
        assert await refuses(world, changed_one, against_ledgers=False)


async def test_mov_7_another_network_does_not_hold_the_proof(world: World, tmp_path: Path) -> None:
    message = await world.send(5)
    await world.drain()
    document = await world.proof_of(message)
    folder = tmp_path / "other"
    folder.mkdir()
    others = await book_network(folder, ("home", "south"), world.clock)
    proof = from_json(document)
    with pytest.raises(ProofRefused, match="has no record SENT"):
        await verify(proof, {book.id: book for book in others})
    with pytest.raises(ProofRefused, match="no ledger"):
        await verify(proof, {})
    for book in others:
        await book.close()
    assert proof.leg(LegKind.SENT) is not None
