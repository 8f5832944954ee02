"""Templates to steps that write texts; the compiler of everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flowdeck.expr import nodes, values
from flowdeck.expr.call_compiler import CallCompiler
from flowdeck.expr.closures import (
    Step,
    Value,
)
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.runtime import Runtime, Scope
from flowdeck.expr.signature import Parameter, bind
from flowdeck.expr.texts import text_of

_PIECES = 4096
"""Texts that a loop may have written before they are joined."""


class Compiler(CallCompiler):
    """Compiles one template; `needs_runtime` tells whether its closures use the runtime.

    With `traces`, results made of secrets are told; only templates that may see secrets pay for it.
    """

    __slots__ = ()
    table: ClassVar[dict[type[nodes.Node], Callable[[Any, Any], Value]]] = {
        nodes.Literal: CallCompiler.literal,
        nodes.Parts: CallCompiler.parts,
        nodes.ListOf: CallCompiler.list_of,
        nodes.MapOf: CallCompiler.map_of,
        nodes.Name: CallCompiler.name,
        nodes.Attribute: CallCompiler.access,
        nodes.Subscript: CallCompiler.access,
        nodes.Method: CallCompiler.method,
        nodes.Call: CallCompiler.call,
        nodes.Filter: CallCompiler.filter,
        nodes.Test: CallCompiler.test,
        nodes.Unary: CallCompiler.unary,
        nodes.Binary: CallCompiler.binary,
        nodes.Ternary: CallCompiler.ternary,
    }

    def body(self, items: list[nodes.Node]) -> Step:
        """A list of template nodes as one step that writes to a list of texts."""
        steps = [self.step(item) for item in items]
        if len(steps) == 1:
            return steps[0]

        def run(c: Any, rt: Any, out: list[str]) -> None:
            for step in steps:
                step(c, rt, out)

        return run

    def step(self, node: nodes.Node) -> Step:
        """One template node."""
        self.needs_runtime = True
        if isinstance(node, (nodes.Text, nodes.Print)):
            text = self.piece(node)

            def write(c: Any, rt: Any, out: list[str]) -> None:
                piece = text(c, rt)
                rt.grow(len(piece))
                out.append(piece)

            return write
        if isinstance(node, nodes.If):
            return self.if_step(node)
        if isinstance(node, nodes.For):
            return self.for_step(node)
        if isinstance(node, nodes.Set):
            value, name = self.kept(node.value), node.name

            def assign(c: Any, rt: Any, out: list[str]) -> None:
                c.assign(name, value(c, rt))

            return assign
        if isinstance(node, nodes.FilterBlock):
            return self.filter_step(node)
        if isinstance(node, nodes.Macro):
            self.macro(node)
            return lambda c, rt, out: None
        if isinstance(node, nodes.Block):
            return self.blocks.setdefault(node.name, self.body(node.body))
        raise ExpressionError(f"No such node: {type(node).__name__}")

    def piece(self, node: nodes.Node) -> Callable[[Any, Any], str]:
        """The text of a Text or Print node."""
        if isinstance(node, nodes.Text):
            text = node.text
            if not node.raw:
                return lambda c, rt: text

            def raw(c: Any, rt: Any) -> str:
                if rt is None or rt.raws is None:
                    return text
                rt.raws.append(text)
                return f"\x00raw{len(rt.raws) - 1}\x00"

            return raw
        assert isinstance(node, nodes.Print)
        return self.text(node.expression)

    def if_step(self, node: nodes.If) -> Step:
        branches = [(self.condition(test, "if"), self.body(body)) for test, body in node.branches]
        otherwise = self.body(node.otherwise)

        def run(c: Any, rt: Any, out: list[str]) -> None:
            for test, body in branches:
                if test(c, rt):
                    body(c, rt, out)
                    return
            otherwise(c, rt, out)

        return run

    def for_step(self, node: nodes.For) -> Step:
        items, name, position = self.kept(node.items), node.name, node.items.position
        body, otherwise = self.body(node.body), self.body(node.otherwise)

        def run(c: Any, rt: Any, out: list[str]) -> None:
            value = items(c, rt)
            if value is None:
                return
            try:
                elements = values.iterable(value)
                length = len(elements)
                if not length:
                    otherwise(c, rt, out)
                    return
                written = len(out)
                for index, element in enumerate(elements):
                    rt.tick()
                    if len(out) - written > _PIECES:  # a million short texts take seven times their length
                        out[written:] = ["".join(out[written:])]
                        written += 1
                    scope = Scope(c)
                    scope[name] = element
                    scope["loop"] = {
                        "index": index,
                        "length": length,
                        "first": index == 0,
                        "last": index == length - 1,
                        "revindex": length - index - 1,
                    }
                    body(scope, rt, out)
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    def filter_step(self, node: nodes.FilterBlock) -> Step:
        body = self.body(node.body)
        inner: nodes.Node = nodes.Name(node.position, "\x00body")
        for name, arguments, position in node.filters:
            inner = nodes.Filter(position, inner, name, arguments)
        value = self.value(inner)

        def run(c: Any, rt: Any, out: list[str]) -> None:
            texts: list[str] = []
            body(c, rt, texts)
            scope = Scope(c)
            scope["\x00body"] = "".join(texts)
            text = text_of(value(scope, rt))
            rt.grow(len(text))
            out.append(text)

        return run

    def macro(self, node: nodes.Macro) -> None:
        body = self.body(node.body)
        parameters = [(name, self.value(value) if value else None) for name, value in node.parameters]
        declared = tuple(Parameter(name, None) for name, _ in parameters)

        def call(positional: list[Any], named: dict[str, Any], rt: Runtime) -> str:
            scope = Scope({})
            for (name, default), value in zip(parameters, bind(declared, False, positional, named, ""), strict=True):
                if isinstance(value, Parameter):
                    value = default(scope, rt) if default else None
                scope[name] = value
            texts: list[str] = []
            rt.tick()
            rt.enter()
            body(scope, rt, texts)
            rt.leave()
            return "".join(texts)

        self.macros[node.name] = call
