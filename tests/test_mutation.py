"""A sample of the faults of `tests/mutation.py`: the suite sees each of them."""

from __future__ import annotations

import mutation


def test_faults_in_the_tables_are_seen(rng, tmp_path):
    tables = [fault for module in ("primitives", "derivative") for fault in mutation.faults(module)]
    copy = mutation.Copy(str(tmp_path))
    for fault in rng.choice(tables, 2, replace=False):
        assert copy.sees(fault), fault


def test_a_copy_without_a_fault_passes(tmp_path):
    copy = mutation.Copy(str(tmp_path))
    assert not copy._fails(mutation.TESTS[0])
