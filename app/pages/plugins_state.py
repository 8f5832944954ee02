"""Plugins: groups, what the search found, the page of a class (UI-PL)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from app import routes, turns
from app.pages.flows.documentation import Property, documentation_of, kind_of
from app.tab import Tab
from app.words import later, say, say_count, spoken
from backend_client.plugins import PluginGroup

KIND_WORDS = {
    "tasks": later("Task"),
    "triggers": later("Trigger"),
    "conditions": later("Condition"),
    "taskRunners": later("Task runner"),
    "charts": later("Chart"),
    "dataFilters": later("Chart data"),
    "dataFiltersKPI": later("Chart data"),
    "logExporters": later("Log exporter"),
    "storages": later("Storage"),
    "secrets": later("Secret backend"),
}
COUNTS = {
    "Task": (later("{n} task"), later("{n} tasks")),
    "Trigger": (later("{n} trigger"), later("{n} triggers")),
    "Condition": (later("{n} condition"), later("{n} conditions")),
    "Task runner": (later("{n} task runner"), later("{n} task runners")),
    "Chart": (later("{n} chart"), later("{n} charts")),
    "Chart data": (later("{n} chart data"), later("{n} chart data")),
    "Log exporter": (later("{n} log exporter"), later("{n} log exporters")),
    "Storage": (later("{n} storage"), later("{n} storages")),
    "Secret backend": (later("{n} secret backend"), later("{n} secret backends")),
}
SHOWN = [("", "All"), ("tasks", "Tasks"), ("triggers", "Triggers"), ("conditions", "Conditions"), ("other", "Other")]


@dataclass(frozen=True, slots=True)
class GroupCard:
    """A family of classes in the grid."""

    name: str = ""
    title: str = ""
    numbers: str = ""
    first: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A class in the list of results, or in the index of its group."""

    type: str = ""
    name: str = ""
    about: str = ""
    kind: str = ""
    why: str = ""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """An example; `use` opens it in the editor."""

    title: str = ""
    code: str = ""
    use: str = ""


@dataclass(frozen=True, slots=True)
class PluginPage:
    """What the page of a class shows."""

    type: str = ""
    name: str = ""
    kind: str = ""
    about: str = ""
    deprecated: bool = False
    samples: list[Sample] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    common: list[Property] = field(default_factory=list)
    outputs: list[Property] = field(default_factory=list)
    metrics: list[Property] = field(default_factory=list)
    without_effect: list[str] = field(default_factory=list)
    definitions: list[dict[str, str]] = field(default_factory=list)


WITHOUT_EFFECT = "Without effect"
"""How the documentation of a property begins that is accepted and does nothing here."""


def without_effect(schema: Any, path: str = "") -> list[str]:
    """Return the dotted names of properties that are accepted and do nothing (UI-PL-02)."""
    found: list[str] = []
    if isinstance(schema, dict):
        for name, one in (schema.get("properties") or {}).items():
            place = f"{path}.{name}" if path else str(name)
            if isinstance(one, dict) and str(one.get("description") or "").startswith(WITHOUT_EFFECT):
                found.append(place)
            else:
                found += without_effect(one, place)
        for one in schema.get("anyOf") or []:
            found += without_effect(one, path)
        found += without_effect(schema.get("items"), path)
    return list(dict.fromkeys(found))


PROPER = {
    **{name: name.upper() for name in ("ai", "aws", "gcp", "http", "jdbc", "kv", "php", "r", "sql")},
    "dbt": "dbt",
    "deepseek": "DeepSeek",
    "fs": "File systems",
    "github": "GitHub",
    "gitlab": "GitLab",
    "graphql": "GraphQL",
    "mongodb": "MongoDB",
    "mqtt": "MQTT",
    "nats": "NATS",
    "openai": "OpenAI",
    "powershell": "PowerShell",
    "servicenow": "ServiceNow",
    "javascript": "JavaScript",
    "typescript": "TypeScript",
}
"""Parts of a package's name whose heading is not the part with a capital."""
LANGUAGES = frozenset(["bun", "deno", "docker", "go", "groovy", "julia", "lua", "node", "perl", "python", "ruby"])


def title_of(name: str) -> str:
    """Return a group's heading: `io.kestra.plugin.scripts.python` is *Scripts, Python*."""
    short = re.sub(r"^io\.kestra\.(plugin\.)?", "", name)
    parts = [part for part in short.split(".") if part]
    first = [PROPER.get(part, part.capitalize()) for part in parts[:1]]
    rest = [PROPER.get(part, part.capitalize() if part in LANGUAGES else part) for part in parts[1:]]
    return ", ".join([*first, *rest]) or name


def group_card(group: PluginGroup) -> GroupCard:
    """Return a group as the grid shows it."""
    counts: dict[str, int] = {}
    for one in group.elements:
        word = KIND_WORDS.get(one.kind, one.kind)
        counts[word] = counts.get(word, 0) + 1
    numbers = ", ".join(
        say_count(n, *COUNTS.get(word, (f"{{n}} {word}", f"{{n}} {word}s")), n=spoken(n)) for word, n in counts.items()
    )
    return GroupCard(
        name=group.group,
        title=title_of(group.group),
        numbers=numbers,
        first=group.elements[0].cls if group.elements else "",
        place=f"{routes.PLUGINS}?group={group.group}",
    )


