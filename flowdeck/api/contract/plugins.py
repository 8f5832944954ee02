"""Operations on plugins and blueprints (spec: REST contract, operations)."""

from __future__ import annotations

from typing import Any

from flowdeck.api.contract.models.instance import (
    BlueprintControllerApiBlueprintItemWithSource,
    BlueprintControllerApiBlueprintTagItem,
    DocumentationWithSchema,
    InputType,
    PagedResultsBlueprintControllerApiBlueprintItem,
    Plugin,
    PluginControllerApiPluginVersions,
    PluginIcon,
)
from flowdeck.api.contract.operation import PAGES, PLAIN_YAML, Operation, Query, gives

OPERATIONS = (
    Operation("GET", "/api/v1/plugins", "listPlugins", None, answers=gives(list[Plugin])),
    Operation("GET", "/api/v1/plugins/groups/subgroups", "getPluginBySubgroups", None, answers=gives(list[Plugin])),
    Operation("GET", "/api/v1/plugins/icons", "getPluginIcons", None, answers=gives(dict[str, PluginIcon])),
    Operation("GET", "/api/v1/plugins/icons/groups", "getPluginGroupIcons", None, answers=gives(dict[str, PluginIcon])),
    Operation("GET", "/api/v1/plugins/inputs", "getAllInputTypes", None, answers=gives(list[InputType])),
    Operation(
        "GET", "/api/v1/plugins/inputs/{type}", "getSchemaFromInputType", None, answers=gives(DocumentationWithSchema)
    ),
    Operation("GET", "/api/v1/plugins/properties/{type}", "getPropertiesFromType", None, answers=gives(dict[str, Any])),
    Operation(
        "GET",
        "/api/v1/plugins/schemas/{type}",
        "getSchemasFromType",
        None,
        query=(Query("arrayOf", bool, default=False),),
        answers=gives(dict[str, Any]),
    ),
    Operation(
        "GET",
        "/api/v1/plugins/{cls}",
        "getPluginDocumentation",
        None,
        query=(Query("all", bool, default=False),),
        answers=gives(DocumentationWithSchema),
    ),
    Operation(
        "GET",
        "/api/v1/plugins/{cls}/versions",
        "getPluginVersions",
        None,
        answers=gives(PluginControllerApiPluginVersions),
    ),
    Operation(
        "GET",
        "/api/v1/plugins/{cls}/versions/{version}",
        "getPluginDocumentationFromVersion",
        None,
        query=(Query("all", bool, default=False),),
        answers=gives(DocumentationWithSchema),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/blueprints/community/{kind}",
        "searchBlueprints",
        None,
        query=(
            Query("q", str),
            Query("sort", str),
            Query("tags", list[str]),
            *PAGES,
        ),
        answers=gives(PagedResultsBlueprintControllerApiBlueprintItem),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/blueprints/community/{kind}/{id}",
        "getBlueprint",
        None,
        answers=gives(BlueprintControllerApiBlueprintItemWithSource),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/blueprints/community/{kind}/{id}/graph",
        "getBlueprintGraph",
        None,
        answers=gives(dict[str, Any]),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/blueprints/community/{kind}/{id}/source",
        "getBlueprintSource",
        None,
        answers=gives(Any, PLAIN_YAML),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/blueprints/community/{kind}/tags",
        "listBlueprintTags",
        None,
        query=(Query("q", str),),
        answers=gives(list[BlueprintControllerApiBlueprintTagItem]),
    ),
)
