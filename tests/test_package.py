"""What holds of the whole package: its layers, its exports, its errors, and what it costs to import."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spk
from spk import errors

ROOT = Path(spk.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(ROOT)], "spk.")
    if not re.search(r"__main__|_torch$|\.versions\.", module.name)
)
HEAVY = {"faiss", "onnxruntime", "openvino", "qdrant_client", "scipy", "sklearn", "speechbrain", "sqlalchemy", "torch"}


@pytest.mark.parametrize("name", MODULES)
def test_exports_are_sorted_and_exist(name):
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        assert not hasattr(module, "__path__") or own(module) == [], f"{name} defines {own(module)}, and no __all__"
        return
    assert len(set(exported)) == len(exported)
    # As ruff sorts them: constants, then classes, then the rest.
    assert exported == sorted(exported, key=lambda entry: (not entry.isupper(), not entry[0].isupper(), entry))
    for entry in exported:
        assert hasattr(module, entry), f"{name} has no {entry}"


def own(module) -> list[str]:
    """The functions and classes that a module itself defines."""
    return [
        member
        for member, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module.__name__
    ]


def test_the_tree_of_errors_is_the_one_drawn():
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in inspect.cleandoc(errors.__doc__).splitlines():
        if found := re.match(r"([│├└─\s]*)(\w+)\b", line) if "Error" in line else None:
            depth = len(found[1].removeprefix("    ")) // 4
            above[depth:] = [found[2]]
            if depth:
                drawn[found[2]] = above[depth - 1]
    real = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value is not errors.SpkError and issubclass(value, errors.SpkError)
    }
    assert drawn == real
    assert sorted(errors.__all__) == sorted([*real, "SpkError", "retold"])


def test_layers():
    pytest.importorskip("importlinter")
    if not (ROOT.parent / "pyproject.toml").is_file():
        pytest.skip("installed: the contract lies beside the source")
    lint = "import sys; from importlinter.cli import lint_imports as lint; sys.exit(lint(sys.argv[1], no_cache=True))"
    # In a process of its own, since it silences all loggers that are there.
    command = [sys.executable, "-c", lint, ROOT.parent / "pyproject.toml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["spk", "spk.cli", "spk.config", "spk.embed", "spk.identify", "spk.diarize"])
def test_importing_is_light(name):
    code = f"import sys, {name}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_prints_no_asserts_no_pickles(source):
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.Assert), f"{source}:{node.lineno}: assert"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"{source}:{node.lineno}: bare except"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"print", "eval", "exec", "pickle.load", "pickle.loads"}, f"{source}:{node.lineno}"
            if called == "torch.load":
                assert "weights_only=True" in ast.unparse(node), f"{source}:{node.lineno}: unpickles"
