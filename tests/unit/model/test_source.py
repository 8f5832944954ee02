"""Laws of parsing and validation (spec: workflow components §1, §2)."""

from __future__ import annotations

import textwrap
import time
from typing import Any

import pytest

from flowdeck.model.catalog import Catalog
from flowdeck.model.findings import Finding, Severity
from flowdeck.model.flow import TaskKind
from flowdeck.model.shapes import FieldSpec, Shape, TypeSpec
from flowdeck.model.source import Parsed, constraints_text, parse_flow, peek, split_documents, without_revision

LOG = "io.kestra.plugin.core.log.Log"
HEAD = "id: f\nnamespace: a.b\n"
TASK = "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: hi}\n"


def parse(catalog: Catalog, text: str, **options: Any) -> Parsed:
    return parse_flow(textwrap.dedent(text), catalog, **options)


def only(parsed: Parsed, rule: str) -> Finding:
    found = [f for f in parsed.findings if f.rule == rule]
    assert len(found) == 1, parsed.findings
    return found[0]


def test_a_small_flow_is_understood(catalog: Catalog) -> None:
    parsed = parse(catalog, HEAD + "labels: {team: data}\n" + TASK)
    assert parsed.findings == ()
    flow = parsed.flow
    assert flow is not None
    assert (flow.id, flow.namespace, flow.labels) == ("f", "a.b", (("team", "data"),))
    task = flow.tasks[0]
    assert (task.key, task.type, task.kind, task.branch, task.parent) == (0, LOG, TaskKind.RUNNABLE, "tasks", None)
    assert task.props["message"] == "hi"


def test_children_are_numbered_in_the_order_of_the_document_and_disabled_ones_are_left_out(catalog: Catalog) -> None:
    parsed = parse(
        catalog,
        HEAD
        + """\
tasks:
  - id: s
    type: io.kestra.plugin.core.flow.Switch
    value: "{{ inputs.x }}"
    cases:
      yes: [{id: a, type: io.kestra.plugin.core.log.Log, message: a}]
      1.10: [{id: b, type: io.kestra.plugin.core.log.Log, message: b, disabled: true}]
    defaults: [{id: c, type: io.kestra.plugin.core.log.Log, message: c}]
    errors: [{id: d, type: io.kestra.plugin.core.log.Log, message: d}]
finally: [{id: e, type: io.kestra.plugin.core.log.Log, message: e}]
""",
    )
    flow = parsed.flow
    assert flow is not None, parsed.findings
    assert [t.id for t in flow.tasks] == ["s", "a", "b", "c", "d", "e"]
    assert flow.tasks[0].children == {"cases.yes": (1,), "cases.1.10": (), "defaults": (3,), "errors": (4,)}
    assert flow.tasks[2].disabled
    assert flow.branches == {"tasks": (0,), "finally": (5,)}
    assert "cases" not in flow.tasks[0].props


@pytest.mark.parametrize(
    ("written", "typed", "untyped"),
    [
        ("yes", "yes", True),
        ("010", "010", "010"),
        ("1.10", "1.10", 1.1),
        ("on", "on", True),
        ("0x1F", "0x1F", "0x1F"),
        ("2024-01-01", "2024-01-01", "2024-01-01"),
        ("12:30:45", "12:30:45", "12:30:45"),
        ("'yes'", "yes", "yes"),
        ("1_000", "1_000", 1000),
        ("-7", "-7", -7),
        ("1e3", "1e3", 1000.0),
        ("N", "N", False),
        ("nope", "nope", "nope"),
    ],
)
def test_text_properties_keep_the_text_and_untyped_ones_resolve_it(
    catalog: Catalog, written: str, typed: str, untyped: object
) -> None:
    source = HEAD + f"description: {written}\nvariables: {{v: {written}}}\n" + TASK
    flow = parse_flow(source, catalog).flow
    assert flow is not None
    assert flow.description == typed
    assert flow.variables["v"] == untyped
    assert type(flow.variables["v"]) is type(untyped)


