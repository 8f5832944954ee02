"""Keys below `flowdeck.`: what the reference does not have."""

from __future__ import annotations

from flowdeck.config.key import below, key

OWN = below(
    "flowdeck",
    key("home", text="Folder of everything that an instance writes; else `~/.flowdeck`."),
    key("cpus", "i", text="Processors that may be used; else those of this machine or container.", least=1),
    key("mode", "s", "oss", "`oss`: accounts come from the configuration.", choices="oss"),
    key("durability", "s", "barrier", "Which commits are flushed to the disk.", choices="full barrier normal"),
    key("server.host", "s", "127.0.0.1", "Listening address."),
    key(
        "server.trusted-proxies",
        "l",
        ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
        "Networks whose `X-Forwarded-*` headers are believed.",
    ),
    key("server.head-timeout", "d", "PT20S", "Time for the head of a request to arrive."),
    key("server.body-timeout", "d", "PT60S", "Time for a body, beyond what its size takes at 500 bytes a second."),
    key("server.origins", "l", [], "Further public addresses of the console."),
    key("log.format", "s", "text", "Form of lines on the terminal.", choices="text json gcp ecs"),
    key("log.level", "s", "INFO", "Level of the server's log.", choices="TRACE DEBUG INFO WARN WARNING ERROR OFF"),
    key("log.max-size", "z", "10MB", "Size after which a log file is put aside.", least=1024),
    key("log.max-files", "i", 5, "Files that are kept.", least=0),
    key("metrics.jvm-aliases", "b", False, "Whether `jvm_memory_used_bytes` and `jvm_threads_live_threads` are told."),
    key("retention.logs", "d", "P30D", "How long log lines are kept; `P0D` = for ever."),
    key("retention.metrics", "d", "P30D", "How long metrics are kept; `P0D` = for ever."),
    key("retention.executions", "d", "P0D", "How long ended executions are kept; `P0D` = for ever."),
    key(
        "security.accounts",
        "l",
        [],
        "Accounts beside the first one: `{username, password, role}` each; roles are Admin, Developer, Editor, "
        "Launcher, Viewer.",
        secret=True,
    ),
    key("session.idle-timeout", "d", "PT12H", "A session ends after this time without a call."),
    key("session.absolute-timeout", "d", "P30D", "A session ends at the latest after this time."),
    key("worker.threads", "i", text="Tasks with a process or thread at a time; else 4 a processor.", least=1),
    key("worker.group", text="Pool of this worker."),
    key("worker.groups", "l", [], "Pools that flows may name."),
    key("worker.async-credits", "i", 1000, "Tasks without a thread at a time.", least=1),
    key("console.enabled", "b", True, "Whether the console is served."),
    key("console.api-url", text="Where the console finds an API that runs elsewhere."),
    key("disk.threshold", "z", "10MB", "Free room below which health is red."),
    key("cluster.listen", text="`host:port` for workers of other machines."),
    key("cluster.executors", "l", [], "`host:port` of the executors, for a worker of another machine."),
    key("cluster.token", secret=True, text="What lets such a worker in."),
    key("cluster.certificate", text="PEM certificate of that port."),
    key("cluster.private-key", text="Its key."),
    key("cluster.ca", text="What such a worker trusts."),
)
