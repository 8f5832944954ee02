"""The runner that uses this machine (spec: core plugins §9)."""

from __future__ import annotations

from flowdeck.sdk import Command, RunContext, TaskError, TaskRunner
from flowdeck.sdk.process import run_child


class Process(TaskRunner, type="io.kestra.plugin.core.runner.Process"):
    """Run the command as a child process of the worker, in the task's working directory.

    The child sees the worker's environment less the server's secrets, and what the task adds. A kill or timeout ends
    all of its descendants: SIGTERM to the process group, SIGKILL after a grace time.
    """

    async def run(self, ctx: RunContext, command: Command) -> int:
        """Run to the end; `TaskError` when the program can't be started."""
        env = ctx.child_environment(command.env)
        try:
            return await run_child(
                command.argv,
                command.cwd,
                env,
                command.on_lines,
                guard=ctx.worker.guard,
                brake=ctx.log.full,
                grace=ctx.worker.kill_grace,
            )
        except FileNotFoundError:
            raise TaskError(f"The program '{command.argv[0]}' was not found on this worker", exit_code=127) from None
        except PermissionError:
            raise TaskError(f"The program '{command.argv[0]}' may not be run", exit_code=126) from None
        except OSError as error:
            raise TaskError(f"The command can't be started: {error.strerror}") from None
