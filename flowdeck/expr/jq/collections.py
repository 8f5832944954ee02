"""Builtins on lists, objects and types."""

from __future__ import annotations

import json
import math
import re
import time as clock
from collections.abc import Callable, Iterator
from typing import Any

from flowdeck.expr.jq import values
from flowdeck.expr.jq.evaluator import Evaluator, Pair, Scope
from flowdeck.expr.jq.natives import NATIVE, array, function, tostring
from flowdeck.expr.jq.parser import Node
from flowdeck.expr.jq.values import ORDER, JqError, type_name


def _keyed(name: str, finish: Callable[[list[tuple[Any, Any]]], Any]) -> None:
    """`name(f)` over pairs of (list of f's outputs, element)."""

    def native(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
        if not isinstance(pair[1], list):
            raise JqError(f"{name}: {type_name(pair[1])} is not an array")
        yield None, finish([(list(evaluator.values(arguments[0], scope, item)), item) for item in pair[1]])

    NATIVE[(name, 1)] = native


def _groups(pairs: list[tuple[Any, Any]]) -> list[list[tuple[Any, Any]]]:
    groups: list[list[tuple[Any, Any]]] = []
    for pair in sorted(pairs, key=lambda p: ORDER(p[0])):
        if groups and values.compare(groups[-1][0][0], pair[0]) == 0:
            groups[-1].append(pair)
        else:
            groups.append([pair])
    return groups


def _greatest(pairs: list[tuple[Any, Any]]) -> Any:
    best: Any = None
    for pair in pairs:
        if best is None or values.compare(pair[0], best[0]) >= 0:
            best = pair
    return None if best is None else best[1]


def _least(pairs: list[tuple[Any, Any]]) -> Any:
    best: Any = None
    for pair in pairs:
        if best is None or values.compare(pair[0], best[0]) < 0:
            best = pair
    return None if best is None else best[1]


_keyed("sort_by", lambda pairs: [item for _, item in sorted(pairs, key=lambda p: ORDER(p[0]))])
_keyed("group_by", lambda pairs: [[item for _, item in group] for group in _groups(pairs)])
_keyed("unique_by", lambda pairs: [group[0][1] for group in _groups(pairs)])
_keyed("min_by", _least)
_keyed("max_by", _greatest)


@function("not")
def _not(value: Any) -> bool:
    return not values.truth(value)


@function("length")
def _length(value: Any) -> Any:
    if isinstance(value, bool):
        raise JqError(f"boolean ({values.short(value)}) has no length")
    if value is None:
        return 0
    return abs(value) if values.is_number(value) else len(value)


@function("utf8bytelength")
def _utf8(value: Any) -> int:
    if not isinstance(value, str):
        raise JqError(f"{type_name(value)} ({values.short(value)}) only strings have UTF-8 byte length")
    return len(value.encode())


def _keys(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        return list(range(len(value)))
    raise JqError(f"{type_name(value)} ({values.short(value)}) has no keys")


function("keys_unsorted")(_keys)
function("keys")(lambda value: sorted(_keys(value)))
function("type")(type_name)
function("tojson")(values.dumps)
function("infinite")(lambda value: math.inf)
function("nan")(lambda value: math.nan)
function("isinfinite")(lambda value: math.isinf(value))
function("isnan")(lambda value: value != value)
function("isnormal")(lambda value: math.isfinite(value) and value != 0)
function("now")(lambda value: clock.time())
function("contains", 1)(values.contains)
function("setpath", 2)(lambda value, path, new: values.set_path(value, path, new))
function("delpaths", 1)(lambda value, paths: values.delete_paths(value, paths))
function("indices", 1)(values.indices)


@function("has", 1)
def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and values.is_number(key):
        return 0 <= key < len(value)
    raise JqError(f"Cannot check whether {type_name(value)} has a {type_name(key)} key")


@function("tonumber")
def _tonumber(value: Any) -> Any:
    if values.is_number(value):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value, re.ASCII):
        text = value.strip()
        return int(text) if text.lstrip("-").isdigit() and len(text) < 400 else float(text)
    raise JqError(f"{type_name(value)} ({values.short(value)}) cannot be parsed as a number")


@function("fromjson")
def _fromjson(value: Any) -> Any:
    if not isinstance(value, str):
        raise JqError(f"{type_name(value)} ({values.short(value)}) only strings can be parsed")
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise JqError(f"{error} (while parsing '{value[:100]}')") from None


@function("add")
def _add(value: Any) -> Any:
    items = list(value.values()) if isinstance(value, dict) else array(value)
    if items and all(isinstance(item, str) for item in items):
        return "".join(items)
    if items and all(isinstance(item, list) for item in items):
        return [inner for item in items for inner in item]
    result: Any = None
    for item in items:
        result = values.add(result, item)
    return result


@function("from_entries")
def _from_entries(value: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for entry in array(value):
        key: Any = None
        for name in ("key", "k", "name", "Name", "Key", "K"):
            found = values.index(entry, name)
            if found is not None and found is not False:
                key = found
                break
            if found is False:
                key = False
        if isinstance(key, (dict, list)):
            raise JqError(f"Cannot use {type_name(key)} as object key")
        item = next((entry[name] for name in ("value", "v", "Value", "V") if name in entry), None)
        result["null" if key is None else tostring(key)] = item
    return result


@function("flatten", 1)
def _flatten(value: Any, depth: Any) -> list[Any]:
    if depth < 0:
        raise JqError("flatten depth must not be negative")
    items = list(value.values()) if isinstance(value, dict) else array(value)
    result: list[Any] = []
    for item in items:
        if isinstance(item, list) and depth > 0:
            result.extend(_flatten(item, depth - 1))
        else:
            result.append(item)
    return result


function("sort")(lambda value: sorted(array(value), key=ORDER))
function("unique")(lambda value: [g[0][1] for g in _groups([([item], item) for item in array(value)])])
function("min")(lambda value: _least([(item, item) for item in array(value)]))
function("max")(lambda value: _greatest([(item, item) for item in array(value)]))


@function("reverse")
def _reverse(value: Any) -> Any:
    return [] if value is None else value[::-1] if isinstance(value, str) else array(value)[::-1]


@function("transpose")
def _transpose(value: Any) -> list[Any]:
    width = max((len(array(row)) for row in array(value)), default=0)
    return [[row[at] if at < len(row) else None for row in value] for at in range(width)]


@function("bsearch", 1)
def _bsearch(value: Any, wanted: Any) -> int:
    low, high = 0, len(array(value))
    while low < high:
        middle = (low + high) // 2
        order = values.compare(value[middle], wanted)
        if order == 0:
            return middle
        low, high = (middle + 1, high) if order < 0 else (low, middle)
    return -1 - low


@function("index", 1)
def _index(value: Any, wanted: Any) -> Any:
    found = values.indices(value, wanted)
    return found[0] if found else None


@function("rindex", 1)
def _rindex(value: Any, wanted: Any) -> Any:
    found = values.indices(value, wanted)
    return found[-1] if found else None
