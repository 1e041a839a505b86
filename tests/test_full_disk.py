"""What a full disk does: a real one, mounted where only the test's own process sees it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pdfs
import pytest

from rag.settings import ROOT

MOUNT = 'mount -t tmpfs -o size=24m tmpfs "$1" && shift && exec "$@"'
LIMITED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]

FILLED = """
import os, shutil, sys
from pathlib import Path

from rag import seal
seal.switch_off(os.environ)

from libraries import assemble
from rag.check import check
from rag.errors import RagError, StoreFull
from rag.settings import Settings
from rag.testing import HashEmbedder, ScriptedGenerator, WordTokenizer

disk, files, spare_kb = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])


def opened():
    return assemble(
        Settings(disk / "library", disk / "models"),
        embedder=HashEmbedder(384), generator=ScriptedGenerator(""), tokenizer=WordTokenizer(),
    )


def fill():
    with (disk / "filler").open("ab") as filler:
        filler.write(bytes(max(0, shutil.disk_usage(disk).free - spare_kb * 1024)))


def states():
    return {r.name: r.state for r in library.catalog.documents()}


library = opened()
list(library.ingest.take_in([files / "small.pdf"]))
fill()
for work in (
    lambda: list(library.ingest.take_in([files / "large.pdf"])),
    lambda: list(library.ingest.resume()),
):
    try:
        work()
        print("went well")
    except StoreFull as error:
        print("full:", error)
assert states()["small.pdf"] == "embedded", states()
assert [h.document for h in library.search("apple trees", top_k=1)] == ["small.pdf"]

if spare_kb % 2:
    # The process ends while the disk is full, and another one begins.
    try:
        library.close()
    except RagError as error:
        print("closing:", error)
    try:
        library = opened()
    except StoreFull as error:
        print("full:", error)
        (disk / "filler").unlink()
        library = opened()
(disk / "filler").unlink(missing_ok=True)
list(library.ingest.take_in([files / "large.pdf"]))
assert states() == {"small.pdf": "embedded", "large.pdf": "embedded"}, states()
assert check(library).ok, check(library)
library.close()
library = opened()
list(library.ingest.resume())
assert check(library).ok, check(library)
print("done", library.ingest.vectors.count())
"""


@pytest.fixture(scope="module")
def mounts() -> None:
    """That a file system of the test's own can be mounted."""
    tried = shutil.which("unshare") and subprocess.run(
        [*LIMITED, "/mnt", "true"], check=False, capture_output=True, text=True
    )
    if not tried or tried.returncode:
        reason = f"no small disk can be mounted: {tried.stderr if tried else 'no unshare'}"
        if os.environ.get("STRONGROOM_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("spare_kb", [0, 41, 300, 601, 1300, 1601])
@pytest.mark.usefixtures("mounts")
def test_a_full_disk_is_said_to_be_full_and_work_goes_on_when_there_is_space(
    tmp_path: Path, spare_kb: int
) -> None:
    disk, files = tmp_path / "disk", tmp_path / "files"
    disk.mkdir()
    files.mkdir()
    (files / "small.pdf").write_bytes(pdfs.make("The garden has forty apple trees."))
    pages = [
        "\n".join(" ".join(f"w{p}x{k}y{i}" for i in range(8)) for k in range(12)) for p in range(60)
    ]
    (files / "large.pdf").write_bytes(pdfs.make(*pages))

    ran = subprocess.run(
        [*LIMITED, str(disk), sys.executable, "-c", FILLED, str(disk), str(files), str(spare_kb)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    *told, last = ran.stdout.splitlines()
    assert last.startswith("done ")
    for line in told:
        assert line == "went well" or (line.startswith("full: ") and "is full. Free some" in line)
