"""The pytest plugin `paripassu`: local ledgers, a deployed security, and holders named by role.

    def test_dividend(pari):                    # a fresh state for each test
        pari.issue("holder_fr", 1_000)

The network file is the ini option `paripassu_network`; without it, two Anvil
chains and a book-entry ledger. Fixtures load nothing until a test asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from paripassu.testing.network import LocalNetwork


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("paripassu_network", "network file of the local ledgers that tests run on", default="")


@pytest.fixture(scope="session")
def pari_network(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalNetwork]:
    """A deployed network for the whole session; tests that use it directly see each other's changes."""
    from paripassu.examples import example
    from paripassu.testing.network import started

    chosen = str(pytestconfig.getini("paripassu_network"))
    path = pytestconfig.rootpath / chosen if chosen else example("two-chains.toml")
    yield from started(Path(path), tmp_path_factory.mktemp("pari"))


@pytest.fixture
def pari(pari_network: LocalNetwork) -> Iterator[LocalNetwork]:
    """The network in the state right after deployment; what a test does is undone after it."""
    with pari_network.undone():
        yield pari_network
