"""Fill a running instance with flows, executions in every state, KV pairs and files – through REST only.

Address and account come from `KESTRA_BASE_URL`, `KESTRA_USERNAME` and `KESTRA_PASSWORD`; without them it is the
instance of `make serve`, whose first account is made when there is none. Run it again for more executions.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import yaml

FLOWS = Path(__file__).with_name("seed_flows.yaml")
USERNAME, PASSWORD = "admin@example.com", "Flowdeck1"

STATES = ["CREATED", "QUEUED", "RUNNING", "PAUSED", "BREAKPOINT", "RETRYING", "RESTARTED", "KILLING"]
STATES += ["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED"]

KV: list[tuple[str, str, Any, dict[str, str]]] = [
    ("company", "currency", '"EUR"', {"description": "What all totals are stated in"}),
    ("company.data", "watermark", "2026-11-20T06:00:00Z", {"description": "Orders are loaded up to this instant"}),
    ("company.data", "regions", '["emea", "apac", "amer"]', {}),
    ("company.data", "limits", '{"rows": 5000, "late": {"minutes": 30, "warn": true}}', {"description": "Of a load"}),
    ("company.data", "dry_run", "false", {}),
    ("company.data", "lease", '"worker-1"', {"ttl": "PT2H", "description": "Gone after two hours"}),
    ("company.finance", "last_statement", "17", {}),
    ("company.finance", "closing_day", "2026-11-30", {"description": "Books close on this day"}),
    ("company.platform", "cool_down", "PT15M", {}),
    ("company.marketing", "greeting", '"Bonjour, 你好, שלום"', {"description": "Zeichen aller Art"}),
]

FILES: list[tuple[str, str, str]] = [
    ("company.data", "queries/orders.sql", "select region, count(*) as orders\nfrom orders\ngroup by region;\n"),
    ("company.data", "queries/customers.sql", "select *\nfrom customers\nwhere changed > :since;\n"),
    (
        "company.data",
        "scripts/clean.py",
        'def clean(row: dict) -> dict:\n    """Without empty fields."""\n'
        "    return {key: value for key, value in row.items() if value}\n",
    ),
    ("company.data", "scripts/lib/dates.py", "from datetime import date\n\nTODAY = date.today()\n"),
    ("company.data", "config/regions.json", '{\n  "emea": ["DE", "FR"],\n  "apac": ["JP"],\n  "amer": ["US"]\n}\n'),
    ("company.data", "README.md", "# Data\n\nQueries and scripts of the data team.\n"),
    ("company.finance", "templates/invoice.html", "<h1>Invoice {{ number }}</h1>\n"),
    ("company.platform", "deploy.sh", "#!/bin/sh\nset -eu\necho rolling out\n"),
]


class Instance:
    """The instance that is filled."""

    def __init__(self, url: str, username: str, password: str, tenant: str) -> None:
        self.tenant = tenant
        self.http = httpx.Client(base_url=url, auth=(username, password), timeout=60)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Answer of a call below the tenant; `SystemExit` with the server's words when it refuses."""
        answer = self.http.request(method, f"/api/v1/{self.tenant}{path}", **options)
        if answer.status_code >= 400:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:600]}")
        return answer.json() if answer.content else None

    def set_up(self, username: str, password: str) -> None:
        """Make the first account when there is none."""
        if not self.http.get("/api/v1/configs").json().get("isBasicAuthInitialized"):
            self.call("POST", "/basicAuth", json={"username": username, "password": password})
            print(f"account {username} / {password}")

    def start(self, flow: str, labels: dict[str, str] | None = None, **inputs: Any) -> str:
        """Start an execution of `namespace/flow`; answer its id."""
        query = [("labels", f"{key}:{value}") for key, value in (labels or {}).items()]
        query += [(name, inputs.pop(name)) for name in ("scheduleDate", "breakpoints") if name in inputs]
        form = [(key, (None, str(value))) for key, value in inputs.items()]
        return self.call("POST", f"/executions/{flow}", params=query, files=form or None)["id"]

    def state(self, execution: str) -> str:
        """Current state."""
        return self.call("GET", f"/executions/{execution}")["state"]["current"]

    def until(self, execution: str, *states: str, seconds: float = 20) -> None:
        """Wait until it is in one of the states, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while self.state(execution) not in states and time.monotonic() < deadline:
            time.sleep(0.1)


def flows(instance: Instance) -> int:
    """Save every flow, and a few revisions of one."""
    documents = [text.strip() + "\n" for text in FLOWS.read_text().split("\n---\n")[1:]]
    for source in documents:
        head = yaml.safe_load(source)
        path = f"/flows/{head['namespace']}/{head['id']}"
        known = instance.http.get(f"/api/v1/{instance.tenant}{path}").status_code == 200
        media = {"Content-Type": "application/x-yaml"}
        instance.call("PUT" if known else "POST", path if known else "/flows", content=source, headers=media)
        if head["id"] == "orders_ingest" and not known:
            for limit in (1, 2, 3):
                instance.call("PUT", path, content=source.replace("limit: 3", f"limit: {limit}"), headers=media)
    return len(documents)


def pairs_and_files(instance: Instance) -> None:
    """KV pairs of every type and namespace files."""
    for namespace, key, value, headers in KV:
        encoded = {name: text.encode() for name, text in headers.items()}
        instance.call(
            "PUT",
            f"/namespaces/{namespace}/kv/{key}",
            content=value.encode(),
            headers={"Content-Type": "text/plain", **encoded},
        )
    for namespace, path, text in FILES:
        content = {"fileContent": (path.rpartition("/")[2], text.encode())}
        instance.call("POST", f"/namespaces/{namespace}/files", params={"path": f"/{path}"}, files=content)


def bulk(instance: Instance, count: int, seed: int) -> None:
    """Start `count` executions of short flows, eight at a time."""
    dice = random.Random(seed)
    plans: list[tuple[str, dict[str, str], dict[str, Any]]] = []
    for number in range(count):
        kind = dice.random()
        labels = {"customer": dice.choice(["acme", "globex", "initech", "umbrella"])}
        if kind < 0.35:
            plans.append(("tutorial/hello_world", labels, {}))
        elif kind < 0.6:
            plans.append(("company.finance/invoices_load", labels, {"amount": number}))
        elif kind < 0.75:
            plans.append(("company.marketing/country_switch", {}, {"country": dice.choice(["FR", "DE", "ES"])}))
        elif kind < 0.85:
            plans.append(("company.data/customers_sync", labels, {}))
        elif kind < 0.93:
            plans.append(("company.finance/payroll_check", {}, {}))
        else:
            plans.append(("company.data/orders_ingest", labels | {"team": "data"}, {}))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda plan: instance.start(plan[0], plan[1], **plan[2]), plans))


def every_state(instance: Instance) -> None:
    """One execution at least in each state that lasts."""
    start = instance.start
    start("company.marketing/all_inputs", {"state": "success"})
    start("company.data.reports/orders_report")
    start("company.platform/parent_of_orders")
    start("company.platform/wide_fan", {"size": "wide"})
    start("company.platform/chatty")
    start("company.platform/patient_call")
    start("company.platform/nightly_backup", {"why": "to look at"})
    waiting = [start("company.platform/release_approval", version=f"1.4.{patch}") for patch in range(4)]
    killed = [start("company.platform/nightly_backup") for _ in range(2)]
    start("company.platform/exclusive_import", duration="PT30M")
    for _ in range(3):
        start("company.platform/exclusive_import", duration="PT1S")
    start("company.platform/impatient_import", duration="PT2S")
    start("company.platform/impatient_import", duration="PT1S")
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
    start("tutorial/hello_world", {"when": "tomorrow"}, scheduleDate=later)
    start("company.data/customers_sync", {"why": "debugging"}, breakpoints="compare")
    for execution in killed:
        instance.until(execution, "RUNNING")
        instance.call("DELETE", f"/executions/{execution}/kill")
    instance.until(waiting[0], "PAUSED")
    answer = [("approved", (None, "true")), ("reason", (None, "looks good"))]
    instance.call("POST", f"/executions/{waiting[0]}/resume", files=answer)
    instance.until(waiting[1], "PAUSED")
    instance.call("POST", f"/executions/{waiting[1]}/resume", files=[("approved", (None, "false"))])


def summary(instance: Instance) -> dict[str, int]:
    """Executions by state."""
    found: Counter[str] = Counter()
    for state in STATES:
        query = {"filters[state][EQUALS]": state, "size": 1}
        found[state] = instance.call("GET", "/executions/search", params=query)["total"]
    return {state: count for state, count in found.items() if count}


def main() -> int:
    """Fill the instance."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    environment = os.environ
    port = environment.get("FLOWDECK_PORT", "8080")
    options.add_argument("--url", default=environment.get("KESTRA_BASE_URL", f"http://localhost:{port}"))
    options.add_argument("--username", default=environment.get("KESTRA_USERNAME", USERNAME))
    options.add_argument("--password", default=environment.get("KESTRA_PASSWORD", PASSWORD))
    options.add_argument("--tenant", default="main")
    options.add_argument("--executions", type=int, default=300, help="how many short executions (default 300)")
    options.add_argument("--seed", type=int, default=1, help="of the random choice (default 1)")
    chosen = options.parse_args()
    began = time.monotonic()
    instance = Instance(chosen.url, chosen.username, chosen.password, chosen.tenant)
    try:
        instance.set_up(chosen.username, chosen.password)
        print(f"{flows(instance)} flows")
        pairs_and_files(instance)
        print(f"{len(KV)} KV pairs, {len(FILES)} files")
        every_state(instance)
        bulk(instance, chosen.executions, chosen.seed)
        print(f"executions: {json.dumps(summary(instance))}")
    except httpx.HTTPError as error:
        print(f"{chosen.url}: {error}", file=sys.stderr)
        return 1
    print(f"done in {time.monotonic() - began:.1f} s, see {chosen.url}/ui/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
