"""What a new flow begins with when a blueprint or an example of a plugin was chosen (UI-BP-01, UI-PL-02)."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from backend_client import Client


def whole(text: str) -> bool:
    """Tell whether an example is a whole flow, not a part of one."""
    return bool(re.search(r"^id:", text, re.MULTILINE) and re.search(r"^tasks:", text, re.MULTILINE))


def flow_around(text: str, section: str, name: str, namespace: str) -> str:
    """Return a flow that holds an example of a task or trigger.

    Args:
        text: a mapping or a list of one, as the documentation shows it.
        section: `tasks` or `triggers`.
    """
    part = textwrap.dedent(text).strip("\n")
    if re.match(r"(tasks|triggers|conditions):", part):
        inner = part
    else:
        if not part.startswith("- "):
            part = "- " + part.replace("\n", "\n  ")
        inner = f"{section}:\n" + textwrap.indent(part, "  ")
    head = f"id: {name}\nnamespace: {namespace}\n\n"
    if inner.startswith("triggers:"):
        log = (
            "tasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: Started by {{ trigger.id }}\n"
        )
        return f"{head}{log}\n{inner}\n"
    return f"{head}{inner}\n"


async def starter(api: Client, query: Any, name: str, namespace: str) -> str:
    """Return the source that the page's query asks for; empty when it asks for none.

    Args:
        query: `Tab.query`: `blueprintId`, or `plugin` with `example` (a number from 0).
    """
    blueprint, cls, place = query("blueprintId"), query("plugin"), query("example", "0")
    if blueprint:
        return (await api.blueprints.get("flow", blueprint))[1]
    if not cls:
        return ""
    schema = (await api.plugins.documentation(cls)).get("schema") or {}
    examples = [one for one in (schema.get("properties") or {}).get("$examples") or [] if isinstance(one, dict)]
    number = int(place) if place.isdigit() else 0
    code = str(examples[number].get("code") or "") if number < len(examples) else f"id: example\ntype: {cls}"
    if whole(code):
        return code
    section = "triggers" if ".trigger." in cls.lower() or cls.endswith("Trigger") else "tasks"
    return flow_around(code, section, name, namespace)
