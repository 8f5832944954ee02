"""REST over the real engine: core, log writer and a worker behind sockets, the API as ASGI (spec: REST contract)."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowdeck.api.app import create_api
from flowdeck.commands import registry
from flowdeck.config.settings import load_settings
from flowdeck.engine.core import Core, prepare
from flowdeck.engine.worker import Worker, WorkerOptions
from flowdeck.main.web import build_backend
from flowdeck.sdk.index import load_catalog
from flowdeck.storage.encryption import new_key

registry.load_commands()

USER, PASSWORD = "ada@example.com", "Secret123"
T = "/api/v1/main"


class Api:
    """A client with the few words that tests need."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def __call__(self, method: str, path: str, status: int = 200, **args: Any) -> Any:
        answer = await self.client.request(method, path if path.startswith("/api") else T + path, **args)
        assert answer.status_code == status, (answer.status_code, answer.text[:800])
        if answer.content and answer.headers.get("content-type", "").startswith("application/json"):
            return answer.json()
        return answer

    async def save(self, source: str) -> Any:
        return await self("POST", "/flows", content=source, headers={"Content-Type": "application/x-yaml"})

    async def run(self, flow: str, *, wait: bool = True, **args: Any) -> Any:
        params = {"wait": str(wait).lower(), **args.pop("params", {})}
        return await self("POST", f"/executions/company.team/{flow}", params=params, **args)

    async def until(self, execution: str, *states: str, seconds: float = 10) -> Any:
        deadline = time.monotonic() + seconds
        found: Any = None
        while time.monotonic() < deadline:
            found = await self("GET", f"/executions/{execution}")
            if found["state"]["current"] in states:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(found["state"])


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    settings = load_settings(
        environment={
            "FLOWDECK_HOME": str(tmp_path / "home"),
            "KESTRA_SERVER_BASIC_AUTH_USERNAME": USER,
            "KESTRA_SERVER_BASIC_AUTH_PASSWORD": PASSWORD,
        }
    )
    settings.home.prepare()
    settings.home.secret_key.write_text(new_key())
    database, lock = prepare(settings)
    core = Core(settings, database, load_catalog())
    await core.start()
    running = asyncio.create_task(core.run())
    worker = Worker(WorkerOptions.of(settings))
    working = asyncio.create_task(worker.run())
    backend = build_backend(settings)
    app = create_api(backend)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", auth=(USER, PASSWORD), timeout=20
    ) as client:
        yield Api(client)
    app.state.rooms.stop()
    await app.state.hub.stop()
    await backend.core.close()  # type: ignore[attr-defined]
    backend.database.close()
    worker.stop()
    worker.stop()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    core.stop()
    await running
    await core.close()
    if lock is not None:
        lock.release()


HELLO = """id: hello
namespace: company.team
labels: {team: data}
inputs:
  - {id: name, type: STRING, defaults: world}
  - {id: n, type: INT, required: false}
tasks:
  - {id: say, type: io.kestra.plugin.core.debug.Return, format: "Hello {{ inputs.name }}"}
  - {id: log, type: io.kestra.plugin.core.log.Log, message: "{{ outputs.say.value }}"}
outputs:
  - {id: text, type: STRING, value: "{{ outputs.say.value }}"}
triggers:
  - {id: day, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 3 1 1 *"}
  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: topsecret}
"""
SLOW = """id: slow
namespace: company.team
tasks:
  - {id: nap, type: io.kestra.plugin.core.flow.Sleep, duration: PT20S}
"""
PAUSED = """id: paused
namespace: company.team
tasks:
  - id: hold
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - {id: reason, type: STRING}
  - {id: after, type: io.kestra.plugin.core.debug.Return, format: "{{ outputs.hold.onResume.reason }}"}
"""
FAILING = """id: failing
namespace: company.team
inputs:
  - {id: bad, type: BOOLEAN, defaults: true}
tasks:
  - {id: first, type: io.kestra.plugin.core.debug.Return, format: one}
  - {id: fail, type: io.kestra.plugin.core.execution.Fail, runIf: "{{ inputs.bad }}", errorMessage: broken 42}
"""


