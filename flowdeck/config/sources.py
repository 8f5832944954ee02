"""Where settings come from: YAML with the line of each key, environment variables, flags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flowdeck.config.keys import EXACT, OWN_PREFIXES, PATTERNS, find_key

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
SPECIAL = {
    "FLOWDECK_PORT": "micronaut.server.port",
    "FLOWDECK_MANAGEMENT_PORT": "endpoints.all.port",
    "FLOWDECK_HOST": "flowdeck.server.host",
    "FLOWDECK_HOME": "flowdeck.home",
    "FLOWDECK_CPUS": "flowdeck.cpus",
}
NOT_KEYS = frozenset(
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
        "KESTRA_HOST",
        "FLOWDECK_SERVER",
        "FLOWDECK_OUTPUT",
    }
)
_KUBERNETES = re.compile(r"\w+_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
"""Variables that Kubernetes sets for every service, also for one that is named `kestra` or `flowdeck`."""
ELSEWHERE = ("FLOWDECK_TEST_", "FLOWDECK_INTERNAL_", "FLOWDECK_SKIP_", "KESTRA_MCP_")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one source says of one key."""

    name: str
    """Dotted kebab-case name."""
    value: Any
    written: tuple[str, ...]
    """The name's segments as they are written."""
    source: str
    """`application.yml, line 3`, a variable's name, `flag`."""
    strict: bool = True
    """Whether a placeholder that leads nowhere is an error."""


def kebab(segment: str) -> str:
    """`fooBar`, `foo_bar` and `foo-bar` are one name."""
    return _HUMP.sub(r"-\1", segment).lower().replace("_", "-")


def read_text(text: str, source: str, warnings: list[str]) -> list[Entry]:
    """The keys of a YAML document; `ValueError` with the line when it is none."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            raise ValueError(f"{source}: expected a map of keys")
        return list(_walk(loader, node, (), source, warnings))
    except yaml.YAMLError as error:
        raise ValueError(f"{source}: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()


def read_file(path: Path, warnings: list[str]) -> list[Entry]:
    """The keys of a configuration file; `ValueError` when it can't be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"configuration file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"configuration file {path}: it is not UTF-8 text") from None
    return read_text(text, str(path), warnings)


def _walk(
    loader: Any, node: yaml.MappingNode, above: tuple[str, ...], source: str, warnings: list[str]
) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if key_node.value in seen:
            name = ".".join(kebab(part) for part in (*above, str(key_node.value)))
            warnings.append(
                f"{name} stands twice in {source}, lines {seen[key_node.value]} and {line}: the last one holds"
            )
        seen[key_node.value] = line
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        written = (*above, *str(loader.construct_object(key_node, deep=True)).split("."))
        name = ".".join(kebab(part) for part in written)
        key = find_key(name)
        # A dotted name in YAML ("logger.levels") is the same as nesting.
        if isinstance(value_node, yaml.MappingNode) and not (key is not None and key.kind in "ml"):
            yield from _walk(loader, value_node, written, source, warnings)
        else:
            value = loader.construct_object(value_node, deep=True)
            yield Entry(name, value, written, f"{source}, line {line}")


def flags(told: Mapping[str, Any]) -> list[Entry]:
    """What the command line set."""
    return [Entry(name, value, tuple(name.split(".")), "flag", strict=False) for name, value in told.items()]


def variables(environment: Mapping[str, str], warnings: list[str]) -> tuple[list[Entry], list[Entry]]:
    """Keys from environment variables: those of the reference, and ours."""
    reference: list[Entry] = []
    ours: list[Entry] = []
    prefixes = tuple(f"{prefix.upper()}_" for prefix in OWN_PREFIXES)
    for variable, value in environment.items():
        if not variable.startswith(prefixes) or variable in NOT_KEYS or variable.startswith(ELSEWHERE):
            continue
        if _KUBERNETES.fullmatch(variable) or (variable.endswith("_PORT") and "://" in value):
            continue
        if variable.startswith("FLOWDECK_"):
            special = SPECIAL.get(variable)
            written = special.split(".") if special else from_variable(variable)
            written, target = written or from_variable("KESTRA" + variable[8:]), ours
        else:
            written, target = from_variable(variable), reference
        if written is not None:
            target.append(Entry(".".join(written), value, tuple(written), variable, strict=False))
        elif variable.startswith(("FLOWDECK_", "KESTRA_")):
            warnings.append(f"environment variable {variable} matches no configuration key")
    return reference, ours


def _folded(name: str) -> str:
    return re.sub(r"[.\-]", "_", name).upper()


_BY_VARIABLE = {_folded(name): name for name in EXACT}
_BY_PATTERN = [
    (re.compile("_".join("([A-Z0-9]+)" if p == "<n>" else re.escape(_folded(p)) for p in pattern)), pattern)
    for pattern, _ in PATTERNS
    if pattern[-1] != "<n>" or pattern[0] in ("kestra", "datasources")
]


def from_variable(variable: str) -> Sequence[str] | None:
    """The segments of the key that an environment variable means, or None."""
    if name := _BY_VARIABLE.get(variable):
        return name.split(".")
    for expression, pattern in _BY_PATTERN:
        if match := expression.fullmatch(variable):
            found = iter(match.groups())
            return [next(found).lower() if p == "<n>" else p for p in pattern]
    # A map's entry: KESTRA_VARIABLES_GLOBALS_REGION, or a list's by its number. The longest name of a key wins.
    owner = max((f for f in _BY_VARIABLE if variable.startswith(f"{f}_")), key=len, default=None)
    if owner is None:
        return None
    key = EXACT[_BY_VARIABLE[owner]]
    if key.kind not in "ml":
        return None
    rest = variable[len(owner) + 1 :].lower()
    if key.name == "logger.levels":
        return [*key.name.split("."), *rest.split("_")]
    number, _, more = rest.partition("_")
    if key.kind == "l":
        if not number.isdigit():
            return None
        first, _, last = more.partition("_")
        return [*key.name.split("."), number, *([first] if first else []), *([last.replace("_", "-")] if last else [])]
    return [*key.name.split("."), rest]


def placed(found: Any, path: Sequence[str], value: Any) -> Any:
    """A map or list with a value put in at a path; numbers are places in lists."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if head.isdigit() and (found is None or isinstance(found, list)):
        items: list[Any] = list(found or ())
        place = min(int(head), len(items))
        if place == len(items):
            items.append(None)
        items[place] = placed(items[place], rest, value)
        return items
    held = dict(found) if isinstance(found, Mapping) else {}
    held[head] = placed(held.get(head), rest, value)
    return held


def joined(weaker: Any, stronger: Any) -> Any:
    """Two maps as one, deeply; of anything else the stronger."""
    if isinstance(weaker, Mapping) and isinstance(stronger, Mapping):
        return {**weaker, **{name: joined(weaker.get(name), item) for name, item in stronger.items()}}
    return stronger
