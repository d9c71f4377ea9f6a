"""The CPU: kernels as programs of NumPy calls.

Begin with `backend`; `launcher` takes a call to a program, `lowering` and `program` make one of a kernel, `tiles` runs
it over whole arrays, with `workers` as threads and `memory_pool` for the results.  `quick` is the short way of small
arrays.  This room imports `formulas`, the backend interface, and `native` for the loops that may replace a program.
"""
