"""Small texts that would make much work: each is tried in a process of its own (quality §2.3, fault 24).

`python -m tests.faults.bombs` prints a line of JSON for each: name, seconds of the processor, megabytes, outcome.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from flowdeck.expr import Environment, ExpressionError, compile
from flowdeck.model import yaml_tree


def laughs(levels: int) -> str:
    """YAML whose aliases unfold to ten to the power of its levels."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    return "\n".join(lines + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)])


CONTEXT = {
    "laughs": laughs(9),
    "vars": {
        "self": "{{ render(vars.self) }}",
        "grow": "{{ render(vars.grow) }}x",
        "two": "{{ render(vars.two) }}{{ render(vars.two) }}",
        "r0": "x",
        **{f"r{n}": f"{{{{ render(vars.r{n - 1}) }}}}" * 10 for n in range(1, 12)},
    },
    "megs": "a" * 10_000_000,
    "maps": [{"a": i} for i in range(30_000)],
    "ints": list(range(200_000)),
    "deep": "[" * 100_000,
    "evil": "a" * 40 + "!",
    "blanks": " " * 200_000 + "x",
}

_DOUBLED = "{% set x = ['lol'] %}{% for i in range(1, 40) %}{% set x = [x, x] %}{% endfor %}"

TEMPLATES: dict[str, str] = {
    "range": "{{ range(1, 1000000000) }}",
    "yaml": "{{ yaml(laughs) }}",
    "self": "{{ render(vars.self) }}",
    "two": "{{ render(vars.two) }}",
    "ten": "{{ render(vars.r11) }}",
    "grow": "{{ render(vars.grow) }}",
    "regex": "{{ evil | regexMatch('^(a|a)*$') }}",
    "regex3": "{{ blanks | regexReplace('\\s+$', '') | length }}",
    "regex-compile": "{{ 'a' | regexMatch('((a{1,1000}){1,1000}){1,1000}') }}",
    "regex-rep": "{{ 'a' | regexMatch('a{1000000000}') }}",
    "regex-nest": "{{ 'a' | regexMatch('" + "(" * 3000 + ")" * 3000 + "') }}",
    "replace": "{{ megs | replace({'a': 'bbbb'}) | length }}",
    "int": "{% set x = 9999999999 %}{% for i in range(1, 100) %}{% set x = x * x %}{% endfor %}{{ x }}",
    "int-lit": "{{ " + "9" * 5000 + " }}",
    "dec": "{% set x = '9e9999' | number('BIGDECIMAL') %}{% for i in range(1, 100) %}{% set x = x * x %}{% endfor %}{{ x }}",
    "text": "{% set x = 'xxxxxxxxxx' %}{% for i in range(1, 100) %}{% set x = x ~ x %}{% endfor %}{{ x }}",
    "list": "{% set x = [1] %}{% for i in range(1, 100) %}{% set x = x + x %}{% endfor %}{{ x | length }}",
    "laughs": _DOUBLED + "{{ x }}",
    "laughs-map": "{% set x = {'a': 'lol'} %}{% for i in range(1, 40) %}{% set x = {'a': x, 'b': x} %}{% endfor %}{{ x | toJson }}",
    "laughs-jq": _DOUBLED + "{{ x | jq('.') }}",
    "laughs-eq": "{% set x = ['lol'] %}{% set y = ['lol'] %}{% for i in range(1, 40) %}{% set x = [x, x] %}{% set y = [y, y] %}{% endfor %}{{ x == y }}",
    "laughs-native": "{{ {'a':1} | jq('reduce range(40) as $i (.; [., .])') }}",
    "laughs-deepset": "{% set x = ['lol'] %}{% for i in range(1, 100000) %}{% set x = [x] %}{% endfor %}{{ x }}",
    "deep-eq": "{% set x = [1] %}{% set y = [1] %}{% for i in range(1, 100000) %}{% set x = [x] %}{% set y = [y] %}{% endfor %}{{ x == y }}",
    "distinct": "{{ maps | distinct | length }}",
    "minus": "{{ (ints - ints) | length }}",
    "containsall": "{{ ints contains ints }}",
    "minus-maps": "{{ (maps - maps) | length }}",
    "loops": "{% for a in range(1, 10000) %}{% for b in range(1, 10000) %}{% endfor %}{% endfor %}",
    "loops-out": "{% for a in range(1, 10000) %}{% for b in range(1, 10000) %}{{ a }}{% endfor %}{% endfor %}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "macro2": "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "block": "{% block 'b' %}{{ block('b') }}{% endblock %}",
    "jq-range": "{{ 1 | jq('[range(1000000000)]') }}",
    "jq-int": "{{ 2 | jq('reduce range(100000) as $i (.; . * .)') }}",
    "jq-text": "{{ 'x' | toJson | jq('. * 1000000000') }}",
    "jq-text2": "{{ 'x' | toJson | jq('reduce range(100) as $i (.; . + .)') }}",
    "jq-regex": "{{ evil | toJson | jq('test(\"^(a|a)*$\")') }}",
    "jq-recurse": "{{ 1 | jq('def f: f; f') }}",
    "jq-recurse2": "{{ 1 | jq('def f: 1 + f; f') }}",
    "jq-repeat": "{{ 1 | jq('[repeat(1)]') }}",
    "jq-index": "{{ [] | jq('.[999999999] = 1') }}",
    "jq-laughs": "{{ [] | jq('reduce range(40) as $i ([]; [., .]) | tojson') }}",
    "jq-list": "{{ [1] | jq('reduce range(100) as $i (.; . + .) | length') }}",
    "jq-paths": "{{ [] | jq('reduce range(40) as $i ([]; [., .]) | [paths] | length') }}",
    "jq-flatten": "{{ [] | jq('reduce range(40) as $i ([1]; [., .]) | flatten | length') }}",
    "json-deep": "{{ fromJson(deep) }}",
    "ion-deep": "{{ fromIon(deep) }}",
    "yaml-deep": "{{ yaml(deep) }}",
    "jq-deep": "{{ deep | jq('.') }}",
    "parens": "{{ " + "(" * 100000 + "1" + ")" * 100000 + " }}",
    "nots": "{{ " + "not " * 100000 + "true }}",
    "minus-chain": "{{ " + "-" * 100000 + "1 }}",
    "dots": "{{ a" + ".b" * 100000 + " }}",
    "ternaries": "{{ " + "1 ? " * 5000 + "1" + ": 2" * 5000 + " }}",
    "filters": "{{ 'a'" + " | upper" * 100000 + " }}",
    "plus": "{{ 1" + " + 1" * 100000 + " }}",
    "ifs": "{% if true %}" * 5000 + "{% endif %}" * 5000,
    "interp": "{{ " + '"#{' * 2000 + "1" + '}"' * 2000 + " }}",
    "indent": "{{ megs | indent(1000000000) }}",
    "nindent": "{{ 'a' | nindent(1000000000) }}",
    "format": "{{ '%1000000000s' | format(1) }}",
    "date": "{{ 0 | dateAdd(9999999999999999999, 'CENTURIES') }}",
    "date-pattern": "{{ 0 | date('" + "[" * 499 + "') }}",
    "nano": "{{ nanoId(1000000000) }}",
    "name": "{{ " + "a" * 1000000 + " }}",
    "jqprog": "{{ 1 | jq('" + "[" * 20000 + "]" * 20000 + "') }}",
    "jsonint": "{{ fromJson('" + "9" * 100000 + "') }}",
    "yamlint": "{{ yaml('a: " + "9" * 100000 + "') }}",
    "for-names": "".join(f"{{% for a{n + 1} in [[a{n}, a{n}]] %}}" for n in range(40)).replace("a0, a0", "1, 1")
    + "{{ a40 }}"
    + "{% endfor %}" * 40,
    "macro-arguments": "{% macro m(x, n) %}{% if n == 0 %}{{ x }}{% else %}{{ m([x, x], n - 1) }}{% endif %}"
    "{% endmacro %}"
    "{{ m([1], 60) }}",
    "split-all": "{{ megs | split('') | length }}",
    "method-split": "{{ megs.split('') | length }}",
    "yaml-base-60": "{{ yaml('a: 1:" + "59:" * 10_000 + "59') }}",
}

