// SPDX-License-Identifier: MIT
#include "listener.h"

#include <errno.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/tls.h"
#include "accept.h"

static bool listener_deaf;	/* set by core's threads */

/*
 * Once accepting a connection has failed, core never tries again. Rather than
 * be deaf and say nothing, end: a supervisor starts us anew.
 */
static void listener_core_log(gpr_log_func_args *args)
{
	if (!strstr(args->message, "Failed accept")) {
		log_debug("grpc: %s", args->message);
		return;
	}
	log_error("no more connections can be accepted: %s; ending, raise the limit of open files (ulimit -n)",
		  args->message);
	__atomic_store_n(&listener_deaf, true, __ATOMIC_RELAXED);
	kill(getpid(), SIGTERM);
}

/* Core tells only its log why it cannot listen: try by ourselves. */
static void listener_explain(const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char host[256];
	const char *port = strrchr(address, ':');
	int error, fd, one = 1;

	snprintf(host, sizeof(host), "%.*s", (int)(port - address), address);
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	error = getaddrinfo(host, port + 1, &hints, &found);
	if (error) {
		log_error("--listen %s: no such address: %s: give an address of this machine and a port",
			  address, gai_strerror(error));
		return;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd >= 0 && !bind(fd, found->ai_addr, found->ai_addrlen) && !listen(fd, 1))
		errno = EAGAIN;
	log_error("--listen %s: cannot listen there: %m: give a free address and port",
		  address);
	if (fd >= 0)
		close(fd);
	freeaddrinfo(found);
}

/* What core asks for handshakes, from any of its threads. */
static grpc_ssl_certificate_config_reload_status
listener_fetch(void *context, grpc_ssl_server_certificate_config **config)
{
	struct listener *listener = context;
	const struct tls *tls = listener->tls;
	grpc_ssl_pem_key_cert_pair pair;
	const char *roots;
	bool news;

	pthread_mutex_lock(&listener->lock);
	news = tls_refresh(listener->tls) || !listener->fetched;
	listener->fetched = true;
	pair.private_key = tls->text[TLS_KEY];
	pair.cert_chain = tls->text[TLS_CERTIFICATE];
	/* core insists on some, even where it asks for no certificate */
	roots = tls->text[TLS_CA] ? tls->text[TLS_CA] : tls->text[TLS_CERTIFICATE];
	if (news)
		*config = grpc_ssl_server_certificate_config_create(roots, &pair, 1);
	pthread_mutex_unlock(&listener->lock);
	return news ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW :
		      GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
}

/* Sensors that connect from now on meet what the files hold by then. */
static grpc_server_credentials *listener_credentials(struct listener *listener)
{
	grpc_ssl_client_certificate_request_type ask =
		listener->tls && listener->tls->text[TLS_CA] ?
		(listener->tokens ?
		 GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY :
		 GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY) :
		GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;

	if (!listener->tls)
		return grpc_insecure_server_credentials_create();
	return grpc_ssl_server_credentials_create_with_options(
		grpc_ssl_server_credentials_create_options_using_config_fetcher(
			ask, listener_fetch, listener));
}

bool listener_start(struct listener *listener, grpc_server *core, const char *address)
{
	const char *port = strrchr(address, ':');
	grpc_server_credentials *credentials;
	int bound;

	credentials = listener_credentials(listener);
	bound = grpc_server_add_http2_port(core, address, credentials);
	grpc_server_credentials_release(credentials);
	if (!bound) {
		listener_explain(address);
		return false;
	}
	accept_watch(bound);
	grpc_server_start(core);
	log_info("listening on %.*s:%d%s", (int)(port - address), address, bound,
		 listener->tls ? ", with TLS" : "");
	return true;
}

void listener_open(struct listener *listener, struct tls *tls, bool tokens)
{
	gpr_set_log_function(listener_core_log);
	*listener = (struct listener){ .tls = tls, .tokens = tokens };
	pthread_mutex_init(&listener->lock, NULL);
}

void listener_close(struct listener *listener)
{
	pthread_mutex_destroy(&listener->lock);
}

bool listener_is_deaf(void)
{
	return __atomic_load_n(&listener_deaf, __ATOMIC_RELAXED);
}
