"""Text to vectors with a sentence-transformers model from a local folder.

How it came to be about twice as fast as the library's own `encode`: docs/decisions/0012.
"""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import normalize

from rag.arrays import FloatArray
from rag.errors import ModelCorrupt
from rag.later import later

COMPILER = ("torch._dynamo", "torch.fx.experimental.symbolic_shapes")
"""Of torch, with SymPy. transformers marks functions for it, and sizes are checked with it."""
with later("scipy", "sklearn", *COMPILER):
    from sentence_transformers import SentenceTransformer
    from transformers.initialization import no_init_weights
    from transformers.utils.logging import disable_progress_bar

BATCH_CHARS = 1000
"""Of one forward pass, padding counted: a full chunk goes alone, what is short goes together."""


class FolderEmbedder:
    """Embeds with the model in `folder`, never looking for it anywhere else.

    threads: 0 means one for each core. Safe to share between threads. Raises ModelCorrupt when the
    folder cannot be loaded.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            with later(*COMPILER), no_init_weights():  # all weights come from the file
                model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        # Each library underneath raises its own kinds for a file that is not what it should be.
        except Exception as error:
            raise ModelCorrupt(
                f"The embedding model in {folder} cannot be loaded ({error}). "
                "Run `strongroom models fetch` to get it again."
            ) from error
        self._model = model.to(_arithmetic(torch.cpu.get_capabilities())).eval()
        self._tokenizing = threading.Lock()
        # Passes side by side, each on one core, wait for each other less than the cores do that
        # share one pass.
        self._pool = ThreadPoolExecutor(
            threads or torch.get_num_threads(),
            thread_name_prefix="embed",
            initializer=torch.set_num_threads,
            initargs=(1,),
        )

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """(len(texts), dim) unit rows. Texts over the model's window are cut at its end.

        What fits in one batch, such as a question, is embedded in the caller's thread: it need not
        wait for a document that another thread has embedded.
        """
        batches = _batches(texts)
        run = map if len(batches) == 1 else self._pool.map
        vectors = np.empty((len(texts), self._model.get_embedding_dimension() or 0), np.float32)
        rows = run(self._encode, ([texts[i] for i in batch] for batch in batches))
        for batch, part in zip(batches, rows, strict=True):
            vectors[batch] = part
        return vectors

    @torch.inference_mode()
    def _encode(self, texts: list[str]) -> FloatArray:
        with self._tokenizing:  # the tokenizer keeps its padding in itself
            features = self._model.preprocess(texts)
        rows: torch.Tensor = self._model(features)["sentence_embedding"]
        return normalize(rows.float(), dim=1).numpy()


def _arithmetic(processor: Mapping[str, Any]) -> torch.dtype:
    """bfloat16 where the processor multiplies in it; elsewhere it is imitated, at a crawl."""
    fast = processor.get("avx512_bf16") or processor.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def _batches(texts: Sequence[str]) -> list[list[int]]:
    """Places of the texts, longest first: like lengths together, so that little is padding."""
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    batches: list[list[int]] = []
    start = 0
    while start < len(order):
        n = max(1, BATCH_CHARS // max(1, len(texts[order[start]])))
        batches.append(order[start : start + n])
        start += n
    return batches
