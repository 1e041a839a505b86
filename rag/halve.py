"""Key-value cells in eight bits a value, where llama.cpp gives sixteen.

Each channel of a layer has a scale of its own: keys of some channels are many times as large as
those of others, at every token (Liu et al., KIVI, 2024). The layout is that of
`llama_kv_cache::state_write` for one sequence whose values are not transposed.
"""

import struct

import numpy as np

from rag.arrays import FloatArray

START = struct.Struct("<IiII")
"""Magic, sequence, streams, cells."""
N_META = 12
"""Bytes for each cell: its place, and its sequences."""
LAYERS = struct.Struct("<II")
"""Whether values are transposed, and how many layers there are."""
MATRIX = struct.Struct("<iQ")
"""Type, and bytes of a row."""
F16 = 1
LEAST = np.float32(1e-8)


def halve(data: bytes) -> bytes:
    """Raises ValueError where the layout is another."""
    pieces = [data[: _n_head(data)]]
    at, n_cells = len(pieces[0]), START.unpack_from(data)[3]
    for _ in range(_n_matrices(data)):
        kind, row = _matrix(data, at)
        if kind != F16 or row % 2:
            raise ValueError("cells are not of 16 bits")
        pieces.append(data[at : at + MATRIX.size])
        at += MATRIX.size
        values = np.frombuffer(data, np.float16, n_cells * row // 2, at).reshape(n_cells, row // 2)
        pieces += _in_eight(values.astype(np.float32))
        at += n_cells * row
    if at != len(data):
        raise ValueError("cells are not laid out as they were known to be")
    return b"".join(pieces)


def restore(data: bytes) -> bytes:
    """What `halve` was given, but for what eight bits cannot say. Raises ValueError."""
    pieces = [data[: _n_head(data)]]
    at, n_cells = len(pieces[0]), START.unpack_from(data)[3]
    for _ in range(_n_matrices(data)):
        pieces.append(data[at : at + MATRIX.size])
        width = _matrix(data, at)[1] // 2
        at += MATRIX.size
        scales = np.frombuffer(data, np.float32, width, at)
        at += scales.nbytes
        values = np.frombuffer(data, np.int8, n_cells * width, at).reshape(n_cells, width)
        at += values.nbytes
        pieces.append((values * scales).astype(np.float16).tobytes())
    if at != len(data):
        raise ValueError("cells are not laid out as they were written")
    return b"".join(pieces)


def _in_eight(values: FloatArray) -> tuple[bytes, bytes]:
    """values: (cells, channels). Returns the scale of each channel, and the values in it."""
    scales = np.maximum(np.abs(values).max(axis=0) / 127, LEAST)
    return scales.tobytes(), np.rint(values / scales).astype(np.int8).tobytes()


def _matrix(data: bytes, at: int) -> tuple[int, int]:
    if at + MATRIX.size > len(data):
        raise ValueError("cells end too soon")
    kind, row = MATRIX.unpack_from(data, at)
    return kind, row


def _n_head(data: bytes) -> int:
    """Bytes in front of the first matrix."""
    if len(data) < START.size:
        raise ValueError("no cells")
    _, _, n_streams, n_cells = START.unpack_from(data)
    n_head = START.size + N_META * n_cells + LAYERS.size
    if n_streams != 1 or not n_cells or len(data) < n_head:
        raise ValueError("cells are not of one stream")
    return int(n_head)


def _n_matrices(data: bytes) -> int:
    """Keys of each layer, then values of each."""
    transposed, n_layers = LAYERS.unpack_from(data, _n_head(data) - LAYERS.size)
    if transposed:
        raise ValueError("values are transposed")
    return 2 * int(n_layers)
