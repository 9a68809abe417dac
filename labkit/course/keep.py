"""What a learner keeps of a chapter: an answer in a file of their own, and a test beside it.

    keep_test("05.politely")    # work/tests/test_politely.py, and what pytest says of it

The test is for the answer as the learner has written it, and theirs to change: one that stands
already is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit.course import chapters, work
from labkit.course.show import print_line
from labkit.errors import CourseError
from labkit.generate import make_work, write


@dataclass(frozen=True)
class Keep:
    """Where an answer is kept.

    Parameters:
      file: Its place in ``work/``.
      above: What the answer needs above it in that file.
      test: The source of a test that the kept answer passes.
      below: What the answer needs below it.
    """

    file: str
    above: str
    test: str
    below: str = ""

    def around(self, answer: str) -> str:
        """The file: the answer with what stands above and below it."""
        return "\n\n".join(part for part in (self.above, answer, self.below) if part)

    @property
    def test_file(self) -> str:
        """The place of the test in ``work/``."""
        return f"tests/test_{Path(self.file).stem}.py"


def keep_test(key: str) -> None:
    """Put a test beside the answer that was kept, and run it.

    Raises:
      CourseError: no such exercise, or none whose answer is to be kept.
    """
    keep = chapters.exercise(key).keep
    if keep is None:
        raise CourseError(f"The answer to {key} is not one to keep.")
    if not work.path(keep.file).is_file():
        print_line(f"There is no work/{keep.file} yet. Keep your answer, and run this cell again.")
        return
    make_work(work.folder())
    print_line(write(work.folder(), Path(keep.test_file), keep.test))
    work.run_tests(keep.test_file)
