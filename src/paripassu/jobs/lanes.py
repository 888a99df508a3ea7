"""Lanes as a ledger sees them: what was sent, received and acknowledged, and whether they are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from paripassu.bridge.settings import PURPOSES
from paripassu.errors import InvalidArgument
from paripassu.identifiers import Bytes32
from paripassu.ledgers.port import ArrivalCap, Ledger
from paripassu.messages import Lane, Purpose


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """The two lanes of one purpose between a ledger and a peer, in numbers of messages at the ledger's head.

    `transport` is the kind of transport that vouches for what arrives from the peer (MOV-11), empty where
    attestors do. `cap` is what may arrive of the security from the peer, None where nothing does by such
    lanes.
    """

    peer: Ledger
    purpose: Purpose
    stopped: bool
    sent: int
    acknowledged: int
    received: int
    cap: ArrivalCap | None
    transport: str = ""


def purpose_of(text: str) -> Purpose:
    """The purpose that a person names, as `movement` or `corporate-action`. Raises InvalidArgument."""
    known = {word_of(purpose): purpose for purpose in PURPOSES}
    if text.lower() not in known:
        raise InvalidArgument(f"'{text}' is no purpose of a lane; there are {', '.join(known)}.")
    return known[text.lower()]


def word_of(purpose: Purpose) -> str:
    """A purpose as it is written in commands."""
    return purpose.word


async def lanes_of(ledger: Ledger, others: Iterable[Ledger], security: Bytes32) -> tuple[LaneStanding, ...]:
    """All lanes of a ledger with others."""
    pairs = [(other, purpose) for other in others if other.id != ledger.id for purpose in PURPOSES]
    height = (await ledger.head()).height
    return tuple(
        await asyncio.gather(*(_standing(ledger, *pair, security=security, height=height) for pair in pairs))
    )


async def _standing(
    ledger: Ledger, peer: Ledger, purpose: Purpose, *, security: Bytes32, height: int
) -> LaneStanding:
    out, back = Lane(ledger.id, peer.id, purpose), Lane(peer.id, ledger.id, purpose)
    stopped, transport, (sent,), acknowledged, received = await asyncio.gather(
        ledger.lane_stopped(peer.id, purpose),
        ledger.carrier(peer.id, purpose),
        ledger.sent_counts((out,), height),
        ledger.acknowledged_nonce(out, height),
        ledger.inbound_nonce(back, height),
    )
    cap = await ledger.arrival_cap(security, peer.id) if purpose is Purpose.MOVEMENT else None
    return LaneStanding(peer, purpose, stopped, sent, acknowledged, received, cap, transport)
