"""Tensors, the graph of recorded operations, and the ways to define an operation.

Begin with `tensor`, then `graph` (the walk backward).  `formula` holds what operations made of formulas have in
common, `elementwise` and `rowwise` are its two kinds, `operation` is the base of all others; `broadcasting` and
`dimensions` are what both need of shapes.  This room imports `backends`.
"""
