"""Filters, labels, sorts and patterns of any text on both databases: bound values, never code (quality §3.2, check 27).

Hypothesis makes values of quotes, backslashes, control characters, wildcards and the syntax of JSON paths; a model in
Python says which rows may come back. Each row has a twin in a foreign tenant, which never may.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowdeck.api.app import create_api
from flowdeck.sdk.index import load_catalog
from flowdeck.services.backend import ApiConfig, Backend
from flowdeck.storage.local import LocalStorage
from flowdeck.store.driver import Database
from flowdeck.store.log_views import LogStore
from flowdeck.store.logs import Batch, LogAppender, LogFiles
from tests.unit.api.conftest import PASSWORD, USER, DirectCore, quick

EXAMPLES = 400 if os.environ.get("FLOWDECK_TEST_LEVEL") == "all" else 24

FOREIGN = "zq7tenant"
NOW = round(time.time() * 1000) - 60_000

PIECES = (
    *"'\"`\\;%_!*?#$@.,:[](){}<>=|&^~/- \t\r\n",
    *("\x00", "\x01", "\x1a", "\x7f", "\u2028", "\ufeff", "\u202e", "é", "ß", "İ", "💩", "a", "b", "A", "0"),
    *("' or '1'='1", "'; drop table flow; --", "/*", "*/", "--", "$.", "$[0]", "$$", "->>", "#>>", "::text", "{a,b}"),
    *(":p0", ":w1", "?1", "%s", "%(x)s", "\\'", "\\x27", "''", '""', "E'", "U&'", "null", "a.b", "x'00'", "jsonb_path"),
)
TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
NAMES = (
    "a.b",
    "a.b.c",
    "a.bc",
    "a'b",
    'a"b',
    "a\\b",
    "a%b",
    "a_b",
    "$.a",
    "a[0]",
    "{a,b}",
    "--",
    "E'",
    "b",
    "éA",
    "💩",
)
LABELS = tuple((name, value) for name in NAMES[3:8] for value in NAMES[3:9])
VALUE = st.one_of(st.sampled_from(NAMES), TEXT)

Fits = Callable[[str, str], bool]
TEXT_LAWS: dict[str, Fits] = {
    "EQUALS": lambda own, asked: own == asked,
    "NOT_EQUALS": lambda own, asked: own != asked,
    "CONTAINS": lambda own, asked: asked in own,
    "STARTS_WITH": lambda own, asked: own.startswith(asked),
    "ENDS_WITH": lambda own, asked: own.endswith(asked),
    "PREFIX": lambda own, asked: own == asked or own.startswith(asked + "."),
}


def fill(database: Database) -> None:
    """The same rows for the caller's tenant and for a foreign one."""
    writer = database.writer()
    with writer.transaction(now=5_000_000) as tx:
        for tenant in ("main", FOREIGN):
            for number, name in enumerate(NAMES):
                label = {"key": LABELS[number][0], "value": LABELS[number][1]}
                key = tx.insert(
                    "flow",
                    tenant=tenant,
                    namespace=name,
                    id=name,
                    revision=1,
                    disabled=False,
                    deleted=False,
                    labels=json.dumps([label]),
                    summary="{}",
                    updated=number,
                )
                tx.insert(
                    "flow_revision",
                    flow_key=key,
                    revision=1,
                    source=f"id: {tenant}",
                    document=json.dumps({"id": name, "namespace": name, "description": tenant}),
                    checksum="x",
                    deleted=False,
                    disabled=False,
                    created=1,
                )
                tx.insert("flow_label", flow_key=key, tenant=tenant, **label)
                seq = tx.insert(
                    "execution",
                    id=f"{tenant}{number}",
                    tenant=tenant,
                    namespace=name,
                    flow_id=name,
                    flow_key=key,
                    flow_rev=1,
                    state=22,
                    created=NOW,
                    started=NOW,
                    ended=NOW + 1000,
                    original_id=f"{tenant}{number}",
                    attempt_number=1,
                    labels=json.dumps([label]),
                    open_count=0,
                    task_count=0,
                    version=1,
                    trigger_id=name,
                )
                tx.insert("execution_label", execution_seq=seq, tenant=tenant, **label)
                tx.insert(
                    "trigger_state",
                    tenant=tenant,
                    namespace=name,
                    flow_id=name,
                    trigger_id=f"{tenant}{number}",
                    type="x",
                    kind="schedule",
                    definition="{}",
                    disabled=False,
                    fence=0,
                    updated=1,
                )
                tx.insert(
                    "kv",
                    tenant=tenant,
                    namespace=name,
                    key=f"{tenant}{number}",
                    type="STRING",
                    value='"x"',
                    version=1,
                    created=1,
                    updated=1,
                )
                tx.insert("secret", tenant=tenant, namespace=name, key=f"{tenant}{number}", value="x", updated=1)
    writer.close()


