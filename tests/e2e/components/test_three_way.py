"""Three texts beside each other (UI-ED-61): laws of the merge and the languages within blocks, run by node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

LAWS = """
import { changes, merged, pieces } from "./three_way.mjs";
const base = "a\\nb\\nc\\nd\\ne\\nf";
const kinds = (theirs, mine) => pieces(base, theirs, mine).filter((one) => one.kind !== "equal").map((one) => one.kind).join();
const cases = {
  apart: [kinds("a\\nB\\nc\\nd\\ne\\nf", "a\\nb\\nc\\nd\\nE\\nf"), merged(pieces(base, "a\\nB\\nc\\nd\\ne\\nf", "a\\nb\\nc\\nd\\nE\\nf"))],
  same: [kinds(base + "\\ng", base + "\\ng"), merged(pieces(base, base + "\\ng", base + "\\ng"))],
  clash: [kinds("X\\nb\\nc\\nd\\ne\\nf", "Y\\nb\\nc\\nd\\ne\\nf"), merged(pieces(base, "X\\nb\\nc\\nd\\ne\\nf", "Y\\nb\\nc\\nd\\ne\\nf"), { 0: "theirs" })],
  both_add: [kinds(base + "\\ng", base + "\\nh"), ""],
};
let seed = 7;
const below = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return seed % n; };
const broken = [];
for (let turn = 0; turn < 3000; turn += 1) {
  const old = Array.from({ length: below(9) }, () => "abc"[below(3)]);
  const grown = () => {
    const out = [...old];
    for (let n = below(4); n > 0; n -= 1) {
      const [kind, at] = [below(3), below(out.length + 1)];
      if (kind === 0) out.splice(at, 1);
      else if (kind === 1) out.splice(at, 0, "xyz"[below(3)]);
      else if (out.length) out[at % out.length] = "uvw"[below(3)];
    }
    return out;
  };
  const [theirs, mine] = [grown(), grown()];
  const text = (list) => list.join("\\n");
  const parts = pieces(text(old), text(theirs), text(mine));
  const whole = (name) => text(parts.flatMap((one) => one[name]));
  if (whole("base") !== text(old) || whole("theirs") !== text(theirs) || whole("mine") !== text(mine)) broken.push("lost", old, theirs, mine);
  if (merged(pieces(text(old), text(theirs), text(old))) !== text(theirs)) broken.push("theirs alone", old, theirs);
  if (merged(pieces(text(old), text(old), text(mine))) !== text(mine)) broken.push("mine alone", old, mine);
  let [built, at] = [[], 0];
  for (const one of changes(old, theirs)) { built.push(...old.slice(at, one.a0), ...theirs.slice(one.b0, one.b1)); at = one.a1; }
  if (text([...built, ...old.slice(at)]) !== text(theirs)) broken.push("changes", old, theirs);
}
console.log(JSON.stringify({ cases, broken: broken.slice(0, 4) }));
"""

BLOCKS = """
import { blocksOf, languageOfBlock, typeAround } from "./embedded.mjs";
const lines = `id: a
description: |
  plain words
tasks:
  - id: py
    script: |
      import os

      print(1)
    type: io.kestra.plugin.scripts.python.Script
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    tasks:
      - id: sh
        type: io.kestra.plugin.scripts.shell.Commands
        inputFiles:
          main.py: |
            print(2)
        commands:
          - |
            echo hi
      - id: q
        type: io.kestra.plugin.jdbc.postgresql.Query
        sql: |
          select 1
      - id: h
        type: io.kestra.plugin.core.http.Request
        body: |
          {"a": 1}`.split("\\n");
const said = (b) => languageOfBlock(b.key, typeAround(lines, b.at), lines.slice(b.start - 1, b.end).join("\\n"));
console.log(JSON.stringify(blocksOf(lines).map((b) => [b.key, b.start, b.end, said(b)])));
"""


def _node(place: Path, script: str) -> object:
    (place / "driver.mjs").write_text(script)
    node = shutil.which("node") or "node"
    run = subprocess.run([node, "driver.mjs"], cwd=place, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_changes_of_both_are_kept_and_nothing_is_lost(tmp_path: Path) -> None:
    """What only one side changed is taken; the three texts can be read back from the pieces."""
    shutil.copy(ROOT / "components" / "three_way.mjs", tmp_path)
    found = _node(tmp_path, LAWS)
    assert isinstance(found, dict)
    assert found["broken"] == []
    assert found["cases"] == {
        "apart": ["theirs,mine", "a\nB\nc\nd\nE\nf"],
        "same": ["both", "a\nb\nc\nd\ne\nf\ng"],
        "clash": ["conflict", "X\nb\nc\nd\ne\nf"],
        "both_add": ["conflict", ""],
    }


def test_the_language_of_a_block_is_that_of_its_file_its_property_or_its_task(tmp_path: Path) -> None:
    """UI-ED-10: languages inside block scalars."""
    source = (ROOT / "components" / "yaml_embedded.jsx").read_text()
    (tmp_path / "embedded.mjs").write_text(
        "\n".join(line for line in source.splitlines() if not line.startswith("import "))
    )
    assert _node(tmp_path, BLOCKS) == [
        ["description", 3, 3, ""],
        ["script", 7, 9, "python"],
        ["main.py", 18, 18, "python"],
        ["commands", 21, 21, "shell"],
        ["sql", 25, 25, "sql"],
        ["body", 29, 29, "json"],
    ]
