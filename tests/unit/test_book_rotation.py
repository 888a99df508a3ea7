"""Another attestor set in the book: agreed to by roles, versioned, in force from the next entry (ACC-3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu import acts
from paripassu.commands import Deliver, Move
from paripassu.controls import Reason
from paripassu.errors import ActRefused, BatchRefused, CommandRefused, NotAuthorised
from paripassu.ledgers.book import BookLedger
from paripassu.ledgers.control import ActState
from paripassu.ledgers.port import AttestorSet
from paripassu.messages import Batch, GatewayDomain, batch_digest
from paripassu.quantities import Units
from paripassu.testing.books import Desk, SettableClock, attestor_set, book_network, issue, onboard, signed

START = 1_800_000_000
DESK = Desk()
WHY = Reason("custodian replaced")
NEW_NAMES = ("attestor_csd", "attestor_issuer", "attestor_new")


def rotation(found: AttestorSet) -> acts.RotateAttestors:
    return acts.RotateAttestors(found.threshold, tuple((one.signer, one.entity) for one in found.members))


NEW = rotation(attestor_set(NEW_NAMES))


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(START)


@pytest.fixture
async def books(tmp_path: Path, clock: SettableClock) -> AsyncIterator[tuple[BookLedger, ...]]:
    made = await book_network(tmp_path, ("home", "south"), clock)
    yield made
    for book in made:
        await book.close()


async def proposed(book: BookLedger) -> acts.ApproveAct:
    command = acts.ProposeAct(NEW, "bridge_operator", WHY)
    await book.execute(command, DESK["bridge_operator"], f"propose {(await book.head()).height}")
    return acts.ApproveAct((await book.controls.acts())[-1].id, "csd")


async def test_acc_3_a_set_takes_over_when_two_roles_agree_under_the_next_version(
    books: tuple[BookLedger, ...],
) -> None:
    home, south = books
    await onboard(home, "holder_de")
    await onboard(south, "holder_fr")
    await issue(home, "holder_de", 10)
    await home.execute(Move("holder_de", south.id, "holder_fr", Units(4)), DESK["holder_de"], "m")
    (sent,) = await home.sent_messages(0, (await home.head()).height)

    def delivery(version: int, names: tuple[str, ...]) -> Deliver:
        batch = Batch(version, (sent.message,))
        return Deliver(batch, signed(batch_digest(batch, GatewayDomain(south.id)), names))

    approve = await proposed(south)
    with pytest.raises(ActRefused, match="has 1 approvals, 2 are needed"):
        await south.execute(acts.ExecuteAct(approve.id), DESK["bridge_operator"], "alone")
    assert (await south.attestor_set()).version == 1
    await south.execute(approve, DESK["csd"], "second")
    await south.execute(acts.ExecuteAct(approve.id), DESK["csd"], "two")
    assert await south.attestor_set() == attestor_set(NEW_NAMES, version=2)
    assert await home.attestor_set() == attestor_set()  # each ledger by itself
    record = (await south.controls.acts())[-1]
    assert (record.function, record.state, record.threshold) == ("rotateAttestors", ActState.EXECUTED, 2)
    with pytest.raises(BatchRefused, match="attestor set 1, the current one is 2"):
        await south.submit(delivery(1, ("attestor_csd", "attestor_issuer")), DESK["relayer"], "old")
    with pytest.raises(BatchRefused, match="is not in attestor set"):
        await south.submit(delivery(2, ("attestor_csd", "attestor_custodian")), DESK["relayer"], "removed")
    await south.submit(delivery(2, ("attestor_csd", "attestor_new")), DESK["relayer"], "new")
    assert await south.position("holder_fr") == 4
    south.check()


async def test_acc_3_roles_without_a_say_and_one_signer_for_two_are_refused(
    books: tuple[BookLedger, ...],
) -> None:
    _, south = books
    for role in ("registrar", "csd", "transfer_agent"):
        with pytest.raises(NotAuthorised, match="no say"):
            await south.execute(acts.ProposeAct(NEW, role, WHY), DESK[role], role)
    approve = await proposed(south)
    with pytest.raises(NotAuthorised, match="no say"):  # it has one in corrections
        await south.execute(acts.ApproveAct(approve.id, "transfer_agent"), DESK["transfer_agent"], "other")
    with pytest.raises(NotAuthorised, match="does not hold"):
        await south.execute(approve, DESK["registrar"], "not its role")
    again = acts.ApproveAct(approve.id, "bridge_operator")
    with pytest.raises(ActRefused, match="approved the act"):
        await south.execute(again, DESK["bridge_operator"], "twice")
    assert (await south.attestor_set()).version == 1


async def test_acc_3_a_rotation_waits_for_its_notice_and_its_own_threshold(
    books: tuple[BookLedger, ...], clock: SettableClock
) -> None:
    _, south = books
    known = south.configuration()
    assert known is not None
    south.configure(replace(known, rotation_threshold=3, rotation_notice=3_600))
    approve = await proposed(south)
    await south.execute(approve, DESK["csd"], "second")
    clock.advance(3_600)
    with pytest.raises(ActRefused, match="has 2 approvals, 3 are needed"):
        await south.execute(acts.ExecuteAct(approve.id), DESK["csd"], "two of three")
    again = await proposed(south)
    for role in ("csd", "regulator"):
        await south.execute(acts.ApproveAct(again.id, role), DESK[role], f"again {role}")
    record = (await south.controls.acts())[-1]
    assert (record.threshold, record.ready_at) == (3, clock.now() + 3_600)
    with pytest.raises(ActRefused, match="has notice until"):
        await south.execute(acts.ExecuteAct(again.id), DESK["csd"], "early")
    clock.advance(3_600)
    await south.execute(acts.ExecuteAct(again.id), DESK["csd"], "in time")
    found = south.configuration()
    assert found is not None
    assert (found.attestors.version, found.rotation_threshold, found.rotation_notice) == (2, 3, 3_600)
    with pytest.raises(CommandRefused, match="version above 2"):  # a set-up of before cannot bring it back
        south.configure(known)
