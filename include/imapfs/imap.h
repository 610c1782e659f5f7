/*
 * imap.h: the Remote that speaks IMAP. Only the program's main() calls this; everything else knows
 * a Remote (remote.h).
 */
#pragma once

#include "imapfs/remote.h"

typedef enum { IMAP_TLS_IMPLICIT, IMAP_TLS_STARTTLS, IMAP_TLS_NONE } ImapTls;

/* COMPRESS=DEFLATE (RFC 4978), where the server offers it. */
typedef enum {
	IMAP_COMPRESS_AUTO, /* once the line has turned out to be slow */
	IMAP_COMPRESS_ON,
	IMAP_COMPRESS_OFF,
} ImapCompress;

typedef struct {
	char *host; /* name or address */
	guint16 port;
	ImapTls tls;
	char *ca_file; /* PEM, or NULL: the system's */
	ImapCompress compress;
	char *user;
	char *password;      /* wiped when the Remote is freed */
	gboolean read_only;  /* EXAMINE instead of SELECT */
	guint n_connections; /* at the most */
	gboolean offline;    /* never connect: everything ends with IMAPFS_ERROR_OFFLINE */
	gint64 timeout_us;   /* without progress */
} ImapSettings;

/* Takes what @settings points to as its own. IMAPFS_ERROR_TLS if the CA file cannot be used. */
Remote *imap_remote_new(ImapSettings *settings, GError **error);

/* Closes every connection; operations under way end with IMAPFS_ERROR_INTERRUPTED. */
void imap_remote_free(Remote *remote);

/* Makes the first connection and logs in, then calls @connected, with an error if that failed. After
 * IMAPFS_ERROR_OFFLINE and _TIMED_OUT further attempts follow by themselves, with growing delays. */
void imap_remote_connect(Remote *remote, void (*connected)(const GError *error, gpointer data),
                         gpointer data);
