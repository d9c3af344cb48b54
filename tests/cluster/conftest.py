"""One Ray on this host for all tests, and searches on it with engines that train nothing."""

import os
import secrets
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS / "faults"))
from small_studies import asked, begin, tools  # noqa: E402

from lenet_tune import cluster, loop, plan  # noqa: E402
from lenet_tune.cluster.crew import Patience  # noqa: E402
from lenet_tune.cluster.worker import Duty  # noqa: E402

PATHS = (str(Path(__file__).parent), str(TESTS), str(TESTS / "faults"))


@pytest.fixture(scope="session")
def notes_folder(tmp_path_factory) -> Path:
    """Where the engines of workers leave their notes."""
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="session")
def ray_environment(notes_folder):
    """What processes of Ray inherit: the loopback device and the tests' engines. Gives the paths to those."""
    if find_spec("ray") is None:
        pytest.skip("needs ray: pip install 'lenet-tune[cluster]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([*PATHS, os.environ.get("PYTHONPATH", "")]))
        patch.setenv("LENET_TUNE_TEST_FOLDER", str(notes_folder))
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        yield PATHS


@pytest.fixture(scope="module")
def ray(ray_environment):
    """Ray with two cores on the loopback device."""
    from lenet_tune.cluster import ground

    with ground.started(0) as started:
        yield started


@pytest.fixture
def notes(notes_folder):
    """The notes of one test: a list of (pid, [trial/repeat@epoch, ...])."""
    for path in notes_folder.iterdir():
        path.unlink()

    def read() -> list[tuple[str, list[str]]]:
        lines = (notes_folder / "notes").read_text(encoding="utf-8").splitlines()
        return [(pid, words) for pid, *words in map(str.split, lines)]

    return read


@pytest.fixture
def searched(ray, tmp_path, tiny_data):
    """Run a search on two workers; gives its trials as they are stored."""

    @contextmanager
    def fleet(engine: str, study, workers: int = 2, duty_options=None, **options):
        data = plan.training_data(study.definition, tiny_data)
        facts = {"capacities": {"CPU": 4}, "trial_timeout": None, "patience": Patience(pulse=0.3, silence=2)}
        duty = Duty(engine=f"worker_engines:{engine}", backend=None, **(duty_options or {}))
        with cluster.staffed(ray, workers=workers, duty=duty, data=data, **{**facts, **options}) as found:
            yield found

    def run(kind, engine="plain", *, fleet_options=None, duty_options=None, changes=None, **options):
        with (
            begin(tmp_path / "workers", tiny_data, asked(kind, **options)) as study,
            fleet(engine, study, duty_options=duty_options, **(fleet_options or {})) as site,
        ):
            loop.run(study, tools(study, tiny_data, site=site, **(changes or {})))
            return study.trials()

    return run


@pytest.fixture
def alone(tmp_path, tiny_data):
    """Run the same search without workers."""

    def run(kind: str, **options):
        with begin(tmp_path / "alone", tiny_data, asked(kind, **options)) as study:
            loop.run(study, tools(study, tiny_data))
            return study.trials()

    return run
