"""Which keys do what, and where: the list that `?` opens shows those of the page (`spec` §1.10)."""

from __future__ import annotations

from typing import Any

LISTS = (
    r"^/(executions|flows|flows/search|kv|secrets|logs|waiting|namespaces|admin/triggers)$|/(kv|secrets|executions)$"
)
FLOW, RUN, EDITOR = r"^/flows/edit/", r"^/executions/(?!compare)[^/]+/", r"^/flows/(new|edit/[^/]+/[^/]+/edit)"

KEYS: list[dict[str, Any]] = [
    {
        "title": "Everywhere",
        "keys": [
            ["Ctrl K", "Search or jump to"],
            ["?", "This list"],
            ["Ctrl Enter", "Submit a dialog"],
            ["Esc", "Close what is open"],
        ],
    },
    {
        "title": "This list",
        "at": LISTS,
        "keys": [
            ["/", "Filter the list"],
            ["j", "Next row"],
            ["k", "Row before"],
            ["Enter", "Open"],
            ["x", "Select"],
            ["r", "Refresh"],
            ["[", "Page before"],
            ["]", "Next page"],
        ],
    },
    {"title": "This page", "at": rf"{FLOW}|{RUN}|^/namespaces/edit/", "keys": [["1 … 9", "Tab by number"]]},
    {"title": "This execution", "at": RUN, "keys": [["n", "Next execution"], ["p", "Execution before"]]},
    {
        "title": "Log lines",
        "at": r"^/logs$|/logs$",
        "keys": [["Ctrl F", "Find in all lines"], ["e", "Next error"], ["Shift e", "Error before"]],
    },
    {
        "title": "Editor",
        "at": EDITOR,
        "keys": [
            ["Ctrl S", "Save"],
            ["Ctrl E", "Execute"],
            ["Ctrl Space", "Suggestions"],
            ["Ctrl F", "Find"],
            ["Ctrl H", "Replace"],
            ["F10", "Fold long texts"],
            ["Ctrl Alt F", "Format"],
        ],
    },
    {
        "title": "Files",
        "at": r"/files$|" + EDITOR,
        "keys": [["Ctrl S", "Save"], ["Del", "Delete the file or task"]],
    },
    {
        "title": "Dashboards",
        "at": r"^/dashboards/(new|.+/edit)$",
        "keys": [["Ctrl S", "Save"], ["Ctrl Space", "Suggestions"]],
    },
]
"""`at` is a pattern of the path below the tenant; without it the keys hold everywhere."""
