// SPDX-License-Identifier: GPL-2.0-only

#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "capture.h"
#include "chardev.h"
#include "pages.h"
#include "reader.h"
#include "sysfs.h"

static int pcapring_chardev_major;

/*
 * What a reader is told holds for all that it reads: for records, too, that
 * were written before the snaplen was lowered.
 */
static void pcapring_chardev_tell_snaplen(struct pcapring_capture *capture)
{
	u32 *told = &capture->pages->info->snaplen;

	if (pcapring_capture_is_empty(capture) || capture->tap.snaplen > *told)
		*told = capture->tap.snaplen;
}

/* Take the capture for this file, the only one. */
static struct pcapring_capture *pcapring_chardev_claim(u32 id)
{
	struct pcapring_capture *capture;

	mutex_lock(&pcapring_captures_lock);
	capture = pcapring_capture_find(id);
	if (!capture) {
		capture = ERR_PTR(-ENODEV);
	} else if (capture->open) {
		capture = ERR_PTR(-EBUSY);
	} else {
		pcapring_capture_get(capture);
		capture->open = true;
		pcapring_chardev_tell_snaplen(capture);
		strscpy(capture->pages->info->ifname, capture->ifname, IFNAMSIZ);
	}
	mutex_unlock(&pcapring_captures_lock);
	return capture;
}

static void pcapring_chardev_set_filter(struct pcapring_capture *capture,
					struct pcapring_filter_new *filter)
{
	mutex_lock(&pcapring_captures_lock);
	pcapring_filter_swap(&capture->tap.reader_filter, filter);
	mutex_unlock(&pcapring_captures_lock);
	pcapring_filter_discard(filter);
}

static void pcapring_chardev_unclaim(struct pcapring_capture *capture)
{
	struct pcapring_filter_new none = {};

	pcapring_chardev_set_filter(capture, &none);
	mutex_lock(&pcapring_captures_lock);
	capture->open = false;
	mutex_unlock(&pcapring_captures_lock);
	pcapring_capture_put(capture);
}

static int pcapring_chardev_open(struct inode *inode, struct file *file)
{
	struct pcapring_capture *capture;
	struct pcapring_reader *reader;
	int err;
	u32 i;

	reader = kzalloc(sizeof(*reader), GFP_KERNEL_ACCOUNT);
	if (!reader)
		return -ENOMEM;
	capture = pcapring_chardev_claim(iminor(inode));
	if (IS_ERR(capture)) {
		err = PTR_ERR(capture);
		goto free;
	}
	for (i = 0; i < capture->tap.ring_count; i++) {
		err = pcapring_ring_settle(&capture->rings[i], capture->pages->info->snaplen);
		if (err)
			goto unclaim;
	}
	reader->capture = capture;
	mutex_init(&reader->lock);
	file->private_data = reader;
	return stream_open(inode, file);

unclaim:
	pcapring_chardev_unclaim(capture);
free:
	kfree(reader);
	return err;
}

/* Comes after the last mapping is gone, which holds the file. */
static int pcapring_chardev_release(struct inode *inode, struct file *file)
{
	struct pcapring_reader *reader = file->private_data;

	pcapring_chardev_unclaim(reader->capture);
	mutex_destroy(&reader->lock);
	kfree(reader);
	return 0;
}

static int pcapring_chardev_wait(struct pcapring_reader *reader)
{
	struct pcapring_capture *capture = reader->capture;

	return wait_event_interruptible(capture->tap.wait,
					pcapring_reader_readable(reader) ||
					pcapring_reader_is_refused(reader) ||
					READ_ONCE(capture->deleted));
}

static ssize_t pcapring_chardev_read_once(struct pcapring_reader *reader, char __user *to,
					  size_t count, bool nonblock)
{
	ssize_t filled;

	/* another thread reads: its turn may be long */
	if (nonblock) {
		if (!mutex_trylock(&reader->lock))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&reader->lock)) {
		return -ERESTARTSYS;
	}
	filled = pcapring_reader_fill(reader, to, count);
	mutex_unlock(&reader->lock);
	return filled;
}

static ssize_t pcapring_chardev_read_some(struct pcapring_reader *reader, char __user *to,
					  size_t count, bool nonblock)
{
	ssize_t filled;
	bool deleted;
	int err;

	for (;;) {
		/* before the look: what came before deletion is still given */
		deleted = READ_ONCE(reader->capture->deleted);
		/* the hook was gone before deleted was set: head is final */
		smp_rmb();
		filled = pcapring_chardev_read_once(reader, to, count, nonblock);
		if (filled || deleted || pcapring_reader_is_at_end(reader))
			return filled;
		if (nonblock)
			return -EAGAIN;
		err = pcapring_chardev_wait(reader);
		if (err)
			return err;
	}
}

static ssize_t pcapring_chardev_read(struct file *file, char __user *to, size_t count,
				     loff_t *position)
{
	struct pcapring_reader *reader = file->private_data;
	ssize_t filled;

	if (!count)
		return 0;
	if (!atomic_inc_unless_negative(&reader->use))
		return -EBUSY;
	filled = pcapring_chardev_read_some(reader, to, count, file->f_flags & O_NONBLOCK);
	atomic_dec(&reader->use);
	return filled;
}

