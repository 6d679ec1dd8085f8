"""How does a process give memory back? By itself it keeps most of what its largest batch has used."""

import ctypes
import gc

# Parameters of glibc's mallopt (malloc.h).
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
MIN_MAPPED_BYTES = 128 * 1024  # glibc's initial value; it raises it up to 32 MB if it may


def return_freed_memory() -> None:
    """From now on, large blocks of this process return to the system as soon as they are free.

    Otherwise each thread has a heap of its own that only grows, because small objects lie behind freed bodies of
    answers. Without glibc this does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, MIN_MAPPED_BYTES)


def return_free_pages() -> None:
    """Return the pages between small objects as well; this takes some milliseconds."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


def collect_garbage_less_often() -> None:
    """Batches make many objects and few cycles: the usual threshold looks through all of them again and again."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def free_cycles() -> None:
    """Free the young objects that refer to each other in a circle; this takes about a millisecond."""
    gc.collect(1)
