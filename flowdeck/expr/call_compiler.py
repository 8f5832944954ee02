"""Filters, functions and macros to closures; arguments meet their parameters while compiling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowdeck.expr import nodes, values
from flowdeck.expr.closures import (
    DATA_ERRORS,
    UNDEFINED,
    Step,
    Value,
    applied,
    constant,
    failing,
    filtered,
    hard,
    nearest,
    wrapped,
)
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.expression_compiler import ExpressionCompiler
from flowdeck.expr.filters import FILTERS
from flowdeck.expr.filters.numbers import class_name_of_literal, class_name_of_parsed
from flowdeck.expr.functions import FUNCTIONS
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.signature import Spec, bind
from flowdeck.expr.texts import text_of


class CallCompiler(ExpressionCompiler):
    """What has a name and arguments."""

    __slots__ = ("blocks", "macros")

    def __init__(self, traces: bool) -> None:
        super().__init__(traces)
        self.macros: dict[str, Callable[[list[Any], dict[str, Any], Any], str]] = {}
        self.blocks: dict[str, Step] = {}

    def bound(self, spec: Spec, arguments: nodes.Arguments, owner: str) -> list[Value]:
        """Closures of the arguments in the order of the parameters."""
        named = dict(arguments.named)
        found = bind(spec.parameters, spec.variadic, arguments.positional, named, owner)
        return [self.argument(item) if isinstance(item, nodes.Node) else constant(item.default) for item in found]

    def filter(self, node: nodes.Filter) -> Value:
        spec, position = FILTERS.get(node.name), node.position
        if spec is None:
            return failing(f"Filter [{node.name}] does not exist.", position, nearest(node.name, FILTERS))
        try:
            arguments = self.bound(spec, node.arguments, "The argument '{}' is required.")
        except ExpressionError as error:
            return failing(error.message, position)
        if node.name == "default":
            return self.default(node.target, arguments[0])
        if node.name == "className":
            special = self.class_name(node.target)
            if special is not None:
                return special
        target = self.value(node.target)
        self.needs_runtime |= spec.needs == "runtime" or self.traces
        if not self.traces:
            return filtered(spec, target, arguments, position)
        apply = applied(spec, arguments, position)

        def traced(c: Any, rt: Runtime) -> Any:
            value = target(c, rt)
            result = apply(c, rt, value)
            if rt.secrets and rt.holds_secret(value):
                rt.tell(result, derived=True)
            return result

        return traced

    def default(self, target: nodes.Node, argument: Value) -> Value:
        """`default`: for null, undefined, blank text and empty containers; its argument is eager."""
        soft = self.soft(target)

        def run(c: Any, rt: Any) -> Any:
            value, other = soft(c, rt), argument(c, rt)
            if value is UNDEFINED or value is None:
                return other
            if isinstance(value, str):
                return value if value.strip() else other
            if isinstance(value, (list, tuple, set, frozenset, Mapping)):
                return value if len(value) else other
            return value

        return run

    def class_name(self, target: nodes.Node) -> Value | None:
        """`className` behind a literal or `number`, whose types plain values do not show."""
        if isinstance(target, nodes.Literal) and values.is_number(target.value):
            return constant(class_name_of_literal(target.value))
        if isinstance(target, nodes.Filter) and target.name == "number":
            try:
                arguments = self.bound(FILTERS["number"], target.arguments, "{}")
            except ExpressionError as error:
                return failing(error.message, target.position)
            value = self.value(target.target)
            return lambda c, rt: class_name_of_parsed(value(c, rt), arguments[0](c, rt))
        return None

    def call(self, node: nodes.Call) -> Value:
        name, position = node.name, node.position
        spec = FUNCTIONS.get(name)
        if spec is None:
            return self.macro_call(node)
        if name == "block":
            return self.block_call(node)
        try:
            owner = f"The '{name}' function expects an argument '{{}}'."
            if spec.io:
                bind(spec.parameters, spec.variadic, node.arguments.positional, dict(node.arguments.named), owner)
                return self.io_call(node, spec)
            arguments = self.bound(spec, node.arguments, owner)
        except ExpressionError as error:
            return failing(error.message, position)
        run, needs = spec.run, spec.needs
        self.needs_runtime |= needs != "nothing" or self.traces

        def apply(c: Any, rt: Any) -> Any:
            values = [argument(c, rt) for argument in arguments]
            try:
                if needs == "nothing":
                    result = run(*values)
                elif needs == "runtime":
                    result = run(rt, *values)
                else:
                    result = run(rt, c, *values)
            except ExpressionError as error:
                raise hard(error).at(position) from None
            except DATA_ERRORS as error:
                raise wrapped("function", name, error, position) from None
            if rt is not None and rt.secrets and rt.holds_secret(values):
                rt.tell(result, derived=True)
            return result

        return apply

    def io_call(self, node: nodes.Call, spec: Spec) -> Value:
        """A function that the environment provides; it gets the arguments as they are written."""
        self.needs_runtime = True
        name, position = node.name, node.position
        positional = [self.argument(item) for item in node.arguments.positional]
        named = {key: self.argument(item) for key, item in node.arguments.named.items()}

        def run(c: Any, rt: Runtime) -> Any:
            function = rt.env.io.get(name)
            if function is None:
                raise ExpressionError(f"The function `{name}` is not available here", position=position)
            values = [item(c, rt) for item in positional]
            pairs = {key: item(c, rt) for key, item in named.items()}
            try:
                result = function(*values, **pairs)
            except ExpressionError as error:
                raise hard(error).at(position) from None
            except Exception as error:  # whatever the outside fails with fails the render
                message = str(error) or type(error).__name__
                raise ExpressionError(message, position=position) from error
            if spec.secret:
                rt.tell(result)
            return result

        return run

    def macro_call(self, node: nodes.Call) -> Value:
        self.needs_runtime = True
        name, position, macros = node.name, node.position, self.macros
        positional = [self.given(item) for item in node.arguments.positional]
        named = {key: self.given(item) for key, item in node.arguments.named.items()}

        def run(c: Any, rt: Any) -> Any:
            macro = macros.get(name)
            if macro is None:
                raise ExpressionError(
                    f"Function or Macro [{name}] does not exist.",
                    position=position,
                    hint=nearest(name, [*FUNCTIONS, *macros]),
                )
            values = [item(c, rt) for item in positional]
            pairs = {key: item(c, rt) for key, item in named.items()}
            try:
                return macro(values, pairs, rt)
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    def block_call(self, node: nodes.Call) -> Value:
        """`block("n")`: prints a block of this template again."""
        self.needs_runtime = True
        position, blocks = node.position, self.blocks
        try:
            name = self.bound(FUNCTIONS["block"], node.arguments, "The 'block' function expects an argument '{}'.")[0]
        except ExpressionError as error:
            return failing(error.message, position)

        def run(c: Any, rt: Any) -> str:
            step = blocks.get(text_of(name(c, rt)))
            if step is None:
                raise ExpressionError(f"Block [{text_of(name(c, rt))}] does not exist.", position=position)
            texts: list[str] = []
            rt.tick()
            rt.enter()
            step(c, rt, texts)
            rt.leave()
            return "".join(texts)

        return run
