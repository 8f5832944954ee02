"""A namespace's variables, plugin defaults and description, its last runs and log lines (UI-NS-02…06)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import reflex as rx
import yaml

from app import routes, turns
from app.pages.flows.documentation import documentation_of
from app.tab import Tab
from app.words import say
from backend_client import ApiError, Client

PARTS = ("executions", "logs", "dependencies", "variables", "plugin-defaults", "edit")
MOST = 50


@dataclass(frozen=True, slots=True)
class RunLine:
    """An execution of the namespace."""

    id: str = ""
    short: str = ""
    namespace: str = ""
    flow: str = ""
    state: str = ""
    started: str = ""
    duration_ms: int = 0
    terminal: bool = False
    counted: str = ""


@dataclass(frozen=True, slots=True)
class VariableLine:
    """A variable by its whole name; `origin` is the namespace above that gives it."""

    name: str = ""
    value: str = ""
    kind: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class DefaultLine:
    """A plugin default; `place` is its number in the list, -1 for inherited ones."""

    place: int = -1
    type: str = ""
    forced: bool = False
    text: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class FormField:
    """A property of the class in the form of a plugin default."""

    name: str = ""
    kind: str = ""
    text: str = ""
    default: str = ""


def scalar_text(value: Any) -> str:
    """Return a value as one types it into a field: YAML in one line."""
    if isinstance(value, str) and yaml.safe_load(value or "''") == value:
        return value
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True).strip().removesuffix("\n...").strip()


def flattened(tree: Any, origin: str = "", prefix: str = "") -> list[VariableLine]:
    """Return the leaves of nested variables with dotted names."""
    found: list[VariableLine] = []
    for key, value in (tree or {}).items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            found += flattened(value, origin, f"{name}.")
            continue
        kind = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "map"}.get(
            type(value), "nothing"
        )
        text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True).strip()
        found.append(VariableLine(name, text.removesuffix("\n...").strip(), kind, origin))
    return found


def dumped(value: Any) -> str:
    """Return YAML as one writes it by hand; nothing for an empty value."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True) if value else ""


def default_lines(entries: Any, *, inherited: bool = False) -> list[DefaultLine]:
    """Read plugin defaults as the API tells them."""
    return [
        DefaultLine(
            place=-1 if inherited else n,
            type=str(one.get("type") or ""),
            forced=bool(one.get("forced")),
            text=dumped(one.get("values")).strip(),
            origin=str(one.get("namespace") or "") if inherited else "",
        )
        for n, one in enumerate(entries or [])
    ]


def mapping_of(text: str) -> tuple[dict[str, Any], str]:
    """Return the map that a YAML text holds, and what is wrong with it."""
    try:
        value = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = (say("line {line}:", line=mark.line + 1) + " ") if mark is not None else ""
        return {}, f"{line}{getattr(error, 'problem', None) or 'not YAML'}."
    if not isinstance(value, dict):
        return {}, say("A map is needed: name: value.")
    if not all(isinstance(key, str) for key in value):
        return {}, say("Names are texts.")
    return value, ""


