"""Lists of any length as CSV: every row arrives and memory does not grow with their number (UI-LS-13)."""

from __future__ import annotations

import base64
import http.client
import threading
from collections.abc import Iterator

import psutil
import pytest

from flowdeck.store.driver import Database
from tests.support.server import Server

ROWS = 60_000
"""More than what one export used to end at."""
INPUT = 1_000
"""Characters of the inputs of an execution: all of them together are more than `MOST_GROWTH`."""
MOST_GROWTH = 40 * 1024**2
FLOWS = 700

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]

FLOW = """
id: counted
namespace: exports
tasks: [{id: say, type: io.kestra.plugin.core.log.Log, message: hi}]
"""


def fill(server: Server) -> None:
    """Rows as if the flow had run that often; created in pairs at one instant, so that the order needs its tie."""
    text = '{"text": "' + "x" * INPUT + '"}'
    database = Database(server.database_url)
    writer = database.writer()
    with writer.transaction(now=5_000_000) as tx:
        key = next(iter(tx.all("select flow_key from flow where id = 'counted'")))[0]
        for n in range(ROWS):
            at = 1_000_000 + n // 2
            tx.insert(
                "execution", id=f"e{n}", tenant="main", namespace="exports", flow_id="counted", flow_key=key,
                flow_rev=1, state=20, created=at, started=at, ended=at + 5, original_id=f"e{n}", attempt_number=1,
                labels="[]", inputs=text, open_count=0, task_count=0, version=1,
            )  # fmt: skip
        for n in range(FLOWS):
            tx.insert(
                "flow", tenant="main", namespace="exports.many", id=f"f{n:04}", revision=1, disabled=False,
                deleted=False, labels="[]", summary="{}", updated=n,
            )  # fmt: skip
    writer.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("exports") / "home", environment={"FLOWDECK_CONSOLE_ENABLED": "false"})
    try:
        one.start().save_flow(FLOW)
        one.stop()
        fill(one)
        yield one.start(setup=False)
    finally:
        one.discard()


def lines(server: Server, path: str) -> Iterator[bytes]:
    """The lines of an answer as they come; none is kept."""
    word = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        link.request("GET", path, headers={"Authorization": f"Basic {word}"})
        answer = link.getresponse()
        assert answer.status == 200
        yield from answer
    finally:
        link.close()


def test_every_row_arrives_and_memory_does_not_grow_with_their_number(server: Server) -> None:
    """UI-LS-13: beyond 50,000 rows, oldest first, each once."""
    path = "/api/v1/main/executions/export/by-query/csv?columns=inputs&filters[namespace][EQUALS]=exports"
    for _ in lines(server, f"{path}&filters[executionId][STARTS_WITH]=e1234"):
        pass  # what the first answer loads is no growth
    process = psutil.Process(server.pids("web")[0])
    before = most = process.memory_info().rss
    over = threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, process.memory_info().rss)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        found = lines(server, path)
        head = next(found)
        ids = [line.partition(b",")[0].decode() for line in found]
    finally:
        over.set()
        watch.join()
    assert head == b"id,inputs\r\n"
    assert ids == [f"e{n}" for n in range(ROWS)]
    print(f"{(most - before) / 1024**2:.0f} MB more")
    assert most - before < MOST_GROWTH


def test_flows_of_several_pieces_arrive_with_their_figures(server: Server) -> None:
    """UI-LS-13: the columns of the list that tell of runs; a piece ends where the next one begins."""
    path = "/api/v1/main/flows/export/by-query/csv?columns=last,runs,success,median,next,triggers"
    head, *found = [line.decode().strip() for line in lines(server, f"{path}&filters[namespace][PREFIX]=exports")]
    assert head == "namespace,id,last,lastState,runs,success,median,next,triggers"
    ids = [line.split(",")[1] for line in found]
    assert ids == ["counted", *(f"f{n:04}" for n in range(FLOWS))]
    first = found[0].split(",")
    assert first[3:7] == ["SUCCESS", " ".join(["SUCCESS"] * 14), "1.0", "5"] and first[2].startswith("1970-01-01T")
    assert set(found[1].split(",")[2:]) == {""}


def test_what_is_wrong_with_the_filters_is_refused_before_the_answer_begins(server: Server) -> None:
    """UI-LS-13: a filter that nothing knows is a refusal, no file."""
    for name in ("executions", "flows", "triggers"):
        path = f"/api/v1/main/{name}/export/by-query/csv?filters[colour][EQUALS]=red"
        assert server.call("GET", path).status in (400, 422)
