"""Code shared by all kernels: half precision, packs, and the functions that formulas call.

`ON_DEVICE` and the barriers and shuffles of `combining` are all that only a GPU can run.  The rest is plain C++, so
that tests can compile and run the same source on the CPU.
"""

from __future__ import annotations

from ..formulas.cpp import HELPERS

PACK_BYTES = 16  # the widest load and store

# Conversions of half precision, for NVRTC only.
ON_DEVICE = """\
#ifdef __CUDACC_RTC__
struct float16 {
    unsigned short bits;
    float16() = default;
    __device__ float16(float x) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x)); }
    __device__ operator float() const { float x; asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits)); return x; }
};
#endif
"""

# CUDA's normcdff has an error of up to 5 units in the last place, and products with it, as in gelu, could have more.
_NORMAL = """
FN double normcdf_of(double x) { return normcdf(x); }
FN float normcdf_of(float x) { return float(normcdf(double(x))); }
FN double normpdf_of(double x) { return 0.39894228040143268 * exp(-0.5 * (x * x)); }
FN float normpdf_of(float x) {  // with what rounding takes from the square
    const float a = x < -15.0f ? -15.0f : x > 15.0f ? 15.0f : x, square = a * a;
    return exp(-0.5f * square) * (0.39894228f - 0.19947114f * fmaf(a, a, -square));
}
"""

# Neighbouring elements, which are read and written as one word if they are aligned to its size.
_PACKS = """
template <int BYTES> struct word_of;
template <> struct word_of<1> { typedef unsigned char type; };
template <> struct word_of<2> { typedef unsigned short type; };
template <> struct word_of<4> { typedef unsigned int type; };
template <> struct word_of<8> { typedef uint2 type; };
template <> struct word_of<16> { typedef uint4 type; };
template <class T, int N> struct pack {
    typedef typename word_of<sizeof(T) * N>::type word;
    union { T at[N]; word whole; };
};
template <int N, class T> FN bool is_aligned(const T* array) { return (size_t)array % (sizeof(T) * N) == 0; }
template <class T, int N> FN void load(pack<T, N>& to, const T* from, bool at_once, int count) {
    if (at_once) to.whole = *reinterpret_cast<const typename pack<T, N>::word*>(from);
    else for (int j = 0; j < N; ++j) to.at[j] = from[j < count ? j : 0];
}
template <class T, int N> FN void store(T* to, const pack<T, N>& from, bool at_once, int count) {
    if (at_once) *reinterpret_cast<typename pack<T, N>::word*>(to) = from.whole;
    else for (int j = 0; j < N; ++j) if (j < count) to[j] = from.at[j];
}
"""

FUNCTION = "static __device__ inline void"  # the specifiers of a function in generated code


def on_device(helpers: str) -> str:
    """Functions marked by FN, in the namespace of the library."""
    return "namespace gradcore {\n" + helpers.replace("FN ", FUNCTION.removesuffix("void")) + "}\n"


PRELUDE = ON_DEVICE + on_device(HELPERS + _NORMAL + _PACKS)
