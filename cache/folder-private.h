/*
 * folder-private.h: what opening a folder and deleting it share.
 */
#pragma once

#include "folder.h"

struct Folder {
	int top_fd; /* imapfs/ */
	int fd;     /* imapfs/<account>/ */
	int lock_fd;
	char *name; /* of the account's folder */
	char *path;
};

/* As folder_open(); without @create, what is not there is IMAPFS_ERROR_NOT_FOUND. */
Folder *folder_open_locked(const char *base, const char *account, gboolean create, GError **error);
