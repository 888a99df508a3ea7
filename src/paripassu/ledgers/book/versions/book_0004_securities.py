"""Several securities in one book: what a book kept so far is of the asset UNITS, which goes on."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "book_0004"
down_revision = "book_0003"
branch_labels = None
depends_on = None

_ASSET = sa.String(length=16)
_ACCOUNT = sa.String(length=128)
_WHOLE = sa.String(length=80)


def upgrade() -> None:
    op.create_table(
        "holding",
        sa.Column("asset", _ASSET, nullable=False),
        sa.Column("account", _ACCOUNT, nullable=False),
        sa.Column("frozen", sa.Boolean(), nullable=False),
        sa.Column("blocked", _WHOLE, nullable=False),
        sa.Column("pledged", _WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("asset", "account"),
    )
    op.execute(
        "INSERT INTO holding (asset, account, frozen, blocked, pledged) "
        "SELECT 'UNITS', account, frozen, blocked, pledged FROM account "
        "WHERE frozen OR blocked <> '0' OR pledged <> '0'"
    )
    with op.batch_alter_table("account") as table:
        for name in ("frozen", "blocked", "pledged"):
            table.drop_column(name)
    for name in ("lot", "pledge", "rule_change", "act"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("asset", _ASSET, nullable=False, server_default="UNITS"))
        with op.batch_alter_table(name) as table:
            table.alter_column("asset", server_default=None)
    _keyed_anew(
        "setting",
        "CASE WHEN name = 'time_offset' THEN '' ELSE 'UNITS' END",
        [sa.Column("asset", _ASSET, nullable=False), sa.Column("name", sa.String(length=40), nullable=False)],
        [sa.Column("value", _WHOLE, nullable=False)],
    )
    _keyed_anew(
        "debit_authority",
        f"'{_currency()}'",
        [sa.Column("currency", _ASSET, nullable=False), sa.Column("account", _ACCOUNT, nullable=False)],
        [sa.Column("amount", _WHOLE, nullable=False)],
    )
    _keyed_anew(
        "breakdown",
        "'UNITS'",
        [
            sa.Column("asset", _ASSET, nullable=False),
            sa.Column("account", _ACCOUNT, nullable=False),
            sa.Column("sequence", sa.Integer(), nullable=False),
        ],
        [
            sa.Column("as_of", sa.BigInteger(), nullable=False),
            sa.Column("root", sa.String(length=66), nullable=False),
            sa.Column("total", _WHOLE, nullable=False),
            sa.Column("height", sa.BigInteger(), nullable=False),
        ],
    )


def _keyed_anew(name: str, first: str, key: list[sa.Column], others: list[sa.Column]) -> None:  # type: ignore[type-arg]
    """Give a table a further first key column, filled by an expression over the old row."""
    op.rename_table(name, f"former_{name}")
    op.create_table(name, *key, *others, sa.PrimaryKeyConstraint(*(column.name for column in key)))
    kept = ", ".join(column.name for column in (*key[1:], *others))
    op.execute(f"INSERT INTO {name} ({key[0].name}, {kept}) SELECT {first}, {kept} FROM former_{name}")
    op.drop_table(f"former_{name}")


def _currency() -> str:
    """The one currency that the book kept so far; none before its first set-up."""
    latest = "SELECT document FROM configuration ORDER BY height DESC LIMIT 1"
    document = op.get_bind().execute(sa.text(latest)).scalar()
    return str(json.loads(document)["currency"]) if document else ""
