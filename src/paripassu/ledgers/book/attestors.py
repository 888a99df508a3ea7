"""Another set of attestors takes over in the book, by an act that k of n roles agreed to (ACC-3)."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import insert, select

from paripassu.acts import RotateAttestors
from paripassu.ledgers.book.configuration import from_json, to_json
from paripassu.ledgers.book.journal import Entry
from paripassu.ledgers.book.schema import configuration as configuration_table
from paripassu.ledgers.port import Attestor, AttestorSet


def rotate(entry: Entry, command: RotateAttestors) -> None:
    """Put the set in place of the current one, under the next version; signatures for older ones count no
    more from the next entry on."""
    newest = select(configuration_table.c.document).order_by(configuration_table.c.height.desc()).limit(1)
    known = from_json(entry.connection.execute(newest).scalar_one())
    version = known.attestors.version + 1
    members = tuple(Attestor(signer, entity) for signer, entity in command.members)
    wanted = replace(known, attestors=AttestorSet(version, command.threshold, members))
    entry.connection.execute(
        insert(configuration_table).values(height=entry.height, document=to_json(wanted))
    )
    entry.note(
        attestors=version, threshold=command.threshold, signers=[signer for signer, _ in command.members]
    )
