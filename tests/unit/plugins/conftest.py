"""Plugins are tested on a real worker."""

from tests.unit.worker.conftest import bare, core

__all__ = ["bare", "core"]
