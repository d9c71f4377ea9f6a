"""The CUDA C++ of every kernel compiles for real architectures, by NVRTC from its wheel: no GPU is needed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nvrtc
from gradcore.backends import Kernel
from gradcore.backends.cuda import source
from gradcore.backends.formulas.cpp import identifier
from gradcore.backends.formulas.expression import Symbol, apply
from kernels import everything, primitives

needs_nvrtc = pytest.mark.skipif(nvrtc.loaded() is None, reason="the wheel nvidia-cuda-nvrtc is not installed")

KERNELS = everything()
COMBINATIONS = [(dtype, architecture) for dtype in ("float16", "float32", "float64")
                for architecture in ("sm_80", "sm_90")]


def compile_all(kernel: Kernel, combinations: list[tuple[str, str]]) -> None:
    def one(dtype: str, architecture: str) -> bytes:
        return nvrtc.compiled(source.source(kernel, dtype), architecture, source.OPTIONS)

    with ThreadPoolExecutor() as pool:  # NVRTC runs beside itself
        codes = list(pool.map(one, *zip(*combinations)))
    assert all(identifier(kernel).encode() in code for code in codes)


@needs_nvrtc
@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_compiles(name):
    built_in = not name.startswith("my_") and name not in primitives()
    compile_all(KERNELS[name], COMBINATIONS if built_in else COMBINATIONS[::-3])


@needs_nvrtc
@pytest.mark.parametrize("name", [name for name, kernel in primitives().items() if kernel.keeps_integers])
def test_integer_kernels_compile(name):
    compile_all(KERNELS[name], [(dtype, "sm_80") for dtype in ("bool", "uint8", "int32", "int64")])


@needs_nvrtc
def test_inputs_of_several_dtypes_compile_and_numbers_are_passed_by_value():
    kernel, dtypes = KERNELS["my_prelu"], (np.dtype("float16"), None)
    text = source.source_of(kernel, np.dtype("float32"), np.dtype("float16"), dtypes)
    assert "const float16* array_in0, const float in1" in text
    assert nvrtc.compiled(text, "sm_90", source.OPTIONS)


@needs_nvrtc
def test_an_error_in_the_source_is_found():
    with pytest.raises(AssertionError, match="error"):
        nvrtc.compiled(source.source(KERNELS["exp"], "float32").replace("exp(", "no_function("), "sm_80")


def test_the_text_needs_no_cupy():
    program = ("import sys; from gradcore.backends import Kernel; from gradcore.backends.cuda import source;"
               "print(source.source(Kernel.of_primitive('sigmoid'), 'float16')); assert 'cupy' not in sys.modules")
    text = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "extern \"C\" __global__ void gradcore_sigmoid(" in text
    assert "using real = float;" in text and "const float16* array_in0" in text  # float16 computes in float32


def test_the_arguments_of_an_elementwise_kernel():
    x, scale = Symbol.array("class"), Symbol.constant("scale")
    kernel = Kernel("<lambda>", (x,), (scale,), (x * scale, x > 0))
    parts = source.parts(kernel, np.dtype("float32"), np.dtype("float16"), (np.dtype("int64"),))
    assert parts.in_params == "int64 in0, float32 c0"
    assert parts.out_params == "float16 out0, bool out1"
    assert parts.name == "gradcore__lambda_"
    assert "class" not in parts.operation and "scale" not in parts.operation
    assert parts.operation in source.source(kernel, "float16").replace(" " * 8, "")


def test_the_kernel_of_a_number_and_an_integer_is_the_dtype_asked_for():
    kernel = Kernel("halved", (Symbol.array("x"),), (), (apply("multiply", 0.5, Symbol.array("x")),))
    assert "using real = float;" in source.source(kernel, "int32")
    assert "using real = double;" in source.source(kernel, "float64")
    assert "using real = int;" in source.source(primitives()["add"], "int32")
