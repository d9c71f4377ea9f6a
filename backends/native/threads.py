"""The thread pool of native loops: one library, whose function `gradcore_share` all loops call.

Idle threads sleep.  The caller and the woken threads take small parts of a loop until none is left; then the caller
waits for the parts that others have begun.  OpenMP would divide the loop in advance and wait for every thread, and its
threads would spin between loops on cores that others need, such as the threads of NumPy's matrix products.

On a busy machine the system may suspend a thread in a part for many times the duration of the loop.  After such a wait,
the caller runs loops alone for a while.
"""

from __future__ import annotations

import ctypes
import functools
import os

from ..errors import BackendUnavailable
from .build import library

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_used = CORES
# Waking a second thread takes about as long as computing this many elements.
PARALLEL_FROM = 1 << 16


@functools.lru_cache(maxsize=None)
def share_address() -> int:
    """The address of `gradcore_share`, or 0 without POSIX threads: loops then run on one thread."""
    try:
        pool = library(_POOL)
    except BackendUnavailable:
        return 0
    pool.gradcore_use_cores(ctypes.c_long(_used))
    return ctypes.cast(pool.gradcore_share, ctypes.c_void_p).value or 0


def use_cores(count: int) -> None:
    """Set the number of threads of loops, the caller's included."""
    global _used
    _used = count
    if share_address.cache_info().currsize and share_address():
        library(_POOL).gradcore_use_cores(ctypes.c_long(count))


# Part of a loop's source: calls part(begin, end) for parts of 0...n, on several threads if `is_worth_it`.  Parts are
# multiples of `unit`, so that no two threads write to one cache line.
IN_PARTS = """\
typedef void (*Share)(long n, long unit, void (*run)(const void* part, long begin, long end), const void* part);
template <class Part> inline void in_parts(void* share, long n, long unit, bool is_worth_it, const Part& part) {
    if (share == 0 || !is_worth_it) part(0, n);
    else ((Share)share)(n, unit, [](const void* p, long begin, long end) { (*(const Part*)p)(begin, end); }, &part);
}
"""

_POOL = r"""
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
namespace {
const long SPIN = 50000, PATIENCE = 500000, ALONE = 50, MOST_ALONE = 1000000000;  // nanoseconds; ALONE is a factor
const long PARTS_OF_A_THREAD = 16;

struct Task {
    void (*run)(const void*, long, long);
    const void* part;
    long n, step, next;  // next: the first element that nobody has begun
    int helpers;  // threads that are at it, beside the caller
    Task* below;
};
struct Pool {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t has_task = PTHREAD_COND_INITIALIZER, is_left = PTHREAD_COND_INITIALIZER;
    Task* top = 0;  // the tasks that have parts to begin
    long threads = 0, started_for = 1;  // so many, and for how many cores
    long alone_until = 0;  // until then nobody is asked for help
};
long cores = 1;
Pool* pool;  // never freed: its threads may outlive the end of the program

long now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}
void run_parts(Task& task) {
    for (;;) {
        const long begin = __atomic_fetch_add(&task.next, task.step, __ATOMIC_RELAXED);
        if (begin >= task.n) return;
        task.run(task.part, begin, begin + task.step < task.n ? begin + task.step : task.n);
    }
}
void take_out(Pool& pool, Task& task) {
    for (Task** place = &pool.top; *place; place = &(*place)->below)
        if (*place == &task) { *place = task.below; return; }
}
void* work(void* argument) {
    Pool& pool = *(Pool*)argument;
#ifdef SCHED_BATCH
    const sched_param none = {};
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);  // waking takes no core from a thread that runs
#endif
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (!pool.top || pool.top->helpers >= cores - 1) pthread_cond_wait(&pool.has_task, &pool.lock);
        Task& task = *pool.top;
        __atomic_fetch_add(&task.helpers, 1, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&pool.lock);
        run_parts(task);
        pthread_mutex_lock(&pool.lock);
        take_out(pool, task);
        if (__atomic_sub_fetch(&task.helpers, 1, __ATOMIC_RELEASE) == 0) pthread_cond_broadcast(&pool.is_left);
    }
}
void start(Pool& pool) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the program's own threads
    pthread_t thread;
    for (; pool.threads < cores - 1 && !pthread_create(&thread, 0, work, &pool); ++pool.threads)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    pool.started_for = cores;
}
void wait_for_helpers(Pool& pool, Task& task) {
    const long begin = now();
    while (__atomic_load_n(&task.helpers, __ATOMIC_ACQUIRE) && now() - begin < SPIN) {}
    pthread_mutex_lock(&pool.lock);
    take_out(pool, task);
    while (task.helpers) pthread_cond_wait(&pool.is_left, &pool.lock);
    const long end = now(), waited = end - begin;
    if (waited > PATIENCE) pool.alone_until = end + (ALONE * waited < MOST_ALONE ? ALONE * waited : MOST_ALONE);
    pthread_mutex_unlock(&pool.lock);
}
void renew() { pool = new Pool; }  // threads do not survive a fork
__attribute__((constructor)) void load() { renew(); pthread_atfork(0, 0, renew); }
}
#define EXPORTED extern "C" __attribute__((visibility("default")))
EXPORTED void gradcore_use_cores(long count) { cores = count; }
EXPORTED void gradcore_share(long n, long unit, void (*run)(const void*, long, long), const void* part) {
    Pool& pool = *::pool;
    Task task = {run, part, n, 0, 0, 0, 0};
    pthread_mutex_lock(&pool.lock);
    if (pool.started_for < cores) start(pool);
    const long helpers = pool.threads < cores - 1 ? pool.threads : cores - 1;
    if (helpers < 1 || now() < pool.alone_until) {
        pthread_mutex_unlock(&pool.lock);
        run(part, 0, n);
        return;
    }
    const long parts = PARTS_OF_A_THREAD * (helpers + 1);
    task.step = ((n + parts - 1) / parts + unit - 1) / unit * unit;
    task.below = pool.top;
    pool.top = &task;
    pthread_mutex_unlock(&pool.lock);
    pthread_cond_broadcast(&pool.has_task);
    run_parts(task);
    wait_for_helpers(pool, task);
}
"""
