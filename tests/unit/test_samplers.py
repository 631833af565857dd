from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.samplers import (
    choose_doubtful,
    commit_bounded_entropy,
    commit_confident,
    commit_factor,
    commit_top_k,
    is_certain,
)


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


def test_factor_asks_for_more_the_more_fall_together() -> None:
    # (n + 1)(1 - c): 0.1 for one, 0.3 for two, 0.8 for three, 2.0 for four.
    logits = rows(0.8, 0.95, 0.6, 0.9)
    assert commit_factor(logits, 1.0) == [0, 1, 3]
    assert commit_factor(logits, 0.5) == [1, 3]
    assert commit_factor(logits, 2.5) == [0, 1, 2, 3]
    assert commit_factor(logits, 0.0) == [1]


def test_top_k_takes_the_surest_whatever_their_confidence() -> None:
    logits = rows(0.6, 0.8, 0.7)
    assert commit_top_k(logits, 1) == [1]
    assert commit_top_k(logits, 2) == [1, 2]
    assert commit_top_k(logits, 9) == [0, 1, 2]


def test_the_least_certain_are_taken_back_but_never_most() -> None:
    assert choose_doubtful([0.5, 0.99, 0.7, 0.95], 0.9) == [0, 2]
    assert choose_doubtful([0.5, 0.4, 0.7, 0.6], 0.9) == [0, 1]
    assert choose_doubtful([0.95, 0.99], 0.9) == []
    assert choose_doubtful([0.5], 0.9) == []  # there is nothing more around it than before


def test_certain_is_a_mean_entropy_near_zero() -> None:
    assert is_certain(rows(0.9999, 0.9999))
    assert not is_certain(rows(0.9999, 0.95))


@given(
    st.lists(st.lists(st.floats(-9, 9), min_size=4, max_size=4), min_size=1, max_size=9),
    st.floats(0, 3),
)
def test_the_factor_holds_for_what_is_taken_and_for_no_more(
    values: list[list[float]], factor: float
) -> None:
    logits = torch.tensor(values)
    confidence = logits.softmax(-1).amax(-1).sort(descending=True).values.tolist()
    fitting = [n for n, each in enumerate(confidence, 1) if (n + 1) * (1 - each) < factor - 1e-4]
    assert len(commit_factor(logits, factor)) >= max(fitting, default=1)
    beyond = [n for n, each in enumerate(confidence, 1) if (n + 1) * (1 - each) > factor + 1e-4]
    assert len(commit_factor(logits, factor)) < max(2, min(beyond, default=99))


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
