"""Runs alembic's migrations inside a transaction that the caller opened."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection, scripts: Path, versions: Path) -> None:
    """Bring the database behind `connection` to the newest revision in the folder `versions`."""
    configuration = Config()
    configuration.set_main_option("script_location", str(scripts))
    configuration.set_main_option("path_separator", "os")
    configuration.set_main_option("version_locations", str(versions))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
