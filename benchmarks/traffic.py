"""Counts what leaves during a session of the app, and what tries to: a table and one JSON line.

The server runs under strace, and a real browser, with its own log of everything that it asks for,
uploads documents made to attack, waits until they are embedded, asks, and opens the pages of
citations. Twice: as shipped, and with every switch that keeps a library quiet turned the wrong way.

All of it happens in a network that is made for it, out of which packets could leave, to nobody.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import page
import syscalls
from syscalls import Call

from rag import settings
from rag.prove import TURNED_ON
from rag.seal import SWITCHES
from rag.types import Done

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from rag.library import Library

INSIDE = "STRONGROOM_TRAFFIC_NETWORK"
NEEDED = ("unshare", "ip", "strace")
LIMIT_S = 600
SCHEMES = ("http", "https", "ws", "wss")
MAKERS = (".google.com", ".googleapis.com", ".gvt1.com")
ELSEWHERE = "192.0.2.44"
QUESTION = "How many apple trees has the garden?"
CONVERSATION = "c" * 32
HOSTILE = f"""\
![a](http://{ELSEWHERE}/a.png) [b](http://{ELSEWHERE}/b) http://{ELSEWHERE}/c
<img src="http://{ELSEWHERE}/d.png"> <script>fetch("http://{ELSEWHERE}/e")</script>
<svg onload="location='http://{ELSEWHERE}/f'"></svg> <iframe src="//{ELSEWHERE}/g"></iframe>
<a href="http://{ELSEWHERE}/h" ping="http://{ELSEWHERE}/p">h</a> <base href="//{ELSEWHERE}/">
![i](data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="fetch('//{ELSEWHERE}/i')"/>)
<style>@import "http://{ELSEWHERE}/j"</style> <form action="http://{ELSEWHERE}/k"></form>
<link rel="preconnect" href="http://{ELSEWHERE}/">
<meta http-equiv="refresh" content="0;//{ELSEWHERE}">
"""
WORDS = ("apple", "hostile", ELSEWHERE)
GARDEN = "The garden has forty apple trees.\nThey were planted in 1987."

WRONG_WAY = """\
import sys
from rag import cli, seal

seal.SWITCHES = {switches!r}
sealed = seal.seal


def seal_then_turn(**chosen):
    reached = sealed(**chosen)
    from rag import serve

    serve._options = lambda port: {{
        "browser.gatherUsageStats": True, "browser.serverPort": port, "server.port": port,
    }}
    serve.bootstrap.load_config_options = turned(serve.bootstrap.load_config_options)
    return reached


def turned(load):
    def then_ask(options):
        from streamlit import net_util

        load(options)
        net_util.get_external_ip()  # as Streamlit does at its start when it has no address

    return then_ask


seal.seal = seal_then_turn
cli.main()
"""
"""`strongroom`, with the seal as the one thing that is left."""


@dataclass(frozen=True, slots=True)
class Browsing:
    """requests: all of them, those of workers and WebSockets too, as the browser's own log has
    them. elsewhere: to others than the page's own origin, but for own: hosts of the browser's
    maker that the browser asked of its own accord, which no page can keep it from. named: entries
    of the whole log, look-ups and connections too, that name where the documents point. refused:
    what the page would have loaded from elsewhere, but its policy refused."""

    requests: int
    elsewhere: tuple[str, ...]
    own: tuple[str, ...]
    named: int
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """logged: what the app's own log said of attempts. told: lines of it that hold words of the
    documents or of the question."""

    name: str
    calls: tuple[Call, ...]
    browsing: Browsing
    logged: tuple[str, ...]
    told: int
    seconds: float

    @property
    def attempts(self) -> list[Call]:
        """To reach others, or to have a socket that could. The page's own socket is none."""
        sockets = [call for call in self.calls if call.kind == "socket"]
        own = next((call for call in sockets if call.went_ahead), None)
        return [c for c in self.calls if c.kind in ("outside", "socket") and c is not own]

    @property
    def to_others(self) -> list[Call]:
        return [call for call in self.calls if call.kind == "outside"]

    @property
    def got_out(self) -> list[Call]:
        return [call for call in self.attempts if call.went_ahead]

    @property
    def served(self) -> int:
        """Connections that it took from the browser: a trace without any has missed the app."""
        return sum(call.name.startswith("accept") and not call.error for call in self.calls)


def main() -> int:
    options = _options()
    if os.environ.get(INSIDE) is None:
        return _inside_a_network_of_its_own()
    _make_network()
    with TemporaryDirectory(prefix="strongroom-traffic-") as name:
        folder = Path(name)
        control = [_words(c) for c in _sent_without_a_seal(folder) if c.kind == "outside"]
        chosen = replace(settings.load(os.environ), library=folder / "library")
        chosen = replace(chosen, model=options.model or chosen.model)
        files = _documents(folder)
        _prepare(chosen, files[0])
        try:
            control += _loaded_without_a_policy(folder)
            sessions = [_session(way, chosen, files, folder) for way in ("shipped", "wrong way")]
        except page.NoPage as error:
            print(f"Nothing was measured: {error}.", file=sys.stderr)
            return 1
        if options.keep:
            _keep(folder, options.keep)
    failures = [*_missed_control(control), *(f for s in sessions for f in _missed(s))]
    _print_table(sessions, control, chosen.model)
    for failure in failures:
        print(f"MISSED: {failure}")
    print(json.dumps({"model": chosen.model, **{s.name: _figures(s) for s in sessions}}))
    return 1 if failures else 0


def _keep(folder: Path, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_file() and path.suffix != ".pdf":
            shutil.copy(path, kept)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Count what leaves during a session.")
    parser.add_argument("--model", metavar="NAME|PATH", help="of the catalogue, or a GGUF file")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the traces and logs here")
    return parser.parse_args()


# --- A network to be alone in ---------------------------------------------------------------------


def _inside_a_network_of_its_own() -> int:
    absent = [program for program in NEEDED if shutil.which(program) is None]
    if absent:
        print(f"Not installed: {', '.join(absent)}. Install them to measure.", file=sys.stderr)
        return 1
    again = ["unshare", "--map-root-user", "--net", sys.executable, *sys.argv]
    return subprocess.run(again, env={**os.environ, INSIDE: "1"}, check=False).returncode


def _make_network() -> None:
    """A way to everywhere that ends in an interface with nobody behind it."""
    _ip("link", "set", "lo", "up")
    # Not every kernel has dummy interfaces; a bridge without members is as good.
    if _ip("link", "add", "doc0", "type", "dummy", check=False):
        _ip("link", "add", "doc0", "type", "bridge")
    _ip("link", "set", "doc0", "up")
    _ip("address", "add", "198.51.100.1/24", "dev", "doc0")
    _ip("route", "add", "default", "via", "198.51.100.2")


def _ip(*arguments: str, check: bool = True) -> int:
    return subprocess.run(["ip", *arguments], capture_output=True, check=check).returncode


def _sent_without_a_seal(folder: Path) -> list[Call]:
    """Control: the calls of a program that sends one packet to a documentation address."""
    program = f"import socket; socket.socket(2, 2).sendto(b'?', ('{ELSEWHERE}', 80))"
    command = [*syscalls.STRACE, str(folder / "control"), sys.executable, "-I", "-c", program]
    subprocess.run(command, check=True)
    return _traced(folder, "control")


def _loaded_without_a_policy(folder: Path) -> list[str]:
    """Control: what the browser's log has of a page that loads a picture from elsewhere."""
    net_log = folder / "control.json"
    with page.browser(*page.FLAGS, f"--log-net-log={net_log}") as context:
        window = context.new_page()
        window.set_content(f'<img src="http://{ELSEWHERE}/control">', wait_until="commit")
        window.wait_for_timeout(2000)
    return list(_browsing(net_log, "", []).elsewhere)


def _traced(folder: Path, prefix: str) -> list[Call]:
    """The calls, once strace, which ends a little later than what it traces, has written them."""
    before, now = -1, 0
    while now != before:
        time.sleep(1.0)
        before, now = now, sum(path.stat().st_size for path in folder.glob(f"{prefix}.*"))
    return syscalls.read(folder, prefix)


# --- Documents ------------------------------------------------------------------------------------


def _documents(folder: Path) -> list[Path]:
    """Files to take in: one that is there already, and two to be uploaded."""
    return [
        _pdf(folder / "garden.pdf", GARDEN),
        _pdf(folder / f"![x](http:{ELSEWHERE}) <b>.pdf", f"{GARDEN}\n{HOSTILE}"),
        _pdf(folder / "hostile.pdf", *(f"Section {i}.\n{HOSTILE}" for i in range(1, 13))),
    ]


def _pdf(path: Path, *pages: str) -> Path:
    """With a link, a form and a script besides the text."""
    from pypdf import PdfWriter
    from pypdf.actions import JavaScript
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), invariant=True)
    for text in pages:
        canvas.setFont("Helvetica", 9)
        for i, line in enumerate(text.split("\n")):
            canvas.drawString(40, 780 - 14 * i, line)
        canvas.linkURL(f"http://{ELSEWHERE}/l", (40, 600, 500, 800))
        canvas.showPage()
    canvas.save()
    writer = PdfWriter(clone_from=path)
    writer.add_open_action(JavaScript(f"app.launchURL('http://{ELSEWHERE}/m', true)"))
    writer.write(path)
    return path


