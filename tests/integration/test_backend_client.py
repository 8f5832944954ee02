"""The client library against a real server: what people would write with it (docs/reference/client.md)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend_client import ApiError, BlockingClient, Client, Unreachable
from backend_client.events import resumed
from tests.support.server import Server, running_server

FLOW = """
id: client
namespace: client.test
inputs:
  - {id: n, type: INT, defaults: 1}
  - {id: file, type: FILE, required: false}
tasks:
  - {id: say, type: io.kestra.plugin.core.log.Log, message: "n is {{ inputs.n }}"}
  - {id: keep, type: io.kestra.plugin.core.storage.Write, content: "first line\\nsecond line\\n", extension: .txt}
  - {id: count, type: io.kestra.plugin.core.metric.Publish, metrics: [{type: counter, name: things, value: 3}]}
outputs:
  - {id: double, type: INT, value: "{{ inputs.n * 2 }}"}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's own."""
    with running_server(tmp_path_factory.mktemp("client"), FLOWDECK_CONSOLE_ENABLED="false") as started:
        yield started


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Client]:
    """A caller with rights."""
    async with Client(base_url=server.url, auth=(server.username, server.password)) as client:
        yield client


@pytest.fixture
async def flow(api: Client) -> str:
    """The flow is stored."""
    try:
        await api.flows.create(FLOW)
    except ApiError as error:
        assert error.status == 422
    return "client"


