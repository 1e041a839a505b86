"""The set-up script, on environments whose Python is a small shell script."""

import importlib.util
import json
import re
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("setup", monkeypatch)


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A program in tools/ as a module, for one test."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def put_pip(venv: Path, script: str) -> None:
    """An environment whose `python -m pip …` notes its arguments and runs `script`."""
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").touch()
    python = venv / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >> "{venv}/calls"\n{script}\n')
    python.chmod(0o755)


def calls(venv: Path) -> list[str]:
    path = venv / "calls"
    return path.read_text().splitlines() if path.exists() else []


NO_TORCH = 'echo "ERROR: No matching distribution found for torch==2.13.0+cpu"; exit 1'


# --- The locks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_pins_every_package_by_hash_and_names_no_place(lock: Path) -> None:
    text = re.sub(r"^#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    entries = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
    assert [e.splitlines()[0] for e in entries if "==" not in e or "--hash=sha256:" not in e] == []
    assert re.findall(r"https?:|file:|--index|--find-links| @ ", text) == []


def test_no_lock_names_a_cuda_package() -> None:
    names = {line.split("==")[0] for path in LOCKS for line in path.read_text().splitlines()}
    assert [name for name in sorted(names) if re.match("nvidia|cuda|triton", name)] == []


def test_torch_of_the_general_lock_is_for_macos_alone() -> None:
    lines = (ROOT / "requirements" / "run.lock").read_text().splitlines()
    assert [line for line in lines if line.startswith("torch==")] == [
        "torch==2.13.0 ; sys_platform == 'darwin' \\"
    ]


# --- A second run --------------------------------------------------------------------------------


def stamp(setup: ModuleType, venv: Path, **changes: object) -> None:
    done = {
        "locks": setup.wanted_locks(False),
        "project": [setup.sha256(ROOT / "pyproject.toml"), str(ROOT)],
    }
    (venv / setup.STAMP).write_text(json.dumps({**done, **changes}))


def test_a_second_run_does_nothing(setup: ModuleType, tmp_path: Path) -> None:
    put_pip(tmp_path / "venv", "exit 1")
    stamp(setup, tmp_path / "venv")
    setup.set_up(tmp_path / "venv", with_tests=False)
    assert calls(tmp_path / "venv") == []


def test_an_environment_of_another_clone_is_pointed_here(setup: ModuleType, tmp_path: Path) -> None:
    put_pip(tmp_path / "venv", "exit 0")
    stamp(setup, tmp_path / "venv", project=["same", "/another/clone"])
    setup.set_up(tmp_path / "venv", with_tests=False)
    assert len(calls(tmp_path / "venv")) == 1
    assert calls(tmp_path / "venv")[0].endswith(f"-e {ROOT}")


def test_the_tests_add_only_their_own_packages(setup: ModuleType, tmp_path: Path) -> None:
    put_pip(tmp_path / "venv", "exit 0")
    stamp(setup, tmp_path / "venv")
    setup.set_up(tmp_path / "venv", with_tests=True)
    installed, checked, project = calls(tmp_path / "venv")
    assert installed.endswith("test.lock")
    assert checked.endswith("check")
    assert project.endswith(f"-e {ROOT}")
    assert set(setup.read_stamp(tmp_path / "venv")["locks"]) == set(setup.wanted_locks(True))


def test_a_folder_that_is_no_environment_is_left_alone(setup: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(setup.Stop, match="is not a virtual environment"):
        setup.make_venv(tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"


# --- Clear messages ------------------------------------------------------------------------------


def test_another_python_is_told_which_ones_work(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup.sys, "version_info", (3, 14, 0))
    with pytest.raises(
        setup.Stop, match=r"is Python 3\.14; Strongroom needs 3\.11, 3\.12 or 3\.13"
    ):
        setup.check_python()


def test_a_missing_compiler_is_told_how_to_get_one(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/nowhere/cc")
    with pytest.raises(setup.Stop, match=r"(?s)no C compiler.*apt install build-essential"):
        setup.check_compilers()


def test_too_little_disk_is_told_where(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(setup, "NEEDED_BYTES", 1 << 60)
    with pytest.raises(setup.Stop, match=rf"{tmp_path} has .* GB free; set-up needs"):
        setup.check_space(tmp_path / "not yet" / "venv")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS", "hash differs"),
        ("ERROR: No matching distribution found for click==8", "Check the network"),
        ("error: something else", "error: something else"),
    ],
)
def test_a_failure_of_pip_names_its_cause(
    setup: ModuleType, tmp_path: Path, said: str, message: str
) -> None:
    put_pip(tmp_path / "venv", f'echo "{said}"; exit 1')
    with pytest.raises(setup.Stop, match=message):
        setup.pip(tmp_path / "venv", "packages", ["install", "x"])


def test_the_compile_is_announced_with_its_steps(
    setup: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = (
        'echo "Building wheels for collected packages: llama-cpp-python"; echo "  [7/140] cc x"'
    )
    put_pip(tmp_path / "venv", script)
    setup.pip(tmp_path / "venv", "packages", ["install", "x"], 2)
    printed = capsys.readouterr().out
    assert "about 3 to 8 minutes on two cores" in printed
    assert "step 7 of 140" in printed


# --- torch without CUDA --------------------------------------------------------------------------


def test_torch_comes_from_pip_as_configured_when_it_is_there(
    setup: ModuleType, tmp_path: Path
) -> None:
    put_pip(tmp_path / "venv", "exit 0")
    setup.install_lock(tmp_path / "venv", "torch")
    assert [call for call in calls(tmp_path / "venv") if "--extra-index-url" in call] == []
    assert "--require-hashes" in calls(tmp_path / "venv")[0]


def test_torch_is_looked_for_on_its_own_index_next(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_INDEX", "file:///an/index")
    put_pip(tmp_path / "venv", f'case "$*" in *extra-index*) exit 0;; esac; {NO_TORCH}')
    setup.install_lock(tmp_path / "venv", "torch")
    assert len(calls(tmp_path / "venv")) == 2
    assert calls(tmp_path / "venv")[1].endswith("--extra-index-url file:///an/index")


@pytest.mark.parametrize(("index", "n_calls"), [("file:///an/index", 2), ("", 1)])
def test_no_other_build_of_torch_is_ever_taken(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str, n_calls: int
) -> None:
    monkeypatch.setenv("TORCH_INDEX", index)
    put_pip(tmp_path / "venv", NO_TORCH)
    with pytest.raises(setup.Stop, match=r"(?s)No build of torch 2\.13\.0\+cpu.*PIP_FIND_LINKS="):
        setup.install_lock(tmp_path / "venv", "torch")
    assert len(calls(tmp_path / "venv")) == n_calls
    assert all("torch.lock" in call for call in calls(tmp_path / "venv"))


# --- A machine without a network -----------------------------------------------------------------


@pytest.fixture
def bundle(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """It imports `setup`, which is the fixture's."""
    return load("bundle", monkeypatch)


@pytest.fixture
def clone(setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources with other weights, and a library that must not leave."""
    root = tmp_path / "clone"
    for name in ("app.py", "Makefile", "README.md", "rag/a.py", "rag/__pycache__/a.pyc"):
        put(root / name)
    for name in ("models/catalog.toml", "models/large.gguf", "models/.verified.json"):
        put(root / name)
    for name in ("data/README.md", "data/library/library.db", ".venv/pyvenv.cfg", "secret.txt"):
        put(root / name)
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml"):
        put(root / name)
    for name in ("benchmarks", "docs", "requirements", ".streamlit", "tests", "tools"):
        put(root / name / "file")
    monkeypatch.setattr(setup, "ROOT", root)
    monkeypatch.setattr(setup, "PACKAGES", root / "packages")
    return root


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.name)


DOWNLOADED = 'while [ "$1" != --dest ]; do shift; done; echo wheel > "$2/$(basename "$4").whl"'


def test_a_bundle_has_sources_packages_and_weights_and_nothing_of_a_library(
    bundle: ModuleType, clone: Path, tmp_path: Path
) -> None:
    venv, out = tmp_path / "venv", tmp_path / "out.tar"
    put_pip(venv, DOWNLOADED)

    bundle.bundle(venv, out)

    with tarfile.open(out) as tar:
        names = {name.removeprefix("strongroom/") for name in tar.getnames()}
    assert {"Makefile", "rag/a.py", "models/large.gguf", "data/README.md"} <= names
    assert {"packages/build.lock.whl", "packages/run.lock.whl"} <= names
    left = ("library", "secret", "pyvenv", "pyc", ".verified")
    assert not [name for name in names if any(part in name for part in left)]
    assert all("--require-hashes" in call for call in calls(venv))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clone", "out.tar", "venv"]


def test_a_bundle_that_cannot_be_made_leaves_none(
    bundle: ModuleType,
    clone: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put_pip(tmp_path / "venv", "echo 'ERROR: Connection refused'; exit 1")
    arguments = ["--venv", str(tmp_path / "venv"), "--out", str(tmp_path / "out.tar")]
    monkeypatch.setattr(sys, "argv", ["bundle.py", *arguments])

    assert bundle.main() == 1

    assert "Check the network" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clone", "venv"]


def test_packages_that_were_brought_along_are_taken_and_no_index_is_asked(
    setup: ModuleType, clone: Path, tmp_path: Path
) -> None:
    put(clone / "packages" / "one.whl")
    put_pip(tmp_path / "venv", "exit 0")

    setup.install_lock(tmp_path / "venv", "torch")

    (call,) = calls(tmp_path / "venv")
    assert f"--no-index --find-links {clone / 'packages'}" in call


def test_packages_for_another_python_are_told_so(
    setup: ModuleType, clone: Path, tmp_path: Path
) -> None:
    put(clone / "packages" / "one.whl")
    put_pip(tmp_path / "venv", NO_TORCH)

    with pytest.raises(setup.Stop, match="machines like the one it was made on"):
        setup.install_lock(tmp_path / "venv", "torch")
