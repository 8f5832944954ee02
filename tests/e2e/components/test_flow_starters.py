"""What a new flow begins with (UI-ED-04, UI-BP-01, UI-PL-02) and the names of a source, run by node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
SAYS = """
import * as S from "./flow_starters.mjs";
const about = { cls: "io.x.Log", example: 0, name: "f", namespace: "a.b" };
const page = (...code) => ({ schema: { properties: { $examples: code.map((one) => ({ code: one })) } } });
console.log(JSON.stringify({
  names: [S.namesOf("id: a\\nnamespace: 'b.c' # why\\ntasks:\\n  - id: inner\\n"), S.namesOf("tasks: []"),
    S.namesOf("id:\\nnamespace: n\\n")],
  renamed: S.renamed("# top\\nid: a\\nnamespace: b\\ntasks:\\n  - id: c\\n", { id: "$&x", namespace: "" }),
  sample: S.sample("f", "a.b"),
  task: S.exampleOf(page("    id: one\\n    type: T\\n\\n    lines: |\\n      deep\\n"), about),
  list: S.exampleOf(page("- id: one\\n  type: T\\n- id: two\\n  type: T"), about),
  whole: S.exampleOf(page("id: x\\ntasks:\\n  - id: y\\n"), about),
  missing: S.exampleOf({}, about),
  second: S.exampleOf(page("id: one", "id: two"), { ...about, example: 1 }),
  trigger: S.exampleOf(page("id: every\\ntype: T"), { ...about, cls: "io.x.trigger.Schedule" }),
  section: S.exampleOf(page("triggers:\\n  - id: every"), about),
}));
"""


def test_each_beginning_is_a_flow_with_the_names_that_were_asked_for(tmp_path: Path) -> None:
    shutil.copy(ROOT / "components" / "flow_starters.mjs", tmp_path)
    (tmp_path / "driver.mjs").write_text(SAYS)
    node = shutil.which("node") or "node"
    run = subprocess.run([node, "driver.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    names = [{"namespace": "b.c", "id": "a"}, {"namespace": "", "id": ""}, {"namespace": "n", "id": ""}]
    assert found.pop("names") == names
    assert found.pop("renamed") == "# top\nid: $&x\nnamespace: b\ntasks:\n  - id: c\n"
    assert found.pop("whole") == "id: x\ntasks:\n  - id: y\n"
    flows = {key: yaml.safe_load(text) for key, text in found.items()}
    assert {(flow["id"], flow["namespace"]) for flow in flows.values()} == {("f", "a.b")}
    assert flows["sample"]["tasks"][0]["message"] == "Hello from {{ flow.id }}"
    assert flows["task"]["tasks"] == [{"id": "one", "type": "T", "lines": "deep\n"}]
    assert [task["id"] for task in flows["list"]["tasks"]] == ["one", "two"]
    assert flows["missing"]["tasks"] == [{"id": "example", "type": "io.x.Log"}]
    assert flows["second"]["tasks"] == [{"id": "two"}]
    assert flows["trigger"]["triggers"] == [{"id": "every", "type": "T"}]
    assert flows["section"]["triggers"] == [{"id": "every"}]
    assert flows["section"]["tasks"][0]["message"] == "Started by {{ trigger.id }}"
