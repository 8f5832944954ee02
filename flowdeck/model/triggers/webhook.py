"""The Webhook trigger (spec: workflow components §15.8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from flowdeck.model.component import TriggerBase
from flowdeck.model.declare import Declared, Example, Expr, field


class Signature(Declared):
    """How a sender proves that it knows a secret: an HMAC over the bytes of its call."""

    header: str = field(doc="Header that carries the signature, such as `X-Hub-Signature-256`.")
    secret: Expr[str] = field(secret=True, doc="What both sides know; best `{{ secret('NAME') }}`.")
    algorithm: Literal["SHA1", "SHA256", "SHA512"] = field(default="SHA256", doc="Hash of the HMAC.")
    encoding: Literal["HEX", "BASE64"] = field(default="HEX", doc="Form of the signature.")
    prefix: str = field(default="", doc="What stands before the signature in the header, such as `sha256=`.")
    content: str = field(default="{body}", doc="What is signed: text with `{body}` and `{timestamp}`.")
    timestamp_header: str | None = field(
        default=None, doc="Header with the seconds since 1970 of the call: old calls are refused."
    )
    tolerance: timedelta = field(default=timedelta(minutes=5), doc="Largest age of a call with `timestampHeader`.")


class Webhook(
    TriggerBase,
    type="io.kestra.plugin.core.trigger.Webhook",
    role="webhook",
    aliases=("io.kestra.core.models.triggers.types.Webhook",),
):
    """Start an execution by an HTTP request.

    The address is `/api/v1/{tenant}/executions/webhook/{namespace}/{flow}/{key}`; the key is the credential.
    """

    key: Expr[str] = field(max_length=256, secret=True, doc="Last part of the address; hard to guess.")
    signature: Signature | None = field(
        default=None, doc="Calls must be signed: the key alone is not enough. Not known to the reference."
    )
    inputs: Expr[dict[str, Any]] | None = field(default=None, doc="Inputs of the execution, made from the request.")
    wait: bool = field(default=False, doc="Answer when the execution has ended.")
    return_outputs: bool = field(default=False, doc="Answer with the outputs of the flow; needs `wait`.")
    response_content_type: Literal["application/json", "text/plain"] | None = field(
        default=None, doc="Form of the answer; needs `returnOutputs`."
    )
    response_code: Expr[int] | None = field(default=None, doc="Status of the answer; needs `wait`.")

    class Output(Declared):
        """Variables of the execution under `trigger`."""

        body: Any = field(doc="Body of the request: JSON as map or list, else text.")
        headers: dict[str, list[str]] = field(doc="Headers of the request.")
        parameters: dict[str, list[str]] = field(doc="Query parameters of the request.")

    examples = (
        Example(
            "Start with the body of a request",
            """\
id: hook
namespace: company.team
tasks:
  - id: show
    type: io.kestra.plugin.core.debug.Return
    format: "{{ trigger.body ?? 'started by hand' }}"
triggers:
  - id: web
    type: io.kestra.plugin.core.trigger.Webhook
    key: replace-this-with-something-long
""",
        ),
        Example(
            "Take signed calls only",
            """\
id: signed
namespace: company.team
tasks:
  - id: show
    type: io.kestra.plugin.core.log.Log
    message: "{{ trigger.body }}"
triggers:
  - id: push
    type: io.kestra.plugin.core.trigger.Webhook
    key: replace-this-with-something-long
    signature:
      header: X-Hub-Signature-256
      prefix: sha256=
      secret: "{{ secret('HOOK_SECRET') }}"
""",
        ),
    )
