"""What file functions of expressions reach (spec: expressions §8, `read`)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flowdeck.engine.worker_functions import ExpressionFunctions
from flowdeck.expr import ExpressionError
from flowdeck.storage.local import LocalStorage


@pytest.fixture
def functions(tmp_path: Path) -> ExpressionFunctions:
    storage = LocalStorage(tmp_path / "storage").for_tenant("main")
    for path in (
        "/a/b/f/executions/E1/inputs/x/x.txt",
        "/c/g/executions/E2/tasks/t/R1/out.txt",
        "/a/b/_files/own.txt",
        "/c/_files/other.txt",
        "/c/_files/executions/E1/other.txt",
        "/c/_files/f/executions/E1/other.txt",
        "/loose.txt",
    ):
        with storage.open_write(path) as file:
            file.write(path.encode())
    nobody: Any = None
    return ExpressionFunctions(
        tenant="main",
        namespace="a.b",
        execution="E1",
        calls=nobody,
        storage=storage,
        cryptor=None,
        on_secret=lambda _: None,
        loop=asyncio.new_event_loop(),
        refused_addresses=(),
    )


@pytest.mark.parametrize(
    "path", ["/a/b/f/executions/E1/inputs/x/x.txt", "/c/g/executions/E2/tasks/t/R1/out.txt", "/a/b/_files/own.txt"]
)
def test_files_of_executions_and_of_the_own_namespace_are_read(functions: ExpressionFunctions, path: str) -> None:
    assert functions.read(f"kestra://{path}") == path
    assert functions.file_size(f"kestra://{path}") == len(path)


@pytest.mark.parametrize(
    "path",
    [
        "/c/_files/other.txt",
        "/c/_files/executions/E1/other.txt",
        "/c/_files/f/executions/E1/other.txt",
        "//c/./_files/other.txt",
        "/loose.txt",
    ],
)
def test_no_other_stored_file_is_reached_by_its_uri(functions: ExpressionFunctions, path: str) -> None:
    for function in (functions.read, functions.file_size, functions.file_exists, functions.is_file_empty):
        with pytest.raises(ExpressionError, match="neither a file of an execution"):
            function(f"kestra://{path}")
