"""The catalogue of configuration keys (spec: enterprise and operations G1).

A key's kind is a letter: s text, b boolean, i integer, f number, d span, z size, l list, m map. `<n>` stands for any
one segment. An ignored key is accepted with a warning; a key that is nowhere here warns with the nearest known one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its dotted kebab-case name, kind and default."""

    name: str
    kind: str = "s"
    default: Any = None
    secret: bool = False
    ignored: bool = False


def _keys(prefix: str, *entries: tuple[Any, ...]) -> list[Key]:
    return [Key(f"{prefix}{name}", *rest) for name, *rest in entries]


KEYS: tuple[Key, ...] = (
    *_keys(
        "kestra.",
        ("url",),
        ("environment.name",),
        ("environment.color",),
        ("encryption.secret-key", "s", None, True),
        ("encryption.previous-keys", "l", [], True),
        ("repository.type",),
        ("queue.type",),
        ("queue.postgres.disable-seq-scan", "b", False, False, True),
        ("jdbc.queues.message-protection.enabled", "b", False),
        ("jdbc.queues.message-protection.limit", "i", 1048576),
        ("jdbc.queues.<n>", "s", None, False, True),
        ("jdbc.cleaner.<n>", "d", None, False, True),
        ("jdbc.tables.<n>.table", "s", None, False, True),
        ("storage.type", "s", "local"),
        ("storage.local.base-path",),
        ("storage.local.shared", "b", False),
        ("secret.type",),
        ("secret.read-only", "b", False),
        ("secret.<n>", "m", {}, True),
        ("retries", "m", {}),
        ("server.basic-auth.username",),
        ("server.basic-auth.password", "s", None, True),
        ("server.basic-auth.realm", "s", "Kestra"),
        ("server.basic-auth.open-urls", "l", []),
        ("server.basic-auth.enabled", "b", None, False, True),
        ("server.preview.initial-rows", "i", 100),
        ("server.preview.max-rows", "i", 5000),
        ("server.termination-grace-period", "d", "5m"),
        ("server.terminate-grace-period", "d"),
        ("server.worker-task-restart-strategy", "s", "AFTER_TERMINATION_GRACE_PERIOD"),
        ("server.liveness.enabled", "b", True),
        ("server.liveness.interval", "d", "5s"),
        ("server.liveness.timeout", "d", "45s"),
        ("server.liveness.initial-delay", "d", "45s"),
        ("server.liveness.heartbeat-interval", "d", "3s"),
        ("server.service.purge.retention", "d", "7d"),
        ("server.standalone.running.timeout", "d", "PT1M"),
        ("heartbeat.frequency", "d", None, False, True),
        ("heartbeat.heartbeat-missed", "i", None, False, True),
        ("security.basic-auth.password-regexp",),
        ("security.super-admin", "m", {}, False, True),
        ("security.default-role", "m", {}, False, True),
        ("security.invitations", "m", {}, False, True),
        ("security.login", "m", {}, False, True),
        ("ee", "m", {}, False, True),
        ("plugins.repositories", "m", {}, True),
        ("plugins.defaults", "l", []),
        ("plugins.configurations", "l", []),
        ("plugins.security.includes", "l", []),
        ("plugins.security.excludes", "l", []),
        ("plugins.management", "m", {}, False, True),
        ("tasks.tmp-dir.path",),
        ("tasks.defaults", "l", []),
        ("tasks.sdk.authentication", "m", {}, True),
        ("system-flows.namespace", "s", "system"),
        ("tutorial-flows.enabled", "b", True),
        ("templates.enabled", "b", False, False, True),
        ("hidden-labels.prefixes", "l", ["system.", "internal."]),
        ("variables.env-vars-prefix", "s", "ENV_"),
        ("variables.globals", "m", {}),
        ("variables.recursive-rendering", "b", False),
        ("variables.cache-enabled", "b", True),
        ("variables.cache-size", "i", 1000),
        ("variables.redacted-env-vars", "l", []),
        ("local-files.allowed-paths", "l", []),
        ("local-files.enable-preview", "b", True),
        ("regex.timeout", "d", "1s"),
        ("http.blocked-cidrs", "l", ["169.254.0.0/16", "fe80::/10"]),
        ("kv.purge-expired.enabled", "b", True),
        ("kv.purge-expired.initial-delay", "d", "PT6H"),
        ("kv.purge-expired.fixed-delay", "d", "PT6H"),
        ("kv.purge-expired.batch-size", "i", 1000),
        ("configurations.delete-files-on-start", "b", False),
        ("anonymous-usage-report", "m", {}, False, True),
        ("ui-anonymous-usage-report.enabled", "b", False, False, True),
        ("metrics.prefix", "s", "kestra"),
        ("metrics.labels", "l", []),
        ("traces", "m", {}, False, True),
        ("webserver", "m", {}, False, True),
        ("ai", "m", {}, True, True),
        ("ssl.ca-bundle",),
        ("elasticsearch", "m", {}, True, True),
        ("kafka", "m", {}, True, True),
        ("indexer", "m", {}, False, True),
    ),
    *_keys(
        "datasources.<n>.",
        ("url",),
        ("username",),
        ("password", "s", None, True),
        ("schema",),
        ("catalog",),
        ("driver-class-name", "s", None, False, True),
        ("dialect", "s", None, False, True),
        ("maximum-pool-size", "i", 10),
        ("<n>", "s", None, False, True),
    ),
    Key("flyway.datasources.<n>.enabled", "b", True),
    *_keys(
        "micronaut.",
        ("server.port", "i", 8080),
        ("server.host",),
        ("server.context-path", "s", ""),
        ("server.max-request-size", "z", "10GB"),
        ("server.multipart.max-file-size", "z", "10GB"),
        ("server.multipart.<n>", "s", None, False, True),
        ("server.netty", "m", {}, False, True),
        ("server.cors.enabled", "b", False),
        ("server.ssl", "m", {}, True, True),
        ("server.<n>", "s", None, False, True),
        ("ssl.enabled", "b", False, False, True),
        ("http", "m", {}, False, True),
        ("security", "m", {}, True, True),
        ("io.watch", "m", {}, False, True),
        ("metrics", "m", {}, False, True),
        ("otel.enabled", "b", False, False, True),
    ),
    *_keys(
        "endpoints.",
        ("all.port", "i", 8081),
        ("all.enabled", "b", True),
        ("all.sensitive", "b", False),
        ("all.basic-auth.username",),
        ("all.basic-auth.password", "s", None, True),
        ("<n>.enabled", "b", True),
    ),
    Key("logger.levels", "m", {}),
    Key("otel", "m", {}, False, True),
    *_keys(
        "flowdeck.",
        ("home",),
        ("cpus", "i"),
        ("mode", "s", "oss"),
        ("durability", "s", "barrier"),
        ("server.host", "s", "127.0.0.1"),
        (
            "server.trusted-proxies",
            "l",
            ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
        ),
        ("server.origins", "l", []),
        ("log.format", "s", "text"),
        ("log.level", "s", "INFO"),
        ("log.max-size", "z", "10MB"),
        ("log.max-files", "i", 5),
        ("metrics.jvm-aliases", "b", False),
        ("retention.logs", "d", "P30D"),
        ("retention.metrics", "d", "P30D"),
        ("retention.executions", "d", "P0D"),
        ("session.idle-timeout", "d", "PT12H"),
        ("session.absolute-timeout", "d", "P30D"),
        ("worker.threads", "i"),
        ("worker.group",),
        ("worker.async-credits", "i", 1000),
        ("logs.max-lines-per-execution", "i", 0),
        ("console.enabled", "b", True),
        ("console.api-url",),
        ("disk.threshold", "z", "10MB"),
    ),
)

OWN_PREFIXES = ("kestra", "flowdeck", "micronaut", "endpoints", "datasources", "flyway", "logger", "otel")
"""First segments whose environment variables are read."""
