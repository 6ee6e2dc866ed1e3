// SPDX-License-Identifier: MIT
/* pcapring-collector: the receiving end, which writes savefiles. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log.h"
#include "common/service.h"
#include "options.h"
#include "sensors.h"
#include "server.h"

/* However the program comes to its end, it takes the same way. */
static void main_stop(void)
{
	kill(getpid(), SIGTERM);
}

static int main_serve(const struct options *options, int stop_fd)
{
	struct call_taker taker;
	struct sensors *sensors;
	struct server *server;
	int result = EXIT_FAILURE;

	sensors = sensors_open(options->write, stop_fd, server_end, main_stop);
	if (!sensors)
		return result;
	sensors_taker(sensors, &taker);
	server = server_open(options->listen, &taker);
	if (!server)
		goto out_sensors;
	service_ready();
	service_status("listening on %s", options->listen);
	if (server_run(server, stop_fd))
		result = EXIT_SUCCESS;
	service_stopping();
	server_close(server);
out_sensors:
	sensors_close(sensors);
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
	main_raise_files();
	stop_fd = service_signals();
	if (stop_fd < 0) {
		log_error("cannot receive signals: %m");
		return EXIT_FAILURE;
	}
	return main_serve(&options, stop_fd);
}
