"""How long a test may wait for what a clock on the wall measures."""

import os

PATIENCE = float(os.environ.get("LENET_TUNE_TEST_PATIENCE", "1"))
"""How many times longer than on a machine of its own a process may take here."""
