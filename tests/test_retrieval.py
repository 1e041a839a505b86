"""The benchmark of retrieval: what counts as found, and a run over a small folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import evaluation
import pdfs
import pytest
import retrieval

from rag.settings import ROOT

QUESTION = evaluation.Question("1", "d", "Why?", ("a.pdf",), (), True, (("a.pdf", 1),), "")


def outcome(
    first: int | None, bm25_first: int | None, setting: retrieval.Setting = "one", ms: float = 9.0
) -> retrieval.Outcome:
    return retrieval.Outcome(QUESTION, setting, first, bm25_first, ms)


def test_a_page_counts_once_however_many_passages_stand_on_it() -> None:
    found = retrieval.distinct([("a", 1), ("a", 1), ("a", 2), ("a", 1), ("b", 1)])

    assert found == [("a", 1), ("a", 2), ("b", 1)]
    assert retrieval.first(found, {("a", 2), ("b", 1)}) == 2
    assert retrieval.first(found, {("b", 2)}) is None


def test_bm25_ranks_pages_by_their_words_and_finds_nothing_in_empty_ones() -> None:
    texts = {("a", 1): "apples and pears", ("a", 2): "plums", ("b", 1): ""}

    assert retrieval.Bm25(texts).pages("Where are the plums?")[0] == ("a", 2)
    assert retrieval.Bm25({("b", 1): ""}).pages("Where are the plums?") == []


def test_a_floor_is_missed_by_too_little_above_bm25_and_by_slow_queries() -> None:
    better = [outcome(5, 6), outcome(1, 1), outcome(None, None), outcome(1, 1)]
    shared = [outcome(first, first, "shared", 50.0) for first in (1, None)]

    assert retrieval.missed([*better, *shared]) == [
        "shared: hit@5 +0.0 points beside BM25, floor +15",
        "shared: a query takes 50 ms, to be under 50",
    ]


@pytest.mark.real
def test_a_run_tells_both_settings_by_dataset_and_keeps_its_library(tmp_path: Path) -> None:
    (tmp_path / "pdfs" / "sub").mkdir(parents=True)
    (tmp_path / "pdfs" / "a.pdf").write_bytes(pdfs.make("Forty apple trees.", "A red lighthouse."))
    (tmp_path / "pdfs" / "sub" / "b.pdf").write_bytes(pdfs.make("Pears ripen in September."))
    questions = [
        {"pdf": ["a.pdf"], "pages": [2], "question": "What colour is the lighthouse?"},
        {"pdf": ["a.pdf", "sub/b.pdf"], "pages": [["b", 1]], "question": "When do pears ripen?"},
        {"pdf": ["a.pdf"], "pages": [], "question": "Who is the keeper?"},
    ]
    (tmp_path / "q.jsonl").write_text(
        "\n".join(json.dumps({"id": str(i), "dataset": "d", **q}) for i, q in enumerate(questions))
    )

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        program = str(ROOT / "benchmarks" / "retrieval.py")
        named = ("--questions", "q.jsonl", "--pdfs", "pdfs", "--library", "kept")
        return subprocess.run(
            [sys.executable, program, *named, *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("--check")
    *table, line = done.stdout.splitlines()
    told = json.loads(line)

    assert done.returncode == 1, done.stderr  # BM25 finds both too
    assert any(row.startswith("missed: one: hit@5") for row in table)
    assert (told["documents"], told["pages"], told["refused"]) == (2, 3, 0)
    for setting in ("one", "shared"):
        figure = told["figures"][setting]["d"]
        assert (figure["n"], figure["hit@5"]["percent"]) == (2, 100.0)
    again = run("--json", "--limit", "1")
    assert again.returncode == 0
    assert again.stderr == ""
    assert json.loads(again.stdout)["figures"]["one"]["all"]["n"] == 1
