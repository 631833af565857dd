"""The embedded model itself: its tokenizer, its equality with transformers, its invariances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole
from lsp_server.models.embedded.model import CausalBase, EmbeddedModel
from lsp_server.models.embedded.torch_network import TorchNetwork
from lsp_server.models.interfaces import MASK, Cancelled, PromptTokens, never
from lsp_server.settings import Settings
from tests.unit.reference import transformers_model

pytestmark = pytest.mark.model
SOURCE = Path(__file__).read_text()


def test_known_ids(embedded: EmbeddedModel) -> None:
    tokenizer = embedded.tokenizer
    assert tokenizer.encode("def f(x):\n    return x") == [750, 282, 2075, 982, 262, 470, 856]
    text = "naïve 🙂\r\n\t\x0c<|fim_middle|> <|endoftext|> \x00"
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not tokenizer.ends & set(ids), "special tokens in a document are plain text"
    assert tokenizer.encode("\ud800")  # a lone surrogate is not an error


def test_equal_to_transformers(embedded_fp32: EmbeddedModel) -> None:
    base = embedded_fp32.verifier
    network = embedded_fp32.network
    assert isinstance(network, TorchNetwork)
    theirs = transformers_model(network.base)
    prefix = embedded_fp32.tokenizer.encode(SOURCE[:600])
    suffix = embedded_fp32.tokenizer.encode(SOURCE[700:900])
    first = base.prefill(PromptTokens.around(prefix, suffix), never).logits
    rest = base.extend(prefix[:5])
    prompt = CausalBase.lay_out(PromptTokens.around(prefix, suffix))
    with torch.inference_mode():
        expected = theirs(torch.tensor([prompt + prefix[:5]])).logits[0, len(prompt) - 1 :]
    assert np.allclose(np.concatenate([first[None], rest]), expected, atol=2e-2, rtol=1e-3)
    base.truncate(5)


@pytest.mark.parametrize("runtime", ["default", "torch"])
def test_cuts_and_neighbours_change_no_bit(
    runtime: str, embedded: EmbeddedModel, embedded_torch: EmbeddedModel
) -> None:
    model = embedded if runtime == "default" else embedded_torch
    base, encode = model.verifier, model.tokenizer.encode
    prefix, suffix = encode(SOURCE[:1500]), encode(SOURCE[1600:1900])
    following = encode("return [x for x in rows]")
    answers = []
    for size in (8, 19, 64):
        base.truncate(len(base.tokens))
        base._slices.rows = size
        logits = base.prefill(PromptTokens.around(prefix, suffix), never).logits
        rows = base.extend(following)
        base.truncate(len(following))
        single = np.concatenate([base.extend([token]) for token in following])
        base.truncate(len(following))
        assert np.array_equal(rows, single), "a row depends on the rows beside it"
        answers.append(np.concatenate([logits[None], rows]))
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_a_window_that_grows_changes_no_bit(embedded: EmbeddedModel) -> None:
    base, encode = embedded.verifier, embedded.tokenizer.encode
    prefix, following = encode(SOURCE[:900]), encode(SOURCE[900:])
    base.forget()
    base.prefill(PromptTokens.around(prefix, []), never)
    expected = base.extend(following[:6])
    base.truncate(6)
    base.extend(following)  # the arrays of keys and values are made anew, larger
    base.truncate(len(following))
    assert np.array_equal(base.extend(following[:6]), expected)


def test_int8_is_near_fp32(
    embedded: EmbeddedModel, embedded_torch: EmbeddedModel, embedded_fp32: EmbeddedModel
) -> None:
    tokens = embedded.tokenizer.encode(SOURCE)[:400]
    logits = []
    for model in (embedded_fp32, embedded, embedded_torch):
        model.verifier.prefill(PromptTokens.around(tokens[:200], []), never)
        rows = [model.verifier.extend(tokens[at : at + 8]) for at in range(200, 400, 8)]
        logits.append(torch.from_numpy(np.concatenate(rows)).log_softmax(-1))
    exact, *rounded = logits
    divergence = [float((exact.exp() * (exact - each)).sum(-1).mean()) for each in rounded]
    agreement = [float((exact.argmax(-1) == each.argmax(-1)).float().mean()) for each in rounded]
    assert divergence[0] <= divergence[1], "OpenVINO's int8 is to be no worse than torch's"
    assert divergence[0] < 0.01
    assert agreement[0] > 0.94


def test_typing_extends_the_cache(embedded: EmbeddedModel) -> None:
    base, encode = embedded.verifier, embedded.tokenizer.encode
    suffix = encode("\nprint(total)\n")
    base.prefill(PromptTokens.around(encode("total = 0\nfor x in"), suffix), never)
    again = base.prefill(
        PromptTokens.around(encode("total = 0\nfor x in range(10)"), suffix), never
    )
    assert again.forwards == 1
    assert again.cached_tokens >= len(suffix) + 7


def test_windows_side_by_side_change_no_bit(embedded: EmbeddedModel) -> None:
    base, encode = embedded.verifier, embedded.tokenizer.encode
    typed = PromptTokens.around(encode(SOURCE[:700]), encode(SOURCE[800:1000]), "a")
    longer = typed.continued(encode(" return"))
    other = PromptTokens.around(encode(SOURCE[1500:2000]), encode(SOURCE[2100:2200]), "b")
    base.forget()
    expected = base.prefill(longer, never).logits
    base.forget()
    for prompt in (typed, other, longer):
        got = base.prefill(prompt, never)
    assert got.cached_tokens >= len(typed.ids)
    assert np.array_equal(got.logits, expected)


def test_a_cancelled_prefill_keeps_what_is_done(embedded: EmbeddedModel) -> None:
    base, encode = embedded.verifier, embedded.tokenizer.encode
    prefix = encode("# cancelled\n" + SOURCE[:3000])
    calls = iter([False, False, True])
    with pytest.raises(Cancelled):
        base.prefill(PromptTokens.around(prefix, []), lambda: next(calls))
    done = len(base.tokens)
    assert 0 < done < len(prefix)
    assert base.prefill(PromptTokens.around(prefix, []), never).cached_tokens == done


def test_the_canvas_leaves_the_base_alone(embedded: EmbeddedModel) -> None:
    base, encode = embedded.verifier, embedded.tokenizer.encode
    prefix = encode("def add(a, b):\n    return")
    before = base.prefill(PromptTokens.around(prefix, []), never).logits
    pending = int(before.argmax())
    marginals = embedded.denoiser.denoise(PromptTokens.around([*prefix, pending], []), [MASK] * 6)
    assert marginals.logits.shape == (6, 32768)
    assert np.array_equal(base.prefill(PromptTokens.around(prefix, []), never).logits, before)


def test_the_denoiser_knows_code(embedded: EmbeddedModel) -> None:
    prefix = "for index in range(10):\n    print("
    tokens = embedded.tokenizer.encode(prefix)
    embedded.verifier.prefill(PromptTokens.around(tokens[:-1], []), never)
    marginals = embedded.denoiser.denoise(PromptTokens.around(tokens, []), [MASK] * 2)
    assert marginals.vocabulary is not None
    best = marginals.vocabulary[marginals.logits.argmax(-1)].tolist()
    assert embedded.tokenizer.decode(best[:1]) == "index"


@pytest.mark.parametrize("precision", ["default", "fp32"])
def test_drafts_never_change_the_text(
    precision: str, embedded: EmbeddedModel, embedded_fp32: EmbeddedModel
) -> None:
    model = embedded if precision == "default" else embedded_fp32
    for at in (1011, 1537, 2046):
        hole = Hole(Prompt.around(SOURCE[at - 300 : at], SOURCE[at + 40 : at + 140]), 16)
        plain = Decoder(model, Settings(drafts=())).infill(hole)
        drafted = Decoder(model, Settings()).infill(hole)
        assert drafted.ids == plain.ids
        assert drafted.cost.forwards.verify <= plain.cost.forwards.verify


def test_pure_denoising_with_the_embedded_denoiser(embedded: EmbeddedModel) -> None:
    decoder = Decoder(embedded, Settings(decoding="masked", threshold=0.6))
    hole = Hole(Prompt.around("for index in range(10):\n    print(", "\n"), 12)
    got = decoder.infill(hole)
    embedded.verifier.prefill(
        PromptTokens.around(embedded.tokenizer.encode("something else"), []), never
    )
    assert decoder.infill(hole).text == got.text
    assert 0 < got.cost.forwards.canvas <= got.cost.tokens
    assert got.cost.forwards.verify == 0
