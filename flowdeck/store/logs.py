"""Where executions' log lines lie: one SQLite file a day beside the engine's, or tables in PostgreSQL (notes §2.8).

A line has three numbers: `seq` counts all lines across files, `no` the lines of its execution, `line_no` those of its
attempt as the worker counted them (with it a repeated line is recognised). Beside the lines stand counts by level for
every 1,000 lines of an execution and of an attempt, so that a position in a filtered view is found without reading
the lines before it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowdeck.store.driver import Database, Reader, StoreError, StoreUnavailable, Tx, Writer, open_database

if TYPE_CHECKING:
    from flowdeck.store.log_partitions import SharedAppender, SharedLog

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
"""Names of the stored levels 0 to 4."""
HIGH_LEVEL = 3
"""From this level on, WARN, lines have an index of their own: they are few and looked for most."""
BLOCK = 1000
"""Lines between two rows of counts."""
CACHED = 20_000
"""Executions and attempts whose counts the writer keeps in memory."""

_COUNTS = "l0 bigint not null, l1 bigint not null, l2 bigint not null, l3 bigint not null, l4 bigint not null"
OTHER_TABLES = (
    "create table if not exists log_meta (name varchar(40) primary key, value bigint not null)",
    f"""create table if not exists log_source (
        source bigint primary key, execution_seq bigint not null, execution text not null,
        task_run_seq bigint not null, attempt integer not null, origin smallint not null, tenant text not null,
        namespace text not null, flow_id text not null, task_id text not null, task_run text not null,
        trigger_id text not null, first_at bigint not null, last_at bigint not null, last_line bigint not null,
        {_COUNTS})""",
    "create unique index if not exists log_source_key on log_source"
    " (execution_seq, task_run_seq, attempt, origin, tenant, namespace, flow_id, trigger_id)",
    "create index if not exists log_source_flow on log_source (tenant, namespace, flow_id)",
    f"""create table if not exists log_head (
        execution_seq bigint primary key, last_no bigint not null, {_COUNTS})""",
    f"""create table if not exists log_block (
        kind smallint not null, owner bigint not null, b integer not null, first bigint not null,
        {_COUNTS}, primary key (kind, owner, b))""",
)
HIGH_INDEX = f"create index if not exists log_line_high on log_line (seq) where level >= {HIGH_LEVEL}"
_TABLES = (
    *OTHER_TABLES,
    """create table if not exists log_line (
        seq bigint primary key, source bigint not null, execution_seq bigint not null, no bigint not null,
        line_no bigint not null, level smallint not null, at bigint not null, thread text, message text not null)""",
    "create index if not exists log_line_no on log_line (execution_seq, no)",
    "create unique index if not exists log_line_source on log_line (source, line_no)",
    HIGH_INDEX,
)
COUNTS = ("l0", "l1", "l2", "l3", "l4")
LINE_COLUMNS = ("seq", "source", "execution_seq", "no", "line_no", "level", "at", "thread", "message")
BY_EXECUTION, BY_SOURCE = 0, 1
"""Kinds of `log_block`: `owner` and `first` are an execution and a `no`, or a source and a `line_no`."""


@dataclass(slots=True)
class Batch:
    """Lines of one attempt (or of the executor, `origin` = 1) in order: `(line_no, at ms, level, thread, text)`.

    `line_no` 0 = the next free number. Lines of triggers have `execution_seq` 0 and a `trigger_id`.
    """

    execution_seq: int
    execution: str
    task_run_seq: int
    attempt: int
    tenant: str
    namespace: str
    flow_id: str
    task_id: str
    task_run: str
    lines: Sequence[tuple[int, int, int, str, str]]
    trigger_id: str = ""
    origin: int = 0


@dataclass(slots=True)
class StoredLine:
    """A line with the numbers that it was given."""

    seq: int
    no: int
    at: int
    level: int
    text: str


class LogFile:
    """One day's file, or all of PostgreSQL."""

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self.database = database
        self.instants: tuple[int, int] | None = None
        """Of its first and last line, in ms, once somebody asked when its day was over; deletions leave them."""

    def create(self, first_seq: int) -> None:
        """Make the tables; `first_seq` is where the numbering goes on."""
        writer = self.database.writer()
        try:
            with writer.transaction() as tx:
                for text in _TABLES:
                    tx.sql(text)
                for name, value in (("first_seq", first_seq), ("generation", 0)):
                    if tx.value("select 1 from log_meta where name = :name", name=name) is None:
                        tx.insert("log_meta", name=name, value=value)
        finally:
            writer.close()

    def next_seq(self) -> int:
        """The number that the next line gets."""
        with self.database.reader() as reader:
            last = reader.value("select max(seq) from log_line")
            first = reader.value("select value from log_meta where name = 'first_seq'") or 1
            return max(first, (last or 0) + 1)


