"""For all tests under pytest."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from importlib.util import find_spec

import pytest

PYREVM_BUILDS = ((3, 11), (3, 12))
"""Versions of Python for which pyrevm, which runs contracts in process, is published."""


def pyrevm_is_due(environ: Mapping[str, str], version: tuple[int, int]) -> bool:
    """Whether a missing pyrevm would hide a gap: what needs it is skipped only where it cannot be had,
    and never in continuous integration."""
    return bool(environ.get("CI")) or version in PYREVM_BUILDS


if find_spec("pyrevm") is None and pyrevm_is_due(os.environ, sys.version_info[:2]):
    raise pytest.UsageError(
        "pyrevm is missing, and with it every test that runs contracts in process: "
        "run `make setup` with Python 3.11 or 3.12, which the whole suite needs."
    )

# A shell that starts us in the background leaves interrupts ignored, and our children inherit
# that; tests that interrupt a process mean one that a person started at a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
