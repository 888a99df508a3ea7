"""What a relayer's former key has sent: what is in a block counts, what is in none is sent by the new key.

Everything that a relayer sends has its effect once on its ledger, whoever sends it how often: that both keys'
transactions get into a block costs gas and no more (OPS-3).
"""

from __future__ import annotations

from paripassu.errors import FeesUnfunded, NodeRefused
from paripassu.ledgers.port import Ledger, OutcomeState
from paripassu.store.claims import Claims


async def left_behind(ledger: Ledger, reference: str, address: str, claims: Claims) -> bool:
    """Whether what was sent under a reference is another key's than that of `address`, in no block, and
    nobody's: a live relayer that owns that key's nonces sees to what it has sent.

    Raises:
        LedgerError: the ledger cannot be read now.
    """
    sender = await ledger.sender_of(reference) if reference else ""
    if sender in ("", address) or claims.owned(ledger.id, sender):
        return False
    try:
        outcome = await ledger.outcome(reference)
    except (FeesUnfunded, NodeRefused):  # the former key cannot even send it again
        return True
    return outcome.state is OutcomeState.PENDING


async def own_reference(ledger: Ledger, reference: str, address: str, claims: Claims) -> str:
    """The reference under which the key of `address` goes on: another one where it was left behind."""
    behind = await left_behind(ledger, reference, address, claims)
    return f"{reference}:{address}" if behind else reference
