// A CUDA driver without a GPU: libcuda.so.1 for tests, on which the real pycuda runs.
//
// It does what a driver may do, not what one does on a good day:
//   memory    is the processor's, filled with 0xCD; guard zones beside each piece are checked at every launch
//   streams   run nothing until somebody waits: a missing synchronise leaves stale data, each time
//   copies    read their source when they run, never when they are called
//   errors    in a stream end the context: every later call returns them
//   contexts  calls from a thread in which none is current, or one that was released, are refused
//   modules   are shared objects made from .cu files by fake_nvcc.py
// `fakecuda_count("launches")` and so on say what was asked of it. Modes, by environment variable:
//   FAKECUDA_NO_DEVICE=1       cuInit finds no device
//   FAKECUDA_DRIVER=12040      version of the driver
//   FAKECUDA_MEMORY=1000000    bytes of the device's memory
//   FAKECUDA_FAIL_LAUNCH=2     the second launch fails, when it runs
//   FAKECUDA_INTEGRATED=1      the device shares the processor's memory
//   FAKECUDA_SEED=1            order of threads and blocks; 0: as they are numbered
//   FAKECUDA_NAME, FAKECUDA_CAPABILITY=8.7

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default"))) int

namespace {

using Address = uint64_t;

enum Result {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NO_BINARY_FOR_GPU = 209,
    FILE_NOT_FOUND = 301,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    CONTEXT_IS_DESTROYED = 709,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
};

long setting(const char* name, long otherwise) {
    const char* text = getenv(name);
    return text ? atol(text) : otherwise;
}

std::mutex lock;  // held for book-keeping, never while work runs: that may wait for Python
std::condition_variable changed;
std::map<std::string, long> counts;
std::atomic<int> fault{SUCCESS};  // the first error of any stream

long count(const char* name, long by = 1) {
    std::lock_guard<std::mutex> held(lock);
    return counts[name] += by;
}

// ---- contexts: the primary one, and each thread's stack --------------------------------------------------

struct Context {
    bool alive = true;
};
Context* primary = nullptr;
int retained = 0;
thread_local std::vector<Context*> current;

int in_context() {
    if (current.empty()) return INVALID_CONTEXT;
    if (!current.back()->alive) return CONTEXT_IS_DESTROYED;
    return fault;
}

#define NEED_CONTEXT() \
    if (int bad = in_context()) return bad

// ---- memory ----------------------------------------------------------------------------------------------

constexpr size_t GUARD = 256;
constexpr unsigned char POISON = 0xCD, FREED = 0xDD, FENCE = 0xFB;

struct Piece {
    size_t size;
    bool mapped;  // the device's view of pinned host memory: no guards
};
std::map<Address, Piece> pieces;           // what the device can address
std::map<void*, std::pair<size_t, Address>> pinned;  // host memory: bytes, the device's view of it or 0

bool intact(Address begin, const Piece& piece) {
    if (piece.mapped) return true;
    auto* low = reinterpret_cast<unsigned char*>(begin) - GUARD;
    auto* high = reinterpret_cast<unsigned char*>(begin) + piece.size;
    for (size_t i = 0; i < GUARD; i++)
        if (low[i] != FENCE || high[i] != FENCE) return false;
    return true;
}

bool all_intact() {
    std::lock_guard<std::mutex> held(lock);
    for (auto& [begin, piece] : pieces)
        if (!intact(begin, piece)) return false;
    return true;
}

bool owned(Address begin, size_t bytes) {
    std::lock_guard<std::mutex> held(lock);
    auto after = pieces.upper_bound(begin);
    if (after == pieces.begin()) return false;
    auto& [start, piece] = *std::prev(after);
    return begin + bytes <= start + piece.size;
}

// ---- streams and events ----------------------------------------------------------------------------------

struct Event {
    bool done = true;
    double milliseconds = 0;
};
struct Work {
    std::function<int()> run;
    std::shared_ptr<Event> record;
};
struct Stream {
    std::deque<Work> queue;
    bool busy = false;  // some thread runs work of it
    bool apart = false;  // does not wait for the null stream
};
struct EventHandle {
    std::shared_ptr<Event> event = std::make_shared<Event>();
    Stream* stream = nullptr;
};
Stream null_stream;
std::map<Stream*, bool> streams;

double clock_milliseconds() {
    auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double, std::milli>(since).count();
}

// Run what is queued, in order; only up to `until`, if given.
void drain(Stream* stream, const Event* until = nullptr) {
    std::unique_lock<std::mutex> held(lock);
    while (true) {
        changed.wait(held, [&] { return !stream->busy; });
        if (stream->queue.empty() || (until && until->done)) return;
        Work work = std::move(stream->queue.front());
        stream->queue.pop_front();
        stream->busy = true;
        held.unlock();
        int result = fault || !work.run ? SUCCESS : work.run();
        held.lock();
        if (result && !fault) fault = result;
        if (work.record) {
            work.record->done = true;
            work.record->milliseconds = clock_milliseconds();
        }
        stream->busy = false;
        changed.notify_all();
    }
}

void drain_all(bool also_apart) {
    std::vector<Stream*> all{&null_stream};
    {
        std::lock_guard<std::mutex> held(lock);
        for (auto& [stream, _] : streams)
            if (also_apart || !stream->apart) all.push_back(stream);
    }
    for (Stream* stream : all) drain(stream);
}

Stream* of(void* handle) {
    return reinterpret_cast<uintptr_t>(handle) > 2 ? static_cast<Stream*>(handle) : &null_stream;
}

int enqueue(void* handle, std::function<int()> run) {
    std::lock_guard<std::mutex> held(lock);
    of(handle)->queue.push_back({std::move(run), nullptr});
    return SUCCESS;
}

// What the driver does before a call that blocks returns.
int wait_for_all(bool also_apart = false) {
    count("synchronises");
    drain_all(also_apart);
    return fault;
}

int copy(void* target, const void* source, size_t bytes, void* stream) {
    return enqueue(stream, [=] {
        memmove(target, source, bytes);
        return SUCCESS;
    });
}

int upload(Address target, const void* source, size_t bytes, void* stream) {
    NEED_CONTEXT();
    if (!owned(target, bytes)) return INVALID_VALUE;
    count("uploads");
    count("upload_bytes", bytes);
    return copy(reinterpret_cast<void*>(target), source, bytes, stream);
}

int download(void* target, Address source, size_t bytes, void* stream) {
    NEED_CONTEXT();
    if (!owned(source, bytes)) return INVALID_VALUE;
    count("downloads");
    count("download_bytes", bytes);
    return copy(target, reinterpret_cast<void*>(source), bytes, stream);
}

int move(Address target, Address source, size_t bytes, void* stream) {
    NEED_CONTEXT();
    if (!owned(source, bytes) || !owned(target, bytes)) return INVALID_VALUE;
    return copy(reinterpret_cast<void*>(target), reinterpret_cast<void*>(source), bytes, stream);
}

template <class Value>
int fill(Address target, Value value, size_t times, void* stream) {
    NEED_CONTEXT();
    if (!owned(target, times * sizeof(Value))) return INVALID_VALUE;
    return enqueue(stream, [=] {
        std::fill_n(reinterpret_cast<Value*>(target), times, value);
        return SUCCESS;
    });
}

int blocking(int result) { return result ? result : wait_for_all(); }

// ---- modules ---------------------------------------------------------------------------------------------

// HOST_KERNEL of tests/kernels/host_cuda.h: nullptr, or what went wrong; and a letter for each parameter.
using Body = const char* (*)(const unsigned* grid, const unsigned* block, void** arguments, unsigned seed);
using Types = const char* (*)();

struct Kernel {
    Body body;
    std::vector<size_t> parameters;  // bytes of each, to which it is aligned too
};
struct Module {
    void* library;
    std::map<std::string, std::unique_ptr<Kernel>> kernels;
};

// The section table ends a shared object, as it does a cubin.
size_t image_bytes(const Elf64_Ehdr* header) {
    return header->e_shoff + header->e_shnum * header->e_shentsize;
}

// By a file of its own name: the loader takes one name for one library.
void* load_library(const Elf64_Ehdr* header) {
    char path[] = "/tmp/fakecuda-XXXXXX";
    int file = mkstemp(path);
    size_t bytes = image_bytes(header);
    void* library = nullptr;
    if (write(file, header, bytes) == static_cast<ssize_t>(bytes)) library = dlopen(path, RTLD_NOW);
    if (!library) fprintf(stderr, "fakecuda: %s\n", dlerror());
    close(file);
    unlink(path);
    return library;
}

int capability() {
    int major = 8, minor = 7;
    if (const char* text = getenv("FAKECUDA_CAPABILITY")) sscanf(text, "%d.%d", &major, &minor);
    return 10 * major + minor;
}

// A cubin runs on devices of its major capability, from its minor one on.
bool runs_here(void* library) {
    auto architecture = reinterpret_cast<Types>(dlsym(library, "fake_architecture"));
    int made_for = architecture ? atoi(architecture()) : 0;
    return made_for / 10 == capability() / 10 && made_for <= capability();
}

// ---- launches --------------------------------------------------------------------------------------------

// The arguments as the caller packed them: each aligned as its type is, and nothing left over.
bool unpack(const Kernel& kernel, const char* packed, size_t bytes, std::vector<std::vector<char>>& values) {
    size_t offset = 0;
    for (size_t size : kernel.parameters) {
        offset = (offset + size - 1) / size * size;
        if (offset + size > bytes) return false;
        values.emplace_back(packed + offset, packed + offset + size);
        offset += size;
    }
    return offset == bytes;
}

bool arguments_of(const Kernel& kernel, void** params, void** extra, std::vector<std::vector<char>>& values) {
    const char* packed = nullptr;
    size_t bytes = 0;
    for (int i = 0; extra && extra[i]; i += 2) {
        if (reinterpret_cast<uintptr_t>(extra[i]) == 1) packed = static_cast<const char*>(extra[i + 1]);
        if (reinterpret_cast<uintptr_t>(extra[i]) == 2) bytes = *static_cast<size_t*>(extra[i + 1]);
    }
    if (extra) return unpack(kernel, packed, bytes, values);
    for (size_t i = 0; i < kernel.parameters.size(); i++) {
        auto* value = static_cast<const char*>(params[i]);
        values.emplace_back(value, value + kernel.parameters[i]);
    }
    return true;
}

int run_kernel(Body body, std::vector<unsigned> grid, std::vector<unsigned> block,
               std::vector<std::vector<char>> values) {
    static std::mutex one_at_a_time;  // the kernels' threads are in global variables
    std::lock_guard<std::mutex> held(one_at_a_time);
    std::vector<void*> pointers;
    for (auto& value : values) pointers.push_back(value.data());
    if (auto* wrong = body(grid.data(), block.data(), pointers.data(), setting("FAKECUDA_SEED", 1))) {
        fprintf(stderr, "fakecuda: %s\n", wrong);
        return LAUNCH_FAILED;
    }
    if (all_intact()) return SUCCESS;
    count("overruns");
    return ILLEGAL_ADDRESS;
}

}  // namespace

