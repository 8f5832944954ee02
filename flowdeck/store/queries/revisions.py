"""Reads of the revisions of a flow and of what ran from them (UI-FP-20, UI-FP-22)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck.model.states import State

COUNTED_RUNS = 10_000
"""Newest executions of a flow that are counted by revision."""
_GOOD = (State.SUCCESS, State.WARNING)


def heads(reader: Any, flow_key: int, limit: int) -> list[Any]:
    """The newest revisions without their documents, newest first."""
    return reader.all(
        "select revision, source, deleted, disabled, exception, author, message, created from flow_revision"
        " where flow_key = :key order by revision desc limit :limit",
        key=flow_key,
        limit=limit,
    )


def runs(reader: Any, tenant: str, namespace: str, flow_id: str) -> dict[int, tuple[int, int, int]]:
    """Revision → executions, ended ones, good ones, among the newest executions of a flow."""
    rows: Sequence[Any] = reader.all(
        "select flow_rev, state, count(*) as n from (select flow_rev, state from execution where tenant = :tenant"
        " and namespace = :namespace and flow_id = :flow and kind is null order by created desc limit :limit) as newest"
        " group by flow_rev, state",
        tenant=tenant,
        namespace=namespace,
        flow=flow_id,
        limit=COUNTED_RUNS,
    )
    found: dict[int, tuple[int, int, int]] = {}
    for row in rows:
        state, n = State(row["state"]), int(row["n"])
        total, ended, good = found.get(row["flow_rev"], (0, 0, 0))
        ends = n if state.terminal else 0
        found[row["flow_rev"]] = (total + n, ended + ends, good + (n if state in _GOOD else 0))
    return found
