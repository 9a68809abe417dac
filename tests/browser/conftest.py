"""Fixtures of the tests that drive a real Chromium: the browser, and a JupyterLab to open."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from labkit.redis_server import ThrowawayRedis
from tests.browser import stage
from tests.browser.lab import FRONT_ENDS, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.lab import Notebook


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the one on the PATH. Without one the test is skipped, in CI it fails."""
    from playwright.sync_api import expect, sync_playwright

    # A busy machine is no fault of the page; how quick it is, some tests measure themselves.
    expect.set_options(timeout=15_000)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        why = "there is no chromium on the PATH, so nothing was seen in a browser"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, throwaway_redis: ThrowawayRedis) -> Iterator[Lab]:
    """JupyterLab on a root of its own and the session's throwaway Redis. Its kernels stay up."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "labkit.toml").write_text("concurrency = 2\n")
    env = {"LABKIT_HOME": str(folder), "REDIS_URL": throwaway_redis.url, "LABKIT_LOCAL_REDIS": ""}
    with Lab(folder, env) as running:
        yield running


@pytest.fixture(scope="session")
def stage_redis() -> Iterator[ThrowawayRedis]:
    """The Redis that the stage plays on."""
    with ThrowawayRedis() as server:
        yield server


@pytest.fixture(scope="session")
def stage_jobs(lab: Lab, stage_redis: ThrowawayRedis) -> Iterator[None]:
    """Jobs in every state on that Redis, and the worker that did them."""
    with stage.acting(lab.folder, stage_redis.url):
        yield


@pytest.fixture(scope="session")
def staged(
    lab: Lab, browser: Browser, stage_redis: ThrowawayRedis, stage_jobs: None
) -> Iterator[Notebook]:
    """All widgets in JupyterLab; of the last board, Redis has gone."""
    with stage.opened(lab, browser, stage_redis.url, "lab") as page:
        yield page


@pytest.fixture(scope="session")
def staged_in_notebook(
    lab: Lab, browser: Browser, stage_redis: ThrowawayRedis, stage_jobs: None
) -> Iterator[Notebook]:
    """The same in Notebook 7."""
    with stage.opened(lab, browser, stage_redis.url, "notebook") as page:
        yield page


@pytest.fixture(scope="module", params=FRONT_ENDS)
def either(request: pytest.FixtureRequest) -> Notebook:
    """The stage in JupyterLab, and then in Notebook 7."""
    name = {"lab": "staged", "notebook": "staged_in_notebook"}[request.param]
    page: Notebook = request.getfixturevalue(name)
    return page
