"""The report's claims C1 to C18; a claim more is a function more in one of the three files."""

from collections.abc import Callable

from lenet_tune.sections import claims_adjusted, claims_initial, claims_later
from lenet_tune.sections.claim import Claim
from lenet_tune.sections.readings import Reading

CLAIMS: tuple[Callable[[Reading | None], Claim], ...] = (
    claims_initial.c1,
    claims_initial.c2,
    claims_initial.c3,
    claims_initial.c4,
    claims_initial.c5,
    claims_adjusted.c6,
    claims_adjusted.c7,
    claims_initial.c8,
    claims_adjusted.c9,
    claims_adjusted.c10,
    claims_adjusted.c11,
    claims_adjusted.c12,
    claims_adjusted.c13,
    claims_later.c14,
    claims_later.c15,
    claims_later.c16,
    claims_later.c17,
    claims_later.c18,
)


def claims(reading: Reading | None = None) -> tuple[Claim, ...]:
    """C1 to C18 under a reading, in order."""
    return tuple(claim(reading) for claim in CLAIMS)
