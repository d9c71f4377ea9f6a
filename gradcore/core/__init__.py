"""Tensors, the graph of recorded operations, and the ways to define an operation.

Begin with `tensor`, then `graph` (the backward pass).  `formula` is the base of operations made of formulas, whose
kinds are `elementwise` and `rowwise`; `operation` is the base of all others.  `broadcasting` and `dimensions` handle
shapes; `arguments` checks the arguments of public functions by the `expectations` of their annotations.  Imports
`backends` only.
"""
