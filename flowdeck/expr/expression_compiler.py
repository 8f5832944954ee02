"""Expressions to nested closures `(context, runtime) -> value` over plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from flowdeck.expr import arithmetic, nodes, values
from flowdeck.expr.closures import (
    UNDEFINED,
    Value,
    failing,
    nearest,
    path,
    whole_context,
)
from flowdeck.expr.errors import ExpressionError, UndefinedError
from flowdeck.expr.methods import call_method
from flowdeck.expr.operators import OPERATORS, plus
from flowdeck.expr.tests import TESTS
from flowdeck.expr.texts import text_of
from flowdeck.expr.weights import weighed


class ExpressionCompiler:
    """Literals, paths, operators; `table` says which method compiles which node."""

    __slots__ = ("needs_runtime", "traces")
    table: ClassVar[dict[type[nodes.Node], Callable[[Any, Any], Value]]] = {}

    def __init__(self, traces: bool) -> None:
        self.traces = traces
        self.needs_runtime = False

    # ------------------------------------------------------------ expressions

    def value(self, node: nodes.Node) -> Value:
        """An expression as closure."""
        return self.table[type(node)](self, node)

    def kept(self, node: nodes.Node) -> Value:
        """A value that gets a name: what was built here is weighed, so that it can't double for ever."""
        value, position = self.value(node), node.position
        if isinstance(node, (nodes.Literal, nodes.Name, nodes.Attribute, nodes.Subscript, nodes.Test, nodes.Unary)):
            return value

        def run(c: Any, rt: Any) -> Any:
            result = value(c, rt)
            try:
                return weighed(result)
            except ExpressionError as error:
                raise error.at(position) from None

        return run

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
            return whole_context

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
        return path(root.name, [key for _, key, _ in steps], slow)

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
        return self.strict(node, self.value(node))

    def given(self, node: nodes.Node) -> Value:
        """An argument that gets a name inside a macro."""
        return self.strict(node, self.kept(node))

    def strict(self, node: nodes.Node, value: Value) -> Value:
        """`value`, whose missing names are errors everywhere."""
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
                result = call_method(rt, value, name, [item(c, rt) for item in arguments])
            except ExpressionError as error:
                raise error.at(position) from None
            if rt.secrets and rt.holds_secret(value):
                rt.tell(result, derived=True)
            return result

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
        apply = arithmetic.negate if node.operator == "-" else plus

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
        apply, position = OPERATORS[symbol], node.position

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
        rest = [(OPERATORS[item.operator], self.value(item.right), item.position) for item in reversed(spine)]

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
            return failing(f"Test [{node.name}] does not exist.", position, nearest(node.name, TESTS))
        if node.arguments.nodes():
            return failing("The argument at position 1 is not allowed. Only 0 argument(s) are allowed.", position)
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

    def text(self, node: nodes.Node) -> Callable[[Any, Any], str]:
        """An expression as text."""
        value = self.value(node)

        def run(c: Any, rt: Any) -> str:
            result = value(c, rt)
            return result if type(result) is str else text_of(result)

        return run
