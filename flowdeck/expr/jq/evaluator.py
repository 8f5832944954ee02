"""Evaluates jq trees as generators of (path, value); the path is None where nobody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flowdeck.expr.jq import values
from flowdeck.expr.jq.parser import Node
from flowdeck.expr.jq.values import JqError, truth
from flowdeck.expr.limits import MAX_ELEMENTS
from flowdeck.expr.weights import fits

Pair = tuple[tuple[Any, ...] | None, Any]
_STEPS_PER_TICK = 512


TOO_MUCH = f"The limit of {MAX_ELEMENTS} elements in one value was reached"


def _refuse() -> Any:
    raise JqError(TOO_MUCH)


class BreakOut(Exception):
    """`break $name` on its way to the label."""

    def __init__(self, label: object) -> None:
        super().__init__()
        self.label = label


class Scope:
    """Variables, functions and labels, each in front of an outer scope."""

    __slots__ = ("functions", "outer", "variables")

    def __init__(
        self, outer: Scope | None, variables: dict[str, Any] | None = None, functions: dict[Any, Any] | None = None
    ) -> None:
        self.outer = outer
        self.variables = variables or {}
        self.functions = functions or {}

    def variable(self, name: str) -> Any:
        """The value of a variable. Raises JqError when it is not defined."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.outer
        raise JqError(f"{name} is not defined")

    def function(self, name: str, arity: int) -> Any:
        """(parameters, body, scope) of a function, or None."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.functions.get((name, arity))
            if found is not None:
                return found
            scope = scope.outer
        return None


_PROGRAM_SCOPE: list[Scope] = []


def program_scope() -> Scope:
    """The scope of a program: the builtins written in jq."""
    if not _PROGRAM_SCOPE:
        from flowdeck.expr.jq.prelude import prelude

        _PROGRAM_SCOPE.append(prelude())
    return Scope(_PROGRAM_SCOPE[0])


class Evaluator:
    """Runs one program; `tick` bounds its steps and its time."""

    __slots__ = ("_steps", "tick")

    def __init__(self, tick: Callable[..., None]) -> None:
        self.tick = tick
        self._steps = 0

    def run(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        """All outputs of a node for an input."""
        self._steps += 1
        if self._steps % _STEPS_PER_TICK == 0:
            self.tick()
        return _RUN[node[0]](self, node, scope, pair)

    def values(self, node: Node, scope: Scope, value: Any) -> Iterator[Any]:
        """All outputs without paths."""
        for _, result in self.run(node, scope, (None, value)):
            yield result

    def paths(self, node: Node, scope: Scope, value: Any) -> Iterator[list[Any]]:
        """Paths of all outputs."""
        for path, _ in self.run(node, scope, ((), value)):
            if path is None:
                raise JqError("Invalid path expression")
            yield list(path)

    # ------------------------------------------------------------ basics

    def identity(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        yield pair

    def literal(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        if pair[0] is not None and node[1] is not None:
            raise JqError("Invalid path expression")
        yield None, node[1]

    def variable(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        if node[1] == "$ENV":
            raise JqError("$ENV is not available")
        yield None, scope.variable(node[1])

    def index(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        for path, value in self.run(node[1], scope, pair):
            for key in self.values(node[2], scope, pair[1]):
                yield None if path is None else (*path, key), values.index(value, key)

    def slice(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        for path, value in self.run(node[1], scope, pair):
            for end in self.values(node[3], scope, pair[1]) if node[3] else (None,):
                for start in self.values(node[2], scope, pair[1]) if node[2] else (None,):
                    key = {"start": start, "end": end}
                    yield None if path is None else (*path, key), values.cut(value, start, end)

    def each(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        for path, value in self.run(node[1], scope, pair):
            if isinstance(value, list):
                items: Any = enumerate(value)
            elif isinstance(value, dict):
                items = value.items()
            else:
                raise JqError(f"Cannot iterate over {values.type_name(value)}")
            for key, item in items:
                yield None if path is None else (*path, key), item

    def collect(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        found: list[Any] = []
        for value in self.values(node[1], scope, pair[1]):
            found.append(value)
            if len(found) > MAX_ELEMENTS:
                raise JqError(TOO_MUCH)
        yield None, found if fits(found) else _refuse()

    def object(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        pairs, value = node[1], pair[1]

        def build(at: int, done: dict[str, Any]) -> Iterator[dict[str, Any]]:
            if at == len(pairs):
                yield done
                return
            for key in self.values(pairs[at][0], scope, value):
                if not isinstance(key, str):
                    raise JqError(f"Object keys must be strings, not {values.type_name(key)}")
                for item in self.values(pairs[at][1], scope, value):
                    yield from build(at + 1, {**done, key: item})

        for result in build(0, {}):
            yield None, result if fits(result) else _refuse()

    def text(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        from flowdeck.expr.jq.text import apply_format

        parts, style = node[1], node[2]

        def build(at: int, done: str) -> Iterator[str]:
            if at == len(parts):
                yield done
            elif isinstance(parts[at], str):
                yield from build(at + 1, done + parts[at])
            else:
                for value in self.values(parts[at], scope, pair[1]):
                    yield from build(at + 1, values.add(done, apply_format(style or "@text", value)))

        for result in build(0, ""):
            yield None, result

    def format(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        from flowdeck.expr.jq.text import apply_format

        yield None, apply_format(node[1], pair[1])

    def negate(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        for value in self.values(node[1], scope, pair[1]):
            if not values.is_number(value):
                raise JqError(f"{values.type_name(value)} ({values.short(value)}) cannot be negated")
            yield None, -value

    # ------------------------------------------------------------ operators

    def binary(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        _, symbol, left, right = node
        if symbol == "|":
            for middle in self.run(left, scope, pair):
                yield from self.run(right, scope, middle)
        elif symbol == ",":
            yield from self.run(left, scope, pair)
            yield from self.run(right, scope, pair)
        elif symbol == "//":
            yield from self.alternative(left, right, scope, pair)
        elif symbol in ("and", "or"):
            for value in self.values(left, scope, pair[1]):
                if truth(value) is (symbol == "or"):
                    yield None, symbol == "or"
                    continue
                for other in self.values(right, scope, pair[1]):
                    yield None, truth(other)
        elif symbol in _ARITHMETIC:
            apply = _ARITHMETIC[symbol]
            for other in self.values(right, scope, pair[1]):
                for value in self.values(left, scope, pair[1]):
                    yield None, apply(value, other)
        else:
            yield from self.assign(symbol, left, right, scope, pair)

    def alternative(self, left: Node, right: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        found = False
        try:
            for result in self.run(left, scope, pair):
                if truth(result[1]):
                    found = True
                    yield result
        except JqError:
            pass
        if not found:
            yield from self.run(right, scope, pair)

    def assign(self, symbol: str, left: Node, right: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        data = pair[1]
        if symbol == "|=":
            result, gone = data, []
            for path in list(self.paths(left, scope, data)):
                for new in self.values(right, scope, values.get_path(result, path)):
                    result = values.set_path(result, path, new)
                    break
                else:
                    gone.append(path)
            yield None, values.delete_paths(result, gone) if gone else result
            return
        for new in self.values(right, scope, data):
            result = data
            for path in self.paths(left, scope, data):
                if symbol == "=":
                    value = new
                else:
                    old = values.get_path(result, path)
                    if symbol == "//=":
                        value = old if truth(old) else new
                    else:
                        value = _ARITHMETIC[symbol[:-1]](old, new)
                result = values.set_path(result, path, value)
            yield None, result

    # ------------------------------------------------------------ control

    def conditional(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        yield from self.branch(node[1], 0, node[2], scope, pair)

    def branch(self, branches: Any, at: int, otherwise: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        if at == len(branches):
            yield from self.run(otherwise, scope, pair)
            return
        for test in self.values(branches[at][0], scope, pair[1]):
            if truth(test):
                yield from self.run(branches[at][1], scope, pair)
            else:
                yield from self.branch(branches, at + 1, otherwise, scope, pair)

    def attempt(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        try:
            yield from self.run(node[1], scope, pair)
        except JqError as error:
            if node[2] is not None:
                yield from self.run(node[2], scope, (None, error.value))

    def bind(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        _, source, patterns, body = node
        for value in self.values(source, scope, pair[1]):
            for bound in self.destructured(patterns, value, scope):
                yield from self.run(body, bound, pair)

    def destructured(self, patterns: list[Node], value: Any, scope: Scope) -> Iterator[Scope]:
        """Scopes with the variables of the first pattern that fits."""
        names: dict[str, Any] = {}
        if len(patterns) > 1:
            for pattern in patterns:
                for name in _names(pattern):
                    names[name] = None
        for at, pattern in enumerate(patterns):
            try:
                for bound in self.match(pattern, value, scope, dict(names)):
                    yield Scope(scope, bound)
                return
            except JqError:
                if at == len(patterns) - 1:
                    raise

    def match(self, pattern: Node, value: Any, scope: Scope, done: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if pattern[0] == "variable":
            yield {**done, pattern[1]: value}
        elif pattern[0] == "list":
            if value is not None and not isinstance(value, list):
                raise JqError(f"Cannot index {values.type_name(value)} with number")
            yield from self.match_all(
                [(pattern, values.index(value, at), None) for at, pattern in enumerate(pattern[1])], 0, scope, done
            )
        else:
            yield from self.match_map(pattern[1], 0, value, scope, done)

    def match_all(self, items: Any, at: int, scope: Scope, done: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if at == len(items):
            yield done
            return
        for bound in self.match(items[at][0], items[at][1], scope, done):
            yield from self.match_all(items, at + 1, scope, bound)

    def match_map(
        self, pairs: Any, at: int, value: Any, scope: Scope, done: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if at == len(pairs):
            yield done
            return
        key_node, pattern, name = pairs[at]
        for key in self.values(key_node, Scope(scope, done), value):
            item = values.index(value, key)
            with_name = {**done, name: item} if name else done
            for bound in self.match(pattern, item, scope, with_name):
                yield from self.match_map(pairs, at + 1, value, scope, bound)

    def reduce(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        _, source, patterns, start, update, _ = node
        for initial in self.run(start, scope, (None, pair[1])):
            state: Pair = initial
            for value in self.values(source, scope, pair[1]):
                for bound in self.destructured(patterns, value, scope):
                    last: Pair = (None, None)
                    for result in self.run(update, bound, state):
                        last = result
                    state = last
            yield state

    def foreach(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        _, source, patterns, start, update, extract = node
        for initial in self.run(start, scope, (None, pair[1])):
            state: Pair = initial
            for value in self.values(source, scope, pair[1]):
                for bound in self.destructured(patterns, value, scope):
                    for result in self.run(update, bound, state):
                        state = result
                        if extract is None:
                            yield result
                        else:
                            yield from self.run(extract, bound, result)

    def label(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        label = object()
        try:
            yield from self.run(node[2], Scope(scope, {"*" + node[1]: label}), pair)
        except BreakOut as error:
            if error.label is not label:
                raise

    def break_out(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        raise BreakOut(scope.variable("*" + node[1]))
        yield pair  # a generator like its neighbours

    # ------------------------------------------------------------ functions

    def define(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        _, name, parameters, body, rest = node
        inner = Scope(scope)
        inner.functions[(name, len(parameters))] = (parameters, body, inner)
        yield from self.run(rest, inner, pair)

    def call(self, node: Node, scope: Scope, pair: Pair) -> Iterator[Pair]:
        from flowdeck.expr.jq.builtins import NATIVE

        _, name, arguments = node
        found = scope.function(name, len(arguments))
        if found is None:
            native = NATIVE.get((name, len(arguments)))
            if native is None:
                raise JqError(f"{name}/{len(arguments)} is not defined")
            yield from native(self, arguments, scope, pair)
            return
        parameters, body, home = found
        if parameters is None:  # an argument of a call: it runs where it was written
            yield from self.run(body, home, pair)
            return
        yield from self.enter(parameters, arguments, 0, body, scope, Scope(home), pair)

    def enter(
        self, parameters: Any, arguments: Any, at: int, body: Node, scope: Scope, inner: Scope, pair: Pair
    ) -> Iterator[Pair]:
        while at < len(parameters):
            name = parameters[at]
            if name.startswith("$"):
                for value in self.values(arguments[at], scope, pair[1]):
                    bound = Scope(inner, {name: value}, {(name[1:], 0): (None, ("literal", value), scope)})
                    yield from self.enter(parameters, arguments, at + 1, body, scope, bound, pair)
                return
            inner.functions[(name, 0)] = (None, arguments[at], scope)
            at += 1
        yield from self.run(body, inner, pair)


def _names(pattern: Node) -> Iterator[str]:
    if pattern[0] == "variable":
        yield pattern[1]
    elif pattern[0] == "list":
        for item in pattern[1]:
            yield from _names(item)
    else:
        for _, item, name in pattern[1]:
            if name:
                yield name
            yield from _names(item)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": values.add,
    "-": values.subtract,
    "*": values.multiply,
    "/": values.divide,
    "%": values.modulo,
    "==": lambda a, b: values.compare(a, b) == 0,
    "!=": lambda a, b: values.compare(a, b) != 0,
    "<": lambda a, b: values.compare(a, b) < 0,
    "<=": lambda a, b: values.compare(a, b) <= 0,
    ">": lambda a, b: values.compare(a, b) > 0,
    ">=": lambda a, b: values.compare(a, b) >= 0,
}

_RUN: dict[str, Callable[[Evaluator, Node, Scope, Pair], Iterator[Pair]]] = {
    "identity": Evaluator.identity,
    "literal": Evaluator.literal,
    "variable": Evaluator.variable,
    "index": Evaluator.index,
    "slice": Evaluator.slice,
    "each": Evaluator.each,
    "collect": Evaluator.collect,
    "object": Evaluator.object,
    "text": Evaluator.text,
    "format": Evaluator.format,
    "negate": Evaluator.negate,
    "binary": Evaluator.binary,
    "if": Evaluator.conditional,
    "try": Evaluator.attempt,
    "as": Evaluator.bind,
    "reduce": Evaluator.reduce,
    "foreach": Evaluator.foreach,
    "label": Evaluator.label,
    "break": Evaluator.break_out,
    "def": Evaluator.define,
    "call": Evaluator.call,
}
