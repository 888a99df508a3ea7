"""`pari spec --export` and `--import`: the portable asset record, from one ledger and against another."""

from __future__ import annotations

from pathlib import Path

from paripassu.cli.common import Place, print_json, run
from paripassu.config import load_security
from paripassu.errors import AssetRecordUnreadable, FileUnreadable, SpecificationDrift
from paripassu.jobs.session import open_session
from paripassu.specification.asset import AssetRecord, differing
from paripassu.specification.exporting import exported, register
from paripassu.specification.filing import security_file


def export_record(path: Path, ledger: str, place: Place, json: bool) -> None:
    """Take the record from a ledger and write it."""

    async def job() -> tuple[str, AssetRecord]:
        async with open_session(place.network_file, place.folder) as session:
            name = ledger or session.network.home
            return name, await exported(session, name)

    name, record = run(job())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(record.encoded())
    if json:
        print_json({"schema": "paripassu.exported/1", "ledger": name, "file": str(path)})
    else:
        print(f"wrote {path}, as {name} has it: {len(record.events)} events")
        print(f"next: pari spec --import {path} --ledger LEDGER")


def import_record(
    path: Path, ledger: str, *, announce: bool, write: Path | None, place: Place, json: bool
) -> None:
    """Read a record, and write it as a security file or hold it against a ledger."""
    record = AssetRecord.decoded(_content(path), str(path))
    if write is not None:
        _write(record, write)
        if json:
            print_json({"schema": "paripassu.imported/1", "file": str(write)})
        else:
            print(f"wrote {write}\nnext: name it in a network file, then pari deploy apply")
        return

    async def job() -> tuple[str, int, AssetRecord]:
        async with open_session(place.network_file, place.folder) as session:
            name = ledger or session.network.home
            new = await register(session, record.events) if announce else 0
            return name, new, await exported(session, name)

    name, new, found = run(job())
    difference = differing(record, found)
    if json:
        print_json(
            {
                "schema": "paripassu.imported/1",
                "ledger": name,
                "announced": new,
                "same": not difference,
                "difference": difference,
            }
        )
    if difference:
        raise SpecificationDrift(f"{name} does not have the asset as {path} says: {difference}.")
    if not json:
        print(f"{name} has the asset as {path} says, byte by byte; {new} events announced")


def _write(record: AssetRecord, path: Path) -> None:
    """A security file, which must be read as the very same security."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(security_file(record), encoding="utf-8")
    read = load_security(path)
    if read.terms_hash != record.terms_hash or int(read.issue_size) != int(record.issue_limit):
        raise AssetRecordUnreadable(
            f"Written as a security file the terms hash to {read.terms_hash}, not to {record.terms_hash}."
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read ({type(error).__name__}).") from None
