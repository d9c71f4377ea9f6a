"""Mathematical functions of native loops, in forms that compilers can vectorize.

The float32 functions of activations are implemented here without branches or tables, so that they vectorize on any
processor and with any C library.  Their error is about one unit in the last place, and infinities, NaN and the sign of
zero are handled.  For others the vector functions of glibc's libmvec are declared if they exist; glibc's own headers
declare them only under -ffast-math, which gives up NaN and infinities.
"""

from __future__ import annotations

import os
import platform

from ..formulas.cpp import HELPERS

# Since glibc 2.22 and 2.35 on x86-64; float32 names carry an f.
_VECTOR_MATH = {(2, 22): "sin cos exp log pow".split(),
                (2, 35): "sinh cosh atan exp2 expm1 log2 log1p tanh erf erfc".split()}
# The table of primitives uses some of these; the others are for future rows.
_UNARY = ("exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc "
          "tgamma lgamma cbrt floor ceil trunc rint sqrt fabs").split()
_BINARY = "fmod copysign pow atan2 hypot nextafter".split()
_WRITTEN_OUT = "exp exp2 expm1 log log2 log1p tanh erf pow".split()  # in float32, below

# The polynomials minimize the relative error; comments state their error without rounding.
_FLOAT32 = r"""
inline int bits_of(float x) { int i; __builtin_memcpy(&i, &x, 4); return i; }
inline float float_of(int i) { float x; __builtin_memcpy(&x, &i, 4); return x; }
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
inline float fma(float a, float b, float c) { return a * b + c; }
#endif

// exp(r) - 1 for |r| <= log(2) / 2, to 2^-31; -0 comes out as 0
inline float expm1_near(float r) {
    float p = fma(r, 1.9845885e-4f, 1.3940721e-3f);
    p = fma(r, p, 8.3333896e-3f);
    p = fma(r, p, 4.1666359e-2f);
    p = fma(r, p, 1.6666666e-1f);
    p = fma(r, p, 0.5f);
    return fma(r * r, p, r);
}

// x = n * log(2) + rest with n <= 128, so that rest is small unless x is too large, infinite or NaN: a bound on n
// and not on x, since two bounds on one number are not turned into one instruction each
struct Reduced { float rest; int n; };
inline Reduced reduced(float x) {
    const float shifter = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, in the lowest bits
    const int shifted = bits_of(fma(x, 1.44269504f, shifter)), most = bits_of(shifter) + 128;
    const int bounded = shifted > most ? most : shifted;
    const float n = float_of(bounded) - shifter;
    return {fma(n, 2.12194440e-4f, fma(n, -0.693359375f, x)), bounded - bits_of(shifter)};
}
// p * 2^n for -252 <= n <= 254, in two steps since 2^n itself may be no float
inline float scaled(float p, int n) {
    const int twice = n + 254, half = twice >> 1;
    return p * float_of(half << 23) * float_of((twice - half) << 23);
}

inline float exp(float x) {
    const Reduced r = reduced(x < -105.0f ? -105.0f : x);
    return scaled(1.0f + expm1_near(r.rest), r.n);
}
inline float exp2(float x) {
    const float shifter = 12582912.0f, bounded = x < -151.0f ? -151.0f : x;
    const int shifted = bits_of(bounded + shifter), most = bits_of(shifter) + 128, n = shifted > most ? most : shifted;
    return scaled(1.0f + expm1_near((bounded - (float_of(n) - shifter)) * 0.693147182f), n - bits_of(shifter));
}
inline float expm1(float x) {
    const Reduced r = reduced(x < -30.0f ? -30.0f : x);
    const float half = float_of((r.n + 126) << 23);  // half of 2^n, since 2^128 is no float
    const float z = fma(expm1_near(r.rest), half, half - 0.5f);
    return x == 0.0f ? x : z + z;
}

// log(1 + f) for -1/4 <= f < 1/2, to 2^-27
inline float log1p_near(float f) {
    float p = fma(f, -4.5074470e-2f, 1.0462996e-1f);
    p = fma(f, p, -1.3161196e-1f);
    p = fma(f, p, 1.4478400e-1f);
    p = fma(f, p, -1.6647312e-1f);
    p = fma(f, p, 1.9990861e-1f);
    p = fma(f, p, -2.5000095e-1f);
    p = fma(f, p, 3.3333450e-1f);
    p = fma(f, p, -0.5f);
    return fma(f * f, p, f);
}

// x = 2^n * (1 + rest) with 3/4 <= 1 + rest < 3/2, for x > 0
struct Split { float rest, n; };
inline Split split(float x) {
    const bool is_subnormal = x < 1.17549435e-38f;
    x = is_subnormal ? x * 8388608.0f : x;
    const int exponent = (bits_of(x) - bits_of(0.75f)) & ~0x7fffff;
    const float n = float(exponent) * 1.1920929e-7f;
    return {float_of(bits_of(x) - exponent) - 1.0f, is_subnormal ? n - 23.0f : n};
}
inline float log_edges(float x, float y) {  // y, or the limits at 0, infinity and below 0
    y = x == 0.0f ? -__builtin_inff() : y;
    y = x == __builtin_inff() ? x : y;
    return x >= 0.0f ? y : __builtin_nanf("");
}
inline float log(float x) {
    const Split s = split(x);
    return log_edges(x, fma(s.n, 0.693147182f, log1p_near(s.rest)));
}
inline float log2(float x) {
    const Split s = split(x);
    return log_edges(x, fma(log1p_near(s.rest), 1.44269504f, s.n));
}
inline float log1p(float x) {
    // 1 + x = 2^n * (1 + rest), where the digits that 1 + x loses are kept: rest = 2^-n * x + (2^-n - 1)
    const int exponent = (bits_of(1.0f + x) - bits_of(0.75f)) & ~0x7fffff;
    const float rest = float_of(bits_of(x) - exponent) + fma(0.25f, float_of(bits_of(4.0f) - exponent), -1.0f);
    float y = fma(float(exponent) * 1.1920929e-7f, 0.693147182f, log1p_near(rest));
    y = x == -1.0f ? -__builtin_inff() : y;
    y = x == __builtin_inff() || x == 0.0f ? x : y;
    return x >= -1.0f ? y : __builtin_nanf("");
}

inline float tanh(float x) {
    const float b = ::fabsf(x), a = b > 10.0f ? 10.0f : b, u = a * a;
    float p = fma(u, -6.2742331e-3f, 2.1071674e-2f);  // tanh(x) for a < 0.55, to 2^-29
    p = fma(u, p, -5.3852309e-2f);
    p = fma(u, p, 1.3332586e-1f);
    p = fma(u, p, -3.3333316e-1f);
    const Reduced r = reduced(a + a);
    const float e = (1.0f + expm1_near(r.rest)) * float_of((r.n + 127) << 23);  // exp(2 * a)
    return ::copysignf(a < 0.55f ? fma(u * a, p, a) : 1.0f - 2.0f / (e + 1.0f), x);
}
inline float erf(float x) { return float(::erf(double(x))); }
inline float pow(float a, float b) { return float(::pow(double(a), double(b))); }
"""

