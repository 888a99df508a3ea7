"""Every error that Pari Passu raises on purpose.

Each class has a stable code, one sentence and the next command to run; the
command line prints the three and exits with `exit_status`. A caller catches
`PariError` for "expected and explained", or a branch for one area.

    PariError
    ├── IdentifierError      PP-ID-…   ISIN, LEI, CAIP, ERC-7930, currency
    ├── QuantityError        PP-QTY-…  units, minor units, rates
    ├── ConfigurationError   PP-CFG-…  network, security and event files
    ├── EventError           PP-EVT-…  corporate-action dates, options, states
    ├── RuleError            PP-RUL-…  a movement that the rules refuse (code = restriction code)
    ├── CustodyError         PP-CUS-…  account trees and attested breakdowns
    ├── LedgerError          PP-LED-…  nodes, chain ids, transactions, book entry
    ├── DeploymentError      PP-DEP-…  plan, apply, check, records
    ├── BridgeError          PP-BRG-…  messages, attestors, relayers
    ├── StoreError           PP-STO-…  the durable store and its claims
    ├── PaymentError         PP-PAY-…  funding, entitlements, payments
    ├── ReconciliationError  PP-REC-…  an invariant that does not hold
    ├── SpecificationError   PP-SPC-…  specification sheets and drift from them
    ├── DevnetError          PP-DEV-…  local nodes, compiler, artefacts
    └── CommandLineError     PP-CLI-…  commands and arguments of `pari`
"""

from __future__ import annotations

from typing import ClassVar


class PariError(Exception):
    """Base of all expected errors.

    Args:
        sentence: one sentence, ending in a full stop, that names the figures involved.
        next_command: overrides the class's `next_command` where the instance knows better.
    """

    code: str = "PP-000"
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


class InvalidBytes32(IdentifierError):
    """A 32-byte value is malformed."""

    code = "PP-ID-001"


class InvalidIsin(IdentifierError):
    """An ISIN (ISO 6166) is malformed or its check digit is wrong."""

    code = "PP-ID-002"


class InvalidLei(IdentifierError):
    """A LEI (ISO 17442) is malformed or its check digits are wrong."""

    code = "PP-ID-003"


class InvalidDti(IdentifierError):
    """A DTI (ISO 24165) is malformed or its check character is wrong."""

    code = "PP-ID-004"


class InvalidCfi(IdentifierError):
    """A CFI (ISO 10962) is malformed."""

    code = "PP-ID-005"


class InvalidFisn(IdentifierError):
    """A FISN (ISO 18774) is malformed."""

    code = "PP-ID-006"


class UnknownCurrency(IdentifierError):
    """A currency code is not in ISO 4217."""

    code = "PP-ID-007"


class UnknownCountry(IdentifierError):
    """A country code is not in ISO 3166-1."""

    code = "PP-ID-008"


class InvalidLedgerId(IdentifierError):
    """A ledger id is not a CAIP-2 id of a ledger kind we know."""

    code = "PP-ID-009"


class InvalidAccount(IdentifierError):
    """An account id does not fit its ledger."""

    code = "PP-ID-010"


class InvalidAssetId(IdentifierError):
    """An asset id is not a CAIP-19 id."""

    code = "PP-ID-011"


class InvalidInteropAddress(IdentifierError):
    """An interoperable address is not in ERC-7930 form."""

    code = "PP-ID-012"


class UnknownRole(IdentifierError):
    """A role is not in the closed list of roles."""

    code = "PP-ID-013"


class InvalidVersion(IdentifierError):
    """A version of a contract is malformed."""

    code = "PP-ID-014"


class QuantityError(PariError):
    """A quantity cannot be used."""

    code = "PP-QTY-000"


class InvalidQuantity(QuantityError):
    """A quantity is not a whole number."""

    code = "PP-QTY-001"


class NegativeQuantity(QuantityError):
    """A quantity would become negative."""

    code = "PP-QTY-002"


class QuantityOverflow(QuantityError):
    """A quantity is larger than a ledger can book."""

    code = "PP-QTY-003"


class InvalidRate(QuantityError):
    """A rate is not an exact positive rational."""

    code = "PP-QTY-004"