async def test_an_execution_from_start_to_files(api: Client, flow: str, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("from a path")
    made = await api.executions.start(
        "client.test", flow, {"n": 21, "file": tmp_path / "in.txt"}, labels={"team": "data"}
    )
    states = [document["state"]["current"] async for document in api.executions.follow(made["id"])]
    assert states[-1] == "SUCCESS"
    document = await api.executions.wait(made["id"])
    assert document["outputs"] == {"double": 42}
    assert {"key": "team", "value": "data"} in document["labels"]
    lines = [line["message"] async for line in api.logs.follow(made["id"], min_level="INFO")]
    assert "n is 21" in lines
    assert lines == [line["message"] for line in await api.logs.of_execution(made["id"], min_level="INFO")]
    assert await api.logs.download(made["id"], tmp_path / "log.txt") > 0
    uri = next(run for run in document["taskRunList"] if run["taskId"] == "keep")["outputs"]["uri"]
    assert (await api.executions.file_metas(made["id"], uri))["size"] == 23
    assert await api.executions.download(made["id"], uri, tmp_path / "out.txt") == 23
    assert (tmp_path / "out.txt").read_text() == "first line\nsecond line\n"
    assert not list(tmp_path.glob(".*.part"))
    assert b"".join([piece async for piece in api.executions.content(made["id"], uri)]).startswith(b"first")
    assert (await api.executions.preview(made["id"], uri))["content"].startswith("first line")
    assert (await api.metrics.of_execution(made["id"])).rows[0]["name"] == "things"
    assert await api.metrics.names("client.test", flow) == ["things"]
    assert (await api.executions.graph(made["id"]))["nodes"]
    assert (await api.executions.evaluate(made["id"], "{{ inputs.n }}"))["result"] == "21"


async def test_a_start_with_the_same_key_starts_once(api: Client, flow: str) -> None:
    first = await api.executions.start("client.test", flow, key="only-once", wait=True)
    again = await api.executions.start("client.test", flow, key="only-once")
    assert again["id"] == first["id"]
    assert first["state"]["current"] == "SUCCESS"


async def test_the_stream_of_a_tab_goes_on_after_its_cursor(api: Client, flow: str) -> None:
    """Own endpoints §3: no event is lost or told twice over a break."""
    made = await api.executions.start("client.test", flow)
    events: list[Any] = []
    stream = api.console.stream(execution=made["id"], logs="TRACE")
    async for event in stream:
        events.append(event)
        if event.name == "snapshot":
            break
    await stream.aclose()  # type: ignore[attr-defined]
    later = api.console.stream(execution=made["id"], logs="TRACE", since=events[-1].id)
    events += [event async for event in later]
    assert events[0].name == "snapshot"
    assert events[-1].name == "end"
    assert events[-1].data["reason"] == "terminal"
    assert sum(event.name == "snapshot" for event in events) <= 2
    numbers = [line["no"] for event in events if event.name == "log" for line in event.data["lines"]]
    assert len(numbers) == len(set(numbers))


async def test_flows_as_sources(api: Client, flow: str, tmp_path: Path) -> None:
    broken = FLOW.replace("io.kestra.plugin.core.log.Log", "io.kestra.plugin.core.log.Lag")
    assert (await api.flows.validate(broken))[0]["constraints"]
    with pytest.raises(ApiError) as caught:
        await api.flows.create(broken)
    assert caught.value.status == 422
    assert caught.value.request_id
    assert caught.value.errors
    assert (await api.flows.graph_of(FLOW))["nodes"]
    other = FLOW.replace("id: client", "id: other", 1)
    saved = await api.flows.replace_in("client.test", f"{FLOW}---\n{other}")
    assert {one["id"] for one in saved} == {"client", "other"}
    assert {one["id"] for one in await api.flows.of_namespace("client.test")} == {"client", "other"}
    assert await api.flows.export_by_query(tmp_path / "flows.zip") > 0
    with zipfile.ZipFile(tmp_path / "flows.zip") as archive:
        assert len(archive.namelist()) == 2
    assert await api.flows.import_file(tmp_path / "flows.zip") == []
    rows = b"".join([piece async for piece in api.flows.csv()]).decode().splitlines()
    assert len(rows) == 3
    assert await api.flows.bulk("disable", [("client.test", "other")]) == 1
    with pytest.raises(ApiError) as refused:
        await api.executions.start("client.test", "other")
    assert refused.value.status == 409
    assert await api.flows.bulk("delete", [("client.test", "other")]) == 1


async def test_pairs_and_files(api: Client, tmp_path: Path) -> None:
    await api.kv.put_value("client.test", "rate", {"eur": 1.5})
    assert (await api.kv.get("client.test", "rate")).type == "JSON"
    assert [one.key for one in await api.kv.of_namespace("client.test")] == ["rate"]
    (tmp_path / "a.txt").write_bytes(b"x" * 200_000)
    await api.files.upload("client.test", "/sub/a.txt", tmp_path / "a.txt")
    assert (await api.files.stats("client.test", "/sub/a.txt"))["size"] == 200_000
    assert await api.files.download("client.test", "/sub/a.txt", tmp_path / "b.txt") == 200_000
    assert await api.files.export("client.test", tmp_path / "files.zip") > 0
    with pytest.raises(ApiError) as caught:
        await api.files.download("client.test", "/none.txt", tmp_path / "none.txt")
    assert caught.value.status == 404
    assert not (tmp_path / "none.txt").exists()


async def test_ids_that_a_bulk_call_refuses_are_named(api: Client, flow: str) -> None:
    """All or nothing (REST contract §6)."""
    with pytest.raises(ApiError) as caught:
        await api.executions.bulk("kill", ["nobody-knows-this-one"])
    assert caught.value.status == 400
    assert [one.path for one in caught.value.errors] == ["nobody-knows-this-one"]


async def test_who_may_not_and_who_is_not_there(server: Server) -> None:
    async with Client(base_url=server.url) as nobody:
        assert (await nobody.configs.get()).version
        with pytest.raises(ApiError) as caught:
            await nobody.flows.search()
        assert caught.value.status == 401
        with pytest.raises(ApiError):
            async for _ in nobody.console.stream(topics=["executions"]):
                pass
        await nobody.session.login(server.username, server.password)
        assert (await nobody.session.me()).username == server.username
        await nobody.session.logout()
    async with Client(base_url="http://127.0.0.1:9") as away:
        with pytest.raises(Unreachable):
            await away.executions.start("a", "b")


def test_the_same_without_asyncio(server: Server, flow: str) -> None:
    with BlockingClient(base_url=server.url, auth=(server.username, server.password)) as api:
        made = api.executions.start("client.test", "client", {"n": 4}, wait=True)
        assert made["outputs"] == {"double": 8}
        assert "n is 4" in [line["message"] for line in api.logs.follow(made["id"])]
        page = api.executions.search(size=1)
        assert page.total >= 1
        assert api.tenant == "main"
        with pytest.raises(ApiError):
            api.flows.get("client.test", "none")


def test_the_examples_of_the_page_run(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "client.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        code = block.replace("http://localhost:8080", server.url)
        code = code.replace("me@example.com", server.username).replace("Secret123", server.password)
        exec(compile(code, str(page), "exec"), {"__name__": "example"})
    said = capsys.readouterr().out
    assert "INFO Hello Ada" in said
    assert "SUCCESS {'length': 3}" in said
    assert "/in/data.csv" in said


async def test_a_broken_stream_is_taken_up_after_its_last_cursor() -> None:
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        if len(asked) == 1:
            return httpx.Response(503, headers={"Retry-After": "0"})
        if len(asked) == 2:
            return httpx.Response(
                200, text=": keepalive\n\nid: 1-1\nevent: log\ndata: {}\n\nid: 2-1\ndata: {\ndata: }\n\n"
            )
        return httpx.Response(200, text="id: 3-1\nevent: end\ndata: {}\n\n")

    async with Client(httpx.MockTransport(answer)) as api:
        events = [(event.id, event.name) async for event in resumed(api, "/stream")]
    assert events == [("1-1", "log"), ("2-1", ""), ("3-1", "end")]
    assert asked == [None, None, "2-1"]
