// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core waits for all who read these files before a device is gone, and
 * whoever deletes a capture waits for that: here it is always there. The files
 * know no network namespaces: what only those of a capture's own may ask for by
 * netlink is for root's eyes here.
 */

#include <linux/device.h>
#include <linux/pcapring.h>
#include <linux/sysfs.h>

#include "capture.h"
#include "pages.h"
#include "stats.h"
#include "sysfs.h"

static ssize_t uuid_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);

	return sysfs_emit(to, "%pUb\n", &capture->uuid);
}
static DEVICE_ATTR_ADMIN_RO(uuid);

static ssize_t ifname_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);
	ssize_t length;

	mutex_lock(&pcapring_captures_lock);
	length = sysfs_emit(to, "%s\n", capture->ifname);
	mutex_unlock(&pcapring_captures_lock);
	return length;
}
static DEVICE_ATTR_ADMIN_RO(ifname);

static ssize_t linktype_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);
	u32 linktype = READ_ONCE(capture->pages->info->linktype);

	if (linktype == PCAPRING_LINKTYPE_NONE)
		return sysfs_emit(to, "none\n");
	return sysfs_emit(to, "%u\n", linktype);
}
static DEVICE_ATTR_RO(linktype);

static ssize_t snaplen_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);

	return sysfs_emit(to, "%u\n", READ_ONCE(capture->tap.snaplen));
}
static DEVICE_ATTR_RO(snaplen);

static ssize_t ring_bytes_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);

	return sysfs_emit(to, "%llu\n", capture->ring_bytes);
}
static DEVICE_ATTR_RO(ring_bytes);

static ssize_t rings_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);

	return sysfs_emit(to, "%u\n", capture->tap.ring_count);
}
static DEVICE_ATTR_RO(rings);

static ssize_t mode_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);
	bool overwrite = capture->mode == PCAPRING_MODE_OVERWRITE;

	return sysfs_emit(to, "%s\n", overwrite ? "overwrite" : "normal");
}
static DEVICE_ATTR_RO(mode);

static ssize_t frozen_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);

	return sysfs_emit(to, "%d\n", READ_ONCE(capture->frozen));
}
static DEVICE_ATTR_RO(frozen);

static ssize_t reader_show(struct device *device, struct device_attribute *attribute, char *to)
{
	const struct pcapring_capture *capture = dev_get_drvdata(device);
	bool open;

	mutex_lock(&pcapring_captures_lock);
	open = capture->open;
	mutex_unlock(&pcapring_captures_lock);
	return sysfs_emit(to, "%d\n", open);
}
static DEVICE_ATTR_RO(reader);

static struct attribute *pcapring_sysfs_attrs[] = {
	&dev_attr_uuid.attr,
	&dev_attr_ifname.attr,
	&dev_attr_linktype.attr,
	&dev_attr_snaplen.attr,
	&dev_attr_ring_bytes.attr,
	&dev_attr_rings.attr,
	&dev_attr_mode.attr,
	&dev_attr_frozen.attr,
	&dev_attr_reader.attr,
	NULL
};

static const struct attribute_group pcapring_sysfs_group = {
	.attrs = pcapring_sysfs_attrs,
};

/* One for each of pcapring_stats, in the same order. */
static struct device_attribute pcapring_sysfs_stats[PCAPRING_STATS];
static struct attribute *pcapring_sysfs_stat_attrs[PCAPRING_STATS + 1];

static const struct attribute_group pcapring_sysfs_stat_group = {
	.name = "statistics",
	.attrs = pcapring_sysfs_stat_attrs,
};

const struct attribute_group *pcapring_sysfs_groups[] = {
	&pcapring_sysfs_group,
	&pcapring_sysfs_stat_group,
	NULL
};

static ssize_t pcapring_sysfs_show_stat(struct device *device, struct device_attribute *attribute,
					char *to)
{
	const struct pcapring_stat_field *field =
		&pcapring_stats[attribute - pcapring_sysfs_stats];
	struct pcapring_capture *capture = dev_get_drvdata(device);
	struct pcapring_ring_state state;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < capture->tap.ring_count; i++) {
		pcapring_ring_look(&capture->rings[i], &state);
		sum += pcapring_stats_get(&state, field);
	}
	return sysfs_emit(to, "%llu\n", sum);
}

void pcapring_sysfs_init(void)
{
	int i;

	for (i = 0; i < PCAPRING_STATS; i++) {
		pcapring_sysfs_stats[i].attr.name = pcapring_stats[i].name;
		pcapring_sysfs_stats[i].attr.mode = 0400;
		pcapring_sysfs_stats[i].show = pcapring_sysfs_show_stat;
		pcapring_sysfs_stat_attrs[i] = &pcapring_sysfs_stats[i].attr;
	}
}
