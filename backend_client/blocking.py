"""The same client for code that does not use asyncio: `with BlockingClient(base_url=…) as api: api.flows.search()`."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Self, TypeVar

from backend_client.client import Client, Resource

Result = TypeVar("Result")


class BlockingClient:
    """`Client` with waiting calls: an event loop in a thread of its own does the work.

    Takes the arguments of `Client`. Resources and methods have the same names; a coroutine's result is returned, an
    asynchronous iterator becomes an iterator. May be used from several threads.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="backend-client", daemon=True)
        self._thread.start()
        self._client = Client(*args, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back and end the thread."""
        if self._loop.is_closed():
            return
        self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def client(self) -> Client:
        """The client itself; with `run` and `iterate` type checkers know a call: `api.run(api.client.kv.get(…))`."""
        return self._client

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for a call of `client`; its result."""
        return self._wait(work)

    def iterate(self, source: AsyncIterator[Result]) -> Iterator[Result]:
        """An iterator over a stream of `client`."""
        return self._iterate(source)

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:  # an interrupted caller waits no longer: neither does the request
            future.cancel()
            raise

    def _iterate(self, source: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> tuple[bool, Any]:
            try:
                return True, await anext(source)
            except StopAsyncIteration:
                return False, None

        async def close() -> None:
            if inspect.isasyncgen(source):
                await source.aclose()

        try:
            while True:
                more, value = self._wait(following())
                if not more:
                    return
                yield value
        finally:
            self._wait(close())

    def __getattr__(self, name: str) -> Any:
        """A resource, or a method or value of the client itself."""
        found = getattr(self._client, name)
        if isinstance(found, Resource):
            return _Blocking(self, found)
        return self._waiting(found) if callable(found) else found

    def _waiting(self, method: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            answer = method(*args, **options)
            if inspect.iscoroutine(answer):
                return self._wait(answer)
            return self._iterate(answer) if hasattr(answer, "__anext__") else answer

        call.__name__ = call.__qualname__ = method.__name__
        call.__doc__ = method.__doc__
        return call


class _Blocking:
    """A resource whose methods wait."""

    def __init__(self, client: BlockingClient, resource: Any) -> None:
        self._client = client
        self._resource = resource

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._resource, name)
        return self._client._waiting(found) if callable(found) else found

    def __dir__(self) -> list[str]:
        return dir(self._resource)
