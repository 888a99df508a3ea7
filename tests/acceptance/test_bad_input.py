"""Each bad input has its own code, one sentence and the next command, and leaves nothing half done.

All run on the network as the stage `entitled` leaves it: announced and struck, payer not funded.
With PARI_SHOW_ERRORS=1 what each case printed is shown on standard error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from paripassu.devnet import call
from paripassu.examples import example
from paripassu.jobs.local import dev_address
from paripassu.testing.commandline import Operator, Ran, Stage, await_that, rows_in

EXAMPLES = example(".")
EVENT, NETWORK, SECURITY = "2027-03-dividend.toml", "two-chains.toml", "securities/example-equity.toml"
BREAKDOWN = "custody/custodian-de-breakdown.toml"
FR, DE = dev_address("holder_fr"), dev_address("holder_de")
TRANSFER = ("security", "move", f"eip155:31001:{FR}")
TRANSPORT = '[[transports]]\nkind = "hyperlane"\n'
NEARBY_FILE = r"\$\{EDITOR:-vi\} .*\.toml"


@dataclass(frozen=True)
class Case:
    """A command on a copy of the examples in which some texts were replaced (file -> old -> new)."""

    name: str
    command: tuple[str, ...]
    code: str
    sentence: str  # a regular expression that is found in the sentence
    next: str  # a regular expression for all of the next command
    edits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    status: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    offline: bool = False  # needs no network: in a workspace where nothing was started


def validate(
    name: str, code: str, sentence: str, old: str, new: str, *, next: str = "", file: str = EVENT
) -> Case:
    """A mistake in a file that `event validate` finds."""
    edits = {file: {old: new}}
    return Case(name, ("event", "validate", EVENT), code, sentence, next or NEARBY_FILE, edits, offline=True)


def dates(name: str, sentence: str, **changed: str) -> Case:
    """A date order that market practice forbids; dates that are not given stay the example's."""
    days = {"announcement": "2027-03-01", "ex": "2027-03-04", "record": "2027-03-05", "payment": "2027-03-08"}
    edits = {f"{key} = {days[key]}": f"{key} = {day}" for key, day in changed.items()}
    return Case(
        name,
        ("event", "validate", EVENT),
        "PP-EVT-002",
        sentence,
        f"pari event validate {EVENT}",
        {EVENT: edits},
        offline=True,
    )