// ---- what tests ask --------------------------------------------------------------------------------------

extern "C" long fakecuda_count(const char* name) {
    std::string wanted = name;
    std::lock_guard<std::mutex> held(lock);
    if (wanted == "pieces") return pieces.size();
    if (wanted == "pinned") return pinned.size();
    if (wanted == "streams") return streams.size();
    if (wanted == "contexts") return retained;
    if (wanted == "current")
        return std::count_if(current.begin(), current.end(), [](Context* context) { return context->alive; });
    return counts[wanted];
}

extern "C" int fakecuda_owns(Address begin, size_t bytes) { return owned(begin, bytes); }

// ---- the driver's calls ----------------------------------------------------------------------------------

API cuInit(unsigned) { return getenv("FAKECUDA_NO_DEVICE") ? NO_DEVICE : SUCCESS; }

API cuDriverGetVersion(int* version) {
    *version = setting("FAKECUDA_DRIVER", 13000);
    return SUCCESS;
}

API cuGetErrorString(int error, const char** text) {
    static const std::map<int, const char*> texts{
        {INVALID_VALUE, "invalid argument"},
        {OUT_OF_MEMORY, "out of memory"},
        {NO_DEVICE, "no CUDA-capable device is detected"},
        {INVALID_DEVICE, "invalid device ordinal"},
        {INVALID_IMAGE, "device kernel image is invalid"},
        {INVALID_CONTEXT, "invalid device context"},
        {NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"},
        {FILE_NOT_FOUND, "file not found"},
        {NOT_FOUND, "named symbol not found"},
        {NOT_READY, "device not ready"},
        {ILLEGAL_ADDRESS, "an illegal memory access was encountered"},
        {CONTEXT_IS_DESTROYED, "context is destroyed"},
        {LAUNCH_FAILED, "unspecified launch failure"},
        {NOT_SUPPORTED, "operation not supported"},
    };
    auto found = texts.find(error);
    *text = found == texts.end() ? "unknown error" : found->second;
    return SUCCESS;
}

API cuDeviceGetCount(int* devices) {
    *devices = 1;
    return SUCCESS;
}

API cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return ordinal == 0 ? SUCCESS : INVALID_DEVICE;
}

