#!/usr/bin/env python3
"""Make the environment that Strongroom runs in, from the locks in requirements/.

    python3 tools/setup.py [--venv DIR] [--test]

Standard library only. A stamp in the environment says which locks it was made from, so a second
run does nothing. Where there is a folder packages/, as `make bundle` puts one into what it makes,
packages are taken from there and no index is asked. The syntax stays readable to Python 3.8: an old
interpreter must get as far as the message about itself. TORCH_INDEX names the package index that is
asked for the CPU build of torch where pip, as it is configured, finds none; set it to nothing to
ask no other index.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
PACKAGES = ROOT / "packages"
STAMP = "strongroom.json"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
NEEDED_BYTES = 4 << 30
TEMPORARY_BYTES = 1 << 30

DISK = "No space left on device|Disk quota exceeded"
ALTERED = "DO NOT MATCH THE HASHES"
NOT_FOUND = "No matching distribution found"
NETWORK = (
    "NewConnectionError|NameResolutionError|ConnectTimeout|Read timed out|ProxyError|SSLError"
    f"|Connection refused|Network is unreachable|{NOT_FOUND}"
)


class Stop(Exception):
    """What went wrong and what to do next, for the person."""


class PipFailed(Exception):
    """pip found nothing that matches."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the environment that Strongroom runs in.")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--test", action="store_true", help="with what the tests need")
    options = parser.parse_args()
    try:
        set_up(options.venv.absolute(), with_tests=options.test)
    except Stop as stop:
        print(f"\nSet-up stopped. {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up was interrupted. Run it again to go on.", file=sys.stderr)
        return 130
    return 0


def set_up(venv: Path, *, with_tests: bool) -> None:
    started = time.monotonic()
    locks = wanted_locks(with_tests)
    have = read_stamp(venv)
    done = have.get("locks", {})
    if any(done.get(name, digest) != digest for name, digest in locks.items()) or not done:
        check_machine(venv)
        make_venv(venv)
        done = {}
    missing = [name for name in locks if name not in done]
    for name in missing:
        install_lock(venv, name)
    if missing:
        pip(venv, "checking", ["check"])
        write_stamp(venv, {"locks": {**done, **locks}})
    project = [sha256(ROOT / "pyproject.toml"), str(ROOT)]
    if missing or have.get("project") != project:
        pip(venv, "installing strongroom", [*INSTALL, "--no-build-isolation", "-e", str(ROOT)])
        write_stamp(venv, {"locks": {**done, **locks}, "project": project})
    if missing:
        print(f"The environment {venv} is ready after {clock(time.monotonic() - started)}.")


# --- What is there, what is wanted ---------------------------------------------------------------


def wanted_locks(with_tests: bool) -> dict[str, str]:
    """Lock names in the order of installing, with the digest of each."""
    names = ["build", *(["torch"] if sys.platform == "linux" else []), "run"]
    names += ["test"] if with_tests else []
    return {name: sha256(lock_path(name)) for name in names}


def lock_path(name: str) -> Path:
    return REQUIREMENTS / f"{name}.lock"


def sha256(path: Path) -> str:
    """Of the file without its comments."""
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.lstrip().startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def read_stamp(venv: Path) -> dict[str, Any]:
    if not python_of(venv).exists():
        return {}
    try:
        return dict(json.loads((venv / STAMP).read_text()))
    except (OSError, ValueError):
        return {}


def write_stamp(venv: Path, stamp: dict[str, Any]) -> None:
    (venv / STAMP).write_text(json.dumps(stamp, indent=1))


def python_of(venv: Path) -> Path:
    return venv / "bin" / "python"


# --- Can this machine do it ----------------------------------------------------------------------


def check_machine(venv: Path) -> None:
    check_python()
    check_platform()
    check_compilers()
    check_space(venv)


def check_python() -> None:
    found = sys.version_info[:2]
    if not (3, 11) <= found < (3, 14):
        raise Stop(
            f"{sys.executable} is Python {found[0]}.{found[1]}; "
            "Strongroom needs 3.11, 3.12 or 3.13.\n"
            "Install one of them and name it: make run PYTHON=/path/to/python3.12"
        )
    if importlib.util.find_spec("ensurepip") is None:
        raise Stop(
            f"{sys.executable} comes without the venv module.\n"
            f"On Debian and Ubuntu: sudo apt install python{found[0]}.{found[1]}-venv"
        )


