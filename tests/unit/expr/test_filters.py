"""Every filter, with the examples of its specification."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from flowdeck.expr import Environment, ExpressionError, compile
from flowdeck.expr.filters import FILTERS

CASES: dict[str, list[tuple[str, object]]] = {
    "abbreviate": [
        ("{{ 'this is a long sentence.' | abbreviate(7) }}", "this..."),
        ("{{ 'abcd' | abbreviate(4) }}", "a..."),
        ("{{ 'abcd' | abbreviate(5) }}", "abcd"),
        ("{{ 'abcd' | abbreviate(3) }}", "abc"),
    ],
    "abs": [("{{ -7 | abs }}", 7), ("{{ '-1.5' | abs }}", 1.5)],
    "base64encode": [("{{ 'test' | base64encode }}", "dGVzdA==")],
    "base64decode": [("{{ 'dGVzdA==' | base64decode }}", "test")],
    "capitalize": [("{{ 'hello World' | capitalize }}", "Hello World"), ("{{ '  a b' | capitalize }}", "  A b")],
    "title": [("{{ 'article tITLE' | title }}", "Article TITLE")],
    "chunk": [("{{ [1, 2, 3, 4, 5] | chunk(2) }}", [[1, 2], [3, 4], [5]])],
    "className": [
        ("{{ '12.3' | number | className }}", "java.lang.Float"),
        ("{{ '9223372036854775807' | number('BIGDECIMAL') | className }}", "java.math.BigDecimal"),
        ("{{ 12 | className }}", "java.lang.Long"),
        ("{{ 1.5 | className }}", "java.lang.Double"),
        ("{{ fromJson('12') | className }}", "java.lang.Integer"),
        ("{{ fromJson('3000000000') | className }}", "java.lang.Long"),
        ("{{ 'x' | className }}", "java.lang.String"),
        ("{{ {'a': 1} | className }}", "java.util.LinkedHashMap"),
        ("{{ [1] | className }}", "java.util.ArrayList"),
        ("{{ true | className }}", "java.lang.Boolean"),
    ],
    "date": [
        ("{{ '2013-09-08T17:19:12+02:00' | date(timeZone='UTC') }}", "2013-09-08T15:19:12.000000Z"),
        ("{{ 'July 24, 2001' | date('yyyy-MM-dd', existingFormat='MMMM dd, yyyy') }}", "2001-07-24"),
        ("{{ 0 | date('sql') }}", "1970-01-01 00:00:00.000000"),
        ("{{ '2024-03-31' | date('full') }}", "Sunday, March 31, 2024 at 12:00:00 AM UTC"),
        (
            "{{ '2013-09-08T16:19:12.12+02:00' | date('iso_zoned_date_time', 'Europe/Paris') }}",
            "2013-09-08T16:19:12.12+02:00[Europe/Paris]",
        ),
        ("{{ '2013-09-08T16:19:12+02:00' | date('rfc_1123_date_time', '+02:00') }}", "Sun, 8 Sep 2013 16:19:12 +0200"),
        ("{{ '2013-09-08T16:19:12+02:00' | date('iso_ordinal_date', '+02:00') }}", "2013-251+02:00"),
        ("{{ '2013-09-08T16:19:12+02:00' | date('iso_week_date', '+02:00') }}", "2013-W36-7+02:00"),
        ("{{ '2013-09-08T14:19:12Z' | date('iso_instant', 'Europe/Paris') }}", "2013-09-08T14:19:12Z"),
        ("{{ '2024-12-30' | date('YYYY-ww') }}", "2025-01"),
        (
            "{{ '2024-07-04T15:04:05' | date(\"d MMM yy, h:mm a 'o''clock' [E] Q DDD\") }}",
            "4 Jul 24, 3:04 PM o'clock Thu 3 186",
        ),
        ("{{ '2024-07-04' | date('MMMM', locale='fr') }}", "juillet"),
        ("{{ '20240704 0102' | date('iso_sec', existingFormat='yyyyMMdd HHmm') }}", "2024-07-04T01:02:00Z"),
        ("{{ '2024-07-04T10:00:00[America/New_York]' | date('HH XXX z VV O') }}", "14 Z UTC Z GMT"),
    ],
    "dateAdd": [
        ("{{ '2024-01-31' | dateAdd(1, 'MONTHS', 'yyyy-MM-dd') }}", "2024-02-29"),
        (
            "{{ '2024-03-30T12:00:00[Europe/Paris]' | dateAdd(1, 'DAYS', timeZone='Europe/Paris') }}",
            "2024-03-31T12:00:00.000000+02:00",
        ),
        (
            "{{ '2024-03-30T12:00:00[Europe/Paris]' | dateAdd(24, 'hours', timeZone='Europe/Paris') }}",
            "2024-03-31T13:00:00.000000+02:00",
        ),
        ("{{ '2024-02-29' | dateAdd(-1, 'YEARS', 'iso_date') }}", "2023-02-28Z"),
        ("{{ '2024-01-01' | dateAdd(-1, 'DAYS') | date('yyyy-MM-dd') }}", "2023-12-31"),
        ("{{ '2024-12-15' | dateAdd(12, 'MONTHS', 'yyyy-MM') }}", "2025-12"),
    ],
    "timestamp": [("{{ '1970-01-02T00:00:00Z' | timestamp }}", 86400)],
    "timestampMilli": [("{{ '1970-01-01T00:00:01.5Z' | timestampMilli }}", 1500)],
    "timestampMicro": [("{{ '1970-01-01T01:00:00' | timestampMicro(timeZone='+01:00') }}", 0)],
    "timestampNano": [("{{ '1970-01-01T00:00:01Z' | timestampNano }}", 1_000_000_000)],
    "default": [
        ("{{ user.phone | default('none') }}", "none"),
        ("{{ '' | default('e') }}{{ ' ' | default('b') }}{{ [] | default('l') }}{{ 0 | default('z') }}", "ebl0"),
    ],
    "distinct": [
        ("{{ [1, 2, 2, 3, 1] | distinct }}", [1, 2, 3]),
        ("{{ [[1], [1], true, 1] | distinct }}", [[1], True, 1]),
    ],
    "endsWith": [("{{ 'report.csv' | endsWith('.csv') }}", True)],
    "startsWith": [("{{ 'kestra://file.csv' | startsWith('kestra://') }}", True)],
    "escapeChar": [
        ("{{ \"Can't be here\" | escapeChar('single') }}", "Can\\'t be here"),
        ("{{ \"it's\" | escapeChar('shell') }}", "it'\\''s"),
        ("{{ {'a': ['\"']} | escapeChar('double') }}", {"a": ['\\"']}),
    ],
    "first": [("{{ ['a', 'b'] | first }}", "a"), ("{{ 'Kestra' | first }}", "K"), ("{{ [] | first }}", None)],
    "last": [("{{ ['a', 'b'] | last }}", "b"), ("{{ 'Kestra' | last }}", "a")],
    "flatten": [("{{ [[1, 2], [3, [4]], 5] | flatten }}", [1, 2, 3, [4], 5])],
    "format": [
        ("{{ '%s has %05.1f%% of %d%n' | format('x', 2.25, 7) }}", "x has 002.2% of 7\n"),
        ("{{ '%-3s|%x' | format('a', 255) }}", "a  |ff"),
    ],
    "indent": [("{{ 'a\nb' | indent(2) }}", "a\n  b"), ("{{ 'a\r\nb' | indent(1, '->') }}", "a\r\n->b")],
    "nindent": [("{{ 'a\nb' | nindent(2) }}", "\n  a\n  b"), ("{{ '' | nindent(2) }}", "")],
    "join": [("{{ ['a', 'b'] | join(', ') }}", "a, b"), ("{{ [1, null, [2]] | join }}", "1null[2]")],
    "jq": [("{{ [{'id': 1}, {'id': 2}] | jq('.[].id') }}", [1, 2]), ("{{ '{\"a\": 1}' | jq('.b') }}", [None])],
    "json": [("{{ {'a': null, 'b': 1} | json }}", '{"b":1}')],
    "toJson": [
        ("{{ [1, 'é', 1.0] | toJson }}", '[1,"é",1.0]'),
        ("{{ null | toJson }}", "null"),
        ("{{ 'foo' | toJson }}", '"foo"'),
    ],
    "toIon": [("{{ {'a b': 1.5, 'c': null} | toIon }}", "{'a b':1.5e0,c:null}"), ("{{ null | toIon }}", "null")],
    "keys": [("{{ {'foo': 'bar', 'baz': 1} | keys }}", ["foo", "baz"]), ("{{ ['a', 'b'] | keys }}", [0, 1])],
    "values": [("{{ {'foo': 'bar', 'baz': 1} | values }}", ["bar", 1])],
    "length": [
        ("{{ 'Kestra' | length }}", 6),
        ("{{ null | length }}", 0),
        ("{{ 5 | length }}", 0),
        ("{{ {'a': 1} | length }}", 1),
    ],
    "lower": [("{{ 'LOUD' | lower }}", "loud"), ("{{ null | lower }}", None)],
    "upper": [("{{ 'quiet' | upper }}", "QUIET")],
    "trim": [("{{ ' \t padded ' | trim }}", "padded")],
    "md5": [("{{ 'test' | md5 }}", "098f6bcd4621d373cade4e832627b4f6")],
    "sha1": [("{{ 'test' | sha1 }}", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3")],
    "sha256": [("{{ 'test' | sha256 | length }}", 64)],
    "sha512": [("{{ 'test' | sha512 | length }}", 128)],
    "merge": [
        ("{{ [1, 2] | merge([3, 4]) }}", [1, 2, 3, 4]),
        ("{{ {'a': 1, 'b': 1} | merge({'b': 2}) }}", {"a": 1, "b": 2}),
        ("{{ {'a': 1} | merge(['x']) }}", {"a": 1, "x": "x"}),
        ("{{ null | merge([1]) }}", [1]),
    ],
    "nl2br": [("{{ 'a\nb' | nl2br }}", "a<br />b")],
    "number": [
        ("{{ '12' | number }}", 12),
        ("{{ '010' | number }}", 10),
        ("{{ '12.3' | number }}", 12.3),
        ("{{ '5' | number('DOUBLE') }}", 5.0),
        ("{{ 7 | number }}", 7),
        ("{{ '99999999999999999999' | number | className }}", "java.math.BigInteger"),
    ],
    "numberFormat": [
        ("{{ 3.141592653 | numberFormat('#.##') }}", "3.14"),
        ("{{ 1234.5 | numberFormat('#,##0.00') }}", "1,234.50"),
        ("{{ 1234567.8916 | numberFormat }}", "1,234,567.892"),
        ("{{ 0.125 | numberFormat('0.00') }}", "0.12"),
        ("{{ 0.256 | numberFormat('0%') }}", "26%"),
        ("{{ -5 | numberFormat('000;(000)') }}", "(005)"),
        ("{{ 5 | numberFormat(\"'#'0\") }}", "#5"),
    ],
    "regexMatch": [
        ("{{ 'hello world' | regexMatch('w[a-z]+') }}", True),
        ("{{ 'é' | regexMatch('^\\p{L}++$') }}", True),
    ],
    "regexReplace": [
        ("{{ '2024-01-15' | regexReplace('(\\d{4})-(\\d{2})-(\\d{2})', '$3/$2/$1') }}", "15/01/2024"),
        ("{{ 'ab' | regexReplace('(?<x>a)', '${x}\\$') }}", "a$b"),
    ],
    "regexExtract": [
        ("{{ 'order-12345-done' | regexExtract('\\d+') }}", "12345"),
        ("{{ '2024-01-15' | regexExtract('(\\d{4})-(\\d{2})', 1) }}", "2024"),
        ("{{ 'x' | regexExtract('y') }}", None),
    ],
    "replace": [
        ("{{ 'I like %this% and %that%.' | replace({'%this%': 'foo', '%that%': 'bar'}) }}", "I like foo and bar."),
        ("{{ 'a1b2' | replace({'([0-9])': '<$1>'}, regexp=true) }}", "a<1>b<2>"),
        ("{{ {'k': ['a', 1]} | replace({'a': 'b'}) }}", {"k": ["b", "1"]}),
    ],
    "reverse": [("{{ [1, 2, 3] | reverse }}", [3, 2, 1])],
    "sort": [("{{ [3, 1, 2.5] | sort }}", [1, 2.5, 3]), ("{{ ['b', 'B', 'a'] | sort }}", ["B", "a", "b"])],
    "rsort": [("{{ [3, 1, 2] | rsort }}", [3, 2, 1])],
    "slice": [
        ("{{ ['a', 'b', 'c'] | slice(1, 2) }}", ["b"]),
        ("{{ 'Kestra' | slice(1, 3) }}", "es"),
        ("{{ 'abc' | slice(1) }}", "bc"),
    ],
    "slugify": [("{{ 'Été à Paris!' | slugify }}", "ete-a-paris"), ("{{ 'Hello World!' | slugify }}", "hello-world")],
    "split": [
        ("{{ 'apple,banana,cherry' | split(',') }}", ["apple", "banana", "cherry"]),
        ("{{ 'a,b,c,d' | split(',', 2) }}", ["a", "b,c,d"]),
        ("{{ 'a,b,,' | split(',') }}", ["a", "b"]),
        ("{{ 'a,b,,' | split(',', -1) }}", ["a", "b", "", ""]),
        ("{{ 'a.b.c' | split('\\.') }}", ["a", "b", "c"]),
        ("{{ 'a.b' | split('.') }}", []),
        ("{{ 'abc' | split('') }}", ["a", "b", "c"]),
    ],
    "string": [("{{ 42 | string }}", "42"), ("{{ 1.0 | string }}", "1.0")],
    "substringBefore": [("{{ 'a.b.c' | substringBefore('.') }}", "a"), ("{{ 'abc' | substringBefore('x') }}", "abc")],
    "substringAfter": [("{{ 'a.b.c' | substringAfter('.') }}", "b.c"), ("{{ 'abc' | substringAfter('x') }}", "")],
    "substringBeforeLast": [
        ("{{ 'a.b.c' | substringBeforeLast('.') }}", "a.b"),
        ("{{ 'abc' | substringBeforeLast('x') }}", "abc"),
    ],
    "substringAfterLast": [
        ("{{ 'a.b.c' | substringAfterLast('.') }}", "c"),
        ("{{ 'abc' | substringAfterLast('x') }}", ""),
    ],
    "urlencode": [("{{ 'The string ü@foo-bar*~' | urlencode }}", "The+string+%C3%BC%40foo-bar*%7E")],
    "urldecode": [("{{ 'The+string+%C3%BC%40foo-bar' | urldecode }}", "The string ü@foo-bar")],
    "yaml": [
        ("{{ {'key': 'value'} | yaml }}", "key: value\n"),
        (
            "{{ {'a': [1, {'b': 'x: y', 'c': {'d': []}}], 'm': 'l1\nl2'} | yaml }}",
            'a:\n - 1\n - b: "x: y"\n   c:\n     d: []\nm: |-\n  l1\n  l2\n',
        ),
        (
            "{{ ['true', '1', 1, true, null, 'no', ''] | yaml }}",
            ' - "true"\n - "1"\n - 1\n - true\n - null\n - "no"\n - ""\n',
        ),
        ("{{ null | yaml }}", "null\n"),
    ],
}


@pytest.mark.parametrize(("template", "value"), [case for cases in CASES.values() for case in cases])
def test_a_filter_gives_what_its_specification_says(template: str, value: object) -> None:
    result = compile(template).eval_value({})
    assert result == value
    assert type(result) is type(value)


def test_every_filter_has_a_case() -> None:
    assert set(CASES) == set(FILTERS)


@pytest.mark.parametrize(
    "template",
    [
        "{{ null | abs }}",
        "{{ 'x' | abs }}",
        "{{ '*' | base64decode }}",
        "{{ 1 | chunk(2) }}",
        "{{ [1] | chunk(0) }}",
        "{{ 'x' | date }}",
        "{{ '2024-01-01' | date('b') }}",
        "{{ '2024-01-01' | date(timeZone='Nowhere/X') }}",
        "{{ '2024-01-01' | dateAdd(1, 'AGES') }}",
        "{{ '2024-13-01' | date }}",
        "{{ [1] | date }}",
        "{{ '2024-01-01' | dateAdd(99999, 'YEARS') }}",
        "{{ 1 | distinct }}",
        "{{ null | endsWith('x') }}",
        "{{ 'x' | escapeChar('what') }}",
        "{{ {'a': 1} | first }}",
        "{{ 'x' | flatten }}",
        "{{ '%d' | format('x') }}",
        "{{ '%q' | format(1) }}",
        "{{ '%s' | format }}",
        "{{ 'word' | jq('.') }}",
        "{{ [1] | jq('.[') }}",
        "{{ [1] | jq('.a') }}",
        "{{ 'x' | keys }}",
        "{{ 'x' | values }}",
        "{{ null | merge(null) }}",
        "{{ 'x' | number }}",
        "{{ '1.5' | number('INT') }}",
        "{{ '3000000000' | number('INT') }}",
        "{{ 'x' | numberFormat('#') }}",
        "{{ 1 | numberFormat('abc') }}",
        "{{ 'a' | regexMatch('(') }}",
        "{{ 'a' | regexExtract('a', 3) }}",
        "{{ 'a' | regexReplace('a', '$9') }}",
        "{{ 'a' | replace('b') }}",
        "{{ [1, 'a'] | sort }}",
        "{{ [1, null] | sort }}",
        "{{ 'abc' | slice(2, 9) }}",
        "{{ 'abc' | slice(2, 2) }}",
        "{{ 'abc' | slice(-1) }}",
        "{{ 'x' | sort }}",
        "{{ '%zz' | urldecode }}",
        "{{ 'a' | abbreviate(-1) }}",
        "{{ '2024' | date('iso', existingFormat='yyyyyyyyyy') }}",
    ],
)
def test_a_filter_refuses_what_it_can_not_do(template: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile(template).eval({})
    assert caught.value.position is not None


def test_native_dates() -> None:
    paris = timezone(timedelta(hours=2))
    context: dict[str, Any] = {"d": date(2024, 7, 4), "t": datetime(2024, 7, 4, 1, 2, 3, tzinfo=UTC)}
    env = Environment(zone=paris)
    assert compile("{{ d | date('iso_sec') }}").eval(context, env) == "2024-07-04T12:00:00+02:00"
    assert compile("{{ t | date('HH:mm') }}").eval(context, env) == "03:02"
    assert compile("{{ t }}").eval(context, env) == "2024-07-04T01:02:03Z"
    assert compile("{{ '2024-07-04T01:02:03' | date('iso_sec') }}").eval(context, env) == "2024-07-04T01:02:03+02:00"
