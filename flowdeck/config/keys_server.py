"""Keys of the HTTP server, the management port and the server's own log."""

from __future__ import annotations

from flowdeck.config.key import JAVA, TRACES, below, ignored, key

SERVER = (
    *below(
        "micronaut.server",
        key("port", "i", 8080, "Port of API and console.", least=0),
        key("host", text="Listening address; wins over `flowdeck.server.host`."),
        key("context-path", "s", "", "Path below which the API lies: `/flows` makes `/flows/api/v1/…`."),
        key("max-request-size", "z", "10GB", "Largest body of a request.", least=1),
        key("multipart.max-file-size", "z", "10GB", "Largest file of a form.", least=1),
        *ignored("uploads go straight to storage", "s", "multipart.<n>"),
        key("idle-timeout", "d", "60m", "How long a connection without a request stays open; told: that, else 75 s."),
        *ignored("a stream may be silent, a request may not", "d", "read-idle-timeout", "write-idle-timeout"),
        key("netty.max-header-size", "z", "32768", "Largest head of a request.", least=1024),
        key("netty.access-logger.enabled", "b", None, "`true`: on the terminal too; `false`: not even in the file."),
        key("netty.access-logger.logger-name", "s", "io.kestra.webserver.access", "Name of the log of requests."),
        key(
            "netty.access-logger.log-format",
            "s",
            "%t %r %s %a %b %D",
            "Its lines: `%t` instant, `%r` request line, `%s` status, `%a` address, `%b` bytes, `%D` milliseconds, "
            "`%h` `%m` `%U` `%q` `%H` as usual; or eight `{}`: date, duration, method, URL, status, length, IP, port.",
        ),
        key(
            "netty.access-logger.exclusions",
            "l",
            ["/ui/.+", "/health", "/health/.+", "/prometheus"],
            "Paths without a line: regular expressions for the whole path.",
        ),
        key("cors.enabled", "b", False, "Whether pages of other origins may call the API."),
        key(
            "cors.configurations",
            "m",
            {},
            "By any name: `allowed-origins`, `allowed-origins-regex`, `allowed-methods`, `allowed-headers`, "
            "`exposed-headers`, `allow-credentials`, `max-age`. None: all origins, without credentials.",
        ),
        key("host-resolution.host-header", text="Header in which a trusted proxy tells the name that callers used."),
        key("host-resolution.protocol-header", text="The same for `http` or `https`, besides `X-Forwarded-Proto`."),
        key("ssl.enabled", "b", None, "Whether API and console speak TLS."),
        key("ssl.port", "i", 8443, "Port with TLS, unless `FLOWDECK_PORT` or `--port` names one.", least=0),
        key("ssl.key-store.path", text="Certificate and key: a PKCS12 or PEM file; `file:` may stand before."),
        key("ssl.key-store.password", secret=True, text="Its password."),
        key("ssl.key-store.type", "s", None, "`PKCS12` or `PEM`.", choices="PKCS12 PEM JKS"),
        key("ssl.trust-store.path", text="Certificates of those who may sign client certificates."),
        key("ssl.trust-store.password", secret=True, text="Its password."),
        key("ssl.trust-store.type", "s", None, "`PKCS12` or `PEM`.", choices="PKCS12 PEM JKS"),
        key("ssl.client-authentication", "s", None, "Whether callers show a certificate.", choices="want need none"),
        key("ssl.client-auth", "s", None, "As `client-authentication`.", choices="want need none"),
    ),
    *below(
        "micronaut",
        key("ssl.enabled", "b", False, "Older place of `micronaut.server.ssl.enabled`."),
        key("http.client.proxy-address", text="`host:port` through which outgoing calls go."),
        key("http.client.proxy-type", "s", None, "Kind of that proxy.", choices="http socks direct"),
        key("http.client.proxy-username", text="Account at the proxy."),
        key("http.client.proxy-password", secret=True, text="Its password."),
        *ignored("tasks say it themselves", "s", "http.client.<n>"),
        *ignored("tasks say it themselves", "m", "http.services", secret=True),
        key("io.watch.enabled", "b", False, "Whether folders and flows are kept the same, both ways."),
        key("io.watch.paths", "l", [], "Those folders; flows without a file get one in the first."),
        key("io.watch.tenant-id", "s", "main", "Tenant of these flows.", choices="main"),
        *ignored("/prometheus is always there", "m", "metrics"),
        *ignored(TRACES, "m", "otel"),
    ),
    *below(
        "endpoints",
        key("all.port", "i", 8081, "Port of health and metrics; -1 or the API's own: they are there too.", least=-1),
        key("all.enabled", "b", True, "Whether there is a management port."),
        *ignored("basic authentication guards all or nothing", "b", "all.sensitive", "<n>.sensitive"),
        key("all.basic-auth.username", text="Account of the management port; none: it is open."),
        key("all.basic-auth.password", secret=True, text="Its password."),
        key("health.details-visible", "s", "ANONYMOUS", "Who sees details.", choices="ANONYMOUS AUTHENTICATED NEVER"),
        key("<n>.enabled", "b", True, "`false`: this endpoint answers 404."),
    ),
    key(
        "logger.levels", "m", {}, "Level of each logger; `execution`, `task`, `trigger` print starts and ends at INFO."
    ),
    *ignored(JAVA, "s", "logger.config"),
    *ignored(TRACES, "m", "otel"),
)