API cuDeviceGetName(char* name, int length, int) {
    const char* given = getenv("FAKECUDA_NAME");
    snprintf(name, length, "%s", given ? given : "Fake CUDA device");
    return SUCCESS;
}

API cuDeviceComputeCapability(int* major, int* minor, int) {
    *major = capability() / 10;
    *minor = capability() % 10;
    return SUCCESS;
}

API cuDeviceTotalMem_v2(size_t* bytes, int) {
    *bytes = setting("FAKECUDA_MEMORY", 4l << 30);
    return SUCCESS;
}

API cuDeviceGetPCIBusId(char* id, int length, int) {
    snprintf(id, length, "0000:00:00.0");
    return SUCCESS;
}

API cuDeviceGetAttribute(int* value, int attribute, int) {
    const std::map<int, int> values{
        {1, 1024},                                   // threads a block
        {2, 1024}, {3, 1024}, {4, 64},               // block x, y, z
        {5, 2147483647}, {6, 65535}, {7, 65535},     // grid x, y, z
        {8, 49152}, {10, 32}, {16, 8},               // shared memory a block, warp, multiprocessors
        {18, int(setting("FAKECUDA_INTEGRATED", 0))}, {19, 1},  // integrated, can map host memory
        {41, 1}, {75, capability() / 10}, {76, capability() % 10},
    };
    auto found = values.find(attribute);
    *value = found == values.end() ? 0 : found->second;
    return SUCCESS;
}

