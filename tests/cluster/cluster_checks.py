"""What cluster tests compare."""


def comparable(trials) -> list:
    """What must not depend on who trained: all but groups and devices."""
    return [
        (
            t.setting,
            t.proposal,
            [(e.purpose, e.seed, e.outcome, e.stop_epoch, e.epochs) for e in t.executions],
        )
        for t in trials
    ]
