"""The C++ code of a kernel: the body of a loop, for CUDA devices and for native code on the CPU.

The code is the same for both.  It reads the element's inputs `in0`, `in1`, ... and the constants `c0`, ..., computes
in the type `real`, and assigns the outputs `out0`, ....  The surrounding source declares these names and provides the
functions: those of CUDA or the C library, and `HELPERS`.  No name chosen by the user occurs in it.

>>> from gradcore.backends import Kernel
>>> print(body(Kernel.of_primitive("sigmoid")))
const real x0 = in0;
const real v0 = -x0;
const real v1 = exp(v0);
const real v2 = real(1.0) + v1;
const real v3 = real(1.0) / v2;
out0 = v3;
"""

from __future__ import annotations

import math
import re
import textwrap
from typing import Sequence

import numpy as np

from .expand import expand
from .expression import TABLE, Apply, Expression, Literal, in_order
from .kernel import Kernel
from .special import TANH_CUBIC, TANH_SLOPE

# The C++ spelling of dtypes; `float16` is a class with conversions from and to float.
TYPES = {"bool": "bool", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long long",
         "uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned int", "uint64": "unsigned long long",
         "float16": "float16", "float32": "float", "float64": "double"}

# Functions that the table's C++ expressions call and that no library has, with NumPy's results.  FN stands for the
# specifiers of a function.
HELPERS = """\
template <class T> FN T infinity_of() { return T(1e300 * 1e300); }
template <class T> FN T nan_of() { return infinity_of<T>() - infinity_of<T>(); }
// Integers wrap round, which C++ leaves open where they are signed.
template <class T> FN T sum_of(T a, T b) { return T((unsigned long long)a + (unsigned long long)b); }
template <class T> FN T difference_of(T a, T b) { return T((unsigned long long)a - (unsigned long long)b); }
template <class T> FN T product_of(T a, T b) { return T((unsigned long long)a * (unsigned long long)b); }
template <class T> FN T absolute(T x) { return x < T(0) ? difference_of(T(0), x) : x; }
FN float absolute(float x) { return fabsf(x); }
FN double absolute(double x) { return fabs(x); }
template <class T> FN T sign_of(T x) {
    return x > T(0) ? T(1) : x < T(0) ? T(-1) : x == T(0) ? T(0) : x;  // NaN stays NaN
}
// NaN propagates from either side; for a literal b the compiler drops the second test.
template <class T> FN T maximum_of(T a, T b) { const T c = b > a ? b : a; return b != b ? b : c; }
template <class T> FN T minimum_of(T a, T b) { const T c = b < a ? b : a; return b != b ? b : c; }

// The tanh form of normcdf: 1 / (1 + exp(z)) with an odd cubic z, in double: rounding z to float would lose digits.
FN double cubic_of(double x) {
    const double a = x < -100.0 ? -100.0 : x > 100.0 ? 100.0 : x;
    return -TANH_SLOPE * fabs(a) * (1.0 + TANH_CUBIC * (a * a));
}
FN double normcdf_tanh_of(double x) {
    const double t = exp(cubic_of(x));
    return (x < 0.0 ? t : 1.0) / (1.0 + t);
}
FN float normcdf_tanh_of(float x) {
    const double z = cubic_of(double(x));
    const float high = float(z), low = float(z - double(high)), e = exp(high), t = e + e * low;
    return (x < 0.0f ? t : 1.0f) / (1.0f + t);
}

// Integers: division by zero gives 0, as in NumPy, and rounds down.
template <class T> FN T floor_divide(T a, T b) {
    if (b == T(0)) return T(0);
    if (T(-1) < T(0) && b == T(-1)) return difference_of(T(0), a);  // whose quotient may overflow
    const T q = T(a / b);
    return (a % b != T(0)) && ((a < T(0)) != (b < T(0))) ? T(q - T(1)) : q;
}
template <class T> FN T remainder_of(T a, T b) {
    if (b == T(0) || (T(-1) < T(0) && b == T(-1))) return T(0);
    const T r = T(a % b);
    return (r != T(0)) && ((r < T(0)) != (b < T(0))) ? T(r + b) : r;
}
template <class T> FN T power_of(T a, T b) {
    T y = T(1);
    for (T n = b; n > T(0); n = T(n / T(2))) {
        if (n % T(2) != T(0)) y = product_of(y, a);
        a = product_of(a, a);
    }
    return y;
}
FN float power_of(float a, float b) { return pow(a, b); }
FN double power_of(double a, double b) { return pow(a, b); }

// Floats: the remainder has the sign of the divisor; a quotient of infinities is rounded down too.
template <class T> FN T float_remainder(T a, T b) {
    const T r = fmod(a, b);
    return b == T(0) ? r : r == T(0) ? copysign(T(0), b) : (r < T(0)) != (b < T(0)) ? r + b : r;
}
template <class T> FN T float_floor_divide(T a, T b) {
    const T r = fmod(a, b);
    const T q = (a - r) / b - T(r != T(0) && (r < T(0)) != (b < T(0)));
    const T low = floor(q);
    const bool is_infinite = a - a != T(0) || b - b != T(0) || b == T(0);
    return is_infinite ? floor(a / b) : q == T(0) ? copysign(T(0), a / b) : q - low > T(0.5) ? low + T(1) : low;
}
FN float remainder_of(float a, float b) { return float_remainder(a, b); }
FN double remainder_of(double a, double b) { return float_remainder(a, b); }
FN float floor_divide(float a, float b) { return float_floor_divide(a, b); }
FN double floor_divide(double a, double b) { return float_floor_divide(a, b); }
""".replace("TANH_SLOPE", repr(TANH_SLOPE)).replace("TANH_CUBIC", repr(TANH_CUBIC))


