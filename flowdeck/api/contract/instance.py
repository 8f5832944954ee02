"""Operations on the instance (spec: REST contract, operations)."""

from __future__ import annotations

from typing import Any

from flowdeck.api.contract.models.instance import (
    AiControllerAiProviderResponse,
    AiControllerDashboardGenerationPrompt,
    AiControllerFlowGenerationPrompt,
    BasicAuthCredentials,
    LoggedIn,
    Login,
    MiscControllerApiUsage,
    MiscControllerConfiguration,
)
from flowdeck.api.contract.operation import JSON, PLAIN_YAML, TEXT, URLENCODED, Body, Operation, gives, nothing, takes

OPERATIONS = (
    Operation(
        "POST",
        "/api/v1/{tenant}/ai/generate/dashboard",
        "generateDashboard",
        ("AI_COPILOT", "ANY"),
        body=takes(AiControllerDashboardGenerationPrompt),
        answers=gives(Any, PLAIN_YAML),
        errors=(409,),
    ),
    Operation(
        "POST",
        "/api/v1/{tenant}/ai/generate/flow",
        "generateFlow",
        ("AI_COPILOT", "ANY"),
        body=takes(AiControllerFlowGenerationPrompt),
        answers=gives(Any, PLAIN_YAML),
        errors=(409,),
    ),
    Operation(
        "GET",
        "/api/v1/{tenant}/ai/providers",
        "getProviders",
        ("AI_COPILOT", "ANY"),
        answers=gives(list[AiControllerAiProviderResponse]),
    ),
    Operation("GET", "/api/v1/basicAuthValidationErrors", "getBasicAuthConfigErrors", None, answers=gives(list[str])),
    Operation(
        "GET", "/api/v1/configs", "getConfiguration", None, answers=gives(MiscControllerConfiguration), anonymous=True
    ),
    Operation("GET", "/api/v1/pebble/filters", "getExpressionFilters", None, answers=gives(list[str])),
    Operation("GET", "/api/v1/pebble/functions", "getExpressionFunctions", None, answers=gives(list[str])),
    Operation(
        "POST",
        "/api/v1/{tenant}/basicAuth",
        "createBasicAuth",
        ("INSTANCE", "UPDATE"),
        body=takes(BasicAuthCredentials),
        answers=nothing(204),
    ),
    Operation(
        "GET", "/api/v1/{tenant}/usages/all", "getUsages", ("NAMESPACE", "ANY"), answers=gives(MiscControllerApiUsage)
    ),
    *(
        Operation(
            "POST",
            f"/api/v1/instance/maintenance/{word}",
            f"{word}Maintenance",
            ("INSTANCE", "UPDATE"),
            answers=gives(dict[str, Any]),
            ours=True,
        )
        for word in ("enter", "exit")
    ),
    Operation("GET", "/ping", "ping", None, answers=gives(str, TEXT), anonymous=True, ours=True),
    Operation(
        "POST",
        "/login",
        "login",
        None,
        body=Body({JSON: Login, URLENCODED: Login}),
        answers=gives(LoggedIn),
        errors=(423, 429),
        anonymous=True,
        ours=True,
    ),
    Operation("POST", "/logout", "logout", None, answers=nothing(204), anonymous=True, ours=True),
    Operation(
        "GET", "/swagger/flowdeck.yml", "openApiYaml", None, answers=gives(Any, PLAIN_YAML), anonymous=True, ours=True
    ),
    Operation("GET", "/api/v1/openapi.json", "openApi", None, answers=gives(dict[str, Any]), anonymous=True, ours=True),
    Operation("GET", "/api", "apiPage", None, answers=gives(str, "text/html"), anonymous=True, ours=True),
)
