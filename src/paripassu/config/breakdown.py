"""The breakdown file, schema `paripassu.breakdown/1`: a custodian's client lines in an omnibus account.

It holds personal data and stays with the custodian. What leaves it are salted
commitments and a root (UBO-5).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field

from paripassu.config.files import FileModel, located, names_its_file, read_model
from paripassu.config.types import LOCAL_ENVIRONMENT
from paripassu.custody import Breakdown, ClientLine, ShareholdingType, holder_commitment
from paripassu.errors import BreakdownRefused, InvalidValue, MissingVariable
from paripassu.identifiers import AccountId, Lei
from paripassu.quantities import Units

SALT_VARIABLE = "PARI_HOLDER_SALT"
_LOCAL_SALT = b"pari passu devnet holder salt"


class _Client(FileModel):
    identity: str = Field(min_length=1)
    identity_type: Literal["LEI", "NATIONAL"]
    kind: Literal["BENE", "NOMI", "OOAC", "UKWN"]
    units: int


class _Breakdown(FileModel):
    schema_: Literal["paripassu.breakdown/1"] = Field(alias="schema")
    account: str
    as_of: AwareDatetime
    clients: list[_Client]


def holder_salt(environment: str, environ: Mapping[str, str] | None = None) -> bytes:
    """The salt of holder commitments: ${PARI_HOLDER_SALT}, or a well-known one in a local network.

    Raises:
        MissingVariable: not set outside a local network.
        InvalidValue: shorter than 16 bytes.
    """
    text = (os.environ if environ is None else environ).get(SALT_VARIABLE, "")
    if not text and environment == LOCAL_ENVIRONMENT:
        return _LOCAL_SALT
    if not text:
        raise MissingVariable(
            f"The environment variable {SALT_VARIABLE} is not set; holders of environment "
            f"'{environment}' cannot be committed to without it.",
            next_command=f"export {SALT_VARIABLE}=…",
        )
    salt = text.encode("utf-8")
    if len(salt) < 16:
        raise InvalidValue(f"The environment variable {SALT_VARIABLE} has {len(salt)} bytes; 16 are needed.")
    return salt


@names_its_file
def load_breakdown(
    path: Path | str, environment: str = "", environ: Mapping[str, str] | None = None
) -> Breakdown:
    """Read a breakdown file and commit to its holders.

    Args:
        environment: the network's; only `local` does without ${PARI_HOLDER_SALT}.

    Raises:
        ConfigurationError, IdentifierError and QuantityError leaves naming file and key; BreakdownRefused.
    """
    path = Path(path)
    file = read_model(path, _Breakdown)
    salt = holder_salt(environment, environ)
    with located(path, "account"):
        account = AccountId.parse(file.account)
    lines = []
    for index, client in enumerate(file.clients):
        if client.identity_type == "LEI":
            with located(path, f"clients[{index}].identity"):
                Lei(client.identity)
        with located(path, f"clients[{index}].units"):
            units = Units(client.units)
        lines.append(
            ClientLine(holder_commitment(salt, client.identity), ShareholdingType(client.kind), units)
        )
    try:
        return Breakdown(account, _seconds(file.as_of), tuple(lines))
    except BreakdownRefused as error:
        raise BreakdownRefused(f"{path}: {error.sentence}") from error


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
