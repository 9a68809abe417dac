"""Begin a chapter without what it is about to generate: files, table and test database."""

from __future__ import annotations

from sqlalchemy import MetaData

from labkit import migrations
from labkit.course import work
from labkit.course.show import print_line
from labkit.database import address, engine, using
from labkit.generate_model import PREFIX, plural
from labkit.settings import Settings


def undo_model(name: str) -> None:
    """Undo ``labkit generate model NAME`` and its migration, and drop the test database's tables.

    The files are kept aside. Where later migrations of the learner's stand on this one, files and
    table stay, and the chapter then shows that all is there already.
    """
    _drop_test_tables()
    suffix = f"_create_{PREFIX}{plural(name)}.py"
    versions = work.folder() / "migrations" / "versions"
    written = sorted(file.name for file in versions.glob("[0-9]*.py"))
    newest = written[-1] if written else f"0001{suffix}"
    if not newest.endswith(suffix):
        print_line(f"The migration {newest} is yours, so the table of {name!r} stays as it is.")
        return
    if written and not migrations.pending(engine(), work.folder()):
        migrations.rollback(engine(), work.folder())
    work.put_aside(f"app/models/{name}.py", f"migrations/versions/{newest}")


def _drop_test_tables() -> None:
    with using(address(Settings(env="test"))) as test:
        tables = MetaData()
        tables.reflect(test)
        tables.drop_all(test)
