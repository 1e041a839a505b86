import numpy as np

from rag.testing import HashEmbedder, MemoryIndex, ScriptedGenerator, WordTokenizer
from rag.types import Embedder, Generator, Prompt, Tokenizer, VectorIndex

PROMPT = Prompt("Answer.", ("Forty trees.",), "How many?")


def test_each_fake_stands_for_its_seam() -> None:
    tokenizer: Tokenizer = WordTokenizer()
    embedder: Embedder = HashEmbedder()
    index: VectorIndex = MemoryIndex()
    generator: Generator = ScriptedGenerator("Forty.")

    assert (tokenizer.window, index.count(), generator.n_ahead) == (64, 0, 0)
    assert embedder.embed([]).shape == (0, 64)


def test_the_tokenizer_ends_a_token_with_each_word_and_sign() -> None:
    assert WordTokenizer().token_ends("Is it 3.5?").tolist() == [2, 5, 7, 8, 9, 10]
    assert WordTokenizer().token_ends("").tolist() == []


def test_the_embedder_gives_unit_rows_and_texts_that_share_words_are_near() -> None:
    apple, apples, pear, blank = HashEmbedder().embed(
        ["red apple tree", "old apple tree", "ripe pears fall", ""]
    )

    assert np.allclose(np.linalg.norm([apple, apples, pear, blank], axis=1), 1)
    assert apple @ apples > apple @ pear


def test_the_index_finds_the_nearest_and_forgets_a_document() -> None:
    index = MemoryIndex()
    index.add(["a:0", "b:0"], ["a", "b"], np.eye(2, dtype=np.float32))

    assert index.query(np.asarray([0.0, 1.0], np.float32), 1) == ["b:0"]
    assert index.ids("a") == {"a:0"}
    index.remove("a")
    index.rewrite()
    assert (index.count(), index.ids("a")) == (1, set())


def test_the_generator_says_its_answers_in_turn() -> None:
    generator = ScriptedGenerator("Forty trees.", "None.")

    said = [
        "".join(piece.text for piece in generator.generate(PROMPT, max_tokens=9)) for _ in range(3)
    ]

    assert said == ["Forty trees.", "None.", "Forty trees."]
    assert generator.prompts == [PROMPT] * 3


def test_the_generator_stops_for_length_and_when_cancelled() -> None:
    generator = ScriptedGenerator("Forty apple trees.")

    assert [p.stop for p in generator.generate(PROMPT, max_tokens=2)] == [None, None, "length"]
    assert [*generator.generate(PROMPT, max_tokens=3)][-1].stop == "complete"
    (only,) = generator.generate(PROMPT, max_tokens=3, cancelled=lambda: True)
    assert only.stop == "cancelled"