async def test_a_flow_lives_through_its_revisions(api: Api) -> None:
    made = await api.save(HELLO)
    assert made["revision"] == 1 and made["source"] == HELLO and made["labels"] == [{"key": "team", "value": "data"}]
    again = await api("POST", "/flows", 422, content=HELLO)
    assert "already exists" in again["message"]
    same = await api("PUT", "/flows/company.team/hello", content=HELLO)
    assert same["revision"] == 1
    changed = await api("PUT", "/flows/company.team/hello", content=HELLO + "description: second\n")
    assert changed["revision"] == 2
    await api("PUT", "/flows/company.team/hello", 409, content=HELLO, headers={"If-Match": "1"})
    await api("PUT", "/flows/company.team/hello", 422, content=HELLO.replace("id: hello", "id: other"))
    await api("PUT", "/flows/company.team/none", 404, content=HELLO.replace("id: hello", "id: none"))
    revisions = await api("GET", "/flows/company.team/hello/revisions")
    assert [r["revision"] for r in revisions] == [1, 2]
    assert (await api("GET", "/flows/company.team/hello?revision=1&source=true"))["source"] == HELLO
    assert (await api("GET", "/flows/company.team/hello/tasks/log"))["id"] == "log"
    graph = await api("GET", "/flows/company.team/hello/graph")
    assert {"nodes", "edges", "clusters"} <= graph.keys()
    assert (await api("POST", "/flows/disable/by-ids", json=[{"namespace": "company.team", "id": "hello"}])) == {
        "count": 1
    }
    assert (await api("GET", "/flows/company.team/hello"))["disabled"] is True
    await api("POST", "/executions/company.team/hello", 409)
    await api("DELETE", "/flows/company.team/hello", 204)
    await api("GET", "/flows/company.team/hello", 404)
    assert (await api("GET", "/flows/company.team/hello?allowDeleted=true"))["deleted"] is True
    assert (await api.save(HELLO))["revision"] > 3


async def test_flows_are_found_by_filters(api: Api) -> None:
    for namespace, flow in (("company.team", "a"), ("company.team.x", "b"), ("company.teams", "c"), ("system", "s")):
        await api.save(
            f"id: {flow}\nnamespace: {namespace}\nlabels: {{k: {flow}}}\ntasks:\n"
            "  - {id: t, type: io.kestra.plugin.core.debug.Return, format: x}\n"
        )

    async def ids(query: str) -> list[str]:
        return [f["id"] for f in (await api("GET", f"/flows/search?size=50&{query}"))["results"]]

    assert await ids("") == ["a", "b", "c", "s"]
    assert await ids("filters[namespace][PREFIX]=company.team") == ["a", "b"]
    assert await ids("filters%5Bnamespace%5D%5BREGEX%5D=team$") == ["a"]
    assert await ids("filters[scope][EQUALS]=USER") == ["a", "b", "c"]
    assert await ids("filters[labels][EQUALS][k]=b") == ["b"]
    assert await ids("filters[namespace][IN]=company.teams,system&sort=id:desc") == ["s", "c"]
    assert await ids("q=COMPANY.TEAMS") == ["c"]
    assert await ids("namespace=company.team") == ["a", "b"]
    page = await api("GET", "/flows/search?size=1&page=9")
    assert page == {"results": [], "total": 4}
    for query, status in (
        ("filters[nope][EQUALS]=1", 400),
        ("filters[namespace][GREATER_THAN]=1", 400),
        ("filters[state][EQUALS]=RUNNING", 400),
        ("page=abc", 422),
        ("page=0", 422),
        ("sort=nope:asc", 422),
    ):
        await api("GET", f"/flows/search?{query}", status)


async def test_validation_answers_one_entry_a_document(api: Api) -> None:
    answer = await api(
        "POST", "/flows/validate", content=HELLO + "---\nid: x\nnamespace: a\ntasks:\n  - {id: t, type: no.Such}\n"
    )
    assert [a["index"] for a in answer] == [0, 1] and "constraints" not in answer[0]
    assert "no.Such" in answer[1]["constraints"]
    finding = answer[1]["findings"][0]
    assert finding["severity"] == "error" and finding["line"] > 0 and finding["column"] > 0
    task = await api(
        "POST", "/flows/validate/task?section=TASKS", json={"id": "t", "type": "io.kestra.plugin.core.log.Log"}
    )
    assert task["index"] == 0 and "message" in task["constraints"]
    trigger = await api(
        "POST",
        "/flows/validate/trigger",
        json={"id": "d", "type": "io.kestra.plugin.core.trigger.Schedule", "cron": "@daily"},
    )
    assert "constraints" not in trigger


async def test_flows_leave_and_return_as_a_zip(api: Api) -> None:
    await api.save(HELLO)
    zipped = await api("GET", "/flows/export/by-query")
    assert zipfile.ZipFile(io.BytesIO(zipped.content)).namelist() == ["company.team-hello.yml"]
    await api("DELETE", "/flows/delete/by-query?q=hello")
    assert await api("POST", "/flows/import", files={"fileUpload": ("flows.zip", zipped.content)}) == []
    assert (await api("GET", "/flows/search"))["total"] == 1
    broken = await api("POST", "/flows/import", files={"fileUpload": ("flows.yml", b"id: x\n---\n" + HELLO.encode())})
    assert broken == ["0"]


