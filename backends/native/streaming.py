"""Non-temporal stores, for results that do not fit in the caches.

An ordinary store first reads the cache line that it writes to, and evicts others.  Loops over arrays larger than the
last-level cache therefore compute a block in the first-level cache and copy it to memory past the caches.
"""

from __future__ import annotations

import functools
from pathlib import Path

BLOCK = 512  # elements


@functools.lru_cache(maxsize=None)
def cache_bytes() -> int:
    """The size of the last-level cache, or a typical one if the system does not tell."""
    try:
        sizes = [path.read_text() for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")]
        return max(int(size.strip().removesuffix("K")) << 10 for size in sizes)
    except (OSError, ValueError):
        return 1 << 25


# stream(to, from, bytes): a copy past the caches, if the processor has such stores.  fetch_ahead(block): prefetches the
# block after the next one, since the stores interrupt the processor's own prefetching.
STREAM = f"""\
const long BLOCK = {BLOCK};""" + """
#if defined(__AVX512F__)
typedef long long Line __attribute__((vector_size(64)));
#elif defined(__AVX__)
typedef long long Line __attribute__((vector_size(32)));
#else
typedef long long Line __attribute__((vector_size(16)));
#endif
inline void store_past(Line* to, Line line) {
#if defined(__clang__)
    __builtin_nontemporal_store(line, to);
#elif defined(__AVX512F__)
    __builtin_ia32_movntdq512(to, line);
#elif defined(__AVX__)
    __builtin_ia32_movntdq256(to, line);
#elif defined(__SSE2__)
    __builtin_ia32_movntdq(to, line);
#else
    *to = line;
#endif
}
inline void stream(void* to, const void* from, long bytes) {
    const long ahead = -(long)to & (sizeof(Line) - 1), head = ahead < bytes ? ahead : bytes;
    __builtin_memcpy(to, from, head);
    char* target = (char*)to + head;
    const char* source = (const char*)from + head;
    for (bytes -= head; bytes >= (long)sizeof(Line); bytes -= sizeof(Line)) {
        Line line;
        __builtin_memcpy(&line, source, sizeof(Line));
        store_past((Line*)target, line);
        target += sizeof(Line), source += sizeof(Line);
    }
    __builtin_memcpy(target, source, bytes);
}
template <class T> inline void fetch_ahead(const T* block) {
    for (long i = 2 * BLOCK; i < 3 * BLOCK; i += 64 / sizeof(T)) __builtin_prefetch(block + i);
}
inline void finish_streams() {  // before another thread reads what was written
#if defined(__SSE2__)
    __builtin_ia32_sfence();
#endif
}
"""
