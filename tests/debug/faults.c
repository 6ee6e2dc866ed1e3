// SPDX-License-Identifier: MIT
/*
 * faults MODULE [OPERATION...]
 *
 * Each operation on the module again and again: with its first allocation
 * failing, its second, and so on, until it goes through without a fault. (The
 * kernel's own: /proc/thread-self/fail-nth. Copies from and to user space
 * count, too.) Each time it has put up with the fault, or it fails with an
 * errno that says so, leaves nothing behind, and succeeds when tried again. In
 * the end all memory that was charged for it has been given back. MODULE is
 * the file to load. Prints TAP.
 *
 * To be run as the only process of a control group, whose memory.stat is
 * $FAULTS_CHARGES, with a device left0 and nobody else who uses the module.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <linux/pcapring.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEVICE		"/dev/pcapring0"
#define FAULTS_MAX	5000	/* more than any operation has */
#define CHARGE_SLACK	16384	/* bytes; what caches of the kernel keep */

struct operation {
	const char *name;
	void (*prepare)(void);	/* without faults */
	int (*attempt)(void);	/* 0 or errno */
	void (*undo)(void);	/* what the attempt did */
	void (*look)(void);	/* after it failed: is anything left? */
};

static int module;
static struct mnl_socket *netlink;
static uint16_t family;
static int device = -1;
static int program;
static void *map;
static char blame[200];	/* the operation is not as it should be */

static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 60, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 65535),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static void __attribute__((format(printf, 1, 2)))
blame_it(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (!blame[0])
		vsnprintf(blame, sizeof(blame), format, arguments);
	va_end(arguments);
}

/* The fault that comes, and whether it came. */

static int fault_file;
static bool fault_armed, fault_hit;

static void fault_write(unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fault_file, text, length, 0) != length &&
	    (!fault_armed || errno != EFAULT))
		err(1, "fail-nth");
	fault_armed = nth;
}

static void fault_arm(unsigned int nth)
{
	fault_hit = false;
	fault_write(nth);
}

/* The file says how many are still to go. The fault may strike us here. */
static void fault_disarm(void)
{
	char text[16] = "1";

	if (!fault_armed)
		return;
	if (pread(fault_file, text, sizeof(text) - 1, 0) < 0 && errno != EFAULT)
		err(1, "fail-nth");
	fault_hit = !strtoul(text, NULL, 10);
	fault_write(0);
}

/* Netlink: all work is done while the request is sent. */

static uint8_t request_bytes[4096];

static struct nlmsghdr *request(uint16_t type, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(request_bytes);
	struct genlmsghdr *generic;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->cmd = command;
	generic->version = PCAPRING_GENL_VERSION;
	return header;
}

