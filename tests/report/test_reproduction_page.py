"""The page of the reproduced report: whole, inert, small and the same every time, for any evidence."""

import functools
import random
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import report_factory

sys.path.insert(0, str(Path(__file__).parent.parent))
import repro_factory as factory
from report_factory import SCRIPTS

from lenet_tune.analysis.reproduction import reproduction
from lenet_tune.analysis.reproduction_words import headline
from lenet_tune.analysis.text import percent
from lenet_tune.report import render_reproduction
from lenet_tune.report.closing_part import closing_searches, closing_table
from lenet_tune.sections.arms import Pick, arms
from lenet_tune.sections.published import published
from lenet_tune.space import key

NOTICE = "not CIFAR-10, not comparable with the report"


def levels():
    return {key(setting): n.accuracy for n in published() for setting in n.settings}


def evidence(seeds, *, share=1.0, readings=True, offset=0.0):
    """Made-up executions near the published numbers."""
    rng, known = random.Random(0), levels()
    results = []
    for arm in arms(Pick(readings=readings)):
        mean = known.get(key(arm.setting), 0.4 + rng.uniform(-0.05, 0.05)) + offset
        if rng.random() < share:
            results.append((arm.setting, {k: max(0.05, mean + rng.gauss(0, 0.004)) for k in range(seeds)}))
    return results


def whole(seeds=5):
    made = factory.study(evidence(seeds))
    shown = next(t.number for t in made.trials if t.label == "adjusted: lr 0.01, tanh, cross-entropy")
    return replace(made, best_model=report_factory.best_model(shown))


def other_data():
    data = {**factory.definition().data, "name": "shapes", "comparable": False, "notice": NOTICE}
    return factory.study(evidence(2, readings=False), data=data)


def diverged():
    setting = published()[-1].settings[0]
    return factory.study([(setting, {0: factory.DIVERGED, 1: factory.DIVERGED})])


STUDIES = {
    "nothing": list,
    "empty study": lambda: [factory.study([])],
    "one seed": lambda: [factory.study(evidence(1))],
    "two seeds of some": lambda: [factory.study(evidence(2, share=0.4))],
    "everything": lambda: [whole()],
    "with a search": lambda: [whole(2), report_factory.search(12, seeds=2)],
    "other data": lambda: [other_data()],
    "diverged": lambda: [diverged()],
    "two studies": lambda: [
        factory.study(evidence(2, readings=False)),
        factory.study([(s, {2: 0.4}) for s, _ in evidence(1, readings=False)], name="reproduction-2"),
    ],
}


def test_searches_of_the_closing_question_have_their_words_and_charts_side_by_side(parse):
    searches = [report_factory.search(40, name=name) for name in ("random-deep", "bayes-deep")]
    html = render_reproduction(reproduction([whole(2), *searches], {}))
    assert "The highest validation accuracy found is" in html
    for name in ("random-deep", "bayes-deep"):
        assert f'id="fig-importance-{name}"' in html
    assert 'id="fig-importance-together"' in html
    finished = sum(len(search.ranked) for search in searches)
    assert f"{finished} finished trials of the searches with 5 epochs" in html
    assert "The searches, in the order in which they began" in html


def test_the_search_that_answers_stands_first_and_the_table_has_every_one_in_order():
    low, high = (
        replace(
            report_factory.search(12, name=name, **more),
            manifest=report_factory.manifest(started=f"2026-01-0{day}T10:00:00Z"),
        )
        for name, day, more in (("first", 1, {"best": False}), ("second", 2, {"seeds": 2}))
    )
    scores = {s.definition.name: s.best.score for s in (low, high)}
    best = max(scores, key=scores.get)
    assert closing_searches([low, high])[0].name == closing_searches([high, low])[0].name == best
    table = closing_table([high, low])
    assert [(row[0], row[4]) for row in table.rows] == [(n, percent(scores[n])) for n in ("first", "second")]
    assert closing_table([low]) is None


@functools.cache
def with_its_page(name):
    """A reproduction and its page: rendered once for all tests that read it."""
    found = reproduction(STUDIES[name](), {})
    return found, render_reproduction(found)


@pytest.fixture(params=STUDIES, ids=lambda name: name.replace(" ", "-"))
def found(request):
    return with_its_page(request.param)[0]


@pytest.fixture(params=STUDIES, ids=lambda name: name.replace(" ", "-"))
def html(request):
    return with_its_page(request.param)[1]


