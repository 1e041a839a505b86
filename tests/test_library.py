import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pdfs
import pytest
from libraries import GARDEN, HARBOUR, small_models

from rag.catalog import VERSION
from rag.errors import (
    ModelCorrupt,
    ModelMissing,
    SettingsError,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreMismatch,
)
from rag.library import TEMPORARY, Lazy, Library, open_library, read_catalog
from rag.settings import Settings
from rag.testing import ScriptedGenerator
from rag.types import EVERYTHING, Delta, Done, Filter, Sources, Span

Open = Callable[..., Library]
Write = Callable[..., Path]

HOLD = """
import os, sys
from pathlib import Path
from rag import seal
seal.switch_off(os.environ)
from rag.library import open_library
from rag.settings import Settings
library = open_library(Settings(Path(sys.argv[1]), Path(sys.argv[2])), command="serve")
print("held", flush=True)
sys.stdin.read()
library.close()
"""


# Lazy


def test_a_lazy_value_is_made_once_whatever_the_number_of_threads() -> None:
    made: list[int] = []
    together = threading.Barrier(8)
    lazy = Lazy(lambda: made.append(1) or len(made))

    def work() -> None:
        together.wait()
        lazy()

    assert lazy.made is None
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (made, lazy.made, lazy()) == ([1], 1, 1)


