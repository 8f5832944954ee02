"""Inputs of an execution: from what was sent to typed values (spec: workflow components §3.2–§3.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowdeck.expr import Environment, ExpressionError, references, render_value
from flowdeck.model.coerce import to_text
from flowdeck.model.expression_check import has_expression
from flowdeck.model.flow import Flow, InputDef, OutputDef
from flowdeck.model.input_values import ENCRYPTED, MASK, InputValueError, Upload, parse_value

__all__ = [
    "InputError",
    "InputValueError",
    "Pending",
    "Resolution",
    "Upload",
    "flatten",
    "input_json",
    "local_evaluate",
    "nest",
    "parse_output",
    "resolve_inputs",
    "static_defaults",
]

Evaluate = Callable[[Any, Mapping[str, Any]], Any]
"""Renders a value with a context, single expressions to their native value; raises `ExpressionError` or `Pending`."""

_ABSENT: Any = object()


class Pending(Exception):
    """Raised by an `Evaluate` for what a worker must render first."""


@dataclass(frozen=True, slots=True)
class InputError:
    """Why an input has no value; `message` is the whole text."""

    input: str
    message: str


@dataclass(slots=True)
class Resolution:
    """Result of resolving.

    Attributes:
        values: nested map of the enabled inputs' typed values; secrets encrypted.
        plain: the same with readable secrets and without wrong ones, for checks; never to be stored.
        errors: one entry an enabled input that has none.
        details: for each input `{input, value, enabled, isDefault, errors}`; secrets masked.
        needs_io: values and contexts for which `evaluate` raised `Pending`; the resolution is then incomplete.
    """

    values: dict[str, Any] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)
    errors: list[InputError] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    needs_io: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)

    @property
    def message(self) -> str:
        """All errors, joined by line breaks."""
        return "\n".join(error.message for error in self.errors)


def local_evaluate(environment: Environment | None = None) -> Evaluate:
    """An `Evaluate` that renders here and raises `Pending` for what needs I/O."""

    def evaluate(value: Any, context: Mapping[str, Any]) -> Any:
        if references(value)[1]:
            raise Pending
        return render_value(value, context, environment)

    return evaluate


def resolve_inputs(
    inputs: Flow | Sequence[InputDef],
    sent: Mapping[str, Any],
    *,
    evaluate: Evaluate | None = None,
    context: Mapping[str, Any] | None = None,
    files: Mapping[str, Upload] | None = None,
    encrypt: Callable[[str], Any] | None = None,
    local_file: Callable[[str], bool] | None = None,
) -> Resolution:
    """Resolve all inputs of a flow, or of a pause, in the order in which they depend on each other.

    Args:
        inputs: the flow, or its inputs.
        sent: values by dotted id, or nested; what names no input is ignored. Text and native forms are both fine.
        evaluate: renders defaults, conditions and lists of values; by default without I/O.
        context: what expressions see besides `inputs` (flow, execution, envs, …).
        files: uploads by input id.
        encrypt: makes the stored form of a SECRET; without it a SECRET input is an error.
        local_file: whether a `file://` URI lies below an allowed folder; without it that is left to the worker.
    """
    known = inputs.inputs if isinstance(inputs, Flow) else tuple(inputs)
    resolver = _Resolver(known, sent, evaluate or local_evaluate(), dict(context or {}), files or {}, encrypt)
    resolver.local_file = local_file
    return resolver.run()


@dataclass(slots=True)
class _State:
    """What became of one input."""

    enabled: bool = True
    plain: Any = None  # what expressions of dependants see
    stored: Any = None
    is_default: bool = False
    pending: bool = False
    choices: list[str] | None = None
    errors: list[str] = field(default_factory=list)


class _Resolver:
    def __init__(
        self,
        inputs: Sequence[InputDef],
        sent: Mapping[str, Any],
        evaluate: Evaluate,
        context: dict[str, Any],
        files: Mapping[str, Upload],
        encrypt: Callable[[str], Any] | None,
    ) -> None:
        self.inputs = {one.id: one for one in inputs}
        self.sent = sent
        self.evaluate = evaluate
        self.context = context
        self.files = files
        self.encrypt = encrypt
        self.local_file: Callable[[str], bool] | None = None
        self.states: dict[str, _State] = {}
        self.result = Resolution()

    def run(self) -> Resolution:
        flat: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        for name, one in self.inputs.items():
            state = self.resolve(name)
            if state.enabled:  # what a broken condition disables is told in the details and holds nothing up
                self.result.errors += [InputError(name, text) for text in state.errors]
            if state.enabled and not state.pending:
                flat[name] = state.stored
                if not state.errors:
                    plain[name] = state.plain
            self.result.details.append(
                {
                    "input": input_json(one, state.choices),
                    "value": MASK if one.type == "SECRET" and state.plain is not None else state.plain,
                    "enabled": state.enabled,
                    "isDefault": state.is_default,
                    "errors": [{"message": text} for text in state.errors],
                }
            )
        self.result.values = nest(flat)
        self.result.plain = nest(plain)
        return self.result

    def resolve(self, name: str) -> _State:
        """Memoised; a cycle sees an input without value."""
        found = self.states.get(name)
        if found is None:
            found = self.states[name] = _State()
            self._fill(self.inputs[name], found)
        return found

    def _fill(self, one: InputDef, state: _State) -> None:
        depends = [other for other in one.depends_on if other in self.inputs and other != one.id]
        before = [self.resolve(other) for other in depends]
        if any(s.pending for s in before):
            state.pending = True
            return
        visible = nest({n: s.plain for n, s in zip(depends, before, strict=True) if s.enabled})
        context = {**self.context, "inputs": visible}
        try:
            state.enabled = all(s.enabled for s in before) and self._condition(one, state, context)
            if not state.enabled:
                return
            state.choices = self._choices(one, context)
            value = self._value(one, state, context)
            if value is not None:
                self._check_local(one, value)
                state.plain = value
                state.stored = self._stored(one, value)
        except Pending:
            state.pending = True
        except InputValueError as error:
            state.plain = None
            state.errors.append(f"Invalid value for input `{one.id}`. Cause: {error}")
        except _Missing:
            state.errors.append(f"Missing required input:{one.id}")

    def _evaluate(self, value: Any, context: dict[str, Any]) -> Any:
        if isinstance(value, str) and "{{" not in value and "{%" not in value:
            return value
        try:
            return self.evaluate(value, context)
        except Pending:
            self.result.needs_io.append((value, context))
            raise

    def _condition(self, one: InputDef, state: _State, context: dict[str, Any]) -> bool:
        if one.condition is None:
            return True
        try:
            found = self._evaluate(one.condition, context)
        except ExpressionError as error:
            state.errors.append(f"Invalid condition: {error.message}")
            return False
        return found is True or (isinstance(found, str) and found.strip() == "true")

    def _choices(self, one: InputDef, context: dict[str, Any]) -> list[str] | None:
        if one.type not in ("SELECT", "MULTISELECT", "ENUM"):
            return None
        expression = one.props.get("expression")
        if expression is None:
            return [to_text(x) for x in one.props.get("values") or one.props.get("options") or ()]
        try:
            found = self._evaluate(expression, context)
        except ExpressionError as error:
            raise InputValueError(f"Cannot render 'expression'. Cause: {error.message}") from None
        if isinstance(found, str) and found.strip().startswith("["):
            try:
                found = parse_value("JSON", found, {})
            except InputValueError:
                pass
        if not isinstance(found, list | tuple):
            kind = "string" if isinstance(found, str) else "map" if isinstance(found, Mapping) else type(found).__name__
            raise InputValueError(f"Invalid expression result. Expected a list of strings, but received {kind}")
        return [to_text(x) for x in found if x is not None]

    def _value(self, one: InputDef, state: _State, context: dict[str, Any]) -> Any:
        """Typed value, None for an optional input without one."""
        raw = self._sent(one)
        if raw is not _ABSENT:
            if isinstance(raw, Mapping) and raw.get("type") == ENCRYPTED and one.type == "SECRET":
                return raw
            return parse_value(one.type, raw, self._props(one, context), one.id, state.choices)
        if one.defaults is not None:
            state.is_default = True
            try:
                default = self._evaluate(one.defaults, context)
            except ExpressionError as error:
                raise InputValueError(f"Cannot render the default. Cause: {error.message}") from None
            if default is not None and (default != "" or one.type == "STRING"):
                return parse_value(one.type, default, self._props(one, context), one.id, state.choices)
        elif one.props.get("autoSelectFirst") and state.choices:
            state.is_default = True
            first = [state.choices[0]] if one.type == "MULTISELECT" else state.choices[0]
            return parse_value(one.type, first, one.props, one.id, state.choices)
        state.is_default = False
        if one.required:
            raise _Missing
        return None

    def _check_local(self, one: InputDef, value: Any) -> None:
        """`InputValueError` for a file of the machine that the configuration does not allow."""
        if self.local_file is None or "FILE" not in (one.type, one.props.get("itemType")):
            return
        for uri in value if isinstance(value, list) else [value]:
            if str(uri).lower().startswith("file:") and not self.local_file(str(uri)):
                raise InputValueError(f"The path of '{uri}' is not allowed; see kestra.local-files.allowed-paths")

    def _props(self, one: InputDef, context: dict[str, Any]) -> Mapping[str, Any]:
        """Properties of the type, limits that are expressions rendered."""
        limits = {
            name: self._evaluate(one.props[name], context)
            for name in ("after", "before")
            if "{" in str(one.props.get(name, ""))
        }
        return {**one.props, **limits} if limits else one.props

    def _sent(self, one: InputDef) -> Any:
        """What was sent for an input; null and the empty text of most types count as absent."""
        if one.id in self.files and one.type == "FILE":
            return self.files[one.id]
        value = self.sent.get(one.id, _ABSENT)
        if value is _ABSENT and "." in one.id:
            value = self.sent
            for part in one.id.split("."):
                value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is None or (value == "" and isinstance(value, str) and one.type != "STRING"):
            return _ABSENT
        return value

    def _stored(self, one: InputDef, value: Any) -> Any:
        if one.type != "SECRET" or isinstance(value, Mapping):
            return value
        if self.encrypt is None:
            raise InputValueError("Unable to use a `SECRET` input/output as encryption is not configured")
        return self.encrypt(value)


class _Missing(Exception):
    """A required input has no value."""


def static_defaults(inputs: Sequence[InputDef]) -> dict[str, Any]:
    """Nested values of the inputs whose defaults hold no expression: what a trigger sees as `inputs` (§4)."""
    flat: dict[str, Any] = {}
    for one in inputs:
        if one.defaults is None or one.type == "SECRET" or has_expression(one.defaults):
            continue
        try:
            flat[one.id] = parse_value(one.type, one.defaults, one.props, one.id)
        except InputValueError:
            continue
    return nest(flat)


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted ids as nested maps."""
    out: dict[str, Any] = {}
    for name, value in flat.items():
        place = out
        *path, last = name.split(".")
        for part in path:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place[last] = value
    return out


