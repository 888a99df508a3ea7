"""Databases as earlier releases left them."""

from __future__ import annotations

import shutil
from pathlib import Path

from paripassu.database import Database, Schema


def database_at(place: Path, schema: Schema, revision: str, folder: Path) -> Database:
    """An open database that has only been migrated up to a revision.

    Args:
        folder: where the migrations up to that revision are copied to; it is made.
    """
    known = schema.revisions[: schema.revisions.index(revision) + 1]
    folder.mkdir()
    for one in known:
        (file,) = schema.versions.glob(f"{one}_*.py")
        shutil.copy(file, folder / file.name)
    return Database.open(place, Schema(schema.name, folder, known))
