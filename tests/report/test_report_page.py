"""Pages: whole, readable, inert, small, the same every time; for every state a study can be in."""

import base64
import functools
import gzip
import hashlib
import json
import re
import subprocess
import sys
import time
from dataclasses import replace

import jinja2
import pytest
import report_factory as factory
from report_factory import SCRIPTS

from lenet_tune import analysis
from lenet_tune.errors import StudyError
from lenet_tune.report import page as page_module
from lenet_tune.report import render_page, write_page


def empty():
    return replace(factory.search(12, best=False), trials=(), test_readings=(), manifest={})


def running():
    made = factory.search(12, best=False)
    waiting = factory.trial(3, [0.2], outcome=None)
    return replace(
        made, trials=(*made.trials[:3], waiting), test_readings=(), manifest=factory.manifest(ended=None)
    )


def interrupted():
    made = factory.search(12, best=False)
    return replace(made, trials=made.trials[:5], manifest=factory.manifest(interrupted=True))


def all_failed():
    made = [factory.trial(i, [0.1], outcome="failed", error="MemoryError: no room") for i in range(3)]
    return replace(factory.search(12, best=False), trials=tuple(made), planned=3, test_readings=())


def all_diverged():
    made = [factory.trial(i, [0.1], outcome="diverged", epochs=1) for i in range(3)]
    return replace(factory.search(12, best=False), trials=tuple(made), planned=3, test_readings=())


STUDIES = {
    "empty": empty,
    "running": running,
    "interrupted": interrupted,
    "one trial": lambda: replace(factory.search(1), planned=1),
    "all failed": all_failed,
    "all diverged": all_diverged,
    "search with seeds": lambda: factory.search(12, seeds=3),
    "hundred classes": lambda: replace(
        factory.search(3), best_model=factory.best_model(0, classes=[f"class {i}" for i in range(100)])
    ),
    "section 1": lambda: factory.section_grid(1, epochs=3, notice=factory.NOTICE),
    "section 2": lambda: factory.section_grid(2, seeds=2),
    "section 3, half": lambda: factory.section_grid(3, done=1),
}


@functools.cache
def with_its_page(name):
    """A study and its page: rendered once for all tests that read it."""
    snapshot = STUDIES[name]()
    return snapshot, render_page(snapshot)


@pytest.fixture(params=STUDIES, ids=lambda name: name.replace(" ", "-"))
def study(request):
    return with_its_page(request.param)


def test_every_page_is_well_formed_and_accessible(study, parse):
    page = parse(study[1])
    assert page.unclosed == []
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) - len(page.all("svg")) == 1
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(link["href"].removeprefix("#") in ids for link in page.all("a"))
    assert all(image["alt"] for image in page.all("img"))
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    for svg in page.all("svg"):
        assert svg["role"] == "img"
        assert all(name in ids for name in svg["aria-labelledby"].split())
    for _, attributes in page.tags:
        assert all(name in ids for name in attributes.get("aria-labelledby", "").split())


def test_every_page_says_its_state_and_its_answer(study, parse):
    snapshot, html = study
    text = parse(html).text
    assert f"Status: {analysis.state(snapshot)}" in text
    assert analysis.summary(snapshot).replace(" %", "\u00a0%") in text
    assert str(snapshot.manifest.get("command") or "not recorded") in text


def test_no_page_refers_to_anything_outside_itself(study, parse):
    _, html = study
    page = parse(html)
    scripts = SCRIPTS if page.all("svg") else [SCRIPTS[0], SCRIPTS[2]]
    assert page.all("script") == scripts
    assert page.all("link") == page.all("iframe") == page.all("object") == []
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), (tag, name)
    assert "http" not in re.sub(r">[^<]*<", "><", html).replace("http-equiv", "")
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_a_policy_forbids_the_network_and_all_scripts_but_two(parse):
    html = render_page(factory.search(3))
    metas = parse(html).all("meta")
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    packed = re.search(r'<script type="text/plain" id="vega">(.*?)</script>', html)[1]
    own = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    hashes = [hashlib.sha256(s).digest() for s in (own.encode(), gzip.decompress(base64.b64decode(packed)))]
    assert rules["script-src"] == " ".join(f"'sha256-{base64.b64encode(h).decode()}'" for h in hashes)


def test_what_the_script_reads_is_the_study_and_nothing_in_it_can_end_the_block():
    made = poisoned("</script><script>alert(1)</script>")
    block = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', render_page(made))[1]
    data = json.loads(block)
    trials = data["shared"]["trials"]
    place = trials["fields"].index("trial")
    assert {row[place] for row in trials["rows"]} == {t.number for t in made.trials}
    assert not set("<>&'") & set(block)


def test_the_same_snapshot_gives_the_same_bytes(study):
    snapshot, html = study
    assert render_page(snapshot) == html


