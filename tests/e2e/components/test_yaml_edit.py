"""Edits of YAML that touch one node (UI-ED-33): every other line stays byte for byte. Run by node, without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.components import harness

FLOW = """# head
id: a
namespace: n.s   # the place

labels: {team: "x", b: 1}

tasks:
  # first
  - id: one   # c1
    type: core.Log
    message: "Hi {{ inputs.x }}"

  # second
  - id: two
    type: core.Parallel
    tasks:
      - id: three
        script: |
          a {{ outputs.one.value }}
            b
        env:
          A: '1'
      - {id: four, uri: "{{ outputs['one'].uri }}", dependsOn: [one]}
triggers:
- id: s
  cron: "0 * * * *"
"""

Case = tuple[str, str, list[Any], list[str], list[str]]
CASES: list[Case] = [
    ("a quoted text", "set", [["tasks", 0, "message"], "new: {{ x }}"], ['    message: "Hi {{ inputs.x }}"'], ['    message: "new: {{ x }}"']),
    ("lines become a block", "set", [["tasks", 0, "message"], "a\nb\n"], ['    message: "Hi {{ inputs.x }}"'], ["    message: |", "      a", "      b"]),
    ("a block keeps its style", "set", [["tasks", 1, "tasks", 0, "script"], "x\n  y\n"], ["          a {{ outputs.one.value }}", "            b"], ["          x", "            y"]),
    ("quotes stay", "set", [["tasks", 1, "tasks", 0, "env", "A"], "2"], ["          A: '1'"], ["          A: '2'"]),
    ("what YAML misreads is quoted", "set", [["tasks", 1, "tasks", 0, "env", "B"], "on"], [], ['          B: "on"']),
    ("a new object", "set", [["tasks", 0, "retry", "interval"], "PT5S"], [], ["    retry:", "      interval: PT5S"]),
    ("a key of a flow map", "set", [["labels", "yes"], "no"], ['labels: {team: "x", b: 1}'], ['labels: {team: "x", b: 1, "yes": "no"}']),
    ("a key goes", "remove", [["tasks", 0, "message"]], ['    message: "Hi {{ inputs.x }}"'], []),
    ("the key beside the dash goes", "remove", [["tasks", 0, "id"]], ["  - id: one   # c1", "    type: core.Log"], ["  - type: core.Log"]),
    ("the last of a list takes its key along", "remove", [["triggers", 0]], ["triggers:", "- id: s", '  cron: "0 * * * *"'], []),
    ("an item is put in between", "insert", [["tasks"], 1, {"id": "new", "type": "t.N"}], [], ["  - id: new", "    type: t.N"]),
    ("an item of a list that is not indented", "insert", [["triggers"], 9, {"id": "new"}], [], ["- id: new"]),
    ("a list comes into being", "insert", [["errors"], 0, {"id": "late"}], [], ["errors:", "  - id: late"]),
    ("a key is renamed", "renameKey", [["tasks", 0], "message", "text"], ['    message: "Hi {{ inputs.x }}"'], ['    text: "Hi {{ inputs.x }}"']),
    (
        "a task's references follow its name",
        "rename",
        [["tasks", 0], "uno"],
        ["  - id: one   # c1", "          a {{ outputs.one.value }}", "      - {id: four, uri: \"{{ outputs['one'].uri }}\", dependsOn: [one]}"],
        ["  - id: uno   # c1", "          a {{ outputs.uno.value }}", "      - {id: four, uri: \"{{ outputs['uno'].uri }}\", dependsOn: [uno]}"],
    ),
    ("YAML in a form", "setRaw", [["tasks", 1, "tasks", 0, "env"], "A: 2\nB: [1, 2]"], ["          A: '1'"], ["          A: 2", "          B: [1, 2]"]),
    (
        "a task moves with its comment",
        "move",
        [["tasks"], 0, ["tasks", 1, "tasks"], 1],
        ["  # first", "  - id: one   # c1", "    type: core.Log", '    message: "Hi {{ inputs.x }}"'],
        ["      # first", "      - id: one   # c1", "        type: core.Log", '        message: "Hi {{ inputs.x }}"'],
    ),
    ("a copy gets free ids", "duplicate", [["triggers"], 0], [], ["- id: s_copy"]),
]  # fmt: skip

DRIVER = """
import * as Y from "./yaml_edit.mjs";
let text = "";
for await (const part of process.stdin) text += part;
const { flow, cases } = JSON.parse(text);
const out = cases.map(([name, args]) => {
  const source = Y.parse(flow);
  const after = Y.apply(flow, Y[name](source, ...args));
  return { after, error: Y.parse(after).error, value: Y.valueOf(Y.parse(after)) };
});
let refused = "";
try { Y.move(Y.parse(flow), ["tasks"], 1, ["tasks", 1, "tasks"], 0); } catch (error) { refused = error.message; }
console.log(JSON.stringify({ out, refused, broken: Y.parse("id: a\\ntasks:\\n  - id: x\\n   type: y\\n").error }));
"""


@pytest.fixture(scope="module")
def told(built: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    packages = harness.node_modules()
    if packages is None:
        pytest.skip("the console was not built yet")
    place = tmp_path_factory.mktemp("yaml")
    shutil.copy(Path(harness.ROOT) / "components" / "yaml_edit.mjs", place)
    (place / "driver.mjs").write_text(DRIVER)
    (place / "node_modules").symlink_to(packages)
    given = json.dumps({"flow": FLOW, "cases": [[name, args] for _, name, args, _, _ in CASES]})
    done = subprocess.run(
        [shutil.which("node") or "node", "driver.mjs"],
        cwd=place,
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case[0] for case in CASES])
def test_an_edit_changes_these_lines_alone(told: dict[str, Any], index: int) -> None:
    _, _, _, gone, come = CASES[index]
    found = told["out"][index]
    assert found["error"] is None
    before, after = FLOW.split("\n"), found["after"].split("\n")
    assert [line for line in before if line and line not in after] == gone
    assert [line for line in after if line and line not in before] == come


def test_a_task_does_not_go_into_itself(told: dict[str, Any]) -> None:
    assert "itself" in told["refused"]


def test_a_broken_text_names_its_line(told: dict[str, Any]) -> None:
    assert told["broken"]["line"] == 4