class LogFiles:
    """The files of an instance, newest first. Thread-safe; made once a process.

    Args:
        folder: of the day files.
        database: PostgreSQL; None = day files.
    """

    def __init__(self, folder: Path, database: Database | None = None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._open: dict[str, LogFile] = {}
        self._whole: SharedLog | None = None
        if database is not None and database.dialect == "postgresql":
            from flowdeck.store.log_partitions import SharedLog

            self._whole = SharedLog(database)

    @property
    def single(self) -> bool:
        """Whether there is one place for all days."""
        return self._whole is not None

    def files(self) -> list[LogFile]:
        """All that exist, newest first."""
        if self._whole is not None:
            return [self._whole]
        with contextlib.suppress(FileNotFoundError):
            names = sorted((p.stem for p in self.folder.glob("log-????????.db")), reverse=True)
            with self._lock:
                for gone in self._open.keys() - set(names):
                    self._open.pop(gone).database.close()
                return [self._file(name) for name in names]
        return []

    def _file(self, name: str) -> LogFile:
        found = self._open.get(name)
        if found is None:
            found = LogFile(name, open_database(f"sqlite:///{self.folder}/{name}.db", durability="normal", readers=4))
            self._open[name] = found
        return found

    def today(self, now: int) -> LogFile:
        """The file that lines of this instant (ms) go to; made when it is missing."""
        if self._whole is not None:
            self._whole.create(1)
            return self._whole
        name = f"log-{time.strftime('%Y%m%d', time.gmtime(now / 1000))}"
        existing = self.files()
        # A clock that was set back must not bring a second, older file under newer numbers.
        if existing and existing[0].name >= name:
            existing[0].create(1)
            return existing[0]
        first = existing[0].next_seq() if existing else 1
        self._make(name, first)
        with self._lock:
            return self._file(name)

    def _make(self, name: str, first: int) -> None:
        """Make a day's file under another name: readers see it with its tables or not at all."""
        path = self.folder / f".{name}.new"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            database = open_database(f"sqlite:///{path}", durability="normal", readers=1)
            try:
                LogFile(name, database).create(first)
            finally:
                database.close()
            path.rename(self.folder / f"{name}.db")
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} can't be written: {error.strerror or error}") from error

    def drop_before(self, before: int) -> list[str]:
        """Delete the lines of days before the instant `before` (ms); the newest file stays. Answers what went."""
        if self._whole is not None:
            return self._whole.drop_before(before)
        limit = f"log-{time.strftime('%Y%m%d', time.gmtime(before / 1000))}"
        gone: list[str] = []
        for file in self.files()[1:]:
            if file.name < limit:
                self.drop(file)
                gone.append(file.name)
        return gone

    def drop(self, file: LogFile) -> None:
        """Delete a day's file; never the newest one."""
        with self._lock:
            self._open.pop(file.name, None)
        file.database.close()
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                (self.folder / f"{file.name}.db{end}").unlink()

    def appender(self) -> SharedAppender | None:
        """What writes lines beside other processes; None: there is one writer."""
        if self._whole is None:
            return None
        from flowdeck.store.log_partitions import SharedAppender

        return SharedAppender(self._whole)

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for file in self._open.values():
                file.database.close()
            self._open.clear()


@dataclass(slots=True)
class Tally:
    """Counts of a stream of lines in one file: an execution's (`last` = no) or an attempt's (`last` = line_no)."""

    owner: int
    last: int
    counts: list[int]
    size: int
    first_at: int = 0
    last_at: int = 0
    told: tuple[Any, ...] = ()


@dataclass(slots=True)
class _Open:
    """The file being written, with what is known of it."""

    file: LogFile
    writer: Writer
    seq: int
    next_source: int
    generation: int
    earlier: list[LogFile] = field(default_factory=list)
    sources: dict[tuple[Any, ...], Tally] = field(default_factory=dict)
    heads: dict[int, Tally] = field(default_factory=dict)

    def forget(self) -> None:
        self.sources.clear()
        self.heads.clear()


