"""The book-entry ledger: the classic register as an equal peer of the chains."""

from __future__ import annotations

from paripassu.ledgers.book.clock import Clock, SystemClock
from paripassu.ledgers.book.configuration import (
    BookConfiguration,
    BookPeer,
    book_application,
    book_gateway,
)
from paripassu.ledgers.book.ledger import BookLedger

__all__ = [
    "BookConfiguration",
    "BookLedger",
    "BookPeer",
    "Clock",
    "SystemClock",
    "book_application",
    "book_gateway",
]
