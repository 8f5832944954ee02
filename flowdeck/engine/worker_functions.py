"""Expression functions that reach outside, as a worker offers them (spec: expressions §8, design detail 3).

They are called in a thread of their own by a render that needs I/O; what belongs to the loop is sent there and awaited.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, tzinfo
from typing import Any, BinaryIO

import httpx

from flowdeck.expr import ExpressionError
from flowdeck.expr.dates import read_date
from flowdeck.model.errors import DomainError
from flowdeck.model.masking import readable
from flowdeck.model.namespace_files import named_by
from flowdeck.model.public_holidays import UnknownCountry, is_public_holiday
from flowdeck.ports.storage import Storage
from flowdeck.sdk.context import Calls, Cryptor
from flowdeck.sdk.http import Options, check_uri, client, parsed_body, reason, status_line
from flowdeck.sdk.local_files import local_path
from flowdeck.storage.encryption import Cipher, EncryptionError
from flowdeck.storage.paths import is_execution_file, namespace_files, path_of, uri_of

READ_LIMIT = 10 * 1024 * 1024
CALL_SECONDS = 15.0
HTTP_SECONDS = 10.0
ERROR_WAIT = 5.0


def _of_base64(text: str) -> str:
    """Text of base64 that may be broken into lines; ValueError."""
    return base64.b64decode("".join(text.split()), validate=True).decode()


def unreadable_secrets(variables: Mapping[str, str]) -> list[str]:
    """Names of variables `SECRET_…` that hold no base64 text."""
    found: list[str] = []
    for name, text in variables.items():
        if name.startswith("SECRET_"):
            try:
                _of_base64(text)
            except ValueError:
                found.append(name)
    return found


def ancestors(namespace: str) -> list[str]:
    """A namespace and its parents, nearest first."""
    parts = namespace.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


class ExpressionFunctions:
    """The functions for one attempt or evaluation."""

    def __init__(
        self,
        *,
        tenant: str,
        namespace: str,
        execution: str,
        calls: Calls,
        storage: Storage,
        cryptor: Cryptor | None,
        on_secret: Callable[[str], None],
        loop: asyncio.AbstractEventLoop,
        refused_addresses: tuple[str, ...],
        allowed_paths: tuple[str, ...] = (),
        url: str | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self._tenant = tenant
        self._namespace = namespace
        self._execution = execution
        self._calls = calls
        self._storage = storage
        self._cryptor = cryptor
        self._on_secret = on_secret
        self._loop = loop
        self._refused = refused_addresses
        self._allowed = allowed_paths
        self._url = url
        self._zone = zone

    def table(self) -> Mapping[str, Callable[..., Any]]:
        """Functions by their name in the language."""
        return {
            "secret": self.secret,
            "kv": self.kv,
            "read": self.read,
            "fileSize": self.file_size,
            "fileExists": self.file_exists,
            "isFileEmpty": self.is_file_empty,
            "http": self.http,
            "errorLogs": self.error_logs,
            "encrypt": self.encrypt,
            "decrypt": self.decrypt,
            "randomPort": self.random_port,
            "isPublicHoliday": self.is_public_holiday,
            "appLink": self.app_link,
            "assets": self.assets,
            "credential": self.credential,
        }

    def _wait(self, work: Coroutine[Any, Any, Any], seconds: float) -> Any:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise ExpressionError(f"no answer within {seconds:g} seconds") from None
        except DomainError as error:
            raise ExpressionError(error.message) from None

    def _ask(self, name: str, **args: Any) -> Any:
        return self._wait(self._calls.call(name, {"tenant": self._tenant, **args}), CALL_SECONDS)

    def secret(self, key: Any, namespace: Any = None, subkey: Any = None) -> str:
        """A secret: of the store, walking up the namespaces, else the worker's `SECRET_…` variable."""
        name = str(key)
        found = self._ask("secret", namespaces=ancestors(str(namespace or self._namespace)), key=name)
        if found is None:
            value = self._from_environment(name)
            if value is None:
                raise ExpressionError(f"Cannot find secret for key '{name}'.")
        elif self._cryptor is None:
            raise ExpressionError("Secrets of the store can't be read: this worker has no encryption key")
        else:
            try:
                value = self._cryptor.decrypt(found)
            except EncryptionError as error:
                raise ExpressionError(f"The secret '{name}' can't be read: {error}") from None
        self._on_secret(value)
        if subkey is None:
            return value
        try:
            member = json.loads(value)[str(subkey)]
        except (ValueError, KeyError, TypeError):
            raise ExpressionError(f"Cannot find secret sub-key '{subkey}' in secret '{name}'.") from None
        member = member if isinstance(member, str) else json.dumps(member)
        self._on_secret(member)
        return member

    @staticmethod
    def _from_environment(name: str) -> str | None:
        raw = os.environ.get(f"SECRET_{name}") or os.environ.get(f"SECRET_{name.upper()}")
        if raw is None:
            return None
        try:
            return _of_base64(raw)
        except ValueError:
            raise ExpressionError(f"The variable SECRET_{name.upper()} does not hold base64 text") from None

    def kv(self, key: Any, namespace: Any = None, errorOnMissing: Any = True) -> Any:
        """The native value of a pair; without namespace it is looked for upwards."""
        places = [str(namespace)] if namespace else ancestors(self._namespace)
        found = self._ask("kv.find", namespaces=places, key=str(key))
        if found is None or found.get("expired"):
            if str(errorOnMissing).lower() == "false":
                return None
            if found:
                raise ExpressionError("The requested value has expired")
            raise ExpressionError(f"The key '{key}' does not exist in the namespace '{places[0]}'.")
        return readable(found["value"], self._cryptor.decrypt if self._cryptor else None, self._on_secret)

    def _open(self, path: Any, namespace: Any = None) -> tuple[BinaryIO, int]:
        """A readable file and its length."""
        if str(path).startswith("file://"):
            local = local_path(str(path), self._allowed)
            return local.open("rb"), local.stat().st_size
        storage, uri = self._place(path, namespace)
        return storage.open_read(uri), storage.size(uri)

    def _place(self, path: Any, namespace: Any = None) -> tuple[Storage, str]:
        text = str(path)
        try:
            if text.startswith("kestra://"):
                uri = self._permitted(text)
                named = named_by(uri)
                if named is None or self._storage.exists(uri):
                    return self._storage, uri
                found = self._ask("files.get", namespace=named[0], path=named[1])
                return self._storage, found["uri"] if found else uri
            if text.startswith("nsfile://"):
                rest = text.removeprefix("nsfile://")
                other, _, inner = rest.partition("/")
                text, namespace = f"/{inner}", other or namespace
            elif "://" in text:
                raise ExpressionError(f"Cannot process the URI {text}: scheme not supported.")
            place = uri_of(text).removeprefix("kestra://")
        except ValueError as error:
            raise ExpressionError(str(error)) from None
        found = self._ask("files.get", namespace=str(namespace or self._namespace), path=place)
        if not found:
            raise FileNotFoundError(f"{place} (File not found)")
        return self._storage, found["uri"]

    def _permitted(self, uri: str) -> str:
        """The URI of a stored file that an expression may see: of an execution, or a file of the own namespace.

        Subflows, triggering executions and replays hand the URIs of their files over, and every namespace may call
        into every other one, so that the files of all executions of the tenant count (spec: expressions §8, `read`).
        """
        path = path_of(uri)
        if is_execution_file(path) or path.startswith(namespace_files(self._namespace) + "/"):
            return uri_of(path)
        raise ExpressionError(
            f"{uri} is neither a file of an execution nor of the namespace '{self._namespace}':"
            " files of other namespaces are read as nsfile://<namespace>/<path>"
        )

    def read(self, path: Any, namespace: Any = None) -> str:
        """Text of a namespace file or of a file in internal storage, at most 10 MB."""
        file, _ = self._open(path, namespace)
        with file:
            data = file.read(READ_LIMIT + 1)
        if len(data) > READ_LIMIT:
            raise ExpressionError(f"{path} is larger than 10 MB")
        return data.decode("utf-8", "replace")

    def file_size(self, path: Any, namespace: Any = None) -> int:
        """Length in bytes."""
        file, size = self._open(path, namespace)
        file.close()
        return size

    def file_exists(self, path: Any, namespace: Any = None) -> bool:
        """Whether the file is there."""
        try:
            file, _ = self._open(path, namespace)
        except FileNotFoundError:
            return False
        file.close()
        return True

    def is_file_empty(self, path: Any, namespace: Any = None) -> bool:
        """Whether the file has no content."""
        return self.file_size(path, namespace) == 0

    def error_logs(self) -> list[dict[str, Any]]:
        """The first 25 ERROR lines of the execution; waits up to 5 s for the first one."""
        end = time.monotonic() + ERROR_WAIT
        while True:
            found = self._ask("errorLogs", execution=self._execution)
            if found or time.monotonic() > end:
                return found
            time.sleep(0.1)

    def encrypt(self, key: Any, plaintext: Any) -> str:
        """AES-GCM under a given base64 key."""
        self._on_secret(str(key))
        return _cipher(key).encrypt(str(plaintext))

    def decrypt(self, key: Any, encrypted: Any) -> str:
        """Inverse of `encrypt`."""
        self._on_secret(str(key))
        try:
            text = _cipher(key).decrypt(str(encrypted))
        except EncryptionError as error:
            raise ExpressionError(str(error)) from None
        self._on_secret(text)
        return text

    @staticmethod
    def random_port() -> int:
        """A TCP port that is free on this worker now."""
        with socket.socket() as probe:
            probe.bind(("", 0))
            return probe.getsockname()[1]

    def is_public_holiday(self, date: Any, countryCode: Any, subDivision: Any = None) -> bool:
        """Whether a day is a public holiday; a subdivision is `BY` or `DE-BY`."""
        day = read_date(date, self._zone).date()
        try:
            return is_public_holiday(day, str(countryCode), None if subDivision is None else str(subDivision))
        except UnknownCountry as error:
            raise ExpressionError(str(error)) from None

    def app_link(self, appId: Any = None, baseUrl: Any = False) -> str:
        """Address of this server; apps, which it could lead to, belong to another edition."""
        if str(baseUrl).lower() != "true":
            raise ExpressionError(
                f"Unable to find an app with the id '{appId}'" if appId is not None else "No app uses this flow"
            )
        if not self._url:
            raise ExpressionError("The server's address is unknown: kestra.url is not configured")
        return self._url.rstrip("/")

    @staticmethod
    def assets(type: Any = None, namespace: Any = None, metadata: Any = None) -> list[Any]:
        """Assets that match: none are kept by this edition."""
        return []

    @staticmethod
    def credential(key: Any) -> str:
        """A token of a managed credential: this edition has none."""
        raise ExpressionError(f"Cannot find credential for key '{key}'.")

    def http(
        self,
        uri: Any,
        method: Any = "GET",
        query: Any = None,
        body: Any = None,
        contentType: Any = "application/json",
        headers: Any = None,
        options: Any = None,
        accept: Any = "application/json",
    ) -> Any:
        """Body of an answer, parsed when it is JSON or YAML."""
        return self._wait(
            self._exchange(str(uri), str(method), query, body, str(contentType), headers, options, str(accept)),
            HTTP_SECONDS,
        )

    async def _exchange(
        self, uri: str, method: str, query: Any, body: Any, content_type: str, headers: Any, options: Any, accept: str
    ) -> Any:
        settings = Options.of(options)
        sent = httpx.Headers({"Content-Type": content_type, "Accept": accept})
        for name, value in (headers or {}).items():
            for item in value if isinstance(value, list) else [value]:
                sent[str(name)] = str(item)
        data = None
        if body is not None:
            data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        try:
            async with client(settings, self._refused) as http:
                request = http.build_request(
                    method.upper(), check_uri(uri), params=query or None, content=data, headers=sent
                )
                answer = await http.send(request, stream=True)
                try:
                    text = (await _body(answer, settings.max_content)).decode(answer.encoding or "utf-8", "replace")
                finally:
                    await answer.aclose()
        except LookupError:
            raise ExpressionError("Failed to execute HTTP Request: the answer names an unknown encoding") from None
        except httpx.HTTPError as error:
            raise ExpressionError(f"Failed to execute HTTP Request: {reason(error)}") from None
        if answer.status_code >= 400 and not settings.allow_failed:
            raise ExpressionError(f"Failed to execute HTTP Request, server respond with status {status_line(answer)}")
        return parsed_body(text, answer.headers.get("content-type", ""))


async def _body(answer: httpx.Response, limit: int) -> bytes:
    """The body, unpacked; `ExpressionError` beyond `limit` bytes."""
    parts, size = [], 0
    async for part in answer.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > limit:
            raise ExpressionError(f"Failed to execute HTTP Request: the body is larger than {limit} bytes")
    return b"".join(parts)


def _cipher(key: Any) -> Cipher:
    try:
        return Cipher(str(key))
    except EncryptionError as error:
        raise ExpressionError(str(error)) from None
