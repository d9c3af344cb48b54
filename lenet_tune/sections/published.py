"""The numbers that the report prints, each with the settings that should give it, and what is left unsaid."""

from dataclasses import dataclass

from lenet_tune.sections.readings import Reading, model
from lenet_tune.sections.runs import CE, MSE, PUBLISHED_EPOCHS, SECTIONS, changed, family, runs
from lenet_tune.space import Setting

# How far a measured mean may lie from the published number and still repeat it, fixed before the runs: six
# times the standard deviation (0.5 points near 50 %) that 10,000 test images alone give.
MARGIN = 0.03


@dataclass(frozen=True, kw_only=True)
class Published:
    """One printed accuracy.

    Args:
        part: the group that ranks are compared in: "section 1, initial" and the like.
        label: which run, in words.
        settings: the run; several where the report does not say which of them it was, and then the best
            of them counts.
        unsaid: what the report does not say about it; empty where the run is fully named.
    """

    section: int
    part: str
    where: str
    label: str
    accuracy: float
    settings: tuple[Setting, ...]
    unsaid: str = ""

    @property
    def name(self) -> str:
        """A caption that names it among all."""
        return f"{self.where}: {self.label}"


def published(reading: Reading | None = None) -> tuple[Published, ...]:
    """Every number the report prints, in its order, under a reading."""
    from_runs = tuple(
        Published(
            section=run.section,
            part=f"section {run.section}" + (f", {run.stage}" if run.stage else ""),
            where=run.where,
            label=run.label,
            accuracy=run.published,
            settings=(run.setting,),
        )
        for section in SECTIONS
        for run in runs(section, reading=reading)
        if run.published is not None
    )
    return (*_from_text(reading), *from_runs)


def _from_text(reading: Reading | None) -> tuple[Published, ...]:
    base = model("initial", reading)
    return (
        Published(
            section=1,
            part="section 1, initial",
            where="section 1, text",
            label="best tanh, MSE run",
            accuracy=0.4919,
            settings=family(base, "tanh", MSE),
            unsaid="the learning rate; the best of the three is taken",
        ),
        Published(
            section=1,
            part="section 1, initial",
            where="section 1, text",
            label="sigmoid, cross-entropy, twice the epochs",
            accuracy=0.4881,
            settings=changed(family(base, "sigmoid", CE)[:1], epochs=2 * PUBLISHED_EPOCHS),
            unsaid="the learning rate; 0.1, the best of Table 2, is taken, with 60 epochs",
        ),
    )
