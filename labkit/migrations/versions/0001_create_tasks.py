"""create tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table ``tasks``."""
    op.create_table(
        "tasks",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(trim(title, ' \t\n\r\f\v')) > 0", name="title_not_blank"),
        sa.CheckConstraint("length(title) <= 255", name="title_not_too_long"),
    )


def downgrade() -> None:
    """Drop it, with its rows."""
    op.drop_table("tasks")
