"""Tokens to tree. Operators are a table; one loop climbs its precedences (expressions §3)."""

from __future__ import annotations

from typing import NoReturn

from flowdeck.expr import nodes
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.lexer import DEFAULT_SYNTAX, Piece, Syntax, Token, split

# Binary operators by precedence; all are left-associative. `|`, `is` and `is not` take special right sides.
BINARY: dict[str, int] = {
    "??": 120, "???": 120, "..": 120,
    "~": 110,
    "|": 100,
    "*": 60, "/": 60, "%": 60,
    "+": 40, "-": 40,
    "==": 30, "equals": 30, "!=": 30, "<": 30, ">": 30, "<=": 30, ">=": 30, "isIn": 30,
    "is": 20, "contains": 20,
    "and": 15,
    "or": 10,
}  # fmt: skip
UNARY = frozenset({"not", "-", "+"})
UNARY_PRECEDENCE = 500
CONSTANTS = {
    "true": True, "false": False, "null": None, "none": None,
    "TRUE": True, "FALSE": False, "NULL": None, "NONE": None,
}  # fmt: skip
MAX_DEPTH = 100
_LITERALS = (nodes.Literal, nodes.ListOf, nodes.MapOf, nodes.Parts)
_NOT_OPERATORS = {
    "in": "Use `isIn` or `contains`.",
    "matches": "Use the filter `regexMatch`.",
    "=": "Compare with `==`.",
    "|": "Write `or`.",
}


def parse(source: str, syntax: Syntax = DEFAULT_SYNTAX) -> list[nodes.Node]:
    """The tree of a template. Raises ExpressionError with the position of the fault."""
    return TemplateParser(source, split(source, syntax)).parse()


