"""What one browser tab knows: who reads, which tenant, how to ask the API, what to tell the browser.

Pages derive their state from `Tab`:

    class KvState(Tab):
        rows: list[KvEntry] = []

        @turns.reads
        async def load(self) -> None:
            async with self.api() as api:
                self.rows = (await api.kv.search()).rows

A failing call becomes the page's `problem` (or a toast, or the login page); no handler returns a toast or a script:
the helpers here append to `command`, which the bridge component performs.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
import reflex as rx

from app import preferences, room, routes, turns
from app.rights import allows
from app.words import say
from backend_client import ApiError, Client, Configs
from backend_client.executions import hide_labels
from components.visit import Visit

TransportFactory = Callable[[], httpx.AsyncBaseTransport | None]

KEPT_OFFERS = 20
KEPT_COMMANDS = 8
"""Two commands of one handler reach the browser as one delta, hence a short list instead of one value."""

LOADS: dict[str, Sequence[Any]] = {}
"""Route of a page → what it reads on every visit; `Tab.enter` begins it."""
LOGIN_PAGES = ("/login", "/setup")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


Method = TypeVar("Method", bound=Callable[..., Any])


def internal(method: Method) -> Method:
    """Mark a public method of a state as no event handler: the browser cannot call it."""
    vars(method)["__override_base_method__"] = True
    return method


@dataclass
class _Connection:
    transport: httpx.AsyncBaseTransport | None = None
    factory: TransportFactory | None = None
    base_url: str = os.environ.get("FLOWDECK_CONSOLE_API", "http://console.invalid")
    configs: Configs | None = None


_connection = _Connection()
_asked: dict[str, Sequence[asyncio.Task[Any]]] = {}
"""Token of a browser tab → what its page asks just now; kept beside the states, which must be storable."""


def _forget(token: str, parts: Sequence[asyncio.Task[Any]]) -> None:
    if _asked.get(token) is parts:
        del _asked[token]


def configure(transport_factory: TransportFactory | None, *, base_url: str = "http://console.invalid") -> None:
    """Tell every tab how requests reach the API; called once by the server before the first visit.

    Without the call (hot reload) requests travel to the address in `FLOWDECK_CONSOLE_API`.

    Args:
        transport_factory: makes the in-process transport; None lets requests travel to `base_url`.
        base_url: address of the API, used when it runs elsewhere.
    """
    _connection.factory = transport_factory
    _connection.transport = transport_factory() if transport_factory is not None else None
    _connection.base_url = base_url
    _connection.configs = None


@dataclass(frozen=True)
class Problem:
    """Why a page could not be shown, or why an action failed."""

    title: str = ""
    text: str = ""
    request_id: str = ""
    status: int = 0
    details: list[str] | None = None


def problem_of(error: ApiError, what: str = "This could not be loaded") -> Problem:
    """Return an API error in words: what did not happen, and why."""
    titles = {0: say("The server does not answer"), 403: say("You may not see this"), 404: say("Not found or deleted")}
    return Problem(
        title=titles.get(error.status, what),
        text=error.message,
        request_id=error.request_id,
        status=error.status,
        details=[f"{one.path}: {one.message}" if one.path else one.message for one in error.errors],
    )


def ink_on(colour: str) -> str:
    """Return black or white, whichever reads better on a colour given as `#rrggbb` (contrast at least 4.5:1)."""
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(c * 2 for c in digits)
    try:
        channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    except ValueError:
        return "var(--fd-chrome)"
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


class Tab(rx.State):
    """Identity, problem and commands of a tab; base of every page's state."""

    command: list[dict[str, Any]] = []
    problem_title: str = ""
    problem_text: str = ""
    problem_request: str = ""
    problem_status: int = 0
    problem_details: list[str] = []

    ready: bool = False
    tenant_id: str = "main"
    username: str = ""
    initials: str = ""
    environment: str = ""
    environment_colour: str = "var(--fd-brass)"
    environment_ink: str = "var(--fd-chrome)"
    version: str = ""
    built_from: str = ""
    """Commit and day of what runs, for the version's tooltip; empty where nobody knows them."""
    server_zone: str = ""
    tenants: list[str] = []
    permissions: list[str] = []
    features: list[str] = []
    setup_messages: list[str] = []
    settings: dict[str, Any] = {}
    """What the server keeps for the user: density, zone, kept columns and the like; the tenant's defaults below it."""
    defaults: dict[str, Any] = {}
    execution_tab: str = "gantt"
    flow_first: str = "overview"
    closed_menus: list[str] = []
    links: list[dict[str, str]] = []
    administers: bool = False
    failed_title: str = ""
    failed_rows: list[dict[str, str]] = []
    failed_more: int = 0

    _own: dict[str, Any] = {}
    _cookie_seen: str = ""
    _leaving: bool = False
    _entering: bool = False
    _login_asked: bool = False
    _visits: int = 0
    _entered: str = ""
    _offers: dict[str, list[Any]] = {}
    _stopped: list[str] = []

    def __setattr__(self, name: str, value: Any) -> None:
        if room.may_set(self, name, Tab):  # an answer that comes late does not undo what was done meanwhile
            super().__setattr__(name, value)

    # -- where we are -------------------------------------------------------------------------------------

    @internal
    def arg(self, name: str) -> str:
        """Return an argument of the route (`ns`, `flow`, `exec`, `tab`, …); empty when the route has none."""
        return str(getattr(self, name, "") or "")

    @internal
    def query(self, name: str, default: str = "") -> str:
        """Return a parameter of the page's query."""
        return str(self.router.url.query_parameters.get(name, default) or default)

    @internal
    def query_pairs(self) -> list[tuple[str, str]]:
        """Return all parameters of the page's query."""
        return [(str(k), str(v)) for k, v in self.router.url.query_parameters.items()]

    @internal
    def may(self, permission: str, action: str, namespace: str = "") -> bool:
        """Tell whether the reader's rights allow showing something; the API still decides."""
        return allows(self.permissions, f"{permission}:{action}", namespace)

    # -- asking the API -----------------------------------------------------------------------------------

    @internal
    @asynccontextmanager
    async def api(self, failed: str = "", *, raising: bool = False) -> AsyncIterator[Client]:
        """Give a client that asks in the reader's name; a refusal ends the block.

        Args:
            failed: words for a toast when an action fails (*Could not delete 3 keys*). Without them the
                refusal becomes the page's problem.
            raising: let `ApiError` through, for forms that show it beside their fields (401 still leads to the login).
        """
        client = self._client()
        try:
            yield client
        except ApiError as error:
            if raising and error.status != 401:
                raise
            self.refused(error, failed)
        finally:
            await client.close()

    @internal
    def refused(self, error: ApiError, failed: str = "") -> None:
        """Tell a refusal: the login, a toast with the words in `failed`, or the page's problem."""
        if error.status == 401:
            if self.username and not self._entering:
                self._ask_login()  # over the page: what was typed stays (§1.9)
            else:
                self.to_login(expired=bool(self.username))
        elif failed or (getattr(self, "rows", None) and (error.status == 0 or error.status >= 500)):
            self.fail(error, failed or say("Could not refresh; the rows on screen are older"))
        else:
            self.show(problem_of(error))

    @internal
    def hold_asked(self, parts: Sequence[asyncio.Task[Any]]) -> None:
        """Name what a background event still asks the API; the next visit or the next call cancels it (UI-DB-04).

        The framework ends what a visit began when the reader goes on, but not what a refresh began.
        """
        token = str(self.router.session.client_token)
        for part in _asked.pop(token, ()):
            part.cancel()
        if parts:
            _asked[token] = parts
            for part in parts:
                part.add_done_callback(lambda _: all(one.done() for one in parts) and _forget(token, parts))

    def _client(self, timeout: float = 15.0) -> Client:
        return Client(
            _connection.transport,
            base_url=_connection.base_url,
            tenant=str(getattr(self, "tenant", "") or self.tenant_id or "main"),
            cookie=str(self.router.headers.cookie or ""),
            timeout=timeout,
            around=room.waiting,
        )

    @internal
    def show(self, problem: Problem) -> None:
        """Put a problem in the place of the page's body."""
        self.problem_title = problem.title
        self.problem_text = problem.text
        self.problem_request = problem.request_id
        self.problem_status = problem.status
        self.problem_details = list(problem.details or [])

    @internal
    def clear(self) -> None:
        """Forget the problem; a page calls it when it begins to load."""
        self.show(Problem())

    @internal
    def fail(self, error: ApiError, title: str) -> None:
        """Tell a failed action as a toast with the server's message, its rules and the request id."""
        details = [f"{one.path}: {one.message}" if one.path else one.message for one in error.errors]
        about = {"status": error.status, "path": error.path, "requestId": error.request_id, "details": details}
        self._tell("toast", level="error", title=title, text=error.message, **about)

    # -- telling the browser ------------------------------------------------------------------------------

    def _tell(self, kind: str, **fields: Any) -> None:
        last = int(self.command[-1]["seq"]) if self.command else 0
        seq = max(last + 1, int(time.time() * 1000))
        self.command = [*self.command[1 - KEPT_COMMANDS :], {"seq": seq, "kind": kind, **fields}]

    @internal
    def toast(
        self,
        title: str,
        text: str = "",
        *,
        level: str = "success",
        action: tuple[Any, ...] | None = None,
        **more: Any,
    ) -> None:
        """Show a toast.

        Args:
            level: `success` (3 s), `info` (5 s; both 10 s with an action), `warning` or `error` (until closed),
                `work` (until a toast of the same `id` tells its end).
            action: `(words, place below the tenant)` leads there; `(words, handler, *arguments)` sends an event, as
                for *Undo*: `action=("Undo", FlowsState.restore, namespace, flow)`. The handler may be of any state and
                acts also when the reader is on another page by then; the arguments are plain values.
            more: `id`, `done` and `total` of work.
        """
        if action:
            more["action"] = {"label": action[0], **self._offer(action[1], action[2:])}
        self._tell("toast", level=level, title=title, text=text, **more)

    def _offer(self, what: Any, arguments: tuple[Any, ...]) -> dict[str, str]:
        """Keep what a toast's button does: the browser gets a key, never a handler's name."""
        if isinstance(what, str):
            return {"path": what}
        handler: Any = what
        key = secrets.token_urlsafe(9)
        kept = list(self._offers.items())[1 - KEPT_OFFERS :]
        self._offers = {**dict(kept), key: [handler.state_full_name, handler.fn.__name__, list(arguments)]}
        return {"key": key}

    @rx.event
    async def act(self, key: str) -> Any:
        """The button of a toast was pressed; one that was pressed before does nothing."""
        held = self._offers.get(key)
        if not held:
            return None
        self._offers = {name: kept for name, kept in self._offers.items() if name != key}
        owner, name, arguments = held
        state = rx.State.get_class_substate(owner)
        return state.event_handlers[name](*arguments)

    @internal
    def copy_text(self, text: str) -> None:
        """Copy a text to the clipboard."""
        self._tell("copy", text=text)

    @internal
    def navigate(self, to: str, *, replace: bool = False, reload: bool = False, tab: bool = False) -> None:
        """Go to a place below the tenant (`app.routes`).

        Args:
            replace: a redirect: the place takes the page's entry in the history, and a reader who went on to another
                page meanwhile stays there.
            tab: in a new tab of the browser; where it refuses, a toast leads there.
        """
        tenant = str(getattr(self, "tenant", "") or self.tenant_id or "main")
        if room.went_on(str(self.router.url.path or "")):
            return  # the reader is elsewhere by now, and stays there
        page = str(self.router.url.path or "") if replace else ""
        self._tell("navigate", path=f"/{tenant}{to}", replace=replace, reload=reload, page=page, tab=tab)

    @internal
    def replace_url(self, query: Sequence[tuple[str, str]]) -> None:
        """Change the query in the address line without loading the page again."""
        page = str(self.router.url.path or "")
        self._tell("replaceUrl", query=urlencode(list(query), safe="[],:"), page=page)

    @internal
    def download(self, url: str) -> None:
        """Let the browser download a path of the API (`/api/…`)."""
        self._tell("download", url=url)

    @internal
    def to_login(self, *, expired: bool = False) -> None:
        """Lead to the login page and back to this place afterwards."""
        path = str(self.router.url.path or "")
        place = routes.within(path) or "/"
        if any(place.rstrip("/").endswith(page) for page in LOGIN_PAGES):
            return
        if self._leaving:
            return
        self._leaving = True
        query = str(self.router.url.query or "")
        origin = quote(place + (f"?{query}" if query else ""), safe="")
        self.username = ""
        self.navigate(f"/login?from={origin}" + ("&expired=1" if expired else ""), replace=True)

    # -- entering a page ----------------------------------------------------------------------------------

    @rx.event
    async def enter(self, page: str = "") -> Any:
        """Learn the instance and the reader, then begin the page's own reads; every page's `on_load`.

        The one read that holds the tab: without a reader there is nothing to do on a page. It asks once a session.

        Args:
            page: its route, for the reads in `LOADS`. They begin when the reader is known, not beside this.
        """
        self.clear()
        self.hold_asked(())
        self._visits += 1
        room.forget(str(self.router.session.client_token))
        self._leaving = False
        await self._enter()
        loads = LOADS.get(page, ())
        (await self.get_state(Visit)).reading = bool(loads)
        return [*loads, Tab.arrived] if loads else None

    @turns.reads
    async def arrived(self) -> Any:
        """All that the visit reads has been asked for and came; what it began in turn is waited for."""
        async with room.waiting():
            await asyncio.sleep(0.01)
        if room.under_way(str(self.router.session.client_token), "reads") > 1:
            return Tab.arrived
        (await self.get_state(Visit)).reading = False
        return None

    async def _enter(self) -> None:
        place, before = str(self.router.url.path or ""), self._entered
        if self.ready and str(self.router.headers.cookie or "") != self._cookie_seen:
            reader = await self._reader()
            if not reader and self.username and place == before:
                self._ask_login()  # the socket came again without a session: the page stays as it is (§1.9)
                return
            if reader != self.username:
                self.reset()  # another reader in the same tab sees nothing of the one before
        self._entered = place
        self.tenant_id = str(getattr(self, "tenant", "") or "main")
        path = str(self.router.url.path or "").rstrip("/")
        at_gate = next((page for page in LOGIN_PAGES if path.endswith(page)), "")
        self._entering, self._login_asked = True, False
        try:
            await self._learn(at_gate)
        finally:
            self._entering = False

    async def _reader(self) -> str:
        """Whose session the tab has now; empty for nobody."""
        client = self._client()
        try:
            me = await client.session.me()
            return me.username or me.name
        except ApiError:
            return ""
        finally:
            await client.close()

    def _ask_login(self) -> None:
        self._login_asked = True
        self._tell("login")

    async def _learn(self, at_gate: str) -> None:
        async with self.api() as api:
            configs = _connection.configs
            if configs is None or not configs.initialized:
                configs = await api.configs.get()
                _connection.configs = configs
                hide_labels(configs.hidden_labels)
            self._take(configs)
            if not configs.initialized:
                if at_gate != "/setup":
                    self.navigate("/setup", replace=True)
                else:
                    self.setup_messages = await self._setup_findings(api)
                return
            if at_gate == "/setup":
                self.navigate("/login", replace=True)
                return
            if at_gate:
                return
            cookie = str(self.router.headers.cookie or "")
            if self.ready and self.username and cookie == self._cookie_seen:
                return
            me = await api.session.me()
            self.username = me.username or me.name
            self.initials = initials_of(me.name or me.username)
            self.tenants, self.permissions, self.features = me.tenants, me.permissions, me.features
            self.closed_menus, self.links = me.disabled_menus, me.links
            self.administers = self.may("SETTING", "UPDATE")
            self._own, self.defaults = preferences.parted(me.settings)
            self._follow_settings()
            self.version = me.version or self.version
            self.server_zone = me.zone
            self._cookie_seen = cookie
            self.ready = True

    @rx.event
    async def leave(self) -> None:
        """Forget everything that the reader saw; told by the browser just before it logs out."""
        room.forget(str(self.router.session.client_token))
        self.reset()

    async def _setup_findings(self, api: Client) -> list[str]:
        try:
            return await api.configs.credential_errors()
        except ApiError:
            return []

    def _take(self, configs: Configs) -> None:
        self.environment = configs.environment
        if configs.environment_colour:
            self.environment_colour = configs.environment_colour
            self.environment_ink = ink_on(configs.environment_colour)
        if not self.version:
            self.version = configs.version
        self.built_from = f"{configs.commit} · {configs.commit_date[:10]}" if configs.commit else ""

    def _own_environment(self) -> None:
        """The reader's own name and colour of the environment come before the server's (UI-SH-13)."""
        if _connection.configs is not None:
            self._take(_connection.configs)
        name, colour = (
            str(self.settings.get("environmentName") or ""),
            str(self.settings.get("environmentColour") or ""),
        )
        if name:
            self.environment = name
        if COLOUR.fullmatch(colour):
            self.environment_colour, self.environment_ink = colour, ink_on(colour)

    @turns.keeps
    async def forget_settings(self, keys: list[str]) -> None:
        """Back to the defaults."""
        async with self.api(say("Could not reset the settings")) as api:
            await api.console.patch_settings(dict.fromkeys(keys[:100]))
            self._own = {key: value for key, value in self._own.items() if key not in keys}
            self._follow_settings()

    @turns.keeps
    async def keep_settings(self, changes: dict[str, Any]) -> None:
        """Store preferences on the server; unknown keys are kept by it."""
        async with self.api(say("Could not save the settings")) as api:
            await api.console.patch_settings(changes)
            self._own = preferences.changed(self._own, changes)
            self._follow_settings()

    @turns.keeps
    async def keep_defaults(self, changes: dict[str, Any]) -> None:
        """Store what holds for everybody of the tenant who did not choose; None takes a default away."""
        async with self.api(say("Could not save the defaults")) as api:
            self.defaults = dict(await api.console.patch_defaults(changes))
            self._follow_settings()

    @turns.keeps
    async def forget_defaults(self, keys: list[str]) -> None:
        """No defaults of the tenant for these."""
        async with self.api(say("Could not reset the defaults")) as api:
            self.defaults = dict(await api.console.patch_defaults(dict.fromkeys(keys[:100])))
            self._follow_settings()

    def _follow_settings(self) -> None:
        self.settings = {**self.defaults, **self._own}
        self.execution_tab = preferences.chosen(self.settings, "executionTab", preferences.EXECUTION_TABS)
        self.flow_first = preferences.chosen(self.settings, "flowTab", preferences.FLOW_TABS)
        self._own_environment()


def initials_of(name: str) -> str:
    """Return two letters for a name or an address: `ana.kovac@company.example` is *AK*."""
    words = [part for part in name.split("@")[0].replace(".", " ").replace("_", " ").replace("-", " ").split() if part]
    if not words:
        return "?"
    return (words[0][0] + words[1][0] if len(words) > 1 else words[0][:2]).upper()