API cuDevicePrimaryCtxRetain(void** context, int) {
    std::lock_guard<std::mutex> held(lock);
    if (!retained++) primary = new Context;  // never deleted: threads may still hold it
    *context = primary;
    return SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(int) {
    std::lock_guard<std::mutex> held(lock);
    if (!retained) return INVALID_CONTEXT;
    if (!--retained) primary->alive = false;
    return SUCCESS;
}

API cuCtxPushCurrent_v2(void* context) {
    auto* pushed = static_cast<Context*>(context);
    if (!pushed->alive) return CONTEXT_IS_DESTROYED;
    current.push_back(pushed);
    return SUCCESS;
}

API cuCtxPopCurrent_v2(void** context) {
    if (current.empty()) return INVALID_CONTEXT;
    if (context) *context = current.back();
    current.pop_back();
    return SUCCESS;
}

API cuCtxGetDevice(int* device) {
    NEED_CONTEXT();
    *device = 0;
    return SUCCESS;
}

API cuCtxGetApiVersion(void*, unsigned* version) {
    *version = setting("FAKECUDA_DRIVER", 13000);
    return SUCCESS;
}

API cuCtxSynchronize() {
    NEED_CONTEXT();
    return wait_for_all(true);
}

API cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
    NEED_CONTEXT();
    *total = setting("FAKECUDA_MEMORY", 4l << 30);
    std::lock_guard<std::mutex> held(lock);
    *free_bytes = *total - counts["bytes"];
    return SUCCESS;
}

