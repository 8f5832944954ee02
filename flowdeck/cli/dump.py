"""`flowdeck dump`: facts about an instance without any value of its users, for a report of a fault."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from flowdeck.cli.options import settings_of
from flowdeck.cli.parsing import add_output, show

LOG_BYTES = 2_000_000
"""Of each of the server's own log files the last part."""


def register(group: argparse.ArgumentParser) -> None:
    """Add the flags."""
    group.add_argument("file", metavar="FILE", nargs="?", help="the zip file (flowdeck-dump-<time>.zip)")
    group.add_argument("--no-logs", dest="logs", action="store_false", help="without the server's own log")
    add_output(group)
    group.set_defaults(run=run)


def facts(settings: Any) -> dict[str, Any]:
    """Versions, configuration with secrets masked, sizes, counts."""
    from importlib import metadata

    from flowdeck import __version__

    found: dict[str, Any] = {
        "version": __version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "packages": sorted(f"{one.name} {one.version}" for one in metadata.distributions()),
        "configuration": [
            {"key": name, "value": str(value), "source": source} for name, value, source in settings.shown()
        ],
        "warnings": list(settings.warnings),
    }
    home = settings.home
    found["files"] = {
        path.relative_to(home.path).as_posix(): path.stat().st_size
        for path in sorted([*home.path.glob("flowdeck.db*"), *home.logs.glob("*"), *home.log.glob("*")])
        if path.is_file()
    }
    found.update(counts(settings))
    return found


def counts(settings: Any) -> dict[str, Any]:
    """Rows of each table, executions by state; what can't be read is told."""
    from sqlmodel import SQLModel

    import flowdeck.store.tables  # noqa: F401  (fills the metadata)
    from flowdeck.model.states import State
    from flowdeck.store.driver import StoreError, open_database

    if not settings.clustered and not settings.home.database.exists():
        return {"database": "none"}
    try:
        database = open_database(settings.database_url)
    except StoreError as error:
        return {"database": f"can't be read: {error}"}
    try:
        with database.reader() as reader:
            rows = {name: _count(reader, name) for name in sorted(SQLModel.metadata.tables)}
            states = reader.all("select state, count(*) as n from execution group by state order by state")
            return {
                "database": database.dialect,
                "schema": reader.value("select version_num from alembic_version"),
                "rows": rows,
                "executions": {State(row["state"]).name: row["n"] for row in states},
            }
    except StoreError as error:
        return {"database": f"can't be read: {error}"}
    finally:
        database.close()


def _count(reader: Any, table: str) -> int | None:
    from flowdeck.store.driver import StoreError

    try:
        return reader.value(f'select count(*) from "{table}"')  # a name of our own schema
    except StoreError:
        return None


def tail(path: Path) -> bytes:
    """The last part of a file, from the beginning of a line."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        content = file.read()
    return content if len(content) < LOG_BYTES else content.partition(b"\n")[2]


def run(options: argparse.Namespace) -> int:
    """Write the file; with `--output json` print the facts too."""
    settings = settings_of(options)
    found = facts(settings)
    path = Path(options.file or f"flowdeck-dump-{time.strftime('%Y%m%d-%H%M%S')}.zip")
    try:
        path.touch(0o600)
        path.chmod(0o600)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("facts.json", json.dumps(found, indent=2, default=str, ensure_ascii=False))
            if options.logs:
                for log in sorted(settings.home.log.glob("*.jsonl")):
                    archive.writestr(f"log/{log.name}", tail(log))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None
    show(options, {"file": str(path), **found}, f"wrote {path}; secrets are masked, look at it before you send it")
    return 0


def run_usage(options: argparse.Namespace) -> int:
    """Print counts."""
    from flowdeck import __version__

    settings = settings_of(options)
    print(json.dumps({"version": __version__, **counts(settings)}, indent=2, default=str))
    return 0
