import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest
import tiny_gguf

from rag.cells import CellStore
from rag.errors import ContextOverflow, ModelCorrupt, ModelMissing
from rag.llm import ROUNDS, LlamaGenerator, _fastest, chat_markup, setup
from rag.tape import SLICE, Stopped, Tape, Weights
from rag.types import Cells, Piece, Prompt

WEIGHTS = Path(__file__).parent.parent / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
PASSAGE = "The harbour took in forty-one ships that year, and nine of them carried salt.\n\n"
PROMPT = Prompt("Answer briefly.", (PASSAGE,), "Question: What did nine ships carry?")
STORY = Prompt("Write a long story.", (), "Tell me all about the sea, in many words.")


class Counted:
    """Never cancels; counts how often it was asked."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> bool:
        self.n += 1
        return False


@pytest.fixture(scope="module")
def smol() -> Iterator[LlamaGenerator]:
    generator = LlamaGenerator(WEIGHTS, n_context=2048, name="smol")
    yield generator
    generator.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each reading of a tape was of."""
    counts: list[int] = []
    read = Tape.read

    def counted(tape: Tape, tokens: Sequence[int], *, each: bool = False) -> None:
        counts.append(len(tokens))
        read(tape, tokens, each=each)

    monkeypatch.setattr(Tape, "read", counted)
    return counts


def text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def wait_for_line(generator: LlamaGenerator, n_ahead: int) -> None:
    deadline = time.monotonic() + 20
    while generator.n_ahead != n_ahead:
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- Chat markup ---------------------------------------------------------------------------------


def test_markup_comes_from_the_template() -> None:
    template = (
        "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )

    assert chat_markup(template, bos="<s>") == ("<s><system>", "</><user>", "</><assistant>")


@pytest.mark.parametrize(
    "system_role",
    [
        "{{ raise_exception('System role not supported') }}",
        "",
    ],
    ids=["refused", "dropped"],
)
def test_a_template_without_a_system_role_gets_instructions_in_the_users_turn(
    system_role: str,
) -> None:
    template = (
        "{% for m in messages %}{% if m.role == 'system' %}" + system_role + "{% else %}"
        "[INST] {{ m.content | trim }} [/INST]{% endif %}{% endfor %}"
    )

    assert chat_markup(template) == ("[INST] ", "\n\n", " [/INST]")


CHATML = (
    "<|im_start|>system\n",
    "<|im_end|>\n<|im_start|>user\n",
    "<|im_end|>\n<|im_start|>assistant\n",
)


@pytest.mark.parametrize(
    "template",
    ["", "{% for", "{{ ''.__class__.__mro__ }}{{ messages[0].content }}", "{{ nothing.at.all }}"],
    ids=["none", "syntax", "sandbox", "undefined"],
)
def test_a_template_that_cannot_be_rendered_gives_way_to_chatml(template: str) -> None:
    assert chat_markup(template) == CHATML


# --- Small parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        ([{4: 1.0, 8: 0.8, 2: 1.7}], 8),
        ([{4: 1.0, 8: 0.97}], 4),
        ([{4: 1.0, 8: 1.3}], 4),
        ([{8: 1.0, 16: 0.8, 4: 0.7}], 4),
        ([{4: 7.0, 8: 1.2}, {4: 1.0, 8: 1.1}, {4: 1.0, 8: 1.2}], 4),
        ([{4: 1.0, 8: 0.8}, {4: 3.0, 8: 2.5}, {4: 1.0, 8: 7.0}], 8),
    ],
    ids=["faster", "hardly faster", "slower", "half", "held up once", "the other held up once"],
)
def test_another_number_of_threads_must_be_clearly_faster(
    rounds: list[dict[int, float]], expected: int
) -> None:
    assert _fastest(rounds) == expected


@pytest.mark.parametrize("other", ["rag.cores.name", "rag.cores.physical", "rag.cores.logical"])
def test_another_processor_or_model_is_another_setup(
    monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    here = setup("weights")
    assert here == setup("weights") != setup("others")

    monkeypatch.setattr(other, lambda: 999)

    assert setup("weights") != here


# --- Wrong files ---------------------------------------------------------------------------------


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"gone\.gguf"):
        LlamaGenerator(tmp_path / "gone.gguf", n_context=512).load()


def test_a_folder_is_not_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        LlamaGenerator(tmp_path, n_context=512).load()


def test_weights_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"mod\xe8le.gguf")
    try:
        tiny_gguf.write(path, template="{{ messages }}", marks=[], end="</s>")
    except OSError:
        pytest.skip("this file system takes only names that are text")

    weights = Weights(path)

    assert weights.metadata("general.name") == "tiny"
    weights.close()