class ConfigurationError(PariError):
    """A configuration file cannot be used."""

    code = "PP-CFG-000"


class FileUnreadable(ConfigurationError):
    """A configuration file cannot be read."""

    code = "PP-CFG-001"


class InvalidToml(ConfigurationError):
    """A configuration file is not TOML."""

    code = "PP-CFG-002"


class UnknownKey(ConfigurationError):
    """A configuration file has a key that nothing reads."""

    code = "PP-CFG-003"


class MissingKey(ConfigurationError):
    """A configuration file lacks a key."""

    code = "PP-CFG-004"


class InvalidValue(ConfigurationError):
    """A value in a configuration file cannot be used."""

    code = "PP-CFG-005"


class MissingVariable(ConfigurationError):
    """A configuration file names an environment variable that is not set."""

    code = "PP-CFG-006"


class SecretInFile(ConfigurationError):
    """A configuration file holds a secret in the open."""

    code = "PP-CFG-007"


class InconsistentFile(ConfigurationError):
    """Two values of a configuration file contradict each other."""

    code = "PP-CFG-008"


class EventError(PariError):
    """A corporate-action event cannot be used."""

    code = "PP-EVT-000"


class InvalidEventRecord(EventError):
    """A field of an event record is malformed."""

    code = "PP-EVT-001"


class EventDatesRefused(EventError):
    """The dates of an event break market practice.

    `violations` holds one sentence for each broken rule.
    """

    code = "PP-EVT-002"
    next_command = "pari event validate FILE"

    def __init__(self, violations: tuple[str, ...], *, next_command: str | None = None) -> None:
        self.violations = violations
        super().__init__(" ".join(violations), next_command=next_command)


class EventNotLegal(EventError):
    """An instrument of this classification (CFI) has no such event."""

    code = "PP-EVT-003"
    next_command = "pari event validate FILE"


class EventConflict(EventError):
    """An official event is already on the ledger with other terms."""

    code = "PP-EVT-010"
    next_command = "pari event show FILE"


class EventUnknown(EventError):
    """The ledger knows no event with this official id."""

    code = "PP-EVT-011"
    next_command = "pari event announce FILE"


_INSUFFICIENT_BALANCE = 10


class RuleError(PariError):
    """The rules of the security refuse the movement.

    The code is `PP-RUL-` and the ERC-1404 restriction code in three digits.
    """

    code = "PP-RUL-000"
    next_command = "pari holder list"

    def __init__(self, sentence: str = "", *, restriction: int = 0, next_command: str | None = None) -> None:
        super().__init__(sentence, next_command=next_command)
        if next_command is None and restriction == _INSUFFICIENT_BALANCE:
            self.next_command = "pari security positions"
        self.restriction = restriction
        self.code = f"PP-RUL-{restriction:03d}"


class CustodyError(PariError):
    """A custody tree or an attested breakdown cannot be used."""

    code = "PP-CUS-000"


class TreeSumsBroken(CustodyError):
    """Own and client balances of a safekeeping account do not add up."""

    code = "PP-CUS-001"


class BreakdownRefused(CustodyError):
    """An attested breakdown cannot be accepted."""

    code = "PP-CUS-002"


class LedgerError(PariError):
    """A ledger did not do what was asked."""

    code = "PP-LED-000"


class NodeUnreachable(LedgerError):
    """The node of a ledger does not answer."""

    code = "PP-LED-001"
    next_command = "pari up"


class WrongChain(LedgerError):
    """A node serves another chain than the network file names."""

    code = "PP-LED-002"
    next_command = "pari status"


class NodeRefused(LedgerError):
    """A node refused a request."""

    code = "PP-LED-003"
    next_command = "pari status"


class NotFinalInTime(LedgerError):
    """A transaction was not final in the time allowed; the same command takes it up again."""

    code = "PP-LED-004"
    next_command = "pari status"


class FeesUnfunded(LedgerError):
    """A signer cannot pay a ledger's transaction fees."""

    code = "PP-LED-005"
    next_command = "pari status"


