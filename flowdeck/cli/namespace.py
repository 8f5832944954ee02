"""`flowdeck namespace …`: files and KV pairs of a namespace on a running server."""

from __future__ import annotations

import argparse
import fnmatch
import json
from pathlib import Path
from typing import Any

from flowdeck.cli.includes import text_of
from flowdeck.cli.remote import Remote, add_flags, show

IGNORE = ".kestraignore"


def register(groups: Any) -> None:
    """Add the command group."""
    parts = groups.add_parser("namespace", help="files and pairs of a namespace").add_subparsers(
        dest="part", metavar="PART", required=True
    )
    files = parts.add_parser("files", help="namespace files").add_subparsers(
        dest="command", metavar="COMMAND", required=True
    )
    update = files.add_parser("update", help="upload a file or a folder")
    update.add_argument("namespace", metavar="NAMESPACE")
    update.add_argument("source", metavar="FROM", help="file or folder here")
    update.add_argument("target", metavar="TO", nargs="?", default="/", help="folder there")
    update.add_argument(
        "--delete", action=argparse.BooleanOptionalAction, default=False, help="delete what is not here"
    )
    add_flags(update)
    update.set_defaults(run=run_files)
    pairs = parts.add_parser("kv", help="KV pairs").add_subparsers(dest="command", metavar="COMMAND", required=True)
    put = pairs.add_parser("update", help="set a pair")
    put.add_argument("namespace", metavar="NAMESPACE")
    put.add_argument("key", metavar="KEY")
    put.add_argument("value", metavar="VALUE", nargs="?")
    put.add_argument("-e", "--expiration", metavar="DURATION", help="such as PT2H")
    put.add_argument(
        "-t", "--type", default="STRING", metavar="TYPE", type=str.upper, choices=TYPES, help=", ".join(TYPES)
    )
    put.add_argument("-f", "--file-value", metavar="FILE", help="take the value from a file")
    add_flags(put)
    put.set_defaults(run=run_pair)


TYPES = ("STRING", "NUMBER", "BOOLEAN", "DATETIME", "DATE", "DURATION", "JSON")


def ignored(folder: Path) -> list[str]:
    """Patterns of the folder's ignore file, one a line; `#` begins a remark."""
    path = folder / IGNORE
    if not path.is_file():
        return []
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def chosen(folder: Path) -> list[Path]:
    """Files below a folder that no pattern of its ignore file names, in order."""
    patterns = ignored(folder)

    def left_out(path: Path) -> bool:
        name = path.relative_to(folder).as_posix()
        parents = [name, *(parent.as_posix() for parent in Path(name).parents if parent.as_posix() != ".")]
        return any(
            fnmatch.fnmatch(one, pattern.strip("/")) or fnmatch.fnmatch(Path(one).name, pattern.strip("/"))
            for pattern in patterns
            for one in parents
        )

    return [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != IGNORE and not left_out(p)]


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
            if options.output == "text":
                print(f"{file} → {path}", flush=True)
        if options.delete:
            gone = [path for path in _there(remote, options.namespace, target) if path not in wanted]
            for path in gone:
                remote.call("DELETE", "namespaces", options.namespace, "files", params={"path": path})
    told = f"{len(wanted)} files" + (f", {len(gone)} deleted" if options.delete else "")
    show(options, {"files": list(wanted), "deleted": gone}, told)
    return 0


def run_pair(options: argparse.Namespace) -> int:
    """Set a pair; the server checks that the value is of its type."""
    if (options.value is None) == (options.file_value is None):
        raise ValueError("give VALUE or --file-value FILE, not both")
    text = options.value if options.file_value is None else text_of(Path(options.file_value))
    body = json.dumps(text) if options.type == "STRING" else text.strip()
    headers = {"Content-Type": "text/plain"}
    if options.expiration:
        headers["ttl"] = options.expiration
    with Remote(options) as remote:
        remote.call("PUT", "namespaces", options.namespace, "kv", options.key, content=body, headers=headers)
    show(options, {"namespace": options.namespace, "key": options.key}, f"set {options.namespace} {options.key}")
    return 0
