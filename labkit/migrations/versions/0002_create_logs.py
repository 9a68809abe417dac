"""create logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table ``logs``."""
    op.create_table(
        "logs",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("task_id", sa.Integer(), sa.ForeignKey("tasks.id"), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(trim(message, ' \t\n\r\f\v')) > 0", name="message_not_blank"),
    )
    op.create_index("ix_logs_task_id", "logs", ["task_id"])


def downgrade() -> None:
    """Drop it, with its rows."""
    op.drop_table("logs")
