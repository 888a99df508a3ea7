"""Who holds what in the demo: one equity, four ledgers, direct holders and an omnibus account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paripassu.quantities import Units

ISSUED = Units(1_000_000)


@dataclass(frozen=True, slots=True)
class Participant:
    """A holder with an account on some ledgers.

    `name` names its key (`dev:<name>`) and its book-entry account; `identity` is its LEI or
    private national id, which only its salted commitment leaves; `holdings` are the units that
    it holds on each ledger (by name) before the record time.
    """

    name: str
    display: str
    identity: str
    country: str
    investor_class: int
    holdings: Mapping[str, Units]
    servicer: bool = False


PARTICIPANTS = (
    Participant("csd", "Issuing CSD (initial account)", "529900CSDATTEST00066", "FR", 3, {"alpha": Units(0)}),
    Participant(
        "custodian_de",
        "Custodian DE, omnibus account",
        "529900CUSTODIANDE010",
        "DE",
        3,
        {"alpha": Units(250_000)},
        servicer=True,
    ),
    Participant(
        "holder_fr",
        "Pension fund FR",
        "FR-PENSION-FUND-1",
        "FR",
        2,
        {"alpha": Units(100_003), "bravo": Units(50_001), "register": Units(25_000)},
    ),
    Participant("holder_de", "Insurer DE", "DE-INSURER-1", "DE", 2, {"bravo": Units(149_989)}),
    Participant("holder_gb", "Asset manager GB", "GB-ASSET-MANAGER-1", "GB", 2, {"charlie": Units(75_007)}),
    Participant("holder_lu", "Fund LU", "LU-FUND-1", "LU", 3, {"register": Units(120_001)}),
    Participant(
        "holder_us",
        "Endowment US",
        "US-ENDOWMENT-1",
        "US",
        2,
        {"alpha": Units(229_999), "charlie": Units(0)},
    ),
)

INELIGIBLE = Participant(
    "holder_jp",
    "Broker JP (country not admitted)",
    "JP-BROKER-1",
    "JP",
    2,
    {"alpha": Units(0), "bravo": Units(0), "charlie": Units(0), "register": Units(0)},
)

STRANGER = "stranger"
"""Has a key and a book-entry name, and is registered nowhere."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Units from one holder's account on a ledger to a holder's account on a ledger."""

    holder: str
    source: str
    to_holder: str
    destination: str
    units: Units


IN_TRANSIT = Movement("holder_us", "alpha", "holder_us", "charlie", Units(12_345))
"""Dispatched before record time, delivered after it."""

AFTER_RECORD_TIME = (
    Movement("holder_gb", "charlie", "holder_us", "charlie", Units(5_000)),
    Movement("holder_fr", "alpha", "holder_de", "bravo", Units(1_001)),
    Movement("holder_lu", "register", "holder_fr", "register", Units(777)),
)
"""Shares that move on after record time: they change nobody's dividend."""

REFUSED = (
    ("holder_fr", "alpha"),
    ("holder_fr", "bravo"),
    ("holder_gb", "charlie"),
    ("holder_fr", "register"),
)
"""On each ledger, somebody who holds shares there tries to deliver to who may not hold them."""


def displays() -> dict[str, str]:
    """Display name of each identity, the omnibus clients of the example breakdown among them."""
    named = {participant.identity: participant.display for participant in PARTICIPANTS}
    return named | {
        "529900CLIENTONE00034": "Client one of Custodian DE",
        "96950000CLIENTTHRE74": "Client three of Custodian DE",
        "DE-19700101-EXAMPLE": "Private client of Custodian DE",
        "529900CUSTODIANDE010": "Custodian DE, own account",
    }
