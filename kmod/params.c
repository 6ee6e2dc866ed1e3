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
MODULE_PARM_DESC(iface,
		 "interfaces to capture, separated by commas; they may come later; any: all");

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

static char *mode = "normal";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "what a full ring drops: normal, the newest (default), or overwrite, the oldest");

static char *direction = "both";
module_param(direction, charp, 0444);
MODULE_PARM_DESC(direction, "which packets: in, out or both (default)");

static bool promisc;
module_param(promisc, bool, 0444);
MODULE_PARM_DESC(promisc, "switch interfaces to promiscuous mode (default: no)");

static bool allmulti;
module_param(allmulti, bool, 0444);
MODULE_PARM_DESC(allmulti, "have interfaces receive all multicast packets (default: no)");

static char *tstamp = "software";
module_param(tstamp, charp, 0444);
MODULE_PARM_DESC(tstamp, "whose time stamps: software (default), or hardware, with direction=in");

static char *sample = "1";
module_param(sample, charp, 0444);
MODULE_PARM_DESC(sample, "one packet in so many (default: 1, each)");

static char *max_bytes = "0";
module_param(max_bytes, charp, 0444);
MODULE_PARM_DESC(max_bytes,
		 "bytes of all rings together, or with k, M, G; 0 (default): half of RAM");

static char *userns_bytes = "0";
module_param(userns_bytes, charp, 0444);
MODULE_PARM_DESC(userns_bytes,
		 "of these, bytes for rings that user namespaces make; 0 (default): they may make none");

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

static int pcapring_params_parse_size(const char *name, const char *value, u64 *bytes)
{
	if (pcapring_params_size(value, bytes))
		return 0;
	return pcapring_params_refuse(name, value,
				      "must be a number of bytes, or one with k, M or G");
}

static int pcapring_params_parse_memory(void)
{
	struct sysinfo memory;
	int err;

	err = pcapring_params_parse_size("max_bytes", max_bytes, &pcapring_capture_max_bytes);
	if (!err)
		err = pcapring_params_parse_size("userns_bytes", userns_bytes,
						 &pcapring_capture_userns_bytes);
	if (!err && !pcapring_capture_max_bytes) {
		si_meminfo(&memory);
		pcapring_capture_max_bytes = (u64)memory.totalram * memory.mem_unit / 2;
	}
	return err;
}

static int pcapring_params_parse_number(const char *name, const char *value, const char *reason,
					u32 *number)
{
	return kstrtou32(value, 10, number) ? pcapring_params_refuse(name, value, reason) : 0;
}

static int pcapring_params_parse_numbers(struct pcapring_config *config)
{
	int err;

	err = pcapring_params_parse_number("snaplen", snaplen,
					   "must be a number, 1 to 262144 bytes",
					   &config->snaplen);
	if (!err)
		err = pcapring_params_parse_size("ring_bytes", ring_bytes, &config->ring_bytes);
	if (!err)
		err = pcapring_params_parse_number("rings", rings, "must be a number, 0 to 64",
						   &config->rings);
	if (!err)
		err = pcapring_params_parse_number("sample", sample,
						   "must be a number, 1 (each packet) or more",
						   &config->sample);
	return err;
}

/* @words: in the order of the enum's values, NULL at the end. */
static int pcapring_params_parse_word(const char *name, const char *value,
				      const char * const *words, const char *reason, u32 *chosen)
{
	int i = match_string(words, -1, value);

	if (i < 0)
		return pcapring_params_refuse(name, value, reason);
	*chosen = i;
	return 0;
}

static int pcapring_params_parse_words(struct pcapring_config *config)
{
	static const char * const steers[] = { "cpu", "flow", NULL };
	static const char * const modes[] = { "normal", "overwrite", NULL };
	static const char * const directions[] = { "both", "in", "out", NULL };
	static const char * const tstamps[] = { "software", "hardware", "sw", "hw", NULL };
	int err;

	err = pcapring_params_parse_word("steer", steer, steers, "must be cpu or flow",
					 &config->steer);
	if (!err)
		err = pcapring_params_parse_word("mode", mode, modes,
						 "must be normal or overwrite", &config->mode);
	if (!err)
		err = pcapring_params_parse_word("direction", direction, directions,
						 "must be in, out or both", &config->direction);
	if (!err)
		err = pcapring_params_parse_word("tstamp", tstamp, tstamps,
						 "must be software (sw) or hardware (hw)",
						 &config->tstamp);
	config->tstamp %= 2; /* each has two names */
	return err;
}

static int pcapring_params_parse(struct pcapring_config *config)
{
	int err;

	pcapring_config_defaults(config);
	config->promisc = promisc;
	config->allmulti = allmulti;
	err = pcapring_params_parse_numbers(config);
	if (!err)
		err = pcapring_params_parse_words(config);
	return err;
}

static char *pcapring_params_yes = "1";

static const struct {
	u32 attribute;
	const char *name;
	char **value;
} pcapring_params_attributes[] = {
	{ PCAPRING_A_SNAPLEN, "snaplen", &snaplen },
	{ PCAPRING_A_RING_BYTES, "ring_bytes", &ring_bytes },
	{ PCAPRING_A_RINGS, "rings", &rings },
	{ PCAPRING_A_PROMISC, "promisc", &pcapring_params_yes },
	{ PCAPRING_A_ALLMULTI, "allmulti", &pcapring_params_yes },
	{ PCAPRING_A_TSTAMP, "tstamp", &tstamp },
	{ PCAPRING_A_SAMPLE, "sample", &sample },
};

/* Say what is wrong in terms of the parameters. */
static void pcapring_params_explain(const char *name, const struct pcapring_fault *fault, int err)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(pcapring_params_attributes); i++) {
		if (pcapring_params_attributes[i].attribute == fault->attribute) {
			pcapring_params_refuse(pcapring_params_attributes[i].name,
					       *pcapring_params_attributes[i].value,
					       fault->reason);
			return;
		}
	}
	if (fault->attribute == PCAPRING_A_IFNAME)
		pcapring_params_refuse("iface", name, fault->reason);
	else
		pr_err(KBUILD_MODNAME ": parameter iface=%s: no capture was made: %s (error %d)\n",
		       name, fault->reason ?: "the system refused", -err);
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
	pcapring_config_know_any(config);
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

	err = pcapring_params_parse_memory();
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
	struct pcapring_capture *capture;
	int i, err;

	for (i = 0; i < pcapring_params_count; i++) {
		struct pcapring_fault fault = {};

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
