"""KV Store: rows on screen, the editor's form, what is asked (UI-KV)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app import turns
from app.in_namespace import InNamespace
from app.list_page import ListPage, pairs_of
from app.pages import kv_forms
from app.rights import permitted, shortfall
from app.tab import Tab
from app.words import say, say_count, spoken
from app.work import Failure, Outcome, Work, carry_out, slices
from backend_client import ApiError, Client, KvEntry
from backend_client.kv import wire_text

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
    ("date", "On a date"),
]
EXPIRY_OF_EXISTING = [("keep", "As it is"), *EXPIRY]
KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


class KvState(InNamespace, ListPage, Tab):
    """Rows on screen, the open editor, the pending deletion."""

    list_name: str = "kv"
    rows: list[KvEntry] = []
    inherited: list[KvEntry] = []

    editing: bool = False
    is_new: bool = True
    may_save: bool = True
    form_namespace: str = ""
    form_key: str = ""
    form_type: str = "STRING"
    form_value: str = ""
    form_start: str = ""
    form_description: str = ""
    form_expiry: str = ""
    form_ttl: str = ""
    form_until: str = ""
    form_span: dict[str, str] = kv_forms.span_parts("")
    form_picked: str = ""
    form_size: int = 0
    type_wanted: str = ""
    csv_url: str = ""
    form_revision: int = 0
    form_expires: str = ""
    faults: dict[str, str] = {}
    form_problem: str = ""

    deleting: list[str] = []
    delete_note: str = ""
    export_url: str = ""
    expiring: list[str] = []
    bulk_expiry: str = "P7D"

    @rx.event
    async def ask_expiry(self, identities: list[str]) -> None:
        """Ask for the new expiry of several pairs."""
        self.expiring, self.bulk_expiry = identities, "P7D"

    @rx.event
    async def keep_expiry(self) -> None:
        """Change none."""
        self.expiring = []

    @rx.event
    async def set_bulk_expiry(self, span: str) -> None:
        """Another expiry."""
        self.bulk_expiry = span

    @turns.behind
    async def change_expiry(self):
        """Write the chosen pairs again with another expiry; values and types stay (UI-KV-01)."""
        async with self:
            chosen, self.expiring, self.selected = list(self.expiring), [], []
            about, ttl = {row.id: row.description for row in self.rows}, self.bulk_expiry

        async def write(api: Client, identity: str) -> Outcome:
            namespace, _, key = identity.partition("/")
            value = await api.kv.get(namespace, key)
            text = wire_text(value.type, value.text)
            await api.kv.put(namespace, key, text, kind=value.type, ttl=ttl, description=about.get(identity, ""))
            return Outcome(1)

        def done(n: int) -> str:
            return say_count(n, "Expiry of {chosen} key changed", "Expiry of {chosen} keys changed", chosen=spoken(n))

        await carry_out(self, Work(say("Changing the expiry"), done, parts=chosen, step=write, total=len(chosen)))
        yield KvState.load

    @turns.behind
    async def take_file(self, file: dict[str, Any]):
        """Import pairs from JSON or CSV: what the export gives, or a map of keys to values for one namespace."""
        text = str(file.get("text") or "")
        try:
            found = json.loads(text)
        except ValueError:
            found = kv_forms.pairs_of_csv(text)
        async with self:
            space = self.space
            if isinstance(found, dict) and space:
                found = [{"namespace": space, "key": k, "value": v} for k, v in found.items()]
            if not isinstance(found, list) or not all(isinstance(one, dict) and one.get("key") for one in found):
                self.toast(
                    say("Nothing imported"),
                    say("A JSON list of {namespace, key, value} or a CSV file with these columns is needed."),
                    level="warning",
                )
                return

        async def write(api: Client, one: dict[str, Any]) -> Outcome:
            namespace = str(space or one.get("namespace") or "")
            if not namespace:
                return Outcome(failed=[Failure(str(one["key"]), say("Name the namespace."))])
            kind, value = str(one.get("type") or ""), one.get("value")
            text = value if isinstance(value, str) and kind in ("DATETIME", "DATE", "DURATION") else json.dumps(value)
            about = str(one.get("description") or "")
            await api.kv.put(namespace, str(one["key"]), text, kind=kind, description=about)
            return Outcome(1)

        await carry_out(
            self,
            Work(
                say("Importing keys"),
                lambda n: say_count(n, "{done} key imported", "{done} keys imported", done=spoken(n)),
                parts=found,
                step=write,
                total=len(found),
                name=lambda one: [f"{one.get('namespace') or space}/{one['key']}"],
            ),
        )
        yield KvState.load

    @turns.reads
    async def load(self) -> Any:
        """Fetch the page of rows that the URL asks for."""
        if not self.username or (self.arg("ns") and self.arg("tab") != "kv"):
            return None
        if self.enter_namespace():
            self.editing = False
        self._read_list(["key", "type", "value", "description", "version", "updated", "expires"])
        asked = self.wanted_here()
        pairs = pairs_of(self.search_text, asked["filters"])
        self.export_url = f"/api/v1/{self.tenant_id}/console/kv/export?" + urlencode(pairs, safe="[],:")
        self.csv_url = self.export_url + "&format=csv"
        async with self.api() as api:
            self.take(await api.kv.search(**asked))
            self.inherited = await api.kv.inherited(self.space) if self.space else []
        opened = self.opened()
        if self.query("new") and self.may("KVSTORE", "CREATE", self.space):
            await self._open_new()
        elif "/" in opened:
            return KvState.open_entry(opened)
        return None

    async def _open_new(self) -> None:
        self.editing, self.is_new, self.may_save = True, True, True
        spaces = [one["value"] for one in self.filters if one["field"] == "namespace" and "," not in one["value"]]
        self.form_namespace = self.space or (spaces[0] if spaces else "")
        self.form_key, self.form_type, self.form_value, self.form_start = "", "STRING", "", ""
        self.form_description, self.form_expiry, self.form_ttl, self.form_revision = "", "", "", 0
        self.form_expires, self.form_until, self.form_size, self.type_wanted = "", "", 0, ""
        self._show_value("")
        self.faults, self.form_problem = {}, ""

    @rx.event
    async def open_new(self) -> None:
        """Open the editor for a new pair."""
        await self._open_new()

    @turns.opens
    async def open_entry(self, identity: str) -> None:
        """Open the editor on a pair, with its value."""
        namespace, _, key = identity.partition("/")
        async with self.api(say("Could not read the value")) as api:
            value = await api.kv.held(namespace, key)
            await self._open_new()
            self.is_new, self.may_save = False, self.may("KVSTORE", "UPDATE", namespace)
            self.form_namespace, self.form_key = namespace, key
            self.form_type, self.form_revision = value.type, value.revision
            self.form_size = value.size if value.away else 0
            self._show_value(value.text)
            self.form_start = self.form_value
            row = next((row for row in [*self.rows, *self.inherited] if row.id == identity), KvEntry())
            self.form_description, self.form_expires, self.form_expiry = row.description, row.expires, "keep"

    def _show_value(self, text: str) -> None:
        """Take a value into the control of its type."""
        self.form_value = text
        self.form_span = kv_forms.span_parts(text)
        self.form_picked = kv_forms.to_picker(text) if self.form_type == "DATETIME" else ""

    @turns.asks
    async def load_value(self) -> None:
        """Load a large value after all (UI-KV-03)."""
        async with self.api(say("Could not read the value")) as api:
            value = await api.kv.get(self.form_namespace, self.form_key)
            self.form_size, self.form_revision = 0, value.revision
            self._show_value(value.text)
            self.form_start = value.text

    @turns.asks
    async def copy_value(self, identity: str) -> None:
        """The whole value to the clipboard."""
        namespace, _, key = identity.partition("/")
        async with self.api(say("Could not read the value")) as api:
            self.copy_text((await api.kv.get(namespace, key)).text)

    @rx.event
    async def set_type(self, kind: str) -> None:
        """Another type: the value is converted where that can be, else asked for (UI-KV-02)."""
        if kind not in TYPES:
            return
        other = kv_forms.converted(self.form_type, kind, self.form_value)
        if other is None:
            self.type_wanted = kind
            return
        self._become(kind, other)

    @rx.event
    async def keep_type(self) -> None:
        """The type stays."""
        self.type_wanted = ""

    @rx.event
    async def drop_value(self) -> None:
        """Another type, and an empty value."""
        self._become(self.type_wanted, "")

    def _become(self, kind: str, text: str) -> None:
        self.form_type, self.type_wanted, self.faults = kind, "", {}
        self._show_value(text)
        self.form_start = text

    @rx.event
    async def put_span(self, unit: str, number: str) -> None:
        """A number of the duration changed."""
        if unit in kv_forms.UNITS:
            self.form_value = kv_forms.with_part(self.form_value, unit, number)
            self.form_span = {**self.form_span, unit: number}
            self.faults = {k: v for k, v in self.faults.items() if k != "value"}

    @rx.event
    async def pick(self, text: str) -> None:
        """An instant was chosen, in UTC."""
        self.form_picked, self.form_value = text, kv_forms.from_picker(text)
        self.faults = {k: v for k, v in self.faults.items() if k != "value"}

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
            "form_value",
            "form_description",
            "form_expiry",
            "form_ttl",
            "form_until",
        }:
            if name == "form_value" and self.form_type == "DURATION":
                self.form_span = kv_forms.span_parts(text)
            if name == "form_value" and self.form_type == "DATETIME":
                self.form_picked = kv_forms.to_picker(text)
            setattr(self, name, text)
            self.faults = {k: v for k, v in self.faults.items() if k != name.removeprefix("form_")}

    def _check(self) -> dict[str, str]:
        faults: dict[str, str] = {}
        if not self.form_namespace.strip():
            faults["namespace"] = say("Name the namespace.")
        if not KEY.match(self.form_key.strip()):
            faults["key"] = say("Letters, digits, dot, dash and underscore; a letter or digit first.")
        fault = kv_forms.value_fault(self.form_type, self.form_value)
        if self.form_size:
            fault = say("Load the value first: saving now would replace it by an empty one.")
        if fault:
            faults["value"] = fault
        if self.form_expiry == "custom" and kv_forms.seconds_of(self.form_ttl) is None:
            faults["ttl"] = say("An ISO duration, like PT15M or P1D.")
        if self.form_expiry == "date" and self._left(kv_forms.from_picker(self.form_until)) <= 0:
            faults["until"] = say("An instant that is still to come.")
        return faults

    @turns.writes
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
                    self.faults = {"key": say("{namespace} already has this key.", namespace=namespace)}
                    return
                if not self.is_new and (await api.kv.get(namespace, key)).revision != self.form_revision:
                    self.form_revision = (await api.kv.get(namespace, key)).revision
                    self.form_problem = say("Someone saved this key meanwhile. Save again to replace their value.")
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
                self.toast(say("Key saved"), say("{key} in {namespace}", key=key, namespace=namespace))
                self.take(await api.kv.search(**self.wanted_here()))
        except ApiError as error:
            self.form_problem = error.message

    def _ttl(self) -> str:
        """Return the duration to send: a save without one would let the key live for ever."""
        if self.form_expiry == "custom":
            return self.form_ttl.strip()
        if self.form_expiry == "date":
            return f"PT{max(1, round(self._left(kv_forms.from_picker(self.form_until))))}S"
        if self.form_expiry != "keep":
            return self.form_expiry
        return f"PT{max(1, round(self._left(self.form_expires)))}S" if self.form_expires else ""

    def _left(self, instant: str) -> float:
        """Seconds until an instant; below zero for one that is over, or none."""
        try:
            return (datetime.fromisoformat(instant) - datetime.now(UTC)).total_seconds()
        except ValueError:
            return -1

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
        places = {one: one.partition("/")[0] for one in identities}
        self.deleting = permitted(self.permissions, "KVSTORE:DELETE", places)
        self.delete_note = shortfall(len(self.deleting), len(places), "KVSTORE:DELETE")
        if not self.deleting:
            self.toast(say("Nothing to delete"), self.delete_note, level="warning")

    @rx.event
    async def keep(self) -> None:
        """Do not delete."""
        self.deleting = []

    @turns.behind
    async def delete(self):
        """Delete the asked pairs, namespace by namespace."""
        async with self:
            asked, self.deleting, self.selected, self.editing = list(self.deleting), [], [], False
        chosen: dict[str, list[str]] = defaultdict(list)
        for identity in asked:
            namespace, _, key = identity.partition("/")
            chosen[namespace].append(key)

        async def remove(api: Client, part: list[str]) -> Outcome:
            namespace, keys = part[0].partition("/")[0], [one.partition("/")[2] for one in part]
            gone = len(await api.kv.delete_many(namespace, keys))
            return Outcome(gone, skipped=len(keys) - gone)

        await carry_out(
            self,
            Work(
                say("Deleting keys"),
                lambda n: say("Key deleted") if n == 1 else say("{gone} keys deleted", gone=spoken(n)),
                parts=[part for space, keys in chosen.items() for part in slices([f"{space}/{key}" for key in keys])],
                step=remove,
                total=len(asked),
                skipped=say("they were gone already"),
            ),
        )
        yield KvState.load
