// Traffic signs from the camera image, for the network that reads them.
//
// Moves, for 16 crops of 64 x 64: 197 kB in, if signs are as large as their crops, 786 kB out: 4.8 us at the
// 204.8 GB/s of Orin.
#include "device.cuh"

constexpr int MOST_OBJECTS = 1024;

// crops (most, 3, size, size) float32, normalised: of the first `most` objects of class `sign` the squares
// that `reference.sign_crops` describes; PAD where there are fewer.
//
// image (height, width, 3) uint8, rows `pitch` bytes apart; found (*count, 6) float32 as the kernel `objects`
// gives them. A block for rows of one crop: blockIdx.y is the crop, a thread a pixel.
extern "C" __global__ void __launch_bounds__(256)
sign_crops(const uint8_t* image, int pitch, int width, int height, const float* found, const int* count,
           int sign, float* crops, int size)
{
    __shared__ bool is_sign[MOST_OBJECTS];
    int n = min(*count, MOST_OBJECTS);
    for (int k = threadIdx.x; k < n; k += blockDim.x) is_sign[k] = found[6 * k + 5] == sign;
    __syncthreads();
    int object = 0;
    for (int before = blockIdx.y; object < n; ++object)
        if (is_sign[object] && before-- == 0) break;

    int pixel = blockIdx.x * blockDim.x + threadIdx.x, pixels = size * size;
    if (pixel >= pixels) return;
    Colour<int> colour = {PAD, PAD, PAD};
    if (object < n) {
        const float* box = found + 6 * object;
        float side = 1.2f * fmaxf(fmaxf(box[2] - box[0], box[3] - box[1]), 1.0f);
        auto along = [&](int k) { return (k + 0.5f) / size * side - side / 2 - 0.5f; };
        float x = (box[0] + box[2]) / 2 + along(pixel % size);
        float y = (box[1] + box[3]) / 2 + along(pixel / size);
        colour = sampled(Bgr{image, pitch, width, height}, x, y);
    }
    float* out = crops + 3 * blockIdx.y * pixels + pixel;
    out[0] = normalised(colour.b);
    out[pixels] = normalised(colour.g);
    out[2 * pixels] = normalised(colour.r);
}
