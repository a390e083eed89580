"""Jobs of matrix products: in blocks, by tiles or by BLAS, and what follows them in a layer."""

from nnexp.kernels.jit import kernel
from nnexp.kernels.threads.intrinsics import PLAIN, TRANSPOSED, call_gemm, vector_at
from nnexp.kernels.threads.jobs import FINISH, MIN_VALUES, OPERATION, PRODUCT, THREADS, Numbers, Words, share
from nnexp.kernels.threads.tile import TILES, VECTOR, multiply_tiles
from nnexp.nn.parameters import Array

ROWS, COLUMNS, TERMS = range(3)  # the axes of a product (M, K) (K, N) that blocks lie along: M, N, K
CACHED = 1 << 19  # bytes of a factor that tiles read from the cache again and again
ROW_BYTES = 1 << 11  # bytes of its rows: of longer ones few stay in the cache
NEAR = 128  # terms of a transposed factor, whose values lie far apart


@kernel
def share_product(
    team: Words,
    numbers: Numbers,
    threads: int,
    gemm: int,
    a: Array,
    b: Array,
    out: Array,
    axis: int,
    step: int,
    partial: Array,
) -> bool:
    """Compute out = a b, a (M, K), b (K, N), in blocks of so many rows, columns or terms of the sums.

    Args:
        team: of all threads.
        numbers: of all threads.
        threads: how many compute it.
        gemm: the address of BLAS's product, for what tiles are slower at; 0: only if they are not.
        a: (M, K).
        b: (K, N).
        out: (M, N).
        axis: ROWS, COLUMNS or TERMS.
        step: rows, columns or terms of a block.
        partial: (blocks - 1, M, N), gets the products of TERMS but those of the first block.

    Returns:
        Whether it is done: the strides are those that BLAS takes, or tiles are fast here.
    """
    rows, columns = out.shape
    size = out.itemsize
    a_is_plain = a.strides[1] == size and a.strides[0] >= a.shape[1] * size
    b_is_plain = b.strides[1] == size and b.strides[0] >= b.shape[1] * size
    a_is_turned = a.strides[0] == size and a.strides[1] >= a.shape[0] * size
    b_is_turned = b.strides[0] == size and b.strides[1] >= b.shape[0] * size
    out_is_plain = out.strides[1] == size and out.strides[0] >= columns * size
    if not ((a_is_plain or a_is_turned) and (b_is_plain or b_is_turned) and out_is_plain):
        return False
    length = min(step, columns) if axis == COLUMNS else columns  # of a block's rows
    terms = min(step, a.shape[1]) if axis == TERMS else a.shape[1]
    is_tiled = TILES and b_is_plain and (columns * size) % VECTOR == 0
    is_tiled &= (
        terms * length * size <= CACHED and length * size <= ROW_BYTES and (a_is_plain or terms <= NEAR)
    )
    if not (is_tiled or gemm):
        return False
    team[OPERATION] = PRODUCT
    team[3] = gemm
    team[4] = PLAIN if a_is_plain else TRANSPOSED
    team[5] = PLAIN if b_is_plain else TRANSPOSED
    team[6] = rows
    team[7] = columns
    team[8] = a.shape[1]
    team[9] = a.ctypes.data
    team[10] = (a.strides[0] if a_is_plain else a.strides[1]) // size
    team[11] = b.ctypes.data
    team[12] = (b.strides[0] if b_is_plain else b.strides[1]) // size
    team[13] = out.ctypes.data
    team[14] = out.strides[0] // size
    team[15] = axis
    team[16] = step
    team[17] = a.strides[0] if axis == ROWS else a.strides[1]  # bytes from a block's row or term to the next
    team[18] = b.strides[1] if axis == COLUMNS else b.strides[0]
    team[19] = out.strides[0] if axis == ROWS else size
    team[20] = partial.ctypes.data
    team[21] = is_tiled
    share(team, numbers, threads)
    return True


@kernel
def multiply_blocks(team: Words, thread: int, like: Array) -> None:
    """Compute every n-th block of a product, for n threads."""
    axis, step = team[15], team[16]
    m, n, k = team[6], team[7], team[8]
    whole = m if axis == ROWS else n if axis == COLUMNS else k
    for first in range(thread * step, whole, team[THREADS] * step):
        length = min(step, whole - first)
        a, b, out, out_stride = team[9], team[11], team[13], team[14]
        if axis == ROWS:
            m = length
            a += first * team[17]
            out += first * team[19]
        elif axis == COLUMNS:
            n = length
            b += first * team[18]
            out += first * team[19]
        else:
            k = length
            a += first * team[17]
            b += first * team[18]
            if first:
                out = team[20] + (first // step - 1) * m * n * like.itemsize
                out_stride = n
        if team[21]:
            size = like.itemsize
            a_row, a_term = (team[10] * size, size) if team[4] == PLAIN else (size, team[10] * size)
            multiply_tiles(a, a_row, a_term, b, team[12] * size, out, out_stride * size, m, n, k, like)
        else:
            call_gemm(team[3], team[4], team[5], m, n, k, a, team[10], b, team[12], out, out_stride, like)


@kernel
def share_finish(
    team: Words, numbers: Numbers, threads: int, y: Array, partial: Array, b: Array, rectify: bool
) -> None:
    """Compute y = y + sum of partial + b, or max(0, of that), by rows; y (B, O), partial (blocks, B, O).

    b is (O,), or empty.
    """
    team[OPERATION] = FINISH
    team[3] = y.ctypes.data
    team[4] = y.shape[0]
    team[5] = y.shape[1]
    team[6] = partial.ctypes.data
    team[7] = partial.shape[0]
    team[8] = b.ctypes.data
    team[9] = len(b)
    team[10] = rectify
    share(team, numbers, threads if y.size >= MIN_VALUES else 1)


@kernel
def finish_rows(team: Words, thread: int, like: Array) -> None:
    """Add what is missing to a thread's rows."""
    rows, columns, blocks, threads = team[4], team[5], team[7], team[THREADS]
    b = vector_at(team[8], team[9], like)
    zero = like.dtype.type(0)
    for i in range(rows * thread // threads, rows * (thread + 1) // threads):
        y = vector_at(team[3] + i * columns * like.itemsize, columns, like)
        for block in range(blocks):
            addend = vector_at(team[6] + (block * rows + i) * columns * like.itemsize, columns, like)
            for j in range(columns):
                y[j] += addend[j]
        if len(b):
            for j in range(columns):
                y[j] += b[j]
        if team[10]:
            for j in range(columns):
                y[j] = zero if y[j] <= zero else y[j]  # NaN stays