SOURCES: dict[str, str] = {
    "flow-aliases": "id: a\nnamespace: b\n" + laughs(9),
    "flow-depth": "id: a\nnamespace: b\nx: " + "[" * 200_000,
    "flow-dashes": "- " * 200_000,
}
"""Flows' sources are read by a loader of their own."""


def peak() -> int:
    """Greatest memory of this process in kB since the mark was set."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def tried(name: str) -> dict[str, object]:
    """Let off one bomb in this process."""
    with open("/proc/self/clear_refs", "w") as mark:
        mark.write("5")
    before, began = peak(), time.process_time()
    try:
        if name in SOURCES:
            yaml_tree.load(SOURCES[name])
        else:
            compile(TEMPLATES[name]).eval(CONTEXT, Environment())
        outcome = "done"
    except (ExpressionError, yaml_tree.SourceError) as error:
        outcome = f"refused: {str(error)[:200]}"
    except BaseException as error:  # what must not happen is a result, too
        outcome = f"broken: {error!r}"[:300]
    seconds = time.process_time() - began
    return {"name": name, "seconds": seconds, "megabytes": (peak() - before) / 1024, "outcome": outcome}


def main(names: list[str]) -> None:
    """Each bomb in a child that is ended after 15 seconds."""
    for name in names or [*TEMPLATES, *SOURCES]:
        sys.stdout.flush()
        child = os.fork()
        if not child:
            signal.alarm(15)
            print(json.dumps(tried(name)), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            print(json.dumps({"name": name, "seconds": 15, "megabytes": 0, "outcome": f"died: {status}"}))


if __name__ == "__main__":
    main(sys.argv[1:])
