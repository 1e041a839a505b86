"""The app as a person meets it: a served page in a real Chromium, with the small real models."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pdfs
import pytest
from libraries import GARDEN, HARBOUR, small_models
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from rag import answer
from rag.library import Library, open_library
from rag.prompt import DECLINED
from rag.testing import ScriptedGenerator
from rag.types import Done

pytestmark = [pytest.mark.real, pytest.mark.browser]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
QUESTION = "How many apple trees has the garden?"
CONVERSATION = "c" * 32
HOSTILE_CONVERSATION = "d" * 32
WITHHELD_CONVERSATION = "e" * 32
WITHHELD = "Dr Quuxberry owns 9,876 elephants."
HOSTILE = """\
![a](http://192.0.2.44/a.png) [b](http://192.0.2.44/b) http://192.0.2.44/c \
<img src="http://192.0.2.44/d.png"> <script>fetch("http://192.0.2.44/e")</script> \
<svg onload="location='http://192.0.2.44/f'"></svg> <iframe src="http://192.0.2.44/g"></iframe> \
<a href="http://192.0.2.44/h">h</a> ![i](data:image/svg+xml,<svg/onload=fetch('//192.0.2.44/i')>) \
<style>@import "http://192.0.2.44/j"</style> <form action="http://192.0.2.44/k"></form> The end."""
"""What a document says, and what the model makes of it when it obeys."""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        reason = f"no browser: install one of {', '.join(BROWSERS)} to run these tests"
        if os.environ.get("STRONGROOM_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def entrance(
    tmp_path_factory: pytest.TempPathFactory, models_dir: Path, chromium: str
) -> Iterator[str]:
    """The address, with its key, of a server over one document and one conversation about it."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "garden.pdf").write_bytes(pdfs.make(*GARDEN))
    (folder / "harbour.pdf").write_bytes(pdfs.make(*HARBOUR))
    settings = small_models(folder / "library", models_dir)
    with closing(open_library(settings, command="test")) as library:
        list(library.ingest.take_in([folder / "garden.pdf"]))
        _converse(library, CONVERSATION, "The garden has forty apple trees.")
        _converse(library, WITHHELD_CONVERSATION, WITHHELD)
        hostile = folder / "hostile ![x](http:192.0.2.44) <b>.pdf"
        hostile.write_bytes(pdfs.make(HOSTILE.replace("> ", ">\n")))
        list(library.ingest.take_in([hostile]))
        _converse(library, HOSTILE_CONVERSATION, HOSTILE)
    environ = {
        **os.environ,
        "STRONGROOM_LIBRARY": str(settings.library),
        "STRONGROOM_MODEL": settings.model,
        "STRONGROOM_ANSWER_TOKENS": "48",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "rag", "serve", "--no-browser", "--port", "18501"],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found, "the server did not say its address"
        yield found[0]
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0


def _converse(library: Library, conversation_id: str, words: str) -> None:
    """Save an answer whose words are known beforehand; all else about it is real."""
    events = answer.ask(
        QUESTION,
        retrieve=library.search,
        generator=lambda: ScriptedGenerator(words),
        page_text=library.pages.text,
        label=library.pages.label,
        boxes=library.pages.boxes,
        limits=answer.Limits(prompt_tokens=2000, answer_tokens=50),
    )
    done = next(event for event in events if isinstance(event, Done))
    turn_id = library.catalog.begin_turn(conversation_id, QUESTION)
    library.catalog.end_turn(turn_id, done.answer)


@pytest.fixture(scope="module")
def address(entrance: str) -> str:
    """The same without the key."""
    return entrance.partition("/?")[0]


@pytest.fixture
def page(chromium: str, entrance: str, address: str) -> Iterator[Page]:
    """A new window that has the key. It may ask nobody but the server for anything."""
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        window = browser.new_page(viewport={"width": 1280, "height": 900})
        window.set_default_timeout(90_000)
        expect.set_options(timeout=90_000)
        window.on("request", lambda request: asked.append(request.url))
        window.on("websocket", lambda opened: asked.append(opened.url))
        window.goto(entrance)
        yield window
        browser.close()
    own = urlsplit(address).netloc
    assert own in {urlsplit(url).netloc for url in asked}
    assert [url for url in asked if urlsplit(url).netloc not in (own, "")] == []


def test_a_citation_opens_its_page_with_the_passage_highlighted(page: Page, address: str) -> None:
    page.goto(f"{address}/?chat={CONVERSATION}")
    page.get_by_role("button", name=re.compile(r"garden\.pdf")).click()
    picture = page.get_by_role("dialog").get_by_role("img")
    expect(picture).to_be_visible()
    assert _amber(picture.screenshot()) > 100


def test_what_is_withheld_is_seen_only_when_asked_for_and_the_nearest_passages_open(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/?chat={WITHHELD_CONVERSATION}")
    expect(page.get_by_text(DECLINED)).to_be_visible()
    expect(page.get_by_text(WITHHELD)).to_be_hidden()
    page.get_by_text("Show what the model wrote anyway").click()
    expect(page.get_by_text(WITHHELD)).to_be_visible()

    page.get_by_role("button", name=re.compile(r"garden\.pdf")).first.click()
    picture = page.get_by_role("dialog").get_by_role("img")
    expect(picture).to_be_visible()
    assert _amber(picture.screenshot()) > 100


def test_how_strict_it_is_is_kept_over_a_reload(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_text("Lenient", exact=True).click()
    expect(page.get_by_text("marks what no passage bears out")).to_be_visible()
    page.reload()
    expect(page.get_by_text("marks what no passage bears out")).to_be_visible()


def test_an_answer_from_the_model_is_there_again_after_a_reload(page: Page, address: str) -> None:
    page.goto(address)
    box = page.get_by_placeholder("Ask your documents")
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.get_by_text(re.compile("Passages (found|read)"))).to_be_visible()
    expect(page.get_by_text("done after")).to_be_visible()
    shown = page.locator(".sr-text").nth(1).inner_text()
    page.reload()
    expect(page.locator(".sr-text").nth(1)).to_have_text(shown)


def test_an_uploaded_document_is_taken_in_and_listed(
    page: Page, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "harbour.pdf"
    path.write_bytes(pdfs.make(*HARBOUR))
    page.goto(f"{address}/documents")
    page.locator("input[type=file]").set_input_files(str(path))
    expect(page.get_by_text("3 documents · 4 pages", exact=True)).to_be_visible()


def _amber(png: bytes) -> int:
    """Pixels in the highlighter's colour."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return int(((red > 230) & (green > 180) & (blue < 140)).sum())


def test_nothing_in_an_answer_or_a_document_is_live(page: Page, address: str) -> None:
    page.goto(f"{address}/?chat={HOSTILE_CONVERSATION}")
    expect(page.get_by_text("The end.").first).to_be_visible()
    page.get_by_text("Passages read").first.click()
    for live in ("[src*='192.0.2.44']", "[href*='192.0.2.44']", ".sr-text script", ".sr-text svg"):
        expect(page.locator(live)).to_have_count(0)
    expect(page.get_by_text("![a](http://192.0.2.44/a.png)").first).to_be_visible()
    page.wait_for_timeout(1000)  # the fixture then looks at what was asked for


def test_the_page_shows_that_networking_is_off(page: Page) -> None:
    page.get_by_text("Sealed by the kernel").click()
    expect(page.get_by_text("a network of its own that leads nowhere")).to_be_visible()
    expect(page.get_by_text("Nothing has tried to reach the network")).to_be_visible()


def test_without_the_key_the_page_stays_shut(page: Page, address: str) -> None:
    stranger = page.context.browser.new_page()
    response = stranger.goto(address)
    assert response.status == 403
    expect(stranger.get_by_text("This door needs its key")).to_be_visible()
