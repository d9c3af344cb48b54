"""The pickle reader reads what CIFAR files hold and runs nothing."""

import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet_tune.data.unpickle import MAX_STEPS, PickledArray, read_pickle
from lenet_tune.errors import DataError

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def py2_pickle(raw=bytes(range(12)), shape=b"K\x03K\x04\x86", dtype=b"u1", head=b""):
    """A batch as Python 2 wrote the official files, byte for byte but for the sizes."""
    return (
        b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x16training batch 1 of 5\x00q\x03U\x06labelsq\x04]"
        + b"q\x05(K\x06K\x09eU\x04dataq\x06"
        + head
        + b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01"
        + shape
        + b"cnumpy\ndtype\nq\x0aU"
        + bytes([len(dtype)])
        + dtype
        + b"K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<I", len(raw))
        + raw
        + b"tbu."
    )


def test_read_pickle_reads_a_python_2_batch():
    content = read_pickle(py2_pickle(), where="batch")
    assert content["batch_label"] == b"training batch 1 of 5\x00"
    assert content["labels"] == [6, 9]
    np.testing.assert_array_equal(content["data"].array, PIXELS)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("pixels", [PIXELS, np.asfortranarray(PIXELS)])
def test_read_pickle_agrees_with_pickle_on_harmless_files(protocol, pixels):
    wanted = {"data": pixels, "labels": [0, 300, 70000], b"name": (b"x", "ü", None, True, False)}
    content = read_pickle(pickle.dumps(wanted, protocol=protocol), where="batch")
    np.testing.assert_array_equal(content.pop("data").array, pixels)
    assert content == {"labels": [0, 300, 70000], "name": (b"x", "ü", None, True, False)}


class Bomb:
    """What an attacker would put in: unpickling it with pickle writes a file."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def write_canary(path):
    with open(path, "w") as file:
        file.write("executed")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "bomb", [lambda path: Bomb(write_canary, path), lambda path: Bomb(os.system, f"touch {path}")]
)
def test_read_pickle_runs_nothing(tmp_path, protocol, bomb):
    canary = tmp_path / "canary"
    hostile = pickle.dumps({"data": bomb(str(canary))}, protocol=protocol)
    with pytest.raises(DataError):
        read_pickle(hostile, where="batch")
    assert not canary.exists()
    pickle.loads(hostile)  # the canary does sing where a file is trusted
    assert canary.exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_read_pickle_names_the_global_it_refuses(protocol):
    hostile = pickle.dumps(Bomb(os.system, "true"), protocol=protocol)
    with pytest.raises(DataError, match=r"^'batch' is refused: it asks for 'posix\.system'.*Nothing was run"):
        read_pickle(hostile, where="batch")


DEEP = b"\x80\x02}" + b")" + b"\x85" * 400_000


@pytest.mark.parametrize(
    "hostile",
    [
        DEEP + b"K\x01s.",  # the hash of so deep a tuple overflows the C stack
        b"\x80\x02" + b"]" * MAX_STEPS,
        b"\x80\x02cnumpy\nndarray\n(K\x01\x85tR.",
        b"\x80\x02cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x85R.",
        b"\x80\x02cnumpy\ndtype\nU\x01OK\x00K\x01\x87R.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\xff\xff\xff\x7f\x85U\x01b\x87R.",
        b"\x80\x02cnumpy\ndtype\n}U\x01xK\x01sb.",  # BUILD would set attributes on numpy.dtype
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n}U\x0c__defaults__Nsb.",
        b"\x80\x02" + DEEP[2:] + b"\x93.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b".",
        b"\x80\x02T\xff\xff\xff\xff.",
        b"\x80\x02cnumpy\n" + b"x" * 10_000,
        py2_pickle(dtype=b"O8"),
        py2_pickle(dtype=b"f4"),
        py2_pickle(shape=b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"),
        py2_pickle(shape=b"K\x03J\xfc\xff\xff\xff\x86"),
        py2_pickle(shape=b")"),
        py2_pickle(raw=b"short"),
        py2_pickle(head=b"0" * 50),
        b"",
        b".",
        b"\x80",
        b"not a pickle at all",
    ],
)
def test_read_pickle_refuses_hostile_and_damaged_bytes_in_one_line(hostile):
    with pytest.raises(DataError) as caught:
        read_pickle(hostile, where="batch\n1")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("'batch\\n1' is ")
    assert len(str(caught.value)) < 500


def test_read_pickle_takes_no_memory_for_a_huge_memo_index():
    assert read_pickle(b"\x80\x02]r\xff\xff\xff\xff.", where="batch") == []  # pickle would allocate 32 GB


def test_read_pickle_counts_its_steps():
    with pytest.raises(DataError, match="more than 1,000,000 instructions"):
        read_pickle(b"N" * MAX_STEPS + b".", where="batch")


def test_read_pickle_refuses_every_truncation():
    whole = py2_pickle()
    for end in range(len(whole)):
        with pytest.raises(DataError):
            read_pickle(whole[:end], where="batch")


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=200))
def test_read_pickle_gives_plain_values_or_a_data_error_on_any_bytes(noise):
    for content in (noise, b"\x80\x02" + noise + b"."):
        try:
            value = read_pickle(content, where="noise")
        except DataError:
            continue
        assert type(value).__module__ in ("builtins", "lenet_tune.data.unpickle")


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(py2_pickle()) - 1), byte=st.integers(0, 255), cut=st.integers(0, 3))
def test_read_pickle_survives_any_altered_byte(place, byte, cut):
    whole = bytearray(py2_pickle())
    whole[place : place + 1 + cut] = bytes([byte])
    try:
        content = read_pickle(bytes(whole), where="altered")
    except DataError:
        return
    if isinstance(content, dict) and isinstance(content.get("data"), PickledArray):
        assert content["data"].array.dtype == np.uint8


def test_read_pickle_keeps_the_signature_of_arrays_that_are_compared():
    """An array where a marker is due must not be compared, which would give an array again."""
    array = py2_pickle()[py2_pickle().index(b"cnumpy.core") : -2]
    for place in (b"cnumpy\ndtype\n%s\x85R.", b"cnumpy\ndtype\n%sK\x00K\x01\x87R.", b"%s%sb."):
        hostile = b"\x80\x02" + (place % ((array,) * place.count(b"%s")))
        with pytest.raises(DataError):
            read_pickle(hostile, where="batch")
