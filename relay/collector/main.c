// SPDX-License-Identifier: MIT
/* pcapring-collector: the receiving end, which writes savefiles. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log.h"
#include "common/service.h"
#include "captures.h"
#include "options.h"
#include "report.h"
#include "sensors.h"
#include "server.h"

/* However the program comes to its end, it takes the same way. */
static void main_stop(void)
{
	kill(getpid(), SIGTERM);
}

static const char *main_whose(void *captures, const char *path)
{
	return captures_whose(captures, path);
}

static struct captures *main_captures(const struct options *options, int stop_fd,
				      const char **output)
{
	return captures_open(&(struct captures_config){
		.write = options->write,
		.hold_back = options->hold_back,
		.sync = options->sync,
		.stop_fd = stop_fd,
		.output = output,
		.end = server_end,
		.send = server_send,
		.stop = main_stop,
	});
}

static struct sensors *main_sensors(const struct options *options, int stop_fd,
				    const char **output, struct captures *captures)
{
	return sensors_open(&(struct sensors_config){
		.write = options->write,
		.stop_fd = stop_fd,
		.output = output,
		.end = server_end,
		.stop = main_stop,
		.whose = main_whose,
		.context = captures,
	});
}

static bool main_run(const struct options *options, int stop_fd,
		     struct captures *captures, struct sensors *sensors)
{
	struct call_taker of_sensors, of_captures;
	const struct server_method methods[] = {
		{ "/packet_streaming.PacketStreaming/Run", &of_sensors },
		{ "/pcapring.v1.Collector/Stream", &of_captures },
		{ 0 },
	};
	struct server *server;
	bool done = false;

	sensors_taker(sensors, &of_sensors);
	captures_taker(captures, &of_captures);
	server = server_open(options->listen, methods);
	if (!server)
		return false;
	if (captures_start(captures, server_wake, server)) {
		service_ready();
		service_status("listening on %s", options->listen);
		done = server_run(server, stop_fd);
		service_stopping();
		captures_finish(captures);
	}
	server_close(server);
	return done;
}

static int main_serve(const struct options *options, int stop_fd)
{
	const char *output = NULL;
	struct captures *captures = main_captures(options, stop_fd, &output);
	struct sensors *sensors;
	int result = EXIT_FAILURE;

	if (!captures)
		return result;
	sensors = main_sensors(options, stop_fd, &output, captures);
	if (sensors) {
		if (main_run(options, stop_fd, captures, sensors))
			result = EXIT_SUCCESS;
		sensors_close(sensors);
	}
	captures_close(captures);
	return result;
}

/* A connection and a file for each sensor: as many as we may. */
static void main_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	struct options options;
	int stop_fd;

	options_parse(&options, argc, argv);
	log_open("pcapring-collector", options.verbose);
	if (options.report)
		return report_print(options.report) ? EXIT_SUCCESS : EXIT_FAILURE;
	main_raise_files();
	stop_fd = service_signals();
	if (stop_fd < 0) {
		log_error("cannot receive signals: %m");
		return EXIT_FAILURE;
	}
	return main_serve(&options, stop_fd);
}
