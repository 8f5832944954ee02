"""A stored flow that no longer parses is kept, shown and not run (spec: workflow components §1.2)."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.support.server import Server, eventually

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(os.environ.get("FLOWDECK_TEST_DATABASE")), reason="edits the SQLite file"),
]

GONE = "io.acme.plugin.that.was.here.Once"
SOURCE = """\
id: old
namespace: company.team  # with a comment
tasks: [{id: t, type: io.kestra.plugin.core.log.Log, message: x}]
triggers: [{id: s, type: io.kestra.plugin.core.trigger.Schedule, cron: "* * * * * *", withSeconds: true}]
"""


def count(server: Server) -> int:
    return server.call("GET", "/api/v1/main/executions?namespace=company.team&flowId=old").json["total"]


def test_a_flow_whose_plugin_is_gone(tmp_path: Path) -> None:
    server = Server(tmp_path / "home")
    try:
        server.start()
        server.save_flow(SOURCE)
        server.save_flow(
            "id: caller\nnamespace: company.team\n"
            "tasks: [{id: s, type: io.kestra.plugin.core.flow.Subflow, namespace: company.team, flowId: old}]\n"
        )
        server.stop()
        database = next((tmp_path / "home").rglob("flowdeck.db"))
        with sqlite3.connect(database) as db:
            db.execute(
                "update flow_revision set checksum = '', source = replace(source, 'io.kestra.plugin.core.log.Log', ?)",
                (GONE,),
            )
            db.execute("delete from setting where key = 'engine.plugins'")
        db.close()
        server.start()
        path = "/api/v1/main/flows/company.team/old?source=true"
        found = eventually(
            lambda: one if (one := server.call("GET", path).json).get("exception") else None, what="the exception"
        )
        assert f"Invalid type: {GONE}" in found["exception"] and "# with a comment" in found["source"]
        listed = server.call("GET", "/api/v1/main/flows/search?sort=id:desc").json["results"]
        assert [(x["id"], "exception" in x) for x in listed if x["namespace"] == "company.team"] == [
            ("old", True),
            ("caller", False),
        ]
        before = count(server)
        refused = server.call("POST", "/api/v1/main/executions/company.team/old")
        assert refused.status == 409 and "Cannot execute an invalid flow: " in refused.json["message"]
        caller = server.finished(server.execute("company.team", "caller")["id"])
        assert caller["state"]["current"] == "FAILED"
        assert count(server) == before
        mended = server.call("PUT", path.split("?")[0], body=SOURCE, content_type="application/x-yaml").json
        assert mended["revision"] == 2 and "exception" not in mended
        eventually(lambda: count(server) > before, what="its schedule again")
    finally:
        server.stop()
