"""pytest fixtures for a project that uses labkit; pytest finds them by themselves.

Nothing leaks from test to test: after each one the whole process is back in the mode it was in
before, and the jobs that the fake mode kept are gone.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _labkit_mode_does_not_leak() -> Iterator[None]:
    import sys

    yield
    # A test that never loaded the modes cannot have changed them, and need not pay for the import.
    if "labkit.modes" in sys.modules:
        from labkit import modes

        modes.reset()


@pytest.fixture
def fake_jobs() -> Iterator[None]:
    """The test runs inside ``with fake():``."""
    from labkit.testing import fake

    with fake():
        yield


@pytest.fixture
def inline_jobs() -> Iterator[None]:
    """The test runs inside ``with inline():``."""
    from labkit.testing import inline

    with inline():
        yield
