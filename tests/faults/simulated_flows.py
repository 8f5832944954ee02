"""Random flows for the simulation: every flowable, nested, with branches, retries and limits."""

from __future__ import annotations

import random
from typing import Any

CORE = "io.kestra.plugin.core.flow."
EXECUTION = "io.kestra.plugin.core.execution."

CHILD: dict[str, Any] = {
    "id": "child",
    "namespace": "a.b",
    "tasks": [
        {"id": "c1", "type": "test.Work"},
        {"id": "c2", "type": "test.Work", "retry": {"type": "constant", "interval": "PT1S", "maxAttempts": 2}},
    ],
    "errors": [{"id": "c3", "type": "test.Work"}],
}
LIMITED: dict[str, Any] = {
    "id": "limited",
    "namespace": "a.b",
    "concurrency": {"limit": 1},
    "tasks": [{"id": "l1", "type": "test.Work"}, {"id": "l2", "type": CORE + "Pause", "pauseDuration": "PT3S"}],
    "afterExecution": [{"id": "l3", "type": "test.Work"}],
}

KINDS = (
    ["work"] * 4
    + ["seq", "par", "par", "dag", "if", "switch", "each", "each", "eachseq", "eachpar", "allow", "until"]
    + ["pause", "sub", "exit", "labels", "directory", "directory", "items", "items"]
)


class Names:
    """Ids of tasks: t1, t2, …"""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> str:
        """The next one."""
        self.count += 1
        return f"t{self.count}"


def make_flow(rand: random.Random) -> dict[str, Any]:
    """A flow `a.b.f`."""
    names = Names()
    flow: dict[str, Any] = {"id": "f", "namespace": "a.b", "tasks": tasks(rand, names, 3)}
    for part, chance in (("errors", 0.4), ("finally", 0.3), ("afterExecution", 0.3)):
        if rand.random() < chance:
            flow[part] = tasks(rand, names, 1, 2)
    if rand.random() < 0.15:
        flow["listeners"] = [{"tasks": tasks(rand, names, 0, 2)}]
    if rand.random() < 0.3:
        behavior = rand.choice(["QUEUE", "QUEUE", "CANCEL", "FAIL"])
        flow["concurrency"] = {"limit": rand.randint(1, 2), "behavior": behavior}
    if rand.random() < 0.2:
        flow["retry"] = {
            **retry(rand),
            "maxAttempts": 2,
            "behavior": rand.choice(["RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"]),
        }
    if rand.random() < 0.2:
        flow["outputs"] = [
            {"id": "o", "type": "STRING", "value": "{{ outputs.t1.token ?? 'none' }}", "required": False}
        ]
    return flow


def tasks(rand: random.Random, names: Names, depth: int, most: int = 3) -> list[dict[str, Any]]:
    """A list of tasks."""
    return [task(rand, names, depth) for _ in range(rand.randint(1, most))]


def retry(rand: random.Random) -> dict[str, Any]:
    """A policy."""
    policy: dict[str, Any] = rand.choice(
        [
            {"type": "constant", "interval": "PT1S"},
            {"type": "exponential", "interval": "PT1S", "maxInterval": "PT4S"},
            {"type": "random", "minInterval": "PT1S", "maxInterval": "PT3S"},
        ]
    )
    more = {"maxAttempts": rand.randint(1, 3)}
    if rand.random() < 0.2:
        more["warningOnRetry"] = True
    if rand.random() < 0.2:
        policy = {**policy, "maxDuration": "PT10S"}
    return {**policy, **more}


