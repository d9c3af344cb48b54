"""Data sets by name or path, parts of them by seed, and their fingerprints; nothing here needs Keras."""

from lenet_tune.data.loading import NAMES, load, named_source, takes_size
from lenet_tune.data.sets import DataSet, Split
from lenet_tune.data.splits import channel_statistics, stratified_split, subset

__all__ = [
    "NAMES",
    "DataSet",
    "Split",
    "channel_statistics",
    "load",
    "named_source",
    "stratified_split",
    "subset",
    "takes_size",
]
