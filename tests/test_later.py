import subprocess
import sys
from pathlib import Path

import pytest

from rag.later import later

UNUSED = """
import sys
from pathlib import Path
import rag.vectors
from rag.embed import FolderEmbedder
if sys.argv[1:]:
    FolderEmbedder(Path(sys.argv[1])).embed(["A text.", "Another one."])
unused = {"scipy", "sklearn", "torch._dynamo", "sympy", "grpc"} & set(sys.modules)
assert not unused, f"imported: {unused}"
import scipy.sparse
from sentence_transformers.util.similarity import pairwise_distances
assert scipy.sparse.eye(2).shape == (2, 2)
print(pairwise_distances([[1, 2], [3, 5]], metric="manhattan").max())
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package that can be imported, and is not yet."""
    package = tmp_path / "far_off"
    package.mkdir()
    (package / "__init__.py").write_text("VALUE = 7\n")
    (package / "sums.py").write_text("def double(n, *, plus=0):\n    return 2 * n + plus\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("far_off", "far_off.sums"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "far_off"


def test_a_library_is_imported_when_it_is_first_called(library: str) -> None:
    with later(library):
        from far_off.sums import double  # type: ignore[import-not-found]
    assert library not in sys.modules
    assert double(4, plus=1) == 9
    assert library in sys.modules


def test_behind_it_imports_are_as_ever(library: str) -> None:
    with later(library):
        import far_off
    import far_off

    assert far_off.VALUE == 7


def test_what_is_loaded_stays_as_it_is(library: str) -> None:
    import far_off

    with later(library):
        from far_off.sums import double
    assert far_off.VALUE == 7
    assert double.__module__ == "far_off.sums"


def test_what_is_inside_a_package_is_put_off_by_itself(library: str) -> None:
    with later("far_off.sums"):
        import far_off
        from far_off.sums import double

    assert far_off.VALUE == 7
    assert (hasattr(far_off, "sums"), "far_off.sums" in sys.modules) == (False, False)
    assert double(4) == 8
    assert far_off.sums.double is not double


def test_what_is_called_too_early_gives_back_what_it_is_handed(library: str) -> None:
    with later(library):
        from far_off import marks

        @marks
        def one() -> int:
            return 1

        @marks(None, deep=True)
        def two() -> int:
            return 2

        assert marks(3, deep=True) == 3
    assert (one(), two(), library in sys.modules) == (1, 2, False)


def test_what_is_put_off_is_not_needed_and_works_when_it_is_asked_for() -> None:
    run = subprocess.run(
        [sys.executable, "-c", UNUSED], capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.stdout, run.returncode) == ("5.0\n", 0), run.stderr


@pytest.mark.real
def test_nor_is_it_to_embed_with_the_real_model(models_dir: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", UNUSED, str(models_dir / "all-MiniLM-L6-v2")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.stdout, run.returncode) == ("5.0\n", 0), run.stderr
