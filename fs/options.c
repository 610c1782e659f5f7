/*
 * options.c: from the command line and the configuration file to struct Options.
 *
 * libfuse's parser cuts the command line into words and nothing more. The words are kept until it
 * is known which account is meant, because that account's group in the configuration file comes
 * first and the command line after it, so that the later one wins. option-table.c knows the words,
 * url.c the URL.
 */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "config-file.h"
#include "option-table.h"
#include "url.h"
#include "xattr.h"

/* The command line, cut into words. */
typedef struct {
	GPtrArray *words;  /* "-f", "ro", "timeout=60" */
	GPtrArray *places; /* the URL or account, and the mount point */
} CommandLine;

static gboolean
refuse(GError **error, const char *why)
{
	g_set_error_literal(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, why);
	return FALSE;
}

static int
keep_word(void *data, const char *word, int key, struct fuse_args *left)
{
	CommandLine *line = data;

	(void)left;
	if (key == FUSE_OPT_KEY_NONOPT)
		g_ptr_array_add(line->places, g_strdup(word));
	else if (*word != '\0') /* as between two commas */
		g_ptr_array_add(line->words, g_strdup(word));
	return 0;
}

/* Without a table of options libfuse cuts, and undoes '\,' within -o, but decides nothing. */
static gboolean
split_command_line(CommandLine *line, int argc, char **argv, GError **error)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	gboolean split;

	if (argc > 1 && strcmp(argv[argc - 1], "-o") == 0)
		return refuse(error, "-o: an option must follow");
	split = fuse_opt_parse(&args, line, NULL, keep_word) == 0;
	fuse_opt_free_args(&args);
	return split || refuse(error, "the command line cannot be read");
}

static void
set_defaults(Options *options)
{
	mode_t mask = umask(0); /* the only way to read it */

	umask(mask);
	options->umask = mask & 0777;
	options->uid = getuid();
	options->gid = getgid();
	options->tls = OPTION_TLS_UNSET;
	options->memory = 64 * 1024 * 1024;
	options->n_connections = 4;
	options->timeout_seconds = 30;
	options->poll_seconds = 60;
}

static gboolean
has_word(const CommandLine *line, const char *word)
{
	return g_ptr_array_find_with_equal_func(line->words, word, g_str_equal, NULL);
}

/* -h and -V count wherever they stand and whatever else is wrong. */
static gboolean
wants_only_words(const CommandLine *line, Options *options)
{
	options->show_help = has_word(line, "-h") || has_word(line, "--help");
	options->show_version = has_word(line, "-V") || has_word(line, "--version");
	return options->show_help || options->show_version;
}

static gboolean
apply_words(const CommandLine *line, Options *options, GPtrArray *fuse_words, GError **error)
{
	/* password_command comes before password_file where both are known, but one on the command
	 * line comes before either in the configuration file */
	for (guint i = 0; i < line->words->len; i++) {
		if (g_str_has_prefix(line->words->pdata[i], "password_")) {
			g_clear_pointer(&options->password_command, g_free);
			g_clear_pointer(&options->password_file, g_free);
		}
	}
	for (guint i = 0; i < line->words->len; i++) {
		if (!option_table_apply_word(line->words->pdata[i], options, fuse_words, error))
			return FALSE;
	}
	options->foreground |= options->debug;
	options->writeback &= !options->sync;
	return TRUE;
}

static gboolean
take_password_fd(Options *options, GError **error)
{
	const char *text = g_getenv("IMAPFS_PASSWORD_FD");
	guint64 fd;

	if (text == NULL)
		return TRUE;
	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT, &fd, NULL) ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return refuse(error, "IMAPFS_PASSWORD_FD must be the number of an open descriptor");
	options->password_fd = (int)fd;
	return TRUE;
}

/* Another mount on top would hide it. */
static gboolean
is_mounted(const char *place, const struct stat *attributes)
{
	return attributes->st_ino == FUSE_ROOT_ID && getxattr(place, XATTR_CACHED, NULL, 0) >= 0;
}

