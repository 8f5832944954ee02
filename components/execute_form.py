"""The form that starts an execution, replays one with inputs, or resumes one (``spec/ui.md`` §6.2, picture 04)."""

from __future__ import annotations

from typing import Any

import reflex as rx

from components.glyphs import GLYPHS, ICONS
from components.net import NET

_JS = rx.asset("execute_form.jsx", shared=True)
_FIELDS = rx.asset("input_fields.jsx", shared=True)
_EXTRAS = rx.asset("execute_extras.jsx", shared=True)
_CSS = rx.asset("execute_form.css", shared=True)
__all__ = ["GLYPHS", "NET", "ExecuteForm", "execute_form"]


class ExecuteForm(rx.NoSSRComponent):
    """One control per input, checked by the server while typing, sent as multipart by the browser itself.

    Inputs come from ``flow_url`` (GET of the flow) or from ``inputs``. ``defaults`` prefills values by input id and
    beats the flow's own defaults. ``create_url`` takes the multipart POST; with ``mode="resume"`` or
    ``mode="replay"`` labels and schedule are left out. ``on_created`` gives what the server answered
    (``id namespace flowId state url``), ``on_error`` the refusal (``status message requestId errors``). The form
    offers, with ``presets_url`` (own endpoints §8) and ``runs_url`` (a search of executions), to prefill from presets
    and earlier runs and to save presets. It fills the dialog's body and brings its own footer with Cancel and the
    submitting button.
    """

    library = _JS.importable_path
    tag = "ExecuteForm"
    lib_dependencies: list[str] = [ICONS]
    flow_url: rx.Var[str]
    inputs: rx.Var[list[dict[str, Any]]]
    validate_url: rx.Var[str]
    create_url: rx.Var[str]
    defaults: rx.Var[dict[str, Any]]
    labels: rx.Var[list[dict[str, str]]]
    revision: rx.Var[int]
    revisions: rx.Var[list[int]]
    breakpoints: rx.Var[str]
    mode: rx.Var[str]
    submit_label: rx.Var[str]
    disabled_reason: rx.Var[str]
    presets_url: rx.Var[str]
    runs_url: rx.Var[str]
    on_created: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_error: rx.EventHandler[rx.event.passthrough_event_spec(dict[str, Any])]
    on_cancel: rx.EventHandler[rx.event.no_args_event_spec]


execute_form = ExecuteForm.create
