"""Tasks that the executor carries out itself: flowables, Subflow, Pause and those that change the execution."""

from __future__ import annotations

from flowdeck.model.flowables.branching import If, Switch
from flowdeck.model.flowables.execution import Exit, LabelsTask, SetVariables, UnsetVariables
from flowdeck.model.flowables.items import ForEachItem
from flowdeck.model.flowables.loops import EachParallel, EachSequential, ForEach, LoopUntil
from flowdeck.model.flowables.sequences import AllowFailure, Dag, Parallel, Sequential
from flowdeck.model.flowables.waiting import Pause, Subflow
from flowdeck.model.flowables.working_directory import WorkingDirectory

FLOWABLES = (
    Sequential,
    Parallel,
    Dag,
    AllowFailure,
    If,
    Switch,
    ForEach,
    EachSequential,
    EachParallel,
    LoopUntil,
    Pause,
    Subflow,
    ForEachItem,
    WorkingDirectory,
    LabelsTask,
    SetVariables,
    UnsetVariables,
    Exit,
)

__all__ = ["FLOWABLES"]
