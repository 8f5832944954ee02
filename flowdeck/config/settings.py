"""The merged configuration (design detail 15): flag, FLOWDECK_*, KESTRA_*, KESTRA_CONFIGURATION, file, default."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from flowdeck.config import java_options, placeholders, rules
from flowdeck.config.home import Home
from flowdeck.config.keys import KEYS, OWN_PREFIXES, Key, find_key, nearest_key, owner_of
from flowdeck.config.masking import masked
from flowdeck.config.postgres import postgres_url
from flowdeck.config.sources import Entry, joined, placed, read_file, read_text, variables
from flowdeck.config.sources import flags as _flags
from flowdeck.config.values import chosen, parse_value

DEFAULT_FILES = ("~/.kestra/config.yml", "~/.kestra/config.yaml")
"""Read, with `config.yml` of the home folder, when the command line names no file."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an instance was told; frozen for the life of a process.

    `get` answers any key by its kind (spans as `timedelta`, sizes as bytes); the properties name those that many ask
    for. `warnings` are said once at start. `files` were read. `environment` holds variables that this process and its
    children should have besides their own (certificates, proxies, time zone).
    """

    home: Home
    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

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
    def tls(self) -> bool:
        """Whether API and console speak TLS (F62)."""
        told = self.get("micronaut.server.ssl.enabled")
        return bool(self.get("micronaut.ssl.enabled") if told is None else told)

    @property
    def port(self) -> int:
        """Port of API and console; with TLS the one of TLS, unless a flag or `FLOWDECK_PORT` names one."""
        own = self.sources.get("micronaut.server.port") in ("flag", "FLOWDECK_PORT")
        return self.get("micronaut.server.ssl.port" if self.tls and not own else "micronaut.server.port")

    @property
    def context_path(self) -> str:
        """Path below which the API lies: "" or `/a/b` without a slash at its end."""
        path = str(self.get("micronaut.server.context-path") or "").strip("/ ")
        return f"/{path}" if path else ""

    @property
    def html_head(self) -> str:
        """HTML for the head of each page; "" without any."""
        told = str(self.get("kestra.webserver.html-head") or "")
        if told.startswith("["):
            with contextlib.suppress(ValueError):
                return "\n".join(str(one) for one in json.loads(told))
        return told

    @property
    def management_port(self) -> int:
        """Port of health and metrics; -1 = none of its own."""
        own = self.get("endpoints.all.enabled") and not self.shares_port
        return self.get("endpoints.all.port") if own else -1

    @property
    def shares_port(self) -> bool:
        """Whether health and metrics are on the port of the API (F58)."""
        return bool(self.get("endpoints.all.enabled")) and self.get("endpoints.all.port") in (-1, self.port)

    @property
    def durability(self) -> str:
        """`full`, `barrier` or `normal` (engine notes §2.2)."""
        return self.get("flowdeck.durability")

    @property
    def database_url(self) -> str:
        """Where the rows are: the configured PostgreSQL, else the file in the home folder."""
        if self.get("kestra.repository.type") not in ("postgres", "postgresql"):
            return f"sqlite:///{self.home.database}"
        found = self._datasource()
        return postgres_url(
            str(found.get("url", "postgresql://localhost/kestra")),
            found.get("username"),
            found.get("password"),
            found.get("schema"),
            found.get("connection-timeout"),
        )

    def _datasource(self) -> dict[str, Any]:
        found = {**self.below("kestra.datasources"), **self.below("datasources")}
        names = sorted({name.split(".")[0] for name in found})
        name = "postgres" if "postgres" in names else names[0] if names else "postgres"
        return {key.partition(".")[2]: value for key, value in found.items() if key.startswith(f"{name}.")}

    @property
    def readers(self) -> int:
        """Most connections for reading of one process."""
        return self._datasource().get("maximum-pool-size") or 10 if self.clustered else 8

    @property
    def migrates(self) -> bool:
        """Whether a start brings the tables up to date (F57)."""
        return all(told for name, told in self.below("flyway.datasources").items() if name.endswith(".enabled"))

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
        return self.get("flowdeck.cpus") or min(len(os.sched_getaffinity(0)), cpus_of_container() or 10_000)

    def properties(self, *, defaults: bool = False) -> list[tuple[str, Any, str]]:
        """Keys as (name, value as it may be shown, source); `defaults` adds those of which nobody told anything."""
        rows = [
            (name, _written(masked(name, value)), self.sources.get(name, "")) for name, value in self.values.items()
        ]
        if defaults:
            rows += [
                (key.name, key.default, "default")
                for key in KEYS
                if not key.without and "<n>" not in key.name and key.name not in self.values
            ]
        return sorted(rows, key=lambda row: row[0])

    def shown(self) -> list[tuple[str, str, str]]:
        """Told values as (name, text, source), secrets masked."""
        return [
            (name, str(masked(name, self.values[name])), self.sources.get(name, "")) for name in sorted(self.values)
        ]


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    files: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Merge all sources.

    Args:
        flags: dotted keys that the command line set; they win.
        files: configuration files, later ones win; without any, those of `DEFAULT_FILES` and
            `FLOWDECK_HOME/config.yml` are read when they exist.
        environment: default: the process's.
    Raises:
        ValueError: a value does not fit its key, or a source can't be read; names key, value, source and line.
    """
    environment = os.environ if environment is None else environment
    home = Home(
        Path((flags or {}).get("flowdeck.home") or environment.get("FLOWDECK_HOME") or Path.home() / ".flowdeck")
        .expanduser()
        .absolute()
    )
    warnings: list[str] = []
    paths = list(files)
    if not paths:
        usual = [Path(name).expanduser() for name in DEFAULT_FILES]
        paths = [path for path in (*usual, home.path / "config.yml") if path.is_file()]
    if more := environment.get("KESTRA_CONFIGURATION_PATH"):
        paths += [Path(part.strip()) for part in more.split(",") if part.strip()]
    layers = [read_file(path, warnings) for path in paths]
    if text := environment.get("KESTRA_CONFIGURATION"):
        layers.append(read_text(text, "KESTRA_CONFIGURATION", warnings))
    layers += variables(environment, warnings)
    layers.append(_flags(flags or {}))
    told = _Told(warnings)
    for layer in layers:
        for entry in layer:
            told.take(entry)
    values, sources = told.parsed(environment)
    rules.check(values, sources)
    outside = java_options.variables(environment, warnings) | rules.environment(values, environment)
    return Settings(home, values, sources, (*told.said(), *dict.fromkeys(warnings)), tuple(paths), outside)


