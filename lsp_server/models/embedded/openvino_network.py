"""The embedded model's forwards on OpenVINO, in int8: the default on CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lsp_server.models.arrays import Array, Floats
from lsp_server.models.embedded.graphs import GROUP, Graphs
from lsp_server.models.embedded.network import CanvasStates
from lsp_server.models.embedded.openvino_api import import_openvino
from lsp_server.models.embedded.rotary import rotary_tables
from lsp_server.models.embedded.spec import SPEC, Shape
from lsp_server.models.embedded.tensors import MappedTensors

_CAPACITY, _STEP = 768, 256  # rows of a cache: at first, and by which it grows
_HIDDEN: Final = np.float32(-1e9)  # added to the score of a place that a row does not see


class KeyValueArrays:
    """Keys and values of one sequence: (layers, 2, key heads, capacity, head width), fp32.

    The graphs read and write them in place. Rows behind ``length`` mean nothing.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape, self.length = shape, 0
        self._allocate(_CAPACITY)

    @property
    def bytes(self) -> int:
        """The size of the arrays."""
        return int(self._arrays.nbytes)

    @property
    def capacity(self) -> int:
        """The rows that there is room for."""
        return int(self._arrays.shape[3])

    def reserve(self, rows: int) -> None:
        """Make room for ``rows`` more rows, keeping what is there."""
        needed = self.length + rows
        if needed > self.capacity:
            kept = self._arrays[:, :, :, : self.length]
            self._allocate(-(-needed // _STEP) * _STEP)
            self._arrays[:, :, :, : self.length] = kept

    def truncate(self, length: int) -> None:
        """Cut the sequence back to ``length`` rows."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate {self.length} rows to {length}")
        self.length = length

    def _allocate(self, capacity: int) -> None:
        openvino, _ = import_openvino()
        shape = self._shape
        sizes = (shape.layers, 2, shape.key_heads, capacity, shape.head_width)
        self._arrays = np.zeros(sizes, np.float32)
        both = self._arrays.reshape(-1, *sizes[2:])
        self.tensors = [openvino.Tensor(array, shared_memory=True) for array in both]


class OpenVinoNetwork:
    """The graphs, compiled, and the tensors that they read."""

    runtime, device = "openvino", "cpu"

    def __init__(self, tensors: MappedTensors, threads: int, shape: Shape = SPEC.shape) -> None:
        """``threads``: of a forward."""
        openvino, _ = import_openvino()
        self._openvino, self._shape, self._tensors = openvino, shape, tensors
        self._rotary = rotary_tables(shape, _CAPACITY)
        self._embedding = tensors["embedding"]
        graphs, config = Graphs(shape, tensors.__getitem__), _configuration(threads)
        core = openvino.Core()
        built = (graphs.base(SPEC.taps), graphs.head(), graphs.canvas(SPEC.canvas_layers))
        compiled = [core.compile_model(graph, "CPU", config) for graph in built]
        self._base, self._head, self._canvas = (each.create_infer_request() for each in compiled)
        self._warm_up()

    def new_cache(self) -> KeyValueArrays:
        """An empty cache for one sequence."""
        return KeyValueArrays(self._shape)

    def embed(self, tokens: Sequence[int] | Array) -> Floats:
        """Embeddings (tokens, width)."""
        rows: Floats = self._embedding[np.asarray(tokens)].astype(np.float32)
        return rows

    def vector(self, name: str) -> Array:
        """A tensor by its name."""
        return self._tensors[name]

    def forward(self, tokens: Sequence[int], cache: KeyValueArrays) -> Floats:
        """See ``Network``."""
        cache.reserve(len(tokens))
        places = np.arange(cache.length, cache.length + len(tokens), dtype=np.int32)
        inputs = [self.embed(tokens), *self._layer_inputs(places, places, cache.capacity)]
        states, *tapped = self._run(self._base, inputs, cache.tensors, 1 + len(SPEC.taps))
        cache.length += len(tokens)
        return np.stack([*tapped, states], 1)

    def head(self, states: Floats) -> Floats:
        """Logits (rows, vocabulary) of states (rows, width)."""
        return self._run(self._head, [np.ascontiguousarray(states)], [], 1)[0].copy()

    def denoise(
        self, feature: Floats, pending: int, masks: int, cache: KeyValueArrays
    ) -> CanvasStates:
        """See ``Network``."""
        cache.reserve(masks)
        places = np.arange(cache.length, cache.length + masks, dtype=np.int32)
        last = np.full_like(places, places[-1])
        caches = cache.tensors[-2 * SPEC.canvas_layers :]
        inputs = [feature[None], self.embed([pending])]
        inputs += self._layer_inputs(places, last, cache.capacity)
        logits, of_state = self._run(self._canvas, inputs, caches, 2)
        return CanvasStates(logits.copy(), of_state.copy())

    def _warm_up(self) -> None:
        """Run each graph once: OpenVINO lays out the weights anew at their first use.

        What the file holds is in memory twice then, so the file's pages are given back.
        """
        cache = self.new_cache()
        states = self.forward([0, 0], cache)
        self.head(states[:, -1])
        self.denoise(np.zeros(states[0].size, np.float32), 0, 2, cache)
        self._tensors.release()

    def _layer_inputs(self, places: Array, last: Array, capacity: int) -> list[Array]:
        """Cosine, sine, mask and positions of rows at ``places`` that see up to ``last``."""
        mask = np.where(np.arange(capacity) > last[:, None], _HIDDEN, np.float32(0))
        if places[-1] >= len(self._rotary[0]):
            self._rotary = rotary_tables(self._shape, 2 * int(places[-1]))
        return [*(table[places] for table in self._rotary), mask, places]

    def _run(
        self, request: Any, inputs: Sequence[Array], caches: Sequence[Any], outputs: int
    ) -> list[Floats]:
        """One forward; the first ``outputs`` outputs, valid until the next one."""
        tensor = self._openvino.Tensor
        for index, array in enumerate(inputs):
            request.set_input_tensor(index, tensor(array, shared_memory=True))
        for index, cache in enumerate(caches):  # the same memory as input and as output
            request.set_input_tensor(len(inputs) + index, cache)
            request.set_output_tensor(outputs + index, cache)
        request.infer()
        return [request.get_output_tensor(index).data for index in range(outputs)]


def _configuration(threads: int) -> dict[str, Any]:
    """Of compiled graphs."""
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,  # an editor is never alone on its cores
    }
