"""The embedded model as OpenVINO graphs: the base's layers, its head, and the canvas pass.

A graph reads the weights where they are, in the mapped file. Products are computed in int8:
OpenVINO quantises each row's activations in groups of ``GROUP``, and it multiplies by the rows'
scales afterwards, so that a row's result does not depend on the other rows. Keys and values go in
and come out in the same memory: each layer writes its new rows into the cache and attends over all
of it, with a mask that hides what is not part of the sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from lsp_server.models.arrays import Array
from lsp_server.models.embedded.openvino_api import import_openvino
from lsp_server.models.embedded.spec import Shape

GROUP: Final = 128
"""Activations that are quantised with one scale."""

Node = Any  # of a graph; openvino has no types
Tensors = Callable[[str], Array]


class Graphs:
    """Builds graphs of a model from its tensors by name."""

    def __init__(self, shape: Shape, tensors: Tensors) -> None:
        self._shape, self._tensors = shape, tensors
        self._openvino, self._op = import_openvino()

    def base(self, taps: Sequence[int]) -> Node:
        """All layers of the base.

        Inputs: rows (rows, width), cosine and sine (rows, 1, head width), mask (rows, capacity),
        positions of the rows in the cache (rows,) int32, then keys and values of each layer (key
        heads, capacity, head width). Outputs: the normed states (rows, width), the inputs of the
        layers ``taps``, and the keys and values.
        """
        rows = self._parameter(-1, self._shape.width)
        inputs = self._layer_inputs(self._shape.layers)
        states, tapped, caches = self._layers(rows, inputs, "blocks", 0, taps)
        normed = self._norm(states, "norm")
        return self._model([normed, *tapped, *caches], [rows, *inputs])

    def head(self) -> Node:
        """States (rows, width) to logits (rows, vocabulary)."""
        rows = self._parameter(-1, self._shape.width)
        return self._model([self._linear(rows, "head")], [rows])

    def canvas(self, layers: int) -> Node:
        """The top ``layers`` layers over the masks behind a pending token.

        Inputs: the feature (1, features), the pending token's embedding (1, width), then as for
        the base from its second input on, of which the rows are masks. Outputs: logits (rows,
        entries), what the states say to the coupling (rows, hidden), and the keys and values.
        """
        op, shape = self._op, self._shape
        feature = self._parameter(1, self._tensors("canvas.features").shape[1])
        pending = self._parameter(1, shape.width)
        inputs = self._layer_inputs(layers)
        _, _, _, positions, *_ = inputs
        order = op.subtract(positions, op.gather(positions, self._ints([0]), self._ints(0)))
        rows = op.gather(self._floats("canvas.masks"), order, self._ints(0))
        rows = op.add(rows, self._dense(feature, "canvas.features"))
        rows = op.add(rows, self._dense(pending, "canvas.pending_to_masks"))
        is_first = op.unsqueeze(op.convert(op.equal(order, self._ints(0, np.int32)), np.float32),
                                self._ints(1))  # fmt: skip
        rows = op.add(rows, op.multiply(is_first, self._dense(pending, "canvas.pending")))
        states, _, caches = self._layers(rows, inputs, "canvas", shape.layers - layers, ())
        normed = self._norm(states, "canvas.norm")
        of_state = self._dense(self._centred(normed), "canvas.coupling.state")
        logits = self._linear(normed, "canvas.head")
        return self._model([logits, of_state, *caches], [feature, pending, *inputs])

    def _layer_inputs(self, layers: int) -> list[Node]:
        """All inputs of layers but the rows; see ``base``."""
        shape = self._shape
        cosine, sine = (self._parameter(-1, 1, shape.head_width) for _ in range(2))
        mask, positions = self._parameter(-1, -1), self._parameter(-1, kind=np.int32)
        caches = (self._parameter(shape.key_heads, -1, shape.head_width) for _ in range(2 * layers))
        return [cosine, sine, mask, positions, *caches]

    def _layers(
        self, rows: Node, inputs: list[Node], kind: str, first: int, taps: Sequence[int]
    ) -> tuple[Node, list[Node], list[Node]]:
        """Layers named ``kind``, with the norms of the base's layers from ``first`` on.

        Returns the states, the inputs of the layers ``taps``, and the keys and values.
        """
        op = self._op
        cosine, sine, mask, positions, *caches = inputs
        cosine, sine = (op.unsqueeze(each, self._ints(1)) for each in (cosine, sine))
        places = op.gather(op.shape_of(mask), self._ints([1]), self._ints(0))
        mask = op.unsqueeze(op.unsqueeze(mask, self._ints(1)), self._ints(0))
        tapped, written = [], []
        for index in range(len(caches) // 2):
            layer, name = first + index, f"{kind}.{index}"
            if layer in taps:
                tapped.append(rows)
            fused = self._fuse(self._norm(rows, f"blocks.{layer}.attention_norm"), f"{name}.qkv")
            query, key, value = self._turn(fused, cosine, sine)
            axes, axis = self._ints([1, 0, 2]), self._ints(1)
            keys, values = (
                op.scatter_update(cache, positions, op.transpose(new, axes), axis)
                for cache, new in zip(caches[2 * index : 2 * index + 2], (key, value), strict=True)
            )
            written += [keys, values]
            mixed = self._attend(query, keys, values, mask, places)
            rows = op.add(rows, self._linear(mixed, f"{name}.output"))
            rows = op.add(rows, self._gate(rows, f"blocks.{layer}.mlp_norm", name))
        return rows, tapped, written

    def _turn(self, fused: Node, cosine: Node, sine: Node) -> list[Node]:
        """Query, key and value (rows, heads, head width), the first two turned to positions."""
        op, shape = self._op, self._shape
        heads, keys, width = shape.heads, shape.key_heads, shape.head_width
        fused = op.reshape(fused, self._ints([0, heads + 2 * keys, width]), True)
        turned, value = self._split(fused, 1, heads + keys, keys)
        # In this form OpenVINO makes one operation of it.
        turned = op.reshape(turned, self._ints([0, 0, 1, width]), True)
        left, right = self._split(turned, 3, width // 2, width // 2)
        swapped = op.concat([op.multiply(right, self._constant(np.float32(-1))), left], -1)
        turned = op.add(op.multiply(turned, cosine), op.multiply(swapped, sine))
        turned = op.reshape(turned, self._ints([0, -1, width]), True)
        return [*self._split(turned, 1, heads, keys), value]

    def _attend(self, query: Node, keys: Node, values: Node, mask: Node, places: Node) -> Node:
        """Grouped-query attention: (rows, heads * head width)."""
        op, shape = self._op, self._shape
        heads, width = shape.key_heads, shape.head_width
        group = shape.heads // heads
        query = op.reshape(query, self._ints([0, heads, group, width]), True)
        query = op.transpose(query, self._ints([1, 0, 2, 3]))
        query = op.reshape(query, self._ints([heads, -1, width]), False)
        scores = op.matmul(query, keys, False, True)
        by_row = op.concat([self._ints([heads, -1, group]), places], 0)
        shares = op.softmax(op.add(op.reshape(scores, by_row, False), mask), -1)
        flat = op.concat([self._ints([heads, -1]), places], 0)
        mixed = op.matmul(op.reshape(shares, flat, False), values, False, False)
        mixed = op.reshape(mixed, self._ints([heads, -1, group, width]), False)
        mixed = op.transpose(mixed, self._ints([1, 0, 2, 3]))
        return op.reshape(mixed, self._ints([-1, shape.heads * width]), False)

    def _gate(self, rows: Node, norm: str, name: str) -> Node:
        """The gated MLP."""
        op, inner = self._op, self._shape.inner
        both = self._linear(self._norm(rows, norm), f"{name}.gate_up")
        gate, up = self._split(both, 1, inner, inner)
        return self._linear(op.multiply(op.swish(gate), up), f"{name}.down")

    def _norm(self, rows: Node, name: str) -> Node:
        op = self._op
        squares = op.power(rows, self._constant(np.float32(2)))
        mean = op.reduce_mean(squares, self._ints([-1]), True)
        root = op.sqrt(op.add(mean, self._constant(np.float32(self._shape.epsilon))))
        scaled = op.multiply(rows, op.divide(self._constant(np.float32(1)), root))
        return op.multiply(scaled, self._constant(self._tensors(name).reshape(1, -1)))

    def _centred(self, rows: Node) -> Node:
        """Layer normalisation without weights."""
        epsilon = 1e-5
        return self._op.mvn(rows, self._ints([1]), True, epsilon, "INSIDE_SQRT")

    def _linear(self, rows: Node, name: str) -> Node:
        """An int8 matrix with one scale per output."""
        return self._scaled(rows, name, self._tensors(f"{name}.scales"))

    def _fuse(self, rows: Node, name: str) -> Node:
        """Query, key and value; the query is divided by the root of the head width here."""
        shape = self._shape
        outputs = (shape.heads + 2 * shape.key_heads) * shape.head_width
        factors = np.ones(outputs, np.float32)
        factors[: shape.heads * shape.head_width] = shape.head_width**-0.5
        out = self._scaled(rows, name, self._tensors(f"{name}.scales") * factors)
        bias = self._tensors(f"{name}.bias") * factors
        return self._op.add(out, self._op.constant(bias.reshape(1, -1)))

    def _scaled(self, rows: Node, name: str, scales: Array) -> Node:
        op = self._op
        values = op.convert(self._constant(self._tensors(f"{name}.values")), np.float32)
        matrix = op.multiply(values, op.constant(scales.reshape(-1, 1)))
        return op.matmul(rows, matrix, False, True)

    def _dense(self, rows: Node, name: str) -> Node:
        return self._op.matmul(rows, self._floats(name), False, True)

    def _split(self, node: Node, axis: int, *sizes: int) -> list[Node]:
        return list(self._op.variadic_split(node, self._ints(axis), self._ints(sizes)).outputs())

    def _parameter(self, *sizes: int, kind: type[np.generic] = np.float32) -> Node:
        return self._op.parameter(self._openvino.PartialShape(list(sizes)), kind)

    def _floats(self, name: str) -> Node:
        return self._constant(self._tensors(name))

    def _ints(self, values: int | Sequence[int], kind: type[np.generic] = np.int64) -> Node:
        return self._op.constant(np.array(values, kind))

    def _constant(self, array: Array | np.float32) -> Node:
        return self._op.constant(np.asarray(array), shared_memory=np.ndim(array) > 0)

    def _model(self, results: list[Node], parameters: list[Node]) -> Node:
        return self._openvino.Model([self._op.result(node) for node in results], parameters)
