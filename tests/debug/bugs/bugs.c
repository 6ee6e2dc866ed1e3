// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bugs on purpose, one for each load: `insmod bugs.ko bug=NAME`. They prove
 * that the kernel that runs them has detectors, and that those see such things.
 * None harms a machine whose detectors work.
 */

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *bug = "";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "which one");

static DEFINE_SPINLOCK(bugs_one);
static DEFINE_SPINLOCK(bugs_other);
static int __rcu *bugs_pointer;

/* The compiler does not see where @start comes from, nor what for. */
static noinline void bugs_read(const char *start, size_t at)
{
	OPTIMIZER_HIDE_VAR(start);
	(void)READ_ONCE(start[at]);
}

static void bugs_out_of_bounds(void)
{
	char *bytes = kmalloc(60, GFP_KERNEL);

	if (bytes)
		bugs_read(bytes, 60);
	kfree(bytes);
}

static void bugs_use_after_free(void)
{
	char *bytes = kmalloc(64, GFP_KERNEL);
	unsigned long address = (unsigned long)bytes;

	kfree(bytes);
	if (address)
		bugs_read((char *)address, 1);
}

static void bugs_beyond_vmalloc(void)
{
	char *bytes = vmalloc(PAGE_SIZE - 64);

	if (bytes)
		bugs_read(bytes, PAGE_SIZE - 64);
	vfree(bytes);
}

static void bugs_atomic_sleep(void)
{
	spin_lock(&bugs_one);
	might_sleep();
	spin_unlock(&bugs_one);
}

static void bugs_no_rcu_lock(void)
{
	bugs_read((char *)&bugs_pointer, rcu_dereference(bugs_pointer) ? 1 : 0);
}

static void bugs_nest(spinlock_t *outer, spinlock_t *inner)
{
	spin_lock(outer);
	spin_lock(inner);
	spin_unlock(inner);
	spin_unlock(outer);
}

static void bugs_lock_order(void)
{
	bugs_nest(&bugs_one, &bugs_other);
	bugs_nest(&bugs_other, &bugs_one);
}

/* Several: a stale word on some stack may hold on to one. */
static void bugs_leak(void)
{
	int i;

	for (i = 0; i < 10; i++)
		if (!kmalloc(1234, GFP_KERNEL))
			return;
}

static void bugs_shift(void)
{
	int amount = 64;

	OPTIMIZER_HIDE_VAR(amount);
	pr_info("bugs: shifted: %d\n", 1 << amount);
}

static void bugs_timed_out(struct timer_list *timer)
{
}

/* In memory that is freed while the timer runs. */
static void bugs_free_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, bugs_timed_out, 0);
	mod_timer(timer, jiffies + HZ * 3600);
	kfree(timer);
}

/* What two threads at once do to these words, for a while. */
static unsigned long bugs_word;
static unsigned long bugs_message;
static int bugs_posted;

static int bugs_increment(void *unused)
{
	while (!kthread_should_stop()) {
		bugs_word++;
		cond_resched();
	}
	return 0;
}

/* WRITE_ONCE() where smp_store_release() should be: nothing else is wrong. */
static int bugs_post(void *unused)
{
	while (!kthread_should_stop()) {
		/* pairs with the release in bugs_collect() */
		if (!smp_load_acquire(&bugs_posted)) {
			bugs_message++;
			WRITE_ONCE(bugs_posted, 1);
		}
		cond_resched();
	}
	return 0;
}

static int bugs_collect(void *unused)
{
	while (!kthread_should_stop()) {
		/* pairs with nothing: that is the bug */
		if (smp_load_acquire(&bugs_posted)) {
			bugs_message++;
			/* pairs with the acquire in bugs_post() */
			smp_store_release(&bugs_posted, 0);
		}
		cond_resched();
	}
	return 0;
}

static void bugs_run_both(int (*one)(void *), int (*other)(void *))
{
	struct task_struct *first = kthread_run(one, NULL, "bugs_one");
	struct task_struct *second = kthread_run(other, NULL, "bugs_other");

	msleep(3000);
	if (!IS_ERR(first))
		kthread_stop(first);
	if (!IS_ERR(second))
		kthread_stop(second);
}

static void bugs_race(void)
{
	bugs_run_both(bugs_increment, bugs_increment);
}

static void bugs_no_barrier(void)
{
	bugs_run_both(bugs_post, bugs_collect);
}

static const struct {
	const char *name;
	void (*commit)(void);
} bugs_table[] = {
	{ "out-of-bounds", bugs_out_of_bounds },
	{ "use-after-free", bugs_use_after_free },
	{ "beyond-vmalloc", bugs_beyond_vmalloc },
	{ "atomic-sleep", bugs_atomic_sleep },
	{ "no-rcu-lock", bugs_no_rcu_lock },
	{ "lock-order", bugs_lock_order },
	{ "leak", bugs_leak },
	{ "shift", bugs_shift },
	{ "free-timer", bugs_free_timer },
	{ "race", bugs_race },
	{ "no-barrier", bugs_no_barrier },
};

static int __init bugs_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs_table); i++) {
		if (strcmp(bug, bugs_table[i].name))
			continue;
		bugs_table[i].commit();
		return 0;
	}
	return -EINVAL;
}

static void __exit bugs_exit(void)
{
}

module_init(bugs_init);
module_exit(bugs_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Bugs on purpose");
