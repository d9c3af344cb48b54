"""Draws the built-in shapes into a folder of class folders, as PNG files, some classes rarer than others.

Example: `python examples/shapes_folder.py drawn-shapes`, then `lenet-tune data drawn-shapes`.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from lenet_tune.data.shapes import CLASSES, load_shapes

RARER = 6
"""How many times more images the first class has than the last."""


def counts(most: int) -> list[int]:
    """Images of each class: `most` of the first, then fewer by one factor from class to class."""
    steps = len(CLASSES) - 1
    return [round(most * RARER ** (-i / steps)) for i in range(len(CLASSES))]


def write_folder(folder: Path, most: int) -> int:
    """Write FOLDER/CLASS/0000.png and so on, and return how many; the same call writes the same pixels."""
    shapes = load_shapes(seed=0).train
    total = 0
    for label, (name, count) in enumerate(zip(CLASSES, counts(most), strict=True)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, index in enumerate(np.flatnonzero(shapes.labels == label)[:count]):
            Image.fromarray(shapes.images[index]).save(folder / name / f"{number:04}.png")
            total += 1
    return total


def main(words: list[str] | None = None) -> None:
    """Read the command line and write the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=900, help="images of the first class, 6 to 1000 [900]")
    given = parser.parse_args(words)
    if not RARER <= given.most <= 1000:
        parser.error(f"--most must be in [{RARER}, 1000], but got {given.most}")
    print(f"{given.folder}: {write_folder(given.folder, given.most)} images of {len(CLASSES)} classes")


if __name__ == "__main__":
    main()
