"""The table of security checks names tests that exist; rules that are properties of the code itself (quality §3.2)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "security-checks.md"
WANTED = {*(1, 2, 5), *range(8, 18), *range(19, 24), *range(25, 38), 40}
SECRET = re.compile(r"^_?(password|token|secret|signature|hmac|digest|api_key|webhook_key|key_of_webhook)$")


def rows() -> Iterator[tuple[int, str]]:
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| (\d+) \|", line):
            yield int(match[1]), line


def trees() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted((ROOT / "flowdeck").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_every_check_has_a_row() -> None:
    assert {number for number, _ in rows()} >= WANTED


def test_every_named_test_exists() -> None:
    missing = []
    for number, line in rows():
        for name, test in re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", line):
            path = ROOT / name
            if not path.is_file() or f"def {test}(" not in path.read_text(encoding="utf-8"):
                missing.append(f"{number}: {name}::{test}")
    assert not missing, "\n".join(missing)


def _named(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def test_secrets_are_compared_in_constant_time() -> None:
    """Check 19: no `==` with a password, token, secret or digest on either side."""
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                sides = [node.left, *node.comparators]
                empty = any(isinstance(side, ast.Constant) and side.value in ("", None) for side in sides)
                if not empty and any(SECRET.match(_named(side)) for side in sides):
                    found.append(f"{name}:{node.lineno}")
    assert not found, found


def test_no_shell_but_that_of_scripts() -> None:
    """Check 28: no command line is put together; scripts name their shell as the first argument."""
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = _named(node.func)
            module = _named(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            by_shell = any(
                one.arg == "shell" and not (isinstance(one.value, ast.Constant) and one.value.value is False)
                for one in node.keywords
                if module in ("subprocess", "asyncio")
            )
            if (
                by_shell
                or called in ("create_subprocess_shell", "getoutput", "popen")
                or (module, called) == ("os", "system")
            ):
                found.append(f"{name}:{node.lineno}")
            if called in ("eval", "exec") and isinstance(node.func, ast.Name):
                found.append(f"{name}:{node.lineno}")
            if (module, called) in (
                ("pickle", "loads"),
                ("pickle", "load"),
                ("marshal", "loads"),
                ("yaml", "unsafe_load"),
            ):
                found.append(f"{name}:{node.lineno}")
    assert not found, found
