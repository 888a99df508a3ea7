"""The difference between desired and observed state (pure), the journal, and the records."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from paripassu import artefacts
from paripassu.config import Compatibility, load_network, load_securities, load_security
from paripassu.deploy import records
from paripassu.deploy.acts import ObservedAct
from paripassu.deploy.chain import Chain
from paripassu.deploy.check import _administrator
from paripassu.deploy.create3 import factory_address
from paripassu.deploy.desired import MANAGER, BookDesired, Calls, EvmDesired, Running, Setting, TokenCode
from paripassu.deploy.execution import Executor
from paripassu.deploy.journal import Journal
from paripassu.deploy.observe import EvmObserved
from paripassu.deploy.plan import TRANSACTION_GAS, steps_for
from paripassu.deploy.policies import policies
from paripassu.deploy.rights import rights_of, role_for
from paripassu.deploy.spec import deployer_of, desired_state
from paripassu.deploy.steps import Step
from paripassu.errors import (
    ApplyRunning,
    ArtefactUnknown,
    CodeDrift,
    InconsistentFile,
    NotDeployed,
    NotFinalInTime,
    RecordTampered,
    RecordUnreadable,
)
from paripassu.identifiers import Bytes32, InteropAddress, keccak256, role_id
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.evm.preparation import Call
from paripassu.ledgers.evm.transactions import TransactionSender
from paripassu.ledgers.intents import Intent, MemoryIntentLog, Settled
from paripassu.ledgers.port import Outcome, OutcomeState, Signer

ROOT = Path(__file__).resolve().parents[2]
NETWORK = load_network(ROOT / "examples" / "local.toml")
FIRST = load_security(NETWORK.security_path)
DESIRED = desired_state(NETWORK, list(load_securities(NETWORK).values()))
NOTHING = Bytes32(bytes(32))
STRANGER = "0x52908400098527886E0F7030069857D2E4169EE7"
NOW = 1_800_000_000


def chain(name: str) -> EvmDesired:
    found = DESIRED[name]
    assert isinstance(found, EvmDesired)
    return found


def empty(desired: EvmDesired) -> EvmObserved:
    return EvmObserved(
        genesis=NOTHING.text,
        final=BlockRef(0, NOTHING, NOW),
        has_deterministic_deployer=True,
        codes={},
        implementations={},
        settings=tuple(None for _ in desired.settings),
        members={},
        versions={},
    )


def as_desired(address: str) -> bytes:
    """Stands for the code that belongs at an address."""
    return b"code at " + address.encode()


def complete(desired: EvmDesired) -> EvmObserved:
    """Observed as desired by `content`."""
    return replace(
        empty(desired),
        codes={one.address: as_desired(one.address) for one in desired.creations},
        implementations={
            one.name: one.implementation.lower() for one in desired.creations if one.implementation
        },
        settings=tuple("as desired" for _ in desired.settings),
        members=desired.members,
    )


def content(desired: EvmDesired) -> EvmDesired:
    """The desired state with stand-ins for code, and settings that "as desired" satisfies."""

    def unless_so(made: Calls) -> Callable[[Any, Running], Calls]:
        return lambda found, _: () if found == "as desired" else made

    return replace(
        desired,
        settings=tuple(
            replace(one, calls=unless_so(one.calls(None, {}) or ((one.title, b"a call"),)))
            for one in desired.settings
        ),
        creations=tuple(
            replace(one, code_hash=keccak256(as_desired(one.address))) for one in desired.creations
        ),
    )


def test_nothing_is_planned_where_everything_is_as_desired() -> None:
    desired = content(chain("alpha"))
    assert steps_for(desired, complete(desired)) == ()


def test_empty_chain_needs_every_contract_and_one_transaction_for_the_rest() -> None:
    desired = chain("alpha")
    steps = steps_for(desired, empty(desired))
    assert [step.key for step in steps] == [*(f"create/{one.name}" for one in desired.creations), "set-up"]
    assert {step.signer for step in steps} == {"deployer"}
    assert {step.stage for step in steps} == {1}
    assert max(step.gas or 0 for step in steps) <= TRANSACTION_GAS


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


def test_ver_1_code_hashes_are_one_set_for_all_chains() -> None:
    hashes = [{one.name: one.code_hash for one in chain(name).creations} for name in ("alpha", "bravo")]
    assert hashes[0] == hashes[1]


def calls_of(step: Step) -> list[tuple[str, tuple[object, ...]]]:
    (inner,) = codec(MANAGER).decode_call(step.data)[1]
    return [codec(MANAGER).decode_call(data) for data in inner]


def test_ctl_12_manager_holds_roles_only_within_the_set_up_and_the_deployer_none() -> None:
    desired = chain("alpha")
    calls = calls_of(steps_for(desired, empty(desired))[-1])
    names = [name for name, _ in calls]
    manager = desired.addresses[MANAGER]
    granted = [args[0] for name, args in calls if name == "grantRole" and args[1] == manager]
    revoked = [args[0] for name, args in calls if name == "revokeRole" and args[1] == manager]
    assert granted == revoked == [role_id(role) for role in ("tokenizer", "bridge_operator", "issuer_agent")]
    assert max(index for index, name in enumerate(names) if name == "execute") < names.index("revokeRole")
    assert not [args for _, args in calls if desired.deployer in args]


def test_set_up_that_is_too_large_for_one_transaction_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    desired = chain("alpha")
    whole = steps_for(desired, empty(desired))[-1]
    monkeypatch.setitem(steps_for.__globals__, "TRANSACTION_GAS", (whole.gas or 0) // 3)
    parts = [step for step in steps_for(desired, empty(desired)) if step.key.startswith("set-up")]
    assert len(parts) > 2
    assert len({step.key for step in parts}) == len(parts)
    executed = [args for step in parts for name, args in calls_of(step) if name == "execute"]
    assert executed == [args for name, args in calls_of(whole) if name == "execute"]
    for step in parts:
        assert (step.gas or 0) <= (whole.gas or 0) // 3
        granted = [args[:2] for name, args in calls_of(step) if name == "grantRole" and args[1] == step.to]
        assert granted == [args for name, args in calls_of(step) if name == "revokeRole"]
    real = [args for step in parts[:-1] for name, args in calls_of(step) if name == "grantRole"]
    assert {args[1] for args in real} == {whole.to}, "members come last: until then nothing is set up yet"


def test_extra_role_holder_is_revoked_and_a_missing_one_granted() -> None:
    desired = content(chain("alpha"))
    registrar, freezer = role_id("registrar"), role_id("freezer")
    members = {**desired.members, registrar: desired.members[registrar] | {STRANGER}, freezer: frozenset()}
    (step,) = steps_for(desired, replace(complete(desired), members=members))
    assert calls_of(step) == [
        ("revokeRole", (registrar, STRANGER)),
        ("grantRole", (freezer, *desired.members[freezer], 0)),
    ]


def test_changed_setting_is_made_by_the_holder_of_its_role_in_its_own_transaction() -> None:
    desired = content(chain("alpha"))
    found = ["as desired"] * len(desired.settings)
    number = next(index for index, one in enumerate(desired.settings) if one.role == "bridge_operator")
    found[number] = "something else"
    (step,) = steps_for(desired, replace(complete(desired), settings=tuple(found)))
    setting = desired.settings[number]
    assert (step.signer, step.stage, step.title) == ("bridge_operator", 2, setting.title)
    assert (step.to, step.data) == (desired.addresses[setting.contract], setting.calls(None, {})[0][1])


def test_instances_that_differ_are_registered_and_extra_ones_revoked() -> None:
    desired, abi = chain("alpha"), codec("InstanceRegistry")
    setting = next(one for one in desired.settings if one.title.startswith("the trusted instances"))
    ((_, call),) = setting.calls(None, {})
    key, wanted = abi.decode_call(call)[1]
    assert len(wanted) == 4
    assert setting.calls(wanted, {}) == ()
    outdated = (*wanted[:2], (*wanted[2][:3], 99, *wanted[2][4:]), *wanted[3:])
    ((title, call),) = setting.calls(outdated, {})
    assert abi.decode_call(call) == ("registerInstances", (key, (wanted[2],)))
    assert "eip155:31003" in title
    stray = (*wanted, (7, b"x", bytes(32), 1, False, bytes(9)))
    ((_, call),) = setting.calls(stray, {})
    assert abi.decode_call(call) == ("revokeInstance", (key, 7))


def test_ver_4_versions_that_the_network_file_judges_are_judged_on_chain() -> None:
    judged = replace(NETWORK, compatibility=(Compatibility((1 << 16, 2 << 16), 2),))
    desired = desired_state(judged, [FIRST])["alpha"]
    assert isinstance(desired, EvmDesired)
    (setting,) = [one for one in desired.settings if one.title == "versions 1.0.0 and 2.0.0: exchange"]
    assert (setting.role, setting.read.args) == ("tokenizer", (1 << 16, 2 << 16))
    assert setting.calls(2, {}) == ()
    ((_, call),) = setting.calls(1, {})
    assert codec("InstanceRegistry").decode_call(call) == ("setCompatibility", (1 << 16, 2 << 16, 2))


OLDER = TokenCode((1 << 16) - 1, keccak256(b"the code before"))


def instances_of(desired: EvmDesired) -> tuple[Setting, Setting, str]:
    """The instances as they run, those once upgraded, and the name of the token."""
    now, later = [one for one in desired.settings if one.title.startswith("the trusted instances")]
    return now, later, desired.securities[0].token


def entries(calls: Calls) -> dict[int, tuple[int, bytes]]:
    """Version and code hash that a call registers, by ledger."""
    ((_, call),) = calls
    listed = codec("InstanceRegistry").decode_call(call)[1][1]
    return {one[0]: (one[3], bytes(one[2])) for one in listed}


def test_ver_4_each_instance_is_registered_with_the_version_that_runs_there() -> None:
    desired = chain("alpha")
    setting, later, token = instances_of(desired)
    alpha, bravo, charlie = (chain(name).ledger for name in ("alpha", "bravo", "charlie"))
    shipped = entries(setting.calls(None, {}))
    running: Running = {(bravo, token): OLDER, (charlie, token): None}
    found = entries(setting.calls(None, running))
    assert found[bravo.numeric] == (OLDER.version, bytes(OLDER.code_hash))
    assert found[alpha.numeric] == shipped[alpha.numeric], "not there yet: it will run what ships"
    assert charlie.numeric not in found, "nothing is said of a chain that does not tell"
    assert not setting.after, "another chain's version does not wait for this chain's upgrade"
    assert later.calls(None, running) == ()


def test_ver_4_chain_that_cannot_be_read_keeps_the_version_that_is_known_of_it() -> None:
    setting, _, token = instances_of(chain("alpha"))
    ((_, call),) = setting.calls(None, {})
    known = codec("InstanceRegistry").decode_call(call)[1][1]
    assert setting.calls(known, {(chain("bravo").ledger, token): None}) == ()


def test_ver_4_own_and_book_entry_follow_once_the_chain_itself_is_upgraded() -> None:
    desired = chain("alpha")
    setting, later, token = instances_of(desired)
    own, book = desired.ledger, DESIRED["register"].ledger
    running: Running = {(own, token): OLDER}
    before = entries(setting.calls(None, running))
    assert before[own.numeric] == (OLDER.version, bytes(OLDER.code_hash))
    assert before[book.numeric] == (OLDER.version, bytes(32))
    ((_, call),) = setting.calls(None, running)
    known = codec("InstanceRegistry").decode_call(call)[1][1]
    assert setting.calls(known, running) == ()
    after = entries(later.calls(known, running))
    assert later.after == "SecurityToken"
    assert after.keys() == {own.numeric, book.numeric}
    assert entries(setting.calls(known, {})) == after


def test_other_code_at_our_address_is_no_step() -> None:
    desired = content(chain("alpha"))
    codes = {**complete(desired).codes, desired.addresses["Gateway"]: b"other"}
    with pytest.raises(CodeDrift, match="Gateway"):
        steps_for(desired, replace(complete(desired), codes=codes))


# -- sending a stage -------------------------------------------------------------------


class LosingPool:
    """A node that lost one transaction: what has a later nonce is final only once that one was sent again."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.sent: list[str] = []
        self.sent_again = False

    async def submit(self, call: Call, signer: Signer, reference: str) -> None:
        self.sent.append(reference)

    async def wait(self, reference: str) -> Outcome:
        place = self.sent.index(reference)
        self.sent_again |= place == self.lost
        if place > self.lost and not self.sent_again:
            raise NotFinalInTime(f"{reference} is stuck behind {self.sent[self.lost]}.")
        return Outcome(reference, OutcomeState.FINAL, gas_used=place)


