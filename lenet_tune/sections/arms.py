"""Which runs a reproduction needs: every setting once, with what it is needed for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lenet_tune.config import check_in
from lenet_tune.sections.claims import claims
from lenet_tune.sections.published import Published, published
from lenet_tune.sections.readings import BY_NAME, Reading, others, show_reading
from lenet_tune.sections.runs import SECTIONS, describe, runs
from lenet_tune.space import Setting, key

_SCOPES_OF = {1: ("initial", "adjusted"), 2: ("section2",), 3: ("section3",)}
# The part of `Published` that a scope's alternatives are fitted to.
PARTS = {"initial": "section 1, initial", "adjusted": "section 1, adjusted", "section3": "section 3"}


@dataclass(frozen=True, kw_only=True)
class Pick:
    """What of the report to reproduce.

    Args:
        sections: of these only; empty for all.
        claims: names of these claims only, and nothing else; empty for all.
        choices: names of these open choices only, their alternatives and the default, and nothing else; empty
            for all.
        published: whether the runs of the published numbers are wanted, and nothing else.
        readings: whether to run the alternatives of the open choices too.
        reading: how the open choices are read.
    """

    sections: tuple[int, ...] = ()
    claims: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    published: bool = False
    readings: bool = False
    reading: Reading = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [claim.name for claim in claims()]
        for name in self.claims:
            check_in("claim", name, tuple(known))
        for name in self.choices:
            check_in("choice", name, tuple(BY_NAME))
        for section in self.sections:
            check_in("section", section, tuple(SECTIONS))

    @property
    def is_narrow(self) -> bool:
        """Whether claims, open choices or published numbers are named, and so nothing else is asked for."""
        return bool(self.claims or self.choices or self.published)

    def has(self, section: int) -> bool:
        """Whether a section is asked for."""
        return not self.sections or section in self.sections


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A setting to run, and the tables, claims and readings that need it."""

    label: str
    setting: Setting
    needed_by: tuple[str, ...]


def arms(pick: Pick) -> tuple[Arm, ...]:
    """Every setting that `pick` needs, once: the report's own runs first, then claims, then alternatives."""
    needs: dict[tuple, list[str]] = {}
    settings: dict[tuple, Setting] = {}
    for what, setting in _needs(pick):
        identity = key(setting)
        settings.setdefault(identity, setting)
        needs.setdefault(identity, []).append(what)
    return tuple(
        Arm(
            label=describe(settings[identity]),
            setting=settings[identity],
            needed_by=tuple(dict.fromkeys(whats)),
        )
        for identity, whats in needs.items()
    )


def _needs(pick: Pick) -> Iterator[tuple[str, Setting]]:
    if not pick.is_narrow:
        for section in filter(pick.has, SECTIONS):
            yield from ((run.where, run.setting) for run in runs(section, reading=pick.reading))
    if pick.published or not pick.is_narrow:
        yield from _of_published("", (p for p in published(pick.reading) if pick.has(p.section)))
    for claim in claims(pick.reading):
        if claim.name in pick.claims or (not pick.is_narrow and pick.has(claim.section)):
            yield from ((claim.name, setting) for setting in claim.settings)
    for scope in PARTS:
        for reading in _wanted(pick, scope):
            name = f"{show_reading(reading)}: " if reading else ""
            yield from _of_published(name, fitted(scope, reading))


def _wanted(pick: Pick, scope: str) -> tuple[Reading, ...]:
    choices = pick.choices or (tuple(BY_NAME) if pick.readings else ())
    if not any(pick.has(s) and scope in _SCOPES_OF[s] for s in SECTIONS):
        return ()
    found = tuple(reading for reading in others(scope) if set(reading) <= set(choices))
    # What they are compared with comes first.
    return ({}, *found) if found else ()


def _of_published(prefix: str, found: Iterable[Published]) -> Iterator[tuple[str, Setting]]:
    return ((prefix + p.where, setting) for p in found for setting in p.settings)


def fitted(scope: str, reading: Reading) -> tuple[Published, ...]:
    """The published numbers that a reading of a scope's open choices is fitted to.

    Numbers that the report does not tie to one run are left out: they would fit too easily.
    """
    return tuple(p for p in published(reading) if p.part == PARTS[scope] and not p.unsaid)
