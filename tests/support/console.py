"""How the journeys (ui.md §20) look at the console: one theme and width at a time, and what several of them do."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

WAIT = 20_000
"""Milliseconds; a loaded machine makes things come later."""


@dataclass(frozen=True)
class Look:
    """A theme and a width in pixels; `open` is a logged-in page that looks so."""

    theme: str
    width: int
    opener: Callable[..., Page]

    def open(self, place: str, allowed: tuple[str, ...] = ()) -> Page:
        """A page at a place below `/ui/main`; `allowed` names what it may say to the browser's console."""
        page = self.opener(place, theme=self.theme, width=self.width, allowed=allowed)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        return page

    @property
    def phone(self) -> bool:
        """Whether tables are cards and panels are tabs (§18.4)."""
        return self.width < 768

    def act(self, page: Page, name: str) -> None:
        """Press an action of the top bar; below 1024 px all but the primary one are folded (UI-SH-14)."""
        if self.width < 1024:
            page.get_by_test_id("top-more").click()
        page.get_by_test_id(name).click()

    def wide_only(self, why: str) -> None:
        """Skip on a phone, with the word of the specification that says why."""
        if self.phone:
            pytest.skip(f"{self.width} px: {why}")


def space(theme: str) -> str:
    """A namespace of its own: journeys do not see each other's rows."""
    return f"journeys.{theme}.n{secrets.token_hex(4)}"


def editor(page: Page) -> Locator:
    """The code editor, once it can be typed in."""
    page.wait_for_selector("[data-testid=yaml-editor][data-ready]", timeout=WAIT, state="attached")
    return page.locator(".monaco-editor").first


def write(page: Page, text: str) -> None:
    """Replace the editor's text as one paste: typing would indent by itself."""
    editor(page).click(position={"x": 200, "y": 60})
    page.keyboard.press("Control+a")
    _paste(page, text)


def append(page: Page, text: str) -> None:
    """Add text at the end of the editor's."""
    editor(page).click(position={"x": 200, "y": 60})
    page.keyboard.press("Control+End")
    _paste(page, text)


def _paste(page: Page, text: str) -> None:
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+v")


def state(page: Page, name: str) -> None:
    """Wait until the page of an execution shows a state, like `SUCCESS`."""
    expect(page.locator(f"[data-testid=execution-state][data-state={name}]")).to_be_visible(timeout=WAIT)


def revision(page: Page, number: int) -> None:
    """Wait until the editor shows the number of the saved revision."""
    expect(page.locator(".sbar")).to_contain_text(f"rev {number}", timeout=WAIT)
