"""`flowdeck sys …`: work on the instance itself."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from flowdeck.cli.options import settings_of
from flowdeck.cli.parsing import add_output, commands, show


def register(group: argparse.ArgumentParser) -> None:
    """Add the commands."""
    from flowdeck.cli import dump, import_instance

    parts = commands(group, "part", "PART")
    database = commands(parts.add_parser("database", help="the schema"), "command")
    migrate = database.add_parser("migrate", help="bring the schema up to date and end")
    add_output(migrate)
    migrate.set_defaults(run=run_migrate)
    reindex = parts.add_parser("reindex", help="derive what is kept of flows from their sources again")
    reindex.add_argument("--type", choices=("flow",), default="flow", help="kind of record (flow)")
    add_output(reindex)
    reindex.set_defaults(run=run_reindex)
    submit = parts.add_parser(
        "submit-queued-execution", help="start all executions that wait for a place, whatever the limit of their flow"
    )
    add_output(submit)
    submit.set_defaults(run=run_submit)
    store = commands(parts.add_parser("state-store", help="states of tasks"), "command")
    states = store.add_parser("migrate", help="nothing to do: states have always been KV pairs here")
    add_output(states)
    states.set_defaults(run=run_states)
    renew = parts.add_parser(
        "reencrypt", help="put all that kestra.encryption.previous-keys encrypted under kestra.encryption.secret-key"
    )
    add_output(renew)
    renew.set_defaults(run=run_reencrypt)
    usage = parts.add_parser("usage-report", help="how much there is of what, as JSON; nothing is sent anywhere")
    usage.set_defaults(run=dump.run_usage)
    dump.register(parts.add_parser("dump", help="a file of facts about the instance, for a report of a fault"))
    import_instance.register(parts.add_parser("import", help="copy flows, files and pairs from another server"))


def run_migrate(options: argparse.Namespace) -> int:
    """Migrate while no server runs."""
    from flowdeck.engine.lock import InstanceLock, Locked
    from flowdeck.store.driver import StoreError, open_database
    from flowdeck.store.schema import SchemaTooNew, migrate

    settings = settings_of(options)
    try:
        settings.home.prepare()
        with InstanceLock(settings.home.database.with_name("flowdeck.db.lock")):
            changed = migrate(open_database(settings.database_url))
    except (Locked, SchemaTooNew, StoreError, OSError) as error:
        print(f"flowdeck: {error}", file=sys.stderr)
        return 1
    show(options, {"changed": changed}, "the schema was brought up to date" if changed else "the schema is up to date")
    return 0


def run_reindex(options: argparse.Namespace) -> int:
    """Read every flow's source again; status 1 when one is not valid any more."""
    from flowdeck.cli.engine_link import EngineLink
    from flowdeck.model.errors import DomainError

    refused: list[dict[str, Any]] = []
    with EngineLink(settings_of(options)) as link:
        with link.database.reader() as reader:
            rows = reader.all("select flow_key, tenant, namespace, id from flow where not deleted order by flow_key")
            flows = [(row["flow_key"], f"{row['namespace']}.{row['id']}") for row in rows]
        for key, name in flows:
            try:
                reason = link.send("flow.refresh", {"flow_key": key})
            except DomainError as error:
                reason = error.message
            if reason:
                refused.append({"flow": name, "reason": reason})
    told = [f"{len(flows)} flows read again", *(f"{one['flow']}: {one['reason']}" for one in refused)]
    show(options, {"flows": len(flows), "invalid": refused}, "\n".join(told))
    return 1 if refused else 0


def run_reencrypt(options: argparse.Namespace) -> int:
    """Encrypt anew what previous keys encrypted; with or without a running server."""
    from flowdeck.cli.engine_link import EngineLink
    from flowdeck.engine.reencryption import changes, cipher_of, renew_files
    from flowdeck.storage.encryption import EncryptionError
    from flowdeck.storage.local import LocalStorage

    settings = settings_of(options)
    try:
        cipher = cipher_of(settings)
    except EncryptionError as error:
        print(f"flowdeck: {error}", file=sys.stderr)
        return 1
    if cipher is None or not settings.get("kestra.encryption.previous-keys"):
        print("flowdeck: kestra.encryption.previous-keys names no key, or there is none now", file=sys.stderr)
        return 1
    count = 0
    with EngineLink(settings) as link:
        for page in changes(link.database, cipher):
            count += link.send("encryption.renew", {"rows": page})
        files = renew_files(link.database, LocalStorage(settings.storage_path), cipher)
    show(options, {"values": count, "files": files}, f"{count} values and {files} files are under the present key")
    return 0


def run_submit(options: argparse.Namespace) -> int:
    """Start queued executions; needs the running engine."""
    from flowdeck.cli.engine_link import EngineLink
    from flowdeck.model.errors import DomainError
    from flowdeck.model.states import State

    started: list[str] = []
    refused: list[dict[str, str]] = []
    with EngineLink(settings_of(options)) as link:
        with link.database.reader() as reader:
            rows = reader.all(
                "select id, tenant from execution where state = :queued order by seq", queued=State.QUEUED.value
            )
            waiting = [(row["id"], row["tenant"]) for row in rows]
        for identity, tenant in waiting:
            try:
                link.send("execution.unqueue", {"tenant": tenant, "id": identity})
                started.append(identity)
            except DomainError as error:
                refused.append({"id": identity, "reason": error.message})
    told = [f"{len(started)} executions started", *(f"{one['id']}: {one['reason']}" for one in refused)]
    show(options, {"started": started, "refused": refused}, "\n".join(told))
    return 1 if refused else 0


def run_states(options: argparse.Namespace) -> int:
    """Say that there is nothing to do."""
    show(options, {"migrated": 0}, "nothing to do: states of tasks are KV pairs already")
    return 0
