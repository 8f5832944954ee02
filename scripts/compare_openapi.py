"""Compare our OpenAPI document with that of the reference, and write down what differs and why.

`python scripts/compare_openapi.py REFERENCE.yml` prints differences without a reason and fails when there are any;
`--write` renews docs/reference/api-differences.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from flowdeck.api.app import ROUTERS
from flowdeck.api.contract.document import build
from flowdeck.api.contract.operation import anonymised

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "api-differences.md"

REASONS: tuple[tuple[str, str], ...] = (
    (r"operation \w+: not served", "Enterprise operations, which this edition does not have"),
    (
        r"model \w+: not known|(answer|parameter|member) \w+[. ]?\w*: .*(EEConfiguration|UsageEE).*",
        "Models of enterprise operations, enterprise parts of other models, and shapes that a generator made up",
    ),
    (
        r"member \w+\.(assets|fixtures): not known|member Namespace\.\w+: not known",
        "Members of enterprise features: assets, test fixtures, isolation of namespaces",
    ),
    (
        r"member \w+\.(listeners|taskDefaults|isAiApiKeyConfigured): not known",
        "Members that releases before 1.0 had, or that belong to a hosted service",
    ),
    (r"member State\.get\w+: not known", "Noise of a generator: there are no such members on the wire"),
    (
        r"answer triggerExecutionBy\w+: 200 application/json WebhookResponse; 204 nothing instead of .*",
        "204 when the conditions of the trigger do not hold, as the behaviour documentation says",
    ),
    (
        r"answer \w+: 20[24] nothing instead of 200 .*",
        "Success without content is 204 where the behaviour documentation says so, 202 for a kill that goes on behind"
        " the answer; clients take any 2xx",
    ),
    (
        r"answer \w+: 200 application/json (BulkResponse|Execution|LoggedIn|any) instead of 200 application/json object"
        r"|body deleteTriggersByQuery: .*",
        "An answer or body that the reference leaves without a model has one here",
    ),
    (
        r"answer \w+: 200 text/csv string instead of 200 text/csv object\[\]"
        r"|answer \w+: 200 application/octet-stream binary instead of 200 application/octet-stream string"
        r"|answer \w+: 200 text/plain string instead of 200 text/plain binary",
        "Content of files: the same bytes, described as what they are",
    ),
    (
        r"answer \w+: 200 text/event-stream \w+ instead of 200 text/event-stream Event\w+",
        "The model is that of an event's `data`; the wrapper of the reference never is on the wire",
    ),
    (
        r"body \w+: multipart/form-data map<string> instead of multipart/form-data binary\[\]",
        "A form of inputs has one part an input: text, or a file for inputs of type FILE",
    ),
    (
        r"(member|body) \w+[.:].*\bany\b.* instead of .*object.*|member TaskRun\.outputs: .*",
        "Any JSON value is meant, not only an object",
    ),
    (r"member \w+\.labels: Label\[\] instead of .*", "Labels are a list of key and value on the wire"),
    (
        r"member \w+\.\w+: object\|string instead of Property\w+",
        "A property that may hold an expression is sent as the text of its source, or as an object",
    ),
    (r"member BulkErrorResponse\.invalids: .*", "A list: one entry an id"),
    (
        r"member DailyExecutionStatistics\.executionCounts: .*|member FlowInterface\.(id|namespace): required True",
        "Narrower than the reference: what is always so is said",
    ),
    (
        r"parameter \w+ (filters|maxRows|state|labels): required False",
        "Optional in behaviour: the reference answers without it too",
    ),
    (
        r"parameter \w+ (type|kind): string instead of \w+",
        "Enumerated values are accepted in upper and lower case, and an unknown one is 404 or 422 with a message",
    ),
    (
        r"answer (triggerExecution|validate\w+Inputs): 200 application/json \w+ instead of .*",
        "One object: the list of the document is the publisher of the reference's framework, not an array on the wire",
    ),
    (
        r"answer \w+: 200 application/yaml any instead of 200 application/yaml string",
        "Content of files: the same text, described as the YAML that it is",
    ),
    (
        r"member (KVEntry\.(type|preview)|BulkResponse\.failures|FlowGraph\.inputs): ours",
        "Additions that clients of the reference never read",
    ),
    (r"parameter searchBlueprints size: default 10", "A page of one blueprint serves nobody"),
    (r"parameter \w+ \S+: ours \((query|header)\)", "Additions that clients of the reference never send"),
    (r"body login: .*", "The log-in of the console, with `remember`; clients of the API send Basic credentials"),
)
"""Pattern of a difference, and why it is there; the first that matches."""


def reduced(name: str) -> str:
    """A model's name as the official SDK writes it: without dots and underscores."""
    return re.sub(r"[._]", "", name)