class ExpressionParser:
    """Parses one list of tokens."""

    __slots__ = ("depth", "index", "source", "tokens")

    def __init__(self, source: str, tokens: list[Token], index: int = 0, depth: int = 0) -> None:
        self.source = source
        self.tokens = tokens
        self.index = index
        self.depth = depth

    # ------------------------------------------------------------ tokens

    def fail(self, message: str, position: int | None = None, hint: str | None = None) -> NoReturn:
        """Raise an ExpressionError at `position`, by default the current token."""
        at = self.tokens[self.index].position if position is None else position
        raise ExpressionError(message, source=self.source, position=at, hint=hint)

    def shown(self) -> str:
        """The current token for a message."""
        token = self.tokens[self.index]
        return "the end of the expression" if token.kind == "end" else f"`{token.value}`"

    def is_op(self, value: str) -> bool:
        """Whether the current token is the operator sign `value`."""
        token = self.tokens[self.index]
        return token.kind == "op" and token.value == value

    def accept(self, value: str) -> bool:
        """Step over the sign `value` if it stands here."""
        if self.is_op(value):
            self.index += 1
            return True
        return False

    def expect(self, value: str) -> None:
        """Step over the sign `value`. Raises ExpressionError when it does not stand here."""
        if not self.accept(value):
            self.fail(f"Expected `{value}` but found {self.shown()}")

    def name(self, what: str) -> Token:
        """Step over a name. Raises ExpressionError when there is none."""
        token = self.tokens[self.index]
        if token.kind != "name":
            self.fail(f"Expected {what} but found {self.shown()}")
        self.index += 1
        return token

    def end(self) -> None:
        """Raise ExpressionError unless all tokens are used."""
        token = self.tokens[self.index]
        if token.kind != "end":
            self.fail(f"Unexpected {self.shown()}", hint=_NOT_OPERATORS.get(str(token.value)))

    # ------------------------------------------------------------ grammar

    def expression(self) -> nodes.Node:
        """Lowest level: the ternary, nested on its right."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"The limit of {MAX_DEPTH} nested expressions was reached")
        node = self.binary(0)
        token = self.tokens[self.index]
        if token.kind == "op" and token.value == "?":
            self.index += 1
            then = self.expression()
            self.expect(":")
            node = nodes.Ternary(token.position, node, then, self.expression())
        self.depth -= 1
        return node

    def binary(self, least: int) -> nodes.Node:
        """Operators that bind at least as tight as `least`."""
        left = self.unary()
        chain = 0
        while True:
            token = self.tokens[self.index]
            if token.kind != "op" and token.kind != "name":
                return left
            precedence = BINARY.get(token.value)
            if precedence is None or precedence < least:
                return left
            chain += 1
            if chain > 10 * MAX_DEPTH:
                self.fail(f"The limit of {10 * MAX_DEPTH} operators in one chain was reached")
            self.index += 1
            if token.value == "|":
                left = self.filter(left)
            elif token.value == "is":
                left = self.test(left, token.position)
            else:
                left = nodes.Binary(token.position, token.value, left, self.binary(precedence + 1))

    def filter(self, target: nodes.Node) -> nodes.Node:
        """The name and arguments behind `|`."""
        if self.is_op("|"):
            self.fail("Unexpected `||`", hint=_NOT_OPERATORS["|"])
        token = self.name("the name of a filter")
        arguments = self.arguments() if self.is_op("(") else nodes.Arguments([], {})
        if self.is_op(".") or self.is_op("["):
            self.fail(f"Unexpected {self.shown()} behind a filter", hint="Put the filter in brackets: (x | f).name")
        return nodes.Filter(token.position, target, token.value, arguments)

    def test(self, target: nodes.Node, position: int) -> nodes.Node:
        """The name behind `is` or `is not`."""
        token = self.name("the name of a test")
        negated = False
        if token.value == "not":
            negated, token = True, self.name("the name of a test")
        arguments = self.arguments() if self.is_op("(") else nodes.Arguments([], {})
        return nodes.Test(position, target, token.value, negated, arguments)

    def unary(self) -> nodes.Node:
        """`not`, `-`, `+`: tighter than every binary operator."""
        token = self.tokens[self.index]
        if token.kind in ("op", "name") and token.value in UNARY:
            self.index += 1
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self.fail(f"The limit of {MAX_DEPTH} nested expressions was reached")
            operand = self.unary()
            self.depth -= 1
            return nodes.Unary(token.position, token.value, operand)
        return self.postfix()

    def postfix(self) -> nodes.Node:
        """Attributes, methods and subscripts."""
        bracketed = self.is_op("(")
        node = self.primary()
        steps = 0
        while True:
            token = self.tokens[self.index]
            if token.kind != "op" or token.value not in (".", "["):
                return node
            if isinstance(node, _LITERALS) and not bracketed:
                self.fail(f"Unexpected `{token.value}` behind a literal", hint="Put the literal in brackets.")
            steps += 1
            if steps > MAX_DEPTH:
                self.fail(f"The limit of {MAX_DEPTH} steps in one path was reached")
            self.index += 1
            if token.value == "[":
                node = nodes.Subscript(token.position, node, self.expression())
                self.expect("]")
                continue
            attribute = self.tokens[self.index]
            if attribute.kind != "name":
                self.fail(f"Expected a name behind `.` but found {self.shown()}", hint="Use list[0] or map['key'].")
            self.index += 1
            if self.is_op("("):
                arguments = self.arguments()
                if arguments.named:
                    self.fail("Methods take no named arguments", attribute.position)
                node = nodes.Method(attribute.position, node, attribute.value, arguments)
            else:
                node = nodes.Attribute(attribute.position, node, attribute.value)

    def primary(self) -> nodes.Node:
        """Literals, names, calls and brackets."""
        token = self.tokens[self.index]
        kind, value, position = token
        if kind == "name":
            self.index += 1
            if value in CONSTANTS:
                return nodes.Literal(position, CONSTANTS[value])
            if self.is_op("("):
                return nodes.Call(position, value, self.arguments())
            return nodes.Name(position, value)
        if kind in ("string", "number"):
            self.index += 1
            return nodes.Literal(position, value)
        if kind == "parts":
            self.index += 1
            return nodes.Parts(position, [self.part(item, position) for item in value])
        if kind == "op":
            if value == "(":
                self.index += 1
                node = self.expression()
                self.expect(")")
                return node
            if value == "[":
                return self.list_literal(position)
            if value == "{":
                return self.map_literal(position)
        return self.fail(f"Expected an expression but found {self.shown()}", hint=_NOT_OPERATORS.get(str(value)))

    def part(self, item: str | list[Token], position: int) -> nodes.Node:
        """A piece of an interpolated text."""
        if isinstance(item, str):
            return nodes.Literal(position, item)
        inner = ExpressionParser(self.source, item, 0, self.depth)
        node = inner.expression()
        inner.end()
        return node

    def list_literal(self, position: int) -> nodes.Node:
        """`[a, b]`, no trailing comma."""
        self.index += 1
        items: list[nodes.Node] = []
        if not self.accept("]"):
            items.append(self.expression())
            while self.accept(","):
                items.append(self.expression())
            self.expect("]")
        return nodes.ListOf(position, items)

    def map_literal(self, position: int) -> nodes.Node:
        """`{k: v}`, no trailing comma."""
        self.index += 1
        items: list[tuple[nodes.Node, nodes.Node]] = []
        if not self.accept("}"):
            items.append(self.pair())
            while self.accept(","):
                items.append(self.pair())
            self.expect("}")
        return nodes.MapOf(position, items)

    def pair(self) -> tuple[nodes.Node, nodes.Node]:
        """A key and its value."""
        key = self.expression()
        self.expect(":")
        return key, self.expression()

    def arguments(self) -> nodes.Arguments:
        """`(a, b, name=c)`: positional first."""
        self.expect("(")
        result = nodes.Arguments([], {})
        if self.accept(")"):
            return result
        while True:
            token, following = self.tokens[self.index], self.tokens[self.index + 1]
            if token.kind == "name" and following.kind == "op" and following.value == "=":
                self.index += 2
                if token.value in result.named:
                    self.fail(f"The argument `{token.value}` is given twice", token.position)
                result.named[token.value] = self.expression()
            else:
                if result.named:
                    self.fail("Positional arguments stand before named ones")
                result.positional.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        return result


class TemplateParser:
    """Parses pieces into the template's tree."""

    __slots__ = ("depth", "index", "pieces", "source")

    def __init__(self, source: str, pieces: list[Piece]) -> None:
        self.source = source
        self.pieces = pieces
        self.index = 0
        self.depth = 0

    def parse(self) -> list[nodes.Node]:
        """The whole template."""
        body, piece = self.body(frozenset())
        if piece is not None:
            self.fail(f'Unexpected tag name "{piece.text}"', piece.position)
        return body

    def fail(self, message: str, position: int) -> NoReturn:
        """Raise an ExpressionError at `position`."""
        raise ExpressionError(message, source=self.source, position=position)

    def body(self, ends: frozenset[str]) -> tuple[list[nodes.Node], Piece | None]:
        """Nodes up to a tag named in `ends` (answered too) or the end of the template."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"The limit of {MAX_DEPTH} nested tags was reached", self.pieces[self.index - 1].position)
        result: list[nodes.Node] = []
        while self.index < len(self.pieces):
            piece = self.pieces[self.index]
            self.index += 1
            if piece.kind == "text" or piece.kind == "raw":
                result.append(nodes.Text(piece.position, piece.text, piece.kind == "raw"))
            elif piece.kind == "print":
                parser = ExpressionParser(self.source, piece.tokens)
                result.append(nodes.Print(piece.position, parser.expression()))
                parser.end()
            elif piece.text in ends:
                self.depth -= 1
                return result, piece
            else:
                result.append(self.tag(piece))
        self.depth -= 1
        return result, None

    def tag(self, piece: Piece) -> nodes.Node:
        """One tag with its body."""
        parser = ExpressionParser(self.source, piece.tokens, 1)
        if piece.text == "set":
            name = parser.name("the name of a variable").value
            parser.expect("=")
            node = nodes.Set(piece.position, name, parser.expression())
            parser.end()
            return node
        if piece.text == "if":
            return self.if_tag(piece, parser)
        if piece.text == "for":
            return self.for_tag(piece, parser)
        if piece.text == "filter":
            filters = [self.filter_name(parser)]
            while parser.accept("|"):
                filters.append(self.filter_name(parser))
            parser.end()
            return nodes.FilterBlock(piece.position, filters, self.closed_body(piece, "endfilter"))
        if piece.text == "macro":
            return self.macro_tag(piece, parser)
        if piece.text == "block":
            token = parser.tokens[parser.index]
            if token.kind not in ("name", "string"):
                parser.fail(f"Expected the name of a block but found {parser.shown()}")
            parser.index += 1
            parser.end()
            return nodes.Block(piece.position, token.value, self.closed_body(piece, "endblock", token.value))
        return self.fail(f'Unexpected tag name "{piece.text}"', piece.position)

    def closed_body(self, piece: Piece, end: str, name: str | None = None) -> list[nodes.Node]:
        """The body up to the tag `end`, which may repeat `name`."""
        body, closing = self.body(frozenset({end}))
        if closing is None:
            self.fail(f"The tag `{piece.text}` is not closed", piece.position)
        parser = ExpressionParser(self.source, closing.tokens, 1)
        token = parser.tokens[1]
        if name is not None and token.kind in ("name", "string") and token.value == name:
            parser.index += 1
        parser.end()
        return body

    def filter_name(self, parser: ExpressionParser) -> tuple[str, nodes.Arguments, int]:
        """A filter of `{% filter %}`."""
        token = parser.name("the name of a filter")
        arguments = parser.arguments() if parser.is_op("(") else nodes.Arguments([], {})
        return token.value, arguments, token.position

    def if_tag(self, piece: Piece, parser: ExpressionParser) -> nodes.Node:
        """`if`, `elseif`, `else`, `endif`."""
        branches: list[tuple[nodes.Node, list[nodes.Node]]] = []
        condition = parser.expression()
        parser.end()
        while True:
            body, closing = self.body(frozenset({"elseif", "else", "endif"}))
            branches.append((condition, body))
            if closing is None:
                self.fail("The tag `if` is not closed", piece.position)
            parser = ExpressionParser(self.source, closing.tokens, 1)
            if closing.text == "elseif":
                condition = parser.expression()
                parser.end()
                continue
            parser.end()
            otherwise = self.closed_body(piece, "endif") if closing.text == "else" else []
            return nodes.If(piece.position, branches, otherwise)

    def for_tag(self, piece: Piece, parser: ExpressionParser) -> nodes.Node:
        """`for x in e`, `else`, `endfor`."""
        name = parser.name("the name of a variable").value
        if parser.name("`in`").value != "in":
            parser.index -= 1
            parser.fail(f"Expected `in` but found {parser.shown()}")
        items = parser.expression()
        parser.end()
        body, closing = self.body(frozenset({"else", "endfor"}))
        if closing is None:
            self.fail("The tag `for` is not closed", piece.position)
        ExpressionParser(self.source, closing.tokens, 1).end()
        otherwise = self.closed_body(piece, "endfor") if closing.text == "else" else []
        return nodes.For(piece.position, name, items, body, otherwise)

    def macro_tag(self, piece: Piece, parser: ExpressionParser) -> nodes.Node:
        """`macro name(a, b='d')`, `endmacro`."""
        name = parser.name("the name of a macro").value
        parameters: list[tuple[str, nodes.Node | None]] = []
        parser.expect("(")
        if not parser.accept(")"):
            while True:
                parameter = parser.name("the name of an argument").value
                parameters.append((parameter, parser.expression() if parser.accept("=") else None))
                if not parser.accept(","):
                    break
            parser.expect(")")
        parser.end()
        return nodes.Macro(piece.position, name, parameters, self.closed_body(piece, "endmacro", name))
