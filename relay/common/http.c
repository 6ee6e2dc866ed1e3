// SPDX-License-Identifier: MIT
#include "common/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/https.h"
#include "common/keeper.h"
#include "common/log.h"
#include "common/size.h"

/* Few look at a time; those who are slow, or many, wait or go. */
#define HTTP_CONNECTIONS	64
#define HTTP_OF_ONE_ADDRESS	48
#define HTTP_PATIENCE		15	/* seconds */
#define HTTP_MEMORY		(32 << 10)	/* bytes of a request */
#define HTTP_BACKLOG		64

#define HTTP_TOKEN_MAX		4096	/* bytes, with the NUL */
#define HTTP_TOKEN_MIN		16
#define HTTP_BEARER		"Bearer "

/* Nothing of a page comes from elsewhere, or goes there. */
#define HTTP_POLICY \
	"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * struct http - a server
 * @daemon: @thread's, from its beginning to its end
 * @stop: eventfd
 * @https: NULL: in the clear
 * @tokenless: it was said that the token cannot be read
 */
struct http {
	struct http_config config;
	struct MHD_Daemon *daemon;
	pthread_t thread;
	int stop;
	struct https *https;
	bool tokenless;
};

/**
 * struct http_address - ADDR:PORT, as the system has it
 * @local: only this machine reaches it
 */
struct http_address {
	struct sockaddr_storage where;
	socklen_t length;
	bool local;
};

static bool http_is_local(const struct sockaddr *where)
{
	const struct sockaddr_in6 *six = (const void *)where;
	const struct sockaddr_in *four = (const void *)where;

	if (where->sa_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) &&
		six->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
}

static bool http_parse(const char *text, struct http_address *address,
		       char fault[HTTP_FAULT_MAX])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	const char *port = strrchr(text, ':');
	struct addrinfo *found;
	uint64_t number;
	char host[256];
	int error;

	if (!port || port == text || (size_t)(port - text) >= sizeof(host) ||
	    !number_parse(port + 1, 0, 65535, &number)) {
		snprintf(fault, HTTP_FAULT_MAX, "--metrics '%.256s' is not ADDR:PORT, such as 127.0.0.1:9401",
			 text);
		return false;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(port - text), text);
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	error = getaddrinfo(host, port + 1, &hints, &found);
	if (error) {
		snprintf(fault, HTTP_FAULT_MAX, "--metrics %.256s: no such address: %s: give an address of this machine and a port",
			 text, gai_strerror(error));
		return false;
	}
	memcpy(&address->where, found->ai_addr, found->ai_addrlen);
	address->length = found->ai_addrlen;
	address->local = http_is_local(found->ai_addr);
	freeaddrinfo(found);
	return true;
}

/* The first line of the file. False: @fault. */
static bool http_read_token(const char *path, char token[HTTP_TOKEN_MAX],
			    char fault[HTTP_FAULT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t length = fd < 0 ? -1 : read(fd, token, HTTP_TOKEN_MAX - 1);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (length < 0) {
		snprintf(fault, HTTP_FAULT_MAX, "--metrics-token-file %.256s: cannot be read: %s",
			 path, strerror(error));
		return false;
	}
	token[length] = '\0';
	token[strcspn(token, "\r\n")] = '\0';
	if (strlen(token) >= HTTP_TOKEN_MIN)
		return true;
	snprintf(fault, HTTP_FAULT_MAX, "--metrics-token-file %.256s: its first line has to be a secret of at least %d characters: 'openssl rand -hex 32' makes one",
		 path, HTTP_TOKEN_MIN);
	return false;
}

bool http_check(const struct http_config *config, char fault[HTTP_FAULT_MAX])
{
	struct http_address address;

	if (!config->certificate != !config->key) {
		snprintf(fault, HTTP_FAULT_MAX, "--metrics-tls-cert FILE and --metrics-tls-key FILE belong together: %s is missing",
			 config->key ? "--metrics-tls-cert" : "--metrics-tls-key");
		return false;
	}
	if (!config->listen) {
		snprintf(fault, HTTP_FAULT_MAX, "%s is for --metrics ADDR:PORT, which is missing",
			 config->key ? "--metrics-tls-cert" : "--metrics-token-file");
		return !config->key && !config->token_file;
	}
	if (!http_parse(config->listen, &address, fault))
		return false;
	if (address.local || (config->key && config->token_file))
		return true;
	snprintf(fault, HTTP_FAULT_MAX, "--metrics %.256s: others can reach that, so that %s needed, too; or listen on this machine only, such as 127.0.0.1:9401",
		 config->listen, config->key ? "--metrics-token-file FILE is" :
		 config->token_file ? "--metrics-tls-cert FILE and --metrics-tls-key FILE are" :
		 "--metrics-tls-cert FILE, --metrics-tls-key FILE and --metrics-token-file FILE are");
	return false;
}

/* Its length is no secret; where else they differ, the time it takes does not tell. */
static bool http_same(const char *token, const char *given)
{
	size_t length = strlen(token);
	unsigned char differ = 0;

	if (strlen(given) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		differ |= token[i] ^ given[i];
	return !differ;
}

/*
 * A page from elsewhere may have a name of its own point to this machine, and let a
 * browser here read what we say to it. Where no token keeps it from that, it has to
 * call us by an address.
 */
static bool http_is_meant(const struct http *http, struct MHD_Connection *connection)
{
	const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							MHD_HTTP_HEADER_HOST);
	struct in_addr address;
	char host[256];

	if (http->config.token_file || !given || *given == '[')
		return true;
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(given, ":"), given);
	return inet_pton(AF_INET, host, &address) == 1 || !strcasecmp(host, "localhost");
}