def _kind(schema: dict[str, Any] | None, document: dict[str, Any]) -> str:
    """What a schema is, in one word: a model's name, a list of them, or a scalar."""
    if not schema:
        return "any"
    if "$ref" in schema:
        return reduced(schema["$ref"].rsplit("/", 1)[1])
    for several in ("allOf", "anyOf", "oneOf"):
        if several in schema:
            kinds = [_kind(one, document) for one in schema[several] if one.get("type") != "null"]
            kinds = [k for k in kinds if k != "any"] or ["any"]
            return kinds[0] if several == "allOf" else "|".join(sorted(set(kinds)))
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "any")
    if kind == "array":
        return f"{_kind(schema.get('items'), document)}[]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner = _kind(schema["additionalProperties"], document)
        return "object" if inner in ("any", "object") else f"map<{inner}>"
    if kind == "string" and schema.get("format") in ("binary", "date-time"):
        return str(schema["format"])
    return {"number": "double"}.get(kind, kind)


def _members(name: str, document: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Properties and required names of a model, those of its bases included."""
    schema = document["components"]["schemas"][name]
    properties: dict[str, Any] = {}
    required: set[str] = set()
    for part in [*schema.get("allOf", []), schema]:
        if "$ref" in part:
            more, needed = _members(part["$ref"].rsplit("/", 1)[1], document)
        else:
            more, needed = part.get("properties", {}), set(part.get("required", ()))
        properties |= more
        required |= needed
    return properties, required


def _operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, anonymised(path)): {**one, "path": path}
        for path, methods in document["paths"].items()
        for method, one in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    }


def _contents(content: dict[str, Any] | None, document: dict[str, Any]) -> dict[str, str]:
    return {media: _kind(one.get("schema"), document) for media, one in (content or {}).items()}


def _operation(theirs: dict[str, Any], ours: dict[str, Any], a: dict[str, Any], b: dict[str, Any]) -> Iterator[str]:
    name = theirs["operationId"]
    if ours["operationId"] != name:
        yield f"operation {name}: called {ours['operationId']}"
    if bool(theirs.get("deprecated")) != bool(ours.get("deprecated")):
        yield f"operation {name}: deprecated {bool(ours.get('deprecated'))}"
    said = {(p["in"], p["name"]): p for p in theirs.get("parameters", ())}
    known = {(p["in"], p["name"]): p for p in ours.get("parameters", ())}
    for key in sorted(said.keys() - known.keys()):
        yield f"parameter {name} {key[1]}: not known ({key[0]})"
    for key in sorted(known.keys() - said.keys()):
        yield f"parameter {name} {key[1]}: ours ({key[0]})"
    for key in sorted(said.keys() & known.keys()):
        x, y = said[key], known[key]
        if bool(x.get("required")) != bool(y.get("required")):
            yield f"parameter {name} {key[1]}: required {bool(y.get('required'))}"
        kinds = _kind(x.get("schema"), a), _kind(y.get("schema"), b)
        if kinds[0] != kinds[1]:
            yield f"parameter {name} {key[1]}: {kinds[1]} instead of {kinds[0]}"
        if key[0] != "path" and x.get("schema", {}).get("default") != y.get("schema", {}).get("default"):
            yield f"parameter {name} {key[1]}: default {y['schema'].get('default')}"
    bodies = (
        _contents(theirs.get("requestBody", {}).get("content"), a),
        _contents(ours.get("requestBody", {}).get("content"), b),
    )
    if bodies[0] != bodies[1]:
        yield f"body {name}: {_shown(bodies[1])} instead of {_shown(bodies[0])}"
    answers = ({s: o for s, o in one["responses"].items() if s.startswith("2")} for one in (theirs, ours))
    shown = [
        "; ".join(f"{s} {_shown(_contents(o.get('content'), d))}" for s, o in sorted(found.items()))
        for found, d in zip(answers, (a, b), strict=True)
    ]
    if shown[0] != shown[1]:
        yield f"answer {name}: {shown[1]} instead of {shown[0]}"


def _shown(contents: dict[str, str]) -> str:
    return ", ".join(f"{media} {kind}" for media, kind in sorted(contents.items())) or "nothing"


def _models(theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[str]:
    said = {reduced(name): name for name in theirs["components"]["schemas"]}
    known = {reduced(name): name for name in ours["components"]["schemas"]}
    for short in sorted(said.keys() - known.keys()):
        yield f"model {short}: not known"
    for short in sorted(said.keys() & known.keys()):
        x, needed = _members(said[short], theirs)
        y, wanted = _members(known[short], ours)
        for name in sorted(x.keys() - y.keys()):
            yield f"member {short}.{name}: not known"
        for name in sorted(y.keys() - x.keys()):
            yield f"member {short}.{name}: ours"
        for name in sorted(x.keys() & y.keys()):
            kinds = _kind(x[name], theirs), _kind(y[name], ours)
            if kinds[0] != kinds[1]:
                yield f"member {short}.{name}: {kinds[1]} instead of {kinds[0]}"
            if (name in needed) != (name in wanted):
                yield f"member {short}.{name}: required {name in wanted}"
        values = [d["components"]["schemas"][n].get("enum") for d, n in ((theirs, said[short]), (ours, known[short]))]
        if set(values[0] or ()) != set(values[1] or ()):
            yield f"model {short}: values {sorted(set(values[0] or ()) ^ set(values[1] or ()))} differ"


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Every difference in operations that both have and in models that both have, and what only the reference has."""
    said, known = _operations(theirs), _operations(ours)
    found = [f"operation {said[key]['operationId']}: not served" for key in sorted(said.keys() - known.keys())]
    for key in sorted(said.keys() & known.keys()):
        found += _operation(said[key], known[key], theirs, ours)
    return [*found, *_models(theirs, ours)]


def reason(difference: str) -> str | None:
    """Why a difference is there; None: nobody knows."""
    return next((why for pattern, why in REASONS if re.fullmatch(pattern, difference)), None)


def page(found: list[str]) -> str:
    """The page of the documentation."""
    groups: dict[str, list[str]] = {why: [] for _, why in REASONS}
    for one in found:
        groups[reason(one) or "unexplained"].append(one)
    lines = [
        "# Differences from the reference's API document",
        "",
        "Generated by `scripts/compare_openapi.py --write`. Names of models are those of the official SDK, without dots"
        " and underscores. Operations and models that only flowdeck has are marked `x-flowdeck` in the document.",
    ]
    for why, members in groups.items():
        if not members:
            continue
        lines += ["", f"## {why}", ""]
        if len(members) > 80:
            names = sorted({re.split(r"[ :]", one)[1] for one in members})
            lines.append(f"{len(names)}: " + ", ".join(f"`{n}`" for n in names))
        else:
            lines += [f"- {one}" for one in members]
    return "\n".join(lines) + "\n"


def load(path: Path) -> dict[str, Any]:
    """The reference's document."""
    with path.open() as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--write", action="store_true", help="renew the page")
    chosen = parser.parse_args()
    found = differences(load(chosen.reference), build([r for one in ROUTERS for r in one.routes], "0"))
    if chosen.write:
        PAGE.write_text(page(found))
    unexplained = [one for one in found if reason(one) is None]
    print("\n".join(unexplained))
    print(f"{len(found)} differences, {len(unexplained)} without a reason", file=sys.stderr)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
