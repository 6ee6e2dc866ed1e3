/* SPDX-License-Identifier: MIT */
/*
 * As much of the kernel as kmod/ring.c and caplen.h need, in user space. The
 * kernel's barriers become those of the C11 memory model, so that
 * ThreadSanitizer understands them.
 */
#ifndef TESTS_KERNEL_H
#define TESTS_KERNEL_H

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int64_t s64;
/* that of the uapi headers, as in the kernel */
typedef unsigned long long u64;

#define ____cacheline_aligned_in_smp __attribute__((aligned(64)))

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value)	__atomic_store_n(&(x), (value), __ATOMIC_RELAXED)
#define data_race(expression)	(expression)
#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, value) __atomic_store_n((p), (value), __ATOMIC_RELEASE)

/* a fence that ThreadSanitizer knows: a read-modify-write of a common word */
extern int kernel_fence_word;
#define smp_mb()		__atomic_fetch_add(&kernel_fence_word, 1, __ATOMIC_SEQ_CST)
#define smp_wmb()		smp_mb()
#define smp_rmb()		smp_mb()

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define min(a, b)		((a) < (b) ? (a) : (b))

typedef struct {
	pthread_mutex_t mutex;
	bool held;
} spinlock_t;

static inline void spin_lock_bh(spinlock_t *lock)
{
	pthread_mutex_lock(&lock->mutex);
	lock->held = true;
}

static inline void spin_unlock_bh(spinlock_t *lock)
{
	lock->held = false;
	pthread_mutex_unlock(&lock->mutex);
}

#define lockdep_assert_held(lock) assert((lock)->held)
#define cond_resched()		((void)0)
#define fatal_signal_pending(task) false

#endif
