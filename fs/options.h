/*
 * options.h: what the user asked for, from the command line, the configuration file and the URL.
 *
 *     imapfs [-f] [-d] [-v] [-o OPTION[,OPTION...]] URL|ACCOUNT MOUNTPOINT
 *     imapfs --fetch PATH...
 *     imapfs --forget URL|ACCOUNT [-o cache=DIR]
 *
 * An option of the command line wins over the account's group in $XDG_CONFIG_HOME/imapfs/config,
 * which wins over the default. Called once by main(), before any thread or connection exists.
 */
#pragma once

#include <glib.h>

#include "imapfs/error.h"

/* libfuse's headers stay out of this one: struct fuse_args is only named. */
struct fuse_args;

typedef enum { OPTIONS_TLS_IMPLICIT, OPTIONS_TLS_STARTTLS, OPTIONS_TLS_NONE } OptionsTls;

typedef enum {
	OPTIONS_COMPRESS_AUTO,
	OPTIONS_COMPRESS_ON,
	OPTIONS_COMPRESS_OFF,
} OptionsCompress;

/* As AccountTrash. */
typedef enum { OPTIONS_TRASH_AUTO, OPTIONS_TRASH_YES, OPTIONS_TRASH_NO } OptionsTrash;

typedef struct {
	/* what to do */
	gboolean show_help;
	gboolean show_version;
	gboolean foreground; /* -f, also implied by -d */
	gboolean debug;      /* -d: every protocol line, secrets removed */
	gboolean verbose;    /* -v: what happens, a line for each event */
	char *mountpoint;    /* absolute; NULL with --fetch and --forget */
	gboolean fetch;      /* --fetch: make what is below these paths available offline */
	char **paths;
	gboolean forget; /* --forget: delete what is kept of the account on disk */

	/* the account */
	char *source;  /* what df and mount show: imaps://user@host[:port][/mailbox], no password */
	char *user;    /* never NULL when options_parse() succeeded */
	char *host;    /* name or address, without brackets */
	guint16 port;  /* 993 or 143 unless the URL says */
	char *mailbox; /* decoded UTF-8 path of the subtree to mount, or NULL for the whole account
	                */
	OptionsTls tls;
	char *ca_file;          /* or NULL: the system's */
	char *password_command; /* or NULL */
	char *password_file;    /* or NULL */
	int password_fd;        /* $IMAPFS_PASSWORD_FD, or -1 */

	/* behaviour */
	gboolean read_only;
	gboolean sync;      /* each change waits for the server */
	gboolean writeback; /* close waits for the disk only; never together with sync */
	OptionsTrash trash;
	gboolean names_uid; /* names=uid */
	gboolean offline;   /* never connect */
	guint64 memory;     /* bytes of message blocks held in memory, default 64 MiB */
	char *cache;        /* directory, "memory": keep nothing on disk, or NULL: XDG's */
	guint64 cache_size; /* bytes of message blocks kept on disk, or 0: account.h's default */
	OptionsCompress compress;
	guint n_connections;   /* 1 to 10, default 4 */
	guint poll_seconds;    /* between listings of the account; 0: nothing is watched; default 60 */
	guint timeout_seconds; /* without progress, 1 to 3600, default 30 */
	guint32 umask;         /* default: the process's own; umask= */
	guint32 uid, gid;      /* owner shown, default: the caller's; uid=, gid= */
	gboolean allow_other;  /* then default_permissions is on too */
} Options;

/* Fills @options (zeroed by the caller) from @argc/@argv and gives in @fuse_args what is left for
 * libfuse: fsname, subtype, allow_other, nosuid and mount's other words. Unknown options are
 * IMAPFS_ERROR_USAGE, naming the option and, where one is close, the one that may be meant. With
 * show_help or show_version nothing else is filled; after an error @options is cleared. */
gboolean options_parse(Options *options, int argc, char **argv, struct fuse_args *fuse_args,
                       GError **error);

void options_clear(Options *options);

/* The text of --help, for stdout. */
const char *options_help(void);
