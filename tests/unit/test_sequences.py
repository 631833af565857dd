"""Several cached sequences: what is kept, what makes room, and that results are a fresh cache's."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole
from lsp_server.models.embedded.model import CausalBase
from lsp_server.models.interfaces import Cancelled, PromptTokens, never
from lsp_server.models.kv_cache import KeyValueCache
from lsp_server.models.sequences import CachedSequences
from lsp_server.settings import Settings
from tests.unit.tiny import RandomBase, TinyCausal, TinyDiffusion, TinyModel

WINDOW = KeyValueCache(1, 1, 4).bytes


@pytest.fixture(scope="module")
def network() -> RandomBase:
    return RandomBase()


def fill(pool: CachedSequences, tokens: Sequence[int], document: str = "") -> int:
    """Bring a pool to ``tokens``, as a prefill would; returns how many were cached."""
    shared = pool.activate(tokens, document)
    rows = len(tokens) - shared
    pool.active.cache.reserve(rows)
    pool.active.cache.advance(rows)
    pool.active.tokens.extend(tokens[shared:])
    pool.shrink()
    return shared


def windows(budget: int) -> CachedSequences:
    """A pool that has room for ``budget`` windows."""
    return CachedSequences(lambda: KeyValueCache(1, 1, 4), budget * WINDOW)


def window(number: int, length: int = 100) -> list[int]:
    """A prompt that has nothing but its first two tokens in common with any other."""
    return [1, 2, *range(1000 * number, 1000 * number + length)]


def test_another_window_does_not_replace_the_one_typed_in() -> None:
    pool = windows(4)
    typed = window(1)
    assert fill(pool, typed) == 0
    assert fill(pool, window(2)) == 0
    assert fill(pool, [*typed, 7, 8]) == len(typed)
    assert fill(pool, window(2)) == len(window(2))


def test_the_least_recently_used_window_makes_room() -> None:
    pool = windows(3)
    for number in (1, 2, 3, 1, 4):
        fill(pool, window(number))
    assert fill(pool, window(1)) == len(window(1))
    assert fill(pool, window(3)) == len(window(3))
    assert fill(pool, window(4)) == len(window(4))
    assert fill(pool, window(2)) == 2  # the first two tokens are every prompt's


def test_a_window_is_cut_only_where_that_saves_more_than_it_loses() -> None:
    pool = windows(4)
    long = window(1, 200)
    fill(pool, long)
    assert fill(pool, [*long[:50], 7]) == 0
    assert fill(pool, [*long[:150], 7]) == 150
    assert fill(pool, long) == 150


def test_what_was_written_behind_a_prompt_does_not_hold_it_fast() -> None:
    pool = windows(4)
    fill(pool, window(1, 20))
    pool.active.cache.advance(300)
    pool.active.tokens.extend(range(5000, 5300))
    assert fill(pool, [*window(1, 20), 7]) == len(window(1, 20))


def test_the_budget_is_kept() -> None:
    pool, chance = windows(3), Random(1)
    for _ in range(200):
        prompt = window(chance.randrange(9), chance.choice([5, 100, 900]))
        expected = pool.count_cached(prompt)
        shared = fill(pool, prompt)
        assert shared == expected or expected == 0  # what made room may share more
        assert pool.bytes <= 3 * WINDOW
    fill(pool, window(1, 1500))  # one that doubles makes the others go
    assert pool.bytes <= 3 * WINDOW
    fill(pool, window(2, 8000))
    assert fill(pool, window(2, 8000)) == len(window(2, 8000))


def held(pool: CachedSequences) -> set[int]:
    return {token for sequence in pool._all for token in sequence.tokens}


def test_a_forgotten_documents_tokens_are_gone() -> None:
    pool = windows(4)
    for number, document in ((1, "a"), (2, "b"), (3, "a")):
        fill(pool, window(number), document)
    pool.forget("a")
    assert held(pool) == set(window(2))
    assert fill(pool, window(2), "b") == len(window(2))
    pool.forget("b")
    assert held(pool) == set()
    pool.forget("c")


def test_a_shared_window_belongs_to_its_last_user() -> None:
    pool = windows(4)
    fill(pool, window(1), "a")
    fill(pool, [*window(1)[:80], 7], "b")
    pool.forget("a")
    assert 7 in held(pool)
    pool.forget("b")
    assert held(pool) == set()


def test_everything_is_forgotten() -> None:
    pool = windows(4)
    fill(pool, window(1), "a")
    fill(pool, window(2), "b")
    pool.forget(None)
    assert held(pool) == set()
    assert pool.bytes == WINDOW


def test_results_are_those_of_a_fresh_cache(network: RandomBase) -> None:
    kept, fresh, chance = CausalBase(network), CausalBase(network), Random(2)
    documents = {name: [chance.randrange(99) for _ in range(80)] for name in "abc"}
    reused = 0
    for _ in range(40):
        name = chance.choice("abc")
        text, at = documents[name], chance.choice([30, 33, 60])
        prompt = PromptTokens.around(text[:at], text[at + 5 :], name)
        fresh.forget()
        expected, got = fresh.prefill(prompt, never), kept.prefill(prompt, never)
        assert np.allclose(got.logits, expected.logits, atol=1e-4)
        assert np.allclose(kept.feature, fresh.feature, atol=1e-4)
        assert kept.tokens == fresh.tokens == CausalBase.lay_out(prompt)
        following = [chance.randrange(99) for _ in range(4)]
        assert np.allclose(kept.extend(following), fresh.extend(following), atol=1e-4)
        if chance.random() < 0.5:
            kept.truncate(2)
        reused += got.cached_tokens > 20
    assert reused > 20


def test_a_cancelled_prefill_leaves_nothing_that_a_canvas_could_go_on_from(
    network: RandomBase,
) -> None:
    base = CausalBase(network)
    base.prefill(PromptTokens.around([1, 2, 3, 4], []), never)
    assert base.holds(CausalBase.lay_out(PromptTokens.around([1, 2, 3, 4], [])), "")
    with pytest.raises(Cancelled):
        base.prefill(PromptTokens.around([1, 2, 3, 9], []), lambda: True)
    # The tokens fit, but the row run last is another one's.
    assert base.tokens == CausalBase.lay_out(PromptTokens.around([1, 2, 3], []))
    assert not base.holds(base.tokens, "")


def test_a_canvas_of_another_document_is_filled_for_that_document(network: RandomBase) -> None:
    base, prompt = CausalBase(network), PromptTokens.around([1, 2], [], "a")
    base.prefill(prompt, never)
    assert base.holds(base.tokens, "a")
    assert not base.holds(base.tokens, "b")


def test_the_decoder_forgets_between_decodings() -> None:
    verifier = TinyCausal()
    decoder = Decoder(TinyModel(TinyDiffusion(), verifier), Settings())
    decoder.forget("a")
    assert verifier.forgotten == ["a"]
    during: list[list[str | None]] = []

    def close(_: object) -> None:
        decoder.forget("b")
        during.append(list(verifier.forgotten))

    decoder.infill(Hole(Prompt.around("ab", ""), 4), observe=close)
    assert during
    assert all(seen == ["a"] for seen in during)
    assert verifier.forgotten == ["a", *["b"] * len(during)]

    def give_up() -> bool:
        decoder.forget("c")
        return True

    with pytest.raises(Cancelled):
        decoder.prefill(Hole(Prompt.around("ab", ""), 4), give_up)
    assert verifier.forgotten[-1] == "c"
    Decoder(TinyModel(TinyDiffusion()), Settings()).forget("a")  # nothing is cached to verify with
