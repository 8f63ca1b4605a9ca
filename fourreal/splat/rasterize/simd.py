"""Vectors of LANES floats for numba, so that the inner loops are vector code by construction.

LLVM's own vectoriser needs a long flat loop to pay off, while the pixels a splat touches are short rows. Here one row
of a tile is one value. LLVM maps it onto what the processor has: one AVX-512 register, two of AVX2, four of NEON.

Inside a kernel: + - * / and comparisons between lanes, or lanes and a scalar, and the functions below.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function, pack_array
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16

_FLOAT, _INT, _BIT = ir.FloatType(), ir.IntType(32), ir.IntType(1)
_FLOATS, _INTS, _BITS = (ir.VectorType(t, LANES) for t in (_FLOAT, _INT, _BIT))
_FUSE = ("contract", "nsz")  # a * b + c may become one instruction


class Lanes(types.Type):
    """LANES float32 values."""

    def __init__(self):
        super().__init__(name=f"Lanes{LANES}")


class Mask(types.Type):
    """LANES booleans."""

    def __init__(self):
        super().__init__(name=f"Mask{LANES}")


lanes, mask = Lanes(), Mask()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _FLOATS)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _BITS)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_FLOATS, [float(np.float32(value))] * LANES)


def _widen(context, builder, value, kind):
    """The value as LANES floats; a scalar fills every lane."""
    if isinstance(kind, Lanes):
        return value
    value = context.cast(builder, value, kind, types.float32)
    first = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, first, ir.Constant(_INTS, [0] * LANES))


def _teach(operation, result, emit):
    """Let numba compile the binary `operation` where one side at least is Lanes."""

    @infer_global(operation)
    class _Template(AbstractTemplate):
        def generic(self, args, kws):
            if any(isinstance(a, Lanes) for a in args) and all(isinstance(a, Lanes | types.Number) for a in args):
                return signature(result, *args)

    for left, right in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):

        @lower_builtin(operation, left, right)
        def _code(context, builder, sig, args):
            return emit(builder, *(_widen(context, builder, a, k) for a, k in zip(args, sig.args, strict=True)))


for _operation, _name in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv"),
    (operator.iadd, "fadd"),
):  # fmt: skip
    _teach(_operation, lanes, lambda builder, a, b, name=_name: getattr(builder, name)(a, b, flags=_FUSE))
for _operation, _sign in ((operator.gt, ">"), (operator.ge, ">="), (operator.lt, "<"), (operator.le, "<=")):
    _teach(_operation, mask, lambda builder, a, b, sign=_sign: builder.fcmp_ordered(sign, a, b))


@intrinsic
def spread(typing_context, scalar):
    """A scalar in every lane."""

    def code(context, builder, sig, args):
        return _widen(context, builder, args[0], sig.args[0])

    return lanes(scalar), code


@intrinsic
def ramp(typing_context):
    """0, 1, 2, ..."""
    return lanes(), lambda context, builder, sig, args: ir.Constant(_FLOATS, [float(i) for i in range(LANES)])


@intrinsic
def select(typing_context, condition, a, b):
    """a where the mask holds, else b; either may be a scalar."""

    def code(context, builder, sig, args):
        return builder.select(args[0], *(_widen(context, builder, args[i], sig.args[i]) for i in (1, 2)))

    return lanes(mask, a, b), code


@intrinsic
def minimum(typing_context, a, b):
    """The smaller of two; the second where the first is NaN."""

    def code(context, builder, sig, args):
        a_, b_ = (_widen(context, builder, x, k) for x, k in zip(args, sig.args, strict=True))
        return builder.select(builder.fcmp_ordered("<", a_, b_), a_, b_)

    return lanes(a, b), code


@intrinsic
def maximum(typing_context, a, b):
    """The larger of two; the second where the first is NaN."""

    def code(context, builder, sig, args):
        a_, b_ = (_widen(context, builder, x, k) for x, k in zip(args, sig.args, strict=True))
        return builder.select(builder.fcmp_ordered(">", a_, b_), a_, b_)

    return lanes(a, b), code


@intrinsic
def square_root(typing_context, a):
    """The square root, NaN below 0."""

    def code(context, builder, sig, args):
        kind = ir.FunctionType(_FLOATS, [_FLOATS])
        return builder.call(get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{LANES}f32"), args)

    return lanes(lanes), code


@intrinsic
def both(typing_context, a, b):
    """Where both masks hold."""
    return mask(mask, mask), lambda context, builder, sig, args: builder.and_(*args)


@intrinsic
def any_of(typing_context, condition):
    """Whether the mask holds in any lane."""

    def code(context, builder, sig, args):
        bits = ir.IntType(LANES)
        return builder.icmp_unsigned("!=", builder.bitcast(args[0], bits), ir.Constant(bits, 0))

    return types.boolean(mask), code


@intrinsic
def minus_absolute(typing_context, a):
    """-|a|"""

    def code(context, builder, sig, args):
        signs = ir.Constant(_INTS, [-(2**31)] * LANES)
        return builder.bitcast(builder.or_(builder.bitcast(args[0], _INTS), signs), _FLOATS)

    return lanes(lanes), code


# Minimax fit of 2**f on [-0.5, 0.5], relative error 9e-8; highest power first.
_EXP2 = (1.32647269e-3, 9.67151266e-3, 5.55073374e-2, 2.40222421e-1, 6.93146978e-1, 1.0)


@intrinsic
def exp2(typing_context, a):
    """2**a for -126 < a < 127, to 2e-7; outside some number or other.

    Adding 1.5 * 2**23 rounds to a whole number and leaves it in the low bits, which a shift makes an exponent.
    """

    def code(context, builder, sig, args):
        rounder = _constant(1.5 * 2**23)
        shifted = builder.fadd(args[0], rounder)
        part = builder.fsub(args[0], builder.fsub(shifted, rounder))
        power = _constant(_EXP2[0])
        for coefficient in _EXP2[1:]:
            power = builder.fadd(builder.fmul(power, part, flags=_FUSE), _constant(coefficient), flags=_FUSE)
        exponent = builder.shl(builder.bitcast(shifted, _INTS), ir.Constant(_INTS, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(power, _INTS), exponent), _FLOATS)

    return lanes(lanes), code


# log2(1 + f) / f on [sqrt(1/2) - 1, sqrt(2) - 1], absolute error of the logarithm 5e-8; highest power first.
_LOG2 = (-0.14574456, 0.236890399, -0.250069019, 0.286707451, -0.360087218, 0.480939445, -0.721357149, 1.44269477)


@intrinsic
def log2(typing_context, a):
    """The binary logarithm of positive normal numbers; of others some number or other."""

    def code(context, builder, sig, args):
        def integer(value):
            return ir.Constant(_INTS, [value] * LANES)

        bits = builder.bitcast(args[0], _INTS)
        # Whole part such that the mantissa lies in [sqrt(1/2), sqrt(2)).
        whole = builder.ashr(builder.sub(bits, integer(int(np.float32(np.sqrt(0.5)).view(np.int32)))), integer(23))
        mantissa = builder.bitcast(builder.sub(bits, builder.shl(whole, integer(23))), _FLOATS)
        part = builder.fsub(mantissa, _constant(1))
        power = _constant(_LOG2[0])
        for coefficient in _LOG2[1:]:
            power = builder.fadd(builder.fmul(power, part, flags=_FUSE), _constant(coefficient), flags=_FUSE)
        return builder.fadd(builder.fmul(power, part, flags=_FUSE), builder.sitofp(whole, _FLOATS), flags=_FUSE)

    return lanes(lanes), code


def _pointer(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _FLOATS.as_pointer())


@intrinsic
def load(typing_context, array, index):
    """LANES floats of a contiguous float32 array, from flat position `index` on."""

    def code(context, builder, sig, args):
        return builder.load(_pointer(context, builder, sig.args[0], *args), align=4)

    return lanes(array, types.intp), code


@intrinsic
def store(typing_context, array, index, values):
    """Write LANES floats into a contiguous float32 array, from flat position `index` on."""

    def code(context, builder, sig, args):
        builder.store(args[2], _pointer(context, builder, sig.args[0], *args[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


@intrinsic
def sums(typing_context, values):
    """Lane i holds the sum over the lanes of values[i], for a tuple of at most LANES vectors; the rest is undefined.

    A butterfly: every round moves two vectors into one, so ten sums cost eleven additions instead of forty.
    """

    def code(context, builder, sig, args):
        rows = [(builder.extract_value(args[0], i), {0: i}) for i in range(len(sig.args[0]))]
        distance = LANES // 2
        while distance:
            half = (len(rows) + 1) // 2
            seconds = rows[half:] + [None]
            rows = [_fold(builder, rows[i], seconds[i], distance) for i in range(half)]
            distance //= 2
        total, places = rows[0]
        lane_of = {vector: lane for lane, vector in places.items()}
        return builder.shuffle_vector(total, total, ir.Constant(_INTS, [lane_of.get(i, 0) for i in range(LANES)]))

    return lanes(values), code


def _fold(builder, first, second, distance):
    """Halve what is left to add in two vectors: lanes without bit `distance` continue the first, those with, the second.

    Each comes with `places`, from the lowest lane of a group to the vector whose sum the group will hold.
    """
    a, places = first
    b, more = second or (a, {})
    keep = [i + LANES * bool(i & distance) for i in range(LANES)]
    swap = [(i ^ distance) + LANES * bool(i & distance) for i in range(LANES)]
    kept, swapped = (builder.shuffle_vector(a, b, ir.Constant(_INTS, picks)) for picks in (keep, swap))
    places = places | {lane + distance: vector for lane, vector in more.items()}
    return builder.fadd(kept, swapped), places


@intrinsic
def load_whole(typing_context, array, index):
    """LANES numbers of a contiguous int32 array, from position `index` on, as floats."""

    def code(context, builder, sig, args):
        pointer = builder.bitcast(_pointer(context, builder, sig.args[0], *args), _INTS.as_pointer())
        return builder.sitofp(builder.load(pointer, align=4), _FLOATS)

    return lanes(array, types.intp), code


@intrinsic
def store_whole(typing_context, array, index, values):
    """Write lanes, cut to whole numbers, into a contiguous int32 array from position `index` on."""

    def code(context, builder, sig, args):
        pointer = _pointer(context, builder, sig.args[0], *args[:2])
        whole = builder.fptosi(args[2], _INTS)
        builder.store(whole, builder.bitcast(pointer, _INTS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


def _shuffled(builder, vectors, picks):
    """A vector whose lane i is element picks[i] of the concatenated `vectors`."""
    result = ir.Constant(_FLOATS, ir.Undefined)
    for number, vector in enumerate(vectors):
        if any(pick // LANES == number for pick in picks):
            choice = [LANES + p % LANES if p // LANES == number else i for i, p in enumerate(picks)]
            result = builder.shuffle_vector(result, vector, ir.Constant(_INTS, choice))
    return result


def _transposed(builder, vectors):
    """The LANES x LANES matrix turned, in log2(LANES) rounds of swapped blocks."""
    distance = LANES // 2
    while distance:
        low = [i if not i & distance else LANES + (i ^ distance) for i in range(LANES)]
        high = [i | distance if not i & distance else LANES + i for i in range(LANES)]
        turned = list(vectors)
        for i in range(LANES):
            if not i & distance:
                pair = vectors[i], vectors[i | distance]
                turned[i] = builder.shuffle_vector(*pair, ir.Constant(_INTS, low))
                turned[i | distance] = builder.shuffle_vector(*pair, ir.Constant(_INTS, high))
        vectors = turned
        distance //= 2
    return vectors


@intrinsic(prefer_literal=True)
def load_columns(typing_context, array, row, count):
    """LANES rows of a contiguous float32 array (rows, count), from `row` on, as `count` lanes: one a column."""
    columns = count.literal_value

    def code(context, builder, sig, args):
        first = builder.mul(args[1], ir.Constant(args[1].type, columns))
        pointer = _pointer(context, builder, sig.args[0], args[0], first)
        vectors = [
            builder.load(builder.gep(pointer, [ir.Constant(_INT, i)]), align=4) for i in range(columns)
        ]
        if columns == LANES:
            vectors = _transposed(builder, vectors)
        elif columns > 1:
            picks = [[i * columns + c for i in range(LANES)] for c in range(columns)]
            vectors = [_shuffled(builder, vectors, p) for p in picks]
        return pack_array(builder, vectors)

    return types.UniTuple(lanes, columns)(array, types.intp, count), code


@intrinsic
def store_columns(typing_context, array, row, values):
    """The reverse of `load_columns`: a tuple of lanes becomes LANES rows, as many columns as there are lanes."""
    columns = len(values)

    def code(context, builder, sig, args):
        first = builder.mul(args[1], ir.Constant(args[1].type, columns))
        pointer = _pointer(context, builder, sig.args[0], args[0], first)
        vectors = [builder.extract_value(args[2], i) for i in range(columns)]
        if columns == LANES:
            vectors = _transposed(builder, vectors)
        elif columns > 1:
            places = [divmod(v * LANES + i, columns) for v in range(columns) for i in range(LANES)]
            picks = [c * LANES + r for r, c in places]
            vectors = [_shuffled(builder, vectors, picks[v * LANES : (v + 1) * LANES]) for v in range(columns)]
        for i, vector in enumerate(vectors):
            builder.store(vector, builder.gep(pointer, [ir.Constant(_INT, i)]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, values), code
