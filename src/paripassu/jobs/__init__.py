"""What an operator does, each a function over open ledgers: issue, move, announce, entitle, pay, reconcile.

The command line, the demo and the testing plugin call these and nothing below
them. Each is safe to run again: what is done already is found and passed over.
"""
