"""The limit of a flow: its place in the source, and the form that changes it (UI-FP-42, UI-AD-02)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import reflex as rx

from app.words import say
from backend_client import Client
from components.button import button
from components.dialog import dialog
from components.field import field, form, select, text_input

BEHAVIOURS = [("QUEUE", "waits"), ("CANCEL", "is cancelled"), ("FAIL", "fails")]
"""What an execution above the limit does, by the words of the API."""


def with_limit(source: str, limit: int, behaviour: str) -> str:
    """Return a flow's source with another limit; everything else stays as it was written.

    Raises:
        ValueError: the limit is written in a way that is not changed here.
    """
    inline = re.search(r"^concurrency:[ \t]*\{[^}\n]*\}", source, re.MULTILINE)
    if inline:
        text = f"concurrency: {{limit: {limit}, behavior: {behaviour}}}"
        return source[: inline.start()] + text + source[inline.end() :]
    found = re.search(r"^concurrency:[ \t]*\n((?:[ \t]+.*\n?)+)", source, re.MULTILINE)
    if not found:
        raise ValueError("the limit is not written as a block in the source")
    block, n = re.subn(r"^([ \t]+limit:[ \t]*)\S+", rf"\g<1>{limit}", found[1], count=1, flags=re.MULTILINE)
    if not n:
        raise ValueError("the source names no limit")
    block, n = re.subn(r"^([ \t]+behavior:[ \t]*)\S+", rf"\g<1>{behaviour}", block, count=1, flags=re.MULTILINE)
    if not n and behaviour != "QUEUE":
        indent = re.match(r"[ \t]+", block)
        block = f"{indent[0] if indent else '  '}behavior: {behaviour}\n{block}"
    return source[: found.start(1)] + block + source[found.end(1) :]


def limited(source: str, limit: int, behaviour: str) -> str:
    """Return a flow's source with a limit, which is appended where the flow has none.

    Raises:
        ValueError: the limit is written in a way that is not changed here.
    """
    if any(line.startswith("concurrency:") for line in source.splitlines()):
        return with_limit(source, limit, behaviour)
    return f"{source.rstrip()}\n\nconcurrency:\n  limit: {limit}\n  behavior: {behaviour}\n"


def limit_of(flow: Mapping[str, Any]) -> tuple[int, str]:
    """Limit and behaviour of a flow's document; 0 without one."""
    found = flow.get("concurrency") or {}
    return int(found.get("limit") or 0), str(found.get("behavior") or "QUEUE")


def limit_words(limit: int, behaviour: str) -> str:
    """Say a limit: `3, above it an execution waits`."""
    if not limit:
        return say("none")
    words = {
        "CANCEL": say("{limit}, above it an execution is cancelled", limit=limit),
        "FAIL": say("{limit}, above it an execution fails", limit=limit),
    }
    return words.get(behaviour) or say("{limit}, above it an execution waits", limit=limit)


async def save_limit(
    api: Client, namespace: str, flow_id: str, seen: tuple[int, str], wanted: tuple[int, str]
) -> tuple[int, str] | None:
    """Write a limit into a flow's source, unless somebody else wrote another one since the form was opened.

    Args:
        seen: the limit that the form began with.

    Returns:
        The limit that stands there instead, which the reader has to be told; None when theirs is written.

    Raises:
        ValueError: the limit is written in a way that is not changed here.
        ApiError: the server refused; 409 when the flow was saved in between.
    """
    flow = await api.flows.get(namespace, flow_id)
    present = limit_of(flow)
    if present not in (seen, wanted):
        return present
    source = limited(str(flow.get("source") or ""), *wanted)
    await api.flows.update(namespace, flow_id, source, revision=int(flow.get("revision") or 0))
    return None


def limit_met(found: tuple[int, str]) -> str:
    """What the form says of a limit that somebody else wrote meanwhile."""
    return say(
        "Somebody changed the limit meanwhile, to: {words}. Save again to write yours over it.",
        words=limit_words(*found),
    )


def limit_fault(text: str) -> str:
    """Return the rule that a typed limit breaks; empty for a good one."""
    return "" if text.strip().isdecimal() and int(text) >= 1 else say("A whole number from 1 on.")


def limit_dialog(
    title: str,
    *words: rx.Component,
    limit: Any,
    on_limit: Any,
    behaviour: Any,
    on_behaviour: Any,
    fault: Any,
    open: Any,
    on_close: Any,
    on_save: Any,
    test: str,
) -> rx.Component:
    """Ask for a limit and what happens above it.

    Args:
        words: stand above the fields.
        limit, behaviour: what the form holds, with the handlers that take another one.
        fault: why the limit can't be saved; empty for none.
        test: prefix of the ids `-value`, `-save` and `-editor`.
    """
    return dialog(
        title,
        form(
            *words,
            field(
                "Most executions at a time",
                text_input(limit, on_limit, label="Limit", test=f"{test}-value"),
                error=fault,
                hint="Saved into the flow's source as a new revision; what runs already goes on.",
            ),
            field("An execution above the limit", select(BEHAVIOURS, behaviour, on_behaviour, label="Behaviour")),
        ),
        open=open,
        on_close=on_close,
        footer=[
            button("Cancel", on_click=on_close),
            button("Save", icon="save", kind="primary", on_click=on_save, primary_of_dialog=True, test=f"{test}-save"),
        ],
        test=f"{test}-editor",
    )
