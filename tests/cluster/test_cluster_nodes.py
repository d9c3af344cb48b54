"""A Ray cluster of several nodes, separate processes on the loopback device: nodes join and leave."""

import pytest
from cluster_checks import comparable
from fakes import SilentWatcher
from small_studies import asked, begin, tools

from lenet_tune import cluster, loop, plan
from lenet_tune.cluster.worker import Duty


@pytest.fixture
def nodes(monkeypatch, ray_environment):
    """A cluster whose head trains nothing and which has one node that does; more come by `add_node`."""
    import ray
    from ray.cluster_utils import Cluster

    if ray.is_initialized():
        ray.shutdown()
    found = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 2**27},
    )
    yield found
    ray.shutdown()
    found.shutdown()


class Changes(SilentWatcher):
    """Told of an epoch, changes the cluster: another node joins; when that one works the first leaves."""

    def __init__(self, nodes, notes) -> None:
        super().__init__()
        self.small = {"num_cpus": 1, "object_store_memory": 2**27}
        self.nodes, self.notes, self.first = nodes, notes, nodes.add_node(**self.small)
        self.has_joined = self.has_left = False

    def epoch(self, epoch) -> None:
        if not self.has_joined:
            self.has_joined = True
            self.nodes.add_node(**self.small)
        elif not self.has_left and len({pid for pid, _ in self.notes()}) == 2:
            self.has_left = True
            self.nodes.remove_node(self.first, allow_graceful=False)


def test_nodes_join_and_leave_and_no_trial_is_lost_or_run_twice(nodes, tmp_path, tiny_data, alone, notes):
    options = {"trials": 16, "epochs": 6}
    changes = Changes(nodes, notes)
    with begin(tmp_path, tiny_data, asked("random", **options)) as study:
        data = plan.training_data(study.definition, tiny_data)
        duty = Duty(engine="worker_engines:slow", backend=None)
        facts = {"capacities": {"CPU": 2}, "trial_timeout": None}
        with cluster.hire(workers=None, address=nodes.address, duty=duty, data=data, **facts) as fleet:
            loop.run(study, tools(study, tiny_data, site=fleet, watcher=changes))
        trials = study.trials()
    assert changes.has_left
    assert comparable(trials) == comparable(alone("random", **options))
    trained = [word for _, words in notes() for word in words]
    assert len({pid for pid, _ in notes()}) == 2
    # An epoch that was over when the node left, and not stored yet, comes again.
    assert len(trained) - len(set(trained)) <= 2
