/*
 * folder.h: the folder on disk where an account is kept from one mount to the next.
 *
 *     $XDG_CACHE_HOME/imapfs/user@example.org-993-0123456789ab/
 *         lock              held while a mount uses the folder
 *         index.sqlite      index.h
 *         journal.sqlite    journal.h
 *         blocks/, spool/
 *
 * It holds private mail: what another user could look into or has made is refused, and in
 * imapfs/ and below no symbolic link is followed. Nothing that a server says becomes a file name.
 * Used before serving begins; everything here may wait for the disk.
 */
#pragma once

#include "imapfs/error.h"

typedef struct Folder Folder;

/* Opens the folder of @account ("user@host:port") in @base/imapfs (NULL: the user's cache folder),
 * making what is not there, and locks it. IMAPFS_ERROR_EXISTS: another mount has it; any other
 * error: it cannot be used, and the words say what to do. */
Folder *folder_open(const char *base, const char *account, GError **error);

/* Unlocks it. */
void folder_close(Folder *folder);

/* A descriptor of the folder, for openat(); the folder's. */
int folder_fd(const Folder *folder);

/* Its path as it was when opened, absolute, through no symbolic link; the folder's. */
const char *folder_path(const Folder *folder);

/* Deletes what is kept of @account, by the names that imapfs gives to files and no others.
 * IMAPFS_ERROR_NOT_FOUND: nothing is kept; IMAPFS_ERROR_EXISTS: a mount is using it, nothing was
 * deleted; IMAPFS_ERROR_FAILED: some files were left, the message names them. */
gboolean folder_forget(const char *base, const char *account, GError **error);

/* The name of the account's folder: readable, and different for different accounts. At most 100
 * bytes of [A-Za-z0-9@._-], no leading dot. The caller frees it. */
char *folder_account_name(const char *account);
