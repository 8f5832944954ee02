"""Accounts of the configuration: what is refused at the start, by which key, and never with a password."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowdeck.config.accounts import Account, accounts
from flowdeck.config.settings import load_settings

NAME = "flowdeck.security.accounts"
GOOD = {"username": "vera@example.com", "password": "ViewPass1", "role": "viewer"}


def told(*entries: Any, **more: Any) -> tuple[Account, ...]:
    return accounts({NAME: list(entries), **more})


def test_roles_are_read_in_any_case() -> None:
    """F12's managed roles."""
    roles = [told({**GOOD, "role": role})[0].role for role in ("ADMIN", "developer", "Editor", " launcher", "vieweR")]
    assert roles == ["Admin", "Developer", "Editor", "Launcher", "Viewer"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**GOOD, "role": "Boss"}, "[0].role = 'Boss': expected Admin, Developer, Editor, Launcher or Viewer"),
        ({**GOOD, "role": ""}, "[0].role is needed"),
        ({**GOOD, "password": "short1A"}, "[0] (vera@example.com): The password needs at least 8 characters"),
        ({**GOOD, "password": None}, "[0].password is needed"),
        ({**GOOD, "username": "vera"}, "[0] (vera): The user name must be an e-mail address"),
        ({**GOOD, "roles": []}, "[0].roles: unknown; expected username, password and role"),
        ("vera@example.com", "[0]: expected a map"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(entry: Any, words: str) -> None:
    """The message leads to the line, and tells no password."""
    with pytest.raises(ValueError) as caught:
        told(entry)
    assert NAME + words.removeprefix(NAME) in str(caught.value)
    assert "short1A" not in str(caught.value) and "ViewPass1" not in str(caught.value)


def test_names_are_given_once() -> None:
    """In whatever case, and the first account's is taken."""
    with pytest.raises(ValueError, match=r"accounts\[1\].username = 'VERA@example.com': .*accounts\[0\]"):
        told(GOOD, {**GOOD, "username": "VERA@example.com"})
    with pytest.raises(ValueError, match="the account of basic-auth"):
        told(GOOD, **{"kestra.server.basic-auth.username": "vera@example.com"})


def test_the_configured_rule_of_passwords_holds_for_them() -> None:
    """`password-regexp` alone decides, as for the first account."""
    rule = {"kestra.security.basic-auth.password-regexp": "[a-z]{3,}"}
    assert told({**GOOD, "password": "abc"}, **rule)[0].password == "abc"
    with pytest.raises(ValueError, match="password-regexp"):
        told(GOOD, **rule)


def test_they_come_from_files_and_variables_and_are_never_shown(tmp_path: Path) -> None:
    """The list is a secret as a whole; a placeholder keeps the password out of the file."""
    file = tmp_path / "config.yml"
    file.write_text(
        "flowdeck:\n  security:\n    accounts:\n"
        "      - {username: vera@example.com, password: '${VERA}', role: Viewer}\n"
    )
    environment = {"FLOWDECK_HOME": str(tmp_path), "VERA": "ViewPass1"}
    settings = load_settings(files=[file], environment=environment)
    assert accounts(settings.values) == (Account("vera@example.com", "ViewPass1", "Viewer"),)
    assert "ViewPass1" not in json.dumps(settings.properties()) and "ViewPass1" not in json.dumps(settings.shown())
    assert "ViewPass1" not in repr(accounts(settings.values))
    variable = {"FLOWDECK_HOME": str(tmp_path), "FLOWDECK_SECURITY_ACCOUNTS": json.dumps([GOOD])}
    assert (
        accounts(load_settings(environment=variable | {"VERA": "x"}, files=[Path("/dev/null")]).values)[0].role
        == "Viewer"
    )
    with pytest.raises(ValueError, match=r"flowdeck.security.accounts\[0\].role"):
        load_settings(
            environment=variable | {"FLOWDECK_SECURITY_ACCOUNTS": json.dumps([{**GOOD, "role": "x"}])},
            files=[Path("/dev/null")],
        )
