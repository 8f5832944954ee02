"""Keys below `kestra.`: the instance, its server, flows, plugins."""

from __future__ import annotations

from flowdeck.config.key import EDITION, PUSHED, QUIET, STORE, TRACES, below, ignored, key

ENGINE = below(
    "kestra",
    key("url", text="Public address with a slash at its end, without `ui` and `api`; stands in links."),
    key("environment.name", text="Name of this instance, shown in the console."),
    key("environment.color", text="Colour of that name."),
    key("encryption.secret-key", secret=True, text="Base64 key of secrets and SECRET values; else `secret.key`."),
    key(
        "encryption.previous-keys",
        "l",
        [],
        "Keys of before, which only decrypt; `flowdeck sys reencrypt` makes them needless.",
        secret=True,
    ),
    # queue
    key(
        "queue.type",
        text="Must fit `kestra.repository.type`; may be left out.",
        choices="sqlite h2 memory postgres postgresql mysql kafka",
    ),
    *ignored(PUSHED, "b", "queue.postgres.disable-seq-scan"),
    key("jdbc.queues.message-protection.enabled", "b", False, "Whether a task whose result is too large fails."),
    key("jdbc.queues.message-protection.limit", "i", 1048576, "Bytes of one task's result.", least=1),
    *ignored(PUSHED, "s", "jdbc.queues.<n>", "jdbc.cleaner.<n>", "jdbc.tables.<n>.table"),
    # server
    key("server.preview.initial-rows", "i", 100, "Rows of a file's first preview.", least=1),
    key("server.preview.max-rows", "i", 5000, "Most rows of a preview.", least=1),
    key("server.termination-grace-period", "d", "5m", "How long running tasks may go on after a stop."),
    key("server.terminate-grace-period", "d", text="Older spelling of `termination-grace-period`; wins when told."),
    key(
        "server.worker-task-restart-strategy",
        "s",
        "AFTER_TERMINATION_GRACE_PERIOD",
        "When tasks of a lost worker run again.",
        choices="AFTER_TERMINATION_GRACE_PERIOD IMMEDIATELY NEVER",
    ),
    key("server.liveness.enabled", "b", True, "Whether silent components are judged."),
    key("server.liveness.interval", "d", "5s", "Between two looks at the other components."),
    key("server.liveness.timeout", "d", "45s", "Silence after which a component is lost; length of leases."),
    key("server.liveness.initial-delay", "d", "45s", "How long a new component is not judged."),
    key("server.liveness.heartbeat-interval", "d", "3s", "Between two heartbeats; less than the timeout."),
    key("server.service.purge.retention", "d", "7d", "How long rows of ended components are kept."),
    key(
        "server.standalone.running.timeout",
        "d",
        "PT1M",
        "When not all parts are ready by then, the log names those that are missing.",
    ),
    *ignored("leases took its place", "s", "heartbeat.frequency", "heartbeat.heartbeat-missed"),
    key("worker.group", text="Older name of `flowdeck.worker.group`."),
    # plugins and tasks
    key("plugins.defaults", "l", [], "Plugin defaults of the instance: `{type, forced, values}`."),
    key("plugins.configurations", "l", [], "Settings of plugins: `{type, values}`."),
    *ignored("plugins come by pip", "m", "plugins.repositories", secret=True),
    *ignored(
        "all plugins of the environment may be used", "l", "plugins.security.includes", "plugins.security.excludes"
    ),
    *ignored("plugins come by pip", "m", "plugins.management"),
    key("tasks.tmp-dir.path", text="Folder of working directories; else the system's."),
    key("tasks.defaults", "l", [], "Older name of `plugins.defaults`."),
    *ignored("no task uses an SDK of the server", "m", "tasks.sdk.authentication", secret=True),
    *ignored("flows are written through the API", "m", "retries"),
    key("system-flows.namespace", "s", "system", "Namespace that lists hide as the system's."),
    *ignored("example flows are blueprints, nothing is loaded by itself", "b", "tutorial-flows.enabled"),
    *ignored("templates are gone", "b", "templates.enabled"),
    key("hidden-labels.prefixes", "l", ["system.", "internal."], "Labels that the console hides."),
    key("variables.env-vars-prefix", "s", "ENV_", "Environment variables that flows see as `envs`."),
    key("variables.globals", "m", {}, "What flows see as `globals`."),
    key("variables.recursive-rendering", "b", False, "Whether results of expressions are rendered again."),
    *ignored("compiled expressions are always kept", "s", "variables.cache-enabled", "variables.cache-size"),
    key("variables.redacted-env-vars", "l", [], "Environment variables whose values logs mask."),
    key("local-files.allowed-paths", "l", [], "Folders that `file://` may read."),
    *ignored("previews show files of the internal storage only", "b", "local-files.enable-preview"),
    key("regex.timeout", "d", "10s", "Longest work of one regular expression."),
    key(
        "http.blocked-cidrs",
        "l",
        ["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32"],
        "Networks that HTTP tasks and `http()` may not reach, redirects and proxies included.",
    ),
    key("http.allowed-cidrs", "l", [], "Exceptions from `kestra.http.blocked-cidrs`."),
    key("kv.purge-expired.enabled", "b", True, "Whether expired KV pairs are deleted."),
    key("kv.purge-expired.initial-delay", "d", "PT6H", "From the start to the first time."),
    key("kv.purge-expired.fixed-delay", "d", "PT6H", "Between two times."),
    key("kv.purge-expired.batch-size", "i", 1000, "Pairs of one transaction.", least=1),
    key("configurations.delete-files-on-start", "b", False, "Whether configuration files are deleted once read."),
    # observation
    key("metrics.prefix", "s", "kestra", "Prefix of metrics."),
    key("metrics.labels", "l", [], "Labels of executions that become tags `label_<key>` of their metrics."),
    *ignored(QUIET, "m", "anonymous-usage-report"),
    *ignored(QUIET, "b", "ui-anonymous-usage-report.enabled"),
    *ignored(TRACES, "m", "traces"),
    key(
        "webserver.html-head",
        text="HTML at the end of each page's head, such as styles or a banner's script; text, or a list of texts. The "
        "content policy lets its scripts run, and loads none from elsewhere.",
    ),
    *ignored(QUIET, "s", "webserver.google-analytics", "webserver.google-analytics-id"),
    key("ai.enabled", "b", True, "Whether the editors have an assistant; it does nothing without a provider."),
    key(
        "ai.providers",
        "l",
        [],
        "Providers of the assistant: `{id, display-name, type, isDefault, configuration: {model-name, api-key, "
        "base-url, temperature, top-p, top-k, max-output-tokens, timeout, custom-headers, ca-pem, client-pem}}`; "
        "types: openai, deepseek, mistralai, openrouter, ollama, gemini, anthropic, azure-openai (with `endpoint`, "
        "`service-version`), bedrock (with `region`) and googlevertexai (with `project` and `location`, or neither), "
        "these two with an `api-key` of theirs.",
        secret=True,
    ),
    key("ai.type", "s", None, "Type of the one provider, in the older form."),
    *(
        key(f"ai.{kind}", "m", {}, "Configuration of the one provider, in the older form.", secret=True)
        for kind in (
            "openai",
            "deepseek",
            "mistralai",
            "openrouter",
            "ollama",
            "gemini",
            "anthropic",
            "azure-openai",
            "bedrock",
            "googlevertexai",
        )
    ),
    key("ssl.ca-bundle", text="PEM file of certificates that outgoing calls trust; also of tasks' processes."),
    *ignored(STORE, "m", "elasticsearch", "kafka", secret=True),
    *ignored(STORE, "m", "indexer"),
    key("ee.left-sidebar.disabled-menus", "l", [], "Entries that nobody has in the menu: `Group/Item` or `Item`."),
    key("ee.right-sidebar.custom-links", "m", {}, "Links in the context bar: `<key>: {title, url}`."),
    key("ee.custom-links", "m", {}, "Older name of `ee.right-sidebar.custom-links`."),
    *ignored(
        EDITION,
        "m",
        "ee.license",
        "ee.tenants",
        "ee.java-security",
        "ee.execution-data",
        "ee.mail-service",
        secret=True,
    ),
    *ignored("that is how it always is", "b", "ee.airgapped"),
    *ignored("no rule asks for it", "s", "isolation.require", "apps.public.rate-limit", "audit.chain"),
)
