"""The formula language: kernels as graphs, independent of any device.

Begin with `expression` (formulas as graphs) and `primitives` (the table of elementary functions).  `namespace` is the
`xp` that a formula receives, `derivative` differentiates, `simplify` and `expand` rewrite, `cpp` generates C++,
`dtypes` has the promotion rules; `rows` and `stages` are the counterparts for row formulas.  Imports only `errors`.
"""
