import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pdfs
import pytest
from click.testing import CliRunner, Result
from libraries import GARDEN, HARBOUR, answer_from, assemble, hit
from waiting import until

from rag.cli import _shown, answer_json, cli
from rag.errors import ModelMissing
from rag.library import Library, read_catalog
from rag.lock import LibraryLock
from rag.prompt import DECLINED, NO_DOCUMENTS
from rag.settings import ROOT, Settings
from rag.testing import HashEmbedder, ScriptedGenerator, WordTokenizer
from rag.types import CONFLICTS, SURE, Delta, Done, Generator, Piece, Reading, Sources, Waiting
from rag.watch import Watch

ANSWER = "The garden has forty apple trees."
HEAVY = {"chromadb", "llama_cpp", "numpy.testing", "sentence_transformers", "streamlit", "torch"}

Write = Callable[..., Path]
Run = Callable[..., Result]


@pytest.fixture
def generator() -> ScriptedGenerator:
    return ScriptedGenerator(ANSWER)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, library: Path, generator: Generator
) -> Run:
    """Runs a command on a library with fake models."""

    def open_library(settings: Settings, *, command: str) -> Library:
        return assemble(
            settings, embedder=HashEmbedder(), generator=generator, tokenizer=WordTokenizer()
        )

    monkeypatch.setattr("rag.library.open_library", open_library)
    monkeypatch.setenv("STRONGROOM_LIBRARY", str(library))
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: object, typed: str = "") -> Result:
        return CliRunner().invoke(cli, [str(a) for a in arguments], input=typed)

    return invoke


def told(result: Result) -> tuple[int, str, str]:
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def garden(run: Run, write_pdf: Write) -> Path:
    path = write_pdf("garden.pdf", *GARDEN)
    assert run("add", path).exit_code == 0
    return path


# add


def test_adding_says_on_stderr_what_went_in(run: Run, write_pdf: Write) -> None:
    path = write_pdf("garden.pdf", *GARDEN)

    assert told(run("add", path)) == (0, "", "✓ garden.pdf: 2 pages\n")
    assert told(run("add", path)) == (0, "", "= garden.pdf is already in the library\n")


def test_a_folder_is_remembered_and_the_same_command_again_takes_in_what_has_changed(
    run: Run, write_pdf: Write
) -> None:
    folder = write_pdf("garden.pdf", *GARDEN).parent
    write_pdf("harbour.pdf", *HARBOUR)
    (folder / "data.zzz").write_text("x")

    code, stdout, stderr = told(run("add", folder))

    assert (code, stdout) == (0, "")
    assert stderr.splitlines() == [
        f"{folder} is remembered; undo it with `strongroom sources forget {folder}`.",
        "✓ garden.pdf: 2 pages",
        "✓ harbour.pdf: 1 page",
        f"{folder}: 2 new",
        "1 other file was passed over: not of a kind that is read.",
    ]

    (folder / "data.zzz").unlink()
    (folder / "garden.pdf").rename(folder / "orchard.pdf")
    (folder / "harbour.pdf").unlink()
    write_pdf("new.pdf", "A new one.")

    code, stdout, stderr = told(run("add", folder))

    assert (code, stdout) == (0, "")
    assert sorted(stderr.splitlines()) == [
        f"{folder}: 1 new, 1 renamed, 1 retired",
        "→ garden.pdf is now orchard.pdf.",
        "− harbour.pdf: its file is gone, and so it is from the library",
        "✓ new.pdf: 1 page",
    ]
    assert told(run("add", folder)) == (0, "", f"{folder}: 2 unchanged\n")


def test_bad_files_are_named_the_good_ones_go_in_and_the_exit_code_is_one(
    run: Run, write_pdf: Write, tmp_path: Path
) -> None:
    bad = {
        "secret.pdf": pdfs.encrypted(pdfs.make("Sales rose."), user="pw"),
        "damaged.pdf": pdfs.garbage_after_header(),
        "empty.pdf": pdfs.no_pages(),
        "blank.pdf": pdfs.blank(),
        "letter.pdf": b"\x7fELF\x02\x01\x01",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)

    paths = [tmp_path / name for name in (*bad, "gone.pdf")]
    result = run("add", *paths, write_pdf("a.pdf", *GARDEN))

    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    failed = [line for line in lines if line.startswith("✗ ")]
    assert all(line.endswith(".") for line in failed)
    assert [sum(name in line for line in failed) for name in (*bad, "gone.pdf")] == [1] * 6
    assert lines[-1] == "Error: 6 of 7 files were not taken in; see above."
    assert "✓ a.pdf: 2 pages" in lines
    states = {d["name"]: d["state"] for d in json.loads(run("list", "--json").stdout)}
    assert states.pop("a.pdf") == "embedded"
    assert set(states.values()) == {"failed"}


