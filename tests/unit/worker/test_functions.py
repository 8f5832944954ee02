"""Functions of expressions that reach outside, as a worker answers them (spec: expressions §8)."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from flowdeck.engine.worker_functions import ExpressionFunctions, unreadable_secrets
from flowdeck.expr.functions.outside import TABLE
from tests.unit.worker.conftest import Core

KEY = base64.b64encode(b"k" * 32).decode()


async def value(core: Core, text: str, context: dict[str, Any] | None = None) -> Any:
    done = await core.evaluate({"x": text}, context)
    assert "error" not in done.outputs, done.outputs
    return done.outputs["value"]["x"]


async def error(core: Core, text: str, context: dict[str, Any] | None = None) -> str:
    done = await core.evaluate({"x": text}, context)
    return str(done.outputs["error"])


def test_every_function_of_the_table_is_offered() -> None:
    nothing: Any = None
    functions = ExpressionFunctions(
        tenant="main", namespace="a", execution="", calls=nothing, storage=nothing, cryptor=None, on_secret=print,
        loop=nothing, refused_addresses=(),
    )  # fmt: skip
    assert functions.table().keys() == TABLE.keys()


def test_variables_that_hold_no_base64_are_named() -> None:
    """Enterprise and operations F22: a warning at the start."""
    told = {"SECRET_A": "bXktdG9rZW4=", "SECRET_B": "no base64!", "SECRET_C": "bXkt\ndG9rZW4=\n", "OTHER": "!"}
    assert unreadable_secrets(told) == ["SECRET_B"]


async def test_values_that_need_no_store(core: Core) -> None:
    assert 1024 <= await value(core, "{{ randomPort() }}") <= 65535
    assert await value(core, "{{ assets(type='TABLE', namespace='a', metadata={'k': 1}) }}") == []
    assert "Cannot find credential for key 'erp'" in await error(core, "{{ credential('erp') }}")
    assert "app with the id 'one'" in await error(core, "{{ appLink(appId='one') }}")
    assert "No app uses this flow" in await error(core, "{{ appLink() }}")
    assert "kestra.url" in await error(core, "{{ appLink(baseUrl=true) }}")
    core.workers[0].attempts.contexts.own.kestra = {"url": "https://flows.example.com/"}
    assert await value(core, "{{ appLink(baseUrl=true) }}") == "https://flows.example.com"


@pytest.mark.parametrize(
    ("call", "holiday"),
    [
        ("isPublicHoliday('2026-12-25', 'DE')", True),
        ("isPublicHoliday('2026-12-23', countryCode='DE')", False),
        ("isPublicHoliday('2026-01-06', 'DE', 'BY')", True),
        ("isPublicHoliday('2026-01-06', 'DE', 'DE-BY')", True),
        ("isPublicHoliday('2026-01-06', 'DE', 'DE-BE')", False),
        ("isPublicHoliday('2026-07-04T23:30:00-05:00', 'US')", True),
    ],
)
async def test_public_holidays_of_countries_and_their_parts(core: Core, call: str, holiday: bool) -> None:
    assert await value(core, f"{{{{ {call} }}}}") is holiday


async def test_an_unknown_country_is_told(core: Core) -> None:
    assert "'XX'" in await error(core, "{{ isPublicHoliday('2026-01-06', 'XX') }}")
    assert "expects an argument 'countryCode'" in await error(core, "{{ isPublicHoliday('2026-01-06') }}")


async def test_encryption_takes_the_key_itself(core: Core) -> None:
    assert await value(core, f"{{{{ decrypt('{KEY}', encrypt('{KEY}', 'text')) }}}}") == "text"
    other = base64.b64encode(b"o" * 16).decode()
    assert "not encrypted with this key" in await error(core, f"{{{{ decrypt('{other}', encrypt('{KEY}', 'text')) }}}}")
    assert "base64 of 16, 24 or 32 bytes" in await error(core, "{{ encrypt('name', 'text') }}")


async def test_a_member_of_a_json_secret(core: Core) -> None:
    core.secrets["CRM"] = '{"PASSWORD": "pw-of-crm", "PORT": 5}'
    done = await core.evaluate({"x": "{{ secret('CRM', subkey='PASSWORD') }} {{ secret('CRM', subkey='PORT') }}"})
    assert done.outputs["value"]["x"] == "pw-of-crm 5"
    assert "pw-of-crm" in done.outputs["secrets"]
    assert "sub-key 'NO' in secret 'CRM'" in await error(core, "{{ secret('CRM', subkey='NO') }}")


async def test_pairs_are_native_and_may_be_missing(core: Core) -> None:
    core.kv["map"] = ("JSON", {"a": [1, None]})
    core.kv["text"] = ("STRING", "{{ 1 + 1 }}")
    assert await value(core, "{{ kv('map').a[0] + 1 }} {{ kv('text') }}") == "2 {{ 1 + 1 }}"
    assert await value(core, "{{ kv(key='no', errorOnMissing=false) ?? 'none' }}") == "none"
    assert await value(core, "{{ kv('no', 'company.team', false) is null }}") is True
    assert "The key 'no' does not exist in the namespace 'company.team'." in await error(core, "{{ kv('no') }}")
    assert "does not exist in the namespace 'other'" in await error(core, "{{ kv('no', namespace='other') }}")


async def test_variables_that_a_configuration_names_are_masked(core: Core) -> None:
    """`kestra.variables.redacted-env-vars`."""
    core.workers[0].facts.options["redacted"] = ["value-of-a-variable"]  # pyright: ignore[reportIndexIssue]
    await core.run(
        "- id: l\n  type: io.kestra.plugin.core.log.Log\n  message: v={{ envs.x }}",
        {"envs": {"x": "value-of-a-variable"}},
    )
    assert core.texts() == ["v=******"]


async def test_the_time_of_a_pattern_is_configured(core: Core) -> None:
    """`kestra.regex.timeout`."""
    core.workers[0].facts.options["regex-seconds"] = 0.1  # pyright: ignore[reportIndexIssue]
    message = await error(
        core, "{{ kv('text', errorOnMissing=false) ?? 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' | regexMatch('^(a|a)*$') }}"
    )
    assert "The limit of 0.1 seconds for the regular expression" in message


class Service(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        told = {
            "method": self.command,
            "path": self.path,
            "type": self.headers.get("content-type"),
            "accept": self.headers.get("accept"),
            "tokens": self.headers.get_all("X-Token"),
            "body": self.rfile.read(size).decode(),
        }
        kind = {"/yaml": "application/yaml", "/text": "text/plain"}.get(self.path.split("?")[0], "application/json")
        body = b"a: [1, 2]\n" if "yaml" in kind else json.dumps(told).encode()
        self.send_response(404 if "gone" in self.path else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


async def test_http_gives_structures_and_texts(core: Core, service: str) -> None:
    context = {"base": service}
    asked = await value(core, "{{ http(base ~ '/a', query={'q': 'x y'}, headers={'X-Token': 't'}) }}", context)
    assert (asked["method"], asked["path"], asked["accept"]) == ("GET", "/a?q=x+y", "application/json")
    assert asked["tokens"] == ["t"]
    call = "{{ http(uri=base, method='POST', body={'k': [1]}, contentType='application/json') }}"
    posted = await value(core, call, context)
    assert posted["body"] == '{"k": [1]}' and posted["type"] == "application/json"
    assert await value(core, "{{ http(base ~ '/yaml').a[1] }}", context) == 2
    assert '"method": "GET"' in await value(core, "{{ http(base ~ '/text') }}", context)
    assert await value(core, "{{ http(base ~ '/a') | jq('.method') | first }}", context) == "GET"


async def test_http_fails_with_the_status(core: Core, service: str) -> None:
    message = await error(core, "{{ http(base ~ '/gone') }}", {"base": service})
    assert "Failed to execute HTTP Request, server respond with status 404 : Not Found" in message
    call = "{{ http(base ~ '/gone', options={'allowFailed': true}).method }}"
    assert await value(core, call, {"base": service}) == "GET"
    assert "Failed to execute HTTP Request" in await error(core, "{{ http('http://127.0.0.1:9/') }}")
