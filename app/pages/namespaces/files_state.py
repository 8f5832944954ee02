"""Files of a namespace: open files, unsaved ones, and the dialogs of the tree (`spec` UI-NS-07)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import reflex as rx

from app import routes, turns
from app.pages.namespaces.opened import FileVersion, OpenFile, bytes_words, described, path_fault
from app.pages.namespaces.panels import (
    MOST_PANELS,
    Layout,
    Panel,
    beside,
    brought,
    closed,
    drawn_or_not,
    moved,
    renamed,
    shown,
)
from app.pages.namespaces.panels import gone as gone_from
from app.pages.namespaces.scripts import runs
from app.stored_texts import namespace_file
from app.tab import Tab
from app.words import say, say_count
from backend_client import ApiError, Client

MOST_OPEN = 8
MOST_VERSIONS = 50


class FilesState(Tab):
    """The editor beside the tree."""

    files_ns: str = ""
    files_url: str = ""
    open_files: list[OpenFile] = []
    panels: list[Panel] = []
    front: int = 0
    """The panel that has the reader's attention; what it shows is the active file."""
    active: str = ""
    dirty: list[str] = []
    reload: int = 0
    writes: bool = True
    below: bool = False
    below_total: int = 0
    below_files: list[dict[str, str]] = []

    asked: str = ""
    asked_path: str = ""
    asked_folder: bool = False
    asked_paths: list[str] = []
    """What shall be deleted; of several, those that are still there."""
    typed: str = ""
    fault: str = ""
    closing: list[str] = []
    """Files with unsaved text that are asked about before their tabs close."""
    _layout: Layout = Layout()
    _closing: list[list[Any]] = []
    _placing: dict[str, Any] = {}
    """Where a file goes that is opened just now; else to the panel in front."""
    _versions_of: str = ""

    comparing: int = 0
    versions: list[FileVersion] = []
    removing: int = 0
    removing_older: bool = False
    removal_fault: str = ""
    file_url: str = ""
    """Where the compared file lies: its texts do not travel through the state."""

    @turns.reads
    async def load(self) -> None:
        """Open the file that the URL names."""
        if self.arg("tab") != "files" or not self.username:
            return
        name = self.arg("ns")
        path = self.query("file")
        if name != self.files_ns:
            self.open_files, self.active, self.dirty = [], "", []
            self._put(Layout())
            self._placing, self._versions_of = {}, ""
        elif path != self.active:
            self._forget_versions()
        self.files_ns = name
        self.files_url = f"/api/v1/{self.tenant_id}/namespaces/{quote(name)}/files"
        self.writes = self.may("FLOW", "UPDATE", name)
        self.asked, self.closing = "", []
        self.below = self.query("below") == "1"
        await self._read_below()
        if not path:
            self.active = ""
        elif any(one.path == path for one in self.open_files):
            self._show(path)
        else:
            await self._open(path)
        if self._versions_of and self._versions_of == self.active:
            self._versions_of = ""
            async with self.api(say("Could not list the versions")) as api:
                await self._read_versions(api)

    def _forget_versions(self) -> None:
        self.versions, self.comparing, self.removing = [], 0, 0

    async def _read_below(self) -> None:
        """Files of the namespaces below, when the switch is on (UI-NS-02)."""
        self.below_total, self.below_files = 0, []
        if not self.below:
            return
        async with self.api(say("Could not read the files of the namespaces below")) as api:
            found = await api.files.below(self.files_ns)
            self.below_total = int(found["total"])
            self.below_files = [
                {
                    "namespace": str(one["namespace"]),
                    "path": str(one["path"]),
                    "size": bytes_words(int(one["size"])),
                    "to": f"{routes.namespace(str(one['namespace']), 'files')}?file={quote(str(one['path']))}",
                    "first": "yes" if place == 0 or found["files"][place - 1]["namespace"] != one["namespace"] else "",
                }
                for place, one in enumerate(found["files"])
            ]

    @rx.event
    async def set_below(self, on: bool) -> None:
        """With the files of the namespaces below, or without."""
        self.below = on
        self.navigate(self._place(self.active), replace=True)

    async def _open(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        try:
            async with self.api(raising=True) as api:
                rows = await api.files.folder(self.files_ns, parent or "/")
                entry = next((one for one in rows if one.name == name), None)
        except ApiError as error:
            if error.status != 404:
                self.fail(error, say("Could not open the file"))
                return
            entry = None
        if entry is None or entry.folder:
            self.active = ""
            self.toast(say("There is no such file"), path, level="warning")
            return
        kept = self.open_files
        if len(kept) >= MOST_OPEN:
            gone = next((one for one in kept if not one.dirty), None)
            if gone is None:
                self.toast(say("Eight files have unsaved changes"), say("Save one of them first."), level="warning")
                return
            kept = [one for one in kept if one is not gone]
            self._layout = gone_from(self._layout, (gone.path,))
        self.open_files = [*kept, described(self.files_url, path, entry)]
        self._show(path)

    def _place(self, path: str) -> str:
        place = routes.namespace(self.files_ns, "files")
        query = [f"file={quote(path)}"] * bool(path) + ["below=1"] * self.below
        return place + ("?" + "&".join(query) if query else "")

    # -- tabs -----------------------------------------------------------------------------------------------

    @rx.event
    async def open_file(self, path: str) -> None:
        """Show a file."""
        self.navigate(self._place(path))

    @rx.event
    async def set_dirty(self, path: str, on: bool) -> None:
        """A file has, or no longer has, unsaved text."""
        self.open_files = [replace(one, dirty=on) if one.path == path else one for one in self.open_files]
        self.dirty = [one.path for one in self.open_files if one.dirty]

    @rx.event
    async def saved(self, path: str, result: dict[str, Any]) -> None:
        """A file was written."""
        size = bytes_words(int(result.get("size") or 0))
        self.open_files = [replace(one, size=size) if one.path == path else one for one in self.open_files]
        self.versions = []
        self.toast(say("File saved"), path)

    @rx.event
    async def save(self) -> None:
        """Save every open file with unsaved text."""
        self.open_files = [replace(one, order=one.order + 1) if one.dirty else one for one in self.open_files]

    @rx.event
    async def save_one(self, path: str) -> None:
        """Save one open file."""
        self.open_files = [replace(one, order=one.order + 1) if one.path == path else one for one in self.open_files]

    # -- panels ---------------------------------------------------------------------------------------------

    @rx.event
    async def act_in(self, what: dict[str, Any]) -> Any:
        """A tab or a button of a panel was pressed, or a tab was carried.

        Args:
            what: `kind`, the key of the `panel`, the `path` of the file, and `most`: for how many panels there is room.
        """
        kind, key, path = str(what.get("kind")), int(what.get("panel") or 0), str(what.get("path") or "")
        if kind == "leave":
            self.navigate(self._place(""))
        elif kind in ("show", "front"):
            self._settle(brought(self._layout, key, path), step=kind == "show")
        elif kind == "side":
            self._settle(beside(self._layout, key, path, most=int(what.get("most") or MOST_PANELS)))
        elif kind == "drop":
            self._carry(what)
        elif kind == "preview":
            self._put(drawn_or_not(self._layout, key, path))
        elif kind == "close":
            self._ask_close([[int(one[0]), str(one[1])] for one in what.get("tabs") or []])
        elif kind == "save":
            return FilesState.save_one(path)
        elif kind == "save_all":
            return FilesState.save
        elif kind == "versions":
            return self._versions_in(key, path)
        return None

    def _versions_in(self, key: int, path: str) -> Any:
        if path == self.active:
            return FilesState.show_versions
        self._versions_of = path  # the visit that shows the file first reads them
        self._settle(brought(self._layout, key, path))
        return None

    def _carry(self, what: dict[str, Any]) -> None:
        path = str(what.get("path") or "")
        if any(one.path == path for one in self.open_files):
            self._settle(self._carried(self._layout, what))
        elif path:
            self._placing = what
            self.navigate(self._place(path))

    def _carried(self, layout: Layout, what: dict[str, Any]) -> Layout:
        place = int(what.get("panel") or layout.front)
        most = int(what.get("most") or MOST_PANELS)
        path, side = str(what.get("path") or ""), str(what.get("side") or "in")
        return moved(layout, path, int(what.get("from") or 0), place, side, most=most) if layout.panels else layout

    def _show(self, path: str) -> None:
        """Show an open file, where it was wished for or in the panel in front."""
        what, self._placing = self._placing, {}
        layout = self._layout
        if what.get("path") == path and layout.panel(int(what.get("panel") or layout.front)):
            layout = self._carried(layout, what)
        else:
            layout = shown(layout, path)
        self._put(layout)
        self.active = path

    def _put(self, layout: Layout) -> None:
        self._layout, self.panels, self.front = layout, list(layout.panels), layout.front

    def _settle(self, layout: Layout, *, step: bool = False, quiet: bool = False) -> None:
        """Take another layout; files that are nowhere any more are closed, and the address names the one in front.

        Args:
            layout: the new one.
            step: Back leads to what was shown before.
            quiet: who looks at the tree alone stays there.
        """
        self._put(layout)
        self.open_files = [one for one in self.open_files if layout.holds(one.path)]
        self.dirty = [one.path for one in self.open_files if one.dirty]
        if layout.seen() != self.active and (self.active or not quiet):
            self._forget_versions()
            self.active = layout.seen()
            self.navigate(self._place(self.active), replace=not step)

    def _without(self, tabs: list[list[Any]]) -> Layout:
        layout = self._layout
        for key, path in tabs:
            layout = closed(layout, key, (path,))
        return layout

    def _ask_close(self, tabs: list[list[Any]]) -> None:
        layout = self._without(tabs)
        lost = [path for path in self.dirty if not layout.holds(path)]
        if lost:
            self.closing, self._closing = lost, tabs
        else:
            self._settle(layout)

    @rx.event
    async def keep_open(self) -> None:
        """Do not close."""
        self.closing = []

    @rx.event
    async def close_anyway(self) -> None:
        """Close tabs and forget their unsaved texts."""
        self.closing = []
        self._settle(self._without(list(self._closing)))

    @rx.event
    async def reopen(self, paths: list[str]) -> None:
        """Read open files again that were changed elsewhere; unsaved text stays."""
        self.versions = []
        self.open_files = [
            replace(one, url=self._fresh(one.url)) if one.path in paths and not one.dirty else one
            for one in self.open_files
        ]

    def _fresh(self, url: str) -> str:
        return url.partition("&again=")[0] + f"&again={time.time_ns() // 1_000_000}"

    # -- dialogs of the tree --------------------------------------------------------------------------------

    @rx.event
    async def act_on(self, action: dict[str, Any]) -> None:
        """The tree asked for something that needs a dialog."""
        kind, path = str(action.get("kind") or ""), str(action.get("path") or "/")
        if kind == "side":
            self._carry({"path": path, "side": "right"})
        if kind not in ("new_file", "new_folder", "rename", "delete"):
            return
        self.asked, self.asked_path, self.asked_folder = kind, path, bool(action.get("folder"))
        self.asked_paths = [str(one) for one in action.get("paths") or [path]]
        self.fault = ""
        if kind == "rename":
            self.typed = path.lstrip("/")
        elif kind in ("new_file", "new_folder"):
            self.typed = "" if path == "/" else path.strip("/") + "/"

    @rx.event
    async def set_typed(self, text: str) -> None:
        """The path in the dialog."""
        self.typed, self.fault = text, ""

    @rx.event
    async def cancel(self) -> None:
        """Close the dialog."""
        self.asked = ""

    @turns.writes
    async def confirm(self) -> None:
        """Carry out what the dialog asks."""
        kind, path = self.asked, self.asked_path
        target = "/" + "/".join(part for part in self.typed.split("/") if part)
        if kind != "delete":
            self.fault = path_fault(self.typed if kind != "new_file" or not self.typed.endswith("/") else "")
            if self.fault:
                return
        try:
            async with self.api(raising=True) as api:
                if kind != "delete" and target != path and await self._exists(api, target):
                    self.fault = say("{target} exists already.", target=target)
                    return
                if kind == "new_file":
                    await api.files.write(self.files_ns, target, b"")
                elif kind == "new_folder":
                    await api.files.make_folder(self.files_ns, target)
                elif kind == "rename":
                    if target != path:
                        await api.files.move(self.files_ns, path, target)
                else:
                    await self._remove(api)
        except ApiError as error:
            self.fault = error.message + (
                (" " + say("Request {request_id}", request_id=error.request_id)) if error.request_id else ""
            )
            self.reload += kind == "delete"  # some may be gone
            return
        self.asked = ""
        self.reload += 1
        if kind == "new_file":
            self.navigate(self._place(target))
        elif kind == "rename":
            self._moved(path, target)

    async def _remove(self, api: Client) -> None:
        """Delete what was asked about, one entry after the other; what is gone stays gone if one is refused."""
        wanted = list(self.asked_paths)
        for path in wanted:
            await api.files.delete(self.files_ns, path)
            self.asked_paths = [one for one in self.asked_paths if one != path]
            self._gone(path)
        if len(wanted) > 1:
            self.toast(say_count(len(wanted), "Entry deleted", "{n} entries deleted", n=len(wanted)))
        else:
            self.toast(say("Folder deleted") if self.asked_folder else say("File deleted"), wanted[0])

    async def _exists(self, api: Client, path: str) -> bool:
        parent, _, name = path.rpartition("/")
        try:
            return any(one.name == name for one in await api.files.folder(self.files_ns, parent or "/"))
        except ApiError as error:
            if error.status == 404:
                return False
            raise

    def _gone(self, path: str) -> None:
        gone = [one.path for one in self.open_files if one.path == path or one.path.startswith(path + "/")]
        self._settle(gone_from(self._layout, gone), quiet=True)

    def _moved(self, path: str, target: str) -> None:
        def after(one: str) -> str:
            return target + one[len(path) :] if one == path or one.startswith(path + "/") else one

        self.open_files = [
            one
            if after(one.path) == one.path
            else replace(
                one,
                path=after(one.path),
                name=after(one.path).rpartition("/")[2],
                url=f"{self.files_url}?path={quote(after(one.path))}",
                stats=f"{self.files_url}/stats?path={quote(after(one.path))}",
                script=runs(after(one.path)),
            )
            for one in self.open_files
        ]
        self._settle(renamed(self._layout, after), quiet=True)

    @turns.writes
    async def changed(self, change: dict[str, Any]) -> None:
        """The tree uploaded files, or an entry was dragged to another folder."""
        if change.get("kind") == "move":
            source, target = str(change.get("from")), str(change.get("to"))
            async with self.api(say("Could not move the file")) as api:
                if await self._exists(api, target):
                    self.toast(say("Not moved"), say("{target} exists already.", target=target), level="warning")
                    return
                await api.files.move(self.files_ns, source, target)
                self.reload += 1
                self._moved(source, target)
            return
        faults = [str(one) for one in change.get("faults") or []]
        count = int(change.get("count") or 0)
        self.reload += 1
        if faults:
            self.toast(say("{faults} not uploaded", faults=len(faults)), "; ".join(faults[:3]), level="error")
        if count:
            self.toast(
                say("File uploaded") if count == 1 else say("{count} files uploaded", count=count),
                str(change.get("folder") or ""),
            )

    # -- versions -------------------------------------------------------------------------------------------

    @turns.opens
    async def show_versions(self) -> None:
        """List the kept versions of the open file."""
        async with self.api(say("Could not list the versions")) as api:
            await self._read_versions(api)

    async def _read_versions(self, api: Client) -> None:
        found = await api.files.versions(self.files_ns, self.active)
        self.versions = [
            FileVersion(
                number=int(one["revision"]),
                date=str(one["date"]),
                size=bytes_words(int(one["size"])),
                author=str(one.get("author") or ""),
                url=f"{self.files_url}?path={quote(self.active)}&revision={one['revision']}",
                current=place == 0,
                older=len(found) - place - 1,
            )
            for place, one in enumerate(found[:MOST_VERSIONS])
        ]

    @rx.event
    async def hide_versions(self) -> None:
        """Close the list of versions."""
        self.versions = []

    @rx.event
    async def compare(self, revision: int) -> None:
        """Show how a version differs from the saved text."""
        self.file_url = namespace_file(self.tenant_id, self.files_ns, self.active)
        self.comparing = revision

    @rx.event
    async def stop_comparing(self) -> None:
        """Close the comparison."""
        self.comparing = 0

    @turns.writes
    async def restore(self) -> None:
        """Write the compared version as the newest one."""
        async with self.api(say("Could not restore the version")) as api:
            text = await api.files.read(self.files_ns, self.active, self.comparing)
            await api.files.write(self.files_ns, self.active, text.encode())
            revision, self.comparing, self.versions = self.comparing, 0, []
            path = self.active
            size = bytes_words(len(text.encode()))
            self.open_files = [
                replace(one, url=self._fresh(one.url), size=size) if one.path == path else one
                for one in self.open_files
            ]
            self.toast(say("Version {revision} restored", revision=revision), path)

    @rx.event
    async def ask_removal(self, revision: int, older: bool) -> None:
        """Ask before a version, or one with all older ones, goes for good."""
        self.removing, self.removing_older, self.removal_fault = revision, older, ""

    @rx.event
    async def keep_versions(self) -> None:
        """Delete none."""
        self.removing = 0

    @turns.writes
    async def remove_versions(self) -> None:
        """Delete the version that was asked about, with the older ones if wanted."""
        first, path = self.removing, self.active
        try:
            async with self.api(raising=True) as api:
                numbers = [first]
                if self.removing_older:
                    found = await api.files.revisions(self.files_ns, path)
                    numbers = [int(one["revision"]) for one in found or [] if int(one["revision"]) <= first]
                await api.files.delete_revisions(self.files_ns, path, numbers)
                self.removing = 0
                await self._read_versions(api)
        except ApiError as error:
            self.removal_fault = error.message
            return
        self.toast(say_count(len(numbers), "Version deleted", "{n} versions deleted", n=len(numbers)), path)
