"""Runnable examples, each with a measurement: ``python -m gradcore.examples`` lists them.

Begin with `dead_units`; `study` says what an example is, and `__main__` runs one and draws its picture.
`distributed_digits` is started on several processes, and by itself.
"""
