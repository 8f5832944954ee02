"""Rendering inside the step: without I/O, with a budget; everything else becomes a job for a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowdeck import expr
from flowdeck.model import context as contexts
from flowdeck.model.engine.plan import Needs
from flowdeck.model.engine.stages import STAGES
from flowdeck.model.engine.world import RENDER_SECONDS, STATE, Evaluation, Live, Run, World
from flowdeck.model.expression_check import has_expression
from flowdeck.model.masking import Secrecy


def is_true(value: Any) -> bool:
    """The truth of a rendered value (§0 of the spec); native booleans and numbers count as their text."""
    if value is None or isinstance(value, bool):
        return bool(value)
    return expr.truthy(value if isinstance(value, str) else str(value))


def as_text(value: Any) -> str:
    """A rendered value as text: strings as they are, all else as JSON."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def evaluate(w: World, subject: Run | Live, stage: str, value: Any, needs: Needs) -> None:
    """Render a value and go on with the stage `(world, subject, result, error)`: now, or when a worker has answered."""
    go_on = STAGES[stage]
    if not has_expression(value):
        go_on(w, subject, value, None)
        return
    run = subject if isinstance(subject, Run) else None
    live = subject.execution if isinstance(subject, Run) else subject
    context, offloaded = contexts.build(live, run, needs, w.globals, live.final)
    if needs.io or offloaded:
        ask(w, subject, stage, value, context)
        return
    began = w.stopwatch()
    try:
        result = expr.render_value(value, context, w.environment)
    except expr.ExpressionError as error:
        if w.stopwatch() - began > RENDER_SECONDS * 0.8:
            ask(w, subject, stage, value, context)  # out of time here; a worker has more
            return
        go_on(w, subject, None, str(error))
        return
    go_on(w, subject, result, None)


def ask(w: World, subject: Run | Live, stage: str, value: Any, context: dict[str, Any]) -> None:
    """Have a worker render a value; the stage follows with its answer.

    A job of a worker carries a negative fence, so that its answer is never taken for the end of an attempt.
    """
    if isinstance(subject, Run):
        subject.fence += 1
        w.touch_run(subject, STATE)
        seq, fence = subject.seq, -subject.fence
    else:
        # Never an earlier number, also of an execution that was read again or of the process before this one:
        # a worker may still answer that question, with something else.
        w.last_question = max(w.last_question + 1, w.now * 1000)
        seq, fence = -subject.seq, -w.last_question
    job = Evaluation(seq, fence, stage, subject, value, context)
    if stage == "outputs" and isinstance(subject, Live):
        job.clear = [o.id for o in subject.plan.flow.outputs if o.type == "SECRET"]
    elif stage in ("subflow", "batch"):
        job.clear = ["props"]  # inputs are the child's; its labels are stored as they are
    elif stage in ("loop", "switch"):
        job.clear = list(value)
    elif stage == "engine" and isinstance(subject, Run) and subject.task.type.endswith(".SetVariables"):
        job.clear = ["variables"]
    w.evaluations[seq] = job
    w.effect(job)


def evaluated(w: World, seq: int, fence: int, result: Any, error: str | None, secrets: Sequence[str] = ()) -> bool:
    """A worker has answered; false when nobody waits for this answer any more.

    `secrets` are those that it read for the members of the result that stay clear: what the stage stores of them has
    to be sealed by `World.secrecy`.
    """
    job = w.evaluations.get(seq)
    if job is None or job.fence != fence:
        return False
    del w.evaluations[seq]
    live = job.subject.execution if isinstance(job.subject, Run) else job.subject
    if live.gone or (isinstance(job.subject, Run) and job.subject.state.terminal):
        return True
    w.secrecy = Secrecy(secrets, w.encrypt) if secrets else None
    try:
        STAGES[job.stage](w, job.subject, result, error)
    finally:
        w.secrecy = None
    return True


def hidden(w: World, text: str) -> str:
    """A message about what a worker rendered, without its secrets."""
    return w.secrecy.text(text) if w.secrecy is not None else text
