"""Codecs of the shipped contracts, and reads of their state at a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from paripassu import artefacts
from paripassu.errors import ContractMissing, ContractRefused, LedgerInconsistent
from paripassu.ledgers.evm.codec import Contract
from paripassu.ledgers.evm.faults import Fault, NodeFault
from paripassu.ledgers.evm.reverts import RevertDecoder
from paripassu.ledgers.evm.rpc import JsonRpc

_PARTS = {"SecurityToken": ("SecurityToken", "SecurityTokenExtension", "SecurityTokenReadings")}
"""Contracts whose code is in several parts, which all answer at the first one's address."""


_KERNEL = "Kernel"
"""What contracts give to their kernel, which is immutable in their code, they answer too."""


def parts_of(name: str) -> tuple[str, ...]:
    """Names of the artefacts that answer behind one address; `name` may end in `/<whose>`."""
    kind = name.partition("/")[0]
    parts = _PARTS.get(kind, (kind,))
    runs_kernel = any(_KERNEL.upper() in artefacts.load(part).immutables for part in parts)
    return (*parts, _KERNEL) if runs_kernel else parts


def abi_of(name: str) -> list[dict[str, Any]]:
    """The ABI of everything that answers where a contract stands."""
    main, *others = parts_of(name)
    abi = list(artefacts.load(main).abi)
    for other in others:
        abi += [one for one in artefacts.load(other).abi if one["type"] != "constructor" and one not in abi]
    return abi


@cache
def codec(name: str) -> Contract:
    """Codec of a shipped contract, for example `SecurityToken`, with all its parts.

    Of several contracts of one kind, as `SecurityToken/FR0014ZZPPS9`, the kind counts.
    """
    return Contract(name, abi_of(name))


def revert_decoder(ledger: str) -> RevertDecoder:
    """Decoder for the custom errors of everything that ships."""
    return RevertDecoder(ledger, [codec(name) for name in artefacts.names()])


@dataclass(frozen=True, slots=True)
class View:
    """One read of a contract's state: `name` chooses both codec and address."""

    name: str
    function: str
    args: tuple[Any, ...] = ()


class ContractReader:
    """Reads of one ledger's contracts. Heights are explicit; None is the head."""

    def __init__(self, rpc: JsonRpc, addresses: Mapping[str, str]) -> None:
        self._rpc = rpc
        self._addresses = dict(addresses)
        self._reverts: RevertDecoder | None = None

    @property
    def ledger(self) -> str:
        """Name of the ledger, for messages."""
        return self._rpc.ledger

    def address(self, name: str) -> str:
        """Address of a contract. Raises ContractMissing where the deployment record has none."""
        try:
            return self._addresses[name]
        except KeyError:
            raise ContractMissing(f"The deployment record of {self.ledger} has no {name}.") from None

    def has(self, name: str) -> bool:
        """Whether the deployment record has a contract."""
        return name in self._addresses

    @property
    def reverts(self) -> RevertDecoder:
        """Decoder of refusals, built at its first use."""
        if self._reverts is None:
            self._reverts = revert_decoder(self.ledger)
        return self._reverts

    async def view(self, name: str, function: str, *args: Any, height: int | None = None) -> Any:
        """One result of a view function; a tuple where the function has several."""
        return (await self.views([View(name, function, args)], height))[0]

    async def views(self, views: Sequence[View], height: int | None = None) -> list[Any]:
        """Results of many view functions at one height, in order.

        Raises:
            ContractMissing: no code at the address.
            PariError: the contract refuses the read; decoded.
        """
        answers = await self._answers(views, height)
        return [self._decoded(view, answer) for view, answer in zip(views, answers, strict=True)]

    async def views_or_none(self, views: Sequence[View], height: int | None = None) -> list[Any]:
        """As `views`, with None where no contract of ours answers at the address."""
        results: list[Any] = []
        for view, answer in zip(views, await self._answers(views, height), strict=True):
            try:
                results.append(self._decoded(view, answer))
            except (ContractMissing, ContractRefused, LedgerInconsistent):
                results.append(None)
        return results

    async def raw(self, calls: Sequence[tuple[str, bytes]], height: int) -> list[bytes | None]:
        """Answers of contracts that need not be ours, in order; None where one refuses."""
        requests = [("eth_call", ({"to": to, "data": "0x" + data.hex()}, hex(height))) for to, data in calls]
        answers = await self._rpc.batch_with_faults(requests)
        return [None if isinstance(one, NodeFault) else bytes.fromhex(one[2:]) for one in answers]

    async def receipt(self, transaction: str) -> dict[str, Any]:
        """The receipt of a transaction in a block. Raises LedgerInconsistent where there is none."""
        found = await self._rpc.call("eth_getTransactionReceipt", transaction)
        if not found:
            raise LedgerInconsistent(f"The node of {self.ledger} has no transaction {transaction}.")
        return dict(found)

    async def transaction(self, hash: str) -> dict[str, Any]:
        """A transaction as the node has it. Raises LedgerInconsistent where it has none."""
        found = await self._rpc.call("eth_getTransactionByHash", hash)
        if not found:
            raise LedgerInconsistent(f"The node of {self.ledger} has no transaction {hash}.")
        return dict(found)

    async def _answers(self, views: Sequence[View], height: int | None) -> list[Any]:
        tag = "latest" if height is None else hex(height)
        requests = [
            (
                "eth_call",
                (
                    {
                        "to": self.address(view.name),
                        "data": "0x" + codec(view.name).encode(view.function, *view.args).hex(),
                    },
                    tag,
                ),
            )
            for view in views
        ]
        return await self._rpc.batch_with_faults(requests)

    def _decoded(self, view: View, answer: Any) -> Any:
        if isinstance(answer, NodeFault):
            raise self.reverts.error(answer.data) if answer.fault is Fault.REVERTED else answer
        if answer in ("0x", None):
            raise ContractMissing(
                f"There is no {view.name} at {self.address(view.name)} on {self.ledger} at that block."
            )
        try:
            values = codec(view.name).decode(view.function, bytes.fromhex(answer[2:]))
        except ValueError as error:
            raise LedgerInconsistent(f"{self.ledger}: {error}.") from None
        return values[0] if len(values) == 1 else values
