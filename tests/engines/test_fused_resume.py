"""A group that goes on has the bits of one that was never stopped, whoever has ended in the meantime."""

from dataclasses import replace

import numpy as np
import pytest
from small_runs import make_data, make_execution

from lenet_tune.engines import fused

EPOCHS = {0: 5, 1: 2, 2: 5, 3: 3, 4: 5, 5: 1, 6: 5}


def group():
    """Seven executions; 1, 3 and 5 have fewer epochs, 2 diverges, 4 has momentum."""
    changes = {
        2: {"learning_rate": 1e9, "loss": "mean_squared_error"},
        4: {"momentum": 0.9, "learning_rate": 0.01},
    }
    return [
        make_execution(
            k,
            train={"epochs": EPOCHS[k], "learning_rate": 0.05 + 0.01 * k, **changes.get(k, {})},
            activation="relu" if k in (1, 2, 5) else "tanh",
            final_activation="same" if k == 2 else "softmax",
            order_seed=k % 2,
        )
        for k in EPOCHS
    ]


def trained(executions, options):
    """Results and checkpoints of each epoch, by (id, epoch)."""
    found = {}
    for epoch in fused.train_group(executions, make_data(), options=options):
        for r in epoch.results:
            figures = r.train_loss, r.train_accuracy, r.held_out_loss, r.held_out_accuracy
            found[r.id, r.epoch] = figures, epoch.checkpoint(r.id), r.diverged
    return found


@pytest.mark.parametrize("compact_after", [0, 250, 10**9])
def test_a_group_that_goes_on_gives_the_same_bits(compact_after):
    options = fused.Options(compact_after=compact_after)
    whole = trained(group(), options)
    last = {e.id: max(epoch for identity, epoch in whole if identity == e.id) for e in group()}
    assert last[2, 0] < 5, "it should diverge"
    for cut in (1, 2, 3, 4):
        stopped = [
            replace(e, ended_after=last[e.id]) if last[e.id] <= cut else replace(e, start=whole[e.id, cut][1])
            for e in group()
        ]
        rest = trained(stopped, options)
        expected = {place: values for place, values in whole.items() if place[1] > cut}
        assert rest.keys() == expected.keys()
        for place, (figures, state, _) in rest.items():
            np.testing.assert_array_equal(figures, expected[place][0])
            for a, b in zip(state.weights + state.velocities, _arrays(expected[place][1]), strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_member_that_ended_after_the_checkpoint_keeps_its_place_until_then():
    options = fused.Options(compact_after=0)
    whole = trained(group(), options)
    # All stand at epoch 1, but the study knows already after which epoch some ended.
    ended = {(k, 0): max(epoch for identity, epoch in whole if identity == (k, 0)) for k in (1, 2, 3, 5)}
    assert ended[3, 0] == 3
    stopped = [
        replace(e, ended_after=ended[e.id]) if e.id in ended else replace(e, start=whole[e.id, 1][1])
        for e in group()
    ]
    rest = trained(stopped, options)
    assert {identity for identity, _ in rest} == {(0, 0), (4, 0), (6, 0)}
    for place, (figures, _, _) in rest.items():
        np.testing.assert_array_equal(figures, whole[place][0])


def test_a_group_in_which_all_have_ended_trains_nothing():
    over = [replace(e, ended_after=1) for e in group()]
    assert list(fused.train_group(over, make_data())) == []


def _arrays(state):
    return state.weights + state.velocities
