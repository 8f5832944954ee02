"""Tree to nested closures `(context, runtime) -> value` over plain data."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from flowdeck.expr import arithmetic, nodes, runtime, values
from flowdeck.expr.errors import ExpressionError, UndefinedError
from flowdeck.expr.filters import FILTERS
from flowdeck.expr.filters.numbers import class_name_of_literal, class_name_of_parsed
from flowdeck.expr.functions import FUNCTIONS
from flowdeck.expr.functions.generate import number_range
from flowdeck.expr.methods import call_method
from flowdeck.expr.runtime import Runtime, Scope
from flowdeck.expr.signature import Parameter, Spec, bind
from flowdeck.expr.tests import TESTS
from flowdeck.expr.texts import text_of

Value = Callable[[Any, Any], Any]
Step = Callable[[Any, Any, list[str]], None]


class _Undefined:
    """What a soft read answers for a missing name."""


UNDEFINED = _Undefined()

_LOOKUP_ERRORS = (KeyError, TypeError, IndexError)


class Compiler:
    """Compiles one template; `needs_runtime` tells whether its closures use the runtime."""

    __slots__ = ("blocks", "macros", "needs_runtime", "source", "traces")

    def __init__(self, source: str, traces: bool) -> None:
        self.source = source
        self.traces = traces
        self.needs_runtime = False
        self.macros: dict[str, Callable[[list[Any], dict[str, Any], Any], str]] = {}
        self.blocks: dict[str, Step] = {}

    # ------------------------------------------------------------ templates

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
            value, name = self.value(node.value), node.name

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

    def text(self, node: nodes.Node) -> Callable[[Any, Any], str]:
        """An expression as text."""
        value = self.value(node)

        def run(c: Any, rt: Any) -> str:
            result = value(c, rt)
            return result if type(result) is str else text_of(result)

        return run

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
        items, name, position = self.value(node.items), node.name, node.items.position
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
                for index, element in enumerate(elements):
                    rt.tick()
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

    # ------------------------------------------------------------ expressions

    def value(self, node: nodes.Node) -> Value:
        """An expression as closure."""
        return _COMPILE[type(node)](self, node)

    def condition(self, node: nodes.Node, place: str) -> Callable[[Any, Any], bool]:
        """An expression under the truth of §4."""
        value, truth, position = self.value(node), values.truth, node.position

        def run(c: Any, rt: Any) -> bool:
            result = value(c, rt)
            if result is True or result is False:
                return result
            try:
                return truth(result, place)
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    def soft(self, node: nodes.Node) -> Value:
        """Like `value`, but UNDEFINED instead of an error for a missing name."""
        value = self.value(node)

        def run(c: Any, rt: Any) -> Any:
            try:
                return value(c, rt)
            except UndefinedError as error:
                if error.hard:
                    raise
                return UNDEFINED

        return run

    def literal(self, node: nodes.Literal) -> Value:
        value = node.value
        return lambda c, rt: value

    def parts(self, node: nodes.Parts) -> Value:
        texts = [self.text(item) for item in node.items]
        return lambda c, rt: arithmetic.bounded_text("".join([text(c, rt) for text in texts]))

    def list_of(self, node: nodes.ListOf) -> Value:
        items = [self.value(item) for item in node.items]
        return lambda c, rt: [item(c, rt) for item in items]

    def map_of(self, node: nodes.MapOf) -> Value:
        items = [(self.value(key), self.value(item)) for key, item in node.items]
        position = node.position

        def run(c: Any, rt: Any) -> Any:
            try:
                return {key(c, rt): item(c, rt) for key, item in items}
            except TypeError:
                raise ExpressionError("A list or map can not be the key of a map", position=position) from None

        return run

    def name(self, node: nodes.Name) -> Value:
        name, position = node.name, node.position
        if name == "_context":
            return _whole_context

        def run(c: Any, rt: Any) -> Any:
            try:
                return c[name]
            except KeyError:
                raise UndefinedError(name, position) from None

        return run

    def access(self, node: nodes.Attribute | nodes.Subscript) -> Value:
        """A path: a name with static steps becomes one closure, other targets are stepped one by one."""
        steps: list[tuple[Callable[[Any, Any], Any], Any, int]] = []
        root: nodes.Node = node
        while True:
            if isinstance(root, nodes.Attribute):
                steps.append((values.attribute, root.name, root.position))
                root = root.target
            elif isinstance(root, nodes.Subscript) and isinstance(root.key, nodes.Literal):
                steps.append((values.subscript, root.key.value, root.key.position))
                root = root.target
            else:
                break
        if not steps:
            assert isinstance(node, nodes.Subscript)
            return self.dynamic(node)
        steps.reverse()
        target = self.value(root)

        def slow(c: Any, rt: Any) -> Any:
            value = target(c, rt)
            for step, key, position in steps:
                try:
                    value = step(value, key)
                except ExpressionError as error:
                    raise error.at(position) from None
            return value

        if not isinstance(root, nodes.Name) or root.name == "_context":
            return slow
        if not all(isinstance(key, str) for _, key, _ in steps):
            return slow
        return _path(root.name, [key for _, key, _ in steps], slow)

    def dynamic(self, node: nodes.Subscript) -> Value:
        target, key, position = self.value(node.target), self.argument(node.key), node.key.position

        def run(c: Any, rt: Any) -> Any:
            try:
                return values.subscript(target(c, rt), key(c, rt))
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    def argument(self, node: nodes.Node) -> Value:
        """A value whose missing names are errors everywhere (§4)."""
        value = self.value(node)
        if isinstance(node, nodes.Literal):
            return value

        def run(c: Any, rt: Any) -> Any:
            try:
                return value(c, rt)
            except UndefinedError as error:
                error.hard = True
                raise

        return run

    def method(self, node: nodes.Method) -> Value:
        target, name, position = self.value(node.target), node.name, node.position
        arguments = [self.argument(item) for item in node.arguments.positional]
        self.needs_runtime = True

        def run(c: Any, rt: Any) -> Any:
            value = target(c, rt)
            try:
                return call_method(rt, value, name, [item(c, rt) for item in arguments])
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    def unary(self, node: nodes.Unary) -> Value:
        position = node.position
        if node.operator == "not":
            test = self.condition(node.operand, "`not`")
            return lambda c, rt: not test(c, rt)
        if isinstance(node.operand, nodes.Literal) and values.is_number(node.operand.value):
            number = -node.operand.value if node.operator == "-" else node.operand.value
            return lambda c, rt: number
        operand = self.value(node.operand)
        apply = arithmetic.negate if node.operator == "-" else _plus

        def run(c: Any, rt: Any) -> Any:
            try:
                return apply(operand(c, rt))
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    def binary(self, node: nodes.Binary) -> Value:
        symbol = node.operator
        if symbol in ("??", "???"):
            return self.coalesce(node)
        if symbol in ("and", "or"):
            return self.logic(node)
        spine = [node]
        while isinstance(spine[-1].left, nodes.Binary) and spine[-1].left.operator not in (
            "??", "???", "and", "or",
        ):  # fmt: skip
            spine.append(spine[-1].left)
        if symbol == "~" and all(item.operator == "~" for item in spine):
            texts = [self.text(spine[-1].left), *(self.text(item.right) for item in reversed(spine))]
            return lambda c, rt: arithmetic.bounded_text("".join([text(c, rt) for text in texts]))
        if len(spine) > 2:
            return self.chain(spine)
        left, right = self.value(node.left), self.value(node.right)
        apply, position = _OPERATORS[symbol], node.position

        def run(c: Any, rt: Any) -> Any:
            a = left(c, rt)
            b = right(c, rt)
            try:
                return apply(a, b)
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    def chain(self, spine: list[nodes.Binary]) -> Value:
        """A long left-associative chain without recursion."""
        first = self.value(spine[-1].left)
        rest = [(_OPERATORS[item.operator], self.value(item.right), item.position) for item in reversed(spine)]

        def run(c: Any, rt: Any) -> Any:
            value = first(c, rt)
            for apply, right, position in rest:
                other = right(c, rt)
                try:
                    value = apply(value, other)
                except ExpressionError as error:
                    raise error.at(position) from None
            return value

        return run

    def coalesce(self, node: nodes.Binary) -> Value:
        left, right = self.soft(node.left), self.value(node.right)
        if node.operator == "???":

            def undefined(c: Any, rt: Any) -> Any:
                value = left(c, rt)
                return right(c, rt) if value is UNDEFINED else value

            return undefined

        def null(c: Any, rt: Any) -> Any:
            value = left(c, rt)
            return right(c, rt) if value is UNDEFINED or value is None else value

        return null

    def logic(self, node: nodes.Binary) -> Value:
        """`and`, `or`: a whole chain of one operator is one loop."""
        symbol, items, spine = node.operator, [node.right], node.left
        while isinstance(spine, nodes.Binary) and spine.operator == symbol:
            items.append(spine.right)
            spine = spine.left
        items.append(spine)
        tests = [self.condition(item, f"`{symbol}`") for item in reversed(items)]
        stop = symbol == "or"
        if len(tests) == 2:
            left, right = tests
            if stop:
                return lambda c, rt: left(c, rt) or right(c, rt)
            return lambda c, rt: left(c, rt) and right(c, rt)

        def run(c: Any, rt: Any) -> bool:
            for test in tests:
                if test(c, rt) is stop:
                    return stop
            return not stop

        return run

    def ternary(self, node: nodes.Ternary) -> Value:
        value, then, otherwise = self.value(node.condition), self.value(node.then), self.value(node.otherwise)
        position = node.position

        def run(c: Any, rt: Any) -> Any:
            test = value(c, rt)
            if test is not True and test is not False:
                try:
                    test = test is not None and values.truth(test, "`? :`")
                except ExpressionError as error:
                    raise error.at(position) from None
            return then(c, rt) if test else otherwise(c, rt)

        return run

    def test(self, node: nodes.Test) -> Value:
        spec, position, negated = TESTS.get(node.name), node.position, node.negated
        if spec is None:
            return _failing(f"Test [{node.name}] does not exist.", position)
        if node.arguments.nodes():
            return _failing("The argument at position 1 is not allowed. Only 0 argument(s) are allowed.", position)
        target, test = self.value(node.target), spec.run
        if node.name == "defined":
            soft = self.soft(node.target)

            def defined(c: Any, rt: Any) -> bool:
                value = soft(c, rt)
                return (value is UNDEFINED or value is None) is negated

            return defined

        def run(c: Any, rt: Any) -> bool:
            value = target(c, rt)
            try:
                return test(value) is not negated
            except ExpressionError as error:
                raise error.at(position) from None

        return run

    # ------------------------------------------------------------ filters and functions

    def bound(self, spec: Spec, arguments: nodes.Arguments, owner: str) -> list[Value]:
        """Closures of the arguments in the order of the parameters."""
        named = dict(arguments.named)
        found = bind(spec.parameters, spec.variadic, arguments.positional, named, owner)
        return [self.argument(item) if isinstance(item, nodes.Node) else _constant(item.default) for item in found]

    def filter(self, node: nodes.Filter) -> Value:
        spec, position = FILTERS.get(node.name), node.position
        if spec is None:
            return _failing(f"Filter [{node.name}] does not exist.", position)
        try:
            arguments = self.bound(spec, node.arguments, "The argument '{}' is required.")
        except ExpressionError as error:
            return _failing(error.message, position)
        if node.name == "default":
            return self.default(node.target, arguments[0])
        if node.name == "className":
            special = self.class_name(node.target)
            if special is not None:
                return special
        target = self.value(node.target)
        self.needs_runtime |= spec.needs == "runtime" or self.traces
        apply = _filtered(spec, target, arguments, position)
        if not self.traces:
            return apply

        def traced(c: Any, rt: Runtime) -> Any:
            value = target(c, rt)
            result = _filtered(spec, lambda c, rt: value, arguments, position)(c, rt)
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
            return _constant(class_name_of_literal(target.value))
        if isinstance(target, nodes.Filter) and target.name == "number":
            try:
                arguments = self.bound(FILTERS["number"], target.arguments, "{}")
            except ExpressionError as error:
                return _failing(error.message, target.position)
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
            return _failing(error.message, position)
        run, needs = spec.run, spec.needs
        self.needs_runtime |= needs != "nothing"

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
                raise _hard(error).at(position) from None
            except _DATA_ERRORS as error:
                raise _wrapped("function", name, error, position) from None
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
                raise _hard(error).at(position) from None
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
        positional = [self.argument(item) for item in node.arguments.positional]
        named = {key: self.argument(item) for key, item in node.arguments.named.items()}

        def run(c: Any, rt: Any) -> Any:
            macro = macros.get(name)
            if macro is None:
                raise ExpressionError(f"Function or Macro [{name}] does not exist.", position=position)
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
            return _failing(error.message, position)

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


_DATA_ERRORS = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


def _filtered(spec: Spec, target: Value, arguments: list[Value], position: int) -> Value:
    run, nulls, name = spec.run, spec.nulls, spec.name
    refused = f"The filter `{name}` was given null"
    if spec.needs == "nothing" and not arguments:

        def plain(c: Any, rt: Any) -> Any:
            value = target(c, rt)
            if value is None and nulls != "call":
                if nulls == "pass":
                    return None
                raise ExpressionError(refused, position=position)
            try:
                return run(value)
            except ExpressionError as error:
                raise error.at(position) from None
            except _DATA_ERRORS as error:
                raise _wrapped("filter", name, error, position) from None

        return plain
    with_runtime = spec.needs == "runtime"

    def apply(c: Any, rt: Any) -> Any:
        value = target(c, rt)
        values = [argument(c, rt) for argument in arguments]
        if value is None and nulls != "call":
            if nulls == "pass":
                return None
            raise ExpressionError(refused, position=position)
        try:
            return run(rt, value, *values) if with_runtime else run(value, *values)
        except ExpressionError as error:
            raise error.at(position) from None
        except _DATA_ERRORS as error:
            raise _wrapped("filter", name, error, position) from None

    return apply


def _wrapped(what: str, name: str, error: Exception, position: int) -> ExpressionError:
    """A data error of an implementation as one of the render."""
    return ExpressionError(f"The {what} `{name}` failed: {str(error)[:300] or type(error).__name__}", position=position)


def _hard(error: ExpressionError) -> ExpressionError:
    """An error that no `??` around the call may swallow."""
    if isinstance(error, UndefinedError):
        error.hard = True
    return error


def _failing(message: str, position: int) -> Value:
    """Unknown names and wrong arguments are errors of the render, not of the syntax (§4)."""

    def run(c: Any, rt: Any) -> Any:
        raise ExpressionError(message, position=position)

    return run


def _whole_context(c: Any, rt: Any) -> Any:
    """`_context`: inside a macro the argument of that name."""
    try:
        return c["_context"]
    except KeyError:
        return runtime.flat(c)


def _constant(value: Any) -> Value:
    return lambda c, rt: value


def _plus(value: Any) -> Any:
    return values.number(value, "unary `+`")


def _path(root: str, keys: list[str], slow: Value) -> Value:
    """The folded closure of `root.a.b`: direct look-ups, the stepwise reading only when they fail."""
    if len(keys) == 1:
        (a,) = keys

        def one(c: Any, rt: Any) -> Any:
            try:
                return c[root][a]
            except _LOOKUP_ERRORS:
                return slow(c, rt)

        return one
    if len(keys) == 2:
        a, b = keys

        def two(c: Any, rt: Any) -> Any:
            try:
                return c[root][a][b]
            except _LOOKUP_ERRORS:
                return slow(c, rt)

        return two

    def many(c: Any, rt: Any) -> Any:
        try:
            value = c[root]
            for key in keys:
                value = value[key]
            return value
        except _LOOKUP_ERRORS:
            return slow(c, rt)

    return many


def _not_equals(left: Any, right: Any) -> bool:
    return not values.equals(left, right)


def _order(compare: Callable[[Any, Any], bool], symbol: str) -> Callable[[Any, Any], bool]:
    return lambda left, right: values.ordered(left, right, compare, symbol)


def _concatenate(left: Any, right: Any) -> str:
    return arithmetic.bounded_text(text_of(left) + text_of(right))


def _range(left: Any, right: Any) -> list[Any]:
    return number_range(left, right, 1)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "%": arithmetic.remainder,
    "~": _concatenate,
    "==": values.equals,
    "equals": values.equals,
    "!=": _not_equals,
    "<": _order(operator.lt, "<"),
    ">": _order(operator.gt, ">"),
    "<=": _order(operator.le, "<="),
    ">=": _order(operator.ge, ">="),
    "contains": values.contains,
    "isIn": values.is_in,
    "..": _range,
}

_COMPILE: dict[type[nodes.Node], Callable[[Compiler, Any], Value]] = {
    nodes.Literal: Compiler.literal,
    nodes.Parts: Compiler.parts,
    nodes.ListOf: Compiler.list_of,
    nodes.MapOf: Compiler.map_of,
    nodes.Name: Compiler.name,
    nodes.Attribute: Compiler.access,
    nodes.Subscript: Compiler.access,
    nodes.Method: Compiler.method,
    nodes.Call: Compiler.call,
    nodes.Filter: Compiler.filter,
    nodes.Test: Compiler.test,
    nodes.Unary: Compiler.unary,
    nodes.Binary: Compiler.binary,
    nodes.Ternary: Compiler.ternary,
}
