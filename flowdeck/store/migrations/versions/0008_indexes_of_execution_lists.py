"""indexes of execution lists"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("execution", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("execution_flow"))
        batch_op.create_index("execution_flow", ["tenant", "flow_id", "namespace", "created"], unique=False)
        batch_op.drop_index(batch_op.f("execution_trigger"))
        batch_op.create_index(
            "execution_trigger",
            ["tenant", "trigger_id", "created"],
            unique=False,
            sqlite_where=sa.text("trigger_id is not null"),
            postgresql_where=sa.text("trigger_id is not null"),
        )
        batch_op.create_index(
            "execution_child",
            ["tenant", "created"],
            unique=False,
            sqlite_where=sa.text("parent_execution is not null"),
            postgresql_where=sa.text("parent_execution is not null"),
        )
        batch_op.create_index("execution_namespace", ["tenant", "namespace", "created"], unique=False)
