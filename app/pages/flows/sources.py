"""Search in the sources of all flows (UI-FL-08): one card a flow, the lines that hold the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.tab import Tab
from components.button import button, link, link_button
from components.field import text_input
from components.message import empty_state, flow_name, skeleton_rows

SIZE = 25


@dataclass(frozen=True)
class Line:
    """One line with the text; `number` is 0 where the fragment was not found in the source again."""

    number: int = 0
    before: str = ""
    hit: str = ""
    after: str = ""
    place: str = ""


@dataclass(frozen=True)
class Card:
    """A flow and its lines."""

    key: str = ""
    namespace: str = ""
    id: str = ""
    lines: list[Line] = field(default_factory=list)
    more: int = 0


def lines_of(source: str, text: str, place: str, limit: int = 6) -> tuple[list[Line], int]:
    """Return the first lines of a source that hold a text, whatever its case, and how many more do."""
    found: list[Line] = []
    total = 0
    wanted = text.casefold()
    for number, line in enumerate(source.splitlines(), 1):
        at = line.casefold().find(wanted)
        if at < 0:
            continue
        total += 1
        if len(found) < limit:
            start = max(0, at - 80)
            end = at + len(text)
            found.append(
                Line(number, line[start:at].lstrip(), line[at:end], line[end : end + 120], f"{place}?line={number}")
            )
    return found, max(0, total - len(found))


class SourcesState(Tab):
    """The text and the cards."""

    wanted_text: str = ""
    wanted_namespace: str = ""
    cards: list[Card] = []
    found_total: int = 0
    searching: bool = False
    page_count: int = 1

    @rx.event
    async def load(self):
        """Search for what the URL names."""
        self.clear()
        self.wanted_text, self.wanted_namespace = self.query("q"), self.query("namespace")
        self.page_count = 1
        self.cards, self.found_total = [], 0
        if self.wanted_text:
            self.searching = True
            yield
            await self._search(1)
            self.searching = False

    async def _search(self, page: int) -> None:
        async with self.api() as api:
            found = await api.flows.search_sources(
                self.wanted_text, namespace=self.wanted_namespace, page=page, size=SIZE
            )
            cards = []
            for hit in found.rows:
                flow = await api.flows.get(hit.namespace, hit.id)
                lines, more = lines_of(
                    str(flow.get("source") or ""), self.wanted_text, routes.flow(hit.namespace, hit.id, "edit")
                )
                cards.append(Card(hit.key, hit.namespace, hit.id, lines, more))
            self.cards = cards if page == 1 else [*self.cards, *cards][:100]
            self.found_total = found.total

    def _go(self) -> None:
        pairs = [("q", self.wanted_text), ("namespace", self.wanted_namespace)]
        self.replace_url([(k, v) for k, v in pairs if v])

    @rx.event
    async def set_text(self, text: str):
        """The text changed."""
        self.wanted_text = text.strip()
        self._go()
        self.cards, self.found_total, self.page_count = [], 0, 1
        if self.wanted_text:
            self.searching = True
            yield
            await self._search(1)
            self.searching = False

    @rx.event
    async def set_space(self, namespace: str):
        """The namespace changed."""
        self.wanted_namespace = namespace.strip()
        self._go()
        if self.wanted_text:
            self.page_count = 1
            await self._search(1)

    @rx.event
    async def more_cards(self):
        """The next page below."""
        self.page_count += 1
        await self._search(self.page_count)


S: Any = SourcesState


def _card(card: Any) -> rx.Component:
    def line(one: Any) -> rx.Component:
        return link(
            rx.el.span(one.number, class_name="no"),
            rx.el.span(one.before, rx.el.mark(one.hit), one.after, class_name="ell grow"),
            to=one.place,
            class_name="srl mono",
        )

    return rx.el.section(
        link(flow_name(card.namespace, card.id), to=routes.flow(card.namespace, card.id, "edit"), class_name="srh"),
        rx.foreach(card.lines, line),
        rx.cond(card.more > 0, rx.el.p(card.more, " more lines", class_name="xs faint srm"), rx.fragment()),
        class_name="src_",
        custom_attrs={"data-testid": "source-card"},
    )


def sources_page() -> rx.Component:
    """`/flows/search`."""
    return page_shell(
        "Search sources",
        rx.el.div(
            rx.el.span(
                text_input(
                    S.wanted_text, S.set_text, label="Text", placeholder="Text in the source", test="sources-text"
                ),
                class_name="grow",
            ),
            rx.el.span(
                text_input(
                    S.wanted_namespace,
                    S.set_space,
                    label="Namespace",
                    placeholder="All namespaces",
                    test="sources-space",
                ),
                class_name="spc",
            ),
            rx.el.span(rx.cond(S.found_total > 0, rx.fragment(S.found_total, " flows"), ""), class_name="sm mut num"),
            class_name="rtb",
        ),
        rx.cond(
            S.cards.length() > 0,
            rx.el.div(
                rx.foreach(S.cards, _card),
                rx.cond(
                    S.cards.length() < S.found_total,
                    button("Show more", on_click=S.more_cards, test="sources-more"),
                    rx.fragment(),
                ),
                class_name="scroll srs",
            ),
            rx.cond(
                S.searching,
                skeleton_rows(),
                rx.cond(
                    S.wanted_text != "",
                    empty_state("No source holds it", hint="Another word, or all namespaces.", icon="search-x"),
                    empty_state(
                        "Search in all sources",
                        hint="A task type, a table, a host: every flow that names it, with its lines.",
                        icon="file-search",
                        actions=[link_button("Back to the flows", routes.FLOWS)],
                    ),
                ),
            ),
        ),
        parts=[("Flows", routes.FLOWS)],
        on_retry=S.load,
    )
