"""Addresses of PostgreSQL as the reference's configurations write them (spec: enterprise and operations G1)."""

from __future__ import annotations

from typing import Any

import pytest

from flowdeck.config.postgres import postgres_url


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("jdbc:postgresql://db:5432/kestra",), "postgresql://db:5432/kestra"),
        (("postgres://db/kestra",), "postgresql://db/kestra"),
        (("jdbc:postgresql://db/kestra", "ki na", "p@ss/w"), "postgresql://ki%20na:p%40ss%2Fw@db/kestra"),
        (("postgresql://me@db/kestra", "other", "pw"), "postgresql://me@db/kestra"),
        (("jdbc:postgresql://db/k?user=me&password=pw", "other"), "postgresql://db/k?user=me&password=pw"),
        (("jdbc:postgresql://db/k?ssl=true&reWriteBatchedInserts=true",), "postgresql://db/k?sslmode=verify-full"),
        (("jdbc:postgresql://db/k?sslmode=require&ssl=true",), "postgresql://db/k?sslmode=require"),
        (("jdbc:postgresql://db/k?currentSchema=flow",), "postgresql://db/k?options=-c%20search_path%3Dflow"),
        (("jdbc:postgresql://db/k", None, None, "flow"), "postgresql://db/k?options=-c%20search_path%3Dflow"),
        (("postgresql://u@/k?host=/tmp/x&port=1",), "postgresql://u@/k?host=/tmp/x&port=1"),
        (
            ("jdbc:postgresql://a:1,b:2/k?targetServerType=primary",),
            "postgresql://a:1,b:2/k?target_session_attrs=primary",
        ),
    ],
)
def test_addresses(told: tuple[Any, ...], expected: str) -> None:
    assert postgres_url(*told) == expected
