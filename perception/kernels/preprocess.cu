// Camera image to network input: letterbox, then normalise. One thread a pixel of the input.
//
// Each is rounded to grey levels before it is normalised, so that all forms of the input, and the network on
// the processor, see the same picture. `form` says how it is written (see `store`); `scale` is that of INT8.
//
// Moves, for 1280 x 720 to 640 x 384 float32: 2.8 MB in, 2.9 MB out. At the 204.8 GB/s of
// Orin that takes 28 us at the least (docs/kernels.md).
#include "device.cuh"

enum Form { BYTES, FLOAT32, FLOAT16, INT8 };  // perception/kernels/launch.py has the same order

__device__ int8_t quantised(float value, float scale)
{
    return static_cast<int8_t>(fminf(fmaxf(rintf(value / scale), -128.0f), 127.0f));
}

// Pixel `at` of `pixels`. BYTES: (h, w, 3) as they are; the others: (3, h, w) normalised, INT8 in steps of
// `scale`.
__device__ void store(void* out, int form, int at, int pixels, Colour<int> colour, float scale)
{
    int levels[] = {colour.b, colour.g, colour.r};
    for (int c = 0; c < 3; ++c) {
        float value = normalised(levels[c]);
        int plane = c * pixels + at;
        if (form == BYTES) static_cast<uint8_t*>(out)[3 * at + c] = static_cast<uint8_t>(levels[c]);
        if (form == FLOAT32) static_cast<float*>(out)[plane] = value;
        if (form == FLOAT16) static_cast<__half*>(out)[plane] = __float2half_rn(value);
        if (form == INT8) static_cast<int8_t*>(out)[plane] = quantised(value, scale);
    }
}

// The cells of an axis that make one output cell: first..last, with whole-number weights.
struct Taps {
    int first, last, head, body, tail;  // weights: of the first, of those between, of the last

    __device__ int weight(int k) const { return k == first ? head : k == last ? tail : body; }
};

// The area under cell k of n over `length` cells: [k length / n, (k + 1) length / n). Weights sum to
// `length`.
__device__ Taps area(int k, int n, int length)
{
    int begin = k * length, end = begin + length;
    int first = begin / n, last = (end - 1) / n;
    return {first, last, min((first + 1) * n, end) - begin, n, end - last * n};
}

// The two cells around the centre of cell k of n over `length` cells. Weights sum to 2 n.
__device__ Taps linear(int k, int n, int length)
{
    int at = centre(k, n, length), first = at / (2 * n), part = at % (2 * n);
    return {first, min(first + 1, length - 1), 2 * n - part, 0, part};
}

__device__ Taps taps(bool shrinks, int k, int n, int length)
{
    return shrinks ? area(k, n, length) : linear(k, n, length);
}

constexpr uint64_t SMALL = 1 << 24;  // weights: 255.5 x their sum fits into 32 bits

// The weighted mean, halves upwards. Exact: 255.5 x the sum of weights fits into `Sum`.
template <class Sum>
__device__ Colour<int> mean(const Bgr& image, Taps across, Taps down, Sum weights)
{
    Colour<Sum> sum = {0, 0, 0};
    for (int row = down.first; row <= down.last; ++row)
        for (int column = across.first; column <= across.last; ++column) {
            Colour<int> c = image.at(row, column);
            Sum weight = Sum(down.weight(row)) * across.weight(column);
            sum = {sum.b + weight * c.b, sum.g + weight * c.g, sum.r + weight * c.r};
        }
    auto level = [&](Sum total) { return int((total + weights / 2) / weights); };
    return {level(sum.b), level(sum.g), level(sum.r)};
}

// `Letterbox.resize`: area mean when shrinking, else bilinear; around it PAD. data: (image_height, pitch)
// uint8, BGR; `pitch` in bytes, all else in pixels. out: of `width` x `height`, as `store` says.
extern "C" __global__ void __launch_bounds__(256)
letterbox(const uint8_t* data, int pitch, int image_width, int image_height, int inner_width,
          int inner_height, int left, int top, void* out, int form, float scale, int width, int height)
{
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= width || y >= height) return;
    Bgr image = {data, pitch, image_width, image_height};
    int column = x - left, row = y - top;
    Colour<int> colour = {PAD, PAD, PAD};
    if (column >= 0 && column < inner_width && row >= 0 && row < inner_height) {
        bool shrinks = inner_width < image_width;
        Taps across = taps(shrinks, column, inner_width, image_width);
        Taps down = taps(shrinks, row, inner_height, image_height);
        uint64_t weights = shrinks ? uint64_t(image_width) * image_height
                                   : 4 * uint64_t(inner_width) * inner_height;
        colour = weights <= SMALL ? mean<uint32_t>(image, across, down, weights)
                                  : mean<uint64_t>(image, across, down, weights);
    }
    store(out, form, y * width + x, width * height, colour, scale);
}
