"""The formula language: what a kernel is, before any device runs it.

Begin with `expression` (formulas as graphs) and `primitives` (the table of elementary functions); `namespace` is the
`xp` that a formula receives, `derivative` differentiates, `simplify` and `expand` rewrite, `cpp` spells a kernel as
C++ for the executors that compile, `dtypes` holds the rules of promotion.  This room imports `errors` alone.
"""
