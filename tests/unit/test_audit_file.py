"""The audit log as a file: what was written is read, what was changed or is something else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from paripassu.cli.app import main
from paripassu.errors import AuditLogUnreadable, StoreTampered
from paripassu.store import Store, audit
from paripassu.store.audit_file import from_lines, to_lines


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a log of three rows, one of them with text that JSON has to escape."""
    monkeypatch.setenv("PARI_WORKSPACE", str(tmp_path))
    with Store.open(tmp_path / "bridge.db") as store, store.write() as connection:
        audit.append(connection, 0.1 + 0.2, "first", "", {})
        audit.append(connection, 1_800_000_000.123456, "second", "é\n", {"why": "\u2028 'x' \"y\""})
        audit.append(connection, 3.0, "third", "subject")
    return tmp_path


def rows(workspace: Path) -> tuple[audit.AuditEntry, ...]:
    with Store.open(workspace / "bridge.db") as store, store.read() as connection:
        return audit.entries(connection)


def test_what_was_written_is_read(workspace: Path) -> None:
    log = rows(workspace)
    assert tuple(from_lines(to_lines(log))) == log


@pytest.mark.parametrize("number", [1, 2, 3])
def test_acc_5_a_row_that_is_changed_left_out_or_repeated_is_named(workspace: Path, number: int) -> None:
    lines = list(to_lines(rows(workspace)))
    for broken in (
        [
            *lines[:number],
            lines[number].replace("subject", "object").replace("first", "last").replace("why", "who"),
        ],
        [*lines[:number], *lines[number + 1 :]] if number < 3 else [*lines, lines[3]],
        [*lines[: number + 1], *lines[number:]],
    ):
        with pytest.raises(StoreTampered, match=r"Row \d of the audit log"):
            from_lines(broken)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "paripassu.audit/2"}', "[1]", "no JSON"])
def test_what_is_no_log_is_refused(text: str) -> None:
    with pytest.raises(AuditLogUnreadable):
        from_lines(text.splitlines())


def test_export_writes_no_file_twice_and_verify_reads_it(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = workspace / "log"
    for words in (
        ["audit", "export", str(file)],
        ["audit", "verify", "--log", str(file)],
        ["audit", "verify"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert "3 rows" in capsys.readouterr().out
    before = file.read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(["audit", "export", str(file)])
    assert ended.value.code == 64
    assert "cannot be written: File exists" in capsys.readouterr().err
    assert file.read_bytes() == before
    with pytest.raises(SystemExit) as ended:
        main(["audit", "verify", "--log", str(workspace / "nowhere")])
    assert "PP-STO-021" in capsys.readouterr().err


def test_rebuilding_with_a_log_and_without_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["relay", "rebuild", "--log", "file", "--without-log"])
    assert ended.value.code == 64
    assert "exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("relay", "--only", "0x12", "--drain"),
        ("relay", "--only", "0x12", "--lane", "alpha:bravo:movement"),
        ("status", "--live", "--json"),
    ],
    ids=" ".join,
)
def test_options_that_exclude_each_other_are_refused(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 64
    assert "error PP-CLI-002" in capsys.readouterr().err
