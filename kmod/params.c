// SPDX-License-Identifier: GPL-2.0-only

#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pcapring.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "admin.h"
#include "capture.h"
#include "params.h"

static char *iface;
module_param(iface, charp, 0444);
MODULE_PARM_DESC(iface, "interfaces to capture, separated by commas; they may come later");

static char *snaplen = __stringify(PCAPRING_SNAPLEN_MAX);
module_param(snaplen, charp, 0444);
MODULE_PARM_DESC(snaplen, "most bytes kept of a packet, 1 to 262144 (default)");

static char *ring_bytes = "32M";
module_param(ring_bytes, charp, 0444);
MODULE_PARM_DESC(ring_bytes, "bytes of each ring, or with k, M, G; a power of two (default: 32M)");

static char *rings = "0";
module_param(rings, charp, 0444);
MODULE_PARM_DESC(rings, "number of rings, 1 to 64; 0 (default): one for each receive queue");

static char *steer = "cpu";
module_param(steer, charp, 0444);
MODULE_PARM_DESC(steer, "what selects the ring: cpu (default) or flow");

static bool promisc;
module_param(promisc, bool, 0444);
MODULE_PARM_DESC(promisc, "switch interfaces to promiscuous mode (default: no)");

static char *max_bytes = "0";
module_param(max_bytes, charp, 0444);
MODULE_PARM_DESC(max_bytes,
		 "bytes of all rings together, or with k, M, G; 0 (default): half of RAM");

/* From init to start or discard; only the thread that loads the module. */
#define PCAPRING_PARAMS_MAX 64
static struct pcapring_capture *pcapring_params_captures[PCAPRING_PARAMS_MAX];
static int pcapring_params_count;

static int pcapring_params_refuse(const char *name, const char *value, const char *reason)
{
	pr_err(KBUILD_MODNAME ": parameter %s=%s: %s\n", name, value, reason);
	return -EINVAL;
}

/* False: not a number, with a unit or not. */
static bool pcapring_params_size(const char *text, u64 *bytes)
{
	char *end;

	if (!isdigit(*text))
		return false;
	*bytes = memparse(text, &end);
	return !*end;
}

static int pcapring_params_parse_max_bytes(void)
{
	struct sysinfo memory;

	if (!pcapring_params_size(max_bytes, &pcapring_capture_max_bytes))
		return pcapring_params_refuse("max_bytes", max_bytes,
					      "must be a number of bytes, or one with k, M or G");
	if (!pcapring_capture_max_bytes) {
		si_meminfo(&memory);
		pcapring_capture_max_bytes = (u64)memory.totalram * memory.mem_unit / 2;
	}
	return 0;
}

static int pcapring_params_parse(struct pcapring_config *config)
{
	pcapring_config_defaults(config);
	config->promisc = promisc;
	if (kstrtou32(snaplen, 10, &config->snaplen))
		return pcapring_params_refuse("snaplen", snaplen,
					      "must be a number, 1 to 262144 bytes");
	if (!pcapring_params_size(ring_bytes, &config->ring_bytes))
		return pcapring_params_refuse("ring_bytes", ring_bytes,
					      "must be a number of bytes, or one with k, M or G");
	if (kstrtou32(rings, 10, &config->rings))
		return pcapring_params_refuse("rings", rings, "must be a number, 0 to 64");
	if (!strcmp(steer, "flow"))
		config->steer = PCAPRING_STEER_FLOW;
	else if (strcmp(steer, "cpu"))
		return pcapring_params_refuse("steer", steer, "must be cpu or flow");
	return 0;
}

/* Say what is wrong in terms of the parameters. */
static void pcapring_params_explain(const char *name, const struct pcapring_fault *fault, int err)
{
	switch (fault->attribute) {
	case PCAPRING_A_IFNAME:
		pcapring_params_refuse("iface", name, fault->reason);
		break;
	case PCAPRING_A_SNAPLEN:
		pcapring_params_refuse("snaplen", snaplen, fault->reason);
		break;
	case PCAPRING_A_RING_BYTES:
		pcapring_params_refuse("ring_bytes", ring_bytes, fault->reason);
		break;
	case PCAPRING_A_RINGS:
		pcapring_params_refuse("rings", rings, fault->reason);
		break;
	default:
		pr_err(KBUILD_MODNAME ": parameter iface=%s: no capture was made: %s (error %d)\n",
		       name, fault->reason ?: "the system refused", -err);
	}
}

static int pcapring_params_create_one(struct pcapring_config *config, const char *name)
{
	struct pcapring_capture *capture;
	struct pcapring_fault fault = {};
	int err;

	if (pcapring_params_count == PCAPRING_PARAMS_MAX)
		return pcapring_params_refuse("iface", name, "is one name too many: 64 at most");
	/* a name that was cut would be another one */
	if (strscpy(config->ifname, name, sizeof(config->ifname)) < 0)
		config->ifname[0] = '\0';
	err = pcapring_config_check(config, &fault);
	if (!err) {
		capture = pcapring_capture_create(&init_net, config, &fault);
		err = PTR_ERR_OR_ZERO(capture);
	}
	if (err)
		pcapring_params_explain(name, &fault, err);
	else
		pcapring_params_captures[pcapring_params_count++] = capture;
	return err;
}

static int pcapring_params_create(struct pcapring_config *config)
{
	char *names, *rest, *name;
	int err = 0;

	names = kstrdup(iface, GFP_KERNEL);
	if (!names)
		return -ENOMEM;
	rest = names;
	while (!err && (name = strsep(&rest, ",")))
		err = pcapring_params_create_one(config, name);
	kfree(names);
	return err;
}

int pcapring_params_init(void)
{
	struct pcapring_config config;
	int err;

	err = pcapring_params_parse_max_bytes();
	if (!err)
		err = pcapring_params_parse(&config);
	if (!err && iface)
		err = pcapring_params_create(&config);
	if (err)
		pcapring_params_discard();
	return err;
}

void pcapring_params_start(void)
{
	struct pcapring_filter_new no_filter = {};
	struct pcapring_fault fault = {};
	struct pcapring_capture *capture;
	int i, err;

	for (i = 0; i < pcapring_params_count; i++) {
		capture = pcapring_params_captures[i];
		err = pcapring_admin_start(capture, &no_filter, &fault);
		if (err)
			pcapring_params_explain(capture->ifname, &fault, err);
	}
	pcapring_params_discard();
}

/* The register has references of its own to those that began. */
void pcapring_params_discard(void)
{
	while (pcapring_params_count)
		pcapring_capture_put(pcapring_params_captures[--pcapring_params_count]);
}
