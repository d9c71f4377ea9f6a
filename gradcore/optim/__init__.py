"""Optimizers and learning rate schedulers; each update rule is a few elementwise kernels."""

from __future__ import annotations

from ..backends.lazy import loader as _loader
from . import lr_scheduler
from .adam import Adam, AdamW
from .adam_variants import NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop
from .bounded import Adamax, Rprop
from .lbfgs import LBFGS
from .optimizer import Optimizer
from .sgd import SGD
from .zero import ZeroRedundancyOptimizer

__getattr__ = _loader(__name__, {"swa_utils": ""})

__all__ = ["lr_scheduler", "swa_utils", "Optimizer", "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta",
           "NAdam", "RAdam", "Adamax", "Rprop", "LBFGS", "ZeroRedundancyOptimizer"]
