"""What Numba has no words for: atomic loads and stores, arrays at an address, and BLAS's general product.

Addresses are integers: of a word of memory, of a vector's first value, of a function.
"""

from typing import Any

from llvmlite import ir
from numba import carray, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

from nnexp.kernels.jit import kernel
from nnexp.nn.parameters import Array

WORD = 8  # bytes of an int64
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # of the C interface to BLAS
_word = ir.IntType(64)
_enum = ir.IntType(32)


@intrinsic
def load_word(_typing: Any, address: Any) -> Any:
    """Return the int64 at an address; what was written before it was stored there can be read after this."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _word.as_pointer()), "acquire", WORD)

    return types.int64(types.intp), generate


@intrinsic
def store_word(_typing: Any, address: Any, value: Any) -> Any:
    """Store an int64 at an address, after all that was written before."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _word.as_pointer())
        builder.store_atomic(arguments[1], pointer, "release", WORD)
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), generate


@intrinsic
def pointer_to(_typing: Any, address: Any, like: Any) -> Any:
    """Return an address as a pointer to values of an array's type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(types.intp, like), generate


@intrinsic
def prefetch(_typing: Any, address: Any) -> Any:
    """Ask for the cache line at an address, which is read soon."""
    pointer = ir.IntType(8).as_pointer()
    interface = ir.FunctionType(ir.VoidType(), [pointer, _enum, _enum, _enum])

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        function = get_or_insert_function(builder.module, interface, "llvm.prefetch.p0i8")
        to_read, to_keep, of_data = (ir.Constant(_enum, value) for value in (0, 2, 1))
        builder.call(function, [builder.inttoptr(arguments[0], pointer), to_read, to_keep, of_data])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@kernel
def vector_at(address: int, size: int, like: Array) -> Any:
    """Return the vector (size,) at an address, of another array's type."""
    return carray(pointer_to(address, like), (size,))


@intrinsic
def call_job_function(_typing: Any, function: Any, team: Any, numbers: Any, thread: Any) -> Any:
    """Call a C function (team, numbers, thread) at an address, the first two of which are addresses."""
    interface = ir.FunctionType(ir.VoidType(), [_word] * 3)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        function, *rest = arguments
        builder.call(builder.inttoptr(function, interface.as_pointer()), rest)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), generate


@intrinsic
def call_gemm(
    _typing: Any,
    function: Any,
    a_order: Any,
    b_order: Any,
    m: Any,
    n: Any,
    k: Any,
    a: Any,
    a_stride: Any,
    b: Any,
    b_stride: Any,
    out: Any,
    out_stride: Any,
    like: Any,
) -> Any:
    """Compute a b by `cblas_sgemm` or `cblas_dgemm` with 64-bit sizes at an address; by `like`'s type.

    Strides count values: from a row to the next, for TRANSPOSED factors from a column to the next.
    """
    value = ir.FloatType() if like.dtype.bitwidth == 32 else ir.DoubleType()
    vector = value.as_pointer()
    sizes = [_word] * 3
    factors = [vector, _word, vector, _word]
    interface = [_enum, _enum, _enum, *sizes, value, *factors, value, vector, _word]

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        function, a_order, b_order, m, n, k, a, a_stride, b, b_stride, out, out_stride, _ = arguments
        pointer = builder.inttoptr(function, ir.FunctionType(ir.VoidType(), interface).as_pointer())
        orders = [
            ir.Constant(_enum, ROW_MAJOR),
            *(builder.trunc(order, _enum) for order in (a_order, b_order)),
        ]
        a, b, out = (builder.inttoptr(address, vector) for address in (a, b, out))
        one, zero = ir.Constant(value, 1.0), ir.Constant(value, 0.0)
        builder.call(pointer, [*orders, m, n, k, one, a, a_stride, b, b_stride, zero, out, out_stride])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 12, like), generate
