import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pdfs
import pytest

from rag.settings import ROOT

PROGRAM = ROOT / "benchmarks" / "robustness.py"
CRASH = """
import os, sys
if "--take-in" in sys.argv:
    from pathlib import Path
    opened = Path.open
    def open_(path, *how, **more):
        if path.name == "crash":
            os.abort()
        return opened(path, *how, **more)
    Path.open = open_
"""

pytestmark = pytest.mark.real


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    (path / "sub").mkdir(parents=True)
    (path / "a.pdf").write_bytes(pdfs.make("One", "Two"))
    (path / "sub" / os.fsdecode(b"b\n\xff")).write_bytes(pdfs.make("One", "Two"))
    (path / "sub" / "link").symlink_to(path / "a.pdf")
    (path / "broken.pdf").write_bytes(pdfs.garbage_after_header())
    (path / "program").write_bytes(b"\x7fELF\0\0")
    return path


def run(folder: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def by_file(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {verdict["file"]: verdict for verdict in told["files"]}


def test_every_file_has_a_verdict_whatever_its_name_is(folder: Path) -> None:
    done = run(folder, "--json", "--jobs", "2")
    told = json.loads(done.stdout)
    verdicts = by_file(told)

    assert done.returncode == 0, done.stderr
    assert {name: verdict["verdict"] for name, verdict in verdicts.items()} == {
        "a.pdf": "indexed",
        "sub/b\n\\xff": "indexed",
        "broken.pdf": "refused",
        "program": "refused",
    }
    assert sorted(v["same_as"] for v in verdicts.values() if v["verdict"] == "indexed") in (
        ["", "a.pdf"],
        ["", "sub/b\n\\xff"],
    )
    assert "broken.pdf is damaged" in verdicts["broken.pdf"]["reason"]
    assert (told["totals"]["files"], told["totals"]["pages"], told["totals"]["characters"]) == (
        4, 2, 6,
    )  # fmt: skip
    assert (told["totals"]["crashes"], told["totals"]["bad_refusals"]) == (0, 0)


def test_the_table_comes_before_one_line_of_json(folder: Path) -> None:
    done = run(folder)
    *table, line = done.stdout.splitlines()

    assert any(row.startswith("refused") and row.endswith("  broken.pdf") for row in table)
    assert any(row.endswith(r"  sub/b\n\xff") for row in table)
    assert len(by_file(json.loads(line))) == 4


def test_a_crash_of_the_main_process_is_counted_and_the_others_are_taken_in(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "crash").write_bytes(b"x")
    (tmp_path / "sitecustomize.py").write_text(CRASH)

    done = run(folder, "--json", "--jobs", "3", PYTHONPATH=f"{tmp_path}:{ROOT}")
    told = json.loads(done.stdout)

    assert done.returncode == 1
    assert told["totals"]["crashes"] == 1
    assert [v["file"] for v in told["files"] if v["verdict"] == "none"] == ["crash"]
    assert (told["totals"]["indexed"], told["totals"]["refused"]) == (2, 2)


def test_a_refusal_that_helps_nobody_is_told_from_one_that_does() -> None:
    code = "import robustness, sys; print([robustness.is_bad(reason) for reason in sys.argv[1:]])"
    reasons = {
        "": True,
        " \n": True,
        "KeyError: 'x'": True,
        'Traceback (most recent call last):\n  File "x.py", line 1': True,
        "a.pdf is damaged: its structure cannot be followed. Get another copy.": False,
        "Error report.pdf needs a password. Give it and try again.": False,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *reasons],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{PROGRAM.parent}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(list(reasons.values()))
