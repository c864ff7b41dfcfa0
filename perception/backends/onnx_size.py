"""An ONNX network at another input size.

A convolutional network holds no size but in the declarations of its input and outputs. So the same file
serves every size: the sizes of its image input are replaced, those declared for its outputs become free, and
the run time infers them. The weights are not touched.
"""

from __future__ import annotations

from perception.backends.onnx_wire import (
    GRAPH,
    INPUT,
    OUTPUT,
    VALUE_INFO,
    VARINT,
    coded,
    fields,
    tagged,
    varint,
    within,
)
from perception.errors import BundleError
from perception.types import Size

TENSOR, SHAPE = (2, 1), 2  # ValueInfoProto.type.tensor_type, and .shape of that
DIM = 1  # of TensorShapeProto
DIM_VALUE = 1  # of Dimension
CHANNELS = 3

Dims = list[int | None]  # None: free


def size_of(model: bytes) -> Size | None:
    """(width, height) that the file declares for its image input; None: any size. Raises BundleError."""
    dims = _image(model)
    across, down = dims[_row(dims) + 1], dims[_row(dims)]
    return None if across is None or down is None else (across, down)


def resized(model: bytes, size: Size) -> bytes:
    """The model (a serialised ModelProto) for images of `size` (width, height).

    Its one input is (n, h, w, 3) or (n, 3, h, w). Raises BundleError for another model.
    """
    if size_of(model) == size:
        return model
    return within(model, (GRAPH,), lambda graph: _resized_graph(graph, size))


def _resized_graph(graph: bytes, size: Size) -> bytes:
    graph = within(graph, (INPUT, *TENSOR, SHAPE), lambda shape: _resized_shape(shape, size))
    graph = within(graph, (OUTPUT, *TENSOR, SHAPE), _freed_shape)
    return b"".join(field.raw for field in fields(graph) if field.number != VALUE_INFO)


def _resized_shape(shape: bytes, size: Size) -> bytes:
    dims = [field.raw for field in fields(shape)]
    row = _row(_dims(shape))
    dims[row : row + 2] = [_dim(size[1]), _dim(size[0])]
    return b"".join(dims)


def _freed_shape(shape: bytes) -> bytes:
    """Batch and channels stay; a dimension without a value is any size."""
    dims = [field.raw for field in fields(shape)]
    return b"".join(dims[:2]) + tagged(DIM, b"") * len(dims[2:])


def _image(model: bytes) -> Dims:
    """The shape of the one input. Raises BundleError if it is not that of an image."""
    shapes: list[Dims] = []

    def note(shape: bytes) -> bytes:
        shapes.append(_dims(shape))
        return shape

    try:
        within(model, (GRAPH, INPUT, *TENSOR, SHAPE), note)
    except (IndexError, ValueError) as error:
        raise BundleError(f"expected an ONNX model, got bytes that are not one ({error})") from error
    if len(shapes) != 1 or len(shapes[0]) != 4 or CHANNELS not in (shapes[0][1], shapes[0][3]):
        raise BundleError(
            f"expected one input, (n, h, w, 3) or (n, 3, h, w), got {shapes}. Export the bundle again"
        )
    return shapes[0]


def _row(dims: Dims) -> int:
    """Which dimension is the height; the width follows."""
    return 1 if dims[3] == CHANNELS else 2


def _dims(shape: bytes) -> Dims:
    return [_value(field.payload) for field in fields(shape) if field.number == DIM]


def _value(dim: bytes) -> int | None:
    return next((varint(field.raw, 1)[0] for field in fields(dim) if field.number == DIM_VALUE), None)


def _dim(value: int) -> bytes:
    """A Dimension of TensorShapeProto as a field."""
    return tagged(DIM, coded(DIM_VALUE << 3 | VARINT) + coded(value))
