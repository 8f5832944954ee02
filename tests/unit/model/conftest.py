"""A catalog with stand-ins for a few worker plugins."""

from __future__ import annotations

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.shapes import FieldSpec, Shape, TypeSpec


def plugin(name: str, *fields: FieldSpec, kind: str = "task", role: str = "runnable") -> TypeSpec:
    """Declaration of a worker's type."""
    return TypeSpec(f"io.kestra.plugin.core.{name}", kind, role, fields=fields)


LOG = plugin(
    "log.Log",
    FieldSpec("message", "message", Shape("text", dynamic=True), required=True),
    FieldSpec("level", "level", Shape("enum", values=("DEBUG", "INFO", "WARN", "ERROR"), dynamic=True), default="INFO"),
)
RETURN = plugin("debug.Return", FieldSpec("format", "format", Shape("text", dynamic=True)))
FAIL = plugin("execution.Fail", FieldSpec("condition", "condition", Shape("text", dynamic=True)))
SCRIPT = plugin(
    "scripts.Shell",
    FieldSpec("commands", "commands", Shape("list", of=Shape("text"), dynamic=True), required=True),
    FieldSpec("env", "env", Shape("map", of=Shape("text"), dynamic=True)),
    FieldSpec("taskRunner", "task_runner", Shape("plugin", kind="runner")),
    FieldSpec("interval", "interval", Shape("duration", dynamic=True)),
)
PROCESS = plugin("runner.Process", FieldSpec("grace", "grace", Shape("text")), kind="runner", role="")


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The model's types and the stand-ins."""
    return Catalog([LOG, RETURN, FAIL, SCRIPT, PROCESS])
