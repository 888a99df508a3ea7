"""The portable asset record: read and written again byte by byte, or refused (ID-5)."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paripassu.canonical import canonical_json
from paripassu.config import load_event, load_security
from paripassu.errors import AssetRecordUnreadable
from paripassu.examples import example
from paripassu.identifiers import keccak256
from paripassu.ledgers.port import KnownEvent
from paripassu.quantities import Minor
from paripassu.specification.asset import AssetRecord, differing
from paripassu.specification.exporting import market_of
from paripassu.specification.filing import security_file, toml_of

SECURITY = load_security(example("securities/example-equity.toml"))
EVENT = load_event(example("2027-03-dividend.toml"), SECURITY).record


def record(*, published: bool = True) -> AssetRecord:
    root = (keccak256(b"root"), Minor(37_000), 4) if published else (None, None, None)
    return AssetRecord(
        isin=SECURITY.isin,
        lei=SECURITY.lei,
        cfi=SECURITY.cfi,
        fisn=SECURITY.fisn,
        name=SECURITY.name,
        symbol=SECURITY.symbol,
        issue_limit=SECURITY.issue_size,
        terms=SECURITY.terms,
        terms_version=1,
        market=market_of(SECURITY),
        roles={"registrar": ("0x" + "11" * 20,), "issuer": ("0x" + "22" * 20, "0x" + "21" * 20)},
        events=(KnownEvent(EVENT, EVENT.record_hash, *root),),
    )


@pytest.mark.parametrize("published", [True, False])
def test_id_5_what_is_read_is_written_again_byte_by_byte(published: bool) -> None:
    made = record(published=published)
    read = AssetRecord.decoded(made.encoded(), "a file")
    assert read.encoded() == made.encoded()
    assert differing(made, read) == ""
    assert read.events[0].record == EVENT
    assert made.encoded() == canonical_json(json.loads(made.encoded())) + b"\n"


def paths(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document that holds a value."""
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document)
    for key, value in items:
        yield (*at, key)
        yield from paths(value, (*at, key))


def changed(document: Any, at: tuple[Any, ...], change: str) -> Any:
    """A copy in which one place is gone, or says something else."""
    made = copy.deepcopy(document)
    inner = made
    for key in at[:-1]:
        inner = inner[key]
    value = inner[at[-1]]
    if change == "gone":
        del inner[at[-1]]
    elif isinstance(value, bool):
        inner[at[-1]] = not value
    elif isinstance(value, int):
        inner[at[-1]] = value + 1
    elif isinstance(value, str):
        inner[at[-1]] = value + "X"
    else:
        inner[at[-1]] = None
    return made


# what may differ from record to record: a change of it makes another record, and no loss
FREE = {"name", "symbol", "issueLimit", "termsVersion", "market", "roles"}


@pytest.mark.parametrize("change", ["gone", "other"])
def test_id_5_any_field_that_would_be_lost_or_does_not_fit_is_refused(change: str) -> None:
    document = json.loads(record().encoded())
    tried = 0
    for at in paths(document):
        other = changed(document, at, change)
        if at[0] in FREE and (change == "other" or len(at) > 1):
            continue
        if at[:2] in {("identifiers", "cfi"), ("identifiers", "fisn"), ("events", 0)} and len(at) > 1:
            continue  # of these the last test has the cases
        tried += 1
        with pytest.raises(AssetRecordUnreadable):
            AssetRecord.decoded(canonical_json(other) + b"\n", "a file")
    assert tried > 20


@pytest.mark.parametrize("change", ["gone", "other"])
def test_id_5_an_event_is_kept_whole_under_its_hash(change: str) -> None:
    document = json.loads(record().encoded())
    for key in document["events"][0]:
        if key == "entitlements":
            continue
        with pytest.raises(AssetRecordUnreadable):
            AssetRecord.decoded(
                canonical_json(changed(document, ("events", 0, key), change)) + b"\n", "a file"
            )


def test_id_5_what_the_schema_does_not_know_and_another_form_are_refused() -> None:
    content = record().encoded()
    more = json.loads(content) | {"mood": "good"}
    with pytest.raises(AssetRecordUnreadable, match="mood"):
        AssetRecord.decoded(canonical_json(more) + b"\n", "a file")
    for other in (content.rstrip(b"\n"), json.dumps(json.loads(content)).encode(), b"{}", b"\xff"):
        with pytest.raises(AssetRecordUnreadable):
            AssetRecord.decoded(other, "a file")


def test_id_5_a_security_file_made_of_a_record_is_the_same_security(tmp_path: Path) -> None:
    made = record()
    path = tmp_path / "security.toml"
    path.write_text(security_file(made), encoding="utf-8")
    read = load_security(path)
    assert (read.security_id, read.terms_hash) == (SECURITY.security_id, SECURITY.terms_hash)
    assert read == SECURITY


keys = st.text(min_size=1, max_size=8)
leaves = st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.text(max_size=20) | st.dates()
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
documents = st.recursive(
    st.dictionaries(keys, values, max_size=4),
    lambda inner: st.dictionaries(keys, inner | values, max_size=4),
    max_leaves=12,
)


@given(documents)
def test_id_5_whatever_is_written_as_toml_is_read_as_it_was(document: dict[str, Any]) -> None:
    assert tomllib.loads(toml_of(document)) == document


def test_id_5_tables_in_lists_are_written_too() -> None:
    document = {"tranches": [{"name": "A", "until": date(2027, 3, 1)}, {"name": "B"}]}
    assert tomllib.loads(toml_of(document)) == document
