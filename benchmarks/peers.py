"""Strongroom beside two others, on the same files, weights and questions: a table, then JSON.

LlamaIndex and OnPrem.LLM are installed from the package index, each into an environment of its own,
and run with their defaults. Each system is a process of its own that takes in the same PDFs, one
system after another; then each question is put to all of them in turn. benchmarks/README.md says
what each figure means.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import evaluation
import machine
import matching
from evaluation import Question
from shares import Share

from rag import cores, models, prompt, settings
from rag.errors import RagError
from rag.settings import ROOT

HERE = Path(__file__).parent / "peers"
SYSTEMS = {
    "strongroom": "Strongroom",
    "prepared": "Strongroom, prepared",
    "llamaindex": "LlamaIndex",
    "onprem": "OnPrem.LLM",
}
PEERS = ("llamaindex", "onprem")
NOTES = {
    "strongroom": "as shipped; nothing read beforehand",
    "prepared": "as shipped, after its passages were read beforehand as the page has them read",
    "llamaindex": (
        "its defaults: pypdf a page at a time, chunks of 1,024 tokens (200 shared), 2 of them "
        "read, answers of up to 256 tokens, a window of 3,900. Set: the chat template of the "
        "model's file, as its documentation does, and temperature 0 (default 0.1)"
    ),
    "onprem": (
        "its defaults: PyMuPDF, chunks of 1,000 characters (100 shared), 4 of them read, answers "
        "of any length, a window of 3,900, the chat template of the model's file. Set: "
        "temperature 0 (default 0.8)"
    ),
}
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it is fetched when litellm is imported
}
NO_NETWORK = ("unshare", "--map-root-user", "--net")
UNKNOWN = re.compile(
    r"\W*(?:i(?:'m| am) (?:sorry|unable)|i (?:do not|don't|cannot|can't) (?:know|answer|find)"
    r"|unfortunately\b|there is (?:no|not enough) |based on .{0,60}(?:do|does|is)(?: not|n't) )",
    re.IGNORECASE,
)
"""How the models of others decline. Asked for only where the answer is not correct."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """See peers/lines.py. peak_mb: of the process then, files that are mapped into it included."""

    system: str
    searchable_s: float
    embedded_s: float
    load_s: float
    prepare_s: float
    n_prepared: int
    n_passages: int
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What one system made of one question. pages: (file name, page) that it names; on_page:
    whether one of them is a gold page. peak_mb: of the process so far."""

    system: str
    id: str
    dataset: str
    question: str
    golds: tuple[str, ...]
    text: str
    pages: tuple[tuple[str, int], ...]
    on_page: bool
    verdict: matching.Verdict
    f1: float
    first_s: float
    total_s: float
    error: str
    peak_mb: float | None


def main() -> int:
    options = _options()
    before = _clock()
    try:
        taken, results = _measure(options)
    except (RagError, OSError, subprocess.CalledProcessError) as error:
        print(f"Not measured: {error}", file=sys.stderr)
        return 1
    _report(taken, results, machine.others_share(before, _clock()), options)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Strongroom beside two others.")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--pdfs",
        type=Path,
        metavar="DIR",
        help="folder that the questions' PDFs are in (default: pdfs/ beside their file)",
    )
    parser.add_argument("--datasets", nargs="*", default=[], metavar="NAME", help="only these")
    parser.add_argument(
        "--limit", type=int, default=30, metavar="N", help="questions (default: 30)"
    )
    parser.add_argument(
        "--per-pdf", type=int, default=6, metavar="N", help="most of one PDF (default: 6)"
    )
    parser.add_argument(
        "--most-pages", type=int, metavar="N", help="leave out PDFs with more pages"
    )
    parser.add_argument("--seed", type=int, default=0, help="of that choice (default: 0)")
    parser.add_argument(
        "--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), metavar="NAME",
        help=f"of {', '.join(SYSTEMS)} (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--environments",
        type=Path,
        default=ROOT / ".peers",
        metavar="DIR",
        help="where the others are installed, unless they are there (default: .peers)",
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="of the catalogue, or a GGUF file")
    parser.add_argument(
        "--prepare-minutes",
        type=float,
        default=120.0,
        metavar="N",
        help="read passages beforehand for as long at most (default: 120)",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="add each result here as a line of JSON; what it holds is not measured again",
    )
    parser.add_argument("--json", action="store_true", help="print no table")
    return parser.parse_args()


# -- questions -------------------------------------------------------------------------------------


