"""The asset record of one ledger is byte by byte that of every other, and of another network (ID-5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu.examples import example
from paripassu.quantities import Minor
from paripassu.specification.asset import AssetRecord, differing
from paripassu.specification.exporting import exported, register
from paripassu.specification.filing import security_file
from paripassu.testing.network import LocalNetwork, started

LEDGERS = ("alpha", "bravo", "register")


def network_file(folder: Path, *, without: str = "", home: str = "alpha", securities: Path) -> Path:
    """The example of two chains and a book, less one chain."""
    text = example("two-chains.toml").read_text("utf-8")
    if without:
        text = re.sub(rf"\[ledgers\.{without}\].*?(?=\[ledgers\.)", "", text, count=1, flags=re.DOTALL)
    text = text.replace('home = "alpha"', f'home = "{home}"').replace('"securities/', f'"{securities}/')
    path = folder / "network.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def pari(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two chains and a book; a dividend was announced and its entitlements published, another announced."""
    folder = tmp_path_factory.mktemp("asset-record")
    path = network_file(folder, securities=example("securities"))
    for network in started(path, folder / "ws"):
        network.issue("holder_fr", 1_000)
        network.move("holder_fr", "alpha", "holder_fr", "alpha", 1)
        event = network.dividend(rate="0.3725")
        network.announce(event)
        network.pass_record_time(event)
        network.entitle(event)
        network.announce(network.dividend(rate="1/3", event_id="TEST2027DVCA0002"))
        yield network


def taken(pari: LocalNetwork, ledger: str) -> AssetRecord:
    return pari.run(exported(pari.session, ledger))


def test_id_5_every_ledger_has_the_same_record_byte_by_byte(pari: LocalNetwork) -> None:
    home = taken(pari, "alpha")
    assert [one.record.official_event_id for one in home.events] == ["TEST2027DVCA0001", "TEST2027DVCA0002"]
    assert home.events[0].entitlement_root is not None
    assert {"issuer", "registrar", "paying_agent"} <= set(home.roles)
    for other in LEDGERS[1:]:
        found = taken(pari, other)
        assert found.encoded() == home.encoded()
        assert differing(home, found) == ""
    read = AssetRecord.decoded(home.encoded(), "a file")
    assert read.encoded() == home.encoded()


def test_id_5_a_network_that_never_heard_of_the_asset_has_the_same_record_after_the_import(
    pari: LocalNetwork, tmp_path: Path
) -> None:
    content = taken(pari, "alpha").encoded()
    record = AssetRecord.decoded(content, "a file")
    (tmp_path / "securities").mkdir()
    security = tmp_path / "securities" / "example-equity.toml"
    security.write_text(security_file(record), "utf-8")
    path = network_file(tmp_path, without="alpha", home="bravo", securities=security.parent)
    for other in started(path, tmp_path / "ws"):
        before = taken(other, "bravo")
        assert differing(record, before).startswith("at events it has ")
        assert other.run(register(other.session, record.events)) == 2
        assert other.run(register(other.session, record.events)) == 0  # again: nothing is new
        other.deliver()
        for ledger in ("bravo", "register"):
            assert taken(other, ledger).encoded() == content


def test_id_5_a_field_that_differs_is_named(pari: LocalNetwork) -> None:
    home = taken(pari, "alpha")
    changed = replace(home.events[0], entitlement_total=Minor(1))
    found = differing(home, replace(home, events=(changed, home.events[1])))
    assert found.startswith("at events[0].entitlements.total it has ")
    assert "name it has" in differing(home, replace(home, name="Another"))
