"""The pages, run by Streamlit's own test runner over a library with fake models."""

import ast
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pdfs
import pytest
from libraries import GARDEN, HARBOUR
from streamlit.testing.v1 import AppTest
from waiting import SlowGenerator, until

from rag import seal
from rag.errors import ModelMissing, StoreFull
from rag.library import Library
from rag.prompt import DECLINED, NO_ANSWER
from rag.room import Room
from rag.seal import Seal
from rag.settings import ROOT
from rag.types import CONFLICTS, QUALIFIERS, SURE, Answer, Collection
from rag.ui import render, shared

QUESTION = "How many apple trees has the garden?"
ANSWER = "The garden has forty apple trees. The cellar is haunted by nine ghosts."


@pytest.fixture
def room(fake_library: Callable[..., Library]) -> Iterator[Room]:
    with open_room(fake_library(ANSWER)) as opened:
        yield opened


@contextmanager
def open_room(library: Library) -> Iterator[Room]:
    opened = Room(library)
    opened.start()
    shared.adopt(opened)
    yield opened
    shared.adopt(None)
    opened.close()


@pytest.fixture
def garden(room: Room, write_pdf: Callable[..., Path]) -> Room:
    room.add([write_pdf("garden.pdf", *GARDEN)])
    room.worker.wait()
    return room


