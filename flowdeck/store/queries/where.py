"""Filters of the wire and the conditions they become (spec: REST contract §5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import regex

from flowdeck.expr import regexes
from flowdeck.model.errors import IllegalArgument, InvalidFilter, InvalidFormat
from flowdeck.model.states import State

MOST_FILTERS = 100
MOST_VALUES = 100
"""Conditions of their own; databases bound the depth of an expression."""
LONGEST_PATTERN = 1000
PATTERN_SECONDS = 2.0
"""What matching all names of a tenant may take."""
COUNTED = 10_001
"""Totals of unbounded tables are exact up to here less one."""

_EQ = frozenset({"EQUALS", "NOT_EQUALS"})
_SET = _EQ | {"IN", "NOT_IN"}
_TEXT = frozenset({"EQUALS", "NOT_EQUALS", "CONTAINS", "STARTS_WITH", "ENDS_WITH", "REGEX", "IN", "NOT_IN", "PREFIX"})
_IDS = _SET | {"CONTAINS", "STARTS_WITH", "ENDS_WITH"}
_DATE = _EQ | {"GREATER_THAN", "GREATER_THAN_OR_EQUAL_TO", "LESS_THAN", "LESS_THAN_OR_EQUAL_TO"}
_MAP = _SET | {"CONTAINS"}
_FREE = _EQ | {"CONTAINS", "STARTS_WITH", "ENDS_WITH", "REGEX"}

OPERATIONS: dict[str, frozenset[str]] = {
    "q": _EQ,
    "scope": _EQ,
    "namespace": _TEXT,
    "flowId": _TEXT,
    "kind": _SET,
    "labels": _MAP,
    "startDate": _DATE,
    "endDate": _DATE,
    "updated": _DATE,
    "created": _DATE,
    "expirationDate": _DATE,
    "timeRange": frozenset({"EQUALS"}),
    "state": _SET,
    "triggerExecutionId": _IDS,
    "triggerId": _IDS,
    "executionId": _IDS,
    "taskId": _IDS,
    "taskRunId": _IDS,
    "workerId": _IDS,
    "triggerState": _EQ,
    "childFilter": _EQ,
    "existingOnly": _EQ,
    "minLevel": _EQ,
    "path": _EQ | {"IN"},
    "parentPath": _EQ | {"STARTS_WITH"},
    "version": _EQ,
    "id": _FREE,
    "type": _FREE | _SET,
    "flowRevision": _SET,
    "enabled": _EQ,
    "triggerType": _IDS,
    "lastState": _SET,
    "tags": _SET,
}
"""Wire name of a field → the operations it knows."""

ENUM_NAMES = {
    "QUERY": "q",
    "SCOPE": "scope",
    "NAMESPACE": "namespace",
    "FLOW_ID": "flowId",
    "KIND": "kind",
    "LABELS": "labels",
    "START_DATE": "startDate",
    "END_DATE": "endDate",
    "UPDATED": "updated",
    "CREATED": "created",
    "EXPIRATION_DATE": "expirationDate",
    "TIME_RANGE": "timeRange",
    "STATE": "state",
    "TRIGGER_EXECUTION_ID": "triggerExecutionId",
    "TRIGGER_ID": "triggerId",
    "EXECUTION_ID": "executionId",
    "TASK_ID": "taskId",
    "TASK_RUN_ID": "taskRunId",
    "WORKER_ID": "workerId",
    "TRIGGER_STATE": "triggerState",
    "CHILD_FILTER": "childFilter",
    "EXISTING_ONLY": "existingOnly",
    "MIN_LEVEL": "minLevel",
    "PATH": "path",
    "PARENT_PATH": "parentPath",
    "VERSION": "version",
    "ID": "id",
    "TYPE": "type",
    "FLOW_REVISION": "flowRevision",
    "ENABLED": "enabled",
    "TRIGGER_TYPE": "triggerType",
    "LAST_STATE": "lastState",
    "TAGS": "tags",
}
"""Names of fields in JSON bodies → wire names."""

RESOURCES: dict[str, frozenset[str]] = {
    "flows": frozenset({"labels", "namespace", "q", "scope", "flowId", "enabled", "triggerType", "lastState"}),
    "executions": frozenset(
        {
            "q",
            "scope",
            "namespace",
            "flowId",
            "startDate",
            "endDate",
            "timeRange",
            "state",
            "labels",
            "triggerExecutionId",
            "childFilter",
            "kind",
            "executionId",
            "triggerId",
            "flowRevision",
        }
    ),
    "logs": frozenset(
        {
            "q",
            "scope",
            "namespace",
            "flowId",
            "startDate",
            "endDate",
            "timeRange",
            "triggerId",
            "minLevel",
            "executionId",
            "taskId",
            "taskRunId",
        }
    ),
    "triggers": frozenset(
        {
            "q",
            "scope",
            "namespace",
            "flowId",
            "workerId",
            "startDate",
            "endDate",
            "timeRange",
            "triggerId",
            "triggerState",
        }
    ),
    "kv": frozenset({"q", "namespace", "type", "created", "updated", "expirationDate"}),
    "secrets": frozenset({"q", "namespace", "tags"}),
    "files": frozenset({"q", "namespace", "path", "parentPath", "version", "updated"}),
    "namespaces": frozenset({"existingOnly", "q"}),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; `value` is text, a list of texts (IN, repeated keys) or a map (labels). Dates are ms."""

    field: str
    op: str
    value: Any

    def texts(self) -> list[str]:
        """The value as a list of texts."""
        if isinstance(self.value, list | tuple):
            return [str(v) for v in self.value]
        if self.op in ("IN", "NOT_IN"):
            text = str(self.value).strip()
            if text.startswith("[") and text.endswith("]"):
                text = text[1:-1]
            return [part.strip() for part in text.split(",") if part.strip()]
        return [str(self.value)]

    def text(self) -> str:
        """The value as one text (the last one of several)."""
        values = self.texts()
        return values[-1] if values else ""