async def test_transaction_that_a_node_lost_is_sent_again_and_those_behind_it_go_on() -> None:
    desired = chain("alpha")
    steps = [one for one in steps_for(desired, empty(desired)) if one.stage == 1]
    config = NETWORK.with_rpc_urls({"alpha": "http://127.0.0.1:1"}).ledgers["alpha"]
    executor = Executor(Chain(config, desired), MemoryIntentLog(), {"deployer": deployer_of(NETWORK)})
    executor._sender = cast(TransactionSender, LosingPool(lost=16))
    assert [step async for step, _ in executor.run_stage(steps)] == steps


# -- who says who holds a role ----------------------------------------------------------

APPROVALS = NETWORK.approvals
BY_QUORUM = replace(
    NETWORK,
    approvals=replace(APPROVALS, administrator="approvals", notice={**APPROVALS.notice, "roles": 60}),
)


def by_quorum(name: str = "alpha") -> EvmDesired:
    found = desired_state(BY_QUORUM, [FIRST])[name]
    assert isinstance(found, EvmDesired)
    return found


def manager_calls(step: Step) -> list[tuple[str, tuple[Any, ...]]]:
    (calls,) = codec(MANAGER).decode_call(step.data)[1]
    return [codec(MANAGER).decode_call(call) for call in calls]


