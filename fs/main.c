/*
 * imapfs: the stack is built here, from the bottom up, and taken down again.
 *
 * Order matters. Standard descriptors, options and password come first, then the fork (nothing that
 * exists by then is hurt by it), then connection, login and the first listing: what can go wrong
 * with those is said on the terminal, before anything is mounted.
 */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon.h"
#include "deliver.h"
#include "events.h"
#include "fetch.h"
#include "filesystem.h"
#include "fuse-source.h"
#include "imapfs/imap.h"
#include "log.h"
#include "message-name.h"
#include "operations.h"
#include "password.h"

#define DELIVERY_TIMEOUTS 4 /* times the user's timeout, for what is left at the end */

typedef struct {
	Options options;
	struct fuse_args fuse_args;
	char *password;
	Remote *remote;
	FileSystem *fs;
	struct fuse_session *session;
	GMainLoop *loop;
	gboolean stopping; /* a signal came */
	Waiter listing;
	GError *error;
} Program;

static void
on_connected(const GError *error, gpointer data)
{
	Program *program = data;

	if (error)
		program->error = g_error_copy(error);
	g_main_loop_quit(program->loop);
}

static void
on_listed(Waiter *waiter, const GError *error)
{
	Program *program = (Program *)((char *)waiter - G_STRUCT_OFFSET(Program, listing));

	on_connected(error, program);
}

static Remote *
program_make_remote(Program *program, GError **error)
{
	static const ImapTls tls[] = {
		[OPTIONS_TLS_IMPLICIT] = IMAP_TLS_IMPLICIT,
		[OPTIONS_TLS_STARTTLS] = IMAP_TLS_STARTTLS,
		[OPTIONS_TLS_NONE] = IMAP_TLS_NONE,
	};
	static const ImapCompress compress[] = {
		[OPTIONS_COMPRESS_AUTO] = IMAP_COMPRESS_AUTO,
		[OPTIONS_COMPRESS_ON] = IMAP_COMPRESS_ON,
		[OPTIONS_COMPRESS_OFF] = IMAP_COMPRESS_OFF,
	};
	const Options *options = &program->options;
	ImapSettings settings = {
		.host = g_strdup(options->host),
		.port = options->port,
		.tls = tls[options->tls],
		.ca_file = g_strdup(options->ca_file),
		.compress = compress[options->compress],
		.user = g_strdup(options->user),
		.password = g_steal_pointer(&program->password),
		.read_only = options->read_only,
		.offline = options->offline,
		.n_connections = options->n_connections,
		.timeout_us = (gint64)options->timeout_seconds * G_USEC_PER_SEC,
	};

	return imap_remote_new(&settings, error);
}

static gboolean
program_wait(Program *program, GError **error)
{
	g_main_loop_run(program->loop);
	if (!program->error)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&program->error));
	return FALSE;
}

/* What the account is called on this machine. */
static char *
account_name(const Options *options)
{
	return g_strdup_printf("%s@%s:%u", options->user, options->host, options->port);
}

static gboolean
keeps_nothing(const Options *options)
{
	return g_strcmp0(options->cache, "memory") == 0;
}

static Account *
program_make_account(Program *program)
{
	const Options *options = &program->options;
	g_autofree char *name = account_name(options);
	static const AccountTrash trash[] = {
		[OPTIONS_TRASH_AUTO] = ACCOUNT_TRASH_AUTO,
		[OPTIONS_TRASH_YES] = ACCOUNT_TRASH_YES,
		[OPTIONS_TRASH_NO] = ACCOUNT_TRASH_NO,
	};
	const AccountSettings settings = {
		.read_only = options->read_only,
		.trash = trash[options->trash],
		.sync = options->sync,
		.writeback = options->writeback,
		.memory = options->memory,
		.root = options->mailbox,
		.name = keeps_nothing(options) ? NULL : name,
		.cache = options->cache,
		.cache_size = options->cache_size,
	};

	return account_new(program->remote, &settings, filesystem_name_rules(options),
	                   &filesystem_events, program->fs);
}

/* Logs in and lists the account. */
static gboolean
program_list(Program *program, GError **error)
{
	Account *account = program->fs->account;
	guint64 ticket;

	imap_remote_connect(program->remote, on_connected, program);
	if (!program_wait(program, error))
		return FALSE;
	ticket = account_refresh(account, FALSE);
	program->listing.wake = on_listed;
	return account_refreshed(account, ticket, &program->listing, error) != CACHE_PARKED ||
	       program_wait(program, error);
}

/* A line that is down is no reason not to show what is known; a refused password is. */
static gboolean
may_go_offline(const Program *program, const GError *error)
{
	return account_is_known(program->fs->account) &&
	       (g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE) ||
	        g_error_matches(error, IMAPFS_ERROR, IMAPFS_ERROR_TIMED_OUT));
}

static gboolean
program_connect(Program *program, GError **error)
{
	const Options *options = &program->options;
	GError *failure = NULL;

	program->remote = program_make_remote(program, error);
	if (!program->remote)
		return FALSE;
	program->fs->account = program_make_account(program);
	if (options->offline) {
		if (!account_is_known(program->fs->account))
			g_set_error(&failure, IMAPFS_ERROR, IMAPFS_ERROR_OFFLINE,
			            "nothing is kept of %s on this machine", options->source);
	} else if (!program_list(program, &failure) && may_go_offline(program, failure)) {
		fprintf(stderr, "imapfs: %s; showing what is kept on this machine\n",
		        failure->message);
		g_clear_error(&failure);
	}
	if (failure) {
		g_propagate_error(error, failure);
		return FALSE;
	}
	if (account_root(program->fs->account))
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_NOT_FOUND, "%s has no mailbox \"%s\"",
	            options->source, options->mailbox);
	return FALSE;
}

