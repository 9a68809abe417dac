"""Writes a model of the learner's own application, and the migration that makes its table.

    generate_model("log", ["task_id:integer", "message:text"], root)

gives ``work/app/models/log.py`` with a class ``Log``, and ``work/migrations/versions/`` a migration
that makes the table ``app_logs``. Its name begins with the package's, as Django's do: the tables
of ``work/`` and labkit's own share one database, and labkit has a ``logs`` already, which its own
``task_logger`` writes to.

A file that is there already is never written over.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labkit import migrations
from labkit.errors import GenerateError
from labkit.generate import make_work, write
from labkit.models import Log, Model, Task
from labkit.settings import Settings

PREFIX = "app_"
#: What a field may be: its Python type and its column.
TYPES = {
    "string": ("str", "sa.String()"),
    "text": ("str", "sa.Text()"),
    "integer": ("int", "sa.Integer()"),
    "float": ("float", "sa.Float()"),
    "boolean": ("bool", "sa.Boolean()"),
    "date": ("date", "sa.Date()"),
    "datetime": ("AwareDatetime", "sa.DateTime(timezone=True)"),
    "references": ("int", "sa.Integer()"),
}
LABKITS_TABLES = {str(model.__tablename__) for model in (Task, Log)}
HIDDEN_CLASSES = {"Model", "Field", "AwareDatetime"}

MODEL = '''\
"""The model {class_name}: its rows stand in the table {table}."""

{imports}


class {class_name}(Model, table=True):
    """One row of {table}."""

    __tablename__ = "{table}"

    id: int | None = Field(default=None, primary_key=True)
{fields}
    created_at: AwareDatetime = Field(default_factory=now)
'''

CREATE_TABLE = '''\
"""create {table}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down_revision}


def upgrade() -> None:
    op.create_table(
        "{table}",
        sa.Column("id", sa.Integer(), primary_key=True),
{columns}
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("{table}")
'''

CHANGE = '''\
"""{title}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down_revision}


def upgrade() -> None:
    """For example: op.add_column("app_logs", sa.Column("level", sa.Integer()))"""


def downgrade() -> None:
    """Undo what upgrade does."""
'''


@dataclass(frozen=True)
class _Field:
    name: str
    kind: str
    refers_to: str | None = None

    @property
    def line(self) -> str:
        reference = f' = Field(foreign_key="{self.refers_to}.id")' if self.refers_to else ""
        return f"    {self.name}: {TYPES[self.kind][0]}{reference}"

    @property
    def column(self) -> str:
        reference = f', sa.ForeignKey("{self.refers_to}.id")' if self.refers_to else ""
        return (
            f'        sa.Column("{self.name}", {TYPES[self.kind][1]}{reference}, nullable=False),'
        )


def generate_model(name: str, fields: Iterable[str], root: Path) -> list[str]:
    """Write the model ``name`` with ``fields`` (each ``name:type``) and its migration.

    Returns:
      list[str]: a line for each file, such as ``create     app/models/log.py``; ``identical``
      where it stands already, ``kept`` where the learner has changed it.

    Raises:
      GenerateError: a name or a type that cannot be; nothing is written.
    """
    _check_name(name, "model")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    if class_name in HIDDEN_CLASSES:
        raise GenerateError(f"A model {class_name} would hide labkit's {class_name}. Rename it.")
    parsed = [_parse(field) for field in fields]
    for field in parsed:
        if sum(field.name == other.name for other in parsed) > 1:
            raise GenerateError(f"The field {field.name!r} is given twice.")
    work, table = Settings(root=root).work, PREFIX + plural(name)
    make_work(work)
    model = MODEL.format(
        class_name=class_name,
        table=table,
        imports=_imports(parsed),
        fields="\n".join(field.line for field in parsed),
    ).replace("\n\n    created_at", "\n    created_at")
    content = CREATE_TABLE.replace("\n{columns}", "".join(f"\n{f.column}" for f in parsed))
    return [
        write(work, Path("app", "models", f"{name}.py"), model),
        _write_migration(work, f"create_{table}", content, table=table),
    ]


def generate_migration(name: str, root: Path) -> list[str]:
    """Write an empty migration ``name``, behind the newest one; returns its line, as above.

    Raises:
      GenerateError: a name that cannot be.
    """
    _check_name(name, "migration")
    work = Settings(root=root).work
    make_work(work)
    return [_write_migration(work, name, CHANGE, title=name.replace("_", " "))]


def plural(name: str) -> str:
    """The name of many, by the rules of English that need no dictionary."""
    if re.search(r"[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search(r"(s|x|z|ch|sh)$", name) else f"{name}s"


def _check_name(name: str, what: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise GenerateError(
            f"{name!r} is no name for a {what}: small letters and digits, words joined by '_', a "
            "letter first, as in task_log."
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise GenerateError(f"{name!r} is a word of Python's own. Choose another name.")


def _parse(text: str) -> _Field:
    name, _, kind = text.partition(":")
    kind = kind or "string"
    _check_name(name, "field")
    if kind not in TYPES:
        raise GenerateError(f"{text}: there is no type {kind!r}. Allowed: {', '.join(TYPES)}.")
    refers_to = None
    if kind == "references":
        refers_to = plural(name) if plural(name) in LABKITS_TABLES else PREFIX + plural(name)
        name = f"{name}_id"
    if name in {"id", "created_at"}:
        raise GenerateError(f"Every model has a field {name!r} already. Leave it out.")
    if hasattr(Model, name) or name.startswith("model_"):
        raise GenerateError(f"A field {name!r} would hide a part of every model. Rename it.")
    return _Field(name, kind, refers_to)


def _imports(fields: list[_Field]) -> str:
    dates = any(field.kind == "date" for field in fields)
    lines = ["from datetime import date\n"] if dates else []
    return "\n".join(
        [
            *lines,
            "from labkit.models import Model, now",
            "from pydantic import AwareDatetime",
            "from sqlmodel import Field",
        ]
    )


def _write_migration(work: Path, name: str, template: str, **names: str) -> str:
    folder = work / "migrations" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    if there := sorted(folder.glob(f"[0-9]*_{name}.py")):
        revision = there[0].name.partition("_")[0]
        down = re.search(r"^down_revision = (.*)$", there[0].read_text(), re.MULTILINE)
        down_revision = down[1] if down else "None"
    else:
        newest = migrations.head(folder)
        down_revision = f'"{newest}"' if newest else "None"
        revision = f"{int(newest or 0) + 1:04}"
    content = template.format(revision=revision, down_revision=down_revision, **names)
    return write(work, Path("migrations", "versions", f"{revision}_{name}.py"), content)
