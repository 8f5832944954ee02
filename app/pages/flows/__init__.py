"""Flows: list, editor, the tabs of one flow, and the dialog that starts an execution."""
