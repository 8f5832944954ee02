"""Alembic's entry: runs on the connection that `store.schema` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from flowdeck.store import tables

assert tables
connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
    transactional_ddl=False,
    transaction_per_migration=False,
)
context.run_migrations()
