"""Text to pieces: literal text, `{{ }}` prints and `{% %}` tags, with the tokens inside them (expressions §2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowdeck.expr.errors import ExpressionError


class Token(NamedTuple):
    """A token of an expression: kind is name, number, string, parts, op or end."""

    kind: str
    value: Any
    position: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the template. kind: text, raw, print or tag; text holds `text`, the others `tokens`."""

    kind: str
    text: str
    tokens: list[Token]
    position: int


class Syntax:
    """One set of delimiters with the patterns made of it."""

    __slots__ = ("closers", "comment_end", "marker", "opener", "raw_end")

    def __init__(self, show: tuple[str, str], tag: tuple[str, str], comment: tuple[str, str]) -> None:
        escape = re.escape
        self.marker = show[0][0]
        self.opener = re.compile("|".join(escape(mark) for mark in (show[0], tag[0], comment[0])))
        self.closers = {
            show[0]: re.compile(rf"\s*(-?){escape(show[1])}"),
            tag[0]: re.compile(rf"\s*(-?){escape(tag[1])}"),
        }
        self.comment_end = (comment[0], comment[1])
        self.raw_end = {
            name: re.compile(
                rf"{escape(tag[0])}(-(?=\s))?\s*end{name}\s*(-?){escape(tag[1])}",
            )
            for name in ("raw", "verbatim")
        }


DEFAULT_SYNTAX = Syntax(("{{", "}}"), ("{%", "%}"), ("{#", "#}"))
BLUEPRINT_SYNTAX = Syntax(("<<", ">>"), ("<%", "%>"), ("<#", "#>"))

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<name>[^\W\d]\w*)
      | (?P<number>\d+(?:\.\d+)?[lL]?)
      | (?P<op>\?\?\?|\?\?|\.\.|==|!=|<=|>=|[-+*/%~|<>?:,.=()\[\]{}])
      | (?P<quote>['"])
    )""",
    re.VERBOSE,
)
_OPEN, _CLOSE = "([{", {")": "(", "]": "[", "}": "{"}
_SPACE = re.compile(r"\s*")


def split(source: str, syntax: Syntax = DEFAULT_SYNTAX) -> list[Piece]:
    """Cut a template into pieces. Raises ExpressionError with the position of the fault."""
    pieces: list[Piece] = []
    position, trim, length = 0, False, len(source)
    while position < length:
        found = syntax.opener.search(source, position)
        start = found.start() if found else length
        text = source[position:start]
        if trim:
            text, trim = text.lstrip(), False
        if found is None:
            if text:
                pieces.append(Piece("text", text, [], position))
            break
        opener, inside = found.group(), found.end()
        if source[inside : inside + 1] == "-" and source[inside + 1 : inside + 2].isspace():
            text, inside = text.rstrip(), inside + 1
        if text:
            pieces.append(Piece("text", text, [], position))
        if opener == syntax.comment_end[0]:
            end = source.find(syntax.comment_end[1], inside)
            if end < 0:
                raise ExpressionError("The comment is not closed", source=source, position=start)
            trim, position = source[end - 1] == "-" and end > inside, end + len(syntax.comment_end[1])
            continue
        tokens, position, trim = _tokens(source, inside, start, syntax.closers[opener])
        if opener in ("{{", "<<"):
            pieces.append(Piece("print", "", tokens, start))
            continue
        name = tokens[0].value if tokens[0].kind == "name" else ""
        if name in syntax.raw_end and tokens[1].kind == "end":
            close = syntax.raw_end[name].search(source, position)
            if close is None:
                raise ExpressionError(f"The tag `{name}` is not closed", source=source, position=start)
            body = source[position : close.start()]
            body = body.lstrip() if trim else body
            body = body.rstrip() if close.group(1) else body
            pieces.append(Piece("raw", body, [], start))
            trim, position = bool(close.group(2)), close.end()
            continue
        pieces.append(Piece("tag", name, tokens, start))
    return pieces


def _tokens(source: str, position: int, start: int, closer: re.Pattern[str]) -> tuple[list[Token], int, bool]:
    """Tokens up to the closing delimiter; answers also its end and whether it trims what follows."""
    tokens: list[Token] = []
    brackets: list[tuple[str, int]] = []
    match_token, match_close = _TOKEN.match, closer.match
    while True:
        if not brackets:
            close = match_close(source, position)
            if close is not None:
                tokens.append(Token("end", "", close.end() - 2))
                return tokens, close.end(), bool(close.group(1))
        found = match_token(source, position)
        if found is None:
            at = _SPACE.match(source, position).end()  # type: ignore[union-attr]
            if at >= len(source):
                if brackets:
                    bracket, place = brackets[-1]
                    raise ExpressionError(f"`{bracket}` is not closed", source=source, position=place)
                raise ExpressionError("The expression is not closed", source=source, position=start)
            raise ExpressionError(
                f"Unexpected character `{source[at]}`", source=source, position=at, hint=_HINTS.get(source[at])
            )
        group = found.lastgroup
        at, position = found.start(group), found.end()  # type: ignore[arg-type]
        text = source[at:position]
        if group == "name":
            tokens.append(Token("name", text, at))
        elif group == "op":
            if text in _OPEN:
                brackets.append((text, at))
            elif text in _CLOSE:
                if not brackets or brackets[-1][0] != _CLOSE[text]:
                    raise ExpressionError(f"Unexpected `{text}`", source=source, position=at)
                brackets.pop()
            tokens.append(Token("op", text, at))
        elif group == "number":
            tokens.append(Token("number", _number(text, source, at), at))
        else:
            token, position = _string(source, at)
            tokens.append(token)


_HINTS = {
    "&": "Write `and`.",
    "!": "Write `not` or `!=`.",
    "\\": "A backslash belongs inside a text.",
    "@": "Names have letters, digits and `_` only; use m['any key'] for others.",
}


def _number(text: str, source: str, at: int) -> int | float:
    if text[-1] in "lL":
        text = text[:-1]
        if "." in text:
            raise ExpressionError("Only whole numbers take the suffix L", source=source, position=at)
    if len(text) > 4000:
        raise ExpressionError("The limit of 4000 digits was reached", source=source, position=at)
    return float(text) if "." in text else int(text)


def _string(source: str, at: int) -> tuple[Token, int]:
    """A quoted text; one with `#{}` becomes a token of parts: texts and token lists."""
    quote, position, length = source[at], at + 1, len(source)
    parts: list[Any] = []
    text: list[str] = []
    while position < length:
        char = source[position]
        if char == quote:
            if not parts:
                return Token("string", "".join(text), at), position + 1
            if text:
                parts.append("".join(text))
            return Token("parts", parts, at), position + 1
        if char == "\\" and source[position + 1 : position + 2] == quote:
            text.append(quote)
            position += 2
        elif char == "#" and quote == '"' and source[position + 1 : position + 2] == "{":
            if text:
                parts.append("".join(text))
                text = []
            tokens, position, _ = _tokens(source, position + 2, position, _INTERPOLATION_END)
            parts.append(tokens)
        else:
            text.append(char)
            position += 1
    raise ExpressionError("The text is not closed", source=source, position=at)


_INTERPOLATION_END = re.compile(r"\s*()\}")
