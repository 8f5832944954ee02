"""Plugins: a grid of groups with a search, and the page of a class (UI-PL-01, UI-PL-02)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.pages.plugins_state import SHOWN, PluginsState
from components.button import button, copy_button, link, link_button, segmented
from components.chrome import allowed
from components.field import text_input
from components.message import count, empty_state, message, skeleton_rows
from components.plugin_icon import plugin_icon
from components.reactive import testid

S: Any = PluginsState


def _group(card: Any) -> rx.Component:
    return link(
        plugin_icon(card.first, size=32),
        rx.el.span(
            rx.el.b(card.title, class_name="semi ell"),
            rx.el.span(card.numbers, class_name="mut sm ell"),
            class_name="col grow ell",
        ),
        to=card.place,
        class_name="plg",
        test="plugins-group",
    )


def _hit(hit: Any) -> rx.Component:
    return link(
        plugin_icon(hit.type, size=24),
        rx.el.span(
            rx.el.span(
                rx.el.b(hit.name, class_name="med"),
                count(hit.kind),
                rx.cond(hit.deprecated, rx.el.span("deprecated", class_name="st warn"), rx.fragment()),
                class_name="row g6",
            ),
            rx.el.span(hit.type, class_name="mono faint ell"),
            class_name="col plhn",
        ),
        rx.el.span(hit.about, class_name="mut ell grow hide-s"),
        rx.el.span(hit.why, class_name="faint sm nw hide-m"),
        to=routes.plugin(hit.type),
        class_name="plh",
        test="plugins-hit",
    )


def _absent(one: Any) -> rx.Component:
    return rx.el.div(
        rx.icon("circle-dashed", size=16),
        rx.el.span(
            rx.el.b(one["title"], class_name="med ell"),
            rx.el.span(one["text"], class_name="mut sm ell", title=one["text"]),
            class_name="col grow ell",
        ),
        count("not here"),
        class_name="plg plaway",
        custom_attrs=testid("plugins-absent"),
    )


def _not_here() -> rx.Component:
    """What flows of others use and nothing here provides."""
    return rx.cond(
        S.absent.length() > 0,
        rx.el.section(
            rx.el.header(
                rx.el.h2("Not available"),
                rx.el.span(
                    "A script task with the maker's client does the same; a Python class makes it a task.",
                    class_name="more hide-s",
                ),
                class_name="sec pad16",
            ),
            rx.el.div(rx.foreach(S.absent, _absent), class_name="plgrid"),
        ),
        rx.fragment(),
    )


def plugins_page() -> rx.Component:
    """The grid of groups, or the results."""
    return page_shell(
        "Plugins",
        rx.el.div(
            rx.el.div(
                text_input(
                    S.text,
                    S.set_text,
                    label="Search",
                    placeholder="Class, property or words",
                    kind="search",
                    test="plugins-search",
                ),
                class_name="finder",
            ),
            segmented(SHOWN, S.only, S.set_only, label="Kind", test="plugins-kind"),
            rx.cond(
                S.group != "",
                rx.el.span(
                    rx.el.span("group", class_name="k"),
                    rx.el.span(S.group, class_name="v mono"),
                    rx.el.button(
                        rx.icon("x", size=12),
                        class_name="x",
                        on_click=S.forget,
                        aria_label="All groups",
                        custom_attrs={"type": "button"},
                    ),
                    class_name="chip",
                ),
                rx.fragment(),
            ),
            class_name="toolbar",
        ),
        rx.el.div(
            rx.cond(
                S.groups.length() > 0,
                rx.el.div(rx.foreach(S.groups, _group), class_name="plgrid"),
                rx.cond(
                    S.hits.length() > 0,
                    rx.el.div(rx.foreach(S.hits, _hit), class_name="col"),
                    rx.cond(
                        S.read & (S.absent.length() == 0),
                        empty_state(
                            "No plugin matches",
                            hint="No installed class has these words in its name, text or properties. Those of other "
                            "makers are installed with pip, see “Write a plugin” in the documentation.",
                            icon="puzzle",
                            actions=[button("All plugins", on_click=S.forget, test="plugins-reset")],
                        ),
                        rx.cond(S.read, rx.fragment(), skeleton_rows()),
                    ),
                ),
            ),
            _not_here(),
            class_name="scroll",
        ),
        on_retry=PluginsState.load,
    )


def _property(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.code(one.name, class_name="mono med"),
            rx.cond(one.required, rx.el.span("required", class_name="req sm"), rx.fragment()),
            rx.el.span(one.kind, class_name="ptt"),
            rx.cond(one.default != "", rx.el.span("default ", one.default, class_name="ptt end ell"), rx.fragment()),
            class_name="row g6",
        ),
        rx.html(one.text, class_name="prose"),
        class_name="pr",
        key=one.name,
    )


def _sample(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.b(one.title, class_name="med grow"),
            copy_button(one.code, "Copy the example"),
            allowed(
                link_button("Open in editor", one.use, icon="file-plus-2", size="small", test="plugin-use"),
                needs="FLOW:CREATE",
            ),
            class_name="row",
        ),
        rx.el.pre(rx.el.code(one.code), class_name="sample mono", tab_index=0, aria_label="Source of the example"),
        class_name="col g6",
    )


def _part(title: str, rows: Any, draw: Any, *, folded: bool = False, test: str = "") -> rx.Component:
    body = rx.el.div(rx.foreach(rows, draw), class_name="plpart")
    if folded:
        content: rx.Component = rx.el.details(
            rx.el.summary(rx.el.h2(title), count(rows.length()), class_name="sec"), body, class_name="plsec"
        )
    else:
        content = rx.el.section(rx.el.header(rx.el.h2(title), class_name="sec"), body, class_name="plsec")
    return rx.cond(rows.length() > 0, rx.el.div(content, custom_attrs=testid(test)), rx.fragment())


def plugin_page() -> rx.Component:
    """One class: examples, properties, outputs, metrics, definitions, who uses it."""

    def sibling(hit: Any) -> rx.Component:
        return link(
            hit.name,
            to=routes.plugin(hit.type),
            class_name=rx.cond(hit.type == S.page.type, "plix on", "plix"),
        )

    head = rx.el.header(
        plugin_icon(S.page.type, size=40),
        rx.el.div(
            rx.el.h2(S.page.name, class_name="title"),
            rx.el.span(
                rx.el.code(S.page.type, class_name="mono mut brk"),
                copy_button(S.page.type, "Copy the type"),
                class_name="row g4",
            ),
            class_name="col",
        ),
        rx.el.span(class_name="grow"),
        count(S.page.kind),
        count(rx.cond(S.page.type.startswith("io.kestra."), "built in", "installed")),
        count(rx.cond(S.page.without_effect.length() > 0, "supported in part", "fully supported")),
        class_name="row g12 plhead",
    )
    used = rx.el.aside(
        rx.el.h3("Used by ", S.flow_total, " flows", class_name="xs mut"),
        rx.foreach(
            S.flows,
            lambda f: link(
                rx.el.span(f["namespace"], "/", class_name="ns"),
                rx.el.span(f["id"], class_name="id"),
                to=f["place"],
                class_name="ell plline",
            ),
        ),
        rx.cond(S.blueprints.length() > 0, rx.el.h3("Blueprints", class_name="xs mut"), rx.fragment()),
        rx.foreach(S.blueprints, lambda b: link(b["title"], to=b["place"], class_name="plline ell")),
        class_name="plused hide-m",
        aria_label="Where it is used",
    )
    body = rx.el.div(
        head,
        rx.cond(
            S.page.deprecated,
            message("warn", rx.el.b("Deprecated. "), "It still runs; new flows take the class that replaces it."),
            rx.fragment(),
        ),
        rx.cond(
            S.page.without_effect.length() > 0,
            message(
                "live",
                rx.el.b("Supported in part. "),
                "Accepted, but without effect: ",
                rx.el.span(S.page.without_effect.join(", "), class_name="mono brk"),
                ".",
            ),
            rx.fragment(),
        ),
        rx.html(S.page.about, class_name="prose"),
        _part("Examples", S.page.samples, _sample, test="plugin-examples"),
        _part("Properties", S.page.properties, _property, test="plugin-properties"),
        _part("Outputs", S.page.outputs, _property, test="plugin-outputs"),
        _part("Metrics", S.page.metrics, _property),
        _part("Properties of every task", S.page.common, _property, folded=True),
        _part(
            "Definitions",
            S.page.definitions,
            lambda one: rx.el.div(
                rx.el.code(one["name"], class_name="mono med"),
                rx.el.p(one["text"], class_name="mut sm brk"),
                class_name="pr",
            ),
            folded=True,
        ),
        class_name="plbody scroll",
    )
    gone = empty_state(
        "This class is not available",
        hint="Published flows use it, nothing here provides it. A script task with the maker's client does the same; "
        "a Python class of the same type makes it a task, see “Write a plugin” in the documentation.",
        icon="puzzle",
        actions=[link_button("All plugins", routes.PLUGINS, kind="primary")],
    )
    return page_shell(
        rx.cond(S.missing != "", S.missing.split(".")[-1], rx.cond(S.page.name != "", S.page.name, "Plugin")),
        rx.cond(
            S.missing != "",
            gone,
            rx.el.div(
                rx.el.nav(
                    rx.el.h3(S.sibling_group, class_name="xs mut brk"),
                    rx.foreach(S.siblings, sibling),
                    class_name="plindex hide-s",
                    aria_label="Classes of the group",
                ),
                rx.cond(S.page.type != "", body, skeleton_rows()),
                used,
                class_name="plone",
            ),
        ),
        parts=[("Plugins", routes.PLUGINS)],
        on_retry=PluginsState.open,
    )


__all__ = ["PluginsState", "plugin_page", "plugins_page"]
