"""The store's rows from its audit log, with the contents of messages from the ledgers: a pure fold (REC-2).

The log says what the bridge did, when and why; what a message says and where it was sent is read from its
ledger. A batch that an attestor signed must be, message for message, what the ledger shows: its digest is
computed anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from paripassu.bridge.columns import lane_columns, message_columns, sent_columns
from paripassu.bridge.states import BatchState, MessageState
from paripassu.errors import RebuildContradicted
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.ledgers.port import SentMessage
from paripassu.ledgers.signatures import recover
from paripassu.messages import Batch, GatewayDomain, Lane, Purpose, batch_digest
from paripassu.store import schema
from paripassu.store.audit import AuditEntry
from paripassu.store.intents import DEAD, FINAL, OUTSTANDING, REFUSED

Values = dict[str, Any]
Details = Mapping[str, Any]

_BEFORE_FINAL = {"seen": MessageState.SEEN, "unseen": MessageState.REORGED}

STATELESS = (
    "lease.",
    "claims.",
    "endpoints.",
    "records.",
    "decision",
    "operator.",
    "store.",
    "batch.not_attested",
    "acknowledgement.not_attested",
)
"""Beginnings of kinds of rows that change nothing but the log itself."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the ledgers show: messages by id, in which block each was delivered, and the gateways' domains."""

    sent: Mapping[str, SentMessage]
    delivered: Mapping[str, int]
    domains: Mapping[LedgerId, GatewayDomain]


@dataclass(slots=True)
class Replayed:
    """Rows by table, in the order in which they are to be inserted; and kinds of log rows not understood."""

    messages: dict[str, Values] = field(default_factory=dict)
    steps: list[Values] = field(default_factory=list)
    batches: dict[str, Values] = field(default_factory=dict)
    acknowledgements: dict[str, Values] = field(default_factory=dict)
    signatures: list[Values] = field(default_factory=list)
    observations: dict[tuple[str, str], Values] = field(default_factory=dict)
    submissions: list[Values] = field(default_factory=list)
    halts: dict[str, Values] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def rows(self) -> dict[Table, list[Values]]:
        return {
            schema.message: list(self.messages.values()),
            schema.message_history: self.steps,
            schema.batch: list(self.batches.values()),
            schema.acknowledgement: list(self.acknowledgements.values()),
            schema.signature: self.signatures,
            schema.observation: list(self.observations.values()),
            schema.submission: self.submissions,
            schema.halt: list(self.halts.values()),
        }


def replay(entries: tuple[AuditEntry, ...], shown: Shown) -> Replayed:
    """The rows that a log and what the ledgers show make together.

    Raises:
        RebuildContradicted: a message of the log is not on its ledger, or a signed batch is not what is
            there.
    """
    fold = _Fold(shown)
    for entry in entries:
        fold.take(entry)
    return fold.made


