// What the kernels share: the normalisation, images on the device, and bilinear interpolation.
//
// nvcc compiles these files with -fmad=false, so that a product and a sum are rounded apart, as by numpy and
// by the tests' g++: the arithmetic proved on the processor is then that of the GPU, but for the last bit of
// expf. All kernels wait for memory, not for arithmetic, so nothing is lost by it.
//
// Coordinates are those of perception/letterbox.py: pixel j covers [j, j + 1), its centre is j + 0.5.
#pragma once

#ifdef __CUDACC__
#include <cstdint>
#include <cuda_fp16.h>
#endif  // else g++: tests/kernels/host_cuda.h comes first

constexpr int PAD = 114;  // grey level of the letterbox border, PAD in perception/letterbox.py
constexpr float MEAN = 116.0f, SCALE = 58.0f;  // of the network's input, perception/model/network.py
constexpr unsigned WARP = 32, ALL_LANES = 0xffffffffu;

template <class T>
struct Colour {
    T b, g, r;
};

__device__ inline float normalised(int level) { return (level - MEAN) / SCALE; }

// (height, width, 3) uint8, rows `pitch` bytes apart.
struct Bgr {
    const uint8_t* data;
    int pitch, width, height;

    __device__ Colour<int> at(int row, int column) const
    {
        const uint8_t* pixel = data + row * pitch + 3 * column;
        return {pixel[0], pixel[1], pixel[2]};
    }
};

__device__ inline float between(float a, float b, float part) { return a * (1 - part) + b * part; }

__device__ inline Colour<float> between(Colour<float> a, Colour<float> b, float part)
{
    return {between(a.b, b.b, part), between(a.g, b.g, part), between(a.r, b.r, part)};
}

// Where the centre of cell k of n lies among the centres of `length` cells over the same span, in 1 / (2 n)
// of a cell from the first one, and not beyond the first or the last.
__device__ inline int centre(int k, int n, int length)
{
    return min(max((2 * k + 1) * length - n, 0), 2 * n * (length - 1));
}

// Bilinear at (x, y), where whole numbers are pixel centres; outside the image its edge pixels go on.
// Rounded to levels, halves to even.
__device__ inline Colour<int> sampled(const Bgr& image, float x, float y)
{
    x = fminf(fmaxf(x, 0.0f), image.width - 1.0f);
    y = fminf(fmaxf(y, 0.0f), image.height - 1.0f);
    int j = static_cast<int>(x), i = static_cast<int>(y);
    auto row = [&](int k) {
        auto colour = [&](int l) {
            Colour<int> c = image.at(k, l);
            return Colour<float>{float(c.b), float(c.g), float(c.r)};
        };
        return between(colour(j), colour(min(j + 1, image.width - 1)), x - j);
    };
    Colour<float> c = between(row(i), row(min(i + 1, image.height - 1)), y - i);
    return {int(rintf(c.b)), int(rintf(c.g)), int(rintf(c.r))};
}
