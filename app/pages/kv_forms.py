"""Values of keys as forms and files hold them: checks, another type, CSV (UI-KV-01, UI-KV-02). Pure."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

from app.words import later, say

SPAN = re.compile(r"^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$")
FORMS = {
    "NUMBER": (re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"), later("A number, like 42 or 1.5.")),
    "BOOLEAN": (re.compile(r"^(true|false)$"), later("true or false.")),
    "DATETIME": (
        re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$"),
        later("An instant, like 2026-11-20T06:00:00Z."),
    ),
    "DATE": (re.compile(r"^\d{4}-\d\d-\d\d$"), later("A date, like 2026-11-20.")),
    "DURATION": (SPAN, later("An ISO duration, like PT15M or P1D.")),
}
UNITS = {"D": 86_400, "H": 3_600, "M": 60, "S": 1}
COLUMNS = ["namespace", "key", "type", "value", "description", "expirationDate"]


def value_fault(kind: str, text: str) -> str:
    """Return which rule a typed value breaks; empty when none."""
    if kind == "JSON":
        try:
            json.loads(text)
        except ValueError as error:
            return say("Not valid JSON: {error}.", error=error)
        return ""
    rule = FORMS.get(kind)
    if rule and not rule[0].match(text.strip()):
        return say(rule[1])
    if kind in ("DATE", "DATETIME"):
        try:
            datetime.fromisoformat(text.strip())
        except ValueError:
            return say("There is no such date.")
    return ""


def seconds_of(span: str) -> float | None:
    """Return the seconds of an ISO duration of days and smaller; None for another text."""
    if not SPAN.match(span.strip()):
        return None
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([DHMS])", span))


def span_of(seconds: float) -> str:
    """Return seconds as an ISO duration."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    clock = "".join(f"{number:g}{unit}" for number, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if number)
    text = (f"{days:g}D" if days else "") + (f"T{clock}" if clock else "")
    return f"P{text}" if text else "PT0S"


def span_parts(span: str) -> dict[str, str]:
    """Return the numbers of a duration by unit, as the form shows them."""
    found = {unit: number for number, unit in re.findall(r"(\d+(?:\.\d+)?)([DHMS])", span if SPAN.match(span) else "")}
    return {unit: found.get(unit, "") for unit in UNITS}


def with_part(span: str, unit: str, number: str) -> str:
    """Return a duration with another number of a unit; a wrong number stays in the text for its check to tell."""
    parts = {**span_parts(span), unit: number.strip()}
    kept = {name: value for name, value in parts.items() if value and value != "0"}
    days = f"{kept['D']}D" if "D" in kept else ""
    clock = "".join(f"{kept[name]}{name}" for name in "HMS" if name in kept)
    return f"P{days}" + (f"T{clock}" if clock else "") if kept else ""


def converted(kind: str, other: str, text: str) -> str | None:
    """Return a value of one type as a text of another; None where that cannot be."""
    plain = text.strip()
    if kind == other or not plain:
        return text
    if kind == "JSON":
        try:
            value = json.loads(plain)
        except ValueError:
            return text if other == "STRING" else None
        if other == "STRING":
            return value if isinstance(value, str) else plain
        plain = value if isinstance(value, str) else json.dumps(value)
    match other:
        case "STRING":
            return text
        case "JSON":
            if not value_fault("JSON", plain):
                return plain
            return json.dumps(text, ensure_ascii=False)
        case "BOOLEAN":
            known = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
            return known.get(plain.lower())
        case "NUMBER" if kind == "DURATION":
            seconds = seconds_of(plain)
            return None if seconds is None else f"{seconds:g}"
        case "NUMBER" if kind == "BOOLEAN":
            return "1" if plain == "true" else "0"
        case "DURATION" if kind == "NUMBER":
            return span_of(float(plain)) if not value_fault("NUMBER", plain) and float(plain) >= 0 else None
        case "DATE" if kind == "DATETIME":
            return plain[:10] if not value_fault("DATETIME", plain) else None
        case "DATETIME" if not value_fault("DATE", plain):
            return f"{plain}T00:00:00Z"
        case _:
            return plain if not value_fault(other, plain) else None


def to_picker(text: str) -> str:
    """Return an instant as a date and time control takes it, in UTC; empty for another text."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return ""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def from_picker(text: str) -> str:
    """Return what a date and time control says (UTC) as an instant."""
    if not text:
        return ""
    return (text if len(text) > 16 else f"{text}:00") + "Z"


def pairs_of_csv(text: str) -> list[dict[str, Any]] | None:
    """Return the pairs of a CSV file with a header; None when it has no column `key`.

    Values of numbers, booleans and JSON are read as such; without a type a value is a text.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if "key" not in (reader.fieldnames or []):
        return None
    found: list[dict[str, Any]] = []
    for row in reader:
        one: dict[str, Any] = {name: str(row.get(name) or "") for name in COLUMNS if row.get(name)}
        if not one.get("key"):
            continue
        value = str(row.get("value") or "")
        # An exported cell that a spreadsheet would take for a formula begins with an apostrophe.
        value = value[1:] if value[:1] == "'" and value[1:2] in ("=", "+", "-", "@") else value
        one["value"] = value
        if one.get("type") in ("NUMBER", "BOOLEAN", "JSON"):
            try:
                one["value"] = json.loads(value)
            except ValueError:
                one.pop("type")
        found.append(one)
    return found