/* Programs say "Bearer TOKEN"; browsers ask a person for a password. */
static bool http_may(struct http *http, struct MHD_Connection *connection)
{
	const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							MHD_HTTP_HEADER_AUTHORIZATION);
	char token[HTTP_TOKEN_MAX], fault[HTTP_FAULT_MAX];
	char *password = NULL, *user;
	bool may;

	if (!http->config.token_file)
		return true;
	if (!given)
		return false;
	if (!http_read_token(http->config.token_file, token, fault)) {
		if (!http->tokenless)
			log_error("%s", fault);
		http->tokenless = true;
		return false;
	}
	http->tokenless = false;
	if (!strncasecmp(given, HTTP_BEARER, strlen(HTTP_BEARER)))
		return http_same(token, given + strlen(HTTP_BEARER));
	user = MHD_basic_auth_get_username_password(connection, &password);
	may = password && http_same(token, password);
	MHD_free(user);
	MHD_free(password);
	return may;
}

/* Takes @body, of malloc(), over. */
static enum MHD_Result http_answer(struct MHD_Connection *connection, unsigned int code,
				   const char *type, char *body, size_t size)
{
	static const char *const headers[][2] = {
		{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
		{ "Content-Security-Policy", HTTP_POLICY },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
	};
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	if (code == MHD_HTTP_UNAUTHORIZED) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					"Basic realm=\"pcapring\"");
	}
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result http_refuse(struct MHD_Connection *connection, unsigned int code,
				   const char *why)
{
	char *body = strdup(why);

	return body ? http_answer(connection, code, "text/plain", body, strlen(body)) :
		      MHD_NO;
}

static enum MHD_Result http_write(struct MHD_Connection *connection,
				  const struct http_page *page)
{
	char *body = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&body, &size);
	bool written;

	if (!out)
		return MHD_NO;
	written = page->write(page->context, out);
	if (fclose(out))
		written = false;
	if (written)
		return http_answer(connection, MHD_HTTP_OK, page->type, body, size);
	free(body);
	return http_refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "not yet\n");
}

static enum MHD_Result http_handle(void *context, struct MHD_Connection *connection,
				   const char *path, const char *method, const char *version,
				   const char *data, size_t *size, void **state)
{
	struct http *http = context;
	const struct http_page *page = http->config.pages;

	(void)version, (void)data, (void)size, (void)state;
	/* those who ask at once may each have to wait for an answer */
	keeper_round();
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return http_refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (!http_is_meant(http, connection))
		return http_refuse(connection, MHD_HTTP_MISDIRECTED_REQUEST,
				   "ask for an address, or for localhost\n");
	if (!http_may(http, connection))
		return http_refuse(connection, MHD_HTTP_UNAUTHORIZED, "a token is needed\n");
	while (page->path && strcmp(page->path, path))
		page++;
	if (!page->path)
		return http_refuse(connection, MHD_HTTP_NOT_FOUND, "there is nothing here\n");
	return http_write(connection, page);
}

