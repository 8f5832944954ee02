"""Compiled templates, their cache, and rendering of nested values."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flowdeck.expr import nodes
from flowdeck.expr.closures import DATA_ERRORS
from flowdeck.expr.compiler import Compiler
from flowdeck.expr.errors import ExpressionError, UndefinedError
from flowdeck.expr.functions import FUNCTIONS
from flowdeck.expr.lexer import BLUEPRINT_SYNTAX, DEFAULT_SYNTAX, Syntax
from flowdeck.expr.limits import RENDER_STEPS
from flowdeck.expr.parser import parse
from flowdeck.expr.passes import MAX_PASSES, restore, stable
from flowdeck.expr.references import WHOLE_CONTEXT, Collector
from flowdeck.expr.runtime import DEFAULT_ENVIRONMENT, Environment, Runtime, Scope, flat, recursing
from flowdeck.expr.texts import text_of

CACHE_SIZE = 4096
_CACHED_LENGTH = 64_000
_TAGS = (nodes.If, nodes.For, nodes.Set, nodes.FilterBlock, nodes.Macro, nodes.Block)
_TRACING = frozenset({"secret", "credential", "render", "renderOnce"})


class Compiled:
    """A parsed template, ready to render any number of times.

    Attributes:
        source: the text it was made of.
        is_literal: holds no expression; rendering answers `source` itself.
        is_single: exactly one `{{ }}` and nothing else, so that `eval_value` gives a native value.
        refs: static reference paths, e.g. `("outputs", "load", "rows")`; a dynamic access gives the prefix
            that is needed whole; `("*",)` stands for the whole context.
        needs_io: may call a function of `Environment.io`, directly or through `render()`.
        functions: names of the functions it calls.
        problems: unknown filters, functions and tests, as (message, line, column); they fail only when rendered.
    """

    __slots__ = (
        "_around",
        "_body",
        "_needs_runtime",
        "_pieces",
        "_syntax",
        "_traces",
        "_value",
        "functions",
        "is_literal",
        "is_single",
        "needs_io",
        "problems",
        "refs",
        "source",
    )

    def __init__(self, source: str, syntax: Syntax = DEFAULT_SYNTAX, *, traces: bool = False) -> None:
        self.source = source
        self._traces = traces
        self._syntax = syntax
        self._around = ("", "")
        self._body: Any = None
        self._pieces: list[Any] = []
        self._value: Any = None
        self._needs_runtime = False
        self.is_literal = True
        self.is_single = False
        self.refs: frozenset[tuple[str, ...]] = frozenset()
        self.needs_io = False
        self.functions: frozenset[str] = frozenset()
        self.problems: tuple[tuple[str, int, int], ...] = ()
        if syntax.marker in source:
            try:
                self._compile(source, syntax)
            except ExpressionError as error:
                error.source = error.source or source
                raise
            except RecursionError:
                raise ExpressionError("The expression is nested too deeply", source=source) from None

    def _compile(self, source: str, syntax: Syntax) -> None:
        tree = parse(source, syntax)
        if all(isinstance(item, nodes.Text) and not item.raw for item in tree):
            text = "".join(item.text for item in tree if isinstance(item, nodes.Text))
            self.is_literal = text == source
            self._pieces = [lambda c, rt: text]
            return
        self.is_literal = False
        collector = Collector()
        collector.template(tree)
        self._traces = self._traces or not _TRACING.isdisjoint(collector.functions)
        compiler = Compiler(self._traces)
        if any(isinstance(item, _TAGS) for item in tree):
            self._body = compiler.body(tree)
        else:
            self._pieces = [compiler.piece(item) for item in tree]
            prints = [item for item in tree if isinstance(item, nodes.Print)]
            blank = all(
                isinstance(t, nodes.Print) or (isinstance(t, nodes.Text) and not t.raw and not t.text.strip())
                for t in tree
            )
            if len(prints) == 1 and blank:
                self._value = compiler.value(prints[0].expression)
                self.is_single = len(tree) == 1
                at = tree.index(prints[0])
                before, after = (
                    "".join(item.text for item in part if isinstance(item, nodes.Text))
                    for part in (tree[:at], tree[at + 1 :])
                )
                self._around = (before, after)
        self._needs_runtime = compiler.needs_runtime
        self._describe(collector)

    def _describe(self, collector: Collector) -> None:
        """Fill the static facts, those of literal `render()` arguments included."""
        refs, functions = set(collector.refs), set(collector.functions)
        needs_io = collector.dynamic or any(FUNCTIONS[name].io for name in functions)
        for text in collector.inner:
            try:
                inner = compile(text)
            except ExpressionError:
                continue
            refs |= inner.refs
            functions |= inner.functions
            needs_io = needs_io or inner.needs_io
        self.refs, self.functions, self.needs_io = frozenset(refs), frozenset(functions), needs_io
        errors = [(ExpressionError(text, source=self.source, position=at)) for text, at in collector.problems]
        self.problems = tuple((error.message, error.line, error.column) for error in errors)

    # ------------------------------------------------------------ rendering

    def eval(self, context: Mapping[str, Any], env: Environment | None = None) -> str:
        """The rendered text.

        Args:
            context: plain data by name; never changed.
            env: clock, randomness, I/O, limits; the default has no I/O.
        Raises ExpressionError.
        """
        if self.is_literal:
            return self.source
        if env is not None and env.secrets and not self._traces:
            return self._tracing().eval(context, env)
        if (env or DEFAULT_ENVIRONMENT).recursive:
            return self._recursive(context, env or DEFAULT_ENVIRONMENT)
        rt = Runtime(env or DEFAULT_ENVIRONMENT, compile) if self._needs_runtime else None
        try:
            if len(self._pieces) == 1:
                text = self._pieces[0](context, rt)
            else:
                text = self._text(context, rt)
        except ExpressionError as error:
            raise self._located(error, context) from None
        except (RecursionError, MemoryError):
            raise ExpressionError("The expression is nested too deeply or too large", source=self.source) from None
        except DATA_ERRORS as error:
            raise ExpressionError(f"The expression failed: {str(error)[:300]}", source=self.source) from None
        if len(text) > (env or DEFAULT_ENVIRONMENT).limits.output_bytes:
            raise ExpressionError("The limit of output was reached", source=self.source)
        return text

    def eval_value(self, context: Mapping[str, Any], env: Environment | None = None) -> Any:
        """The native value of a template that is one `{{ }}`, else the rendered text (typed mode, §1)."""
        if self._value is None:
            return self.eval(context, env)
        if env is not None and env.secrets and not self._traces:
            return self._tracing().eval_value(context, env)
        if (env or DEFAULT_ENVIRONMENT).recursive:
            return self._recursive(context, env or DEFAULT_ENVIRONMENT, native=True)
        rt = Runtime(env or DEFAULT_ENVIRONMENT, compile) if self._needs_runtime else None
        try:
            value = self._value(context, rt)
        except ExpressionError as error:
            raise self._located(error, context) from None
        except (RecursionError, MemoryError):
            raise ExpressionError("The expression is nested too deeply or too large", source=self.source) from None
        except DATA_ERRORS as error:
            raise ExpressionError(f"The expression failed: {str(error)[:300]}", source=self.source) from None
        if isinstance(value, str):
            return str(value) if self.is_single else self._around[0] + value + self._around[1]
        return value

    def run(self, context: Mapping[str, Any], rt: Runtime) -> str:
        """Render inside another render, on its budget. Raises ExpressionError."""
        if self.is_literal:
            return self.source
        if rt.secrets and not self._traces:
            return self._tracing().run(context, rt)
        rt.enter()
        try:
            text = self._text(context, rt)
        except ExpressionError as error:
            raise self._located(error, context) from None
        rt.leave()
        rt.tick(RENDER_STEPS)
        return text

    def _tracing(self) -> Compiled:
        """The same template for contexts that hold secrets: what is made of them is told."""
        if self._syntax is DEFAULT_SYNTAX and len(self.source) <= _CACHED_LENGTH:
            return _cached_tracing(self.source)
        return Compiled(self.source, self._syntax, traces=True)

    def _text(self, context: Mapping[str, Any], rt: Runtime | None) -> str:
        if self._body is None:
            return "".join([piece(context, rt) for piece in self._pieces])
        out: list[str] = []
        self._body(Scope(context), rt, out)
        return "".join(out)

    def _recursive(self, context: Mapping[str, Any], env: Environment, *, native: bool = False) -> Any:
        """The result, rendered again until it is stable; with `native` a value that is no text ends it."""
        rt = Runtime(env, compile)
        rt.raws = []
        try:
            if native:
                value = self._native(context, rt)
                return restore(value, rt.raws) if isinstance(value, str) else value
            return restore(stable(self.run(context, rt), context, rt), rt.raws)
        except ExpressionError as error:
            error.source = restore(error.source or self.source, rt.raws)
            raise self._located(error, context) from None
        except (RecursionError, MemoryError):
            raise ExpressionError("The expression is nested too deeply or too large", source=self.source) from None
        except DATA_ERRORS as error:
            raise ExpressionError(f"The expression failed: {str(error)[:300]}", source=self.source) from None

    def _native(self, context: Mapping[str, Any], rt: Runtime) -> Any:
        """The native value of a single expression, of the single expression that it gives, and so on."""
        template = self
        for _ in range(MAX_PASSES):
            if rt.secrets and not template._traces:
                template = template._tracing()
            value = template._value(context, rt)
            if not isinstance(value, str):
                return value
            text = template._around[0] + value + template._around[1]
            inner = compile(text)
            if inner._value is None or text == template.source:
                return stable(text, context, rt)
            template = inner
        raise ExpressionError("Too many rendering attempts")

    def _located(self, error: ExpressionError, context: Mapping[str, Any]) -> ExpressionError:
        """The error with its template and, for a missing name, with the nearest name there is."""
        if not error.source:
            error.source = self.source
            if isinstance(error, UndefinedError) and error.hint is None:
                near = difflib.get_close_matches(error.name, [str(key) for key in flat(context)], 1)
                error.hint = f"Did you mean `{near[0]}`?" if near and near[0] != error.name else None
        return error


@lru_cache(maxsize=CACHE_SIZE)
def _cached(source: str) -> Compiled:
    return Compiled(source)


@lru_cache(maxsize=CACHE_SIZE // 4)
def _cached_tracing(source: str) -> Compiled:
    return Compiled(source, traces=True)


@lru_cache(maxsize=256)
def _cached_blueprint(source: str) -> Compiled:
    return Compiled(source, BLUEPRINT_SYNTAX)


def compile(source: str, *, blueprint: bool = False) -> Compiled:
    """The compiled template of `source`; cached.

    Args:
        source: the template.
        blueprint: use `<< >>` and `<% %>` as delimiters.
    Raises ExpressionError for bad syntax, with `line` and `column` (1-based), `message`, `hint`, `source`.
    """
    if len(source) > _CACHED_LENGTH:
        return Compiled(source, BLUEPRINT_SYNTAX if blueprint else DEFAULT_SYNTAX)
    return _cached_blueprint(source) if blueprint else _cached(source)


# ---------------------------------------------------------------- nested structures


def render(value: Any, context: Mapping[str, Any], env: Environment | None = None) -> Any:
    """Render every text in `value`: keys and values of maps, elements of lists; other scalars stay.

    Raises ExpressionError.
    """
    if isinstance(value, str):
        return _cached(value).eval(context, env) if "{" in value else value
    return _walk(value, context, env, native=False)


def render_value(value: Any, context: Mapping[str, Any], env: Environment | None = None) -> Any:
    """Like `render`, but a text that is one `{{ }}` gives its native value (typed mode). Raises ExpressionError."""
    if isinstance(value, str):
        return _cached(value).eval_value(context, env) if "{" in value else value
    return _walk(value, context, env, native=True)


def _walk(value: Any, context: Mapping[str, Any], env: Environment | None, native: bool) -> Any:
    one = render_value if native else render
    if isinstance(value, Mapping):
        result: dict[Any, Any] = {}
        for key, item in value.items():
            name = render(key, context, env)
            if name not in result:
                result[name] = one(item, context, env)
        return result
    if isinstance(value, (list, tuple)):
        return [one(item, context, env) for item in value]
    if isinstance(value, (set, frozenset)):
        return {one(item, context, env) for item in value}
    return value


def references(value: Any) -> tuple[frozenset[tuple[str, ...]], bool]:
    """Reference paths and whether I/O may be needed, over all texts of a nested structure.

    Texts that do not parse refer to nothing; validation reports them.
    """
    refs: set[tuple[str, ...]] = set()
    needs_io = False
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if "{" in item:
                try:
                    template = compile(item)
                except ExpressionError:
                    continue
                refs |= template.refs
                needs_io = needs_io or template.needs_io
                if template.refs and recursing():
                    refs.add(WHOLE_CONTEXT)
                    needs_io = True
        elif isinstance(item, Mapping):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, (list, tuple, set, frozenset)):
            stack.extend(item)
    return frozenset(refs), needs_io


def truthy(rendered: Any) -> bool:
    """Truth of a rendered property (runIf, If, Assert …): false are null, empty text, `0`, `-0` and `false`."""
    if isinstance(rendered, str):
        return rendered not in ("", "0", "-0", "false")
    return rendered is not None and text_of(rendered) not in ("", "0", "-0", "false")
