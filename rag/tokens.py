"""The embedder's own tokenizer, alone: counting needs neither torch nor the weights."""

import json
from pathlib import Path

import numpy as np
import tokenizers

from rag.arrays import IntArray
from rag.errors import ModelCorrupt


class FolderTokenizer:
    """The tokenizer of a sentence-transformers folder. Safe to share between threads.

    Raises ModelCorrupt when the folder's files cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        try:
            config = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
            self.window = int(config["max_seq_length"])
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        # The tokenizers library raises bare Exception for every fault in the file.
        except Exception as error:
            raise ModelCorrupt(
                f"The embedding model in {folder} cannot be read ({error}). "
                "Run `strongroom models fetch` to get it again."
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def token_ends(self, text: str) -> IntArray:
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return np.asarray([end for _, end in offsets], dtype=np.int32)