def _prepare(chosen: settings.Settings, document: Path) -> None:
    """A library with a conversation in which the model has obeyed an attacker in every word."""
    from rag.library import open_library

    with closing(open_library(chosen, command="benchmark")) as library:
        list(library.ingest.take_in([document]))
        turn_id = library.catalog.begin_turn(CONVERSATION, QUESTION)
        words = f"The garden has forty apple trees.\n{HOSTILE}"
        library.catalog.end_turn(turn_id, _scripted(library, words))


def _scripted(library: "Library", words: str) -> Any:
    from rag import answer
    from rag.testing import ScriptedGenerator

    events = answer.ask(
        QUESTION,
        retrieve=library.search,
        generator=lambda: ScriptedGenerator(words),
        page_text=library.pages.text,
        label=library.pages.label,
        boxes=library.pages.boxes,
        limits=answer.Limits(prompt_tokens=2000, answer_tokens=500),
    )
    return next(event.answer for event in events if isinstance(event, Done))


# --- A session ------------------------------------------------------------------------------------


def _session(
    way: Literal["shipped", "wrong way"],
    chosen: settings.Settings,
    files: list[Path],
    folder: Path,
) -> Session:
    assert set(SWITCHES) <= set(TURNED_ON), "a switch has no wrong way"
    prefix = way.replace(" ", "-")
    library, log, net_log = (folder / f"{prefix}{end}" for end in ("", ".log", ".json"))
    shutil.copytree(chosen.library, library)
    command: tuple[str, ...] = page.SERVE
    if way == "wrong way":
        command = (sys.executable, "-c", WRONG_WAY.format(switches=TURNED_ON))
    command = (*syscalls.STRACE, str(folder / f"{prefix}-trace"), *command)
    arguments = ("--library", str(library), "--model", chosen.model)
    started = time.perf_counter()
    flags = (*page.FLAGS, f"--log-net-log={net_log}")
    with page.server(arguments, command=command, log=log) as (_, address):
        own = urlsplit(address).netloc
        with page.browser(*flags) as context:
            refused = _use(context, address, files[1:])
    seconds = time.perf_counter() - started
    calls = _traced(folder, f"{prefix}-trace")
    text = log.read_text()
    return Session(
        name=way,
        calls=tuple(calls),
        browsing=_browsing(net_log, own, refused),
        logged=tuple(re.findall(r"The network was asked for: (.*)", text)),
        told=sum(any(word in line for word in WORDS) for line in text.split("\n")),
        seconds=seconds,
    )


