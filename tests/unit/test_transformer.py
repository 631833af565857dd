from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.models.kv_cache import KeyValueCache
from tests.unit.reference import transformers_model
from tests.unit.tiny import SHAPE, random_qwen2


@torch.inference_mode()
def test_equal_to_transformers() -> None:
    model = random_qwen2()
    tokens = [i % SHAPE.vocabulary for i in range(3, 90, 2)]
    states, _ = model.forward(tokens, model.new_cache())
    theirs = transformers_model(model)(torch.tensor([tokens])).logits[0]
    assert torch.allclose(model.head(states), theirs, atol=1e-3, rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.integers(0, 5))
@torch.inference_mode()
def test_cutting_and_truncating_change_nothing(cuts: list[int], extra: int) -> None:
    model = random_qwen2()
    tokens = [(7 * i + 3) % SHAPE.vocabulary for i in range(sum(cuts))]
    whole, _ = model.forward(tokens, model.new_cache())
    cache, pieces, start = model.new_cache(), [], 0
    for size in cuts:
        if extra:  # rows that are taken back leave no trace
            model.forward([1] * extra, cache)
            cache.truncate(start)
        pieces.append(model.forward(tokens[start : start + size], cache)[0])
        start += size
    assert torch.allclose(torch.cat(pieces), whole, atol=1e-4)


@torch.inference_mode()
def test_a_batch_is_its_sequences_side_by_side() -> None:
    model = random_qwen2()
    sequences = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9]]
    cache = model.new_cache((3,))
    for part in (slice(3), slice(3, 5)):
        states, _ = model.forward(torch.tensor(sequences)[:, part], cache)
    for row, sequence in zip(states, sequences, strict=True):
        alone, _ = model.forward(sequence, model.new_cache())
        assert torch.allclose(row, alone[3:], atol=1e-4)


def test_the_cache_keeps_what_stands_behind_the_rows_written() -> None:
    cache = KeyValueCache(1, 1, 2, capacity=8)
    rows = torch.arange(1.0, 17).view(8, 1, 2)
    cache.reserve(8)
    cache.write(0, rows, rows)
    cache.advance(8)
    cache.truncate(2)
    cache.reserve(600)  # more than there is room for
    keys, _ = cache.write(0, -rows[2:4], -rows[2:4], reach=8)
    assert torch.equal(keys[0], torch.cat([rows[:2], -rows[2:4], rows[4:]])[:, 0])


def test_the_cache_grows_and_keeps_its_rows() -> None:
    cache = KeyValueCache(1, 1, 2, capacity=4)
    rows = torch.arange(2000.0).view(1000, 1, 2)
    for start in range(0, 1000, 100):
        cache.reserve(100)
        keys, values = cache.write(0, rows[start : start + 100], -rows[start : start + 100])
        cache.advance(100)
        assert torch.equal(keys[0, : start + 100], rows[: start + 100, 0])
        assert torch.equal(values[0, : start + 100], -rows[: start + 100, 0])


@pytest.mark.parametrize("length", [-1, 11])
def test_the_cache_refuses_to_truncate_beyond_itself(length: int) -> None:
    cache = KeyValueCache(1, 1, 2)
    cache.advance(10)
    with pytest.raises(ValueError, match="truncate"):
        cache.truncate(length)
