from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_selfinvoke.__main__ import main

from .synthetic import write

Open: TypeAlias = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    for module in ("jinja2", "matplotlib"):
        pytest.importorskip(module, reason="needs the extra html")
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs chromium")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Opens a file and, at the end, makes sure that nothing was asked for or reported."""
    contexts, complaints = [], []

    def open_file(
        file: Path, *, fragment: str = "", width: int = 1400, scheme: str = "light"
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append("dialog"))
        url = file.as_uri()
        page.on(
            "request",
            lambda asked: (
                complaints.append(asked.url)
                if asked.url.partition("#")[0] != url
                else None
            ),
        )
        page.goto(url + fragment)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def report(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 1,440 cases."""
    return report_of(write(tmp_path_factory.mktemp("run")))


def report_of(folder: Path) -> Path:
    file = folder / "report.html"
    assert main(["report", str(folder), f"--html={file}"]) == 0
    return file
