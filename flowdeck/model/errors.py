"""Errors of the domain: raised by commands and services, shaped into answers by the API alone (spec: REST contract §3).

DomainError
├── NotFound            404   flow, execution, key, file … is unknown (or may not be read)
├── Gone                410   the key has expired
├── Forbidden           403
├── Conflict            409   the store holds a newer version
├── IllegalState        409   the object is in a state that does not allow the action
├── IllegalArgument     422   a parameter breaks a rule
│   └── InvalidFormat         … or can't be read: no number, no date, an unknown name, no JSON
├── InvalidEntity       422   a flow, an input … breaks constraints; carries violations
├── InvalidFilter       400
├── BulkRefused         400   all-or-nothing call by ids; carries the ids
├── TooLarge            413
├── TooMany             429   carries seconds to wait
└── Unavailable         503   the engine can't take writes now; carries seconds to wait
"""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """Base of all; crosses the command socket as `(code, message, detail)`."""

    status = 500
    reason = "Internal server error"

    def __init__(self, message: str = "", **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    @property
    def code(self) -> str:
        """The class name: the form that crosses a process boundary."""
        return type(self).__name__


class NotFound(DomainError):
    """The object is unknown, or the caller may not know it."""

    status, reason = 404, "Not Found"


class Gone(DomainError):
    """The object existed and has expired."""

    status, reason = 410, "Resource has expired"


class Forbidden(DomainError):
    """The caller lacks a right on an object that it may read."""

    status, reason = 403, "Forbidden"


class Conflict(DomainError):
    """Somebody else changed the object meanwhile."""

    status, reason = 409, "Conflict"


class IllegalState(DomainError):
    """The object's state forbids the action."""

    status, reason = 409, "Illegal state"


class IllegalArgument(DomainError):
    """A parameter breaks a rule."""

    status, reason = 422, "Illegal argument"


class InvalidFormat(IllegalArgument):
    """Malformed JSON or YAML, a value of the wrong type, a name that is none of the known ones."""

    reason = "Invalid format"


class InvalidEntity(DomainError):
    """An entity breaks constraints; `violations=[{"path", "message"}]`."""

    status, reason = 422, "Invalid entity"


class InvalidFilter(DomainError):
    """A filter names an unknown field or operation."""

    status, reason = 400, "Invalid query filters"


class BulkRefused(DomainError):
    """A bulk call by ids in which at least one id is unusable; `invalids=[{"message", "invalidValue"}]`."""

    status, reason = 400, "Bad Request"


class TooLarge(DomainError):
    """A body or value is above its limit."""

    status, reason = 413, "Request Entity Too Large"


class TooMany(DomainError):
    """The caller must slow down; `retry_after` in seconds."""

    status, reason = 429, "Too Many Requests"


class Unavailable(DomainError):
    """The engine can't take writes now; `retry_after` in seconds."""

    status, reason = 503, "Service Unavailable"


BY_CODE: dict[str, type[DomainError]] = {
    c.__name__: c
    for c in (
        NotFound,
        Gone,
        Forbidden,
        Conflict,
        IllegalState,
        IllegalArgument,
        InvalidEntity,
        InvalidFilter,
        BulkRefused,
        TooLarge,
        TooMany,
        Unavailable,
    )
}


def revive(code: str, message: str, detail: dict[str, Any]) -> DomainError:
    """Rebuild an error that crossed a process boundary."""
    return BY_CODE.get(code, DomainError)(message, **detail)
