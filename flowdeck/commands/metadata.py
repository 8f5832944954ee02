"""Small rows that belong to nobody's execution: settings, sessions, what a user keeps, components' heartbeats."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.commands.registry import command
from flowdeck.model.errors import Conflict, NotFound
from flowdeck.model.liveness import MAINTENANCE, Patience, ServiceState, judged, may_become
from flowdeck.store.driver import Tx


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@command("settings.put")
def put_setting(tx: Tx, args: dict[str, Any]) -> None:
    """Write an instance setting: `key`, `value` (JSON); None deletes it."""
    if args["value"] is None:
        tx.sql("delete from setting where key = :key", key=args["key"])
    else:
        tx.sql(
            "insert into setting (key, value, updated) values (:key, :value, :now)"
            " on conflict (key) do update set value = excluded.value, updated = excluded.updated",
            key=args["key"],
            value=_text(args["value"]),
            now=tx.now,
        )
    tx.notify("settings", "changed", args["key"])


@command("session.create")
def create_session(tx: Tx, args: dict[str, Any]) -> None:
    """Open a console session; `id` is the hash of the cookie, `created` and `expires` in ms. Old ones go."""
    tx.sql("delete from session where expires <= :now", now=tx.now)
    tx.insert(
        "session",
        id=args["id"],
        username=args["username"],
        created=args.get("created", tx.now),
        last_seen=tx.now,
        expires=args["expires"],
        address=args.get("address"),
        browser=args.get("browser"),
        remember=bool(args.get("remember")),
    )


@command("session.touch")
def touch_session(tx: Tx, args: dict[str, Any]) -> None:
    """Remember that a session was used; one that is gone stays gone."""
    tx.sql("update session set last_seen = :now where id = :id", now=tx.now, id=args["id"])


@command("session.delete")
def delete_session(tx: Tx, args: dict[str, Any]) -> int:
    """End the session `id`, or all of `username` (but `keep`); answers how many."""
    if "id" in args:
        return tx.sql("delete from session where id = :id", id=args["id"])
    return tx.sql(
        "delete from session where username = :username and id <> :keep",
        username=args["username"],
        keep=args.get("keep") or "",
    )


@command("userdata.put")
def put_userdata(tx: Tx, args: dict[str, Any]) -> dict[str, Any]:
    """Keep something of a user: tenant, owner, kind, key, `body`, `shared`; `version` = the one it was read with.

    With `most` and `since` (ms) only the newest `most` of its kind stay, and none that is older than `since`.

    Raises:
        Conflict: `version` is told and another one is stored; carries the stored one.
    """
    where = {name: args[name] for name in ("tenant", "owner", "kind", "key")}
    row = tx.one(
        "select version, body, shared from user_data where tenant = :tenant and owner = :owner and kind = :kind"
        " and key = :key",
        where,
    )
    told = args.get("version")
    if told is not None and (row["version"] if row else 0) != int(told):
        raise Conflict(
            "somebody else changed it meanwhile",
            version=row["version"] if row else 0,
            stored=json.loads(row["body"]) if row else None,
        )
    version = (row["version"] if row else 0) + 1
    shared = args.get("shared")
    values = {
        **where,
        "body": _text(args["body"]),
        "version": version,
        "now": tx.now,
        "shared": bool(shared if shared is not None else row["shared"] if row else False),
    }
    tx.sql(
        "insert into user_data (tenant, owner, kind, key, body, version, shared, updated)"
        " values (:tenant, :owner, :kind, :key, :body, :version, :shared, :now)"
        " on conflict (tenant, owner, kind, key) do update set body = excluded.body, version = excluded.version,"
        " shared = excluded.shared, updated = excluded.updated",
        values,
    )
    if args.get("most") is not None:
        tx.sql(
            "delete from user_data where tenant = :tenant and owner = :owner and kind = :kind and (updated < :since or"
            " key in (select key from user_data where tenant = :tenant and owner = :owner and kind = :kind"
            " order by updated desc limit 1000 offset :most))",
            tenant=args["tenant"],
            owner=args["owner"],
            kind=args["kind"],
            since=args["since"],
            most=args["most"],
        )
    tx.notify(f"userdata:{args['kind']}", "changed" if row else "created", args["key"], by=args["owner"])
    return {"version": version, "updated": tx.now}


@command("userdata.delete")
def delete_userdata(tx: Tx, args: dict[str, Any]) -> bool:
    """Forget something of a user; whether it existed."""
    where = {name: args[name] for name in ("tenant", "owner", "kind", "key")}
    gone = tx.sql(
        "delete from user_data where tenant = :tenant and owner = :owner and kind = :kind and key = :key", where
    )
    if gone:
        tx.notify(f"userdata:{args['kind']}", "deleted", args["key"], by=args["owner"])
    return bool(gone)


EVENTS = 20
"""Changes of state that a component's row remembers."""