def test_what_an_earlier_run_left_is_not_counted_among_the_files_of_this_one(
    run: Run, write_pdf: Write, tmp_path: Path, library: Path
) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(pdfs.garbage_after_header())

    def leave(*contents: bytes) -> None:
        with closing(
            assemble(
                Settings(library, library),
                embedder=HashEmbedder(),
                generator=ScriptedGenerator(ANSWER),
                tokenizer=WordTokenizer(),
            )
        ) as left:
            for content in contents:
                path = tmp_path / "left.pdf"
                path.write_bytes(content)
                assert left.ingest.stage(path).step == "queued"

    leave(pdfs.no_pages(), pdfs.blank())
    last = run("add", bad).stderr.splitlines()[-1]
    assert last == (
        "Error: 1 of 1 files were not taken in, and neither were 2 files left by an earlier run; "
        "see above."
    )

    leave(pdfs.blank())
    result = run("add", write_pdf("a.pdf", *GARDEN))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: 1 file left by an earlier run was not taken in; see above."
    )


def test_a_password_opens_encrypted_files(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "secret.pdf"
    path.write_bytes(pdfs.encrypted(pdfs.make("Sales rose."), user="pw"))

    assert run("add", path).exit_code == 1
    assert run("add", path, "--password", "pw").exit_code == 0


def test_a_password_is_asked_for_where_none_is_given_and_never_shown(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "secret.pdf"
    path.write_bytes(pdfs.encrypted(pdfs.make("Sales rose."), user="pw"))

    result = run("add", path, "--password", typed="pw\n")

    assert result.exit_code == 0
    assert "pw" not in result.output.split()


def test_a_folder_without_files_that_can_be_read_could_not_be_added(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()

    code, stdout, stderr = told(run("add", folder))

    assert (code, stdout) == (1, "")
    assert stderr.endswith(
        f"Error: No files that Strongroom reads in {folder}. Name a folder that holds some.\n"
    )
    assert run("sources").stdout == ""


# ask and search


def test_ask_json_prints_one_object_and_nothing_else(run: Run, garden: Path) -> None:
    code, stdout, stderr = told(run("ask", "How many apple trees?", "--json"))

    assert (code, stderr) == (0, "")
    answer = json.loads(stdout)
    assert list(answer) == [
        "question",
        "filter",
        "text",
        "marked",
        "sentences",
        "citations",
        "nearest",
        "conflicts",
        "qualifiers",
        "hits",
        "stop",
        "confidence",
        "sure",
        "withheld",
        "maker",
        "prompt_tokens",
        "output_tokens",
        "retrieve_s",
        "first_token_s",
        "total_s",
    ]
    assert (answer["question"], answer["text"]) == ("How many apple trees?", ANSWER)
    assert (answer["marked"], answer["stop"]) == (f"{ANSWER} [1]", "complete")
    assert answer["sentences"] == [
        {"start": 0, "end": len(ANSWER), "markers": [1], "supported": True}
    ]
    assert answer["sure"] is True
    assert answer["output_tokens"] == 6
    assert 0 < answer["retrieve_s"] <= answer["first_token_s"] <= answer["total_s"]


def test_a_citation_in_json_has_document_page_quote_and_boxes(run: Run, garden: Path) -> None:
    answer = json.loads(run("ask", "How many apple trees?", "--json").stdout)

    (citation,) = answer["citations"]
    boxes = citation.pop("boxes")
    doc_id = citation.pop("doc_id")
    assert citation == {
        "marker": 1,
        "document": "garden.pdf",
        "page": 1,
        "label": "page 1",
        "start": 0,
        "end": 33,
        "quote": ANSWER,
        "supported": True,
    }
    assert [[type(value) for value in box] for box in boxes] == [[float] * 4]
    assert doc_id == answer["hits"][0]["doc_id"]


def test_a_plain_answer_is_printed_with_its_marks_and_quotes(run: Run, garden: Path) -> None:
    code, stdout, stderr = told(run("ask", "How many apple trees?"))

    assert (code, stderr) == (0, f"{SURE}\n")
    assert stdout.splitlines() == [
        f"{ANSWER} [1]",
        "",
        "[1] garden.pdf, page 1",
        f"    “{ANSWER}”",
    ]


def test_a_terminal_shows_what_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("rag.cli.Live.update", lambda _live, text: seen.append(str(text)))
    found, answer = hit(ANSWER), answer_from(hit(ANSWER))
    sources = Sources((found,) * 6, answer.citations)
    events = [sources, Waiting(1), Reading(9.4), Delta("Forty."), Done(answer)]

    assert _shown(iter(events)) == answer
    assert seen == [
        f"Reading the passages …\n    “{ANSWER}”",
        "Waiting for an earlier answer …",
        f"Reading the passages … about 9 s\n    “{ANSWER}”",
        "Forty.",
        answer.marked,
    ]


@pytest.mark.parametrize("generator", [ScriptedGenerator(f"{ANSWER} See [/b] and :key: at [red].")])
def test_an_answer_is_printed_as_it_was_written(run: Run, garden: Path) -> None:
    assert " See [/b] and :key: at [red]." in run("ask", "How many apple trees?").stdout


def test_without_evidence_an_answer_says_so_and_that_is_no_failure(run: Run) -> None:
    code, stdout, stderr = told(run("ask", "How many apple trees?", "--json"))
    answer = json.loads(stdout)

    assert (code, stderr) == (0, "")
    assert (answer["text"], answer["stop"]) == (NO_DOCUMENTS, "no_evidence")
    assert (answer["citations"], answer["hits"], answer["first_token_s"]) == ([], [], None)


@pytest.mark.parametrize("generator", [ScriptedGenerator("The deposit is £900.")])
def test_another_figure_in_another_document_is_told_of(run: Run, tmp_path: Path) -> None:
    for name, deposit in (("old.txt", 900), ("new.txt", 950)):
        (tmp_path / name).write_text(f"The deposit is £{deposit}.")
        run("add", str(tmp_path / name))

    told = run("ask", "How much is the deposit?")
    answer = json.loads(run("ask", "How much is the deposit?", "--json").stdout)

    assert told.stdout.index(CONFLICTS) < told.stdout.index("The deposit is £950.")
    assert [citation["document"] for citation in answer["conflicts"]] == ["new.txt"]
    assert answer["stop"] == "complete"


@pytest.mark.parametrize("generator", [ScriptedGenerator("Dr Quux owns 9,876 elephants.")])
def test_what_is_withheld_is_told_of_and_shown_only_when_asked_for(run: Run, garden: Path) -> None:
    plain, anyway = run("ask", "How many?"), run("ask", "How many?", "--anyway")
    answer = json.loads(run("ask", "How many?", "--json").stdout)

    assert plain.stdout.startswith(f"{DECLINED} The nearest passages: garden.pdf, page")
    assert "elephants" not in plain.output
    assert "See --anyway" in plain.stderr
    assert "    Dr Quux owns 9,876 elephants." in anyway.stdout.splitlines()
    assert "Do not rely on it" in anyway.stderr
    assert "\ngarden.pdf, page 1\n    “" in plain.stdout
    assert answer["nearest"][0]["document"] == "garden.pdf"
    assert (answer["withheld"], answer["stop"]) == ("Dr Quux owns 9,876 elephants.", "no_evidence")
    assert answer["sure"] is None
    assert 0 < answer["confidence"] < 0.45


def test_top_k_and_seed_reach_the_model(
    run: Run, garden: Path, generator: ScriptedGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[object] = []
    plain = generator.generate

    def generate(*arguments: Any, **options: Any) -> Any:
        seeds.append(options["seed"])
        return plain(*arguments, **options)

    monkeypatch.setattr(generator, "generate", generate)
    run("ask", "How many apple trees?", "--top-k", 1, "--seed", 7)
    run("ask", "How many apple trees?")

    assert [len(prompt.passages) for prompt in generator.prompts] == [1, 2]
    assert seeds == [7, 0]


def test_search_json_prints_a_list_of_hits(run: Run, garden: Path) -> None:
    code, stdout, stderr = told(run("search", "apple trees", "--json", "--top-k", 1))

    assert (code, stderr) == (0, "")
    (found,) = json.loads(stdout)
    assert found.pop("score") > 0
    assert len(found.pop("doc_id")) == 64
    text = "The garden has forty apple trees.\nThey were planted in 1987."
    assert found == {
        "rank": 1,
        "origin": "both",
        "document": "garden.pdf",
        "page": 1,
        "label": "page 1",
        "heading": [],
        "spans": [[1, 0, len(text)]],
        "text": text,
    }


def test_search_shows_names_and_headings_as_they_are(run: Run, write_pdf: Write) -> None:
    path = write_pdf("[red] :key: report.pdf", "[/x] Sales\nThey rose :100: [b].")
    path.write_bytes(pdfs.outlined(path.read_bytes(), [("[/x] Sales", 1, 1)]))

    added = run("add", path)
    found = run("search", "sales")

    assert "✓ [red] :key: report.pdf: 1 page\n" in added.stderr
    assert (found.exit_code, found.stdout.splitlines()) == (
        0,
        [
            "1. [red] :key: report.pdf, page 1 [/x] Sales",
            "   [/x] Sales They rose :100: [b].",
        ],
    )


def test_a_search_that_finds_nothing_says_so_on_stderr(run: Run) -> None:
    assert told(run("search", "apple")) == (
        0,
        "",
        "Nothing found. Try other words, or `strongroom list` to see what is there.\n",
    )
    assert told(run("search", "apple", "--json")) == (0, "[]\n", "")


def test_arguments_that_are_no_text_are_searched_as_far_as_they_are(run: Run, garden: Path) -> None:
    result = run("search", "apple \udcff", "--json")

    assert (result.exit_code, json.loads(result.stdout)[0]["document"]) == (0, "garden.pdf")


def test_no_name_of_a_file_gives_the_terminal_orders(run: Run, write_pdf: Write) -> None:
    path = write_pdf("a.pdf", *GARDEN)
    odd = path.rename(path.with_name("a\x1b]0;owned\x07.pdf"))
    folder = odd.parent / "b\x1b[2J"
    folder.mkdir()
    (folder / "c\x1b[2J.pdf").write_bytes(b"no document")
    shown = [
        run("add", odd, folder.with_name("gone\x1b[2J.pdf")),
        run("add", folder),
        run("list"),
        run("sources"),
        run("remove", odd.name, "--yes"),
        run("sources", "forget", folder, "--yes"),
    ]

    assert [result.exit_code for result in shown] == [1, 0, 0, 0, 0, 0]
    for result in shown:
        assert "\x1b" not in result.stdout + result.stderr
    assert "a ]0;owned .pdf" in shown[2].stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("short read"), "A file: short read. Check the disk and try again."),
        (OSError(), "A file: OSError. Check the disk and try again."),
        (OSError(5, "Broken", b"/a\x1b"), "/a : Broken. Check the disk and try again."),
    ],
)
def test_a_fault_of_the_disk_is_told_as_far_as_it_says_what_it_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def fail(*_: object, **__: object) -> Library:
        raise error

    monkeypatch.setattr("rag.library.read_catalog", fail)

    result = run("list")

    assert (result.exit_code, result.stderr) == (1, f"Error: {said}\n")


# Filters and collections


@pytest.fixture
def both(run: Run, garden: Path, write_pdf: Write) -> Run:
    assert run("add", write_pdf("harbour.pdf", *HARBOUR), "--collection", "Sea").exit_code == 0
    return run


def found(result: Result) -> set[str]:
    assert result.exit_code == 0, result.stderr
    return {hit["document"] for hit in json.loads(result.stdout)}


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), {"garden.pdf", "harbour.pdf"}),
        (("--document", "garden.pdf"), {"garden.pdf"}),
        (("--document", "garden.pdf", "--document", "harbour.pdf"), {"garden.pdf", "harbour.pdf"}),
        (("--collection", "sea"), {"harbour.pdf"}),
        (("--type", "pdf", "--collection", "Sea"), {"harbour.pdf"}),
        (("--since", "2000-01-01", "--added-since", "2000-01-01"), {"garden.pdf", "harbour.pdf"}),
    ],
)
def test_a_search_looks_where_its_options_say(both: Run, options: Any, names: set[str]) -> None:
    assert found(both("search", "the", "--json", *options)) == names


