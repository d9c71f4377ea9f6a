"""The checks that every backend of this library passes, for those who write another.

A backend is a subclass of `gradcore.backends.Backend` that is known by `gradcore.backends.register` or by an entry
point (see there).  Then this command runs all checks on its device; it needs pytest and nothing else ::

    GRADCORE_DEVICE=mine pytest --pyargs gradcore.testing

Results are compared with the CPU's.  A dtype that the device lacks (its `full` raises a TypeError) is skipped.  Read
`test_interface` first: what it asks for is what the rest is built on.
"""