def check(resource: str, filters: Iterable[Filter]) -> None:
    """`InvalidFilter` for unknown fields, operations, pairs, or fields foreign to the resource."""
    filters = list(filters)
    if len(filters) > MOST_FILTERS:
        raise InvalidFilter(f"at most {MOST_FILTERS} filters")
    for one in filters:
        many = isinstance(one.value, dict) or (isinstance(one.value, list) and one.op not in ("IN", "NOT_IN"))
        if many and len(one.value) > MOST_VALUES:
            raise InvalidFilter(f"at most {MOST_VALUES} values for field '{one.field}'")
        known = OPERATIONS.get(one.field)
        if known is None:
            raise InvalidFilter(f"unknown field '{one.field}'")
        if one.field not in RESOURCES[resource]:
            raise InvalidFilter(f"field '{one.field}' is not supported for {resource}")
        if one.op not in known:
            raise InvalidFilter(f"operation '{one.op}' is not supported for field '{one.field}'")


def numbers_of_states(one: Filter) -> list[int]:
    """The numbers of named states. `InvalidFormat` for unknown names."""
    found = []
    for name in one.texts():
        try:
            found.append(int(State[name.strip().upper()]))
        except KeyError:
            raise InvalidFormat(
                f"{one.field}: '{name[:32]}' is unknown; known are {', '.join(s.name for s in State)}"
            ) from None
    return found


_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def contains(text: str) -> str:
    """A LIKE pattern for 'contains'; use with `escape '!'`."""
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def like(text: str, dialect: str) -> str:
    """`contains` in the lower case that `lower` of the database makes: SQLite knows that of ASCII alone."""
    return contains(text.translate(_ASCII_LOWER) if dialect == "sqlite" else text.lower())


