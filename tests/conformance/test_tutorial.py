"""The README's first flow, step by step, as it stands in docs/tutorial."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conformance.conftest import messages, run_of
from tests.support.server import Server

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def table() -> Iterator[str]:
    """`python3 -m http.server --directory docs/tutorial`; the table's address."""
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(TUTORIAL)))
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{serving.server_port}/orders.csv"
    serving.shutdown()
    thread.join()


def test_the_first_flow_of_the_readme_runs(server: Server, table: str) -> None:
    for name in ("order_total.yaml", "orders.yaml"):
        answer = server.call(
            "POST",
            "/api/v1/main/flows",
            body=(TUTORIAL / name).read_bytes(),
            content_type="application/x-yaml",
        )
        assert answer.status == 200, answer.text
    ended = server.finished(server.execute("tutorial", "orders", {"source": table})["id"], seconds=60)
    assert ended["state"]["current"] == "SUCCESS", messages(server, ended["id"])
    messages(server, ended["id"], "1 of 4 rows had no quantity")
    assert [run["value"][:14] for run in ended["taskRunList"] if run["taskId"] == "total"] == [
        '{"id":"apples"',
        '{"id":"cheese"',
        '{"id":"dates",',
    ]
    report = ended["outputs"]["report"]
    assert report == run_of(ended, "report")["outputs"]["uri"] and report.endswith(".txt")
    found = server.call("GET", f"/api/v1/main/executions/{ended['id']}/file?path={quote(report, safe='')}")
    assert found.status == 200
    assert found.text == "apples: 6.0\ncheese: 12.75\ndates: 4.0\n"
    metrics = server.call("GET", f"/api/v1/main/metrics/{ended['id']}").json["results"]
    assert [(m["name"], m["type"], m["value"]) for m in metrics if m["name"] == "orders"] == [("orders", "counter", 3)]
