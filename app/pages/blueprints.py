"""Blueprints that come with the server: cards by kind, and one of them with topology and source (UI-BP-01, 02)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import routes, turns
from app.frame import page_shell
from app.pages.flows.prose import html_of
from app.tab import Tab
from backend_client.blueprints import BlueprintRow
from components.button import button, copy_button, link, link_button
from components.code_editor import code_editor
from components.field import select, text_input
from components.graph import flow_graph
from components.message import empty_state, skeleton_rows
from components.plugin_icon import plugin_icon
from components.reactive import testid
from components.tabs import tabs

KINDS = ("flow", "dashboard")
SORTS = [("title:asc", "By title"), ("title:desc", "By title, backwards"), ("plugins", "Most plugins first")]


@dataclass(frozen=True, slots=True)
class Card:
    """A blueprint in the list; `types` are plugins by short name."""

    id: str = ""
    title: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    types: list[dict[str, str]] = field(default_factory=list)
    more: str = ""
    place: str = ""
    use: str = ""


def use_place(kind: str, identity: str) -> str:
    """Return the editor that begins with a blueprint."""
    if kind == "dashboard":
        return f"{routes.NEW_DASHBOARD}?blueprintId={identity}"
    return routes.new_flow_from(identity)


def card_of(kind: str, row: BlueprintRow, most: int = 6) -> Card:
    """Return what a card shows."""
    types = [{"type": one, "name": one.rsplit(".", 1)[-1]} for one in row.types]
    return Card(
        id=row.id,
        title=row.title,
        description=row.description.replace("`", ""),
        tags=row.tags,
        types=types[:most],
        more=f"+{len(types) - most}" if len(types) > most else "",
        place=routes.blueprints(kind, row.id),
        use=use_place(kind, row.id),
    )


class BlueprintsState(Tab):
    """The cards of a kind, and the open blueprint."""

    kind: str = "flow"
    cards: list[Card] = []
    text: str = ""
    tags: list[dict[str, Any]] = []
    chosen: list[str] = []
    order: str = "title:asc"
    read: bool = False

    one: Card = Card()
    words: str = ""
    source: str = ""
    may_use: bool = False

    @turns.reads
    async def load(self) -> None:
        """Read kind, text, tags and order from the URL."""
        self.clear()
        if not self.username:
            return
        kind, source, identity = self.arg("bkind") or "flow", self.arg("bsource") or "community", self.arg("blueprint")
        if kind != self.kind:
            self.cards, self.read, self.one = [], False, Card()
        self.kind = kind if kind in KINDS else "flow"
        self.may_use = self.may("FLOW" if self.kind == "flow" else "DASHBOARD", "CREATE")
        async with self.api() as api:
            if identity:
                row, self.source = await api.blueprints.get(self.kind, identity)
                self.one, self.words = card_of(self.kind, row, 99), html_of(row.description)
                return
            self.text, self.order = self.query("q"), self.query("sort", "title:asc")
            self.chosen = [one for one in self.query("tags").split(",") if one]
            everything = await api.blueprints.search(self.kind) if source == "community" else []
            found = (
                await api.blueprints.search(
                    self.kind,
                    query=self.text,
                    tags=",".join(self.chosen),
                    sort=self.order if ":" in self.order else "",
                )
                if source == "community"
                else []
            )
            counts: dict[str, int] = {}
            for row in everything:
                for tag in row.tags:
                    counts[tag] = counts.get(tag, 0) + 1
            self.tags = [{"tag": tag, "count": str(n), "on": tag in self.chosen} for tag, n in sorted(counts.items())]
            if self.order == "plugins":
                found.sort(key=lambda row: -len(row.types))
            self.cards = [card_of(self.kind, row) for row in found]
            self.read = True

    def _show(self, *, replace: bool = False) -> None:
        asked = [("q", self.text), ("tags", ",".join(self.chosen))]
        asked += [("sort", self.order)] if self.order != "title:asc" else []
        query = urlencode([(k, v) for k, v in asked if v], safe=",:")
        self.navigate(routes.blueprints(self.kind) + (f"?{query}" if query else ""), replace=replace)

    @rx.event
    async def set_text(self, text: str) -> None:
        """The search changed."""
        self.text = text
        self._show(replace=True)

    @rx.event
    async def toggle(self, tag: str) -> None:
        """A tag was pressed."""
        self.chosen = [one for one in self.chosen if one != tag] if tag in self.chosen else [*self.chosen, tag]
        self._show()

    @rx.event
    async def set_order(self, order: str) -> None:
        """Another order."""
        self.order = order
        self._show(replace=True)

    @rx.event
    async def forget(self) -> None:
        """Neither text nor tags."""
        self.text, self.chosen = "", []
        self._show()


S: Any = BlueprintsState


def _card(card: Any) -> rx.Component:
    return rx.el.article(
        link(rx.el.h2(card.title, class_name="semi"), to=card.place, test="blueprint-open"),
        rx.el.p(card.description, class_name="mut grow bpd"),
        rx.el.div(
            rx.foreach(card.types, lambda t: plugin_icon(t["type"], size=20)),
            rx.el.span(card.more, class_name="faint sm"),
            class_name="row g4",
        ),
        rx.el.div(
            rx.foreach(card.tags, lambda tag: rx.el.span(tag, class_name="lab")),
            rx.el.span(class_name="grow"),
            rx.cond(S.may_use, link_button("Use", card.use, size="small", test="blueprint-use"), rx.fragment()),
            class_name="row g4 wrap",
        ),
        class_name="bpc",
        custom_attrs=testid("blueprint"),
        key=card.id,
    )


def _tag(one: Any) -> rx.Component:
    return rx.el.button(
        one["tag"],
        rx.el.i(one["count"], class_name="cnt"),
        class_name=rx.cond(one["on"], "lab tagb on", "lab tagb"),
        on_click=S.toggle(one["tag"]),
        aria_pressed=one["on"],
        custom_attrs={"type": "button"} | testid("blueprints-tag"),
    )


def blueprints_page() -> rx.Component:
    """The cards of a kind."""
    return page_shell(
        "Blueprints",
        tabs(
            [("flow", "Flows", routes.blueprints("flow")), ("dashboard", "Dashboards", routes.blueprints("dashboard"))],
            S.kind,
            label="Kinds of blueprints",
        ),
        rx.el.div(
            rx.el.div(
                text_input(
                    S.text,
                    S.set_text,
                    label="Search",
                    placeholder="Title, text or plugin",
                    kind="search",
                    test="blueprints-search",
                ),
                class_name="finder",
            ),
            rx.el.div(rx.foreach(S.tags, _tag), class_name="row g4 tagrow"),
            rx.el.span(class_name="grow"),
            rx.el.div(select(SORTS, S.order, S.set_order, label="Order", test="blueprints-sort"), class_name="orderer"),
            class_name="toolbar",
        ),
        rx.el.div(
            rx.cond(
                S.cards.length() > 0,
                rx.el.div(rx.foreach(S.cards, _card), class_name="bpg"),
                rx.cond(
                    S.read,
                    empty_state(
                        "No blueprint matches",
                        hint="None has these words and one of these tags.",
                        icon="search-x",
                        actions=[button("Show all", on_click=S.forget, test="blueprints-reset")],
                    ),
                    skeleton_rows(),
                ),
            ),
            class_name="scroll",
        ),
        on_retry=BlueprintsState.load,
    )


def blueprint_page() -> rx.Component:
    """One blueprint: topology, source, words, plugins."""
    graph = flow_graph(
        graph_url="/api/v1/" + S.tenant_id + "/blueprints/community/flow/" + S.one.id + "/graph",
        direction="TB",
        toolbar=False,
    )
    return page_shell(
        rx.cond(S.one.title != "", S.one.title, "Blueprint"),
        rx.el.div(
            rx.el.section(
                rx.cond(
                    (S.kind == "flow") & (S.one.id != ""),
                    rx.el.div(graph, class_name="bpt", custom_attrs=testid("blueprint-topology")),
                    rx.fragment(),
                ),
                rx.el.div(
                    rx.el.header(
                        rx.el.h2("Source"),
                        rx.el.span(class_name="grow"),
                        copy_button(S.source, "Copy the source"),
                        class_name="sec bph",
                    ),
                    rx.el.div(
                        rx.cond(
                            S.source != "",
                            code_editor(value=S.source, language="yaml", read_only=True),
                            skeleton_rows(6),
                        ),
                        class_name="bpsrc",
                        custom_attrs=testid("blueprint-source"),
                    ),
                    class_name="col grow",
                ),
                class_name="bpleft",
            ),
            rx.el.aside(
                rx.el.div(rx.html(S.words), class_name="prose"),
                rx.el.h3("Plugins", class_name="xs mut"),
                rx.foreach(
                    S.one.types,
                    lambda t: link(
                        plugin_icon(t["type"], size=20),
                        rx.el.span(t["name"], class_name="med"),
                        rx.el.span(t["type"], class_name="mono faint ell"),
                        to=routes.plugin(t["type"]),
                        class_name="row g6 plline",
                    ),
                ),
                rx.el.h3("Tags", class_name="xs mut"),
                rx.el.div(rx.foreach(S.one.tags, lambda tag: rx.el.span(tag, class_name="lab")), class_name="row g4"),
                class_name="bpside",
                aria_label="About the blueprint",
            ),
            class_name="bpone",
        ),
        parts=[("Blueprints", routes.BLUEPRINTS)],
        actions=[
            rx.cond(
                S.may_use & (S.one.id != ""),
                link_button("Use", S.one.use, icon="file-plus-2", kind="primary", test="blueprint-use"),
                rx.fragment(),
            )
        ],
        on_retry=BlueprintsState.load,
    )
