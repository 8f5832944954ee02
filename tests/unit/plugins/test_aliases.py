"""All names of core types, today's and former ones (spec: core plugins §1.7, §10 to §14)."""

from __future__ import annotations

import pytest

from flowdeck.model.findings import Severity
from flowdeck.model.source import parse_flow
from flowdeck.sdk.index import load_catalog

OLD = "io.kestra.core.tasks."
CORE = "io.kestra.plugin.core."
FORMER = {
    **{f"{OLD}debugs.{n}": f"{CORE}debug.{n}" for n in ("Return", "Echo")},
    **{f"{OLD}log.{n}": f"{CORE}log.{n}" for n in ("Log", "Fetch")},
    f"{OLD}executions.Counts": f"{CORE}execution.Count",
    **{f"{OLD}executions.{n}": f"{CORE}execution.{n}" for n in ("Fail", "Labels")},
    **{
        f"{OLD}storages.{n}": f"{CORE}storage.{n}"
        for n in ("Concat", "DeduplicateItems", "Delete", "FilterItems", "LocalFiles", "Reverse", "Size", "Split")
    },
    f"{OLD}storages.Purge": f"{CORE}execution.PurgeExecutions",
    f"{CORE}storage.Purge": f"{CORE}execution.PurgeExecutions",
    f"{OLD}storages.PurgeExecution": f"{CORE}storage.PurgeCurrentExecutionFiles",
    f"{CORE}storage.PurgeExecution": f"{CORE}storage.PurgeCurrentExecutionFiles",
    **{f"{OLD}states.{n}": f"{CORE}state.{n}" for n in ("Set", "Get", "Delete")},
    f"{OLD}templating.TemplatedTask": f"{CORE}templating.TemplatedTask",
    f"{OLD}trigger.Toggle": f"{CORE}trigger.Toggle",
    **{
        f"{OLD}flows.{n}": f"{CORE}flow.{n}"
        for n in (
            "Sequential",
            "Parallel",
            "Dag",
            "AllowFailure",
            "If",
            "Switch",
            "EachSequential",
            "EachParallel",
            "ForEachItem",
            "Pause",
            "Subflow",
            "WorkingDirectory",
        )
    },
    f"{OLD}flows.Flow": f"{CORE}flow.Subflow",
    f"{OLD}flows.Worker": f"{CORE}flow.WorkingDirectory",
    f"{CORE}flow.WaitFor": f"{CORE}flow.LoopUntil",
    **{f"io.kestra.plugin.fs.http.{n}": f"{CORE}http.{n}" for n in ("Request", "Download", "Trigger")},
    **{f"io.kestra.core.models.triggers.types.{n}": f"{CORE}trigger.{n}" for n in ("Schedule", "Flow", "Webhook")},
}
TODAY = [
    "debug.Return",
    "debug.Echo",
    "log.Log",
    "log.Fetch",
    "log.PurgeLogs",
    "output.OutputValues",
    "metric.Publish",
    "templating.TemplatedTask",
    "execution.Fail",
    "execution.Assert",
    "execution.Exit",
    "execution.Labels",
    "execution.SetVariables",
    "execution.UnsetVariables",
    "execution.Count",
    "execution.Resume",
    "execution.PurgeExecutions",
    "http.Request",
    "http.Download",
    "http.SseRequest",
    "http.Trigger",
    "kv.Set",
    "kv.Get",
    "kv.GetKeys",
    "kv.Delete",
    "kv.PurgeKV",
    "namespace.UploadFiles",
    "namespace.DownloadFiles",
    "namespace.DeleteFiles",
    "namespace.PurgeFiles",
    "storage.Write",
    "storage.Concat",
    "storage.Split",
    "storage.Reverse",
    "storage.Size",
    "storage.Delete",
    "storage.DeduplicateItems",
    "storage.FilterItems",
    "storage.PurgeCurrentExecutionFiles",
    "storage.LocalFiles",
    "state.Set",
    "state.Get",
    "state.Delete",
    "runner.Process",
    "trigger.Schedule",
    "trigger.ScheduleOnDates",
    "trigger.Flow",
    "trigger.Webhook",
    "trigger.Toggle",
    "flow.Sequential",
    "flow.Parallel",
    "flow.Dag",
    "flow.AllowFailure",
    "flow.If",
    "flow.Switch",
    "flow.ForEach",
    "flow.EachSequential",
    "flow.EachParallel",
    "flow.ForEachItem",
    "flow.LoopUntil",
    "flow.Pause",
    "flow.Subflow",
    "flow.WorkingDirectory",
    "flow.Sleep",
    "flow.PurgeFlows",
    "dashboard.chart.TimeSeries",
    "dashboard.chart.Bar",
    "dashboard.chart.Pie",
    "dashboard.chart.Table",
    "dashboard.chart.KPI",
    "dashboard.chart.Markdown",
    "dashboard.data.Executions",
    "dashboard.data.ExecutionsKPI",
    "dashboard.data.Logs",
    "dashboard.data.LogsKPI",
    "dashboard.data.Metrics",
    "dashboard.data.MetricsKPI",
    "dashboard.data.Flows",
    "dashboard.data.FlowsKPI",
    "dashboard.data.Triggers",
    "dashboard.data.TriggersKPI",
]


@pytest.mark.parametrize("name", TODAY)
def test_types(name: str) -> None:
    spec = load_catalog().find(CORE + name)
    assert spec is not None and spec.type == CORE + name and spec.doc


@pytest.mark.parametrize("name", FORMER)
def test_former_names(name: str) -> None:
    """§14: an alias means today's type."""
    assert load_catalog().canonical(name) == FORMER[name]


def test_old_script_tasks_are_types_of_their_own() -> None:
    """§14: their schema is that of before 0.11."""
    for name in ("Bash", "Python", "Node"):
        spec = load_catalog().find(f"{OLD}scripts.{name}", "task")
        assert spec is not None and spec.deprecated
        assert {"commands", "inputFiles", "outputsFiles", "runner"} <= {field.name for field in spec.fields}


def test_an_alias_is_told_and_kept() -> None:
    """§0 rule 1: the source keeps the alias, validation says what it is called today."""
    source = f"id: f\nnamespace: a\ntasks:\n  - {{id: h, type: {OLD}log.Log, message: x}}\n"
    parsed = parse_flow(source, load_catalog())
    assert parsed.flow is not None and parsed.document["tasks"][0]["type"] == f"{OLD}log.Log"
    (told,) = parsed.findings
    assert told.severity is not Severity.ERROR and f"{CORE}log.Log" in told.message


def test_the_webhook_of_the_documentation_is_no_type() -> None:
    """§14: a slip for trigger.Webhook."""
    assert load_catalog().find(f"{CORE}http.Webhook") is None
