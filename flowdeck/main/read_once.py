"""Configuration files that are deleted once read: `kestra.configurations.delete-files-on-start` (spec: F64).

The components are processes that read the configuration by themselves: they get what stood in the files in memory.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence

from flowdeck.config import Settings

log = logging.getLogger("flowdeck.supervisor")


def hand_over(
    settings: Settings, arguments: Sequence[str]
) -> tuple[tuple[str, ...], tuple[int, ...], Callable[[], None]]:
    """Keep what stands in the files, when the configuration says that they go.

    Returns:
        The command-line words for children, the file descriptors that they inherit, and what deletes the files: to be
        called when the start has succeeded so far that nobody has to write them again.
    """
    if not settings.get("kestra.configurations.delete-files-on-start") or not settings.files:
        return tuple(arguments), (), lambda: None
    words = list(_without_files(arguments))
    kept: list[int] = []
    for path in settings.files:
        handle = os.memfd_create(path.name, os.MFD_CLOEXEC)
        os.write(handle, path.read_bytes())
        kept.append(handle)
        words += ["--config", f"/proc/self/fd/{handle}"]
    os.environ.pop("KESTRA_CONFIGURATION_PATH", None)

    def delete() -> None:
        for path in settings.files:
            try:
                path.unlink()
            except OSError as error:
                log.warning("configuration file %s can't be deleted: %s", path, error.strerror or error)

    return tuple(words), tuple(kept), delete


def _without_files(arguments: Sequence[str]) -> Iterator[str]:
    words = iter(arguments)
    for word in words:
        if word in ("-c", "--config"):
            next(words, None)
        else:
            yield word
