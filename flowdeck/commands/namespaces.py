"""Namespaces: description, variables, plugin defaults (spec: workflow components §1.6, §13)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flowdeck.commands.registry import command
from flowdeck.model.errors import InvalidEntity, NotFound
from flowdeck.model.plugin_defaults import entry_problems
from flowdeck.store.driver import Tx


def _refuse(path: str, message: str) -> InvalidEntity:
    return InvalidEntity(f"{path}: {message}", violations=[{"path": path, "message": message}])


@command("namespace.put")
def put(tx: Tx, args: dict[str, Any]) -> dict[str, Any]:
    """Write what is known of a namespace; what is not sent stays as it is, None empties it.

    Args (in `args`): tenant, `id`; `description`, `variables` (a map), `plugin_defaults` (a list of
    `{type, forced, ref, values}`).

    Raises:
        InvalidEntity: the variables are no map, a plugin default breaks a rule (§2.5).
    """
    from flowdeck.sdk.index import load_catalog

    given: dict[str, Any] = {}
    if "description" in args:
        given["description"] = args["description"]
    if "variables" in args:
        variables = args["variables"]
        if variables is not None and not isinstance(variables, Mapping):
            raise _refuse("variables", "must be a map")
        given["variables"] = json.dumps(variables, ensure_ascii=False) if variables else None
    if "plugin_defaults" in args:
        entries = args["plugin_defaults"]
        if entries is not None and not isinstance(entries, list):
            raise _refuse("pluginDefaults", "must be a list")
        for number, entry in enumerate(entries or ()):
            problems = entry_problems(entry, load_catalog())
            if problems:
                raise _refuse(f"pluginDefaults[{number}]", "Invalid Plugin Default: " + ", ".join(problems))
        given["plugin_defaults"] = json.dumps(entries, ensure_ascii=False) if entries else None
    place = {"tenant": args["tenant"], "id": args["id"]}
    created = tx.value("select 1 from namespace where tenant = :tenant and id = :id", place) is None
    if created:
        tx.insert("namespace", **place, **given, created=tx.now, updated=tx.now)
    else:
        sets = "".join(f"{name} = :{name}, " for name in given)
        tx.sql(
            f"update namespace set {sets}updated = :now where tenant = :tenant and id = :id",
            {**place, **given, "now": tx.now},
        )
    tx.notify("namespaces", "created" if created else "changed", args["id"])
    return {"id": args["id"], "created": created}


@command("namespace.delete")
def delete(tx: Tx, args: dict[str, Any]) -> None:
    """Forget what is known of a namespace; its flows, files, pairs and secrets stay.

    Raises:
        NotFound: nothing is known of it.
    """
    if not tx.sql("delete from namespace where tenant = :tenant and id = :id", tenant=args["tenant"], id=args["id"]):
        raise NotFound(f"namespace '{args['id']}'")
    tx.notify("namespaces", "deleted", args["id"])
