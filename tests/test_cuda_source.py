"""The CUDA C++ of every kernel compiles for real architectures, by NVRTC from its wheel: no GPU is needed."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import numpy as np
import pytest

import nvrtc
from gradcore.backends import Kernel
from gradcore.backends.cuda import indexing, products, random, reductions, row_source, source
from gradcore.backends.cuda.combining import COMBINING
from gradcore.backends.cuda.compiler import OPTIONS
from gradcore.backends.cuda.row_launcher import sharing
from gradcore.backends.cuda.row_source import RowVariant
from gradcore.backends.cuda.several import launches_of
from gradcore.backends.formulas.cpp import TYPES, identifier
from gradcore.backends.formulas.expression import Symbol, apply
from gradcore.backends.formulas.row_run import plan_of
from gradcore.optim import adam, adam_variants, adaptive, bounded, sgd
from kernels import everything, primitives, row_kernels

needs_nvrtc = pytest.mark.skipif(nvrtc.loaded() is None, reason="the wheel nvidia-cuda-nvrtc is not installed")

KERNELS = everything()
DTYPES = ("float16", "float32", "float64")
FORMS = (None, (2, "int"), (3, "long long"))  # contiguous, and strided ones
# Rows of a few elements, of one warp, of a block, and of any length; and across memory.
SHARINGS = [(10, False), (500, False), (4000, False), (50_000, False), (40, True), (500, True), (5000, True)]
REDUCTIONS = {f"reduced by {name}": reductions.kernel_of(name) for name in ("sum", "max", "min")}
ROW_KERNELS = {**row_kernels(), **REDUCTIONS}
ROW_PRELUDE = source.PRELUDE + COMBINING


def texts(kernel: Kernel) -> list[str]:
    """Those of a kernel for every dtype and form of its arrays."""
    variants = [source.Variant.contiguous(kernel, dtype) for dtype in DTYPES]
    return [source.source_of(kernel, dataclasses.replace(variant, strided=form)) for variant in variants
            for form in FORMS]


def row_texts(kernel: Kernel) -> list[str]:
    """Those of a row kernel for every dtype and way to share a row, and for those of reductions in parts."""
    found, varies = [], tuple([not symbol.is_row for symbol in kernel.inputs])
    for i, ((n, across), name) in enumerate(itertools.product(SHARINGS, DTYPES)):
        dtype, compute = np.dtype(name), np.dtype("float32" if name == "float16" else name)
        for in_parts in [False, True][:1 + (kernel in REDUCTIONS.values() and n in (500, 4000))]:
            rows, lanes, each = sharing(n, across)
            variant = RowVariant(compute, dtype, (dtype,) * len(varies), varies, (1 + i % 2, 1 + i // 2 % 2), rows,
                                 lanes, across, each, in_parts)
            found.append(row_source.source_of(kernel, plan_of(kernel), variant))
    return found


def compile_all(found: list[tuple[str, str]], options: tuple[str, ...] = ()) -> list[bytes]:
    """The machine code of texts, each with an architecture."""
    with ThreadPoolExecutor() as pool:  # NVRTC runs beside itself
        return list(pool.map(lambda given: nvrtc.compiled(*given, (*OPTIONS, *options)), found))


def compile_product(kernels: list[Kernel], texts_of: Callable, prelude: str, architecture: str) -> None:
    """Every text of each kernel, those of a few kernels as one; without what only makes machine code fast."""
    named = [[(text, identifier(kernel)) for text in texts_of(kernel)] for kernel in kernels]
    batches = [list(itertools.chain(*named[i:i + 4])) for i in range(0, len(named), 4)]
    codes = compile_all([(nvrtc.together(prelude, batch), architecture) for batch in batches], nvrtc.quickly())
    for batch, code in zip(batches, codes, strict=True):
        assert all(f"{name}_{i}".encode() in code for i, (_, name) in enumerate(batch))


@needs_nvrtc
@pytest.mark.parametrize("part", range(6))
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_every_kernel_compiles_in_every_form_for_every_architecture(architecture, part):
    compile_product(list(KERNELS.values())[part::6], texts, source.PRELUDE, architecture)


@needs_nvrtc
@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_every_row_kernel_compiles_in_every_form_for_every_architecture(architecture, part):
    compile_product(list(ROW_KERNELS.values())[part::3], row_texts, ROW_PRELUDE, architecture)


@needs_nvrtc
@pytest.mark.parametrize("kernels, texts_of", [(list(KERNELS.values())[::3], texts),
                                               (list(ROW_KERNELS.values()), row_texts)], ids=["elements", "rows"])
def test_texts_alone_compile_as_they_are_launched(kernels, texts_of):
    """With the options of a launch: one text of a kernel, for one dtype, form and architecture after another."""
    found = []
    for turn, kernel in enumerate(kernels):
        every = texts_of(kernel)
        found.append((every[turn % len(every)], nvrtc.ARCHITECTURES[turn // 5 % 3]))
    codes = compile_all(found)
    assert all(identifier(kernel).encode() in code for kernel, code in zip(kernels, codes, strict=True))


@needs_nvrtc
@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_products_of_matrices_and_random_numbers_compile(architecture):
    found = [products.text_of(np.dtype(dtype), ndim, each) for dtype in DTYPES for ndim in (1, 2) for each in (1, 4)]
    assert all(compile_all([(text, architecture) for text in [*found, random.SOURCE]]))


@needs_nvrtc
@pytest.mark.parametrize("dtype", TYPES)
def test_indexing_compiles(dtype):
    """Every dtype and action; index dtypes, dimensions and architectures by turns."""
    indices = [np.dtype(name) for name in ("int64", "int32", "uint8", "int8", "uint64")]
    turn = list(TYPES).index(dtype)
    for i, (action, reads) in enumerate([("take", 0), ("put", 0), ("put", 1), ("add", 0), ("add", 1)]):
        index_dtypes = [indices[(turn + i) % 5]] * (1 + i % 2)
        text = indexing.text_of(action, np.dtype(dtype), index_dtypes, 1 + i % 3, bool(reads))
        assert nvrtc.compiled(text, nvrtc.ARCHITECTURES[(turn + i) % 3], OPTIONS)


@needs_nvrtc
@pytest.mark.parametrize("name", [name for name, kernel in primitives().items() if kernel.keeps_integers])
def test_integer_kernels_compile(name):
    dtypes = ("bool", "uint8", "int32", "int64")
    assert all(compile_all([(source.source(KERNELS[name], dtype), "sm_80") for dtype in dtypes]))


@needs_nvrtc
def test_inputs_of_several_dtypes_compile_and_numbers_are_passed_by_value():
    float16, float32 = np.dtype("float16"), np.dtype("float32")
    variant = source.Variant(float32, float16, (float16, float32, None), (False, True, False))
    text = source.source_of(primitives()["where"], variant)
    assert "const double number_in2, const float16* array_in0, const float* array_in1" in text
    assert nvrtc.compiled(text, "sm_90", OPTIONS)


STEPS = {name: operation for module in (sgd, adam, adam_variants, adaptive, bounded)
         for name, operation in vars(module).items() if name.endswith("_step")}


@needs_nvrtc
@pytest.mark.parametrize("name", STEPS)
def test_kernels_for_several_calls_compile(name):
    kernel = STEPS[name].kernel
    variant = dataclasses.replace(source.Variant.contiguous(kernel, "float32"), table=launches_of(kernel))
    assert all(compile_all([(source.source_of(kernel, variant), name) for name in nvrtc.ARCHITECTURES]))
    calls, arrays = launches_of(kernel), len(kernel.inputs) + len(kernel.outputs)
    assert calls >= 24 and 8 * (1 + calls * (3 + arrays) + len(kernel.constants)) <= 4096  # bytes of its parameters


@needs_nvrtc
@pytest.mark.parametrize("dtype, count, letters", [("float16", 8, "v4.u32"), ("float32", 4, "v4.u32"),
                                                   ("float64", 2, "v2.f64"), ("int64", 2, "v2.u64")])
def test_sixteen_bytes_are_read_and_written_at_once(dtype, count, letters):
    text = source.source(primitives()["abs"], dtype)
    assert f"pack<{TYPES[dtype]}, {count}>" in text
    code = nvrtc.compiled(text, "compute_90", OPTIONS).decode()
    assert f"ld.global.{letters}" in code and "st.global.v" in code


@needs_nvrtc
def test_numbers_close_to_zero_are_not_flushed():
    text = source.source(primitives()["multiply"], "float32")
    assert ".ftz." not in nvrtc.compiled(text, "compute_90", OPTIONS).decode()
    assert ".ftz." in nvrtc.compiled(text, "compute_90", (*OPTIONS, "-ftz=true")).decode()  # as CuPy compiles


@needs_nvrtc
def test_an_error_in_the_source_is_found():
    with pytest.raises(AssertionError, match="error"):
        nvrtc.compiled(source.source(KERNELS["exp"], "float32").replace(" exp(", " no_function("), "sm_80")


def test_the_text_needs_no_cupy():
    program = ("import sys; from gradcore.backends import Kernel; from gradcore.backends.cuda import source;"
               "print(source.source(Kernel.of_primitive('sigmoid'), 'float16')); assert 'cupy' not in sys.modules")
    text = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "extern \"C\" __global__ void __launch_bounds__(256) gradcore_sigmoid(" in text
    assert "using real = float;" in text and "const float16* array_in0" in text  # float16 computes in float32


def test_no_name_of_the_users_is_in_the_text():
    x, scale = Symbol.array("class"), Symbol.constant("scale")
    kernel = Kernel("<lambda>", (x,), (scale,), (x * scale, x > 0))
    variant = source.Variant(np.dtype("float32"), np.dtype("float16"), (np.dtype("int64"),), (False,))
    text = source.source_of(kernel, variant)[len(source.PRELUDE):]
    assert "gradcore__lambda_(const long long n, const double number_c0, const long long* array_in0, " \
           "float16* array_out0, bool* array_out1)" in text
    assert "class" not in text and "scale" not in text


def test_the_kernel_of_a_number_and_an_integer_is_the_dtype_asked_for():
    kernel = Kernel("halved", (Symbol.array("x"),), (), (apply("multiply", 0.5, Symbol.array("x")),))
    assert "using real = float;" in source.source(kernel, "int32")
    assert "using real = double;" in source.source(kernel, "float64")
    assert "using real = int;" in source.source(primitives()["add"], "int32")
