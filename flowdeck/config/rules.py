"""Rules between configuration keys; all errors name key, value, source and rule."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowdeck.config.accounts import accounts

POSTGRES = ("postgres", "postgresql")
SQLITE = ("sqlite", "h2", "memory")
_PLACE = re.compile(r"\S+:\d{1,5}")


def check(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """`ValueError` for values that don't go together."""

    def wrong(name: str, rule: str) -> ValueError:
        return ValueError(f"{name} = {values.get(name)!r} ({sources.get(name, 'default')}): {rule}")

    accounts(values)
    _backends(values, wrong)
    for name in ("micronaut.server.port", "micronaut.server.ssl.port", "endpoints.all.port"):
        if values.get(name, 1) > 65535:
            raise wrong(name, "expected a port between 0 and 65535")
    _cluster(values, wrong)
    _storage(values)
    beat = values.get("kestra.server.liveness.heartbeat-interval", timedelta(seconds=3))
    timeout = values.get("kestra.server.liveness.timeout", timedelta(seconds=45))
    if beat >= timeout:
        raise ValueError(
            f"kestra.server.liveness.heartbeat-interval = {beat}: expected less than kestra.server.liveness.timeout "
            f"({timeout})"
        )
    _http(values, wrong)
    for name in ("kestra.http.blocked-cidrs", "kestra.http.allowed-cidrs", "flowdeck.server.trusted-proxies"):
        for one in values.get(name) or ():
            try:
                ipaddress.ip_network(str(one), strict=False)
            except ValueError:
                raise wrong(name, f"{one!r} is no address and no network such as 10.0.0.0/8") from None
    bundle = values.get("kestra.ssl.ca-bundle")
    if bundle and not Path(str(bundle)).is_file():
        raise wrong("kestra.ssl.ca-bundle", "there is no such file: nothing could be reached with TLS")
    _expressions(values, wrong)
    if values.get("endpoints.all.basic-auth.username") and not values.get("endpoints.all.basic-auth.password"):
        raise wrong("endpoints.all.basic-auth.username", "endpoints.all.basic-auth.password is needed with it")


def _backends(values: Mapping[str, Any], wrong: Any) -> None:
    kind, queue = values.get("kestra.repository.type"), values.get("kestra.queue.type")
    for name, told in (("kestra.repository.type", kind), ("kestra.queue.type", queue)):
        if told == "mysql":
            raise wrong(name, "expected sqlite or postgres; MySQL is not supported")
        if told in ("kafka", "elasticsearch"):
            raise wrong(name, "expected sqlite or postgres; for many machines use PostgreSQL with several executors")
    if queue is not None and (queue in POSTGRES) != (kind in POSTGRES):
        raise wrong("kestra.queue.type", f"it must fit kestra.repository.type ({kind or 'sqlite'})")


def _cluster(values: Mapping[str, Any], wrong: Any) -> None:
    listen = values.get("flowdeck.cluster.listen")
    remote = values.get("flowdeck.cluster.executors") or ()
    if (listen or remote) and not values.get("flowdeck.cluster.token"):
        raise ValueError("flowdeck.cluster.token is needed with flowdeck.cluster.listen and flowdeck.cluster.executors")
    for name, place in (("listen", listen), *(("executors", one) for one in remote)):
        if place and not _PLACE.fullmatch(str(place)):
            raise wrong(f"flowdeck.cluster.{name}", f"{place!r}: expected host:port")


def _storage(values: Mapping[str, Any]) -> None:
    """F68: a local folder and workers of other machines go together only when all see that folder."""
    if values.get("kestra.storage.local.shared"):
        return
    for place in values.get("flowdeck.cluster.executors") or ():
        host = str(place).rpartition(":")[0].strip("[]")
        if not (host == "localhost" or host.startswith("127.") or host == "::1"):
            raise ValueError(
                f"flowdeck.cluster.executors = {place!r}: files would not be found on another machine; when all see "
                "one folder, say so with kestra.storage.local.shared: true"
            )


