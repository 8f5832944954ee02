"""Secrets: rows on screen, the editor's form; a typed value leaves the state with the save (UI-SE)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from app import routes, turns
from app.in_namespace import InNamespace
from app.list_page import ListPage
from app.rights import permitted, shortfall
from app.tab import Tab
from app.words import say, spoken
from app.work import Outcome, Work, carry_out
from backend_client import ApiError, Client, Page

KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")


@dataclass(frozen=True, slots=True)
class SecretLine:
    """A secret's name; `own` is False for those of the server's environment."""

    id: str = ""
    namespace: str = ""
    key: str = ""
    description: str = ""
    tags: list[dict[str, str]] = field(default_factory=list)
    updated: str = ""
    uses: str = ""
    own: bool = True


def line_of(body: dict[str, Any]) -> SecretLine:
    """Read one element of the list."""
    namespace, key, uses = str(body.get("namespace") or ""), str(body.get("key") or ""), int(body.get("uses") or 0)
    return SecretLine(
        id=f"{namespace}/{key}",
        namespace=namespace,
        key=key,
        description=str(body.get("description") or ""),
        tags=[{"key": str(t.get("key") or ""), "value": str(t.get("value") or "")} for t in body.get("tags") or []],
        updated=str(body.get("updated") or ""),
        uses="" if uses == 0 else say("1 flow") if uses == 1 else say("{uses} flows", uses=spoken(uses)),
        own=bool(namespace),
    )


def tags_of(text: str) -> tuple[list[dict[str, str]], str]:
    """Return the tags of lines or a comma list `key: value`, and which rule is broken."""
    found: list[dict[str, str]] = []
    for part in re.split(r"[\n,]", text):
        if not part.strip():
            continue
        key, _, value = part.partition(":")
        if not key.strip():
            return [], say("Each tag is key: value, or a key alone.")
        found.append({"key": key.strip(), "value": value.strip()})
    return found, ""


class SecretsState(InNamespace, ListPage, Tab):
    """Rows on screen, the open editor, the pending deletion. A typed value leaves the state with the save."""

    list_name: str = "secrets"
    rows: list[SecretLine] = []
    inherited: list[SecretLine] = []
    read_only: bool = False
    store: str = ""

    editing: bool = False
    is_new: bool = True
    form_namespace: str = ""
    form_key: str = ""
    form_value: str = ""
    form_lines: bool = False
    form_description: str = ""
    form_tags: str = ""
    faults: dict[str, str] = {}
    form_problem: str = ""
    users: list[dict[str, str]] = []
    deleting: list[str] = []
    delete_note: str = ""
    deleting_users: int = 0

    @turns.reads
    async def load(self) -> Any:
        """Fetch the page of rows that the URL asks for."""
        if not self.username or (self.arg("ns") and self.arg("tab") != "secrets"):
            return None
        if self.enter_namespace():
            self.editing = False
        self._read_list(["key", "description", "tags", "uses", "updated"])
        await self._fetch()
        opened = self.opened()
        if self.query("new") and self.may("SECRET", "UPDATE", self.space):
            self._empty()
        elif self.may("SECRET", "UPDATE", opened.partition("/")[0]) and any(
            row.id == opened for row in [*self.rows, *self.inherited]
        ):
            return SecretsState.open_secret(opened)
        return None

    async def _fetch(self) -> None:
        async with self.api() as api:
            body = await api.console.get("secrets", **self.wanted_here())
            self.take(Page([line_of(one) for one in body["results"]], int(body["total"])))
            self.read_only, self.store = bool(body.get("readOnly")), str(body.get("backend") or "")
            above = await api.console.get("secrets", "inherited", namespace=self.space) if self.space else []
            self.inherited = [line_of(one) for one in above]

    def _empty(self) -> None:
        self.editing, self.is_new = True, True
        spaces = [one["value"] for one in self.filters if one["field"] == "namespace" and "," not in one["value"]]
        self.form_namespace = self.space or (spaces[0] if spaces else "")
        self.form_key = self.form_value = self.form_description = self.form_tags = self.form_problem = ""
        self.form_lines, self.faults, self.users = False, {}, []

    @rx.event
    async def open_new(self) -> None:
        """Open the editor for a new secret."""
        self._empty()

    @turns.opens
    async def open_secret(self, identity: str) -> None:
        """Open the editor on a secret: everything but its value."""
        namespace, _, key = identity.partition("/")
        row = next((row for row in [*self.rows, *self.inherited] if row.id == identity), None)
        if row is None or not row.own:
            return
        self._empty()
        self.is_new, self.form_namespace, self.form_key = False, namespace, key
        self.form_description = row.description
        self.form_tags = ", ".join(f"{t['key']}: {t['value']}" if t["value"] else t["key"] for t in row.tags)
        async with self.api(say("Could not find its uses")) as api:
            found = await api.console.get("secrets", key, "uses", namespace=namespace)
            self.users = [
                {
                    "namespace": str(one["namespace"]),
                    "flow": str(one["flowId"]),
                    "lines": ("line " if len(one["lines"]) == 1 else "lines ") + ", ".join(map(str, one["lines"])),
                    "place": f"{routes.flow(one['namespace'], one['flowId'], 'edit')}?line={one['lines'][0]}",
                }
                for one in found
            ]

    @rx.event
    async def close(self) -> None:
        """Close the editor without saving; forget what was typed."""
        self.editing, self.form_value = False, ""

    @rx.event
    async def put(self, name: str, text: str) -> None:
        """A field of the form changed."""
        if name in {"form_namespace", "form_key", "form_value", "form_description", "form_tags"}:
            setattr(self, name, text)
            self.faults = {k: v for k, v in self.faults.items() if k != name.removeprefix("form_")}

    @rx.event
    async def set_lines(self, on: bool) -> None:
        """A value of several lines is shown while it is typed."""
        self.form_lines = on

    @rx.event
    async def take_file(self, file: dict[str, Any]) -> None:
        """A file's text becomes the value."""
        self.form_value, self.form_lines = str(file.get("text") or ""), True
        self.faults = {}

    @turns.writes
    async def save(self) -> None:
        """Write the secret; what is wrong stands beside its field."""
        faults: dict[str, str] = {}
        namespace, key = self.form_namespace.strip(), self.form_key.strip()
        tags, wrong = tags_of(self.form_tags)
        if not namespace:
            faults["namespace"] = say("Name the namespace.")
        if not KEY.match(key):
            faults["key"] = say("Letters, digits, dot, dash and underscore; a letter or digit first.")
        if self.is_new and not self.form_value:
            faults["value"] = say("A secret needs a value.")
        if wrong:
            faults["tags"] = wrong
        self.faults, self.form_problem = faults, ""
        if faults:
            return
        try:
            async with self.api(raising=True) as api:
                if self.is_new:
                    same = await api.console.get(
                        "secrets",
                        size=100,
                        query=key,
                        filters=[{"field": "namespace", "operator": "EQUALS", "value": namespace}],
                    )
                    if any(one["key"] == key and one.get("namespace") == namespace for one in same["results"]):
                        self.faults = {
                            "key": say(
                                "{namespace} already has this secret; edit it to replace its value.",
                                namespace=namespace,
                            )
                        }
                        return
                if self.form_value:
                    await api.namespaces.put_secret(
                        namespace, key, self.form_value, description=self.form_description.strip(), tags=tags
                    )
                else:
                    await api.namespaces.patch_secret(
                        namespace, key, description=self.form_description.strip(), tags=tags
                    )
                replaced = say("Value replaced") if self.form_value else say("Value unchanged")
                self.toast(
                    say("Secret saved"),
                    say("{key} in {namespace}", key=key, namespace=namespace)
                    + ("" if self.is_new else f". {replaced}"),
                )
                self.editing, self.form_value = False, ""
        except ApiError as error:
            self.form_problem = error.message
            return
        await self._fetch()

    @rx.event
    async def reset_conditions(self) -> None:
        """Forget search and conditions."""
        self._go(text="", filters=[])

    @rx.event
    async def ask_delete(self, identities: list[str]) -> None:
        """Ask before deleting."""
        own = {row.id for row in self.rows if row.own}
        asked = [one for one in identities if one in own or one.partition("/")[0]]
        self.deleting = permitted(self.permissions, "SECRET:DELETE", {one: one.partition("/")[0] for one in asked})
        self.delete_note = shortfall(len(self.deleting), len(asked), "SECRET:DELETE")
        if not self.deleting:
            self.toast(say("Nothing to delete"), self.delete_note, level="warning")

    @rx.event
    async def keep(self) -> None:
        """Do not delete."""
        self.deleting = []

    @turns.behind
    async def delete(self):
        """Delete the asked secrets."""
        async with self:
            asked, self.deleting, self.selected, self.editing = list(self.deleting), [], [], False

        async def remove(api: Client, identity: str) -> Outcome:
            namespace, _, key = identity.partition("/")
            await api.namespaces.delete_secret(namespace, key)
            return Outcome(1)

        def done(n: int) -> str:
            return say("Secret deleted") if n == 1 else say("{asked} secrets deleted", asked=spoken(n))

        await carry_out(self, Work(say("Deleting secrets"), done, parts=asked, step=remove, total=len(asked)))
        yield SecretsState.load
