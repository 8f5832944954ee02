"""Every function that does not reach outside, with the examples of its specification."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from flowdeck.expr import Environment, ExpressionError, compile

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ENV = Environment(now=lambda: NOW, random=random.Random(7))
LOOP: dict[str, Any] = {
    "flow": {"namespace": "company.team"},
    "task": {"id": "make"},
    "taskrun": {"value": "b", "iteration": 1},
    "parents": [{"taskrun": {"value": "x"}, "outputs": {"p": 1}}, {"outputs": {"p": 0}}],
    "outputs": {"make": {"x": {"a": {"value": 1, "n": 2}, "b": {"value": 3}}}},
    "tasks": {"one": {"state": "FAILED"}, "each": {"a": {"state": "SUCCESS"}, "b": {"state": "FAILED"}}},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ now() }}", "2026-01-02T03:04:05.000678Z"),
        (
            "{{ now('yyyy', timeZone='Asia/Tokyo') }}{{ now(timeZone='Asia/Tokyo') }}",
            "20262026-01-02T12:04:05.000678+09:00",
        ),
        ("{{ max(5, 10, 15) }}{{ min(5, null, 2.5) }}{{ max('a', 'b') }}", "152.5b"),
        ("{{ range(0, 3) }}", [0, 1, 2, 3]),
        ("{{ range(0, 6, 2) }}", [0, 2, 4, 6]),
        ("{{ range(3, 1, -1) }}", [3, 2, 1]),
        ("{{ range('a', 'c') }}", ["a", "b", "c"]),
        ("{{ range(3, 1) }}", []),
        ("{{ randomInt(4, 4) }}", 4),
        ("{{ fromJson('[1, {\"a\": null}]') }}", [1, {"a": None}]),
        ('{{ fromJson(\'{"name": "n"}\').name }}', "n"),
        ("{{ fromJson(null) }}", None),
        ("{{ json('1') }}", 1),
        (
            "{{ fromIon('{a: 1.5e0, \\'b c\\': [x, \"y\", 2024-01-01], d: null.int} 2') }}",
            {"a": 1.5, "b c": ["x", "y", "2024-01-01"], "d": None},
        ),
        ("{{ fromIon('1 2', allRows=true) }}", [1, 2]),
        ("{{ yaml('foo: [666, 1, 2]').foo[0] }}", 666),
        ("{{ yaml('d: 2024-01-01') }}", {"d": "2024-01-01"}),
        ("{{ isWeekend('2024-07-06') }}{{ isWeekend('2024-07-04') }}", "truefalse"),
        (
            "{{ isDayWeekInMonth('2024-07-01', 'MONDAY', 'FIRST') }}"
            "{{ isDayWeekInMonth('2024-07-29', 'monday', 'LAST') }}",
            "truetrue",
        ),
        (
            "{{ dayOfWeek('2024-07-04') }} {{ dayOfMonth('2024-07-04') }} {{ monthOfYear('2024-07-04') }}",
            "THURSDAY 4 7",
        ),
        ("{{ hourOfDay('2024-07-04T23:00:00+09:00') }}", 23),
        ("{{ fileURI('dir/f.txt') }}", "kestra:///company/team/_files/dir/f.txt"),
        ("{{ currentEachOutput(outputs.make) }}", {"value": 3}),
        ("{{ iterationOutput() }}", 1),
        ("{{ iterationOutput('make', 1) }}", 3),
        ("{{ iterationOutput(outputs.make).n }}", 2),
        ("{{ parentOutput() }}{{ parentOutput(0) }}", '{"p":1}{"p":0}'),
        (
            "{{ tasksWithState('failed') }}",
            [{"taskId": "one", "state": "FAILED"}, {"taskId": "each", "state": "FAILED", "value": "b"}],
        ),
        ("{{ printContext().task.id }}", "make"),
        ("{{ fetchContext() | keys | length }}", 6),
        ("{{ render(null) }}", None),
    ],
)
def test_a_function_gives_what_its_specification_says(template: str, value: object) -> None:
    assert compile(template).eval_value(LOOP, ENV) == value


@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("{{ uuid() }}", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("{{ id() }}", r"[0-9A-Za-z]{20,22}"),
        ("{{ ksuid() }}", r"[0-9A-Za-z]{27}"),
        ("{{ nanoId() }}", r"[0-9A-Za-z_-]{21}"),
        ("{{ nanoId(length=10, alphabet='ab') }}", r"[ab]{10}"),
        ("{{ randomInt(1, 3) }}", r"[12]"),
    ],
)
def test_generated_ids_have_their_form(template: str, pattern: str) -> None:
    assert re.fullmatch(pattern, compile(template).eval({}, ENV))


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("{{ fromJson('{') }}", "Invalid json: "),
        ("{{ fromJson(1) }}", "with type string."),
        ("{{ fromIon('{a') }}", "Invalid ion: "),
        ("{{ yaml('a: [') }}", "Invalid yaml: "),
        ("{{ yaml('!!python/object:x {}') }}", "Invalid yaml: "),
        ("{{ yaml(1) }}", "with type string."),
        ("{{ randomInt(3, 1) }}", "In 'GenerateRandomNumber' upper is less than lower"),
        ("{{ range(1, 2, 0) }}", "increment"),
        ("{{ nanoId(1001) }}", "1000"),
        ("{{ max() }}", "at least one"),
        ("{{ fileURI('../x') }}", ".."),
        ("{{ currentEachOutput(1) }}", "with type map"),
        ("{{ currentEachOutput({'q': 1}) }}", "No execution outputs for the current task runs path"),
        ("{{ iterationOutput('make', 9) }}", "iteration 9"),
        ("{{ parentOutput(7) }}", "no such parent"),
        ("{{ isDayWeekInMonth('2024-07-01', 'MOONDAY', 'FIRST') }}", "MOONDAY"),
    ],
)
def test_a_function_refuses_what_it_can_not_do(template: str, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile(template).eval(LOOP, ENV)
    assert part in str(caught.value)


def test_yaml_aliases_can_not_explode() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(ExpressionError, match="aliases"):
        compile("{{ yaml(t) }}").eval({"t": "\n".join(lines)})