def flatten(inputs: Sequence[InputDef], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted id from the nested map of an execution."""
    out = {}
    for one in inputs:
        value: Any = values
        for part in one.id.split("."):
            value = value.get(part, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if value is not _ABSENT:
            out[one.id] = value
    return out


def input_json(one: InputDef, choices: Sequence[str] | None = None) -> dict[str, Any]:
    """An input as API answers show it; `choices` replace an expression for the values."""
    out: dict[str, Any] = {"id": one.id, "type": one.type, "required": one.required}
    optional = {
        "defaults": one.defaults,
        "prefill": one.prefill,
        "displayName": one.display_name,
        "description": one.description,
    }
    out.update((name, value) for name, value in optional.items() if value is not None)
    if one.depends_on or one.condition is not None:
        depends: dict[str, Any] = {"inputs": list(one.depends_on)}
        if one.condition is not None:
            depends["condition"] = one.condition
        out["dependsOn"] = depends
    out.update(one.props)
    if choices is not None and "expression" in one.props:
        out["values"] = list(choices)
    return out


def parse_output(output: OutputDef, rendered: Any, encrypt: Callable[[str], Any] | None = None) -> Any:
    """Typed value of a flow output; `InputValueError` when it has none or is required and null (§14)."""
    if rendered is None or (rendered == "" and output.type != "STRING"):
        if output.required:
            raise InputValueError("it is required and has no value")
        return None
    value = parse_value(output.type, rendered, output.props, output.id)
    if output.type == "SECRET":
        if encrypt is None:
            raise InputValueError("Unable to use a `SECRET` input/output as encryption is not configured")
        return encrypt(value)
    return value
