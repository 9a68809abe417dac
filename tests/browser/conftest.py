"""Fixtures of the tests that drive a real Chromium: the browser, and a JupyterLab to open."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis
from tests.browser import stage
from tests.browser.lab import Lab

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
def staged(lab: Lab, browser: Browser, stage_redis: ThrowawayRedis) -> Iterator[Notebook]:
    """All widgets, with jobs in every state; of the last board, Redis has gone."""
    with ThrowawayRedis() as mortal, stage.acting(lab.folder, stage_redis.url):
        broker = LabBroker(url=mortal.url)
        stage.send(broker, "greet", "Ada")
        broker.client.close()
        gone = f"JobBoard({mortal.url!r}, limit=3)", f"Timeline(url={mortal.url!r}, limit=3)"
        lab.write("staged.ipynb", *stage.cells(stage_redis.url), *gone)
        opened = lab.open(browser, "staged.ipynb", size=(1200, 4800), reduced_motion="reduce")
        opened.run_all()
        opened.wait_for_run(len(stage.CELLS) + 1)
        from playwright.sync_api import expect

        last = opened.cell(len(stage.CELLS)).locator(".lk-board")
        expect(last.get_by_role("row")).to_have_count(2)
        mortal.kill()
        expect(last.locator(".lk-foot")).to_have_attribute("data-status", "stale")
        opened.page.locator(".lk-board").first.evaluate("board => { board.id = 'staged' }")
        yield opened
        opened.close()
