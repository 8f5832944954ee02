"""Components of the instance: states, lag, versions, events (UI-AD-04, UI-AD-09)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from app import turns
from app.frame import page_shell
from app.pages.administration.triggers import fact
from app.pages.home.numbers import span_words
from app.tab import Tab
from app.words import later, say, spoken, state_word
from components.button import button, copy_button, raw_link, segmented
from components.clock import duration, moment
from components.dialog import confirm_dialog, drawer
from components.filters import refresh
from components.message import count, empty_state
from components.reactive import testid
from components.table import Column, data_table

FAMILIES = {
    "CREATED": "idle",
    "RUNNING": "ok",
    "MAINTENANCE": "hold",
    "DISCONNECTED": "bad",
    "TERMINATING": "stop",
    "TERMINATED_GRACEFULLY": "shut",
    "TERMINATED_FORCED": "warn",
    "NOT_RUNNING": "bad",
    "INACTIVE": "shut",
}
LAG = {
    "schedules": (later("Scheduler"), later("triggers are due"), later("No trigger is late.")),
    "created": (later("Executor"), later("executions wait for their first step"), later("Every execution has begun.")),
    "queued": (later("Concurrency"), later("executions wait for a free place"), later("None waits for a place.")),
    "outbox": (later("Outbox"), later("follow-ups to do"), later("Nothing to follow up.")),
}


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A component."""

    id: str = ""
    type: str = ""
    state: str = ""
    family: str = "idle"
    host: str = ""
    version: str = ""
    started: str = ""
    heartbeat: str = ""
    properties: list[dict[str, str]] = field(default_factory=list)
    numbers: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LagCard:
    """How far a queue is behind."""

    word: str = ""
    number: str = ""
    note: str = ""
    late: bool = False


def numbers_of(body: dict[str, Any]) -> list[dict[str, str]]:
    """What the process takes of its machine, in words."""
    found: list[dict[str, str]] = []
    if "cpuSeconds" in body:
        found.append({"name": say("Processor time"), "value": span_words(round(float(body["cpuSeconds"]) * 1000))})
    if "memoryBytes" in body:
        found.append({"name": say("Memory"), "value": f"{int(body['memoryBytes']) / 1_048_576:,.0f} MiB"})
    if "threads" in body:
        found.append({"name": say("Threads"), "value": spoken(int(body["threads"]))})
    return found


def line_of(body: dict[str, Any]) -> ServiceLine:
    """Read one element of the answer."""
    state = str(body["state"])
    return ServiceLine(
        id=str(body["id"]),
        type=str(body["type"]),
        state=state_word(state),
        family=FAMILIES.get(state, "idle"),
        host=str(body.get("host") or ""),
        version=str(body.get("version") or ""),
        started=str(body.get("started") or ""),
        heartbeat=str(body.get("heartbeat") or ""),
        properties=[{"name": str(k), "value": str(v)} for k, v in (body.get("properties") or {}).items() if v != ""],
        numbers=numbers_of(body.get("numbers") or {}),
        events=[
            {
                "at": str(one["at"]),
                "state": state_word(str(one["state"])),
                "family": FAMILIES.get(str(one["state"]), "idle"),
            }
            for one in reversed(body.get("events") or [])
        ],
    )


def lag_card(name: str, body: dict[str, Any]) -> LagCard:
    """Return a card; up to five seconds behind is nothing to speak of."""
    word, some, none = (say(one) for one in LAG[name])
    n, behind = int(body.get("count") or 0), int(body.get("behindMs") or 0)
    if not n:
        return LagCard(word, "0", none)
    return LagCard(
        word,
        spoken(n),
        say("{some}, the first for {behind}", some=some, behind=span_words(behind)) if behind else some,
        behind > 5000,
    )