API cuMemAlloc_v2(Address* begin, size_t bytes) {
    NEED_CONTEXT();
    if (!bytes) return INVALID_VALUE;
    std::lock_guard<std::mutex> held(lock);
    if (counts["bytes"] + long(bytes) > setting("FAKECUDA_MEMORY", 4l << 30)) return OUT_OF_MEMORY;
    size_t room = (bytes + 2 * GUARD + 255) & ~size_t(255);
    auto* memory = static_cast<unsigned char*>(aligned_alloc(256, room));
    if (!memory) return OUT_OF_MEMORY;
    memset(memory, FENCE, room);
    memset(memory + GUARD, POISON, bytes);
    *begin = reinterpret_cast<Address>(memory + GUARD);
    pieces[*begin] = {bytes, false};
    counts["bytes"] += bytes;
    return SUCCESS;
}

API cuMemFree_v2(Address begin) {
    if (current.empty()) return INVALID_CONTEXT;
    drain_all(true);
    std::lock_guard<std::mutex> held(lock);
    auto found = pieces.find(begin);
    if (found == pieces.end() || found->second.mapped) return INVALID_VALUE;
    if (!intact(begin, found->second)) {
        counts["overruns"]++;
        if (!fault) fault = ILLEGAL_ADDRESS;
    }
    counts["bytes"] -= found->second.size;
    memset(reinterpret_cast<void*>(begin), FREED, found->second.size);
    free(reinterpret_cast<void*>(begin - GUARD));
    pieces.erase(found);
    return fault;
}

// Host and device see it at two addresses: nobody may take one for the other.
API cuMemHostAlloc(void** begin, size_t bytes, unsigned flags) {
    NEED_CONTEXT();
    if (!bytes) return INVALID_VALUE;
    int file = memfd_create("pinned", 0);
    if (ftruncate(file, bytes)) return OUT_OF_MEMORY;
    auto view = [&] { return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0); };
    *begin = view();
    memset(*begin, POISON, bytes);
    Address device = flags & 2 ? reinterpret_cast<Address>(view()) : 0;
    close(file);
    std::lock_guard<std::mutex> held(lock);
    pinned[*begin] = {bytes, device};
    if (device) pieces[device] = {bytes, true};
    return SUCCESS;
}

API cuMemFreeHost(void* begin) {
    if (current.empty()) return INVALID_CONTEXT;
    drain_all(true);
    std::lock_guard<std::mutex> held(lock);
    auto found = pinned.find(begin);
    if (found == pinned.end()) return INVALID_VALUE;
    auto [bytes, device] = found->second;
    munmap(begin, bytes);
    if (device) munmap(reinterpret_cast<void*>(device), bytes);
    pieces.erase(device);
    pinned.erase(found);
    return fault;
}

API cuMemHostGetDevicePointer_v2(Address* device, void* begin, unsigned) {
    NEED_CONTEXT();
    std::lock_guard<std::mutex> held(lock);
    auto found = pinned.find(begin);
    if (found == pinned.end() || !found->second.second) return INVALID_VALUE;
    *device = found->second.second;
    return SUCCESS;
}

API cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t n, void* s) { return upload(to, from, n, s); }
API cuMemcpyDtoHAsync_v2(void* to, Address from, size_t n, void* s) { return download(to, from, n, s); }
API cuMemcpyDtoDAsync_v2(Address to, Address from, size_t n, void* s) { return move(to, from, n, s); }
API cuMemcpyHtoD_v2(Address to, const void* from, size_t n) { return blocking(upload(to, from, n, nullptr)); }
API cuMemcpyDtoH_v2(void* to, Address from, size_t n) { return blocking(download(to, from, n, nullptr)); }
API cuMemcpyDtoD_v2(Address to, Address from, size_t n) { return blocking(move(to, from, n, nullptr)); }
API cuMemsetD8Async(Address to, unsigned char value, size_t n, void* s) { return fill(to, value, n, s); }
API cuMemsetD32Async(Address to, unsigned value, size_t n, void* s) { return fill(to, value, n, s); }
API cuMemsetD8_v2(Address to, unsigned char value, size_t n) { return blocking(fill(to, value, n, nullptr)); }
API cuMemsetD32_v2(Address to, unsigned value, size_t n) { return blocking(fill(to, value, n, nullptr)); }

