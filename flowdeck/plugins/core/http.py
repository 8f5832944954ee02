"""HTTP requests (spec: core plugins §4)."""

from __future__ import annotations

import json
import mimetypes
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import httpx

from flowdeck.model.coerce import to_text
from flowdeck.plugins.core.storage import extension_of, new_name
from flowdeck.sdk import Declared, Example, Expr, MetricSpec, RunContext, Task, TaskError, field
from flowdeck.sdk.http import (
    REFUSED_ADDRESSES,
    Options,
    boundary,
    check_uri,
    client,
    form_body,
    headers_map,
    reason,
    status_line,
)

SHOWN_BODY = 2000


class Timeouts(Declared):
    """Times of an exchange."""

    connect_timeout: Expr[str] | None = field(default=None, doc="How long connecting may take.")
    read_idle_timeout: Expr[str] | None = field(default=None, doc="How long the server may stay silent.")


class Proxy(Declared):
    """A proxy between task and server."""

    type: Expr[str] | None = field(default=None, doc="`DIRECT`, `HTTP` or `SOCKS`.")
    address: Expr[str] | None = field(default=None, doc="Host of the proxy.")
    port: Expr[int] | None = field(default=None, doc="Port of the proxy.")
    username: Expr[str] | None = field(default=None, doc="User at the proxy.")
    password: Expr[str] | None = field(default=None, doc="Password at the proxy.", secret=True)


class Auth(Declared):
    """Who asks."""

    type: Expr[str] = field(doc="`BASIC`, `BEARER` or `DIGEST`.")
    username: Expr[str] | None = field(default=None, doc="User, for BASIC and DIGEST.")
    password: Expr[str] | None = field(default=None, doc="Password, for BASIC and DIGEST.", secret=True)
    token: Expr[str] | None = field(default=None, doc="Token, for BEARER.", secret=True)


class Ssl(Declared):
    """Trust in the server."""

    insecure_trust_all_certificates: Expr[bool] | None = field(default=None, doc="Accept any certificate.")


class HttpOptions(Declared):
    """How requests are made."""

    timeout: Timeouts | None = field(default=None, doc="Times of an exchange.")
    proxy: Proxy | None = field(default=None, doc="A proxy.")
    auth: Auth | None = field(default=None, doc="Who asks.")
    ssl: Ssl | None = field(default=None, doc="Trust in the server.")
    follow_redirects: Expr[bool] = field(default=True, doc="Go where a redirect points to.")
    allow_failed: Expr[bool] = field(default=False, doc="Status codes from 400 on do not fail the task.")
    allowed_response_codes: Expr[list[int]] | None = field(default=None, doc="Codes that do not fail the task.")
    default_charset: Expr[str] = field(default="UTF-8", doc="Encoding of texts that do not name theirs.")
    logs: list[Literal["REQUEST_HEADERS", "REQUEST_BODY", "RESPONSE_HEADERS", "RESPONSE_BODY"]] | None = field(
        default=None, doc="What of the exchange goes to the log at DEBUG."
    )
    connect_timeout: Expr[str] | None = field(default=None, doc="Use `timeout`.", deprecated="Use timeout.")
    read_timeout: Expr[str] | None = field(default=None, doc="Use `timeout`.", deprecated="Use timeout.")
    read_idle_timeout: Expr[str] | None = field(default=None, doc="Without effect.", deprecated="Use timeout.")
    connection_pool_idle_timeout: Expr[str] | None = field(default=None, doc="Without effect.", deprecated=True)
    max_content_length: Expr[int] | None = field(default=None, doc="Largest body that Request accepts, in bytes.")
    proxy_type: Expr[str] | None = field(default=None, doc="Use `proxy`.", deprecated="Use proxy.")
    proxy_address: Expr[str] | None = field(default=None, doc="Use `proxy`.", deprecated="Use proxy.")
    proxy_port: Expr[int] | None = field(default=None, doc="Use `proxy`.", deprecated="Use proxy.")
    proxy_username: Expr[str] | None = field(default=None, doc="Use `proxy`.", deprecated="Use proxy.")
    proxy_password: Expr[str] | None = field(default=None, doc="Use `proxy`.", deprecated="Use proxy.", secret=True)
    basic_auth_user: Expr[str] | None = field(default=None, doc="Use `auth`.", deprecated="Use auth.")
    basic_auth_password: Expr[str] | None = field(default=None, doc="Use `auth`.", deprecated="Use auth.", secret=True)
    log_level: str | None = field(default=None, doc="Use `logs`.", deprecated="Use logs.")


