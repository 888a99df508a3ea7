"""The example files: beside the package in a checkout, inside it when installed from a wheel."""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).parent / "_examples"
_CHECKOUT = Path(__file__).parents[2] / "examples"


def example(name: str) -> Path:
    """Path of an example file, such as `local.toml`."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    return folder / name
