"""executions by the time they ran"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("execution_duration", "execution")
    # An expression, which autogeneration does not see; `ran` of the searches has the same.
    ran = sa.text("(ended - coalesce(started, ended))")
    op.create_index("execution_ran", "execution", ["tenant", ran], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        # Where somebody had the tables measured, an index without figures would look like the best for any question.
        measured = connection.execute(sa.text("select 1 from sqlite_master where name = 'sqlite_stat1'")).first()
        if measured is not None:
            op.execute("analyze execution_ran")
