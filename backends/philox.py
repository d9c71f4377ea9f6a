"""The counter-based random number generator of all devices: Philox 4x64 with ten rounds.

A stream is identified by a seed and a stream number.  Its n-th block, four words of 64 bits, is a function of these two
and n alone, so any device and any number of threads can compute any part of it.  The blocks are those of
`numpy.random.Philox` with the key (seed, stream) and the counter n.
Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

Every device also converts words in the same way: a float64 number is the upper 53 bits of a word as a fraction, a word
gives two float32 numbers (the upper 24 bits of its lower half, then of its upper half), and an int64 number is a word.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, NamedTuple, Optional

import numpy as np

BLOCK_BYTES = 32
TYPES = {"float32": "float", "float64": "double", "int64": "long long"}  # the dtypes drawn, and their C++ types

# The generator in C++, for CUDA and native CPU code.  The surrounding source defines FN, the specifiers of a function,
# and high_product(a, b), the upper word of a product.  The constants are those of Salmon et al.
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
    """The block of a stream at which a draw begins."""

    seed: int
    stream: int
    offset: int


class _PerBlock(dict[np.dtype, int]):
    """The number of random numbers of a dtype in a block."""

    def __missing__(self, dtype: np.dtype) -> int:
        raise TypeError(f"random numbers are drawn as {', '.join(TYPES)}; got {dtype}")


PER_BLOCK = _PerBlock({np.dtype(name): BLOCK_BYTES // np.dtype(name).itemsize for name in TYPES})


def blocks(n: int, dtype: np.dtype) -> int:
    """The number of blocks that `n` numbers take; each draw begins with a new block.

    >>> blocks(8, np.dtype("float32")), blocks(9, np.dtype("float32")), blocks(0, np.dtype("int64"))
    (1, 2, 0)
    """
    return -(-n // PER_BLOCK[dtype])


def fill(out: np.ndarray, place: Place, skipped: int = 0) -> None:
    """Fill a contiguous one-dimensional array with the numbers that begin `skipped` blocks after `place`.

    >>> numbers = np.empty(2, np.float32)
    >>> fill(numbers, Place(seed=7, stream=0, offset=0))
    >>> np.random.Generator(np.random.Philox(key=7)).random(2, np.float32) == numbers
    array([ True,  True])
    """
    each, make = PER_BLOCK[out.dtype], _MAKERS[out.dtype]
    count = -(-out.size // each)
    seed, stream, offset = place
    source = _sources.taken(seed, stream, (offset + skipped) % 2 ** 64)
    words = source.random_raw
    if count <= _PIECE:
        make(words(4 * count), out)
    else:
        for start in range(0, count, _PIECE):
            make(words(4 * min(_PIECE, count - start)), out[start * each:(start + _PIECE) * each])
    _sources.free = source, (seed, stream, offset + skipped + count)


class _Sources(threading.local):
    """A thread's own generator and the place where it continues: moving it costs as much as a thousand words.

    A draw takes the generator out and puts it back after the last word.  A draw that is interrupted, or one that a
    signal handler makes during another, therefore never leaves a generator whose recorded place is wrong.
    """

    def __init__(self) -> None:
        self.free: Optional[tuple[Any, tuple[int, int, int]]] = None

    def taken(self, seed: int, stream: int, offset: int) -> Any:
        """The generator, moved to a place."""
        free, self.free = self.free, None
        source, goes_on_at = free or (np.random.Philox(key=0), None)  # NumPy loads its random module only now
        if goes_on_at != (seed, stream, offset):
            key, counter = np.array([seed, stream], np.uint64), np.array([offset, 0, 0, 0], np.uint64)
            source.state = {"bit_generator": "Philox", "buffer": _NO_WORDS, "buffer_pos": 4, "has_uint32": 0,
                            "uinteger": 0, "state": {"key": key, "counter": counter}}
        return source


_sources = _Sources()
_NO_WORDS = np.zeros(4, np.uint64)
_PIECE = 1 << 11  # blocks; their words are still in the cache when they are converted


# NumPy's Generator converts one word at a time; these convert arrays of words to the same bits.  Words are cast to
# signed integers first, since processors convert those to floats in one instruction.  Constants are zero-dimensional
# arrays, which NumPy's functions accept faster than Python numbers.
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
