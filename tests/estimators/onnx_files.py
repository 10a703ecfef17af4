"""Small ONNX files, written as the bytes that onnx.proto says: no exporter is needed for a dozen fields."""

import numpy as np

FLOAT, FLOAT16 = 1, 10  # TensorProto.DataType
INT, INTS = 2, 7  # AttributeProto.AttributeType


def varint(number):
    found = b""
    while number > 0x7F:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def field(number, value):
    """A field of a message: a number, or else text or a message as length and bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def message(**fields):
    """Of fields ``f1``, ``f2`` …; a list stands for a field that is repeated."""
    parts = ((int(name[1:]), value) for name, value in fields.items())
    return b"".join(
        field(number, each) for number, value in parts for each in (value if isinstance(value, list) else [value])
    )


def attribute(name, value):
    ints = isinstance(value, list)
    return message(f1=name, f20=INTS if ints else INT, **{"f8" if ints else "f3": value})


def node(op, inputs, outputs, **attributes):
    return message(f1=inputs, f2=outputs, f4=op, f5=[attribute(*each) for each in attributes.items()])


def tensor(name, values, outside=None):
    """Weights, or (``outside``) a mere pointer to the file that has them."""
    values = np.asarray(values)
    head = {"f1": list(values.shape), "f2": FLOAT16 if values.dtype == np.float16 else FLOAT, "f8": name}
    if outside is not None:
        return message(**head, f13=[message(f1="location", f2=outside)], f14=1)
    return message(**head, f9=values.astype(values.dtype if values.dtype == np.float16 else np.float32).tobytes())


def value_info(name, shape, kind=FLOAT):
    dimensions = [message(f1=length) if isinstance(length, int) else message(f2=length) for length in shape]
    return message(f1=name, f2=message(f1=message(f1=kind, f2=message(f1=dimensions))))


def model(nodes, weights, inputs, outputs, opset=13, outside=None):
    """A model's bytes; weights as {name: array}, inputs and outputs as lists of what ``value_info`` takes."""
    initializers = [tensor(name, values, outside) for name, values in weights.items()]
    ports = {f"f{number}": [value_info(*each) for each in given] for number, given in ((11, inputs), (12, outputs))}
    graph = message(f1=nodes, f2="graph", f5=initializers, **ports)
    return message(f1=8, f2="tests", f7=graph, f8=[message(f1="", f2=opset)])


def network_weights(units, seed=1, filters=6):
    draw = np.random.default_rng(seed).normal
    weights = {"kernel": draw(scale=0.1, size=(filters, 3, 5, 5)), "dense": draw(scale=0.5, size=(filters, units))}
    return {name: values.astype(np.float32) for name, values in weights.items()}


def network(shape, units=101, last="Softmax", nhwc=False, extra=(), kind=FLOAT, answers=None, **given):
    """Convolution, positive part, mean of the picture, dense layer, ``last``: a classifier in small."""
    weights = network_weights(units)
    if kind == FLOAT16:
        weights = {name: values.astype(np.float16) for name, values in weights.items()}
    nodes = [node("Transpose", ["pictures"], ["first"], perm=[0, 3, 1, 2])] if nhwc else []
    nodes += [
        node("Conv", ["first" if nhwc else "pictures", "kernel"], ["found"], strides=[3, 3]),
        node("Relu", ["found"], ["kept"]),
        node("GlobalAveragePool", ["kept"], ["pooled"]),
        node("Flatten", ["pooled"], ["flat"]),
        node("Gemm", ["flat", "dense"], ["scores"]),
        node(last, ["scores"], ["answer"]),
    ]
    outputs = [("answer", answers or [shape[0], units], kind), *((name, [shape[0], units], kind) for name in extra)]
    return model(nodes, weights, [("pictures", shape, kind)], outputs, **given)
