"""What all parsers of commands have in common: global flags before and after the command, forms of output."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
OUTPUTS = ("text", "table", "json", "yaml")
GLOBALS_WITH_VALUE = frozenset({"--home", "-c", "--config", "-l", "--log-level", "-p", "--plugins"})
_MORE = "more_"


class Usage(ValueError):
    """The command line itself is wrong: exit status 2."""


class Command(argparse.ArgumentParser):
    """A parser that takes whole flag names only, as a script writes them."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **more})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and which word may be meant; exit status 2."""
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong:
            near = difflib.get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), n=1)
            message += f"; did you mean '{near[0]}'?" if near else ""
        super().error(message)


def add_globals(parser: argparse.ArgumentParser, *, top: bool) -> None:
    """The flags that every command takes, before its name or after it."""
    group = parser.add_argument_group("global flags")
    before = "" if top else _MORE
    group.add_argument(
        "--home",
        dest=f"{before}home",
        metavar="FOLDER",
        help="folder of the instance (FLOWDECK_HOME, else ~/.flowdeck)",
    )
    group.add_argument(
        "-c", "--config", dest=f"{before}config", action="append", metavar="FILE", help="configuration file"
    )
    group.add_argument(
        "-p",
        "--plugins",
        dest=f"{before}plugins",
        metavar="FOLDER",
        help="folder of plugins (KESTRA_PLUGINS_PATH, else plugins in the instance's folder)",
    )
    group.add_argument(
        "-l",
        "--log-level",
        dest=f"{before}log_level",
        metavar="LEVEL",
        type=str.upper,
        choices=LEVELS,
        help=f"{', '.join(LEVELS[:-1])} or {LEVELS[-1]} (INFO)",
    )
    group.add_argument("-v", "--verbose", dest=f"{before}verbose", action="count", default=0, help="log more; repeat")
    group.add_argument(
        "--internal-log",
        dest=f"{before}internal_log",
        action="store_true",
        help="the log level is meant for the libraries' lines too",
    )


SWITCHES = ("delete", "override-namespaces", "locally")
"""Flags with an opposite."""
MARKS = ("local", "all", "core", "icons", "schema", "dry-run", "no-tutorials", "no-indexer", "internal-log", "quiet")
"""Flags without one."""


def plain_switches(words: Sequence[str]) -> list[str]:
    """Words with `--delete=true` as `--delete` and `--delete=false` as `--no-delete`, as the reference takes them."""
    found: list[str] = []
    for word in words:
        name, given, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not given or value.lower() not in ("true", "false"):
            found.append(word)
        elif name in SWITCHES:
            found.append(f"--{name}" if value.lower() == "true" else f"--no-{name}")
        elif name not in MARKS:
            found.append(word)
        elif value.lower() == "true":
            found.append(f"--{name}")
    return found


def settle(options: argparse.Namespace) -> argparse.Namespace:
    """Flags from before and after the command as one; those after it win, files add up."""
    for name in ("home", "plugins", "log_level"):
        setattr(options, name, getattr(options, _MORE + name, None) or getattr(options, name))
    options.config = [*(options.config or []), *(getattr(options, f"{_MORE}config", None) or [])]
    options.verbose += getattr(options, f"{_MORE}verbose", 0)
    options.internal_log = options.internal_log or getattr(options, f"{_MORE}internal_log", False)
    return options


def leaves(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands below a parser with the words that name them; hidden ones too."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        yield path, parser
    for action in below:
        seen: set[int] = set()
        for name, one in action.choices.items():
            if id(one) not in seen:  # further names of the same command
                seen.add(id(one))
                yield from leaves(one, (*path, name))


def commands(parser: argparse.ArgumentParser, dest: str, metavar: str = "COMMAND") -> Any:
    """The place for the commands of a group."""
    return parser.add_subparsers(dest=dest, metavar=metavar, required=True)


def switch(parser: argparse.ArgumentParser, name: str, told: str, *, default: bool = False) -> None:
    """A flag with its opposite: `--delete` and `--no-delete`."""
    parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=default, help=told)


def add_output(parser: argparse.ArgumentParser) -> None:
    """How the answer is printed."""
    default = os.environ.get("FLOWDECK_OUTPUT") or os.environ.get("KESTRACTL_OUTPUT") or "text"
    parser.add_argument(
        "-o",
        "--output",
        choices=OUTPUTS,
        default=default if default in OUTPUTS else "text",
        help="form of the answer (text; table is the same)",
    )


def readable(options: argparse.Namespace) -> bool:
    """Whether the answer is for people."""
    return getattr(options, "output", "text") in ("text", "table")


def show(options: argparse.Namespace, value: Any, text: str) -> None:
    """Print an answer: `text` for people, else the value as JSON or YAML."""
    form = getattr(options, "output", "text")
    if form == "json":
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    elif form == "yaml":
        import yaml

        plain = json.loads(json.dumps(value, default=str))
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).rstrip("\n")
    if text:
        print(text)
    sys.stdout.flush()


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], none: str = "nothing found") -> str:
    """Rows as aligned columns under their names; `none` when there are no rows."""
    if not rows:
        return none
    cells = [[one.replace("_", " ").upper() for one in columns]]
    cells += [[_cell(row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def _cell(value: Any) -> str:
    return "" if value is None else printable(" ".join(str(value).split()))


_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Text of others in one line that can't steer a terminal: control characters are spelt."""
    return _STEERING.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def words_of(pairs: Sequence[str], flag: str) -> dict[str, str]:
    """`NAME=VALUE` words as a map; `Usage` names the flag of a word without `=`."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not is_pair or not name.strip():
            raise Usage(f"{flag} {pair}: NAME=VALUE is expected")
        found[name.strip()] = value
    return found