def test_a_lazy_value_that_failed_is_tried_again() -> None:
    divisors = iter([0, 1])
    lazy = Lazy(lambda: 1 // next(divisors))

    with pytest.raises(ZeroDivisionError):
        lazy()
    assert lazy() == 1


# Pictures and boxes


def test_boxes_lie_on_the_line_of_the_quote(fake_library: Open, write_pdf: Write) -> None:
    library = fake_library()
    list(library.ingest.take_in([write_pdf("garden.pdf", *GARDEN)]))
    (doc_id,) = library.catalog.document_ids()
    text = library.pages.text(doc_id, 1)
    start = text.index("They were")

    first = library.pages.boxes(Span(doc_id, 1, 0, start))
    second = library.pages.boxes(Span(doc_id, 1, start, len(text)))
    both = library.pages.boxes(Span(doc_id, 1, 0, len(text)))

    assert both == (*first, *second)
    assert (len(first), len(second)) == (1, 1)
    assert first[0].y1 <= second[0].y0
    assert first[0].x0 < first[0].x1


def test_there_are_no_boxes_where_the_page_cannot_be_read_or_says_something_else(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library()
    list(library.ingest.take_in([write_pdf("garden.pdf", *GARDEN)]))
    (doc_id,) = library.catalog.document_ids()
    copy = library.ingest.originals / doc_id

    assert library.pages.boxes(Span(doc_id, 9, 0, 5)) == ()
    shutil.copy(write_pdf("other.pdf", *HARBOUR), copy)
    assert library.pages.boxes(Span(doc_id, 1, 0, 5)) == ()
    copy.unlink()
    assert library.pages.boxes(Span(doc_id, 1, 0, 5)) == ()
    assert library.pages.text(doc_id, 9) == ""


def test_a_page_is_drawn_with_its_highlight(fake_library: Open, write_pdf: Write) -> None:
    library = fake_library()
    list(library.ingest.take_in([write_pdf("garden.pdf", *GARDEN)]))
    (doc_id,) = library.catalog.document_ids()
    boxes = library.pages.boxes(Span(doc_id, 1, 0, 10))

    plain = library.pages.picture(doc_id, 1, width_px=200)
    highlighted = library.pages.picture(doc_id, 1, width_px=200, boxes=boxes)

    assert plain[:8] == highlighted[:8] == b"\x89PNG\r\n\x1a\n"
    assert plain != highlighted


def test_top_k_of_a_question_goes_before_that_of_the_settings(
    fake_library: Open, write_pdf: Write
) -> None:
    library = fake_library(top_k=2)
    list(library.ingest.take_in([write_pdf("a.pdf", *GARDEN), write_pdf("b.pdf", *HARBOUR)]))

    assert len(library.search("red apple pears lighthouse")) == 2
    assert len(library.search("red apple pears lighthouse", top_k=1)) == 1
    first = next(library.ask("red apple pears", top_k=1))
    assert isinstance(first, Sources)
    assert first.hits == library.search("red apple pears", top_k=1)


QUARTERLY = """\
Quarterly report of {company} for the period ended {day}
(in millions)
Three months ended {day}
{year} {before}
Net sales {sales} 90
Costs 70 60
"""


def quarterly(folder: Path, name: str, day: str, sales: int, company: str = "Acme") -> Path:
    year = int(day[-4:])
    path = folder / name
    path.write_text(
        QUARTERLY.format(company=company, day=day, year=year, before=year - 1, sales=sales)
    )
    return path


def test_a_figure_is_followed_through_all_reports_of_a_kind(
    fake_library: Open, tmp_path: Path
) -> None:
    library = fake_library(top_k=1)
    paths = [
        quarterly(tmp_path, "2023 Q1 ACME.txt", "March 31, 2023", 100),
        quarterly(tmp_path, "2023 Q2 ACME.txt", "June 30, 2023", 110),
        quarterly(tmp_path, "2023 Q3 ACME.txt", "September 30, 2023", 130),
        quarterly(tmp_path, "2023 Q3 GLBX.txt", "September 30, 2023", 999, company="Globex"),
    ]
    list(library.ingest.take_in(paths))

    def text(question: str, within: Filter = EVERYTHING) -> list[str]:
        last = list(library.ask(question, within=within))[-1]
        assert isinstance(last, Done)
        assert last.answer.maker == "figures"
        assert all(citation.supported for citation in last.answer.citations)
        return last.answer.text.splitlines()

    lines = text("How have Acme's net sales changed over the quarters?")
    assert lines[1:4] == [
        "- three months to March 31, 2023: 100 million",
        "- three months to June 30, 2023: 110 million",
        "- three months to September 30, 2023: 130 million",
    ]
    latest = "Net sales, three months to September 30, 2023: {} million."
    assert text("What were Acme's net sales in the latest quarter?") == [latest.format(130)]
    assert text("What were Globex's net sales in the latest quarter?") == [latest.format(999)]
    chosen = Filter(documents=tuple(r.id for r in library.catalog.documents() if "Q2" in r.name))
    assert text("What were net sales in the latest quarter?", chosen) == [
        "Net sales, three months to June 30, 2023: 110 million."
    ]


def test_a_question_to_several_documents_is_asked_of_each_that_it_may_be_for(
    fake_library: Open, tmp_path: Path
) -> None:
    names = ["harbour", "orchard", "2021 Mill", "2022 Mill"]
    for name in names:
        text = f"Agreement about {name}.\nThe deposit is {len(name)}00 pounds.\n"
        (tmp_path / f"{name}.txt").write_text(text)
    generator = ScriptedGenerator("The deposit is 700 pounds.")
    library = fake_library(generator=generator)
    list(library.ingest.take_in([tmp_path / f"{name}.txt" for name in names]))

    def asked_of(question: str, within: Filter = EVERYTHING) -> list[str]:
        generator.prompts.clear()
        last = list(library.ask(question, within=within))[-1]
        assert isinstance(last, Done)
        assert last.answer.question == question
        return [" ".join(n for n in names if n in str(p.passages)) for p in generator.prompts]

    each = "What is the deposit in each of these agreements?"
    assert asked_of(each) == ["2021 Mill", "2022 Mill", "harbour", "orchard"]
    assert asked_of("What does Mill pay in these agreements?") == ["2021 Mill", "2022 Mill"]
    some = [r.id for r in library.catalog.documents() if r.name in ("orchard.txt", "2022 Mill.txt")]
    assert asked_of(each, Filter(documents=tuple(some))) == ["2022 Mill", "orchard"]
    # Years are those of reports that are called alike, and of no others.
    assert len(asked_of("What was the harbour deposit in each of these years?")) == 1
    others = [tmp_path / f"{name}.txt" for name in ("elm", "oak", "ash")]
    for path in others:
        path.write_text(f"Agreement about {path.stem}, without a deposit.\n")
    list(library.ingest.take_in(others))
    assert len(asked_of(each)) == 1  # not all of seven can be meant, unless they are chosen
    names += ["Lease Mill", "Lease Quay"]
    for name in names[-2:]:
        (tmp_path / f"{name}.txt").write_text(f"{name}.\nThe deposit is 900 pounds.\n")
    list(library.ingest.take_in([tmp_path / f"{name}.txt" for name in names[-2:]]))
    kind = asked_of("What is the deposit in both leases?")
    assert [name for found in kind for name in names if name in found and "Lease" in name] == (
        names[-2:]
    )
    assert len(kind) == 2
    library.catalog.put_in("Agreements", [r.id for r in library.catalog.documents()])
    assert len(asked_of(each, Filter(collections=("Agreements",)))) == 9


STAFF = """\
Name,Office,Extension
Ann Lee,Leeds,2101
Tom Hall,York,2114
Li Wen,Leeds,2311
"""


def test_cells_of_tables_are_looked_up_without_the_model(
    fake_library: Open, tmp_path: Path
) -> None:
    generator = ScriptedGenerator("The model was asked.")
    library = fake_library(generator=generator)
    staff, plans, spent = (tmp_path / name for name in ("Staff.csv", "Plans.pdf", "Spending.csv"))
    spent.write_text("Month,Rent,Water\nMarch,500,20\nApril,510,22\nMay,510,21\n")
    staff.write_text(STAFF)
    rows = [("", "Basic", "Plus"), ("Price per month", "24", "31"), ("Setup fee", "30", "none")]
    plans.write_bytes(pdfs.tabled(*rows, above=["Our plans"], below=["Prices rise."] * 4))
    list(library.ingest.take_in([staff, plans, spent]))

    def told(question: str) -> tuple[str, list[str]]:
        last = list(library.ask(question))[-1]
        assert isinstance(last, Done)
        for citation in last.answer.citations:
            page = library.pages.text(citation.span.doc_id, citation.span.page)
            assert page[citation.span.start : citation.span.end] == citation.quote
        quotes = [citation.quote for citation in last.answer.citations]
        return (last.answer.marked if last.answer.maker == "figures" else ""), quotes

    assert told("What is Tom Hall's extension?") == (
        "Tom Hall – Extension: 2114. [1]",
        ["Name: Tom Hall | Office: York | Extension: 2114"],
    )
    assert told("Who is in Leeds?")[0] == "Office: Leeds – Name: Ann Lee; Li Wen. [1][2]"
    assert told("How many people are in Leeds?")[1] == [
        "Name: Ann Lee | Office: Leeds | Extension: 2101",
        "Name: Li Wen | Office: Leeds | Extension: 2311",
    ]
    assert told("What is the setup fee of the Plus plan?") == (
        "Setup fee – Plus: none. [1]",
        ["Setup fee 30 none"],
    )
    assert told("How much more is the price of Plus than of Basic?")[0].endswith("31 − 24 = 7. [1]")
    # Rows that stand together are one passage.
    march, april = "Month: March | Rent: 500 | Water: 20", "Month: April | Rent: 510 | Water: 22"
    assert told("How much was the rent from March to April?") == (
        "Rent, March to April: 500 + 510 = 1,010. [1]",
        [f"{march}\n{april}"],
    )
    assert not generator.prompts
    assert told("Is Tom Hall in Leeds?")[0] == ""
    assert generator.prompts


def test_documents_that_differ_in_a_cell_are_each_told_by_name(
    fake_library: Open, tmp_path: Path
) -> None:
    library = fake_library()
    for year, extension in ((2025, "2114"), (2026, "2999")):
        (tmp_path / f"Staff {year}.csv").write_text(STAFF.replace("2114", extension))
    list(library.ingest.take_in(sorted(tmp_path.glob("*.csv"))))
    last = list(library.ask("What is Tom Hall's extension?"))[-1]
    assert isinstance(last, Done)
    assert sorted(last.answer.text.splitlines()) == [
        "Staff 2025.csv: Tom Hall – Extension: 2114.",
        "Staff 2026.csv: Tom Hall – Extension: 2999.",
    ]
    assert [sentence.markers for sentence in last.answer.sentences] == [(1,), (2,)]


# Opening


@pytest.mark.real
def test_how_strict_it_is_survives_a_restart_and_goes_before_the_settings(
    fake_library: Open,
) -> None:
    library = fake_library(strictness="strict")
    assert library.strictness == "strict"
    library.set_strictness("lenient")
    library.close()

    assert fake_library(strictness="strict").strictness == "lenient"


def test_a_second_process_is_told_who_holds_the_library_and_may_still_look(
    real_settings: Settings,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(real_settings.library), str(real_settings.models)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        copying = real_settings.library / "originals" / ".incoming-0123"
        copying.write_bytes(b"%PDF-")

        with pytest.raises(StoreLocked, match=rf"`strongroom serve` \(process {owner.pid},"):
            open_library(real_settings, command="add")
        catalog = read_catalog(real_settings)
        assert catalog is not None
        with closing(catalog):
            assert catalog.documents() == []
        assert copying.exists()
        owner.stdin.close()


@pytest.mark.real
def test_what_cannot_be_opened_is_free_again_at_once(real_settings: Settings) -> None:
    broken = replace(real_settings, embedder="no such model")

    for _ in range(2):
        with pytest.raises(SettingsError, match="no such model"):
            open_library(broken, command="add")
    open_library(real_settings, command="add").close()


@pytest.mark.real
def test_missing_or_changed_weights_are_named_and_do_not_tie_the_library(
    real_settings: Settings, tmp_path: Path
) -> None:
    empty = replace(real_settings, models=tmp_path / "models")
    weights = empty.models / "all-MiniLM-L6-v2" / "model.safetensors"

    with pytest.raises(ModelMissing, match=r"Run `strongroom models fetch all-minilm-l6-v2`"):
        open_library(empty, command="add")
    shutil.copytree(
        real_settings.models / "all-MiniLM-L6-v2",
        weights.parent,
        ignore=lambda *_: {weights.name},
    )
    weights.write_bytes(b"not the published bytes")
    with pytest.raises(ModelCorrupt, match=f"{weights} is not the published file"):
        open_library(empty, command="add")

    catalog = read_catalog(empty)
    assert catalog is not None
    with closing(catalog):
        assert catalog.meta("embedder") is None


@pytest.mark.real
def test_a_library_of_another_embedding_model_is_refused(real_settings: Settings) -> None:
    with closing(open_library(real_settings, command="add")) as library:
        assert library.catalog.meta("embedder") == "all-minilm-l6-v2"
        library.catalog.set_meta("embedder", "other-model")
        library.catalog.set_meta("embedder_fingerprint", "0123")

    with pytest.raises(StoreMismatch) as caught:
        open_library(real_settings, command="add")

    message = str(caught.value)
    assert f"{real_settings.library} was made with the embedding model other-model" in message
    assert "the settings name all-minilm-l6-v2" in message
    assert "set the embedder back, or choose another folder" in message


@pytest.mark.real
def test_a_library_of_a_newer_strongroom_is_refused(real_settings: Settings) -> None:
    open_library(real_settings, command="add").close()
    with closing(sqlite3.connect(real_settings.library / "library.db")) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")

    with pytest.raises(StoreMismatch, match="Upgrade Strongroom"):
        open_library(real_settings, command="add")
    with pytest.raises(StoreMismatch, match="Upgrade Strongroom"):
        read_catalog(real_settings)


@pytest.mark.real
def test_a_library_file_that_is_no_library_is_refused(real_settings: Settings) -> None:
    real_settings.library.mkdir()
    (real_settings.library / "library.db").write_bytes(b"no database" * 1000)

    with pytest.raises(StoreCorrupt, match=r"library\.db cannot be used"):
        open_library(real_settings, command="add")


def test_a_library_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("")

    with pytest.raises(StoreError, match=f"The library folder {tmp_path / 'library'} cannot be"):
        open_library(small_models(tmp_path / "library", tmp_path), command="add")


def test_before_a_writer_has_laid_it_out_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert read_catalog(small_models(tmp_path, tmp_path)) is None

    (tmp_path / "library.db").write_bytes(b"")
    assert read_catalog(small_models(tmp_path, tmp_path)) is None


@pytest.mark.real
def test_only_the_owner_may_look_into_a_library(real_settings: Settings) -> None:
    open_library(real_settings, command="add").close()

    assert {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in (real_settings.library, *real_settings.library.iterdir())
        if path.is_dir()
    } == {"library": "0o700", "originals": "0o700", "cells": "0o700", "chroma": "0o700"}


# With the real models


@pytest.mark.real
def test_a_question_finds_its_page_by_meaning_and_by_words(real_library: Library) -> None:
    hits = real_library.search("What colour is the lighthouse?")

    assert (hits[0].document, hits[0].label, hits[0].origin) == ("harbour.pdf", "page 1", "both")


@pytest.mark.real
def test_a_question_is_answered_from_real_weights(real_library: Library) -> None:
    happened = list(real_library.ask("How many apple trees does the garden have?"))

    assert isinstance(happened[0], Sources)
    assert {type(event) for event in happened[1:-1]} == {Delta}
    last = happened[-1]
    assert isinstance(last, Done)
    answer = last.answer
    assert answer.text == "".join(e.text for e in happened if isinstance(e, Delta))
    assert answer.stop in ("complete", "length", "no_evidence")
    assert 0 < answer.output_tokens <= real_library.settings.answer_tokens
    assert 0 < answer.prompt_tokens <= real_library.settings.context_tokens
    for citation in answer.citations:
        page = real_library.pages.text(citation.span.doc_id, citation.span.page)
        assert citation.quote == page[citation.span.start : citation.span.end]
        assert citation.boxes != ()


@pytest.mark.real
def test_the_same_seed_gives_the_same_answer(real_library: Library) -> None:
    def ask() -> str:
        *_, last = real_library.ask("When did the harbour open?", seed=3)
        assert isinstance(last, Done)
        return last.answer.text

    assert ask() == ask()


@pytest.mark.real
def test_vectors_of_a_deleted_folder_are_made_again_and_are_the_same(
    real_settings: Settings, write_pdf: Write
) -> None:
    with closing(open_library(real_settings, command="add")) as library:
        list(library.ingest.take_in([write_pdf("garden.pdf", *GARDEN)]))
        before = library.search("How many apple trees?")
    shutil.rmtree(real_settings.library / "chroma")

    with closing(open_library(real_settings, command="add")) as library:
        list(library.ingest.resume())
        after = library.search("How many apple trees?")

    assert [(h.chunk, h.origin) for h in after] == [(h.chunk, h.origin) for h in before]


@pytest.mark.real
def test_warming_up_loads_both_models(real_library: Library) -> None:
    real_library.warm_up()

    assert real_library.embedder.made is not None
    assert real_library.generator.made is not None
    assert real_library.generator.made.n_ahead == 0


@pytest.mark.real
def test_temporary_files_are_in_the_library_and_gone_when_it_closes(
    tmp_path: Path, real_settings: Settings
) -> None:
    before = tempfile.gettempdir()
    library = open_library(real_settings, command="test")
    folder = real_settings.library / TEMPORARY

    with tempfile.NamedTemporaryFile(delete=False) as left_behind:
        assert Path(left_behind.name).parent == folder
    assert os.environ["TMPDIR"] == str(folder)
    assert folder.stat().st_mode & 0o077 == 0
    assert real_settings.library.stat().st_mode & 0o077 == 0
    library.close()

    assert not folder.exists()
    assert tempfile.gettempdir() == before


@pytest.mark.real
def test_whoever_chose_a_folder_that_was_not_empty_keeps_what_is_in_it(
    real_settings: Settings,
) -> None:
    folder = real_settings.library
    theirs = [folder / "tmp" / "thesis.docx", folder / "cells" / "2024" / "a" / "plan.png"]
    for path in theirs:
        path.parent.mkdir(parents=True)
        path.write_text("mine")

    open_library(real_settings, command="test").close()

    assert [path.read_text() for path in theirs] == ["mine", "mine"]


@pytest.mark.real
def test_what_the_program_writes_is_for_its_owner_only(
    real_settings: Settings, write_pdf: Callable[..., Path]
) -> None:
    # The person's own umask may take nothing away.
    environ = {**os.environ, "STRONGROOM_LIBRARY": str(real_settings.library)}
    subprocess.run(
        [sys.executable, "-m", "rag", "add", str(write_pdf("garden.pdf", "Forty trees."))],
        env=environ,
        check=True,
        umask=0,
    )

    paths = [real_settings.library, *real_settings.library.rglob("*")]
    assert [path for path in paths if path.stat().st_mode & 0o077] == []
    assert len(paths) > 5


@pytest.mark.real
def test_the_number_of_threads_found_fastest_is_used_at_the_next_start(
    real_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.cores.candidates", lambda: (2, 1))
    monkeypatch.setattr("rag.llm.TUNING_S", 0.0)
    monkeypatch.setattr("rag.llm._fastest", lambda _rounds: 1)
    used: list[int] = []
    for chosen in (0, 0, 2):
        with closing(open_library(replace(real_settings, threads=chosen), command="serve")) as it:
            before = it.generator()._threads  # type: ignore[attr-defined]
            it.generator().tune()
            used += [before, it.generator()._threads]  # type: ignore[attr-defined]
            it.generator().close()  # type: ignore[attr-defined]

    assert used[1:] == [1, 1, 1, 2, 2]
