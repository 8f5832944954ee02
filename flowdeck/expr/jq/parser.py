"""jq source to a tree of tuples `(kind, ...)`."""

from __future__ import annotations

import re
from typing import Any, NoReturn

Node = tuple[Any, ...]


class JqSyntaxError(ValueError):
    """A program that can not be parsed."""


_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*)*(?:
        (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<variable>\$(?:__loc__|[A-Za-z_]\w*(?:::\w+)*))
      | (?P<field>\.[A-Za-z_]\w*)
      | (?P<format>@[A-Za-z0-9]+)
      | (?P<word>[A-Za-z_]\w*(?:::\w+)*)
      | (?P<op>\?//|//=|\|=|\+=|-=|\*=|/=|%=|==|!=|<=|>=|//|\.\.|[-+*/%|,.:;=<>()\[\]{}?$])
      | (?P<quote>")
    )""",
    re.VERBOSE | re.ASCII,
)
_END = re.compile(r"(?:\s|#[^\n]*)*\Z")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_KEYWORDS = frozenset(
    [
        "def",
        "if",
        "then",
        "elif",
        "else",
        "end",
        "as",
        "reduce",
        "foreach",
        "try",
        "catch",
        "label",
        "import",
        "include",
        "and",
        "or",
        "not",
        "__loc__",
    ]
) - {"not"}
MAX_DEPTH = 100

# (precedence, associativity) of binary operators; `|` and `,` are handled as levels too.
_BINARY = {
    "|": (0, "right"), ",": (1, "left"), "//": (2, "right"),
    "=": (3, "none"), "|=": (3, "none"), "+=": (3, "none"), "-=": (3, "none"), "*=": (3, "none"),
    "/=": (3, "none"), "%=": (3, "none"), "//=": (3, "none"),
    "or": (4, "left"), "and": (5, "left"),
    "==": (6, "none"), "!=": (6, "none"), "<": (6, "none"), "<=": (6, "none"), ">": (6, "none"), ">=": (6, "none"),
    "+": (7, "left"), "-": (7, "left"), "*": (8, "left"), "/": (8, "left"), "%": (8, "left"),
}  # fmt: skip


def parse(source: str) -> Node:
    """The tree of a program. Raises JqSyntaxError."""
    parser = _Parser(_tokens(source, 0, "")[0])
    node = parser.pipe() if parser.tokens[0][0] != "end" else ("identity",)
    if parser.peek()[0] != "end":
        parser.fail()
    return node


def _tokens(source: str, position: int, close: str) -> tuple[list[tuple[str, Any]], int]:
    """Tokens up to the end of the source or to the bracket `close` of an interpolation."""
    tokens: list[tuple[str, Any]] = []
    depth = 0
    while True:
        if not close and _END.match(source, position):
            tokens.append(("end", "the end"))
            return tokens, position
        found = _TOKEN.match(source, position)
        if found is None:
            raise JqSyntaxError(f"unexpected character {source[position:].strip()[:1]!r}")
        kind = found.lastgroup or ""
        text = found.group(kind)
        position = found.end()
        if kind == "quote":
            parts, position = _string(source, position)
            tokens.append(("string", parts))
            continue
        if kind == "op" and close:
            if text in "([{":
                depth += 1
            elif text in ")]}":
                if not depth and text == close:
                    tokens.append(("end", "the end"))
                    return tokens, position
                depth -= 1
        tokens.append((kind, text))


def _string(source: str, position: int) -> tuple[list[Any], int]:
    """Parts of a text behind its quote: texts and token lists of `\\( )`."""
    parts: list[Any] = []
    text: list[str] = []
    while position < len(source):
        char = source[position]
        if char == '"':
            parts.append("".join(text))
            return parts, position + 1
        if char != "\\":
            text.append(char)
            position += 1
            continue
        code = source[position + 1 : position + 2]
        if code == "(":
            parts.append("".join(text))
            text = []
            tokens, position = _tokens(source, position + 2, ")")
            parts.append(tokens)
        elif code == "u":
            digits = source[position + 2 : position + 6]
            if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                raise JqSyntaxError("bad \\u escape")
            text.append(chr(int(digits, 16)))
            position += 6
        elif code in _ESCAPES and code:
            text.append(_ESCAPES[code])
            position += 2
        else:
            raise JqSyntaxError(f"bad escape \\{code}")
    raise JqSyntaxError("a text is not closed")


class _Parser:
    __slots__ = ("depth", "index", "tokens")

    def __init__(self, tokens: list[tuple[str, Any]], depth: int = 0) -> None:
        self.tokens = tokens
        self.index = 0
        self.depth = depth

    def peek(self) -> tuple[str, Any]:
        return self.tokens[self.index]

    def fail(self, wanted: str = "") -> NoReturn:
        _, value = self.peek()
        shown = value if isinstance(value, str) else "text"
        raise JqSyntaxError(f"unexpected `{shown}`" + (f", expected {wanted}" if wanted else ""))

    def is_op(self, value: str) -> bool:
        return self.peek() == ("op", value)

    def accept(self, value: str) -> bool:
        kind, text = self.peek()
        if kind in ("op", "word") and text == value:
            self.index += 1
            return True
        return False

    def expect(self, value: str) -> None:
        if not self.accept(value):
            self.fail(f"`{value}`")

    def take(self, kind: str) -> Any:
        if self.peek()[0] != kind:
            self.fail(f"a {kind}")
        self.index += 1
        return self.tokens[self.index - 1][1]

    def pipe(self, least: int = 0) -> Node:
        """An expression with operators from precedence `least` on."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise JqSyntaxError("nested too deeply")
        try:
            if self.peek() == ("word", "def"):
                self.index += 1
                name, parameters, body = self.definition()
                return ("def", name, parameters, body, self.pipe(least))
            return self.binary(least)
        finally:
            self.depth -= 1

    def definition(self) -> tuple[str, list[str], Node]:
        name = self.take("word")
        parameters: list[str] = []
        if self.accept("("):
            while True:
                kind, text = self.peek()
                if kind not in ("word", "variable"):
                    self.fail("a parameter")
                self.index += 1
                parameters.append(text)
                if not self.accept(";"):
                    break
            self.expect(")")
        self.expect(":")
        body = self.pipe()
        self.expect(";")
        return name, parameters, body

    def binary(self, least: int) -> Node:
        left = self.postfix()
        while True:
            kind, text = self.peek()
            if kind == "word" and text == "as" and least <= 9:
                self.index += 1
                patterns = [self.pattern()]
                while self.accept("?//"):
                    patterns.append(self.pattern())
                self.expect("|")
                return ("as", left, patterns, self.pipe())
            if kind not in ("op", "word") or text not in _BINARY:
                return left
            precedence, side = _BINARY[text]
            if precedence < least:
                return left
            self.index += 1
            if side == "right":
                right = self.pipe(precedence)
            elif precedence == 0:
                right = self.pipe(1)
            else:
                right = self.operand(precedence + 1)
            left = ("binary", text, left, right)
            following, again = self.peek()
            if side == "none" and following in ("op", "word") and _BINARY.get(again, (None,))[0] == precedence:
                self.fail()

    def operand(self, least: int) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise JqSyntaxError("nested too deeply")
        node = self.binary(least)
        self.depth -= 1
        return node

    def pattern(self) -> Node:
        kind, text = self.peek()
        if kind == "variable":
            self.index += 1
            return ("variable", text)
        if self.accept("["):
            items = [self.pattern()]
            while self.accept(","):
                items.append(self.pattern())
            self.expect("]")
            return ("list", items)
        self.expect("{")
        pairs: list[tuple[Node | None, Node, str | None]] = []
        while True:
            kind, text = self.peek()
            bound: str | None = None
            if kind == "variable":
                self.index += 1
                bound = text
                key: Node = ("literal", text[1:])
            elif kind == "word":
                self.index += 1
                key = ("literal", text)
            elif kind == "string":
                self.index += 1
                key = self.text(text, None)
            else:
                self.expect("(")
                key = self.pipe()
                self.expect(")")
            target = self.pattern() if self.accept(":") else None
            if target is None and bound is None:
                self.fail("`:`")
            pairs.append((key, target or ("variable", bound), bound if target else None))
            if not self.accept(","):
                break
        self.expect("}")
        return ("map", pairs)

    def postfix(self) -> Node:
        kind, text = self.peek()
        if kind == "op" and text == "-":
            self.index += 1
            return ("negate", self.postfix())
        if kind == "word" and text == "try":
            self.index += 1
            body = self.postfix_once()
            handler = self.postfix_once() if self.accept("catch") else None
            return ("try", body, handler)
        return self.postfix_once()

    def postfix_once(self) -> Node:
        node = self.primary()
        steps = 0
        while True:
            steps += 1
            if steps > MAX_DEPTH:
                raise JqSyntaxError("nested too deeply")
            kind, text = self.peek()
            if kind == "field":
                self.index += 1
                node = ("index", node, ("literal", text[1:]))
            elif kind == "op" and text == ".":
                following = self.tokens[self.index + 1]
                self.index += 1
                if following[0] == "string":
                    self.index += 1
                    node = ("index", node, self.text(following[1], None))
                elif following == ("op", "["):
                    node = self.bracket(node)
                else:
                    self.fail()
            elif kind == "op" and text == "[":
                node = self.bracket(node)
            elif kind == "op" and text == "?":
                self.index += 1
                node = ("try", node, None)
            else:
                return node

    def bracket(self, node: Node) -> Node:
        self.expect("[")
        if self.accept("]"):
            return ("each", node)
        if self.accept(":"):
            end = self.pipe()
            self.expect("]")
            return ("slice", node, None, end)
        start = self.pipe()
        if self.accept(":"):
            last = None if self.is_op("]") else self.pipe()
            self.expect("]")
            return ("slice", node, start, last)
        self.expect("]")
        return ("index", node, start)

    def text(self, parts: list[Any], style: str | None) -> Node:
        """A text literal or interpolation."""
        if len(parts) == 1:
            return ("literal", parts[0])
        items: list[Any] = []
        for part in parts:
            if isinstance(part, str):
                items.append(part)
            else:
                inner = _Parser(part, self.depth)
                items.append(inner.pipe())
                if inner.peek()[0] != "end":
                    inner.fail()
        return ("text", items, style)

    def primary(self) -> Node:
        kind, text = self.peek()
        self.index += 1
        if kind == "number":
            number = float(text)
            return ("literal", int(text) if text.isdigit() and len(text) < 400 else number)
        if kind == "string":
            return self.text(text, None)
        if kind == "format":
            if self.peek()[0] == "string":
                return self.text(self.take("string"), text)
            return ("format", text)
        if kind == "field":
            return ("index", ("identity",), ("literal", text[1:]))
        if kind == "variable":
            if text == "$__loc__":
                raise JqSyntaxError("$__loc__ is not available")
            return ("variable", text)
        if kind == "op":
            return self.sign(text)
        if kind == "word":
            return self.word(text)
        self.index -= 1
        return self.fail()

    def sign(self, text: str) -> Node:
        if text == ".":
            if self.peek()[0] == "string":
                return ("index", ("identity",), self.text(self.take("string"), None))
            return ("identity",)
        if text == "..":
            return ("call", "recurse", [])
        if text == "(":
            node = self.pipe()
            self.expect(")")
            return node
        if text == "[":
            if self.accept("]"):
                return ("literal", [])
            node = self.pipe()
            self.expect("]")
            return ("collect", node)
        if text == "{":
            return self.object()
        self.index -= 1
        return self.fail()

    def object(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        if self.accept("}"):
            return ("object", pairs)
        while True:
            kind, text = self.peek()
            self.index += 1
            key: Node
            default: Node | None = None
            if kind == "variable":
                key, default = ("literal", text[1:]), ("variable", text)
            elif kind == "word":
                key = ("literal", text)
                default = ("index", ("identity",), key)
            elif kind == "number":
                key = ("literal", text)
            elif kind == "string":
                key = self.text(text, None)
                default = ("index", ("identity",), key)
            elif kind == "format":
                key = self.text(self.take("string"), text) if self.peek()[0] == "string" else ("format", text)
                default = ("index", ("identity",), key)
            elif kind == "op" and text == "(":
                key = self.pipe()
                self.expect(")")
            else:
                self.index -= 1
                self.fail("a key")
            if self.accept(":"):
                value = self.object_value()
            elif default is not None:
                value = default
            else:
                self.fail("`:`")
            pairs.append((key, value))
            if not self.accept(","):
                break
        self.expect("}")
        return ("object", pairs)

    def object_value(self) -> Node:
        """`ExpD`: postfix terms joined by `|`."""
        node = self.operand(2)
        while self.accept("|"):
            node = ("binary", "|", node, self.operand(2))
        return node

    def word(self, text: str) -> Node:
        if text == "if":
            return self.conditional()
        if text in ("reduce", "foreach"):
            source = self.postfix_once()
            self.expect("as")
            patterns = [self.pattern()]
            while self.accept("?//"):
                patterns.append(self.pattern())
            self.expect("(")
            start = self.pipe()
            self.expect(";")
            update = self.pipe()
            extract = self.pipe() if text == "foreach" and self.accept(";") else None
            self.expect(")")
            return (text, source, patterns, start, update, extract)
        if text == "label":
            name = self.take("variable")
            self.expect("|")
            return ("label", name, self.pipe())
        if text == "break":
            return ("break", self.take("variable"))
        if text == "def":
            name, parameters, body = self.definition()
            return ("def", name, parameters, body, self.pipe())
        if text == "try":
            self.index -= 1
            return self.postfix()
        if text in ("true", "false", "null"):
            return ("literal", {"true": True, "false": False, "null": None}[text])
        if text in _KEYWORDS:
            self.index -= 1
            self.fail()
        arguments: list[Node] = []
        if self.accept("("):
            arguments.append(self.pipe())
            while self.accept(";"):
                arguments.append(self.pipe())
            self.expect(")")
        return ("call", text, arguments)

    def conditional(self) -> Node:
        branches: list[tuple[Node, Node]] = []
        while True:
            test = self.pipe()
            self.expect("then")
            branches.append((test, self.pipe()))
            if self.accept("elif"):
                continue
            otherwise = self.pipe() if self.accept("else") else ("identity",)
            self.expect("end")
            return ("if", branches, otherwise)