def page_of(cls: str, answer: dict[str, Any], kind: str) -> PluginPage:
    """Return the page from the answer of `GET plugins/{cls}`."""
    told = documentation_of(cls, answer)
    schema = answer.get("schema") or {}
    metrics = [
        Property(
            name=str(one.get("name") or ""), kind=str(one.get("type") or ""), text=str(one.get("description") or "")
        )
        for one in (schema.get("properties") or {}).get("$metrics") or []
        if isinstance(one, dict)
    ]
    definitions = [
        {
            "name": str(name),
            "text": ", ".join(f"{key}: {kind_of(value)}" for key, value in (shape.get("properties") or {}).items())
            or kind_of(shape),
        }
        for name, shape in (schema.get("definitions") or {}).items()
        if isinstance(shape, dict)
    ]
    return PluginPage(
        type=cls,
        name=told.name,
        kind=say(KIND_WORDS.get(kind, "Plugin")),
        about=told.about,
        deprecated=told.deprecated,
        samples=[
            Sample(one["title"], one["code"], f"{routes.NEW_FLOW}?plugin={cls}&example={n}")
            for n, one in enumerate(told.examples)
        ],
        properties=told.properties,
        common=told.common,
        outputs=told.outputs,
        metrics=metrics,
        without_effect=without_effect(schema.get("properties")),
        definitions=definitions,
    )


class PluginsState(Tab):
    """The groups, what the search found, the open class."""

    groups: list[GroupCard] = []
    hits: list[Hit] = []
    text: str = ""
    only: str = ""
    group: str = ""
    read: bool = False
    absent: list[dict[str, str]] = []
    missing: str = ""

    page: PluginPage = PluginPage()
    siblings: list[Hit] = []
    sibling_group: str = ""
    flows: list[dict[str, str]] = []
    flow_total: int = 0
    blueprints: list[dict[str, str]] = []

    @turns.reads
    async def load(self) -> None:
        """The grid, or what the URL asks for: text, kind, group."""
        self.clear()
        if not self.username:
            return
        self.text, self.only, self.group = self.query("q"), self.query("kind"), self.query("group")
        async with self.api() as api:
            groups = await api.plugins.groups()
            self.absent = self._absent(await api.console.absent_plugins())
            if not (self.text or self.only or self.group):
                self.groups, self.hits = [group_card(one) for one in groups if one.elements], []
                self.read = True
                return
            why: dict[str, str] = {}
            if self.text:
                found = await api.console.get("plugins", "search", q=self.text[:100])
                why = {str(one["type"]): str(one.get("why") or "") for one in found}
            rows = [
                Hit(
                    one.cls,
                    one.cls.rsplit(".", 1)[-1],
                    one.title,
                    KIND_WORDS.get(one.kind, one.kind),
                    why.get(one.cls, ""),
                    one.deprecated,
                )
                for group in groups
                if not self.group or group.group == self.group
                for one in group.elements
                if self._wanted(one.kind) and (not self.text or one.cls in why)
            ]
            order = {name: n for n, name in enumerate(why)}
            rows.sort(key=lambda row: (row.deprecated, order.get(row.type, 0), row.type))
            self.hits, self.groups = rows[:200], []
            self.read = True

    def _absent(self, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        """What is not here, in groups, or single classes that have the words of the search."""
        if self.only or self.group:
            return []
        words = self.text.lower().split()
        if words:
            return [
                {"title": one["type"].rpartition(".")[2], "text": one["type"]}
                for one in rows
                if all(word in one["type"].lower() for word in words)
            ]
        by: dict[str, list[str]] = {}
        for one in rows:
            by.setdefault(".".join(one["group"].split(".")[:4]), []).append(one["type"].rpartition(".")[2])
        return [{"title": title_of(name), "text": ", ".join(dict.fromkeys(names))} for name, names in by.items()]

    def _wanted(self, kind: str) -> bool:
        if self.only == "other":
            return kind not in ("tasks", "triggers", "conditions")
        return not self.only or kind == self.only

    @turns.reads
    async def open(self) -> None:
        """The page of the class in the URL."""
        self.clear()
        cls = self.arg("plugin")
        self.missing = ""
        if not self.username:
            return
        async with self.api() as api:
            if any(one["type"] == cls for one in await api.console.absent_plugins()):
                self.missing = cls
                return
            answer = await api.plugins.documentation(cls)
            groups = await api.plugins.groups()
            name = cls.rpartition(".")[0]
            group = next((one for one in groups if one.group == name), None)
            elements = group.elements if group else []
            kind = next((one.kind for one in elements if one.cls == cls), "")
            self.page = page_of(cls, answer, kind)
            self.sibling_group = name
            self.siblings = [
                Hit(one.cls, one.cls.rsplit(".", 1)[-1], one.title, KIND_WORDS.get(one.kind, ""), "", one.deprecated)
                for one in elements
            ]
            used = await api.console.get("plugins", cls, "uses")
            self.flow_total = int(used.get("total") or 0)
            self.flows = [
                {"namespace": str(f["namespace"]), "id": str(f["id"]), "place": routes.flow(f["namespace"], f["id"])}
                for f in used.get("flows", [])[:20]
            ]
            self.blueprints = [
                {"title": str(b["title"]), "place": routes.blueprints("flow", str(b["id"]))}
                for b in used.get("blueprints", [])
            ]

    def _show(self) -> None:
        asked = [("q", self.text), ("kind", self.only), ("group", self.group)]
        query = "&".join(f"{k}={v}" for k, v in asked if v)
        self.navigate(routes.PLUGINS + (f"?{query}" if query else ""), replace=True)

    @rx.event
    async def set_text(self, text: str) -> None:
        """The search changed."""
        self.text = text.replace("&", " ").strip()
        self._show()

    @rx.event
    async def set_only(self, kind: str) -> None:
        """One kind alone."""
        self.only = kind
        self._show()

    @rx.event
    async def forget(self) -> None:
        """Back to all groups."""
        self.text = self.only = self.group = ""
        self._show()
