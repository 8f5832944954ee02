"""Words that a page's state holds, in the reader's language.

Words of pages stay literals: the build looks after them (`app/locales/words_plugin.mjs`). What a handler makes, like
toasts, problems and sentences with numbers, is made here, from the same catalogues. English is the text itself; a word
that a catalogue lacks stays English. Data of users never goes through `say`; it fills the slots.

    self.toast(say("File saved"), path)
    self.toast(say_count(gone, "Key deleted", "{n} keys deleted", n=spoken(gone)))
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import reflex as rx

LOCALES = Path(__file__).resolve().parent / "locales"
ENGLISH = "en"
TAG = re.compile(r"[a-z]{2}(-[A-Z]{2})?")

_language: ContextVar[str] = ContextVar("console_language", default=ENGLISH)

_GROUPS = {"de": ".", "es": ".", "it": ".", "pt": ".", "fr": "\u202f", "pl": "\u00a0", "ru": "\u00a0"}
_ALWAYS_OTHER = frozenset({"ja", "ko", "zh-CN"})
_ZERO_IS_ONE = frozenset({"fr", "hi", "pt"})


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """Return the languages that have a catalogue, English first."""
    return (ENGLISH, *sorted(file.stem for file in LOCALES.glob("*.json") if TAG.fullmatch(file.stem)))


@lru_cache(maxsize=16)
def catalogue(language: str) -> dict[str, Any]:
    """Return English text to translation (a text, or one for each plural category); empty for English."""
    if language == ENGLISH or language not in languages():
        return {}
    return json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))


def choose(chosen: str, accepted: str = "") -> str:
    """Return the language of a reader.

    Args:
        chosen: what the settings say; empty for none.
        accepted: the browser's `Accept-Language`.
    """
    wanted = [chosen, *(part.split(";")[0].strip() for part in accepted.split(","))]
    known = {name.lower(): name for name in languages()}
    for tag in filter(None, wanted):
        found = known.get(tag.lower()) or next(
            (name for low, name in known.items() if low.split("-")[0] == tag.lower().split("-")[0]), ""
        )
        if found:
            return found
    return ENGLISH


STATES = {
    "CREATED": "Created",
    "SUBMITTED": "Submitted",
    "QUEUED": "Queued",
    "RUNNING": "Running",
    "RETRYING": "Retrying",
    "RESTARTED": "Restarted",
    "PAUSED": "Paused",
    "BREAKPOINT": "Breakpoint",
    "SUCCESS": "Success",
    "WARNING": "Warning",
    "FAILED": "Failed",
    "KILLING": "Killing",
    "KILLED": "Killed",
    "CANCELLED": "Cancelled",
    "SKIPPED": "Skipped",
    "RETRIED": "Retried",
    "RESUBMITTED": "Resubmitted",
    "DISCONNECTED": "Disconnected",
    "TERMINATED GRACEFULLY": "Terminated gracefully",
    "TERMINATED_GRACEFULLY": "Terminated gracefully",
    "TERMINATED_FORCED": "Terminated forced",
    "TERMINATING": "Terminating",
    "NOT_RUNNING": "Not running",
    "INACTIVE": "Inactive",
    "MAINTENANCE": "Maintenance",
}
"""How states of executions and of services read."""


def state_word(state: str) -> str:
    """Return how a state reads in the reader's language; one that nobody knows as it is written."""
    return say(STATES.get(state, state.replace("_", " ").capitalize()))


def speak(language: str) -> None:
    """Let `say` use a language in this context: one event of one tab."""
    _language.set(language)


def category(language: str, count: float) -> str:
    """Return the plural category of a number (CLDR): `one`, `few`, `many` or `other`."""
    if language in _ALWAYS_OTHER:
        return "other"
    if language in _ZERO_IS_ONE:
        return "one" if 0 <= count < 2 else "other"
    whole = count == int(count)
    if language in {"pl", "ru"} and whole:
        last, tens = int(count) % 10, int(count) % 100
        if (count == 1) if language == "pl" else (last == 1 and tens != 11):
            return "one"
        return "few" if 2 <= last <= 4 and not 12 <= tens <= 14 else "many"
    return "one" if count == 1 else "other"


class _Slots(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _fill(text: str, slots: dict[str, object]) -> str:
    return text.format_map(_Slots(slots)) if slots else text


def say(text: str, /, **slots: object) -> str:
    """Return a text in the reader's language.

    Args:
        text: English, a literal, with `{name}` where a slot goes.
        slots: what goes there, as it is.
    """
    said = catalogue(_language.get()).get(text, text)
    if isinstance(said, dict):  # counted elsewhere, here without its number: the form for most numbers
        said = said.get("many") or said.get("other", text)
    return _fill(said, slots)


def say_count(count: float, one: str, other: str, /, **slots: object) -> str:
    """Return a counted text in the reader's language.

    Args:
        count: decides the plural form.
        one, other: English for one and for any other number, literals.
        slots: what goes into the slots of both.
    """
    language = _language.get()
    kind, said = category(language, count), catalogue(language).get(other)
    if isinstance(said, dict):
        return _fill(said.get(kind) or said.get("other", other), slots)
    return say(one if kind == "one" else other, **slots)


def later(text: str) -> str:
    """Mark a literal as words that `say` will be asked for later, by a variable; return it as it is."""
    return text


def spoken(value: float, digits: int = 0) -> str:
    """Return a number with the separators of the reader's language.

    Args:
        digits: behind the decimal point.
    """
    text, group = f"{value:,.{digits}f}", _GROUPS.get(_language.get())
    if group is None:
        return text
    return text.replace(",", "\0").replace(".", ",").replace("\0", group)


class Languages(rx.Middleware):
    """Before each event: the words of its handler are those of the tab's reader."""

    async def preprocess(self, app: rx.App, state: rx.State, event: rx.event.Event) -> None:  # type: ignore[override]
        """Choose the language by the reader's settings, else by the browser's."""
        from app.tab import Tab

        tab = await state.get_state(Tab)
        speak(choose(str(tab.settings.get("language") or ""), str(tab.router.headers.accept_language or "")))
