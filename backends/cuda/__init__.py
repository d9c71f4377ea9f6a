"""CUDA devices through CuPy, which is imported on first use and in this package only.

Begin with `backend`; `device` says whether CUDA can be used, and why not.  `source` generates the CUDA C++ of an
elementwise kernel and `launcher` launches it; `row_source` and `row_launcher` do so for row kernels, which `reductions`
use, `indexing` for index arrays, and `products` for the matrix products of graphs.  `prelude` and `combining` are code
that these share, and `compiler` compiles it.  Imports `formulas`, `cache` and the backend interface.
"""
