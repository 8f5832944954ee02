"""The text of a dashboard, what the server finds in it, the form of a chart (UI-DB-20…24)."""

from __future__ import annotations

import re
import time
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.dashboards import charts
from app.pages.flows.documentation import Documentation, documentation_of
from app.tab import Tab
from app.words import say
from backend_client import ApiError

SAMPLE = """title: My dashboard
description: What it shows
timeWindow:
  default: P7D
  max: P366D
"""
NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$")
BLANK = {
    "id": "",
    "type": "TimeSeries",
    "title": "",
    "description": "",
    "width": "6",
    "data": "Executions",
    "column": "",
    "group": "",
    "field": "",
    "agg": "COUNT",
    "content": "",
}
RULE = {"field": "", "type": "IN", "value": "", "key": ""}
ASIDES = ("docs", "charts", "blueprints", "copilot")


class BoardEditorState(Tab):
    """The text, what the server finds in it, the form of a chart."""

    board_id: str = ""
    saved: str = ""
    source: str = ""
    doc_uri: str = ""
    ready_: bool = False
    dirty: bool = False
    order: dict[str, Any] = {}

    title: str = ""
    cards: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    figures_url: str = ""
    panel: str = "both"
    saving: bool = False
    fault: str = ""

    form_open: bool = False
    form_new: bool = True
    form_of: str = ""
    form: dict[str, str] = BLANK
    fields: list[str] = charts.FIELDS["Executions"]
    faults: dict[str, str] = {}
    where: list[dict[str, str]] = []
    numerator: list[dict[str, str]] = []

    aside: str = ""
    doc: Documentation = Documentation()
    doc_pinned: bool = False
    others: list[dict[str, str]] = []
    samples: list[dict[str, str]] = []
    find_text: str = ""

    _cursor: str = ""
    _texts: dict[str, str] = {}

    @turns.reads
    async def load(self) -> None:
        """Begin with the stored source, a copy, a blueprint or a sample."""
        if not self.username:
            return
        self.clear()
        self.ready_ = False
        name = self.arg("dashboard")
        self.board_id = name
        self.figures_url = f"/api/v1/{self.tenant_id}/console/figures"
        text = ""
        async with self.api() as api:
            if name:
                text = str((await api.dashboards.get(name)).get("sourceCode") or "")
                self.saved = text
            else:
                self.saved = ""
                if self.query("blueprintId"):
                    text = (await api.blueprints.get("dashboard", self.query("blueprintId")))[1]
                elif self.query("copy"):
                    text = str((await api.dashboards.get(self.query("copy"))).get("sourceCode") or "")
                    text = re.sub(r"^id:\s*(\S+)\s*$", r"id: \1_copy", text, count=1, flags=re.MULTILINE)
                else:
                    text = SAMPLE
            self.source = text
            self.doc_uri = f"{self.tenant_id}/dashboards/{name or 'new'}-{time.time_ns() // 1_000_000}.yaml"
            self.dirty, self.fault, self.form_open, self.order = not name, "", False, {}
            self.others, self.samples, self._texts = [], [], {}
            self.ready_ = True
            await self._read(api)
        if any(card.get("id") == self.query("open") for card in self.cards):
            self._open_chart(self.query("open"))

    async def _read(self, api: Any) -> None:
        found = await api.console.outline(self.source)
        self.title = str(found["title"])
        self.cards, self.errors = found["charts"], found["errors"]

    @turns.asks
    async def take(self, text: str) -> None:
        """The text changed by hand; the preview follows."""
        self.source, self.dirty, self.fault = text, text != self.saved, ""
        async with self.api(say("Could not read the source")) as api:
            await self._read(api)

    async def _replace(self, text: str) -> None:
        self.source, self.dirty, self.fault = text, text != self.saved, ""
        self.order = {"seq": time.time_ns() // 1_000_000, "kind": "replace", "text": text}
        async with self.api(say("Could not read the source")) as api:
            await self._read(api)

    @rx.event
    async def set_panel(self, panel: str) -> None:
        """Code, preview, or both."""
        self.panel = panel

    @rx.event
    async def reveal(self, line: int) -> None:
        """Show a line of the text."""
        if self.panel == "preview":
            self.panel = "both"
        self.order = {"seq": time.time_ns() // 1_000_000, "kind": "reveal", "line": line}

    @turns.writes
    async def save_text(self, text: str) -> None:
        """Ctrl S in the text."""
        self.source = text
        await self._save()

    @turns.writes
    async def save(self) -> None:
        """The button."""
        await self._save()

    async def _save(self) -> None:
        self.fault = ""
        self.saving = True
        try:
            async with self.api(raising=True) as api:
                if self.board_id:
                    await api.dashboards.update(self.board_id, self.source)
                    self.saved, self.dirty = self.source, False
                    self.toast(say("Dashboard saved"), self.title)
                else:
                    made = await api.dashboards.create(self.source)
                    self.saved, self.dirty = self.source, False
                    self.toast(say("Dashboard created"), self.title)
                    self.navigate(routes.dashboard(str(made["id"])))
        except ApiError as error:
            more = [f"{one.path}: {one.message}" if one.path else one.message for one in error.errors]
            self.fault = "; ".join(more) or error.message
        finally:
            self.saving = False

    # -- charts by form -----------------------------------------------------------------------------------

    @rx.event
    async def add(self, kind: str) -> None:
        """Open the form for a new chart."""
        if kind not in charts.TYPES:
            return
        wish = {"TimeSeries": "over_time", "Bar": "by_namespace", "Pie": "by_state", "Table": "rows", "KPI": "number"}
        try:
            name = charts.free_name(self.source, wish.get(kind, "text"))
        except ValueError as error:
            self.toast(say("The source cannot be changed by form"), str(error), level="warning")
            return
        more = {
            "TimeSeries": {"column": "START_DATE", "group": "STATE", "width": "8"},
            "Bar": {"column": "NAMESPACE", "group": "STATE"},
            "Pie": {"column": "STATE", "width": "4"},
            "Table": {"column": "ID, NAMESPACE, FLOW_ID, STATE, START_DATE", "width": "12"},
            "KPI": {"width": "3", "field": "ID"},
            "Markdown": {"width": "12"},
        }[kind]
        self.form = {**BLANK, "type": kind, "id": name, **more}
        self.fields, self.where, self.numerator = charts.FIELDS["Executions"], [], []
        self.form_new, self.form_of, self.form_open, self.faults = True, "", True, {}

    @rx.event
    async def put(self, name: str, text: str) -> None:
        """A field of the form changed."""
        if name not in BLANK:
            return
        changed = {**self.form, name: text}
        if name == "data" and text in charts.FIELDS:
            self.fields = charts.FIELDS[text]
            changed |= {"column": charts.DATES.get(text, "NAMESPACE"), "group": "", "field": ""}
        self.form = changed
        self.faults = {k: v for k, v in self.faults.items() if k != name}

    @turns.asks
    async def apply(self) -> None:
        """Write the chart into the text."""
        faults: dict[str, str] = {}
        if not NAME.match(self.form["id"]):
            faults["id"] = say("Letters, digits, dash and underscore; a letter or digit first.")
        elif self.form["id"] != self.form_of and any(one["id"] == self.form["id"] for one in self.cards):
            faults["id"] = say("The dashboard has a chart of this name.")
        if not self.form["width"].isdigit() or not 1 <= int(self.form["width"]) <= 12:
            faults["width"] = say("1 to 12 columns.")
        self.faults = faults
        if faults:
            return
        try:
            text = charts.with_chart(self.source, self.form, self.form_of, where=self.where, numerator=self.numerator)
        except ValueError as error:
            self.faults = {"id": say("Not written: {error}.", error=error)}
            return
        self.form_open = False
        await self._replace(text)

    @rx.event
    async def close_form(self) -> None:
        """Leave the chart as it is."""
        self.form_open = False

    def _open_chart(self, name: str) -> None:
        self.form = {**BLANK, **charts.form_of(self.source, name)}
        self.fields = charts.FIELDS.get(self.form["data"], charts.FIELDS["Executions"])
        self.where = charts.conditions_of(self.source, name)
        self.numerator = charts.conditions_of(self.source, name, "numerator")
        self.form_new, self.form_of, self.form_open, self.faults = False, name, True, {}

    @turns.asks
    async def edit_chart(self, told: dict[str, Any]) -> None:
        """What was done to a chart in the preview."""
        kind, name = str(told.get("kind") or ""), str(told.get("id") or "")
        try:
            if kind == "edit":
                self._open_chart(name)
            elif kind == "move":
                await self._replace(charts.moved(self.source, name, int(told.get("by") or 0)))
            elif kind == "place":
                await self._replace(charts.placed(self.source, name, str(told.get("before") or "")))
            elif kind == "width":
                await self._replace(charts.with_width(self.source, name, int(told.get("width") or 6)))
            elif kind == "duplicate":
                await self._replace(charts.duplicated(self.source, name))
            elif kind == "delete":
                await self._replace(charts.without(self.source, name))
                self.toast(
                    say("Chart deleted"), say("{name}. Ctrl Z in the code brings it back.", name=name), level="info"
                )
        except ValueError as error:
            self.toast(say("The source cannot be changed by form"), str(error), level="warning")

    # -- conditions as rows -------------------------------------------------------------------------------

    def _rules(self, member: str) -> list[dict[str, str]]:
        return [dict(one) for one in (self.numerator if member == "numerator" else self.where)]

    def _keep_rules(self, member: str, rules: list[dict[str, str]]) -> None:
        if member == "numerator":
            self.numerator = rules
        else:
            self.where = rules

    @rx.event
    async def add_rule(self, member: str) -> None:
        """One more condition: of the states, or of the levels of logs, which is what most want."""
        field = "LEVEL" if self.form["data"] == "Logs" else "STATE" if "STATE" in self.fields else self.fields[0]
        self._keep_rules(member, [*self._rules(member), {**RULE, "field": field}][:20])

    @rx.event
    async def put_rule(self, member: str, place: int, name: str, text: str) -> None:
        """A part of a condition changed."""
        rules = self._rules(member)
        if 0 <= place < len(rules) and name in RULE:
            rules[place][name] = text
            self._keep_rules(member, rules)

    @rx.event
    async def drop_rule(self, member: str, place: int) -> None:
        """A condition goes."""
        self._keep_rules(member, [one for n, one in enumerate(self._rules(member)) if n != place])

    # -- beside the code: documentation, saved charts, blueprints (UI-DB-20) --------------------------------

    @turns.asks
    async def show_aside(self, name: str) -> None:
        """Open a panel beside the code, or close it."""
        self.aside = "" if name == self.aside or name not in ASIDES else name
        self.find_text = ""
        if self.aside == "copilot" and self.panel == "preview":
            self.panel = "both"  # a proposal is shown in the code
        if self.aside == "docs":
            await self._read_doc(self._cursor or charts.CHART + "TimeSeries")
        elif self.aside == "charts" and not self.others:
            await self._read_others()
        elif self.aside == "blueprints" and not self.samples:
            async with self.api(say("Could not read the blueprints")) as api:
                found = await api.blueprints.search("dashboard")
                self.samples = [{"id": one.id, "title": one.title, "text": one.description} for one in found]

    @rx.event
    async def front(self, panel: str) -> None:
        """On a narrow screen the assistant lies over the code, or the code is seen alone."""
        self.aside = "copilot" if panel == "copilot" else ""

    @rx.event
    async def find(self, text: str) -> None:
        """Words that a saved chart or blueprint must have."""
        self.find_text = text

    @turns.asks
    async def follow(self, told: dict[str, Any]) -> None:
        """The cursor moved: the documentation shows the type that it stands in."""
        kind = str(told.get("type") or "")
        if not kind.startswith("io.kestra.plugin.core.dashboard.") or kind == self._cursor:
            return
        self._cursor = kind
        if self.aside == "docs" and not self.doc_pinned:
            await self._read_doc(kind)

    @turns.asks
    async def read_doc(self, kind: str) -> None:
        """Another type was chosen."""
        await self._read_doc(kind)

    @rx.event
    async def pin_doc(self) -> None:
        """The page stays, or follows the cursor again."""
        self.doc_pinned = not self.doc_pinned

    async def _read_doc(self, kind: str) -> None:
        async with self.api(say("Could not read the documentation")) as api:
            self.doc = documentation_of(kind, await api.plugins.documentation(kind))

    async def _read_others(self) -> None:
        """The charts of the other dashboards, each as it is written."""
        async with self.api(say("Could not read the other dashboards")) as api:
            found: list[dict[str, str]] = []
            texts: dict[str, str] = {}
            for row in (await api.dashboards.search())[:30]:
                if row.id == self.board_id:
                    continue
                source = str((await api.dashboards.get(row.id)).get("sourceCode") or "")
                for card in (await api.console.outline(source))["charts"]:
                    key = f"{row.id}/{card['id']}"
                    try:
                        texts[key] = charts.block_text(source, card["id"])
                    except ValueError:
                        continue
                    found.append(
                        {"key": key, "title": card["title"], "type": card["type"], "from": row.title or row.id}
                    )
            self.others, self._texts = found[:200], texts

    @turns.asks
    async def insert_chart(self, key: str) -> None:
        """Put a saved chart at the end of this dashboard."""
        try:
            await self._replace(charts.with_block(self.source, self._texts[key]))
        except (KeyError, ValueError) as error:
            self.toast(say("The source cannot be changed by form"), str(error), level="warning")

    @turns.asks
    async def insert_sample(self, identity: str) -> None:
        """Put the charts of a blueprint at the end of this dashboard."""
        async with self.api(say("Could not read the blueprint")) as api:
            text = (await api.blueprints.get("dashboard", identity))[1]
            try:
                source = self.source
                for one in charts.blocks(text):
                    source = charts.with_block(source, charts.block_text(text, one.id))
            except ValueError as error:
                self.toast(say("The source cannot be changed by form"), str(error), level="warning")
                return
        await self._replace(source)
        self.toast(say("Charts inserted"), say("Ctrl Z in the code takes them away again."), level="info")

    # -- actions ------------------------------------------------------------------------------------------

    @rx.event
    async def export_source(self) -> None:
        """The YAML as a file."""
        self._tell("file", name=f"{self.board_id or 'dashboard'}.yml", text=self.source)

    @rx.event
    async def copy_source(self) -> None:
        """The YAML to the clipboard."""
        self.copy_text(self.source)