def test_a_filter_is_told_before_the_hits(both: Run) -> None:
    result = both("search", "lighthouse", "--collection", "sea", "--until", "2999-12-31")
    assert result.stderr == "In 1 document (Sea, dated until 2999-12-31)\n"


def test_an_answer_comes_from_what_was_chosen_and_json_says_what(both: Run) -> None:
    result = both("ask", "What is there?", "--json", "--collection", "Sea", "--since", "2001-02-03")

    answer = json.loads(result.stdout)
    assert {hit["document"] for hit in answer["hits"]} == {"harbour.pdf"}
    assert answer["filter"] == {
        "documents": [],
        "collections": ["Sea"],
        "types": [],
        "since": "2001-02-03",
        "until": None,
        "added_since": None,
        "added_until": None,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--document", "gardn.pdf"), "called gardn.pdf. Nearest: garden.pdf, "),
        (("--collection", "See"), "called See. Nearest: Sea."),
        (("--type", "mail"), "No document fits (mail)."),
        (("--since", "2002-01-01", "--until", "2001-01-01"), "2002-01-01 comes after 2001-01-01."),
    ],
)
def test_a_filter_that_leaves_nothing_is_refused(both: Run, options: Any, message: str) -> None:
    code, stdout, stderr = told(both("search", "the", *options))
    assert (code, stdout) == (1, "")
    assert message in stderr


