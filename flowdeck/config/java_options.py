"""What of `JAVA_OPTS` has a meaning here: time zone, proxies, certificates (spec: F63, F67)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import quote


def variables(environment: Mapping[str, str], warnings: list[str]) -> dict[str, str]:
    """Environment variables that say the same; those that are there win. The rest is named once in `warnings`."""
    told: dict[str, str] = {}
    rest: list[str] = []
    for variable in ("JAVA_OPTS", "KESTRA_JAVA_OPTS"):
        text = environment.get(variable, "")
        try:
            words = shlex.split(text)
        except ValueError:
            words = text.split()
        for word in words:
            name, equals, value = word.removeprefix("-D").partition("=")
            if word.startswith("-D") and equals and name in _KNOWN:
                told[name] = value
            else:
                rest.append(word.partition("=")[0])
    found: dict[str, str] = {}
    if zone := told.get("user.timezone"):
        found["TZ"] = zone
    for scheme in ("http", "https"):
        host = told.get(f"{scheme}.proxyHost")
        if host:
            user, password = told.get(f"{scheme}.proxyUser"), told.get(f"{scheme}.proxyPassword", "")
            login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
            port = told.get(f"{scheme}.proxyPort", "80" if scheme == "http" else "443")
            found[f"{scheme.upper()}_PROXY"] = f"http://{login}{host}:{port}"
    if hosts := told.get("http.nonProxyHosts"):
        found["NO_PROXY"] = ",".join(one.removeprefix("*") for one in hosts.split("|") if one)
    store = told.get("javax.net.ssl.trustStore")
    if store:
        if store.lower().endswith((".pem", ".crt", ".cer")):
            found["SSL_CERT_FILE"] = store
        else:
            rest.append("-Djavax.net.ssl.trustStore (only PEM is read: use kestra.ssl.ca-bundle)")
    if rest:
        warnings.append(f"without effect here, of JAVA_OPTS: {' '.join(dict.fromkeys(rest))}")
    return {n: v for n, v in found.items() if n not in environment and n.lower() not in environment}


_KNOWN = frozenset(
    {
        "user.timezone",
        "http.nonProxyHosts",
        "javax.net.ssl.trustStore",
        "javax.net.ssl.trustStorePassword",
        *(f"{scheme}.proxy{part}" for scheme in ("http", "https") for part in ("Host", "Port", "User", "Password")),
    }
)