def test_every_page_is_well_formed_and_accessible(html, parse):
    page = parse(html)
    assert page.unclosed == []
    assert len(page.all("h1")) == len(page.all("main")) == 1
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(link["href"].removeprefix("#") in ids for link in page.all("a"))
    assert all(image["alt"] for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))


def test_no_page_refers_to_anything_outside_itself(html, parse):
    page = parse(html)
    assert page.all("script") == SCRIPTS
    assert page.all("link") == page.all("iframe") == []
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), (tag, name)


def test_every_page_says_its_answer_and_judges_every_number_and_claim(found, parse):
    text = parse(render_reproduction(found)).text
    assert headline(found) in text.replace("\N{NO-BREAK SPACE}", " ")
    assert all(f"{n.accuracy:.4f}" in text for n in published())
    assert all(re.search(rf"\bC{i}\b", text) for i in range(1, 19))


def test_the_same_studies_give_the_same_bytes():
    found, html = with_its_page("everything")
    assert render_reproduction(found) == html


def test_the_full_page_shows_all_tables_and_figures_beside_the_published_ones(parse):
    made = reproduction([whole()], {})
    page = parse(render_reproduction(made))
    for where in ("Table 1", "Table 2", "Table 3", "Table 4", "Figure 1", "Figure 2", "Figure 3"):
        assert where in [text for tag, text in page.texts if tag == "h3"]
    panels = [a["id"] for a in page.all("figure") if "id" in a]
    assert sum(name.startswith("fig-table-") for name in panels) == 24
    assert len(page.all("img")) == 20  # ten images and their feature maps


def test_the_three_largest_gaps_stand_in_words_before_the_contents():
    made = reproduction([factory.study(evidence(5, offset=0.06))], {})
    html = render_reproduction(made)
    first_screen = html[: html.index("<nav")]
    assert first_screen.count("points, n = 5): higher.") == 3


def test_each_execution_can_be_traced(parse):
    made = reproduction([whole(2)], {})
    text = parse(render_reproduction(made)).text
    one = next(iter(made.pool.of(published()[-1].settings[0]).values()))
    for part in (f"{one.seed[0]}, {one.seed[1]}", "abc1234", "0.1.0", "CPU, 2 cores", "reproduction"):
        assert part in text


def test_a_page_says_what_its_backend_does_and_how_to_get_the_others(parse):
    on_tensorflow = whole(2)
    on_jax = replace(on_tensorflow, manifest={**on_tensorflow.manifest, "backend": "jax"})
    for study, own, other in ((on_tensorflow, "TensorFlow", "jax"), (on_jax, "JAX", "tensorflow")):
        text = parse(render_reproduction(reproduction([study], {}))).text
        assert f"On {own} Keras's cross-entropy" in text
        assert f"lenet-tune reproduce --backend {other} makes the other one" in text


def test_other_data_is_said_at_the_top_in_every_caption_and_nowhere_compared(parse):
    html = render_reproduction(reproduction([other_data()], {}))
    captions = re.findall(r"<caption>.*?</caption>", html)
    assert all(NOTICE in caption for caption in captions)
    assert html.index('class="notice"') < html.index("<main")
    assert "0 of 16 published figures reproduced" in html


def test_the_best_reading_is_named_with_its_distance():
    html = render_reproduction(reproduction([whole()], {}))
    assert "The default fits best of the 7 readings that were run." in html


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "{{ 7*7 }}", "\u202ex"]
)
def test_payloads_stay_text(text, parse):
    made = whole(2)
    manifest = {**made.manifest, "command": text, "device": text, "commit": text, "backend": text}
    trials = tuple(replace(t, label=text) for t in made.trials)
    made = replace(made, manifest=manifest, trials=trials, definition=replace(made.definition, title=text))
    page = parse(render_reproduction(reproduction([made], {})))
    assert page.unclosed == []
    assert page.all("script") == SCRIPTS
    assert all(image["src"].startswith("data:") for image in page.all("img"))


def test_the_full_page_keeps_to_its_size_and_time():
    made = whole()
    render_reproduction(reproduction([made], {}))
    started = time.process_time()
    html = render_reproduction(reproduction([made], {}))
    assert time.process_time() - started < 4
    assert len(html.encode()) < 1_500_000


def test_the_page_says_every_sittings_command_once(parse):
    made = whole(2)
    sessions = [
        {"command": c}
        for c in ("lenet-tune reproduce --section 1", "lenet-tune reproduce", "lenet-tune reproduce")
    ]
    found = reproduction([replace(made, manifest={**made.manifest, "sessions": sessions})], {})
    html = render_reproduction(found)
    assert "<code>lenet-tune reproduce --section 1\nlenet-tune reproduce</code>" in html
