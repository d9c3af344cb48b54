"""Row 8: a study file that is a valid database with wrong values in it."""

import json
import sqlite3

import pytest

from lenet_tune.errors import StudyError
from lenet_tune.study import Study

ALTERATIONS = {
    "accuracy as text": ("UPDATE epoch SET held_out_accuracy = 'high' WHERE trial = 1 AND epoch = 2", 1),
    "accuracy above one": ("UPDATE epoch SET held_out_accuracy = 90.5 WHERE trial = 1 AND epoch = 2", 1),
    "loss as text": ("UPDATE epoch SET train_loss = 'low' WHERE trial = 1 AND repeat = 0", 1),
    "a missing setting": ("UPDATE trial SET setting = '' WHERE number = 2", 2),
    "an unknown knob": ("UPDATE trial SET setting = '{\"speed\": 1}' WHERE number = 2", 2),
    "a knob of another type": ('UPDATE trial SET setting = \'{"depth": "2"}\' WHERE number = 2', 2),
    "a knob outside its range": ("UPDATE trial SET setting = '{\"momentum\": 7.5}' WHERE number = 2", 2),
    "a negative seed": ("UPDATE execution SET seed = -1 WHERE trial = 3", 3),
    "a seed as text": ("UPDATE execution SET order_seed = 'x' WHERE trial = 3", 3),
    "a label that is no text": ("UPDATE trial SET label = x'00ff' WHERE number = 4", 4),
}
FIELDS = {
    "accuracy as text": "held_out_accuracy",
    "accuracy above one": "held_out_accuracy",
    "loss as text": "train_loss",
    "a missing setting": "setting",
    "an unknown knob": "speed",
    "a knob of another type": "setting.depth",
    "a knob outside its range": "setting.momentum",
    "a negative seed": "seed",
    "a seed as text": "order_seed",
    "a label that is no text": "label",
}


def altered(path, whole, *statements):
    """The whole study in `path` after `statements`, with SQLite's own checks off."""
    path.write_bytes(whole.read_bytes())
    db = sqlite3.connect(path)
    db.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        db.execute(*statement) if isinstance(statement, tuple) else db.execute(statement)
    db.commit()
    db.close()
    return path


@pytest.mark.parametrize("name", ALTERATIONS)
def test_row_08_a_wrong_value_is_refused_with_its_row_and_field(tmp_path, whole_study, name):
    statement, number = ALTERATIONS[name]
    path = altered(tmp_path / "study.db", whole_study, statement)
    with Study.read(path) as study, pytest.raises(StudyError) as refusal:
        study.snapshot()
    text = str(refusal.value)
    assert FIELDS[name] in text
    assert f"trial {number}" in text or f"number {number}" in text
    assert "\n" not in text


def test_row_08_an_unknown_outcome_is_refused_with_its_row(tmp_path, whole_study):
    path = altered(tmp_path / "study.db", whole_study, "UPDATE execution SET outcome = 'won' WHERE trial = 3")
    with pytest.raises(StudyError, match=r"trial 3, repeat 0.*`outcome`.*'won'|CHECK constraint"), \
            Study.open(path) as study:  # fmt: skip
        study.snapshot()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../../elsewhere"),
        ("seed", "0"),
        ("stages", "initial"),
        ("data", {"name": "cifar10"}),
        ("kind", None),
    ],
)
def test_row_08_a_wrong_definition_is_refused_with_its_field(cli, tmp_path, whole_study, field, value):
    path = tmp_path / "study.db"
    path.write_bytes(whole_study.read_bytes())
    with Study.read(path) as study:
        facts = dict(study.definition.__dict__)
    text = json.dumps({**facts, field: value})
    altered(path, whole_study, ("UPDATE meta SET value = ? WHERE key = 'definition'", (text,)))
    for command in ("trials", "report", "export"):
        result = cli(command, str(path))
        assert result.exit_code == 4
        assert f"`{field}`" in result.stderr
        assert result.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["study.db"]