class LedgerInconsistent(LedgerError):
    """A ledger's answers contradict each other, so nothing is taken over from them."""

    code = "PP-LED-006"
    next_command = "pari reconcile"


class ContractRefused(LedgerError):
    """A contract refuses a call."""

    code = "PP-LED-007"
    next_command = "pari deploy check"


class ContractMissing(LedgerError):
    """A contract is not where the deployment record says."""

    code = "PP-LED-008"
    next_command = "pari deploy plan"


class CommandImpossible(LedgerError):
    """A command does not fit the ledger or its signer."""

    code = "PP-LED-009"


class SignerUnusable(LedgerError):
    """A signer of the network file cannot be used."""

    code = "PP-LED-010"
    next_command = "pari deploy plan"


class EndpointsDisagree(LedgerError):
    """Endpoints of one ledger answer differently, so nothing is signed on what any of them says."""

    code = "PP-LED-011"
    next_command = "pari status"


class EndpointsMissing(LedgerError):
    """Too few endpoints of a ledger answer for an attestor to believe them."""

    code = "PP-LED-012"
    next_command = "pari status"


class SignerUnreachable(LedgerError):
    """A remote signer does not answer; what is to be signed waits."""

    code = "PP-LED-013"
    next_command = "pari status"


class SignerRefused(LedgerError):
    """A remote signer refuses, or answers with something else than the signature that was asked for."""

    code = "PP-LED-014"
    next_command = "pari attestors show"


class BookNotConfigured(LedgerError):
    """The book-entry ledger has not been configured yet."""

    code = "PP-LED-101"
    next_command = "pari deploy apply"


class ReferenceConflict(LedgerError):
    """The reference was already used for another command."""

    code = "PP-LED-102"


class NotAuthorised(LedgerError):
    """The signer has no authority for this command."""

    code = "PP-LED-103"


class BookTampered(LedgerError):
    """A posting of the book-entry ledger does not match its hash."""

    code = "PP-LED-104"
    next_command = "pari reconcile"


class BatchRefused(LedgerError):
    """The gateway of the book-entry ledger refuses a batch."""

    code = "PP-LED-105"
    next_command = "pari message list"


class TimeNotFinal(LedgerError):
    """The instant asked for is not final on the ledger yet."""

    code = "PP-LED-106"
    next_command = "pari time show"


class CommandRefused(LedgerError):
    """The book-entry ledger refuses a command."""

    code = "PP-LED-107"


class ActRefused(LedgerError):
    """An act of consequence is not at that stage, or has not the approvals that it needs."""

    code = "PP-LED-108"
    next_command = "pari act list"


class HolderUnknown(LedgerError):
    """An account is not registered on its ledger."""

    code = "PP-LED-109"
    next_command = "pari holder list"


class ActUnknown(LedgerError):
    """No ledger has such an act of consequence in a final block."""

    code = "PP-LED-110"
    next_command = "pari act list"


class QuotaRefused(LedgerError):
    """Part of a limit over all ledgers cannot move as asked."""

    code = "PP-LED-111"
    next_command = "pari security quota show"


class OrderUnknown(LedgerError):
    """Nothing of this was ever ordered here against the holder: an order is lifted where it was given."""

    code = "PP-LED-112"
    next_command = "pari holder show"


class DeploymentError(PariError):
    """A deployment cannot go on."""

    code = "PP-DEP-000"


class NotDeployed(DeploymentError):
    """The network is not deployed on a ledger."""

    code = "PP-DEP-001"
    next_command = "pari deploy apply"


class RecordTampered(DeploymentError):
    """A deployment record was changed after it was written."""

    code = "PP-DEP-002"
    next_command = "pari deploy apply"


class RecordUnreadable(DeploymentError):
    """A deployment record or journal cannot be read."""

    code = "PP-DEP-003"
    next_command = "pari deploy check"


class ApplyRunning(DeploymentError):
    """Another apply works on the same journal."""

    code = "PP-DEP-004"
    next_command = "pari deploy plan"


class StepFailed(DeploymentError):
    """A deployment step was refused."""

    code = "PP-DEP-005"
    next_command = "pari deploy plan"


