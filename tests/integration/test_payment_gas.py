"""What the largest payment that we send costs on a real node, against the cap of a transaction."""

from __future__ import annotations

from typing import Any

from paripassu.commands import Onboard
from paripassu.controls import BatchTransfer
from paripassu.deploy.plan import TRANSACTION_GAS
from paripassu.identifiers import Country, commitment
from paripassu.jobs import movements
from paripassu.jobs.paying import LINES_PER_COMMAND
from paripassu.ledgers.evm.adapter import EvmLedger
from paripassu.quantities import Units
from paripassu.testing.network import LocalNetwork

MOST_GAS_PER_LINE = 87_000
"""Of a payee without cash before, whose units have not moved since the record time; it was 85,796 with
proofs of seven hashes."""


def receipt(pari: LocalNetwork, transaction: str) -> dict[str, Any]:
    ledger = pari.ledger("alpha")
    assert isinstance(ledger, EvmLedger)
    found: dict[str, Any] = pari.run(ledger.rpc.call("eth_getTransactionReceipt", transaction))
    return found


def test_ca_11_a_payment_of_all_lines_of_one_command_fits_a_transaction(pari: LocalNetwork) -> None:
    names = [f"payee_{number}" for number in range(LINES_PER_COMMAND)]
    alpha, country = pari.ledger("alpha"), Country("FR")

    async def onboard() -> None:
        commands = [
            await movements.proven(
                alpha,
                Onboard(pari.signer(name).address, commitment(name.encode()), country, 1, 0),
                pari.signer(name),
            )
            for name in names
        ]
        await movements.onboard(alpha, commands, pari.session.role("registrar"))

    pari.run(onboard())
    pari.issue("holder_fr", 10 * LINES_PER_COMMAND)
    transfers = tuple((pari.signer(name).address, Units(10)) for name in names)
    batch = BatchTransfer(pari.account("holder_fr").account, transfers)
    pari.run(alpha.execute(batch, pari.signer("holder_fr"), "to a hundred payees"))
    event = pari.dividend(rate="0.3725")
    pari.announce(event)
    pari.pass_record_time(event)
    struck = pari.entitle(event)
    assert len(struck.table.lines) == LINES_PER_COMMAND
    pari.fund(struck)
    pari.pass_payment_date(event)

    paid = pari.pay(struck)

    assert {int(payment.amount) for payment in paid} == {372}
    (transaction,) = {payment.transaction for payment in paid}
    gas = int(receipt(pari, transaction)["gasUsed"], 16)
    assert gas < TRANSACTION_GAS
    assert gas < MOST_GAS_PER_LINE * LINES_PER_COMMAND, f"{gas:,} gas for {len(paid)} lines"
    assert pari.reconcile(struck).ok
