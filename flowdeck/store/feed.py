"""Committed events of several processes, shared through the database (engine notes §2.10): PostgreSQL alone.

Each process numbers its transactions from 1 under a random name and writes what they changed as one row, in the
transaction itself; a reader keeps a cursor per name. The notification (`CHANNEL`, payload `source n d|-`) is a hint:
`d` says that flows or triggers changed. A reader that finds a gap in a name's numbers has missed rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from flowdeck.store.driver import Reader, Tx
from flowdeck.store.listen import notify

CHANNEL = "flowdeck_feed"
KEPT_MS = 5 * 60_000
"""How long rows are kept, in ms."""
DEFINITIONS = ("flow", "triggers", "namespaces")
"""Topics (`topic` or `topic:…`) that executors and schedulers look at, too."""
RANGE = 500
"""Most rows of one read."""


def append(tx: Tx, source: str, n: int, events: Iterable[dict[str, Any]]) -> None:
    """Write the events of the open transaction as row `n` (from 1, without gaps) of `source` and tell of it."""
    batch = list(events)
    definitions = any(e["kind"] == "topic" and str(e["topic"]).partition(":")[0] in DEFINITIONS for e in batch)
    row = (source, n, tx.now, _encode(batch), definitions)
    tx.send("insert into feed (source, n, at, events, definitions) values (?, ?, ?, ?, ?)", [row])
    notify(tx, CHANNEL, f"{source} {n} {'d' if definitions else '-'}")


def ends(reader: Reader) -> dict[str, int]:
    """The newest number of each source: where a new reader begins."""
    return {source: reader.value("select max(n) from feed where source = ?", source) or 0 for source in sources(reader)}


def read(
    reader: Reader, cursors: Mapping[str, int], *, definitions: bool = False, besides: str = ""
) -> list[tuple[str, int, list[dict[str, Any]]]]:
    """Rows after the cursors, in order for each source, at most `RANGE` of each: `(source, n, events)`.

    A source without cursor is read from its first row. With `definitions` only rows that tell of flows or triggers
    are answered: their numbers have gaps then. `besides` names a source that is left out.
    """
    found: list[tuple[str, int, list[dict[str, Any]]]] = []
    only = " and definitions" if definitions else ""
    for source in sources(reader):
        if source != besides:
            found += [(source, n, events) for n, events in read_source(reader, source, cursors.get(source, 0), only)]
    return found


def sources(reader: Reader) -> list[str]:
    """Names of all processes with rows; one step in the index for each."""
    rows = reader.all(
        "with recursive s(source) as ((select min(source) from feed) union all"
        " select (select min(f.source) from feed f where f.source > s.source) from s where s.source is not null)"
        " select source from s where source is not null"
    )
    return [row[0] for row in rows]


def read_source(reader: Reader, source: str, after: int, only: str = "") -> list[tuple[int, list[dict[str, Any]]]]:
    """Rows of one process after number `after`, in order, at most `RANGE`: `(n, events)`."""
    rows = reader.all(
        f"select n, events from feed where source = ? and n > ?{only} order by n limit {RANGE}", source, after
    )
    return [(row[0], orjson.loads(row[1])) for row in rows]


def prune(tx: Tx) -> int:
    """Delete rows that are older than `KEPT_MS`; answers their number."""
    return tx.sql("delete from feed where at < ?", tx.now - KEPT_MS)


def _encode(events: list[dict[str, Any]]) -> str:
    try:
        return orjson.dumps(events, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(events, default=str)