def _http(values: Mapping[str, Any], wrong: Any) -> None:
    store = "micronaut.server.ssl.key-store"
    tls = values.get("micronaut.server.ssl.enabled", values.get("micronaut.ssl.enabled", False))
    if tls and not values.get(f"{store}.path"):
        raise ValueError(f"micronaut.server.ssl.enabled = true: {store}.path is needed, a PKCS12 or PEM file")
    for name in (store, "micronaut.server.ssl.trust-store"):
        path = str(values.get(f"{name}.path") or "")
        if values.get(f"{name}.type") == "JKS" or path.lower().endswith(".jks"):
            raise wrong(
                f"{name}.path",
                "JKS can't be read; convert it: keytool -importkeystore -srckeystore FILE.jks -destkeystore FILE.p12 "
                "-deststoretype pkcs12",
            )
    for name in ("host-header", "protocol-header"):
        told = values.get(f"micronaut.server.host-resolution.{name}")
        if told and not re.fullmatch(r"[A-Za-z0-9-]+", str(told)):
            raise wrong(f"micronaut.server.host-resolution.{name}", "expected the name of a header")
    need = values.get("micronaut.server.ssl.client-authentication") or values.get("micronaut.server.ssl.client-auth")
    if tls and need in ("want", "need") and not values.get("micronaut.server.ssl.trust-store.path"):
        raise ValueError(
            f"micronaut.server.ssl.client-authentication = {need}: micronaut.server.ssl.trust-store.path is needed"
        )
    path = str(values.get("micronaut.server.context-path") or "").strip("/ ")
    if path and not re.fullmatch(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*", path):
        raise wrong("micronaut.server.context-path", "expected segments of letters, digits, dots and dashes")
    if path.split("/")[0] in ("api", "ui", "_ui", "login", "logout", "ping"):
        raise wrong("micronaut.server.context-path", f"/{path.split('/')[0]} is a path of the server itself")
    cors(values)
    if values.get("micronaut.io.watch.enabled") and not values.get("micronaut.io.watch.paths"):
        raise wrong("micronaut.io.watch.enabled", "micronaut.io.watch.paths is needed with it")


def cors(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The told configurations of `micronaut.server.cors`, their names in kebab case; `ValueError` for a wrong one."""
    from flowdeck.config.sources import kebab
    from flowdeck.config.values import parse_value

    found: list[dict[str, Any]] = []
    kinds = {
        "allowed-origins": "l",
        "allowed-origins-regex": "s",
        "allowed-methods": "l",
        "allowed-headers": "l",
        "exposed-headers": "l",
        "allow-credentials": "b",
        "max-age": "i",
    }
    for name, told in (values.get("micronaut.server.cors.configurations") or {}).items():
        place = f"micronaut.server.cors.configurations.{name}"
        if not isinstance(told, Mapping):
            raise ValueError(f"{place}: expected a map")
        one: dict[str, Any] = {}
        for written, value in told.items():
            known = kebab(str(written))
            if known not in kinds:
                raise ValueError(f"{place}.{written}: expected one of {', '.join(kinds)}")
            try:
                one[known] = parse_value(kinds[known], value)
            except ValueError as error:
                raise ValueError(f"{place}.{known} = {value!r}: {error}") from None
        origins = one.get("allowed-origins") or []
        for origin in origins:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s*]+", str(origin)):
                raise ValueError(f"{place}.allowed-origins = {origin!r}: expected an origin such as https://my.site")
        try:
            re.compile(one.get("allowed-origins-regex") or "")
        except re.error as error:
            raise ValueError(f"{place}.allowed-origins-regex: {error}") from None
        everybody = "*" in origins or not (origins or one.get("allowed-origins-regex"))
        if everybody and one.get("allow-credentials"):
            raise ValueError(f"{place}.allow-credentials = true: expected exact allowed-origins with it, not all")
        found.append(one)
    return found


def _expressions(values: Mapping[str, Any], wrong: Any) -> None:
    rule = values.get("kestra.security.basic-auth.password-regexp")
    named = (("kestra.security.basic-auth.password-regexp", [rule] if rule else []),)
    named += (
        (
            "micronaut.server.netty.access-logger.exclusions",
            values.get("micronaut.server.netty.access-logger.exclusions"),
        ),
    )
    for name, told in named:
        for one in told or ():
            try:
                re.compile(str(one))
            except re.error as error:
                raise wrong(name, f"{one!r} is no regular expression: {error}") from None


def environment(values: Mapping[str, Any], present: Mapping[str, str]) -> dict[str, str]:
    """Variables that processes should have by these settings; those that are there win (F62, F63)."""
    found: dict[str, str] = {}
    bundle = values.get("kestra.ssl.ca-bundle")
    if bundle:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"):
            found[name] = str(bundle)
    address = values.get("micronaut.http.client.proxy-address")
    kind = values.get("micronaut.http.client.proxy-type") or "http"
    if address and kind != "direct":
        user, password = (values.get(f"micronaut.http.client.proxy-{name}") for name in ("username", "password"))
        login = f"{quote(str(user), safe='')}:{quote(str(password or ''), safe='')}@" if user else ""
        proxy = f"{'socks5' if kind == 'socks' else 'http'}://{login}{address}"
        found |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy}
    return {name: value for name, value in found.items() if name not in present and name.lower() not in present}
