import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from rag import models
from rag.arrays import FloatArray
from rag.chunk import SPECIAL_TOKENS
from rag.embed import BATCH_CHARS, FolderEmbedder, _arithmetic, _batches
from rag.errors import ModelCorrupt
from rag.library import Library
from rag.tokens import FolderTokenizer
from rag.vectors import read_axes

pytestmark = pytest.mark.real

TEXTS = [f"{'very ' * (i * i % 300)}different text {i}" for i in range(19)]
LIKE = 0.999
"""Cosine of two vectors of one text, whatever else was embedded with it and in which arithmetic.
Texts that differ in a word are further apart."""


@pytest.fixture(scope="module")
def embedder(real_library: Library) -> FolderEmbedder:
    made = real_library.embedder()
    assert isinstance(made, FolderEmbedder)
    return made


def cosines(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", a, b)


def test_rows_are_unit_vectors_in_the_order_of_the_texts(embedder: FolderEmbedder) -> None:
    together = embedder.embed(TEXTS)
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])

    assert (together.shape, together.dtype) == ((len(TEXTS), 384), np.float32)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert cosines(together, alone).min() > LIKE


def test_vectors_are_those_of_the_plain_library_in_float32(
    embedder: FolderEmbedder, models_dir: Path
) -> None:
    plain = SentenceTransformer(
        str(models_dir / "all-MiniLM-L6-v2"), device="cpu", local_files_only=True
    )

    expected = np.asarray(plain.encode(TEXTS, normalize_embeddings=True))

    assert cosines(embedder.embed(TEXTS), expected).min() > LIKE


def test_the_same_text_has_the_same_vector_every_time(embedder: FolderEmbedder) -> None:
    assert np.array_equal(embedder.embed(TEXTS), embedder.embed(TEXTS))


def test_threads_do_not_disturb_each_other(embedder: FolderEmbedder) -> None:
    expected = embedder.embed(TEXTS)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: embedder.embed(TEXTS), range(4)))

    assert all(np.array_equal(vectors, expected) for vectors in found)


def test_a_question_does_not_wait_for_a_document(embedder: FolderEmbedder) -> None:
    document_done = threading.Event()
    n_workers = embedder._pool._max_workers
    working = [embedder._pool.submit(document_done.wait, 60) for _ in range(2 * n_workers)]

    vectors = embedder.embed(["How many apple trees are there?"])

    assert vectors.shape == (1, 384)
    assert not any(work.done() for work in working)
    document_done.set()


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ({"avx2": True, "avx512_bf16": True}, torch.bfloat16),
        ({"avx2": True, "amx_bf16": True}, torch.bfloat16),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({"architecture": "arm64"}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_short_numbers_only_where_the_processor_has_them(
    processor: dict[str, object], expected: torch.dtype
) -> None:
    assert _arithmetic(processor) == expected


@given(st.lists(st.integers(0, 2 * BATCH_CHARS), max_size=60))
def test_each_text_is_in_one_batch_and_a_batch_has_little_padding(lengths: list[int]) -> None:
    batches = _batches(["x" * n for n in lengths])

    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * max(lengths[i] for i in batch)
        assert len(batch) == 1 or padded <= BATCH_CHARS


def test_texts_of_like_meaning_are_near(embedder: FolderEmbedder) -> None:
    asked, meant, other = embedder.embed(
        ["How many apple trees are there?", "The orchard has forty trees.", "Interest rates rose."]
    )

    assert asked @ meant > asked @ other + 0.2


def test_no_texts_give_no_rows(embedder: FolderEmbedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_an_empty_text_has_a_vector_too(embedder: FolderEmbedder) -> None:
    assert np.linalg.norm(embedder.embed([""])[0]) == pytest.approx(1, abs=1e-5)


def test_text_over_the_window_changes_nothing(embedder: FolderEmbedder, models_dir: Path) -> None:
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


def test_what_is_nearest_is_still_near_along_the_axes(embedder: FolderEmbedder) -> None:
    axes = read_axes(models.axes_of(models.load_catalog()["all-minilm-l6-v2"]))
    subjects = ["rent", "the dog", "dismissal", "a heart attack", "the tax year", "insurance"]
    said = ["begins in May", "was paid late", "is explained below", "ends after two weeks"]
    texts = embedder.embed([f"The part on {what} {how}." for what in subjects for how in said])
    asked = embedder.embed([f"What is said about {what}?" for what in subjects])
    assert axes is not None
    short, few = texts @ axes, asked @ axes

    whole = np.argsort(-(asked @ texts.T), axis=1)
    along = np.argsort(-(few @ (short / np.linalg.norm(short, axis=1, keepdims=True)).T), axis=1)

    found = [np.isin(row[:4], near[:6]).mean() for row, near in zip(whole, along, strict=True)]
    assert np.mean(found) > 0.9
    at_random = (128 / 384) ** 0.5
    assert np.linalg.norm(short, axis=1).mean() > at_random + 0.1
