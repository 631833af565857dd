"""The denoiser during training: low-rank deltas on the base's layers, for many canvases at once.

Runs the layers of ``models.embedded`` with the deltas kept separate from their matrices (tested to
equal the merged ones), for all canvases of a context in one pass, with gradients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from lsp_server.models.embedded.gguf import DELTA_SCALE
from lsp_server.models.embedded.spec import SPEC, Shape
from lsp_server.models.embedded.transformer import Block, Qwen2, rms_norm, run_block
from lsp_server.models.quantization import Linear
from lsp_server.models.storage import replacing
from lsp_server.training.contexts import Context


class Delta(nn.Module):
    """A low-rank matrix that is added to one of the base's matrices."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.randn(rank, inputs) / math.sqrt(inputs))
        self.B = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, rows: Tensor) -> Tensor:
        """Apply to rows, in their precision."""
        down = functional.linear(rows, self.A.to(rows.dtype))
        return DELTA_SCALE * functional.linear(down, self.B.to(rows.dtype))


class Layer(nn.Module):
    """The deltas of one layer."""

    def __init__(self, shape: Shape, rank: int) -> None:
        super().__init__()
        fused = (shape.heads + 2 * shape.key_heads) * shape.head_width
        self.qkv = Delta(shape.width, fused, rank)
        self.o = Delta(shape.heads * shape.head_width, shape.width, rank)
        self.gu = Delta(shape.width, 2 * shape.inner, rank)
        self.d = Delta(shape.inner, shape.width, rank)


class Coupling(nn.Module):
    """Computes what the token before a mask adds to its state; zero before training."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.state, self.token = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.out = nn.Linear(inner, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, states: Tensor, tokens: Tensor) -> Tensor:
        """States of masks and embeddings of the tokens before them, (masks, width) both; fp32."""
        width = states.shape[-1:]
        of_state = self.state(functional.layer_norm(states.float(), width))
        of_token = self.token(functional.layer_norm(tokens.float(), width))
        added: Tensor = self.out(functional.silu(of_state + of_token))
        return added


class Adapter(nn.Module):
    """All trained parts of the denoiser; its state dict has the names of the adapter's file."""

    def __init__(
        self, shape: Shape, vocabulary: Tensor, masks: int, rank: int, taps: int, coupled: int
    ) -> None:
        """``vocabulary``: ids of the reduced head; ``taps``: layers whose inputs are features.

        ``coupled``: width of the hidden layer of the coupling.
        """
        super().__init__()
        width = shape.width
        self.layers = nn.ModuleList(Layer(shape, rank) for _ in range(SPEC.canvas_layers))
        self.feat = nn.Linear(width * (taps + 1), width, bias=False)
        self.tok = nn.Linear(width, width, bias=False)
        self.tokm = nn.Linear(width, width, bias=False)
        self.coupling = Coupling(width, coupled)
        self.mask = nn.Parameter(torch.zeros(masks, width))
        self.norm = nn.Parameter(torch.ones(width))
        self.vocab: Tensor
        self.register_buffer("vocab", vocabulary)

    @classmethod
    def load(cls, file: Path, shape: Shape) -> Adapter:
        """Load an adapter's file."""
        tensors = load_file(file)
        rank, masks = len(tensors["layers.0.qkv.A"]), len(tensors["mask"])
        taps = tensors["feat.weight"].shape[1] // shape.width - 1
        coupled = len(tensors["coupling.state.weight"])
        adapter = cls(shape, tensors["vocab"].long(), masks, rank, taps, coupled)
        adapter.load_state_dict({name: each.float() for name, each in tensors.items()})
        return adapter

    def save(self, file: Path, steps: int) -> None:
        """Write the adapter's file, in bf16."""
        tensors = {
            name: each.detach().to(torch.bfloat16) for name, each in self.state_dict().items()
        }
        tensors["vocab"] = self.vocab.to(torch.int32)
        with replacing(file) as temporary:
            save_file(tensors, temporary, {"steps": str(steps)})

    def forward(self, model: Qwen2, context: Context, starts: Tensor) -> Tensor:
        """Final states (canvases, masks, width); each canvas's pending token is at its start."""
        masks = len(self.mask)
        pending = model.embed(context.tokens[starts].tolist()).float()
        state = self.mask + (self.feat(context.features[starts - 1]) + self.tokm(pending))[:, None]
        state = torch.cat([state[:, :1] + self.tok(pending)[:, None], state[:, 1:]], 1)
        state = state.to(model.dtype)
        places = starts[:, None] + torch.arange(masks)
        cos, sin = model.rotary.at(0, len(context.tokens) + masks)
        rotary = cos[places], sin[places]
        hidden = torch.arange(len(context.tokens)) >= starts[:, None]  # the pending token, and on
        seen = torch.zeros(len(starts), 1, len(context.tokens) + masks, dtype=state.dtype)
        seen[:, 0, : len(context.tokens)].masked_fill_(hidden, float("-inf"))
        first = model.shape.layers - SPEC.canvas_layers
        blocks = zip(model.blocks[first:], self.layers, context.keys, strict=True)
        for block, layer, keys in blocks:
            assert isinstance(layer, Layer)
            changed, memory = _change(block, layer), _CanvasMemory(keys)
            state = run_block(model.shape, changed, 0, state, rotary, seen, memory)
        return rms_norm(state, model.norm * self.norm.to(model.dtype), model.shape.epsilon)


class _CanvasMemory:
    """The keys and values that canvases attend to: the context's rows, then their own."""

    def __init__(self, known: tuple[Tensor, Tensor]) -> None:
        """``known``: keys and values of the context, (key heads, tokens, head width) each."""
        self._known = known

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        key, value = (
            torch.cat([known.expand(len(own), -1, -1, -1), own.transpose(1, 2)], 2)
            for known, own in zip(self._known, (keys, values), strict=True)
        )
        return key, value


@dataclass(frozen=True, slots=True)
class _Changed:
    """A linear layer of the base with a delta added to it."""

    base: Linear
    delta: Delta

    def __call__(self, rows: Tensor) -> Tensor:
        changed: Tensor = self.base(rows) + self.delta(rows)
        return changed


def _change(block: Block, layer: Layer) -> Block:
    return replace(
        block,
        qkv=_Changed(block.qkv, layer.qkv),
        output=_Changed(block.output, layer.o),
        gate_up=_Changed(block.gate_up, layer.gu),
        down=_Changed(block.down, layer.d),
    )


def parameters(adapter: Adapter, rate: float) -> Sequence[dict[str, object]]:
    """The parameter groups of the optimizer, with their multiples of the learning rate."""
    groups: dict[float, list[nn.Parameter]] = {1.0: [], 3.0: [], 0.3: []}
    for name, each in adapter.named_parameters():
        fast = 1.0 if name.startswith("layers.") else 3.0 if name.startswith("coupling.") else 0.3
        groups[fast].append(each)
    return [{"params": group, "full_rate": fast * rate} for fast, group in groups.items()]
