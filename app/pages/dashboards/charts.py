"""Edits of single charts in the YAML of a dashboard; everything else stays as it was written (UI-DB-23). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

CHART = "io.kestra.plugin.core.dashboard.chart."
DATA = "io.kestra.plugin.core.dashboard.data."
TYPES = ["TimeSeries", "Bar", "Pie", "Table", "KPI", "Markdown"]
SOURCES = ["Executions", "Logs", "Metrics", "Flows", "Triggers"]
FIELDS = {
    "Executions": ["START_DATE", "END_DATE", "STATE", "NAMESPACE", "FLOW_ID", "ID", "DURATION", "FLOW_REVISION"],
    "Logs": ["DATE", "LEVEL", "NAMESPACE", "FLOW_ID", "TASK_ID", "EXECUTION_ID", "MESSAGE", "TRIGGER_ID"],
    "Metrics": ["DATE", "NAME", "TYPE", "VALUE", "NAMESPACE", "FLOW_ID", "TASK_ID", "EXECUTION_ID"],
    "Flows": ["NAMESPACE", "ID", "REVISION"],
    "Triggers": ["NAMESPACE", "FLOW_ID", "TRIGGER_ID", "NEXT_EXECUTION_DATE", "EXECUTION_ID", "WORKER_ID"],
}
DATES = {"Executions": "START_DATE", "Logs": "DATE", "Metrics": "DATE"}
AGGREGATES = ["COUNT", "SUM", "AVG", "MIN", "MAX"]
MANY = ("IN", "NOT_IN")
"""Conditions with several values."""
BARE = ("IS_TRUE", "IS_FALSE", "IS_NULL", "IS_NOT_NULL")
"""Conditions without a value."""
OPERATORS = {
    "EQUAL_TO": "is",
    "NOT_EQUAL_TO": "is not",
    "IN": "is one of",
    "NOT_IN": "is none of",
    "CONTAINS": "contains",
    "STARTS_WITH": "starts with",
    "ENDS_WITH": "ends with",
    "REGEX": "matches",
    "GREATER_THAN": "greater than",
    "GREATER_THAN_OR_EQUAL_TO": "at least",
    "LESS_THAN": "less than",
    "LESS_THAN_OR_EQUAL_TO": "at most",
    "IS_TRUE": "is true",
    "IS_FALSE": "is false",
    "IS_NULL": "is empty",
    "IS_NOT_NULL": "is not empty",
}
"""Conditions of a row of the form, and their words; `OR` is written as text."""


@dataclass(frozen=True, slots=True)
class Block:
    """A chart in the text: lines `start` to `end` (from 0, `end` not in it), `indent` blanks before its dash."""

    id: str
    start: int
    end: int
    indent: int


def blocks(source: str) -> list[Block]:
    """Return the charts of a source that is written as a block list.

    Raises:
        ValueError: it is not YAML, or the charts are written in one line.
    """
    try:
        root = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"the source is not YAML: {error}") from None
    if not isinstance(root, yaml.MappingNode):
        return []
    charts = next((value for key, value in root.value if key.value == "charts"), None)
    if charts is None or not isinstance(charts, yaml.SequenceNode):
        return []
    if charts.flow_style:
        raise ValueError("the charts are written in one line; edit them as text")
    lines = source.splitlines()
    found: list[Block] = []
    for item in charts.value:
        start = item.start_mark.line
        name = ""
        if isinstance(item, yaml.MappingNode):
            name = next((str(value.value) for key, value in item.value if key.value == "id"), "")
        end = item.end_mark.line + (1 if item.end_mark.column > item.start_mark.column else 0)
        end = min(max(end, start + 1), len(lines))
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        found.append(Block(name, start, end, item.start_mark.column - 2))
    return found


def _lines(source: str) -> list[str]:
    return source.rstrip("\n").split("\n") if source.strip() else []


def _one(source: str, name: str) -> tuple[list[Block], int]:
    found = blocks(source)
    place = next((n for n, one in enumerate(found) if one.id == name), -1)
    if place < 0:
        raise ValueError(f"there is no chart {name}")
    return found, place


def without(source: str, name: str) -> str:
    """Return the source without a chart."""
    found, place = _one(source, name)
    lines = _lines(source)
    kept = lines[: found[place].start] + lines[found[place].end :]
    if len(found) == 1:
        kept = [line for line in kept if not re.match(r"^charts:\s*$", line)]
    return "\n".join(kept) + "\n"


def moved(source: str, name: str, by: int) -> str:
    """Return the source with a chart one place nearer to the front (`by` -1) or the back (1)."""
    found, place = _one(source, name)
    other = place + by
    if not 0 <= other < len(found):
        return source
    lines = _lines(source)
    first, second = sorted((found[place], found[other]), key=lambda one: one.start)
    swapped = lines[second.start : second.end] + lines[first.end : second.start] + lines[first.start : first.end]
    return "\n".join([*lines[: first.start], *swapped, *lines[second.end :]]) + "\n"


def placed(source: str, name: str, before: str) -> str:
    """Return the source with a chart in the place of another, which moves on (UI-DB-23)."""
    _, place = _one(source, name)
    _, target = _one(source, before)
    step = 1 if target > place else -1
    while place != target:
        source = moved(source, name, step)
        place += step
    return source


def free_name(source: str, wish: str) -> str:
    """Return an id that no chart has."""
    taken = {one.id for one in blocks(source)}
    name, n = wish, 2
    while name in taken:
        name, n = f"{wish}_{n}", n + 1
    return name


def duplicated(source: str, name: str) -> str:
    """Return the source with a copy of a chart behind it, under a new id."""
    found, place = _one(source, name)
    lines = _lines(source)
    one = found[place]
    copy = "\n".join(lines[one.start : one.end])
    copy = re.sub(r"(\bid:\s*)(['\"]?)" + re.escape(name) + r"\2", rf"\g<1>{free_name(source, name)}", copy, count=1)
    return "\n".join([*lines[: one.end], copy, *lines[one.end :]]) + "\n"


def with_width(source: str, name: str, width: int) -> str:
    """Return the source with another width of a chart."""
    found, place = _one(source, name)
    lines = _lines(source)
    one = found[place]
    text = "\n".join(lines[one.start : one.end])
    changed, n = re.subn(r"(\bwidth:\s*)\d+", rf"\g<1>{width}", text, count=1)
    if not n:
        inner = " " * (one.indent + 2)
        flow = re.search(r"chartOptions:\s*\{", text)
        block = re.search(r"^([ \t]*(?:- )?)chartOptions:[ \t]*$", text, re.MULTILINE)
        if flow:
            changed = f"{text[: flow.end()]}width: {width}, {text[flow.end() :]}"
        elif block:
            changed = f"{text[: block.end()]}\n{inner}  width: {width}{text[block.end() :]}"
        else:
            changed = f"{text}\n{inner}chartOptions:\n{inner}  displayName: {name}\n{inner}  width: {width}"
    return "\n".join([*lines[: one.start], changed, *lines[one.end :]]) + "\n"


def _quoted(text: str) -> str:
    plain = re.fullmatch(r"[A-Za-z][\w ()/%-]*", text) and text.lower() not in ("true", "false", "null", "yes", "no")
    return text if plain else json.dumps(text, ensure_ascii=False)


def _scalar(text: str) -> str:
    """A value as YAML: numbers and booleans stay what they are."""
    text = text.strip()
    if re.fullmatch(r"-?\d+(\.\d+)?|true|false", text):
        return text
    return text if re.fullmatch(r"[A-Za-z][\w./-]*", text) else json.dumps(text, ensure_ascii=False)


def conditions_text(rules: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the lines of conditions, as items of a list; rows without field or needed value are left out."""
    out: list[str] = []
    for rule in rules:
        kind, value = rule.get("type") or "EQUAL_TO", rule.get("value", "").strip()
        if not rule.get("field") or (not value and kind not in BARE):
            continue
        out += [f"- field: {rule['field']}", f"  type: {kind}"]
        if rule["field"] == "LABELS" and rule.get("key"):
            out.append(f"  labelKey: {_scalar(rule['key'])}")
        if kind in MANY:
            out.append(f"  values: [{', '.join(_scalar(one) for one in value.split(',') if one.strip())}]")
        elif kind not in BARE:
            out.append(f"  value: {_scalar(value)}")
    return out


