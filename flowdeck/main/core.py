"""The core process: executor, scheduler, the one writer (design §1)."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Any

from flowdeck.config import Settings
from flowdeck.config.variables import instance_defaults
from flowdeck.engine.core import Core, run_core
from flowdeck.engine.introspection import Introspection
from flowdeck.engine.janitor import Janitor
from flowdeck.engine.lock import Locked
from flowdeck.engine.messages import Command, Reply
from flowdeck.engine.recheck import Recheck
from flowdeck.engine.reencryption import check_key
from flowdeck.engine.serverlog import set_up_logging
from flowdeck.engine.snapshots import Reporter, die_with_supervisor
from flowdeck.engine.supervisor import ENGINE_ROLES, NO_RESTART
from flowdeck.model.errors import revive
from flowdeck.store.driver import StoreError
from flowdeck.store.schema import SchemaTooNew, SchemaTooOld

log = logging.getLogger("flowdeck.core")


def in_loop(core: Core, name: str, args: dict[str, Any]) -> asyncio.Future[Any]:
    """Carry a command out in the core loop; the future gets its result or error after the commit."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def answer(reply: Reply) -> None:
        if future.done():
            return
        if reply.error is not None:
            future.set_exception(revive(*reply.error))
        else:
            future.set_result(reply.result)

    core.executor.submit(Command(id=0, name=name, args=args), answer)
    return future


def run(settings: Settings) -> int:
    """Run core until it is told to stop; answers the exit status."""
    die_with_supervisor()
    os.umask(0o077)  # databases and their copies are this user's alone; workers keep the user's own mask for scripts
    set_up_logging(settings, "core")
    # The log writer shares the interpreter with the loop: a long slice of it must not hold up a step.
    sys.setswitchinterval(0.001)
    kept: list[Any] = []
    roles = os.environ.get(ENGINE_ROLES, "executor,scheduler").split(",")

    def ready(core: Core) -> None:
        async def carry_out(name: str, args: dict[str, Any]) -> Any:
            return await in_loop(core, name, args)

        kept.append(
            asyncio.get_running_loop().create_task(
                Janitor(settings, core.log_files, carry_out, core.database, lambda: core.leader).run()
            )
        )
        kept.append(asyncio.get_running_loop().create_task(check_key(settings, core.database, carry_out)))
        recheck = Recheck(core.database, core.catalog, carry_out, instance_defaults(settings))
        kept.append(asyncio.get_running_loop().create_task(recheck.run()))
        loop = asyncio.get_running_loop()
        introspection = Introspection(core.measures.measures, lambda: loop)
        answers = {**introspection.answers(), "jobs": core.measures.jobs, "dates": core.measures.dates}
        reporter = Reporter("core", core.measures.collect, answers)
        reporter.start()
        reporter.ready()

    try:
        asyncio.run(run_core(settings, ready=ready, roles=roles))
    except (SchemaTooNew, SchemaTooOld) as error:
        log.error("%s", error)
        return NO_RESTART
    except (Locked, StoreError, OSError) as error:
        log.error("core can't run: %s", error)
        return 1
    except Exception:
        log.critical("core ended", exc_info=True)
        return 1
    return 0
