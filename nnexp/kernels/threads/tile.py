"""Products by tiles whose sums stay in vector registers: for factors that fit into a cache.

Every element of the result is a chain of fused multiplications and additions in the order of the terms, so
its bits do not depend on the tiles. Such a kernel is the innermost loop of Goto & van de Geijn 2008, "Anatomy
of high-performance matrix multiplication"; here nothing is copied beforehand, which pays for small batches.
"""

from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

from nnexp.kernels.jit import kernel
from nnexp.nn.parameters import Array

_features = get_host_cpu_features()
TILES = bool(_features.get("fma"))  # whether they are used: else every fused operation would be a call
VECTOR = 64 if _features.get("avx512f") else 32  # bytes of a register
HEIGHT = 12 if VECTOR == 64 else 6  # rows of a tile: with two vectors each they fill the registers
_word = ir.IntType(64)


def make_tile(rows: int, vectors: int) -> Any:
    """Return the product of a tile of so many rows and vectors, for use in kernels."""

    @intrinsic
    def tile(
        _typing: Any,
        a: Any,
        a_row: Any,
        a_term: Any,
        b: Any,
        b_term: Any,
        out: Any,
        out_row: Any,
        terms: Any,
        like: Any,
    ) -> Any:
        """Compute out = a b at addresses; strides from row to row in bytes, at least one term."""
        size = like.dtype.bitwidth // 8
        value = ir.FloatType() if size == 4 else ir.DoubleType()
        width = VECTOR // size
        vector = ir.VectorType(value, width)
        fma_name = f"llvm.fma.v{width}f{8 * size}"
        fma_type = ir.FunctionType(vector, [vector] * 3)
        first_lane = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
        places = [(row, column) for row in range(rows) for column in range(vectors)]

        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            a, a_row, a_term, b, b_term, out, out_row, terms, _ = arguments
            fma = get_or_insert_function(builder.module, fma_type, fma_name)

            def number(integer: int) -> Any:
                return ir.Constant(_word, integer)

            def pointer(base: Any, offset: Any, kind: Any) -> Any:
                return builder.inttoptr(builder.add(base, offset), kind.as_pointer())

            a_rows = [builder.mul(a_row, number(row)) for row in range(rows)]
            before = builder.block
            loop = builder.append_basic_block("terms")
            after = builder.append_basic_block("end")
            builder.branch(loop)
            builder.position_at_end(loop)

            def variable(kind: Any, start: Any) -> Any:
                phi = builder.phi(kind)
                phi.add_incoming(start, before)
                return phi

            term = variable(_word, number(0))
            a_at = variable(_word, a)
            b_at = variable(_word, b)
            sums = {place: variable(vector, ir.Constant(vector, None)) for place in places}
            row_of_b = [
                builder.load(pointer(b_at, number(column * VECTOR), vector), align=size)
                for column in range(vectors)
            ]
            results = {}
            for row in range(rows):
                one = builder.load(pointer(a_at, a_rows[row], value), align=size)
                undefined = ir.Constant(vector, ir.Undefined)
                lane = builder.insert_element(undefined, one, ir.Constant(ir.IntType(32), 0))
                in_all_lanes = builder.shuffle_vector(lane, undefined, first_lane)
                for column in range(vectors):
                    place = row, column
                    results[place] = builder.call(fma, [in_all_lanes, row_of_b[column], sums[place]])
            next_term = builder.add(term, number(1))
            term.add_incoming(next_term, loop)
            a_at.add_incoming(builder.add(a_at, a_term), loop)
            b_at.add_incoming(builder.add(b_at, b_term), loop)
            for place in places:
                sums[place].add_incoming(results[place], loop)
            builder.cbranch(builder.icmp_signed("<", next_term, terms), loop, after)
            builder.position_at_end(after)
            for row, column in places:
                offset = builder.add(builder.mul(out_row, number(row)), number(column * VECTOR))
                builder.store(results[row, column], pointer(out, offset, vector), align=size)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 8, like), generate

    return tile


high, high_narrow = make_tile(HEIGHT, 2), make_tile(HEIGHT, 1)
middle, middle_narrow = make_tile(4, 2), make_tile(4, 1)
low, low_narrow = make_tile(1, 2), make_tile(1, 1)


@kernel
def multiply_tiles(
    a: int,
    a_row: int,
    a_term: int,
    b: int,
    b_term: int,
    out: int,
    out_row: int,
    m: int,
    n: int,
    terms: int,
    like: Array,
) -> None:
    """Compute out = a b at addresses, (m, terms) (terms, n); strides in bytes, n a multiple of a vector."""
    i = 0
    while i < m:
        height = HEIGHT if m - i >= HEIGHT else 4 if m - i >= 4 else 1
        a_at, out_at = a + i * a_row, out + i * out_row
        left = n * like.itemsize  # bytes of the tiles' rows
        offset = 0
        while left > 0:
            is_wide = left >= 2 * VECTOR
            b_at = b + offset
            if height == HEIGHT:
                if is_wide:
                    high(a_at, a_row, a_term, b_at, b_term, out_at + offset, out_row, terms, like)
                else:
                    high_narrow(a_at, a_row, a_term, b_at, b_term, out_at + offset, out_row, terms, like)
            elif height == 4:
                if is_wide:
                    middle(a_at, a_row, a_term, b_at, b_term, out_at + offset, out_row, terms, like)
                else:
                    middle_narrow(a_at, a_row, a_term, b_at, b_term, out_at + offset, out_row, terms, like)
            elif is_wide:
                low(a_at, a_row, a_term, b_at, b_term, out_at + offset, out_row, terms, like)
            else:
                low_narrow(a_at, a_row, a_term, b_at, b_term, out_at + offset, out_row, terms, like)
            done = 2 * VECTOR if is_wide else VECTOR
            offset += done
            left -= done
        i += height