def check_platform() -> None:
    machine = platform.machine()
    supported = {"linux": ("x86_64", "aarch64"), "darwin": ("arm64",)}
    if machine not in supported.get(sys.platform, ()):
        raise Stop(
            f"This is {platform.system()} on {machine}. The packages that Strongroom needs exist "
            "for Linux on x86-64 and arm64 and for macOS on Apple silicon.\n"
            "On Windows, use the Linux subsystem (WSL). On a Mac, use a Python built for arm64."
        )


def check_compilers() -> None:
    for language, variable, names in (
        ("C", "CC", ("cc", "gcc", "clang")),
        ("C++", "CXX", ("c++", "g++", "clang++")),
    ):
        chosen = os.environ.get(variable)
        if not any(runs(name) for name in ([chosen] if chosen else names)):
            raise Stop(
                f"There is no {language} compiler ({chosen or ', '.join(names)}), and "
                "llama-cpp-python has to be compiled here.\n"
                "Debian, Ubuntu: sudo apt install build-essential\n"
                "Fedora:         sudo dnf install gcc gcc-c++\n"
                "macOS:          xcode-select --install"
            )


def runs(command: str) -> bool:
    # On a Mac without the developer tools, cc is there and fails.
    try:
        done = subprocess.run(
            [*command.split(), "--version"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def check_space(venv: Path) -> None:
    for folder, needed, cure in (
        (venv.parent, NEEDED_BYTES, "make run VENV=/a/larger/disk/venv"),
        (Path(tempfile.gettempdir()), TEMPORARY_BYTES, "TMPDIR=/a/larger/disk make run"),
    ):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        if free < needed:
            raise Stop(
                f"{there} has {free / 1e9:.1f} GB free; "
                f"set-up needs {needed / 1e9:.1f} GB there.\n"
                f"Free some space, or use another disk: {cure}"
            )


# --- The steps -----------------------------------------------------------------------------------


def make_venv(venv: Path) -> None:
    if venv.exists():
        if not (venv / "pyvenv.cfg").exists() and any(venv.iterdir()):
            raise Stop(f"{venv} is there and is not a virtual environment. Move it away.")
        if Path(sys.prefix).resolve() == venv.resolve():
            raise Stop(f"{venv} must be made anew, but is running this. Use another PYTHON.")
        shutil.rmtree(venv)
    print(f"Making the environment {venv} with Python {platform.python_version()}.", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise Stop(f"{venv} could not be made:\n{(made.stdout + made.stderr).strip()}")


INSTALL = ["install", "--no-deps"]
LOCKED = [*INSTALL, "--require-hashes", "--no-build-isolation"]


def install_lock(venv: Path, name: str) -> None:
    arguments = [*LOCKED, "-r", str(lock_path(name))]
    get_lock(venv, name, arguments)


def get_lock(venv: Path, name: str, arguments: list[str]) -> None:
    """arguments: of pip, to install or to download what the lock names."""
    if name == "torch" and not PACKAGES.is_dir():
        get_torch(venv, arguments)
    else:
        pip(venv, TITLES[name], arguments, count_entries(lock_path(name)))


TITLES = {
    "build": "build tools",
    "torch": "torch (CPU build)",
    "run": "packages",
    "test": "packages for the tests",
}


def get_torch(venv: Path, arguments: list[str]) -> None:
    """From pip's own sources; failing that from its publisher's CPU index; never another build."""
    try:
        pip(venv, TITLES["torch"], arguments, 1, may_lack=True)
        return
    except PipFailed:
        index = os.environ.get("TORCH_INDEX", TORCH_INDEX)
    if index:
        print(f"pip as configured has no CPU build of torch; asking {index}.", flush=True)
        try:
            pip(venv, TITLES["torch"], [*arguments, "--extra-index-url", index], 1, may_lack=True)
            return
        except PipFailed:
            pass
    version = re.findall(r"^torch==(\S+)", lock_path("torch").read_text(), flags=re.MULTILINE)[0]
    raise Stop(
        f"No build of torch {version} was found for this machine, and the ordinary build would "
        "bring gigabytes of CUDA packages with it, so it was not taken.\n"
        f"Check the network and run the same again. Or get the wheel torch-{version} for Python "
        f"{sys.version_info[0]}.{sys.version_info[1]} and {platform.machine()} on another machine, "
        "put it into a folder, and name that: PIP_FIND_LINKS=/that/folder make run"
    )


def count_entries(path: Path) -> int:
    return len(re.findall(r"^[a-zA-Z0-9].*==", path.read_text(), flags=re.MULTILINE))


# --- Running pip with something to look at -------------------------------------------------------


def pip(
    venv: Path, title: str, arguments: list[str], total: int = 0, *, may_lack: bool = False
) -> None:
    """Run pip, showing one line of progress. may_lack: raise PipFailed where nothing was found."""
    command = [str(python_of(venv)), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    options = ["-v", "--progress-bar", "off"] if arguments[0] == "install" else []
    if arguments[0] != "check" and PACKAGES.is_dir():
        options += ["--no-index", "--find-links", str(PACKAGES)]
    # The picture models that LLAVA_BUILD stands for are a quarter of the compile, and unused.
    environment = {"CMAKE_ARGS": "-DLLAVA_BUILD=OFF", **os.environ}
    process = subprocess.Popen(
        [*command, arguments[0], *options, *arguments[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        encoding="utf-8",
        errors="replace",
    )
    try:
        said = watch(process, Meter(title, total))
    finally:
        process.kill()
        process.wait()
    log = venv / "setup.log"
    with log.open("a", encoding="utf-8") as out:
        out.writelines(said)
    if process.returncode == 0:
        return
    text = "".join(said)
    if may_lack and re.search(NOT_FOUND, text):
        raise PipFailed
    raise Stop(explain(title, text, log))


def watch(process: subprocess.Popen[str], meter: Meter) -> list[str]:
    """Show progress until the process ends; return the lines that it printed."""
    lines: queue.Queue[str | None] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=pump, args=(process.stdout, lines), daemon=True).start()
    said: list[str] = []
    while True:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            meter.show()
            continue
        if line is None:
            break
        said.append(line)
        meter.read(line)
    process.wait()
    meter.end()
    return said


def pump(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


class Meter:
    """One line of progress: drawn over itself on a terminal, a new line every 15 s elsewhere."""

    def __init__(self, title: str, total: int) -> None:
        self.total = total
        self.n = 0
        self.terminal = sys.stdout.isatty()
        self.begin(title)

    def begin(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.started = self.shown = time.monotonic()

    def read(self, line: str) -> None:
        """Take in one line of what pip says."""
        step = re.match(r"\s*\[(\d+)/(\d+)\] ", line)
        if step:
            self.detail = f"step {step[1]} of {step[2]}"
        elif (
            re.match(r"\s*(Collecting|Processing|Ignoring|Requirement already) ", line)
            and self.total > 1
        ):
            self.n += 1
            self.detail = f"{self.n} of {self.total}"
        elif re.match("Building wheels? for collected packages: llama-cpp-python", line):
            self.end()
            self.draw(
                "Compiling llama-cpp-python, which comes as source only: "
                "about 3 to 8 minutes on two cores, once.\n"
            )
            self.begin("compiling llama-cpp-python")
        elif line.startswith("Installing collected packages"):
            self.end()
            self.begin("installing")
        self.show()

    def show(self) -> None:
        now = time.monotonic()
        if now - self.shown > (0.2 if self.terminal else 15):
            self.shown = now
            self.draw(self.text() + ("" if self.terminal else "\n"))

    def end(self) -> None:
        self.draw(self.text() + "\n")

    def text(self) -> str:
        return f"  {self.title:<28} {self.detail:<16} {clock(time.monotonic() - self.started)}"

    def draw(self, text: str) -> None:
        sys.stdout.write(("\r\033[K" if self.terminal else "") + text)
        sys.stdout.flush()


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def explain(title: str, said: str, log: Path) -> str:
    """The message for a pip that failed: the cause as far as it can be told, and the next step."""
    lines = said.strip().splitlines()
    last = "\n".join([line for line in lines if line.startswith("ERROR:")] or lines[-8:])
    if re.search(DISK, said):
        return f"The disk is full ({title}). Free some space and run the same again."
    if ALTERED in said:
        return (
            f"A package is not the one that the lock names ({title}): its hash differs. Nothing of "
            f"it was installed. Look into {log}, and at which index pip is set to use.\n{last}"
        )
    if PACKAGES.is_dir() and re.search(NOT_FOUND, said):
        python = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
        return (
            f"{PACKAGES} has not all of it for {python} on {platform.machine()} ({title}). "
            "It serves machines like the one it was made on. Make it on one with the same system, "
            "kind of processor and Python as this, or name another Python: "
            f"make run PYTHON=/path/to/python3\n{last}"
        )
    if re.search(NETWORK, said):
        return (
            f"pip could not get what it needs ({title}). Check the network and pip's settings "
            f"(pip config list), then run the same again.\n{last}\nAll of pip's output: {log}"
        )
    return f"pip failed ({title}).\n{last}\nAll of pip's output: {log}"


if __name__ == "__main__":
    sys.exit(main())
