"""Pages in a real browser: silent, accessible, interactive; without script, dark, on a phone, printed."""

import re
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import report_factory as factory
from patience import PATIENCE

from lenet_tune import analysis
from lenet_tune.analysis.reproduction import reproduction
from lenet_tune.report import render_comparison, render_index, render_page, render_reproduction
from lenet_tune.report.selfcheck_page import render_selfcheck
from lenet_tune.selfcheck.stored import read_results
from lenet_tune.studyexport import read_export

ROOT = Path(__file__).parent.parent.parent


def study(**more):
    return factory.search(30, seeds=2, **more)


def failed():
    made = [factory.trial(i, [0.1], outcome="failed", error="MemoryError: no room") for i in range(3)]
    return replace(factory.search(12, best=False), trials=tuple(made), planned=3, test_readings=())


def running():
    made = factory.search(12, best=False)
    waiting = factory.trial(3, [0.2], outcome=None)
    return replace(made, trials=(*made.trials[:3], waiting), test_readings=(),
                   manifest=factory.manifest(ended=None))  # fmt: skip


STUDIES = {
    "empty": lambda: replace(factory.search(3, best=False), trials=(), test_readings=(), manifest={}),
    "running": running,
    "failed": failed,
    "one-trial": lambda: replace(factory.search(1), planned=1),
    "search": study,
    "section-1": lambda: factory.section_grid(1, epochs=3, notice=factory.NOTICE),
    "thousand": lambda: factory.search(1000, wide=True, epochs=30),
}


def two_studies():
    made = factory.search(12, seeds=2)
    data = {**made.definition.data, "image_shape": [32, 32, 3], "num_classes": 10}
    return {
        n: replace(made, definition=replace(made.definition, name=n, data=data)) for n in ("first", "second")
    }


def other_index():
    return render_index(two_studies(), ["first.html"])


def other_comparison():
    return render_comparison(analysis.compare(list(two_studies().values())))


def other_selfcheck():
    return render_selfcheck(read_results(ROOT / "reports" / "selfcheck.json"))


def reproduced():
    found = [read_export(path) for path in sorted((ROOT / "reports" / "reproduction").glob("r*.json"))]
    return render_reproduction(reproduction(found, {}))


@pytest.mark.parametrize("name", STUDIES)
def test_every_page_comes_to_life_without_a_request_or_an_error(visit, alive, name):
    page = visit(render_page(STUDIES[name]()))
    alive(page)
    assert page.locator("h1").inner_text()


def test_a_page_opens_in_two_seconds(visit):
    html = render_page(factory.search(50, wide=True, epochs=30))
    started = time.process_time(), time.monotonic()
    page = visit(html)
    page.wait_for_selector(".lives")
    assert time.monotonic() - started[1] < 8 * PATIENCE  # 2 s is the goal on free cores


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["search", "section-1", "failed", "empty"])
def test_axe_finds_nothing(visit, alive, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(render_page(STUDIES[name]()), color_scheme=scheme)
    alive(page)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:300]) for v in found] == []


def test_without_script_every_chart_stands(visit):
    html = render_page(study())
    page = visit(html, java_script_enabled=False)
    charts = page.locator("[data-chart] > svg")
    assert charts.count() == len(re.findall("data-chart=", html)) > 5
    assert all(charts.nth(i).is_visible() for i in range(charts.count()))
    assert not page.locator("#detail").is_visible()


@pytest.mark.parametrize(
    "make", [other_index, other_comparison, other_selfcheck], ids=["index", "compare", "selfcheck"]
)
def test_the_other_pages_live_too(visit, alive, make):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(make())
    alive(page)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:300]) for v in found] == []


def test_the_index_filters(visit):
    page = visit(other_index())
    page.locator("#filter").fill("second")
    assert chosen(page) == 1


def chosen(page):
    return page.locator("#trials-table tbody tr:visible").count()


def drag(page, box, start, end):
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    for step in (0.3, 0.7, 1.0):
        x, y = (start[i] + step * (end[i] - start[i]) for i in (0, 1))
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.up()


def area(page, name):
    """The plotting area of a living chart."""
    box = page.locator(f"[data-chart='{name}']")
    box.scroll_into_view_if_needed()
    page.wait_for_selector(f"[data-chart='{name}'].lives")
    return page.locator(f"[data-chart='{name}'] .live svg .background").first.bounding_box()


def test_a_rectangle_in_one_chart_filters_the_table_and_the_other_charts(visit, alive, until):
    page = visit(render_page(study()))
    alive(page)
    everything = chosen(page)
    drag(page, area(page, "slice-learning_rate"), (0.02, 0.02), (0.5, 0.98))
    until(page, "!document.getElementById('chosen').hidden")
    some = chosen(page)
    assert 0 < some < everything
    words = page.locator("#chosen").inner_text()
    assert words.startswith(f"{some} of {everything} trials chosen")
    faded = "[...document.querySelectorAll(\"[data-chart='best-so-far'] .live .mark-symbol path\")]" \
            ".filter((p) => Number(p.getAttribute('opacity')) < 0.1).length"  # fmt: skip
    until(page, f"({faded}) > 0")
    page.get_by_role("button", name="Show all").click()
    assert chosen(page) == everything
    until(page, f"({faded}) === 0")


def test_a_rectangle_over_parallel_coordinates_filters_the_table(visit, alive, until):
    page = visit(render_page(study()))
    alive(page)
    everything = chosen(page)
    drag(page, area(page, "parallel"), (0.02, 0.02), (0.3, 0.5))  # the upper half of the first axis
    until(page, "!document.getElementById('chosen').hidden")
    assert 0 < chosen(page) < everything