def collections(run: Run) -> dict[str, int]:
    listed = json.loads(run("collections", "--json").stdout)
    return {collection["name"]: collection["n_documents"] for collection in listed}


def test_collections_are_filled_renamed_and_deleted(both: Run) -> None:
    assert both("collections").stdout == "Sea  (1 document)\n"
    assert both("collections", "put", "Land", "garden.pdf", "harbour.pdf").exit_code == 0
    assert both("collections", "take", "land", "harbour.pdf").exit_code == 0
    assert collections(both) == {"Land": 1, "Sea": 1}
    assert both("collections", "pin", "land").exit_code == 0
    assert "Land  (1 document, pinned)\n" in both("collections").stdout
    assert both("collections", "pin", "land", "--off").exit_code == 0
    assert "Land  (1 document)\n" in both("collections").stdout
    assert both("collections", "rename", "land", "Earth").exit_code == 0
    assert both("collections", "delete", "sea").exit_code == 0
    assert collections(both) == {"Earth": 1}
    assert "No collection is called sea." in both("collections", "delete", "sea").stderr
    assert len(json.loads(both("list", "--json").stdout)) == 2


def test_a_folder_puts_what_it_gives_later_into_its_collection(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdfs.make(*GARDEN))
    run("add", folder, "--collection", "Papers")
    (folder / "b.pdf").write_bytes(pdfs.make(*HARBOUR))
    run("add", folder)

    assert collections(run) == {"Papers": 2}
    assert "into Papers" in run("sources").stdout