class CodeDrift(DeploymentError):
    """The code at an address is not what this version deploys."""

    code = "PP-DEP-006"
    next_command = "pari deploy check"


class DeploymentDrift(DeploymentError):
    """A ledger's set-up is not what the network file says."""

    code = "PP-DEP-007"
    next_command = "pari deploy plan"


class NotConverged(DeploymentError):
    """All steps were carried out and a difference remains."""

    code = "PP-DEP-008"
    next_command = "pari deploy plan"


class BridgeError(PariError):
    """The bridge cannot go on."""

    code = "PP-BRG-000"


class MalformedMessage(BridgeError):
    """A message, a batch or a payload between ledgers is malformed."""

    code = "PP-BRG-001"


class FinalityViolated(BridgeError):
    """A ledger changed a block that it had given out as final."""

    code = "PP-BRG-010"
    next_command = "pari status"


class ContradictoryMessage(BridgeError):
    """A ledger shows two different messages for one place in a lane."""

    code = "PP-BRG-011"
    next_command = "pari message list"


class UnknownMessage(BridgeError):
    """No message has this id."""

    code = "PP-BRG-012"
    next_command = "pari message list"


class LaneHalted(BridgeError):
    """A ledger's lanes are halted until an operator has looked."""

    code = "PP-BRG-013"
    next_command = "pari lane resume LEDGER --reason TEXT"


class DrainTimeout(BridgeError):
    """Messages were still under way when the time allowed was over."""

    code = "PP-BRG-014"
    next_command = "pari message list"


class IncompleteOutbox(BridgeError):
    """A ledger shows fewer messages than its gateway counted, so nothing is taken as read."""

    code = "PP-BRG-015"
    next_command = "pari status"


class NotHalted(BridgeError):
    """A ledger's lanes are not halted, so there is nothing to resume."""

    code = "PP-BRG-016"
    next_command = "pari status"


class HistoryGone(BridgeError):
    """A ledger no longer shows something that the bridge has acted on, so its lanes stay halted."""

    code = "PP-BRG-017"
    next_command = "pari message list"


class ProofRefused(BridgeError):
    """A settlement proof does not hold, or there is nothing yet to prove."""

    code = "PP-BRG-030"
    next_command = "pari message proof --help"


class MetricsUnserved(BridgeError):
    """Metrics cannot be served where they were asked for."""

    code = "PP-BRG-018"
    next_command = "pari watch --help"


class NotReplayable(BridgeError):
    """A message cannot be delivered again now."""

    code = "PP-BRG-021"
    next_command = "pari message list --waiting"


class StoreError(PariError):
    """The durable store cannot be used."""

    code = "PP-STO-000"


class StoreTooNew(StoreError):
    """The database was written by a newer version of Pari Passu."""

    code = "PP-STO-001"
    next_command = "pip install --upgrade paripassu"


class ClaimHeld(StoreError):
    """Another live process owns the nonces of this key, and only it may send with the key."""

    code = "PP-STO-002"
    next_command = "pari status"


class ClaimLost(StoreError):
    """Work that this process had claimed went to another one, which goes on with it."""

    code = "PP-STO-003"
    next_command = "pari relay"


class StoreTampered(StoreError):
    """A hash-chained record does not match its hash."""

    code = "PP-STO-004"
    next_command = "pari status"


class StoreUnusable(StoreError):
    """The database cannot be opened or is not one of ours."""

    code = "PP-STO-005"
    next_command = "pari status"


class DecisionUnreadable(StoreError):
    """A decision of the rules that was kept cannot be read."""

    code = "PP-STO-006"
    next_command = "pari decision list"


class StoreUnavailable(StoreError):
    """The database of the store does not answer now, or is busy; nothing that it confirmed is lost."""

    code = "PP-STO-007"


class AuditLogUnreadable(StoreError):
    """A file is no exported audit log."""

    code = "PP-STO-021"
    next_command = "pari audit export FILE"


class RebuildContradicted(StoreError):
    """What the audit log says happened is not what the ledgers show, so no store is made of both."""

    code = "PP-STO-022"
    next_command = "pari status"


