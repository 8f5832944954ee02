"""What hostile or broken clients send to the routes of the API, and what an answer to it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi.routing import iter_route_contexts

ROOT = Path(__file__).resolve().parents[2]

FLOW = """
id: x
namespace: x
inputs: [{id: n, type: INT, required: false}]
tasks: [{id: x, type: io.kestra.plugin.core.log.Log, message: hi}]
triggers:
  - {id: x, type: io.kestra.plugin.core.trigger.Webhook, key: xxxxxxxxxxxxxxxxxxxxxx}
  - {id: y, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 0 1 1 *"}
"""
BOARD = """
title: x
charts:
  - id: x
    type: io.kestra.plugin.core.dashboard.chart.Table
    data: {type: io.kestra.plugin.core.dashboard.data.Executions, columns: {a: {field: ID}}}
"""

SEGMENTS = (
    "x",
    "a'b\"c",
    "%00",
    "..%2f..%2fetc%2fpasswd",
    "%e2%80%ae%f0%9f%92%a9",
    "%ff%fe",
    "a" * 300,
    "-1",
    "99999999999999999999999",
    "$%7Bjndi:x%7D",
    "%0d%0aSet-Cookie:%20a=b",
    "%25%5f\\",
)
"""What stands for each parameter of a path."""

QUERIES = (
    "page=-1",
    "page=abc&size=1e99",
    "size=99999999999999999999",
    "sort=x%00:asc",
    "sort=id:up",
    "filters[x][y]=z",
    "filters[namespace][EQUALS]=%00",
    "filters[labels][EQUALS][%00]=%ff",
    "filters[startDate][GREATER_THAN]=tomorrow",
    "startDate=9999999999999-99-99&endDate=-1&timeRange=P9999999999Y",
    "path=%00&q=%00&revision=abc&from=%00&to=..&id=%00&type=%00&namespace=%00&key=%00",
    "path=../..&q=%ff&revision=99999999999999999999&from=../x&to=../y&id=x&type=x&namespace=..&limit=-5&cursor=%00",
    "path=kestra:///../../x&encoding=%00&maxRows=-1&minLevel=LOUD&executionId=%00&left=%00&right=%00&since=x-y-z",
    "path=kestra:///a/b/executions/x/y&encoding=rot13&state=NONE&kind=NONE&flowId=%00&taskRunId=%00&reference=%00",
    "labels=nocolon&delete=maybe&wait=maybe&kind=x&scheduleDate=never&revision=-1&breakpoints=%00&newStatus=x",
    "status=X&newStatus=SUCCESS&taskRunId=x&revision=2147483648&limit=9999999999&cursor=AAAA&before=x&after=y&at=z",
)

BODIES: tuple[tuple[bytes, str], ...] = (
    (b"", ""),
    (b"{", "application/json"),
    (b"null", "application/json"),
    (b"[]", "application/json"),
    (b"{}", "application/json"),
    (b'"x"', "application/json"),
    (b'[null, 1, {}, [], "\\u0000"]', "application/json"),
    (b'[["a"]]', "application/json"),
    (b"[" * 100_000, "application/json"),
    (b"1e999", "application/json"),
    (b"9" * 400, "application/json"),
    (b"\xff\xfe\x00", "application/json"),
    (
        b'{"id": 1, "namespace": null, "key": {}, "value": [], "name": {"a": 1}, "flowId": [], "triggerId": 5,'
        b' "inputs": 7, "labels": "x", "settings": 3, "type": {}, "username": [], "password": 5, "filters": 9,'
        b' "chart": 5, "expression": {}, "state": [], "taskRunId": {}, "description": 4, "tags": 3, "query": 2}',
        "application/json",
    ),
    (
        b'{"id": "\\u0000", "namespace": "\\u0000", "key": "\\u0000", "value": "\\u0000", "name": "\\u0000",'
        b' "flowId": "\\u0000", "triggerId": "\\u0000", "expression": "{{", "chart": "a: [", "labels": [{"key": 1}],'
        b' "filters": [{"field": "\\u0000"}], "state": "x", "taskRunId": "\\u0000", "settings": {"\\u0000": 1}}',
        "application/json",
    ),
    (b"id: [", "application/x-yaml"),
    (b"- 1\n- 2", "application/x-yaml"),
    (b"id: &a [*a]", "application/x-yaml"),
    (b"? [a]\n: 1", "application/x-yaml"),
    (b"id: 2024-99-99\nnamespace: !!python/name:os.system x", "application/x-yaml"),
    (b"\x00\x01\x02", "application/x-yaml"),
    (b"id: x\nnamespace: y\ntasks: 5\ninputs: {a: b}\ntriggers: x\nlabels: [1]", "application/x-yaml"),
    (b"x", "multipart/form-data"),
    (b"x", "multipart/form-data; boundary=" + "b" * 300),
    (b"--B\r\n", "multipart/form-data; boundary=B"),
    (b"--B\r\n\r\n\r\n--B--\r\n", "multipart/form-data; boundary=B"),
    (b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n--B--\r\n", "multipart/form-data; boundary=B"),
    (
        b'--B\r\nContent-Disposition: form-data; name="fileUpload"; filename="x.zip"\r\n\r\nPK\x03\x04\xff\r\n--B--\r\n',
        "multipart/form-data; boundary=B",
    ),
    (
        b'--B\r\nContent-Disposition: form-data; name="fileContent"; filename="x.zip"\r\n\r\nPK\x05\x06\r\n--B--\r\n',
        "multipart/form-data; boundary=B",
    ),
    (
        b'--B\r\nContent-Disposition: form-data; name="fileUpload"; filename="\xff.yml"\r\n\r\n\xff\xfe: [\r\n--B--\r\n',
        "multipart/form-data; boundary=B",
    ),
    (b"a=%ff&a=%00&&&==", "application/x-www-form-urlencoded"),
    (b"<a/>", "application/xml"),
    (b"x", "text/\xff".encode("latin-1").decode("latin-1")),
    (b"{}", "application/json; charset=klingon"),
)


def places(app: Any) -> Iterator[tuple[str, str]]:
    """Method and pattern of each route that answers at once."""
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        if path.endswith(("/follow", "/console/stream", "/follow-dependencies")) or path in ("/login", "/logout"):
            continue
        for method in context.methods or ():
            yield method, path


def filled(path: str, segment: str) -> str:
    """The pattern with this text at the place of each parameter but the tenant."""
    return re.sub(r"\{[^}]+\}", lambda _: segment, path.replace("{tenant}", "main"))


def existing(path: str, names: Mapping[str, str]) -> str:
    """The pattern with the names of what exists, `x` where none is given."""
    return re.sub(r"\{[^}]+\}", lambda m: names.get(m[0][1:-1], "main" if m[0] == "{tenant}" else "x"), path)


def cases(app: Any, names: Mapping[str, str]) -> Iterator[tuple[str, str, bytes, str]]:
    """Method, target, body and content type of every hostile call."""
    for method, path in places(app):
        if "{" in path.replace("{tenant}", ""):
            for segment in SEGMENTS:
                yield method, filled(path, segment), b"", ""
        for query in QUERIES:
            yield method, f"{existing(path, names)}?{query}", b"", ""
        if method not in ("GET", "HEAD"):
            for body, kind in BODIES:
                yield method, existing(path, names), body, kind


def judge(answer: Any, what: str) -> str:
    """What is wrong about an answer; empty when nothing is."""
    if answer.status_code >= 500 and answer.status_code != 503:
        return f"{answer.status_code} {what} {answer.text[:200]}"
    if answer.status_code >= 400 and answer.status_code != 401:
        try:
            sent = answer.json()
        except ValueError:
            return f"no JSON ({answer.status_code}): {what} {answer.text[:100]}"
        if isinstance(sent, dict) and not sent.get("message") and "invalids" not in sent and "errors" not in sent:
            return f"no message ({answer.status_code}): {what} {answer.text[:100]}"
        if "Traceback" in answer.text or str(ROOT) in answer.text or ".py" in answer.text:
            return f"too much said: {what} {answer.text[:200]}"
    return ""