API cuStreamCreate(void** handle, unsigned flags) {
    NEED_CONTEXT();
    auto* stream = new Stream;
    stream->apart = flags & 1;
    std::lock_guard<std::mutex> held(lock);
    streams[stream] = true;
    *handle = stream;
    return SUCCESS;
}

API cuStreamDestroy_v2(void* handle) {
    if (current.empty()) return INVALID_CONTEXT;
    drain(of(handle));
    std::lock_guard<std::mutex> held(lock);
    streams.erase(of(handle));
    delete of(handle);
    return fault;
}

API cuStreamSynchronize(void* handle) {
    NEED_CONTEXT();
    count("synchronises");
    drain(of(handle));
    return fault;
}

// Asked often enough, a stream gets on: one piece of work each time.
API cuStreamQuery(void* handle) {
    NEED_CONTEXT();
    count("queries");
    Stream* stream = of(handle);
    auto step = std::make_shared<Event>();
    step->done = false;
    {
        std::lock_guard<std::mutex> held(lock);
        if (stream->queue.empty()) return fault;
        if (!stream->queue.front().record) stream->queue.front().record = step;
        step = stream->queue.front().record;
    }
    drain(stream, step.get());
    return fault ? int(fault) : NOT_READY;
}

API cuStreamWaitEvent(void* handle, void* event, unsigned) {
    NEED_CONTEXT();
    auto waited = static_cast<EventHandle*>(event)->event;
    Stream* other = static_cast<EventHandle*>(event)->stream;
    if (!other || other == of(handle)) return SUCCESS;
    return enqueue(handle, [=] {
        drain(other, waited.get());
        return SUCCESS;
    });
}

API cuLaunchHostFunc(void* handle, void (*function)(void*), void* data) {
    NEED_CONTEXT();
    return enqueue(handle, [=] {
        function(data);
        return SUCCESS;
    });
}

API cuEventCreate(void** event, unsigned) {
    NEED_CONTEXT();
    *event = new EventHandle;
    return SUCCESS;
}

API cuEventDestroy_v2(void* event) {
    delete static_cast<EventHandle*>(event);
    return SUCCESS;
}

API cuEventRecord(void* event, void* handle) {
    NEED_CONTEXT();
    auto* recorded = static_cast<EventHandle*>(event);
    recorded->event = std::make_shared<Event>();
    recorded->event->done = false;
    recorded->stream = of(handle);
    std::lock_guard<std::mutex> held(lock);
    recorded->stream->queue.push_back({nullptr, recorded->event});
    return SUCCESS;
}

API cuEventSynchronize(void* event) {
    NEED_CONTEXT();
    count("synchronises");
    auto* waited = static_cast<EventHandle*>(event);
    if (waited->stream) drain(waited->stream, waited->event.get());
    return fault;
}

API cuEventQuery(void* event) {
    return static_cast<EventHandle*>(event)->event->done ? int(fault) : NOT_READY;
}

API cuEventElapsedTime_v2(float* milliseconds, void* begin, void* end) {
    auto time = [](void* event) { return static_cast<EventHandle*>(event)->event->milliseconds; };
    *milliseconds = float(time(end) - time(begin));
    return SUCCESS;
}

