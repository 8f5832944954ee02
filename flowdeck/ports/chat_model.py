"""A language model that answers in text: what the assistant of the editors asks (enterprise and operations F70)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ChatModelError(Exception):
    """The provider gave no answer: the message says why, without its key."""


class ChatModel(Protocol):
    """One configured provider."""

    id: str
    name: str
    is_default: bool

    async def answer(self, system: str, turns: Sequence[tuple[str, str]]) -> str:
        """The model's text after `turns` (`user` or `assistant`, text). `ChatModelError`."""
        ...
