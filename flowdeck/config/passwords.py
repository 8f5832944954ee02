"""The rules of user names and passwords: the same for the account that a form makes and for those of a file (F1)."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"^[A-Za-z0-9_!#$%&'*+/=?`{|}~^.-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]{2,}$")


def violations(username: str, password: str, rule: str | None = None) -> list[str]:
    """Every broken rule about a user name and a password, in words; `rule` is the configured one for passwords."""
    found: list[str] = []
    if not username:
        found.append("The user name must not be empty")
    elif not _EMAIL.fullmatch(username):
        found.append("The user name must be an e-mail address")
    if len(username) > 256:
        found.append("The user name may have at most 256 characters")
    if len(password) > 256:
        found.append("The password may have at most 256 characters")
    if rule is not None:
        if not re.fullmatch(rule, password[:257]):
            found.append("The password must match kestra.security.basic-auth.password-regexp")
    elif password[:1].isspace() or password[-1:].isspace():
        found.append("The password must not begin or end with a blank")
    elif (
        len(password) < 8
        or not re.search("[A-Z]", password)
        or not re.search("[a-z]", password)
        or not re.search("[0-9]", password)
    ):
        found.append(
            "The password needs at least 8 characters with one upper-case letter, one lower-case letter and one digit"
        )
    return found