class _Fold:
    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._places = {
            (item.message.lane, item.message.nonce): item.message.id.text for item in shown.sent.values()
        }
        self._lanes = {str(item.message.lane): item.message.lane for item in shown.sent.values()}
        self._steps: dict[str, int] = defaultdict(int)
        self._transactions: dict[tuple[str, str], Values] = {}
        self._by_nonce: dict[tuple[str, str, int], list[Values]] = defaultdict(list)
        self.made = Replayed()

    def take(self, entry: AuditEntry) -> None:
        area, _, act = entry.kind.partition(".")
        take = _AREAS.get(area)
        if entry.kind.startswith(STATELESS):
            return
        if take is None:
            self.made.unknown.add(entry.kind)
            return
        take(self, entry, act, json.loads(entry.detail))

    # messages

    def message(self, entry: AuditEntry, act: str, facts: Details) -> None:
        if act == "final":
            for text in facts["ids"]:
                self._first_step(entry, self._sent(text))
        elif act == "noted":
            self._step(entry, facts["ids"], None, facts["reason"], {})
        elif act in _BEFORE_FINAL:
            for text in facts["ids"]:  # perhaps of a message that never became final
                self._add_step(entry, text, _BEFORE_FINAL[act].value, "", _detail(facts))
        else:
            detail = _detail(facts)
            self._step(entry, facts["ids"], MessageState(act.upper()), facts["reason"], detail)

    def _first_step(self, entry: AuditEntry, item: SentMessage) -> None:
        final = MessageState.FINAL
        text = item.message.id.text
        more = {"state": final.value, "reason": "", "batch": None, "returned": 0}
        self.made.messages[text] = sent_columns(item) | more
        detail = {
            "transaction": item.transaction,
            "height": item.block.height,
            "ledger": str(item.message.lane.source),
        }
        self._step(entry, [text], final, "", detail)

    def _step(
        self, entry: AuditEntry, ids: list[str], state: MessageState | None, reason: str, detail: Details
    ) -> None:
        """One step of messages; without a state they stay in theirs."""
        for text in ids:
            row = self.made.messages.get(text)
            if row is None:
                raise RebuildContradicted(
                    f"Row {entry.seq} of the audit log speaks of message {text}, of which no row says that "
                    "it was final."
                )
            row |= {"state": row["state"] if state is None else state.value, "reason": reason}
            self._add_step(entry, text, row["state"], reason, detail)

    def _add_step(self, entry: AuditEntry, text: str, state: str, reason: str, detail: Details) -> None:
        self._steps[text] += 1
        self.made.steps.append(
            {
                "id": text,
                "seq": self._steps[text],
                "at": entry.at,
                "state": state,
                "reason": reason,
                "detail": json.dumps(detail, sort_keys=True, separators=(",", ":")),
            }
        )

    def _sent(self, text: str) -> SentMessage:
        found = self._shown.sent.get(text)
        if found is None:
            raise RebuildContradicted(f"The audit log has message {text} as final; no ledger shows it.")
        return found

    # batches, acknowledgements, signatures

    def batch(self, entry: AuditEntry, act: str, facts: Details) -> None:
        if act == "attested":
            self._signature(entry, facts)
            self._bind(entry.subject, facts["attestor"])
        elif act == "proposed":
            lane = self._lane(facts["lane"])
            fixed = lane_columns(lane) | {name: facts[name] for name in ("first", "last", "set_version")}
            self._propose(self.made.batches, entry, fixed | {"not_before": 0.0}, {})
            for nonce in range(facts["first"], facts["last"] + 1):
                text = self._places.get((lane, nonce))
                if text in self.made.messages:
                    self.made.messages[text]["batch"] = entry.subject
        else:
            state = {} if act == "noted" else {"state": BatchState(act.upper()).value}
            self.made.batches[entry.subject] |= {**state, **facts}

    def acknowledgement(self, entry: AuditEntry, act: str, facts: Details) -> None:
        if act == "attested":
            self._signature(entry, facts)
        elif act == "proposed":
            fixed = lane_columns(self._lane(facts["lane"])) | {
                "nonce": facts["nonce"],
                "set_version": facts.get("set_version", 0),
            }
            refused = [[text, self._shown.delivered[text]] for text in facts["refused"]]
            self._propose(self.made.acknowledgements, entry, fixed, {"refused": json.dumps(refused)})
        else:
            row = self.made.acknowledgements[entry.subject]
            row |= {"state": BatchState(act.upper()).value, **facts}
            if row["state"] == BatchState.DONE.value:
                for text, _ in json.loads(row["refused"]):
                    self.made.messages[text]["returned"] = 1

    def _propose(self, rows: dict[str, Values], entry: AuditEntry, fixed: Values, values: Values) -> None:
        again = {"state": BatchState.PROPOSED.value, "reason": "", "reference": "", "at": entry.at} | values
        known = rows.get(entry.subject)
        if known is None:
            rows[entry.subject] = {"digest": entry.subject, "attempt": 0} | fixed | again
        else:
            known |= {"attempt": known["attempt"] + 1} | again

    def _signature(self, entry: AuditEntry, facts: Details) -> None:
        signed = bytes.fromhex(facts["signature"])
        self.made.signatures.append(
            {
                "digest": entry.subject,
                "attestor": facts["attestor"],
                "signer": recover(Bytes32(entry.subject), signed),
                "signature": signed,
                "at": entry.at,
            }
        )

    def _bind(self, digest: str, attestor: str) -> None:
        """What an attestor signed is what it saw: the ledger's messages, if they have the signed digest."""
        row = self.made.batches[digest]
        lane = Lane(LedgerId(row["source"]), LedgerId(row["destination"]), Purpose(row["purpose"]))
        nonces = range(row["first"], row["last"] + 1)
        items = [self._shown.sent[text] for nonce in nonces if (text := self._places.get((lane, nonce)))]
        if len(items) != len(nonces) or self._digest(lane, row["set_version"], items) != digest:
            raise RebuildContradicted(
                f"'{attestor}' signed the batch {digest} of lane {lane}, nonces {row['first']} to "
                f"{row['last']}; {lane.source} shows other messages there."
            )
        for item in items:
            self.made.observations[attestor, item.message.id.text] = message_columns(item.message) | {
                "attestor": attestor,
                "height": item.block.height,
                "hash": item.block.hash.text,
                "signed": 1,
            }

    def _digest(self, lane: Lane, set_version: int, items: list[SentMessage]) -> str:
        batch = Batch(set_version, tuple(item.message for item in items))
        return batch_digest(batch, self._shown.domains[lane.destination]).text

    def _lane(self, text: str) -> Lane:
        lane = self._lanes.get(text)
        if lane is None:
            raise RebuildContradicted(
                f"The audit log has a batch of lane {text}; no ledger shows messages of it."
            )
        return lane

    # transactions and halts

    def intent(self, entry: AuditEntry, act: str, facts: Details) -> None:
        key = (entry.subject, facts["transaction"])
        if act == "recorded":
            row = {
                "reference": entry.subject,
                "ledger": facts["ledger"],
                "sender": facts.get("sender", ""),
                "nonce": facts["nonce"],
                "transaction": facts["transaction"],
                "raw": b"",
                "status": OUTSTANDING,
                "height": 0,
                "reason": "",
                "gas_used": 0,
            }
            self._transactions[key] = row
            self._by_nonce[_nonce(row)].append(row)
            self.made.submissions.append(row)
            return
        row = self._transactions[key]
        row |= {name: facts[name] for name in ("status", "height", "reason", "gas_used") if name in facts}
        if row["status"] in (FINAL, REFUSED):
            why = f"nonce {row['nonce']} was used by {row['transaction']}"
            for other in self._by_nonce[_nonce(row)]:
                if other["status"] == OUTSTANDING:
                    other |= {"status": DEAD, "reason": why}

    def ledger(self, entry: AuditEntry, act: str, facts: Details) -> None:
        if act == "halted":
            self.made.halts[entry.subject] = {"ledger": entry.subject, "at": entry.at, **facts}
        else:
            self.made.halts.pop(entry.subject, None)


def _detail(facts: Details) -> Details:
    return {name: value for name, value in facts.items() if name not in ("ids", "reason")}


def _nonce(row: Values) -> tuple[str, str, int]:
    return row["ledger"], row["sender"], row["nonce"]


_AREAS: Mapping[str, Callable[[_Fold, AuditEntry, str, Details], None]] = {
    "message": _Fold.message,
    "batch": _Fold.batch,
    "acknowledgement": _Fold.acknowledgement,
    "intent": _Fold.intent,
    "ledger": _Fold.ledger,
}
