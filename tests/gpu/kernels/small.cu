// Kernels for the tests of the device itself.
#include "small.cuh"

extern "C" __global__ void __launch_bounds__(256)
scale(const float* in, float* out, int n, float factor)
{
    int k = blockIdx.x * blockDim.x + threadIdx.x;
    if (k < n) out[k] = times(in[k], factor);
}

// Arguments with gaps for alignment between them.
extern "C" __global__ void __launch_bounds__(1)
packed(int a, float* out, float b, int c, float d, const float* e)
{
    out[0] = a, out[1] = b, out[2] = c, out[3] = d, out[4] = e[0];
}

// (width, height) threads or more: each writes its place.
extern "C" __global__ void __launch_bounds__(256)
places(int* out, int width, int height)
{
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x < width && y < height) out[y * width + x] = 100 * y + x;
}

// Writes one value behind its array.
extern "C" __global__ void __launch_bounds__(1)
overrun(float* out, int n)
{
    out[n] = 1;
}
