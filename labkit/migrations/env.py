"""What Alembic runs for an upgrade, on the connection that ``labkit.migrations`` has locked."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    # SQLite cannot alter a table in place: Alembic then makes a new one and copies the rows.
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
