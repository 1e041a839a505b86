"""OnPrem.LLM over local PDFs, with llama.cpp and its default store, as its documentation has it.
peers.py starts it in an environment of its own."""

import time
from collections.abc import Callable
from pathlib import Path

import lines


class Telling:
    """A callback of its language model, which looks for this method alone."""

    def __init__(self) -> None:
        self.wrote: Callable[[], None] = lambda: None

    def on_llm_new_token(self, token: str) -> None:
        if token:
            self.wrote()


def take_in(job: lines.Job) -> tuple[lines.Ask, lines.Ready]:
    started = time.perf_counter()
    from onprem import LLM

    telling = Telling()
    before = time.perf_counter()
    model = LLM(
        model_url=Path(job.model).name,
        model_download_path=str(Path(job.model).parent),
        vectordb_path=job.folder,
        embedding_model_name=job.embedder,
        callbacks=[telling],
        check_model_download=False,  # it takes a file of less than 250 MB for a broken one
        temperature=0.0,
        n_threads=job.threads,
        n_threads_batch=job.threads,
    )
    load_s = time.perf_counter() - before
    model.ingest(job.pdfs)
    ready_s = time.perf_counter() - started - load_s

    def ask(question: str, wrote: Callable[[], None]) -> tuple[str, lines.Pages]:
        telling.wrote = wrote
        result = model.ask(question)
        named = [(d.metadata["source"], d.metadata["page"]) for d in result["source_documents"]]
        # It counts pages from 0.
        return result["answer"], [(Path(source).name, page + 1) for source, page in named]

    return ask, lines.Ready(ready_s, ready_s, load_s)


if __name__ == "__main__":
    lines.serve(take_in)