/* Asked before anything connects: libfuse would notice late, and in other words. */
static gboolean
take_mountpoint(const char *place, Options *options, GError **error)
{
	struct stat attributes;
	int failure = stat(place, &attributes) < 0 ? errno : 0;

	if (failure == 0 && !S_ISDIR(attributes.st_mode))
		failure = ENOTDIR;
	if (failure == 0) {
		g_autofree char *path = g_canonicalize_filename(place, NULL);
		char *resolved = realpath(path, NULL);

		failure = resolved == NULL ? errno : 0;
		options->mountpoint = g_strdup(resolved);
		free(resolved);
	}
	if (failure == 0 && is_mounted(options->mountpoint, &attributes))
		failure = EBUSY;
	if (failure == 0)
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "mount point %s: %s", place,
	            failure == ENOTCONN
	                    ? "the daemon of an earlier mount is gone; 'fusermount3 -u' it"
	            : failure == EBUSY ? "an account is mounted there already"
	                               : g_strerror(failure));
	return FALSE;
}

/* auto_unmount with allow_other is refused by fusermount3 before 3.15, in words that help nobody.
 */
static gboolean
check_combinations(const Options *options, GPtrArray *fuse_words, GError **error)
{
	gboolean others = options->allow_other;
	gboolean automatic = FALSE;

	for (guint i = 0; i < fuse_words->len; i++) {
		others |= strcmp(fuse_words->pdata[i], "allow_root") == 0;
		automatic |= strcmp(fuse_words->pdata[i], "auto_unmount") == 0;
	}
	if (others && automatic && fuse_version() < FUSE_MAKE_VERSION(3, 15))
		return refuse(error,
		              "auto_unmount: goes together with allow_other or allow_root only "
		              "from libfuse 3.15 on");
	return TRUE;
}

/* default_permissions costs no requests: the kernel judges by attributes that it keeps anyway. */
static void
write_fuse_args(const Options *options, GPtrArray *fuse_words, const char *program,
                struct fuse_args *fuse_args)
{
	g_autofree char *name = g_strdup_printf("fsname=%s", options->source);
	char *list = NULL;

	/* escaped, so that libfuse's parser finds these words again */
	fuse_opt_add_opt_escaped(&list, name);
	fuse_opt_add_opt(&list, "subtype=imapfs,default_permissions,nosuid,nodev");
	fuse_opt_add_opt(&list, options->read_only ? "ro" : "rw");
	if (options->allow_other)
		fuse_opt_add_opt(&list, "allow_other");
	for (guint i = 0; i < fuse_words->len; i++)
		fuse_opt_add_opt_escaped(&list, fuse_words->pdata[i]);
	fuse_opt_add_arg(fuse_args, program);
	fuse_opt_add_arg(fuse_args, "-o");
	fuse_opt_add_arg(fuse_args, list);
	free(list);
}

static gboolean
check_places(const CommandLine *line, const Options *options, GError **error)
{
	if (options->forget)
		return line->places->len == 1 || refuse(error, "--forget: which account?");
	switch (line->places->len) {
	case 0:
		return refuse(error, "which account, and mount it where? See imapfs -h");
	case 1:
		return refuse(error, "no mount point given. See imapfs -h");
	case 2:
		return TRUE;
	default:
		return refuse(error, "more than an account and a mount point given. See imapfs -h");
	}
}

/* The group of an account first, then the words, and the URL when it is known what tls= wants. */
static gboolean
apply_account(const char *account, const CommandLine *line, Options *options, GPtrArray *fuse_words,
              GError **error)
{
	g_autofree char *url = NULL;
	g_autofree char *path = NULL;

	if (url_is_one(account))
		return apply_words(line, options, fuse_words, error) &&
		       url_parse(account, options, error);
	if (!config_file_apply(account, options, fuse_words, &url, error) ||
	    !apply_words(line, options, fuse_words, error))
		return FALSE;
	if (url_parse(url, options, error))
		return TRUE;
	path = config_file_path();
	g_prefix_error(error, "%s: [%s] url: ", path, account);
	return FALSE;
}

static gboolean
apply_command_line(const CommandLine *line, Options *options, GPtrArray *fuse_words, GError **error)
{
	options->forget = has_word(line, "--forget");
	if (!check_places(line, options, error))
		return FALSE;
	set_defaults(options);
	if (!apply_account(line->places->pdata[0], line, options, fuse_words, error))
		return FALSE;
	return options->forget || (check_combinations(options, fuse_words, error) &&
	                           take_password_fd(options, error) &&
	                           take_mountpoint(line->places->pdata[1], options, error));
}

