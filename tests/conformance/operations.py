"""The 187 operations of the open edition, as its published contract lists them: our own copy, to be held against.

One line an operation: method, path (`{T}` = `/api/v1/{tenant}`), operationId, permission (kind:action, `-` for none;
F16), and the test that calls it, `test_operations_<file>::<function>`.
"""

from __future__ import annotations

from typing import NamedTuple


class Listed(NamedTuple):
    """One operation that clients rely on."""

    method: str
    path: str
    id: str
    permission: str
    test: str


_TABLE = """
GET {T}/concurrency-limit/search searchConcurrencyLimits FLOW:READ flows::test_concurrency_limits
PUT {T}/concurrency-limit/{namespace}/{flowId} updateConcurrencyLimit FLOW:UPDATE flows::test_concurrency_limits
POST {T}/flows createFlow FLOW:CREATE flows::test_create_read_update_delete
POST {T}/flows/bulk bulkUpdateFlows FLOW:UPDATE flows::test_namespaces_and_tenants_are_written_whole
DELETE {T}/flows/delete/by-ids deleteFlowsByIds FLOW:DELETE flows::test_many_at_once
DELETE {T}/flows/delete/by-query deleteFlowsByQuery FLOW:DELETE flows::test_many_at_once
GET {T}/flows/deprecated listDeprecated FLOW:READ flows::test_lists_and_searches
POST {T}/flows/disable/by-ids disableFlowsByIds FLOW:UPDATE executions::test_creation
POST {T}/flows/disable/by-query disableFlowsByQuery FLOW:UPDATE flows::test_many_at_once
GET {T}/flows/distinct-namespaces listDistinctNamespaces FLOW:ANY flows::test_lists_and_searches
POST {T}/flows/enable/by-ids enableFlowsByIds FLOW:UPDATE executions::test_creation
POST {T}/flows/enable/by-query enableFlowsByQuery FLOW:UPDATE flows::test_many_at_once
POST {T}/flows/export/by-ids exportFlowsByIds FLOW:READ flows::test_export_and_import
GET {T}/flows/export/by-query exportFlowsByQuery FLOW:READ flows::test_export_and_import
GET {T}/flows/export/by-query/csv exportFlows FLOW:READ flows::test_export_and_import
POST {T}/flows/graph generateFlowGraphFromSource FLOW:ANY flows::test_graphs_and_dependencies
POST {T}/flows/import importFlows FLOW:CREATE flows::test_export_and_import
GET {T}/flows/search searchFlows FLOW:READ flows::test_lists_and_searches
GET {T}/flows/source searchFlowsBySourceCode FLOW:READ flows::test_lists_and_searches
POST {T}/flows/validate validateFlows FLOW:ANY flows::test_validations
POST {T}/flows/validate/task validateTask FLOW:ANY flows::test_validations
POST {T}/flows/validate/trigger validateTrigger FLOW:ANY flows::test_validations
GET {T}/flows/{namespace} listFlowsByNamespace FLOW:READ flows::test_lists_and_searches
POST {T}/flows/{namespace} updateFlowsInNamespace FLOW:CREATE flows::test_namespaces_and_tenants_are_written_whole
GET {T}/flows/{namespace}/{id} getFlow FLOW:READ flows::test_create_read_update_delete
PUT {T}/flows/{namespace}/{id} updateFlow FLOW:UPDATE flows::test_create_read_update_delete
DELETE {T}/flows/{namespace}/{id} deleteFlow FLOW:DELETE flows::test_create_read_update_delete
GET {T}/flows/{namespace}/{id}/dependencies getFlowDependencies FLOW:READ flows::test_graphs_and_dependencies
GET {T}/flows/{namespace}/{id}/graph generateFlowGraph FLOW:READ flows::test_graphs_and_dependencies
GET {T}/flows/{namespace}/{id}/revisions listFlowRevisions FLOW:READ flows::test_create_read_update_delete
DELETE {T}/flows/{namespace}/{id}/revisions deleteRevisions FLOW:DELETE flows::test_create_read_update_delete
GET {T}/flows/{namespace}/{id}/tasks/{taskId} getTaskFromFlow FLOW:READ flows::test_tasks_of_a_flow
PATCH {T}/flows/{namespace}/{id}/{taskId} updateTask FLOW:UPDATE flows::test_tasks_of_a_flow
GET {T}/namespaces/{namespace}/dependencies getFlowDependenciesFromNamespace FLOW:READ flows::test_graphs_and_dependencies
GET {T}/executions searchExecutionsByFlowId EXECUTION:READ executions::test_reading
GET {T}/executions/export/by-query/csv exportExecutions EXECUTION:READ executions::test_reading
GET {T}/executions/flows/{namespace}/{flowId} getFlowFromExecution EXECUTION:READ executions::test_reading
POST {T}/executions/latest getLatestExecutions EXECUTION:ANY executions::test_reading
GET {T}/executions/namespaces listExecutableDistinctNamespaces EXECUTION:CREATE executions::test_reading
GET {T}/executions/namespaces/{namespace}/flows listFlowExecutionsByNamespace EXECUTION:CREATE executions::test_reading
GET {T}/executions/search searchExecutions EXECUTION:READ executions::test_reading
POST {T}/executions/trigger/{namespace}/{id} triggerExecution EXECUTION:CREATE executions::test_creation
GET {T}/executions/webhook/{namespace}/{id}/{key} triggerExecutionByGetWebhook - executions::test_webhooks
PUT {T}/executions/webhook/{namespace}/{id}/{key} triggerExecutionByPutWebhook - executions::test_webhooks
POST {T}/executions/webhook/{namespace}/{id}/{key} triggerExecutionByPostWebhook - executions::test_webhooks
GET {T}/executions/webhook/{namespace}/{id}/{key}/{path} triggerExecutionByGetWebhookWithPath - executions::test_webhooks
PUT {T}/executions/webhook/{namespace}/{id}/{key}/{path} triggerExecutionByPutWebhookWithPath - executions::test_webhooks
POST {T}/executions/webhook/{namespace}/{id}/{key}/{path} triggerExecutionByPostWebhookWithPath - executions::test_webhooks
GET {T}/executions/{executionId} getExecution EXECUTION:READ executions::test_reading
DELETE {T}/executions/{executionId} deleteExecution EXECUTION:DELETE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/change-status updateExecutionStatus EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/eval evalExpression EXECUTION:READ executions::test_expressions
POST {T}/executions/{executionId}/eval/{taskRunId} evalTaskRunExpression FLOW:UPDATE executions::test_expressions
GET {T}/executions/{executionId}/file downloadFileFromExecution EXECUTION:READ executions::test_files
GET {T}/executions/{executionId}/file/metas getFileMetadatasFromExecution EXECUTION:READ executions::test_files
GET {T}/executions/{executionId}/file/preview previewFileFromExecution EXECUTION:READ executions::test_files
GET {T}/executions/{executionId}/flow getFlowFromExecutionById EXECUTION:READ executions::test_reading
GET {T}/executions/{executionId}/follow followExecution EXECUTION:READ executions::test_streams
GET {T}/executions/{executionId}/follow-dependencies followDependenciesExecutions EXECUTION:READ executions::test_streams
POST {T}/executions/{executionId}/force-run forceRunExecution EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
GET {T}/executions/{executionId}/graph getExecutionFlowGraph EXECUTION:READ executions::test_reading
DELETE {T}/executions/{executionId}/kill killExecution EXECUTION:UPDATE executions::test_creation
POST {T}/executions/{executionId}/labels setLabelsOnTerminatedExecution EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/pause pauseExecution EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/replay replayExecution EXECUTION:CREATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/replay-with-inputs replayExecutionWithinputs EXECUTION:CREATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/restart restartExecution EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/resume resumeExecution EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/resume-from-breakpoint resumeExecutionFromBreakpoint EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/resume/validate validateResumeExecutionInputs EXECUTION:ANY executions::test_actions_of_a_running_execution
POST {T}/executions/{executionId}/state updateTaskRunState EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{executionId}/unqueue unqueueExecution EXECUTION:UPDATE executions::test_actions_of_an_ended_execution
POST {T}/executions/{namespace}/{id} createExecution EXECUTION:CREATE executions::test_creation
POST {T}/executions/{namespace}/{id}/validate validateNewExecutionInputs EXECUTION:ANY executions::test_creation
DELETE {T}/executions/by-ids deleteExecutionsByIds EXECUTION:DELETE executions::test_bulk_by_ids_is_all_or_nothing
DELETE {T}/executions/by-query deleteExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/change-status/by-ids updateExecutionsStatusByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/change-status/by-query updateExecutionsStatusByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/force-run/by-ids forceRunByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/force-run/by-query forceRunExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
DELETE {T}/executions/kill/by-ids killExecutionsByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
DELETE {T}/executions/kill/by-query killExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/labels/by-ids setLabelsOnTerminatedExecutionsByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/labels/by-query setLabelsOnTerminatedExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/pause/by-ids pauseExecutionsByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/pause/by-query pauseExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/replay/by-ids replayExecutionsByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/replay/by-query replayExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/restart/by-ids restartExecutionsByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/restart/by-query restartExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/resume/by-ids resumeExecutionsByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/resume/by-query resumeExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
POST {T}/executions/unqueue/by-ids unqueueExecutionsByIds EXECUTION:UPDATE executions::test_bulk_by_ids_is_all_or_nothing
POST {T}/executions/unqueue/by-query unqueueExecutionsByQuery EXECUTION:ANY executions::test_bulk_by_query_takes_what_fits
GET {T}/logs/search searchLogs EXECUTION:ANY data::test_logs
GET {T}/logs/{executionId} listLogsFromExecution EXECUTION:READ data::test_logs
DELETE {T}/logs/{executionId} deleteLogsFromExecution EXECUTION:DELETE data::test_logs
GET {T}/logs/{executionId}/download downloadLogsFromExecution EXECUTION:READ data::test_logs
GET {T}/logs/{executionId}/follow followLogsFromExecution EXECUTION:READ executions::test_streams
DELETE {T}/logs/{namespace}/{flowId} deleteLogsFromFlow EXECUTION:ANY data::test_logs
GET {T}/metrics/aggregates/{namespace}/{flowId}/{metric} aggregateMetricsFromFlow EXECUTION:READ data::test_metrics
GET {T}/metrics/aggregates/{namespace}/{flowId}/{taskId}/{metric} aggregateMetricsFromTask EXECUTION:READ data::test_metrics
GET {T}/metrics/names/{namespace}/{flowId} listFlowMetrics EXECUTION:READ data::test_metrics
GET {T}/metrics/names/{namespace}/{flowId}/{taskId} listTaskMetrics EXECUTION:READ data::test_metrics
GET {T}/metrics/tasks/{namespace}/{flowId} listTasksWithMetrics EXECUTION:READ data::test_metrics
GET {T}/metrics/{executionId} searchByExecution EXECUTION:READ data::test_metrics
PUT {T}/triggers updateTrigger EXECUTION:ANY triggers::test_one_trigger
POST {T}/triggers/backfill/delete deleteBackfill EXECUTION:ANY triggers::test_backfills
POST {T}/triggers/backfill/delete/by-query deleteBackfillByQuery EXECUTION:ANY triggers::test_many_at_once
POST {T}/triggers/backfill/delete/by-triggers deleteBackfillByIds EXECUTION:ANY triggers::test_many_at_once
PUT {T}/triggers/backfill/pause pauseBackfill EXECUTION:ANY triggers::test_backfills
POST {T}/triggers/backfill/pause/by-query pauseBackfillByQuery EXECUTION:ANY triggers::test_many_at_once
POST {T}/triggers/backfill/pause/by-triggers pauseBackfillByIds EXECUTION:ANY triggers::test_many_at_once
PUT {T}/triggers/backfill/unpause unpauseBackfill EXECUTION:ANY triggers::test_backfills
POST {T}/triggers/backfill/unpause/by-query unpauseBackfillByQuery EXECUTION:ANY triggers::test_many_at_once
POST {T}/triggers/backfill/unpause/by-triggers unpauseBackfillByIds EXECUTION:ANY triggers::test_many_at_once
DELETE {T}/triggers/delete/by-query deleteTriggersByQuery EXECUTION:ANY triggers::test_many_at_once
DELETE {T}/triggers/delete/by-triggers deleteTriggersByIds EXECUTION:ANY triggers::test_many_at_once
GET {T}/triggers/export/by-query/csv exportTriggers FLOW:READ triggers::test_reading
GET {T}/triggers/search searchTriggers FLOW:READ triggers::test_reading
POST {T}/triggers/set-disabled/by-query disabledTriggersByQuery EXECUTION:ANY triggers::test_many_at_once
POST {T}/triggers/set-disabled/by-triggers disabledTriggersByIds EXECUTION:ANY triggers::test_many_at_once
POST {T}/triggers/unlock/by-query unlockTriggersByQuery EXECUTION:ANY triggers::test_many_at_once
POST {T}/triggers/unlock/by-triggers unlockTriggersByIds EXECUTION:ANY triggers::test_many_at_once
GET {T}/triggers/{namespace}/{flowId} searchTriggersForFlow FLOW:READ triggers::test_reading
DELETE {T}/triggers/{namespace}/{flowId}/{triggerId} deleteTrigger EXECUTION:ANY triggers::test_one_trigger
POST {T}/triggers/{namespace}/{flowId}/{triggerId}/restart restartTrigger EXECUTION:ANY triggers::test_one_trigger
POST {T}/triggers/{namespace}/{flowId}/{triggerId}/unlock unlockTrigger EXECUTION:ANY triggers::test_one_trigger
GET {T}/kv listAllKeys KVSTORE:ANY data::test_pairs
GET {T}/namespaces/{namespace}/kv listKeys KVSTORE:READ data::test_pairs
DELETE {T}/namespaces/{namespace}/kv deleteKeyValues KVSTORE:DELETE data::test_pairs
GET {T}/namespaces/{namespace}/kv/inheritance listKeysWithInheritence KVSTORE:READ data::test_pairs
GET {T}/namespaces/{namespace}/kv/{key} getKeyValue KVSTORE:READ data::test_pairs
PUT {T}/namespaces/{namespace}/kv/{key} setKeyValue KVSTORE:CREATE|UPDATE data::test_pairs
DELETE {T}/namespaces/{namespace}/kv/{key} deleteKeyValue KVSTORE:DELETE data::test_pairs
GET {T}/namespaces/{namespace}/files getFileContent FLOW:READ data::test_files
PUT {T}/namespaces/{namespace}/files moveFileDirectory FLOW:UPDATE data::test_files
POST {T}/namespaces/{namespace}/files createNamespaceFile FLOW:CREATE data::test_files
DELETE {T}/namespaces/{namespace}/files deleteFileDirectory FLOW:DELETE data::test_files
GET {T}/namespaces/{namespace}/files/directory listNamespaceDirectoryFiles FLOW:READ data::test_files
POST {T}/namespaces/{namespace}/files/directory createNamespaceDirectory FLOW:CREATE data::test_files
GET {T}/namespaces/{namespace}/files/export exportNamespaceFiles FLOW:READ data::test_files
GET {T}/namespaces/{namespace}/files/revisions getFileRevisions FLOW:READ data::test_files
GET {T}/namespaces/{namespace}/files/search searchNamespaceFiles FLOW:READ data::test_files
GET {T}/namespaces/{namespace}/files/stats getFileMetadatas FLOW:READ data::test_files
POST {T}/namespaces/autocomplete autocompleteNamespaces NAMESPACE:READ data::test_namespaces
GET {T}/namespaces/search searchNamespaces NAMESPACE:READ data::test_namespaces
GET {T}/namespaces/{id} getNamespace NAMESPACE:READ data::test_namespaces
GET {T}/namespaces/{namespace}/inherited-secrets getInheritedSecrets SECRET:READ data::test_secrets
GET {T}/namespaces/{namespace}/secrets listNamespaceSecrets SECRET:READ data::test_secrets
GET {T}/secrets listSecrets SECRET:ANY data::test_secrets
GET {T}/dashboards searchDashboards DASHBOARD:READ instance::test_dashboards
POST {T}/dashboards createDashboard DASHBOARD:CREATE instance::test_dashboards
POST {T}/dashboards/charts/export/to-csv exportChartToCsv DASHBOARD:ANY instance::test_dashboards
POST {T}/dashboards/charts/preview previewChart DASHBOARD:ANY instance::test_dashboards
POST {T}/dashboards/validate validateDashboard DASHBOARD:ANY instance::test_dashboards
POST {T}/dashboards/validate/chart validateChart DASHBOARD:ANY instance::test_dashboards
GET {T}/dashboards/{id} getDashboard DASHBOARD:READ instance::test_dashboards
PUT {T}/dashboards/{id} updateDashboard DASHBOARD:UPDATE instance::test_dashboards
DELETE {T}/dashboards/{id} deleteDashboard DASHBOARD:DELETE instance::test_dashboards
POST {T}/dashboards/{id}/charts/{chartId} getDashboardChartData DASHBOARD:ANY instance::test_dashboards
POST {T}/dashboards/{id}/charts/{chartId}/export/to-csv exportDashboardChartDataToCSV DASHBOARD:ANY instance::test_dashboards
GET /api/v1/plugins listPlugins - instance::test_plugins
GET /api/v1/plugins/groups/subgroups getPluginBySubgroups - instance::test_plugins
GET /api/v1/plugins/icons getPluginIcons - instance::test_plugins
GET /api/v1/plugins/icons/groups getPluginGroupIcons - instance::test_plugins
GET /api/v1/plugins/inputs getAllInputTypes - instance::test_plugins
GET /api/v1/plugins/inputs/{type} getSchemaFromInputType - instance::test_plugins
GET /api/v1/plugins/properties/{type} getPropertiesFromType - instance::test_plugins
GET /api/v1/plugins/schemas/{type} getSchemasFromType - instance::test_plugins
GET /api/v1/plugins/{cls} getPluginDocumentation - instance::test_plugins
GET /api/v1/plugins/{cls}/versions getPluginVersions - instance::test_plugins
GET /api/v1/plugins/{cls}/versions/{version} getPluginDocumentationFromVersion - instance::test_plugins
GET {T}/blueprints/community/{kind} searchBlueprints - instance::test_blueprints
GET {T}/blueprints/community/{kind}/{id} getBlueprint - instance::test_blueprints
GET {T}/blueprints/community/{kind}/{id}/graph getBlueprintGraph - instance::test_blueprints
GET {T}/blueprints/community/{kind}/{id}/source getBlueprintSource - instance::test_blueprints
GET {T}/blueprints/community/{kind}/tags listBlueprintTags - instance::test_blueprints
POST {T}/ai/generate/dashboard generateDashboard AI_COPILOT:ANY instance::test_without_ai_provider
POST {T}/ai/generate/flow generateFlow AI_COPILOT:ANY instance::test_without_ai_provider
GET {T}/ai/providers getProviders AI_COPILOT:ANY instance::test_without_ai_provider
GET /api/v1/basicAuthValidationErrors getBasicAuthConfigErrors - instance::test_instance
GET /api/v1/configs getConfiguration - instance::test_instance
GET /api/v1/pebble/filters getExpressionFilters - instance::test_plugins
GET /api/v1/pebble/functions getExpressionFunctions - instance::test_plugins
POST {T}/basicAuth createBasicAuth INSTANCE:UPDATE instance::test_instance
GET {T}/usages/all getUsages NAMESPACE:ANY instance::test_instance
"""

LISTED = tuple(Listed(*line.replace("{T}", "/api/v1/{tenant}").split(" ")) for line in _TABLE.strip().splitlines())
