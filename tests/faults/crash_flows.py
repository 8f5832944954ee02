"""The mixed load of the crash harness: what runs, and how each flow must end."""

from __future__ import annotations

from dataclasses import dataclass

from flowdeck.model.states import State

NAMESPACE = "crash.test"
LINES = 5
"""Lines that each run of a script prints."""

SHELL = "type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process}"
NAP = "type: io.kestra.plugin.core.flow.Sleep"

# The side effect of a script: its fence in a file named after its task run. Every line it prints carries its process.
EFFECT = (
    'f="$SIDE_EFFECTS/{{ execution.id }}.{{ taskrun.id }}"; '
    f'for i in $(seq {LINES}); do echo "said $$ $i"; done; '
    'echo "$KESTRA_TASKRUN_FENCE" >> "$f"'
)


def script(name: str, then: str = "", extra: str = "") -> str:
    """A script task with a side effect, in one line of YAML."""
    command = EFFECT + (f"; {then}" if then else "")
    text = command.replace("'", "''")
    return f"{{id: {name}, {SHELL}, commands: ['{text}']{extra}}}"


PARENT = f"""
id: parent
namespace: {NAMESPACE}
tasks:
  - id: side
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - {{id: a1, {NAP}, duration: PT0.01S}}
      - {{id: a2, {NAP}, duration: PT0.02S}}
      - {{id: a3, {NAP}, duration: PT0.03S}}
      - {script("a4")}
      - {script("a5")}
  - id: loop
    type: io.kestra.plugin.core.flow.ForEach
    values: [1, 2, 3, 4, 5, 6]
    concurrencyLimit: 3
    tasks:
      - {{id: nap, {NAP}, duration: PT0.02S}}
      - {{id: say, type: io.kestra.plugin.core.debug.Return, format: "{{{{ taskrun.value }}}}"}}
  - id: sub
    type: io.kestra.plugin.core.flow.Subflow
    namespace: {NAMESPACE}
    flowId: child
    wait: true
  - id: pause
    type: io.kestra.plugin.core.flow.Pause
    pauseDuration: PT0.3S
  - {script("script")}
  - {{id: end, type: io.kestra.plugin.core.debug.Return, format: "{{{{ outputs.say['3'].value }}}}"}}
"""

CHILD = f"""
id: child
namespace: {NAMESPACE}
concurrency: {{limit: 3}}
tasks:
  - {{id: nap, {NAP}, duration: PT0.05S}}
  - {script("work")}
  - id: broken
    type: io.kestra.plugin.core.execution.Fail
    allowFailure: true
    retry: {{type: constant, interval: PT0.2S, maxAttempts: 2}}
"""

# Succeeds once its side effect has happened three times: the state of the world, not of the attempt, decides.
RETRIED = f"""
id: retried
namespace: {NAMESPACE}
tasks:
  - {script("again", '[ $(wc -l < "$f") -ge 3 ]', ", retry: {type: constant, interval: PT0.1S, maxAttempts: 50}")}
"""

BROKEN = f"""
id: broken
namespace: {NAMESPACE}
tasks:
  - {script("first")}
  - {{id: fails, type: io.kestra.plugin.core.execution.Fail}}
  - {script("never")}
errors:
  - {script("tidy")}
"""

RESUMED = f"""
id: resumed
namespace: {NAMESPACE}
tasks:
  - {{id: wait, type: io.kestra.plugin.core.flow.Pause}}
  - {script("after")}
"""

KILLED = f"""
id: killed
namespace: {NAMESPACE}
tasks:
  - id: both
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - {{id: long, {NAP}, duration: PT1H}}
      - {{id: loud, {SHELL}, commands: ["sleep 3600"]}}
"""

# Every other second of the run gets its one execution, whatever was down at that second.
TICKING = f"""
id: ticking
namespace: {NAMESPACE}
tasks:
  - {{id: tick, type: io.kestra.plugin.core.debug.Return, format: "{{{{ trigger.date }}}}"}}
triggers:
  - id: second
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "*/2 * * * * *"
    withSeconds: true
    recoverMissedSchedules: ALL
    disabled: false
"""
PERIOD_MS = 2000


@dataclass(frozen=True, slots=True)
class Load:
    """A flow, how often it is started, and how each of its executions must end."""

    source: str
    weight: int
    state: State
    task_runs: int
    effects: tuple[str, ...] = ()


LOADS: dict[str, Load] = {
    "parent": Load(PARENT, 5, State.WARNING, 23, ("a4", "a5", "script")),
    "child": Load(CHILD, 1, State.WARNING, 3, ("work",)),
    "retried": Load(RETRIED, 2, State.SUCCESS, 1, ("again",)),
    "broken": Load(BROKEN, 1, State.FAILED, 3, ("first", "tidy")),
    "resumed": Load(RESUMED, 1, State.SUCCESS, 2, ("after",)),
    "killed": Load(KILLED, 1, State.KILLED, 3),
    "ticking": Load(TICKING, 0, State.SUCCESS, 1),
}