@pytest.mark.parametrize("content", [b"", b"hello world" * 100, b"GGUF\xff\xff\x00\x00"])
def test_a_file_that_is_no_model_is_corrupt(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.gguf"
    path.write_bytes(content)

    with pytest.raises(ModelCorrupt, match=r"odd\.gguf cannot be loaded"):
        LlamaGenerator(path, n_context=512).load()

    assert capfd.readouterr() == ("", "")


@pytest.mark.real
@pytest.mark.parametrize("n_bytes", [5_000, 40_000_000])
def test_a_file_cut_short_is_corrupt(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "short.gguf"
    path.write_bytes(WEIGHTS.read_bytes()[:n_bytes])

    with pytest.raises(ModelCorrupt):
        LlamaGenerator(path, n_context=512).count_tokens("one")


# --- How weights are laid out ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("built_for", "kind", "as_in_the_file"),
    [
        ("AVX2 = 1 | AVX512_VNNI = 0 | ", 15, False),
        ("AVX2 = 1 | AVX512_VNNI = 1 | ", 15, True),
        ("AVX2 = 1 | AVX512_VNNI = 1 | ", 14, True),
        ("AVX2 = 1 | AVX512_VNNI = 1 | ", 2, False),
        ("AVX2 = 1 | AVX512_VNNI = 1 | AMX_INT8 = 1 | ", 2, True),
        ("NEON = 1 | ", 15, False),
    ],
)
def test_weights_stay_as_in_the_file_where_they_are_read_faster_so_or_would_crash(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    built_for: str,
    kind: int,
    as_in_the_file: bool,
) -> None:
    path = tmp_path / "tiny.gguf"
    tiny_gguf.write(path, template="{{ messages }}", marks=[], end="</s>", kind=kind)
    told = f"CPU : {built_for}".encode()
    monkeypatch.setattr(llama_cpp, "llama_print_system_info", lambda: told)
    asked: list[tuple[bool, bool]] = []
    load = llama_cpp.llama_model_load_from_file

    def load_noted(path: bytes, parameters: Any) -> Any:
        mapped = parameters.load_mode != llama_cpp.LLAMA_LOAD_MODE_NONE
        if not parameters.vocab_only:
            asked.append((not parameters.use_extra_bufts, mapped))
        return load(path, parameters)

    monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", load_noted)
    Weights(path).close()

    assert asked == [(as_in_the_file, as_in_the_file)]


# --- The real model ------------------------------------------------------------------------------


@pytest.mark.real
def test_an_answer_streams_and_its_last_piece_tells_why_it_ended(smol: LlamaGenerator) -> None:
    pieces = list(smol.generate(PROMPT, max_tokens=60))

    assert "salt" in text(pieces)
    assert [piece.stop for piece in pieces] == [None] * (len(pieces) - 1) + ["complete"]
    assert len(pieces) > 3


@pytest.mark.real
def test_an_answer_ends_at_the_most_tokens_allowed(smol: LlamaGenerator) -> None:
    pieces = list(smol.generate(STORY, max_tokens=7))

    assert pieces[-1].stop == "length"
    assert sum(piece.n_tokens for piece in pieces) == 7


@pytest.mark.real
def test_an_answer_ends_where_the_window_does() -> None:
    generator = LlamaGenerator(WEIGHTS, n_context=80)
    room = 80 - generator.prompt_tokens(STORY)

    pieces = list(generator.generate(STORY, max_tokens=400))
    generator.close()

    assert pieces[-1].stop == "length"
    assert sum(piece.n_tokens for piece in pieces) == room


@pytest.mark.real
def test_the_same_question_gets_the_same_answer(smol: LlamaGenerator) -> None:
    first = text(list(smol.generate(PROMPT, max_tokens=30)))

    assert text(list(smol.generate(PROMPT, max_tokens=30))) == first


@pytest.mark.real
def test_an_answer_goes_on_from_its_opening_and_reads_no_more_than_that(
    smol: LlamaGenerator, reads: list[int]
) -> None:
    whole = text(list(smol.generate(STORY, max_tokens=12)))
    opening = whole[: whole.index(" ", 10)]
    reads.clear()

    rest = text(list(smol.generate(replace(STORY, opening=opening), max_tokens=12)))

    assert (opening + rest).startswith(whole)
    assert reads[0] <= smol.count_tokens(opening)
    assert smol.prompt_tokens(replace(STORY, opening=opening)) == (
        smol.prompt_tokens(STORY) + smol.count_tokens(opening)
    )


def test_counts_add_up_to_the_prompt(smol: LlamaGenerator) -> None:
    longer = Prompt(PROMPT.instructions, PROMPT.passages * 3, PROMPT.question)
    added = smol.prompt_tokens(longer) - smol.prompt_tokens(PROMPT)

    assert added == 2 * smol.count_tokens(PASSAGE)


@pytest.mark.real
def test_no_text_of_a_document_becomes_chat_markup(smol: LlamaGenerator) -> None:
    assert smol.count_tokens("<|im_end|>") > 1


@pytest.mark.real
def test_text_that_is_not_unicode_is_counted_all_the_same(smol: LlamaGenerator) -> None:
    assert smol.count_tokens("broken \ud800 text") > 0


@pytest.mark.real
def test_a_prompt_over_the_window_is_refused_with_the_numbers() -> None:
    generator = LlamaGenerator(WEIGHTS, n_context=128, name="smol")
    prompt = Prompt("", (PASSAGE * 20,), "Why?")
    n_tokens = generator.prompt_tokens(prompt)

    with pytest.raises(ContextOverflow) as raised:
        next(generator.generate(prompt, max_tokens=5))
    generator.close()

    assert f"{n_tokens} tokens" in str(raised.value)
    assert "128" in str(raised.value)
    assert generator.n_ahead == 0


@pytest.mark.real
def test_the_window_is_no_wider_than_the_model_was_trained_for() -> None:
    generator = LlamaGenerator(WEIGHTS, n_context=20_000)
    generator.load()
    generator.close()

    assert generator.n_context == 8192


@pytest.mark.real
def test_a_prompt_with_the_same_head_is_read_from_where_it_differs(
    smol: LlamaGenerator, reads: list[int]
) -> None:
    passages = tuple(f"Year {n}. {PASSAGE}" for n in range(16))
    whole = Prompt("Be brief.", passages, "Why?")

    list(smol.generate(whole, max_tokens=1))
    assert sum(reads) > smol.prompt_tokens(whole) - 10  # the head of the markup was there
    assert max(reads) == SLICE

    reads.clear()
    list(smol.generate(Prompt("Be brief.", passages, "Where?"), max_tokens=1))
    assert sum(reads) < 20


@pytest.mark.real
def test_how_long_reading_takes_is_unknown_before_anything_was_read() -> None:
    generator = LlamaGenerator(WEIGHTS, n_context=512)
    assert generator.reading_s(PROMPT) is None

    list(generator.generate(PROMPT, max_tokens=1))
    assert generator.reading_s(PROMPT) is None  # too short to tell

    list(generator.generate(Prompt("", (PASSAGE * 10,), "Why?"), max_tokens=1))
    assert generator.reading_s(PROMPT) is not None
    generator.close()


@pytest.mark.real
def test_how_long_reading_takes_follows_from_how_fast_it_went_and_what_is_left(
    smol: LlamaGenerator, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = Prompt("Be brief.", tuple(f"Mile {n}. {PASSAGE}" for n in range(16)), "Why?")
    list(smol.generate(long, max_tokens=1))
    monkeypatch.setattr(smol, "_lately", ((100, 1.0), (100, 3.0)))
    other = replace(long, passages=(*long.passages[:12], PASSAGE), question="Where?")
    estimates = [smol.reading_s(prompt) for prompt in (long, other)]
    reads.clear()

    list(smol.generate(other, max_tokens=1))

    assert estimates == pytest.approx([0.0, sum(reads) / 50])


@pytest.mark.real
def test_the_first_question_finds_the_instructions_read(
    smol: LlamaGenerator, reads: list[int]
) -> None:
    rules = "Answer from these papers, in one short sentence, and from nothing else."
    smol.warm_up(rules)
    n_rules = smol.count_tokens(rules)
    assert sum(reads) >= n_rules
    reads.clear()

    list(smol.generate(Prompt(rules, (), "Why?"), max_tokens=1))

    assert sum(reads) < n_rules
    assert smol.n_ahead == 0


@pytest.mark.real
def test_reading_only_the_rest_of_a_prompt_changes_no_answer(smol: LlamaGenerator) -> None:
    head = Prompt(PROMPT.instructions, PROMPT.passages, "Question: How many ships came in?")
    fresh = LlamaGenerator(WEIGHTS, n_context=2048)
    expected = text(list(fresh.generate(PROMPT, max_tokens=20)))
    fresh.close()

    list(smol.generate(head, max_tokens=20))

    assert text(list(smol.generate(PROMPT, max_tokens=20))) == expected


@pytest.mark.real
def test_stop_is_heard_between_tokens(smol: LlamaGenerator) -> None:
    stopped = threading.Event()
    pieces = smol.generate(STORY, max_tokens=200, cancelled=stopped.is_set)
    seen = [next(pieces) for _ in range(3)]

    stopped.set()

    assert [piece.stop for piece in (*seen, *pieces)] == [None, None, None, "cancelled"]


@pytest.mark.real
def test_stop_is_heard_while_the_prompt_is_read(smol: LlamaGenerator) -> None:
    passages = tuple(f"Stop {n}. {PASSAGE}" for n in range(16))
    counted = Counted()

    pieces = list(
        smol.generate(
            Prompt("", passages, "Why?"), max_tokens=9, cancelled=lambda: counted() or counted.n > 3
        )
    )

    assert pieces == [Piece("", 0, "cancelled")]


@pytest.mark.real
def test_a_second_caller_waits_its_turn(smol: LlamaGenerator) -> None:
    first = smol.generate(STORY, max_tokens=50)
    next(first)
    answers: list[str] = []
    second = threading.Thread(
        target=lambda: answers.append(text(list(smol.generate(PROMPT, max_tokens=20))))
    )
    second.start()
    wait_for_line(smol, 2)
    assert smol.count_tokens("free to count") > 0
    assert answers == []

    list(first)
    second.join()

    assert smol.n_ahead == 0
    assert "salt" in answers[0]


@pytest.mark.real
def test_callers_are_served_in_the_order_they_came(smol: LlamaGenerator) -> None:
    first = smol.generate(STORY, max_tokens=50)
    next(first)
    served: list[int] = []

    def ask(n: int) -> None:
        served.extend(n for _ in smol.generate(PROMPT, max_tokens=2))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(3)]
    for n_ahead, thread in enumerate(threads, start=2):
        thread.start()
        wait_for_line(smol, n_ahead)

    first.close()  # type: ignore[attr-defined]  # an Iterator by its promise, a generator in fact
    for thread in threads:
        thread.join()

    assert served == sorted(served)
    assert set(served) == {0, 1, 2}


@pytest.mark.real
def test_a_waiting_caller_can_give_up(smol: LlamaGenerator) -> None:
    first = smol.generate(STORY, max_tokens=50)
    next(first)
    give_up = time.monotonic() + 0.2

    pieces = list(smol.generate(PROMPT, max_tokens=5, cancelled=lambda: time.monotonic() > give_up))

    assert pieces == [Piece("", 0, "cancelled")]
    assert smol.n_ahead == 1
    first.close()  # type: ignore[attr-defined]


@pytest.mark.real
def test_closing_in_the_middle_leaves_the_model_usable(smol: LlamaGenerator) -> None:
    pieces = smol.generate(STORY, max_tokens=50)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]

    assert smol.n_ahead == 0
    assert "salt" in text(list(smol.generate(PROMPT, max_tokens=30)))


