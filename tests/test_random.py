"""Random numbers are the same on every device, whatever the number of threads, and their generators are PyTorch's."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import gradcore
import nvrtc
from cuda_on_cpu import launch
from gradcore import Generator, Tensor, nn
from gradcore.backends import get_backend, philox
from gradcore.backends.cpu import random as cpu_random
from gradcore.backends.cpu import tiles
from gradcore.backends.cpu.workers import builder
from gradcore.backends.cuda.random import SOURCE
from gradcore.functions import dropout, rrelu
from native_compiler import needs_compiler

DTYPES = ["float32", "float64", "int64"]


def of_numpy(place: philox.Place, n: int, dtype: str) -> np.ndarray:
    """The first numbers of `numpy.random.Philox` at a place."""
    bits = np.random.Philox(key=np.array([place.seed, place.stream], np.uint64), counter=place.offset)
    return bits.random_raw(n).view(np.int64) if dtype == "int64" else np.random.Generator(bits).random(n, dtype)


@pytest.fixture(autouse=True)
def one_stream():
    """Whatever a test does to the default generator."""
    with gradcore.random.fork_rng():
        yield
    gradcore.random.use_stream(None)


# -- the stream -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cores", [1, 2, 5])
def test_threads_draw_parts_of_one_stream(dtype, cores, monkeypatch):
    monkeypatch.setattr(tiles, "CORES", cores)
    monkeypatch.setattr(cpu_random, "_COST_PER_BYTE", 100)
    n, place = 50_003, philox.Place(3, 1, 5)
    drawn = get_backend("cpu").random(place, (n,), np.dtype(dtype))
    np.testing.assert_array_equal(drawn, of_numpy(place, n, dtype))


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["native", "auto"])
def test_native_code_draws_the_same_stream(dtype, kind):
    draws, place = cpu_random.Draws(get_backend("cpu").pool), philox.Place(2 ** 64 - 1, 2 ** 63 + 5, 2 ** 40)
    for n in (0, 1, 7, 8, 9, 4097, 300_001):
        numbers, beyond = np.full(n + 4, 77, dtype), 77
        draws.fill(numbers[:n], place, kind)
        np.testing.assert_array_equal(numbers[:n], of_numpy(place, n, dtype))
        assert (numbers[n:] == beyond).all()
    if kind == "auto":
        is_built = threading.Event()
        builder.submit(is_built.set)  # after what was submitted before
        assert is_built.wait(60)
        draws.fill(numbers[:n], place, kind)
        assert draws._native is not None
        np.testing.assert_array_equal(numbers[:n], of_numpy(place, n, dtype))


@pytest.mark.parametrize("kind", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_small_draws_in_any_order_are_those_of_their_places(kind, rng):
    """They come from what was drawn ahead, which a writer to what was given out before does not change."""
    draws, at = cpu_random.Draws(get_backend("cpu").pool), 2 ** 64 - 300_000  # beyond which generators begin again
    for _ in range(400):
        dtype, n = str(rng.choice(DTYPES)), int(rng.choice([0, 1, 7, 9, 1000, 2048, 2049]))
        place = philox.Place(int(rng.integers(2)), int(rng.integers(2)), at)
        numbers = draws.draw(place, (n,), np.dtype(dtype), kind)
        np.testing.assert_array_equal(numbers, of_numpy(place, n, dtype))
        numbers[...] = 77
        at = max(0, at + int(rng.choice([-700, 0, *[philox.blocks(n, np.dtype(dtype))] * 8])))


def test_small_draws_are_drawn_many_at_a_time(monkeypatch):
    draws, filled, fill = cpu_random.Draws(get_backend("cpu").pool), [], philox.fill
    monkeypatch.setattr(philox, "fill", lambda out, *at, **more: filled.append(out.size) or fill(out, *at, **more))
    for i in range(100):
        draws.draw(philox.Place(1, 0, 2 * i), (4, 4), np.dtype("float32"), "numpy")
    assert 1 < len(filled) < 10 and filled[0] == 16


def test_a_draw_that_is_interrupted_leaves_the_stream_as_it_is(monkeypatch):
    def interrupted(words, out):
        raise KeyboardInterrupt

    whole = np.empty(40_000, np.float32)
    philox.fill(whole, philox.Place(3, 0, 0))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setitem(philox._MAKERS, np.dtype("float32"), interrupted)
        philox.fill(np.empty(40_000, np.float32), philox.Place(3, 0, 5000))
    rest = np.empty(8, np.float32)
    philox.fill(rest, philox.Place(3, 0, 10_000))
    np.testing.assert_array_equal(rest, of_numpy(philox.Place(3, 0, 10_000), 8, "float32"))


def test_draws_follow_each_other_without_a_gap_or_a_repetition():
    generator = Generator().manual_seed(11)
    parts = [generator.draw(get_backend("cpu"), (n,), np.dtype("float32")) for n in (8, 3, 16, 0, 8)]
    whole = of_numpy(philox.Place(11, 0, 0), 48, "float32")
    np.testing.assert_array_equal(np.concatenate(parts), np.r_[whole[:8], whole[8:11], whole[16:32], whole[32:40]])
    assert generator.get_offset() == 5


def test_threads_that_share_a_generator_draw_different_numbers():
    generator, drawn = Generator().manual_seed(1), []
    threads = [threading.Thread(target=lambda: drawn.extend(
        gradcore.rand(1, dtype="float64", generator=generator).item() for _ in range(300))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(np.sort(drawn), np.sort(of_numpy(philox.Place(1, 0, 0), 4800, "float64")[::4]))


# -- the CUDA kernel ------------------------------------------------------------------------------------------
@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 7, 8, 31, 32, 33, 2053])
def test_the_cuda_kernel_gives_numpys_stream(dtype, n):
    out, after = np.full(n + 8, 77, dtype), 77
    place = philox.Place(2 ** 64 - 1, 2 ** 63 + 5, 2 ** 40)
    launch(SOURCE, f"gradcore_random_{dtype}", 3, 16, [*map(np.uint64, place), np.uint64(0), np.int64(n), out])
    np.testing.assert_array_equal(out[:n], of_numpy(place, n, dtype))
    assert (out[n:] == after).all()


@needs_compiler
def test_recorded_cuda_kernels_draw_from_where_the_stream_has_moved_to():
    moved, out = np.zeros(3, np.uint64), np.empty(9, np.float32)
    launch(SOURCE, "gradcore_random_move", 1, 1, [*map(np.uint64, (7, 2, 2 ** 64 - 3)), moved])
    launch(SOURCE, "gradcore_random_float32", 1, 4, [*map(np.uint64, (1, 0, 10)), moved, np.int64(9), out])
    np.testing.assert_array_equal(out, of_numpy(philox.Place(7, 2, 7), 9, "float32"))


@pytest.mark.skipif(nvrtc.loaded() is None, reason="the wheel nvidia-cuda-nvrtc is not installed")
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90", "sm_100"])
def test_the_cuda_kernel_compiles(architecture):
    code = nvrtc.compiled(SOURCE, architecture)
    assert all(f"gradcore_random_{dtype}".encode() in code for dtype in DTYPES)


# -- what is made of it ---------------------------------------------------------------------------------------
def on(device, draw):
    """The draws of one seed as NumPy arrays."""
    gradcore.manual_seed(20)
    return [result.numpy() for result in draw(device)]


def everything(device):
    x = gradcore.linspace(-2.0, 2.0, 3001, device=device)
    weights = gradcore.linspace(0.0, 1.0, 50, device=device)
    yield gradcore.rand(1001, device=device)
    yield gradcore.rand(5, 7, dtype="float64", device=device)
    yield gradcore.randint(-5, 1000, (999,), device=device)
    yield gradcore.randint(-2 ** 62, 2 ** 62 - 1, (99,), device=device)
    yield gradcore.randperm(1003, device=device)
    yield dropout(x, 0.3)
    yield rrelu(x, training=True)
    yield gradcore.bernoulli(x.abs() / 2)
    yield weights.multinomial(300, replacement=True)
    yield weights.multinomial(20)
    yield gradcore.zeros(77, device=device).uniform_(-3, 5)
    yield gradcore.zeros(77, device=device, dtype="int16").random_()
    yield nn.Linear(13, 17, device=device).weight.detach()
    yield gradcore.randint_like(weights, 9)


def test_the_same_numbers_on_every_device(backend):
    for expected, found in zip(on("cpu", everything), on(backend.device, everything), strict=True):
        assert expected.dtype == found.dtype
        np.testing.assert_array_equal(expected, found)


def normal(device):
    yield gradcore.randn(100_001, device=device)
    yield gradcore.randn(1001, dtype="float64", device=device)
    yield gradcore.zeros(3, 5, device=device).exponential_(2.0)


def test_normal_numbers_agree_to_four_units_in_the_last_place(backend):
    for expected, found in zip(on("cpu", normal), on(backend.device, normal), strict=True):
        np.testing.assert_array_max_ulp(expected, found, 4)


@needs_compiler
def test_normal_numbers_of_native_kernels_agree(chosen_kernels):
    gradcore.set_cpu_kernels("numpy")
    expected = on("cpu", normal)
    gradcore.set_cpu_kernels("native")
    for one, other in zip(expected, on("cpu", normal), strict=True):
        np.testing.assert_array_max_ulp(one, other, 4)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3,), (2, 0), (3, 5)])
def test_normal_numbers_of_any_shape(backend, shape):
    x = gradcore.randn(shape, device=backend.device, generator=Generator().manual_seed(1), requires_grad=True)
    assert x.shape == shape and x.is_leaf and x.requires_grad
    u, v = of_numpy(philox.Place(1, 0, 0), 2 * ((x.numel() + 1) // 2), "float64").reshape(2, -1)
    radius, angle = np.sqrt(-2 * np.log(1 - u)), 2 * np.pi * v
    expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:x.numel()].reshape(shape)
    np.testing.assert_allclose(x.detach().numpy(), expected, rtol=1e-6)


def test_normal_numbers_are_the_same_in_every_dtype_and_normally_distributed():
    stats = pytest.importorskip("scipy.stats")
    double = gradcore.randn(200_000, dtype="float64", generator=Generator().manual_seed(2)).numpy()
    single = gradcore.randn(200_000, generator=Generator().manual_seed(2)).numpy()
    np.testing.assert_array_equal(double.astype(np.float32), single)
    assert stats.kstest(double, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(double[:100_000], double[100_000:])[0, 1]) < 0.02  # the two of a pair


def test_integers_are_even_over_their_range():
    counts = np.bincount(gradcore.randint(-3, 4, (70_000,), generator=Generator().manual_seed(1)).numpy() + 3)
    assert len(counts) == 7 and np.abs(counts - 10_000).max() < 500
    assert gradcore.randint(5, 6, (3,)).tolist() == [5, 5, 5]


def test_a_draw_in_a_graph_repeats_when_it_is_computed_again():
    x = gradcore.linspace(-1.0, 1.0, 1000, requires_grad=True)
    state = gradcore.get_rng_state()
    y = dropout(x, 0.5)
    y.sum().backward(retain_graph=True)
    once = x.grad.numpy().copy()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * once)
    gradcore.set_rng_state(state)
    np.testing.assert_array_equal(dropout(x, 0.5).numpy(), y.numpy())


# -- generators -----------------------------------------------------------------------------------------------
def test_a_named_generator_leaves_the_default_one_alone():
    before = gradcore.get_rng_state().tolist()
    generator, x = Generator().manual_seed(4), gradcore.full((50,), 0.5)
    draws = [lambda: gradcore.rand(5, generator=generator), lambda: gradcore.randn(5, generator=generator),
             lambda: gradcore.randint(5, (5,), generator=generator), lambda: gradcore.randperm(9, generator=generator),
             lambda: gradcore.rand_like(x, generator=generator), lambda: gradcore.randn_like(x, generator=generator),
             lambda: gradcore.randint_like(x, 7, generator=generator),
             lambda: gradcore.bernoulli(x, generator=generator), lambda: x.bernoulli(generator=generator),
             lambda: x.multinomial(2, generator=generator), lambda: x.multinomial(2, True, generator=generator),
             lambda: gradcore.normal(0.0, 1.0, (5,), generator=generator),
             lambda: gradcore.normal(x, x, generator=generator),
             *[lambda name=name: getattr(gradcore.full((50,), 0.5), name)(generator=generator) for name in
               ("normal_", "uniform_", "bernoulli_", "exponential_", "random_")]]
    for draw in draws:
        state = generator.get_state()
        first, second = draw().numpy(), draw().numpy()
        assert generator.get_offset() > state[2].item()
        generator.set_state(state)
        np.testing.assert_array_equal(draw().numpy(), first)
        np.testing.assert_array_equal(draw().numpy(), second)
    assert gradcore.get_rng_state().tolist() == before


def test_generators_are_pytorchs():
    generator = Generator()
    assert generator.manual_seed(-1) is generator and generator.initial_seed() == 2 ** 64 - 1
    assert generator.device == "cpu" and generator.get_state().dtype == gradcore.int64
    assert generator.seed() == generator.initial_seed() != Generator().initial_seed()
    assert gradcore.manual_seed(3) is gradcore.default_generator and gradcore.initial_seed() == 3
    assert gradcore.seed() == gradcore.random.initial_seed()
    assert isinstance(generator, gradcore.random.Generator)
    twin = generator.clone_state()
    generator.set_offset(10)
    assert (twin.get_offset(), generator.get_offset()) == (0, 10)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_generators_are_copied_and_pickled_at_their_place(copied):
    generator = Generator().manual_seed(8)
    gradcore.rand(100, generator=generator)
    other = copied(generator.split(3)), copied(generator)
    assert other[0].get_state().tolist() == [8, 3, 0]
    np.testing.assert_array_equal(gradcore.rand(5, generator=other[1]).numpy(),
                                  gradcore.rand(5, generator=generator).numpy())


def test_a_block_with_draws_of_its_own():
    gradcore.manual_seed(1)
    with gradcore.random.fork_rng():
        inside = gradcore.rand(5)
        gradcore.manual_seed(77)
    np.testing.assert_array_equal(gradcore.rand(5).numpy(), inside.numpy())
    with gradcore.random.fork_rng(devices=[], enabled=False):
        gradcore.manual_seed(77)
    assert gradcore.initial_seed() == 77


def test_the_names_of_cuda_mean_the_one_generator():
    gradcore.cuda.manual_seed(5)
    state = gradcore.cuda.get_rng_state()
    first = gradcore.rand(3).numpy()
    gradcore.cuda.set_rng_state(state)
    np.testing.assert_array_equal(gradcore.rand(3).numpy(), first)
    gradcore.cuda.manual_seed_all(6)
    assert gradcore.initial_seed() == gradcore.cuda.initial_seed() == 6
    gradcore.cuda.set_rng_state_all(gradcore.cuda.get_rng_state_all())
    np.testing.assert_array_equal(gradcore.rand(3).numpy(), of_numpy(philox.Place(6, 0, 0), 3, "float32"))


def test_processes_with_streams_of_their_own_share_their_initial_weights():
    def process(rank):
        gradcore.manual_seed(9)
        gradcore.random.use_stream(rank)
        weights, noise = [nn.Linear(4, 3).weight.tolist()], [dropout(gradcore.ones(20 + rank), 0.5).tolist()]
        weights.append(nn.Linear(4, 3).weight.tolist())
        state = gradcore.get_rng_state()
        more = gradcore.rand(3).tolist(), nn.Linear(2, 1).weight.tolist()
        gradcore.random.use_stream(None)
        gradcore.set_rng_state(state)
        assert more == (gradcore.rand(3).tolist(), nn.Linear(2, 1).weight.tolist())
        return weights, noise

    results = [process(rank) for rank in range(3)]
    assert results[0][0] == results[1][0] == results[2][0] and results[0][0][0] != results[0][0][1]
    assert len({str(noise[0][:20]) for _, noise in results}) == 3


def test_a_seed_costs_no_memory():
    import tracemalloc
    tracemalloc.start()
    gradcore.manual_seed(1)
    gradcore.rand(1)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("call, words", [
    (lambda: gradcore.rand(3, generator=np.random.default_rng()), "rand: `generator` must be a gradcore.Generator"),
    (lambda: gradcore.randint(3, 3, (2,)), "randint needs `low` below `high`.*3 and 3"),
    (lambda: gradcore.randint(0, 300, (2,), dtype="uint8"), "a tensor of uint8 holds 0 to 255; got 299"),
    (lambda: gradcore.randperm(-1), "randperm.*at least 0.*-1"),
    (lambda: gradcore.rand(2, dtype="int64"), "rand draws floats; got dtype int64"),
    (lambda: Generator().manual_seed(1.5), "manual_seed: `seed` must be an integer; got float"),
    (lambda: Generator().set_offset(-1), "set_offset.*-1"), (lambda: Generator().set_offset(2 ** 64), "set_offset"),
    (lambda: gradcore.random.use_stream(-1), "use_stream: processes are numbered from 0 on; got -1"),
    (lambda: Generator().split(-1), "split: streams are numbered from 0"),
    (lambda: Generator().set_state(Tensor([1.0, 2.0])), "set_state takes a state.*float32 of shape"),
    (lambda: gradcore.set_rng_state("x"), "set_rng_state: .new_state. must be a Tensor; got str"),
    (lambda: gradcore.normal(0.0, 1.0), "normal takes `size`"),
    (lambda: gradcore.zeros(2).exponential_(0), "exponential_ needs a rate above 0; got 0"),
])
def test_refusals_in_words_that_change_nothing(call, words):
    before = gradcore.get_rng_state().tolist()
    with pytest.raises((TypeError, ValueError, OverflowError), match=words):
        call()
    assert gradcore.get_rng_state().tolist() == before
