"""Hold the storage of every contract to what chains may carry already (VER-7).

    python tools/storage_layout.py --check               compare; exit 1 at anything but an append
    python tools/storage_layout.py                       take appended members into the snapshot
    python tools/storage_layout.py --unreleased NAME …   take any change of contracts that no chain carries;
                                                         `all` for every contract

The snapshot, tests/vectors/storage-layout.json, has by contract the plain slots, the ERC-7201
structs member by member, and every struct that these reach. A release may append members to a
namespace, and to structs that are reached as values of mappings alone; it may not reorder, retype,
rename or remove. Words that the code packs by hand are value types: their members are the bits that
the comment of the type states, and the flags of the libraries beside it; more may come, none may move.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build_artefacts
from syntax_tree import Trees, without_ids

SNAPSHOT = build_artefacts.ROOT / "tests" / "vectors" / "storage-layout.json"
Node = dict[str, Any]
Layout = dict[str, Any]


def layouts(output: dict[str, Any]) -> dict[str, Layout]:
    """Layout of each deployable contract of ours, by name."""
    reader = Trees(output["sources"])
    trees = {unit: tree["ast"] for unit, tree in output["sources"].items() if "ast" in tree}
    for unit, tree in trees.items():
        _note_packed_words(tree, unit)
    nodes = {node["id"]: node for tree in trees.values() for node in _walk(tree)}
    found = {}
    for unit, tree in sorted(trees.items()):
        if not unit.startswith("contracts/"):
            continue
        for name in reader.deployable_in(unit):
            contract = next(node for node in tree["nodes"] if node.get("name") == name)
            compiled = output["contracts"][unit][name]
            layout = layout_of(contract, nodes)
            layout["slots"] = [_slot(entry) for entry in compiled["storageLayout"]["storage"]]
            if layout["slots"] or layout["namespaces"]:
                found[name] = layout
    return found


def layout_of(contract: Node, nodes: dict[int, Node]) -> Layout:
    """Namespaces of a contract and its bases, and the structs reached from them."""
    namespaces: dict[str, list[str]] = {}
    structs: dict[str, Any] = {}
    for base in contract["linearizedBaseContracts"]:
        for node in nodes[base]["nodes"]:
            text = (node.get("documentation") or {}).get("text", "") if "documentation" in node else ""
            marker = re.search(r"@custom:storage-location\s+(\S+)", text)
            if node["nodeType"] == "StructDefinition" and marker:
                namespaces[marker[1]] = _members(node)
                for member in node["members"]:
                    _reach(member["typeName"], False, nodes, structs)
    return {"namespaces": namespaces, "structs": dict(sorted(structs.items()))}


def _slot(entry: Node) -> str:
    kind = without_ids(entry["type"])
    return f"{entry['label']} {kind} at {entry['slot']}+{entry['offset']}"


def _note_packed_words(tree: Node, unit: str) -> None:
    """Give each value type of a source the bits that its comment states and the flags beside it."""
    types = [node for node in tree["nodes"] if node["nodeType"] == "UserDefinedValueTypeDefinition"]
    if not types or not unit.startswith("contracts/"):
        return
    flags = [
        f"{part['name']} = {part['value']['value']}"
        for node in tree["nodes"]
        if node["nodeType"] == "ContractDefinition" and node["contractKind"] == "library"
        for part in node["nodes"]
        if part["nodeType"] == "VariableDeclaration" and "value" in (part.get("value") or {})
    ]
    source = (build_artefacts.ROOT / unit).read_bytes()
    for node in types:
        before = source[: int(node["src"].split(":")[0])].decode().rstrip()
        comment = re.search(r"(?:^\s*///.*\n?)*\Z", before, re.MULTILINE)
        text = comment[0] if comment else ""
        stated = re.findall(r"^\s*///\s+(\d+(?:-\d+)?)\s+([^,;:(\n]+)", text, re.MULTILINE)
        node["packed"] = [f"bits {bits} {what.strip()}" for bits, what in stated] + flags


def _members(struct: Node) -> list[str]:
    return [f"{member['name']} {_type_of(member)}" for member in struct["members"]]


def _type_of(member: Node) -> str:
    """Type as stored: a contract is its address."""
    return re.sub(r"\bcontract \w+", "address", member["typeDescriptions"]["typeString"])


def _reach(type_name: Node, in_mapping: bool, nodes: dict[int, Node], structs: dict[str, Any]) -> None:
    """Note the structs, enums and value types that a type reaches.

    A struct has room behind it only where it is the value of a mapping: in an array, or in
    another struct, its neighbour is there.
    """
    kind = type_name["nodeType"]
    if kind == "Mapping":
        _reach(type_name["valueType"], True, nodes, structs)
    elif kind == "ArrayTypeName":
        _reach(type_name["baseType"], False, nodes, structs)
    elif kind == "UserDefinedTypeName":
        definition = nodes.get(type_name["referencedDeclaration"], {"nodeType": "unknown"})
        name = definition.get("canonicalName", definition.get("name", ""))
        if definition["nodeType"] == "StructDefinition":
            known = structs.get(name)
            structs[name] = {
                "members": _members(definition),
                "appendable": in_mapping and (known is None or known["appendable"]),
            }
            if known is None:
                for member in definition["members"]:
                    _reach(member["typeName"], False, nodes, structs)
        elif definition["nodeType"] == "EnumDefinition":
            structs[name] = {"members": [item["name"] for item in definition["members"]], "appendable": True}
        elif definition["nodeType"] == "UserDefinedValueTypeDefinition":
            underlying = definition["underlyingType"]["typeDescriptions"]["typeString"]
            structs[name] = {"members": [underlying, *definition.get("packed", ())], "packed": True}


def _walk(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        if "id" in node and "nodeType" in node:
            yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)


def breaks(before: dict[str, Layout], now: dict[str, Layout]) -> list[str]:
    """What an upgrade from `before` to `now` would damage, one sentence each."""
    found = []
    for name, old in before.items():
        if name not in now:
            found.append(f"{name}: is gone, or has no storage any more")
            continue
        new = now[name]
        found += _sequence(f"{name}: slots", old["slots"], new["slots"], True)
        for namespace, members in old["namespaces"].items():
            if namespace not in new["namespaces"]:
                found.append(f"{name}: namespace {namespace} is gone")
            else:
                found += _sequence(f"{name}: {namespace}", members, new["namespaces"][namespace], True)
        for struct, entry in old["structs"].items():
            if struct in new["structs"]:
                found += _struct(f"{name}: {struct}", entry, new["structs"][struct])
    return found


def _struct(where: str, old: Layout, new: Layout) -> list[str]:
    if old.get("packed"):
        lost = [member for member in old["members"] if member not in new["members"]]
        return [f"{where}: '{member}' is no longer stated" for member in lost]
    both = old["appendable"] and new.get("appendable", False)
    return _sequence(where, old["members"], new["members"], both)


def disagreements(now: dict[str, Layout]) -> list[str]:
    """Namespaces that contracts see differently: they may run in one proxy's storage."""
    first: dict[str, str] = {}
    found = []
    for name, layout in now.items():
        for namespace, members in layout["namespaces"].items():
            owner = first.setdefault(namespace, name)
            if now[owner]["namespaces"][namespace] != members:
                found.append(f"{name}: {namespace} is not laid out as in {owner}")
    return found


