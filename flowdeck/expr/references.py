"""What a template refers to, read from its tree: reference paths, functions, unknown names."""

from __future__ import annotations

from flowdeck.expr import nodes
from flowdeck.expr.filters import FILTERS
from flowdeck.expr.functions import FUNCTIONS
from flowdeck.expr.tests import TESTS

WHOLE_CONTEXT: tuple[str, ...] = ("*",)
"""The reference of a template that may read any name: `printContext()`, `_context`, `render(unknown)`."""

# Names that functions read from the context by themselves.
IMPLICIT: dict[str, tuple[tuple[str, ...], ...]] = {
    "printContext": (WHOLE_CONTEXT,),
    "fetchContext": (WHOLE_CONTEXT,),
    "currentEachOutput": (("parents",), ("taskrun",)),
    "iterationOutput": (("outputs",), ("parents",), ("parent",), ("taskrun",), ("task",)),
    "parentOutput": (("parents",), ("parent",), ("outputs",)),
    "tasksWithState": (("tasks",),),
    "fileURI": (("flow", "namespace"),),
}
RENDERERS = frozenset({"render", "renderOnce"})


class Collector:
    """Walks a tree once; names bound by `for`, `set` and macros are no references."""

    __slots__ = ("dynamic", "functions", "inner", "macros", "problems", "refs")

    def __init__(self) -> None:
        self.refs: set[tuple[str, ...]] = set()
        self.functions: set[str] = set()
        self.problems: list[tuple[str, int]] = []
        self.inner: list[str] = []
        self.dynamic = False
        self.macros: set[str] = set()

    def template(self, items: list[nodes.Node]) -> None:
        """The whole template."""
        self.find_macros(items)
        self.body(items, frozenset())

    def find_macros(self, items: list[nodes.Node]) -> None:
        """Names of the macros at any depth."""
        for item in items:
            if isinstance(item, nodes.Macro):
                self.macros.add(item.name)
            for body in _bodies(item):
                self.find_macros(body)

    def body(self, items: list[nodes.Node], local: frozenset[str]) -> None:
        """Template nodes in order; a `set` binds for what follows it."""
        for item in items:
            if isinstance(item, nodes.Set):
                self.visit(item.value, local)
                local |= {item.name}
            elif isinstance(item, nodes.Print):
                self.visit(item.expression, local)
            elif isinstance(item, nodes.If):
                for test, body in item.branches:
                    self.visit(test, local)
                    self.body(body, local)
                self.body(item.otherwise, local)
            elif isinstance(item, nodes.For):
                self.visit(item.items, local)
                self.body(item.body, local | {item.name, "loop"})
                self.body(item.otherwise, local)
            elif isinstance(item, nodes.Macro):
                names = {name for name, _ in item.parameters}
                for _, default in item.parameters:
                    if default is not None:
                        self.visit(default, frozenset(names))
                self.body(item.body, frozenset(names))
            elif isinstance(item, nodes.Block):
                self.body(item.body, local)
            elif isinstance(item, nodes.FilterBlock):
                for name, arguments, position in item.filters:
                    self.known(name, position, "Filter", FILTERS)
                    self.visit_all(arguments.nodes(), local)
                self.body(item.body, local)

    def known(self, name: str, position: int, what: str, table: object) -> None:
        """Record a name that its table does not have."""
        if name not in table:  # type: ignore[operator]
            self.problems.append((f"{what} [{name}] does not exist.", position))

    def visit_all(self, items: list[nodes.Node], local: frozenset[str]) -> None:
        """Several expressions."""
        for item in items:
            self.visit(item, local)

    def visit(self, node: nodes.Node, local: frozenset[str]) -> None:
        """One expression; left-deep chains are walked without recursion."""
        while isinstance(node, (nodes.Binary, nodes.Filter, nodes.Test, nodes.Method)):
            if isinstance(node, nodes.Binary):
                self.visit(node.right, local)
                node = node.left
                continue
            self.visit_all(node.arguments.nodes(), local)
            if isinstance(node, nodes.Filter):
                self.known(node.name, node.position, "Filter", FILTERS)
            elif isinstance(node, nodes.Test):
                self.known(node.name, node.position, "Test", TESTS)
            node = node.target
        if isinstance(node, (nodes.Name, nodes.Attribute, nodes.Subscript)):
            self.path(node, local)
        elif isinstance(node, nodes.Call):
            self.call(node, local)
        elif isinstance(node, (nodes.Parts, nodes.ListOf)):
            self.visit_all(node.items, local)
        elif isinstance(node, nodes.MapOf):
            for key, value in node.items:
                self.visit(key, local)
                self.visit(value, local)
        elif isinstance(node, nodes.Unary):
            self.visit(node.operand, local)
        elif isinstance(node, nodes.Ternary):
            self.visit_all([node.condition, node.then, node.otherwise], local)

    def path(self, node: nodes.Node, local: frozenset[str]) -> None:
        """A path; behind a dynamic step its static prefix is needed whole."""
        keys: list[str | None] = []
        while True:
            if isinstance(node, nodes.Attribute):
                keys.append(node.name)
                node = node.target
            elif isinstance(node, nodes.Subscript):
                if isinstance(node.key, nodes.Literal) and isinstance(node.key.value, (str, int)):
                    keys.append(str(node.key.value))
                else:
                    keys.append(None)
                    self.visit(node.key, local)
                node = node.target
            else:
                break
        if not isinstance(node, nodes.Name):
            self.visit(node, local)
            return
        if node.name in local:
            return
        if node.name == "_context":
            self.refs.add(WHOLE_CONTEXT)
            return
        steps = keys[::-1]
        static = steps[: steps.index(None)] if None in steps else steps
        found = [key for key in static if key is not None]
        while found and found[-1] in ("length", "size"):
            found.pop()
        self.refs.add((node.name, *found))

    def call(self, node: nodes.Call, local: frozenset[str]) -> None:
        """A function or macro."""
        arguments = node.arguments.nodes()
        self.visit_all(arguments, local)
        if node.name not in FUNCTIONS:
            if node.name not in self.macros:
                self.problems.append((f"Function or Macro [{node.name}] does not exist.", node.position))
            return
        self.functions.add(node.name)
        self.refs.update(IMPLICIT.get(node.name, ()))
        if node.name in RENDERERS:
            text = arguments[0] if arguments else None
            if isinstance(text, nodes.Literal):
                if isinstance(text.value, str):
                    self.inner.append(text.value)
            else:
                self.dynamic = True
                self.refs.add(WHOLE_CONTEXT)


def _bodies(item: nodes.Node) -> list[list[nodes.Node]]:
    if isinstance(item, nodes.If):
        return [*(body for _, body in item.branches), item.otherwise]
    if isinstance(item, nodes.For):
        return [item.body, item.otherwise]
    if isinstance(item, (nodes.Macro, nodes.Block, nodes.FilterBlock)):
        return [item.body]
    return []