API cuModuleLoadDataEx(void** module, const void* image, unsigned options, const int* names, void** values) {
    NEED_CONTEXT();
    for (unsigned i = 0; i < options; i++)  // the logs: 3 and 5 are buffers, 4 and 6 their sizes
        if (names[i] == 3 || names[i] == 5) *static_cast<char*>(values[i]) = 0;
    auto* header = static_cast<const Elf64_Ehdr*>(image);
    if (memcmp(header->e_ident, ELFMAG, SELFMAG)) return INVALID_IMAGE;
    void* library = load_library(header);
    if (!library) return INVALID_IMAGE;
    if (!runs_here(library)) {
        dlclose(library);
        return NO_BINARY_FOR_GPU;
    }
    *module = new Module{library, {}};
    count("modules");
    return SUCCESS;
}

API cuModuleLoadData(void** module, const void* image) {
    return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

API cuModuleUnload(void* module) {
    drain_all(true);
    dlclose(static_cast<Module*>(module)->library);
    delete static_cast<Module*>(module);
    count("modules", -1);
    return fault;
}

API cuModuleGetFunction(void** function, void* module, const char* name) {
    NEED_CONTEXT();
    auto* owner = static_cast<Module*>(module);
    auto body = dlsym(owner->library, (std::string("host_") + name).c_str());
    auto types = dlsym(owner->library, (std::string("host_types_") + name).c_str());
    if (!body || !types) return NOT_FOUND;
    auto kernel = std::make_unique<Kernel>();
    kernel->body = reinterpret_cast<Body>(body);
    for (char type : std::string(reinterpret_cast<Types>(types)()))
        kernel->parameters.push_back(type == 'p' ? 8 : 4);
    *function = kernel.get();
    owner->kernels[name] = std::move(kernel);
    return SUCCESS;
}

API cuFuncGetAttribute(int* value, int attribute, void*) {
    *value = attribute == 0 ? 1024 : 0;
    return SUCCESS;
}

API cuFuncSetBlockShape(void*, int, int, int) { return SUCCESS; }
API cuFuncSetSharedSize(void*, unsigned) { return SUCCESS; }
API cuFuncSetCacheConfig(void*, int) { return SUCCESS; }

API cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void* stream, void** params, void** extra) {
    NEED_CONTEXT();
    bool fits = gx && gy && gz && gy < 65536 && gz < 65536 && bx && by && bz && bz <= 64;
    if (!fits || size_t(bx) * by * bz > 1024 || shared > 49152) return INVALID_VALUE;
    auto& kernel = *static_cast<Kernel*>(function);
    std::vector<std::vector<char>> values;
    if (!arguments_of(kernel, params, extra, values)) return INVALID_VALUE;
    bool fails = count("launches") == setting("FAKECUDA_FAIL_LAUNCH", 0);
    return enqueue(stream, [=, body = kernel.body] {
        return fails ? LAUNCH_FAILED : run_kernel(body, {gx, gy, gz}, {bx, by, bz}, values);
    });
}

// pycuda names these too; nothing here calls them.
#define UNSUPPORTED(name) \
    API name() { return NOT_SUPPORTED; }
