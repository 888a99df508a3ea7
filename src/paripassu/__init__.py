"""Pari Passu: tokenised securities that keep equal rank on every ledger."""

__version__ = "0.1.0"
