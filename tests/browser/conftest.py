"""A real headless Chromium with no network, and pages opened in it from disk."""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "report"))
NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = os.environ.get("LENET_TUNE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
_STILL = """() => {
    const boxes = document.querySelectorAll("[data-chart]:not(.lives)");
    boxes[0]?.scrollIntoView({ block: "center", behavior: "instant" });
    return boxes.length;
}"""
FLAGS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def pytest_collection_modifyitems(items):
    if BROWSER is None:
        skip = pytest.mark.skip(reason=f"no browser here: none of {', '.join(NAMES)} is installed")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def chromium():
    """The browser, one for all tests of a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, Chromium starts without its sandbox only; it opens nothing but pages made by these tests.
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, tmp_path):
    """Opens HTML from disk; a request for anything but files, or a console error, fails the test."""
    contexts, wrong = [], []

    def open_page(html, *, name="page.html", **options):
        path = tmp_path / name
        path.write_text(html, encoding="utf-8")
        context = chromium.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or wrong.append(r.url))
        page.on("console", lambda m: m.type in ("error", "warning") and wrong.append(m.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def until(page, expression, seconds=60):
    """Waits until an expression is true; from outside, for the page's policy forbids evaluation inside."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)


@pytest.fixture
def alive():
    """Scrolls from chart to chart until every one lives; each has a minute, however many there are."""

    def wait(page):
        while still := page.evaluate(_STILL):
            until(page, f"({_STILL})() < {still}")
        page.evaluate("window.scrollTo({ top: 0, behavior: 'instant' })")

    return wait


@pytest.fixture(name="until")
def waiting():
    return until
