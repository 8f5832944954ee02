"""The one exception of the expression engine."""

from __future__ import annotations


class ExpressionError(ValueError):
    """A template that can not be parsed or rendered.

    Attributes:
        message: what is wrong, without position.
        source: the template, empty while the error travels to its outermost template.
        position: offset in `source` (characters, 0-based) or None.
        hint: a suggestion for the author, or None.
    """

    __slots__ = ("hint", "message", "position", "source")

    def __init__(self, message: str, *, source: str = "", position: int | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.position = position
        self.hint = hint

    @property
    def line(self) -> int:
        """Line of the error, 1-based."""
        return 1 if self.position is None else self.source.count("\n", 0, self.position) + 1

    @property
    def column(self) -> int:
        """Column of the error, 1-based."""
        if self.position is None:
            return 1
        return self.position - self.source.rfind("\n", 0, self.position)

    def at(self, position: int | None) -> ExpressionError:
        """Give the error a position unless a deeper place already did."""
        if self.position is None:
            self.position = position
        return self

    def __str__(self) -> str:
        if not self.source:
            return self.message
        return f"{self.message} ({self.source}:{self.line})"


class UndefinedError(ExpressionError):
    """A name, attribute, key or index that does not exist.

    `hard` is set once the error left an argument of a call: then `??` and its kin let it pass
    (expressions §4).
    """

    __slots__ = ("hard", "name")

    def __init__(self, name: object, position: int | None = None) -> None:
        super().__init__(f"Unable to find `{name}`", position=position)
        self.name = str(name)
        self.hard = False

    def __str__(self) -> str:
        if not self.source:
            return self.message
        return f"{self.message} used in the expression `{self.source}` at line {self.line}"
