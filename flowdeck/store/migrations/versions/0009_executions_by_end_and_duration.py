"""executions by end and duration"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("execution", schema=None) as batch_op:
        batch_op.create_index("execution_ended", ["tenant", "ended"], unique=False)
    # An expression, which autogeneration does not see.
    op.create_index("execution_duration", "execution", ["tenant", sa.text("(ended - created)")], unique=False)
