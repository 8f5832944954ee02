"""What a compiled template says about itself without being rendered."""

from __future__ import annotations

import pytest

from flowdeck.expr import WHOLE_CONTEXT, compile, references, truthy


@pytest.mark.parametrize(
    ("template", "refs"),
    [
        ("text", set()),
        ("{{ outputs.load.rows }}", {("outputs", "load", "rows")}),
        ("{{ outputs['load'].rows[0].id }}", {("outputs", "load", "rows", "0", "id")}),
        ("{{ outputs[inputs.name].x }}", {("outputs",), ("inputs", "name")}),
        ("{{ outputs }}", {("outputs",)}),
        ("{{ outputs | keys }}", {("outputs",)}),
        ("{{ inputs.list.length }}", {("inputs", "list")}),
        ("{{ inputs.text.trim() }}", {("inputs", "text")}),
        ("{{ inputs.a ?? vars.b }}", {("inputs", "a"), ("vars", "b")}),
        ("{% for x in inputs.l %}{{ x.id }}{{ loop.index }}{% endfor %}{{ x.y }}", {("inputs", "l"), ("x", "y")}),
        ("{% set a = inputs.b %}{{ a.c }}", {("inputs", "b")}),
        ("{% if c.d %}{% set a = 1 %}{% endif %}{{ a }}", {("c", "d"), ("a",)}),
        ("{% macro m(p) %}{{ p.q }}{% endmacro %}{{ m(inputs.z) }}", {("inputs", "z")}),
        ("{{ (inputs.a ? vars.b : vars.c)['k'] }}", {("inputs", "a"), ("vars", "b"), ("vars", "c")}),
        ("{{ fromJson(outputs.x.value).name }}", {("outputs", "x", "value")}),
        ("{{ printContext() }}", {WHOLE_CONTEXT}),
        ("{{ _context.x }}", {WHOLE_CONTEXT}),
        ("{{ render('{{ inputs.a }}') }}", {("inputs", "a")}),
        ("{{ render(vars.x) }}", {("vars", "x"), WHOLE_CONTEXT}),
        ("{{ tasksWithState('FAILED') }}", {("tasks",)}),
        ('{{ "a#{inputs.i}" }}{{ [v.a, {"k": v.b}] }}', {("inputs", "i"), ("v", "a"), ("v", "b")}),
    ],
)
def test_reference_paths_are_static(template: str, refs: set[tuple[str, ...]]) -> None:
    assert compile(template).refs == refs


@pytest.mark.parametrize(
    ("template", "needs"),
    [
        ("{{ inputs.a | upper }}", False),
        ("{{ now() }}", False),
        ("{{ kv('x') }}", True),
        ("{{ [secret('x')] | first }}", True),
        ("{{ http('x') ?? read('y') }}", True),
        ("{{ render('{{ 1 }}') }}", False),
        ("{{ render(\"{{ kv('x') }}\") }}", True),
        ("{{ render(vars.x) }}", True),
        ("{% if fileExists('x') %}{% endif %}", True),
    ],
)
def test_io_is_known_before_rendering(template: str, needs: bool) -> None:
    assert compile(template).needs_io is needs


def test_kinds_of_templates() -> None:
    assert compile("a").is_literal and compile('{"a": 1}').is_literal
    assert not compile("{{ a }}").is_literal and compile("{{ a }}").is_single
    assert not compile(" {{ a }}").is_single and not compile("{{ a }}{{ b }}").is_single
    assert compile("{{ max(1, uuid()) }}").functions == {"max", "uuid"}


def test_unknown_names_are_reported_with_their_place() -> None:
    assert compile("{{ a | nope }}\n{{ b is what }}{{ f() }}").problems == (
        ("Filter [nope] does not exist.", 1, 8),
        ("Test [what] does not exist.", 2, 6),
        ("Function or Macro [f] does not exist.", 2, 19),
    )


def test_references_of_nested_values() -> None:
    value = {"{{ a.b }}": ["{{ c }}", {"x": "{{ kv('k') }}", "bad": "{{ ("}], "n": 1}
    assert references(value) == (frozenset({("a", "b"), ("c",)}), True)


def test_compiled_templates_are_cached() -> None:
    assert compile("{{ cached }}") is compile("{{ cached }}")


@pytest.mark.parametrize("value", [None, "", "0", "-0", "false", False, 0])
def test_falsy_properties(value: object) -> None:
    assert not truthy(value)


@pytest.mark.parametrize("value", ["true", " ", "False", "0.0", "no", True, 1, [], {}])
def test_truthy_properties(value: object) -> None:
    assert truthy(value)
