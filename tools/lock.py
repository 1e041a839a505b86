"""Write requirements/*.lock from pyproject.toml and requirements/*.in, with uv.

One lock serves Linux and macOS and Python 3.11 to 3.13. It names versions and hashes only: where
to download from is the business of the machine that installs it. requirements/torch.lock is kept
by hand, see there.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
ENTRY = re.compile(r"^([a-zA-Z0-9][^ ;]*==[^ ;]+)")


def main() -> None:
    overrides = ["--override", "requirements/overrides.txt"]
    run = compiled("pyproject.toml", "requirements/torch.in", *overrides)
    write("run", run)
    build = compiled("requirements/build.in", "--constraint", "requirements/run.lock")
    write("build", build)
    constraints = [f"--constraint=requirements/{name}.lock" for name in ("run", "build")]
    test = compiled("pyproject.toml", "--extra", "test", *overrides, *constraints)
    write("test", without(test, [*run, *build]))


def compiled(*arguments: str) -> list[str]:
    """The entries of a lock, each with its hashes and what needs it."""
    options = ["--universal", "--fork-strategy=fewest", "--python-version=3.11"]
    output = ["--generate-hashes", "--quiet", "--no-header", "--no-emit-index-url", "--no-config"]
    upgrade = ["--upgrade"] if "--upgrade" in sys.argv else []
    done = subprocess.run(
        [
            Path(sys.executable).with_name("uv"),
            "pip",
            "compile",
            *options,
            *output,
            *upgrade,
            *arguments,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return re.split(r"\n(?=[a-zA-Z0-9])", done.stdout.strip())


def without(entries: list[str], others: list[str]) -> list[str]:
    there = {name_of(entry) for entry in others}
    return [entry for entry in entries if name_of(entry) not in there]


def name_of(entry: str) -> str:
    match = ENTRY.match(entry)
    assert match is not None, entry
    return match[1]


def write(name: str, entries: list[str]) -> None:
    title = f"# Written by `make lock`. {len(entries)} packages.\n\n"
    (REQUIREMENTS / f"{name}.lock").write_text(title + "\n".join(entries) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
