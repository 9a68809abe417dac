"""Task, Log and their base: what a row refuses, and a class that may be declared again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import AwareDatetime, field_validator
from sqlalchemy import inspect, text
from sqlalchemy.exc import InvalidRequestError
from sqlmodel import Field, Relationship, SQLModel, select

from labkit import models
from labkit.database import engine, session
from labkit.errors import InvalidRow
from labkit.models import Log, Model, Task
from tests.support import BOTH

BLANKS = ["", " ", "\t\n", "\u00a0"]
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - refused for exactly that


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        *[(Task, {"title": blank}, "title: it must not be empty or blank") for blank in BLANKS],
        *[(Log, {"task_id": 1, "message": blank}, "message: it must not") for blank in BLANKS],
        (Task, {}, "title is missing"),
        (Task, {"title": None}, "title"),
        (Task, {"title": 7}, "title"),
        (Task, {"title": "x" * 256}, "at most 255"),
        (Task, {"title": "x", "titel": "y"}, r"no field 'titel' \(it has id, title, created_at\)"),
        (Task, {"title": "x", "created_at": NAIVE}, "timezone"),
        (Log, {"message": "x"}, "task_id is missing"),
        (Log, {"task_id": None, "message": "x"}, "task_id"),
        (Log, {"task_id": "seven", "message": "x"}, "task_id"),
        (Log, {"task_id": 1}, "message is missing"),
        (Log, {}, "task_id is missing; message is missing"),
    ],
)
def test_a_row_refuses_what_its_fields_do_not_allow(
    model: type[Model], data: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRow, match=said):
        model(**data)
    with pytest.raises(InvalidRow, match=said):
        model.model_validate(data)


def test_plain_sqlmodel_refuses_nothing_which_is_why_the_base_exists() -> None:
    class Unchecked(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)
        message: str = Field(min_length=1)

    assert Unchecked(message="").message == ""
    assert Unchecked().id is None


def test_a_row_takes_what_is_allowed() -> None:
    task = Task(title="x" * 255)
    assert task.id is None
    assert task.created_at.utcoffset() == timedelta(0)
    assert Log(task_id="7", message=" kept as it is ").attributes["task_id"] == 7
    assert Task.model_validate({"title": "a"}, update={"title": "b"}).title == "b"
    assert Task.model_validate(task, from_attributes=True).title == task.title


@BOTH
@pytest.mark.usefixtures("tables")
class TestAssignment:
    def test_is_validated_before_and_after_saving_and_leaves_the_old_value(self) -> None:
        task = Task(title="old")
        with pytest.raises(InvalidRow):
            task.title = " "
        with session() as db:
            db.add(task)
        with session() as db:
            loaded = db.get_one(Task, 1)
            for row in (task, loaded):
                with pytest.raises(InvalidRow, match="title"):
                    row.title = ""
                assert row.title == "old"
            db.expire(loaded)
            with pytest.raises(InvalidRow):
                loaded.title = ""
            loaded.title = "new"
        with session() as db:
            assert db.get_one(Task, 1).title == "new"


@BOTH
@pytest.mark.usefixtures("tables")
class TestDatabase:
    @pytest.mark.parametrize(
        "insert",
        [
            "INSERT INTO tasks (title, created_at) VALUES ('', '2026-01-01')",
            "INSERT INTO tasks (title, created_at) VALUES (' \t\n', '2026-01-01')",
            "INSERT INTO tasks (title, created_at) VALUES (NULL, '2026-01-01')",
            f"INSERT INTO tasks (title, created_at) VALUES ('{'x' * 256}', '2026-01-01')",
            "INSERT INTO tasks (title) VALUES ('x')",
            "INSERT INTO logs (task_id, message, created_at) VALUES (1, '', '2026-01-01')",
            "INSERT INTO logs (task_id, message, created_at) VALUES (1, NULL, '2026-01-01')",
            "INSERT INTO logs (task_id, message, created_at) VALUES (NULL, 'x', '2026-01-01')",
            "INSERT INTO logs (task_id, message, created_at) VALUES (99, 'x', '2026-01-01')",
            "UPDATE tasks SET title = ''",
            "UPDATE logs SET message = ''",
            "UPDATE logs SET task_id = 99",
            "DELETE FROM tasks",
        ],
    )
    def test_refuses_by_itself_what_the_models_refuse(self, insert: str) -> None:
        with session() as db:
            db.add(Task(title="first"))
            db.flush()
            db.add(Log(task_id=1, message="about it"))
        with pytest.raises(InvalidRow, match="The database refuses"), session() as db:
            db.connection().execute(text(insert))

    def test_keeps_the_instant_of_a_time_in_any_zone(self) -> None:
        there = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
        with session() as db:
            db.add(Task(title="a", created_at=there))
        with session() as db:
            back = db.get_one(Task, 1).created_at
        assert back == there
        assert back.tzinfo is UTC


@BOTH
@pytest.mark.usefixtures("tables")
class TestPrinting:
    def test_attributes_are_those_of_the_guides_third_body(self) -> None:
        with session() as db:
            task = Task(title="Buy milk")
            db.add(task)
        assert list(task.attributes) == ["id", "title", "created_at"]
        assert task.attributes["id"] == 1

    def test_repr_shows_the_fields_and_asks_no_database(self) -> None:
        moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
        with session() as db:
            task = Task(title="Buy 'milk'", created_at=moment)
            db.add(task)
            db.flush()
            shown = "Task(id=1, title=\"Buy 'milk'\", created_at='2026-01-02 03:04:00+00:00')"
            assert repr(task) == str(task) == shown
            db.expire(task)
            assert repr(task) == "Task()"


CELL = """
class Log(Model, table=True):
    __tablename__ = "logs"
    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="tasks.id")
    message: str = Field(min_length=1)
    created_at: AwareDatetime = Field(default_factory=now)
