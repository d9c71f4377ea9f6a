"""CUDA devices through CuPy, which is imported here alone and at first use.

Begin with `backend`; `device` says whether CUDA can be used and why not, `source` spells a kernel as CUDA C++.
This room imports `formulas` and the backend interface.
"""
