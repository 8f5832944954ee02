"""Writing what a step changed, and reading open executions back: hand-written SQL, one statement text per kind.

Each update of an execution or task run carries its guard, the version that memory believes in; another number of
touched rows than expected means that somebody else wrote, and ends the process (engine notes §2.2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from flowdeck.model.engine.world import DETAIL, NEW, OUTPUTS, Changes, Live, Run, World
from flowdeck.model.instants import instant
from flowdeck.model.liveness import MAINTENANCE
from flowdeck.model.states import NAMES, State
from flowdeck.store.driver import Reader, Tx

INLINE_OUTPUTS = 64 * 1024
"""Bytes of JSON outputs that a row holds; larger ones are in storage."""


class GuardError(Exception):
    """Rows are not in the state that memory says: the process must end and rebuild from the rows."""


def encode(value: Any) -> str | None:
    """JSON text, None for None."""
    if value is None:
        return None
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, default=str)


def decode(text: str | None) -> Any:
    """The value of JSON text, None for None."""
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)


INSERT_EXECUTION = """insert into execution (seq, id, tenant, namespace, flow_id, flow_key, flow_rev, state, kind,
 created, started, ended, schedule_date, trigger_id, "trigger", parent_id, original_id, attempt_number,
 original_created, parent_execution, parent_task_run, inputs, outputs, variables, labels, error, open_count, task_count,
 breakpoints, version, shard, fixtures)
 values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
UPDATE_EXECUTION = """update execution set state = ?, started = ?, ended = ?, outputs = ?, error = ?, open_count = ?,
 task_count = ?, attempt_number = ?, version = ? where seq = ? and version = ?"""
UPDATE_COUNTS = """update execution set started = ?, error = ?, open_count = ?, task_count = ?, attempt_number = ?,
 version = ? where seq = ? and version = ?"""
