"""The report's sections as studies, put together from the results of a reproduction."""

from dataclasses import replace

import repro_factory as factory

from lenet_tune import analysis
from lenet_tune.report import render_page
from lenet_tune.reproduce.section_studies import section_studies
from lenet_tune.sections import runs
from lenet_tune.space import key


def finals(section, *levels):
    """Each run of a section with these final accuracies by seed."""
    return [(run.setting, dict(levels)) for run in runs(section)]


def manifest(commit, started, wall):
    session = {"command": "lenet-tune reproduce", "commit": commit, "started": started}
    return {
        "commit": commit,
        "started": started,
        "ended": started,
        "wall_seconds": wall,
        "versions": {"keras": "3.15.1"},
        "sessions": [session],
    }


def proven(results, proof):
    return replace(factory.study(results), manifest=proof)


def test_a_section_has_its_runs_in_the_reports_order_and_nothing_else():
    study = factory.study([*reversed(finals(1, (0, 0.5))), *finals(3, (0, 0.6))])
    first, third = section_studies([study])
    assert [key(t.setting) for t in first.trials] == [key(run.setting) for run in runs(1)]
    assert [t.number for t in first.trials] == list(range(len(runs(1))))
    assert (first.definition.name, first.definition.section) == ("reproduction-section1", 1)
    assert (first.definition.stages, third.definition.section) == (("initial", "adjusted"), 3)
    assert {t.accuracies for t in third.trials} == {(0.6,)}


def test_seeds_of_a_run_come_together_from_all_studies_and_the_first_of_a_seed_counts():
    early = proven(finals(3, (0, 0.5)), manifest("aaa", "2026-01-01", 10.0))
    late = proven(finals(3, (0, 0.9), (1, 0.6)), manifest("bbb", "2026-01-02", 5.0))
    (study,) = section_studies([early, late])
    assert {t.accuracies for t in study.trials} == {(0.5, 0.6)}
    assert all([e.repeat for e in t.executions] == [0, 1] for t in study.trials)
    assert all(e.trial == t.number for t in study.trials for e in t.executions)
    assert study.definition.seeds == 2
    proof = study.manifest
    assert (proof["commit"], proof["wall_seconds"], proof["started"]) == ("aaa and bbb", 15.0, "2026-01-01")
    assert proof["versions"] == {"keras": "3.15.1"}
    assert [s["commit"] for s in proof["sessions"]] == ["aaa", "bbb"]
    assert proof["command"] == "lenet-tune grid --section 3 --seeds 2"
    assert proof["trained by"] == "lenet-tune reproduce"


def test_a_section_with_runs_missing_says_so():
    one = runs(3)[0]
    (study,) = section_studies([factory.study([(one.setting, {0: 0.5})])])
    assert (len(study.trials), study.planned) == (1, len(runs(3)))
    assert f"1 of {len(runs(3))}" in analysis.state(study)


def test_the_page_compares_with_the_published_numbers():
    (study,) = section_studies([factory.study(finals(3, (0, 0.61), (1, 0.63)))])
    rows = {row.run.label: row for row in analysis.comparison(study)}
    assert {row.run.published for row in rows.values()} == {0.5564, 0.5133}
    page = render_page(study)
    assert "55.64 %" in page or "0.5564" in page


def test_no_run_of_a_section_no_study():
    assert list(section_studies([])) == []
    other = {**runs(3)[0].setting, "learning_rate": 0.5}
    assert list(section_studies([factory.study([(other, {0: 0.5})])])) == []