INSERT_LINE = f"insert into log_line ({', '.join(LINE_COLUMNS)}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_BLOCK = "insert into log_block (kind, owner, b, first, l0, l1, l2, l3, l4) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SOURCE = (
    "insert into log_source (source, execution_seq, task_run_seq, attempt, origin, tenant, namespace, flow_id,"
    " trigger_id, execution, task_id, task_run, first_at, last_at, last_line, l0, l1, l2, l3, l4)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " on conflict (source) do update set last_at = excluded.last_at, last_line = excluded.last_line,"
    " l0 = excluded.l0, l1 = excluded.l1, l2 = excluded.l2, l3 = excluded.l3, l4 = excluded.l4"
)
_HEAD = (
    "insert into log_head (execution_seq, last_no, l0, l1, l2, l3, l4) values (?, ?, ?, ?, ?, ?, ?)"
    " on conflict (execution_seq) do update set last_no = excluded.last_no,"
    " l0 = excluded.l0, l1 = excluded.l1, l2 = excluded.l2, l3 = excluded.l3, l4 = excluded.l4"
)
_SOURCE_KEY = (
    "select * from log_source where execution_seq = ? and task_run_seq = ? and attempt = ? and origin = ?"
    " and tenant = ? and namespace = ? and flow_id = ? and trigger_id = ?"
)


def _counts(row: Any) -> list[int]:
    return [row["l0"], row["l1"], row["l2"], row["l3"], row["l4"]]


