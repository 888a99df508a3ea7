"""What artefacts take from the compiler's syntax trees: names of immutables, rights, version, storage.

Node ids are used for finding only and never written: they move with unrelated edits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]

_TAG = re.compile(r"@custom:access-control\s+(.+)")
_THROUGH = re.compile(r"(.+), through (\w+)")
APPROVED = "approved act"


class Trees:
    """The syntax trees of one compilation."""

    def __init__(self, sources: dict[str, Any]) -> None:
        self._sources = sources
        self._contracts = {
            node["id"]: node
            for tree in sources.values()
            if "ast" in tree
            for node in tree["ast"]["nodes"]
            if node["nodeType"] == "ContractDefinition"
        }
        self._variables = {
            node["id"]: node
            for contract in self._contracts.values()
            for node in contract["nodes"]
            if node["nodeType"] == "VariableDeclaration"
        }

    def deployable_in(self, source: str) -> Iterator[str]:
        """Names of the contracts of a source that can be deployed."""
        for node in self._sources[source]["ast"]["nodes"]:
            is_contract = node["nodeType"] == "ContractDefinition" and node["contractKind"] == "contract"
            if is_contract and not node["abstract"]:
                yield node["name"]

    def immutables(self, references: dict[str, list[dict[str, int]]]) -> dict[str, list[list[int]]]:
        """The compiler's `immutableReferences` by the variable's name instead of its node.

        Raises:
            SystemExit: two immutables of a contract have one name.
        """
        named: dict[str, list[list[int]]] = {}
        for node, places in references.items():
            name = self._variables[int(node)]["name"]
            if name in named:
                raise SystemExit(f"Two immutables of a contract are named {name}.")
            named[name] = sorted([place["start"], place["length"]] for place in places)
        return named

    def rights(self, source: str, name: str, compiled: dict[str, Any]) -> dict[str, str]:
        """Who may call which function, by signature: the access-control tags of a contract.

        A tag of an inner function that ends in `, through <function>` is that function's.

        Raises:
            SystemExit: a tag says something else than the function's modifier.
        """
        signatures = compiled["evm"]["methodIdentifiers"]
        functions = list(self._functions(source, name))
        modifiers: dict[str, str] = {}
        for function in reversed(functions):  # the most derived one last, so that it counts
            modifiers[function.get("functionSelector", "")] = _right_of(function)
        tags = {
            signature: described["custom:access-control"]
            for signature, described in compiled["devdoc"].get("methods", {}).items()
            if "custom:access-control" in described
        }
        for function in functions:
            if found := _THROUGH.fullmatch(_tag(function)):
                outer = [one for one in signatures if one.startswith(f"{found[2]}(")]
                tags |= dict.fromkeys(outer, found[1])
        for signature, selector in signatures.items():
            right = modifiers.get(selector, "")
            if right and not tags.get(signature, "").startswith(right):
                raise SystemExit(
                    f"{name}.{signature}: the access-control tag says "
                    f"'{tags.get(signature, '')}', the modifier '{right}'."
                )
        return {signature: tags[signature] for signature in sorted(tags) if signature in signatures}

    def version(self, source: str, name: str) -> int | None:
        """What `versionTag()` returns, None where the contract has no version.

        Raises:
            SystemExit: it is not one constant expression.
        """
        for function in self._functions(source, name):
            if function["name"] != "versionTag" or function.get("body") is None:
                continue
            statements = function["body"]["statements"]
            if len(statements) == 1 and statements[0]["nodeType"] == "Return":
                return self._constant(statements[0]["expression"])
            raise SystemExit(f"{name}.versionTag() does not return one constant.")
        return None

    def storage(self, source: str, name: str, slots: list[dict[str, Any]]) -> dict[str, Any]:
        """Plain slots of the contract, and the ERC-7201 structs of it and its bases."""
        namespaces: dict[str, Any] = {}
        for base in self._bases(source, name):
            namespaces |= _namespaces_of(base)
        plain = [
            {key: slot[key] for key in ("label", "offset", "slot")} | {"type": without_ids(slot["type"])}
            for slot in slots
        ]
        return {"namespaces": namespaces, "slots": plain}

    def _bases(self, source: str, name: str) -> Iterator[Node]:
        """The contract and its bases, the most derived first."""
        own = next(node for node in self._sources[source]["ast"]["nodes"] if node.get("name") == name)
        for base in own["linearizedBaseContracts"]:
            yield self._contracts[base]

    def _functions(self, source: str, name: str) -> Iterator[Node]:
        for contract in self._bases(source, name):
            yield from (node for node in contract["nodes"] if node["nodeType"] == "FunctionDefinition")

    def _constant(self, node: Node) -> int:
        kind = node["nodeType"]
        if kind == "Literal":
            return int(node["value"].replace("_", ""), 0)
        if kind == "TupleExpression":
            return self._constant(node["components"][0])
        if kind == "Identifier":
            return self._constant(self._variables[node["referencedDeclaration"]]["value"])
        if kind == "BinaryOperation":
            left, right = self._constant(node["leftExpression"]), self._constant(node["rightExpression"])
            operations = {"<<": left << right, "|": left | right, "+": left + right}
            if node["operator"] in operations:
                return operations[node["operator"]]
        raise SystemExit(f"A version tag cannot be read from a {kind}.")


def _right_of(function: Node) -> str:
    """The right that a function's modifiers demand; empty where they demand none."""
    for modifier in function["modifiers"]:
        if modifier["modifierName"]["name"] == "onlyRole":
            return str(modifier["arguments"][0]["memberName"])
        if modifier["modifierName"]["name"] == "onlyApproved":
            return APPROVED
    return ""


def _tag(function: Node) -> str:
    found = _TAG.search((function.get("documentation") or {}).get("text", ""))
    return found[1].strip() if found else ""


def _namespaces_of(contract: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in contract["nodes"]:
        if node["nodeType"] != "StructDefinition":
            continue
        text = (node.get("documentation") or {}).get("text", "")
        if marker := re.search(r"@custom:storage-location\s+(\S+)", text):
            found[marker[1]] = [
                {"label": member["name"], "type": member["typeDescriptions"]["typeString"]}
                for member in node["members"]
            ]
    return found


def without_ids(type_id: str) -> str:
    """`t_struct(Account)1234_storage` -> `t_struct(Account)_storage`: ids move with unrelated edits."""
    return re.sub(r"\)\d+", ")", type_id)
