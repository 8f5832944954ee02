"""Two executions side by side (spec: extensions §9)."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import islice
from typing import Any

from flowdeck.services import executions
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.wire import compact, parse_instant


def _compared(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True, default=str)
    if len(text) > 4096:
        return {"size": len(text), "hash": hashlib.sha256(text.encode()).hexdigest()[:16]}
    return value


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        out: dict[str, Any] = {}
        for key, inner in value.items():
            out.update(_flat(f"{prefix}.{key}", inner))
        return out
    return {prefix: value}


async def compare(
    backend: Backend, caller: Caller, a: str, b: str, *, everything: bool, after: str | None
) -> dict[str, Any]:
    """Two executions matched by task, parents and value; secrets masked."""
    documents = [await executions.get(backend, caller, one) for one in (a, b)]
    sides = []
    for document in documents:
        runs = document.get("taskRunList") or []
        by_id = {r["id"]: r for r in runs}
        places: dict[str, Any] = {}
        for run in runs:
            parts, up = [], run
            while up is not None:
                parts.insert(0, up["taskId"] + (f"[{up['value']}]" if "value" in up else ""))
                up = by_id.get(up.get("parentTaskRunId", ""))
            places["/".join(parts)] = run
        sides.append(places)
    order = {path: i for i, path in enumerate(dict.fromkeys([*sides[0], *sides[1]]))}

    def short(run: Any) -> dict[str, Any] | None:
        if run is None:
            return None
        state = run["state"]
        start = parse_instant(state["startDate"])
        end = parse_instant(state["endDate"]) if "endDate" in state else backend.now()
        return {"state": state["current"], "durationMs": end - start}

    rows, first = [], None
    for path in order:
        left, right = short(sides[0].get(path)), short(sides[1].get(path))
        same = left is not None and right is not None and left["state"] == right["state"]
        if not same and first is None:
            first = {
                "path": path,
                "reason": "only in one" if left is None or right is None else f"{left['state']} and {right['state']}",
            }
        if everything or not same:
            delta = right["durationMs"] - left["durationMs"] if left and right else None
            rows.append(compact({"path": path, "a": left, "b": right, "deltaMs": delta}))
    values = []
    for name in ("inputs", "labels", "outputs", "variables"):
        pair = []
        for document in documents:
            content = document.get(name) or {}
            if isinstance(content, list):
                content = {one["key"]: one["value"] for one in content if not one["key"].startswith("system.")}
            pair.append(_flat(name, content) if content else {})
        for path in dict.fromkeys([*pair[0], *pair[1]]):
            one, other = pair[0].get(path), pair[1].get(path)
            if everything or one != other:
                values.append(compact({"path": path, "a": _compared(one), "b": _compared(other), "same": one == other}))
    start = int(after) if after and after.isdigit() else 0
    heads = [
        compact(
            {
                "id": d["id"],
                "namespace": d["namespace"],
                "flowId": d["flowId"],
                "revision": d["flowRevision"],
                "state": d["state"]["current"],
                "started": d["state"].get("startDate"),
                "ended": d["state"].get("endDate"),
                "trigger": (d.get("trigger") or {}).get("id"),
                "error": (d.get("error") or {}).get("message"),
                "errorTask": (d.get("error") or {}).get("taskId"),
            }
        )
        for d in documents
    ]
    return compact(
        {
            "a": heads[0],
            "b": heads[1],
            "first": first,
            "taskRuns": rows[start : start + 200],
            "values": values,
            "after": str(start + 200) if len(rows) > start + 200 else None,
        }
    )


_NOISE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|[0-9a-f]{8,}|\d+")


async def compare_logs(backend: Backend, caller: Caller, a: str, b: str, task: str) -> dict[str, Any]:
    """Lines of one task in two executions; times, ids and numbers are ignored."""
    import difflib

    name = task.rpartition("/")[2].partition("[")[0]
    sides: list[list[dict[str, Any]]] = []
    truncated = False
    for one in (a, b):
        row = await executions.row_of(backend, caller, one)

        def read(seq: int = row["seq"]) -> list[dict[str, Any]]:
            lines = (x for x in backend.logs.stream(seq) if not name or x["task_id"] == name)
            return list(islice(lines, 5001))

        lines = await backend.thread(read)
        truncated |= len(lines) > 5000
        sides.append(lines[:5000])
    from flowdeck.services.logs import LEVELS

    keys = [[_NOISE.sub("#", x["text"]) for x in side] for side in sides]
    matcher = await backend.thread(
        lambda: (
            difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes()
            if len(keys[0]) * len(keys[1]) < 4_000_000
            else difflib.SequenceMatcher(None, keys[0], keys[1]).get_opcodes()
        )
    )
    out: list[dict[str, Any]] = []
    for op, i1, i2, j1, j2 in matcher:
        if op == "equal":
            for x, y in zip(sides[0][i1:i2], sides[1][j1:j2], strict=True):
                out.append(
                    {"op": "same", "level": LEVELS[x["level"]], "text": x["text"], "noA": x["no"], "noB": y["no"]}
                )
        else:
            out += [
                {"op": "a", "level": LEVELS[x["level"]], "text": x["text"], "noA": x["no"]} for x in sides[0][i1:i2]
            ]
            out += [
                {"op": "b", "level": LEVELS[y["level"]], "text": y["text"], "noB": y["no"]} for y in sides[1][j1:j2]
            ]
    return {"lines": out, "truncated": truncated}