CASES = [
    # identifiers
    validate(
        "ISIN with a wrong check digit in the security file",
        "PP-ID-002",
        r"example-equity\.toml, isin: .*FR0014ZZPPS8.* check digit",
        "FR0014ZZPPS9",
        "FR0014ZZPPS8",
        file=SECURITY,
    ),
    validate(
        "ISIN with a wrong check digit in the event file",
        "PP-ID-002",
        r"dividend\.toml, isin: .*FR0014ZZPPS8.* check digit",
        "FR0014ZZPPS9",
        "FR0014ZZPPS8",
    ),
    validate(
        "LEI with wrong check digits in the security file",
        "PP-ID-003",
        r"example-equity\.toml, lei: .*969500PARIPASSUISS51.* check digits",
        "969500PARIPASSUISS50",
        "969500PARIPASSUISS51",
        file=SECURITY,
    ),
    Case(
        "LEI with wrong check digits in the network file",
        ("deploy", "plan"),
        "PP-ID-003",
        r"attestors\.members\[0\]\.entity: .*529900CSDATTEST00067",
        NEARBY_FILE,
        {NETWORK: {"529900CSDATTEST00066": "529900CSDATTEST00067"}},
        offline=True,
    ),
    # dates
    dates(
        "ex date after the record date", r"Ex date 2027-03-08 does not fit the record date", ex="2027-03-08"
    ),
    dates("ex date too early for T+2", r"with T\+2 it is 2027-03-04", ex="2027-03-03"),
    dates("payment before the record date", r"Payment date 2027-03-04 is before", payment="2027-03-04"),
    dates("payment on the record date", r"is the record date itself", payment="2027-03-05"),
    dates("record date on a Saturday", r"Record date 2027-03-06 is a Saturday in Paris", record="2027-03-06"),
    dates("payment date on a holiday", r"Payment date 2027-03-26 is a holiday", payment="2027-03-26"),
    dates("too little notice", r"gives 1 business days of notice", announcement="2027-03-03"),
    dates("announced after the ex date", r"at least 2 are needed", announcement="2027-03-05"),
    Case(
        "announced too late by the ledger's clock",
        ("event", "announce", EVENT),
        "PP-EVT-002",
        r"Announcement on 2027-03-05 gives 0 business days of notice",
        f"pari event validate {EVENT}",
        {EVENT: {"FR2027DVCA000042": "FR2027DVCA000043"}},
    ),
    # files
    validate(
        "misspelt key in the event file",
        "PP-CFG-003",
        r"'dates\.anouncement' is not known; did you mean 'announcement'\?",
        "announcement =",
        "anouncement =",
    ),
    Case(
        "transport to book entry",
        ("deploy", "plan"),
        "PP-CFG-008",
        r"transports\[0\]\.ledgers: 'register' is book entry and has no mailbox",
        NEARBY_FILE,
        {NETWORK: {"[cash.EUR]": f'{TRANSPORT}ledgers = ["alpha", "register"]\n\n[cash.EUR]'}},
        offline=True,
    ),
    Case(
        "Hyperlane of a network that has none",
        ("transport", "relay"),
        "PP-CLI-002",
        r"names no Hyperlane of a local network",
        r"pari lane show LEDGER",
        status=64,
    ),
    Case(
        "misspelt key in the network file",
        ("deploy", "plan"),
        "PP-CFG-003",
        r"reorgPeroid' is not known; did you mean 'reorgPeriod'\?",
        NEARBY_FILE,
        {NETWORK: {"reorgPeriod": "reorgPeroid"}},
        offline=True,
    ),
    validate("key missing", "PP-CFG-004", r"the key 'isin' is missing", 'isin = "FR0014ZZPPS9"', ""),
    validate("rate as a float", "PP-CFG-005", r'write it in quotes, like "0\.37"', '"0.3725"', "0.3725"),
    validate("rate that is no number", "PP-QTY-004", r"cash\.rate: ", '"0.3725"', '"a third"'),
    validate("not TOML", "PP-CFG-002", r"dividend\.toml' is not TOML: .*line 1", "# Cash", "Cash"),
    validate("currency that is none", "PP-ID-007", r"'EUX'", 'currency = "EUR"', 'currency = "EUX"'),
    Case(
        "file that does not exist",
        ("event", "validate", "no.toml"),
        "PP-CFG-001",
        r"'no\.toml' does not exist",
        r"ls \.",
        offline=True,
    ),
    Case(
        "chain id that contradicts the CAIP-2 id in the file",
        ("deploy", "plan"),
        "PP-CFG-008",
        r"chainId 31009 does not fit caip2 'eip155:31002'",
        NEARBY_FILE,
        {NETWORK: {"chainId = 31002": "chainId = 31009"}},
        offline=True,
    ),
    Case(
        "private key in the network file",
        ("deploy", "plan"),
        "PP-CFG-007",
        r"a private key stands in the file",
        NEARBY_FILE,
        {NETWORK: {'"dev:issuer_agent"': '"0x' + "1" * 64 + '"'}},
        offline=True,
    ),
    Case(
        "environment variable that is not set",
        ("deploy", "plan"),
        "PP-CFG-006",
        r"PARI_NO_SUCH_RPC is not set",
        r"export PARI_NO_SUCH_RPC=…",
        {NETWORK: {"chainId = 31001": 'chainId = 31001\nrpcUrls = ["${PARI_NO_SUCH_RPC}"]'}},
        offline=True,
    ),
    # nodes
    Case(
        "chain id other than the network file's",
        ("deploy", "plan"),
        "PP-LED-002",
        r"The node of bravo serves chain 31002, the network file says 31009",
        r"pari status",
        {NETWORK: {"chainId = 31002": "chainId = 31009", "eip155:31002": "eip155:31009"}},
    ),
    Case(
        "node that does not answer",
        ("deploy", "plan"),
        "PP-LED-001",
        r"The node of (alpha|bravo) did not answer eth_chainId in \d+ attempts: connection refused",
        r"pari up",
        {
            NETWORK: {
                "chainId = 31001": 'chainId = 31001\nrpcUrls = ["http://127.0.0.1:9"]',
                "chainId = 31002": 'chainId = 31002\nrpcUrls = ["http://127.0.0.1:9"]',
            }
        },
    ),
    Case(
        "network that is not up",
        ("deploy", "apply"),
        "PP-DEV-006",
        r"No local network runs from",
        r"pari up",
        offline=True,
    ),
    Case(
        "program of a node missing",
        ("up",),
        "PP-DEV-001",
        r"PARI_ANVIL names '/no/anvil', which is no file",
        r"make setup",
        offline=True,
        environment={"PARI_ANVIL": "/no/anvil"},
    ),
    Case(
        "another network in the same workspace",
        ("up",),
        "PP-DEV-005",
        r"A local network of alpha, bravo runs from .*, other than the one asked for",
        r"pari down",
        {NETWORK: {"chainId = 31002": "chainId = 31009", "eip155:31002": "eip155:31009"}},
    ),
    # holders and units
    Case(
        "ledger that the network does not have",
        ("holder", "onboard", "delta", FR, "X", "FR"),
        "PP-CFG-008",
        r"no ledger 'delta'; it has alpha, bravo, register",
        r"pari holder onboard --help",
    ),
    Case(
        "account that is none",
        ("holder", "onboard", "alpha", "0x12", "X", "FR"),
        "PP-ID-010",
        r"'0x12' of 'eip155:31001' must be 0x and 40 hex digits",
        r"pari holder onboard --help",
    ),
    Case(
        "country that is none",
        ("holder", "onboard", "register", "holder_x", "X", "XX"),
        "PP-ID-008",
        r"'XX' is no country code",
        r"pari holder onboard --help",
    ),
    Case(
        "investor class out of range",
        ("holder", "onboard", "alpha", DE, "X", "DE", "--investor-class", "300"),
        "PP-QTY-001",
        r"a number from 0 to 255, not 300",
        r"pari holder onboard --help",
    ),
    Case(
        "proof of a key that is no signature",
        ("holder", "onboard", "alpha", DE, "X", "DE", "--proof", "0xsigned"),
        "PP-CLI-002",
        r"A proof is a signature in hex",
        r"pari holder onboard --help",
        status=64,
    ),
    Case(
        "proof of a key by another account's",
        ("holder", "prove", "alpha", DE, "X", "--signer", "dev:holder_fr"),
        "PP-LED-009",
        rf"cannot sign for {DE}",
        r"pari holder prove --help",
    ),
    Case(
        "proof of a key where none is asked for",
        ("holder", "prove", "register", "holder_lu", "X", "--signer", "dev:holder_lu"),
        "PP-LED-009",
        r"register asks for no proof of a key",
        r"pari holder onboard --help",
    ),
    Case(
        "reference used for other units",
        ("security", "issue", FR, "7", "first"),
        "PP-LED-102",
        r"'issue/first' stands for another Issue on alpha",
        r"pari security issue --help",
    ),
    Case(
        "units to nobody known",
        (*TRANSFER, "book:register:holder_zz", "1", "dev:holder_fr", "bad-1"),
        "PP-RUL-005",
        r"The receiving account is not registered",
        r"pari holder list",
    ),
    Case(
        "more units than there are",
        (*TRANSFER, "book:register:holder_lu", "900000", "dev:holder_fr", "bad-2"),
        "PP-RUL-010",
        r"too few available units",
        r"pari security positions",
    ),
    Case(
        "somebody else's units",
        (*TRANSFER, "book:register:holder_lu", "1", "dev:holder_de", "bad-3"),
        "PP-LED-009",
        r"leave the ledger by its own signature",
        r"pari security move --help",
    ),
    Case(
        "breakdown above the balance, attested",
        ("holder", "breakdown", BREAKDOWN),
        "PP-CUS-002",
        r"The breakdown states 250001 units, the account holds 250000",
        r"pari holder breakdown --help",
        {BREAKDOWN: {"units = 120_000": "units = 121_001"}},
    ),
    Case(
        "breakdown above the balance, in an entitlement",
        ("event", "entitle", EVENT, "--breakdown", BREAKDOWN),
        "PP-CUS-002",
        r"attests 250001 units, 1 more than the 250000 that the account holds",
        r"pari event entitle --help",
        {BREAKDOWN: {"units = 120_000": "units = 121_001"}},
    ),
    # events
    Case(
        "event announced before with another rate",
        ("event", "announce", EVENT),
        "PP-EVT-010",
        r"'FR2027DVCA000042' is known with the hash 0x[0-9a-f]{64}, not 0x[0-9a-f]{64}",
        f"pari event show {EVENT}",
        {EVENT: {'"0.3725"': '"0.3726"'}},
    ),
    Case(
        "payer without funds",
        ("event", "pay", EVENT, "--breakdown", BREAKDOWN),
        "PP-PAY-002",
        r"has 0 minor units of EUR on alpha and needs \d+",
        f"pari event fund {EVENT}",
    ),
    Case(
        "payment by another table than the published one",
        ("event", "pay", EVENT),
        "PP-PAY-003",
        r"Ledger alpha knows the entitlements of event FR2027DVCA000042 by root 0x[0-9a-f]{64}, and ",
        f"pari event show {EVENT}",
    ),
    Case(
        "payment of an event that nobody announced",
        ("event", "pay", EVENT, "--breakdown", BREAKDOWN),
        "PP-EVT-011",
        r"No ledger knows event FR2027DVCA000044",
        f"pari event announce {EVENT}",
        {EVENT: {"FR2027DVCA000042": "FR2027DVCA000044"}},
    ),
    # bridge and store
    Case(
        "message id that is unknown",
        ("message", "show", "0xabcdef0123"),
        "PP-BRG-012",
        r"no message's id begins with",
        r"pari message list",
    ),
    Case(
        "lanes resumed that are not halted",
        ("lane", "resume", "bravo", "--reason", "to be sure"),
        "PP-BRG-016",
        r"The lanes of bravo \(eip155:31002\) are not halted",
        r"pari status",
    ),
    Case(
        "lanes resumed without a reason",
        ("lane", "resume", "bravo", "--reason", " "),
        "PP-CLI-002",
        r"states its reason",
        r"pari lane resume --help",
        status=64,
        offline=True,
    ),
    Case(
        "attestor that is unknown",
        ("attest", "--as", "attestor_x"),
        "PP-CFG-008",
        r"no attestor 'attestor_x'; it has attestor_csd, ",
        r"pari attest --help",
    ),
    # the command line itself
    Case(
        "command that is none",
        ("deploy", "appyl"),
        "PP-CLI-001",
        r"did you mean 'apply'\?",
        r"pari deploy --help",
        status=64,
        offline=True,
    ),
    Case(
        "option that is none",
        ("up", "--netwrk", "x"),
        "PP-CLI-002",
        r"did you mean --network\?",
        r"pari up --help",
        status=64,
        offline=True,
    ),
    Case(
        "argument missing",
        ("event", "pay"),
        "PP-CLI-002",
        r"requires an argument",
        r"pari event pay --help",
        status=64,
        offline=True,
    ),
    Case(
        "number that is none",
        ("security", "issue", FR, "many", "r"),
        "PP-CLI-002",
        r'convert "many"',
        r"pari security issue --help",
        status=64,
        offline=True,
    ),
    Case(
        "time without a zone",
        ("time", "travel", "2027-03-06T08:00:00"),
        "PP-CLI-002",
        r"names no zone",
        r"pari time travel 2027-03-06T08:00:00Z",
        status=64,
        offline=True,
    ),
]