class ServicesState(Tab):
    """Components and lag."""

    rows: list[ServiceLine] = []
    lag: list[LagCard] = []
    loading: bool = True
    seconds: int = 10
    which: str = "alive"
    _opened: str = ""
    shown: ServiceLine = ServiceLine()
    about: list[dict[str, str]] = []
    configuration: list[dict[str, str]] = []
    about_open: bool = False
    bundle_url: str = ""
    maintenance: bool = False
    asking_maintenance: bool = False
    server_version: str = ""
    server_zone: str = ""
    up_since: str = ""

    @turns.reads
    async def load(self) -> None:
        """Fetch them."""
        self.clear()
        if not self.username:
            return
        self.bundle_url = f"/api/v1/{self.tenant_id}/console/administration/bundle"
        async with self.api() as api:
            body = await api.console.get("administration", "services")
            self._take_about(await api.console.about())
            gone = ("INACTIVE", "NOT_RUNNING", "TERMINATED_GRACEFULLY", "TERMINATED_FORCED")
            self.rows = [line_of(one) for one in body["services"] if self.which == "all" or one["state"] not in gone]
            self.lag = [lag_card(name, body["lag"].get(name) or {}) for name in LAG]
            self.server_version, self.server_zone = str(body["version"]), str(body["zone"])
            self.up_since = min((row.started for row in self.rows if row.family == "ok"), default="")
            if self.shown.id:
                self.shown = next((row for row in self.rows if row.id == self.shown.id), ServiceLine())
            elif self.query("open") != self._opened:
                self.shown = next((row for row in self.rows if row.id == self.query("open")), ServiceLine())
            self._opened = self.query("open")
        self.loading = False

    def _take_about(self, told: dict[str, Any]) -> None:
        self.maintenance = bool(told.get("maintenance"))
        database = told.get("database") or {}
        facts = [
            (say("Version"), told.get("version")),
            (say("Commit"), told.get("commit") or say("an installed package")),
            (say("Edition"), told.get("edition")),
            (say("Python"), told.get("python")),
            (say("System"), told.get("system")),
            (say("Host"), told.get("host")),
            (say("Zone"), told.get("zone")),
            (say("Database"), f"{database.get('type', '')} {database.get('version', '')}".strip()),
            (say("Storage"), told.get("storage")),
            (say("Secrets"), told.get("secrets")),
        ]
        self.about = [{"name": name, "value": str(value)} for name, value in facts if value]
        self.configuration = [
            {"name": str(one["name"]), "value": str(one["value"]), "source": str(one["source"])}
            for one in told.get("configuration") or []
        ][:500]

    @rx.event
    async def show_about(self, on: bool) -> None:
        """Open or close what the instance is made of."""
        self.about_open = on

    @rx.event
    async def ask_maintenance(self, on: bool) -> None:
        """Ask before the maintenance begins or ends."""
        self.asking_maintenance = on

    @turns.writes
    async def switch_maintenance(self) -> None:
        """Begin the maintenance, or end it."""
        self.asking_maintenance, on = False, not self.maintenance
        async with self.api(say("Could not switch the maintenance")) as api:
            await (api.configs.enter_maintenance() if on else api.configs.exit_maintenance())
            self.maintenance = on
            self.toast(
                say("Maintenance has begun") if on else say("Maintenance is over"),
                say("What runs goes on; nothing new starts.") if on else say("What waited starts in its order."),
            )

    @rx.event
    async def set_seconds(self, seconds: int) -> None:
        """Another interval of the refresh."""
        self.seconds = seconds

    @rx.event
    async def set_which(self, which: str):
        """Those that live, or also those that ended."""
        self.which = which
        return ServicesState.load

    @rx.event
    async def open_line(self, identity: str) -> None:
        """Show a component."""
        self.shown = next((row for row in self.rows if row.id == identity), ServiceLine())

    @rx.event
    async def close(self) -> None:
        """Close the details."""
        self.shown = ServiceLine()


S: Any = ServicesState


def _badge(word: Any, family: Any) -> rx.Component:
    shapes = rx.match(
        family,
        ("ok", rx.icon("circle-check", size=12)),
        ("bad", rx.icon("octagon-x", size=12)),
        ("warn", rx.icon("triangle-alert", size=12)),
        ("hold", rx.icon("circle-pause", size=12)),
        ("stop", rx.icon("square", size=12)),
        ("idle", rx.icon("circle-dashed", size=12)),
        rx.icon("ban", size=12),
    )
    return rx.el.span(shapes, word, class_name=f"st {family}")


COLUMNS = [
    Column(
        "Service",
        lambda row: rx.el.button(
            row.type, class_name="med cell-link", on_click=S.open_line(row.id), custom_attrs={"type": "button"}
        ),
    ),
    Column("State", lambda row: _badge(row.state, row.family)),
    Column("Id", lambda row: rx.el.span(row.id[0:8], class_name="mono mut", title=row.id), hide="m"),
    Column("Host", lambda row: rx.el.span(row.host, class_name="mono"), hide="s"),
    Column("Version", lambda row: row.version, hide="m"),
    Column("Started", lambda row: moment(row.started, mode="relative"), numeric=True),
    Column("Last heartbeat", lambda row: moment(row.heartbeat, mode="relative"), numeric=True, hide="s"),
]


def _lag(card: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(card.word, class_name="mut sm"),
        rx.el.b(card.number, class_name=rx.cond(card.late, "kv num fgs warn", "kv num")),
        rx.el.span(card.note, class_name="mut sm num kn", title=card.note),
        class_name="kpi",
    )


def _configuration() -> rx.Component:
    """Keys that were set, as they may be shown."""
    row = lambda one: rx.el.div(  # noqa: E731
        rx.el.div(
            rx.el.span(one["name"], class_name="mono sm brk"),
            rx.el.span(one["source"], class_name="xs faint brk"),
            class_name="col grow",
        ),
        rx.el.span(one["value"], class_name="mono sm brk cfv"),
        class_name="row cfrow",
    )
    return rx.cond(
        S.configuration.length() > 0,
        rx.el.div(rx.foreach(S.configuration, row)),
        rx.el.p("Everything has its default.", class_name="mut sm"),
    )