class HttpTask(Task):
    """What all HTTP tasks have in common."""

    uri: Expr[str] = field(doc="Address; spaces are encoded, nothing else is.")
    method: Expr[str] = field(default="GET", doc="HTTP method.")
    body: Expr[str] | None = field(default=None, doc="Body of the request; `formData` wins over it.")
    form_data: Expr[Any] | None = field(
        default=None, doc="Fields of a form; with content type multipart/form-data URIs are sent as files."
    )
    content_type: Expr[str] = field(default="application/json", doc="Content type of the body.")
    headers: Expr[dict[str, Any]] | None = field(default=None, doc="Headers; they override the content type.")
    params: Expr[dict[str, Any]] | None = field(default=None, doc="Query parameters, appended and encoded.")
    options: HttpOptions | None = field(default=None, doc="How the request is made.")
    auth: Auth | None = field(default=None, doc="Same as `options.auth`.")
    allow_failed: Expr[bool] | None = field(default=None, doc="Use `options`.", deprecated="Use options.allowFailed.")
    ssl_options: Ssl | None = field(default=None, doc="Use `options`.", deprecated="Use options.ssl.")

    async def rendered_options(self, ctx: RunContext) -> Options:
        """Options with everything rendered; their secrets are masked from now on."""
        raw = dict(await ctx.render_value(self.options.to_json())) if self.options else {}
        if self.auth is not None and not raw.get("auth"):
            raw["auth"] = await ctx.render_value(self.auth.to_json())
        if self.allow_failed is not None:
            raw["allowFailed"] = await ctx.render(self.allow_failed)
        if self.ssl_options is not None:
            raw.setdefault("ssl", await ctx.render_value(self.ssl_options.to_json()))
        options = Options.of(raw)
        for secret in options.secrets:
            ctx.add_secret(secret)
        return options

    async def _body(self, ctx: RunContext, headers: httpx.Headers) -> bytes | AsyncIterator[bytes] | None:
        """The request's body; sets the content type."""
        content_type = await ctx.render(self.content_type)
        if self.form_data is None:
            headers["Content-Type"] = content_type
            body = await ctx.render(self.body)
            return None if body is None else body.encode()
        form = await ctx.render_value(self.form_data.raw)
        form = json.loads(form) if isinstance(form, str) else form
        if not isinstance(form, dict):
            raise TaskError("formData is not a map")
        if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return form_body(form)
        mark = boundary()
        headers["Content-Type"] = f"multipart/form-data; boundary={mark}"
        return _multipart(ctx, form, mark)

    @asynccontextmanager
    async def exchange(self, ctx: RunContext) -> AsyncIterator[tuple[httpx.Response, Options]]:
        """Send the request; the answer's body is not read yet. `TaskError` when no answer comes or its status fails."""
        options = await self.rendered_options(ctx)
        uri = check_uri(await ctx.render(self.uri))
        method = (await ctx.render(self.method)).upper()
        headers = httpx.Headers({"User-Agent": "flowdeck", "Accept": "*/*"})
        body = await self._body(ctx, headers)
        for name, value in (await ctx.render(self.headers) or {}).items():
            values = value if isinstance(value, list) else [value]
            headers[name] = ", ".join(to_text(item) for item in values)
        params = await ctx.render(self.params)
        if params:
            url = httpx.URL(uri)
            url = url.copy_merge_params({k: to_text(v) for k, v in params.items()})
            uri = str(url)
        refused = ctx.worker.options.get("refused-addresses", REFUSED_ADDRESSES)
        try:
            async with client(options, refused) as http:
                request = http.build_request(method, uri, headers=headers, content=body)
                self._show(ctx, options, "REQUEST", request.headers, body if isinstance(body, bytes) else None)
                response = await http.send(request, stream=True)
                try:
                    self._show(ctx, options, "RESPONSE", response.headers, None)
                    await self._check(response, options)
                    yield response, options
                finally:
                    await response.aclose()
        except httpx.HTTPError as error:
            raise TaskError(f"{method} {_bare(uri)} failed: {reason(error)}") from None
        except httpx.InvalidURL as error:
            raise TaskError(f"'{_bare(uri)}' is no usable URI: {error}") from None

    @staticmethod
    async def _check(response: httpx.Response, options: Options) -> None:
        code = response.status_code
        if code < 400 or options.allow_failed or code in options.allowed_codes:
            return
        shown = b""
        async for chunk in response.aiter_bytes():
            shown += chunk
            if len(shown) > SHOWN_BODY:
                break
        text = shown[:SHOWN_BODY].decode("utf-8", "replace").strip()
        raise TaskError(
            f"Failed http request with response code '{status_line(response)}'"
            + (f" and body:\n{text}" if text else "")
        )

    @staticmethod
    def _show(ctx: RunContext, options: Options, side: str, headers: httpx.Headers, body: bytes | None) -> None:
        if f"{side}_HEADERS" in options.logs:
            hidden = {"authorization", "proxy-authorization", "cookie", "set-cookie"}
            lines = [f"{k}: {'******' if k.lower() in hidden else v}" for k, v in headers.multi_items()]
            ctx.log.debug(f"{side.lower()} headers:\n" + "\n".join(lines))
        if body is not None and f"{side}_BODY" in options.logs:
            ctx.log.debug(f"{side.lower()} body:\n{body[:SHOWN_BODY].decode('utf-8', 'replace')}")

    @staticmethod
    def count(ctx: RunContext, response: httpx.Response, length: int) -> None:
        """Publish the metric of the answer's length."""
        tags = {"request.method": response.request.method, "response.code": str(response.status_code)}
        ctx.metric("response.length", length, tags=tags)


