"""Sources with something wrong in them: findings and 4xx, never an error of the server (spec: REST contract §3, §7, §14)."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

ROUNDS = 2000 if os.environ.get("FLOWDECK_TEST_LEVEL") == "all" else 25
SEEDS = Path(__file__).parents[3] / "scripts" / "seed_flows.yaml"
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**30, float("inf"), float("nan"), -(2**63), "", "x", "{{", "{{ x }}", "a" * 5000),
    *("{{ inputs.a | nope }}", "\u0000", "💥", "P1000000000Y", "* * * * *", "../..", "kestra:///x", "2026-01-01"),
    *([], {}, [[]], [None], {"a": None}, {"type": "x"}, {"id": "x"}, [{"id": 1}], {"": ""}, {1: 2}),
    *(
        "EQUAL_TO",
        "COUNT",
        "SUM",
        "STATE",
        "LABELS",
        {"field": "LABELS"},
        {"agg": "SUM"},
        {"type": "OR", "values": [{}]},
    ),
    {"id": "z", "type": "io.kestra.plugin.core.flow.Dag"},
    {"type": "io.kestra.plugin.core.flow.Subflow"},
]
P = "io.kestra.plugin.core.dashboard."
CHARTS = f"""
- id: series
  type: {P}chart.TimeSeries
  chartOptions: {{displayName: A, column: date, colorByColumn: state}}
  data:
    type: {P}data.Executions
    columns: {{date: {{field: START_DATE}}, state: {{field: STATE}}, n: {{agg: COUNT}}, d: {{field: DURATION, agg: SUM}}}}
    where: [{{field: NAMESPACE, type: STARTS_WITH, value: x}}, {{type: OR, values: [{{field: STATE, type: IN, values: [FAILED]}}]}}]
    orderBy: [{{column: n, order: DESC}}]
- id: table
  type: {P}chart.Table
  chartOptions: {{displayName: B, pagination: {{enabled: true}}}}
  data: {{type: {P}data.Triggers, columns: {{l: {{field: NAMESPACE}}, n: {{agg: COUNT}}}}}}
- id: kpi
  type: {P}chart.KPI
  chartOptions: {{displayName: C, numberType: PERCENTAGE}}
  data:
    type: {P}data.ExecutionsKPI
    columns: {{field: ID, agg: COUNT}}
    numerator: [{{type: IN, field: STATE, values: [SUCCESS]}}]
"""


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, as the keys that lead there."""
    if here:
        yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*here, key))


def at(document: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        document = document[key]
    return document


def mutated(document: Any, chance: random.Random) -> str:
    """YAML of a copy with one to three places changed: something odd, nothing, or another part of the document."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 2, 3))):
        found = list(places(document))
        if not found:
            break
        place = chance.choice(found)
        holder, what = at(document, place[:-1]), chance.random()
        if what < 0.65:
            holder[place[-1]] = copy.deepcopy(chance.choice(ODD))
        elif what < 0.8 and isinstance(holder, dict):
            del holder[place[-1]]
        else:
            holder[place[-1]] = copy.deepcopy(at(document, chance.choice(found)))
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)


async def test_flows(client: httpx.AsyncClient) -> None:
    """§7: validation is always 200; what is stored can be read, drawn and asked for its inputs."""
    flows = [one for one in yaml.safe_load_all(SEEDS.read_text()) if one]
    chance = random.Random(5)
    for _ in range(ROUNDS):
        text = mutated(chance.choice(flows), chance)
        for path, statuses in (("flows/validate", {200}), ("flows/graph", {200, 422}), ("flows", {200, 422})):
            answer = await client.post(f"/api/v1/main/{path}", content=text.encode())
            assert answer.status_code in statuses, f"{path}: {answer.text}\n{text}"
        if answer.status_code == 200:
            place = f"{answer.json()['namespace']}/{answer.json()['id']}"
            for path in (
                f"flows/{place}",
                f"flows/{place}/graph",
                f"flows/{place}/dependencies",
                f"executions/flows/{place}",
            ):
                assert (await client.get(f"/api/v1/main/{path}")).status_code == 200, f"{path}\n{text}"
            assert (await client.delete(f"/api/v1/main/flows/{place}")).status_code == 204


async def test_charts(client: httpx.AsyncClient) -> None:
    """§14: a chart that validation finds nothing in has data; all others are refused."""
    charts = yaml.safe_load(CHARTS)
    chance = random.Random(5)
    for _ in range(ROUNDS * 4):
        text = mutated(chance.choice(charts), chance)
        told = await client.post("/api/v1/main/dashboards/validate/chart", content=text.encode())
        assert told.status_code == 200, text
        answer = await client.post("/api/v1/main/dashboards/charts/preview", json={"chart": text})
        assert answer.status_code in (200, 400, 422), f"{answer.text}\n{text}"
