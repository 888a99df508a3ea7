"""An EVM chain as a ledger: the port's operations over one JSON-RPC client and one sender."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from eth_abi.exceptions import EncodingError
from eth_utils.address import to_checksum_address

from paripassu.commands import Acknowledge, Command, Deliver, Flush
from paripassu.errors import (
    CommandImpossible,
    ContractMissing,
    PariError,
    ReferenceConflict,
    RuleError,
    WrongChain,
)
from paripassu.identifiers import Bytes32, LedgerId
from paripassu.keycontrol import KeyControl
from paripassu.ledgers.blocks import BlockRef
from paripassu.ledgers.decisions import DecisionLog
from paripassu.ledgers.evm.actions import ActionsReader
from paripassu.ledgers.evm.blocks import Blocks
from paripassu.ledgers.evm.calls import call_for
from paripassu.ledgers.evm.contracts import ContractReader
from paripassu.ledgers.evm.controls import EvmControls
from paripassu.ledgers.evm.decisions import DecisionReader
from paripassu.ledgers.evm.evidence import EvmEvidence
from paripassu.ledgers.evm.fees import FeePolicy, market_fee
from paripassu.ledgers.evm.gateway import GatewayReader
from paripassu.ledgers.evm.history import HistoryReader
from paripassu.ledgers.evm.keeping import DecisionKeeper
from paripassu.ledgers.evm.logs import Logs
from paripassu.ledgers.evm.preparation import Call, Patience
from paripassu.ledgers.evm.raw import unsigned_fields
from paripassu.ledgers.evm.rpc import JsonRpc, RetryPolicy
from paripassu.ledgers.evm.securities import SecurityReader
from paripassu.ledgers.evm.transactions import TransactionSender
from paripassu.ledgers.evm.transports import TransportReader
from paripassu.ledgers.intents import IntentLog
from paripassu.ledgers.port import (
    ArrivalCap,
    Arriving,
    AttestedBreakdown,
    AttestorSet,
    Delivery,
    FeeCoverage,
    HeldEntitlement,
    KnownEvent,
    Outcome,
    Payee,
    Payment,
    Refunded,
    SentMessage,
    Signer,
    Standing,
    StruckPositions,
)
from paripassu.ledgers.quorum import signers_among
from paripassu.lots import Record
from paripassu.messages import GatewayDomain, Lane, Purpose, acknowledgement_digest, batch_digest
from paripassu.quantities import Minor, Units
from paripassu.rules import DecisionRecord, HolderRecord, Movement, Restriction


@dataclass(frozen=True, slots=True)
class EvmSettings:
    """How to treat one chain.

    Args:
        reorg_period: blocks that must lie above a block before it may be final.
        block_time: seconds between blocks; sets how often outcomes are looked up.
        first_block: no contract of ours is older; logs are read from here on.
        patience: seconds until waiting for a final outcome ends with an error.
    """

    reorg_period: int
    block_time: float = 12.0
    first_block: int = 0
    patience: float = 300.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    fees: FeePolicy = field(default_factory=FeePolicy)


class EvmLedger:
    """Implements `paripassu.ledgers.port.Ledger` for one EVM chain."""

    def __init__(
        self,
        ledger: LedgerId,
        name: str,
        urls: Sequence[str],
        settings: EvmSettings,
        addresses: Mapping[str, str],
        intents: IntentLog,
        *,
        peers: Iterable[LedgerId] = (),
        isin: str = "",
        decisions: DecisionLog | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            addresses: contract name (as in the artefacts) to address, from the deployment record.
            peers: the network's other ledgers; needed to name those that are no EVM chains.
            isin: the security that `addresses` are of, where several share a chain.
            decisions: where the rules' verdicts on instructions are kept; nowhere where none is given.
            clock: seconds for waiting; never compared with block times.
        """
        self._id = ledger
        self._name = name
        self.rpc = JsonRpc(name, urls, settings.retry)
        self._blocks = Blocks(self.rpc, settings.reorg_period)
        self.contracts = ContractReader(self.rpc, addresses)
        self._addresses = dict(addresses)
        self._intents = intents
        self._isin = isin
        self._fees = settings.fees
        logs = Logs(self.rpc)
        self._gateway = GatewayReader(ledger, peers, self.contracts, logs, self._blocks)
        self._transports = TransportReader(self.contracts)
        self._security = SecurityReader(ledger, self.contracts, logs, self._blocks, settings.first_block)
        self._actions = ActionsReader(self.contracts, logs, self._blocks, settings.first_block)
        self._controls = EvmControls(
            ledger, peers, self.contracts, addresses, logs, self._blocks, settings.first_block
        )
        self._history = HistoryReader(
            ledger, tuple(peers), self.contracts, logs, self._blocks, settings.first_block
        )
        self.evidence = EvmEvidence(self.contracts, logs, self._blocks, settings.first_block)
        self._decisions = DecisionReader(ledger, self.contracts, logs, self._blocks, settings.first_block)
        self._keeper = DecisionKeeper(self._decisions, decisions)
        self._first_block = settings.first_block
        self._sender = TransactionSender(
            ledger=ledger,
            name=name,
            chain_id=ledger.chain_id,
            rpc=self.rpc,
            blocks=self._blocks,
            log=intents,
            refusal=self._refusal,
            fees=settings.fees,
            patience=Patience(poll=min(1.0, max(0.1, settings.block_time / 4)), limit=settings.patience),
            clock=clock,
        )

    @property
    def id(self) -> LedgerId:
        return self._id

    @property
    def name(self) -> str:
        return self._name

    @property
    def first_block(self) -> int:
        return self._first_block

    @property
    def domain(self) -> GatewayDomain:
        return GatewayDomain(self._id, bytes.fromhex(self.contracts.address("Gateway")[2:]))

    async def open(self) -> None:
        """Verify that the node serves this chain and that the contracts are there.

        Raises:
            WrongChain: the node has another chain id.
            ContractMissing: an address of the deployment record has no code.
            NodeUnreachable: no answer.
        """
        found = int(await self.rpc.call("eth_chainId"), 16)
        if found != self._id.chain_id:
            raise WrongChain(
                f"The node of {self._name} serves chain {found}, the network file says {self._id.chain_id}."
            )
        names = sorted(self._addresses)
        codes = await self.rpc.batch([("eth_getCode", (self._addresses[name], "latest")) for name in names])
        for name, code in zip(names, codes, strict=True):
            if code in ("0x", None):
                raise ContractMissing(
                    f"There is no {name} at {self._addresses[name]} on {self._name}, "
                    f"where the deployment record has it."
                )

    async def close(self) -> None:
        await self.rpc.close()

    # -- blocks --------------------------------------------------------------------------

    async def head(self) -> BlockRef:
        return await self._blocks.head()

    async def final(self) -> BlockRef:
        return await self._blocks.final()

    async def final_at(self, time: int) -> BlockRef | None:
        return await self._blocks.final_at(time)

    async def block_at(self, height: int) -> BlockRef:
        return await self._blocks.at(height)

    # -- messages ------------------------------------------------------------------------

    async def attestor_set(self) -> AttestorSet:
        return await self._gateway.attestor_set()

    async def sent_counts(self, lanes: Sequence[Lane], height: int) -> tuple[int, ...]:
        return await self._gateway.sent_counts(lanes, height)

    async def sent_messages(self, first: int, last: int) -> tuple[SentMessage, ...]:
        return await self._gateway.sent_messages(first, last)

    async def arriving(self, lane: Lane) -> Arriving:
        (inbound, stopped), time = await asyncio.gather(
            self._gateway.arriving(lane), self._blocks.next_time()
        )
        return Arriving(inbound, stopped, time)

    async def inbound_nonce(self, lane: Lane, height: int | None = None) -> int:
        """At the head where no height is named: what a delivery would meet next."""
        return await self._gateway.inbound_nonce(lane, height)

    async def deliveries(self, first: int, last: int) -> tuple[Delivery, ...]:
        return await self._gateway.deliveries(first, last)

    async def acknowledged_nonce(self, lane: Lane, height: int | None = None) -> int:
        return await self._gateway.acknowledged_nonce(lane, height)

    async def standing(self, message_id: Bytes32, height: int | None = None) -> Standing:
        return await self._gateway.standing(message_id, height)

    async def refunds(self, first: int, last: int) -> tuple[Refunded, ...]:
        return await self._gateway.refunds(first, last)

    async def fee_coverage(self, account: str) -> FeeCoverage:
        coin = int(await self.rpc.call("eth_getBalance", account, "latest"), 16)
        tips = await self._blocks.tips()
        return FeeCoverage(coin, (await market_fee(self.rpc, tips.base_fee, self._fees)).most)

    async def lane_stopped(self, peer: LedgerId, purpose: Purpose) -> bool:
        return await self._gateway.lane_stopped(peer, purpose)

    async def carrier(self, peer: LedgerId, purpose: Purpose) -> str:
        return await self._transports.carrier(peer, purpose)

    async def vouched(self, kind: str, lane: Lane, ids: Sequence[Bytes32]) -> int:
        return await self._transports.vouched(kind, lane, ids)

    async def queued(self, peers: Sequence[LedgerId]) -> dict[tuple[str, LedgerId], int]:
        return await self._transports.queued(peers)

    async def arrival_cap(self, security_id: Bytes32, source: LedgerId) -> ArrivalCap:
        return await self._gateway.arrival_cap(security_id, source)

    # -- the security --------------------------------------------------------------------

    async def supply(self, height: int | None = None) -> Units:
        return await self._security.supply(height)

    async def issued(self, height: int | None = None) -> Units:
        return await self._security.issued(height)

    async def position(self, account: str, height: int | None = None) -> Units:
        return await self._security.position(account, height)

    async def positions_at(self, time: int) -> StruckPositions:
        return await self._security.positions_at(time)

    async def eligible_on_ledger(self, account: str, time: int) -> Units | None:
        return await self._security.eligible(account, time)

    async def holder(self, account: str) -> HolderRecord | None:
        return await self._security.holder(account)

    async def holders(self) -> dict[str, HolderRecord]:
        return await self._security.holders()

    async def breakdowns(self, account: str) -> tuple[AttestedBreakdown, ...]:
        return await self._security.breakdowns(account)

    async def verdict(self, source: str, target: str, units: Units) -> Restriction:
        return await self._security.verdict(source, target, units)

    async def key_control(self, account: str, holder: Bytes32) -> KeyControl | None:
        return KeyControl(self._id, self.contracts.address("HolderRegistry"), account, holder)

    async def history(self, last: int) -> tuple[Record, ...]:
        return await self._history.read(last)

    # -- corporate actions and cash ------------------------------------------------------

    async def event(self, event_id: str) -> KnownEvent | None:
        return await self._actions.event(event_id)

    async def events(self) -> tuple[KnownEvent, ...]:
        return await self._actions.events()

    async def payments(self, event_id: str) -> tuple[Payment, ...]:
        return await self._actions.payments(event_id)

    async def cash(self, account: str) -> Minor:
        return await self._actions.cash(account)

    async def held(self, event_id: str) -> tuple[HeldEntitlement, ...]:
        return await self._actions.held(event_id)

    async def payee(self, account: str) -> Payee:
        return await self._actions.payee(account)

    # -- controls ------------------------------------------------------------------------

    @property
    def controls(self) -> EvmControls:
        return self._controls

    # -- writes --------------------------------------------------------------------------

    async def submit(self, command: Command, signer: Signer, reference: str) -> Outcome:
        call = await self._call(command, signer, reference)
        try:
            outcome = await self._sender.submit(call, signer, self._stored(reference))
        except RuleError as refused:
            await self._keeper.refused(command, Restriction(refused.restriction), reference)
            raise
        return replace(outcome, reference=reference)

    async def outcome(self, reference: str) -> Outcome:
        return replace(await self._sender.outcome(self._stored(reference)), reference=reference)

    async def sender_of(self, reference: str) -> str:
        sent = self._intents.find(self._stored(reference))
        return sent[-1].sender if sent else ""

    async def execute(self, command: Command, signer: Signer, reference: str) -> Outcome:
        call = await self._call(command, signer, reference)
        try:
            outcome = await self._sender.execute(call, signer, self._stored(reference))
        except RuleError as refused:
            await self._keeper.refused(command, Restriction(refused.restriction), reference)
            raise
        await self._keeper.made(command, outcome, reference)
        return replace(outcome, reference=reference)

    # -- decisions -----------------------------------------------------------------------

    async def decisions(self, first: int, last: int) -> list[DecisionRecord]:
        first = max(first, self._first_block)
        return [] if last < first else await self._decisions.made(first, last)

    async def keep_refusal(self, movement: Movement, reference: str) -> None:
        await self._keeper.refused(movement, Restriction.NONE, reference)

    async def _call(self, command: Command, signer: Signer, reference: str) -> Call:
        """The command's call; what was stored under its reference before must be the same one.

        Raises:
            CommandImpossible: a value of the command does not fit the contract.
            ReferenceConflict: the reference stands for another command.
            BatchRefused: the signatures are not those of members of the current attestor set.
        """
        try:
            signers, known = await asyncio.gather(self._signers(command), self._knows(command))
            call = call_for(command, signer.address, reference, self.contracts.address, signers, known)
            if isinstance(command, Flush):
                call = replace(call, value=await self._transports.fee(command.transport, command.destination))
        except EncodingError as error:
            kind = type(command).__name__
            raise CommandImpossible(f"{self._name} cannot be told to {kind}: {error}") from None
        attested = isinstance(command, Deliver | Acknowledge)
        stored = [] if attested else self._intents.find(self._stored(reference))
        # what is attested may come with other signatures; nothing else may differ, where bytes are kept
        for intent in (one for one in stored if one.raw):
            fields, _ = unsigned_fields(intent.raw)
            if fields["data"] != "0x" + call.data.hex() or fields.get("to") != to_checksum_address(call.to):
                raise ReferenceConflict(
                    f"Reference '{reference}' stands for another {type(command).__name__} on {self._name}, "
                    f"in transaction {intent.transaction}."
                )
        return call

    async def _knows(self, command: Command) -> bool:
        return isinstance(command, Deliver) and await self._gateway.knows(command.batch)

    async def _signers(self, command: Command) -> int:
        """Which members of the attestor set signed; nobody for what needs no signatures."""
        if isinstance(command, Deliver):
            if not (command.batch.attestor_set_version or command.signatures):
                return 0  # a transport vouches for it
            version, digest = command.batch.attestor_set_version, batch_digest(command.batch, self.domain)
        elif isinstance(command, Acknowledge):
            version = command.acknowledgement.attestor_set_version
            digest = acknowledgement_digest(command.acknowledgement, self.domain)
        else:
            return 0
        return signers_among(await self.attestor_set(), version, digest, command.signatures)

    def _stored(self, reference: str) -> str:
        """Ledgers share one intent log, and a caller may use one reference on each, for each security."""
        return f"{reference}@{self._id}/isin:{self._isin}" if self._isin else f"{reference}@{self._id}"

    def _refusal(self, data: bytes) -> PariError:
        return self.contracts.reverts.error(data)
