"""A local language model through llama.cpp. Knows chat markup and tokens, nothing of retrieval."""

import codecs
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Literal

import jinja2
import numpy as np
from llama_cpp import __version__ as llama_version
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from llama_cpp.llama_types import ChatCompletionRequestMessage

from rag import cores, halve
from rag.arrays import FloatArray
from rag.cells import COMMON, CellStore
from rag.draft import Draft
from rag.errors import ContextOverflow, ModelError
from rag.tape import SLICE, Stopped, Tape, Weights, has_gpu, n_layers
from rag.types import Cells, Piece, Prompt

WAIT_S = 0.05
"""Between two looks at `cancelled`."""
FORMAT = 1
"""Of the prompt, as far as kept cells depend on it, and of the cells."""
BESIDE_TOKENS = 2048
"""The window of the tape beside that of answers."""
LATELY = 16
"""Slices that tell how fast it reads: as many as one question's passages take."""
TUNING_S, ROUNDS = 2.0, 3
"""Numbers of threads are tried for so long, and so many times each, if that takes longer."""
TRIED_READING, TRIED_WRITING = 16, 2
"""Tokens. Of what is not on the tape, a question reads more for each that it writes; of what is
prepared, less."""
FASTER = 0.9
"""Of the time that the likeliest number of threads takes: less of a gain may be chance."""
FEWEST = 16
"""Tokens of a passage that kept cells must cover to be worth putting in: one that was cut to fit
begins like the whole one."""
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SYSTEM_MARK, USER_MARK = "\ue000system\ue001", "\ue000user\ue001"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Model:
    """A loaded model. tape: of answers. before, between, after: tokens of the chat markup around
    the instructions and the user's text. beside: a tape for other ends, made when it is first
    needed."""

    weights: Weights
    tape: Tape
    before: list[int]
    between: list[int]
    after: list[int]
    beside: Tape | None = None

    def close(self) -> None:
        self.tape.close()
        if self.beside:
            self.beside.close()
        self.weights.close()


@dataclass(frozen=True, slots=True)
class _Part:
    """Tokens of a prompt. name: under which their cells may be kept; empty for none. is_head: what
    prompts of one kind begin with, which stays where it is and is kept as it is."""

    tokens: list[int]
    name: str = ""
    is_head: bool = False


