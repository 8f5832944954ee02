"""Chromium for tests: driven by Playwright; pages that fail on console errors and policy violations."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


CLOCK = """{
  const Real = Date, ahead = %d;
  window.Date = class Date extends Real {
    constructor(...given) { if (given.length) super(...given); else super(Real.now() + ahead); }
    static now() { return Real.now() + ahead; }
  };
}"""
"""Pages whose present is another; timers go on as they do."""


@dataclass
class Watch:
    """What a page said that a good page does not say."""

    errors: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ()

    def attach(self, page: Page) -> None:
        """Listen to a page's console, exceptions and policy violations."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(text in message.text for text in self.allowed):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def check(self) -> None:
        """AssertionError when anything was said."""
        assert not self.errors, "browser console:\n" + "\n".join(self.errors)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    binary = shutil.which("chromium")
    assert binary, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def context(
    browser: Browser,
    *,
    theme: str = "dark",
    width: int = 1440,
    height: int = 900,
    zone: str | None = None,
    ahead: float = 0.0,
) -> BrowserContext:
    """A fresh profile with a theme (stored where the console looks) and a size.

    Args:
        zone: the browser's time zone; the machine's without it.
        ahead: seconds that the clock of its pages is ahead, for a server whose clock is.
    """
    scheme = "dark" if theme == "dark" else "light"
    made = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=zone)
    made.add_init_script(f"localStorage.setItem('theme', {theme!r})")
    if ahead:
        made.add_init_script(CLOCK % int(ahead * 1000))
    return made
