"""LlamaIndex over local PDFs, with llama.cpp, Chroma and Hugging Face embeddings, as its
documentation puts them together. peers.py starts it in an environment of its own."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lines


def take_in(job: lines.Job) -> tuple[lines.Ask, lines.Ready]:
    started = time.perf_counter()
    import chromadb
    from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    documents = SimpleDirectoryReader(job.pdfs).load_data()
    client = chromadb.PersistentClient(path=job.folder)
    store = ChromaVectorStore(chroma_collection=client.get_or_create_collection("pdfs"))
    index = VectorStoreIndex.from_documents(
        documents,
        storage_context=StorageContext.from_defaults(vector_store=store),
        embed_model=HuggingFaceEmbedding(model_name=job.embedder),
    )
    ready_s = time.perf_counter() - started
    model = _model(job)
    load_s = time.perf_counter() - started - ready_s
    engine = index.as_query_engine(llm=model, streaming=True)
    places = physical_pages([(d.doc_id, d.metadata["file_name"]) for d in documents])

    def ask(question: str, wrote: Callable[[], None]) -> tuple[str, lines.Pages]:
        response = engine.query(question)
        pieces = []
        for piece in response.response_gen:
            if piece:
                wrote()
            pieces.append(piece)
        return "".join(pieces), [places[node.node.ref_doc_id] for node in response.source_nodes]

    return ask, lines.Ready(ready_s, ready_s, load_s)


def _model(job: lines.Job) -> Any:
    """With the template of the model's own file, which the documentation takes from the tokenizer
    of the same model; left out, the model would see no template at all."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter
    from llama_index.llms.llama_cpp import LlamaCPP

    formatters: list[Any] = []

    def chat(turns: list[dict[str, str]]) -> str:
        return str(formatters[0](messages=turns).prompt)

    model = LlamaCPP(
        model_path=job.model,
        temperature=0.0,
        model_kwargs={"n_threads": job.threads, "n_threads_batch": job.threads},
        messages_to_prompt=lambda messages: chat(
            [{"role": m.role.value, "content": m.content} for m in messages]
        ),
        completion_to_prompt=lambda text: chat([{"role": "user", "content": text}]),
    )
    llama = model._model  # noqa: SLF001  # it gives no other way to the file's own words
    formatters.append(
        Jinja2ChatFormatter(
            template=llama.metadata["tokenizer.chat_template"],
            eos_token=llama._model.token_get_text(llama.token_eos()),  # noqa: SLF001
            bos_token="",  # llama.cpp puts it in front where the model wants one
        )
    )
    return model


def physical_pages(documents: list[tuple[str, str]]) -> dict[str, tuple[str, int]]:
    """(file name, page from 1) by the id of a document, one for each page and in their order: the
    label that it gives is the printed one, "iv"."""
    places: dict[str, tuple[str, int]] = {}
    n_before: dict[str, int] = {}
    for doc_id, name in documents:
        n_before[name] = n_before.get(name, 0) + 1
        places[doc_id] = (Path(name).name, n_before[name])
    return places


if __name__ == "__main__":
    lines.serve(take_in)
