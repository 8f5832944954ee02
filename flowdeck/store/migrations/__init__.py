"""Schema migrations (Alembic): forward only, run by `core` alone (design detail 16)."""

HEAD = "0014"
"""The newest revision: told here so that an ordinary start does not load Alembic (a test compares)."""