_NORMAL = r"""
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
// exp(-a * a / 2) = (1 + grown) * 2^n; what rounding takes from a * a is not lost
struct Fading { float grown; int n; };
inline Fading fading(float a) {
    const float square = a * a, lost = fma(a, a, -square);
    const Reduced r = reduced(-0.5f * square);
    return {expm1_near(fma(-0.5f, lost, r.rest)), r.n};
}
// |x|, and 15 where it is more or NaN; a choice would be taken apart into branches, and their constants into others
inline float size_to_15(float x) {
    const int bits = bits_of(x) & 0x7fffffff, more = bits - bits_of(15.0f);
    return float_of(bits - (more & ~(more >> 31)));
}
inline float normpdf_of(float x) {
    const Fading f = fading(size_to_15(x));
    return x == x ? scaled(fma(0.39894228f, f.grown, 0.39894228f), f.n) : x;
}
inline float normcdf_of(float x) {
    // for x = -a < 0: exp(-a * a / 2) * P((a - 3) / (a + 3)) / (a + 3), to 2^-29
    const float a = size_to_15(x);
    const float divisor = a + 3.0f, added = divisor - 3.0f, q = 1.0f / divisor;
    const float rest = fma(-q, divisor, 1.0f) - q * (a - added);  // what rounding took from the divisor and from q
    const float quotient = (a - 3.0f) * q, t = fma(quotient, rest, quotient);
    float p = 5.446361514e-05f;
    p = fma(p, t, 1.312730071e-04f);
    p = fma(p, t, -2.4474853e-04f);
    p = fma(p, t, -1.032536485e-03f);
    p = fma(p, t, 1.024776561e-03f);
    p = fma(p, t, 6.969304521e-03f);
    p = fma(p, t, -1.04625185e-02f);
    p = fma(p, t, -4.72626877e-02f);
    p = fma(p, t, 2.300176998e-01f);
    p = fma(p, t, -5.093319914e-01f);
    p = fma(p, t, 7.290836904e-01f);
    const float scale = p * fma(q, rest, q);
    const Fading f = fading(a);
    const float tail = scaled(fma(scale, f.grown, scale), f.n);
    // for a < 0.9: the integral of the density's series
    const float u = x * x;
    float near = -4.12266741e-08f;
    near = fma(near, u, 6.65969352e-07f);
    near = fma(near, u, -9.44465626e-06f);
    near = fma(near, u, 0.000115434688f);
    near = fma(near, u, -0.00118732822f);
    near = fma(near, u, 0.00997355701f);
    near = fma(near, u, -0.0664903801f);
    near = fma(near, u, 0.39894228f);
    const float far = x < 0.0f ? tail : 1.0f - tail;
    return a < 0.9f ? fma(x, near, 0.5f) : x == x ? far : x;
}
#else
inline float normpdf_of(float x) { return float(::exp(-0.5 * double(x) * double(x)) * 0.39894228040143268); }
inline float normcdf_of(float x) {
    // exp(-a * a / 2) * P((a - 3) / (a + 3)) / (a + 3) for x = -a < 0, to 2^-29
    const double b = ::fabs(double(x)), a = b > 15.0 ? 15.0 : b, t = (a - 3.0) / (a + 3.0);
    double p = 5.446361514e-05;
    p = p * t + 0.0001312730071;
    p = p * t - 0.00024474853;
    p = p * t - 0.001032536485;
    p = p * t + 0.001024776561;
    p = p * t + 0.006969304521;
    p = p * t - 0.0104625185;
    p = p * t - 0.0472626877;
    p = p * t + 0.2300176998;
    p = p * t - 0.5093319914;
    p = p * t + 0.7290836904;
    const double tail = ::exp(-0.5 * a * a) * p / (a + 3.0);
    return float(x < 0.0f ? tail : 1.0 - tail);
}
#endif
inline double normpdf_of(double x) { return ::exp(-0.5 * (x * x)) * 0.39894228040143268; }
inline double normcdf_of(double x) {
    // erfc(z + rest) with the rest that is lost in z = -x / sqrt(2): far out it would count for many digits.
    const double z = x * -0.70710678118654752;
    const double rest = __builtin_fma(x, -0.70710678118654752, -z) + x * 4.8301206784e-17;
    return 0.5 * ::erfc(z) * (z > 0.0 && z < 40.0 ? 1.0 - 2.0 * z * rest : 1.0);
}
"""


