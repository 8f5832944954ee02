"""Times of compiling and rendering templates: `python benchmarks/expressions.py`."""

from __future__ import annotations

import timeit
from typing import Any

from flowdeck.expr import compile
from flowdeck.expr.templates import Compiled

CONTEXT: dict[str, Any] = {
    "flow": {"id": "daily", "namespace": "company.team"},
    "inputs": {"name": "Ada", "n": 3, "when": "2026-01-02T03:04:05Z"},
    "outputs": {"load": {"rows": [1, 2, 3], "uri": "kestra:///x"}},
    "execution": {"id": "4cTq5fSaTbQm", "state": "SUCCESS"},
}
CASES = {
    "literal without braces": "just a text of ordinary length",
    "one variable": "{{ outputs.load.uri }}",
    "3 expressions, 2 filters": "{{ flow.id | upper }}-{{ execution.id }} of {{ inputs.name | lower }}",
    "and / == / ternary / concat": "{{ inputs.n == 3 and execution.state == 'SUCCESS' ? flow.id ~ '!' : 'no' }}",
    "?? on an undefined path": "{{ outputs.missing.value ?? 'none' }}",
    "date filter": "{{ inputs.when | date('yyyy-MM-dd') }}",
    "jq": "{{ outputs | jq('.load.rows[]') | first }}",
    "for over 3": "{% for r in outputs.load.rows %}{{ r }}{% if not loop.last %},{% endif %}{% endfor %}",
}


def best(run: Any) -> float:
    """Microseconds of one call, the best of five rounds."""
    timer = timeit.Timer(run)
    number, _ = timer.autorange()
    return min(timer.repeat(5, max(1, number // 4))) / max(1, number // 4) * 1e6


def main() -> None:
    """Print the table."""
    print("| Template | render | compile |")
    print("|---|---|---|")
    for name, source in CASES.items():
        template = compile(source)
        render = best(lambda template=template: template.eval(CONTEXT))
        build = best(lambda source=source: Compiled(source))
        print(f"| {name} | {render:.2f} us | {build:.1f} us |")


if __name__ == "__main__":
    main()
