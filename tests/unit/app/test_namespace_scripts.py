"""The flow of a script among the files of a namespace (UI-NS-07)."""

from __future__ import annotations

import pytest
import yaml

from app.pages.namespaces.scripts import PROGRAMS, flow_ids, is_for, runs, script_flow


@pytest.mark.parametrize(
    ("path", "task", "command"),
    [
        ("/clean.py", "python.Commands", "python3 clean.py"),
        ("/a b/it's.sh", "shell.Commands", """sh 'a b/it'"'"'s.sh'"""),
        ("/-x.sh", "shell.Commands", "sh ./-x.sh"),
        ("/deep/Rate.R", "r.Commands", "Rscript deep/Rate.R"),
        ("/x/\u00e4: #.js", "node.Commands", "node 'x/\u00e4: #.js'"),
    ],
)
def test_a_script_becomes_a_task_of_its_language(path: str, task: str, command: str) -> None:
    flow = yaml.safe_load(script_flow(flow_ids(path)[0], "company.team", path))
    assert flow["namespace"] == "company.team"
    assert flow["tasks"] == [
        {
            "id": "run",
            "type": f"io.kestra.plugin.scripts.{task}",
            "namespaceFiles": {"enabled": True},
            "commands": [command],
        }
    ]


@pytest.mark.parametrize("path", ["/notes.txt", "/py", "/a.py/b", "/{{ inputs.x }}.py", "/{% raw %}.sh"])
def test_what_is_no_script_is_not_run(path: str) -> None:
    assert not runs(path)


def test_every_language_has_a_bundled_task_that_takes_the_flow() -> None:
    from flowdeck.model.source import parse_flow
    from flowdeck.sdk.index import load_catalog

    for end in PROGRAMS:
        source = script_flow(flow_ids(f"/a.{end}")[0], "company.team", f"/a.{end}")
        parsed = parse_flow(source, load_catalog())
        assert parsed.flow is not None and not parsed.errors, (end, parsed.errors)


def test_two_files_of_one_id_get_two_flows() -> None:
    one, other = "/a/b.py", "/a_b.py"
    assert flow_ids(one)[0] == flow_ids(other)[0] and flow_ids(one)[1] != flow_ids(other)[1]
    source = script_flow(flow_ids(one)[0], "n", one)
    assert is_for(source, one) and not is_for(source, other) and not is_for(source, "/b.py")
    assert len(flow_ids("/" + "x" * 300 + ".py")[1]) <= 100
