// SPDX-License-Identifier: MIT
/* pcapring-collector: the receiving end, which writes savefiles. */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/config.h"
#include "common/keeper.h"
#include "common/log.h"
#include "common/service.h"
#include "records/captures.h"
#include "records/epochs.h"
#include "gate.h"
#include "health.h"
#include "options.h"
#include "output.h"
#include "packets/plain.h"
#include "reload.h"
#include "report.h"
#include "packets/sensors.h"
#include "server/server.h"
#include "sight/census.h"
#include "sight/roster.h"
#include "sight/sight.h"
#include "trust.h"

/* Of --max-memory, one part in so many is for what waits for older records. */
#define MAIN_HELD_PART		4

#define MAIN_MEMORY_KEPT	(64 << 20)	/* bytes, that are free */

/* However the program comes to its end, it takes the same way. */
static void main_stop(void)
{
	kill(getpid(), SIGTERM);
}

static const char *main_whose(void *epochs, const char *path)
{
	return epochs_whose(epochs, path);
}

static struct epochs *main_epochs(const struct options *options, struct output *output)
{
	const struct options_files *files = &options->files;

	return epochs_open(&(struct epochs_config){
		.store = {
			.write = options->write,
			.directory = files->directory,
			.name = files->name,
			.series = { .size = files->rotate_size,
				    .packets = files->rotate_packets,
				    .interval = files->rotate_time },
			.keep = { .files = files->keep_files, .bytes = files->keep_size,
				  .free = files->free_space },
			.finish = { .compress = files->compress,
				    .command = files->after_rotate },
			.sync = options->sync,
		},
		.hold_back = options->hold_back,
		.held = options->limits.memory / MAIN_HELD_PART,
		.output = output,
	});
}

static struct captures *main_captures(struct output *output, struct epochs *epochs,
				      struct roster *roster)
{
	return captures_open(&(struct captures_config){
		.epochs = epochs,
		.output = output,
		.roster = roster,
		.end = rpc_end,
		.admit = rpc_admit,
		.complain = rpc_complain,
		.send = rpc_send,
	});
}

static struct sensors *main_sensors(const struct options *options,
				    struct output *output, struct epochs *epochs,
				    struct roster *roster)
{
	return sensors_open(&(struct sensors_config){
		.write = options->write,
		.output = output,
		.room = epochs_room(epochs),
		.roster = roster,
		.end = rpc_end,
		.admit = rpc_admit,
		.complain = rpc_complain,
		.whose = main_whose,
		.context = epochs,
	});
}

/* What the server's thread does for others, in its turn. */
static void main_turn(void *reload)
{
	keeper_round();
	reload_turn(reload);
}

/* What there is to take calls, and what it stands on. */
struct main_house {
	const struct options *options;
	const struct config *config;
	const struct service_heard *signals;
	struct tls *tls;
	struct output output;
	struct health *health;
	struct roster *roster;
	struct epochs *epochs;
	struct captures *captures;
	struct sensors *sensors;	/* or plain, where there is a directory */
	struct plain *plain;
	struct gate *gate;
};

static struct health *main_health(void)
{
	static const char *const services[] = {
		"packet_streaming.PacketStreaming", "pcapring.v1.Collector", NULL
	};

	return health_open(&(struct health_config){
		.services = services,
		.end = rpc_end,
		.complain = rpc_complain,
		.send = rpc_send,
	});
}

/* Of a disk. */
static void main_full(void *health, bool full)
{
	health_set(health, !full);
}

static void main_build_packets(struct main_house *house)
{
	const struct options *options = house->options;

	if (options->write)
		house->sensors = main_sensors(options, &house->output, house->epochs,
					      house->roster);
	else
		house->plain = plain_open(&(struct plain_config){
			.epochs = house->epochs,
			.roster = house->roster,
			.end = rpc_end,
			.admit = rpc_admit,
			.complain = rpc_complain,
			.wake = captures_wake,
			.context = house->captures,
		});
}

static bool main_build(struct main_house *house)
{
	const struct options *options = house->options;

	house->health = main_health();
	if (house->health)
		house->roster = roster_open();
	if (house->roster)
		house->epochs = main_epochs(options, &house->output);
	if (house->epochs && epochs_room(house->epochs))
		room_tell(epochs_room(house->epochs), main_full, house->health);
	if (house->epochs)
		house->captures = main_captures(&house->output, house->epochs, house->roster);
	if (house->captures)
		main_build_packets(house);
	if (house->sensors || house->plain)
		house->gate = gate_open(&options->access, &options->limits);
	return house->gate;
}

static void main_tear_down(struct main_house *house)
{
	if (house->gate)
		gate_close(house->gate);
	if (house->sensors)
		sensors_close(house->sensors);
	if (house->plain)
		plain_close(house->plain);
	if (house->captures)
		captures_close(house->captures);
	if (house->epochs)
		epochs_close(house->epochs);
	if (house->roster)
		roster_close(house->roster);
	if (house->health)
		health_close(house->health);
}

