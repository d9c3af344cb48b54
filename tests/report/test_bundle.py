"""The script of the living charts is bundled once, kept, and bundled anew where what is kept is no good."""

import gzip

import pytest

from lenet_tune.report import bundle


@pytest.fixture
def bundled(monkeypatch, tmp_path):
    """Each time the script is bundled; bundling takes a second, so a short one stands for it."""
    times = []

    def made() -> str:
        times.append(1)
        return "window.vegaEmbed = 1;"

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(bundle, "_bundled", made)
    bundle.packed_script.cache_clear()
    yield times
    bundle.packed_script.cache_clear()


def anew() -> bytes:
    """The script as a new process gets it."""
    bundle.packed_script.cache_clear()
    return bundle.packed_script()


def test_it_is_kept_for_the_next_process(bundled):
    first = bundle.packed_script()
    assert gzip.decompress(first) == b"window.vegaEmbed = 1;"
    assert anew() == first
    assert len(bundled) == 1
    assert bundle.kept_at().read_bytes() == first


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-9], lambda b: b"", lambda b: b[:20] + b"\x00\xff" + b[22:], lambda b: b"no gzip at all"],
)
def test_a_damaged_one_is_bundled_anew(bundled, damage):
    first = bundle.packed_script()
    bundle.kept_at().write_bytes(damage(first))
    assert anew() == first
    assert len(bundled) == 2
    assert bundle.kept_at().read_bytes() == first


def test_without_a_place_to_keep_it_a_page_still_has_it(bundled, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert gzip.decompress(bundle.packed_script()) == b"window.vegaEmbed = 1;"


def test_another_release_of_what_bundles_it_has_a_file_of_its_own(bundled, monkeypatch):
    before = bundle.kept_at()
    monkeypatch.setattr(bundle, "version", lambda name: "99")
    assert bundle.kept_at() != before


def test_a_user_without_a_home_has_the_script_too(bundled, monkeypatch):
    def homeless(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(bundle.Path, "expanduser", homeless)
    assert gzip.decompress(bundle.packed_script()) == b"window.vegaEmbed = 1;"