def run(page: str = "ask", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if page != "ask":
        app.switch_page(f"rag/ui/{page}.py").run()
    assert not app.exception
    return app


def ask(app: AppTest, room: Room, question: str = QUESTION) -> AppTest:
    """Ask and wait for the answer, as a person would."""
    app.chat_input[0].set_value(question).run()
    room.wait()
    app.run()
    assert not app.exception
    return app


def html(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize("page", ["ask", "documents"])
def test_what_the_code_says_of_its_names_is_not_on_the_page(page: str) -> None:
    code = ast.parse((ROOT / "rag" / "ui" / f"{page}.py").read_text())
    said = {node.value.value for node in code.body
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}  # fmt: skip

    shown = {element.value for element in run(page).markdown}

    assert said
    assert not said & shown


@pytest.mark.usefixtures("room")
def test_an_empty_library_points_to_the_documents_page() -> None:
    app = run()
    assert "Nothing to ask yet" in " ".join(m.value for m in app.markdown)


def test_an_answer_is_shown_with_its_marks_and_citations(garden: Room) -> None:
    app = ask(run(), garden)
    assert "forty apple trees.<span" in html(app)
    assert '<span class="sr-mark">1</span>' in html(app)
    assert any("garden" in label and label.startswith("**1**") for label in labels(app))


def test_an_answer_that_is_finished_while_the_page_is_drawn_is_shown(
    garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = ask(run(), garden)
    catalog = garden.library.catalog
    (conversation,) = catalog.conversations()
    now = catalog.conversation(conversation.id)
    assert now is not None
    before = replace(now, turns=tuple(replace(turn, answer=None) for turn in now.turns))
    read = iter([before])
    monkeypatch.setattr(catalog, "conversation", lambda _: next(read, now))

    app.run()

    assert not app.warning
    assert "forty apple trees.<span" in html(app)


def test_what_is_being_written_looks_like_what_nobody_has_checked(
    fake_library: Callable[..., Library], write_pdf: Callable[..., Path]
) -> None:
    with open_room(fake_library(ANSWER)) as room:
        room.add([write_pdf("garden.pdf", *GARDEN)])
        room.worker.wait()
        assert "sr-draft" in render.draft("<b>Forty</b>")
        assert "<b>" not in render.draft("<b>Forty</b>")
        assert "sr-draft" not in html(ask(run(), room)).replace(render.STYLE, "")


def test_rows_that_are_ticked_are_those_of_the_documents_shown(
    garden: Room, write_pdf: Callable[..., Path]
) -> None:
    app = run("documents")
    before = app.dataframe[0].proto.id
    assert app.run().dataframe[0].proto.id == before

    garden.add([write_pdf("harbour.pdf", "The harbour opened in 1911.")])
    garden.worker.wait()

    assert app.run().dataframe[0].proto.id != before


@pytest.mark.parametrize(
    ("reads_in_s", "stage"),
    [
        (None, r"Reading the passages … \d s"),
        (90.0, r"Reading the passages … \d s of about 9\d s"),
    ],
)
def test_while_the_model_reads_the_page_says_for_how_long(
    fake_library: Callable[..., Library],
    write_pdf: Callable[..., Path],
    reads_in_s: float | None,
    stage: str,
) -> None:
    slow = SlowGenerator(ANSWER)
    slow.reads_in_s = reads_in_s
    with open_room(fake_library(generator=slow)) as room:
        room.add([write_pdf("garden.pdf", *GARDEN)])
        room.worker.wait()
        app = run()
        app.chat_input[0].set_value(QUESTION).run()
        until(lambda: slow.n_ahead)
        app.run()
        slow.go_on()
        room.wait()

    assert any(re.fullmatch(stage, caption.value) for caption in app.caption)


def test_a_sentence_that_no_passage_bears_out_is_marked(garden: Room) -> None:
    assert 'class="sr-open"' in html(ask(run(), garden))


def test_a_withheld_answer_is_offered_closed_and_the_nearest_passages_open(
    fake_library: Callable[..., Library], write_pdf: Callable[..., Path]
) -> None:
    with open_room(fake_library("Dr Quuxberry owns 9,876 elephants.")) as room:
        room.add([write_pdf("garden.pdf", *GARDEN)])
        room.worker.wait()
        app = ask(run(), room)
        offered = next(e for e in app.expander if e.label.startswith("Show what the model wrote"))
        assert not offered.proto.expanded
        assert "Do not rely on it" in offered.warning[0].value
        assert "Quuxberry" in offered.get("html")[0].proto.body
        assert html(app).count("Quuxberry") == 1
        nearest = [button for button in app.button if "garden" in button.label]
        assert "forty apple trees" in html(app)

        nearest[0].click().run()
        assert not app.exception
        assert "forty apple trees" in html(app)


def test_another_figure_in_another_document_is_shown_and_the_answer_is_not_sure(
    fake_library: Callable[..., Library], tmp_path: Path
) -> None:
    with open_room(fake_library("The deposit is £900.")) as room:
        for name, deposit in (("old.txt", 900), ("new.txt", 950)):
            (tmp_path / name).write_text(f"The deposit is £{deposit}.")
        room.add([tmp_path / "old.txt", tmp_path / "new.txt"])
        room.worker.wait()
        app = ask(run(), room, "How much is the deposit?")

        assert [warning.value for warning in app.warning] == [CONFLICTS]
        assert "The deposit is £950." in html(app)
        assert SURE not in html(app)
        next(b for b in app.button if (b.key or "").startswith("other-")).click().run()
        assert not app.exception


def test_what_the_document_says_that_may_change_a_figure_is_shown_below_it(
    fake_library: Callable[..., Library], tmp_path: Path
) -> None:
    with open_room(fake_library("The lid bolts take 85 Nm.")) as room:
        (tmp_path / "manual.txt").write_text(
            "The lid bolts take 85 Nm. For oiled threads of bolts reduce it by 15%."
        )
        room.add([tmp_path / "manual.txt"])
        room.worker.wait()
        app = ask(run(), room, "What do the lid bolts take if they are oiled?")

        assert [warning.value for warning in app.warning] == [QUALIFIERS]
        assert "reduce it by 15%." in html(app)
        assert SURE not in html(app)
        next(b for b in app.button if (b.key or "").startswith("besides-")).click().run()
        assert not app.exception


def test_a_refusal_of_the_model_itself_offers_nothing_of_it(
    fake_library: Callable[..., Library], write_pdf: Callable[..., Path]
) -> None:
    with open_room(fake_library(NO_ANSWER)) as room:
        room.add([write_pdf("garden.pdf", *GARDEN)])
        room.worker.wait()
        app = ask(run(), room)
        assert DECLINED in html(app)
        assert [e for e in app.expander if e.label.startswith("Show what")] == []


def test_rows_that_are_quoted_stand_on_lines_of_their_own() -> None:
    text = "The flights are\nthese:\n\nTo: Lisbon | At: 9:50\nTo: Leeds | At: 23:10\nBring <it>."

    assert render.quote(text) == (
        '<p class="sr-quote">The flights are these:<br>To: Lisbon | At: 9:50<br>'
        "To: Leeds | At: 23:10<br>Bring &lt;it&gt;.</p>"
    )


def test_a_sum_shows_both_its_operands(room: Room, write_pdf: Callable[..., Path]) -> None:
    room.add([write_pdf("acme.pdf", "Acme\n(in millions)\n2018 2017\nSales 1,577 1,437\nRent 9 8")])
    room.worker.wait()

    shown = html(ask(run(), room, "How much did sales grow in 2018?"))

    assert "1,577 − 1,437 = 140 million." in shown
    assert [f'<span class="sr-mark">{n}</span>' in shown for n in (1, 2)] == [True, True]


def test_which_documents_mention_something_is_listed(garden: Room) -> None:
    app = ask(run(), garden, "Which documents mention apple trees?")

    assert "1 document mentions “apple trees”:" in html(app)
    assert any("garden" in label and label.startswith("**1**") for label in labels(app))


def test_a_follow_up_shows_how_it_was_understood_and_keeps_it(garden: Room) -> None:
    app = ask(run(), garden, "How many apple trees had the garden in 2018?")
    app = ask(app, garden, "and the year before?")

    understood = "Understood as: How many apple trees had the garden in 2017?"
    assert understood in html(app)
    assert "and the year before?" in html(app)
    assert understood in html(run(chat=app.query_params["chat"]))


def test_how_strict_it_is_is_chosen_on_the_page_and_kept(garden: Room) -> None:
    app = run()
    assert app.segmented_control(key="strictness").value == "normal"

    app.segmented_control(key="strictness").set_value("lenient").run()

    assert garden.library.strictness == "lenient"
    assert run().segmented_control(key="strictness").value == "lenient"


def test_an_answer_that_is_borne_out_only_in_part_says_check_this(garden: Room) -> None:
    assert "Check this" in html(ask(run(), garden))


def test_an_answer_that_is_borne_out_says_so(
    fake_library: Callable[..., Library], write_pdf: Callable[..., Path]
) -> None:
    with open_room(fake_library("The garden has forty apple trees.")) as room:
        room.add([write_pdf("garden.pdf", *GARDEN)])
        room.worker.wait()
        assert "Well supported" in html(ask(run(), room))


def test_a_conversation_survives_a_reload(garden: Room) -> None:
    asked = ask(run(), garden)
    again = run(chat=asked.query_params["chat"])
    assert "forty apple trees" in html(again)


def test_of_many_conversations_the_latest_are_seen_at_once(garden: Room) -> None:
    catalog = garden.library.catalog
    for i in range(20):
        catalog.begin_turn(f"{i:032}", f"Question {i}?")
    app = run(chat=f"{3:032}")

    shown = [
        button.label for button in app.sidebar.button if (button.key or "").startswith("open-")
    ]
    assert shown == [f"Question {i}?" for i in reversed(range(20)) if i != 3]
    (earlier,) = [e for e in app.sidebar.expander if e.label.startswith("Earlier")]
    assert (earlier.label, len(earlier.button)) == ("Earlier (7)", 7)


def test_a_conversation_can_be_saved(garden: Room) -> None:
    app = ask(run(), garden)
    (save,) = app.get("download_button")

    assert save.proto.help.startswith("Save this conversation")


def test_a_deleted_conversation_is_gone(garden: Room) -> None:
    app = ask(run(), garden)
    app.button(key=f"delete-{app.query_params['chat']}").click().run()
    assert garden.library.catalog.conversations() == []
    assert "forty" not in html(app)


def test_what_a_document_or_model_says_is_never_live(
    fake_library: Callable[..., Library], write_pdf: Callable[..., Path]
) -> None:
    hostile = (
        '![x](http://192.0.2.1/p.png) <img src="http://192.0.2.1/q.png"> [a](http://192.0.2.1)'
    )
    room = Room(fake_library(hostile))
    room.start()
    shared.adopt(room)
    room.add([write_pdf("apples.pdf", f"Apples {hostile}")])
    room.worker.wait()
    shown = ask(run(), room, "What of apples?")
    shared.adopt(None)
    room.close()
    assert "<img" not in html(shown)
    assert "&lt;img src=" in html(shown)
    assert not any("192.0.2.1" in m.value for m in shown.markdown)


@pytest.mark.parametrize(
    "text",
    ["[bill](https://192.0.2.1)", "![](http://192.0.2.1)", "www.example.com", "a@example.com"],
)
def test_a_message_is_inert_whatever_it_names(text: str) -> None:
    shown = render.inert(text)

    assert text not in shown
    assert not re.search(r"(?<!\\)[\[\]()@.]|://|www\.|@\w", shown.replace("\\:", ":"))
    assert re.sub(rf"\\|{render.WORD_JOINER}", "", shown) == text
    assert render.inert("Run `strongroom list`") == "Run `strongroom list`"


def test_the_subject_of_a_mail_is_not_live_beside_its_page(room: Room, tmp_path: Path) -> None:
    subject = "[Renew](https://192.0.2.1/licence)"
    mail = f"From: a@example.com\nSubject: {subject}\nDate: Mon, 4 Mar 2024 10:00:00 +0000\n\n"
    (tmp_path / "mail.eml").write_text(f"{mail}The garden has forty apple trees.\n")
    room.add([tmp_path / "mail.eml"])
    room.worker.wait()
    app = ask(run(), room)
    next(b for b in app.button if (b.key or "").startswith("cite-")).click().run()

    (label,) = [caption.value for caption in app.caption if "Renew" in caption.value]
    assert subject not in label
    assert render.inert(subject) in label


def test_a_question_that_fails_says_why(
    fake_library: Callable[..., Library], write_pdf: Callable[..., Path]
) -> None:
    class Absent:
        name, n_context, n_ahead, stamp = "absent", 4096, 0, ""

        def warm_up(self, _instructions: str) -> None:
            pass

        def tune(self, *, cancelled: Callable[[], bool]) -> None:
            pass

        def count_tokens(self, _text: str) -> int:
            raise ModelMissing("The weights are missing. Run `strongroom models fetch`.")

    room = Room(fake_library(generator=Absent()))
    room.start()
    shared.adopt(room)
    room.add([write_pdf("garden.pdf", *GARDEN)])
    room.worker.wait()
    shown = ask(run(), room)
    shared.adopt(None)
    room.close()
    assert "Run `strongroom models fetch`" in shown.warning[0].value


@pytest.mark.usefixtures("room")
def test_an_empty_library_says_how_to_add_documents() -> None:
    assert "No documents yet" in run("documents").info[0].value


def test_an_upload_is_taken_in(room: Room, write_pdf: Callable[..., Path]) -> None:
    app = run("documents")
    data = write_pdf("garden.pdf", *GARDEN).read_bytes()
    app.file_uploader[0].set_value([("garden.pdf", data, "application/pdf")]).run()
    room.worker.wait()
    app.run()
    assert [(r.name, r.state) for r in room.library.catalog.documents()] == [
        ("garden.pdf", "embedded")
    ]
    assert list(app.dataframe[0].value["Name"]) == ["garden.pdf"]


def test_a_path_is_taken_in(room: Room, write_pdf: Callable[..., Path]) -> None:
    app = run("documents")
    app.text_input[0].set_value(str(write_pdf("garden.pdf", *GARDEN).parent))
    app.button[0].click().run()
    room.worker.wait()
    assert [r.name for r in room.library.catalog.documents()] == ["garden.pdf"]


def test_a_folder_that_was_added_is_shown_and_can_be_watched_and_forgotten(
    room: Room, write_pdf: Callable[..., Path]
) -> None:
    folder = write_pdf("garden.pdf", *GARDEN).parent
    room.add_path(folder)
    room.worker.wait()
    app = run("documents")
    assert str(folder) in [text.value for text in app.text]
    assert any("1 document" in caption.value for caption in app.caption)

    app.toggle[0].set_value(True).run()
    assert [source.watched for source in room.sources()] == [True]
    app.button(key=f"forget-{folder}").click().run()
    assert room.sources() == []
    assert [r.name for r in room.library.catalog.documents()] == ["garden.pdf"]


@pytest.mark.usefixtures("room")
def test_a_path_that_is_not_there_is_named() -> None:
    app = run("documents")
    app.text_input[0].set_value("/nowhere/lease.pdf")
    app.button[0].click().run()
    assert render.inert("/nowhere/lease.pdf cannot be read") in app.error[0].value


def test_the_librarys_own_folder_is_not_taken_in(room: Room) -> None:
    app = run("documents")
    (path,) = [t for t in app.text_input if t.label.startswith("Or add a file or folder")]
    path.set_value(str(room.library.settings.library))
    app.button[0].click().run()

    assert not app.exception
    assert len(app.error) == 1
    assert len(app.caption) > 1


def test_a_question_that_cannot_be_kept_is_said_and_not_lost(
    garden: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise StoreFull("The disk is full. Free some of it and try again.")

    app = run()
    monkeypatch.setattr(garden, "ask", full)
    app.chat_input[0].set_value(QUESTION).run()

    (error,) = app.error
    assert not app.exception
    assert error.value == render.inert(
        f"The disk is full. Free some of it and try again. Not asked: {QUESTION}"
    )
    assert not app.run().error


def test_an_encrypted_document_asks_for_its_password(room: Room, tmp_path: Path) -> None:
    path = tmp_path / "secret.pdf"
    path.write_bytes(pdfs.encrypted(pdfs.make(*GARDEN), user="open sesame"))
    room.add([path])
    room.worker.wait()
    app = run("documents")
    password = next(field for field in app.text_input if field.label == "Password")
    password.set_value("open sesame")
    next(b for b in app.button if b.label == "Try again").click().run()
    room.worker.wait()
    assert [r.state for r in room.library.catalog.documents()] == ["embedded"]


def test_embedding_can_be_paused_and_goes_on(
    room: Room, write_pdf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    room.pause()
    room.add([write_pdf("garden.pdf", *GARDEN)])
    room.worker.wait()
    app = run("documents")
    assert [r.state for r in room.library.catalog.documents()] == ["searchable"]
    assert app.button(key="pause").label == "Go on"

    app.button(key="pause").click().run()
    room.worker.wait()
    assert [r.state for r in room.library.catalog.documents()] == ["embedded"]


def test_removing_asks_first_and_then_erases(garden: Room) -> None:
    doc_id = garden.library.catalog.documents()[0].id
    garden.library.catalog.fail(doc_id, "It failed.", "DamagedDocument")
    app = run("documents")
    app.button(key=f"remove-{doc_id}").click().run()
    assert len(garden.library.catalog.documents()) == 1
    app.button(key="confirm-removal").click().run()
    assert garden.library.catalog.documents() == []


@pytest.fixture
def unadopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A page that opens its own library, as under `streamlit run`."""
    monkeypatch.setenv("STRONGROOM_LIBRARY", str(tmp_path / "library"))
    shared._opened.clear()
    before = os.umask(0o022)
    yield
    os.umask(before)
    shared._opened.clear()


def test_a_page_that_was_refused_for_its_seal_is_refused_again(
    unadopted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_REQUIRE_SEAL", "kernel")
    monkeypatch.setattr(seal, "_sealed", [Seal("filter")])

    app = run()
    app.run()

    assert "at level kernel; this system allows filter" in app.error[0].value


def test_a_page_without_the_command_line_reads_the_same_settings(
    unadopted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("strongroom.toml").write_text('require_seal = "kernel"\n')
    monkeypatch.setattr(seal, "_sealed", [Seal("filter")])

    assert "at level kernel; this system allows filter" in run().error[0].value


def test_what_a_page_writes_without_the_command_line_is_its_owners_too(
    unadopted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_REQUIRE_SEAL", "kernel")

    run()

    assert os.umask(0o077) == 0o077


def test_how_much_is_prepared_is_shown_with_a_switch(
    room: Room, write_pdf: Callable[..., Path]
) -> None:
    room.library.generator().stamp = "stamp"  # type: ignore[misc]
    room.add([write_pdf("garden.pdf", *GARDEN)])
    room.worker.wait()
    app = run("documents")
    (switch,) = [toggle for toggle in app.toggle if toggle.label == "Prepare answers"]
    assert switch.value is True
    assert any("passages prepared · 0 MB" in caption.value for caption in app.caption)

    switch.set_value(False).run()

    assert not room.preparing.is_on
    assert not app.exception


def test_why_nothing_more_is_prepared_is_shown_and_acts_on_nothing(
    room: Room, write_pdf: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise StoreFull("The disk with my_library is full.")

    monkeypatch.setattr(room.library.generator(), "tune", full)
    room.library.generator().stamp = "stamp"  # type: ignore[misc]
    room.add([write_pdf("garden.pdf", *GARDEN)])
    room.worker.wait()
    until(lambda: (p := room.preparing.progress()) and p.problem)
    app = run("documents")

    assert any(r"The disk with my\_library is full\." in c.value for c in app.caption)
    assert not any(r"\\" in c.value for c in app.caption)


# What is asked


@pytest.fixture
def both(garden: Room, write_pdf: Callable[..., Path]) -> Room:
    garden.add([write_pdf("harbour.pdf", *HARBOUR)])
    garden.worker.wait()
    return garden


def popovers(app: AppTest) -> list[str]:
    return [block.proto.popover.label for block in app.get("popover")]


def choose_garden(app: AppTest, room: Room) -> AppTest:
    (record,) = [r for r in room.library.catalog.documents() if r.name == "garden.pdf"]
    (documents,) = [m for m in app.multiselect if m.label == "Documents"]
    documents.set_value([record.id]).run()
    assert not app.exception
    return app


def asked_of(room: Room) -> list[int]:
    """How many documents each question of the only conversation was asked of, 0 for all."""
    (conversation,) = room.library.catalog.conversations()
    kept = room.library.catalog.conversation(conversation.id)
    assert kept is not None
    return [len(turn.within.documents) for turn in kept.turns]


def test_a_question_is_asked_of_what_was_chosen_and_the_page_says_so(both: Room) -> None:
    app = run()
    assert "Ask in: all documents" in popovers(app)
    choose_garden(app, both)
    assert "Ask in: garden\\.pdf" in popovers(app)
    ask(app, both)

    assert asked_of(both) == [1]
    assert any(caption.value == "Asked in: garden\\.pdf" for caption in app.caption)
    assert {hit.document for hit in last_answer(both).hits} == {"garden.pdf"}


def last_answer(room: Room) -> Answer:
    (conversation,) = room.library.catalog.conversations()
    kept = room.library.catalog.conversation(conversation.id)
    assert kept is not None
    answer = kept.turns[-1].answer
    assert answer is not None
    return answer


def test_a_conversation_keeps_its_choice_over_a_reload_and_one_click_clears_it(both: Room) -> None:
    app = ask(choose_garden(run(), both), both)
    again = run(chat=app.query_params["chat"])
    assert "Ask in: garden\\.pdf" in popovers(again)

    again.button(key="within-clear").click().run()
    assert "Ask in: all documents" in popovers(again)
    ask(again, both)
    assert asked_of(both) == [1, 0]
    assert "Ask in: all documents" in popovers(run())


def test_a_choice_that_nothing_fits_is_said(both: Room) -> None:
    app = run()
    (types,) = [m for m in app.multiselect if m.label == "Types"]
    types.set_value(["mail"]).run()
    assert any("No document fits" in caption.value for caption in app.caption)


# Collections and many documents


def collections(room: Room) -> dict[str, int]:
    return {c.name: c.n_documents for c in room.library.catalog.collections()}


def test_a_collection_is_renamed_and_deleted(garden: Room) -> None:
    garden.library.catalog.put_in("Leases", list(garden.library.catalog.document_ids()))
    garden.library.catalog.put_in("Rents")
    app = run("documents")
    app.text_input(key="name-Rents").set_value("leases").run()
    assert "called Leases already" in app.error[0].value

    app = run("documents")
    app.toggle(key="pin-Leases-False").set_value(True).run()
    app.text_input(key="name-Leases").set_value("Contracts").run()
    app.button(key="delete-Rents").click().run()
    assert not app.exception
    assert garden.library.catalog.collections() == [Collection("Contracts", 1, pinned=True)]


def test_what_is_chosen_elsewhere_for_a_folder_or_collection_is_not_undone(
    room: Room, tmp_path: Path
) -> None:
    catalog, folder = room.library.catalog, tmp_path / "papers"
    folder.mkdir()
    catalog.put_in("Leases")
    catalog.put_in("Rents")
    source, _ = room.library.sources.add(folder)
    app = run("documents")
    (choice,) = [box for box in app.selectbox if box.label == "Collection"]
    choice.set_value("Leases").run()
    assert catalog.sources()[0].collection == "Leases"

    catalog.collect_source(source, "Rents")
    catalog.pin_collection("Rents", pinned=True)
    app.run()
    app.run()

    assert not app.exception
    assert catalog.sources()[0].collection == "Rents"
    assert {c.name: c.pinned for c in catalog.collections()} == {"Leases": False, "Rents": True}


def test_what_is_added_goes_into_the_chosen_collection(
    room: Room, write_pdf: Callable[..., Path]
) -> None:
    room.library.catalog.put_in("Leases")
    app = run("documents")
    app.selectbox(key="into").set_value("Leases").run()
    (path,) = [t for t in app.text_input if t.label.startswith("Or add a file or folder")]
    path.set_value(str(write_pdf("garden.pdf", *GARDEN)))
    app.button[0].click().run()
    assert not app.exception
    assert collections(room) == {"Leases": 1}


def test_many_documents_are_shown_a_page_at_a_time(room: Room) -> None:
    catalog = room.library.catalog
    room.pause()
    for i in range(450):
        catalog.queue(f"{i:064}", f"paper {i}.pdf", 100, None)
        catalog.fail(f"{i:064}", "", "")
    app = run("documents")
    assert len(app.dataframe[0].value) == 200
    app.selectbox(key="page").set_value(3).run()
    assert len(app.dataframe[0].value) == 50
    app.text_input(key="sought").set_value("paper 44").run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 11
