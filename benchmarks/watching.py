"""When things were on a page's screen, by the page's own clock."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

WAIT = 60_000
PAINT = "() => performance.getEntriesByType('paint')[0]?.startTime ?? 0"
"""When the page's first paint was, 0 = not told."""
# When each selector was first on the screen, by the page's clock.
WATCH = """(wanted) => {
  window.benchSeen = {};
  window.benchShift = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((e) => {
    if (!e.hadRecentInput) window.benchShift += e.value;
  })).observe({ type: 'layout-shift', buffered: true });
  const look = () => {
    for (const [name, selector] of Object.entries(wanted)) {
      if (name in window.benchSeen || !document.querySelector(selector)) continue;
      window.benchSeen[name] = null;
      requestAnimationFrame(() => setTimeout(() => { window.benchSeen[name] = performance.now(); }));
    }
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
  look();
}"""


class Seen:
    """Opens addresses and tells when things were on the screen."""

    def __init__(self, page: Page, **wanted: str) -> None:
        self.page = page
        self.wanted = wanted
        page.add_init_script(f"({WATCH})({wanted!r})")

    def open(self, url: str) -> dict[str, float]:
        """Milliseconds from the navigation to each thing, with `shift`."""
        self.page.goto("about:blank")
        self.page.goto(url, wait_until="commit")
        began = time.monotonic()
        while True:
            seen: dict[str, Any] = self.page.evaluate("() => window.benchSeen || {}")
            if all(seen.get(name) for name in self.wanted):
                break
            assert time.monotonic() - began < WAIT / 1000, f"{url}: {set(self.wanted) - seen.keys()} never came"
            self.page.wait_for_timeout(50)
        return {**seen, "shift": self.page.evaluate("() => window.benchShift")}


def p95(times: list[float]) -> float:
    """The time that 95 of 100 don't pass."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.95))]
