"""`journal.jsonl`: every intent of a deployment, on disk before it is sent (append-only).

One file for an environment. Each line is one JSON object: an `intent` (a signed
transaction, about to be sent) or a `settled` (how it ended). Lines carry the chain's
genesis hash: a local chain that was started anew has nothing to do with the old one's
transactions. A last line that a crash cut off is passed over; what it would have
announced was not sent.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from paripassu.errors import ApplyRunning, RecordUnreadable
from paripassu.ledgers.intents import Intent, MemoryIntentLog, Settled

CRASH_VARIABLE = "PARI_CRASH_AT"
_passed = 0


def seam() -> None:
    """A point at which tests kill the process: the n-th one reached, n in $PARI_CRASH_AT."""
    global _passed
    _passed += 1
    if os.environ.get(CRASH_VARIABLE) == str(_passed):
        os.kill(os.getpid(), signal.SIGKILL)


class Journal:
    """The open journal file of one environment; locked against a second apply."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None
        self._entries: list[dict[str, Any]] = []

    @contextlib.contextmanager
    def opened(self) -> Iterator[Journal]:
        """Lock and read the journal for the length of the block. Raises ApplyRunning, RecordUnreadable."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ApplyRunning(f"Another apply holds the journal {self.path}.") from None
            self._entries = _read(file, self.path)
            self._file = file
            try:
                yield self
            finally:
                self._file = None

    def append(self, entry: dict[str, Any]) -> None:
        """Write one line and force it to disk."""
        if self._file is None:
            raise RecordUnreadable(f"The journal {self.path} is not open.")
        seam()
        self._file.write(json.dumps({"at": int(time.time()), **entry}, separators=(",", ":")) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._entries.append(entry)
        seam()

    def intents_of(self, genesis: str) -> JournalIntentLog:
        """The intents of one chain, as an IntentLog."""
        return JournalIntentLog(self, genesis, [e for e in self._entries if e.get("genesis") == genesis])


class JournalIntentLog:
    """`IntentLog` over the journal, for one chain."""

    def __init__(self, journal: Journal, genesis: str, entries: list[dict[str, Any]]) -> None:
        self._journal = journal
        self._genesis = genesis
        self._memory = MemoryIntentLog()
        for entry in entries:
            if entry["kind"] == "intent":
                self._memory.record(_intent(entry))
            else:
                self._memory.settle(_settled(entry))

    def find(self, reference: str) -> tuple[Intent, ...]:
        return self._memory.find(reference)

    def settled(self, reference: str) -> Settled | None:
        return self._memory.settled(reference)

    def outstanding(self, ledger: str, sender: str) -> tuple[Intent, ...]:
        return self._memory.outstanding(ledger, sender)

    def tenure(self, ledger: str, sender: str) -> str:
        return self._memory.tenure(ledger, sender)

    def record(self, intent: Intent) -> None:
        self._journal.append(
            {
                "kind": "intent",
                "genesis": self._genesis,
                "ledger": intent.ledger,
                "reference": intent.reference,
                "sender": intent.sender,
                "nonce": intent.nonce,
                "transaction": intent.transaction,
                "raw": "0x" + intent.raw.hex(),
            }
        )
        self._memory.record(intent)

    def settle(self, result: Settled) -> None:
        self._journal.append(
            {
                "kind": "settled",
                "genesis": self._genesis,
                "reference": result.reference,
                "transaction": result.transaction,
                "status": result.status,
                "height": result.height,
                "reason": result.reason,
                "gasUsed": result.gas_used,
            }
        )
        self._memory.settle(result)


def _read(file: IO[str], path: Path) -> list[dict[str, Any]]:
    """All whole lines; what a crash cut off at the end is removed from the file."""
    file.seek(0)
    text = file.read()
    whole = text[: text.rfind("\n") + 1]
    if len(whole) != len(text):
        file.truncate(len(whole.encode("utf-8")))
        file.seek(0, os.SEEK_END)
    entries: list[dict[str, Any]] = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            entry = json.loads(line)
            _intent(entry) if entry["kind"] == "intent" else _settled(entry)
        except (ValueError, KeyError, TypeError):
            raise RecordUnreadable(f"Line {number} of the journal {path} is damaged.") from None
        entries.append(entry)
    return entries


def _intent(entry: dict[str, Any]) -> Intent:
    return Intent(
        reference=entry["reference"],
        ledger=entry["ledger"],
        sender=entry["sender"],
        nonce=int(entry["nonce"]),
        transaction=entry["transaction"],
        raw=bytes.fromhex(entry["raw"][2:]),
    )


def _settled(entry: dict[str, Any]) -> Settled:
    return Settled(
        reference=entry["reference"],
        transaction=entry["transaction"],
        status=entry["status"],
        height=int(entry["height"]),
        reason=entry["reason"],
        gas_used=int(entry["gasUsed"]),
    )