async def test_an_execution_runs_to_its_end(api: Api) -> None:
    await api.save(HELLO)
    ended = await api.run("hello", files={"name": (None, "Ada"), "n": (None, "3")}, params={"labels": "who:ada:x"})
    assert ended["state"]["current"] == "SUCCESS" and ended["outputs"] == {"text": "Hello Ada"}
    assert ended["inputs"] == {"name": "Ada", "n": 3}
    assert [h["state"] for h in ended["state"]["histories"]] == ["CREATED", "RUNNING", "SUCCESS"]
    labels = {one["key"]: one["value"] for one in ended["labels"]}
    system = {"system.correlationId": ended["id"], "system.username": USER}
    assert labels == {"team": "data", "who": "ada:x", **system}
    short = await api("GET", f"/executions/{ended['id']}?taskRuns=false")
    assert "taskRunList" not in short and short["state"] == ended["state"]
    run = ended["taskRunList"][0]
    assert run["outputs"] == {"value": "Hello Ada"} and run["attempts"][0]["state"]["current"] == "SUCCESS"
    assert [h["state"] for h in run["state"]["histories"]] == ["CREATED", "RUNNING", "SUCCESS"]
    created = await api.run("hello", wait=False)
    assert created["state"]["current"] == "CREATED" and created["url"].startswith(
        "/ui/main/executions/company.team/hello/"
    )
    await api.until(created["id"], "SUCCESS")
    found = await api("GET", "/executions/search?filters[labels][EQUALS][who]=ada:x")
    assert found["total"] == 1 and found["results"][0]["id"] == ended["id"]
    assert (await api("GET", "/executions/search?filters[state][IN]=FAILED,KILLED"))["total"] == 0
    assert (await api("GET", "/executions/search?filters[timeRange][EQUALS]=PT5M"))["total"] == 2
    assert (await api("GET", "/executions?namespace=company.team&flowId=hello"))["total"] == 2
    latest = await api("POST", "/executions/latest", json=[{"namespace": "company.team", "id": "hello"}])
    assert latest[0]["id"] == created["id"] and latest[0]["status"] == "SUCCESS"
    assert (await api("POST", f"/executions/{ended['id']}/eval", content="{{ outputs.say.value | upper }}")) == {
        "result": "HELLO ADA"
    }
    assert "error" in await api("POST", f"/executions/{ended['id']}/eval", content="{{ nothing.here }}")
    assert "error" in await api("POST", f"/executions/{ended['id']}/eval", content="{{ secret('X') }}")
    follow = (await api("GET", f"/executions/{ended['id']}/follow")).text
    assert follow.startswith("id: start\n") and "id: end\n" in follow
    await api("DELETE", f"/executions/{ended['id']}", 204)
    await api("GET", f"/executions/{ended['id']}", 404)


async def test_wrong_inputs_create_nothing(api: Api) -> None:
    await api.save(HELLO)
    answer = await api("POST", "/executions/company.team/hello", 422, files={"n": (None, "many")})
    assert "`n`" in answer["message"] and answer["_embedded"]["errors"][0]["path"] == "n"
    await api("POST", "/executions/company.team/hello?labels=system.x:1", 422)
    await api("POST", "/executions/company.team/hello?labels=nocolon", 422)
    await api("POST", "/executions/company.team/hello?revision=9", 404)
    await api("POST", "/executions/company.team/none", 404)
    assert (await api("GET", "/executions/search"))["total"] == 0
    checked = await api("POST", "/executions/company.team/hello/validate", files={"n": (None, "many")})
    by_id = {one["input"]["id"]: one for one in checked["inputs"]}
    assert by_id["n"]["errors"] and by_id["name"]["value"] == "world" and by_id["name"]["isDefault"] is True


async def test_files_of_inputs_go_to_storage_and_come_back(api: Api) -> None:
    await api.save(
        "id: file\nnamespace: company.team\ninputs:\n  - {id: f, type: FILE}\ntasks:\n"
        "  - {id: t, type: io.kestra.plugin.core.debug.Return, format: '{{ inputs.f }}'}\n"
    )
    content = b"line\n" * 300_000
    refused = await api("POST", "/executions/company.team/file", 422, files={"f": (None, "file:///etc/hostname")})
    assert "The path of 'file:///etc/hostname' is not allowed" in refused["message"]
    ended = await api.run("file", files={"f": ("data.txt", content)})
    uri = ended["inputs"]["f"]
    assert uri.startswith("kestra:///company/team/file/executions/")
    path = f"/executions/{ended['id']}/file"
    assert (await api("GET", path, params={"path": uri})).content == content
    assert await api("GET", f"{path}/metas", params={"path": uri}) == {"size": len(content)}
    preview = await api("GET", f"{path}/preview", params={"path": uri, "maxRows": 2})
    assert preview["type"] == "TEXT" and preview["content"] == "line\nline\n" and preview["truncated"] is True
    await api("GET", path, 422, params={"path": "kestra:///company/team/_files/x"})
    await api("GET", path, 422, params={"path": "kestra:///../../etc/passwd"})
    await api("GET", path, 404, params={"path": uri + "x"})
    await api("POST", "/executions/company.team/file", 422)