def choose(
    questions: Sequence[Question],
    *,
    limit: int,
    per_pdf: int,
    seed: int,
    fits: Callable[[str], bool] = lambda _pdf: True,
) -> list[Question]:
    """Answerable questions to one PDF each whose page is known, of as few PDFs as there can be with
    up to `per_pdf` of each. A larger limit adds to what a smaller one chose; the order is that of
    the file."""
    groups: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions:
        if question.answerable and question.pages and len(question.pdfs) == 1:
            groups[question.pdfs[0]].append(question)
    random = Random(seed)
    for _, group in sorted(groups.items()):
        random.shuffle(group)
    pdfs = sorted(groups)
    random.shuffle(pdfs)
    pdfs.sort(key=lambda pdf: -min(len(groups[pdf]), per_pdf))
    chosen: list[Question] = []
    for pdf in pdfs:
        if len(chosen) < limit and fits(pdf):
            chosen += groups[pdf][:per_pdf]
    ids = {(q.dataset, q.id) for q in chosen[:limit]}
    return [q for q in questions if (q.dataset, q.id) in ids]


def _chosen(options: argparse.Namespace, pdfs: Path) -> list[Question]:
    def fits(pdf: str) -> bool:
        from pypdf import PdfReader

        most = options.most_pages
        return most is None or PdfReader(pdfs / pdf).get_num_pages() <= most

    known = evaluation.choose(evaluation.read(options.questions), datasets=options.datasets)
    questions = choose(
        known, limit=options.limit, per_pdf=options.per_pdf, seed=options.seed, fits=fits
    )
    if not questions:
        raise RagError("No question there is of one PDF, with an answer and its page.")
    return questions


def _copied(questions: Sequence[Question], pdfs: Path, folder: Path) -> Path:
    """A folder with nothing but the PDFs of the questions, for some take in whole folders."""
    folder.mkdir()
    for pdf in dict.fromkeys(q.pdfs[0] for q in questions):
        if (folder / Path(pdf).name).exists():
            raise RagError(f"There are two PDFs named {Path(pdf).name}. Rename one of them.")
        shutil.copy(pdfs / pdf, folder)
    return folder


# -- environments ----------------------------------------------------------------------------------


def environment(system: str, folder: Path) -> Path:
    """The Python of a system's environment, which is made unless it is there as it should be."""
    if system not in PEERS:
        return Path(sys.executable)
    wanted, place = HERE / f"{system}.txt", folder.resolve() / system
    python, made_of = place / "bin" / "python", place / wanted.name
    if made_of.is_file() and made_of.read_bytes() == wanted.read_bytes():
        return python
    _tell(f"{SYSTEMS[system]}: installing into {place}\n")
    started = time.perf_counter()
    run = [sys.executable, "-m", "venv", "--clear", str(place)]
    subprocess.run(run, check=True)
    run = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(wanted)]
    subprocess.run(run, check=True, stdout=sys.stderr)
    shutil.copy(wanted, made_of)
    _tell(f"{SYSTEMS[system]}: installed in {time.perf_counter() - started:.0f} s\n")
    return python


def _no_network() -> tuple[str, ...]:
    """What to start a process with, for it to have no network; nothing where that cannot be."""
    if shutil.which(NO_NETWORK[0]) is None:
        return ()
    tried = subprocess.run([*NO_NETWORK, "true"], check=False, capture_output=True)
    return NO_NETWORK if tried.returncode == 0 else ()


# -- systems ---------------------------------------------------------------------------------------


