"""`flowdeck namespace …`: files and KV pairs of a namespace on a running server."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from flowdeck.cli.ignore import chosen
from flowdeck.cli.includes import text_of
from flowdeck.cli.parsing import Usage, commands, readable, switch, table
from flowdeck.cli.remote import Refused, Remote, add_flags, show

TYPES = ("STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON")


def register(group: argparse.ArgumentParser) -> None:
    """Add the commands."""
    parts = commands(group, "part", "PART")

    def command(below: Any, name: str, told: str, run: Any, *arguments: str) -> argparse.ArgumentParser:
        parser = below.add_parser(name, help=told)
        for argument in arguments:
            parser.add_argument(argument.lower(), metavar=argument)
        add_flags(parser)
        parser.set_defaults(run=run)
        return parser

    listing = command(parts, "list", "namespaces of a server", run_list)
    listing.add_argument("-q", "--query", help="part of the name")
    files = commands(parts.add_parser("files", help="namespace files"), "command")
    update = command(files, "update", "upload a file or a folder", run_files, "NAMESPACE")
    update.add_argument("source", metavar="FROM", help="file or folder here")
    update.add_argument("target", metavar="TO", nargs="?", default="/", help="folder there")
    switch(update, "delete", "delete what is not here")
    command(files, "list", "paths of files", run_files_list, "NAMESPACE").add_argument(
        "folder", metavar="FOLDER", nargs="?", default="/", help="folder there (/)"
    )
    get = command(files, "get", "print or download a file", run_files_get, "NAMESPACE", "PATH")
    get.add_argument("to", metavar="TO", nargs="?", help="file here; without it the content is printed")
    command(files, "delete", "delete a file, or a folder with what is in it", run_files_delete, "NAMESPACE", "PATH")
    export = command(files, "export", "write all files as a zip", run_files_export, "NAMESPACE")
    export.add_argument("to", metavar="TO", help="the zip file here")
    pairs = commands(parts.add_parser("kv", help="KV pairs"), "command")
    put = command(pairs, "update", "set a pair", run_pair, "NAMESPACE", "KEY")
    put.add_argument("value", metavar="VALUE", nargs="?")
    put.add_argument("-e", "--expiration", metavar="DURATION", help="such as PT2H")
    put.add_argument("-d", "--description", metavar="TEXT")
    put.add_argument(
        "-t", "--type", default="STRING", metavar="TYPE", type=str.upper, choices=TYPES, help=", ".join(TYPES)
    )
    put.add_argument("-f", "--file-value", metavar="FILE", help="take the value from a file")
    command(pairs, "get", "print a value", run_pair_get, "NAMESPACE", "KEY")
    command(pairs, "list", "keys with their dates", run_pair_list, "NAMESPACE")
    command(pairs, "delete", "delete pairs", run_pair_delete, "NAMESPACE").add_argument(
        "keys", metavar="KEY", nargs="+"
    )


def _there(remote: Remote, namespace: str, folder: str) -> list[str]:
    found: list[str] = []
    for one in remote.call("GET", "namespaces", namespace, "files", "directory", params={"path": folder}).json():
        path = f"{folder.rstrip('/')}/{one['fileName']}"
        if str(one.get("type", "")).upper() == "DIRECTORY":
            found += _there(remote, namespace, path)
        else:
            found.append(path)
    return found


def run_files(options: argparse.Namespace) -> int:
    """Upload; with `--delete` what is not in the folder goes."""
    source, target = Path(options.source), "/" + options.target.strip("/")
    if not source.exists():
        raise ValueError(f"{source} does not exist")
    here = {source.name: source} if source.is_file() else {p.relative_to(source).as_posix(): p for p in chosen(source)}
    wanted = {f"{target.rstrip('/')}/{name}": path for name, path in here.items()}
    gone: list[str] = []
    with Remote(options) as remote:
        for path, file in wanted.items():
            with file.open("rb") as content:
                remote.call(
                    "POST",
                    "namespaces",
                    options.namespace,
                    "files",
                    params={"path": path},
                    files={"fileContent": (file.name, content)},
                )
            if readable(options):
                print(f"{file} → {path}", flush=True)
        if options.delete:
            gone = [path for path in _there(remote, options.namespace, target) if path not in wanted]
            for path in gone:
                remote.call("DELETE", "namespaces", options.namespace, "files", params={"path": path})
    told = f"{len(wanted)} files" + (f", {len(gone)} deleted" if options.delete else "")
    show(options, {"files": list(wanted), "deleted": gone}, told)
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Print namespaces."""
    asked = {"q": options.query} if options.query else {}
    with Remote(options) as remote:
        rows = remote.pages("namespaces", "search", params=asked)
    show(options, rows, table(rows, ("id", "description"), "no namespaces"))
    return 0


