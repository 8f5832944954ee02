"""The jq language."""

from __future__ import annotations

import json

import pytest

from flowdeck.expr import ExpressionError
from flowdeck.expr.jq import run


def jq(program: str, data: object) -> str:
    return " ".join(json.dumps(value, separators=(",", ":")) for value in run(program, data, lambda *steps: None))


@pytest.mark.parametrize(
    ("program", "data", "outputs"),
    [
        (".", {"a": 1}, '{"a":1}'),
        (".a.b", {"a": {"b": 2}}, "2"),
        ('."a b"', {"a b": 1}, "1"),
        ('.a."b c"[0]?', {"a": {"b c": [5]}}, "5"),
        (".[1]", [1, 2], "2"),
        (".[-1]", [1, 2], "2"),
        (".[5]", [1], "null"),
        (".[1:]", [1, 2, 3], "[2,3]"),
        (".[:-1]", "abc", '"ab"'),
        (".[]", {"a": 1, "b": 2}, "1 2"),
        (".[].id", [{"id": 1}, {"id": 2}], "1 2"),
        ("..|numbers", [1, [2, {"a": 3}]], "1 2 3"),
        (".a, .b", {"a": 1, "b": 2}, "1 2"),
        ("[.[] | . * 2]", [1, 2], "[2,4]"),
        ("{id, n: .name, (.k): 1}", {"id": 1, "name": "z", "k": "q"}, '{"id":1,"n":"z","q":1}'),
        ("{a: (1, 2)}", None, '{"a":1} {"a":2}'),
        ('"v: \\(.a + 1)!"', {"a": 1}, '"v: 2!"'),
        ("1 + 2 * 3 - 4 / 2", None, "5"),
        ("7 / 2, 7 % 3, -7 % 3", None, "3.5 1 -1"),
        ('"a" * 3, {"a": {"b": 1}} * {"a": {"c": 2}}', None, '"aaa" {"a":{"b":1,"c":2}}'),
        ('"a,b" / ","', None, '["a","b"]'),
        ("[1, 2, 3] - [2]", None, "[1,3]"),
        ('.a // "d"', {"a": None}, '"d"'),
        ("(.a, .b) // 9", {"a": None, "b": 2}, "2"),
        ('1 == 1.0, "a" < "b", [1] < {}', None, "true true true"),
        ("true and (true, false), (null or false), (1 | not)", None, "true false false false"),
        ('if . > 1 then "big" elif . == 1 then "one" else "small" end', 1, '"one"'),
        ("if . then 1 end", False, "false"),
        ('try error("x") catch .', None, '"x"'),
        (".a?, 1", 5, "1"),
        ("[.[] | tonumber?]", ["1", "x", "2"], "[1,2]"),
        ("reduce .[] as $num (0; .+$num)", [1, 2, 3], "6"),
        ("[foreach .[] as $x (0; . + $x)]", [1, 2, 3], "[1,3,6]"),
        ("[foreach .[] as $x (0; . + $x; [$x, .])]", [1, 2], "[[1,1],[2,3]]"),
        (". as [$a, {b: $c}] | $a + $c", [1, {"b": 2}], "3"),
        (".[] as {a: $x} ?// [$x] | $x", [{"a": 1}, [2]], "1 2"),
        ("def f(x): x * 2; f(.[])", [1, 2], "2 4"),
        ("def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; fac", 10, "3628800"),
        ("def f($a; $b): $a + $b; f(1; 2)", None, "3"),
        ("label $out | 1, break $out, 2", None, "1"),
        ("first(range(10; 0; -3)), [limit(2; .[])]", [5, 6, 7], "10 [5,6]"),
        (".a = 5 | .b |= . + 1 | .c += 1", {"b": 1}, '{"b":2,"a":5,"c":1}'),
        (".[] |= . * 2", [1, 2], "[2,4]"),
        ("(.[] | select(. > 1)) |= empty", [1, 2, 3], "[1]"),
        (".a //= 3", {"a": None}, '{"a":3}'),
        (".a[1:3] = [9]", {"a": [1, 2, 3, 4]}, '{"a":[1,9,4]}'),
        ("del(.a, .b[0])", {"a": 1, "b": [1, 2]}, '{"b":[2]}'),
        ("to_entries", {"a": 1}, '[{"key":"a","value":1}]'),
        ("with_entries(.value += 1)", {"a": 1}, '{"a":2}'),
        ("from_entries", [{"name": "a", "value": 1}, {"k": "b", "v": 2}], '{"a":1,"b":2}'),
        ("map(.a) | add", [{"a": 1}, {"a": 2}], "3"),
        ("map_values(. + 1)", {"a": 1}, '{"a":2}'),
        ('keys, length, has("a")', {"b": 1, "a": 2}, '["a","b"] 2 true'),
        ("sort_by(.a) | map(.b)", [{"a": 2, "b": 1}, {"a": 1, "b": 2}], "[2,1]"),
        ("group_by(.a) | map(length)", [{"a": 1}, {"a": 2}, {"a": 1}], "[2,1]"),
        ("unique, (map(. % 2) | unique)", [3, 1, 3], "[1,3] [1]"),
        ("min_by(.a).a, max_by(.a).a, (map(.a) | min, max)", [{"a": 2}, {"a": 1}], "1 2 1 2"),
        ("flatten, flatten(1)", [1, [2, [3]]], "[1,2,3] [1,2,[3]]"),
        ("any(. > 2), all(. > 0), ([false, true] | any, all)", [1, 2, 3], "true true true false"),
        ("[paths]", {"a": [1]}, '[["a"],["a",0]]'),
        ('[leaf_paths | join(".")]', {"a": {"b": 1}}, '["a.b"]'),
        ('walk(if type == "number" then . + 1 else . end)', [1, {"a": 2}], '[2,{"a":3}]'),
        ("tostring, (tojson | fromjson)", {"a": 1.0}, '"{\\"a\\":1}" {"a":1}'),
        ("map(.detail | fromjson | .message)", [{"detail": '{"message": "m"}'}], '["m"]'),
        (
            'test("b+"), [match("b"; "g").offset], sub("b"; "x"), gsub("(?<c>b)"; "<\\(.c)>")',
            "abb",
            'true [1,2] "axb" "a<b><b>"',
        ),
        ('[scan("[a-z]")], capture("(?<y>\\\\d)").y', "a1b", '["a","b"] "1"'),
        (
            'ascii_upcase, ltrimstr("a"), startswith("a"), split("b"), explode',
            "abc",
            '"ABC" "bc" true ["a","c"] [97,98,99]',
        ),
        (
            "@base64, (@base64 | @base64d), @uri, @html, @sh",
            "a&'",
            '"YSYn" "a&\'" "a%26%27" "a&amp;&#39;" "\'a&\'\\\\\'\'\'"',
        ),
        ("@csv, @tsv", [1, 'a"b', None], '"1,\\"a\\"\\"b\\"," "1\\ta\\"b\\t"'),
        ("todate, (todate | fromdate)", 1425599621, '"2015-03-05T23:53:41Z" 1425599621'),
        ("[range(3)], [range(1; 7; 3)]", None, "[0,1,2] [1,4]"),
        ('[.[] | select(.a == 1 and (.b | contains("x")))] | length', [{"a": 1, "b": "xy"}, {"a": 2, "b": "x"}], "1"),
        ('[splits(", *")]', "a, b,c", '["a","b","c"]'),
        ('index("b"), rindex("b"), indices("b")', "abcb", "1 3 [1,3]"),
        ("transpose, (.[0] | reverse), combinations", [[1, 2], [3]], "[[1,3],[2,null]] [2,1] [1,3] [2,3]"),
        ("floor, sqrt, pow(.; 2)", 4, "4 2 16"),
        (
            "[recurse(if . < 3 then . + 1 else empty end)], last(range(5)), nth(2; range(9)), until(. > 9; . * 2)",
            1,
            "[1,2,3] 4 2 16",
        ),
        ("[.[] as $x | $x.a | IN(1, 2)]", [{"a": 1}, {"a": 5}], "[true,false]"),
        ("INDEX(.id) | keys", [{"id": 1}, {"id": 2}], '["1","2"]'),
        ("[tostream], fromstream(tostream)", {"a": [1]}, '[[["a",0],1],[["a",0]],[["a"]]] {"a":[1]}'),
        (".tasks # comment\n | length", {"tasks": [1]}, "1"),
        (". as $x | [$x, $x]", 1, "[1,1]"),
        ("-(1 + 2), -.a", {"a": 1}, "-3 -1"),
        ('try (1 / 0) catch "z"', None, '"z"'),
        (
            'getpath(["a", "b"]), setpath(["a"]; 1), ([paths(type == "number")])',
            {"a": {"b": 2}},
            '2 {"a":1} [["a","b"]]',
        ),
        (
            '.results[] | "ExecutionId: \\(.id) - \\(.state)"',
            {"results": [{"id": "x", "state": "OK"}]},
            '"ExecutionId: x - OK"',
        ),
    ],
)
def test_a_program_gives_what_jq_gives(program: str, data: object, outputs: str) -> None:
    assert jq(program, data) == outputs


