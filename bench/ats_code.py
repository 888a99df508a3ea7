"""The code of Hedera's Asset Tokenization Studio: which facets an equity has, linked and deployed.

Lists, roles and code are read from its npm package; only the order of its deployment is ours.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from bench.chain import Bench
from bench.compiling import PEERS, PeersMissing, linked_with, shipped

PACKAGE = "@hashgraph/asset-tokenization-contracts"
OPENZEPPELIN = "artifacts/@openzeppelin/contracts"
FACTORY_FACET = "FactoryFacet"

_ROOT = PEERS / PACKAGE
_EQUITY = Path("build/scripts/domain/equity/createConfiguration.js")
_ROLES = Path("contracts/constants/roles.sol")
_CONTRACTS = Path("artifacts/contracts")


def _text(path: Path) -> str:
    if not (_ROOT / path).is_file():
        raise PeersMissing(_ROOT / path)
    return (_ROOT / path).read_text(encoding="utf-8")


@cache
def equity_facets() -> tuple[str, ...]:
    """Names of the facets that an equity is made of, in the order of the package's own list."""
    inside = _text(_EQUITY).partition("const EQUITY_FACETS = [")[2].partition("];")[0]
    return tuple(re.findall(r'"(\w+Facet)"', inside))


@cache
def role(name: str) -> bytes:
    """Id of a role, `ROLE_KYC` for one."""
    found = re.search(rf"bytes32 constant {name} = 0x([0-9a-f]{{2,64}});", _text(_ROLES))
    if found is None:
        raise KeyError(name)
    return bytes.fromhex(found[1]).rjust(32, b"\0")


@cache
def _places() -> dict[str, str]:
    """Contract -> where its artefact lies, test doubles left out."""
    root = _ROOT / _CONTRACTS
    return {
        path.stem: str(path.parent.relative_to(root).with_suffix(""))
        for path in sorted(root.rglob("*.json"))
        if path.parent.stem == path.stem and "test" not in path.relative_to(root).parts
    }


class Deployer:
    """Deploys contracts of the package, each library that they are linked with once."""

    def __init__(self, bench: Bench, sender: str) -> None:
        self._bench = bench
        self._sender = sender
        self._libraries: dict[str, str] = {}

    def deploy(self, contract: str) -> str:
        """Deploy a contract without constructor arguments; its address."""
        return self._bench.create(self._sender, self.code(contract))

    def code(self, contract: str) -> bytes:
        """Creation code of a contract; libraries that it needs are deployed now."""
        folder, place = str(_CONTRACTS), _places()[contract]
        needed = {name: self._library(name) for name in linked_with(PACKAGE, place, folder)}
        return shipped(PACKAGE, place, folder, needed)

    def _library(self, name: str) -> str:
        if name not in self._libraries:
            self._libraries[name] = self.deploy(name)
        return self._libraries[name]
