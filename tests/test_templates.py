"""Any instruct model with its own chat template: its markup, and a tiny model asked with it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny_gguf

from rag import opinion
from rag.llm import LlamaGenerator, chat_markup
from rag.types import Prompt

TEMPLATES = Path(__file__).with_name("templates")
IM, END = "<|im_start|>", "<|im_end|>"
HEADER = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
TURN = ("<start_of_turn>", "<end_of_turn>")


@dataclass(frozen=True)
class Family:
    """markup: around the instructions and the user's text. marks: tokens of its own. end: of a
    turn."""

    name: str
    markup: tuple[str, str, str]
    marks: tuple[str, ...]
    end: str


CHATML = (f"{IM}system\n", f"{END}\n{IM}user\n", f"{END}\n{IM}assistant\n")
FAMILIES = [
    Family("qwen", CHATML, (IM, END), END),
    Family(
        "qwen3",
        (*CHATML[:2], f"{CHATML[2]}<think>\n\n</think>\n\n"),
        (IM, END, "<think>", "</think>"),
        END,
    ),
    Family("smollm", CHATML, (IM, END), END),
    Family(
        "llama3",
        (
            "<s><|start_header_id|>system<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        HEADER,
        "<|eot_id|>",
    ),
    Family("mistral", ("<s>[INST] ", "\n\n", " [/INST]"), ("[INST]", "[/INST]"), "</s>"),
    Family(
        "mistral_system",
        ("<s>[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT][INST]", "[/INST]"),
        ("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]"),
        "</s>",
    ),
    Family(
        "phi3",
        ("<|system|>\n", "<|end|>\n<|user|>\n", "<|end|>\n<|assistant|>\n"),
        ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
        "<|end|>",
    ),
    Family(
        "phi4",
        (
            f"{IM}system<|im_sep|>",
            f"{END}{IM}user<|im_sep|>",
            f"{END}{IM}assistant<|im_sep|>",
        ),
        (IM, "<|im_sep|>", END),
        END,
    ),
    Family(
        "gemma2",
        ("<s><start_of_turn>user\n", "\n\n", "<end_of_turn>\n<start_of_turn>model\n"),
        TURN,
        "<end_of_turn>",
    ),
    Family(
        "gemma3",
        ("<s><start_of_turn>user\n", "\n\n", "<end_of_turn>\n<start_of_turn>model\n"),
        TURN,
        "<end_of_turn>",
    ),
]
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def template(family: Family) -> str:
    return (TEMPLATES / f"{family.name}.jinja").read_text(encoding="utf-8")


def test_every_template_has_a_family() -> None:
    assert {path.stem for path in TEMPLATES.iterdir()} == {family.name for family in FAMILIES}


@families
def test_the_markup_is_that_of_the_family(family: Family) -> None:
    assert chat_markup(template(family), bos="<s>", eos="</s>") == family.markup


@families
def test_a_model_of_the_family_is_asked_and_answers(family: Family, tmp_path: Path) -> None:
    path = tiny_gguf.write(
        tmp_path / f"{family.name}.gguf",
        template=template(family),
        marks=family.marks,
        end=family.end,
    )
    asked = Prompt("Answer.", ("[a.pdf, page 1]\nPears ripen.\n\n",), "Question: What ripens?")
    generator = LlamaGenerator(path, n_context=512, threads=2)

    pieces = list(generator.generate(asked, max_tokens=8))
    again = list(generator.generate(asked, max_tokens=8))
    chances = generator.weigh(asked, opinion.OPENINGS)
    n_tokens = generator.prompt_tokens(asked)
    generator.close()

    assert pieces[-1].stop in ("complete", "length")
    assert 0 <= sum(piece.n_tokens for piece in pieces) <= 8
    assert len(chances) == 2
    assert max(chances) < 0
    assert "".join(p.text for p in pieces) == "".join(p.text for p in again)
    # Every mark is one token, and every other character one: the vocabulary is of bytes.
    written = "".join([*family.markup, asked.instructions, *asked.passages, asked.question])
    for mark in (*family.marks, "<s>"):
        written = written.replace(mark, "\0")
    has_start = family.markup[0].startswith("<s>")
    assert n_tokens == len(written) + (0 if has_start else 1)