def footprint(operator: Operator) -> dict[str, object]:
    """All that a command could have left: transactions of any key, entries, messages, files."""
    devnet = json.loads((operator.workspace / "devnet.json").read_text("utf-8"))["ledgers"]
    client = json.loads((operator.workspace / "client.json").read_text("utf-8"))
    addresses = {*client["accounts"].values(), FR, DE, dev_address("custodian_de")}
    found: dict[str, object] = {
        f"{name} {address}": call(node["rpcUrl"], "eth_getTransactionCount", address, "pending")
        for name, node in devnet.items()
        for address in sorted(addresses)
    }
    for database, tables in (
        ("book.db", ("entry", "account")),
        ("bridge.db", ("message", "submission")),
    ):
        found |= {table: rows_in(operator.workspace / database, table) for table in tables}
    # that an instruction was refused is itself kept (CTL-11); nothing else is
    found["audit"] = rows_in(operator.workspace / "bridge.db", "audit", "kind <> 'decision'")
    for folder in ("deployments", "events"):
        files = (path for path in (operator.workspace / folder).rglob("*") if path.is_file())
        found |= {str(path): path.read_bytes() for path in files}
    return found


def run_case(operator: Operator, case: Case, folder: Path) -> Ran:
    shutil.copytree(EXAMPLES, folder)
    for name, edits in case.edits.items():
        text = (folder / name).read_text("utf-8")
        for old, new in edits.items():
            assert text.count(old) >= 1, f"{old!r} is not in {name}"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    environment = {**case.environment, "PARI_NETWORK": str(folder / NETWORK)}
    if case.offline:
        environment["PARI_WORKSPACE"] = str(folder / "workspace")
    process = operator.start(*case.command, environment=environment, folder=folder)
    out, err = process.communicate(timeout=180)
    left = [path.name for path in (folder / "workspace").rglob("*") if path.is_file()]
    assert set(left) <= {"devnet.lock"}, f"{case.name} left {left}"
    return Ran(f"pari {' '.join(case.command)}", process.returncode, out, err)


