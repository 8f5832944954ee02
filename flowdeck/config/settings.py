"""The merged configuration (design detail 15): flag, FLOWDECK_*, KESTRA_*, KESTRA_CONFIGURATION, file, default."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from flowdeck.config.home import Home
from flowdeck.config.keys import KEYS, OWN_PREFIXES, Key
from flowdeck.config.postgres import postgres_url
from flowdeck.config.values import parse_value

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.\-]*)(?::([^}]*))?\}")
RESTART_STRATEGIES = ("AFTER_TERMINATION_GRACE_PERIOD", "IMMEDIATELY", "NEVER")
_EXACT = {key.name: key for key in KEYS if "<n>" not in key.name}
_PATTERNS = [(key.name.split("."), key) for key in KEYS if "<n>" in key.name]
_SPECIAL = {
    "FLOWDECK_PORT": "micronaut.server.port",
    "FLOWDECK_MANAGEMENT_PORT": "endpoints.all.port",
    "FLOWDECK_HOST": "flowdeck.server.host",
    "FLOWDECK_HOME": "flowdeck.home",
    "FLOWDECK_CPUS": "flowdeck.cpus",
}
_NOT_KEYS = frozenset(
    {
        "KESTRA_CONFIGURATION",
        "KESTRA_CONFIGURATION_PATH",
        "KESTRA_PLUGINS_PATH",
        "KESTRA_JAVA_OPTS",
        "FLOWDECK_CONFIG",
        "FLOWDECK_CONSOLE_API",
        "KESTRA_BASE_URL",
        "KESTRA_TENANT_ID",
        "KESTRA_USERNAME",
        "KESTRA_PASSWORD",
        "KESTRA_API_TOKEN",
    }
)
_OURS_ELSEWHERE = ("FLOWDECK_TEST_", "FLOWDECK_INTERNAL_", "FLOWDECK_SKIP_", "KESTRA_MCP_")


def _kebab(segment: str) -> str:
    return _HUMP.sub(r"-\1", segment).lower().replace("_", "-")


def find_key(name: str) -> Key | None:
    """The catalogue entry of a dotted name, with any segment for `<n>`."""
    if key := _EXACT.get(name):
        return key
    segments = name.split(".")
    for pattern, key in _PATTERNS:
        if len(pattern) == len(segments) and all(p in ("<n>", s) for p, s in zip(pattern, segments, strict=True)):
            return key
    return None


def _flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    key = find_key(prefix) if prefix else None
    if isinstance(value, Mapping) and not (key is not None and key.kind in "ml" and "<n>" not in key.name):
        if key is not None and key.kind == "m":
            yield prefix, value
            return
        for name, item in value.items():
            # A dotted name in YAML ("logger.levels") is the same as nesting.
            segments = ".".join(_kebab(part) for part in str(name).split("."))
            yield from _flatten(f"{prefix}.{segments}" if prefix else segments, item)
    else:
        yield prefix, value


def _filled(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda m: environment.get(m[1], m[2] or ""), value)
    if isinstance(value, Mapping):
        return {k: _filled(v, environment) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, environment) for v in value]
    return value


def _folded(name: str) -> str:
    return re.sub(r"[.\-]", "_", name).upper()


_BY_VARIABLE = {_folded(name): name for name in _EXACT}


def _from_variable(variable: str) -> str | None:
    """The key that an environment variable means, or None."""
    if name := _BY_VARIABLE.get(variable):
        return name
    for pattern, _ in _PATTERNS:
        expression = "_".join("([A-Z0-9]+)" if p == "<n>" else re.escape(_folded(p)) for p in pattern)
        if match := re.fullmatch(expression, variable):
            found = iter(match.groups())
            return ".".join(next(found).lower() if p == "<n>" else p for p in pattern)
    # A map's entry: KESTRA_VARIABLES_GLOBALS_REGION, or a list's by index.
    for folded, name in _BY_VARIABLE.items():
        if _EXACT[name].kind in "ml" and variable.startswith(f"{folded}_"):
            return f"{name}.{variable[len(folded) + 1 :].lower()}"
    return None


@dataclass(frozen=True, slots=True)
class Settings:
    """What an instance was told; frozen for the life of a process.

    `get` answers any key by its kind (spans as `timedelta`, sizes as bytes); the properties name those that many ask
    for. `warnings` are said once at start.
    """

    home: Home
    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a key, else its default in the catalogue, else `default`."""
        if name in self.values:
            return self.values[name]
        key = find_key(name)
        if key is None or key.default is None:
            return default
        return parse_value(key.kind, key.default)

    def span(self, name: str) -> timedelta:
        """A span's value."""
        value = self.get(name)
        assert isinstance(value, timedelta), name
        return value

    def below(self, prefix: str) -> dict[str, Any]:
        """All told values below a prefix, by the rest of their name."""
        start = f"{prefix}."
        return {name[len(start) :]: value for name, value in self.values.items() if name.startswith(start)}

    @property
    def host(self) -> str:
        """Listening address."""
        return self.get("micronaut.server.host") or self.get("flowdeck.server.host")

    @property
    def port(self) -> int:
        """Port of API and console."""
        return self.get("micronaut.server.port")

    @property
    def management_port(self) -> int:
        """Port of health and metrics; -1 = none."""
        return self.get("endpoints.all.port")

    @property
    def durability(self) -> str:
        """`full`, `barrier` or `normal` (engine notes §2.2)."""
        return self.get("flowdeck.durability")

    @property
    def database_url(self) -> str:
        """Where the rows are: the configured PostgreSQL, else the file in the home folder."""
        if self.get("kestra.repository.type") not in ("postgres", "postgresql"):
            return f"sqlite:///{self.home.database}"
        found = {**self.below("kestra.datasources"), **self.below("datasources")}
        names = sorted({name.split(".")[0] for name in found})
        name = "postgres" if "postgres" in names else names[0] if names else "postgres"
        return postgres_url(
            str(found.get(f"{name}.url", "postgresql://localhost/kestra")),
            found.get(f"{name}.username"),
            found.get(f"{name}.password"),
            found.get(f"{name}.schema"),
        )

    @property
    def clustered(self) -> bool:
        """Whether the rows are in a PostgreSQL, which several processes of a kind may share."""
        return self.get("kestra.repository.type") in ("postgres", "postgresql")

    @property
    def storage_path(self) -> Path:
        """Folder of the local storage."""
        path = self.get("kestra.storage.local.base-path")
        return Path(path) if path else self.home.storage

    @property
    def worker_threads(self) -> int:
        """Process credits of a worker: 4 a processor."""
        return self.get("flowdeck.worker.threads") or 4 * self.cpus

    @property
    def worker_group(self) -> str:
        """Pool that a worker of this instance belongs to; "" is the default pool."""
        return self.get("flowdeck.worker.group") or self.get("kestra.worker.group") or ""

    @property
    def worker_groups(self) -> frozenset[str]:
        """Pools that flows may name."""
        own = self.worker_group
        return frozenset(self.get("flowdeck.worker.groups") or ()) | (frozenset((own,)) if own else frozenset())

    @property
    def cpus(self) -> int:
        """Processors that this instance may use."""
        return self.get("flowdeck.cpus") or len(os.sched_getaffinity(0))

    def shown(self) -> list[tuple[str, str, str]]:
        """Told values as (name, text, source), secrets masked."""
        rows: list[tuple[str, str, str]] = []
        for name in sorted(self.values):
            key = find_key(name)
            secret = key is None or key.secret
            rows.append((name, "******" if secret else str(self.values[name]), self.sources.get(name, "")))
        return rows


