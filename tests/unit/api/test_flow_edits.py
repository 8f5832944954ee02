"""A task replaced in a source: everything around it stays, byte for byte (spec: REST contract §7)."""

from __future__ import annotations

import textwrap

import yaml

from flowdeck.services.flow_edits import with_task

SOURCE = textwrap.dedent(
    """\
    # head
    id: f
    namespace: a.b
    inputs:
      - {id: one, type: x.STRING}   # not a task
    tasks:
      - id: one    # kept? no: it belongs to the task
        type: a.One
        text: |
          several
          lines

      # between
      - id: each
        type: a.Each
        tasks:
          - {id: inner, type: a.Inner, list: [1, 2]} # behind
          - id: "last"
            type: a.Last
    # foot
    labels: {a: b}
    """
)


def test_text_around_the_task_stays() -> None:
    """§7: comments, order and quoting elsewhere are kept."""
    found = with_task(SOURCE, "one", {"id": "one", "type": "a.Two", "map": {"k": [1, 2]}})
    assert found is not None
    head, _, tail = SOURCE.partition("id: one    #")
    assert found.startswith(head)
    assert found.endswith(tail.partition("lines\n")[2])
    assert yaml.safe_load(found)["tasks"][0] == {"id": "one", "type": "a.Two", "map": {"k": [1, 2]}}


def test_nested_and_inline_tasks() -> None:
    """§7: any task, nested ones included; within brackets too."""
    for name in ("inner", "last"):
        new = {"id": name, "type": "b.New", "text": "a\nb: {c}"}
        found = with_task(SOURCE, name, new)
        assert found is not None and "# behind" in found and "# foot" in found
        assert new in yaml.safe_load(found)["tasks"][1]["tasks"]
        assert len(yaml.safe_load(found)["tasks"][1]["tasks"]) == 2


def test_what_is_no_task_is_not_found() -> None:
    """§7: unknown ids, and inputs of the same name."""
    assert with_task(SOURCE, "other", {"id": "other", "type": "a.B"}) is None
    assert with_task("id: f\ninputs: [{id: x, type: a.B}]\n", "x", {"id": "x", "type": "a.B"}) is None
    assert with_task("", "x", {}) is None
