from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.samplers import commit_bounded_entropy, commit_confident


def rows(*probabilities: float) -> torch.Tensor:
    """Logits over two entries, the first with the given probability."""
    p = torch.tensor(probabilities)
    return torch.stack([p, 1 - p], 1).log()


def test_confident_takes_all_above_and_the_surest_otherwise() -> None:
    assert commit_confident(rows(0.95, 0.6, 0.99), 0.9) == [0, 2]
    assert commit_confident(rows(0.6, 0.8, 0.7), 0.9) == [1]


def test_entropy_takes_the_most_certain_within_the_bound() -> None:
    logits = rows(0.5, 0.999, 0.99)
    assert commit_bounded_entropy(logits, 0.0) == [1]
    # Each further mask costs the entropy of those before it: 0.008, then 0.008 + 0.056 nats.
    assert commit_bounded_entropy(logits, 0.01) == [1, 2]
    assert commit_bounded_entropy(logits, 0.1) == [0, 1, 2]


@given(
    st.lists(st.lists(st.floats(-9, 9), min_size=4, max_size=4), min_size=1, max_size=9),
    st.floats(0, 3),
)
def test_entropy_bound_holds(values: list[list[float]], bound: float) -> None:
    logits = torch.tensor(values)
    chosen = commit_bounded_entropy(logits, bound)
    assert chosen
    entropy = torch.distributions.Categorical(logits=logits[chosen]).entropy()
    assert float(entropy.sum() - entropy.max()) <= bound + 1e-4


@given(
    st.lists(st.lists(st.floats(-9, 9), min_size=4, max_size=4), min_size=1, max_size=9),
    st.floats(0.3, 1),
)
def test_every_confident_mask_is_taken(values: list[list[float]], threshold: float) -> None:
    logits = torch.tensor(values)
    chosen = commit_confident(logits, threshold)
    best = logits.softmax(-1).amax(-1)
    assert chosen
    assert all((float(p) > threshold) <= (i in chosen) for i, p in enumerate(best))
