"""`progress`: a progress bar for a loop."""

from __future__ import annotations

from typing import Any, Iterable


def progress(steps: Iterable[Any], label: str = "", **options: Any) -> Any:
    """`steps` with a progress bar on the terminal; it is tqdm's, so ``bar.set_postfix(loss=...)`` works.

    Parameters
    ----------
    steps : epochs, a DataLoader, or any iterable.
    label : the text before the bar.
    options : other options of tqdm, such as `total` and `leave`.

    Raises
    ------
    ImportError : tqdm is not installed.

    >>> list(progress(range(3), disable=True))
    [0, 1, 2]
    """
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError('a bar of progress is drawn by tqdm, which is not installed: pip install "gradcore[bench]"'
                          ) from error
    return tqdm(steps, desc=label or None, dynamic_ncols=True, **options)
