"""Prints the reference of the language as Markdown: `python -m flowdeck.expr.reference`."""

from __future__ import annotations

from flowdeck.expr.filters import FILTERS
from flowdeck.expr.functions import FUNCTIONS
from flowdeck.expr.limits import MAX_ELEMENTS, MAX_LEVELS, RENDER_STEPS, Limits
from flowdeck.expr.methods import ENTRY, LIST, MAP, TEXT, TEXT_WITH_REGEX
from flowdeck.expr.parser import BINARY, MAX_DEPTH, UNARY_PRECEDENCE
from flowdeck.expr.passes import MAX_PASSES
from flowdeck.expr.signature import REQUIRED, Spec, Table
from flowdeck.expr.tests import TESTS
from flowdeck.expr.texts import json_text

_TAGS = (
    ("if / elseif / else / endif", "Chooses a branch."),
    ("for x in e / else / endfor", "Walks a list or the entries of a map; `else` when there is none."),
    ("set x = e", "Sets a name in the nearest scope that has it, else in the current one."),
    ("filter f \\| g / endfilter", "Applies filters to its rendered body."),
    ("macro m(a, b='d') / endmacro", "Defines a function of this template; it sees its arguments only."),
    ('block "n" / endblock', 'Prints its body; `block("n")` prints it again.'),
    ("raw / endraw", "Its body is text; `verbatim` is another name."),
)


def signature(spec: Spec) -> str:
    """Name and parameters of a spec as they are written."""
    if spec.variadic:
        return f"{spec.name}(…)"
    written = [
        parameter.name if parameter.default is REQUIRED else f"{parameter.name}={json_text(parameter.default)}"
        for parameter in spec.parameters
    ]
    return f"{spec.name}({', '.join(written)})"


_NULLS = {"pass": "null", "fail": "error", "call": "as told"}


def _table(title: str, table: Table, nulls: bool = False) -> list[str]:
    lines = [f"## {title}", "", "| Name | Result |" + (" null gives |" if nulls else ""), "|---|---|" + "---|" * nulls]
    for name in sorted(table, key=str.lower):
        spec = table[name]
        note = (" Needs a worker." if spec.io else "") + (" Masked wherever it shows." if spec.secret else "")
        lines.append(f"| `{signature(spec)}` | {spec.summary}{note} |" + f" {_NULLS[spec.nulls]} |" * nulls)
    return [*lines, ""]


def _methods() -> list[str]:
    lines = [
        "## Methods",
        "",
        "A closed list; `.length` and `.size` need no brackets.",
        "",
        "| Of | Methods |",
        "|---|---|",
    ]
    for owner, methods in (("map", MAP), ("list", LIST), ("text", {**TEXT, **TEXT_WITH_REGEX}), ("entry", ENTRY)):
        lines.append(f"| {owner} | " + " ".join(f"`{name}`" for name in sorted(methods)) + " |")
    return [*lines, "| anything | `toString` |", ""]


def _limits() -> list[str]:
    limits = Limits()
    return [
        "## Limits",
        "",
        "A render that goes beyond one of them fails, and its message names the limit.",
        "",
        "| What | Most |",
        "|---|---|",
        f"| time of one render | {limits.seconds:g} s |",
        f"| time of one regular expression (`kestra.regex.timeout`) | {limits.regex_seconds:g} s |",
        f"| steps of loops; a template rendered in another one counts {RENDER_STEPS} | {limits.steps:,} |",
        f"| elements of one list, and of all lists and maps in one value | {MAX_ELEMENTS:,} |",
        f"| lists and maps within each other | {MAX_LEVELS} |",
        f"| characters of the result | {limits.output_bytes:,} |",
        f"| templates, macros and blocks within each other | {limits.depth} |",
        f"| expressions within each other | {MAX_DEPTH} |",
        f"| passes of `render()` | {MAX_PASSES} |",
        "",
    ]


def markdown() -> str:
    """The whole reference."""
    lines = [
        "# Expressions",
        "",
        "Written by `python -m flowdeck.expr.reference`; change the code, not this page.",
        "",
        "`{{ expression }}` prints, `{% tag %}` controls, `{# comment #}` is dropped.",
        "",
        "## Operators",
        "",
        "Higher binds tighter; all are left-associative. `c ? a : b` binds loosest and nests to the right.",
        "",
        "| Precedence | Operators |",
        "|---|---|",
        f"| {UNARY_PRECEDENCE} | `not` `-` `+` (unary) |",
    ]
    for precedence in sorted(set(BINARY.values()), reverse=True):
        signs = " ".join(f"`{sign}`".replace("|", "\\|") for sign, level in BINARY.items() if level == precedence)
        lines.append(f"| {precedence} | {signs} |")
    lines += ["", "## Tags", "", "| Tag | Meaning |", "|---|---|"]
    lines += [f"| `{tag}` | {meaning} |" for tag, meaning in _TAGS]
    lines.append("")
    lines += _table("Tests", TESTS) + _table("Filters", FILTERS, nulls=True)
    lines += _table("Functions", FUNCTIONS) + _methods() + _limits()
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
