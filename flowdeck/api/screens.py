"""What single screens of the console ask beside the REST contract (spec: ui §11.2, §13, §14)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from flowdeck.api.answers import Json, attachment, disposition
from flowdeck.api.bodies import json_object, text
from flowdeck.api.forms import uploaded
from flowdeck.api.parameters import Integer, PageDep, filters, flag
from flowdeck.api.security import CallerDep
from flowdeck.api.spreadsheets import Column, file_name, spreadsheet
from flowdeck.model.errors import IllegalArgument
from flowdeck.services import (
    administration,
    chart_figures,
    documentation,
    file_lines,
    flow_limits,
    flow_links,
    flow_transfer,
    kv,
    logs,
    namespace_files,
    namespaces,
    plugins,
    support,
    uses,
)

router = APIRouter(prefix="/api/v1/{tenant}/console", tags=["Console"])


@router.get("/secrets")
async def secrets(request: Request, caller: CallerDep, page: PageDep) -> Response:
    """Names of secrets with their last change and the number of flows that use them."""
    return Json(await uses.secrets(request.app.state.backend, caller, filters(request, "secrets"), page))


@router.get("/secrets/inherited")
async def inherited_secrets(request: Request, caller: CallerDep, namespace: str) -> Response:
    """The same of the namespaces above one."""
    return Json(await uses.inherited_secrets(request.app.state.backend, caller, namespace))


@router.get("/secrets/{key}/uses")
async def secret_uses(request: Request, caller: CallerDep, key: str, namespace: str = "") -> Response:
    """Flows that read a secret."""
    return Json(await uses.of_secret(request.app.state.backend, caller, key, namespace or None))


@router.get("/namespaces")
async def namespace_tree(request: Request, caller: CallerDep) -> Response:
    """All namespaces with counts of the last day (ui.md UI-NS-01)."""
    return Json(await namespaces.overview(request.app.state.backend, caller))


@router.get("/namespaces/{namespace}/dependencies")
async def namespace_dependencies(
    request: Request, caller: CallerDep, namespace: str, children: bool = True
) -> Response:
    """Flows that start one another, and those that do not; without `children` those of the namespace alone."""
    return Json(await flow_links.of_namespace(request.app.state.backend, caller, namespace, children=children))


@router.get("/namespaces/{namespace}/files/below")
async def files_below(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Files of the namespaces below one."""
    return Json(await namespace_files.of_children(request.app.state.backend, caller, namespace))


@router.get("/namespaces/{namespace}/files/versions")
async def file_versions(request: Request, caller: CallerDep, namespace: str, path: str) -> Response:
    """Kept versions of a file with their dates, newest first."""
    place = namespace_files.clean(path)
    return Json(await namespace_files.versions(request.app.state.backend, caller, namespace, place))


@router.get("/namespaces/{namespace}/lines")
async def file_lines_of(
    request: Request, caller: CallerDep, namespace: str, q: str = "", regex: bool = False, case: bool = False
) -> Response:
    """Lines of the files of a namespace that hold a text."""
    backend = request.app.state.backend
    return Json(await file_lines.search(backend, caller, namespace, q, as_regex=regex, case=case))


@router.post("/namespaces/{namespace}/lines/replace")
async def replace_in_files(request: Request, caller: CallerDep, namespace: str) -> Response:
    """Replace in files: `{q, by, regex, case, files: {path: version}}` (ui.md UI-NS-07)."""
    sent = await json_object(request)
    chosen = sent.get("files")
    if not isinstance(chosen, dict):
        raise IllegalArgument("files: a map of paths to versions is expected")
    found = await file_lines.replace(
        request.app.state.backend,
        caller,
        namespace,
        str(sent.get("q") or ""),
        str(sent.get("by") or ""),
        chosen,
        as_regex=sent.get("regex") is True,
        case=sent.get("case") is True,
    )
    return Json(found)


@router.get("/plugins/search")
async def search_plugins(request: Request, caller: CallerDep, q: str = "") -> Response:
    """Types by words, properties included."""
    return Json(plugins.search(request.app.state.backend, q[:200]))


@router.get("/plugins/absent")
async def absent_plugins(request: Request, caller: CallerDep) -> Response:
    """Types that published flows use and nothing here provides."""
    return Json(plugins.absent(request.app.state.backend))


@router.get("/plugins/{cls}/uses")
async def plugin_uses(request: Request, caller: CallerDep, cls: str) -> Response:
    """Flows and blueprints that use a type."""
    return Json(await uses.of_plugin(request.app.state.backend, caller, cls))


@router.get("/administration/services")
async def services(request: Request, caller: CallerDep) -> Response:
    """Components and lag."""
    return Json(await administration.services(request.app.state.backend, caller))


@router.get("/administration/about")
async def about(request: Request, caller: CallerDep) -> Response:
    """Version, machine, database, storage, configuration without secrets."""
    return Json(await support.about(request.app.state.backend, caller))


