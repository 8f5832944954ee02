"""Functions that reach outside the render; `Environment.io` provides them under these names (expressions §8)."""

from __future__ import annotations

from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.signature import Spec, Table, declared

TABLE = Table()


def _absent(*arguments: Any, **named: Any) -> Any:
    raise ExpressionError("This function is provided by the environment")


def _outside(name: str, summary: str, *parameters: str | tuple[str, Any], secret: bool = False) -> None:
    TABLE[name] = Spec(name, _absent, declared(parameters), summary, io=True, secret=secret)


_outside("secret", "A secret; walks up the namespaces.", "key", ("namespace", None), ("subkey", None), secret=True)
_outside("credential", "A short-lived token.", "key", secret=True)
_outside("kv", "A value of the KV store.", "key", ("namespace", None), ("errorOnMissing", True))
_outside("read", "Text of a file.", "path", ("namespace", None))
_outside("fileSize", "Size of a file in bytes.", "path", ("namespace", None))
_outside("fileExists", "Whether a file exists.", "path", ("namespace", None))
_outside("isFileEmpty", "Whether a file is empty.", "path", ("namespace", None))
_outside("encrypt", "AES-GCM of a text, in base64.", "key", "plaintext")
_outside("decrypt", "Text of its encryption.", "key", "encrypted")
_outside("errorLogs", "ERROR log entries of the execution.")
_outside("randomPort", "A free TCP port.")
_outside(
    "http",
    "Body of an HTTP answer.",
    "uri",
    ("method", "GET"),
    ("query", None),
    ("body", None),
    ("contentType", "application/json"),
    ("headers", None),
    ("options", None),
    ("accept", "application/json"),
)
_outside("appLink", "Link to an app of the execution.", ("appId", None), ("baseUrl", False))
_outside("isPublicHoliday", "Whether a date is a public holiday.", "date", "countryCode", ("subDivision", None))
_outside("assets", "List of assets.", ("type", None), ("namespace", None), ("metadata", None))