def test_a_folder_in_another_puts_only_its_own_files_into_a_collection(
    run: Run, tmp_path: Path
) -> None:
    inner = tmp_path / "papers" / "leases"
    inner.mkdir(parents=True)
    (inner.parent / "a.pdf").write_bytes(pdfs.make(*GARDEN))
    (inner / "b.pdf").write_bytes(pdfs.make(*HARBOUR))
    run("add", inner.parent)
    run("add", inner, "--collection", "Leases")

    assert collections(run) == {"Leases": 1}
    assert "into" not in run("sources").stdout


# check


def test_a_whole_library_is_said_to_be_whole(run: Run, garden: Path) -> None:
    assert told(run("check")) == (
        0,
        "1 documents, 2 pages, 2 passages, 2 vectors.\nThe library is whole.\n",
        "",
    )


def test_what_is_wrong_is_told_with_its_remedy_and_put_right_by_repair(
    run: Run, garden: Path, library: Path
) -> None:
    shutil.rmtree(library / "chroma")
    what = "The index of vectors is empty, and library.db has some."
    healed = "The index of vectors is put right from the library.\n"

    code, stdout, stderr = told(run("check"))
    assert (code, stdout.splitlines()[0]) == (
        1,
        f"✗ {what} --repair puts vectors back from library.db.",
    )
    assert stderr == f"{healed}Error: Something is wrong with the library; see above.\n"

    code, stdout, stderr = told(run("check", "--repair"))
    assert (code, stdout.splitlines()[0], stderr) == (0, f"✓ {what} Put right.", healed)
    assert run("check").exit_code == 0


def test_check_json_tells_what_was_repaired_and_what_is_left(
    run: Run, garden: Path, library: Path
) -> None:
    shutil.rmtree(library / "chroma")
    (original,) = (library / "originals").iterdir()
    original.unlink()

    code, stdout, _ = told(run("check", "--repair", "--json"))

    assert code == 1
    report = json.loads(stdout)
    (left,), (repaired,) = report.pop("findings"), report.pop("repaired")
    assert report == {"ok": False, "documents": 1, "pages": 2, "chunks": 2, "vectors": 2}
    assert repaired["kind"] == "index"
    assert (left["kind"], left["document"], left["remedy"]) == ("original", "garden.pdf", "")
    assert left["what"] in run("list").stdout


def test_what_a_start_put_right_is_told_once(run: Run, garden: Path, library: Path) -> None:
    (library / "originals" / f".incoming-{'f' * 64}").write_bytes(b"half a copy")

    first, second = run("search", "apple"), run("search", "apple")

    assert first.stderr == "Removed 1 copy of files not entered yet.\n"
    assert (second.stderr, second.stdout) == ("", first.stdout)


def test_searching_puts_vectors_back_first(run: Run, garden: Path, library: Path) -> None:
    shutil.rmtree(library / "chroma")

    found = json.loads(run("search", "apple trees", "--top-k", 1, "--json").stdout)

    assert found[0]["origin"] == "both"


# list, status, remove


def test_list_json_has_every_document(run: Run, garden: Path) -> None:
    code, stdout, stderr = told(run("list", "--json"))

    assert (code, stderr) == (0, "")
    (record,) = json.loads(stdout)
    assert len(record.pop("id")) == 64
    assert abs(record.pop("added_at") - time.time()) < 60
    assert record == {
        "name": "garden.pdf",
        "media_type": "application/pdf",
        "title": "",
        "state": "embedded",
        "n_bytes": garden.stat().st_size,
        "n_pages": 2,
        "n_chunks": 2,
        "n_embedded": 2,
        "n_unread": 0,
        "n_scanned": 0,
        "warnings": [],
        "error": "",
        "error_kind": "",
        "first_day": time.strftime("%Y-%m-%d"),
        "last_day": time.strftime("%Y-%m-%d"),
        "collections": [],
    }


def test_list_prints_a_line_for_each_document(run: Run, garden: Path) -> None:
    code, stdout, _ = told(run("list"))

    assert code == 0
    assert stdout.split(maxsplit=1)[1] == "   2 p  garden.pdf  (embedded)\n".lstrip()


def test_an_empty_library_is_said_to_be_empty_and_is_not_made(run: Run, library: Path) -> None:
    assert told(run("list")) == (
        0,
        "",
        "No documents yet. Add some with `strongroom add PATH`.\n",
    )
    assert told(run("list", "--json")) == (0, "[]\n", "")
    assert run("status").exit_code == 0
    assert not library.exists()


