"""What a security is, on every ledger alike: terms, roles, sheet, and its portable record (ID-4 to ID-9)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu import deploy
from paripassu.canonical import document_hash
from paripassu.controls import Reason, SetCountries, SetMinimumLot
from paripassu.devnet import controls
from paripassu.errors import EventNotLegal
from paripassu.identifiers import ROLES, Country
from paripassu.jobs import controlling
from paripassu.ledgers.evm.adapter import EvmLedger
from paripassu.ledgers.evm.contracts import codec
from paripassu.quantities import Minor, Units
from paripassu.specification import Sheet, differences, parsed, rendered
from paripassu.specification.asset import AssetRecord, differing
from paripassu.specification.exporting import exported, register
from paripassu.specification.filing import security_file
from paripassu.specification.observing import observed_specification
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

LEDGERS = ("alpha", "bravo", "register")


@pytest.fixture(scope="module")
def pari(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Two chains and a book; a dividend was announced and its entitlements published, another announced."""
    folder = tmp_path_factory.mktemp("asset-record")
    for network in started(two_chains(folder), folder / "ws"):
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
    security = tmp_path / "security.toml"
    security.write_text(security_file(record), "utf-8")
    path = two_chains(tmp_path, without="alpha", home="bravo", securities=[security])
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


def test_id_4_the_document_made_canonical_again_has_the_hash_that_is_on_each_chain(
    pari: LocalNetwork,
) -> None:
    security = pari.session.security
    again = document_hash(json.loads(security.terms_json))
    for ledger in ("alpha", "bravo"):
        chain = pari.ledger(ledger)
        assert isinstance(chain, EvmLedger)
        assert pari.run(chain.contracts.view("SecurityToken", "termsHash")) == bytes(again)
        assert pari.run(chain.contracts.view("SecurityToken", "securityId")) == bytes(security.security_id)


def test_id_7_roles_have_one_number_on_every_chain_and_one_that_has_no_name_is_found(
    pari: LocalNetwork,
) -> None:
    held = {ledger: taken(pari, ledger).roles for ledger in LEDGERS}
    assert held["alpha"] == held["bravo"] == held["register"]
    assert set(held["alpha"]) <= set(ROLES)
    alpha = pari.ledger("alpha")
    assert isinstance(alpha, EvmLedger)
    manager = alpha.contracts.address("AccessManager")
    grant = codec("AccessManager").encode("grantRole", 77, pari.signer("stranger").address, 0)
    deployer = pari.signer("deployer").address

    async def granted() -> None:
        """The administrator grants a role that is not of the closed list."""
        await alpha.rpc.call("anvil_impersonateAccount", deployer)
        await alpha.rpc.call(
            "eth_sendTransaction", {"from": deployer, "to": manager, "data": "0x" + grant.hex()}
        )

    state = pari.snapshot()
    alpha = pari.ledger("alpha")
    assert isinstance(alpha, EvmLedger)
    assert pari.run(deploy.check(pari.network, pari.workspace)).ok
    pari.run(granted())
    controls.mine(pari.network.ledgers["alpha"].rpc_urls[0], 4)
    found = pari.run(deploy.check(pari.network, pari.workspace)).findings
    assert [one.title for one in found] == ["the holders of role 77"]
    pari.revert(state)


def test_id_8_interest_on_an_equity_is_not_announced(pari: LocalNetwork) -> None:
    interest = replace(pari.dividend(rate="0.05", event_id="TEST2027INTR0001"), event_type="INTR")
    with pytest.raises(EventNotLegal, match="The CFI ESVUFR is an equity, which has no event INTR"):
        pari.announce(interest)
    for ledger in LEDGERS:
        assert pari.run(pari.ledger(ledger).event("TEST2027INTR0001")) is None


def test_id_9_the_sheet_of_a_deployed_security_differs_from_it_after_any_drift_alone(
    pari: LocalNetwork,
) -> None:
    async def sheet() -> Sheet:
        return await observed_specification(pari.network, pari.workspace, pari.session.security)

    written = parsed(rendered(pari.run(sheet())), "a file")
    assert differences(written, pari.run(sheet())) == ()
    state = pari.snapshot()
    for ledger, command in (
        ("bravo", SetMinimumLot(Units(7), Reason("drift"))),
        ("register", SetCountries(frozenset({Country("FR")}), False, Reason("drift"))),
    ):
        rule_manager = pari.session.role("rule_manager")
        pari.run(controlling.carry_out(pari.ledger(ledger), command, rule_manager))
    found = differences(written, pari.run(sheet()))
    assert {(one.section, one.row, one.column) for one in found} == {
        ("Rules", "minimum lot", "eip155:31002"),
        ("Rules", "countries that may receive", "book:register"),
    }
    pari.revert(state)
