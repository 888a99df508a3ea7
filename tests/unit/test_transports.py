"""Transports without a ledger: the network file, when identifiers are sent on, Hyperlane's formats."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from paripassu.bridge.transports.flushing import due
from paripassu.config import load_network, load_securities
from paripassu.deploy.desired import EvmDesired
from paripassu.deploy.policies import policies
from paripassu.deploy.rights import APPROVED
from paripassu.deploy.spec import desired_state
from paripassu.errors import (
    InconsistentFile,
    InvalidAccount,
    InvalidValue,
    MalformedMessage,
    MissingKey,
    PariError,
)
from paripassu.hyperlane.formats import Checkpoint, Envelope, Tree
from paripassu.hyperlane.places import local_mailbox
from paripassu.identifiers import Bytes32, LedgerId, keccak256, role_id
from paripassu.ledgers.evm.contracts import ContractReader
from paripassu.ledgers.evm.securities import ZERO_ADDRESS
from paripassu.ledgers.evm.transports import TransportReader
from paripassu.messages import Lane, Purpose

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HEAD = '\n[[transports]]\nkind = "hyperlane"\n'
BOTH = HEAD + 'ledgers = ["alpha", "bravo"]\n'
MAILBOX = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def written(folder: Path, more: str, environment: str = "local") -> Path:
    text = (EXAMPLES / "two-chains.toml").read_text("utf-8")
    text = text.replace('"securities/', f'"{EXAMPLES}/securities/')
    if environment != "local":
        text = text.replace('environment = "local"', f'environment = "{environment}"')
        text = text.replace('devnet = { client = "anvil" }', 'rpcUrls = ["https://node.example"]')
        text = text.replace('"dev:', '"keystore:/keys/')
    path = folder / "network.toml"
    path.write_text(text + more, "utf-8")
    return path


def test_mov_11_domains_are_chain_ids_unless_said_otherwise(tmp_path: Path) -> None:
    more = BOTH + f'mailbox = {{ alpha = "{MAILBOX.lower()}" }}\ndomain = {{ bravo = 7 }}\n'
    (transport,) = load_network(written(tmp_path, more)).transports
    assert transport.domain == {"alpha": 31001, "bravo": 7}
    assert transport.mailbox == {"alpha": MAILBOX}
    assert load_network(written(tmp_path, "")).transports == ()


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        (HEAD + 'ledgers = ["alpha", "delta"]\n', InconsistentFile, "no ledger 'delta'"),
        (HEAD + 'ledgers = ["alpha", "register"]\n', InconsistentFile, "'register' is book entry"),
        (HEAD + 'ledgers = ["alpha", "alpha"]\n', InconsistentFile, "named twice"),
        (HEAD + 'ledgers = ["alpha"]\n', InvalidValue, "ledgers"),
        ('\n[[transports]]\nkind = "pigeon"\nledgers = ["alpha", "bravo"]\n', InvalidValue, "hyperlane"),
        (BOTH + BOTH, InconsistentFile, "one transport of a kind"),
        (BOTH + f'mailbox = {{ register = "{MAILBOX}" }}\n', InconsistentFile, "none of the transport's"),
        (BOTH + 'mailbox = { alpha = "0x12" }\n', InvalidAccount, "0x12"),
        (BOTH + 'module = { alpha = "0x12" }\n', InvalidAccount, "module.alpha"),
        (BOTH + "domain = { alpha = 31002 }\n", InconsistentFile, "the same domain"),
        (BOTH + "domain = { alpha = 0 }\n", InconsistentFile, "no number from 1"),
        (BOTH + "domain = { alpha = 4294967296 }\n", InconsistentFile, "no number from 1"),
    ],
)
def test_a_transport_that_cannot_be_is_refused_by_name(
    tmp_path: Path, more: str, error: type[PariError], words: str
) -> None:
    with pytest.raises(error, match=words):
        load_network(written(tmp_path, more))


def test_outside_local_networks_each_ledger_names_its_mailbox(tmp_path: Path) -> None:
    more = BOTH + f'mailbox = {{ alpha = "{MAILBOX}" }}\n'
    with pytest.raises(MissingKey, match=r"transports\[0\]\.mailbox\.bravo"):
        load_network(written(tmp_path, more, "production"))


def chains(path: Path) -> dict[str, EvmDesired]:
    network = load_network(path)
    desired = desired_state(network, list(load_securities(network).values()))
    return {name: one for name, one in desired.items() if isinstance(one, EvmDesired)}


def test_mov_11_transports_are_deployed_where_the_file_asks_for_them_at_one_address(tmp_path: Path) -> None:
    kind = "HyperlaneTransport"
    assert all(kind not in one.addresses for one in chains(written(tmp_path, "")).values())
    found = chains(written(tmp_path, BOTH))
    assert len({one.addresses[kind] for one in found.values()}) == 1
    for name, one in found.items():
        (creation,) = (created for created in one.creations if created.name == kind)
        assert creation.arguments is not None
        assert creation.arguments["mailbox"] == local_mailbox()
        other = {"alpha": 31002, "bravo": 31001}[name]
        assert creation.arguments["peers"] == [(other, other, one.addresses[kind])]


def test_mov_11_whoever_vouches_is_changed_by_approved_acts_with_notice(tmp_path: Path) -> None:
    network = load_network(written(tmp_path, BOTH))
    for one in chains(network.path).values():
        about = ("transportsOf", "mailbox", "peerOf")
        settings = [each for each in one.settings if each.read.function in about]
        assert len(settings) == 4
        assert {each.role for each in settings} == {APPROVED}
    selector = bytes(keccak256(b"setTransport(uint256,uint8[],address)")[:4])
    threshold, proposers, approvers, *_ = dict(policies(network.approvals))[selector]
    assert threshold == network.approvals.threshold
    assert proposers == 1 << role_id("upgrader")
    assert approvers >> role_id("bridge_operator") & 1
    assert not approvers >> role_id("upgrader") & 1


@pytest.mark.parametrize(
    ("count", "seconds", "now"),
    [(0, 99.0, False), (1, 0.5, False), (1, 1.0, True), (99, 0.5, False), (100, 0.0, True)],
)
def test_identifiers_are_sent_on_when_enough_wait_or_one_long_enough(
    count: int, seconds: float, now: bool
) -> None:
    assert due(count, seconds, quiet=1.0) is now


class OneView:
    """Contracts of a chain that answer every view alike."""

    ledger = "bravo"

    def __init__(self, answer: object, **addresses: str) -> None:
        self._answer, self._addresses = answer, addresses

    def has(self, name: str) -> bool:
        return name in self._addresses

    def address(self, name: str) -> str:
        return self._addresses[name]

    async def view(self, *_: object) -> object:
        return self._answer

    async def views(self, views: list[object]) -> list[object]:
        return [self._answer for _ in views]


@pytest.mark.parametrize(
    ("found", "kind"), [(ZERO_ADDRESS, ""), (MAILBOX, "hyperlane"), ("0x" + "22" * 20, "0x" + "22" * 20)]
)
async def test_a_transport_that_the_deployment_record_lacks_vouches_for_nothing(
    found: str, kind: str
) -> None:
    alpha, bravo = LedgerId("eip155:31001"), LedgerId("eip155:31002")
    contracts = OneView([found], HyperlaneTransport=MAILBOX)
    reader = TransportReader(cast(ContractReader, contracts))
    assert await reader.carrier(alpha, Purpose.MOVEMENT) == kind
    vouching = TransportReader(cast(ContractReader, OneView(True, HyperlaneTransport=MAILBOX)))
    lane, ids = Lane(alpha, bravo, Purpose.MOVEMENT), [Bytes32(bytes(32))] * 2
    assert await vouching.vouched(kind, lane, ids) == (2 if kind == "hyperlane" else 0)
    assert await TransportReader(cast(ContractReader, OneView(3))).queued([alpha]) == {}


def plain_root(leaves: list[bytes]) -> bytes:
    """The root by the definition: all 2^32 leaves, zeros behind the last, level by level."""
    empty, level = bytes(32), list(leaves)
    for _ in range(32):
        level += [empty] * (len(level) % 2)
        level = [bytes(keccak256(level[at] + level[at + 1])) for at in range(0, len(level), 2)]
        empty = bytes(keccak256(empty + empty))
    return level[0] if level else empty


def test_the_tree_has_the_root_of_its_definition_after_each_message() -> None:
    tree, leaves = Tree(), []
    assert tree.root == plain_root([])
    for number in range(12):
        leaf = bytes(keccak256(b"message %d" % number))
        leaves.append(leaf)
        tree.insert(leaf)
        assert tree.root == plain_root(leaves)
        assert tree.count == len(leaves)


def test_a_message_of_hyperlane_is_read_and_a_short_one_refused() -> None:
    raw = b"\x03" + (5).to_bytes(4, "big") + (31001).to_bytes(4, "big") + bytes(32)
    raw += (31002).to_bytes(4, "big") + bytes(32) + b"body"
    found = Envelope.parse(raw)
    assert (found.nonce, found.origin, found.destination) == (5, 31001, 31002)
    assert found.id == keccak256(raw)
    with pytest.raises(MalformedMessage, match="77 bytes"):
        Envelope.parse(raw[:76])


def test_every_part_of_a_checkpoint_is_signed() -> None:
    tree, root, message = bytes(31) + b"\1", bytes(31) + b"\2", Bytes32(bytes(31) + b"\3")
    values = (7, tree, root, 4, message)
    others = (8, root, tree, 5, Bytes32(bytes(32)))
    digest = Checkpoint(*values).digest
    for place, other in enumerate(others):
        changed = [*values]
        changed[place] = other
        assert Checkpoint(*changed).digest != digest  # type: ignore[arg-type]
    assert Checkpoint(*values).metadata([b"s" * 65]) == tree + root + (4).to_bytes(4, "big") + b"s" * 65