/* ENOBUFS: there was no memory for the answer. */
static int exchange(mnl_cb_t see, void *data)
{
	struct nlmsghdr *header = (void *)request_bytes;
	static uint8_t answer[1 << 17];
	int more = MNL_CB_OK;
	ssize_t length;

	if (mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
		return errno;
	fault_disarm();
	while (more == MNL_CB_OK) {
		length = mnl_socket_recvfrom(netlink, answer, sizeof(answer));
		if (length < 0)
			return errno;
		more = mnl_cb_run(answer, length, 0, 0, see, data);
	}
	return more < 0 ? errno : 0;
}

static int count_message(const struct nlmsghdr *header, void *count)
{
	(void)header;
	++*(unsigned int *)count;
	return MNL_CB_OK;
}

static unsigned int capture_count(void)
{
	unsigned int count = 0;
	int error;

	request(family, PCAPRING_CMD_GET, NLM_F_DUMP);
	error = exchange(count_message, &count);
	if (error)
		blame_it("captures cannot be listed: %s", strerror(error));
	return count;
}

static int take_family(const struct nlmsghdr *header, void *unused)
{
	struct nlattr *attribute;

	(void)unused;
	mnl_attr_for_each(attribute, header, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

/* States that operations begin in; each is reached from any other. */

static void device_close(void)
{
	if (device >= 0)
		close(device);
	device = -1;
}

static void module_unload(void)
{
	device_close();
	if (syscall(SYS_delete_module, "pcapring", 0) && errno != ENOENT)
		blame_it("cannot be unloaded: %s", strerror(errno));
}

static int module_load(const char *parameters)
{
	return syscall(SYS_finit_module, module, parameters, 0) ? errno : 0;
}

static void be_loaded(void)
{
	int error = module_load("");

	if (error && error != EEXIST)
		errx(1, "cannot load the module: %s", strerror(error));
	if (error)
		return;
	request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz((void *)request_bytes, CTRL_ATTR_FAMILY_NAME,
			  PCAPRING_GENL_NAME);
	error = exchange(take_family, NULL);
	if (error)
		errx(1, "no netlink family: %s", strerror(error));
}

static struct nlmsghdr *request_new(void)
{
	struct nlmsghdr *header = request(family, PCAPRING_CMD_NEW, NLM_F_ACK);

	mnl_attr_put_strz(header, PCAPRING_A_IFNAME, "left0");
	mnl_attr_put_u32(header, PCAPRING_A_SNAPLEN, 1500);
	mnl_attr_put_u64(header, PCAPRING_A_RING_BYTES, 32768);
	mnl_attr_put_u32(header, PCAPRING_A_RINGS, 2);
	return header;
}

static void be_without_captures(void)
{
	be_loaded();
	device_close();
	if (!capture_count())
		return;
	mnl_attr_put_u32(request(family, PCAPRING_CMD_DEL, NLM_F_ACK),
			 PCAPRING_A_ID, 0);
	if (exchange(NULL, NULL) || capture_count())
		errx(1, "cannot delete the capture");
}

static void be_captured(void)
{
	be_loaded();
	if (capture_count())
		return;
	request_new();
	if (exchange(NULL, NULL))
		errx(1, "cannot create a capture");
}

static void be_captured_and_closed(void)
{
	device_close();
	be_captured();
}

static void be_open(void)
{
	be_captured();
	if (device < 0)
		device = open(DEVICE, O_RDWR | O_NONBLOCK);
	if (device < 0)
		err(1, DEVICE);
}

static void be_open_anew(void)
{
	device_close();
	be_open();
}

/* The operations. */

static int attempt_load(void)
{
	return module_load("iface=left0 ring_bytes=32k snaplen=1500 rings=2");
}

static void look_unloaded(void)
{
	if (!access("/sys/module/pcapring", F_OK))
		blame_it("/sys/module/pcapring is left");
	if (!access("/sys/class/pcapring", F_OK))
		blame_it("/sys/class/pcapring is left");
	if (!access(DEVICE, F_OK))
		blame_it(DEVICE " is left");
}

static int attempt_new(void)
{
	return exchange(NULL, NULL);
}

static void prepare_new(void)
{
	be_without_captures();
	request_new();
}

static void prepare_new_with_all(void)
{
	struct nlmsghdr *header;

	be_without_captures();
	header = request_new();
	mnl_attr_put_u32(header, PCAPRING_A_MODE, PCAPRING_MODE_OVERWRITE);
	mnl_attr_put_u8(header, PCAPRING_A_PROMISC, 1);
	mnl_attr_put_u8(header, PCAPRING_A_ALLMULTI, 1);
	mnl_attr_put_u32(header, PCAPRING_A_LIMIT_SECONDS, 3600);
	mnl_attr_put(header, PCAPRING_A_FILTER, sizeof(filter), filter);
}

static void look_without_captures(void)
{
	if (capture_count())
		blame_it("a capture is left");
	if (!access(DEVICE, F_OK))
		blame_it(DEVICE " is left");
	if (!access("/sys/class/pcapring/pcapring0", F_OK))
		blame_it("/sys/class/pcapring/pcapring0 is left");
}

static struct nlmsghdr *request_set(void)
{
	struct nlmsghdr *header;

	be_captured();
	header = request(family, PCAPRING_CMD_SET, NLM_F_ACK);
	mnl_attr_put_u32(header, PCAPRING_A_ID, 0);
	return header;
}

static void prepare_set_filter(void)
{
	mnl_attr_put(request_set(), PCAPRING_A_FILTER, sizeof(filter), filter);
}

static void prepare_set_program(void)
{
	mnl_attr_put_u32(request_set(), PCAPRING_A_FILTER_FD, program);
}

static void prepare_set_modes(void)
{
	struct nlmsghdr *header = request_set();

	mnl_attr_put_u8(header, PCAPRING_A_PROMISC, 1);
	mnl_attr_put_u8(header, PCAPRING_A_ALLMULTI, 1);
	mnl_attr_put_u32(header, PCAPRING_A_DIRECTION, PCAPRING_DIRECTION_IN);
	mnl_attr_put_u8(header, PCAPRING_A_FROZEN, 1);
}

static void undo_set(void)
{
	struct nlmsghdr *header = request_set();

	mnl_attr_put(header, PCAPRING_A_FILTER, 0, NULL);
	mnl_attr_put_u8(header, PCAPRING_A_PROMISC, 0);
	mnl_attr_put_u8(header, PCAPRING_A_ALLMULTI, 0);
	mnl_attr_put_u32(header, PCAPRING_A_DIRECTION, PCAPRING_DIRECTION_BOTH);
	mnl_attr_put_u8(header, PCAPRING_A_FROZEN, 0);
	if (exchange(NULL, NULL))
		blame_it("cannot be set back");
}

/* Filter, or filter's number, or another word that is as before. */
static int take_changes(const struct nlmsghdr *header, void *changed)
{
	struct nlattr *at;

	mnl_attr_for_each(at, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(at)) {
		case PCAPRING_A_FILTER:
		case PCAPRING_A_FILTER_ID:
			*(bool *)changed = true;
			break;
		case PCAPRING_A_PROMISC:
		case PCAPRING_A_ALLMULTI:
		case PCAPRING_A_FROZEN:
			*(bool *)changed |= mnl_attr_get_u8(at);
			break;
		case PCAPRING_A_DIRECTION:
			*(bool *)changed |= mnl_attr_get_u32(at);
			break;
		}
	}
	return MNL_CB_OK;
}

static void look_unchanged(void)
{
	bool changed = false;

	mnl_attr_put_u32(request(family, PCAPRING_CMD_GET, NLM_F_ACK),
			 PCAPRING_A_ID, 0);
	if (exchange(take_changes, &changed))
		blame_it("the capture cannot be shown");
	if (changed)
		blame_it("it failed, but something was set");
}

static void prepare_get(void)
{
	be_captured();
	mnl_attr_put_u32(request(family, PCAPRING_CMD_GET, NLM_F_ACK),
			 PCAPRING_A_ID, 0);
}

static void prepare_delete(void)
{
	be_captured_and_closed();
	mnl_attr_put_u32(request(family, PCAPRING_CMD_DEL, NLM_F_ACK),
			 PCAPRING_A_ID, 0);
}

static int attempt_open(void)
{
	device = open(DEVICE, O_RDWR | O_NONBLOCK);
	return device < 0 ? errno : 0;
}

/* Info page, and what must be writable: the consumers of both rings. */
static int attempt_map(void)
{
	map = mmap(NULL, 2 * getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED,
		   device, getpagesize());
	return map == MAP_FAILED ? errno : 0;
}

static void undo_map(void)
{
	munmap(map, 2 * getpagesize());
}

static int set_reader_filter(unsigned int length)
{
	const struct pcapring_filter argument = {
		.length = length,
		.instructions = (uintptr_t)filter,
	};

	return ioctl(device, PCAPRING_IOC_SET_FILTER, &argument) ? errno : 0;
}

static int attempt_reader_filter(void)
{
	return set_reader_filter(sizeof(filter) / sizeof(filter[0]));
}

static void undo_reader_filter(void)
{
	if (set_reader_filter(0))
		blame_it("the reader's filter cannot be taken away");
}

/* What was not given stays to be read. */
static int attempt_read(void)
{
	struct pcapring_file_header header = { 0 };
	ssize_t length = read(device, &header, sizeof(header));

	if (length < 0)
		return errno;
	if (length != sizeof(header) ||
	    header.magic != PCAPRING_FILE_MAGIC_NSEC)
		blame_it("%zd bytes of a savefile's header were read", length);
	return 0;
}

static const struct operation operations[] = {
	{ "load", module_unload, attempt_load, module_unload, look_unloaded },
	{ "new", prepare_new, attempt_new, NULL, look_without_captures },
	{ "new-with-all", prepare_new_with_all, attempt_new, NULL,
	  look_without_captures },
	{ "set-filter", prepare_set_filter, attempt_new, undo_set,
	  look_unchanged },
	{ "set-program", prepare_set_program, attempt_new, undo_set,
	  look_unchanged },
	{ "set-modes", prepare_set_modes, attempt_new, undo_set,
	  look_unchanged },
	{ "get", prepare_get, attempt_new, NULL, NULL },
	{ "delete", prepare_delete, attempt_new, NULL, NULL },
	{ "open", be_captured_and_closed, attempt_open, NULL, NULL },
	{ "map", be_open, attempt_map, undo_map, NULL },
	{ "reader-filter", be_open, attempt_reader_filter, undo_reader_filter,
	  NULL },
	{ "read", be_open_anew, attempt_read, NULL, NULL },
};

/* Bytes of kernel memory. */
static long long charged(void)
{
	FILE *file = fopen(getenv("FAULTS_CHARGES"), "r");
	char line[200];
	long long bytes = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "kernel %lld", &bytes) == 1)
			break;
	if (bytes < 0)
		err(1, "FAULTS_CHARGES");
	fclose(file);
	return bytes;
}

