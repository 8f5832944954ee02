"""Every way to tell a key (spec: enterprise and operations G1, G2), and what a wrong one says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flowdeck.config import load_settings
from flowdeck.config.keys import KEYS, find_key, owner_of
from flowdeck.config.settings import cpus_of_container, fitting
from flowdeck.config.sources import from_variable


def _load(tmp_path: Path, text: str = "", flags=None, **environment: str):
    if text:
        environment["KESTRA_CONFIGURATION"] = text
    return load_settings(flags, environment={"FLOWDECK_HOME": str(tmp_path), **environment})


# ---- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_has_a_fitting_default_and_says_what_it_does(key) -> None:
    assert bool(key.text) != bool(key.without)
    if key.default is not None:
        fitting(key, key.default)
    assert find_key(key.name.replace("<n>", "some")) is not None


@pytest.mark.parametrize("key", [k for k in KEYS if k.kind not in "ml" and "<n>" not in k.name], ids=lambda k: k.name)
def test_every_key_has_an_environment_variable(key) -> None:
    variable = key.name.upper().replace(".", "_").replace("-", "_")
    assert ".".join(from_variable(variable) or ()) == key.name


def test_no_map_hides_a_key_below_it() -> None:
    for key in KEYS:
        assert owner_of(key.name.replace("<n>", "some")) is None, key.name


# ---- environment variables (G2) ---------------------------------------------------------------------------------------


def test_lists_by_comma_and_by_number(tmp_path: Path) -> None:
    settings = _load(tmp_path, KESTRA_HIDDEN_LABELS_PREFIXES="a., b.")
    assert settings.get("kestra.hidden-labels.prefixes") == ["a.", "b."]
    settings = _load(tmp_path, KESTRA_HIDDEN_LABELS_PREFIXES_0="a.", KESTRA_HIDDEN_LABELS_PREFIXES_1="b.")
    assert settings.get("kestra.hidden-labels.prefixes") == ["a.", "b."]
    told = {"KESTRA_PLUGINS_DEFAULTS_0_TYPE": "some.Task", "KESTRA_PLUGINS_DEFAULTS_0_FORCED": "true"}
    settings = _load(tmp_path, **told)
    assert settings.get("kestra.plugins.defaults") == [{"type": "some.Task", "forced": "true"}]
    assert settings.warnings == ()


def test_one_entry_of_a_map_joins_those_of_weaker_sources(tmp_path: Path) -> None:
    settings = _load(
        tmp_path,
        "kestra: {variables: {globals: {a: 1, deep: {x: 1, y: 2}}}}",
        KESTRA_VARIABLES_GLOBALS_REGION="eu",
    )
    assert settings.get("kestra.variables.globals") == {"a": 1, "deep": {"x": 1, "y": 2}, "region": "eu"}
    (tmp_path / "config.yml").write_text("kestra: {variables: {globals: {deep: {x: 0, z: 3}}}}")
    settings = _load(tmp_path, "kestra: {variables: {globals: {deep: {x: 1}}}}")
    assert settings.get("kestra.variables.globals") == {"deep": {"x": 1, "z": 3}}


def test_loggers_by_variable_nesting_and_dotted_name(tmp_path: Path) -> None:
    settings = _load(tmp_path, "logger:\n  levels:\n    io.kestra.core: DEBUG\n", LOGGER_LEVELS_ORG_FLOWS="TRACE")
    assert settings.get("logger.levels") == {"io.kestra.core": "DEBUG", "org": {"flows": "TRACE"}}


def test_names_of_a_map_stay_as_they_are_written(tmp_path: Path) -> None:
    settings = _load(tmp_path, "kestra.variables.globals.myRegion: eu\nkestra: {variables: {globals: {otherOne: 1}}}")
    assert settings.get("kestra.variables.globals") == {"myRegion": "eu", "otherOne": 1}


def test_variables_of_kubernetes_are_no_keys(tmp_path: Path) -> None:
    """A service that is named flowdeck or kestra sets `FLOWDECK_PORT=tcp://…` and more in every container."""
    told = {
        "FLOWDECK_PORT": "tcp://10.0.0.1:8080",
        "FLOWDECK_PORT_8080_TCP_ADDR": "10.0.0.1",
        "FLOWDECK_SERVICE_HOST": "10.0.0.1",
        "KESTRA_SERVICE_PORT_HTTP": "8080",
        "KESTRA_PORT": "tcp://10.0.0.1:8080",
    }
    settings = _load(tmp_path, **told)
    assert (settings.port, settings.warnings) == (8080, ())


# ---- placeholders (§0) ------------------------------------------------------------------------------------------------


def test_placeholders_mean_the_configuration_first_then_the_environment(tmp_path: Path) -> None:
    text = """
        own: {thing: 'from ${NAME}', loop: '${own.loop}'}
        kestra:
          url: http://${HOST:localhost}:${micronaut.server.port}/
          environment: {name: '${own.thing:none}', color: '${A:${B:blue}}'}
          variables: {globals: {list: ['${NAME}', plain], number: '${own.number:7}'}}
    """
    settings = _load(tmp_path, text, NAME="prod", MICRONAUT_SERVER_PORT="81")
    assert settings.get("kestra.url") == "http://localhost:81/"
    assert settings.get("kestra.environment.name") == "from prod"
    assert settings.get("kestra.environment.color") == "blue"
    assert settings.get("kestra.variables.globals") == {"list": ["prod", "plain"], "number": "7"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "kestra:\n  url: '${NOBODY}'",
            "kestra.url = '${NOBODY}' (KESTRA_CONFIGURATION, line 2): ${NOBODY} is neither",
        ),
        ("own: {a: '${own.b}', b: '${own.a}'}\nkestra: {url: '${own.a}'}", "leads to itself: own.a → own.b → own.a"),
    ],
)
def test_a_placeholder_that_leads_nowhere_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"kestra\.url") as caught:
        _load(tmp_path, text)
    assert said in str(caught.value)


def test_a_variable_that_only_looks_like_a_placeholder_stays(tmp_path: Path) -> None:
    assert (
        _load(tmp_path, KESTRA_SERVER_BASIC_AUTH_PASSWORD="a${b}c").get("kestra.server.basic-auth.password") == "a${b}c"
    )


# ---- what is said ------------------------------------------------------------------------------------------------------


def test_errors_and_warnings_name_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    file.write_text("# a comment\nkestra:\n  url: x\n  server:\n    preview:\n      maxRows: many\n")
    with pytest.raises(ValueError, match="expected an integer") as caught:
        load_settings(files=[file], environment={"FLOWDECK_HOME": str(tmp_path)})
    assert f"kestra.server.preview.max-rows = 'many' ({file}, line 6)" in str(caught.value)
    file.write_text("kestra:\n  url: a\n  url: b\n")
    settings = load_settings(files=[file], environment={"FLOWDECK_HOME": str(tmp_path)})
    assert settings.get("kestra.url") == "b"
    assert settings.warnings == (f"kestra.url stands twice in {file}, lines 2 and 3: the last one holds",)


def test_all_keys_without_effect_are_named_in_one_line(tmp_path: Path) -> None:
    text = "kestra: {jdbc: {queues: {pollSize: 5}}}\ndatasources: {postgres: {dialect: X}}\njackson: {a: 1}\n"
    text += "micronaut: {executors: {io: {type: fixed}}}\n"
    (line,) = _load(tmp_path, text).warnings
    assert line.startswith("without effect here: ")
    for name in ("kestra.jdbc.queues.poll-size", "datasources.postgres.dialect", "micronaut.executors.io.type"):
        assert f"{name} (KESTRA_CONFIGURATION, line " in line
    assert "jackson" not in line


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("kestra.server.basic-auth.user-name", "kestra.server.basic-auth.username"),
        ("micronaut.server.prot", "micronaut.server.port"),
        ("kestre.url", "kestra"),
    ],
)
def test_a_misspelled_key_names_its_neighbour(tmp_path: Path, name: str, near: str) -> None:
    (line,) = _load(tmp_path, f"{name}: 1").warnings
    assert line == f"unknown configuration key {name} (KESTRA_CONFIGURATION, line 1); did you mean {near}?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kestra: {queue: {type: postgres}}", "it must fit kestra.repository.type (sqlite)"),
        ("kestra: {repository: {type: elasticsearch}}", "for many machines use PostgreSQL"),
        ("kestra: {storage: {type: s3}}", "kestra.storage.type = 's3' (KESTRA_CONFIGURATION, line 1): expected local"),
        (
            "kestra: {server: {workerTaskRestartStrategy: often}}",
            "expected AFTER_TERMINATION_GRACE_PERIOD, IMMEDIATELY or",
        ),
        ("micronaut: {server: {port: 70000}}", "expected a port between 0 and 65535"),
        ("micronaut: {server: {port: -4}}", "expected 0 or more"),
        ("micronaut: {server: {contextPath: 'a b'}}", "expected segments"),
        ("micronaut: {server: {contextPath: /api}}", "/api is a path of the server itself"),
        ("micronaut: {ssl: {enabled: true}}", "micronaut.server.ssl.key-store.path is needed"),
        ("micronaut: {server: {ssl: {keyStore: {path: a.jks}}}}", "keytool -importkeystore"),
        ("kestra: {http: {blockedCidrs: [10.0.0.0/40]}}", "'10.0.0.0/40' is no address"),
        ("endpoints: {all: {basicAuth: {username: a}}}", "endpoints.all.basic-auth.password is needed"),
        (
            "micronaut: {server: {cors: {configurations: {web: {allowedOrigins: ['*'], allowCredentials: true}}}}}",
            "expected exact allowed-origins",
        ),
        ("micronaut: {server: {cors: {configurations: {web: {allowedOrigins: [a.b]}}}}}", "'a.b': expected an origin"),
        ("flowdeck: {log: {format: xml}}", "expected text, json, gcp or ecs"),
    ],
)
def test_a_wrong_value_names_the_rule(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        _load(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_words_are_known_in_any_case(tmp_path: Path) -> None:
    settings = _load(tmp_path, "kestra: {server: {workerTaskRestartStrategy: immediately}, repository: {type: H2}}")
    assert settings.get("kestra.server.worker-task-restart-strategy") == "IMMEDIATELY"
    assert not settings.clustered


def test_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    text = """
        datasources: {postgres: {url: 'postgresql://u:geh%40eim@h/d?password=geheim&x=1', password: geheim}}
        kestra:
          variables: {globals: {apiToken: geheim, region: eu, deep: {password: geheim}}}
          plugins: {configurations: [{type: a.B, values: {accessKey: geheim, mode: on}}], repositories: {a: geheim}}
          encryption: {secretKey: geheim}
    """
    shown = str(_load(tmp_path, text, KESTRA_AI_KEY="geheim").shown())
    assert "geheim" not in shown
    assert "geh%40eim" not in shown
    assert "region" in shown
    with pytest.raises(ValueError, match=r"\*\*\*\*\*\*") as caught:
        _load(tmp_path, "kestra: {encryption: {secretKey: [geheim, '${NOBODY}']}}")
    assert "geheim" not in str(caught.value)


# ---- what becomes of other machinery's options (F62, F63, F67) -----------------------------------------------------------


def test_options_of_java_that_have_a_meaning(tmp_path: Path) -> None:
    options = (
        "-Duser.timezone=Europe/Paris -Xmx1g -Dhttps.proxyHost=proxy -Dhttps.proxyPort=3128 "
        "-Dhttp.nonProxyHosts='localhost|*.own.net' -Djavax.net.ssl.trustStore=/ca.pem"
    )
    settings = _load(tmp_path, JAVA_OPTS=options)
    assert settings.environment == {
        "TZ": "Europe/Paris",
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "localhost,.own.net",
        "SSL_CERT_FILE": "/ca.pem",
    }
    assert settings.warnings == ("without effect here, of JAVA_OPTS: -Xmx1g",)
    assert _load(tmp_path, JAVA_OPTS=options, TZ="UTC").environment.get("TZ") is None


def test_proxy_and_certificates_by_keys(tmp_path: Path) -> None:
    text = """
        kestra: {ssl: {caBundle: '${CA}'}}
        micronaut: {http: {client: {proxyAddress: 'proxy:80', proxyUsername: u, proxyPassword: 'p@'}}}
    """
    file = tmp_path / "ca.pem"
    with pytest.raises(ValueError, match=r"kestra\.ssl\.ca-bundle = .*: there is no such file"):
        _load(tmp_path, text, CA=str(file))
    file.touch()
    found = _load(tmp_path, text, https_proxy="http://mine", CA=str(file)).environment
    assert found["SSL_CERT_FILE"] == found["REQUESTS_CA_BUNDLE"] == str(file)
    assert found["HTTP_PROXY"] == "http://u:p%40@proxy:80"
    assert "HTTPS_PROXY" not in found


def test_tls_has_its_own_port_unless_one_is_named(tmp_path: Path) -> None:
    text = "micronaut: {server: {port: 9000, ssl: {enabled: true, keyStore: {path: a.p12}}}}"
    assert (_load(tmp_path, text).port, _load(tmp_path, text).tls) == (8443, True)
    assert _load(tmp_path, text, FLOWDECK_PORT="9001").port == 9001
    assert _load(tmp_path, text, {"micronaut.server.port": 9002}).port == 9002


def test_names_in_configurations_of_plugins_are_relaxed_too(tmp_path: Path) -> None:
    """§0: pages write both `volumeEnabled` and `volume-enabled`."""
    text = "kestra: {plugins: {configurations: [{type: a.B, values: {volume-enabled: true, recoverMissed: ALL}}]}}"
    told = _load(tmp_path, text).get("kestra.plugins.configurations")
    assert told == [{"type": "a.B", "values": {"volumeEnabled": True, "recoverMissed": "ALL"}}]
    with pytest.raises(ValueError, match=r"\{type, values\}"):
        _load(tmp_path, "kestra: {plugins: {configurations: [a.B]}}")


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_processors_of_a_container(tmp_path: Path, files: dict[str, str], count: int | None) -> None:
    """F67: the count honours control groups."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpus_of_container.__wrapped__(tmp_path) == count


def test_keys_of_a_datasource(tmp_path: Path) -> None:
    text = """
        kestra: {repository: {type: postgres}}
        datasources: {postgres: {url: 'jdbc:postgresql://h/d', connectionTimeout: 4200, maximum-pool-size: 3}}
        flyway: {datasources: {postgres: {enabled: false}}}
    """
    settings = _load(tmp_path, text)
    assert settings.database_url == "postgresql://h/d?connect_timeout=4"
    assert (settings.readers, settings.migrates) == (3, False)
    assert (_load(tmp_path).readers, _load(tmp_path).migrates) == (8, True)


def test_spans_of_the_reference_s_pages(tmp_path: Path) -> None:
    text = "kestra: {server: {liveness: {interval: 5s, timeout: 45s}, terminationGracePeriod: 5m, service: {purge: {retention: 7d}}}}"
    settings = _load(tmp_path, text)
    assert settings.span("kestra.server.service.purge.retention") == timedelta(days=7)
