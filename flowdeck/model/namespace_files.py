"""Which namespace files a task takes (spec: workflow components §7.2)."""

from __future__ import annotations

from typing import Literal

from flowdeck.model.declare import Declared, Expr, field

_BEFORE_PATH = "/_files/"


def named_by(uri: str) -> tuple[str, str] | None:
    """Namespace and path of the namespace file that a URI of `fileURI()` names (expressions §8); None for others."""
    if not uri.startswith("kestra:///"):
        return None
    folder, mark, path = uri.removeprefix("kestra:///").partition(_BEFORE_PATH)
    return (folder.replace("/", "."), f"/{path}") if folder and mark and path else None


def in_every_folder(patterns: list[str]) -> list[str]:
    """Patterns of `include` and `exclude` as globs of whole paths: only a slash in front binds one to the root."""
    return [one if one.startswith(("/", "./", "glob:", "regex:")) else f"**/{one}" for one in patterns]


class NamespaceFilesSpec(Declared):
    """Which namespace files are copied into the working directory."""

    enabled: Expr[bool] = field(default=True, doc="Whether files are copied.")
    include: Expr[list[str]] | None = field(default=None, doc="Globs of files to copy; all without it.")
    exclude: Expr[list[str]] | None = field(default=None, doc="Globs of files to leave out.")
    namespaces: Expr[list[str]] = field(
        default_factory=lambda: ["{{ flow.namespace }}"], doc="Namespaces in order; later ones win."
    )
    if_exists: Expr[Literal["OVERWRITE", "FAIL", "WARN", "IGNORE"]] = field(
        default="OVERWRITE", doc="What to do when the file is there already."
    )
    folder_per_namespace: Expr[bool] = field(default=False, doc="Put each namespace's files in a folder of its name.")
