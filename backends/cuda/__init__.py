"""CUDA devices through CuPy, which is imported here alone and at first use.

Begin with `backend`; `device` says whether CUDA can be used and why not.  `source` spells an elementwise kernel as CUDA
C++ and `launcher` launches it; `row_source` and `row_launcher` do so for row kernels, on which `reductions` are built,
`indexing` is indexing, and `products` are the matrix products of recorded graphs.  `prelude` and `combining` are what
stands before the texts, `compiler` makes machine code of them.  This room imports `formulas`, `cache` and the backend
interface.
"""
