"""`flowdeck plugins …`: what tasks and triggers there are, and wheels that bring more."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from flowdeck.cli.parsing import Usage, add_output, commands, show, switch, table


def register(group: argparse.ArgumentParser) -> None:
    """Add the commands."""
    below = commands(group, "command")
    listing = below.add_parser("list", help="names of all types")
    listing.add_argument("--core", action="store_true", help="only those that flowdeck brings")
    add_output(listing)
    listing.set_defaults(run=run_list)
    search = below.add_parser("search", help="types by words of their name, title or documentation")
    search.add_argument("text", metavar="TEXT", nargs="+")
    add_output(search)
    search.set_defaults(run=run_search)
    install = below.add_parser("install", help="install plugins into the plugin folder")
    install.add_argument(
        "plugins_wanted",
        metavar="PLUGIN",
        nargs="*",
        help="a wheel's path, or the name of a package, with version if wanted: acme-plugin==1.2",
    )
    switch(install, "locally", "into the folder of this machine (there is no other place)", default=True)
    install.add_argument("--all", action="store_true", help="accepted: what the reference has is built in")
    install.add_argument(
        "--repositories",
        metavar="URL",
        type=lambda text: text.split(","),
        action="extend",
        default=[],
        help="a package index to look in first, others after it; may be repeated",
    )
    install.add_argument("--offline", action="store_true", help="ask no index: dependencies have to be there")
    add_output(install)
    install.set_defaults(run=run_install)
    uninstall = below.add_parser("uninstall", help="remove plugins from the plugin folder")
    uninstall.add_argument("plugins_wanted", metavar="PLUGIN", nargs="+", help="name of a package")
    add_output(uninstall)
    uninstall.set_defaults(run=run_uninstall)
    doc = below.add_parser("doc", help="write a page for each type")
    doc.add_argument("folder", metavar="OUT", nargs="?", default="./docs", help="folder (./docs)")
    doc.add_argument("--core", action="store_true", help="only types that flowdeck brings")
    doc.add_argument("--icons", action="store_true", help="icons too")
    doc.add_argument("--schema", action="store_true", help="JSON schemas too")
    add_output(doc)
    doc.set_defaults(run=run_doc)
    index = below.add_parser("index", help="write the index of built-in plugins anew (for work on flowdeck itself)")
    index.set_defaults(run=run_index)


def run_index(options: argparse.Namespace) -> int:
    """Regenerate the index file that the package ships."""
    from flowdeck.sdk.index import write_index

    print(f"wrote {write_index()}")
    return 0


def _own(spec: Any) -> bool:
    return (spec.module or "flowdeck.").startswith("flowdeck.")


def _types(core: bool) -> list[Any]:
    from flowdeck.sdk.index import load_catalog

    return [spec for spec in load_catalog().types() if not core or _own(spec)]


def _rows(specs: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "type": one.type,
            "kind": one.kind,
            "title": one.title,
            "builtIn": _own(one),
            "deprecated": bool(one.deprecated),
        }
        for one in specs
    ]


def run_list(options: argparse.Namespace) -> int:
    """Print every type with its title."""
    rows = _rows(_types(options.core))
    show(options, rows, table(rows, ("type", "kind", "title")))
    return 0


def run_search(options: argparse.Namespace) -> int:
    """Print the types that hold all words, those with the words in their name first; status 1 without any."""
    words = [word.lower() for word in options.text]

    def told(spec: Any) -> str:
        return f"{spec.type} {' '.join(spec.aliases)} {spec.title or ''} {spec.doc or ''}".lower()

    found = [spec for spec in _types(False) if all(word in told(spec) for word in words)]
    found.sort(key=lambda spec: (not all(word in spec.type.lower() for word in words), spec.type))
    rows = _rows(found)
    show(options, rows, table(rows, ("type", "kind", "title"), "no type holds these words"))
    return 0 if found else 1


def built_in(coordinate: str) -> bool | None:
    """Whether flowdeck brings the types of a Java archive `group:artifact[:version]`; None for another kind of name."""
    parts = coordinate.split(":")
    if len(parts) not in (2, 3) or "/" in coordinate or not parts[0].count("."):
        return None
    group, artifact = parts[0], parts[1]
    if group == "io.kestra.storage":
        return artifact.removeprefix("storage-") in ("local", "s3", "minio")
    words = artifact.removeprefix("plugin-").split("-")
    if words[0] in ("script", "scripts"):
        words = ["scripts", *words[1:]]
    prefix = f"{group}.{'.'.join(words)}."
    return any(spec.type.startswith(prefix) for spec in _types(True))


def run_install(options: argparse.Namespace) -> int:
    """Install wheels and packages; Java archives whose types are built in need nothing."""
    from flowdeck.cli import plugin_packages

    if not options.plugins_wanted and not options.all:
        raise Usage("name a plugin: a wheel's path, or a package")
    skipped, wanted = [], []
    for name in options.plugins_wanted:
        known = built_in(name)
        if known is False:
            raise ValueError(
                f"{name} is a Java archive; flowdeck takes wheels and packages of Python, no such types are built in"
            )
        (skipped if known else wanted).append(name)
    done = plugin_packages.install(options, wanted) if wanted else []
    told = [f"{name}: built in" for name in skipped]
    told += [f"{one['name']} {one['version']}: {one['types']} types" for one in done]
    if options.all:
        told.append("all types of the reference that flowdeck has are built in")
    show(options, {"installed": done, "builtIn": skipped}, "\n".join(told))
    return 0


def run_uninstall(options: argparse.Namespace) -> int:
    """Remove packages; status 1 when one is not there."""
    from flowdeck.cli import plugin_packages

    gone, missing = plugin_packages.uninstall(options, options.plugins_wanted)
    told = [*(f"removed {name}" for name in gone), *(f"{name} is not in the plugin folder" for name in missing)]
    show(options, {"removed": gone, "missing": missing}, "\n".join(told))
    return 1 if missing else 0


def run_doc(options: argparse.Namespace) -> int:
    """Write `OUT/<type>.md` for each type, and an index of them."""
    import base64
    import json

    from flowdeck.sdk.index import load_catalog
    from flowdeck.services.plugins import icon, markdown

    catalog = load_catalog()
    folder = Path(options.folder)
    specs = _types(options.core)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Types", ""]
    for spec in specs:
        schema = catalog.schema(spec.type)
        (folder / f"{spec.type}.md").write_text(markdown(spec, schema, whole=True), encoding="utf-8")
        lines.append(f"- [{spec.type}]({spec.type}.md){f': {spec.title}' if spec.title else ''}")
        if options.schema:
            (folder / f"{spec.type}.json").write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", "utf-8")
        if options.icons:
            (folder / f"{spec.type}.svg").write_bytes(base64.b64decode(icon(spec)["icon"]))
    (folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    show(options, {"folder": str(folder), "types": len(specs)}, f"wrote {len(specs)} pages into {folder}")
    return 0