class Where:
    """Collects conditions and their parameters."""

    def __init__(self, dialect: str, **params: Any) -> None:
        self.dialect = dialect
        self.params: dict[str, Any] = params
        self.parts: list[str] = []

    def add(self, condition: str, **params: Any) -> Where:
        """Add a condition whose parameters have these names."""
        self.parts.append(condition)
        self.params.update(params)
        return self

    def bind(self, value: Any) -> str:
        """A fresh placeholder for a value."""
        name = f"w{len(self.params)}"
        self.params[name] = value
        return f":{name}"

    def binds(self, values: Sequence[Any]) -> str:
        """A parenthesised list of placeholders; an empty list matches nothing."""
        return "(" + ", ".join(self.bind(v) for v in values) + ")" if values else "(null)"

    @property
    def sql(self) -> str:
        """The condition of the statement."""
        return " and ".join(f"({p})" for p in self.parts) or "1 = 1"

    def elements(self, column: str, member: str = "") -> tuple[str, str]:
        """A JSON list of objects as rows: what stands after `from`, and a template of a row's member.

        Args:
            column: of the JSON text.
            member: name of the list in an object; the column itself is the list without it.
        """
        if self.dialect == "postgresql":
            place = f"{column}::jsonb -> '{member}'" if member else f"{column}::jsonb"
            return f"jsonb_array_elements(coalesce({place}, '[]'::jsonb)) j", "(j ->> '{}')"
        path = f"$.{member}" if member else "$"
        return f"json_each(coalesce({column}, '[]'), '{path}') j", "json_extract(j.value, '$.{}')"

    def match(self, column: str, op: str, texts: Sequence[Any]) -> str:
        """Condition of a text column; REGEX is not among them (see `names_matching`)."""
        one = texts[-1] if texts else ""
        if op in ("EQUALS", "IN"):
            return f"{column} in {self.binds(texts)}"
        if op in ("NOT_EQUALS", "NOT_IN"):
            return f"({column} is null or {column} not in {self.binds(texts)})"
        if op == "PREFIX":
            exact, low, high = self.bind(one), self.bind(one + "."), self.bind(one + "/")
            bytewise = f'{column} collate "C"' if self.dialect == "postgresql" else column
            return f"({column} = {exact} or ({bytewise} >= {low} and {bytewise} < {high}))"
        p = self.bind(one)
        if op == "CONTAINS":
            return f"strpos({column}, {p}) > 0" if self.dialect == "postgresql" else f"instr({column}, {p}) > 0"
        if op == "STARTS_WITH":
            return f"substr({column}, 1, length({p})) = {p}"
        if op == "ENDS_WITH":
            return f"(length({column}) >= length({p}) and substr({column}, length({column}) - length({p}) + 1) = {p})"
        raise InvalidFilter(f"operation '{op}' is not supported here")

    def compare(self, column: str, op: str, value: Any) -> str:
        """Condition of a number column."""
        sign = {
            "EQUALS": "=",
            "NOT_EQUALS": "<>",
            "GREATER_THAN": ">",
            "GREATER_THAN_OR_EQUAL_TO": ">=",
            "LESS_THAN": "<",
            "LESS_THAN_OR_EQUAL_TO": "<=",
        }[op]
        return f"{column} {sign} {self.bind(value)}"

    def free(self, columns: Sequence[str], text: str, *, negated: bool = False) -> str:
        """Case-insensitive 'contains' over several columns; every word must be found somewhere."""
        words = text.split() or [text]
        parts = []
        for word in words[:8]:
            p = self.bind(like(word, self.dialect))
            parts.append("(" + " or ".join(f"lower(coalesce({c}, '')) like {p} escape '!'" for c in columns) + ")")
        sql = " and ".join(parts)
        return f"not ({sql})" if negated else f"({sql})"

    def scope(self, column: str, one: Filter, system: str) -> str:
        """USER or SYSTEM namespaces."""
        wanted = {t.strip().upper() for value in one.texts() for t in value.split(",") if t.strip()}
        if not wanted <= {"USER", "SYSTEM"}:
            raise InvalidFormat("scope: USER and SYSTEM are known")
        if one.op == "NOT_EQUALS":
            wanted = {"USER", "SYSTEM"} - wanted
        if len(wanted) == 2:
            return "1 = 1"
        p = self.bind(system)
        return "1 = 0" if not wanted else f"{column} = {p}" if "SYSTEM" in wanted else f"{column} <> {p}"

    def labels(self, table: str, owner: str, own_key: str, one: Filter) -> str:
        """Label conditions by the label table's index; `owner` is its key column, `own_key` the row's."""
        pairs = one.value if isinstance(one.value, dict) else {}
        parts: list[str] = []
        for key, value in pairs.items():
            values = (
                [v.strip() for v in str(value).split(",")]
                if one.op in ("IN", "NOT_IN")
                else [str(v) for v in value]
                if isinstance(value, list)
                else [str(value)]
            )
            k = self.bind(key)
            condition = (
                self.match("l.value", "CONTAINS", values)
                if one.op == "CONTAINS"
                else f"l.value in {self.binds(values)}"
            )
            inner = f"select l.{owner} from {table} l where l.tenant = :tenant and l.key = {k} and {condition}"
            negated = "not " if one.op in ("NOT_EQUALS", "NOT_IN") else ""
            parts.append(f"{own_key} {negated}in ({inner})")
        joiner = " or " if one.op == "IN" else " and "
        return "(" + joiner.join(parts) + ")" if parts else "1 = 1"


def names_matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The names that match a user's regular expression (whole or part); bounded in time. `InvalidFilter`."""
    if len(pattern) > LONGEST_PATTERN:
        raise InvalidFilter(f"a regular expression may have at most {LONGEST_PATTERN} characters")
    end = time.monotonic() + PATTERN_SECONDS
    found: list[str] = []
    try:
        compiled = regexes.compiled(pattern)
        for name in names:
            if compiled.search(name, timeout=0.05, concurrent=True):
                found.append(name)
            if time.monotonic() > end:
                raise TimeoutError("takes too long")
    except (regex.error, TimeoutError) as error:
        raise InvalidFilter(f"regular expression '{pattern[:64]}': {error}") from None
    return found


def order_by(sorts: Sequence[tuple[str, bool]], columns: dict[str, str], default: str, tie: str) -> str:
    """`order by` of known fields (`IllegalArgument` for others); the tie-breaker keeps pages stable."""
    parts = []
    for name, descending in sorts:
        column = columns.get(name)
        if column is None:
            raise IllegalArgument(f"unknown sort field '{name}'; known are {', '.join(columns)}")
        parts.append(f"{column} {'desc' if descending else 'asc'}")
    return ", ".join([*parts, tie] if parts else [default])


@dataclass(frozen=True, slots=True)
class Page:
    """A page asked for: `number` from 1, `size` rows, sorts as (field, descending)."""

    number: int = 1
    size: int = 10
    sorts: tuple[tuple[str, bool], ...] = ()

    @property
    def offset(self) -> int:
        """Rows before it."""
        return (self.number - 1) * self.size


Condition = Callable[[Where, Filter], str]


def page_of(reader: Any, what: str, source: str, where: Where, order: str, page: Page) -> list[Any]:
    """The rows of one page: `what` are the columns, `source` begins with `from`."""
    return reader.all(
        f"select {what} {source} where {where.sql} order by {order} limit {int(page.size)} offset {int(page.offset)}",
        where.params,
    )
