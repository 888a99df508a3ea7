"""Attestors by hand: processes of their own, one of them replaced by an act while units move (OPS-3)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paripassu.identifiers import LedgerId
from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Stage, await_that
from paripassu.testing.files import two_chains

FR = dev_address("holder_fr")
ALPHA, REGISTER = LedgerId("eip155:31001"), LedgerId("book:register")
KEY = ("--signer", "dev:holder_fr")
PROPOSE = ("act", "propose", "attestors", "--ledger", "register", "--reason", "custodian leaves")


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("attestors-by-hand")
    operator = Operator(folder / "ws", network=two_chains(folder, without="bravo"))
    try:
        yield operator
    finally:
        operator.run("down")
        operator.end()


def renamed(operator: Operator) -> None:
    """The operator's network file from now on: another attestor in the place of the custodian's."""
    path = Path(operator.environment["PARI_NETWORK"])
    text = path.read_text("utf-8")
    new = path.with_name("rotated.toml")
    new.write_text(text.replace("attestor_custodian", "attestor_notary"), "utf-8")
    operator.environment["PARI_NETWORK"] = str(new)


def move(reference: str) -> tuple[str, ...]:
    ends = ("--from", f"{ALPHA}:{FR}", "--to", f"{REGISTER}:holder_fr", "--units", "1")
    return ("security", "move", *ends, "--reference", reference, *KEY)


def arrived(operator: Operator) -> int:
    messages = operator.json("message", "list", "--json")["messages"]
    return sum(one["state"] in ("FINALISED", "ACKED") for one in messages)


def stopped(processes: list[subprocess.Popen[str]]) -> list[str]:
    for process in processes:
        process.terminate()
    return [process.communicate(timeout=60)[1] for process in processes]


@pytest.fixture(scope="module")
def done(operator: Operator) -> Stage:
    stage = Stage(operator)
    stage.ok("up", "up")
    stage.ok("apply", "deploy", "apply")
    onboard = ("holder", "onboard")
    stage.side_by_side(
        [("alpha", *onboard, "alpha", FR, "FR-FUND-1", "FR", *KEY)],
        [("register", *onboard, "register", "holder_fr", "FR-FUND-1", "FR")],
    )
    stage.ok("issue", "security", "issue", FR, "100", "first")
    running = [operator.start("relay")]
    running += [operator.start("attest", "--as", name) for name in ("attestor_csd", "attestor_custodian")]
    stage.ok("move 1", *move("M-1"))
    renamed(operator)
    running.append(operator.start("attest", "--as", "attestor_notary"))
    stage.ok("propose", *PROPOSE, "--json")
    id = stage["propose"].json["id"]
    stage.run("alone", "act", "execute", id)
    stage.ok("approve", "act", "approve", id, "--role", "csd")
    stage.ok("execute", "act", "execute", id)
    running.pop(2).kill()  # the attestor that was replaced: what is left is the new one and the csd's
    stage.ok("move 2", *move("M-2"))
    await_that(lambda: arrived(operator) == 2)
    stage.side_by_side([("rotated", "attestors", "show", "--json")], [("for people", "attestors", "show")])
    stage.run("nothing to propose", *PROPOSE)
    logs = stopped(running)
    assert not any("Traceback" in log for log in logs), logs
    return stage


def test_acc_3_the_set_of_every_ledger_is_shown_beside_the_files(done: Stage) -> None:
    found = done["rotated"].json["ledgers"]
    assert {
        name: (one["version"], one["threshold"], one["asTheFileSays"]) for name, one in found.items()
    } == {
        "alpha": (1, 2, False),
        "register": (2, 2, True),
    }
    assert {one["name"] for one in found["register"]["members"]} == {
        "attestor_csd",
        "attestor_notary",
        "attestor_auditor",
    }
    assert "next: pari act propose attestors --ledger alpha" in done["for people"].out


def test_acc_3_one_role_alone_rotates_nothing_and_the_same_set_is_no_act(done: Stage) -> None:
    assert done["alone"].status == 1
    assert "needs 2 approvals and has 1, by bridge_operator" in done["alone"].err
    assert done["nothing to propose"].status != 0
    assert "has the attestors of the network file already" in done["nothing to propose"].err


def test_ops_3_what_was_sent_before_and_after_an_attestor_was_replaced_arrived(done: Stage) -> None:
    assert arrived(done.operator) == 2