def _use(context: "BrowserContext", address: str, files: list[Path]) -> list[str]:
    """What a person does. Returns what the page wanted from elsewhere and its policy refused."""
    refused: list[str] = []
    context.set_default_timeout(LIMIT_S * 1000)
    context.on("console", lambda message: refused.extend(_refusals(message.text)))
    window = context.new_page()
    window.goto(address)
    home = address.partition("/?")[0]
    _upload(window, home, files)
    _converse(window, home)
    _open_citation(window, home)
    window.wait_for_timeout(3000)
    return refused


def _refusals(message: str) -> list[str]:
    found = re.findall(r"https?://[^\s'\"]+", message)
    return [url.rstrip(".") for url in found] if "Content Security Policy" in message else []


def _upload(window: "Page", home: str, files: list[Path]) -> None:
    window.goto(f"{home}/documents")
    window.locator("input[type=file]").set_input_files([str(path) for path in files])
    n = 1 + len(files)
    window.get_by_text(re.compile(rf"^{n} documents · \d+ pages$")).wait_for()


def _converse(window: "Page", home: str) -> None:
    window.goto(home)
    box = window.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    window.get_by_text("done after").wait_for()
    window.get_by_text("Passages read").first.click()


def _open_citation(window: "Page", home: str) -> None:
    window.goto(f"{home}/?chat={CONVERSATION}")
    window.get_by_text("Passages read").first.click()
    window.get_by_role("button", name=re.compile(r"garden\.pdf")).first.click()
    window.get_by_role("dialog").get_by_role("img").wait_for()