def test_an_unknown_property_names_the_known_ones_and_the_nearest(catalog: Catalog) -> None:
    source = HEAD + f"tasks:\n  - id: t\n    type: {LOG}\n    mesage: hi\n    message: hi\n"
    finding = only(parse(catalog, source), "unknown-property")
    assert finding.message.startswith(f'Unrecognized field "mesage" on type {LOG} (known properties: allowFailure, ')
    assert finding.message.endswith('Did you mean "message"?')
    assert (finding.path, finding.line, finding.column, finding.end_column) == ("tasks[0]", 6, 5, 11)
    lenient = parse(catalog, source, strict=False)
    assert lenient.flow is not None
    assert "mesage" not in lenient.flow.tasks[0].props


def test_an_unknown_type_gives_two_entries_and_the_nearest_known_one(catalog: Catalog) -> None:
    parsed = parse(catalog, HEAD + "tasks:\n  - {id: t, type: io.kestra.plugin.core.log.Logg}\n")
    assert parsed.flow is None
    assert [f.message for f in parsed.findings] == [
        "Invalid type: io.kestra.plugin.core.log.Logg",
        "Could not resolve type id 'io.kestra.plugin.core.log.Logg': no task of that type is installed; "
        f"did you mean {LOG}?",
    ]
    wrong_kind = parse(catalog, HEAD + TASK + f"triggers:\n  - {{id: x, type: {LOG}}}\n")
    assert "it is a task, here stands a trigger" in wrong_kind.findings[1].message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "Illegal flow yaml: "),
        ("", "Illegal flow yaml: the document is empty"),
        ("id: a\nid: b\n", "Illegal flow yaml: Duplicate field 'id'"),
        ("a: !!python/object:x {}", "tag "),
        ("a: 1\n---\nb: 1", "Illegal flow yaml: "),
        ("[" * 5000, "Illegal flow yaml: nesting is deeper than 100"),
        ("- " * 3000 + "a", "Illegal flow yaml: nesting is deeper than 100"),
        ("\x00", "Illegal flow yaml: "),
        ("\ud800", "Illegal flow yaml: "),
        ("a: &a [*a]", "nesting is deeper"),
        ("[1]", "Cannot deserialize value"),
    ],
)
def test_broken_text_is_a_finding(catalog: Catalog, text: str, message: str) -> None:
    parsed = parse_flow(
        text if "id" in text else f"variables: {{}}\n{text}" if text.startswith("a:") else text, catalog
    )
    assert parsed.flow is None
    if text != "a: &a [*a]" and "!!" not in text:
        assert any(f.message.startswith(message) for f in parsed.findings), parsed.findings