def test_ctl_12_set_up_ends_with_handing_the_administration_to_the_quorum() -> None:
    desired = by_quorum()
    last = steps_for(desired, empty(desired))[-1]
    *others, granted, revoked = manager_calls(last)
    assert granted == ("grantRole", (0, desired.addresses["Approvals"], 0))
    assert revoked == ("revokeRole", (0, desired.deployer))
    assert not [call for call in others if call[0].endswith("Role") and call[1][0] == 0]
    local = manager_calls(steps_for(chain("alpha"), empty(chain("alpha")))[-1])
    assert not [call for call in local if call[0].endswith("Role") and call[1][0] == 0]


def test_ctl_12_quorum_decides_on_roles_only_where_it_is_the_administrator() -> None:
    grant, revoke = (
        keccak256(text)[:4] for text in (b"grantRole(uint64,address,uint32)", b"revokeRole(uint64,address)")
    )
    decided = dict(policies(BY_QUORUM.approvals))
    assert (decided[grant][0], decided[grant][3]) == (2, 60)
    assert (decided[revoke][0], decided[revoke][3]) == (2, 0)
    assert not {grant, revoke} & dict(policies(NETWORK.approvals)).keys()
    assert set(dict(policies(NETWORK.approvals))) == set(decided) - {grant, revoke}


