"""Seats as a network file describes them: keys that fit, endpoints that are known where they run."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from paripassu.config import NetworkConfig, load_network
from paripassu.config.types import AttestorMember
from paripassu.deploy.attestors import rotation_to, same_set, wanted_set
from paripassu.deploy.opening import _endpoints
from paripassu.errors import InconsistentFile, MissingVariable, PariError, SignerUnusable
from paripassu.jobs.bridging import seat_of
from paripassu.ledgers.signers import KeySigner, dev_key
from paripassu.store import Store
from paripassu.workspace import Workspace

NETWORK = Path(__file__).parent / "files" / "local.toml"
CSD = KeySigner("csd", dev_key("attestor_csd")).address


def network(**changed: object) -> NetworkConfig:
    """The example with its first attestor changed."""
    found = load_network(NETWORK)
    first, *others = found.attestors.members
    members = (replace(first, **changed), *others)  # type: ignore[arg-type]
    return replace(found, attestors=replace(found.attestors, members=members))


async def refusal(file: NetworkConfig, name: str, folder: Path) -> PariError:
    with Store.open(folder / "bridge.db") as store:
        async with AsyncExitStack() as stack:
            with pytest.raises(PariError) as found:
                await seat_of(file, Workspace(folder), store, name, stack)
    return found.value


async def test_acc_3_a_key_that_is_not_the_stated_one_takes_no_seat(tmp_path: Path) -> None:
    other = KeySigner("other", dev_key("other")).address
    error = await refusal(network(address=other), "attestor_csd", tmp_path)
    assert isinstance(error, InconsistentFile)
    assert f"the key of the attestor 'attestor_csd' is {CSD}, not {other}" in error.sentence
    error = await refusal(network(), "attestor_nobody", tmp_path)
    assert "has no attestor 'attestor_nobody'" in error.sentence


async def test_a_seat_whose_variables_are_not_set_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CSD_SIGNER", raising=False)
    remote = network(signer=f"web3signer:${{CSD_SIGNER}}#{CSD}")
    error = await refusal(remote, "attestor_csd", tmp_path)
    assert isinstance(error, SignerUnusable)
    assert "CSD_SIGNER" in error.sentence


def test_ops_3_a_deployment_needs_no_attestors_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CSD_KEY", raising=False)
    stated = wanted_set(network(signer="${CSD_KEY}", address=CSD))
    assert same_set(stated, wanted_set(network()))
    signers = [int(member.signer, 16) for member in stated.members]
    assert signers == sorted(signers)
    assert rotation_to(stated).members == tuple((one.signer, one.entity) for one in stated.members)
    with pytest.raises(SignerUnusable, match="CSD_KEY"):
        wanted_set(network(signer="${CSD_KEY}"))


def test_a2_two_endpoints_that_are_one_are_no_second_opinion() -> None:
    file = network(rpc_urls={"alpha": ("https://${ONE}", "https://${TWO}")})
    member: AttestorMember = file.attestors.members[0]
    alpha = file.ledgers["alpha"]
    asked = (file, alpha, member)
    assert _endpoints(*asked, {"ONE": "a", "TWO": "b"}) == ("https://a", "https://b")
    with pytest.raises(InconsistentFile, match="two endpoints are one and the same") as found:
        _endpoints(*asked, {"ONE": "secret", "TWO": "secret"})
    assert "secret" not in str(found.value)
    with pytest.raises(MissingVariable, match="TWO"):
        _endpoints(*asked, {"ONE": "a"})
    twice = replace(alpha, rpc_urls=("https://a", "https://a"))
    assert _endpoints(file, twice, network().attestors.members[0], {}) == ("https://a",)
