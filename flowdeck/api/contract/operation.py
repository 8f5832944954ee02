"""What an operation is: method, path, who may call it, what goes in and what comes out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from flowdeck.api.contract.models import common as m
from flowdeck.api.contract.models.executions import ExecutionRepositoryInterfaceChildFilter
from flowdeck.api.contract.models.scalars import Instant

JSON = "application/json"
YAML = "application/x-yaml"
TEXT = "text/plain"
FORM = "multipart/form-data"
BYTES = "application/octet-stream"
CSV = "text/csv"
EVENTS = "text/event-stream"
PLAIN_YAML = "application/yaml"
URLENCODED = "application/x-www-form-urlencoded"

Action = Literal["READ", "CREATE", "UPDATE", "DELETE", "ANY", "CREATE|UPDATE"]
Permission = tuple[str, Action] | None
"""Kind and action that a caller needs; None: whoever is logged in. `ANY` is the kind with whatever action (F16), and of
actions joined by `|` one suffices."""


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query, or with `header` one of the headers."""

    name: str
    type: Any
    required: bool = False
    default: Any = None
    deprecated: bool = False
    header: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A part of a form that is a file."""

    name: str


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: content type to type of content; `str` of a text type is the text itself."""

    content: dict[str, Any]
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; no content type: an empty body."""

    type: Any = None
    media: str = JSON


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    `answers` are those of success; errors that all operations share follow from the shape, `errors` adds others.
    `anonymous` needs no credential. `ours` is unknown to the reference. `also` are rights that are needed beside the
    permission. `rows` is what each thing needs that a call for many touches, where the call itself asks for any action:
    who may touch none is refused.
    """

    method: str
    path: str
    id: str
    permission: Permission
    query: tuple[Query, ...] = ()
    body: Body | None = None
    answers: dict[int, Answer] = field(default_factory=lambda: {200: Answer()})
    errors: tuple[int, ...] = ()
    deprecated: bool = False
    anonymous: bool = False
    ours: bool = False
    summary: str = ""
    also: tuple[tuple[str, Action], ...] = ()
    rows: Permission = None

    @property
    def needs(self) -> tuple[tuple[str, Action], ...]:
        """All rights that a caller needs."""
        return tuple(one for one in (self.permission, *self.also, self.rows) if one is not None)

    @property
    def key(self) -> tuple[str, str]:
        """Method and path, its parameters without their names."""
        return self.method, anonymised(self.path)


def anonymised(path: str) -> str:
    """A path whose parameters have no names."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def gives(type: Any, media: str = JSON, status: int = 200) -> dict[int, Answer]:
    """The one answer of success."""
    return {status: Answer(type, media)}


def nothing(status: int = 200) -> dict[int, Answer]:
    """Success without a body."""
    return {status: Answer()}


def takes(type: Any, media: str = JSON, required: bool = True) -> Body:
    """The one form of the body."""
    return Body({media: type}, required)


SORT = Query("sort", list[str], words="Fields with their direction: `field:asc` or `field:desc`.")
PAGES = (Query("page", int, default=1), Query("size", int, default=10))
SORTED_PAGES = (*PAGES, SORT)
FILTERS = Query(
    "filters",
    list[m.QueryFilter],
    words="On the wire `filters[<field>][<OPERATION>]=<value>`, for maps `filters[<field>][<OPERATION>][<key>]=<value>`"
    "; all of them hold.",
)
CSV_COLUMNS = Query("columns", str, words="Names of columns, comma-separated; `label:<key>` is one, too (ours).")

_OLD: dict[str, Any] = {
    "q": str,
    "scope": list[m.FlowScope],
    "namespace": str,
    "flowId": str,
    "triggerId": str,
    "workerId": str,
    "minLevel": m.Level,
    "startDate": Instant,
    "endDate": Instant,
    "timeRange": str,
    "state": list[m.StateType],
    "labels": list[str],
    "triggerExecutionId": str,
    "childFilter": ExecutionRepositoryInterfaceChildFilter,
}


def older(names: str) -> tuple[Query, ...]:
    """The older spellings of filters; they count only when there is no `filters`."""
    return tuple(Query(name, _OLD[name], deprecated=True) for name in names.split())


OLDER_FLOWS = older("q scope namespace labels")
OLDER_EXECUTIONS = older(
    "q scope namespace flowId startDate endDate timeRange state labels triggerExecutionId childFilter"
)