def services_page() -> rx.Component:
    """The screen."""
    one = S.shown
    identity = rx.el.span(
        rx.el.span(one.id, class_name="mono"), copy_button(one.id, "Copy the id"), class_name="row g4"
    )
    event = lambda e: rx.el.div(  # noqa: E731
        _badge(e["state"], e["family"]),
        rx.el.span(class_name="grow"),
        moment(e["at"], mode="full"),
        class_name="row evrow",
    )
    return page_shell(
        "System overview",
        rx.el.div(
            rx.el.span("Version ", rx.el.b(S.server_version, class_name="mono"), class_name="sm"),
            rx.el.span("up ", duration(start=S.up_since), class_name="mut sm num"),
            rx.el.span("server zone ", S.server_zone, class_name="mut sm hide-s"),
            rx.cond(S.maintenance, rx.el.span("in maintenance", class_name="st hold"), rx.fragment()),
            rx.el.span(class_name="grow"),
            button("About", icon="info", size="small", on_click=S.show_about(True), test="about-open"),
            button(
                rx.cond(S.maintenance, "End maintenance", "Enter maintenance"),
                icon="construction",
                size="small",
                on_click=S.ask_maintenance(True),
                test="maintenance",
                class_name="hide-s",
            ),
            segmented(
                [("alive", "Alive"), ("all", "Ended too")], S.which, S.set_which, label="Services", test="services"
            ),
            refresh(ServicesState.load, seconds=S.seconds, on_seconds=ServicesState.set_seconds),
            class_name="toolbar",
        ),
        rx.cond(
            S.lag.length() > 0,
            rx.el.div(rx.foreach(S.lag, _lag), class_name="kpis", custom_attrs=testid("services-lag")),
            rx.fragment(),
        ),
        data_table(
            S.rows,
            COLUMNS,
            label="Services",
            loading=S.loading,
            none=empty_state(
                "No service reports", hint="A component says every few seconds that it lives.", icon="server"
            ),
            test="services-table",
        ),
        drawer(
            one.type,
            rx.el.dl(
                fact("State", _badge(one.state, one.family)),
                fact("Id", identity),
                fact("Host", rx.el.span(one.host, class_name="mono")),
                fact("Version", one.version),
                fact("Started", moment(one.started, mode="full")),
                fact("Last heartbeat", moment(one.heartbeat, mode="full")),
                rx.foreach(one.properties, lambda p: fact(p["name"], rx.el.span(p["value"], class_name="mono"))),
                class_name="facts",
            ),
            rx.cond(
                one.numbers.length() > 0,
                rx.fragment(
                    rx.el.header(rx.el.h3("Numbers"), class_name="sec"),
                    rx.el.dl(
                        rx.foreach(one.numbers, lambda p: fact(p["name"], rx.el.span(p["value"], class_name="num"))),
                        class_name="facts",
                    ),
                ),
                rx.el.p("Its numbers stand at the management port of its own machine.", class_name="mut sm"),
            ),
            rx.el.header(rx.el.h3("Configuration"), count(S.configuration.length()), class_name="sec"),
            _configuration(),
            rx.el.header(rx.el.h3("Events"), count(one.events.length()), class_name="sec"),
            rx.el.div(rx.foreach(one.events, event)),
            open=one.id != "",
            at=one.id,
            on_close=S.close,
            footer=[button("Close", on_click=S.close)],
            width=560,
            test="services-details",
        ),
        drawer(
            "About this instance",
            rx.el.dl(
                rx.foreach(S.about, lambda p: fact(p["name"], rx.el.span(p["value"], class_name="mono brk"))),
                class_name="facts",
            ),
            rx.el.header(rx.el.h3("Configuration"), count(S.configuration.length()), class_name="sec"),
            _configuration(),
            open=S.about_open,
            on_close=S.show_about(False),
            width=560,
            footer=[
                raw_link(
                    rx.icon("download", size=14),
                    "Support bundle",
                    href=S.bundle_url,
                    class_name="btn",
                    download=True,
                    title="A ZIP of versions, services, numbers and configuration, without secrets",
                    test="support-bundle",
                ),
                button("Close", on_click=S.show_about(False)),
            ],
            test="about",
        ),
        confirm_dialog(
            rx.cond(S.maintenance, "End the maintenance", "Enter maintenance"),
            rx.cond(
                S.maintenance,
                rx.el.p("What waited starts in its order, schedules catch up as their flows say."),
                rx.el.p(
                    "No execution and no task starts any more; those that run go on to their end. New executions are "
                    "taken and wait. Everybody sees a notice in the console."
                ),
            ),
            open=S.asking_maintenance,
            on_cancel=S.ask_maintenance(False),
            on_confirm=S.switch_maintenance,
            verb=rx.cond(S.maintenance, "End maintenance", "Enter maintenance"),
            test="maintenance-dialog",
        ),
        on_retry=ServicesState.load,
    )
