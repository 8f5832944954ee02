"""Finding a text in a view of an execution's log lines (extensions §4).

The database leaves out what can't hold the text, as far as it compares letters as Python does; what it leaves is
looked at here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import regex

from flowdeck.expr.regexes import compiled
from flowdeck.model.errors import IllegalArgument
from flowdeck.store.driver import Reader
from flowdeck.store.log_lists import CAPPED
from flowdeck.store.log_pieces import Piece
from flowdeck.store.queries.where import contains

PAGE = 2000
"""Lines that are read and looked at in one step."""
SIEVED_PAGE = 50_000
"""Lines that a step goes through where the database leaves out most."""
LONGEST_PATTERN = 1000
REGEX_SECONDS = 0.1

_TEXT = "select l.no, l.message from log_line l"
"""What a search looks at: no other column, no join."""


@dataclass(frozen=True, slots=True)
class View:
    """Where to look.

    Args:
        pieces: in order.
        level: the lowest that is shown.
        total: lines, for a plain view the last line's number.
        plain: no line is left out; positions are the lines' own numbers.
    """

    pieces: Sequence[Piece]
    level: int
    total: int
    plain: bool

    def texts(self, start: int, end: int, pattern: str | None, *, backwards: bool) -> list[tuple[int, int, str]]:
        """Position, number and text of the lines at the positions `start` to `end`, beginning at one of them.

        With `pattern`, one of `sieve`, without most of those that don't hold the text, and no more than `PAGE`.
        """
        lines: list[tuple[int, int, str]] = []
        befores = accumulate((piece.total(self.level) for piece in self.pieces), initial=0)
        parts = list(zip(self.pieces, befores, strict=False))
        for piece, passed in reversed(parts) if backwards else parts:
            with piece.file.database.reader() as reader:
                if self.plain:
                    lines += _numbered(piece, reader, start, end, pattern, PAGE - len(lines), backwards=backwards)
                else:
                    first, last = max(start - passed, 1), min(end - passed, piece.total(self.level))
                    found = self._of(piece, reader, first, last, pattern, PAGE - len(lines), backwards=backwards)
                    lines += [(passed + position, no, text) for position, no, text in found]
            if len(lines) >= PAGE:
                break
        return lines

    def _of(
        self, piece: Piece, reader: Reader, first: int, last: int, pattern: str | None, most: int, *, backwards: bool
    ) -> list[tuple[int, int, str]]:
        if first > last:
            return []
        if pattern is not None:
            fits = _holds(reader.dialect)
            return piece.matching(reader, self.level, first, last, fits, pattern, most, backwards=backwards)
        rows = piece.fetch(reader, self.level, first, last - first + 1, _TEXT)
        lines = [(first + i, row[0], row[1]) for i, row in enumerate(rows)]
        return lines[::-1] if backwards else lines


def _numbered(
    piece: Piece, reader: Reader, start: int, end: int, pattern: str | None, most: int, *, backwards: bool
) -> list[tuple[int, int, str]]:
    """Lines of an execution by their own numbers."""
    fits = "" if pattern is None else f" and {_holds(reader.dialect)}"
    rows = reader.all(
        f"{_TEXT} where l.execution_seq = :owner and l.no between :start and :end{fits}"
        f" order by l.no {'desc' if backwards else 'asc'} limit :most",
        owner=piece.owner,
        start=start,
        end=end,
        q=pattern,
        most=most,
    )
    return [(row[0], row[0], row[1]) for row in rows]


def _holds(dialect: str) -> str:
    """SQL: a message fits the pattern `:q` of `sieve`; A to Z are a to z, all other letters themselves."""
    # SQLite's LIKE makes no difference between them by itself; `lower` would copy each message.
    message = "l.message" if dialect == "sqlite" else 'lower(l.message collate "C")'
    return f"{message} like :q escape '!'"


def sieve(q: str, case: bool) -> str | None:
    """A LIKE pattern that fits each text in which `q` is found; None = there is none.

    Without `case` a text is found by its lower case as Python makes it, of which databases know that of A to Z. So the
    pattern is the longest part of `q` that only itself, but for these letters, becomes in lower case.
    """
    if case:
        # A to Z alone: what else `lower` changes would no longer be the text.
        return contains(q.encode().lower().decode()) if all(map(_bindable, q)) else None
    parts = ("".join(run) for steady, run in groupby(q.lower(), _steady) if steady)
    # İ becomes i and a dot: the last i of a part may have been one.
    return contains(best) if (best := max((part.removesuffix("i") for part in parts), key=len, default="")) else None


def _bindable(char: str) -> bool:
    """Whether databases hold it as it is."""
    return char != "\0" and not "\ud800" <= char <= "\udfff"


def _steady(char: str) -> bool:
    """Whether no other letter, but one of A to Z, has it in its lower case (İ's i aside)."""
    if char.isascii():
        return char not in ("\0", "k")  # of the sign for kelvin
    return char == char.upper() and char != "\u0307" and _bindable(char)


def find_in(
    view: View,
    q: str,
    *,
    use_regex: bool,
    case: bool,
    start: int,
    end: int | None,
    limit: int,
    backwards: bool,
    budget: float,
) -> dict[str, Any]:
    """What `LogStore.search` answers."""
    find = finder(q, use_regex, case)
    low, high = max(start, 1), min(end or view.total, view.total)
    deadline = time.monotonic() + budget
    pattern = None if use_regex else sieve(q, case)
    size = PAGE if pattern is None else SIEVED_PAGE
    hits: list[dict[str, Any]] = []
    count = searched = 0
    following: int | None = None
    while low <= high:
        page = (max(low, high - size + 1), high) if backwards else (low, min(high, low + size - 1))
        lines = view.texts(*page, pattern, backwards=backwards)
        for position, no, text in lines:
            spans = find(text)
            if spans:
                count += 1
                if len(hits) < limit:
                    hits.append({"position": position, "no": no, "spans": spans})
        # A page that is full of lines ends with the last of them.
        first, last = page if len(lines) < PAGE else (lines[-1][0], page[1]) if backwards else (page[0], lines[-1][0])
        searched += last - first + 1
        if last - first < 2 * PAGE < size:  # most lines have it: to leave out the others costs more than it saves
            pattern, size = None, PAGE
        if backwards:
            high = first - 1
        else:
            low = last + 1
        if low <= high and (time.monotonic() > deadline or count >= CAPPED):
            following = high if backwards else low
            break
    answer: dict[str, Any] = {"hits": hits, "total": min(count, CAPPED), "searched": searched}
    if following is not None:
        answer["next"] = following
    return answer


def finder(q: str, use_regex: bool, case: bool) -> Callable[[str], list[list[int]]]:
    """What tells where a text holds `q`, up to 100 times. `IllegalArgument` for a wrong pattern."""
    if not q:
        raise IllegalArgument("q must not be empty")
    if not use_regex:
        needle = q if case else q.lower()

        def plain(text: str) -> list[list[int]]:
            searched = text if case else text.lower()
            spans: list[list[int]] = []
            at = searched.find(needle)
            while at >= 0 and len(spans) < 100:
                spans.append([at, at + len(needle)])
                at = searched.find(needle, at + len(needle))
            return spans

        return plain
    if len(q) > LONGEST_PATTERN:
        raise IllegalArgument(f"q may have at most {LONGEST_PATTERN} characters")
    try:
        pattern = compiled(q, 0 if case else regex.IGNORECASE)
    except regex.error as error:
        raise IllegalArgument(f"q is not a regular expression: {error}") from None

    def by_pattern(text: str) -> list[list[int]]:
        spans: list[list[int]] = []
        try:
            for match in pattern.finditer(text, timeout=REGEX_SECONDS, concurrent=True):
                if match.end() > match.start():
                    spans.append([match.start(), match.end()])
                if len(spans) >= 100:
                    break
        except TimeoutError:
            raise IllegalArgument("the regular expression takes too long") from None
        return spans

    return by_pattern
