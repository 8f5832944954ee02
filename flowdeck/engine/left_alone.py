"""Executions that the executor leaves as they are: flags `--ignore-*` and `--skip-*` (operations notes F45).

Their rows stay, nothing of theirs is loaded, started, or applied; new ones stay CREATED. Without the flags they go on
from where they were, as after a restart.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from flowdeck.model.engine import Live, World

VARIABLE = "FLOWDECK_INTERNAL_IGNORE"
"""Set by the command for its children: kinds with names, as JSON."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """What is left alone; parts of names are joined by `|`: tenant, namespace, flow."""

    executions: Collection[str] = ()
    flows: Collection[str] = ()
    namespaces: Collection[str] = ()
    tenants: Collection[str] = ()

    def __call__(self, live: Live) -> bool:
        """Whether an execution is one of them; a namespace means the ones below it too."""
        if live.id in self.executions or live.tenant in self.tenants:
            return True
        if f"{live.tenant}|{live.namespace}|{live.flow_id}" in self.flows:
            return True
        place = f"{live.tenant}|{live.namespace}"
        return any(place == one or place.startswith(f"{one}.") for one in self.namespaces)


@lru_cache(maxsize=1)
def left_alone() -> LeftAlone | None:
    """What the flags of this process name; None for nothing."""
    text = os.environ.get(VARIABLE)
    return LeftAlone(**{kind: frozenset(names) for kind, names in json.loads(text).items()}) if text else None


def drop(world: World) -> None:
    """Take what is left alone out of a world that was just read; its rows stay, its place under a limit too."""
    if world.ignored is None:
        return
    gone = [live for live in world.executions.values() if world.ignored(live)]
    numbers = {live.seq for live in gone} | {run.seq for live in gone for run in live.open.values()}
    numbers |= {seq for seq, run in world.strays.items() if world.ignored(run.execution)}
    for live in gone:
        world.evict(live)
    for key in [key for key in world.timers if key[1] in numbers]:
        del world.timers[key]
    for seq in numbers & world.strays.keys():
        del world.strays[seq]
    for scope in list(world.waiting):
        for seq in numbers & world.waiting[scope].keys():
            del world.waiting[scope][seq]
        if not world.waiting[scope]:
            del world.waiting[scope]
