"""What the list of executions and the comparison ask beside the REST contract (spec: ui §7, §8.10)."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest

from tests.conformance.conftest import flow_text
from tests.support.server import Server, eventually, multipart

pytestmark = pytest.mark.timeout(60)
CONSOLE = "/api/v1/main/console"
TEXT = """
inputs: [{id: n, type: INT, defaults: 1}]
labels: {team: lists}
tasks:
  - {id: say, type: @log.Log, message: "number {{ inputs.n }}"}
  - {id: judge, type: @execution.Fail, condition: "{{ inputs.n > 1 }}", errorMessage: too many}
triggers:
  - {id: yearly, type: @trigger.Schedule, cron: "@hourly"}
"""


@pytest.fixture(scope="module")
def runs(server: Server) -> tuple[str, str]:
    """A run that succeeds and one that fails."""
    server.save_flow(flow_text("counted", TEXT, "conf.lists"))
    made = []
    for number in ("1", "2"):
        execution = server.execute("conf.lists", "counted", {"n": number})["id"]
        server.finished(execution)
        made.append(execution)
    return made[0], made[1]


def test_the_calendar_counts_by_the_hour_and_knows_dates_to_come(server: Server, runs: tuple[str, str]) -> None:
    """UI-EX-07: hours of creation by state, scheduled dates of the next seven days; filters hold."""
    told = server.call("GET", f"{CONSOLE}/executions/calendar?filters[namespace][EQUALS]=conf.lists").json
    total: dict[str, int] = {}
    for _, states in told["hours"]:
        for state, n in states.items():
            total[state] = total.get(state, 0) + n
    assert total == {"SUCCESS": 1, "FAILED": 1}
    assert 167 <= sum(n for _, n, _ in told["ahead"]) <= 169
    assert told["ahead"][0][2] == ["conf.lists/counted"] and not told["truncated"]
    none = server.call("GET", f"{CONSOLE}/executions/calendar?filters[namespace][EQUALS]=conf.lists.none").json
    assert none["hours"] == [] and none["ahead"] == []


@pytest.mark.parametrize(
    ("by", "word", "count", "value"),
    [
        ("flow", "counted", 2, "conf.lists/counted"),
        ("state", "Failed", 1, "FAILED"),
        ("labels", "team: lists", 2, "team:lists"),
        ("message", "Fail on a condition", 1, "conf.lists/counted"),
    ],
)
def test_matches_are_counted_by_one_trait(
    server: Server, runs: tuple[str, str], by: str, word: str, count: int, value: str
) -> None:
    """UI-EX-06: group by flow, state, label or error message."""
    path = f"{CONSOLE}/executions/groups?by={by}&filters[namespace][EQUALS]=conf.lists"
    groups = {one["word"]: one for one in server.call("GET", path).json}
    assert (groups[word]["count"], groups[word]["value"]) == (count, value)


def test_an_unknown_trait_is_refused_by_name(server: Server) -> None:
    """UI-EX-06: the refusal names what is known."""
    answer = server.call("GET", f"{CONSOLE}/executions/groups?by=colour")
    assert answer.status == 422 and "flow, state, labels, message" in answer.json["message"]


def test_two_executions_are_compared_with_their_logs(server: Server, runs: tuple[str, str]) -> None:
    """UI-XP-90: where they part, values that differ, lines that differ beside times, ids and numbers."""
    query = f"a={runs[0]}&b={runs[1]}"
    told = server.call("GET", f"{CONSOLE}/executions/compare?{query}").json
    assert told["first"]["path"] == "judge"
    assert {"path": "inputs.n", "a": 1, "b": 2, "same": False} in told["values"]
    assert told["b"]["error"] == "Fail on a condition"
    log = server.call("GET", f"{CONSOLE}/executions/compare/logs?{query}&task=say")
    assert log.status == 200, log.text
    assert [line["op"] for line in log.json["lines"]] == ["same"]


def test_a_bundle_holds_document_values_and_lines(server: Server, runs: tuple[str, str]) -> None:
    """UI-XP-01: one ZIP of all that an execution left behind."""
    answer = server.call("GET", f"{CONSOLE}/executions/{runs[0]}/bundle")
    assert answer.status == 200
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert {"execution.json", "inputs.json", "logs.txt"} <= set(archive.namelist())
        assert json.loads(archive.read("inputs.json")) == {"n": 1}
        assert b"INFO [say] number 1\n" in archive.read("logs.txt")
    assert server.call("GET", f"{CONSOLE}/executions/nobody/bundle").status == 404


def test_lines_of_a_view_are_exported_as_json_lines(server: Server, runs: tuple[str, str]) -> None:
    """UI-XP-34: the current view, one JSON object a line."""
    answer = server.call("GET", f"{CONSOLE}/executions/{runs[0]}/log-lines.jsonl?minLevel=INFO")
    lines = [json.loads(one) for one in answer.text.splitlines()]
    assert "number 1" in [one["text"] for one in lines]
    assert server.call("GET", f"{CONSOLE}/executions/{runs[0]}/metrics.csv").text.startswith("taskId,taskRunId,name")


def test_messages_are_grouped_by_what_they_have_in_common(server: Server, runs: tuple[str, str]) -> None:
    """UI-LG-04: numbers, ids and instants do not tell messages apart; counts and a trend of 24 bars."""
    told = server.call("GET", f"{CONSOLE}/logs/patterns?filters[namespace][EQUALS]=conf.lists").json
    group = next(one for one in told["groups"] if one["pattern"] == "number #")
    assert group["count"] == sum(group["series"]) == 2 and len(group["series"]) == 24
    assert group["example"]["executionId"] in runs


def test_filtered_lines_are_exported_as_csv_and_text(server: Server, runs: tuple[str, str]) -> None:
    """UI-LG-04: what the filter finds, named by list, tenant and instant."""
    path = f"{CONSOLE}/logs/export?filters[namespace][EQUALS]=conf.lists&filters[taskId][EQUALS]=say"
    table = server.call("GET", path)
    assert len(table.text.splitlines()) == 3 and "logs-main-" in table.headers["content-disposition"]
    text = server.call("GET", f"{path}&format=txt").text
    assert [line.rpartition(" ")[2] for line in text.splitlines()] == ["1", "2"]
    assert server.call("GET", f"{path}&format=pdf").status == 422


def test_sources_are_searched_by_text_and_pattern(server: Server, runs: tuple[str, str]) -> None:
    """UI-FL-08: lines with their places, case, regular expressions; a bad pattern is refused by name."""
    path = f"{CONSOLE}/flows/lines?namespace=conf.lists"

    def places(more: str) -> list[tuple[int, list[list[int]]]]:
        told = server.call("GET", f"{path}&{more}").json
        return [(line["no"], line["spans"]) for one in told["results"] for line in one["lines"]]

    assert places("q=TOO+MANY") == places("q=t%5Bop%5Do%20many&regex=true") != []
    assert places("q=TOO+MANY&case=true") == []
    for bad in ("q=%28&regex=true", "q=a*&regex=true", "q="):
        answer = server.call("GET", f"{path}&{bad}")
        assert answer.status == 422 and "q: " in answer.json["message"], answer.text


def test_a_replacement_is_shown_before_it_is_saved(server: Server, runs: tuple[str, str]) -> None:
    """UI-FL-08: the source after the replacement, groups of a pattern, nothing is stored."""
    path = f"{CONSOLE}/flows/conf.lists/counted/replaced"
    sent = {"q": "(too) many", "by": r"\1 few", "regex": True}
    told = server.call("POST", path, json_body=sent).json
    assert told["count"] == 1 and "errorMessage: too few" in told["source"]
    flow = server.call("GET", "/api/v1/main/flows/conf.lists/counted?source=true").json
    assert "too many" in flow["source"] and flow["revision"] == 1
    assert server.call("POST", path, json_body={"q": "(a)", "by": r"\7", "regex": True}).status == 422


ASKING = """
tasks:
  - id: approve
    type: @flow.Pause
    description: Look at the invoice first
    onResume: [{id: reason, type: STRING}]
  - {id: after, type: @log.Log, message: "{{ outputs.approve.onResume.reason }}"}
