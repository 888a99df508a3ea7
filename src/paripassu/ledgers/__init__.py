"""Ledgers: one port (`port`), two adapters (`evm`, `book`)."""
