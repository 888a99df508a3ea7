"""Logs of long-running commands: standard error, readable on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import sys

import structlog


def log_to_stderr() -> None:
    """Send structlog's lines to standard error, so that standard output stays the command's own."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