class LlamaGenerator:
    """Writes answers with the instruct model in a GGUF file, always the likeliest token next.

    path: the weights, loaded on first use. n_context: the window in tokens; narrowed on loading
    to what the model was trained for. threads: 0 means one for each physical core, until `tune`
    has found another number among `candidates` faster and told `remember` so. cells: where what it
    has read of passages is kept; fingerprint: of the weights, for the cells. guesses: whether to
    guess from the passages what comes next, which changes answers by no more than rounding does.
    gpu_layers: most layers to put on a graphics card, where there is one and llama.cpp is built for
    it; -1 means all.

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
        cells: CellStore | None = None,
        fingerprint: str = "",
        guesses: bool = True,
        candidates: Sequence[int] = (),
        remember: Callable[[int], None] = lambda _threads: None,
        gpu_layers: int = 0,
    ) -> None:
        self._path = path
        self._n_context = n_context
        self._threads = threads or cores.physical()
        self._name = name or path.stem
        self._cells = cells
        self._fingerprint = fingerprint
        self.guesses = guesses
        self._candidates = tuple(candidates) if len(candidates) > 1 and not threads else ()
        self._remember = remember
        self._gpu_layers = gpu_layers
        self._line = _Line()
        self._model: _Model | None = None
        # Tokens and seconds of each of the slices read last.
        self._lately: tuple[tuple[int, float], ...] = ()
        # Taken in this order, the first for the tape beside that of answers. Counting tokens needs
        # the last only, so it never waits for a slice of another caller's prompt.
        self._taking_beside = threading.Lock()
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

    @property
    def stamp(self) -> str:
        model = self._loaded()
        if self._cells is None or not self._cells.max_bytes or not model.tape.can_move:
            return ""
        parts = (FORMAT, llama_version, self._fingerprint, model.before, model.between)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    @property
    def offloaded(self) -> str:
        """How many layers are on the graphics card, for the person; empty where there is none."""
        if not has_gpu():
            return ""
        n = self._loaded().weights.gpu_layers
        return f"{n} of {n_layers(self._path)} layers on the graphics card"

    def load(self) -> None:
        """Load the weights now rather than on first use."""
        self._loaded()

    def warm_up(self, instructions: str) -> None:
        """Read what every prompt begins with. A question that comes meanwhile needs it too."""
        model, (head, _) = self._layout(Prompt(instructions, (), ""))
        with self._line.turn(lambda: False), suppress(Stopped):
            self._read(model, model.tape, [head], lambda: False)

    def close(self) -> None:
        """Free the weights. A running generation ends as cancelled; a later call loads again."""
        with self._decoding, self._loading:
            model, self._model = self._model, None
            if model is not None:
                model.close()

    def count_tokens(self, text: str) -> int:
        return len(self._tokens(text))

    def prompt_tokens(self, prompt: Prompt) -> int:
        return _n_tokens(self._layout(prompt)[1])

    def reading_s(self, prompt: Prompt) -> float | None:
        """Looks at what the tape holds now, and at which passages have cells."""
        lately = self._lately
        if not lately:
            return None
        model, parts = self._layout(prompt)
        wanted = [token for part in parts for token in part.tokens]
        n_held, n_unread, end = _n_common(model.tape.tokens, wanted), 0, 0
        for part in parts:
            start, end = end, end + len(part.tokens)
            if not (self._cells and part.name in self._cells):
                n_unread += max(end - max(start, n_held), 0)
        return n_unread * sum(seconds for _, seconds in lately) / sum(n for n, _ in lately)

    def generate(
        self,
        prompt: Prompt,
        *,
        max_tokens: int,
        seed: int = 0,  # noqa: ARG002  the likeliest token is the same for every seed
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        """Stream the answer in whole characters; the last piece tells why it ended.

        Waits its turn behind earlier callers. Raises ContextOverflow, ModelError.
        """
        model, parts = self._layout(prompt)
        n_tokens = _n_tokens(parts)
        room = self._n_context - n_tokens
        if room < 1:
            raise ContextOverflow(
                f"The prompt is {n_tokens} tokens long and the window of {self._name} holds "
                f"{self._n_context}, the answer included. Ask a shorter question or give the "
                "model fewer passages."
            )
        with self._line.turn(cancelled) as ours:
            if ours:
                with _stopping(model.tape, cancelled):
                    yield from self._write(model, parts, min(max_tokens, room), cancelled)
        if not ours:
            yield Piece("", 0, "cancelled")

    def weigh(
        self,
        prompt: Prompt,
        openings: Sequence[str],
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[float, ...]:
        """Takes nothing from the tape of answers. Waits its turn behind earlier callers."""
        model, parts = self._layout(prompt)
        first = [self._tokens(opening)[0] for opening in openings]
        with self._line.turn(cancelled) as ours, self._taking_beside, suppress(Stopped):
            tape = self._beside(model)
            if ours and _n_tokens(parts) <= tape.n_context:
                with _stopping(tape, cancelled):
                    self._read(model, tape, parts, cancelled)
                    with self._decoding_with(model):
                        return tuple(_log_probability(tape.logits(), token) for token in first)
        return ()

    def prepare(self, prompt: Prompt, *, cancelled: Callable[[], bool] = lambda: False) -> bool:
        """Read the prompt's last passage behind the others and keep its cells under its name.

        Passages that do not fit into the window are left out, the first one first; where that is
        not enough, or the disk is full, nothing is kept. False when it gave way or was cancelled.
        """
        if not self.stamp or self._cells is None:
            return True
        model, (head, *passages, _) = self._layout(prompt)
        with self._taking_beside, suppress(Stopped):
            tape = self._beside(model)
            while len(passages) > 1 and _n_tokens([head, *passages]) > tape.n_context:
                passages.pop(0)
            last, n_tokens = passages[-1], _n_tokens([head, *passages])
            if n_tokens > tape.n_context:
                return True

            def gives_way() -> bool:
                return bool(len(self._line)) or cancelled()

            with _stopping(tape, gives_way):
                self._read(model, tape, [head, *passages], gives_way)
                with self._decoding_with(model):
                    data = tape.copy(n_tokens - len(last.tokens), n_tokens)
            with suppress(ValueError):
                self._cells.save(last.name, Cells(tuple(last.tokens), halve.halve(data)))
            return True
        return False

    def tune(self, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Once, and on the tape beside that of answers, so that it takes nothing from it."""
        if not self._candidates:
            return
        model = self._loaded()

        def gives_way() -> bool:
            return bool(len(self._line)) or cancelled()

        with self._taking_beside, suppress(Stopped):
            tape = self._beside(model)
            try:
                with _stopping(tape, gives_way):
                    self._threads = _fastest(self._tried(model, tape, gives_way))
            finally:
                with self._decoding_with(model):
                    tape.cut(0)
                    for each in (model.tape, tape):
                        each.use(self._threads)
            self._candidates = ()
            self._remember(self._threads)

    def _tried(
        self, model: _Model, tape: Tape, cancelled: Callable[[], bool]
    ) -> list[dict[int, float]]:
        """Seconds by number of threads, once for each round: what else the machine does meanwhile
        holds up all of a round."""
        rounds: list[dict[int, float]] = []
        began = time.perf_counter()
        while len(rounds) < ROUNDS or time.perf_counter() - began < TUNING_S:
            rounds.append(
                {n: self._tried_with(n, model, tape, cancelled) for n in self._candidates}
            )
        return rounds

    def _tried_with(
        self, n_threads: int, model: _Model, tape: Tape, cancelled: Callable[[], bool]
    ) -> float:
        with self._decoding_with(model):
            tape.cut(0)
            tape.use(n_threads)
        self._take(model, tape, [0], cancelled)  # threads have to be made first
        began = time.perf_counter()
        self._take(model, tape, [0] * TRIED_READING, cancelled)
        for _ in range(TRIED_WRITING):
            self._take(model, tape, [0], cancelled)
        return time.perf_counter() - began

    def _tokens(self, text: str) -> list[int]:
        with self._loading:
            return self._loaded().weights.tokens(text)

    def _loaded(self) -> _Model:
        with self._loading:
            if self._model is None:
                self._model = _load(self._path, self._n_context, self._threads, self._gpu_layers)
                self._n_context = self._model.tape.n_context
            return self._model

    def _beside(self, model: _Model) -> Tape:
        """The tape beside that of answers, which takes nothing from it."""
        with self._decoding_with(model):
            if model.beside is None:
                model.beside = Tape(
                    model.weights,
                    n_context=min(self._n_context, BESIDE_TOKENS),
                    threads=self._threads,
                )
            return model.beside

    def _layout(self, prompt: Prompt) -> tuple[_Model, list[_Part]]:
        """The head, the passages and the rest. Each part is tokenised alone, so equal parts in
        front give equal tokens in front, and no text of a document can turn into chat markup."""
        with self._loading:
            model = self._loaded()
            tokens = model.weights.tokens
            head = [*model.before, *tokens(prompt.instructions), *model.between]
            names = prompt.cells or ("",) * len(prompt.passages)
            passages = zip(prompt.passages, names, strict=True)
            return model, [
                _Part(head, self._head_name(head), is_head=True),
                *(_Part(tokens(text), name) for text, name in passages),
                _Part([*tokens(prompt.question), *model.after, *tokens(prompt.opening)]),
            ]

    def _head_name(self, head: Sequence[int]) -> str:
        key = hashlib.sha256(repr(head).encode()).hexdigest()[:16]
        return f"{stamp}/{COMMON}/{key}" if (stamp := self.stamp) else ""

    def _write(
        self,
        model: _Model,
        parts: Sequence[_Part],
        limit: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[Piece]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stop: Literal["complete", "length", "cancelled"] = "length"
        n_unsent = 0
        try:
            for written in islice(self._chosen(model, parts, cancelled), limit):
                if written is None:
                    stop = "complete"
                    break
                n_unsent += 1
                # Bytes of a character cut off by the end stay in the decoder and are never sent.
                if text := decoder.decode(written):
                    yield Piece(text, n_unsent)
                    n_unsent = 0
        except Stopped:
            stop = "cancelled"
        yield Piece("", n_unsent, stop)

    def _chosen(
        self, model: _Model, parts: Sequence[_Part], cancelled: Callable[[], bool]
    ) -> Iterator[bytes | None]:
        """The bytes of the likeliest token behind the parts, of the one behind that, and so on;
        None where the answer ends."""
        tape = model.tape
        self._read(model, tape, parts, cancelled)
        draft = Draft([part.tokens for part in parts[1:]])
        guess: Sequence[int] = ()
        while True:
            with self._decoding_with(model):
                tokens = _agreed(tape, guess)
                draft.judge(len(tokens) - 1, len(guess))
                written = [model.weights.written(token) for token in tokens]
                room = tape.n_context - len(tape.tokens) - 1
            yield from written
            draft.add(tokens)
            guess = draft.guess()[: max(room, 0)] if self.guesses and tape.can_move else ()
            self._take(model, tape, [tokens[-1], *guess], cancelled, each=True)

    def _read(
        self,
        model: _Model,
        tape: Tape,
        parts: Sequence[_Part],
        cancelled: Callable[[], bool],
    ) -> None:
        """Have a tape hold the parts and nothing else: what it holds already stays, parts whose
        cells are kept are put in, and all others are read. Raises Stopped."""
        wanted = [token for part in parts for token in part.tokens]
        with self._decoding_with(model):
            # The last one is always read, for what follows it is asked of the model.
            tape.cut(min(_n_common(tape.tokens, wanted), len(wanted) - 1))
            n_held = len(tape.tokens)
        unread: list[int] = []
        start = 0
        for part in parts:
            end = start + len(part.tokens)
            if n_held < end:
                n_new = len(part.tokens) - max(n_held - start, 0)
                if n_new > 1 and (cells := self._kept(part)):
                    self._take(model, tape, unread, cancelled)
                    n_put = self._put(model, tape, start, part, cells)
                    unread = part.tokens[n_put:]
                else:
                    unread += part.tokens[-n_new:]
                    if part.is_head:
                        # By itself in any case: tokens in slices of another size come out a
                        # little different.
                        self._take(model, tape, unread, cancelled)
                        self._keep(model, tape, part)
                        unread = []
            start = end
        self._take(model, tape, unread, cancelled)

    def _keep(self, model: _Model, tape: Tape, head: _Part) -> None:
        """All that the tape holds is the head."""
        if self._cells is not None and head.name and head.name not in self._cells:
            with self._decoding_with(model):
                data = tape.copy(0, len(head.tokens))
            self._cells.save(head.name, Cells(tuple(head.tokens), data))

    def _kept(self, part: _Part) -> Cells | None:
        """Cells that begin as the part does, if it is worth while."""
        cells = self._cells.load(part.name) if self._cells and part.name else None
        if cells is None or _n_common(cells.tokens, part.tokens) < min(FEWEST, len(part.tokens)):
            return None
        if part.is_head:
            return cells
        try:
            return replace(cells, data=halve.restore(cells.data))
        except ValueError:
            return None

    def _put(self, model: _Model, tape: Tape, start: int, part: _Part, cells: Cells) -> int:
        """Put cells in at `start`. Returns how many tokens of the part they stand for."""
        n = _n_common(cells.tokens, part.tokens)
        with self._decoding_with(model):
            tape.cut(start)
            return n if tape.paste(cells, n) else 0

    def _take(
        self,
        model: _Model,
        tape: Tape,
        tokens: Sequence[int],
        cancelled: Callable[[], bool],
        *,
        each: bool = False,
    ) -> None:
        """Read tokens in slices. Raises Stopped when cancelled, or when the model was closed."""
        for start in range(0, len(tokens), SLICE):
            if cancelled():
                raise Stopped
            read = tokens[start : start + SLICE]
            with self._decoding_with(model):
                began = time.perf_counter()
                tape.read(read, each=each)
                took_s = time.perf_counter() - began
            # Short ones take longer for each token; the other tape is read at a low priority.
            if tape is model.tape and len(read) >= SLICE // 2:
                self._lately = (*self._lately, (len(read), took_s))[-LATELY:]

    @contextmanager
    def _decoding_with(self, model: _Model) -> Iterator[None]:
        """Raises Stopped when the model was closed."""
        with self._decoding:
            if model is not self._model:
                raise Stopped
            yield


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


def setup(fingerprint: str) -> str:
    """A word that changes with whatever decides how many threads are the fastest. fingerprint: of
    the weights."""
    parts = (fingerprint, llama_version, cores.name(), cores.physical(), cores.logical())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _fastest(rounds: Sequence[dict[int, float]]) -> int:
    """rounds: seconds by number of threads, the likeliest first."""
    likeliest = next(iter(rounds[0]))
    ratios = {n: median(took[n] / took[likeliest] for took in rounds) for n in rounds[0]}
    fastest = min(ratios, key=lambda n: ratios[n])
    return fastest if ratios[fastest] <= FASTER else likeliest


def _load(path: Path, n_context: int, threads: int, gpu_layers: int) -> _Model:
    """With as many layers on the graphics card as fit, but no more than gpu_layers unless that is
    negative."""
    n = n_layers(path) if gpu_layers and has_gpu() else 0
    n = n if gpu_layers < 0 else min(n, gpu_layers)
    while n:
        try:
            return _loaded_with(n, path, n_context, threads)
        except ModelError:  # llama.cpp does not say whether the card's memory was too small
            n //= 2
    return _loaded_with(0, path, n_context, threads)


def _loaded_with(gpu_layers: int, path: Path, n_context: int, threads: int) -> _Model:
    weights = Weights(path, gpu_layers=gpu_layers)
    try:
        tape = Tape(weights, n_context=min(n_context, weights.n_trained), threads=threads)
    except ModelError:
        weights.close()
        raise
    return _Model(weights, tape, *_markup(weights))


def _markup(weights: Weights) -> tuple[list[int], list[int], list[int]]:
    """Tokens before the instructions, between them and the user's text, and after it."""
    texts = chat_markup(
        weights.metadata("tokenizer.chat_template") or CHATML,
        bos=weights.bytes_of(weights.bos, special=True).decode("utf-8", "replace"),
        eos=weights.bytes_of(weights.eos, special=True).decode("utf-8", "replace"),
    )
    before, between, after = (weights.tokens(text, special=True) for text in texts)
    if weights.adds_bos and before[:1] != [weights.bos]:
        before.insert(0, weights.bos)
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
            # A model that thinks aloud by its template's default would fill the answer with it.
            text = formatter(messages=messages, enable_thinking=False).prompt
        except (jinja2.TemplateError, ValueError, TypeError, LookupError, AttributeError) as error:
            _log.debug("chat template: %s", error)
            continue
        before, system_mark, rest = text.partition(SYSTEM_MARK)
        between, user_mark, after = rest.partition(USER_MARK)
        if system_mark and user_mark:
            return before, between, after
    return chat_markup(CHATML, bos=bos, eos=eos)


@contextmanager
def _stopping(tape: Tape, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Have a tape stop in the middle of a slice when `cancelled` says so."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(WAIT_S):
            if cancelled():
                tape.stop()
                return

    thread = threading.Thread(target=look, name="stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        tape.go_on()


def _n_tokens(parts: Sequence[_Part]) -> int:
    return sum(len(part.tokens) for part in parts)


def _n_common(some: Sequence[int], others: Sequence[int]) -> int:
    """How many tokens both begin with."""
    n = min(len(some), len(others))
    return next((i for i in range(n) if some[i] != others[i]), n)


def _agreed(tape: Tape, guess: Sequence[int]) -> list[int]:
    """The tokens that the model writes by itself once the guess has been read: those of it that it
    agrees with, and one more. The rest of the guess is cut off."""
    n_sure = len(tape.tokens) - len(guess)
    agreed: list[int] = []
    for i, guessed in enumerate((*guess, None)):
        agreed.append(int(tape.logits(i - len(guess) - 1).argmax()))
        if agreed[-1] != guessed:
            break
    tape.cut(n_sure + len(agreed) - 1)
    return agreed


def _log_probability(logits: FloatArray, token: int) -> float:
    """Natural logarithm of the probability that `token` comes next."""
    precise = logits.astype(np.float64)
    highest = precise.max()
    return float(precise[token] - highest - np.log(np.exp(precise - highest).sum()))
