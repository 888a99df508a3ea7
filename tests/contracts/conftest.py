"""One chain of the network, home of the security, behind proxies, with accounts named by role."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from scripts import _suite
from support import World

from paripassu.config import load_security
from paripassu.identifiers import Country
from paripassu.ledgers.signers import dev_key

PEER_CHAIN = 31002
REASON = b"a test".ljust(32, b"\0")


def _party(name: str):
    """A fixture: the account of a party of the suite."""

    def party(world):
        return getattr(world, name)

    party.__name__ = name
    return pytest.fixture(party)


issuer_agent = _party("issuer_agent")
paying_agent = _party("paying_agent")
transfer_agent = _party("transfer_agent")
holder_de = _party("holder_de")
holder_fr = _party("holder_fr")
custodian_de = _party("custodian_de")


@pytest.fixture(scope="module")
def relayer(module_isolation):
    return _suite.funded("relayer")


@pytest.fixture(scope="module")
def holder_us(module_isolation):
    return _suite.funded("holder_us")


@pytest.fixture(scope="module")
def stranger(module_isolation):
    return _suite.funded("stranger")


@pytest.fixture(scope="session")
def attestors():
    """Two attestors of two entities, in the order of their addresses."""
    keys = [dev_key(name) for name in ("attestor_csd", "attestor_custodian")]
    return sorted((Account.from_key(key) for key in keys), key=lambda account: int(account.address, 16))


@pytest.fixture(scope="module")
def world(module_isolation):
    """All contracts of the chain, as `pari deploy` sets them up, with lanes to one peer; three holders."""
    security = load_security(_suite.EXAMPLES / "securities" / "example-equity.toml")
    countries = frozenset((Country("DE"), Country("FR")))
    security = replace(security, rules=replace(security.rules, countries=countries))
    suite = _suite.deploy(security, peers=("bravo",))
    custodian = _suite.funded("custodian_de")
    w = World(suite=suite, custodian_de=custodian, **suite.contracts, **suite.parties)
    _suite.onboard(suite, "holder_de", "DE")
    _suite.onboard(suite, "holder_fr", "FR")
    _suite.onboard(suite, "custodian_de", "DE", servicer=custodian.address)
    w.security = bytes(security.security_id)
    return w


@pytest.fixture(autouse=True)
def _apart(world, fn_isolation):
    """Each test starts from the chain as `world` left it."""


@pytest.fixture
def issued(world, transfer_agent, holder_de):
    """1,000 shares, all with the German holder."""
    world.token.issue(holder_de, 1000, b"first issue", {"from": transfer_agent})
    return 1000
