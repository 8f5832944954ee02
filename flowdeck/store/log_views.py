"""Reading log lines: ranges and positions in a view, search, lists over all executions (extensions §4).

A view is an execution's lines at or above a level, maybe of one task run or attempt. Positions count from 1 in the
view; in the plain view of an execution they are the lines' own numbers, `no`, and have gaps where lines were deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flowdeck.store.driver import Database
from flowdeck.store.log_deletion import delete_lines, delete_trigger_lines
from flowdeck.store.log_lists import Selection, page_of, source_conditions
from flowdeck.store.log_pieces import WHOLE, Piece
from flowdeck.store.log_search import View, find_in
from flowdeck.store.logs import BY_EXECUTION, BY_SOURCE, LEVELS, LogFiles
from flowdeck.store.queries.where import like


def _line(row: Any) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "no": row["no"],
        "at": row["at"],
        "level": row["level"],
        "thread": row["thread"],
        "text": row["message"],
        "execution": row["execution"],
        "execution_seq": row["execution_seq"],
        "task_run_seq": row["task_run_seq"],
        "task_run": row["task_run"] or None,
        "task_id": row["task_id"] or None,
        "attempt": row["attempt"],
        "tenant": row["tenant"],
        "namespace": row["namespace"],
        "flow_id": row["flow_id"],
        "trigger_id": row["trigger_id"] or None,
    }


class LogStore:
    """Reads log lines; safe from any thread.

    Args:
        folder: of the day files.
        database: PostgreSQL, when the lines lie there.
    """

    def __init__(self, folder: Path, database: Database | None = None, files: LogFiles | None = None) -> None:
        self.files = files or LogFiles(folder, database)

    def close(self) -> None:
        """Close all files."""
        self.files.close()

    # ---- one execution ---------------------------------------------------------------------------------------

    def _pieces(self, execution_seq: int, task_run_seq: int | None, attempt: int | None) -> list[Piece]:
        pieces: list[Piece] = []
        for file in reversed(self.files.files()):
            with file.database.reader() as reader:
                if task_run_seq is None and attempt is None:
                    row = reader.one("select * from log_head where execution_seq = ?", execution_seq)
                    if row is not None:
                        counts = [row[f"l{i}"] for i in range(5)]
                        pieces.append(Piece(file, BY_EXECUTION, execution_seq, counts, row["last_no"]))
                    continue
                for row in reader.all(
                    "select * from log_source where execution_seq = ? order by source", execution_seq
                ):
                    if task_run_seq in (None, row["task_run_seq"]) and attempt in (None, row["attempt"]):
                        counts = [row[f"l{i}"] for i in range(5)]
                        pieces.append(Piece(file, BY_SOURCE, row["source"], counts, row["last_line"]))
        return pieces

    def total(
        self, execution_seq: int, *, min_level: int = 0, task_run_seq: int | None = None, attempt: int | None = None
    ) -> int:
        """Size of a view; for the plain view of an execution the number of its last line."""
        pieces = self._pieces(execution_seq, task_run_seq, attempt)
        if not min_level and task_run_seq is None and attempt is None:
            return pieces[-1].last if pieces else 0
        return sum(piece.total(min_level) for piece in pieces)

    def range(
        self,
        execution_seq: int,
        start: int,
        end: int,
        *,
        min_level: int = 0,
        task_run_seq: int | None = None,
        attempt: int | None = None,
    ) -> tuple[list[dict[str, Any]], int, int, int]:
        """Lines at positions `start` to `end` (both included; negative ones count from the end).

        Answers (lines with their `position`, start, end, total of the view); costs the same wherever they lie.
        """
        pieces = self._pieces(execution_seq, task_run_seq, attempt)
        plain = not min_level and task_run_seq is None and attempt is None
        total = (pieces[-1].last if pieces else 0) if plain else sum(p.total(min_level) for p in pieces)
        if start < 0:
            start = total + start + 1
        if end < 0:
            end = total + end + 1
        start, end = max(start, 1), min(end, total)
        lines: list[dict[str, Any]] = []
        if end < start:
            return lines, start, end, total
        if plain:
            for piece in pieces:
                with piece.file.database.reader() as reader:
                    lines += [
                        {**_line(row), "position": row["no"]}
                        for row in reader.all(
                            f"{WHOLE} where l.execution_seq = :owner and l.no between :start and :end order by l.no",
                            owner=execution_seq,
                            start=start,
                            end=end,
                        )
                    ]
            return lines, start, end, total
        passed = 0
        for piece in pieces:
            size = piece.total(min_level)
            first, last = max(start - passed, 1), min(end - passed, size)
            if first <= last:
                with piece.file.database.reader() as reader:
                    for i, row in enumerate(piece.fetch(reader, min_level, first, last - first + 1)):
                        lines.append({**_line(row), "position": passed + first + i})
            passed += size
        return lines, start, end, total

    def at(
        self,
        execution_seq: int,
        *,
        no: int | None = None,
        time_ms: int | None = None,
        min_level: int = 0,
        task_run_seq: int | None = None,
        attempt: int | None = None,
    ) -> int:
        """Position in a view of the line `no`, or of the first one at or after an instant; 0 for an empty view.

        When that line is not in the view it is the next one's, or the last.
        """
        pieces = self._pieces(execution_seq, task_run_seq, attempt)
        total = self.total(execution_seq, min_level=min_level, task_run_seq=task_run_seq, attempt=attempt)
        if not total:
            return 0
        plain = not min_level and task_run_seq is None and attempt is None
        column, value = ("at", time_ms or 0) if no is None else ("seq", 0)
        if no is not None:
            line = self.one(execution_seq, no) or next(iter(self.range(execution_seq, no, no + 2000)[0]), None)
            if line is None:
                return total
            value = line["seq"]
        passed = 0
        for piece in pieces:
            with piece.file.database.reader() as reader:
                number = piece.first_from(reader, column, value)
                if number <= piece.last:
                    return number if plain else min(passed + piece.count_before(reader, min_level, number) + 1, total)
            passed += piece.total(min_level)
        return total

    def one(self, execution_seq: int, no: int) -> dict[str, Any] | None:
        """One line by its number, whole."""
        for file in self.files.files():
            with file.database.reader() as reader:
                row = reader.one(f"{WHOLE} where l.execution_seq = ? and l.no = ?", execution_seq, no)
            if row is not None:
                return _line(row)
        return None

    def after(self, execution_seq: int, seq: int, *, min_level: int = 0, limit: int = 500) -> list[dict[str, Any]]:
        """Lines with a greater `seq` at or above a level, in order: what a reconnecting follower missed."""
        lines: list[dict[str, Any]] = []
        for piece in self._pieces(execution_seq, None, None):
            with piece.file.database.reader() as reader:
                number = piece.first_from(reader, "seq", seq + 1)
                rows = reader.all(
                    f"{WHOLE} where l.execution_seq = :owner and l.no >= :number and l.level >= :level"
                    f" order by l.no limit :limit",
                    owner=execution_seq,
                    number=number,
                    level=min_level,
                    limit=limit - len(lines),
                )
            lines += [_line(row) for row in rows]
            if len(lines) >= limit:
                break
        return lines

    def groups(self, execution_seq: int) -> list[dict[str, Any]]:
        """Per task run and attempt, in order of appearance: lines, first and last instant (ms), counts by level."""
        merged: dict[tuple[int, int], dict[str, Any]] = {}
        for file in reversed(self.files.files()):
            with file.database.reader() as reader:
                rows = reader.all("select * from log_source where execution_seq = ? order by source", execution_seq)
            for row in rows:
                counts = [row[f"l{i}"] for i in range(5)]
                if not sum(counts):
                    continue
                group = merged.setdefault(
                    (row["task_run_seq"], row["attempt"]),
                    {
                        "task_run_seq": row["task_run_seq"],
                        "task_run": row["task_run"] or None,
                        "task_id": row["task_id"] or None,
                        "attempt": row["attempt"],
                        "lines": 0,
                        "first": row["first_at"],
                        "last": row["last_at"],
                        "levels": dict.fromkeys(LEVELS, 0),
                    },
                )
                group["lines"] += sum(counts)
                group["first"] = min(group["first"], row["first_at"])
                group["last"] = max(group["last"], row["last_at"])
                for name, count in zip(LEVELS, counts, strict=True):
                    group["levels"][name] += count
        return list(merged.values())

    def levels(self, execution_seq: int) -> dict[str, int]:
        """Counts of an execution's lines by level."""
        sums = [0] * 5
        for piece in self._pieces(execution_seq, None, None):
            sums = [a + b for a, b in zip(sums, piece.counts, strict=True)]
        return dict(zip(LEVELS, sums, strict=True))

    def errors(self, execution_seq: int, limit: int = 10) -> list[dict[str, Any]]:
        """The last ERROR lines of an execution, in order."""
        return self.range(execution_seq, -limit, -1, min_level=4)[0]

    def search(
        self,
        execution_seq: int,
        q: str,
        *,
        use_regex: bool = False,
        case: bool = False,
        min_level: int = 0,
        task_run_seq: int | None = None,
        attempt: int | None = None,
        start: int = 1,
        end: int | None = None,
        limit: int = 1000,
        backwards: bool = False,
        budget: float = 0.3,
    ) -> dict[str, Any]:
        """Find a text in a view.

        Args:
            start, end: positions to look at, both included; a former answer's `next` continues there.
            backwards: begin at the end.
            budget: seconds after which the search answers what it has.
        Returns:
            `hits` of position, no, spans; `total` (up to 10,000), `searched`, and `next`, the position to go on from.
        Raises:
            IllegalArgument: the regular expression is wrong or too costly.
        """
        pieces = self._pieces(execution_seq, task_run_seq, attempt)
        plain = not min_level and task_run_seq is None and attempt is None
        total = (pieces[-1].last if pieces else 0) if plain else sum(p.total(min_level) for p in pieces)
        return find_in(
            View(pieces, min_level, total, plain),
            q,
            use_regex=use_regex,
            case=case,
            start=start,
            end=end,
            limit=limit,
            backwards=backwards,
            budget=budget,
        )

    # ---- all executions --------------------------------------------------------------------------------------

    def last_seq(self) -> int:
        """Number of the newest line; 0 before the first."""
        files = self.files.files()
        return files[0].next_seq() - 1 if files else 0

    def list(
        self,
        tenant: str,
        *,
        where: str = "",
        sources: str = "",
        params: dict[str, Any] | None = None,
        namespace: str | None = None,
        prefix: bool = False,
        flow_id: str | None = None,
        trigger_id: str | None = None,
        execution: str | None = None,
        task_run: str | None = None,
        task_id: str | None = None,
        levels: Sequence[int] = (0, 1, 2, 3, 4),
        since: int | None = None,
        until: int | None = None,
        q: str | None = None,
        ascending: bool = False,
        limit: int = 25,
        offset: int = 0,
        budget: float = 0.5,
    ) -> tuple[list[dict[str, Any]], int]:
        """Lines of all executions and triggers that fit, newest first (or oldest).

        Args:
            sources: a further condition on `s.` columns (source: tenant, namespace, flow_id, trigger_id, execution,
                task_id, task_run, attempt), with named parameters.
            where: the same on `l.` columns (line) too; slower, since lines must be read to be counted.
            params: of both.
            namespace: exactly this one, or with `prefix` also those below.
            levels: stored numbers of the levels that are wanted.
            since, until: instants in ms, the second one excluded.
            q: text to find, case ignored.
            budget: seconds for the count.
        Returns:
            the page and the number of all that fit (10,001 = more than 10,000, or the budget ended).
        """
        of_sources, named = source_conditions(
            tenant,
            namespace=namespace,
            prefix=prefix,
            flow_id=flow_id,
            trigger_id=trigger_id,
            execution=execution,
            task_run=task_run,
            task_id=task_id,
        )
        chosen = Selection(
            [*of_sources, *([f"({sources})"] if sources else [])],
            [where] if where else [],
            {**named, **(params or {})},
            tuple(levels),
            since,
            until,
            like(q, "postgresql" if self.files.single else "sqlite") if q else None,
        )
        rows, total = page_of(
            self.files.files(), chosen, ascending=ascending, limit=limit, offset=offset, budget=budget
        )
        return [_line(row) for row in rows], total

    def stream(
        self,
        execution_seq: int,
        *,
        min_level: int = 0,
        task_run_seq: int | None = None,
        attempt: int | None = None,
        page: int = 2000,
    ) -> Iterator[dict[str, Any]]:
        """All lines of a view, page by page: for downloads."""
        start = 1
        while True:
            lines, _, end, total = self.range(
                execution_seq, start, start + page - 1, min_level=min_level, task_run_seq=task_run_seq, attempt=attempt
            )
            yield from lines
            start = end + 1
            if start > total or end < 1:
                return

    # ---- deletion --------------------------------------------------------------------------------------------

    def delete(
        self,
        execution_seqs: Sequence[int],
        *,
        min_level: int | None = None,
        task_run_seq: int | None = None,
        attempt: int | None = None,
        forget: bool = True,
    ) -> int:
        """Delete lines of executions; see `store.log_deletion.delete_lines`."""
        return delete_lines(
            self.files, execution_seqs, min_level=min_level, task_run_seq=task_run_seq, attempt=attempt, forget=forget
        )

    def delete_trigger(self, tenant: str, namespace: str, flow_id: str, trigger_id: str) -> int:
        """Delete lines that a trigger wrote outside executions."""
        return delete_trigger_lines(self.files, tenant, namespace, flow_id, trigger_id)
