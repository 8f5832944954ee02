"""Rows of namespaces on both databases (spec: workflow components §1.6, §13, §20), marks of invalid flows (§1.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowdeck.commands.registry import carry_out, load_commands, result_or_raise
from flowdeck.model.errors import InvalidEntity, NotFound
from flowdeck.store.driver import Database
from flowdeck.store.queries import namespaces

Run = Callable[..., Any]
RETURN = "io.kestra.plugin.core.debug.Return"
LOG = "io.kestra.plugin.core.log.Log"


@pytest.fixture
def run(database: Database) -> Iterator[Run]:
    load_commands()
    writer = database.writer()

    def go(name: str, /, events: list[Any] | None = None, **args: Any) -> Any:
        with writer.transaction(1_790_000_000_000) as tx:
            answer = carry_out(tx, name, {"tenant": "main", **args}, principal="ann")
            if events is not None:
                events += tx.events
        return result_or_raise(answer)

    yield go
    writer.close()


def chain(database: Database, namespace: str) -> list[Any]:
    with database.reader() as reader:
        return namespaces.chain(reader, "main", namespace)


def test_a_row_is_written_changed_in_part_and_deleted(run: Run, database: Database) -> None:
    """What is not sent stays, None empties."""
    events: list[Any] = []
    assert run("namespace.put", events, id="a.b", description="d", variables={"x": {"é": 1}})["created"] is True
    assert run("namespace.put", events, id="a.b", plugin_defaults=[{"type": RETURN, "values": {"format": "x"}}]) == {
        "id": "a.b",
        "created": False,
    }
    row = chain(database, "a.b")[0]
    assert row["description"] == "d" and namespaces.variables_of([row]) == {"x": {"é": 1}}
    run("namespace.put", events, id="a.b", description=None, variables=None)
    row = chain(database, "a.b")[0]
    assert row["description"] is None and namespaces.variables_of([row]) == {}
    run("namespace.delete", events, id="a.b")
    assert chain(database, "a.b") == []
    with pytest.raises(NotFound):
        run("namespace.delete", id="a.b")
    assert [(e["topic"], e["change"], e["id"]) for e in events] == [
        ("namespaces", "created", "a.b"),
        ("namespaces", "changed", "a.b"),
        ("namespaces", "changed", "a.b"),
        ("namespaces", "deleted", "a.b"),
    ]


def test_the_chain_is_closest_first_and_of_one_tenant(run: Run, database: Database) -> None:
    """§1.6, §13: a namespace and its parents; no neighbours, no other tenant."""
    for name in ("a", "a.b", "a.b.c", "a.bc", "b"):
        run("namespace.put", id=name, variables={"from": name, "deep": {name: 1}})
    run("namespace.put", tenant="other", id="a.b.c", variables={"from": "other"})
    found = chain(database, "a.b.c.d")
    assert [row["id"] for row in found] == ["a.b.c", "a.b", "a"]
    assert namespaces.variables_of(found) == {"from": "a.b.c", "deep": {"a": 1, "a.b": 1, "a.b.c": 1}}


def test_defaults_bear_the_distance_of_their_source(run: Run, database: Database) -> None:
    """§13: own, parents, instance."""
    for name in ("a", "a.b"):
        run("namespace.put", id=name, plugin_defaults=[{"type": RETURN, "values": {"format": name}}])
    found = namespaces.defaults_of(chain(database, "a.b"), [{"type": "x", "values": {"y": 1}}])
    assert [(e["level"], e["values"]) for e in found] == [
        (1, {"format": "a.b"}),
        (2, {"format": "a"}),
        (namespaces.INSTANCE_LEVEL, {"y": 1}),
    ]


@pytest.mark.parametrize(
    "wrong", [{"variables": [1]}, {"plugin_defaults": {}}, {"plugin_defaults": [{"type": RETURN}]}]
)
def test_wrong_members_are_refused(run: Run, database: Database, wrong: dict[str, Any]) -> None:
    """§2.5."""
    with pytest.raises(InvalidEntity):
        run("namespace.put", id="a", **wrong)
    assert chain(database, "a") == []


def test_a_flow_may_rely_on_its_namespace(run: Run) -> None:
    """§2.1: what the defaults of a namespace supply is not missing when the flow is saved."""
    source = f"id: f\nnamespace: a.b\ntasks: [{{id: t, type: {LOG}}}]\n"
    with pytest.raises(InvalidEntity):
        run("flow.save", source=source)
    run("namespace.put", id="a", plugin_defaults=[{"type": LOG, "values": {"message": "x"}}])
    assert run("flow.save", source=source)["revision"] == 1


def test_a_mark_is_set_and_taken_away(run: Run, database: Database) -> None:
    """§1.2: on the newest revision alone."""
    source = f"id: f\nnamespace: a.b\ntasks: [{{id: t, type: {LOG}, message: x}}]\n"
    key = run("flow.save", source=source)["flow_key"]

    def exceptions() -> list[Any]:
        with database.reader() as reader:
            return [r[0] for r in reader.all("select exception from flow_revision order by revision")]

    assert run("flow.mark", flow_key=key, revision=1, exception="gone") is True and exceptions() == ["gone"]
    run("flow.save", source=source + "description: new\n")
    assert exceptions() == ["gone", None]
    assert run("flow.mark", flow_key=key, revision=1, exception=None) is False and exceptions() == ["gone", None]
