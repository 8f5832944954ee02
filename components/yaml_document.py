"""Places what the panels of an editor share: the text as one types, edits of nodes, knowledge of the instance."""

from __future__ import annotations

import reflex as rx

DOCUMENT = rx.asset("yaml_document.jsx", shared=True)
EDIT = rx.asset("yaml_edit.mjs", shared=True)
KNOWLEDGE = rx.asset("yaml_knowledge.jsx", shared=True)
PACKAGE = "yaml@2.9.1"
"""Reads YAML with the places of its nodes; `yaml_edit.mjs` never prints a text with it, only new values."""