"""

OWN_CELL = """
class Owner(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    pets: list["Pet"] = Relationship(back_populates="owner")

    @field_validator("name")
    @classmethod
    def begins_with_capital(cls, value):
        if not value[:1].isupper():
            raise ValueError("a name begins with a capital letter")
        return value

class Pet(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner_id: int | None = Field(default=None, foreign_key="owner.id")
    owner: Owner | None = Relationship(back_populates="pets")
"""


def run_cell(source: str) -> SimpleNamespace:
    """What a notebook's cell does, in a namespace of its own."""
    names: dict[str, Any] = {
        "Model": Model,
        "Field": Field,
        "Relationship": Relationship,
        "AwareDatetime": AwareDatetime,
        "field_validator": field_validator,
        "now": models.now,
        "__name__": "__main__",
    }
    exec(compile(source, "<cell>", "exec", dont_inherit=True), names)  # noqa: S102
    return SimpleNamespace(**names)


@pytest.fixture
def original_table() -> Iterator[None]:
    """Gives the name back to labkit's own table, whatever a test has declared again."""
    metadata, table = SQLModel.metadata, SQLModel.metadata.tables["logs"]
    yield
    metadata.remove(metadata.tables["logs"])
    metadata._add_table("logs", None, table)


@BOTH
@pytest.mark.usefixtures("tables", "original_table")
class TestDeclaringAgain:
    def test_a_cell_may_run_again_and_labkits_own_class_still_works(self) -> None:
        with session() as db:
            db.add(Task(title="a"))
        for number in range(2):
            again = run_cell(CELL).Log
            for model in (Log, again):
                with session() as db:
                    db.add(model(task_id=1, message=f"from {number}"))
        for model in (Log, again):
            with session() as db:
                assert len(db.exec(select(model)).all()) == 4

    def test_rows_of_a_replaced_class_can_still_be_read(self) -> None:
        old = run_cell(CELL).Log(task_id=1, message="kept in a variable")
        run_cell(CELL)
        assert old.message == "kept in a variable"

    def test_a_mistake_is_mended_by_running_the_mended_cell(self) -> None:
        with pytest.raises(InvalidRequestError):
            run_cell(OWN_CELL.replace('list["Pet"]', 'list["Pett"]')).Owner(name="Ann")
        assert run_cell(OWN_CELL).Owner(name="Ann").name == "Ann"

    def test_a_foreign_key_by_name_means_the_newest_table(self) -> None:
        run_cell(CELL)
        logs = SQLModel.metadata.tables["logs"]
        newest = run_cell(CELL).Log
        assert inspect(newest).local_table is not logs
        column = inspect(newest).local_table.c.task_id
        assert column.references(inspect(Task).local_table.c.id)


@BOTH
@pytest.mark.usefixtures("tables")
def test_the_base_serves_validators_and_relationships_of_the_learners_own() -> None:
    run_cell(OWN_CELL)
    cell = run_cell(OWN_CELL)
    with pytest.raises(InvalidRow, match="begins with a capital letter"):
        cell.Owner(name="ann")
    own = [inspect(model).local_table for model in (cell.Owner, cell.Pet)]
    SQLModel.metadata.create_all(engine(), tables=own)
    with session() as db:
        db.add(cell.Pet(owner=cell.Owner(name="Ann")))
    with session() as db:
        assert db.exec(select(cell.Owner)).one().pets[0].id == 1
