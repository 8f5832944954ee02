"""What the tenant holds and ran (UI-AD-03)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reflex as rx

from app import routes, turns
from app.frame import page_shell
from app.pages.home.numbers import span_words
from app.pages.namespaces.files_state import bytes_words
from app.tab import Tab
from app.words import say, spoken
from components.button import link
from components.message import skeleton_rows
from components.plugin_icon import plugin_icon
from components.reactive import testid
from components.states import state_badge


@dataclass(frozen=True, slots=True)
class Total:
    """A number with its word and the list behind it."""

    word: str = ""
    number: str = ""
    note: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class StateLine:
    """Executions in a state; `share` is a CSS width."""

    state: str = ""
    number: str = ""
    time: str = ""
    mean: str = ""
    share: str = "0%"
    place: str = ""


@dataclass(frozen=True, slots=True)
class TypeLine:
    """How often flows use a type."""

    type: str = ""
    name: str = ""
    number: str = ""
    share: str = "0%"
    place: str = ""


def totals_of(body: dict[str, Any]) -> list[Total]:
    """Return the cards."""
    ran = sum(int(one["count"]) for one in body["executions"])
    spent = sum(int(one["durationMs"]) for one in body["executions"])

    def number(name: str) -> str:
        return spoken(int(body[name]))

    return [
        Total(say("Namespaces"), number("namespaces"), say("with flows"), routes.NAMESPACES),
        Total(
            say("Flows"), number("flows"), say("{tasks} tasks in them", tasks=spoken(int(body["tasks"]))), routes.FLOWS
        ),
        Total(say("Triggers"), number("triggers"), say("declared"), routes.TRIGGERS),
        Total(
            say("Executions"),
            spoken(ran),
            say("{spent} in all", spent=span_words(spent)),
            f"{routes.EXECUTIONS}?reset=1",
        ),
        Total(say("Keys"), number("kv"), say("stored"), routes.KV),
        Total(say("Secrets"), number("secrets"), say("stored"), routes.SECRETS),
        Total(say("Files"), number("files"), bytes_words(int(body["fileBytes"])), routes.NAMESPACES),
        Total(say("Dashboards"), number("dashboards"), say("of your own"), routes.DASHBOARDS),
    ]


def states_of(rows: list[dict[str, Any]]) -> list[StateLine]:
    """Return executions by state, most first."""
    joined: dict[str, tuple[int, int]] = {}
    for one in rows:
        n, ms = joined.get(str(one["state"]), (0, 0))
        joined[str(one["state"])] = (n + int(one["count"]), ms + int(one["durationMs"]))
    most = max((n for n, _ in joined.values()), default=1)
    return [
        StateLine(
            state,
            spoken(n),
            span_words(ms) if ms else "",
            span_words(ms / n) if ms and n else "",
            f"{n * 100 / most:.1f}%",
            f"{routes.EXECUTIONS}?filters[state][IN]={state}",
        )
        for state, (n, ms) in sorted(joined.items(), key=lambda one: -one[1][0])
    ]


def types_of(rows: list[dict[str, Any]]) -> list[TypeLine]:
    """Return types by use."""
    most = max((int(one["count"]) for one in rows), default=1)
    return [
        TypeLine(
            str(one["type"]),
            str(one["type"]).rsplit(".", 1)[-1],
            spoken(int(one["count"])),
            f"{int(one['count']) * 100 / most:.1f}%",
            routes.plugin(str(one["type"])),
        )
        for one in rows
    ]


class StatisticsState(Tab):
    """The counters."""

    totals: list[Total] = []
    states: list[StateLine] = []
    tasks: list[TypeLine] = []
    starts: list[TypeLine] = []

    @turns.reads
    async def load(self) -> None:
        """Fetch them."""
        self.clear()
        if not self.username:
            return
        async with self.api() as api:
            body = await api.console.get("administration", "statistics")
            self.totals, self.states = totals_of(body), states_of(body["executions"])
            self.tasks, self.starts = types_of(body["taskTypes"]), types_of(body["triggerTypes"])


S: Any = StatisticsState


def _total(one: Any) -> rx.Component:
    return link(
        rx.el.span(one.word, class_name="mut sm"),
        rx.el.b(one.number, class_name="kv num"),
        rx.el.span(one.note, class_name="mut sm num kn"),
        to=one.place,
        class_name="kpi",
    )


def _state(one: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.td(link(state_badge(one.state), to=one.place)),
        rx.el.td(rx.el.span(rx.el.i(style={"width": one.share}), class_name="sharebar"), class_name="hide-s fillw"),
        rx.el.td(one.number, class_name="num"),
        rx.el.td(one.mean, class_name="num hide-s"),
        rx.el.td(one.time, class_name="num"),
    )


def _type(one: Any) -> rx.Component:
    return link(
        plugin_icon(one.type, size=20),
        rx.el.span(one.name, class_name="med ell typn", title=one.type),
        rx.el.span(rx.el.i(style={"width": one.share}), class_name="sharebar grow"),
        rx.el.span(one.number, class_name="num"),
        to=one.place,
        class_name="row typrow",
    )


def statistics_page() -> rx.Component:
    """The screen."""
    table = rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th("State", scope="col"),
                rx.el.th(rx.el.span("Share", class_name="vh"), scope="col", class_name="hide-s"),
                rx.el.th("Executions", scope="col", class_name="num"),
                rx.el.th("Mean duration", scope="col", class_name="num hide-s"),
                rx.el.th("Duration in all", scope="col", class_name="num"),
            )
        ),
        rx.el.tbody(rx.foreach(S.states, _state)),
        aria_label="Executions by state",
        class_name="cpt2",
    )
    none = rx.el.p("None yet.", class_name="mut sm")
    return page_shell(
        "Statistics",
        rx.cond(
            S.totals.length() > 0,
            rx.el.div(
                rx.el.div(rx.foreach(S.totals, _total), class_name="kpis stats", custom_attrs=testid("statistics")),
                rx.el.section(rx.el.header(rx.el.h2("Executions by state"), class_name="sec pad16"), table),
                rx.el.div(
                    rx.el.section(
                        rx.el.header(rx.el.h2("Tasks in flows"), class_name="sec"),
                        rx.cond(S.tasks.length() > 0, rx.foreach(S.tasks, _type), none),
                    ),
                    rx.el.section(
                        rx.el.header(rx.el.h2("Triggers in flows"), class_name="sec"),
                        rx.cond(S.starts.length() > 0, rx.foreach(S.starts, _type), none),
                    ),
                    class_name="g2 b",
                ),
                class_name="scroll",
            ),
            skeleton_rows(),
        ),
        on_retry=StatisticsState.load,
    )