def task(rand: random.Random, names: Names, depth: int) -> dict[str, Any]:
    """A task of any kind, with at most `depth` levels below."""
    kind = rand.choice(KINDS) if depth else "work"
    out: dict[str, Any] = {"id": names.next()}
    if rand.random() < 0.1:
        out["allowFailure"] = True
    if rand.random() < 0.1:
        out["allowWarning"] = True
    if rand.random() < 0.08:
        out["disabled"] = True
    if rand.random() < 0.1:
        out["runIf"] = rand.choice(["{{ 1 == 1 }}", "{{ false }}", "{{ nope.x }}", "{{ kv('a') }}"])
    match kind:
        case "work":
            out["type"] = "test.Work"
            if rand.random() < 0.2:
                out["retry"] = retry(rand)
            if rand.random() < 0.1:
                out["timeout"] = "PT2S"
            return out
        case "pause":
            return out | pause(rand, names)
        case "exit":
            state = rand.choice(["SUCCESS", "WARNING", "FAILED", "CANCELED", "KILLED"])
            return out | {
                "type": EXECUTION + "Exit",
                "state": state,
                "runIf": rand.choice(["{{ true }}", "{{ false }}"]),
            }
        case "directory":
            if rand.random() < 0.3:
                out["errors"] = tasks(rand, names, 0, 2)
            if rand.random() < 0.3:
                out["retry"] = retry(rand)
            return out | {"type": CORE + "WorkingDirectory", "tasks": tasks(rand, names, 0)}
        case "labels":
            value = rand.choice(["x", "{{ kv('a') }}"])
            return out | {"type": EXECUTION + "Labels", "labels": {"a": value}}
        case "sub":
            return out | {
                "type": CORE + "Subflow",
                "namespace": "a.b",
                "flowId": rand.choice(["child", "child", "limited", "nowhere"]),
                "wait": rand.random() < 0.8,
                "transmitFailed": rand.random() < 0.7,
                "restartBehavior": rand.choice(["RETRY_FAILED", "NEW_EXECUTION"]),
            }
        case "items":
            if rand.random() < 0.3:
                out["errors"] = tasks(rand, names, 0, 2)
            return out | {
                "type": CORE + "ForEachItem",
                "items": "kestra:///x",
                "namespace": "a.b",
                "flowId": rand.choice(["child", "child", "limited", "nowhere"]),
                "labels": rand.choice([{}, {"n": "{{ taskrun.iteration }}"}, {"n": "{{ kv('a') }}"}]),
                "wait": rand.random() < 0.8,
                "transmitFailed": rand.random() < 0.7,
                "restartBehavior": rand.choice(["RETRY_FAILED", "NEW_EXECUTION"]),
            }
    if rand.random() < 0.3:
        out["errors"] = tasks(rand, names, depth - 1, 2)
    if rand.random() < 0.2:
        out["finally"] = tasks(rand, names, depth - 1, 2)
    if rand.random() < 0.1:
        out["retry"] = retry(rand)
    inner = tasks(rand, names, depth - 1)
    values = list("uvw")[: rand.randint(0, 3)]
    match kind:
        case "if":
            return out | {
                "type": CORE + "If",
                "condition": rand.choice(["true", "{{ false }}", "{{ kv('a') }}"]),
                "then": inner,
            }
        case "switch":
            return out | {"type": CORE + "Switch", "value": rand.choice(["one", "other"]), "cases": {"one": inner}}
        case "each":
            limit = rand.randint(0, 2)
            return out | {"type": CORE + "ForEach", "values": values, "concurrencyLimit": limit, "tasks": inner}
        case "eachseq":
            return out | {"type": CORE + "EachSequential", "value": values, "tasks": inner}
        case "eachpar":
            return out | {
                "type": CORE + "EachParallel",
                "value": values,
                "concurrent": rand.randint(0, 2),
                "tasks": inner,
            }
        case "until":
            condition = rand.choice(
                ["{{ outputs.ID.iterationCount >= 2 }}".replace("ID", out["id"]), "false", "{{ kv('a') }}"]
            )
            return out | {
                "type": CORE + "LoopUntil",
                "condition": condition,
                "failOnMaxReached": rand.random() < 0.4,
                "checkFrequency": {"interval": rand.choice(["PT0S", "PT1S", "PT2S"]), "maxIterations": 3},
                "tasks": inner,
            }
        case "dag":
            entries: list[dict[str, Any]] = []
            for number, one in enumerate(inner):
                wanted = [x["id"] for x in inner[:number] if rand.random() < 0.5]
                entries.append({"task": one, "dependsOn": wanted})
            rand.shuffle(entries)
            return out | {"type": CORE + "Dag", "concurrent": rand.randint(0, 2), "tasks": entries}
        case "par":
            return out | {"type": CORE + "Parallel", "concurrent": rand.randint(0, 2), "tasks": inner}
        case _:
            return out | {"type": CORE + ("Sequential" if kind == "seq" else "AllowFailure"), "tasks": inner}


def pause(rand: random.Random, names: Names) -> dict[str, Any]:
    """A Pause of any kind."""
    out: dict[str, Any] = {"type": CORE + "Pause"}
    match rand.randint(0, 2):
        case 0:
            out |= {"pauseDuration": "PT2S", "behavior": rand.choice(["RESUME", "WARN", "FAIL", "CANCEL"])}
        case 1:
            out["timeout"] = "PT2S"
    if rand.random() < 0.3:
        out["onPause"] = {"id": names.next(), "type": "test.Work"}
    if rand.random() < 0.2:
        out["tasks"] = [{"id": names.next(), "type": "test.Work"}]
    return out
