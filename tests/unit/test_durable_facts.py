"""The digest over a store's durable facts: any fact counts, the order of rows does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import TypeDecorator, insert, select, update

from paripassu.bridge.durable import PARTS, Facts, Part, differences, digest, read_facts
from paripassu.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A row in every table that counts."""
    with Store.open(tmp_path / "bridge.db") as store:
        with store.write() as connection:
            for part in PARTS:
                connection.execute(insert(part.table), _row(part, 1))
        yield store


def _row(part: Part, number: int) -> dict[str, object]:
    kinds = {str: f"text {number}", int: number, float: number / 2, bytes: bytes([number])}
    types = {column.name: column.type for column in part.table.columns}
    plain = {name: kind.impl if isinstance(kind, TypeDecorator) else kind for name, kind in types.items()}
    row = {name: kinds[kind.python_type] for name, kind in plain.items()}
    fixed = {"observer": "relayer", "signed": 1}
    return row | {name: value for name, value in fixed.items() if name in row}


def _facts(store: Store) -> Facts:
    with store.read() as connection:
        return read_facts(connection)


FIELDS = [(part, name) for part in PARTS for name in part.columns if name not in ("observer", "signed")]


@pytest.mark.parametrize(("part", "name"), FIELDS, ids=[f"{part.name}.{name}" for part, name in FIELDS])
def test_rec_2_every_field_that_counts_changes_the_digest(store: Store, part: Part, name: str) -> None:
    before = _facts(store)
    with store.write() as connection:
        connection.execute(update(part.table).values({name: _row(part, 2)[name]}))
    after = _facts(store)
    assert digest(after) != digest(before)
    (sentence,) = differences(before, after)
    assert sentence.startswith(f"{part.name}: 1 rows of the live store are missing, 1 are new")


def test_rec_2_the_order_of_rows_does_not_count(tmp_path: Path) -> None:
    digests = []
    for numbers in ((1, 2, 3), (3, 1, 2)):
        with Store.open(tmp_path / f"{numbers[0]}.db") as store:
            with store.write() as connection:
                for part in PARTS:
                    rows = [_row(part, number) for number in numbers]
                    if part.name == "cursors":
                        rows = [row | {"ledger": f"ledger {row['height']}"} for row in rows]
                    for row in rows:
                        connection.execute(insert(part.table), row)
            digests.append(digest(_facts(store)))
    assert digests[0] == digests[1]


def test_rec_2_what_is_of_the_moment_or_an_attestors_own_does_not_count(store: Store) -> None:
    before = digest(_facts(store))
    by_name = {part.name: part for part in PARTS}
    with store.write() as connection:
        connection.execute(insert(by_name["bindings"].table), _row(by_name["bindings"], 2) | {"signed": 0})
        connection.execute(
            insert(by_name["cursors"].table), _row(by_name["cursors"], 2) | {"observer": "csd"}
        )
        connection.execute(update(by_name["transactions"].table).values(raw=b"lost"))
        assert len(connection.execute(select(by_name["cursors"].table)).all()) == 2
    assert digest(_facts(store)) == before
