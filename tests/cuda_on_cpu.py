"""CUDA C++ compiled for the CPU and run there, every thread of every block: the very text that a GPU would be given.

The threads of a block are fibers, run in turn: one that reaches a barrier or a shuffle waits there for the others.
What the text keeps for NVRTC alone (conversions of half precision) is defined here.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any, Sequence

import numpy as np

from gradcore.backends.native.build import library

_BEFORE = r"""
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <utility>

#define __device__
#define __global__
#define __shared__ static
#define __launch_bounds__(...)
struct uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) int4 { int x, y, z, w; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };
struct float16 {
    _Float16 value;
    float16() = default;
    float16(float x) : value((_Float16)x) {}
    operator float() const { return (float)value; }
};
namespace emulated {
struct Thread { ucontext_t context; dim3 index; bool done; };
static ucontext_t scheduler;
static Thread* threads;
static unsigned current;
static unsigned long long lanes[1024];
static void wait() { swapcontext(&threads[current].context, &scheduler); }
}
#define threadIdx (emulated::threads[emulated::current].index)
static dim3 blockIdx, blockDim, gridDim;
static inline void __syncthreads() { emulated::wait(); }
static inline void __syncwarp(unsigned = ~0u) { emulated::wait(); }
template <class T> static T __shfl_xor_sync(unsigned, T value, int mask) {
    const unsigned self = emulated::current;
    memcpy(&emulated::lanes[self], &value, sizeof(T));
    emulated::wait();  // all lanes have written
    T other;
    memcpy(&other, &emulated::lanes[self / 32 * 32 + ((self % 32) ^ mask)], sizeof(T));
    emulated::wait();  // all lanes have read
    return other;
}
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned __int128)a * b >> 64;
}
static inline double normcdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
static inline unsigned atomicCAS(unsigned* at, unsigned expected, unsigned value) {
    const unsigned before = *at;
    if (before == expected) *at = value;
    return before;
}
template <class T> static T atomicAdd(T* to, T value) { const T before = *to; *to += value; return before; }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
"""

_AFTER = r"""
namespace emulated {
template <class F, class... P, size_t... I>
static void call(F f, void (*)(P...), void** given, std::index_sequence<I...>) { f(*(P*)given[I]...); }
template <class... P> static void call_with(void (*f)(P...), void** given) {
    call(f, f, given, std::index_sequence_for<P...>());
}
template <class... P> static int sizes_of(void (*)(P...), int* to) {
    const int sizes[] = {int(sizeof(P))..., 0};
    if (to) memcpy(to, sizes, sizeof...(P) * sizeof(int));
    return sizeof...(P);
}
static void** arguments;
static void body() { call_with(KERNEL, arguments); threads[current].done = true; }
}
extern "C" __attribute__((visibility("default"))) int sizes(int* to) { return emulated::sizes_of(KERNEL, to); }
extern "C" __attribute__((visibility("default")))
int emulate(unsigned grid, unsigned block, void** given, int waits, long* faults) {
    using namespace emulated;
    gridDim.x = grid; blockDim.x = block; arguments = given;
    threads = (Thread*)calloc(block, sizeof(Thread));
    const size_t size = 64 * 1024;
    char* stacks = waits ? (char*)malloc(size * block) : nullptr;
    for (blockIdx.x = 0; blockIdx.x < grid; ++blockIdx.x) {
        for (unsigned t = 0; t < block; ++t) {
            threads[t].index = dim3{t, 0, 0};
            threads[t].done = false;
            if (!waits) { current = t; body(); continue; }
            getcontext(&threads[t].context);
            threads[t].context.uc_stack.ss_sp = stacks + size * t;
            threads[t].context.uc_stack.ss_size = size;
            threads[t].context.uc_link = &scheduler;
            makecontext(&threads[t].context, body, 0);
        }
        while (waits) {
            unsigned running = 0;
            for (unsigned t = 0; t < block; ++t)
                if (!threads[t].done) {
                    current = t;
                    swapcontext(&scheduler, &threads[t].context);
                    running += !threads[t].done;
                }
            if (!running) break;
            if (running != block) ++*faults;  // some threads wait for others that are gone
        }
    }
    free(stacks);
    free(threads);
    return 0;
}
"""


@functools.cache
def _compiled(text: str, name: str) -> tuple[Any, list[int]]:
    """The function that runs a kernel, and how many bytes each of its parameters has."""
    made = library(_BEFORE + text + _AFTER.replace("KERNEL", name))
    made.emulate.argtypes = [ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    sizes = (ctypes.c_int * made.sizes(None))()
    made.sizes(sizes)
    return made.emulate, list(sizes)


def launch(text: str, name: str, grid: int, block: int, arguments: Sequence[Any]) -> None:
    """Launch the kernel `name` of `text`: arrays are passed as pointers, numbers and structures by value, as CuPy does.
    """
    kept: list[Any] = [_by_value(value) for value in arguments]
    given = (ctypes.c_void_p * len(kept))(*[value.ctypes.data for value in kept])
    faults = ctypes.c_long(0)
    waits = "__sync" in text or "__shfl" in text
    emulate, sizes = _compiled(text, name)
    assert [value.nbytes for value in kept] == sizes, f"{name} takes parameters of other sizes: {sizes}"
    emulate(grid, block, given, waits, ctypes.byref(faults))
    assert not faults.value, f"{name}: threads left while others waited for them, {faults.value} times"


def _by_value(value: Any) -> np.ndarray:
    """What a kernel's parameter is read from."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "V":
        return np.array(value.ctypes.data, np.uint64)
    if isinstance(value, (np.ndarray, np.generic)):
        return np.ascontiguousarray(value)
    assert type(value) in (int, float, bool), f"CuPy would not know {value!r}"
    return np.array(value, np.float64 if type(value) is float else np.int64)