@pytest.mark.real
def test_a_model_closed_in_the_middle_ends_the_answer_and_loads_again() -> None:
    generator = LlamaGenerator(WEIGHTS, n_context=512)
    pieces = generator.generate(STORY, max_tokens=50)
    next(pieces)

    generator.close()

    assert [piece.stop for piece in pieces] == ["cancelled"]
    assert text(list(generator.generate(PROMPT, max_tokens=5))) != ""
    generator.close()


@pytest.mark.real
def test_pieces_hold_whole_characters_only(smol: LlamaGenerator) -> None:
    prompt = Prompt("Repeat the text exactly.", (), "日本語 🦜🏴 Ωμέγα 日本語 🦜🏴 Ωμέγα")

    pieces = list(smol.generate(prompt, max_tokens=40))

    assert max(piece.n_tokens for piece in pieces) > 1
    assert "\ufffd" not in text(pieces)
    assert any(ord(letter) > 0x2000 for letter in text(pieces))


def test_openings_are_weighed_by_how_likely_they_follow(smol: LlamaGenerator) -> None:
    said = text(list(smol.generate(PROMPT, max_tokens=1)))

    likeliest, unlikely = smol.weigh(PROMPT, [said, " zebra"])

    assert unlikely < likeliest <= 0
    assert unlikely < -5
    assert smol.weigh(PROMPT, [" zebra", said]) == (unlikely, likeliest)
    assert smol.weigh(PROMPT, []) == ()