def conditions_of(source: str, name: str, member: str = "where") -> list[dict[str, str]]:
    """Return the conditions of a chart as rows of the form.

    Raises:
        ValueError: one of them (`OR`) is only written as text.
    """
    document: Any = yaml.safe_load(source)
    chart = next((one for one in document.get("charts") or [] if str(one.get("id")) == name), {})
    found: list[dict[str, str]] = []
    for rule in (chart.get("data") or {}).get(member) or []:
        kind = str(rule.get("type") or "")
        if kind not in OPERATORS:
            raise ValueError(f"a condition of type {kind or 'nothing'} is edited as text")
        values = rule.get("values") if rule.get("values") is not None else [rule.get("value")]
        told = [str(v).lower() if isinstance(v, bool) else str(v) for v in values if v is not None]
        found.append(
            {
                "field": str(rule.get("field") or ""),
                "type": kind,
                "value": ", ".join(told),
                "key": str(rule.get("labelKey") or ""),
            }
        )
    return found


def chart_text(
    form: Mapping[str, str],
    indent: int = 2,
    *,
    where: Sequence[Mapping[str, str]] = (),
    numerator: Sequence[Mapping[str, str]] = (),
) -> str:
    """Return the YAML of a chart from what the form holds, as an item of a list.

    Args:
        form: `id`, `type`, `title`, `description`, `width`, `data`, `column`, `group`, `field`, `agg`, `content`;
            empty ones are left out.
        indent: blanks before the dash.
        where: conditions `{field, type, value, key?}` of the rows that count.
        numerator: those of the share that a number shows.
    """
    get = lambda name: form.get(name, "").strip()  # noqa: E731
    kind, data = get("type"), get("data") or "Executions"
    out = [f"- id: {get('id')}", f"  type: {CHART}{kind}"]
    options = [f"displayName: {_quoted(get('title') or get('id'))}"]
    if get("description"):
        options.append(f"description: {_quoted(get('description'))}")
    columns: list[str] = []
    measure = ["agg: " + (get("agg") or "COUNT")]
    if get("agg") not in ("", "COUNT") and get("field"):
        measure.insert(0, f"field: {get('field')}")
    if kind == "TimeSeries":
        column = get("column") or DATES.get(data, "")
        options.append("column: date")
        columns += ["date:", f"  field: {column}"]
        if get("group"):
            options.append("colorByColumn: group")
            columns += ["group:", f"  field: {get('group')}"]
        columns += ["total:", *(f"  {one}" for one in measure), "  graphStyle: BARS"]
    elif kind in ("Bar", "Pie"):
        column = get("column") or "NAMESPACE"
        options.append("column: group" if kind == "Bar" else "colorByColumn: group")
        columns += ["group:", f"  field: {column}"]
        if kind == "Bar" and get("group"):
            columns += ["parts:", f"  field: {get('group')}"]
        columns += ["total:", *(f"  {one}" for one in measure)]
    elif kind == "Table":
        for name in [one.strip() for one in (get("column") or "ID").split(",") if one.strip()]:
            columns += [f"{name.lower()}:", f"  field: {name}"]
    elif kind == "KPI":
        share = bool(conditions_text(numerator))
        options.append(f"numberType: {'PERCENTAGE' if share else 'FLAT'}")
    if get("width"):
        options.append(f"width: {get('width')}")
    out += ["  chartOptions:", *(f"    {one}" for one in options)]
    if kind == "Markdown":
        content = get("content") or "Text"
        out += ["  source:", "    type: Text", "    content: |", *(f"      {line}" for line in content.split("\n"))]
    elif kind == "KPI":
        out += ["  data:", f"    type: {DATA}{data}KPI", "    columns:"]
        out += [f"      field: {get('field') or 'ID'}", f"      agg: {get('agg') or 'COUNT'}"]
    else:
        out += ["  data:", f"    type: {DATA}{data}", "    columns:", *(f"      {one}" for one in columns)]
    if kind != "Markdown":
        lines = conditions_text(where)
        if lines:
            out += ["    where:", *(f"      {one}" for one in lines)]
        share = conditions_text(numerator) if kind == "KPI" else []
        if share:
            out += ["    numerator:", *(f"      {one}" for one in share)]
    return "\n".join(" " * indent + line for line in out)


