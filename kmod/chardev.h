/* SPDX-License-Identifier: GPL-2.0-only */
/* The capture device: open, read, poll, mmap, ioctl. The manual is the uapi header. */
#ifndef PCAPRING_CHARDEV_H
#define PCAPRING_CHARDEV_H

struct pcapring_capture;

int pcapring_chardev_init(void);
void pcapring_chardev_exit(void);

/* The device node of a registered capture; only by the holder of the admin lock. */
int pcapring_chardev_add(struct pcapring_capture *capture);
void pcapring_chardev_remove(struct pcapring_capture *capture);

/* Tell udev that the interface has another name. */
void pcapring_chardev_changed(struct pcapring_capture *capture);

#endif /* PCAPRING_CHARDEV_H */
