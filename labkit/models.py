"""Tasks, and the log lines that jobs write about them.

A SQLModel class with ``table=True`` does not validate: it takes any value, and leaves out what is
required. The base class here does validate, when a row is made and when a field is assigned to;
and a class that derives from it may be declared again, as a cell that runs twice does.

    class Note(Model, table=True):
        id: int | None = Field(default=None, primary_key=True)
        text: str = Field(min_length=1)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, ValidationError
from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel
from sqlmodel.main import SQLModelMetaclass

from labkit.errors import InvalidRow
from labkit.hooks import after_commit as after_commit
from labkit.hooks import after_create as after_create

TITLE_LENGTH = 255
#: A text that has more in it than white space; %s is the column.
NOT_BLANK = "length(trim(%s, ' \t\n\r\f\v')) > 0"


class _Redefinable(SQLModelMetaclass):
    """Lets a table be declared again.

    A class of the same module and name takes the place of the older one, as after running a cell
    twice. One of another module, as labkit's own ``Log`` beside a learner's, goes on working.
    """

    def __init__(
        self, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> None:
        if self.model_config.get("table"):
            registry = self._sa_registry
            for mapper in registry.mappers:
                older = mapper.class_
                if (older.__module__, older.__name__) == (self.__module__, name):
                    # SQLAlchemy forgets all classes or none, so this is its own code for one. Left
                    # there, the name would be ambiguous in relationships, and a class with a
                    # mistake in it would block every model.
                    registry._managers.pop(mapper.class_manager)
                    registry._dispose_manager_and_mapper(mapper.class_manager)
            table = registry.metadata.tables.get(str(getattr(self, "__tablename__", None)))
            if table is not None:
                registry.metadata.remove(table)
        super().__init__(name, bases, namespace, **options)


class Model(SQLModel, metaclass=_Redefinable):
    """A base for tables that refuse what their fields do not allow.

    Raises:
      InvalidRow: a value that a field does not accept, a field that is missing or unknown.
    """

    model_config = {"extra": "forbid"}

    def __init__(self, **data: Any) -> None:
        related = {name: data.pop(name) for name in self.__sqlmodel_relationships__ if name in data}
        super().__init__(**self._valid(data), **related)

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__.get("_sa_instance_state")
        making = name not in self.__dict__ and (state is None or state.key is None)
        if name in type(self).model_fields and not making:
            value = self._valid_now(name, value)
        super().__setattr__(name, value)

    @classmethod
    def model_validate(cls, obj: Any, *, update: Any = None, **options: Any) -> Self:
        """Make a row of a mapping, or of an object with these attributes."""
        if update:
            obj = {**(obj if isinstance(obj, Mapping) else obj.model_dump()), **update}
        return cls(**cls._valid(obj, **options))

    @classmethod
    def _valid(cls, data: Any, **options: Any) -> dict[str, Any]:
        # SQLModel writes what it is given straight into the row: a twin outside of any session is
        # validated in its place, with all that pydantic knows.
        twin = cls.__new__(cls)
        try:
            cls.__pydantic_validator__.validate_python(data, self_instance=twin, **options)
        except ValidationError as error:
            raise InvalidRow(_explain(cls, error)) from None
        valid: dict[str, Any] = twin.__dict__
        return valid

    def _valid_now(self, name: str, value: Any) -> Any:
        twin = type(self).__new__(type(self))
        twin.__dict__.update({k: v for k, v in self.__dict__.items() if not k.startswith("_sa_")})
        try:
            self.__pydantic_validator__.validate_assignment(twin, name, value)
        except ValidationError as error:
            raise InvalidRow(_explain(type(self), error)) from None
        return twin.__dict__[name]

    @property
    def attributes(self) -> dict[str, Any]:
        """Field names and values, in the order in which the class declares them."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def __repr__(self) -> str:
        # What is not loaded stays so: a repr asks no database.
        shown = (
            f"{name}={_show(self.__dict__[name])}"
            for name in type(self).model_fields
            if name in self.__dict__
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    __str__ = __repr__


def _show(value: Any) -> str:
    return f"'{value}'" if isinstance(value, datetime) else repr(value)


def _explain(model: type[SQLModel], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            lines.append(f"{field} is missing")
        elif problem["type"] == "extra_forbidden":
            fields = ", ".join(model.model_fields)
            lines.append(f"there is no field {field!r} (it has {fields})")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{field}: {message}" if field else message)
    return f"This {model.__name__} is not valid: {'; '.join(lines)}."


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("it must not be empty or blank")
    return text


Text = Annotated[str, AfterValidator(_not_blank)]


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


class Task(Model, table=True):
    """Something to do: what the course's jobs are about."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint(NOT_BLANK % "title", name="title_not_blank"),
        CheckConstraint(f"length(title) <= {TITLE_LENGTH}", name="title_not_too_long"),
    )

    id: int | None = Field(default=None, primary_key=True)
    title: Text = Field(max_length=TITLE_LENGTH)
    created_at: AwareDatetime = Field(default_factory=now)


class Log(Model, table=True):
    """A line that a job has written about a task."""

    __tablename__ = "logs"
    __table_args__ = (CheckConstraint(NOT_BLANK % "message", name="message_not_blank"),)

    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="tasks.id", index=True)
    message: Text
    created_at: AwareDatetime = Field(default_factory=now)
