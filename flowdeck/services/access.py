"""What callers may do: permissions, actions, managed roles; pure (F12 to F14).

A right is a permission with an action. The managed roles are a table; roles of one's own, bindings to groups and limits
to namespaces will fill the same `Grants`, so that nobody who asks has to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flowdeck.config.accounts import ROLES as ROLE_NAMES

ACTIONS = ("READ", "CREATE", "UPDATE", "DELETE")
ANY = "ANY"
"""Asks for a permission with whatever action (F13)."""

_KINDS = (
    "FLOW EXECUTION TEMPLATE NAMESPACE KVSTORE SECRET CREDENTIAL DASHBOARD BLUEPRINT APP APPEXECUTION ASSET TEST "
    "AI_COPILOT AUDITLOG SETTING USER GROUP GROUP_MEMBERSHIP ROLE BINDING INVITATION SERVICE_ACCOUNT TENANT_ACCESS "
    "IMPERSONATE"
)
PERMISSIONS = tuple(_KINDS.split())
"""The permissions of roles."""
INSTANCE = "INSTANCE"
"""Stands for what no role gives: the pages, the maintenance and the first account of the instance (F14, superadmin)."""

Need = tuple[str, str]
"""Permission and action; `ANY`, or several actions joined by `|` of which one suffices."""


def _pairs(text: str) -> frozenset[Need]:
    """`CRUD FLOW EXECUTION; R NAMESPACE`: letters of actions before the permissions that they are for."""
    letters = {action[0]: action for action in ACTIONS}
    found: set[Need] = set()
    for part in text.split(";"):
        actions, *permissions = part.split()
        found.update((permission, letters[letter]) for permission in permissions for letter in actions)
    return frozenset(found)


_EVERYTHING = _pairs(f"CRUD {' '.join(PERMISSIONS)}")
ROLES: dict[str, frozenset[Need]] = {
    "Admin": _EVERYTHING,
    "Developer": _pairs(
        "CRUD FLOW EXECUTION TEMPLATE KVSTORE SECRET CREDENTIAL APP APPEXECUTION TEST ASSET DASHBOARD BLUEPRINT;"
        "RU NAMESPACE; R AI_COPILOT AUDITLOG"
    ),
    "Editor": _pairs(
        "CRUD FLOW EXECUTION KVSTORE TEST DASHBOARD APP ASSET; R NAMESPACE SECRET CREDENTIAL BLUEPRINT AI_COPILOT"
    ),
    "Launcher": _pairs("R FLOW NAMESPACE DASHBOARD BLUEPRINT ASSET APP; CRU EXECUTION; RU APPEXECUTION"),
    "Viewer": _pairs("R FLOW EXECUTION NAMESPACE DASHBOARD BLUEPRINT APP APPEXECUTION ASSET TEST KVSTORE"),
}
"""Managed role → its rights (F12)."""
assert tuple(ROLES) == ROLE_NAMES


@dataclass(frozen=True, slots=True)
class Grants:
    """The rights of a caller; `role` is what they come from, for people to read."""

    pairs: frozenset[Need] = frozenset()
    role: str = ""

    def __iter__(self) -> Iterator[Need]:
        """Each right, permissions and actions in the order of the tables."""
        return (
            (kind, action) for kind in (*PERMISSIONS, INSTANCE) for action in ACTIONS if (kind, action) in self.pairs
        )


NOTHING = Grants()
EVERYTHING = Grants(_EVERYTHING | _pairs(f"CRUD {INSTANCE}"), "Admin")
"""Of the account of basic authentication: Admin, and master of the instance."""


def of_role(name: str) -> Grants:
    """The rights of a managed role by its name. `KeyError` for another one."""
    return Grants(ROLES[name], name)


def allows(grants: Grants, permission: str, action: str) -> bool:
    """Whether a right is held; `action` may be `ANY`, or actions joined by `|` of which one suffices."""
    actions = ACTIONS if action == ANY else action.split("|")
    return any((permission, one) in grants.pairs for one in actions)


def lacking(grants: Grants, needs: Iterable[Need]) -> Need | None:
    """The first of these rights that is not held; None: all are."""
    return next((need for need in needs if not allows(grants, *need)), None)


def in_words(need: Need) -> str:
    """`FLOW:UPDATE`, or what stands for several: `KVSTORE:CREATE or KVSTORE:UPDATE`, `FLOW with any action`."""
    permission, action = need
    if action == ANY:
        return f"{permission} with any action"
    return " or ".join(f"{permission}:{one}" for one in action.split("|"))
