from pathlib import Path

import numpy as np
import pytest

from rag.chunk import SPECIAL_TOKENS
from rag.embed import BATCH, FolderEmbedder
from rag.errors import ModelCorrupt
from rag.library import Library
from rag.tokens import FolderTokenizer
from rag.types import Embedder

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def embedder(real_library: Library) -> Embedder:
    return real_library.embedder()


def test_rows_are_unit_vectors_in_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = [f"{'very ' * (i % 5)}short text {i}" for i in range(BATCH + 3)]

    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])

    assert (together.shape, together.dtype) == ((BATCH + 3, 384), np.float32)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together, alone, atol=1e-5)


def test_texts_of_like_meaning_are_near(embedder: Embedder) -> None:
    asked, meant, other = embedder.embed(
        ["How many apple trees are there?", "The orchard has forty trees.", "Interest rates rose."]
    )

    assert asked @ meant > asked @ other + 0.2


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_an_empty_text_has_a_vector_too(embedder: Embedder) -> None:
    assert np.linalg.norm(embedder.embed([""])[0]) == pytest.approx(1, abs=1e-5)


def test_text_over_the_window_changes_nothing(embedder: Embedder, models_dir: Path) -> None:
    n_words = FolderTokenizer(models_dir / "all-MiniLM-L6-v2").window - SPECIAL_TOKENS

    full, over = embedder.embed(["word " * n_words, "word " * n_words + "pear " * 100])

    assert np.allclose(full, over, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\x00" * 4000),
        ("model.safetensors", None),
        ("config.json", b"{}"),
        ("tokenizer_config.json", b"[]"),
        ("1_Pooling/config.json", b"[]"),
        ("modules.json", b"\xff"),
    ],
)
def test_a_broken_folder_is_named_with_what_to_do(
    tmp_path: Path, models_dir: Path, name: str, content: bytes | None
) -> None:
    folder = linked(models_dir / "all-MiniLM-L6-v2", tmp_path / "model")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)

    with pytest.raises(ModelCorrupt) as caught:
        FolderEmbedder(folder)

    assert str(caught.value).startswith(f"The embedding model in {folder} cannot be loaded (")
    assert str(caught.value).endswith("Run `strongroom models fetch` to get it again.")


def test_a_folder_that_is_not_there_is_not_looked_for_anywhere_else(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="cannot be loaded"):
        FolderEmbedder(tmp_path / "sentence-transformers" / "all-MiniLM-L6-v2")


def linked(source: Path, target: Path) -> Path:
    """A folder of links to the files of another."""
    for path in source.rglob("*"):
        if path.is_file():
            link = target / path.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return target
