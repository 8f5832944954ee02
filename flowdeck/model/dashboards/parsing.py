"""From a dashboard's YAML to its document and to all that is wrong with it (spec: core plugins §12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from flowdeck.model.coerce import to_duration
from flowdeck.model.dashboards import charts as chart_types
from flowdeck.model.dashboards.data import MANY, NO_VALUE, FilterType, Source, source_of
from flowdeck.model.findings import Finding
from flowdeck.model.shapes import FieldSpec, Shape
from flowdeck.model.validation import Checker
from flowdeck.model.yaml_tree import SourceError, load

if TYPE_CHECKING:
    from flowdeck.model.catalog import Catalog

_FIELDS: Mapping[str, FieldSpec] = {f.spec.name: f.spec for f in chart_types.DashboardProperties.fields().values()}
_KINDS = {
    "text": "a text",
    "number": "a number",
    "date": "a date",
    "state": "a state",
    "level": "a level",
    "labels": "labels",
}
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
DEEPEST_OR = 8
CONDITIONS: tuple[str, ...] = get_args(FilterType)


@dataclass(frozen=True, slots=True)
class ParsedDashboard:
    """`document` is the dashboard, or the chart, as plain JSON; usable when no finding is an error."""

    document: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> list[Finding]:
        """Findings that prevent a save."""
        return [f for f in self.findings if f.is_error]

    @property
    def texts(self) -> list[str]:
        """The errors as `path: message`."""
        return [f"{f.path or 'source'}: {f.message}" for f in self.errors]


def parse_dashboard(source: str, catalog: Catalog) -> ParsedDashboard:
    """Parse and validate a dashboard; positions count from 1. Never raises on a user's text."""
    try:
        root = load(source)
    except SourceError as error:
        return ParsedDashboard({}, (_renamed(error.finding),))
    checker = Checker(source, catalog)
    document = checker.check_root(root, _FIELDS, "dashboard")
    _Rules(checker).dashboard(document)
    return ParsedDashboard(document, _sorted(checker.findings))


def parse_chart(source: str, catalog: Catalog) -> ParsedDashboard:
    """The same for the YAML of one chart; its paths start at the chart."""
    try:
        root = load(source)
    except SourceError as error:
        return ParsedDashboard({}, (_renamed(error.finding),))
    checker = Checker(source, catalog)
    found: Any = None
    if root is None:
        checker.report("the document is empty", "", None, "yaml")
    else:
        checker.nodes[""] = root
        found = checker.value(root, Shape("plugin", kind="chart"), "")
    chart = found if isinstance(found, dict) else {}
    if chart:
        _Rules(checker).chart(chart, "")
    return ParsedDashboard(chart, tuple(replace(f, path=f.path.removeprefix(".")) for f in _sorted(checker.findings)))


def _renamed(finding: Finding) -> Finding:
    return replace(finding, message=finding.message.replace("flow yaml", "dashboard yaml"))


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(map(_renamed, findings), key=lambda f: (f.line, f.column)))


