"""The reduction across the threads that share a row; the only code in which threads wait for each other.

`LANES` threads share a row, and a block has `ROWS` rows.  Along: neighbouring threads share a row, whose elements are
contiguous.  Across: neighbouring threads have neighbouring rows.  Every thread gets the result.  The order of additions
is a fixed tree.
"""

from __future__ import annotations

from .prelude import on_device

COMBINING = on_device("""\
template <class T> struct row_sum { FN T none() { return T(0); } FN T of(T a, T b) { return a + b; } };
template <class T> struct row_max {
    FN T none() { return -infinity_of<T>(); }
    FN T of(T a, T b) { return maximum_of(a, b); }
};
template <class T> struct row_min {
    FN T none() { return infinity_of<T>(); }
    FN T of(T a, T b) { return minimum_of(a, b); }
};

// The halves of an array on each other, until one element is left.
template <class How, int N, class T> FN T folded(T (&x)[N]) {
    #pragma unroll
    for (int half = N / 2; half; half /= 2) {
        #pragma unroll
        for (int k = 0; k < half; ++k) x[k] = How::of(x[k], x[k + half]);
    }
    return x[0];
}

template <class How, int LANES, int ROWS, bool ACROSS, class T> FN T combined(T x, int lane, int of_block) {
    if constexpr (LANES == 1) return x;
    else if constexpr (ACROSS) {
        __shared__ T parts[LANES][ROWS];
        parts[lane][of_block] = x;
        __syncthreads();
        for (int half = LANES / 2; half; half /= 2) {
            if (lane < half) parts[lane][of_block] = How::of(parts[lane][of_block], parts[lane + half][of_block]);
            __syncthreads();
        }
        x = parts[0][of_block];
        __syncthreads();  // before the next one writes
        return x;
    } else {
        for (int mask = (LANES < 32 ? LANES : 32) / 2; mask; mask /= 2) x = How::of(x, __shfl_xor_sync(~0u, x, mask));
        if constexpr (LANES > 32) {
            __shared__ T parts[LANES / 32];
            if (lane % 32 == 0) parts[lane / 32] = x;
            __syncthreads();
            x = parts[lane % (LANES / 32)];
            for (int mask = LANES / 64; mask; mask /= 2) x = How::of(x, __shfl_xor_sync(~0u, x, mask));
            __syncthreads();
        }
        return x;
    }
}
""")