def source() -> str:
    """C++ text that defines the functions of the table for float and double, in namespace gradcore."""
    vectors = {name for version, names in _VECTOR_MATH.items() if version <= _glibc_of_x86() for name in names}
    declarations = [line for name in _UNARY for line in _declared(name, 1, name in vectors)]
    declarations += [line for name in _BINARY for line in _declared(name, 2, name in vectors)]
    overloads = [f"inline double {name}(double x) {{ return ::{name}(x); }}" for name in _UNARY]
    overloads += [f"inline double {name}(double a, double b) {{ return ::{name}(a, b); }}" for name in _BINARY]
    overloads += [f"inline float {name}(float x) {{ return ::{name}f(x); }}"
                  for name in _UNARY if name not in _WRITTEN_OUT]
    overloads += [f"inline float {name}(float a, float b) {{ return ::{name}f(a, b); }}"
                  for name in _BINARY if name not in _WRITTEN_OUT]
    return "\n".join(['extern "C" {', *declarations, "}", "namespace { namespace gradcore {", *overloads, _FLOAT32,
                      _NORMAL, HELPERS.replace("FN ", "inline "), "} }"])


def _declared(name: str, arity: int, has_vector: bool) -> list[str]:
    vector = ["#pragma omp declare simd notinbranch"] if has_vector else []
    return [line for suffix, real in (("f", "float"), ("", "double"))
            for line in vector + [f"{real} {name}{suffix}({', '.join([real] * arity)}) noexcept;"]]


def _glibc_of_x86() -> tuple[int, int]:
    """The version of glibc, or (0, 0) where there is no libmvec: on other processors or with another C library."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return (0, 0)
    try:
        name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").split()
        major, minor = version.split(".")[:2]
        return (int(major), int(minor))
    except (AttributeError, OSError, ValueError):  # Windows, macOS, musl
        return (0, 0)
