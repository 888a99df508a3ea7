"""`pari spec`: the specification sheet of a deployed security, and drift from one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from paripassu.cli.assets import export_record, import_record
from paripassu.cli.common import JsonFlag, Place, print_json, print_table, run
from paripassu.config import load_securities
from paripassu.errors import FileUnreadable, InvalidArgument, SpecificationDrift
from paripassu.jobs.session import read_network
from paripassu.specification import differences, parsed, rendered
from paripassu.specification.observing import observed_specification


def spec(
    isin: Annotated[str, Parameter(help="The security; the network's first where none is named.")] = "",
    *,
    write: Annotated[Path | None, Parameter(help="Write the sheet to a file instead of printing it.")] = None,
    diff: Annotated[
        Path | None, Parameter(help="Compare a sheet with the ledgers; exits 1 where they differ.")
    ] = None,
    export: Annotated[
        Path | None,
        Parameter(help="Write the portable asset record (canonical JSON) as one ledger has it."),
    ] = None,
    imported: Annotated[
        Path | None,
        Parameter(
            name="--import",
            help="Hold an asset record against a ledger, exits 1 where it differs; with --write make a "
            "security file of it instead.",
        ),
    ] = None,
    ledger: Annotated[
        str, Parameter(help="The ledger of --export and --import; the home ledger where none is named.")
    ] = "",
    announce: Annotated[
        bool,
        Parameter(negative="", help="With --import: announce at home the events that it does not know."),
    ] = False,
    place: Place = Place(),
    json: JsonFlag = False,
) -> None:
    """Show what a security is on its ledgers: identity, terms, rules, roles, acts, code, addresses."""
    if export is not None:
        export_record(export, ledger, place, json)
        return
    if imported is not None:
        import_record(imported, ledger, announce=announce, write=write, place=place, json=json)
        return
    network = read_network(place.network_file, place.folder)
    securities = load_securities(network)
    security = next((one for one in securities.values() if isin in ("", one.isin)), None)
    if security is None:
        raise InvalidArgument(f"The network has no security {isin}; it has {', '.join(securities)}.")
    said = None if diff is None else parsed(_text(diff), str(diff))
    sheet = run(observed_specification(network, place.folder, security))
    if said is None:
        if write is not None:
            write.parent.mkdir(parents=True, exist_ok=True)
            write.write_text(rendered(sheet), encoding="utf-8")
        if json:
            print_json(sheet.as_json())
        elif write is not None:
            print(f"wrote {write}\nnext: pari spec --diff {write}")
        else:
            print(rendered(sheet), end="")
        return
    found = differences(said, sheet)
    if json:
        document = {
            "schema": "paripassu.specification-diff/1",
            "differences": [one.as_json() for one in found],
        }
        print_json(document)
    elif found:
        rows = [[one.section, one.row, one.column, one.sheet, one.ledgers] for one in found]
        print_table("", ["section", "row", "ledger or column", "sheet", "ledgers"], rows)
    else:
        print(f"the ledgers are as {diff} says")
    if found:
        first = found[0]
        raise SpecificationDrift(
            f"{len(found)} differences; the first is '{first.row or first.section}' of section "
            f"'{first.section}': the sheet says {first.sheet}, the ledgers {first.ledgers}."
        )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(f"{path} cannot be read ({type(error).__name__}).") from None