static __poll_t pcapring_chardev_poll(struct file *file, struct poll_table_struct *table)
{
	struct pcapring_reader *reader = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &reader->capture->tap.wait, table);
	if (pcapring_reader_readable(reader))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(reader->capture->deleted))
		events |= EPOLLHUP;
	return events;
}

static long pcapring_chardev_ioctl_filter(struct pcapring_reader *reader,
					  const struct pcapring_filter __user *from)
{
	struct sock_filter *instructions = NULL;
	struct pcapring_filter_new filter;
	struct pcapring_filter request;
	int err;

	if (copy_from_user(&request, from, sizeof(request)))
		return -EFAULT;
	if (request.reserved || request.length > BPF_MAXINSNS)
		return -EINVAL;
	if (request.length) {
		instructions = memdup_user(u64_to_user_ptr(request.instructions),
					   request.length * sizeof(*instructions));
		if (IS_ERR(instructions))
			return PTR_ERR(instructions);
	}
	err = pcapring_filter_prepare(&filter, instructions, request.length);
	if (!err)
		pcapring_chardev_set_filter(reader->capture, &filter);
	kfree(instructions);
	return err;
}

static long pcapring_chardev_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	switch (command) {
	case PCAPRING_IOC_SET_FILTER:
		return pcapring_chardev_ioctl_filter(file->private_data,
						     (void __user *)argument);
	default:
		return -ENOTTY;
	}
}

/* A mapping was copied: split in two, or moved. */
static void pcapring_chardev_vma_open(struct vm_area_struct *vma)
{
	struct pcapring_reader *reader = vma->vm_private_data;

	atomic_dec(&reader->use);
}

static void pcapring_chardev_vma_close(struct vm_area_struct *vma)
{
	struct pcapring_reader *reader = vma->vm_private_data;

	if (!atomic_inc_return(&reader->use))
		pcapring_reader_unmapped(reader);
}

static const struct vm_operations_struct pcapring_chardev_consumer_ops = {
	.open = pcapring_chardev_vma_open,
	.close = pcapring_chardev_vma_close,
};

/*
 * Called with mmap_lock held, which read takes inside of reader->lock when it
 * faults: nothing here may take that lock.
 */
static int pcapring_chardev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pcapring_reader *reader = file->private_data;
	const struct pcapring_pages *pages = reader->capture->pages;
	unsigned long count = vma_pages(vma);
	bool consumers;
	int err;

	if (READ_ONCE(reader->capture->deleted))
		return -ENODEV;
	if (!(vma->vm_flags & VM_MAYSHARE) ||
	    !pcapring_pages_exist(pages, vma->vm_pgoff, count))
		return -EINVAL;
	if (!pcapring_pages_only_consumers(pages, vma->vm_pgoff, count)) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	consumers = pcapring_pages_have_consumers(pages, vma->vm_pgoff, count);
	if (consumers && !atomic_dec_unless_positive(&reader->use))
		return -EBUSY;

	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP);
	err = pcapring_pages_map(pages, vma);
	if (err) {
		if (consumers)
			atomic_inc(&reader->use);
		return err;
	}
	if (consumers) {
		vma->vm_private_data = reader;
		vma->vm_ops = &pcapring_chardev_consumer_ops;
	}
	return 0;
}

static const struct file_operations pcapring_chardev_ops = {
	.owner = THIS_MODULE,
	.open = pcapring_chardev_open,
	.release = pcapring_chardev_release,
	.read = pcapring_chardev_read,
	.poll = pcapring_chardev_poll,
	.unlocked_ioctl = pcapring_chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = pcapring_chardev_mmap,
};

static struct class pcapring_chardev_class = {
	.name = "pcapring",
	.dev_groups = pcapring_sysfs_groups,
};

int pcapring_chardev_add(struct pcapring_capture *capture)
{
	dev_t number = MKDEV(pcapring_chardev_major, capture->id);
	struct device *device;

	device = device_create(&pcapring_chardev_class, NULL, number, capture, "pcapring%u",
			       capture->id);
	if (IS_ERR(device))
		return PTR_ERR(device);
	mutex_lock(&pcapring_captures_lock);
	capture->device = device;
	mutex_unlock(&pcapring_captures_lock);
	return 0;
}

void pcapring_chardev_remove(struct pcapring_capture *capture)
{
	if (capture->device)
		device_destroy(&pcapring_chardev_class,
			       MKDEV(pcapring_chardev_major, capture->id));
}

void pcapring_chardev_changed(struct pcapring_capture *capture)
{
	lockdep_assert_held(&pcapring_captures_lock);
	if (capture->device && !capture->deleted)
		kobject_uevent(&capture->device->kobj, KOBJ_CHANGE);
}

int pcapring_chardev_init(void)
{
	int err;

	pcapring_sysfs_init();
	err = class_register(&pcapring_chardev_class);
	if (err)
		return err;
	pcapring_chardev_major = __register_chrdev(0, 0, PCAPRING_CAPTURES_MAX, "pcapring",
						   &pcapring_chardev_ops);
	if (pcapring_chardev_major >= 0)
		return 0;
	class_unregister(&pcapring_chardev_class);
	return pcapring_chardev_major;
}

void pcapring_chardev_exit(void)
{
	__unregister_chrdev(pcapring_chardev_major, 0, PCAPRING_CAPTURES_MAX, "pcapring");
	class_unregister(&pcapring_chardev_class);
}
