"""YAML that a task is given: user text, so that depth and growth by aliases are bounded."""

from __future__ import annotations

from typing import Any

from flowdeck.expr import yamltext
from flowdeck.sdk.errors import TaskError


def read_yaml(text: str, what: str) -> Any:
    """Value of the first document of a text; dates stay text. `TaskError` naming `what`."""
    try:
        return yamltext.load(text)
    except ValueError as error:
        raise TaskError(f"{what} is no YAML: {str(error).removeprefix('Invalid yaml: ')}") from None