_OF_INTEGERS = {"add": "sum_of({0}, {1})", "subtract": "difference_of({0}, {1})", "multiply": "product_of({0}, {1})",
                "square": "product_of({0}, {0})", "negative": "difference_of(real(0), {0})"}


def body(kernel: Kernel, of_integers: bool = False) -> str:
    """The statements that compute one element of the outputs of `kernel`."""
    outputs = expand(kernel.outputs)
    order = in_order(outputs)
    used = set(order)
    names: dict[Expression, str] = {symbol: f"c{i}" for i, symbol in enumerate(kernel.constants)}
    lines = []
    for i, symbol in enumerate(kernel.inputs):
        names[symbol] = f"x{i}"
        if symbol in used:
            lines.append(f"const real x{i} = in{i};")
    for node in order:
        if isinstance(node, Literal):
            names[node] = _literal(node.value)
        elif isinstance(node, Apply):
            names[node] = f"v{sum(name[0] == 'v' for name in names.values())}"
            name = node.primitive.name
            spelling = _OF_INTEGERS[name] if of_integers and name in _OF_INTEGERS else TABLE[name].cpp
            assert spelling is not None
            value = spelling.format(*(names[arg] for arg in node.args))
            lines.append(f"const {'bool' if node.is_boolean else 'real'} {names[node]} = {value};")
    lines += [f"out{i} = {names[output]};" for i, output in enumerate(outputs)]
    return "\n".join(lines)


def function(kernel: Kernel, name: str, parameters: Sequence[str], begin: str, of_integers: bool = False) -> str:
    """`body` as a C++ function with the given `parameters`.

    >>> from gradcore.backends import Kernel
    >>> print(function(Kernel.of_primitive("exp"), "element", ["const float in0", "float& out0"], "static inline void"))
    static inline void element(const float in0, float& out0) {
        const real x0 = in0;
        const real v0 = exp(x0);
        out0 = v0;
    }
    """
    return f"{begin} {name}({', '.join(parameters)}) {{\n{textwrap.indent(body(kernel, of_integers), '    ')}\n}}"


def _literal(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"real({value}{'ull' if value >= 2 ** 63 else 'll'})"
    if math.isnan(value):
        return "nan_of<real>()"
    if math.isinf(value):
        return "infinity_of<real>()" if value > 0 else "real(-infinity_of<real>())"
    return f"real({value!r})"  # repr gives the shortest digits that round to this double


def output_dtypes(kernel: Kernel, result: np.dtype) -> list[np.dtype]:
    """The dtype of each output: bool for boolean expressions, else `result`."""
    return [np.dtype(bool) if output.is_boolean else result for output in kernel.outputs]


def identifier(kernel: Kernel) -> str:
    """A valid C++ identifier for the kernel's function."""
    return "gradcore_" + re.sub(r"\W", "_", kernel.name, flags=re.ASCII)
