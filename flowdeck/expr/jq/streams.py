"""Builtins that yield any number of results or walk paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowdeck.expr.jq import values
from flowdeck.expr.jq.evaluator import Evaluator, Pair, Scope
from flowdeck.expr.jq.natives import NATIVE, generator, product
from flowdeck.expr.jq.parser import Node
from flowdeck.expr.jq.values import JqError

_LOOP_STEPS = 5
"""An iteration of a jq loop keeps its generators, so that it weighs more than one of `for`."""


@generator("empty", 0)
def _empty(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return iter(())


@generator("error", 0)
def _error(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    raise JqError(pair[1])


@generator("error", 1)
def _error_with(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for value in evaluator.values(arguments[0], scope, pair[1]):
        raise JqError(value)
    return iter(())


@generator("select", 1)
def _select(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for test in evaluator.values(arguments[0], scope, pair[1]):
        if values.truth(test):
            yield pair


@generator("recurse", 1)
def _recurse(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    stack = [iter((pair,))]
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
            continue
        yield found
        if len(stack) > 10_000:
            raise JqError("recurse: nested too deeply")
        stack.append(evaluator.run(arguments[0], scope, found))


@generator("first", 1)
def _first(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for result in evaluator.run(arguments[0], scope, pair):
        yield result
        return


@generator("last", 1)
def _last(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    found = None
    for result in evaluator.run(arguments[0], scope, pair):
        found = result
    if found is not None:
        yield found


@generator("isempty", 1)
def _isempty(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    yield None, next(evaluator.values(arguments[0], scope, pair[1]), NATIVE) is NATIVE


@generator("limit", 2)
def _limit(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for count in evaluator.values(arguments[0], scope, pair[1]):
        left = count
        if left <= 0:
            continue
        for result in evaluator.run(arguments[1], scope, pair):
            yield result
            left -= 1
            if left <= 0:
                break


def _loop(evaluator: Evaluator, pair: Pair, node: Node, scope: Scope, test: Node, until: bool) -> Iterator[Pair]:
    stack = [iter((pair,))]
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
            continue
        evaluator.tick(_LOOP_STEPS)
        met = any(values.truth(v) for v in evaluator.values(test, scope, found[1]))
        if until and met:
            yield found
            continue
        if not until:
            if not met:
                continue
            yield found
        stack.append(evaluator.run(node, scope, found))


@generator("until", 2)
def _until(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return _loop(evaluator, pair, arguments[1], scope, arguments[0], True)


@generator("while", 2)
def _while(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return _loop(evaluator, pair, arguments[1], scope, arguments[0], False)


@generator("repeat", 1)
def _repeat(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return _loop(evaluator, pair, arguments[0], scope, ("literal", True), False)


@generator("path", 1)
def _path(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for path in evaluator.paths(arguments[0], scope, pair[1]):
        yield None, path


@generator("getpath", 1)
def _getpath(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for path in evaluator.values(arguments[0], scope, pair[1]):
        if not isinstance(path, list):
            raise JqError("Path must be specified as an array")
        yield None if pair[0] is None else (*pair[0], *path), values.get_path(pair[1], path)


def _range(evaluator: Evaluator, bounds: list[Any]) -> Iterator[Pair]:
    start, end, step = bounds
    if not all(values.is_number(bound) for bound in bounds):
        raise JqError("Range bounds must be numeric")
    value = start
    while (step > 0 and value < end) or (step < 0 and value > end):
        evaluator.tick()
        yield None, value
        value += step


@generator("range", 1)
def _range_to(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for (end,) in product(evaluator, arguments, scope, pair[1]):
        yield from _range(evaluator, [0, end, 1])


@generator("range", 2)
def _range_from(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for start, end in product(evaluator, arguments, scope, pair[1]):
        yield from _range(evaluator, [start, end, 1])


@generator("range", 3)
def _range_by(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for bounds in product(evaluator, arguments, scope, pair[1]):
        yield from _range(evaluator, bounds)