class System:
    """A process that takes the PDFs in and then answers questions. Close it when done."""

    def __init__(self, name: str, python: Path, job: dict[str, Any], log: Path) -> None:
        self.name = name
        self._log = log
        script = f"with_{'strongroom' if name == 'prepared' else name}.py"
        # Strongroom seals itself.
        cage = _no_network() if name in PEERS else ()
        with log.open("w") as file:
            self._process = subprocess.Popen(
                [*cage, str(python), str(HERE / script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                encoding="utf-8",
                env=_environ(name),
            )
        self._job = job

    def take_in(self) -> TakenIn:
        told = self._ask(self._job)
        return TakenIn(self.name, **told, peak_mb=machine.peak_mb(self._process.pid))

    def answer(self, question: Question) -> Result:
        told = self._ask(question.text)
        return judged(self.name, question, told, machine.peak_mb(self._process.pid))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, what: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
            raise RagError(f"{SYSTEMS[self.name]} ended by itself. What it said last:\n{said}")
        told: dict[str, Any] = json.loads(line)
        return told


def _environ(name: str) -> dict[str, str]:
    environ = dict(os.environ)
    if name in PEERS:
        # Neither this checkout nor what is installed beside it is for them.
        environ.pop("PYTHONPATH", None)
        environ |= OFFLINE
    return environ


def judged(system: str, question: Question, told: dict[str, Any], peak_mb: float | None) -> Result:
    text = told["text"].strip()
    pages = tuple((str(name), int(page)) for name, page in told["pages"])
    refused = prompt.is_refusal(text) or not text
    verdict = matching.judge(
        question.text, text, question.answers, answerable=question.answerable, refused=refused
    )
    if verdict == "wrong" and (UNKNOWN.match(text) or matching.NOTHING.match(text)):
        verdict = "refused"
    return Result(
        system=system,
        id=question.id,
        dataset=question.dataset,
        question=question.text,
        golds=question.answers,
        text=text,
        pages=pages,
        on_page=any((Path(pdf).name, page) in pages for pdf, page in question.pages),
        verdict=verdict,
        f1=0.0 if verdict == "refused" else matching.f1(text, question.answers),
        first_s=round(told["first_s"], 3),
        total_s=round(told["total_s"], 3),
        error=told["error"],
        peak_mb=peak_mb,
    )


# -- measuring -------------------------------------------------------------------------------------


def _measure(options: argparse.Namespace) -> tuple[list[TakenIn], list[Result]]:
    pdfs = options.pdfs or options.questions.parent / "pdfs"
    questions = _chosen(options, pdfs)
    pythons = {name: environment(name, options.environments) for name in options.systems}
    taken, results = kept(options.keep)
    known = {(r.system, r.dataset, r.id) for r in results}
    with ExitStack() as opened:
        temporary = opened.enter_context(TemporaryDirectory(prefix="strongroom-peers-"))
        folder = _copied(questions, pdfs, Path(temporary, "pdfs"))
        systems: list[System] = []
        for name in options.systems:
            if all((name, q.dataset, q.id) in known for q in questions):
                continue
            _tell(f"{SYSTEMS[name]}: taking in\n")
            work = Path(temporary, name)
            work.mkdir()
            job = _job(name, folder, work, options)
            system = System(name, pythons[name], job, Path(temporary, f"{name}.log"))
            opened.callback(system.close)
            systems.append(system)
            new = system.take_in()
            if all(t.system != name for t in taken):
                taken.append(new)
                _keep(options.keep, new)
        for n, question in enumerate(questions):
            for system in in_turn(systems, n):
                if (system.name, question.dataset, question.id) in known:
                    continue
                _tell(f"\r{n + 1} of {len(questions)}, {SYSTEMS[system.name]:<24}")
                results.append(system.answer(question))
                _keep(options.keep, results[-1])
    _tell("\n")
    asked = {(q.dataset, q.id) for q in questions}
    return (
        [t for t in taken if t.system in options.systems],
        [r for r in results if r.system in options.systems and (r.dataset, r.id) in asked],
    )


def in_turn(systems: Sequence[System], n: int) -> list[System]:
    """Each begins as often as any other."""
    first = n % len(systems) if systems else 0
    return [*systems[first:], *systems[:first]]


def _job(name: str, pdfs: Path, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    chosen = settings.load(os.environ)
    chosen = replace(chosen, model=options.model or chosen.model)
    catalog = models.load_catalog()
    file = models.resolve(chosen.model, catalog, chosen.models)
    embedder = models.path_of(models.find(catalog, chosen.embedder), chosen.models)
    return {
        "pdfs": str(pdfs),
        "folder": str(work),
        # By its name Strongroom knows more of a model.
        "model": str(file.resolve()) if name in PEERS else chosen.model,
        "embedder": str(embedder.resolve()),
        "threads": chosen.threads or cores.physical(),
        "prepare_minutes": options.prepare_minutes if name == "prepared" else 0.0,
    }


def _keep(path: Path | None, what: TakenIn | Result) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(what)) + "\n")


def kept(path: Path | None) -> tuple[list[TakenIn], list[Result]]:
    taken: list[TakenIn] = []
    results: list[Result] = []
    if path is None or not path.exists():
        return taken, results
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "searchable_s" in row:
            taken.append(TakenIn(**row))
        else:
            pages = tuple((name, page) for name, page in row["pages"])
            results.append(Result(**{**row, "golds": tuple(row["golds"]), "pages": pages}))
    return taken, results


def _clock() -> machine.Clock:
    """As machine.clock, the processes that this one has started and that have ended included."""
    times, now = os.times(), machine.clock()
    return replace(now, own_s=now.own_s + times.children_user + times.children_system)


# -- figures ---------------------------------------------------------------------------------------


def summary(taken: TakenIn | None, results: Sequence[Result]) -> dict[str, Any]:
    """The figures of one system."""
    verdicts = Counter(r.verdict for r in results)
    peaks = [r.peak_mb for r in results if r.peak_mb is not None]
    return {
        "n": len(results),
        "searchable_s": taken and round(taken.searchable_s, 1),
        "embedded_s": taken and round(taken.embedded_s, 1),
        "load_s": taken and round(taken.load_s, 1),
        "prepare_s": taken and round(taken.prepare_s, 1),
        "n_prepared": taken and taken.n_prepared,
        "n_passages": taken and taken.n_passages,
        "first_s": _quartiles([r.first_s for r in results]),
        "total_s": _quartiles([r.total_s for r in results]),
        "peak_mb": max(peaks, default=None),
        "f1": _mean([r.f1 for r in results]),
        "correct": Share(verdicts["correct"], len(results)),
        "refused": Share(verdicts["refused"], len(results)),
        "wrong": Share(verdicts["wrong"], len(results)),
        "cited_page": Share(sum(r.on_page for r in results), len(results)),
        "pages_named": _mean([len(r.pages) for r in results]),
        "errors": sum(bool(r.error) for r in results),
    }


def _quartiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    """The median, the lower and the upper quartile."""
    if not values:
        return None
    several = len(values) > 1
    low, middle, high = quantiles(values, n=4, method="inclusive") if several else [values[0]] * 3
    return round(middle, 2), round(low, 2), round(high, 2)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _report(
    taken: Sequence[TakenIn],
    results: Sequence[Result],
    others: float | None,
    options: argparse.Namespace,
) -> None:
    figures = {
        name: summary(
            next((t for t in taken if t.system == name), None),
            [r for r in results if r.system == name],
        )
        for name in options.systems
    }
    chosen = settings.load(os.environ)
    about = {
        "machine": machine.name(),
        "others_percent": None if others is None else round(100 * others),
        "model": Path(options.model or chosen.model).name,
        "embedder": chosen.embedder,
    }
    if not options.json:
        for key, value in about.items():
            print(f"{key.replace('_', ' '):<16}{value}")
        print()
        print("\n".join(table(figures)))
        print()
        for name in figures:
            print(f"{SYSTEMS[name]}: {NOTES[name]}.")
        print("Each: the same number of threads, those of the processor's cores.\n")
    shown = {name: {k: _as_json(v) for k, v in of.items()} for name, of in figures.items()}
    print(json.dumps({**about, "systems": shown}))


def table(figures: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A line for each figure, a column for each system; in Markdown."""
    yield f"| | {' | '.join(SYSTEMS[name] for name in figures)} |"
    yield f"|---|{'---|' * len(figures)}"
    rows: dict[str, Callable[[dict[str, Any]], str]] = {
        "questions": lambda f: str(f["n"]),
        "to searchable, s": lambda f: _number(f["searchable_s"], 1),
        "to embedded, s": lambda f: _number(f["embedded_s"], 1),
        "reading passages beforehand, s": _preparing,
        "loading the model, s": lambda f: _number(f["load_s"], 1),
        "first token, s": lambda f: _spread(f["first_s"]),
        "whole answer, s": lambda f: _spread(f["total_s"]),
        "peak memory, MB": lambda f: _number(f["peak_mb"], 0),
        "F1": lambda f: _number(f["f1"], 3),
        "correct": lambda f: str(f["correct"]),
        "refused": lambda f: str(f["refused"]),
        "wrong": lambda f: str(f["wrong"]),
        "a right page named": lambda f: str(f["cited_page"]),
        "pages named, mean": lambda f: _number(f["pages_named"], 1),
        "errors": lambda f: str(f["errors"]),
    }
    for label, shown in rows.items():
        yield f"| {label} | {' | '.join(shown(of) for of in figures.values())} |"


def _preparing(figures: dict[str, Any]) -> str:
    if not figures["prepare_s"]:
        return "–"
    done = f"{figures['n_prepared']} of {figures['n_passages']}"
    return f"{figures['prepare_s']:,.0f} ({done})"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _spread(quartiles: tuple[float, float, float] | None) -> str:
    if quartiles is None:
        return "–"
    middle, low, high = quartiles
    return f"{middle:.1f} ({low:.1f}–{high:.1f})"


def _as_json(value: Any) -> Any:
    if isinstance(value, Share):
        return value.as_json()
    return round(value, 4) if isinstance(value, float) else value


def _tell(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
