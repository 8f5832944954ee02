"""Welcome: the first flow, made and run in one click (`spec` UI-AC-20)."""

from __future__ import annotations

import reflex as rx

from app import routes
from app.frame import page_shell
from app.navigation import ENTRIES
from app.tab import Tab
from backend_client import ApiError
from components.button import button, link_button
from components.frame import logo

NAMESPACE = "company.team"
FLOW = "hello_deck"
SOURCE = """\
id: hello_deck
namespace: company.team
description: Greets, lists three cities one after the other, and keeps the last one as output.

inputs:
  - id: name
    type: STRING
    defaults: world

tasks:
  - id: greet
    type: io.kestra.plugin.core.log.Log
    message: "Hello {{ inputs.name }}, this is execution {{ execution.id }}."

  - id: cities
    type: io.kestra.plugin.core.flow.ForEach
    values: ["Lisbon", "Turku", "Graz"]
    tasks:
      - id: visit
        type: io.kestra.plugin.core.log.Log
        message: "Stop {{ taskrun.iteration + 1 }}: {{ taskrun.value }}"

  - id: keep
    type: io.kestra.plugin.core.debug.Return
    format: "Arrived in Graz."
"""


class WelcomeState(Tab):
    """Whether the sample is being made."""

    busy: bool = False

    @rx.event
    async def load(self) -> None:
        """Nothing to fetch; a finished visit can be repeated."""
        self.busy = False

    @rx.event
    async def start(self) -> None:
        """Create the sample flow unless it is there, run it, and show its execution."""
        self.busy = True
        async with self.api("Could not run the first flow") as api:
            try:
                await api.flows.get(NAMESPACE, FLOW, source=False)
            except ApiError as error:
                if error.status != 404:
                    raise
                await api.flows.create(SOURCE)
            execution = await api.executions.create(NAMESPACE, FLOW)
            self.navigate(routes.execution(NAMESPACE, FLOW, str(execution["id"])))
        self.busy = False


def _card(icon: str, title: str, text: str, action: rx.Component) -> rx.Component:
    return rx.el.section(
        rx.el.span(rx.icon(icon, size=18), class_name="emi"),
        rx.el.h2(title),
        rx.el.p(text, class_name="mut"),
        action,
        class_name="card",
    )


def _next_steps() -> list[rx.Component]:
    """Cards of the places that exist."""
    places = {entry.to for entry in ENTRIES}
    cards: list[rx.Component] = []
    if routes.FLOWS in places:
        cards.append(
            _card(
                "file-plus-2",
                "Write your own",
                "The editor completes task types and properties, and checks while you type.",
                link_button("New flow", routes.NEW_FLOW, icon="plus", test="welcome-new"),
            )
        )
    if routes.BLUEPRINTS in places:
        cards.append(
            _card(
                "library",
                "Begin with a blueprint",
                "Ready flows by topic, bundled with this server.",
                link_button("Blueprints", routes.BLUEPRINTS, icon="library"),
            )
        )
    if routes.PLUGINS in places:
        cards.append(
            _card(
                "puzzle",
                "See what there is",
                "Every task and trigger with its properties and examples.",
                link_button("Plugins", routes.PLUGINS, icon="puzzle"),
            )
        )
    return cards


def welcome_page() -> rx.Component:
    """What to do first."""
    return page_shell(
        "Welcome",
        rx.el.div(
            rx.el.div(
                logo(44),
                rx.el.h2("Start with one flow", class_name="display"),
                rx.el.p(
                    "A flow is a list of tasks in YAML. Run one now and look at its Gantt, logs and outputs.",
                    class_name="mut",
                ),
                rx.el.div(
                    button(
                        rx.cond(WelcomeState.busy, "Starting", "Create and run the first flow"),
                        icon="play",
                        kind="primary",
                        size="large",
                        on_click=WelcomeState.start,
                        disabled=WelcomeState.busy,
                        test="welcome-start",
                    ),
                    class_name="row",
                    style={"marginTop": "8px"},
                ),
                class_name="col welcome-head",
            ),
            rx.el.div(*_next_steps(), class_name="cards"),
            rx.el.pre(rx.el.code(SOURCE), class_name="code sample", aria_label="The first flow's source", tab_index=0),
            class_name="welcome",
        ),
    )


__all__ = ["WelcomeState", "welcome_page"]
