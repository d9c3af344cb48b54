"""A snapshot survives JSON text exactly, and what is no snapshot is refused by the name of its field."""

import copy
import json
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet_tune.engines.base import EpochResult
from lenet_tune.errors import StudyError
from lenet_tune.interchange import SCHEMA, snapshot_from_json, snapshot_to_json
from lenet_tune.records import Definition, ExecutionRecord, Snapshot, TestReading, TrialRecord
from lenet_tune.studyexport import read_export

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
TEXT = st.text(max_size=8) | st.sampled_from(["$float", "$", "$$x", "nan", "\x00", "\ud800"])
FREE = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MAPPING = st.dictionaries(TEXT, FREE, max_size=3)
WHOLE = st.integers(0, 2**63)


@st.composite
def executions(draw):
    trial, repeat = draw(st.integers(0, 999)), draw(st.integers(0, 9))
    epochs = draw(st.lists(st.tuples(WHOLE, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS), max_size=3))
    names = ("epoch", "train_loss", "train_accuracy", "held_out_loss", "held_out_accuracy", "seconds")
    return ExecutionRecord(
        trial=trial,
        repeat=repeat,
        seed=draw(WHOLE),
        order_seed=draw(WHOLE),
        outcome=draw(st.sampled_from([None, "done", "diverged", "failed"])),
        error=draw(st.none() | TEXT),
        device=draw(st.none() | TEXT),
        seconds=draw(st.none() | FLOATS),
        epochs=tuple(
            EpochResult(trial=trial, repeat=repeat, **dict(zip(names, row, strict=True))) for row in epochs
        ),
    )


TRIALS = st.builds(
    TrialRecord,
    number=WHOLE,
    setting=MAPPING,
    label=TEXT,
    proposal=MAPPING,
    executions=st.lists(executions(), max_size=2).map(tuple),
)
DEFINITIONS = st.builds(
    Definition,
    name=TEXT, kind=TEXT, title=TEXT, protocol=TEXT, engine=TEXT,
    space=MAPPING, data=MAPPING, options=MAPPING,
    section=st.none() | WHOLE, stages=st.lists(TEXT, max_size=2).map(tuple),
    train_size=WHOLE, held_out_size=WHOLE, seed=WHOLE, seeds=WHOLE,
)  # fmt: skip
SNAPSHOTS = st.builds(
    Snapshot,
    definition=DEFINITIONS,
    manifest=MAPPING,
    planned=st.none() | WHOLE,
    trials=st.lists(TRIALS, max_size=2).map(tuple),
    test_readings=st.lists(
        st.builds(TestReading, trial=WHOLE, when=TEXT, accuracy=FLOATS, images=WHOLE), max_size=2
    ).map(tuple),
    best_model=st.none() | MAPPING,
)


@settings(max_examples=60, deadline=None)
@given(SNAPSHOTS)
def test_a_snapshot_comes_back_from_json_text_as_it_was(snapshot):
    text = json.dumps(snapshot_to_json(snapshot), allow_nan=False)
    back = snapshot_from_json(json.loads(text))
    # repr, because NaN equals nothing; it tells every bit of a float, -0.0 and int from float.
    assert repr(back) == repr(snapshot)
    assert json.dumps(snapshot_to_json(back), allow_nan=False) == text


def test_a_real_looking_study_comes_back_equal():
    snapshot = factory.section_grid(1, seeds=2, epochs=3, notice=factory.NOTICE)
    assert snapshot_from_json(json.loads(json.dumps(snapshot_to_json(snapshot)))) == snapshot


def test_the_json_is_stable_and_names_its_schema():
    data = snapshot_to_json(factory.search(3))
    assert data["schema"] == SCHEMA
    assert list(data) == [
        "schema", "definition", "manifest", "planned", "trials", "test_readings", "best_model",
    ]  # fmt: skip


def test_losses_that_are_no_numbers_are_valid_json_and_come_back():
    data = snapshot_to_json(factory.search(6))
    last = (
        snapshot_from_json(json.loads(json.dumps(data, allow_nan=False))).trials[4].executions[0].epochs[-1]
    )
    assert math.isnan(last.train_loss)
    assert last.held_out_loss == math.inf


@pytest.mark.parametrize("data", [None, [], 3, "x", {}, {"schema": 2}, {"schema": "1"}, {"schema": SCHEMA}])
def test_what_is_no_snapshot_is_refused(data):
    with pytest.raises(StudyError):
        snapshot_from_json(data)


DAMAGES = [
    (("planned",), "many", "planned"),
    (("planned",), True, "planned"),
    (("manifest",), [], "manifest"),
    (("trials",), {}, "trials"),
    (("trials", 0), None, "trials[0]"),
    (("trials", 0, "number"), "0", "trials[0].number"),
    (("trials", 0, "label"), 3, "trials[0].label"),
    (("trials", 0, "setting"), [], "trials[0].setting"),
    (("trials", 1, "executions", 0, "outcome"), "won", "trials[1].executions[0].outcome"),
    (("trials", 1, "executions", 0, "seconds"), "1", "trials[1].executions[0].seconds"),
    (("trials", 0, "executions", 0, "epochs"), [], "trials[0].executions[0].epochs"),
    (("trials", 0, "executions", 0, "epochs", "epoch"), [1.5] * 5, "epochs.epoch"),
    (("trials", 0, "executions", 0, "epochs", "train_loss"), ["x"] * 5, "epochs.train_loss"),
    (("trials", 0, "executions", 0, "epochs", "seconds"), [1.0], "epochs"),
    (("definition", "seeds"), 1.0, "definition.seeds"),
    (("definition", "stages"), [1], "definition.stages"),
    (("definition", "space"), None, "definition.space"),
    (("test_readings", 0, "when"), 5, "test_readings[0].when"),
    (("best_model",), [], "best_model"),
    (("definition", "colour"), "red", "definition.colour"),
]


@pytest.mark.parametrize(("path", "value", "name"), DAMAGES, ids=[name for _, _, name in DAMAGES])
def test_a_damaged_field_is_named_in_one_line(path, value, name):
    data = copy.deepcopy(snapshot_to_json(factory.search(3)))
    at = data
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(StudyError) as caught:
        snapshot_from_json(data)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", [("definition", "seed"), ("trials", 0, "executions"), ("manifest",)])
def test_a_missing_field_is_named(path):
    data = copy.deepcopy(snapshot_to_json(factory.search(3)))
    at = data
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    with pytest.raises(StudyError, match=f"{path[-1]}.*missing"):
        snapshot_from_json(data)


def test_nesting_without_end_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    data = snapshot_to_json(factory.search(3))
    data["manifest"] = {"x": deep}
    with pytest.raises(StudyError, match="nested"):
        snapshot_from_json(data)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file or directory."), (b"{", "property name"), (b"\xff", "decode")]
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line_without_pythons_words(tmp_path, content, said):
    path = tmp_path / "study.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_export(path)
    line = str(caught.value)
    assert line.startswith(f"{path} cannot be read as a study's JSON: ")
    assert said in line
    assert "\n" not in line
    assert "Errno" not in line
