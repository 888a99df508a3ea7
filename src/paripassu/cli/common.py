"""What most commands share: where the network file and the workspace are, and how results are printed."""

# annotations are no texts here: groups of options are inherited in other modules, which cannot resolve them

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import Parameter

from paripassu.examples import example
from paripassu.workspace import Workspace

if TYPE_CHECKING:
    from rich.table import Table

T = TypeVar("T")
NETWORK_VARIABLE = "PARI_NETWORK"


@Parameter(name="*")
@dataclass(frozen=True)
class Place:
    """Which network, in which workspace."""

    network: Annotated[
        Path | None,
        Parameter(help="Network file; else $PARI_NETWORK, else network.toml here, else the local example."),
    ] = None
    workspace: Annotated[
        Path | None, Parameter(help="Folder for state; else $PARI_WORKSPACE, else .pari here.")
    ] = None

    @property
    def network_file(self) -> Path:
        if self.network is not None:
            return self.network
        if NETWORK_VARIABLE in os.environ:
            return Path(os.environ[NETWORK_VARIABLE])
        here = Path("network.toml")
        return here if here.exists() else example("local.toml")

    @property
    def folder(self) -> Workspace:
        return Workspace.at(self.workspace)


@Parameter(name="*")
@dataclass(frozen=True)
class SecurityPlace(Place):
    """Which security of which network."""

    isin: Annotated[
        str, Parameter(help="ISIN of the security; the network's first one where none is named.")
    ] = ""


JsonFlag = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON alone on standard output.")]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run one command's coroutine to its end."""
    return asyncio.run(coroutine)


def print_json(document: Mapping[str, Any]) -> None:
    """JSON alone on standard output, with its schema inside."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; columns whose name ends in '#' are figures, set to the right."""
    from rich.console import Console  # only who prints a table pays for its import

    width = None if sys.stdout.isatty() else 160
    Console(width=width, highlight=False).print(table_of(title, columns, rows))


def table_of(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> "Table":
    """The same as a table to be shown."""
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", pad_edge=False, box=None)
    for column in columns:
        figure = column.endswith("#")
        table.add_column(
            column.rstrip("#"), justify="right" if figure else "left", no_wrap=figure, overflow="fold"
        )
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