def test_the_filter_takes_words_and_comparisons(visit):
    made = study()
    page = visit(render_page(made))
    box = page.locator("#filter")
    box.fill("activation=relu")
    relu = [t for t in made.trials if t.setting["activation"] == "relu"]
    assert chosen(page) == len(relu)
    box.fill("activation=relu learning_rate<0.01")
    assert chosen(page) == sum(t.setting["learning_rate"] < 0.01 for t in relu)
    box.fill("")
    assert chosen(page) == len(made.trials)


def test_columns_sort_both_ways_by_key(visit):
    page = visit(render_page(study()))
    head = page.locator("#trials-table th", has_text="learning_rate")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    place = head.evaluate("(h) => h.cellIndex")
    rows = "[...document.querySelectorAll('#trials-table tbody tr')]"
    cells = f"{rows}.map((row) => +row.cells[{place}].textContent)"
    rising = page.evaluate(cells)
    assert rising == sorted(rising)
    assert head.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert page.evaluate(cells) == sorted(rising, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"


def test_a_trial_shows_its_setting_its_curves_and_its_command(visit):
    made = study()
    page = visit(render_page(made))
    best = made.best
    page.get_by_role("button", name=f"Trial {best.number}:").focus()
    page.keyboard.press("Enter")
    panel = page.locator("#detail")
    title = panel.locator("h2").inner_text()
    assert title.startswith(f"Trial {best.number}: {100 * best.score:.2f} %, rank 1")
    assert panel.locator("tr", has_text="learning_rate").inner_text().split("\t")[1] == str(
        best.setting["learning_rate"]
    )
    assert "lenet-tune grid --knob" in panel.locator("code").inner_text()
    page.wait_for_selector("#detail-curves svg")
    page.get_by_role("button", name="Worse").click()
    assert f"Trial {made.order[1].number}:" in panel.locator("h2").inner_text()
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == str(best.number)


def test_a_click_on_a_point_picks_its_trial(visit):
    page = visit(render_page(study()))
    area(page, "best-so-far")
    page.locator("[data-chart='best-so-far'] .live .mark-symbol path").nth(3).click()
    assert page.locator("#detail h2").inner_text().startswith("Trial ")


def test_the_theme_turns_and_is_remembered(visit):
    page = visit(render_page(factory.search(3)))
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    button = page.locator("#theme")
    assert button.inner_text() == "Theme: auto"
    button.click()
    button.click()
    assert button.inner_text() == "Theme: dark"
    assert page.evaluate(paper) != light
    page.reload()
    assert page.locator("#theme").inner_text() == "Theme: dark"


def test_the_tab_key_reaches_the_content_first(visit):
    page = visit(render_page(factory.search(3)))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


@pytest.mark.parametrize("name", ["search", "section-1"])
def test_nothing_sticks_out_on_a_phone(visit, alive, name):
    page = visit(render_page(STUDIES[name]()), viewport={"width": 390, "height": 844})
    alive(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


CUT = """() => [...document.querySelectorAll(".lives .live svg")].flatMap((svg) => {
    const right = svg.getBoundingClientRect().right;
    return [...svg.querySelectorAll(".role-legend text")]
        .filter((text) => text.getBoundingClientRect().right > right + 1).map((text) => text.textContent);
})"""


def test_no_legend_is_cut_on_a_phone(visit, alive):
    pages = [other_comparison(), other_selfcheck(), render_page(STUDIES["search"]()), reproduced()]
    for html in pages:
        page = visit(html, viewport={"width": 390, "height": 844})
        alive(page)
        assert page.locator(".role-legend text").count() > 2
        assert page.evaluate(CUT) == []


def test_print_gives_a_pdf_with_every_chart_and_no_controls(visit, alive, tmp_path):
    page = visit(render_page(study()))
    alive(page)
    page.emulate_media(media="print")
    stills = page.locator("[data-chart] > svg")
    assert all(stills.nth(i).is_visible() for i in range(stills.count()))
    assert not page.locator("#tools").is_visible()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 3


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><script>alert(1)</script>",
     "'];alert(1);//", "datum.constructor.constructor('alert(1)')()"],
)  # fmt: skip
def test_payloads_do_nothing(visit, alive, text):
    made = factory.search(12)
    trials = [
        replace(t, label=text, setting={**t.setting, "activation": f"{text}{t.number % 3}", text: t.number})
        for t in made.trials
    ]
    best = factory.best_model(0, classes=[f"{text} {i}" for i in range(10)])
    made = replace(made, trials=tuple(trials), best_model=best,
                   definition=replace(made.definition, name=text, title=text))  # fmt: skip
    page = visit(render_page(made))
    alive(page)
    page.locator("#trials-table .link").first.click()
    assert page.locator("#detail h2").is_visible()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def test_a_choice_in_a_served_page_outlives_its_renewal(chromium, alive, until, tmp_path):
    made = study()
    (tmp_path / "page.html").write_text(render_page(made), encoding="utf-8")
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = chromium.new_page(viewport={"width": 1366, "height": 768})
        try:
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/page.html")
            alive(page)
            drag(page, area(page, "slice-learning_rate"), (0.02, 0.02), (0.5, 0.98))
            until(page, "!document.getElementById('chosen').hidden")
            some = chosen(page)
            row = page.locator("#trials-table tr[data-trial]:not([hidden])").nth(1)
            number = row.get_attribute("data-trial")
            row.locator("button.link").click()
            page.reload()
            until(page, "!document.getElementById('chosen').hidden")
            assert chosen(page) == some
            assert page.locator("#detail-title").inner_text().startswith(f"Trial {number}:")
            page.get_by_role("button", name="Show all").click()
            page.get_by_role("button", name="Close").click()
            page.reload()
            assert chosen(page) == len(made.trials)
            assert not page.locator("#detail").is_visible()
        finally:
            page.close()
            server.shutdown()
