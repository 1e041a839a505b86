"""Put all that `make run` needs into one file, for a machine without a network.

    python tools/bundle.py --venv DIR [--out FILE]

The sources, the packages that the locks name, and the weights in models/. Made with the
environment's own pip, so for the same system, kind of processor and Python. Nothing of data/, where
a library may be, goes in.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import setup

SOURCES = (
    "app.py", "benchmarks", "CHANGELOG.md", "CONTRIBUTING.md", "data/README.md", "docs", "LICENSE",
    "Makefile", "models", "pyproject.toml", "rag", "README.md", "requirements", ".streamlit",
    "tests", "tools",
)  # fmt: skip
DOWNLOAD = ["download", "--no-deps", "--require-hashes", "--no-build-isolation"]
FOLDER = "strongroom"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def main() -> int:
    options = _options()
    try:
        bundle(options.venv.absolute(), options.out.absolute())
    except (setup.Stop, OSError) as error:
        print(f"\nThe bundle was not made. {error}", file=sys.stderr)
        return 1
    print(
        f"{options.out}: {options.out.stat().st_size / 1e9:.1f} GB. On the other machine, which "
        f"needs Python {VERSION} and a C/C++ compiler:\n"
        f"  tar xf {options.out.name} && cd {FOLDER} && make run"
    )
    return 0


def _options() -> argparse.Namespace:
    name = f"strongroom-{sys.platform}-{platform.machine()}-python{VERSION}.tar"
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--venv", type=Path, required=True, metavar="DIR", help="as made by set-up")
    parser.add_argument("--out", type=Path, default=setup.ROOT / name, metavar="FILE")
    return parser.parse_args()


def bundle(venv: Path, out: Path) -> None:
    """Raises setup.Stop, OSError; then `out` is as it was."""
    part = out.with_name(f"{out.name}.part")
    with TemporaryDirectory(prefix="packages-", dir=out.parent) as folder:
        for name in setup.wanted_locks(with_tests=False):
            lock = str(setup.lock_path(name))
            setup.get_lock(venv, name, [*DOWNLOAD, "--dest", folder, "-r", lock])
        try:
            with tarfile.open(part, "w") as tar:
                for source in SOURCES:
                    tar.add(setup.ROOT / source, f"{FOLDER}/{source}", filter=_kept)
                tar.add(folder, f"{FOLDER}/{setup.PACKAGES.name}", filter=_kept)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without what Python and the check of weights leave behind, and without an owner."""
    if Path(member.name).name in ("__pycache__", ".verified.json"):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    sys.exit(main())
