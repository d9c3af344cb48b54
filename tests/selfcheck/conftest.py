"""The parsed pages and made-up studies of the report's tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "report"))


@pytest.fixture
def parse():
    import importlib.util

    source = Path(__file__).parent.parent / "report" / "conftest.py"
    spec = importlib.util.spec_from_file_location("report_pages", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Page