@pytest.fixture(scope="module")
def results(
    operator: Operator, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Ran]:
    """What every case printed; run side by side, which is a trial of its own."""
    folder = tmp_path_factory.mktemp("bad-input")
    folders = {case.name: folder / str(number) for number, case in enumerate(CASES)}
    with ThreadPoolExecutor(1) as early, ThreadPoolExecutor(3) as late:

        def begin(pool: ThreadPoolExecutor, *, offline: bool) -> dict[str, Future[Ran]]:
            cases = [case for case in CASES if case.offline == offline]
            return {c.name: pool.submit(run_case, operator, c, folders[c.name]) for c in cases}

        running = begin(early, offline=True)  # while the stages wait for blocks
        request.getfixturevalue("entitled")
        before = footprint(operator)
        running |= begin(late, offline=False)
        ran = {case.name: running[case.name].result() for case in CASES}
    assert footprint(operator) == before
    if os.environ.get("PARI_SHOW_ERRORS"):
        shown = "".join(f"\n{name}\n$ {one.command}\n{one.err}" for name, one in ran.items())
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(re.sub(rf"{folder}/\d+/", "", shown), file=sys.stderr)
    return ran


def three_facts(ran: Ran) -> tuple[str, str, str]:
    """Code, sentence and next command of an error, which must be all that was printed."""
    assert ran.out == "", str(ran)
    found = re.fullmatch(r"error (PP-[A-Z]{2,3}-\d{3}): (.+[.?])\n  next: (.+)\n", ran.err)
    assert found, str(ran)
    return found[1], found[2], found[3]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_has_its_code_its_sentence_and_the_next_command(
    case: Case, results: dict[str, Ran]
) -> None:
    ran = results[case.name]
    assert ran.status == case.status, str(ran)
    code, sentence, next_command = three_facts(ran)
    assert code == case.code, str(ran)
    assert re.search(case.sentence, sentence), str(ran)
    assert re.fullmatch(case.next, next_command), str(ran)


