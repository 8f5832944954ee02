"""Laws of inputs (spec: workflow components §3)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.flow import Flow, InputDef, OutputDef
from flowdeck.model.inputs import (
    InputValueError,
    Pending,
    Resolution,
    Upload,
    flatten,
    parse_output,
    resolve_inputs,
    static_defaults,
)
from flowdeck.model.source import parse_flow

ENCRYPTED = {"type": "io.kestra.datatype:aes_encrypted", "value": "x"}


def flow_of(catalog: Catalog, inputs: str) -> Flow:
    tasks = "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: x}\n"
    source = f"id: f\nnamespace: a.b\ninputs:\n{inputs}\n{tasks}"
    parsed = parse_flow(source, catalog)
    assert parsed.flow is not None, parsed.findings
    return parsed.flow


def one(kind: str, value: Any, **props: Any) -> Resolution:
    return resolve_inputs([InputDef("x", kind, props=props)], {"x": value}, encrypt=lambda text: f"<{text}>")


@pytest.mark.parametrize(
    ("kind", "value", "props", "expected"),
    [
        ("STRING", "", {}, ""),
        ("STRING", 12, {}, "12"),
        ("STRING", True, {}, "true"),
        ("STRING", "ab1", {"validator": "[a-z]+1"}, "ab1"),
        ("INT", "42", {"min": 42, "max": 42}, 42),
        ("INT", "-7", {}, -7),
        ("INT", "+7", {}, 7),
        ("INT", 5.0, {}, 5),
        ("FLOAT", "1.255", {}, 1.255),
        ("FLOAT", 3, {}, 3.0),
        ("FLOAT", "1e3", {}, 1000.0),
        ("BOOL", "TRUE", {}, True),
        ("BOOL", "yes", {}, False),
        ("BOOLEAN", "false", {}, False),
        ("BOOLEAN", True, {}, True),
        ("DATETIME", "2042-04-02T04:20:42.000Z", {}, "2042-04-02T04:20:42Z"),
        ("DATETIME", "2042-04-02T04:20:42.5+02:00", {}, "2042-04-02T02:20:42.500Z"),
        ("DATE", "2042-12-03", {"after": "2042-12-03", "before": "2042-12-03"}, "2042-12-03"),
        ("TIME", "10:15", {}, "10:15"),
        ("TIME", "10:15:30.250", {}, "10:15:30.250"),
        ("DURATION", "PT5M", {"min": "PT1M"}, "PT5M"),
        ("SELECT", "a", {"values": ["a", "b"]}, "a"),
        ("SELECT", "z", {"values": ["a"], "allowCustomValue": True}, "z"),
        ("MULTISELECT", '["a","b"]', {"values": ["a", "b"]}, ["a", "b"]),
        ("MULTISELECT", "[1, 2]", {"values": ["1", "2"], "itemType": "INT"}, [1, 2]),
        ("ENUM", "a", {"values": ["a"]}, "a"),
        ("ARRAY", "[1, '2']", {"itemType": "INT"}, [1, 2]),
        ("ARRAY", [1], {"itemType": "STRING"}, ["1"]),
        ("JSON", '{"a": [1]}', {}, {"a": [1]}),
        ("JSON", "null", {}, None),
        ("JSON", {"a": 1}, {}, {"a": 1}),
        ("YAML", "a: yes", {}, {"a": True}),
        ("FILE", "kestra:///a/b.csv", {"allowedFileExtensions": [".CSV"]}, "kestra:///a/b.csv"),
        ("URI", "https://kestra.io/docs?a=1", {}, "https://kestra.io/docs?a=1"),
        ("SECRET", "abc", {}, "<abc>"),
        ("SECRET", ENCRYPTED, {}, ENCRYPTED),
        ("EMAIL", "a.b@c", {}, "a.b@c"),
    ],
)
def test_accepted(kind: str, value: Any, props: dict[str, Any], expected: Any) -> None:
    found = one(kind, value, **props)
    assert found.errors == []
    assert found.values == {"x": expected}
    assert type(found.values["x"]) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "props", "cause"),
    [
        ("STRING", "xab1", {"validator": "[a-z]+"}, "it must match the pattern `[a-z]+`"),
        ("STRING", "a" * 40 + "!", {"validator": "(a+)+"}, "pattern"),
        ("INT", "1.5", {}, "`1.5` is not a valid `INT`"),
        ("INT", "2147483648", {}, "not a valid `INT`"),
        ("INT", True, {}, "not a valid"),
        ("INT", "0", {"min": 1}, "it must be more than `1`"),
        ("FLOAT", "9", {"max": 2.5}, "it must be less than `2.5`"),
        ("FLOAT", "nan", {}, "not a valid `FLOAT`"),
        ("DATETIME", "2042-04-02T04:20:42", {}, "not a valid `DATETIME`"),
        ("DATETIME", "2042-13-02T04:20:42Z", {}, "not a valid"),
        (
            "DATETIME",
            "2000-01-01T00:00:00Z",
            {"after": "2001-01-01T00:00:00Z"},
            "it must be after `2001-01-01T00:00:00Z`",
        ),
        ("DATE", "2042-02-30", {}, "not a valid `DATE`"),
        ("DATE", "2042-03-01", {"before": "2042-02-01"}, "it must be before `2042-02-01`"),
        ("TIME", "25:00", {}, "not a valid `TIME`"),
        ("DURATION", "5m", {}, "not a valid `DURATION`"),
        ("DURATION", "PT1S", {"min": "PT1M"}, "It must be more than `PT1M`"),
        ("SELECT", "c", {"values": ["a", "b"]}, "it must match the values `[a, b]`"),
        ("MULTISELECT", '["a","c"]', {"values": ["a"]}, "it must match the values `[a]`"),
        ("MULTISELECT", "a: b", {"values": ["a"]}, "not a valid"),
        ("ARRAY", '[1,"x"]', {"itemType": "INT"}, "Unable to parse array element as `INT` on `x`"),
        ("ARRAY", "x", {"itemType": "INT"}, "not a valid `ARRAY`"),
        ("JSON", "{", {}, "not a valid `JSON`"),
        ("YAML", "a: [", {}, "not a valid `YAML`"),
        ("FILE", "http://x/y", {}, "not a valid `FILE`"),
        ("FILE", "kestra:///../x", {}, "not a valid"),
        (
            "FILE",
            "kestra:///a.txt",
            {"allowedFileExtensions": [".md", ".csv"]},
            "File type not allowed, expected one of [.md, .csv]",
        ),
        ("URI", "http://localhost:8080", {}, "Invalid URI format."),
        ("EMAIL", "x", {}, "The input must be a valid email"),
    ],
)
def test_refused(kind: str, value: Any, props: dict[str, Any], cause: str) -> None:
    found = one(kind, value, **props)
    assert len(found.errors) == 1
    assert found.message.startswith("Invalid value for input `x`. Cause: ")
    assert cause in found.message


def test_missing_values() -> None:
    required, optional = InputDef("a", "INT"), InputDef("b", "INT", required=False)
    found = resolve_inputs([required, optional], {"a": "", "b": None, "other": 1})
    assert found.message == "Missing required input:a"
    assert found.values == {"a": None, "b": None}
    with_default = resolve_inputs([InputDef("a", "INT", defaults="7")], {})
    assert with_default.values == {"a": 7}
    assert with_default.details[0]["isDefault"]


def test_all_errors_are_told_at_once() -> None:
    found = resolve_inputs([InputDef("a", "INT"), InputDef("b", "DATE")], {"a": "x", "b": "y"})
    assert found.message.count("\n") == 1


def test_dots_nest_and_values_may_come_nested(catalog: Catalog) -> None:
    flow = flow_of(catalog, "  - {id: db.host, type: STRING}\n  - {id: db.port, type: INT, defaults: 5}\n")
    assert resolve_inputs(flow, {"db.host": "h"}).values == {"db": {"host": "h", "port": 5}}
    assert resolve_inputs(flow, {"db": {"host": "h", "port": "6"}}).values == {"db": {"host": "h", "port": 6}}
    assert flatten(flow.inputs, {"db": {"host": "h"}}) == {"db.host": "h"}


def test_a_default_of_a_text_input_keeps_the_text_as_written(catalog: Catalog) -> None:
    flow = flow_of(
        catalog,
        "  - {id: a, type: STRING, defaults: yes}\n  - {id: b, type: SELECT, values: [1.10], defaults: 1.10}\n",
    )
    assert resolve_inputs(flow, {}).values == {"a": "yes", "b": "1.10"}


DEPENDING = """\
  - {id: amount, type: INT, dependsOn: {inputs: [kind], condition: "{{ inputs.kind == 'vm' }}"}}
  - {id: kind, type: SELECT, values: [vm, bucket]}
  - {id: region, type: SELECT, expression: "{{ inputs.kind == 'vm' ? ['a', 'b'] : [] }}", autoSelectFirst: true,
  required: false, dependsOn: {inputs: [kind]}}
  - {id: note, type: STRING, defaults: "{{ inputs.amount ?? 'none' }}", dependsOn: {inputs: [kind]}}
