"""Flows for the executor: heads and parsed revisions from the database, kept while they are used."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flowdeck.model.engine.plan import Plan
from flowdeck.model.flow import Flow
from flowdeck.store.driver import Database, Reader
from flowdeck.store.queries import namespaces as queries

log = logging.getLogger("flowdeck.executor")

CAPACITY = 1_000
"""Plans kept; those of live executions are held by these anyway."""

Parse = Callable[[str, str, int, Sequence[Mapping[str, Any]]], "Flow | None"]
"""`(source, tenant, revision, plugin defaults of the namespaces)` → the flow, None when it does not parse."""


class PlanStore:
    """Finds plans; `tx` is set while a step is open, so that a flow saved in the same step is seen."""

    def __init__(self, database: Database, parse: Parse) -> None:
        self._database = database
        self._parse = parse
        self._heads: dict[tuple[str, str, str], tuple[int, int, bool, bool]] = {}
        self._plans: OrderedDict[tuple[int, int], Plan] = OrderedDict()
        self._variables: dict[tuple[str, str], dict[str, Any]] = {}
        self.tx: Reader | None = None

    def changed(self) -> None:
        """A flow was saved, disabled or deleted: heads are read again."""
        self._heads.clear()

    def namespaces_changed(self) -> None:
        """Variables or plugin defaults of a namespace changed: plans still to be made have the new defaults, all
        executions see the new variables.
        """
        self._plans.clear()
        for (tenant, namespace), variables in self._variables.items():
            variables.clear()
            variables.update(queries.variables_of(self._chain(tenant, namespace)))

    def plan(self, tenant: str, namespace: str, flow_id: str, revision: int | None = None) -> Plan:
        """The plan of a revision, by default of the latest.

        Raises LookupError: `unknown`, or the reason why the flow can't run.
        """
        head = self.head(tenant, namespace, flow_id)
        if head is None:
            raise LookupError("unknown")
        flow_key, latest, disabled, deleted = head
        if deleted and revision is None:
            raise LookupError("unknown")
        plan = self.by_key(flow_key, revision or latest, tenant)
        if disabled and not plan.flow.disabled and revision is None:
            raise LookupError(f"Flow '{namespace}'.'{flow_id}' is disabled")
        return plan

    def head(self, tenant: str, namespace: str, flow_id: str) -> tuple[int, int, bool, bool] | None:
        """Key, latest revision, disabled, deleted."""
        name = (tenant, namespace, flow_id)
        head = self._heads.get(name)
        if head is None:
            row = self._one(
                "select flow_key, revision, disabled, deleted from flow where tenant = ? and namespace = ? and id = ?",
                *name,
            )
            if row is None:
                return None
            head = self._heads[name] = (row[0], row[1], bool(row[2]), bool(row[3]))
        return head

    def by_key(self, flow_key: int, revision: int, tenant: str) -> Plan:
        """The plan of a flow's revision; LookupError when it is missing or does not parse."""
        plan = self._plans.get((flow_key, revision))
        if plan is not None:
            self._plans.move_to_end((flow_key, revision))
            return plan
        row = self._one(
            "select r.source, f.namespace from flow_revision r join flow f on f.flow_key = r.flow_key"
            " where r.flow_key = ? and r.revision = ?",
            flow_key,
            revision,
        )
        if row is None:
            raise LookupError("unknown")
        above = self._chain(tenant, row[1])
        defaults = queries.defaults_of(above)
        flow = self._parse(row[0], tenant, revision, defaults)
        if flow is None:
            raise LookupError(f"Cannot execute an invalid flow: revision {revision} can't be read any more")
        plan = self._plans[flow_key, revision] = Plan(flow, flow_key)
        plan.defaults = defaults_stamp(defaults)
        plan.namespace = self._variables.setdefault((tenant, row[1]), {})
        if not plan.namespace:
            plan.namespace.update(queries.variables_of(above))
        while len(self._plans) > CAPACITY:
            self._plans.popitem(last=False)
        return plan

    def _chain(self, tenant: str, namespace: str) -> list[Any]:
        if self.tx is not None:
            return queries.chain(self.tx, tenant, namespace)
        with self._database.reader() as reader:
            return queries.chain(reader, tenant, namespace)

    def _one(self, text: str, *params: Any) -> Any:
        if self.tx is not None:
            return self.tx.one(text, *params)
        with self._database.reader() as reader:
            return reader.one(text, *params)


def defaults_stamp(defaults: Sequence[Mapping[str, Any]]) -> str:
    """A short name of the plugin defaults that a plan was made with, "" for none: workers keep flows by it."""
    if not defaults:
        return ""
    return hashlib.sha1(json.dumps(defaults, sort_keys=True, default=str).encode()).hexdigest()[:12]


def parser(catalog: Any, defaults: Sequence[Mapping[str, Any]] = ()) -> Parse:
    """Read stored sources with the model's parser, leniently: what was saved once must run."""
    from flowdeck.model.source import constraints_text, parse_flow

    instance = [{**entry, "level": queries.INSTANCE_LEVEL} for entry in defaults]

    def parse(source: str, tenant: str, revision: int, near: Sequence[Mapping[str, Any]] = ()) -> Flow | None:
        parsed = parse_flow(
            source, catalog, tenant=tenant, revision=revision, strict=False, defaults=[*near, *instance]
        )
        if parsed.flow is None:
            text = constraints_text(parsed.findings) or "it can't be read any more"
            raise LookupError(f"Cannot execute an invalid flow: revision {revision}: {text}"[:1000])
        for finding in parsed.findings:
            if finding.rule == "plugin-default-forced":
                log.warning("flow %s.%s, %s: %s", parsed.namespace, parsed.id, finding.path, finding.message)
        return parsed.flow

    return parse
