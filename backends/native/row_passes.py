"""A row kernel's plan as passes over a row: each computes a stage and the reductions of its values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Sequence, Union

from ..formulas.expression import Symbol
from ..formulas.kernel import Kernel
from ..formulas.stages import Plan, Reduction, Stage


@dataclass
class Pass:
    """One loop over the elements of a row."""

    stage: Optional[Stage] = None
    reductions: list[Reduction] = field(default_factory=list)
    outputs: list[tuple[int, Symbol]] = field(default_factory=list)  # the outputs that this pass writes or adds to

    @property
    def makes(self) -> tuple[Symbol, ...]:
        return self.stage.makes if self.stage is not None else ()

    @property
    def reads(self) -> list[Symbol]:
        """The values that the pass reads."""
        stage = self.stage.reads if self.stage is not None else ()
        rest = [step.reads for step in self.reductions] + [symbol for _, symbol in self.outputs]
        made = set(self.makes)
        return list(dict.fromkeys([*stage, *(symbol for symbol in rest if symbol not in made)]))


Step = Union[Pass, Stage, Reduction]  # a Stage has one value per row; a Reduction here is of a constant row


def passes(kernel: Kernel, plan: Plan, varies: Sequence[bool]) -> list[Step]:
    """The steps in order; `varies` says which of the kernel's inputs vary along a row."""
    constant = {symbol for symbol, varying in zip(kernel.inputs, varies) if not varying}
    steps: list[Step] = []
    current: Optional[Pass] = None
    for step in plan.steps:
        if isinstance(step, Stage):
            current = None if step.is_row else Pass(step)
            steps.append(step if current is None else current)
        elif step.reads in constant or step.reads.is_row:
            steps.append(step)
            current = None  # only a later pass may read it
        else:
            if current is None:
                current = Pass()
                steps.append(current)
            current.reductions.append(step)
    last = {symbol: step for step in steps if isinstance(step, Pass) for symbol in step.makes}
    for i, symbol in enumerate(plan.outputs):
        if not symbol.is_row:
            if symbol not in last:  # an input
                if current is None:
                    current = Pass()
                    steps.append(current)
                last[symbol] = current
            last[symbol].outputs.append((i, symbol))
    return steps


def kept(steps: Sequence[Step]) -> list[Symbol]:
    """The values of elements that one pass computes and another reads."""
    loops = [step for step in steps if isinstance(step, Pass)]
    read = {symbol for step in loops for symbol in step.reads}
    return [symbol for step in loops for symbol in step.makes if symbol in read]
