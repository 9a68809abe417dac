"""The learner's models and migrations: written once, run for real, and never written over."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit import database, migrations
from labkit.database import engine, session
from labkit.errors import GenerateError, InvalidRow
from labkit.generate_model import generate_migration, generate_model, plural
from labkit.models import Task

LOG = ["task:references", "message:text"]


def forget_app() -> None:
    for name in [name for name in sys.modules if name == "app" or name.startswith("app.")]:
        del sys.modules[name]


@pytest.fixture
def learner(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root whose work/ can be imported from."""
    monkeypatch.syspath_prepend(str(root / "work"))
    forget_app()
    yield root
    forget_app()
    database.close()


@pytest.fixture
def generated(learner: Path) -> Path:
    """The same, with the guide's Log generated."""
    generate_model("log", LOG, learner)
    return learner


def test_says_what_it_created_and_the_second_time_that_it_is_the_same(root: Path) -> None:
    files = ["app/models/log.py", "migrations/versions/0001_create_app_logs.py"]
    assert generate_model("log", LOG, root) == [f"create     {file}" for file in files]
    assert generate_model("log", LOG, root) == [f"identical  {file}" for file in files]


def test_keeps_what_the_learner_has_written(root: Path) -> None:
    generate_model("log", LOG, root)
    model = root / "work" / "app" / "models" / "log.py"
    model.write_text("# mine\n")
    assert generate_model("log", LOG, root)[0] == "kept       app/models/log.py"
    assert model.read_text() == "# mine\n"


def test_the_model_and_its_migration_work_beside_labkits_own_log(generated: Path) -> None:
    work = generated / "work"
    done = migrations.upgrade_all(engine(), work)
    assert done == ["0001 create tasks", "0002 create logs", "0001 create app_logs"]
    model = importlib.import_module("app.models.log").Log
    assert model.__tablename__ == "app_logs"
    with session() as db:
        db.add(Task(title="Buy milk"))
        db.flush()
        db.add(model(task_id=1, message="A task was created"))
    with session() as db:
        assert db.get_one(model, 1).message == "A task was created"
    with pytest.raises(InvalidRow, match="task_id is missing"):
        model(message="About nothing")
    with pytest.raises(InvalidRow, match="FOREIGN KEY"), session() as db:
        db.add(model(task_id=99, message="About nothing"))


def test_every_type_makes_a_column_that_keeps_its_value(
    learner: Path,
) -> None:
    fields = [
        "a:string",
        "b:text",
        "c:integer",
        "d:float",
        "e:boolean",
        "f:date",
        "g:datetime",
        "h",
    ]
    generate_model("thing", fields, learner)
    migrations.upgrade_all(engine(), learner / "work")
    thing = importlib.import_module("app.models.thing").Thing
    given = {"a": "x", "b": "y", "c": 1, "d": 0.5, "e": True, "f": "2026-01-02", "h": "z"}
    given["g"] = "2026-01-02T03:04Z"
    with session() as db:
        saved = thing(**given)
        db.add(saved)
    with session() as db:
        assert db.get_one(thing, 1).attributes == saved.attributes


def test_migrations_follow_each_other(generated: Path) -> None:
    line = "create     migrations/versions/0002_add_level_to_app_logs.py"
    assert generate_migration("add_level_to_app_logs", generated) == [line]
    assert generate_migration("add_level_to_app_logs", generated)[0].startswith("identical")
    assert generate_model("box", [], generated)[1].endswith("/0003_create_app_boxes.py")
    assert len(migrations.upgrade_all(engine(), generated / "work")) == 5


def test_what_it_writes_is_formatted(generated: Path) -> None:
    generate_model("thing", ["day:date", "log:references"], generated)
    for command in ("check --isolated --select E,F,I,W,UP", "format --isolated --check"):
        subprocess.run([sys.executable, "-m", "ruff", *command.split(), "work"], check=True)


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("Log", [], "small letters"),
        ("../log", [], "small letters"),
        ("log\n", [], "small letters"),
        ("", [], "small letters"),
        ("class", [], "word of Python"),
        ("match", [], "word of Python"),
        ("model", [], "hide labkit's Model"),
        ("aware_datetime", [], "hide labkit's AwareDatetime"),
        ("log", ["message:txt"], "no type 'txt'"),
        ("log", ["Message:text"], "small letters"),
        ("log", ["a", "b", "a:text"], "'a' is given twice"),
        ("log", ["id:integer"], "already"),
        ("log", ["created_at:datetime"], "already"),
        ("log", ["metadata"], "hide a part"),
        ("log", ["attributes"], "hide a part"),
        ("log", ["model_name"], "hide a part"),
    ],
)
def test_refuses_names_that_cannot_be_and_writes_nothing(
    root: Path, name: str, fields: list[str], said: str
) -> None:
    with pytest.raises(GenerateError, match=said):
        generate_model(name, fields, root)
    assert not (root / "work").exists()


@pytest.mark.parametrize(
    ("one", "many"), [("log", "logs"), ("entry", "entries"), ("day", "days"), ("box", "boxes")]
)
def test_plural(one: str, many: str) -> None:
    assert plural(one) == many
