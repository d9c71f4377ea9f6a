"""The tests that every backend must pass, for authors of backends.

A backend is a subclass of `gradcore.backends.Backend`, registered by `gradcore.backends.register` or by an entry
point (see there).  This command runs all tests on its device; it needs pytest only ::

    GRADCORE_DEVICE=mine pytest --pyargs gradcore.testing

Results are compared with the CPU's.  Dtypes that the device lacks (its `full` raises TypeError) are skipped.  Begin
with `test_interface`, on which the rest is based.
"""
