"""What a Dag's dependencies may not be (spec: workflow components §2.5)."""

from __future__ import annotations

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.source import parse_flow

LOG = "type: io.kestra.plugin.core.log.Log, message: x"


def messages(catalog: Catalog, *tasks: str) -> list[str]:
    lines = "\n".join(
        f"      - {{task: {{id: {t.split(':')[0]}, {LOG}}}, dependsOn: [{t.split(':')[1]}]}}" for t in tasks
    )
    source = f"id: f\nnamespace: a.b\ntasks:\n  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:{' []' if not tasks else ''}\n{lines}"
    return [f.message for f in parse_flow(source, catalog).findings if f.is_error]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (("a:", "b:a", "c:a,b"), []),
        ((), ["No task defined"]),
        (("a:", "b:x,y"), ["Not existing task id in dependency: x, y"]),
        (("a:b", "b:a", "c:a"), ["Cyclic dependency detected: a, b"]),
        (("a:a",), ["Cyclic dependency detected: a"]),
        (("a:c", "b:a", "c:b", "d:e", "e:d", "f:a"), ["Cyclic dependency detected: a, b, c, d, e"]),
        (("a:a,x",), ["Not existing task id in dependency: x", "Cyclic dependency detected: a"]),
    ],
)
def test_dependencies(catalog: Catalog, tasks: tuple[str, ...], expected: list[str]) -> None:
    assert messages(catalog, *tasks) == expected


def test_a_long_chain_is_no_problem(catalog: Catalog) -> None:
    """No recursion: 3,000 tasks in a row."""
    assert messages(catalog, "t0:", *(f"t{i}:t{i - 1}" for i in range(1, 3_000))) == []
