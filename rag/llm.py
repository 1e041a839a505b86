"""A local language model through llama.cpp. Knows chat markup and tokens, nothing of retrieval."""

import codecs
import ctypes
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import jinja2
import llama_cpp
import numpy as np
import numpy.typing as npt
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from llama_cpp.llama_types import ChatCompletionRequestMessage

from rag.errors import ContextOverflow, ModelCorrupt, ModelError, ModelMissing
from rag.types import Aside, Piece, Prompt

SLICE = 128
"""Prompt tokens read between two looks at `cancelled`. Reads as fast as 512 on a CPU."""
WAIT_S = 0.05
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LOG_LEVEL_ERROR = 4
SYSTEM_MARK, USER_MARK = "\ue000system\ue001", "\ue000user\ue001"

_log = logging.getLogger(__name__)
_complaints: deque[str] = deque(maxlen=8)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]  # a ctypes function type
def _to_logging(level: int, text: bytes, _user_data: object) -> None:
    line = text.decode("utf-8", "replace").strip()
    _log.debug("llama.cpp: %s", line)
    if level == LOG_LEVEL_ERROR:
        _complaints.append(line.partition(": ")[2])


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded model. before, between, after: tokens of the chat markup around the
    instructions and the user's text."""

    llama: llama_cpp.Llama
    vocab: int
    before: list[int]
    between: list[int]
    after: list[int]


