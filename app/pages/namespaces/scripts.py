"""The flow that runs a script of a namespace's files (UI-NS-07): one a file, the reader's to change."""

from __future__ import annotations

import hashlib
import json
import re
import shlex

_PLUGIN = "io.kestra.plugin.scripts"
PROGRAMS: dict[str, tuple[str, str]] = {
    "bash": ("shell", "bash"),
    "cjs": ("node", "node"),
    "go": ("go", "go run"),
    "groovy": ("groovy", "groovy"),
    "jl": ("julia", "julia"),
    "js": ("node", "node"),
    "lua": ("lua", "lua"),
    "mjs": ("node", "node"),
    "php": ("php", "php"),
    "pl": ("perl", "perl"),
    "ps1": ("powershell", "pwsh -NoProfile -NonInteractive -File"),
    "py": ("python", "python3"),
    "r": ("r", "Rscript"),
    "rb": ("ruby", "ruby"),
    "sh": ("shell", "sh"),
    "ts": ("deno", "deno run --allow-all"),
}
"""By the end of a file's name: the group of the task, and the program that reads the file."""

_LONGEST = 80


def runs(path: str) -> bool:
    """Whether a file is a script that a bundled task runs; a name that reads as an expression is none."""
    return path.rpartition(".")[2].lower() in PROGRAMS and "." in path and not re.search(r"\{[{%#]", path)


def flow_ids(path: str) -> tuple[str, str]:
    """The id of a script's flow, and the one that is taken where another file has it."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", path).strip("_")[-_LONGEST:].lstrip("_") or "script"
    return f"run_{name}", f"run_{name}_{hashlib.sha256(path.encode()).hexdigest()[:6]}"


def is_for(source: str, path: str) -> bool:
    """Whether a stored flow runs this file, whatever else was written into it."""
    return re.search(rf"(?<![\w/-])(\./)?{re.escape(path.lstrip('/'))}(?![\w-])", source) is not None


def script_flow(flow_id: str, namespace: str, path: str) -> str:
    """Return the source of a flow that runs a file among the others of its namespace.

    Args:
        path: begins with `/`; one for which `runs` holds.
    """
    group, program = PROGRAMS[path.rpartition(".")[2].lower()]
    place = path.lstrip("/")
    command = f"{program} {shlex.quote(f'./{place}' if place.startswith('-') else place)}"
    told = f"Runs the file {place} of the namespace. Change it as you like: the file's Run takes it as it is."
    return (
        f"id: {flow_id}\n"
        f"namespace: {namespace}\n"
        f"description: {json.dumps(told, ensure_ascii=False)}\n"
        "\n"
        "tasks:\n"
        "  - id: run\n"
        f"    type: {_PLUGIN}.{group}.Commands\n"
        "    namespaceFiles:\n"
        "      enabled: true\n"
        "    commands:\n"
        f"      - {json.dumps(command, ensure_ascii=False)}\n"
    )
