"""How long `strongroom serve` takes to a page that takes input, in a real browser."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import TYPE_CHECKING

import machine

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 180
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)
# Nothing but this machine can be reached.
HERE_ONLY = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
SERVE = (sys.executable, "-m", "rag")


class NoPage(Exception):
    """Why the page was not measured, for the person."""


@dataclass(frozen=True, slots=True)
class Start:
    """ready_s: from starting the process to text standing in the question's field.
    peak_mb: of the server once it has loaded its models, None where the system does not tell."""

    ready_s: float
    peak_mb: float | None


def start(arguments: list[str], *, with_memory: bool) -> Start:
    """Start the server, open its page in a fresh browser, type into it, stop the server.

    The browser is running before the clock starts. Raises NoPage.
    """
    with browser(*FLAGS, HERE_ONLY) as context:
        page = context.new_page()
        started = time.perf_counter()
        with server(arguments) as (process, address):
            try:
                page.goto(address, wait_until="commit", timeout=LIMIT_S * 1000)
                # Playwright waits until the field is visible, enabled and editable.
                page.get_by_test_id("stChatInputTextArea").fill("?", timeout=LIMIT_S * 1000)
            except _errors() as error:
                raise NoPage(f"the page did not take input: {error}") from error
            ready_s = time.perf_counter() - started
            return Start(ready_s, _settled_peak_mb(process.pid) if with_memory else None)


@contextmanager
def browser(*flags: str) -> Iterator["BrowserContext"]:
    """A browser with an empty profile. Raises NoPage."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoPage("Playwright for Python is not installed") from error
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if executable is None:
        raise NoPage("no Chromium or Chrome was found")
    with TemporaryDirectory() as profile, sync_playwright() as playwright:
        try:
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=executable, headless=True, args=flags
            )
        except _errors() as error:
            raise NoPage(f"{executable} did not start: {error}") from error
        try:
            yield context
        finally:
            context.close()


def _errors() -> type[Exception]:
    from playwright.sync_api import Error

    return Error


@contextmanager
def server(
    arguments: Sequence[str], *, command: Sequence[str] = SERVE, log: Path | None = None
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The process and the address that it prints. It has ended when this is left.

    command: what `serve` is a command of. log: takes what it says on stderr. Raises NoPage.
    """
    with TemporaryDirectory() as folder:
        log = log or Path(folder, "log")
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [*command, "serve", "--no-browser", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        try:
            yield process, _address(process, log)
        finally:
            _end(process)


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    assert process.stdout is not None
    timer = Timer(LIMIT_S, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                return found[0]
    finally:
        timer.cancel()
    raise NoPage(f"the server ended with {process.wait()}: {log.read_text()[-500:].strip()}")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _settled_peak_mb(pid: int) -> float | None:
    """The peak once memory has not grown for some seconds: models are loaded behind the page."""
    last, since = 0.0, time.perf_counter()
    end = since + LIMIT_S / 2
    while (now := time.perf_counter()) < end and now - since < 6:
        peak = machine.peak_mb(pid)
        if peak is None:
            return None
        if peak > last + 1:
            last, since = peak, now
        time.sleep(0.2)
    return last