/* @reload was not opened yet: its turn comes only once the server runs. */
static struct server *main_open_server(struct main_house *house,
				       const struct rpc_method *methods,
				       struct reload *reload)
{
	const struct options *options = house->options;

	return server_open(&(struct server_config){
		.listen = options->listen,
		.tls = options->tls_key ? house->tls : NULL,
		.tokens = access_has_tokens(&options->access),
		.gate = house->gate,
		.methods = methods,
		.turn = main_turn,
		.context = reload,
	});
}

static bool main_open_sight(struct sight *sight, const struct main_house *house,
			    struct server *server)
{
	census_begin(house->roster, house->epochs);
	return sight_open(sight, house->roster, &(struct sight_config){
		.http = house->options->metrics,
		.write = house->options->write,
		.directory = house->options->files.directory,
		.quiet = house->options->quiet,
		.wake = server_wake,
		.context = server,
	});
}

/* The service's side: the keeper looks after this thread and those it knows of. */
static bool main_serve_kept(const struct main_house *house, struct server *server,
			    struct reload *reload, struct sight *sight)
{
	bool done = false;

	keeper_join("server", server_wake, server);
	if (keeper_start(&(struct keeper_config){
			.reloads = house->signals->reloads,
			.reload = reload_run,
			.context = reload,
			.look = sight_look,
			.looked_at = sight,
		})) {
		service_ready();
		service_status("listening on %s", house->options->listen);
		done = server_run(server, house->signals->end);
		service_stopping();
	}
	reload_end(reload);
	roster_stop(house->roster);
	keeper_stop();
	keeper_leave();
	return done;
}

static bool main_run(struct main_house *house)
{
	struct call_taker of_sensors, of_captures, of_checks, of_watches;
	const struct rpc_method methods[] = {
		{ "/packet_streaming.PacketStreaming/Run", &of_sensors },
		{ "/pcapring.v1.Collector/Stream", &of_captures },
		{ "/grpc.health.v1.Health/Check", &of_checks },
		{ "/grpc.health.v1.Health/Watch", &of_watches },
		{ 0 },
	};
	struct server *server;
	struct reload reload;
	struct sight sight;
	bool done = false;

	if (house->plain)
		plain_taker(house->plain, &of_sensors);
	else
		sensors_taker(house->sensors, &of_sensors);
	captures_taker(house->captures, &of_captures);
	health_takers(house->health, &of_checks, &of_watches);
	server = main_open_server(house, methods, &reload);
	if (!server)
		return false;
	reload_open(&reload, house->config, house->options, house->gate, house->epochs,
		    server_wake, server);
	health_start(house->health, server_wake, server);
	if (main_open_sight(&sight, house, server) &&
	    captures_start(house->captures, server_wake, server)) {
		done = main_serve_kept(house, server, &reload, &sight);
		epochs_finish(house->epochs);
	}
	sight_close(&sight);
	server_close(server);
	reload_close(&reload);
	return done;
}

static int main_serve(const struct options *options, struct tls *tls,
		      const struct service_heard *signals, const struct config *config)
{
	struct main_house house = {
		.options = options,
		.config = config,
		.signals = signals,
		.tls = tls,
		.output = { .stop_fd = signals->end, .stop = main_stop },
	};
	bool done = main_build(&house) && main_run(&house);

	main_tear_down(&house);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * Messages of a MiB come and go. By itself, malloc hands their memory back and
 * fetches it again, page by page: as much work as all that is done with them.
 */
static void main_keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, MAIN_MEMORY_KEPT / 2);
	mallopt(M_TRIM_THRESHOLD, MAIN_MEMORY_KEPT);
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

static int main_receive(const struct options *options, const struct config *config)
{
	struct service_heard signals;
	struct tls tls;
	int result = EXIT_FAILURE;

	if (!config_log(config) || !trust_open(&tls, options))
		return result;
	main_keep_memory();
	main_raise_files();
	if (service_listen(&signals, config_can_reload(config)))
		result = main_serve(options, &tls, &signals, config);
	tls_close(&tls);
	return result;
}

static int main_do(const struct options *options, const struct config *config)
{
	if (config_is_check(config))
		return config_say_checked(reload_check(options));
	if (options->report)
		return report_print(options->report) ? EXIT_SUCCESS : EXIT_FAILURE;
	return main_receive(options, config);
}

int main(int argc, char **argv)
{
	struct config *config;
	struct options options;
	int result;

	log_open("pcapring-collector", 0);
	config = options_open(&options, argc, argv);
	log_open("pcapring-collector", options.verbose);
	result = main_do(&options, config);
	access_free(&options.access);
	config_close(config);
	return result;
}