async def test_a_large_text_part_passes(api: Api) -> None:
    await api.save(HELLO)
    text = "x" * 1_200_000
    created = await api.run("hello", wait=False, files={"name": (None, text)})
    assert len(created["inputs"]["name"]) == len(text)


async def test_kill_pause_resume(api: Api) -> None:
    await api.save(SLOW)
    await api.save(PAUSED)
    slow = await api.run("slow", wait=False)
    await api.until(slow["id"], "RUNNING")
    await api("DELETE", f"/executions/{slow['id']}/kill", 202)
    await api.until(slow["id"], "KILLED")
    await api("DELETE", f"/executions/{slow['id']}/kill?isOnKillCascade=false", 409)
    held = await api.run("paused", wait=False)
    await api.until(held["id"], "PAUSED")
    waiting = await api("GET", f"/console/executions/waiting?ids={held['id']}")
    assert waiting[0]["waiting"]["kind"] == "paused"
    checked = await api("POST", f"/executions/{held['id']}/resume/validate")
    assert checked["inputs"][0]["errors"]
    await api("POST", f"/executions/{held['id']}/resume", 422)
    await api("POST", f"/executions/{held['id']}/resume", 204, files={"reason": (None, "fine")})
    ended = await api.until(held["id"], "SUCCESS")
    assert ended["taskRunList"][-1]["outputs"] == {"value": "fine"}
    await api("POST", f"/executions/{held['id']}/resume", 409)
    await api("POST", f"/executions/{held['id']}/pause", 409)


async def test_restart_replay_labels_and_status(api: Api) -> None:
    await api.save(FAILING)
    failed = await api.run("failing")
    assert failed["state"]["current"] == "FAILED" and failed["error"]["taskId"] == "fail"
    again = await api("POST", f"/executions/{failed['id']}/restart")
    assert again["id"] == failed["id"]
    await api.until(failed["id"], "FAILED")
    replayed = await api("POST", f"/executions/{failed['id']}/replay")
    assert replayed["id"] != failed["id"] and replayed["parentId"] == failed["id"]
    await api.until(replayed["id"], "FAILED")
    mended = await api("POST", f"/executions/{failed['id']}/replay-with-inputs", files={"bad": (None, "false")})
    await api.until(mended["id"], "SUCCESS")
    labelled = await api("POST", f"/executions/{failed['id']}/labels", json=[{"key": "seen", "value": "yes"}])
    assert {"key": "seen", "value": "yes"} in labelled["labels"]
    await api("POST", f"/executions/{failed['id']}/change-status?status=RUNNING", 422)
    changed = await api("POST", f"/executions/{failed['id']}/change-status?status=WARNING")
    assert changed["state"]["current"] == "WARNING"
    groups = await api("GET", "/console/errors?groupBy=message")
    assert groups["groups"][0]["count"] >= 1 and "broken" in groups["groups"][0]["message"]
    compared = await api("GET", f"/console/executions/compare?a={failed['id']}&b={mended['id']}")
    assert compared["first"]["path"] == "fail"


async def test_bulk_actions_are_all_or_nothing(api: Api) -> None:
    await api.save(HELLO)
    one = await api.run("hello")
    refused = await api("DELETE", "/executions/kill/by-ids", 400, json=[one["id"], "unknown"])
    assert refused["message"] == "invalid bulk kill"
    assert [i["message"] for i in refused["invalids"]] == ["execution already finished", "execution not found"]
    refused = await api("DELETE", "/executions/by-ids", 400, json=[one["id"], "unknown"])
    await api("GET", f"/executions/{one['id']}")
    assert await api("POST", "/executions/replay/by-ids", json=[one["id"]]) == {"count": 1}
    labels = {"executionsId": [one["id"]], "executionLabels": [{"key": "a", "value": "b"}]}
    assert await api("POST", "/executions/labels/by-ids", json=labels) == {"count": 1}
    assert (await api("DELETE", "/executions/by-query?filters[labels][EQUALS][a]=b")) == {"count": 1}


async def test_webhooks_need_their_key_alone(api: Api) -> None:
    await api.save(HELLO)
    path = f"{T}/executions/webhook/company.team/hello"
    async with httpx.AsyncClient(transport=api.client._transport, base_url="http://test") as stranger:
        assert (await stranger.post(f"{path}/wrong", json={})).status_code == 404
        answer = await stranger.post(f"{path}/topsecret?x=1", json={"a": 1})
        assert answer.status_code == 200
        assert answer.json()["trigger"]["variables"]["body"] == {"a": 1}
        assert answer.json()["trigger"]["variables"]["parameters"] == {"x": ["1"]}
        assert (await stranger.get(f"{path}/topsecret/more")).status_code == 404
    await api.until(answer.json()["id"], "SUCCESS")