def test_ctl_12_under_a_quorum_roles_are_corrected_by_acts_and_else_by_the_deployer() -> None:
    desired = content(by_quorum())
    freezer = role_id("freezer")
    wrong = {**desired.members, freezer: frozenset({STRANGER})}
    steps = steps_for(desired, replace(complete(desired), members=wrong))
    assert [step.signer for step in steps] == ["upgrader", "issuer", "csd", "upgrader"] * 2
    made = [codec("Approvals").decode_call(step.data)[1] for step in steps[::4]]
    assert {call[1] for call in made} == {desired.addresses[MANAGER]}
    assert [codec(MANAGER).decode_call(call[2])[0] for call in made] == ["grantRole", "revokeRole"]

    local = content(chain("alpha"))
    (step,) = steps_for(
        local, replace(complete(local), members={**local.members, freezer: frozenset({STRANGER})})
    )
    assert step.signer == "deployer"


def test_ctl_12_on_a_chain_that_stands_the_deployer_hands_over_last() -> None:
    desired = content(by_quorum())
    before = {**desired.members, 0: frozenset({desired.deployer}), role_id("freezer"): frozenset[str]()}
    (step,) = steps_for(desired, replace(complete(desired), members=before))
    assert step.signer == "deployer"
    assert [(name, args[0]) for name, args in manager_calls(step)] == [
        ("grantRole", role_id("freezer")),
        ("grantRole", 0),
        ("revokeRole", 0),
    ]