class RebuildDiffers(StoreError):
    """The rebuilt store holds other facts than the live one, so it does not take its place."""

    code = "PP-STO-023"
    next_command = "pari audit verify"


class StoreInUse(StoreError):
    """Another process has the store open, or was alive in it a moment ago."""

    code = "PP-STO-024"
    next_command = "pari status"


class PaymentError(PariError):
    """A payment cannot be made."""

    code = "PP-PAY-000"


class EntitlementRefused(PaymentError):
    """An entitlement table cannot be computed from the positions given."""

    code = "PP-PAY-001"


class Unfunded(PaymentError):
    """The payer has too little cash, or too little authority to debit it, so nothing was paid."""

    code = "PP-PAY-002"
    next_command = "pari event fund FILE"


class PaymentRefused(PaymentError):
    """A payment does not follow from the event on the ledger, so nothing was paid."""

    code = "PP-PAY-003"
    next_command = "pari event show FILE"


class LedgerLost(PaymentError):
    """A ledger cannot be reached, and the event is paid on all ledgers or on none."""

    code = "PP-PAY-021"
    next_command = "pari status"


class TableUnreadable(PaymentError):
    """The entitlement table that was kept when positions were struck cannot be read."""

    code = "PP-PAY-022"
    next_command = "pari event entitle FILE"


class ReconciliationError(PariError):
    """The books do not agree."""

    code = "PP-REC-000"


class InvariantBroken(ReconciliationError):
    """An invariant does not hold; the figures show where."""

    code = "PP-REC-001"
    next_command = "pari reconcile --json"


class DecisionDiffers(ReconciliationError):
    """A decision of the rules, made again on the same inputs, has another verdict."""

    code = "PP-REC-002"
    next_command = "pari decision replay --json"


class SpecificationError(PariError):
    """A specification sheet cannot be used, or the ledgers differ from it."""

    code = "PP-SPC-000"


class SheetUnreadable(SpecificationError):
    """A file is no specification sheet, or a table in it is broken."""

    code = "PP-SPC-001"
    next_command = "pari spec --help"


class SpecificationDrift(SpecificationError):
    """The ledgers are not as the specification sheet says."""

    code = "PP-SPC-002"
    next_command = "pari deploy check"


class AssetRecordUnreadable(SpecificationError):
    """A file is no asset record, or one that would be read with a loss."""

    code = "PP-SPC-003"
    next_command = "pari spec --help"


class DevnetError(PariError):
    """The local network cannot be used."""

    code = "PP-DEV-000"


class NodeMissing(DevnetError):
    """The program of a local node is not installed."""

    code = "PP-DEV-001"
    next_command = "make setup"


class NodeStartFailed(DevnetError):
    """A local node stopped or kept silent instead of starting."""

    code = "PP-DEV-002"
    next_command = "pari up"


class NodeCallFailed(DevnetError):
    """A local node refused or did not answer a call."""

    code = "PP-DEV-003"
    next_command = "pari up"


class NodeCannot(DevnetError):
    """A local node's client has no such control."""

    code = "PP-DEV-004"
    next_command = "pari up --help"


class DevnetBusy(DevnetError):
    """Another local network runs from this workspace."""

    code = "PP-DEV-005"
    next_command = "pari down"


class DevnetDown(DevnetError):
    """No local network runs from this workspace."""

    code = "PP-DEV-006"
    next_command = "pari up"


class DevnetRecordUnreadable(DevnetError):
    """The workspace's record of its local network cannot be read."""

    code = "PP-DEV-007"
    next_command = "pari down"


class ArtefactUnknown(DevnetError):
    """The package ships no contract of that name."""

    code = "PP-DEV-008"
    next_command = "pari deploy plan"


class CommandLineError(PariError):
    """The command line cannot be understood."""

    code = "PP-CLI-000"
    exit_status = 64  # EX_USAGE: apart from failures (1), and from the 2 of `pari deploy plan`


class UnknownCommand(CommandLineError):
    """There is no such command."""

    code = "PP-CLI-001"


class InvalidArgument(CommandLineError):
    """An argument of a command is missing, not known, or cannot be used."""

    code = "PP-CLI-002"
