"""The numbers that every device draws: a counter goes in, random words come out.

A stream is named by two numbers, its seed and which of that seed's streams it is.  Its n-th block, four words of 64
bits, is a function of those two and n alone, so that any device and any number of threads may compute any part of it:
Philox 4x64 with ten rounds, as in `numpy.random.Philox`, whose key is (seed, stream) and whose counter is n.
Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

What becomes of a word is the same everywhere, too: a float64 number is its upper 53 bits as a fraction, two float32
numbers are the upper 24 bits of its lower and of its upper half, and an int64 number is the word itself.
"""

from __future__ import annotations

import sys
import threading
from typing import Callable, NamedTuple, Optional

import numpy as np

BLOCK_BYTES = 32
TYPES = {"float32": "float", "float64": "double", "int64": "long long"}  # what is drawn, in C++

# The same in C++, for the devices and the CPU; FN is how a function begins, and high_product(a, b) the upper word of a
# product, which what surrounds the text provides.  The constants are those of Salmon et al.
CPP = """\
typedef unsigned long long word;

struct Block { word words[4]; };

FN Block block_of(word key, word stream, word counter) {
    Block x = {{counter, 0, 0, 0}};
    for (int round = 0; round < 10; ++round) {
        const word high0 = high_product(0xD2E7470EE14C6C93ull, x.words[0]), low0 = 0xD2E7470EE14C6C93ull * x.words[0];
        const word high1 = high_product(0xCA5A826395121157ull, x.words[2]), low1 = 0xCA5A826395121157ull * x.words[2];
        x = {{high1 ^ x.words[1] ^ key, low1, high0 ^ x.words[3] ^ stream, low0}};
        key += 0x9E3779B97F4A7C15ull;
        stream += 0xBB67AE8584CAA73Bull;
    }
    return x;
}

FN void numbers_of(const Block& x, float* numbers) {
    for (int i = 0; i < 8; ++i) {
        const unsigned int half = (unsigned int)(x.words[i / 2] >> 32 * (i % 2));
        numbers[i] = (half >> 8) * (1.0f / 16777216.0f);
    }
}
FN void numbers_of(const Block& x, double* numbers) {
    for (int i = 0; i < 4; ++i) numbers[i] = (x.words[i] >> 11) * (1.0 / 9007199254740992.0);
}
FN void numbers_of(const Block& x, long long* numbers) {
    for (int i = 0; i < 4; ++i) numbers[i] = (long long)x.words[i];
}
"""


class Place(NamedTuple):
    """A block of a stream, where a draw begins."""

    seed: int
    stream: int
    offset: int


class _PerBlock(dict[np.dtype, int]):
    """How many numbers of a dtype are made of a block."""

    def __missing__(self, dtype: np.dtype) -> int:
        raise TypeError(f"random numbers are drawn as {', '.join(TYPES)}; got {dtype}")


PER_BLOCK = _PerBlock({np.dtype(name): BLOCK_BYTES // np.dtype(name).itemsize for name in TYPES})


def blocks(n: int, dtype: np.dtype) -> int:
    """How many blocks `n` numbers take; a draw begins with a block of its own.

    >>> blocks(8, np.dtype("float32")), blocks(9, np.dtype("float32")), blocks(0, np.dtype("int64"))
    (1, 2, 0)
    """
    return -(-n // PER_BLOCK[dtype])


def fill(out: np.ndarray, place: Place, skipped: int = 0) -> None:
    """Write the numbers from `skipped` blocks after `place` on to a contiguous one-dimensional array.

    >>> numbers = np.empty(2, np.float32)
    >>> fill(numbers, Place(seed=7, stream=0, offset=0))
    >>> np.random.Generator(np.random.Philox(key=7)).random(2, np.float32) == numbers
    array([ True,  True])
    """
    each, make = PER_BLOCK[out.dtype], _MAKERS[out.dtype]
    count = -(-out.size // each)
    seed, stream, offset = place
    words = _own.words(seed, stream, (offset + skipped) % 2 ** 64, count)
    try:
        if count <= _PIECE:
            make(words(4 * count), out)
            return
        for start in range(0, count, _PIECE):
            make(words(4 * min(_PIECE, count - start)), out[start * each:(start + _PIECE) * each])
    except BaseException:
        _own.goes_on_at = None
        raise


class _Words(threading.local):
    """A thread's own source of words, which goes on where it is: to move it takes as long as to draw a thousand."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(key=0)  # NumPy loads its random module only now
        self.goes_on_at: Optional[tuple[int, int, int]] = None

    def words(self, seed: int, stream: int, offset: int, count: int) -> Callable[[int], np.ndarray]:
        """A function that gives so many words at each call, of `count` blocks from a place on, all of which are taken.
        """
        if self.goes_on_at != (seed, stream, offset):
            key, counter = np.array([seed, stream], np.uint64), np.array([offset, 0, 0, 0], np.uint64)
            self.philox.state = {"bit_generator": "Philox", "buffer": _NO_WORDS, "buffer_pos": 4, "has_uint32": 0,
                                 "uinteger": 0, "state": {"key": key, "counter": counter}}
        self.goes_on_at = seed, stream, offset + count
        return self.philox.random_raw


_own = _Words()
_NO_WORDS = np.zeros(4, np.uint64)
_PIECE = 1 << 11  # blocks whose words are still in the cache when numbers are made of them


# NumPy's generator makes one number after the other; these, of many words at once, are the same to the bit.  Words
# become signed before they become floats, which a processor does in one instruction.  Numbers are arrays here, which
# NumPy's functions take in less time.
_EIGHT, _ELEVEN = np.array(8, np.uint32), np.array(11, np.uint64)
_UNIT32, _UNIT64 = np.array(2.0 ** -24, np.float32), np.array(2.0 ** -53)
_HALVES, _SIGNED_HALVES, _IS_LITTLE = np.dtype("<u4"), np.dtype("<i4"), sys.byteorder == "little"


def _as_float32(words: np.ndarray, out: np.ndarray) -> None:
    halves = (words if _IS_LITTLE else words.astype("<u8")).view(_HALVES)[:out.size]
    np.right_shift(halves, _EIGHT, halves)
    out[...] = halves.view(_SIGNED_HALVES)
    np.multiply(out, _UNIT32, out)


def _as_float64(words: np.ndarray, out: np.ndarray) -> None:
    words = words[:out.size]
    np.right_shift(words, _ELEVEN, words)
    out[...] = words.view(np.int64)
    np.multiply(out, _UNIT64, out)


def _as_int64(words: np.ndarray, out: np.ndarray) -> None:
    out[...] = words[:out.size].view(np.int64)


_MAKERS = {np.dtype("float32"): _as_float32, np.dtype("float64"): _as_float64, np.dtype("int64"): _as_int64}