def test_aliases_can_not_make_a_small_text_large(catalog: Catalog) -> None:
    lines = ["variables:", "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    parsed = parse_flow(HEAD + "\n".join(lines) + "\n" + TASK, catalog)
    assert only(parsed, "alias-bomb").is_error
    assert parse_flow(HEAD + "variables:\n  a: &x [1, 2]\n  b: *x\n" + TASK, catalog).flow is not None


def test_tags_are_refused(catalog: Catalog) -> None:
    assert only(parse_flow(HEAD + "variables: {a: !!int 3}\n" + TASK, catalog), "yaml-tag").line == 3


@pytest.mark.parametrize(
    ("part", "rule", "message"),
    [
        ("id: 'a b'", "pattern", "must match"),
        ("namespace: Upper", "pattern", "must match"),
        ("concurrency: {limit: 0}", "min", "must be greater than or equal to 1"),
        ("concurrency: {limit: two}", "type", "Cannot deserialize value of type `integer` from 'two'"),
        ("concurrency: {limit: 1, behavior: QUEU}", "enum", "did you mean QUEUE?"),
        ("labels: {Team: x}", "label-key", "label key 'Team' must match"),
        ("labels: {a: [1]}", "label-value", "must be a text"),
        (
            "labels: {system.x: y}",
            "system-label",
            "System labels can only be set by Kestra itself, offending label: system.x=y",
        ),
        (
            "retry: {type: constant, interval: PT5M, maxDuration: PT1M}",
            "retry",
            "'interval' must be less than 'maxDuration'",
        ),
        ("retry: {type: random, minInterval: PT5M, maxInterval: PT1M}", "retry", "'minInterval' must be less than"),
        ("retry: {type: constant, interval: 5m}", "type", "ISO-8601"),
        ("inputs: [{id: a, type: FORM}]", "unknown-type", "Invalid type: FORM"),
        ("inputs: [{id: a, type: STRING}, {id: a, type: INT}]", "duplicate-input", "Duplicate input with name [a]"),
        (
            "inputs: [{id: a, type: STRING}, {id: a.b, type: INT}]",
            "input-prefix",
            "Input path 'a' conflicts with 'a.b'",
        ),
        ("inputs: [{id: a, type: SELECT}]", "input-values", "SELECT input 'a' needs values or expression"),
        ("inputs: [{id: a, type: ARRAY, itemType: ARRAY}]", "item-type", "`itemType` cannot be `ARRAY`"),
        ("inputs: [{id: a, type: STRING, validator: '['}]", "pattern", "invalid pattern [[]"),
        ("inputs: [{id: a, type: STRING, dependsOn: {inputs: [b]}}]", "depends-on", "non-existent input 'b'"),
        ("inputs: [{id: a, type: STRING, defaults: x, prefill: y}]", "input-prefill", "cannot also have a prefill"),
        ("inputs: [{id: a, type: STRING, defaults: x, required: false}]", "input-default", "must be required"),
        (
            "pluginDefaults: [{type: io.kestra, forced: true}]",
            "plugin-default",
            "Invalid Plugin Default: No 'values' provided",
        ),
        (
            f"pluginDefaults: [{{type: {LOG}, values: {{x: 1}}}}]",
            "plugin-default",
            f"No property 'x' exists in plugin '{LOG}'",
        ),
        ("outputs: [{id: a, type: STRING, value: '{{ }'}]", "expression", "Invalid expression"),
        # expressions §4: unknown names fail when rendered, validation warns
        ("outputs: [{id: a, type: STRING, value: '{{ 1 | nop }}'}]", "unknown-name", "Filter [nop] does not exist."),
        ("outputs: [{id: a, type: STRING, value: '{{ nop() }}'}]", "unknown-name", "Function or Macro [nop] does"),
        ("outputs: [{id: a, type: STRING, value: '{{ 1 is nop }}'}]", "unknown-name", "Test [nop] does not exist."),
        # core plugins §0.2: null for a primitive
        ("disabled:", "null", "Cannot map `null` into type `boolean`"),
    ],
)
def test_each_rule_names_what_is_wrong(catalog: Catalog, part: str, rule: str, message: str) -> None:
    head = "".join(line + "\n" for line in HEAD.splitlines() if line.split(":")[0] != part.split(":")[0])
    parsed = parse_flow(head + part + "\n" + TASK, catalog)
    found = [f for f in parsed.findings if f.rule == rule]
    assert found and any(message in f.message for f in found), parsed.findings
    assert all(f.line for f in found)
    assert (parsed.flow is None) == any(f.is_error for f in parsed.findings)


@pytest.mark.parametrize(
    ("trigger", "rule", "message"),
    [
        ("type: Schedule, cron: '60 * * * *'", "cron", "invalid cron expression '60 * * * *': value 60 of the minute"),
        ("type: Schedule, cron: '@daily', timezone: Mars", "timezone", "timezone '(Mars)' is not a valid time-zone ID"),
        ("type: Schedule", "required", "must not be null"),
        (
            "type: Schedule, cron: '@daily', conditions: [{type: io.kestra.plugin.core.condition.HasRetryAttempt}]",
            "schedule-condition",
            "is not about dates",
        ),
        ("type: Webhook", "required", "must not be null"),
        (
            "type: Webhook, key: x, conditions: "
            "[{type: io.kestra.plugin.core.condition.MultipleCondition, id: m, conditions: {}}]",
            "webhook",
            "invalid webhook",
        ),
        ("type: Flow", "flow-trigger", "neither conditions nor preconditions"),
        (
            "type: Flow, preconditions: {id: p, timeWindow: {type: SLIDING_WINDOW, deadline: '10:00:00'}}",
            "time-window",
            "Time window of type `SLIDING_WINDOW` cannot have a deadline.",
        ),
        (
            "type: Flow, preconditions: {id: p, timeWindow: {type: DAILY_TIME_WINDOW, startTime: '10:00:00'}}",
            "time-window",
            "Time window of type `DAILY_TIME_WINDOW` must have a end time.",
        ),
        (
            "type: Flow, preconditions: {id: p, where: [{id: w, filters: [{field: STATE, type: IN}]}]}",
            "filter",
            "`values` cannot be null for type IN",
        ),
        (
            "type: Schedule, cron: '@daily', labels: {system.a: b}",
            "label",
            "System labels can only be set by Kestra itself",
        ),
    ],
)
def test_triggers_have_rules_of_their_own(catalog: Catalog, trigger: str, rule: str, message: str) -> None:
    full = trigger.replace("type: ", "type: io.kestra.plugin.core.trigger.", 1)
    parsed = parse_flow(HEAD + TASK + f"triggers:\n  - {{id: x, {full}}}\n", catalog)
    assert message in only(parsed, rule).message


def directory(tasks: str) -> str:
    return f"{HEAD}tasks: [{{id: d, type: io.kestra.plugin.core.flow.WorkingDirectory, tasks: {tasks}}}]\n"


@pytest.mark.parametrize(
    ("tasks", "path", "message"),
    [
        ("[]", "tasks[0].tasks", "The 'tasks' property cannot be empty"),
        (
            "[{id: p, type: io.kestra.plugin.core.flow.Pause}]",
            "tasks[0].tasks[0]",
            "Only runnable tasks are allowed as children of a WorkingDirectory task",
        ),
        (
            f"[{{id: l, type: {LOG}, message: x, workerGroup: {{key: gpu}}}}]",
            "tasks[0].tasks[0].workerGroup",
            "Cannot set a Worker Group in any WorkingDirectory sub-tasks, it is only supported at the "
            "WorkingDirectory level",
        ),
    ],
)
def test_children_of_a_working_directory_are_runnable_and_have_no_group(
    catalog: Catalog, tasks: str, path: str, message: str
) -> None:
    """§2.5."""
    assert [(f.path, f.message) for f in parse_flow(directory(tasks), catalog).errors] == [(path, message)]


def test_duplicates_are_found_over_all_branches(catalog: Catalog) -> None:
    source = HEAD + TASK + "errors:\n  - {id: t, type: io.kestra.plugin.core.log.Log, message: x}\n"
    parsed = parse_flow(source, catalog)
    assert constraints_text(parsed.findings) == "Invalid Flow: Duplicate task id with name [t]"


def test_a_flow_that_calls_itself_is_refused(catalog: Catalog) -> None:
    call = "tasks:\n  - {id: t, type: io.kestra.plugin.core.flow.Subflow, namespace: a.b, flowId: f}\n"
    assert only(parse_flow(HEAD + call, catalog), "recursive-flow").message == "Recursive call to flow [a.b.f]"


def test_ids_with_dashes_need_brackets(catalog: Catalog) -> None:
    source = HEAD + (
        "inputs: [{id: my-key, type: STRING}]\n"
        f'tasks:\n  - {{id: t, type: {LOG}, message: "{{{{ inputs.my-key }}}}"}}\n'
    )
    message = only(parse_flow(source, catalog), "dash-reference").message
    assert message.startswith("Invalid input reference: use inputs[key-name]") and message.endswith(
        "offending tasks: [t]"
    )
    assert parse_flow(source.replace("inputs.my-key", "inputs['my-key']"), catalog).flow is not None


def test_an_expression_error_lies_where_it_is_in_the_text(catalog: Catalog) -> None:
    block = parse_flow(
        HEAD + f"tasks:\n  - id: t\n    type: {LOG}\n    message: |\n      one\n      two {{{{ a | }}}}\n", catalog
    )
    finding = only(block, "expression")
    assert (finding.line, finding.path) == (8, "tasks[0].message")
    assert finding.column >= 11
    line = parse_flow(HEAD + f"tasks:\n  - {{id: t, type: {LOG}, message: '{{{{ ) }}}}'}}\n", catalog)
    assert only(line, "expression").line == 4


def test_old_names_work_and_are_told(catalog: Catalog) -> None:
    parsed = parse_flow(
        HEAD + TASK + "  - {id: p, type: io.kestra.core.tasks.flows.Pause, delay: PT1S}\ntaskDefaults: []\n", catalog
    )
    assert parsed.flow is not None
    assert parsed.flow.tasks[1].type == "io.kestra.plugin.core.flow.Pause"
    assert parsed.flow.tasks[1].props["pauseDuration"] == "PT1S"
    assert parsed.deprecation_paths == ["tasks[1].delay", "taskDefaults"]
    assert parsed.texts(Severity.INFO) == [
        "io.kestra.core.tasks.flows.Pause is replaced by io.kestra.plugin.core.flow.Pause"
    ]
    assert parsed.document["tasks"][1]["type"] == "io.kestra.core.tasks.flows.Pause"


def test_the_source_loses_only_its_revision_line() -> None:
    assert without_revision("# a\nid: x\nrevision: 7\ntasks:\n  revision: 1\n") == "# a\nid: x\ntasks:\n  revision: 1\n"


def test_several_documents_are_told_apart() -> None:
    assert split_documents("id: a\n---\n# nothing\n---\nid: b\n") == [("id: a\n", 0), ("id: b\n", 4)]


def test_names_can_be_read_from_a_broken_text() -> None:
    assert peek("id: x\nnamespace: a.b\ntasks: [") == ("a.b", "x")


def test_states_and_enumerations_accept_any_case(catalog: Catalog) -> None:
    flow = parse_flow(HEAD + f"tasks:\n  - {{id: t, type: {LOG}, message: x, level: warn}}\n", catalog).flow
    assert flow is not None
    assert flow.tasks[0].props["level"] == "WARN"


def test_hostile_texts_are_answered_in_time(catalog: Catalog) -> None:
    start = time.monotonic()
    for text in (
        "-    " * 39 + "x",
        "\n".join(f"key{n}: 1" for n in range(20_000)),
        HEAD + "inputs: [{id: a-b, type: STRING}]\n" + TASK.replace("hi", "'" + "{{ 1 }} inputs.a-b " * 5_000 + "'"),
        HEAD + "tasks:\n" + "  - {id: a, type: nowhere.Found}\n" * 5_000,
        "[" * 200_000,
    ):
        parsed = parse_flow(text, catalog)
        assert len(parsed.findings) <= 700
    assert time.monotonic() - start < 20


def test_errors_are_not_hidden_by_many_hints(catalog: Catalog) -> None:
    pauses = "".join(f"  - {{id: p{n}, type: io.kestra.core.tasks.flows.Pause, delay: PT1S}}\n" for n in range(400))
    parsed = parse_flow(HEAD + "tasks:\n" + pauses + f"  - {{id: t, type: {LOG}}}\n", catalog)
    assert parsed.flow is None
    assert [f.path for f in parsed.errors] == ["tasks[400].message"]


@pytest.mark.parametrize(
    ("sla", "path", "message"),
    [
        ("{id: s, type: MAX_DURATION, behavior: FAIL}", "sla[0].duration", "must not be null"),
        ("{id: s, type: EXECUTION_ASSERTION, behavior: NONE}", "sla[0].assert", "must not be null"),
        ("{id: '', type: MAX_DURATION, duration: PT1H, behavior: FAIL}", "sla[0].id", "must not be empty"),
        ("{id: s, type: MAX_DURATION, duration: PT1H}", "sla[0].behavior", "must not be null"),
        (
            "{id: s, type: MAX_DURATION, duration: PT1H, behavior: NONE, labels: {system.x: y}}",
            "sla[0].labels",
            "System labels can only be set by Kestra itself, offending label: system.x=y.",
        ),
    ],
)
def test_slas_that_can_not_be_used(catalog: Catalog, sla: str, path: str, message: str) -> None:
    """§11.4: members each type needs; §2.5: labels."""
    parsed = parse(catalog, HEAD + f"sla: [{sla}]\n" + TASK)
    assert [(f.path, f.message) for f in parsed.errors] == [(path, message)]


def test_a_value_of_several_types_is_tried_in_turn_and_counts_no_error(catalog: Catalog) -> None:
    either = Shape("union", options=(Shape("text"), Shape("integer"), Shape("list", of=Shape("text"))))
    many = Catalog([TypeSpec("test.Many", "task", "runnable", fields=(FieldSpec("a", "a", either),))])
    tasks = "".join(f"  - {{id: t{n}, type: test.Many, a: {n if n % 2 else 'x'}}}\n" for n in range(700))
    flow = parse_flow(HEAD + "tasks:\n" + tasks, many).flow
    assert flow is not None
    assert [flow.tasks[n].props["a"] for n in (0, 1, 699)] == ["x", 1, 699]
    wrong = parse_flow(HEAD + "tasks:\n" + tasks + "  - {id: z, type: test.Many, a: {b: c}}\n", many)
    assert only(wrong, "type").path == "tasks[700].a"
