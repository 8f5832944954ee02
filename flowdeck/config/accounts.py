"""Accounts beside the one of basic authentication: `flowdeck.security.accounts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowdeck.config.passwords import violations
from flowdeck.config.sources import kebab
from flowdeck.config.values import chosen

NAME = "flowdeck.security.accounts"
ROLES = ("Admin", "Developer", "Editor", "Launcher", "Viewer")
"""Names of the managed roles; what each may do is in `flowdeck.services.access`."""

_PARTS = ("username", "password", "role")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may come in; `role` is one of `ROLES`."""

    username: str
    password: str = field(repr=False)
    role: str


def accounts(values: Mapping[str, Any]) -> tuple[Account, ...]:
    """The accounts that typed values of a configuration tell.

    Raises:
        ValueError: one is unusable; the message names key, place in the list and rule, and never a password.
    """
    rule = values.get("kestra.security.basic-auth.password-regexp")
    taken = {str(values.get("kestra.server.basic-auth.username") or "").strip().casefold(): "the account of basic-auth"}
    found: list[Account] = []
    for place, told in enumerate(values.get(NAME) or ()):
        key = f"{NAME}[{place}]"
        one = _account(key, told)
        if broken := violations(one.username, one.password, rule):
            raise ValueError(f"{key} ({one.username or 'without a name'}): {', '.join(broken)}")
        folded = one.username.casefold()
        if folded in taken:
            raise ValueError(f"{key}.username = {one.username!r}: {taken[folded]} has this name already")
        taken[folded] = key
        found.append(one)
    return tuple(found)


def _account(key: str, told: Any) -> Account:
    if not isinstance(told, Mapping):
        raise ValueError(f"{key}: expected a map with username, password and role")
    parts = {kebab(str(name)): value for name, value in told.items()}
    if strange := sorted(parts.keys() - set(_PARTS)):
        raise ValueError(f"{key}.{strange[0]}: unknown; expected username, password and role")
    for name in _PARTS:
        if parts.get(name) in (None, ""):
            raise ValueError(f"{key}.{name} is needed")
    try:
        role = chosen(parts["role"], ROLES)
    except ValueError as error:
        raise ValueError(f"{key}.role = {str(parts['role'])[:64]!r}: {error}") from None
    return Account(str(parts["username"]).strip(), str(parts["password"]), role)
