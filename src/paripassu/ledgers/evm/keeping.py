"""Decisions of a chain put into the log as instructions are refused or carried out (CTL-11)."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from paripassu.commands import Command
from paripassu.errors import LedgerError
from paripassu.ledgers.decisions import DecisionLog, moves_units
from paripassu.ledgers.evm.decisions import DecisionReader
from paripassu.ledgers.evm.traces import Happened
from paripassu.ledgers.port import Outcome
from paripassu.rules import Movement, Restriction


class DecisionKeeper:
    """Keeps what goes through one chain's adapter; without a log it does nothing.

    An instruction and its outcome matter more than their record: a node that gives no facts stops
    nothing, and what is missing of what was carried out is found when the log is brought up to date.
    """

    def __init__(self, reader: DecisionReader, log: DecisionLog | None) -> None:
        self._reader = reader
        self._log = log

    async def refused(self, what: Command | Movement, code: Restriction, reference: str) -> None:
        """The rules refused a command, or would refuse a movement; NONE where their code is not known."""
        if self._log is None:
            return
        with contextlib.suppress(LedgerError):
            if isinstance(what, Movement):
                found = [Happened.of(what)]
            else:
                found = await self._reader.instructed(what)
            record = await self._reader.refused(found, code, reference) if found else None
            self._log.append([record] if record is not None else [])

    async def made(self, command: Command, outcome: Outcome, reference: str) -> None:
        """A command was carried out in a final block."""
        if self._log is None or outcome.block is None or not moves_units(command):
            return
        height = outcome.block.height
        with contextlib.suppress(LedgerError):
            made = await self._reader.made(height, height)
            own = [one for one in made if one.transaction == outcome.transaction]
            self._log.append([replace(one, reference=reference) for one in own])