def _browsing(net_log: Path, own: str, refused: list[str]) -> Browsing:
    """From the browser's log of its whole network stack, where every request begins."""
    said = json.loads(net_log.read_text())
    kind = said["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    started = [e["params"] for e in said["events"] if e["type"] == kind and "params" in e]
    asked = [p for p in started if urlsplit(p.get("url", "")).scheme in SCHEMES]
    others = [params for params in asked if urlsplit(params["url"]).netloc != own]
    elsewhere = [params["url"] for params in others if not _is_of_the_browser(params)]
    return Browsing(
        requests=len(asked),
        elsewhere=tuple(elsewhere),
        own=tuple(str(urlsplit(p["url"]).hostname) for p in others if _is_of_the_browser(p)),
        named=sum(ELSEWHERE in json.dumps(event) for event in said["events"]),
        refused=tuple(dict.fromkeys(refused)),
    )


def _is_of_the_browser(params: dict[str, Any]) -> bool:
    """Whether no page began it, and it is for the browser's maker."""
    host = f".{urlsplit(params['url']).hostname}"
    return params.get("initiator") == "not an origin" and host.endswith(MAKERS)


# --- The figures ----------------------------------------------------------------------------------


def _missed_control(control: list[str]) -> list[str]:
    """Both counters must be able to see what is not to happen."""
    missed = []
    if not any("sendto" in line for line in control):
        missed.append("a packet that was sent without a seal was not seen in the trace")
    if not any(line.endswith("/control") for line in control):
        missed.append("a picture from elsewhere was not seen in the browser's log")
    return missed


def _missed(session: Session) -> list[str]:
    """What would have to be otherwise for the promise to be kept."""
    checks = {
        "the trace holds no connection of the browser": not session.served,
        "the browser's log holds no request": not session.browsing.requests,
        f"calls that got out: {len(session.got_out)}": session.got_out,
        f"requests to others: {len(session.browsing.elsewhere)}": session.browsing.elsewhere,
        "the app's log holds words of documents or of the question": session.told,
        "the browser's log names where the documents point": session.browsing.named,
    }
    if session.name == "shipped":
        checks[f"calls to others: {len(session.to_others)}"] = session.to_others
    else:
        checks["nothing was attempted, so nothing was shown"] = not session.attempts
    return [f"{session.name}: {what}" for what, is_so in checks.items() if is_so]


def _figures(session: Session) -> dict[str, Any]:
    return {
        "network_calls": len(session.calls),
        "connections_from_browser": session.served,
        "to_others_attempted": len(session.to_others),
        "attempted": len(session.attempts),
        "succeeded": len(session.got_out),
        "browser_requests": session.browsing.requests,
        "browser_requests_elsewhere": len(session.browsing.elsewhere),
        "browser_events_naming_targets": session.browsing.named,
        "browser_of_its_own_accord": len(session.browsing.own),
        "refused_by_the_policy": len(session.browsing.refused),
        "log_lines_with_words": session.told,
        "seconds": round(session.seconds),
    }


def _print_table(sessions: list[Session], control: list[str], model: str) -> None:
    print(f"{model}; control, without seal and policy: {', '.join(control) or 'nothing was seen'}")
    rows = {name: [_figures(s)[name] for s in sessions] for name in _figures(sessions[0])}
    print(f"{'':<30}" + "".join(f"{s.name:>12}" for s in sessions))
    for name, values in rows.items():
        print(f"{name.replace('_', ' '):<30}" + "".join(f"{value:>12}" for value in values))
    for session in sessions:
        print(f"\n{session.name}, attempts by call:")
        for words, n in Counter(map(_words, session.attempts)).most_common() or [("none", 0)]:
            print(f"  {n:>4} × {words}")
        for line in session.logged:
            print(f"  logged: {line}")
        for url in session.browsing.elsewhere:
            print(f"  the browser asked for {url}")
        for url in session.browsing.refused:
            print(f"  the page's policy refused {url}")
        for host, n in Counter(session.browsing.own).items():
            print(f"  {n:>4} × the browser of its own accord: {host}")


def _words(call: Call) -> str:
    return f"{call.name} {call.target}: {call.error or 'WENT AHEAD'}"


if __name__ == "__main__":
    sys.exit(main())