class NamespaceDetails(Tab):
    """What stands in the namespace's own document, and what ran."""

    space: str = ""
    part: str = ""
    ready_: bool = False
    runs: list[RunLine] = []
    run_total: int = 0
    lines: list[dict[str, str]] = []
    below: bool = True
    graph_url: str = ""
    alone: list[dict[str, str]] = []

    document: dict[str, Any] = {}
    description: str = ""
    exists: bool = False
    variables: list[VariableLine] = []
    inherited: list[VariableLine] = []
    variables_text: str = ""
    variables_uri: str = ""
    variables_fault: str = ""
    variables_dirty: bool = False
    raw: bool = False

    plugin_defaults: list[DefaultLine] = []
    inherited_defaults: list[DefaultLine] = []
    types: list[str] = []
    editing: int = -2
    form_type: str = ""
    form_forced: bool = False
    form_values: str = ""
    form_fault: str = ""
    form_yaml: bool = False
    form_known: str = ""
    form_required: list[FormField] = []
    form_optional: list[FormField] = []
    form_texts: dict[str, str] = {}
    form_about: str = ""
    form_find: str = ""

    deleting: bool = False
    typed: str = ""
    writes: bool = True

    @turns.reads
    async def load(self) -> Any:
        """Read what the open tab shows."""
        self.part = self.arg("tab")
        if not self.username or self.part not in PARTS:
            return None
        if self.space != self.arg("ns"):
            self.runs, self.lines, self.variables, self.plugin_defaults, self.ready_ = [], [], [], [], False
        self.space = self.arg("ns")
        self.writes = self.may("NAMESPACE", "UPDATE", self.space)
        self.below = self.query("below", "1") != "0"
        graph = f"/api/v1/{self.tenant_id}/console/namespaces/{self.space}/dependencies"
        self.graph_url = graph + ("" if self.below else "?children=false")
        async with self.api() as api:
            if self.part == "executions":
                await self._runs(api)
            elif self.part == "logs":
                await self._lines(api)
            elif self.part == "dependencies":
                await self._alone(api)
            else:
                await self._document(api)
        self.ready_ = True
        self.editing = -2
        place = self.query("open")
        if self.part == "plugin-defaults" and any(str(one.place) == place for one in self.plugin_defaults):
            return NamespaceDetails.edit_default(int(place))
        return None

    def _of_space(self) -> list[dict[str, str]]:
        return [{"field": "namespace", "operator": "PREFIX" if self.below else "EQUALS", "value": self.space}]

    async def _runs(self, api: Client) -> None:
        found = await api.executions.search(size=MOST, filters=self._of_space())
        self.run_total = found.total
        self.runs = [
            RunLine(
                row.id,
                row.short_id or row.id[:8],
                row.namespace,
                row.flow,
                row.state,
                row.started,
                row.duration_ms,
                row.terminal,
                row.counted,
            )
            for row in found.rows
        ]

    async def _lines(self, api: Client) -> None:
        level = str(self.settings.get("logLevel") or "INFO")
        found = await api.logs.search(
            size=100, filters=[*self._of_space(), {"field": "minLevel", "operator": "EQUALS", "value": level}]
        )
        self.lines = [
            {
                "at": row.time,
                "level": row.level,
                "flow": row.flow,
                "text": row.message[:500],
                "to": routes.execution(row.namespace, row.flow, row.execution, "logs") if row.execution else "",
            }
            for row in found.rows
        ]

    async def _alone(self, api: Client) -> None:
        """Flows that start no other and are started by none (UI-NS-03)."""
        found = await api.console.namespace_dependencies(self.space, children=self.below)
        self.alone = [
            {**one, "place": routes.flow(one["namespace"], one["id"])}
            for one in sorted(found["apart"], key=lambda one: (one["namespace"], one["id"]))
        ]

    async def _document(self, api: Client) -> None:
        body = await api.namespaces.get(self.space)
        self.document = body
        self.description = str(body.get("description") or "")
        self.exists = any(body.get(name) for name in ("description", "variables", "pluginDefaults"))
        self.variables = flattened(body.get("variables"))
        self.plugin_defaults = default_lines(body.get("pluginDefaults"))
        if self.part == "variables":
            above = await api.namespaces.inherited(self.space, "variables")
            mine = {one.name for one in self.variables}
            self.inherited = [one for one in flattened(above, self.space.rpartition(".")[0]) if one.name not in mine]
            self.variables_text = dumped(body.get("variables"))
            self.variables_uri = f"{self.tenant_id}/{self.space}/variables-{time.time_ns() // 1_000_000}.yaml"
            self.variables_fault, self.variables_dirty = "", False
        elif self.part == "plugin-defaults":
            self.inherited_defaults = default_lines(
                await api.namespaces.inherited(self.space, "plugindefaults"), inherited=True
            )
            if not self.types:
                groups = await api.plugins.groups()
                kinds = ("tasks", "triggers", "taskRunners")
                self.types = sorted(e.cls for g in groups for e in g.elements if e.kind in kinds and not e.deprecated)

    async def _write(self, what: str, **members: Any) -> str:
        """Save members of the document; what was refused, or nothing."""
        body = {k: v for k, v in {**self.document, **members}.items() if v not in (None, "", [], {})}
        try:
            async with self.api(raising=True) as api:
                await api.namespaces.update(self.space, {**body, "id": self.space})
                await self._document(api)
        except ApiError as error:
            more = [f"{one.path}: {one.message}" if one.path else one.message for one in error.errors]
            return "; ".join(more) or error.message
        self.toast(what, self.space)
        return ""

    @rx.event
    async def set_below(self, on: bool) -> None:
        """With the namespaces below, or without."""
        self.navigate(routes.namespace(self.space, self.part) + ("" if on else "?below=0"), replace=True)

    # -- variables ----------------------------------------------------------------------------------------

    @rx.event
    async def set_raw(self, raw: bool) -> None:
        """YAML or table."""
        self.raw = raw

    @rx.event
    async def take_text(self, text: str) -> None:
        """The variables changed by hand."""
        self.variables_text, self.variables_dirty = text, True
        self.variables_fault = mapping_of(text)[1]

    @rx.event
    async def override(self, name: str, value: str) -> None:
        """Begin an own value for an inherited variable."""
        tree, _ = mapping_of(self.variables_text)
        node = tree
        *path, last = name.split(".")
        for part in path:
            child = node.get(part)
            node[part] = child if isinstance(child, dict) else {}
            node = node[part]
        node[last] = yaml.safe_load(value) if value else ""
        self.variables_text, self.variables_dirty, self.raw = dumped(tree), True, True
        self.variables_uri = f"{self.tenant_id}/{self.space}/variables-{time.time_ns() // 1_000_000}.yaml"

    @turns.writes
    async def save_text(self, text: str) -> None:
        """Ctrl S in the variables."""
        self.variables_text = text
        await self._save_variables()

    @turns.writes
    async def save_variables(self) -> None:
        """The button."""
        await self._save_variables()

    async def _save_variables(self) -> None:
        tree, fault = mapping_of(self.variables_text)
        self.variables_fault = fault or await self._write(say("Variables saved"), variables=tree)

    # -- plugin defaults ----------------------------------------------------------------------------------

    @turns.opens
    async def edit_default(self, place: int) -> None:
        """Open the form; -1 is a new one."""
        row = next((one for one in self.plugin_defaults if one.place == place), DefaultLine())
        self.editing, self.form_type, self.form_forced = place, row.type, row.forced
        self.form_values, self.form_fault, self.form_yaml, self.form_find = row.text, "", False, ""
        await self._read_properties()

    async def _read_properties(self) -> None:
        """The fields of the form, when the type is a class; a prefix of several has YAML alone."""
        tree, fault = mapping_of(self.form_values)
        self.form_texts = {} if fault else {name: scalar_text(value) for name, value in tree.items()}
        if self.form_known == self.form_type and self.form_known:
            return
        self.form_known, self.form_required, self.form_optional, self.form_about = "", [], [], ""
        if self.form_type not in self.types:
            return
        async with self.api(say("Could not read the properties")) as api:
            told = documentation_of(self.form_type, await api.plugins.documentation(self.form_type))
            self.form_about = told.about
            row = lambda one: FormField(one.name, one.kind, one.text, one.default)  # noqa: E731
            self.form_required = [row(one) for one in told.properties if one.required]
            self.form_optional = [row(one) for one in told.properties if not one.required]
            self.form_known = self.form_type

    @rx.event
    async def set_form_yaml(self, on: bool) -> None:
        """Fields or YAML; both hold the same."""
        tree, fault = mapping_of(self.form_values)
        if not on and fault:
            self.form_fault = fault
            return
        self.form_yaml = on
        self.form_texts = {name: scalar_text(value) for name, value in tree.items()} if not fault else {}

    @rx.event
    async def set_find(self, text: str) -> None:
        """Which of the optional properties are shown."""
        self.form_find = text

    @rx.event
    async def put_property(self, name: str, text: str) -> None:
        """A property changed; an empty one is left out."""
        self.form_texts = {**self.form_texts, name: text}
        tree, _ = mapping_of(self.form_values)
        try:
            value = yaml.safe_load(text) if text.strip() else None
        except yaml.YAMLError:
            value = text  # an expression such as {{ secret('KEY') }} is a text
        if isinstance(value, dict) and text.strip().startswith("{{"):
            value = text
        tree = {**tree, name: value} if text.strip() else {k: v for k, v in tree.items() if k != name}
        self.form_values, self.form_fault = dumped(tree), ""

    @rx.event
    async def close_form(self) -> None:
        """Change nothing."""
        self.editing = -2

    @turns.asks
    async def set_type(self, text: str) -> None:
        """Another type, or a prefix of types."""
        self.form_type, self.form_fault = text.strip(), ""
        await self._read_properties()

    @rx.event
    async def set_forced(self, on: bool) -> None:
        """Whether flows can't say otherwise."""
        self.form_forced = on

    @rx.event
    async def set_values(self, text: str) -> None:
        """Other properties."""
        self.form_values, self.form_fault = text, ""

    @turns.writes
    async def save_default(self) -> None:
        """Write the default into the namespace."""
        values, fault = mapping_of(self.form_values)
        if not self.form_type:
            fault = say("Name a plugin class, or the begin of one: io.kestra.plugin.scripts.")
        if fault:
            self.form_fault = fault
            return
        entries = list(self.document.get("pluginDefaults") or [])
        missing = [one.name for one in self.form_required if one.name not in values] if self.form_known else []
        if missing and not values:
            self.form_fault = say("Set at least one property.")
            return
        entry = {"type": self.form_type, "forced": self.form_forced, "values": values}
        if 0 <= self.editing < len(entries):
            entries[self.editing] = entry
        else:
            entries.append(entry)
        self.form_fault = await self._write(say("Plugin default saved"), pluginDefaults=entries)
        if not self.form_fault:
            self.editing = -2

    @turns.writes
    async def drop_default(self, place: int) -> None:
        """Delete one."""
        entries = [one for n, one in enumerate(self.document.get("pluginDefaults") or []) if n != place]
        fault = await self._write(say("Plugin default deleted"), pluginDefaults=entries)
        if fault:
            self.toast(say("Not deleted"), fault, level="error")

    @turns.writes
    async def import_defaults(self, file: dict[str, Any]) -> None:
        """Add the defaults of a YAML file: a list of `{type, forced, values}`."""
        try:
            found = yaml.safe_load(str(file.get("text") or ""))
        except yaml.YAMLError:
            found = None
        if isinstance(found, dict):
            found = found.get("pluginDefaults")
        if not isinstance(found, list) or not all(isinstance(one, dict) and one.get("type") for one in found):
            self.toast(say("Nothing imported"), say("A YAML list of {type, values} is needed."), level="warning")
            return
        entries = [*(self.document.get("pluginDefaults") or []), *found]
        fault = await self._write(say("{found} plugin defaults imported", found=len(found)), pluginDefaults=entries)
        if fault:
            self.toast(say("Nothing imported"), fault, level="error")

    @rx.event
    async def copy_defaults(self) -> None:
        """All of them as YAML to the clipboard."""
        self.copy_text(dumped(self.document.get("pluginDefaults")))
        self.toast(say("Plugin defaults copied as YAML"), level="info")

    # -- the namespace itself -----------------------------------------------------------------------------

    @rx.event
    async def set_description(self, text: str) -> None:
        """Another description."""
        self.description = text

    @turns.writes
    async def save_description(self) -> None:
        """Write it."""
        fault = await self._write(say("Description saved"), description=self.description.strip())
        if fault:
            self.toast(say("Not saved"), fault, level="error")

    @rx.event
    async def ask_delete(self) -> None:
        """Ask before deleting."""
        self.deleting, self.typed = True, ""

    @rx.event
    async def keep(self) -> None:
        """Do not delete."""
        self.deleting = False

    @rx.event
    async def set_typed(self, text: str) -> None:
        """The name is typed to confirm."""
        self.typed = text

    @turns.writes
    async def delete(self) -> None:
        """Forget the namespace's own document."""
        if self.typed != self.space:
            return
        self.deleting = False
        async with self.api(say("Could not delete the namespace")) as api:
            await api.namespaces.delete(self.space)
            self.toast(say("Namespace deleted"), say("{space}: its flows, keys and files stay", space=self.space))
            self.navigate(routes.NAMESPACES)
