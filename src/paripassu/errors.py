"""Every error that Pari Passu raises on purpose.

Each class has a stable code, one sentence and the next command to run; the
command line prints the three and exits with `exit_status`. A caller catches
`PariError` for "expected and explained", or a branch for one area.

    PariError
    ├── IdentifierError      PP-ID-…   ISIN, LEI, CAIP, ERC-7930, currency
    ├── ConfigurationError   PP-CFG-…  network, security and event files
    ├── EventError           PP-EVT-…  corporate-action dates, options, states
    ├── RuleError            PP-RUL-…  a movement that the rules refuse (code = restriction code)
    ├── LedgerError          PP-LED-…  nodes, chain ids, transactions, book entry
    ├── DeploymentError      PP-DEP-…  plan, apply, check, records
    ├── BridgeError          PP-BRG-…  messages, attestors, relayers
    ├── StoreError           PP-STO-…  the durable store and its leases
    ├── PaymentError         PP-PAY-…  funding, entitlements, payments
    ├── ReconciliationError  PP-REC-…  an invariant that does not hold
    └── DevnetError          PP-DEV-…  local nodes, compiler, artefacts
"""

from __future__ import annotations

from typing import ClassVar


class PariError(Exception):
    """Base of all expected errors.

    Args:
        sentence: one sentence, ending in a full stop, that names the figures involved.
        next_command: overrides the class's `next_command` where the instance knows better.
    """

    code: ClassVar[str] = "PP-000"
    next_command: str = "pari --help"
    exit_status: ClassVar[int] = 1

    def __init__(self, sentence: str = "", *, next_command: str | None = None) -> None:
        self.sentence = sentence or (self.__doc__ or "").strip().splitlines()[0]
        if next_command is not None:
            self.next_command = next_command
        super().__init__(self.sentence)

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


class IdentifierError(PariError):
    """An identifier is malformed."""

    code = "PP-ID-000"


class ConfigurationError(PariError):
    """A configuration file cannot be used."""

    code = "PP-CFG-000"


class EventError(PariError):
    """A corporate-action event cannot be used."""

    code = "PP-EVT-000"


class RuleError(PariError):
    """The rules of the security refuse the movement."""

    code = "PP-RUL-000"


class LedgerError(PariError):
    """A ledger did not do what was asked."""

    code = "PP-LED-000"


class DeploymentError(PariError):
    """A deployment cannot go on."""

    code = "PP-DEP-000"


class BridgeError(PariError):
    """The bridge cannot go on."""

    code = "PP-BRG-000"


class StoreError(PariError):
    """The durable store cannot be used."""

    code = "PP-STO-000"


class PaymentError(PariError):
    """A payment cannot be made."""

    code = "PP-PAY-000"


class ReconciliationError(PariError):
    """The books do not agree."""

    code = "PP-REC-000"


class DevnetError(PariError):
    """The local network cannot be used."""

    code = "PP-DEV-000"
