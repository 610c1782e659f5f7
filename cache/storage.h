/*
 * storage.h: what of an account is kept on disk: the index, the message blocks, and the worker that
 * reads and writes them.
 */
#pragma once

#include "block-store.h"
#include "imapfs/account.h"
#include "index.h"

typedef struct {
	Disk *disk;
	Folder *folder;
	Index *index;
	BlockStore *blocks;
} Storage;

/* Opens the account's folder, making it where it is missing; waits for the disk. Says in the log
 * and returns NULL if that cannot be: another mount has it, or it cannot be used. */
Storage *storage_open(const AccountSettings *settings);

/* Waits until all is written. */
void storage_close(Storage *storage);
