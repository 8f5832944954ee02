"""The address of a PostgreSQL: as configurations of the reference write it, for JDBC, and as libpq wants it."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

LIBPQ = frozenset(
    """
    host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout
    client_encoding options application_name fallback_application_name keepalives keepalives_idle
    keepalives_interval keepalives_count tcp_user_timeout replication gssencmode sslmode requiressl
    sslnegotiation sslcompression sslcert sslkey sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni
    requirepeer ssl_min_protocol_version ssl_max_protocol_version krbsrvname gsslib gssdelegation service
    target_session_attrs load_balance_hosts
    """.split()  # noqa: SIM905 - a list of words
)
"""Parameters that libpq takes in an address; those of the JDBC driver alone are left out."""
RENAMED = {
    "ApplicationName": "application_name",
    "connectTimeout": "connect_timeout",
    "loginTimeout": "connect_timeout",
    "targetServerType": "target_session_attrs",
}
SERVERS = {"primary": "primary", "master": "primary", "secondary": "standby", "any": "any", "preferSecondary": "any"}


def postgres_url(
    url: str,
    username: str | None = None,
    password: str | None = None,
    schema: str | None = None,
    timeout_ms: int | None = None,
) -> str:
    """An address for libpq.

    Args:
        url: `jdbc:postgresql://host:port/database?…` or the same without `jdbc:`.
        username: used unless the address names one.
        password: as `username`.
        schema: where the tables are, instead of `public`.
        timeout_ms: how long connecting may take, unless the address says it; whole seconds, at least 2.
    """
    parts = urlsplit(url.removeprefix("jdbc:"))
    query: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "currentSchema":
            schema = schema or value
        elif name == "ssl":
            if value.lower() in ("", "true"):
                query.setdefault("sslmode", "verify-full")
        elif name == "targetServerType":
            query["target_session_attrs"] = SERVERS.get(value, "any")
        elif RENAMED.get(name, name) in LIBPQ:
            query[RENAMED.get(name, name)] = value
    if schema and "options" not in query:
        query["options"] = f"-c search_path={schema}"
    if timeout_ms is not None:
        query.setdefault("connect_timeout", str(max(2, round(timeout_ms / 1000))))
    netloc = parts.netloc
    if username and "@" not in netloc and "user" not in query:
        secret = f":{quote(str(password), safe='')}" if password else ""
        netloc = f"{quote(str(username), safe='')}{secret}@{netloc}"
    # Not the scheme `postgres`: one name for one thing. Spaces as %20, libpq knows no plus.
    return urlunsplit(("postgresql", netloc, parts.path, urlencode(query, quote_via=quote, safe="/"), ""))
