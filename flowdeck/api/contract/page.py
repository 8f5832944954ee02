"""The OpenAPI document as one page to read: operations by resource, then models; no script (spec: REST contract §1)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem }
summary { cursor: pointer; padding: .25rem 0 }
summary b { display: inline-block; min-width: 4.5rem }
code { font: 13px ui-monospace, monospace }
summary code { overflow-wrap: anywhere }
details > div { padding: 0 0 1rem 4.5rem }
table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: top; overflow-wrap: break-word }
td:first-child { white-space: nowrap }
del { opacity: .7 }
@media (max-width: 700px) {
  details > div { padding-left: 1rem }
  tr { display: block; padding: .25rem 0 } td { display: inline; padding-right: .5rem }
}
"""


def _words(text: str) -> str:
    """Text whose back-quoted parts are code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words, with links to the models."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#model-{name}">{name}</a>'
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(_kind(one) for one in schema[several])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_kind(schema['additionalProperties'])}"
    if kind == "object" and schema.get("properties"):
        return ", ".join(f"<code>{escape(n)}</code> {_kind(one)}" for n, one in schema["properties"].items())
    return escape(str(schema.get("format") or kind))


def _content(content: dict[str, Any]) -> str:
    return ", ".join(f"<code>{escape(m)}</code> {_kind(c.get('schema', {}))}" for m, c in content.items())


def _parameter(one: dict[str, Any]) -> str:
    words = [_kind(one["schema"])]
    if one.get("required"):
        words.append("required")
    if "default" in one["schema"]:
        words.append(f"default {escape(json.dumps(one['schema']['default']))}")
    if one.get("deprecated"):
        words.append("deprecated")
    about = _words(one.get("description", ""))
    return f"<tr><td><code>{escape(one['name'])}</code><td>{one['in']}<td>{', '.join(words)}<td>{about}"


def _operation(method: str, path: str, one: dict[str, Any]) -> str:
    named = f"<code>{escape(path)}</code> {_words(one['summary'])}"
    if one.get("deprecated"):
        named = f"<del>{named}</del>"
    body = one.get("requestBody", {}).get("content")
    answers = "".join(
        f"<tr><td>{status}<td>{_content(answer.get('content', {})) or escape(answer.get('description', ''))}"
        for status, answer in one["responses"].items()
        if status.startswith("2")
    )
    others = ", ".join(status for status in one["responses"] if not status.startswith("2"))
    needs = " and ".join(filter(None, [one.get("x-permission"), *one.get("x-permission-also", ())]))
    return (
        f'<details id="{escape(one["operationId"])}"><summary><b>{method.upper()}</b> {named}</summary><div>'
        f"<p><code>{escape(one['operationId'])}</code>{f' needs {escape(needs)}' if needs else ''}</p>"
        f"<p>{_words(one.get('description', ''))}</p>"
        f"<table>{''.join(map(_parameter, one['parameters']))}</table>"
        f"{f'<p>Body: {_content(body)}</p>' if body else ''}"
        f"<table>{answers}</table><p>Failures: {others}</p></div></details>"
    )


def _model(name: str, schema: dict[str, Any]) -> str:
    """A model with its members, or its values."""
    needed = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(member)}</code><td>{_kind(one)}<td>{'always' if member in needed else ''}"
        for member, one in schema.get("properties", {}).items()
    )
    values = "" if "properties" in schema else f"<p>{_kind(schema)}</p>"
    about = _words(schema.get("description", ""))
    return (
        f'<details id="model-{escape(name)}"><summary><code>{escape(name)}</code> {about}</summary>'
        f"<div><table>{rows}</table>{values}</div></details>"
    )


def render(document: dict[str, Any]) -> str:
    """HTML of the document."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            groups[(one["tags"] or ["Other"])[0]].append(_operation(method, path, one))
    abouts = {tag["name"]: tag["description"] for tag in document["tags"]}
    order = [*(name for name in abouts if name in groups), *(name for name in groups if name not in abouts)]
    links = "".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in [*order, "Models"])
    parts = "".join(
        f'<h2 id="{escape(name)}">{escape(name)}</h2><p>{_words(abouts.get(name, ""))}</p>{"".join(groups[name])}'
        for name in order
    )
    models = "".join(_model(name, schema) for name, schema in document["components"]["schemas"].items())
    version = escape(document["info"]["version"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>flowdeck API</title><style>{STYLE}</style></head><body><h1>flowdeck API {version}</h1>"
        f"<p>{_words(document['info']['description'])} The same as "
        '<a href="/api/v1/openapi.json">JSON</a> and <a href="/swagger/flowdeck.yml">YAML</a> (OpenAPI 3.1).</p>'
        f'<nav>{links}</nav>{parts}<h2 id="Models">Models</h2>{models}</body></html>'
    )
