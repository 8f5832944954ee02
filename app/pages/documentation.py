"""The documentation that comes with the server (UI-SH-17; `/docs/{path}`)."""

from __future__ import annotations

import posixpath
import re
from typing import Any

import reflex as rx

from app import routes, turns
from app.frame import page_shell
from app.pages.flows.prose import html_of
from app.tab import Tab
from app.words import say
from components.button import link
from components.field import text_input
from components.message import empty_state, skeleton_rows
from components.reactive import testid

START = "howto/add-a-page"
_LINK = re.compile(r"\]\((?!https?:|mailto:|#|/)([^)\s#]+)(#[^)\s]*)?\)")
_FIRST = re.compile(r"\A#\s+.+\n")


def linked(text: str, path: str, tenant: str) -> str:
    """Return Markdown whose links to other pages lead to places of the console; others become plain words.

    Args:
        path: the page's own path, `howto/add-a-page`.
    """

    def turn(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1]))
        if target.endswith(".md") and not target.startswith(".."):
            return f"]({routes.root()}/{tenant}/docs/{target.removesuffix('.md')}{match[2] or ''})"
        return "](#)"

    return _LINK.sub(turn, text)


class DocsState(Tab):
    """The index, what the search found, the open page."""

    index: list[dict[str, Any]] = []
    hits: list[dict[str, str]] = []
    words: str = ""
    path: str = ""
    title: str = ""
    group: str = ""
    body: str = ""

    @turns.reads
    async def load(self) -> None:
        """Read the page of the URL."""
        self.clear()
        if not self.username:
            return
        first, second = self.arg("docgroup"), self.arg("docpage")
        async with self.api() as api:
            rows = await api.console.get("docs")
            groups: dict[str, list[dict[str, str]]] = {}
            for one in rows:
                groups.setdefault(str(one["group"]), []).append({"path": str(one["path"]), "title": str(one["title"])})
            self.index = [{"group": name, "pages": pages} for name, pages in groups.items()]
            known = [str(one["path"]) for one in rows]
            self.path = f"{first}/{second}" if first else (START if START in known else (known or [""])[0])
            if not self.path:
                return
            page = await api.console.get("docs", *self.path.split("/"))
            self.title, self.group = str(page["title"]), str(page["group"])
            text = linked(_FIRST.sub("", str(page["text"])), self.path, self.tenant_id)
            self.body = html_of(text)

    @turns.asks
    async def find(self, words: str) -> None:
        """Search the pages."""
        self.words = words
        if not words.strip():
            self.hits = []
            return
        async with self.api(say("Could not search")) as api:
            found = await api.console.get("docs", q=words[:200])
            self.hits = [
                {"path": str(h["path"]), "title": str(h["title"]), "excerpt": str(h.get("excerpt") or "")}
                for h in found
            ]


S: Any = DocsState


def _group(one: Any) -> rx.Component:
    def page(entry: Any) -> rx.Component:
        on = entry["path"] == S.path
        return link(
            entry["title"],
            to=routes.docs(entry["path"]),
            class_name=rx.cond(on, "plix on", "plix"),
            title=entry["title"],
        )

    return rx.el.div(
        rx.el.h3(one["group"], class_name="xs mut"),
        rx.foreach(one["pages"].to(list[dict[str, str]]), page),
        class_name="col docgrp",
    )


def docs_page() -> rx.Component:
    """The screen."""
    hit = lambda one: link(  # noqa: E731
        rx.el.b(one["title"], class_name="med"),
        rx.el.span(one["excerpt"], class_name="mut sm ell"),
        to=routes.docs(one["path"]),
        class_name="col dochit",
    )
    index = rx.el.nav(
        text_input(
            S.words, S.find, label="Search the documentation", placeholder="Search", kind="search", test="docs-search"
        ),
        rx.cond(
            S.words != "",
            rx.cond(
                S.hits.length() > 0,
                rx.el.div(rx.foreach(S.hits, hit), class_name="col", custom_attrs=testid("docs-hits")),
                rx.el.p("No page has these words.", class_name="mut sm pad"),
            ),
            rx.foreach(S.index, _group),
        ),
        class_name="docindex",
        aria_label="Pages of the documentation",
    )
    none = empty_state(
        "No documentation",
        hint="This installation came without its pages.",
        icon="book-open",
    )
    article = rx.el.article(
        rx.el.span(S.group, class_name="mut sm"),
        rx.el.h2(S.title, class_name="title"),
        rx.html(S.body, class_name="prose"),
        class_name="docbody",
        custom_attrs=testid("docs-page"),
    )
    return page_shell(
        rx.cond(S.title != "", S.title, "Documentation"),
        rx.el.div(
            index,
            rx.el.div(
                rx.cond(S.body != "", article, rx.cond(S.index.length() > 0, skeleton_rows(), none)),
                class_name="scroll",
                tab_index=0,
            ),
            class_name="docone",
        ),
        parts=[("Documentation", routes.DOCS)],
        on_retry=DocsState.load,
    )
