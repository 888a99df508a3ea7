"""The difference between desired and observed state (pure), the journal, and the records."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu.config import load_network, load_security
from paripassu.deploy import records
from paripassu.deploy.create3 import factory_address
from paripassu.deploy.desired import MANAGER, EvmDesired
from paripassu.deploy.journal import Journal
from paripassu.deploy.observe import EvmObserved
from paripassu.deploy.plan import steps_for
from paripassu.deploy.rights import FUNCTIONS
from paripassu.deploy.spec import desired_state
from paripassu.deploy.steps import Step
from paripassu.errors import ApplyRunning, CodeDrift, NotDeployed, RecordTampered, RecordUnreadable
from paripassu.identifiers import Bytes32, role_id
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.intents import Intent, Settled
from paripassu.ledgers.port import BlockRef

ROOT = Path(__file__).resolve().parents[2]
NETWORK = load_network(ROOT / "examples" / "local.toml")
DESIRED = desired_state(NETWORK, load_security(NETWORK.security_path))
NOTHING = Bytes32(bytes(32))
STRANGER = "0x52908400098527886E0F7030069857D2E4169EE7"


def chain(name: str) -> EvmDesired:
    found = DESIRED[name]
    assert isinstance(found, EvmDesired)
    return found


def empty(desired: EvmDesired) -> EvmObserved:
    return EvmObserved(
        genesis=NOTHING.text,
        final=BlockRef(0, NOTHING, 0),
        has_deterministic_deployer=True,
        code_hashes={one.address: None for one in desired.creations},
        implementations={},
        settings=tuple(None for _ in desired.settings),
        members={},
        functions={},
        versions={},
    )


def complete(desired: EvmDesired) -> EvmObserved:
    """Observed as desired; settings are replaced by ones that match whatever they read."""
    return replace(
        empty(desired),
        code_hashes={one.address: one.code_hash for one in desired.creations},
        implementations={
            one.name: one.implementation.lower() for one in desired.creations if one.implementation
        },
        settings=tuple("as desired" for _ in desired.settings),
        members=desired.members,
        functions=desired.functions,
    )


def content(desired: EvmDesired) -> EvmDesired:
    settings = tuple(replace(one, matches=lambda found: found == "as desired") for one in desired.settings)
    return replace(desired, settings=settings)


def test_nothing_is_planned_where_everything_is_as_desired() -> None:
    desired = content(chain("alpha"))
    assert steps_for(desired, complete(desired)) == ()


def test_empty_chain_needs_every_contract_and_one_transaction_for_the_rest() -> None:
    desired = chain("alpha")
    steps = steps_for(desired, empty(desired))
    assert [step.key for step in steps] == [*(f"create/{one.name}" for one in desired.creations), "set-up"]
    assert {step.signer for step in steps} == {"deployer"}
    assert {step.stage for step in steps} == {1}


def test_chain_without_deterministic_deployer_gets_it_before_anything_else() -> None:
    desired = chain("charlie")
    steps = steps_for(desired, replace(empty(desired), has_deterministic_deployer=False))
    assert (steps[0].stage, steps[0].key) == (0, "deterministic-deployer")
    assert steps[0].published


def test_addresses_are_one_set_for_all_chains() -> None:
    places = [
        {one.name: one.address for one in chain(name).creations} for name in ("alpha", "bravo", "charlie")
    ]
    assert places[0] == places[1] == places[2]
    assert places[0]["Create3Factory"] == factory_address()


def calls_of(step: Step) -> list[tuple[str, tuple[object, ...]]]:
    (inner,) = codec(MANAGER).decode_call(step.data)[1]
    return [codec(MANAGER).decode_call(data) for data in inner]


def test_deployer_holds_roles_only_within_the_set_up() -> None:
    desired = chain("alpha")
    calls = calls_of(steps_for(desired, empty(desired))[-1])
    names = [name for name, _ in calls]
    granted = [args[0] for name, args in calls if name == "grantRole" and args[1] == desired.deployer]
    revoked = [args[0] for name, args in calls if name == "revokeRole" and args[1] == desired.deployer]
    assert granted == revoked == [role_id(role) for role in ("tokenizer", "bridge_operator", "issuer_agent")]
    assert max(index for index, name in enumerate(names) if name == "execute") < names.index("revokeRole")


def test_extra_role_holder_is_revoked_and_a_missing_one_granted() -> None:
    desired = content(chain("alpha"))
    registrar, freezer = role_id("registrar"), role_id("freezer")
    members = {**desired.members, registrar: desired.members[registrar] | {STRANGER}, freezer: frozenset()}
    (step,) = steps_for(desired, replace(complete(desired), members=members))
    assert calls_of(step) == [
        ("revokeRole", (registrar, STRANGER)),
        ("grantRole", (freezer, *desired.members[freezer], 0)),
    ]


def test_function_open_to_another_role_is_given_back() -> None:
    desired = content(chain("alpha"))
    token, issue = desired.addresses["SecurityToken"], codec("SecurityToken").selector("issue")
    functions = {**desired.functions, (token, issue): role_id("issuer"), (STRANGER, issue): 5}
    (step,) = steps_for(desired, replace(complete(desired), functions=functions))
    assert set(calls_of(step)) == {
        ("setTargetFunctionRole", (token, (issue,), role_id("transfer_agent"))),
        ("setTargetFunctionRole", (STRANGER, (issue,), 0)),
    }


def test_changed_setting_is_made_by_the_holder_of_its_role() -> None:
    desired = content(chain("alpha"))
    found = ["as desired"] * len(desired.settings)
    number = next(index for index, one in enumerate(desired.settings) if one.role == "bridge_operator")
    found[number] = "something else"
    (step,) = steps_for(desired, replace(complete(desired), settings=tuple(found)))
    assert (step.signer, step.stage, step.parts) == ("bridge_operator", 2, (desired.settings[number].title,))


def test_proxy_with_older_code_is_upgraded_by_the_upgrader() -> None:
    desired = content(chain("alpha"))
    implementations = {**complete(desired).implementations, "Gateway": STRANGER.lower()}
    (step,) = steps_for(desired, replace(complete(desired), implementations=implementations))
    assert (step.signer, step.to) == ("upgrader", desired.addresses["Gateway"])


def test_other_code_at_our_address_is_no_step() -> None:
    desired = content(chain("alpha"))
    hashes = {**complete(desired).code_hashes, desired.addresses["Gateway"]: NOTHING}
    with pytest.raises(CodeDrift, match="Gateway"):
        steps_for(desired, replace(complete(desired), code_hashes=hashes))


def test_every_restricted_function_of_the_sources_has_its_role_here() -> None:
    found: dict[str, dict[str, set[str]]] = {name: {} for name in FUNCTIONS}
    pattern = re.compile(
        r"@custom:access-control ([A-Z_]+)\n(?:\s*///[^\n]*\n)*\s*function (\w+)\([^{;]*?\brestricted\b", re.S
    )
    for source in (ROOT / "contracts").rglob("*.sol"):
        text = source.read_text()
        if source.stem in FUNCTIONS:
            assert len(re.findall(r"\brestricted\b[^\n]*\{|\brestricted returns", text)) == len(
                pattern.findall(text)
            )
            for role, function in pattern.findall(text):
                found[source.stem].setdefault(role.lower(), set()).add(function)
    wanted = {name: {role: set(names) for role, names in roles.items()} for name, roles in FUNCTIONS.items()}
    assert found == wanted


# -- journal and records -------------------------------------------------------------

INTENT = Intent("deploy/alpha/x/1", "eip155:31001", STRANGER, 0, "0x01", b"\1\2")


def test_journal_keeps_intents_over_a_restart_and_apart_by_chain(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path).opened() as journal:
        journal.intents_of("0xaa").record(INTENT)
    with Journal(path).opened() as journal:
        log = journal.intents_of("0xaa")
        assert log.outstanding("eip155:31001", STRANGER) == (INTENT,)
        assert journal.intents_of("0xbb").find(INTENT.reference) == ()
        log.settle(Settled(INTENT.reference, "0x01", "FINAL", 7, gas_used=21_000))
    with Journal(path).opened() as journal:
        log = journal.intents_of("0xaa")
        assert log.outstanding("eip155:31001", STRANGER) == ()
        assert log.settled(INTENT.reference) == Settled(INTENT.reference, "0x01", "FINAL", 7, gas_used=21_000)


def test_line_cut_off_by_a_crash_is_passed_over_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path).opened() as journal:
        journal.intents_of("0xaa").record(INTENT)
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2])
    with Journal(path).opened() as journal:
        assert journal.intents_of("0xaa").find(INTENT.reference) == (INTENT,)
        journal.intents_of("0xaa").settle(Settled(INTENT.reference, "0x01", "FINAL", 7))
    assert [line[:1] for line in path.read_text().splitlines()] == ["{", "{"]
    path.write_text("{broken}\n" + whole)
    with pytest.raises(RecordUnreadable, match="Line 1"), Journal(path).opened():
        pass


def test_journal_is_open_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path).opened(), pytest.raises(ApplyRunning), Journal(path).opened():
        pass


def test_record_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1-alpha.json"
    with pytest.raises(NotDeployed):
        records.read(path)
    records.write(path, {"schema": records.SCHEMA, "contracts": {"Gateway": {"address": STRANGER}}})
    assert records.addresses_in(records.read(path)) == {"Gateway": STRANGER}
    path.write_text(path.read_text().replace("5290", "5291"))
    with pytest.raises(RecordTampered):
        records.read(path)
    path.write_text("{}")
    with pytest.raises(RecordUnreadable):
        records.read(path)


def test_brownie_map_keeps_earlier_addresses_behind_newer_ones(tmp_path: Path) -> None:
    def record(address: str) -> records.Record:
        return {"chainId": 31001, "contracts": {"Gateway": {"address": address}}}

    records.write_map(tmp_path, [record("0x01")])
    records.write_map(tmp_path, [record("0x02")])
    assert '"0x02",\n      "0x01"' in (tmp_path / "map.json").read_text()
