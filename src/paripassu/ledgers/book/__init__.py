"""The book-entry ledger: the classic register as an equal peer of the chains, for several securities."""

from __future__ import annotations

from paripassu.ledgers.book.clock import Clock, SystemClock
from paripassu.ledgers.book.configuration import (
    BookConfiguration,
    BookPeer,
    BookSecurity,
    book_application,
)
from paripassu.ledgers.book.ledger import BookLedger

__all__ = [
    "BookConfiguration",
    "BookLedger",
    "BookPeer",
    "BookSecurity",
    "Clock",
    "SystemClock",
    "book_application",
]