"""


def test_inputs_depend_on_each_other_and_see_nothing_else(catalog: Catalog) -> None:
    flow = flow_of(catalog, DEPENDING)
    vm = resolve_inputs(flow, {"kind": "vm", "amount": "3"})
    assert vm.errors == []
    assert vm.values == {"amount": 3, "kind": "vm", "region": "a", "note": "none"}
    assert vm.details[2]["input"]["values"] == ["a", "b"]
    bucket = resolve_inputs(flow, {"kind": "bucket", "amount": "not a number"})
    assert bucket.values == {"kind": "bucket", "region": None, "note": "none"}
    assert [d["enabled"] for d in bucket.details] == [False, True, True, True]


def test_a_condition_that_fails_disables_and_is_told() -> None:
    found = resolve_inputs([InputDef("a", "INT", condition="{{ nothing }}")], {"a": 1})
    assert found.values == {} and found.errors == []
    assert found.details[0]["enabled"] is False
    assert found.details[0]["errors"][0]["message"].startswith("Invalid condition: ")


@pytest.mark.parametrize(
    ("expression", "cause"),
    [
        ("{{ 'x' }}", "Invalid expression result. Expected a list of strings, but received string"),
        ("{{ nope }}", "Cannot render 'expression'. Cause: "),
    ],
)
def test_a_list_of_values_must_be_a_list(expression: str, cause: str) -> None:
    assert cause in resolve_inputs([InputDef("a", "SELECT", props={"expression": expression})], {"a": "x"}).message


def test_a_json_text_is_a_list_of_values() -> None:
    assert resolve_inputs([InputDef("a", "SELECT", props={"expression": '["x", 1, null]'})], {"a": "1"}).values == {
        "a": "1"
    }


def test_what_needs_io_is_asked_for_and_known_the_second_time() -> None:
    declared = [
        InputDef("a", "SELECT", props={"expression": "{{ kv('regions') }}"}),
        InputDef("b", "STRING", depends_on=("a",)),
    ]
    first = resolve_inputs(declared, {"a": "eu", "b": "x"})
    assert [value for value, _ in first.needs_io] == ["{{ kv('regions') }}"]
    assert first.errors == []

    def answer(value: Any, context: Any) -> Any:
        if value != "{{ kv('regions') }}":
            raise Pending
        return ["eu"]

    assert resolve_inputs(declared, {"a": "eu", "b": "x"}, evaluate=answer).values == {"a": "eu", "b": "x"}


def test_uploads() -> None:
    declared = [InputDef("f", "FILE", props={"allowedFileExtensions": [".csv"]})]
    ok = resolve_inputs(declared, {}, files={"f": Upload("kestra:///a/x.CSV", "x.CSV", 3)})
    assert ok.values == {"f": "kestra:///a/x.CSV"}
    assert (
        "Can't upload file: f"
        in resolve_inputs(declared, {}, files={"f": Upload("kestra:///a.csv", "a.csv", 0)}).message
    )
    assert (
        "File type not allowed"
        in resolve_inputs(declared, {}, files={"f": Upload("kestra:///a.txt", "a.txt", 1)}).message
    )


@pytest.mark.parametrize(
    "one",
    [
        InputDef("f", "FILE"),
        InputDef("f", "FILE", defaults="file:///etc/passwd"),
        InputDef("f", "ARRAY", props={"itemType": "FILE"}),
    ],
)
def test_a_file_of_the_machine_needs_an_allowed_folder(one: InputDef) -> None:
    value = "file:///etc/passwd" if one.type == "FILE" else ["file:///etc/passwd"]
    sent = {} if one.defaults else {"f": value}
    refused = resolve_inputs([one], sent, local_file=lambda uri: False)
    assert "The path of 'file:///etc/passwd' is not allowed" in refused.message and refused.values == {"f": None}
    assert resolve_inputs([one], sent, local_file=lambda uri: True).values == {"f": value}
    assert not resolve_inputs([InputDef("f", "STRING")], {"f": value}, local_file=lambda uri: False).errors


def test_secrets_are_stored_encrypted_and_shown_masked() -> None:
    declared = [
        InputDef("s", "SECRET"),
        InputDef("t", "STRING", defaults="{{ inputs.s }}", depends_on=("s",)),
    ]
    found = resolve_inputs(declared, {"s": "abc"}, encrypt=lambda text: ENCRYPTED)
    assert found.values["s"] == ENCRYPTED
    assert found.details[0]["value"] == "******"
    assert found.values["t"] == "abc"
    without = resolve_inputs(declared[:1], {"s": "abc"})
    assert "encryption is not configured" in without.message


def test_expressions_typed_by_users_stay_text() -> None:
    assert resolve_inputs([InputDef("a", "STRING")], {"a": "{{ secret('X') }}"}).values == {"a": "{{ secret('X') }}"}


def test_outputs_are_parsed_like_inputs() -> None:
    assert parse_output(OutputDef("o", "INT", "{{ x }}"), "12") == 12
    assert parse_output(OutputDef("o", "ARRAY", "{{ x }}"), [1, "a"]) == [1, "a"]
    assert parse_output(OutputDef("o", "INT", "", required=False), None) is None
    with pytest.raises(InputValueError):
        parse_output(OutputDef("o", "INT", ""), None)


# ── line by line: §3.1, §3.2, §3.4, §3.6 ────────────────────────────────────────────────────────────────────────


def test_a_prefill_is_for_the_form_only() -> None:
    """§3.1: never applied; a request without the input yields null."""
    assert resolve_inputs([InputDef("a", "STRING", required=False, prefill="hint")], {}).values == {"a": None}


def test_null_and_empty_texts() -> None:
    """§3.2: an empty text counts as absent but for STRING, null always does."""
    declared = [InputDef("a", "STRING"), InputDef("b", "INT", defaults=1), InputDef("c", "JSON", required=False)]
    assert resolve_inputs(declared, {"a": "", "b": "", "c": ""}).values == {"a": "", "b": 1, "c": None}
    assert resolve_inputs(declared, {"a": None}).message == "Missing required input:a"


@pytest.mark.parametrize("sent", ["a", ["a"], '["a"]', "- a"])
def test_a_choice_of_several_comes_in_many_forms(sent: Any) -> None:
    """§3.3: JSON text, list, or a form part that may be repeated."""
    one = InputDef("m", "MULTISELECT", props={"values": ["a", "b"]})
    assert resolve_inputs([one], {"m": sent}).values == {"m": ["a"]}


def test_the_first_choice_is_typed_like_a_sent_one() -> None:
    """§3.4: autoSelectFirst without value and defaults; nothing when the list is empty."""
    props = {"values": ["1", "2"], "itemType": "INT", "autoSelectFirst": True}
    found = resolve_inputs([InputDef("m", "MULTISELECT", props=props)], {})
    assert found.values == {"m": [1]} and found.details[0]["isDefault"] is True
    empty = {"expression": "{{ [] }}", "autoSelectFirst": True}
    assert resolve_inputs([InputDef("s", "SELECT", props=empty)], {}).message == "Missing required input:s"
    default = {"values": ["a", "b"], "autoSelectFirst": True}
    assert resolve_inputs([InputDef("s", "SELECT", defaults="b", props=default)], {}).values == {"s": "b"}


def test_the_list_of_values_holds_for_optional_inputs_too() -> None:
    """§3.4: the check applies to every non-null value; the first offender is told."""
    optional = InputDef("s", "SELECT", required=False, props={"values": ["a"]})
    assert "it must match the values `[a]`" in resolve_inputs([optional], {"s": "z"}).message
    assert resolve_inputs([optional], {}).values == {"s": None}


def test_values_are_compared_literally() -> None:
    """§3.4: each must compile as a regular expression but is no pattern."""
    assert resolve_inputs([InputDef("s", "SELECT", props={"values": ["a.*"]})], {"s": "abc"}).errors


def test_what_depends_on_a_disabled_input_is_disabled() -> None:
    """§3.6: enabled = all dependencies enabled and the condition true; disabled ones are absent, not validated."""
    declared = [
        InputDef("a", "STRING", condition="{{ false }}"),
        InputDef("b", "INT", depends_on=("a",)),
        InputDef("c", "INT", depends_on=("b",), required=True),
    ]
    found = resolve_inputs(declared, {"a": "x", "b": "no number"})
    assert found.values == {} and found.errors == []


@pytest.mark.parametrize(("condition", "enabled"), [("{{ true }}", True), ("{{ 1 }}", False), ("{{ 'yes' }}", False)])
def test_a_condition_is_the_boolean_true(condition: str, enabled: bool) -> None:
    """§3.6: anything but true disables."""
    assert ("a" in resolve_inputs([InputDef("a", "STRING", condition=condition)], {"a": "x"}).values) is enabled


def test_expressions_see_their_dependencies_alone() -> None:
    """§3.6: `inputs` is restricted to the dependencies; trigger, outputs and taskrun do not exist."""
    declared = [InputDef("a", "STRING"), InputDef("b", "STRING", defaults="{{ inputs.a ?? 'hidden' }}")]
    assert resolve_inputs(declared, {"a": "x"}).values["b"] == "hidden"
    for root in ("trigger", "outputs", "taskrun"):
        one = InputDef("a", "STRING", defaults=f"{{{{ {root}.x ?? 'none' }}}}")
        assert resolve_inputs([one], {}).values == {"a": "none"}


def test_unknown_dependencies_and_oneself_are_skipped() -> None:
    """§3.6: at run time."""
    assert resolve_inputs([InputDef("a", "STRING", depends_on=("a", "b"))], {"a": "x"}).values == {"a": "x"}


@pytest.mark.parametrize(
    ("kind", "default", "expected"),
    [
        ("DATETIME", "{{ '2042-04-02T06:20:42+02:00' }}", "2042-04-02T04:20:42Z"),
        ("INT", "{{ 1 + 1 }}", 2),
        ("JSON", {"a": "{{ 1 + 1 }}"}, {"a": 2}),
        ("ARRAY", ["{{ 1 }}", 2], [1, 2]),
        ("STRING", "{{ '{{ 1 + 1 }}' }}", "{{ 1 + 1 }}"),
    ],
)
def test_defaults_are_rendered_once_and_converted(kind: str, default: Any, expected: Any) -> None:
    """§3.6: for every type; the result is not rendered a second time."""
    found = resolve_inputs([InputDef("a", kind, defaults=default, props={"itemType": "INT"})], {})
    assert found.values == {"a": expected}, found.message


def test_native_values_pass_unchanged() -> None:
    """§3.3: native values of the target type."""
    values = {"i": 3, "f": 1.5, "b": True, "j": {"a": None}, "l": [1]}
    declared = [InputDef("i", "INT"), InputDef("f", "FLOAT"), InputDef("b", "BOOL"), InputDef("j", "JSON")]
    assert resolve_inputs([*declared, InputDef("l", "ARRAY", props={"itemType": "INT"})], values).values == values


def test_a_file_that_came_under_the_name_of_its_input_has_no_extension_to_check() -> None:
    """§3.2, §3.3: the part `files` with `filename=<input id>`."""
    one = InputDef("f", "FILE", props={"allowedFileExtensions": [".csv"]})
    assert resolve_inputs([one], {"f": "kestra:///a/inputs/f/f"}).errors == []
    assert resolve_inputs([one], {"f": "kestra:///a/inputs/f/f.txt"}).errors


def test_triggers_see_static_defaults_alone() -> None:
    """§4: in a trigger's properties only inputs with static defaults are visible."""
    declared = [
        InputDef("a.b", "INT", defaults="7"),
        InputDef("c", "STRING", defaults="{{ 1 + 1 }}"),
        InputDef("d", "STRING"),
        InputDef("s", "SECRET", defaults="x"),
    ]
    assert static_defaults(declared) == {"a": {"b": 7}}