async def test_log_lines_by_level_position_and_search(api: Api) -> None:
    lines = json.dumps([f"line {i}" for i in range(50)])
    await api.save(
        "id: talk\nnamespace: company.team\ntasks:\n"
        f"  - {{id: t, type: io.kestra.plugin.core.log.Log, message: {lines}}}\n"
        "  - {id: w, type: io.kestra.plugin.core.log.Log, level: WARN, message: beware}\n"
    )
    ended = await api.run("talk")
    run = ended["id"]
    until = time.monotonic() + 5
    page = await api("GET", f"/console/executions/{run}/logs?from=-5")
    while page["total"] < 53 and time.monotonic() < until:
        await asyncio.sleep(0.02)
        page = await api("GET", f"/console/executions/{run}/logs?from=-5")
    assert len(page["lines"]) == 5 and page["to"] == page["total"]
    warned = await api("GET", f"/console/executions/{run}/logs?minLevel=WARN&from=1&to=10")
    assert [x["text"] for x in warned["lines"]] == ["beware"] and warned["total"] == 1
    found = await api("GET", f"/console/executions/{run}/logs/search?q=LINE 4")
    assert found["total"] == 11 and found["hits"][0]["spans"] == [[0, 6]]
    await api("GET", f"/console/executions/{run}/logs/search?q=(&regex=true", 422)
    no = warned["lines"][0]["no"]
    assert (await api("GET", f"/console/executions/{run}/logs/{no}"))["text"] == "beware"
    assert (await api("GET", f"/console/executions/{run}/logs/at?no={no}&minLevel=WARN"))["position"] == 1
    groups = await api("GET", f"/console/executions/{run}/logs/groups")
    assert groups["levels"]["WARN"] == 1
    assert len(await api("GET", f"/logs/{run}?minLevel=WARN")) == 1
    assert "WARN beware" in (await api("GET", f"/logs/{run}/download")).text
    searched = await api("GET", "/logs/search?filters[level][EQUALS]=WARN")
    assert searched["results"][0]["message"] == "beware" and searched["results"][0]["no"] == no
    assert all("no" not in one for one in await api("GET", f"/logs/{run}"))
    told = [text.partition(" ")[0] for text in (await api("GET", f"/logs/{run}/download")).text.splitlines()]
    assert len(told) == page["total"] and told == sorted(told)
    asked: dict[str, Any] = {"chart": "logs-over-time", "timeRange": "PT1H"}
    figure = await api("POST", "/console/figures", json=asked)
    sums = {name: sum(row[i] for row in figure["rows"]) for i, name in enumerate(figure["columns"]) if name != "time"}
    assert sums == {name: count for name, count in groups["levels"].items() if count} and not figure["truncated"]
    one_task = [{"field": "taskId", "operation": "EQUALS", "value": "w"}]
    figure = await api("POST", "/console/figures", json=asked | {"filters": one_task})
    assert "WARN" in figure["columns"] and sum(map(sum, (row[1:] for row in figure["rows"]))) < page["total"]


async def test_keys_and_values(api: Api) -> None:
    base = "/namespaces/company.team/kv"
    for key, text, kind, value in (
        ("s", '"text"', "STRING", "text"),
        ("n", "42", "NUMBER", 42),
        ("b", "true", "BOOLEAN", True),
        ("j", '{"a": [1]}', "JSON", {"a": [1]}),
        ("d", "2026-01-31", "DATE", "2026-01-31"),
        ("t", "PT1H", "DURATION", "PT1H"),
    ):
        await api("PUT", f"{base}/{key}", content=text, headers={"Content-Type": "text/plain"})
        found = await api("GET", f"{base}/{key}")
        assert (found["type"], found["value"]) == (kind, value)
    await api("PUT", f"{base}/x", 422, content="not quoted")
    await api("PUT", f"{base}/short", content="1", headers={"ttl": "PT0.001S", "description": "brief"})
    await asyncio.sleep(0.01)
    await api("GET", f"{base}/short", 410)
    await api("GET", f"{base}/unknown", 404)
    assert (await api("GET", "/kv?filters[namespace][EQUALS]=company.team"))["total"] == 6
    assert [e["key"] for e in await api("GET", "/namespaces/company.team.sub/kv/inheritance")] == [
        "b",
        "d",
        "j",
        "n",
        "s",
        "t",
    ]
    assert await api("DELETE", f"{base}/s") is True
    assert await api("DELETE", f"{base}/s") is False
    assert await api("DELETE", base, json={"keys": ["n", "zzz"]}) == {"keys": ["n"]}