"""For an execution whose state stays, as it does in most steps: no column of an index is written."""
UPDATE_LABELS = "update execution set labels = ?, variables = ?, breakpoints = ? where seq = ?"
INSERT_RUN = """insert into task_run (seq, id, execution_seq, ord, task_key, task_id, parent_seq, iteration, value,
 state, fence, attempts, created, started, ended, worker, outputs, outputs_uri, outputs_size, child_execution, detail,
 after_execution, children, version)
 values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
UPDATE_RUN = """update task_run set state = ?, fence = ?, attempts = ?, started = ?, ended = ?, worker = ?, version = ?
 where seq = ? and version = ?"""
UPDATE_RUN_DETAIL = "update task_run set detail = ?, child_execution = ?, children = ? where seq = ?"
UPDATE_RUN_OUTPUTS = "update task_run set outputs = ?, outputs_uri = ?, outputs_size = ? where seq = ?"
INSERT_EVENT = """insert into event (seq, execution_seq, task_run_seq, attempt, state, at, cause)
 values (?, ?, ?, ?, ?, ?, ?)"""
FORGET_EVENTS = "delete from event where execution_seq = ? and task_run_seq = ? and seq >= ? and seq < ?"
PUT_ATTEMPT = """insert into attempt (task_run_seq, no, fence, state, started, ended, worker, exit_info)
 values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (task_run_seq, no) do update set fence = excluded.fence,
 state = excluded.state, ended = excluded.ended, worker = excluded.worker, exit_info = excluded.exit_info"""
PUT_TIMER = """insert into timer (kind, ref, due, payload) values (?, ?, ?, ?)
 on conflict (kind, ref) do update set due = excluded.due, payload = excluded.payload"""
PUT_ROLLUP = """insert into rollup_hour (flow_key, hour, state, tenant, count, duration_ms) values (?, ?, ?, ?, ?, ?)
 on conflict (flow_key, hour, state) do update set count = rollup_hour.count + excluded.count,
 duration_ms = rollup_hour.duration_ms + excluded.duration_ms"""
PUT_BASELINE = """insert into task_baseline (flow_key, task_id, samples) values (?, ?, ?)
 on conflict (flow_key, task_id) do update set samples = excluded.samples"""
INSERT_METRIC = """insert into metric (execution_seq, task_run_seq, flow_key, task_id, name, kind, value, tags, at)
 values (?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def write(tx: Tx, w: World, changes: Changes) -> list[dict[str, Any]]:
    """Write a step's changes in the open transaction; answers the feed's events for after the commit.

    Raises:
        GuardError: a row is not what memory believes; on PostgreSQL by `tx.settle`.
    """
    feed: list[dict[str, Any]] = []
    gone = changes.removed
    if gone:
        ours = [(seq, live.seq) for seq, (live, _, _) in gone.items()]
        tx.send(
            "delete from attempt where task_run_seq in (select seq from task_run where seq = ? and execution_seq = ?)",
            ours,
        )
        tx.send("delete from task_run where seq = ? and execution_seq = ?", ours)
    _write_executions(tx, w, changes, feed)
    _write_runs(tx, changes, feed)
    tx.send(INSERT_EVENT, changes.events)
    if gone or changes.forgotten:
        tx.send(
            FORGET_EVENTS,
            [(live.seq, seq, *events) for x in (gone, changes.forgotten) for seq, (live, *events) in x.items()],
        )
        feed += [
            {"kind": "taskruns removed", "execution": live.id, "tenant": live.tenant}
            for live in {live.seq: live for live, _, _ in gone.values()}.values()
        ]
    if changes.attempts:
        tx.send(
            PUT_ATTEMPT,
            [
                (seq, no, a["fence"], a["state"], a["started"], a["ended"], a["worker"], encode(a["exit_info"]))
                for (seq, no), a in changes.attempts.items()
            ],
        )
    if changes.timers:
        tx.send("delete from timer where kind = ? and ref = ?", [k for k, v in changes.timers.items() if v is None])
        tx.send(PUT_TIMER, [(k, r, v[0], v[1]) for (k, r), v in changes.timers.items() if v is not None])
    if changes.slots:
        tx.send(
            "delete from slot where scope = ? and execution_seq = ?", [k for k, v in changes.slots.items() if not v]
        )
        tx.send(
            "insert into slot (scope, execution_seq) values (?, ?) on conflict do nothing",
            [k for k, v in changes.slots.items() if v],
        )
    if changes.waiting:
        tx.send("delete from waiting where execution_seq = ?", [(k,) for k, v in changes.waiting.items() if v is None])
        tx.send(
            "insert into waiting (scope, execution_seq, queued) values (?, ?, ?)",
            [(v[0], k, v[1]) for k, v in changes.waiting.items() if v is not None],
        )
    if changes.metrics:
        tx.send(INSERT_METRIC, changes.metrics)
    if changes.rollups:
        # In one order everywhere: executors that add to the same rows wait for each other, never in a ring.
        tx.send(PUT_ROLLUP, [(f, h, s, t, n[0], n[1]) for (f, h, s, t), n in sorted(changes.rollups.items())])
    return feed


def _write_executions(tx: Tx, w: World, changes: Changes, feed: list[dict[str, Any]]) -> None:
    new: list[tuple[Any, ...]] = []
    old: list[tuple[Any, ...]] = []
    counted: list[tuple[Any, ...]] = []
    relabelled: list[Live] = []
    for live in changes.executions.values():
        opened, count, outputs = len(live.open), live.task_count, encode(live.outputs)
        if not opened and ("after", live.seq) in w.timers:
            opened = 1  # afterExecution is still to come: who waits for the end must go on waiting
        if live.new:
            new.append(
                (
                    live.seq,
                    live.id,
                    live.tenant,
                    live.namespace,
                    live.flow_id,
                    live.flow_key,
                    live.flow_rev,
                    int(live.state),
                    live.kind,
                    live.created,
                    live.started,
                    live.ended,
                    live.schedule_date,
                    live.trigger_id,
                    encode(live.trigger),
                    live.parent_id,
                    live.original_id,
                    live.attempt_number,
                    live.original_created,
                    live.parent_execution,
                    live.parent_task_run,
                    encode(live.inputs),
                    outputs,
                    encode(live.variables),
                    label_text(live.labels),
                    encode(live.error),
                    opened,
                    count,
                    encode(live.breakpoints or None),
                    live.version,
                    live.shard,
                    encode(live.fixtures or None),
                )
            )
            relabelled.append(live)
        elif live.state is live.stored_state and not live.state.terminal:
            counted.append(
                (
                    live.started,
                    encode(live.error),
                    opened,
                    count,
                    live.attempt_number,
                    live.version,
                    live.seq,
                    live.stored_version,
                )
            )
            if live.labels_changed:
                relabelled.append(live)
        else:
            old.append(
                (
                    int(live.state),
                    live.started,
                    live.ended,
                    outputs,
                    encode(live.error),
                    opened,
                    count,
                    live.attempt_number,
                    live.version,
                    live.seq,
                    live.stored_version,
                )
            )
            if live.labels_changed:
                relabelled.append(live)
        feed.append(execution_event(live))
    tx.send(INSERT_EXECUTION, new)
    stale = GuardError("an execution row has another version than memory")
    tx.send(UPDATE_COUNTS, counted, stale)
    tx.send(UPDATE_EXECUTION, old, stale)
    changed = [live for live in relabelled if not live.new]
    if changed:
        tx.send(
            UPDATE_LABELS,
            [(label_text(x.labels), encode(x.variables), encode(x.breakpoints or None), x.seq) for x in changed],
        )
        tx.send("delete from execution_label where execution_seq = ?", [(x.seq,) for x in changed])
    if relabelled:
        tx.send(
            "insert into execution_label (execution_seq, key, tenant, value) values (?, ?, ?, ?)",
            [(x.seq, k, x.tenant, v) for x in relabelled for k, v in x.labels],
        )
    for live in changes.executions.values():
        live.new = live.dirty = live.labels_changed = False
        live.stored_version = live.version
        live.stored_state = live.state


def _write_runs(tx: Tx, changes: Changes, feed: list[dict[str, Any]]) -> None:
    new: list[tuple[Any, ...]] = []
    old: list[tuple[Any, ...]] = []
    strays: list[tuple[Any, ...]] = []
    detail: list[tuple[Any, ...]] = []
    outputs: list[tuple[Any, ...]] = []
    rows: dict[Live, list[dict[str, Any]]] = {}
    for run in changes.runs.values():
        dirty = run.dirty
        if dirty & NEW:
            new.append(
                (
                    run.seq,
                    run.id,
                    run.execution.seq,
                    run.ord,
                    run.task.key,
                    run.task.id,
                    run.parent.seq if run.parent is not None else 0,
                    run.iteration,
                    run.value,
                    int(run.state),
                    run.fence,
                    run.attempts,
                    run.created,
                    run.started,
                    run.ended,
                    run.worker,
                    _inline(run),
                    run.outputs_uri,
                    run.outputs_size,
                    run.child,
                    encode(run.detail) if run.detail else None,
                    run.after,
                    encode(run.counts),
                    run.version,
                )
            )
        else:
            (strays if run.stray else old).append(
                (
                    int(run.state),
                    run.fence,
                    run.attempts,
                    run.started,
                    run.ended,
                    run.worker,
                    run.version,
                    run.seq,
                    run.stored_version,
                )
            )
            if dirty & DETAIL or run.counts is not None:
                detail.append((encode(run.detail) if run.detail else None, run.child, encode(run.counts), run.seq))
            if dirty & OUTPUTS:
                outputs.append((_inline(run), run.outputs_uri, run.outputs_size, run.seq))
        run.dirty = 0
        run.stored_version = run.version
        rows.setdefault(run.execution, []).append(run_row(run))
        keep = run.execution.plan.keeps_outputs
        if run.state.terminal and run.level is None and keep is not None and run.task.id not in keep:
            run.outputs = None
    tx.send(INSERT_RUN, new)
    tx.send(UPDATE_RUN, old, GuardError("a task run row has another version than memory"))
    tx.send(UPDATE_RUN, strays)  # their execution has gone on without them; it may be deleted meanwhile
    tx.send(UPDATE_RUN_DETAIL, detail)
    tx.send(UPDATE_RUN_OUTPUTS, outputs)
    for live, changed in rows.items():
        feed.append(
            {
                "kind": "taskrun",
                "seq": max(r["version"] for r in changed),
                "execution": live.id,
                "tenant": live.tenant,
                "namespace": live.namespace,
                "rows": changed,
            }
        )


def _inline(run: Run) -> str | None:
    return None if run.outputs_uri else encode(run.outputs)


def label_text(labels: Iterable[tuple[str, str]]) -> str:
    """Labels as their display column holds them."""
    return encode([{"key": k, "value": v} for k, v in labels]) or "[]"


# ── the feed ────────────────────────────────────────────────────────────────────────────────────────────────────


def execution_event(live: Live) -> dict[str, Any]:
    """The feed's event of an execution."""
    row: dict[str, Any] = {
        "id": live.id,
        "state": NAMES[live.state],
        "revision": live.flow_rev,
        "created": instant(live.created),
        "labels": [{"key": k, "value": v} for k, v in live.labels],
    }
    if live.started is not None:
        row["started"] = instant(live.started)
    if live.ended is not None:
        row["ended"] = instant(live.ended)
    event = {
        "kind": "execution",
        "seq": live.version,
        "id": live.id,
        "tenant": live.tenant,
        "namespace": live.namespace,
        "flowId": live.flow_id,
        "state": NAMES[live.state],
        "row": row,
    }
    if live.kind:
        event["executionKind"] = live.kind
    return event


def run_row(run: Run) -> dict[str, Any]:
    """A row of the console's task-run table (extensions §5)."""
    row: dict[str, Any] = {
        "id": run.id,
        "seq": run.seq,
        "taskId": run.task.id,
        "type": run.task.type,
        "state": NAMES[run.state],
        "attempts": run.attempts,
        "created": instant(run.created),
        "ord": run.ord,
        "version": run.version,
    }
    if run.parent is not None:
        row["parent"] = run.parent.id
    if run.value is not None:
        row["value"] = run.value
    if run.detail.get("dynamic"):
        row["dynamic"] = True
    elif run.iteration >= 0:
        row["iteration"] = run.iteration
    if run.started is not None:
        row["started"] = instant(run.started)
        row["waitedMs"] = run.started - run.created
    if run.ended is not None:
        row["ended"] = instant(run.ended)
    if run.worker:
        row["worker"] = run.worker
    if run.child:
        row["childExecution"] = run.child
    if run.level is not None:
        level = run.level
        counts = dict(level.total)
        if level.open:
            counts["RUNNING"] = counts.get("RUNNING", 0) + len(level.open)
        row["children"] = {"total": sum(counts.values()), **counts}
    elif run.counts is not None:
        row["children"] = run.counts
    if "due" in run.detail and run.state in (State.RETRYING, State.PAUSED):
        row["waiting"] = {
            "kind": "retry" if run.state is State.RETRYING else "paused",
            "until": instant(run.detail["due"]),
        }
    return row


# ── reading back ────────────────────────────────────────────────────────────────────────────────────────────────

OPEN = "(e.state < 20 or e.seq in (select ref from timer where kind in ('after', 'recreate')))"
"""Condition of executions that are in memory."""
OPEN_ATTEMPTS = (
    "select a.task_run_seq, a.started from task_run t join attempt a on a.task_run_seq = t.seq and a.no = t.attempts "
    "where t.state < 20 and a.state < 20"
)
EXECUTION_JSON = ("trigger", "inputs", "outputs", "variables", "labels", "error", "breakpoints", "fixtures")
RUN_JSON = ("outputs", "detail", "children")


def execution_row(row: Any) -> dict[str, Any]:
    """A stored execution with its JSON columns decoded."""
    return _decoded(dict(row), EXECUTION_JSON)


def task_run_row(row: Any) -> dict[str, Any]:
    """A stored task run with its JSON columns decoded."""
    return _decoded(dict(row), RUN_JSON)


def _decoded(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    for name in names:
        if row[name] is not None:
            row[name] = decode(row[name])
    return row


def in_maintenance(reader: Reader) -> bool:
    """Whether the instance is in maintenance (F46)."""
    return decode(reader.value("select value from setting where key = ?", MAINTENANCE)) is True


def attempts_of(reader: Reader, execution_seq: int) -> dict[int, dict[int, int]]:
    """States of an execution's attempts: task run → number → state."""
    found: dict[int, dict[int, int]] = {}
    for row in reader.all(
        "select a.task_run_seq, a.no, a.state from attempt a join task_run t on t.seq = a.task_run_seq"
        " where t.execution_seq = ?",
        execution_seq,
    ):
        found.setdefault(row[0], {})[row[1]] = row[2]
    return found


def counters(reader: Reader) -> Mapping[str, int]:
    """The highest numbers given out so far; those of deleted rows are kept in `setting`."""
    kept = decode(reader.value("select value from setting where key = 'engine.numbers'")) or {}
    return {
        "event": max(reader.value("select max(seq) from event") or 0, kept.get("event", 0)),
        "execution": max(reader.value("select max(seq) from execution") or 0, kept.get("execution", 0)),
        "run": max(reader.value("select max(seq) from task_run") or 0, kept.get("run", 0)),
    }