/* -1: it was logged. */
static int http_listen(const struct http_address *address, const char *text)
{
	int fd = socket(address->where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1, none = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->where.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &none, sizeof(none));
	if (!bind(fd, (const struct sockaddr *)&address->where, address->length) &&
	    !listen(fd, HTTP_BACKLOG))
		return fd;
	log_error("--metrics %s: cannot listen there: %s: give a free address and port", text,
		  strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool http_check_token(const struct http_config *config)
{
	char token[HTTP_TOKEN_MAX], fault[HTTP_FAULT_MAX];

	if (!config->token_file || http_read_token(config->token_file, token, fault))
		return true;
	log_error("%s", fault);
	return false;
}

bool http_check_files(const struct http_config *config)
{
	return !config->listen ||
	       (http_check_token(config) &&
		(!config->key || https_check(config->certificate, config->key)));
}

/* NULL: it was logged. */
static struct MHD_Daemon *http_daemon(struct http *http, int fd)
{
	/* without TLS the list ends before that */
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, HTTP_OF_ONE_ADDRESS, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, HTTP_PATIENCE, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_MEMORY, NULL },
		{ http->https ? MHD_OPTION_HTTPS_CERT_CALLBACK2 : MHD_OPTION_END, 0,
		  https_retrieve(http->https) },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned int flags = MHD_USE_EPOLL | (http->https ? MHD_USE_TLS : 0);
	struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, http_handle, http,
						     MHD_OPTION_ARRAY, options,
						     MHD_OPTION_END);

	if (!daemon)
		log_error("--metrics %s: cannot be served", http->config.listen);
	return daemon;
}

static unsigned int http_connections(const struct http *http)
{
	return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}

/*
 * While there are as many as there may be, the listening socket is not polled. That a
 * place has become free, libmicrohttpd sees only when it runs the next time.
 */
static void http_turn(struct http *http)
{
	unsigned int before;

	do {
		before = http_connections(http);
		MHD_run(http->daemon);
	} while (http_connections(http) < before);
}

/* Milliseconds; -1: until something comes. */
static int http_sleep(struct http *http)
{
	int patience = keeper_patience();
	MHD_UNSIGNED_LONG_LONG due;

	/* at most HTTP_PATIENCE */
	if (!MHD_get_timeout(http->daemon, &due))
		return patience;
	return patience < 0 || due < (unsigned int)patience ? (int)due : patience;
}

static void *http_run(void *context)
{
	struct http *http = context;
	struct pollfd fds[] = {
		{ .fd = http->stop, .events = POLLIN },
		{ .fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		  .events = POLLIN },
	};

	keeper_join("http", NULL, NULL);
	while (!fds[0].revents) {
		http_turn(http);
		keeper_round();
		if (poll(fds, 2, http_sleep(http)) < 0)
			fds[0].revents = 0;
	}
	keeper_leave();
	return NULL;
}

/* @fd is libmicrohttpd's then; false: it is closed, and it was logged. */
static bool http_start(struct http *http, int fd)
{
	int error;

	http->daemon = http_daemon(http, fd);
	if (!http->daemon) {
		close(fd);
		return false;
	}
	http->stop = eventfd(0, EFD_CLOEXEC);
	error = http->stop < 0 ? errno : pthread_create(&http->thread, NULL, http_run, http);
	if (!error)
		return true;
	log_error("--metrics %s: cannot be served: %s", http->config.listen, strerror(error));
	if (http->stop >= 0)
		close(http->stop);
	MHD_stop_daemon(http->daemon);
	return false;
}

static void http_say(const struct http *http, int fd)
{
	struct sockaddr_storage where = {};
	socklen_t length = sizeof(where);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&where, &length) ||
	    getnameinfo((struct sockaddr *)&where, length, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	log_info(strchr(host, ':') ? "metrics at %s://[%s]:%s/metrics" :
				     "metrics at %s://%s:%s/metrics",
		 http->https ? "https" : "http", host, port);
}

struct http *http_open(const struct http_config *config)
{
	char fault[HTTP_FAULT_MAX];
	struct http *http = calloc(1, sizeof(*http));
	struct http_address address;
	int fd;

	if (!http)
		abort();
	http->config = *config;
	if (!http_check(config, fault) || !http_parse(config->listen, &address, fault)) {
		log_error("%s", fault);
		goto out_free;
	}
	if (!http_check_token(config))
		goto out_free;
	if (config->key)
		http->https = https_open(config->certificate, config->key);
	if (config->key && !http->https)
		goto out_free;
	fd = http_listen(&address, config->listen);
	if (fd >= 0 && http_start(http, fd)) {
		http_say(http, fd);
		return http;
	}
	https_close(http->https);
out_free:
	free(http);
	return NULL;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	if (eventfd_write(http->stop, 1))
		abort();
	pthread_join(http->thread, NULL);
	MHD_stop_daemon(http->daemon);
	close(http->stop);
	https_close(http->https);
	free(http);
}
