// Runs CUDA kernels on the processor: g++ compiles a .cu file after this header, HOST_KERNEL gives each
// kernel an entry point.
//
// One block after the other, one thread of it at a time. A thread runs until it ends or waits: at a barrier
// for its block, at a warp function for its warp. A seed shuffles the order of blocks and of threads, anew
// after each wait. So what a GPU may do in any order is done in many orders; what it may do at the same
// moment is not: a read, an add and a write in place of one atomicAdd is not seen.
//
// What a GPU would hang on, or leave undefined, is an error: a barrier that not all threads of the block
// reach, a warp function that not all lanes reach, a block larger than __launch_bounds__. Shared memory holds
// garbage when a block begins. A kernel may only have static shared memory.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __launch_bounds__(threads)
#define __shared__ static __attribute__((section("shared_memory")))

using std::max;
using std::min;

extern "C" {
extern char __start_shared_memory[] __attribute__((weak, visibility("hidden")));
extern char __stop_shared_memory[] __attribute__((weak, visibility("hidden")));
}

namespace host {

struct Index {
    unsigned x, y, z;
};
inline Index thread_index, block_index, block_size, grid_size;

constexpr unsigned LANES = 32, MOST_THREADS = 1024;
constexpr size_t STACK = 64 * 1024;

enum State { NEW, READY, AT_BARRIER, AT_WARP, DONE };

struct Fiber {
    ucontext_t context;
    unsigned thread;  // that it runs
    char stack[STACK];
};

inline ucontext_t scheduler;
inline std::vector<Fiber*> idle;
inline Fiber* running;
inline const char* error;
inline unsigned randomness;  // 0: nothing is shuffled

// Of the block that runs.
inline void (*body)(void* job);
inline void* job;
inline std::vector<unsigned> order;
inline unsigned begun;
inline State states[MOST_THREADS];
inline Fiber* waiting[MOST_THREADS];
inline uint64_t slots[2][MOST_THREADS];  // what lanes show each other, in turns: none is two turns ahead
inline unsigned turns[MOST_THREADS];

inline void shuffle(std::vector<unsigned>& list)
{
    for (unsigned n = list.size(); randomness && n > 1; --n) {
        randomness = randomness * 1664525u + 1013904223u;
        std::swap(list[n - 1], list[(randomness >> 8) % n]);
    }
}

inline Index index_of(unsigned k, Index size)
{
    return {k % size.x, k / size.x % size.y, k / size.x / size.y};
}

inline void leave() { swapcontext(&running->context, &scheduler); }

[[noreturn]] inline void fail(const char* message)
{
    error = message;
    leave();
    __builtin_unreachable();
}

inline void wait(State state)
{
    states[running->thread] = state;
    leave();
}

// A fiber takes threads that have not begun until one of them waits.
inline void work()
{
    for (;; leave())
        while (begun < order.size()) {
            running->thread = order[begun++];
            thread_index = index_of(running->thread, block_size);
            body(job);
            states[running->thread] = DONE;
        }
}

inline Fiber* new_fiber()
{
    auto fiber = new Fiber;
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK;
    makecontext(&fiber->context, work, 0);
    return fiber;
}

inline void enter(Fiber* fiber)
{
    running = fiber;
    swapcontext(&scheduler, &fiber->context);
    if (states[fiber->thread] == DONE)
        idle.push_back(fiber);
    else
        waiting[fiber->thread] = fiber;
}

inline void begin_threads()
{
    while (begun < order.size() && !error) {
        if (idle.empty()) idle.push_back(new_fiber());
        Fiber* fiber = idle.back();
        idle.pop_back();
        enter(fiber);
    }
}

inline void resume_threads()
{
    shuffle(order);
    for (unsigned thread : order)
        if (states[thread] == READY && !error) {
            thread_index = index_of(thread, block_size);
            enter(waiting[thread]);
        }
}

// Let those go on that wait for what has happened. False when nobody waits any more.
inline bool release()
{
    unsigned n = order.size();
    if (std::all_of(states, states + n, [](State s) { return s == DONE; })) return false;
    if (std::all_of(states, states + n, [](State s) { return s == AT_BARRIER; })) {
        std::fill(states, states + n, READY);
        return true;
    }
    bool released = false;
    for (unsigned first = 0; first < n; first += LANES)
        if (std::all_of(states + first, states + first + LANES, [](State s) { return s == AT_WARP; })) {
            std::fill(states + first, states + first + LANES, READY);
            released = true;
        }
    if (!released) error = "a barrier or a warp function is not reached by all of its threads";
    return released;
}

__attribute__((no_sanitize("address"))) inline void spoil_shared_memory()
{
    for (volatile char* byte = __start_shared_memory; byte < __stop_shared_memory; ++byte) *byte = '\xa5';
}

inline void run_block()
{
    spoil_shared_memory();
    order.resize(block_size.x * block_size.y * block_size.z);
    for (unsigned k = 0; k < order.size(); ++k) {
        order[k] = k, states[k] = NEW, turns[k] = 0;
        waiting[k] = nullptr;
    }
    shuffle(order);
    begun = 0;
    begin_threads();
    while (!error && release()) resume_threads();
    for (unsigned thread : order)
        if (states[thread] != DONE) delete waiting[thread];  // after an error
}

inline const char* run(Index grid, Index block, unsigned most, unsigned seed)
{
    unsigned threads = block.x * block.y * block.z;
    if (threads < 1 || threads > most) return "the block is larger than __launch_bounds__, or empty";
    grid_size = grid, block_size = block, randomness = seed, error = nullptr;
    std::vector<unsigned> blocks(grid.x * grid.y * grid.z);
    for (unsigned k = 0; k < blocks.size(); ++k) blocks[k] = k;
    shuffle(blocks);
    for (unsigned k : blocks) {
        block_index = index_of(k, grid);
        run_block();
        if (error) break;
    }
    return error;
}

template <class... Types, size_t... I>
void call(void (*kernel)(Types...), void** arguments, std::index_sequence<I...>)
{
    kernel(*static_cast<Types*>(arguments[I])...);
}

template <class... Types>
const char* launch(void (*kernel)(Types...), const unsigned* grid, const unsigned* block, unsigned most,
                   void** arguments, unsigned seed)
{
    auto once = [=] { call(kernel, arguments, std::index_sequence_for<Types...>{}); };
    body = [](void* job) { (*static_cast<decltype(once)*>(job))(); };
    job = &once;
    return run({grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]}, most, seed);
}

