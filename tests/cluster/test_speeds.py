import pytest

from lenet_tune.cluster.speeds import Speeds, is_worth_moving


def speeds(**rates) -> Speeds:
    found = Speeds()
    for worker, rate in rates.items():
        found.learn(worker, rate, 1.0, 2.0)
    return found


def test_a_rate_follows_the_last_epochs():
    found = speeds(a=10)
    found.learn("a", 20, 1.0, 0.0)
    assert found.rates["a"] == 15
    assert found.compile_seconds == 2.0


def test_what_a_worker_needs_includes_its_program_and_a_new_one_is_taken_to_be_like_the_others():
    found = speeds(a=10, b=10)
    assert found.needed("a", job_work=100, epochs=3) == pytest.approx(2 + 30)
    assert found.needed("new", job_work=100, epochs=3) == found.needed("a", job_work=100, epochs=3)
    assert Speeds().needed("a", job_work=100, epochs=3) is None


def test_what_is_left_shrinks_on_time_and_grows_when_late():
    found = speeds(a=10)
    assert found.left("a", job_work=100, epochs=3, elapsed=4) == pytest.approx(26)
    assert found.left("a", job_work=100, epochs=1, elapsed=50) == pytest.approx(50)
    assert found.left("unknown", job_work=100, epochs=1, elapsed=50) == pytest.approx(50)


@pytest.mark.parametrize(
    ("there", "here", "moves"), [(100, 40, True), (100, 60, False), (4, 0.1, False), (100, None, False)]
)
def test_a_group_moves_when_it_would_take_twice_as_long_and_that_is_long(there, here, moves):
    assert is_worth_moving(there, here) is moves
