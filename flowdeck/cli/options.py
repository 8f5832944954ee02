"""From flags to settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowdeck.config import Settings


def level_of(options: argparse.Namespace) -> str | None:
    """The log level that the flags ask for: `-v` is DEBUG, `-vv` TRACE."""
    return options.log_level or {0: None, 1: "DEBUG"}.get(options.verbose, "TRACE")


def settings_of(options: argparse.Namespace) -> Settings:
    """The merged configuration with the flags that were given; `ValueError` for a wrong value."""
    from flowdeck.config import load_settings

    level = level_of(options)
    flags: dict[str, Any] = {
        "flowdeck.home": options.home,
        "flowdeck.log.level": level,
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
    if options.plugins:
        words += ["--plugins", str(Path(options.plugins).expanduser().absolute())]
    if options.log_level:
        words += ["--log-level", options.log_level]
    if options.internal_log:
        words.append("--internal-log")
    return (*words, *(["-v"] * options.verbose))
