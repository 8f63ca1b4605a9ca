"""Vectors of LANES floats for numba, so that the inner loops are vector code by construction.

LLVM's own vectoriser needs a long flat loop to pay off, while the pixels a splat touches are short rows. Here one row
of a tile is one value. LLVM maps it onto what the processor has: one AVX-512 register, two of AVX2, four of NEON.

Inside a kernel: + - * / and comparisons between lanes, or lanes and a scalar, and the functions below.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 16

_FLOAT, INT, _BIT = ir.FloatType(), ir.IntType(32), ir.IntType(1)
FLOATS, INTS, BITS = (ir.VectorType(t, LANES) for t in (_FLOAT, INT, _BIT))
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
        super().__init__(manager, kind, FLOATS)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, BITS)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(FLOATS, [float(np.float32(value))] * LANES)


def _widen(context, builder, value, kind):
    """The value as LANES floats; a scalar fills every lane."""
    if isinstance(kind, Lanes):
        return value
    value = context.cast(builder, value, kind, types.float32)
    first = builder.insert_element(ir.Constant(FLOATS, ir.Undefined), value, ir.Constant(INT, 0))
    return builder.shuffle_vector(first, first, ir.Constant(INTS, [0] * LANES))


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
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
    (operator.iadd, "fadd"),
):
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
    return lanes(), lambda context, builder, sig, args: ir.Constant(FLOATS, [float(i) for i in range(LANES)])


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


def _of_llvm(name):
    """LLVM's own function of that name, lane by lane."""

    def code(context, builder, sig, args):
        kind = ir.FunctionType(FLOATS, [FLOATS])
        return builder.call(get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f32"), args)

    return lanes(lanes), code


@intrinsic
def square_root(typing_context, a):
    """The square root, NaN below 0."""
    return _of_llvm("sqrt")


@intrinsic
def ceiling(typing_context, a):
    """The next whole number up."""
    return _of_llvm("ceil")


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
        signs = ir.Constant(INTS, [-(2**31)] * LANES)
        return builder.bitcast(builder.or_(builder.bitcast(args[0], INTS), signs), FLOATS)

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
        exponent = builder.shl(builder.bitcast(shifted, INTS), ir.Constant(INTS, [23] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(power, INTS), exponent), FLOATS)

    return lanes(lanes), code


# log2(1 + f) / f on [sqrt(1/2) - 1, sqrt(2) - 1], absolute error of the logarithm 5e-8; highest power first.
_LOG2 = (-0.14574456, 0.236890399, -0.250069019, 0.286707451, -0.360087218, 0.480939445, -0.721357149, 1.44269477)


@intrinsic
def log2(typing_context, a):
    """The binary logarithm of positive normal numbers; of others some number or other."""

    def code(context, builder, sig, args):
        def integer(value):
            return ir.Constant(INTS, [value] * LANES)

        bits = builder.bitcast(args[0], INTS)
        # Whole part such that the mantissa lies in [sqrt(1/2), sqrt(2)).
        whole = builder.ashr(builder.sub(bits, integer(int(np.float32(np.sqrt(0.5)).view(np.int32)))), integer(23))
        mantissa = builder.bitcast(builder.sub(bits, builder.shl(whole, integer(23))), FLOATS)
        part = builder.fsub(mantissa, _constant(1))
        power = _constant(_LOG2[0])
        for coefficient in _LOG2[1:]:
            power = builder.fadd(builder.fmul(power, part, flags=_FUSE), _constant(coefficient), flags=_FUSE)
        return builder.fadd(builder.fmul(power, part, flags=_FUSE), builder.sitofp(whole, FLOATS), flags=_FUSE)

    return lanes(lanes), code