def test_ctl_12_check_names_a_lone_administrator_outside_of_local_networks() -> None:
    desired = chain("alpha")
    production = replace(NETWORK, environment="production")
    (finding,) = _administrator(production, desired)
    assert (finding.kind, finding.expected) == ("role", "the Approvals contract")
    assert desired.deployer in finding.found
    assert _administrator(replace(BY_QUORUM, environment="production"), desired) == []
    assert _administrator(NETWORK, desired) == []


# -- several securities ----------------------------------------------------------------


SECOND = replace(FIRST, isin="FR0014ZZPPT7", name="Second")  # type: ignore[arg-type]


def two_securities() -> EvmDesired:
    found = desired_state(NETWORK, [FIRST, SECOND])["alpha"]
    assert isinstance(found, EvmDesired)
    return found


def test_second_security_needs_a_proxy_and_its_registration_and_nothing_else() -> None:
    one, both = chain("alpha"), two_securities()
    new = [creation.name for creation in both.creations if creation not in one.creations]
    assert new == ["SecurityToken/FR0014ZZPPT7"]
    known = {setting.title for setting in one.settings}
    added = [setting for setting in both.settings if setting.title not in known]
    made = [setting for setting in added if setting.calls(None, {})]
    assert [(setting.role, setting.contract) for setting in made] == [("tokenizer", "InstanceRegistry")] * 2
    assert both.addresses["SecurityToken"] == one.addresses["SecurityToken"]
    places = {entry.isin: both.addresses[entry.token] for entry in both.securities}
    assert len(set(places.values())) == 2


def test_second_security_is_on_every_ledger_and_in_the_book_by_its_isin() -> None:
    setting = next(one for one in two_securities().settings if one.title.endswith("of FR0014ZZPPT7"))
    ((_, call),) = setting.calls(None, {})
    _, (_, instances) = codec("InstanceRegistry").decode_call(call)
    assert len(instances) == len(NETWORK.ledgers)
    book = desired_state(NETWORK, [FIRST, SECOND])["register"]
    assert isinstance(book, BookDesired)
    assert [one.isin for one in book.configuration.securities] == [FIRST.isin, "FR0014ZZPPT7"]
    assert instances[-1][1] == InteropAddress(book.ledger, "FR0014ZZPPT7").encode()


def test_security_in_a_currency_that_the_network_has_not_is_refused() -> None:
    with pytest.raises(InconsistentFile, match="pays USD"):
        desired_state(NETWORK, [replace(FIRST, currency="USD")])  # type: ignore[arg-type]


# -- approved acts ---------------------------------------------------------------------


def outdated(desired: EvmDesired, *acts: ObservedAct) -> EvmObserved:
    implementations = {**complete(desired).implementations, "Gateway": STRANGER.lower()}
    return replace(complete(desired), implementations=implementations, acts=acts)


def act_of(desired: EvmDesired, approved: dict[int, str], ready_at: int = NOW) -> ObservedAct:
    propose = steps_for(desired, outdated(desired))[0]
    _, (_, target, data, _, _) = codec("Approvals").decode_call(propose.data)
    return ObservedAct(b"\x07" * 32, target, data, approved, ready_at, ready_at + 30 * 86_400)


def test_ver_6_proxy_with_older_code_is_upgraded_by_an_act_that_two_roles_approve() -> None:
    desired = content(chain("alpha"))
    steps = steps_for(desired, outdated(desired))
    assert [(step.signer, bool(step.waits)) for step in steps] == [
        ("upgrader", False),
        ("issuer", True),
        ("csd", True),
        ("upgrader", True),
    ]
    assert {step.to for step in steps} == {desired.addresses["Approvals"]}
    name, (role, target, data, change_class, reason) = codec("Approvals").decode_call(steps[0].data)
    assert (name, role, target, change_class) == ("propose", 15, desired.addresses["Gateway"], 4)
    assert reason.startswith(b"pari deploy")
    new = next(one for one in desired.creations if one.name == "Gateway").implementation
    assert codec("Gateway").decode_call(data) == ("upgradeToAndCall", (new, b""))


def test_ver_6_proposed_act_is_approved_by_who_has_not_yet_and_then_carried_out() -> None:
    desired, abi = content(chain("alpha")), codec("Approvals")
    one = act_of(desired, {role_id("issuer"): STRANGER})
    steps = steps_for(desired, outdated(desired, one))
    assert [(abi.decode_call(step.data)[0], step.signer, bool(step.waits)) for step in steps] == [
        ("approve", "csd", False),
        ("execute", "upgrader", True),
    ]
    assert abi.decode_call(steps[0].data)[1] == (role_id("csd"), one.id)
    both = act_of(desired, {role_id("issuer"): STRANGER, role_id("csd"): STRANGER})
    (step,) = steps_for(desired, outdated(desired, both))
    assert (abi.decode_call(step.data)[0], step.waits) == ("execute", "")


