"""The numbers that every device draws: a counter goes in, random words come out.

A stream is named by two numbers, its seed and which of that seed's streams it is.  Its n-th block, four words of 64
bits, is a function of those two and n alone, so that any device and any number of threads may compute any part of it:
Philox 4x64 with ten rounds, as in `numpy.random.Philox`, whose key is (seed, stream) and whose counter is n.
Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

What becomes of a word is the same everywhere, too: a float64 number is its upper 53 bits as a fraction, two float32
numbers are the upper 24 bits of its lower and of its upper half, and an int64 number is the word itself.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

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


_PER_BLOCK = {np.dtype(name): BLOCK_BYTES // np.dtype(name).itemsize for name in TYPES}


def per_block(dtype: np.dtype) -> int:
    """How many numbers of `dtype` are made of a block."""
    count = _PER_BLOCK.get(dtype)
    if count is None:
        raise TypeError(f"random numbers are drawn as {', '.join(TYPES)}; got {dtype}")
    return count


def blocks(n: int, dtype: np.dtype) -> int:
    """How many blocks `n` numbers take; a draw begins with a block of its own.

    >>> blocks(8, np.dtype("float32")), blocks(9, np.dtype("float32")), blocks(0, np.dtype("int64"))
    (1, 2, 0)
    """
    return -(-n // per_block(dtype))


def fill(out: np.ndarray, place: Place, skipped: int = 0) -> None:
    """Write the numbers from `skipped` blocks after `place` on to a contiguous one-dimensional array.

    >>> numbers = np.empty(2, np.float32)
    >>> fill(numbers, Place(seed=7, stream=0, offset=0))
    >>> np.random.Generator(np.random.Philox(key=7)).random(2, np.float32) == numbers
    array([ True,  True])
    """
    generator = _at(place.seed, place.stream, place.offset + skipped)
    if out.dtype.kind == "f":
        generator.random(out=out, dtype=out.dtype)
    else:
        out.view(np.uint64)[:] = generator.bit_generator.random_raw(out.size)


_local = threading.local()  # a generator for each thread: it is moved in a tenth of the time in which one is made
_NO_WORDS = np.zeros(4, np.uint64)


def _at(seed: int, stream: int, offset: int) -> np.random.Generator:
    """This thread's generator, which begins with a block."""
    generator = getattr(_local, "generator", None)
    if generator is None:  # NumPy loads its random module only now
        generator = _local.generator = np.random.Generator(np.random.Philox(key=0))
    generator.bit_generator.state = {
        "bit_generator": "Philox", "buffer": _NO_WORDS, "buffer_pos": 4, "has_uint32": 0, "uinteger": 0,
        "state": {"key": np.array([seed, stream], np.uint64), "counter": np.array([offset, 0, 0, 0], np.uint64)}}
    return generator