@router.get("/administration/bundle")
async def support_bundle(request: Request, caller: CallerDep) -> Response:
    """A ZIP for support; nothing secret is in it."""
    packed = await support.bundle(request.app.state.backend, caller)
    return attachment(packed, "flowdeck-support.zip", "application/zip")


@router.get("/administration/statistics")
async def statistics(request: Request, caller: CallerDep) -> Response:
    """Counters of the tenant."""
    return Json(await administration.statistics(request.app.state.backend, caller))


@router.get("/administration/limits")
async def limits(request: Request, caller: CallerDep) -> Response:
    """Flows with a concurrency limit."""
    return Json(await administration.limits(request.app.state.backend, caller))


@router.delete("/flows/{namespace}/{flow_id}/logs")
async def delete_flow_lines(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """Delete the lines of all executions and triggers of a flow."""
    await logs.delete_flow(request.app.state.backend, caller, namespace, flow_id)
    return Response(status_code=204)


@router.get("/flows/{namespace}/{flow_id}/concurrency")
async def flow_concurrency(request: Request, caller: CallerDep, namespace: str, flow_id: str) -> Response:
    """The limit of one flow, who holds a place and who waits."""
    return Json(await flow_limits.of_flow(request.app.state.backend, caller, namespace, flow_id))


@router.get("/administration/week")
async def week(request: Request, caller: CallerDep, days: Integer = 7) -> Response:
    """Starts of the schedules in the next days."""
    return Json(await administration.week(request.app.state.backend, caller, days))


@router.post("/schedules/words")
async def schedule_words(request: Request, caller: CallerDep) -> Response:
    """Cron expressions in words."""
    crons = (await json_object(request)).get("crons")
    return Json(administration.words(crons if isinstance(crons, list) else []))


@router.post("/flows/import/judge")
async def judge_import(request: Request, caller: CallerDep) -> Response:
    """What an import of a file would do, flow by flow."""
    backend = request.app.state.backend
    name, content = await uploaded(request, "fileUpload", "flows.yml", backend.config.max_part)
    return Json(await flow_transfer.judge(backend, caller, name, content))


@router.post("/flows/import")
async def import_flows(request: Request, caller: CallerDep) -> Response:
    """Create or update flows from a zip or YAML file: `{imported, refused: [{name, reason}]}` (ui.md UI-FL-06)."""
    backend = request.app.state.backend
    name, content = await uploaded(request, "fileUpload", "flows.yml", backend.config.max_part)
    fail = flag(request, "failOnError")
    done, refused = await flow_transfer.import_told(backend, caller, name, content, fail=fail)
    return Json({"imported": done, "refused": [{"name": label, "reason": reason} for label, reason in refused]})


@router.post("/dashboards/outline")
async def dashboard_outline(request: Request, caller: CallerDep) -> Response:
    """What a dashboard's source holds, as far as it can be read."""
    return Json(chart_figures.outline(request.app.state.backend, await text(request, 1024 * 1024)))


@router.get("/docs")
async def documents(caller: CallerDep, q: str = "") -> Response:
    """Pages of the bundled documentation, or those that have the words of `q`."""
    return Json(documentation.search(q[:200]) if q.strip() else documentation.listed())


@router.get("/docs/{path:path}")
async def document(caller: CallerDep, path: str) -> Response:
    """One page as Markdown."""
    return Json(documentation.page(path))


@router.get("/kv/held/{namespace}/{key}")
async def kv_held(request: Request, caller: CallerDep, namespace: str, key: str) -> Response:
    """A pair; a large value stays away until it is asked for by itself (ui.md UI-KV-03)."""
    return Json(await kv.held(request.app.state.backend, caller, namespace, key))


def _plain(pair: Any) -> str:
    value = pair.get("value")
    return value if isinstance(value, str) else json.dumps(value)


KV_COLUMNS: dict[str, Column] = {
    "namespace": lambda pair: pair["namespace"],
    "key": lambda pair: pair["key"],
    "type": lambda pair: pair.get("type"),
    "value": _plain,
    "description": lambda pair: pair.get("description"),
    "expirationDate": lambda pair: pair.get("expirationDate"),
}


@router.get("/kv/export")
async def export_kv(request: Request, caller: CallerDep, format: str = "json") -> Response:
    """The filtered pairs with their values as JSON or CSV, sent as they are read."""
    if format not in ("json", "csv"):
        raise IllegalArgument("format: json and csv are known")
    pairs = kv.exported(request.app.state.backend, caller, filters(request, "kv"))
    if format == "csv":
        pages = ([pair] async for pair in pairs)
        return await spreadsheet(request, "kv", caller.tenant, KV_COLUMNS, pages, columns=list(KV_COLUMNS))
    first = await anext(pairs, None)

    async def listed() -> AsyncIterator[bytes]:
        yield b"["
        if first:
            yield json.dumps(first, ensure_ascii=False, indent=2).encode()
        async for one in pairs:
            yield b",\n" + json.dumps(one, ensure_ascii=False, indent=2).encode()
        yield b"]\n"

    head = {"Content-Disposition": disposition(file_name(request, "kv", caller.tenant, format))}
    return StreamingResponse(listed(), media_type="application/json", headers=head)
