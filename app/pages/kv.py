"""KV Store: the pairs of all namespaces, or of one; the exemplary page of `docs/howto/add-a-page.md` (UI-KV)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import reflex as rx

from app import routes
from app.frame import page_shell
from app.list_page import ListPage
from app.listing import list_filters, list_pager
from app.tab import Tab
from backend_client import ApiError, KvEntry
from backend_client.kv import wire_text
from components.button import button, copy_button, icon_button, link, segmented
from components.clock import moment
from components.code_editor import code_editor
from components.dialog import confirm_dialog, drawer, menu, menu_item, menu_line
from components.field import field, form, select, text_input
from components.filters import NAMESPACE_OPERATORS, filter_key
from components.message import empty_state, message
from components.table import Bulk, Column, data_table

TYPES = ["STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON"]
TYPE_ICONS = {
    "STRING": "case-sensitive",
    "NUMBER": "hash",
    "BOOLEAN": "toggle-right",
    "DATETIME": "calendar-clock",
    "DATE": "calendar",
    "DURATION": "hourglass",
    "JSON": "braces",
}
EXPIRY = [
    ("", "Never"),
    ("PT5M", "5 min"),
    ("PT1H", "1 h"),
    ("P1D", "1 day"),
    ("P7D", "7 days"),
    ("P30D", "30 days"),
    ("custom", "Own duration"),
]
EXPIRY_OF_EXISTING = [("keep", "As it is"), *EXPIRY]
KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
SPAN = re.compile(r"^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$")
LARGE = 100_000
FORMS = {
    "NUMBER": (re.compile(r"^-?\d+(\.\d+)?([eE][+-]?\d+)?$"), "A number, like 42 or 1.5."),
    "BOOLEAN": (re.compile(r"^(true|false)$"), "true or false."),
    "DATETIME": (
        re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$"),
        "An instant, like 2026-11-20T06:00:00Z.",
    ),
    "DATE": (re.compile(r"^\d{4}-\d\d-\d\d$"), "A date, like 2026-11-20."),
    "DURATION": (SPAN, "An ISO duration, like PT15M or P1D."),
}


def value_fault(kind: str, text: str) -> str:
    """Return which rule a typed value breaks; empty when none."""
    if kind == "JSON":
        try:
            json.loads(text)
        except ValueError as error:
            return f"Not valid JSON: {error}."
        return ""
    rule = FORMS.get(kind)
    return rule[1] if rule and not rule[0].match(text.strip()) else ""


class KvState(ListPage, Tab):
    """Rows on screen, the open editor, the pending deletion."""

    rows: list[KvEntry] = []
    space: str = ""
    inherited: list[KvEntry] = []

    editing: bool = False
    is_new: bool = True
    form_namespace: str = ""
    form_key: str = ""
    form_type: str = "STRING"
    form_value: str = ""
    form_start: str = ""
    form_description: str = ""
    form_expiry: str = ""
    form_ttl: str = ""
    form_revision: int = 0
    form_expires: str = ""
    faults: dict[str, str] = {}
    form_problem: str = ""

    deleting: list[str] = []

    @rx.event
    async def load(self) -> None:
        """Fetch the page of rows that the URL asks for."""
        if not self.username or (self.arg("ns") and self.arg("tab") != "kv"):
            return
        if self.space != self.arg("ns"):
            self.rows, self.total, self.loading = [], 0, True
        self.space = self.arg("ns")
        self.read_url()
        async with self.api() as api:
            self.take(await api.kv.search(**self._asked()))
            self.inherited = await api.kv.inherited(self.space) if self.space else []
        if self.query("new"):
            await self._open_new()

    def _asked(self) -> dict[str, Any]:
        """The wanted page, within the namespace when the page is that of one."""
        asked = self.wanted()
        if self.space:
            asked["filters"] = [*asked["filters"], {"field": "namespace", "operator": "EQUALS", "value": self.space}]
        return asked

    async def _open_new(self) -> None:
        self.editing, self.is_new = True, True
        spaces = [one["value"] for one in self.filters if one["field"] == "namespace" and "," not in one["value"]]
        self.form_namespace = self.space or (spaces[0] if spaces else "")
        self.form_key, self.form_type, self.form_value, self.form_start = "", "STRING", "", ""
        self.form_description, self.form_expiry, self.form_ttl, self.form_revision = "", "", "", 0
        self.form_expires = ""
        self.faults, self.form_problem = {}, ""

    @rx.event
    async def open_new(self) -> None:
        """Open the editor for a new pair."""
        await self._open_new()

    @rx.event
    async def open_entry(self, identity: str) -> None:
        """Open the editor on a pair, with its value."""
        namespace, _, key = identity.partition("/")
        async with self.api("Could not read the value") as api:
            value = await api.kv.get(namespace, key)
            await self._open_new()
            self.is_new = False
            self.form_namespace, self.form_key = namespace, key
            self.form_type, self.form_revision = value.type, value.revision
            self.form_value = value.text if len(value.text) <= LARGE else ""
            if len(value.text) > LARGE:
                self.form_problem = (
                    f"The value has {len(value.text):,} characters and is not shown; saving replaces it."
                )
            self.form_start = self.form_value
            row = next((row for row in [*self.rows, *self.inherited] if row.id == identity), KvEntry())
            self.form_description, self.form_expires, self.form_expiry = row.description, row.expires, "keep"

    @rx.event
    async def close(self) -> None:
        """Close the editor without saving."""
        self.editing = False

    @rx.event
    async def put(self, name: str, text: str) -> None:
        """A field of the form changed."""
        if name in {
            "form_namespace",
            "form_key",
            "form_type",
            "form_value",
            "form_description",
            "form_expiry",
            "form_ttl",
        }:
            setattr(self, name, text)
            self.faults = {k: v for k, v in self.faults.items() if k != name.removeprefix("form_")}

    def _check(self) -> dict[str, str]:
        faults: dict[str, str] = {}
        if not self.form_namespace.strip():
            faults["namespace"] = "Name the namespace."
        if not KEY.match(self.form_key.strip()):
            faults["key"] = "Letters, digits, dot, dash and underscore; a letter or digit first."
        fault = value_fault(self.form_type, self.form_value)
        if fault:
            faults["value"] = fault
        if self.form_expiry == "custom" and not SPAN.match(self.form_ttl.strip()):
            faults["ttl"] = "An ISO duration, like PT15M or P1D."
        return faults

    @rx.event
    async def save(self) -> None:
        """Write the pair; what is wrong stands beside its field."""
        self.faults, self.form_problem = self._check(), ""
        if self.faults:
            return
        namespace, key = self.form_namespace.strip(), self.form_key.strip()
        ttl = self._ttl()
        try:
            async with self.api(raising=True) as api:
                if self.is_new and await self._exists(api, namespace, key):
                    self.faults = {"key": f"{namespace} already has this key."}
                    return
                if not self.is_new and (await api.kv.get(namespace, key)).revision != self.form_revision:
                    self.form_revision = (await api.kv.get(namespace, key)).revision
                    self.form_problem = "Someone saved this key meanwhile. Save again to replace their value."
                    return
                await api.kv.put(
                    namespace,
                    key,
                    wire_text(self.form_type, self.form_value),
                    kind=self.form_type,
                    ttl=ttl,
                    description=self.form_description.strip(),
                )
                self.editing = False
                self.toast("Key saved", f"{key} in {namespace}")
                self.take(await api.kv.search(**self._asked()))
        except ApiError as error:
            self.form_problem = error.message

    def _ttl(self) -> str:
        """Return the duration to send: a save without one would let the key live for ever."""
        if self.form_expiry == "custom":
            return self.form_ttl.strip()
        if self.form_expiry != "keep":
            return self.form_expiry
        if not self.form_expires:
            return ""
        left = datetime.fromisoformat(self.form_expires) - datetime.now(UTC)
        return f"PT{max(1, round(left.total_seconds()))}S"

    async def _exists(self, api, namespace: str, key: str) -> bool:
        try:
            await api.kv.get(namespace, key)
        except ApiError as error:
            if error.status in {404, 410}:
                return False
            raise
        return True

    @rx.event
    async def reset_conditions(self) -> None:
        """Forget search and conditions."""
        self._go(text="", filters=[])

    @rx.event
    async def ask_delete(self, identities: list[str]) -> None:
        """Ask before deleting."""
        self.deleting = identities

    @rx.event
    async def keep(self) -> None:
        """Do not delete."""
        self.deleting = []

    @rx.event
    async def delete(self) -> None:
        """Delete the asked pairs, namespace by namespace."""
        chosen: dict[str, list[str]] = defaultdict(list)
        for identity in self.deleting:
            namespace, _, key = identity.partition("/")
            chosen[namespace].append(key)
        count = len(self.deleting)
        self.deleting = []
        async with self.api("Could not delete" if count == 1 else f"Could not delete {count} keys") as api:
            gone = 0
            for namespace, keys in chosen.items():
                gone += len(await api.kv.delete_many(namespace, keys))
            self.selected, self.editing = [], False
            self.toast("Key deleted" if gone == 1 else f"{gone} keys deleted")
            self.take(await api.kv.search(**self._asked()))


COUNT: Any = rx.Var.create(KvState.deleting).length()
CONDITIONS: Any = rx.Var.create(KvState.filters).length()
INHERITED: Any = rx.Var.create(KvState.inherited).length()

FILTERS = [
    filter_key(
        "namespace",
        "namespace",
        operators=NAMESPACE_OPERATORS,
        kind="choice",
        options_url="/api/v1/{tenant}/flows/distinct-namespaces",
    ),
    filter_key("updated", "updated", kind="date"),
    filter_key("expirationDate", "expires", kind="date"),
]


def _row_menu(row: KvEntry) -> rx.Component:
    return rx.fragment(
        copy_button(f"{{{{ kv('{row.key}') }}}}", "Copy the expression"),
        menu(
            icon_button("ellipsis", "More"),
            menu_item("Edit", icon="pencil", on_select=KvState.open_entry(row.id)),
            menu_line(),
            menu_item("Delete", icon="trash-2", danger=True, on_select=KvState.ask_delete([row.id])),
            label="Actions on the key",
        ),
    )


def _small(row: KvEntry) -> rx.Component:
    return rx.el.button(
        rx.el.span(row.key, class_name="mono med"),
        rx.el.span(row.namespace, " · ", moment(row.updated, mode="relative"), class_name="mut sm"),
        class_name="two",
        on_click=KvState.open_entry(row.id),
        custom_attrs={"type": "button"},
    )


def _type(row: KvEntry) -> rx.Component:
    icons = rx.match(row.type, *((name, rx.icon(icon, size=14)) for name, icon in TYPE_ICONS.items()), rx.fragment())
    return rx.el.span(icons, row.type, class_name="row g6 mut sm")


COLUMNS = [
    Column(
        "Key",
        lambda row: rx.el.button(
            row.key,
            class_name="mono med cell-link",
            on_click=KvState.open_entry(row.id),
            custom_attrs={"type": "button"},
        ),
        sort="key",
    ),
    Column(
        "Namespace",
        lambda row: link(row.namespace, to=routes.namespace(row.namespace, "kv"), class_name="ns"),
        sort="namespace",
    ),
    Column("Type", _type, hide="m"),
    Column("Value", lambda row: rx.el.span(row.preview, class_name="mono mut sm", title=row.description), fill=True),
    Column("Description", lambda row: rx.el.span(row.description, class_name="mut kvd ell"), hide="m"),
    Column("Version", lambda row: row.version, numeric=True, hide="m"),
    Column("Updated", lambda row: moment(row.updated, mode="relative"), sort="updateDate", numeric=True),
    Column(
        "Expires",
        lambda row: moment(row.expires, mode="relative", empty="never", warn_within_ms=86_400_000),
        sort="expirationDate",
        numeric=True,
    ),
]


def _value_control() -> rx.Component:
    fault = KvState.faults["value"]
    change = lambda text: KvState.put("form_value", text)  # noqa: E731
    line = text_input(
        KvState.form_value, change, label="Value", mono=True, error=rx.cond(fault, True, False), test="kv-value"
    )
    area = text_input(
        KvState.form_value,
        change,
        label="Value",
        rows=10,
        mono=True,
        error=rx.cond(fault, True, False),
        test="kv-value",
    )
    json_area = rx.el.div(
        code_editor(value=KvState.form_start, language="json", on_change=change),
        class_name=rx.cond(fault, "kvjson err", "kvjson"),
        custom_attrs={"data-testid": "kv-json"},
    )
    choice = segmented(
        [("true", "true"), ("false", "false")],
        KvState.form_value,
        lambda v: KvState.put("form_value", v),
        label="Value",
    )
    return rx.fragment(rx.match(KvState.form_type, ("BOOLEAN", choice), ("STRING", area), ("JSON", json_area), line))


def _expiry(options: list[tuple[str, str]]) -> rx.Component:
    return select(
        options, KvState.form_expiry, lambda t: KvState.put("form_expiry", t), label="Expires", test="kv-expiry"
    )


def _editor() -> rx.Component:
    locked: Any = rx.cond(KvState.is_new, False, True)
    return drawer(
        rx.cond(KvState.is_new, "New key", KvState.form_key),
        rx.cond(KvState.form_problem != "", message("warn", KvState.form_problem), rx.fragment()),
        form(
            field(
                "Namespace",
                text_input(
                    KvState.form_namespace,
                    lambda t: KvState.put("form_namespace", t),
                    label="Namespace",
                    placeholder="company.team",
                    disabled=locked,
                    test="kv-namespace",
                ),
                error=KvState.faults["namespace"],
                required=True,
            ),
            field(
                "Key",
                text_input(
                    KvState.form_key,
                    lambda t: KvState.put("form_key", t),
                    label="Key",
                    mono=True,
                    disabled=locked,
                    test="kv-key",
                ),
                error=KvState.faults["key"],
                required=True,
            ),
            field(
                "Type",
                select(
                    TYPES,
                    KvState.form_type,
                    lambda t: KvState.put("form_type", t),
                    label="Type",
                    disabled=locked,
                    test="kv-type",
                ),
            ),
            field("Value", _value_control(), error=KvState.faults["value"], kind=KvState.form_type),
            field(
                "Expires",
                rx.cond(KvState.is_new, _expiry(EXPIRY), _expiry(EXPIRY_OF_EXISTING)),
                hint="Counted from now, each time the key is saved.",
            ),
            rx.cond(
                KvState.form_expiry == "custom",
                field(
                    "Duration",
                    text_input(
                        KvState.form_ttl,
                        lambda t: KvState.put("form_ttl", t),
                        label="Duration",
                        placeholder="PT15M",
                        mono=True,
                        test="kv-ttl",
                    ),
                    error=KvState.faults["ttl"],
                ),
                rx.fragment(),
            ),
            field(
                "Description",
                text_input(
                    KvState.form_description,
                    lambda t: KvState.put("form_description", t),
                    label="Description",
                    test="kv-description",
                ),
            ),
            rx.el.div(
                rx.el.span("In a flow", class_name="xs mut"),
                rx.el.div(
                    rx.el.span(f"{{{{ kv('{KvState.form_key}') }}}}", class_name="mono ce ell grow"),
                    copy_button(f"{{{{ kv('{KvState.form_key}') }}}}"),
                    class_name="expr row",
                ),
                class_name="col g4",
            ),
        ),
        open=KvState.editing,
        on_close=KvState.close,
        width=408,
        footer=[
            *(
                [
                    rx.cond(
                        KvState.is_new,
                        rx.fragment(),
                        button(
                            "Delete",
                            icon="trash-2",
                            kind="danger",
                            on_click=KvState.ask_delete([KvState.form_namespace + "/" + KvState.form_key]),
                        ),
                    )
                ]
            ),
            button("Cancel", on_click=KvState.close),
            button("Save", icon="save", kind="primary", on_click=KvState.save, primary_of_dialog=True, test="kv-save"),
        ],
        test="kv-editor",
    )


def _inherited() -> rx.Component:
    """The pairs of the parents, read only by way of their own namespace."""
    columns = [
        COLUMNS[0],
        Column("From", lambda row: link(row.namespace, to=routes.namespace(row.namespace, "kv"), class_name="ns")),
        *COLUMNS[2:4],
        *COLUMNS[6:],
    ]
    return rx.cond(
        INHERITED > 0,
        rx.el.section(
            rx.el.header(
                rx.el.h2("Inherited"),
                rx.el.span("from parents; a key of the same name here comes first", class_name="mut sm"),
                class_name="sec kvi",
            ),
            data_table(KvState.inherited, columns, label="Inherited keys", small=_small, test="kv-inherited"),
            custom_attrs={"data-testid": "kv-inherited-part"},
        ),
        rx.fragment(),
    )


def _nothing() -> rx.Component:
    return rx.cond(
        (CONDITIONS > 0) | (KvState.search_text != ""),
        empty_state(
            "Nothing matches",
            hint="No key fits the search and the conditions above.",
            icon="search-x",
            actions=[button("Reset filters", on_click=KvState.reset_conditions, test="kv-reset")],
        ),
        empty_state(
            "No keys yet",
            hint="A key keeps a value for the flows of a namespace, from one execution to the next.",
            icon="database",
            actions=[button("New key", icon="plus", kind="primary", on_click=KvState.open_new)],
        ),
    )


def kv_body(*, one: bool = False) -> rx.Component:
    """Filters, table, pager, and the editor and confirmation over them.

    Args:
        one: the page is that of one namespace: no namespace column, and the pairs of its parents below.
    """
    return rx.fragment(
        list_filters(
            KvState,
            FILTERS[1:] if one else FILTERS,
            placeholder="Key" if one else "Key or namespace",
            on_refresh=KvState.load,
        ),
        rx.el.div(
            data_table(
                KvState.rows,
                [COLUMNS[0], *COLUMNS[2:]] if one else COLUMNS,
                label="Keys",
                selected=KvState.selected,
                on_select=KvState.set_selected,
                sort=KvState.sort_by,
                on_sort=KvState.set_sort,
                loading=KvState.loading,
                none=_nothing(),
                actions=_row_menu,
                small=_small,
                bulk=Bulk(
                    [
                        button(
                            "Delete",
                            icon="trash-2",
                            kind="danger",
                            size="small",
                            on_click=KvState.ask_delete(KvState.selected),
                            test="kv-delete-selected",
                        )
                    ]
                ),
                test="kv-table",
            ),
            *([_inherited()] if one else []),
            class_name="kvb" if one else "kvb all",
        ),
        list_pager(KvState),
        _editor(),
        confirm_dialog(
            rx.cond(COUNT == 1, "Delete this key", f"Delete {COUNT} keys"),
            rx.el.p("Flows that read it get nothing, or fail where they ask without a default. This cannot be undone."),
            rx.el.ul(rx.foreach(KvState.deleting, lambda one: rx.el.li(one, class_name="mono"))),
            open=COUNT > 0,
            on_cancel=KvState.keep,
            on_confirm=KvState.delete,
            verb=rx.cond(COUNT == 1, "Delete key", f"Delete {COUNT} keys"),
            test="kv-delete",
        ),
    )


def new_key() -> rx.Component:
    """The button that opens an empty editor."""
    return button(
        "New key", icon="plus", kind="primary", on_click=KvState.open_new, test="kv-create", class_name="ic-s"
    )


def kv_page() -> rx.Component:
    """The screen over all namespaces."""
    return page_shell(
        "KV Store",
        kv_body(),
        actions=[new_key()],
        commands=[{"title": "New key", "event": "kv-create"}],
        on_retry=KvState.load,
    )