static gboolean
program_mount(Program *program, GError **error)
{
	program->session = fuse_session_new(&program->fuse_args, &filesystem_operations,
	                                    sizeof(filesystem_operations), program->fs);
	if (!program->session ||
	    fuse_session_mount(program->session, program->options.mountpoint)) {
		g_clear_pointer(&program->session, fuse_session_destroy);
		g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_FAILED, "cannot mount on %s",
		            program->options.mountpoint);
		return FALSE;
	}
	program->fs->notifier = notifier_new(program->session);
	return TRUE;
}

static void
on_unmounted(gpointer data)
{
	g_main_loop_quit(((Program *)data)->loop);
}

static void
on_quiet(gpointer data)
{
	requests_answer_released(((Program *)data)->fs);
}

static gboolean
on_signal(gpointer data)
{
	Program *program = data;

	program->stopping = TRUE;
	g_main_loop_quit(program->loop);
	return G_SOURCE_CONTINUE;
}

/* Before the mount is there: from then on a signal must take it down. */
static void
program_catch_signals(Program *program)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		g_unix_signal_add(signals[i], on_signal, program);
}

static void
program_serve(Program *program)
{
	static const FuseSourceEvents events = {.quiet = on_quiet, .ended = on_unmounted};
	GSource *source = fuse_source_new(program->session, &events, program);

	if (!program->stopping)
		g_main_loop_run(program->loop);
	g_source_destroy(source);
	g_source_unref(source);
}

/* Nobody may be left waiting for an answer, not even while this ends. */
static void
program_unmount(Program *program)
{
	requests_answer_all(program->fs, EINTR);
	notifier_stop(program->fs->notifier);
	fuse_session_unmount(program->session);
	events_end(program->fs);
	g_clear_handle_id(&program->fs->tell_shrunk, g_source_remove);
	notifier_free(program->fs->notifier);
	program->fs->notifier = NULL;
	fuse_session_destroy(program->session);
}

/* Whoever unmounts need not wait for the server; a signal now means that there is no time. */
static void
program_deliver(Program *program)
{
	const Options *options = &program->options;

	program->stopping = FALSE;
	if (!options->read_only)
		deliver_changes(program->fs->account, program->loop,
		                options->timeout_seconds * DELIVERY_TIMEOUTS, &program->stopping);
}

static gboolean
program_run(Program *program, GError **error)
{
	if (!program_connect(program, error))
		return FALSE;
	program_catch_signals(program);
	if (!program_mount(program, error))
		return FALSE;
	if (!program->options.foreground) {
		log_to_syslog();
		daemon_ready();
	}
	if (program->options.poll_seconds)
		account_watch(program->fs->account, program->options.poll_seconds);
	g_info("mounted %s on %s", program->options.source, program->options.mountpoint);
	program_serve(program);
	program_unmount(program);
	program_deliver(program);
	return TRUE;
}

static gboolean
program_start(Program *program, GError **error)
{
	program->password =
		program->options.offline ? g_strdup("") : password_get(&program->options, error);
	if (!program->password)
		return FALSE;
	if (!program->options.foreground && !daemon_fork(error))
		return FALSE;
	signal(SIGPIPE, SIG_IGN);
	message_name_init();
	program->loop = g_main_loop_new(NULL, FALSE);
	program->fs = filesystem_new(&program->options);
	return program_run(program, error);
}

static void
program_clear(Program *program)
{
	if (program->remote)
		imap_remote_free(program->remote);
	if (program->fs && program->fs->account)
		account_free(program->fs->account);
	g_clear_pointer(&program->fs, filesystem_free);
	g_clear_pointer(&program->loop, g_main_loop_unref);
	password_free(program->password);
	fuse_opt_free_args(&program->fuse_args);
	options_clear(&program->options);
}

static gboolean
program_forget(const Options *options, GError **error)
{
	g_autofree char *name = account_name(options);

	return account_forget(keeps_nothing(options) ? NULL : options->cache, name, error);
}

int
main(int argc, char **argv)
{
	Program program = {.fuse_args = FUSE_ARGS_INIT(0, NULL)};
	g_autoptr(GError) error = NULL;
	gboolean done;

	daemon_open_standard_descriptors();
	done = options_parse(&program.options, argc, argv, &program.fuse_args, &error);
	if (done && program.options.show_help) {
		fputs(options_help(), stdout);
	} else if (done && program.options.show_version) {
		printf("imapfs %s\n", IMAPFS_VERSION);
	} else if (done && program.options.fetch) {
		done = fetch_paths(program.options.paths, &error);
	} else if (done && program.options.forget) {
		done = program_forget(&program.options, &error);
	} else if (done) {
		log_init(program.options.verbose, program.options.debug);
		done = program_start(&program, &error);
	}
	if (!done)
		fprintf(stderr, "imapfs: %s\n", error->message);
	program_clear(&program);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