catalog = cache(load_catalog)


class Api:
    """The API over one database, asked from tests that are no coroutines."""

    def __init__(self, database: Database, folder: Path) -> None:
        fill(database)
        files = LogFiles(folder / "logs", database)
        appender = LogAppender(files)
        for number, tenant in enumerate(("main", FOREIGN), 1):
            lines = [(n, NOW + n, 2, "main", f"{tenant} {name}") for n, name in enumerate(NAMES, 1)]
            appender.append([Batch(number, tenant, 1, 1, tenant, "a.b", "f", "t", "r", lines)], NOW)
        appender.close()
        files.close()
        self.app = quick(
            create_api(
                Backend(
                    core=DirectCore(database),
                    database=database,
                    storage=LocalStorage(folder / "storage"),
                    catalog=catalog(),
                    logs=LogStore(folder / "logs", database),
                    config=ApiConfig(username=USER, password=PASSWORD),
                )
            )
        )
        self.loop = asyncio.new_event_loop()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test", auth=(USER, PASSWORD))

    def get(self, path: str, **params: Any) -> httpx.Response:
        """One answer, which is never an error of the server's and never holds what is the other tenant's."""
        answer = self.loop.run_until_complete(self.client.get(f"/api/v1/main/{path}", params=params))
        assert answer.status_code in (200, 400, 422), (path, params, answer.text)
        assert FOREIGN not in answer.text, (path, params, answer.text)
        return answer

    def post(self, path: str, body: Any) -> httpx.Response:
        """As `get`, with a body of JSON."""
        answer = self.loop.run_until_complete(self.client.post(f"/api/v1/main/{path}", json=body))
        assert answer.status_code in (200, 400, 422), (path, body, answer.text)
        assert FOREIGN not in answer.text, (path, body, answer.text)
        return answer

    def close(self) -> None:
        self.loop.run_until_complete(self.client.aclose())
        self.loop.close()


@pytest.fixture
def api(database: Database, tmp_path: Path) -> Iterator[Api]:
    one = Api(database, tmp_path)
    yield one
    one.close()


def often(function: Any, share: int = 1) -> Any:
    """Many examples over one database: they only read. `share` of them are enough for what asks for much."""
    quick = settings(
        max_examples=EXAMPLES // share,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        derandomize=not os.environ.get("FLOWDECK_TEST_LEVEL"),
    )
    return quick(function)


@often
@given(op=st.sampled_from(sorted(TEXT_LAWS)), field=st.sampled_from(["namespace", "flowId"]), asked=VALUE)
def test_a_filter_of_names_finds_what_it_says(api: Api, op: str, field: str, asked: str) -> None:
    wanted = sorted(name for name in NAMES if TEXT_LAWS[op](name, asked))
    for place in ("flows", "executions"):
        answer = api.get(f"{place}/search", **{f"filters[{field}][{op}]": asked, "size": "100"})
        if "\0" in asked and answer.status_code != 200:
            continue
        assert answer.status_code == 200, answer.text
        assert sorted(row["namespace"] for row in answer.json()["results"]) == wanted, (place, op, asked)


@often
@given(op=st.sampled_from(["EQUALS", "NOT_EQUALS", "CONTAINS"]), key=VALUE, asked=VALUE)
def test_a_filter_of_labels_finds_what_it_says(api: Api, op: str, key: str, asked: str) -> None:
    own: dict[str, tuple[str, str]] = dict(zip(NAMES, LABELS, strict=False))

    def holds(name: str) -> bool:
        label, value = own[name]
        return label == key and (asked in value if op == "CONTAINS" else value == asked)

    wanted = sorted(name for name in NAMES if holds(name) != (op == "NOT_EQUALS"))
    for place in ("flows", "executions"):
        answer = api.get(f"{place}/search", **{f"filters[labels][{op}][{key}]": asked, "size": "100"})
        if answer.status_code != 200:
            assert "\0" in key + asked or "]" in key or "\n" in key or "\r" in key, answer.text
            continue
        assert sorted(row["namespace"] for row in answer.json()["results"]) == wanted, (place, op, key, asked)


