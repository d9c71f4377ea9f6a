"""The CPU: kernels as programs of NumPy calls.

Begin with `backend`.  `launcher` dispatches a call to a program, `lowering` and `program` generate it from a kernel,
and `tiles` runs it over whole arrays, with threads of `workers` and memory of `memory_pool`.  `quick` is the fast path
of small arrays.  Imports `formulas`, the backend interface, and `native`, whose loops may replace a program.
"""
