"""Axes along which an embedder's vectors differ most: makes them, and tells what they keep.

    benchmarks/axes.py --write                             # models/NAME.axes.npy
    benchmarks/axes.py --library DIR --questions FILE      # what is found by shorter vectors

The axes are the principal ones of the vectors of all whole words of the model's own vocabulary, so
that they are of no text in particular. The table says, of the passages that are nearest to a
question by whole vectors, what share is among the nearest 0.2 % and 0.3 % by shorter ones: 400 and
600 of 200,000. One line of JSON follows.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from rag import models, seal, settings, threads
from rag.arrays import FloatArray
from rag.catalog import Catalog
from rag.embed import FolderEmbedder
from rag.errors import RagError

KEPT = 128
WIDTHS = (96, 112, 128, 160, 192)
NEAREST = {"first": 1e-9, "0.02 %": 0.0002, "0.05 %": 0.0005}
WITHIN = {"0.2 %": 0.002, "0.3 %": 0.003}


def main() -> int:
    parser = argparse.ArgumentParser(description="Make or measure an embedder's axes.")
    parser.add_argument("--write", action="store_true", help="Write them beside the catalogue.")
    parser.add_argument("--library", type=Path, metavar="DIR", help="An embedded library.")
    parser.add_argument("--questions", type=Path, metavar="FILE", help="Lines of JSON.")
    options = parser.parse_args()
    seal.switch_off(os.environ)
    threads.wait_briefly(os.environ)
    try:
        chosen = settings.load(os.environ)
        model = models.find(models.load_catalog(), chosen.embedder)
        folder = models.verify(model, chosen.models)
        embedder = FolderEmbedder(folder)
        if options.write:
            axes = principal(embedder.embed(_words(folder)))[:, :KEPT]
            path = models.CATALOG.with_name(f"{model.name}.axes.npy")
            np.save(path, axes.astype(np.float16))
            print(f"Written: {path.name}, {axes.shape}")
        if options.library and options.questions:
            with closing(Catalog(options.library / "library.db", readonly=True)) as catalog:
                _, kept = catalog.vectors_of(sorted(catalog.document_ids()))
            asked = embedder.embed(_questions(options.questions))
            _tell(kept, asked, principal(embedder.embed(_words(folder))))
    except (RagError, OSError) as error:
        print(f"Not done: {error}", file=sys.stderr)
        return 2
    return 0


def principal(vectors: FloatArray) -> FloatArray:
    """(dim, dim), axes in columns, most telling first. Not centred: neither are cosines."""
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    return np.ascontiguousarray(axes[:, ::-1], np.float32)


def _words(folder: Path) -> list[str]:
    """Of a BERT vocabulary, without marks like [CLS] and what only continues a word."""
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split()
    return [word for word in vocabulary if not word.startswith(("[", "##"))]


def _questions(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(json.loads(line)["question"] for line in lines))


def _tell(kept: FloatArray, asked: FloatArray, axes: FloatArray) -> None:
    nearest = np.argsort(-(asked @ kept.T), axis=1)[:, : _share(kept, 0.003)]
    found = {width: _found(kept, asked, axes[:, :width], nearest) for width in WIDTHS}
    columns = list(found[WIDTHS[0]])
    print(f"{len(kept):,} passages, {len(asked)} questions; nearest, and where they are found, %")
    print("numbers".ljust(10) + "".join(name.rjust(20) for name in columns))
    for width, shares in found.items():
        print(str(width).ljust(10) + "".join(f"{100 * shares[c]:20.1f}" for c in columns))
    print(json.dumps({"passages": len(kept), "questions": len(asked), "found": found}))


def _found(
    kept: FloatArray, asked: FloatArray, axes: FloatArray, nearest: np.ndarray
) -> dict[str, float]:
    short = kept @ axes
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    order = np.argsort(-(asked @ axes @ short.T), axis=1)[:, : nearest.shape[1]]
    return {
        f"{some} in {share}": _recall(nearest, order, _share(kept, part), _share(kept, within))
        for some, part in NEAREST.items()
        for share, within in WITHIN.items()
    }


def _recall(nearest: np.ndarray, order: np.ndarray, n: int, within: int) -> float:
    pairs = zip(nearest[:, :n], order[:, :within], strict=True)
    return float(np.mean([np.isin(row, found).mean() for row, found in pairs]))


def _share(kept: Sequence[object] | FloatArray, part: float) -> int:
    return max(1, round(part * len(kept)))


if __name__ == "__main__":
    sys.exit(main())