def test_status_json_tells_what_is_there(run: Run, garden: Path, library: Path) -> None:
    code, stdout, stderr = told(run("status", "--json", "--model", "smollm2-135m-instruct"))

    assert (code, stderr) == (0, "")
    status = json.loads(stdout)
    assert status.pop("version")
    assert status == {
        "library": str(library),
        "documents": 1,
        "states": {"embedded": 1},
        "pages": 2,
        "chunks": 2,
        "embedded_chunks": 2,
        "bytes": garden.stat().st_size,
        "model": "smollm2-135m-instruct",
        "embedder": "all-minilm-l6-v2",
        "seal": "",
    }


def test_list_and_status_work_while_another_process_writes(
    run: Run, garden: Path, library: Path
) -> None:
    lock = LibraryLock(library, command="serve")

    refused = run("add", garden)
    shown = run("list", "--json")
    lock.close()

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"in use by `strongroom serve` (process {os.getpid()}" in refused.stderr
    assert (shown.exit_code, len(json.loads(shown.stdout))) == (0, 1)


def test_removing_asks_first(run: Run, garden: Path) -> None:
    kept = run("remove", "garden.pdf", typed="n\n")
    assert (kept.exit_code, kept.stdout) == (1, "")
    assert "Erase garden.pdf from the library?" in kept.stderr
    assert len(json.loads(run("list", "--json").stdout)) == 1

    gone = run("remove", "garden.pdf", typed="y\n")
    assert (gone.exit_code, gone.stderr.splitlines()[-1]) == (0, "Erased garden.pdf.")
    assert json.loads(run("list", "--json").stdout) == []


def test_removing_says_when_another_program_keeps_bytes_in_the_log(
    run: Run, garden: Path, tmp_path: Path
) -> None:
    (path,) = tmp_path.rglob("library.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM pages").fetchall()
        gone = run("remove", "--yes", "garden.pdf")

    assert gone.exit_code == 0
    assert gone.stderr.startswith("Erased garden.pdf.\nAnother program is reading library.db")


def test_documents_are_removed_by_name_or_by_the_start_of_their_id(
    run: Run, garden: Path, write_pdf: Write
) -> None:
    run("add", write_pdf("harbour.pdf", *HARBOUR))
    ids = {d["name"]: d["id"] for d in json.loads(run("list", "--json").stdout)}

    result = run("remove", "--yes", "garden.pdf", ids["harbour.pdf"][:8])

    assert told(result) == (0, "", "Erased garden.pdf, harbour.pdf.\n")


def test_a_document_that_is_not_there_or_not_the_only_one_is_not_removed(
    run: Run, garden: Path, tmp_path: Path
) -> None:
    (tmp_path / "garden.pdf").write_bytes(pdfs.make(*HARBOUR))
    run("add", tmp_path / "garden.pdf")

    unknown = run("remove", "--yes", "gone.pdf")
    twice = run("remove", "--yes", "garden.pdf")

    assert told(unknown) == (
        1,
        "",
        "Error: gone.pdf is not in the library. `strongroom list` shows what is.\n",
    )
    assert twice.exit_code == 1
    assert "garden.pdf names 2 documents (" in twice.stderr
    assert len(json.loads(run("list", "--json").stdout)) == 2


# sources and watch


@pytest.fixture
def papers(run: Run, garden: Path, tmp_path: Path) -> Path:
    """A folder that was added, with a copy of the garden and the harbour."""
    folder = tmp_path / "papers"
    folder.mkdir()
    garden.rename(folder / "garden.pdf")
    (folder / "harbour.pdf").write_bytes(pdfs.make(*HARBOUR))
    assert run("add", folder).exit_code == 0
    return folder


def names(run: Run) -> set[str]:
    return {document["name"] for document in json.loads(run("list", "--json").stdout)}


def test_sources_are_listed(run: Run, papers: Path) -> None:
    code, stdout, stderr = told(run("sources"))
    assert (code, stderr) == (0, "")
    assert stdout.startswith(f"{papers}  (2 documents, looked at 2")

    (source,) = json.loads(run("sources", "--json").stdout)
    assert abs(source.pop("added_at") - time.time()) < 60
    assert abs(source.pop("last_look") - time.time()) < 60
    assert source == {
        "path": str(papers),
        "watched": False,
        "problem": "",
        "n_documents": 2,
        "n_bad": 0,
        "n_held": 0,
        "collection": "",
    }


def test_without_sources_the_list_says_so_and_makes_no_library(run: Run, library: Path) -> None:
    assert told(run("sources")) == (0, "", "No folders yet. Add one with `strongroom add DIR`.\n")
    assert told(run("sources", "--json")) == (0, "[]\n", "")
    assert not library.exists()


def test_all_sources_are_synced_or_the_one_named(run: Run, papers: Path) -> None:
    (papers / "new.pdf").write_bytes(pdfs.make("A new one."))

    code, _, stderr = told(run("sources", "sync"))

    assert (code, stderr.splitlines()[-1]) == (0, f"{papers}: 1 new, 2 unchanged")
    assert told(run("sources", "sync", papers)) == (0, "", f"{papers}: 3 unchanged\n")


