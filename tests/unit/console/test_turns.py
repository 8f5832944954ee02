"""UI-RX-04: events that ask the API leave the tab free, and their answers undo nothing that came meanwhile."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import inspect
import json
import textwrap
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import httpx
import pytest
import reflex as rx
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex.istate.proxy import StateProxy
from reflex_base.event import Event
from reflex_base.event.context import EventContext
from reflex_base.event.processor import BaseStateEventProcessor

from app import room, turns
from app import tab as tabs
from app.tab import Tab


class Asking(Tab):
    """A page with rows, a drawer and a text that is typed."""

    rows: list[str] = []
    chosen: str = ""
    typed: str = ""
    drawer: bool = False
    stored: list[str] = []
    begun: list[str] = []
    loading: bool = False

    @turns.reads
    async def load(self) -> None:
        """The rows, and a text that nobody typed yet."""
        self.begun = [*self.begun, "load"]
        async with self.api() as api:
            self.rows = await api.get("/rows")
            self.typed = "from the server"

    @turns.reads
    async def load_both(self) -> None:
        """Two questions at once."""
        async with self.api() as api:
            first, second = await turns.together(api.get("/rows"), api.get("/more"))
            self.rows = [*first, *second]

    @turns.opens
    async def open(self, name: str) -> None:
        """Fill the drawer."""
        async with self.api() as api:
            self.chosen = name
            text = await api.get(f"/one/{name}")
            self.drawer, self.typed = True, text

    @turns.writes
    async def save(self, name: str) -> None:
        """Store a name, then go to it."""
        async with self.api() as api:
            await api.post("/save", {"name": name})
            self.stored = [*self.stored, name]
            self.navigate(f"/{name}")

    @rx.event
    async def type(self, text: str) -> None:
        """An ordinary event that takes a moment."""
        await asyncio.sleep(0.01)
        self.typed = text

    @turns.writes
    async def save_typed(self) -> None:
        """Store what was typed."""
        async with self.api() as api:
            await api.post("/save", {"name": self.typed})

    @turns.asks
    async def ask(self, name: str) -> None:
        """A part of the page: the choice is seen at once, the parts come in order."""
        self.chosen = name
        async with self.api() as api:
            found = await api.get(f"/part/{name}")
            self.rows = [*self.rows, found]

    @turns.keeps
    async def keep(self, name: str) -> None:
        """A preference: seen at once."""
        self.chosen = name
        async with self.api() as api:
            await api.post("/keep", {"name": name})


class Api(httpx.AsyncBaseTransport):
    """Holds every question until the test answers it."""

    def __init__(self) -> None:
        self.open: list[tuple[str, asyncio.Future[Any]]] = []
        self.asked: list[str] = []
        self.cancelled: list[str] = []
        self.bodies: list[Any] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.asked.append(path)
        self.open.append((path, answer))
        if request.content:
            self.bodies.append(json.loads(request.content))
        try:
            return httpx.Response(200, json=await answer)
        except asyncio.CancelledError:
            self.cancelled.append(path)
            raise

    async def held(self, path: str) -> asyncio.Future[Any]:
        """The oldest question for a path, once it is asked."""
        for number in range(2_000):
            for at, (asked, answer) in enumerate(self.open):
                if asked == path:
                    del self.open[at]
                    return answer
            await asyncio.sleep(0 if number < 200 else 0.002)
        raise AssertionError(f"{path} was not asked; open are {[one for one, _ in self.open]}")


class Browser:
    """A tab as the framework keeps it: one state behind one lock, events with its context."""

    def __init__(self) -> None:
        self.manager = StateManagerMemory()
        self.token = BaseStateToken(ident="tab-1", cls=Asking)
        self.running: list[asyncio.Task[Any]] = []
        self.told: list[dict[str, Any]] = []

    async def _emit(self, _token: str, delta: Any) -> None:
        self.told.append(delta[Asking.get_full_name()])

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[Any]:
        """What an ordinary event has."""
        async with asyncio.timeout(2), self.manager.modify_state_with_links(token=self.token) as root:
            yield await root.get_state(Asking)

    def send(self, name: str, *args: Any) -> asyncio.Task[Any]:
        """Begin an event."""

        async def event() -> Any:
            EventContext.set(
                EventContext(
                    token="tab-1", state_manager=self.manager, enqueue_impl=_nothing, emit_delta_impl=self._emit
                )
            )
            async with self.manager.modify_state_with_links(token=self.token) as root:
                proxy = StateProxy(await root.get_state(Asking))
            handler: Any = Asking.event_handlers[name]
            assert handler.is_background
            return await handler.fn(proxy, *args)

        task = asyncio.create_task(event())
        self.running.append(task)
        return task


async def _nothing(*_: Any, **__: Any) -> None:
    return None


async def _settle() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(tabs._connection, "transport", made)
    return made


Story = Callable[[Browser, Api], Coroutine[Any, Any, None]]


def _play(api: Api, story: Story) -> None:
    async def whole() -> None:
        browser = Browser()
        await story(browser, api)
        for task in browser.running:
            task.cancel()
        await asyncio.gather(*browser.running, return_exceptions=True)
        assert not room.rooms and not room.by_root, "nothing is kept when nothing is under way"

    asyncio.run(whole())


def test_another_event_is_answered_while_a_read_waits(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        load = browser.send("load")
        answer = await api.held("/rows")
        async with browser.locked() as state:
            assert state.begun == ["load"] and not load.done()
            state.drawer = True
        answer.set_result(["a"])
        await load
        async with browser.locked() as state:
            assert (state.rows, state.typed, state.drawer) == (["a"], "from the server", True)

    _play(api, story)


def test_what_was_typed_meanwhile_stays_and_the_rest_of_the_answer_is_shown(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        load = browser.send("load")
        answer = await api.held("/rows")
        async with browser.locked() as state:
            state.typed = "mine"
        answer.set_result(["a"])
        await load
        async with browser.locked() as state:
            assert (state.rows, state.typed) == (["a"], "mine")

    _play(api, story)


def test_an_answer_for_a_drawer_that_was_closed_is_dropped_whole(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        opening = browser.send("open", "one")
        answer = await api.held("/one/one")
        async with browser.locked() as state:
            state.typed = "in another form"
        answer.set_result("text")
        await opening
        async with browser.locked() as state:
            assert (state.drawer, state.typed) == (False, "in another form")

    _play(api, story)


def test_the_last_of_two_drawers_wins(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        first = browser.send("open", "one")
        await api.held("/one/one")
        second = browser.send("open", "two")
        (await api.held("/one/two")).set_result("second")
        await second
        await asyncio.gather(first, return_exceptions=True)
        assert first.cancelled() and api.cancelled == ["/one/one"]
        async with browser.locked() as state:
            assert (state.chosen, state.typed, state.drawer) == ("two", "second", True)

    _play(api, story)


def test_reads_come_one_after_the_other_and_waiting_ones_are_one(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        loads = [browser.send("load")]
        older = await api.held("/rows")
        loads += [browser.send("load") for _ in range(5)]
        await _settle()
        assert api.asked == ["/rows"]
        older.set_result(["old"])
        (await api.held("/rows")).set_result(["new"])
        await asyncio.gather(*loads)
        assert api.asked == ["/rows"] * 2
        async with browser.locked() as state:
            assert state.rows == ["new"]

    _play(api, story)


def test_a_save_does_not_wait_for_a_read_and_the_read_is_asked_again(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        load = browser.send("load")
        before = await api.held("/rows")
        save = browser.send("save", "x")
        (await api.held("/save")).set_result({})
        await save
        before.set_result(["without x"])
        (await api.held("/rows")).set_result(["with x"])
        await load
        async with browser.locked() as state:
            assert state.rows == ["with x"] and state.stored == ["x"]

    _play(api, story)


def test_saves_keep_their_order_and_go_on_when_the_reader_leaves(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        saves = [browser.send("save", name) for name in ("one", "two")]
        first = await api.held("/save")
        await _settle()
        assert api.asked == ["/save"], "the second waits for the first"
        room.forget("tab-1")
        first.set_result({})
        (await api.held("/save")).set_result({})
        await asyncio.gather(*saves)
        async with browser.locked() as state:
            assert state.stored == ["one", "two"]

    _play(api, story)


def test_a_save_leads_nowhere_when_the_reader_went_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(browser: Browser, api: Api) -> None:
        saves = [browser.send("save", name) for name in ("one", "two")]
        (await api.held("/save")).set_result({})
        second = await api.held("/save")
        room.rooms["tab-1"].turns[-1].place = "/another/page"
        second.set_result({})
        await asyncio.gather(*saves)
        async with browser.locked() as state:
            assert [one["path"] for one in state.command] == ["/main/one"]
            assert state.stored == ["one", "two"]

    _play(api, story)


def test_the_next_visit_cancels_reads_which_then_set_nothing(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        loads = [browser.send("load"), browser.send("load_both")]
        await api.held("/rows")
        room.forget("tab-1")
        await asyncio.gather(*loads, return_exceptions=True)
        assert [one.cancelled() for one in loads] == [True, True] and api.cancelled == ["/rows"]
        async with browser.locked() as state:
            assert (state.rows, state.typed) == ([], "")

    _play(api, story)


def test_several_questions_at_once_leave_the_tab_free(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        load = browser.send("load_both")
        rows, more = await api.held("/rows"), await api.held("/more")
        async with browser.locked() as state:
            state.chosen = "meanwhile"
        more.set_result(["b"])
        await _settle()
        async with browser.locked() as state:
            assert state.rows == []
        rows.set_result(["a"])
        await load
        async with browser.locked() as state:
            assert (state.rows, state.chosen) == (["a", "b"], "meanwhile")

    _play(api, story)


def test_a_refused_part_of_several_ends_the_event_and_frees_the_tab(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        load = browser.send("load_both")
        rows, _more = await api.held("/rows"), await api.held("/more")
        rows.set_exception(httpx.ReadTimeout("too long"))
        await load
        assert api.cancelled == ["/more"]
        async with browser.locked() as state:
            assert state.problem_title and state.rows == []

    _play(api, story)


def test_a_preference_is_seen_while_the_one_before_is_stored(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        kept = [browser.send("keep", name) for name in ("one", "two")]
        first = await api.held("/keep")
        await _settle()
        assert api.asked == ["/keep"]
        async with browser.locked() as state:
            assert state.chosen == "two"
        shown = [value for one in browser.told for name, value in one.items() if name.startswith("chosen")]
        assert shown == ["one", "two"], "the browser was told before the API has answered"
        first.set_result({})
        (await api.held("/keep")).set_result({})
        await asyncio.gather(*kept)

    _play(api, story)


def test_parts_are_asked_in_order_and_the_last_choice_is_seen_at_once(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        asked = [browser.send("ask", name) for name in ("one", "two")]
        first = await api.held("/part/one")
        await _settle()
        assert api.asked == ["/part/one"]
        async with browser.locked() as state:
            assert state.chosen == "two"
        first.set_result("1")
        (await api.held("/part/two")).set_result("2")
        await asyncio.gather(*asked)
        async with browser.locked() as state:
            assert state.rows == ["1", "2"]

    _play(api, story)


def test_an_older_answer_does_not_overwrite_what_a_later_event_has_set(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        load = browser.send("load")
        older = await api.held("/rows")
        opening = browser.send("open", "one")
        (await api.held("/one/one")).set_result("of the drawer")
        await opening
        older.set_result(["a"])
        await load
        async with browser.locked() as state:
            assert (state.rows, state.typed) == (["a"], "of the drawer")

    _play(api, story)


def test_an_event_waits_for_the_ordinary_ones_that_came_before_it(api: Api) -> None:
    """A save knows what was typed before it was pressed: the framework alone would begin it at once."""

    async def whole() -> None:
        processor = BaseStateEventProcessor()
        processor.configure(state_manager=StateManagerMemory())
        async with processor:
            sent = [
                Event.from_event_type(spec)[0] for spec in (Asking.type("a"), Asking.type("ab"), Asking.save_typed())
            ]
            await processor.enqueue_many("tab-2", *sent)
            (await api.held("/save")).set_result({})
            for _ in range(200):
                await asyncio.sleep(0.005)
                if not room.under_way("tab-2"):
                    break
        assert api.bodies == [{"name": "ab"}]

    asyncio.run(whole())


def test_a_state_that_was_given_up_meanwhile_gets_nothing(api: Api) -> None:
    async def story(browser: Browser, api: Api) -> None:
        load = browser.send("load")
        answer = await api.held("/rows")
        browser.manager._purge_token(browser.token)
        answer.set_result(["a"])
        await load
        async with browser.locked() as state:
            assert state.rows == []

    _play(api, story)


# -- every handler of the console ------------------------------------------------------------------------------------

WAITS_WITH_THE_LOCK = {
    "Tab.enter": "nothing can be shown or done before the reader is known; it asks once a session",
}
"""Handlers that ask the API and hold their tab meanwhile, each with its reason."""

ASKING = ("api", "listing", "_client")


def _states() -> list[type[Any]]:
    importlib.import_module("app.app")
    found, todo = [], [Tab]
    while todo:
        state = todo.pop()
        if state.__module__.startswith("app."):
            found.append(state)
        todo += state.__subclasses__()
    return found


def _tree(function: Any) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))


def _asks(state: type[Any], function: Any, seen: set[str]) -> str:
    """The line with which a handler, or a method that it calls, comes to the API; empty when none does."""
    for node in ast.walk(_tree(function)):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in ASKING and isinstance(called.value, ast.Name):
            return ast.unparse(node)
        if not (isinstance(node, ast.Attribute) and node.attr not in seen):
            continue
        if ast.unparse(node.value) not in ("self", "super()"):
            continue
        seen.add(node.attr)
        held = inspect.getattr_static(state, node.attr, None)
        method = getattr(held, "fn", held)
        if inspect.isfunction(method) and not method.__module__.startswith("reflex"):
            found = _asks(state, method, seen)
            if found:
                return f"{node.attr}: {found}"
    return ""


def test_no_handler_of_a_page_holds_its_tab_while_the_api_answers() -> None:
    """UI-RX-04: what asks the API is a background event, but for the few that say why."""
    holding: dict[str, str] = {}
    apart = 0
    for state in _states():
        for name, handler in state.event_handlers.items():
            if handler.state is not None and handler.state is not state:
                continue  # inherited: seen at its own class
            asked = _asks(state, handler.fn, {name})
            if not handler.is_background:
                holding |= {f"{state.__name__}.{name}": asked} if asked else {}
            else:
                apart += bool(asked)
    assert holding.keys() == WAITS_WITH_THE_LOCK.keys(), holding
    assert apart > 150, "the search finds what the pages ask"


def test_the_search_finds_a_handler_that_would_hold_its_tab() -> None:
    class Bad:
        async def load(self) -> None:
            await self._read()

        async def _read(self) -> None:
            async with self.api() as api:  # type: ignore[attr-defined]
                await api.get("/rows")

    assert _asks(Bad, Bad.load, {"load"}) == "_read: self.api()"