def _bare(uri: str) -> str:
    """A URI without user info and query."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


async def _multipart(ctx: RunContext, form: dict[str, Any], mark: str) -> AsyncIterator[bytes]:
    """Parts of a form: URIs and `{name, content}` maps are sent as files, everything else as text."""
    for name, value in form.items():
        quoted = name.replace('"', "%22")
        uri, file_name = None, None
        if isinstance(value, str) and value.startswith("kestra://"):
            uri, file_name = value, PurePosixPath(value).name
        elif isinstance(value, dict) and str(value.get("content", "")).startswith("kestra://"):
            uri = str(value["content"])
            file_name = str(value.get("name") or PurePosixPath(uri).name)
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{quoted}"'
        if uri is None:
            yield f"{head}\r\n\r\n{to_text(value)}\r\n".encode()
            continue
        shown = (file_name or "file").replace('"', "%22").replace("\r", "").replace("\n", "")
        kind = mimetypes.guess_type(shown)[0] or "application/octet-stream"
        yield f'{head}; filename="{shown}"\r\nContent-Type: {kind}\r\n\r\n'.encode()
        with ctx.storage.open(uri) as file:
            while chunk := file.read(1 << 18):
                yield chunk
        yield b"\r\n"
    yield f"--{mark}--\r\n".encode()


class Request(HttpTask, type="io.kestra.plugin.core.http.Request", aliases=("io.kestra.plugin.fs.http.Request",)):
    """Send an HTTP request and give the answer's text as output."""

    encrypt_body: Expr[bool] = field(default=False, doc="Give the body encrypted as `encryptedBody`.")

    class Output(Declared):
        """The answer."""

        uri: str = field(doc="Address that answered.")
        code: int = field(doc="Status code.")
        headers: dict[str, list[str]] = field(doc="Headers of the answer.")
        body: str | None = field(default=None, doc="Text of the answer.")
        encrypted_body: Any = field(default=None, doc="The body, encrypted.")
        form_data: Any = field(default=None, doc="Fields of the form that was sent.")

    measures = (
        MetricSpec("response.length", "Bytes of the answer's body; tags `request.method` and `response.code`."),
    )

    examples = (
        Example(
            "Post JSON",
            """\
id: post
namespace: company.team
tasks:
  - id: send
    type: io.kestra.plugin.core.http.Request
    uri: https://example.com/orders
    method: POST
    body: '{"id": 1}'
""",
            full=True,
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Send and read."""
        encrypt = await ctx.render(self.encrypt_body)
        if encrypt and ctx.worker.cryptor is None:
            raise TaskError("encryptBody needs the configuration key kestra.encryption.secret-key")
        async with self.exchange(ctx) as (response, options):
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > options.max_content:
                    raise TaskError(
                        f"The answer is larger than {options.max_content} bytes; "
                        "use io.kestra.plugin.core.http.Download"
                    )
            try:
                body = data.decode(response.charset_encoding or options.charset)
            except (UnicodeDecodeError, LookupError):
                raise TaskError("The answer is no text; use io.kestra.plugin.core.http.Download") from None
            self._show(ctx, options, "RESPONSE", httpx.Headers(), bytes(data))
            self.count(ctx, response, len(data))
            return self.Output(
                uri=str(response.url),
                code=response.status_code,
                headers=headers_map(response),
                body=None if encrypt else body,
                encrypted_body=ctx.worker.cryptor.wrap(body) if encrypt and ctx.worker.cryptor else None,
                form_data=await ctx.render_value(self.form_data.raw) if self.form_data else None,
            )


class Download(HttpTask, type="io.kestra.plugin.core.http.Download", aliases=("io.kestra.plugin.fs.http.Download",)):
    """Download a file into internal storage."""

    fail_on_empty_response: Expr[bool] = field(default=True, doc="Fail when the answer has no content.")
    save_as: Expr[str] | None = field(default=None, doc="Name of the stored file.")

    class Output(Declared):
        """The stored file."""

        uri: str = field(doc="URI of the file in internal storage.")
        code: int = field(doc="Status code.")
        length: int = field(doc="Length in bytes.")
        headers: dict[str, list[str]] = field(doc="Headers of the answer.")

    measures = (
        MetricSpec("response.length", "Bytes of the answer's body; tags `request.method` and `response.code`."),
    )

    examples = (
        Example(
            "Fetch a file",
            """\
id: fetch
namespace: company.team
tasks:
  - id: get
    type: io.kestra.plugin.core.http.Download
    uri: https://example.com/orders.csv
""",
            full=True,
        ),
    )

    async def run(self, ctx: RunContext) -> Output:
        """Stream the answer to storage."""
        async with self.exchange(ctx) as (response, options):
            name = await ctx.render(self.save_as) or _file_name(response)
            length = 0
            with ctx.storage.open_write(name) as out:
                async for chunk in response.aiter_bytes(1 << 18):
                    out.write(chunk)
                    length += len(chunk)
                told = response.headers.get("content-length")
                plain = "content-encoding" not in response.headers
                if told and plain and told.isdigit() and int(told) != length and response.request.method != "HEAD":
                    raise TaskError(f"Invalid size, got {length} bytes, expected {told}")
                if length == 0 and not options.allow_failed and await ctx.render(self.fail_on_empty_response):
                    raise TaskError("No response from server")
            self.count(ctx, response, length)
            return self.Output(uri=out.uri, code=response.status_code, length=length, headers=headers_map(response))


def _file_name(response: httpx.Response) -> str:
    """Name of a downloaded file: Content-Disposition without its path, else random with the URI's extension."""
    disposition = response.headers.get("content-disposition", "")
    extended = re.search(r"filename\*\s*=\s*[\w-]*''([^;]+)", disposition, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*("([^"]*)"|[^;]+)', disposition, re.IGNORECASE)
    name = ""
    if extended:
        name = unquote(extended.group(1).strip())
    elif plain:
        name = (plain.group(2) if plain.group(2) is not None else plain.group(1)).strip()
    name = os.path.basename(name.replace("\\", "/")).strip(". ")
    name = re.sub(r"[\x00-\x1f:?*<>|\"]", "_", name)
    return name or new_name(extension_of(response.url.path, ""))
