"""`brownie run deploy`: the contracts of one chain, connected and with their roles."""

from __future__ import annotations

from scripts import _suite


def main() -> _suite.Suite:
    suite = _suite.deploy()
    print(f"\n{suite.security.name}, {suite.security.isin}, on {suite.ledger}")
    for name, contract in suite.contracts.items():
        print(f"  {name:<10} {contract.address}  {contract._name}")
    _suite.finish()
    return suite