/* No account is named: the paths are below one that is mounted. */
static gboolean
take_paths(const CommandLine *line, Options *options, GError **error)
{
	if (!line->places->len)
		return refuse(error, "--fetch: which files or directories?");
	if (line->words->len > 1)
		return refuse(error, "--fetch goes with no other option");
	options->fetch = TRUE;
	g_ptr_array_add(line->places, NULL);
	options->paths = g_strdupv((char **)line->places->pdata);
	return TRUE;
}

gboolean
options_parse(Options *options, int argc, char **argv, struct fuse_args *fuse_args, GError **error)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) fuse_words = g_ptr_array_new_with_free_func(g_free);
	CommandLine line = {words, places};

	options->password_fd = -1;
	if (!split_command_line(&line, argc, argv, error))
		return FALSE;
	if (wants_only_words(&line, options))
		return TRUE;
	if (has_word(&line, "--fetch"))
		return take_paths(&line, options, error);
	if (!apply_command_line(&line, options, fuse_words, error)) {
		options_clear(options); /* of what came before the fault */
		return FALSE;
	}
	if (!options->forget)
		write_fuse_args(options, fuse_words, argc > 0 ? argv[0] : "imapfs", fuse_args);
	return TRUE;
}

void
options_clear(Options *options)
{
	g_free(options->mountpoint);
	g_free(options->source);
	g_free(options->user);
	g_free(options->host);
	g_free(options->mailbox);
	g_free(options->cache);
	g_strfreev(options->paths);
	g_free(options->ca_file);
	g_free(options->password_command);
	g_free(options->password_file);
	*options = (Options){.password_fd = -1};
}

const char *
options_help(void)
{
	return "usage: imapfs [-f] [-d] [-v] [-o OPTION[,OPTION...]] URL|ACCOUNT MOUNTPOINT\n"
	       "       imapfs --fetch PATH...\n"
	       "       imapfs --forget URL|ACCOUNT [-o cache=DIR]\n"
	       "\n"
	       "Mounts an IMAP account: mailboxes are directories, messages are files. With "
	       "--fetch,\n"
	       "brings all messages below some mounted paths to this machine, to be read offline.\n"
	       "With --forget, deletes what is kept of an account on this machine.\n"
	       "\n"
	       "    URL      imaps://[user@]host[:port][/mailbox]  TLS from the first byte\n"
	       "             imap://[user@]host[:port][/mailbox]   STARTTLS\n"
	       "    ACCOUNT  a group of ~/.config/imapfs/config\n"
	       "\n"
	       "    -f   stay in the foreground\n"
	       "    -v   say what happens\n"
	       "    -d   show the protocol too, passwords removed (implies -f)\n"
	       "    -h   this text\n"
	       "    -V   the version\n"
	       "\n"
	       "Options for -o (within a value, a comma is written '\\,'):\n"
	       "    ro                          mount read-only\n"
	       "    sync                        each change waits for the server\n"
	       "    writeback                   closing a new message does not\n"
	       "    trash=auto|yes|no           whether what is removed goes to the trash\n"
	       "    names=subject|uid           what message files are named after (subject)\n"
	       "    password_command=COMMAND    whose first line of output is the password\n"
	       "    password_file=FILE          whose first line is the password\n"
	       "    tls=implicit|starttls|none  as the URL says; none on this machine only\n"
	       "    ca_file=FILE                certificates to trust instead of the system's\n"
	       "    connections=N               connections to the server at most, 1 to 10 (4)\n"
	       "    compress=auto|on|off        COMPRESS=DEFLATE; auto: on a slow line\n"
	       "    poll=SECONDS                between looks for what others change, where the\n"
	       "                                server does not tell (60; 0: nowhere)\n"
	       "    timeout=SECONDS             without progress before an access fails (30)\n"
	       "    memory=SIZE                 messages kept in memory, K, M or G (64M)\n"
	       "    cache=DIR|memory            where mail is kept (~/.cache); memory: "
	       "nowhere\n"
	       "    cache_size=SIZE             messages kept there (2G, or a tenth of what is "
	       "free)\n"
	       "    offline                     show what is kept, never connect\n"
	       "    umask=OCTAL uid=N gid=N     rights and owner of the files (yours)\n"
	       "    allow_other                 let other users in, as far as the rights allow\n"
	       "and libfuse's and mount's: allow_root auto_unmount noexec noatime nofail ...\n"
	       "\n"
	       "Unmount with 'fusermount3 -u MOUNTPOINT'. More: man imapfs\n";
}
