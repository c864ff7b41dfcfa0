// Pixel-shuffled maps to what the host needs of them.
//
// A map (f * f, h, w) float32 of logits is one map (f h, f w): channel f dy + dx holds cell
// (f i + dy, f j + dx).
//
// Moves, for 640 x 384 and maps of 192 x 320: `upsampled_labels` 246 kB in and 246 kB out, `lane_cells` 492
// kB in and 35 kB out, `edge_cells` 246 kB in and 27 kB out; at the 204.8 GB/s of Orin 2.4, 2.6 and 1.3 us.
#include "device.cuh"

struct Map {
    const float* parts;
    int factor, rows, columns;  // rows and columns of a channel

    __device__ float at(int row, int column) const
    {
        int channel = row % factor * factor + column % factor;
        return parts[(channel * rows + row / factor) * columns + column / factor];
    }
};

// The two cells around the centre of cell k of n over `length`, as in `reference.upsampled_labels`.
struct Pair {
    int low, high;
    float part;  // of the high one

    __device__ Pair(int k, int n, int length)
    {
        int at = centre(k, n, length);
        low = max(min(at / (2 * n), length - 2), 0);
        high = min(low + 1, length - 1);
        part = (at - 2 * n * low) / (2.0f * n);
    }
};

// labels (height, width) uint8: 1 where the map, bilinear between cell centres, is above `threshold`.
//
// parts (factor^2, rows, columns). A thread a label.
extern "C" __global__ void __launch_bounds__(256)
upsampled_labels(const float* parts, int factor, int rows, int columns, float threshold, uint8_t* labels,
                 int width, int height)
{
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= width || y >= height) return;
    Map map = {parts, factor, rows, columns};
    Pair across(x, width, factor * columns), down(y, height, factor * rows);
    auto row = [&](int k) { return between(map.at(k, across.low), map.at(k, across.high), across.part); };
    labels[y * width + x] = between(row(down.low), row(down.high), down.part) > threshold;
}

// Where cells above a threshold go, in no order.
//
// cells (capacity,) int32: index in the map; logits (capacity,) float32; count: starts at 0, ends as the
// number found, which may be above the capacity.
struct Found {
    int capacity;
    int* cells;
    float* logits;
    int* count;

    // By whole warps: a warp takes room for its cells with one atomic.
    __device__ void add(bool above, int cell, float logit)
    {
        int lane = threadIdx.x % WARP, begin = 0;
        unsigned found = __ballot_sync(ALL_LANES, above);
        if (lane == 0 && found) begin = atomicAdd(count, __popc(found));
        begin = __shfl_sync(ALL_LANES, begin, 0);
        int at = begin + __popc(found & ((1u << lane) - 1));
        if (above && at < capacity) {
            cells[at] = cell;
            logits[at] = logit;
        }
    }
};

// The cells of the line map above `least`, and of the paint map a bit each.
//
// parts (2 factor^2, rows, columns): line, paint. cells, logits, count: see `Found`; the map is (factor rows,
// factor columns). paint (ceil(cells / 32),) uint32: bit k of word i is set where cell 32 i + k is above `bare`.
// A thread a cell, whole warps: a warp writes one word.
extern "C" __global__ void __launch_bounds__(256)
lane_cells(const float* parts, int factor, int rows, int columns, float least, float bare, int capacity,
           int* cells, float* logits, int* count, uint32_t* paint)
{
    int width = factor * columns, total = factor * rows * width;
    int cell = blockIdx.x * blockDim.x + threadIdx.x;
    bool inside = cell < total;
    float line = least;
    bool painted = false;
    if (inside) {
        int row = cell / width, column = cell % width;
        line = Map{parts, factor, rows, columns}.at(row, column);
        painted = Map{parts + total, factor, rows, columns}.at(row, column) > bare;
    }
    unsigned bits = __ballot_sync(ALL_LANES, painted);
    if (inside && threadIdx.x % WARP == 0) paint[cell / WARP] = bits;
    Found{capacity, cells, logits, count}.add(line > least, cell, line);
}

// The cells of the map of road edges above `least`: parts (factor^2, rows, columns), otherwise as above.
extern "C" __global__ void __launch_bounds__(256)
edge_cells(const float* parts, int factor, int rows, int columns, float least, int capacity, int* cells,
           float* logits, int* count)
{
    int width = factor * columns, cell = blockIdx.x * blockDim.x + threadIdx.x;
    float edge = least;
    if (cell < factor * rows * width) edge = Map{parts, factor, rows, columns}.at(cell / width, cell % width);
    Found{capacity, cells, logits, count}.add(edge > least, cell, edge);
}
