"""What a user gets: a wheel that holds the package alone and works elsewhere, and a light import."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import gradcore
from library import ROOT, modules

# Used from another folder, with the wheel alone on the path.
USE = """
import gradcore, gradcore.backends, gradcore.nn, gradcore.optim, gradcore.data, gradcore.utils
from gradcore.functions import swish
x = gradcore.Tensor([-1.0, 0.0, 2.0], requires_grad=True)
swish(x).sum().backward()
assert abs(x.grad.numpy()[1] - 0.5) < 1e-6
print(gradcore.__file__, gradcore.backends.__file__, sep="\\n")
"""


def _python(code: str, *path: Path, folder: Path) -> str:
    """What `code` prints in a fresh interpreter that finds modules in `path` besides the installed ones."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", *arguments, "-q", "--no-deps", "--no-index"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built of a copy, so that nothing is left in the checkout and nothing old gets in."""
    pytest.importorskip("setuptools", minversion="77", reason="building a wheel needs setuptools, of the extra `test`")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("gradcore", "backends", "benchmarks", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _pip("wheel", str(source), "--no-build-isolation", "--wheel-dir", str(target))
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gradcore"}
    expected = {name.replace(".", "/") + ("/__init__" if path.name == "__init__.py" else "") + ".py"
                for name, path in modules().items()}
    assert {name for name in names if name.startswith("gradcore/")} == expected | {
        "gradcore/py.typed", "gradcore/core/members.pyi"}


def test_the_wheel_works_elsewhere(wheel, tmp_path):
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    _pip("install", str(wheel), "--target", str(site))
    used = _python(USE, site, folder=elsewhere).split()
    assert used == [str(site / "gradcore" / "__init__.py"), str(site / "gradcore" / "backends" / "__init__.py")]


def test_a_bare_checkout_works_without_an_install(tmp_path):
    used = _python(USE, ROOT, folder=tmp_path).split()
    assert used == [str(ROOT / "gradcore" / "__init__.py"), str(ROOT / "backends" / "__init__.py")]


def test_a_checkout_lends_the_package_no_folder_but_backends():
    """A search of all modules, as `pydoc -k` makes, would find gradcore in gradcore, and never end."""
    assert list(gradcore.__path__) == [str(ROOT / "gradcore")]
    assert importlib.util.find_spec("gradcore.tests") is None and gradcore.backends.__name__ in sys.modules


@pytest.mark.parametrize("optional", ["cupy", "matplotlib", "torch", "sklearn", "tqdm", "mpi4py"])
def test_the_import_is_light(optional, tmp_path):
    code = "import sys, gradcore, gradcore.functions, gradcore.nn, gradcore.optim, gradcore.data, gradcore.utils\n" \
           f"print({optional!r} in sys.modules)"
    assert _python(code, ROOT, folder=tmp_path).strip() == "False"


def _listed() -> list[str]:
    """All files of the project."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).exists()]


def test_a_source_distribution_holds_all_that_its_tests_need(tmp_path):
    pytest.importorskip("setuptools", minversion="77", reason="building needs setuptools, of the extra `test`")
    source = tmp_path / "source"
    for name in _listed():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = "from setuptools import build_meta; build_meta.build_sdist('..')"
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    (built,) = tmp_path.glob("*.tar.gz")
    names = {name.partition("/")[2] for name in tarfile.open(built).getnames()}
    assert {*_listed()} - names == {".gitignore"}


def test_the_top_level_is_tidy():
    allowed = {"gradcore", "backends", "benchmarks", "tests", "setup.cfg", "README.md", "pyproject.toml", "LICENSE",
               ".gitignore", ".ci", ".github", "docs", "CHANGELOG.md", "CONTRIBUTING.md", "MANIFEST.in"}
    assert {name.split("/")[0] for name in _listed()} <= allowed


def test_the_reference_is_made_without_a_warning(tmp_path):
    """Of a few rooms here: of all it takes half a minute."""
    pytest.importorskip("sphinx", reason="sphinx is not installed (the extra docs brings it)")
    folder = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("_build", "api", "__pycache__"))
    rooms = ["gradcore.interop", "gradcore.linalg", "gradcore.func", "gradcore.utils.data", "gradcore.random"]
    with open(folder / "reference.py", "a", encoding="utf-8") as file:
        file.write(f"\nROOMS = {rooms}\n")
    made = subprocess.run([sys.executable, "-m", "sphinx", "-W", "-q", folder, folder / "_build"], cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert (made.returncode, made.stderr) == (0, "")
    page = (folder / "_build" / "api" / "gradcore.func.html").read_text(encoding="utf-8")
    assert "the dimension of samples in the results." in page and "<em>the dimension of samples" not in page
