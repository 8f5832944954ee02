"""What the console does of its specification: the table `docs/reference/console-coverage.md` from its data file.

The data, `docs/reference/console-coverage.tsv`, has a line an id: id, what it is about, state, tests, note.
`python scripts/console_coverage.py` renews the page; `--check` only says whether it is current.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "docs" / "reference" / "console-coverage.tsv"
PAGE = ROOT / "docs" / "reference" / "console-coverage.md"
COLUMNS = ("id", "about", "state", "tests", "note")
STATES = ("done", "part", "missing", "later")
"""`later` belongs to features of the enterprise edition, which wait."""

SCREENS = {
    "SH": "Frame",
    "CP": "Palette",
    "LS": "Lists",
    "FI": "Filter bar",
    "TR": "Time ranges and refresh",
    "DG": "Dialogs, drawers, toasts",
    "LV": "Live updates",
    "ER": "Errors",
    "PM": "Permissions",
    "AC": "Set-up, login, welcome",
    "DB": "Dashboards",
    "FL": "Flows",
    "ED": "Flow editor",
    "FP": "Flow page",
    "EX": "Executions",
    "XP": "Execution",
    "LG": "Logs",
    "NS": "Namespaces",
    "KV": "KV Store",
    "SE": "Secrets",
    "CR": "Credentials",
    "BP": "Blueprints",
    "PL": "Plugins",
    "AD": "Administration",
    "ST": "Settings and profile",
    "LK": "Look",
    "A11": "Accessibility",
    "RX": "How it is built",
    "J": "Journeys",
}
"""Middle part of an id (`UI-SH-01`, `J-01`) to the heading of its table, in the order of the page."""

HEAD = """# What the console covers

Every behaviour that the console is to have, by its id: what there is of it, and the test that shows it. A named test
fails when the behaviour goes; *no test* means that the code was read or the screen looked at. `J-` are the journeys,
`W-` the tables without ids of their own.

`python scripts/console_coverage.py` writes this page from `console-coverage.tsv`, where a change belongs. A test
(`tests/unit/app/test_console_coverage.py`) fails when the two differ or when a named test is gone.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the data file; `tests` are `tests/….py::name`."""

    id: str
    about: str
    state: str
    tests: tuple[str, ...]
    note: str

    @property
    def screen(self) -> str:
        """Key of `SCREENS`; empty for an id of no screen."""
        parts = self.id.split("-")
        return parts[1] if parts[0] == "UI" and len(parts) == 3 else parts[0]


def rows(text: str) -> list[Row]:
    """Read the data file.

    Raises:
        ValueError: a line has another number of columns.
    """
    head, *lines = text.splitlines()
    if tuple(head.split("\t")) != COLUMNS:
        raise ValueError(f"the first line names the columns {', '.join(COLUMNS)}")
    found = []
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        if len(cells) != len(COLUMNS):
            raise ValueError(f"line {number} has {len(cells)} columns, not {len(COLUMNS)}")
        name, about, state, tests, note = (cell.strip() for cell in cells)
        found.append(Row(name, about, state, tuple(one for one in tests.split() if one), note))
    return found


def _counts(all_rows: Iterable[Row]) -> str:
    found = Counter(row.state for row in all_rows)
    return ", ".join(f"{found[state]} {state}" for state in STATES if found[state])


def _line(row: Row) -> str:
    tests = ", ".join(f"`{one.removeprefix('tests/')}`" for one in row.tests)
    if not tests and row.state in ("done", "part"):
        tests = "no test"
    cells = (f"`{row.id}`", row.about, row.state, tests, row.note)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page(all_rows: list[Row]) -> str:
    """Return the Markdown: counts, a table a screen, what waits."""
    here = [row for row in all_rows if row.state != "later"]
    later = [row for row in all_rows if row.state == "later"]
    out = [HEAD, "| screen | done | part | missing |", "|---|---|---|---|"]
    groups = {key: [row for row in here if row.screen == key] for key in SCREENS}
    groups["W"] = [row for row in here if row.screen == "W"]
    names = {**SCREENS, "W": "Tables without ids"}
    for key, group in groups.items():
        if group:
            found = Counter(row.state for row in group)
            out.append(f"| {names[key]} | {found['done']} | {found['part']} | {found['missing']} |")
    total = Counter(row.state for row in here)
    out.append(f"| **all {len(here)}** | **{total['done']}** | **{total['part']}** | **{total['missing']}** |")
    out.append("")
    for key, group in groups.items():
        if not group:
            continue
        out += [f"## {names[key]}", "", _counts(group) + ". Tests lie below `tests/`.", ""]
        out += ["| id | what | state | tests | note |", "|---|---|---|---|---|"]
        out += [_line(row) for row in group]
        out.append("")
    out += ["## Later", "", "Features of the enterprise edition; they keep their place.", ""]
    out += [f"- `{row.id}` {row.about}{f' ({row.note})' if row.note else ''}" for row in later]
    return "\n".join(out) + "\n"


def main() -> int:
    """Renew the page, or with `--check` say whether it is current."""
    made = page(rows(DATA.read_text(encoding="utf-8")))
    if "--check" in sys.argv[1:]:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made
        print("current" if current else f"{PAGE.name} is not that of {DATA.name}; run scripts/console_coverage.py")
        return 0 if current else 1
    PAGE.write_text(made, encoding="utf-8")
    print(_counts(rows(DATA.read_text(encoding="utf-8"))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
