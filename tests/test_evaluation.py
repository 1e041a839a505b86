"""The reading of files of questions."""

import json
from pathlib import Path
from typing import Any

import evaluation
import pytest

from rag.errors import SettingsError

ONE = {"id": "1", "dataset": "d", "question": "Why?", "pdf": ["a/b.pdf"], "pages": [3, 4]}
TWO = {**ONE, "pdf": ["a/b.pdf", "a/c.d.pdf"], "pages": [["c.d", 2], ["b", 1]]}


def written(folder: Path, *questions: object) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(json.dumps(question) for question in questions) + "\n\n")
    return path


def test_pages_are_those_of_the_only_pdf_or_name_theirs(tmp_path: Path) -> None:
    one, two = evaluation.read(written(tmp_path, ONE, TWO))

    assert one.pages == (("a/b.pdf", 3), ("a/b.pdf", 4))
    assert two.pages == (("a/c.d.pdf", 2), ("a/b.pdf", 1))


def test_a_question_is_of_a_passage_or_of_pdfs(tmp_path: Path) -> None:
    about = {"id": 1, "dataset": "d", "question": "Why?", "answers": ["x"], "answerable": False}
    of_passage, of_pdf = evaluation.read(
        written(tmp_path, {**about, "context": "Because.", "title": "Reasons"}, ONE)
    )

    assert (of_passage.kind, of_passage.context, of_passage.title) == (
        "passages", "Because.", "Reasons",
    )  # fmt: skip
    assert (of_passage.answers, of_passage.answerable) == (("x",), False)
    assert (of_pdf.kind, of_pdf.pdfs) == ("pdfs", ("a/b.pdf",))


@pytest.mark.parametrize(
    "told",
    [
        "no object",
        {"id": "1"},
        {**TWO, "pages": [1]},
        {**TWO, "pages": [["e", 1]]},
        {**TWO, "pages": [["b", "first"]]},
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, told: object) -> None:
    with pytest.raises(SettingsError, match=r"questions\.jsonl, line 2"):
        evaluation.read(written(tmp_path, ONE, told))


def test_a_limit_takes_questions_from_all_over_the_file(tmp_path: Path) -> None:
    told: list[dict[str, Any]] = [{**ONE, "id": i, "dataset": "de"[i % 2]} for i in range(100)]
    questions = evaluation.read(written(tmp_path, *told))

    assert [q.id for q in evaluation.choose(questions, limit=4)] == ["0", "25", "50", "75"]
    assert [q.id for q in evaluation.choose(questions, datasets=["e"], limit=2)] == ["1", "51"]
    assert evaluation.choose(questions, limit=500) == questions
