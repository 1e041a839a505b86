"""Text to vectors with a sentence-transformers model from a local folder."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from rag.arrays import FloatArray
from rag.errors import ModelCorrupt

BATCH = 16


class FolderEmbedder:
    """Embeds with the model in `folder`, never looking for it anywhere else.

    threads: 0 leaves torch's own choice. Raises ModelCorrupt when the folder cannot be loaded.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self._model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        # Each library underneath raises its own kinds for a file that is not what it should be.
        except Exception as error:
            raise ModelCorrupt(
                f"The embedding model in {folder} cannot be loaded ({error}). "
                "Run `strongroom models fetch` to get it again."
            ) from error
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """(len(texts), dim) unit rows. Texts over the model's window are cut at its end.

        Texts of like length go together, so that little is spent on padding. The lock is given
        free between batches: a question need not wait for a whole document.
        """
        order = np.argsort([-len(text) for text in texts], kind="stable")
        rows = [self._encode([texts[i] for i in part]) for part in _batches(order)]
        vectors = np.empty((len(texts), self._model.get_embedding_dimension() or 0), np.float32)
        vectors[order] = np.concatenate(rows) if rows else vectors[order]
        return vectors

    def _encode(self, texts: list[str]) -> FloatArray:
        with self._lock:
            vectors = self._model.encode(
                texts,
                batch_size=BATCH,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)


def _batches(order: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    return [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
