"""A trigger that asks an HTTP address now and then (spec: core plugins §4)."""

from __future__ import annotations

from typing import Any

from flowdeck.model.coerce import to_text
from flowdeck.plugins.core.http import Auth, HttpOptions, Request, Ssl
from flowdeck.sdk import Example, Expr, PollingTrigger, RunContext, TaskError, field
from flowdeck.sdk.http import headers_map


class Trigger(PollingTrigger, type="io.kestra.plugin.core.http.Trigger", aliases=("io.kestra.plugin.fs.http.Trigger",)):
    """Start an execution when the answer of an HTTP request fulfils a condition.

    The request is made at each interval. Error codes are no errors here: the condition decides.
    """

    uri: Expr[str] = field(doc="Address; spaces are encoded, nothing else is.")
    method: Expr[str] = field(default="GET", doc="HTTP method.")
    body: Expr[str] | None = field(default=None, doc="Body of the request; `formData` wins over it.")
    form_data: Expr[Any] | None = field(default=None, doc="Fields of a form.")
    content_type: Expr[str] = field(default="application/json", doc="Content type of the body.")
    headers: Expr[dict[str, Any]] | None = field(default=None, doc="Headers; they override the content type.")
    params: Expr[dict[str, Any]] | None = field(default=None, doc="Query parameters, appended and encoded.")
    options: HttpOptions | None = field(default=None, doc="How the request is made.")
    auth: Auth | None = field(default=None, doc="Same as `options.auth`.")
    allow_failed: Expr[bool] | None = field(default=None, doc="Without effect.", deprecated="Error codes are allowed.")
    ssl_options: Ssl | None = field(default=None, doc="Use `options`.", deprecated="Use options.ssl.")
    response_condition: Expr[str] = field(
        default="{{ response.statusCode < 400 }}",
        doc="An execution starts when this is neither blank nor `false`; `response` has `statusCode`, `body` and "
        "`headers`.",
    )
    encrypt_body: Expr[bool] = field(default=False, doc="Give the body encrypted as `encryptedBody`.")

    Output = Request.Output

    examples = (
        Example(
            "Start when an address says that it is ready",
            """\
id: when-ready
namespace: company.team
tasks:
  - id: show
    type: io.kestra.plugin.core.debug.Return
    format: "{{ trigger.body ?? 'started by hand' }}"
triggers:
  - id: ready
    type: io.kestra.plugin.core.http.Trigger
    uri: https://example.com/state
    responseCondition: "{{ response.statusCode == 200 and (response.body | jq('.ready') | first) }}"
    interval: PT5M
""",
        ),
    )

    async def evaluate(self, ctx: RunContext) -> dict[str, Any] | None:
        """Ask once."""
        encrypt = await ctx.render(self.encrypt_body)
        if encrypt and ctx.worker.cryptor is None:
            raise TaskError("encryptBody needs the configuration key kestra.encryption.secret-key")
        request = Request.build({**self.to_json(), "allowFailed": True})
        async with request.exchange(ctx) as (response, options):
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > options.max_content:
                    raise TaskError(f"The answer is larger than {options.max_content} bytes")
            try:
                body = data.decode(response.charset_encoding or options.charset)
            except (UnicodeDecodeError, LookupError):
                raise TaskError("The answer is no text") from None
            request.count(ctx, response, len(data))
            seen = {"statusCode": response.status_code, "body": body, "headers": headers_map(response)}
            wanted = to_text(await ctx.render_with(self.response_condition, {"response": seen})).strip()
            if wanted in ("", "false"):
                ctx.log.debug(f"No execution: the condition gives '{wanted}' for status {response.status_code}")
                return None
            return {
                "uri": str(response.url),
                "code": response.status_code,
                "headers": headers_map(response),
                "body": None if encrypt else body,
                "encryptedBody": ctx.worker.cryptor.wrap(body) if encrypt and ctx.worker.cryptor else None,
                "formData": await ctx.render_value(self.form_data.raw) if self.form_data else None,
            }