async def test_namespace_files_have_revisions(api: Api) -> None:
    base = "/namespaces/company.team/files"
    for text in (b"one", b"two"):
        await api("POST", f"{base}?path=/scripts/a.py", files={"fileContent": ("file", text)})
    assert (await api("GET", f"{base}?path=/scripts/a.py")).content == b"two"
    assert (await api("GET", f"{base}?path=/scripts/a.py&revision=1")).content == b"one"
    assert await api("GET", f"{base}/revisions?path=/scripts/a.py") == [{"revision": 1}, {"revision": 2}]
    listed = await api("GET", f"{base}/directory")
    assert [(f["fileName"], f["type"]) for f in listed] == [("scripts", "Directory")]
    assert (await api("GET", f"{base}/stats?path=/scripts/a.py"))["size"] == 3
    await api("PUT", f"{base}?from=/scripts/a.py&to=/lib/b.py")
    assert (await api("GET", f"{base}/search?q=b.py")) == ["/lib/b.py"]
    assert zipfile.ZipFile(io.BytesIO((await api("GET", f"{base}/export")).content)).namelist() == ["lib/b.py"]
    await api("DELETE", f"{base}?path=/lib")
    await api("GET", f"{base}?path=/lib/b.py", 404)
    await api("GET", f"{base}?path=/../x", 422)
    assert (await api("GET", "/namespaces/search?q=company"))["results"][0]["deleted"] is False


async def test_triggers_and_backfills(api: Api) -> None:
    await api.save(HELLO)
    found = await api("GET", "/triggers/search")
    assert found["total"] == 1
    row = found["results"][0]
    assert row["abstractTrigger"]["cron"] == "0 3 1 1 *" and row["triggerContext"]["triggerId"] == "day"
    key = {"namespace": "company.team", "flowId": "hello", "triggerId": "day", "date": "2026-01-01T00:00:00Z"}
    assert (await api("PUT", "/triggers", json=key | {"disabled": True}))["disabled"] is True
    assert (await api("PUT", "/triggers/backfill/pause", 400, json=key))["message"] == "Bad Request: No backfill found"
    await api("PUT", "/triggers", 404, json=key | {"triggerId": "none"})
    made = await api(
        "PUT", "/triggers", json=key | {"backfill": {"start": "2020-01-01T00:00:00Z", "end": "2022-01-01T00:00:00Z"}}
    )
    assert made["backfill"]["start"] == "2020-01-01T00:00:00.000Z"
    assert (await api("PUT", "/triggers/backfill/pause", json=key))["backfill"]["paused"] is True
    assert "backfill" not in await api("POST", "/triggers/backfill/delete", json=key)
    await api("POST", "/triggers/company.team/hello/day/unlock", 409)
    assert await api("POST", "/triggers/unlock/by-triggers", json=[key]) == {"count": 0}
    assert await api("POST", "/triggers/set-disabled/by-triggers", json={"triggers": [key], "disabled": False}) == {
        "count": 1
    }
    count = await api(
        "POST",
        "/console/flows/company.team/hello/triggers/day/backfill/count",
        json={"start": "2020-01-01T00:00:00Z", "end": "2025-01-02T00:00:00Z"},
    )
    assert count["count"] == 6