def test_a_payer_without_funds_pays_nobody_on_any_ledger(results: dict[str, Ran], entitled: Stage) -> None:
    assert results["payer without funds"].status == 1
    shown = entitled.operator.json("event", "show", str(EXAMPLES / EVENT), "--json")
    assert [row["payments"] for row in shown["ledgers"]] == [0, 0, 0]


def test_status_names_the_ledger_that_cannot_be_used_beside_those_that_can(
    entitled: Stage, tmp_path: Path
) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    network = tmp_path / "examples" / NETWORK
    text = network.read_text("utf-8").replace("31002", "31009")
    network.write_text(text, encoding="utf-8")
    records = copy_of(entitled.operator, tmp_path) / "deployments" / "local"
    (records / "31002-bravo.json").rename(records / "31009-bravo.json")
    environment = {"PARI_NETWORK": str(network), "PARI_WORKSPACE": str(tmp_path / "ws")}
    ran = entitled.operator.run("status", "--json", environment=environment)
    assert ran.status == 1
    assert [row["problem"][:9] for row in ran.json["ledgers"][:2]] == ["", "PP-LED-00"]
    assert "serves chain 31002" in ran.json["ledgers"][1]["problem"]


def test_nothing_runs_where_starting_failed(results: dict[str, Ran], entitled: Stage) -> None:
    assert results["program of a node missing"].status == 1
    nodes = [line for line in entitled.operator.processes().values() if "--chain-id" in line]
    assert len(nodes) == 2  # those of the network that is up, and no other


def test_a_tampered_deployment_record_is_refused_and_the_next_command_repairs_it(entitled: Stage) -> None:
    operator = entitled.operator
    record = operator.workspace / "deployments" / "local" / "31002-bravo.json"
    original = record.read_text("utf-8")
    address = json.loads(original)["contracts"]["SecurityToken/FR0014ZZPPS9"]["address"]
    record.write_text(original.replace(address, dev_address("attacker")), encoding="utf-8")
    before = footprint(operator)

    for command in (("security", "positions"), ("relay", "--with-attestors", "--drain")):
        code, sentence, next_command = three_facts(operator.run(*command))
        assert code == "PP-DEP-002"
        assert "31002-bravo.json was changed by hand" in sentence
        assert next_command == "pari deploy apply"
    drift = operator.run("deploy", "check")
    assert drift.status == 1
    assert "PP-DEP-002" in drift.out + drift.err
    assert footprint(operator) == before

    operator.ok(*next_command.split()[1:])
    assert json.loads(record.read_text("utf-8"))["contracts"] == json.loads(original)["contracts"]
    operator.ok("deploy", "check")


