"""Chapter 07's first exercise: a model that refuses what makes no sense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, create_engine, select

from labkit.course.exercise import NotAttempted, Wrong
from labkit.errors import InvalidRow

GOOD: Mapping[str, Any] = {"stars": 3, "comment": "Well done"}
LONGEST = 80


def check_rating(model: Any) -> None:
    """Make rows of the learner's model, sensible ones and others, and see which it refuses."""
    fields = getattr(model, "model_fields", None)
    if fields is None:
        raise Wrong("`Rating` is not a model any more: define it with `class Rating(Model, …)`")
    if not {"stars", "comment"} & set(fields):
        raise NotAttempted
    _must_take(model, "stars and a comment")
    for stars in (1, 5):
        _must_take(model, f"stars={stars}; 1 to 5 includes both ends", stars=stars)
    for stars in (0, 6, -3):
        _must_refuse(
            model,
            f"a rating of {stars} stars is accepted. A type says that it is a number, not which",
            stars=stars,
        )
    _must_refuse(model, "a rating of 2.5 stars is accepted: a whole number is an `int`", stars=2.5)
    _must_take(model, f"a comment of {LONGEST} characters", comment="x" * LONGEST)
    for comment, what in (("", "an empty comment"), (" \n", "a comment of white space alone")):
        _must_refuse(
            model,
            f"{what} is accepted. Section 6 has a type that wants more than that",
            comment=comment,
        )
    _must_refuse(
        model,
        f"a comment of {LONGEST + 1} characters is accepted: how does `Field` set a limit?",
        comment="x" * (LONGEST + 1),
    )
    for name in GOOD:
        _must_refuse(
            model,
            f"a rating without {name!r} is accepted. A default is a value that nobody checks",
            without=name,
        )
    _must_keep(model)


def _must_keep(model: Any) -> None:
    """Save two rows in a database of their own, and read them back."""
    if not hasattr(model, "__table__"):
        raise Wrong("`Rating` has no table: `class Rating(Model, table=True)`")
    engine = create_engine("sqlite://")
    model.__table__.create(engine)
    with Session(engine) as db:
        db.add_all([model(**GOOD), model(**GOOD)])
        db.commit()
        rows = db.exec(select(model)).all()
        came = [{name: getattr(row, name) for name in GOOD} for row in rows]
    engine.dispose()
    if came != [GOOD, GOOD]:
        raise Wrong(f"saved was {GOOD} twice, and read back {came}. A validator returns the value")


def _refused(model: Any, without: str = "", **values: Any) -> InvalidRow | None:
    given = {name: value for name, value in {**GOOD, **values}.items() if name != without}
    try:
        model(**given)
    except InvalidRow as error:
        return error
    return None


def _must_take(model: Any, what: str, **values: Any) -> None:
    if error := _refused(model, **values):
        raise Wrong(f"a rating is refused that should not be, with {what}. It says: {error}")


def _must_refuse(model: Any, meaning: str, **values: Any) -> None:
    if not _refused(model, **values):
        raise Wrong(meaning)


# What stands before the exercise in the notebook, and answers to try its check on.
SETUP = """\
from typing import Annotated

from labkit.models import Model, Text
from pydantic import AfterValidator
from sqlmodel import Field
"""

STUB = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    # stars: from 1 to 5; comment: not blank, and at most 80 characters"""

SOLUTION = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: int = Field(ge=1, le=5)
    comment: Text = Field(max_length=80)
"""

OTHERWISE = """\
def few(stars):
    if stars not in range(1, 6):
        raise ValueError("one to five stars")
    return stars


def short(comment):
    if not comment.strip() or len(comment) > 80:
        raise ValueError("a few words, please")
    return comment


class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: Annotated[int, AfterValidator(few)]
    comment: Annotated[str, AfterValidator(short)]
"""

TYPES_ONLY = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: int
    comment: str
"""

OPEN_ENDS = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: int = Field(gt=1, lt=5)
    comment: Text = Field(max_length=80)
"""

HALVES = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: float = Field(ge=1, le=5)
    comment: Text = Field(max_length=80)
"""

ONE_LETTER = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: int = Field(ge=1, le=5)
    comment: str = Field(min_length=1, max_length=80)
"""

NO_LIMIT = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: int = Field(ge=1, le=5)
    comment: Text
"""

WITH_DEFAULT = """\
class Rating(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    stars: int = Field(default=0, ge=1, le=5)
    comment: Text = Field(max_length=80)
"""
