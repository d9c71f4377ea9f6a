"""The operations on tensors, in NumPy's and PyTorch's names.

Begin with `arithmetic`, where each elementary function is a line, and `reduction`.  This room imports `core` and
`backends`; `gradcore.methods` makes methods of what is defined here.
"""
