"""A language model of random weights in a GGUF file: the llama architecture, a vocabulary of bytes.

The layout is that of github.com/ggml-org/ggml, docs/gguf.md, version 3.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ALIGNMENT = 32
WIDTH, HIDDEN, HEADS, BLOCKS = 64, 96, 2, 2
UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
F32 = 0
BLANK = "\u2581"
"""What stands for a space in this kind of vocabulary."""


def write(path: Path, *, template: str, marks: Sequence[str], end: str, kind: int = 0) -> Path:
    """template: of the chat. marks: the words of its markup that are tokens of their own, of
    which `end` ends a turn. kind: of its weights, as the file is to say."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), BLANK, *marks]
    types = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, NORMAL, *[CONTROL] * len(marks)]
    values = [
        _string("general.architecture", "llama"),
        _string("general.name", "tiny"),
        _number("general.file_type", kind),
        _number("llama.context_length", 512),
        _number("llama.embedding_length", WIDTH),
        _number("llama.block_count", BLOCKS),
        _number("llama.feed_forward_length", HIDDEN),
        _number("llama.attention.head_count", HEADS),
        _number("llama.attention.head_count_kv", HEADS),
        _number("llama.rope.dimension_count", WIDTH // HEADS),
        _key("llama.attention.layer_norm_rms_epsilon", FLOAT32) + struct.pack("<f", 1e-5),
        _string("tokenizer.ggml.model", "llama"),
        _array("tokenizer.ggml.tokens", STRING, [_text(token) for token in tokens]),
        _array("tokenizer.ggml.scores", FLOAT32, [struct.pack("<f", 0.0)] * len(tokens)),
        _array("tokenizer.ggml.token_type", INT32, [struct.pack("<i", kind) for kind in types]),
        _number("tokenizer.ggml.unknown_token_id", 0),
        _number("tokenizer.ggml.bos_token_id", 1),
        _number("tokenizer.ggml.eos_token_id", tokens.index(end)),
        _key("tokenizer.ggml.add_bos_token", BOOL) + b"\x01",
        _key("tokenizer.ggml.add_space_prefix", BOOL) + b"\x00",
        _string("tokenizer.chat_template", template),
    ]
    tensors = _tensors(len(tokens))
    head, body = b"", b""
    for name, array in tensors.items():
        head += _text(name) + struct.pack("<I", array.ndim)
        head += struct.pack(f"<{array.ndim}Q", *reversed(array.shape))
        head += struct.pack("<IQ", F32, len(body))
        body += _padded(array.tobytes())
    start = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values))
    path.write_bytes(_padded(start + b"".join(values) + head) + body)
    return path


def _tensors(n_tokens: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        return random.normal(0, 0.2, shape).astype(np.float32)

    ones = np.ones(WIDTH, np.float32)
    tensors = {"token_embd.weight": weights(n_tokens, WIDTH), "output_norm.weight": ones}
    tensors["output.weight"] = weights(n_tokens, WIDTH)
    for block in range(BLOCKS):
        of_block = {
            "attn_norm": ones,
            "attn_q": weights(WIDTH, WIDTH),
            "attn_k": weights(WIDTH, WIDTH),
            "attn_v": weights(WIDTH, WIDTH),
            "attn_output": weights(WIDTH, WIDTH),
            "ffn_norm": ones,
            "ffn_gate": weights(HIDDEN, WIDTH),
            "ffn_up": weights(HIDDEN, WIDTH),
            "ffn_down": weights(WIDTH, HIDDEN),
        }
        tensors |= {f"blk.{block}.{name}.weight": array for name, array in of_block.items()}
    return tensors


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _key(name: str, kind: int) -> bytes:
    return _text(name) + struct.pack("<I", kind)


def _string(name: str, value: str) -> bytes:
    return _key(name, STRING) + _text(value)


def _number(name: str, value: int) -> bytes:
    return _key(name, UINT32) + struct.pack("<I", value)


def _array(name: str, kind: int, items: Sequence[bytes]) -> bytes:
    return _key(name, ARRAY) + struct.pack("<IQ", kind, len(items)) + b"".join(items)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % ALIGNMENT)
