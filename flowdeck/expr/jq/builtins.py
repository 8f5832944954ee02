"""Builtins of jq that are written in Python."""

from __future__ import annotations

import base64
import binascii
import html
import json
import math
import re
import time as clock
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import regex

from flowdeck.expr.jq import values
from flowdeck.expr.jq.evaluator import Evaluator, Pair, Scope
from flowdeck.expr.jq.parser import Node
from flowdeck.expr.jq.values import ORDER, JqError, type_name

Native = Callable[[Evaluator, list[Node], Scope, Pair], Iterator[Pair]]
NATIVE: dict[tuple[str, int], Native] = {}
_REGEX_SECONDS = 10


def _function(name: str, arity: int = 0) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register `f(input, *arguments)` for every combination of its arguments."""

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        def native(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
            for combination in _product(evaluator, arguments, scope, pair[1]):
                try:
                    yield None, run(pair[1], *combination)
                except (TypeError, ValueError, OverflowError, LookupError, AttributeError) as error:
                    raise JqError(f"{name}: {error}") from None

        NATIVE[(name, arity)] = native
        return run

    return register


def _product(evaluator: Evaluator, arguments: list[Node], scope: Scope, value: Any) -> Iterator[list[Any]]:
    if not arguments:
        yield []
        return
    for rest in _product(evaluator, arguments[1:], scope, value):
        for first in evaluator.values(arguments[0], scope, value):
            yield [first, *rest]


def _generator(name: str, arity: int) -> Callable[[Native], Native]:
    def register(run: Native) -> Native:
        NATIVE[(name, arity)] = run
        return run

    return register


# ---------------------------------------------------------------- generators and paths


@_generator("empty", 0)
def _empty(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return iter(())


@_generator("error", 0)
def _error(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    raise JqError(pair[1])


@_generator("error", 1)
def _error_with(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for value in evaluator.values(arguments[0], scope, pair[1]):
        raise JqError(value)
    return iter(())


@_generator("select", 1)
def _select(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for test in evaluator.values(arguments[0], scope, pair[1]):
        if values.truth(test):
            yield pair


@_generator("recurse", 1)
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


@_generator("first", 1)
def _first(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for result in evaluator.run(arguments[0], scope, pair):
        yield result
        return


@_generator("last", 1)
def _last(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    found = None
    for result in evaluator.run(arguments[0], scope, pair):
        found = result
    if found is not None:
        yield found


@_generator("isempty", 1)
def _isempty(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    yield None, next(evaluator.values(arguments[0], scope, pair[1]), NATIVE) is NATIVE


@_generator("limit", 2)
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
        evaluator.tick()
        met = any(values.truth(v) for v in evaluator.values(test, scope, found[1]))
        if until and met:
            yield found
            continue
        if not until:
            if not met:
                continue
            yield found
        stack.append(evaluator.run(node, scope, found))


@_generator("until", 2)
def _until(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return _loop(evaluator, pair, arguments[1], scope, arguments[0], True)


@_generator("while", 2)
def _while(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return _loop(evaluator, pair, arguments[1], scope, arguments[0], False)


@_generator("repeat", 1)
def _repeat(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    return _loop(evaluator, pair, arguments[0], scope, ("literal", True), False)


@_generator("path", 1)
def _path(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for path in evaluator.paths(arguments[0], scope, pair[1]):
        yield None, path


@_generator("getpath", 1)
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


@_generator("range", 1)
def _range_to(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for (end,) in _product(evaluator, arguments, scope, pair[1]):
        yield from _range(evaluator, [0, end, 1])


@_generator("range", 2)
def _range_from(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for start, end in _product(evaluator, arguments, scope, pair[1]):
        yield from _range(evaluator, [start, end, 1])


@_generator("range", 3)
def _range_by(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for bounds in _product(evaluator, arguments, scope, pair[1]):
        yield from _range(evaluator, bounds)


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

# ---------------------------------------------------------------- plain functions


@_function("not")
def _not(value: Any) -> bool:
    return not values.truth(value)


@_function("length")
def _length(value: Any) -> Any:
    if isinstance(value, bool):
        raise JqError(f"boolean ({values.short(value)}) has no length")
    if value is None:
        return 0
    return abs(value) if values.is_number(value) else len(value)


@_function("utf8bytelength")
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


_function("keys_unsorted")(_keys)
_function("keys")(lambda value: sorted(_keys(value)))
_function("type")(type_name)
_function("tojson")(values.dumps)
_function("infinite")(lambda value: math.inf)
_function("nan")(lambda value: math.nan)
_function("isinfinite")(lambda value: math.isinf(value))
_function("isnan")(lambda value: value != value)
_function("isnormal")(lambda value: math.isfinite(value) and value != 0)
_function("now")(lambda value: clock.time())
_function("contains", 1)(values.contains)
_function("setpath", 2)(lambda value, path, new: values.set_path(value, path, new))
_function("delpaths", 1)(lambda value, paths: values.delete_paths(value, paths))
_function("indices", 1)(values.indices)


@_function("has", 1)
def _has(value: Any, key: Any) -> bool:
    if isinstance(value, dict) and isinstance(key, str):
        return key in value
    if isinstance(value, list) and values.is_number(key):
        return 0 <= key < len(value)
    raise JqError(f"Cannot check whether {type_name(value)} has a {type_name(key)} key")


@_function("tostring")
def _tostring(value: Any) -> str:
    return value if isinstance(value, str) else values.dumps(value)


@_function("tonumber")
def _tonumber(value: Any) -> Any:
    if values.is_number(value):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value, re.ASCII):
        text = value.strip()
        return int(text) if text.lstrip("-").isdigit() and len(text) < 400 else float(text)
    raise JqError(f"{type_name(value)} ({values.short(value)}) cannot be parsed as a number")


@_function("fromjson")
def _fromjson(value: Any) -> Any:
    if not isinstance(value, str):
        raise JqError(f"{type_name(value)} ({values.short(value)}) only strings can be parsed")
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise JqError(f"{error} (while parsing '{value[:100]}')") from None


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise JqError(f"{type_name(value)} ({values.short(value)}) is not an array")
    return value


@_function("add")
def _add(value: Any) -> Any:
    items = list(value.values()) if isinstance(value, dict) else _array(value)
    if items and all(isinstance(item, str) for item in items):
        return "".join(items)
    if items and all(isinstance(item, list) for item in items):
        return [inner for item in items for inner in item]
    result: Any = None
    for item in items:
        result = values.add(result, item)
    return result


@_function("from_entries")
def _from_entries(value: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for entry in _array(value):
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
        result["null" if key is None else _tostring(key)] = item
    return result


@_function("flatten", 1)
def _flatten(value: Any, depth: Any) -> list[Any]:
    if depth < 0:
        raise JqError("flatten depth must not be negative")
    items = list(value.values()) if isinstance(value, dict) else _array(value)
    result: list[Any] = []
    for item in items:
        if isinstance(item, list) and depth > 0:
            result.extend(_flatten(item, depth - 1))
        else:
            result.append(item)
    return result


_function("sort")(lambda value: sorted(_array(value), key=ORDER))
_function("unique")(lambda value: [g[0][1] for g in _groups([([item], item) for item in _array(value)])])
_function("min")(lambda value: _least([(item, item) for item in _array(value)]))
_function("max")(lambda value: _greatest([(item, item) for item in _array(value)]))


@_function("reverse")
def _reverse(value: Any) -> Any:
    return [] if value is None else value[::-1] if isinstance(value, str) else _array(value)[::-1]


@_function("transpose")
def _transpose(value: Any) -> list[Any]:
    width = max((len(_array(row)) for row in _array(value)), default=0)
    return [[row[at] if at < len(row) else None for row in value] for at in range(width)]


@_function("bsearch", 1)
def _bsearch(value: Any, wanted: Any) -> int:
    low, high = 0, len(_array(value))
    while low < high:
        middle = (low + high) // 2
        order = values.compare(value[middle], wanted)
        if order == 0:
            return middle
        low, high = (middle + 1, high) if order < 0 else (low, middle)
    return -1 - low


@_function("index", 1)
def _index(value: Any, wanted: Any) -> Any:
    found = values.indices(value, wanted)
    return found[0] if found else None


@_function("rindex", 1)
def _rindex(value: Any, wanted: Any) -> Any:
    found = values.indices(value, wanted)
    return found[-1] if found else None


# ---------------------------------------------------------------- text


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise JqError(f"{name} input must be a string, not {type_name(value)}")
    return value


@_function("startswith", 1)
def _startswith(value: Any, prefix: Any) -> bool:
    return _text(value, "startswith()").startswith(_text(prefix, "startswith()"))


@_function("endswith", 1)
def _endswith(value: Any, suffix: Any) -> bool:
    return _text(value, "endswith()").endswith(_text(suffix, "endswith()"))


@_function("ltrimstr", 1)
def _ltrimstr(value: Any, prefix: Any) -> Any:
    return value.removeprefix(prefix) if isinstance(value, str) and isinstance(prefix, str) else value


@_function("rtrimstr", 1)
def _rtrimstr(value: Any, suffix: Any) -> Any:
    return value.removesuffix(suffix) if isinstance(value, str) and isinstance(suffix, str) else value


_function("trim")(lambda value: _text(value, "trim").strip())
_function("ltrim")(lambda value: _text(value, "trim").lstrip())
_function("rtrim")(lambda value: _text(value, "trim").rstrip())
_function("explode")(lambda value: [ord(char) for char in _text(value, "explode")])
_function("implode")(lambda value: "".join(chr(code) for code in _array(value)))


@_function("split", 1)
def _split(value: Any, separator: Any) -> list[str]:
    if not isinstance(value, str) or not isinstance(separator, str):
        raise JqError("split input and separator must be strings")
    return values.split_text(value, separator)


@_function("join", 1)
def _join(value: Any, separator: Any) -> str:
    texts: list[str] = []
    for item in _array(value):
        if isinstance(item, (list, dict)):
            raise JqError(f"Cannot join with {type_name(item)}")
        texts.append("" if item is None else _tostring(item))
    if sum(map(len, texts)) + len(texts) * len(separator) > values.MAX_TEXT:
        raise JqError("The limit of 10 MB was reached")
    return separator.join(texts)


def _pattern(pattern: Any, flags: Any) -> tuple[regex.Pattern[str], bool, bool]:
    if isinstance(pattern, list):
        pattern, flags = pattern[0], pattern[1] if len(pattern) > 1 else flags
    if not isinstance(pattern, str) or not (flags is None or isinstance(flags, str)):
        raise JqError(f"{values.short(pattern)} cannot be matched, as it is not a string")
    options, everywhere, nonempty = 0, False, False
    for flag in flags or "":
        if flag == "g":
            everywhere = True
        elif flag == "n":
            nonempty = True
        elif flag in "ixspl":
            options |= {"i": regex.IGNORECASE, "x": regex.VERBOSE, "s": regex.DOTALL, "p": regex.DOTALL}.get(flag, 0)
        else:
            raise JqError(f"{flags} is not a valid modifier string")
    try:
        return regex.compile(pattern, options), everywhere, nonempty
    except regex.error as error:
        raise JqError(f"{pattern} is not a valid regex: {error}") from None


def _matches(value: Any, pattern: Any, flags: Any) -> Iterator[dict[str, Any]]:
    compiled, everywhere, nonempty = _pattern(pattern, flags)
    if not isinstance(value, str):
        raise JqError(f"{type_name(value)} ({values.short(value)}) cannot be matched, as it is not a string")
    names = {number: name for name, number in compiled.groupindex.items()}
    try:
        for found in compiled.finditer(value, timeout=_REGEX_SECONDS):
            if nonempty and not found.group():
                continue
            yield {
                "offset": found.start(),
                "length": found.end() - found.start(),
                "string": found.group(),
                "captures": [
                    {
                        "offset": found.start(number),
                        "length": len(found.group(number) or ""),
                        "string": found.group(number),
                        "name": names.get(number),
                    }
                    for number in range(1, compiled.groups + 1)
                ],
            }
            if not everywhere:
                return
    except TimeoutError:
        raise JqError(f"The limit of {_REGEX_SECONDS} seconds for a regular expression was reached") from None


@_generator("match", 2)
def _match(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for pattern, flags in _product(evaluator, arguments, scope, pair[1]):
        for found in _matches(pair[1], pattern, flags):
            yield None, found


@_function("test", 2)
def _test(value: Any, pattern: Any, flags: Any) -> bool:
    return next(_matches(value, pattern, flags), None) is not None


@_function("split", 2)
def _split_regex(value: Any, pattern: Any, flags: Any) -> list[str]:
    parts, last = [], 0
    for found in _matches(value, pattern, "g" + (flags or "")):
        parts.append(value[last : found["offset"]])
        last = found["offset"] + found["length"]
    return [*parts, value[last:]]


def _substitute(everywhere: bool, flags_at: int | None) -> Native:
    def native(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
        text = pair[1]
        flag_nodes = [arguments[flags_at]] if flags_at is not None else []
        for pattern, *more in _product(evaluator, [arguments[0], *flag_nodes], scope, text):
            flags = (more[0] or "" if more else "") + ("g" if everywhere else "")
            results, last = [""], 0
            for found in _matches(text, pattern, flags):
                captures = {c["name"]: c["string"] for c in found["captures"] if c["name"]}
                news = list(evaluator.values(arguments[1], scope, captures))
                before = text[last : found["offset"]]
                for new in news:
                    _text(new, "sub replacement")
                results = [result + before + new for new in news for result in results]
                if len(results) > 1000:
                    raise JqError("The limit of 1000 results of sub was reached")
                last = found["offset"] + found["length"]
            for result in results:
                yield None, result + _text(text, "sub")[last:]

    return native


NATIVE[("sub", 2)] = _substitute(False, None)
NATIVE[("sub", 3)] = _substitute(False, 2)
NATIVE[("gsub", 2)] = _substitute(True, None)
NATIVE[("gsub", 3)] = _substitute(True, 2)


def _cell(value: Any, style: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or values.is_number(value):
        return values.dumps(value)
    if not isinstance(value, str):
        raise JqError(f"{type_name(value)} ({values.short(value)}) is not valid in a {style} row")
    if style == "csv":
        return '"' + value.replace('"', '""') + '"'
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _shell(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "'\\''") + "'"
    if isinstance(value, (list, dict)):
        raise JqError(f"{type_name(value)} ({values.short(value)}) can not be escaped for shell")
    return values.dumps(value)


def apply_format(style: str, value: Any) -> str:
    """`@text`, `@json`, `@csv` and so on. Raises JqError."""
    if style in ("@text", "@json"):
        return values.dumps(value) if style == "@json" else _tostring(value)
    if style in ("@csv", "@tsv"):
        cells = [_cell(item, style[1:]) for item in _array(value)]
        return ("," if style == "@csv" else "\t").join(cells)
    if style == "@sh":
        return " ".join(_shell(item) for item in (value if isinstance(value, list) else [value]))
    text = _tostring(value)
    if style == "@html":
        return html.escape(text).replace("&#x27;", "&#39;")
    if style == "@uri":
        return quote(text, safe="-_.~")
    if style == "@base64":
        return base64.b64encode(text.encode()).decode()
    if style == "@base64d":
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise JqError(f"string ({values.short(value)}) is not valid base64 data") from None
    raise JqError(f"{style} is not a valid format")


# ---------------------------------------------------------------- numbers


def _math(name: str, run: Callable[[float], Any]) -> None:
    def apply(value: Any) -> Any:
        if not values.is_number(value):
            raise JqError(f"{type_name(value)} ({values.short(value)}) number required")
        try:
            return values.normal(run(value))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    _function(name)(apply)


for _name, _run in {
    "floor": math.floor, "ceil": math.ceil, "sqrt": math.sqrt, "fabs": abs, "exp": math.exp, "log": math.log,
    "log2": math.log2, "log10": math.log10, "exp2": lambda x: 2.0**x, "exp10": lambda x: 10.0**x,
    "round": lambda x: math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1), "trunc": math.trunc,
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
}.items():  # fmt: skip
    _math(_name, _run)


@_function("pow", 2)
def _pow(value: Any, base: Any, exponent: Any) -> Any:
    try:
        return values.normal(math.pow(base, exponent))
    except OverflowError:
        return math.inf


# ---------------------------------------------------------------- dates

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _broken_down(moment: datetime) -> list[Any]:
    seconds: Any = moment.second + moment.microsecond / 1e6 if moment.microsecond else moment.second
    weekday, yearday = moment.isoweekday() % 7, moment.timetuple().tm_yday - 1
    return [moment.year, moment.month - 1, moment.day, moment.hour, moment.minute, seconds, weekday, yearday]


@_function("gmtime")
def _gmtime(value: Any) -> list[Any]:
    return _broken_down(_EPOCH + timedelta(seconds=value))


_function("localtime")(_gmtime)


def _moment(parts: Any) -> datetime:
    year, month, day, hour, minute, second = parts[:6]
    return datetime(year, month + 1, day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


@_function("mktime")
def _mktime(value: Any) -> int:
    if not isinstance(value, list) or len(value) < 6:
        raise JqError("mktime requires array of 6 numbers")
    return int((_moment(value) - _EPOCH).total_seconds())


@_function("strptime", 1)
def _strptime(value: Any, pattern: Any) -> list[Any]:
    try:
        moment = datetime.strptime(_text(value, "strptime/1"), pattern)
    except ValueError:
        raise JqError(f'date "{value}" does not match format "{pattern}"') from None
    return _broken_down(moment)


@_function("strftime", 1)
def _strftime(value: Any, pattern: Any) -> str:
    moment = _moment(value) if isinstance(value, list) else _EPOCH + timedelta(seconds=value)
    return moment.strftime(pattern)


_function("strflocaltime", 1)(_strftime)
