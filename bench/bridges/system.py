"""What the bench asks of every bridge."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from eth_utils.address import to_checksum_address

from bench.chain import Bench, Reverted
from bench.compiling import ROOT, compile_contracts
from paripassu.ledgers.signers import KeySigner, dev_key

MEMBERS, THRESHOLD = ("csd", "custodian", "registrar", "transfer agent", "issuer"), 3
"""Who attests, five legal entities, and how many of them have to."""

PAYLOAD = bytes(1 + number % 255 for number in range(256))
"""256 bytes, none of them zero: what a message carries."""

RECORD = b"".join(
    [
        (1).to_bytes(32, "big"),
        b"FR2027DVCA000042".ljust(32, b"\0"),
        *(value.to_bytes(32, "big") for value in (20_270_301, 20_270_305, 1_804_266_000, 9, 20)),
        b"EUR".ljust(32, b"\0"),
    ]
)
"""256 bytes of a corporate-action record as the ABI writes it: kind, identifier, dates, rate, currency."""

USER = to_checksum_address("0x" + "c3" * 20)


@dataclass(slots=True)
class Figures:
    """Gas by scenario, and what a reader must know of them."""

    gas: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


class Bridge:
    """One bridge under measurement."""

    name: ClassVar[str]
    quorum: ClassVar[str]
    """Whose word counts, as measured."""

    signatures: ClassVar[int] = THRESHOLD
    """How many keys have to sign."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.figures = Figures()

    def measure(self) -> Figures:
        """Set up, deliver a first message, then measure every scenario that there is."""
        raise NotImplementedError

    def must_refuse(self, deliver: Callable[[], object], received: Callable[[], int]) -> None:
        """Try a delivery that nobody has signed who may: it has to fail or to have no effect."""
        before = received()
        with contextlib.suppress(Reverted):
            deliver()
        assert received() == before, f"{self.name} takes the signatures of strangers"


def attestors() -> list[KeySigner]:
    """The five, in the order of their addresses; the first THRESHOLD of them sign."""
    return _signers(MEMBERS)


def strangers() -> list[KeySigner]:
    """As many as have to sign, none of whom may."""
    return _signers([f"stranger {number}" for number in range(THRESHOLD)])


def _signers(names: Iterable[str]) -> list[KeySigner]:
    return sorted((KeySigner(name, dev_key(name)) for name in names), key=_address)


def _address(signer: KeySigner) -> int:
    return int(signer.address, 16)


def receivers() -> dict[str, bytes]:
    """Creation code of the receivers and senders, by contract name."""
    return compile_contracts(["bench/bridges/Receivers.sol"], {"bench/": ROOT / "bench"})
