/*
 * database.h: what the account's SQLite files have in common, whatever is in them.
 */
#pragma once

#include <sqlite3.h>

#include "folder.h"

/* Makes the file @name in @folder where it is missing, for its owner alone: SQLite would make it
 * readable for all, and gives its other files the permissions of this one. FALSE: it is not ours,
 * or the disk's error. */
gboolean database_make_private(const Folder *folder, const char *name, GError **error);

/* WAL, which is cut to @log_bytes when it was longer, and distrust of what the file says. An SQLite
 * result code. */
int database_configure(sqlite3 *db, guint log_bytes);