/* With the @nth allocation failing. False: there are fewer. */
static bool operation_try(const struct operation *operation, unsigned int nth,
			  unsigned int *errors)
{
	int error;
	bool hit;

	operation->prepare();
	fault_arm(nth);
	error = operation->attempt();
	fault_disarm();
	hit = fault_hit;
	if (error) {
		++*errors;
		if (!hit || (error != ENOMEM && error != ENOBUFS &&
			     error != EFAULT))
			blame_it("fault %u: %s", nth, strerror(error));
		/* no answer: it may have been done */
		if (operation->look && error != ENOBUFS)
			operation->look();
		if (blame[0])
			printf("# fault %u: %s\n", nth, strerror(error));
		operation->prepare();
		error = operation->attempt();
		if (error)
			blame_it("after fault %u: %s", nth, strerror(error));
	}
	if (!error && operation->undo)
		operation->undo();
	return hit;
}

static void operation_run(const struct operation *operation,
			  unsigned int number)
{
	unsigned int nth = 0, errors = 0;
	long long before, after;

	blame[0] = '\0';
	operation_try(operation, FAULTS_MAX, &errors);
	module_unload();
	before = charged();
	while (!blame[0] && operation_try(operation, ++nth, &errors))
		;
	module_unload();
	after = charged();
	if (!errors)
		blame_it("no fault did any harm");
	if (after - before > CHARGE_SLACK)
		blame_it("%lld bytes are still charged", after - before);
	printf("%sok %u - faults in %s\n", blame[0] ? "not " : "", number,
	       operation->name);
	printf("# %s%s%u faults, %u errors, %+lld bytes\n", blame,
	       blame[0] ? "; " : "", nth - 1, errors, after - before);
	fflush(stdout);
}

static int program_load(void)
{
	struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 65535 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = 2,
		.insns = (uintptr_t)instructions,
		.license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes));
}

static bool is_wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned int number = 0;
	size_t i;

	if (argc < 2)
		errx(2, "which module?");
	module = open(argv[1], O_RDONLY | O_CLOEXEC);
	fault_file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	netlink = mnl_socket_open(NETLINK_GENERIC);
	program = program_load();
	if (module < 0 || fault_file < 0 || program < 0 || !netlink ||
	    mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID))
		err(1, "module, fail-nth, program or netlink");
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (is_wanted(operations[i].name, argv + 2))
			operation_run(&operations[i], ++number);
	printf("1..%u\n", number);
	return 0;
}