def test_weighing_changes_no_answer_and_an_answer_no_weight(smol: LlamaGenerator) -> None:
    asked = Prompt("Say yes or no.", (), "Question: Do ships sail?")
    expected, weights = text(list(smol.generate(PROMPT, max_tokens=20))), []

    for _ in range(2):
        weights.append(smol.weigh(asked, ["Yes", "No"]))
        assert text(list(smol.generate(PROMPT, max_tokens=20))) == expected

    assert weights[0] == pytest.approx(weights[1], abs=1e-4)


def test_what_does_not_fit_or_is_cancelled_is_not_weighed(smol: LlamaGenerator) -> None:
    long = Prompt("Say yes or no.", (), "why " * 3000)

    assert smol.weigh(long, ["Yes"]) == ()
    assert smol.weigh(PROMPT, ["Yes"], cancelled=lambda: True) == ()
    assert len(smol.weigh(PROMPT, ["Yes"])) == 1


# --- Threads --------------------------------------------------------------------------------------


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of threads that were taken up, in order."""
    numbers: list[int] = []
    use = Tape.use

    def noted(tape: Tape, threads: int) -> None:
        numbers.append(threads)
        use(tape, threads)

    monkeypatch.setattr(Tape, "use", noted)
    return numbers


@pytest.mark.real
def test_the_fastest_number_of_threads_is_found_once_kept_and_used(
    monkeypatch: pytest.MonkeyPatch, used: list[int]
) -> None:
    kept: list[int] = []
    tried: list[Sequence[dict[int, float]]] = []

    def fastest(rounds: Sequence[dict[int, float]]) -> int:
        tried.append(rounds)
        return 1

    monkeypatch.setattr("rag.llm.TUNING_S", 0.0)
    monkeypatch.setattr("rag.llm._fastest", fastest)
    generator = LlamaGenerator(WEIGHTS, n_context=512, candidates=(2, 1), remember=kept.append)
    list(generator.generate(PROMPT, max_tokens=20))
    for _ in range(2):
        generator.tune()

    (rounds,) = tried
    assert [list(seconds) for seconds in rounds] == [[2, 1]] * ROUNDS
    assert all(0 < took < 60 for seconds in rounds for took in seconds.values())
    assert used == [2, 1] * ROUNDS + [1, 1]  # those that are tried, then the one for both tapes
    assert kept == [1]
    assert "salt" in text(list(generator.generate(PROMPT, max_tokens=20)))
    generator.close()


@pytest.mark.real
def test_finding_the_fastest_number_gives_way_and_begins_again(used: list[int]) -> None:
    kept: list[int] = []
    generator = LlamaGenerator(WEIGHTS, n_context=512, candidates=(2, 1), remember=kept.append)
    answer = generator.generate(STORY, max_tokens=20)
    next(answer)

    generator.tune()
    assert (kept, used[-1]) == ([], generator._threads)
    list(answer)

    generator.tune(cancelled=lambda: True)
    assert kept == []
    generator.tune()
    assert kept in ([1], [2])
    generator.close()


@pytest.mark.real
@pytest.mark.parametrize(
    ("threads", "candidates"), [(0, (2,)), (0, ()), (2, (2, 1))], ids=["one", "none", "chosen"]
)
def test_nothing_is_tried_where_there_is_nothing_to_choose(
    used: list[int], threads: int, candidates: tuple[int, ...]
) -> None:
    generator = LlamaGenerator(
        WEIGHTS,
        n_context=512,
        threads=threads,
        candidates=candidates,
        remember=lambda _threads: pytest.fail("was tried"),
    )
    generator.load()
    generator.tune()
    generator.close()

    assert used == []


# --- Graphics cards -------------------------------------------------------------------------------


class Card:
    """A graphics card as llama.cpp would see it. holds, runs: layers whose weights it has memory
    for, and with which it can read. tried: how many were to be put on it, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, holds: int, runs: int) -> None:
        self.tried: list[int] = []
        load, init = llama_cpp.llama_model_load_from_file, llama_cpp.llama_init_from_model

        def load_on_it(path: bytes, parameters: Any) -> Any:
            if not parameters.vocab_only:
                self.tried.append(parameters.n_gpu_layers)
            return None if parameters.n_gpu_layers > holds else load(path, parameters)

        def init_on_it(model: Any, parameters: Any) -> Any:
            return None if self.tried[-1] > runs else init(model, parameters)

        monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: True)
        monkeypatch.setattr(llama_cpp, "llama_model_load_from_file", load_on_it)
        monkeypatch.setattr(llama_cpp, "llama_init_from_model", init_on_it)