CONFIGURATIONS = "kestra.plugins.configurations"


class _Told:
    """What the sources say, weakest first, before it is typed."""

    def __init__(self, warnings: list[str]) -> None:
        self._raw: dict[str, Any] = {}
        self._entries: dict[str, Entry] = {}
        self._ignored: dict[str, tuple[str, str]] = {}
        self._unknown: dict[str, str] = {}
        self._warnings = warnings

    def take(self, entry: Entry) -> None:
        """One entry of a source that is stronger than all before."""
        if entry.value is None:
            return
        name = entry.name
        key = find_key(name)
        if key is None and (owner := owner_of(name)) is not None:
            key, own = owner
            rest = entry.written[own.count(".") + 1 :]
            self._put(own, key, placed(self._raw.get(own), rest, entry.value), entry)
            return
        if key is None:
            self._raw[name] = entry.value  # a placeholder may mean it
            self._strange(entry)
            return
        value = joined(self._raw.get(name), entry.value) if key.kind == "m" else entry.value
        self._put(name, key, value, entry)

    def _put(self, name: str, key: Key, value: Any, entry: Entry) -> None:
        self._raw[name] = value
        if key.without:
            self._ignored[entry.name] = (key.without, entry.source)
        else:
            self._entries[name] = entry

    def _strange(self, entry: Entry) -> None:
        first = entry.name.split(".")[0]
        if first not in OWN_PREFIXES:
            near = difflib.get_close_matches(first, OWN_PREFIXES, 1, 0.8)
            if near:
                self._miss(entry, near[0])
            return
        near_key = nearest_key(entry.name)
        if first not in ("kestra", "flowdeck") and not (near_key and _close(entry.name, near_key)):
            self._ignored[entry.name] = ("flowdeck does not know it", entry.source)
            return
        self._miss(entry, near_key)

    def _miss(self, entry: Entry, near: str | None) -> None:
        hint = f"; did you mean {near}?" if near else ""
        self._unknown[entry.name] = f"unknown configuration key {entry.name} ({entry.source}){hint}"

    def said(self) -> list[str]:
        """A line for each unknown key, one for all that have no effect."""
        lines = list(self._unknown.values())
        if self._ignored:
            each = [f"{name} ({source}: {why})" for name, (why, source) in self._ignored.items()]
            lines.append(f"without effect here: {'; '.join(each)}")
        return lines

    def parsed(self, environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """Typed values and their sources; `ValueError` names key, value, source and rule."""
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for name, entry in self._entries.items():
            key = find_key(name) or (owner_of(name) or (None,))[0]
            assert key is not None, name
            raw = self._raw[name]
            try:
                raw = placeholders.fill(raw, self._lookup, environment, strict=entry.strict)
                values[name] = fitting(key, raw)
                if name == CONFIGURATIONS:
                    values[name] = [_relaxed(one) for one in values[name]]
            except ValueError as error:
                shown = "******" if key.secret else repr(masked(name, raw))
                raise ValueError(f"{name} = {shown} ({entry.source}): {error}") from None
            sources[name] = entry.source
        return values, sources

    def _lookup(self, name: str) -> Any:
        from flowdeck.config.sources import kebab

        plain = ".".join(kebab(part) for part in name.split("."))
        for one in (name, plain):
            if one in self._raw:
                return self._raw[one]
        if "." not in name:
            return None
        key = find_key(plain)
        if key is not None:
            return key.default
        owner = owner_of(plain)
        found = self._raw.get(owner[1]) if owner else None
        for part in name.split(".")[owner[1].count(".") + 1 :] if owner else ():
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


def _relaxed(entry: Any) -> Any:
    """An entry of `kestra.plugins.configurations`: `volume-enabled` and `volumeEnabled` are one name there too (§0)."""
    if not isinstance(entry, Mapping):
        raise ValueError("expected a list of {type, values}")
    values = entry.get("values") or {}
    if not isinstance(values, Mapping):
        raise ValueError("expected a map below `values`")
    return {**entry, "values": {_camel(str(name)): item for name, item in values.items()}}


def _camel(name: str) -> str:
    first, *rest = name.replace("_", "-").split("-")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _written(value: Any) -> Any:
    """A typed value as it is written in a file."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return f"{seconds:g}s" if seconds % 60 else f"{seconds / 60:g}m" if seconds % 86400 else f"{seconds / 86400:g}d"
    return value


@lru_cache(maxsize=1)
def cpus_of_container(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Processors that the control group of this machine or container allows (F67), rounded up; None = all."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        return max(1, -(-int(quota) // int(period)))
    with contextlib.suppress(OSError, ValueError):  # version 1
        limit = int((folder / "cpu" / "cpu.cfs_quota_us").read_text())
        if limit > 0:
            return max(1, -(-limit // int((folder / "cpu" / "cpu.cfs_period_us").read_text())))
    return None


def _close(name: str, known: str) -> bool:
    """Whether a wrong name differs from a known one in a letter or two of its last segment."""
    return name.rpartition(".")[0] == known.rpartition(".")[0] and bool(
        difflib.get_close_matches(name.rpartition(".")[2], [known.rpartition(".")[2]], 1, 0.75)
    )


def fitting(key: Key, raw: Any) -> Any:
    """A raw value as its key wants it; `ValueError` says what was expected."""
    value: Any = parse_value(key.kind, raw)
    if value is not None and key.choices:
        value = chosen(value, key.choices)
    if key.least is not None and value is not None and value < key.least:
        raise ValueError(f"expected {key.least:g} or more")
    return value
