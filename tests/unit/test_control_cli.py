"""The command line of controls and acts, as far as it goes without a network: what it refuses, and how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paripassu.cli.acting import because, deadline, kept, moment, read_lines, units_in
from paripassu.cli.app import COMMANDS, main
from paripassu.cli.events import _held
from paripassu.errors import InvalidArgument, InvalidValue, PariError
from paripassu.jobs.paying import StillHeld
from paripassu.ledgers.port import Payee
from paripassu.quantities import Minor, Units
from paripassu.rules import Restriction

A = "alpha:0x" + "11" * 20
B = "alpha:0x" + "22" * 20
PLEDGE = "0x" + "07" * 32
WHY = ("--reason", "court order 7")

PRIVILEGED: list[tuple[str, ...]] = [
    ("holder", "suspend", A),
    ("holder", "reinstate", A),
    ("holder", "sanction", A),
    ("holder", "unsanction", A),
    ("holder", "rotate", "--from", A, "--to", B),
    ("security", "freeze", A),
    ("security", "unfreeze", A),
    ("security", "freeze-units", A, "5"),
    ("security", "pause"),
    ("security", "unpause"),
    ("security", "stop", "2027-03-01T00:00:00Z"),
    ("security", "pause-class", "1"),
    ("security", "unpause-class", "1"),
    ("security", "lock", A, "5", "2027-03-01T00:00:00Z", "--reference", "r"),
    ("rules", "countries", "FR"),
    ("rules", "classes", "1"),
    ("rules", "minimum-lot", "5"),
    ("rules", "blackout"),
    ("rules", "modules"),
    ("lane", "resume", "alpha"),
    ("act", "propose", "forced-transfer", "--from", A, "--to", B, "--units", "5"),
    ("act", "propose", "forced-transfers", "file.csv"),
    ("act", "propose", "burn", "--from", A, "--units", "5"),
    ("act", "propose", "burns", "file.csv"),
    ("act", "propose", "cancel", "--from", A, "--units", "5", "--issue", "first"),
    ("act", "propose", "recover", "--from", A, "--to", B),
    ("act", "propose", "issue-limit", "5"),
    ("act", "propose", "holding-cap", "5"),
    ("act", "propose", "holder-limit", "5"),
    ("act", "propose", "rename", "--name", "N"),
    ("act", "propose", "terms", PLEDGE),
    ("act", "propose", "rollback", "SecurityToken"),
    ("act", "propose", "grant-role", "freezer", A),
    ("act", "propose", "revoke-role", "freezer", A),
    ("act", "propose", "arrival", PLEDGE),
    ("message", "refuse", PLEDGE),
    ("lane", "stop", "alpha", "bravo"),
    ("lane", "start", "alpha", "bravo", "order"),
]


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, first line and next command of a command that must fail."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    return int(str(ended.value.code)), first, second.removeprefix("  next: ")


@pytest.mark.parametrize("words", PRIVILEGED, ids=" ".join)
def test_ctl_7_every_privileged_command_wants_a_reason(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    command = next(path for path in COMMANDS if " ".join(words[: len(path.split())]) == path)
    status, error, remedy = refusal(capsys, *words)
    assert (status, remedy) == (64, f"pari {command} --help")
    assert "--reason" in error


@pytest.mark.parametrize("given", ["", "   "])
def test_ctl_7_an_empty_reason_is_none(capsys: pytest.CaptureFixture[str], given: str) -> None:
    status, error, _ = refusal(capsys, "security", "freeze", A, "--reason", given)
    assert status == 64
    assert error.startswith("error PP-CLI-002: A privileged act states its reason")


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("security", "stop", "tomorrow", *WHY), "PP-CLI-002", "no time"),
        (("security", "stop", "2027-03-01T00:00:00", *WHY), "PP-CLI-002", "names no zone"),
        (("security", "pause-class", "32", *WHY), "PP-QTY-001", "0 to 31"),
        (("rules", "classes", "one", *WHY), "PP-CLI-002", "one"),
        (("rules", "countries", "XX", *WHY), "PP-ID-008", "XX"),
        (("rules", "blackout", "--window", "2027-03-01T00:00:00Z", *WHY), "PP-CLI-002", "time span"),
        (("rules", "blackout", "--window", "200/100", *WHY), "PP-QTY-001", "no second"),
        (("act", "propose", "rename", *WHY), "PP-CLI-002", "either --name or --symbol"),
        (("act", "propose", "rename", "--name", "N", "--symbol", "S", *WHY), "PP-CLI-002", "either"),
        (("act", "propose", "terms", "0x12", *WHY), "PP-ID-001", "64 hex digits"),
        (("act", "propose", "burns", "missing.csv", *WHY), "PP-CFG-001", "missing.csv"),
        (
            ("act", "propose", "recover", "--from", A, "--to", B, "--to-proof", "zz", *WHY),
            "PP-CLI-002",
            "hex",
        ),
        (("act", "propose", "rollback", "X", "--change-class", "9", *WHY), "PP-LED-009", "1 to 4"),
        (("security", "enforce", "alpha", "0x12", "--signer", "dev:a"), "PP-ID-001", "64 hex digits"),
        (("act", "propose", "bury", *WHY), "PP-CLI-001", "did you mean 'burn'?"),
        (("version", "when"), "PP-CLI-001", "no command"),
        (("lane", "stop", "alpha", "bravo", "dividends", *WHY), "PP-CLI-002", "there are movement,"),
        (("lane", "halt"), "PP-CLI-001", "no command"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_bad_input_has_a_code_and_what_to_do(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str, part: str
) -> None:
    status, error, remedy = refusal(capsys, *words)
    assert status in (1, 64)
    assert error.startswith(f"error {code}: ")
    assert part in error
    assert remedy.startswith(("pari ", "${EDITOR"))


def test_a_time_is_seconds_or_names_its_zone() -> None:
    assert moment("1804287599") == moment("2027-03-05T23:59:59+01:00") == 1_804_287_599


def test_mov_6_a_movement_expires_at_a_time_or_after_a_span() -> None:
    assert [deadline(text, 1_000) for text in ("90s", "30m", "2h", "1d")] == [1_090, 2_800, 8_200, 87_400]
    assert deadline("1804287599", 1_000) == 1_804_287_599
    for wrong in ("", "h", "-2h", "2w", "1.5h", "99999999999h"):
        with pytest.raises(InvalidArgument):
            deadline(wrong, 1_000)


def test_it_says_what_of_a_reason_a_chain_keeps() -> None:
    assert kept(because("court order 7")) == "reason on record: court order 7"
    long = because("a reason that is longer than thirty-one characters")
    assert kept(long).startswith(f"reason on record: {long.word} (keccak-256")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "first line must be 'account,units'"),
        ("units,account\n1,a\n", "first line must be"),
        ("account,units\n", "no line but the first"),
        ("account,units\na,1,2\n", "line 2: 2 values"),
        ("account,units\na,\n", "line 2: 2 values"),
    ],
)
def test_a_file_of_lines_is_read_strictly(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidValue, match=part):
        read_lines(path, ("account", "units"))


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("account,units\nholder_fr, 12\n\nholder_de,3\n", "utf-8")
    assert read_lines(path, ("account", "units")) == [["holder_fr", "12"], ["holder_de", "3"]]
    assert units_in(path, "12") == Units(12)
    with pytest.raises(InvalidValue, match="no whole number"):
        units_in(path, "1.5")


@pytest.mark.parametrize(
    ("code", "command"),
    [
        (Restriction.NONE, "pari event pay event.toml"),
        (Restriction.RECIPIENT_FROZEN, "pari security unfreeze alpha:new --reason WHY"),
        (Restriction.RECIPIENT_INACTIVE, "pari holder reinstate alpha:new --reason WHY"),
        (Restriction.RECIPIENT_SANCTIONED, "pari holder unsanction alpha:new --reason WHY"),
        (Restriction.RECIPIENT_UNKNOWN, "pari holder onboard alpha new --help"),
    ],
)
def test_ca_23_a_held_line_names_the_command_that_lifts_what_holds_it(
    code: Restriction, command: str
) -> None:
    class Alpha:
        name = "alpha"

    held = StillHeld("old", Minor(5), Payee("new", code))
    row = _held(Alpha(), held, Path("event.toml"))  # type: ignore[arg-type]
    assert row == ["alpha", "old", 5, int(code), code.name, command]


def test_a_reason_too_long_for_anybody_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        because("x" * 1_001)
    assert issubclass(InvalidArgument, PariError)


def test_every_command_is_there_and_none_is_loaded_before_it_runs() -> None:
    script = (
        "import sys\n"
        "from paripassu.cli.app import COMMANDS, main\n"
        "loaded = {name for name in sys.modules if name.startswith('paripassu.cli.')}\n"
        "assert loaded <= {'paripassu.cli.app'}, loaded\n"
        "from importlib import import_module\n"
        "for target, _ in COMMANDS.values():\n"
        "    module, _, function = target.partition(':')\n"
        "    assert callable(getattr(import_module(module), function)), target\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