@pytest.mark.real
@pytest.mark.parametrize(
    ("wanted", "holds", "runs", "tried"),
    [
        (-1, 99, 99, [31]),
        (-1, 20, 20, [31, 15]),
        (-1, 31, 8, [31, 15, 7]),
        (-1, 0, 0, [31, 15, 7, 3, 1, 0]),
        (10, 99, 99, [10]),
        (10, 9, 9, [10, 5]),
        (50, 99, 99, [31]),
        (0, 99, 99, [0]),
    ],
    ids=["all", "weights", "reading", "nothing", "some", "too many", "more than all", "none"],
)
def test_as_many_layers_as_fit_are_put_on_the_graphics_card(
    monkeypatch: pytest.MonkeyPatch, wanted: int, holds: int, runs: int, tried: list[int]
) -> None:
    card = Card(monkeypatch, holds=holds, runs=runs)
    generator = LlamaGenerator(WEIGHTS, n_context=512, gpu_layers=wanted)
    generator.load()

    assert card.tried == tried
    assert generator.offloaded == f"{tried[-1]} of 31 layers on the graphics card"
    assert "salt" in text(list(generator.generate(PROMPT, max_tokens=20)))
    generator.close()


@pytest.mark.real
def test_without_a_graphics_card_no_layer_is_put_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card(monkeypatch, holds=99, runs=99)
    monkeypatch.setattr(llama_cpp, "llama_supports_gpu_offload", lambda: False)
    generator = LlamaGenerator(WEIGHTS, n_context=512, gpu_layers=-1)
    generator.load()

    assert (card.tried, generator.offloaded) == ([0], "")
    generator.close()


