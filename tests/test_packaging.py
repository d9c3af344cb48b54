"""The wheel: it builds offline, holds the whole package, and works where it is installed; the changelog."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lenet_tune

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "lenet_tune"


def pip(*words: str, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", *words, "--quiet", "--no-index", "--no-deps", "--no-cache-dir"]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built from a copy of the sources, since building leaves folders behind."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(PACKAGE, source / "lenet_tune", ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", ".", "--no-build-isolation", "--wheel-dir", str(target), cwd=source)
    (path,) = target.glob("*.whl")
    return path


def package_files() -> set[str]:
    files = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in files}


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    held = {name for name in names if ".dist-info/" not in name}
    assert held == package_files()
    for name in (
        "py.typed",
        "selfcheck/real_results.csv",
        "selfcheck/real_results.json",
        "report/templates/page.html",
    ):
        assert f"lenet_tune/{name}" in held
    assert any(name.endswith("LICENSE") for name in names - held)


def test_the_wheel_has_the_packages_version_and_its_command(wheel):
    assert wheel.name == f"lenet_tune-{lenet_tune.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "lenet-tune = lenet_tune.cli:main" in archive.read(entry).decode()
        (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        text = archive.read(metadata).decode()
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    for line in parser["options"]["install_requires"].split("\n"):
        if line.strip():
            assert re.search(
                rf"^Requires-Dist: {line.split()[0]} ?\(?>={line.split()[-1]}", text, re.MULTILINE
            )


def test_an_installed_wheel_works_without_the_sources(wheel, tmp_path):
    pip("install", str(wheel), "--target", str(tmp_path / "site"), cwd=tmp_path)
    code = (
        "import lenet_tune, sys; from pathlib import Path\n"
        "assert Path(lenet_tune.__file__).is_relative_to(sys.argv[1]), lenet_tune.__file__\n"
        "from lenet_tune.report import page\n"
        "from lenet_tune.selfcheck import forest\n"
        "from lenet_tune.cli import main\n"
        "main(['knobs'])\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", code, str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "learning_rate" in done.stdout


# --- the changelog ---


def test_the_first_entry_of_the_changelog_is_this_version_and_dates_go_down():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    assert len(entries) == text.count("\n## ")
    assert entries[0][0] == lenet_tune.__version__
    assert [date for _, date in entries] == sorted((date for _, date in entries), reverse=True)


def test_sections_of_the_changelog_are_those_of_keep_a_changelog():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert sections
    assert set(sections) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
