"""Puts all mutants of a Solidity source into one: each comes alive at a block beneficiary of its own.

A compiler run for each of two thousand mutants would take days. So every mutant is a branch of the
same source, `block.coinbase == address(17) ? mutated : original`, the sources are compiled once, and
mutant 17 is a test run whose blocks are credited to address 17. At address 0 the code is as written.

`Mutants(tree, source)` reads the compiler's syntax tree of one source and offers
- relations moved at their bound or turned round, arithmetic and bit operations swapped, literals by
  one, `&&` for `||`, a `!` left out,
- conditions of `if` and `?:` taken as always true and as always false,
- statements left out: assignments, calls, events, reverts; `+=` for `-=`,
- the role that a modifier asks for exchanged for the next one.
Assembly, constants, constructors and loops' own steps are left as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Node = dict[str, Any]

SWAPS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<",
}  # fmt: skip
ASSIGNMENTS = {"+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="}
DELETED = ("ExpressionStatement", "EmitStatement", "RevertStatement")
NEVER = "false"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: its number is the beneficiary at which it is alive."""

    number: int
    path: str
    line: int
    function: str
    kind: str
    before: str
    after: str


class Mutants:
    """All mutants of one source: `found`, and the source that has them, `text`.

    Args:
        tree: syntax tree of the source unit.
        source: its text, as bytes, for the tree counts those.
        path: how the source is named in reports.
        first: number of the first mutant.
        skipped: names of functions that stay as they are, for the compiler's stack is too small for more.
        refused: line and kind of mutants that do not compile.
    """

    def __init__(
        self,
        tree: Node,
        source: bytes,
        path: str,
        first: int,
        skipped: frozenset[str] = frozenset(),
        refused: frozenset[tuple[int, str]] = frozenset(),
    ) -> None:
        self._source = source
        self._path = path
        self._next = first
        self._function = ""
        self._skipped = skipped
        self._refused = refused
        self.found: list[Mutant] = []
        self.text = self._unit(tree)

    # ------------------------------------------------------------------ text

    def _span(self, node: Node) -> tuple[int, int]:
        start, length, _ = (int(part) for part in node["src"].split(":"))
        return start, start + length

    def _original(self, node: Node) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _line(self, node: Node) -> str:
        """On one line, so that what is said twice moves no line: errors are found by theirs."""
        return " ".join(self._original(node).split())

    def _replaced(self, start: int, end: int, parts: list[tuple[int, int, str]]) -> str:
        """Source from `start` to `end` with parts exchanged."""
        pieces, place = [], start
        for begin, finish, text in sorted(parts):
            pieces += [self._source[place:begin].decode(), text]
            place = finish
        return "".join([*pieces, self._source[place:end].decode()])

    def _with(self, node: Node, children: list[Node | None]) -> str:
        """A node with some of its children rewritten."""
        parts = [(*self._span(child), self._rewritten(child)) for child in children if child is not None]
        return self._replaced(*self._span(node), parts)

    def _alive(self, node: Node, kind: str, after: str) -> str:
        """Note a mutant; answers the condition under which it is alive, `NEVER` where it does not compile."""
        line = self._source.count(b"\n", 0, self._span(node)[0]) + 1
        if (line, kind) in self._refused:
            return NEVER
        number, self._next = self._next, self._next + 1
        before, after = self._line(node), " ".join(after.split())
        self.found.append(Mutant(number, self._path, line, self._function, kind, before[:160], after[:160]))
        return f"block.coinbase == address({number})"

    def _choice(self, node: Node, kind: str, after: str, text: str) -> str:
        """`after` while the mutant is alive, else `text`."""
        alive = self._alive(node, kind, after)
        return text if alive == NEVER else f"({alive} ? {after} : {text})"

    def _decided(self, condition: Node) -> str:
        """A condition, and its mutants that always hold and never hold."""
        changed = self._rewritten(condition)
        true, false = (self._alive(condition, "condition", word) for word in ("true", "false"))
        return f"({true} || !({false}) && ({changed}))"

    # ------------------------------------------------------------------ structure

    def _unit(self, tree: Node) -> str:
        parts = []
        for contract in tree["nodes"]:
            if contract["nodeType"] != "ContractDefinition" or contract["contractKind"] == "interface":
                continue
            for node in contract["nodes"]:
                code = node["nodeType"] in ("FunctionDefinition", "ModifierDefinition") and node.get("body")
                if not code:
                    continue
                self._function = node["name"] or node.get("kind", "")
                if self._function in ("constructor", *self._skipped):
                    continue
                parts.append((*self._span(node["body"]), self._rewritten(node["body"])))
                for modifier in node.get("modifiers", []):
                    if modifier["modifierName"]["name"] == "onlyRole":
                        (role,) = modifier["arguments"]
                        name = self._original(role)
                        parts.append((*self._span(role), self._choice(role, "role", f"{name} + 1", name)))
        return self._replaced(0, len(self._source), parts)

    def _rewritten(self, node: Node) -> str:
        kind = node["nodeType"]
        if kind in DELETED:
            return self._statement(node)
        handler = getattr(self, f"_of_{kind.lower()}", None)
        return str(handler(node)) if handler else self._with(node, _children(node))

    def _as_it_is(self, node: Node) -> str:
        return self._original(node)

    _of_inlineassembly = _of_newexpression = _of_elementarytypenameexpression = _as_it_is

    # ------------------------------------------------------------------ statements

    def _statement(self, node: Node) -> str:
        """A statement that may be left out. Its node is without the semicolon, and so is the answer."""
        expression = node.get("expression") or node.get("eventCall") or node.get("errorCall")
        inner = self._with(node, [expression])
        alive = self._alive(node, "left out", "")
        text = inner if alive == NEVER else f"if (!({alive})) {inner}"
        if expression and expression["nodeType"] == "Assignment" and expression["operator"] in ASSIGNMENTS:
            left, right = expression["leftHandSide"], expression["rightHandSide"]
            other = f"{self._line(left)} {ASSIGNMENTS[expression['operator']]} {self._line(right)}"
            alive = self._alive(expression, "assignment", other)
            text = text if alive == NEVER else f"if ({alive}) {other}; else {text}"
        return text

    def _of_ifstatement(self, node: Node) -> str:
        body, other = node["trueBody"], node.get("falseBody")
        parts = [(*self._span(node["condition"]), self._decided(node["condition"]))]
        for branch in (body, other):
            if branch is None:
                continue
            # a lonely revert left out is the condition that never holds
            lonely = branch["nodeType"] == "RevertStatement" and other is None
            text = self._original(branch) if lonely else self._rewritten(branch)
            start, end = self._span(branch)
            if branch["nodeType"] in DELETED and other is not None and branch is body:  # whose `else` it is
                end, text = self._source.index(b";", end) + 1, "{ " + text + "; }"
            parts.append((start, end, text))
        return self._replaced(*self._span(node), parts)

    def _of_forstatement(self, node: Node) -> str:
        return self._with(node, [node["initializationExpression"], node["condition"], node["body"]])

    def _of_variabledeclarationstatement(self, node: Node) -> str:
        return self._with(node, [node.get("initialValue")])

    # ------------------------------------------------------------------ expressions

    def _of_conditional(self, node: Node) -> str:
        parts = [(*self._span(node["condition"]), self._decided(node["condition"]))]
        for name in ("trueExpression", "falseExpression"):
            parts.append((*self._span(node[name]), self._rewritten(node[name])))
        return self._replaced(*self._span(node), parts)

    def _of_binaryoperation(self, node: Node) -> str:
        if _is_constant(node):
            return self._original(node)
        left, right, operator = node["leftExpression"], node["rightExpression"], node["operator"]
        # `1 << x` counts in 256 bits, a choice of two literals in 8
        widens = left["nodeType"] == "Literal" and operator in ("<<", ">>", "**")
        text = self._with(node, [None if widens else left, right])
        if operator not in SWAPS or node.get("function") is not None:
            return text
        other = f"{self._line(left)} {SWAPS[operator]} {self._line(right)}"
        return self._choice(node, "operator", other, text)

    def _of_unaryoperation(self, node: Node) -> str:
        inner = node["subExpression"]
        text = self._with(node, [inner] if node["operator"] in ("!", "~", "-") else [])
        if node["operator"] != "!":
            return text
        return self._choice(node, "not left out", self._line(inner), text)

    def _of_literal(self, node: Node) -> str:
        text = self._original(node)
        if node["kind"] == "bool":
            return self._choice(node, "literal", "false" if text == "true" else "true", text)
        if node["kind"] == "number" and not node.get("subdenomination") and re.fullmatch(r"\d{1,9}", text):
            return self._choice(node, "literal", str(int(text) + 1), text)
        return text

    def _of_assignment(self, node: Node) -> str:
        left = node["leftHandSide"]  # must stay a place: only an index in it changes
        index = left["indexExpression"] if left["nodeType"] == "IndexAccess" else None
        return self._with(node, [index, node["rightHandSide"]])

    def _of_functioncall(self, node: Node) -> str:
        called = node["expression"]
        conversion = node["kind"] == "typeConversion" and _is_constant(node["arguments"][0])
        if conversion or called["nodeType"] == "NewExpression":
            return self._original(node)
        receiver = called.get("expression") if called["nodeType"] == "MemberAccess" else None
        inner = receiver if receiver and receiver["nodeType"] in ("FunctionCall", "IndexAccess") else None
        return self._with(node, [inner, *node["arguments"]])


def _children(node: Node) -> list[Node | None]:
    """Nodes right under a node; types are not among them."""
    unchanged = ("typeName", "typeDescriptions", "overrides", "declarations")
    return [
        item
        for key, value in node.items()
        if key not in unchanged
        for item in (value if isinstance(value, list) else [value])
        if isinstance(item, dict) and "nodeType" in item and "src" in item
    ]


def _is_constant(node: Node) -> bool:
    """Whether the compiler computes it: a branch in it would change its type."""
    kind = str(node.get("typeDescriptions", {}).get("typeString", ""))
    computed = kind.startswith(("int_const", "rational_const", "literal_string", "type("))
    return node["nodeType"] != "Literal" and (computed or bool(node.get("isPure")))


def impure(text: str) -> str:
    """Functions may look at the block: what says `pure` would not compile."""
    return re.sub(r"(?<=[\s)])pure(?=[\s{;])", "view", text)