class Tallies:
    """Numbers and counts of the lines of some batches, before they are written.

    Args:
        source: the counts of a batch's attempt.
        head: the counts of a batch's execution; asked only when it has one.
    """

    def __init__(self, source: Callable[[Batch], Tally], head: Callable[[Batch], Tally]) -> None:
        self._source = source
        self._head = head
        self.lines: list[tuple[Any, ...]] = []
        self._blocks: list[tuple[Any, ...]] = []
        self._sources: dict[int, Tally] = {}
        self._heads: dict[int, Tally] = {}

    def count(self, batches: Sequence[Batch], seq: int) -> list[list[StoredLine]]:
        """Number the new lines of each batch, `seq` from a given one on; repeated lines are left out."""
        lines, blocks = self.lines, self._blocks
        stored: list[list[StoredLine]] = []
        for batch in batches:
            source = self._source(batch)
            head = self._head(batch) if batch.execution_seq else None
            new: list[StoredLine] = []
            for line_no, at, level, thread, text in batch.lines:
                number = line_no or source.last + 1
                if number <= source.last:
                    continue
                if not 0 <= level <= 4:
                    level = 4 if level > 4 else 0
                if "\0" in text:
                    text = text.replace("\0", "�")
                no = 0
                if head is not None:
                    no = head.last + 1
                    if head.size and not head.size % BLOCK:
                        blocks.append((BY_EXECUTION, head.owner, head.size // BLOCK, no, *head.counts))
                    head.last = no
                    head.size += 1
                    head.counts[level] += 1
                if source.size and not source.size % BLOCK:
                    blocks.append((BY_SOURCE, source.owner, source.size // BLOCK, number, *source.counts))
                source.last = number
                source.size += 1
                source.counts[level] += 1
                source.last_at = at
                source.first_at = source.first_at or at
                lines.append((seq, source.owner, batch.execution_seq, no, number, level, at, thread, text))
                new.append(StoredLine(seq, no, at, level, text))
                seq += 1
            if new:
                self._sources[source.owner] = source
                if head is not None:
                    self._heads[head.owner] = head
            stored.append(new)
        return stored

    def write_counts(self, tx: Tx) -> None:
        """Write the counts, not the lines."""
        tx.send(INSERT_BLOCK, self._blocks)
        sources = self._sources.values()
        tx.send(_SOURCE, [(s.owner, *s.told, s.first_at, s.last_at, s.last, *s.counts) for s in sources])
        tx.send(_HEAD, [(h.owner, h.last, *h.counts) for h in self._heads.values()])


def key_of(batch: Batch) -> tuple[Any, ...]:
    """What tells one source of lines from another."""
    return (
        batch.execution_seq,
        batch.task_run_seq,
        batch.attempt,
        batch.origin,
        batch.tenant,
        batch.namespace,
        batch.flow_id,
        batch.trigger_id,
    )


def tally_of_source(row: Any, batch: Batch, number: int = 0, last: int = 0) -> Tally:
    """Counts of a row of `log_source`; without one, of a new source with this number."""
    told = (*key_of(batch), batch.execution, batch.task_id, batch.task_run)
    if row is None:
        return Tally(number, last, [0] * 5, 0, told=told)
    counts = _counts(row)
    return Tally(row["source"], row["last_line"], counts, sum(counts), row["first_at"], row["last_at"], told)


def tally_of_head(row: Any) -> Tally:
    """Counts of a row of `log_head`."""
    counts = _counts(row)
    return Tally(row["execution_seq"], row["last_no"], counts, sum(counts))


class LogAppender:
    """Writes batches of lines; one an instance, used by one thread."""

    def __init__(self, files: LogFiles) -> None:
        self.files = files
        self._open: _Open | None = None
        self._shared = files.appender()

    def append(self, batches: Sequence[Batch], now: int | None = None) -> list[list[StoredLine]]:
        """Store batches in one transaction; answers the new lines of each (repeated ones are left out).

        Raises:
            StoreUnavailable: nothing was stored (disk full, …); call again later.
        """
        now = int(time.time() * 1000) if now is None else now
        if self._shared is not None:
            return self._shared.append(batches, now)
        out = self._current(now)
        seq = out.seq
        try:
            tx = out.writer.begin(now)
            generation = tx.value("select value from log_meta where name = 'generation'")
            if generation != out.generation or len(out.sources) > CACHED or len(out.heads) > CACHED:
                out.forget()
                out.generation = generation
            stored, seq = self._apply(tx, out, batches, seq)
            out.writer.commit()
        except BaseException:
            out.forget()
            with contextlib.suppress(StoreError):
                out.writer.rollback()
            raise
        out.seq = seq
        return stored

    def _apply(self, tx: Tx, out: _Open, batches: Sequence[Batch], seq: int) -> tuple[list[list[StoredLine]], int]:
        tallies = Tallies(
            lambda batch: self._source(tx, out, batch), lambda batch: self._head(tx, out, batch.execution_seq)
        )
        stored = tallies.count(batches, seq)
        tx.send(INSERT_LINE, tallies.lines)
        tallies.write_counts(tx)
        return stored, seq + len(tallies.lines)

    def _current(self, now: int) -> _Open:
        out = self._open
        if out is not None and out.file.name >= f"log-{_day(now)}":
            return out
        self.close()
        file = self.files.today(now)
        writer = file.database.writer()
        file.database.start_checkpoints()
        with file.database.reader() as reader:
            next_source = (reader.value("select max(source) from log_source") or 0) + 1
            generation = reader.value("select value from log_meta where name = 'generation'")
        earlier = [other for other in self.files.files() if other.name < file.name]
        self._open = _Open(file, writer, file.next_seq(), next_source, generation, earlier)
        return self._open

    def _source(self, tx: Tx, out: _Open, batch: Batch) -> Tally:
        key = key_of(batch)
        found = out.sources.get(key)
        if found is None:
            row = tx.one(_SOURCE_KEY, key)
            if row is None:
                found = tally_of_source(None, batch, out.next_source, self._earlier_line(out, key))
                out.next_source += 1
            else:
                found = tally_of_source(row, batch)
            out.sources[key] = found
        return found

    def _head(self, tx: Tx, out: _Open, execution_seq: int) -> Tally:
        found = out.heads.get(execution_seq)
        if found is None:
            row = tx.one("select * from log_head where execution_seq = ?", execution_seq)
            if row is None:
                found = Tally(execution_seq, self._earlier_no(out, execution_seq), [0] * 5, 0)
            else:
                found = tally_of_head(row)
            out.heads[execution_seq] = found
        return found

    def _earlier(self, out: _Open) -> Iterator[Reader]:
        for file in out.earlier:
            if (self.files.folder / f"{file.name}.db").exists():  # else its days are over
                with file.database.reader() as reader:
                    yield reader

    def _earlier_no(self, out: _Open, execution_seq: int) -> int:
        for reader in self._earlier(out):
            last = reader.value("select last_no from log_head where execution_seq = ?", execution_seq)
            if last is not None:
                return last
        return 0

    def _earlier_line(self, out: _Open, key: tuple[Any, ...]) -> int:
        for reader in self._earlier(out):
            row = reader.one(_SOURCE_KEY, key)
            if row is not None:
                return row["last_line"]
        return 0

    def close(self) -> None:
        """Close the file being written."""
        if self._shared is not None:
            self._shared.close()
        if self._open is not None:
            self._open.writer.close()
            self._open = None


def _day(now: int) -> str:
    return time.strftime("%Y%m%d", time.gmtime(now / 1000))