"""


def test_what_waits_for_somebody_is_listed_until_it_is_resumed(server: Server) -> None:
    """UI-XP-80: paused executions with the step, its words, since when and how much it asks for; gone after it."""
    server.save_flow(flow_text("asking", ASKING, "conf.held"))
    execution = server.execute("conf.held", "asking")["id"]
    path = f"{CONSOLE}/executions/resumable?filters[namespace][EQUALS]=conf.held"
    told = eventually(lambda: server.call("GET", path).json["results"], what="the paused execution")
    (row,) = told
    (step,) = row["steps"]
    assert (row["id"], row["state"], row["asks"], row["flowId"]) == (execution, "PAUSED", True, "asking")
    assert (step["taskId"], step["inputs"], step["description"]) == ("approve", 1, "Look at the invoice first")
    assert step["since"] == row["since"] and "until" not in row
    assert server.call("GET", f"{path}&page=2").json == {"results": [], "total": 1}
    body, kind = multipart({"reason": "paid"})
    resumed = server.call("POST", f"/api/v1/main/executions/{execution}/resume", body=body, content_type=kind)
    assert resumed.status == 204, resumed.text
    server.finished(execution)
    assert server.call("GET", path).json["total"] == 0


SOURCED = """
variables: {greeting: hello}
tasks:
  - id: lines
    type: @storage.Write
    content: "1\\n2\\n3\\n"
  # said twice
  - id: say
    type: @log.Log
    message: "{{ vars.greeting }} and {{ secret('CONFORMANCE_TOKEN') }}"
    description: "{{ vars.greeting | upper }}"
  - id: each
    type: @flow.ForEachItem
    items: "{{ outputs.lines.uri }}"
    namespace: conf.lists
    flowId: counted
    transmitFailed: false
    inputs: {n: "{{ taskrun.iteration }}"}