def run_files_list(options: argparse.Namespace) -> int:
    """Print the paths of all files below a folder."""
    with Remote(options) as remote:
        paths = sorted(_there(remote, options.namespace, options.folder))
    show(options, paths, "\n".join(paths) or "no files")
    return 0


def run_files_get(options: argparse.Namespace) -> int:
    """Print a file, or write it here."""
    place = ("namespaces", options.namespace, "files")
    with Remote(options) as remote:
        if options.to:
            size = remote.download(Path(options.to), *place, params={"path": options.path})
            show(options, {"file": options.to, "bytes": size}, f"wrote {options.to}, {size:,} bytes")
            return 0
        content = remote.call("GET", *place, params={"path": options.path}).content
    import sys

    if readable(options):
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        show(options, {"path": options.path, "content": content.decode(errors="replace")}, "")
    return 0


def run_files_delete(options: argparse.Namespace) -> int:
    """Delete a file or a folder."""
    with Remote(options) as remote:
        remote.call("DELETE", "namespaces", options.namespace, "files", params={"path": options.path})
    show(options, {"deleted": options.path}, f"deleted {options.path}")
    return 0


def run_files_export(options: argparse.Namespace) -> int:
    """Download all files of a namespace."""
    with Remote(options) as remote:
        size = remote.download(Path(options.to), "namespaces", options.namespace, "files", "export")
    show(options, {"file": options.to, "bytes": size}, f"wrote {options.to}, {size:,} bytes")
    return 0


def run_pair(options: argparse.Namespace) -> int:
    """Set a pair; the server checks that the value is of its type."""
    if (options.value is None) == (options.file_value is None):
        raise Usage("give VALUE or --file-value FILE, not both")
    text = options.value if options.file_value is None else text_of(Path(options.file_value))
    body = json.dumps(text) if options.type == "STRING" else text.strip()
    headers: dict[str, str | bytes] = {"Content-Type": "text/plain"}
    if options.expiration:
        headers["ttl"] = options.expiration
    if options.description:
        headers["description"] = options.description.replace("\n", " ").encode()
    place = ("namespaces", options.namespace, "kv", options.key)
    with Remote(options) as remote:
        remote.call("PUT", *place, params={"type": options.type}, content=body.encode(), headers=headers)
    show(options, {"namespace": options.namespace, "key": options.key}, f"set {options.namespace} {options.key}")
    return 0


def run_pair_get(options: argparse.Namespace) -> int:
    """Print a value; a document as JSON."""
    with Remote(options) as remote:
        found = remote.call("GET", "namespaces", options.namespace, "kv", options.key).json()
    value = found.get("value")
    show(options, found, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return 0


def run_pair_list(options: argparse.Namespace) -> int:
    """Print the keys of a namespace."""
    with Remote(options) as remote:
        rows = remote.pages("kv", params={"filters[namespace][EQUALS]": options.namespace})
    show(options, rows, table(rows, ("key", "version", "updateDate", "expirationDate", "description"), "no pairs"))
    return 0


def run_pair_delete(options: argparse.Namespace) -> int:
    """Delete pairs; status 1 when one was not there."""
    gone: list[str] = []
    with Remote(options) as remote:
        for key in options.keys:
            try:
                if remote.call("DELETE", "namespaces", options.namespace, "kv", key).json():
                    gone.append(key)
            except Refused as error:
                if error.status != 404:
                    raise
    missing = [key for key in options.keys if key not in gone]
    told = [*(f"deleted {key}" for key in gone), *(f"there is no {key}" for key in missing)]
    show(options, {"deleted": gone, "missing": missing}, "\n".join(told))
    return 1 if missing else 0
