"""Prints the reference of configuration keys as Markdown: `python -m flowdeck.config.reference`."""

from __future__ import annotations

import json
from typing import Any

from flowdeck.config.key import KINDS, Key
from flowdeck.config.keys import GROUPS

HEAD = """# Configuration

Made from the catalogue of keys by `python -m flowdeck.config.reference`.

## Where keys are told

From the weakest source to the strongest:

1. the default in the tables below
2. `~/.kestra/config.yml` and `FLOWDECK_HOME/config.yml`, or the files of `-c`/`--config`, later ones over earlier ones
3. the files that `KESTRA_CONFIGURATION_PATH` names, with commas between them
4. the YAML text in `KESTRA_CONFIGURATION`
5. environment variables of the reference: `KESTRA_…`, `MICRONAUT_…`, `ENDPOINTS_…`, `DATASOURCES_…`, `LOGGER_…`
6. environment variables `FLOWDECK_…`
7. flags of the command line

`flowdeck configs properties` prints what came out, each value with its source and line, secrets as stars.

A key is written in kebab or camel case, nested or with dots: `kestra.server.basicAuth.openUrls` and

```yaml
kestra:
  server:
    basic-auth:
      open-urls: [/api/v1/main/executions]
```

are the same. As a variable its name is in upper case with `_` for dots and dashes:
`KESTRA_SERVER_BASIC_AUTH_OPEN_URLS`. `<n>` in a name stands for a name of your own, such as `postgres`.

Maps of several sources are joined, deeply; lists and all else are replaced by the stronger source. One entry of a map
or list can be told alone: `KESTRA_VARIABLES_GLOBALS_REGION=eu`, `KESTRA_HIDDEN_LABELS_PREFIXES_0=system.`.

`${name}` in a value is another key or, when there is none of that name, an environment variable; `${name:default}` has
something to fall back to. A placeholder that leads nowhere ends the start, except in environment variables and flags,
where it stays as it is written.

| Kind | How it is written |
|---|---|
| text | as it is |
| true or false | also `yes`, `no`, `on`, `off`, `1`, `0` |
| duration | `PT5M`, `P30D`, `5m`, `250ms`, `7d`; a bare number is milliseconds |
| size | `10MB`, `512k`; powers of 1024; a bare number is bytes |
| list | a YAML list, or text with commas |
| map | a YAML map |

A value that does not fit ends the start with one line that names key, value, file, line and rule. A key that nobody
knows is named once with the known one that looks most like it. Keys that have no meaning here are named once, together.

## Variables that are no keys

| Variable | What it does |
|---|---|
| `FLOWDECK_HOME` | folder of everything that an instance writes (`~/.flowdeck`) |
| `FLOWDECK_HOST`, `FLOWDECK_PORT`, `FLOWDECK_MANAGEMENT_PORT` | listening address and ports |
| `FLOWDECK_CPUS` | processors that may be used |
| `KESTRA_CONFIGURATION`, `KESTRA_CONFIGURATION_PATH` | YAML text; paths of files |
| `JAVA_OPTS`, `KESTRA_JAVA_OPTS` | `-Duser.timezone`, `-Dhttp(s).proxyHost` and the like, \
`-Dhttp.nonProxyHosts`, `-Djavax.net.ssl.trustStore` (PEM) are understood; the rest is named once |
| `ENV_*` | what flows see as `envs` |
| `SECRET_*` | secrets, in base64 |
| `TZ`, `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` | as everywhere |
"""


def _default(key: Key) -> str:
    value: Any = key.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (list, dict)):
        return f"`{json.dumps(value)}`"
    return f"`{value}`" if value != "" else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for title, keys in GROUPS:
        lines += [f"## {title}", "", "| Key | Kind | Default | What it does |", "|---|---|---|---|"]
        for key in keys:
            if key.without:
                continue
            words = f" One of {', '.join(f'`{word}`' for word in key.choices)}." if key.choices else ""
            secret = " Never shown." if key.secret else ""
            lines.append(f"| `{key.name}` | {KINDS[key.kind]} | {_default(key)} | {_cell(key.text + words + secret)} |")
        lines.append("")
    lines += ["## Accepted, without effect here", "", "| Key | Because |", "|---|---|"]
    for _, keys in GROUPS:
        for key in keys:
            if key.without:
                lines.append(f"| `{key.name}{'.…' if key.kind == 'm' else ''}` | {_cell(key.without)} |")
    lines += ["", "Other keys below `micronaut`, `endpoints`, `flyway` and `datasources` are accepted likewise.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
