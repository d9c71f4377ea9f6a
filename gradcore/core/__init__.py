"""Tensors, the graph of recorded operations, and the ways to define an operation.

Begin with `tensor`, then `graph` (the walk backward).  `elementwise` makes an operation of a formula, `operation` is
the base of all others; `broadcasting` and `dimensions` are what both need of shapes.  This room imports `backends`.
"""