@pytest.mark.parametrize("content", [None, b"hello world" * 100])
def test_a_graphics_card_changes_nothing_about_wrong_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    Card(monkeypatch, holds=99, runs=99)
    path = tmp_path / "odd.gguf"
    if content:
        path.write_bytes(content)

    with pytest.raises(ModelCorrupt if content else ModelMissing, match=r"odd\.gguf"):
        LlamaGenerator(path, n_context=512, gpu_layers=-1).load()


# --- Cells that are kept --------------------------------------------------------------------------

DOC = "d" * 64
TALE = (
    "[tale.txt]\nThe mill at Orford was built of red brick in 1804 by the widow Anne Gale.\n\n",
    "[tale.txt]\nIts wheel was taken down after the flood, and its stones went to a farmer.\n\n",
    "[tale.txt]\nNobody has ground corn there since, though the race still runs in spring.\n\n",
)
RULES = "Answer from the passages."


def named(*numbers: int) -> tuple[str, ...]:
    return tuple(f"s/{DOC}/{n}" for n in numbers)


def about(question: str, *numbers: int, cells: bool = True) -> Prompt:
    passages = tuple(TALE[n] for n in numbers)
    return Prompt(RULES, passages, question, named(*numbers) if cells else ())


@pytest.fixture
def store(tmp_path: Path) -> CellStore:
    (tmp_path / "cells").mkdir()
    return CellStore(tmp_path / "cells", max_bytes=10**8)


@pytest.fixture
def keeping(store: CellStore) -> Iterator[LlamaGenerator]:
    generator = LlamaGenerator(WEIGHTS, n_context=2048, name="smol", cells=store)
    yield generator
    generator.close()


@pytest.mark.real
def test_instructions_are_read_once_and_put_in_again_as_they_were(
    keeping: LlamaGenerator, smol: LlamaGenerator, store: CellStore, reads: list[int]
) -> None:
    keeping.warm_up(RULES)
    assert len(store) == 1
    assert store.count(keeping.stamp) == 0
    reads.clear()

    again = LlamaGenerator(WEIGHTS, n_context=2048, name="smol", cells=store)
    with closing(again):
        again.warm_up(RULES)
        assert reads == []
        told = text(list(again.generate(about("Why?", 1, cells=False), max_tokens=20)))
        assert again._model is not None
        after = again._model.tape.logits().copy()

    assert told == text(list(smol.generate(about("Why?", 1), max_tokens=20)))
    assert smol._model is not None
    assert abs(after - smol._model.tape.logits()).max() < 1e-3
    assert len(store) == 1


@pytest.mark.real
def test_an_answer_from_prepared_passages_reads_the_question_only(
    keeping: LlamaGenerator, reads: list[int]
) -> None:
    for n in range(3):
        assert keeping.prepare(about("", *range(n + 1)))
    list(keeping.generate(about("Why?", 2), max_tokens=1))
    reads.clear()

    list(keeping.generate(about("Who built the mill?", 2, 0, 1), max_tokens=1))

    n_asked = keeping.count_tokens("Who built the mill?")
    assert n_asked <= sum(reads) <= n_asked + 10


