"""Welcome: the first flow, made and run in one click (`spec` UI-AC-20)."""

from __future__ import annotations

import re

import reflex as rx

from app import routes, turns
from app.frame import page_shell
from app.navigation import ENTRIES
from app.tab import Tab
from app.words import say
from backend_client import ApiError
from components.button import button, link_button
from components.chrome import TourChoice, allowed, unless_allowed
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


SAMPLES = "samples"
SAMPLE_BOARD = "samples_dashboard"
SAMPLE_FLOWS = ("hello-world", "loop-over-values", "branches", "errors-and-retries", "remember-a-watermark")
SAMPLE_KEYS = {"currency": '"EUR"', "limit": "5000", "regions": '["emea", "apac"]'}
SAMPLE_FILES = {
    "/queries/orders.sql": b"select region, count(*) as orders\nfrom orders\ngroup by region;\n",
    "/README.md": b"# Samples\n\nEverything here goes with one button on the welcome page.\n",
}


class WelcomeState(Tab):
    """Whether the sample is being made."""

    busy: bool = False
    sampled: bool = False

    @turns.reads
    async def load(self) -> None:
        """Learn whether the sample data is there."""
        self.busy = False
        if not self.username:
            return
        async with self.api(say("Could not look for the sample data")) as api:
            found = await api.flows.search(
                size=1, filters=[{"field": "namespace", "operator": "EQUALS", "value": SAMPLES}]
            )
            self.sampled = found.total > 0

    @turns.writes
    async def load_samples(self) -> None:
        """A namespace with five flows, keys, files and a dashboard (UI-AC-22)."""
        self.busy = True
        async with self.api(say("Could not load the sample data")) as api:
            for name in SAMPLE_FLOWS:
                text = (await api.blueprints.get("flow", name))[1]
                text = re.sub(r"^namespace:.*$", f"namespace: {SAMPLES}", text, count=1, flags=re.MULTILINE)
                try:
                    await api.flows.create(text)
                except ApiError as error:
                    if error.status not in (409, 422):
                        raise
            for key, value in SAMPLE_KEYS.items():
                await api.kv.put(SAMPLES, key, value, description=say("Sample data"))
            for path, content in SAMPLE_FILES.items():
                await api.files.write(SAMPLES, path, content)
            board = (await api.blueprints.get("dashboard", "dashboard-executions"))[1]
            board = re.sub(r"^id:.*$", f"id: {SAMPLE_BOARD}", board, count=1, flags=re.MULTILINE)
            try:
                await api.dashboards.create(re.sub(r"^title:.*$", "title: Sample dashboard", board, flags=re.MULTILINE))
            except ApiError as error:
                if error.status != 422:
                    raise
            self.sampled = True
            self.toast(say("Sample data loaded"), SAMPLES, action=(say("Show it"), routes.namespace(SAMPLES)))
        self.busy = False

    @turns.writes
    async def remove_samples(self) -> None:
        """Take all of it away again."""
        self.busy = True
        async with self.api(say("Could not remove the sample data")) as api:
            own = [{"field": "namespace", "operator": "EQUALS", "value": SAMPLES}]
            for row in (await api.flows.search(size=100, filters=own)).rows:
                await api.flows.delete(row.namespace, row.id)
            keys = [row.key for row in (await api.kv.search(size=100, filters=own)).rows]
            if keys:
                await api.kv.delete_many(SAMPLES, keys)
            for entry in await api.files.folder(SAMPLES):
                await api.files.delete(SAMPLES, entry.path)
            try:
                await api.dashboards.delete(SAMPLE_BOARD)
            except ApiError as error:
                if error.status != 404:
                    raise
            self.sampled = False
            self.toast(say("Sample data removed"), say("Executions that ran stay until they are purged."))
        self.busy = False

    @turns.writes
    async def start(self) -> None:
        """Create the sample flow unless it is there, run it, and show its execution."""
        self.busy = True
        async with self.api(say("Could not run the first flow")) as api:
            try:
                await api.flows.get(NAMESPACE, FLOW, source=False)
            except ApiError as error:
                if error.status != 404:
                    raise
                await api.flows.create(SOURCE)
            execution = await api.executions.create(NAMESPACE, FLOW)
            self.navigate(routes.execution(NAMESPACE, FLOW, str(execution["id"]), self.execution_tab))
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
        cards.append(
            _card(
                "upload",
                "Bring your flows",
                "YAML files or a ZIP of them; each is judged before it comes in.",
                link_button("Import", f"{routes.FLOWS}?import=1", icon="upload", test="welcome-import"),
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
    cards.append(
        _card(
            "book-open",
            "Read how it works",
            "Tutorial, guides and reference, bundled with this server.",
            link_button("Documentation", routes.DOCS, icon="book-open", test="welcome-docs"),
        )
    )
    return cards


def _begin() -> rx.Component:
    """The first flow, and the sample data."""
    return rx.el.div(
        button(
            rx.cond(WelcomeState.busy, "Starting", "Create and run the first flow"),
            icon="play",
            kind="primary",
            size="large",
            on_click=WelcomeState.start,
            disabled=WelcomeState.busy,
            test="welcome-start",
        ),
        rx.cond(
            WelcomeState.sampled,
            button(
                "Remove the sample data",
                icon="trash-2",
                size="large",
                on_click=WelcomeState.remove_samples,
                disabled=WelcomeState.busy,
                test="welcome-unsample",
            ),
            button(
                "Load sample data",
                icon="database",
                size="large",
                on_click=WelcomeState.load_samples,
                disabled=WelcomeState.busy,
                title="A namespace with five flows, keys, files and a dashboard",
                test="welcome-sample",
            ),
        ),
        class_name="row wrap",
        style={"marginTop": "8px"},
    )


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
                allowed(_begin(), needs="FLOW:CREATE"),
                unless_allowed(
                    rx.el.p(
                        "You may look at flows and executions here, but not create flows. Who administers this server "
                        "can change that.",
                        class_name="mut",
                        custom_attrs={"data-testid": "welcome-reader"},
                    ),
                    needs="FLOW:CREATE",
                ),
                class_name="col welcome-head",
            ),
            allowed(
                rx.el.section(
                    rx.el.h2("Take a product tour", class_name="sec"),
                    TourChoice.create(),
                    aria_label="Take a product tour",
                    class_name="col g8",
                ),
                rx.el.div(*_next_steps(), class_name="cards"),
                needs="FLOW:CREATE",
            ),
            rx.el.pre(rx.el.code(SOURCE), class_name="code sample", aria_label="The first flow's source", tab_index=0),
            class_name="welcome",
        ),
    )


__all__ = ["WelcomeState", "welcome_page"]