def _read(path: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ValueError(f"configuration file {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"configuration file {path}: {' '.join(str(error).split())}") from None
    return _mapping(document, str(path), environment)


def _mapping(document: Any, source: str, environment: Mapping[str, str]) -> dict[str, Any]:
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError(f"{source}: expected a map of keys")
    return dict(_flatten("", _filled(document, environment)))


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    files: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Merge all sources.

    Args:
        flags: dotted keys that the command line set; they win.
        files: configuration files, later ones win; without any, `FLOWDECK_HOME/config.yml` and
            `~/.kestra/config.yml` are read when they exist.
        environment: default: the process's.
    Raises:
        ValueError: a value does not fit its key, or a source can't be read; names key, value and source.
    """
    environment = os.environ if environment is None else environment
    home = Home(
        Path((flags or {}).get("flowdeck.home") or environment.get("FLOWDECK_HOME") or Path.home() / ".flowdeck")
        .expanduser()
        .absolute()
    )
    layers: list[tuple[str, Mapping[str, Any]]] = []
    paths: list[Path] = list(files)
    if not paths:
        default = (Path.home() / ".kestra/config.yml", home.path / "config.yml")
        paths = [path for path in default if path.is_file()]
    if more := environment.get("KESTRA_CONFIGURATION_PATH"):
        paths += [Path(part) for part in more.split(",") if part]
    layers += [(str(path), _read(path, environment)) for path in paths]
    if text := environment.get("KESTRA_CONFIGURATION"):
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"KESTRA_CONFIGURATION: {' '.join(str(error).split())}") from None
        layers.append(("KESTRA_CONFIGURATION", _mapping(document, "KESTRA_CONFIGURATION", environment)))
    warnings: list[str] = []
    kestra, ours = _variables(environment, warnings)
    layers += [*kestra, *ours, ("flag", dict(flags or {}))]

    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in layers:
        for name, raw in layer.items():
            if raw is None:
                continue
            key = find_key(name)
            if key is None:
                owner = _owner(name)
                if owner is None:
                    if name.split(".")[0] in OWN_PREFIXES[:2]:
                        warnings.append(_unknown(name, source))
                    continue
                key = owner
                if key.kind == "m" and name != key.name:
                    values[key.name] = {**values.get(key.name, {}), name[len(key.name) + 1 :]: raw}
                    sources[key.name] = source
                    continue
            if key.ignored:
                warnings.append(f"{name} ({source}) is accepted and has no effect")
                continue
            try:
                values[name] = parse_value(key.kind, raw)
            except ValueError as error:
                shown = "******" if key.secret else repr(raw)
                raise ValueError(f"{name} = {shown} ({source}): {error}") from None
            sources[name] = source
    _check(values)
    return Settings(home, values, sources, tuple(dict.fromkeys(warnings)))


def _owner(name: str) -> Key | None:
    segments = name.split(".")
    for size in range(len(segments) - 1, 0, -1):
        key = find_key(".".join(segments[:size]))
        if key is not None:
            return key if key.kind == "m" else None
    return None


def _unknown(name: str, source: str) -> str:
    near = difflib.get_close_matches(name, [key.name for key in KEYS], 1, 0.6)
    return f"unknown configuration key {name} ({source})" + (f"; did you mean {near[0]}?" if near else "")


def _variables(
    environment: Mapping[str, str], warnings: list[str]
) -> tuple[list[tuple[str, dict[str, Any]]], list[tuple[str, dict[str, Any]]]]:
    kestra: list[tuple[str, dict[str, Any]]] = []
    ours: list[tuple[str, dict[str, Any]]] = []
    prefixes: Iterable[str] = tuple(f"{prefix.upper()}_" for prefix in OWN_PREFIXES)
    for variable, value in environment.items():
        if not variable.startswith(tuple(prefixes)) or variable in _NOT_KEYS or variable.startswith(_OURS_ELSEWHERE):
            continue
        if variable.startswith("FLOWDECK_"):
            name = _SPECIAL.get(variable) or _from_variable(variable) or _from_variable("KESTRA" + variable[8:])
            target = ours
        else:
            name, target = _from_variable(variable), kestra
        if name is not None:
            target.append((variable, {name: value}))
        elif variable.startswith(("FLOWDECK_", "KESTRA_")):
            warnings.append(f"environment variable {variable} matches no configuration key")
    return kestra, ours


def _check(values: Mapping[str, Any]) -> None:
    if values.get("flowdeck.durability", "barrier") not in ("full", "barrier", "normal"):
        raise ValueError(f"flowdeck.durability = {values['flowdeck.durability']!r}: expected full, barrier or normal")
    kind = values.get("kestra.repository.type")
    if kind not in (None, "sqlite", "h2", "memory", "postgres", "postgresql"):
        raise ValueError(f"kestra.repository.type = {kind!r}: expected sqlite or postgres")
    for name in ("micronaut.server.port", "endpoints.all.port"):
        if not -1 <= values.get(name, 1) <= 65535:
            raise ValueError(f"{name} = {values[name]}: expected a port between 0 and 65535")
    listen = values.get("flowdeck.cluster.listen")
    remote = values.get("flowdeck.cluster.executors") or ()
    if (listen or remote) and not values.get("flowdeck.cluster.token"):
        raise ValueError("flowdeck.cluster.token is needed with flowdeck.cluster.listen and flowdeck.cluster.executors")
    for name, place in (("listen", listen), *(("executors", one) for one in remote)):
        if place and not re.fullmatch(r"\S+:\d{1,5}", str(place)):
            raise ValueError(f"flowdeck.cluster.{name} = {place!r}: expected host:port")
    beat = values.get("kestra.server.liveness.heartbeat-interval", timedelta(seconds=3))
    timeout = values.get("kestra.server.liveness.timeout", timedelta(seconds=45))
    strategy = str(values.get("kestra.server.worker-task-restart-strategy", RESTART_STRATEGIES[0]))
    if strategy.strip().upper().replace("-", "_") not in RESTART_STRATEGIES:
        raise ValueError(
            f"kestra.server.worker-task-restart-strategy = '{strategy}': expected {', '.join(RESTART_STRATEGIES)}"
        )
    if beat >= timeout:
        raise ValueError(
            f"kestra.server.liveness.heartbeat-interval = {beat}: expected less than kestra.server.liveness.timeout "
            f"({timeout})"
        )
