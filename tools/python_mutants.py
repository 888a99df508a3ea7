"""Mutants of Python modules: one small change each, by mutmut's operators, anywhere in a module.

mutmut itself mutates inside undecorated functions alone. The tables that the core keeps outside of
functions and its properties would go untried, so modules are walked here. Two operators are added for
the tables: one kind of movement more or less in a rule's set, and two neighbours of a table in the
other order.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

LEFT_OUT = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)
"""Nodes that are not mutated, nor what is in them: they say nothing of what a module does."""

NAMES_LEFT_OUT = {"__all__", "__slots__"}


def _kinds(node: cst.BaseString) -> Iterator[cst.SimpleString]:
    """Kinds of movement, written as digits: one more, one less."""
    if isinstance(node, cst.SimpleString) and re.fullmatch('"[0-7]{2,}"', node.value):
        for digit in "01234567":
            more = '"' + "".join(sorted({*node.value[1:-1], digit})) + '"'
            less = node.value.replace(digit, "")
            yield node.with_changes(value=less if digit in node.value else more)


def _order(node: cst.Tuple) -> Iterator[cst.Tuple]:
    """A table, which is a tuple of tuples, with two neighbours in the other order."""
    rows = list(node.elements)
    if all(isinstance(row.value, cst.Tuple) for row in rows):
        for at in range(len(rows) - 1):
            yield node.with_changes(elements=[*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]])


OPERATORS: tuple[Any, ...] = (*mutation_operators, (cst.BaseString, _kinds), (cst.Tuple, _order))


@dataclass(frozen=True)
class Mutant:
    """One change: `before` and `after` are the lines that differ, `source` is the whole module with it."""

    path: str
    line: int
    function: str
    before: str
    after: str
    source: str


class _Sites(cst.CSTVisitor):
    """Every node with each of its mutations, and the function that it is in."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, str]] = []
        self._within: list[str] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, LEFT_OUT) or _names_left_out(node):
            return False
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            self._within.append(node.name.value)
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                where = ".".join(self._within)
                self.found += [(node, mutated, where) for mutated in operator(node)]
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, (cst.FunctionDef, cst.ClassDef)):
            self._within.pop()


def _names_left_out(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Assign):
        targets = [target.target for target in node.targets]
        return any(isinstance(name, cst.Name) and name.value in NAMES_LEFT_OUT for name in targets)
    return False


class _Replacement(cst.CSTTransformer):
    def __init__(self, old: cst.CSTNode, new: cst.CSTNode) -> None:
        super().__init__()
        self.old, self.new = old, new

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        return self.new if original_node is self.old else updated_node


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All mutants of one module that Python can read, in the order of its nodes; each change once."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    sites = _Sites()
    wrapper.visit(sites)
    seen = {source}
    for old, new, function in sites.found:
        changed = wrapper.module.visit(_Replacement(old, new))
        assert isinstance(changed, cst.Module)
        if changed.code in seen or not _compiles(changed.code):
            continue
        seen.add(changed.code)
        line, before, after = _difference(source, changed.code)
        yield Mutant(path, line, function, before, after, changed.code)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _difference(source: str, changed: str) -> tuple[int, str, str]:
    """First line that differs, and the lines before and after, each as one text."""
    old, new = source.splitlines(), changed.splitlines()
    blocks = [
        block
        for block in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if block[0] != "equal"
    ]
    first = blocks[0][1]
    before = " ".join(text.strip() for text in old[first : blocks[-1][2]])
    after = " ".join(text.strip() for text in new[blocks[0][3] : blocks[-1][4]])
    return first + 1, before, after
