"""Test functions of the optimisation literature, as pure functions of plain numbers.

All are to be minimised, as published; `surfaces` turns them into accuracies. `unit` arguments are in [0, 1].
"""

import math
from collections.abc import Sequence


def branin(x: float, y: float) -> float:
    """Three equal minima of 0.397887; x in [-5, 10], y in [0, 15].

    Source: Dixon and Szego 1978, "The global optimization problem: an introduction", page 2.
    """
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def rosenbrock(x: float, y: float) -> float:
    """A curved valley; minimum 0 at (1, 1).

    Source: Rosenbrock 1960, equation 1.
    """
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2


def camel(x: float, y: float) -> float:
    """Six local minima, two of them the lowest (-1.031628); x in [-2, 2], y in [-1, 1].

    Source: Dixon and Szego 1978, the six-hump camel-back function.
    """
    return (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2


def beale(x: float, y: float) -> float:
    """Flat, with sharp corners; minimum 0 at (3, 0.5).

    Source: Beale 1958, as in More, Garbow and Hillstrom 1981, problem 5.
    """
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


_HARTMANN_C = (1.0, 1.2, 3.0, 3.2)
_HARTMANN_A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
_HARTMANN_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(unit: Sequence[float]) -> float:
    """Six local minima in six dimensions; the lowest is -3.32237.

    Source: Hartman 1973; constants as in Dixon and Szego 1978.
    """
    rows = zip(_HARTMANN_C, _HARTMANN_A, _HARTMANN_P, strict=True)
    return -sum(
        c * math.exp(-sum(a * (u - p) ** 2 for a, u, p in zip(weights, unit, places, strict=True)))
        for c, weights, places in rows
    )


def ackley(z: Sequence[float]) -> float:
    """A funnel covered with ripples; minimum 0 at the origin.

    Source: Ackley 1987, page 13.
    """
    square = sum(v**2 for v in z) / len(z)
    ripple = sum(math.cos(2 * math.pi * v) for v in z) / len(z)
    return -20 * math.exp(-0.2 * math.sqrt(square)) - math.exp(ripple) + 20 + math.e


def levy(x: Sequence[float]) -> float:
    """Ripples over a slope; minimum 0 at (1, ..., 1).

    Source: Levy and Montalvo 1985, as in Laguna and Marti 2005, function 16.
    """
    w = [1 + (v - 1) / 4 for v in x]
    middle = sum((v - 1) ** 2 * (1 + 10 * math.sin(math.pi * v + 1) ** 2) for v in w[:-1])
    return (
        math.sin(math.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    )
