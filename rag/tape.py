"""Weights in llama.cpp, and what a model has read: key-value cells that can be cut off, copied out
and put back. The only calls of its C interface."""

import ctypes
import logging
import os
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import llama_cpp
import numpy as np

from rag.arrays import FloatArray
from rag.errors import ModelCorrupt, ModelError, ModelMissing
from rag.types import Cells

SLICE = 128
"""Most tokens read in one call. Reads as fast as 512 on a CPU."""
LOG_LEVEL_ERROR = 4
ABORTED = 2
Q4_K = ("14", "15")
"""Kinds of GGUF files, small and medium."""
HELD, MOVED = 0, 1
"""Sequences of a tape: what it holds, and cells on their way in or out. They share cells, so a copy
from one to the other costs nothing."""

_log = logging.getLogger(__name__)
_complaints: deque[str] = deque(maxlen=8)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # a ctypes function type
def _to_logging(level: int, text: bytes, _user_data: object) -> None:
    line = text.decode("utf-8", "replace").strip()
    _log.debug("llama.cpp: %s", line)
    if level == LOG_LEVEL_ERROR:
        _complaints.append(line.partition(": ")[2])


class Stopped(Exception):
    """Reading was stopped from another thread."""


def has_gpu() -> bool:
    """Whether llama.cpp was built for a graphics card, and there is one."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def n_layers(path: Path) -> int:
    """Of the model in a file, with one for what turns the last one's numbers into words. Raises
    ModelMissing, ModelCorrupt."""
    with closing(Weights(path, only_words=True)) as weights:
        kind = weights.metadata("general.architecture")
        return int(weights.metadata(f"{kind}.block_count") or 0) + 1


def stays(path: Path) -> bool:
    """Whether the weights in a file are used as they are there, and not laid out anew for the
    processor (docs/decisions/0030). Raises ModelMissing, ModelCorrupt."""
    if _has("AMX_INT8"):
        return True
    if not _has("AVX512_VNNI"):
        return False
    with closing(Weights(path, only_words=True)) as weights:
        return weights.metadata("general.file_type") in Q4_K


def _has(part: str) -> bool:
    """Whether llama.cpp was built for this part of a processor."""
    return f"{part} = 1".encode() in llama_cpp.llama_print_system_info()


class Weights:
    """A GGUF file in memory. gpu_layers: how many of its layers are in that of the graphics card.
    only_words: without its layers. Raises ModelMissing, ModelCorrupt."""

    def __init__(self, path: Path, *, gpu_layers: int = 0, only_words: bool = False) -> None:
        if not path.is_file():
            raise ModelMissing(
                f"The language model {path} is not there. Fetch or import it, or set another model."
            )
        self.path = path
        self.gpu_layers = gpu_layers
        _complaints.clear()
        llama_cpp.llama_log_set(_to_logging, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        parameters.vocab_only = only_words
        parameters.use_extra_bufts = anew = not (only_words or stays(path))
        if anew and not gpu_layers:
            # A mapped file would stand beside what is laid out anew.
            parameters.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
        self.model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
        if not self.model:
            reason = next(iter(_complaints), "llama.cpp does not say why")
            raise ModelCorrupt(
                f"The language model {path} cannot be loaded: {reason}. "
                "Fetch or import it again, or set another model."
            )
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(self.vocab)
        self.n_trained = llama_cpp.llama_model_n_ctx_train(self.model)
        self.bos = llama_cpp.llama_vocab_bos(self.vocab)
        self.eos = llama_cpp.llama_vocab_eos(self.vocab)

    def close(self) -> None:
        llama_cpp.llama_model_free(self.model)

    @property
    def adds_bos(self) -> bool:
        return bool(llama_cpp.llama_vocab_get_add_bos(self.vocab))

    @property
    def is_recurrent(self) -> bool:
        """Whether it cannot forget a part of what it has read."""
        return bool(
            llama_cpp.llama_model_is_recurrent(self.model)
            or llama_cpp.llama_model_is_hybrid(self.model)
        )

    def written(self, token: int) -> bytes | None:
        """The bytes of a token of an answer; None for one that ends it."""
        ends = llama_cpp.llama_vocab_is_eog(self.vocab, token)
        return None if ends else self.bytes_of(token)

    def metadata(self, key: str) -> str | None:
        size = 1 << 12
        while True:
            buffer = ctypes.create_string_buffer(size)
            n = llama_cpp.llama_model_meta_val_str(self.model, key.encode(), buffer, size)
            if n < size:
                return None if n < 0 else buffer.value.decode("utf-8", "replace")
            size = n + 1

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        """special: names of special tokens in `text` are those tokens."""
        data = text.encode("utf-8", "replace")
        n = len(data) + 1
        while True:
            found = (llama_cpp.llama_token * n)()
            n_found = llama_cpp.llama_tokenize(
                self.vocab, data, len(data), found, n, False, special
            )
            if n_found >= 0:
                return found[:n_found]
            n = -n_found

    def bytes_of(self, token: int, *, special: bool = False) -> bytes:
        """The bytes that a token stands for, which need not be whole characters."""
        if token < 0:
            return b""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            n = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, size, 0, special)
            if n >= 0:
                return buffer.raw[:n]
            size = -n


class Tape:
    """What a model has read so far, and reads on from. Not to be used by two threads at once, but
    for `stop` and `go_on`.

    tokens: those that it holds. can_move: whether cells can be put in at another place than they
    were copied from, and a part of them cut off. Raises ModelError when there is not enough memory.
    """

    def __init__(self, weights: Weights, *, n_context: int, threads: int) -> None:
        self._weights = weights
        self._flag = ctypes.create_string_buffer(2)
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = n_context
        parameters.n_batch = parameters.n_ubatch = SLICE
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        parameters.n_seq_max = 2
        parameters.kv_unified = True
        self._context = llama_cpp.llama_init_from_model(weights.model, parameters)
        if not self._context:
            raise ModelError(
                f"There is not enough memory for {weights.path} with a window of {n_context} "
                "tokens. Close other programs, or set context_tokens lower."
            )
        llama_cpp.llama_set_abort_callback(self._context, _is_set, self._flag)
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._batch = llama_cpp.llama_batch_init(SLICE, 0, 1)
        self.n_context = n_context
        self.can_move = (
            self._memory is not None
            and not weights.is_recurrent
            and bool(llama_cpp.llama_memory_can_shift(self._memory))
        )
        self.tokens: list[int] = []
        self._n_read = 0  # of them, from the start up to the first that was put in
        self._moved = False

    def close(self) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)

    def use(self, threads: int) -> None:
        """Read with so many threads from now on."""
        llama_cpp.llama_set_n_threads(self._context, threads, threads)

    def stop(self) -> None:
        """Have `read` raise Stopped at once, and whenever it is called, until `go_on`."""
        self._flag[0] = b"\1"

    def go_on(self) -> None:
        self._flag[0] = b"\0"

    def read(self, tokens: Sequence[int], *, each: bool = False) -> None:
        """Read on, SLICE tokens at most. each: give `logits` of each of them, not of the last only.

        Raises Stopped, and then holds what it held before, or what it read before cells were put
        in; ModelError.
        """
        batch, n_held = self._batch, len(self.tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i] = token, n_held + i
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, HELD
            batch.logits[i] = each or i == len(tokens) - 1
        batch.n_tokens = len(tokens)
        code = llama_cpp.llama_decode(self._context, batch)
        if code:
            # Cells that were put in are turned to their new place at the next reading, or were not.
            self.cut(self._n_read if self._moved or code != ABORTED else n_held)
        if code == ABORTED:
            raise Stopped
        if code:
            raise ModelError(
                f"{self._weights.path} stopped while reading (llama_decode returned {code}). Ask "
                "again; if this repeats, close other programs to free memory or set a smaller "
                "window."
            )
        self._moved = False
        if self._n_read == n_held:
            self._n_read += len(tokens)
        self.tokens += tokens

    def logits(self, i: int = -1) -> FloatArray:
        """(vocabulary,) of the token that follows the i-th one read last; good until `read`."""
        row = llama_cpp.llama_get_logits_ith(self._context, i)
        return np.ctypeslib.as_array(row, shape=(self._weights.n_vocab,))

    def cut(self, n: int) -> None:
        """Hold the first n tokens only; none if the model cannot forget a part."""
        if self._memory is None or not llama_cpp.llama_memory_seq_rm(self._memory, HELD, n, -1):
            if self._memory is not None:
                llama_cpp.llama_memory_clear(self._memory, False)
            n = 0
        self.tokens = self.tokens[:n]
        self._n_read = min(self._n_read, n)

    def copy(self, start: int, end: int) -> bytes:
        """The cells of tokens[start:end]; only where `can_move`."""
        llama_cpp.llama_memory_seq_cp(self._memory, HELD, MOVED, start, end)
        size = llama_cpp.llama_state_seq_get_size(self._context, MOVED)
        data = (ctypes.c_uint8 * size)()
        n = llama_cpp.llama_state_seq_get_data(self._context, data, size, MOVED)
        llama_cpp.llama_memory_seq_rm(self._memory, MOVED, -1, -1)
        return bytes(data)[:n]

    def paste(self, cells: Cells, n: int) -> bool:
        """Put the first n of kept cells behind all that is held. False where they do not fit;
        nothing has changed then."""
        size = len(cells.data)
        source = (ctypes.c_uint8 * size).from_buffer_copy(cells.data)
        if not llama_cpp.llama_state_seq_set_data(self._context, source, size, MOVED):
            return False
        memory, at = self._memory, len(self.tokens)
        start = llama_cpp.llama_memory_seq_pos_min(memory, MOVED)
        end = llama_cpp.llama_memory_seq_pos_max(memory, MOVED) + 1
        sound = bool(end - start == len(cells.tokens))
        if sound:
            llama_cpp.llama_memory_seq_rm(memory, MOVED, start + n, -1)
            llama_cpp.llama_memory_seq_add(memory, MOVED, -1, -1, at - start)
            llama_cpp.llama_memory_seq_cp(memory, MOVED, HELD, -1, -1)
            self.tokens += cells.tokens[:n]
            self._moved = True
        llama_cpp.llama_memory_seq_rm(memory, MOVED, -1, -1)
        return sound


_is_set = ctypes.cast(ctypes.CDLL(None).strlen, llama_cpp.ggml_abort_callback)
"""Tells llama.cpp, at each step of a computation, whether to stop: the length of a text of one
character or none. A function of C, for one in Python would wait for Python's lock each time."""
