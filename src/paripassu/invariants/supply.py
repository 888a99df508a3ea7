"""I1 and I2: how many units there are, and where each of them is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from paripassu.identifiers import Bytes32, LedgerId
from paripassu.invariants.result import Figures, InvariantResult, result
from paripassu.quantities import ZERO_UNITS, Units


@dataclass(frozen=True, slots=True)
class SupplyState:
    """Issued amount, supply per ledger, units in transit, all at one instant."""

    issued: Units
    supplies: Mapping[LedgerId, Units]
    in_transit: Units


def conservation(state: SupplyState) -> InvariantResult:
    """I1 (MOV-1): supply on all ledgers + in transit = issued amount."""
    on_ledgers = sum(state.supplies.values(), ZERO_UNITS)
    accounted = on_ledgers + state.in_transit
    figures: Figures = {f"supply {ledger}": int(units) for ledger, units in state.supplies.items()}
    figures |= {"in transit": int(state.in_transit), "accounted": int(accounted), "issued": int(state.issued)}
    difference = int(accounted) - int(state.issued)
    faults = []
    if difference:
        direction = "more" if difference > 0 else "fewer"
        faults.append(
            f"{int(accounted)} units are accounted for, {abs(difference)} {direction} than the "
            f"{int(state.issued)} issued."
        )
    holds = (
        f"{int(on_ledgers)} units on ledgers and {int(state.in_transit)} in transit are the issued amount."
    )
    return result("I1", "Conservation", figures, faults, holds)


@dataclass(frozen=True, slots=True)
class MovementState:
    """One movement from both ends: how often the source sent it and took it back, how often the destination
    booked it."""

    message_id: Bytes32
    source: LedgerId
    destination: LedgerId
    units: Units
    since: int
    sent: int
    delivered: int
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class LocationState:
    """Positions and supply per ledger, and every movement ever dispatched."""

    supplies: Mapping[LedgerId, Units]
    positions: Mapping[LedgerId, Units]
    movements: tuple[MovementState, ...]


def location(state: LocationState) -> InvariantResult:
    """I2 (MOV-5): every unit is on one ledger, in one account, or in transit from, to, since: sent, and
    neither booked nor taken back."""
    faults = []
    for ledger, supply in state.supplies.items():
        held = state.positions.get(ledger, ZERO_UNITS)
        if held != supply:
            faults.append(f"Accounts of '{ledger}' hold {int(held)} units, its supply is {int(supply)}.")
    for ledger in state.positions.keys() - state.supplies.keys():
        faults.append(f"Positions of '{ledger}' are given without its supply.")
    seen = Counter(movement.message_id for movement in state.movements)
    faults += [f"Message {message} is listed {count} times." for message, count in seen.items() if count > 1]
    for movement in state.movements:
        if movement.sent != 1 or movement.delivered not in (0, 1) or movement.refunded not in (0, 1):
            faults.append(
                f"{int(movement.units)} units of message {movement.message_id} left '{movement.source}' "
                f"{movement.sent} times, arrived on '{movement.destination}' {movement.delivered} times and "
                f"came back {movement.refunded} times."
            )
        elif movement.delivered and movement.refunded:
            faults.append(
                f"{int(movement.units)} units of message {movement.message_id} arrived on "
                f"'{movement.destination}' and came back to '{movement.source}' too."
            )
    gone = [movement for movement in state.movements if movement.sent == 1]
    transit = [movement for movement in gone if movement.delivered == movement.refunded == 0]
    figures: Figures = {f"on {ledger}": int(units) for ledger, units in state.positions.items()}
    figures |= {
        f"in transit {movement.message_id}": (
            f"{int(movement.units)} from {movement.source} to {movement.destination} since {movement.since}"
        )
        for movement in transit
    }
    figures["movements"] = len(state.movements)
    figures["movements in transit"] = len(transit)
    holds = (
        f"{len(state.movements)} movements, {len(transit)} of them in transit: each unit has one location."
    )
    return result("I2", "Location", figures, faults, holds)