// Pointer, int32, float32; nothing else is passed to kernels here.
template <class T>
constexpr char letter()
{
    static_assert(std::is_pointer_v<T> || std::is_same_v<T, int> || std::is_same_v<T, float>);
    return std::is_pointer_v<T> ? 'p' : std::is_same_v<T, int> ? 'i' : 'f';
}

template <class... Types>
const char* letters(void (*)(Types...))
{
    static const char text[] = {letter<Types>()..., 0};
    return text;
}

// What each lane of the warp shows, once all have come.
template <class T>
const uint64_t* shown(unsigned lanes, T value)
{
    if (lanes != 0xffffffffu || order.size() % LANES) fail("warp functions are for whole warps here");
    unsigned thread = running->thread, turn = turns[thread]++ % 2;
    memcpy(&slots[turn][thread], &value, sizeof value);
    wait(AT_WARP);
    return slots[turn] + thread / LANES * LANES;
}

}  // namespace host

// `const char* host_NAME(grid, block, arguments, seed)`: nullptr, or what went wrong. `arguments` points to
// the value of each, as with cuLaunchKernel. `host_types_NAME()`: a letter an argument, of `letter`.
#define HOST_ENTRY extern "C" __attribute__((visibility("default"))) const char*
#define HOST_KERNEL(name, most)                                                                            \
    HOST_ENTRY host_##name(const unsigned* grid, const unsigned* block, void** arguments, unsigned seed)   \
    {                                                                                                      \
        return host::launch(name, grid, block, most, arguments, seed);                                     \
    }                                                                                                      \
    HOST_ENTRY host_types_##name() { return host::letters(name); }

#define threadIdx host::thread_index
#define blockIdx host::block_index
#define blockDim host::block_size
#define gridDim host::grid_size

inline void __syncthreads() { host::wait(host::AT_BARRIER); }
inline void __syncwarp(unsigned lanes = 0xffffffffu) { host::shown(lanes, 0); }

template <class T>
T __shfl_sync(unsigned lanes, T value, int lane)
{
    memcpy(&value, host::shown(lanes, value) + lane % host::LANES, sizeof value);
    return value;
}

inline unsigned __ballot_sync(unsigned lanes, int predicate)
{
    const uint64_t* votes = host::shown(lanes, static_cast<uint64_t>(predicate != 0));
    unsigned bits = 0;
    for (unsigned lane = 0; lane < host::LANES; ++lane) bits |= static_cast<unsigned>(votes[lane]) << lane;
    return bits;
}

template <class T>
T atomicAdd(T* target, T value)
{
    T old = *target;
    *target += value;
    return old;
}

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

template <class To, class From>
To same_bits(From value)
{
    static_assert(sizeof(To) == sizeof(From));
    To bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline unsigned __float_as_uint(float value) { return same_bits<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return same_bits<float>(bits); }

struct __half {
    uint16_t bits;
};

// Round to nearest, ties to even.
inline __half __float2half_rn(float value)
{
    unsigned bits = __float_as_uint(value), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7fffu)};  // NaN
    if (size >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00u)};  // 65520 and above: infinite
    if (size < 0x38800000u)  // below 2^-14: a multiple of 2^-24
        return {static_cast<uint16_t>(sign | static_cast<unsigned>(rintf(__uint_as_float(size) * 0x1p24f)))};
    unsigned odd = size >> 13 & 1;
    return {static_cast<uint16_t>(sign | ((size - 0x38000000u + 0xfffu + odd) >> 13))};
}
