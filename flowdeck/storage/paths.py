"""Where things lie in internal storage (spec: workflow components §3.3, §14)."""

from __future__ import annotations

import re
import secrets
import unicodedata

SCHEME = "kestra://"

_NOT_WORD = re.compile(r"[^\w\s-]")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_GAPS = re.compile(r"[\s_-]+")
_FILES = "_files"
_REVISION = re.compile(r"\.v(\d+)-[0-9a-f]+$")


def slug(text: str) -> str:
    """The form of flow, task and trigger ids in paths: lower case, `_` becomes `-` (expressions §7, `slugify`)."""
    plain = unicodedata.normalize("NFD", text).encode("ascii", "ignore").decode()
    return _GAPS.sub("-", _NOT_WORD.sub("", plain).strip()).strip("-").lower()


def path_of(place: str) -> str:
    """The absolute path of a URI or path; `ValueError` for another scheme or a path that climbs out."""
    if place.startswith(SCHEME):
        place = place[len(SCHEME) :]
    elif _SCHEME.match(place):
        raise ValueError(f"Cannot process the URI {place}: scheme not supported.")
    parts = [part for part in place.split("/") if part]
    if any(part == ".." or "\\" in part or "\0" in part for part in parts):
        raise ValueError("File should be accessed with their full path and not using relative '..' path.")
    return "/" + "/".join(part for part in parts if part != ".")


def uri_of(path: str) -> str:
    """The `kestra:///` URI of a path."""
    return SCHEME + path_of(path)


def namespace_folder(namespace: str) -> str:
    """Folder of a namespace: dots are folders."""
    return "/" + namespace.replace(".", "/")


def execution_folder(namespace: str, flow_id: str, execution: str) -> str:
    """All files of one execution."""
    return f"{namespace_folder(namespace)}/{slug(flow_id)}/executions/{execution}"


def task_run_folder(namespace: str, flow_id: str, execution: str, task_id: str, task_run: str) -> str:
    """Files that a task run's attempts made."""
    return f"{execution_folder(namespace, flow_id, execution)}/tasks/{slug(task_id)}/{task_run}"


def trigger_folder(namespace: str, flow_id: str, execution: str, trigger_id: str) -> str:
    """Files that an evaluation of a trigger made for the execution that it starts."""
    return f"{execution_folder(namespace, flow_id, execution)}/trigger/{slug(trigger_id)}"


def input_path(namespace: str, flow_id: str, execution: str, input_id: str, name: str) -> str:
    """Place of an uploaded FILE input."""
    return f"{execution_folder(namespace, flow_id, execution)}/inputs/{input_id}/{name}"


def namespace_files(namespace: str) -> str:
    """Root of the namespace files' content."""
    return f"{namespace_folder(namespace)}/{_FILES}"


def revision_place(namespace: str, path: str, revision: int, before: str | None = None) -> str:
    """Where the content of a namespace file's revision goes: never a place that was used before.

    The revisions of one file lie beside each other whatever it is called meanwhile, apart from those of another file
    that had or gets the same name.

    Args:
        revision: its number.
        before: URI of the revision before; none for a new file.
    """
    told = revision_of(path_of(before)) if before else None
    base = told[0] if told else f"{namespace_files(namespace)}{path}~{secrets.token_hex(3)}"
    return f"{base}.v{revision}-{secrets.token_hex(4)}"


def revision_of(place: str) -> tuple[str, int] | None:
    """The place without its revision, and the revision; None for a place that has none."""
    found = _REVISION.search(place)
    return (place[: found.start()], int(found[1])) if found else None


def is_execution_file(path: str) -> bool:
    """Whether a path, as `path_of` gives it, lies in the folder of some execution."""
    parts = path.split("/")[1:]
    # /<namespace…>/<flow>/executions/<id>/<file…>
    for place in range(2, len(parts) - 2):
        if parts[place] == "executions":
            return _FILES not in parts[:place]
    return False
