"""Reads the pickles that CIFAR files are, with no means of running anything.

A pickle is a program for a small stack machine, and Python's machine lets the file call any
function. This machine knows only the instructions that CIFAR files are made of. It never
imports or calls what a file names: the five names that rebuilding an array takes are plain
markers, and the array is made here, from checked bytes. Anything else is refused by name.

Python's own `pickle.Unpickler` with a narrow `find_class` would not do: a few crafted bytes
still make it take gigabytes (memo index 2**31) or crash (the hash of a deep tuple).
"""

import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lenet_tune.data.files import shown
from lenet_tune.errors import DataError

MAX_STEPS = 1_000_000
"""Instructions in one file. CIFAR-10 needs 20,000 a file, CIFAR-100 up to 200,000; bounds time and memory."""

_RECONSTRUCT, _NDARRAY, _DTYPE, _ENCODE = "reconstruct", "ndarray", "dtype", "encode"
_ADMITTED = {
    "numpy.core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": _RECONSTRUCT,
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _DTYPE,
    "_codecs encode": _ENCODE,  # how Python 3 writes bytes in the protocols of Python 2
}


class _Damage(ValueError):
    """The bytes are not a pickle of the kind that this machine reads."""


@dataclass(frozen=True)
class _Marker:
    """Stands for an admitted global; holds nothing that could be called."""

    role: str


@dataclass(frozen=True, eq=False)
class PickledArray:
    """An array of a pickle; wrapped because comparing a bare one with anything gives an array."""

    array: np.ndarray


@dataclass(frozen=True)
class _Draft:
    """An array or dtype between REDUCE and BUILD."""

    role: str


def read_pickle(data: bytes, *, where: str) -> object:
    """The dicts, lists, tuples, numbers, texts and uint8 arrays that a CIFAR pickle holds.

    Args:
        data: the whole file.
        where: the file's name, for messages.

    Returns:
        The object; bytes stay bytes, except that dict keys become str; arrays are read-only and
        come as `PickledArray`.

    Raises:
        DataError: if the pickle is damaged, asks for any other global or instruction, or is too long.
    """
    try:
        return _Machine(data, where).run()
    except (_Damage, IndexError, KeyError, ValueError, struct.error) as fault:
        reason = str(fault) if isinstance(fault, _Damage) else "truncated or altered"
        raise DataError(
            f"{shown(where)} is damaged: {reason}. Nothing of it was used; get the file again."
        ) from fault


