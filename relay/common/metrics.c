// SPDX-License-Identifier: MIT
#include "common/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "common/version.h"

static const double metrics_bounds[METRICS_BOUNDS] = {
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600,
};

void metrics_family(FILE *out, const struct metrics_family *family)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help,
		family->name, family->type);
}

static void metrics_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

/* Name and labels; @bound: of a histogram's bucket. */
static void metrics_name(FILE *out, const char *name, const char *suffix,
			 const struct metrics_label *labels, const char *bound)
{
	const char *between = "{";

	fprintf(out, "%s%s", name, suffix);
	for (; labels && labels->name; labels++) {
		fprintf(out, "%s%s=\"", between, labels->name);
		metrics_text(out, labels->value);
		fputc('"', out);
		between = ",";
	}
	if (bound)
		fprintf(out, "%sle=\"%s\"", between, bound);
	fputs(*between == ',' || bound ? "} " : " ", out);
}

void metrics_count(FILE *out, const struct metrics_family *family,
		   const struct metrics_label *labels, uint64_t count)
{
	metrics_name(out, family->name, "", labels, NULL);
	fprintf(out, "%" PRIu64 "\n", count);
}

void metrics_value(FILE *out, const struct metrics_family *family,
		   const struct metrics_label *labels, double value)
{
	metrics_name(out, family->name, "", labels, NULL);
	fprintf(out, "%.15g\n", value);
}

void metrics_histogram(FILE *out, const struct metrics_family *family,
		       const struct metrics_label *labels,
		       const struct metrics_histogram *histogram)
{
	uint64_t count = 0;
	char bound[32];

	for (int i = 0; i <= METRICS_BOUNDS; i++) {
		if (i < METRICS_BOUNDS)
			snprintf(bound, sizeof(bound), "%g", metrics_bounds[i]);
		else
			strcpy(bound, "+Inf");
		count += histogram->counts[i];
		metrics_name(out, family->name, "_bucket", labels, bound);
		fprintf(out, "%" PRIu64 "\n", count);
	}
	metrics_name(out, family->name, "_sum", labels, NULL);
	fprintf(out, "%.15g\n", histogram->sum);
	metrics_name(out, family->name, "_count", labels, NULL);
	fprintf(out, "%" PRIu64 "\n", count);
}

void metrics_single(FILE *out, const struct metrics_family *family, double value)
{
	metrics_family(out, family);
	metrics_value(out, family, NULL, value);
}

void metrics_observe(struct metrics_histogram *histogram, double seconds)
{
	int i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < METRICS_BOUNDS && seconds > metrics_bounds[i])
		i++;
	histogram->counts[i]++;
	histogram->sum += seconds;
}

void metrics_add(struct metrics_histogram *to, const struct metrics_histogram *more)
{
	for (int i = 0; i <= METRICS_BOUNDS; i++)
		to->counts[i] += more->counts[i];
	to->sum += more->sum;
}

/* Numbers of /proc/self/stat, proc(5): @start in ticks since the boot. */
static void metrics_stat(double *start, double *virtual, double *resident)
{
	unsigned long long started = 0, size = 0;
	long pages = 0;
	char line[1024];
	const char *rest = NULL;
	FILE *file = fopen("/proc/self/stat", "re");

	if (file && fgets(line, sizeof(line), file))
		rest = strrchr(line, ')');	/* the name before may have any */
	if (rest)
		sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu %llu %ld",
		       &started, &size, &pages);
	if (file)
		fclose(file);
	*start = (double)started / sysconf(_SC_CLK_TCK);
	*virtual = size;
	*resident = (double)pages * sysconf(_SC_PAGESIZE);
}

static unsigned int metrics_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int count = 0;

	if (!folder)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		count += *entry->d_name != '.';
	closedir(folder);
	return count - 1;	/* but for the folder itself */
}

/* When the machine booted, seconds since 1970. */
static double metrics_boot(void)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return now.tv_sec - up.tv_sec + (now.tv_nsec - up.tv_nsec) / 1e9;
}

static double metrics_cpu(void)
{
	struct rusage usage = {};

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void metrics_process(FILE *out)
{
	double start, virtual, resident;
	struct rlimit files = {};

	metrics_stat(&start, &virtual, &resident);
	getrlimit(RLIMIT_NOFILE, &files);
	metrics_single(out, &(struct metrics_family) { "process_cpu_seconds_total", "counter",
		"User and system CPU time of this process." }, metrics_cpu());
	metrics_single(out, &(struct metrics_family) { "process_open_fds", "gauge",
		"Open file descriptors." }, metrics_files());
	metrics_single(out, &(struct metrics_family) { "process_max_fds", "gauge",
		"File descriptors that may be open." }, files.rlim_cur);
	metrics_single(out, &(struct metrics_family) { "process_virtual_memory_bytes", "gauge",
		"Address space, rings mapped twice included." }, virtual);
	metrics_single(out, &(struct metrics_family) { "process_resident_memory_bytes", "gauge",
		"Memory, rings included." }, resident);
	metrics_single(out, &(struct metrics_family) { "process_start_time_seconds", "gauge",
		"When the process began, since 1970." }, metrics_boot() + start);
}

void metrics_program(FILE *out, const char *prefix)
{
	const struct metrics_label labels[] = {
		{ "version", PCAPRING_VERSION_STRING }, { "build", version_build() }, {},
	};
	char name[64];
	const struct metrics_family family = {
		name, "gauge", "The program's version and build; always 1.",
	};

	snprintf(name, sizeof(name), "%s_build_info", prefix);
	metrics_family(out, &family);
	metrics_count(out, &family, labels, 1);
	metrics_process(out);
}

void metrics_disk(FILE *out, const char *prefix, const char *path)
{
	struct statvfs disk;
	char name[64];

	if (statvfs(path, &disk))
		return;
	snprintf(name, sizeof(name), "%s_disk_free_bytes", prefix);
	metrics_single(out, &(struct metrics_family) { name, "gauge",
		"What the file system that is written to has room for." },
		(double)disk.f_bavail * disk.f_frsize);
	snprintf(name, sizeof(name), "%s_disk_size_bytes", prefix);
	metrics_single(out, &(struct metrics_family) { name, "gauge",
		"The size of that file system." }, (double)disk.f_blocks * disk.f_frsize);
}