"""


def test_a_task_run_tells_its_source_and_what_it_started(server: Server, runs: tuple[str, str]) -> None:
    """UI-XP-21, UI-XP-23, UI-XP-70: the text that ran, its expressions rendered again, executions by state."""
    ran = server.run(flow_text("sourced", SOURCED, "conf.source"))
    place = f"{CONSOLE}/executions/{ran['id']}/taskruns"
    say = next(one["id"] for one in ran["taskRunList"] if one["taskId"] == "say")
    told = server.call("GET", f"{place}/{say}/source").json
    assert told["source"].startswith("id: say\ntype: io.kestra.plugin.core.log.Log\n") and "twice" not in told["source"]
    assert "hush-8" not in json.dumps(told)
    found = {one["path"]: one for one in told["properties"]}
    assert found["message"]["without"] == "secret" and found["description"]["value"] == "HELLO"
    items = next(one["id"] for one in ran["taskRunList"] if one["taskId"] == "each_items")
    part = server.call("GET", f"{place}/{items}/source").json
    assert part["source"].startswith("id: each\n")
    row = server.call("GET", f"{place}/{items}").json
    assert row["batches"] == {"total": 3, "SUCCESS": 2, "FAILED": 1}
    query = f"filters[triggerExecutionId][EQUALS]={ran['id']}&filters[triggerId][EQUALS]=each_items"
    listed = server.call("GET", f"/api/v1/main/executions/search?{query}&filters[state][IN]=FAILED").json
    assert listed["total"] == 1
    leaves = server.call("GET", f"{place}?limit=1&leaves=true").json["leaves"]
    assert leaves == {"SUCCESS": 5}, "the ForEachItem itself is counted by its parts"


def test_csv_has_the_columns_that_the_list_shows_and_a_name_of_its_own(server: Server, runs: tuple[str, str]) -> None:
    """UI-LS-13: columns of the console's list in their order, ids first; unknown names are left out."""
    where = "filters[namespace][EQUALS]=conf.lists&columns=note,state,label:team,colour"
    answer = server.call("GET", f"/api/v1/main/executions/export/by-query/csv?{where}")
    head, *lines = answer.text.splitlines()
    assert head == "id,note,state,label:team"
    assert {tuple(line.split(",")[-2:]) for line in lines} >= {("FAILED", "lists"), ("SUCCESS", "lists")}
    assert {line.split(",")[0] for line in lines} >= set(runs)
    assert re.search(r'filename="executions-main-\d{8}T\d{6}Z\.csv"', answer.headers["content-disposition"])
    flows = server.call("GET", "/api/v1/main/flows/export/by-query/csv?columns=revision").text.splitlines()
    assert flows[0] == "namespace,id,revision"
    triggers = server.call("GET", "/api/v1/main/triggers/export/by-query/csv").text.splitlines()
    assert triggers[0].startswith("namespace,flowId,triggerId,type")


def test_executions_are_counted_to_the_end_on_demand(server: Server, runs: tuple[str, str]) -> None:
    """UI-LS-04: the exact count has the filters of the list."""
    path = f"{CONSOLE}/executions/count?filters[namespace][EQUALS]=conf.lists"
    search = "/api/v1/main/executions/search?filters[namespace][EQUALS]=conf.lists"
    for more in ("", "&filters[state][IN]=FAILED"):
        found = server.call("GET", search + more).json["total"]
        assert server.call("GET", path + more).json == {"total": found} and found