@pytest.mark.real
def test_passages_that_have_cells_take_no_time_to_read(
    keeping: LlamaGenerator, store: CellStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping.prepare(about("", 0))
    list(keeping.generate(about("Why?", 1), max_tokens=1))
    monkeypatch.setattr(keeping, "_lately", ((100, 1.0),))
    unread = keeping.count_tokens(TALE[2] + "Who built the mill?")
    monkeypatch.setattr(store, "load", lambda _name: pytest.fail("read from the disk"))

    seconds = keeping.reading_s(about("Who built the mill?", 0, 2))

    assert seconds == pytest.approx(unread / 100, abs=0.06)


@pytest.mark.real
def test_cells_in_the_order_of_their_document_are_those_of_reading_it(
    keeping: LlamaGenerator, smol: LlamaGenerator
) -> None:
    prompt = about("Question: Who built the mill?", 0, 1, 2)
    for n in range(3):
        keeping.prepare(about("", *range(n + 1)))
    list(keeping.generate(prompt, max_tokens=1))
    assert keeping._model is not None
    put = keeping._model.tape.logits().copy()

    model, parts = smol._layout(prompt)
    model.tape.cut(0)
    for n in range(2, 6):
        smol._read(model, model.tape, parts[:n], lambda: False)

    # As near as eight bits are, and reading the same in other slices is no nearer.
    assert abs(put - model.tape.logits()).mean() < 0.4


@pytest.mark.real
def test_a_passage_is_understood_at_another_place_than_it_was_prepared_at(
    keeping: LlamaGenerator,
) -> None:
    harbour = f"s/{DOC}/harbour"
    keeping.prepare(Prompt(RULES, (PASSAGE,), "", (harbour,)))
    prompt = Prompt(RULES, (TALE[1], TALE[2], PASSAGE), PROMPT.question, (*named(1, 2), harbour))

    assert "salt" in text(list(keeping.generate(prompt, max_tokens=30)))


@pytest.mark.real
def test_a_passage_that_was_cut_uses_the_cells_of_its_beginning(
    keeping: LlamaGenerator, reads: list[int]
) -> None:
    keeping.prepare(about("", 0))
    list(keeping.generate(about("Why?", 1), max_tokens=1))
    reads.clear()
    cut = TALE[0][:60]

    list(keeping.generate(Prompt(RULES, (cut,), "Why?", named(0)), max_tokens=1))

    assert sum(reads) < 16


@pytest.mark.real
def test_passages_without_cells_are_read_as_ever(
    keeping: LlamaGenerator, smol: LlamaGenerator
) -> None:
    question = "Question: Who built the mill?"
    smol.load()
    assert smol._model is not None
    smol._model.tape.cut(0)  # read in the same slices

    unkept = text(list(keeping.generate(about(question, 1, 0), max_tokens=20)))

    assert unkept == text(list(smol.generate(about(question, 1, 0, cells=False), max_tokens=20)))


@pytest.mark.real
@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\xff" * 5000])
def test_cells_that_the_model_cannot_use_are_read_instead(
    keeping: LlamaGenerator, smol: LlamaGenerator, store: CellStore, data: bytes
) -> None:
    tokens = keeping._layout(about("", 0))[1][1].tokens
    store.save(f"s/{DOC}/0", Cells(tuple(tokens), data))
    keeping.prepare(about("", 1))
    unfit = store.load(f"s/{DOC}/1")
    assert unfit is not None
    store.save(f"s/{DOC}/1", replace(unfit, data=unfit.data[:-1]))
    question = "Question: Who built the mill?"

    answer = text(list(keeping.generate(about(question, 1, 0), max_tokens=10)))

    assert answer == text(list(smol.generate(about(question, 1, 0, cells=False), max_tokens=10)))


@pytest.mark.real
def test_preparing_takes_nothing_from_the_prompt_read_last(
    keeping: LlamaGenerator, reads: list[int]
) -> None:
    list(keeping.generate(about("Why?", 1, 2), max_tokens=1))
    keeping.prepare(about("", 0))
    reads.clear()

    list(keeping.generate(about("How?", 1, 2), max_tokens=1))

    assert sum(reads) < 16


@pytest.mark.real
def test_preparing_gives_way_to_an_answer(keeping: LlamaGenerator, store: CellStore) -> None:
    answer = keeping.generate(STORY, max_tokens=20)
    next(answer)

    assert not keeping.prepare(about("", 0))
    assert f"s/{DOC}/0" not in store

    list(answer)
    assert keeping.prepare(about("", 0))
    assert f"s/{DOC}/0" in store


@pytest.mark.real
def test_a_passage_longer_than_the_window_is_left_out(
    keeping: LlamaGenerator, store: CellStore
) -> None:
    long = "word " * 4000

    assert keeping.prepare(Prompt(RULES, (long,), "", named(0)))
    assert len(store) == 0

    assert keeping.prepare(Prompt(RULES, (long, TALE[1]), "", named(0, 1)))
    assert f"s/{DOC}/1" in store


@pytest.mark.real
def test_the_stamp_tells_models_apart_and_whether_anything_can_be_kept(
    keeping: LlamaGenerator, smol: LlamaGenerator, store: CellStore
) -> None:
    other = LlamaGenerator(WEIGHTS, n_context=512, cells=store, fingerprint="another")

    assert len({keeping.stamp, other.stamp, smol.stamp}) == 3
    assert smol.stamp == ""
    other.close()


# --- Guesses --------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize(
    "question",
    [
        "Repeat the passage about the harbour word for word.",
        "Question: What did nine ships carry?",
        "Tell a story about a mill.",
        "Question: Who built the mill at Orford, and when?",
    ],
)
def test_guesses_change_no_answer(question: str) -> None:
    prompt = Prompt(RULES, (PASSAGE, *TALE), question)
    answers = []
    for guesses in (False, True):
        generator = LlamaGenerator(WEIGHTS, n_context=1024, guesses=guesses)
        answers.append(text(list(generator.generate(prompt, max_tokens=60))))
        generator.close()

    assert answers[0] == answers[1]


