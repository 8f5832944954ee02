"""The syntax tree: plain data, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Node:
    """Anything with a position in its template (offset in characters)."""

    position: int


@dataclass(slots=True)
class Literal(Node):
    value: Any


@dataclass(slots=True)
class Parts(Node):
    """A text with `#{}`: texts and expressions."""

    items: list[Node]


@dataclass(slots=True)
class ListOf(Node):
    items: list[Node]


@dataclass(slots=True)
class MapOf(Node):
    items: list[tuple[Node, Node]]


@dataclass(slots=True)
class Name(Node):
    name: str


@dataclass(slots=True)
class Attribute(Node):
    target: Node
    name: str


@dataclass(slots=True)
class Subscript(Node):
    target: Node
    key: Node


@dataclass(slots=True)
class Arguments:
    positional: list[Node]
    named: dict[str, Node]

    def nodes(self) -> list[Node]:
        """All argument expressions."""
        return [*self.positional, *self.named.values()]


@dataclass(slots=True)
class Method(Node):
    target: Node
    name: str
    arguments: Arguments


@dataclass(slots=True)
class Call(Node):
    name: str
    arguments: Arguments


@dataclass(slots=True)
class Filter(Node):
    target: Node
    name: str
    arguments: Arguments


@dataclass(slots=True)
class Test(Node):
    target: Node
    name: str
    negated: bool
    arguments: Arguments


@dataclass(slots=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(slots=True)
class Ternary(Node):
    condition: Node
    then: Node
    otherwise: Node


# ---------------------------------------------------------------- template level


@dataclass(slots=True)
class Text(Node):
    text: str
    raw: bool = False


@dataclass(slots=True)
class Print(Node):
    expression: Node


@dataclass(slots=True)
class If(Node):
    branches: list[tuple[Node, list[Node]]]
    otherwise: list[Node]


@dataclass(slots=True)
class For(Node):
    name: str
    items: Node
    body: list[Node]
    otherwise: list[Node]


@dataclass(slots=True)
class Set(Node):
    name: str
    value: Node


@dataclass(slots=True)
class FilterBlock(Node):
    filters: list[tuple[str, Arguments, int]]
    body: list[Node]


@dataclass(slots=True)
class Macro(Node):
    name: str
    parameters: list[tuple[str, Node | None]]
    body: list[Node]


@dataclass(slots=True)
class Block(Node):
    name: str
    body: list[Node]
