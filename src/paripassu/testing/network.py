"""A deployed network for tests, with plain calls: issue, move, announce, entitle, pay, reconcile.

    def test_dividend(pari: LocalNetwork) -> None:
        pari.issue("holder_fr", 1_000)
        ...

Holders are named by role; a holder's key is `dev:<name>`, its account the key's
address on a chain and the name itself in book entry. It is registered when it
first receives something, in France unless told otherwise.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, TypeVar

from paripassu import deploy
from paripassu.commands import Onboard
from paripassu.config import NetworkConfig, end_of_day, holder_salt, load_network
from paripassu.controls import Control
from paripassu.custody import Breakdown, holder_commitment
from paripassu.devnet import controls, running_nodes
from paripassu.events import EventRecord, Participation
from paripassu.identifiers import AccountId, Country, keccak256
from paripassu.jobs import announcing, controlling, entitling, funding, local, movements, paying
from paripassu.jobs.bridging import Bridge
from paripassu.jobs.entitling import Struck
from paripassu.jobs.observe import Traffic, read_traffic
from paripassu.jobs.reconciling import Reconciliation, Subject, reconcile
from paripassu.jobs.session import Session, session_of
from paripassu.ledgers.port import Ledger, Outcome, Payment, Signer
from paripassu.quantities import Minor, Rate, Units
from paripassu.testing.heartbeat import Heartbeat
from paripassu.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """States to return to: one per node, and the books of this machine."""

    nodes: dict[str, str]
    books: Path


class LocalNetwork:
    """Real nodes, real contracts, a real book-entry ledger, and the bridge between them.

    Use `started` for one that ends by itself. `session` holds the open ledgers
    for what has no call here; `run` runs a coroutine on the network's loop.
    """

    def __init__(self, network: NetworkConfig, workspace: Workspace) -> None:
        self.network = network
        self.workspace = workspace
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._heartbeat = Heartbeat(
            [ledger.rpc_urls[0] for ledger in network.ledgers.values() if ledger.id.is_evm]
        )
        self._numbers: Iterator[int] = itertools.count(1)
        self._isin = ""
        self._session: Session | None = None
        self._bridge: Bridge | None = None

    @property
    def session(self) -> Session:
        assert self._session is not None, "the network is not open"
        return self._session

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def open(self) -> None:
        """Deploy what is missing and open the ledgers."""
        self._heartbeat.start()
        self.run(deploy.apply(self.network, self.workspace))
        self.run(self._connect())

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._heartbeat.stop()
        self._runner.close()

    async def _connect(self) -> None:
        self._session = await self._stack.enter_async_context(
            session_of(self.network, self.workspace, self._isin)
        )
        self._bridge = await self._stack.enter_async_context(Bridge(self._session))

    def choose(self, isin: str) -> None:
        """Mean another security of the network from here on."""
        self.run(self._stack.aclose())
        self._isin = isin
        self.run(self._connect())

    # who and where

    def ledger(self, name: str) -> Ledger:
        return self.session.ledger(name)

    def signer(self, name: str) -> Signer:
        return self.session.signer(f"dev:{name}")

    def account(self, holder: str, on: str = "") -> AccountId:
        """The holder's account on a ledger (the home ledger unless told otherwise)."""
        ledger = self.ledger(on or self.network.home).id
        return AccountId(ledger, paying.ledger_account(ledger, self.signer(holder)))

    def onboard(
        self, holder: str, *on: str, country: str = "FR", investor_class: int = 1, servicer: str = ""
    ) -> None:
        """Register the holder on the ledgers named, on all where none is named."""
        self._coin(holder)
        for name in on or tuple(self.network.ledgers):
            command = Onboard(
                account=self.account(holder, name).account,
                holder=holder_commitment(holder_salt(self.network.environment), f"holder {holder}"),
                country=Country(country),
                investor_class=investor_class,
                expiry=0,
                servicer=self.account(servicer, name).account if servicer else "",
            )
            proven = self.run(movements.proven(self.ledger(name), command, self.signer(holder)))
            self.run(movements.onboard(self.ledger(name), [proven], self.session.role("registrar")))

    def _coin(self, holder: str) -> None:
        urls = [ledger.rpc_urls[0] for ledger in self.network.ledgers.values() if ledger.id.is_evm]
        local.give_coin(urls, [self.signer(holder).address])

    def _known(self, holder: str, on: str) -> None:
        if self.run(self.ledger(on).holder(self.account(holder, on).account)) is None:
            self.onboard(holder, on)

    # units

    def issue(self, holder: str, units: int) -> Outcome:
        """Issue units to a holder on the home ledger."""
        self._known(holder, self.network.home)
        account = self.account(holder).account
        agent = self.session.role("transfer_agent")
        reference = f"test {next(self._numbers)}"
        return self.run(movements.issue(self.session.home, account, Units(units), agent, reference))

    def endow(self, holders: Sequence[str], units: int) -> None:
        """Let each of some holders in France have so many units on every ledger."""
        others = [name for name in self.network.ledgers if name != self.network.home]
        for holder in holders:
            self.onboard(holder)
            self.issue(holder, units * (1 + len(others)))
            for other in others:
                self.move(holder, self.network.home, holder, other, units)
        self.deliver()

    def move(self, holder: str, source: str, to_holder: str, destination: str, units: int) -> Outcome:
        """Move units to a registered account; between ledgers they are in transit until `deliver`."""
        return self.run(
            movements.move(
                self.ledger(source),
                self.account(holder, source).account,
                self.ledger(destination),
                self.account(to_holder, destination),
                Units(units),
                self.signer(holder),
                f"test {next(self._numbers)}",
            )
        )

    def deliver(self) -> None:
        """Run attestors and relayer until every message is executed or parked, and final."""
        bridge = self._bridge
        assert bridge is not None, "the network is not open"

        async def carry() -> None:
            bridge.start()
            try:
                await bridge.drain()
            finally:
                await bridge.stop()

        self.run(carry())

    def traffic(self) -> Traffic:
        """All messages in final blocks, and what became of each."""
        return self.run(read_traffic(self.session.ledgers))

    def position(self, holder: str, on: str) -> Units:
        return self.run(self.ledger(on).position(self.account(holder, on).account))

    def cash(self, holder: str, on: str) -> Minor:
        return self.run(self.ledger(on).cash(self.account(holder, on).account))

    # events

    def dividend(self, rate: str, event_id: str = "TEST2027DVCA0001") -> EventRecord:
        """A cash dividend with the earliest dates that market practice allows from today on."""
        security, calendar = self.session.security, self.session.security.calendar
        today = datetime.fromtimestamp(self.run(self.session.home.head()).time, UTC).date()
        announced = today if calendar.is_business_day(today) else calendar.shift(today, 1)
        ex_date = calendar.shift(announced, 2)
        record_date = calendar.shift(ex_date, max(security.settlement_cycle - 1, 0))
        return EventRecord(
            official_event_id=event_id,
            security_id=security.security_id,
            event_type="DVCA",
            participation=Participation.MAND,
            announcement_date=announced,
            ex_date=ex_date,
            record_date=record_date,
            payment_date=calendar.shift(record_date, 1),
            record_time=end_of_day(self.network.path, record_date, security.market_time_zone),
            rate=Rate(rate),
            currency=security.currency,
            document_hash=keccak256(event_id.encode("ascii")),
        )

    def announce(self, event: EventRecord) -> None:
        """Announce on the home ledger and carry the record to all others."""
        agent = self.session.role("issuer_agent")
        self.run(announcing.announce(self.session.home, event, self.session.security, agent))
        self.deliver()

    def travel_to(self, seconds: int) -> None:
        """Move every ledger to a later time."""
        self.run(local.travel(self.network, self.workspace, seconds))

    def pass_record_time(self, event: EventRecord) -> None:
        self.travel_to(event.record_time + 5)
        self.run(entitling.await_record_time(self.session.ledgers, event, patience=30))

    def pass_payment_date(self, event: EventRecord) -> None:
        self.travel_to(int(datetime.combine(event.payment_date, time(8), UTC).timestamp()))

    def attest(self, breakdown: Breakdown, servicer: str) -> Outcome:
        """The servicer attests the client lines of an omnibus account on the account's ledger."""
        ledger = self.session.ledgers[breakdown.account.ledger]
        return self.run(movements.attest(ledger, breakdown, self.signer(servicer)))

    def entitle(self, event: EventRecord, *breakdowns: Breakdown) -> Struck:
        """Strike positions at record time, publish the table's root, carry it to all ledgers."""
        struck = self.run(entitling.strike_event(self.session.ledgers, event, breakdowns))
        self.run(entitling.publish(self.session.home, struck, self.session.role("paying_agent")))
        self.deliver()
        return struck

    def fund(self, struck: Struck) -> None:
        agent, issuer = self.session.role("paying_agent"), self.session.role("cash_issuer")
        self.run(funding.fund(self.session.ledgers, struck.event, struck.table, agent, issuer))

    def pay(self, struck: Struck) -> tuple[Payment, ...]:
        agent = self.session.role("paying_agent")
        paid = self.run(paying.pay(self.session.ledgers, struck.event, struck.table, agent))
        return tuple(payment for payments in paid.values() for payment in payments)

    def reconcile(self, struck: Struck | None = None, *breakdowns: Breakdown) -> Reconciliation:
        """Prove the invariants from the ledgers."""
        subject = Subject(struck.event, struck.holdings) if struck else None
        home = self.session.home.id
        key = self.session.security.security_id
        return self.run(reconcile(self.session.ledgers, home, key, subject=subject, breakdowns=breakdowns))

    # controls

    def control(self, on: str, command: Control, signer: str) -> Outcome:
        """Carry a control out on one ledger, signed by `dev:<signer>`."""
        return self.run(controlling.carry_out(self.ledger(on), command, self.signer(signer))).outcome

    # states

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens within is undone at its end."""
        state = self.snapshot()
        try:
            yield
        finally:
            self.revert(state)

    def snapshot(self) -> Snapshot:
        """Remember nodes, book and store; good for one `revert`."""
        self.run(self._stack.aclose())
        self._heartbeat.stop()
        books = self.workspace.root / f"snapshot-{next(self._numbers)}"
        books.mkdir()
        for database in (self.workspace.book_database, self.workspace.bridge_database):
            shutil.copy(database, books / database.name)
        nodes = {ledger.rpc_urls[0]: controls.snapshot(ledger.rpc_urls[0]) for ledger in self._chains()}
        self._resume()
        return Snapshot(nodes, books)

    def revert(self, snapshot: Snapshot) -> None:
        """Return nodes, book and store to a snapshot."""
        self.run(self._stack.aclose())
        self._heartbeat.stop()
        for url, state in snapshot.nodes.items():
            controls.revert(url, state)
        for database in (self.workspace.book_database, self.workspace.bridge_database):
            for left in database.parent.glob(f"{database.name}-*"):
                left.unlink()  # write-ahead files of the state that is given up
            shutil.copy(snapshot.books / database.name, database)
        shutil.rmtree(snapshot.books)
        self._resume()
        # Anvil sets its clock back too, and would wait for what the others send from later times
        heads = [self.run(ledger.head()).time for ledger in self.session.ledgers.values()]
        self.travel_to(max(heads))

    def _chains(self) -> list[Any]:
        return [ledger for ledger in self.network.ledgers.values() if ledger.id.is_evm]

    def _resume(self) -> None:
        self._heartbeat.start()
        self._stack = AsyncExitStack()
        self.run(self._connect())


def started(path: Path, folder: Path) -> Iterator[LocalNetwork]:
    """Start the nodes of a local network file, deploy, yield the network; all ends with the generator."""
    network = load_network(path)
    with running_nodes(local.node_specs(network, automine=True)) as nodes:
        urls = {name: node.url for name, node in nodes.items()}
        network = network.with_rpc_urls(urls)
        workspace = Workspace(folder).ensure()
        local.prepare(network, workspace, urls)
        opened = LocalNetwork(network, workspace)
        opened.open()
        try:
            yield opened
        finally:
            opened.close()