class _Rules:
    """What the declarations can't say."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def _report(self, message: str, path: str, rule: str) -> None:
        self._checker.report(message, path, self._checker.at(path), rule)

    def dashboard(self, document: dict[str, Any]) -> None:
        window = document.get("timeWindow") or {}
        default, longest = window.get("default", "P30D"), window.get("max", "P366D")
        try:
            if to_duration(default) > to_duration(longest):
                self._report("must not be longer than timeWindow.max", "timeWindow.default", "window")
        except ValueError:
            pass  # reported where it stands
        seen: set[str] = set()
        for n, chart in enumerate(document.get("charts") or ()):
            if not isinstance(chart, dict):
                continue
            name = chart.get("id")
            if name in seen:
                self._report(f"'{name}' is used twice", f"charts[{n}].id", "duplicate-id")
            seen.add(str(name))
            self.chart(chart, f"charts[{n}]")

    def chart(self, chart: dict[str, Any], path: str) -> None:
        kind = str(chart.get("type")).removeprefix(chart_types.PREFIX)
        if kind == "Markdown":
            self._markdown(chart, path)
            return
        data = chart.get("data")
        if not isinstance(data, dict):
            return
        known = source_of(str(data.get("type")))
        if known is None:
            return
        source, one = known
        if (kind == "KPI") is not one:
            wanted = "a KPI type" if kind == "KPI" else "no KPI type"
            self._report(f"a {kind} chart needs {wanted} of data", f"{path}.data.type", "chart-data")
            return
        columns = data.get("columns")
        if not isinstance(columns, dict):
            return
        named = {"": columns} if one else columns
        for name, column in named.items():
            place = f"{path}.data.columns" + (f".{name}" if name else "")
            if isinstance(column, dict):
                self._column(column, source, place)
            else:
                self._report("a column is a map", place, "column")
        self._conditions(data.get("where"), source, f"{path}.data.where")
        self._conditions(data.get("numerator"), source, f"{path}.data.numerator")
        for n, order in enumerate(data.get("orderBy") or ()):
            if isinstance(order, dict) and order.get("column") not in named:
                self._report(
                    f"'{order.get('column')}' is none of the columns", f"{path}.data.orderBy[{n}].column", "column"
                )
        self._shape(kind, chart.get("chartOptions") or {}, named, source, path)

    def _markdown(self, chart: dict[str, Any], path: str) -> None:
        source = chart.get("source")
        if not isinstance(source, dict):
            if chart.get("content") is None:
                self._report("must not be null", f"{path}.source", "required")
            return
        needed = ("content",) if source.get("type") == "Text" else ("namespace", "flowId")
        for name in needed:
            if source.get("type") and not source.get(name):
                self._report("must not be null", f"{path}.source.{name}", "required")

    def _column(self, column: dict[str, Any], source: Source, path: str) -> None:
        name, agg = column.get("field"), column.get("agg")
        if name is None:
            if agg != "COUNT":
                self._report("must not be null unless agg is COUNT", f"{path}.field", "required")
            return
        kind = self._field(name, source, f"{path}.field")
        if kind is None:
            return
        if agg is not None and name in source.plain:
            self._report(f"{name} can't be aggregated", f"{path}.agg", "aggregation")
        if agg in ("AVG", "SUM") and kind != "number":
            self._report(f"{agg} needs a number, {name} is {_KINDS[kind]}", f"{path}.agg", "aggregation")
        if kind == "labels" and agg != "COUNT" and not column.get("labelKey"):
            self._report("must not be null with the field LABELS", f"{path}.labelKey", "required")

    def _field(self, name: Any, source: Source, path: str) -> str | None:
        kind = source.fields.get(str(name))
        if kind is None:
            self._report(f"{name} is no field of {source.name}; known are {', '.join(source.fields)}", path, "field")
        return kind

    def _conditions(self, conditions: Any, source: Source, path: str, depth: int = 0) -> None:
        if not isinstance(conditions, list):
            return
        for n, one in enumerate(conditions):
            place = f"{path}[{n}]"
            if not isinstance(one, dict) or not isinstance(one.get("type"), str):
                if depth:
                    self._report("a condition is a map with a type", place, "condition")
                continue
            self._condition(one, source, place, depth)

    def _condition(self, one: dict[str, Any], source: Source, path: str, depth: int) -> None:
        type_, value, values = one["type"], one.get("value"), one.get("values")
        if type_ not in CONDITIONS:
            if depth:  # the declaration of a condition tells those on top
                self._report(f"'{type_[:64]}' is none of {', '.join(CONDITIONS)}", f"{path}.type", "condition")
            return
        if type_ in MANY and not isinstance(values, list):
            self._report(f"must be a list with the type {type_}", f"{path}.values", "condition")
            return
        if type_ == "OR":
            if depth >= DEEPEST_OR:
                self._report("conditions are nested too deeply", path, "condition")
            else:
                self._conditions(values, source, f"{path}.values", depth + 1)
            return
        if one.get("field") is None:
            self._report("must not be null", f"{path}.field", "required")
            return
        kind = self._field(one["field"], source, f"{path}.field")
        if kind == "labels" and not one.get("labelKey"):
            self._report("must not be null with the field LABELS", f"{path}.labelKey", "required")
        if type_ not in MANY | NO_VALUE and value is None and values is None:
            self._report(f"must not be null with the type {type_}", f"{path}.value", "required")

    def _shape(self, kind: str, options: dict[str, Any], columns: dict[str, Any], source: Source, path: str) -> None:
        """How many numbers a chart takes, and which columns it names."""
        numbers = [c for c in columns.values() if isinstance(c, dict) and c.get("agg")]
        low, high = {"TimeSeries": (1, 2), "Bar": (1, 1), "Pie": (1, 1), "KPI": (1, 1)}.get(kind, (0, 1 << 30))
        if not low <= len(numbers) <= high:
            wanted = "exactly one column" if low == high else "one or two columns"
            self._report(f"a {kind} chart needs {wanted} with agg", f"{path}.data.columns", "aggregation")
        for name in ("column", "colorByColumn"):
            wanted = options.get(name)
            if wanted is not None and wanted not in columns:
                self._report(f"'{wanted}' is none of the columns", f"{path}.chartOptions.{name}", "column")
            elif wanted is not None and name == "column" and kind == "TimeSeries":
                column = columns[wanted]
                if not isinstance(column, dict) or source.fields.get(str(column.get("field"))) != "date":
                    self._report(f"'{wanted}' holds no date", f"{path}.chartOptions.{name}", "column")