@pytest.mark.real
def test_an_answer_that_quotes_takes_fewer_readings_than_tokens(
    smol: LlamaGenerator, reads: list[int]
) -> None:
    prompt = Prompt("Copy.", (PASSAGE,), "Repeat the passage word for word.")

    pieces = list(smol.generate(prompt, max_tokens=60))

    assert "forty-one ships" in text(pieces)
    assert len(reads) < 0.8 * sum(piece.n_tokens for piece in pieces)


@pytest.mark.real
def test_guesses_stay_within_the_window() -> None:
    generator = LlamaGenerator(WEIGHTS, n_context=96)
    prompt = Prompt("Copy.", (PASSAGE,), "Repeat the passage word for word, three times.")
    room = 96 - generator.prompt_tokens(prompt)

    pieces = list(generator.generate(prompt, max_tokens=400))
    generator.close()

    assert sum(piece.n_tokens for piece in pieces) <= room


# --- Tapes ----------------------------------------------------------------------------------------


@pytest.fixture
def tape() -> Iterator[Tape]:
    weights = Weights(WEIGHTS)
    tape = Tape(weights, n_context=512, threads=2)
    yield tape
    tape.close()
    weights.close()


@pytest.mark.real
def test_a_tape_that_is_stopped_holds_what_it_held_before(tape: Tape) -> None:
    tape.read(range(1000, 1040))
    expected = tape.logits().copy()
    tape.stop()
    with pytest.raises(Stopped):
        tape.read(range(2000, 2100))
    tape.go_on()

    assert tape.tokens == list(range(1000, 1040))
    tape.cut(39)
    tape.read([1039])
    assert np.allclose(tape.logits(), expected, atol=0.2)


@pytest.mark.real
def test_a_tape_stops_in_the_middle_of_a_slice(tape: Tape) -> None:
    start = time.monotonic()
    tape.read([1000] * SLICE)
    whole_s = time.monotonic() - start
    tape.cut(0)
    timer = threading.Timer(whole_s / 8, tape.stop)
    timer.start()
    with pytest.raises(Stopped):  # else the slice came to its end
        tape.read([1000] * SLICE)
    assert tape.tokens == []


@pytest.mark.real
def test_a_tape_that_is_stopped_while_cells_move_keeps_what_was_read_before(tape: Tape) -> None:
    tape.read([1, 2, 3, *range(1000, 1030)])
    cells = Cells(tuple(range(1000, 1030)), tape.copy(3, 33))
    tape.cut(3)
    tape.read([4, 5])
    assert tape.paste(cells, 30)
    tape.stop()
    with pytest.raises(Stopped):
        tape.read([6])
    tape.go_on()

    assert tape.tokens == [1, 2, 3, 4, 5]


@pytest.mark.real
def test_cells_put_back_where_they_were_are_the_same(tape: Tape) -> None:
    tokens = list(range(1000, 1060))
    tape.read(tokens)
    expected = tape.logits().copy()
    cells = Cells(tuple(tokens[20:59]), tape.copy(20, 59))
    tape.cut(20)
    assert tape.paste(cells, 39)
    tape.read(tokens[59:])

    assert np.allclose(tape.logits(), expected, atol=0.2)
