"""Laws of saving flows and of trigger states, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flowdeck.commands.flows import with_disabled
from flowdeck.commands.registry import carry_out, load_commands, result_or_raise
from flowdeck.model.errors import Conflict, IllegalArgument, IllegalState, InvalidEntity, NotFound
from flowdeck.store.driver import Database

Run = Callable[..., Any]
NOON = 1_790_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000
HOUR = 3_600_000

FLOW = """\
id: hello
namespace: a.b
labels: {team: data}
tasks:
  - id: pause  # a comment
    type: io.kestra.plugin.core.flow.Pause
"""
TRIGGERS = """\
triggers:
  - id: hourly
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 * * * *"
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: abcdefgh
"""


@pytest.fixture
def run(database: Database) -> Iterator[Run]:
    load_commands()
    writer = database.writer()

    def go(name: str, /, *, at: int = NOON, events: list[Any] | None = None, **args: Any) -> Any:
        with writer.transaction(at) as tx:
            answer = carry_out(tx, name, {"tenant": "main", **args}, principal="ann")
            if events is not None:
                events += tx.events
        return result_or_raise(answer)

    yield go
    writer.close()


def rows(database: Database, text: str, **named: Any) -> list[dict[str, Any]]:
    with database.reader() as reader:
        return [dict(row) for row in reader.all(text, **named)]


def state(database: Database) -> dict[str, Any]:
    return rows(database, "select * from trigger_state where trigger_id = 'hourly'")[0]


def test_a_changed_source_is_a_new_revision_and_the_same_is_not(run: Run, database: Database) -> None:
    assert run("flow.save", source=FLOW)["revision"] == 1
    assert run("flow.save", source=f"revision: 7\n{FLOW}") == {
        "namespace": "a.b",
        "id": "hello",
        "revision": 1,
        "flow_key": 1,
        "changed": False,
    }
    assert run("flow.save", source=FLOW.replace("data", "ops"))["revision"] == 2
    stored = rows(database, "select source, author, document from flow_revision where revision = 1")[0]
    assert (stored["source"], stored["author"]) == (FLOW, "ann")
    assert json.loads(stored["document"])["id"] == "hello"
    assert rows(database, "select key, value from flow_label") == [{"key": "team", "value": "ops"}]
    summary = json.loads(rows(database, "select summary from flow")[0]["summary"])
    assert summary["tasks"] == [{"id": "pause", "type": "io.kestra.plugin.core.flow.Pause"}]


def test_what_is_expected_must_be_so(run: Run) -> None:
    with pytest.raises(NotFound):
        run("flow.save", source=FLOW, expect="update")
    run("flow.save", source=FLOW, expect="create")
    with pytest.raises(InvalidEntity, match="Flow id already exists"):
        run("flow.save", source=FLOW, expect="create")
    with pytest.raises(InvalidEntity, match="Illegal flow id update"):
        run("flow.save", source=FLOW, id="other", namespace="a.b")
    with pytest.raises(InvalidEntity, match="Illegal namespace update"):
        run("flow.save", source=FLOW, id="hello", namespace="z")
    with pytest.raises(Conflict) as caught:
        run("flow.save", source=FLOW + "# x\n", base_revision=3)
    assert caught.value.detail == {"revision": 1}
    assert run("flow.save", source=FLOW + "# x\n", base_revision=1)["revision"] == 2


def test_an_invalid_source_is_refused_and_nothing_written(run: Run, database: Database) -> None:
    with pytest.raises(InvalidEntity) as caught:
        run("flow.save", source=FLOW + "nonsense: 1\n")
    assert caught.value.detail["violations"][0]["line"] == 7
    assert rows(database, "select * from flow") == []


def test_numbering_goes_on_after_deletion(run: Run, database: Database) -> None:
    events: list[Any] = []
    run("flow.save", source=FLOW + TRIGGERS, events=events)
    assert run("flow.delete", namespace="a.b", id="hello", events=events) == 2
    assert rows(database, "select * from trigger_state") == []
    assert rows(database, "select * from flow_label") == []
    with pytest.raises(NotFound):
        run("flow.delete", namespace="a.b", id="hello")
    assert run("flow.save", source=FLOW, expect="create", events=events)["revision"] == 3
    assert [
        (r["revision"], bool(r["deleted"]))
        for r in rows(database, "select revision, deleted from flow_revision order by revision")
    ] == [(1, False), (2, True), (3, False)]
    told = [(e["topic"], e["change"]) for e in events]
    assert ("flow:a.b/hello", "created") in told
    assert ("flow:a.b/hello", "deleted") in told
    assert ("triggers:a.b/hello", "created") in told


def test_switching_a_flow_off_rewrites_its_source(run: Run, database: Database) -> None:
    run("flow.save", source=FLOW + TRIGGERS)
    assert run("flow.set_disabled", namespace="a.b", id="hello", disabled=True) is True
    assert run("flow.set_disabled", namespace="a.b", id="hello", disabled=True) is False
    newest = rows(database, "select source from flow_revision where revision = 2")[0]["source"]
    assert newest == FLOW + TRIGGERS + "disabled: true\n"
    assert state(database)["next_due"] is None
    run("flow.set_disabled", namespace="a.b", id="hello", disabled=False, at=NOON + 5)
    assert rows(database, "select revision, disabled from flow")[0]["revision"] == 3
    assert state(database)["next_due"] == NOON + HOUR


def test_the_disabled_line_is_replaced_where_it_stands() -> None:
    assert with_disabled("id: x\ndisabled: false # why\ntasks: []\n", True) == "id: x\ndisabled: true\ntasks: []\n"
    assert (
        with_disabled("id: x\ntasks:\n  - disabled: false", True)
        == "id: x\ntasks:\n  - disabled: false\ndisabled: true\n"
    )


def test_old_revisions_can_go_but_not_the_newest(run: Run, database: Database) -> None:
    run("flow.save", source=FLOW)
    run("flow.save", source=FLOW + "# 2\n")
    with pytest.raises(IllegalArgument):
        run("flow.delete_revisions", namespace="a.b", id="hello", revisions=[2])
    assert run("flow.delete_revisions", namespace="a.b", id="hello", revisions=[1, 9]) == 1


def test_only_triggers_that_are_evaluated_have_a_state(run: Run, database: Database) -> None:
    run("flow.save", source=FLOW + TRIGGERS)
    found = rows(database, "select * from trigger_state")
    assert [(row["trigger_id"], row["kind"], row["next_due"]) for row in found] == [("hourly", "schedule", NOON + HOUR)]
    run("flow.save", source=FLOW)
    assert rows(database, "select * from trigger_state") == []


def test_a_changed_definition_recomputes_and_stays_disabled(run: Run, database: Database) -> None:
    run("flow.save", source=FLOW + TRIGGERS)
    which = {"namespace": "a.b", "flow_id": "hello", "trigger_id": "hourly"}
    assert run("trigger.set_disabled", **which, disabled=True) is True
    assert run("trigger.set_disabled", **which, disabled=True) is False
    run("flow.save", source=FLOW + TRIGGERS.replace("0 * * * *", "30 * * * *"))
    assert (bool(state(database)["disabled"]), state(database)["next_due"]) == (True, None)
    run("trigger.set_disabled", **which, disabled=False)
    assert state(database)["next_due"] == NOON + HOUR // 2
    run(
        "flow.save",
        source=FLOW + TRIGGERS.replace("0 * * * *", "30 * * * *") + "# only a comment\n",
        at=NOON + 3 * HOUR,
    )
    assert state(database)["next_due"] == NOON + HOUR // 2, "an unchanged trigger keeps its date"


def test_locks_are_released_by_hand(run: Run, database: Database) -> None:
    run("flow.save", source=FLOW + TRIGGERS)
    which = {"namespace": "a.b", "flow_id": "hello", "trigger_id": "hourly"}
    with pytest.raises(IllegalState, match="not locked"):
        run("trigger.unlock", **which)
    writer = database.writer()
    with writer.transaction() as tx:
        tx.sql("update trigger_state set execution_id = 'E', evaluating_since = 5")
    writer.close()
    run("trigger.unlock", **which)
    assert (state(database)["execution_id"], state(database)["fence"]) == (None, 1)
    with pytest.raises(NotFound, match="Flow hello has no trigger x"):
        run("trigger.unlock", **{**which, "trigger_id": "x"})
    with pytest.raises(NotFound, match="Flow of trigger hourly not found"):
        run("trigger.unlock", **{**which, "flow_id": "x"})
    run("trigger.restart", **which, at=NOON + 2 * HOUR)
    assert state(database)["next_due"] == NOON + 3 * HOUR
    run("trigger.delete", **which, at=NOON + 4 * HOUR)
    assert state(database)["next_due"] == NOON + 5 * HOUR


def test_a_backfill_begins_pauses_and_restores(run: Run, database: Database) -> None:
    run("flow.save", source=FLOW + TRIGGERS)
    which = {"namespace": "a.b", "flow_id": "hello", "trigger_id": "hourly"}
    with pytest.raises(IllegalState, match="No backfill found"):
        run("trigger.backfill_pause", **which)
    run("trigger.backfill_create", **which, start=NOON - 5 * HOUR, end=NOON - HOUR, inputs={"x": 1})
    assert state(database)["next_due"] == NOON - 5 * HOUR
    run("trigger.backfill_pause", **which)
    assert (state(database)["next_due"], json.loads(state(database)["backfill"])["paused"]) == (None, True)
    run("trigger.backfill_continue", **which)
    assert state(database)["next_due"] == NOON - 5 * HOUR
    run("trigger.backfill_create", **which, start=NOON - 3 * HOUR + 1, end=NOON)
    assert state(database)["next_due"] == NOON - 2 * HOUR
    run("trigger.backfill_delete", **which)
    assert (state(database)["next_due"], state(database)["backfill"]) == (NOON + HOUR, None)
    with pytest.raises(IllegalArgument, match="before"):
        run("trigger.backfill_create", **which, start=NOON, end=NOON - 1)
    with pytest.raises(IllegalArgument, match="no date"):
        run("trigger.backfill_create", **which, start=NOON + 1, end=NOON + 2)
