"""Laws of the expression engine for every input."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flowdeck.expr import Environment, ExpressionError, Limits, compile
from flowdeck.expr.filters import FILTERS
from flowdeck.expr.functions import FUNCTIONS
from flowdeck.expr.jq import run

ENV = Environment(limits=Limits(seconds=2, steps=2000, regex_seconds=0.1, output_bytes=200_000))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
WORDS = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{{-",
        "-}}",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        ".",
        "|",
        "~",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "<",
        "??",
        "???",
        "..",
        "=",
        "'a'",
        '"b#{x}"',
        "'",
        '"',
        "1",
        "2.5",
        "0",
        "x",
        "y",
        "list",
        "map",
        "if",
        "else",
        "elseif",
        "endif",
        "for",
        "in",
        "endfor",
        "set",
        "macro",
        "endmacro",
        "filter",
        "endfilter",
        "block",
        "endblock",
        "raw",
        "endraw",
        "is",
        "not",
        "and",
        "or",
        "contains",
        "isIn",
        "null",
        "true",
        "defined",
        "empty",
        "upper",
        "first",
        "split",
        "replace",
        "date",
        "range",
        "render",
        "fromJson",
        "jq",
        "\n",
        "#",
        *sorted(FILTERS),
    ]
)
CONTEXT: dict[str, Any] = {"x": 1, "y": None, "list": [3, 1, 2], "map": {"a": {"b": "c"}, "1": 2.5}}


def attempt(template: str, context: dict[str, Any]) -> None:
    try:
        compiled = compile(template)
        compiled.eval(context, ENV)
        compiled.eval_value(context, ENV)
    except ExpressionError as error:
        assert error.line >= 1
        assert error.column >= 1
        assert str(error)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_any_text_renders_or_fails_with_an_expression_error(template: str) -> None:
    attempt(template, CONTEXT)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8).map(" ".join))
def test_any_expression_renders_or_fails_with_an_expression_error(inside: str) -> None:
    attempt("{{ " + inside + " }}", CONTEXT)
    attempt("{% if " + inside + " %}a{% endif %}", CONTEXT)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_characters_render_or_fail_with_an_expression_error(text: str) -> None:
    attempt(text, CONTEXT)
    attempt("{{ " + text + " }}", CONTEXT)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(FILTERS)), VALUES, st.lists(VALUES, max_size=3))
def test_every_filter_takes_any_value_or_refuses_it(name: str, value: Any, arguments: list[Any]) -> None:
    written = ", ".join(f"a{at}" for at in range(len(arguments)))
    context = {"v": value} | {f"a{at}": item for at, item in enumerate(arguments)}
    attempt(f"{{{{ v | {name}({written}) }}}}", context)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(VALUES, max_size=3))
def test_every_function_takes_any_value_or_refuses_it(name: str, arguments: list[Any]) -> None:
    written = ", ".join(f"a{at}" for at in range(len(arguments)))
    attempt(f"{{{{ {name}({written}) }}}}", {f"a{at}": item for at, item in enumerate(arguments)})


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["+", "-", "*", "/", "%", "~", "==", "!=", "<", ">=", "contains", "isIn", "and", "??", ".."]),
    VALUES,
    VALUES,
)
def test_every_operator_takes_any_values_or_refuses_them(sign: str, left: Any, right: Any) -> None:
    attempt(f"{{{{ a {sign} b }}}}", {"a": left, "b": right})


METHODS = sorted(
    [
        "keySet",
        "values",
        "entrySet",
        "get",
        "getOrDefault",
        "containsKey",
        "containsValue",
        "size",
        "isEmpty",
        "contains",
        "indexOf",
        "length",
        "trim",
        "toUpperCase",
        "toLowerCase",
        "startsWith",
        "endsWith",
        "replace",
        "replaceAll",
        "substring",
        "split",
        "charAt",
        "equals",
        "toString",
        "getClass",
        "__class__",
        "mro",
        "format",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(METHODS), VALUES, st.lists(VALUES | st.integers(-3, 30), max_size=3))
def test_every_method_takes_any_value_or_refuses_it(name: str, value: Any, arguments: list[Any]) -> None:
    written = ", ".join(f"a{at}" for at in range(len(arguments)))
    attempt(f"{{{{ v.{name}({written}) }}}}", {"v": value} | {f"a{at}": item for at, item in enumerate(arguments)})


PATTERNS = st.lists(
    st.sampled_from([*"yuMLdDQYwEeaHhkKmsSnAXxZOVz'[]{}#.,;:-/ 0%\\()*+?|^$<=!&", "yyyy", "MMMM", "EEEE", "VV", "%s"])
    | st.sampled_from(
        ["%5.2f", "%d", "%1$s", "%x", "{2}", "\\p{L}", "[a-z]", "(?<n>a)", "$1", "${n}", "\\Q", "#,##0.00"]
    ),
    max_size=8,
).map("".join)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(
        [
            "v | date(p)",
            "v | date('iso', existingFormat=p)",
            "v | dateAdd(1, p)",
            "v | date(timeZone=p)",
            "n | numberFormat(p)",
            "p | format(n, v)",
            "v | regexMatch(p)",
            "v | regexReplace(p, p)",
            "v | regexExtract(p, p)",
            "v | split(p)",
            "v | replace({p: p}, regexp=true)",
            "now(p, p, p)",
            "v.replaceAll(p, p)",
            "v | jq(p)",
            "yaml(p)",
            "fromIon(p)",
            "fromJson(p)",
            "render(p)",
            "v | number(p)",
            "isDayWeekInMonth(v, p, p)",
        ]
    ),
    PATTERNS,
    st.sampled_from(["2024-02-29", "2024-02-29T10:11:12.5Z", "2024-02-29T10:11:12+02:00[Europe/Paris]"])
    | PATTERNS
    | st.text(max_size=12),
    st.integers() | st.floats() | st.decimals(),
)
def test_every_pattern_works_or_is_refused(inside: str, pattern: str, value: str, number: Any) -> None:
    """§7 to §10: patterns of dates, numbers, formats, regular expressions and jq are user text."""
    attempt("{{ " + inside + " }}", {"p": pattern, "v": value, "n": number})


@given(st.text(max_size=50).filter(lambda text: "{" not in text))
def test_text_without_braces_is_itself(text: str) -> None:
    assert compile(text).eval({}) == text


@given(VALUES)
def test_a_single_expression_gives_its_native_value(value: Any) -> None:
    assert compile("{{ v }}").eval_value({"v": value}) is value or isinstance(value, str)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=9),
        lambda i: st.lists(i, max_size=3),
    )
)
def test_json_reads_back_what_was_written(value: Any) -> None:
    assert compile("{{ fromJson(v | toJson) }}").eval_value({"v": value}) == value


@given(VALUES.filter(lambda v: v == v))
def test_yaml_and_ion_read_back_texts(value: Any) -> None:
    for text in (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)):
        if "\x00" not in text and text.isprintable():
            assert compile("{{ yaml({'k': v} | yaml).k }}").eval_value({"v": text}) == text
        assert compile("{{ fromIon(v | toIon) }}").eval_value({"v": text}) == text


JQ_WORDS = st.sampled_from(
    [
        ".",
        "..",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "|",
        ",",
        ":",
        ";",
        "?",
        "//",
        ".a",
        ".b",
        "1",
        '"s"',
        '"\\(.)"',
        "$x",
        "as",
        "if",
        "then",
        "else",
        "end",
        "reduce",
        "map",
        "select",
        "def",
        "f",
        "=",
        "|=",
        "+",
        "-",
        "*",
        "/",
        "==",
        "and",
        "not",
        "try",
        "catch",
        "keys",
        "add",
        "sort_by",
        "first",
        "range",
        "test",
        "split",
        "@csv",
        "@base64",
        "path",
        "del",
        "empty",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(JQ_WORDS, max_size=8).map(" ".join), VALUES)
def test_any_jq_program_runs_or_fails_with_an_expression_error(program: str, value: Any) -> None:
    steps = [0]

    def tick(count: int = 1) -> None:
        steps[0] += count
        if steps[0] > 200:
            raise ExpressionError("budget")

    try:
        json.dumps(run(program, value, tick), default=str)
    except ExpressionError as error:
        assert error.message
