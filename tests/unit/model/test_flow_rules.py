"""Every rule about a flow's YAML with its message, against the installed types (spec: workflow components §1–§5)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.model.findings import Severity
from flowdeck.model.source import Parsed, constraints_text, parse_flow
from flowdeck.sdk.index import load_catalog

HEAD = "id: f\nnamespace: a.b\n"
CORE = "io.kestra.plugin.core."
TASKS = "tasks: [{id: t, type: @log.Log, message: x}]\n"
LONG = "a" * 257


def parse(text: str, **options: Any) -> Parsed:
    return parse_flow(text.replace("type: @", f"type: {CORE}"), load_catalog(), **options)


def task(body: str) -> str:
    return HEAD + f"tasks: [{{id: t, {body}}}]\n"


def trigger(body: str, more: str = "") -> str:
    return HEAD + more + TASKS + f"triggers: [{body}]\n"


def inputs(body: str) -> str:
    return HEAD + f"inputs: [{body}]\n" + TASKS


REFUSED: list[tuple[str, str, str]] = [
    # ── §1.1, §2.2: the flow itself
    ("§1.1 id pattern", "id: _x\nnamespace: a.b\n" + TASKS, 'id: must match "^[a-zA-Z0-9][a-zA-Z0-9._-]*"'),
    ("§1.1 id length", f"id: {'a' * 101}\nnamespace: a.b\n" + TASKS, "id: length must be between 1 and 100"),
    ("§1.1 id required", "namespace: a.b\n" + TASKS, "id: must not be null"),
    ("§1.1 namespace pattern", "id: f\nnamespace: A.b\n" + TASKS, 'namespace: must match "^[a-z0-9][a-z0-9._-]*"'),
    ("§1.1 namespace length", f"id: f\nnamespace: {'a' * 151}\n" + TASKS, "namespace: length must be between 1 and 150"),
    ("§1.1 namespace required", "id: f\n" + TASKS, "namespace: must not be null"),
    ("§1.1 draft", HEAD + "draft: true\n" + TASKS, 'Unrecognized field "draft" on type flow (known properties: '),
    ("§1.1 tasks required", HEAD, "tasks: must not be null"),
    ("§1.1 tasks not empty", HEAD + "tasks: []\n", "tasks: must not be empty"),
    ("§0 members of 2.x", HEAD + "quotas: []\n" + TASKS, 'Unrecognized field "quotas"'),
    ("§0 members of 2.x", task("type: @log.Log, message: x, workerSelector: {}"), 'Unrecognized field "workerSelector"'),
    ("§0 members of 2.x", trigger("{id: w, type: @trigger.Flow, when: x}"), 'Unrecognized field "when"'),
    ("§0 types of 2.x", inputs("{id: a, type: TABLE}"), "inputs[0].type: Invalid type: TABLE"),
    ("§0 types of 2.x", inputs("{id: a, type: REUSABLE_INPUTS}"), "inputs[0].type: Invalid type: REUSABLE_INPUTS"),
    ("§0 FORM", inputs("{id: a, type: FORM}"), "inputs[0].type: Invalid type: FORM"),
    ("§0 durations", task("type: @log.Log, message: x, timeout: P1W"), "tasks[0].timeout: Cannot deserialize value"),
    ("§0 durations", task("type: @log.Log, message: x, timeout: P1M"), "must be an ISO-8601 duration"),
    # ── §2.2: ids, types, labels, limits
    ("§2.2 task id", HEAD + "tasks: [{id: a.b, type: @log.Log, message: x}]", 'tasks[0].id: must match "^[a-zA-Z0-9][a-zA-Z0-9_-]*"'),
    ("§2.2 task id length", HEAD + f"tasks: [{{id: {LONG}, type: @log.Log, message: x}}]", "Task id must be at most 256 characters"),
    ("§2.2 task id length", HEAD + TASKS + f"finally: [{{id: {LONG}, type: @log.Log, message: x}}]", "Task id must be at most 256 characters"),
    ("§2.2 task id required", HEAD + "tasks: [{type: @log.Log, message: x}]", "tasks[0].id: must not be null"),
    ("§2.2 trigger id", trigger("{id: a.b, type: @trigger.Webhook, key: x}"), 'triggers[0].id: must match "^[a-zA-Z0-9][a-zA-Z0-9_-]*"'),
    ("§2.2 type required", HEAD + "tasks: [{id: t}]", "tasks[0].type: must not be null"),
    ("§2.2 type of another kind", task("type: @trigger.Webhook"), f"Invalid type: {CORE}trigger.Webhook"),
    ("§2.2 no Java name", task("type: 1 x"), "tasks[0].type: Invalid type: 1 x"),
    ("§2.2 input id", inputs("{id: _a, type: STRING}"), 'inputs[0].id: must match "^[a-zA-Z0-9][.a-zA-Z0-9_-]*"'),
    ("§2.2 output id", HEAD + TASKS + "outputs: [{id: _a, type: STRING, value: x}]", 'outputs[0].id: must match "^[a-zA-Z0-9][.a-zA-Z0-9_-]*"'),
    ("§2.2 displayName", inputs(f"{{id: a, type: STRING, displayName: {LONG}}}"), "inputs[0].displayName: length must be between 0 and 256"),
    ("§2.2 precondition id", trigger("{id: u, type: @trigger.Flow, preconditions: {id: p.q, flows: [{namespace: a}]}}"), "triggers[0].preconditions.id: must match"),
    ("§2.2 label key", HEAD + "labels: {Team: x}\n" + TASKS, "label key 'Team' must match"),
    ("§2.2 label key", HEAD + "labels: {1a: x}\n" + TASKS, "label key '1a' must match"),
    ("§2.2 label key", HEAD + "labels: [{key: '', value: x}]\n" + TASKS, "label key '' must match"),
    ("§2.2 label value", HEAD + "labels: {a: ''}\n" + TASKS, "the value of label 'a' must not be empty"),
    ("§5 label value", HEAD + "labels: {a: [1]}\n" + TASKS, "the value of label 'a' must be a text"),
    ("§5 label value", HEAD + "labels: {a: {b: c}}\n" + TASKS, "the value of label 'a' must be a text"),
    ("§2.2 concurrency", HEAD + "concurrency: {limit: 0}\n" + TASKS, "concurrency.limit: must be greater than or equal to 1"),
    ("§2.2 concurrency", HEAD + "concurrency: {behavior: QUEUE}\n" + TASKS, "concurrency.limit: must not be null"),
    ("§2.2 webhook key", trigger("{id: w, type: @trigger.Webhook}"), "triggers[0].key: must not be null"),
    ("§2.2 webhook key", trigger(f"{{id: w, type: @trigger.Webhook, key: {LONG}}}"), "triggers[0].key: length must be between"),
    ("§2.2 regex", inputs("{id: a, type: STRING, validator: '['}"), "inputs[0].validator: invalid pattern [[]"),
    ("§2.2 regex", inputs("{id: a, type: SELECT, values: ['(']}"), "invalid pattern [(]"),
    ("§2.2 timezone", trigger("{id: s, type: @trigger.Schedule, cron: '* * * * *', timezone: Mars/X}"), "timezone '(Mars/X)' is not a valid time-zone ID"),
    # ── §2.3: what YAML and types say
    ("§2.3 broken", "id: f\n  x: [", "Illegal flow yaml: mapping values are not allowed"),
    ("§2.3 broken", "id: f\n  x: [", "(line 2, column 4)"),
    ("§1.1 one document", HEAD + TASKS + "---\n" + HEAD + TASKS, "Illegal flow yaml: "),
    ("§1.2 duplicate key", HEAD + "id: g\n" + TASKS, "Illegal flow yaml: Duplicate field 'id' (line 3, column 1)"),
    ("§2.3 unknown property", task("type: @log.Log, message: x, foo: 1"), f'tasks[0]: Unrecognized field "foo" on type {CORE}log.Log (known properties: '),
    ("§2.3 unknown type", task("type: io.acme.Nothing"), "tasks[0].type: Invalid type: io.acme.Nothing"),
    ("§2.3 unknown type", task("type: io.acme.Nothing"), "tasks[0].type: Could not resolve type id 'io.acme.Nothing'"),
    ("§2.3 wrong scalar", HEAD + "disabled: maybe\n" + TASKS, "disabled: Cannot deserialize value of type `boolean` from 'maybe'"),
    ("§2.3 wrong scalar", task("type: @log.Log, message: {a: b}"), "tasks[0].message: Cannot deserialize value of type"),
    ("§2.3 wrong enum", HEAD + "concurrency: {limit: 1, behavior: WAIT}\n" + TASKS, "concurrency.behavior: Cannot deserialize value"),
    # ── §2.4: the flow as a whole
    ("§2.4 task ids", HEAD + "tasks: [{id: a, type: @log.Log, message: x}, {id: b, type: @flow.Sequential, tasks: [{id: a, type: @log.Log, message: x}]}]\nfinally: [{id: b, type: @log.Log, message: x}]", "Invalid Flow: Duplicate task id with name [a, b]"),
    ("§2.4 trigger ids", trigger("{id: w, type: @trigger.Webhook, key: x}, {id: w, type: @trigger.Webhook, key: y}"), "Invalid Flow: Duplicate trigger id with name [w]"),
    ("§2.4 input ids", inputs("{id: a, type: STRING}, {id: a, type: INT}"), "Invalid Flow: Duplicate input with name [a]"),
    ("§2.4 output ids", HEAD + TASKS + "outputs: [{id: a, type: STRING, value: x}, {id: a, type: STRING, value: y}]", "Invalid Flow: Duplicate output with name [a]"),
    ("§2.4 input paths", inputs("{id: a, type: STRING}, {id: a.b, type: STRING}"), "Input path 'a' conflicts with 'a.b'; one cannot be nested under the other."),
    ("§2.4 dependsOn", inputs("{id: a, type: STRING, dependsOn: {inputs: [y]}}"), "Input with id 'a' depends on a non-existent input 'y'."),
    ("§2.4 dependsOn cycle", inputs("{id: x, type: STRING, dependsOn: {inputs: [y]}}, {id: y, type: STRING, dependsOn: {inputs: [x]}}"), "Cycle dependency detected for input with id 'x': [x, y]"),
    ("§2.4 recursion", task("type: @flow.Subflow, namespace: a.b, flowId: f"), "Recursive call to flow [a.b.f]"),
    ("§2.4 recursion", task("type: @flow.ForEachItem, items: x, namespace: a.b, flowId: f"), "Recursive call to flow [a.b.f]"),
    ("§2.4 system labels", HEAD + "labels: {system.x: y}\n" + TASKS, "System labels can only be set by Kestra itself, offending label: system.x=y"),
    ("§2.4 dashes", HEAD + "inputs: [{id: my-key, type: STRING}]\n" + task("type: @log.Log, message: '{{ inputs.my-key }}'").removeprefix(HEAD), "Invalid input reference: use inputs[key-name] instead of inputs.key-name — keys with dashes require bracket notation, offending tasks: [t]"),
    ("§2.4 dashes", HEAD + "tasks: [{id: t-1, type: @log.Log, message: x}]\noutputs: [{id: o, type: STRING, value: '{{ outputs.t-1 }}'}]", "Invalid output reference"),
    ("§2.5 preconditions", trigger("{id: w, type: @trigger.Flow, preconditions: {id: p, flows: [{namespace: a}]}}, {id: v, type: @trigger.Flow, preconditions: {id: p, flows: [{namespace: a}]}}"), "Duplicate preconditions with id [p]"),
    # ── §2.5: single types
    ("§2.5 Switch", task("type: @flow.Switch, value: x"), "No task defined, neither cases or default have any tasks"),
    ("§2.5 Dag", task("type: @flow.Dag, tasks: []"), "No task defined"),
    ("§2.5 Dag", task("type: @flow.Dag, tasks: [{task: {id: x, type: @log.Log, message: x}, dependsOn: [y]}]"), "Not existing task id in dependency: y"),
    ("§2.5 Dag", task("type: @flow.Dag, tasks: [{task: {id: x, type: @log.Log, message: x}, dependsOn: [x]}]"), "Cyclic dependency detected: x"),
    ("§2.5 retry", task("type: @log.Log, message: x, retry: {type: constant, interval: PT5M, maxDuration: PT1M}"), "tasks[0].retry: 'interval' must be less than 'maxDuration' but is PT5M"),
    ("§2.5 retry", task("type: @log.Log, message: x, retry: {type: exponential, interval: PT5M, maxInterval: PT1M}"), "'interval' must be less than 'maxInterval' but is PT5M"),
    ("§2.5 retry", task("type: @log.Log, message: x, retry: {type: exponential, interval: PT5M, maxInterval: PT10M, maxDuration: PT1M}"), "'interval' must be less than 'maxDuration' but is PT5M"),
    ("§2.5 retry", task("type: @log.Log, message: x, retry: {type: random, minInterval: PT5M, maxInterval: PT1M}"), "'minInterval' must be less than 'maxInterval' but is PT5M"),
    ("§2.5 retry", task("type: @log.Log, message: x, retry: {type: random, minInterval: PT1M, maxInterval: PT5M, maxDuration: PT2M}"), "'maxInterval' must be less than 'maxDuration' but is PT5M"),
    ("§2.5 retry", task("type: @log.Log, message: x, retry: {type: constant, interval: PT1S, maxAttempts: 0}"), "tasks[0].retry.maxAttempts: must be greater than or equal to 1"),
    ("§2.5 retry of the flow", HEAD + "retry: {type: constant}\n" + TASKS, "retry.interval: must not be null"),
    ("§2.5 Schedule", trigger("{id: s, type: @trigger.Schedule, cron: 'a b'}"), "invalid cron expression 'a b': "),
    ("§2.5 Schedule", trigger("{id: s, type: @trigger.Schedule, cron: '* * * * *', interval: PT1S}"), 'Unrecognized field "interval"'),
    ("§2.5 Webhook", trigger("{id: w, type: @trigger.Webhook, key: x, conditions: [{type: @condition.MultipleCondition, id: m, conditions: {a: {type: @condition.ExecutionStatus}}}]}"), "invalid webhook: conditions of type MultipleCondition are not supported"),
    ("§2.5 window", trigger("{id: w, type: @trigger.Flow, preconditions: {id: p, flows: [{namespace: a}], timeWindow: {type: DAILY_TIME_DEADLINE, window: PT1H}}}"), "Time window of type `DAILY_TIME_DEADLINE` cannot have a window."),
    ("§2.5 window", trigger("{id: w, type: @trigger.Flow, preconditions: {id: p, flows: [{namespace: a}], timeWindow: {type: DAILY_TIME_DEADLINE}}}"), "Time window of type `DAILY_TIME_DEADLINE` must have a deadline."),
    ("§2.5 filter", trigger("{id: w, type: @trigger.Flow, preconditions: {id: p, where: [{id: x, filters: [{field: STATE, type: EQUAL_TO}]}]}}"), "`value` cannot be null for type EQUAL_TO"),
    ("§2.5 filter", trigger("{id: w, type: @trigger.Flow, preconditions: {id: p, where: [{id: x, filters: [{field: STATE, type: IN, value: a}]}]}}"), "`value` must be null for type IN"),
    ("§2.5 plugin default", HEAD + "pluginDefaults: [{type: @log.Log}]\n" + TASKS, "Invalid Plugin Default: No 'values' provided"),
    ("§2.5 plugin default", HEAD + "pluginDefaults: [{values: {a: b}}]\n" + TASKS, "Invalid Plugin Default: No 'type' provided"),
    ("§2.5 plugin default", HEAD + "pluginDefaults: [{type: @log.Log, values: {level: null}}]\n" + TASKS, "No value provided for key 'level'"),
    ("§2.5 plugin default", HEAD + "pluginDefaults: [{type: @log.Log, values: {zzz: 1}}]\n" + TASKS, f"No property 'zzz' exists in plugin '{CORE}log.Log'"),
    ("§2.5 labels", trigger("{id: s, type: @trigger.Schedule, cron: '* * * * *', labels: {system.x: y}}"), "triggers[0].labels: System labels can only be set by Kestra itself, offending label: system.x=y."),
    ("§2.5 labels", task("type: @flow.Subflow, namespace: a.b, flowId: g, labels: {system.x: y}"), "tasks[0].labels: System labels can only be set by Kestra itself, offending label: system.x=y."),
    ("§2.5 labels", trigger("{id: w, type: @trigger.Flow, conditions: [{type: @condition.ExecutionLabels, labels: {system.x: y}}]}"), "triggers[0].conditions[0].labels: System labels can only be set by Kestra itself"),
    ("§2.5 prefill", inputs("{id: a, type: STRING, defaults: x, prefill: y}"), "inputs[0].prefill: Inputs with a default value cannot also have a prefill."),
    # ── §3: inputs that no execution could use
    ("§2.5 ARRAY", inputs("{id: a, type: ARRAY, itemType: ARRAY}"), "inputs[0].itemType: `itemType` cannot be `ARRAY`"),
    ("§3.3 ARRAY", inputs("{id: a, type: ARRAY}"), "inputs[0].itemType: must not be null"),
    ("§3.4 neither", inputs("{id: a, type: SELECT}"), "SELECT input 'a' needs values or expression"),
    ("§3.4 neither", inputs("{id: a, type: MULTISELECT}"), "MULTISELECT input 'a' needs values or expression"),
    ("§3.4 both", inputs("{id: a, type: SELECT, values: [x], expression: '{{ [1] }}'}"), "SELECT input 'a' can't have both values and expression"),
    ("§3.4 options", inputs("{id: a, type: MULTISELECT, values: [x], options: [x]}"), "you can't define both `values` and `options`"),
    ("§3.4 itemType", inputs("{id: a, type: MULTISELECT, values: [x], itemType: MULTISELECT}"), "`itemType` cannot be `MULTISELECT`"),
    ("§3.4 isRadio", inputs("{id: a, type: MULTISELECT, values: [x], isRadio: true}"), 'Unrecognized field "isRadio"'),
    ("§3.4 default", inputs("{id: a, type: SELECT, values: [x, y], defaults: z}"), "inputs[0].defaults: Invalid value for input `a`. Cause: it must match the values `[x, y]`"),
    ("§3.4 default", inputs("{id: a, type: MULTISELECT, values: [x, y], defaults: [x, z]}"), "Cause: it must match the values `[x, y]`"),
    ("§3.4 default", inputs("{id: a, type: ENUM, values: [X], defaults: Y}"), "Cause: it must match the values `[X]`"),
    ("§3.3 default", inputs("{id: a, type: INT, defaults: many}"), "inputs[0].defaults: Invalid value for input `a`. Cause: `many` is not a valid `INT`"),
    ("§3.3 default", inputs("{id: a, type: INT, min: 5, defaults: 1}"), "Cause: it must be more than `5`"),
    ("§3.3 default", inputs("{id: a, type: DURATION, defaults: 1h}"), "`1h` is not a valid `DURATION`"),
    ("§3.3 default", inputs("{id: a, type: STRING, validator: 'a+', defaults: b}"), "it must match the pattern `a+`"),
    ("§3.3 default", inputs("{id: a, type: URL, defaults: nowhere}"), "Invalid URI format."),
    ("§8.10 inputs of a pause", task("type: @flow.Pause, onResume: [{id: a, type: INT, defaults: x}]"), "tasks[0].onResume[0].defaults: Invalid value for input `a`."),
    # ── §14: outputs
    ("§14 type", HEAD + TASKS + "outputs: [{id: a, value: x}]", "outputs[0].type: must not be null"),
    ("§14 type", HEAD + TASKS + "outputs: [{id: a, type: FORM, value: x}]", "outputs[0].type: Cannot deserialize value"),
    ("§14 value", HEAD + TASKS + "outputs: [{id: a, type: STRING}]", "outputs[0].value: must not be null"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "source", "message"), REFUSED)
def test_refused(rule: str, source: str, message: str) -> None:
    parsed = parse(source)
    assert parsed.flow is None
    assert message in (constraints_text(parsed.findings) or ""), rule
    assert all(f.line > 0 or f.path in ("", "yaml") for f in parsed.errors), "every error has its line"


ACCEPTED: list[tuple[str, str]] = [
    ("§1.1 revision, deleted and tenantId are ignored", HEAD + "revision: 7\ndeleted: true\ntenantId: x\n" + TASKS),
    ("§1.1 ids", "id: 0.a_b-C\nnamespace: 0a.b_c-d\n" + TASKS),
    ("§1.2 booleans of YAML 1.1", HEAD + "disabled: yes\ntasks: [{id: t, type: @log.Log, message: on, disabled: Off}]"),
    ("§2.1 plugin defaults supply what is required", HEAD + "pluginDefaults: [{type: @log, values: {message: x}}]\ntasks: [{id: t, type: @log.Log}]"),
    ("§2.2 zones as offsets", trigger("{id: s, type: @trigger.Schedule, cron: '* * * * *', timezone: '+02:00'}")),
    ("§2.4 a task and a trigger may share an id", trigger("{id: t, type: @trigger.Webhook, key: x}")),
    ("§2.4 system.readOnly", HEAD + "labels: {system.readOnly: true}\n" + TASKS),
    ("§3.1 lists of labels, the last one wins", HEAD + "labels: [{key: a, value: b}, {key: a, value: c}]\n" + TASKS),
    ("§3.4 a default outside with allowCustomValue", inputs("{id: a, type: SELECT, values: [x], allowCustomValue: true, defaults: z}")),
    ("§3.6 a default that is an expression", inputs("{id: a, type: DATETIME, defaults: '{{ now() }}'}")),
    ("§2.5 a prefix as type of a plugin default", HEAD + "pluginDefaults: [{type: io.kestra, values: {zzz: 1}}]\n" + TASKS),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "source"), ACCEPTED)
def test_accepted(rule: str, source: str) -> None:
    parsed = parse(source)
    assert parsed.flow is not None, (rule, parsed.errors)


TOLD: list[tuple[str, str, Severity, str, str]] = [
    ("§1.2 alias", task("type: io.kestra.core.tasks.log.Log, message: x"), Severity.INFO, "tasks[0].type", f"io.kestra.core.tasks.log.Log is replaced by {CORE}log.Log"),
    ("§1.2 alias", task("type: @flow.WaitFor, condition: '{{ true }}', tasks: [{id: q, type: @log.Log, message: x}]"), Severity.INFO, "tasks[0].type", f"{CORE}flow.WaitFor is replaced by {CORE}flow.LoopUntil"),
    ("§3.3 URL", inputs("{id: a, type: URL}"), Severity.INFO, "inputs[0].type", "URL is replaced by URI"),
    ("§1.1 taskDefaults", HEAD + "taskDefaults: [{type: @log.Log, values: {level: WARN}}]\n" + TASKS, Severity.DEPRECATION, "taskDefaults", "'taskDefaults' is deprecated. Use pluginDefaults."),
    ("§1.1 listeners", HEAD + "listeners: [{tasks: [{id: l, type: @log.Log, message: x}]}]\n" + TASKS, Severity.DEPRECATION, "listeners", "'listeners' is deprecated. Use afterExecution."),
    ("§1.2 outputs", task("type: @flow.Subflow, namespace: a.b, flowId: g, outputs: {a: x}"), Severity.DEPRECATION, "tasks[0].outputs", "'outputs' is deprecated. Declare outputs in the started flow."),
    ("§3.1 name", inputs("{name: a, type: STRING}"), Severity.DEPRECATION, "inputs[0].name", "'name' is deprecated. Use id."),
    ("§3.3 ENUM", inputs("{id: a, type: ENUM, values: [A]}"), Severity.DEPRECATION, "inputs[0].type", "ENUM is deprecated. Use SELECT."),
    ("§3.4 options", inputs("{id: a, type: MULTISELECT, options: [A]}"), Severity.DEPRECATION, "inputs[0].options", "'options' is deprecated. Use values."),
    ("§2.2 displayName", inputs(f"{{id: a, type: STRING, displayName: {'a' * 65}}}"), Severity.WARNING, "inputs[0].displayName", "displayName is longer than 64 characters"),
    ("§2.5 default and optional", inputs("{id: a, type: INT, defaults: 1, required: false}"), Severity.WARNING, "inputs[0].required", "Inputs with a default value must be required, since the default is always applied."),
    ("§2.4 Schedule", trigger("{id: s, type: @trigger.Schedule, cron: '* * * * *'}", "inputs: [{id: a, type: STRING}, {id: b, type: STRING}]\n"), Severity.WARNING, "triggers[0]", "Missing inputs for Schedule Trigger 's', missing inputs: 'a | b'"),
    ("§15.8 webhook key", trigger("{id: w, type: @trigger.Webhook, key: short}"), Severity.WARNING, "triggers[0].key", "whoever guesses the key starts the flow: take at least 16 characters, or a `signature`"),
    ("§2.5 Flow trigger", trigger("{id: w, type: @trigger.Flow}"), Severity.WARNING, "triggers[0]", "This trigger has neither conditions nor preconditions: the flow starts on every execution of every flow"),
    ("§13 unknown ref", task("type: @log.Log, message: x, pluginDefaultsRef: nope"), Severity.WARNING, "tasks[0].pluginDefaultsRef", "No plugin default is named 'nope'"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "source", "severity", "path", "message"), TOLD)
def test_told_without_refusing(rule: str, source: str, severity: Severity, path: str, message: str) -> None:
    parsed = parse(source)
    assert parsed.flow is not None, parsed.errors
    assert [(f.path, f.message) for f in parsed.findings if f.severity is severity] == [(path, message)], rule


def test_violations_of_the_flow_are_gathered_into_one_message() -> None:
    """§2.4: one message that starts `Invalid Flow: `; §2.1: one entry `path: message` per bean-level violation."""
    text = HEAD + "labels: {system.x: y}\ninputs: [{id: a, type: STRING}, {id: a, type: STRING}]\n"
    text += "tasks: [{id: 1.a, type: @log.Log, message: x}]\n"
    assert constraints_text(parse(text).findings) == (
        "Invalid Flow: System labels can only be set by Kestra itself, offending label: system.x=y, "
        'Duplicate input with name [a], tasks[0].id: must match "^[a-zA-Z0-9][a-zA-Z0-9_-]*"'
    )


def test_of_both_names_of_plugin_defaults_the_last_one_wins() -> None:
    """§1.1: taskDefaults is the same as pluginDefaults; if both are given the last one parsed wins."""
    entries = ["pluginDefaults: [{type: @log, values: {message: new}}]\n", "taskDefaults: [{type: @log, values: {message: old}}]\n"]  # fmt: skip
    body = "tasks: [{id: t, type: @log.Log}]\n"
    for order, wanted in ((entries, "old"), (entries[::-1], "new")):
        flow = parse(HEAD + "".join(order) + body).flow
        assert flow is not None and flow.tasks[0].props["message"] == wanted


def test_a_stored_flow_is_read_leniently() -> None:
    """§1.2: a flow written for an older plugin still runs: unknown properties are ignored, advice is left out."""
    text = HEAD + "draft: true\ninputs: [{id: a, type: INT, defaults: many}]\n" + task("type: @log.Log, message: x, old: 1").removeprefix(HEAD)  # fmt: skip
    parsed = parse(text, strict=False)
    assert parsed.flow is not None and not parsed.findings
    assert "old" not in parsed.flow.tasks[0].props
