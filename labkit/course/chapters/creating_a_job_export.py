"""Chapter 04's last exercise: a job that writes a table, run twice and in a strange folder."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from labkit.course import work
from labkit.course.chapters.creating_a_job_checks import judge_record, running
from labkit.course.exercise import Wrong
from labkit.worker import Worker

NAME = "labkit_check"
FIRST = [
    ["id", "title", "done"],
    ["1", 'Buy milk, bread and "good" cheese', "no"],
    ["2", "Call José\nabout the party", "yes"],
]
#: The same table a day later: shorter.
SECOND = [["id", "title", "done"], ["2", "Call José\nabout the party", "no"]]


def check_export(job: str) -> None:
    """What stands in the file after the job has run, has run again, and has had another table."""
    file = work.path(f"exports/{NAME}.csv")
    file.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder, running(job, Path(folder)) as (send, worker):
        try:
            judge_record(send("export_csv", NAME, FIRST), "a name and rows")
            _judge_place(file, Path(folder), worker)
            _judge_table(_read(file))
            judge_record(send("export_csv", NAME, FIRST), "a name and rows")
            _judge_again(_read(file), FIRST)
            judge_record(send("export_csv", NAME, SECOND), "a name and rows")
            _judge_again(_read(file), SECOND)
        finally:
            file.unlink(missing_ok=True)


def _judge_place(file: Path, folder: Path, worker: Worker) -> None:
    if file.is_file():
        return
    if found := sorted(folder.rglob("*.csv")):
        raise Wrong(
            f"the file is there, as `{found[0].relative_to(folder)}` in the folder in which the "
            "worker was started, and that was not yours. A path without a beginning begins where "
            "the worker stands"
        )
    if elsewhere := sorted(work.folder().rglob(f"{NAME}*")):
        place = elsewhere[0].relative_to(work.folder())
        elsewhere[0].unlink()
        raise Wrong(f"a file is there, as work/{place}; asked for was work/exports/{file.name}")
    worker.stop()  # what was printed is in its log by then
    if "José" in worker.log():
        raise Wrong("the table stands in the worker's window. It was to be a file")
    raise Wrong(
        "the job ran, and no file is there. What a job returns goes nowhere: nobody waits for it"
    )


def _read(file: Path) -> list[list[str]]:
    # A byte order mark at the beginning, which some spreadsheets want, is no part of the table.
    with file.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.reader(lines))


def _judge_table(table: list[list[str]]) -> None:
    if table == FIRST:
        return
    if table[:1] == FIRST[:1] and table[1:2] != FIRST[1:2]:
        raise Wrong(
            f"in a spreadsheet the second row is {table[1:2]}, and it was {FIRST[1:2]}. A title "
            "may hold commas, quotes and line breaks: the module `csv` knows how to write them"
        )
    raise Wrong(f"the file holds {table}, and the rows were {FIRST}")


def _judge_again(table: list[list[str]], right: list[list[str]]) -> None:
    if table == right:
        return
    if len(table) > len(right) and table[-len(right) :] == right:
        raise Wrong(
            "the job ran twice, and the file holds two tables, one below the other. A job that was "
            "taken by a worker that died runs again: the second run must leave what one would"
        )
    raise Wrong(
        f"the job ran again with another table, and the file holds {table}, and not {right}"
    )


STUB = 'export = "app/jobs/export_csv.py"  # generate it, then edit the file'


def _file(body: str, above: str = "") -> str:
    return f"""{STUB}
work.write(export, '''
import csv
from pathlib import Path

from labkit import actor
{above}

@actor
def export_csv(name, rows):
{body}''')
"""


_FOLDER = '\nEXPORTS = Path(__file__).parents[2] / "exports"\n'

SOLUTION = _file(
    """\
    EXPORTS.mkdir(exist_ok=True)
    with open(EXPORTS / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
""",
    _FOLDER,
)

OTHERWISE = _file(
    """\
    file = Settings().work / "exports" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    quoted = [[\'"%s"\' % str(cell).replace(\'"\', \'""\') for cell in row] for row in rows]
    text = chr(10).join(",".join(row) for row in quoted)
    file.with_suffix(".csv").write_text(text, encoding="utf-8")
""",
    "from labkit import Settings\n",
)

WHERE_I_STAND = _file(
    """\
    Path("exports").mkdir(exist_ok=True)
    with open(f"exports/{name}.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
"""
)

APPENDED = _file(
    """\
    EXPORTS.mkdir(exist_ok=True)
    with open(EXPORTS / f"{name}.csv", "a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
""",
    _FOLDER,
)

JOINED = _file(
    """\
    EXPORTS.mkdir(exist_ok=True)
    lines = [",".join(row) for row in rows]
    (EXPORTS / f"{name}.csv").write_text(chr(10).join(lines), encoding="utf-8")
""",
    _FOLDER,
)

RETURNED = _file(
    """\
    return "".join(",".join(row) for row in rows)
"""
)

ONCE_ONLY = _file(
    """\
    EXPORTS.mkdir(exist_ok=True)
    path = EXPORTS / f"{name}.csv"
    if not path.exists():
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
""",
    _FOLDER,
)
