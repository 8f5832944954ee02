"""From flags to settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flowdeck.config import Settings, load_settings


def settings_of(options: argparse.Namespace) -> Settings:
    """The merged configuration with the flags that were given; `ValueError` for a wrong value."""
    flags: dict[str, Any] = {
        "flowdeck.home": options.home,
        "flowdeck.log.level": options.log_level or ("DEBUG" if options.verbose else None),
        "micronaut.server.port": getattr(options, "port", None),
        "micronaut.server.host": getattr(options, "host", None),
        "endpoints.all.port": getattr(options, "management_port", None),
        "flowdeck.worker.threads": getattr(options, "worker_thread", None) or None,
        "flowdeck.worker.group": getattr(options, "worker_group", None),
    }
    return load_settings({k: v for k, v in flags.items() if v is not None}, files=[Path(f) for f in options.config])


def repeated(options: argparse.Namespace) -> tuple[str, ...]:
    """The global flags as words, for a child process."""
    words: list[str] = []
    if options.home:
        words += ["--home", str(options.home)]
    for file in options.config:
        words += ["--config", str(Path(file).absolute())]
    if options.log_level:
        words += ["--log-level", options.log_level]
    return (*words, *(["-v"] * options.verbose))
