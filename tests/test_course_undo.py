"""A chapter that generates a model can begin again: as if it had never been there."""

from __future__ import annotations

import sys

import pytest
from sqlalchemy import inspect

from labkit.course.undo import undo_model
from labkit.database import address, create_tables, engine, prepare_test, using
from labkit.generate_model import generate_migration, generate_model
from labkit.migrations import upgrade_all
from labkit.settings import Settings

LOG = ["task:references", "message:text"]
FILES = ["app/models/log.py", "migrations/versions/0001_create_app_logs.py"]

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def tables_of(env: str) -> set[str]:
    with using(address(Settings(env=env))) as database:
        return set(inspect(database).get_table_names())


def migrate(settings: Settings) -> None:
    upgrade_all(engine(), settings.root / "work")
    prepare_test()


def test_it_can_be_generated_and_migrated_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        lines = generate_model("log", LOG, settings.root)
        assert lines == [f"create     {file}" for file in FILES]
        assert upgrade_all(engine(), settings.root / "work") == ["0001 create app_logs"]
        prepare_test()
        undo_model("log")
        assert capsys.readouterr().out.startswith(f"Not in work/ now: {', '.join(FILES)}.")
        assert "app_logs" not in tables_of("development")
        assert tables_of("test") == set()
    assert "tasks" in tables_of("development")


@pytest.mark.parametrize("generated", [True, False])
def test_what_was_never_migrated_or_never_written_is_no_trouble(
    settings: Settings, generated: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    create_tables()
    if generated:
        generate_model("log", LOG, settings.root)
    undo_model("log")
    assert capsys.readouterr().out.startswith(f"Not in work/ now: {', '.join(FILES)}.")
    assert not (settings.root / "work" / FILES[1]).exists()


def test_what_the_learner_has_built_on_it_is_kept(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_model("log", LOG, settings.root)
    generate_migration("add_level_to_app_logs", settings.root)
    migrate(settings)
    undo_model("log")
    assert "0002_add_level_to_app_logs.py is yours" in capsys.readouterr().out
    assert "app_logs" in tables_of("development")
    assert all((settings.root / "work" / file).exists() for file in FILES)