UNSUPPORTED(cuArray3DCreate_v2) UNSUPPORTED(cuArray3DGetDescriptor_v2) UNSUPPORTED(cuArrayCreate_v2)
UNSUPPORTED(cuArrayDestroy) UNSUPPORTED(cuArrayGetDescriptor_v2) UNSUPPORTED(cuCtxAttach)
UNSUPPORTED(cuCtxCreate_v4) UNSUPPORTED(cuCtxDetach) UNSUPPORTED(cuCtxDisablePeerAccess)
UNSUPPORTED(cuCtxEnablePeerAccess) UNSUPPORTED(cuCtxGetCacheConfig) UNSUPPORTED(cuCtxGetLimit)
UNSUPPORTED(cuCtxGetSharedMemConfig) UNSUPPORTED(cuCtxSetCacheConfig) UNSUPPORTED(cuCtxSetLimit)
UNSUPPORTED(cuCtxSetSharedMemConfig) UNSUPPORTED(cuDeviceCanAccessPeer) UNSUPPORTED(cuDeviceGetByPCIBusId)
UNSUPPORTED(cuFuncSetAttribute) UNSUPPORTED(cuIpcCloseMemHandle) UNSUPPORTED(cuIpcGetEventHandle)
UNSUPPORTED(cuIpcGetMemHandle) UNSUPPORTED(cuIpcOpenEventHandle) UNSUPPORTED(cuIpcOpenMemHandle_v2)
UNSUPPORTED(cuLaunch) UNSUPPORTED(cuLaunchGrid) UNSUPPORTED(cuLaunchGridAsync) UNSUPPORTED(cuLinkAddData_v2)
UNSUPPORTED(cuLinkAddFile_v2) UNSUPPORTED(cuLinkComplete) UNSUPPORTED(cuLinkCreate_v2)
UNSUPPORTED(cuLinkDestroy) UNSUPPORTED(cuMemAllocManaged) UNSUPPORTED(cuMemAllocPitch_v2)
UNSUPPORTED(cuMemGetAddressRange_v2) UNSUPPORTED(cuMemHostGetFlags) UNSUPPORTED(cuMemHostRegister_v2)
UNSUPPORTED(cuMemHostUnregister) UNSUPPORTED(cuMemcpy2DAsync_v2) UNSUPPORTED(cuMemcpy2DUnaligned_v2)
UNSUPPORTED(cuMemcpy2D_v2) UNSUPPORTED(cuMemcpy3DAsync_v2) UNSUPPORTED(cuMemcpy3DPeer)
UNSUPPORTED(cuMemcpy3DPeerAsync) UNSUPPORTED(cuMemcpy3D_v2) UNSUPPORTED(cuMemcpyAtoA_v2)
UNSUPPORTED(cuMemcpyAtoD_v2) UNSUPPORTED(cuMemcpyAtoH_v2) UNSUPPORTED(cuMemcpyDtoA_v2)
UNSUPPORTED(cuMemcpyHtoA_v2) UNSUPPORTED(cuMemcpyPeer) UNSUPPORTED(cuMemcpyPeerAsync)
UNSUPPORTED(cuMemsetD16Async) UNSUPPORTED(cuMemsetD16_v2) UNSUPPORTED(cuMemsetD2D16Async)
UNSUPPORTED(cuMemsetD2D16_v2) UNSUPPORTED(cuMemsetD2D32Async) UNSUPPORTED(cuMemsetD2D32_v2)
UNSUPPORTED(cuMemsetD2D8Async) UNSUPPORTED(cuMemsetD2D8_v2) UNSUPPORTED(cuModuleGetGlobal_v2)
UNSUPPORTED(cuModuleGetSurfRef) UNSUPPORTED(cuModuleGetTexRef) UNSUPPORTED(cuModuleLoad)
UNSUPPORTED(cuParamSetSize) UNSUPPORTED(cuParamSetTexRef) UNSUPPORTED(cuParamSetf) UNSUPPORTED(cuParamSeti)
UNSUPPORTED(cuParamSetv) UNSUPPORTED(cuProfilerInitialize) UNSUPPORTED(cuProfilerStart)
UNSUPPORTED(cuProfilerStop) UNSUPPORTED(cuStreamAttachMemAsync) UNSUPPORTED(cuSurfRefGetArray)
UNSUPPORTED(cuSurfRefSetArray) UNSUPPORTED(cuTexRefCreate) UNSUPPORTED(cuTexRefDestroy)
UNSUPPORTED(cuTexRefGetAddressMode) UNSUPPORTED(cuTexRefGetAddress_v2) UNSUPPORTED(cuTexRefGetArray)
UNSUPPORTED(cuTexRefGetFilterMode) UNSUPPORTED(cuTexRefGetFlags) UNSUPPORTED(cuTexRefGetFormat)
UNSUPPORTED(cuTexRefSetAddress2D_v3) UNSUPPORTED(cuTexRefSetAddressMode) UNSUPPORTED(cuTexRefSetAddress_v2)
UNSUPPORTED(cuTexRefSetArray) UNSUPPORTED(cuTexRefSetFilterMode) UNSUPPORTED(cuTexRefSetFlags)
UNSUPPORTED(cuTexRefSetFormat)
