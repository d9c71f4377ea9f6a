"""The operations on tensors, with NumPy's and PyTorch's names.

Begin with `arithmetic`, where each elementary function is one line, and `reduction`.  `gradcore.methods` makes methods
of what is defined here.  Imports `core` and `backends`.
"""
