"""Between arrays and the vectors of `simd.py`: loading, storing, turning rows into columns, and summing up."""

from llvmlite import ir
from numba import types
from numba.core.cgutils import pack_array
from numba.extending import intrinsic

from fourreal.splat.rasterize.simd import FLOATS, INT, INTS, LANES, lanes


def _pointer(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), FLOATS.as_pointer())


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
            seconds = [*rows[half:], None]
            rows = [_fold(builder, rows[i], seconds[i], distance) for i in range(half)]
            distance //= 2
        total, places = rows[0]
        lane_of = {vector: lane for lane, vector in places.items()}
        return builder.shuffle_vector(total, total, ir.Constant(INTS, [lane_of.get(i, 0) for i in range(LANES)]))

    return lanes(values), code


def _fold(builder, first, second, distance):
    """Halve what is left to add in two vectors: lanes without bit `distance` go on with the first, others the second.

    Each comes with `places`, from the lowest lane of a group to the vector whose sum the group will hold.
    """
    a, places = first
    b, more = second or (a, {})
    keep = [i + LANES * bool(i & distance) for i in range(LANES)]
    swap = [(i ^ distance) + LANES * bool(i & distance) for i in range(LANES)]
    stay, swapped = (builder.shuffle_vector(a, b, ir.Constant(INTS, picks)) for picks in (keep, swap))
    places = places | {lane + distance: vector for lane, vector in more.items()}
    return builder.fadd(stay, swapped), places


@intrinsic
def load_whole(typing_context, array, index):
    """LANES numbers of a contiguous int32 array, from position `index` on, as floats."""

    def code(context, builder, sig, args):
        pointer = builder.bitcast(_pointer(context, builder, sig.args[0], *args), INTS.as_pointer())
        return builder.sitofp(builder.load(pointer, align=4), FLOATS)

    return lanes(array, types.intp), code


@intrinsic
def store_whole(typing_context, array, index, values):
    """Write lanes, cut to whole numbers, into a contiguous int32 array from position `index` on."""

    def code(context, builder, sig, args):
        pointer = _pointer(context, builder, sig.args[0], *args[:2])
        whole = builder.fptosi(args[2], INTS)
        builder.store(whole, builder.bitcast(pointer, INTS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


def _shuffled(builder, vectors, picks):
    """A vector whose lane i is element picks[i] of the concatenated `vectors`."""
    result = ir.Constant(FLOATS, ir.Undefined)
    for number, vector in enumerate(vectors):
        if any(pick // LANES == number for pick in picks):
            choice = [LANES + p % LANES if p // LANES == number else i for i, p in enumerate(picks)]
            result = builder.shuffle_vector(result, vector, ir.Constant(INTS, choice))
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
                turned[i] = builder.shuffle_vector(*pair, ir.Constant(INTS, low))
                turned[i | distance] = builder.shuffle_vector(*pair, ir.Constant(INTS, high))
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
        vectors = [builder.load(builder.gep(pointer, [ir.Constant(INT, i)]), align=4) for i in range(columns)]
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
            builder.store(vector, builder.gep(pointer, [ir.Constant(INT, i)]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, values), code
