"""Schema migrations (Alembic): forward only, run by `core` alone (design detail 16)."""