def _sequence(where: str, old: list[str], new: list[str], appendable: bool) -> list[str]:
    for place, member in enumerate(old):
        if place >= len(new):
            return [f"{where}: '{member}' was removed"]
        if new[place] != member:
            return [f"{where}: '{member}' became '{new[place]}'"]
    if len(new) > len(old) and not appendable:
        return [f"{where}: '{new[len(old)]}' was appended, but others are stored right behind it"]
    return []


def written(layout: dict[str, Layout]) -> str:
    return json.dumps(layout, indent=1) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Hold storage layouts to the snapshot.")
    parser.add_argument("--check", action="store_true", help="compare only")
    unreleased = {"nargs": "+", "metavar": "NAME", "default": [], "help": "contracts that no chain carries"}
    parser.add_argument("--unreleased", **unreleased)
    parser.add_argument("--snapshot", type=Path, default=SNAPSHOT, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    now = layouts(build_artefacts.compile_all(outputs=["storageLayout"]))
    text = arguments.snapshot.read_text(encoding="utf-8") if arguments.snapshot.exists() else "{}"
    before: dict[str, Layout] = json.loads(text)
    free = set(before) if "all" in arguments.unreleased else set(arguments.unreleased)
    held = {name: layout for name, layout in before.items() if name not in free}
    found = breaks(held, now) + disagreements(now)
    for line in found:
        print(f"{line} (VER-7)", file=sys.stderr)
    if found:
        print(
            "An upgrade would read other values than were stored. Append instead; for a contract that no "
            "chain carries: python tools/storage_layout.py --unreleased NAME",
            file=sys.stderr,
        )
        return 1
    if arguments.check:
        if text != written(now):
            print("Storage was appended; next: make storage-layout", file=sys.stderr)
            return 1
        return 0
    arguments.snapshot.write_text(written(now), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