def test_a_folder_that_is_gone_is_retired_only_when_that_is_confirmed(
    run: Run, papers: Path
) -> None:
    papers.rename(papers.with_name("elsewhere"))

    code, stdout, stderr = told(run("sources", "sync"))

    assert (code, stdout) == (1, "")
    assert f"{papers} is not there. Its documents stay in the library." in stderr
    assert f"`strongroom sources sync --retire {papers}`" in stderr
    assert f"  {papers} is not there." in run("sources").stdout
    assert run("sources", "sync", "--retire").exit_code == 2
    assert names(run) == {"garden.pdf", "harbour.pdf"}

    assert run("sources", "sync", "--retire", papers).exit_code == 0
    # The garden had been added by itself before.
    assert names(run) == {"garden.pdf"}


def test_forgetting_asks_first_and_keeps_the_documents(run: Run, papers: Path) -> None:
    assert run("sources", "forget", papers, typed="n\n").exit_code == 1
    assert run("sources").stdout != ""

    result = run("sources", "forget", papers, typed="y\n")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith(f"Forgot {papers}. Its documents stay.\n")
    assert (run("sources").stdout, len(names(run))) == ("", 2)


def test_forgetting_can_erase_the_documents(run: Run, papers: Path) -> None:
    result = run("sources", "forget", papers, "--erase", "--yes")

    assert told(result) == (0, "", f"Forgot {papers}. Erased 1 document.\n")
    assert names(run) == {"garden.pdf"}
    assert (papers / "harbour.pdf").exists()


def test_a_folder_that_was_not_added_is_neither_synced_nor_forgotten(
    run: Run, papers: Path, tmp_path: Path
) -> None:
    error = "was not added. `strongroom sources` shows the folders that were."
    for command in ("sync", "forget"):
        result = run("sources", command, tmp_path / "x")
        assert told(result) == (1, "", f"Error: {tmp_path / 'x'} {error}\n")


