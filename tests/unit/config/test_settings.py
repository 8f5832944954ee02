"""Order of sources, types of keys, what a wrong value says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flowdeck.config import Home, load_settings
from flowdeck.config.values import parse_size, parse_span


def _load(tmp_path: Path, flags=None, **environment: str):
    return load_settings(flags, environment={"FLOWDECK_HOME": str(tmp_path), **environment})


def test_defaults_stand_where_nothing_is_told(tmp_path: Path) -> None:
    settings = _load(tmp_path)
    assert (settings.host, settings.port, settings.management_port) == ("127.0.0.1", 8080, 8081)
    assert settings.database_url == f"sqlite:///{tmp_path}/flowdeck.db"
    assert settings.span("kestra.server.liveness.timeout") == timedelta(seconds=45)
    assert settings.get("flowdeck.retention.executions") == timedelta(0)


def test_a_stronger_source_wins(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("micronaut: {server: {port: 1}}\nkestra: {url: 'http://file/'}\n")
    assert _load(tmp_path).port == 1
    told = {"KESTRA_CONFIGURATION": "micronaut:\n  server:\n    port: 2\n"}
    assert _load(tmp_path, **told).port == 2
    told["MICRONAUT_SERVER_PORT"] = "3"
    assert _load(tmp_path, **told).port == 3
    told["FLOWDECK_PORT"] = "4"
    assert _load(tmp_path, **told).port == 4
    assert _load(tmp_path, {"micronaut.server.port": 5}, **told).port == 5
    assert _load(tmp_path, **told).get("kestra.url") == "http://file/"


def test_kebab_and_camel_case_are_one_key(tmp_path: Path) -> None:
    text = "kestra:\n  server:\n    basicAuth:\n      username: a@b.c\n    basic-auth: {openUrls: [/x]}\n"
    settings = _load(tmp_path, KESTRA_CONFIGURATION=text, KESTRA_SERVER_BASIC_AUTH_PASSWORD="Secret12")
    assert settings.get("kestra.server.basic-auth.username") == "a@b.c"
    assert settings.get("kestra.server.basic-auth.open-urls") == ["/x"]
    assert settings.get("kestra.server.basic-auth.password") == "Secret12"
    assert "Secret12" not in str(settings.shown())


def test_placeholders_take_the_environment(tmp_path: Path) -> None:
    text = "kestra:\n  url: ${BASE:http://default/}\n  environment: {name: '${NAME:dev}'}\n"
    settings = _load(tmp_path, KESTRA_CONFIGURATION=text, NAME="prod")
    assert settings.get("kestra.url") == "http://default/"
    assert settings.get("kestra.environment.name") == "prod"


def test_postgres_takes_its_login_from_its_keys(tmp_path: Path) -> None:
    text = (
        "kestra: {repository: {type: postgres}}\n"
        "datasources: {postgres: {url: 'jdbc:postgresql://db:5432/k', username: u, password: 'p@ss'}}\n"
    )
    assert _load(tmp_path, KESTRA_CONFIGURATION=text).database_url == "postgresql://u:p%40ss@db:5432/k"
    assert (
        _load(tmp_path, KESTRA_REPOSITORY_TYPE="postgres", DATASOURCES_POSTGRES_URL="postgresql://x/y").database_url
        == "postgresql://x/y"
    )


def test_an_unknown_key_names_its_neighbour(tmp_path: Path) -> None:
    settings = _load(tmp_path, KESTRA_CONFIGURATION="kestra: {server: {preview: {initial-row: 5}}}")
    assert settings.warnings == (
        "unknown configuration key kestra.server.preview.initial-row (KESTRA_CONFIGURATION, line 1); "
        "did you mean kestra.server.preview.initial-rows?",
    )


def test_an_ignored_key_says_so(tmp_path: Path) -> None:
    settings = _load(tmp_path, KESTRA_CONFIGURATION="kestra: {heartbeat: {frequency: 10s}}")
    assert settings.warnings == (
        "without effect here: kestra.heartbeat.frequency (KESTRA_CONFIGURATION, line 1: leases took its place)",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "micronaut: {server: {port: x}}",
            "micronaut.server.port = 'x' (KESTRA_CONFIGURATION, line 1): expected an integer",
        ),
        ("kestra: {regex: {timeout: soon}}", "kestra.regex.timeout = 'soon'"),
        ("kestra: {repository: {type: mysql}}", "kestra.repository.type = 'mysql'"),
        ("[1]", "expected a map"),
        ("a: [", "KESTRA_CONFIGURATION: "),
        ("kestra: {server: {liveness: {timeout: 1s}}}", "heartbeat-interval"),
    ],
)
def test_a_wrong_value_names_key_value_and_rule(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        _load(tmp_path, KESTRA_CONFIGURATION=text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_maps_and_lists(tmp_path: Path) -> None:
    text = "kestra:\n  variables: {globals: {region: eu, nested: {a: 1}}}\n  plugins: {defaults: [{type: x}]}\n"
    settings = _load(tmp_path, KESTRA_CONFIGURATION=text, KESTRA_HIDDEN_LABELS_PREFIXES="a., b.")
    assert settings.get("kestra.variables.globals") == {"region": "eu", "nested": {"a": 1}}
    assert settings.get("kestra.plugins.defaults") == [{"type": "x"}]
    assert settings.get("kestra.hidden-labels.prefixes") == ["a.", "b."]


def test_spans_and_sizes() -> None:
    assert parse_span("PT1M30S") == parse_span("90s") == timedelta(seconds=90)
    assert parse_span("P30D") == parse_span("30d")
    assert parse_span(250) == parse_span("250ms")
    assert parse_size("10GB") == 10 * 1024**3
    for bad in ("", "P", "5 parsecs"):
        with pytest.raises(ValueError, match="expected"):
            parse_span(bad)


def test_a_long_home_gets_short_sockets(tmp_path: Path) -> None:
    home = Home(tmp_path / ("x" * 120))
    home.prepare()
    assert len(str(home.socket("core"))) < 100
    assert (home.path / "run/where").read_text().strip() == str(home.run)
    home.run.rmdir()


def test_a_cluster_needs_a_token_and_addresses_with_ports(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="token is needed"):
        _load(tmp_path, FLOWDECK_CLUSTER_LISTEN="10.0.0.1:7700")
    with pytest.raises(ValueError, match="expected host:port"):
        _load(tmp_path, FLOWDECK_CLUSTER_EXECUTORS="10.0.0.1:7700,10.0.0.2", FLOWDECK_CLUSTER_TOKEN="t")
    told = {"FLOWDECK_CLUSTER_EXECUTORS": "a:1,[::1]:2", "FLOWDECK_CLUSTER_TOKEN": "hidden"}
    with pytest.raises(ValueError, match=r"kestra\.storage\.local\.shared"):  # F68
        _load(tmp_path, **told)
    settings = _load(tmp_path, KESTRA_STORAGE_LOCAL_SHARED="true", **told)
    assert settings.get("flowdeck.cluster.executors") == ["a:1", "[::1]:2"]
    assert "hidden" not in str(settings.shown())
