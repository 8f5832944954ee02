"""Laws of inputs (spec: workflow components §3): whatever is sent, an input has a typed value or a message."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowdeck.model.flow import InputDef, OutputDef
from flowdeck.model.input_values import InputValueError, parse_value
from flowdeck.model.inputs import flatten, nest, parse_output, resolve_inputs
from flowdeck.model.plugin_defaults import PluginDefaults

KINDS = (
    "STRING",
    "INT",
    "FLOAT",
    "BOOL",
    "BOOLEAN",
    "DATETIME",
    "DATE",
    "TIME",
    "DURATION",
    "SELECT",
    "MULTISELECT",
    "ENUM",
    "ARRAY",
    "JSON",
    "YAML",
    "FILE",
    "URI",
    "EMAIL",
)
TEXTS = st.one_of(
    st.text(max_size=20),
    st.from_regex(r"[-+]?[0-9]{1,14}(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"P([0-9]{1,3}D)?T[0-9]{1,3}[HMS]", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|\+0[0-9]:00))?", fullmatch=True),
    st.from_regex(r"[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?", fullmatch=True),
    st.sampled_from(["true", "[1, 2]", '["a"]', "{}", "- a\n- b", "a: 1", "kestra:///a/b.txt", "https://a.bc/d?e", "a@b.c"]),
)  # fmt: skip
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
PROPS = st.fixed_dictionaries(
    {},
    optional={
        "itemType": st.sampled_from([k for k in KINDS if k not in ("ARRAY", "MULTISELECT", "SELECT", "ENUM")]),
        "values": st.lists(st.text(max_size=3), max_size=3),
        "allowCustomValue": st.booleans(),
        "validator": st.sampled_from(["[a-z]*", ".*", "(a+)+$"]),
    },
)


@given(st.sampled_from(KINDS), JSONS, PROPS)
@settings(max_examples=400, deadline=None)
@example("MULTISELECT", "a", {"values": ["a"], "itemType": "INT"})
@example("INT", 10**400, {})
@example("FLOAT", "1e999", {})
@example("JSON", "1E400", {})
@example("MULTISELECT", "1E400", {})
@example("JSON", "[1E400]", {})
def test_a_value_or_a_message(kind: str, value: Any, props: dict[str, Any]) -> None:
    """§3.3: never another error; and what is typed once stays as it is (replays send stored values again)."""
    try:
        typed = parse_value(kind, value, props, "x")
    except InputValueError as error:
        assert str(error)
        return
    json.dumps(typed, allow_nan=False)
    assert parse_value(kind, typed, props, "x") == typed or kind in ("JSON", "YAML")


@given(st.lists(st.tuples(st.sampled_from(KINDS), JSONS, PROPS, st.booleans(), JSONS), max_size=4))
@settings(max_examples=150, deadline=None)
def test_all_inputs_are_accounted_for(declared: list[Any]) -> None:
    """§3.6: each input is in the values or told; details list every one, in the order of declaration."""
    inputs = [
        InputDef(f"i{n}", kind, required=required, defaults=default, props=props)
        for n, (kind, _, props, required, default) in enumerate(declared)
    ]
    sent = {f"i{n}": value for n, (_, value, *_) in enumerate(declared)}
    found = resolve_inputs(inputs, sent)
    assert [d["input"]["id"] for d in found.details] == [i.id for i in inputs]
    wrong = {e.input for e in found.errors}
    assert set(found.values) | wrong == {i.id for i in inputs}
    assert not wrong & set(found.plain)
    for one in inputs:
        if one.id not in wrong and one.required:
            assert found.values[one.id] is not None


@given(st.sampled_from(KINDS), JSONS)
@settings(max_examples=150, deadline=None)
def test_outputs_have_a_value_or_a_message(kind: str, value: Any) -> None:
    """§14: parsed the same way."""
    try:
        found = parse_output(OutputDef("o", kind, None, required=True), value)
    except InputValueError:
        return
    assert found is not None


NAMES = st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=3).map(".".join)


@given(st.dictionaries(NAMES, st.integers(), max_size=6))
def test_nested_ids_come_back(flat: dict[str, int]) -> None:
    """§3.5: dotted ids as maps and back, where no id is a prefix of another."""
    usable = {k: v for k, v in flat.items() if not any(o != k and (o + ".").startswith(k + ".") for o in flat)}
    assert flatten([InputDef(k, "INT") for k in usable], nest(usable)) == usable


VALUES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3), max_leaves=5
)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["x", "x.y", "x.y.Z", "q"]),
            "values": st.dictionaries(st.sampled_from(["p", "q", "r"]), VALUES, min_size=1),
            "level": st.integers(1, 3),
        },
        optional={"forced": st.just(True), "ref": st.sampled_from(["n", "m"])},
    ),
    max_size=5,
)


@given(ENTRIES, st.dictionaries(st.sampled_from(["p", "q"]), VALUES), st.sampled_from([None, "n"]))
@settings(max_examples=300)
def test_defaults_fill_gaps_and_forced_ones_win(entries: list[Any], own: dict[str, Any], ref: str | None) -> None:
    """§13: own scalars stay unless forced; nothing unknown appears."""
    value = {**own, **({"pluginDefaultsRef": ref} if ref else {})}
    known = {"p", "q", "pluginDefaultsRef"}
    defaults = PluginDefaults.of((), entries)
    found = defaults.apply(value, "x.y.Z", (), known)
    assert set(found) <= known
    relevant = [e for e in entries if "x.y.Z".startswith(e["type"]) and e.get("ref") in (None, ref)]
    for name, mine in own.items():
        if not isinstance(mine, dict) and not any(e.get("forced") and name in e["values"] for e in relevant):
            assert found[name] == mine