def test_watch_takes_in_what_changes_until_it_is_told_to_end(
    run: Run, papers: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.watch.Watch", partial(Watch, every_s=0.05))
    settings = Settings(library, library)

    def states() -> dict[str, str]:
        catalog = read_catalog(settings)
        assert catalog is not None
        with closing(catalog):
            return {record.name: record.state for record in catalog.documents()}

    def change() -> None:
        try:
            new = papers / "new.pdf"
            new.write_bytes(pdfs.make("A new one."))
            os.utime(new, (1e9, 1e9))
            until(lambda: states().get("new.pdf") == "embedded")
            new.rename(papers / "newer.pdf")
            until(lambda: states().get("newer.pdf") == "embedded")
            (papers / "newer.pdf").unlink()
            until(lambda: "newer.pdf" not in states())
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    changing = threading.Thread(target=change)
    changing.start()
    code, stdout, stderr = told(run("watch", papers))
    changing.join()

    assert (code, stdout) == (0, "")
    lines = stderr.splitlines()
    assert lines[0] == f"Watching {papers}  (Ctrl+C ends it)"
    assert [line for line in lines if line[0] in "✓→−✗"] == [
        "✓ new.pdf: 1 page",
        "→ new.pdf is now newer.pdf.",
        "− newer.pdf: its file is gone, and so it is from the library",
    ]
    assert lines[-1] == "Stopped. What is unfinished goes on the next time."
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_there_must_be_a_folder_to_watch(run: Run) -> None:
    assert run("watch").exit_code == 2


# models, doctor, settings


def test_models_list_marks_the_ones_in_use(run: Run) -> None:
    lines = run("models", "list").stdout.splitlines()

    used = [line.split()[1] for line in lines if line.startswith("*")]
    assert used == ["qwen2.5-coder-1.5b-instruct", "all-minilm-l6-v2"]


def test_verifying_missing_weights_names_them(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_MODELS", str(tmp_path / "models"))

    code, stdout, stderr = told(run("models", "verify", "smollm2-135m-instruct"))

    assert (code, stdout) == (1, "")
    assert stderr.startswith(f"Error: {tmp_path / 'models'}")
    assert stderr.endswith("Run `strongroom models fetch smollm2-135m-instruct`.\n")


@pytest.mark.real
def test_verifying_reads_the_weights_whole(run: Run, models_dir: Path) -> None:
    assert told(run("models", "verify", "all-minilm-l6-v2")) == (
        0,
        f"✓ all-minilm-l6-v2: {models_dir / 'all-MiniLM-L6-v2'}\n",
        "",
    )


def test_doctor_fails_when_something_is_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_MODELS", str(tmp_path / "models"))

    code, stdout, stderr = told(run("doctor"))

    assert code == 1
    assert "✗ embedding model: " in stdout
    assert stderr == "Error: Something needs attention; see the lines marked ✗.\n"


def test_settings_come_from_the_file_named_or_lying_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STRONGROOM_LIBRARY")
    (tmp_path / "strongroom.toml").write_text('library = "here"')
    (tmp_path / "other.toml").write_text('library = "there"')

    def shown(*arguments: object) -> str:
        return str(json.loads(run(*arguments, "status", "--json").stdout)["library"])

    assert shown() == "here"
    assert shown("--config", tmp_path / "other.toml") == "there"
    assert json.loads(run("status", "--json", "--library", "x").stdout)["library"] == "x"


def test_a_wrong_setting_could_not_be_used(run: Run, tmp_path: Path) -> None:
    (tmp_path / "strongroom.toml").write_text("top_k = 0")

    assert told(run("status")) == (
        1,
        "",
        "Error: strongroom.toml sets top_k to 0. Use 1 or more.\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["add"],
        ["ask"],
        ["ask", "   "],
        ["ask", "why", "--top-k", "0"],
        ["ask", "why", "--seed", "x"],
        ["search"],
        ["remove"],
        ["sources", "forget"],
        ["serve", "--port", "70000"],
        ["models", "nothing"],
        ["nothing"],
        ["list", "--wrong"],
    ],
)
def test_wrong_use_is_exit_code_two(run: Run, arguments: Sequence[str]) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: " in result.stderr


class Missing(ScriptedGenerator):
    def generate(self, *arguments: object, **options: object) -> Any:
        raise ModelMissing("The model is missing. Run `strongroom models fetch`.")
        yield Piece("", 0)


@pytest.mark.parametrize("generator", [Missing("")])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_could_not_be_done_is_exit_code_one_and_a_message_on_stderr(
    run: Run, garden: Path, options: list[str]
) -> None:
    assert told(run("ask", "How many apple trees?", *options)) == (
        1,
        "",
        "Error: The model is missing. Run `strongroom models fetch`.\n",
    )


def test_the_object_of_an_answer_is_plain_json() -> None:
    answer = answer_from(hit("Forty trees."))

    assert json.loads(json.dumps(answer_json(answer)))["citations"][0]["boxes"] == [
        [1.0, 2.0, 3.0, 4.0]
    ]


# As a program


def program(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rag", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["serve", "--help"]])
def test_help_needs_none_of_the_heavy_libraries(arguments: list[str]) -> None:
    code = (
        "import sys; from rag.cli import cli\n"
        f"cli({arguments!r}, standalone_mode=False)\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    start = time.monotonic()
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout.startswith("Usage: ")
    assert shown.stderr == "[]\n"
    assert time.monotonic() - start < 5


def test_as_a_program_it_lists_an_empty_library(tmp_path: Path) -> None:
    shown = program("list", "--json", "--library", tmp_path)

    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "[]\n", "")


def test_as_a_program_wrong_use_is_exit_code_two() -> None:
    shown = program("ask")

    assert (shown.returncode, shown.stdout) == (2, "")
    assert "Usage: strongroom ask" in shown.stderr


@pytest.mark.real
def test_what_a_killed_program_left_is_finished_by_the_next_run(
    write_pdf: Write, real_settings: Settings
) -> None:
    path = write_pdf("garden.pdf", *GARDEN)
    command = ["add", str(path), "--library", str(real_settings.library)]
    killed = subprocess.Popen(
        [sys.executable, "-m", "rag", *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: (record := only_record(real_settings)) and record.state == "searchable")
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    between = only_record(real_settings)

    completed = program(*command)

    assert (completed.returncode, completed.stdout) == (0, "")
    assert completed.stderr.splitlines() == [
        "Strongroom was not closed properly last time.",
        "1 document still to be read or embedded.",
        "= garden.pdf is already in the library",
    ]
    assert only_record(real_settings) == replace(
        between, state="embedded", n_embedded=between.n_chunks
    )


@pytest.mark.real
def test_as_a_program_watch_takes_in_changes_soon_and_ends_cleanly(
    tmp_path: Path, real_settings: Settings
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "garden.pdf").write_bytes(pdfs.make(*GARDEN))
    library = str(real_settings.library)
    watching = subprocess.Popen(
        [sys.executable, "-m", "rag", "watch", str(folder), "--library", library],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: (record := only_record(real_settings)) and record.state == "embedded")
        refused = program("search", "apple", "--library", library)
        (folder / "garden.pdf").rename(folder / "orchard.pdf")
        until(lambda: (record := only_record(real_settings)) and record.name == "orchard.pdf")
    finally:
        watching.send_signal(signal.SIGTERM)
        stdout, stderr = watching.communicate(timeout=60)

    assert (watching.returncode, stdout) == (0, "")
    assert "→ garden.pdf is now orchard.pdf.\n" in stderr
    assert stderr.endswith("Stopped. What is unfinished goes on the next time.\n")
    assert (refused.returncode, "in use by `strongroom watch`" in refused.stderr) == (1, True)


def only_record(settings: Settings) -> Any:
    catalog = read_catalog(settings)
    if catalog is None:
        return None
    with closing(catalog):
        records = catalog.documents()
    return records[0] if records else None
