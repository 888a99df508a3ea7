"""Validators and relayer of a local network, in one: read what chains dispatched, sign it once it is as deep
as reorganisations may go, deliver it. All is read anew from the chains after a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from eth_abi.abi import decode, encode

from paripassu.config import NetworkConfig
from paripassu.devnet.rpc import call, head_number
from paripassu.errors import PariError
from paripassu.hyperlane.formats import Checkpoint, Envelope, Tree
from paripassu.hyperlane.places import THRESHOLD, carrier, local_mailbox, local_tree, validators
from paripassu.hyperlane.sending import send_all
from paripassu.identifiers import Bytes32, keccak256
from paripassu.ledgers.signers import KeySigner

_DISPATCH = keccak256(b"Dispatch(address,uint32,bytes32,bytes)").text
_INSERTED = keccak256(b"InsertedIntoTree(bytes32,uint32)").text
_GAS = 5_000_000
_POLL = 0.2

log = structlog.get_logger("paripassu.hyperlane")


@dataclass(slots=True)
class Chain:
    """One chain, and what was read of it: the tree of its messages, and those not known to be delivered."""

    url: str
    domain: int
    mailbox: str
    depth: int
    read: int = 0
    tree: Tree = field(default_factory=Tree)
    waiting: list[tuple[Envelope, Checkpoint]] = field(default_factory=list)

    def forget(self) -> None:
        """Begin anew: the chain is not what was read, as after a reorganisation."""
        self.read, self.tree, self.waiting = 0, Tree(), []


def chains_of(network: NetworkConfig) -> list[Chain]:
    """The chains of a local network's Hyperlane whose mailboxes are those that `pari up` puts there."""
    found = []
    for one in network.transports if network.is_local else ():
        for name in one.ledgers:
            ledger = network.ledgers[name]
            if name not in one.mailbox and ledger.rpc_urls:
                place = (ledger.rpc_urls[0], one.domain[name], local_mailbox())
                found.append(Chain(*place, ledger.blocks.reorg_period))
    return found


class LocalRelayer:
    """Carries Hyperlane's messages between local chains. `validators` sign, in the module's order."""

    def __init__(self, chains: Sequence[Chain]) -> None:
        self._chains = {chain.domain: chain for chain in chains}
        self.validators: Sequence[KeySigner] = validators()[:THRESHOLD]

    def step(self) -> int:
        """One look at every chain; how many messages were delivered. Raises NodeCallFailed."""
        delivered = 0
        for chain in self._chains.values():
            self._look(chain)
            waiting = [one for one in chain.waiting if not self._is_over(one[0])]
            chain.waiting = [one for one in waiting if not self._deliver(*one)]
            delivered += len(waiting) - len(chain.waiting)
        return delivered

    def _look(self, chain: Chain) -> None:
        """Read further, up to where the chain is deep enough."""
        last = head_number(chain.url) - chain.depth
        if last < chain.read:
            if last + 1 < chain.read:
                chain.forget()
            return
        sent = {}
        for entry in self._logs(chain, chain.mailbox, _DISPATCH, last):
            (raw,) = decode(["bytes"], bytes.fromhex(entry["data"][2:]))
            envelope = Envelope.parse(raw)
            sent[envelope.id] = envelope
        for entry in self._logs(chain, local_tree(), _INSERTED, last):
            id, index = decode(["bytes32", "uint32"], bytes.fromhex(entry["data"][2:]))
            if index != chain.tree.count or Bytes32(id) not in sent:
                chain.forget()
                return
            chain.tree.insert(id)
            padded = bytes.fromhex(local_tree()[2:]).rjust(32, b"\0")
            checkpoint = Checkpoint(chain.domain, padded, chain.tree.root, index, Bytes32(id))
            chain.waiting.append((sent[Bytes32(id)], checkpoint))
        chain.read = last + 1

    def _logs(self, chain: Chain, address: str, topic: str, last: int) -> list[dict[str, Any]]:
        where = {"fromBlock": hex(chain.read), "toBlock": hex(last)}
        return list(call(chain.url, "eth_getLogs", {**where, "address": address, "topics": [topic]}))

    def _is_over(self, envelope: Envelope) -> bool:
        """Whether a message was delivered before, or there is nobody here to deliver it to."""
        there = self._chains.get(envelope.destination)
        if there is None:
            return True
        asked = _data("delivered(bytes32)", ["bytes32"], [bytes(envelope.id)])
        answer = call(there.url, "eth_call", {"to": there.mailbox, "data": "0x" + asked.hex()}, "latest")
        return int(answer, 16) != 0

    def _deliver(self, envelope: Envelope, checkpoint: Checkpoint) -> bool:
        there = self._chains[envelope.destination]
        signatures = [one.sign_digest(checkpoint.digest) for one in self.validators]
        shown = [checkpoint.metadata(signatures), envelope.raw]
        data = _data("process(bytes,bytes)", ["bytes", "bytes"], shown)
        sender = carrier()
        try:
            request = {"from": sender.address, "to": there.mailbox, "data": "0x" + data.hex()}
            call(there.url, "eth_call", request, "latest")
            send_all(there.url, sender, [(there.mailbox, data)], _GAS)
        except PariError as error:
            log.warning("message of Hyperlane waits", id=envelope.id.text, why=str(error))
            return False
        return True


@contextmanager
def relaying(network: NetworkConfig) -> Iterator[None]:
    """A local network's Hyperlane at work beside, for the length of the block; nothing where it has none."""
    chains = chains_of(network)
    if not chains:
        yield
        return
    stop = threading.Event()
    relayer = LocalRelayer(chains)
    thread = threading.Thread(target=_loop, args=(relayer, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _loop(relayer: LocalRelayer, stop: threading.Event) -> None:
    while not stop.wait(_POLL):
        try:
            relayer.step()
        except PariError as error:
            log.warning("Hyperlane could not go on", why=str(error))


def _data(signature: str, types: list[str], values: list[Any]) -> bytes:
    return bytes(keccak256(signature.encode())[:4]) + encode(types, values)