async def test_what_the_screens_ask_for(api: Api) -> None:
    await api.save(HELLO)
    ended = await api.run("hello")
    for chart in ("executions-over-time", "executions-by-state", "executions-by-namespace", "logs-over-time", "totals"):
        for span in ("PT1H", "P30D"):
            figure = await api("POST", "/console/figures", json={"chart": chart, "timeRange": span})
            assert figure["rows"] and "data" in figure["figure"] and "drill" in figure, (chart, span)
    errors = await api("POST", "/console/figures", json={"chart": "error-logs", "timeRange": "PT1H"})
    assert errors["kind"] == "table" and errors["fields"][0] == "DATE" and errors["rows"] == []
    sparks = await api(
        "POST", "/console/flows/sparklines", json={"flows": [{"namespace": "company.team", "id": "hello"}]}
    )
    assert sparks[0]["runs"][0][:2] == [ended["id"], "SUCCESS"] and "nextAt" in sparks[0]
    rows = await api("GET", f"/console/executions/{ended['id']}/taskruns?limit=1")
    assert rows["total"] == 2 and rows["rows"][0]["type"] == "io.kestra.plugin.core.debug.Return"
    rest = await api("GET", f"/console/executions/{ended['id']}/taskruns?after={rows['after']}")
    assert [r["taskId"] for r in rest["rows"]] == ["log"]
    detail = await api("GET", f"/console/executions/{ended['id']}/taskruns/{rest['rows'][0]['id']}")
    assert detail["attemptList"][0]["state"] == "SUCCESS"
    assert (await api("GET", f"/console/executions/{ended['id']}/critical-path"))["rows"]
    assert (await api("GET", "/console/flows/company.team/hello/baselines"))["runs"] == 1
    hits = await api("GET", "/console/search?q=hel")
    assert hits["groups"][0]["hits"][0]["id"] == "hello"
    assert (await api("GET", f"/console/search?q={ended['id']}"))["exact"]["kind"] == "execution"
    assert (
        len(
            (
                await api(
                    "POST", "/console/schedules/preview", json={"cron": "*/5 * * * *", "timezone": "Europe/Berlin"}
                )
            )["dates"]
        )
        == 5
    )
    await api("POST", "/console/schedules/preview", 422, json={"cron": "61 * * * *"})
    await api("PATCH", "/console/settings", json={"theme": "dark", "columns": {"flows": ["id"]}})
    assert (await api("PATCH", "/console/settings", json={"columns": {"kv": ["key"]}}))["columns"] == {
        "flows": ["id"],
        "kv": ["key"],
    }
    await api("PUT", "/console/views/v1", json={"list": "executions", "name": "mine", "query": "q=x"})
    await api("PUT", "/console/views/v2", 409, json={"list": "executions", "name": "mine", "query": "q=y"})
    assert [v["id"] for v in await api("GET", "/console/views?list=executions")] == ["v1"]
    saved = await api("PUT", "/console/drafts/flow/company.team/hello", json={"text": "id: x", "baseRevision": 0})
    assert saved["stale"] is True
    await api("PUT", "/console/flows/company.team/hello/presets/p", json={"inputs": {"name": "x"}})
    assert (await api("GET", "/console/flows/company.team/hello/presets"))[0]["name"] == "p"
    assert any(g["tasks"] for g in await api("GET", "/api/v1/plugins"))
    assert (
        "message"
        in (await api("GET", "/api/v1/plugins/io.kestra.plugin.core.log.Log"))["schema"]["properties"]["properties"]
    )
    assert (await api("GET", "/api/v1/plugins/schemas/FLOW"))["properties"]["tasks"]
    assert "upper" in await api("GET", "/api/v1/pebble/filters")
    assert (await api("GET", "/usages/all"))["flows"]["count"] == 1


async def test_the_stream_tells_everything_once_and_ends(api: Api) -> None:
    await api.save(
        "id: nap\nnamespace: company.team\ntasks:\n"
        "  - {id: a, type: io.kestra.plugin.core.flow.Sleep, duration: PT0.2S}\n"
        "  - {id: b, type: io.kestra.plugin.core.log.Log, message: awake}\n"
    )
    created = await api.run("nap", wait=False)
    text = (await api("GET", f"/console/stream?execution={created['id']}&logs=INFO")).text
    events = [
        (e.split("event: ", 1)[1].split("\n", 1)[0], json.loads(e.split("data: ", 1)[1]))
        for e in text.split("\n\n")
        if "event: " in e
    ]
    assert events[0][0] == "snapshot" and events[-1] == ("end", {"reason": "terminal", "state": "SUCCESS"})
    assert sum(line["text"] == "awake" for kind, data in events if kind == "log" for line in data["lines"]) == 1
    seen = {
        row["id"]: row["state"]
        for kind, data in events
        if kind in ("taskrun", "snapshot")
        for row in data.get("rows", data.get("taskRuns", []))
    }
    assert list(seen.values()) == ["SUCCESS", "SUCCESS"]
    again = (await api("GET", f"/console/stream?execution={created['id']}&logs=INFO")).text
    assert again.count("event: ") == 2
    await api("GET", "/console/stream?topics=nonsense:x", 422)


async def test_secrets_never_come_back(api: Api) -> None:
    base = "/namespaces/company.team/secrets"
    listed = await api("PUT", base, json={"key": "TOKEN", "value": "s3cret-value", "description": "d"})
    assert listed == [{"key": "TOKEN", "namespace": "company.team", "description": "d", "tags": []}]
    for path in (base, "/secrets", "/namespaces/company.team/inherited-secrets"):
        answer = await api("GET", path)
        assert "s3cret-value" not in json.dumps(answer) and "TOKEN" in json.dumps(answer)
    await api.save(
        "id: hidden\nnamespace: company.team\ninputs:\n  - {id: pw, type: SECRET}\ntasks:\n"
        "  - {id: t, type: io.kestra.plugin.core.log.Log, message: '{{ inputs.pw }}'}\n"
    )
    ended = await api.run("hidden", files={"pw": (None, "t0psecret")})
    assert ended["inputs"] == {"pw": "******"}
    assert "t0psecret" not in json.dumps(ended)
    assert "t0psecret" not in json.dumps(await api("GET", f"/logs/{ended['id']}"))
    await api("DELETE", f"{base}/TOKEN", 204)


