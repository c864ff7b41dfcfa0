// Grid cells to objects, as perception/tasks/detection/decode.py does it: three kernels, one after the other.
//
// The result does not depend on the order of threads: candidates are collected as keys, each unique, and the
// largest keys are the best candidates, in order. There is room for every cell of every class, so that no
// candidate can be lost.
//
// A key is a logit as 32 bits that sort like the logit, then the complement of its place in `all_candidates`'
// order (level, class, row, column): among equal logits the first wins. NaN is never above a threshold.
//
// Moves, for 640 x 384 and six classes: 121 kB of scores and, with 1000 candidates, 50 kB of keys and boxes;
// at the 204.8 GB/s of Orin less than a microsecond. `best` and `objects` are one block each: what they take
// is the time of their barriers.
#include "device.cuh"

constexpr int MOST = 1000;  // candidates that are looked at, MAX_CANDIDATES in decode.py
constexpr int THREADS = 1024;  // of the kernels of one block, a thread a candidate
constexpr int FIRST_STRIDE = 8;  // of three levels: 8, 16, 32
constexpr int NONE = -1, OUT = -2;  // a box that no other strikes out; one that counts for nothing

__device__ uint64_t key_of(float logit, uint32_t place)
{
    uint32_t bits = __float_as_uint(logit + 0.0f);  // -0 is +0
    bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
    return static_cast<uint64_t>(bits) << 32 | ~place;
}

__device__ float logit_of(uint64_t key)
{
    uint32_t bits = static_cast<uint32_t>(key >> 32);
    return __uint_as_float(bits ^ (bits >> 31 ? 0x80000000u : 0xffffffffu));
}

__device__ int place_of(uint64_t key) { return static_cast<int>(~static_cast<uint32_t>(key)); }

struct Cell {
    int level, class_id, row, column;
    int within;  // its place in the level's scores (classes, rows, columns)
    int rows, columns;  // of the level
};

// The cell at a place in the order of all; `height` and `width` are those of the network's input.
__device__ Cell cell_at(int place, int classes, int height, int width)
{
    Cell cell = {0, 0, 0, 0, place, height / FIRST_STRIDE, width / FIRST_STRIDE};
    while (cell.within >= classes * cell.rows * cell.columns) {
        cell.within -= classes * cell.rows * cell.columns;
        cell.rows /= 2;
        cell.columns /= 2;
        ++cell.level;
    }
    cell.column = cell.within % cell.columns;
    cell.row = cell.within / cell.columns % cell.rows;
    cell.class_id = cell.within / cell.columns / cell.rows;
    return cell;
}

__device__ const float* of_level(int level, const float* first, const float* second, const float* third)
{
    return level == 0 ? first : level == 1 ? second : third;
}

// The keys of all cells whose logit is above their class's threshold, in no order.
//
// scores8, 16, 32 (classes, height / stride, width / stride) and thresholds (classes,) float32 logits;
// keys (cells x classes,) uint64; count: starts at 0. A thread a cell and class.
extern "C" __global__ void __launch_bounds__(256)
candidates(const float* scores8, const float* scores16, const float* scores32, const float* thresholds,
           int classes, int height, int width, int total, uint64_t* keys, int* count)
{
    int place = blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= total) return;
    Cell cell = cell_at(place, classes, height, width);
    float logit = of_level(cell.level, scores8, scores16, scores32)[cell.within];
    if (logit > thresholds[cell.class_id]) keys[atomicAdd(count, 1)] = key_of(logit, place);
}

// The k-th largest of n keys, n >= k >= 1, by radix: 8 bits a pass, from the top. For a whole block.
__device__ uint64_t kth_largest(const uint64_t* keys, int n, int k)
{
    __shared__ int bins[256];  // how many keys that begin with `prefix` go on with each byte
    uint64_t prefix = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        for (int bin = threadIdx.x; bin < 256; bin += blockDim.x) bins[bin] = 0;
        __syncthreads();
        for (int i = threadIdx.x; i < n; i += blockDim.x)
            if (keys[i] >> shift >> 8 == prefix) atomicAdd(&bins[keys[i] >> shift & 255], 1);
        __syncthreads();
        int bin = 255;
        for (; bins[bin] < k; --bin) k -= bins[bin];
        prefix = prefix << 8 | bin;
        __syncthreads();  // all have read the bins
    }
    return prefix;
}

// The best `MOST` keys in descending order; where there are fewer, 0 follows. One block.
//
// keys (*count,) uint64, sorted (MOST,) uint64.
extern "C" __global__ void __launch_bounds__(THREADS)
best(const uint64_t* keys, const int* count, uint64_t* sorted)
{
    __shared__ uint64_t chosen[THREADS];
    __shared__ int taken;
    int n = *count, t = threadIdx.x;
    uint64_t least = n > MOST ? kth_largest(keys, n, MOST) : 0;
    chosen[t] = 0;
    if (t == 0) taken = 0;
    __syncthreads();
    for (int i = t; i < n; i += THREADS)
        if (keys[i] >= least) chosen[atomicAdd(&taken, 1)] = keys[i];
    __syncthreads();
    for (int run = 2; run <= THREADS; run *= 2)  // bitonic sort
        for (int step = run / 2; step > 0; step /= 2) {
            int other = t ^ step;
            bool descending = (t & run) == 0;
            if (other > t && (chosen[t] < chosen[other]) == descending) {
                uint64_t key = chosen[t];
                chosen[t] = chosen[other];
                chosen[other] = key;
            }
            __syncthreads();
        }
    if (t < MOST) sorted[t] = chosen[t];
}

