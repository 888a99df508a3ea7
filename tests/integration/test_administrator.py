"""Two Anvil chains and a book: k of n roles say who holds a role there, never the deployer alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from paripassu import acts, deploy
from paripassu.controls import Reason
from paripassu.deploy.chain import Chain
from paripassu.deploy.desired import EvmDesired
from paripassu.deploy.observe import observe
from paripassu.deploy.rights import ADMIN
from paripassu.deploy.spec import desired_state
from paripassu.errors import ActRefused, CommandImpossible, NotAuthorised, PariError
from paripassu.identifiers import role_id
from paripassu.jobs import approving
from paripassu.ledgers.control import ActRecord
from paripassu.ledgers.evm.contracts import codec
from paripassu.ledgers.evm.preparation import Call, Patience
from paripassu.ledgers.evm.transactions import TransactionSender
from paripassu.ledgers.intents import MemoryIntentLog
from paripassu.testing.files import two_chains
from paripassu.testing.network import LocalNetwork, started

WHY = Reason("new freezer on duty")
PARTIES = ("upgrader", "issuer", "csd")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    folder = tmp_path_factory.mktemp("administrator")
    more = '[approvals]\nadministrator = "approvals"\n'
    yield from started(two_chains(folder, more=more), folder / "ws")


@pytest.fixture
def pari(network: LocalNetwork) -> Iterator[LocalNetwork]:
    """The state right after deployment; all is undone after the test."""
    with network.undone():
        yield network


def desired(pari: LocalNetwork, on: str) -> EvmDesired:
    found = desired_state(pari.network, [pari.session.security])[on]
    assert isinstance(found, EvmDesired)
    return found


def holders(pari: LocalNetwork, on: str, role: int) -> frozenset[str]:
    async def job() -> frozenset[str]:
        async with Chain(pari.network.ledgers[on], desired(pari, on)) as chain:
            return (await observe(chain)).members.get(role, frozenset())

    return pari.run(job())


def by_hand(pari: LocalNetwork, on: str, signer: str, function: str, *args: object) -> None:
    """Call the AccessManager directly."""

    async def job() -> None:
        wanted = desired(pari, on)
        async with Chain(pari.network.ledgers[on], wanted) as chain:
            sender = TransactionSender(
                ledger=wanted.ledger,
                name=on,
                chain_id=wanted.ledger.chain_id,
                rpc=chain.rpc,
                blocks=chain.blocks,
                log=MemoryIntentLog(),
                refusal=chain.contracts.reverts.error,
                patience=Patience(0.05, 20),
            )
            data = codec("AccessManager").encode(function, *args)
            await sender.execute(
                Call(wanted.addresses["AccessManager"], data), pari.signer(signer), "by hand"
            )

    pari.run(job())


def decided(pari: LocalNetwork, on: str, act: acts.Act, *roles: str) -> ActRecord:
    """Proposed by the upgrader, approved for each role, carried out."""

    async def job() -> ActRecord:
        proposer = pari.session.role("upgrader")
        ledger, made = await approving.propose(pari.ledger(on), act, acts.usual_role(act), WHY, proposer)
        for role in roles:
            await approving.approve(ledger, made, role, pari.session.role(role))
        found = await approving.find(pari.session.ledgers, made.id.text)
        await approving.execute(*found, proposer)
        return (await approving.find(pari.session.ledgers, made.id.text))[1]

    return pari.run(job())


def test_ctl_12_after_the_set_up_the_quorum_is_the_only_administrator(pari: LocalNetwork) -> None:
    for on in ("alpha", "bravo"):
        assert holders(pari, on, ADMIN) == {desired(pari, on).addresses["Approvals"]}
    assert pari.run(deploy.check(pari.network, pari.workspace)).ok
    plan = pari.run(deploy.plan(pari.network, pari.workspace))
    assert not any(one.steps for one in plan.ledgers.values())
    stranger = pari.signer("stranger").address
    for signer in ("deployer", *PARTIES):
        pari._coin(signer)
        with pytest.raises(PariError) as refused:
            by_hand(pari, "alpha", signer, "grantRole", role_id("csd"), stranger, 0)
        assert isinstance(refused.value, NotAuthorised), refused.value


def test_ctl_12_a_role_is_given_and_taken_by_an_act_of_two_roles(pari: LocalNetwork) -> None:
    stranger, role = pari.signer("stranger").address, role_id("freezer")
    with pytest.raises(ActRefused):
        # another role than below: the same act, proposed in the same second, would be known already
        decided(pari, "alpha", acts.GrantRole(stranger, "pauser"), "issuer")
    assert stranger not in holders(pari, "alpha", role_id("pauser"))
    record = decided(pari, "alpha", acts.GrantRole(stranger, "freezer"), "issuer", "csd")
    assert (record.contract, record.function) == ("AccessManager", "grantRole")
    assert record.arguments["roleId"] == "freezer"
    assert stranger in holders(pari, "alpha", role)
    (finding,) = pari.run(deploy.check(pari.network, pari.workspace)).findings
    assert (finding.ledger, finding.kind) == ("alpha", "role")
    decided(pari, "alpha", acts.RevokeRole(stranger, "freezer"), "issuer", "csd")
    assert stranger not in holders(pari, "alpha", role)
    assert pari.run(deploy.check(pari.network, pari.workspace)).ok


def test_ctl_12_a_changed_network_file_is_carried_out_by_acts(pari: LocalNetwork) -> None:
    network = replace(
        pari.network,
        roles={**pari.network.roles, "freezer": ("dev:new_freezer",)},
    )
    plan = pari.run(deploy.plan(network, pari.workspace))
    signers = [step.signer for step in plan.ledgers["alpha"].steps]
    assert signers == ["upgrader", "issuer", "csd", "upgrader"] * 2
    pari.run(deploy.apply(network, pari.workspace))
    assert pari.run(deploy.check(network, pari.workspace)).ok
    assert holders(pari, "bravo", role_id("freezer")) == {pari.signer("new_freezer").address}


def test_a_book_is_told_who_holds_a_role_by_its_set_up(pari: LocalNetwork) -> None:
    with pytest.raises(CommandImpossible, match="comes by deployment"):
        decided(pari, "register", acts.GrantRole("holder_fr", "freezer"), "issuer", "csd")


def test_ctl_12_the_deployer_hands_over_to_the_quorum_on_a_chain_that_stands(pari: LocalNetwork) -> None:
    """Back to the deployer by acts of the quorum, and to the quorum again by the deployer."""
    ours = pari.network
    theirs = replace(ours, approvals=replace(ours.approvals, administrator="deployer"))
    for network, admin in ((theirs, desired(pari, "alpha").deployer), (ours, "")):
        pari.run(deploy.apply(network, pari.workspace))
        assert pari.run(deploy.check(network, pari.workspace)).ok
        assert holders(pari, "alpha", ADMIN) == {admin or desired(pari, "alpha").addresses["Approvals"]}
