"""Schedulers under the name that PyTorch has for them."""

from __future__ import annotations

from .one_cycle import OneCycleLR
from .sequential_lr import SequentialLR
from .schedules import (ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, ExponentialLR, LambdaLR, LinearLR,
                        LRScheduler, MultiStepLR, ReduceLROnPlateau, StepLR)

__all__ = ["LRScheduler", "StepLR", "MultiStepLR", "ExponentialLR", "LambdaLR", "ConstantLR", "LinearLR",
           "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "OneCycleLR", "ReduceLROnPlateau", "SequentialLR"]