class _Machine:
    """The stack machine; one instance reads one pickle."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where, self.at = data, where, 0
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        for _ in range(MAX_STEPS):
            code = self.take(1)
            if code == b".":
                return self.stack.pop()
            handler = _HANDLERS.get(code)
            if handler is None:
                self.refuse_instruction(code)
            else:
                handler(self)
        raise _Damage(f"more than {MAX_STEPS:,} instructions")

    def take(self, count: int) -> bytes:
        """The next `count` bytes; never allocates more than the file holds."""
        if count > len(self.data) - self.at:
            raise _Damage(f"truncated, it ends at byte {len(self.data):,} where {count:,} more are due")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, layout: str) -> int:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        end = self.data.find(b"\n", self.at, self.at + 256)
        if end < 0:
            raise _Damage("a name without an end")
        return self.take(end + 1 - self.at)[:-1].decode("ascii")

    def since_mark(self) -> list:
        """Pop everything above the last mark."""
        place = self.marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        return items

    def pop_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise _Damage("too few items for a tuple")
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(items)

    def append(self, items: list) -> None:
        if type(self.stack[-1]) is not list:
            raise _Damage("items appended to something that is no list")
        self.stack[-1].extend(items)

    def set_items(self, items: list) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2:
            raise _Damage("items set in something that is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, bytes):  # other keys may be costly or fatal to hash
                raise _Damage("a dict key that is no text")
            self.stack[-1][key.decode("latin-1") if type(key) is bytes else key] = value

    def push_global(self, module: object, name: object) -> None:
        if type(module) is not str or type(name) is not str:
            raise _Damage("a global without a name")
        role = _ADMITTED.get(f"{module} {name}")
        if role is None:
            raise DataError(
                f"{shown(self.where)} is refused: it asks for {shown(f'{module}.{name}')}, which no CIFAR "
                "file needs. Nothing was run; get the official file."
            )
        self.stack.append(_Marker(role))

    def refuse_instruction(self, code: bytes) -> None:
        known = {op.code: op for op in pickletools.opcodes}.get(code.decode("latin-1"))
        if known is None:
            raise _Damage(f"byte {self.at - 1:,} is no pickle instruction")
        raise DataError(
            f"{shown(self.where)} is refused: it uses the pickle instruction {known.name}, which no CIFAR "
            "file needs. Nothing was run; get the official file."
        )

    def reduce(self) -> None:
        """What a call of an admitted global would give, made here without calling it."""
        arguments, function = self.stack.pop(), self.stack.pop()
        role = function.role if type(function) is _Marker else None
        match role, arguments:
            case "reconstruct", (_Marker(role="ndarray"), (0,), b"b" | "b"):
                self.stack.append(_Draft(_NDARRAY))
            case "dtype", (b"u1" | b"|u1" | "u1" | "|u1", 0 | False, 0 | 1):
                self.stack.append(_Draft(_DTYPE))
            case "dtype", (bytes() | str() as kind, *_):
                raise _Damage(f"it holds an array of type {shown(kind)}, but only uint8 belongs there")
            case "encode", (str() as text, "latin1" | b"latin1"):
                self.stack.append(text.encode("latin-1"))
            case _:
                raise _Damage("a call that no CIFAR file makes")

    def build(self) -> None:
        """Finish the array or dtype under the state on top of the stack."""
        state, draft = self.stack.pop(), self.stack.pop()
        role = draft.role if type(draft) is _Draft else None
        match role, state:
            case "dtype", (int(), b"|" | "|", None, None, None, -1, -1, 0):
                self.stack.append(draft)
            case "ndarray", (
                1,
                tuple() as shape,
                _Draft(role="dtype"),
                bool() | 0 | 1 as columns,
                bytes() as raw,
            ):
                self.stack.append(_array(shape, bool(columns), raw))
            case _:
                raise _Damage("an array that is not built as CIFAR files build theirs")


def _array(shape: tuple, column_major: bool, raw: bytes) -> PickledArray:
    """A read-only uint8 array over `raw`, if `shape` fits it exactly."""
    if not 1 <= len(shape) <= 4 or any(type(side) is not int or side < 0 for side in shape):
        raise _Damage("an array shape that is none")
    size = 1
    for side in shape:
        size *= side
    if size != len(raw):
        raise _Damage(f"an array of shape {shown(shape)} over {len(raw):,} bytes")
    return PickledArray(np.frombuffer(raw, dtype=np.uint8).reshape(shape, order="F" if column_major else "C"))


def _push(read: Callable[[_Machine], object]) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(read(machine))


def _bytes(length: str) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.take(machine.number(length)))


def _text(length: str) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.take(machine.number(length)).decode("utf-8"))


def _put(layout: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.memo.__setitem__(machine.number(layout), machine.stack[-1])


def _get(layout: str) -> Callable[[_Machine], None]:
    return _push(lambda machine: machine.memo[machine.number(layout)])


_HANDLERS: dict[bytes, Callable[[_Machine], object]] = {
    b"\x80": lambda machine: machine.take(1),  # PROTO
    b"\x95": lambda machine: machine.take(8),  # FRAME
    b"(": lambda machine: machine.marks.append(len(machine.stack)),
    b"}": _push(lambda machine: {}),
    b"]": _push(lambda machine: []),
    b")": _push(lambda machine: ()),
    b"N": _push(lambda machine: None),
    b"\x88": _push(lambda machine: True),
    b"\x89": _push(lambda machine: False),
    b"K": _push(lambda machine: machine.number("<B")),
    b"M": _push(lambda machine: machine.number("<H")),
    b"J": _push(lambda machine: machine.number("<i")),
    b"U": _bytes("<B"),
    b"C": _bytes("<B"),
    b"T": _bytes("<I"),
    b"B": _bytes("<I"),
    b"X": _text("<I"),
    b"\x8c": _text("<B"),
    b"q": _put("<B"),
    b"r": _put("<I"),
    b"\x94": lambda machine: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    b"h": _get("<B"),
    b"j": _get("<I"),
    b"\x85": lambda machine: machine.pop_tuple(1),
    b"\x86": lambda machine: machine.pop_tuple(2),
    b"\x87": lambda machine: machine.pop_tuple(3),
    b"t": lambda machine: machine.stack.append(tuple(machine.since_mark())),
    b"a": lambda machine: machine.append([machine.stack.pop()]),
    b"e": lambda machine: machine.append(machine.since_mark()),
    b"s": lambda machine: machine.set_items([machine.stack.pop(), machine.stack.pop()][::-1]),
    b"u": lambda machine: machine.set_items(machine.since_mark()),
    b"c": lambda machine: machine.push_global(machine.line(), machine.line()),
    b"\x93": lambda machine: machine.push_global(*[machine.stack.pop(), machine.stack.pop()][::-1]),
    b"R": lambda machine: machine.reduce(),
    b"b": lambda machine: machine.build(),
}
