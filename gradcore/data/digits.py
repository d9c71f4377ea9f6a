"""The handwritten digits of the UCI repository, from scikit-learn: 1,797 images of 8 x 8 pixels."""

from __future__ import annotations

from typing import NamedTuple

from ..backends import get_backend
from ..core.tensor import DeviceLike, Tensor, tensor
from .batches import train_test_split


class Split(NamedTuple):
    """Samples and targets for training and testing.

    >>> split = load_digits()
    >>> split.x_train.shape, split.y_test.shape
    ((1348, 64), (449,))
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor


def load_digits(test_fraction: float = 0.25, seed: int = 0, device: DeviceLike = None) -> Split:
    """The digits in a random split, the same for the same `seed`.

    Images are rows of 64 float32 numbers, scaled so that the training pixels have mean 0 and variance 1; targets
    are int64 labels from 0 to 9.

    Raises
    ------
    ImportError : scikit-learn, which contains the images, is not installed.

    >>> images, targets, *_ = load_digits(test_fraction=0.2)
    >>> images.shape, targets.dtype
    ((1438, 64), dtype('int64'))
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError('the digits need scikit-learn, which is not installed: pip install "gradcore[bench]"'
                          ) from error
    images, targets = datasets.load_digits(return_X_y=True)
    train, test = train_test_split(len(images), test_fraction, seed)
    images = ((images - images[train].mean()) / images[train].std()).astype("float32")
    place = get_backend(device).device
    return Split(*(tensor(part, device=place) for part in (images[train], targets[train].astype("int64"),
                                                           images[test], targets[test].astype("int64"))))