def test_a_page_is_the_same_in_another_process(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(factory.__file__).removesuffix('/report_factory.py')!r})\n"
        "import report_factory as factory, hashlib; from lenet_tune.report import render_page\n"
        "print(hashlib.sha256(render_page(factory.search(6, seeds=2)).encode()).hexdigest())\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'keras_tuner', 'matplotlib'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1
    assert outputs.pop().splitlines()[1] == "[]", "rendering imported a heavy library"


PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "null\x00char \ud800 surrogate",
    "\u202eright to left\u202c שלום",
    "emoji 🦊 $x^2$ \\alpha",
    "]]></svg><style>*{display:none}</style>",
    "x" * 3000,
)


def poisoned(text):
    made = factory.section_grid(2, seeds=2, notice=text)
    trials = [replace(t, label=text) for t in made.trials]
    bad = factory.trial(9, [0.1], outcome="failed", error=text)
    odd = replace(bad, number=10, setting={**bad.setting, text: text, "activation": text}, label=text)
    best = factory.best_model(0, classes=[f"{text} {i}" for i in range(10)])
    best = {**best, "feature_layer": text, "kernel_layer": text, "split": text}
    manifest = factory.manifest(command=text, versions={text: text}, device=text, extra=text)
    definition = replace(made.definition, name=text, title=text, options={text: text})
    return replace(
        made,
        definition=definition,
        manifest=manifest,
        trials=(*trials, bad, odd),
        best_model=best,
    )


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_payloads_stay_text(text, parse):
    made = poisoned(text)
    html = render_page(made)
    page = parse(html)
    assert page.unclosed == []
    html.encode("utf-8")
    assert page.all("script") == SCRIPTS
    assert len(page.all("style")) == 1
    assert all(i["src"].startswith("data:image/png;base64,") for i in page.all("img"))
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith("#")
    assert not set(html) & {"\x00", "\u202e", "\u202c"}
    shown = re.sub("[\x00\ud800\u202e\u202c]", "\ufffd", text)
    assert shown in page.text


def test_the_notice_stands_at_the_top_and_in_every_caption(parse):
    made = factory.section_grid(1, epochs=3, notice=factory.NOTICE)
    html = render_page(made)
    captions = re.findall(r"<caption>.*?</caption>", html)
    assert captions
    assert all(factory.NOTICE in caption for caption in captions)
    assert html.index('class="notice"') < html.index("<main")


def test_a_grid_says_what_luck_of_the_seeds_can_do(parse):
    assert "small differences may be luck" in parse(with_its_page("section 1")[1]).text
    text = parse(with_its_page("section 2")[1]).text
    assert "One execution scatters by a standard deviation of" in text


def test_a_report_grid_shows_published_beside_measured_and_why_it_does_not_compare(parse):
    text = parse(render_page(factory.section_grid(1, epochs=3))).text
    assert "Table 4" in text
    assert "54.75\u00a0%" in text
    assert "3 epochs instead of 30" in text
    full = parse(render_page(factory.section_grid(1, seeds=3))).text
    assert "Not comparable" not in full


@pytest.mark.parametrize(
    ("trials", "size", "seconds"), [(50, 1_500_000, 5.0), (1000, 3_000_000, 15.0)], ids=["50", "1000"]
)
def test_pages_keep_their_budget(trials, size, seconds):
    made = factory.search(trials, wide=True, epochs=30)
    render_page(factory.search(10, wide=True))  # what is loaded once is no part of a page
    started = time.process_time()
    html = render_page(made)
    assert time.process_time() - started < seconds  # on cores that others use too; the goal at 50 is 2 s
    assert len(html.encode()) < size


def test_a_thousand_trials_all_stand_in_the_page(parse):
    made = factory.search(1000)
    page = parse(render_page(made))
    assert "800 more trials" in page.text
    assert len(page.all("tr")) > 1000


def test_writing_leaves_one_whole_file(tmp_path):
    made = factory.search(3)
    path = write_page(made, tmp_path / "pages" / "study.html")
    assert path.read_text(encoding="utf-8") == render_page(made)
    assert [p.name for p in path.parent.iterdir()] == ["study.html"]


def test_the_last_good_page_survives_a_broken_template(tmp_path, monkeypatch):
    path = write_page(factory.search(3), tmp_path / "study.html")
    before = path.read_bytes()
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "page.html").write_text("{{ title }} {{ no_such_thing }}")
    monkeypatch.setattr(page_module, "TEMPLATES", templates)
    with pytest.raises(jinja2.UndefinedError):
        write_page(factory.search(4), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_the_last_good_page_survives_a_full_disk(tmp_path, monkeypatch, step):
    path = write_page(factory.search(3), tmp_path / "study.html")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"lenet_tune.report.files.os.{step}", full)
    with pytest.raises(StudyError, match="No space left") as caught:
        write_page(factory.search(4), path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["study.html"]


def test_a_folder_in_the_place_of_the_page_is_one_clear_line(tmp_path):
    (tmp_path / "study.html").mkdir()
    with pytest.raises(StudyError, match="Cannot write"):
        write_page(factory.search(3), tmp_path / "study.html")