def with_chart(
    source: str,
    form: Mapping[str, str],
    replacing: str = "",
    *,
    where: Sequence[Mapping[str, str]] = (),
    numerator: Sequence[Mapping[str, str]] = (),
) -> str:
    """Return the source with a chart of the form added at the end, or in the place of another."""
    write = lambda indent: chart_text(form, indent, where=where, numerator=numerator)  # noqa: E731
    found = blocks(source)
    lines = _lines(source)
    if replacing:
        place = next((one for one in found if one.id == replacing), None)
        if place is None:
            raise ValueError(f"there is no chart {replacing}")
        text = write(place.indent)
        return "\n".join([*lines[: place.start], text, *lines[place.end :]]) + "\n"
    if found:
        last = found[-1]
        return "\n".join([*lines[: last.end], write(last.indent), *lines[last.end :]]) + "\n"
    kept = [line for line in lines if not re.match(r"^charts:\s*(\[\s*\])?\s*$", line)]
    return "\n".join([*kept, "charts:", write(2)]) + "\n"


def form_of(source: str, name: str) -> dict[str, str]:
    """Return what the form shows of a chart."""
    document: Any = yaml.safe_load(source)
    chart = next((one for one in document.get("charts") or [] if str(one.get("id")) == name), {})
    options, data = chart.get("chartOptions") or {}, chart.get("data") or {}
    columns = data.get("columns") or {}
    kind = str(chart.get("type") or "").rpartition(".")[2]
    source_name = str(data.get("type") or "").rpartition(".")[2].removesuffix("KPI")
    form = {
        "id": name,
        "type": kind,
        "title": str(options.get("displayName") or ""),
        "description": str(options.get("description") or ""),
        "width": str(options.get("width") or 6),
        "data": source_name or "Executions",
        "content": str((chart.get("source") or {}).get("content") or chart.get("content") or "").rstrip("\n"),
    }
    if kind == "KPI":
        form |= {"field": str(columns.get("field") or ""), "agg": str(columns.get("agg") or "COUNT")}
    else:
        plain = {k: v for k, v in columns.items() if isinstance(v, dict) and not v.get("agg")}
        measures = [v for v in columns.values() if isinstance(v, dict) and v.get("agg")]
        axis = str(options.get("column") or options.get("colorByColumn") or next(iter(plain), ""))
        if kind == "Table":
            form["column"] = ", ".join(str(v.get("field")) for v in plain.values())
        else:
            form["column"] = str((plain.get(axis) or {}).get("field") or "")
            form["group"] = next((str(v.get("field")) for k, v in plain.items() if k != axis), "")
        if measures:
            form |= {"agg": str(measures[0]["agg"]), "field": str(measures[0].get("field") or "")}
    return form


def with_block(source: str, text: str) -> str:
    """Return the source with a chart of another dashboard at the end, under a free id (UI-DB-20: saved charts)."""
    found = blocks(source)
    name = next((one for one in blocks("charts:\n" + text)), None)
    if name is None:
        raise ValueError("it holds no chart")
    free = free_name(source, name.id)
    plain = re.sub(r"(\bid:\s*)(['\"]?)" + re.escape(name.id) + r"\2", rf"\g<1>{free}", text, count=1)
    indent = found[-1].indent if found else 2
    body = plain.rstrip("\n").split("\n")
    cut = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
    moved_ = [" " * indent + line[cut:] if line.strip() else line for line in body]
    lines = _lines(source)
    if found:
        last = found[-1]
        return "\n".join([*lines[: last.end], *moved_, *lines[last.end :]]) + "\n"
    kept = [line for line in lines if not re.match(r"^charts:\s*(\[\s*\])?\s*$", line)]
    return "\n".join([*kept, "charts:", *moved_]) + "\n"


def block_text(source: str, name: str) -> str:
    """Return the lines of a chart as they are written."""
    found, place = _one(source, name)
    return "\n".join(_lines(source)[found[place].start : found[place].end]) + "\n"
