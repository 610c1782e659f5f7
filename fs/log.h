/*
 * log.h: where messages go.
 *
 * Every layer logs with GLib (g_warning, g_message, g_info, g_debug) under a domain of its own
 * ("imap", "cache", "fs"). This installs the writer: stderr while in the foreground, else syslog.
 * -v shows g_info, -d g_debug as well.
 */
#pragma once

#include <glib.h>

/* Installs the writer; messages below the level are not even formatted where GLib can tell. */
void log_init(gboolean verbose, gboolean debug);

/* From now on to syslog (facility LOG_DAEMON, ident "imapfs", with the pid) and no longer to
 * stderr. */
void log_to_syslog(void);