struct Box {
    float x1, y1, x2, y2;
};

// Log distances left, top, right, bottom in strides from the cell's centre, to network pixels.
__device__ Box box_of(const Cell& cell, const float* boxes)
{
    int cells = cell.rows * cell.columns, stride = FIRST_STRIDE << cell.level;
    const float* distance = boxes + cell.row * cell.columns + cell.column;
    float x = (cell.column + 0.5f) * stride, y = (cell.row + 0.5f) * stride;
    return {x - expf(distance[0]) * stride, y - expf(distance[cells]) * stride,
            x + expf(distance[2 * cells]) * stride, y + expf(distance[3 * cells]) * stride};
}

// Intersection over union, 0 where it cannot be said: both empty, or a NaN.
__device__ float overlap(const Box& a, const Box& b)
{
    float width = fmaxf(fminf(a.x2, b.x2) - fmaxf(a.x1, b.x1), 0.0f);
    float height = fmaxf(fminf(a.y2, b.y2) - fmaxf(a.y1, b.y1), 0.0f);
    float common = width * height;
    float both = (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - common;
    return both > 0 ? common / both : 0.0f;
}

// The mean of box k and those that go with it, weighted by squared scores: as box k and the mean of what the
// others differ by, which is small enough for 32 bits.
__device__ Box mean_of(int k, int n, const int* goes_with, const Box* boxes, const float* scores)
{
    float x1 = 0, y1 = 0, x2 = 0, y2 = 0, all = scores[k] * scores[k];
    for (int i = k + 1; i < n; ++i) {
        if (goes_with[i] != k) continue;
        float weight = scores[i] * scores[i];
        x1 += weight * (boxes[i].x1 - boxes[k].x1), y1 += weight * (boxes[i].y1 - boxes[k].y1);
        x2 += weight * (boxes[i].x2 - boxes[k].x2), y2 += weight * (boxes[i].y2 - boxes[k].y2);
        all += weight;
    }
    return {boxes[k].x1 + x1 / all, boxes[k].y1 + y1 / all, boxes[k].x2 + x2 / all, boxes[k].y2 + y2 / all};
}

// Network to image pixels, clipped to the image. NaN stays NaN, which no object comes of.
__device__ float in_image(float at, float offset, float scale, float size)
{
    at = (at - offset) / scale;
    return at < 0 ? 0 : at > size ? size : at;
}

struct Letterbox {
    float left, top, scale_x, scale_y, width, height;  // width and height of the image
};

__device__ Box in_image(const Box& box, Letterbox to)
{
    return {in_image(box.x1, to.left, to.scale_x, to.width), in_image(box.y1, to.top, to.scale_y, to.height),
            in_image(box.x2, to.left, to.scale_x, to.width), in_image(box.y2, to.top, to.scale_y, to.height)};
}

// Class-aware suppression among the best candidates, as `reference.objects`: those with a side below
// `smallest` within the image count for nothing; at most `most` are kept, each in turn strikes out those after
// it and takes the mean of itself and these, weighted by squared scores; letterbox removed, clipped. One block,
// a thread a candidate. Sums are in the order of the candidates, whatever that of the threads.
//
// sorted (MOST,) and *candidates from above; boxes8, 16, 32 (4, height / stride, width / stride) float32;
// left, top network pixels; scale_x, scale_y network pixels an image pixel; found (most, 6) float32: x1, y1,
// x2, y2 in image pixels, score, class; count: rows of it that are filled.
extern "C" __global__ void __launch_bounds__(THREADS)
objects(const uint64_t* sorted, const int* candidates, const float* boxes8, const float* boxes16,
        const float* boxes32, int classes, int height, int width, float limit, float left, float top,
        float scale_x, float scale_y, float image_width, float image_height, float smallest, int most,
        float* found, int* count)
{
    __shared__ Box boxes[THREADS];
    __shared__ float scores[THREADS];
    __shared__ int class_ids[THREADS], goes_with[THREADS];
    Letterbox to = {left, top, scale_x, scale_y, image_width, image_height};
    int n = min(*candidates, MOST), t = threadIdx.x, kept = 0, row = NONE;
    goes_with[t] = OUT;
    if (t < n) {
        Cell cell = cell_at(place_of(sorted[t]), classes, height, width);
        boxes[t] = box_of(cell, of_level(cell.level, boxes8, boxes16, boxes32));
        scores[t] = 1 / (1 + expf(-logit_of(sorted[t])));
        class_ids[t] = cell.class_id;
        Box image = in_image(boxes[t], to);
        if (image.x2 - image.x1 >= smallest && image.y2 - image.y1 >= smallest) goes_with[t] = NONE;
    }
    __syncthreads();
    for (int k = 0; k < n && kept < most; ++k) {
        if (goes_with[k] != NONE) continue;  // all agree: only later ones are struck before the next barrier
        if (t > k && goes_with[t] == NONE && class_ids[t] == class_ids[k] &&
            overlap(boxes[k], boxes[t]) > limit)
            goes_with[t] = k;
        if (t == k) row = kept;
        ++kept;
        __syncthreads();
    }
    if (row != NONE) {
        Box image = in_image(mean_of(t, n, goes_with, boxes, scores), to);
        float* place = found + 6 * row;
        place[0] = image.x1, place[1] = image.y1, place[2] = image.x2, place[3] = image.y2;
        place[4] = scores[t];
        place[5] = static_cast<float>(class_ids[t]);
    }
    if (t == 0) *count = kept;
}