@command("service.heartbeat")
def heartbeat(tx: Tx, args: dict[str, Any]) -> str:
    """Say that a component lives: `id`, `kind`, `host`, `state`, `started` (ms), `detail` (JSON); answers its state.

    One that runs is in MAINTENANCE while the instance is (F46).

    A component that the others count as dead hears so and must end: its row does not come back to life (F53). One that
    has `connected` begins anew.
    """
    row = tx.one("select state, detail from service where id = ?", args["id"])
    told = ServiceState(args.get("state", "RUNNING"))
    if told is ServiceState.RUNNING and tx.value("select value from setting where key = ?", MAINTENANCE) == "true":
        told = ServiceState.MAINTENANCE
    state = told
    events: list[Any] = []
    if row is not None:
        stored = ServiceState(row["state"])
        events = _events(row["detail"])
        if stored is not told:
            state = told if may_become(stored, told) else stored
        if state is stored and state is not told:
            if not args.get("connected"):
                return state  # refused: the silence goes on
            state = told
    if row is None or state is not ServiceState(row["state"]):
        events = [*events, [tx.now, state.value]][-EVENTS:]
    tx.sql(
        "insert into service (id, kind, host, state, started, heartbeat, detail)"
        " values (:id, :kind, :host, :state, :started, :now, :detail)"
        " on conflict (id) do update set state = excluded.state, heartbeat = excluded.heartbeat,"
        " detail = excluded.detail",
        id=args["id"],
        kind=args["kind"],
        host=args.get("host", ""),
        state=state.value,
        started=args.get("started", tx.now),
        now=tx.now,
        detail=_text({**(args.get("detail") or {}), "events": events}),
    )
    return state


def _events(detail: str | None) -> list[Any]:
    """[ms, state] of a component's last changes, oldest first."""
    return list((json.loads(detail) if detail else {}).get("events") or ())


@command("service.state")
def change_service(tx: Tx, args: dict[str, Any]) -> bool:
    """Note a component's new `state`, unless it can't follow from the one that is stored; whether it changed."""
    row = tx.one("select state, detail from service where id = ?", args["id"])
    if row is None:
        return False
    stored, new = ServiceState(row["state"]), ServiceState(args["state"])
    if stored is new or not may_become(stored, new):
        return False
    detail = json.loads(row["detail"]) if row["detail"] else {}
    detail["events"] = [*_events(row["detail"]), [tx.now, new.value]][-EVENTS:]
    return bool(
        tx.sql(
            "update service set state = :new, detail = :detail where id = :id and state = :stored",
            id=args["id"],
            new=new.value,
            detail=_text(detail),
            stored=stored.value,
        )
    )


@command("service.check")
def check_services(tx: Tx, args: dict[str, Any]) -> list[str]:
    """Judge the silent ones (F53): `timeout`, `initial_delay`, `grace`, `retention` in ms; answers who changed.

    Components that hold a lease on shards are judged by their leases.
    """
    patience = Patience(args["timeout"], args["initial_delay"], args["grace"], args["retention"])
    changed: list[str] = []
    for row in tx.all("select id, state, started, heartbeat, detail from service where lease_until is null"):
        state, events = ServiceState(row["state"]), _events(row["detail"])
        since = tx.now - (events[-1][0] if events else row["started"])
        silent = tx.now - row["heartbeat"]
        new = judged(state, tx.now - row["started"], silent, since, patience)
        if new is not None and change_service(tx, {"id": row["id"], "state": new}):
            changed.append(row["id"])
        elif state is ServiceState.INACTIVE and since > patience.retention:
            tx.sql("delete from service where id = ?", row["id"])
    return changed


@command("service.forget")
def forget_services(tx: Tx, args: dict[str, Any]) -> int:
    """Delete components without heartbeat since `before` (ms)."""
    return tx.sql("delete from service where heartbeat < :before", before=args["before"])


@command("secret.put")
def put_secret(tx: Tx, args: dict[str, Any]) -> None:
    """Write a secret: tenant, namespace, key, `value` (encrypted already; None keeps it), `description`, `tags`.

    Raises:
        NotFound: no value is sent and none is stored.
    """
    where = {name: args[name] for name in ("tenant", "namespace", "key")}
    value = args.get("value")
    tags = _text(args["tags"]) if args.get("tags") else None
    if value is None:
        changed = tx.sql(
            "update secret set description = :description, tags = :tags, updated = :now"
            " where tenant = :tenant and namespace = :namespace and key = :key",
            {**where, "description": args.get("description"), "tags": tags, "now": tx.now},
        )
        if not changed:
            raise NotFound(f"secret {args['key']!r} of namespace {args['namespace']!r}")
    else:
        tx.sql(
            "insert into secret (tenant, namespace, key, value, description, tags, updated)"
            " values (:tenant, :namespace, :key, :value, :description, :tags, :now)"
            " on conflict (tenant, namespace, key) do update set value = excluded.value,"
            " description = excluded.description, tags = excluded.tags, updated = excluded.updated",
            {**where, "value": value, "description": args.get("description"), "tags": tags, "now": tx.now},
        )
    tx.notify(f"secrets:{args['namespace']}", "changed", args["key"])


@command("secret.delete")
def delete_secret(tx: Tx, args: dict[str, Any]) -> bool:
    """Delete a secret; whether it existed."""
    gone = tx.sql(
        "delete from secret where tenant = :tenant and namespace = :namespace and key = :key",
        {name: args[name] for name in ("tenant", "namespace", "key")},
    )
    if gone:
        tx.notify(f"secrets:{args['namespace']}", "deleted", args["key"])
    return bool(gone)