def test_a_record_that_is_not_json_is_refused(entitled: Stage, tmp_path: Path) -> None:
    copy = copy_of(entitled.operator, tmp_path)
    (copy / "deployments" / "local" / "31001-alpha.json").write_text("{", encoding="utf-8")
    ran = entitled.operator.run("security", "positions", environment={"PARI_WORKSPACE": str(copy)})
    code, sentence, _ = three_facts(ran)
    assert (ran.status, code) == (1, "PP-DEP-003")
    assert "31001-alpha.json cannot be read" in sentence


def test_a_network_that_is_not_deployed_says_so(entitled: Stage, tmp_path: Path) -> None:
    copy = copy_of(entitled.operator, tmp_path)
    shutil.rmtree(copy / "deployments")
    ran = entitled.operator.run("security", "positions", environment={"PARI_WORKSPACE": str(copy)})
    assert three_facts(ran)[::2] == ("PP-DEP-001", "pari deploy apply")


def test_a_store_that_is_no_database_is_refused_and_left_alone(entitled: Stage, tmp_path: Path) -> None:
    copy = copy_of(entitled.operator, tmp_path)
    (copy / "bridge.db").write_bytes(b"no database at all" * 100)
    ran = entitled.operator.run("message", "list", environment={"PARI_WORKSPACE": str(copy)})
    assert three_facts(ran)[0] == "PP-STO-005"
    assert (copy / "bridge.db").read_bytes() == b"no database at all" * 100


def copy_of(operator: Operator, folder: Path) -> Path:
    """The operator's workspace without its databases: the same nodes, files of its own."""
    return Path(shutil.copytree(operator.workspace, folder / "ws", ignore=shutil.ignore_patterns("*.db*")))


def test_a_second_relayer_on_the_same_store_shares_the_work_and_the_first_goes_on(entitled: Stage) -> None:
    operator = entitled.operator
    first = operator.start("relay")
    await_that(lambda: first.poll() is not None or rows_in(operator.workspace / "bridge.db", "relayer") == 1)
    operator.ok("relay", "--with-attestors", "--drain")
    assert first.poll() is None
    operator.ok("status")
    first.terminate()
    assert first.wait(60) == 0
    assert rows_in(operator.workspace / "bridge.db", "relayer") == 0


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("postgresql://pari:s3cret@127.0.0.1:1/none", "does not answer"),
        ("mysql://pari:s3cret@127.0.0.1/none", "not by 'mysql'"),
        ("postgresql://pari:s3cret@127.0.0.1:port/none", "is none"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_clear_error_without_its_password(
    entitled: Stage, place: str, words: str
) -> None:
    ran = entitled.operator.run("message", "list", environment={"PARI_STORE": place})
    code, sentence, _ = three_facts(ran)
    assert (ran.status, code) == (1, "PP-STO-007" if "answer" in words else "PP-STO-005")
    assert words in sentence
    assert "s3cret" not in ran.out + ran.err


# what a user meets before any network


def test_help_loads_no_library_of_chains_or_databases() -> None:
    probe = (
        "import sys; from paripassu.cli.app import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print('status', end.code)\n"
        "heavy = {'web3', 'sqlalchemy', 'alembic', 'aiohttp', 'eth_account', 'eth_abi', 'pydantic'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)))"
    )
    for words in (["--help"], ["deploy", "--help"], ["deply"], ["--version"]):
        ran = subprocess.run(
            [sys.executable, "-c", probe, *words], capture_output=True, text=True, timeout=60, check=True
        )
        assert ran.stdout.endswith("loaded []\n"), ran.stdout


def test_the_reader_of_a_pipe_may_leave_early(entitled: Stage) -> None:
    process = entitled.operator.start("up", "--json")
    assert process.stdout is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


def test_the_store_is_sound_after_all_of_it(entitled: Stage) -> None:
    for name in ("bridge.db", "book.db"):
        connection = sqlite3.connect(entitled.operator.workspace / name)
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        connection.close()
