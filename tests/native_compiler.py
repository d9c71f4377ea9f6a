"""Whether there is a C++ compiler; tests that need one are skipped in words where there is none."""

from __future__ import annotations

from typing import Optional

import pytest

from gradcore.backends import BackendUnavailable, native


def _why_no_compiler() -> Optional[str]:
    try:
        native.compiler()
    except BackendUnavailable as error:
        return str(error)
    return None


_WHY = _why_no_compiler()
HAS_COMPILER = _WHY is None
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason=_WHY or "")
