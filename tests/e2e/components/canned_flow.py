"""A schema, a graph and a flow with every input type, for `canned.py`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def schema(_: Request) -> Response:
    tasks = {
        "io.kestra.plugin.core.http.Request": {"uri": "string", "headers": "object", "method": "string"},
        "io.kestra.plugin.core.log.Log": {"message": "string", "level": "string"},
        "io.kestra.plugin.core.flow.ForEach": {"values": "array", "tasks": "array", "concurrencyLimit": "integer"},
        "io.kestra.plugin.jdbc.postgresql.CopyIn": {"table": "string", "from": "string", "url": "string"},
    }
    definitions: dict[str, Any] = {}
    for name, props in tasks.items():
        properties: dict[str, Any] = {
            "id": {"type": "string", "description": "Name of the task."},
            "type": {"const": name},
            "retry": {
                "type": "object",
                "properties": {
                    "type": {"enum": ["constant", "exponential"]},
                    "interval": {"type": "string"},
                    "maxAttempts": {"type": "integer"},
                },
            },
        }
        for key, kind in props.items():
            properties[key] = (
                {"type": kind, "title": f"The {key}.", "markdownDescription": f"The **{key}** of the task."}
                if kind != "array"
                else {"type": "array", **({"items": {"$ref": "#/definitions/task"}} if key == "tasks" else {})}
            )
        definitions[name] = {
            "type": "object",
            "properties": properties,
            "required": ["id", "type"],
            "title": name.rsplit(".", 1)[1],
        }
    definitions["task"] = {"anyOf": [{"$ref": f"#/definitions/{name}"} for name in tasks]}
    return JSONResponse(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "type": "object",
            "required": ["id", "namespace", "tasks"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "namespace": {"type": "string"},
                "description": {"type": "string"},
                "inputs": {"type": "array"},
                "labels": {},
                "triggers": {"type": "array"},
                "tasks": {"type": "array", "items": {"$ref": "#/definitions/task"}},
            },
            "definitions": definitions,
        }
    )


def graph(_: Request) -> Response:
    def task(uid: str, ident: str, kind: str, **more: Any) -> dict[str, Any]:
        return {
            "uid": uid,
            "type": "io.kestra.core.models.hierarchies.GraphTask",
            "task": {"id": ident, "type": kind},
            **more,
        }

    base = "io.kestra.core.models.hierarchies."
    nodes = [
        {"uid": "root.start", "type": base + "GraphClusterRoot"},
        {"uid": "root.end", "type": base + "GraphClusterEnd"},
        {
            "uid": "hourly",
            "type": base + "GraphTrigger",
            "trigger": {"id": "hourly", "type": "io.kestra.plugin.core.trigger.Schedule"},
        },
        task("root.extract_orders", "extract_orders", "io.kestra.plugin.core.http.Request"),
        task("root.per_region", "per_region", "io.kestra.plugin.core.flow.ForEach"),
        {"uid": "per_region.start", "type": base + "GraphClusterRoot"},
        {"uid": "per_region.end", "type": base + "GraphClusterEnd"},
        task("root.per_region.load_orders", "load_orders", "io.kestra.plugin.jdbc.postgresql.CopyIn"),
        task("root.per_region.check_rows", "check_rows", "io.kestra.plugin.jdbc.postgresql.Query"),
        task("root.publish_if_ok", "publish_if_ok", "io.kestra.plugin.core.flow.If"),
        task("root.publish", "publish", "io.kestra.plugin.core.flow.Subflow"),
        task("root.mark_empty", "mark_empty", "io.kestra.plugin.core.kv.Set"),
        task("root.on_failure", "on_failure", "io.kestra.plugin.slack.SlackIncomingWebhook", branchType="ERROR"),
    ]
    pairs = [
        ("hourly", "root.start", ""),
        ("root.start", "root.extract_orders", "SEQUENTIAL"),
        ("root.extract_orders", "per_region.start", "SEQUENTIAL"),
        ("per_region.start", "root.per_region", "DYNAMIC"),
        ("root.per_region", "root.per_region.load_orders", "DYNAMIC"),
        ("root.per_region.load_orders", "root.per_region.check_rows", "SEQUENTIAL"),
        ("root.per_region.check_rows", "per_region.end", "SEQUENTIAL"),
        ("per_region.end", "root.publish_if_ok", "SEQUENTIAL"),
        ("root.publish_if_ok", "root.publish", "CHOICE:then"),
        ("root.publish_if_ok", "root.mark_empty", "CHOICE:else"),
        ("root.publish", "root.end", "SEQUENTIAL"),
        ("root.mark_empty", "root.end", "SEQUENTIAL"),
        ("root.extract_orders", "root.on_failure", "ERROR"),
    ]
    edges = []
    for source, target, kind in pairs:
        relation: dict[str, Any] = {"relationType": kind.split(":")[0] or "SEQUENTIAL"}
        if ":" in kind:
            relation["value"] = kind.split(":")[1]
        edges.append({"source": source, "target": target, "relation": relation})
    clusters = [
        {
            "cluster": {
                "uid": "cluster_root.per_region",
                "type": base + "GraphCluster",
                "taskNode": task("root.per_region", "per_region", "io.kestra.plugin.core.flow.ForEach"),
            },
            "nodes": [
                "per_region.start",
                "per_region.end",
                "root.per_region",
                "root.per_region.load_orders",
                "root.per_region.check_rows",
            ],
            "parents": [],
            "start": "per_region.start",
            "end": "per_region.end",
        }
    ]
    return JSONResponse({"nodes": nodes, "edges": edges, "clusters": clusters, "flowables": ["root.per_region"]})


FLOW = {
    "id": "orders_ingest",
    "namespace": "company.data",
    "revision": 41,
    "labels": [{"key": "team", "value": "data-platform"}],
    "inputs": [
        {"id": "since", "type": "DATETIME", "displayName": "Orders since", "required": True},
        {"id": "batch_size", "type": "INT", "displayName": "Batch size", "min": 1, "max": 5000, "defaults": 500},
        {
            "id": "regions",
            "type": "MULTISELECT",
            "displayName": "Regions",
            "values": ["eu", "us", "apac", "mea", "latam"],
            "defaults": ["eu", "us", "apac"],
        },
        {
            "id": "mode",
            "type": "SELECT",
            "displayName": "Load mode",
            "isRadio": True,
            "values": ["append", "replace", "dry run"],
            "defaults": "append",
            "description": "Others appear when a region has a *staging* table.",
        },
        {
            "id": "corrections",
            "type": "FILE",
            "displayName": "Corrections",
            "required": False,
            "description": "CSV or Parquet, up to 100 MB.",
        },
        {
            "id": "overrides",
            "type": "JSON",
            "displayName": "Overrides",
            "required": False,
            "defaults": {"currency": "EUR", "skip": ["test-shop"]},
        },
        {"id": "token", "type": "SECRET", "displayName": "Shop token", "required": False},
        {
            "id": "notify",
            "type": "BOOLEAN",
            "displayName": "Notify finance",
            "required": False,
            "defaults": True,
            "description": "Adds a sign-off step.",
        },
        {
            "id": "finance.mail",
            "type": "EMAIL",
            "displayName": "Finance mail",
            "required": False,
            "dependsOn": {"inputs": ["notify"], "condition": "{{ inputs.notify }}"},
        },
        {"id": "wait", "type": "DURATION", "required": False, "defaults": "PT5M"},
        {"id": "day", "type": "DATE", "required": False},
        {"id": "hour", "type": "TIME", "required": False},
        {"id": "ratio", "type": "FLOAT", "required": False},
        {"id": "tags", "type": "ARRAY", "itemType": "STRING", "required": False},
        {"id": "conf", "type": "YAML", "required": False},
        {"id": "link", "type": "URI", "required": False},
        {"id": "size", "type": "ENUM", "required": False, "values": ["s", "m", "l"]},
        {"id": "deep.note", "type": "STRING", "required": False},
    ],
}
