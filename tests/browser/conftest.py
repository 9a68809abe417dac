"""Fixtures of the tests that drive a real Chromium: the browser, and a JupyterLab to open."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from labkit.redis_server import ThrowawayRedis


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
