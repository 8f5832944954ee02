"""The closed list of writes (design law 4): name → function, and how one is carried out within a transaction.

A handler checks no permission; services do that and send. Handlers registered by `command` touch rows only; those by
`engine_command` also touch the executor's memory and are called by the core loop with its step.
"""

from __future__ import annotations

import importlib
import json
import logging
import pkgutil
from collections.abc import Callable
from typing import Any

from flowdeck.model.errors import DomainError, IllegalArgument, revive
from flowdeck.store.driver import DuplicateRow, StoreUnavailable, Tx

log = logging.getLogger("flowdeck.commands")

Handler = Callable[[Tx, dict[str, Any]], Any]
EngineHandler = Callable[[Any, dict[str, Any]], Any]
Failure = tuple[str, str, dict[str, Any]]
"""Code, message and detail of a `DomainError`."""

ANSWER_KEPT_MS = 24 * 3_600_000
"""How long the answer to an idempotency key is kept."""

COMMANDS: dict[str, Handler] = {}
ENGINE_COMMANDS: dict[str, EngineHandler] = {}


def command(name: str) -> Callable[[Handler], Handler]:
    """Register a handler `(tx, args) -> result` whose effect is rows only."""

    def register(handler: Handler) -> Handler:
        assert name not in COMMANDS, f"two handlers for {name}"
        COMMANDS[name] = handler
        return handler

    return register


def engine_command(name: str) -> Callable[[EngineHandler], EngineHandler]:
    """Register a handler `(step, args) -> result` that the core loop alone may run."""

    def register(handler: EngineHandler) -> EngineHandler:
        assert name not in ENGINE_COMMANDS, f"two handlers for {name}"
        ENGINE_COMMANDS[name] = handler
        return handler

    return register


def load_commands() -> None:
    """Import every module of this package, so that the lists are complete."""
    import flowdeck.commands as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


def failure(error: DomainError) -> Failure:
    """The form in which an error crosses the socket and is kept for its key."""
    return (error.code, error.message, error.detail)


def stored_answer(tx: Tx, key: str | None) -> tuple[Any, Failure | None] | None:
    """What an earlier command with this key was answered, or None."""
    if key is None:
        return None
    text = tx.value("select answer from command_answer where key = :key", key=key)
    if text is None:
        return None
    answer = json.loads(text)
    if "error" in answer:
        code, message, detail = answer["error"]
        return None, (code, message, detail)
    return answer["result"], None


def store_answer(tx: Tx, key: str | None, result: Any, error: Failure | None = None) -> None:
    """Keep an answer with its key, in the transaction of the command itself."""
    if key is None:
        return
    answer = {"result": result} if error is None else {"error": error}
    tx.insert("command_answer", key=key, answer=json.dumps(answer, default=str), created=tx.now)


def carry_out(
    tx: Tx, name: str, args: dict[str, Any], *, key: str | None = None, principal: str | None = None
) -> tuple[Any, Failure | None]:
    """Run a row command in a savepoint of the open transaction; answers (result, error).

    A command whose key was answered before is not run again. A refusal undoes the command alone. `StoreUnavailable`
    passes through, on PostgreSQL `DuplicateRow` too: the whole transaction is lost then.
    """
    handler = COMMANDS.get(name)
    if handler is None:
        return None, failure(IllegalArgument(f"unknown command {name!r}"))
    earlier = stored_answer(tx, key)
    if earlier is not None:
        return earlier
    tx.principal, tx.tenant = principal, args.get("tenant")
    try:
        with tx.savepoint():
            result = handler(tx, args)
        error = None
    except DomainError as refused:
        result, error = None, failure(refused)
    except StoreUnavailable:
        raise
    except DuplicateRow:
        if tx.dialect == "postgresql":  # another process was faster: all of the transaction goes again
            raise
        log.exception("command %s failed", name)
        return None, ("DomainError", f"command {name} failed: DuplicateRow", {})
    except Exception as broken:
        # A fault of ours must not take the neighbours with it; its text holds no value of the arguments.
        log.exception("command %s failed", name)
        error = ("DomainError", f"command {name} failed: {type(broken).__name__}", {})
        return None, error
    finally:
        tx.principal = tx.tenant = None
    store_answer(tx, key, result, error)
    return result, error


def result_or_raise(answer: tuple[Any, Failure | None]) -> Any:
    """The result, or the error raised again: for callers in the same process."""
    result, error = answer
    if error is not None:
        raise revive(*error)
    return result
