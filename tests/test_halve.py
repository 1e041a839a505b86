import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.arrays import FloatArray
from rag.halve import LAYERS, MATRIX, START, halve, restore


def cells(*matrices: FloatArray, kind: int = 1, transposed: int = 0, streams: int = 1) -> bytes:
    """As llama.cpp lays them out: keys of each layer, then values."""
    n = len(matrices[0])
    pieces = [START.pack(0x67677371, 1, streams, n), bytes(range(12)) * n]
    pieces.append(LAYERS.pack(transposed, len(matrices) // 2))
    for matrix in matrices:
        data = matrix.astype(np.float16).tobytes()
        pieces += [MATRIX.pack(kind, len(data) // n), data]
    return b"".join(pieces)


def matrix(n: int, width: int, seed: int) -> FloatArray:
    random = np.random.default_rng(seed)
    channels = 10.0 ** random.uniform(-2, 2, width)
    return (random.standard_normal((n, width)) * channels).astype(np.float16).astype(np.float32)


@given(
    n=st.integers(1, 20),
    widths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
)
def test_what_is_restored_is_within_half_a_step_of_each_channel(
    n: int, widths: list[int], seed: int
) -> None:
    matrices = [matrix(n, width, seed + i) for i, width in enumerate((*widths, *widths))]
    data = cells(*matrices)

    restored = restore(halve(data))

    near = [np.abs(m).max(axis=0) * (0.5 / 127 + 1e-3) + 1e-6 for m in matrices]
    at = START.size + 12 * n + LAYERS.size
    assert (len(restored), restored[:at]) == (len(data), data[:at])
    for m, most in zip(matrices, near, strict=True):
        assert restored[at : at + MATRIX.size] == data[at : at + MATRIX.size]
        at += MATRIX.size
        found = np.frombuffer(restored, np.float16, m.size, at).reshape(m.shape)
        assert (np.abs(found.astype(np.float32) - m) <= most).all()
        at += 2 * m.size


def test_it_takes_about_half() -> None:
    data = cells(*(matrix(200, 256, i) for i in range(4)))

    assert len(halve(data)) < 0.53 * len(data)


def test_what_was_restored_before_is_not_changed_any_more() -> None:
    once = halve(cells(matrix(9, 8, 1), matrix(9, 8, 2)))

    assert restore(halve(restore(once))) == restore(once)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        cells(matrix(3, 4, 1), matrix(3, 4, 2), kind=8),
        cells(matrix(3, 4, 1), matrix(3, 4, 2), transposed=1),
        cells(matrix(3, 4, 1), matrix(3, 4, 2), streams=2),
        cells(matrix(3, 4, 1), matrix(3, 4, 2)) + b"more",
        cells(matrix(3, 4, 1), matrix(3, 4, 2))[:-1],
        cells(matrix(3, 4, 1), matrix(3, 4, 2))[:70],
    ],
)
def test_another_layout_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cells|buffer|transposed"):
        halve(data)


def test_what_was_cut_short_is_not_restored() -> None:
    data = halve(cells(matrix(3, 4, 1), matrix(3, 4, 2)))
    for n in range(len(data)):
        with pytest.raises(ValueError, match=r"cells|buffer|transposed"):
            restore(data[:n])