DASHBOARD = """id: mine
title: My dashboard
timeWindow: {default: P7D, max: P30D}
charts:
  - id: states
    type: io.kestra.plugin.core.dashboard.chart.Bar
    chartOptions: {displayName: States, column: state}
    data:
      type: io.kestra.plugin.core.dashboard.data.Executions
      columns:
        state: {field: STATE}
        total: {field: ID, agg: COUNT}
"""


async def test_dashboards_are_stored_and_their_charts_have_data(api: Api) -> None:
    await api.save(HELLO)
    await api.run("hello")
    made = await api("POST", "/dashboards", content=DASHBOARD)
    assert made["id"] == "mine" and made["sourceCode"] == DASHBOARD and made["charts"][0]["id"] == "states"
    await api("POST", "/dashboards", 422, content=DASHBOARD)
    assert (await api("GET", "/dashboards?q=MY"))["total"] == 1
    data = await api("POST", "/dashboards/mine/charts/states", json={})
    assert data["total"] == 1 and data["results"][0]["state"] == "SUCCESS" and data["results"][0]["total"] == 1
    await api("POST", "/dashboards/mine/charts/none", 404, json={})
    await api("POST", "/dashboards/mine/charts/states", 422, json={"startDate": "2020-01-01T00:00:00Z"})
    assert b"state,total" in (await api("POST", "/dashboards/mine/charts/states/export/to-csv", json={})).content
    broken = await api("POST", "/dashboards/validate", content=DASHBOARD.replace("agg: COUNT", "agg: MANY"))
    assert "charts[0].data.columns.total.agg" in broken["constraints"]
    await api("PUT", "/dashboards/mine", content=DASHBOARD.replace("My", "Our"))
    await api("DELETE", "/dashboards/mine", 204)
    await api("GET", "/dashboards/mine", 404)


async def test_a_stale_view_is_refused_with_the_stored_one(api: Api) -> None:
    saved = await api("PUT", "/console/views/v", json={"list": "flows", "name": "a"})
    assert saved["version"] == 1
    await api("PUT", "/console/views/v", json={"list": "flows", "name": "b"}, headers={"If-Match": "1"})
    stale = await api("PUT", "/console/views/v", 409, json={"list": "flows", "name": "c"}, headers={"If-Match": "1"})
    assert stale["version"] == 2 and stale["stored"]["name"] == "b"


async def test_a_webhook_may_wait_and_answer_with_outputs(api: Api) -> None:
    source = HELLO.replace(
        "key: topsecret", 'key: k, wait: true, returnOutputs: true, inputs: {name: "{{ trigger.body.who }}"}'
    )
    await api.save(source)
    answer = await api("POST", "/executions/webhook/company.team/hello/k", json={"who": "Bob"})
    assert answer["state"]["current"] == "SUCCESS" and answer["outputs"] == {"text": "Hello Bob"}
    bad = await api("POST", "/executions/webhook/company.team/hello/k", 422, json={})
    assert "who" in bad["message"]


async def test_subflows_are_followed_with_their_parent(api: Api) -> None:
    await api.save(HELLO)
    await api.save(
        "id: parent\nnamespace: company.team\ntasks:\n"
        "  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: company.team, flowId: hello, wait: true}\n"
    )
    ended = await api.run("parent")
    assert ended["state"]["current"] == "SUCCESS"
    text = (await api("GET", f"/executions/{ended['id']}/follow-dependencies")).text
    assert text.startswith("id: start\n") and text.count("id: end\n") == 2
    children = await api("GET", f"/executions/search?filters[triggerExecutionId][EQUALS]={ended['id']}")
    assert children["total"] == 1 and children["results"][0]["flowId"] == "hello"
    assert (await api("GET", "/executions/search?filters[childFilter][EQUALS]=MAIN"))["total"] == 1
    links = await api("GET", "/flows/company.team/hello/dependencies")
    assert links["edges"] == [
        {"source": "main_company.team_parent", "target": "main_company.team_hello", "relation": "FLOW_TASK"}
    ]


async def test_expressions_with_io_are_answered_by_a_worker(api: Api) -> None:
    await api("PUT", "/namespaces/company.team/kv/greeting", content='"Salut"')
    await api.save(HELLO.replace("defaults: world", "defaults: \"{{ kv('greeting') }}\""))
    checked = await api("POST", "/executions/company.team/hello/validate")
    assert checked["inputs"][0]["value"] == "Salut"
    ended = await api.run("hello")
    assert ended["outputs"] == {"text": "Hello Salut"}
    assert await api("POST", f"/executions/{ended['id']}/eval", content="{{ kv('greeting') }}") == {"result": "Salut"}
