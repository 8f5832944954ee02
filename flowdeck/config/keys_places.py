"""Keys of what keeps data: database, internal storage, secrets."""

from __future__ import annotations

from flowdeck.config.key import POOL, STORAGE, below, ignored, key

_SOURCE = (
    key("url", text="Address: `jdbc:postgresql://host:5432/database` or without `jdbc:`."),
    key("username", text="Account of the database."),
    key("password", secret=True, text="Its password."),
    key("schema", text="Schema of the tables; else `public`."),
    *ignored(
        POOL,
        "s",
        "catalog",
        "driver-class-name",
        "dialect",
        "minimum-idle",
        "idle-timeout",
        "max-lifetime",
        "validation-timeout",
        "initialization-fail-timeout",
        "leak-detection-threshold",
        "connection-init-sql",
        "connection-test-query",
        "transaction-isolation",
        "pool-name",
        "<n>",
    ),
    key("maximum-pool-size", "i", 10, "Most reading connections of one process at a time.", least=1),
    key("connection-timeout", "i", None, "Milliseconds that opening a connection may take; else 10,000.", least=1),
)

PLACES = (
    *below(
        "kestra",
        key(
            "repository.type",
            "s",
            None,
            "`postgres`, or `sqlite` (also `h2`, `memory`: the file in the home folder).",
            choices="sqlite h2 memory postgres postgresql mysql elasticsearch",
        ),
        key("storage.type", "s", "local", "`local`: a folder.", choices="local"),
        key("storage.local.base-path", text="Folder of the internal storage; else `storage` in the home folder."),
        key(
            "storage.local.shared",
            "b",
            False,
            "Said once workers of other machines see the same folder; else they may not start.",
        ),
        *ignored(
            STORAGE,
            "m",
            "storage.s3",
            "storage.minio",
            "storage.gcs",
            "storage.azure",
            "storage.cloudflare",
            "storage.seaweedfs",
            secret=True,
        ),
        *ignored("only workers read user data", "m", "storage.isolation", "secret.isolation"),
        *ignored("secrets lie in the database and in `SECRET_*` variables", "s", "secret.type"),
        *ignored("secrets can be written", "b", "secret.read-only"),
        *ignored("secrets lie in the database and in `SECRET_*` variables", "m", "secret.<n>", secret=True),
    ),
    *below("datasources.<n>", *_SOURCE),
    *below("kestra.datasources.<n>", *_SOURCE),
    key("flyway.datasources.<n>.enabled", "b", True, "Whether a start brings the tables up to date."),
    *ignored(POOL, "s", "flyway.datasources.<n>.<n>"),
)
