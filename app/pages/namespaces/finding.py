"""Find and replace over the files of a namespace (UI-NS-07)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import reflex as rx

from app import routes, turns
from app.pages.namespaces.files_state import FilesState
from app.tab import Tab
from app.words import say, say_count
from backend_client import ApiError
from components.button import button, icon_button, link
from components.dialog import confirm_dialog
from components.field import checkbox, text_input
from components.message import count, message
from components.reactive import testid


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line, cut at its first match."""

    number: int = 0
    before: str = ""
    hit: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file with its matching lines."""

    path: str = ""
    version: int = 0
    lines: list[FoundLine] = field(default_factory=list)
    more: str = ""
    place: str = ""
    chosen: bool = True


def found_line(body: dict[str, Any]) -> FoundLine:
    """Read a line of the answer; long ones are cut around the match."""
    text, (start, end) = str(body["text"]), body["spans"][0]
    begin = max(0, start - 60)
    before = ("… " if begin else "") + text[begin:start]
    return FoundLine(int(body["no"]), before, text[start:end][:200], text[end : end + 120])


class FindState(Tab):
    """What is looked for, what was found, what is replaced."""

    finding: bool = False
    find_text: str = ""
    find_by: str = ""
    find_regex: bool = False
    find_case: bool = False
    found: list[FoundFile] = []
    find_done: bool = False
    find_cut: bool = False
    find_fault: str = ""
    replacing: bool = False

    @rx.event
    async def toggle(self) -> None:
        """Open or close the panel."""
        self.finding = not self.finding
        self.found, self.find_done, self.find_fault = [], False, ""

    @rx.event
    async def set_text(self, text: str) -> None:
        """Other words."""
        self.find_text, self.find_fault, self.find_done = text, "", False

    @rx.event
    async def set_by(self, text: str) -> None:
        """Another replacement."""
        self.find_by = text

    @rx.event
    async def set_regex(self, on: bool) -> None:
        """The words are a pattern."""
        self.find_regex, self.find_done = on, False

    @rx.event
    async def set_case(self, on: bool) -> None:
        """Capitals count."""
        self.find_case, self.find_done = on, False

    @turns.asks
    async def look(self) -> None:
        """Search in all files."""
        await self._look()

    async def _look(self) -> None:
        self.find_fault = ""
        if not self.find_text:
            self.found, self.find_done = [], False
            return
        namespace = self.arg("ns")
        try:
            async with self.api(raising=True) as api:
                told = await api.console.file_lines(
                    namespace, self.find_text, regex=self.find_regex, case=self.find_case
                )
        except ApiError as error:
            self.find_fault, self.found = error.message, []
            return
        place = routes.namespace(namespace, "files")
        self.found = [
            FoundFile(
                path=str(one["path"]),
                version=int(one["version"]),
                lines=[found_line(line) for line in one["lines"]],
                more=say("{n} more lines", n=one["more"]) if one.get("more") else "",
                place=f"{place}?file={quote(str(one['path']))}",
            )
            for one in told["results"]
        ]
        self.find_done, self.find_cut = True, bool(told.get("truncated"))

    @rx.event
    async def choose(self, path: str, on: bool) -> None:
        """A file is among those that are changed."""
        self.found = [
            FoundFile(one.path, one.version, one.lines, one.more, one.place, on) if one.path == path else one
            for one in self.found
        ]

    @rx.event
    async def ask_replace(self, on: bool) -> None:
        """Ask before replacing."""
        self.replacing = on

    @turns.writes
    async def replace_all(self):
        """Replace in the chosen files."""
        self.replacing = False
        chosen = {one.path: one.version for one in self.found if one.chosen}
        try:
            async with self.api(raising=True) as api:
                told = await api.console.replace_in_files(
                    self.arg("ns"), self.find_text, self.find_by, chosen, regex=self.find_regex, case=self.find_case
                )
        except ApiError as error:
            self.find_fault = error.message
            return None
        n = len(told["changed"])
        refused = "; ".join(f"{one['path']}: {one['reason']}" for one in told["refused"])
        self.toast(
            say_count(n, "{n} file changed", "{n} files changed", n=n),
            refused,
            level="warning" if refused else "success",
        )
        await self._look()
        return FilesState.reopen([one["path"] for one in told["changed"]])


S: Any = FindState
CHOSEN: Any = rx.Var.create(FindState.found).length()


def _line(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(one.number, class_name="num faint"),
        rx.el.code(one.before, rx.el.mark(one.hit), one.after, class_name="mono ell"),
        class_name="ffl",
    )


def _file(one: Any) -> rx.Component:
    return rx.el.section(
        rx.el.header(
            checkbox(one.path, one.chosen, lambda on: S.choose(one.path, on)),
            rx.el.span(class_name="grow"),
            link("Open", to=one.place, class_name="link sm"),
            class_name="row",
        ),
        rx.foreach(one.lines, _line),
        rx.cond(one.more != "", rx.el.p(one.more, class_name="xs faint"), rx.fragment()),
        class_name="fff",
        custom_attrs=testid("find-file"),
    )


def find_button() -> rx.Component:
    """Opens the panel."""
    return icon_button("search-code", "Find in all files", on_click=S.toggle, on=S.finding, test="files-find")


def find_panel() -> rx.Component:
    """The panel beside the tree; with the dialog before a replacement."""
    panel = rx.el.aside(
        rx.el.header(
            rx.el.h2("Find in all files", class_name="med grow"),
            icon_button("x", "Close the search", on_click=S.toggle),
            class_name="row vhead",
        ),
        rx.el.form(
            text_input(S.find_text, S.set_text, label="Find", placeholder="Find", mono=True, test="find-text"),
            text_input(S.find_by, S.set_by, label="Replace by", placeholder="Replace by", mono=True, test="find-by"),
            rx.el.div(
                checkbox("Pattern", S.find_regex, S.set_regex, test="find-regex"),
                checkbox("Capitals count", S.find_case, S.set_case),
                class_name="row g12",
            ),
            rx.el.div(
                rx.el.button("Find", class_name="btn s pri", type="submit", custom_attrs=testid("find-go")),
                button(
                    "Replace",
                    size="small",
                    icon="replace",
                    on_click=S.ask_replace(True),
                    disabled=(CHOSEN == 0) | ~S.find_done,
                    reason="Nothing was found yet",
                    test="find-replace",
                ),
                class_name="row",
            ),
            on_submit=lambda _: S.look(),
            class_name="col g8",
        ),
        rx.cond(S.find_fault != "", message("bad", S.find_fault), rx.fragment()),
        rx.cond(
            S.find_done,
            rx.el.p(count(CHOSEN), " files", rx.cond(S.find_cut, ", there is more", ""), class_name="sm mut"),
            rx.fragment(),
        ),
        rx.foreach(S.found, _file),
        class_name="vers fnd",
        aria_label="Find in all files",
        custom_attrs=testid("files-find-panel"),
    )
    return rx.fragment(
        rx.cond(S.finding, panel, rx.fragment()),
        confirm_dialog(
            "Replace in all chosen files",
            rx.el.p(
                rx.el.b(S.find_text, class_name="mono brk"),
                " becomes ",
                rx.cond(S.find_by != "", rx.el.b(S.find_by, class_name="mono brk"), "nothing"),
                ". Each file gets a new version; the old ones can be restored.",
            ),
            rx.el.p("Open files with unsaved text keep it.", class_name="mut"),
            open=S.replacing,
            on_cancel=S.ask_replace(False),
            on_confirm=S.replace_all,
            verb="Replace",
            icon="replace",
            test="find-replace-dialog",
        ),
    )