@pytest.mark.parametrize(
    ("program", "part"),
    [
        (".[", "unexpected"),
        (".a b", "unexpected"),
        ("nope", "nope/0 is not defined"),
        ("$nope", "$nope is not defined"),
        (".a", "Cannot index number"),
        (".[]", "Cannot iterate over number"),
        ('1 + "a"', "cannot be added"),
        ('{} | .a.b |= error("stop")', "stop"),
        ("input", "not available"),
        ("$ENV", "not available"),
        ("def f: f; f", "nested"),
        ("(" * 300, "nested"),
    ],
)
def test_a_bad_program_is_refused(program: str, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        run(program, 1, lambda *steps: None)
    assert part in caught.value.message


def test_an_endless_program_is_stopped() -> None:
    left = [50]

    def tick(steps: int = 1) -> None:
        left[0] -= steps
        if left[0] <= 0:
            raise ExpressionError("budget")

    for program in ("repeat(1)", "[range(1e12)]", "last(repeat(. + 1))", "reduce range(1e12) as $x (0; .)"):
        left[0] = 50
        with pytest.raises(ExpressionError, match="budget"):
            run(program, 1, tick)


def test_input_data_is_never_changed() -> None:
    data = {"a": [1, {"b": 2}]}
    run(".a[1].b = 3 | .a += [4] | del(.a[0])", data, lambda *steps: None)
    assert data == {"a": [1, {"b": 2}]}