def test_ver_6_act_waits_for_the_end_of_its_notice() -> None:
    desired = content(chain("alpha"))
    approved = {role_id("issuer"): STRANGER, role_id("csd"): STRANGER}
    (step,) = steps_for(desired, outdated(desired, act_of(desired, approved, NOW + 60)))
    assert step.waits == "the end of its notice, 2027-01-15 08:01 UTC"


def test_act_that_was_not_carried_out_in_its_time_is_proposed_anew() -> None:
    desired = content(chain("alpha"))
    stale = act_of(desired, {role_id("issuer"): STRANGER}, NOW - 31 * 86_400)
    assert len(steps_for(desired, outdated(desired, stale))) == 4


def test_setting_that_needs_newer_code_waits_for_it() -> None:
    desired = content(chain("alpha"))
    token = next(one.name for one in desired.creations if one.name.startswith("SecurityToken/"))
    observed = complete(desired)
    observed = replace(
        observed,
        implementations={**observed.implementations, token: STRANGER.lower()},
        settings=tuple("other" if one.after else "as desired" for one in desired.settings),
    )
    late = [step for step in steps_for(desired, observed) if step.key.startswith("set/")]
    assert late
    assert {step.waits for step in late} == {"the new code of SecurityToken"}


def test_policy_that_differs_is_changed_by_an_act() -> None:
    desired = content(chain("alpha"))
    number = next(index for index, one in enumerate(desired.settings) if one.contract == "Approvals")
    found = ["as desired"] * len(desired.settings)
    found[number] = "other"
    steps = steps_for(desired, replace(complete(desired), settings=tuple(found)))
    assert [step.signer for step in steps] == ["upgrader", "issuer", "csd", "upgrader"]
    _, (_, target, _, change_class, _) = codec("Approvals").decode_call(steps[0].data)
    assert (target, change_class) == (desired.addresses["Approvals"], 0)


def test_ver_6_every_act_of_the_code_has_a_policy_that_the_contract_takes() -> None:
    found = dict(policies(NETWORK.approvals))
    acts = {
        (right.contract, right.function)
        for name in artefacts.names()
        for right in rights_of(name)
        if right.who.startswith("approved act")
    }
    assert ("SecurityToken", "forcedTransfer(address,address,uint256)") in acts
    for contract, function in acts:
        threshold, proposers, approvers, *_ = found[codec(contract).selector(function)]
        assert 2 <= threshold <= approvers.bit_count()
        assert proposers
        assert not (proposers | approvers) & 1, "the administrator has no say"


def test_network_whose_approvers_are_too_few_is_refused() -> None:
    one_key = dict.fromkeys(NETWORK.roles, ("dev:issuer",))
    with pytest.raises(InconsistentFile, match="only 1 are held by different signers"):
        desired_state(replace(NETWORK, roles=one_key), [FIRST])


# -- rights ----------------------------------------------------------------------------


def test_ctl_12_every_function_bound_to_a_role_in_the_sources_is_in_the_table() -> None:
    pattern = re.compile(r"function (\w+)\([^{;]*?\bonlyRole\(Roles\.(\w+)\)", re.S)
    count = 0
    for source in (ROOT / "contracts").rglob("*.sol"):
        if source.stem not in artefacts.names():
            continue
        table = {(right.function.partition("(")[0], right.who) for right in rights_of(source.stem)}
        for function, role in pattern.findall(source.read_text()):
            assert (function, role.lower()) in table, source.stem
            count += 1
    assert count > 30


def test_role_of_a_function_is_found_by_name_and_of_one_that_no_role_calls_refused() -> None:
    assert role_for("SecurityToken", "issue") == "transfer_agent"
    assert role_for("SecurityToken", "setDocument") == "issuer_agent", "of the extension too"
    with pytest.raises(ArtefactUnknown, match="forcedTransfer"):
        role_for("SecurityToken", "forcedTransfer")


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
