"""`pari relay rebuild`, `pari audit`: the store from ledgers and audit log, and the log itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.common import JsonFlag, Place, print_json, run
from paripassu.cli.logs import log_to_stderr
from paripassu.errors import AuditLogUnreadable, InvalidArgument
from paripassu.jobs.rebuilding import Report, Wanted
from paripassu.jobs.rebuilding import rebuild as rebuild_store
from paripassu.jobs.session import read_network
from paripassu.jobs.storing import open_store
from paripassu.store import audit
from paripassu.store.audit_file import from_lines, to_lines


def rebuild(
    *,
    place: Place = Place(),
    log: Annotated[
        Path | None, Parameter(help="An exported audit log; else the one in the store that is there.")
    ] = None,
    without_log: Annotated[
        bool, Parameter(negative="", help="From the ledgers alone, where the audit log is lost too.")
    ] = False,
    into: Annotated[
        str, Parameter(help="Path or SQLAlchemy URL of the new store; the one that is there stays.")
    ] = "",
    accept: Annotated[
        bool, Parameter(negative="", help="Take the new store's facts where they differ from the live one's.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Make the bridge's store anew from ledgers and audit log, compare it with the live one, and let it take
    the live one's place, which is kept beside it."""
    if log is not None and without_log:
        raise InvalidArgument("--log and --without-log exclude each other.")
    log_to_stderr()
    network = read_network(place.network_file, place.folder)
    report = run(rebuild_store(network, place.folder, Wanted(log, without_log, into, accept)))
    (_print_json if json else _print)(report)


def audit_export(
    file: Annotated[Path, Parameter(name="FILE", help="Where the log is written to; it must not exist.")],
    *,
    place: Place = Place(),
) -> None:
    """Write the bridge's audit log to a file, from which a lost store can be rebuilt."""
    with open_store(place.network_file, place.folder) as store, store.read() as connection:
        audit.verify(connection)
        rows = audit.entries(connection)
    try:
        with file.open("x", encoding="utf-8") as lines:
            lines.writelines(f"{line}\n" for line in to_lines(rows))
    except OSError as error:
        raise InvalidArgument(f"{file} cannot be written: {error.strerror}.") from error
    print(f"{len(rows)} rows, the last one {rows[-1].hash if rows else 'none'}")
    print(f"next: pari audit verify --log {file}")


def audit_verify(
    *,
    place: Place = Place(),
    log: Annotated[Path | None, Parameter(help="An exported log; else the one in the store.")] = None,
) -> None:
    """Check the hashes of the audit log from its first row to its last."""
    if log is None:
        with open_store(place.network_file, place.folder) as store, store.read() as connection:
            audit.verify(connection)
            rows = audit.entries(connection)
    else:
        try:
            rows = tuple(from_lines(log.read_text("utf-8").splitlines()))
        except (OSError, UnicodeDecodeError) as error:
            raise AuditLogUnreadable(f"{log} cannot be read: {error}.") from error
    print(f"{len(rows)} rows fit, the last one {rows[-1].hash if rows else 'none'}")


def _print_json(report: Report) -> None:
    print_json(
        {
            "schema": "paripassu.rebuild/1",
            "store": report.store,
            "kept": None if report.kept is None else str(report.kept),
            "digest": report.digest.text,
            "liveDigest": None if report.live_digest is None else report.live_digest.text,
            "equal": report.digest == report.live_digest,
            "differences": list(report.differences),
            "logRows": report.made.log_rows,
            "beyondLog": report.made.beyond_log,
            "states": {state.value: count for state, count in sorted(report.made.states.items())},
            "notKnown": list(report.not_known),
            "notUnderstood": list(report.made.not_understood),
        }
    )


def _print(report: Report) -> None:
    states = ", ".join(f"{count} {state.value}" for state, count in sorted(report.made.states.items()))
    print(f"rebuilt {report.store}: {states or 'no message'}; {report.made.log_rows} rows of the audit log")
    if report.kept is not None:
        print(f"what was there is kept as {report.kept}")
    print(f"digest {report.digest}")
    if report.live_digest is not None:
        print(f"live   {report.live_digest}" + (", equal" if report.digest == report.live_digest else ""))
    for one in report.differences:
        print(f"differs: {one}")
    for one in report.not_known:
        print(f"not known any more: {one}")
    if report.made.beyond_log:
        print(f"{report.made.beyond_log} messages are newer than the log")
    print("next: pari status")