class LlamaGenerator:
    """Writes answers with the instruct model in a GGUF file.

    path: the weights, loaded on first use. n_context: the window in tokens; narrowed on loading
    to what the model was trained for. threads: 0 means one for each physical core.
    temperature: 0 always takes the likeliest token, and `seed` then changes nothing.

    Safe to share between threads. Every method that needs the weights raises ModelMissing or
    ModelCorrupt.
    """

    def __init__(
        self,
        path: Path,
        *,
        n_context: int,
        threads: int = 0,
        name: str = "",
        temperature: float = 0.0,
    ) -> None:
        self._path = path
        self._n_context = n_context
        self._threads = threads or physical_cores()
        self._name = name or path.stem
        self._temperature = temperature
        self._line = _Line()
        self._model: _Model | None = None
        # Taken in this order. Counting tokens needs the second only, so it never waits for
        # a slice of another caller's prompt.
        self._decoding = threading.Lock()
        self._loading = threading.RLock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def n_context(self) -> int:
        return self._n_context

    @property
    def n_ahead(self) -> int:
        return len(self._line)

    def load(self) -> None:
        """Load the weights now rather than on first use."""
        self._loaded()

    def close(self) -> None:
        """Free the weights. A running generation ends as cancelled; a later call loads again."""
        with self._decoding, self._loading:
            model, self._model = self._model, None
            if model is not None:
                model.llama.close()

    def count_tokens(self, text: str) -> int:
        with self._loading:
            return len(_tokens(self._loaded().llama, text))

    def prompt_tokens(self, prompt: Prompt) -> int:
        return len(self._layout(prompt)[1])

    def generate(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        seed: int = 0,
        asides: Sequence[Aside] = (),
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        """Stream the answer in whole characters; the last piece tells why it ended.

        Waits its turn behind earlier callers. Raises ContextOverflow, ModelError.
        """
        model, tokens = self._layout(prompt)
        room = self._n_context - len(tokens)
        if room < 1:
            raise ContextOverflow(
                f"The prompt is {len(tokens)} tokens long and the window of {self._name} holds "
                f"{self._n_context}, the answer included. Ask a shorter question or give the "
                "model fewer passages."
            )
        with self._line.turn(cancelled) as ours:
            if ours:
                for piece in self._write(model, tokens, min(max_tokens, room), seed, cancelled):
                    if piece.stop in ("complete", "length"):
                        chances = self._weigh(model, prompt, asides, cancelled)
                        yield replace(piece, chances=chances)
                    else:
                        yield piece
        if not ours:
            yield Piece("", 0, "cancelled")

    def _loaded(self) -> _Model:
        with self._loading:
            if self._model is None:
                self._model = _load(self._path, self._n_context, self._threads)
                trained = llama_cpp.llama_model_n_ctx_train(self._model.llama.model)
                self._n_context = min(self._n_context, trained)
            return self._model

    def _layout(self, prompt: Prompt) -> tuple[_Model, list[int]]:
        """Each part is tokenised alone, so equal parts in front give equal tokens in front, and
        no text of a document can turn into chat markup."""
        with self._loading:
            model = self._loaded()
            parts = (*prompt.passages, prompt.question)
            user = [token for part in parts for token in _tokens(model.llama, part)]
            system = _tokens(model.llama, prompt.instructions)
        return model, [*model.before, *system, *model.between, *user, *model.after]

    def _write(
        self,
        model: _Model,
        tokens: list[int],
        limit: int,
        seed: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[Piece]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stop: Literal["complete", "length", "cancelled"] = "length"
        n_unsent = 0
        pending = self._unread(model, tokens)
        for n_written in range(limit):
            chosen = self._next(model, pending, seed + n_written, cancelled)
            if isinstance(chosen, str):
                stop = chosen
                break
            token, written = chosen
            n_unsent += 1
            pending = [token]
            # Bytes of a character cut off by the end stay in the decoder and are never sent.
            if text := decoder.decode(written):
                yield Piece(text, n_unsent)
                n_unsent = 0
        yield Piece("", n_unsent, stop)

    def _weigh(
        self, model: _Model, prompt: Prompt, asides: Sequence[Aside], cancelled: Callable[[], bool]
    ) -> tuple[float, ...]:
        """What the asides ask for. The passages are in the cache; only their questions are read."""
        chances: list[float] = []
        for aside in asides:
            tokens = self._layout(replace(prompt, question=aside.question))[1]
            opening = _tokens(model.llama, aside.opening)
            if len(tokens) + len(opening) > self._n_context:
                return ()
            chance = self._chance(model, tokens, opening, cancelled)
            if chance is None:
                return ()
            chances.append(chance)
        return tuple(chances)

    def _chance(
        self,
        model: _Model,
        tokens: list[int],
        opening: Sequence[int],
        cancelled: Callable[[], bool],
    ) -> float | None:
        """Log-probability that `opening` follows `tokens`; None when cancelled."""
        total = 0.0
        pending = self._unread(model, tokens)
        for token in opening:
            if not self._take(model, pending, cancelled):
                return None
            with self._decoding:
                if model is not self._model:
                    return None
                total += _log_probability(model, token)
            pending = [token]
        return total

    def _unread(self, model: _Model, tokens: list[int]) -> list[int]:
        """Keep the longest prefix of `tokens` that the cache holds; the rest is to be read."""
        with self._decoding:
            if model is not self._model:
                return tokens
            llama = model.llama
            n_kept = min(_n_common(llama.input_ids[: llama.n_tokens], tokens), len(tokens) - 1)
            memory = llama_cpp.llama_get_memory(llama.ctx)
            # Recurrent models cannot forget a part of what they read.
            if memory is not None and llama_cpp.llama_memory_seq_rm(memory, 0, n_kept, -1):
                llama.n_tokens = n_kept
            else:
                _forget(llama)
            return tokens[llama.n_tokens :]

    def _next(
        self, model: _Model, tokens: Sequence[int], seed: int, cancelled: Callable[[], bool]
    ) -> tuple[int, bytes] | Literal["complete", "cancelled"]:
        """Read `tokens` and choose the next one, with its bytes."""
        if not self._take(model, tokens, cancelled):
            return "cancelled"
        with self._decoding:
            if model is not self._model:
                return "cancelled"
            # llama-cpp-python makes a new sampler for each token: one seed would mean one draw.
            model.llama.set_seed(seed)
            token = int(model.llama.sample(temp=self._temperature))
            if llama_cpp.llama_vocab_is_eog(model.vocab, token):
                return "complete"
            return token, token_bytes(model.vocab, token)

    def _take(self, model: _Model, tokens: Sequence[int], cancelled: Callable[[], bool]) -> bool:
        """Read `tokens` in slices. False when cancelled, or when the model was closed."""
        for start in range(0, len(tokens), SLICE):
            if cancelled():
                return False
            with self._decoding:
                if model is not self._model:
                    return False
                self._read(model.llama, tokens[start : start + SLICE])
        return True

    def _read(self, llama: llama_cpp.Llama, tokens: Sequence[int]) -> None:
        try:
            llama.eval(tokens)
        except RuntimeError as error:
            _forget(llama)
            raise ModelError(
                f"{self._path} stopped while reading a prompt ({error}). Ask again; if this "
                "repeats, close other programs to free memory or set a smaller window."
            ) from error


class _Line:
    """First come, first served: one holder at the front, the others in order behind."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._tickets: deque[object] = deque()

    def __len__(self) -> int:
        return len(self._tickets)

    @contextmanager
    def turn(self, cancelled: Callable[[], bool]) -> Iterator[bool]:
        """Wait for the front. False when cancelled before."""
        ticket = object()
        with self._moved:
            self._tickets.append(ticket)
        try:
            yield self._reach_front(ticket, cancelled)
        finally:
            with self._moved:
                self._tickets.remove(ticket)
                self._moved.notify_all()

    def _reach_front(self, ticket: object, cancelled: Callable[[], bool]) -> bool:
        while not cancelled():
            with self._moved:
                if self._tickets[0] is ticket:
                    return True
                self._moved.wait(WAIT_S)
        return False


def physical_cores() -> int:
    """Cores this process may use, counting two hardware threads of one core once."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    siblings = (
        Path(f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list")
        for n in os.sched_getaffinity(0)
    )
    return len({p.read_text() if p.is_file() else str(p) for p in siblings})


def _load(path: Path, n_context: int, threads: int) -> _Model:
    if not path.is_file():
        raise ModelMissing(
            f"The language model {path} is not there. Fetch or import it, or set another model."
        )
    _complaints.clear()
    llama_cpp.llama_log_set(_to_logging, ctypes.c_void_p(0))
    try:
        llama = llama_cpp.Llama(
            str(path),
            n_ctx=n_context,
            n_batch=SLICE,
            n_ubatch=SLICE,
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=True,
            verbose=False,
        )
    except (ValueError, RuntimeError, AssertionError, OSError, jinja2.TemplateError) as error:
        if "llama_context" in str(error):
            raise ModelError(
                f"There is not enough memory for {path} with a window of {n_context} tokens. "
                "Close other programs, or set context_tokens lower."
            ) from error
        reason = next(iter(_complaints), str(error))
        raise ModelCorrupt(
            f"The language model {path} cannot be loaded: {reason}. "
            "Fetch or import it again, or set another model."
        ) from error
    vocab = llama_cpp.llama_model_get_vocab(llama.model)
    assert vocab is not None  # llama-cpp-python has refused a model without one
    return _Model(llama, vocab, *_markup(llama, vocab))


def _markup(llama: llama_cpp.Llama, vocab: int) -> tuple[list[int], list[int], list[int]]:
    """Tokens before the instructions, between them and the user's text, and after it."""
    bos, eos = llama.token_bos(), llama.token_eos()
    texts = chat_markup(
        llama.metadata.get("tokenizer.chat_template", CHATML),
        bos=_token_text(vocab, bos),
        eos=_token_text(vocab, eos),
    )
    before, between, after = (_tokens(llama, text, special=True) for text in texts)
    if llama_cpp.llama_vocab_get_add_bos(vocab) and before[:1] != [bos]:
        before.insert(0, bos)
    return before, between, after


def chat_markup(template: str, *, bos: str = "", eos: str = "") -> tuple[str, str, str]:
    """What a chat template puts before the instructions, between them and the user's text, and
    after it. A template without a system role gets the instructions at the head of the user's
    turn; one that cannot be rendered at all gives way to ChatML."""
    apart: list[ChatCompletionRequestMessage] = [
        {"role": "system", "content": SYSTEM_MARK},
        {"role": "user", "content": USER_MARK},
    ]
    together: list[ChatCompletionRequestMessage] = [
        {"role": "user", "content": f"{SYSTEM_MARK}\n\n{USER_MARK}"}
    ]
    for messages in (apart, together):
        try:
            formatter = Jinja2ChatFormatter(template=template, eos_token=eos, bos_token=bos)
            text = formatter(messages=messages).prompt
        except (jinja2.TemplateError, ValueError, TypeError, LookupError, AttributeError) as error:
            _log.debug("chat template: %s", error)
            continue
        before, system_mark, rest = text.partition(SYSTEM_MARK)
        between, user_mark, after = rest.partition(USER_MARK)
        if system_mark and user_mark:
            return before, between, after
    return chat_markup(CHATML, bos=bos, eos=eos)


def _forget(llama: llama_cpp.Llama) -> None:
    llama.n_tokens = 0
    memory = llama_cpp.llama_get_memory(llama.ctx)
    if memory is not None:
        llama_cpp.llama_memory_clear(memory, True)


def _tokens(llama: llama_cpp.Llama, text: str, *, special: bool = False) -> list[int]:
    return llama.tokenize(text.encode("utf-8", "replace"), add_bos=False, special=special)


def _log_probability(model: _Model, token: int) -> float:
    """Natural logarithm of the probability that `token` comes next."""
    n_tokens = llama_cpp.llama_vocab_n_tokens(model.vocab)
    logits = np.ctypeslib.as_array(
        llama_cpp.llama_get_logits_ith(model.llama.ctx, -1), shape=(n_tokens,)
    ).astype(np.float64)
    highest = logits.max()
    return float(logits[token] - highest - np.log(np.exp(logits - highest).sum()))


def _token_text(vocab: int, token: int) -> str:
    return token_bytes(vocab, token, special=True).decode("utf-8", "replace")


def token_bytes(vocab: int, token: int, *, special: bool = False) -> bytes:
    """The bytes that a token stands for, which need not be whole characters."""
    if token < 0:
        return b""
    size = 64
    while True:
        buffer = ctypes.create_string_buffer(size)
        n = llama_cpp.llama_token_to_piece(vocab, token, buffer, size, 0, special)
        if n >= 0:
            return buffer.raw[:n]
        size = -n


def _n_common(cached: npt.NDArray[np.intc], tokens: Sequence[int]) -> int:
    n = min(len(cached), len(tokens))
    differing = np.flatnonzero(cached[:n] != np.asarray(tokens[:n], dtype=np.intc))
    return int(differing[0]) if len(differing) else n
