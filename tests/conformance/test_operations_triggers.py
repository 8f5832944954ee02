"""Every operation on triggers, called by its operationId and held against the document (spec: REST contract §11)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import flow_text
from tests.support.contract import Contract
from tests.support.server import eventually

pytestmark = pytest.mark.timeout(60)

NS = "operations.triggers"
PLACE = {"namespace": NS, "flowId": "timed", "triggerId": "day"}
KEY = {**PLACE, "date": "2026-01-01T00:00:00Z"}
QUERY = {"filters[namespace][EQUALS]": NS, "filters[flowId][EQUALS]": "timed"}
BODY = """
    tasks: [{id: a, type: @log.Log, message: x}]
    triggers: [{id: day, type: @trigger.Schedule, cron: "0 3 1 1 *"}]
"""


@pytest.fixture(scope="module", autouse=True)
def due(contract: Contract) -> str:
    """The trigger's next date, once its state is there."""
    contract.call("createFlow", body=flow_text("timed", BODY, NS))
    return str(eventually(lambda: state(contract).get("nextExecutionDate"), what="the trigger's state"))


def state(contract: Contract) -> dict[str, Any]:
    found = contract.json("searchTriggersForFlow", namespace=NS, flowId="timed")["results"]
    return found[0] if found else {}


def test_reading(contract: Contract) -> None:
    """§5, §11: definition and state; filters; CSV."""
    for query in (QUERY, {"namespace": NS}, {"q": "timed", "sort": "nextExecutionDate:desc"}, {"flowId": "timed"}):
        found = contract.json("searchTriggers", query=query)["results"]
        one = next(t for t in found if t["triggerContext"]["flowId"] == "timed")
        assert one["abstractTrigger"]["cron"] == "0 3 1 1 *" and one["triggerContext"]["date"]
    assert contract.json("searchTriggers", query={**QUERY, "filters[triggerState][EQUALS]": "DISABLED"})["total"] == 0
    assert contract.json("searchTriggersForFlow", query={"q": "zzz"}, namespace=NS, flowId="timed")["total"] == 0
    for query, status in (
        ({"filters[state][EQUALS]": "RUNNING"}, 400),
        ({"filters[triggerState][EQUALS]": "TIRED"}, 422),
        ({"sort": "cron:asc"}, 422),
    ):
        contract.call("searchTriggers", query=query, status=status)
    lines = contract.call("exportTriggers", query=QUERY).text.splitlines()
    assert lines[0].startswith("namespace,flowId,triggerId") and len(lines) == 2


def test_one_trigger(contract: Contract, due: str) -> None:
    """§11: switch, unlock (409), restart, reset; 404 for what is not there."""
    assert contract.json("updateTrigger", body={**KEY, "disabled": True})["disabled"] is True
    assert contract.json("updateTrigger", body={**KEY, "disabled": False})["nextExecutionDate"] == due
    contract.call("unlockTrigger", status=409, **PLACE)
    contract.call("restartTrigger", **PLACE)
    contract.call("deleteTrigger", **PLACE)
    eventually(lambda: state(contract).get("nextExecutionDate") == due, what="the state made anew")
    for operation in ("unlockTrigger", "restartTrigger", "deleteTrigger"):
        contract.call(operation, status=404, **{**PLACE, "triggerId": "none"})
    contract.call("updateTrigger", body={**KEY, "triggerId": "none"}, status=404)
    contract.call("updateTrigger", body=[1], status=422)


def test_backfills(contract: Contract, due: str) -> None:
    """§11: made by PUT, paused, unpaused, deleted; 400 without one; a start is needed."""
    for operation in ("pauseBackfill", "unpauseBackfill", "deleteBackfill"):
        assert "No backfill found" in contract.json(operation, body=KEY, status=400)["message"]
    contract.call("updateTrigger", body={**KEY, "backfill": {"end": "2020-01-01T00:00:00Z"}}, status=400)
    contract.call("updateTrigger", body={**KEY, "backfill": {"start": "noon"}}, status=422)
    contract.call("updateTrigger", body={**KEY, "disabled": True})
    window = {"start": "2000-01-01T00:00:00Z", "end": "2025-01-01T00:00:00Z", "inputs": {"a": 1}}
    made = contract.json("updateTrigger", body={**KEY, "backfill": window})
    assert made["backfill"]["start"].startswith("2000-01-01")
    assert contract.json("pauseBackfill", body=KEY)["backfill"]["paused"] is True
    assert contract.json("unpauseBackfill", body=KEY)["backfill"]["paused"] is False
    assert "backfill" not in contract.json("deleteBackfill", body=KEY)
    contract.call("updateTrigger", body={**KEY, "disabled": False})


def test_many_at_once(contract: Contract) -> None:
    """§6, §11: what does not apply is skipped; by query the filters of §5."""
    other = [KEY, {**KEY, "triggerId": "none"}]
    for operation in ("unlockTriggersByIds", "pauseBackfillByIds", "unpauseBackfillByIds", "deleteBackfillByIds"):
        assert contract.json(operation, body=other) == {"count": 0}, operation
        contract.call(operation, body={"not": "a list"}, status=422)
    for operation in (
        "unlockTriggersByQuery",
        "pauseBackfillByQuery",
        "unpauseBackfillByQuery",
        "deleteBackfillByQuery",
    ):
        assert contract.json(operation, query=QUERY) == {"count": 0}, operation
        contract.call(operation, query={"filters[level][EQUALS]": "INFO"}, status=400)
    assert contract.json("disabledTriggersByIds", body={"triggers": [KEY], "disabled": True}) == {"count": 1}
    for wrong in ({"triggers": []}, {"triggers": "x"}, {"disabled": "yes"}, {"disabled": None}):
        contract.call("disabledTriggersByIds", body={"triggers": [KEY], "disabled": True, **wrong}, status=422)
    assert contract.json("disabledTriggersByQuery", query={**QUERY, "disabled": False}) == {"count": 1}
    assert state(contract)["disabled"] is False
    assert contract.json("deleteTriggersByIds", body=[KEY]) == {"count": 1}
    eventually(lambda: state(contract), what="the state made anew")
    filters = [
        {"field": "NAMESPACE", "operation": "EQUALS", "value": {"value": NS}},
        {"field": "flowId", "operation": "EQUALS", "value": "timed"},
    ]
    assert contract.json("deleteTriggersByQuery", body={"filters": filters}) == {"count": 1}
    contract.call("deleteTriggersByQuery", body={"filters": [{"field": "NOTHING"}]}, status=400)
    contract.call("deleteTriggersByQuery", body={"filters": "all"}, status=400)