@often
@given(place=st.sampled_from(["flows", "executions", "logs", "triggers"]), text=TEXT, other=TEXT)
def test_no_word_reaches_foreign_rows(api: Api, place: str, text: str, other: str) -> None:
    for query in (
        {"q": text},
        {"filters[q][EQUALS]": text},
        {"filters[q][NOT_EQUALS]": text},
        {"filters[namespace][REGEX]": text},
        {"filters[namespace][IN]": f"{text},{other}"},
        {"filters[flowId][NOT_IN]": f"[{text},{other}]"},
        {"filters[triggerId][IN]": text},
        {"filters[labels][IN][" + text + "]": other},
        {"namespace": text, "flowId": other, "labels": f"{text}:{other}", "triggerId": text},
        {f"filters[{text}][{other}]": "x"},
        {"state": text, "scope": other},
        {"startDate": text, "endDate": other, "timeRange": text, "minLevel": text, "kind": text},
    ):
        api.get(f"{place}/search", **query)


@partial(often, share=3)
@given(text=TEXT, other=TEXT)
def test_no_word_reaches_foreign_rows_of_small_lists(api: Api, text: str, other: str) -> None:
    for place in ("kv", "secrets", "namespaces/search", "dashboards", "triggers/search", "blueprints/community/flow"):
        answer = api.get(place, **{"q": text, "filters[q][EQUALS]": text, "filters[namespace][PREFIX]": other})
        assert answer.status_code in (200, 400, 422)
    api.get("flows/source", q=text, namespace=other)
    api.get("console/search", q=text)
    api.get("console/errors", namespace=text, q=other)
    api.get("namespaces/a.b/files/search", q=text)


@often
@given(field=TEXT, direction=st.one_of(TEXT, st.sampled_from(["asc", "desc"])))
def test_a_sort_is_a_known_field_or_refused(api: Api, field: str, direction: str) -> None:
    for place in ("flows/search", "executions/search", "triggers/search", "kv", "logs/search"):
        answer = api.get(place, sort=f"{field}:{direction}")
        named = [part.strip().partition(":")[0] for part in f"{field}:{direction}".split(",") if part.strip()]
        assert answer.status_code == 422 or not any(named), (place, field, answer.text)


def test_values_that_are_asked_for_in_lists_are_decoded_once_more(api: Api) -> None:
    """`IN` takes percent-encoded parts (§5); what comes out is a value still."""
    for name in NAMES:
        if "," in name or "[" in name:
            continue
        found = api.get("executions/search", **{"filters[namespace][IN]": name.replace("%", "%25"), "size": "100"})
        assert [row["namespace"] for row in found.json()["results"]] == [unquote(name.replace("%", "%25"))]


CHART = """
id: x
type: io.kestra.plugin.core.dashboard.chart.Table
data:
  type: io.kestra.plugin.core.dashboard.data.%s
  columns: {a: {field: NAMESPACE}, b: {field: FLOW_ID}}
  where: [%s]
"""
PATTERNS = ("(?<n>a)", "a++", "\\p{L}", "(?i)x", "[[:alpha:]]", "(?>a)", "\\K", "a{3,1}", "(((a+)+)+)+$", "a{255}{255}")


@often
@given(
    place=st.sampled_from(
        [
            *(("Executions", field) for field in ("NAMESPACE", "FLOW_ID", "ID", "LABELS", "STATE")),
            *(("Logs", field) for field in ("NAMESPACE", "MESSAGE", "TASK_ID", "EXECUTION_ID")),
            *(("Triggers", field) for field in ("NAMESPACE", "TRIGGER_ID")),
        ]
    ),
    op=st.sampled_from(
        ["REGEX", "EQUAL_TO", "CONTAINS", "STARTS_WITH", "IN", "NOT_IN", "GREATER_THAN", "NOT_CONTAINS"]
    ),
    text=st.one_of(VALUE, st.sampled_from(PATTERNS)),
    key=TEXT,
)
def test_a_condition_of_a_chart_is_a_value(api: Api, place: tuple[str, str], op: str, text: str, key: str) -> None:
    source, field = place
    where: dict[str, Any] = {"field": field, "type": op, "value": text}
    if op in ("IN", "NOT_IN"):
        where = {"field": field, "type": op, "values": [text, key]}
    if field == "LABELS":
        where["labelKey"] = key
    answer = api.post("dashboards/charts/preview", {"chart": CHART % (source, json.dumps(where))})
    if op == "EQUAL_TO" and field == "NAMESPACE" and source == "Executions":
        assert answer.status_code == 200, answer.text
        assert {row["a"] for row in answer.json()["results"]} == {text} & set(NAMES), (text, answer.text)
