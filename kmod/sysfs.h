/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/class/pcapring/pcapringN: a capture in files of one value each. */
#ifndef PCAPRING_SYSFS_H
#define PCAPRING_SYSFS_H

struct attribute_group;

/* Of the device class; a device's driver data is its capture. */
extern const struct attribute_group *pcapring_sysfs_groups[];

void pcapring_sysfs_init(void);

#endif /* PCAPRING_SYSFS_H */
