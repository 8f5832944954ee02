"""`page_shell`: the frame around every page, bound to the tab's state."""

from __future__ import annotations

from typing import Any

import reflex as rx

from app import routes
from app.navigation import ENTRIES
from app.rights import PLACES
from app.shortcuts import KEYS
from app.tab import Tab
from app.work import failure_table
from components.button import link_button
from components.client import FindMissing
from components.frame import Entry, Fault, Part, Who, page_frame, plain_frame
from components.reactive import Content, Reactive

WHO = Who(
    user=Tab.username,
    initials=Tab.initials,
    environment=Tab.environment,
    environment_colour=Tab.environment_colour,
    environment_ink=Tab.environment_ink,
    version=Tab.version,
    built_from=Tab.built_from,
    tenant=Tab.tenant_id,
    on_leave=Tab.leave,
    settings=Tab.settings,
    zone=Tab.server_zone,
    rights=Tab.permissions,
    places=PLACES,
    closed=Tab.closed_menus,
    links=Tab.links,
)


def page_shell(
    title: Reactive[str],
    *body: Content,
    parts: list[Part] | None = None,
    actions: list[rx.Component] | None = None,
    commands: list[dict[str, str]] | None = None,
    on_retry: Any = None,
    collapsed: bool = False,
    hotkeys: list[str] | None = None,
    on_hotkey: Any = None,
    rail: list[rx.Component] | None = None,
    notices: list[rx.Component] | None = None,
    entries: list[Entry] | None = None,
) -> rx.Component:
    """A whole page: title, body, and around it menu, search, problem and toasts.

    Args:
        title: last part of the breadcrumb, `h1` and document title.
        body: takes the height below the top bar; the tab's problem stands in its place.
        parts: breadcrumb before the title, `(words, place below the tenant)` or `crumb`s.
        actions: buttons of the top bar, the primary one last.
        commands: actions for the palette, `{"title": …, "event": <data-testid of the button>}`.
        on_retry: handler behind *Retry* when the page could not be loaded, as a rule the page's `load`.
        collapsed: small sidebar (editor, execution, revisions).
        hotkeys, on_hotkey: combinations like `mod+e` and their handler.
        rail, notices: context icons at the right; banners below the top bar.
    """
    return page_frame(
        title,
        list(body),
        entries=ENTRIES if entries is None else entries,
        who=WHO,
        command=Tab.command,
        on_act=Tab.act,
        fault=Fault(
            Tab.problem_title,
            Tab.problem_text,
            Tab.problem_request,
            Tab.problem_details,
            on_retry,
            [
                rx.cond(Tab.problem_status == 404, FindMissing.create(), rx.fragment()),
                rx.cond(
                    Tab.problem_status == 403,
                    link_button("Go to the start", routes.HOME, test="problem-home"),
                    rx.fragment(),
                ),
            ],
        ),
        blocked=Tab.problem_title != "",
        parts=parts,
        actions=actions,
        commands=commands,
        collapsed=collapsed,
        hotkeys=hotkeys,
        on_hotkey=on_hotkey,
        settings=routes.SETTINGS,
        profile=routes.PROFILE,
        shortcuts=KEYS,
        notices=[*(notices or []), failure_table()],
        rail=rail,
    )


def gate_shell(title: str, *body: Content) -> rx.Component:
    """A page without menu, for readers who are not logged in."""
    return plain_frame(
        *body, title=title, command=Tab.command, environment=Tab.environment, colour=Tab.environment_colour
    )
