"""The inputs of a verdict as one canonical document, and the case that they make again (CTL-11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paripassu.canonical import Json
from paripassu.identifiers import Bytes32, Country
from paripassu.quantities import Units
from paripassu.rules.kinds import Kind
from paripassu.rules.state import (
    AccountState,
    HolderRecord,
    Lot,
    Movement,
    RuleModule,
    RuleSet,
    Standing,
    Window,
)
from paripassu.rules.verdict import Case


def inputs_of(case: Case) -> dict[str, Json]:
    """All that the verdict on a case depends on, and nothing else: of the countries those of the two
    parties, of the holders their number and the accounts of the two parties, of modules their answers."""
    rules, standing = case.rules, case.standing
    parties = [one.record for one in (case.source, case.target) if one is not None and one.record is not None]
    limited = rules.holder_limit is not None
    return {
        "kind": case.kind.name,
        "source": case.movement.source,
        "target": case.movement.target,
        "units": str(int(case.units)),
        "time": case.now,
        "rules": {
            "countries": sorted({str(one.country) for one in parties if one.country in rules.countries}),
            "denyList": rules.deny_list,
            "classes": sorted(rules.classes),
            "holdingCap": _text(rules.holding_cap),
            "holderLimit": rules.holder_limit,
            "minimumLot": str(int(rules.minimum_lot)),
            "blackouts": [[window.start, window.end] for window in rules.blackout],
        },
        "standing": {
            "paused": standing.paused,
            "stoppedUntil": standing.stopped_until,
            "pausedClasses": sorted(standing.paused_classes),
            "holders": len(standing.holders) if limited else 0,
            "accounts": {
                one.holder.text: standing.holders[one.holder]
                for one in parties
                if limited and one.holder in standing.holders
            },
        },
        "from": _account(case.source),
        "to": _account(case.target),
        "modules": [module(case.movement) for module in case.modules],
    }


def case_of(inputs: Mapping[str, Any]) -> Case:
    """The case that inputs were taken from, as far as its verdict depends on it."""
    rules, standing = inputs["rules"], inputs["standing"]
    cap = rules["holdingCap"]
    return Case(
        RuleSet(
            frozenset(Country(code) for code in rules["countries"]),
            frozenset(rules["classes"]),
            deny_list=rules["denyList"],
            holding_cap=None if cap is None else Units(int(cap)),
            holder_limit=rules["holderLimit"],
            minimum_lot=Units(int(rules["minimumLot"])),
            blackout=tuple(Window(start, end) for start, end in rules["blackouts"]),
        ),
        Standing(
            standing["paused"],
            standing["stoppedUntil"],
            frozenset(standing["pausedClasses"]),
            _Counted(
                standing["holders"],
                {Bytes32(holder): number for holder, number in standing["accounts"].items()},
            ),
        ),
        Movement(Kind[inputs["kind"]], inputs["source"], inputs["target"], Units(int(inputs["units"]))),
        _account_from(inputs["from"]),
        _account_from(inputs["to"]),
        inputs["time"],
        tuple(answering(answer) for answer in inputs["modules"]),
    )


class _Counted(Mapping[Bytes32, int]):
    """Holders of whom only some are named: all of them count for the length."""

    def __init__(self, count: int, named: Mapping[Bytes32, int]) -> None:
        self._count = count
        self._named = named

    def __getitem__(self, holder: Bytes32) -> int:
        return self._named[holder]

    def __iter__(self) -> Iterator[Bytes32]:
        return iter(self._named)

    def __len__(self) -> int:
        return self._count


def answering(answer: bool | None) -> RuleModule:
    """A rule module that was asked already."""

    def module(movement: Movement, /) -> bool | None:
        return answer

    return module


def _account(account: AccountState | None) -> Json:
    if account is None:
        return None
    return {
        "record": _record(account.record),
        "frozen": account.frozen,
        "balance": str(int(account.balance)),
        "blocked": str(int(account.blocked)),
        "blockedForAction": str(int(account.blocked_for_action)),
        "pledged": str(int(account.pledged)),
        "lots": [[str(int(lot.units)), lot.until] for lot in account.lots],
        "quota": _text(account.quota),
    }


def _account_from(document: Mapping[str, Any] | None) -> AccountState | None:
    if document is None:
        return None
    quota = document["quota"]
    return AccountState(
        _record_from(document["record"]),
        document["frozen"],
        balance=Units(int(document["balance"])),
        blocked=Units(int(document["blocked"])),
        blocked_for_action=Units(int(document["blockedForAction"])),
        pledged=Units(int(document["pledged"])),
        lots=tuple(Lot(Units(int(units)), until) for units, until in document["lots"]),
        quota=None if quota is None else Units(int(quota)),
    )


def _record(record: HolderRecord | None) -> Json:
    if record is None:
        return None
    return {
        "holder": record.holder.text,
        "country": str(record.country),
        "class": record.investor_class,
        "active": record.active,
        "expiry": record.expiry,
        "servicer": record.servicer,
        "sanctioned": record.sanctioned,
        "additional": record.additional,
        "superseded": record.superseded,
    }


def _record_from(document: Mapping[str, Any] | None) -> HolderRecord | None:
    if document is None:
        return None
    return HolderRecord(
        Bytes32(document["holder"]),
        Country(document["country"]),
        document["class"],
        document["active"],
        document["expiry"],
        document["servicer"],
        document["sanctioned"],
        document["additional"],
        document["superseded"],
    )


def _text(units: Units | None) -> str | None:
    return None if units is None else str(int(units))
