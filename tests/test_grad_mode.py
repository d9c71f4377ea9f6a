"""Grad modes as statements, contexts and decorators, of functions, generators and coroutines."""

from __future__ import annotations

import asyncio
import inspect
import threading

import pytest

import gradcore
from gradcore import Tensor, enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled


@pytest.fixture(autouse=True)
def the_mode_is_as_it_was():
    yield
    assert is_grad_enabled()


SWITCHES = pytest.mark.parametrize("switch", [
    no_grad, no_grad(), inference_mode, inference_mode(), lambda f: set_grad_enabled(False)(f)])


def test_set_grad_enabled_is_a_statement():
    x = Tensor([1.0], requires_grad=True)
    set_grad_enabled(False)
    assert not is_grad_enabled() and not (x * 2).requires_grad
    set_grad_enabled(True)
    assert (x * 2).requires_grad


def test_a_block_ends_in_the_mode_from_before_it():
    with set_grad_enabled(False) as off:
        assert not is_grad_enabled()
        with set_grad_enabled(True):
            assert is_grad_enabled()
        assert not is_grad_enabled()
    assert is_grad_enabled()
    with off:
        with off:
            assert not is_grad_enabled()
        assert not is_grad_enabled()
    assert is_grad_enabled()


@SWITCHES
def test_functions(switch):
    @switch
    def recorded(a, *, b):
        """Its words."""
        return a, b, is_grad_enabled()

    assert is_grad_enabled()  # a decorator changes nothing yet
    assert recorded(1, b=2) == (1, 2, False) and recorded.__doc__ == "Its words."
    with pytest.raises(ZeroDivisionError):
        switch(lambda: 1 / 0)()


def test_enable_grad_needs_no_brackets():
    with no_grad():
        assert enable_grad(is_grad_enabled)() and enable_grad()(is_grad_enabled)() and not is_grad_enabled()
        assert inference_mode(False)(is_grad_enabled)()


@SWITCHES
def test_generators_run_each_step_in_the_mode(switch):
    closed = []

    @switch
    def steps(n):
        try:
            for i in range(n):
                sent = yield i, is_grad_enabled()
                if sent is not None:
                    yield sent, is_grad_enabled()
        except KeyError:
            yield "caught", is_grad_enabled()
        finally:
            closed.append(is_grad_enabled())
        return "the end"

    assert inspect.isgeneratorfunction(steps) or inspect.isgenerator(steps(0))
    generator = steps(3)
    assert next(generator) == (0, False) and is_grad_enabled()
    assert generator.send("word") == ("word", False) and is_grad_enabled()
    assert generator.throw(KeyError()) == ("caught", False) and is_grad_enabled()
    with pytest.raises(StopIteration, match="the end"):
        next(generator)
    left = steps(2)
    next(left)
    left.close()
    assert closed == [False, False]
    with no_grad():
        assert list(steps(1)) == [(0, False)] and not is_grad_enabled()


@SWITCHES
def test_coroutines_run_each_step_in_the_mode(switch):
    outside = []

    @switch
    async def inside():
        before = is_grad_enabled()
        await asyncio.sleep(0)
        return before, is_grad_enabled()

    async def other():
        for _ in range(3):
            outside.append(is_grad_enabled())
            await asyncio.sleep(0)

    async def both():
        return await asyncio.gather(inside(), other())

    assert asyncio.run(both())[0] == (False, False) and all(outside)


def test_a_decorated_function_may_run_in_several_threads():
    inside, leave = threading.Barrier(3), threading.Event()
    seen = []

    @no_grad
    def wait():
        inside.wait(10)
        leave.wait(10)
        seen.append(is_grad_enabled())

    threads = [threading.Thread(target=wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    assert is_grad_enabled()
    leave.set()
    for thread in threads:
        thread.join()
    assert seen == [False, False]


@pytest.mark.parametrize("wrong, words", [
    (lambda: no_grad(True), "no_grad takes no arguments; got True.*set_grad_enabled"),
    (lambda: no_grad(None), "no_grad takes no arguments; got None"),
    (lambda: enable_grad(False), "enable_grad takes no arguments; got False"),
    (lambda: no_grad(print, print), "no_grad takes no arguments; got <built-in"),
    (lambda: set_grad_enabled("no"), "set_grad_enabled takes True or False; got 'no'"),
    (lambda: set_grad_enabled(None), "set_grad_enabled takes True or False; got None"),
    (lambda: inference_mode(0), "inference_mode takes True or False; got 0"),
    (lambda: no_grad()(3), "no_grad decorates functions.*got 3"),
    (lambda: no_grad(type("C", (), {})), "no_grad decorates functions.*got <class"),
    (lambda: no_grad(_async_steps), "no_grad decorates functions.*got <function _async_steps"),
])
def test_what_means_nothing_is_refused(wrong, words):
    with pytest.raises(TypeError, match=words):
        wrong()


async def _async_steps():
    yield 1


def test_inference_mode_makes_ordinary_tensors(backend):
    with inference_mode():
        x = gradcore.ones(2, device=backend.device) * 2
    w = Tensor([1.0, 2.0], device=backend.device, requires_grad=True)
    (x * w).sum().backward()
    assert w.grad.tolist() == [2, 2]
